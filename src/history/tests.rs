//! Windows over hours and days at rest, and the reports of them.

use super::*;
use crate::dataset::testing::{MIDNIGHT, Published};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// 2026-11-20T00:00:00Z, Unix seconds.
const DAY: i64 = MIDNIGHT * HOUR_S;

/// An hour of the day with some requests to a server.
fn hour(hour: i64, node_id: &str, requests: usize) -> Published<'_> {
    let sources = vec![("edge", vec![b"s1".as_slice(); requests])];
    Published { period: Period::hour(MIDNIGHT + hour), node_id, generation: 1, sources }
}

/// The day before by so many days, kept as a day.
fn day(ago: i64, node_id: &str, requests: usize) -> Published<'_> {
    Published { period: Period::day_of(MIDNIGHT - 24 * ago), ..hour(-24 * ago, node_id, requests) }
}

fn dataset(files: &[Published<'_>]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("hours")).unwrap();
    files.iter().for_each(|file| file.write(root.path()));
    root
}

fn options(since: Option<i64>, until: Option<i64>, now: i64) -> ReportOptions {
    ReportOptions {
        since,
        until,
        timezone: "UTC".to_owned(),
        by: Vec::new(),
        top: 9,
        notes: Vec::new(),
        duplicates_skipped: 0,
        now,
    }
}

fn read(root: &Path, options: &ReportOptions) -> HistoryRead {
    let history = History { dirs: vec![root.to_owned()], ..History::default() };
    history.report(options).unwrap()
}

/// The window, and each row's start, requests and covered seconds, all from midnight.
type Told = ((i64, i64), Vec<(i64, u64, u64)>);

fn told(report: &Report) -> Told {
    let row =
        |row: &logstat_reports::model::HourRow| (row.hour - DAY, row.figures.requests, row.figures.covered_s);
    ((report.since - DAY, report.until - DAY), report.hour_totals.iter().map(row).collect())
}

#[test]
fn a_window_takes_whole_hours_but_none_that_is_to_come() {
    let root = dataset(&[hour(3, "a", 3), hour(4, "a", 4), hour(5, "a", 5)]);
    let report = |since: Option<i64>, until: Option<i64>| {
        let from_midnight = |at: i64| DAY + at;
        let asked = options(since.map(from_midnight), until.map(from_midnight), DAY + 5 * HOUR_S + 1800);
        told(&read(root.path(), &asked).report)
    };
    let (h3, h4, h5) = (3 * HOUR_S, 4 * HOUR_S, 5 * HOUR_S);
    assert_eq!(report(Some(h4 + 900), Some(h4 + 1800)), ((h4, h5), vec![(h4, 4, 3600)]));
    let now = h5 + 1800;
    assert_eq!(report(Some(h5 + 60), Some(now)), ((h5, now), vec![(h5, 5, 1800)]), "the hour is not over");
    assert_eq!(report(Some(h5), Some(h5 + 7200)).0, (h5, h5 + 7200), "whoever asks for it sees it");
    let all = vec![(h3, 3, 3600), (h4, 4, 3600), (h5, 5, 5)];
    assert_eq!(report(None, None), ((h3, h5 + 5), all), "up to the newest second");
    assert_eq!(report(Some(-h3), Some(-60)), ((-h3, 0), Vec::new()));
}

#[test]
fn one_day_among_the_periods_makes_a_report_by_day() {
    let root =
        dataset(&[day(1, "a", 10), hour(0, "a", 1), hour(23, "a", 2), hour(-24, "b", 4), hour(-24, "a", 99)]);
    let now = DAY + 2 * 86_400;
    let report = read(root.path(), &options(None, None, now)).report;
    assert_eq!(report.step, Step::Day);
    let end = 23 * HOUR_S + 2;
    let rows = vec![(-86_400, 14, 86_400), (0, 3, end.unsigned_abs())];
    assert_eq!(told(&report), ((-86_400, end), rows), "a day beats its own node's hours only");
    assert_eq!(report.totals.requests, 17);
    assert_eq!(report.accounting.records, 17);
    let clients = report.top.iter().find(|list| list.list == "paths").unwrap();
    assert_eq!(clients.rows[0].requests, 17);

    let since = Some(DAY - 5 * HOUR_S);
    let report = read(root.path(), &options(since, Some(DAY + 60), now)).report;
    assert_eq!(told(&report).0, (-86_400, HOUR_S), "of a day there is no part");
    let report = read(root.path(), &options(Some(DAY), None, now)).report;
    assert_eq!((report.step, told(&report).1.len()), (Step::Hour, 2));
}

#[test]
fn a_damaged_file_is_named_and_the_others_are_reported() {
    let root = dataset(&[hour(3, "a", 3), hour(4, "a", 4)]);
    let path = dataset::find(&[root.path().to_owned()], &(MIDNIGHT..MIDNIGHT + 4)).unwrap().remove(0).path;
    let mut bytes = fs::read(&path).unwrap();
    bytes[9] ^= 1;
    fs::write(&path, bytes).unwrap();
    let read = read(root.path(), &options(None, None, DAY + 86_400));
    assert_eq!(read.problems.len(), 1);
    assert!(read.problems[0].to_string().contains("hour=03"), "{:?}", read.problems);
    assert_eq!(read.report.totals.requests, 4);
}

#[test]
fn methods_are_not_at_rest() {
    let root = dataset(&[hour(3, "a", 3)]);
    let asked = ReportOptions { by: vec![By::Method], ..options(None, None, DAY) };
    let history = History { dirs: vec![root.path().to_owned()], ..History::default() };
    assert!(history.report(&asked).unwrap_err().to_string().contains("hint: name the log files"));
}

#[test]
fn many_periods_are_the_same_on_any_number_of_threads() {
    let files: Vec<_> =
        (0..60).map(|at| hour(at, if at % 3 == 0 { "a" } else { "b" }, 1 + at as usize % 7)).collect();
    let root = dataset(&files);
    let report = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        format!("{:?}", pool.install(|| read(root.path(), &options(None, None, DAY + 86_400 * 9)).report))
    };
    assert_eq!(report(1), report(4));
    assert!(report(4).matches("covered_s: 3600").count() > 60);
}
