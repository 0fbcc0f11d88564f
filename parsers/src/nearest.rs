//! Which format comes closest to a line that is rejected, for a person who looks for the right one. Counts nothing, and
//! is not for every line.

use crate::cursor::Cursor;
use crate::format::{Format, Options, Vendor};
use crate::parser::{Draft, Parser};
use crate::preset::{PRESETS, Preset};
use crate::record::{Line, Record};

/// Formats that a line is held against.
#[derive(Debug, Clone)]
pub struct Neighbours {
    /// Where two fit a line equally well, the first is meant.
    formats: Vec<(Neighbour, Format)>,
}

/// A format that a line is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// A named one.
    Preset(&'static Preset),
    /// The log's own format, with further values behind it.
    Longer,
}

/// How far a format reads a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nearest {
    /// The format.
    pub neighbour: Neighbour,
    /// Whether it reads the whole line.
    pub whole: bool,
    /// Byte in the line (from 0) of the first value or text that does not fit, or its length.
    pub byte: usize,
}

impl Neighbours {
    /// Every preset, and `format` with further values behind it.
    #[must_use]
    pub fn of(format: &Format, options: &Options) -> Self {
        let mut neighbours = Self::presets(options);
        let tail = match format.vendor() {
            Vendor::Nginx => Some(" $ignored"),
            Vendor::HaProxy => Some(" %[ignored]"),
            Vendor::Apache => Some(" %{ignored}n"),
            Vendor::Map => None,
        };
        let longer =
            tail.and_then(|tail| Format::compile(&format!("{}{tail}", format.format_string()), options).ok());
        // What ends in ignored values says less than a format that knows them, and more than one that does not.
        let open = |(neighbour, _): &(Neighbour, Format)| matches!(neighbour, Neighbour::Preset(preset) if preset.format_string.ends_with("$ignored"));
        let place = neighbours.formats.iter().position(open).unwrap_or(neighbours.formats.len());
        neighbours.formats.splice(place..place, longer.map(|format| (Neighbour::Longer, format)));
        neighbours
    }

    /// Every preset.
    #[must_use]
    pub fn presets(options: &Options) -> Self {
        let compiled = |preset: &'static Preset| {
            let format = Format::compile(preset.name, options).ok()?;
            Some((Neighbour::Preset(preset), format))
        };
        let mut formats: Vec<_> = PRESETS.iter().filter_map(compiled).collect();
        formats.sort_by_key(|(_, format)| format.format_string().ends_with("$ignored"));
        Self { formats }
    }

    /// The format that reads the line, else the one that gets furthest. `None` if none gets as far as the date.
    #[must_use]
    pub fn nearest(&self, line: &[u8]) -> Option<Nearest> {
        let mut best: Option<Nearest> = None;
        for (neighbour, format) in &self.formats {
            let (byte, whole) = reach(format, line);
            if best.is_none_or(|best| (whole, byte) > (best.whole, best.byte)) && byte > 0 {
                best = Some(Nearest { neighbour: *neighbour, whole, byte });
            }
        }
        best
    }
}

/// Bytes before the first value or text that does not fit, and whether all of the line fits.
fn reach(format: &Format, line: &[u8]) -> (usize, bool) {
    let mut parser = format.parser(0);
    match parser.parse(line) {
        Line::Record(record) if !record.truncated => (line.len(), true),
        // Any JSON object could be a message of a server that writes JSON.
        Line::Event(_) if format.vendor() == Vendor::Map => (0, false),
        Line::Event(_) => (line.len(), true),
        Line::Record(_) | Line::Reject(_) => (parser.reach(line), false),
        Line::Blank => (0, false),
    }
}

impl Parser<'_> {
    /// Bytes of the line before the first value or text that does not fit; none where no date was read, since words
    /// fit many formats. A value that only the end of the line ends is none that fits.
    fn reach(&mut self, line: &[u8]) -> usize {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let message = self.message(line);
        let in_front = line.len() - message.len();
        let mut cursor = Cursor::new(message);
        let mut record = Record::default();
        let mut draft = Draft::new(&mut record);
        let steps = &self.format.steps;
        for step in steps {
            let Some(mut after) = self.value_apart(step, cursor, &mut draft) else { break };
            let is_last = step.at + 1 == steps.len();
            if after.rest().is_empty() && !is_last {
                break;
            }
            let fits = self.literal(step, &mut after, &mut draft);
            cursor = after;
            if !fits {
                break;
            }
        }
        if draft.date_us.is_some() { in_front + message.len() - cursor.rest().len() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMBINED: &str =
        r#"192.0.2.1 - - [20/Nov/2026:13:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "curl/8.5.0""#;

    fn nearest_to(format: &str, line: &str) -> (String, bool, usize) {
        let options = Options::default();
        let format = Format::compile(format, &options).unwrap();
        let nearest = Neighbours::of(&format, &options).nearest(line.as_bytes()).unwrap();
        let name = match nearest.neighbour {
            Neighbour::Preset(preset) => preset.name,
            Neighbour::Longer => "longer",
        };
        (name.to_owned(), nearest.whole, nearest.byte)
    }

    #[test]
    fn a_preset_that_reads_the_line_is_nearest() {
        let whole = |name: &str, line: &str| (name.to_owned(), true, line.len());
        assert_eq!(nearest_to("haproxy-http", COMBINED), whole("combined", COMBINED));
        let common = COMBINED.split(r#" "-""#).next().unwrap();
        assert_eq!(nearest_to("combined", common), whole("common", common));
        let event = "Server app/web1 is DOWN.";
        assert_eq!(nearest_to("combined", event).0, "haproxy-http");
    }

    #[test]
    fn further_values_behind_the_own_format_are_told() {
        let line = format!("{COMBINED} 0.007 more");
        let timed = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time"#;
        assert_eq!(nearest_to(timed, &line), ("longer".to_owned(), true, line.len()));
        assert_eq!(nearest_to("haproxy-http", &line), ("combined-extra".to_owned(), true, line.len()));
    }

    #[test]
    fn else_the_format_that_gets_furthest_is_nearest() {
        let line = COMBINED.replace(" 200 ", " OK ");
        let status = line.find("OK").unwrap();
        assert_eq!(nearest_to("haproxy-http", &line), ("combined".to_owned(), false, status));
    }

    #[test]
    fn free_text_is_near_to_nothing() {
        let neighbours = Neighbours::presets(&Options::default());
        for line in ["", "  ", "word", r#"{"level":"info"}"#, "2026/11/20 11:00:00 [error] 1#1: *1 open()"] {
            assert_eq!(neighbours.nearest(line.as_bytes()), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_reached_within_the_line(line: Vec<u8>) {
            let neighbours = Neighbours::presets(&Options::default());
            if let Some(nearest) = neighbours.nearest(&line) {
                prop_assert!(nearest.byte > 0 && nearest.byte <= line.len());
            }
        }
    }
}
