//! Random logs against an exact and slow reference: every value kept and sorted, every line counted.

use crate::lab::{Lab, Row};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// 2026-11-20T00:00:00Z.
const MIDNIGHT: i64 = 1_795_132_800;
const FORMAT: &str = "$remote_addr $host [$time_iso8601] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\" $request_time $upstream_response_time $upstream_cache_status";

#[derive(Debug, Clone)]
struct Request {
    at: i64,
    client: u8,
    host: u8,
    path: u8,
    status: u16,
    bytes: u64,
    latency_ms: u64,
    upstream_ms: Vec<u64>,
    cache: Option<&'static str>,
    bot: bool,
}

fn request() -> impl Strategy<Value = Request> {
    let latency = prop_oneof![8 => 0..300u64, 2 => 300..5_000u64, 1 => 5_000..400_000u64];
    let status = prop_oneof![8 => Just(200u16), 1 => Just(404), 1 => Just(502), 1 => Just(301), 1 => Just(0), 1 => Just(499), 1 => Just(101)];
    let cache = prop_oneof![
        Just(None),
        Just(Some("HIT")),
        Just(Some("MISS")),
        Just(Some("BYPASS")),
        Just(Some("STALE"))
    ];
    let parts = (
        0..4 * 3600i64,
        any::<u8>(),
        0..3u8,
        0..40u8,
        status,
        0..5_000_000_000u64,
        latency,
        prop::collection::vec(0..2_000u64, 0..3),
        cache,
        any::<bool>(),
    );
    parts.prop_map(|(second, client, host, path, status, bytes, latency_ms, upstream_ms, cache, bot)| {
        Request {
            at: MIDNIGHT + second,
            client,
            host,
            path,
            status,
            bytes,
            latency_ms,
            upstream_ms,
            cache,
            bot,
        }
    })
}

fn render(requests: &[Request]) -> String {
    let mut log = String::new();
    for request in requests {
        let instant = jiff::Timestamp::from_second(request.at).expect("in range");
        let upstream: Vec<String> = request.upstream_ms.iter().map(|ms| seconds(*ms)).collect();
        let _ = writeln!(
            log,
            "192.0.2.{} {}.example.com [{}] \"GET /p/{}?q={} HTTP/1.1\" {:03} {} \"-\" \"{}\" {} {} {}",
            request.client,
            request.host,
            instant.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            request.path,
            request.bytes,
            request.status,
            request.bytes,
            if request.bot {
                "curl/8.5.0"
            } else {
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
            },
            seconds(request.latency_ms),
            if upstream.is_empty() { "-".to_owned() } else { upstream.join(", ") },
            request.cache.unwrap_or("-"),
        );
    }
    log
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// The row that must come out for some requests of one hour.
fn expected(requests: &[&Request]) -> BTreeMap<&'static str, String> {
    let sorted = |values: Vec<u64>| {
        let mut values = values;
        values.sort_unstable();
        values
    };
    let latency = sorted(requests.iter().map(|r| r.latency_ms).collect());
    let upstream = sorted(
        requests.iter().filter(|r| !r.upstream_ms.is_empty()).map(|r| r.upstream_ms.iter().sum()).collect(),
    );
    let class = |class: u16| requests.iter().filter(|r| r.status / 100 == class).count().to_string();
    let cached: Vec<&str> = requests.iter().filter_map(|r| r.cache).collect();
    let of_cache = |wanted: &[&str]| {
        if cached.is_empty() {
            String::new()
        } else {
            cached.iter().filter(|state| wanted.contains(state)).count().to_string()
        }
    };
    let mut by_second = BTreeMap::new();
    requests.iter().for_each(|r| *by_second.entry(r.at).or_insert(0u64) += 1);
    BTreeMap::from([
        ("requests", requests.len().to_string()),
        ("rps_peak", by_second.values().max().expect("a second").to_string()),
        ("status_1xx", class(1)),
        ("status_2xx", class(2)),
        ("status_3xx", class(3)),
        ("status_4xx", class(4)),
        ("status_5xx", class(5)),
        ("status_other", class(0)),
        ("bytes_sent", requests.iter().map(|r| r.bytes).sum::<u64>().to_string()),
        ("latency_n", latency.len().to_string()),
        ("latency_p50_ms", nearest_rank(&latency, 50)),
        ("latency_p90_ms", nearest_rank(&latency, 90)),
        ("latency_p95_ms", nearest_rank(&latency, 95)),
        ("latency_p99_ms", nearest_rank(&latency, 99)),
        ("latency_max_ms", nearest_rank(&latency, 100)),
        ("upstream_n", upstream.len().to_string()),
        ("upstream_p50_ms", nearest_rank(&upstream, 50)),
        ("upstream_p95_ms", nearest_rank(&upstream, 95)),
        ("upstream_p99_ms", nearest_rank(&upstream, 99)),
        ("cache_hits", of_cache(&["HIT", "STALE"])),
        ("cache_lookups", of_cache(&["HIT", "STALE", "MISS"])),
        ("bot_requests", requests.iter().filter(|r| r.bot).count().to_string()),
    ])
}

