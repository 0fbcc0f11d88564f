//! HAProxy lines: what is rendered is what is read, behind every prefix.

mod common;

use common::{address, client, compile, encoded, hostile, record, text};
use jiff::tz::TimeZone;
use logstat_parsers::{
    CacheStatus, Client, EventKind, Format, Line, Options, Reject, RejectKind, ServerState, Tells,
};
use proptest::prelude::*;

const PREFIXES: [&str; 15] = [
    "",
    "<134>",
    "Feb  6 12:14:14 localhost haproxy[14389]: ",
    "<134>Feb 06 12:14:14 192.0.2.7 haproxy[14389]: ",
    "Feb 26 12:14:14 haproxy[14389]: ",
    "Feb 26 12:14:14 lb haproxy: ",
    "<134>1 2026-11-20T13:00:00.123456+01:00 lb haproxy 14389 - - ",
    "<134>1 2026-11-20T13:00:00Z lb haproxy - - [id a=\"x\\\"]\"][b] \u{feff}",
    "1 - - - - - - ",
    "2026-11-20T13:00:00.123456+01:00 lb haproxy[14389]: ",
    "2026-11-20T13:00:00+0100 lb haproxy[14389]: ",
    "2026-11-20T13:00:00.5Z ",
    "<6>2026-11-20T13:00:00.123456-11:30 ",
    "2026-11-20T13:00:00.123456789Z stdout F ",
    "2026-11-20 13:00:00+01:00 lb haproxy[1]: ",
];

const LINE: &str = r#"192.0.2.1:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1""#;

/// A session as HAProxy's httplog tells it.
#[derive(Debug, Clone)]
struct Session {
    address: std::net::IpAddr,
    port: u16,
    start_ms: i64,
    timers: [i32; 4],
    total: u32,
    status: Option<u16>,
    bytes: u64,
    cookie: Option<Vec<u8>>,
    retries: (bool, u8),
    captures: Option<Vec<Vec<u8>>>,
    request: Vec<u8>,
}

prop_compose! {
    fn session()(
        address in address(),
        port: u16,
        start_ms in 0i64..4_000_000_000_000,
        timers in prop::array::uniform4(-1i32..100_000),
        total: u32,
        status in prop::option::of(100u16..600),
        bytes: u64,
        cookie in prop::option::of(hostile()),
        retries: (bool, u8),
        captures in prop::option::of(prop::collection::vec(hostile(), 1..4)),
        request in hostile(),
    ) -> Session {
        Session { address, port, start_ms, timers, total, status, bytes, cookie, retries, captures, request }
    }
}

impl Session {
    fn line(&self, prefix: &str) -> Vec<u8> {
        let date = jiff::Timestamp::from_millisecond(self.start_ms).unwrap();
        let date = date.to_zoned(TimeZone::UTC).strftime("%d/%b/%Y:%H:%M:%S.%3f").to_string();
        let [tr, tw, tc, t_response] = self.timers;
        let status = self.status.map_or("-1".to_owned(), |status| status.to_string());
        let plus = if self.retries.0 { "+" } else { "" };
        let cookie = self.cookie.as_ref().map_or(b"-".to_vec(), |value| {
            [
                b"SERVERID=".as_slice(),
                &value.iter().copied().filter(|byte| *byte >= b' ').collect::<Vec<u8>>(),
            ]
            .concat()
        });
        let captures = self.captures.as_ref().map_or(Vec::new(), |values| {
            let values: Vec<Vec<u8>> = values.iter().map(|value| encoded(value, b"\"#{|}")).collect();
            [b"{".as_slice(), &values.join(&b'|'), b"} "].concat()
        });
        [
            format!(
                "{prefix}{}:{} [{date}] www~ app/s1 {tr}/{tw}/{tc}/{t_response}/{} {status} {} ",
                self.address, self.port, self.total, self.bytes
            )
            .as_bytes(),
            &cookie,
            format!(" - --VN 9/8/7/6/{plus}{} 1/2 ", self.retries.1).as_bytes(),
            &captures,
            b"\"",
            &encoded(&self.request, b"\"#"),
            b"\"",
        ]
        .concat()
    }
}

