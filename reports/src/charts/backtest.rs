//! A back-test: the bans of each rule, and beside them the requests of people that they would have refused. A panel
//! for each against the values that were tried, or a bar for each where there was one.

use super::across::{Across, Tick};
use super::columns::highest;
use super::frame::{Frame, Panel, Shape};
use super::ink::Ink;
use super::picture::{Picture, showable};
use super::scale::{self, Scale};
use crate::model::{Backtest, BacktestRow};
use crate::{backtest, text};
use std::cmp::Reverse;

/// Rules that are shown, those with most bans; more of them make no picture.
const MAX_RULES: usize = 12;
/// Parts of the width: for bans, and for whom they hit.
const SIDES: [(f64, f64); 2] = [(0.0, 0.45), (0.56, 1.0)];
/// The longest bar, as a part of its side; the rest is for its figure.
const LONGEST: f64 = 0.62;

type Count = fn(&BacktestRow) -> u64;

/// What is counted, and its ink; in the order of the sides.
const COUNTS: [(Count, Ink); 2] = [(|row| row.bans, Ink::Mean), (|row| row.collateral, Ink::Peak)];

pub(super) fn draw(backtest: &Backtest, shape: &Shape) -> Option<Picture> {
    let (rules, more) = most_bans(&backtest.rows);
    if rules.is_empty() {
        return None;
    }
    let note =
        if more > 0 { format!("{} of {} rules", rules.len(), rules.len() + more) } else { String::new() };
    let values = Values::of(&rules, backtest::window(backtest));
    Some(match &backtest.sweep {
        Some(word) => swept(&rules, &values, [word, &note], &shape.of_panels(rules.len())),
        None => bars(&rules, &values, &note, shape),
    })
}

/// The rows of each rule, in their order, and how many rules there are besides.
fn most_bans(rows: &[BacktestRow]) -> (Vec<&[BacktestRow]>, usize) {
    let rules: Vec<_> = rows.chunk_by(|row, next| row.rule == next.rule).collect();
    let mut places: Vec<usize> = (0..rules.len()).collect();
    places.sort_by_key(|&at| Reverse(rules[at].iter().map(|row| row.bans).max()));
    places.truncate(MAX_RULES);
    places.sort_unstable();
    let shown: Vec<_> = places.iter().map(|&at| rules[at]).collect();
    let more = rules.len() - shown.len();
    (shown, more)
}

/// The values of a word, side by side in the order in which they were tried.
struct Values<'a> {
    values: Vec<&'a str>,
    window: String,
}

impl<'a> Values<'a> {
    fn of(rules: &[&'a [BacktestRow]], window: String) -> Self {
        let mut values: Vec<&str> = Vec::new();
        for value in rules.iter().copied().flatten().filter_map(|row| row.value.as_deref()) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Self { values, window }
    }
}

impl Across for Values<'_> {
    fn columns(&self) -> usize {
        self.values.len().max(1)
    }

    /// Of length 2, so that a mark has its place in the middle.
    fn span(&self, column: usize) -> (i64, i64) {
        let start = 2 * column as i64;
        (start, start + 2)
    }

    fn ends(&self) -> (i64, i64) {
        (0, 2 * self.columns() as i64)
    }

    fn label(&self, column: usize) -> String {
        self.values.get(column).copied().unwrap_or_default().to_owned()
    }

    fn note(&self) -> &str {
        &self.window
    }

    fn ticks(&self, most: usize) -> Vec<Tick> {
        let least = self.values.len().div_ceil(most.max(1));
        // 5, 15, 25 rather than 5, 13, 21.
        let round = (0..9).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_usize.pow(power)));
        let every = round.into_iter().find(|&every| every >= least).unwrap_or(least);
        let values = self.values.iter().enumerate().step_by(every);
        let tick = |(column, value): (usize, &&str)| Tick {
            at: 2 * column as i64 + 1,
            label: (*value).to_owned(),
            below: None,
        };
        values.map(tick).collect()
    }
}

