//! Hours become a report: figures are finished here. Reads nothing and writes nothing.

#[cfg(test)]
mod at_rest;
mod availability;
mod rows;

pub(crate) use rows::rows;

use crate::rollup::{
    Aggregate, Cause, CellKind, HOUR_S, ListKind, STANDARD_ERROR, SeriesKey, SourceRollup, TimingKind,
    TopEntry, TopSummary, bucket_bounds, client_of_key, unpack_termination,
};
use logstat_parsers::{CacheStatus, Client};
use logstat_reports::model::{
    Accounting, By, EventRow, Failures, Figures, Group, GroupRow, Heat, HourRow, Report, SourceSummary,
    Timing, TopList, TopRow,
};
use logstat_reports::text::printable;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Messages of proxies that a report shows.
const EVENTS: usize = 1000;
/// Timed requests that a path needs before it can be called slow.
const SLOW_PATH_REQUESTS: u64 = 20;
/// Upper bounds of the bands of the heat map: these in every decade from 1 ms to 100 s.
const HEAT_STEPS: [f64; 5] = [1.0, 2.0, 3.0, 5.0, 7.0];
const HEAT_DECADES: i32 = 5;
/// Tiers from the outermost inwards; others follow in the order in which they are first named.
const TIERS: [&str; 6] = ["edge", "lb", "proxy", "cache", "web", "app"];

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
    let (since, until) = window(&sources, &options);
    let outermost = outermost(&sources);
    let tables = Tables::of(&sources, &outermost, &options.by, (since, until));
    let covered_s = (until - since).max(0) as u64;
    let by_server = several(group_rows(&tables.servers, covered_s));
    let top = sources.par_iter().flat_map(|source| top_lists(source, options.top)).collect();
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since,
        until,
        timezone: options.timezone,
        accounting: sources
            .iter()
            .fold(Accounting::default(), |sum, source| add(sum, &source.summary.accounting)),
        totals: figures(&tables.total, covered_s),
        clients_error: STANDARD_ERROR,
        hours: tables.hour_rows,
        heat: heat(&tables.bands),
        hour_totals: tables.hour_totals,
        by_source: several(group_rows(&tables.sources, covered_s)),
        by_site: several(group_rows(&tables.sites, covered_s)),
        by_backend: several(group_rows(&tables.backends, covered_s)),
        server_hours: if by_server.is_empty() { Vec::new() } else { tables.server_hours },
        by_server,
        by: options.by,
        top,
        notes: options.notes,
        availability: availability::availability(&sources, (since, until)),
        duplicates_skipped: options.duplicates_skipped,
        ..Report::default()
    };
    for source in sources {
        report.sources.push(source.summary);
        report.availability_left_out += source.rollup.availability.left_out();
        report.events.extend(source.events);
        report.events_left_out += source.events_left_out;
    }
    report.events.sort_by_key(|event| event.at);
    report.events_left_out += report.events.len().saturating_sub(EVENTS) as u64;
    report.events.truncate(EVENTS);
    report
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

/// Which sources count for totals: those of the outermost tier, and those that are of no tier.
fn outermost(sources: &[SourceResult]) -> Vec<bool> {
    let mut named: Vec<&str> = TIERS.to_vec();
    named.extend(sources.iter().filter_map(|source| source.summary.tier.as_deref()));
    let rank = |source: &SourceResult| {
        let tier = source.summary.tier.as_deref();
        tier.and_then(|tier| named.iter().position(|known| *known == tier))
    };
    let best = sources.iter().filter_map(rank).min();
    sources.iter().map(|source| rank(source).is_none_or(|rank| Some(rank) == best)).collect()
}

type Groups = BTreeMap<Group, Aggregate>;

/// One hour of all sources, by group, for every table of the report.
#[derive(Default)]
struct HourTables {
    /// By the columns asked for; empty when there are none, since these are the sources then.
    asked: Groups,
    total: Aggregate,
    sources: Groups,
    sites: Groups,
    backends: Groups,
    servers: Groups,
}

impl HourTables {
    fn of(sources: &[SourceResult], outermost: &[bool], by: &[By], hour: i64) -> Self {
        let mut tables = Self::default();
        for (source, &counts) in sources.iter().zip(outermost) {
            if let Some(rollup) = source.rollup.hour(hour) {
                for (key, aggregate) in rollup.series() {
                    tables.add(&full_group(source, &key), &aggregate, by, counts);
                }
            }
        }
        tables
    }

