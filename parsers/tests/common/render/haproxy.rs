//! HAProxy's `log-format`, as `log.c` writes it.

use jiff::tz::TimeZone;
use logstat_parsers::{Format, Options};
use proptest::prelude::*;

use super::super::encoded;
use super::{Exchange, Logger};

#[derive(Debug, Clone)]
pub struct HaProxy {
    pub format: String,
    /// Whether the frontend captures headers: else `%hr` and `%hs` write nothing.
    pub captures: bool,
}

impl HaProxy {
    pub fn new(format: &str, captures: bool) -> Self {
        Self { format: format.to_owned(), captures }
    }

    fn has(&self, aliases: &[&str]) -> bool {
        items(&self.format)
            .iter()
            .any(|item| matches!(item, Item::Alias { name, .. } if aliases.contains(name)))
    }
}

/// One item of a format string.
enum Item<'t> {
    Text(u8),
    Alias { quoted: bool, name: &'t str },
    Sample { quoted: bool, name: &'t str },
}

fn items(format: &str) -> Vec<Item<'_>> {
    let (mut items, mut rest, mut all_quoted) = (Vec::new(), format, false);
    while let Some(byte) = rest.bytes().next() {
        let Some(value) = rest.strip_prefix('%') else {
            items.push(Item::Text(byte));
            rest = &rest[1..];
            continue;
        };
        let (flags, value) =
            value.strip_prefix('{').and_then(|text| text.split_once('}')).unwrap_or(("", value));
        let quoted = flags == "+Q" || all_quoted && flags != "-Q";
        if let Some((name, after)) = value.strip_prefix('[').and_then(|text| text.split_once(']')) {
            items.push(Item::Sample { quoted, name });
            rest = after;
            continue;
        }
        let length = value.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, after) = value.split_at(length);
        match name {
            "o" => all_quoted = quoted,
            _ => items.push(Item::Alias { quoted, name }),
        }
        rest = after;
    }
    items
}

impl Logger for HaProxy {
    fn compiled(&self) -> Option<Format> {
        Format::compile(&self.format, &Options::default()).ok()
    }

    fn parts(&self, exchange: &Exchange) -> Vec<Vec<u8>> {
        let (mut parts, mut space_before) = (Vec::new(), true);
        for item in items(&self.format) {
            let part = match item {
                Item::Text(b' ') if space_before => continue,
                Item::Text(byte) => vec![byte],
                Item::Alias { name: "hr" | "hs" | "hrl" | "hsl", .. } if !self.captures => continue,
                Item::Alias { name, quoted } => alias(name, quoted, exchange),
                Item::Sample { name, quoted } => raw(sample(name, exchange), quoted),
            };
            space_before = part == b" ";
            parts.push(part);
        }
        parts
    }

    fn end_us(&self, exchange: &Exchange) -> i64 {
        let unit_ms = if self.has(&["tr", "t"]) { 1 } else { 1_000 };
        let elapsed_ms = if self.has(&["Ta", "Tt", "Tu"]) { exchange.duration_ms } else { 0 };
        (exchange.start_ms.div_euclid(unit_ms) * unit_ms + i64::from(elapsed_ms)) * 1_000
    }

    fn bytes_sent(&self, exchange: &Exchange) -> u64 {
        exchange.bytes
    }
}

