//! From the logs that were found to the sources of a configuration: names, patterns that share no file, tiers. Reads
//! nothing.

use super::found::{Found, FoundFormat, FoundLog, Note, Target};
use logstat_parsers::{Escape, Format, Options};
use std::path::Path;

/// What one kind of proxy has on this machine.
#[derive(Debug)]
pub struct Proxy {
    /// `nginx` or `HAProxy`.
    pub name: &'static str,
    /// Its tier where there are several.
    pub tier: &'static str,
    #[expect(missing_docs)]
    pub found: Found,
}

/// `[[source]]`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "see SourceConfig")]
pub struct Source {
    pub name: String,
    pub paths: Vec<String>,
    /// Those that compile.
    pub formats: Vec<FoundFormat>,
    /// Of all the formats that are kept.
    pub escape: Escape,
    pub tier: Option<&'static str>,
    /// What was found, for the comments.
    pub log: FoundLog,
}

impl Source {
    /// One whose every format is refused stays a comment. Without any format it is detected.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        !self.formats.is_empty() || self.log.formats.is_empty()
    }
}

/// The logs that are files, as sources.
#[must_use]
pub fn sources(proxies: &[Proxy]) -> Vec<Source> {
    let is_file = |log: &&FoundLog| matches!(log.target, Target::File { .. });
    let with_files = proxies.iter().filter(|proxy| proxy.found.logs.iter().any(|log| is_file(&log)));
    let tiered = with_files.count() > 1;
    let mut sources = Vec::new();
    for proxy in proxies {
        let logs = merged(proxy.found.logs.iter().filter(is_file).cloned().collect());
        let tier = tiered.then_some(proxy.tier);
        sources.extend(logs.into_iter().map(|log| source(log, tier)));
    }
    let left_out: Vec<&str> =
        proxies.iter().flat_map(|proxy| &proxy.found.left_out).map(target_glob).collect();
    narrow(&mut sources, &left_out);
    name(&mut sources);
    sources
}

fn source(mut log: FoundLog, tier: Option<&'static str>) -> Source {
    let compiles = |format: &&FoundFormat| {
        let options = Options { escape: format.escape, ..Options::default() };
        Format::compile(&format.text, &options).is_ok()
    };
    let formats: Vec<FoundFormat> = log.formats.iter().filter(compiles).cloned().collect();
    // A source has one mode; presets have their own.
    let is_preset = |format: &FoundFormat| format.place.is_none();
    let escape =
        formats.iter().find(|format| !is_preset(format)).map(|format| format.escape).unwrap_or_default();
    let (formats, others): (Vec<_>, Vec<_>) =
        formats.into_iter().partition(|format| is_preset(format) || format.escape == escape);
    log.notes.extend(others.into_iter().map(|format| Note {
        text: format!(
            "lines in format \"{}\" are rejects: it has another escape= than the first",
            format.name
        ),
        place: format.place,
        hint: Some("give them a log of their own".to_owned()),
    }));
    Source { name: String::new(), paths: vec![glob(&log).to_owned()], formats, escape, tier, log }
}

fn glob(log: &FoundLog) -> &str {
    target_glob(&log.target)
}

/// Empty for what is no file.
fn target_glob(target: &Target) -> &str {
    match target {
        Target::File { glob } => glob,
        Target::Syslog { .. } | Target::Stream(_) => "",
    }
}

/// The live file, with a stand-in for what varies.
fn live(glob: &str) -> String {
    let unescaped = glob.replace("[[]", "[").replace("[]]", "]").replace("[?]", "?");
    let unstarred = unescaped.strip_suffix('*').unwrap_or(&unescaped);
    unstarred.replace("[*]", "\0").replace('*', "x").replace('\0', "*")
}

/// Does the first pattern take the live file of the second?
fn takes(pattern: &str, other: &str) -> bool {
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_with(&live(other), options))
}

fn has_variables(glob: &str) -> bool {
    glob.replace("[*]", "").trim_end_matches('*').contains('*')
}