    fn add(&mut self, group: &Group, aggregate: &Aggregate, by: &[By], counts: bool) {
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
            merge(
                &mut self.backends,
                Group { backend: group.backend.clone(), ..Group::default() },
                aggregate,
            );
        }
        if group.server.is_some() {
            let (backend, server) = (group.backend.clone(), group.server.clone());
            merge(&mut self.servers, Group { backend, server, ..Group::default() }, aggregate);
        }
    }
}

/// Every table of the report. Made hour by hour, since only so the busiest second is right, and since all hours at
/// once would take more memory than reading the log.
#[derive(Default)]
struct Tables {
    hour_rows: Vec<HourRow>,
    hour_totals: Vec<HourRow>,
    server_hours: Vec<HourRow>,
    bands: BTreeMap<i64, Vec<u64>>,
    total: Aggregate,
    sources: Groups,
    sites: Groups,
    backends: Groups,
    servers: Groups,
}

impl Tables {
    fn of(sources: &[SourceResult], outermost: &[bool], by: &[By], window: (i64, i64)) -> Self {
        let hours: BTreeSet<i64> = sources.iter().flat_map(|source| source.rollup.hours()).collect();
        let hours: Vec<i64> = hours.into_iter().collect();
        let mut tables = Self::default();
        for some in hours.chunks(rayon::current_num_threads()) {
            let parts: Vec<_> =
                some.par_iter().map(|&hour| HourTables::of(sources, outermost, by, hour)).collect();
            some.iter().zip(parts).for_each(|(&hour, part)| tables.add(hour, &part, window));
        }
        tables
    }

    fn add(&mut self, hour: i64, part: &HourTables, window: (i64, i64)) {
        let covered_s = (window.1.min(hour + HOUR_S) - window.0.max(hour)).max(0) as u64;
        let asked = if part.asked.is_empty() { &part.sources } else { &part.asked };
        self.hour_rows.extend(asked.iter().map(|(group, sum)| hour_row(hour, group, sum, covered_s)));
        self.server_hours.extend(
            part.servers.iter().map(|(group, sum)| without_parts(hour_row(hour, group, sum, covered_s))),
        );
        if part.total.sums.requests > 0 {
            self.hour_totals.push(without_parts(hour_row(hour, &Group::default(), &part.total, covered_s)));
            self.bands.insert(hour, bands(&part.total));
            self.total.merge_hour(hour, &part.total);
        }
        merge_hours(&mut self.sources, hour, &part.sources);
        merge_hours(&mut self.sites, hour, &part.sites);
        merge_hours(&mut self.backends, hour, &part.backends);
        merge_hours(&mut self.servers, hour, &part.servers);
    }
}

fn merge_hours(groups: &mut Groups, hour: i64, more: &Groups) {
    for (group, aggregate) in more {
        groups.entry(group.clone()).or_default().merge_hour(hour, aggregate);
    }
}

fn hour_row(hour: i64, group: &Group, aggregate: &Aggregate, covered_s: u64) -> HourRow {
    let mut figures = figures(aggregate, covered_s);
    if let Some((requests, second)) = aggregate.busiest_second() {
        (figures.rps_peak, figures.rps_peak_at) = (requests, Some(hour + i64::from(second)));
    }
    figures.seconds = aggregate.counts(CellKind::Second).collect();
    figures.clients_sketch = aggregate.sketch.to_bytes();
    HourRow { hour, group: group.clone(), figures }
}

/// Without the mergeable parts, which only the file of the hours asked for holds.
fn without_parts(mut row: HourRow) -> HourRow {
    let figures = &mut row.figures;
    let timings = [
        &mut figures.latency,
        &mut figures.upstream,
        &mut figures.queue,
        &mut figures.connect,
        &mut figures.response,
    ];
    timings.into_iter().for_each(|timing| timing.buckets = Vec::new());
    (figures.seconds, figures.clients_sketch) = (Vec::new(), Vec::new());
    row
}

fn merge(groups: &mut BTreeMap<Group, Aggregate>, group: Group, aggregate: &Aggregate) {
    groups.entry(group).or_default().merge(aggregate);
}

fn full_group(source: &SourceResult, key: &SeriesKey) -> Group {
    let parts = key.dimensions();
    let text = |part: Option<&[u8]>| part.map(printable);
    Group {
        source: source.summary.name.clone(),
        site: text(parts.site),
        backend: text(parts.backend),
        server: text(parts.server),
        tier: source.summary.tier.clone(),
        node: source.summary.node.clone(),
        method: text(parts.method),
        status: text(parts.status),
    }
}

