//! The requests by time spent, by group and by outcome.

use super::Page;
use super::paint::{Ink, Line, joined};
use super::table::{Cell, Column, Shape, Table, column};
use super::timeline::{share, time};
use crate::model::{By, Figures, GroupRow, Timing};
use crate::text;

/// Rows of a table of groups; the others are in `hourly.csv`.
const MAX_GROUPS: usize = 15;
/// Status codes that are listed, the most frequent ones.
const MAX_CODES: usize = 12;
/// Termination states that are listed, the most frequent ones.
const MAX_TERMINATIONS: usize = 12;
/// Columns that a block of outcomes needs to stand beside another.
const OUTCOME_COLUMNS: usize = 52;

/// Where the time went; only when there is more to say than the hours did.
pub(super) fn times(page: &Page<'_>) -> Vec<Line> {
    let totals = &page.report.totals;
    let rows: [(&str, &Timing); 5] = [
        ("total", &totals.latency),
        ("upstream", &totals.upstream),
        ("queue", &totals.queue),
        ("connect", &totals.connect),
        ("response", &totals.response),
    ];
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
    let known: Vec<_> = rows.into_iter().filter(|(_, timing)| timing.n > 0).collect();
    for (name, timing) in &known {
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
    if known.is_empty() { Vec::new() } else { table.lines(page.pen, page.columns) }
}

/// A way of dividing the requests: its heading, its rows, and how a row is called.
type Division<'a> = (&'static str, &'a [GroupRow], fn(&GroupRow) -> String);

/// A table for each way of dividing the requests that has several parts.
pub(super) fn groups(page: &Page<'_>) -> Vec<Line> {
    let report = page.report;
    let tables: [Division<'_>; 4] = [
        ("By source", &report.by_source, |row| row.group.source.clone()),
        ("By site", &report.by_site, |row| row.group.site.clone().unwrap_or_default()),
        ("By backend", &report.by_backend, |row| row.group.backend.clone().unwrap_or_default()),
        ("By server", &report.by_server, server_name),
    ];
    let mut lines = Vec::new();
    for (title, rows, name) in tables.into_iter().filter(|(_, rows, _)| rows.len() > 1) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(group_table(page, title, rows, name));
    }
    lines
}

