//! Hours become a report: figures are finished here. Reads nothing and writes nothing.

use crate::rollup::{
    Aggregate, CellKind, HOUR_S, ListKind, STANDARD_ERROR, SeriesKey, SourceRollup, TimingKind, TopEntry, TopSummary,
    bucket_bounds, client_of_key, unpack_termination,
};
use logstat_parsers::{CacheStatus, Client};
use logstat_reports::model::{
    Accounting, By, EventRow, Figures, Group, GroupRow, Heat, HourRow, Report, SourceSummary, Timing, TopList, TopRow,
};
use logstat_reports::text::printable;
use rayon::prelude::*;
use std::collections::BTreeMap;

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
}

/// Finishes the figures.
#[must_use]
pub fn report(sources: Vec<SourceResult>, options: ReportOptions) -> Report {
    let (since, until) = window(&sources, &options);
    let outermost = outermost(&sources);
    let tables = Tables::of(&sources, &outermost, &options.by);
    let totals_of = |rows: &BTreeMap<Group, Aggregate>| group_rows(rows, until - since);
    let hour_totals = hour_rows(&tables.totals, since, until);
    let total = across_hours(&tables.totals).remove(&Group::default()).unwrap_or_default();
    let by_server = across_hours(&tables.servers);
    let top = sources.par_iter().flat_map(|source| top_lists(source, options.top)).collect();
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        since,
        until,
        timezone: options.timezone,
        accounting: sources.iter().fold(Accounting::default(), |sum, source| add(sum, &source.summary.accounting)),
        totals: figures(&total, (until - since).max(0) as u64),
        clients_error: STANDARD_ERROR,
        hours: hour_rows(&tables.asked, since, until),
        heat: heat(&tables.totals),
        hour_totals,
        by_source: several(totals_of(&across_hours(&tables.sources))),
        by_site: several(totals_of(&across_hours(&tables.sites))),
        by_backend: several(totals_of(&across_hours(&tables.backends))),
        by_server: several(totals_of(&by_server)),
        server_hours: if by_server.len() > 1 { hour_rows(&tables.servers, since, until) } else { Vec::new() },
        by: options.by,
        top,
        notes: options.notes,
        ..Report::default()
    };
    for source in sources {
        report.sources.push(source.summary);
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
    let oldest = spans().map(|(oldest, _)| second(oldest)).min();
    let newest = spans().map(|(_, newest)| second(newest) + 1).max();
    let until = options.until.or(newest).or(options.since).unwrap_or(0);
    let since = options.since.or(oldest).unwrap_or(until);
    (since, until.max(since))
}

/// Which sources count for totals: those of the outermost tier, or all where no tier is named.
fn outermost(sources: &[SourceResult]) -> Vec<bool> {
    let mut named: Vec<&str> = TIERS.to_vec();
    named.extend(sources.iter().filter_map(|source| source.summary.tier.as_deref()));
    let rank = |source: &SourceResult| {
        source.summary.tier.as_deref().map_or(Some(0), |tier| named.iter().position(|known| *known == tier))
    };
    let best = sources.iter().filter_map(rank).min();
    sources.iter().map(|source| rank(source) == best).collect()
}

/// Hours by group, for every table of the report. Kept per hour, since only so the busiest second is right.
#[derive(Default)]
struct Tables {
    asked: HourGroups,
    totals: HourGroups,
    sources: HourGroups,
    sites: HourGroups,
    backends: HourGroups,
    servers: HourGroups,
}

type HourGroups = BTreeMap<i64, BTreeMap<Group, Aggregate>>;

impl Tables {
    fn of(sources: &[SourceResult], outermost: &[bool], by: &[By]) -> Self {
        let mut tables = Self::default();
        for (source, &counts) in sources.iter().zip(outermost) {
            let hours: Vec<_> = source.rollup.hours().collect();
            let parts: Vec<_> = hours.par_iter().map(|(hour, rollup)| (*hour, Self::of_hour(source, &rollup.series(), by))).collect();
            for (hour, part) in parts {
                tables.add_hour(hour, part, counts);
            }
        }
        tables
    }

