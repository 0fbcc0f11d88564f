//! Cuts the window into columns of an hour, some hours or some days in the report's time zone. Never reads the clock.

use crate::hours::{HOUR_S, local, zone};
use crate::model::Report;
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

const DAY_S: i64 = 24 * HOUR_S;

/// The time axis: columns between ascending edges, Unix seconds.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    zone: TimeZone,
    width: Step,
    edges: Vec<i64>,
}

/// A mark on the time axis. `below` is its second line, set where it differs from the mark before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) at: i64,
    pub(super) label: String,
    pub(super) below: Option<String>,
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
        let first = report.hour_totals.first()?.hour;
        let last = report.hour_totals.last()?.hour.checked_add(HOUR_S)?;
        // An empty stretch is shown, but not one so long that nothing else can be seen.
        let margin = last.checked_sub(first)?.saturating_mul(3).max(DAY_S);
        let since = report.since.min(first).max(first.saturating_sub(margin));
        let until = report.until.max(last).min(last.saturating_add(margin));
        let zone = zone(report);
        let width = Step::finest(&COLUMNS, until - since, most);
        let mut edges = match width {
            // An hour of a row starts in UTC, which zones with half an hour do not share.
            Step::Hours(1) => (since.div_euclid(HOUR_S)..=(until - 1).div_euclid(HOUR_S) + 1)
                .map(|hour| hour * HOUR_S)
                .collect(),
            _ => width.sequence(since, until, &zone),
        };
        edges.dedup();
        (edges.len() >= 2).then_some(Self { zone, width, edges })
    }

    pub(super) fn columns(&self) -> usize {
        self.edges.len() - 1
    }

    /// The column that an hour belongs to.
    pub(super) fn column_of(&self, hour: i64) -> Option<usize> {
        let after = self.edges.partition_point(|&edge| edge <= hour);
        (1..self.edges.len()).contains(&after).then(|| after - 1)
    }

    /// The zone of its labels.
    pub(super) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// Start and end of a column.
    pub(super) fn span(&self, column: usize) -> (i64, i64) {
        (self.edges[column], self.edges[column + 1])
    }

    /// Start and end of the axis.
    pub(super) fn ends(&self) -> (i64, i64) {
        (self.edges[0], self.edges[self.columns()])
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

    /// Whether a column is one hour, so that its figures are those of a row.
    pub(super) fn is_hourly(&self) -> bool {
        self.width == Step::Hours(1)
    }

    /// When a column is, in words.
    pub(super) fn label(&self, column: usize) -> String {
        let (start, end) = self.span(column);
        match self.width {
            Step::Hours(_) => {
                format!("{} – {}", self.format(start, "%a %-d %b %Y, %H:%M"), self.format(end, "%H:%M %Z"))
            }
            Step::Days(1) => self.format(start, "%a %-d %b %Y"),
            _ => format!("{} – {}", self.format(start, "%-d %b %Y"), self.format(end - 1, "%-d %b %Y")),
        }
    }

    /// A second, with its date where the axis is longer than a day.
    pub(super) fn second(&self, at: i64) -> String {
        let (start, end) = self.ends();
        self.format(at, if end - start > DAY_S { "%H:%M:%S, %-d %b" } else { "%H:%M:%S" })
    }

    /// At most `most` marks or a few more, at full hours, days, months or years.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        let (start, end) = self.ends();
        let step = Step::finest(&TICKS, end - start, most);
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

    fn format(&self, at: i64, format: &str) -> String {
        local(at, &self.zone).strftime(format).to_string()
    }
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
