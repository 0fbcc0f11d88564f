//! What each frontend logs and where to: `defaults`, and what a section changes of them. Opens no file.
//!
//! <https://docs.haproxy.org/3.2/configuration.html#4>

use super::super::endpoint::Endpoint;
use super::super::found::{Note, Place};
use super::endpoints;
use super::logger::Logger;
use super::{Configuration, ConfigurationFile};
use logstat_parsers::conf::haproxy::{Line, Section};
use std::collections::BTreeMap;

/// Options that change which lines are in a log, or what they say. (`dontlognull` is none of them: it leaves out
/// connections without a request.)
const FLAGS: [&str; 3] = ["dontlog-normal", "logasap", "log-separate-errors"];

/// All that matters here of a configuration.
#[derive(Debug, Default)]
pub(super) struct Proxies {
    /// `frontend` and `listen`.
    pub frontends: Vec<Frontend>,
    /// Addresses of the servers of rings and backends, by kind and name.
    pub servers: BTreeMap<(String, String), Vec<String>>,
    /// Where servers of backends are, by the name of the backend.
    pub backends: BTreeMap<String, Vec<Endpoint>>,
    /// What `global` has as `chroot`.
    pub root: Option<String>,
    pub notes: Vec<Note>,
}

/// What takes connections, and so logs.
#[derive(Debug)]
pub(super) struct Frontend {
    pub name: String,
    pub place: Place,
    pub settings: Settings,
    pub captured_requests: Vec<Slot>,
    pub captured_responses: Vec<Slot>,
    pub listens: Vec<Endpoint>,
    /// Names of the backends that it uses; `None` is one that depends on the request.
    pub uses: Vec<Option<String>>,
}

/// What `defaults` pass on.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub http: bool,
    pub format: Option<LogFormat>,
    pub error_format: Option<LogFormat>,
    pub loggers: Vec<Logger>,
    pub tag: Option<String>,
    /// `default_backend`.
    pub backend: Option<String>,
    /// Those of [`FLAGS`] that are set.
    pub flags: BTreeMap<&'static str, Place>,
    /// Rules that keep requests out of the log, with their conditions.
    pub silent: Vec<(Place, String)>,
}

/// A format and where it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogFormat {
    pub kind: Kind,
    pub place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Http,
    HttpClf,
    Https,
    Tcp,
    TcpClf,
    Own(String),
}

/// Place of a captured value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Slot {
    /// The header, else the sample.
    pub name: Option<String>,
    /// Bytes that are kept of it.
    pub len: usize,
}

impl Kind {
    /// As the configuration has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Http => "option httplog",
            Self::HttpClf => "option httplog clf",
            Self::Https => "option httpslog",
            Self::Tcp => "option tcplog",
            Self::TcpClf => "option tcplog clf",
            Self::Own(_) => "log-format",
        }
    }

    /// A preset, or the string.
    pub fn text(&self) -> &str {
        match self {
            Self::Http => "haproxy-http",
            Self::Https => "haproxy-https",
            Self::Tcp => "haproxy-tcp",
            Self::HttpClf => "haproxy-http-clf",
            Self::TcpClf => "haproxy-tcp-clf",
            Self::Own(text) => text,
        }
    }

    /// What HAProxy makes of it in a proxy that does not speak HTTP.
    fn without_http(&self) -> Self {
        match self {
            Self::Http | Self::Https => Self::Tcp,
            Self::HttpClf => Self::TcpClf,
            other => other.clone(),
        }
    }
}

/// Reads the sections in order, since each has its `defaults` before it.
pub(super) fn proxies(configuration: &Configuration) -> Proxies {
    let mut reader = Reader::default();
    for file in &configuration.files {
        for remark in &file.content.remarks {
            reader.note(file.place(remark.line), remark.text.clone(), None);
        }
        for section in &file.content.sections {
            reader.section(file, section);
        }
    }
    for frontend in &mut reader.proxies.frontends {
        frontend.settings.tag = frontend.settings.tag.take().or_else(|| reader.global.tag.clone());
    }
    reader.proxies
}

#[derive(Default)]
struct Reader {
    proxies: Proxies,
    /// Of `global`, only targets and tag.
    global: Settings,
    /// By name, in order.
    defaults: Vec<(String, Settings)>,
}

impl Reader {
    fn note(&mut self, place: Place, text: impl Into<String>, hint: Option<&str>) {
        self.proxies.notes.push(Note {
            place: Some(place),
            text: text.into(),
            hint: hint.map(str::to_owned),
        });
    }

