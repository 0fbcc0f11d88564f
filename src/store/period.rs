//! The hours and days that rollups are kept for. UTC only.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use std::fmt;

const HOURS_OF_DAY: i64 = 24;
const HOUR_S: i64 = 3600;

/// How long a period is. What is stored is the number of hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs)]
pub enum Span {
    Hour,
    Day,
}

impl Span {
    /// The number of its hours.
    #[must_use]
    pub const fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => HOURS_OF_DAY,
        }
    }
}

impl ToSql for Span {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.hours().into())
    }
}

impl FromSql for Span {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let hours = value.as_i64()?;
        let known = [Self::Hour, Self::Day].into_iter().find(|span| span.hours() == hours);
        known.ok_or(FromSqlError::OutOfRange(hours))
    }
}

/// An hour, or the day that its rollup was added to. In order of their starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    /// The Unix hour that it begins with: seconds since 1970 over 3600.
    pub start: i64,
    #[expect(missing_docs)]
    pub span: Span,
}

impl Period {
    /// A Unix hour.
    #[must_use]
    pub const fn hour(hour: i64) -> Self {
        Self { start: hour, span: Span::Hour }
    }

    /// The UTC day that a Unix hour belongs to.
    #[must_use]
    pub const fn day_of(hour: i64) -> Self {
        Self { start: day_start(hour), span: Span::Day }
    }
}

/// The first hour of the day that a Unix hour belongs to.
pub(super) const fn day_start(hour: i64) -> i64 {
    hour.saturating_sub(hour.rem_euclid(HOURS_OF_DAY))
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.start.saturating_mul(HOUR_S)) {
            Ok(start) if self.span == Span::Hour => write!(f, "{start}"),
            Ok(start) => f.write_str(&start.strftime("%Y-%m-%d").to_string()),
            Err(_) => write!(f, "hour {}", self.start),
        }
    }
}
