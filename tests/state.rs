//! What a person asks of the state between runs: how far logs were read, what is old, all of it.

use crate::lab::{Lab, feed, fixture};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::process::Stdio;

/// Later than every line.
const NOW: &str = "2026-11-21T00:00:00Z";

/// How a run ended, and what it printed.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    #[track_caller]
    fn with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).expect("JSON")
    }
}

/// `logstat WORDS`, with the state in the lab's folder.
fn logstat(lab: &Lab, words: &str) -> Ended {
    let mut command = lab.command();
    command.args(words.split(' ')).args(["--state", "state"]);
    let output = feed(command, b"");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

fn ingest(lab: &Lab) -> Ended {
    logstat(lab, &format!("ingest --now {NOW}"))
}

fn status(lab: &Lab) -> Ended {
    logstat(lab, &format!("status --json --now {NOW}"))
}

/// A line of nginx's combined format.
fn line(day: u32, hour: u32, number: u32) -> String {
    format!(
        "192.0.2.7 - - [{day:02}/Nov/2026:{hour:02}:00:{:02} +0000] \"GET /{number} HTTP/1.1\" 200 10 \"-\" \"curl/8.5.0\"\n",
        number % 60
    )
}

fn lines(day: u32, hour: u32, count: u32) -> String {
    (0..count).map(|number| line(day, hour, number)).collect()
}

/// A lab with a configured source `web`, of which nothing is read yet.
fn lab_with_web() -> Lab {
    let lab = Lab::new();
    let toml = "[[source]]\nname = \"web\"\npaths = [\"access.log*\"]\nformat = \"combined\"\ntier = \"web\"\n\
                [state]\nrotate_wait_s = 0\n";
    lab.log("logstat.toml", toml);
    lab.log("access.log", lines(20, 10, 100));
    lab
}

fn append(lab: &Lab, name: &str, text: &str) {
    let mut file = OpenOptions::new().append(true).open(lab.path(name)).expect("a log");
    file.write_all(text.as_bytes()).expect("lines");
}

#[test]
fn status_tells_how_far_a_log_was_read_and_what_is_new() {
    let lab = lab_with_web();
    let nothing = status(&lab).with(2);
    assert!(
        nothing.stderr.contains("there is no state here\nhint: `logstat ingest` makes one"),
        "{}",
        nothing.stderr
    );
    ingest(&lab).with(0);
    let size = fs::metadata(lab.path("access.log")).expect("a log").len();
    append(&lab, "access.log", &lines(20, 11, 3));
    lab.log("access.log.1", lines(19, 10, 7));
    let now = status(&lab).with(0).json();
    let web = &now["sources"][0];
    assert_eq!((web["name"].as_str(), web["tier"].as_str()), (Some("web"), Some("web")));
    assert_eq!(web["formats"], serde_json::json!(["combined"]));
    let stream = &web["streams"][0];
    assert_eq!((stream["offset"].as_u64(), stream["gone"].as_bool()), (Some(size), Some(false)));
    assert_eq!(stream["unread_bytes"].as_u64(), Some(lines(20, 11, 3).len() as u64));
    assert_eq!(stream["last_request"], "2026-11-20T10:00:39Z");
    let new = &web["next"]["new"][0];
    assert!(new["path"].as_str().expect("a path").ends_with("access.log.1"));
    assert_eq!(new["bytes"].as_u64(), Some(lines(19, 10, 7).len() as u64));
    assert_eq!((now["hours"].as_u64(), now["unpublished"].as_u64()), (Some(1), Some(0)));
    assert_eq!((now["oldest"].as_str(), now["writer"].as_u64()), (Some("2026-11-20T10:00:00Z"), None));
    assert!(now["published_files"].as_u64() > Some(0) && now["database_bytes"].as_u64() > Some(10_000));

    ingest(&lab).with(0);
    let now = status(&lab).with(0).json();
    let web = &now["sources"][0];
    assert_eq!(web["next"]["new"], serde_json::json!([]));
    assert_eq!(web["streams"].as_array().map(Vec::len), Some(1));
    assert_eq!(web["streams"][0]["unread_bytes"].as_u64(), Some(0));
    assert_eq!(web["finished"]["streams"].as_u64(), Some(1));
    let all = logstat(&lab, "status --json --all").with(0).json();
    assert_eq!(all["sources"][0]["streams"].as_array().map(Vec::len), Some(2));
    assert_eq!(all["sources"][0]["finished"]["streams"].as_u64(), Some(0));
}

#[test]
fn status_is_a_page_that_fits() {
    let lab = lab_with_web();
    ingest(&lab).with(0);
    append(&lab, "access.log", &lines(20, 11, 3));
    for columns in ["60", "80", "140"] {
        let mut command = lab.command();
        command.args(["status", "--state", "state", "--now", NOW]).env("COLUMNS", columns);
        let page = String::from_utf8(feed(command, b"").stdout).expect("UTF-8");
        assert!(page.contains("web") && page.contains("access.log"), "{page}");
        assert!(page.lines().all(|line| line.chars().count() <= columns.parse().expect("a width")), "{page}");
    }
}

#[test]
fn status_without_a_source_tells_what_is_known() {
    let lab = Lab::new();
    lab.log("access.log", lines(20, 10, 100));
    logstat(&lab, &format!("ingest access.log --now {NOW}")).with(0);
    let now = status(&lab).with(0).json();
    let source = &now["sources"][0];
    assert_eq!((source["name"].as_str(), &source["next"]), (Some("access.log"), &Value::Null));
    assert_eq!(source["streams"][0]["unread_bytes"].as_u64(), Some(0));
    append(&lab, "access.log", &line(20, 11, 1));
    let now = logstat(&lab, "status access.log --json").with(0).json();
    assert_eq!(now["sources"][0]["streams"][0]["unread_bytes"].as_u64(), Some(line(20, 11, 1).len() as u64));
}

#[test]
fn what_is_lost_is_told_before_and_after_it_is_known() {
    let lab = lab_with_web();
    ingest(&lab).with(0);
    fs::remove_file(lab.path("access.log")).expect("the log goes");
    lab.log("access.log.x", lines(20, 12, 5));
    let before = status(&lab).with(1).json();
    let web = &before["sources"][0];
    assert_eq!(web["streams"][0]["gone"].as_bool(), Some(true));
    assert_eq!(web["next"]["lost"][0]["why"], "the file is gone before its end was read");
    assert_eq!(before["gaps"], serde_json::json!([]));
    ingest(&lab).with(1);
    let after = status(&lab).with(0).json();
    assert_eq!(after["sources"][0]["next"]["lost"], serde_json::json!([]));
    assert_eq!(
        (after["gaps"][0]["source"].as_str(), after["gaps"][0]["found"].as_str()),
        (Some("web"), Some(NOW))
    );
    assert!(logstat(&lab, "status").with(0).stdout.contains("Lost before it was read"));
}

#[test]
fn a_state_that_is_being_written_to_can_be_looked_at() {
    let lab = lab_with_web();
    ingest(&lab).with(0);
    let lock = lab.path("state/lock");
    fs::write(&lock, std::process::id().to_string()).expect("the lock's number");
    let file = OpenOptions::new().write(true).open(&lock).expect("the lock");
    file.try_lock().expect("nobody holds it");
    assert_eq!(status(&lab).with(0).json()["writer"].as_u64(), Some(u64::from(std::process::id())));
    logstat(&lab, "export").with(0);
    for command in ["ingest", "prune"] {
        assert!(logstat(&lab, command).with(75).stderr.contains(&format!("process {}", std::process::id())));
    }
}

#[test]
fn a_damaged_state_is_told_with_a_way_out() {
    let lab = lab_with_web();
    ingest(&lab).with(0);
    let whole = logstat(&lab, "status --check").with(0);
    assert!(whole.stdout.contains("every page and checksum is right"), "{}", whole.stdout);
    let path = lab.path("state/logstat.db");
    let file = OpenOptions::new().read(true).write(true).open(&path).expect("the database");
    let length = file.metadata().expect("a file").len();
    // In every page but the first, near its end, where its rows are.
    for at in (2 * 4096 - 70..length).step_by(4096) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).expect("a byte");
        file.write_all_at(&[byte[0] ^ 0x20], at).expect("another one");
    }
    let damaged = logstat(&lab, "status --check").with(2);
    assert!(damaged.stderr.contains("logstat.db: is damaged: "), "{}", damaged.stderr);
    assert!(damaged.stderr.contains("hint: put back a copy, or move all of "), "{}", damaged.stderr);
}

