//! Hits of one key by one rule as a set in log time: the first stretch of `findtime` that holds `maxretry`. Knows no
//! bans and no clock.
//!
//! Hits are kept in order of time, those of one instant in order of their place, so that a stretch is completed by one
//! hit whichever came first. What is let go of can never matter again:
//! - hits after the one that completes the first stretch: a further hit can only complete one earlier (bans that count as
//!   hits may move, so of them all are kept while the ban may);
//! - of a value that came three times within `findtime` the one in the middle: any stretch that holds it and ends before
//!   the last holds the first, any other holds the last, and it is never the hit that completes a first stretch;
//! - hits that no stretch reaches which a hit within the lateness could complete (`Window::forget_before`).
//!
//! So there are fewer than `maxretry` hits (twice that of distinct values) in any `findtime`.

use std::collections::{HashMap, VecDeque};

use super::ban::{Counts, Threshold};
use super::evidence::Evidence;

/// Room for this many hits is kept when hits are let go of.
const ROOM_KEPT: usize = 16;

/// A hit that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    /// Log time, microseconds since 1970.
    pub at_us: i64,
    /// File and offset of its line.
    pub place: (u32, u64),
    /// Hash of the value that is counted.
    pub distinct: u64,
}

/// The hits of one key by one rule that may still matter, ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) hits: VecDeque<Counted>,
}

/// Hits of a stretch that is no longer than the rule's `findtime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Hits, or different values.
    pub count: u32,
    /// Time of the first, microseconds since 1970.
    pub from_us: i64,
    /// Time of the last.
    pub to_us: i64,
}

impl Window {
    /// Takes a hit. Can a stretch be complete now that was not?
    pub(super) fn insert(&mut self, hit: Counted, rule: &Threshold) -> bool {
        if self.hits.capacity() == 0 {
            // Most keys are hit once.
            self.hits.reserve_exact(1);
        }
        let at = match self.hits.back() {
            Some(newest) if *newest > hit => self.hits.partition_point(|held| *held <= hit),
            _ => self.hits.len(),
        };
        if at == self.hits.len() {
            self.hits.push_back(hit);
        } else {
            self.hits.insert(at, hit);
        }
        rule.counts != Counts::Distinct || self.thin(at, rule.findtime_us)
    }

    /// Takes back a hit that was taken.
    pub(super) fn remove(&mut self, hit: Counted) {
        if let Ok(at) = self.hits.binary_search(&hit) {
            self.hits.remove(at);
        }
    }

    /// Lets go of what the new hit makes needless: itself between two of its value, or one of its neighbours. Can it
    /// complete a stretch?
    fn thin(&mut self, at: usize, findtime_us: i64) -> bool {
        let new = self.hits[at];
        let near = |hit: &Counted| hit.at_us.abs_diff(new.at_us) <= findtime_us.unsigned_abs();
        let alike = |(_, hit): &(usize, &Counted)| hit.distinct == new.distinct;
        let earlier = self.hits.range(..at).enumerate().rev();
        let mut earlier = earlier.take_while(|(_, hit)| near(hit)).filter(alike).map(|(place, _)| place);
        let before = [earlier.next(), earlier.next()];
        let later = self.hits.range(at + 1..).enumerate();
        let mut later = later.take_while(|(_, hit)| near(hit)).filter(alike).map(|(place, _)| at + 1 + place);
        let after = [later.next(), later.next()];
        let is_newest = at + 1 == self.hits.len();
        let span_us = |first: usize, last: usize| self.hits[last].at_us.abs_diff(self.hits[first].at_us);
        if let (Some(first), Some(last)) = (before[0], after[0])
            && span_us(first, last) <= findtime_us.unsigned_abs()
        {
            self.hits.remove(at);
            return false;
        }
        // The later one first, so that the other's place stays right.
        for [middle, end] in [after, before] {
            if let (Some(middle), Some(_)) = (middle, end) {
                self.hits.remove(middle);
            }
        }
        // Without the newest hit, a stretch that ends with it has as many values, and was complete before.
        !(is_newest && before[0].is_some())
    }

    /// The hit that completes the first stretch of hits from `since_us` on, with the hits that counted. Lets go
    /// of all after it.
    pub(super) fn complete(&mut self, rule: &Threshold, since_us: i64) -> Option<(Counted, Evidence)> {
        let maxretry = rule.maxretry as usize;
        // The commonest answer, without a search.
        let latest_start = self.hits.len().checked_sub(maxretry)?;
        if self.hits[latest_start].at_us < since_us {
            return None;
        }
        let start = self.hits.partition_point(|hit| hit.at_us < since_us);
        let (last, evidence) = match rule.counts {
            Counts::Hits => first_stretch(&self.hits, start, rule),
            _ => first_distinct_stretch(&self.hits, start, rule),
        }?;
        // A ban that counts as a hit may still move to where it no longer counts.
        if rule.counts.is_of_hits() {
            self.hits.truncate(last + 1);
        }
        Some((self.hits[last], evidence))
    }

