//! Every hour of one source, as its blocks are folded into it one after the other.

use super::availability::Availability;
use super::block::{BlockRollup, LineCounts};
use super::cells::{Cell, CellKind, CountTable, Counts};
use super::histogram::Histogram;
use super::keys::{KeyHasher, KeyTable};
use super::series::{SeriesKey, Sums, TimingKind};
use super::sketch::Sketch;
use super::stored::{StoredEvents, StoredHour, StoredList, StoredLists, StoredSource};
use super::top::{ListKind, TopSummary};
use super::{HOUR_S, RollupOptions};
use std::collections::BTreeMap;

/// How long after its end an hour is expected to receive records: HAProxy's lines come in the order in which requests
/// end only about. A later one still counts.
const LATENESS_US: i64 = 5 * 60 * 1_000_000;
const HOUR_US: i64 = HOUR_S * 1_000_000;

/// The hours of one source.
#[derive(Debug)]
pub struct SourceRollup {
    options: RollupOptions,
    hasher: KeyHasher,
    hours: BTreeMap<i64, HourRollup>,
    /// Where every line went.
    pub counts: LineCounts,
    /// Lines that are in no hour's requests, by the hour of the request before them.
    strays: BTreeMap<i64, LineCounts>,
    /// End of the last request, in the order of the log.
    last_us: i64,
    /// How servers stood, by the proxy's messages.
    pub availability: Availability,
    /// End of the first and last request in log time, inside the window or not; `None` before the first.
    pub span_us: Option<(i64, i64)>,
    closed_before: i64,
    /// Top lists of the hours that are closed, added up, so that a long log takes no more memory than a short one.
    settled: Box<Lists>,
    /// Memory of hours that are closed, for those to come: to give it back and ask for it again every hour would
    /// leave holes.
    spare_tables: Vec<CountTable>,
    spare_lists: Vec<Lists>,
    /// What proxies said since it was last taken, if that is to be stored.
    events: StoredEvents,
}

type Lists = [TopSummary; ListKind::ALL.len()];

impl SourceRollup {
    /// Without any hour yet.
    #[must_use]
    pub fn new(options: RollupOptions, hasher: KeyHasher) -> Self {
        Self {
            availability: Availability::new(options.since_us, options.until_us),
            options,
            hasher,
            hours: BTreeMap::new(),
            counts: LineCounts::default(),
            strays: BTreeMap::new(),
            last_us: 0,
            span_us: None,
            closed_before: i64::MIN,
            settled: Box::default(),
            spare_tables: Vec::new(),
            spare_lists: Vec::new(),
            events: StoredEvents::default(),
        }
    }

    /// What follows stands behind a request that ended at `last_us`, as far as anybody knows.
    pub fn go_on_from(&mut self, last_us: i64) {
        self.last_us = last_us;
    }

    /// Adds a block. Blocks must come in the order of the log.
    pub fn fold(&mut self, block: &BlockRollup) {
        self.counts.merge(&block.counts);
        for (hour, counts) in &block.strays {
            let hour = hour.unwrap_or(self.last_us.div_euclid(HOUR_US));
            self.strays.entry(hour).or_default().merge(counts);
        }
        self.last_us = block.last_us.unwrap_or(self.last_us);
        self.availability.fold(&block.messages);
        if self.options.to_store {
            self.events.add_block(&block.messages, &block.event_notes, block.events_left_out);
        }
        let places = self.fold_series(block);
        self.fold_cells(block, &places);
        self.fold_lists(block);
        if block.oldest_us <= block.newest_us {
            let (oldest, newest) = self.span_us.unwrap_or((block.oldest_us, block.newest_us));
            self.span_us = Some((oldest.min(block.oldest_us), newest.max(block.newest_us)));
            self.close_hours();
        }
    }

    /// Starts of the hours with at least one request, Unix seconds, ascending.
    pub fn hours(&self) -> impl Iterator<Item = i64> {
        self.hours.keys().map(|hour| hour * HOUR_S)
    }

    /// The hour that starts at `start`, Unix seconds.
    #[must_use]
    pub fn hour(&self, start: i64) -> Option<&HourRollup> {
        self.hours.get(&start.div_euclid(HOUR_S))
    }

