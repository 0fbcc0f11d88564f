//! Files, pipes, archives, windows and configuration.

use crate::lab::{Lab, fixture, rows};
use std::fs;
use std::process::Command;

const LINE: &str = r#"192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-""#;

/// A line at hour:minute of 2026-11-20.
fn line(hour: u32, minute: u32) -> String {
    LINE.replace("10:00:00", &format!("{hour:02}:{minute:02}:00")) + "\n"
}

fn lines(hours: std::ops::Range<u32>) -> String {
    hours.flat_map(|hour| (0..60).map(move |minute| line(hour, minute))).collect()
}

fn text(path: &std::path::Path) -> String {
    path.display().to_string()
}

#[test]
fn archives_give_the_report_of_the_plain_log() {
    let lab = Lab::new();
    let plain = fs::read(fixture("nginx/timed.log")).expect("the fixture");
    let format = fs::read_to_string(fixture("nginx/timed.format")).expect("its format");
    let path = lab.log("timed.log", &plain);
    let wanted = lab.report(&[&text(&path), "--format", format.trim()]).ok();
    let (hours, top) = (wanted.file("hourly.csv"), wanted.file("top.csv"));
    for (program, end) in [("gzip", "gz"), ("zstd", "zst"), ("bzip2", "bz2"), ("xz", "xz")] {
        let lab = Lab::new();
        let path = lab.log("timed.log", &plain);
        let done = Command::new(program).args(["-q", &text(&path)]).status();
        assert!(done.is_ok_and(|status| status.success()), "{program} is needed for this test");
        // By content, not by name.
        for name in [format!("timed.log.{end}"), "timed.log.7".to_owned()] {
            let packed = lab.path(&name);
            if !packed.exists() {
                fs::rename(lab.path(&format!("timed.log.{end}")), &packed).expect("renamed");
            }
            let run = lab.report(&[&text(&packed), "--format", format.trim()]).ok();
            assert_eq!(run.file("hourly.csv"), hours, "{program}");
            assert_eq!(run.file("top.csv"), top, "{program}");
        }
    }
}

#[test]
fn several_gzip_members_are_one_log() {
    let lab = Lab::new();
    for (name, hours) in [("a", 8..9), ("b", 9..11)] {
        let path = lab.log(name, lines(hours));
        assert!(Command::new("gzip").arg(text(&path)).status().expect("gzip").success());
    }
    let both = [fs::read(lab.path("a.gz")).expect("a"), fs::read(lab.path("b.gz")).expect("b")].concat();
    let run = lab.report(&[text(&lab.log("access.log.gz", both))]).ok();
    assert_eq!(run.summary()["totals"]["requests"], 180);
}

#[test]
fn standard_input_is_a_log() {
    let lab = Lab::new();
    let run = lab.run(&["-", "--csv"], lines(8..10).as_bytes()).ok();
    let hours = rows(run.stdout.as_bytes());
    assert_eq!(hours.len(), 2);
    assert_eq!((&*hours[0]["source"], &*hours[0]["requests"], &*hours[0]["rps_peak"]), ("stdin", "60", "1"));
}

#[test]
fn a_glob_takes_all_and_names_the_source_after_the_live_log() {
    let lab = Lab::new();
    lab.log("access.log", lines(10..11));
    lab.log("access.log.1", lines(9..10));
    lab.log("access.log-20261119", lines(8..9));
    let run = lab.report(&["access.log*"]).ok();
    let hours: Vec<_> =
        run.hours().into_iter().map(|row| (row["hour"].clone(), row["source"].clone())).collect();
    let wanted =
        ["08", "09", "10"].map(|hour| (format!("2026-11-20T{hour}:00:00Z"), "access.log".to_owned()));
    assert_eq!(hours, wanted);
}