    fn of_hour(source: &SourceResult, series: &[(SeriesKey, Aggregate)], by: &[By]) -> HourParts {
        let mut parts = HourParts::default();
        for (key, aggregate) in series {
            let group = full_group(source, key);
            merge(&mut parts.asked, project(&group, by), aggregate);
            if group.site.is_some() {
                merge(&mut parts.sites, Group { site: group.site.clone(), ..Group::default() }, aggregate);
            }
            if group.backend.is_some() {
                let backend = group.backend.clone();
                merge(&mut parts.backends, Group { backend, ..Group::default() }, aggregate);
            }
            if group.server.is_some() {
                let (backend, server) = (group.backend.clone(), group.server.clone());
                merge(&mut parts.servers, Group { backend, server, ..Group::default() }, aggregate);
            }
        }
        for aggregate in parts.asked.values() {
            parts.source.merge(aggregate);
        }
        parts.source_name.clone_from(&source.summary.name);
        parts
    }

    fn add_hour(&mut self, hour: i64, part: HourParts, counts: bool) {
        let source = Group { source: part.source_name, ..Group::default() };
        if counts {
            merge(self.totals.entry(hour).or_default(), Group::default(), &part.source);
            merge_all(self.sites.entry(hour).or_default(), part.sites);
        }
        merge_all(self.backends.entry(hour).or_default(), part.backends);
        merge_all(self.servers.entry(hour).or_default(), part.servers);
        merge_all(self.asked.entry(hour).or_default(), part.asked);
        self.sources.entry(hour).or_default().insert(source, part.source);
    }
}

#[derive(Default)]
struct HourParts {
    source_name: String,
    source: Aggregate,
    asked: BTreeMap<Group, Aggregate>,
    sites: BTreeMap<Group, Aggregate>,
    backends: BTreeMap<Group, Aggregate>,
    servers: BTreeMap<Group, Aggregate>,
}

fn merge(groups: &mut BTreeMap<Group, Aggregate>, group: Group, aggregate: &Aggregate) {
    groups.entry(group).or_default().merge(aggregate);
}

fn merge_all(groups: &mut BTreeMap<Group, Aggregate>, more: BTreeMap<Group, Aggregate>) {
    for (group, aggregate) in more {
        merge(groups, group, &aggregate);
    }
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

fn across_hours(hours: &HourGroups) -> BTreeMap<Group, Aggregate> {
    let mut groups: BTreeMap<Group, Aggregate> = BTreeMap::new();
    for (hour, rows) in hours {
        for (group, aggregate) in rows {
            groups.entry(group.clone()).or_default().merge_hour(*hour, aggregate);
        }
    }
    groups
}

fn group_rows(groups: &BTreeMap<Group, Aggregate>, covered_s: i64) -> Vec<GroupRow> {
    let covered_s = covered_s.max(0) as u64;
    let row = |(group, aggregate): (&Group, &Aggregate)| GroupRow { group: group.clone(), figures: figures(aggregate, covered_s) };
    let mut rows: Vec<GroupRow> = groups.iter().map(row).collect();
    rows.sort_by(|a, b| b.figures.requests.cmp(&a.figures.requests).then_with(|| a.group.cmp(&b.group)));
    rows
}

/// A table of one row compares nothing.
fn several(rows: Vec<GroupRow>) -> Vec<GroupRow> {
    if rows.len() > 1 { rows } else { Vec::new() }
}

fn hour_rows(hours: &HourGroups, since: i64, until: i64) -> Vec<HourRow> {
    let rows = hours.par_iter().flat_map_iter(|(&hour, groups)| {
        let covered_s = (until.min(hour + HOUR_S) - since.max(hour)).max(0) as u64;
        groups.iter().map(move |(group, aggregate)| {
            let mut figures = figures(aggregate, covered_s);
            if let Some((requests, second)) = aggregate.busiest_second() {
                (figures.rps_peak, figures.rps_peak_at) = (requests, Some(hour + i64::from(second)));
            }
            figures.seconds = aggregate.counts(CellKind::Second);
            figures.clients_sketch = aggregate.sketch.to_bytes();
            HourRow { hour, group: group.clone(), figures }
        })
    });
    rows.collect()
}

fn figures(aggregate: &Aggregate, covered_s: u64) -> Figures {
    let sums = &aggregate.sums;
    let status_codes: Vec<(u16, u64)> =
        aggregate.counts(CellKind::Status).into_iter().map(|(code, count)| (code as u16, count)).collect();
    let class = |class: u16| status_codes.iter().filter(|(code, _)| code / 100 == class).map(|(_, count)| count).sum();
    let classes: [u64; 5] = [1, 2, 3, 4, 5].map(class);
    let cache = aggregate.counts(CellKind::Cache);
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
        cache_states: cache.iter().filter_map(|(state, n)| Some((cache_state(*state)?.name().to_owned(), *n))).collect(),
        terminations: terminations(aggregate),
        clients: known(sums.clients_n, aggregate.sketch.estimate()),
        bot_requests: known(sums.user_agents_n, sums.bot_requests),
        seconds: Vec::new(),
        clients_sketch: Vec::new(),
    }
}

