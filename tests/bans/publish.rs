//! Lists on disk: whole or not at all, the one before stays when the new one looks wrong, and the program that is told.

use super::host::{Ended, Host, instant, line, secrets};
use crate::exactly_once::strace::{Fault, points};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const PLAIN: [&str; 7] = ["ban", "emit", "access.log", "--format", "plain", "--out", "bans.txt"];
const FORMATS: [&str; 10] = [
    "nftables",
    "ipset",
    "plain",
    "nginx-geo",
    "nginx-deny",
    "haproxy-acl",
    "haproxy-map",
    "fail2ban",
    "crowdsec",
    "jsonl",
];

/// Bans of so many addresses, which begin a minute after midnight.
fn attack(count: usize) -> String {
    (0..count).map(|number| secrets(57, &format!("198.51.{}.{}", 100 + number / 250, number % 250))).collect()
}

/// An output with a program to be told, which writes down its arguments.
fn told(host: &Host, more: &str) -> String {
    let script = "#!/bin/sh\nfor word in \"$@\"; do printf '%s\\n' \"$word\"; done >>told\n";
    let path = host.write("tell", script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    let words = ["$(touch pwned)", "; rm -rf /", "a b", "*", "--flag=\\\"x\\\"", ""];
    format!(
        "[[ban.output]]\nformat = \"plain\"\npath = \"bans.txt\"\n\
         on_change = [\"{}\", \"{}\"]\n{more}",
        path.display(),
        words.join("\", \"")
    )
}

/// A host whose state publishes a plain list.
fn publishing(more: &str) -> Host {
    let mut host = Host::new("");
    let output = told(&host, more);
    let toml = host.read("logstat.toml") + "[ban]\nrules = [\"sensitive-files\"]\n" + &output;
    host.write("logstat.toml", toml);
    host.at(&instant(120));
    host
}

#[test]
fn the_program_gets_exactly_its_arguments_and_only_when_something_changed() {
    let host = publishing("");
    host.append("access.log", attack(3).as_bytes());
    host.run(&["ingest"]).with(0);
    let wanted = "$(touch pwned)\n; rm -rf /\na b\n*\n--flag=\"x\"\n\n";
    assert_eq!(host.read("told"), wanted);
    assert!(!host.path("pwned").exists());
    assert_eq!(host.read("bans.txt"), "198.51.100.0\n198.51.100.1\n198.51.100.2\n");
    // The same bans: nobody is told anything.
    host.append("access.log", line(110, "203.0.113.9", "GET / HTTP/1.1", 200).as_bytes());
    host.run(&["ingest"]).with(0);
    assert_eq!(host.read("told"), wanted);
    host.append("access.log", secrets(111, "203.0.113.10").as_bytes());
    host.run(&["ingest"]).with(0);
    assert_eq!(host.read("told"), wanted.repeat(2));
    assert!(host.read("bans.txt").ends_with("203.0.113.10\n"));
}

#[test]
fn a_report_publishes_as_ingest_does() {
    let host = publishing("");
    host.append("access.log", attack(3).as_bytes());
    host.run(&["report", "--no-out"]).with(0);
    assert_eq!(host.read("bans.txt").lines().count(), 3);
}

#[test]
fn a_program_that_fails_is_said_and_told_again() {
    let host = publishing("");
    let failing = host.write("tell", "#!/bin/sh\necho no such set >&2\nexit 3\n");
    host.append("access.log", attack(3).as_bytes());
    let ended = host.run(&["ingest"]).with(1);
    assert!(ended.stderr.contains("tell") && ended.stderr.contains("no such set"), "{}", ended.stderr);
    // What the firewall has is not what the file says until the program ended well.
    fs::write(&failing, "#!/bin/sh\necho again >told\n").expect("a program");
    host.append("access.log", line(110, "203.0.113.9", "GET / HTTP/1.1", 200).as_bytes());
    host.run(&["ingest"]).with(0);
    assert_eq!(host.read("told"), "again\n");
}

/// The list is refused for this reason, and the one before is there byte for byte.
#[track_caller]
fn refused(host: &Host, words: &[&str], why: &str) -> Ended {
    let before = fs::read(host.path("bans.txt")).expect("a list");
    let ended = host.run(words).with(1).says(why);
    assert_eq!(fs::read(host.path("bans.txt")).expect("a list"), before, "the list changed");
    ended
}

#[test]
fn a_list_that_looks_wrong_leaves_the_one_before() {
    let mut host = Host::new("[ban]\nrules = [\"sensitive-files\"]\n");
    host.at(&instant(120));
    host.write("access.log", attack(200));
    host.run(&PLAIN).with(0);
    assert_eq!(host.read("bans.txt").lines().count(), 200);
    host.write("access.log", attack(99));
    refused(&host, &PLAIN, "the list would shrink from 200 entries to 99, by more than 50 %");
    host.write("access.log", "");
    refused(&host, &PLAIN, "the log is empty");
    let told = [&PLAIN[..], &["--log-format", "combined"]].concat();
    host.write("access.log", attack(3) + &"junk\n".repeat(50));
    refused(&host, &told, "50 of 62 lines cannot be read, more than 50 %");
    host.write("access.log", "junk\n".repeat(50));
    refused(&host, &told, "50 of 50 lines cannot be read");
    // Whatever that is, it is no log, and says nothing of anybody.
    let before = host.read("bans.txt");
    host.run(&PLAIN).with(2).says("no known format fits");
    assert_eq!(host.read("bans.txt"), before);
    host.write("access.log", attack(2500));
    refused(&host, &PLAIN, "the list would grow from 200 entries to 2500, by more than 900 %");
    host.at(&instant(60 + 2 * 3600 + 1));
    host.write("access.log", attack(200));
    refused(&host, &PLAIN, "the log's last request is 7201 s old, more than 7200 s");
    host.run(&[&PLAIN[..], &["--force"]].concat()).with(0);
    // Bans that ran out are not missed.
    host.at(&instant(86_400 + 61));
    host.append("access.log", line(86_400, "203.0.113.9", "GET / HTTP/1.1", 200).as_bytes());
    host.run(&[&PLAIN[..], &["--force"]].concat()).with(0);
    assert_eq!(host.read("bans.txt"), "");
}

#[test]
fn what_is_no_list_of_ours_is_not_replaced() {
    let mut host = Host::new("[ban]\nrules = [\"sensitive-files\"]\n");
    host.at(&instant(120));
    host.write("access.log", attack(20));
    for format in FORMATS {
        let words = ["ban", "emit", "access.log", "--format", format, "--out", "bans.txt"];
        host.write("bans.txt", "root:x:0:0:root:/root:/bin/bash\n");
        refused(&host, &words, &format!("no whole {format} list"));
        fs::remove_file(host.path("bans.txt")).expect("removed");
        host.run(&words).with(0);
        let whole = host.read("bans.txt");
        // The same list again is no trouble.
        host.run(&words).with(0);
        assert_eq!(host.read("bans.txt"), whole, "{format}");
        // A list that was cut within a line.
        host.write("bans.txt", &whole[..whole.len() / 2 - 3]);
        refused(&host, &words, &format!("no whole {format} list"));
        fs::remove_file(host.path("bans.txt")).expect("removed");
    }
}

#[test]
fn the_limits_of_an_output_are_its_own() {
    for (more, count, why) in [
        ("max_entries = 3\n", 4, "more than 3"),
        ("max_age = \"1s\"\n", 2, "old, more than 1 s"),
        ("max_rejects_percent = 0\n", 0, "cannot be read, more than 0 %"),
    ] {
        let host = publishing(more);
        host.write("bans.txt", "203.0.113.77\n");
        // Fewer lines that nobody can read are not judged.
        let junk = if count == 0 { "junk\n".repeat(10) } else { String::new() };
        host.append("access.log", (attack(count.max(1)) + &junk).as_bytes());
        refused(&host, &["ingest"], why);
        assert!(!host.path("told").exists(), "told of a list that was refused");
    }
}

#[test]
fn a_list_that_its_reader_refuses_leaves_the_one_before() {
    let mut host = Host::new("[ban]\nrules = [\"sensitive-files\"]\n");
    host.at(&instant(120));
    host.write("access.log", attack(3));
    let out = host.path("bans.txt").display().to_string();
    for (format, program) in
        [("nftables", "nft"), ("nginx-geo", "nginx"), ("haproxy-acl", "haproxy"), ("ipset", "unshare")]
    {
        let words = ["ban", "emit", "access.log", "--format", format, "--out", &out, "--check"];
        let fake = host.write(&format!("bin/{program}"), "#!/bin/sh\necho line 7: nonsense >&2\nexit 1\n");
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("executable");
        host.run(&words).with(1).says("line 7: nonsense");
        assert!(!host.path("bans.txt").exists(), "{format}");
        // A reader that is missing cannot say yes.
        fs::remove_file(&fake).expect("removed");
        let ended = host.run_with_path(&words, &host.path("bin").display().to_string()).with(1).says(program);
        assert!(!host.path("bans.txt").exists(), "{format}: {}", ended.stderr);
        fs::write(&fake, "#!/bin/sh\nexit 0\n").expect("a program");
        fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).expect("executable");
        host.run(&words).with(0);
        assert!(!host.read("bans.txt").is_empty());
        fs::remove_file(host.path("bans.txt")).expect("removed");
        fs::remove_file(fake).expect("removed");
    }
    // Nothing but the list is left behind.
    let mut left: Vec<_> = fs::read_dir(host.path(""))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    left.sort();
    assert_eq!(left, ["access.log", "bin", "logstat.toml"]);
}

