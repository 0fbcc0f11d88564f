//! One transaction: what was read, where reading stopped and which hours changed. Nothing of it is visible before
//! [`Batch::commit`], and a batch that is dropped never was.

use super::rollups::{self, Marks};
use super::{Gap, MergeError, Period, SourceInfo, Store, StoreError, gaps, sources, streams};
use crate::source::resume::KnownStream;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::BTreeSet;
use std::path::Path;

/// Bytes of a rollup, and of the events of a source: far more than 1,000 series and six lists of 1,000 values take.
pub(super) const MERGED_BYTES: usize = 64 << 20;

/// What became of something that belongs to an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landed {
    /// It is kept with this hour, or with the day that the hour was added to.
    In(Period),
    /// Its day is no longer kept, so it was left out.
    Expired,
}

/// What became of a new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renamed {
    #[expect(missing_docs)]
    Done,
    /// No source has the old one.
    Unknown,
    /// Another source has it already.
    Taken,
}

/// A transaction of its own, under the lock.
#[derive(Debug)]
pub struct Batch<'s> {
    transaction: Transaction<'s>,
    pub(super) path: &'s Path,
    marks: Marks,
    touched: BTreeSet<Period>,
    /// The events of some source changed.
    events_touched: bool,
    /// A step failed. A full disk may have ended the transaction, and further steps would each be one of their own.
    broken: bool,
}

impl Store {
    /// Begins a batch.
    ///
    /// # Errors
    /// When the database cannot be written; a store that was opened for reading cannot.
    pub fn begin(&mut self) -> Result<Batch<'_>, StoreError> {
        let path = self.path.as_path();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = transaction.map_err(|error| StoreError::of(path, error))?;
        let marks = rollups::marks(&transaction).map_err(|error| StoreError::of(path, error))?;
        Ok(Batch { transaction, path, marks, touched: BTreeSet::new(), events_touched: false, broken: false })
    }
}

