//! Writes `logstat.toml`, with where everything comes from in comments. Writes no file.

use super::found::{FoundFormat, FoundLog, Note, Place, Target};
use super::sources::{Proxy, Source, mode};
use logstat_parsers::Escape;
use logstat_reports::text::safe;
use std::fmt::Write as _;

/// Sites that a comment names; a shared host has thousands.
const SITES: usize = 12;
/// Directives that a comment names, for the same reason.
const PLACES: usize = 6;

const HEAD: &str = "\
# Written by `logstat init` from the configuration of nginx and HAProxy: each access log with its exact format.
# Check it with `logstat check`; then `logstat report` reports these sources.
";
const TIERS: &str = "
# The tiers are assumed: HAProxy (lb) in front of nginx (web). Totals count each request once, at the outermost tier.
# With nginx in front, make its tier \"edge\".
";

/// The whole file. `zone` is the machine's, for dates without an offset.
#[must_use]
pub fn text(proxies: &[Proxy], sources: &[Source], zone: Option<&str>) -> String {
    let mut text = HEAD.to_owned();
    if sources.iter().any(|source| source.tier.is_some()) {
        text.push_str(TIERS);
    }
    for source in sources {
        text.push('\n');
        add_source(&mut text, source, zone);
    }
    for proxy in proxies {
        for log in &proxy.found.logs {
            add_other(&mut text, log);
        }
        if !proxy.found.notes.is_empty() {
            let _ = write!(text, "\n# {}:\n", proxy.name);
            add_notes(&mut text, &proxy.found.notes);
        }
    }
    text
}

/// A comment, whatever it holds.
fn comment(text: &mut String, words: &str) {
    for line in words.lines() {
        let _ = writeln!(text, "# {}", safe(line).trim_end());
    }
}

/// `/etc/nginx/nginx.conf:22`.
pub(super) fn place(place: &Place) -> String {
    format!("{}:{}", place.file.display(), place.line)
}

/// `place: text`, and the hint on a line of its own.
pub(super) fn note(note: &Note) -> String {
    let place = note.place.as_ref().map(|at| format!("{}: ", place(at))).unwrap_or_default();
    let hint = note.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("{place}{}{hint}", note.text)
}

/// What is the same in several places is said once.
fn add_notes(text: &mut String, notes: &[Note]) {
    let is_same = |a: &Note, b: &Note| a.text == b.text && a.hint == b.hint;
    for (at, about) in notes.iter().enumerate() {
        if notes[..at].iter().any(|earlier| is_same(earlier, about)) {
            continue;
        }
        let others = notes[at + 1..].iter().filter(|later| is_same(later, about));
        let others = others.filter_map(|later| later.place.as_ref()).map(|at| format!("{}, ", place(at)));
        let mut said = note(about);
        if let Some(first) = about.place.as_ref().map(place) {
            let rest: String = others.collect();
            said = said.replacen(&first, format!("{first}, {rest}").trim_end_matches(", "), 1);
        }
        comment(text, &said);
    }
}

fn add_source(text: &mut String, source: &Source, zone: Option<&str>) {
    add_origin(text, &source.log);
    let readable = source.is_readable();
    let mut table = "[[source]]\n".to_owned();
    let _ = writeln!(table, "name = {}", string(&source.name));
    let _ = writeln!(table, "paths = {}", strings(&source.paths));
    add_formats(&mut table, if readable { &source.formats } else { &source.log.formats });
    if source.escape != Escape::Default {
        let _ = writeln!(table, "escape = {}", string(mode(source.escape)));
    }
    if source.log.local_dates {
        match zone {
            Some(zone) => {
                let _ = writeln!(
                    table,
                    "timezone = {}  # this machine's; dates in this log have no offset",
                    string(zone)
                );
            }
            None => comment(
                &mut table,
                "dates in this log have no offset: timezone = \"Area/City\" names their zone",
            ),
        }
    }
    if let Some(tier) = source.tier {
        let _ = writeln!(table, "tier = {}", string(tier));
    }
    if readable {
        text.push_str(&table);
    } else {
        comment(text, &table);
    }
}