#[test]
fn a_run_killed_while_it_writes_leaves_the_old_list_or_the_new() {
    let mut host = Host::new("[ban]\nrules = [\"sensitive-files\"]\n");
    host.at(&instant(120));
    host.write("access.log", attack(3));
    host.run(&PLAIN).with(0);
    let old = host.read("bans.txt");
    host.append("access.log", secrets(110, "203.0.113.10").as_bytes());
    let words = [&PLAIN[..], &["--threads", "1"]].concat();
    let calls = ["write", "fsync", "fdatasync", "rename", "renameat", "renameat2", "unlink"];
    let points = points(&host.command(&words), &calls, "access.log", 40);
    assert!(points.iter().any(|point| point.call.starts_with("rename")), "{points:?}");
    let new = host.read("bans.txt");
    assert_ne!(old, new);
    let (mut olds, mut killed) = (0, 0);
    for point in points {
        host.write("bans.txt", &old);
        let blow = Fault::Kill.strike(point, &host.command(&words));
        let list = host.read("bans.txt");
        assert!(list == old || list == new, "{blow:?}: {list}");
        killed += usize::from(blow.ended.is_none());
        olds += usize::from(list == old && blow.ended.is_none());
        // The next run is not held up by what it left.
        host.run(&words).with(0);
        assert_eq!(host.read("bans.txt"), new, "{blow:?}");
    }
    assert!(killed > 2 && olds > 2, "{killed} killed, {olds} with the old list");
}

