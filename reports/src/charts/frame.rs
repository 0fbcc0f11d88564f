//! What every chart has around its values: title, legend, axes, bands for missing hours, notes at points.

use super::across::{Across, Tick};
use super::ink::Ink;
use super::picture::{Anchor, Hover, Mark, Picture, showable};
use super::scale::{Room, Scale};
use crate::text;

/// Size of a picture and of its text, CSS pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    width: f64,
    height: f64,
    /// Room for the labels of the value axis.
    left: f64,
    /// Room right of the panel.
    right: f64,
    title_px: f64,
    text_px: f64,
    /// Characters of a name in the legend.
    pub(super) name_width: usize,
}

impl Shape {
    /// A file of its own.
    pub(super) const FILE: Self = Self {
        width: 960.0,
        height: 420.0,
        left: 72.0,
        right: RIGHT,
        title_px: 18.0,
        text_px: 13.0,
        name_width: 24,
    };
    /// Half the width of a desktop page.
    pub(super) const PAGE: Self = Self {
        width: 560.0,
        height: 312.0,
        left: 58.0,
        right: RIGHT,
        title_px: 15.0,
        text_px: 11.5,
        name_width: 20,
    };
    /// The width of a desktop page.
    pub(super) const ACROSS: Self = Self { width: 1136.0, ..Self::PAGE };
    /// A phone held upright.
    pub(super) const PHONE: Self = Self {
        width: 340.0,
        height: 280.0,
        left: 52.0,
        right: RIGHT,
        title_px: 15.0,
        text_px: 11.0,
        name_width: 14,
    };

    /// Columns of at least two pixels.
    pub(super) fn most_columns(&self) -> usize {
        ((self.width - self.left - self.right) / 2.0) as usize
    }

    /// The same width with room for a row each, for names of so many characters before them and figures behind.
    pub(super) fn of_rows(&self, rows: usize, names: usize, figures: usize) -> Self {
        let room = |characters: usize| (characters as f64 * CHARACTER + 1.2) * self.text_px;
        Self {
            height: self.title_px * 3.4 + self.text_px * (5.0 + rows as f64 * 1.8),
            left: room(names),
            right: if figures > 0 { room(figures) } else { RIGHT },
            ..*self
        }
    }

    /// The same with room for a panel below the other each.
    pub(super) fn of_panels(&self, panels: usize) -> Self {
        let height = self.title_px * 3.4 + self.text_px * (3.6 + panels as f64 * 11.0);
        Self { height: height.max(self.height), ..*self }
    }

    fn is_narrow(&self) -> bool {
        self.width < 500.0
    }
}

const RIGHT: f64 = 14.0;
/// Of a character, against the size of the text; wide enough for most system fonts too.
const CHARACTER: f64 = 0.62;

/// A legend's entry.
pub(super) struct Key {
    pub(super) ink: Ink,
    pub(super) text: String,
}

impl Key {
    pub(super) fn new(ink: Ink, text: impl Into<String>) -> Self {
        Self { ink, text: text.into() }
    }
}

/// A picture in the making.
pub(super) struct Frame<'a> {
    across: &'a dyn Across,
    shape: Shape,
    picture: Picture,
    /// Where the header ends.
    top: f64,
}

/// The rectangle of an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    start: f64,
    seconds: f64,
}

impl Panel {
    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }

    /// From the seconds of the time axis and a [`Scale::place`].
    pub(super) fn point(&self, at: f64, place: f64) -> (f64, f64) {
        let x = self.left + (at - self.start) / self.seconds * (self.right - self.left);
        (x, self.bottom - place * (self.bottom - self.top))
    }

    /// The corners of a stretch between two seconds, inside the panel.
    fn clipped(&self, ends: [f64; 2], places: (f64, f64)) -> [f64; 4] {
        let (left, bottom) = self.point(ends[0], places.0);
        let (right, top) = self.point(ends[1], places.1);
        [left.clamp(self.left, self.right), top, right.clamp(self.left, self.right), bottom]
    }
}

impl<'a> Frame<'a> {
    /// An empty picture with its header: `note` stands beside the title, and `keys` below it.
    pub(super) fn new(shape: &Shape, across: &'a dyn Across, title: &str, note: &str, keys: &[Key]) -> Self {
        let Shape { width, height, .. } = *shape;
        let title = title.to_owned();
        let picture = Picture { width, height, title, marks: Vec::new(), hovers: Vec::new() };
        let mut frame = Self { across, shape: *shape, picture, top: 0.0 };
        frame.rect([0.0, 0.0, width, height], Ink::Paper, 1.0);
        frame.title(note);
        frame.legend(keys);
        frame
    }

