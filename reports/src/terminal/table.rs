//! Aligned columns that fit the page: the least important columns go first, then bars and long names shrink.

use super::paint::{Ink, Line, Pen, Span};
use crate::text::{truncate, truncate_middle, width};

/// Spaces between columns.
const GAP: usize = 2;
/// A text column narrower than this says nothing.
const LEAST_TEXT: usize = 8;

/// How a column is laid out.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// To the right, always as wide as its widest cell.
    Number,
    /// To the left, always as wide as its widest cell.
    Label,
    /// To the left, cut down to `min` where the page is narrow; paths are cut in their middle.
    #[expect(missing_docs)]
    Text { min: usize, middle: bool },
    /// As wide as the page allows.
    #[expect(missing_docs)]
    Bar { min: usize, max: usize },
}

/// A column: title, shape, and its rank. The column of the highest rank is the first to go; rank 0 stays.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    title: &'static str,
    shape: Shape,
    rank: u8,
}

/// A column of this title.
#[must_use]
pub const fn column(title: &'static str, shape: Shape, rank: u8) -> Column {
    Column { title, shape, rank }
}

/// What stands in a column.
#[derive(Debug, Clone)]
#[expect(missing_docs)]
pub enum Cell {
    Blank,
    Text(Ink, String),
    /// Part of the column's width, 0 to 1.
    Bar(Ink, f64),
}

impl Cell {
    /// Text without a meaning of its own.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Text(Ink::Plain, text.into())
    }

    /// The same, if there is any.
    #[must_use]
    pub fn or_blank(text: Option<String>) -> Self {
        text.map_or(Self::Blank, Self::plain)
    }
}

/// A row of cells, or text across all columns but the first.
#[derive(Debug, Clone)]
enum Row {
    Cells(Vec<Cell>),
    Across(Cell, String),
}

/// Columns whose cells are all blank are left out.
#[derive(Debug)]
pub struct Table {
    heading: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

impl Table {
    /// The heading stands in place of the first column's title.
    pub fn new(heading: impl Into<String>, columns: &[Column]) -> Self {
        Self { heading: heading.into(), columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row: a cell for each column.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len(), "a cell for each column");
        self.rows.push(Row::Cells(cells.into()));
    }

    /// Adds a row whose text goes across all columns but the first.
    pub fn across(&mut self, first: Cell, text: String) {
        self.rows.push(Row::Across(first, text));
    }

    /// The titles and the rows.
    #[must_use]
    pub fn lines(&self, pen: Pen, columns: usize) -> Vec<Line> {
        let layout = self.layout(pen, columns);
        let mut lines = vec![self.titles(pen, &layout)];
        for row in &self.rows {
            lines.push(match row {
                Row::Cells(cells) => self.cells(pen, &layout, cells),
                Row::Across(first, text) => self.text_across(pen, &layout, first, text),
            });
        }
        lines
    }

    fn titles(&self, pen: Pen, layout: &[(usize, usize)]) -> Line {
        let mut line = Line::default();
        for &(at, width) in layout {
            let (ink, title) = if at == 0 {
                (Ink::Strong, self.heading.as_str())
            } else {
                (Ink::Faint, self.columns[at].title)
            };
            self.place(&mut line, at, width, self.span(pen, &Cell::Text(ink, title.into()), at, width));
        }
        line
    }

    fn cells(&self, pen: Pen, layout: &[(usize, usize)], cells: &[Cell]) -> Line {
        let mut line = Line::default();
        for &(at, width) in layout {
            self.place(&mut line, at, width, self.span(pen, &cells[at], at, width));
        }
        line
    }

    fn text_across(&self, pen: Pen, layout: &[(usize, usize)], first: &Cell, text: &str) -> Line {
        let mut line = Line::default();
        if let Some(&(at, width)) = layout.first() {
            self.place(&mut line, at, width, self.span(pen, first, at, width));
            line.pad_to(width + GAP);
        }
        line.push(pen.span(Ink::Faint, text));
        line
    }

    fn span(&self, pen: Pen, cell: &Cell, at: usize, columns: usize) -> Span {
        match cell {
            Cell::Blank => pen.span(Ink::Plain, ""),
            Cell::Bar(ink, part) => pen.span(*ink, &bar(*part, columns, pen.unicode)),
            Cell::Text(ink, text) => {
                let span = pen.span(*ink, text);
                let cut = match self.columns[at].shape {
                    Shape::Text { middle: true, .. } => truncate_middle(span.text(), columns, pen.ellipsis()),
                    _ => truncate(span.text(), columns, pen.ellipsis()),
                };
                pen.span(*ink, &cut)
            }
        }
    }

