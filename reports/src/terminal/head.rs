//! The first lines: the figures in one sentence, the window, the sources.

use super::Page;
use super::paint::{Ink, Line, joined, wrapped};
use super::table::{Cell, Shape, Table, column};
use crate::hours::{HOUR_S, gaps, local, stretch, window_s, zone_name};
use crate::model::{SourceSummary, Step};
use crate::{text, words};

/// Skipped files that are named one by one.
const SKIPPED_FILES: usize = 3;

pub(super) fn headline(page: &Page<'_>) -> Vec<Line> {
    page.pen.lines(Ink::Strong, &joined(headline_parts(page), ", ", page.columns))
}

fn headline_parts(page: &Page<'_>) -> Vec<String> {
    let totals = &page.report.totals;
    if totals.requests == 0 {
        let window = if window_s(page.report) > 0 { " in this window" } else { "" };
        return vec![format!("no requests{window}")];
    }
    let mut parts =
        vec![words::roughly(totals.requests, "request"), format!("{}/s", text::rate(totals.rps_mean))];
    if let Some(at) = totals.rps_peak_at {
        parts.push(format!("busiest second {}/s at {}", text::count(totals.rps_peak), page.second(at)));
    }
    if let Some(p95) = totals.latency.p95_ms {
        parts.push(format!("p95 {}", text::millis(p95)));
    }
    // Sessions of TCP have no status, and no share of errors therefore.
    if totals.with_status() > 0 {
        parts.push(format!("{} errors", text::percent(totals.status_5xx, totals.requests)));
    }
    parts
}

impl Page<'_> {
    /// A second on the reader's clock, with its day where the window has several.
    pub(super) fn second(&self, at: i64) -> String {
        let within_a_day = window_s(self.report) <= 24 * HOUR_S;
        let year = |at: i64| local(at, &self.zone).year();
        let is_one_year = year(self.report.since) == year(self.report.until.saturating_sub(1));
        let format = match (within_a_day, is_one_year) {
            (true, _) => "%H:%M:%S",
            (false, true) => "%a %-d %b %H:%M:%S",
            (false, false) => "%a %-d %b %Y %H:%M:%S",
        };
        local(at, &self.zone).strftime(format).to_string()
    }
}

pub(super) fn window_and_sources(page: &Page<'_>) -> Vec<Line> {
    let mut lines = page.pen.lines(Ink::Plain, &joined(window_parts(page), ", ", page.columns));
    lines.extend(page.pen.lines(Ink::Plain, &joined(traffic_parts(page), " · ", page.columns)));
    if !page.report.sources.is_empty() {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(sources(page));
    }
    lines
}

/// The window and what it lacks; nothing where there was no request to span one.
fn window_parts(page: &Page<'_>) -> Vec<String> {
    let report = page.report;
    let length = window_s(report);
    if length == 0 {
        return Vec::new();
    }
    let clock = if length < HOUR_S { "%H:%M:%S" } else { "%H:%M" };
    let mut parts = vec![stretch(report.since, report.until, &page.zone, clock)];
    if report.step == Step::Day {
        parts.push("by day".to_owned());
    }
    parts.extend([zone_name(report).to_owned(), words::span(length.unsigned_abs())]);
    let missing =
        gaps(report).iter().fold(0, |sum: i64, gap| sum.saturating_add(gap.until.saturating_sub(gap.since)));
    if missing > 0 && missing < length {
        parts.push(format!("{} of them without requests", words::span(missing.unsigned_abs())));
    }
    parts
}

/// Bytes, clients and bots, as far as the logs say.
fn traffic_parts(page: &Page<'_>) -> Vec<String> {
    let totals = &page.report.totals;
    let mut parts = Vec::new();
    if totals.requests == 0 {
        return parts;
    }
    if let Some(bytes) = totals.bytes_sent {
        parts.push(format!("{} sent", text::bytes(bytes)));
    }
    if let Some(clients) = totals.clients {
        let error = text::decimals(page.report.clients_error * 100.0, 1);
        parts.push(format!("{} ±{error} %", words::roughly(clients, "client")));
    }
    if let Some(bots) = totals.bot_requests {
        parts.push(format!("{} of the requests by bots", text::percent(bots, totals.requests)));
    }
    parts
}

fn sources(page: &Page<'_>) -> Vec<Line> {
    let mut table = Table::new(
        "Sources",
        &[
            column("", Shape::Text { min: 10, middle: true }, 0),
            column("tier", Shape::Label, 5),
            column("node", Shape::Label, 6),
            column("files", Shape::Number, 4),
            column("lines", Shape::Number, 1),
            column("rejects", Shape::Number, 2),
            column("format", Shape::Text { min: 12, middle: false }, 3),
        ],
    );
    for source in &page.report.sources {
        let rejects = source.accounting.rejects;
        let ink = if rejects > 0 { Ink::Warn } else { Ink::Faint };
        table.row([
            Cell::plain(&source.name),
            Cell::or_blank(source.tier.clone()),
            Cell::or_blank(source.node.clone()),
            Cell::or_blank((!source.files.is_empty()).then(|| source.files.len().to_string())),
            Cell::plain(text::count(source.accounting.lines)),
            Cell::Text(ink, text::count(rejects)),
            Cell::or_blank(Some(format(source)).filter(|format| !format.is_empty())),
        ]);
    }
    let mut lines = table.lines(page.pen, page.columns);
    lines.extend(skipped_files(page));
    lines
}

/// What the lines are, and who says so; where they were read by an earlier run nobody needs to say.
fn format(source: &SourceSummary) -> String {
    if source.format_from == "stored" {
        return source.format.clone();
    }
    format!("{} ({})", source.format, source.format_from)
}

fn skipped_files(page: &Page<'_>) -> Vec<Line> {
    let files = page.report.sources.iter().flat_map(|source| &source.files);
    let skipped: Vec<_> = files.filter_map(|file| Some((&file.path, file.skipped.as_ref()?))).collect();
    let mut lines = Vec::new();
    for (path, why) in skipped.iter().take(SKIPPED_FILES) {
        lines.extend(page.pen.lines(Ink::Faint, &wrapped(&format!("skipped {path}: {why}"), page.columns)));
    }
    if skipped.len() > SKIPPED_FILES {
        let more = words::counted((skipped.len() - SKIPPED_FILES) as u64, "more skipped file");
        let more = format!("… and {more}: see summary.json");
        lines.push(page.pen.line([(Ink::Faint, &more)]));
    }
    lines
}
