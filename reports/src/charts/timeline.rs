//! Cuts the window into columns of an hour, some hours or some days in the zone that the report is shown in. Never reads the clock.

use super::across::{Across, Tick};
use crate::hours::{HOUR_S, local, zone};
use crate::model::{self, Report};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

const DAY_S: i64 = 24 * HOUR_S;

/// The time axis: columns between ascending edges, Unix seconds.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    zone: TimeZone,
    /// Of a row.
    step: model::Step,
    width: Step,
    edges: Vec<i64>,
}

/// A stretch of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Hours(i64),
    Days(i64),
    Months(i64),
    Years(i64),
}

const COLUMNS: [Step; 12] = [
    Step::Hours(1),
    Step::Hours(3),
    Step::Hours(6),
    Step::Hours(12),
    Step::Days(1),
    Step::Days(7),
    Step::Months(1),
    Step::Years(1),
    Step::Years(10),
    Step::Years(100),
    Step::Years(1000),
    Step::Years(10_000),
];

const TICKS: [Step; 17] = [
    Step::Hours(1),
    Step::Hours(2),
    Step::Hours(3),
    Step::Hours(6),
    Step::Hours(12),
    Step::Days(1),
    Step::Days(2),
    Step::Days(7),
    Step::Days(14),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Years(1),
    Step::Years(5),
    Step::Years(50),
    Step::Years(500),
    Step::Years(5000),
];

impl Timeline {
    /// The window where it holds data, in at most `most` columns or a few more; `None` without data.
    pub(super) fn new(report: &Report, most: usize) -> Option<Self> {
        let (first, last) = extent(report)?;
        // An empty stretch is shown, but not one so long that nothing else can be seen.
        let margin = last.checked_sub(first)?.saturating_mul(3).max(DAY_S);
        let since = report.since.min(first).max(first.saturating_sub(margin));
        let until = report.until.max(last).min(last.saturating_add(margin));
        let zone = zone(report);
        let width = Step::finest(of_rows(&COLUMNS, report.step), until - since, most);
        let mut edges = match width {
            // An hour of a row starts in UTC, which zones with half an hour do not share.
            Step::Hours(1) => (since.div_euclid(HOUR_S)..=(until - 1).div_euclid(HOUR_S) + 1)
                .map(|hour| hour * HOUR_S)
                .collect(),
            _ => width.sequence(since, until, &zone),
        };
        edges.dedup();
        (edges.len() >= 2).then_some(Self { zone, step: report.step, width, edges })
    }

    /// The column that a row belongs to, by its start.
    pub(super) fn column_of(&self, hour: i64) -> Option<usize> {
        let after = self.edges.partition_point(|&edge| edge <= hour);
        (1..self.edges.len()).contains(&after).then(|| after - 1)
    }

    /// What a column is, as in "bytes per …".
    pub(super) fn unit(&self) -> String {
        match self.width {
            Step::Hours(1) => "hour".to_owned(),
            Step::Hours(n) => format!("{n} hours"),
            Step::Days(1) => "day".to_owned(),
            Step::Days(_) => "week".to_owned(),
            Step::Months(_) => "month".to_owned(),
            Step::Years(1) => "year".to_owned(),
            Step::Years(n) => format!("{n} years"),
        }
    }

    /// Whether a row is one hour or one day.
    pub(super) fn step(&self) -> model::Step {
        self.step
    }

    /// Whether a column has the figures of one row.
    pub(super) fn is_row(&self) -> bool {
        self.width.seconds() == self.step.seconds()
    }

    /// A second, with its date where the axis is longer than a day.
    pub(super) fn second(&self, at: i64) -> String {
        let (start, end) = self.ends();
        self.format(at, if end - start > DAY_S { "%H:%M:%S, %-d %b" } else { "%H:%M:%S" })
    }

    fn format(&self, at: i64, format: &str) -> String {
        local(at, &self.zone).strftime(format).to_string()
    }
}

impl Across for Timeline {
    fn columns(&self) -> usize {
        self.edges.len() - 1
    }

    fn span(&self, column: usize) -> (i64, i64) {
        (self.edges[column], self.edges[column + 1])
    }

    fn ends(&self) -> (i64, i64) {
        (self.edges[0], self.edges[self.columns()])
    }

