//! The README's first command works as it is printed.

use crate::lab::Lab;

#[test]
fn the_first_command_reports_the_fixtures() {
    let readme = include_str!("../README.md");
    let command = readme.lines().find_map(|line| line.strip_prefix("cargo run --release -- "));
    let arguments: Vec<&str> = command.expect("a command for newcomers").split_whitespace().collect();
    let lab = Lab::new();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    std::os::unix::fs::symlink(fixtures, lab.path("fixtures")).expect("a link");
    let output = lab.command().args(&arguments).output().expect("logstat runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(lab.path("logstat-report/report.html").exists());
}
