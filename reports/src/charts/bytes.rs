//! Bytes sent, one bar for each column.

use super::columns::{Column, highest};
use super::frame::{Frame, Shape};
use super::ink::Ink;
use super::picture::Picture;
use super::scale::{self, Scale};
use super::timeline::Timeline;
use crate::model::Report;
use crate::text;

pub(super) fn draw(report: &Report, timeline: &Timeline, shape: &Shape) -> Option<Picture> {
    let columns = Column::all(&report.hour_totals, timeline);
    let bytes: Vec<_> = columns.iter().map(|column| Some(column.as_ref()?.bytes_sent? as f64)).collect();
    let most = bytes.iter().flatten().copied().reduce(f64::max)?;

    let mut frame = Frame::new(shape, timeline, &format!("Bytes sent per {}", timeline.unit()), "", &[]);
    let panel = frame.panel(0.0, 1.0);
    let scale = Scale::linear(most, frame.room(&panel), 1.0);
    frame.value_axis(&panel, &scale, scale::bytes);
    frame.gaps(&panel, |column| columns[column].is_some());
    for (column, bytes) in bytes.iter().enumerate() {
        if let Some(bytes) = bytes.filter(|&bytes| bytes > 0.0) {
            frame.bar(&panel, column, (0.0, scale.place(bytes)), Ink::Bytes);
        }
    }
    if let Some((column, most)) = highest(&bytes) {
        frame.point_out(&panel, column, scale.place(most), &text::bytes(most as u64), Ink::Bytes);
    }
    frame.column_axis(&panel);
    Some(frame.finish(&panel, |column| {
        let column = columns[column].as_ref()?;
        Some(column.bytes_sent.map_or_else(|| "no bytes logged".to_owned(), text::bytes))
    }))
}
