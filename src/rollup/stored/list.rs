//! Top lists at rest: the best of each, sorted by key, with their error. Merging is as in `top.rs`, with a smaller
//! capacity.

use super::bytes::{Column, DecodeError, Reader, Writer};
use crate::rollup::top::{COARSE_WIDTH, KEY_LIMIT, Tally};
use crate::rollup::{ListKind, TopSummary};
use std::cmp::Ordering;

/// Keys of a list at rest: ten times what a report shows by far, and the most that a state has room for.
pub(super) const KEPT: usize = 1000;

/// A top list of an hour or a day.
///
/// As long as no more than 1,000 keys come together, nothing is lost and the order of merging does not show. Beyond,
/// the count of the first key without room is taken from all, as ever: the error is at most requests / 1,001, in
/// whichever order lists were merged, but which keys are left may depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::rollup) struct StoredList {
    /// Ascending by key.
    pub entries: Vec<StoredEntry>,
    /// How much any count may be too low.
    pub error: u64,
}

/// A key with what is counted for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rollup) struct StoredEntry {
    pub key: Box<[u8]>,
    pub tally: Tally,
    /// (coarse bucket, count), ascending.
    pub latencies: Vec<(u32, u64)>,
}

impl StoredEntry {
    fn merge(&mut self, other: &Self) {
        self.tally.add(other.tally.requests, other.tally.bytes_sent);
        for &(coarse, count) in &other.latencies {
            match self.latencies.binary_search_by_key(&coarse, |(known, _)| *known) {
                Ok(at) => self.latencies[at].1 += count,
                Err(at) => self.latencies.insert(at, (coarse, count)),
            }
        }
    }
}

impl StoredList {
    /// What a list comes to at rest.
    pub fn of(list: &TopSummary) -> Self {
        // Cut before it is sorted: an hour has ten times as many keys.
        let taken = list.requests_at(KEPT);
        let (mut entries, taken) = (list.stored_entries(taken), taken.unwrap_or(0));
        entries.iter_mut().for_each(|entry| entry.tally.requests -= taken);
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Self { entries, error: list.error() + taken }
    }

    pub fn merge(&mut self, other: Self) {
        self.merge_within(other, KEPT);
    }

    fn merge_within(&mut self, other: Self, capacity: usize) {
        let mut merged = Vec::with_capacity(self.entries.len() + other.entries.len());
        let mut rest = other.entries.into_iter().peekable();
        for mut entry in std::mem::take(&mut self.entries) {
            while let Some(before) = rest.next_if(|other| other.key < entry.key) {
                merged.push(before);
            }
            if let Some(same) = rest.next_if(|other| other.key.cmp(&entry.key) == Ordering::Equal) {
                entry.merge(&same);
            }
            merged.push(entry);
        }
        merged.extend(rest);
        self.entries = merged;
        self.error += other.error;
        self.cut(capacity);
    }

    fn cut(&mut self, capacity: usize) {
        if self.entries.len() <= capacity {
            return;
        }
        let mut counts: Vec<u64> = self.entries.iter().map(|entry| entry.tally.requests).collect();
        let (_, &mut taken, _) = counts.select_nth_unstable_by(capacity, |a, b| b.cmp(a));
        self.error += taken;
        self.entries.retain(|entry| entry.tally.requests > taken);
        self.entries.iter_mut().for_each(|entry| entry.tally.requests -= taken);
    }

