//! Top lists in bounded memory: Misra and Gries' summary with its error stated.
//!
//! A list is exact until it holds more keys than its capacity. Then the count of the first key beyond the capacity is
//! taken from every key, and the keys left with nothing go: no key's true count is higher than its count plus the
//! sum of what was taken so, which is the stated error and at most requests / (capacity + 1).

use super::cells::{CountTable, sorted};
use super::keys::{KeyHasher, KeyTable};
use super::stored::{StoredEntry, StoredList};

/// Keys of a list, whether of an hour or of many: more than an ordinary site has of anything in an hour.
const CAPACITY: usize = 10_000;
/// A list may grow to so many times its capacity before it is brought back, since that costs a pass over all keys.
const SLACK: usize = 2;
/// In a list of more keys than this, only keys with so many requests get a latency sketch: the many that came a few
/// times would take most of the memory, and none of them can be among the slow ones.
const CROWDED: usize = 2_000;
const SKETCHED: u64 = 16;
/// Longest key, bytes. Longer values are counted together with those that begin alike.
pub(super) const KEY_LIMIT: usize = 256;
/// Buckets per power of two of the coarse latency sketch: within 6.3 %.
const COARSE_BITS: u32 = 3;
/// Values of a coarse bucket fit into this many bits.
pub(super) const COARSE_WIDTH: u32 = 9;

/// A top list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "see name")]
pub enum ListKind {
    Clients,
    Paths,
    Referrers,
    UserAgents,
    ErrorPaths,
    NotFound,
}

impl ListKind {
    /// All, in the order of the output.
    pub const ALL: [Self; 6] =
        [Self::Clients, Self::Paths, Self::Referrers, Self::UserAgents, Self::ErrorPaths, Self::NotFound];

    /// The name used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Paths => "paths",
            Self::Referrers => "referrers",
            Self::UserAgents => "user_agents",
            Self::ErrorPaths => "error_paths",
            Self::NotFound => "not_found",
        }
    }
}

/// What is counted for a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub requests: u64,
    pub bytes_sent: u64,
}

impl Tally {
    #[inline]
    pub fn add(&mut self, requests: u64, bytes_sent: u64) {
        self.requests += requests;
        self.bytes_sent = self.bytes_sent.saturating_add(bytes_sent);
    }
}

/// One key of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopEntry {
    /// As logged; an address is its 16 octets, see `ListKind::Clients`.
    pub key: Vec<u8>,
    /// A lower bound; the truth is at most `requests` plus the list's error.
    pub requests: u64,
    #[expect(missing_docs)]
    pub bytes_sent: u64,
    /// 95th percentile of the total time in microseconds, within 6.3 %, over the requests counted here.
    pub latency_p95_us: Option<u64>,
}

/// One list of one hour, or of many.
#[derive(Debug, Clone, Default)]
pub struct TopSummary {
    keys: KeyTable<Tally>,
    /// By place, then coarse bucket.
    latencies: CountTable,
    error: u64,
}

impl TopSummary {
    /// How much any count may be too low.
    #[must_use]
    pub fn error(&self) -> u64 {
        self.error
    }

    /// Adds to a key and returns its place, for [`add_latency`](Self::add_latency).
    pub(super) fn add(&mut self, hash: u64, key: &[u8], tally: Tally) -> u32 {
        let (at, _) = self.keys.place(hash, 0, key);
        self.keys.tally_mut(at).add(tally.requests, tally.bytes_sent);
        at
    }

    /// Adds to the latency sketch of the key at a place.
    #[inline]
    pub(super) fn add_latency(&mut self, at: u32, coarse: u32, count: u64) {
        if self.keys.len() > CROWDED && self.keys.tally_mut(at).requests < SKETCHED {
            return;
        }
        self.latencies.add_wide(at << COARSE_WIDTH | coarse, count);
    }

    /// Adds every key of another list, and its error. Both must have their hashes of the same hasher.
    pub fn merge(&mut self, other: &Self) {
        let mut places = Vec::with_capacity(other.keys.len());
        for entry in other.keys.entries() {
            let key = other.keys.key(entry);
            places.push(self.add(entry.hash, key, entry.tally));
        }
        for (at, coarse, count) in other.latencies() {
            self.add_latency(places[at], coarse, count);
        }
        self.error += other.error;
    }

