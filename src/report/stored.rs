//! A report from hours or days at rest, which other runs have counted. Decodes nothing and reads nothing.

use super::accounting::of_kinds;
use super::availability::availability;
use super::gathering::{Gathering, SourceFacts};
use super::tables::{FinishedPeriod, Period};
use super::tops::top_lists;
use super::{ReportOptions, SourceName, event_row};
use crate::rollup::{AtRest, StoredEvents, TopLists};
use logstat_reports::model::{Report, SourceSummary, Step};
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A source of which something is at rest.
#[derive(Debug, Clone, Default)]
pub struct KnownSource {
    #[expect(missing_docs)]
    pub name: SourceName,
    /// Formats that its lines had when they were read.
    pub formats: Vec<String>,
}

/// What one node has of one source in one period.
#[derive(Debug, Clone, Default)]
pub struct SourcePeriod {
    /// Place among the sources.
    pub source: usize,
    /// The machine whose log it is, of the configuration.
    pub node: Option<String>,
    /// Its requests: an hour where the report goes by hours, else a day. `None` where there were only other lines.
    pub stored: Option<AtRest>,
    /// What became of its lines, by kind: `records`, `events`, `blank`, `reject_shape` …
    pub lines: BTreeMap<String, u64>,
}

/// One hour or day of all sources.
#[derive(Debug, Clone, Default)]
pub struct StoredPeriod {
    /// Unix seconds.
    pub start: i64,
    #[expect(missing_docs)]
    pub sources: Vec<SourcePeriod>,
}

/// A report in the making. What it holds grows with its rows, not with what was read for them.
///
/// The busiest second of several series of a day is that of one of them, and may be too low: the others' seconds are
/// no longer known. That of a whole source of one node is exact, and so is the total's where only that counts for it.
#[derive(Debug)]
pub struct StoredReport {
    gathering: Gathering,
    sources: Vec<Gathered>,
}

/// What adds up of a source besides its requests by the hour.
#[derive(Debug, Default)]
struct Gathered {
    known: KnownSource,
    lists: TopLists,
    has_bytes: bool,
    lines: BTreeMap<String, u64>,
    events: StoredEvents,
}

impl StoredReport {
    /// Without any period yet. The window is in Unix seconds, without its end; the options' own is not looked at.
    #[must_use]
    pub fn new(sources: Vec<KnownSource>, options: ReportOptions, window: (i64, i64), step: Step) -> Self {
        let names = sources.iter().map(|source| source.name.clone()).collect();
        Self {
            gathering: Gathering::new(options, names, window, step),
            sources: sources.into_iter().map(|known| Gathered { known, ..Gathered::default() }).collect(),
        }
    }

    /// Adds some periods, each as long as the report's step. All must come in ascending order.
    pub fn add(&mut self, periods: &[StoredPeriod]) {
        let gathering = &self.gathering;
        let has_lists = gathering.options().top > 0;
        let added: Vec<FinishedPeriod> = periods.par_iter().map(|period| gather(gathering, period)).collect();
        self.sources.par_iter_mut().enumerate().for_each(|(at, source)| {
            let of_source =
                periods.iter().flat_map(|period| &period.sources).filter(|part| part.source == at);
            of_source.for_each(|part| source.add(part, has_lists));
        });
        added.into_iter().for_each(|period| self.gathering.add(period));
    }

    /// Adds what the proxies of a source said.
    pub fn add_events(&mut self, source: usize, events: StoredEvents) {
        self.sources[source].events.merge(events);
    }

    /// Finishes the figures.
    #[must_use]
    pub fn finish(self) -> Report {
        let (window, top) = (self.gathering.window(), self.gathering.options().top);
        let facts = self.sources.into_par_iter().map(|source| source.facts(window, top)).collect();
        self.gathering.finish(facts)
    }
}

fn gather(gathering: &Gathering, stored: &StoredPeriod) -> FinishedPeriod {
    let mut period = Period::starting(stored.start);
    for part in &stored.sources {
        if let Some(stored) = &part.stored {
            let of = (part.source, part.node.as_deref());
            gathering.fill(&mut period, of, stored.series(), stored.peak());
        }
    }
    gathering.finish_period(period)
}

impl Gathered {
    fn add(&mut self, part: &SourcePeriod, has_lists: bool) {
        for (kind, count) in &part.lines {
            *self.lines.entry(kind.clone()).or_default() += count;
        }
        let Some(stored) = &part.stored else { return };
        self.has_bytes |= stored.series().any(|(_, sum)| sum.sums.bytes_n > 0);
        if has_lists {
            self.lists.add(stored);
        }
    }

    fn facts(self, window: (i64, i64), top: usize) -> SourceFacts {
        let [since_us, until_us] = [window.0, window.1].map(|second| second.saturating_mul(1_000_000));
        let SourceName { name, tier, node } = self.known.name;
        let inside = |at_us: Option<i64>| at_us.is_none_or(|at| (since_us..until_us).contains(&at));
        let notes = self.events.notes().filter(|note| inside(note.at_us));
        let servers = self.events.availability(since_us, until_us);
        // What is missing from before the window is not missing.
        let lacks_some = self.events.notes_after_us().is_none_or(|after_us| after_us >= since_us);
        SourceFacts {
            top: top_lists(&name, self.has_bytes, top, |list| Cow::Borrowed(self.lists.list(list))),
            availability: availability(&name, &servers, window),
            availability_left_out: servers.left_out(),
            events: notes.map(|note| event_row(&name, note)).collect(),
            events_left_out: if lacks_some { self.events.notes_left_out() } else { 0 },
            summary: SourceSummary {
                name,
                format: self.known.formats.join(", "),
                format_from: "stored".to_owned(),
                tier,
                node,
                files: Vec::new(),
                accounting: of_kinds(&self.lines),
            },
        }
    }
}
