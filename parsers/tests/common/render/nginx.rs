//! nginx's `log_format`, as `ngx_http_log_module` writes it.

use logstat_parsers::{Escape, Format, Options};
use proptest::prelude::*;

use super::super::{clf_date, escaped};
use super::{Exchange, Logger};

#[derive(Debug, Clone)]
pub struct Nginx {
    pub format: String,
    pub escape: Escape,
}

impl Nginx {
    pub fn new(format: &str, escape: Escape) -> Self {
        Self { format: format.to_owned(), escape }
    }
}

impl Logger for Nginx {
    fn compiled(&self) -> Option<Format> {
        Format::compile(&self.format, &Options { escape: self.escape, ..Options::default() }).ok()
    }

    fn parts(&self, exchange: &Exchange) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        let mut texts = self.format.split('$');
        parts.push(texts.next().unwrap_or_default().as_bytes().to_vec());
        for text in texts {
            let length =
                text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
            let (name, text) = text.split_at(length);
            parts.push(self.value(name, exchange));
            parts.push(text.as_bytes().to_vec());
        }
        parts
    }

    fn end_us(&self, exchange: &Exchange) -> i64 {
        let unit_ms = if self.format.contains("$msec") { 1 } else { 1_000 };
        exchange.end_ms().div_euclid(unit_ms) * unit_ms * 1_000
    }

    fn bytes_sent(&self, exchange: &Exchange) -> u64 {
        if self.format.contains("$bytes_sent") { exchange.bytes } else { exchange.body_bytes }
    }

    fn x_forwarded_for(&self, exchange: &Exchange) -> Option<Vec<u8>> {
        let value = self.value("http_x_forwarded_for", exchange);
        let is_missing = value.is_empty() || self.escape == Escape::Default && value == b"-";
        (!is_missing).then_some(value)
    }
}

impl Nginx {
    fn value(&self, name: &str, exchange: &Exchange) -> Vec<u8> {
        if let Some(value) = known(name, exchange) {
            return value.into_bytes();
        }
        let value = match name {
            "host" => Some(host(exchange)),
            "request_method" => method(exchange),
            // Whatever is asked for, it begins with a slash, or the request is a bad one.
            "request_uri" | "uri" => exchange.text(name).map(|target| [b"/", target].concat()),
            _ => exchange.text(name).map(<[u8]>::to_vec),
        };
        let mut value = escaped(value.as_deref(), self.escape);
        // A raw line end makes two lines, and nobody can tell.
        value.retain(|byte| *byte != b'\n');
        value
    }
}

/// What the server writes by itself.
fn known(name: &str, exchange: &Exchange) -> Option<String> {
    let end_ms = exchange.end_ms();
    let instant = (end_ms.div_euclid(1_000), exchange.offset_minutes);
    let seconds = format!("{}.{:03}", exchange.duration_ms / 1_000, exchange.duration_ms % 1_000);
    Some(match name {
        "remote_addr" => exchange.address.to_string(),
        "remote_port" => exchange.port.to_string(),
        "time_local" => clf_date(instant),
        "time_iso8601" => iso_date(instant),
        "msec" => format!("{}.{:03}", end_ms / 1_000, end_ms % 1_000),
        "status" => format!("{:03}", exchange.status),
        "bytes_sent" => exchange.bytes.to_string(),
        "body_bytes_sent" => exchange.body_bytes.to_string(),
        "request_time" | "upstream_response_time" => seconds,
        "upstream_connect_time" => format!("{seconds}, {seconds} : {seconds}"),
        "upstream_addr" => "192.0.2.8:8080, [2001:db8::8]:8080".to_owned(),
        "upstream_status" => format!("502, {:03}", exchange.status),
        "upstream_cache_status" => "MISS".to_owned(),
        "request_length" => "421".to_owned(),
        "connection" => "12".to_owned(),
        "pipe" => "p".to_owned(),
        "scheme" => "http".to_owned(),
        "server_name" => "www.example.com".to_owned(),
        "server_protocol" => "HTTP/1.1".to_owned(),
        _ => return None,
    })
}

