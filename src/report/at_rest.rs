//! A report from stored hours against the report of the same log read at once.

use super::{ReportOptions, SourceResult, report};
use crate::bots::Bots;
use crate::rollup::{
    BlockRollup, EventNote, KeyHasher, LineCounts, RollupOptions, SourceRollup, StoredEvents, StoredHour,
    StoredSource,
};
use logstat_parsers::{Escape, Format, Line, Options};
use logstat_reports::model::{By, EventRow, SourceSummary};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// 21 November 2026, for dates without a year.
const REFERENCE_US: i64 = 1_795_219_200_000_000;

/// A log, its format, and how to count it.
struct Log {
    lines: Vec<Vec<u8>>,
    format: Format,
    bots: Arc<Bots>,
}

impl Log {
    fn of_fixture(expectation: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let path = folder.join(expectation).with_extension("expect.json");
        let expected: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let escape = if expected["escape"] == "json" { Escape::Json } else { Escape::Default };
        let options = Options { escape, ..Options::default() };
        let log = std::fs::read(folder.join(expectation).with_extension("log")).unwrap();
        Self {
            lines: log.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect(),
            format: Format::compile(expected["format"].as_str().unwrap(), &options).unwrap(),
            bots: Arc::new(Bots::new()),
        }
    }

    /// Counts some lines, so many to a block; calls `folded` after each block.
    fn count(
        &self,
        lines: std::ops::Range<usize>,
        block_lines: usize,
        to_store: bool,
        mut folded: impl FnMut(&mut SourceRollup, &[EventNote]),
    ) -> SourceRollup {
        let options =
            RollupOptions { to_store, by_method: true, by_status: true, ..RollupOptions::default() };
        let hasher = KeyHasher::default();
        let mut source = SourceRollup::new(options.clone(), hasher.clone());
        let mut block = BlockRollup::new(options, hasher, Arc::clone(&self.bots));
        let mut parser = self.format.parser(REFERENCE_US);
        for some in self.lines[lines].chunks(block_lines) {
            block.clear();
            for (number, line) in (0..).zip(some) {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                match parser.parse(line) {
                    Line::Record(record) => block.record(&record),
                    Line::Event(event) => block.event(&event),
                    Line::Reject(reject) => block.reject(reject, number, line),
                    Line::Blank => block.blank(),
                }
            }
            block.finish();
            source.fold(&block);
            folded(&mut source, &block.event_notes);
        }
        source
    }

    fn direct(&self, block_lines: usize) -> (SourceRollup, Vec<EventNote>) {
        let mut events = Vec::new();
        let rollup =
            self.count(0..self.lines.len(), block_lines, false, |_, notes| events.extend_from_slice(notes));
        (rollup, events)
    }

    /// Counts in runs that end at these lines, the last one at the end; each stores what it has every `every` blocks.
    fn in_runs(&self, ends: &[Index], block_lines: usize, every: usize) -> Vec<StoredSource> {
        let mut ends: Vec<usize> = ends.iter().map(|end| end.index(self.lines.len() + 1)).collect();
        ends.push(self.lines.len());
        ends.sort_unstable();
        let (mut parts, mut from, mut run) = (Vec::new(), 0, 0);
        for to in ends {
            let mut blocks = 0;
            let mut rest = self.count(from..to, block_lines, true, |source, _| {
                blocks += 1;
                if blocks % every == 0 {
                    run += 1;
                    parts.push(source.take_stored(run));
                }
            });
            run += 1;
            parts.push(rest.take_stored(run));
            from = to;
        }
        parts
    }
}

/// What a state holds of a source.
#[derive(Default, PartialEq, Debug)]
struct State {
    hours: BTreeMap<i64, Vec<u8>>,
    events: Vec<u8>,
    counts: Vec<u8>,
}

