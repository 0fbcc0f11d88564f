//! Lines whose values have names, JSON and LTSV: field maps over them, and what a line may look like.

mod common;

use common::{compile, escaped, hostile, record, text};
use logstat_parsers::{Client, Escape, EventKind, Format, FormatError, Line, Options, Reject, RejectKind};
use proptest::prelude::*;

const MAP: &str = "json msec=ts remote_addr=ip request_method=req.method request_uri=req.uri status=status \
                   bytes_sent=size request_time=rt upstream_response_time=urt http_user_agent=req.headers.UA.0";

const LINE: &str = r#"{"ts":1700000000.25,"ip":"192.0.2.1","req":{"method":"GET","uri":"/a","headers":{"UA":["curl","x"]}},"status":200,"size":512,"rt":0.007,"urt":"0.002, 0.003"}"#;

#[track_caller]
fn reject(format: &Format, line: &str) -> Reject {
    match format.parser(0).parse(line.as_bytes()) {
        Line::Reject(reject) => reject,
        other => panic!("{other:?}: {line}"),
    }
}

/// Microseconds since 1970.
fn instant(date: &str) -> i64 {
    date.parse::<jiff::Timestamp>().expect("a date").as_microsecond()
}

fn ip(address: &str) -> Client<'static> {
    Client::Ip(address.parse().expect("an address"))
}

#[test]
fn reads_a_map() {
    let format = compile(MAP);
    let record = record(&format, LINE.as_bytes());
    assert_eq!(record.end_us, 1_700_000_000_250_000);
    assert_eq!(record.client, ip("192.0.2.1"));
    assert_eq!((text(record.method), text(record.target)), (Some("GET"), Some("/a")));
    assert_eq!((record.status, record.bytes_sent), (Some(200), Some(512)));
    assert_eq!((record.latency_us, record.upstream_us), (Some(7_000), Some(5_000)));
    assert_eq!(text(record.user_agent), Some("curl"));
    assert!(!record.truncated);
    let fields = format.fields();
    assert!(fields.time && fields.client && fields.latency && fields.upstream && fields.user_agent);
    assert!(!fields.referer && !fields.cache && !fields.site);
    assert_eq!(format.name(), MAP);
}

#[test]
fn order_spaces_and_other_keys_do_not_matter() {
    let format = compile(MAP);
    let other = r#" { "urt" : "0.002, 0.003","rt":0.007 , "x":{"status":1,"deep":[[{"ip":"::"}]]},"size":512,
        "status": 200,"req":{"uri":"/a","headers":{"Accept":[],"UA":["curl"]},"method":"GET"},"z":null,
        "ip":"192.0.2.1","ts":1700000000.25} "#;
    let other = other.replace('\n', "");
    assert_eq!(record(&format, other.as_bytes()), record(&format, LINE.as_bytes()));
}

#[test]
fn a_path_may_be_one_key() {
    let format = compile("json msec=ts status=http.response.status");
    for line in [
        r#"{"ts":1,"http":{"response":{"status":404}}}"#,
        r#"{"ts":1,"http.response":{"status":404}}"#,
        r#"{"ts":1,"http":{"response.status":404}}"#,
        r#"{"ts":1,"http.response.status":"404"}"#,
    ] {
        assert_eq!(record(&format, line.as_bytes()).status, Some(404), "{line}");
    }
}

