//! Requests by class of status, stacked. Errors stand on the ground line, where their heights can be compared.

use super::columns::Column;
use super::frame::{Frame, Key, Shape};
use super::ink::Ink;
use super::picture::Picture;
use super::scale::{self, Scale};
use super::timeline::Timeline;
use crate::model::Report;
use crate::{text, words};

/// From the ground up: its place in [`Column::statuses`], name and ink.
const CLASSES: [(usize, &str, Ink); 6] = [
    (4, "5xx", Ink::Status5xx),
    (3, "4xx", Ink::Status4xx),
    (5, "other", Ink::StatusOther),
    (2, "3xx", Ink::Status3xx),
    (1, "2xx", Ink::Status2xx),
    (0, "1xx", Ink::Status1xx),
];

pub(super) fn draw(report: &Report, timeline: &Timeline, shape: &Shape) -> Option<Picture> {
    let columns = Column::all(&report.hour_totals, timeline);
    let total = |class: usize| columns.iter().flatten().map(|column| column.statuses[class]).sum::<u64>();
    let requests: u64 = columns.iter().flatten().map(|column| column.requests).sum();
    let classes = CLASSES.iter().filter(|class| total(class.0) > 0);
    let key = |class: &(usize, &str, Ink)| {
        Key::new(class.2, format!("{} {}", class.1, text::percent(total(class.0), requests)))
    };
    let keys: Vec<_> = classes.clone().map(key).collect();

    let title = format!("Requests per {} by status", timeline.unit());
    let mut frame = Frame::new(shape, timeline, &title, "", &keys);
    let panel = frame.panel(0.0, 1.0);
    let most = columns.iter().flatten().map(|column| column.requests).max()?;
    let scale = Scale::linear(most as f64, frame.room(&panel), 1.0);
    frame.value_axis(&panel, &scale, scale::number);
    frame.gaps(&panel, |column| columns[column].is_some());
    for (nth, column) in columns.iter().enumerate() {
        let Some(column) = column else { continue };
        let mut below = 0;
        for &(class, _, ink) in classes.clone().filter(|class| column.statuses[class.0] > 0) {
            let above = below + column.statuses[class];
            frame.bar(&panel, nth, (scale.place(below as f64), scale.place(above as f64)), ink);
            below = above;
        }
    }
    frame.column_axis(&panel);
    Some(frame.finish(&panel, |column| says(columns[column].as_ref()?)))
}

fn says(column: &Column) -> Option<String> {
    let mut lines = vec![words::counted(column.requests, "request")];
    for (class, name, _) in CLASSES.iter().rev() {
        let count = column.statuses[*class];
        if count > 0 {
            lines.push(format!("{name} {}, {}", text::grouped(count), text::percent(count, column.requests)));
        }
    }
    Some(lines.join("\n"))
}
