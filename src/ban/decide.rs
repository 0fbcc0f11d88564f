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

mod key;
mod room;

use std::net::IpAddr;

use super::ban::{Counts, Hit, LONGEST_US, Threshold};
use super::evidence::Evidence;
use super::floor::Floor;
use super::network::Network;
use super::window::{Counted, Window};
pub use key::key;
pub(super) use key::{Held, KeyHits, Table, key_around};
use key::{Taken, of_key, standing};

/// Bans that are kept of one key: more than a day of half-hour bans.
pub const BANS_OF_KEY: usize = 64;
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
    /// Bans that are kept of all of them.
    pub bans: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lateness_us: 60_000_000,
            remember_us: 30 * 86_400_000_000,
            keys: 100_000,
            hits: 500_000,
            banned: 100_000,
            bans: 100_000,
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
    /// Keys whose hits had no room though they might have counted: those hit longest ago.
    pub evicted_keys: u64,
    /// Keys whose bans had no room: those that end first.
    pub evicted_bans: u64,
}

impl Tally {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Counted | Outcome::Banned => self.counted += 1,
            Outcome::WhileBanned => self.while_banned += 1,
            Outcome::Late => self.late += 1,
            Outcome::Spared => self.spared += 1,
            Outcome::NoRule => {}
        }
    }
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
    /// The newest of all hits.
    pub(super) newest_us: i64,
    /// Hits in all windows, and bans of all keys.
    pub(super) held: usize,
    pub(super) bans_held: usize,
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
        Self {
            rules,
            floor,
            limits,
            lateness_us,
            keys: Table::default(),
            bans: Table::default(),
            turn: 0,
            newest_us: i64::MIN,
            held: 0,
            bans_held: 0,
            tally: Tally::default(),
        }
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
        self.take(&[hit]).1
    }

    /// Takes hits one after the other, each run of one client's with one look for its key.
    pub fn add_all(&mut self, mut hits: &[Hit]) {
        while !hits.is_empty() {
            let (taken, _) = self.take(hits);
            hits = &hits[taken..];
        }
    }

    /// Forgets a network's bans and hits, and those of the keys in it. How many bans that were.
    pub fn remove(&mut self, network: Network) -> usize {
        let before: usize = self.bans.values().map(Vec::len).sum();
        self.bans.retain(|banned, _| !network.covers(*banned));
        self.keys.retain(|key, _| !network.covers(*key));
        self.settle_tables();
        before - self.bans.values().map(Vec::len).sum::<usize>()
    }

    /// Takes the first hit, and those of its client that follow it while they ban nobody. How many, and what became of
    /// the last of them.
    fn take(&mut self, hits: &[Hit]) -> (usize, Outcome) {
        let Self { rules, floor, limits, lateness_us, keys, bans, tally, .. } = self;
        let words_of = |hit: &Hit| rules.get(usize::from(hit.rule)).filter(|rule| rule.counts.is_of_hits());
        let first = &hits[0];
        if words_of(first).is_none() {
            return (1, Outcome::NoRule);
        }
        let key = key(first.client);
        let has_room = keys.len() < limits.keys;
        let Some(held) = of_key(keys, bans, floor, key, first.at_us) else {
            tally.count(Outcome::Spared);
            return (1, Outcome::Spared);
        };
        let bans = if held.has_bans { bans.get(&key).map(Vec::as_slice) } else { None };
        let (mut count, mut outcome) = (0, Outcome::NoRule);
        for hit in hits.iter().take_while(|hit| hit.client == first.client) {
            let Some(words) = words_of(hit) else { break };
            count += 1;
            self.turn += 1;
            held.turn = self.turn;
            self.newest_us = self.newest_us.max(hit.at_us);
            let taken = held.take(hit, words, bans.unwrap_or_default(), *lateness_us, &mut self.held);
            outcome = taken.outcome();
            tally.count(outcome);
            if let Taken::Completed(settled_us, completed) = taken {
                self.decide(key, hit.rule, settled_us, Some(completed));
                break;
            }
            if !has_room || self.held > limits.hits {
                break;
            }
        }
        self.evict();
        (count, outcome)
    }

    /// Writes down the ban that follows from the hits, in place of the one that they made before.
    fn decide(&mut self, key: Network, rule: u16, settled_us: i64, completed: Option<(Counted, Evidence)>) {
        let of_hits = self.rules[usize::from(rule)].counts.is_of_hits();
        let new = completed.map(|(completed_by, evidence)| self.lengthen(key, rule, completed_by, evidence));
        let new_hit = new.as_ref().map(|ban| ban.completed_by);
        if let Some(held) = self.keys.get_mut(&key) {
            held.has_bans = true;
        }
        // Most have one ban.
        let bans = self.bans.entry(key).or_insert_with(|| Vec::with_capacity(1));
        self.bans_held -= bans.len();
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
        self.bans_held += bans.len();
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
            let bans = self.bans.get(&key).map_or(&[][..], Vec::as_slice);
            let (floor_us, unsettled) = standing(bans, place, settled_us);
            let hits = self.relapses(bans);
            let mut window = Window { hits: hits.into() };
            let floor_us = floor_us.max(settled_us.saturating_sub(self.rules[rule].findtime_us));
            let completed = window.complete(&self.rules[rule], floor_us);
            if completed.is_some() || unsettled.is_some() {
                self.decide(key, place, settled_us, completed);
            }
        }
    }

    /// A ban of an IPv6 key is a hit on the networks around it.
    fn count_neighbours(&mut self, key: Network, old: Option<Counted>, new: Counted) {
        let IpAddr::V6(address) = key.address() else { return };
        let distinct = (address.to_bits() >> 64) as u64;
        for rule in 0..self.rules.len() {
            let (Ok(place), Counts::Neighbours(prefix)) = (u16::try_from(rule), self.rules[rule].counts)
            else {
                continue;
            };
            let Some(around) = key_around(key, prefix) else { continue };
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
        self.turn += 1;
        let Self { keys, bans, rules, .. } = self;
        let Some(held) = of_key(keys, bans, &self.floor, around, new.at_us) else { return };
        held.turn = self.turn;
        let Some(settled_us) = held.advance(new.at_us, self.lateness_us) else { return };
        let own = bans.get(&around).map_or(&[][..], Vec::as_slice);
        let (floor_us, unsettled) = standing(own, rule, settled_us);
        let words = &rules[usize::from(rule)];
        let window = held.hits.window(rule);
        self.held -= window.hits.len();
        if let Some(old) = old {
            window.remove(old);
        }
        let since_us = floor_us.max(settled_us.saturating_sub(words.findtime_us));
        window.insert(new, words);
        window.forget_before(since_us);
        let completed = window.complete(words, since_us);
        self.held += window.hits.len();
        if completed.is_some() || unsettled.is_some() {
            self.decide(around, rule, settled_us, completed);
        }
    }
}
