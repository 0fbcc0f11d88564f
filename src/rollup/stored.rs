//! An hour's rollup as bytes, and merging two. Reads and writes no file.
//!
//! Hours of one source that several runs counted add up to the hour that one run would have counted: sums, cells,
//! sketches and, as long as no more than 1,000 keys of a list or 1,000 series come together, everything else. Equal
//! hours have equal bytes, so that the order and the grouping of merging do not show. Beyond 1,000 keys a list states
//! its error as ever; beyond 1,000 series further ones are `(other)`, and which those are may depend on the order.
//!
//! Numbers of kinds in the bytes are the places in their enums: what is added must be added at the end.

mod at_rest;
mod bytes;
mod events;
mod list;
#[cfg(test)]
mod messages;
mod series;
#[cfg(test)]
mod tests;
mod told;

pub use at_rest::AtRest;
pub use bytes::DecodeError;
pub use events::StoredEvents;
pub(super) use list::{StoredEntry, StoredList};

use super::source::busier;
use super::{Aggregate, CellKind, HOUR_S, LineCounts, ListKind, SeriesKey};
use bytes::{Column, Kind, Reader, Writer, unseal};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Hours of a day.
const DAY_HOURS: i64 = 24;
const HOUR_US: i64 = HOUR_S * 1_000_000;
/// Hours whose microseconds can be counted.
const HOURS: RangeInclusive<i64> = i64::MIN / HOUR_US - 1..=i64::MAX / HOUR_US;

/// The top lists of an hour, in the order of `ListKind`.
pub(super) type StoredLists = [StoredList; ListKind::ALL.len()];

/// What a run counted of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredSource {
    /// Ascending.
    pub hours: Vec<StoredHour>,
    /// What its proxies said.
    pub events: StoredEvents,
    /// Where every line went.
    pub counts: LineCounts,
    /// The same by Unix hour: a line that is no request counts for the hour of the request before it.
    pub lines: BTreeMap<i64, LineCounts>,
}

impl StoredSource {
    /// Lines among which is no request at all are of the hour in which they were written: a log that nobody can read any
    /// more is to be seen in the hours from then on, not in its last good one.
    pub fn date_lines(&mut self, written_us: i64) {
        let mut sum = LineCounts::default();
        std::mem::take(&mut self.lines).values().for_each(|counts| sum.merge(counts));
        if sum.lines > 0 {
            self.lines.insert(written_us.div_euclid(HOUR_US), sum);
        }
    }
}

/// Everything that adds up of one hour of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredHour {
    /// Hours since 1970.
    hour: i64,
    series: BTreeMap<SeriesKey, Aggregate>,
    lists: Box<StoredLists>,
}

impl StoredHour {
    pub(super) fn new(hour: i64, series: Vec<(SeriesKey, Aggregate)>, lists: Box<StoredLists>) -> Self {
        Self { hour, series: series.into_iter().collect(), lists }
    }

    /// Which hour, in hours since 1970.
    #[must_use]
    pub fn hour(&self) -> i64 {
        self.hour
    }

    /// Every series with what it adds up to, by name.
    pub fn series(&self) -> impl Iterator<Item = (&SeriesKey, &Aggregate)> {
        self.series.iter()
    }

    /// Requests of all series.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.series.values().map(|aggregate| aggregate.sums.requests).sum()
    }

    pub(super) fn lists(&self) -> &StoredLists {
        &self.lists
    }

    /// The first and the last second with a request, Unix seconds.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        let seconds = || self.series.values().flat_map(|aggregate| aggregate.counts(CellKind::Second));
        let (first, last) = (seconds().map(|of| of.0).min()?, seconds().map(|of| of.0).max()?);
        Some((self.hour * HOUR_S + i64::from(first), self.hour * HOUR_S + i64::from(last)))
    }

    /// Adds what was counted elsewhere of the same hour of the same source.
    pub fn merge(&mut self, other: Self) {
        debug_assert_eq!(self.hour, other.hour);
        for (name, aggregate) in &other.series {
            place(&mut self.series, name).merge(aggregate);
        }
        merge_lists(&mut self.lists, *other.lists);
    }

    /// The stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.columns().seal(Kind::Hour)
    }

    fn columns(&self) -> Writer {
        let mut writer = Writer::default();
        writer.signed(Column::Shape, self.hour);
        series::write_all(&mut writer, &self.series);
        write_lists(&mut writer, &self.lists);
        writer
    }

    /// Reads the stored form. Any bytes are read or refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let body = unseal(bytes, Kind::Hour)?;
        let mut reader = Reader::new(&body)?;
        let hour = read_hour(&mut reader)?;
        let (series, lists) = (series::read_all(&mut reader)?, read_lists(&mut reader)?);
        if series.values().any(|aggregate| aggregate.peak.is_some()) {
            return Err(DecodeError::Impossible("an hour with the figures of a day"));
        }
        reader.end()?;
        Ok(Self { hour, series, lists })
    }
}

/// What the hours of one day of one source add up to. Of the seconds only the busiest are kept: of each series, and of
/// all together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredDay {
    /// Days since 1970.
    day: i64,
    /// First and last second with a request, Unix seconds.
    span: Option<(i64, i64)>,
    /// Requests of the busiest second of all series together, and that second.
    peak: Option<(u64, i64)>,
    series: BTreeMap<SeriesKey, Aggregate>,
    lists: Box<StoredLists>,
}

impl StoredDay {
    /// An empty one, for the hours of a day since 1970.
    #[must_use]
    pub fn new(day: i64) -> Self {
        Self { day, ..Self::default() }
    }

    /// The day of an hour, in days since 1970 (UTC).
    #[must_use]
    pub fn of_hour(hour: i64) -> i64 {
        hour.div_euclid(DAY_HOURS)
    }

