//! Real logs read the way other projects read them. Skipped where the corpus is not beside the repository.

mod common;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::PathBuf;

use common::{compile, compile_with, text};
use logstat_parsers::{Client, Escape, Format, Line, Options, Record, detect};
use serde_json::Value;

/// The corpus file, or `None` with a note.
fn corpus(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus").join(name);
    if !path.exists() {
        println!("skipped: corpus absent");
        return None;
    }
    Some(fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn record<'l>(formats: &[Format], line: &'l str) -> Option<Record<'l>> {
    formats.iter().find_map(|format| match format.parser(0).parse(line.as_bytes()) {
        Line::Record(record) if !record.truncated => Some(record),
        _ => None,
    })
}

fn address(record: &Record<'_>) -> String {
    match record.client {
        Client::Ip(address) => address.to_string(),
        Client::Name(name) => String::from_utf8_lossy(name).into_owned(),
        Client::Unknown => "-".to_owned(),
    }
}

/// What the record says under another project's name for a field; `None` for names that have no counterpart.
fn field(record: &Record<'_>, name: &str) -> Option<String> {
    let owned = |bytes: Option<&[u8]>| {
        bytes.map_or("-".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
    };
    let ms = |us: Option<u64>| us.map_or("-1".to_owned(), |us| (us / 1_000).to_string());
    Some(match name {
        "remote_addr" | "clientip" | "client_ip" | "address" => address(record),
        "status" | "response" | "http_status_code" | "status_code" => {
            record.status.map_or("-".to_owned(), |status| status.to_string())
        }
        "body_bytes_sent" | "bytes" | "bytes_read" => {
            record.bytes_sent.map_or("-".to_owned(), |n| n.to_string())
        }
        "verb" | "http_verb" | "method" => owned(record.method),
        "request" | "http_request" => owned(record.target),
        "http_version" | "httpversion" | "version" => owned(record.protocol).replace("HTTP/", ""),
        "http_user_agent" | "agent" => owned(record.user_agent),
        "http_referer" | "referrer" => owned(record.referer),
        "remote_user" | "auth" => owned(record.remote_user),
        "target_fqdn" => owned(record.site),
        "frontend_name" => owned(record.site) + if record.tls { "~" } else { "" },
        "backend_name" => owned(record.backend),
        "server_name" => record.server.map_or("<NOSRV>".to_owned(), |server| owned(Some(server))),
        "termination_state" => owned(record.termination),
        "retries" => record.retries?.to_string(),
        "time_duration" | "total_time_ms" => ms(record.latency_us),
        "time_queue" | "total_waiting_time_ms" => ms(record.queue_us),
        "time_backend_connect" | "connection_wait_time_ms" => ms(record.connect_us),
        "time_backend_response" | "time_wait_without_data_ms" => ms(record.response_us),
        "accept_date" | "request_date" => {
            let start_us = record.end_us - i64::try_from(record.latency_us?).unwrap();
            jiff::Timestamp::from_microsecond(start_us).unwrap().strftime("%d/%b/%Y:%H:%M:%S.%3f").to_string()
        }
        "time_local" | "timestamp" => record.end_us.to_string(),
        _ => return None,
    })
}

/// The same value as `field` writes it.
fn wanted(name: &str, value: &str) -> String {
    match name {
        "time_local" | "timestamp" => {
            let date = jiff::fmt::strtime::parse("%d/%b/%Y:%H:%M:%S %z", value).unwrap();
            date.to_timestamp().unwrap().as_microsecond().to_string()
        }
        "time_duration" | "total_time_ms" => value.trim_start_matches('+').to_owned(),
        _ => value.to_owned(),
    }
}

/// Compares every field that has a counterpart; how many there were.
fn compare(record: &Record<'_>, line: &str, expected: &[(String, String)]) -> usize {
    let known = expected.iter().filter_map(|(name, value)| Some((name, field(record, name)?, value)));
    known.map(|(name, found, value)| assert_eq!(found, wanted(name, value), "{name} of {line}")).count()
}

const NPM: &str = r#" $status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio]"#;

#[test]
fn agrees_with_crowdsec() {
    let combined = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
    let ported = format!("$host:$server_port {combined}");
    let npm = format!(r#"[$time_local]{NPM} "$http_user_agent" "$http_referer""#);
    let npm_proxied = format!(
        r#"[$time_local] $upstream_cache_status $upstream_status{NPM} [Sent-to $server] "$http_user_agent" "$http_referer""#
    );
    let bunker = combined.replace("- $remote_user", "- $request_id $remote_user");
    let userless = combined.replace("- $remote_user", "-");
    let bunker = format!(
        "$server_name {}",
        bunker
            .replace("$request_id $remote", "$request_id - $remote")
            .replace("- $remote_user [", "$remote_user [")
    );
    let traefik = format!(r#"{combined} $count "$router" "$url" ${{duration}}ms"#);
    let cases: [(&str, &[&str], usize); 6] = [
        ("nginx_http-logs", &["combined", &ported, "vhost-combined", &userless], 8),
        ("apache2-logs", &["combined", "common", &ported, "vhost-combined"], 7),
        ("haproxy-logs", &["haproxy-http"], 2),
        ("nginx-proxy-manager-logs", &[&npm, &npm_proxied, "combined"], 12),
        ("bunkerweb-logs", &[&bunker], 5),
        ("traefik_clf", &[&traefik], 7),
    ];
    for (name, formats, records) in cases {
        let Some(cases) = corpus(&format!("crowdsecurity__hub/tests__{name}.cases.jsonl")) else { return };
        let formats: Vec<Format> = formats.iter().map(|format| compile(format)).collect();
        let mut read = 0;
        for case in cases.lines().map(|case| serde_json::from_str::<Value>(case).unwrap()) {
            let Some(parsed) = case["parsed"].as_object() else { continue };
            // Error logs and connection errors are in these files too.
            if !["status", "response", "http_status_code"].iter().any(|name| parsed.contains_key(*name)) {
                continue;
            }
            let line = parsed["message"].as_str().unwrap();
            let record = record(&formats, line).unwrap_or_else(|| panic!("no record: {line}"));
            let expected: Vec<(String, String)> = parsed
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect();
            assert!(compare(&record, line, &expected) >= 6, "{line}");
            read += 1;
        }
        assert_eq!(read, records, "{name}");
    }
}

#[test]
fn agrees_with_logstash() {
    let formats = ["haproxy-http", "haproxy-tcp", "combined"].map(compile);
    let mut read = 0;
    for name in ["haproxy_spec", "httpd_spec"] {
        let Some(cases) = corpus(&format!("logstash-plugins__logstash-patterns-core/{name}.cases.jsonl"))
        else {
            return;
        };
        for case in cases.lines().map(|case| serde_json::from_str::<Value>(case).unwrap()) {
            let pattern = case["pattern"].as_str().unwrap();
            if pattern == "HTTPD_ERRORLOG" {
                continue;
            }
            let line = case["line"].as_str().unwrap();
            let Some(Line::Record(record)) = formats
                .iter()
                .map(|format| format.parser(0).parse(line.as_bytes()))
                .find(|parsed| matches!(parsed, Line::Record(_)))
            else {
                panic!("no record: {line}");
            };
            let expected: Vec<(String, String)> = case["ecs_leaf_pairs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| {
                    (
                        pair[0].as_str().unwrap().to_owned(),
                        pair[1].as_str().map_or(pair[1].to_string(), str::to_owned),
                    )
                })
                // The old names repeat, and these two mean other things there.
                .filter(|(name, _)| !matches!(name.as_str(), "timestamp" | "server"))
                .collect();
            compare(&record, line, &expected);
            assert_eq!(record.truncated, line.contains("exceeds"));
            read += 1;
        }
    }
    assert_eq!(read, 11);
}

#[test]
fn agrees_with_filebeat() {
    let ingress = concat!(
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "#,
        "$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr ",
        "$upstream_response_length $upstream_response_time $upstream_status $req_id"
    );
    let format = compile(ingress);
    let Some(log) = corpus("elastic__beats/nginx_ingress_controller__test.log") else { return };
    let lines: Vec<&str> = log.lines().collect();
    let cases = corpus("elastic__beats/nginx_ingress_controller.cases.jsonl").unwrap();
    for case in cases.lines().map(|case| serde_json::from_str::<Value>(case).unwrap()) {
        let line = lines[usize::try_from(case["line_no"].as_u64().unwrap()).unwrap() - 1];
        let record = common::record(&format, line.as_bytes());
        let expected = &case["expected"];
        let number = |name: &str| expected[name].as_u64();
        assert_eq!(text(record.method), expected["method"].as_str(), "{line}");
        assert!(
            number("status_code").is_none_or(|status| record.status == u16::try_from(status).ok()),
            "{line}"
        );
        assert!(number("body_bytes").is_none_or(|bytes| record.bytes_sent == Some(bytes)), "{line}");
        if let Some(seconds) = expected["request.time"].as_f64() {
            assert_eq!(record.latency_us, Some((seconds * 1e6).round() as u64), "{line}");
        }
        if let Some(list) = expected["upstream.address_list"].as_array() {
            assert_eq!(text(record.server), list.last().unwrap().as_str(), "{line}");
        }
        if let Some(list) = expected["upstream.time_list"].as_array() {
            let sum: f64 = list.iter().map(|seconds| seconds.as_str().unwrap().parse::<f64>().unwrap()).sum();
            assert_eq!(record.upstream_us, Some((sum * 1e6).round() as u64), "{line}");
        }
    }
    assert!(lines.iter().all(|line| matches!(format.parser(0).parse(line.as_bytes()), Line::Record(_))));
}

#[test]
fn reads_json_and_ltsv_of_nginx() {
    let json = concat!(
        r#"{"time":"$time_iso8601","method":"$request_method","uri":"$request_uri","status":$status,"#,
        r#""body_bytes":$body_bytes_sent,"response_time":$request_time,"ua":"$http_user_agent"}"#
    );
    let json = compile_with(json, Escape::Json);
    let ltsv = compile(
        "time:$time_iso8601\tmethod:$request_method\turi:$request_uri\tstatus:$status\tsize:$body_bytes_sent\tapptime:$request_time\tua:$http_user_agent",
    );
    let Some(json_log) = corpus("tkuchiki__alp/example__logs__json_access.log") else { return };
    let ltsv_log = corpus("tkuchiki__alp/example__logs__ltsv_access.log").unwrap();
    let mut both = 0;
    for (json_line, ltsv_line) in json_log.lines().zip(ltsv_log.lines()) {
        // Lines of other formats are among them.
        if ltsv_line.contains("reqtime:") || json_line.contains(r#":"-""#) {
            continue;
        }
        let ltsv_record = common::record(&ltsv, ltsv_line.as_bytes());
        let json_record = common::record(&json, json_line.as_bytes());
        let key = |record: &Record<'_>| {
            (text(record.method).map(str::to_owned), record.status, record.bytes_sent.is_some())
        };
        assert_eq!(key(&json_record), key(&ltsv_record));
        assert!(json_record.latency_us.is_some());
        both += 1;
    }
    assert!(both >= 10);
}

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
        count(|c| &mut c.addresses, Some(address(record)));
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
    let Some(aggregates) = corpus("AGGREGATES.json") else { return };
    let aggregates: Value = serde_json::from_str(&aggregates).unwrap();
    let files = [
        ("tstack__lnav/test__logfile_shop_access_log.0", "combined-extra"),
        ("elastic__examples/Common_Data_Formats__apache_logs__apache_logs", "combined"),
        ("mpounsett__nagiosplugin/data__haproxy.log", "haproxy-http"),
    ];
    for (name, preset) in files {
        let log = corpus(name).unwrap();
        let expected = &aggregates[name];
        let detected = detect(log.as_bytes(), &Options::default());
        assert_eq!(detected.best.unwrap().preset.name, preset);
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
    }
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