#[test]
fn missing_values_are_missing() {
    let format = compile("json msec=ts status=status request_time=rt bytes_sent=size http_referer=ref?");
    for missing in ["", "null", "false", "\"\"", "\"-\"", " ", "-"] {
        let line = format!(r#"{{"ts":1,"rt":{missing},"status":200,"ref":{missing},"size":{missing}}}"#);
        let record = record(&format, line.as_bytes());
        assert_eq!((record.latency_us, record.bytes_sent, record.referer), (None, None, None), "{line}");
    }
    let line = br#"{"ts":1,"status":0,"rt":-1,"ref":0,"size":0}"#;
    let record = record(&format, line);
    assert_eq!((record.status, record.latency_us, record.referer), (None, None, None));
    assert_eq!(record.bytes_sent, Some(0));
    // A client may call itself so.
    let line = br#"{"ts":1,"status":200,"ref":"null"}"#;
    assert_eq!(text(common::record(&format, line).referer), Some("null"));
}

#[test]
fn numbers_come_in_any_notation() {
    let format = compile("json msec=ts status=s request_time=rt bytes_sent=b upstream_response_time=u");
    let expected = record(&format, br#"{"ts":1600000000,"s":200,"rt":0.0125,"b":1500,"u":0.5}"#);
    assert_eq!(expected.end_us, 1_600_000_000_000_000);
    assert_eq!((expected.latency_us, expected.upstream_us), (Some(12_500), Some(500_000)));
    for line in [
        r#"{"ts":1.6e9,"s":"200","rt":1.25e-2,"b":1.5E+3,"u":"0.2 : 0.3"}"#,
        r#"{"ts":"1600000000.000","s":200,"rt":"0.0125","b":1500.0,"u":0.2, 0.3}"#,
        r#"{"ts":16E8,"u":5e-1,"s":200,"rt":125e-4,"b":"1500"}"#,
    ] {
        assert_eq!(record(&format, line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn units_stand_in_the_name() {
    let format = compile(
        "json time_ms=t request_time_ms=a upstream_response_time_ns=b upstream_connect_time_us=c \
         upstream_header_time_ms=d upstream_queue_time=e",
    );
    let line = br#"{"t":1600000000123,"a":12.5,"b":2000999,"c":7,"d":"3","e":0.25,"status":200}"#;
    let Line::Event(event) = format.parser(0).parse(line) else { panic!("no key of a request is mapped") };
    assert_eq!(event.at_us, Some(1_600_000_000_123_000));
    let format = compile(&format!("{} status=status", format.name()));
    let record = record(&format, line);
    assert_eq!(record.end_us, 1_600_000_000_123_000);
    assert_eq!((record.latency_us, record.upstream_us), (Some(12_500), Some(2_000)));
    assert_eq!(
        (record.connect_us, record.response_us, record.queue_us),
        (Some(7), Some(3_000), Some(250_000))
    );
}

#[test]
fn dates_come_in_any_form() {
    let format = compile("json time=t status=s");
    let seconds = "2023-11-14T22:13:20Z";
    for (date, expected) in [
        ("14/Nov/2023:22:13:20 +0000", seconds),
        ("[14/Nov/2023:23:13:20 +0100]", seconds),
        ("2023-11-14T23:13:20+01:00", seconds),
        ("2023-11-14T23:13:20+0100", seconds),
        ("2023-11-14T22:13:20Z", seconds),
        ("2023-11-14T22:13:20.123456789Z", "2023-11-14T22:13:20.123456Z"),
        ("2023-11-14T23:13:20.5+01:00", "2023-11-14T22:13:20.5Z"),
        ("1700000000", seconds),
        ("1700000000.25", "2023-11-14T22:13:20.25Z"),
        ("1700000000123", "2023-11-14T22:13:20.123Z"),
        ("1700000000123456", "2023-11-14T22:13:20.123456Z"),
        ("1700000000123456789", "2023-11-14T22:13:20.123456Z"),
    ] {
        let line = format!(r#"{{"t":"{date}","s":200}}"#);
        assert_eq!(record(&format, line.as_bytes()).end_us, instant(expected), "{date}");
    }
    for date in ["14/Nov/2023", "2023-11-14 22:13", "1700000000s", "[]", "99999999999999999999"] {
        let line = format!(r#"{{"s":200,"t":"{date}"}}"#);
        assert_eq!(reject(&format, &line).kind, RejectKind::Date, "{date}");
    }
}

#[test]
fn an_end_follows_from_the_start() {
    let format = compile("json start_time=from time=to request_time_ms=ms status=s");
    let parsed = |line: &str| {
        let record = record(&format, line.as_bytes());
        (record.end_us, record.latency_us)
    };
    assert_eq!(parsed(r#"{"from":1700000000,"ms":250,"s":200}"#), (1_700_000_000_250_000, Some(250_000)));
    assert_eq!(parsed(r#"{"from":1700000000,"s":200}"#), (1_700_000_000_000_000, None));
    assert_eq!(
        parsed(r#"{"from":1700000000.5,"to":1700000001.75,"s":200}"#),
        (1_700_000_001_750_000, Some(1_250_000))
    );
    // Whole seconds are too coarse.
    assert_eq!(parsed(r#"{"from":1700000000,"to":1700000001,"s":200}"#), (1_700_000_001_000_000, None));
    assert!(format.fields().time && format.fields().latency);
}

#[test]
fn clients_may_have_ports() {
    let format = compile("json time=t remote_addr=c");
    for (logged, expected) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5060", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ] {
        let line = format!(r#"{{"t":1,"c":"{logged}"}}"#);
        assert_eq!(record(&format, line.as_bytes()).client, ip(expected), "{logged}");
    }
    assert_eq!(record(&format, br#"{"t":1,"c":"unix:"}"#).client, Client::Name(b"unix:"));
    let two = r#"{"t":1,"c":"192.0.2.1, 192.0.2.2"}"#;
    assert_eq!(reject(&format, two).kind, RejectKind::Client);
}

#[test]
fn the_better_name_wins_whatever_the_order() {
    let format = compile(
        "json time=t|u remote_addr=a|b status=s body_bytes_sent=body bytes_sent=all request=r request_uri=uri",
    );
    let parsed = |line: &str| {
        let record = record(&format, line.as_bytes());
        let Client::Ip(address) = record.client else { panic!("no address") };
        (address.to_string(), record.bytes_sent, text(record.target).map(str::to_owned))
    };
    let both = ("192.0.2.1".to_owned(), Some(2), Some("/r".to_owned()));
    let line = r#"{"t":1,"b":"192.0.2.9","a":"192.0.2.1","all":2,"body":1,"uri":"/u","r":"GET /r HTTP/1.1"}"#;
    assert_eq!(parsed(line), both);
    let line = r#"{"t":1,"r":"GET /r HTTP/1.1","uri":"/u","body":1,"all":2,"a":"192.0.2.1","b":"192.0.2.9"}"#;
    assert_eq!(parsed(line), both);
    let line = r#"{"u":1,"a":"-","b":"192.0.2.9","body":1,"all":null,"uri":"/u","r":""}"#;
    assert_eq!(parsed(line), ("192.0.2.9".to_owned(), Some(1), Some("/u".to_owned())));
}

#[test]
fn rejects_say_what_and_where() {
    let format = compile(MAP);
    let wrong = |from: &str, to: &str| {
        assert!(LINE.contains(from));
        let line = LINE.replace(from, to);
        let reject = reject(&format, &line);
        (reject.kind, line[reject.byte..].chars().take(4).collect::<String>())
    };
    let told = |kind, at: &str| (kind, at.to_owned());
    assert_eq!(wrong(r#""ts":1700000000.25"#, r#""ts":"1x""#), told(RejectKind::Date, "x\",\""));
    assert_eq!(wrong("192.0.2.1", "192.0.2.1000"), told(RejectKind::Client, "192."));
    assert_eq!(wrong(":200", ":20"), told(RejectKind::Status, "20,\""));
    assert_eq!(wrong(":512", ":true"), told(RejectKind::Number, "true"));
    assert_eq!(wrong("0.007", "0.00x7"), told(RejectKind::Number, "x7,\""));
    assert_eq!(wrong(":200", ":200,\"ip\":\"192.0.2.66\""), told(RejectKind::Ambiguous, "192."));
    // A raw quote ends the text too early.
    assert_eq!(wrong("/a", "/a\"b"), told(RejectKind::Shape, "\"b\","));
    assert_eq!(wrong("\"rt\":", "\"rt\""), told(RejectKind::Shape, "0.00"));
    assert_eq!(wrong("0.003\"}", "0.003\"} x"), told(RejectKind::Shape, "x"));
    assert_eq!(wrong("\"ts\":1700000000.25,", ""), told(RejectKind::Date, ""));
    assert_eq!(wrong("{\"ts\"", "\"ts\""), told(RejectKind::Shape, "\"ts\""));
    assert_eq!(format.parser(0).parse(b" \t"), Line::Blank);
}

#[test]
fn nesting_has_a_limit() {
    let format = compile("json time=t status=s");
    let nested = |depth: usize| {
        format!(r#"{{"t":1,"s":200,"x":{}{}}}"#, r#"{"a":["#.repeat(depth), "]}".repeat(depth))
    };
    assert_eq!(record(&format, nested(31).as_bytes()).status, Some(200));
    assert_eq!(reject(&format, &nested(32)).kind, RejectKind::Shape);
}

#[test]
fn every_cut_is_a_record_of_what_was_whole_or_a_reject() {
    let format = compile(MAP);
    let whole = record(&format, LINE.as_bytes());
    let known = LINE.find("200").expect("a status") + 4;
    for cut in 1..LINE.len() {
        match format.parser(0).parse(&LINE.as_bytes()[..cut]) {
            Line::Record(record) => {
                assert!(record.truncated && cut >= known, "{cut}");
                assert_eq!((record.end_us, record.client), (whole.end_us, whole.client));
                assert_eq!((record.status, record.target), (whole.status, whole.target));
                for (part, all) in [
                    (record.bytes_sent, whole.bytes_sent),
                    (record.latency_us, whole.latency_us),
                    (record.upstream_us, whole.upstream_us),
                ] {
                    assert!(part.is_none() || part == all, "{cut}");
                }
            }
            other => {
                assert!(cut < known, "{cut}");
                let Line::Reject(reject) = other else { panic!("{other:?}") };
                assert_eq!((reject.kind, reject.byte), (RejectKind::Cut, cut));
            }
        }
    }
}

#[test]
fn what_stands_before_an_object_is_skipped_by_its_form() {
    let format = compile(MAP);
    let spaced = LINE.replace("\":", "\": ").replace(",\"", ", \"");
    for prefix in [
        "",
        "caddy  | ",
        "web-1 | ",
        "[pod/web-7d9/caddy] ",
        "2025-12-31T17:37:40.493035218+01:00 stdout F ",
        "<190>Nov 20 13:00:00 web1 nginx: ",
        "Nov 20 13:00:00 web1 caddy[812]: ",
        "2026-11-20T13:00:00+00:00 web1 caddy[812]: ",
        "<190>1 2026-11-20T13:00:00Z web1 nginx - - - ",
    ] {
        for object in [LINE, &spaced] {
            let line = format!("{prefix}{object}");
            assert_eq!(record(&format, line.as_bytes()).status, Some(200), "{line}");
        }
    }
    // A client can write an object into what an error log says of it.
    for prefix in ["2026/11/20 13:00:00 [error] 7#7: *1 open() /", "GET /", "x: ", "| "] {
        let line = format!("{prefix}{LINE}");
        assert_eq!(reject(&format, &line), Reject::new(RejectKind::Shape, 0), "{line}");
    }
}

#[test]
fn objects_that_are_no_requests_are_messages() {
    let format = compile("json time=ts remote_addr=ip status=status request_uri=uri! bytes_sent=size");
    let line = br#"app | {"level":"info","ts":1700000000,"msg":"listening","size":3}"#;
    let Line::Event(event) = format.parser(0).parse(line) else { panic!("a message") };
    assert_eq!((event.kind, event.at_us), (EventKind::Other, Some(1_700_000_000_000_000)));
    assert!(event.message.starts_with(b"{\"level\""));
    // What a request always has is not there.
    let line = br#"{"ts":1700000000,"ip":"192.0.2.1","status":502}"#;
    assert!(matches!(format.parser(0).parse(line), Line::Event(_)));
    // A missing value is there.
    let line = br#"{"ts":1700000000,"ip":"192.0.2.1","status":502,"uri":""}"#;
    assert!(matches!(format.parser(0).parse(line), Line::Record(_)));
    assert_eq!(reject(&format, r#"{"level":"info","msg"}"#).kind, RejectKind::Shape);
}

#[test]
fn maps_that_are_none_say_where() {
    let error = |text: &str| Format::compile(text, &Options::default()).expect_err("no map");
    assert_eq!(error("json status=a"), FormatError::NoTime);
    assert_eq!(error("json time=t status"), FormatError::MapPair { at: 12 });
    assert_eq!(error("json time=t status="), FormatError::MapPair { at: 19 });
    assert_eq!(error("json time=t|,status=s"), FormatError::MapPair { at: 12 });
    assert_eq!(error("json time=t..u"), FormatError::MapPair { at: 10 });
    let name = "http_cookie".to_owned();
    assert_eq!(error("ltsv time=t http_cookie=c"), FormatError::MapVariable { at: 12, name });
    let path = "s".to_owned();
    assert_eq!(error("json time=t, status=s|s"), FormatError::MapRepeated { at: 22, path });
    assert_eq!(error("json time=a.b.c.d.e.f.g.h.i"), FormatError::MapTooLarge { at: 10 });
    let many: String = (0..300).map(|at| format!(" time=t{at}")).collect();
    assert!(matches!(error(&format!("json{many}")), FormatError::MapTooLarge { .. }));
    for text in ["json time=t status", "json status=a", "json a=b", "json time=a.b.c.d.e.f.g.h.i"] {
        assert!(!error(text).hint().is_empty() && error(text).position() <= text.len());
    }
}

#[test]
fn labelled_values_are_read() {
    let format = compile(
        "ltsv time=time remote_addr=host request=req status=status bytes_sent=size request_time_us=us",
    );
    let line = "time:[14/Nov/2023:22:13:20 +0000]\thost:2001:db8::1\treq:GET /?a:b HTTP/1.1\tstatus:200\tother\\x09:\tsize:-\tus:1234";
    let expected = record(&format, line.as_bytes());
    assert_eq!((expected.end_us, expected.client), (1_700_000_000_000_000, ip("2001:db8::1")));
    assert_eq!((text(expected.target), expected.bytes_sent), (Some("/?a:b"), None));
    assert_eq!(expected.latency_us, Some(1_234));
    let mut values: Vec<&str> = line.split('\t').collect();
    values.reverse();
    assert_eq!(record(&format, values.join("\t").as_bytes()), expected);
    let forged = line.replace("/?a", "/\tstatus:500\t");
    assert_eq!(reject(&format, &forged).kind, RejectKind::Ambiguous);
    let at = line.find("other").expect("a label");
    let broken = line.replace("other\\x09:", "other");
    let cut_off = reject(&format, &broken);
    assert_eq!((cut_off.kind, cut_off.byte), (RejectKind::Shape, at));
    assert_eq!(reject(&format, "a line: of something else").kind, RejectKind::Shape);
    assert!(record(&format, line.replace("us:1234", "us").as_bytes()).truncated);
}

/// nginx's own values around what a client sent.
fn json_line(agent: &[u8], uri: &[u8], referer: Option<&[u8]>, escape: Escape) -> Vec<u8> {
    let mut line = br#"{"ts":1700000000.25,"ip":"192.0.2.1","uri":""#.to_vec();
    line.extend(escaped(Some(uri), escape));
    line.extend_from_slice(br#"","status":200,"ua":""#);
    line.extend(escaped(Some(agent), escape));
    line.extend_from_slice(br#"","size":512,"ref":""#);
    line.extend(escaped(referer, escape));
    line.extend_from_slice(br#"","urt":,"rt":0.007}"#);
    line
}

const NGINX: &str = "json msec=ts remote_addr=ip request_uri=uri status=status http_user_agent=ua bytes_sent=size \
                     http_referer=ref upstream_response_time=urt request_time=rt";

/// What a client may send, and what it would send if it knew the format.
fn forged() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        r#"","status":500,"x":""#,
        r#"","ip":"192.0.2.66","#,
        r#""},"#,
        r#"\"#,
        r#"\","#,
        r#"\\"#,
        r#"":""#,
        r#"status":500"#,
        ",",
    ]);
    let piece = prop_oneof![3 => pieces.prop_map(|piece| piece.as_bytes().to_vec()), 1 => hostile()];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn escaped_lines_are_read_whatever_they_hold(
        agent in forged(),
        uri in forged(),
        referer in prop::option::of(forged()),
        escape in prop::sample::select(vec![Escape::Json, Escape::Default]),
    ) {
        let format = compile(NGINX);
        let line = json_line(&agent, &uri, referer.as_deref(), escape);
        let Line::Record(record) = format.parser(0).parse(&line) else {
            return Err(TestCaseError::fail(String::from_utf8_lossy(&line).into_owned()));
        };
        prop_assert_eq!((record.end_us, record.client), (1_700_000_000_250_000, ip("192.0.2.1")));
        prop_assert_eq!((record.status, record.bytes_sent), (Some(200), Some(512)));
        prop_assert_eq!((record.latency_us, record.upstream_us), (Some(7_000), None));
        for (found, sent) in [
            (record.user_agent, Some(&agent)),
            (record.target, Some(&uri)),
            (record.referer, referer.as_ref()),
        ] {
            let logged = sent.map(|sent| escaped(Some(sent), escape));
            let expected = logged.filter(|text| !matches!(text.as_slice(), b"" | b"-"));
            prop_assert_eq!(found.map(<[u8]>::to_vec), expected);
        }
    }

    #[test]
    fn unescaped_lines_are_right_or_rejects(agent in forged(), uri in forged(), referer in forged()) {
        let format = compile(NGINX);
        let line = json_line(&agent, &uri, Some(&referer), Escape::None);
        if let Line::Record(record) = format.parser(0).parse(&line) {
            prop_assert_eq!((record.end_us, record.client), (1_700_000_000_250_000, ip("192.0.2.1")));
            prop_assert_eq!((record.status, record.bytes_sent), (Some(200), Some(512)));
            prop_assert!(!record.truncated);
        }
    }

    #[test]
    fn labelled_values_hold_anything_but_tabs(agent in forged(), uri in forged()) {
        let format = compile("ltsv msec=time remote_addr=host status=status request_uri=uri http_user_agent=ua");
        let (agent, uri) = (escaped(Some(&agent), Escape::Default), escaped(Some(&uri), Escape::Default));
        let line = [b"time:1700000000.250\tua:", agent.as_slice(), b"\tstatus:200\turi:", &uri, b"\thost:192.0.2.1"]
            .concat();
        let record = record(&format, &line);
        prop_assert_eq!((record.status, record.client), (Some(200), ip("192.0.2.1")));
        prop_assert_eq!(record.user_agent.unwrap_or(&agent), &agent);
        prop_assert_eq!(record.target.unwrap_or(&uri), &uri);
    }
}

#[test]
fn dates_that_other_programs_write() {
    let options =
        Options { timezone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(), ..Options::default() };
    let format = Format::compile("json time=t remote_addr=c status=s", &options).unwrap();
    for (date, wanted) in [
        ("2026-11-20 10:00:00", "2026-11-20T09:00:00Z"),
        ("2026-11-20T10:00:00.5", "2026-11-20T09:00:00.5Z"),
        ("2026-11-20 10:00:00,123", "2026-11-20T09:00:00.123Z"),
        ("2026/11/20 10:00:00", "2026-11-20T09:00:00Z"),
        ("2026-11-20 09:00:00 +0000", "2026-11-20T09:00:00Z"),
        ("2026-11-20 09:00:00 +00:00", "2026-11-20T09:00:00Z"),
        ("2026-11-20 09:00:00 UTC", "2026-11-20T09:00:00Z"),
        // Two and a half hours after midnight there were twice; the first is meant.
        ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),
    ] {
        let line = format!(r#"{{"t":"{date}","c":"192.0.2.1","s":200}}"#);
        let Line::Record(record) = format.parser(0).parse(line.as_bytes()) else { panic!("{date}") };
        let wanted: jiff::Timestamp = wanted.parse().unwrap();
        assert_eq!(record.end_us, wanted.as_microsecond(), "{date}");
    }
    for date in
        ["2026-11-20", "2026-11-20 10:00:00 CET", "yesterday", "2026-13-20 10:00:00", "2026-11-20 10:00:00 +"]
    {
        let line = format!(r#"{{"t":"{date}","c":"192.0.2.1","s":200}}"#);
        assert!(matches!(format.parser(0).parse(line.as_bytes()), Line::Reject(_)), "{date}");
    }
}
