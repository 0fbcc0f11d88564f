//! What a person asks: why is somebody banned, what does a rule count, what would it have done.

use super::host::{Host, date, full_line, instant, line, secrets};
use crate::lab::rows;
use serde_json::Value;
use std::fs;

const ATTACKER: &str = "203.0.113.66";
const VISITOR: &str = "198.51.100.7";
const SECRETS: &str = "[ban]\nrules = [\"sensitive-files\"]\n";

/// A log with an attack between visits, and the attacker's lines with their places.
fn attack() -> (String, Vec<(usize, String)>) {
    let mut log = String::new();
    let mut counted = Vec::new();
    for (at_s, attack) in (100..).step_by(3).zip(secrets(0, ATTACKER).lines()) {
        log += &line(at_s, VISITOR, "GET / HTTP/1.1", 200);
        counted.push((log.len(), attack.replace(&date(at_s / 3 - 33, "%H:%M:%S"), &date(at_s, "%H:%M:%S"))));
        log += &format!("{}\n", counted[counted.len() - 1].1);
    }
    log += &line(200, ATTACKER, "GET /later HTTP/1.1", 200);
    (log, counted)
}

#[test]
fn explain_shows_the_very_lines_with_their_places() {
    let (log, counted) = attack();
    let host = Host::new(SECRETS);
    host.write("access.log", &log);
    let packed = std::process::Command::new("gzip").arg("-k").arg(host.path("access.log")).status();
    assert!(packed.expect("gzip is needed for this test").success());
    for file in ["access.log", "access.log.gz"] {
        let told = host.run(&["ban", "explain", ATTACKER, file]).with(0).stdout;
        for (offset, line) in &counted {
            assert!(told.contains(line.as_str()), "{file}: {line}\nin {told}");
            assert!(
                told.contains(&format!("{file}:{offset}")) || told.contains(&offset.to_string()),
                "{told}"
            );
        }
        assert!(!told.contains("/later") && !told.contains(VISITOR), "{told}");
        for part in ["sensitive-files", "20s", "00:01:49"] {
            assert!(told.contains(part), "{file}: no {part} in {told}");
        }
        let json = host.run(&["ban", "explain", ATTACKER, file, "--json"]).with(0).json();
        let ban = &json["bans"][0];
        assert_eq!(
            (ban["rule"].as_str(), ban["until"].as_str()),
            (Some("sensitive-files"), Some(instant(86_509).as_str()))
        );
        let lines: Vec<_> = ban["evidence"].as_array().expect("lines").iter().collect();
        assert_eq!(lines.len(), 4);
        for (told, (offset, line)) in lines.into_iter().zip(&counted) {
            assert_eq!(
                (told["offset"].as_u64(), told["line"].as_str()),
                (Some(*offset as u64), Some(line.as_str()))
            );
            assert!(told["file"].as_str().is_some_and(|path| path.ends_with(file)), "{told}");
        }
    }
}

#[test]
fn explain_from_the_state_finds_lines_that_were_rotated_and_packed() {
    let (log, counted) = attack();
    let host = Host::new(SECRETS);
    host.write("access.log", &log);
    host.run(&["ingest"]).with(0);
    fs::rename(host.path("access.log"), host.path("access.log.1")).expect("renamed");
    let packed = std::process::Command::new("gzip").arg(host.path("access.log.1")).status();
    assert!(packed.expect("gzip is needed for this test").success());
    host.write("access.log", line(300, VISITOR, "GET / HTTP/1.1", 200));
    host.run(&["ingest"]).with(0);
    let told = host.run(&["ban", "explain", ATTACKER]).with(0).stdout;
    for (_, line) in &counted {
        assert!(told.contains(line.as_str()), "{line}\nin {told}");
    }
    // A log that is gone is said, and the ban is told all the same.
    fs::remove_file(host.path("access.log.1.gz")).expect("removed");
    let told = host.run(&["ban", "explain", ATTACKER]);
    assert!(told.code <= 1 && told.stdout.contains("sensitive-files"), "{}{}", told.stdout, told.stderr);
}

