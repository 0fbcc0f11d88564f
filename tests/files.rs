//! The files of a report: which there are, and that other programs read them.

use crate::lab::{Lab, fixture, rows};
use std::path::Path;
use std::process::Command;

#[test]
fn a_report_has_every_file() {
    let run = Lab::new().report(&[fixture("haproxy/http.log"), "--png".to_owned()]).ok();
    let files = run.files();
    for name in ["summary.json", "hourly.csv", "hourly.parquet", "top.csv", "availability.csv", "report.html"]
    {
        assert!(files.contains_key(name), "{name}");
    }
    let ending = |end: &str| files.keys().filter(|name| name.ends_with(end)).count();
    // Requests, latency, statuses, bytes, heat map, servers and their availability, light and dark.
    assert_eq!((ending(".svg"), ending(".png")), (14, 14), "{:?}", files.keys());
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".png")) {
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n"), "{name}");
    }
}

#[test]
fn a_chart_without_data_does_not_outlive_its_report() {
    let lab = Lab::new();
    let timed = lab.report(&[fixture("haproxy/http.log")]).ok().files();
    let untimed = lab.report(&[fixture("nginx/combined.log")]).ok().files();
    assert!(timed.contains_key("latency.svg"), "{:?}", timed.keys());
    assert!(!untimed.contains_key("latency.svg"), "{:?}", untimed.keys());
}

#[test]
fn the_columns_are_the_documented_ones() {
    let run = Lab::new()
        .report(&[fixture("haproxy/http.log"), "--by".to_owned(), "server,backend".to_owned()])
        .ok();
    let csv = String::from_utf8(run.file("hourly.csv")).expect("UTF-8");
    assert_eq!(
        csv.lines().next(),
        Some(
            "hour,source,backend,server,requests,covered_s,rps_mean,rps_peak,status_1xx,status_2xx,status_3xx,status_4xx,\
             status_5xx,status_other,bytes_sent,latency_n,latency_mean_ms,latency_p50_ms,latency_p90_ms,latency_p95_ms,\
             latency_p99_ms,latency_max_ms,upstream_n,upstream_p50_ms,upstream_p95_ms,upstream_p99_ms,queue_p95_ms,\
             connect_p95_ms,response_p95_ms,retries,cache_hits,cache_lookups,clients,bot_requests,\
             failures_client,failures_server,failures_proxy,failures_unknown"
        )
    );
    let top = String::from_utf8(run.file("top.csv")).expect("UTF-8");
    assert_eq!(top.lines().next(), Some("list,source,rank,value,requests,error,bytes_sent,latency_p95_ms"));
}

#[test]
fn pyarrow_reads_the_parquet_file_and_finds_the_csv_in_it() {
    let Some(python) = std::env::var_os("LOGSTAT_TEST_PYTHON").filter(|python| Path::new(python).exists())
    else {
        println!("skipped: tests/all sets LOGSTAT_TEST_PYTHON to a Python with pyarrow");
        return;
    };
    let run = Lab::new()
        .report(&[fixture("haproxy/http.log"), "--by".to_owned(), "site,backend,server".to_owned()])
        .ok();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_parquet.py");
    let output =
        Command::new(python).arg(script).arg(run.out("hourly.parquet")).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (got, wanted) = (rows(&output.stdout), run.hours());
    assert_eq!(got.len(), wanted.len());
    for (got, wanted) in got.iter().zip(&wanted) {
        for (column, value) in wanted {
            match (got[column].parse::<f64>(), value.parse::<f64>()) {
                (Ok(got), Ok(wanted)) => {
                    assert!((got - wanted).abs() <= 0.000_51, "{column}: {got} and {wanted}");
                }
                _ => assert_eq!(&got[column], value, "{column}"),
            }
        }
    }
}
