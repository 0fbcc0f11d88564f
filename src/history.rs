//! A report from what was published: which hours and days the window takes, and from their files to figures. Reads no
//! logs, and changes nothing.
//!
//! What is at rest can be cut up no further than it was added up, so a window of a history takes whole hours: it begins
//! with the hour of `since`, or with its day where only the day is left, and ends likewise, but not later than now. As
//! soon as a day is among its periods the report goes by days, since days and hours side by side compare badly.

#[cfg(test)]
mod tests;

use crate::dataset::{self, Partition, SourceAtRest};
use crate::report::{KnownSource, ReportOptions, SourceName, SourcePeriod, StoredPeriod, StoredReport};
use crate::rollup::{AtRest, HOUR_S, StoredDay, StoredEvents};
use crate::store::{Period, Span};
use crate::window::Extent;
use anyhow::{anyhow, bail};
use logstat_reports::dataset::{NamedSource, sources};
use logstat_reports::model::{By, Report, Step};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::path::PathBuf;

/// Periods that each thread loads before they are added: bounds what is in memory at a time.
const PERIODS_PER_THREAD: usize = 2;

/// Folders of published hours and days.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Each a state's, its `data`, or a copy of that.
    pub dirs: Vec<PathBuf>,
    /// Formats that the lines of each source had, by its name, where that is known.
    pub formats: BTreeMap<String, Vec<String>>,
    /// Tiers of sources by name, where others are known than the files have.
    pub tiers: BTreeMap<String, Option<String>>,
}

/// A report, and what could not be read for it.
#[derive(Debug)]
#[expect(missing_docs)]
pub struct HistoryRead {
    pub report: Report,
    /// Hours and days that are missing from it.
    pub problems: Vec<anyhow::Error>,
}

impl History {
    /// Finishes the figures of a window.
    ///
    /// # Errors
    /// When a folder cannot be read or holds no hours, or the report needs what only logs tell.
    pub fn report(&self, options: &ReportOptions) -> anyhow::Result<HistoryRead> {
        let unknown = options.by.iter().find(|by| matches!(by, By::Method | By::Status));
        if let Some(by) = unknown {
            bail!("--by {} cannot be told from stored hours\nhint: name the log files to be read", by.name());
        }
        let read = self.attempt(options)?;
        // A run that publishes meanwhile may have put a day in the place of its hours.
        if read.problems.is_empty() { Ok(read) } else { self.attempt(options) }
    }

    /// The first and the last second with a request, the first to the hour.
    ///
    /// # Errors
    /// When a folder cannot be read or holds no hours.
    pub fn extent(&self) -> anyhow::Result<Option<Extent>> {
        let partitions = dataset::find(&self.dirs, &(i64::MIN..i64::MAX))?;
        let Some(oldest) = partitions.first() else { return Ok(None) };
        let periods: Vec<&[Partition]> = partitions.chunk_by(|a, b| a.period == b.period).collect();
        let us = |second: i64| second.saturating_mul(1_000_000);
        let newest_us = newest_second(&periods, &BTreeMap::new()).map(us);
        let oldest_us = us(start(Step::Hour, oldest.period));
        Ok(newest_us.map(|newest_us| Extent { oldest_us, newest_us }))
    }

