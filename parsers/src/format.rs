//! A log format, compiled once and shared by all threads. Reads no log line itself.

use jiff::tz::TimeZone;

use crate::assemble::{Assembled, Escaping, assemble};
use crate::parser::Parser;
use crate::preset::{self, Preset};
use crate::step::{End, Field, Slot, Step};
use crate::{haproxy, nginx};

/// How nginx escapes values: `log_format name escape=…`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Escape {
    /// `escape=default`: `"`, `\`, control and non-ASCII bytes as `\xXX`; `-` where there is no value.
    #[default]
    Default,
    /// `escape=json`: as in a JSON string; nothing where there is no value.
    Json,
    /// `escape=none`: raw; nothing where there is no value.
    None,
}

/// What a format string does not say.
#[derive(Debug, Clone)]
pub struct Options {
    /// nginx's `escape=`. HAProxy formats ignore it.
    pub escape: Escape,
    /// The zone of dates that carry no offset, such as HAProxy's `%tr`.
    pub timezone: TimeZone,
}

impl Default for Options {
    fn default() -> Self {
        Self { escape: Escape::Default, timezone: TimeZone::UTC }
    }
}

/// Which fields of a [`Record`](crate::Record) a format can ever fill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one answer for each field")]
#[expect(missing_docs, reason = "named like the fields of a record")]
pub struct Fields {
    pub time: bool,
    pub client: bool,
    pub remote_user: bool,
    pub method: bool,
    pub target: bool,
    pub status: bool,
    pub bytes_sent: bool,
    pub referer: bool,
    pub user_agent: bool,
    pub site: bool,
    pub backend: bool,
    pub server: bool,
    pub latency: bool,
    pub upstream: bool,
    pub queue: bool,
    pub connect: bool,
    pub response: bool,
    pub retries: bool,
    pub termination: bool,
    pub cache: bool,
    pub tls: bool,
}

/// Why a format string does not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Neither a preset's name nor a string with a variable.
    #[error("byte 0: no such format `{text}`")]
    Unknown {
        /// The string.
        text: String,
    },
    /// A whole directive instead of the string in it.
    #[error("byte 0: this is the whole directive, or has its quotes")]
    Directive,
    /// A `$` without a name.
    #[error("byte {at}: no variable name after `$`")]
    VariableName {
        /// Byte in the string.
        at: usize,
    },
    /// A `%` without an alias.
    #[error("byte {at}: no alias after `%`")]
    Alias {
        /// Byte in the string.
        at: usize,
    },
    /// No such HAProxy alias.
    #[error("byte {at}: no such alias `%{name}`")]
    UnknownAlias {
        /// Byte in the string.
        at: usize,
        /// The name.
        name: String,
    },
    /// A HAProxy flag whose output is not read here.
    #[error("byte {at}: flag `{flag}` is not supported")]
    Flag {
        /// Byte in the string.
        at: usize,
        /// The flag.
        flag: String,
    },
    /// Two values with nothing between them.
    #[error("byte {at}: nothing separates this value from the next")]
    Adjacent {
        /// Byte in the string.
        at: usize,
    },
    /// No date, so no hour to count a line in.
    #[error("byte 0: no date in the format")]
    NoTime,
}

impl FormatError {
    /// Where in the string, in bytes from 0.
    #[must_use]
    pub const fn position(&self) -> usize {
        match self {
            Self::Unknown { .. } | Self::Directive | Self::NoTime => 0,
            Self::VariableName { at }
            | Self::Alias { at }
            | Self::UnknownAlias { at, .. }
            | Self::Flag { at, .. }
            | Self::Adjacent { at } => *at,
        }
    }

