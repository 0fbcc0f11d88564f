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

use super::ban::{Counts, Threshold};
use super::evidence::Evidence;

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
    pub(super) hits: Vec<Counted>,
}

impl Window {
    /// Takes a hit.
    pub(super) fn insert(&mut self, hit: Counted, rule: &Threshold) {
        let at = self.hits.partition_point(|held| *held <= hit);
        self.hits.insert(at, hit);
        if rule.counts == Counts::Distinct {
            self.thin(at, rule.findtime_us);
        }
    }

    /// Takes back a hit that was taken.
    pub(super) fn remove(&mut self, hit: Counted) {
        if let Ok(at) = self.hits.binary_search(&hit) {
            self.hits.remove(at);
        }
    }

    /// Lets go of what the new hit makes needless: itself between two of its value, or one of its neighbours.
    fn thin(&mut self, at: usize, findtime_us: i64) {
        let new = self.hits[at];
        let near = |hit: &Counted| hit.at_us.abs_diff(new.at_us) <= findtime_us.unsigned_abs();
        let alike = |place: &usize| self.hits[*place].distinct == new.distinct;
        let mut before = (0..at).rev().take_while(|&place| near(&self.hits[place])).filter(alike);
        let before = [before.next(), before.next()];
        let mut after = (at + 1..self.hits.len()).take_while(|&place| near(&self.hits[place])).filter(alike);
        let after = [after.next(), after.next()];
        let span_us = |first: usize, last: usize| self.hits[last].at_us.abs_diff(self.hits[first].at_us);
        let is_between = match (before[0], after[0]) {
            (Some(first), Some(last)) => span_us(first, last) <= findtime_us.unsigned_abs(),
            _ => false,
        };
        if is_between {
            self.hits.remove(at);
            return;
        }
        // The later one first, so that the other's place stays right.
        for [middle, end] in [after, before] {
            if let (Some(middle), Some(_)) = (middle, end) {
                self.hits.remove(middle);
            }
        }
    }

    /// The hit that completes the first stretch of hits from `since_us` on, with the hits that counted. Lets go
    /// of all after it.
    pub(super) fn complete(&mut self, rule: &Threshold, since_us: i64) -> Option<(Counted, Evidence)> {
        let start = self.hits.partition_point(|hit| hit.at_us < since_us);
        if self.hits.len() - start < rule.maxretry as usize {
            return None;
        }
        let counted = match rule.counts {
            Counts::Hits => first_stretch(&self.hits[start..], rule),
            _ => first_distinct_stretch(&self.hits[start..], rule),
        }?;
        let last = *counted.last()?;
        // A ban that counts as a hit may still move to where it no longer counts.
        if rule.counts.is_of_hits() {
            self.hits.truncate(self.hits.partition_point(|hit| *hit <= last));
        }
        Some((last, Evidence::new(counted)))
    }

    /// Lets go of hits from before a time.
    pub(super) fn forget_before(&mut self, at_us: i64) {
        let old = self.hits.partition_point(|hit| hit.at_us < at_us);
        self.hits.drain(..old);
    }
}

fn first_stretch(hits: &[Counted], rule: &Threshold) -> Option<Vec<Counted>> {
    let maxretry = rule.maxretry as usize;
    let is_short = |stretch: &&[Counted]| {
        stretch[maxretry - 1].at_us.abs_diff(stretch[0].at_us) <= rule.findtime_us.unsigned_abs()
    };
    hits.windows(maxretry).find(is_short).map(<[Counted]>::to_vec)
}

/// The newest hit of each value of the stretch.
fn first_distinct_stretch(hits: &[Counted], rule: &Threshold) -> Option<Vec<Counted>> {
    let mut newest: Vec<Counted> = Vec::with_capacity(rule.maxretry as usize);
    for hit in hits {
        newest.retain(|held| {
            held.distinct != hit.distinct && hit.at_us.abs_diff(held.at_us) <= rule.findtime_us.unsigned_abs()
        });
        newest.push(*hit);
        if newest.len() >= rule.maxretry as usize {
            return Some(newest);
        }
    }
    None
}
