//! The hours and days of a window become a report. Reads only the files of the window, some at a time.

use super::{Partition, SourceAtRest, events, find, read_period};
use crate::report::{KnownSource, ReportOptions, SourceName, SourcePeriod, StoredPeriod, StoredReport};
use crate::rollup::{AtRest, HOUR_S, StoredDay};
use crate::store::Span;
use crate::window::Extent;
use logstat_reports::model::{Report, Step};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

const ALL: std::ops::Range<i64> = i64::MIN..i64::MAX;
const DAY_S: i64 = 24 * HOUR_S;
/// Periods in memory at once, for each thread.
const PERIODS_PER_THREAD: usize = 8;

/// Which part of a dataset is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Folders of datasets.
    pub dirs: Vec<PathBuf>,
    /// Unix seconds; `None` is the oldest there is.
    pub since: Option<i64>,
    /// Unix seconds, without it; `None` is the newest there is.
    pub until: Option<i64>,
    /// Sources of which more is known than the files say, by name: their tiers, machines and formats.
    pub known: Vec<KnownSource>,
    /// The present, Unix seconds.
    pub now: i64,
}

/// A window of whole periods.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whole {
    since: i64,
    until: i64,
    step: Step,
    /// By period, each with the files of its nodes.
    periods: Vec<Vec<Partition>>,
}

/// First and last request of a dataset, or of as much of it as can be read.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn extent(dirs: &[PathBuf]) -> anyhow::Result<Option<Extent>> {
    let partitions = find(dirs, &ALL)?;
    let (oldest, newest) = (partitions.first(), partitions.last());
    let (Some(oldest), Some(newest)) = (oldest, newest) else { return Ok(None) };
    let of = |wanted: &Partition| span(&partitions, wanted);
    let (Some((first, _)), Some((_, last))) = (of(oldest)?, of(newest)?) else { return Ok(None) };
    Ok(Some(Extent { oldest_us: first * 1_000_000, newest_us: last * 1_000_000 }))
}

/// Makes the report.
///
/// # Errors
/// When a folder or file cannot be read or is damaged.
pub fn recall(wanted: &Wanted, options: &ReportOptions) -> anyhow::Result<Report> {
    let window = whole(wanted)?;
    let mut sources = wanted.known.clone();
    // Whether a source counts for totals depends on the tiers of all, so they must be known before the first period.
    if let Some(newest) = window.periods.last() {
        learn(&mut sources, &read_period(newest)?);
    }
    loop {
        let known = sources.len();
        if let Some(report) = attempt(wanted, &window, &mut sources, options)? {
            return Ok(report);
        }
        assert!(sources.len() > known, "an attempt fails only over a new source");
    }
}

/// `None` when a source came up that was not known; then it is now, with all others.
fn attempt(
    wanted: &Wanted,
    window: &Whole,
    sources: &mut Vec<KnownSource>,
    options: &ReportOptions,
) -> anyhow::Result<Option<Report>> {
    let (known, bounds) = (sources.len(), (window.since, window.until));
    let mut report = StoredReport::new(sources.clone(), options.clone(), bounds, window.step);
    for some in window.periods.chunks(PERIODS_PER_THREAD * rayon::current_num_threads()) {
        let read = some.par_iter().map(|period| read_step(period, window.step));
        let read = read.collect::<anyhow::Result<Vec<(i64, Vec<SourceAtRest>)>>>()?;
        read.iter().for_each(|(_, parts)| learn(sources, parts));
        if sources.len() == known {
            let periods: Vec<StoredPeriod> =
                read.into_iter().map(|(start, parts)| stored_period(sources, start, parts)).collect();
            report.add(&periods);
        }
    }
    for (name, said) in events(&wanted.dirs)? {
        match sources.iter().position(|source| source.name.name == name) {
            Some(at) if at < known => report.add_events(at, said),
            Some(_) => {}
            None => sources.push(source_named(name)),
        }
    }
    Ok((sources.len() == known).then(|| report.finish()))
}

fn source_named(name: String) -> KnownSource {
    KnownSource { name: SourceName { name, ..SourceName::default() }, formats: Vec::new() }
}

/// Enters sources that are new.
fn learn(sources: &mut Vec<KnownSource>, parts: &[SourceAtRest]) {
    for part in parts {
        if sources.iter().all(|source| source.name.name != part.name) {
            let (tier, node) = (part.tier.clone(), part.node.clone());
            let name = SourceName { name: part.name.clone(), tier, node };
            sources.push(KnownSource { name, formats: Vec::new() });
        }
    }
}

