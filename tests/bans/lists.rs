//! Lists that a state publishes: whole again after damage, without those who are not banned any more, and not at all while
//! nobody knows whom to spare.

use super::host::{Host, instant, line, secrets};
use crate::exactly_once::strace::{Fault, points};
use std::fmt::Write as _;
use std::fs;

const OUTPUT: &str = "[[ban.output]]\nformat = \"plain\"\npath = \"bans.txt\"\n";

fn host(ban: &str) -> Host {
    let mut host = Host::new(&format!("[ban]\nrules = [\"sensitive-files\"]\n{ban}{OUTPUT}"));
    host.at(&instant(120));
    host
}

/// The same host with other settings.
fn set(host: &Host, old: &str, new: &str) {
    let toml = host.read("logstat.toml");
    assert!(toml.contains(old), "{toml}");
    host.write("logstat.toml", toml.replace(old, new));
}

#[test]
fn a_list_that_was_damaged_is_whole_again() {
    let host = host("");
    host.append("access.log", (secrets(57, "203.0.113.7") + &secrets(57, "203.0.113.8")).as_bytes());
    host.run(&["ingest"]).with(0);
    let whole = host.read("bans.txt");
    assert_eq!(whole, "203.0.113.7\n203.0.113.8\n");
    for damage in ["", "203.0.113.7\n203.0.1", "203.0.113.7\n", "mine\n"] {
        host.write("bans.txt", damage);
        host.run(&["ingest"]).with(0);
        assert_eq!(host.read("bans.txt"), whole, "{damage:?}");
    }
    fs::remove_file(host.path("bans.txt")).expect("removed");
    host.run(&["ingest"]).with(0);
    assert_eq!(host.read("bans.txt"), whole);
}

#[test]
fn who_is_not_banned_any_more_leaves_a_list_that_may_not_grow() {
    let host = host("");
    host.append("access.log", (secrets(57, "203.0.113.7") + &secrets(57, "203.0.113.8")).as_bytes());
    host.run(&["ingest"]).with(0);
    let flood: String =
        (0..1200).map(|n| secrets(58, &format!("198.51.{}.{}", 100 + n / 250, n % 250))).collect();
    host.append("access.log", flood.as_bytes());
    host.run(&["ingest"]).with(1).says("grow from 2 entries to 1202");
    assert_eq!(host.read("bans.txt"), "203.0.113.7\n203.0.113.8\n");
    set(&host, "[ban]\n", "[ban]\nignoreip = [\"203.0.113.7\"]\n");
    host.run(&["ingest"]).with(1).says("grow from");
    assert_eq!(host.read("bans.txt"), "203.0.113.8\n");
    host.run(&["ban", "remove", "203.0.113.8"]).with(1).says("1 ban forgotten");
    assert_eq!(host.read("bans.txt"), "");
}

#[test]
fn bans_end_in_a_list_although_the_log_is_silent() {
    let mut host = host("");
    host.append("access.log", secrets(57, "203.0.113.7").as_bytes());
    host.run(&["ingest"]).with(0);
    assert_eq!(host.read("bans.txt"), "203.0.113.7\n");
    host.at(&instant(2 * 86_400));
    host.run(&["ingest"]).with(0);
    assert_eq!(host.read("bans.txt"), "");
}

#[test]
fn while_nobody_knows_whom_to_spare_hits_wait() {
    let host = host("ignoreip = [\"file:spared.txt\"]\n");
    host.append("access.log", (secrets(57, "203.0.113.7") + &secrets(57, "203.0.113.8")).as_bytes());
    host.run(&["ingest"]).with(1).says("spared.txt: cannot be read");
    assert!(!host.path("bans.txt").exists());
    let kept = host.run(&["report", "--no-out", "--no-ingest", "--since", "oldest", "--json"]).json();
    assert_eq!(kept["totals"]["requests"], 8, "the figures do not wait");
    host.run(&["ban", "list"]).with(2).says("spared.txt");
    host.write("spared.txt", "203.0.113.7 # ours\n");
    host.run(&["ingest"]).with(0);
    assert_eq!(host.read("bans.txt"), "203.0.113.8\n");
}

#[test]
fn a_client_that_goes_through_its_network_is_one_entry() {
    let mut host = Host::new(
        "[ban]\nrules = [\"sensitive-files\", \"ipv6-48\"]\n[[ban.rule]]\nname = \"sensitive-files\"\nbantime = \"7d\"\n",
    );
    host.at(&instant(600));
    let mut log = secrets(57, "203.0.113.7");
    for n in 0..100_u32 {
        let _ = write!(
            log,
            "{}",
            secrets(58, &format!("2001:db8:0:{:x}::1", n.wrapping_mul(2_654_435_761) >> 16))
        );
    }
    host.write("access.log", log + &line(500, "203.0.113.9", "GET / HTTP/1.1", 200));
    let list = host.run(&["ban", "emit", "access.log", "--format", "plain"]).with(0).stdout;
    assert_eq!(list, "203.0.113.7\n2001:db8::/48\n");
}

/// Two logs whose hits of one client alternate: neither has enough of them.
fn two_logs(host: &Host) {
    let toml = host.read("logstat.toml");
    host.write(
        "logstat.toml",
        format!("{toml}\n[[source]]\nname = \"api\"\npaths = [\"api.log\"]\nformat = \"combined\"\n"),
    );
    let mut logs = [String::new(), String::new()];
    for n in 0..300_u32 {
        let (client, at_s) = (format!("198.51.100.{}", n % 60), i64::from(n / 60) * 3);
        for (log, even) in logs.iter_mut().zip([0, 1]) {
            if n / 60 % 2 == even {
                log.push_str(&line(at_s, &client, &format!("GET /{n}/.env HTTP/1.1"), 404));
            }
            log.push_str(&line(at_s, "203.0.113.200", "GET / HTTP/1.1", 200));
        }
    }
    host.append("access.log", logs[0].as_bytes());
    host.append("api.log", logs[1].as_bytes());
}

#[test]
fn a_run_that_is_killed_loses_and_doubles_no_hit() {
    let small = ["ingest", "--threads", "1", "--block-bytes", "4096", "--batch-bytes", "8192"];
    let fresh = || {
        let host = host("");
        two_logs(&host);
        host
    };
    let undisturbed = fresh();
    undisturbed.run(&small).with(0);
    let wanted = undisturbed.bans(&[]);
    assert_eq!(wanted.len(), 60, "hits of both logs count together");
    let spare = fresh();
    let calls = ["pwrite64", "write", "fdatasync", "fsync", "rename", "renameat2"];
    let points = points(&spare.command(&small), &calls, "access.log", 24);
    let mut killed = 0;
    for point in points {
        let host = fresh();
        killed += usize::from(Fault::Kill.strike(point, &host.command(&small)).ended.is_none());
        host.run(&small).with(0);
        assert_eq!(host.bans(&[]), wanted);
        assert_eq!(host.read("bans.txt"), undisturbed.read("bans.txt"));
    }
    assert!(killed > 8, "{killed} killed");
}