    pub(super) fn write(&self, writer: &mut Writer, kind: ListKind) {
        writer.number(Column::Shape, self.entries.len() as u64);
        writer.number(Column::Shape, self.error);
        let column = key_column(kind);
        let mut last: &[u8] = &[];
        for entry in &self.entries {
            // Keys are sorted, so that most begin as the one before does.
            let shared = last.iter().zip(&*entry.key).take_while(|(a, b)| a == b).count();
            writer.number(Column::Lengths, shared as u64);
            writer.number(Column::Lengths, (entry.key.len() - shared) as u64);
            writer.bytes(column, &entry.key[shared..]);
            writer.number(Column::KeyCounts, entry.tally.requests);
            writer.number(Column::KeyBytes, entry.tally.bytes_sent);
            if kind == ListKind::Paths {
                write_latencies(writer, &entry.latencies);
            }
            last = &entry.key;
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, kind: ListKind) -> Result<Self, DecodeError> {
        let length = reader.length(Column::Shape, KEPT)?;
        let mut list = Self { entries: Vec::new(), error: reader.count(Column::Shape)? };
        for _ in 0..length {
            let last = list.entries.last().map(|entry| &*entry.key);
            let key = read_key(reader, kind, last.unwrap_or_default())?;
            if last.is_some_and(|last| *last >= *key) {
                return Err(DecodeError::Impossible("keys are not in order"));
            }
            let tally = Tally {
                requests: reader.count(Column::KeyCounts)?,
                bytes_sent: reader.number(Column::KeyBytes)?,
            };
            let latencies = if kind == ListKind::Paths { read_latencies(reader)? } else { Vec::new() };
            list.entries.push(StoredEntry { key, tally, latencies });
        }
        Ok(list)
    }
}

/// Addresses do not compress, so that they would spoil the code of what does.
fn key_column(kind: ListKind) -> Column {
    if kind == ListKind::Clients { Column::Clients } else { Column::Text }
}

fn read_key(reader: &mut Reader<'_>, kind: ListKind, last: &[u8]) -> Result<Box<[u8]>, DecodeError> {
    let shared = reader.length(Column::Lengths, last.len())?;
    let length = reader.length(Column::Lengths, KEY_LIMIT - shared)?;
    Ok([&last[..shared], reader.bytes(key_column(kind), length)?].concat().into())
}

fn write_latencies(writer: &mut Writer, latencies: &[(u32, u64)]) {
    writer.number(Column::CoarseCounts, latencies.len() as u64);
    let mut next = 0;
    for &(coarse, count) in latencies {
        writer.number(Column::Coarse, u64::from(coarse - next));
        writer.number(Column::CoarseCounts, count - 1);
        next = coarse + 1;
    }
}

fn read_latencies(reader: &mut Reader<'_>) -> Result<Vec<(u32, u64)>, DecodeError> {
    let buckets = 1 << COARSE_WIDTH;
    let (mut latencies, mut next) = (Vec::new(), 0u64);
    for _ in 0..reader.length(Column::CoarseCounts, buckets)? {
        let coarse =
            next.checked_add(reader.number(Column::Coarse)?).filter(|coarse| *coarse < buckets as u64);
        let coarse = coarse.ok_or(DecodeError::Impossible("a latency is too large"))?;
        latencies.push((coarse as u32, reader.count(Column::CoarseCounts)? + 1));
        next = coarse + 1;
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn list(requests: &[(u32, u64)]) -> StoredList {
        let mut counts = BTreeMap::new();
        requests.iter().for_each(|(key, requests)| *counts.entry(key.to_string()).or_insert(0) += requests);
        let entry = |(key, requests): (String, u64)| StoredEntry {
            key: key.into_bytes().into(),
            tally: Tally { requests, bytes_sent: requests * 10 },
            latencies: vec![(requests as u32 % 7, 1)],
        };
        StoredList { entries: counts.into_iter().map(entry).collect(), error: 0 }
    }

    proptest! {
        #[test]
        fn the_bound_holds_over_any_merging(
            parts in prop::collection::vec(prop::collection::vec((0..90u32, 1..9u64), 0..60), 1..9),
            joins in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 8),
            capacity in 1..40usize
        ) {
            let mut exact = BTreeMap::new();
            parts.iter().flatten().for_each(|(key, requests)| *exact.entry(key.to_string()).or_insert(0) += requests);
            let mut lists: Vec<StoredList> = parts.iter().map(|part| list(part)).collect();
            lists.iter_mut().for_each(|list| list.cut(capacity));
            for (one, other) in joins.iter().take(parts.len() - 1) {
                let taken = lists.swap_remove(one.index(lists.len()));
                let at = other.index(lists.len());
                lists[at].merge_within(taken, capacity);
            }
            let merged = &lists[0];
            let total: u64 = exact.values().sum();
            prop_assert!(merged.entries.len() <= capacity);
            prop_assert!(merged.error <= total / (capacity as u64 + 1));
            for (key, truth) in exact {
                let found = merged.entries.iter().find(|entry| *entry.key == *key.as_bytes());
                let counted = found.map_or(0, |entry| entry.tally.requests);
                prop_assert!(counted <= truth && truth <= counted + merged.error, "{key}: {counted}, truly {truth}");
            }
        }

        #[test]
        fn order_and_grouping_do_not_show_where_there_is_room(
            a in prop::collection::vec((0..90u32, 1..9u64), 0..60),
            b in prop::collection::vec((0..90u32, 1..9u64), 0..60),
            c in prop::collection::vec((0..90u32, 1..9u64), 0..60)
        ) {
            let merged = |lists: [&[(u32, u64)]; 3]| {
                let mut all = StoredList::default();
                lists.into_iter().for_each(|requests| all.merge(list(requests)));
                all
            };
            let mut tail = list(&b);
            tail.merge(list(&c));
            let mut grouped = list(&a);
            grouped.merge(tail);
            prop_assert_eq!(&merged([&a, &b, &c]), &grouped);
            prop_assert_eq!(merged([&c, &a, &b]), grouped);
        }
    }
}
