//! What was read and is not committed yet. One commit is one transaction: it holds all of it, or nothing.

use crate::rollup::{StoredEvents, StoredHour, StoredSource, merge_hour};
use crate::source::resume::KnownStream;
use crate::store::{Batch, Gap, Landed, MergeError, SourceInfo, Span, Store, StoreError};
use std::collections::BTreeMap;

/// Added up in memory, so that an hour is written once for a batch.
#[derive(Debug, Default)]
pub struct Pending {
    hours: BTreeMap<(String, i64), StoredHour>,
    lines: BTreeMap<(String, i64), BTreeMap<String, u64>>,
    events: BTreeMap<String, StoredEvents>,
    streams: Vec<KnownStream>,
    /// Read for it.
    bytes: u64,
    sources: Vec<SourceInfo>,
    gaps: Vec<Gap>,
}

/// Bytes of a portion.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bytes {
    pub all: u64,
    pub nul_bytes: u64,
}

/// What a commit told.
#[derive(Debug, Default)]
pub struct Committed {
    /// Numbers of the streams, in the order in which they were added.
    pub streams: Vec<i64>,
    /// Requests of days that are not kept any more.
    pub expired: u64,
}

impl Pending {
    /// Bytes that were read for what is not committed.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A stream, if something of it is to be written.
    pub fn stream(&self, id: i64) -> Option<&KnownStream> {
        self.streams.iter().rev().find(|stream| stream.id == id)
    }

    /// Adds what was read of a source.
    pub fn add(&mut self, source: &str, stored: StoredSource, read: Bytes, stream: KnownStream) {
        let Bytes { all, nul_bytes } = read;
        self.bytes += all;
        for hour in stored.hours {
            let at = (source.to_owned(), hour.hour());
            match self.hours.get_mut(&at) {
                Some(sum) => sum.merge(hour),
                None => drop(self.hours.insert(at, hour)),
            }
        }
        let reached = stream.last_us.unwrap_or(stream.seen_us).div_euclid(3_600_000_000);
        for (hour, counts) in &stored.lines {
            self.add_lines(source, *hour, counts.kinds());
        }
        if nul_bytes > 0 {
            self.add_lines(source, reached, [("nul_bytes".to_owned(), nul_bytes)]);
        }
        self.events.entry(source.to_owned()).or_default().merge(stored.events);
        self.streams.push(stream);
    }

    fn add_lines(&mut self, source: &str, hour: i64, kinds: impl IntoIterator<Item = (String, u64)>) {
        let lines = self.lines.entry((source.to_owned(), hour)).or_default();
        for (kind, count) in kinds {
            *lines.entry(kind).or_default() += count;
        }
    }

    /// A stream that has another file, or is done.
    pub fn update(&mut self, stream: KnownStream) {
        self.streams.push(stream);
    }

    /// What is known of a source now.
    pub fn describe(&mut self, source: SourceInfo) {
        self.sources.push(source);
    }

    /// What a source lost.
    pub fn add_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// Writes all of it in one transaction, and forgets it. Where there is nothing to write, it writes nothing.
    ///
    /// # Errors
    /// When the database cannot be written or is damaged; then it is as it was.
    pub fn commit(&mut self, store: &mut Store) -> Result<Committed, StoreError> {
        let pending = std::mem::take(self);
        if pending.is_empty() {
            return Ok(Committed::default());
        }
        let mut batch = store.begin()?;
        let committed = pending.put(&mut batch)?;
        batch.commit()?;
        Ok(committed)
    }

    fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.sources.is_empty() && self.gaps.is_empty()
    }

    fn put(self, batch: &mut Batch<'_>) -> Result<Committed, StoreError> {
        let mut committed = Committed::default();
        self.sources.iter().try_for_each(|source| batch.put_source(source))?;
        for ((source, number), hour) in &self.hours {
            let landed = batch.merge_hour(source, *number, |period, stored| {
                merge_hour(period.span == Span::Day, stored, hour).map_err(MergeError::from)
            })?;
            if landed == Landed::Expired {
                committed.expired += hour.requests();
            }
        }
        for ((source, hour), kinds) in &self.lines {
            batch.add_counts(source, *hour, kinds.iter().map(|(kind, count)| (kind.as_str(), *count)))?;
        }
        for (source, events) in self.events.into_iter().filter(|(_, events)| !events.is_empty()) {
            batch.merge_events(&source, |stored| {
                let mut all = stored.map_or_else(|| Ok(StoredEvents::default()), StoredEvents::decode)?;
                all.merge(events);
                Ok(all.encode())
            })?;
        }
        for stream in &self.streams {
            let is_known = stream.id > 0 && batch.update_stream(stream)?;
            committed.streams.push(if is_known { stream.id } else { batch.add_stream(stream)? });
        }
        self.gaps.iter().try_for_each(|gap| batch.add_gap(gap))?;
        Ok(committed)
    }
}
