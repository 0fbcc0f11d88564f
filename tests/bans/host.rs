//! A machine with logs, a `logstat.toml` with bans, and a state.

use crate::lab::{Lab, feed};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// After every line of the fixtures.
pub const NOW: &str = "2026-11-21T00:00:00Z";
/// 2026-11-20, a Friday, at midnight.
const DAY_S: i64 = 1_795_132_800;

/// A folder with all of it.
pub struct Host {
    lab: Lab,
    now: String,
}

/// How a run ended, and what it printed.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A ban as it is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ban {
    pub network: String,
    pub rule: String,
    pub from: String,
    pub until: String,
    pub hits: u64,
    pub nth: u64,
}

impl Host {
    /// Has a source `web` with `access.log*` in nginx's own format, and these sections for bans.
    pub fn new(bans: &str) -> Self {
        Self::with_format("combined", "default", bans)
    }

    /// The same with another format.
    pub fn with_format(format: &str, escape: &str, bans: &str) -> Self {
        let host = Self { lab: Lab::in_memory(), now: NOW.to_owned() };
        let toml = format!(
            "[[source]]\nname = \"web\"\npaths = [\"access.log*\"]\nformat = '{format}'\n\
             escape = \"{escape}\"\ntimezone = \"UTC\"\n\
             [state]\nrotate_wait_s = 0\n{bans}"
        );
        host.write("logstat.toml", toml);
        host
    }

    /// Goes on at another time.
    pub fn at(&mut self, now: &str) {
        now.clone_into(&mut self.now);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.lab.path(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        self.lab.log(name, bytes)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn append(&self, name: &str, bytes: &[u8]) {
        let file = OpenOptions::new().append(true).create(true).open(self.path(name));
        file.and_then(|mut file| file.write_all(bytes)).expect("a log");
    }

    /// `logstat WORDS` with this configuration, state and time.
    pub fn run(&self, words: &[&str]) -> Ended {
        // Programs of a test come before those of the machine.
        let path = std::env::var("PATH").unwrap_or_default();
        self.run_with_path(words, &format!("{}:{path}", self.path("bin").display()))
    }

    /// The same, where other programs are found.
    pub fn run_with_path(&self, words: &[&str], path: &str) -> Ended {
        let mut command = self.command(words);
        command.env("PATH", path);
        let output = feed(command, b"");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The same, not yet started.
    pub fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = self.lab.command();
        command.args(words).args(["--config", "logstat.toml"]).env("TZ", "UTC");
        let is = |name: &str| words.len() > 1 && words[..2] == ["ban", name];
        if !is("rules") && !is("test") {
            command.args(["--now", &self.now]);
        }
        if !is("rules") && !is("test") && !is("backtest") {
            command.args(["--state", "state"]);
        }
        command
    }

    /// All bans that `ban list` knows of, sorted, with these further words.
    #[track_caller]
    pub fn bans(&self, words: &[&str]) -> Vec<Ban> {
        let words = [&["ban", "list", "--all", "--json"], words].concat();
        bans(&self.run(&words).with(0).json())
    }

    /// Who was banned, each once.
    #[track_caller]
    pub fn banned(&self, words: &[&str]) -> Vec<String> {
        let mut networks: Vec<_> = self.bans(words).into_iter().map(|ban| ban.network).collect();
        networks.sort();
        networks.dedup();
        networks
    }
}

impl Ended {
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The end of the error says so.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "no `{words}` in: {}", self.stderr);
        self
    }
}

/// Reads a list of bans, of `ban list` or of a fixture.
pub fn bans(json: &Value) -> Vec<Ban> {
    let text =
        |ban: &Value, key: &str| ban[key].as_str().unwrap_or_else(|| panic!("no {key}: {ban}")).to_owned();
    // HAProxy's times have milliseconds, expectations whole seconds.
    let second = |ban: &Value, key: &str| format!("{}Z", &text(ban, key)[..19]);
    let number = |ban: &Value, key: &str| ban[key].as_u64().unwrap_or_else(|| panic!("no {key}: {ban}"));
    let listed = json["bans"].as_array().unwrap_or_else(|| panic!("no bans: {json}"));
    let mut bans: Vec<_> = listed
        .iter()
        .map(|ban| Ban {
            network: text(ban, "network"),
            rule: text(ban, "rule"),
            from: second(ban, "from"),
            until: second(ban, "until"),
            hits: number(ban, "hits"),
            nth: number(ban, "nth"),
        })
        .collect();
    bans.sort();
    bans
}

/// A line of nginx's combined format, so many seconds into 2026-11-20.
pub fn line(at_s: i64, client: &str, request: &str, status: u16) -> String {
    full_line(at_s, client, "-", request, status, "-", "Mozilla/5.0")
}

/// The same with every field that a client chooses.
pub fn full_line(
    at_s: i64,
    client: &str,
    user: &str,
    request: &str,
    status: u16,
    referer: &str,
    agent: &str,
) -> String {
    format!(
        "{client} - {user} [{}] \"{request}\" {status} 150 \"{referer}\" \"{agent}\"\n",
        date(at_s, "%d/%b/%Y:%H:%M:%S +0000")
    )
}

/// So many seconds into 2026-11-20.
pub fn date(at_s: i64, format: &str) -> String {
    jiff::Timestamp::from_second(DAY_S + at_s).expect("a time").strftime(format).to_string()
}

/// A second as JSON has it.
pub fn instant(at_s: i64) -> String {
    date(at_s, "%Y-%m-%dT%H:%M:%SZ")
}

/// Hits of the rule `sensitive-files`, one a second: enough for a ban, which falls on the fourth.
pub fn secrets(at_s: i64, client: &str) -> String {
    let targets = ["/.env", "/.git/config", "/backup.zip", "/id_rsa"];
    let request = |target: &str| format!("GET {target} HTTP/1.1");
    (at_s..).zip(targets).map(|(at_s, target)| line(at_s, client, &request(target), 404)).collect()
}
