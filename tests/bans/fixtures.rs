//! Every log in `fixtures/bans` against what `expect_bans.py` found in it, which shares no code with us: at once, in any
//! runs, with any threads.

use super::host::{Ban, Host, bans};
use crate::lab::fixture;
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

const INGEST: [&str; 3] = ["ingest", "--max-reject-ratio", "1"];

/// A log and its expectation.
struct Case {
    name: String,
    log: PathBuf,
    format: String,
    escape: String,
    rules: Vec<String>,
    proxies: Value,
    bans: Vec<Ban>,
}

impl Case {
    fn all() -> Vec<Self> {
        let folder = PathBuf::from(fixture("bans"));
        let mut cases = Vec::new();
        for entry in fs::read_dir(&folder).expect("the fixtures") {
            let path = entry.expect("an entry").path();
            let file = path.file_name().expect("a name").to_string_lossy().into_owned();
            let Some(name) = file.strip_suffix(".expected.json") else { continue };
            let facts: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
            let log = [".log", ".log.gz"].map(|end| folder.join(format!("{name}{end}")));
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            cases.push(Self {
                name: name.to_owned(),
                log: log.into_iter().find(|log| log.exists()).expect("a log"),
                format: text(&facts["format"]),
                escape: facts["escape"].as_str().unwrap_or("default").to_owned(),
                rules: facts["rules"]
                    .as_array()
                    .map(|rules| rules.iter().map(text).collect())
                    .unwrap_or_default(),
                proxies: facts["trusted_proxies"].clone(),
                bans: bans(&facts),
            });
        }
        assert!(cases.len() >= 20, "only {} fixtures", cases.len());
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    }

    /// With its rules and proxies, and nothing in its logs yet.
    fn host(&self) -> Host {
        let mut bans = "[ban]\n".to_owned();
        if !self.rules.is_empty() {
            bans += &format!("rules = {:?}\n", self.rules);
        }
        if !self.proxies.is_null() {
            // A list of texts is the same in JSON and TOML.
            bans += &format!("trusted_proxies = {}\n", self.proxies);
        }
        Host::with_format(&self.format, &self.escape, &bans)
    }

    /// The log, unpacked.
    fn bytes(&self) -> Vec<u8> {
        let mut file = File::open(&self.log).expect("a log");
        let mut bytes = Vec::new();
        if self.log.extension().is_some_and(|end| end == "gz") {
            GzDecoder::new(file).read_to_end(&mut bytes).expect("a gzip");
        } else {
            file.read_to_end(&mut bytes).expect("a log");
        }
        bytes
    }

    /// How the log is to be read. Rejects are what some of these are about.
    fn told(&self) -> [&str; 8] {
        ["--format", &self.format, "--escape", &self.escape, "--log-tz", "UTC", "--max-reject-ratio", "1"]
    }

    /// The words for one look at the log.
    fn words(&self) -> Vec<String> {
        let mut words = vec![self.log.display().to_string()];
        words.extend(self.told().map(str::to_owned));
        words
    }

    #[track_caller]
    fn check(&self, found: &[Ban], how: &str) {
        let missing: Vec<_> = self.bans.iter().filter(|ban| !found.contains(ban)).collect();
        let wrong: Vec<_> = found.iter().filter(|ban| !self.bans.contains(ban)).collect();
        let name = &self.name;
        assert!(
            missing.is_empty() && wrong.is_empty(),
            "{name}, {how}\nmissing: {missing:#?}\nwrong: {wrong:#?}"
        );
        assert_eq!(found.len(), self.bans.len(), "{name}, {how}: a ban twice");
    }
}

#[test]
fn every_log_gives_the_bans_that_are_expected() {
    for case in Case::all() {
        let words = case.words();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        case.check(&case.host().bans(&words), "at once");
    }
}

#[test]
fn rules_can_be_named_on_the_command_line() {
    for case in Case::all().iter().filter(|case| !case.rules.is_empty() && case.proxies.is_null()) {
        let mut words = case.words();
        words.extend(case.rules.iter().flat_map(|rule| ["--rule".to_owned(), rule.clone()]));
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        case.check(&Host::new("").bans(&words), "by --rule");
    }
}

#[test]
fn every_shipped_rule_has_a_log_with_hits_and_near_misses() {
    let rules = Host::new("").run(&["ban", "rules", "--json"]).with(0).json();
    let names = rules.as_array().expect("rules").iter();
    let shipped: BTreeSet<_> = names.map(|rule| rule["rule"].as_str().expect("a name").to_owned()).collect();
    let cases = Case::all();
    let banning: BTreeSet<_> = cases.iter().flat_map(|case| &case.bans).map(|ban| ban.rule.clone()).collect();
    assert_eq!(banning, shipped);
}

#[test]
fn threads_and_blocks_do_not_show() {
    for case in Case::all() {
        let words = case.words();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        for (threads, block) in [("1", "2097152"), ("3", "1000"), ("7", "65536"), ("2", "313")] {
            let words = [&words[..], &["--threads", threads, "--block-bytes", block]].concat();
            case.check(&case.host().bans(&words), &format!("{threads} threads, blocks of {block} bytes"));
        }
    }
}

#[test]
fn any_runs_give_the_same_bans() {
    for case in Case::all() {
        let bytes = case.bytes();
        for seed in 1..=3 {
            let host = case.host();
            let cuts = cuts(seed, bytes.len());
            // Some commits in each run.
            let batch = (bytes.len() / 12).to_string();
            let mut from = 0;
            for to in cuts.iter().copied().chain([bytes.len()]) {
                host.append("access.log", &bytes[from..to]);
                host.run(&[&INGEST[..], &["--block-bytes", "4096", "--batch-bytes", &batch]].concat())
                    .with(0);
                from = to;
            }
            case.check(&host.bans(&[]), &format!("in runs cut at {cuts:?}"));
        }
    }
}

#[test]
fn rotation_and_compression_give_the_same_bans() {
    for case in Case::all() {
        let (host, bytes) = (case.host(), case.bytes());
        let half = bytes.len() / 2;
        host.append("access.log", &bytes[..half]);
        host.run(&INGEST).with(0);
        // The rest of the old file, its rotation, and a new one.
        let end =
            bytes[half..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| half + at + 1);
        host.append("access.log", &bytes[half..end]);
        fs::rename(host.path("access.log"), host.path("access.log.1")).expect("renamed");
        let packed = std::process::Command::new("gzip").arg(host.path("access.log.1")).status();
        assert!(packed.expect("gzip is needed for this test").success());
        host.write("access.log", &bytes[end..]);
        host.run(&INGEST).with(0);
        case.check(&host.bans(&[]), "rotated");
        // Both files at one look.
        case.check(&host.bans(&[&["access.log*"], &case.told()[..]].concat()), "both files at once");
    }
}

/// Two to six places, anywhere in lines.
fn cuts(seed: u64, length: usize) -> Vec<usize> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut draw = move || {
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9).wrapping_add(seed);
        (state >> 20) as usize
    };
    let mut cuts: Vec<_> = (0..2 + draw() % 5).map(|_| draw() % length).collect();
    cuts.sort_unstable();
    cuts
}
