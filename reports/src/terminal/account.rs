//! Where every line went, and what the reader must know.

use super::Page;
use super::paint::{Ink, Line, joined, wrapped};
use crate::model::RejectSummary;
use crate::{text, words};

/// Places that are shown of each kind of reject.
const PLACES: usize = 3;

pub(super) fn notes(page: &Page<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for note in &page.report.notes {
        for (at, text) in wrapped(note, page.columns - 6).iter().enumerate() {
            let mark = if at == 0 { "note  " } else { "      " };
            lines.push(page.pen.line([(Ink::Warn, mark), (Ink::Plain, text)]));
        }
    }
    lines
}

/// The accounting line, and what it adds up.
pub(super) fn lines(page: &Page<'_>) -> Vec<Line> {
    let accounting = &page.report.accounting;
    let mut lines = page.pen.lines(Ink::Strong, &joined(words::equation(accounting), " + ", page.columns));
    for remark in words::remarks(accounting) {
        lines.extend(page.pen.lines(Ink::Faint, &wrapped(&remark, page.columns)));
    }
    if !accounting.reject_kinds.is_empty() {
        lines.push(Line::default());
        lines.extend(rejects(page, &accounting.reject_kinds));
    }
    lines
}

fn rejects(page: &Page<'_>, kinds: &[RejectSummary]) -> Vec<Line> {
    let mut lines = Vec::new();
    for RejectSummary { kind, explain, count, first } in kinds {
        let heading = format!("{} ({kind}): {explain}", words::counted(*count, "reject"));
        lines.extend(page.pen.lines(Ink::Warn, &wrapped(&heading, page.columns)));
        let first = &first[..first.len().min(PLACES)];
        let positions: Vec<String> =
            first.iter().map(|p| format!("  {}:{}:{}", p.file, p.line, p.byte)).collect();
        let widest = positions.iter().map(|position| text::width(position)).max().unwrap_or(0);
        for (place, position) in first.iter().zip(&positions) {
            let mut line = page.pen.line([(Ink::Plain, position)]);
            line.pad_to(widest + 2);
            line.push(page.pen.span(Ink::Faint, &place.excerpt));
            lines.push(line);
        }
    }
    lines
}
