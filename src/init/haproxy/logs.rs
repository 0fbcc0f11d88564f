//! Puts together what ends in the same place. Opens no file.

use super::super::endpoint::Endpoint;
use super::super::found::{Found, FoundCaptures, FoundFormat, FoundLog, Note, Place, Target};
use super::super::rsyslog::Rsyslog;
use super::logger::{Address, Logger};
use super::proxies::{Frontend, Proxies, Slot};
use logstat_parsers::conf::rsyslog::Message;
use logstat_parsers::{Escape, Format, Options, Preset};
use std::path::Path;

/// Where packages of HAProxy let it be written.
const USUAL_FILE: &str = "/var/log/haproxy.log";
/// The name that HAProxy has in syslog.
const TAG: &str = "haproxy";
/// The preset for lines of frontends without a log format.
const DEFAULT_FORMAT: &str = "haproxy-default";
/// The part of a line that captured headers may take before the rest lacks room.
const CAPTURED_PART: usize = 4;

/// What the machine adds to the configuration.
pub(super) struct Machine<'m> {
    pub rsyslog: &'m Rsyslog,
    pub exists: &'m dyn Fn(&Path) -> bool,
}

/// Where the lines of a `log` line end.
struct Destination {
    target: Target,
    /// The rule of a syslog server.
    place: Option<Place>,
    note: Option<Note>,
}

/// What is written to one place.
struct Gathered<'p> {
    target: Target,
    places: Vec<Place>,
    notes: Vec<Note>,
    lines: Vec<(&'p Frontend, &'p Logger)>,
    listens: Vec<Vec<Endpoint>>,
    passes: Vec<Endpoint>,
}

/// A format of a log, and how many frontends have it.
struct Used {
    format: FoundFormat,
    frontends: usize,
    /// What frontends with it capture, as far as that differs.
    captures: Vec<FoundCaptures>,
}

/// The logs of all frontends.
pub(super) fn logs(proxies: &Proxies, machine: &Machine<'_>) -> Found {
    let mut gathered: Vec<Gathered<'_>> = Vec::new();
    let mut found = Found { notes: proxies.notes.clone(), ..Found::default() };
    for frontend in &proxies.frontends {
        if let Some(missing) = without_requests(frontend) {
            push(&mut found.notes, missing);
        }
        for logger in &frontend.settings.loggers {
            for destination in destinations(logger, frontend, proxies, machine) {
                gather(&mut gathered, destination, frontend, logger, proxies);
            }
        }
    }
    let mut partial = Vec::new();
    for gathered in gathered {
        if gathered.lines.iter().any(|(_, logger)| logger.sample.is_some()) {
            partial.push(gathered.target.clone());
        }
        let (log, notes) = gathered.finish();
        found.logs.extend(log);
        notes.into_iter().for_each(|note| push(&mut found.notes, note));
    }
    leave_out_copies(&mut found, &partial);
    found
}

/// Why requests of a frontend are in no log.
fn without_requests(frontend: &Frontend) -> Option<Note> {
    let loggers = &frontend.settings.loggers;
    if !loggers.iter().all(Logger::events_only) {
        return None;
    }
    Some(match loggers.first() {
        None => {
            let text = format!("`{}` has no `log` line for requests", frontend.name);
            note(&frontend.place, text, Some("add `log global`"))
        }
        Some(logger) => {
            let text = format!(
                "requests of `{}` are in no log: this line takes messages of `{}` and above, and requests have `info`",
                frontend.name,
                logger.level.as_deref().unwrap_or_default()
            );
            note(&logger.place, text, Some("leave out the level, or write `info`"))
        }
    })
}

/// Leaves out the files whose requests are all in another one too, or they would count twice.
fn leave_out_copies(found: &mut Found, partial: &[Target]) {
    let logs = std::mem::take(&mut found.logs);
    for (at, log) in logs.iter().enumerate() {
        let has_all = |(other_at, other): &(usize, &FoundLog)| {
            let is_whole = matches!(other.target, Target::File { .. }) && !partial.contains(&other.target);
            let takes = log.sites.iter().all(|site| other.sites.contains(site));
            is_whole && takes && (other.sites.len() > log.sites.len() || *other_at < at)
        };
        let copied =
            matches!(log.target, Target::File { .. }) && logs.iter().enumerate().any(|other| has_all(&other));
        if copied {
            let text = format!(
                "all requests of {} are in another file too, so it is left out",
                log.sites.join(", ")
            );
            found.notes.push(Note { place: log.places.first().cloned(), text, hint: None });
            found.left_out.push(log.target.clone());
        } else {
            found.logs.push(log.clone());
        }
    }
}

