//! What is known between runs, in one SQLite database: positions in logs, hours, counts, gaps, bans. Never parses or merges
//! what it keeps, and never reads the clock.
//!
//! * [`place()`] says where the state lives, [`Store::open`] opens it under a lock;
//! * a [`Batch`] is one transaction: what was read, where reading stopped and which hours that changed stand in the
//!   database together or not at all;
//! * [`Store::dirty`] and [`Store::published`] are for whoever writes files from it;
//! * [`Store::prune`] makes days of old hours and lets old days go;
//! * [`Store::check`] and [`Store::export`] are for people.
//!
//! An hour's rollup is bytes here. Those who know what they mean come as a function that merges two of them.

mod bans;
mod batch;
mod check;
mod error;
mod export;
mod gaps;
mod lock;
mod mount;
mod open;
mod period;
mod place;
mod prune;
mod publish;
mod rollups;
mod schema;
mod sources;
mod streams;
#[cfg(test)]
mod tests;

use crate::source::resume::KnownStream;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use bans::{BanMemory, PublishedList, StoredLane};
pub use batch::{Batch, Landed, Renamed};
pub use error::{MergeError, StoreError};
pub use gaps::Gap;
pub use open::Mode;
pub(crate) use open::{DATABASE, PUBLISHED};
pub use period::{Period, Span};
pub use place::{PlaceError, Surroundings, place};
pub use prune::{Pruned, Retention};
pub use publish::Dirty;
pub use rollups::{Known, Rollup};
pub use sources::SourceInfo;

/// The state of one machine. The lock is held until it is dropped.
#[derive(Debug)]
pub struct Store {
    // Dropped in this order: the database is closed before another run may open it.
    connection: Connection,
    _lock: Option<lock::Lock>,
    dir: PathBuf,
    path: PathBuf,
    node: String,
}

impl Store {
    /// The directory of the state.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where what is published goes. Nothing in it is needed: it follows from the database.
    #[must_use]
    pub fn published_dir(&self) -> PathBuf {
        self.dir.join(open::PUBLISHED)
    }

    /// A random name for this state, kept for good: hosts are renamed.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Every source that was ever named, by name.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn sources(&self) -> Result<Vec<SourceInfo>, StoreError> {
        sources::all(&self.connection).map_err(|error| self.wrong(error))
    }

    /// Every stream that is remembered, in the order in which they were first seen.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn streams(&self) -> Result<Vec<KnownStream>, StoreError> {
        streams::all(&self.connection).map_err(|error| self.wrong(error))
    }

    /// The hours and days that begin in a stretch of Unix hours, in order.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn periods(&self, hours: Range<i64>) -> Result<Vec<Known>, StoreError> {
        rollups::periods(&self.connection, &hours).map_err(|error| self.wrong(error))
    }

    /// The rollups of an hour or day, by the names of their sources.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn rollups(&self, period: Period) -> Result<Vec<Rollup>, StoreError> {
        rollups::of_period(&self.connection, period).map_err(|error| self.wrong(error))
    }

    /// What a source's proxies told, as [`Batch::merge_events`] left it.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn events(&self, source: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let id = sources::id(&self.connection, source);
        id.and_then(|id| id.map_or(Ok(None), |id| rollups::events(&self.connection, id)))
            .map_err(|error| self.wrong(error))
    }

    /// What became of a source's lines, added up over the hours and days that begin in a stretch of Unix hours.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn counts(&self, source: &str, hours: Range<i64>) -> Result<BTreeMap<String, u64>, StoreError> {
        rollups::counts(&self.connection, source, &hours).map_err(|error| self.wrong(error))
    }

    /// The Unix hour before which nothing is kept any longer; `None` while nothing was let go.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn expired_before(&self) -> Result<Option<i64>, StoreError> {
        let marks = rollups::marks(&self.connection).map_err(|error| self.wrong(error))?;
        Ok(Some(marks.expired_before).filter(|hour| *hour > i64::MIN))
    }

    /// Bytes of the database on the disk, with what was written and is not yet in its place.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let files = [self.path.clone(), self.path.with_extension("db-wal")];
        files.iter().filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum()
    }

    /// The process that holds the lock, where the system says so. Takes no lock itself: another run could be refused
    /// for it.
    #[must_use]
    pub fn writer(&self) -> Option<u32> {
        lock::holder(&self.dir)
    }

    /// What sources lost before it was read, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        gaps::all(&self.connection).map_err(|error| self.wrong(error))
    }

    /// Gaps of all sources that had to give way to newer ones.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn gaps_left_out(&self) -> Result<u64, StoreError> {
        gaps::left_out(&self.connection).map_err(|error| self.wrong(error))
    }

    fn wrong(&self, error: rusqlite::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }
}