    /// Adds every key of a list at rest, and its error.
    pub(super) fn merge_stored(&mut self, stored: &StoredList, hasher: &KeyHasher) {
        let mut places = Vec::with_capacity(stored.entries.len());
        for entry in &stored.entries {
            places.push(self.add(hasher.hash(0, &entry.key), &entry.key, entry.tally));
        }
        for (entry, at) in stored.entries.iter().zip(places) {
            entry.latencies.iter().for_each(|&(coarse, count)| self.add_latency(at, coarse, count));
        }
        self.error += stored.error;
    }

    /// Requests of the key at this rank, from 0; `None` when there are no more keys than that.
    pub(super) fn requests_at(&self, rank: usize) -> Option<u64> {
        let mut requests: Vec<u64> = self.keys.entries().iter().map(|entry| entry.tally.requests).collect();
        (requests.len() > rank).then(|| *requests.select_nth_unstable_by(rank, |a, b| b.cmp(a)).1)
    }

    /// Keys with more requests than these, for a list at rest, in any order.
    pub(super) fn stored_entries(&self, above: Option<u64>) -> Vec<StoredEntry> {
        let mut places = vec![usize::MAX; self.keys.len()];
        let mut entries: Vec<StoredEntry> = Vec::new();
        for (entry, place) in self.keys.entries().iter().zip(&mut places) {
            if above.is_none_or(|above| entry.tally.requests > above) {
                *place = entries.len();
                let (key, tally) = (self.keys.key(entry).into(), entry.tally);
                entries.push(StoredEntry { key, tally, latencies: Vec::new() });
            }
        }
        for (key, count) in self.latencies.iter() {
            let (at, coarse) = split(key);
            if let Some(entry) = entries.get_mut(places[at]) {
                entry.latencies.push((coarse, count));
            }
        }
        entries.iter_mut().for_each(|entry| entry.latencies.sort_unstable());
        entries
    }

    /// Forgets everything but keeps the memory.
    pub(super) fn clear(&mut self) {
        self.keys.clear();
        self.latencies.clear();
        self.error = 0;
    }

    /// Brings the list back to its capacity when it is far beyond.
    pub(super) fn prune(&mut self) {
        if self.keys.len() > CAPACITY * SLACK {
            self.prune_to(CAPACITY);
        }
    }

    fn prune_to(&mut self, capacity: usize) {
        if self.keys.len() <= capacity {
            return;
        }
        let mut counts: Vec<u64> = self.keys.entries().iter().map(|entry| entry.tally.requests).collect();
        let (_, &mut taken, _) = counts.select_nth_unstable_by(capacity, |a, b| b.cmp(a));
        self.error += taken;
        self.retain(|tally| tally.requests > taken);
        for at in 0..self.keys.len() as u32 {
            self.keys.tally_mut(at).requests -= taken;
        }
    }

    fn retain(&mut self, keep: impl Fn(&Tally) -> bool) {
        let places = self.keys.retain(|entry| keep(&entry.tally));
        let latencies = std::mem::take(&mut self.latencies);
        for (key, count) in latencies.iter() {
            let (at, coarse) = split(key);
            if let Some(at) = places[at] {
                self.add_latency(at, coarse, count);
            }
        }
    }

    fn latencies(&self) -> impl Iterator<Item = (usize, u32, u64)> + '_ {
        self.latencies.iter().map(|(key, count)| {
            let (at, coarse) = split(key);
            (at, coarse, count)
        })
    }

    /// The best keys, most requests first, equal ones by their bytes.
    #[must_use]
    pub fn best(&self, count: usize) -> Vec<TopEntry> {
        let mut ranked: Vec<usize> = (0..self.keys.len()).collect();
        let entries = self.keys.entries();
        ranked.sort_unstable_by(|&a, &b| {
            let by_requests = entries[b].tally.requests.cmp(&entries[a].tally.requests);
            by_requests.then_with(|| self.keys.key(&entries[a]).cmp(self.keys.key(&entries[b])))
        });
        ranked.truncate(count);
        let percentiles = self.latency_percentiles();
        ranked.into_iter().map(|at| self.entry(at, percentiles[at])).collect()
    }

    /// The slowest keys by their 95th percentile, of those with at least `least` timed requests.
    #[must_use]
    pub fn slowest(&self, count: usize, least: u64) -> Vec<TopEntry> {
        let timed = self.timed_requests();
        let percentiles = self.latency_percentiles();
        let slow = (0..self.keys.len()).filter(|at| timed[*at] >= least);
        let mut ranked: Vec<TopEntry> = slow.map(|at| self.entry(at, percentiles[at])).collect();
        ranked.sort_unstable_by(|a, b| {
            let by_latency = b.latency_p95_us.cmp(&a.latency_p95_us);
            by_latency.then(b.requests.cmp(&a.requests)).then_with(|| a.key.cmp(&b.key))
        });
        ranked.truncate(count);
        ranked
    }

    fn entry(&self, at: usize, latency_p95_us: Option<u64>) -> TopEntry {
        let entry = &self.keys.entries()[at];
        let Tally { requests, bytes_sent } = entry.tally;
        TopEntry { key: self.keys.key(entry).to_vec(), requests, bytes_sent, latency_p95_us }
    }

    fn timed_requests(&self) -> Vec<u64> {
        let mut timed = vec![0; self.keys.len()];
        self.latencies().for_each(|(at, _, count)| timed[at] += count);
        timed
    }

    fn latency_percentiles(&self) -> Vec<Option<u64>> {
        let timed = self.timed_requests();
        let (mut seen, mut percentiles) = (vec![0u64; timed.len()], vec![None; timed.len()]);
        for (key, count) in sorted(&self.latencies) {
            let (at, coarse) = split(key);
            seen[at] += count;
            if percentiles[at].is_none() && seen[at] >= (timed[at] * 95).div_ceil(100) {
                percentiles[at] = Some(coarse_middle_us(coarse));
            }
        }
        percentiles
    }
}

