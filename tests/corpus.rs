//! Real logs, where they are at hand: every line accounted for, and counts equal to those that others made.

use crate::lab::{Lab, Run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if folder.exists() {
        return Some(folder);
    }
    println!("skipped: there is no ../shared/corpus");
    None
}

fn run(path: &Path) -> Run {
    Lab::new().report(&[path.display().to_string(), "--top".to_owned(), "5".to_owned()])
}

#[test]
fn every_line_of_every_log_is_accounted_for() {
    let Some(corpus) = corpus() else { return };
    let mut read = 0;
    for folder in fs::read_dir(&corpus)
        .expect("the corpus")
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
    {
        for log in fs::read_dir(folder.path()).expect("a folder").filter_map(Result::ok) {
            let name = log.file_name().to_string_lossy().into_owned();
            if [".json", ".jsonl", ".assert", ".golden"].iter().any(|end| name.ends_with(end)) {
                continue;
            }
            let run = run(&log.path());
            assert!((0..=2).contains(&run.code), "{name}: {}", run.stderr);
            if run.code == 2 {
                assert!(run.stderr.contains("no known format fits"), "{name}: {}", run.stderr);
                continue;
            }
            let bytes = fs::read(log.path()).expect("a log");
            let lines = bytes.split(|byte| *byte == b'\n').count()
                - usize::from(bytes.is_empty() || bytes.ends_with(b"\n"));
            let summary = run.summary();
            let count = |kind: &str| summary["accounting"][kind].as_u64().expect("a count");
            assert_eq!(count("lines"), lines as u64, "{name}");
            assert_eq!(
                count("lines"),
                count("records") + count("events") + count("rejects") + count("blank"),
                "{name}"
            );
            read += 1;
        }
    }
    assert!(read >= 19, "only {read} logs of the corpus were read");
}

#[test]
fn counts_equal_those_made_independently() {
    let Some(corpus) = corpus() else { return };
    let aggregates = fs::read(corpus.join("AGGREGATES.json")).expect("AGGREGATES.json");
    let aggregates: Value = serde_json::from_slice(&aggregates).expect("JSON");
    let mut compared = 0;
    for (name, expected) in
        aggregates.as_object().expect("an object").iter().filter(|(name, _)| name.contains('/'))
    {
        let run = run(&corpus.join(name));
        assert!(run.code <= 1, "{name}: {}", run.stderr);
        compare(name, &run, expected);
        compared += 1;
    }
    assert_eq!(compared, 3);
}

fn compare(name: &str, run: &Run, expected: &Value) {
    let (summary, top) = (run.summary(), run.top());
    let totals = &summary["totals"];
    assert_eq!(totals["requests"], expected["matched"], "{name}");
    assert_eq!(totals["bytes_sent"], expected["bytes_sum"], "{name}");
    for class in ["2", "3", "4", "5"] {
        let statuses = expected["status"].as_object().expect("statuses");
        let wanted: u64 =
            statuses.iter().filter(|(code, _)| code.starts_with(class)).filter_map(|(_, n)| n.as_u64()).sum();
        assert_eq!(totals[format!("status_{class}xx")].as_u64(), Some(wanted), "{name}: {class}xx");
    }
    let clients = expected["unique_ips"].as_f64().expect("a count");
    let got = totals["clients"].as_f64().expect("an estimate");
    assert!((got - clients).abs() <= (clients * 0.05).ceil(), "{name}: {got} clients, not {clients}");
    for (address, count) in expected["top_ips"].as_object().into_iter().flatten() {
        let row = top.iter().find(|row| row["list"] == "clients" && row["value"] == *address);
        let row = row.unwrap_or_else(|| panic!("{name}: {address} is not among the top clients"));
        assert_eq!(row["requests"].parse().ok(), count.as_u64(), "{name}: {address}");
    }
    for percentile in ["50", "95", "99"] {
        if let Some(wanted) = expected["Ta"][percentile].as_f64() {
            let got = totals[format!("latency_p{percentile}_ms")].as_f64().expect("a percentile");
            assert!((got - wanted).abs() <= wanted * 0.002, "{name}: p{percentile} is {got}, not {wanted}");
        }
    }
    if let Some(hours) = expected["hours"].as_u64() {
        assert_eq!(run.hours().len() as u64, hours, "{name}: hours");
    }
}
