//! The tables of a report, added up period by period. Knows neither sources nor windows.

use super::figures::{figures, hour_row, without_parts};
use super::groups::project;
use super::heat::bands;
use crate::rollup::Aggregate;
use logstat_reports::model::{By, Figures, Group, GroupRow, HourRow};
use std::collections::BTreeMap;

type Groups = BTreeMap<Group, Aggregate>;

/// One hour or day of all sources, by group, for every table of the report.
#[derive(Debug, Default)]
pub(super) struct Period {
    start: i64,
    /// By the columns asked for; empty when there are none, since these are the sources then.
    asked: Groups,
    total: Aggregate,
    sources: Groups,
    sites: Groups,
    backends: Groups,
    servers: Groups,
}

impl Period {
    pub fn starting(start: i64) -> Self {
        Self { start, ..Self::default() }
    }

    /// Unix seconds.
    pub fn start(&self) -> i64 {
        self.start
    }

    /// Adds a series; it `counts` for totals if it is of the outermost tier.
    pub fn add(&mut self, group: &Group, aggregate: &Aggregate, by: &[By], counts: bool) {
        if !by.is_empty() {
            merge(&mut self.asked, project(group, by), aggregate);
        }
        merge(&mut self.sources, project(group, &[]), aggregate);
        if counts {
            self.total.merge(aggregate);
        }
        if group.site.is_some() && counts {
            merge(&mut self.sites, Group { site: group.site.clone(), ..Group::default() }, aggregate);
        }
        if group.backend.is_some() {
            let backend = group.backend.clone();
            merge(&mut self.backends, Group { backend, ..Group::default() }, aggregate);
        }
        if group.server.is_some() {
            let (backend, server) = (group.backend.clone(), group.server.clone());
            merge(&mut self.servers, Group { backend, server, ..Group::default() }, aggregate);
        }
    }

    /// Takes note of the busiest second of a whole source, which its series alone do not tell.
    pub fn add_peak(&mut self, source: &Group, peak: Option<(u64, i64)>, counts: bool) {
        if let Some(sum) = self.sources.get_mut(source) {
            sum.add_peak(peak);
        }
        if counts {
            self.total.add_peak(peak);
        }
    }

    /// Makes the rows of a period that is complete and of which the window covers so many seconds.
    pub fn finish(self, covered_s: u64) -> FinishedPeriod {
        let start = self.start;
        let row = |(group, sum): (&Group, &Aggregate)| hour_row(start, group, sum, covered_s);
        let asked = if self.asked.is_empty() { &self.sources } else { &self.asked };
        let has_requests = self.total.sums.requests > 0;
        FinishedPeriod {
            rows: asked.iter().map(row).collect(),
            total: has_requests.then(|| without_parts(row((&Group::default(), &self.total)))),
            bands: if has_requests { bands(&self.total) } else { Vec::new() },
            server_rows: self.servers.iter().map(|of| server_row(start, of, covered_s)).collect(),
            period: self,
        }
    }
}

/// Requests only, which are all that is drawn of servers by the hour: there may be many.
fn server_row(start: i64, (group, sum): (&Group, &Aggregate), covered_s: u64) -> HourRow {
    let figures = Figures { requests: sum.sums.requests, covered_s, ..Figures::default() };
    HourRow { hour: start, group: group.clone(), figures }
}

/// A period with its rows.
#[derive(Debug)]
pub(super) struct FinishedPeriod {
    period: Period,
    rows: Vec<HourRow>,
    /// `None` without a request that counts.
    total: Option<HourRow>,
    bands: Vec<u64>,
    server_rows: Vec<HourRow>,
}

/// Every table of the report. Made period by period, since only so the busiest second is right, and since all at once
/// would take more memory than reading the log.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub hour_rows: Vec<HourRow>,
    pub hour_totals: Vec<HourRow>,
    pub server_hours: Vec<HourRow>,
    pub bands: BTreeMap<i64, Vec<u64>>,
    pub total: Aggregate,
    /// Periods with requests at inner tiers only, which are in no total.
    pub inner_only: u64,
    sources: Groups,
    sites: Groups,
    backends: Groups,
    servers: Groups,
}

impl Tables {
    /// Adds a period. Periods come in ascending order.
    pub fn add(&mut self, period: FinishedPeriod) {
        let FinishedPeriod { period, rows, total, bands, server_rows } = period;
        let start = period.start;
        self.hour_rows.extend(rows);
        self.server_hours.extend(server_rows);
        if let Some(row) = total {
            self.hour_totals.push(row);
            self.bands.insert(start, bands);
            self.total.merge_period(start, &period.total);
        } else if !period.sources.is_empty() {
            self.inner_only += 1;
        }
        merge_all(&mut self.sources, start, &period.sources);
        merge_all(&mut self.sites, start, &period.sites);
        merge_all(&mut self.backends, start, &period.backends);
        merge_all(&mut self.servers, start, &period.servers);
    }

    pub fn by_source(&self, covered_s: u64) -> Vec<GroupRow> {
        several(group_rows(&self.sources, covered_s))
    }

    pub fn by_site(&self, covered_s: u64) -> Vec<GroupRow> {
        several(group_rows(&self.sites, covered_s))
    }

    pub fn by_backend(&self, covered_s: u64) -> Vec<GroupRow> {
        several(group_rows(&self.backends, covered_s))
    }

    pub fn by_server(&self, covered_s: u64) -> Vec<GroupRow> {
        several(group_rows(&self.servers, covered_s))
    }
}

fn merge(groups: &mut Groups, group: Group, aggregate: &Aggregate) {
    groups.entry(group).or_default().merge(aggregate);
}

fn merge_all(groups: &mut Groups, start: i64, more: &Groups) {
    for (group, aggregate) in more {
        groups.entry(group.clone()).or_default().merge_period(start, aggregate);
    }
}

fn group_rows(groups: &Groups, covered_s: u64) -> Vec<GroupRow> {
    let row = |(group, sum): (&Group, &Aggregate)| GroupRow {
        group: group.clone(),
        figures: figures(sum, covered_s),
    };
    let mut rows: Vec<GroupRow> = groups.iter().map(row).collect();
    rows.sort_by(|a, b| b.figures.requests.cmp(&a.figures.requests).then_with(|| a.group.cmp(&b.group)));
    rows
}

/// A table of one row compares nothing.
fn several(rows: Vec<GroupRow>) -> Vec<GroupRow> {
    if rows.len() > 1 { rows } else { Vec::new() }
}