#[test]
fn explain_tells_who_is_not_banned_what_is_missing() {
    let host = Host::new(&format!("{SECRETS}ignoreip = [\"192.0.2.0/24\"]\n"));
    let three: String = secrets(0, VISITOR).lines().take(3).map(|line| format!("{line}\n")).collect();
    host.write("access.log", three + &secrets(0, "192.0.2.9"));
    let told = host.run(&["ban", "explain", VISITOR, "access.log"]).with(0).stdout;
    assert!(told.contains("not banned") && told.contains('3') && told.contains('4'), "{told}");
    let told = host.run(&["ban", "explain", "192.0.2.9", "access.log"]).with(0).stdout;
    assert!(told.contains("never banned") && told.contains("ignoreip"), "{told}");
    let told = host.run(&["ban", "explain", "10.0.0.1", "access.log"]).with(0).stdout;
    assert!(told.contains("never banned") && told.contains("private"), "{told}");
    host.run(&["ban", "explain", "example.net", "access.log"]).with(2).says("example.net");
}

#[test]
fn a_line_that_is_shown_does_nothing_to_the_terminal() {
    let host = Host::with_format("combined", "none", SECRETS);
    let agent = "\x1b]0;owned\x07\u{202e}";
    let log: String = ["/.env", "/.git/config", "/backup.zip", "/id_rsa"]
        .iter()
        .zip(0..)
        .map(|(target, at_s)| {
            full_line(at_s, ATTACKER, "-", &format!("GET {target} HTTP/1.1"), 404, "-", agent)
        })
        .collect();
    host.write("access.log", log);
    for words in [&["ban", "explain", ATTACKER][..], &["ban", "test", "sensitive-files"]] {
        let told = host
            .run(&[words, &["access.log", "--escape", "none", "--format", "combined"]].concat())
            .with(0)
            .stdout;
        assert!(told.contains(r"\x1b]0;owned") || told.contains(r"\x1B]0;owned"), "{told}");
        assert!(!told.contains('\x1b') && !told.contains('\x07'), "{told:?}");
    }
}

#[test]
fn remove_takes_back_bans_and_hits_and_publishes() {
    let output = "[[ban.output]]\nformat = \"plain\"\npath = \"bans.txt\"\n";
    let mut host = Host::new(&format!("{SECRETS}{output}"));
    host.at(&instant(200));
    host.write("access.log", secrets(0, ATTACKER) + &secrets(10, VISITOR) + &secrets(20, "2001:db8:1:2::3"));
    host.run(&["ingest"]).with(0);
    assert_eq!(host.read("bans.txt").lines().count(), 3);
    host.run(&["ban", "remove", VISITOR]).with(0);
    assert_eq!(host.banned(&[]), ["2001:db8:1:2::/64", ATTACKER]);
    assert_eq!(host.read("bans.txt"), format!("{ATTACKER}\n2001:db8:1:2::/64\n"));
    // By an address of the network, or by a network around it.
    host.run(&["ban", "remove", "2001:db8:1:2::/64", "203.0.113.0/24"]).with(0);
    assert_eq!(host.read("bans.txt"), "");
    host.run(&["ban", "remove", VISITOR]).with(1);
    // What was read before does not come back; what comes now counts from nothing, as a first ban.
    host.append("access.log", (line(25, VISITOR, "GET / HTTP/1.1", 200) + &secrets(90, ATTACKER)).as_bytes());
    host.run(&["ingest"]).with(0);
    let bans = host.bans(&[]);
    assert_eq!((bans.len(), bans[0].network.as_str(), bans[0].nth), (1, ATTACKER, 1));
}

#[test]
fn test_shows_which_lines_match_and_where() {
    let (log, counted) = attack();
    let host = Host::new("");
    host.write("access.log", &log);
    for rule in ["sensitive-files", "status == 404 and not static(path)"] {
        let told = host.run(&["ban", "test", rule, "access.log", "--json"]).with(0).stdout;
        let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let matches: Vec<_> = lines.iter().filter(|line| line["text"].is_string()).collect();
        assert_eq!(matches.len(), counted.len(), "{rule}: {told}");
        for (told, (offset, line)) in matches.iter().zip(&counted) {
            assert_eq!(
                (told["text"].as_str(), told["offset"].as_u64()),
                (Some(line.as_str()), Some(*offset as u64))
            );
        }
    }
    let told = host.run(&["ban", "test", "path == \"/.env\"", "access.log"]).with(0).stdout;
    assert!(told.contains(&counted[0].1) && !told.contains(&counted[1].1), "{told}");
    // The place is shown below it.
    let shown: Vec<_> = told.lines().collect();
    let at = shown.iter().position(|shown| shown.contains(&counted[0].1)).expect("the line");
    let column = shown[at].find("/.env").expect("the path");
    assert_eq!(shown[at + 1].find('^'), Some(column), "{told}");
    let told = host.run(&["ban", "test", "any", "access.log", "--max", "2"]).with(0).stdout;
    assert_eq!(told.matches("HTTP/1.1").count(), 2, "{told}");
    host.run(&["ban", "test", "status == 500", "access.log"]).with(1);
}

