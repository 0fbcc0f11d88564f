//! The top lists and the proxies' messages.

use super::Page;
use super::paint::{Ink, Line};
use super::table::{Cell, Shape, Table, column};
use crate::model::{TopList, TopRow};
use crate::{text, words};

/// Messages that are shown, the latest ones.
const MAX_EVENTS: usize = 12;
/// Columns that a list needs to stand beside another.
const LIST_COLUMNS: usize = 56;

/// The lists, in two columns where there is room.
pub(super) fn top_lists(page: &Page<'_>) -> Vec<Line> {
    if page.top == 0 {
        return Vec::new();
    }
    let columns = page.block_columns(LIST_COLUMNS);
    let lists = page.report.top.iter().filter(|list| !list.rows.is_empty());
    page.beside(lists.map(|list| top_list(page, list, columns)).collect(), LIST_COLUMNS)
}

fn top_list(page: &Page<'_>, list: &TopList, columns: usize) -> Vec<Line> {
    let mut heading = words::list_title(&list.list);
    if page.report.sources.len() > 1 {
        heading = format!("{heading}, {}", list.source);
    }
    // The interesting end of a user agent is its beginning; of a path, both.
    let middle = list.list != "user_agents";
    let mut table = Table::new(
        heading,
        &[
            column("", Shape::Text { min: 16, middle }, 0),
            column("requests", Shape::Number, 0),
            column("at most", Shape::Number, 3),
            column("sent", Shape::Number, 2),
            column("p95", Shape::Number, 1),
        ],
    );
    for TopRow { value, requests, error, bytes_sent, latency_p95_ms } in list.rows.iter().take(page.top) {
        table.row([
            Cell::plain(value),
            Cell::plain(text::count(*requests)),
            Cell::or_blank((*error > 0).then(|| format!("+{}", text::count(*error)))),
            Cell::or_blank(bytes_sent.map(text::bytes)),
            Cell::or_blank(latency_p95_ms.map(|ms| format!("~{}", text::millis(ms)))),
        ]);
    }
    table.lines(page.pen, columns)
}

/// The latest messages, oldest first.
pub(super) fn events(page: &Page<'_>) -> Vec<Line> {
    let events = &page.report.events;
    if events.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(
        "Events",
        &[
            column("", Shape::Label, 0),
            column("source", Shape::Text { min: 8, middle: true }, 1),
            column("message", Shape::Text { min: 56, middle: false }, 0),
        ],
    );
    let earlier = events.len().saturating_sub(MAX_EVENTS);
    for event in &events[earlier..] {
        let source = if page.report.sources.len() > 1 { Cell::plain(&event.source) } else { Cell::Blank };
        table.row([
            Cell::plain(event.at.map_or_else(|| "no date".into(), |at| page.second(at))),
            source,
            Cell::Text(kind_ink(&event.kind), event.message.clone()),
        ]);
    }
    let mut lines = table.lines(page.pen, page.columns);
    let left_out = earlier as u64 + page.report.events_left_out;
    if left_out > 0 {
        let text = format!("… and {}", words::counted(left_out, "other"));
        lines.push(page.pen.line([(Ink::Faint, &text)]));
    }
    lines
}

fn kind_ink(kind: &str) -> Ink {
    match kind {
        _ if kind.ends_with("down") || kind.starts_with("no_") => Ink::Bad,
        _ if kind.ends_with("up") => Ink::Good,
        _ => Ink::Plain,
    }
}
