//! Counts over whole logs, as an independent script made them.

use std::collections::{BTreeMap, HashSet};

use logstat_parsers::{Format, Line, Record};
use serde_json::Value;

use super::common::{compile, text};
use super::corpus_text;
use super::fields::Field;
use super::logs::{LOGS, Oracle};

/// Counts of a whole file, as `AGGREGATES.json` has them.
#[derive(Default)]
struct Counts {
    status: BTreeMap<String, u64>,
    methods: BTreeMap<String, u64>,
    addresses: BTreeMap<String, u64>,
    termination: BTreeMap<String, u64>,
    backends: BTreeMap<String, u64>,
    servers: BTreeMap<String, u64>,
    hours: HashSet<i64>,
    bytes: u64,
    retries: u64,
    latencies_ms: Vec<u64>,
    responses_ms: Vec<u64>,
}

impl Counts {
    fn of(log: &str, format: &Format) -> Self {
        let mut counts = Self::default();
        let mut parser = format.parser(0);
        for line in log.lines() {
            match parser.parse(line.as_bytes()) {
                Line::Record(record) => counts.add(&record),
                other => panic!("{other:?}: {line}"),
            }
        }
        counts.latencies_ms.sort_unstable();
        counts.responses_ms.sort_unstable();
        counts
    }

    fn add(&mut self, record: &Record<'_>) {
        let mut count = |map: fn(&mut Self) -> &mut BTreeMap<String, u64>, key: Option<String>| {
            if let Some(key) = key {
                *map(self).entry(key).or_default() += 1;
            }
        };
        let owned = |bytes: Option<&[u8]>| text(bytes).map(str::to_owned);
        count(|c| &mut c.status, record.status.map(|status| status.to_string()));
        count(|c| &mut c.methods, owned(record.method));
        count(|c| &mut c.addresses, Some(Field::Client.of(record)));
        count(|c| &mut c.termination, owned(record.termination));
        count(|c| &mut c.backends, owned(record.backend));
        let server = text(record.backend)
            .zip(text(record.server))
            .map(|(backend, server)| format!("{backend}/{server}"));
        count(|c| &mut c.servers, server);
        self.hours.insert(record.end_us.div_euclid(3_600_000_000));
        self.bytes += record.bytes_sent.unwrap_or(0);
        self.retries += u64::from(record.retries.unwrap_or(0));
        self.latencies_ms.extend(record.latency_us.map(|us| us / 1_000));
        self.responses_ms.extend(record.response_us.map(|us| us / 1_000));
    }
}

fn nearest_rank(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

fn same_counts(counts: &BTreeMap<String, u64>, expected: &Value) {
    let counts: Value = counts.iter().map(|(key, count)| (key.clone(), Value::from(*count))).collect();
    assert_eq!(&counts, expected);
}

#[test]
fn agrees_with_the_aggregates() {
    let Some(aggregates) = corpus_text("AGGREGATES.json") else { return };
    let aggregates: Value = serde_json::from_str(&aggregates).unwrap();
    let mut logs = 0;
    for log in LOGS.iter().filter(|log| matches!(log.oracle, Oracle::Aggregates)) {
        let expected = &aggregates[log.file];
        let preset = log.formats[0];
        let log = corpus_text(log.file).unwrap();
        assert_eq!(log.lines().count() as u64, expected["lines"]);
        let counts = Counts::of(&log, &compile(preset));
        same_counts(&counts.status, &expected["status"]);
        assert_eq!(counts.bytes, expected["bytes_sum"]);
        assert_eq!(counts.addresses.len() as u64, expected["unique_ips"]);
        if preset == "haproxy-http" {
            same_as_haproxy(&counts, expected);
        } else {
            same_counts(&counts.methods, &expected["methods"]);
            assert_eq!(counts.hours.len() as u64, expected["hours"]);
            for (address, requests) in expected["top_ips"].as_object().unwrap() {
                assert_eq!(counts.addresses[address], *requests);
            }
        }
        logs += 1;
    }
    assert_eq!(Some(logs), aggregates.as_object().map(|object| object.len() - 1), "all but the note");
}

fn same_as_haproxy(counts: &Counts, expected: &Value) {
    same_counts(&counts.termination, &expected["termination"]);
    same_counts(&counts.backends, &expected["backends"]);
    same_counts(&counts.servers, &expected["servers"]);
    assert_eq!(counts.retries, expected["retries_sum"]);
    for (percent, ms) in expected["Ta"].as_object().unwrap() {
        assert_eq!(nearest_rank(&counts.latencies_ms, percent.parse().unwrap()), *ms);
    }
    assert_eq!(counts.responses_ms.len() as u64, expected["Tr_nonneg"]["n"]);
    for percent in [50, 95, 99] {
        assert_eq!(nearest_rank(&counts.responses_ms, percent), expected["Tr_nonneg"][percent.to_string()]);
    }
}