    fn place(&self, line: &mut Line, at: usize, columns: usize, span: Span) {
        let start = if at == 0 { 0 } else { line.width() + GAP };
        let indent = match self.columns[at].shape {
            Shape::Number => columns.saturating_sub(span.width()),
            Shape::Label | Shape::Text { .. } | Shape::Bar { .. } => 0,
        };
        line.pad_to(start + indent);
        line.push(span);
        line.pad_to(start + columns);
    }

    /// The columns that are shown, each with its width.
    fn layout(&self, pen: Pen, columns: usize) -> Vec<(usize, usize)> {
        let mut shown: Vec<Measured> =
            (0..self.columns.len()).filter_map(|at| self.measure(pen, at)).collect();
        drop_least_important(&mut shown, columns);
        squeeze_texts(&mut shown, columns);
        widen(&mut shown, columns);
        shown.iter().map(|column| (column.at, column.min)).collect()
    }

    fn measure(&self, pen: Pen, at: usize) -> Option<Measured> {
        let Column { title, shape, rank } = self.columns[at];
        let title = if at == 0 { pen.span(Ink::Strong, &self.heading).width() } else { width(title) };
        let mut blank = true;
        let mut widest = 0;
        for row in &self.rows {
            let cell = match row {
                Row::Cells(cells) => &cells[at],
                Row::Across(first, _) if at == 0 => first,
                Row::Across(..) => continue,
            };
            blank &= matches!(cell, Cell::Blank);
            if let Cell::Text(ink, text) = cell {
                widest = widest.max(pen.span(*ink, text).width());
            }
        }
        let natural = widest.max(title);
        let (min, max) = match shape {
            Shape::Number | Shape::Label => (natural, natural),
            Shape::Text { min, .. } => (natural.min(min), natural),
            Shape::Bar { min, max } => (min, max),
        };
        (!blank || at == 0).then_some(Measured { at, rank, shape, min, max })
    }
}

/// A column with the widths between which it may be laid out.
struct Measured {
    at: usize,
    rank: u8,
    shape: Shape,
    min: usize,
    max: usize,
}

fn needed(shown: &[Measured]) -> usize {
    shown.iter().map(|column| column.min + GAP).sum::<usize>().saturating_sub(GAP)
}

fn drop_least_important(shown: &mut Vec<Measured>, columns: usize) {
    while needed(shown) > columns {
        let highest = shown.iter().map(|column| column.rank).max().unwrap_or(0);
        let Some(last) = shown.iter().rposition(|column| column.rank == highest && highest > 0) else {
            return;
        };
        shown.remove(last);
    }
}

/// Where nothing more can be dropped, texts go below their least width.
fn squeeze_texts(shown: &mut [Measured], columns: usize) {
    let mut excess = needed(shown).saturating_sub(columns);
    for column in shown.iter_mut().rev().filter(|column| matches!(column.shape, Shape::Text { .. })) {
        let cut = excess.min(column.min.saturating_sub(LEAST_TEXT));
        column.min -= cut;
        excess -= cut;
    }
}

/// Gives the room that is left to texts first, then to bars, in equal shares.
fn widen(shown: &mut [Measured], columns: usize) {
    let mut spare = columns.saturating_sub(needed(shown));
    for bars in [false, true] {
        let takes =
            |column: &Measured| matches!(column.shape, Shape::Bar { .. }) == bars && column.max > column.min;
        let mut takers = shown.iter().filter(|column| takes(column)).count();
        for column in shown.iter_mut().filter(|column| takes(column)) {
            let share = (spare / takers).min(column.max - column.min);
            column.min += share;
            spare -= share;
            takers -= 1;
        }
    }
}

/// A bar in eighths of a column; anything above nothing is seen.
fn bar(part: f64, columns: usize, unicode: bool) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    let least = usize::from(part > 0.0);
    if !unicode {
        return "#".repeat(((part * columns as f64).round() as usize).max(least));
    }
    let eighths = ((part * columns as f64 * 8.0).round() as usize).max(least);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// One sign for each value, up to `most`; nothing for `None`.
pub(super) fn sparkline(values: &[Option<u64>], most: u64, unicode: bool) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const SIGNS: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];
    let signs = if unicode { BLOCKS } else { SIGNS };
    let sign = |value: u64| signs[((value as f64 / most.max(1) as f64 * 7.0).round() as usize).min(7)];
    values.iter().map(|value| value.map_or(' ', sign)).collect()
}
