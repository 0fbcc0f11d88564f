//! From the logs that were found to the sources of a configuration: names, formats that compile, patterns that share no
//! file. Reads nothing.

use super::found::{Found, FoundFormat, FoundLog, Note, Target};
use super::patterns::{has_variables, live, takes, without};
use logstat_parsers::{Escape, Format, Options};
use std::path::Path;

/// What one kind of proxy has on this machine.
#[derive(Debug)]
pub struct Proxy {
    /// `nginx` or `HAProxy`.
    pub name: &'static str,
    #[expect(missing_docs)]
    pub found: Found,
}

/// `[[source]]`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "see SourceConfig")]
pub struct Source {
    /// The proxy that writes it.
    pub proxy: &'static str,
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
    /// One whose every format is refused stays a comment, and so does one whose name TOML cannot hold. Without any format
    /// it is detected.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        let is_utf8 = !self.paths.iter().any(|path| path.contains(char::REPLACEMENT_CHARACTER));
        is_utf8 && (!self.formats.is_empty() || self.log.formats.is_empty())
    }

    /// Some of its lines cannot be read.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        !self.is_readable() || self.formats.len() < self.log.formats.len()
    }
}

/// The logs that are files, as sources.
#[must_use]
pub fn sources(proxies: &[Proxy]) -> Vec<Source> {
    let is_file = |log: &&FoundLog| matches!(log.target, Target::File { .. });
    let mut sources = Vec::new();
    for proxy in proxies {
        let logs = merged(proxy.found.logs.iter().filter(is_file).cloned().collect());
        sources.extend(logs.into_iter().map(|log| source(log, proxy.name)));
    }
    let left_out = proxies.iter().flat_map(|proxy| &proxy.found.left_out).map(target_glob);
    let error_logs = proxies.iter().flat_map(|proxy| &proxy.found.error_logs).map(String::as_str);
    let left_out: Vec<&str> = left_out.chain(error_logs).collect();
    narrow(&mut sources, &left_out);
    name(&mut sources);
    sources
}

/// A log that is in no file known here, as a source whose paths a person has to fill in.
#[must_use]
pub fn unplaced(log: &FoundLog, proxy: &'static str) -> Source {
    let name = match &log.target {
        Target::Syslog { facility, tag, .. } => {
            let words = [tag.as_deref().unwrap_or(proxy), facility.as_deref().unwrap_or("syslog")];
            words.join("-")
        }
        Target::Stream(_) | Target::File { .. } => format!("{proxy}-output"),
    };
    Source { name: name.to_lowercase(), paths: vec!["…".to_owned()], ..source(log.clone(), proxy) }
}

fn source(log: FoundLog, proxy: &'static str) -> Source {
    let compiles = |format: &&FoundFormat| {
        let options = Options { escape: format.escape, ..Options::default() };
        Format::compile(&format.text, &options).is_ok()
    };
    let formats: Vec<FoundFormat> = log.formats.iter().filter(compiles).cloned().collect();
    // A source has one mode, and presets have their own; any other format says its mode itself.
    let is_preset = |format: &FoundFormat| format.place.is_none();
    let escape =
        formats.iter().find(|format| !is_preset(format)).map(|format| format.escape).unwrap_or_default();
    let formats = formats.into_iter().map(|format| match is_preset(&format) || format.escape == escape {
        true => format,
        false => FoundFormat { text: format!("escape={} {}", mode(format.escape), format.text), ..format },
    });
    let formats = formats.collect();
    Source {
        proxy,
        name: String::new(),
        paths: vec![glob(&log).to_owned()],
        formats,
        escape,
        tier: None,
        log,
    }
}

/// nginx's word for it.
pub(super) fn mode(escape: Escape) -> &'static str {
    match escape {
        Escape::Default => "default",
        Escape::Json => "json",
        Escape::None => "none",
    }
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

/// A pattern for a name with variables takes the files of other logs too. Their lines must not count twice, so they
/// become one log.
fn merged(logs: Vec<FoundLog>) -> Vec<FoundLog> {
    let (wide, narrow): (Vec<_>, Vec<_>) = logs.into_iter().partition(|log| has_variables(glob(log)));
    let mut kept: Vec<FoundLog> = Vec::new();
    for log in wide.into_iter().chain(narrow) {
        let taker = kept.iter_mut().find(|other| {
            let has_all = has_variables(glob(other)) && takes(glob(other), glob(&log));
            has_all || glob(other) == glob(&log)
        });
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
    append(&mut log.listens, other.listens);
    append(&mut log.passes, other.passes);
    append(&mut log.places, other.places);
    append(&mut log.notes, other.notes);
    log.local_dates |= other.local_dates;
}

/// Keeps every other log out of the patterns of each.
fn narrow(sources: &mut [Source], left_out: &[&str]) {
    for at in 0..sources.len() {
        let pattern = glob(&sources[at].log);
        let others = sources.iter().enumerate().filter(|(other, _)| *other != at);
        let others = others.map(|(_, other)| glob(&other.log)).chain(left_out.iter().copied());
        let taken: Vec<&str> = others.filter(|other| takes(pattern, other)).collect();
        if taken.is_empty() {
            continue;
        }
        match without(pattern, &taken) {
            Some(paths) => sources[at].paths = paths,
            None => {
                let text = format!("the pattern takes {} too, which is another log", taken.join(", "));
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
            // No folder tells them apart.
            None => {
                let taken = |name: &String| sources[..at].iter().any(|source| source.name == *name);
                let numbered = (1..).map(|number| format!("{}-{number}", named(&paths[at], 1)));
                numbered.take(sources.len() + 1).find(|name| !taken(name)).unwrap_or_default()
            }
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
        FoundLog { formats: vec![format], ..FoundLog::new(Target::File { glob: path.to_owned() }) }
    }

    fn nginx(logs: Vec<FoundLog>) -> Proxy {
        Proxy { name: "nginx", found: Found { logs, ..Found::default() } }
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
        // The stem, and the folder only to tell apart.
        assert_eq!(names(&["/tmp/x/y/a.log*", "/tmp/x/y/b.log*", "/tmp/x/z/b.log*"]), ["a", "y-b", "z-b"]);
        assert_eq!(names(&["/tmp/x/*/*.log*", "/tmp/x/*-access.log*"]), ["x-1", "x-2"]);
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
        proxy.found.logs.push(log("/each/*-*.log*", "$msec"));
        proxy.found.error_logs = vec!["/all/error.log*".to_owned(), "/each/a-error.log*".to_owned()];
        let sources = sources(&[proxy]);
        let paths =
            |start: &str| sources.iter().find(|source| source.paths[0].starts_with(start)).expect("a source");
        assert_eq!(paths("/log").paths.len(), 3);
        let all = |name: &str| paths("/all").paths.iter().any(|pattern| takes(pattern, name));
        assert!(all("/all/shop.log") && !all("/all/copy.log") && !all("/all/error.log"));
        assert!(paths("/each").log.notes[0].text.contains("takes /each/a-error.log* too"));
    }

    #[test]
    fn a_log_with_two_uses_is_one_source() {
        let sources =
            sources(&[nginx(vec![log("/log/a.log*", "$msec"), log("/log/a.log*", "$msec $status")])]);
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].formats.len(), 2);
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
}