    fn title(&mut self, note: &str) {
        let Shape { title_px, text_px, width, .. } = self.shape;
        let y = title_px * 1.25;
        let title = self.picture.title.clone();
        self.text((RIGHT, y), &title, title_px, Anchor::Start, true, Ink::Text);
        self.top = y + title_px * 0.9;
        if !self.shape.is_narrow() {
            let note = [note, self.across.note()].join(if note.is_empty() { "" } else { " · " });
            self.text((width - RIGHT, y), &note, text_px, Anchor::End, false, Ink::Muted);
        } else if !note.is_empty() {
            self.text((RIGHT, self.top + text_px * 0.4), note, text_px, Anchor::Start, false, Ink::Muted);
            self.top += text_px * 1.4;
        }
    }

    fn legend(&mut self, keys: &[Key]) {
        let px = self.shape.text_px;
        let (mut x, mut y) = (RIGHT, self.top + px * 0.7);
        for key in keys {
            let width = px * 1.25 + text_px(&key.text, px);
            if x > RIGHT && x + width > self.shape.width - RIGHT {
                (x, y) = (RIGHT, y + px * 1.55);
            }
            let swatch = px * 0.42;
            let mut corners = [x, y - swatch, x + 2.0 * swatch, y + swatch];
            if key.ink.is_faint() {
                self.rect(corners, Ink::Muted, 1.0);
                let [left, top, right, bottom] = corners;
                corners = [left + 1.0, top + 1.0, right - 1.0, bottom - 1.0];
            }
            self.rect(corners, key.ink, 1.0);
            self.text((x + px * 1.2, y), &key.text, px, Anchor::Start, false, Ink::Text);
            x += width + px;
        }
        self.top = if keys.is_empty() { self.top } else { y + px * 0.8 };
        self.top += px * 0.9;
    }

    /// The part of the picture from `from` to `to`, 0 being the top, 1 the bottom.
    pub(super) fn panel(&self, from: f64, to: f64) -> Panel {
        self.panel_beside((0.0, 1.0), (from, to))
    }

    /// The same of a part of its width, 0 being the left, 1 the right.
    pub(super) fn panel_beside(&self, across: (f64, f64), down: (f64, f64)) -> Panel {
        let (start, end) = self.across.ends();
        let Shape { left, right, .. } = self.shape;
        let width = self.shape.width - right - left;
        let height = self.shape.height - self.shape.text_px * 3.6 - self.top;
        Panel {
            left: left + across.0 * width,
            right: left + across.1 * width,
            top: self.top + down.0 * height,
            bottom: self.top + down.1 * height,
            start: start as f64,
            seconds: (end - start) as f64,
        }
    }

    /// What fits beside the panel, and a line of text above the highest value.
    pub(super) fn room(&self, panel: &Panel) -> Room {
        let height = panel.bottom - panel.top;
        let marks = ((height / (self.shape.text_px * 3.0)) as usize).clamp(2, 6);
        Room { marks, head: (self.shape.text_px * 1.9 / height).min(0.5) }
    }

    /// Grid lines with their values.
    pub(super) fn value_axis(&mut self, panel: &Panel, scale: &Scale, label: impl Fn(f64) -> String) {
        for &tick in &scale.ticks {
            self.value_mark(panel, scale.place(tick), &label(tick));
        }
    }

    fn value_mark(&mut self, panel: &Panel, place: f64, label: &str) {
        let (_, y) = panel.point(panel.start, place);
        let ink = if place <= 0.0 { Ink::Axis } else { Ink::Grid };
        self.line(vec![(panel.left, y), (panel.right, y)], ink, 1.0);
        self.side_label(panel, place, label);
    }

    /// A word left of the panel.
    pub(super) fn side_label(&mut self, panel: &Panel, place: f64, label: &str) {
        let (_, y) = panel.point(panel.start, place);
        let px = self.shape.text_px;
        self.text((panel.left - px * 0.6, y), label, px, Anchor::End, false, Ink::Muted);
    }

    /// A word right of the panel, at the picture's border.
    pub(super) fn end_label(&mut self, panel: &Panel, place: f64, label: &str) {
        let (_, y) = panel.point(panel.start, place);
        let px = self.shape.text_px;
        self.text((self.shape.width - px * 0.6, y), label, px, Anchor::End, false, Ink::Text);
    }

