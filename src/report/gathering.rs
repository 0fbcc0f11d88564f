//! A report in the making: periods come in, figures go out. Where they come from does not matter here.

use super::accounting::add;
use super::figures::figures;
use super::groups::{SourceName, full_group};
use super::heat::heat;
use super::tables::{FinishedPeriod, Period, Tables};
use super::{EVENTS, ReportOptions};
use crate::rollup::{Aggregate, STANDARD_ERROR, SeriesKey};
use logstat_reports::model::{EventRow, Group, Report, ServerAvailability, SourceSummary, Step, TopList};
use logstat_reports::text::count;

/// Tiers from the outermost inwards; others follow in the order in which they are first named.
const TIERS: [&str; 6] = ["edge", "lb", "proxy", "cache", "web", "app"];

/// What a report says of a source besides its requests by the hour.
#[derive(Debug, Default)]
pub(super) struct SourceFacts {
    pub summary: SourceSummary,
    pub top: Vec<TopList>,
    pub availability: Vec<ServerAvailability>,
    /// Messages about servers beyond those.
    pub availability_left_out: u64,
    pub events: Vec<EventRow>,
    /// Messages beyond those.
    pub events_left_out: u64,
}

/// Periods of one length, hours or days, of some sources and one window.
#[derive(Debug)]
pub(super) struct Gathering {
    options: ReportOptions,
    sources: Vec<SourceName>,
    /// Which sources count for totals.
    outermost: Vec<bool>,
    window: (i64, i64),
    step: Step,
    tables: Tables,
}

impl Gathering {
    /// Without any period yet. The window is in Unix seconds, without its end.
    pub fn new(options: ReportOptions, sources: Vec<SourceName>, window: (i64, i64), step: Step) -> Self {
        let outermost = outermost(&sources);
        Self { options, sources, outermost, window, step, tables: Tables::default() }
    }

    pub fn window(&self) -> (i64, i64) {
        self.window
    }

    pub fn options(&self) -> &ReportOptions {
        &self.options
    }

    /// Adds the series that a source has on a node to a period, which may be done on any thread. The busiest second of
    /// all of them is found in hours; with a day it must be told.
    pub fn fill<'s>(
        &self,
        period: &mut Period,
        (source, node): (usize, Option<&str>),
        series: impl IntoIterator<Item = (&'s SeriesKey, &'s Aggregate)>,
        peak: Option<(u64, i64)>,
    ) {
        let (name, counts) = (&self.sources[source], self.outermost[source]);
        let name = SourceName { node: node.map(str::to_owned), ..name.clone() };
        for (key, aggregate) in series {
            period.add(&full_group(&name, key), aggregate, &self.options.by, counts);
        }
        period.add_peak(&Group { source: name.name, ..Group::default() }, peak, counts);
    }

    /// Makes the rows of a period that is complete, which may be done on any thread too.
    pub fn finish_period(&self, period: Period) -> FinishedPeriod {
        let end = period.start().saturating_add(self.step.seconds());
        let covered_s = self.window.1.min(end).saturating_sub(self.window.0.max(period.start()));
        period.finish(covered_s.max(0) as u64)
    }

    /// Adds a period. Periods come in ascending order.
    pub fn add(&mut self, period: FinishedPeriod) {
        self.tables.add(period);
    }

    /// Finishes the figures, with what is to be said of each source, in their order.
    pub fn finish(self, facts: Vec<SourceFacts>) -> Report {
        let (options, tables) = (self.options, self.tables);
        let (since, until) = self.window;
        let covered_s = until.saturating_sub(since).max(0) as u64;
        let by_server = tables.by_server(covered_s);
        let mut report = Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since,
            until,
            step: self.step,
            timezone: options.timezone,
            totals: figures(&tables.total, covered_s),
            clients_error: STANDARD_ERROR,
            heat: heat(&tables.bands, self.step.seconds()),
            by_source: tables.by_source(covered_s),
            by_site: tables.by_site(covered_s),
            by_backend: tables.by_backend(covered_s),
            hours: tables.hour_rows,
            hour_totals: tables.hour_totals,
            server_hours: if by_server.is_empty() { Vec::new() } else { tables.server_hours },
            by_server,
            by: options.by,
            notes: options.notes,
            duplicates_skipped: options.duplicates_skipped,
            ..Report::default()
        };
        if tables.inner_only > 0 {
            let unit = if self.step == Step::Day { "days" } else { "hours" };
            report.notes.push(format!(
                "{} {unit} have requests, but none at the outermost tier: the totals leave them out",
                count(tables.inner_only)
            ));
        }
        tell(&mut report, facts);
        report
    }
}

/// Enters what is to be said of each source.
fn tell(report: &mut Report, facts: Vec<SourceFacts>) {
    for facts in facts {
        report.accounting = add(std::mem::take(&mut report.accounting), &facts.summary.accounting);
        report.sources.push(facts.summary);
        report.top.extend(facts.top);
        report.availability.extend(facts.availability);
        report.availability_left_out += facts.availability_left_out;
        report.events.extend(facts.events);
        report.events_left_out += facts.events_left_out;
    }
    report
        .availability
        .sort_by(|a, b| (&a.source, &a.backend, &a.server).cmp(&(&b.source, &b.backend, &b.server)));
    report.events.sort_by_key(|event| event.at);
    report.events_left_out += report.events.len().saturating_sub(EVENTS) as u64;
    report.events.truncate(EVENTS);
}

/// Which sources count for totals: those of the outermost tier, and those that are of no tier.
#[must_use]
pub fn outermost(sources: &[SourceName]) -> Vec<bool> {
    let mut named: Vec<&str> = TIERS.to_vec();
    named.extend(sources.iter().filter_map(|source| source.tier.as_deref()));
    let rank = |source: &SourceName| {
        let tier = source.tier.as_deref();
        tier.and_then(|tier| named.iter().position(|known| *known == tier))
    };
    let best = sources.iter().filter_map(rank).min();
    sources.iter().map(|source| rank(source).is_none_or(|rank| Some(rank) == best)).collect()
}
