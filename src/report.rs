//! Hours become a report: figures are finished here. Reads nothing and writes nothing.
//!
//! A report is made period by period, an hour or a day of all sources at a time, since more at once would take more
//! memory than reading the log: `gathering` takes them in, `tables` adds them up by group, and `figures`, `heat`,
//! `tops`, `availability`, `events` and `accounting` finish one part each. [`report`] takes hours that were just
//! counted, a [`StoredReport`] those at rest.

mod accounting;
#[cfg(test)]
mod at_rest;
mod availability;
mod events;
mod figures;
mod gathering;
mod groups;
mod heat;
mod rows;
mod stored;
mod tables;
mod tops;

pub use accounting::accounting;
pub use events::event_row;
pub use gathering::outermost;
pub use groups::SourceName;
pub(crate) use rows::rows;
pub use stored::{KnownSource, SourcePeriod, StoredPeriod, StoredReport};

use crate::rollup::SourceRollup;
use gathering::{Gathering, SourceFacts};
use logstat_reports::model::{By, EventRow, Report, SourceSummary, Step};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeSet;
use tables::{FinishedPeriod, Period};

/// Messages of proxies that a report shows.
const EVENTS: usize = 1000;

/// One source with everything that was read of it.
#[derive(Debug)]
pub struct SourceResult {
    /// Name, format, files and accounting.
    pub summary: SourceSummary,
    /// Its hours.
    pub rollup: SourceRollup,
    /// Messages of its proxy, in order.
    pub events: Vec<EventRow>,
    /// Messages beyond those.
    pub events_left_out: u64,
}

/// What is asked of a report.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// First second of the window; `None` takes the first request's.
    pub since: Option<i64>,
    /// The second after the window; `None` takes the one after the last request.
    pub until: Option<i64>,
    /// IANA name of the display zone.
    pub timezone: String,
    /// Columns of `--by`, sorted.
    pub by: Vec<By>,
    /// Rows of a top list.
    pub top: usize,
    /// What the reader must know.
    pub notes: Vec<String>,
    /// Files that were not read because others hold the same lines.
    pub duplicates_skipped: u64,
    /// The present, Unix seconds: the window when there is neither a bound nor a request.
    pub now: i64,
}

/// Finishes the figures.
#[must_use]
pub fn report(sources: Vec<SourceResult>, options: ReportOptions) -> Report {
    let (window, top) = (window(&sources, &options), options.top);
    let names = sources.iter().map(SourceResult::name).collect();
    let mut gathering = Gathering::new(options, names, window, Step::Hour);
    let hours: BTreeSet<i64> = sources.iter().flat_map(|source| source.rollup.hours()).collect();
    let hours: Vec<i64> = hours.into_iter().collect();
    for some in hours.chunks(rayon::current_num_threads()) {
        let periods: Vec<_> = some.par_iter().map(|&hour| period(&gathering, &sources, hour)).collect();
        periods.into_iter().for_each(|period| gathering.add(period));
    }
    let facts = sources.into_par_iter().map(|source| source.facts(window, top)).collect();
    gathering.finish(facts)
}

/// One hour of all sources.
fn period(gathering: &Gathering, sources: &[SourceResult], hour: i64) -> FinishedPeriod {
    let mut period = Period::starting(hour);
    for (at, source) in sources.iter().enumerate() {
        if let Some(rollup) = source.rollup.hour(hour) {
            let series = rollup.series();
            let part = (at, source.summary.node.as_deref());
            gathering.fill(&mut period, part, series.iter().map(|(key, sum)| (key, sum)), None);
        }
    }
    gathering.finish_period(period)
}

impl SourceResult {
    fn name(&self) -> SourceName {
        let SourceSummary { name, tier, node, .. } = &self.summary;
        SourceName { name: name.clone(), tier: tier.clone(), node: node.clone() }
    }

    fn facts(self, window: (i64, i64), top: usize) -> SourceFacts {
        let (name, rollup) = (&self.summary.name, &self.rollup);
        let has_bytes = rollup.has_bytes();
        SourceFacts {
            top: tops::top_lists(name, has_bytes, top, |list| Cow::Owned(rollup.top(list))),
            availability: availability::availability(name, &rollup.availability, window),
            availability_left_out: rollup.availability.left_out(),
            summary: self.summary,
            events: self.events,
            events_left_out: self.events_left_out,
        }
    }
}

/// The window in Unix seconds.
fn window(sources: &[SourceResult], options: &ReportOptions) -> (i64, i64) {
    let spans = || sources.iter().filter_map(|source| source.rollup.span_us);
    let second = |us: i64| us.div_euclid(1_000_000);
    // Where only the proxy spoke, its messages span the window.
    let spoken = || sources.iter().filter_map(|source| source.rollup.availability.span());
    let oldest = spans().map(|(oldest, _)| second(oldest)).min().or(spoken().map(|(oldest, _)| oldest).min());
    let newest = spans().map(|(_, newest)| second(newest)).max().or(spoken().map(|(_, newest)| newest).max());
    let newest = newest.map(|newest| newest + 1);
    let until = options.until.or(newest).or(options.since).unwrap_or(options.now);
    let since = options.since.or(oldest).unwrap_or(until);
    (since, until.max(since))
}
