//! What syslog daemons and journald write before a message. Finds the message; works a date out only when asked.

use jiff::tz::TimeZone;

use crate::date;

/// Longest host and tag that are kept.
const MAX_KEPT: usize = 96;

/// What stood between the date and the message of the last RFC 3164 line: lines of one process share it.
#[derive(Debug, Clone)]
pub(crate) struct Prefixes {
    text: [u8; MAX_KEPT],
    length: usize,
}

impl Default for Prefixes {
    fn default() -> Self {
        Self { text: [0; MAX_KEPT], length: 0 }
    }
}

impl Prefixes {
    /// The message behind any prefix: `<PRI>`, RFC 3164, RFC 5424, ISO dates, journald, HAProxy's own, CRI.
    #[inline(always)]
    pub(crate) fn skip<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        // A bare address, which neither RFC 5424's `1 ` nor an ISO date's `-` looks like.
        if let [b'0'..=b'9', b'0'..=b'9' | b'.', _, _, fifth, ..] = line
            && *fifth != b'-'
        {
            return line;
        }
        if let Some(host) = behind_rfc3164_date(line)
            && let Some(last) = self.text.get(..self.length).filter(|last| !last.is_empty())
            && let Some(message) = host.strip_prefix(last)
        {
            return message;
        }
        self.skip_new(line)
    }

    #[inline(never)]
    fn skip_new<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        let text = skip_priority(line);
        let Some(host) = behind_rfc3164_date(text) else { return skip_other(text) };
        let message = skip_host_and_tag(host);
        let length = host.len() - message.len();
        if let Some(kept) = self.text.get_mut(..length) {
            kept.copy_from_slice(&host[..length]);
            self.length = length;
        }
        message
    }
}

/// What follows `Feb  6 12:14:14 `, by its shape.
#[inline(always)]
fn behind_rfc3164_date(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'A'..=b'S', b'a'..=b'u', b'a'..=b'y', b' ', ..] => rfc3164_date(text).and_then(|_| text.get(16..)),
        _ => None,
    }
}

/// The message behind a prefix that is not RFC 3164's.
fn skip_other(text: &[u8]) -> &[u8] {
    match text {
        [b'1', b' ', rest @ ..] => skip_rfc5424(rest).unwrap_or(text),
        [b'A'..=b'Z', _, _, b' ', ..] => skip_journald(text).unwrap_or(text),
        [_, _, _, _, b'-', ..] => match date::rfc3339(text) {
            Some((_, length)) => match text.get(length..) {
                Some([b' ', rest @ ..]) => skip_host_and_tag(skip_cri(rest)),
                _ => text,
            },
            None => text,
        },
        _ => text,
    }
}

/// What follows the date of a prefix, where a host and a tag may stand, and need not.
pub(crate) fn behind_date(line: &[u8]) -> Option<&[u8]> {
    let text = skip_priority(line);
    let behind_other = || match date::rfc3339(text) {
        Some((_, length)) => text.get(length..)?.strip_prefix(b" ").map(skip_cri),
        None => precise_date(text).map(|(_, after)| after),
    };
    behind_rfc3164_date(text).or_else(behind_other)
}

/// What follows docker compose's `name  | ` or kubectl's `[pod/name/container] `. A format may begin in the same way, so
/// this is for lines that are no records with it.
pub(crate) fn skip_container(text: &[u8]) -> Option<&[u8]> {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./".contains(byte);
    if let Some(rest) = text.strip_prefix(b"[pod/") {
        let end = rest.iter().position(|byte| !in_name(byte))?;
        return rest[end..].strip_prefix(b"] ");
    }
    let name = text.iter().position(|byte| !in_name(byte)).filter(|length| *length > 0)?;
    let rest = text[name..].strip_prefix(b" ")?.trim_ascii_start();
    rest.strip_prefix(b"| ").map(<[u8]>::trim_ascii_start)
}

/// What follows journald's `Nov 20 13:00:00.123456 host tag[1]: ` (`short-precise`) or
/// `Fri 2026-11-20 13:00:00 CET host tag[1]: ` (`short-full`).
fn skip_journald(text: &[u8]) -> Option<&[u8]> {
    if let Some((_, after)) = precise_date(text) {
        return Some(skip_host_and_tag(after));
    }
    let (_, length) = date::without_offset(text.get(4..)?)?;
    let zone = text.get(4 + length..)?.strip_prefix(b" ")?;
    Some(skip_host_and_tag(&zone[memchr::memchr(b' ', zone)? + 1..]))
}

/// `Nov 20 13:00:00` of `Nov 20 13:00:00.123456 `, by its shape, and what follows.
fn precise_date(text: &[u8]) -> Option<(&[u8; 15], &[u8])> {
    let (date, rest) = text.split_first_chunk()?;
    let is_date = date[3] == b' ' && date[6] == b' ' && date[9] == b':' && date[12] == b':';
    let after = rest.starts_with(b".").then(|| rest.get(date::decimals(rest)..))??;
    is_date.then_some((date, after.strip_prefix(b" ")?))
}

/// The instant in the prefix, if it has an offset of its own, in microseconds since 1970.
pub(crate) fn instant_us(line: &[u8]) -> Option<i64> {
    let text = skip_priority(line);
    date::rfc3339(text.strip_prefix(b"1 ").unwrap_or(text)).map(|(us, _)| us)
}

