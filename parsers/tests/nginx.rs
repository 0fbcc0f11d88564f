//! nginx lines: what is rendered is what is read.

mod common;

use common::{
    TIMED, address, clf_date, client, compile, compile_with, escaped, hostile, instant, record, text,
};
use logstat_parsers::{CacheStatus, Client, Escape, Format, FormatError, Line, Options, Reject, RejectKind};
use proptest::prelude::*;

const JSON: &str = concat!(
    r#"{"time":"$time_iso8601","client":"$remote_addr","user":"$remote_user","request":"$request","status":$status,"#,
    r#""bytes":$bytes_sent,"rt":$request_time,"urt":"$upstream_response_time","ua":"$http_user_agent","host":"$host"}"#
);

fn optional(value: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(value)
}

/// A combined line with times, in any escape mode.
#[derive(Debug, Clone)]
struct Served {
    address: std::net::IpAddr,
    user: Option<Vec<u8>>,
    at: (i64, i64),
    request: Vec<u8>,
    status: u16,
    bytes: u64,
    referer: Option<Vec<u8>>,
    agent: Option<Vec<u8>>,
    total_ms: u32,
    upstream_ms: Option<u32>,
}

prop_compose! {
    fn served()(
        address in address(),
        user in optional(hostile()),
        at in instant(),
        request in hostile(),
        status in 0u16..1000,
        bytes: u64,
        referer in optional(hostile()),
        agent in optional(hostile()),
        total_ms: u32,
        upstream_ms in prop::option::of(any::<u32>()),
    ) -> Served {
        Served { address, user, at, request, status, bytes, referer, agent, total_ms, upstream_ms }
    }
}

fn seconds(ms: u32) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

impl Served {
    fn line(&self, escape: Escape) -> Vec<u8> {
        let value = |value: &Option<Vec<u8>>| escaped(value.as_deref(), escape);
        let missing = if escape == Escape::Default { "-" } else { "" };
        let upstream = self.upstream_ms.map_or(missing.to_owned(), seconds);
        [
            format!("{} - ", self.address).as_bytes(),
            &value(&self.user),
            format!(" [{}] \"", clf_date(self.at)).as_bytes(),
            &escaped(Some(&self.request), escape),
            format!("\" {:03} {} \"", self.status, self.bytes).as_bytes(),
            &value(&self.referer),
            b"\" \"",
            &value(&self.agent),
            format!("\" {} {upstream}", seconds(self.total_ms)).as_bytes(),
        ]
        .concat()
    }
}

