//! Share of each column's requests per server: the busiest eight, and the rest as one.

use super::across::Across as _;
use super::frame::{Frame, Key, Panel, Shape};
use super::ink::{CATEGORIES, Ink};
use super::picture::{Picture, showable};
use super::scale::{Scale, number};
use super::timeline::Timeline;
use crate::model::{Group, HourRow, Report};
use crate::{text, words};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Requests of each server shown, in the order of the legend; the others come last.
type Counts = [u64; CATEGORIES + 1];

pub(super) fn draw(report: &Report, timeline: &Timeline, shape: &Shape) -> Option<Picture> {
    let servers = busiest(&report.server_hours);
    // One server always has it all.
    if servers.len() < 2 {
        return None;
    }
    let columns = columns(&report.server_hours, &servers, timeline);
    let mut names: Vec<String> =
        servers.iter().take(CATEGORIES).map(|server| words::server_name(server)).collect();
    if let others @ 1.. = servers.len().saturating_sub(CATEGORIES) {
        names.push(words::counted(others as u64, "other"));
    }
    let key = |(nth, name): (usize, &String)| {
        Key::new(ink(nth), text::truncate(&showable(name), shape.name_width, "…"))
    };
    let keys: Vec<_> = names.iter().enumerate().map(key).collect();

    let note = format!("share of requests per {}", timeline.unit());
    let mut frame = Frame::new(shape, timeline, "Requests per server", &note, &keys);
    let panel = frame.panel(0.0, 1.0);
    frame.value_axis(&panel, &Scale::share(), |share| format!("{} %", number(share * 100.0)));
    frame.gaps(&panel, |column| columns[column].is_some());
    blocks(&mut frame, &panel, &columns);
    frame.column_axis(&panel);
    Some(frame.finish(&panel, |column| Some(says(columns[column].as_ref()?, &names))))
}

/// All servers, most requests first.
fn busiest(rows: &[HourRow]) -> Vec<&Group> {
    let mut requests: BTreeMap<&Group, u64> = BTreeMap::new();
    for row in rows {
        *requests.entry(&row.group).or_default() += row.figures.requests;
    }
    let mut servers: Vec<_> = requests.into_iter().collect();
    servers.sort_unstable_by_key(|&(group, requests)| (Reverse(requests), group));
    servers.into_iter().map(|(group, _)| group).collect()
}

fn columns(rows: &[HourRow], servers: &[&Group], timeline: &Timeline) -> Vec<Option<Counts>> {
    let mut columns = vec![None; timeline.columns()];
    for row in rows.iter().filter(|row| row.figures.requests > 0) {
        let Some(column) = timeline.column_of(row.hour) else { continue };
        let place =
            servers.iter().take(CATEGORIES).position(|server| **server == row.group).unwrap_or(CATEGORIES);
        columns[column].get_or_insert([0; CATEGORIES + 1])[place] += row.figures.requests;
    }
    columns
}

fn blocks(frame: &mut Frame<'_>, panel: &Panel, columns: &[Option<Counts>]) {
    for (nth, counts) in columns.iter().enumerate() {
        let Some(counts) = counts else { continue };
        let total = counts.iter().sum::<u64>() as f64;
        let mut below = 0;
        for (server, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let places = (below as f64 / total, (below + count) as f64 / total);
            frame.bar(panel, nth, places, ink(server));
            below += count;
        }
    }
}

const fn ink(nth: usize) -> Ink {
    if nth < CATEGORIES { Ink::Category(nth) } else { Ink::OtherCategories }
}

fn says(counts: &Counts, names: &[String]) -> String {
    let total = counts.iter().sum();
    let servers = names.iter().zip(counts).filter(|(_, count)| **count > 0);
    let lines: Vec<_> = servers
        .map(|(name, &count)| {
            format!("{} {}", text::truncate(&showable(name), 40, "…"), text::percent(count, total))
        })
        .collect();
    lines.join("\n")
}
