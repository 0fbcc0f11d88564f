//! The published hours of several nodes: merged in any order, and read by other programs.

use crate::lab::{Lab, Row, fixture, rows};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NODES: usize = 10;
/// After every fixture, so that no line lies in the future.
const NOW: &str = "2026-11-21T00:00:00Z";

/// Runs `logstat`, which must end well.
#[track_caller]
fn logstat(lab: &Lab, arguments: &[&str]) {
    let output = lab.command().args(arguments).output().expect("logstat runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn ingest(lab: &Lab, log: &Path, state: &str) {
    let arguments = ["ingest", log.to_str().expect("UTF-8"), "--format", "haproxy-http", "--log-tz", "UTC"];
    logstat(lab, &[&arguments[..], &["--now", NOW, "--state", state]].concat());
}

fn merge(lab: &Lab, dirs: &[String], out: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let dirs = dirs.iter().map(String::as_str);
    logstat(lab, &["merge"].into_iter().chain(dirs).chain(["--out", out]).collect::<Vec<_>>());
    files(&lab.path(out))
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(below) = folders.pop() {
        for entry in fs::read_dir(&below).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).expect("a file");
                files.insert(path.strip_prefix(folder).expect("below it").to_owned(), bytes);
            }
        }
    }
    files
}

fn copy(lab: &Lab, from: &str, to: &str) {
    for (name, bytes) in files(&lab.path(from)) {
        lab.log(lab.path(to).join(name).to_str().expect("UTF-8"), bytes);
    }
}

/// Requests by hour, backend and server.
fn requests<'r>(rows: impl IntoIterator<Item = &'r Row>, hour: &str) -> BTreeMap<[String; 3], u64> {
    let mut sums = BTreeMap::new();
    for row in rows {
        let key = [hour, "backend", "server"].map(|column| row[column].clone());
        *sums.entry(key).or_default() += row["requests"].parse::<u64>().expect("a number");
    }
    sums.retain(|_, requests| *requests > 0);
    sums
}

/// The log of ten machines, each of which has a state of its own, and what one machine would have counted.
fn ten_nodes(lab: &Lab) -> BTreeMap<[String; 3], u64> {
    let log = fs::read(fixture("haproxy/http.log")).expect("a fixture");
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    for node in 0..NODES {
        let own: Vec<&[u8]> = lines.iter().skip(node).step_by(NODES).copied().collect();
        let (first, second) = own.split_at(own.len() / 2);
        let name = format!("{node}/haproxy.log");
        let path = lab.log(&name, first.concat());
        ingest(lab, &path, &format!("state{node}"));
        copy(lab, &format!("state{node}/data"), &format!("stale{node}"));
        lab.log(&name, [first, second].concat().concat());
        ingest(lab, &path, &format!("state{node}"));
    }
    let by = ["--format", "haproxy-http", "--by", "backend,server"].map(str::to_owned);
    let run = lab.report(&[vec![fixture("haproxy/http.log")], by.to_vec()].concat()).ok();
    requests(&run.hours(), "hour")
}

#[test]
fn ten_nodes_are_merged_in_any_order_with_stale_copies_among_them() {
    let lab = Lab::new();
    let wanted = ten_nodes(&lab);
    let mut dirs: Vec<String> = (0..NODES).map(|node| format!("state{node}")).collect();
    let merged = merge(&lab, &dirs, "merged");
    let csv = merged.iter().filter(|(name, _)| name.starts_with("csv"));
    let found: Vec<Row> = csv.flat_map(|(_, bytes)| rows(bytes)).collect();
    assert_eq!(requests(&found, "start"), wanted);

    dirs.extend((0..NODES).map(|node| format!("stale{node}")));
    dirs.push("state3/data".to_owned());
    dirs.reverse();
    assert!(merge(&lab, &dirs, "reversed") == merged, "order or copies matter");
    dirs.rotate_left(7);
    assert!(merge(&lab, &dirs[..9], "bit by bit") != merged);
    assert!(merge(&lab, &dirs[9..], "bit by bit") == merged, "what is merged bit by bit differs");
    assert!(merge(&lab, &["merged".to_owned()], "again") == merged, "a merged dataset is another one");
}

#[test]
fn pyarrow_reads_a_dataset_by_its_folders() {
    let Some(python) = std::env::var_os("LOGSTAT_TEST_PYTHON").filter(|python| Path::new(python).exists())
    else {
        println!("skipped: tests/all sets LOGSTAT_TEST_PYTHON to a Python with pyarrow");
        return;
    };
    let lab = Lab::new();
    let wanted = ten_nodes(&lab);
    let dirs: Vec<String> = (0..NODES).map(|node| format!("state{node}")).collect();
    merge(&lab, &dirs, "merged");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_dataset.py");
    let output =
        Command::new(python).arg(script).arg(lab.path("merged/hours")).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(requests(&rows(&output.stdout), "hour"), wanted);
}

#[test]
fn what_cannot_be_merged_is_named_and_what_may_not_be_written_is_refused() {
    let lab = Lab::new();
    ingest(&lab, Path::new(&fixture("haproxy/http.log")), "state");
    let run = |arguments: &[&str]| {
        let output = lab.command().arg("merge").args(arguments).output().expect("logstat runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let (code, stderr) = run(&["state", "--out", "state/data"]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("belongs to a state\nhint: "), "{stderr}");
    let (code, stderr) = run(&["nowhere", "--out", "merged"]);
    assert_eq!(code, Some(2), "{stderr}");

    copy(&lab, "state/data", "copy");
    let damaged =
        files(&lab.path("copy")).into_keys().find(|name| name.starts_with("hours")).expect("an hour");
    let bytes = fs::read(lab.path("copy").join(&damaged)).expect("a file");
    lab.log(lab.path("copy").join(&damaged).to_str().expect("UTF-8"), &bytes[..bytes.len() - 9]);
    let (code, stderr) = run(&["copy", "--out", "merged"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(damaged.to_str().expect("UTF-8")) && stderr.contains("\nhint: "), "{stderr}");
    let merged = files(&lab.path("merged"));
    assert!(!merged.is_empty() && !merged.contains_key(&damaged));
    assert_eq!(run(&["state", "copy", "--out", "merged"]).0, Some(1));
    assert!(files(&lab.path("merged")).contains_key(&damaged), "the whole copy counts");
}