/// The instant in the prefix, in microseconds since 1970.
pub(crate) fn date_us(line: &[u8], zone: &TimeZone, reference_us: i64) -> Option<i64> {
    let text = skip_priority(line);
    if let Some(date) = rfc3164_date(text) {
        return date::rfc3164(date, zone, reference_us);
    }
    if let Some((date, _)) = precise_date(text) {
        return date::rfc3164(date, zone, reference_us);
    }
    instant_us(text).or_else(|| {
        let (us, _) = date::without_offset(text.get(4..)?)?;
        let minute = date::local(us.div_euclid(date::MINUTE_US), zone)?;
        Some(minute.plus(us.rem_euclid(date::MINUTE_US)).us)
    })
}

/// `<134>`.
#[inline]
fn skip_priority(line: &[u8]) -> &[u8] {
    let [b'<', rest @ ..] = line else { return line };
    match rest.iter().take(4).position(|byte| *byte == b'>') {
        Some(end) if end > 0 && rest[..end].iter().all(u8::is_ascii_digit) => &rest[end + 1..],
        _ => line,
    }
}

/// `Feb  6 12:14:14 `, by its shape.
#[inline]
fn rfc3164_date(text: &[u8]) -> Option<&[u8; 15]> {
    let date: &[u8; 15] = text.first_chunk()?;
    (text.get(15) == Some(&b' ') && date[3] == b' ' && date[6] == b' ' && date[9] == b':' && date[12] == b':')
        .then_some(date)
}

/// `host tag[pid]: `, where either may be missing. The tag is the word that ends in a colon and is no JSON, or in a
/// number in brackets: rsyslog writes no colon behind what came as RFC 5424.
#[inline]
fn skip_host_and_tag(text: &[u8]) -> &[u8] {
    let is_tag = |word: &[u8]| match word {
        [first, .., b':'] => *first != b'{',
        [.., b']'] => is_name_with_pid(word),
        _ => false,
    };
    let Some(first) = memchr::memchr(b' ', text) else { return text };
    if is_tag(&text[..first]) {
        return &text[first + 1..];
    }
    let rest = &text[first + 1..];
    match memchr::memchr(b' ', rest) {
        Some(second) if !text.starts_with(b"{") && is_tag(&rest[..second]) => &rest[second + 1..],
        // BusyBox writes `host local0.info tag: `.
        Some(second) if is_facility_and_severity(&rest[..second]) => {
            let tag = &rest[second + 1..];
            let third = memchr::memchr(b' ', tag).filter(|third| is_tag(&tag[..*third]));
            third.map_or(text, |third| &tag[third + 1..])
        }
        _ => text,
    }
}

/// `local0.info`.
fn is_facility_and_severity(word: &[u8]) -> bool {
    let Some(point) = word.iter().position(|byte| *byte == b'.') else { return false };
    let (facility, severity) = (&word[..point], &word[point + 1..]);
    let is_severity = [b"emerg".as_slice(), b"alert", b"crit", b"err", b"warn", b"notice", b"info", b"debug"]
        .contains(&severity);
    is_severity && !facility.is_empty() && facility.iter().all(u8::is_ascii_alphanumeric)
}

/// `haproxy[2114]`.
#[cold]
fn is_name_with_pid(word: &[u8]) -> bool {
    let Some(bracket) = word.iter().position(|byte| *byte == b'[') else { return false };
    let pid = &word[bracket + 1..word.len() - 1];
    bracket > 0 && !pid.is_empty() && pid.iter().all(u8::is_ascii_digit)
}

/// Kubernetes' `stdout F `.
fn skip_cri(text: &[u8]) -> &[u8] {
    match text {
        [b's', b't', b'd', b'o', b'u', b't', b' ', b'F' | b'P', b' ', rest @ ..]
        | [b's', b't', b'd', b'e', b'r', b'r', b' ', b'F' | b'P', b' ', rest @ ..] => rest,
        _ => text,
    }
}

/// `DATE HOST APP PID MSGID STRUCTURED-DATA `, then perhaps a byte order mark.
fn skip_rfc5424(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    if date::rfc3339(rest).is_none() && !rest.starts_with(b"- ") {
        return None;
    }
    for _ in 0..5 {
        rest = &rest[memchr::memchr(b' ', rest)? + 1..];
    }
    let rest = skip_structured_data(rest)?.strip_prefix(b" ")?;
    Some(rest.strip_prefix(b"\xef\xbb\xbf").unwrap_or(rest))
}

/// `-`, or `[id name="value"]` one after the other; `\` escapes `"`, `\` and `]` in values.
fn skip_structured_data(text: &[u8]) -> Option<&[u8]> {
    if let [b'-', rest @ ..] = text {
        return Some(rest);
    }
    let mut rest = text;
    while let [b'[', ..] = rest {
        let (mut quoted, mut escaped) = (false, false);
        let end = rest.iter().position(|byte| {
            let closes = *byte == b']' && !quoted;
            quoted ^= *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            closes
        })?;
        rest = &rest[end + 1..];
    }
    (rest.len() < text.len()).then_some(rest)
}