/// Two panels for each rule.
fn swept(rules: &[&[BacktestRow]], values: &Values<'_>, [word, note]: [&str; 2], shape: &Shape) -> Picture {
    let title = format!("Bans and collateral by {}", showable(word));
    let mut frame = Frame::new(shape, values, &title, note, &[]);
    let count = rules.len() as f64;
    // Room for a heading, of panels that are higher where there are few.
    let above = (0.08 * count).min(0.2);
    for (nth, rows) in rules.iter().enumerate() {
        let rule = showable(&rows[0].rule);
        let headings = [format!("{rule}, bans"), "collateral requests".to_owned()];
        for ((side, (get, ink)), heading) in SIDES.into_iter().zip(COUNTS).zip(headings) {
            let panel = frame.panel_beside(side, ((nth as f64 + above) / count, (nth as f64 + 0.92) / count));
            series(&mut frame, &panel, &counts(rows, values, get), ink);
            let is_none = rows.iter().all(|row| get(row) == 0);
            frame.heading(&panel, &format!("{heading}{}", if is_none { ": none" } else { "" }), ink);
            if nth + 1 == rules.len() {
                frame.column_axis(&panel);
            }
        }
    }
    frame.into_picture()
}

/// A rule's counts by value, `None` where it was not tried.
fn counts(rows: &[BacktestRow], values: &Values<'_>, get: Count) -> Vec<Option<f64>> {
    let count = |value: &&str| {
        let row = rows.iter().find(|row| row.value.as_deref() == Some(*value))?;
        Some(get(row) as f64)
    };
    values.values.iter().map(count).collect()
}

fn series(frame: &mut Frame<'_>, panel: &Panel, counts: &[Option<f64>], ink: Ink) {
    let most = counts.iter().flatten().copied().fold(0.0, f64::max);
    let scale = Scale::linear(most, frame.room(panel), 1.0);
    frame.value_axis(panel, &scale, scale::number);
    for (column, count) in counts.iter().enumerate() {
        if let Some(count) = count.filter(|&count| count > 0.0) {
            frame.bar(panel, column, (0.0, scale.place(count)), ink);
        }
    }
    if let Some((column, most)) = highest(counts) {
        frame.point_out(panel, column, scale.place(most), &text::count(most as u64), ink);
    }
}

/// A row for each rule.
fn bars(rules: &[&[BacktestRow]], values: &Values<'_>, note: &str, shape: &Shape) -> Picture {
    let name =
        |rows: &&[BacktestRow]| text::truncate(&showable(&rows[0].rule), shape.name_width, "…").into_owned();
    let names: Vec<String> = rules.iter().map(name).collect();
    let widest = names.iter().map(|name| text::width(name)).max().unwrap_or(0);
    // One row for the headings.
    let rows = rules.len() + 1;
    let shape = shape.of_rows(rows, widest, 0);
    let mut frame = Frame::new(&shape, values, "Bans and collateral by rule", note, &[]);
    let headings = ["bans", "collateral requests, and their share of the refused"];
    let (_, whole) = values.ends();
    for ((side, (get, ink)), heading) in SIDES.into_iter().zip(COUNTS).zip(headings) {
        let most = rules.iter().map(|rows| get(&rows[0])).max().unwrap_or(0).max(1);
        let place = |nth: usize, part: f64| (nth as f64 + 1.0 + part) / rows as f64;
        for (nth, rows) in rules.iter().enumerate() {
            let panel = frame.panel_beside(side, (place(nth, 0.15), place(nth, 0.85)));
            let count = get(&rows[0]);
            let end = count as f64 / most as f64 * LONGEST * whole as f64;
            frame.stretch(&panel, [0.0, end], (0.0, 1.0), ink);
            frame.inner_label(&panel, end, &says(&rows[0], count, ink));
            if ink == COUNTS[0].1 {
                frame.side_label(&panel, 0.5, &names[nth]);
            }
        }
        let panel = frame.panel_beside(side, (place(0, 0.0), 1.0));
        frame.heading(&panel, heading, ink);
    }
    frame.into_picture()
}

fn says(row: &BacktestRow, count: u64, ink: Ink) -> String {
    let says = text::count(count);
    if ink == Ink::Peak && count > 0 {
        format!("{says}, {}", text::percent(count, row.refused))
    } else {
        says
    }
}
