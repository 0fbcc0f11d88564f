//! Where the files of a dataset lie below its folder, and what a path says. Looks at no disk.

use crate::rollup::HOUR_S;
use crate::store::{Period, Span};
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use std::path::{Path, PathBuf};

pub(crate) const HOURS: &str = "hours";
pub(super) const DAYS: &str = "days";
pub(super) const CSV: &str = "csv";
pub(super) const EVENTS: &str = "events";

/// A file below the folder of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Its folder, relative to that of the dataset.
    pub dir: PathBuf,
    pub name: String,
}

impl File {
    /// The whole path.
    pub fn path(&self, root: &Path) -> PathBuf {
        root.join(&self.dir).join(&self.name)
    }
}

/// The file that is read again; `None` for hours that the calendar does not reach.
pub(crate) fn parquet(period: Period, node_id: &str) -> Option<File> {
    let kind = if period.span == Span::Hour { HOURS } else { DAYS };
    Some(File { dir: Path::new(kind).join(folders(period)?), name: format!("node-{node_id}.parquet") })
}

/// The file for people.
pub(crate) fn csv(period: Period, node_id: &str) -> Option<File> {
    Some(File { dir: Path::new(CSV).join(folders(period)?), name: format!("node-{node_id}.csv") })
}

/// The file of a node's events.
pub(crate) fn event_file(node_id: &str) -> File {
    File { dir: EVENTS.into(), name: format!("node-{node_id}.parquet") }
}

/// `date=2026-11-20/hour=13`, and for a day the first of these.
fn folders(period: Period) -> Option<String> {
    let at = Timestamp::from_second(period.start.checked_mul(HOUR_S)?).ok()?.to_zoned(TimeZone::UTC);
    Some(match period.span {
        Span::Hour => at.strftime("date=%Y-%m-%d/hour=%H").to_string(),
        Span::Day => at.strftime("date=%Y-%m-%d").to_string(),
    })
}

/// The first Unix hour of the day of a folder `date=…`.
pub(super) fn day_of_folder(name: &str) -> Option<i64> {
    let date: Date = name.strip_prefix("date=")?.parse().ok()?;
    let start = date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second().div_euclid(HOUR_S);
    // Other ways to write the same date are not ours.
    (folders(Period::day_of(start))? == name).then_some(start)
}

/// The hour of the day of a folder `hour=…`.
pub(super) fn hour_of_folder(name: &str) -> Option<i64> {
    let digits = name.strip_prefix("hour=").filter(|digits| digits.len() == 2)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?.filter(|hour| *hour < 24)
}

/// The node of a file; `None` for the files of others, temporary ones among them.
pub(super) fn node_of_file(name: &str) -> Option<&str> {
    let id = name.strip_prefix("node-")?.strip_suffix(".parquet")?;
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (!id.is_empty() && id.bytes().all(is_known)).then_some(id)
}