/// A pattern for a name with variables takes the files of other logs too. Their lines must not count twice, so they
/// become one log.
fn merged(logs: Vec<FoundLog>) -> Vec<FoundLog> {
    let (wide, narrow): (Vec<_>, Vec<_>) = logs.into_iter().partition(|log| has_variables(glob(log)));
    let mut kept: Vec<FoundLog> = Vec::new();
    for log in wide.into_iter().chain(narrow) {
        let taker =
            kept.iter_mut().find(|other| has_variables(glob(other)) && takes(glob(other), glob(&log)));
        match taker {
            Some(taker) => join(taker, log),
            None => kept.push(log),
        }
    }
    kept
}

fn join(log: &mut FoundLog, other: FoundLog) {
    fn append<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
        for one in more {
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    append(&mut log.formats, other.formats);
    append(&mut log.sites, other.sites);
    append(&mut log.places, other.places);
    append(&mut log.notes, other.notes);
    log.local_dates |= other.local_dates;
}

/// `access.log*` would take `access.log-slow`, another log: then only what rotation makes of it.
fn narrow(sources: &mut [Source], left_out: &[&str]) {
    for at in 0..sources.len() {
        let pattern = glob(&sources[at].log);
        let others = sources.iter().enumerate().filter(|(other, _)| *other != at);
        let mut others = others.map(|(_, other)| glob(&other.log)).chain(left_out.iter().copied());
        let Some(taken) = others.find(|other| takes(pattern, other)) else { continue };
        match pattern.strip_suffix('*').filter(|_| !has_variables(pattern)) {
            Some(base) => {
                sources[at].paths = vec![base.to_owned(), format!("{base}.[0-9]*"), format!("{base}-[0-9]*")];
            }
            None => {
                let text = format!("the pattern takes {taken} too, whose requests then count twice");
                let hint = Some("write that log to another folder".to_owned());
                sources[at].log.notes.push(Note { place: None, text, hint });
            }
        }
    }
}

/// A name of its own for each: the file's, with as many of its folders as it needs.
fn name(sources: &mut [Source]) {
    let paths: Vec<Vec<String>> = sources.iter().map(|source| words(glob(&source.log))).collect();
    let longest = paths.iter().map(Vec::len).max().unwrap_or_default();
    let named = |words: &[String], count: usize| words[words.len().saturating_sub(count)..].join("-");
    for at in 0..sources.len() {
        let own = |count: usize| {
            let name = named(&paths[at], count);
            paths.iter().enumerate().all(|(other, words)| other == at || named(words, count) != name)
        };
        let count = (1..=longest).find(|count| own(*count));
        sources[at].name = match count {
            Some(count) => named(&paths[at], count),
            None => format!("{}-{}", named(&paths[at], longest), at + 1),
        };
    }
}

/// The words of a path that say something: `/var/log/nginx/shop.access.log*` has `nginx` and `shop`.
fn words(glob: &str) -> Vec<String> {
    // What varies says nothing.
    let fixed = glob.replace("[*]", "").replace('*', "");
    let live = live(&fixed);
    let path = Path::new(&live);
    let folders = path.parent().into_iter().flat_map(Path::components);
    let folders = folders.map(|folder| folder.as_os_str().to_string_lossy().into_owned());
    let dull = ["/", "var", "log", "logs", "srv", "home", "opt", "usr", "share", "local"];
    let mut words: Vec<String> = folders.filter(|folder| !dull.contains(&folder.as_str())).collect();
    let file = path.file_name().unwrap_or_default().to_string_lossy().replace(".log", "");
    let stem = file.strip_suffix(".gz").unwrap_or(&file);
    let parts = stem.split(['.', '_', '-']).filter(|part| !matches!(*part, "access" | ""));
    let stem = parts.collect::<Vec<_>>().join("-");
    if !stem.is_empty() || words.is_empty() {
        words.push(if stem.is_empty() { "access".to_owned() } else { stem });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::found::Place;
    use super::*;

    fn log(path: &str, format: &str) -> FoundLog {
        let text = format.to_owned();
        let place = Some(Place { file: "nginx.conf".into(), line: 1 });
        let format =
            FoundFormat { name: "x".to_owned(), text, escape: Escape::Default, captures: None, place };
        FoundLog {
            target: Target::File { glob: path.to_owned() },
            formats: vec![format],
            sites: Vec::new(),
            local_dates: false,
            places: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn nginx(logs: Vec<FoundLog>) -> Proxy {
        Proxy { name: "nginx", tier: "web", found: Found { logs, ..Found::default() } }
    }

    fn names(paths: &[&str]) -> Vec<String> {
        let logs = paths.iter().map(|path| log(path, "$msec")).collect();
        sources(&[nginx(logs)]).into_iter().map(|source| source.name).collect()
    }

    #[test]
    fn names_are_short_and_differ() {
        assert_eq!(names(&["/var/log/nginx/access.log*"]), ["nginx"]);
        assert_eq!(
            names(&["/var/log/nginx/access.log*", "/var/log/nginx/shop.access.log*"]),
            ["nginx", "shop"]
        );
        assert_eq!(names(&["/srv/a/logs/access.log*", "/srv/b/logs/access.log*"]), ["a", "b"]);
        assert_eq!(names(&["/srv/a/web.log*", "/srv/b/web.log*"]), ["a-web", "b-web"]);
        assert_eq!(names(&["/log/a.log*", "/log/a_access.log*"]), ["a-1", "a-2"]);
    }

    #[test]
    fn patterns_share_no_file() {
        let logs = vec![log("/log/access.log*", "$msec"), log("/log/access.log-slow*", "$msec")];
        let sources = sources(&[nginx(logs)]);
        assert_eq!(sources[0].paths, ["/log/access.log", "/log/access.log.[0-9]*", "/log/access.log-[0-9]*"]);
        assert_eq!(sources[1].paths, ["/log/access.log-slow*"]);
    }

    #[test]
    fn a_log_that_is_left_out_is_in_no_pattern() {
        let mut proxy = nginx(vec![log("/log/access.log*", "$msec"), log("/all/*.log*", "$msec")]);
        let left_out = |path: &str| Target::File { glob: path.to_owned() };
        proxy.found.left_out = vec![left_out("/log/access.log.json*"), left_out("/all/copy.log*")];
        let sources = sources(&[proxy]);
        let paths =
            |start: &str| sources.iter().find(|source| source.paths[0].starts_with(start)).expect("a source");
        assert_eq!(paths("/log").paths.len(), 3);
        assert!(paths("/all").log.notes[0].text.contains("takes /all/copy.log* too"));
    }

    #[test]
    fn a_pattern_of_variables_takes_in_the_logs_that_it_matches() {
        let logs =
            vec![log("/log/a.log*", "$msec $status"), log("/log/*.log*", "$msec"), log("/b/a.log*", "$msec")];
        let sources = sources(&[nginx(logs)]);
        let paths: Vec<&String> = sources.iter().flat_map(|source| &source.paths).collect();
        assert_eq!(paths, ["/log/*.log*", "/b/a.log*"]);
        let formats: Vec<&str> = sources[0].formats.iter().map(|format| format.text.as_str()).collect();
        assert_eq!(formats, ["$msec", "$msec $status"]);
    }

    #[test]
    fn tiers_are_told_apart_only_where_there_are_several() {
        let tiers = |proxies: &[Proxy]| sources(proxies).iter().map(|source| source.tier).collect::<Vec<_>>();
        let haproxy = |logs| Proxy { name: "HAProxy", tier: "lb", found: Found { logs, ..Found::default() } };
        let one = || vec![log("/log/a.log*", "$msec")];
        assert_eq!(tiers(&[nginx(one()), haproxy(Vec::new())]), [None]);
        let two = vec![log("/log/haproxy.log*", "%t")];
        assert_eq!(tiers(&[nginx(one()), haproxy(two)]), [Some("web"), Some("lb")]);
    }
}
