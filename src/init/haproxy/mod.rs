//! Finds the access logs of HAProxy. Reads configuration files, those of HAProxy and of rsyslog, and no log.
//!
//! `locate` says which files, `proxies` what each frontend logs and where to, `logger` what a `log` line says, and
//! `logs` puts together what ends in the same place. The last three are pure.

mod locate;
mod logger;
mod logs;
mod proxies;
#[cfg(test)]
mod tests;

use super::found::{Found, Place};
use super::rsyslog::Rsyslog;
use anyhow::anyhow;
use logs::Machine;
use logstat_parsers::conf::haproxy::{self as grammar, Environment};
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
    found.notes.splice(..0, located.notes);
    Ok(found)
}

/// Reads the files one after another: what `setenv` sets in one holds for the next.
fn read(files: &[PathBuf], given: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Configuration> {
    let mut configuration = Configuration::default();
    let mut environment = Environment::new(given);
    for path in files {
        let bytes = std::fs::read(path).map_err(|error| locate::unreadable(path, &error))?;
        let content = grammar::parse(&String::from_utf8_lossy(&bytes), &mut environment)
            .map_err(|error| anyhow!("{}:{error}", path.display()))?;
        configuration.files.push(ConfigurationFile { path: path.clone(), content });
    }
    Ok(configuration)
}

/// What the configuration comes to on this machine.
fn understand(configuration: &Configuration, machine: &Machine<'_>) -> Found {
    logs::logs(&proxies::proxies(configuration), machine)
}
