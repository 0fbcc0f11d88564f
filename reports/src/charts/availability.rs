//! Availability: a row for each server, coloured by its state. Where a state is shorter than a cell is wide, it fills
//! its part of the height, so that a server that flaps does not look like one that was down all the time.

use super::across::Across as _;
use super::frame::{Frame, Key, Panel, Shape};
use super::ink::Ink;
use super::picture::{Picture, showable};
use super::timeline::Timeline;
use crate::availability::{name, remark, share, worst};
use crate::model::{Report, ServerAvailability, ServerState, StateInterval};
use crate::{text, words};

/// Servers that are shown; more of them make no picture.
const MAX_ROWS: usize = 40;
/// CSS pixels of a cell.
const CELL_PX: f64 = 2.0;
/// Steps of a cell's height, and the least that is seen of a state.
const STEPS: f64 = 8.0;
const LEAST: f64 = 3.0;
/// Stretches of a row that answer to the pointer one by one; of a row with more, only the row does.
const MAX_HOVERS: usize = 24;

/// From the bottom up, as the legend names them.
const STATES: [(&str, Ink); 4] = [
    ("down", Ink::ServerDown),
    ("maintenance", Ink::ServerMaintenance),
    ("drain", Ink::ServerDrain),
    ("up", Ink::ServerUp),
];
const UP: usize = 3;

/// Parts of a cell in each state.
type Parts = [f64; STATES.len()];

/// What is known of a cell.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// With long stretches in whole cells.
    drawn: Parts,
    exact: Parts,
}

pub(super) fn draw(report: &Report, timeline: &Timeline, shape: &Shape) -> Option<Picture> {
    let (rows, more) = worst(report, MAX_ROWS);
    if rows.is_empty() {
        return None;
    }
    let labels: Vec<String> = rows
        .iter()
        .map(|row| text::truncate_middle(&showable(&name(row)), shape.name_width, "…").into_owned())
        .collect();
    let shares: Vec<String> = rows.iter().map(|row| share(row).unwrap_or_default()).collect();
    let widest = |texts: &[String]| texts.iter().map(|text| text::width(text)).max().unwrap_or(0);
    // In steps, so that a name of another length seldom moves everything.
    let names = widest(&labels).next_multiple_of(6).min(shape.name_width);
    let shape = shape.of_rows(rows.len(), names, widest(&shares));
    let is_used = |state: usize| {
        rows.iter().flat_map(|row| &row.intervals).any(|interval| place(interval.state) == state)
    };
    let used = STATES.iter().enumerate().rev().filter(|(state, _)| is_used(*state));
    let mut keys: Vec<_> = used.map(|(_, (name, ink))| Key::new(*ink, *name)).collect();
    let (since, until) = (report.since, report.until);
    let is_known = |row: &&ServerAvailability| {
        row.intervals.iter().map(|interval| interval.to - interval.from).sum::<i64>() >= until - since
    };
    if !rows.iter().all(is_known) {
        keys.push(Key::new(Ink::Gap, "unknown"));
    }
    let note =
        remark(report, more).map_or_else(String::new, |_| format!("{} of {}", rows.len(), rows.len() + more));
    let mut frame = Frame::new(&shape, timeline, "Availability", &note, &keys);
    for (nth, row) in rows.iter().enumerate() {
        let count = rows.len() as f64;
        let panel = frame.panel((nth as f64 + 0.12) / count, (nth as f64 + 0.88) / count);
        frame.stretch(&panel, [since, until].map(|at| at as f64), (0.0, 1.0), Ink::Gap);
        draw_row(&mut frame, &panel, &row.intervals, timeline);
        frame.side_label(&panel, 0.5, &labels[nth]);
        frame.end_label(&panel, 0.5, &shares[nth]);
        hovers(&mut frame, &panel, row, timeline);
    }
    let whole = frame.panel(0.0, 1.0);
    frame.column_axis(&whole);
    Some(frame.into_picture())
}

/// Draining and stopping look alike: neither takes new clients.
const fn place(state: ServerState) -> usize {
    match state {
        ServerState::Down => 0,
        ServerState::Maintenance => 1,
        ServerState::Drain | ServerState::Stopping => 2,
        ServerState::Up => UP,
    }
}

fn draw_row(frame: &mut Frame<'_>, panel: &Panel, intervals: &[StateInterval], timeline: &Timeline) {
    let (start, end) = timeline.ends();
    let count = ((panel.width() / CELL_PX) as usize).max(1);
    let cell_s = (end - start) as f64 / count as f64;
    let mut cells = vec![Cell::default(); count];
    for interval in intervals {
        fill(&mut cells, interval, start, cell_s);
    }
    let heights: Vec<Parts> = cells.iter().map(heights).collect();
    let mut first = 0;
    for run in heights.chunk_by(|left, right| left == right) {
        let next = first + run.len();
        let ends = [first, next].map(|cell| start as f64 + cell as f64 * cell_s);
        let mut below = 0.0;
        for (height, (_, ink)) in run[0].iter().zip(STATES).filter(|(height, _)| **height > 0.0) {
            frame.stretch(panel, ends, (below, below + height), ink);
            below += height;
        }
        first = next;
    }
}

