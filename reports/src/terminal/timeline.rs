//! The hours of the window, or its days, or what they add up to where there are too many of them. Adds up counts, never
//! percentiles.

use super::Page;
use super::paint::{Ink, Line};
use super::table::{Cell, Column, Shape, Table, column, sparkline};
use crate::hours::{clock_label, local};
use crate::model::{Figures, HourRow, Step};
use crate::{text, words};
use jiff::ToSpan;
use jiff::civil::Date;

/// More rows than this are folded: hours into days, days into months.
const MAX_ROWS: i64 = 48;
/// Hours of a day on which the clock is set back, and days of a month.
const LONGEST_DAY_H: i64 = 25;
const LONGEST_MONTH_D: i64 = 31;
/// More folds than this are not shown.
const MAX_FOLDS: usize = 31;

pub(super) fn timeline(page: &Page<'_>) -> Vec<Line> {
    let rows = &page.report.hour_totals;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Vec::new() };
    let longest = page.report.step.seconds() * MAX_ROWS;
    if last.hour.saturating_sub(first.hour) < longest { row_table(page) } else { fold_table(page) }
}

const ROW_COLUMNS: [Column; 13] = [
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

fn row_table(page: &Page<'_>) -> Vec<Line> {
    let rows = &page.report.hour_totals;
    let step_s = page.report.step.seconds();
    let most = most_requests(rows);
    let slowest = rows.iter().filter_map(|row| row.figures.latency.p95_ms).fold(0.0, f64::max);
    let title = match page.report.step {
        Step::Hour => "Hours",
        Step::Day => "Days",
    };
    let mut table = Table::new(title, &ROW_COLUMNS);
    let mut day = None;
    let mut expected = rows.first().map_or(0, |row| row.hour);
    for row in rows {
        if row.hour > expected {
            let label = page.row_label(expected, &mut day);
            let missing = row.hour.saturating_sub(expected) / step_s;
            table.across(Cell::Text(Ink::Faint, label), gap_text(missing, page.report.step));
        }
        expected = row.hour.saturating_add(step_s);
        let label = page.row_label(row.hour, &mut day);
        table.row(row_cells(label, &row.figures, most, slowest));
    }
    table.lines(page.pen, page.columns)
}

fn gap_text(missing: i64, step: Step) -> String {
    match (missing, step) {
        (1, _) => "no requests".into(),
        (hours, Step::Hour) => format!("no requests for {hours} h"),
        (days, Step::Day) => format!("no requests for {days} days"),
    }
}

fn row_cells(label: String, figures: &Figures, most: u64, slowest: f64) -> [Cell; 13] {
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
    /// `Thu 19 01:00`, and for the other hours of that day `02:00` below it; `Thu 19 Nov` for a day.
    fn row_label(&self, start: i64, day: &mut Option<Date>) -> String {
        let here = local(start, &self.zone);
        if self.report.step == Step::Day {
            return self.date_label(here.date());
        }
        let clock = clock_label(start, &self.zone);
        if day.replace(here.date()) == Some(here.date()) {
            format!("{:7}{clock}", "")
        } else {
            format!("{} {clock}", here.strftime("%a %_d"))
        }
    }

    /// `Thu 19 Nov`, with the year where it is not the only one.
    fn date_label(&self, date: Date) -> String {
        let year = |at: i64| local(at, &self.zone).year();
        let is_one = year(self.report.since) == year(self.report.until.saturating_sub(1));
        date.strftime(if is_one { "%a %_d %b" } else { "%a %_d %b %Y" }).to_string()
    }
}

const fn fold_columns(parts: &'static str) -> [Column; 9] {
    [
        column("", Shape::Label, 0),
        column(parts, Shape::Label, 2),
        column("requests", Shape::Number, 0),
        column("/s", Shape::Number, 3),
        column("peak/s", Shape::Number, 4),
        column("4xx", Shape::Number, 6),
        column("5xx", Shape::Number, 1),
        column("worst p95", Shape::Number, 0),
        column("", Shape::Bar { min: 6, max: 24 }, 5),
    ]
}
const DAY_COLUMNS: [Column; 9] = fold_columns("hour by hour");
const MONTH_COLUMNS: [Column; 9] = fold_columns("day by day");

/// A day, added up from its hours, or a month from its days.
struct Fold {
    /// The day, or the first of the month.
    date: Date,
    /// Requests of each row, from the beginning on.
    parts: Vec<Option<u64>>,
    sum: Figures,
    worst_p95_ms: Option<f64>,
}

fn fold_table(page: &Page<'_>) -> Vec<Line> {
    let step = page.report.step;
    let rows = &page.report.hour_totals;
    let folds = folds(page, rows);
    let most = most_requests(rows);
    let slowest = folds.iter().filter_map(|fold| fold.worst_p95_ms).fold(0.0, f64::max);
    let (title, columns, whole) = match step {
        Step::Hour => ("Days", &DAY_COLUMNS, "day"),
        Step::Day => ("Months", &MONTH_COLUMNS, "month"),
    };
    let mut table = Table::new(title, columns);
    let mut expected = None;
    for fold in folds.iter().skip(folds.len().saturating_sub(MAX_FOLDS)) {
        if let Some(expected) = expected.filter(|&expected| expected < fold.date) {
            table.across(Cell::plain(fold_label(page, expected)), missing_folds(step, expected, fold.date));
        }
        expected = next_fold(step, fold.date);
        table.row(fold_cells(page, fold, most, slowest));
    }
    let mut lines = table.lines(page.pen, page.columns);
    if slowest > 0.0 {
        let says = format!("worst p95: of the {whole}'s slowest {}", step.noun());
        lines.push(page.pen.line([(Ink::Faint, &says)]));
    }
    if folds.len() > MAX_FOLDS {
        let earlier = words::counted((folds.len() - MAX_FOLDS) as u64, &format!("earlier {whole}"));
        let text = format!("… and {earlier}: see {}.csv", step.file_stem());
        lines.push(page.pen.line([(Ink::Faint, &text)]));
    }
    lines
}

fn next_fold(step: Step, date: Date) -> Option<Date> {
    match step {
        Step::Hour => date.tomorrow().ok(),
        Step::Day => date.checked_add(1.month()).ok(),
    }
}

fn missing_folds(step: Step, from: Date, to: Date) -> String {
    let (missing, whole) = match step {
        Step::Hour => (from.until(to).map_or(0, |span| i64::from(span.get_days())), "days"),
        Step::Day => (months(to) - months(from), "months"),
    };
    if missing == 1 { "no requests".into() } else { format!("no requests for {missing} {whole}") }
}

fn months(date: Date) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month())
}