fn alias(name: &str, quoted: bool, exchange: &Exchange) -> Vec<u8> {
    if let Some(value) = known(name, exchange) {
        return value.into_bytes();
    }
    let request = exchange.text("request").map(request_line);
    let words = |nth: usize| request.as_ref().and_then(|line| line.split(|byte| *byte == b' ').nth(nth));
    let target = || words(1).unwrap_or_default();
    match name {
        "r" => url(request.as_deref().unwrap_or(b"<BADREQ>"), quoted),
        "HM" => url(words(0).unwrap_or(b"<BADREQ>"), quoted),
        "HU" => url(words(1).unwrap_or(b"<BADREQ>"), quoted),
        "HP" => url(target().split(|byte| *byte == b'?').next().unwrap_or_default(), quoted),
        "HQ" => url(target().iter().position(|byte| *byte == b'?').map_or(b"", |at| &target()[at..]), quoted),
        "HV" => url(words(2).unwrap_or(b"<BADREQ>"), quoted),
        "CC" => {
            raw(exchange.text("http_cookie").map(|value| [b"SERVERID=", value].concat()).as_deref(), quoted)
        }
        "ID" => raw(exchange.text("args"), quoted),
        "hr" | "hs" => between(quoted, &[b"{", captured(exchange).join(&b'|').as_slice(), b"}"].concat()),
        "hrl" | "hsl" => {
            let dash =
                |value: &Vec<u8>| if value.is_empty() && !quoted { b"-".to_vec() } else { value.clone() };
            captured(exchange).map(|value| between(quoted, &dash(&value))).join(&b' ')
        }
        "f" | "b" | "s" | "ft" | "H" | "CS" | "sslv" | "sslc" => raw(Some(word(name)), quoted),
        _ => panic!("no such alias: {name}"),
    }
}

fn captured(exchange: &Exchange) -> [Vec<u8>; 3] {
    let names = ["http_host", "http_user_agent", "http_referer"];
    names.map(|name| encoded(exchange.text(name).unwrap_or_default(), b"\"#{|}"))
}

/// A line that is no request is logged as `<BADREQ>`, so there are a method and a target with a slash.
fn request_line(text: &[u8]) -> Vec<u8> {
    if text.starts_with(b"GET /") { text.to_vec() } else { [b"GET /", text].concat() }
}

/// Names of the configuration and of libraries.
fn word(name: &str) -> &'static [u8] {
    match name {
        "f" => b"www",
        "ft" => b"www~",
        "b" => b"app",
        "s" => b"s1",
        "H" => b"lb1",
        "sslv" => b"TLSv1.3",
        "sslc" => b"TLS_AES_256_GCM_SHA384",
        _ => b"-",
    }
}

/// What no flag quotes.
fn known(name: &str, exchange: &Exchange) -> Option<String> {
    let start =
        jiff::Timestamp::from_millisecond(exchange.start_ms).expect("in range").to_zoned(TimeZone::UTC);
    Some(match name {
        "ci" => exchange.address.to_string(),
        "cp" => exchange.port.to_string(),
        "t" | "tr" => start.strftime("%d/%b/%Y:%H:%M:%S.%3f").to_string(),
        "T" | "trg" => start.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "Ts" => (exchange.start_ms / 1_000).to_string(),
        "ms" => format!("{:03}", exchange.start_ms % 1_000),
        "Ta" | "Tt" | "Tu" => exchange.duration_ms.to_string(),
        "ST" => exchange.status.to_string(),
        "B" => exchange.bytes.to_string(),
        "U" => "421".to_owned(),
        "Tw" | "Tc" | "Tr" => "-1".to_owned(),
        "TR" | "Th" | "Ti" | "Tq" | "ac" | "fc" | "bc" | "sc" | "rc" | "sq" | "bq" => "7".to_owned(),
        "ts" => "SC".to_owned(),
        "tsc" => "SC--".to_owned(),
        _ => return None,
    })
}

/// Samples whose value the client sends, as it sends it.
fn sample<'e>(name: &str, exchange: &'e Exchange) -> Option<&'e [u8]> {
    exchange.text(match name {
        "ssl_fc_sni" => "ssl_server_name",
        "req.hdr(host)" | "capture.req.hdr(0)" => "http_host",
        "req.hdr(referer)" => "http_referer",
        "req.hdr(user-agent)" | "capture.req.hdr(1)" => "http_user_agent",
        "req.hdr(x-forwarded-for)" => "http_x_forwarded_for",
        "fc_err" | "ssl_fc_err,hex" | "ssl_c_err" | "ssl_c_ca_err" | "ssl_fc_is_resumed" => "none",
        _ => panic!("no such sample: {name}"),
    })
}

