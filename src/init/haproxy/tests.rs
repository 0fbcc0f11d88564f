//! Every folder `fixtures/init/haproxy-*` has a configuration and what is found in it: `found.txt`, or `error.txt`.

use super::*;
use crate::init::endpoint::Endpoint;
use crate::init::found::{FoundLog, Note, Target};
use std::fmt::Write as _;
use std::process::Command;

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/init");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let is_ours = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("haproxy-");
    let mut fixtures: Vec<_> = entries.filter(is_ours).collect();
    fixtures.sort();
    assert!(!fixtures.is_empty());
    fixtures
}

/// The configuration of a fixture: a file or a folder.
fn configuration(fixture: &Path) -> Vec<PathBuf> {
    let folder = fixture.join("conf.d");
    let named = if folder.is_dir() { folder } else { fixture.join("haproxy.cfg") };
    locate::locate(&[named]).unwrap().files
}

fn variable(name: &str) -> Option<String> {
    (name == "SYSLOG").then(|| "/dev/log".to_owned())
}

fn found(fixture: &Path) -> anyhow::Result<Found> {
    let configuration = read(&configuration(fixture), &variable)?;
    let mut rsyslog = Rsyslog::read(&fixture.join("rsyslog.conf"));
    rsyslog.path = "rsyslog.conf".into();
    Ok(understand(&configuration, &Machine { rsyslog: &rsyslog, exists: &|_| false }))
}

fn shown(found: &Found) -> String {
    let mut text = String::new();
    for log in &found.logs {
        show_log(&mut text, log);
    }
    show_notes(&mut text, "", &found.notes);
    text
}

fn show_log(text: &mut String, log: &FoundLog) {
    match &log.target {
        Target::File { glob } => writeln!(text, "file {glob}"),
        Target::Syslog { address, facility, tag } => {
            writeln!(text, "syslog {address} {} {}", facility.as_deref().unwrap(), tag.as_deref().unwrap())
        }
        Target::Stream(name) => writeln!(text, "stream {name}"),
    }
    .unwrap();
    for format in &log.formats {
        let place = format.place.as_ref().map(place).unwrap_or_default();
        writeln!(text, "  format {} ({}, {place})", format.text, format.name).unwrap();
        if let Some(captures) = &format.captures {
            writeln!(text, "    captures {:?} {:?}", captures.request, captures.response).unwrap();
        }
    }
    writeln!(text, "  sites {}", log.sites.join(" ")).unwrap();
    let titles = |all: &[Endpoint]| all.iter().map(|one| one.address.title()).collect::<Vec<_>>().join(" ");
    let listens: Vec<_> = log.listens.iter().map(|listens| titles(listens)).collect();
    writeln!(text, "  listens {}", listens.join(", ")).unwrap();
    if !log.passes.is_empty() {
        writeln!(text, "  passes to {}", titles(&log.passes)).unwrap();
    }
    writeln!(text, "  local dates {}", log.local_dates).unwrap();
    let places: Vec<_> = log.places.iter().map(place).collect();
    writeln!(text, "  places {}", places.join(" ")).unwrap();
    show_notes(text, "  ", &log.notes);
}

fn show_notes(text: &mut String, indent: &str, notes: &[Note]) {
    for note in notes {
        let place = note.place.as_ref().map(place).unwrap_or_default();
        writeln!(text, "{indent}note {place} {}", note.text).unwrap();
        if let Some(hint) = &note.hint {
            writeln!(text, "{indent}  hint: {hint}").unwrap();
        }
    }
}

fn place(place: &Place) -> String {
    format!("{}:{}", place.file.file_name().unwrap().to_string_lossy(), place.line)
}

#[test]
fn every_fixture_is_understood() {
    let mut different = String::new();
    for fixture in fixtures() {
        let folder = format!("{}/", fixture.display());
        let (name, actual) = match found(&fixture) {
            Ok(found) => ("found.txt", shown(&found)),
            Err(error) => ("error.txt", format!("{error:#}\n").replace(&folder, "")),
        };
        if std::env::var_os("LOGSTAT_BLESS").is_some() {
            std::fs::write(fixture.join(name), &actual).unwrap();
        }
        if std::fs::read_to_string(fixture.join(name)).unwrap_or_default() != actual {
            write!(different, "== {folder}{name} is not:\n{actual}").unwrap();
        }
    }
    assert!(different.is_empty(), "{different}");
}

#[test]
fn formats_that_are_found_compile() {
    let options = logstat_parsers::Options::default();
    for fixture in fixtures() {
        for log in found(&fixture).unwrap_or_default().logs {
            assert!(!log.formats.is_empty(), "{}", fixture.display());
            for format in &log.formats {
                let said = log.notes.iter().any(|note| note.text.contains("cannot be read"));
                let compiled = logstat_parsers::Format::compile(&format.text, &options);
                assert!(compiled.is_ok() || said, "{}", format.text);
            }
        }
    }
}

#[test]
fn haproxy_itself_takes_the_fixtures_and_refuses_the_broken_ones() {
    if Command::new("haproxy").arg("-v").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "haproxy is not installed");
        eprintln!("skipped: haproxy is not installed");
        return;
    }
    for fixture in fixtures() {
        let files = configuration(&fixture);
        let arguments = files.iter().flat_map(|file| [Path::new("-f"), file]);
        let output =
            Command::new("haproxy").arg("-c").args(arguments).env("SYSLOG", "/dev/log").output().unwrap();
        let broken = fixture.join("error.txt").exists();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), !broken, "{}: {complaint}", fixture.display());
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = find(&[PathBuf::from("/nonexistent/haproxy.cfg")]).unwrap_err();
    assert!(format!("{error:#}").starts_with("/nonexistent/haproxy.cfg: No such file"), "{error:#}");
}
