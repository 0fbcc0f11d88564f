//! `log_format` of the `http` module: from its arguments to a string that compiles. Reads no line.
//!
//! <https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format>

use super::super::found::{FoundFormat, Note, Place};
use super::files::Node;
use logstat_parsers::conf::nginx::Arg;
use logstat_parsers::{Escape, Format, FormatError, Options};

/// Characters of a format that a message shows from the place of an error.
const SHOWN: usize = 24;

/// A format with the places of its parts.
#[derive(Debug, Clone)]
pub(super) struct Defined {
    pub(super) format: FoundFormat,
    /// Byte in the text and line in the file at which each argument begins.
    parts: Vec<(usize, usize)>,
}

impl Defined {
    /// What nginx knows without being told.
    pub(super) fn combined() -> Self {
        let name = "combined".to_owned();
        let format =
            FoundFormat { text: name.clone(), name, escape: Escape::Default, captures: None, place: None };
        Self { format, parts: Vec::new() }
    }

    /// `log_format name [escape=default|json|none] string …`; `None` without a name.
    pub(super) fn new(node: &Node) -> Option<Self> {
        let (name, mut rest) = node.args.split_first()?;
        let mut escape = Escape::Default;
        if let Some(mode) = rest.first().and_then(|arg| arg.value.strip_prefix("escape=")) {
            rest = &rest[1..];
            escape = match mode {
                "json" => Escape::Json,
                "none" => Escape::None,
                _ => Escape::Default,
            };
        }
        let (text, parts) = joined(rest);
        let format = FoundFormat {
            name: name.value.clone(),
            text,
            escape,
            captures: None,
            place: Some(node.place.clone()),
        };
        Some(Self { format, parts })
    }

    /// Can it be read, and has it request times?
    pub(super) fn is_timed(&self) -> bool {
        self.compiled().is_ok_and(|format| format.fields().latency)
    }

    fn compiled(&self) -> Result<Format, FormatError> {
        let options = Options { escape: self.format.escape, ..Options::default() };
        Format::compile(&self.format.text, &options)
    }

    /// What is to be known about lines of this format.
    pub(super) fn note(&self) -> Option<Note> {
        match self.compiled() {
            Err(error) => Some(self.refused(&error)),
            Ok(format) if !format.fields().latency => Some(Note {
                place: self.format.place.clone(),
                text: format!(
                    "format \"{}\" has no $request_time, so there are no percentiles",
                    self.format.name
                ),
                hint: Some("a log_format with $request_time and $upstream_response_time has them".to_owned()),
            }),
            Ok(_) => None,
        }
    }

    fn refused(&self, error: &FormatError) -> Note {
        let at = error.position();
        let line = self.parts.iter().rev().find(|(start, _)| *start <= at).map(|(start, line)| {
            line + self.format.text.get(*start..at).map_or(0, |between| between.matches('\n').count())
        });
        let place = self.format.place.as_ref();
        let place = place.map(|place| Place { line: line.unwrap_or(place.line), file: place.file.clone() });
        let message = error.to_string();
        let message = message.split_once(": ").map_or(message.as_str(), |(_, message)| message);
        let there: String = self.format.text.get(at..).unwrap_or_default().chars().take(SHOWN).collect();
        let text = match at {
            0 => format!("format \"{}\" cannot be read: {message}", self.format.name),
            _ => format!("format \"{}\" cannot be read: at `{there}`: {message}", self.format.name),
        };
        Note { place, text, hint: Some(error.hint()) }
    }
}

/// nginx compiles argument by argument, so a variable ends where its argument does.
fn joined(args: &[Arg]) -> (String, Vec<(usize, usize)>) {
    let (mut text, mut parts) = (String::new(), Vec::new());
    for arg in args {
        if arg.raw.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            brace_last_variable(&mut text);
        }
        parts.push((text.len(), arg.at.line));
        text.push_str(&arg.raw);
    }
    // A quote that the format begins with is not one around the format.
    if text.starts_with('\'') {
        text.insert(0, '\\');
        parts.iter_mut().skip(1).for_each(|(start, _)| *start += 1);
    }
    (text, parts)
}

/// `…$status` becomes `…${status}`.
fn brace_last_variable(text: &mut String) {
    let name = text.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').len();
    if name < text.len() && text[..name].ends_with('$') {
        text.insert(name, '{');
        text.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logstat_parsers::conf::nginx::parse;

    fn defined(text: &str) -> Defined {
        let mut directives = parse(text).expect("a directive");
        let directive = directives.remove(0);
        let place = Place { file: "nginx.conf".into(), line: directive.at.line };
        let node = Node { name: directive.name, args: directive.args, block: None, place };
        Defined::new(&node).expect("a format")
    }

    #[test]
    fn parts_are_joined_as_nginx_joins_them() {
        for (conf, wanted) in [
            (r#"log_format x '$remote_addr "$request"' ' $status';"#, r#"$remote_addr "$request" $status"#),
            ("log_format x $msec _ $status 1;", "${msec}_${status}1"),
            ("log_format x escape=json '{\"a\":\"$msec\"}';", "{\"a\":\"$msec\"}"),
            (r"log_format x '$msec\t$status\x';", r"$msec\t$status\x"),
            ("log_format x \"'$msec' $status\";", "\\'$msec' $status"),
        ] {
            assert_eq!(defined(conf).format.text, wanted);
        }
    }

    #[test]
    fn an_error_is_placed_in_the_file() {
        let note = defined("log_format x\n  '$remote_addr '\n  '$msec $request$http_host $status';").note();
        let note = note.expect("a note");
        assert_eq!(note.place, Some(Place { file: "nginx.conf".into(), line: 3 }));
        assert!(
            note.text.starts_with("format \"x\" cannot be read: at `$request$http_host"),
            "{}",
            note.text
        );
    }

    #[test]
    fn a_format_without_a_date_is_refused_and_one_without_times_noted() {
        let text = |conf: &str| defined(conf).note().expect("a note").text;
        assert!(text("log_format x '$status $request';").contains("no date in the format"));
        assert!(text("log_format x '$msec $status';").contains("no $request_time"));
        assert!(defined("log_format x '$msec $status $request_time';").note().is_none());
    }
}
