//! A log format, compiled once and shared by all threads. Reads no log line itself.

use jiff::tz::TimeZone;

use crate::assemble::{Escaping, Piece, assemble};
use crate::captures::Captures;
use crate::keyed::{self, Map};
use crate::parser::Parser;
use crate::preset::{self, Preset};
use crate::step::{End, Field, Slot, Step};
use crate::strftime::DateFormat;
use crate::{apache, certain, haproxy, nginx};

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
    /// The headers that HAProxy's configuration captures.
    pub captures: Captures,
}

impl Default for Options {
    fn default() -> Self {
        Self { escape: Escape::Default, timezone: TimeZone::UTC, captures: Captures::default() }
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
    pub x_forwarded_for: bool,
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
    /// No such Apache directive, or an argument that it does not know.
    #[error("byte {at}: no such directive `%{name}`")]
    UnknownDirective {
        /// Byte in the string.
        at: usize,
        /// The name.
        name: String,
    },
    /// A `%` without an Apache directive.
    #[error("byte {at}: no directive after `%`")]
    Directives {
        /// Byte in the string.
        at: usize,
    },
    /// A part of a `strftime` format that has no fixed width or no fixed meaning.
    #[error("byte {at}: `{directive}` in a date is not supported")]
    DateDirective {
        /// Byte in the string.
        at: usize,
        /// The part.
        directive: String,
    },
    /// Two values with nothing between them.
    #[error("byte {at}: nothing separates this value from the next")]
    Adjacent {
        /// Byte in the string.
        at: usize,
    },
    /// A pair of a field map that is none.
    #[error("byte {at}: not `VARIABLE=path`")]
    MapPair {
        /// Byte in the string.
        at: usize,
    },
    /// No such variable in a field map.
    #[error("byte {at}: no such variable `{name}`")]
    MapVariable {
        /// Byte in the string.
        at: usize,
        /// The name.
        name: String,
    },
    /// One path for two variables.
    #[error("byte {at}: the path `{path}` is there twice")]
    MapRepeated {
        /// Byte in the string.
        at: usize,
        /// The path.
        path: String,
    },
    /// More paths, or deeper ones, than a field map can have.
    #[error("byte {at}: the field map is too large")]
    MapTooLarge {
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
            | Self::UnknownDirective { at, .. }
            | Self::Directives { at }
            | Self::DateDirective { at, .. }
            | Self::Adjacent { at }
            | Self::MapPair { at }
            | Self::MapVariable { at, .. }
            | Self::MapRepeated { at, .. }
            | Self::MapTooLarge { at } => *at,
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
                "give only the format itself, without `log_format`, its name and the quotes of the configuration"
                    .to_owned()
            }
            Self::VariableName { .. } => "write it as in nginx.conf: `$status` or `${status}`".to_owned(),
            Self::Alias { .. } | Self::Directives { .. } => "write `%%` for a percent sign".to_owned(),
            Self::UnknownAlias { .. } => "copy the string from haproxy.cfg as it is".to_owned(),
            Self::UnknownDirective { .. } => "copy the string from Apache's configuration as it is".to_owned(),
            Self::Flag { flag, .. } if matches!(flag.as_str(), "+cbor" | "+bin") => {
                "its output is binary: let HAProxy log text, or JSON with `%{+json}o`".to_owned()
            }
            Self::Flag { .. } => "the flags Q, X, E, M and json are supported".to_owned(),
            Self::DateDirective { .. } => {
                "use numbers, `%b` and `%z`, such as `%Y-%m-%dT%H:%M:%S%z`".to_owned()
            }
            Self::Adjacent { .. } => {
                "put a space or another character between the two in the format".to_owned()
            }
            Self::MapPair { .. } => "write `json status=response.code time=ts`, without `$`".to_owned(),
            Self::MapVariable { .. } => {
                "the names are nginx's, such as `remote_addr`, `status` or `request_time`, and `time` for a date in any form"
                    .to_owned()
            }
            Self::MapRepeated { .. } => "one value fills one variable: leave out one of the two".to_owned(),
            Self::MapTooLarge { .. } => "256 paths of 8 keys are the most".to_owned(),
            Self::NoTime => {
                "add `$time_local`, `$time_iso8601` or `$msec`, HAProxy's `%tr`, Apache's `%t`, or `time=…` to a field map"
                    .to_owned()
            }
        }
    }
}

