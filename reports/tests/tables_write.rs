//! Files on disk: the whole new set or the whole old one.

use std::fs;
use std::path::PathBuf;

mod sample;

use logstat_reports::backtest::write_backtest;
use logstat_reports::write::{publish, write_atomically};

/// An empty directory of the test's own.
fn empty_dir(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&dir);
    dir
}

fn names(dir: &PathBuf) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("the directory is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_set_is_written_and_replaced() {
    let dir = empty_dir("replaced").join("deep/report");
    publish(&dir, &[("a.csv", "old"), ("b.csv", "old")]).expect("can be written");
    publish(&dir, &[("a.csv", "new"), ("b.csv", "new")]).expect("can be written");
    write_atomically(&dir, "c.json", b"{}").expect("can be written");
    assert_eq!(names(&dir), ["a.csv", "b.csv", "c.json"]);
    assert_eq!(fs::read_to_string(dir.join("b.csv")).ok().as_deref(), Some("new"));
}

#[test]
fn when_one_file_cannot_be_written_all_stay_as_they_were() {
    let dir = empty_dir("kept");
    publish(&dir, &[("a.csv", "old")]).expect("can be written");
    fs::create_dir(dir.join("b.csv")).expect("can be made");
    let error = publish(&dir, &[("a.csv", "new"), ("b.csv", "new")]).expect_err("b.csv is a directory");
    assert!(error.to_string().starts_with(&dir.join("b.csv").display().to_string()), "{error}");
    assert_eq!(names(&dir), ["a.csv", "b.csv"]);
    assert_eq!(fs::read_to_string(dir.join("a.csv")).ok().as_deref(), Some("old"));
}

#[test]
fn a_back_test_leaves_no_picture_of_an_older_one() {
    let dir = empty_dir("backtest");
    let (tried, nothing) = (sample::backtest(&["probing"], &[5, 10]), sample::backtest(&[], &[]));
    write_backtest(&dir, &tried, true).expect("can be written");
    let all = [
        "backtest-dark.png",
        "backtest-dark.svg",
        "backtest.csv",
        "backtest.json",
        "backtest.png",
        "backtest.svg",
    ];
    assert_eq!(names(&dir), all);
    write_backtest(&dir, &tried, false).expect("can be written");
    assert_eq!(names(&dir), ["backtest-dark.svg", "backtest.csv", "backtest.json", "backtest.svg"]);
    write_backtest(&dir, &nothing, true).expect("can be written");
    assert_eq!(names(&dir), ["backtest.csv", "backtest.json"]);
}

#[test]
fn a_link_is_replaced_and_what_it_points_to_stays() {
    let dir = empty_dir("linked");
    publish(&dir, &[("precious", "old")]).expect("can be written");
    std::os::unix::fs::symlink("precious", dir.join("a.csv")).expect("can be linked");
    publish(&dir, &[("a.csv", "new")]).expect("can be written");
    assert_eq!(fs::read_to_string(dir.join("precious")).ok().as_deref(), Some("old"));
    assert_eq!(fs::read_to_string(dir.join("a.csv")).ok().as_deref(), Some("new"));
}

#[test]
fn a_file_in_the_place_of_the_directory_is_named() {
    let dir = empty_dir("blocked");
    publish(&dir, &[("out", "")]).expect("can be written");
    let error = publish(&dir.join("out"), &[("a.csv", "")]).expect_err("out is a file");
    assert!(error.to_string().contains("blocked/out: cannot create the directory"), "{error}");
}

#[test]
fn a_name_that_is_too_long_leaves_nothing_behind() {
    let dir = empty_dir("long");
    let error =
        publish(&dir, &[("a.csv", "new"), (&"x".repeat(300), "new")]).expect_err("the name is too long");
    assert!(error.to_string().contains("cannot create"), "{error}");
    assert_eq!(names(&dir), [""; 0]);
}
