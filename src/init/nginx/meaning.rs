//! What nginx's directives say of its access logs, by nginx's rules of inheritance. Reads nothing.

use super::super::endpoint::Endpoint;
use super::super::found::{Found, FoundFormat, FoundLog, Note, Place, Target};
use super::super::text::place;
use super::access_log::{Sink, Use, file_pattern};
use super::endpoints::{self, Upstreams};
use super::files::Node;
use super::log_format::Defined;
use std::path::PathBuf;

/// What is built into nginx.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Build {
    /// What relative names of logs are relative to.
    pub(super) prefix: PathBuf,
    /// The log where none is configured.
    pub(super) http_log_path: PathBuf,
    /// The same for errors.
    pub(super) error_log_path: PathBuf,
}

/// What a configuration says of its logs.
pub(super) fn meaning(nodes: &[Node], build: &Build) -> Found {
    let mut meaning = Meaning {
        build,
        formats: vec![Defined::combined()],
        upstreams: Upstreams::new(),
        drafts: Vec::new(),
        notes: Vec::new(),
        refused: false,
    };
    for node in nodes {
        match (node.name.as_str(), &node.block) {
            ("http", Some(block)) => meaning.http(node, block),
            ("stream", Some(block)) => meaning.stream(block),
            _ => {}
        }
    }
    let (kept, copies): (Vec<_>, Vec<_>) = meaning.drafts.into_iter().partition(|draft| draft.alone);
    meaning.notes.extend(copies.iter().filter_map(Draft::left_out));
    Found {
        logs: kept.into_iter().map(Draft::finished).collect(),
        left_out: copies.into_iter().map(|draft| draft.log.target).collect(),
        error_logs: error_logs(nodes, build),
        notes: meaning.notes,
        incomplete: meaning.refused,
    }
}

/// Patterns of all error logs, and of the one that nginx opens before it reads anything.
fn error_logs(nodes: &[Node], build: &Build) -> Vec<String> {
    fn named<'n>(nodes: &'n [Node], paths: &mut Vec<&'n str>) {
        for node in nodes {
            if let ("error_log", Some(path)) = (node.name.as_str(), node.args.first()) {
                paths.push(&path.value);
            }
            named(node.block.as_deref().unwrap_or_default(), paths);
        }
    }
    let default = build.error_log_path.to_string_lossy();
    let mut paths = vec![default.as_ref()];
    named(nodes, &mut paths);
    let is_file =
        |path: &&str| *path != "stderr" && !path.starts_with("syslog:") && !path.starts_with("memory:");
    paths.into_iter().filter(is_file).map(|path| file_pattern(path, build).0).collect()
}

/// `http`, `server`, `location`, `if` or `limit_except`.
struct Level<'n> {
    node: &'n Node,
    /// Its own `access_log`s.
    uses: Vec<Use>,
    /// `access_log off`, which cancels all others of the level.
    off: Option<&'n Place>,
    /// Of the server, where it is one.
    site: Site,
    inner: Vec<Level<'n>>,
}

/// A server.
#[derive(Default)]
struct Site {
    /// `server_name`.
    names: Vec<String>,
    listens: Vec<Endpoint>,
    passes: Vec<Endpoint>,
}

/// Where requests of a level go.
#[derive(Clone, Copy)]
enum Goes<'l> {
    To(&'l [Use]),
    Nowhere(&'l Place),
}

struct Meaning<'b> {
    build: &'b Build,
    /// In the order of the file, `combined` first.
    formats: Vec<Defined>,
    upstreams: Upstreams,
    drafts: Vec<Draft>,
    notes: Vec<Note>,
    /// nginx would not start with it.
    refused: bool,
}

