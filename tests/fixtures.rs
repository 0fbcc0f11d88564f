//! Every log in `fixtures/` against what `expect.py` found in it, which shares no code with us.

use crate::lab::{Expectation, Lab, Row, Run, fixture};
use logstat_parsers::PRESETS;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

#[test]
fn every_fixture_is_as_expected() {
    for expectation in Expectation::all() {
        check(&expectation, Told::ByFlag);
        check_groups(&expectation);
        if expectation.is_detected() {
            check(&expectation, Told::Nothing);
        }
    }
}

#[test]
fn every_preset_has_a_fixture_in_which_it_is_detected() {
    let mut found = BTreeSet::new();
    for expectation in Expectation::all().iter().filter(|expectation| expectation.is_detected()) {
        // A log of several formats stands for none of them.
        let Some(format) = expectation.facts["format"].as_str() else { continue };
        let summary = report(expectation, Told::Nothing, &[]).summary();
        let detected = &summary["sources"][0]["files"][0]["formats"][0]["format"];
        assert_eq!(detected, format, "{}", expectation.path.display());
        found.insert(format.to_owned());
    }
    let presets: BTreeSet<String> = PRESETS.iter().map(|preset| preset.name.to_owned()).collect();
    assert_eq!(found, presets);
}

/// What logstat is told of a log's format.
#[derive(Debug, Clone, Copy)]
enum Told {
    ByFlag,
    Nothing,
}

fn report(expectation: &Expectation, told: Told, further: &[&str]) -> Run {
    let mut arguments = match told {
        Told::ByFlag => expectation.arguments(),
        Told::Nothing => expectation.files(),
    };
    arguments.extend(further.iter().map(|argument| (*argument).to_owned()));
    Lab::new().report(&arguments)
}

fn check(expectation: &Expectation, told: Told) {
    let name = format!("{}, {told:?}", expectation.path.display());
    let expected = &expectation.facts;
    let run = report(expectation, told, &[]);
    assert!(run.code <= 1, "{name}: {}", run.stderr);
    check_accounting(&name, &run.summary(), expected);
    check_places(&name, &run.summary(), expected);
    check_figures(&name, &run.summary()["totals"], expected);
    check_statuses(&name, &run.summary()["totals"], expected);
    check_hours(&name, &run.hours(), expected);
    check_top(&name, &run.top(), "clients", &expected["top_clients"]);
    check_top(&name, &run.top(), "paths", &expected["top_paths"]);
}

/// Requests by host or frontend, and by server.
fn check_groups(expectation: &Expectation) {
    let run = report(expectation, Told::ByFlag, &["--by", "site,backend,server", "--top", "0"]);
    let (mut sites, mut servers) = (BTreeMap::new(), BTreeMap::new());
    for row in run.hours() {
        let requests: u64 = row["requests"].parse().expect("a count");
        let server = match row["backend"].as_str() {
            // A backend of which no server was asked.
            _ if row["server"].is_empty() => String::new(),
            "" => row["server"].clone(),
            backend => format!("{backend}/{}", row["server"]),
        };
        *sites.entry(row["site"].clone()).or_default() += requests;
        *servers.entry(server).or_default() += requests;
    }
    for (mut found, key) in [(sites, "sites"), (servers, "servers")] {
        found.remove("");
        let wanted: BTreeMap<String, u64> =
            serde_json::from_value(expectation.facts[key].clone()).expect("counts");
        assert_eq!(found, wanted, "{}: {key}", expectation.path.display());
    }
}

fn check_accounting(name: &str, summary: &Value, expected: &Value) {
    let lines = &summary["accounting"];
    for kind in ["records", "events", "blank"] {
        assert_eq!(lines[kind], expected[kind], "{name}: {kind}: {lines}");
    }
    assert_eq!(lines["lines"], expected["lines"], "{name}: {lines}");
    assert_eq!(lines["rejects"], expected["rejects"], "{name}: {lines}");
}

/// The first rejects of each kind are lines that the expectation rejects, too.
fn check_places(name: &str, summary: &Value, expected: &Value) {
    // In a rotated set each file has its own line numbers.
    if expected["files"].as_array().is_some_and(|files| files.len() > 1) {
        return;
    }
    let wanted = expected["reject_lines"].as_array().expect("lines");
    for kind in summary["accounting"]["reject_kinds"].as_array().expect("kinds") {
        for place in kind["first"].as_array().expect("places") {
            assert!(wanted.contains(&place["line"]), "{name}: {kind}");
        }
    }
}

fn check_figures(name: &str, figures: &Value, expected: &Value) {
    for (column, key) in [
        ("requests", "requests"),
        ("bytes_sent", "bytes_sent"),
        ("retries", "retries"),
        ("cache_hits", "cache_hits"),
        ("cache_lookups", "cache_lookups"),
        ("rps_peak", "busiest_second"),
    ] {
        assert_eq!(
            figures[column].as_u64().unwrap_or(0),
            expected[key].as_u64().unwrap_or(0),
            "{name}: {column}"
        );
    }
    check_failures(name, |column| figures[column].as_u64().unwrap_or(0), &expected["failures"]);
    check_clients(name, figures["clients"].as_f64(), &expected["clients"]);
    for (prefix, key) in [
        ("latency", "latency_us"),
        ("upstream", "upstream_us"),
        ("queue", "queue_us"),
        ("connect", "connect_us"),
        ("response", "response_us"),
    ] {
        for percentile in ["p50", "p95", "p99", "max"] {
            let column = format!("{prefix}_{percentile}_ms");
            if let Some(got) = figures.get(&column) {
                let wanted = expected[key][percentile].as_f64().map(|us| us / 1000.0);
                close(name, &column, got.as_f64(), wanted, 0.002);
            }
        }
    }
}