fn iso_date((seconds, offset_minutes): (i64, i64)) -> String {
    let offset = jiff::tz::Offset::from_seconds(offset_minutes as i32 * 60).expect("in range");
    let time = jiff::Timestamp::from_second(seconds).expect("in range").to_zoned(offset.to_time_zone());
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `ngx_http_validate_host`: a bad one is answered with 400, and the log has the server's name.
fn host(exchange: &Exchange) -> Vec<u8> {
    let sent = exchange.text("http_host").unwrap_or_default();
    if sent.is_empty() || sent.iter().any(|byte| *byte <= b' ' || matches!(byte, 0x7f | b'/')) {
        return b"www.example.com".to_vec();
    }
    sent.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase()
}

/// A request line that does not begin with a method has none.
fn method(exchange: &Exchange) -> Option<Vec<u8>> {
    let word = exchange.text("request")?.split(|byte| *byte == b' ').next()?;
    let is_method = !word.is_empty() && word.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'_' | b'-'));
    is_method.then(|| word.to_vec())
}

const VARIABLES: [&str; 31] = [
    "remote_addr",
    "remote_user",
    "time_local",
    "time_iso8601",
    "msec",
    "request",
    "status",
    "bytes_sent",
    "body_bytes_sent",
    "http_referer",
    "http_user_agent",
    "http_x_forwarded_for",
    "http_host",
    "host",
    "http_cookie",
    "request_uri",
    "uri",
    "args",
    "request_method",
    "server_protocol",
    "content_length",
    "ssl_server_name",
    "request_time",
    "upstream_response_time",
    "upstream_connect_time",
    "upstream_addr",
    "upstream_status",
    "upstream_cache_status",
    "request_length",
    "pipe",
    "scheme",
];

/// Formats as people write them, and formats as nobody does.
pub fn formats() -> impl Strategy<Value = Nginx> {
    let escape = prop::sample::select(vec![Escape::Default, Escape::Json, Escape::None]);
    (prop_oneof![quoted(), separated(), keyed()], escape)
        .prop_map(|(format, escape)| Nginx { format, escape })
}

/// Three variables that make a line worth reading, and others, in any order.
fn variables() -> impl Strategy<Value = Vec<&'static str>> {
    let date = prop::sample::select(vec!["time_local", "time_iso8601", "msec"]);
    let others = prop::sample::subsequence(VARIABLES.to_vec(), 1..8);
    (date, others, any::<(bool, bool)>())
        .prop_map(|(date, mut names, (client, status))| {
            let wanted = [(date, true), ("remote_addr", client), ("status", status)];
            let wanted = wanted.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name);
            names.extend(wanted);
            names.sort_unstable();
            names.dedup();
            names
        })
        .prop_shuffle()
}

/// `$a "$b" [$c]`.
pub fn quoted() -> impl Strategy<Value = String> {
    variables().prop_map(|names| {
        let values = names.iter().map(|name| match *name {
            "time_local" => "[$time_local]".to_owned(),
            name if super::TEXTS.contains(&name) || name.starts_with("upstream") => format!("\"${name}\""),
            name => format!("${name}"),
        });
        values.collect::<Vec<String>>().join(" ")
    })
}

/// `{"a":"$a","b":$b}`.
pub fn keyed() -> impl Strategy<Value = String> {
    variables().prop_map(|names| {
        let values = names.iter().map(|name| match *name {
            name @ ("status" | "bytes_sent" | "body_bytes_sent" | "request_time" | "msec") => {
                format!("\"{name}\":${name}")
            }
            name => format!("\"{name}\":\"${name}\""),
        });
        format!("{{{}}}", values.collect::<Vec<String>>().join(","))
    })
}

/// Anything between, nothing too.
fn separated() -> impl Strategy<Value = String> {
    let separator = prop::sample::select(vec![
        " ", " ", " ", " - ", "\"", " \"", "\" ", "\" \"", " [", "] ", "] [", "[", "]", "|", ",", ", ", "\t",
        ":", "/", ";", "'", "' '", "{", "}", "-", "=", "#", "://", "\x7f", "", "",
    ]);
    (variables(), prop::collection::vec(separator, 14)).prop_map(|(names, separators)| {
        let pairs = names.iter().zip(&separators[1..]);
        let values: String = pairs.map(|(name, separator)| format!("${name}{separator}")).collect();
        format!("{}{values}", separators[0])
    })
}