impl Meaning<'_> {
    fn http(&mut self, node: &Node, block: &[Node]) {
        self.upstreams = endpoints::upstreams(block);
        let http = self.level(node, block);
        let default = [Use::default_log(self.build, &node.place)];
        let outer = http.goes(Goes::To(&default));
        if http.servers().count() == 0 {
            self.goes(outer, &Site::default(), &http);
        }
        for server in http.servers() {
            self.inherit(server, outer, &server.site);
        }
        for unused in http.uses.iter().filter(|_| http.off.is_none()) {
            let used = |draft: &Draft| draft.log.places.contains(&unused.place);
            if !self.drafts.iter().any(used) && unused.sink.is_log() {
                self.note(&unused.place, "no server writes to this log, so it is left out".to_owned(), None);
            }
        }
    }

    fn level<'n>(&mut self, node: &'n Node, block: &'n [Node]) -> Level<'n> {
        let mut level = Level { node, uses: Vec::new(), off: None, site: Site::default(), inner: Vec::new() };
        if node.name == "server" {
            level.site.listens = endpoints::listens(node);
            level.site.passes = endpoints::passes(block, &self.upstreams);
        }
        for inner in block {
            match (inner.name.as_str(), &inner.block) {
                ("log_format", None) => self.formats.extend(Defined::new(inner)),
                ("access_log", None) if inner.args.first().is_some_and(|arg| arg.value == "off") => {
                    level.off = Some(&inner.place);
                }
                ("access_log", None) => level.uses.extend(self.access_log(inner)),
                ("server_name", None) => {
                    let names = inner.args.iter().map(|arg| &arg.value);
                    level.site.names.extend(names.filter(|name| !matches!(name.as_str(), "" | "_")).cloned());
                }
                ("server" | "location" | "if" | "limit_except", Some(block)) => {
                    let inner = self.level(inner, block);
                    level.inner.push(inner);
                }
                _ => {}
            }
        }
        level
    }

    fn access_log(&mut self, node: &Node) -> Option<Use> {
        let parsed = Use::new(node, &self.formats, self.build);
        if parsed.is_none() {
            self.note(&node.place, "access_log without a file".to_owned(), None);
        }
        self.refused |= parsed.as_ref().is_none_or(|used| used.format.is_none());
        parsed
    }

    /// A level with an `access_log` of its own has nothing of those around it.
    fn inherit(&mut self, level: &Level<'_>, outer: Goes<'_>, site: &Site) {
        let goes = level.goes(outer);
        if level.node.name == "server" || !level.uses.is_empty() {
            self.goes(goes, site, level);
        } else if let (Some(off), Goes::To(outer)) = (level.off, outer) {
            self.leave_out(outer, off, level);
        }
        for inner in &level.inner {
            self.inherit(inner, goes, site);
        }
    }

    fn goes(&mut self, goes: Goes<'_>, site: &Site, level: &Level<'_>) {
        match goes {
            Goes::To(uses) => {
                let first = self.chosen(uses);
                for (at, used) in uses.iter().enumerate() {
                    self.write(used, site, first.filter(|first| *first != &used.sink));
                    if let Some(earlier) = uses[..at].iter().find(|earlier| earlier.doubles(used)) {
                        self.doubled(earlier, used, level);
                    }
                }
            }
            Goes::Nowhere(off) => {
                let text = format!("access_log off: requests of {} are in no log", level.title());
                self.note(off, text, None);
            }
        }
    }

    /// Where requests go to several logs, the one to read: a file with all of them, if possible with times.
    fn chosen<'u>(&self, uses: &'u [Use]) -> Option<&'u Sink> {
        let is_file = |used: &&Use| matches!(used.sink, Sink::Log(Target::File { .. })) && !used.conditional;
        let format = |used: &Use| used.format.and_then(|index| self.formats.get(index));
        let timed = uses.iter().filter(is_file).find(|used| format(used).is_some_and(Defined::is_timed));
        timed.or_else(|| uses.iter().find(is_file)).map(|used| &used.sink)
    }

    /// nginx writes a line for each `access_log`, to the same file too.
    fn doubled(&mut self, earlier: &Use, used: &Use, level: &Level<'_>) {
        let (first, second) = (&earlier.place, &used.place);
        let which = if earlier.conditional || used.conditional { "some" } else { "all" };
        let text = format!(
            "{which} requests of {} are in this log twice, by the access_log of {} too",
            level.title(),
            place(first)
        );
        let hint = format!("remove the access_log of {} or of {}", place(first), place(second));
        let note = Note { place: Some(second.clone()), text, hint: Some(hint) };
        if let Some(draft) = self.drafts.iter_mut().find(|draft| draft.log.places.contains(second)) {
            draft.note(note);
        }
    }

    /// `copied` is another log that gets the same requests.
    fn write(&mut self, used: &Use, site: &Site, copied: Option<&Sink>) {
        let Sink::Log(target) = &used.sink else {
            self.note(&used.place, "lines to /dev/null are in no log".to_owned(), None);
            return;
        };
        let at = self.drafts.iter().position(|draft| draft.log.target == *target).unwrap_or_else(|| {
            self.drafts.push(Draft::new(target.clone()));
            self.drafts.len() - 1
        });
        let format = used.format.and_then(|index| self.formats.get(index));
        self.drafts[at].add(used, format, site);
        match copied {
            Some(Sink::Log(other)) => self.drafts[at].copied = Some(title(other)),
            _ => self.drafts[at].alone = true,
        }
    }

    /// Some requests of a server are not logged.
    fn leave_out(&mut self, outer: &[Use], off: &Place, level: &Level<'_>) {
        let text = format!("requests of {} are not in this log: access_log off", level.title());
        for used in outer {
            if let Sink::Log(target) = &used.sink
                && let Some(draft) = self.drafts.iter_mut().find(|draft| draft.log.target == *target)
            {
                draft.note(Note { place: Some(off.clone()), text: text.clone(), hint: None });
            }
        }
    }

    /// `stream` has formats and logs of its own.
    fn stream(&mut self, block: &[Node]) {
        for node in block {
            let path = node.args.first().map(|arg| arg.value.as_str()).filter(|path| *path != "off");
            if let ("access_log", Some(path)) = (node.name.as_str(), path) {
                let text = format!("{path}: lines of stream {{}} are connections, not requests; left out");
                self.note(&node.place, text, None);
            }
            if let ("server", Some(block)) = (node.name.as_str(), &node.block) {
                self.stream(block);
            }
        }
    }

    fn note(&mut self, place: &Place, text: String, hint: Option<String>) {
        let note = Note { place: Some(place.clone()), text, hint };
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

impl<'n> Level<'n> {
    fn goes<'l>(&'l self, outer: Goes<'l>) -> Goes<'l> {
        match self.off {
            Some(off) => Goes::Nowhere(off),
            None if self.uses.is_empty() => outer,
            None => Goes::To(&self.uses),
        }
    }

    fn servers(&self) -> impl Iterator<Item = &Level<'n>> {
        self.inner.iter().filter(|level| level.node.name == "server")
    }

    /// For a person: `location /health`, `server shop.example.com`, `the server at nginx.conf:7`.
    fn title(&self) -> String {
        let words = match self.node.name.as_str() {
            "server" if self.site.names.is_empty() => {
                return format!("the server at {}", place(&self.node.place));
            }
            "server" => self.site.names.first().cloned().into_iter().collect(),
            _ => self.node.args.iter().map(|arg| arg.value.clone()).collect::<Vec<_>>(),
        };
        std::iter::once(self.node.name.clone()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// A log while its uses are gathered.
struct Draft {
    log: FoundLog,
    /// How often each of its formats is used.
    uses: Vec<usize>,
    /// It has requests that no other log has.
    alone: bool,
    /// A log that has requests of this one too.
    copied: Option<String>,
}

/// For a person: the file without what matches its rotated siblings.
fn title(target: &Target) -> String {
    match target {
        Target::File { glob } => glob.strip_suffix('*').unwrap_or(glob).to_owned(),
        Target::Syslog { address, .. } => format!("syslog at {address}"),
        Target::Stream(name) => name.clone(),
    }
}

impl Draft {
    fn new(target: Target) -> Self {
        // Every date of nginx has an offset, so none is local.
        let log = FoundLog::new(target);
        Self { log, uses: Vec::new(), alone: false, copied: None }
    }

    fn add(&mut self, used: &Use, format: Option<&Defined>, site: &Site) {
        if let Some(defined) = format {
            match self.log.formats.iter().position(|known| *known == defined.format) {
                Some(at) => self.uses[at] += 1,
                None => {
                    self.log.formats.push(defined.format.clone());
                    self.uses.push(1);
                    defined.note().into_iter().for_each(|note| self.note(note));
                }
            }
        }
        if !self.log.places.contains(&used.place) {
            self.log.places.push(used.place.clone());
            used.notes.iter().for_each(|note| self.note(note.clone()));
        }
        for name in &site.names {
            if !self.log.sites.contains(name) {
                self.log.sites.push(name.clone());
            }
        }
        if !self.log.listens.contains(&site.listens) {
            self.log.listens.push(site.listens.clone());
        }
        for pass in &site.passes {
            if !self.log.passes.contains(pass) {
                self.log.passes.push(pass.clone());
            }
        }
    }

    fn note(&mut self, note: Note) {
        if !self.log.notes.contains(&note) {
            self.log.notes.push(note);
        }
    }

    /// Why a log is no source: its requests would count twice.
    fn left_out(&self) -> Option<Note> {
        let (own, other) = (title(&self.log.target), self.copied.as_ref()?);
        let text = format!("{own}: all its requests are in {other} too, so it is left out");
        Some(Note { place: self.log.places.first().cloned(), text, hint: None })
    }

    fn finished(mut self) -> FoundLog {
        if let Some(other) = self.copied.take() {
            let text = format!("some of its requests are in {other} too, and count twice in totals");
            let hint = "keep one of the two sources, or split the logs by server".to_owned();
            self.note(Note { place: self.log.places.first().cloned(), text, hint: Some(hint) });
        }
        let mut formats: Vec<(usize, FoundFormat)> = self.uses.into_iter().zip(self.log.formats).collect();
        formats.sort_by_key(|(uses, _)| std::cmp::Reverse(*uses));
        self.log.formats = formats.into_iter().map(|(_, format)| format).collect();
        self.log
    }
}
