//! Counts simulated requests the slow and exact way.

use std::collections::{BTreeMap, BTreeSet};

use logstat_reports::model::{Failures, Figures, Group, GroupRow, Heat, HourRow, Timing};

use super::requests::{Hit, ProxyTimes};

pub(super) fn hour_rows(hits: &[&Hit], key: impl Fn(&Group) -> Group) -> Vec<HourRow> {
    let mut by_hour: BTreeMap<(i64, Group), Vec<&Hit>> = BTreeMap::new();
    for hit in hits {
        by_hour.entry((hit.at.div_euclid(3600) * 3600, key(&hit.group))).or_default().push(hit);
    }
    by_hour
        .into_iter()
        .map(|((hour, group), hits)| HourRow { hour, group, figures: figures(&hits, 3600) })
        .collect()
}

pub(super) fn group_rows(hits: &[&Hit], key: impl Fn(&Group) -> Group) -> Vec<GroupRow> {
    let mut by_group: BTreeMap<Group, Vec<&Hit>> = BTreeMap::new();
    for hit in hits {
        by_group.entry(key(&hit.group)).or_default().push(hit);
    }
    let mut rows: Vec<GroupRow> = by_group
        .into_iter()
        .map(|(group, hits)| GroupRow { group, figures: without_parts(figures(&hits, 86_400)) })
        .collect();
    rows.sort_by(|a, b| b.figures.requests.cmp(&a.figures.requests).then_with(|| a.group.cmp(&b.group)));
    rows
}

pub(super) fn without_parts(figures: Figures) -> Figures {
    Figures { seconds: Vec::new(), clients_sketch: Vec::new(), ..figures }
}

pub(super) fn figures(hits: &[&Hit], covered_s: u64) -> Figures {
    let count =
        |wanted: &dyn Fn(&Hit) -> bool| hits.iter().filter(|h| wanted(h)).map(|h| h.weight).sum::<u64>();
    let class = |class: u16| count(&|hit| hit.status / 100 == class);
    let requests = count(&|_| true);
    let mut seconds: BTreeMap<i64, u64> = BTreeMap::new();
    hits.iter().for_each(|hit| *seconds.entry(hit.at).or_default() += hit.weight);
    let peak = seconds.iter().map(|(&at, &n)| (n, std::cmp::Reverse(at))).max();
    let clients: BTreeSet<u64> = hits.iter().map(|hit| hit.client).collect();
    let proxied = hits.iter().any(|hit| hit.proxy.is_some());
    let proxy = |time: &dyn Fn(&ProxyTimes) -> u64| timing(hits, &|hit| hit.proxy.as_ref().map(time));
    Figures {
        requests,
        covered_s,
        rps_mean: requests as f64 / covered_s as f64,
        rps_peak: peak.map_or(0, |(n, _)| n),
        rps_peak_at: peak.map(|(_, at)| at.0),
        status_1xx: class(1),
        status_2xx: class(2),
        status_3xx: class(3),
        status_4xx: class(4),
        status_5xx: class(5),
        status_other: class(0),
        status_codes: counted(hits, |hit| Some(hit.status).filter(|&s| s > 0)),
        bytes_sent: Some(hits.iter().map(|hit| hit.bytes_sent * hit.weight).sum()),
        latency: timing(hits, &|hit| Some(hit.latency_us)),
        upstream: Timing::default(),
        queue: proxy(&|times| times.queue_us),
        connect: proxy(&|times| times.connect_us),
        response: proxy(&|times| times.response_us),
        retries: proxied
            .then(|| hits.iter().filter_map(|h| Some(h.proxy.as_ref()?.retries * h.weight)).sum()),
        redispatches: proxied.then_some(0),
        cache_hits: (!proxied).then(|| count(&|hit| hit.client % 3 == 0)),
        cache_lookups: (!proxied).then(|| count(&|hit| hit.client % 4 != 0)),
        cache_states: Vec::new(),
        terminations: counted(hits, |hit| Some(hit.proxy.as_ref()?.termination.to_owned())),
        clients: Some(clients.len() as u64),
        bot_requests: Some(count(&|hit| hit.bot)),
        failures: Some(failures(hits)),
        seconds: seconds.iter().map(|(&at, &n)| (at.rem_euclid(3600) as u32, n)).collect(),
        clients_sketch: clients.iter().take(16).map(|&client| client as u8).collect(),
    }
}

