//! Hits become bans, by log time alone. Reads no log, knows no clock and writes no list.
//!
//! What is banned is a function of the set of hits, not of their order:
//! - A rule's ban of a key falls on the hit that completes the first stretch of `findtime` that holds `maxretry` hits.
//!   Hits while it holds do not count and do not extend it; after it the rule begins anew.
//! - Bans of several rules stand side by side. One that begins while another holds is no further offence: the `nth` of a
//!   ban is one more than the highest of the key's bans that had ended when it began.
//! - A rule over bans (relapses, neighbours) takes them as its hits, dated to their beginning, and escalates by its own
//!   earlier bans only: its ban stands for offences that were counted already.
//!
//! A hit counts when it is at most the lateness older than the newest one of its key; older ones are counted as late
//! and left out. A late hit can only complete a stretch earlier: the ban that was decided then moves to that date, by
//! the lateness at most, with its end and, if an earlier ban still held by then, a lower `nth`. The lateness is at most
//! half of the shortest `bantime`, so when a ban ends nothing before its end can change any more: no other ban's
//! `nth` rests on one that may still move, and no ban of a rule that counts hits is taken back. A ban over bans is
//! taken back when one that it counted moves to before the end of the ban before, so that it no longer counts.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::IpAddr;

use super::ban::{Ban, Counts, Hit, LONGEST_US, Threshold};
use super::evidence::Evidence;
use super::floor::Floor;
use super::network::Network;
use super::window::{Counted, Window};

/// What one line of IPv6 customers has at least: one key.
const IPV6_PREFIX: u8 = 64;
/// IPv6 networks where one /64 is many clients: the IPv4 Internet behind NAT64 (RFC 6052), Teredo servers (RFC 4380).
const SHARED: [(u128, u8); 2] = [(0x64_ff9b << 96, 96), (0x2001 << 112, 32)];
/// Bans that are kept of one key: more than a day of half-hour bans.
pub const BANS_OF_KEY: usize = 64;
/// Of a full table this part is let go of at once, so that a flood of new clients costs each of them little.
const EVICTED_PART: usize = 8;

/// How much is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// See [`Decider::lateness_us`].
    pub lateness_us: i64,
    /// A ban that ended so long ago no longer makes the next one longer.
    pub remember_us: i64,
    /// Clients whose hits are kept.
    pub keys: usize,
    /// Hits that are kept of all of them.
    pub hits: usize,
    /// Clients whose bans are kept.
    pub banned: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lateness_us: 60_000_000,
            remember_us: 30 * 86_400_000_000,
            keys: 100_000,
            hits: 1_000_000,
            banned: 100_000,
        }
    }
}

/// What became of a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept.
    Counted,
    /// It completed a stretch, or moved a ban to an earlier date.
    Banned,
    /// The rule's ban of the key holds already.
    WhileBanned,
    /// Too late.
    Late,
    /// From where nobody is ever banned.
    Spared,
    /// Of a rule that does not count hits.
    NoRule,
}

/// What did not count, and what had no room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct Tally {
    pub counted: u64,
    pub while_banned: u64,
    pub late: u64,
    pub spared: u64,
    /// Keys whose hits had no room: those hit longest ago.
    pub evicted_keys: u64,
    /// Keys whose bans had no room: those that end first.
    pub evicted_bans: u64,
}

/// By key. Keys are chosen by clients: the seed is random.
pub(super) type Table<T> = HashMap<Network, T, foldhash::quality::RandomState>;

/// The hits of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyHits {
    pub(super) newest_us: i64,
    /// When it was hit last, counted in hits.
    pub(super) turn: u64,
    pub(super) windows: Vec<(u16, Window)>,
}

/// A ban with what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct Decided {
    pub rule: u16,
    pub until_us: i64,
    pub nth: u32,
    /// The hit that completed the stretch: the ban begins with it.
    pub completed_by: Counted,
    pub evidence: Evidence,
}

impl Decided {
    /// When it begins, microseconds since 1970.
    #[must_use]
    pub fn from_us(&self) -> i64 {
        self.completed_by.at_us
    }
}

/// Decides who is banned, from when and until when.
#[derive(Debug, Clone)]
pub struct Decider {
    pub(super) rules: Vec<Threshold>,
    pub(super) floor: Floor,
    pub(super) limits: Limits,
    pub(super) lateness_us: i64,
    pub(super) keys: Table<KeyHits>,
    pub(super) bans: Table<Vec<Decided>>,
    pub(super) turn: u64,
    pub(super) held: usize,
    pub(super) tally: Tally,
}