    /// What to try instead, for a line of its own.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { .. } => {
                let names: Vec<&str> = preset::PRESETS.iter().map(|preset| preset.name).collect();
                format!("one of {}, or the log_format or log-format string itself", names.join(", "))
            }
            Self::Directive => {
                "give only the format itself, without `log_format`, its name and the quotes of nginx.conf"
                    .to_owned()
            }
            Self::VariableName { .. } => "write it as in nginx.conf: `$status` or `${status}`".to_owned(),
            Self::Alias { .. } => "write `%%` for a percent sign".to_owned(),
            Self::UnknownAlias { .. } => {
                "copy the string from haproxy.cfg; Apache's LogFormat uses other letters".to_owned()
            }
            Self::Flag { .. } => "the flags Q and M are supported".to_owned(),
            Self::Adjacent { .. } => {
                "put a space or another character between the two in the format".to_owned()
            }
            Self::NoTime => "add `$time_local`, `$time_iso8601` or `$msec`, or HAProxy's `%tr`".to_owned(),
        }
    }
}

/// A compiled log format.
#[derive(Debug, Clone)]
pub struct Format {
    name: String,
    pub(crate) steps: Vec<Step>,
    /// What the format writes behind the last step, where all the rest is one text.
    pub(crate) tail: Vec<u8>,
    pub(crate) timezone: TimeZone,
    /// The first step from which a cut line still is a record: client, date and status are behind it.
    pub(crate) essential: usize,
    /// Steps up to the last value that a record keeps: a line that was cut before lost something.
    pub(crate) kept: usize,
    /// HAProxy's rules: syslog prefixes, events, a date at the start.
    pub(crate) haproxy: bool,
    /// `-` stands for a missing value.
    pub(crate) dash_is_missing: bool,
    /// A syslog prefix may come first.
    pub(crate) prefixed: bool,
}

impl Format {
    /// Compiles a preset's name, an nginx `log_format` string or a HAProxy `log-format` string, verbatim. Before nginx's
    /// string its `escape=json ` may stand, as in `nginx.conf`.
    ///
    /// # Errors
    /// [`FormatError`] says at which byte, and [`FormatError::hint`] what to try.
    pub fn compile(text: &str, options: &Options) -> Result<Self, FormatError> {
        if ["log_format ", "log-format ", "'$", "'%"].iter().any(|start| text.trim_start().starts_with(start))
        {
            return Err(FormatError::Directive);
        }
        let (own_escape, string) = split_escape(text);
        let preset = Preset::named(text);
        let string = preset.map_or(string, |preset| preset.format_string);
        let haproxy = !looks_like_nginx(string);
        let escape = if preset.is_some() { Escape::Default } else { own_escape.unwrap_or(options.escape) };
        let (pieces, escaping) = if haproxy {
            if !string.contains('%') {
                return Err(FormatError::Unknown { text: text.to_owned() });
            }
            (haproxy::pieces(string)?, Escaping::HaProxy)
        } else {
            (nginx::pieces(string)?, escape.into())
        };
        let Assembled { steps, tail } = assemble(pieces, escaping)?;
        if !slots(&steps).any(|slot| slot == Slot::Time) {
            return Err(FormatError::NoTime);
        }
        let first_is_client =
            steps.first().is_some_and(|step| matches!(step.field, Field::Client | Field::ClientPort));
        Ok(Self {
            name: text.to_owned(),
            essential: essential(&steps),
            kept: steps.iter().rposition(|step| step.field.slot().is_some()).map_or(0, |last| last + 1),
            timezone: options.timezone.clone(),
            haproxy,
            dash_is_missing: haproxy || escape == Escape::Default,
            prefixed: haproxy || first_is_client,
            steps,
            tail,
        })
    }