/// `lf_text`: as it is, up to a NUL.
fn raw(value: Option<&[u8]>, quoted: bool) -> Vec<u8> {
    let value = value.and_then(|value| value.split(|byte| *byte == 0).next()).unwrap_or_default();
    // A syslog daemon does not let line ends through, and a header cannot hold one.
    let value: Vec<u8> = value.iter().copied().filter(|byte| *byte != b'\n').collect();
    if value.is_empty() && !quoted { b"-".to_vec() } else { between(quoted, &value) }
}

fn url(value: &[u8], quoted: bool) -> Vec<u8> {
    between(quoted, &encoded(value, b"\"#"))
}

fn between(quoted: bool, value: &[u8]) -> Vec<u8> {
    if quoted { [b"\"", value, b"\""].concat() } else { value.to_vec() }
}

/// What a frontend with captures, and one without, writes by `option httplog` and its kin.
pub const OPTIONS: [&str; 4] = [
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r",
    concat!(
        "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r ",
        "%[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc"
    ),
    "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq",
    concat!(
        "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc ",
        "%ac %fc %bc %sc %rc %sq %bq %CC %CS"
    ),
];

const VALUES: [&str; 26] = [
    "%ci",
    "%ci:%cp",
    "%ST",
    "%B",
    "%Ta",
    "%ft",
    "%b/%s",
    "%tsc",
    "%rc",
    "%{+Q}r",
    "%r",
    "%HM",
    "%HU",
    "%{+Q}HU",
    "%HV",
    "%hr",
    "%CC",
    "%{+Q}CC",
    "%ID",
    "%[ssl_fc_sni]",
    "%{+Q}[req.hdr(user-agent)]",
    "%{+Q}[req.hdr(referer)]",
    "%[req.hdr(x-forwarded-for)]",
    "%{+Q}[capture.req.hdr(0)]",
    "%[capture.req.hdr(1)]",
    "%sslv",
];

/// The options' formats, and others in any order and with anything between.
pub fn formats() -> impl Strategy<Value = HaProxy> {
    let options = prop::sample::select(OPTIONS.to_vec()).prop_map(str::to_owned);
    let readable = |format: &String| is_readable(format);
    (
        prop_oneof![1 => options, 2 => spaced(), 2 => separated()].prop_filter("readable", readable),
        any::<bool>(),
    )
        .prop_map(|(format, captures)| HaProxy { format, captures })
}

/// Headers that are not captured take a space with them, and nothing tells a brace behind them from theirs. A port with a
/// colon behind it is read only after an IPv4 address.
fn is_readable(format: &str) -> bool {
    let headers =
        format.contains(" %hr ") && !["%hr {", "%hr %[", "%hr %ID"].iter().any(|text| format.contains(text));
    (!format.contains("%hr") || headers) && !format.contains("%cp:")
}

fn values() -> impl Strategy<Value = Vec<&'static str>> {
    let date = prop::sample::select(vec!["%tr", "%t", "%trg", "%Ts"]);
    (date, prop::sample::subsequence(VALUES.to_vec(), 2..9))
        .prop_map(|(date, mut values)| {
            values.push(date);
            values
        })
        .prop_shuffle()
}

/// `%a %{+Q}b [%c]`.
pub fn spaced() -> impl Strategy<Value = String> {
    values().prop_map(|values| {
        let values = values.iter().map(|value| match *value {
            date @ ("%tr" | "%t" | "%trg") => format!("[{date}]"),
            value => value.to_owned(),
        });
        values.collect::<Vec<String>>().join(" ")
    })
}

fn separated() -> impl Strategy<Value = String> {
    let separator = prop::sample::select(vec![
        " ", " ", " ", " - ", "\"", " \"", "\" ", " [", "] ", "] [", "|", ",", "/", ":", ";", "'", "{", "}",
        "#", "",
    ]);
    (values(), prop::collection::vec(separator, 14)).prop_map(|(values, separators)| {
        let pairs = values.iter().zip(&separators[1..]);
        let values: String = pairs.map(|(value, separator)| format!("{value}{separator}")).collect();
        format!("{}{values}", separators[0])
    })
}
