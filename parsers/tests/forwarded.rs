//! `X-Forwarded-For` as logged: whole, or none.

mod common;

use common::{compile, compile_with, record, text};
use logstat_parsers::{Captures, Escape, Fields, Format, Options, Role, Slot};

const COMBINED: &str = r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "curl""#;
const LIST: &str = "203.0.113.7, 198.51.100.2";

/// What a line says, if its format keeps it.
#[track_caller]
fn forwarded<'l>(format: &Format, line: &'l str) -> Option<&'l str> {
    text(record(format, line.as_bytes()).x_forwarded_for)
}

#[test]
fn every_vendor_logs_it() {
    let combined = compile("combined").format_string().to_owned();
    let cases = [
        (format!(r#"{combined} "$http_x_forwarded_for""#), format!(r#"{COMBINED} "{LIST}""#)),
        (
            format!(r#"{combined} "$http_x_forwarded_for" $upstream_addr"#),
            format!(r#"{COMBINED} "{LIST}" 192.0.2.9:80"#),
        ),
        // The last one is the peer, which nginx adds for the next server.
        (format!(r#"{combined} "$proxy_add_x_forwarded_for""#), format!(r#"{COMBINED} "{LIST}, 192.0.2.1""#)),
        (format!("$http_x_forwarded_for - {combined}"), format!("{LIST} - {COMBINED}")),
        (
            r#"%h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" "%{x-forwarded-for}i""#.to_owned(),
            format!(r#"{COMBINED} "{LIST}""#),
        ),
        (
            r#"%ci [%trg] %ST "%{+E}[req.fhdr(X-Forwarded-For)]" %Ta"#.to_owned(),
            format!(r#"192.0.2.1 [10/Oct/2000:13:55:36 +0000] 200 "{LIST}" 5"#),
        ),
        (
            "nginx-json".to_owned(),
            format!(r#"{{"msec":1.5,"remote_addr":"192.0.2.1","http_x_forwarded_for":"{LIST}"}}"#),
        ),
        ("ltsv".to_owned(), format!("time:10/Oct/2000:13:55:36 +0000\tforwardedfor:{LIST}\thost:192.0.2.1")),
    ];
    for (format, line) in cases {
        let format = compile(&format);
        assert!(format.fields().x_forwarded_for, "{}", format.name());
        assert_eq!(forwarded(&format, &line), Some(LIST), "{line}");
        let mut narrow = format.clone();
        narrow.keep_only(&Fields::default());
        assert_eq!(record(&narrow, line.as_bytes()).client, record(&format, line.as_bytes()).client);
    }
}

#[test]
fn a_missing_one_is_none() {
    let format = compile(&format!(r#"{} "$http_x_forwarded_for""#, compile("combined").format_string()));
    assert_eq!(forwarded(&format, &format!(r#"{COMBINED} "-""#)), None);
    let format = compile(&format!(r#"{} "$proxy_add_x_forwarded_for""#, compile("combined").format_string()));
    assert_eq!(forwarded(&format, &format!(r#"{COMBINED} "192.0.2.1""#)), None);
}

#[test]
fn half_of_one_is_none() {
    let quoted = compile(&format!(r#"{} "$http_x_forwarded_for""#, compile("combined").format_string()));
    let line = format!(r#"{COMBINED} "{LIST}""#);
    for cut in COMBINED.len() + 1..line.len() {
        let part = &line[..cut];
        assert_eq!(forwarded(&quoted, part), None, "{part}");
        assert!(record(&quoted, part.as_bytes()).truncated);
    }
    // What comes behind may be cut.
    let format = compile(r#"$remote_addr $msec $status "$http_x_forwarded_for" "$http_user_agent""#);
    assert_eq!(forwarded(&format, &format!(r#"192.0.2.1 1.5 200 "{LIST}" "cur"#)), Some(LIST));
    let ltsv = format!("host:192.0.2.1\ttime:10/Oct/2000:13:55:36 +0000\tforwardedfor:{LIST}");
    assert_eq!(forwarded(&compile("ltsv"), &ltsv), None);
    let json =
        format!(r#"{{"msec":1.5,"remote_addr":"192.0.2.1","status":200,"http_x_forwarded_for":"{LIST}"#);
    assert_eq!(forwarded(&compile("nginx-json"), &json), None);
    assert_eq!(forwarded(&compile("nginx-json"), &format!("{json}\",\"ua\":\"x")), None);
}

#[test]
fn where_its_end_is_not_certain_it_is_not_kept() {
    for format in [
        // Nothing shows whether the line was cut.
        "$remote_addr $msec $status $http_x_forwarded_for",
        // Neither where one text ends and the next begins.
        "$remote_addr $msec $status $http_x_forwarded_for $http_cookie -",
        "%ci [%trg] %ST %[req.hdr(x-forwarded-for)] %Ta",
        // The first one is whatever the client sent.
        r#"%ci [%trg] %ST "%{+E}[req.hdr(x-forwarded-for,1)]" %Ta"#,
    ] {
        let format = compile(format);
        assert!(!format.fields().x_forwarded_for, "{}", format.name());
        assert!(format.items().iter().all(|item| item.role != Role::Fills(Slot::XForwardedFor)));
    }
    let raw =
        compile_with(r#"$remote_addr $msec $status "$http_x_forwarded_for" "$http_cookie""#, Escape::None);
    assert!(!raw.fields().x_forwarded_for);
}

#[test]
fn a_captured_one_is_kept_if_its_length_is_known_and_not_reached() {
    let line = |cookie: &str, value: &str| {
        format!(
            "192.0.2.1:1 [06/Feb/2009:12:14:14.655] www app/s1 0/0/1/5/6 200 2 {cookie} - ---- 1/1/1/1/0 0/0 \
             {{www.example.com|{value}}} \"GET / HTTP/1.1\""
        )
    };
    let cases = [
        ("X-Forwarded-For len 40", "-", LIST, Some(LIST)),
        ("x-forwarded-for  len 26", "-", LIST, Some(LIST)),
        ("X-Forwarded-For len 25", "-", LIST, None),
        ("X-Forwarded-For", "-", LIST, None),
        ("X-Forwarded-For len 5", "-", "#22#22#22#22", Some("#22#22#22#22")),
        ("X-Forwarded-For len 4", "-", "#22#22#22#22", None),
        ("X-Forwarded-For len 40", "-", "", None),
        ("X-Forwarded-For len 40", "S=a b", LIST, None),
    ];
    for (name, cookie, value, expected) in cases {
        let captures = Captures { request: vec!["Host".to_owned(), name.to_owned()], response: Vec::new() };
        let format =
            Format::compile("haproxy-http", &Options { captures, ..Options::default() }).expect("a format");
        assert_eq!(forwarded(&format, &line(cookie, value)), expected, "{name}: {value}");
    }
}
