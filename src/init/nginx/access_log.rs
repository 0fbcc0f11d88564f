//! One `access_log` directive: where its lines go, in which format, and what is odd about it. Reads nothing.
//!
//! <https://nginx.org/en/docs/http/ngx_http_log_module.html#access_log>

use super::super::found::{Note, Place, Target};
use super::files::Node;
use super::log_format::Defined;
use super::meaning::Build;
use logstat_parsers::conf::nginx::Arg;
use std::path::{Path, PathBuf};

/// Names of standard output and standard error.
pub(super) const STREAMS: [&str; 6] =
    ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2"];

/// `access_log`, but for `off`.
#[derive(Debug, Clone)]
pub(super) struct Use {
    pub(super) sink: Sink,
    /// Index of its format; `None` for one that is not defined.
    pub(super) format: Option<usize>,
    /// `if=`
    pub(super) conditional: bool,
    pub(super) place: Place,
    pub(super) notes: Vec<Note>,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sink {
    Log(Target),
    /// `/dev/null`.
    Nothing,
}

impl Sink {
    pub(super) fn is_log(&self) -> bool {
        matches!(self, Self::Log(_))
    }
}

impl Use {
    /// Do some requests have a line of each in one log? Of two conditions, one may be the other's opposite.
    pub(super) fn doubles(&self, other: &Self) -> bool {
        self.sink.is_log() && self.sink == other.sink && !(self.conditional && other.conditional)
    }

    fn at(place: &Place, format: Option<usize>) -> Self {
        Self { sink: Sink::Nothing, format, conditional: false, place: place.clone(), notes: Vec::new() }
    }

    /// What nginx does when no `access_log` says otherwise.
    pub(super) fn default_log(build: &Build, http: &Place) -> Self {
        let mut used = Self::at(http, Some(0));
        used.sink = used.file(&build.http_log_path.to_string_lossy(), build);
        used.note("no access_log is configured here: nginx's default".to_owned(), None);
        used
    }

    /// Takes the directive apart; `None` without arguments.
    pub(super) fn new(node: &Node, formats: &[Defined], build: &Build) -> Option<Self> {
        let (path, rest) = node.args.split_first()?;
        let mut used = Self::at(&node.place, Some(0));
        used.sink = match path.value.strip_prefix("syslog:") {
            Some(parameters) => Sink::Log(syslog(parameters)),
            None => used.file(&path.value, build),
        };
        if let Some(name) = rest.first() {
            used.format = used.format_named(name, formats);
        }
        used.parameters(rest.get(1..).unwrap_or_default());
        Some(used)
    }

    /// nginx takes the first format whose name differs in nothing but case.
    fn format_named(&mut self, name: &Arg, formats: &[Defined]) -> Option<usize> {
        let found = formats.iter().position(|known| known.format.name.eq_ignore_ascii_case(&name.value));
        if found.is_none() {
            let hint = if name.at.line == self.place.line {
                "log_format comes before the access_log that uses it; `nginx -t` says the same"
            } else {
                "is a `;` missing at the end of the line before?"
            };
            self.note(format!("no log_format is called \"{}\" up to here", name.value), Some(hint));
        }
        found
    }

    fn file(&mut self, path: &str, build: &Build) -> Sink {
        if path == "/dev/null" {
            return Sink::Nothing;
        }
        if STREAMS.contains(&path) {
            return Sink::Log(Target::Stream(path.to_owned()));
        }
        let (glob, variables) = file_pattern(path, build);
        if !variables.is_empty() {
            let text =
                format!("the file's name has variables ({}): one source for all files", variables.join(", "));
            self.note(text, None);
        }
        if !Path::new(path).is_absolute() {
            self.note(format!("relative to nginx's prefix, {}", build.prefix.display()), None);
        }
        if glob.contains(char::REPLACEMENT_CHARACTER) {
            let hint = "rename the log, or pass it through a pipe: cat FILE | logstat report - --format '…'";
            self.note("the file's name is not UTF-8, so logstat.toml cannot hold it".to_owned(), Some(hint));
        }
        Sink::Log(Target::File { glob })
    }