impl Decider {
    /// Rules in the order that [`Hit::rule`] counts.
    #[must_use]
    pub fn new(rules: Vec<Threshold>, floor: Floor, limits: Limits) -> Self {
        let rules: Vec<_> = rules.into_iter().map(Threshold::within_limits).collect();
        let shortest = rules.iter().map(|rule| rule.bantime_us / 2).min();
        let over_bans = rules.iter().filter(|rule| !rule.counts.is_of_hits());
        let shortest = shortest.into_iter().chain(over_bans.map(|rule| rule.findtime_us)).min();
        let lateness_us = limits.lateness_us.clamp(0, shortest.unwrap_or(LONGEST_US));
        let (keys, bans) = (Table::default(), Table::default());
        Self { rules, floor, limits, lateness_us, keys, bans, turn: 0, held: 0, tally: Tally::default() }
    }

    /// A hit counts if it is no more than this older than the newest of its key, microseconds: what [`Limits`] says,
    /// but at most half of the shortest `bantime` and the shortest `findtime` of a rule over bans.
    #[must_use]
    pub fn lateness_us(&self) -> i64 {
        self.lateness_us
    }

    /// What did not count so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Takes a hit.
    pub fn add(&mut self, hit: Hit) -> Outcome {
        if !self.rules.get(usize::from(hit.rule)).is_some_and(|rule| rule.counts.is_of_hits()) {
            return Outcome::NoRule;
        }
        let key = key(hit.client);
        let counted = Counted { at_us: hit.at_us, place: hit.place, distinct: hit.distinct };
        let outcome =
            if self.floor.touches(key) { Outcome::Spared } else { self.take(key, hit.rule, counted) };
        match outcome {
            Outcome::Counted | Outcome::Banned => self.tally.counted += 1,
            Outcome::WhileBanned => self.tally.while_banned += 1,
            Outcome::Late => self.tally.late += 1,
            Outcome::Spared => self.tally.spared += 1,
            Outcome::NoRule => {}
        }
        self.evict();
        outcome
    }

    /// All bans that are kept, by network, rule and time; those too that have ended.
    #[must_use]
    pub fn bans(&self) -> Vec<Ban> {
        let all = self.bans.iter().flat_map(|(network, bans)| bans.iter().map(|ban| self.ban(*network, ban)));
        let mut all: Vec<Ban> = all.collect();
        all.sort_unstable();
        all
    }

    /// The bans that this address was or is under, and why, by time.
    pub fn explain(&self, client: IpAddr) -> Vec<(Ban, &Evidence)> {
        let networks =
            self.bans.iter().filter(|(network, _)| network.contains(Network::host(client).address()));
        let all = networks
            .flat_map(|(network, bans)| bans.iter().map(|ban| (self.ban(*network, ban), &ban.evidence)));
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by(|a, b| (a.0.from_us, &a.0).cmp(&(b.0.from_us, &b.0)));
        all
    }

    /// Forgets a network's bans and hits, and those of the keys in it. How many bans that were.
    pub fn remove(&mut self, network: Network) -> usize {
        let before: usize = self.bans.values().map(Vec::len).sum();
        self.bans.retain(|banned, _| !network.covers(*banned));
        self.keys.retain(|key, _| !network.covers(*key));
        self.settle_tables();
        before - self.bans.values().map(Vec::len).sum::<usize>()
    }

    fn ban(&self, network: Network, ban: &Decided) -> Ban {
        Ban {
            network,
            rule: self.rules[usize::from(ban.rule)].name.clone(),
            from_us: ban.from_us(),
            until_us: ban.until_us,
            hits: ban.evidence.counted(),
            nth: ban.nth,
        }
    }

    fn take(&mut self, key: Network, rule: u16, hit: Counted) -> Outcome {
        let Some(settled_us) = self.advance(key, hit.at_us) else { return Outcome::Late };
        let (floor_us, unsettled) = self.standing(key, rule, settled_us);
        if hit.at_us < floor_us || unsettled.is_some_and(|completed_by| hit > completed_by) {
            return Outcome::WhileBanned;
        }
        let (words, Some(held)) = (&self.rules[usize::from(rule)], self.keys.get_mut(&key)) else {
            return Outcome::Late;
        };
        self.held -= held.held();
        let window = held.window(rule);
        window.insert(hit, words);
        window.forget_before(floor_us.max(settled_us.saturating_sub(words.findtime_us)));
        let completed = window.complete(words, floor_us.max(hit.at_us.saturating_sub(words.findtime_us)));
        self.held += held.held();
        let Some((completed_by, evidence)) = completed else { return Outcome::Counted };
        self.decide(key, rule, settled_us, Some((completed_by, evidence)));
        Outcome::Banned
    }