#[test]
fn a_window_counts_what_ended_inside_it() {
    let lab = Lab::new();
    let log = text(&lab.log("access.log", lines(0..24)));
    let run = lab.report(&[&log, "--since", "2026-11-20T10:30:00Z", "--until", "2026-11-20 12:15"]).ok();
    let hours: Vec<_> = run
        .hours()
        .into_iter()
        .map(|row| (row["requests"].clone(), row["covered_s"].clone(), row["rps_mean"].clone()))
        .collect();
    let row =
        |requests: &str, covered: &str, rps: &str| (requests.to_owned(), covered.to_owned(), rps.to_owned());
    assert_eq!(
        hours,
        [row("30", "1800", "0.016667"), row("60", "3600", "0.016667"), row("15", "900", "0.016667")]
    );
    let lines = &run.summary()["accounting"];
    assert_eq!((lines["records"].as_u64(), lines["outside_window"].as_u64()), (Some(1440), Some(1335)));
}

#[test]
fn since_counts_back_from_now_and_from_the_newest_line() {
    let lab = Lab::new();
    let log = text(&lab.log("access.log", lines(0..12)));
    // It is midnight after that day.
    let run = lab.report(&[&log, "--since", "13h"]).ok();
    assert_eq!(run.summary()["totals"]["requests"], 60);
    let run = lab.report(&[&log, "--since", "2h", "--until", "newest"]).ok();
    assert_eq!(run.summary()["totals"]["requests"], 120);
}

#[test]
fn an_empty_window_says_where_the_lines_are() {
    let lab = Lab::new();
    let log =
        text(&lab.log("access.log", LINE.replace("20/Nov", "18/Nov").replace("10:00:00", "09:12:07") + "\n"));
    let run = lab.report(&[&log, "--since", "24h"]).ok();
    assert!(run.stderr.contains("newest line 2026-11-18 09:12"), "{}", run.stderr);
    assert!(run.stderr.contains("try --since 24h --until newest"), "{}", run.stderr);
    let run = lab.report(&[&log, "--since", "24h", "--until", "newest"]).ok();
    assert_eq!(run.summary()["totals"]["requests"], 1);
}

#[test]
fn files_that_cannot_overlap_the_window_are_not_read() {
    let lab = Lab::new();
    lab.log("access.log", lines(20..24));
    lab.log("access.log.1", lines(10..20));
    let old = lab.log("access.log.2", lines(0..10));
    assert!(Command::new("gzip").arg(text(&old)).status().expect("gzip").success());
    let run = lab.report(&["access.log*", "--since", "3h"]).ok();
    let summary = run.summary();
    let files = summary["sources"][0]["files"].as_array().expect("files");
    let skipped: Vec<bool> = files.iter().map(|file| file["skipped"].is_string()).collect();
    assert_eq!(skipped, [true, true, false]);
    assert_eq!(
        (summary["totals"]["requests"].as_u64(), summary["accounting"]["lines"].as_u64()),
        (Some(180), Some(240))
    );
    assert!(run.stdout.contains("2 of 3 files"), "{}", run.stdout);
}

#[test]
fn a_line_in_the_future_is_set_aside() {
    let lab = Lab::new();
    let future = LINE.replace("20/Nov/2026", "20/Nov/2031");
    let run = lab.report(&[text(&lab.log("access.log", format!("{}{future}\n", line(9, 0))))]).ok();
    let lines = &run.summary()["accounting"];
    assert_eq!((lines["records"].as_u64(), lines["future"].as_u64()), (Some(2), Some(1)));
    assert_eq!(run.summary()["totals"]["requests"], 1);
}

#[test]
fn sources_of_the_configuration_are_read_without_paths() {
    let lab = Lab::new();
    lab.log("edge.log", lines(10..14));
    lab.log("web.log", lines(10..14));
    lab.log("logstat.toml", "[[source]]\nname = \"front\"\npaths = [\"edge.log*\"]\ntier = \"edge\"\n[[source]]\npaths = [\"web.log\"]\ntier = \"web\"\n[report]\ntop = 3\n");
    let run = lab.report::<&str>(&[]).ok();
    // Both tiers have rows, but each request counts once.
    assert_eq!((run.summary()["totals"]["requests"].as_u64(), run.hours().len()), (Some(240), 8));
    let names: Vec<_> = run.hours().iter().take(2).map(|row| row["source"].clone()).collect();
    assert_eq!(names, ["front", "web.log"]);
}

