//! Latency bands: how each column's requests are spread over bands of latency, darker for more of them.

use super::across::Across as _;
use super::frame::{Frame, Key, Panel, Shape};
use super::ink::{HEAT_STEPS, Ink};
use super::picture::Picture;
use super::scale::millis;
use super::timeline::Timeline;
use crate::model::{Heat, Report};
use crate::text;

/// Share of a column's requests from which on a step of the ramp is used; a slow tail of one in a thousand shows.
const STEPS: [f64; HEAT_STEPS] = [0.0, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5];
const STEP_NAMES: [&str; HEAT_STEPS] =
    ["< 0.1 %", "0.1 – 1 %", "1 – 5 %", "5 – 10 %", "10 – 25 %", "25 – 50 %", "≥ 50 %"];

pub(super) fn draw(report: &Report, timeline: &Timeline, shape: &Shape) -> Option<Picture> {
    let columns = columns(&report.heat, timeline);
    let used = |band: usize| columns.iter().flatten().any(|counts| counts[band] > 0);
    let bands = report.heat.bounds_ms.len() + 1;
    let (lowest, highest) = ((0..bands).find(|&band| used(band))?, (0..bands).rfind(|&band| used(band))?);
    let columns: Vec<_> =
        columns.iter().map(|counts| counts.as_ref().map(|counts| &counts[lowest..=highest])).collect();

    let keys: Vec<_> =
        STEP_NAMES.iter().enumerate().map(|(step, name)| Key::new(Ink::Heat(step), *name)).collect();
    let note = format!("share of requests per {}", timeline.unit());
    let mut frame = Frame::new(shape, timeline, "Latency bands", &note, &keys);
    let panel = frame.panel(0.0, 1.0);
    frame.gaps(&panel, |column| columns[column].is_some());
    cells(&mut frame, &panel, &columns, highest - lowest + 1);
    band_axis(&mut frame, &panel, &report.heat.bounds_ms, lowest, highest);
    frame.column_axis(&panel);
    Some(frame.finish(&panel, |column| Some(says(columns[column]?, lowest, &report.heat.bounds_ms))))
}

/// The requests of each column by band, `None` where it has none.
fn columns(heat: &Heat, timeline: &Timeline) -> Vec<Option<Vec<u64>>> {
    let mut columns: Vec<Option<Vec<u64>>> = vec![None; timeline.columns()];
    for (&hour, cells) in heat.hours.iter().zip(&heat.cells) {
        let Some(column) = timeline.column_of(hour).filter(|_| cells.iter().any(|&count| count > 0)) else {
            continue;
        };
        let sums = columns[column].get_or_insert_with(|| vec![0; heat.bounds_ms.len() + 1]);
        for (sum, count) in sums.iter_mut().zip(cells) {
            *sum += count;
        }
    }
    columns
}

/// Neighbours of one step in a row are one block, which keeps a long report small.
fn cells(frame: &mut Frame<'_>, panel: &Panel, columns: &[Option<&[u64]>], bands: usize) {
    for band in 0..bands {
        let steps: Vec<_> = columns.iter().map(|counts| step(counts.as_ref()?, band)).collect();
        let mut first = 0;
        for run in steps.chunk_by(|left, right| left == right) {
            let next = first + run.len();
            if let Some(step) = run[0] {
                let places = (band as f64 / bands as f64, (band + 1) as f64 / bands as f64);
                frame.block(panel, (first, next - 1), places, Ink::Heat(step));
            }
            first = next;
        }
    }
}

fn step(counts: &[u64], band: usize) -> Option<usize> {
    let share = counts[band] as f64 / counts.iter().sum::<u64>() as f64;
    (counts[band] > 0).then(|| STEPS.iter().rposition(|&least| share >= least).unwrap_or(0))
}

/// Bounds between bands, as many as there is room for.
fn band_axis(frame: &mut Frame<'_>, panel: &Panel, bounds_ms: &[f64], lowest: usize, highest: usize) {
    let bands = highest - lowest + 1;
    let every = bands.div_ceil(2 * frame.room(panel).marks).max(1);
    for band in (lowest..highest).step_by(every) {
        frame.side_label(panel, (band + 1 - lowest) as f64 / bands as f64, &millis(bounds_ms[band]));
    }
}

fn says(counts: &[u64], lowest: usize, bounds_ms: &[f64]) -> String {
    let total: u64 = counts.iter().sum();
    let mut lines = Vec::new();
    for (nth, &count) in counts.iter().enumerate().rev().filter(|(_, count)| **count > 0) {
        let band = match (lowest + nth).checked_sub(1).map(|below| bounds_ms[below]) {
            None => format!("up to {}", millis(bounds_ms[0])),
            Some(from) => bounds_ms.get(lowest + nth).map_or_else(
                || format!("over {}", millis(from)),
                |&to| format!("{} – {}", millis(from), millis(to)),
            ),
        };
        lines.push(format!("{band}: {}", text::percent(count, total)));
    }
    lines.join("\n")
}
