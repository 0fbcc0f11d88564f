//! The hours of the window, or its days where there are too many hours. Adds up counts, never percentiles.

use super::Page;
use super::paint::{Ink, Line};
use super::table::{Cell, Column, Shape, Table, column, sparkline};
use crate::hours::{HOUR_S, clock_label, local};
use crate::model::{Figures, HourRow};
use crate::{text, words};

/// More hours than this are folded into days.
const MAX_HOURS: i64 = 48;
/// Hours of a day on which the clock is set back.
const LONGEST_DAY_H: i64 = 25;
/// More days than this are not shown.
const MAX_DAYS: usize = 31;

pub(super) fn timeline(page: &Page<'_>) -> Vec<Line> {
    let hours = &page.report.hour_totals;
    let (Some(first), Some(last)) = (hours.first(), hours.last()) else { return Vec::new() };
    if last.hour.saturating_sub(first.hour) < MAX_HOURS * HOUR_S { hour_table(page) } else { day_table(page) }
}

const HOUR_COLUMNS: [Column; 13] = [
    column("", Shape::Label, 0),
    column("", Shape::Bar { min: 8, max: 30 }, 2),
    column("requests", Shape::Number, 0),
    column("/s", Shape::Number, 3),
    column("peak/s", Shape::Number, 4),
    column("4xx", Shape::Number, 6),
    column("5xx", Shape::Number, 1),
    column("p50", Shape::Number, 7),
    column("p95", Shape::Number, 0),
    column("", Shape::Bar { min: 6, max: 20 }, 5),
    column("p99", Shape::Number, 8),
    column("sent", Shape::Number, 9),
    column("clients", Shape::Number, 10),
];

fn hour_table(page: &Page<'_>) -> Vec<Line> {
    let hours = &page.report.hour_totals;
    let most = most_requests(hours);
    let slowest = hours.iter().filter_map(|row| row.figures.latency.p95_ms).fold(0.0, f64::max);
    let mut table = Table::new("Hours", &HOUR_COLUMNS);
    let mut day = None;
    let mut expected = hours.first().map_or(0, |row| row.hour);
    for row in hours {
        if row.hour > expected {
            let label = page.hour_label(expected, &mut day);
            table.across(Cell::Text(Ink::Faint, label), gap_text(row.hour.saturating_sub(expected) / HOUR_S));
        }
        expected = row.hour.saturating_add(HOUR_S);
        let label = page.hour_label(row.hour, &mut day);
        table.row(hour_cells(label, &row.figures, most, slowest));
    }
    table.lines(page.pen, page.columns)
}

fn gap_text(hours: i64) -> String {
    if hours == 1 { "no requests".into() } else { format!("no requests for {hours} h") }
}

fn hour_cells(label: String, figures: &Figures, most: u64, slowest: f64) -> [Cell; 13] {
    let strong = |is: bool| if is { Ink::Strong } else { Ink::Plain };
    let p95 = figures.latency.p95_ms;
    [
        Cell::plain(label),
        Cell::Bar(Ink::Load, figures.requests as f64 / most.max(1) as f64),
        Cell::Text(strong(figures.requests == most), text::count(figures.requests)),
        Cell::plain(text::rate(figures.rps_mean)),
        Cell::plain(text::count(figures.rps_peak)),
        errors(figures, figures.status_4xx, Ink::Plain),
        errors(figures, figures.status_5xx, Ink::Bad),
        time(figures.latency.p50_ms),
        p95.map_or(Cell::Blank, |p95| Cell::Text(strong(p95 >= slowest), text::millis(p95))),
        p95.map_or(Cell::Blank, |p95| Cell::Bar(Ink::Time, p95 / slowest.max(f64::MIN_POSITIVE))),
        time(figures.latency.p99_ms),
        Cell::or_blank(figures.bytes_sent.map(text::bytes)),
        Cell::or_blank(figures.clients.map(text::count)),
    ]
}

/// A time, if there is one.
pub(super) fn time(ms: Option<f64>) -> Cell {
    Cell::or_blank(ms.map(text::millis))
}

/// A share of the requests: faint when nothing, in `ink` from one in a hundred on.
/// A share of errors; nothing where no status is logged.
pub(super) fn errors(figures: &Figures, part: u64, ink: Ink) -> Cell {
    if figures.with_status() == 0 { Cell::or_blank(None) } else { share(part, figures.requests, ink) }
}

fn share(part: u64, whole: u64, ink: Ink) -> Cell {
    let ink = match part {
        0 => Ink::Faint,
        _ if part.saturating_mul(100) >= whole => ink,
        _ => Ink::Plain,
    };
    Cell::Text(ink, text::percent(part, whole))
}

