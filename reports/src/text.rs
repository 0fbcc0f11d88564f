//! Makes log bytes safe to show, and numbers readable. Knows neither layout nor colour.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// Combining marks shown after one letter; more of them would climb over the lines above.
const MAX_MARKS: usize = 4;

/// Bytes of a log as text: invalid UTF-8 and control characters become `\xHH`, everything else stays.
///
/// ```
/// assert_eq!(logstat_reports::text::printable(b"\x16\x03 caf\xC3\xA9 \xFF"), r"\x16\x03 café \xFF");
/// ```
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                _ if c.is_control() => push_hex(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => out.push(c),
            }
        }
        push_hex(&mut out, chunk.invalid());
    }
    out
}

fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(out, "\\x{byte:02X}");
    }
}

/// Text that a terminal shows as it is: control characters become `\xHH`, those that reorder or hide text `\u{…}`.
///
/// ```
/// assert_eq!(logstat_reports::text::safe("\u{1b}[2J \u{202e}gpj.exe"), r"\x1B[2J \u{202e}gpj.exe");
/// ```
#[must_use]
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        match c {
            '\0'..='\x1f' | '\x7f' => push_hex(&mut out, &[c as u8]),
            _ if is_hidden(c) || marks > MAX_MARKS => push_escape(&mut out, c),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// [`safe`] for a terminal without Unicode.
#[must_use]
pub fn ascii(text: &str) -> Cow<'_, str> {
    let safe = safe(text);
    if safe.is_ascii() {
        return safe;
    }
    let mut out = String::with_capacity(safe.len());
    for c in safe.chars() {
        if c.is_ascii() { out.push(c) } else { push_escape(&mut out, c) }
    }
    Cow::Owned(out)
}

fn push_escape(out: &mut String, c: char) {
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

/// Whether a character acts on the text around it, or is not to be seen: controls, format characters, separators of
/// lines, fillers, variation selectors, tags, and the two that XML knows no way to write.
#[must_use]
pub const fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}'
            | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{fffe}' | '\u{ffff}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Columns that the text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The text cut at its end to at most `columns`, with `ellipsis` in place of what is missing.
#[must_use]
pub fn truncate<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let kept = prefix(text, columns.saturating_sub(width(ellipsis)));
    Cow::Owned(format!("{kept}{}", prefix(ellipsis, columns)))
}

/// The same, cut at its start.
#[must_use]
pub fn truncate_start<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{ellipsis}{}", suffix(text, columns.saturating_sub(width(ellipsis)))))
}

/// The same, cut in the middle: for paths, whose ends say as much as their beginnings.
#[must_use]
pub fn truncate_middle<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    let room = columns.saturating_sub(width(ellipsis));
    if width(text) <= columns || room < 8 {
        return truncate(text, columns, ellipsis);
    }
    let end = suffix(text, room / 3);
    Cow::Owned(format!("{}{ellipsis}{end}", prefix(text, room - width(end))))
}

/// The longest beginning that fits.
fn prefix(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > columns
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// The longest end that fits, not beginning with a mark that belongs to the letter before it.
fn suffix(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        let columns_of_c = c.width().unwrap_or(0);
        used += columns_of_c;
        if used > columns {
            break;
        }
        if columns_of_c > 0 {
            start = at;
        }
    }
    &text[start..]
}

/// A text cell of a CSV file: [`safe`], and no spreadsheet takes it for a formula: `'` goes before `=`, `+`, `-`, `@`
/// and their full-width forms, also after a `;`, at which some locales cut cells. A lone `-` is no exception.
///
/// ```
/// assert_eq!(logstat_reports::text::csv_cell("=1+1"), "'=1+1");
/// assert_eq!(logstat_reports::text::csv_cell("a;=1+1"), "a;'=1+1");
/// assert_eq!(logstat_reports::text::csv_cell("/a-b?c=d"), "/a-b?c=d");
/// ```
#[must_use]
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let safe = safe(text);
    let before = |at: usize| safe[..at].chars().next_back();
    let starts_formula = |at: usize, c: char| is_formula_start(c) && matches!(before(at), None | Some(';'));
    if !safe.char_indices().any(|(at, c)| starts_formula(at, c)) {
        return safe;
    }
    let mut out = String::with_capacity(safe.len() + 1);
    for (at, c) in safe.char_indices() {
        if starts_formula(at, c) {
            out.push('\'');
        }
        out.push(c);
    }
    Cow::Owned(out)
}

/// `=`, `+`, `-`, `@`, tab and carriage return, with the small and full-width forms that spreadsheets fold into them.
#[must_use]
pub const fn is_formula_start(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫'
    )
}

/// A count in full: `1,234,567`.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count at a glance: `9,999`, `12.3 k`, `1.2 M`.
#[must_use]
pub fn count(count: u64) -> String {
    if count < 10_000 { grouped(count) } else { scaled(count as f64, &[" k", " M", " G", " T", " P", " E"]) }
}

/// Bytes in decimal units: `512 B`, `12.4 GB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    scaled(bytes as f64, &[" kB", " MB", " GB", " TB", " PB", " EB"])
}

/// A number from 1000 on with one decimal below 100 units; steps up where rounding would show four digits.
fn scaled(number: f64, units: &[&str]) -> String {
    let mut number = number / 1000.0;
    let mut unit = 0;
    while number >= 999.5 && unit + 1 < units.len() {
        number /= 1000.0;
        unit += 1;
    }
    format!("{number:.*}{}", usize::from(number < 99.95), units[unit])
}

/// Milliseconds as a person says them: `0.42 ms`, `7 ms`, `7.3 ms`, `84 ms`, `1.3 s`, `17 min`, `2.5 h`.
#[must_use]
pub fn millis(ms: f64) -> String {
    match ms {
        _ if ms < 0.995 => format!("{} ms", decimals(ms, 2)),
        _ if ms < 9.95 => format!("{} ms", decimals(ms, 1)),
        _ if ms < 999.5 => format!("{ms:.0} ms"),
        _ if ms < 9_950.0 => format!("{:.1} s", ms / 1e3),
        _ if ms < 119_500.0 => format!("{:.0} s", ms / 1e3),
        _ if ms < 7_170_000.0 => format!("{:.0} min", ms / 6e4),
        _ => format!("{:.1} h", ms / 3.6e6),
    }
}

/// Requests per second: `0.02`, `13.9`, `412`, `12.3 k`.
#[must_use]
pub fn rate(per_second: f64) -> String {
    match per_second {
        _ if per_second <= 0.0 => "0".into(),
        _ if per_second < 0.005 => "<0.01".into(),
        _ if per_second < 0.995 => format!("{per_second:.2}"),
        _ if per_second < 99.95 => format!("{per_second:.1}"),
        _ => count(per_second.round() as u64),
    }
}

/// A share: `0.31 %`, `4.2 %`, `97 %`. Neither a part rounds to nothing nor nearly all to all.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".into();
    }
    let percent = part as f64 / whole as f64 * 100.0;
    match percent {
        _ if part == whole => "100 %".into(),
        _ if percent < 0.01 => "<0.01 %".into(),
        _ if percent < 0.995 => format!("{percent:.2} %"),
        _ if percent > 99.9 && percent < 100.0 => ">99.9 %".into(),
        _ => format!("{percent:.1} %"),
    }
}

/// At most `places` decimals, without trailing zeros.
#[must_use]
pub fn decimals(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
