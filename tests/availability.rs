//! How servers stood, by the messages of their proxy: against what `expect.py` found, and what a reader sees of it.

use crate::lab::{Expectation, Lab, Run, fixture, rows};
use std::fs;
use std::path::Path;

const SERVERS: &str = "haproxy/servers.log";

/// Rows of the table as backend, server, state, from, to, seconds, reason.
fn stretches(run: &Run) -> Vec<[String; 7]> {
    let columns = ["backend", "server", "state", "from", "to", "seconds", "reason"];
    rows(&run.file("availability.csv")).iter().map(|row| columns.map(|column| row[column].clone())).collect()
}

fn rfc3339(second: i64) -> String {
    jiff::Timestamp::from_second(second).expect("in range").to_string()
}

#[test]
fn every_stretch_is_as_expected() {
    let mut found = 0;
    for expectation in Expectation::all() {
        let run = Lab::new().report(&expectation.arguments());
        let expected = expectation.facts["availability"].as_array().cloned().unwrap_or_default();
        let wanted: Vec<[String; 7]> = expected
            .iter()
            .map(|row| {
                let text = |at: usize| row[at].as_str().unwrap_or_default().to_owned();
                let (from, to) = (row[3].as_i64().expect("a second"), row[4].as_i64().expect("a second"));
                [text(0), text(1), text(2), rfc3339(from), rfc3339(to), (to - from).to_string(), text(5)]
            })
            .collect();
        assert_eq!(stretches(&run), wanted, "{}", expectation.path.display());
        found += wanted.len();
    }
    assert!(found > 60, "only {found} stretches");
}

#[test]
fn figures_are_those_of_the_stretches() {
    let run = Lab::new().report(&[fixture(SERVERS)]).ok();
    let stretches = stretches(&run);
    let summary = run.summary();
    let servers = summary["availability"].as_array().expect("servers");
    assert_eq!(servers.len(), 9);
    for row in servers {
        let name = [row["backend"].as_str().unwrap_or_default(), row["server"].as_str().unwrap_or_default()];
        let seconds = |states: &[&str]| -> u64 {
            let own = stretches
                .iter()
                .filter(|stretch| stretch[..2] == name && states.contains(&stretch[2].as_str()));
            own.map(|stretch| stretch[5].parse::<u64>().expect("seconds")).sum()
        };
        assert_eq!(row["up_s"], seconds(&["up"]), "{name:?}");
        assert_eq!(row["down_s"], seconds(&["down"]), "{name:?}");
        assert_eq!(row["maintenance_s"], seconds(&["maintenance"]), "{name:?}");
        assert_eq!(row["drain_s"], seconds(&["drain", "stopping"]), "{name:?}");
        assert_eq!(row["known_s"], seconds(&["up", "down", "maintenance", "drain", "stopping"]), "{name:?}");
        let downs = stretches.iter().filter(|stretch| stretch[..2] == name && stretch[2] == "down").count();
        assert_eq!(row["downs"], downs, "{name:?}");
    }
    let shop1 = &servers[7];
    assert_eq!((shop1["server"].as_str(), shop1["longest_down_s"].as_u64()), (Some("shop1"), Some(1200)));
}

#[test]
fn what_was_said_before_the_window_stands_in_it() {
    let log = fixture(SERVERS);
    let run = Lab::new()
        .report(&[log.as_str(), "--since", "2026-11-20T11:01:00Z", "--until", "2026-11-20T11:10:00Z"])
        .ok();
    let of_shop: Vec<_> = stretches(&run)
        .into_iter()
        .filter(|row| row[0] == "shop")
        .map(|row| [row[1].clone(), row[2].clone(), row[5].clone()].join(" "))
        .collect();
    assert_eq!(of_shop, [" down 120", " up 420", "shop1 down 540", "spare down 120", "spare up 420"]);
}

#[test]
fn the_size_of_blocks_does_not_show() {
    let log = fixture(SERVERS);
    let table = |block: &str| {
        let run = Lab::new().report(&[log.as_str(), "--block-bytes", block, "--threads", "3"]);
        run.ok().file("availability.csv")
    };
    assert_eq!(table("150"), table("1048576"));
}

#[test]
fn a_log_of_messages_alone_has_a_report() {
    let all = fs::read_to_string(fixture(SERVERS)).expect("a log");
    let said: String =
        all.lines().filter(|line| !line.contains(" www ")).flat_map(|line| [line, "\n"]).collect();
    let lab = Lab::new();
    let log = lab.log("events.log", said).display().to_string();
    let run = lab.report(&[&log, "--format", "haproxy-http"]).ok();
    assert!(run.stdout.contains("app/app1"), "{}", run.stdout);
    let page = String::from_utf8(run.file("report.html")).expect("UTF-8");
    assert!(page.contains("id=\"chart-availability\"") && !page.contains("id=\"chart-requests\""));
    assert_eq!(run.summary()["window"]["since"], "2026-11-20T08:50:00Z");
}

#[test]
fn it_is_on_every_output() {
    let run = Lab::new().report(&[fixture(SERVERS).as_str(), "--png"]).ok();
    assert!(run.stdout.contains("\nAvailability"), "{}", run.stdout);
    assert!(run.stdout.contains("Failures  "), "{}", run.stdout);
    let page = String::from_utf8(run.file("report.html")).expect("UTF-8");
    for text in ["<section id=\"availability\">", "shop (backend)", "Failed requests", "<dt>Failed</dt>"] {
        assert!(page.contains(text), "{text}");
    }
    for name in ["availability.svg", "availability-dark.svg", "availability.png", "availability-dark.png"] {
        assert!(run.out(name).exists(), "{name}");
    }
}

#[test]
fn nothing_of_it_where_no_proxy_spoke() {
    let run = Lab::new().report(&[fixture("nginx/timed.log")]);
    assert!(!run.stdout.contains("Availability"));
    assert!(!Path::new(&run.out("availability.svg")).exists());
    assert_eq!(run.summary().get("availability"), None);
    assert!(!String::from_utf8(run.file("report.html")).expect("UTF-8").contains("id=\"availability\""));
    // As top.csv, so that whoever reads it finds a table.
    assert_eq!(run.file("availability.csv"), b"source,backend,server,state,from,to,seconds,reason\n");
}
