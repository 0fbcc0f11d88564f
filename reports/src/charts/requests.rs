//! Requests per second: the mean of each column, and above it, on an axis of its own, the busiest second.

use super::columns::{self, Column};
use super::frame::{Frame, Panel, Shape};
use super::ink::Ink;
use super::picture::Picture;
use super::scale::{self, Scale};
use super::timeline::Timeline;
use crate::model::Report;
use crate::{text, words};

pub(super) fn draw(report: &Report, timeline: &Timeline, shape: &Shape) -> Option<Picture> {
    let columns = Column::all(&report.hour_totals, timeline);
    let mut frame = Frame::new(shape, timeline, "Requests per second", "", &[]);
    let (upper, lower) = (frame.panel(0.06, 0.4), frame.panel(0.54, 1.0));
    let peaks: Vec<_> = columns.iter().map(|column| Some(column.as_ref()?.peak as f64)).collect();
    // Where no column has one, a mean over some seconds is better than none.
    let is_long = |column: &Column| column.has_mean(timeline.step());
    let any_is_long = columns.iter().flatten().any(is_long);
    let has_mean = |column: &&Column| is_long(column) || !any_is_long;
    let mean = |column: &Option<Column>| column.as_ref().filter(has_mean).map(Column::mean_per_s);
    let means: Vec<_> = columns.iter().map(mean).collect();
    let is_there = |column: usize| columns[column].is_some();

    panel(&mut frame, &upper, (&peaks, &is_there), 1.0, Ink::Peak, |column, peak| {
        let at = columns[column].as_ref().and_then(|column| column.peak_at);
        let at = at.map_or_else(String::new, |at| format!(" at {}", timeline.second(at)));
        format!("{}/s{at}", text::count(peak as u64))
    });
    panel(&mut frame, &lower, (&means, &is_there), 1e-3, Ink::Mean, |_, mean| {
        format!("{}/s", text::rate(mean))
    });
    frame.heading(&upper, &format!("busiest second per {}", timeline.unit()), Ink::Peak);
    frame.heading(&lower, &format!("mean per {}", timeline.unit()), Ink::Mean);
    frame.column_axis(&lower);
    Some(frame.finish(&lower, |column| {
        let column = columns[column].as_ref()?;
        let at = column.peak_at.map_or_else(String::new, |at| format!(" at {}", timeline.second(at)));
        let (mean, requests) = (text::rate(column.mean_per_s()), words::counted(column.requests, "request"));
        let over = if has_mean(&column) {
            String::new()
        } else {
            format!(" over {}", words::span(column.covered_s))
        };
        Some(format!("{mean}/s on average{over}\n{}/s in the busiest second{at}\n{requests}", column.peak))
    }))
}

fn panel(
    frame: &mut Frame<'_>,
    panel: &Panel,
    (values, is_there): (&[Option<f64>], &dyn Fn(usize) -> bool),
    smallest: f64,
    ink: Ink,
    note: impl Fn(usize, f64) -> String,
) {
    let highest = values.iter().flatten().copied().fold(0.0, f64::max);
    let scale = Scale::linear(highest, frame.room(panel), smallest);
    let places: Vec<_> = values.iter().map(|value| value.map(|value| scale.place(value))).collect();
    frame.value_axis(panel, &scale, |value| format!("{}/s", scale::number(value)));
    frame.gaps(panel, is_there);
    frame.steps(panel, &places, ink);
    if let Some((column, value)) = columns::highest(values) {
        frame.point_out(panel, column, scale.place(value), &note(column, value), ink);
    }
}
