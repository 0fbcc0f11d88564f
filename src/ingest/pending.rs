//! What was read and is not committed yet. One commit is one transaction: it holds all of it, or nothing.

use crate::ban::spool::Lane;
use crate::ban::watch::RuleSet;
use crate::pipeline::{HitCounts, Portion};
use crate::rollup::{HOUR_S, StoredEvents, StoredHour, merge_hour};
use crate::source::resume::KnownStream;
use crate::store::{Batch, Gap, Landed, MergeError, SourceInfo, Span, Store, StoreError, StoredLane};
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
    /// Hits of ban rules, with the places of their streams.
    lanes: Vec<(usize, Lane)>,
    hits: HitCounts,
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

    /// Adds what was read of a file.
    pub fn add(&mut self, portion: Portion) {
        let Portion { stream, stored, lane, hits, bytes, nul_bytes, .. } = portion;
        let source = stream.source.clone();
        self.bytes += bytes;
        for hour in stored.hours {
            let at = (source.clone(), hour.hour());
            match self.hours.get_mut(&at) {
                Some(sum) => sum.merge(hour),
                None => drop(self.hours.insert(at, hour)),
            }
        }
        let reached = stream.last_us.unwrap_or(stream.seen_us).div_euclid(HOUR_S * 1_000_000);
        for (hour, counts) in &stored.lines {
            self.add_lines(&source, *hour, counts.kinds());
        }
        if nul_bytes > 0 {
            self.add_lines(&source, reached, [("nul_bytes".to_owned(), nul_bytes)]);
        }
        self.events.entry(source).or_default().merge(stored.events);
        self.lanes.extend(lane.map(|lane| (self.streams.len(), lane)));
        self.hits.merge(hits);
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

    /// Writes all of it in one transaction, and forgets it. `settle` is done in the same one. Where there is nothing to
    /// write, it writes nothing.
    ///
    /// # Errors
    /// When the database cannot be written or is damaged; then it is as it was.
    pub fn commit(
        &mut self,
        store: &mut Store,
        rules: Option<&RuleSet>,
        settle: impl FnOnce(&mut Batch<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<Committed> {
        let pending = std::mem::take(self);
        if pending.is_empty() && !store.has_lanes()? {
            return Ok(Committed::default());
        }
        let mut batch = store.begin()?;
        let committed = pending.put(&mut batch, rules)?;
        settle(&mut batch)?;
        batch.commit()?;
        Ok(committed)
    }

    fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.sources.is_empty() && self.gaps.is_empty()
    }

    fn put(self, batch: &mut Batch<'_>, rules: Option<&RuleSet>) -> Result<Committed, StoreError> {
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
        for (at, mut lane) in self.lanes {
            let (stream, bytes) = (committed.streams[at], lane.as_bytes().to_vec());
            batch.add_lane(&StoredLane { stream, bytes })?;
        }
        for ((hour, rule), hits) in self.hits.hours {
            if let Some(rule) = rules.and_then(|rules| rules.rules().get(usize::from(rule))) {
                batch.add_ban_hits(hour, &rule.name, hits)?;
            }
        }
        Ok(committed)
    }
}