#[test]
fn without_paths_and_configuration_it_says_what_to_name() {
    let run = Lab::new().report::<&str>(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("hint: name them, such as '/var/log/nginx/access.log*'"), "{}", run.stderr);
}

#[test]
fn a_date_without_an_offset_is_of_the_zone_of_the_log() {
    let lab = Lab::new();
    let log = text(&lab.log("haproxy.log", "192.0.2.1:80 [20/Nov/2026:10:00:00.000] fe bk/s1 0/0/0/1/1 200 5 - - ---- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"\n"));
    let out = lab.path("berlin").display().to_string();
    let mut command = lab.command();
    command.args(["report", &log, "--log-tz", "Europe/Berlin", "--csv", "--out", &out]);
    let output = command.output().expect("logstat runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("2026-11-20T09:00:00Z"), "{output:?}");
}

#[test]
fn values_between_separators_are_read_where_only_the_format_wrote_them() {
    let lab = Lab::new();
    let plain = "1795170000.354|GET|/a|200|0.012\n";
    let forged = "1795170000.354|GET|/a|500|9.999|200|0.012\n";
    let log = text(&lab.log("piped.log", plain.repeat(9) + forged));
    let format = "$msec|$request_method|$request_uri|$status|$request_time";
    let run = lab.report(&[&log, "--format", format, "--max-reject-ratio", "1"]).ok();
    let summary = run.summary();
    assert_eq!(
        (summary["totals"]["status_2xx"].as_u64(), summary["totals"]["status_5xx"].as_u64()),
        (Some(9), Some(0))
    );
    assert_eq!(summary["accounting"]["reject_kinds"][0]["kind"], "ambiguous");
}

#[test]
fn quoted_values_are_read_without_escaping() {
    let lab = Lab::new();
    let log = text(&lab.log("raw.log", LINE.to_owned() + " \"-\"\n"));
    let format = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\" \"$http_x_forwarded_for\"";
    let run = lab.report(&[&log, "--escape", "none", "--format", format]).ok();
    assert_eq!(run.summary()["accounting"]["records"], 1);
}

#[test]
fn a_log_of_several_haproxy_formats_is_read_whole() {
    let lab = Lab::new();
    let formats = ["haproxy/http.log", "haproxy/https.log", "haproxy/tcp.log"];
    let mut all = Vec::new();
    let mut requests = 0;
    for name in formats {
        let bytes = fs::read(fixture(name)).expect("the fixture");
        let log = text(&lab.log("one.log", &bytes));
        requests += lab.report(&[&log]).summary()["totals"]["requests"].as_u64().expect("a count");
        all.extend(bytes);
    }
    let run = lab.report(&[text(&lab.log("haproxy.log", all))]);
    assert_eq!(run.summary()["totals"]["requests"].as_u64(), Some(requests), "{}", run.stderr);
}

#[test]
fn a_pipe_among_the_files_of_a_glob_is_not_waited_for() {
    let lab = Lab::new();
    lab.log("a.log", lines(8..9));
    assert!(Command::new("mkfifo").arg(text(&lab.path("b.log"))).status().expect("mkfifo").success());
    assert_eq!(lab.report(&["*.log"]).ok().summary()["totals"]["requests"], 60);
}

#[test]
fn two_sources_of_one_name_are_refused() {
    let lab = Lab::new();
    lab.log("a.log", lines(8..9));
    lab.log("b.log", lines(8..9));
    lab.log(
        "logstat.toml",
        "[[source]]\nname = \"x\"\npaths = [\"a.log\"]\n[[source]]\nname = \"x\"\npaths = [\"b.log\"]\n",
    );
    let run = lab.report::<&str>(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("two sources are called `x`\nhint: "), "{}", run.stderr);
}

#[test]
fn a_log_of_more_hours_than_a_table_has_series_is_counted_right() {
    let lab = Lab::new();
    let hours = 40_000;
    let log: String = (0..hours).map(|hour| format!("{}.000 200\n", 1_000_000_800 + hour * 3600)).collect();
    let log = text(&lab.log("sparse.log", log));
    let run = lab.report(&[&log, "--format", "$msec $status", "--no-out", "--csv"]).ok();
    let rows = rows(run.stdout.as_bytes());
    assert_eq!(rows.len(), hours);
    let once =
        |row: &crate::lab::Row| row["requests"] == "1" && row["status_2xx"] == "1" && row["rps_peak"] == "1";
    assert_eq!(rows.iter().find(|row| !once(row)), None);
}

#[test]
fn a_pattern_without_a_match_beside_one_with_is_no_error() {
    let lab = Lab::new();
    lab.log("access.log", lines(10..11));
    let config = |paths: &str| lab.log("logstat.toml", format!("[[source]]\npaths = [{paths}]\n"));
    config(r#""access.log", "access.log.[0-9]*", "access.log-[0-9]*""#);
    let run = lab.report(&["--since", "oldest"]).ok();
    assert_eq!((run.summary()["totals"]["requests"].as_u64(), run.stderr.as_str()), (Some(60), ""));
    config(r#""none.log.[0-9]*""#);
    let run = lab.report(&["--since", "oldest", "--state", "another"]);
    assert!(run.code > 0 && run.stderr.contains("matches no file"), "{}", run.stderr);
}

#[test]
fn one_file_in_two_sources_is_read_once() {
    let lab = Lab::new();
    lab.log("access.log", lines(10..11));
    let text = "[[source]]\nname = \"a\"\npaths = [\"access.log\"]\n[[source]]\nname = \"b\"\npaths = \"./access.log*\"\n";
    lab.log("logstat.toml", text);
    let run = lab.report(&["--since", "oldest"]).ok();
    assert_eq!(run.summary()["totals"]["requests"], 60);
    assert!(run.stdout.contains("not read for b, since a reads it"), "{}", run.stdout);
}

#[test]
fn what_is_wrong_with_a_source_names_it() {
    let lab = Lab::new();
    lab.log("access.log", lines(10..11));
    for (config, message) in [
        ("name = \"b\"\npaths = []", "source b: `paths` is empty\nhint: paths = ["),
        (
            "name = \"b\"\npaths = \"access.log\"\nformat = \"combind\"",
            "source b: format: byte 0: no such format `combind`",
        ),
        (
            "name = \"b\"\npaths = \"access.log\"\ntimezone = \"Mars\"",
            "source b: timezone: no such time zone `Mars`",
        ),
        (
            "paths = \"access.log\"\n[report]\nmax_reject_ratio = 5",
            "logstat.toml:4:20: a share is a number from 0 to 1",
        ),
        ("paths = \"access.log\"\n[report]\ntop = -1", "hint: a whole number"),
    ] {
        lab.log("logstat.toml", format!("[[source]]\n{config}\n"));
        let run = lab.report(&["--since", "oldest"]);
        assert!(run.code == 2 && run.stderr.contains(message), "{config}: {}", run.stderr);
    }
    lab.log("logstat.toml", "[source]\npaths = \"access.log\"\n");
    let run = lab.report(&["--since", "oldest"]);
    assert!(run.stderr.contains("hint: it is [[source]], in two brackets"), "{}", run.stderr);
}

#[test]
fn a_file_of_dockers_own_is_told_from_other_json() {
    let line = r#"{"log":"192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n","stream":"stdout","time":"2026-11-20T10:00:00Z"}"#;
    let lab = Lab::new();
    let run = lab.report(&[text(&lab.log("c-json.log", format!("{line}\n")))]);
    assert!(
        run.code == 2 && run.stderr.contains("hint: this is a file of docker's own: docker logs"),
        "{}",
        run.stderr
    );
}
