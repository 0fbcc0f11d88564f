//! The client of a line that is no record: the one that sent it, or none.

mod common;

use std::net::IpAddr;

use common::{compile, compile_with};
use logstat_parsers::{Client, Escape, Format, Line, RejectKind};
use proptest::prelude::*;

const PEER: &str = "192.0.2.1";
const FORGED: &str = "198.51.100.66";

/// The kind of a reject, and the client that it and the start of its line tell.
#[track_caller]
fn reject(format: &Format, line: &str) -> (RejectKind, Option<String>) {
    let mut parser = format.parser(0);
    let Line::Reject(reject) = parser.parse(line.as_bytes()) else { panic!("no reject: {line}") };
    (reject.kind, reject.client.map(|client| client.to_string()))
}

fn client_of(format: &Format, line: &str) -> Option<String> {
    format.parser(0).client_of(line.as_bytes()).map(|client: IpAddr| client.to_string())
}

#[test]
fn a_reject_tells_the_client_that_comes_first() {
    let combined = compile("combined");
    let cases = [
        (
            r#"192.0.2.1 - - [99/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "-""#,
            RejectKind::Date,
            Some(PEER),
        ),
        (
            r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" x 5 "-" "-""#,
            RejectKind::Status,
            Some(PEER),
        ),
        (r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET"#, RejectKind::Cut, Some(PEER)),
        ("192.0.2.1 - a user with spaces", RejectKind::Cut, Some(PEER)),
        ("192.0.2.1 - ", RejectKind::Cut, Some(PEER)),
        ("::ffff:192.0.2.1 - -", RejectKind::Cut, Some(PEER)),
        ("2001:DB8:0::1 - -", RejectKind::Cut, Some("2001:db8::1")),
        ("Nov 20 13:00:00 web1 nginx: 192.0.2.1 - - [", RejectKind::Cut, Some(PEER)),
        // What follows the address is not what the format writes there, or not all of it.
        ("192.0.2.1 -", RejectKind::Cut, None),
        ("192.0.2.1", RejectKind::Cut, None),
        ("192.0.2.1 x", RejectKind::Shape, None),
        ("192.0.2.1.example.com - -", RejectKind::Cut, None),
        ("unix: - -", RejectKind::Cut, None),
        ("- - -", RejectKind::Cut, None),
    ];
    for (line, kind, client) in cases {
        assert_eq!(reject(&combined, line), (kind, client.map(str::to_owned)), "{line}");
        assert_eq!(client_of(&combined, line).as_deref(), client, "{line}");
    }
}

#[test]
fn every_format_in_which_the_server_writes_what_comes_before_tells_it() {
    let cases = [
        (
            "haproxy-http",
            "Feb  6 12:14:14 lb haproxy[1]: 192.0.2.1:40962 [06/Feb/2009:12:14:14.655] www app/s1 x",
            true,
        ),
        ("haproxy-http", "<134>1 2026-11-20T13:00:00Z lb haproxy 1 - - 192.0.2.1:40962 [06/Feb/2009", true),
        ("haproxy-http", "192.0.2.1:40962", false),
        ("haproxy-http", "unix:1 [06/Feb/2009:12:14:14.655] x", false),
        ("haproxy-http-clf", "192.0.2.1 - - [x", true),
        (
            "apache-vhost-combined",
            r#"www.example.com:443 192.0.2.1 - a b [10/Oct/2000:13:55:36 -0700] "x"#,
            true,
        ),
        (r#"%V:%p %h %l %u %t "%r" %>s"#, "www.example.com:443 192.0.2.1 - - [x", false),
        ("vhost-combined", "www.example.com 192.0.2.1 - - [x", false),
        ("cloudfront", "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.1\tGET\tx", true),
        ("$msec $status $remote_addr $http_user_agent", "1.5 200 192.0.2.1 ", true),
        ("$msec $http_referer $remote_addr $http_user_agent", "1.5 x 192.0.2.1", false),
        ("$status $msec $remote_addr", "200 1.5 192.0.2.1", false),
        ("nginx-json", r#"{"msec":1.5,"remote_addr":"192.0.2.1","status":x}"#, true),
        ("nginx-json", r#"{"remote_addr": "192.0.2.1" , "request":"GET "#, true),
        ("nginx-json", r#"{"remote_addr":"192.0.2.1"#, false),
        ("nginx-json", r#"{"client_ip":"192.0.2.1","msec":x,"#, false),
        ("nginx-json", r#"{"user_agent":"x","remote_addr":"192.0.2.1","msec":x,"#, false),
        ("nginx-json", r#"{"own":"x","remote_addr":"192.0.2.1","msec":x,"#, false),
        ("ltsv", "time:10/Oct/2000:13:55:36 +0000\tremote_addr:192.0.2.1\tstatus:x\t", true),
        ("ltsv", "remote_addr:192.0.2.1", false),
        ("ltsv", "ua:x\tremote_addr:192.0.2.1\tstatus:x\t", false),
    ];
    for (format, line, is_told) in cases {
        let client = client_of(&compile(format), line);
        assert_eq!(client.as_deref(), is_told.then_some(PEER), "{format}: {line}");
        if let Line::Reject(reject) = compile(format).parser(0).parse(line.as_bytes()) {
            assert_eq!(reject.client.map(|client| client.to_string()), client, "{format}: {line}");
        }
    }
}

#[test]
fn a_name_that_comes_twice_tells_no_client() {
    let line =
        r#"{"remote_addr":"192.0.2.1","msec":1.5,"status":200,"ua":"x","remote_addr":"198.51.100.66"}"#;
    assert_eq!(reject(&compile("nginx-json"), line), (RejectKind::Ambiguous, None));
}

/// Lines in which a client wrote what looks like a prefix, or like a line of its own.
const FORGERIES: [(&str, &str); 9] = [
    // A user name that holds an address and a date.
    (
        "combined",
        r#"192.0.2.1 - x 198.51.100.66 - - [10/Oct/2000:13:55:36 -0700] [10/Oct/2000:13:55:36 -0700] "" 400 0 "-" "-""#,
    ),
    (
        "combined",
        r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 404 5 "198.51.100.66 - - [10/Oct/2000:13:55:36 -0700] \x22GET / HTTP/1.1\x22 404 5" "198.51.100.66 - -""#,
    ),
    // Behind `docker logs -t` a host and a tag may follow, and need not.
    (
        "$remote_addr $http_host [$time_local] $status -",
        "2026-11-20T13:00:00.1Z 192.0.2.1 x: 198.51.100.66 y [10/Oct/2000:13:55:36 -0700] 400 -",
    ),
    (
        "$remote_addr $http_host [$time_local] $status -",
        "2026-11-20T13:00:00.1Z 192.0.2.1 x: 198.51.100.66 y [10/Oct/2000",
    ),
    // Not docker compose's bar.
    (
        "$remote_addr $http_host [$time_local] $status -",
        "192.0.2.1 | 198.51.100.66 y [10/Oct/2000:13:55:36 -0700] 400 -",
    ),
    (
        "$remote_addr $http_host [$time_local] $status -",
        "192.0.2.1 | 198.51.100.66 y [10/Oct/2000:13:55:36 -0700] 400 - x [10",
    ),
    // The name of a client, which whoever has the address chooses.
    (
        "combined",
        r#"Jan -  12:34:56 h t: 198.51.100.66 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 404 5 "-" "-""#,
    ),
    ("combined", r#"Jan -  12:34:56 h t: 198.51.100.66 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 4"#),
    (
        "%[date,ltime('%Y-%m-%dT%H:%M:%S%z')] %ci:%cp %[req.hdr(user-agent)]",
        "2026-11-20T13:00:00+0000 192.0.2.1:80 x: 2026-11-20T13:00:00+0000 198.51.100.66:80 y",
    ),
];

#[test]
fn what_a_client_writes_is_nobody_elses_address() {
    for (format, line) in FORGERIES {
        let format = compile(format);
        let mut parser = format.parser(0);
        let told = match parser.parse(line.as_bytes()) {
            Line::Record(record) => match record.client {
                Client::Ip(client) => Some(client),
                Client::Name(_) | Client::Unknown => None,
            },
            Line::Reject(reject) => reject.client,
            other => panic!("{other:?}"),
        };
        for client in [told, parser.client_of(line.as_bytes())].into_iter().flatten() {
            assert_ne!(client.to_string(), FORGED, "{line}");
        }
    }
}

#[test]
fn prefixes_of_loggers_are_still_skipped() {
    let line = r#"192.0.2.1 www.example.com [10/Oct/2000:13:55:36 -0700] 200 -"#;
    let format = compile("$remote_addr $http_host [$time_local] $status -");
    for prefix in [
        "Feb  6 12:14:14 web1 nginx: ",
        "<190>Feb  6 12:14:14 web1 nginx: ",
        "2026-11-20T13:00:00.1Z ",
        "2026-11-20T13:00:00.1Z web1 nginx[1]: ",
    ] {
        let line = format!("{prefix}{line}");
        assert_eq!(
            common::record(&format, line.as_bytes()).client,
            common::client(PEER.parse().unwrap()),
            "{line}"
        );
    }
}

/// Members of an object as a template without escapes writes them, in any order.
fn members() -> impl Strategy<Value = (String, String)> {
    let text = prop::collection::vec(
        prop::sample::select(vec![
            "x",
            "\"",
            ",",
            ":",
            "\",\"",
            "\"remote_addr\":\"198.51.100.66\"",
            "\"status\":200",
            "{",
            "}",
            "\\",
            "\t",
            "remote_addr:198.51.100.66",
            "status:200",
        ]),
        0..8,
    );
    let names = vec!["remote_addr", "msec", "status", "http_user_agent", "http_host", "own", "request"];
    let names = prop::sample::subsequence(names, 1..=7).prop_shuffle();
    (names, prop::collection::vec(text, 7)).prop_map(|(names, texts)| {
        let values = names.iter().zip(texts).map(|(name, text)| match *name {
            "remote_addr" => (*name, PEER.to_owned()),
            "msec" => (*name, "1.5".to_owned()),
            "status" => (*name, "200".to_owned()),
            name => (name, text.concat()),
        });
        let values: Vec<(&str, String)> = values.collect();
        let json: Vec<String> = values.iter().map(|(name, text)| format!("\"{name}\":\"{text}\"")).collect();
        let ltsv: Vec<String> = values.iter().map(|(name, text)| format!("{name}:{text}")).collect();
        (format!("{{{}}}", json.join(",")), ltsv.join("\t"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rejects_with_names_tell_the_peer_or_nobody((json, ltsv) in members(), cut: prop::sample::Index) {
        let map = "time=msec remote_addr=remote_addr status=status request=request http_user_agent=http_user_agent";
        for (syntax, line) in [("json", json), ("ltsv", ltsv)] {
            let format = compile_with(&format!("{syntax} {map}"), Escape::None);
            for part in [&line[..], &line[..cut.index(line.len() + 1)]] {
                let mut parser = format.parser(0);
                let rejected = match parser.parse(part.as_bytes()) {
                    Line::Reject(reject) => reject.client,
                    _ => None,
                };
                for client in [rejected, parser.client_of(part.as_bytes())].into_iter().flatten() {
                    prop_assert_eq!(client.to_string(), PEER, "{}", part);
                }
            }
        }
    }
}