const fn split(key: u32) -> (usize, u32) {
    ((key >> COARSE_WIDTH) as usize, key & ((1 << COARSE_WIDTH) - 1))
}

/// Coarse bucket of a time in microseconds.
#[inline]
pub(super) const fn coarse(us: u64) -> u32 {
    let shift = (63 - (us | 1).leading_zeros()).saturating_sub(COARSE_BITS);
    let bucket = (shift << COARSE_BITS) + (us >> shift) as u32;
    let last = (1 << COARSE_WIDTH) - 1;
    if bucket > last { last } else { bucket }
}

const fn coarse_middle_us(bucket: u32) -> u64 {
    let shift = (bucket >> COARSE_BITS).saturating_sub(1);
    let low = ((bucket - (shift << COARSE_BITS)) as u64) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::super::KeyHasher;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn add(list: &mut TopSummary, hasher: &KeyHasher, key: &str, requests: u64) {
        let tally = Tally { requests, bytes_sent: requests * 10 };
        list.add(hasher.hash(0, key.as_bytes()), key.as_bytes(), tally);
    }

    proptest! {
        #[test]
        fn the_bound_holds(adds in prop::collection::vec((0..200u32, 1..9u64), 0..800), capacity in 1..40usize) {
            let (hasher, mut list, mut exact) = (KeyHasher::default(), TopSummary::default(), BTreeMap::new());
            for batch in adds.chunks(50) {
                for &(key, requests) in batch {
                    add(&mut list, &hasher, &key.to_string(), requests);
                    *exact.entry(key.to_string()).or_insert(0u64) += requests;
                }
                list.prune_to(capacity);
            }
            let total: u64 = exact.values().sum();
            prop_assert!(list.error() <= total / (capacity as u64 + 1));
            let best: BTreeMap<_, _> = list.best(usize::MAX).into_iter().map(|e| (e.key, e.requests)).collect();
            prop_assert!(best.len() <= capacity);
            for (key, truth) in exact {
                let counted = best.get(key.as_bytes()).copied().unwrap_or(0);
                prop_assert!(counted <= truth && truth <= counted + list.error(), "{key}: {counted}, truly {truth}");
            }
        }

        #[test]
        fn coarse_buckets_are_within_their_error(us in 1..20_000_000_000u64) {
            let middle = coarse_middle_us(coarse(us));
            prop_assert!(middle.abs_diff(us) as f64 <= us as f64 * 0.063, "{middle} for {us}");
        }
    }

    #[test]
    fn slow_paths_come_by_their_percentile() {
        let (hasher, mut list) = (KeyHasher::default(), TopSummary::default());
        for (key, latency_us) in [("/fast", 8_000), ("/slow", 900_000)] {
            let at = list.add(
                hasher.hash(0, key.as_bytes()),
                key.as_bytes(),
                Tally { requests: 20, bytes_sent: 0 },
            );
            list.add_latency(at, coarse(latency_us), 20);
        }
        add(&mut list, &hasher, "/untimed", 90);
        let slow: Vec<_> = list.slowest(9, 10).into_iter().map(|entry| entry.key).collect();
        assert_eq!(slow, [b"/slow", b"/fast"]);
    }
}