    /// The preset's name, or the string it was compiled from.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which fields lines of this format can ever fill.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        for slot in slots(&self.steps) {
            fields.add(slot);
        }
        // HAProxy marks TLS on the frontend, and its upstream time is the sum of two others.
        fields.tls |= self.steps.iter().any(|step| step.field == Field::Frontend);
        fields.upstream |= self.haproxy && fields.connect && fields.response;
        fields.cache |= self.haproxy && fields.server;
        fields
    }

    /// Leaves out texts that are not `wanted` from now on: they may be `None` in every record, and lines are read faster.
    /// The whole request line and the protocol count as parts of method and target. Nothing else changes, neither other
    /// fields nor which lines are records.
    pub fn keep_only(&mut self, wanted: &Fields) {
        // A search tries the steps behind it, and asks whether they are kept.
        let mut after_search = false;
        for step in &mut self.steps {
            let searched = matches!(step.end, End::Search { .. });
            let unwanted = step.field.slot().is_some_and(|slot| !wanted.wants_text(slot));
            if unwanted && !searched && !after_search {
                step.field = step.field.skipped();
            }
            after_search = searched;
        }
    }

    /// A line parser. Cheap; one for each thread. `reference_us`, the modification time of the file in microseconds
    /// since 1970, gives dates without a year their year.
    #[must_use]
    pub fn parser(&self, reference_us: i64) -> Parser<'_> {
        Parser::new(self, reference_us)
    }
}

impl Fields {
    fn add(&mut self, slot: Slot) {
        match slot {
            Slot::Client => self.client = true,
            Slot::Time => self.time = true,
            Slot::Request => (self.method, self.target) = (true, true),
            Slot::Method => self.method = true,
            Slot::Target => self.target = true,
            Slot::Protocol => {}
            Slot::Status => self.status = true,
            Slot::Bytes => self.bytes_sent = true,
            Slot::RemoteUser => self.remote_user = true,
            Slot::Referer => self.referer = true,
            Slot::UserAgent => self.user_agent = true,
            Slot::Site => self.site = true,
            Slot::Backend => self.backend = true,
            Slot::Server => self.server = true,
            Slot::Latency => self.latency = true,
            Slot::Upstream => self.upstream = true,
            Slot::Queue => self.queue = true,
            Slot::Connect => self.connect = true,
            Slot::Response => self.response = true,
            Slot::Retries => self.retries = true,
            Slot::Termination => self.termination = true,
            Slot::Cache => self.cache = true,
            Slot::Tls => self.tls = true,
        }
    }
}

impl Fields {
    /// Whether the text in a slot is wanted. What is no text, or costs nothing, always is.
    fn wants_text(&self, slot: Slot) -> bool {
        match slot {
            Slot::Request | Slot::Protocol => self.method || self.target,
            Slot::Method => self.method,
            Slot::Target => self.target,
            Slot::RemoteUser => self.remote_user,
            Slot::Referer => self.referer,
            Slot::UserAgent => self.user_agent,
            _ => true,
        }
    }
}

impl From<Escape> for Escaping {
    fn from(escape: Escape) -> Self {
        match escape {
            Escape::Default => Self::NginxDefault,
            Escape::Json => Self::NginxJson,
            Escape::None => Self::NginxNone,
        }
    }
}

/// nginx's `escape=json ` in front of a string, which it may differ in from other strings of a log.
fn split_escape(text: &str) -> (Option<Escape>, &str) {
    let modes = [("default", Escape::Default), ("json", Escape::Json), ("none", Escape::None)];
    let behind = |mode: &str| text.strip_prefix("escape=")?.strip_prefix(mode)?.strip_prefix(' ');
    let found = modes.into_iter().find_map(|(name, mode)| Some((Some(mode), behind(name)?.trim_start())));
    found.unwrap_or((None, text))
}

/// nginx writes `$name`, HAProxy `%name`.
fn looks_like_nginx(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0] == b'$' && (pair[1].is_ascii_alphabetic() || pair[1] == b'{'))
}

fn slots(steps: &[Step]) -> impl Iterator<Item = Slot> {
    steps.iter().filter_map(|step| step.field.slot())
}

fn essential(steps: &[Step]) -> usize {
    let needed = |step: &Step| matches!(step.field.slot(), Some(Slot::Client | Slot::Time | Slot::Status));
    steps.iter().rposition(needed).map_or(0, |last| last + 1)
}