/// By the first letter of the termination state, else by the status.
fn failures(hits: &[&Hit]) -> Failures {
    let mut failures = Failures::default();
    for hit in hits {
        let state = hit.proxy.as_ref().map(|proxy| proxy.termination);
        let count = match (state, state.and_then(|state| state.chars().next())) {
            (Some("cR"), _) => continue,
            (_, Some('C' | 'c')) => &mut failures.client,
            (_, Some('S' | 's')) => &mut failures.server,
            (_, Some('P')) => &mut failures.proxy,
            (Some(_), _) if hit.status >= 500 => &mut failures.server,
            (None, _) if hit.status >= 500 => &mut failures.unknown,
            _ => continue,
        };
        *count += hit.weight;
    }
    failures
}

fn counted<K: Ord>(hits: &[&Hit], key: impl Fn(&Hit) -> Option<K>) -> Vec<(K, u64)> {
    let mut counts: BTreeMap<K, u64> = BTreeMap::new();
    for hit in hits {
        if let Some(key) = key(hit) {
            *counts.entry(key).or_default() += hit.weight;
        }
    }
    counts.into_iter().collect()
}

fn timing(hits: &[&Hit], time_us: &dyn Fn(&Hit) -> Option<u64>) -> Timing {
    let mut values: Vec<(u64, u64)> =
        hits.iter().filter_map(|hit| Some((time_us(hit)?, hit.weight))).collect();
    values.sort_unstable();
    let n: u64 = values.iter().map(|&(_, weight)| weight).sum();
    if n == 0 {
        return Timing::default();
    }
    let mut buckets: BTreeMap<u32, u64> = BTreeMap::new();
    values.iter().for_each(|&(us, weight)| *buckets.entry(bucket(us)).or_default() += weight);
    let sum_us = values.iter().map(|&(us, weight)| us * weight).sum();
    let percentile = |percent: u64| {
        let rank = (n * percent).div_ceil(100);
        let mut seen = 0;
        let at = values.iter().find(|&&(_, weight)| {
            seen += weight;
            seen >= rank
        });
        at.map(|&(us, _)| us as f64 / 1000.0)
    };
    Timing {
        n,
        mean_ms: Some(sum_us as f64 / n as f64 / 1000.0),
        p50_ms: percentile(50),
        p90_ms: percentile(90),
        p95_ms: percentile(95),
        p99_ms: percentile(99),
        max_ms: values.last().map(|&(us, _)| us as f64 / 1000.0),
        sum_us,
        sub_ms: values.iter().filter(|&&(us, _)| us % 1000 != 0).map(|&(_, weight)| weight).sum(),
        buckets: buckets.into_iter().collect(),
    }
}

/// 256 buckets per power of two.
fn bucket(us: u64) -> u32 {
    let shift = (63 - (us | 255).leading_zeros()).saturating_sub(8) * u32::from(us >= 256);
    shift * 256 + (us >> shift) as u32
}

pub(super) fn heat(hits: &[&Hit]) -> Heat {
    let bounds_ms: Vec<f64> =
        [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].into_iter().map(f64::from).collect();
    let (Some(first), Some(last)) = (hits.first(), hits.last()) else { return Heat::default() };
    let start = first.at.div_euclid(3600) * 3600;
    let hours: Vec<i64> = (start..=last.at).step_by(3600).collect();
    let mut cells = vec![vec![0; bounds_ms.len() + 1]; hours.len()];
    for hit in hits {
        let ms = hit.latency_us as f64 / 1000.0;
        let band = bounds_ms.partition_point(|&bound| bound < ms);
        cells[((hit.at - start) / 3600) as usize][band] += hit.weight;
    }
    Heat { hours, bounds_ms, cells }
}
