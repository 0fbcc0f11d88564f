//! The heat map of latencies: requests by hour and band. Draws nothing.

use crate::rollup::{Aggregate, TimingKind, bucket_bounds};
use logstat_reports::model::Heat;
use std::collections::BTreeMap;

/// Upper bounds of the bands of the heat map: these in every decade from 1 ms to 100 s.
const HEAT_STEPS: [f64; 5] = [1.0, 2.0, 3.0, 5.0, 7.0];
const HEAT_DECADES: i32 = 5;

fn bounds_ms() -> impl Iterator<Item = f64> {
    (0..HEAT_DECADES).flat_map(|decade| HEAT_STEPS.map(|step| step * 10f64.powi(decade)))
}

/// Requests by band of latency.
pub(super) fn bands(aggregate: &Aggregate) -> Vec<u64> {
    let bounds_ms: Vec<f64> = bounds_ms().collect();
    let mut bands = vec![0; bounds_ms.len() + 1];
    for (bucket, count) in aggregate.histogram(TimingKind::Latency).buckets {
        let (low, high) = bucket_bounds(bucket);
        let middle_ms = (low + high) as f64 / 2000.0;
        bands[bounds_ms.partition_point(|bound| *bound <= middle_ms)] += count;
    }
    bands
}

/// The heat map, a row for every step, without the empty bands at both ends.
pub(super) fn heat(rows: &BTreeMap<i64, Vec<u64>>, step_s: i64) -> Heat {
    let bounds_ms: Vec<f64> = bounds_ms().collect();
    let used = |band: &usize| rows.values().any(|row| row[*band] > 0);
    let (first, last) = ((0..=bounds_ms.len()).find(used), (0..=bounds_ms.len()).rfind(used));
    let (from, to) = (rows.keys().next().copied(), rows.keys().next_back().copied());
    let (Some(first), Some(last), Some(from), Some(to)) = (first, last, from, to) else {
        return Heat::default();
    };
    // Two bands at least, so that there is a bound between them.
    let (first, last) = if first < last { (first, last) } else { (first.saturating_sub(1), first.max(1)) };
    let hours: Vec<i64> = (from..=to).step_by(step_s as usize).collect();
    let empty = vec![0; bounds_ms.len() + 1];
    let cells = hours.iter().map(|hour| rows.get(hour).unwrap_or(&empty)[first..=last].to_vec()).collect();
    Heat { hours, bounds_ms: bounds_ms[first..last].to_vec(), cells }
}