fn note(place: &Place, text: String, hint: Option<&str>) -> Note {
    Note { place: Some(place.clone()), text, hint: hint.map(str::to_owned) }
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn gather<'p>(
    gathered: &mut Vec<Gathered<'p>>,
    destination: Destination,
    frontend: &'p Frontend,
    logger: &'p Logger,
    proxies: &Proxies,
) {
    let known = gathered.iter().position(|gathered| gathered.target == destination.target);
    let at = known.unwrap_or_else(|| {
        let target = destination.target;
        gathered.push(Gathered::new(target));
        gathered.len() - 1
    });
    let gathered = &mut gathered[at];
    gathered.lines.push((frontend, logger));
    if !logger.events_only() {
        push(&mut gathered.listens, frontend.listens.clone());
        proxies.passes(frontend).into_iter().for_each(|pass| push(&mut gathered.passes, pass));
        push(&mut gathered.places, logger.place.clone());
        destination.place.into_iter().for_each(|place| push(&mut gathered.places, place));
        destination.note.into_iter().for_each(|note| push(&mut gathered.notes, note));
    }
}

fn destinations(
    logger: &Logger,
    frontend: &Frontend,
    proxies: &Proxies,
    machine: &Machine<'_>,
) -> Vec<Destination> {
    let tag = frontend.settings.tag.as_deref().unwrap_or(TAG);
    let Address::Servers { section, name } = Address::of(&logger.address) else {
        return vec![machine.destination(&logger.address, logger, tag, proxies)];
    };
    let servers = proxies.servers.get(&(section.to_owned(), name)).filter(|servers| !servers.is_empty());
    match servers {
        Some(servers) => {
            servers.iter().map(|server| machine.destination(server, logger, tag, proxies)).collect()
        }
        None => vec![machine.destination(&logger.address, logger, tag, proxies)],
    }
}

impl Machine<'_> {
    fn destination(&self, address: &str, logger: &Logger, tag: &str, proxies: &Proxies) -> Destination {
        match Address::of(address) {
            Address::Stream => {
                let text = format!("goes to `{address}`, which a container or systemd keeps");
                let hint = "docker logs CONTAINER 2>&1 | logstat report -, or journalctl -u haproxy -o cat | logstat report -";
                let note = Some(note(&logger.place, text, Some(hint)));
                Destination { target: Target::Stream(address.to_owned()), place: None, note }
            }
            Address::Socket => {
                let path = address.rsplit_once('@').map_or(address, |(_, path)| path);
                if self.rsyslog.reads(path, proxies.root.as_deref()) {
                    return self.file_of_syslog(address, logger, tag);
                }
                let text =
                    format!("no input of rsyslog reads this socket, by {}", self.rsyslog.path.display());
                syslog(address, logger, tag, &text, "find what reads it with `ss -lxp`, and name its file")
            }
            Address::LocalUdp(port) if self.rsyslog.udp_ports.contains(&port) => {
                self.file_of_syslog(address, logger, tag)
            }
            Address::LocalUdp(port) => {
                let text = format!(
                    "goes to UDP port {port} of this machine, where rsyslog does not listen, by {}",
                    self.rsyslog.path.display()
                );
                let hint = "find what listens with `ss -lunp`, and name its file";
                syslog(address, logger, tag, &text, hint)
            }
            Address::Elsewhere | Address::Servers { .. } => {
                let text = format!("goes to `{address}`, another machine or program");
                syslog(address, logger, tag, &text, "run `logstat init` where it is written to a file")
            }
        }
    }

    /// The file that the syslog daemon of this machine writes.
    fn file_of_syslog(&self, address: &str, logger: &Logger, tag: &str) -> Destination {
        let file = |file: &str| Target::File { glob: format!("{}*", glob::Pattern::escape(file)) };
        if let Some(written) = self.rsyslog.file(Message { facility: &logger.facility, programname: tag }) {
            let shared = written.shared.then(|| {
                let text =
                    format!("{} has the lines of other programs too, which count as rejects", written.file);
                note(
                    &written.place,
                    text,
                    Some("give HAProxy a file of its own by a rule for its program name"),
                )
            });
            return Destination { target: file(&written.file), place: Some(written.place), note: shared };
        }
        if (self.exists)(Path::new(USUAL_FILE)) {
            let text = format!("no rule of rsyslog names a file; {USUAL_FILE} is assumed");
            return Destination {
                target: file(USUAL_FILE),
                place: None,
                note: Some(note(&logger.place, text, None)),
            };
        }
        let text = "no rule of rsyslog names a file, so the journal has the lines";
        let hint = format!("journalctl -t {tag} -o short-iso | logstat report -");
        syslog(address, logger, tag, text, &hint)
    }
}

