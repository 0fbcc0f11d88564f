//! Logs whose lines have several formats: a log_format that was changed, files of several servers, lists of formats.

use crate::lab::{Lab, Run, fixture};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const TIMED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time"#;

fn combined(n: usize) -> String {
    format!(
        r#"192.0.2.{} - - [20/Nov/2026:10:{:02}:{:02} +0000] "GET /{n} HTTP/1.1" 200 5 "-" "-""#,
        n % 250,
        n / 60 % 60,
        n % 60
    )
}

fn timed(n: usize) -> String {
    format!("{} 0.0{:02}", combined(n), n % 90 + 10)
}

fn json(n: usize) -> String {
    format!(r#"{{"a":"192.0.2.9","t":"2026-11-20T10:00:00+00:00","s":{},"d":0.25}}"#, 200 + n % 2)
}

const JSON: &str = r#"escape=json {"a":"$remote_addr","t":"$time_iso8601","s":$status,"d":$request_time}"#;

fn haproxy(n: usize) -> String {
    format!(
        r#"192.0.2.7:4{n:04} [20/Nov/2026:10:00:00.000] www app/s1 0/0/1/2/3 200 10 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1""#
    )
}

fn log(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// (format, first line, lines) of the formats in a file.
fn shares(run: &Run, file: usize) -> Vec<(String, u64, u64)> {
    let summary = run.summary();
    let shares = summary["sources"][0]["files"][file]["formats"].as_array().expect("formats").clone();
    let number = |value: &Value| value.as_u64().expect("a number");
    let share = |share: &Value| {
        let name = share["format"].as_str().expect("a name").to_owned();
        (name, number(&share["first_line"]), number(&share["lines"]))
    };
    shares.iter().map(share).collect()
}

fn rejects(run: &Run) -> u64 {
    run.summary()["accounting"]["rejects"].as_u64().expect("a number")
}

#[test]
fn a_file_that_changes_format_half_way_is_split_there() {
    let lab = Lab::new();
    let path =
        lab.log("access.log", log((0..40).map(combined).chain((40..50).map(haproxy)).chain(["bad".into()])));
    let run = lab.report(&[text(&path), "--max-reject-ratio", "0.5"]).ok();
    assert_eq!(run.summary()["totals"]["requests"], 50);
    assert_eq!(rejects(&run), 1);
    assert_eq!(shares(&run, 0), [("combined".into(), 1, 40), ("haproxy-http".into(), 41, 10)]);
    assert!(
        run.stdout.contains("from line 41 on, 10 lines have another format: haproxy-http"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_change_that_no_glance_at_start_or_end_shows_is_found() {
    let lab = Lab::new();
    // Old, new and old again, with the new lines a megabyte from either end; and in an archive, whose end is not seen.
    let lines = |n: usize| if (15_000..20_000).contains(&n) { haproxy(n) } else { combined(n) };
    let path = lab.log("access.log", log((0..35_000).map(lines)));
    let gz = lab.log("packed.log", log((0..20_000).map(lines)));
    assert!(Command::new("gzip").arg(&gz).status().expect("gzip").success());
    for (path, requests) in [(path, 35_000), (lab.path("packed.log.gz"), 20_000)] {
        for blocks in ["65536", "1048576"] {
            let run = lab.report(&[text(&path), "--block-bytes", blocks]).ok();
            assert_eq!(run.summary()["totals"]["requests"], requests);
            assert_eq!(rejects(&run), 0, "{blocks}");
            assert_eq!(shares(&run, 0)[1], ("haproxy-http".into(), 15_001, 5_000));
        }
    }
}

#[test]
fn every_file_of_a_source_may_have_its_own_format() {
    let lab = Lab::new();
    lab.log("access.log.1", log((0..30).map(combined)));
    lab.log("access.log", log((30..50).map(haproxy)));
    let glob = lab.path("access.log*");
    let run = lab.report(&[text(&glob)]).ok();
    assert_eq!(run.summary()["totals"]["requests"], 50);
    assert_eq!(rejects(&run), 0);
    let of_files: Vec<_> = (0..2).map(|file| shares(&run, file)).collect();
    assert!(of_files.contains(&vec![("combined".into(), 1, 30)]), "{of_files:?}");
    assert!(of_files.contains(&vec![("haproxy-http".into(), 1, 20)]), "{of_files:?}");
}

#[test]
fn several_formats_may_be_given() {
    let lab = Lab::new();
    let mixed = (0..60).map(|n| if n % 3 == 0 { json(n) } else { timed(n) });
    let path = lab.log("access.log", log(mixed));
    let check = |run: Run| {
        let summary = run.summary();
        assert_eq!(summary["totals"]["requests"], 60);
        assert_eq!(summary["totals"]["latency_n"], 60);
        assert_eq!(rejects(&run), 0);
        assert_eq!(shares(&run, 0), [(JSON.into(), 1, 20), (TIMED.into(), 2, 40)]);
    };
    check(lab.report(&[text(&path), "--format", TIMED, "--format", JSON]).ok());
    let config =
        format!("[[source]]\npaths = [{:?}]\nformat = ['{TIMED}', '{JSON}']\n", path.display().to_string());
    let config = lab.log("logstat.toml", config);
    let run = lab.report(&["--config", text(&config), "--since", "oldest"]).ok();
    assert_eq!((run.summary()["totals"]["latency_n"].as_u64(), rejects(&run)), (Some(60), 0));
}

#[test]
fn lines_from_before_the_given_format_are_read_whole() {
    let lab = Lab::new();
    let path = lab.log("access.log", log((0..30).map(combined).chain((30..60).map(timed))));
    let run = lab.report(&[text(&path), "--format", TIMED]).ok();
    let summary = run.summary();
    assert_eq!(summary["totals"]["requests"], 60);
    assert_eq!(summary["totals"]["latency_n"], 30);
    assert_eq!(summary["accounting"]["truncated"], 0);
    assert_eq!(shares(&run, 0), [("combined".into(), 1, 30), (TIMED.into(), 31, 30)]);
}

#[test]
fn a_wrong_format_is_not_replaced_by_one_that_fits() {
    let run = Lab::new().report(&[&fixture("haproxy/http.log"), "--format", "combined"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.summary()["totals"]["requests"], 0);
    assert!(run.stderr.contains("is it the right --format?"), "{}", run.stderr);
}

#[test]
fn what_can_be_read_in_two_ways_is_tried_with_no_other_format() {
    let lab = Lab::new();
    // A client that writes what it likes: a whole line of another format, and the middle of this one.
    let format =
        "escape=none $http_user_agent $remote_addr [$time_local] $status $body_bytes_sent $http_referer";
    let middle = |address: &str| format!("{address} [20/Nov/2026:10:00:00 +0000] 200 5");
    let plain = |n: usize| format!("curl {} -", middle(&format!("198.51.100.{n}")));
    let forged = |n: usize| format!("{} {} {} -", combined(n), middle("203.0.113.1"), middle("203.0.113.2"));
    let path = lab.log("access.log", log((0..20).map(plain).chain((0..20).map(forged))));
    let run = lab.report(&[text(&path), "--format", format, "--max-reject-ratio", "1"]).ok();
    let summary = run.summary();
    let kind = &summary["accounting"]["reject_kinds"][0];
    assert_eq!((kind["kind"].as_str(), kind["count"].as_u64()), (Some("ambiguous"), Some(20)));
    assert_eq!(summary["totals"]["requests"], 20);
}

#[test]
fn the_split_does_not_depend_on_threads_or_repetition() {
    let lab = Lab::new();
    let mut file = fs::File::create(lab.path("access.log")).expect("a log");
    for n in 0..9_000 {
        let line = match n / 1_000 % 3 {
            0 => combined(n),
            1 => haproxy(n),
            _ => format!("www.example.com {}", combined(n)),
        };
        writeln!(file, "{line}").expect("written");
    }
    let path = lab.path("access.log");
    let files = |threads: &str| {
        lab.report(&[text(&path), "--threads", threads, "--block-bytes", "4096"]).ok().files()
    };
    let one = files("1");
    assert_eq!(files("2"), one);
    assert_eq!(files("5"), one);
}

fn traefik(n: usize) -> String {
    format!("{} {n} \"web@docker\" \"http://192.0.2.80:80\" {}ms", combined(n), n % 90 + 10)
}

/// Traefik writes quotes as they come: the client asked for `/x" 500 7 "-" "x`.
const FORGED: &str = r#"192.0.2.66 - - [20/Nov/2026:10:00:01 +0000] "GET /x" 500 7 "-" "x HTTP/1.1" 200 100 "-" "curl" 2 "r" "http://s" 10ms"#;

#[test]
fn no_client_makes_a_log_change_its_format() {
    let lab = Lab::new();
    for (honest, hostile) in [(200, 1), (200, 3), (1_000, 3), (5_000, 20)] {
        let lines = (0..honest).map(traefik).chain((0..hostile).map(|_| FORGED.to_owned()));
        let path = lab.log("access.log", log(lines.chain((0..5).map(traefik))));
        for format in [&["--format", "traefik-clf"][..], &[]] {
            let arguments = [&[text(&path), "--max-reject-ratio", "1"], format].concat();
            let run = lab.report(&arguments).ok();
            let totals = &run.summary()["totals"];
            assert_eq!(totals["status_5xx"], 0, "{honest} and {hostile}");
            assert_eq!(totals["latency_n"], honest + 5, "{honest} and {hostile}");
            assert_eq!(rejects(&run), hostile as u64);
        }
    }
}

#[test]
fn a_format_that_knows_all_values_is_preferred_to_one_that_ignores_some() {
    let lab = Lab::new();
    let clf = |n: usize| {
        format!(
            r#"Nov 20 10:00:00 lb haproxy[9]: 192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] "GET /{n} HTTP/1.1" 200 500 "" "" 42660 534 "www" "app" "s1" 0 0 0 10 10 ---- 1 1 0 0 0 0 0 "" "" "#
        )
    };
    let run = lab.report(&[text(&lab.log("haproxy.log", log((0..30).map(clf))))]).ok();
    assert_eq!(shares(&run, 0), [("haproxy-http-clf".into(), 1, 30)]);
    assert_eq!(run.summary()["totals"]["latency_n"], 30);
}

#[test]
fn lines_of_several_formats_in_turn_are_detected() {
    let lab = Lab::new();
    let caddy = |n: usize| {
        format!(
            r#"{{"ts":1795168800.5,"request":{{"remote_ip":"192.0.2.3","method":"GET","host":"a","uri":"/{n}"}},"duration":0.1,"size":3,"status":200}}"#
        )
    };
    let lines = (0..90).map(|n| match n % 3 {
        0 => combined(n),
        1 => haproxy(n),
        _ => caddy(n),
    });
    let run = lab.report(&[text(&lab.log("access.log", log(lines)))]).ok();
    assert_eq!(run.summary()["totals"]["requests"], 90);
    assert_eq!(shares(&run, 0).len(), 3);
}

#[test]
fn a_prefix_of_an_unknown_kind_is_no_site() {
    let lab = Lab::new();
    let lines = (0..30).map(|n| format!("Thu at noon, nginx says: {}", combined(n)));
    let run = lab.report(&[text(&lab.log("access.log", log(lines)))]);
    assert!(run.code == 2 && run.stderr.contains("no known format fits"), "{}", run.stderr);
}

#[test]
fn dates_without_a_year_are_not_in_the_future() {
    let lab = Lab::new();
    // Requests have the year, so that the messages between them are of it, though the file was written just now.
    let down = "Dec 31 23:50:00 lb haproxy[1]: Server b/s is DOWN, reason: Layer4 timeout. 0 active and 0 backup servers left.";
    let request = |date: &str| {
        format!(
            r#"Dec 31 23:59:00 lb haproxy[1]: 192.0.2.1:5 [{date}.000] w b/s 0/0/0/1/1 200 5 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1""#
        )
    };
    let up = "Jan  1 00:10:00 lb haproxy[1]: Server b/s is UP, reason: Layer4 check passed. 1 active and 0 backup servers online.";
    let lines =
        [down.to_owned(), request("31/Dec/2025:23:59:00"), up.to_owned(), request("01/Jan/2026:01:00:00")];
    for input in ["-", "haproxy.log"] {
        lab.log("haproxy.log", log(lines.clone()));
        let path = if input == "-" { "-".to_owned() } else { text(&lab.path(input)).to_owned() };
        let run = lab.run(&[path], log(lines.clone()).as_bytes()).ok();
        let states = crate::lab::rows(&run.file("availability.csv"));
        let down = states.iter().find(|row| row["state"] == "down").expect("it was down");
        // The window begins with the first request.
        assert_eq!((down["from"].as_str(), down["seconds"].as_str()), ("2025-12-31T23:59:00Z", "660"));
    }
}