    /// How many hits there are from `since_us` on, and the first stretch that holds most; nothing if there are none.
    pub(super) fn best(&self, rule: &Threshold, since_us: i64) -> Option<(u32, Stretch)> {
        let start = self.hits.partition_point(|hit| hit.at_us < since_us);
        let mut best: Option<Stretch> = None;
        let mut stretches = Stretches::new(&self.hits, start, rule);
        while let Some(last) = stretches.next_last() {
            let count = u32::try_from(stretches.count).unwrap_or(u32::MAX);
            if best.is_none_or(|best| count > best.count) {
                let (from_us, to_us) = (self.hits[stretches.first].at_us, self.hits[last].at_us);
                best = Some(Stretch { count, from_us, to_us });
            }
        }
        best.map(|best| (u32::try_from(self.hits.len() - start).unwrap_or(u32::MAX), best))
    }

    /// Lets go of hits from before a time.
    pub(super) fn forget_before(&mut self, at_us: i64) {
        if self.hits.front().is_none_or(|oldest| oldest.at_us >= at_us) {
            return;
        }
        let old = self.hits.partition_point(|hit| hit.at_us < at_us);
        self.hits.drain(..old);
        if self.hits.capacity() / 4 > self.hits.len().max(ROOM_KEPT) {
            self.hits.shrink_to(2 * self.hits.len().max(ROOM_KEPT));
        }
    }
}

/// Place of the hit that completes the first stretch, and what counted.
fn first_stretch(hits: &VecDeque<Counted>, start: usize, rule: &Threshold) -> Option<(usize, Evidence)> {
    let maxretry = rule.maxretry as usize;
    let is_short = |first: &usize| {
        hits[first + maxretry - 1].at_us.abs_diff(hits[*first].at_us) <= rule.findtime_us.unsigned_abs()
    };
    let first = (start..=hits.len() - maxretry).find(is_short)?;
    Some((first + maxretry - 1, Evidence::new(hits.range(first..first + maxretry).copied())))
}

/// The same of distinct values; of each, its newest hit counts.
fn first_distinct_stretch(
    hits: &VecDeque<Counted>,
    start: usize,
    rule: &Threshold,
) -> Option<(usize, Evidence)> {
    let mut stretches = Stretches::new(hits, start, rule);
    while let Some(last) = stretches.next_last() {
        if stretches.count >= rule.maxretry as usize {
            let values = &mut stretches.values;
            let stretch = hits.range(stretches.first..=last).rev();
            let mut newest: Vec<_> = stretch.filter(|hit| values.remove(&hit.distinct).is_some()).collect();
            newest.reverse();
            return Some((last, Evidence::new(newest.into_iter().copied())));
        }
    }
    None
}

/// Goes over the stretches of `findtime`, each as long as the hit that it ends with allows.
struct Stretches<'h> {
    hits: &'h VecDeque<Counted>,
    findtime_us: u64,
    is_distinct: bool,
    /// How often each value is in the stretch, if values count.
    values: HashMap<u64, usize, foldhash::fast::RandomState>,
    first: usize,
    next: usize,
    /// Hits, or different values, in the stretch.
    count: usize,
}

impl<'h> Stretches<'h> {
    fn new(hits: &'h VecDeque<Counted>, start: usize, rule: &Threshold) -> Self {
        Self {
            hits,
            findtime_us: rule.findtime_us.unsigned_abs(),
            is_distinct: rule.counts != Counts::Hits,
            values: HashMap::default(),
            first: start,
            next: start,
            count: 0,
        }
    }

    /// The place of the hit that the next stretch ends with.
    fn next_last(&mut self) -> Option<usize> {
        let last = self.next;
        let hit = self.hits.get(last)?;
        self.next += 1;
        if self.is_distinct {
            *self.values.entry(hit.distinct).or_default() += 1;
        }
        while hit.at_us.abs_diff(self.hits[self.first].at_us) > self.findtime_us {
            let value = self.hits[self.first].distinct;
            if let Some(times) = self.values.get_mut(&value) {
                *times -= 1;
                if *times == 0 {
                    self.values.remove(&value);
                }
            }
            self.first += 1;
        }
        self.count = if self.is_distinct { self.values.len() } else { self.next - self.first };
        Some(last)
    }
}