fn syslog(address: &str, logger: &Logger, tag: &str, text: &str, hint: &str) -> Destination {
    let target = Target::Syslog {
        address: address.to_owned(),
        facility: Some(logger.facility.clone()),
        tag: Some(tag.to_owned()),
    };
    Destination { target, place: None, note: Some(note(&logger.place, text.to_owned(), Some(hint))) }
}

impl<'p> Gathered<'p> {
    fn new(target: Target) -> Self {
        let (places, notes, lines) = (Vec::new(), Vec::new(), Vec::new());
        Self { target, places, notes, lines, listens: Vec::new(), passes: Vec::new() }
    }

    /// The log, if it has requests that can be read, and the notes that belong to none.
    fn finish(mut self) -> (Option<FoundLog>, Vec<Note>) {
        let mut used = Vec::new();
        let mut sites: Vec<String> = Vec::new();
        let lines = std::mem::take(&mut self.lines);
        let (events, requests): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|(_, logger)| logger.events_only());
        for (frontend, logger) in &requests {
            if sites.contains(&frontend.name) {
                let text = format!("each request of `{}` is in it twice", frontend.name);
                push(&mut self.notes, note(&logger.place, text, Some("remove one of its `log` lines")));
                continue;
            }
            sites.push(frontend.name.clone());
            self.formats(frontend, &mut used);
            self.remark(frontend, logger);
        }
        self.remark_events(&events);
        if used.is_empty() {
            // Without requests, a log of events is no access log, and needs no word.
            return (None, if requests.is_empty() { Vec::new() } else { self.notes });
        }
        self.agree(&mut used);
        used.sort_by_key(|used: &Used| std::cmp::Reverse(used.frontends));
        let formats: Vec<_> = used.into_iter().map(|used| used.format).collect();
        let local_dates = formats.iter().any(|format| has_local_dates(&format.text));
        let Self { target, places, notes, listens, passes, .. } = self;
        let log = FoundLog { target, formats, sites, listens, passes, local_dates, places, notes };
        (Some(log), Vec::new())
    }

    /// A source has one list of names. Where nothing is captured, HAProxy writes no braces, so that these do not count.
    fn agree(&mut self, used: &mut [Used]) {
        let mut different: Vec<FoundCaptures> = Vec::new();
        used.iter().flat_map(|used| used.captures.clone()).for_each(|one| push(&mut different, one));
        match different.as_slice() {
            [] => {}
            [same] => {
                let capturing = used.iter_mut().filter(|used| !used.captures.is_empty());
                capturing.for_each(|used| used.format.captures = Some(same.clone()));
            }
            _ => {
                let text = "frontends capture different headers, so these have no names".to_owned();
                let hint =
                    "give these frontends the same `capture` lines in the same order, or logs of their own";
                let place = used
                    .iter()
                    .rfind(|used| !used.captures.is_empty())
                    .and_then(|used| used.format.place.clone());
                self.notes.push(Note { place, text, hint: Some(hint.to_owned()) });
            }
        }
    }

    /// Adds the formats of a frontend.
    fn formats(&mut self, frontend: &Frontend, used: &mut Vec<Used>) {
        let settings = &frontend.settings;
        let Some(format) = &settings.format else {
            let text =
                format!("`{}` has no log format: its lines, `Connect from …`, have no times", frontend.name);
            let hint = if settings.http { "add `option httplog`" } else { "add `option tcplog`" };
            push(&mut self.notes, note(&frontend.place, text, Some(hint)));
            return self.format(frontend, DEFAULT_FORMAT, "default", None, used);
        };
        self.format(frontend, format.kind.text(), format.kind.name(), Some(&format.place), used);
        if let Some(format) = &settings.error_format {
            self.format(frontend, format.kind.text(), "error-log-format", Some(&format.place), used);
        }
    }

    fn format(
        &mut self,
        frontend: &Frontend,
        text: &str,
        name: &str,
        place: Option<&Place>,
        used: &mut Vec<Used>,
    ) {
        if let Err(error) = Format::compile(text, &Options::default()) {
            let hint = error.hint();
            let text = format!("`{name}` of `{}` cannot be read: {error}", frontend.name);
            push(&mut self.notes, note(place.unwrap_or(&frontend.place), text, Some(&hint)));
        }
        let captures = captures(frontend, text);
        if let Some(known) = used.iter_mut().find(|used| used.format.text == text) {
            known.frontends += 1;
            captures.into_iter().for_each(|captures| push(&mut known.captures, captures));
            return;
        }
        let format = FoundFormat {
            name: name.to_owned(),
            text: text.to_owned(),
            escape: Escape::Default,
            captures: None,
            place: place.cloned(),
        };
        used.push(Used { format, frontends: 1, captures: captures.into_iter().collect() });
    }

    /// What keeps requests out of the log, or changes what is said of them.
    fn remark(&mut self, frontend: &Frontend, logger: &Logger) {
        let settings = &frontend.settings;
        let mut say = |place: &Place, text: String, hint| push(&mut self.notes, note(place, text, hint));
        if let Some(place) = settings.flags.get("dontlog-normal") {
            say(place, "requests that went well are not in it, by `option dontlog-normal`".to_owned(), None);
        }
        if let Some(place) = settings.flags.get("logasap") {
            say(
                place,
                "times and bytes end with the response's headers, by `option logasap`".to_owned(),
                None,
            );
        }
        for (place, rule) in &settings.silent {
            say(place, format!("some requests are not in it, by `{rule}`"), None);
        }
        if let Some(sample) = &logger.sample {
            say(&logger.place, format!("only a part of the requests is in it, by `sample {sample}`"), None);
        }
        if let Some(profile) = &logger.profile {
            let hint = "compare the format with the `log-profile` section";
            say(&logger.place, format!("`profile {profile}` may change the format"), Some(hint));
        }
        let captured: usize = captured_slots(frontend).map(|slot| slot.len).sum();
        if captured > logger.len / CAPTURED_PART {
            let text = format!(
                "lines are cut after {} bytes, of which captured headers take up to {captured}",
                logger.len
            );
            say(&logger.place, text, Some("log <address> len 4096 <facility>"));
        }
    }

    /// A second `log` line for what is more important than requests, as Debian has one.
    fn remark_events(&mut self, events: &[(&Frontend, &Logger)]) {
        for (frontend, logger) in events {
            let text = if frontend.settings.flags.contains_key("log-separate-errors") {
                "failed requests are in it twice, by a `log` line with a level and `option log-separate-errors`"
            } else {
                "HAProxy's messages on servers are in it twice, by a `log` line with a level"
            };
            push(
                &mut self.notes,
                note(
                    &logger.place,
                    text.to_owned(),
                    Some("remove that line, unless another file takes its facility"),
                ),
            );
        }
    }
}

