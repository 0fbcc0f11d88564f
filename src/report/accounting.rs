//! Where lines went: of one source, as it was counted, and of all together.

use crate::rollup::LineCounts;
use logstat_parsers::RejectKind;
use logstat_reports::model::{Accounting, Place, RejectSummary};
use std::collections::BTreeMap;

/// What stands before a reject's kind among the kinds of lines in a state.
const REJECT: &str = "reject_";

/// What was counted while reading, with the first places of each kind of reject.
#[must_use]
pub fn accounting(
    counts: &LineCounts,
    nul_bytes: u64,
    places: &mut BTreeMap<RejectKind, Vec<Place>>,
) -> Accounting {
    let of_kind = RejectKind::ALL.into_iter().filter(|kind| counts.rejects[*kind as usize] > 0);
    let summary = |kind: RejectKind| RejectSummary {
        first: places.remove(&kind).unwrap_or_default(),
        ..reject(kind.name(), counts.rejects[kind as usize])
    };
    Accounting {
        lines: counts.lines,
        records: counts.records,
        outside_window: counts.outside_window,
        future: counts.future,
        events: counts.events,
        rejects: counts.rejected(),
        blank: counts.blank,
        truncated: counts.truncated,
        nul_bytes,
        reject_kinds: of_kind.map(summary).collect(),
    }
}

/// What a state counted, by kind. Records that came when their hour was no longer kept lie outside the window. Kinds of
/// rejects that only another version knows are counted under their names.
pub(super) fn of_kinds(kinds: &BTreeMap<String, u64>) -> Accounting {
    let of = |kind: &str| kinds.get(kind).copied().unwrap_or(0);
    let rejects = kinds.iter().filter_map(|(kind, &count)| Some((kind.strip_prefix(REJECT)?, count)));
    let mut reject_kinds: Vec<RejectSummary> =
        rejects.filter(|(_, count)| *count > 0).map(|(name, count)| reject(name, count)).collect();
    // As where they are counted while reading.
    let place = |summary: &RejectSummary| RejectKind::ALL.iter().position(|kind| kind.name() == summary.kind);
    reject_kinds.sort_by_key(|summary| place(summary).unwrap_or(usize::MAX));
    let rejects = reject_kinds.iter().map(|summary| summary.count).sum();
    Accounting {
        lines: of("records") + of("events") + rejects + of("blank"),
        records: of("records"),
        outside_window: of("expired"),
        future: of("future"),
        events: of("events"),
        rejects,
        blank: of("blank"),
        truncated: of("truncated"),
        nul_bytes: of("nul_bytes"),
        reject_kinds,
    }
}

fn reject(name: &str, count: u64) -> RejectSummary {
    let known = RejectKind::ALL.into_iter().find(|kind| kind.name() == name);
    RejectSummary {
        kind: name.to_owned(),
        explain: known.map_or("", RejectKind::explain).to_owned(),
        count,
        first: Vec::new(),
    }
}

/// Adds the lines of another source.
pub(super) fn add(mut sum: Accounting, part: &Accounting) -> Accounting {
    sum.lines += part.lines;
    sum.records += part.records;
    sum.outside_window += part.outside_window;
    sum.future += part.future;
    sum.events += part.events;
    sum.rejects += part.rejects;
    sum.blank += part.blank;
    sum.truncated += part.truncated;
    sum.nul_bytes += part.nul_bytes;
    for kind in &part.reject_kinds {
        match sum.reject_kinds.iter_mut().find(|known| known.kind == kind.kind) {
            Some(known) => {
                known.count += kind.count;
                known.first.extend(kind.first.iter().cloned());
            }
            None => sum.reject_kinds.push(kind.clone()),
        }
    }
    sum
}
