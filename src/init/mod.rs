//! `logstat init`: finds the logs of nginx and HAProxy by their configuration, and writes `logstat.toml`.
//!
//! * [`nginx`] and [`haproxy`] say what is there, in the types of [`found`]; [`rsyslog`] knows the files of syslog;
//! * [`paths`] gives each file one name, and [`patterns`] keeps the files of different logs apart;
//! * [`mod@sources`] makes sources of it, [`tiers`] puts them in order by their [`endpoint`]s, and [`text`] writes the
//!   file.

pub mod endpoint;
pub mod found;
pub mod haproxy;
pub mod nginx;
pub mod paths;
pub mod patterns;
pub mod rsyslog;
pub mod sources;
pub mod text;
pub mod tiers;

use crate::cli::InitArgs;
use crate::config;
use crate::exit::Exit;
use crate::output::say;
use crate::source::{DiscoverError, discover};
use anyhow::{Context, bail, ensure};
use endpoint::Hosts;
use found::{FoundLog, Note, Target};
use jiff::tz::TimeZone;
use logstat_parsers::{Escape, Format, Options};
use logstat_reports::write::write_atomically;
use sources::{Proxy, Source, sources};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Where it is written when nothing else is said; `logstat report` looks there first.
const TARGET: &str = "logstat.toml";

/// Carries it out. What was found goes to standard error.
///
/// # Errors
/// When there is no log to be found, or the file exists already or cannot be written.
pub fn run(args: &InitArgs) -> anyhow::Result<Exit> {
    let target = args.config.clone().unwrap_or_else(|| TARGET.into());
    if !args.print && !args.force && target.symlink_metadata().is_ok() {
        bail!(
            "{}: exists already\nhint: --force replaces it, --print shows what it would be",
            target.display()
        );
    }
    let mut proxies = proxies(args)?;
    paths::unify(&mut proxies);
    let mut sources = sources(&proxies);
    let tiers = tiers::assign(&mut sources, &Hosts::of_this_machine());
    let is_explained = complain(&proxies, &sources, tiers.as_ref());
    let others = proxies.iter().flat_map(|proxy| &proxy.found.logs);
    if sources.is_empty() && others.count() == 0 {
        bail!(nothing_found(args, is_explained));
    }
    let zone = TimeZone::system();
    let text = text::text(&proxies, &sources, tiers.as_ref(), zone.iana_name());
    verify(&target, &text, &sources)?;
    if args.print {
        print(&text)?;
    } else {
        write(&target, &text)?;
        say(&format!("wrote {}: {}", target.display(), counted(readable(&sources).count())));
    }
    readable(&sources).for_each(summarize);
    let is_empty = readable(&sources).next().is_none();
    if is_empty {
        say("none of the logs can be read as it is\nhint: the comments in the file say why, and what to do");
    } else if !args.print {
        say("next: `logstat check` tries the formats on the logs, `logstat report` reports them");
    }
    let is_incomplete = proxies.iter().any(|proxy| proxy.found.incomplete);
    let is_refused = sources.iter().any(Source::is_refused);
    Ok(if is_empty || is_incomplete || is_refused { Exit::LimitExceeded } else { Exit::Done })
}

/// Both where nothing is named, else what is named.
fn proxies(args: &InitArgs) -> anyhow::Result<Vec<Proxy>> {
    let mut proxies = Vec::new();
    if !args.nginx.is_empty() || args.haproxy.is_empty() {
        proxies.push(Proxy { name: "nginx", found: nginx::find(&args.nginx)? });
    }
    if !args.haproxy.is_empty() || args.nginx.is_empty() {
        proxies.push(Proxy { name: "HAProxy", found: haproxy::find(&args.haproxy)? });
    }
    Ok(proxies)
}

