//! Bytes in a log belong to an attacker, and disks fill up.

use crate::lab::{Lab, feed, fixture};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

const LINE: &str = "192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"-\"\n";

fn text(path: &std::path::Path) -> String {
    path.display().to_string()
}

#[test]
fn rejects_have_their_place_and_decide_the_exit_code() {
    let lab = Lab::new();
    let log = text(&lab.log("access.log", LINE.repeat(9) + "nonsense\n" + &LINE.replace("200 5", "2x0 5")));
    let run = lab.report(&[&log]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("rejected 2 of 11 lines"), "{}", run.stderr);
    let summary = run.summary();
    let kinds = summary["accounting"]["reject_kinds"].as_array().expect("kinds");
    let status = kinds.iter().find(|kind| kind["kind"] == "status").expect("a status that is none");
    assert_eq!(
        (status["first"][0]["line"].as_u64(), status["first"][0]["byte"].as_u64()),
        (Some(11), Some(61))
    );
    let run = lab.report(&[&log, "--max-reject-ratio", "0.2"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn an_unknown_format_is_named_with_its_first_line() {
    let lab = Lab::new();
    let log = text(&lab.log("app.log", "\x1b[31mWARN\x1b[0m started\nINFO ready\n"));
    let run = lab.report(&[&log]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("app.log:1:1: no known format fits\nhint: "), "{}", run.stderr);
    assert!(!run.stderr.contains('\x1b'), "{}", run.stderr);
}

#[test]
fn a_log_of_another_kind_beside_good_ones_does_not_hide_them() {
    let lab = Lab::new();
    lab.log("access.log", LINE);
    lab.log("error.log", "2026/11/20 10:00:00 [error] 1#1: *1 open() failed\n");
    let run = lab.report(&["*.log"]);
    assert_eq!(run.code, 1);
    assert_eq!(run.summary()["totals"]["requests"], 1);
    assert!(run.stderr.contains("error.log:1:1: no known format fits"), "{}", run.stderr);
}

#[test]
fn a_format_that_does_not_compile_points_into_it() {
    let lab = Lab::new();
    let log = text(&lab.log("access.log", LINE));
    let run = lab.report(&[&log, "--format", "$remote_addr$status"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("byte 0: nothing separates"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
}

#[test]
fn a_whole_directive_is_no_format() {
    let lab = Lab::new();
    let log = text(&lab.log("access.log", LINE));
    let run =
        lab.report(&[log.as_str(), "--format", "log_format main '$remote_addr [$time_local] $status';"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("whole directive") && run.stderr.contains("hint: give only the format"),
        "{}",
        run.stderr
    );
}

#[test]
fn an_over_long_first_line_does_not_hide_the_format() {
    let lab = Lab::new();
    let long = LINE.replace("GET /", &format!("GET /{}", "x".repeat(70_000)));
    let run = lab.report(&[text(&lab.log("access.log", long + &LINE.repeat(40)))]).ok();
    let accounting = &run.summary()["accounting"];
    assert_eq!((accounting["records"].as_u64(), accounting["rejects"].as_u64()), (Some(40), Some(1)));
}

#[test]
fn an_empty_file_a_folder_and_a_missing_one_are_told_apart() {
    let lab = Lab::new();
    let empty = text(&lab.log("access.log", ""));
    let run = lab.report(&[&empty]).ok();
    assert!(run.stderr.contains("access.log: is empty"), "{}", run.stderr);
    assert_eq!(run.summary()["accounting"]["lines"], 0);
    fs::create_dir(lab.path("folder")).expect("a folder");
    let run = lab.report(&["folder"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("folder: is a directory\nhint: "), "{}", run.stderr);
    let run = lab.report(&["gone.log"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("gone.log: No such file") && run.stderr.contains("hint: "), "{}", run.stderr);
    let run = lab.report(&[empty.as_str(), "gone.log"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
}

#[test]
fn a_broken_archive_is_counted_up_to_the_break() {
    let lab = Lab::new();
    let log = lab.log(
        "access.log",
        (0..40_000).map(|n| LINE.replace("GET /", &format!("GET /{}", n * 7919))).collect::<String>(),
    );
    assert!(Command::new("gzip").arg(text(&log)).status().expect("gzip").success());
    let whole = fs::read(lab.path("access.log.gz")).expect("the archive");
    let cut = text(&lab.log("cut.log.gz", &whole[..whole.len() / 2]));
    let run = lab.report(&[&cut]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains(&format!("byte {}: gzip data ends in the middle", whole.len() / 2)),
        "{}",
        run.stderr
    );
    let requests = run.summary()["totals"]["requests"].as_u64().expect("a count");
    assert!((15_000..25_000).contains(&requests), "{requests} requests before the break");
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xFF);
    let run = lab.report(&[text(&lab.log("damaged.log.gz", damaged))]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.summary()["totals"]["requests"].as_u64() > Some(5_000));
}

#[test]
fn a_gigabyte_without_a_newline_takes_constant_memory() {
    let lab = Lab::new();
    let mut command = Command::new("sh");
    // 1.5 GB of address space is far less than the line and its copies would need.
    let script = format!(
        "ulimit -v 1500000; exec {} report - --no-out --json --now 2026-11-21T00:00:00Z",
        env!("CARGO_BIN_EXE_logstat")
    );
    command
        .args(["-c", &script])
        .current_dir(lab.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("sh starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || {
        let chunk = vec![b'x'; 1 << 20];
        pipe.write_all(LINE.repeat(3).as_bytes())?;
        (0..1024).try_for_each(|_| pipe.write_all(&chunk))?;
        pipe.write_all(format!("\n{LINE}").as_bytes())
    });
    let output = child.wait_with_output().expect("logstat ends");
    writer.join().expect("the writer ends").expect("everything was read");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a summary");
    let lines = &summary["accounting"];
    assert_eq!(
        (lines["lines"].as_u64(), lines["records"].as_u64(), lines["rejects"].as_u64()),
        (Some(5), Some(4), Some(1))
    );
    assert_eq!(lines["reject_kinds"][0]["kind"], "too_long");
}

#[test]
fn hostile_bytes_reach_neither_terminal_nor_spreadsheet_nor_page() {
    let lab = Lab::new();
    let run = lab.report(&[&fixture("nginx/hostile.log"), "--format", "combined", "--color", "never"]);
    assert!(run.code <= 1, "{}", run.stderr);
    let control = |text: &str| text.chars().find(|char| char.is_control() && *char != '\n');
    assert_eq!(control(&run.stdout), None);
    assert_eq!(control(&run.stderr), None);
    for row in run.top() {
        assert!(!row["value"].starts_with(['=', '+', '@', '\t', '\r']), "{row:?}");
    }
    let page = String::from_utf8(run.file("report.html")).expect("UTF-8");
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "the page holds what a client sent");
}

#[test]
fn any_bytes_end_well() {
    let lab = Lab::new();
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut noise = |length: usize| -> Vec<u8> {
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect()
    };
    for format in ["combined", "haproxy-http", "haproxy-tcp", "common", "vhost-combined"] {
        let mut bytes = noise(200_000);
        bytes.extend_from_slice(LINE.as_bytes());
        let run =
            lab.report(&[text(&lab.log("noise.log", &bytes)), "--format".to_owned(), format.to_owned()]);
        assert!(matches!(run.code, 0 | 1), "{format}: {}", run.stderr);
        let lines = &run.summary()["accounting"];
        let sum =
            ["records", "events", "rejects", "blank"].iter().filter_map(|kind| lines[kind].as_u64()).sum();
        assert_eq!(lines["lines"].as_u64(), Some(sum), "{format}");
    }
}

#[test]
fn a_full_disk_leaves_the_old_report_whole() {
    let lab = Lab::new();
    let log = text(&lab.log("access.log", LINE.repeat(50)));
    let before = lab.report(&[&log]).ok().files();
    let more = text(&lab.log("access.log", LINE.repeat(70)));
    let out = lab.path("out").display().to_string();
    // No file may grow beyond 8 KiB: the charts do.
    let script = format!(
        "trap '' XFSZ; ulimit -f 16; exec {} report {more} --out {out} --now 2026-11-21T00:00:00Z --tz UTC",
        env!("CARGO_BIN_EXE_logstat")
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    let output = feed(command, b"");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("70 requests"),
        "the report is printed all the same"
    );
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("the report was not written"), "{stderr}");
    let run = lab.report(&["--no-out", "access.log"]);
    assert_eq!(run.code, 0);
    for (name, bytes) in &before {
        assert_eq!(&fs::read(lab.path("out").join(name)).expect("an old file"), bytes, "{name}");
    }
    assert_eq!(
        fs::read_dir(lab.path("out")).expect("the folder").count(),
        before.len(),
        "something was left behind"
    );
}