    /// Did any line say how many bytes were sent?
    #[must_use]
    pub fn has_bytes(&self) -> bool {
        self.hours.values().any(|hour| hour.series.entries().iter().any(|series| series.tally.bytes_n > 0))
    }

    /// A top list over all hours.
    #[must_use]
    pub fn top(&self, list: ListKind) -> TopSummary {
        let mut total = self.settled[list as usize].clone();
        for hour in self.hours.values() {
            if let Some(stored) = &hour.stored_lists {
                total.merge_stored(&stored[list as usize], &self.hasher);
                total.prune();
            }
            if let Some(lists) = &hour.lists {
                total.merge(&lists[list as usize]);
            }
        }
        total
    }

    /// Takes out all hours, messages and line counts since the last time, as those of a run; runs are numbered in the
    /// order in which they read the log. May be called between any two blocks.
    #[must_use]
    pub fn take_stored(&mut self, run: u64) -> StoredSource {
        let hours = std::mem::take(&mut self.hours);
        let strays = std::mem::take(&mut self.strays);
        let stored = |(number, mut hour): (i64, HourRollup)| {
            let mut lists = hour.stored_lists.take().unwrap_or_default();
            let series = hour.series();
            if let Some(open) = &mut hour.lists {
                store(&mut lists, open);
            }
            StoredHour::new(number, series, lists)
        };
        let hours: Vec<StoredHour> = hours.into_iter().map(stored).collect();
        StoredSource {
            lines: lines_by_hour(strays, &hours),
            hours,
            events: std::mem::take(&mut self.events).of_run(run),
            counts: std::mem::take(&mut self.counts),
        }
    }

    /// Enters the block's series into their hours; gives for each the hour and its place there.
    fn fold_series(&mut self, block: &BlockRollup) -> Vec<(i64, u32)> {
        let mut places = Vec::with_capacity(block.series.len());
        for (at, entry) in block.series.entries().iter().enumerate() {
            let number = block.hours[entry.slot as usize];
            let spare = &mut self.spare_tables;
            let hour = self.hours.entry(number).or_insert_with(|| HourRollup::over(spare.pop()));
            let place = hour.place(block.series.key(entry), &self.hasher, self.options.series_per_hour);
            hour.series.tally_mut(place).merge(&entry.tally);
            if let Some(ranks) = block.registers.get(at) {
                hour.sketches[place as usize].merge_dense(ranks);
            }
            places.push((number, place));
        }
        places
    }

    fn fold_cells(&mut self, block: &BlockRollup, places: &[(i64, u32)]) {
        let mut current: Option<(i64, &mut CountTable)> = None;
        for (series, cell, count) in block.cells.iter() {
            let (number, place) = places[series as usize];
            if current.as_ref().is_none_or(|(at, _)| *at != number) {
                current = self.hours.get_mut(&number).map(|hour| (number, hour.cells.open()));
            }
            if let Some((_, cells)) = &mut current {
                cells.add_wide(cell.key(place), count);
            }
        }
        for &(series, register) in &block.more_registers {
            let (number, place) = places[series as usize];
            if let Some(hour) = self.hours.get_mut(&number) {
                hour.sketches[place as usize].add(register);
            }
        }
    }

    fn fold_lists(&mut self, block: &BlockRollup) {
        if !self.options.top {
            return;
        }
        let mut paths = Vec::new();
        for list in ListKind::ALL {
            let table = &block.lists[list as usize];
            let mut current: Option<(i64, &mut Lists)> = None;
            for entry in table.entries() {
                let hour = block.hours[entry.slot as usize];
                if current.as_ref().is_none_or(|(at, _)| *at != hour) {
                    current = Some((hour, self.lists(hour)));
                }
                let Some((_, lists)) = &mut current else { continue };
                let hash = KeyHasher::of_slot_zero(entry.hash, entry.slot);
                let place = lists[list as usize].add(hash, table.key(entry), entry.tally);
                if list == ListKind::Paths {
                    paths.push((hour, place));
                }
            }
        }
        self.fold_path_latencies(block, &paths);
        for hour in &block.hours {
            self.lists(*hour).iter_mut().for_each(TopSummary::prune);
        }
    }

