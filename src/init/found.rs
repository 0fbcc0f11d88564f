//! What the configuration of a proxy says about its logs. Types only: reads nothing, decides nothing.

use super::endpoint::Endpoint;
use logstat_parsers::Escape;
use std::path::PathBuf;

/// All that one proxy's configuration says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// One for each place that lines go to.
    pub logs: Vec<FoundLog>,
    /// Logs whose requests are all in one of `logs`. No source may take them in.
    pub left_out: Vec<Target>,
    /// Patterns of files of another kind, such as nginx's error logs. No source may take them in either.
    pub error_logs: Vec<String>,
    /// A part of it could not be read, or the proxy itself would refuse it: logs or formats may be missing.
    pub incomplete: bool,
    /// What a person should know or do, that belongs to no log.
    pub notes: Vec<Note>,
}

/// A log, with everything that is written to it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundLog {
    /// Where the lines go.
    pub target: Target,
    /// Formats of the lines, the commonest first; several where several servers write to one log.
    pub formats: Vec<FoundFormat>,
    /// nginx's `server_name`s or HAProxy's frontends that write to it.
    pub sites: Vec<String>,
    /// Where each of these takes connections.
    pub listens: Vec<Vec<Endpoint>>,
    /// Where they pass requests to.
    pub passes: Vec<Endpoint>,
    /// Their dates have no offset, so that the zone of the machine matters.
    pub local_dates: bool,
    /// The directives that say so.
    pub places: Vec<Place>,
    /// What is odd about it, for a comment.
    pub notes: Vec<Note>,
}

impl FoundLog {
    /// A log of which nothing else is known yet.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            formats: Vec::new(),
            sites: Vec::new(),
            listens: Vec::new(),
            passes: Vec::new(),
            local_dates: false,
            places: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// Files; the rotated siblings are matched too.
    File {
        /// A glob, such as `/var/log/nginx/access.log*`.
        glob: String,
    },
    /// A syslog server that is not known to write a file here.
    Syslog {
        /// As configured: `/dev/log`, `192.0.2.1:514`.
        address: String,
        #[expect(missing_docs)]
        facility: Option<String>,
        #[expect(missing_docs)]
        tag: Option<String>,
    },
    /// `stdout`, `stderr`, `fd@3`, `/dev/stdout`: a container's or a unit's output.
    Stream(String),
}

/// The format of some lines.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundFormat {
    /// The name it has in the configuration, or `option httplog`.
    pub name: String,
    /// A preset's name, or the string verbatim: what `format` in `logstat.toml` takes.
    pub text: String,
    /// nginx's `escape=`.
    pub escape: Escape,
    /// Names of HAProxy's captured request and response headers, in order.
    pub captures: Option<FoundCaptures>,
    /// Where it is defined; `None` for what the proxy has built in.
    pub place: Option<Place>,
}

/// HAProxy's captured headers, in the order of the configuration.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the two kinds")]
pub struct FoundCaptures {
    pub request: Vec<String>,
    pub response: Vec<String>,
}

/// A place in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    #[expect(missing_docs)]
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where it is said.
    pub place: Option<Place>,
    /// A lowercase fragment.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}