#[test]
fn a_full_disk_leaves_the_old_list() {
    let mut host = Host::new("[ban]\nrules = [\"sensitive-files\"]\n");
    host.at(&instant(120));
    host.write("access.log", attack(3));
    host.run(&PLAIN).with(0);
    let old = host.read("bans.txt");
    host.append("access.log", secrets(110, "203.0.113.10").as_bytes());
    let words = [&PLAIN[..], &["--threads", "1"]].concat();
    let points = points(&host.command(&words), &["write", "fsync", "rename"], "access.log", 40);
    let new = host.read("bans.txt");
    assert_ne!(old, new);
    for point in points {
        host.write("bans.txt", &old);
        let blow = Fault::Error("ENOSPC").strike(point, &host.command(&words));
        let list = host.read("bans.txt");
        let ended = blow.ended.as_ref().expect("it ended by itself");
        assert!(list == old || list == new, "{blow:?}: {list}");
        // Whoever says that all is well has put the new one in its place.
        assert!(list == new || ended.code != Some(0), "{blow:?}");
        host.run(&words).with(0);
        assert_eq!(host.read("bans.txt"), new, "{blow:?}");
    }
}

#[test]
fn a_firewall_does_not_see_who_is_behind_a_proxy() {
    let format = r#"$remote_addr - - [$time_local] "$request" $status 1 "$http_x_forwarded_for""#;
    let toml = "[ban]\nrules = [\"sensitive-files\"]\ntrusted_proxies = [\"192.0.2.1\"]\n";
    let mut host = Host::with_format(format, "default", toml);
    host.at(&instant(120));
    let mut log = String::new();
    for (second, target) in ["/.env", "/.git/config", "/backup.zip", "/id_rsa"].iter().enumerate() {
        writeln!(log, "192.0.2.1 - - [20/Nov/2026:00:01:0{second} +0000] \"GET {target} HTTP/1.1\" 404 1 \"203.0.113.5\"")
            .expect("memory takes it");
    }
    host.write("access.log", log);
    let words = ["ban", "emit", "access.log", "--log-format", format, "--out", "bans.txt", "--format"];
    for (list, warns) in [("nftables", true), ("ipset", true), ("nginx-geo", false), ("haproxy-acl", false)] {
        let ended = host.run(&[&words[..], &[list]].concat()).with(0);
        assert!(host.read("bans.txt").contains("203.0.113.5"));
        assert_eq!(ended.stderr.contains("X-Forwarded-For"), warns, "{list}: {}", ended.stderr);
        fs::remove_file(host.path("bans.txt")).expect("removed");
    }
}

#[test]
fn no_list_holds_who_is_never_banned() {
    let bans = "[ban]\nrules = [\"sensitive-files\", \"ipv6-48\"]\nignoreip = [\"203.0.113.0/28\", \"2001:db8:5:99::/64\"]\n";
    let mut host = Host::new(bans);
    host.at(&instant(120));
    let never = ["127.0.0.1", "10.0.0.1", "192.168.7.7", "203.0.113.3", "::1", "fe80::5", "fc00::1"];
    let mut log: String = never.iter().map(|client| secrets(10, client)).collect();
    // All around a network that is never banned.
    log += &(0..8).map(|number| secrets(20, &format!("2001:db8:5:{number}::1"))).collect::<String>();
    log += &secrets(30, "203.0.113.66");
    host.write("access.log", log);
    for format in FORMATS {
        let list = host.run(&["ban", "emit", "access.log", "--format", format]).with(0).stdout;
        assert!(list.contains("203.0.113.66"), "{format}: {list}");
        for never in [
            "127.0",
            "10.0.0",
            "192.168",
            "203.0.113.3 ",
            "203.0.113.3\n",
            "fe80",
            "fc00",
            "2001:db8:5:99",
            "2001:db8:5::/48",
        ] {
            assert!(!list.contains(never), "{format}: {never} in {list}");
        }
    }
}