/// A compiled log format.
#[derive(Debug, Clone)]
pub struct Format {
    name: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) timezone: TimeZone,
    /// The formats of dates that are not in a vendor's own form.
    pub(crate) dates: Vec<DateFormat>,
    /// The first step from which a cut line still is a record: client, date and status are behind it.
    pub(crate) essential: usize,
    /// A cut could hide where a text before those really ends: then a cut line is none.
    pub(crate) cut_hides: bool,
    /// The step of the client, if nothing that a client writes comes before.
    pub(crate) client_step: Option<usize>,
    /// Steps up to the last value that a record keeps: a line that was cut before lost something.
    pub(crate) kept: usize,
    /// Whose string it was compiled from.
    pub(crate) vendor: Vendor,
    pub(crate) escape: Escape,
    pub(crate) captures: Captures,
    /// HAProxy's rules: syslog prefixes, events, a date at the start.
    pub(crate) haproxy: bool,
    /// `-` stands for a missing value.
    pub(crate) dash_is_missing: bool,
    /// A syslog prefix may come first.
    pub(crate) prefixed: bool,
    /// The first value is free text, so it may look like such a prefix.
    pub(crate) opens_freely: bool,
    /// A client may have written one of the first two words, which may look like the tag of a syslog prefix.
    pub(crate) tag_is_clients: bool,
    /// What looks like a prefix may be none.
    pub(crate) is_wary: bool,
    /// `#` begins a line about the log itself.
    pub(crate) has_directives: bool,
    /// What the values are where they have names; then there are no steps.
    pub(crate) map: Option<Map>,
    /// The format's own date comes first, and may look like that of a syslog prefix.
    pub(crate) starts_with_date: bool,
    /// The format has a date; else that of the syslog prefix counts.
    pub(crate) is_dated: bool,
    /// A line says whether an upstream was asked. With named values, that depends on the line.
    pub(crate) tells_upstream: bool,
}

