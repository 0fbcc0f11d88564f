//! What the tables of a decider have no room for. Decides nothing.

use super::super::network::Network;
use super::key::IPV6_PREFIX;
use super::{Decided, Decider, key_around};
use std::collections::{BTreeSet, HashSet};

/// Of a full table this part is let go of at once, so that a flood of new clients costs each of them little.
const EVICTED_PART: usize = 4;

impl Decider {
    /// After both tables were changed as a whole.
    pub(in crate::ban) fn settle_tables(&mut self) {
        self.held = self.keys.values().map(|held| held.hits.len()).sum();
        self.bans_held = self.bans.values().map(Vec::len).sum();
        for (key, held) in &mut self.keys {
            held.has_bans = self.bans.contains_key(key);
        }
        self.evict();
    }

    /// Keeps the tables within their limits.
    pub(super) fn evict(&mut self) {
        while self.has_too_many_hits() {
            self.evict_keys();
        }
        while self.has_too_many_bans() {
            if !self.let_go_inside_banned() {
                self.evict_bans();
            }
        }
    }

    fn has_too_many_hits(&self) -> bool {
        let (keys, limits) = (self.keys.len(), &self.limits);
        keys > limits.keys.max(1) || self.held > limits.hits.max(1) && keys > 1
    }

    fn has_too_many_bans(&self) -> bool {
        let (keys, limits) = (self.bans.len(), &self.limits);
        keys > limits.banned.max(1) || self.bans_held > limits.bans.max(1) && keys > 1
    }

    fn evict_keys(&mut self) {
        let last = first_part(self.keys.values().map(|held| held.turn).collect());
        let counts_from_us = self.newest_us.saturating_sub(self.lateness_us);
        let Self { keys, rules, .. } = self;
        keys.retain(|_, held| {
            let is_kept = held.turn > last;
            if !is_kept {
                self.held -= held.hits.len();
                let may_count = held.hits.has_newest(|rule, hit| {
                    let findtime_us = rules[usize::from(rule)].findtime_us;
                    hit.at_us.saturating_add(findtime_us) >= counts_from_us
                });
                self.tally.evicted_keys += u64::from(may_count);
            }
            is_kept
        });
    }

    /// Lets go of bans inside a network that is banned as a whole: else a client that goes through its network would push
    /// out the bans of others. Whether there were any.
    fn let_go_inside_banned(&mut self) -> bool {
        let newest_us = self.newest_us;
        let is_wide = |network: &Network| network.address().is_ipv6() && network.prefix() < IPV6_PREFIX;
        let holds = |bans: &[Decided]| bans.iter().any(|ban| ban.until_us > newest_us);
        let wide: HashSet<Network> = self
            .bans
            .iter()
            .filter(|(network, bans)| is_wide(network) && holds(bans))
            .map(|(network, _)| *network)
            .collect();
        let prefixes: BTreeSet<u8> = wide.iter().map(|network| network.prefix()).collect();
        let before = self.bans.len();
        self.bans.retain(|network, bans| {
            let is_inside = network.prefix() >= IPV6_PREFIX
                && prefixes
                    .iter()
                    .any(|prefix| key_around(*network, *prefix).is_some_and(|around| wide.contains(&around)));
            if is_inside {
                self.bans_held -= bans.len();
            }
            !is_inside
        });
        self.bans.len() < before
    }

    fn evict_bans(&mut self) {
        let end = |network: &Network, bans: &[Decided]| (bans.iter().map(|ban| ban.until_us).max(), *network);
        let last = first_part(self.bans.iter().map(|(network, bans)| end(network, bans)).collect());
        self.bans.retain(|network, bans| {
            let is_kept = end(network, bans) > last;
            if !is_kept {
                self.bans_held -= bans.len();
                self.tally.evicted_bans += 1;
            }
            is_kept
        });
    }
}

/// The last of the smallest part of a table that is let go of at once.
fn first_part<T: Ord + Copy>(mut all: Vec<T>) -> T {
    let last = (all.len() / EVICTED_PART).max(1) - 1;
    *all.select_nth_unstable(last).1
}