    fn section(&mut self, file: &ConfigurationFile, section: &Section) {
        match section.kind() {
            "global" => {
                let mut global = std::mem::take(&mut self.global);
                self.settings(&mut global, file, section);
                self.global = global;
                let root = section.lines.iter().rfind(|line| line.word(0) == "chroot");
                self.proxies.root = root.map(|line| line.word(1).to_owned()).or(self.proxies.root.take());
            }
            "defaults" => {
                // Unlike a proxy, these build only on those they name.
                let mut settings = section.from().map(|_| self.inherited(file, section)).unwrap_or_default();
                self.settings(&mut settings, file, section);
                self.defaults.push((section.name().to_owned(), settings));
            }
            "frontend" | "listen" => {
                self.servers(file, section);
                let frontend = self.frontend(file, section);
                self.proxies.frontends.push(frontend);
            }
            "backend" => {
                self.servers(file, section);
                self.backend(file, section);
            }
            "ring" => self.servers(file, section),
            _ => {}
        }
    }

    /// The `defaults` that a section names, else the last ones.
    fn inherited(&mut self, file: &ConfigurationFile, section: &Section) -> Settings {
        let Some(name) = section.from() else {
            return self.defaults.last().map(|(_, settings)| settings.clone()).unwrap_or_default();
        };
        let named = self.defaults.iter().rev().find(|(known, _)| known == name);
        if let Some((_, settings)) = named {
            return settings.clone();
        }
        let text = format!("no `defaults {name}` before this");
        self.note(file.place(section.header.number), text, None);
        Settings::default()
    }

    /// What the lines of a section change.
    fn settings(&mut self, settings: &mut Settings, file: &ConfigurationFile, section: &Section) {
        let mut own_format: Option<&'static str> = None;
        for line in &section.lines {
            let (positive, at) = match line.word(0) {
                "no" | "default" => (false, 1),
                _ => (true, 0),
            };
            let place = file.place(line.number);
            match line.word(at) {
                "default_backend" => settings.backend = positive.then(|| line.word(at + 1).to_owned()),
                "mode" => settings.http = line.word(at + 1) == "http",
                "log" if !positive => settings.loggers.clear(),
                "log" => self.logger(settings, line, place),
                "log-tag" => settings.tag = Some(line.word(at + 1).to_owned()),
                "error-log-format" => {
                    let kind = Kind::Own(line.word(at + 1).to_owned());
                    settings.error_format = Some(LogFormat { kind, place });
                }
                "option" => set_flag(settings, line.word(at + 1), positive.then_some(place)),
                _ if line
                    .words
                    .windows(2)
                    .any(|pair| pair[0].text == "set-log-level" && pair[1].text == "silent") =>
                {
                    settings.silent.push((place, line.words_from(0)));
                }
                _ => {}
            }
            if let Some(kind) = format_of(line) {
                let place = file.place(line.number);
                if let Some(previous) = own_format.filter(|_| section.kind() == "defaults") {
                    let text = format!("`{}` overrides `{previous}` above", kind.name());
                    self.note(place.clone(), text, Some("leave out the one that you do not want"));
                }
                own_format = Some(kind.name());
                settings.format = Some(LogFormat { kind, place });
            }
        }
    }

    fn logger(&mut self, settings: &mut Settings, line: &Line, place: Place) {
        if line.word(1) == "global" && line.words.len() == 2 {
            for logger in &self.global.loggers {
                if !settings.loggers.contains(logger) {
                    settings.loggers.push(logger.clone());
                }
            }
        } else if let Some(logger) = Logger::read(line, 1, place.clone()) {
            settings.loggers.push(logger);
        } else {
            self.note(
                place,
                "this `log` line is not understood",
                Some("log <address> [len N] [format F] <facility> [level]"),
            );
        }
    }

    fn frontend(&mut self, file: &ConfigurationFile, section: &Section) -> Frontend {
        let place = file.place(section.header.number);
        let mut settings = self.inherited(file, section);
        self.settings(&mut settings, file, section);
        if let Some(format) = settings.format.as_mut().filter(|_| !settings.http) {
            let kind = format.kind.without_http();
            if kind != format.kind {
                let text = format!(
                    "`{}` needs `mode http`, so `{}` logs as by `{}`",
                    format.kind.name(),
                    section.name(),
                    kind.name()
                );
                self.note(format.place.clone(), text, None);
                format.kind = kind;
            }
        }
        let mut frontend = Frontend {
            name: section.name().to_owned(),
            place,
            settings,
            captured_requests: Vec::new(),
            captured_responses: Vec::new(),
            listens: endpoints::binds(file, section),
            uses: endpoints::uses(section),
        };
        frontend.uses.extend(frontend.settings.backend.clone().map(Some));
        section.lines.iter().for_each(|line| frontend.capture(line));
        frontend
    }