/// Hours and days, lines that are counted, and the bytes of messages, by the export.
fn exported(lab: &Lab) -> (Vec<String>, u64, usize) {
    let state = logstat(lab, "export").with(0).json();
    let rows = |name: &str| state[name].as_array().expect(name).clone();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let records = rows("counts").into_iter().filter(|row| row["kind"] == "records");
    (
        rows("periods").iter().map(|row| text(&row["period"])).collect(),
        records.map(|row| row["count"].as_u64().expect("a number")).sum(),
        rows("events").iter().map(|row| text(&row["bytes"]).len()).sum(),
    )
}

#[test]
fn prune_adds_up_old_hours_and_lets_old_days_go() {
    let lab = lab_with_web();
    let all: String =
        (1..=20).flat_map(|day| (0..24).step_by(6).map(move |hour| lines(day, hour, 3))).collect();
    lab.log("access.log", all);
    ingest(&lab).with(0);
    let (periods, records, _) = exported(&lab);
    assert_eq!((periods.len(), records), (80, 240));
    let words = format!("prune --keep-hours 48 --keep-days 10 --now {NOW}");
    let said = logstat(&lab, &words).with(0).stderr;
    assert_eq!(said, "logstat: the hours of 8 days were added up, 36 hours and days are no longer kept\n");
    let (periods, records, _) = exported(&lab);
    // Counted back from the end of the newest hour, 19 o'clock on the 20th, whole days of hours stay from the 18th on and
    // days from the 10th on.
    assert_eq!((periods.len(), records), (8 + 3 * 4, 11 * 12));
    assert_eq!(status(&lab).with(0).json()["unpublished"].as_u64(), Some(0));
    assert!(lab.path("state/data/days/date=2026-11-12").is_dir());
    assert!(!lab.path("state/data/hours/date=2026-11-12").exists());
    assert_eq!(logstat(&lab, &words).with(0).stderr, "logstat: nothing is older than it may be\n");
    // What comes late for a day that is gone is not read again either.
    ingest(&lab).with(0);
    assert_eq!(exported(&lab).1, records);
}

