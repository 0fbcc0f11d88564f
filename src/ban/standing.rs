//! What was decided and what is held, for those who ask. Decides nothing.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use super::ban::{Ban, Counts, Threshold};
use super::decide::{Decided, Decider, key, key_around};
use super::evidence::Evidence;
use super::network::Network;
use super::window::{Counted, Stretch, Window};

/// How near an address is to a ban by one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Name of the rule.
    pub rule: String,
    /// Whose hits are counted together: the address, its /64, or the network around it.
    pub network: Network,
    /// Hits that are held and can still count; of rules over bans, bans.
    pub hits_held: u32,
    /// Hits that make a ban: the rule's `maxretry`.
    pub needed: u32,
    /// Stretch of `findtime` that holds most of them.
    pub best: Stretch,
    /// How many more it would have taken in that stretch.
    pub missing: u32,
}

/// How a ban came about, and how long it lasts, by the words of its rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Reckoning {
    /// Hits that counted, of those that the rule asks for.
    pub counted: u32,
    /// The rule's words now.
    pub words: Threshold,
    /// Time of the first hit that counted, microseconds since 1970.
    pub first_us: i64,
    /// Time of the last one, from which the ban holds.
    pub last_us: i64,
    /// Which ban of the key it is.
    pub nth: u32,
    /// `bantime × factor^(n−1)`, without the limit of `bantime_max`.
    pub unlimited_us: i64,
    /// How long the ban lasts.
    pub length_us: i64,
    /// First microsecond at which it is over.
    pub until_us: i64,
    /// Do the rule's words come to this ban? Not if they changed after it was decided.
    pub fits: bool,
}

impl Decider {
    /// All bans that are kept, by network, rule and time; those too that have ended.
    #[must_use]
    pub fn bans(&self) -> Vec<Ban> {
        self.bans_of(self.decided(|_| true))
    }

    /// The bans that are not over at this time, in the same order.
    #[must_use]
    pub fn bans_at(&self, now_us: i64) -> Vec<Ban> {
        self.bans_of(self.decided(|ban| ban.until_us > now_us))
    }

    /// The same, with what made each of them.
    #[must_use]
    pub fn explained_at(&self, now_us: i64) -> Vec<(Ban, &Evidence)> {
        let decided = self.decided(|ban| ban.until_us > now_us);
        decided.into_iter().map(|(network, ban)| (self.ban(network, ban), &ban.evidence)).collect()
    }

    /// The bans, of those that are kept, that begin from one time up to but not including another. One that moved is
    /// there once, with its last date.
    #[must_use]
    pub fn bans_between(&self, since_us: i64, until_us: i64) -> Vec<Ban> {
        self.bans_of(self.decided(|ban| (since_us..until_us).contains(&ban.from_us())))
    }

    /// The bans that this address was or is under, and why, by time.
    pub fn explain(&self, client: IpAddr) -> Vec<(Ban, &Evidence)> {
        self.bans_touching(Network::host(client))
    }

    /// The bans of networks around this one, of itself and of networks in it, and why, by time.
    #[must_use]
    pub fn bans_touching(&self, network: Network) -> Vec<(Ban, &Evidence)> {
        let touching =
            self.bans.iter().filter(|(banned, _)| banned.covers(network) || network.covers(**banned));
        let all = touching
            .flat_map(|(banned, bans)| bans.iter().map(|ban| (self.ban(*banned, ban), &ban.evidence)));
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by(|a, b| (a.0.from_us, &a.0).cmp(&(b.0.from_us, &b.0)));
        all
    }

    /// The arithmetic of a ban that [`Self::explain`] gave.
    #[must_use]
    pub fn reckon(&self, ban: &Ban, evidence: &Evidence) -> Option<Reckoning> {
        let words = self.rules.iter().find(|rule| rule.name == ban.rule)?.clone();
        let length_us = ban.until_us - ban.from_us;
        let stretch_us = ban.from_us.abs_diff(evidence.first_us());
        let fits = length_us == words.length_us(ban.nth)
            && evidence.counted() == words.maxretry
            && stretch_us <= words.findtime_us.unsigned_abs();
        Some(Reckoning {
            counted: evidence.counted(),
            first_us: evidence.first_us(),
            last_us: ban.from_us,
            nth: ban.nth,
            unlimited_us: words.unlimited_us(ban.nth),
            length_us,
            until_us: ban.until_us,
            fits,
            words,
        })
    }

    /// How near this address is to a ban, by each rule that holds hits that can still count, in order of the rules.
    #[must_use]
    pub fn standing_of(&self, client: IpAddr) -> Vec<Standing> {
        let rules = (0_u16..).zip(&self.rules);
        rules.filter_map(|(place, rule)| self.standing_by(key(client), place, rule)).collect()
    }

    fn standing_by(&self, key: Network, place: u16, rule: &Threshold) -> Option<Standing> {
        let network = match rule.counts {
            Counts::Neighbours(prefix) => key_around(key, prefix)?,
            _ => key,
        };
        let bans = self.bans.get(&network).map(Vec::as_slice).unwrap_or_default();
        // Hits from before the end of the rule's own ban count no more.
        let own = bans.iter().filter(|ban| ban.rule == place);
        let since_us = own.map(|ban| ban.until_us).max().unwrap_or(i64::MIN);
        let window = match rule.counts {
            Counts::Relapses => Window { hits: self.relapses(bans).into() },
            _ => {
                let windows = self.keys.get(&network)?.hits.windows();
                windows.iter().find(|(of, _)| *of == place)?.1.clone()
            }
        };
        let (hits_held, best) = window.best(rule, since_us)?;
        let missing = rule.maxretry.saturating_sub(best.count);
        Some(Standing { rule: rule.name.clone(), network, hits_held, needed: rule.maxretry, best, missing })
    }

    /// A key's bans as hits of the rules that count relapses.
    pub(super) fn relapses(&self, bans: &[Decided]) -> Vec<Counted> {
        let bans = bans.iter().filter(|ban| self.rules[usize::from(ban.rule)].counts.is_of_hits());
        let mut hits: Vec<_> =
            bans.map(|ban| Counted { distinct: u64::from(ban.nth), ..ban.completed_by }).collect();
        hits.sort_unstable();
        hits
    }

    /// Those wanted, by network, rule's name and time.
    fn decided(&self, is_wanted: impl Fn(&Decided) -> bool) -> Vec<(Network, &Decided)> {
        let all = self.bans.iter().flat_map(|(network, bans)| bans.iter().map(move |ban| (*network, ban)));
        let mut wanted: Vec<_> = all.filter(|(_, ban)| is_wanted(ban)).collect();
        // By place, names would be compared a million times.
        let mut by_name: Vec<_> = (0..self.rules.len()).collect();
        by_name.sort_unstable_by_key(|place| &self.rules[*place].name);
        let mut rank = vec![0; by_name.len()];
        by_name.into_iter().enumerate().for_each(|(of, place)| rank[place] = of);
        wanted.sort_unstable_by_key(|(network, ban)| (*network, rank[usize::from(ban.rule)], ban.from_us()));
        wanted
    }

    fn bans_of(&self, decided: Vec<(Network, &Decided)>) -> Vec<Ban> {
        decided.into_iter().map(|(network, ban)| self.ban(network, ban)).collect()
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
}
