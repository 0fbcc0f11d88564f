//! Hours and days on the calendar: labels in the reader's time zone, gaps in the window. Reads no clock.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::{Report, Step};

/// Seconds of an hour.
pub(crate) const HOUR_S: i64 = 3600;

/// A stretch of time, Unix seconds: from `since` up to but not including `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    #[expect(missing_docs)]
    pub since: i64,
    #[expect(missing_docs)]
    pub until: i64,
}

/// The stretches of whole hours (or days) inside the window in which no request ended, oldest first.
#[must_use]
pub fn gaps(report: &Report) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut reached = report.since;
    for row in &report.hour_totals {
        if row.hour > reached {
            gaps.push(Gap { since: reached, until: row.hour });
        }
        reached = reached.max(row.hour.saturating_add(report.step.seconds()));
    }
    if reached < report.until {
        gaps.push(Gap { since: reached, until: report.until });
    }
    gaps
}

/// Seconds of the window; 0 where there was no request to span one.
pub(crate) fn window_s(report: &Report) -> i64 {
    report.until.saturating_sub(report.since).max(0)
}

/// The instant in UTC, `2026-11-20T13:00:00Z`.
#[must_use]
pub fn rfc3339(at: i64) -> String {
    instant(at).to_string()
}

/// The name of the zone that the report is shown in: days are of UTC, and another clock would cut them up.
pub(crate) fn zone_name(report: &Report) -> &str {
    match report.step {
        Step::Hour => &report.timezone,
        Step::Day => "UTC",
    }
}

/// The zone that the report is shown in.
pub(crate) fn zone(report: &Report) -> TimeZone {
    named_zone(zone_name(report))
}

/// The zone of this IANA name; UTC if this machine does not know it.
pub(crate) fn named_zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// The instant in the zone. Instants that the calendar does not reach are moved to its ends.
pub(crate) fn local(at: i64, zone: &TimeZone) -> jiff::Zoned {
    instant(at).to_zoned(zone.clone())
}

fn instant(at: i64) -> Timestamp {
    Timestamp::from_second(at).unwrap_or(if at < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// `Thu 12 Nov 2026 01:00 – Thu 19 Nov 01:00`, the end with as much of its date as differs; `clock` is its format.
pub(crate) fn stretch(since: i64, until: i64, zone: &TimeZone, clock: &str) -> String {
    let [since, until] = [since, until].map(|at| local(at, zone));
    let day = match () {
        () if since.date() == until.date() => "",
        () if since.year() == until.year() => "%a %-d %b ",
        () => "%a %-d %b %Y ",
    };
    let from = since.strftime(&format!("%a %-d %b %Y {clock}")).to_string();
    format!("{from} – {}", until.strftime(&format!("{day}{clock}")))
}

/// The local time of an hour's start, `14:00`; where the clock is set back and shows it twice, with its offset.
pub(crate) fn clock_label(hour: i64, zone: &TimeZone) -> String {
    let here = local(hour, zone);
    let repeated = [-HOUR_S, HOUR_S]
        .iter()
        .any(|step| local(hour.saturating_add(*step), zone).datetime() == here.datetime());
    here.strftime(if repeated { "%H:%M%:z" } else { "%H:%M" }).to_string()
}