/// Keeps the source and the columns asked for.
fn project(group: &Group, by: &[By]) -> Group {
    let mut projected = Group { source: group.source.clone(), ..Group::default() };
    for column in by {
        let value = column.value(group).map(str::to_owned);
        match column {
            By::Site => projected.site = value,
            By::Backend => projected.backend = value,
            By::Server => projected.server = value,
            By::Tier => projected.tier = value,
            By::Node => projected.node = value,
            By::Method => projected.method = value,
            By::Status => projected.status = value,
        }
    }
    projected
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

fn figures(aggregate: &Aggregate, covered_s: u64) -> Figures {
    let sums = &aggregate.sums;
    let status_codes: Vec<(u16, u64)> =
        aggregate.counts(CellKind::Status).map(|(code, count)| (code as u16, count)).collect();
    let class = |class: u16| {
        status_codes.iter().filter(|(code, _)| code / 100 == class).map(|(_, count)| count).sum()
    };
    let classes: [u64; 5] = [1, 2, 3, 4, 5].map(class);
    let cache: Vec<(u32, u64)> = aggregate.counts(CellKind::Cache).collect();
    let known = |n: u64, value: u64| (n > 0).then_some(value);
    Figures {
        requests: sums.requests,
        covered_s,
        rps_mean: if covered_s > 0 { sums.requests as f64 / covered_s as f64 } else { 0.0 },
        rps_peak: aggregate.peak.map_or(0, |(requests, _)| requests),
        rps_peak_at: aggregate.peak.map(|(_, at)| at),
        status_1xx: classes[0],
        status_2xx: classes[1],
        status_3xx: classes[2],
        status_4xx: classes[3],
        status_5xx: classes[4],
        status_other: sums.requests - classes.iter().sum::<u64>(),
        status_codes,
        bytes_sent: known(sums.bytes_n, sums.bytes_sent),
        latency: timing(aggregate, TimingKind::Latency),
        upstream: timing(aggregate, TimingKind::Upstream),
        queue: timing(aggregate, TimingKind::Queue),
        connect: timing(aggregate, TimingKind::Connect),
        response: timing(aggregate, TimingKind::Response),
        retries: known(sums.retries_n, sums.retries),
        redispatches: known(sums.retries_n, sums.redispatches),
        cache_hits: cache_sum(&cache, CacheStatus::is_hit),
        cache_lookups: cache_sum(&cache, CacheStatus::is_lookup),
        cache_states: cache
            .iter()
            .filter_map(|(state, n)| Some((cache_state(*state)?.name().to_owned(), *n)))
            .collect(),
        terminations: terminations(aggregate),
        clients: known(sums.clients_n, aggregate.sketch.estimate()),
        bot_requests: known(sums.user_agents_n, sums.bot_requests),
        failures: failures(aggregate),
        seconds: Vec::new(),
        clients_sketch: Vec::new(),
    }
}

/// `None` where no line says how a request ended.
fn failures(aggregate: &Aggregate) -> Option<Failures> {
    let of = |cause: Cause| aggregate.sums.failures[cause as usize];
    let says = |kind: CellKind| aggregate.counts(kind).next().is_some();
    (says(CellKind::Status) || says(CellKind::Termination)).then(|| Failures {
        client: of(Cause::Client),
        server: of(Cause::Server),
        proxy: of(Cause::Proxy),
        unknown: of(Cause::Unknown),
    })
}

fn cache_state(number: u32) -> Option<CacheStatus> {
    CacheStatus::ALL.get(number as usize).copied()
}

fn cache_sum(states: &[(u32, u64)], wanted: impl Fn(CacheStatus) -> bool) -> Option<u64> {
    let of_state = |(state, count): &(u32, u64)| {
        cache_state(*state).filter(|state| wanted(*state)).map_or(0, |_| *count)
    };
    (!states.is_empty()).then(|| states.iter().map(of_state).sum())
}

fn terminations(aggregate: &Aggregate) -> Vec<(String, u64)> {
    let mut states: Vec<(String, u64)> = aggregate
        .counts(CellKind::Termination)
        .map(|(packed, count)| (unpack_termination(packed), count))
        .collect();
    states.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    states
}

fn timing(aggregate: &Aggregate, kind: TimingKind) -> Timing {
    let histogram = aggregate.histogram(kind);
    let percentile_ms = |percent| histogram.percentile_us(percent).map(|us| us as f64 / 1000.0);
    Timing {
        n: histogram.n,
        mean_ms: histogram.mean_us().map(|us| us / 1000.0),
        p50_ms: percentile_ms(50),
        p90_ms: percentile_ms(90),
        p95_ms: percentile_ms(95),
        p99_ms: percentile_ms(99),
        max_ms: (histogram.n > 0).then(|| histogram.max_us as f64 / 1000.0),
        sum_us: histogram.sum_us,
        sub_ms: histogram.sub_ms,
        buckets: histogram.buckets,
    }
}

fn bounds_ms() -> impl Iterator<Item = f64> {
    (0..HEAT_DECADES).flat_map(|decade| HEAT_STEPS.map(|step| step * 10f64.powi(decade)))
}

/// Requests by band of latency.
fn bands(aggregate: &Aggregate) -> Vec<u64> {
    let bounds_ms: Vec<f64> = bounds_ms().collect();
    let mut bands = vec![0; bounds_ms.len() + 1];
    for (bucket, count) in aggregate.histogram(TimingKind::Latency).buckets {
        let (low, high) = bucket_bounds(bucket);
        let middle_ms = (low + high) as f64 / 2000.0;
        bands[bounds_ms.partition_point(|bound| *bound <= middle_ms)] += count;
    }
    bands
}

/// The heat map, without the empty bands at both ends.
fn heat(rows: &BTreeMap<i64, Vec<u64>>) -> Heat {
    let bounds_ms: Vec<f64> = bounds_ms().collect();
    let used = |band: &usize| rows.values().any(|row| row[*band] > 0);
    let (first, last) = ((0..=bounds_ms.len()).find(used), (0..=bounds_ms.len()).rfind(used));
    let (from, to) = (rows.keys().next().copied(), rows.keys().next_back().copied());
    let (Some(first), Some(last), Some(from), Some(to)) = (first, last, from, to) else {
        return Heat::default();
    };
    // Two bands at least, so that there is a bound between them.
    let (first, last) = if first < last { (first, last) } else { (first.saturating_sub(1), first.max(1)) };
    let hours: Vec<i64> = (from..=to).step_by(HOUR_S as usize).collect();
    let empty = vec![0; bounds_ms.len() + 1];
    let cells = hours.iter().map(|hour| rows.get(hour).unwrap_or(&empty)[first..=last].to_vec()).collect();
    Heat { hours, bounds_ms: bounds_ms[first..last].to_vec(), cells }
}

fn top_lists(source: &SourceResult, count: usize) -> Vec<TopList> {
    if count == 0 {
        return Vec::new();
    }
    let mut lists = Vec::new();
    for kind in ListKind::ALL {
        let summary = source.rollup.top(kind);
        lists.push(top_list(source, kind.name(), kind, &summary, summary.best(count)));
        if kind == ListKind::Paths {
            let slowest = summary.slowest(count, SLOW_PATH_REQUESTS);
            lists.push(top_list(source, "slow_paths", kind, &summary, slowest));
        }
    }
    lists.retain(|list| !list.rows.is_empty());
    lists
}

fn top_list(
    source: &SourceResult,
    list: &str,
    kind: ListKind,
    summary: &TopSummary,
    entries: Vec<TopEntry>,
) -> TopList {
    let has_bytes = source.rollup.has_bytes();
    let row = |entry: TopEntry| TopRow {
        value: top_value(kind, &entry.key),
        requests: entry.requests,
        error: summary.error(),
        bytes_sent: has_bytes.then_some(entry.bytes_sent),
        latency_p95_ms: entry.latency_p95_us.map(|us| us as f64 / 1000.0),
    };
    TopList {
        list: list.to_owned(),
        source: source.summary.name.clone(),
        rows: entries.into_iter().map(row).collect(),
    }
}

fn top_value(kind: ListKind, key: &[u8]) -> String {
    match kind {
        ListKind::Clients => match client_of_key(key) {
            Client::Ip(ip) => ip.to_string(),
            Client::Name(name) => printable(name),
            Client::Unknown => String::new(),
        },
        ListKind::Paths
        | ListKind::Referrers
        | ListKind::UserAgents
        | ListKind::ErrorPaths
        | ListKind::NotFound => printable(key),
    }
}

fn add(mut sum: Accounting, part: &Accounting) -> Accounting {
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
