//! The requests by time spent, by group and by outcome.

use super::Page;
use super::paint::{Ink, Line, joined};
use super::table::{Cell, Column, Shape, Table, column};
use super::timeline::{errors, time};
use crate::divisions::{Division, divisions};
use crate::model::Figures;
use crate::{terminations, text, words};

/// Rows of a table of groups; the others are in `hourly.csv` or `daily.csv`.
const MAX_GROUPS: usize = 15;
/// Status codes that are listed, the most frequent ones.
const MAX_CODES: usize = 12;
/// Termination states that are listed, the most frequent ones.
const MAX_TERMINATIONS: usize = 12;
/// Columns that a block of outcomes needs to stand beside another.
const OUTCOME_COLUMNS: usize = 52;

/// Where the time went; only when there is more to say than the hours did.
pub(super) fn times(page: &Page<'_>) -> Vec<Line> {
    let timings = words::timings(&page.report.totals);
    let mut table = Table::new(
        "Times",
        &[
            column("", Shape::Label, 0),
            column("requests", Shape::Number, 3),
            column("mean", Shape::Number, 2),
            column("p50", Shape::Number, 0),
            column("p90", Shape::Number, 1),
            column("p95", Shape::Number, 0),
            column("p99", Shape::Number, 0),
            column("max", Shape::Number, 0),
        ],
    );
    for (name, timing) in &timings {
        table.row([
            Cell::plain(*name),
            Cell::plain(text::count(timing.n)),
            time(timing.mean_ms),
            time(timing.p50_ms),
            time(timing.p90_ms),
            time(timing.p95_ms),
            time(timing.p99_ms),
            time(timing.max_ms),
        ]);
    }
    if timings.is_empty() { Vec::new() } else { table.lines(page.pen, page.columns) }
}

/// A table for each way of dividing the requests that has several parts.
pub(super) fn groups(page: &Page<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for division in divisions(page.report) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(group_table(page, &division));
    }
    lines
}

const GROUP_COLUMNS: [Column; 12] = [
    column("", Shape::Text { min: 24, middle: true }, 0),
    column("", Shape::Bar { min: 6, max: 24 }, 7),
    column("share", Shape::Number, 1),
    column("requests", Shape::Number, 0),
    column("/s", Shape::Number, 4),
    column("peak/s", Shape::Number, 8),
    column("p95", Shape::Number, 0),
    column("p99", Shape::Number, 9),
    column("4xx", Shape::Number, 6),
    column("5xx", Shape::Number, 2),
    column("retries", Shape::Number, 3),
    column("sent", Shape::Number, 5),
];

fn group_table(page: &Page<'_>, division: &Division<'_>) -> Vec<Line> {
    let Division { title, rows, name, whole } = *division;
    let mut table = Table::new(title, &GROUP_COLUMNS);
    for row in rows.iter().take(MAX_GROUPS) {
        let figures = &row.figures;
        table.row([
            Cell::plain(name(row)),
            Cell::Bar(Ink::Load, figures.requests as f64 / whole.max(1) as f64),
            Cell::plain(text::percent(figures.requests, whole)),
            Cell::plain(text::count(figures.requests)),
            Cell::plain(text::rate(figures.rps_mean)),
            Cell::plain(text::count(figures.rps_peak)),
            time(figures.latency.p95_ms),
            time(figures.latency.p99_ms),
            errors(figures, figures.status_4xx, Ink::Plain),
            errors(figures, figures.status_5xx, Ink::Bad),
            Cell::or_blank(figures.retries.map(text::count)),
            Cell::or_blank(figures.bytes_sent.map(text::bytes)),
        ]);
    }
    let mut lines = table.lines(page.pen, page.columns);
    if rows.len() > MAX_GROUPS {
        let more = format!("… and {} more", rows.len() - MAX_GROUPS);
        lines.push(page.pen.line([(Ink::Faint, &more)]));
    }
    lines
}

/// Status codes, terminations, whose doing failures were, and the cache.
pub(super) fn outcomes(page: &Page<'_>) -> Vec<Line> {
    if page.report.totals.requests == 0 {
        return Vec::new();
    }
    let columns = page.block_columns(OUTCOME_COLUMNS);
    let blocks = vec![statuses(page, columns), ends(page, columns)];
    let mut lines = page.beside(blocks, OUTCOME_COLUMNS);
    for more in [failures(page), cache(page)].into_iter().filter(|more| !more.is_empty()) {
        lines.push(Line::default());
        lines.extend(more);
    }
    lines
}