proptest! {
    #[test]
    fn what_is_logged_is_read(session in session(), prefix in prop::sample::select(PREFIXES.to_vec())) {
        let line = session.line(prefix);
        let format = compile("haproxy-http");
        let record = match format.parser(0).parse(&line) {
            Line::Record(record) => record,
            Line::Reject(Reject { kind: RejectKind::Ambiguous, .. }) if session.cookie.is_some() => return Ok(()),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        let timer = |ms: i32| u64::try_from(ms).ok().map(|ms| ms * 1_000);
        prop_assert_eq!(record.client, client(session.address));
        prop_assert_eq!(record.end_us, (session.start_ms + i64::from(session.total)) * 1_000);
        prop_assert_eq!(record.status, session.status);
        prop_assert_eq!(record.bytes_sent, Some(session.bytes));
        prop_assert_eq!(record.latency_us, Some(u64::from(session.total) * 1_000));
        prop_assert_eq!(record.queue_us, timer(session.timers[1]));
        prop_assert_eq!(record.connect_us, timer(session.timers[2]));
        prop_assert_eq!(record.response_us, timer(session.timers[3]));
        let upstream = timer(session.timers[2]).zip(timer(session.timers[3])).map(|(connect, response)| connect + response);
        prop_assert_eq!(record.upstream_us, upstream);
        prop_assert_eq!((record.redispatched, record.retries), (session.retries.0, Some(session.retries.1.into())));
        prop_assert_eq!((text(record.site), text(record.backend), text(record.server)), (Some("www"), Some("app"), Some("s1")));
        prop_assert_eq!(text(record.termination), Some("--VN"));
        prop_assert!(record.tls && !record.truncated);
        let request = encoded(&session.request, b"\"#");
        prop_assert_eq!(record.request, Some(request.as_slice()).filter(|line| !matches!(*line, b"" | b"-")));
    }

    #[test]
    fn a_cut_line_keeps_what_was_whole(session in session(), cut: prop::sample::Index) {
        let session = Session { cookie: None, ..session };
        let line = session.line("");
        let cut = cut.index(line.len());
        match compile("haproxy-http").parser(0).parse(&line[..cut]) {
            Line::Record(record) => {
                prop_assert!(record.truncated);
                prop_assert_eq!(record.client, client(session.address));
                prop_assert_eq!(record.end_us, (session.start_ms + i64::from(session.total)) * 1_000);
                prop_assert_eq!(record.status, session.status);
                prop_assert!(record.bytes_sent.is_none_or(|bytes| bytes == session.bytes));
                prop_assert!(record.retries.is_none_or(|retries| retries == session.retries.1.into()));
            }
            Line::Reject(reject) => prop_assert!(reject.byte <= cut),
            Line::Blank => prop_assert_eq!(cut, 0),
            Line::Event(event) => prop_assert!(false, "{:?}", event),
        }
    }
}

#[test]
fn every_prefix_leads_to_the_same_record() {
    let format = compile("haproxy-http");
    let bare = record(&format, LINE.as_bytes());
    assert_eq!(bare.end_us, 1_233_922_454_764_000);
    for prefix in PREFIXES {
        let line = format!("{prefix}{LINE}");
        assert_eq!(record(&format, line.as_bytes()), bare, "{prefix}");
    }
}

#[test]
fn missing_values_are_missing() {
    let format = compile("haproxy-http");
    let line = r#"192.0.2.1:51940 [18/Jul/2011:17:05:24.339] http-in~ http-in/<NOSRV> -1/-1/-1/-1/+6001 -1 +212 - - cR-- 100/89/0/0/+3 0/0 "<BADREQ>""#;
    let record = record(&format, line.as_bytes());
    assert_eq!((record.status, record.server, record.request, record.method), (None, None, None, None));
    assert_eq!(
        (record.queue_us, record.connect_us, record.response_us, record.upstream_us),
        (None, None, None, None)
    );
    assert_eq!((record.latency_us, record.bytes_sent), (Some(6_001_000), Some(212)));
    assert_eq!((record.retries, record.redispatched), (Some(3), true));
    assert_eq!(record.end_us, 1_311_008_730_340_000);
}

#[test]
fn applets_quotes_and_unix_clients() {
    let format = compile("haproxy-http");
    let cached = LINE.replace("srv1", "<CACHE>");
    let cached = record(&format, cached.as_bytes());
    assert_eq!((text(cached.server), cached.cache), (Some("<CACHE>"), Some(CacheStatus::Hit)));
    let escaped = LINE.replace('"', "\\\"");
    assert_eq!(text(record(&format, escaped.as_bytes()).request), Some("GET /index.html HTTP/1.1"));
    let raw_quotes = LINE.replace("/index.html", "/a\"b\"");
    assert_eq!(text(record(&format, raw_quotes.as_bytes()).target), Some("/a\"b\""));
    let unix = LINE.replace("192.0.2.1:33317", "unix:1");
    assert_eq!(record(&format, unix.as_bytes()).client, Client::Name(b"unix:1"));
    let ipv6 = LINE.replace("192.0.2.1", "::ffff:192.0.2.1");
    assert_eq!(record(&format, ipv6.as_bytes()).client, Client::Ip("192.0.2.1".parse().unwrap()));
    let no_captures = LINE.replace("{1wt.eu} {} ", "");
    assert!(!record(&format, no_captures.as_bytes()).truncated);
}

#[test]
fn tcp_and_https_lines() {
    let tcp = "192.0.2.1:40962 [20/Sep/2018:15:44:23.285] main app/<NOSRV> -1/-1/17 212 SC 1/1/0/0/0 0/0";
    let format = compile("haproxy-tcp");
    let session = record(&format, tcp.as_bytes());
    assert_eq!(
        (session.latency_us, session.bytes_sent, text(session.termination)),
        (Some(17_000), Some(212), Some("SC"))
    );
    assert_eq!(session.end_us, 1_537_458_263_302_000);
    let https = format!("{LINE} 0/0000000000000000/0/0/0 a b/c.example/TLSv1.3/TLS_AES_128_GCM_SHA256");
    let format = compile("haproxy-https");
    assert_eq!(text(record(&format, https.as_bytes()).protocol), Some("HTTP/1.1"));
    assert!(matches!(
        compile("haproxy-http").parser(0).parse(https.as_bytes()),
        Line::Reject(Reject { kind: RejectKind::Shape, .. })
    ));
}

#[test]
fn the_clf_format_of_haproxy_compiles() {
    let format = compile(
        r#"%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl"#,
    );
    let line = r#"192.0.2.1 - - [06/Feb/2009:12:14:14 +0000] "GET / HTTP/1.1" 200 2750 "" "" 33317 655 "http-in" "static" "srv1" 10 0 30 69 109 ---- 1 1 1 1 0 0 0 "" "" "a" "b""#;
    let record = record(&format, line.as_bytes());
    assert_eq!(
        (text(record.site), text(record.backend), text(record.server)),
        (Some("http-in"), Some("static"), Some("srv1"))
    );
    assert_eq!((record.latency_us, record.queue_us, record.status), (Some(109_000), Some(0), Some(200)));
    assert_eq!(record.end_us, 1_233_922_454_109_000);
}

#[test]
fn a_cookie_that_forges_a_line_is_ambiguous() {
    let format = compile("haproxy-http");
    let forged = LINE.replace("- - ----", "SERVERID=x - ---- 1/1/1/1/0 0/0 \"GET /fake HTTP/1.1\" - ----");
    assert!(matches!(
        format.parser(0).parse(forged.as_bytes()),
        Line::Reject(Reject { kind: RejectKind::Ambiguous, .. })
    ));
    let spaces = LINE.replace("- - ----", "SERVERID=x y - --VN");
    assert_eq!(text(record(&format, spaces.as_bytes()).termination), Some("--VN"));
    // Without a captured cookie, a request cannot make its own line ambiguous.
    let request = LINE.replace("/index.html", "/ - ---- 1/1/1/1/0 0/0 ");
    assert_eq!(text(record(&format, request.as_bytes()).target), Some("/ - ---- 1/1/1/1/0 0/0 "));
}

#[test]
fn messages_are_events() {
    let cases = [
        (
            "Server bk/s1 is DOWN, reason: Layer4 timeout, check duration: 2001ms. 1 active and 0 backup servers left.",
            EventKind::ServerDown,
            Some("bk"),
            Some("s1"),
        ),
        (
            "Backup Server bk/s1 is UP, reason: Layer7 check passed, code: 200, info: \"OK\", check duration: 3ms.",
            EventKind::ServerUp,
            Some("bk"),
            Some("s1"),
        ),
        (
            "Server bk/s1 is going DOWN for maintenance. 1 active and 0 backup servers left.",
            EventKind::ServerState,
            Some("bk"),
            Some("s1"),
        ),
        ("Server bk/s1 enters drain state.", EventKind::ServerState, Some("bk"), Some("s1")),
        (
            "Health check for server bk/s1 failed, reason: Layer4 timeout, status: 0/2 DOWN.",
            EventKind::HealthCheck,
            Some("bk"),
            Some("s1"),
        ),
        (
            "Agent check for backup server bk/s1 succeeded, status: 3/3 UP.",
            EventKind::HealthCheck,
            Some("bk"),
            Some("s1"),
        ),
        ("backend bk has no server available!", EventKind::NoServer, Some("bk"), None),
        ("Proxy www started.", EventKind::Proxy, Some("www"), None),
        ("Proxy www stopped (cumulated conns: FE: 1, BE: 0).", EventKind::Proxy, Some("www"), None),
        ("Paused frontend www.", EventKind::Proxy, Some("www"), None),
        (
            "192.0.2.1:5 [06/Feb/2009:12:14:14.655] www/2: SSL handshake failure",
            EventKind::ConnectionError,
            Some("www"),
            None,
        ),
        (
            "unknown [06/Feb/2009:12:14:14.655] www/tls: Connection closed during SSL handshake",
            EventKind::ConnectionError,
            Some("www"),
            None,
        ),
        ("Connect from 192.0.2.1:33312 to 192.0.2.31:8012 (www/HTTP)", EventKind::Other, None, None),
    ];
    let format = compile("haproxy-http");
    for (message, kind, backend, server) in cases {
        let line = format!("<134>Feb  6 12:14:13 localhost haproxy[14389]: {message}");
        let Line::Event(event) = format.parser(1_233_900_000_000_000).parse(line.as_bytes()) else {
            panic!("no event: {line}");
        };
        assert_eq!((event.kind, text(event.backend), text(event.server)), (kind, backend, server), "{line}");
        assert_eq!(text(Some(event.message)), Some(message));
        let own_date = message.contains("[06/Feb");
        assert_eq!(
            event.at_us,
            Some(if own_date { 1_233_922_454_655_000 } else { 1_233_922_453_000_000 }),
            "{line}"
        );
    }
    let line = b"Feb  6 12:14:13 localhost haproxy[14389]: something of nobody's";
    assert!(matches!(format.parser(0).parse(line), Line::Reject(_)));
}

/// What a message tells, and why, where it is about server s1 of backend bk.
#[track_caller]
fn tells(message: &str) -> (Option<Tells>, Option<&str>) {
    let Line::Event(event) = compile("haproxy-http").parser(0).parse(message.as_bytes()) else {
        panic!("no event: {message}");
    };
    assert_eq!(text(event.backend), Some("bk"), "{message}");
    assert!(text(event.server).is_none_or(|server| server == "s1"), "{message}");
    (event.tells, event.reason.map(|reason| std::str::from_utf8(reason).unwrap()))
}

#[test]
fn messages_of_every_version_tell_a_servers_state() {
    use ServerState::{Down, Drain, Maintenance, Stopping, Up};
    let left = ". 1 active and 0 backup servers left. Running on backup. 2 sessions active, 0 requeued, 0 remaining in queue.";
    let online = ". 2 active and 1 backup servers online. 0 sessions requeued, 0 total in queue.";
    let cases = [
        ("is DOWN, reason: Layer4 timeout, check duration: 2001ms", Up, Down, Some("Layer4 timeout")),
        (
            "is DOWN, reason: Layer7 wrong status, code: 500, info: \"2 active and 3. Error\", check duration: 14ms",
            Up,
            Down,
            Some("Layer7 wrong status, code: 500, info: \"2 active and 3. Error\""),
        ),
        ("is DOWN, changed from CLI", Up, Down, Some("changed from CLI")),
        ("is DOWN via other/s9", Up, Down, Some("via other/s9")),
        ("is DOWN", Up, Down, None),
        ("is UP, reason: Layer6 check passed, check duration: 0ms", Down, Up, Some("Layer6 check passed")),
        ("is UP", Down, Up, None),
        (
            "is stopping, reason: Layer7 check conditionally passed, code: 404",
            Up,
            Stopping,
            Some("Layer7 check conditionally passed, code: 404"),
        ),
        ("is going DOWN for maintenance", Up, Maintenance, None),
        ("is going DOWN for maintenance (No IP for server )", Up, Maintenance, Some("No IP for server")),
        ("is DOWN for maintenance", Up, Maintenance, None),
        ("was DOWN and now enters maintenance (DNS NX status)", Down, Maintenance, Some("DNS NX status")),
        ("is UP/READY (leaving forced maintenance)", Maintenance, Up, Some("leaving forced maintenance")),
        ("is UP/DRAIN (leaving maintenance)", Maintenance, Drain, Some("leaving maintenance")),
        ("is DOWN/READY (leaving maintenance)", Maintenance, Down, Some("leaving maintenance")),
        ("is UP (leaving maintenance)", Maintenance, Up, Some("leaving maintenance")),
        ("is UP (leaving forced maintenance)", Maintenance, Up, Some("leaving forced maintenance")),
        ("('www.example.com') is UP/READY (resolves again)", Maintenance, Up, Some("resolves again")),
        ("('www.example.com') resolves again but remains in maintenance", Maintenance, Maintenance, None),
        (
            "is leaving forced maintenance but remains in maintenance via other/s9",
            Maintenance,
            Maintenance,
            Some("via other/s9"),
        ),
        ("remains in forced maintenance", Maintenance, Maintenance, None),
        ("enters drain state", Up, Drain, None),
        ("enters drain state ('stop' on stats page)", Up, Drain, Some("'stop' on stats page")),
        ("is UP (leaving forced drain)", Drain, Up, Some("leaving forced drain")),
        ("is DOWN (leaving drain)", Drain, Down, Some("leaving drain")),
        ("remains in forced drain mode", Drain, Drain, None),
    ];
    for (message, from, to, reason) in cases {
        for after in [".", left, online] {
            for backup in ["", "Backup "] {
                let message = format!("{backup}Server bk/s1 {message}{after}");
                assert_eq!(tells(&message), (Some(Tells::Changed { from, to }), reason), "{message}");
            }
        }
    }
}

#[test]
fn other_messages_tell_of_servers_too() {
    let changed = |from, to| (Some(Tells::Changed { from, to }), None);
    let (up, stopping) = (ServerState::Up, ServerState::Stopping);
    assert_eq!(tells("Load-balancing on Backup Server bk/s1 is disabled."), changed(up, stopping));
    assert_eq!(tells("Load-balancing on Server bk/s1 is enabled again."), changed(stopping, up));
    assert_eq!(
        tells("SIGHUP: Server bk/s1 is DOWN. Conn: 1 act, 0 pend, 12 tot."),
        (Some(Tells::Stands(ServerState::Down)), None)
    );
    assert_eq!(
        tells(
            "Health check for server bk/s1 failed, reason: Layer7 timeout, info: \", status: x\", check duration: 2001ms, status: 0/2 DOWN."
        ),
        (Some(Tells::Checked), Some("Layer7 timeout, info: \", status: x\""))
    );
    for (message, what) in [
        ("backend bk has no server available!", Some(Tells::NoServer)),
        ("proxy bk has no server available!", Some(Tells::NoServer)),
        (
            "SIGHUP: Proxy bk has no server available ! Conn: act(FE+BE): 0+0, 0 pend (0 unass), tot(FE+BE): 1+1.",
            Some(Tells::NoServer),
        ),
        ("SIGHUP: Proxy bk has 2 active servers and 0 backup servers available. Conn: act(FE+BE): 0+0", None),
        ("Proxy bk started.", Some(Tells::Started)),
        ("Proxy bk stopped (cumulated conns: FE: 0, BE: 10).", Some(Tells::Stopped)),
        ("Proxy bk hard-stopped (3 remaining conns will be closed).", None),
        ("Proxy bk reached process FD limit (maxsock=1024). Please check 'ulimit-n' and restart.", None),
        ("Server bk/s1 administratively READY thanks to valid DNS answer.", None),
        ("Backend bk failed to enter pause mode.", None),
    ] {
        assert_eq!(tells(message), (what, None), "{message}");
    }
}

#[test]
fn a_date_without_year_takes_the_nearest() {
    let at = |line: &str, reference: &str| {
        let reference: jiff::Timestamp = reference.parse().unwrap();
        match compile("haproxy-http").parser(reference.as_microsecond()).parse(line.as_bytes()) {
            Line::Event(event) => {
                jiff::Timestamp::from_microsecond(event.at_us.unwrap()).unwrap().to_string()
            }
            other => panic!("{other:?}"),
        }
    };
    let december = "Dec 31 23:59:59 lb haproxy[1]: Proxy www started.";
    assert_eq!(at(december, "2027-01-02T00:00:00Z"), "2026-12-31T23:59:59Z");
    assert_eq!(at(december, "2026-12-31T23:00:00Z"), "2026-12-31T23:59:59Z");
    let leap_day = "Feb 29 12:00:00 lb haproxy[1]: Proxy www started.";
    assert_eq!(at(leap_day, "2027-01-02T00:00:00Z"), "2028-02-29T12:00:00Z");
}

#[test]
fn zoneless_dates_follow_the_configured_zone() {
    let options = Options { timezone: TimeZone::get("Europe/Berlin").unwrap(), ..Options::default() };
    let format = Format::compile("haproxy-http", &options).unwrap();
    let end = |date: &str| {
        let line = LINE.replace("06/Feb/2009:12:14:14.655", date).replace("/109 ", "/0 ");
        jiff::Timestamp::from_microsecond(record(&format, line.as_bytes()).end_us).unwrap().to_string()
    };
    assert_eq!(end("06/Feb/2026:12:00:00.500"), "2026-02-06T11:00:00.5Z");
    assert_eq!(end("06/Jul/2026:12:00:00.500"), "2026-07-06T10:00:00.5Z");
    // 02:30 happens twice on this day, and the first of the two is taken; on the other it does not happen.
    assert_eq!(end("25/Oct/2026:02:30:00.000"), "2026-10-25T00:30:00Z");
    assert_eq!(end("29/Mar/2026:02:30:00.000"), "2026-03-29T01:30:00Z");
}