    /// When a column is.
    fn label(&self, column: usize) -> String {
        let (start, end) = self.span(column);
        match self.width {
            Step::Hours(_) => {
                let turned = self.format(start, "%Z") != self.format(end, "%Z");
                let from = if turned { "%a %-d %b %Y, %H:%M %Z" } else { "%a %-d %b %Y, %H:%M" };
                format!("{} – {}", self.format(start, from), self.format(end, "%H:%M %Z"))
            }
            Step::Days(1) => self.format(start, "%a %-d %b %Y"),
            _ => format!("{} – {}", self.format(start, "%-d %b %Y"), self.format(end - 1, "%-d %b %Y")),
        }
    }

    /// The zone of the labels.
    fn note(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// At full hours, days, months or years.
    fn ticks(&self, most: usize) -> Vec<Tick> {
        let (start, end) = self.ends();
        let step = Step::finest(of_rows(&TICKS, self.step), end - start, most);
        let (label, below) = step.formats();
        let mut ticks: Vec<Tick> = Vec::new();
        let mut last = String::new();
        for at in step.sequence(start, end, &self.zone) {
            if at < start || at > end {
                continue;
            }
            let now = self.format(at, below);
            ticks.push(Tick { at, label: self.format(at, label), below: (now != last).then(|| now.clone()) });
            last = now;
        }
        ticks
    }
}

/// From the first to the last hour with a request, else from the first to the last thing known of a server.
fn extent(report: &Report) -> Option<(i64, i64)> {
    if let (Some(first), Some(last)) = (report.hour_totals.first(), report.hour_totals.last()) {
        return Some((first.hour, last.hour.checked_add(report.step.seconds())?));
    }
    let intervals = || report.availability.iter().flat_map(|row| &row.intervals);
    let (first, last) =
        (intervals().map(|known| known.from).min()?, intervals().map(|known| known.to).max()?);
    let step_s = report.step.seconds();
    let row = |at: i64| at.div_euclid(step_s) * step_s;
    Some((row(first), row(last).checked_add(step_s)?))
}

/// Those that cut no row.
fn of_rows(steps: &[Step], row: model::Step) -> &[Step] {
    &steps[steps.partition_point(|step| step.seconds() < row.seconds())..]
}

impl Step {
    /// The finest that cuts `seconds` into at most `most` stretches.
    fn finest(steps: &[Self], seconds: i64, most: usize) -> Self {
        let fits = |step: &&Self| seconds / step.seconds() <= i64::try_from(most).unwrap_or(i64::MAX);
        *steps.iter().find(fits).unwrap_or(&steps[steps.len() - 1])
    }

    const fn seconds(self) -> i64 {
        match self {
            Self::Hours(n) => n * HOUR_S,
            Self::Days(n) => n * DAY_S,
            Self::Months(n) => n * 30 * DAY_S,
            Self::Years(n) => n * 365 * DAY_S,
        }
    }

    /// First and second line of a mark's label.
    const fn formats(self) -> (&'static str, &'static str) {
        match self {
            Self::Hours(_) => ("%H:%M", "%a %-d %b"),
            Self::Days(_) => ("%-d %b", "%Y"),
            Self::Months(_) => ("%b", "%Y"),
            Self::Years(_) => ("%Y", ""),
        }
    }

    /// Ascending instants, from the one at or before `start` to the one at or after `end`.
    fn sequence(self, start: i64, end: i64, zone: &TimeZone) -> Vec<i64> {
        let mut instants = Vec::new();
        let mut civil = self.floor(local(start, zone).datetime());
        // A local time that is skipped or repeated may stand before the one already there.
        while let Ok(at) = civil.to_zoned(zone.clone()) {
            let at = at.timestamp().as_second();
            if instants.last().is_none_or(|&last| last < at) {
                instants.push(at);
            }
            let Some(next) = self.after(civil) else { break };
            if at >= end {
                break;
            }
            civil = next;
        }
        instants
    }

    fn floor(self, civil: DateTime) -> DateTime {
        let date = civil.date();
        match self {
            Self::Hours(n) => {
                let hour = i64::from(civil.hour()) / n * n;
                date.at(i8::try_from(hour).unwrap_or(0), 0, 0, 0)
            }
            Self::Days(1) => midnight(date),
            Self::Days(_) => {
                let monday = date.checked_sub(i64::from(date.weekday().to_monday_zero_offset()).days());
                midnight(monday.unwrap_or(date))
            }
            Self::Months(n) => {
                let month = (i64::from(date.month()) - 1) / n * n + 1;
                midnight(Date::new(date.year(), i8::try_from(month).unwrap_or(1), 1).unwrap_or(date))
            }
            Self::Years(n) => {
                let year = i64::from(date.year()).div_euclid(n) * n;
                let year = i16::try_from(year).ok().and_then(|year| Date::new(year, 1, 1).ok());
                midnight(year.unwrap_or(Date::MIN))
            }
        }
    }

