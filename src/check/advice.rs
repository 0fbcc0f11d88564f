//! What a report needs of a log, what a log lacks for it, and the `log_format` that would have it. Reads no log.

use logstat_parsers::{Escape, Fields, Format, Options, Slot, Vendor};

/// The variable with which presets read over whatever follows.
pub const OPEN: &str = "$ignored";

/// What a field is for in the reports. `None` is in no report.
#[must_use]
pub const fn purpose(slot: Slot) -> Option<&'static str> {
    Some(match slot {
        Slot::Client => "clients: distinct, top list",
        Slot::Time => "hours, requests per second",
        Slot::Request => "paths: top lists; methods: --by method",
        Slot::Method => "methods: --by method",
        Slot::Target => "paths: top lists",
        Slot::Status => "status codes, errors",
        Slot::Bytes => "bytes sent",
        Slot::Referer => "referrers: top list",
        Slot::UserAgent => "user agents: top list, share of bots",
        Slot::Site => "sites: --by site",
        Slot::Backend => "backends: --by backend",
        Slot::Server => "load of the servers: --by server",
        Slot::Latency => "total time: latency percentiles, slow paths",
        Slot::Upstream => "time in upstreams: percentiles",
        Slot::Queue => "time in queues: percentiles",
        Slot::Connect => "time to connect to the server: percentiles",
        Slot::Response => "time until the server answers: percentiles",
        Slot::Retries => "retries",
        Slot::Termination => "how sessions ended",
        Slot::Cache => "cache hits",
        Slot::Start => "start of the request, which leads to its end",
        Slot::XForwardedFor => "clients behind trusted proxies, for bans",
        Slot::RemoteUser | Slot::Protocol | Slot::Tls => return None,
    })
}

/// What a report cannot say without a field, and what would write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lack {
    /// What is left out.
    pub report: &'static str,
    /// What nginx's `log_format` needs for it, ready to stand between spaces.
    pub nginx: &'static str,
    /// The same for Apache's `LogFormat`, which does not know everything.
    pub apache: Option<&'static str>,
    /// What HAProxy needs for it.
    pub haproxy: &'static str,
}

const HTTPLOG: &str = "option httplog, with mode http";
/// No report has it, but with it a request can be found in several logs; so it is named where something is lacking anyhow.
const REQUEST_ID: Lack =
    lack("one request in several logs", "$request_id", Some("%L"), "unique-id-format, and %ID in log-format");

/// What is asked of every log, most important first: whether it has the field, and what is lacking without.
type Need = (fn(&Fields) -> bool, Lack);

const NEEDS: [Need; 11] = [
    (|f| f.latency, lack("latency percentiles, slow paths", "$request_time", Some("%D"), HTTPLOG)),
    (|f| f.status, lack("status codes, errors", "$status", Some("%>s"), HTTPLOG)),
    (|f| f.target, lack("paths", "\"$request\"", Some("\"%r\""), HTTPLOG)),
    (|f| f.client, lack("clients", "$remote_addr", Some("%a"), HTTPLOG)),
    (|f| f.bytes_sent, lack("bytes sent", "$body_bytes_sent", Some("%b"), HTTPLOG)),
    (
        |f| f.user_agent,
        lack(
            "user agents, bots",
            "\"$http_user_agent\"",
            Some("\"%{User-Agent}i\""),
            "capture request header User-Agent len 200",
        ),
    ),
    (
        |f| f.referer,
        lack(
            "referrers",
            "\"$http_referer\"",
            Some("\"%{Referer}i\""),
            "capture request header Referer len 200",
        ),
    ),
    (|f| f.upstream, lack("time in upstreams", "$upstream_response_time", None, HTTPLOG)),
    (|f| f.server, lack("load of the servers, retries", "$upstream_addr", None, HTTPLOG)),
    (|f| f.cache, lack("cache hits", "$upstream_cache_status", None, HTTPLOG)),
    (|f| f.site, lack("sites", "$host", Some("%v"), HTTPLOG)),
];

const fn lack(
    report: &'static str,
    nginx: &'static str,
    apache: Option<&'static str>,
    haproxy: &'static str,
) -> Lack {
    Lack { report, nginx, apache, haproxy }
}

/// What reports lack with this format.
#[must_use]
pub fn lacks(format: &Format) -> Vec<Lack> {
    let fields = format.fields();
    let mut lacks: Vec<Lack> =
        NEEDS.into_iter().filter(|(has, _)| !has(&fields)).map(|(_, lack)| lack).collect();
    let string = format.format_string();
    if !lacks.is_empty() && !string.contains("request_id") && !string.contains("%ID") {
        // A client writes the host, so that it is best last.
        let host = lacks.iter().position(|lack| lack.nginx == "$host").unwrap_or(lacks.len());
        lacks.insert(host, REQUEST_ID);
    }
    lacks
}

/// Whether further values, of which nothing is known, may follow what the format reads.
#[must_use]
pub fn is_open(format: &Format) -> bool {
    format.format_string().ends_with(OPEN)
}