    /// The key's clock goes on. From when on its hits count; nothing for a hit before that.
    fn advance(&mut self, key: Network, at_us: i64) -> Option<i64> {
        self.turn += 1;
        let bans = &self.bans;
        let held = self.keys.entry(key).or_insert_with(|| {
            // Its hits may have had no room while its bans had.
            let last = bans.get(&key).into_iter().flatten().map(Decided::from_us).max();
            KeyHits { newest_us: last.unwrap_or(at_us), turn: 0, windows: Vec::new() }
        });
        held.turn = self.turn;
        held.newest_us = held.newest_us.max(at_us);
        let settled_us = held.newest_us.saturating_sub(self.lateness_us);
        (at_us >= settled_us).then_some(settled_us)
    }

    /// Until when the rule's last ban that can no longer move holds, and what completed the one that can.
    fn standing(&self, key: Network, rule: u16, settled_us: i64) -> (i64, Option<Counted>) {
        let own = self.bans.get(&key).into_iter().flatten().filter(|ban| ban.rule == rule);
        own.fold((i64::MIN, None), |(floor_us, unsettled), ban| {
            if ban.from_us() < settled_us {
                (floor_us.max(ban.until_us), unsettled)
            } else {
                (floor_us, Some(ban.completed_by))
            }
        })
    }

    /// Writes down the ban that follows from the hits, in place of the one that they made before.
    fn decide(&mut self, key: Network, rule: u16, settled_us: i64, completed: Option<(Counted, Evidence)>) {
        let of_hits = self.rules[usize::from(rule)].counts.is_of_hits();
        let new = completed.map(|(completed_by, evidence)| self.lengthen(key, rule, completed_by, evidence));
        let new_hit = new.as_ref().map(|ban| ban.completed_by);
        let bans = self.bans.entry(key).or_default();
        let old = bans.iter().position(|ban| ban.rule == rule && ban.from_us() >= settled_us);
        let old_hit = old.map(|place| bans.remove(place).completed_by);
        if let Some(new) = new {
            let place = bans.partition_point(|ban| (ban.from_us(), ban.rule) < (new.from_us(), rule));
            bans.insert(place, new);
        }
        self.forget_bans(key, settled_us);
        if let Some(new_hit) = new_hit.filter(|_| of_hits && old_hit != new_hit) {
            self.count_relapses(key, settled_us);
            self.count_neighbours(key, old_hit, new_hit);
        }
    }

    /// Gives a ban its number and its length.
    fn lengthen(&self, key: Network, rule: u16, completed_by: Counted, evidence: Evidence) -> Decided {
        let words = &self.rules[usize::from(rule)];
        let of_hits = words.counts.is_of_hits();
        let is_alike = |ban: &&Decided| {
            if of_hits { self.rules[usize::from(ban.rule)].counts.is_of_hits() } else { ban.rule == rule }
        };
        let from_us = completed_by.at_us;
        let remembered_us = from_us.saturating_sub(self.limits.remember_us);
        let ended = self.bans.get(&key).into_iter().flatten().filter(is_alike);
        let ended = ended.filter(|ban| ban.until_us <= from_us && ban.until_us > remembered_us);
        let nth = ended.map(|ban| ban.nth).max().map_or(1, |nth| nth.saturating_add(1));
        let until_us = from_us.saturating_add(words.length_us(nth));
        Decided { rule, until_us, nth, completed_by, evidence }
    }

    /// Lets go of bans of a key that nothing rests on any more.
    fn forget_bans(&mut self, key: Network, settled_us: i64) {
        let over_bans = self.rules.iter().filter(|rule| !rule.counts.is_of_hits());
        let longest_us = over_bans.map(|rule| rule.findtime_us).max().unwrap_or(0);
        let forgotten_us = settled_us.saturating_sub(longest_us.max(self.limits.remember_us));
        let Some(bans) = self.bans.get_mut(&key) else { return };
        bans.retain(|ban| ban.until_us > forgotten_us);
        while bans.len() > BANS_OF_KEY {
            let ended = bans.iter().position(|ban| ban.until_us <= settled_us);
            bans.remove(ended.unwrap_or(0));
        }
        if bans.is_empty() {
            self.bans.remove(&key);
        }
    }

    /// Looks at all bans of a key again for the rules that count relapses.
    fn count_relapses(&mut self, key: Network, settled_us: i64) {
        for rule in 0..self.rules.len() {
            let Ok(place) = u16::try_from(rule) else { return };
            if self.rules[rule].counts != Counts::Relapses {
                continue;
            }
            let (floor_us, unsettled) = self.standing(key, place, settled_us);
            let bans = self.bans.get(&key).into_iter().flatten();
            let bans = bans.filter(|ban| self.rules[usize::from(ban.rule)].counts.is_of_hits());
            let mut hits: Vec<_> =
                bans.map(|ban| Counted { distinct: u64::from(ban.nth), ..ban.completed_by }).collect();
            hits.sort_unstable();
            let floor_us = floor_us.max(settled_us.saturating_sub(self.rules[rule].findtime_us));
            let completed = Window { hits }.complete(&self.rules[rule], floor_us);
            if completed.is_some() || unsettled.is_some() {
                self.decide(key, place, settled_us, completed);
            }
        }
    }

