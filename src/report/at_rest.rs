//! A report from stored hours, or days, against the report of the same log read at once.

use super::{
    KnownSource, ReportOptions, SourceName, SourcePeriod, SourceResult, StoredPeriod, StoredReport,
    accounting, event_row, report,
};
use crate::bots::Bots;
use crate::rollup::{
    AtRest, BlockRollup, EventNote, Histogram, KeyHasher, LineCounts, RollupOptions, SourceRollup, StoredDay,
    StoredEvents, StoredHour, StoredSource,
};
use logstat_parsers::{Escape, Format, Line, Options, RejectKind};
use logstat_reports::model::{By, Figures, Group, HourRow, Report, SourceSummary, Step};
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

    fn counts(&self) -> LineCounts {
        LineCounts::decode(&self.counts).unwrap()
    }

    fn events(&self) -> StoredEvents {
        StoredEvents::decode(&self.events).unwrap()
    }

    fn hours(&self) -> Vec<AtRest> {
        self.hours.values().map(|hour| AtRest::Hour(StoredHour::decode(hour).unwrap())).collect()
    }

    fn days(&self) -> Vec<AtRest> {
        let mut days: BTreeMap<i64, StoredDay> = BTreeMap::new();
        for hour in self.hours() {
            let number = hour.start().div_euclid(Step::Day.seconds());
            hour.add_to(days.entry(number).or_insert_with(|| StoredDay::new(number)));
        }
        days.values().map(|day| AtRest::Day(StoredDay::decode(&day.encode()).unwrap())).collect()
    }

    /// By way of periods that are added so many at a time.
    fn report(&self, periods: Vec<AtRest>, step: Step, at_once: usize) -> Report {
        let spans = || periods.iter().filter_map(AtRest::span);
        let span = spans().map(|span| span.0).min().zip(spans().map(|span| span.1).max());
        let span = span.or_else(|| self.events().availability(i64::MIN, i64::MAX).span());
        let window = span.map_or((0, 0), |(first, last)| (first, last + 1));
        let known = KnownSource { name: name(), formats: Vec::new() };
        let mut report = StoredReport::new(vec![known], options(), window, step);
        // The lines are those of the first hour, as good as any.
        let mut lines = kinds(&self.counts());
        let mut period = |stored: Option<AtRest>| StoredPeriod {
            start: stored.as_ref().map_or(0, AtRest::start),
            sources: vec![SourcePeriod {
                stored,
                lines: std::mem::take(&mut lines),
                ..SourcePeriod::default()
            }],
        };
        let mut all: Vec<StoredPeriod> = periods.into_iter().map(|stored| period(Some(stored))).collect();
        if all.is_empty() {
            all.push(period(None));
        }
        all.chunks(at_once).for_each(|some| report.add(some));
        report.add_events(0, self.events());
        report.finish()
    }
}

fn name() -> SourceName {
    SourceName { name: "log".to_owned(), tier: None, node: None }
}

/// As a state keeps them.
fn kinds(counts: &LineCounts) -> BTreeMap<String, u64> {
    let LineCounts { lines: _, records, outside_window: _, future, events, blank, truncated, rejects } =
        *counts;
    let all = [
        ("records", records),
        ("future", future),
        ("events", events),
        ("blank", blank),
        ("truncated", truncated),
    ];
    let rejects = RejectKind::ALL.map(|kind| (format!("reject_{}", kind.name()), rejects[kind as usize]));
    all.into_iter().map(|(kind, count)| (kind.to_owned(), count)).chain(rejects).collect()
}

fn options() -> ReportOptions {
    ReportOptions {
        since: None,
        until: None,
        timezone: "UTC".to_owned(),
        by: vec![By::Site, By::Backend, By::Server, By::Method, By::Status],
        top: 50,
        notes: Vec::new(),
        duplicates_skipped: 0,
        now: 0,
    }
}

fn at_once((rollup, events): (SourceRollup, Vec<EventNote>)) -> Report {
    let summary = SourceSummary {
        name: name().name,
        format_from: "stored".to_owned(),
        accounting: accounting(&rollup.counts, 0, &mut BTreeMap::new()),
        ..SourceSummary::default()
    };
    let events = events.iter().map(|note| event_row("log", note)).collect();
    let mut report = report(vec![SourceResult { summary, rollup, events, events_left_out: 0 }], options());
    // A log that is read whole shows what was said before its first request too.
    let window = report.since..report.until;
    report.events.retain(|event| event.at.is_none_or(|at| window.contains(&at)));
    report
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
            let counts = direct.0.counts;
            prop_assert!(direct.0.counts.records + direct.0.counts.events > 0, "{fixture} is not read");
            let is_silent = direct.0.availability.timelines(i64::MIN, i64::MAX).is_empty();
            prop_assert!(!is_silent || fixture != "haproxy/servers", "nothing is known of servers");
            let parts = log.in_runs(&ends, block_lines, every);
            let state = State::of(&parts, &orders[0]);
            prop_assert!(state == State::of(&parts, &orders[1]), "{}: order shows", fixture);
            prop_assert_eq!(state.counts(), counts);
            let stored = state.report(state.hours(), Step::Hour, every);
            let difference = first_difference(&format!("{:#?}", at_once(direct)), &format!("{stored:#?}"));
            prop_assert!(difference.is_none(), "{fixture}: {}", difference.unwrap_or_default());
        }
    }
}