/// Four standard errors, or one client of a few.
fn check_clients(place: &str, got: Option<f64>, expected: &Value) {
    let wanted = expected.as_f64().expect("a count");
    close(place, "clients", got, Some(wanted), (1.0 / wanted).max(0.064));
}

fn check_failures(place: &str, count: impl Fn(&str) -> u64, expected: &Value) {
    for cause in ["client", "server", "proxy", "unknown"] {
        let column = format!("failures_{cause}");
        assert_eq!(count(&column), expected[cause].as_u64().unwrap_or(0), "{place}: {column}");
    }
}

fn check_statuses(name: &str, figures: &Value, expected: &Value) {
    for class in 1..=5 {
        let of_class = |(code, count): (&String, &Value)| {
            code.starts_with(&class.to_string()).then(|| count.as_u64()).flatten()
        };
        let statuses = expected["status"].as_object().expect("statuses");
        // `1` to `99` are written without zeros in front and belong to no class.
        let wanted: u64 = statuses.iter().filter(|(code, _)| code.len() == 3).filter_map(of_class).sum();
        let column = format!("status_{class}xx");
        assert_eq!(figures[&column].as_u64(), Some(wanted), "{name}: {column}");
    }
}

fn check_hours(name: &str, hours: &[Row], expected: &Value) {
    let expected = expected["hours"].as_array().expect("hours");
    assert_eq!(hours.len(), expected.len(), "{name}: hours");
    for (row, hour) in hours.iter().zip(expected) {
        let place = format!("{name} {}", row["hour"]);
        assert_eq!(hour["hour"].as_str(), Some(row["hour"].as_str()), "{place}");
        for (column, key) in [
            ("requests", "requests"),
            ("bytes_sent", "bytes_sent"),
            ("retries", "retries"),
            ("rps_peak", "busiest_second"),
            ("cache_hits", "cache_hits"),
        ] {
            assert_eq!(
                row[column].parse().unwrap_or(0),
                hour[key].as_u64().unwrap_or(0),
                "{place}: {column}"
            );
        }
        check_failures(&place, |column| row[column].parse().unwrap_or(0), &hour["failures"]);
        check_clients(&place, row["clients"].parse().ok(), &hour["clients"]);
        for (column, key, percentile) in [
            ("latency_p50_ms", "latency_us", "p50"),
            ("latency_p90_ms", "latency_us", "p90"),
            ("latency_p95_ms", "latency_us", "p95"),
            ("latency_p99_ms", "latency_us", "p99"),
            ("latency_max_ms", "latency_us", "max"),
            ("upstream_p95_ms", "upstream_us", "p95"),
            ("queue_p95_ms", "queue_us", "p95"),
            ("connect_p95_ms", "connect_us", "p95"),
            ("response_p95_ms", "response_us", "p95"),
        ] {
            let wanted = hour[key][percentile].as_f64().map(|us| us / 1000.0);
            close(&place, column, row[column].parse().ok(), wanted, 0.002);
        }
    }
}

fn check_top(name: &str, top: &[Row], list: &str, expected: &Value) {
    let of_list: Vec<(String, u64)> = top
        .iter()
        .filter(|row| row["list"] == list)
        .map(|row| (row["value"].clone(), row["requests"].parse().expect("a count")))
        .collect();
    for (at, pair) in expected.as_array().into_iter().flatten().enumerate() {
        let wanted = (pair[0].as_str().expect("a value"), pair[1].as_u64().expect("a count"));
        let got = of_list.get(at).unwrap_or_else(|| panic!("{name}: {list} ends before {wanted:?}"));
        // A cell that a spreadsheet would take for a formula has an apostrophe in front.
        assert_eq!((got.0.trim_start_matches('\''), got.1), wanted, "{name}: {list} rank {}", at + 1);
    }
}

#[track_caller]
fn close(place: &str, column: &str, got: Option<f64>, wanted: Option<f64>, tolerance: f64) {
    match (got, wanted) {
        (Some(got), Some(wanted)) => {
            assert!((got - wanted).abs() <= wanted * tolerance, "{place}: {column} is {got}, not {wanted}");
        }
        (got, wanted) => assert_eq!(got, wanted, "{place}: {column}"),
    }
}

#[test]
fn a_rotated_set_is_put_in_time_order() {
    let live: PathBuf = fixture("nginx/edge").into();
    let run = Lab::new().report(&[format!("{}/access.log*", live.display())]).ok();
    let summary = run.summary();
    let files: Vec<String> = summary["sources"][0]["files"]
        .as_array()
        .expect("files")
        .iter()
        .map(|file| file["path"].as_str().expect("a path").rsplit('/').next().expect("a name").to_owned())
        .collect();
    assert_eq!(files, ["access.log.2.gz", "access.log.1", "access.log"]);
}