fn captured_slots(frontend: &Frontend) -> impl Iterator<Item = &Slot> {
    frontend.captured_requests.iter().chain(&frontend.captured_responses)
}

/// The captured headers that a format prints.
fn captures(frontend: &Frontend, text: &str) -> Option<FoundCaptures> {
    let prints = aliases(text).any(|alias| matches!(alias, "hr" | "hs" | "hrl" | "hsl"));
    if !prints || captured_slots(frontend).next().is_none() {
        return None;
    }
    let names = |slots: &[Slot]| slots.iter().map(captured).collect();
    Some(FoundCaptures {
        request: names(&frontend.captured_requests),
        response: names(&frontend.captured_responses),
    })
}

/// As `capture_request` has it. Of `X-Forwarded-For` it must be known where HAProxy cuts: the last addresses count.
fn captured(slot: &Slot) -> String {
    match &slot.name {
        Some(name) if name.eq_ignore_ascii_case("X-Forwarded-For") => format!("{name} len {}", slot.len),
        Some(name) => name.clone(),
        None => "-".to_owned(),
    }
}

/// HAProxy's `%t` and `%tr` have no offset. A format without any date leaves it to syslog, which has none either.
fn has_local_dates(text: &str) -> bool {
    !aliases(text).any(|alias| matches!(alias, "T" | "Tl" | "trg" | "trl" | "Ts"))
}

/// Names of the variables in a format.
fn aliases(text: &str) -> impl Iterator<Item = &str> {
    let string = Preset::named(text).map_or(text, |preset| preset.format_string);
    string.split('%').skip(1).map(|rest| {
        let after_name =
            rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
        let flags = after_name.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let alias = flags.map_or(after_name, |(_, rest)| rest);
        alias.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
    })
}