/// The user's `log_format` string with what reports lack, where it is known and would be read: not if only the start
/// of it was detected, and not for HAProxy.
#[must_use]
pub fn complete(format: &Format, lacks: &[Lack], options: &Options) -> Option<String> {
    let string = format.format_string();
    if lacks.is_empty() || format.vendor() != Vendor::Nginx || is_open(format) {
        return None;
    }
    let complete = match string.trim_end().strip_suffix('}') {
        Some(object) if string.trim_start().starts_with('{') => {
            let member = |lack: &Lack| {
                let value = lack.nginx.trim_matches('"');
                format!(r#","{}":"{value}""#, value.trim_start_matches('$'))
            };
            format!("{}{}}}", object.trim_end(), lacks.iter().map(member).collect::<String>())
        }
        _ => lacks.iter().fold(string.to_owned(), |string, lack| format!("{string} {}", lack.nginx)),
    };
    let read = Format::compile(&complete, options).ok()?;
    NEEDS.iter().all(|(has, _)| has(&read.fields())).then_some(complete)
}

/// The directive for nginx.conf, in lines of at most `columns` where spaces and commas allow that: nginx joins the
/// strings.
#[must_use]
pub fn directive(string: &str, escape: Escape, columns: usize) -> Vec<String> {
    let escape = match escape {
        Escape::Default => "",
        Escape::Json => "escape=json ",
        Escape::None => "escape=none ",
    };
    let start = format!("log_format logstat {escape}");
    let indent = " ".repeat("log_format logstat ".len());
    let mut parts: Vec<String> = Vec::new();
    for word in quotable(string).split_inclusive([' ', ',']) {
        let front = if parts.len() > 1 { indent.len() } else { start.len() };
        // The quotes and the semicolon.
        match parts.last_mut() {
            Some(part) if front + part.len() + word.len() + 3 <= columns => part.push_str(word),
            _ => parts.push(word.to_owned()),
        }
    }
    let last = parts.len().saturating_sub(1);
    let line = |(at, part): (usize, String)| {
        let front = if at == 0 { &start } else { &indent };
        format!("{front}'{part}'{}", if at == last { ";" } else { "" })
    };
    parts.into_iter().enumerate().map(line).collect()
}

/// The string as it may stand in single quotes.
fn quotable(string: &str) -> String {
    let mut out = String::with_capacity(string.len());
    let mut is_escaped = false;
    for c in string.chars() {
        if c == '\'' && !is_escaped {
            out.push('\\');
        }
        is_escaped = c == '\\' && !is_escaped;
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use logstat_parsers::{Line, PRESETS};

    fn completed(string: &str, escape: Escape) -> Option<String> {
        let options = Options { escape, ..Options::default() };
        let format = Format::compile(string, &options).unwrap();
        complete(&format, &lacks(&format), &options)
    }

    #[test]
    fn what_is_lacking_goes_behind_the_users_own_format() {
        let own = r#"$remote_addr [$time_local] "$request" $status $body_bytes_sent $host "$http_referer""#;
        let complete = completed(own, Escape::Default).unwrap();
        assert_eq!(
            complete.strip_prefix(own).unwrap(),
            r#" $request_time "$http_user_agent" $upstream_response_time $upstream_addr $upstream_cache_status $request_id"#
        );
        assert_eq!(completed(&complete, Escape::Default), None);
    }

    #[test]
    fn what_is_lacking_goes_into_an_object() {
        let own = r#"{"ts":"$time_iso8601","ip":"$remote_addr","req":"$request","st":$status,"b":$bytes_sent,"ref":"$http_referer","ua":"$http_user_agent","host":"$host","cache":"$upstream_cache_status","to":"$upstream_addr" }"#;
        let complete = completed(own, Escape::Json).unwrap();
        assert!(complete.ends_with(
            r#""to":"$upstream_addr","request_time":"$request_time","upstream_response_time":"$upstream_response_time","request_id":"$request_id"}"#
        ));
    }

    #[test]
    fn a_line_of_the_completed_format_is_read() {
        let complete = completed("combined", Escape::Default).unwrap();
        let format = Format::compile(&complete, &Options::default()).unwrap();
        let line = br#"192.0.2.1 - - [20/Nov/2026:13:00:00 +0000] "GET / HTTP/1.1" 200 512 "-" "x" 0.007 0.004, 0.002 192.0.2.8:80, 192.0.2.9:80 MISS 5f1ab2 example.org"#;
        let Line::Record(record) = format.parser(0).parse(line) else { panic!("not a record") };
        assert_eq!((record.latency_us, record.upstream_us), (Some(7_000), Some(6_000)));
        assert_eq!((record.site, record.retries), (Some(b"example.org".as_slice()), Some(1)));
    }

    #[test]
    fn a_format_that_is_not_known_to_its_end_is_not_completed() {
        for preset in PRESETS {
            let is_known = !preset.format_string.contains(OPEN) && preset.format_string.starts_with('$');
            assert_eq!(completed(preset.name, Escape::Default).is_some(), is_known, "{}", preset.name);
        }
    }

    #[test]
    fn only_what_httplog_lacks_too_is_lacking_in_httplog() {
        let format = Format::compile("haproxy-http", &Options::default()).unwrap();
        assert!(!lacks(&format).is_empty() && lacks(&format).iter().all(|lack| lack.haproxy != HTTPLOG));
    }

    /// What nginx makes of the strings of a directive: quotes gone, escapes undone, strings joined.
    fn as_nginx_reads(lines: &[String]) -> String {
        let mut string = String::new();
        for line in lines {
            let (_, rest) = line.split_once('\'').unwrap();
            let inside = rest.trim_end_matches(';').strip_suffix('\'').unwrap();
            string.push_str(&inside.replace(r"\'", "'").replace(r#"\""#, "\""));
        }
        string
    }

    #[test]
    fn the_directive_says_what_the_string_says() {
        let string = r#"$remote_addr it's [$time_local] \"$request\" '$status' $body_bytes_sent"#;
        for columns in [60, 80, 200] {
            let lines = directive(string, Escape::None, columns);
            assert!(lines[0].starts_with("log_format logstat escape=none '$remote_addr "), "{lines:?}");
            assert!(lines.iter().all(|line| line.len() <= columns), "{lines:?}");
            assert_eq!(as_nginx_reads(&lines), string.replace('\\', ""));
        }
    }
}