    fn parameters(&mut self, args: &[Arg]) {
        let (mut buffer, mut flush, mut gzip) = (None, None, false);
        for arg in args {
            match arg.value.split_once('=') {
                Some(("buffer", size)) => buffer = Some(size),
                Some(("flush", time)) => flush = Some(time),
                Some(("gzip", _)) => gzip = true,
                None if arg.value == "gzip" => gzip = true,
                Some(("if", condition)) => {
                    self.conditional = true;
                    let text =
                        format!("only requests for which {condition} is neither empty nor 0 are in this log");
                    self.note(text, None);
                }
                _ => {
                    let hint = (arg.at.line != self.place.line)
                        .then_some("is a `;` missing at the end of the line before?");
                    self.note(format!("access_log has no parameter `{}`", arg.value), hint);
                }
            }
        }
        if gzip {
            self.note(
                "nginx compresses this log: it is read as gzip, but cannot be followed live".to_owned(),
                None,
            );
        }
        if let Some(size) = buffer.or(gzip.then_some("64k")) {
            let until = flush.map(|time| format!(" or for {time}")).unwrap_or_default();
            self.note(format!("lines arrive late: nginx keeps them until there are {size}{until}"), None);
        }
    }

    fn note(&mut self, text: String, hint: Option<&str>) {
        self.notes.push(Note { place: Some(self.place.clone()), text, hint: hint.map(str::to_owned) });
    }
}

/// A log's name as a pattern that takes its rotated siblings too, and the variables in it.
pub(super) fn file_pattern(path: &str, build: &Build) -> (String, Vec<String>) {
    // Without `.` between slashes, so that one file has one name.
    let full: PathBuf = build.prefix.join(path).components().collect();
    let (mut glob, variables) = pattern(&full.to_string_lossy());
    if !glob.ends_with('*') {
        glob.push('*');
    }
    (glob, variables)
}

/// `server=unix:/dev/log,facility=local7,tag=nginx,severity=info,nohostname`.
fn syslog(parameters: &str) -> Target {
    let value = |key: &str| {
        let values = parameters.split(',').filter_map(|parameter| parameter.split_once('='));
        values.filter(|(name, _)| *name == key).map(|(_, value)| value).next_back()
    };
    let address = value("server").unwrap_or_default();
    Target::Syslog {
        address: address.strip_prefix("unix:").unwrap_or(address).to_owned(),
        facility: Some(value("facility").unwrap_or("local7").to_owned()),
        tag: Some(value("tag").unwrap_or("nginx").to_owned()),
    }
}

/// A path as a pattern, with `*` for each variable, and the variables.
fn pattern(path: &str) -> (String, Vec<String>) {
    let (mut glob, mut variables) = (String::new(), Vec::new());
    let mut rest = path;
    while let Some(at) = rest.find('$') {
        glob.push_str(&glob::Pattern::escape(&rest[..at]));
        let after = &rest[at + 1..];
        let inside = after.strip_prefix('{').unwrap_or(after);
        let name =
            inside.len() - inside.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
        variables.push(format!("${}", &inside[..name]));
        // `**` would go down into folders.
        if !glob.ends_with('*') {
            glob.push('*');
        }
        rest = &inside[name..];
        rest = if inside.len() < after.len() { rest.strip_prefix('}').unwrap_or(rest) } else { rest };
    }
    glob.push_str(&glob::Pattern::escape(rest));
    (glob, variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_in_a_path_become_a_pattern() {
        for (path, glob, names) in [
            ("/var/log/nginx/access.log", "/var/log/nginx/access.log", vec![]),
            ("/log/$host.log", "/log/*.log", vec!["$host"]),
            ("/log/${host}x-$a$b.log", "/log/*x-*.log", vec!["$host", "$a", "$b"]),
            ("/log/[a]*?.log", "/log/[[]a[]][*][?].log", vec![]),
        ] {
            let (found, variables) = pattern(path);
            assert_eq!((found.as_str(), variables), (glob, names.into_iter().map(str::to_owned).collect()));
        }
    }

    #[test]
    fn syslog_has_defaults() {
        let (facility, tag) = (Some("local7".to_owned()), Some("nginx".to_owned()));
        let address = "/dev/log".to_owned();
        assert_eq!(syslog("server=unix:/dev/log"), Target::Syslog { address, facility, tag });
        let target = syslog("server=[2001:db8::1]:514,facility=local0,tag=shop,severity=info");
        let address = "[2001:db8::1]:514".to_owned();
        let (facility, tag) = (Some("local0".to_owned()), Some("shop".to_owned()));
        assert_eq!(target, Target::Syslog { address, facility, tag });
    }
}