    fn after(self, civil: DateTime) -> Option<DateTime> {
        let span = match self {
            Self::Hours(n) => n.hours(),
            Self::Days(n) => n.days(),
            Self::Months(n) => n.months(),
            Self::Years(n) => n.years(),
        };
        civil.checked_add(span).ok()
    }
}

fn midnight(date: Date) -> DateTime {
    date.at(0, 0, 0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HourRow, Report};

    /// 2026-11-19T00:00:00Z, a Thursday.
    const MIDNIGHT: i64 = 1_795_046_400;

    fn timeline(timezone: &str, since: i64, hours: i64, most: usize) -> Timeline {
        let row = |n| HourRow { hour: since + n * HOUR_S, ..HourRow::default() };
        let report = Report {
            since,
            until: since + hours * HOUR_S,
            timezone: timezone.to_owned(),
            hour_totals: (0..hours).map(row).collect(),
            ..Report::default()
        };
        Timeline::new(&report, most).expect("hours")
    }

    fn labels(ticks: &[Tick]) -> Vec<(&str, Option<&str>)> {
        ticks.iter().map(|tick| (tick.label.as_str(), tick.below.as_deref())).collect()
    }

    #[test]
    fn a_day_has_its_hours_and_the_date_below_midnight() {
        let day = timeline("Europe/Berlin", MIDNIGHT, 24, 400);
        assert_eq!((day.columns(), day.unit().as_str()), (24, "hour"));
        let expected =
            [("06:00", Some("Thu 19 Nov")), ("12:00", None), ("18:00", None), ("00:00", Some("Fri 20 Nov"))];
        assert_eq!(labels(&day.ticks(4)), expected);
        assert_eq!(day.label(0), "Thu 19 Nov 2026, 01:00 – 02:00 CET");
    }

    #[test]
    fn days_are_those_of_the_zone_also_when_the_clocks_change() {
        let year = timeline("Europe/Berlin", MIDNIGHT, 400 * 24, 410);
        assert_eq!((year.columns(), year.unit().as_str()), (401, "day"));
        let lengths: Vec<i64> =
            (0..year.columns()).map(|day| (year.span(day).1 - year.span(day).0) / HOUR_S).collect();
        let odd: Vec<_> = lengths.iter().filter(|hours| **hours != 24).collect();
        assert_eq!(odd, [&23, &25]);
    }

    #[test]
    fn every_hour_has_its_column() {
        for zone in ["UTC", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"] {
            for hours in [1, 24, 24 * 30, 24 * 400] {
                let timeline = timeline(zone, MIDNIGHT, hours, 100);
                assert!(timeline.columns() <= 102, "{zone} {hours}: {}", timeline.columns());
                for n in 0..hours {
                    let hour = MIDNIGHT + n * HOUR_S;
                    let (start, end) = timeline.span(timeline.column_of(hour).expect("a column"));
                    assert!((start..end).contains(&hour), "{zone} {hours}");
                }
                assert_eq!(timeline.column_of(timeline.ends().0 - 1), None);
                assert_eq!(timeline.column_of(timeline.ends().1), None);
            }
        }
    }

    #[test]
    fn an_empty_stretch_is_shown_within_reason() {
        let hour = HourRow { hour: MIDNIGHT, ..HourRow::default() };
        let report =
            Report { since: 0, until: MIDNIGHT + HOUR_S, hour_totals: vec![hour], ..Report::default() };
        let timeline = Timeline::new(&report, 400).expect("an hour");
        assert_eq!(timeline.ends(), (MIDNIGHT - DAY_S, MIDNIGHT + HOUR_S));
    }

    #[test]
    fn the_hour_that_comes_twice_is_two_columns() {
        let night = timeline("Europe/Berlin", 1_792_886_400, 3, 400); // 2026-10-25T00:00:00Z
        let labels: Vec<_> = (0..3).map(|column| night.label(column)).collect();
        assert_eq!(
            labels,
            [
                "Sun 25 Oct 2026, 02:00 CEST – 02:00 CET",
                "Sun 25 Oct 2026, 02:00 – 03:00 CET",
                "Sun 25 Oct 2026, 03:00 – 04:00 CET",
            ]
        );
    }
}