    fn fold_path_latencies(&mut self, block: &BlockRollup, paths: &[(i64, u32)]) {
        let mut current: Option<(i64, &mut Lists)> = None;
        for (path, coarse, count) in block.path_latencies() {
            let (hour, place) = paths[path as usize];
            if current.as_ref().is_none_or(|(at, _)| *at != hour) {
                current = Some((hour, self.lists(hour)));
            }
            if let Some((_, lists)) = &mut current {
                lists[ListKind::Paths as usize].add_latency(place, coarse, count);
            }
        }
    }

    /// The lists that count for an hour: its own while it is open.
    fn lists(&mut self, hour: i64) -> &mut Lists {
        if hour < self.closed_before && !self.options.to_store {
            return &mut self.settled;
        }
        let spare = &mut self.spare_lists;
        self.hours
            .entry(hour)
            .or_default()
            .lists
            .get_or_insert_with(|| Box::new(spare.pop().unwrap_or_default()))
    }

    /// Closes what the log has passed.
    fn close_hours(&mut self) {
        let Some((_, newest_us)) = self.span_us else { return };
        let passed = (newest_us - LATENESS_US).div_euclid(HOUR_US);
        if passed <= self.closed_before {
            return;
        }
        for (_, hour) in self.hours.range_mut(..passed) {
            self.spare_tables.extend(hour.cells.pack());
            if let Some(mut lists) = hour.lists.take() {
                if self.options.to_store {
                    store(hour.stored_lists.get_or_insert_default(), &mut lists);
                } else {
                    settle(&mut self.settled, &mut lists);
                }
                self.spare_lists.push(*lists);
            }
        }
        self.closed_before = passed;
    }
}

/// Where the lines of each hour went, its requests among them.
fn lines_by_hour(mut strays: BTreeMap<i64, LineCounts>, hours: &[StoredHour]) -> BTreeMap<i64, LineCounts> {
    for counts in strays.values_mut() {
        counts.records = counts.future;
    }
    for hour in hours {
        strays.entry(hour.hour()).or_default().records += hour.requests();
    }
    for counts in strays.values_mut() {
        counts.lines = counts.records + counts.events + counts.blank + counts.rejected();
    }
    strays
}

/// Adds up lists and empties them.
fn settle(settled: &mut Lists, lists: &mut Lists) {
    for (settled, list) in settled.iter_mut().zip(lists) {
        settled.merge(list);
        settled.prune();
        list.clear();
    }
}

/// Adds lists to those at rest, and empties them.
fn store(stored: &mut StoredLists, lists: &mut Lists) {
    for (stored, list) in stored.iter_mut().zip(lists) {
        stored.merge(StoredList::of(list));
        list.clear();
    }
}

/// One hour of one source.
#[derive(Debug, Default)]
pub struct HourRollup {
    series: KeyTable<Sums>,
    sketches: Vec<Sketch>,
    cells: Counts,
    /// `None` once they are settled or stored.
    lists: Option<Box<Lists>>,
    /// Those of an hour that is closed, if they are to be stored.
    stored_lists: Option<Box<StoredLists>>,
}

impl HourRollup {
    /// An empty hour over the memory of another.
    fn over(table: Option<CountTable>) -> Self {
        Self { cells: Counts::Open(table.unwrap_or_default()), ..Self::default() }
    }

    /// Every series with what it adds up to, sorted by name.
    #[must_use]
    pub fn series(&self) -> Vec<(SeriesKey, Aggregate)> {
        let entries = self.series.entries().iter().zip(&self.sketches);
        let aggregate =
            |sums, sketch: &Sketch| Aggregate { sums, sketch: sketch.clone(), ..Aggregate::default() };
        let mut all: Vec<_> = entries
            .map(|(entry, sketch)| {
                (SeriesKey::from_bytes(self.series.key(entry)), aggregate(entry.tally, sketch))
            })
            .collect();
        for (key, count) in self.cells.sorted() {
            let (series, cell) = Cell::of_key(key);
            all[series as usize].1.cells.push((cell, count));
        }
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        all
    }

