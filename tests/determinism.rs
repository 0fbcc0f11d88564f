//! Same logs, same configuration: the same bytes, whatever the threads, the size of reads and the way in.

use crate::lab::{Lab, fixture};
use std::collections::BTreeMap;

fn files(arguments: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let run = Lab::new().report(arguments);
    assert!(run.code <= 1, "{}", run.stderr);
    run.files()
}

#[test]
fn threads_and_blocks_do_not_show() {
    let log = fixture("haproxy/http.log");
    let timed = fixture("nginx/timed.log");
    let wanted = files(&[&log, &timed, "--by", "backend,server", "--png", "--threads", "1"]);
    assert!(wanted.len() > 16, "{:?}", wanted.keys());
    for (threads, block) in [("2", "2097152"), ("7", "2097152"), ("3", "1000"), ("2", "65536"), ("1", "313")]
    {
        let got = files(&[
            &log,
            &timed,
            "--by",
            "backend,server",
            "--png",
            "--threads",
            threads,
            "--block-bytes",
            block,
        ]);
        for (name, bytes) in &wanted {
            assert!(
                got.get(name) == Some(bytes),
                "{name} differs with {threads} threads and blocks of {block} bytes"
            );
        }
    }
}

#[test]
fn threads_do_not_show_when_lists_overflow() {
    let lab = Lab::new();
    let mut log = String::new();
    for n in 0..150_000u32 {
        // Far more paths than a list holds, a few of which come often.
        let path = if n % 3 == 0 { n % 100 } else { n };
        let (hour, client) = (n / 50_000, n % 60_000);
        log += &format!(
            "192.0.{}.{} - - [20/Nov/2026:{hour:02}:00:00 +0000] \"GET /{path} HTTP/1.1\" 200 5 \"-\" \"-\"\n",
            client / 250 % 250,
            client % 250
        );
    }
    let path = lab.log("access.log", log).display().to_string();
    let top = |threads: &str| {
        lab.report(&[&path, "--threads", threads, "--block-bytes", "300000"]).ok().file("top.csv")
    };
    let wanted = top("1");
    assert!(
        String::from_utf8_lossy(&wanted).lines().any(|row| row.starts_with("paths,") && !row.contains(",0,")),
        "no list overflowed"
    );
    for threads in ["2", "5"] {
        assert!(top(threads) == wanted, "{threads} threads");
    }
}

#[test]
fn the_order_of_the_arguments_does_not_show() {
    let lab = Lab::new();
    for (name, hour) in [("access.log", 12), ("access.log.1", 11), ("access.log.2", 10)] {
        lab.log(
            name,
            format!(
                "192.0.2.1 - - [20/Nov/2026:{hour}:00:00 +0000] \"GET /{hour} HTTP/1.1\" 200 5 \"-\" \"-\"\n"
            )
            .repeat(hour),
        );
    }
    let one = lab.report(&["access.log", "access.log.1", "access.log.2"]).ok().files();
    let other = lab.report(&["access.log.1", "access.log.2", "access.log"]).ok().files();
    assert!(one == other);
}