/// Adds an interval to the cells that it touches.
fn fill(cells: &mut [Cell], interval: &StateInterval, start: i64, cell_s: f64) {
    let [from, to] = [interval.from, interval.to].map(|at| at.saturating_sub(start) as f64 / cell_s);
    let state = place(interval.state);
    // What was over within the second was there, too.
    let least = if interval.from == interval.to { f64::MIN_POSITIVE } else { 0.0 };
    spread(cells, [from, to], |cell, part| cell.exact[state] += part.max(least));
    // A stretch that has a cell to itself has whole ones, so that it begins and ends straight.
    let [from, to] = if to - from >= 1.0 { [from.round(), to.round()] } else { [from, to] };
    spread(cells, [from, to], |cell, part| cell.drawn[state] += part.max(least));
}

/// The part that a stretch has of each cell.
fn spread(cells: &mut [Cell], [from, to]: [f64; 2], add: impl Fn(&mut Cell, f64)) {
    let (from, to) = (from.max(0.0), to.min(cells.len() as f64));
    if to < from || from >= cells.len() as f64 {
        return;
    }
    let last = (to as usize).min(cells.len() - 1);
    for (at, cell) in cells.iter_mut().enumerate().take(last + 1).skip(from as usize) {
        add(cell, to.min(at as f64 + 1.0) - from.max(at as f64));
    }
}

/// Parts of a cell as heights in whole steps: what is there at all is seen, and up gives way to it.
fn heights(cell: &Cell) -> Parts {
    let known = (cell.exact.iter().sum::<f64>() * STEPS).round().min(STEPS);
    // The end of a long stretch that is drawn without it.
    if known < STEPS && cell.drawn.iter().all(|part| *part == 0.0) {
        return Parts::default();
    }
    let mut heights = cell.drawn.map(|part| if part > 0.0 { (part * STEPS).round().max(LEAST) } else { 0.0 });
    let others: f64 = heights[..UP].iter().sum();
    heights[UP] = if cell.exact[UP] > 0.0 { (known - others).max(0.0) } else { 0.0 };
    // What is known leaves no hole.
    if heights[UP] == 0.0 && others > 0.0 && others < known {
        heights = heights.map(|height| height * known / others);
    }
    let sum = heights.iter().sum::<f64>().max(STEPS);
    heights.map(|height| height / sum)
}

fn hovers(frame: &mut Frame<'_>, panel: &Panel, row: &ServerAvailability, timeline: &Timeline) {
    let name = text::truncate_middle(&showable(&name(row)), 40, "…").into_owned();
    if row.intervals.len() > MAX_HOVERS {
        let mut lines = vec![name];
        lines.extend(share(row).map(|share| format!("{share} up")));
        lines.push(words::counted(row.downs, "down"));
        lines.push(format!("longest {}", words::span(row.longest_down_s)));
        let (start, end) = timeline.ends();
        frame.hover(panel, [start as f64, end as f64], lines.join("\n"));
        return;
    }
    for interval in &row.intervals {
        let mut lines = vec![format!("{name}: {}", interval.state.name())];
        let [from, to] = [interval.from, interval.to].map(|at| timeline.second(at));
        lines.push(format!("{from} – {to}, {}", words::span(interval.seconds())));
        lines.extend(
            interval.reason.as_ref().map(|reason| text::truncate(&showable(reason), 60, "…").into_owned()),
        );
        frame.hover(panel, [interval.from as f64, interval.to as f64], lines.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_every_state_in_it() {
        let heights = |parts: Parts| heights(&Cell { drawn: parts, exact: parts });
        assert_eq!(heights([0.0, 0.0, 0.0, 1.0]), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(heights([1.0, 0.0, 0.0, 0.0]), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(heights([0.5, 0.0, 0.0, 0.5]), [0.5, 0.0, 0.0, 0.5]);
        // A second of a day is seen.
        assert_eq!(heights([f64::MIN_POSITIVE, 0.0, 0.0, 1.0]), [0.375, 0.0, 0.0, 0.625]);
        // What is not known stays blank.
        assert_eq!(heights([0.0, 0.0, 0.0, 0.5]), [0.0, 0.0, 0.0, 0.5]);
        assert_eq!(heights([0.0; 4]), [0.0; 4]);
        let all = heights([0.001, 0.001, 0.001, 0.997]);
        // A short stretch beside a long one that was drawn without its last part.
        let cell = Cell { drawn: [0.0, 0.25, 0.0, 0.0], exact: [0.0, 0.25, 0.0, 0.75] };
        assert_eq!(super::heights(&cell), [0.0, 0.375, 0.0, 0.625]);
        assert!(all.iter().sum::<f64>() <= 1.0 && all[..UP].iter().all(|height| *height > 0.3));
    }
}