    /// A backend logs no request; what it logs are the ups and downs of its servers.
    fn backend(&mut self, file: &ConfigurationFile, section: &Section) {
        for line in &section.lines {
            let place = file.place(line.number);
            if let Some(kind) = format_of(line) {
                let text = format!("`{}` does nothing in a backend", kind.name());
                self.note(place, text, Some("put it into the frontend"));
            } else if line.word(0) == "log" && line.word(1) != "global" {
                let text = "a backend logs what happens to its servers, and no requests";
                self.note(place, text, None);
            }
        }
    }

    /// Where a ring or a backend sends log lines, if it is the target of any. A ring speaks TCP.
    fn servers(&mut self, file: &ConfigurationFile, section: &Section) {
        if section.kind() != "ring" {
            self.proxies.backends.insert(section.name().to_owned(), endpoints::servers(file, section));
        }
        let servers = section.lines.iter().filter(|line| line.word(0) == "server");
        let address = |line: &Line| match line.word(2) {
            plain if section.kind() == "ring" && !plain.contains(['@', '/']) => format!("tcp@{plain}"),
            address => address.to_owned(),
        };
        let addresses = servers.map(address).collect();
        self.proxies.servers.insert((section.kind().to_owned(), section.name().to_owned()), addresses);
    }
}

fn set_flag(settings: &mut Settings, option: &str, place: Option<Place>) {
    let Some(flag) = FLAGS.iter().find(|flag| **flag == option) else { return };
    match place {
        Some(place) => settings.flags.insert(flag, place),
        None => settings.flags.remove(flag),
    };
}

/// The format that a line sets.
fn format_of(line: &Line) -> Option<Kind> {
    let clf = line.word(2) == "clf";
    match (line.word(0), line.word(1)) {
        ("log-format", text) => Some(Kind::Own(text.to_owned())),
        ("option", "httplog") if clf => Some(Kind::HttpClf),
        ("option", "httplog") => Some(Kind::Http),
        ("option", "httpslog") => Some(Kind::Https),
        ("option", "tcplog") if clf => Some(Kind::TcpClf),
        ("option", "tcplog") => Some(Kind::Tcp),
        _ => None,
    }
}

impl Proxies {
    /// Where the requests of a frontend go.
    pub fn passes(&self, frontend: &Frontend) -> Vec<Endpoint> {
        if !frontend.settings.http {
            return Vec::new();
        }
        if frontend.uses.contains(&None) {
            return self.backends.values().flatten().cloned().collect();
        }
        let names = frontend.uses.iter().flatten();
        names.filter_map(|name| self.backends.get(name)).flatten().cloned().collect()
    }
}

impl Frontend {
    /// Captures are logged in the order of their lines, whatever kind these are.
    fn capture(&mut self, line: &Line) {
        let word = |at| line.word(at);
        let len = |at: usize| word(at).parse().unwrap_or_default();
        match (word(0), word(1), word(2)) {
            ("capture", kind @ ("request" | "response"), "header") => {
                self.slots(kind).push(Slot { name: Some(word(3).to_owned()), len: len(5) });
            }
            ("declare", "capture", kind) => self.slots(kind).push(Slot { name: None, len: len(4) }),
            (rules @ ("http-request" | "http-response" | "tcp-request"), ..) => {
                let kind = if rules == "http-response" { "response" } else { "request" };
                let Some(at) = line.words.iter().take(3).position(|word| word.text == "capture") else {
                    return;
                };
                let name = Some(sample_name(word(at + 1)));
                match word(at + 2) {
                    "len" => self.slots(kind).push(Slot { name, len: len(at + 3) }),
                    "id" => {
                        let slot =
                            word(at + 3).parse().ok().and_then(|id: usize| self.slots(kind).get_mut(id));
                        if let Some(slot) = slot {
                            slot.name = slot.name.take().or(name);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn slots(&mut self, kind: &str) -> &mut Vec<Slot> {
        if kind == "response" { &mut self.captured_responses } else { &mut self.captured_requests }
    }
}

/// `req.hdr(Host),lower` is the header `Host`.
fn sample_name(sample: &str) -> String {
    const HEADERS: [&str; 6] = ["req.hdr(", "req.fhdr(", "hdr(", "fhdr(", "res.hdr(", "res.fhdr("];
    let header = HEADERS.iter().find_map(|start| sample.strip_prefix(start));
    let name = header.and_then(|rest| rest.split([',', ')']).next());
    name.unwrap_or(sample).to_owned()
}