fn stored_period(sources: &[KnownSource], start: i64, parts: Vec<SourceAtRest>) -> StoredPeriod {
    let place = |name: &str| sources.iter().position(|source| source.name.name == name);
    let part = |part: SourceAtRest| {
        let SourceAtRest { name, node, stored, lines, .. } = part;
        Some(SourcePeriod { source: place(&name)?, node, stored, lines })
    };
    StoredPeriod { start, sources: parts.into_iter().filter_map(part).collect() }
}

/// The window in whole hours, or in whole days where a day is kept only as a day: what is in a file cannot be cut.
fn whole(wanted: &Wanted) -> anyhow::Result<Whole> {
    let hour_of = |second: i64| second.div_euclid(HOUR_S);
    let from = wanted.since.map_or(i64::MIN, hour_of);
    let to = wanted.until.map_or(i64::MAX, |until| hour_of(until.saturating_sub(1)).saturating_add(1));
    let mut partitions = find(&wanted.dirs, &(from..to))?;
    let step =
        if partitions.iter().any(|part| part.period.span == Span::Day) { Step::Day } else { Step::Hour };
    let down = |second: i64| second.div_euclid(step.seconds()) * step.seconds();
    let up = |second: i64| down(second.saturating_add(step.seconds() - 1));
    if step == Step::Day {
        let (from, to) = (
            wanted.since.map_or(from, |at| hour_of(down(at))),
            wanted.until.map_or(to, |at| hour_of(up(at))),
        );
        partitions = find(&wanted.dirs, &(from..to))?;
    }
    let span_of = |part: Option<&Partition>| part.map_or(Ok(None), |part| span(&partitions, part));
    let newest = span_of(partitions.last())?.map(|(_, last)| last.saturating_add(1));
    let until = match wanted.until {
        // Of what is not over there is nothing to cut off.
        Some(until) if until >= wanted.now || newest.is_some_and(|newest| until >= newest) => until,
        Some(until) => up(until),
        None => newest.unwrap_or(wanted.now),
    };
    let since = match wanted.since {
        Some(since) => down(since),
        None => span_of(partitions.first())?.map_or(until, |(first, _)| first),
    };
    Ok(Whole { since, until, step, periods: grouped(partitions, step) })
}

/// First and last second with a request, of all files of a file's period.
fn span(partitions: &[Partition], of: &Partition) -> anyhow::Result<Option<(i64, i64)>> {
    let same: Vec<Partition> = partitions.iter().filter(|part| part.period == of.period).cloned().collect();
    let spans = read_period(&same)?.into_iter().filter_map(|part| part.stored?.span());
    Ok(spans.reduce(|(first, last), (a, b)| (first.min(a), last.max(b))))
}

/// The files of each hour or day.
fn grouped(partitions: Vec<Partition>, step: Step) -> Vec<Vec<Partition>> {
    let mut groups = BTreeMap::<i64, Vec<Partition>>::new();
    for part in partitions {
        groups.entry(start(&part, step)).or_default().push(part);
    }
    groups.into_values().collect()
}

/// When the hour or day of a file starts, Unix seconds.
fn start(part: &Partition, step: Step) -> i64 {
    part.period.start.saturating_mul(HOUR_S).div_euclid(step.seconds()).saturating_mul(step.seconds())
}

/// What all sources have of an hour or a day; hours are added up to their day.
fn read_step(files: &[Partition], step: Step) -> anyhow::Result<(i64, Vec<SourceAtRest>)> {
    let start = files.first().map_or(0, |first| start(first, step));
    if step == Step::Hour {
        return Ok((start, read_period(files)?));
    }
    let mut days = BTreeMap::<(String, Option<String>), SourceAtRest>::new();
    for same in files.chunk_by(|a, b| a.period == b.period) {
        for part in read_period(same)? {
            match days.get_mut(&(part.name.clone(), part.node.clone())) {
                Some(day) => add_to_day(day, part),
                None => {
                    let mut day = SourceAtRest { stored: None, lines: BTreeMap::new(), ..part.clone() };
                    add_to_day(&mut day, part);
                    days.insert((day.name.clone(), day.node.clone()), day);
                }
            }
        }
    }
    Ok((start, days.into_values().collect()))
}

fn add_to_day(sum: &mut SourceAtRest, part: SourceAtRest) {
    for (kind, count) in part.lines {
        *sum.lines.entry(kind).or_default() += count;
    }
    let Some(stored) = part.stored else { return };
    let mut day = match sum.stored.take() {
        Some(AtRest::Day(day)) => day,
        _ => StoredDay::new(stored.start().div_euclid(DAY_S)),
    };
    stored.add_to(&mut day);
    sum.stored = Some(AtRest::Day(day));
}
