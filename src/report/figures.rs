//! What requests add up to becomes figures that a reader understands. Merges nothing.

use crate::rollup::{Aggregate, Cause, CellKind, TimingKind, unpack_termination};
use logstat_parsers::CacheStatus;
use logstat_reports::model::{Failures, Figures, Group, HourRow, Timing};

/// One row of an hour or a day that starts at `start`, with its mergeable parts.
pub(super) fn hour_row(start: i64, group: &Group, aggregate: &Aggregate, covered_s: u64) -> HourRow {
    let mut figures = figures(aggregate, covered_s);
    if let Some((requests, second)) = aggregate.busiest_second() {
        (figures.rps_peak, figures.rps_peak_at) = (requests, Some(start + i64::from(second)));
    }
    figures.seconds = aggregate.counts(CellKind::Second).collect();
    figures.clients_sketch = aggregate.sketch.to_bytes();
    HourRow { hour: start, group: group.clone(), figures }
}

/// Without the mergeable parts, which only the file of the hours asked for holds.
pub(super) fn without_parts(mut row: HourRow) -> HourRow {
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

pub(super) fn figures(aggregate: &Aggregate, covered_s: u64) -> Figures {
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