/// What a day cannot tell: seconds of single series, so the busiest one of several.
fn without_peaks(figures: &Figures) -> Figures {
    Figures { rps_peak: 0, rps_peak_at: None, ..figures.clone() }
}

/// The rows of a day's hours by group, added up by way of what a row of an hour says.
fn days_of(hours: &[HourRow]) -> BTreeMap<(i64, Group), (u64, u64, Histogram)> {
    let mut days = BTreeMap::<_, (u64, u64, BTreeMap<u32, u64>)>::new();
    for row in hours {
        let day = row.hour.div_euclid(Step::Day.seconds()) * Step::Day.seconds();
        let (requests, bytes_sent, buckets) = days.entry((day, row.group.clone())).or_default();
        *requests += row.figures.requests;
        *bytes_sent += row.figures.bytes_sent.unwrap_or(0);
        for (bucket, count) in &row.figures.latency.buckets {
            *buckets.entry(*bucket).or_default() += count;
        }
    }
    let histogram = |buckets: BTreeMap<u32, u64>| Histogram {
        n: buckets.values().sum(),
        max_us: u64::MAX,
        buckets: buckets.into_iter().collect(),
        ..Histogram::default()
    };
    days.into_iter()
        .map(|(of, (requests, bytes, buckets))| (of, (requests, bytes, histogram(buckets))))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, ..ProptestConfig::default() })]

    #[test]
    fn stored_days_add_up_to_the_same_totals(
        ends in prop::collection::vec(any::<Index>(), 0..5),
        order in prop::collection::vec(any::<Index>(), 1..9)
    ) {
        for fixture in FIXTURES {
            let log = Log::of_fixture(fixture);
            let state = State::of(&log.in_runs(&ends, 100, 7), &order);
            let (direct, days) = (at_once(log.direct(1000)), state.report(state.days(), Step::Day, 3));
            assert_eq!(format!("{:#?}", days.totals), format!("{:#?}", direct.totals), "{fixture}");
            assert_eq!((days.since, days.until, days.step), (direct.since, direct.until, Step::Day));
            assert_eq!((days.top, days.availability), (direct.top, direct.availability), "{fixture}");
            assert_eq!((days.accounting, days.events), (direct.accounting, direct.events), "{fixture}");
            for (of_days, of_hours) in [
                (&days.by_site, &direct.by_site),
                (&days.by_backend, &direct.by_backend),
                (&days.by_server, &direct.by_server),
            ] {
                assert_eq!(of_days.len(), of_hours.len(), "{fixture}");
                for (day, hour) in of_days.iter().zip(of_hours) {
                    assert_eq!(without_peaks(&day.figures), without_peaks(&hour.figures), "{fixture}");
                    assert!(day.figures.rps_peak <= hour.figures.rps_peak, "{fixture}");
                }
            }
        }
    }

    #[test]
    fn a_row_of_a_day_is_the_sum_of_its_hours(
        ends in prop::collection::vec(any::<Index>(), 0..5),
        order in prop::collection::vec(any::<Index>(), 1..9)
    ) {
        for fixture in FIXTURES {
            let log = Log::of_fixture(fixture);
            let state = State::of(&log.in_runs(&ends, 100, 7), &order);
            let (direct, days) = (at_once(log.direct(1000)), state.report(state.days(), Step::Day, 1));
            let mut expected = days_of(&direct.hours);
            for row in &days.hours {
                let of = (row.hour, row.group.clone());
                let (requests, bytes_sent, latency) = expected.remove(&of).expect("a day of these hours");
                let figures = &row.figures;
                assert_eq!((figures.requests, figures.bytes_sent.unwrap_or(0)), (requests, bytes_sent));
                assert_eq!(figures.latency.buckets, latency.buckets, "{fixture}");
                let max_us = figures.latency.max_ms.map_or(0, |ms| (ms * 1000.0).round() as u64);
                let latency = Histogram { max_us, ..latency };
                let p95_ms = latency.percentile_us(95).map(|us| us as f64 / 1000.0);
                assert_eq!(figures.latency.p95_ms, p95_ms, "{fixture}");
                let busiest = direct.hours.iter().filter(|hour| hour.group == row.group);
                let busiest = busiest.filter(|hour| (0..86_400).contains(&(hour.hour - row.hour)));
                assert_eq!(Some(figures.rps_peak), busiest.map(|hour| hour.figures.rps_peak).max(), "{fixture}");
            }
            assert!(expected.is_empty(), "{fixture}: {expected:?}");
        }
    }
}
