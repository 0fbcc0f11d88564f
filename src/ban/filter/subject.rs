//! A record as filters see it: its target taken apart once for all filters. Borrows and allocates nothing.

use super::word::Field;
use logstat_parsers::Record;

/// Microseconds in a millisecond.
const MS: u64 = 1_000;

/// Extensions of what pages load by themselves, without their dots, each as a number.
const STATIC: [u64; 34] = {
    let names: [&[u8]; 34] = [
        b"avif", b"bmp", b"br", b"css", b"cur", b"eot", b"flac", b"gif", b"ico", b"jpeg", b"jpg", b"js",
        b"m3u8", b"m4a", b"m4s", b"map", b"mjs", b"mp3", b"mp4", b"mpd", b"ogg", b"ogv", b"opus", b"otf",
        b"png", b"svg", b"ts", b"ttf", b"wasm", b"wav", b"webm", b"webp", b"woff", b"woff2",
    ];
    let mut numbers = [0; 34];
    let mut place = 0;
    while place < names.len() {
        numbers[place] = number(names[place]);
        place += 1;
    }
    numbers
};
/// Bytes of the longest of them.
const LONGEST: usize = 5;

/// A record with its path and query.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'r, 'l> {
    record: &'r Record<'l>,
    path: Option<&'l [u8]>,
    query: Option<&'l [u8]>,
}

impl<'r, 'l> Subject<'r, 'l> {
    /// Takes the target apart.
    #[must_use]
    pub fn of(record: &'r Record<'l>) -> Self {
        let Some(target) = record.target else { return Self { record, path: None, query: None } };
        let question = memchr::memchr(b'?', target);
        let (path, query) = match question {
            Some(at) => (&target[..at], Some(&target[at + 1..])),
            None => (target, None),
        };
        Self { record, path: Some(without_authority(path)), query }
    }

    /// The record itself.
    #[must_use]
    pub fn record(&self) -> &'r Record<'l> {
        self.record
    }

    /// A field that is a text; `None` where it is missing or a number.
    #[must_use]
    pub fn text(&self, field: Field) -> Option<&'l [u8]> {
        match field {
            Field::Method => self.record.method,
            Field::Path => self.path,
            Field::Query => self.query,
            Field::UserAgent => self.record.user_agent,
            Field::Referrer => self.record.referer,
            Field::Host => self.record.site,
            Field::Termination => self.record.termination,
            Field::Protocol => self.record.protocol,
            Field::Status | Field::LatencyMs | Field::BytesSent => None,
        }
    }

    /// A field that is a number, and how many of the number's units make one of the field's.
    pub(crate) fn number(&self, field: Field) -> Option<(u64, u64)> {
        match field {
            Field::Status => self.record.status.map(|status| (u64::from(status), 1)),
            Field::LatencyMs => self.record.latency_us.map(|latency_us| (latency_us, MS)),
            Field::BytesSent => self.record.bytes_sent.map(|bytes| (bytes, 1)),
            Field::Method
            | Field::Path
            | Field::Query
            | Field::UserAgent
            | Field::Referrer
            | Field::Host
            | Field::Termination
            | Field::Protocol => None,
        }
    }

    /// The log says that there was no such field. A line that was cut says nothing of what is missing.
    pub(crate) fn is_missing(&self, field: Field) -> bool {
        !self.record.truncated && self.text(field).is_none() && self.number(field).is_none()
    }

    /// Where in the path the extension of something static is, without its dot.
    pub(crate) fn static_extension(&self) -> Option<std::ops::Range<usize>> {
        let path = self.path?;
        let end = &path[path.len().saturating_sub(LONGEST + 1)..];
        let dot = end.iter().rposition(|byte| matches!(byte, b'.' | b'/')).filter(|&at| end[at] == b'.')?;
        let extension = &end[dot + 1..];
        STATIC.contains(&number(extension)).then_some(path.len() - extension.len()..path.len())
    }
}

/// At most eight bytes in small letters as a number. No byte of a name is zero, so different ones differ.
const fn number(bytes: &[u8]) -> u64 {
    let (mut number, mut place) = (0, 0);
    while place < bytes.len() {
        number = number << 8 | bytes[place].to_ascii_lowercase() as u64;
        place += 1;
    }
    number
}

/// `/a` of `http://example.net/a`: clients may write the long form, and proxies log it as written.
fn without_authority(path: &[u8]) -> &[u8] {
    if let [b'/', ..] = path {
        return path;
    }
    let scheme = |name: &[u8]| path.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let authority = [&b"http://"[..], b"https://"].into_iter().find(|name| scheme(name)).map(<[u8]>::len);
    let Some(from) = authority else { return path };
    let slash = memchr::memchr(b'/', &path[from..]).map_or(path.len(), |at| from + at);
    &path[slash..]
}