    fn attempt(&self, options: &ReportOptions) -> anyhow::Result<HistoryRead> {
        let partitions = dataset::find(&self.dirs, &hours(options))?;
        let events = dataset::events(&self.dirs)?;
        let step = step(&partitions);
        let periods: Vec<&[Partition]> =
            partitions.chunk_by(|a, b| start(step, a.period) == start(step, b.period)).collect();
        let window = window(options, &partitions, || newest_second(&periods, &events));
        let sources = self.known(&partitions, &events);
        let places: Places = sources.keys().cloned().zip(0..).collect();
        let place = |name: &str, tier: Option<&String>| {
            places.get(&(name.to_owned(), self.tier(name, tier.cloned()))).copied()
        };
        let sources = named_apart(sources);
        let mut report = StoredReport::new(sources, options.clone(), window, step);
        let mut problems = Vec::new();
        for some in periods.chunks(rayon::current_num_threads() * PERIODS_PER_THREAD) {
            let loaded: Vec<_> = some.par_iter().map(|period| load(period, step, &place)).collect();
            let (loaded, failed): (Vec<StoredPeriod>, Vec<Vec<anyhow::Error>>) = loaded.into_iter().unzip();
            report.add(&loaded);
            problems.extend(failed.into_iter().flatten());
        }
        for (name, events) in events {
            // A proxy's messages say of no tier; where a source has several, they are those of the first.
            if let Some((_, at)) = places.range((name.clone(), None)..).next() {
                report.add_events(*at, events);
            }
        }
        Ok(HistoryRead { report: report.finish(), problems })
    }

    /// Every source of which something was published, by name and tier: machines may well have logs of one name in two
    /// tiers. The tiers must be known before anything is added up, so each file is looked into twice.
    fn known(&self, partitions: &[Partition], events: &BTreeMap<String, StoredEvents>) -> Known {
        // What cannot be read is told of when it is loaded.
        let named: Vec<NamedSource> = partitions
            .par_iter()
            .flat_map_iter(|partition| sources(&partition.path).unwrap_or_default())
            .collect();
        let mut names: BTreeMap<Key, SourceName> = BTreeMap::new();
        for NamedSource { source, tier, node } in named {
            let tier = self.tier(&source, tier);
            match names.entry((source.clone(), tier.clone())) {
                Entry::Vacant(entry) => drop(entry.insert(SourceName { name: source, tier, node })),
                // Where several nodes have part in a source, it is of none.
                Entry::Occupied(mut entry) => {
                    let known = &mut entry.get_mut().node;
                    *known = known.take().filter(|known| node.as_ref() == Some(known));
                }
            }
        }
        for name in events.keys() {
            if !names.keys().any(|(known, _)| known == name) {
                let source = SourceName { name: name.clone(), ..SourceName::default() };
                names.insert((name.clone(), None), source);
            }
        }
        let formats = |name: &str| self.formats.get(name).cloned().unwrap_or_default();
        let known =
            |(key, name): (Key, SourceName)| (key, KnownSource { formats: formats(&name.name), name });
        names.into_iter().map(known).collect()
    }

    /// The tier of a source of which a file has this one.
    fn tier(&self, name: &str, of_file: Option<String>) -> Option<String> {
        self.tiers.get(name).cloned().unwrap_or(of_file)
    }
}

/// Name and tier of a source.
type Key = (String, Option<String>);
type Known = BTreeMap<Key, KnownSource>;
/// Where each source is among all.
type Places = BTreeMap<Key, usize>;

/// Sources of one name in several tiers have their tier in their name, so that no row adds up two tiers.
fn named_apart(sources: Known) -> Vec<KnownSource> {
    let mut tiers = BTreeMap::<String, usize>::new();
    sources.keys().for_each(|(name, _)| *tiers.entry(name.clone()).or_default() += 1);
    let apart = |((name, tier), mut source): (Key, KnownSource)| {
        if let (2.., Some(tier)) = (tiers[&name], tier) {
            source.name.name = format!("{name} ({tier})");
        }
        source
    };
    sources.into_iter().map(apart).collect()
}

/// The Unix hours of the window asked for.
fn hours(options: &ReportOptions) -> Range<i64> {
    let from = options.since.map_or(i64::MIN, |since| since.div_euclid(HOUR_S));
    let to = options.until.map_or(i64::MAX, |until| until.saturating_add(HOUR_S - 1).div_euclid(HOUR_S));
    from..to
}

fn step(partitions: &[Partition]) -> Step {
    let has_days = partitions.iter().any(|partition| partition.period.span == Span::Day);
    if has_days { Step::Day } else { Step::Hour }
}

/// When the row begins that a period belongs to, Unix seconds.
fn start(step: Step, period: Period) -> i64 {
    match step {
        Step::Hour => period.start.saturating_mul(HOUR_S),
        Step::Day => Period::day_of(period.start).start.saturating_mul(HOUR_S),
    }
}

