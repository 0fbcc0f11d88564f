//! Servers as the tests imagine them: values and lines written exactly as nginx and HAProxy write them.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod daemon;
pub mod render;

use std::net::IpAddr;

use logstat_parsers::{Client, Escape, Format, Line, Options, Record};
use proptest::prelude::*;

/// nginx's combined log format with the two times behind it.
pub const TIMED: &str = concat!(
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "#,
    r#""$http_referer" "$http_user_agent" $request_time $upstream_response_time"#
);

pub fn compile(format: &str) -> Format {
    compile_with(format, Escape::Default)
}

pub fn compile_with(format: &str, escape: Escape) -> Format {
    Format::compile(format, &Options { escape, ..Options::default() }).expect("a format")
}

/// The record that a line is, or a panic that shows what it is instead.
#[track_caller]
pub fn record<'l>(format: &Format, line: &'l [u8]) -> Record<'l> {
    match format.parser(0).parse(line) {
        Line::Record(record) => record,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(line)),
    }
}

pub fn text(bytes: Option<&[u8]>) -> Option<&str> {
    bytes.map(|bytes| std::str::from_utf8(bytes).expect("UTF-8 in a test"))
}

/// nginx's `ngx_http_log_escape` and `ngx_escape_json`; a missing value as each mode writes it.
pub fn escaped(value: Option<&[u8]>, escape: Escape) -> Vec<u8> {
    let Some(value) = value else {
        return if escape == Escape::Default { b"-".to_vec() } else { Vec::new() };
    };
    let mut out = Vec::new();
    for &byte in value {
        match (escape, byte) {
            (Escape::Default, b'"' | b'\\' | 0..=0x1f | 0x7f..) => {
                out.extend_from_slice(format!("\\x{byte:02X}").as_bytes());
            }
            (Escape::Json, b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            (Escape::Json, b'\n') => out.extend_from_slice(b"\\n"),
            (Escape::Json, b'\r') => out.extend_from_slice(b"\\r"),
            (Escape::Json, b'\t') => out.extend_from_slice(b"\\t"),
            (Escape::Json, 0x08) => out.extend_from_slice(b"\\b"),
            (Escape::Json, 0x0c) => out.extend_from_slice(b"\\f"),
            (Escape::Json, 0..=0x1f) => out.extend_from_slice(format!("\\u{byte:04X}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out
}

/// HAProxy's `hdr_encode_map` and `url_encode_map`.
pub fn encoded(value: &[u8], specials: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in value {
        if !(32..127).contains(&byte) || specials.contains(&byte) {
            out.extend_from_slice(format!("#{byte:02X}").as_bytes());
        } else {
            out.push(byte);
        }
    }
    out
}

/// Bytes that a client may send in a header, chosen to look like parts of a log line.
pub fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        " ",
        "\"",
        "\\",
        "-",
        " - ",
        "[",
        "]",
        "{",
        "}",
        "|",
        "#22",
        "\\x22",
        "\\\"",
        "\" ",
        "\" 200 5 \"",
        "'",
        "/",
        ":",
        "10/Oct/2000:13:55:36 -0700",
        " [10/Oct/2000:13:55:36 -0700] \"",
        "192.0.2.66",
        "::1",
        "GET / HTTP/1.1",
        " - ---- 1/1/1/1/0 0/0 ",
        "\"GET / HTTP/1.1\"",
        "=HYPERLINK(",
        "\t",
        "\r",
        "0.001, 0.002",
        " : ",
    ]);
    let piece = prop_oneof![
        4 => pieces.prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>().prop_filter("no line end", |byte| *byte != b'\n'), 0..6),
        2 => "[a-zA-Z0-9.]{1,8}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

pub fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
}

/// What the parser should make of an address.
pub fn client(address: IpAddr) -> Client<'static> {
    Client::Ip(address.to_canonical())
}

/// An instant in whole seconds and the offset it is logged with, in minutes.
pub fn instant() -> impl Strategy<Value = (i64, i64)> {
    // From the year 1 to the year 9998.
    (-62_135_500_000i64..253_370_000_000, -14 * 60i64..=14 * 60)
}

/// `10/Oct/2000:13:55:36 -0700`.
pub fn clf_date((seconds, offset_minutes): (i64, i64)) -> String {
    let local = jiff::Timestamp::from_second(seconds + offset_minutes * 60).expect("in range");
    let (sign, offset) = if offset_minutes < 0 { ('-', -offset_minutes) } else { ('+', offset_minutes) };
    let date = local.to_zoned(jiff::tz::TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S").to_string();
    format!("{date} {sign}{:02}{:02}", offset / 60, offset % 60)
}