impl Page<'_> {
    /// `Thu 19 01:00`, and for the other hours of that day `02:00` below it.
    fn hour_label(&self, hour: i64, day: &mut Option<jiff::civil::Date>) -> String {
        let here = local(hour, &self.zone);
        let clock = clock_label(hour, &self.zone);
        if day.replace(here.date()) == Some(here.date()) {
            format!("{:7}{clock}", "")
        } else {
            format!("{} {clock}", here.strftime("%a %_d"))
        }
    }
}

const DAY_COLUMNS: [Column; 9] = [
    column("", Shape::Label, 0),
    column("hour by hour", Shape::Label, 2),
    column("requests", Shape::Number, 0),
    column("/s", Shape::Number, 3),
    column("peak/s", Shape::Number, 4),
    column("4xx", Shape::Number, 6),
    column("5xx", Shape::Number, 1),
    column("worst p95", Shape::Number, 0),
    column("", Shape::Bar { min: 6, max: 24 }, 5),
];

/// One day, added up from its hours.
struct Day {
    date: jiff::civil::Date,
    hours: Vec<Option<u64>>,
    sum: Figures,
    worst_p95_ms: Option<f64>,
}

fn day_table(page: &Page<'_>) -> Vec<Line> {
    let hours = &page.report.hour_totals;
    let days = days(page, hours);
    let most = most_requests(hours);
    let slowest = days.iter().filter_map(|day| day.worst_p95_ms).fold(0.0, f64::max);
    let mut table = Table::new("Days", &DAY_COLUMNS);
    let mut expected = None;
    for day in days.iter().skip(days.len().saturating_sub(MAX_DAYS)) {
        if let Some(expected) = expected.filter(|&expected| expected < day.date) {
            table.across(date_cell(expected), missing_days(expected, day.date));
        }
        expected = day.date.tomorrow().ok();
        table.row(day_cells(page, day, most, slowest));
    }
    let mut lines = table.lines(page.pen, page.columns);
    if slowest > 0.0 {
        lines.push(page.pen.line([(Ink::Faint, "worst p95: of the day's slowest hour")]));
    }
    if days.len() > MAX_DAYS {
        let earlier = words::counted((days.len() - MAX_DAYS) as u64, "earlier day");
        let text = format!("… and {earlier}: see hourly.csv");
        lines.push(page.pen.line([(Ink::Faint, &text)]));
    }
    lines
}

fn missing_days(from: jiff::civil::Date, to: jiff::civil::Date) -> String {
    match from.until(to).map_or(0, |span| span.get_days()) {
        1 => "no requests".into(),
        days => format!("no requests for {days} days"),
    }
}

fn date_cell(date: jiff::civil::Date) -> Cell {
    Cell::plain(date.strftime("%a %_d %b").to_string())
}

fn day_cells(page: &Page<'_>, day: &Day, most: u64, slowest: f64) -> [Cell; 9] {
    let sum = &day.sum;
    [
        date_cell(day.date),
        Cell::Text(Ink::Load, sparkline(&day.hours, most, page.pen.unicode)),
        Cell::plain(text::count(sum.requests)),
        Cell::plain(text::rate(sum.requests as f64 / sum.covered_s.max(1) as f64)),
        Cell::plain(text::count(sum.rps_peak)),
        share(sum.status_4xx, sum.requests, Ink::Plain),
        share(sum.status_5xx, sum.requests, Ink::Bad),
        time(day.worst_p95_ms),
        day.worst_p95_ms
            .map_or(Cell::Blank, |p95| Cell::Bar(Ink::Time, p95 / slowest.max(f64::MIN_POSITIVE))),
    ]
}

fn days(page: &Page<'_>, hours: &[HourRow]) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for row in hours {
        let here = local(row.hour, &page.zone);
        if days.last().is_none_or(|day| day.date != here.date()) {
            days.push(Day {
                date: here.date(),
                hours: Vec::new(),
                sum: Figures::default(),
                worst_p95_ms: None,
            });
        }
        let Some(day) = days.last_mut() else { continue };
        let since_midnight =
            here.start_of_day().map_or(0, |midnight| row.hour - midnight.timestamp().as_second());
        day.hours.resize((since_midnight / HOUR_S).clamp(0, LONGEST_DAY_H) as usize, None);
        day.hours.push(Some(row.figures.requests));
        day.add(&row.figures);
    }
    days
}

impl Day {
    fn add(&mut self, hour: &Figures) {
        self.sum.requests += hour.requests;
        self.sum.covered_s += hour.covered_s;
        self.sum.rps_peak = self.sum.rps_peak.max(hour.rps_peak);
        self.sum.status_4xx += hour.status_4xx;
        self.sum.status_5xx += hour.status_5xx;
        let p95s = [self.worst_p95_ms, hour.latency.p95_ms];
        self.worst_p95_ms = p95s.into_iter().flatten().reduce(f64::max);
    }
}

fn most_requests(hours: &[HourRow]) -> u64 {
    hours.iter().map(|row| row.figures.requests).max().unwrap_or(0)
}
