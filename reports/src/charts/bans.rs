//! Bans by rule, stacked: the eight rules with most of them, and the rest as one. The first stands on the ground line,
//! where its heights can be compared.

use super::across::Across as _;
use super::columns::Column;
use super::frame::{Frame, Key, Shape};
use super::ink::{CATEGORIES, Ink};
use super::picture::Picture;
use super::scale::{self, Scale};
use super::timeline::Timeline;
use crate::model::{BanReport, Report};
use crate::{text, words};
use std::cmp::Reverse;

/// Bans of each rule shown, in the order of the legend; the others come last.
type Counts = [u64; CATEGORIES + 1];

pub(super) fn draw(report: &Report, timeline: &Timeline, shape: &Shape) -> Option<Picture> {
    let bans = report.bans.as_ref()?;
    let rules = most_bans(bans);
    let columns = columns(bans, &rules, timeline);
    let most = columns.iter().map(|counts| counts.iter().sum::<u64>()).max().filter(|&most| most > 0)?;
    let names = names(&rules);
    let total = |nth: usize| columns.iter().map(|counts| counts[nth]).sum();
    let key = |(nth, name): (usize, &String)| {
        let name = text::truncate(name, shape.name_width, "…");
        Key::new(ink(nth), format!("{name} {}", text::count(total(nth))))
    };
    let keys: Vec<_> = names.iter().enumerate().map(key).collect();

    let title = format!("Bans per {} by rule", timeline.unit());
    let mut frame = Frame::new(shape, timeline, &title, "", &keys);
    let panel = frame.panel(0.0, 1.0);
    let scale = Scale::linear(most as f64, frame.room(&panel), 1.0);
    frame.value_axis(&panel, &scale, scale::number);
    let requests = Column::all(&report.hour_totals, timeline);
    let is_there = |column: usize| requests[column].is_some() || columns[column].iter().any(|&bans| bans > 0);
    frame.gaps(&panel, is_there);
    for (nth, counts) in columns.iter().enumerate() {
        let mut below = 0;
        for (rule, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let above = below + count;
            frame.bar(&panel, nth, (scale.place(below as f64), scale.place(above as f64)), ink(rule));
            below = above;
        }
    }
    frame.column_axis(&panel);
    Some(frame.finish(&panel, |column| is_there(column).then(|| says(&columns[column], &names))))
}

/// The rules that banned, most bans first.
fn most_bans(bans: &BanReport) -> Vec<&str> {
    let mut rules: Vec<_> = bans.rules.iter().filter(|rule| rule.bans > 0).collect();
    rules.sort_by_key(|rule| Reverse(rule.bans));
    rules.into_iter().map(|rule| rule.rule.as_str()).collect()
}

fn names(rules: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = rules.iter().take(CATEGORIES).map(|&rule| rule.to_owned()).collect();
    if rules.len() > CATEGORIES {
        names.push("other rules".to_owned());
    }
    names
}

fn columns(bans: &BanReport, rules: &[&str], timeline: &Timeline) -> Vec<Counts> {
    let mut columns = vec![[0; CATEGORIES + 1]; timeline.columns()];
    for period in &bans.periods {
        let Some(column) = timeline.column_of(period.start) else { continue };
        let place = rules.iter().take(CATEGORIES).position(|rule| *rule == period.rule);
        columns[column][place.unwrap_or(CATEGORIES)] += period.bans;
    }
    columns
}

const fn ink(nth: usize) -> Ink {
    if nth < CATEGORIES { Ink::Category(nth) } else { Ink::OtherCategories }
}

fn says(counts: &Counts, names: &[String]) -> String {
    let mut lines = vec![words::counted(counts.iter().sum(), "ban")];
    let rules = names.iter().zip(counts).filter(|(_, count)| **count > 0);
    lines.extend(rules.map(|(name, count)| format!("{name} {}", text::grouped(*count))));
    lines.join("\n")
}