    /// A ban of an IPv6 key is a hit on the networks around it.
    fn count_neighbours(&mut self, key: Network, old: Option<Counted>, new: Counted) {
        let IpAddr::V6(address) = key.address() else { return };
        if key.prefix() != IPV6_PREFIX {
            return;
        }
        let distinct = (address.to_bits() >> 64) as u64;
        for rule in 0..self.rules.len() {
            let (Ok(place), Counts::Neighbours(prefix)) = (u16::try_from(rule), self.rules[rule].counts)
            else {
                continue;
            };
            let Some(around) = around(key, prefix).filter(|around| !self.floor.touches(*around)) else {
                continue;
            };
            self.take_neighbour(
                around,
                place,
                old.map(|old| Counted { distinct, ..old }),
                Counted { distinct, ..new },
            );
        }
    }

    /// As [`Self::take`], of a ban that may have moved: it may now be before the end of an earlier ban, so that what it
    /// completed has to be looked at again.
    fn take_neighbour(&mut self, around: Network, rule: u16, old: Option<Counted>, new: Counted) {
        let Some(settled_us) = self.advance(around, new.at_us) else { return };
        let (floor_us, unsettled) = self.standing(around, rule, settled_us);
        let (words, Some(held)) = (&self.rules[usize::from(rule)], self.keys.get_mut(&around)) else {
            return;
        };
        self.held -= held.held();
        let window = held.window(rule);
        if let Some(old) = old {
            window.remove(old);
        }
        window.insert(new, words);
        let since_us = floor_us.max(settled_us.saturating_sub(words.findtime_us));
        window.forget_before(since_us);
        let completed = window.complete(words, since_us);
        self.held += held.held();
        if completed.is_some() || unsettled.is_some() {
            self.decide(around, rule, settled_us, completed);
        }
    }

    /// After both tables were read.
    pub(super) fn settle_tables(&mut self) {
        self.held = self.keys.values().map(KeyHits::held).sum();
        self.evict();
    }

    /// Keeps the tables within their limits.
    fn evict(&mut self) {
        while self.keys.len() > self.limits.keys.max(1)
            || self.held > self.limits.hits.max(1) && self.keys.len() > 1
        {
            let turns = self.keys.values().map(|held| held.turn).collect();
            let before = self.keys.len();
            let last = first_part(turns);
            self.keys.retain(|_, held| held.turn > last);
            self.held = self.keys.values().map(KeyHits::held).sum();
            self.tally.evicted_keys += (before - self.keys.len()) as u64;
        }
        while self.bans.len() > self.limits.banned.max(1) {
            let end =
                |network: &Network, bans: &[Decided]| (bans.iter().map(|ban| ban.until_us).max(), *network);
            let before = self.bans.len();
            let last = first_part(self.bans.iter().map(|(network, bans)| end(network, bans)).collect());
            self.bans.retain(|network, bans| end(network, bans) > last);
            self.tally.evicted_bans += (before - self.bans.len()) as u64;
        }
    }
}

impl KeyHits {
    fn window(&mut self, rule: u16) -> &mut Window {
        let place = match self.windows.binary_search_by_key(&rule, |(of, _)| *of) {
            Ok(place) => place,
            Err(place) => {
                self.windows.insert(place, (rule, Window::default()));
                place
            }
        };
        &mut self.windows[place].1
    }

    pub(super) fn held(&self) -> usize {
        self.windows.iter().map(|(_, window)| window.hits.len()).sum()
    }
}

/// The last of the smallest part of a table that is let go of at once.
fn first_part<T: Ord + Copy>(mut all: Vec<T>) -> T {
    let last = (all.len() / EVICTED_PART).max(1) - 1;
    *all.select_nth_unstable(last).1
}

/// Who a client is: an IPv4 address, an IPv6 /64.
#[must_use]
pub fn key(client: IpAddr) -> Network {
    let host = Network::host(client);
    let IpAddr::V6(address) = host.address() else { return host };
    let is_in =
        |(network, prefix): (u128, u8)| (address.to_bits() ^ network) >> (128 - u32::from(prefix)) == 0;
    if SHARED.into_iter().any(is_in) { host } else { around(host, IPV6_PREFIX).unwrap_or(host) }
}

/// The network of this prefix that an IPv6 network is in.
fn around(network: Network, prefix: u8) -> Option<Network> {
    let IpAddr::V6(address) = network.address() else { return None };
    let host_bits = 128 - u32::from(prefix.min(128));
    let first = address.to_bits().checked_shr(host_bits)?.checked_shl(host_bits)?;
    Network::new(IpAddr::V6(first.into()), prefix)
}