    /// A word at half the height of the panel, right of a place of the axis.
    pub(super) fn inner_label(&mut self, panel: &Panel, at: f64, label: &str) {
        let (x, y) = panel.point(at, 0.5);
        let px = self.shape.text_px;
        self.text((x + px * 0.6, y), label, px, Anchor::Start, false, Ink::Text);
    }

    /// Marks of the axis below the panel.
    pub(super) fn column_axis(&mut self, panel: &Panel) {
        let px = self.shape.text_px;
        let room = (panel.right - panel.left) / (px * 4.6);
        let ticks = self.across.ticks(room as usize);
        let mut below: Vec<(f64, &str)> = Vec::new();
        for tick in &ticks {
            let (x, y) = panel.point(tick.at as f64, 0.0);
            self.line(vec![(x, y), (x, y + px * 0.35)], Ink::Axis, 1.0);
            self.axis_text((x, y + px * 1.15), &tick.label);
        }
        for Tick { at, below: text, .. } in &ticks {
            let (x, _) = panel.point(*at as f64, 0.0);
            let Some(text) = text else { continue };
            // Of two that would touch, the later one says more: it begins a day.
            below.pop_if(|(before, _)| x - *before < text_px(text, px) + px);
            below.push((x, text));
        }
        for (x, text) in below {
            self.axis_text((x, panel.bottom + px * 2.5), text);
        }
    }

    /// Centred at its mark as far as the picture's border allows.
    fn axis_text(&mut self, (x, y): (f64, f64), text: &str) {
        let px = self.shape.text_px;
        let half = text_px(text, px) / 2.0;
        let x = x.min(self.shape.width - half - 2.0).max(half + 2.0);
        self.text((x, y), text, px, Anchor::Middle, false, Ink::Muted);
    }

    /// Bands where `is_there` says that a column is missing.
    pub(super) fn gaps(&mut self, panel: &Panel, is_there: impl Fn(usize) -> bool) {
        let columns = self.across.columns();
        let mut column = 0;
        while column < columns {
            let first = column;
            while column < columns && !is_there(column) {
                column += 1;
            }
            if column > first {
                self.gap(panel, self.across.span(first).0, self.across.span(column - 1).1);
            }
            column += 1;
        }
    }

    fn gap(&mut self, panel: &Panel, start: i64, end: i64) {
        let (left, top) = panel.point(start as f64, 1.0);
        let (right, bottom) = panel.point(end as f64, 0.0);
        self.rect([left, top, right, bottom], Ink::Gap, 1.0);
        let px = self.shape.text_px;
        if right - left > text_px("no data", px) + px && bottom - top > px * 2.0 {
            let middle = (f64::midpoint(left, right), f64::midpoint(top, bottom));
            self.text(middle, "no data", px, Anchor::Middle, false, Ink::Muted);
        }
    }

    /// A bar between two places, such as a part of a stacked one.
    pub(super) fn bar(&mut self, panel: &Panel, column: usize, places: (f64, f64), ink: Ink) {
        let [left, top, right, bottom] = self.corners(panel, (column, column), places);
        // A hair of space where there is room for it.
        let space = if right - left > 5.0 { 0.5 } else { 0.0 };
        // What is there must be seen, be it one request of a million.
        self.rect([left + space, top.min(bottom - 0.5), right - space, bottom], ink, 1.0);
    }

    /// A stretch of columns filled between two places.
    pub(super) fn block(&mut self, panel: &Panel, columns: (usize, usize), places: (f64, f64), ink: Ink) {
        let corners = self.corners(panel, columns, places);
        self.rect(corners, ink, 1.0);
    }

    /// A stretch between two seconds of the time axis, as far as the panel goes.
    pub(super) fn stretch(&mut self, panel: &Panel, ends: [f64; 2], places: (f64, f64), ink: Ink) {
        let corners = panel.clipped(ends, places);
        self.rect(corners, ink, 1.0);
    }

    /// What a stretch over the panel's whole height says to the pointer, which needs some pixels to meet it.
    pub(super) fn hover(&mut self, panel: &Panel, ends: [f64; 2], text: String) {
        let [left, top, right, bottom] = panel.clipped(ends, (0.0, 1.0));
        let right = right.max((left + 3.0).min(panel.right));
        self.picture.hovers.push(Hover { corners: [left, top, right, bottom], text });
    }

    /// The picture as it is.
    pub(super) fn into_picture(self) -> Picture {
        self.picture
    }

    fn corners(&self, panel: &Panel, columns: (usize, usize), places: (f64, f64)) -> [f64; 4] {
        let (start, end) = (self.across.span(columns.0).0, self.across.span(columns.1).1);
        let (left, bottom) = panel.point(start as f64, places.0);
        let (right, top) = panel.point(end as f64, places.1);
        [left, top, right, bottom]
    }