#[test]
fn prune_forgets_what_proxies_said_and_logs_that_are_gone() {
    let lab = Lab::new();
    let toml = "[[source]]\nname = \"web\"\npaths = [\"access.log*\"]\n[[source]]\nname = \"edge\"\npaths = [\"haproxy.log\"]\n\
                timezone = \"UTC\"\n[state]\nrotate_wait_s = 0\n";
    lab.log("logstat.toml", toml);
    lab.log("haproxy.log", fs::read(fixture("haproxy/servers.log")).expect("a fixture"));
    lab.log("access.log", lines(1, 10, 100));
    logstat(&lab, "ingest --now 2026-11-21T00:00:00Z").with(0);
    let (_, records, before) = exported(&lab);
    fs::remove_file(lab.path("access.log")).expect("the log goes");
    let later = lines(20, 10, 100).replace("/Nov/2026", "/Dec/2026");
    lab.log("access.log", later);
    // The first log was never finished, so it stays known; its loss is told once.
    logstat(&lab, "ingest --now 2026-12-21T00:00:00Z").with(1);
    assert_eq!(exported(&lab).1, records + 100);
    logstat(&lab, "prune --keep-days 10 --now 2026-12-21T00:00:00Z").with(0);
    let (periods, records, after) = exported(&lab);
    assert_eq!((periods.len(), records), (1, 100));
    assert!(after < before, "{after} of {before}");
    // How servers stand is still known.
    assert!(after > 0);
}

#[test]
fn export_is_one_document_and_a_closed_pipe_no_error() {
    let lab = lab_with_web();
    ingest(&lab).with(0);
    let state = logstat(&lab, "export").with(0);
    assert_eq!(state.json()["sources"][0]["name"], "web");
    assert_eq!(state.stdout, logstat(&lab, "export").with(0).stdout);
    let mut command = lab.command();
    command.args(["export", "--state", "state"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("logstat starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("logstat ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_source_goes_on_under_another_name() {
    let lab = Lab::new();
    let named = |name: &str| {
        lab.log("logstat.toml", format!("[[source]]\nname = \"{name}\"\npaths = [\"access.log*\"]\n"))
    };
    named("old");
    lab.log("access.log", (0..30).map(|number| line(20, 1, number)).collect::<String>());
    ingest(&lab).with(0);
    named("new");
    let refused = ingest(&lab).with(1);
    assert!(refused.stderr.contains("logstat rename 'old' 'new'"), "{}", refused.stderr);
    assert!(logstat(&lab, "rename none new").with(2).stderr.contains("there are old"));
    assert!(logstat(&lab, "rename old old").with(2).stderr.contains("already"));
    logstat(&lab, "rename old new").with(0);

    let more: String = (30..50).map(|number| line(20, 2, number)).collect();
    OpenOptions::new().append(true).open(lab.path("access.log")).unwrap().write_all(more.as_bytes()).unwrap();
    ingest(&lab).with(0);
    logstat(&lab, "status --check").with(0);
    let words = format!("report --no-ingest --no-out --csv --since oldest --tz UTC --now {NOW}");
    let rows = crate::lab::rows(logstat(&lab, &words).with(0).stdout.as_bytes());
    let told: Vec<_> = rows.iter().map(|row| (row["source"].as_str(), row["requests"].as_str())).collect();
    assert_eq!(told, [("new", "30"), ("new", "20")]);
}

#[test]
fn a_log_that_nobody_can_read_any_more_shows_in_the_hours_from_then_on() {
    let lab = Lab::new();
    lab.log("access.log", (0..30).map(|number| line(1, 1, number)).collect::<String>());
    logstat(&lab, "ingest access.log").with(0);
    let mut file = OpenOptions::new().append(true).open(lab.path("access.log")).unwrap();
    (0..20).for_each(|number| writeln!(file, "not a request {number}").unwrap());
    let told = logstat(&lab, "ingest access.log").with(1);
    assert!(told.stderr.contains("rejected 20 of 20 new lines"), "{}", told.stderr);
    let report = logstat(&lab, "report --no-ingest --no-out --json --since 2h").with(1);
    assert_eq!(report.json()["accounting"]["rejects"], 20, "{}", report.stdout);
}

#[test]
fn a_log_of_the_future_is_told() {
    let lab = Lab::new();
    lab.log("access.log", (0..3).map(|number| line(28, 1, number)).collect::<String>());
    let told = logstat(&lab, &format!("ingest access.log --now {NOW}")).with(1);
    assert!(told.stderr.contains("all 3 new requests lie in the future"), "{}", told.stderr);
    logstat(&lab, &format!("ingest access.log --now {NOW}")).with(0);
}