/// The window in Unix seconds, as the module says.
fn window(
    options: &ReportOptions,
    partitions: &[Partition],
    newest_second: impl FnOnce() -> Option<i64>,
) -> (i64, i64) {
    let starts = partitions.iter().map(|partition| partition.period.start.saturating_mul(HOUR_S));
    let ends = partitions.iter().map(|Partition { period, .. }| {
        period.start.saturating_add(period.span.hours()).saturating_mul(HOUR_S)
    });
    let (oldest, newest) = (starts.min(), ends.max());
    let asked = hours(options);
    let until = match options.until {
        Some(until) if until > options.now => until,
        Some(until) => {
            let end = asked.end.saturating_mul(HOUR_S).max(newest.unwrap_or(until));
            end.min(options.now)
        }
        None => newest_second().map(|second| second + 1).or(options.since).unwrap_or(options.now),
    };
    let since = match options.since {
        Some(since) => {
            let begin = asked.start.saturating_mul(HOUR_S);
            begin.min(oldest.unwrap_or(since))
        }
        None => oldest.unwrap_or(until),
    };
    (since, until.max(since))
}

/// The last second with a request, or else with a message about a server.
fn newest_second(periods: &[&[Partition]], events: &BTreeMap<String, StoredEvents>) -> Option<i64> {
    let last = |partitions: &[Partition]| -> Option<i64> {
        let read = |partition| dataset::read_period(std::slice::from_ref(partition)).ok();
        let found = partitions.iter().filter_map(read).flatten();
        found.filter_map(|source| Some(source.stored?.span()?.1)).max()
    };
    let spoken = || events.values().filter_map(|told| Some(told.availability(i64::MIN, i64::MAX).span()?.1));
    periods.iter().rev().find_map(|period| last(period)).or_else(|| spoken().max())
}

/// One row's worth of periods, with each node's part in a source for itself, and those that could not be read.
fn load(
    partitions: &[Partition],
    step: Step,
    place: &(dyn Fn(&str, Option<&String>) -> Option<usize> + Sync),
) -> (StoredPeriod, Vec<anyhow::Error>) {
    let start = start(step, partitions[0].period);
    let mut parts: BTreeMap<(usize, Option<String>), SourcePeriod> = BTreeMap::new();
    let mut problems = Vec::new();
    // One by one, so that a damaged file costs nothing but itself.
    for partition in partitions {
        let found = dataset::read_period(std::slice::from_ref(partition));
        for found in found.map_err(|problem| problems.push(problem)).unwrap_or_default() {
            let Some(source) = place(&found.name, found.tier.as_ref()) else {
                problems.push(anyhow!("{}: is new", partition.path.display()));
                continue;
            };
            let part = parts.entry((source, found.node.clone())).or_insert_with(|| SourcePeriod {
                source,
                node: found.node.clone(),
                ..SourcePeriod::default()
            });
            add(part, found, start, step);
        }
    }
    (StoredPeriod { start, sources: parts.into_values().collect() }, problems)
}

/// Adds what a file has of a source to its row.
fn add(part: &mut SourcePeriod, found: SourceAtRest, start: i64, step: Step) {
    for (kind, count) in found.lines {
        let sum = part.lines.entry(kind).or_default();
        *sum = sum.saturating_add(count);
    }
    let Some(stored) = found.stored else { return };
    match (&mut part.stored, step) {
        (Some(AtRest::Day(day)), _) => stored.add_to(day),
        (Some(AtRest::Hour(sum)), Step::Hour) => {
            if let AtRest::Hour(hour) = stored {
                sum.merge(hour);
            }
        }
        (none, Step::Day) => {
            let mut day = StoredDay::new(start.div_euclid(Step::Day.seconds()));
            stored.add_to(&mut day);
            *none = Some(AtRest::Day(day));
        }
        (none, Step::Hour) => *none = Some(stored),
    }
}