fn nearest_rank(sorted: &[u64], percent: usize) -> String {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map(ToString::to_string).unwrap_or_default()
}

fn check(row: &Row, requests: &[&Request]) {
    for (column, wanted) in expected(requests) {
        let got = &row[column];
        match (got.parse::<f64>(), wanted.parse::<f64>()) {
            (Ok(got), Ok(wanted)) if column.ends_with("_ms") => {
                assert!(
                    (got - wanted).abs() <= wanted * 0.002,
                    "{}: {column} is {got}, not {wanted}",
                    row["hour"]
                );
            }
            _ => assert_eq!(got, &wanted, "{}: {column}", row["hour"]),
        }
    }
    let clients = requests.iter().map(|r| r.client).collect::<BTreeSet<_>>().len() as f64;
    let got: f64 = row["clients"].parse().expect("a count of clients");
    assert!((got - clients).abs() <= (clients * 0.05).ceil(), "{got} clients, not {clients}");
}

fn hour(request: &Request) -> String {
    let start = jiff::Timestamp::from_second(request.at / 3600 * 3600).expect("in range");
    start.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn hours_are_those_of_the_reference(requests in prop::collection::vec(request(), 1..600), block in 64..20_000usize) {
        let lab = Lab::new();
        let log = lab.log("access.log", render(&requests)).display().to_string();
        let block = block.to_string();
        let run = lab.report(&[&log, "--format", FORMAT, "--block-bytes", &block]).ok();
        let mut by_hour: BTreeMap<String, Vec<&Request>> = BTreeMap::new();
        requests.iter().for_each(|request| by_hour.entry(hour(request)).or_default().push(request));
        let rows = run.hours();
        prop_assert_eq!(rows.len(), by_hour.len());
        for row in &rows {
            check(row, &by_hour[&row["hour"]]);
        }
    }

    #[test]
    fn groups_are_those_of_the_reference(requests in prop::collection::vec(request(), 1..300)) {
        let lab = Lab::new();
        let log = lab.log("access.log", render(&requests)).display().to_string();
        let run = lab.report(&[&log, "--format", FORMAT, "--by", "status,site", "--top", "0"]).ok();
        let mut groups: BTreeMap<(String, String, String), Vec<&Request>> = BTreeMap::new();
        for request in &requests {
            let key = (hour(request), format!("{}.example.com", request.host), format!("{:03}", request.status));
            groups.entry(key).or_default().push(request);
        }
        let rows = run.hours();
        prop_assert_eq!(rows.len(), groups.len());
        for row in &rows {
            check(row, &groups[&(row["hour"].clone(), row["site"].clone(), row["status"].clone())]);
        }
    }

    #[test]
    fn top_lists_are_those_of_the_reference(requests in prop::collection::vec(request(), 1..600), block in 64..20_000usize) {
        let lab = Lab::new();
        let log = lab.log("access.log", render(&requests)).display().to_string();
        let run = lab.report(&[&log, "--format", FORMAT, "--block-bytes", &block.to_string(), "--top", "1000"]).ok();
        let top = run.top();
        let list = |name: &str| -> BTreeMap<String, (u64, u64)> {
            let rows = top.iter().filter(|row| row["list"] == name);
            rows.map(|row| (row["value"].clone(), (row["requests"].parse().expect("a count"), row["bytes_sent"].parse().expect("bytes")))).collect()
        };
        let expected = |wanted: &dyn Fn(&Request) -> bool, key: &dyn Fn(&Request) -> String| {
            let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
            for request in requests.iter().filter(|request| wanted(request)) {
                let count = counts.entry(key(request)).or_default();
                *count = (count.0 + 1, count.1 + request.bytes);
            }
            counts
        };
        let path = |request: &Request| format!("/p/{}", request.path);
        prop_assert_eq!(list("clients"), expected(&|_| true, &|request| format!("192.0.2.{}", request.client)));
        prop_assert_eq!(list("paths"), expected(&|_| true, &path));
        prop_assert_eq!(list("not_found"), expected(&|request| request.status == 404, &path));
        prop_assert_eq!(list("error_paths"), expected(&|request| request.status / 100 == 5, &path));
        prop_assert!(top.iter().all(|row| row["error"] == "0"));
    }
}