    /// A line through the middles of the columns, broken where a value is missing; a value alone is a dot.
    pub(super) fn curve(&mut self, panel: &Panel, places: &[Option<f64>], ink: Ink, width: f64) {
        let middle =
            |(column, place): (usize, &Option<f64>)| Some([panel.point(self.middle(column), (*place)?)]);
        let points: Vec<_> = places.iter().enumerate().map(middle).collect();
        for run in runs(&points) {
            match run[..] {
                [at] => self.picture.marks.push(Mark::Dot { at, radius: width.max(2.0) * 1.25, ink }),
                _ => self.line(run, ink, width),
            }
        }
    }

    /// A line as high as each column over its whole width, and the area under it.
    pub(super) fn steps(&mut self, panel: &Panel, places: &[Option<f64>], ink: Ink) {
        let step = |(column, place): (usize, &Option<f64>)| {
            let (start, end) = self.across.span(column);
            place.map(|place| [start, end].map(|at| panel.point(at as f64, place)))
        };
        let points: Vec<_> = places.iter().enumerate().map(step).collect();
        for run in runs(&points) {
            let mut points = run.clone();
            points.push((run[run.len() - 1].0, panel.bottom));
            points.push((run[0].0, panel.bottom));
            self.picture.marks.push(Mark::Area { points, ink, opacity: 0.16 });
            self.line(run, ink, 1.5);
        }
    }

    fn middle(&self, column: usize) -> f64 {
        let (start, end) = self.across.span(column);
        f64::midpoint(start as f64, end as f64)
    }

    /// A dot at the middle of a column with a word above it.
    pub(super) fn point_out(&mut self, panel: &Panel, column: usize, place: f64, text: &str, ink: Ink) {
        let (x, y) = panel.point(self.middle(column), place);
        let px = self.shape.text_px;
        let half = text_px(text, px) / 2.0;
        let centre = x.min(panel.right - half).max(panel.left + half + 2.0);
        let above = y - px * 1.05;
        self.rect([centre - half, above - px * 0.6, centre + half, above + px * 0.6], Ink::Paper, 0.8);
        self.picture.marks.push(Mark::Dot { at: (x, y), radius: 3.0, ink });
        self.text((centre, above), text, px, Anchor::Middle, true, Ink::Text);
    }

    /// A small heading of a panel, at its top left.
    pub(super) fn heading(&mut self, panel: &Panel, text: &str, ink: Ink) {
        let px = self.shape.text_px;
        let y = panel.top - px * 0.8;
        self.text((panel.left, y), text, px, Anchor::Start, true, ink);
    }

    /// The picture, with what each column says to the pointer.
    pub(super) fn finish(mut self, panel: &Panel, says: impl Fn(usize) -> Option<String>) -> Picture {
        for column in 0..self.across.columns() {
            let (start, end) = self.across.span(column);
            let (left, right) = (panel.point(start as f64, 0.0).0, panel.point(end as f64, 0.0).0);
            let said = says(column).unwrap_or_else(|| "no data".to_owned());
            let text = format!("{}\n{said}", self.across.label(column));
            self.picture.hovers.push(Hover { corners: [left, self.top, right, panel.bottom], text });
        }
        self.picture
    }

    fn rect(&mut self, corners: [f64; 4], ink: Ink, opacity: f64) {
        self.picture.marks.push(Mark::Rect { corners, ink, opacity });
    }

    fn line(&mut self, points: Vec<(f64, f64)>, ink: Ink, width: f64) {
        self.picture.marks.push(Mark::Line { points, ink, width });
    }

    fn text(&mut self, at: (f64, f64), text: &str, px: f64, anchor: Anchor, bold: bool, ink: Ink) {
        let text = showable(text);
        // Centred on the capitals, not on the small letters.
        let at = (at.0, at.1 + px * 0.09);
        self.picture.marks.push(Mark::Text { at, text, px, anchor, bold, ink });
    }
}

/// The stretches without a missing column.
fn runs<const N: usize>(points: &[Option<[(f64, f64); N]>]) -> Vec<Vec<(f64, f64)>> {
    let runs = points.split(Option::is_none).filter(|run| !run.is_empty());
    runs.map(|run| run.iter().flatten().flatten().copied().collect()).collect()
}

fn text_px(text: &str, px: f64) -> f64 {
    text::width(text) as f64 * px * CHARACTER
}