impl Format {
    /// Compiles a preset's name, an nginx `log_format`, HAProxy `log-format` or Apache `LogFormat` string, verbatim, or a
    /// field map: `json VARIABLE=path …` for JSON lines, `ltsv VARIABLE=label …` for labelled tab-separated values.
    /// There, a variable is one of nginx's, also with `_ms`, `_us` or `_ns` behind a time, or `time` for a date in any
    /// form. Before nginx's string its `escape=json ` may stand, as in `nginx.conf`.
    ///
    /// # Errors
    /// [`FormatError`] says at which byte, and [`FormatError::hint`] what to try.
    pub fn compile(text: &str, options: &Options) -> Result<Self, FormatError> {
        const DIRECTIVES: [&str; 6] = ["log_format ", "log-format ", "LogFormat ", "CustomLog ", "'$", "'%"];
        if DIRECTIVES.iter().any(|start| text.trim_start().starts_with(start)) {
            return Err(FormatError::Directive);
        }
        let (own_escape, string) = split_escape(text);
        let preset = Preset::named(text);
        let string = preset.map_or(string, |preset| preset.format_string);
        let vendor = Vendor::of(string).ok_or_else(|| FormatError::Unknown { text: text.to_owned() })?;
        if vendor == Vendor::Map {
            return Ok(Self::keyed(text, Map::compile(string)?, options));
        }
        let haproxy = vendor == Vendor::HaProxy;
        let escape = if preset.is_some() { Escape::Default } else { own_escape.unwrap_or(options.escape) };
        let (pieces, dates) = vendor.pieces(string, &options.captures)?;
        let escaping = match vendor {
            Vendor::HaProxy => Escaping::HaProxy,
            Vendor::Apache => Escaping::Apache,
            Vendor::Nginx | Vendor::Map => escape.into(),
        };
        let steps = assemble(pieces, escaping)?;
        let is_dated = slots(&steps).any(|slot| slot == Slot::Time);
        if !is_dated && preset.is_none() {
            return Err(FormatError::NoTime);
        }
        let tells_upstream = slots(&steps).any(|slot| matches!(slot, Slot::Server | Slot::Upstream));
        let first_is_client =
            steps.first().is_some_and(|step| matches!(step.field, Field::Client | Field::ClientPort));
        let starts_with_date = steps.first().is_some_and(|step| matches!(step.field, Field::Strftime { .. }));
        let opens_freely = steps.first().is_some_and(Step::is_free);
        let tag_is_clients = !opens_freely && certain::has_early_text(&steps);
        let essential = essential(&steps);
        Ok(Self {
            name: text.to_owned(),
            essential,
            kept: steps.iter().rposition(|step| step.field.slot().is_some()).map_or(0, |last| last + 1),
            timezone: options.timezone.clone(),
            dates,
            vendor,
            escape,
            captures: options.captures.clone(),
            haproxy,
            dash_is_missing: vendor != Vendor::Nginx || escape == Escape::Default,
            prefixed: haproxy || first_is_client,
            opens_freely,
            tag_is_clients,
            is_wary: opens_freely || tag_is_clients || starts_with_date || first_is_client && !haproxy,
            cut_hides: certain::hides_end(&steps[..essential]),
            client_step: certain::client_step(&steps, vendor, string),
            has_directives: steps.first().is_some_and(|step| step.field == Field::TabDate),
            map: None,
            is_dated,
            starts_with_date,
            tells_upstream,
            steps,
        })
    }

    fn keyed(name: &str, map: Map, options: &Options) -> Self {
        Self {
            name: name.to_owned(),
            steps: Vec::new(),
            opens_freely: false,
            tag_is_clients: false,
            is_wary: false,
            cut_hides: false,
            client_step: None,
            tells_upstream: false,
            timezone: options.timezone.clone(),
            vendor: Vendor::Map,
            escape: options.escape,
            captures: Captures::default(),
            essential: 0,
            kept: 0,
            haproxy: false,
            dash_is_missing: true,
            prefixed: false,
            has_directives: false,
            is_dated: true,
            starts_with_date: false,
            dates: Vec::new(),
            map: Some(map),
        }
    }

    /// The preset's name, or the string it was compiled from.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The format string: what the preset stands for, or the string it was compiled from.
    #[must_use]
    pub fn format_string(&self) -> &str {
        Preset::named(&self.name).map_or(split_escape(&self.name).1, |preset| preset.format_string)
    }

    /// Whose string it is.
    #[must_use]
    pub const fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// nginx's `escape=`; presets are those of its default.
    #[must_use]
    pub const fn escape(&self) -> Escape {
        self.escape
    }

