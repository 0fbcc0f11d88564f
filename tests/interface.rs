//! What a person sees: help, messages, the printed report.

use crate::lab::{Lab, feed, fixture};
use std::process::{Command, Stdio};

#[test]
fn the_printed_report_has_its_parts() {
    let run = Lab::new().report(&[fixture("haproxy/http.log")]).ok();
    for part in ["requests", "p95", "busiest second", "Top", "lines = "] {
        assert!(run.stdout.to_lowercase().contains(&part.to_lowercase()), "{part}: {}", run.stdout);
    }
    assert!(!run.stdout.contains('\x1b'), "colours in a pipe");
}

#[test]
fn no_line_is_wider_than_asked() {
    for columns in ["60", "80", "140"] {
        let lab = Lab::new();
        let mut command = lab.command();
        command
            .args(["report", &fixture("haproxy/http.log"), "--no-out", "--now", "2026-11-21T00:00:00Z"])
            .env("COLUMNS", columns);
        let output = feed(command, b"");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        for line in text.lines() {
            assert!(line.chars().count() <= columns.parse().expect("a width"), "{columns}: {line}");
        }
    }
}

#[test]
fn colour_can_be_had_and_refused() {
    let always = Lab::new().report(&[fixture("nginx/timed.log"), "--color".to_owned(), "always".to_owned()]);
    assert!(always.stdout.contains("\x1b["));
}

#[test]
fn json_and_csv_print_what_the_files_hold() {
    let lab = Lab::new();
    let json = lab.report(&[fixture("nginx/combined.log"), "--json".to_owned()]).ok();
    assert_eq!(json.stdout.as_bytes(), json.file("summary.json"));
    let csv = lab.report(&[fixture("nginx/combined.log"), "--csv".to_owned()]).ok();
    assert_eq!(csv.stdout.as_bytes(), csv.file("hourly.csv"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let lab = Lab::new();
    let mut command = lab.command();
    command
        .args(["report", &fixture("haproxy/http.log"), "--no-out"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("logstat starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("logstat ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panic"));
}

#[test]
fn combined_says_that_latency_needs_a_format() {
    let run = Lab::new().report(&[fixture("nginx/timed.log")]);
    assert!(run.stdout.contains("--format"), "{}", run.stdout);
    assert_eq!(run.summary()["totals"]["latency_n"], 0);
}

#[test]
fn nonsense_on_the_command_line_is_refused_with_a_hint() {
    for (arguments, wanted) in [
        (vec!["--since", "yesterday-ish", "x"], "hint: a duration back from now such as 90m"),
        (vec!["--by", "colour", "x"], "possible values: site, backend"),
        (vec!["--tz", "Mars/Base", "x"], "no such time zone `Mars/Base`"),
        (vec!["--sinc", "1h", "x"], "--since"),
    ] {
        let run = Lab::new().report(&arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stderr.contains(wanted), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_wrong_key_in_the_configuration_has_its_place() {
    let lab = Lab::new();
    lab.log("logstat.toml", "[[source]]\npath = [\"a.log\"]\n");
    let run = lab.report::<&str>(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("logstat.toml:2:1: unknown field `path`"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: did you mean `paths`?"), "{}", run.stderr);
}

#[test]
fn manual_page_and_completions_name_the_flags() {
    let run = |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_logstat")).args(arguments).output().expect("logstat runs");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let page = run(&["man"]);
    assert!(
        page.starts_with(".ie") && page.contains(r"\-\-max\-reject\-ratio") && page.contains(r"\-\-since")
    );
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(&["completions", shell]).contains("max-reject-ratio"), "{shell}");
    }
}

#[test]
fn sessions_without_a_status_have_no_share_of_errors() {
    let run = Lab::new().report(&[fixture("haproxy/tcp.log")]).ok();
    let headline = run.stdout.lines().next().expect("a headline");
    assert!(headline.contains("p95") && !headline.contains("errors"), "{headline}");
    assert!(!run.stdout.contains(" 0 %"), "{}", run.stdout);
}