    /// Which day, in days since 1970.
    #[must_use]
    pub fn day(&self) -> i64 {
        self.day
    }

    /// The first and the last second with a request, Unix seconds.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        self.span
    }

    /// Requests of the busiest second of all series together, and that second in Unix seconds.
    #[must_use]
    pub fn peak(&self) -> Option<(u64, i64)> {
        self.peak
    }

    /// Every series with what it adds up to, by name.
    pub fn series(&self) -> impl Iterator<Item = (&SeriesKey, &Aggregate)> {
        self.series.iter()
    }

    pub(super) fn lists(&self) -> &StoredLists {
        &self.lists
    }

    /// Adds an hour. What comes of an hour that was added already adds up too, but for the busiest second: that is the
    /// busiest of one part then, and may be too low.
    pub fn add(&mut self, hour: StoredHour) {
        let mut all = Aggregate::default();
        let mut day = Self { span: hour.span(), ..Self::new(Self::of_hour(hour.hour)) };
        for (name, aggregate) in &hour.series {
            day.series.entry(name.clone()).or_default().merge_period(hour.hour * HOUR_S, aggregate);
            all.merge(aggregate);
        }
        let peak = all.busiest_second();
        day.peak = peak.map(|(requests, second)| (requests, hour.hour * HOUR_S + i64::from(second)));
        day.lists = hour.lists;
        self.merge(day);
    }

    /// Adds other hours of the same day of the same source.
    pub fn merge(&mut self, other: Self) {
        debug_assert_eq!(self.day, other.day);
        for (name, aggregate) in &other.series {
            place(&mut self.series, name).merge(aggregate);
        }
        self.peak = busier(self.peak, other.peak);
        self.span = match (self.span, other.span) {
            (Some((first, last)), Some(other)) => Some((first.min(other.0), last.max(other.1))),
            (one, other) => one.or(other),
        };
        merge_lists(&mut self.lists, *other.lists);
    }

    /// The stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.signed(Column::Shape, self.day);
        let (first, last) = self.span.unwrap_or((1, 0));
        writer.signed(Column::Shape, first);
        writer.signed(Column::Shape, last);
        series::write_peak(&mut writer, self.peak);
        series::write_all(&mut writer, &self.series);
        write_lists(&mut writer, &self.lists);
        writer.seal(Kind::Day)
    }

    /// Reads the stored form. Any bytes are read or refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let body = unseal(bytes, Kind::Day)?;
        let mut reader = Reader::new(&body)?;
        let day = reader.signed(Column::Shape)?;
        let (first, last) = (reader.signed(Column::Shape)?, reader.signed(Column::Shape)?);
        let decoded = Self {
            day,
            span: (first <= last).then_some((first, last)),
            peak: series::read_peak(&mut reader)?,
            series: series::read_all(&mut reader)?,
            lists: read_lists(&mut reader)?,
        };
        reader.end()?;
        if decoded.is_possible() { Ok(decoded) } else { Err(DecodeError::Impossible("no such day")) }
    }

    /// Lies every second in it?
    fn is_possible(&self) -> bool {
        let inside = |second: i64| Self::of_hour(second.div_euclid(HOUR_S)) == self.day;
        let peaks = self.series.values().map(|aggregate| aggregate.peak).chain([self.peak]).flatten();
        let span = self.span.into_iter().flat_map(|(first, last)| [first, last]);
        peaks.map(|peak| peak.1).chain(span).all(inside)
    }
}

/// Adds an hour's rollup to the stored one of the same hour or of its day; gives what is to be stored instead.
///
/// # Errors
/// When what is stored cannot be read, or is of another hour or day.
pub fn merge_hour(is_day: bool, stored: Option<&[u8]>, hour: &StoredHour) -> Result<Vec<u8>, DecodeError> {
    if is_day {
        let of = StoredDay::of_hour(hour.hour);
        let mut day = stored.map_or_else(|| Ok(StoredDay::new(of)), StoredDay::decode)?;
        if day.day != of {
            return Err(DecodeError::Impossible("another day"));
        }
        day.add(hour.clone());
        return Ok(day.encode());
    }
    let Some(mut sum) = stored.map(StoredHour::decode).transpose()? else { return Ok(hour.encode()) };
    if sum.hour != hour.hour {
        return Err(DecodeError::Impossible("another hour"));
    }
    sum.merge(hour.clone());
    Ok(sum.encode())
}

/// Where a series adds up: under its name while there is room.
fn place<'s>(all: &'s mut BTreeMap<SeriesKey, Aggregate>, name: &SeriesKey) -> &'s mut Aggregate {
    let has_room = all.len() < series::SERIES || all.contains_key(name);
    all.entry(if has_room { name.clone() } else { SeriesKey::other() }).or_default()
}

fn merge_lists(lists: &mut StoredLists, others: StoredLists) {
    lists.iter_mut().zip(others).for_each(|(list, other)| list.merge(other));
}

fn write_lists(writer: &mut Writer, lists: &StoredLists) {
    ListKind::ALL.into_iter().zip(lists).for_each(|(kind, list)| list.write(writer, kind));
}

fn read_lists(reader: &mut Reader<'_>) -> Result<Box<StoredLists>, DecodeError> {
    let mut lists = Box::<StoredLists>::default();
    for (kind, list) in ListKind::ALL.into_iter().zip(lists.iter_mut()) {
        *list = StoredList::read(reader, kind)?;
    }
    Ok(lists)
}

fn read_hour(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    let hour = reader.signed(Column::Shape)?;
    if HOURS.contains(&hour) { Ok(hour) } else { Err(DecodeError::Impossible("no such hour")) }
}