fn fold_label(page: &Page<'_>, date: Date) -> String {
    match page.report.step {
        Step::Hour => page.date_label(date),
        Step::Day => date.strftime("%b %Y").to_string(),
    }
}

fn fold_cells(page: &Page<'_>, fold: &Fold, most: u64, slowest: f64) -> [Cell; 9] {
    let sum = &fold.sum;
    [
        Cell::plain(fold_label(page, fold.date)),
        Cell::Text(Ink::Load, sparkline(&fold.parts, most, page.pen.unicode)),
        Cell::plain(text::count(sum.requests)),
        Cell::plain(text::rate(sum.requests as f64 / sum.covered_s.max(1) as f64)),
        Cell::plain(text::count(sum.rps_peak)),
        share(sum.status_4xx, sum.requests, Ink::Plain),
        share(sum.status_5xx, sum.requests, Ink::Bad),
        time(fold.worst_p95_ms),
        fold.worst_p95_ms
            .map_or(Cell::Blank, |p95| Cell::Bar(Ink::Time, p95 / slowest.max(f64::MIN_POSITIVE))),
    ]
}

fn folds(page: &Page<'_>, rows: &[HourRow]) -> Vec<Fold> {
    let mut folds: Vec<Fold> = Vec::new();
    for row in rows {
        let (date, place) = place(page, row.hour);
        if folds.last().is_none_or(|fold| fold.date != date) {
            folds.push(Fold { date, parts: Vec::new(), sum: Figures::default(), worst_p95_ms: None });
        }
        let Some(fold) = folds.last_mut() else { continue };
        fold.parts.resize(place, None);
        fold.parts.push(Some(row.figures.requests));
        fold.add(&row.figures);
    }
    folds
}

/// The day of an hour, or the month of a day, and its place there.
fn place(page: &Page<'_>, start: i64) -> (Date, usize) {
    let step = page.report.step;
    let here = local(start, &page.zone);
    let (first, longest) = match step {
        Step::Hour => (here.start_of_day(), LONGEST_DAY_H),
        Step::Day => (here.first_of_month().and_then(|first| first.start_of_day()), LONGEST_MONTH_D),
    };
    let Ok(first) = first else { return (here.date(), 0) };
    let place = (start - first.timestamp().as_second()) / step.seconds();
    (first.date(), place.clamp(0, longest) as usize)
}

impl Fold {
    fn add(&mut self, row: &Figures) {
        self.sum.requests += row.requests;
        self.sum.covered_s += row.covered_s;
        self.sum.rps_peak = self.sum.rps_peak.max(row.rps_peak);
        self.sum.status_4xx += row.status_4xx;
        self.sum.status_5xx += row.status_5xx;
        let p95s = [self.worst_p95_ms, row.latency.p95_ms];
        self.worst_p95_ms = p95s.into_iter().flatten().reduce(f64::max);
    }
}

fn most_requests(rows: &[HourRow]) -> u64 {
    rows.iter().map(|row| row.figures.requests).max().unwrap_or(0)
}