/// Whose doing failed requests were; nothing where none failed.
fn failures(page: &Page<'_>) -> Vec<Line> {
    let totals = &page.report.totals;
    let Some(failures) = totals.failures.filter(|failures| failures.total() > 0) else { return Vec::new() };
    let share = text::percent(failures.total(), totals.requests);
    let whole = words::roughly(totals.requests, "request");
    let causes = words::failures(&failures);
    let causes = causes.iter().map(|(cause, count, _)| format!("{cause} {}", text::count(*count)));
    let first = format!("{share}: {} of {whole}", text::count(failures.total()));
    titled(page, "Failures", std::iter::once(first).chain(causes))
}

/// Parts in lines behind a title.
fn titled(page: &Page<'_>, title: &str, parts: impl Iterator<Item = String>) -> Vec<Line> {
    let lines = joined(parts, " · ", page.columns - title.len() - 2);
    let title = |at: usize| if at == 0 { format!("{title}  ") } else { " ".repeat(title.len() + 2) };
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| page.pen.line([(Ink::Strong, &title(at)), (Ink::Plain, line)]))
        .collect()
}

fn statuses(page: &Page<'_>, columns: usize) -> Vec<Line> {
    let totals = &page.report.totals;
    let mut codes = words::statuses(totals);
    let others: u64 = codes.iter().skip(MAX_CODES).map(|&(_, count)| count).sum();
    codes.truncate(MAX_CODES);
    codes.sort_unstable();
    let mut table = Table::new(
        "Status",
        &[
            column("", Shape::Label, 0),
            column("", Shape::Label, 2),
            column("", Shape::Bar { min: 6, max: 24 }, 1),
            column("share", Shape::Number, 0),
            column("requests", Shape::Number, 0),
        ],
    );
    let mut row = |name: String, meaning: &str, ink: Ink, count: u64| {
        table.row([
            Cell::plain(name),
            Cell::Text(Ink::Faint, meaning.into()),
            Cell::Bar(ink, count as f64 / totals.requests as f64),
            Cell::plain(text::percent(count, totals.requests)),
            Cell::plain(text::count(count)),
        ]);
    };
    for (code, count) in codes {
        row(format!("{code:03}"), words::status_meaning(code), status_ink(code), count);
    }
    if others > 0 {
        row("other".into(), "", Ink::Plain, others);
    }
    let without = words::without_status(totals);
    if without > 0 {
        row("none".into(), words::NO_STATUS, Ink::Plain, without);
    }
    table.lines(page.pen, columns)
}

const fn status_ink(code: u16) -> Ink {
    match code / 100 {
        2 => Ink::Good,
        3 => Ink::Load,
        4 => Ink::Warn,
        5 => Ink::Bad,
        _ => Ink::Plain,
    }
}

fn ends(page: &Page<'_>, columns: usize) -> Vec<Line> {
    let ends = words::terminations(&page.report.totals.terminations);
    if ends.is_empty() {
        return Vec::new();
    }
    let whole = ends.iter().map(|(_, count)| count).sum();
    let mut table = Table::new(
        "Terminations",
        &[
            column("", Shape::Label, 0),
            column("requests", Shape::Number, 0),
            column("share", Shape::Number, 1),
            column("", Shape::Text { min: 20, middle: false }, 0),
        ],
    );
    for (state, count) in ends.iter().take(MAX_TERMINATIONS) {
        table.row([
            Cell::plain(state),
            Cell::plain(text::count(*count)),
            Cell::plain(text::percent(*count, whole)),
            Cell::Text(Ink::Faint, terminations::meaning(state)),
        ]);
    }
    table.lines(page.pen, columns)
}

fn cache(page: &Page<'_>) -> Vec<Line> {
    let Figures { cache_hits, cache_lookups, cache_states, .. } = &page.report.totals;
    let (Some(hits), Some(lookups)) = (*cache_hits, *cache_lookups) else { return Vec::new() };
    let first = format!(
        "{} hits: {} of {}",
        text::percent(hits, lookups),
        text::count(hits),
        words::roughly(lookups, "lookup"),
    );
    let states = cache_states.iter().map(|(state, count)| format!("{state} {}", text::count(*count)));
    titled(page, "Cache", std::iter::once(first).chain(states))
}