fn server_name(row: &GroupRow) -> String {
    let server = By::Server.value(&row.group).unwrap_or("-");
    By::Backend.value(&row.group).map_or_else(|| server.to_owned(), |backend| format!("{backend}/{server}"))
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

fn group_table(
    page: &Page<'_>,
    title: &'static str,
    rows: &[GroupRow],
    name: fn(&GroupRow) -> String,
) -> Vec<Line> {
    let whole = page.report.totals.requests;
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
            share(figures.status_4xx, figures.requests, Ink::Plain),
            share(figures.status_5xx, figures.requests, Ink::Bad),
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

/// Status codes, terminations and the cache.
pub(super) fn outcomes(page: &Page<'_>) -> Vec<Line> {
    if page.report.totals.requests == 0 {
        return Vec::new();
    }
    let columns = page.block_columns(OUTCOME_COLUMNS);
    let blocks = vec![statuses(page, columns), terminations(page, columns)];
    let mut lines = page.beside(blocks, OUTCOME_COLUMNS);
    let cache = cache(page);
    if !cache.is_empty() {
        lines.push(Line::default());
        lines.extend(cache);
    }
    lines
}

fn statuses(page: &Page<'_>, columns: usize) -> Vec<Line> {
    let totals = &page.report.totals;
    let mut codes = totals.status_codes.clone();
    codes.sort_by_key(|&(code, count)| (std::cmp::Reverse(count), code));
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
        row(format!("{code:03}"), status_meaning(code), status_ink(code), count);
    }
    if others > 0 {
        row("other".into(), "", Ink::Plain, others);
    }
    let without = totals.requests.saturating_sub(totals.status_codes.iter().map(|&(_, count)| count).sum());
    if without > 0 {
        row("none".into(), "no status logged", Ink::Plain, without);
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

/// The usual codes in words, nginx's own among them; the others stand for themselves.
const fn status_meaning(code: u16) -> &'static str {
    match code {
        0 => "no response",
        9 => "http/0.9",
        101 => "switching protocols",
        200 => "ok",
        201 => "created",
        204 => "no content",
        206 => "partial content",
        301 => "moved permanently",
        302 => "found",
        303 => "see other",
        304 => "not modified",
        307 => "temporary redirect",
        308 => "permanent redirect",
        400 => "bad request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not found",
        405 => "method not allowed",
        408 => "request timeout",
        410 => "gone",
        413 => "content too large",
        416 => "range not satisfiable",
        421 => "misdirected request",
        429 => "too many requests",
        444 => "closed unanswered",
        494 => "header too large",
        495 | 496 => "client certificate",
        497 => "http to https port",
        499 => "client closed request",
        500 => "internal server error",
        502 => "bad gateway",
        503 => "service unavailable",
        504 => "gateway timeout",
        _ => "",
    }
}

/// HAProxy's termination states by their first two characters; the cookie's part of them says nothing about the end.
fn terminations(page: &Page<'_>, columns: usize) -> Vec<Line> {
    let mut by_end: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for (state, count) in &page.report.totals.terminations {
        *by_end.entry(state.chars().take(2).collect()).or_default() += count;
    }
    if by_end.keys().all(|state| state == "--") {
        return Vec::new();
    }
    let whole: u64 = by_end.values().sum();
    let mut ends: Vec<(String, u64)> = by_end.into_iter().collect();
    ends.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
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
        let meaning = termination_meaning(state);
        table.row([
            Cell::plain(state),
            Cell::plain(text::count(*count)),
            Cell::plain(text::percent(*count, whole)),
            Cell::Text(Ink::Faint, meaning),
        ]);
    }
    table.lines(page.pen, columns)
}

/// A termination state in words.
fn termination_meaning(state: &str) -> String {
    let known = match state {
        "--" => "normally",
        "CR" | "cR" => "no full request, often a pre-connect",
        "PR" => "request denied or invalid",
        "PT" => "tarpitted",
        "PH" => "response denied or invalid",
        "LR" => "answered by HAProxy itself",
        "SC" => "server refused the connection",
        "sC" => "connecting to the server timed out",
        "sQ" => "timed out in the queue",
        "sH" => "server did not answer in time",
        "SH" => "server closed before answering",
        "SD" => "server closed during the response",
        "CD" => "client left during the response",
        "cD" => "client stopped reading",
        "sD" => "server stopped sending",
        "CH" => "client left before the answer",
        "CC" => "client left during the connect",
        "CQ" => "client left the queue",
        _ => "",
    };
    if !known.is_empty() {
        return known.into();
    }
    let mut letters = state.chars();
    let cause = letters.next().map_or("", cause_meaning);
    let phase = letters.next().map_or("", phase_meaning);
    [cause, phase].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

const fn cause_meaning(letter: char) -> &'static str {
    match letter {
        'C' => "client aborted",
        'S' => "server aborted",
        'P' => "blocked by the proxy",
        'L' => "answered by HAProxy itself",
        'R' => "proxy out of resources",
        'I' => "internal error of the proxy",
        'D' => "server went down",
        'U' => "moved off a backup server",
        'K' => "killed by an administrator",
        'c' => "client timed out",
        's' => "server timed out",
        _ => "",
    }
}

const fn phase_meaning(letter: char) -> &'static str {
    match letter {
        'R' => "before a full request",
        'Q' => "in the queue",
        'C' => "during the connect",
        'H' => "before the response headers",
        'D' => "during the response",
        'L' => "while sending the rest",
        'T' => "in the tarpit",
        _ => "",
    }
}

fn cache(page: &Page<'_>) -> Vec<Line> {
    let Figures { cache_hits, cache_lookups, cache_states, .. } = &page.report.totals;
    let (Some(hits), Some(lookups)) = (*cache_hits, *cache_lookups) else { return Vec::new() };
    let mut parts = vec![format!(
        "{} hits: {} of {} lookups",
        text::percent(hits, lookups),
        text::count(hits),
        text::count(lookups),
    )];
    parts.extend(cache_states.iter().map(|(state, count)| format!("{state} {}", text::count(*count))));
    let lines = joined(parts, " · ", page.columns - 7);
    let title = |at: usize| if at == 0 { "Cache  " } else { "       " };
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| page.pen.line([(Ink::Strong, title(at)), (Ink::Plain, line)]))
        .collect()
}
