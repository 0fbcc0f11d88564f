//! An hour or a day: what a state keeps of a period, whichever it is.

use super::{DAY_HOURS, StoredDay, StoredHour, StoredLists};
use crate::rollup::{Aggregate, HOUR_S, SeriesKey};

/// What is known of one source in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "see the types")]
pub enum AtRest {
    Hour(StoredHour),
    Day(StoredDay),
}

impl AtRest {
    /// When the period starts, Unix seconds.
    #[must_use]
    pub fn start(&self) -> i64 {
        match self {
            Self::Hour(hour) => hour.hour().saturating_mul(HOUR_S),
            Self::Day(day) => day.day().saturating_mul(DAY_HOURS * HOUR_S),
        }
    }

    /// The first and the last second with a request, Unix seconds.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        match self {
            Self::Hour(hour) => hour.span(),
            Self::Day(day) => day.span(),
        }
    }

    /// Requests of the busiest second of all series of a day together, and that second; those of an hour tell
    /// themselves.
    #[must_use]
    pub fn peak(&self) -> Option<(u64, i64)> {
        match self {
            Self::Hour(_) => None,
            Self::Day(day) => day.peak(),
        }
    }

    /// Every series with what it adds up to, by name.
    pub fn series(&self) -> impl Iterator<Item = (&SeriesKey, &Aggregate)> {
        match self {
            Self::Hour(hour) => hour.series.iter(),
            Self::Day(day) => day.series.iter(),
        }
    }

    /// Adds itself to its day.
    pub fn add_to(self, day: &mut StoredDay) {
        match self {
            Self::Hour(hour) => day.add(hour),
            Self::Day(other) => day.merge(other),
        }
    }

    pub(in crate::rollup) fn lists(&self) -> &StoredLists {
        match self {
            Self::Hour(hour) => hour.lists(),
            Self::Day(day) => day.lists(),
        }
    }
}
