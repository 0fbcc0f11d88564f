//! The report as text for a terminal: what happened, when, where, by whom, and where every line went. Reads neither the
//! clock nor the terminal.
//!
//! Each part is a function from the report to lines; [`render`] puts them in order. The smallest is `account`.
//! `backtest` and `lists` are no parts of a report: each is a text of its own.

mod account;
mod availability;
mod backtest;
mod bans;
mod breakdown;
mod head;
mod lists;
pub mod paint;
pub mod table;
mod timeline;
mod tops;

pub use self::backtest::backtest;
pub use self::lists::{ban_list, rule_list};

use self::paint::{Line, Pen};
use crate::hours::zone;
use crate::model::Report;

/// Narrower pages are written as if they were this wide, so that numbers stay whole.
const MIN_WIDTH: usize = 40;
/// On wider pages the eye loses the line.
const MAX_WIDTH: usize = 160;
/// Spaces between two blocks side by side.
const GUTTER: usize = 4;

/// What the reader's terminal can show, and how much of the top lists.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Columns; taken as at least 40 and at most 160.
    pub width: usize,
    /// Whether to use the sixteen ANSI colours.
    pub color: bool,
    /// Whether to use characters other than ASCII.
    pub unicode: bool,
    /// Rows of each top list; 0 leaves the lists out.
    pub top: usize,
}

impl Style {
    fn pen(&self) -> Pen {
        Pen { color: self.color, unicode: self.unicode }
    }

    fn columns(&self) -> usize {
        self.width.clamp(MIN_WIDTH, MAX_WIDTH)
    }
}

/// The report, each line ending in `\n`. Holds no control character but those line ends and, with `color`, our own SGR
/// sequences, whatever the logs hold.
#[must_use]
pub fn render(report: &Report, style: &Style) -> String {
    let page =
        Page { report, zone: zone(report), pen: style.pen(), columns: style.columns(), top: style.top };
    let sections = [
        head::headline(&page),
        head::window_and_sources(&page),
        timeline::timeline(&page),
        breakdown::times(&page),
        breakdown::groups(&page),
        breakdown::outcomes(&page),
        tops::top_lists(&page),
        bans::bans(&page),
        availability::availability(&page),
        tops::events(&page),
        account::notes(&page),
        account::lines(&page),
    ];
    let mut lines: Vec<Line> = Vec::new();
    for section in sections.into_iter().filter(|section| !section.is_empty()) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(section);
    }
    page.pen.paint(&lines, page.columns)
}

/// The report and the page that it is put on.
struct Page<'a> {
    report: &'a Report,
    zone: jiff::tz::TimeZone,
    pen: Pen,
    columns: usize,
    top: usize,
}

impl Page<'_> {
    /// Sections below each other, or in two columns where both have room: each goes below the shorter one.
    fn beside(&self, blocks: Vec<Vec<Line>>, least_columns: usize) -> Vec<Line> {
        let columns = self.block_columns(least_columns);
        let mut left: Vec<Line> = Vec::new();
        let mut right: Vec<Line> = Vec::new();
        for block in blocks.into_iter().filter(|block| !block.is_empty()) {
            let shorter =
                if columns < self.columns && right.len() < left.len() { &mut right } else { &mut left };
            if !shorter.is_empty() {
                shorter.push(Line::default());
            }
            shorter.extend(block);
        }
        left.resize(left.len().max(right.len()), Line::default());
        for (line, right) in left.iter_mut().zip(right) {
            line.pad_to(columns + GUTTER);
            line.append(right);
        }
        left
    }

    /// The room of a block that goes through [`Page::beside`].
    fn block_columns(&self, least_columns: usize) -> usize {
        if self.columns >= 2 * least_columns + GUTTER { (self.columns - GUTTER) / 2 } else { self.columns }
    }
}
