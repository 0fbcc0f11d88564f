//! Real logs, read as other projects read them: every field of theirs that a record has is compared on every line.
//! Skipped where the corpus is not beside the repository.
//!
//! `logs` is the table of logs, `oracle` reads what others expect, `fields` says which field of theirs is which of ours,
//! `counters` and `aggregates` compare counts. Where ours differs, `differences.tsv` says why it is right; lines that are
//! rejected or cut are in `rejects.tsv`. A row that is no longer true fails as much as one that is missing.

#[path = "../common/mod.rs"]
mod common;

mod aggregates;
mod counters;
mod fields;
mod logs;
mod oracle;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use fields::Dialect;
use logs::{LOGS, Log, Oracle};
use logstat_parsers::{Format, Line, Options, Record, detect};

/// A file of the corpus, or `None` with a note where there is no corpus.
fn corpus(name: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    if !folder.exists() {
        println!("skipped: corpus absent");
        return None;
    }
    Some(fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn corpus_text(name: &str) -> Option<String> {
    Some(String::from_utf8(corpus(name)?).expect("UTF-8"))
}

/// What the first format makes of a line that reads it whole, or else in part, or gets furthest in it.
fn read<'l>(formats: &[Format], line: &'l [u8]) -> Line<'l> {
    let rank = |read: &Line<'_>| match read {
        Line::Record(record) if !record.truncated => (0, Reverse(0)),
        Line::Record(_) => (1, Reverse(0)),
        Line::Event(_) => (2, Reverse(0)),
        Line::Blank => (3, Reverse(0)),
        Line::Reject(reject) => (4, Reverse(reject.byte)),
    };
    let readings = formats.iter().map(|format| format.parser(0).parse(line));
    readings.min_by_key(rank).expect("a format")
}

/// Complains unless the found rows are those of a table, whose last column is the reason.
fn assert_listed(found: &BTreeSet<String>, table: &str, name: &str) {
    let mut listed = BTreeMap::new();
    for row in table.lines().skip(1) {
        let (row, reason) = row.rsplit_once('\t').unwrap_or((row, ""));
        assert!(reason.contains(' '), "{name}: no reason for {row}");
        assert_eq!(listed.insert(row.to_owned(), reason), None, "{name}: twice {row}");
    }
    let new: Vec<&String> = found.iter().filter(|row| !listed.contains_key(*row)).collect();
    let gone: Vec<&String> = listed.keys().filter(|row| !found.contains(*row)).collect();
    assert!(new.is_empty() && gone.is_empty(), "{name} lacks:\n{new:#?}\nand has in vain:\n{gone:#?}");
}

#[test]
fn every_file_of_the_corpus_is_in_the_table() {
    let Some(manifest) = corpus_text("MANIFEST.tsv") else { return };
    let known: BTreeSet<&str> =
        LOGS.iter().flat_map(|log| [log.file, log.oracle.file().unwrap_or("")]).collect();
    for file in manifest.lines().skip(1).map(|row| row.split('\t').next().expect("a file")) {
        // The cases are the same assertions in a form that is easier to read.
        assert!(known.contains(file) || file.ends_with("__parser.assert"), "{file} is not in the table");
    }
}

#[test]
fn detection_chooses_the_format() {
    let mut wrong = Vec::new();
    for log in LOGS.iter().filter(|log| !matches!(log.oracle, Oracle::Logstash(_))) {
        let Some(bytes) = corpus(log.file) else { return };
        let best = detect(&bytes, &Options::default()).best.map(|best| best.preset.name);
        if best != log.detected {
            wrong.push((log.file, best));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_line_is_read_whole_or_listed() {
    let mut found = BTreeSet::new();
    for log in LOGS {
        let Some(lines) = log.lines() else { return };
        let formats = log.formats();
        for (number, line) in (1..).zip(&lines) {
            let kind = match read(&formats, line) {
                Line::Reject(reject) => reject.kind.name(),
                Line::Record(record) if record.truncated => "truncated",
                _ => continue,
            };
            found.insert(format!("{}\t{number}\t{kind}", log.file));
        }
    }
    assert_listed(&found, include_str!("rejects.tsv"), "rejects.tsv");
}

#[test]
fn every_field_is_theirs_or_listed_as_difference() {
    let mut comparison = Comparison::default();
    for log in LOGS {
        let Some(lines) = log.lines() else { return };
        comparison.add(log, &lines);
    }
    for dialect in LOGS.iter().filter_map(|log| log.oracle.dialect()) {
        for (name, _) in fields::names(dialect) {
            assert!(comparison.names.contains(&(dialect, name)), "{dialect:?} never has the field {name}");
        }
    }
    assert!(comparison.compared > 2_000, "only {} fields were compared", comparison.compared);
    assert_listed(&comparison.differences, include_str!("differences.tsv"), "differences.tsv");
}

/// What comparing came to.
#[derive(Default)]
struct Comparison {
    differences: BTreeSet<String>,
    names: BTreeSet<(Dialect, &'static str)>,
    compared: usize,
}

impl Comparison {
    fn add(&mut self, log: &Log, lines: &[Vec<u8>]) {
        let formats = log.formats();
        if let Oracle::Mtail(golden) = log.oracle {
            for (number, name, theirs, ours) in counters::compare(golden, &formats, lines) {
                self.compare(log.file, number, &name, &theirs, &ours);
            }
        }
        for expected in oracle::expectations(log, lines) {
            let (theirs, ours) = match (expected.fields, read(&formats, &lines[expected.line - 1])) {
                (Some(fields), Line::Record(record)) => {
                    for (name, theirs) in &fields {
                        self.field(log, expected.line, name, theirs, &record);
                    }
                    continue;
                }
                // Rejects are in a table of their own.
                (_, Line::Reject(_)) | (None, Line::Event(_) | Line::Blank) => continue,
                (None, Line::Record(_)) => ("nothing", "record".to_owned()),
                (Some(_), Line::Event(event)) => ("record", format!("event {:?}", event.kind)),
                (Some(_), Line::Blank) => ("record", "blank".to_owned()),
            };
            self.compare(log.file, expected.line, "line", theirs, &ours);
        }
    }

    fn field(&mut self, log: &Log, line: usize, name: &str, theirs: &str, record: &Record<'_>) {
        let dialect = log.oracle.dialect().expect("fields have a dialect");
        let Some((known, field)) = fields::meaning(dialect, name) else {
            panic!("{}:{line}: fields.rs does not know what {dialect:?} means by {name}", log.file);
        };
        self.names.insert((dialect, known));
        if let Some(field) = field {
            self.compare(log.file, line, name, &field.spelled(theirs), &field.of(record));
        }
    }

    fn compare(&mut self, file: &str, line: usize, name: &str, theirs: &str, ours: &str) {
        self.compared += 1;
        if theirs != ours {
            self.differences.insert(format!("{file}\t{line}\t{name}\t{theirs}\t{ours}"));
        }
    }
}
