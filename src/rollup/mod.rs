//! Records become mergeable hourly aggregates. Never reads the clock, a file or a log format.
//!
//! A [`BlockRollup`] counts the records of one block exactly, by itself, on any thread. Blocks are folded in order
//! into a [`SourceRollup`], which holds every hour of one source. Counts, sums, histograms and sketches only add up,
//! so they do not depend on the order; top lists and the cap on series do, which is why the order is fixed. A
//! [`StoredHour`] is an hour at rest: bytes that merge with those of other runs.

mod agents;
mod availability;
mod block;
mod causes;
mod cells;
mod histogram;
mod keys;
mod lists;
mod series;
mod sketch;
mod source;
mod stored;
mod top;

pub use availability::{Availability, Interval, ServerTimeline};
pub use block::{BlockRollup, EventNote, LineCounts, Places, RejectNote, client_of_key};
pub use causes::Cause;
pub use cells::{CellKind, unpack_termination};
pub use histogram::{Histogram, bucket, bucket_bounds};
pub use keys::KeyHasher;
pub use lists::TopLists;
pub use series::{Dimensions, SeriesKey, Sums, TimingKind, TimingSums};
pub use sketch::{STANDARD_ERROR, Sketch};
pub use source::{Aggregate, HourRollup, SourceRollup};
pub use stored::{AtRest, DecodeError, StoredDay, StoredEvents, StoredHour, StoredSource, merge_hour};
pub use top::{ListKind, TopEntry, TopSummary};

/// Seconds in an hour.
pub const HOUR_S: i64 = 3600;

/// What is counted, and within which bounds.
#[derive(Debug, Clone)]
pub struct RollupOptions {
    /// Only requests that ended at or after this, microseconds since 1970.
    pub since_us: i64,
    /// Only requests that ended before this, microseconds since 1970.
    pub until_us: i64,
    /// Requests that end after this are set aside, microseconds since 1970.
    pub future_us: i64,
    /// Keep top lists.
    pub top: bool,
    /// Parts of a series' name besides site, backend and server.
    pub by_method: bool,
    #[expect(missing_docs)]
    pub by_status: bool,
    /// Series of an hour; further ones are added to `(other)`.
    pub series_per_hour: usize,
    /// Keep what a state keeps: top lists hour by hour instead of added up, and messages of proxies as they came. Only
    /// so [`SourceRollup::take_stored`] gives anything.
    pub to_store: bool,
}

impl RollupOptions {
    /// Does a request that ended at this time count?
    #[must_use]
    pub fn counts(&self, end_us: i64) -> bool {
        (self.since_us..self.until_us.min(self.future_us)).contains(&end_us)
    }
}

impl Default for RollupOptions {
    fn default() -> Self {
        Self {
            since_us: i64::MIN,
            until_us: i64::MAX,
            future_us: i64::MAX,
            top: true,
            by_method: false,
            by_status: false,
            series_per_hour: 1000,
            to_store: false,
        }
    }
}
