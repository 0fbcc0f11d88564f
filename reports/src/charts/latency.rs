//! Latency: the 50th, 95th and 99th percentile of the total time, on a logarithmic axis where they are far apart.

use super::columns::{Column, highest};
use super::frame::{Frame, Key, Shape};
use super::ink::Ink;
use super::picture::Picture;
use super::scale::{self, Scale};
use super::timeline::Timeline;
use crate::model::Report;
use crate::text;

/// Percentile, ink and width of its line; p95 is the one to look at.
const LINES: [(&str, Ink, f64); 3] = [("p50", Ink::P50, 1.5), ("p95", Ink::P95, 2.5), ("p99", Ink::P99, 1.5)];
const P95: usize = 1;

pub(super) fn draw(report: &Report, timeline: &Timeline, shape: &Shape) -> Option<Picture> {
    let columns = Column::all(&report.hour_totals, timeline);
    let latencies: Vec<_> = columns.iter().map(|column| column.as_ref()?.latency).collect();
    let values = latencies.iter().flatten().flatten().copied();
    values.clone().next()?;

    let keys = LINES.map(|(name, ink, _)| Key::new(ink, name));
    let unit = timeline.unit();
    let note = if timeline.is_row() {
        String::new()
    } else {
        format!("highest {} per {unit}", timeline.step().noun())
    };
    let mut frame = Frame::new(shape, timeline, "Latency", &note, &keys);
    let panel = frame.panel(0.0, 1.0);
    let scale = Scale::fitting(values, frame.room(&panel));
    frame.value_axis(&panel, &scale, scale::millis);
    frame.gaps(&panel, |column| columns[column].is_some());
    for (nth, (_, ink, width)) in LINES.iter().enumerate() {
        let places: Vec<_> = latencies.iter().map(|values| Some(scale.place((*values)?[nth]))).collect();
        frame.curve(&panel, &places, *ink, *width);
    }
    let p95: Vec<_> = latencies.iter().map(|values| Some((*values)?[P95])).collect();
    if let Some((column, value)) = highest(&p95) {
        frame.point_out(
            &panel,
            column,
            scale.place(value),
            &format!("p95 {}", text::millis(value)),
            Ink::P95,
        );
    }
    frame.column_axis(&panel);
    Some(frame.finish(&panel, |column| {
        columns[column].as_ref()?;
        let Some(values) = latencies[column] else { return Some("no latency logged".to_owned()) };
        let lines: Vec<_> =
            LINES.iter().zip(values).map(|(line, ms)| format!("{} {}", line.0, text::millis(ms))).collect();
        Some(lines.join("\n"))
    }))
}