#[test]
fn what_is_wrong_in_a_rule_is_told_with_its_place() {
    let host = Host::new("");
    host.write("access.log", attack().0);
    for (bans, place, words) in [
        (
            "[[ban.rule]]\nname = \"a\"\nfilter = 'stauts == 404'\nmaxretry = 1\nfindtime = \"1s\"\n",
            "3:11",
            "did you mean `status`?",
        ),
        (
            "[[ban.rule]]\nname = \"a\"\nfilter = '''\nany and\n  (path == \"/\"'''\nmaxretry = 1\nfindtime = \"1s\"\n",
            "5:",
            "expected `)`",
        ),
        (
            "[[ban.rule]]\nname = \"a\"\nfilter = 'path ~ \"(\"'\nmaxretry = 1\nfindtime = \"1s\"\n",
            "3:18",
            "not a pattern",
        ),
        ("[ban]\nrules = [\"xmlrpc\",\n         \"probin\"]\n", "3:10", "did you mean `probing`?"),
        ("[[ban.rule]]\nname = \"probing\"\nmaxretry = 0\n", "3:12", "from 1 to 10000"),
        ("[[ban.rule]]\nname = \"probing\"\nfindtime = 100\n", "3:12", "with its unit"),
        ("[[ban.rule]]\nname = \"Probing 1\"\n", "2:8", "a to z"),
        ("[[ban.rule]]\nname = \"a\"\nover = \"neighbours\"\nprefix = 32\n", "4:10", "from 48 to 63"),
        ("[ban]\nignoreip = [\"192.0.2.0/24\", \"example.net\"]\n", "2:29", "example.net"),
        ("[ban]\nignorip = []\n", "2:1", "did you mean `ignoreip`?"),
        ("[[ban.output]]\nformat = \"iptables\"\npath = \"x\"\n", "2:10", "nftables"),
    ] {
        host.write("logstat.toml", bans);
        for words_ in
            [&["ban", "list", "access.log"][..], &["ban", "rules"], &["report", "access.log", "--no-out"]]
        {
            let ended = host.run(words_).with(2);
            let shown = format!("logstat.toml:{place}");
            assert!(ended.stderr.contains(&shown) && ended.stderr.contains(words), "{bans}{}", ended.stderr);
        }
    }
    let host = Host::new("");
    host.write("access.log", "");
    host.run(&["ban", "test", "stauts == 404", "access.log"]).with(2).says("did you mean `status`?");
    host.run(&["ban", "test", "probin", "access.log"]).with(2).says("did you mean `probing`?");
    host.run(&["ban", "list", "access.log", "--rule", "probin"]).with(2).says("did you mean `probing`?");
}

#[test]
fn a_back_test_counts_what_would_have_been_refused() {
    let host = Host::new("");
    let mut log = secrets(0, ATTACKER);
    // Behind the same address: two who are logged in, a crawler, many browsers; and one before the ban.
    log += &full_line(10, ATTACKER, "alice", "GET / HTTP/1.1", 200, "-", "Firefox");
    log += &full_line(11, ATTACKER, "bob", "GET /a HTTP/1.1", 302, "-", "Chrome");
    log += &full_line(12, ATTACKER, "bob", "GET /b HTTP/1.1", 404, "-", "Chrome");
    log += &full_line(
        13,
        ATTACKER,
        "-",
        "GET / HTTP/1.1",
        200,
        "-",
        "Googlebot/2.1 (+http://www.google.com/bot.html)",
    );
    log += &(0..10)
        .map(|n| full_line(20 + n, ATTACKER, "-", "GET / HTTP/1.1", 200, "-", &format!("Agent/{n}")))
        .collect::<String>();
    // When it is over nothing is refused any more.
    log += &line(86_403, ATTACKER, "GET / HTTP/1.1", 200);
    log += &secrets(30, VISITOR);
    log += &line(40, "192.0.2.3", "GET / HTTP/1.1", 200);
    host.write("access.log", log);
    let words = ["ban", "backtest", "access.log", "--rule", "sensitive-files", "--since", "oldest"];
    let json = host.run(&[&words[..], &["--json"]].concat()).with(0).json();
    let row = &json["rows"][0];
    let number = |key: &str| row[key].as_u64().unwrap_or_else(|| panic!("no {key}: {json}"));
    let found = [
        "hits",
        "bans",
        "networks",
        "refused",
        "collateral",
        "authenticated",
        "users",
        "crawler_requests",
        "shared_networks",
        "bytes_sent",
    ]
    .map(number);
    // Refused: what came after the fourth hit and before the end of the day.
    assert_eq!(found, [8, 2, 2, 14, 13, 3, 2, 1, 1, 14 * 150], "{json}");
    let csv = host.run(&[&words[..], &["--csv", "--sweep", "maxretry=3..6"]].concat()).with(0).stdout;
    let swept: Vec<_> =
        rows(csv.as_bytes()).iter().map(|row| (row["value"].clone(), row["bans"].clone())).collect();
    let expected = [("3", "2"), ("4", "2"), ("5", "0"), ("6", "0")];
    assert_eq!(swept, expected.map(|(value, bans)| (value.to_owned(), bans.to_owned())));
    host.run(&[&words[..], &["--out", "backtest", "--sweep", "maxretry=3..6"]].concat()).with(0);
    let chart = host.read("backtest/backtest.svg");
    assert!(chart.contains("<svg") && host.read("backtest/backtest.csv") == csv, "{chart}");
    // It changes nothing.
    assert!(!host.path("state").exists());
}