fn nothing_found(args: &InitArgs, is_explained: bool) -> String {
    if args.nginx.is_empty() && args.haproxy.is_empty() {
        "no configuration of nginx or HAProxy with an access log found\n\
         hint: name it: logstat init --nginx /path/to/nginx.conf, or --haproxy /path/to/haproxy.cfg\n\
         hint: from a container: docker exec NAME nginx -T | logstat init --nginx -"
            .to_owned()
    } else {
        let files = args.nginx.iter().chain(&args.haproxy);
        let named: Vec<String> = files.map(|path| path.display().to_string()).collect();
        let block = if args.nginx.is_empty() { "the frontends" } else { "the http block" };
        let hint =
            if is_explained { String::new() } else { format!("\nhint: is it the main file, with {block}?") };
        format!("{}: no server logs its requests{hint}", named.join(", "))
    }
}

/// Sources that are more than a comment.
fn readable(sources: &[Source]) -> impl Iterator<Item = &Source> {
    sources.iter().filter(|source| source.is_readable())
}

fn counted(sources: usize) -> String {
    if sources == 1 { "1 source".to_owned() } else { format!("{sources} sources") }
}

/// Everything odd is in the file; what a person can do something about is said at once too. Was there anything to say?
fn complain(proxies: &[Proxy], sources: &[Source], tiers: Option<&Note>) -> bool {
    let of_logs = sources.iter().flat_map(|source| &source.log.notes).filter(|note| note.hint.is_some());
    let notes =
        proxies.iter().flat_map(|proxy| &proxy.found.notes).chain(of_logs).chain(tiers).map(text::note);
    let unplaced = proxies.iter().flat_map(|proxy| &proxy.found.logs).filter_map(unplaced);
    let mut said: Vec<String> = Vec::new();
    for words in notes.chain(unplaced) {
        if !said.contains(&words) {
            say(&words);
            said.push(words);
        }
    }
    !said.is_empty()
}

/// That a log is in no file.
fn unplaced(log: &FoundLog) -> Option<String> {
    match &log.target {
        Target::File { .. } => None,
        Target::Syslog { address, tag, .. } => {
            let tag = tag.as_ref().map(|tag| format!(" with the tag {tag}")).unwrap_or_default();
            Some(format!("lines to syslog at {address}{tag} are in no file known here: see the comment"))
        }
        Target::Stream(name) => Some(format!("lines to {name} are in no file: see the comment")),
    }
}

/// What is written must be what was found, and load.
fn verify(target: &Path, text: &str, sources: &[Source]) -> anyhow::Result<()> {
    let config = config::parse(target, text).context("the configuration found does not load")?;
    let wanted: Vec<&Source> = readable(sources).collect();
    ensure!(config.source.len() == wanted.len(), "{} sources became {}", wanted.len(), config.source.len());
    for (loaded, source) in config.source.iter().zip(wanted) {
        let formats: Vec<&String> = source.formats.iter().map(|format| &format.text).collect();
        let escape = loaded.escape.map_or(Escape::Default, Into::into);
        let same =
            loaded.paths == source.paths && loaded.format.iter().eq(formats) && escape == source.escape;
        ensure!(same, "{}: changed in writing", source.name);
        let options = Options { escape, ..Options::default() };
        for format in &source.formats {
            Format::compile(&format.text, &options).with_context(|| format!("format \"{}\"", format.name))?;
        }
    }
    Ok(())
}

fn write(target: &Path, text: &str) -> anyhow::Result<()> {
    let name = target.file_name().and_then(|name| name.to_str());
    let Some(name) = name else { bail!("{}: not the name of a file", target.display()) };
    let folder = target.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    Ok(write_atomically(folder, name, text.as_bytes())?)
}

/// A closed pipe is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

/// Which files there are now; a log may begin to exist later.
fn summarize(source: &Source) {
    let found = discover(source.paths.iter().map(PathBuf::from));
    let files: usize = found.sources.iter().map(|set| set.files.len()).sum();
    let files = match files {
        0 => "no file yet that can be read".to_owned(),
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    let patterns = match source.paths.as_slice() {
        [first, .., last] if source.paths.len() > 3 => format!("{first} … {last}"),
        few => few.join(", "),
    };
    say(&format!("{}: {patterns}: {files}", source.name));
    let unreadable = |problem: &&DiscoverError| matches!(problem, DiscoverError::Unreadable { source, .. } if source.kind() == ErrorKind::PermissionDenied);
    found.problems.iter().filter(unreadable).for_each(|problem| say(&problem.to_string()));
}
