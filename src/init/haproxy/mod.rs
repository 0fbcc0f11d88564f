//! Finds the access logs of HAProxy. Reads configuration files, those of HAProxy and of rsyslog, and no log.
//!
//! `locate` says which files, `proxies` what each frontend logs and where to, `logger` what a `log` line says,
//! `endpoints` where frontends listen and servers are, and `logs` puts together what ends in the same place. The last
//! four are pure.

mod endpoints;
mod locate;
mod logger;
mod logs;
mod proxies;
#[cfg(test)]
mod tests;

use super::found::{Found, Note, Place};
use super::rsyslog::Rsyslog;
use anyhow::anyhow;
use logs::Machine;
use logstat_parsers::conf::haproxy::{self as grammar, Environment};
use logstat_parsers::conf::{ConfError, Position};
use std::path::{Path, PathBuf};

/// Where rsyslog's configuration is.
const RSYSLOG: &str = "/etc/rsyslog.conf";

/// The files of one HAProxy, in the order in which it reads them.
#[derive(Debug, Default)]
struct Configuration {
    files: Vec<ConfigurationFile>,
}

#[derive(Debug)]
struct ConfigurationFile {
    path: PathBuf,
    content: grammar::File,
}

impl ConfigurationFile {
    fn place(&self, line: usize) -> Place {
        Place { file: self.path.clone(), line }
    }
}

/// Finds the logs that `files` speak of: files of HAProxy, and folders of them. Without any, those of the HAProxy that
/// runs, else those in the usual places, else nothing.
///
/// # Errors
/// When a file cannot be read, or says something that HAProxy would not understand either.
pub fn find(files: &[PathBuf]) -> anyhow::Result<Found> {
    let located = locate::locate(files)?;
    let given = |name: &str| located.variable(name);
    let configuration = read(&located.files, &given)?;
    let rsyslog = Rsyslog::read(Path::new(RSYSLOG));
    let mut found = understand(&configuration, &Machine { rsyslog: &rsyslog, exists: &|path| path.exists() });
    if found.logs.is_empty() && found.notes.is_empty() && !located.files.is_empty() {
        let named: Vec<String> = located.files.iter().map(|file| file.display().to_string()).collect();
        let text = format!("{}: no frontend logs its requests", named.join(", "));
        found.notes.push(Note { place: None, text, hint: None });
    }
    found.notes.splice(..0, located.notes);
    Ok(found)
}

/// Reads the files one after another: what `setenv` sets in one holds for the next.
fn read(files: &[PathBuf], given: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Configuration> {
    let mut configuration = Configuration::default();
    let mut environment = Environment::new(given);
    for path in files {
        let bytes = std::fs::read(path).map_err(|error| locate::unreadable(path, &error))?;
        let text = String::from_utf8_lossy(&bytes);
        let content = grammar::parse(&text, &mut environment);
        let content = content.and_then(|content| formats_are_one_word(&text, &content).map(|()| content));
        let content = content.map_err(|error| anyhow!("{}:{error}", path.display()))?;
        configuration.files.push(ConfigurationFile { path: path.clone(), content });
    }
    Ok(configuration)
}

/// A log format with spaces and no quotes is one that HAProxy refuses.
fn formats_are_one_word(text: &str, content: &grammar::File) -> Result<(), ConfError> {
    let is_format = |line: &&grammar::Line| {
        matches!(line.word(0), "log-format" | "log-format-sd" | "error-log-format") && line.words.len() > 2
    };
    let mut lines = content.sections.iter().flat_map(|section| &section.lines);
    let Some(line) = lines.find(is_format) else { return Ok(()) };
    let start: usize = text.split_inclusive('\n').take(line.number - 1).map(str::len).sum();
    let column = line.words[2].column;
    let before: usize = text[start..].chars().take(column - 1).map(char::len_utf8).sum();
    let message = format!("`{}` takes one argument", line.word(0));
    let error = ConfError::new(text, Position::of(text, start + before), message);
    Err(error.with_hint("put quotes around the format, or `\\ ` for each space in it"))
}

/// What the configuration comes to on this machine.
fn understand(configuration: &Configuration, machine: &Machine<'_>) -> Found {
    logs::logs(&proxies::proxies(configuration), machine)
}