#[test]
fn a_back_test_bans_as_the_bans_do() {
    let log = crate::lab::fixture("bans/attack.log");
    let host = Host::new("");
    let bans = host.bans(&[&log]);
    let json = host.run(&["ban", "backtest", &log, "--since", "oldest", "--json"]).with(0).json();
    for row in json["rows"].as_array().expect("rows") {
        let rule = row["rule"].as_str().expect("a rule");
        let of_rule = bans.iter().filter(|ban| ban.rule == rule).count();
        assert_eq!(row["bans"].as_u64(), Some(of_rule as u64), "{rule}");
    }
}

#[test]
fn the_rules_are_told_with_what_they_can_hit_wrongly() {
    let host = Host::new(
        "[ban]\nrules = [\"xmlrpc\"]\n[[ban.rule]]\nname = \"own\"\nfilter = \"any\"\nmaxretry = 7\nfindtime = \"2m\"\n",
    );
    let json = host.run(&["ban", "rules", "--json"]).with(0).json();
    let rules = json.as_array().expect("rules");
    let on: Vec<_> = rules
        .iter()
        .filter(|rule| rule["on"] == true)
        .map(|rule| rule["rule"].as_str().expect("a name"))
        .collect();
    assert_eq!(on, ["xmlrpc", "own"]);
    let told = host.run(&["ban", "rules"]).with(0).stdout;
    for words in ["probing", "10 different paths in 100s", "Jetpack", "own"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn a_report_tells_bans_by_hour_and_rule() {
    let host = Host::new(SECRETS);
    host.write("access.log", secrets(0, ATTACKER) + &secrets(3600, VISITOR) + &secrets(3700, "203.0.113.9"));
    host.run(&["report", "access.log", "--format", "combined", "--out", "out", "--tz", "UTC"]).with(0);
    let csv = rows(&fs::read(host.path("out/bans.csv")).expect("bans.csv"));
    let counts: Vec<_> = csv.iter().map(|row| (row["rule"].as_str(), row["bans"].as_str())).collect();
    assert_eq!(counts, [("sensitive-files", "1"), ("sensitive-files", "2")]);
    let summary: Value = serde_json::from_str(&host.read("out/summary.json")).expect("JSON");
    assert_eq!(summary["bans"]["bans"], 3);
    assert!(host.read("out/report.html").contains("sensitive-files"));
    // Who asks for no bans gets none.
    host.write("logstat.toml", "");
    host.run(&["report", "access.log", "--format", "combined", "--out", "bare"]).with(0);
    assert!(
        !host.path("bare/bans.csv").exists() && !host.read("bare/report.html").contains("sensitive-files")
    );
    host.run(&["report", "access.log", "--format", "combined", "--out", "asked", "--bans"]).with(0);
    assert!(host.path("asked/bans.csv").exists());
}

#[test]
fn a_test_that_nothing_can_match_says_what_the_log_lacks() {
    let host = Host::new("");
    host.write("access.log", line(1, "203.0.113.7", "GET / HTTP/1.1", 200));
    let test = |filter: &str| host.run(&["ban", "test", filter, "access.log"]).with(1).stderr;
    assert!(test("latency_ms > 5").contains("the log has no latency_ms"));
    assert!(!test("status == 404").contains("the log has no"));
}
