//! How servers stood with their proxy.

use super::Page;
use super::paint::{Ink, Line};
use super::table::{Cell, Shape, Table, column};
use crate::availability::{name, remark, share, worst};
use crate::{text, words};

/// Servers that are shown, those that were down longest.
const MAX_SERVERS: usize = 15;

pub(super) fn availability(page: &Page<'_>) -> Vec<Line> {
    let report = page.report;
    let (rows, more) = worst(report, MAX_SERVERS);
    if rows.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(
        "Availability",
        &[
            column("", Shape::Text { min: 16, middle: true }, 0),
            column("source", Shape::Text { min: 8, middle: true }, 6),
            column("up", Shape::Number, 0),
            column("downs", Shape::Number, 2),
            column("longest", Shape::Number, 3),
            column("maintenance", Shape::Number, 5),
            column("drain", Shape::Number, 4),
            column("last reason", Shape::Text { min: 16, middle: false }, 1),
        ],
    );
    let seconds = |seconds: u64| Cell::or_blank((seconds > 0).then(|| words::span(seconds)));
    for row in rows {
        let source = if report.sources.len() > 1 { Cell::plain(&row.source) } else { Cell::Blank };
        let ink = if row.downs > 0 { Ink::Bad } else { Ink::Good };
        table.row([
            Cell::plain(name(row)),
            source,
            share(row).map_or(Cell::Blank, |share| Cell::Text(ink, share)),
            Cell::plain(text::count(row.downs)),
            Cell::or_blank((row.downs > 0).then(|| words::span(row.longest_down_s))),
            seconds(row.maintenance_s),
            seconds(row.drain_s),
            row.last_reason.as_ref().map_or(Cell::Blank, |reason| Cell::Text(Ink::Faint, reason.clone())),
        ]);
    }
    let mut lines = table.lines(page.pen, page.columns);
    lines.extend(remark(report, more).map(|remark| page.pen.line([(Ink::Faint, &remark)])));
    lines
}