/// Where a log and its formats are configured, who writes to it, and what is odd about it.
fn add_origin(text: &mut String, log: &FoundLog) {
    let mut origins: Vec<String> = log.places.iter().map(place).collect();
    shorten(&mut origins, PLACES);
    let formats = log.formats.iter().map(|format| match &format.place {
        Some(at) => format!("format \"{}\" from {}", format.name, place(at)),
        None => format!("format \"{}\"", format.name),
    });
    comment(text, &origins.into_iter().chain(formats).collect::<Vec<_>>().join(", "));
    if !log.sites.is_empty() {
        let mut sites = log.sites.clone();
        shorten(&mut sites, SITES);
        comment(text, &format!("sites: {}", sites.join(", ")));
    }
    add_notes(text, &log.notes);
}

fn shorten(all: &mut Vec<String>, most: usize) {
    if all.len() > most {
        let more = all.len() - most;
        all.truncate(most);
        all.push(format!("{more} more"));
    }
}

fn add_formats(text: &mut String, formats: &[FoundFormat]) {
    match formats {
        [] => {}
        [format] => {
            let _ = writeln!(text, "format = {}", string(&format.text));
        }
        several => {
            text.push_str("format = [\n");
            for format in several {
                let _ = writeln!(text, "    {},", string(&format.text));
            }
            text.push_str("]\n");
        }
    }
    if let Some(captures) = formats.iter().find_map(|format| format.captures.as_ref()) {
        for (key, names) in [("capture_request", &captures.request), ("capture_response", &captures.response)]
        {
            if !names.is_empty() {
                let _ = writeln!(text, "{key} = {}", strings(names));
            }
        }
    }
}

/// What does not go to a file, with the way to read it nevertheless.
fn add_other(text: &mut String, log: &FoundLog) {
    let way = match &log.target {
        Target::File { .. } => return,
        Target::Stream(name) => format!(
            "{name} is no file. In a container: docker logs NAME 2>/dev/null | logstat report - --format '…'\n\
             As a unit: journalctl -o cat -u UNIT | logstat report - --format '…'"
        ),
        Target::Syslog { address, facility, tag } => {
            let facility = facility.as_deref().unwrap_or("local0");
            let tag = tag.as_deref().unwrap_or("haproxy");
            if address.starts_with('/') {
                format!(
                    "goes to syslog at {address}, facility {facility}, tag {tag}. A file that rsyslog writes belongs in a \
                     [[source]];\nfrom the journal: journalctl -t {tag} | logstat report - --format '…'"
                )
            } else {
                format!(
                    "goes to syslog at {address}, facility {facility}, tag {tag}: run logstat where that writes its files"
                )
            }
        }
    };
    text.push('\n');
    add_origin(text, log);
    let is_told = |note: &Note| note.hint.as_ref().is_some_and(|hint| hint.contains("logstat "));
    if !log.notes.iter().any(is_told) {
        comment(text, &way);
    }
    let mut formats = String::new();
    add_formats(&mut formats, &log.formats);
    comment(text, &formats);
}

fn strings(all: &[String]) -> String {
    format!("[{}]", all.iter().map(|one| string(one)).collect::<Vec<_>>().join(", "))
}

/// A TOML string: as it is, in single quotes, where that can be.
fn string(text: &str) -> String {
    let plain = |c: char| !c.is_control() && !matches!(c, '\'' | '"' | '\\');
    if text.chars().all(plain) {
        return format!("\"{text}\"");
    }
    if !text.contains('\'') && text.chars().all(|c| !c.is_control()) {
        return format!("'{text}'");
    }
    let mut escaped = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(escaped, "\\u{:04X}", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped.push('"');
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_string_comes_back(text: String) {
            let table: toml::Table = toml::from_str(&format!("key = {}", string(&text))).expect("TOML");
            prop_assert_eq!(table["key"].as_str(), Some(text.as_str()));
        }

        #[test]
        fn a_comment_stays_one(words: String) {
            let mut text = String::new();
            comment(&mut text, &words);
            prop_assert_eq!(toml::from_str::<toml::Table>(&text).expect("TOML"), toml::Table::new());
        }
    }
}