    fn place(&mut self, key: &[u8], hasher: &KeyHasher, limit: usize) -> u32 {
        let full = self.series.len() >= limit;
        let (at, new) = if full && self.series.find(hasher.hash(0, key), 0, |known| known == key).is_none() {
            let other = SeriesKey::other();
            self.series.place(hasher.hash(0, other.as_bytes()), 0, other.as_bytes())
        } else {
            self.series.place(hasher.hash(0, key), 0, key)
        };
        if new {
            self.sketches.push(Sketch::default());
        }
        at
    }
}

/// What the requests of one or many series of one hour, or of many hours, add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// Exact sums.
    pub sums: Sums,
    /// Distinct clients.
    pub sketch: Sketch,
    /// Requests of the busiest second, and that second: of days and what was added with
    /// [`merge_period`](Self::merge_period). Over several series of a day it is the busiest of one of them.
    pub peak: Option<(u64, i64)>,
    /// Ascending.
    pub(super) cells: Vec<(Cell, u64)>,
}

impl Aggregate {
    /// Adds other requests of the same hour or day.
    pub fn merge(&mut self, other: &Self) {
        self.merge_cells(other, |_| true);
        self.add_peak(other.peak);
    }

    /// Adds a whole hour or day, which starts at `start` in Unix seconds, to what others added up to. Of its seconds
    /// only the busiest is kept.
    pub fn merge_period(&mut self, start: i64, other: &Self) {
        self.merge_cells(other, |cell| cell.kind() != CellKind::Second);
        let busiest = other.busiest_second();
        self.add_peak(busiest.map(|(requests, second)| (requests, start + i64::from(second))).or(other.peak));
    }

    /// Takes note of a second with so many requests.
    pub fn add_peak(&mut self, peak: Option<(u64, i64)>) {
        self.peak = busier(self.peak, peak);
    }

    fn merge_cells(&mut self, other: &Self, wanted: impl Fn(Cell) -> bool) {
        self.sums.merge(&other.sums);
        self.sketch.merge(&other.sketch);
        let more = other.cells.iter().filter(|(cell, _)| wanted(*cell)).copied();
        self.cells = if self.cells.is_empty() { more.collect() } else { merge_sorted(&self.cells, more) };
    }

    /// Requests of the busiest second of an hour, and that second, from 0; the earliest of several.
    #[must_use]
    pub fn busiest_second(&self) -> Option<(u64, u32)> {
        let seconds = self.counts(CellKind::Second).map(|(second, requests)| (requests, second));
        seconds.max_by_key(|(requests, second)| (*requests, std::cmp::Reverse(*second)))
    }

    /// (value, count) of every cell of a kind, ascending.
    pub fn counts(&self, kind: CellKind) -> impl Iterator<Item = (u32, u64)> + '_ {
        let from = self.cells.partition_point(|(cell, _)| cell.kind() < kind);
        let of_kind = self.cells[from..].iter().take_while(move |(cell, _)| cell.kind() == kind);
        of_kind.map(|(cell, count)| (cell.value(), *count))
    }

    /// The distribution of a time.
    #[must_use]
    pub fn histogram(&self, timing: TimingKind) -> Histogram {
        let sums = self.sums.timings[timing as usize];
        let buckets = self.counts(timing.cells()).collect();
        Histogram { n: sums.n, sum_us: sums.sum_us, max_us: sums.max_us, sub_ms: sums.sub_ms, buckets }
    }
}

/// The busier of two seconds, the earlier one of equals.
pub(super) fn busier(one: Option<(u64, i64)>, other: Option<(u64, i64)>) -> Option<(u64, i64)> {
    [one, other].into_iter().flatten().max_by_key(|(requests, at)| (*requests, std::cmp::Reverse(*at)))
}

fn merge_sorted(cells: &[(Cell, u64)], more: impl Iterator<Item = (Cell, u64)>) -> Vec<(Cell, u64)> {
    let mut merged = Vec::with_capacity(cells.len() + more.size_hint().0);
    let mut rest = cells.iter().copied().peekable();
    for (cell, mut count) in more {
        while let Some(before) = rest.next_if(|(other, _)| *other < cell) {
            merged.push(before);
        }
        if let Some((_, same)) = rest.next_if(|(other, _)| *other == cell) {
            count += same;
        }
        merged.push((cell, count));
    }
    merged.extend(rest);
    merged
}
