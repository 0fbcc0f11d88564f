//! What rules would have done: a row for each of them and each value that was tried.

use super::Style;
use super::paint::{Ink, Line, wrapped};
use super::table::{Cell, Shape, Table, column};
use crate::model::{Backtest, BacktestRow};
use crate::{backtest, text, words};

/// Words of a rule that can take several values.
const WORDS: [&str; 5] = ["maxretry", "findtime", "bantime", "bantime_factor", "bantime_max"];

/// What the columns count.
const LEGEND: [&str; 4] = [
    "refused: requests of a network while it would have been banned",
    "collateral: those of them that were answered 2xx or 3xx",
    "users: different names of those who had logged in",
    "shared: banned networks with 10 user agents or more",
];

/// A back-test, each line ending in `\n`; safe as [`render`](super::render) is.
#[must_use]
pub fn backtest(backtest: &Backtest, style: &Style) -> String {
    let (pen, columns) = (style.pen(), style.columns());
    let rules = backtest.rows.chunk_by(|row, next| row.rule == next.rule).count() as u64;
    let requests = words::roughly(backtest.requests, "request");
    let head = format!("{} tried on {requests}; nothing was changed", words::counted(rules, "rule"));
    let mut lines = pen.lines(Ink::Strong, &wrapped(&head, columns));
    lines.extend(pen.lines(Ink::Plain, &wrapped(&backtest::window(backtest), columns)));
    let by_rule = || backtest.rows.chunk_by(|row, next| row.rule == next.rule);
    let is_idle = |rows: &&[BacktestRow]| rows.iter().all(|row| row.hits == 0 && row.bans == 0);
    let idle: Vec<&str> = by_rule().filter(is_idle).map(|rows| rows[0].rule.as_str()).collect();
    let tried: Vec<&BacktestRow> = by_rule().filter(|rows| !is_idle(rows)).flatten().collect();
    if !tried.is_empty() {
        lines.push(Line::default());
        lines.extend(table(backtest, &tried).lines(pen, columns));
    }
    if !idle.is_empty() {
        lines.extend(pen.lines(Ink::Faint, &wrapped(&format!("no hits: {}", idle.join(", ")), columns)));
    }
    if !tried.is_empty() {
        lines.push(Line::default());
        for says in LEGEND {
            lines.extend(pen.lines(Ink::Faint, &wrapped(says, columns)));
        }
    }
    pen.paint(&lines, columns)
}

fn table(backtest: &Backtest, rows: &[&BacktestRow]) -> Table {
    let swept = WORDS.into_iter().find(|word| backtest.sweep.as_deref() == Some(word)).unwrap_or("value");
    let mut table = Table::new(
        "Rule",
        &[
            column("", Shape::Text { min: 12, middle: false }, 0),
            column(swept, Shape::Number, 0),
            column("hits", Shape::Number, 5),
            column("bans", Shape::Number, 0),
            column("networks", Shape::Number, 4),
            column("refused", Shape::Number, 1),
            column("collateral", Shape::Number, 0),
            column("share", Shape::Number, 3),
            column("authenticated", Shape::Number, 6),
            column("users", Shape::Number, 2),
            column("crawlers", Shape::Number, 2),
            column("shared", Shape::Number, 2),
            column("most agents", Shape::Number, 7),
            column("sent", Shape::Number, 8),
        ],
    );
    let mut rule = None;
    for row in rows {
        // A rule's name stands at its first value.
        let is_first = rule.replace(&row.rule) != Some(&row.rule);
        table.row(cells(row, is_first));
    }
    table
}

fn cells(row: &BacktestRow, is_first: bool) -> [Cell; 14] {
    let share = (row.refused > 0).then(|| text::percent(row.collateral, row.refused));
    [
        if is_first { Cell::plain(&row.rule) } else { Cell::plain("") },
        Cell::or_blank(row.value.clone()),
        count(row.hits, Ink::Plain),
        count(row.bans, Ink::Strong),
        count(row.networks, Ink::Plain),
        count(row.refused, Ink::Plain),
        count(row.collateral, Ink::Warn),
        Cell::or_blank(share),
        count(row.authenticated, Ink::Bad),
        count(row.users, Ink::Bad),
        count(row.crawler_requests, Ink::Warn),
        count(row.shared_networks, Ink::Warn),
        count(row.user_agents_max, Ink::Plain),
        Cell::plain(text::bytes(row.bytes_sent)),
    ]
}

/// In `ink`, or faint when nothing.
fn count(count: u64, ink: Ink) -> Cell {
    Cell::Text(if count == 0 { Ink::Faint } else { ink }, text::count(count))
}