impl Batch<'_> {
    /// Stores what is known of a source now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn put_source(&mut self, source: &SourceInfo) -> Result<(), StoreError> {
        self.step(|connection| sources::put(connection, source))
    }

    /// Gives a source another name; its streams go on, and its hours and days are published again.
    ///
    /// # Errors
    /// When the database cannot be written or is damaged.
    pub fn rename_source(&mut self, name: &str, new: &str) -> Result<Renamed, StoreError> {
        let (old_id, new_id) =
            self.step(|connection| Ok((sources::id(connection, name)?, sources::id(connection, new)?)))?;
        let Some(id) = old_id else { return Ok(Renamed::Unknown) };
        if new_id.is_some() {
            return Ok(Renamed::Taken);
        }
        let periods = self.step(|connection| {
            let streams = streams::all(connection)?;
            sources::rename(connection, id, new)?;
            for stream in streams.into_iter().filter(|stream| stream.source == name) {
                streams::update(connection, &KnownStream { source: new.to_owned(), ..stream })?;
            }
            rollups::periods_of_source(connection, id)
        })?;
        self.touched.extend(periods);
        self.events_touched = true;
        Ok(Renamed::Done)
    }

    /// Remembers a stream that was not known, whatever its `id` says, and gives it a number.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_stream(&mut self, stream: &KnownStream) -> Result<i64, StoreError> {
        self.step(|connection| streams::insert(connection, stream))
    }

    /// Stores what a known stream has become; `false` when it is not known.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn update_stream(&mut self, stream: &KnownStream) -> Result<bool, StoreError> {
        self.step(|connection| streams::update(connection, stream))
    }

    /// Forgets finished streams that were last seen before a time in microseconds since 1970; gives how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget_streams(&mut self, seen_before_us: i64) -> Result<usize, StoreError> {
        self.step(|connection| streams::forget(connection, seen_before_us))
    }

    /// Adds to a source's rollup of a Unix hour: `merge` gets what is stored and gives what takes its place. When the
    /// hour has gone into its day, that is the day's, and `merge` is told so.
    ///
    /// # Errors
    /// When `merge` fails or gives too much, or the database cannot be written or is damaged.
    pub fn merge_hour(
        &mut self,
        source: &str,
        hour: i64,
        merge: impl FnOnce(Period, Option<&[u8]>) -> Result<Vec<u8>, MergeError>,
    ) -> Result<Landed, StoreError> {
        let Some(period) = self.period(hour) else { return Ok(Landed::Expired) };
        let (id, stored) = self.step(|connection| {
            let id = sources::id_or_new(connection, source)?;
            Ok((id, rollups::rollup(connection, period, id)?))
        })?;
        let bytes = self.merged(|| format!("{source}: {period}"), || merge(period, stored.as_deref()))?;
        self.step(|connection| rollups::put_rollup(connection, period, id, &bytes))?;
        self.touched.insert(period);
        Ok(Landed::In(period))
    }

    /// Adds to what a source's proxies told, which is kept once for all times. `merge` sees to its bounds; when
    /// it gives what is stored, nothing changed.
    ///
    /// # Errors
    /// When `merge` fails or gives too much, or the database cannot be written or is damaged.
    pub fn merge_events(
        &mut self,
        source: &str,
        merge: impl FnOnce(Option<&[u8]>) -> Result<Vec<u8>, MergeError>,
    ) -> Result<(), StoreError> {
        let (id, stored) = self.step(|connection| {
            let id = sources::id_or_new(connection, source)?;
            Ok((id, rollups::events(connection, id)?))
        })?;
        let bytes = self.merged(|| format!("{source}: events"), || merge(stored.as_deref()))?;
        if stored.is_some_and(|stored| stored == bytes) {
            return Ok(());
        }
        self.events_touched = true;
        self.step(|connection| rollups::put_events(connection, id, &bytes))
    }

    /// Takes away from what a source's proxies told, if they told anything.
    ///
    /// # Errors
    /// When `change` fails, or the database cannot be written or is damaged.
    pub fn replace_events(
        &mut self,
        source: &str,
        change: impl FnOnce(&[u8]) -> Result<Vec<u8>, MergeError>,
    ) -> Result<(), StoreError> {
        let stored = self.step(|connection| match sources::id(connection, source)? {
            Some(id) => rollups::events(connection, id),
            None => Ok(None),
        })?;
        stored.map_or(Ok(()), |stored| self.merge_events(source, |_| change(&stored)))
    }

    /// Adds to the lines of a source that were read in a Unix hour of the log, by what became of them.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_counts<'k>(
        &mut self,
        source: &str,
        hour: i64,
        counts: impl IntoIterator<Item = (&'k str, u64)>,
    ) -> Result<Landed, StoreError> {
        let Some(period) = self.period(hour) else { return Ok(Landed::Expired) };
        // A period with nothing in it would be published as gone.
        let mut counts = counts.into_iter().filter(|(_, count)| *count > 0).peekable();
        if counts.peek().is_some() {
            self.touched.insert(period);
        }
        self.step(|connection| {
            let id = sources::id_or_new(connection, source)?;
            counts.try_for_each(|(kind, count)| rollups::add_count(connection, period, id, kind, count))
        })?;
        Ok(Landed::In(period))
    }

    /// Notes what a source lost.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_gap(&mut self, gap: &Gap) -> Result<(), StoreError> {
        self.step(|connection| gaps::add(connection, gap))
    }

    /// Makes all of it visible at once, on the disk. Every hour and day that was added to becomes dirty, one generation
    /// higher, and so do the events.
    ///
    /// # Errors
    /// When a step failed, or the database cannot be written; then nothing of the batch is kept.
    pub fn commit(mut self) -> Result<(), StoreError> {
        let touched = std::mem::take(&mut self.touched);
        let events = self.events_touched;
        self.step(|connection| {
            touched.iter().try_for_each(|period| rollups::touch(connection, *period))?;
            if events { rollups::touch_events(connection) } else { Ok(()) }
        })?;
        self.transaction.commit().map_err(|error| StoreError::of(self.path, error))
    }

    /// Where something of an hour is kept.
    fn period(&self, hour: i64) -> Option<Period> {
        match hour {
            _ if hour < self.marks.expired_before => None,
            _ if hour < self.marks.rolled_up_before => Some(Period::day_of(hour)),
            _ => Some(Period::hour(hour)),
        }
    }

    pub(super) fn step<T>(
        &mut self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if self.broken {
            return Err(StoreError::Broken { path: self.path.to_owned() });
        }
        let done = act(&self.transaction);
        self.broken = done.is_err();
        done.map_err(|error| StoreError::of(self.path, error))
    }

    fn merged(
        &mut self,
        of: impl FnOnce() -> String,
        merge: impl FnOnce() -> Result<Vec<u8>, MergeError>,
    ) -> Result<Vec<u8>, StoreError> {
        let merged = merged(self.path, of, merge);
        self.broken = merged.is_err();
        merged
    }
}

/// What a merge gives, within its bound.
pub(super) fn merged(
    path: &Path,
    of: impl FnOnce() -> String,
    merge: impl FnOnce() -> Result<Vec<u8>, MergeError>,
) -> Result<Vec<u8>, StoreError> {
    let path = path.to_owned();
    match merge() {
        Err(error) => Err(StoreError::Merge { path, of: of(), error }),
        Ok(bytes) if bytes.len() > MERGED_BYTES => {
            Err(StoreError::TooLarge { path, of: of(), bytes: bytes.len(), limit: MERGED_BYTES })
        }
        Ok(bytes) => Ok(bytes),
    }
}