fn cache_state(number: u32) -> Option<CacheStatus> {
    CacheStatus::ALL.get(number as usize).copied()
}

fn cache_sum(states: &[(u32, u64)], wanted: impl Fn(CacheStatus) -> bool) -> Option<u64> {
    let of_state = |(state, count): &(u32, u64)| cache_state(*state).filter(|state| wanted(*state)).map_or(0, |_| *count);
    (!states.is_empty()).then(|| states.iter().map(of_state).sum())
}

fn terminations(aggregate: &Aggregate) -> Vec<(String, u64)> {
    let mut states: Vec<(String, u64)> = aggregate
        .counts(CellKind::Termination)
        .into_iter()
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

/// Latencies of the totals by hour and band, without the empty bands at both ends.
fn heat(totals: &HourGroups) -> Heat {
    let bounds_ms: Vec<f64> =
        (0..HEAT_DECADES).flat_map(|decade| HEAT_STEPS.map(|step| step * 10f64.powi(decade))).collect();
    let timed = totals.iter().filter_map(|(hour, groups)| Some((*hour, groups.get(&Group::default())?)));
    let rows: BTreeMap<i64, Vec<u64>> = timed.map(|(hour, sum)| (hour, bands(sum, &bounds_ms))).collect();
    let used = |band: &usize| rows.values().any(|row| row[*band] > 0);
    let (Some(first), Some(last)) = ((0..=bounds_ms.len()).find(used), (0..=bounds_ms.len()).rfind(used)) else {
        return Heat::default();
    };
    let (Some(from), Some(to)) = (rows.keys().next().copied(), rows.keys().next_back().copied()) else {
        return Heat::default();
    };
    let hours: Vec<i64> = (from..=to).step_by(HOUR_S as usize).collect();
    let empty = vec![0; bounds_ms.len() + 1];
    let cells = hours.iter().map(|hour| rows.get(hour).unwrap_or(&empty)[first..=last].to_vec()).collect();
    Heat { hours, bounds_ms: bounds_ms[first..last].to_vec(), cells }
}

fn bands(aggregate: &Aggregate, bounds_ms: &[f64]) -> Vec<u64> {
    let mut bands = vec![0; bounds_ms.len() + 1];
    for (bucket, count) in aggregate.histogram(TimingKind::Latency).buckets {
        let (low, high) = bucket_bounds(bucket);
        let middle_ms = (low + high) as f64 / 2000.0;
        bands[bounds_ms.partition_point(|bound| *bound <= middle_ms)] += count;
    }
    bands
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

fn top_list(source: &SourceResult, list: &str, kind: ListKind, summary: &TopSummary, entries: Vec<TopEntry>) -> TopList {
    let has_bytes = source.rollup.has_bytes();
    let row = |entry: TopEntry| TopRow {
        value: top_value(kind, &entry.key),
        requests: entry.requests,
        error: summary.error(),
        bytes_sent: has_bytes.then_some(entry.bytes_sent),
        latency_p95_ms: entry.latency_p95_us.map(|us| us as f64 / 1000.0),
    };
    TopList { list: list.to_owned(), source: source.summary.name.clone(), rows: entries.into_iter().map(row).collect() }
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