    /// Which fields lines of this format can ever fill.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let mut fields = Fields::default();
        for slot in slots(&self.steps).chain(self.map.iter().flat_map(Map::slots)) {
            fields.add(slot);
        }
        fields.time = true;
        // HAProxy marks TLS on the frontend, and its upstream time is the sum of two others.
        for step in &self.steps {
            if let Field::RequestHeaders { user_agent, referer, x_forwarded_for, .. } = step.field {
                fields.x_forwarded_for |= x_forwarded_for.is_some();
                fields.user_agent |= user_agent.is_some();
                fields.referer |= referer.is_some();
            }
        }
        fields.tls |= self.steps.iter().any(|step| step.field == Field::Frontend);
        fields.upstream |= self.haproxy && fields.connect && fields.response
            || self.steps.iter().any(|step| step.field == Field::ProcessingTimes);
        fields.cache |= self.haproxy && fields.server;
        let in_map = |slot| self.map.iter().flat_map(Map::slots).any(|other| other == slot);
        fields.latency |= in_map(Slot::Start) && in_map(Slot::Time);
        fields
    }

    /// Whether the client of a record is the one that sent it even where a logger or a daemon cut the line unseen. It is not
    /// where a text that a client may write without a limit comes before, so that a cut could hide where that really
    /// ends, or where the address is the last value of a line. What bans clients should not go by such a format.
    #[must_use]
    pub fn client_survives_cuts(&self) -> bool {
        let ends_in_client = self
            .steps
            .last()
            .is_some_and(|step| step.field.slot() == Some(Slot::Client) && step.then.bytes().is_empty());
        !ends_in_client && (self.client_step.is_some() || !self.cut_hides)
    }

    /// Leaves out texts that are not `wanted` from now on: they may be `None` in every record, and lines are read faster.
    /// The whole request line and the protocol count as parts of method and target. Nothing else changes, neither other
    /// fields nor which lines are records.
    pub fn keep_only(&mut self, wanted: &Fields) {
        if let Some(map) = &mut self.map {
            map.keep_only(|slot| wanted.wants_text(slot));
        }
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
    pub(crate) fn add(&mut self, slot: Slot) {
        match slot {
            Slot::Client => self.client = true,
            Slot::Time | Slot::Start => self.time = true,
            Slot::Request => (self.method, self.target) = (true, true),
            Slot::Method => self.method = true,
            Slot::Target => self.target = true,
            Slot::Protocol => {}
            Slot::Status => self.status = true,
            Slot::Bytes => self.bytes_sent = true,
            Slot::RemoteUser => self.remote_user = true,
            Slot::Referer => self.referer = true,
            Slot::UserAgent => self.user_agent = true,
            Slot::XForwardedFor => self.x_forwarded_for = true,
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
            Slot::XForwardedFor => self.x_forwarded_for,
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

/// Whose grammar a format string follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// nginx's `log_format`.
    Nginx,
    /// HAProxy's `log-format`.
    HaProxy,
    /// Apache's `LogFormat`.
    Apache,
    /// A field map, for lines whose values have names.
    Map,
}

impl Vendor {
    /// nginx writes `$name`, the others `%name`: Apache if more items are only Apache's than only HAProxy's. `None` if
    /// there is no variable.
    fn of(text: &str) -> Option<Self> {
        if keyed::is_map(text) {
            return Some(Self::Map);
        }
        let starts_name = |pair: &[u8]| pair[0] == b'$' && (pair[1].is_ascii_alphabetic() || pair[1] == b'{');
        if text.as_bytes().windows(2).any(starts_name) {
            return Some(Self::Nginx);
        }
        let (apache, haproxy) = apache::votes(text, haproxy::is_alias);
        let vendor = if apache > haproxy { Self::Apache } else { Self::HaProxy };
        text.contains('%').then_some(vendor)
    }

    /// The pieces of a string, and the formats of the dates in it; a field map has none.
    pub(crate) fn pieces(
        self,
        string: &str,
        captures: &Captures,
    ) -> Result<(Vec<Piece>, Vec<DateFormat>), FormatError> {
        match self {
            Self::Nginx => Ok((nginx::pieces(string)?, Vec::new())),
            Self::HaProxy => haproxy::pieces(string, captures),
            Self::Apache => apache::pieces(string),
            Self::Map => Ok((Vec::new(), Vec::new())),
        }
    }
}

fn slots(steps: &[Step]) -> impl Iterator<Item = Slot> {
    steps.iter().filter_map(|step| step.field.slot())
}

fn essential(steps: &[Step]) -> usize {
    let needed = |step: &Step| matches!(step.field.slot(), Some(Slot::Client | Slot::Time | Slot::Status));
    steps.iter().rposition(needed).map_or(0, |last| last + 1)
}