impl State {
    /// Merged in this order, by way of the stored form.
    fn of(parts: &[StoredSource], order: &[Index]) -> Self {
        let mut left: Vec<&StoredSource> = parts.iter().collect();
        let mut state = Self::default();
        let (mut events, mut counts) = (StoredEvents::default(), LineCounts::default());
        for next in order.iter().cycle().take(parts.len()) {
            let part = left.swap_remove(next.index(left.len()));
            for hour in &part.hours {
                let merged = match state.hours.remove(&hour.hour()) {
                    Some(before) => {
                        let mut before = StoredHour::decode(&before).unwrap();
                        before.merge(StoredHour::decode(&hour.encode()).unwrap());
                        before
                    }
                    None => hour.clone(),
                };
                state.hours.insert(hour.hour(), merged.encode());
            }
            events.merge(StoredEvents::decode(&part.events.encode()).unwrap());
            counts.merge(&LineCounts::decode(&part.counts.encode()).unwrap());
        }
        (state.events, state.counts) = (events.encode(), counts.encode());
        state
    }

    fn rollup(&self) -> (SourceRollup, Vec<EventNote>) {
        let mut rollup = SourceRollup::new(RollupOptions::default(), KeyHasher::default());
        self.hours.values().for_each(|hour| rollup.add_stored(&StoredHour::decode(hour).unwrap()));
        let events = StoredEvents::decode(&self.events).unwrap();
        rollup.add_stored_events(&events);
        rollup.counts = LineCounts::decode(&self.counts).unwrap();
        (rollup, events.notes().cloned().collect())
    }
}

fn printed((rollup, events): (SourceRollup, Vec<EventNote>)) -> String {
    let row = |note: EventNote| EventRow {
        at: note.at_us,
        source: "log".to_owned(),
        kind: format!("{:?}", note.kind),
        message: String::from_utf8_lossy(&note.message).into_owned(),
    };
    let counts = rollup.counts;
    let summary = SourceSummary { name: "log".to_owned(), ..SourceSummary::default() };
    let events = events.into_iter().map(row).collect();
    let options = ReportOptions {
        since: None,
        until: None,
        timezone: "UTC".to_owned(),
        by: vec![By::Site, By::Backend, By::Server, By::Method, By::Status],
        top: 50,
        notes: Vec::new(),
        duplicates_skipped: 0,
        now: 0,
    };
    let report = report(vec![SourceResult { summary, rollup, events, events_left_out: 0 }], options);
    format!("{counts:?}\n{report:#?}")
}

fn first_difference(one: &str, other: &str) -> Option<String> {
    let mut lines = one.lines().zip(other.lines());
    let at = lines.find(|(a, b)| a != b).map(|(a, b)| format!("{a}\n{b}"));
    at.or_else(|| (one != other).then(|| "one is longer".to_owned()))
}

const FIXTURES: [&str; 16] = [
    "nginx/cache",
    "nginx/combined",
    "nginx/dst",
    "nginx/escape-json",
    "nginx/hostile",
    "nginx/timed",
    "nginx/vhost",
    "nginx/zone",
    "haproxy/http",
    "haproxy/https",
    "haproxy/iso",
    "haproxy/journald",
    "haproxy/noprefix",
    "haproxy/rfc5424",
    "haproxy/servers",
    "haproxy/tcp",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]

    #[test]
    fn stored_hours_give_the_same_report(
        ends in prop::collection::vec(any::<Index>(), 0..5),
        orders in prop::array::uniform2(prop::collection::vec(any::<Index>(), 1..9)),
        block_lines in prop::sample::select(vec![1, 7, 100, 5000]),
        every in 1..40usize
    ) {
        for fixture in FIXTURES {
            let log = Log::of_fixture(fixture);
            let direct = log.direct(1000);
            prop_assert!(direct.0.counts.records + direct.0.counts.events > 0, "{fixture} is not read");
            let is_silent = direct.0.availability.timelines(i64::MIN, i64::MAX).is_empty();
            prop_assert!(!is_silent || fixture != "haproxy/servers", "nothing is known of servers");
            let parts = log.in_runs(&ends, block_lines, every);
            let state = State::of(&parts, &orders[0]);
            prop_assert!(state == State::of(&parts, &orders[1]), "{}: order shows", fixture);
            let difference = first_difference(&printed(direct), &printed(state.rollup()));
            prop_assert!(difference.is_none(), "{fixture}: {}", difference.unwrap_or_default());
        }
    }
}