proptest! {
    #[test]
    fn escaped_lines_are_read_whatever_they_hold(served in served(), json: bool) {
        let escape = if json { Escape::Json } else { Escape::Default };
        let line = served.line(escape);
        let format = compile_with(TIMED, escape);
        let record = match format.parser(0).parse(&line) {
            Line::Record(record) => record,
            // Only the user name is unquoted, and only escape=json leaves room for a second reading.
            Line::Reject(Reject { kind: RejectKind::Ambiguous, .. }) if json => return Ok(()),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        prop_assert_eq!(record.client, client(served.address));
        prop_assert_eq!(record.end_us, served.at.0 * 1_000_000);
        prop_assert_eq!(record.status, Some(served.status));
        prop_assert_eq!(record.bytes_sent, Some(served.bytes));
        prop_assert_eq!(record.latency_us, Some(u64::from(served.total_ms) * 1_000));
        prop_assert_eq!(record.upstream_us, served.upstream_ms.map(|ms| u64::from(ms) * 1_000));
        let present = |value: &Option<Vec<u8>>| {
            Some(escaped(value.as_deref(), escape)).filter(|text| !text.is_empty() && (json || text != b"-"))
        };
        prop_assert_eq!(record.referer.map(<[u8]>::to_vec), present(&served.referer));
        prop_assert_eq!(record.user_agent.map(<[u8]>::to_vec), present(&served.agent));
        prop_assert_eq!(record.remote_user.map(<[u8]>::to_vec), present(&served.user));
        prop_assert!(!record.truncated);
    }

    #[test]
    fn unescaped_lines_are_right_or_ambiguous(served in served()) {
        let line = served.line(Escape::None);
        match compile_with(TIMED, Escape::None).parser(0).parse(&line) {
            Line::Record(record) => {
                prop_assert_eq!(record.client, client(served.address));
                prop_assert_eq!(record.end_us, served.at.0 * 1_000_000);
                prop_assert_eq!(record.status, Some(served.status));
                prop_assert_eq!(record.bytes_sent, Some(served.bytes));
                prop_assert_eq!(record.latency_us, Some(u64::from(served.total_ms) * 1_000));
            }
            other => prop_assert!(matches!(other, Line::Reject(Reject { kind: RejectKind::Ambiguous, .. })), "{:?}", other),
        }
    }

    #[test]
    fn every_cut_is_a_record_of_what_was_whole_or_a_reject(served in served(), cut: prop::sample::Index) {
        let line = served.line(Escape::Default);
        let cut = cut.index(line.len());
        let format = compile(TIMED);
        match format.parser(0).parse(&line[..cut]) {
            // Nothing tells a cut last number from a shorter one.
            Line::Record(_) if !line[cut..].contains(&b' ') && line[cut - 1] != b' ' => {}
            Line::Record(record) => {
                prop_assert!(record.truncated);
                prop_assert_eq!(record.client, client(served.address));
                prop_assert_eq!(record.end_us, served.at.0 * 1_000_000);
                prop_assert_eq!(record.status, Some(served.status));
                prop_assert!(record.bytes_sent.is_none_or(|bytes| bytes == served.bytes));
                prop_assert!(record.latency_us.is_none_or(|us| us == u64::from(served.total_ms) * 1_000));
                prop_assert!(record.upstream_us.is_none());
            }
            Line::Reject(reject) => prop_assert!(reject.byte <= cut),
            Line::Blank => prop_assert_eq!(cut, 0),
            Line::Event(event) => prop_assert!(false, "{:?}", event),
        }
    }

    #[test]
    fn json_with_quoted_values_is_never_ambiguous(served in served(), host in "[a-z.]{1,9}") {
        let escape = |value: &Option<Vec<u8>>| escaped(value.as_deref(), Escape::Json);
        let upstream = served.upstream_ms.map_or(String::new(), seconds);
        let date = clf_date((served.at.0, 0));
        let year = &date[7..11];
        let time = jiff::Timestamp::from_second(served.at.0).unwrap().strftime("%m-%dT%H:%M:%S+00:00").to_string();
        let line = [
            format!("{{\"time\":\"{year}-{time}\",\"client\":\"{}\",\"user\":\"", served.address).as_bytes(),
            &escape(&served.user),
            b"\",\"request\":\"",
            &escaped(Some(&served.request), Escape::Json),
            format!("\",\"status\":{:03},\"bytes\":{},\"rt\":,\"urt\":\"{upstream}\",\"ua\":\"", served.status, served.bytes).as_bytes(),
            &escape(&served.agent),
            format!("\",\"host\":\"{host}\"}}").as_bytes(),
        ]
        .concat();
        let format = compile_with(JSON, Escape::Json);
        let record = record(&format, &line);
        prop_assert_eq!(record.client, client(served.address));
        prop_assert_eq!(record.end_us, served.at.0 * 1_000_000);
        prop_assert_eq!(record.status, Some(served.status));
        prop_assert_eq!(record.bytes_sent, Some(served.bytes));
        prop_assert_eq!(record.latency_us, None);
        prop_assert_eq!(text(record.site), Some(host.as_str()));
        prop_assert_eq!(record.upstream_us, served.upstream_ms.map(|ms| u64::from(ms) * 1_000));
    }
}

const LINE: &str = r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.1" 200 5 "-" "-""#;

#[test]
fn a_forged_user_name_moves_nothing() {
    let line = LINE.replace("- - [", r#"- x - 198.51.100.9 - - [10/Oct/1999:00:00:00 +0000] GET / [ ] - ["#);
    let format = compile("combined");
    let record = record(&format, line.as_bytes());
    assert_eq!(record.client, Client::Ip("192.0.2.1".parse().unwrap()));
    assert_eq!(record.end_us, 971_211_336_000_000);
    assert_eq!(
        text(record.remote_user),
        Some("x - 198.51.100.9 - - [10/Oct/1999:00:00:00 +0000] GET / [ ] -")
    );
    assert_eq!(text(record.target), Some("/a?b"));
}

#[test]
fn a_list_of_addresses_in_front_ends_where_the_rest_fits() {
    let behind = r#"- $remote_user [$time_local] "$request" $status"#;
    let behind_line = r#"[10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200"#;
    let format = compile(&format!("$http_x_forwarded_for {behind}"));
    for (start, user) in [("203.0.113.7, 192.0.2.1 - -", None), ("- - frank", Some("frank"))] {
        let line = format!("{start} {behind_line}");
        assert_eq!(text(record(&format, line.as_bytes()).remote_user), user, "{line}");
    }
    // What the client sent holds a peer's address and a user.
    let format = compile(&format!("$http_x_forwarded_for $remote_addr {behind}"));
    let line = format!("203.0.113.7 198.51.100.1 - x 192.0.2.1 - - {behind_line}");
    let reject = Reject::new(RejectKind::Ambiguous, 0);
    assert_eq!(format.parser(0).parse(line.as_bytes()), Line::Reject(reject));
}

#[test]
fn requests_come_in_every_shape() {
    let cases = [
        ("GET / HTTP/1.1", Some("GET"), Some("/"), Some("HTTP/1.1")),
        ("GET / HTTP/2", Some("GET"), Some("/"), Some("HTTP/2")),
        ("GET /a b HTTP/1.0", Some("GET"), Some("/a b"), Some("HTTP/1.0")),
        ("GET /", Some("GET"), Some("/"), None),
        (
            "PROPFIND http://example.com/ HTTP/1.1",
            Some("PROPFIND"),
            Some("http://example.com/"),
            Some("HTTP/1.1"),
        ),
        ("CONNECT example.com:443 HTTP/1.1", Some("CONNECT"), Some("example.com:443"), Some("HTTP/1.1")),
        ("geti / HTTP/1.1", Some("geti"), Some("/"), Some("HTTP/1.1")),
        ("PRI * HTTP/2.0", None, None, None),
        (r"\x16\x03\x01\x00\xEE", None, None, None),
        ("hello there", None, None, None),
        ("-", None, None, None),
        ("", None, None, None),
    ];
    let format = compile("combined");
    for (request, method, target, protocol) in cases {
        let line = LINE.replace("GET /a?b HTTP/1.1", request);
        let record = record(&format, line.as_bytes());
        assert_eq!(
            (text(record.method), text(record.target), text(record.protocol)),
            (method, target, protocol)
        );
        let present = !matches!(request, "" | "-");
        assert_eq!(text(record.request), present.then_some(request));
    }
}

#[test]
fn upstream_lists_add_up() {
    let format = compile(concat!(
        "$time_local $upstream_addr $upstream_response_time $upstream_connect_time $upstream_header_time ",
        "$upstream_status $upstream_cache_status"
    ));
    let date = "10/Oct/2000:13:55:36 -0700";
    let cases = [
        ("192.0.2.1:80 0.012 0.001 0.010 200 HIT", Some(12_000), Some("192.0.2.1:80"), Some(0)),
        (
            "192.0.2.1:80, 192.0.2.2:80 0.012, 0.034 0.001, 0.001 0.010, 0.010 502, 200 MISS",
            Some(46_000),
            Some("192.0.2.2:80"),
            Some(1),
        ),
        (
            "192.0.2.1:80, unix:/run/a.sock : 192.0.2.3:80 0.012, - : 0.001 - - - -, - : 200 -",
            Some(13_000),
            Some("192.0.2.3:80"),
            Some(1),
        ),
        ("192.0.2.1:80 :  0.012 :  - - 200 :  STALE", Some(12_000), Some("192.0.2.1:80"), Some(0)),
        ("- - - - - -", None, None, None),
    ];
    for (values, upstream_us, server, retries) in cases {
        let line = format!("{date} {values}");
        let record = record(&format, line.as_bytes());
        assert_eq!(record.upstream_us, upstream_us, "{line}");
        assert_eq!(text(record.server), server, "{line}");
        assert_eq!(record.retries, retries, "{line}");
        let word = values.rsplit(' ').next().unwrap();
        assert_eq!(record.cache.map(CacheStatus::name), Some(word).filter(|word| *word != "-"), "{line}");
    }
}

#[test]
fn any_format_string_compiles_and_says_what_it_fills() {
    let ingress = concat!(
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "#,
        "$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr ",
        "$upstream_response_length $upstream_response_time $upstream_status $req_id"
    );
    let format = compile(ingress);
    let fields = format.fields();
    assert!(fields.latency && fields.upstream && fields.server && fields.user_agent && !fields.site);
    let line = concat!(
        r#"192.0.2.1 - - [07/Feb/2020:12:02:42 +0000] "GET /v2 HTTP/1.1" 200 61 "-" "curl" 348 0.001 [default-web2-8080] [] "#,
        "192.0.2.6:8080, 192.0.2.7:8080 61, 100 0.100, 0.004 200, 203 835136ae24486dbb4156dcbe21f5d402"
    );
    let record = record(&format, line.as_bytes());
    assert_eq!(
        (record.latency_us, record.upstream_us, record.retries),
        (Some(1_000), Some(104_000), Some(1))
    );
    assert_eq!(text(record.server), Some("192.0.2.7:8080"));
}

#[test]
fn the_better_of_two_variables_wins() {
    let format = compile("$time_local $msec $host $server_name $body_bytes_sent $bytes_sent ${status}x");
    let line = b"10/Oct/2000:13:55:36 +0000 971211336.123 a.example b.example 5 105 200x";
    let record = record(&format, line);
    assert_eq!(record.end_us, 971_211_336_123_000);
    assert_eq!(text(record.site), Some("b.example"));
    assert_eq!((record.bytes_sent, record.status), (Some(105), Some(200)));
}

#[test]
fn rejects_say_what_and_where() {
    let cases = [
        (r#"192.0.2.1 - - [10/Foo/2000:13:55:36 -0700] "#, RejectKind::Date, 15),
        (r#"192.0.2.1 - - [30/Feb/2000:13:55:36 -0700] "#, RejectKind::Date, 15),
        (r#"192.0.2.1 - - [10/Oct/2000:24:55:36 -0700] "#, RejectKind::Date, 15),
        (r#"192.0.2.256 - - [10/Oct/2000:13:55:36 -0700] "#, RejectKind::Client, 0),
        (r#"192.0.02.1 - - [10/Oct/2000:13:55:36 -0700] "#, RejectKind::Client, 0),
        (r#"192.0.2.1 = - [10/Oct/2000:13:55:36 -0700] "#, RejectKind::Shape, 10),
        (
            r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 2x0 5 "-" "-""#,
            RejectKind::Status,
            60,
        ),
        (
            r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 x "-" "-""#,
            RejectKind::Number,
            64,
        ),
        (
            r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 18446744073709551616 "-" "-""#,
            RejectKind::Number,
            64,
        ),
        (
            r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "-" more"#,
            RejectKind::Shape,
            73,
        ),
        (r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 20"#, RejectKind::Cut, 62),
        ("192.0.2.1", RejectKind::Cut, 9),
    ];
    let format = compile("combined");
    for (line, kind, byte) in cases {
        let line = if line.ends_with("] ") { format!("{line}{}", &LINE[43..]) } else { line.to_owned() };
        let Line::Reject(reject) = format.parser(0).parse(line.as_bytes()) else {
            panic!("a record: {line}")
        };
        assert_eq!((reject.kind, reject.byte), (kind, byte), "{line}");
    }
    assert_eq!(format.parser(0).parse(b" \t\r"), Line::Blank);
}

#[test]
fn clients_are_addresses_in_canonical_form_or_names() {
    let ip = |text: &str| Client::Ip(text.parse().unwrap());
    let cases = [
        ("192.0.2.1", ip("192.0.2.1")),
        ("255.255.255.255", ip("255.255.255.255")),
        ("::ffff:192.0.2.1", ip("192.0.2.1")),
        ("2001:DB8:0:0::1", ip("2001:db8::1")),
        ("unix:", Client::Name(b"unix:")),
        ("host.example.com", Client::Name(b"host.example.com")),
        ("-", Client::Unknown),
    ];
    let format = compile("combined");
    for (address, client) in cases {
        let line = LINE.replace("192.0.2.1", address);
        assert_eq!(record(&format, line.as_bytes()).client, client);
    }
}

#[test]
fn a_leap_second_stays_in_its_hour_and_far_dates_are_dates() {
    let format = compile("combined");
    let cases = [
        ("31/Dec/2016:23:59:60 +0000", 1_483_228_799),
        ("01/Jan/0001:00:00:00 +0000", -62_135_596_800),
        ("28/Feb/1900:23:59:59 +0000", -2_203_891_201),
        ("19/Jan/2038:03:14:08 +0000", 2_147_483_648),
        ("30/Dec/9999:12:00:00 +0000", 253_402_171_200),
    ];
    for (date, seconds) in cases {
        let line = LINE.replace("10/Oct/2000:13:55:36 -0700", date);
        assert_eq!(record(&format, line.as_bytes()).end_us, seconds * 1_000_000, "{date}");
    }
}

#[test]
fn a_list_does_not_run_into_what_a_client_wrote() {
    let error = |string: &str| Format::compile(string, &Options::default()).err();
    for between in [",", " :", ", ", " : "] {
        let string = format!("[$time_local] $upstream_response_time{between}$http_user_agent");
        assert_eq!(error(&string), Some(FormatError::Adjacent { at: 14 }), "{between:?}");
    }
    // Nothing a server writes begins with a space.
    assert_eq!(error("[$time_local],$upstream_response_time,$request_time,$upstream_addr,$status"), None);
    assert_eq!(error(r#"[$time_local],$upstream_response_time,"$http_user_agent""#), None);
}
