//! The columns of figures, in the order of the files. Says what they hold, not how it is written.

use crate::model::{Figures, Timing};

/// A column of `hourly.csv`, `hourly.parquet` and the totals of `summary.json`.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) get: Get,
}

/// How the column is read from the figures.
#[derive(Clone, Copy)]
pub(crate) enum Get {
    Count(fn(&Figures) -> Option<u64>),
    /// Written with up to six decimals.
    Rate(fn(&Figures) -> f64),
    /// Written with up to three decimals.
    Millis(fn(&Figures) -> Option<f64>),
}

pub(crate) const RATE_DECIMALS: usize = 6;
pub(crate) const MILLIS_DECIMALS: usize = 3;

const fn count(name: &'static str, get: fn(&Figures) -> Option<u64>) -> Column {
    Column { name, get: Get::Count(get) }
}

const fn millis(name: &'static str, get: fn(&Figures) -> Option<f64>) -> Column {
    Column { name, get: Get::Millis(get) }
}

pub(crate) const COLUMNS: [Column; 34] = [
    count("requests", |f| Some(f.requests)),
    count("covered_s", |f| Some(f.covered_s)),
    Column { name: "rps_mean", get: Get::Rate(|f| f.rps_mean) },
    count("rps_peak", |f| Some(f.rps_peak)),
    count("status_1xx", |f| Some(f.status_1xx)),
    count("status_2xx", |f| Some(f.status_2xx)),
    count("status_3xx", |f| Some(f.status_3xx)),
    count("status_4xx", |f| Some(f.status_4xx)),
    count("status_5xx", |f| Some(f.status_5xx)),
    count("status_other", |f| Some(f.status_other)),
    count("bytes_sent", |f| f.bytes_sent),
    count("latency_n", |f| Some(f.latency.n)),
    millis("latency_mean_ms", |f| f.latency.mean_ms),
    millis("latency_p50_ms", |f| f.latency.p50_ms),
    millis("latency_p90_ms", |f| f.latency.p90_ms),
    millis("latency_p95_ms", |f| f.latency.p95_ms),
    millis("latency_p99_ms", |f| f.latency.p99_ms),
    millis("latency_max_ms", |f| f.latency.max_ms),
    count("upstream_n", |f| Some(f.upstream.n)),
    millis("upstream_p50_ms", |f| f.upstream.p50_ms),
    millis("upstream_p95_ms", |f| f.upstream.p95_ms),
    millis("upstream_p99_ms", |f| f.upstream.p99_ms),
    millis("queue_p95_ms", |f| f.queue.p95_ms),
    millis("connect_p95_ms", |f| f.connect.p95_ms),
    millis("response_p95_ms", |f| f.response.p95_ms),
    count("retries", |f| f.retries),
    count("cache_hits", |f| f.cache_hits),
    count("cache_lookups", |f| f.cache_lookups),
    count("clients", |f| f.clients),
    count("bot_requests", |f| f.bot_requests),
    count("failures_client", |f| Some(f.failures?.client)),
    count("failures_server", |f| Some(f.failures?.server)),
    count("failures_proxy", |f| Some(f.failures?.proxy)),
    count("failures_unknown", |f| Some(f.failures?.unknown)),
];

/// A name and the timing that it stands for.
pub(crate) type NamedTiming = (&'static str, fn(&Figures) -> &Timing);

/// The distributions whose histograms go into the Parquet file.
pub(crate) const TIMINGS: [NamedTiming; 5] = [
    ("latency", |f| &f.latency),
    ("upstream", |f| &f.upstream),
    ("queue", |f| &f.queue),
    ("connect", |f| &f.connect),
    ("response", |f| &f.response),
];
