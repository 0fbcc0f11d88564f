//! HAProxy's `log-format` language: aliases, flags, samples, JSON and captured headers.

mod common;

use common::{compile, encoded, hostile, record, text};
use jiff::tz::TimeZone;
use logstat_parsers::{Captures, Client, Format, FormatError, Line, Options, Reject, RejectKind};
use proptest::prelude::*;

/// What a sample or a cookie is under the flag `E`, or in JSON with `also` empty.
fn with_backslashes(value: &[u8], also: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in value {
        if matches!(byte, b'"' | b'\\') || also.contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

fn present(value: impl Into<Vec<u8>>) -> Option<Vec<u8>> {
    Some(value.into()).filter(|value| !matches!(value.as_slice(), b"" | b"-"))
}

fn capturing(request: &[&str], response: &[&str]) -> Options {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Options {
        captures: Captures { request: names(request), response: names(response) },
        ..Options::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn escaped_samples_are_read(agent in hostile(), path in hostile(), bytes: u64, ms in 0u32..100_000) {
        let format = compile(
            "%{+Q,+E}o %{-Q}ci [%trg] %[capture.req.method] %[path] %[req.hdr(User-Agent)] %ST %B %Ta %CC",
        );
        let line = [
            b"192.0.2.1 [20/Nov/2026:13:00:00 +0000] \"GET\" \"".as_slice(),
            &with_backslashes(&path, b"]"),
            b"\" \"",
            &with_backslashes(&agent, b"]"),
            format!("\" 200 {bytes} {ms} \"N=").as_bytes(),
            &with_backslashes(&agent, b"]"),
            b"\"",
        ]
        .concat();
        let record = record(&format, &line);
        prop_assert_eq!(record.target.map(<[u8]>::to_vec), present(with_backslashes(&path, b"]")));
        prop_assert_eq!(record.user_agent.map(<[u8]>::to_vec), present(with_backslashes(&agent, b"]")));
        prop_assert_eq!((record.status, record.bytes_sent), (Some(200), Some(bytes)));
        prop_assert_eq!(record.end_us, 1_795_179_600_000_000 + i64::from(ms) * 1_000);
    }

    #[test]
    fn raw_samples_are_read_or_ambiguous(agent in hostile(), bytes: u64) {
        let format = compile(r#"%ci [%trg] "%[req.hdr(user-agent)]" %ST %B"#);
        let line =
            [b"192.0.2.1 [20/Nov/2026:13:00:00 +0000] \"".as_slice(), &agent, format!("\" 200 {bytes}").as_bytes()]
                .concat();
        match format.parser(0).parse(&line) {
            Line::Record(record) => {
                prop_assert_eq!((record.status, record.bytes_sent), (Some(200), Some(bytes)));
                prop_assert_eq!(record.user_agent.map(<[u8]>::to_vec), present(agent));
            }
            other => prop_assert!(
                matches!(other, Line::Reject(Reject { kind: RejectKind::Ambiguous, .. })),
                "{:?}", other
            ),
        }
    }

    #[test]
    fn json_is_read(agent in hostile(), request in hostile(), bytes: u64, ms in 0u32..100_000) {
        let format = compile(concat!(
            "%{+json}o %(date)trl %(client)ci and %(ua)[capture.req.hdr(0)] %(host)[req.hdr(host)] %Tw %(status:str)ST ",
            "%(tls:bool)[ssl_fc] %(bytes)B %(Ta)Ta %(captured)hr %(r)r"
        ));
        let line = [
            b"{\"date\": \"20/Nov/2026:14:00:00 +0100\", \"client\": \"192.0.2.1\", \"ua\": \"".as_slice(),
            &with_backslashes(&agent, b""),
            b"\", \"host\": \"a\", \"status\": \"200\", \"tls\": true, \"bytes\": ",
            format!("{bytes}, \"Ta\": {ms}, \"captured\": null, \"r\": \"").as_bytes(),
            &with_backslashes(&encoded(&request, b"\"#"), b""),
            b"\"}",
        ]
        .concat();
        let record = record(&format, &line);
        prop_assert_eq!((record.status, record.bytes_sent), (Some(200), Some(bytes)));
        prop_assert_eq!(record.client, Client::Ip("192.0.2.1".parse().unwrap()));
        prop_assert_eq!(record.latency_us, Some(u64::from(ms) * 1_000));
        prop_assert_eq!(record.end_us, 1_795_179_600_000_000 + i64::from(ms) * 1_000);
        prop_assert_eq!(record.request.map(<[u8]>::to_vec), present(with_backslashes(&encoded(&request, b"\"#"), b"")));
    }

    #[test]
    fn captured_headers_are_read(agent in hostile(), host in hostile(), referer in hostile()) {
        let names = ["Host", "User-Agent", "", "referer"];
        let format = Format::compile("haproxy-http", &capturing(&names, &["Server"])).unwrap();
        let values = [host, agent.clone(), Vec::new(), referer.clone()].map(|value| encoded(&value, b"\"#{|}"));
        let line = [
            b"192.0.2.1:5 [20/Nov/2026:13:00:00.000] www~ app/s1 0/0/1/2/3 200 5 - - ---- 1/1/1/1/0 0/0 {".as_slice(),
            &values.join(&b'|'),
            b"} {nginx} \"GET / HTTP/1.1\"",
        ]
        .concat();
        let record = record(&format, &line);
        prop_assert_eq!(record.user_agent.map(<[u8]>::to_vec), present(values[1].clone()));
        prop_assert_eq!(record.referer.map(<[u8]>::to_vec), present(values[3].clone()));
        prop_assert_eq!((text(record.site), text(record.target)), (Some("www"), Some("/")));
    }
}

/// One line for each alias of HAProxy's documentation, 8.2.6, and those that are deprecated.
#[test]
fn every_alias_is_read() {
    let values = [
        ("B", "5"),
        ("CC", "-"),
        ("CS", "-"),
        ("H", "lb1"),
        ("HM", "GET"),
        ("HP", "/a"),
        ("HPO", "/a"),
        ("HQ", "?x=1"),
        ("HU", "/a?x=1"),
        ("HV", "HTTP/1.1"),
        ("ID", "7F:1"),
        ("OG", "txn_close"),
        ("ST", "200"),
        ("T", "20/Nov/2026:12:00:00 +0000"),
        ("Ta", "+3"),
        ("Tc", "-1"),
        ("Td", "1"),
        ("Th", "0"),
        ("Ti", "2"),
        ("Tl", "20/Nov/2026:13:00:00 +0100"),
        ("Tq", "3"),
        ("TR", "0"),
        ("Tr", "1"),
        ("Ts", "1795176000"),
        ("Tt", "4"),
        ("Tu", "4"),
        ("Tw", "0"),
        ("U", "9"),
        ("ac", "1"),
        ("b", "app"),
        ("bc", "1"),
        ("bi", "192.0.2.9"),
        ("bp", "4"),
        ("bq", "0"),
        ("ci", "192.0.2.1"),
        ("cp", "5"),
        ("f", "www"),
        ("fc", "1"),
        ("fi", "192.0.2.8"),
        ("fp", "443"),
        ("ft", "www~"),
        ("hr", "{a|b}"),
        ("hrl", "a b"),
        ("hs", "{}"),
        ("hsl", "-"),
        ("lc", "7"),
        ("ms", "0012"),
        ("pid", "88"),
        ("r", "GET / HTTP/1.1"),
        ("rc", "+1"),
        ("rt", "3"),
        ("s", "s1"),
        ("sc", "1"),
        ("si", "192.0.2.7"),
        ("sp", "80"),
        ("sq", "0"),
        ("sslc", "TLS_AES_128_GCM_SHA256"),
        ("sslv", "TLSv1.3"),
        ("t", "20/Nov/2026:13:00:00.001"),
        ("tr", "20/Nov/2026:13:00:00.001"),
        ("trg", "20/Nov/2026:12:00:00 +0000"),
        ("trl", "20/Nov/2026:13:00:00 +0100"),
        ("ts", "--"),
        ("tsc", "CDNN"),
        ("Bi", "-"),
        ("Bp", "-"),
        ("Ci", "192.0.2.1"),
        ("Cp", "5"),
        ("Fi", "-"),
        ("Fp", "-"),
        ("Si", "-"),
        ("Sp", "-"),
        ("cc", "-"),
        ("cs", "-"),
        ("st", "200"),
    ];
    for (alias, value) in values {
        let format = compile(&format!("%Ts %{alias} |%lc"));
        let space = if matches!(alias, "hr" | "hs") { "" } else { " " };
        let line = format!("1795176000 {value}{space}|1");
        record(&format, line.as_bytes());
        // Where a space follows captured headers, it is theirs.
        assert!(!record(&format, line.as_bytes()).truncated, "{alias}");
    }
}

#[test]
fn samples_are_the_fields_they_are() {
    let format = compile(concat!(
        r#"%[src]:%[src_port] [%[request_date(ms)]] %[fe_name] %[be_name]/%[srv_name] %[req.timer.queue]/"#,
        r#"%[bc.timer.connect]/%[res.timer.hdr]/%[txn.timer.total] %[status] %[bytes_out] %[txn.conn_retries] "#,
        r#"%[txn.sess_term_state] %[ssl_fc] "%[method] %[pathq] %[capture.req.ver]" "#,
        r#""%[req.hdr(Referer),json(utf8s)]" "%[req.fhdr( user-agent ),lower]""#
    ));
    let line = concat!(
        r#"2001:db8::1:5 [1795176000125] www app/s1 1/2/3/40 503 1234 2 sC 1 "POST /a?b HTTP/2.0" "#,
        r#""https://\"a\"" "curl/8 \"#
    )
    .to_owned()
        + "\"";
    let record = record(&format, line.as_bytes());
    assert_eq!(record.client, Client::Ip("2001:db8::1".parse().unwrap()));
    assert_eq!(record.end_us, 1_795_176_000_165_000);
    assert_eq!(
        (text(record.site), text(record.backend), text(record.server)),
        (Some("www"), Some("app"), Some("s1"))
    );
    assert_eq!(
        (record.queue_us, record.connect_us, record.response_us),
        (Some(1_000), Some(2_000), Some(3_000))
    );
    assert_eq!((record.latency_us, record.upstream_us), (Some(40_000), Some(5_000)));
    assert_eq!((record.status, record.bytes_sent, record.retries), (Some(503), Some(1_234), Some(2)));
    assert_eq!((text(record.termination), record.tls), (Some("sC"), true));
    assert_eq!(
        (text(record.method), text(record.target), text(record.protocol)),
        (Some("POST"), Some("/a?b"), Some("HTTP/2.0"))
    );
    assert_eq!(
        (text(record.referer), text(record.user_agent)),
        (Some(r#"https://\"a\""#), Some("curl/8 \\"))
    );
}

#[test]
fn samples_that_nobody_keeps_may_hold_spaces() {
    let format = compile("%ci [%trg] %[var(txn.a)] %[capture.req.hdr(0)] %ST %B");
    let status = |samples: &str| {
        let line = format!("192.0.2.1 [20/Nov/2026:13:00:00 +0000] {samples} 200 5");
        match format.parser(0).parse(line.as_bytes()) {
            Line::Record(record) => Ok((record.status, record.bytes_sent)),
            Line::Reject(reject) => Err(reject.kind),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status("- -"), Ok((Some(200), Some(5))));
    assert_eq!(status("a b c d"), Ok((Some(200), Some(5))));
    // Where these end is the client's to say, so a status among them is not believed.
    assert_eq!(status("a 404 7"), Ok((Some(200), Some(5))));
}

#[test]
fn the_frontend_is_the_site_and_host_only_without_one() {
    let site =
        |string: &str, line: &str| text(record(&compile(string), line.as_bytes()).site).map(str::to_owned);
    assert_eq!(site("%Ts %ft %[req.hdr(host)]", "1795176000 www~ a.example").as_deref(), Some("www"));
    assert_eq!(
        site("%Ts %[req.hdr(host),lower] %ST", "1795176000 a.example 200").as_deref(),
        Some("a.example")
    );
    assert_eq!(site("%Ts %[req.hdr(host)] %ST", "1795176000 - 200"), None);
    // A converter that makes something else of it leaves nothing to keep.
    assert_eq!(site("%Ts %[req.hdr(host),field(1,.)] %ST", "1795176000 a 200"), None);
}

#[test]
fn dates_of_samples() {
    let options = Options { timezone: TimeZone::get("Europe/Berlin").unwrap(), ..Options::default() };
    let end = |sample: &str, logged: &str| {
        let format = Format::compile(&format!("{sample} %Ta"), &options).expect(sample);
        let line = format!("{logged} 250");
        jiff::Timestamp::from_microsecond(record(&format, line.as_bytes()).end_us).unwrap().to_string()
    };
    let cases = [
        ("%[request_date]", "1795176000", "2026-11-20T12:00:00.25Z"),
        ("%[accept_date(us)]", "1795176000000001", "2026-11-20T12:00:00.250001Z"),
        // This one is taken when the line is written.
        ("%[date(0,ms)]", "1795176000125", "2026-11-20T12:00:00.125Z"),
        (r#"%[request_date,ltime("%Y-%m-%d %H:%M:%S")]"#, "2026-11-20 13:00:00", "2026-11-20T12:00:00.25Z"),
        ("%[request_date(ms),ms_utime('%FT%TZ')]", "2026-11-20T12:00:00Z", "2026-11-20T12:00:00.25Z"),
        ("%[date,http_date]", "Fri, 20 Nov 2026 12:00:00 GMT", "2026-11-20T12:00:00Z"),
        ("%{+X}Ts", "6B000000", "2026-11-20T08:08:32.25Z"),
    ];
    for (sample, logged, expected) in cases {
        assert_eq!(end(sample, logged), expected, "{sample}");
    }
}

#[test]
fn hexadecimal_addresses() {
    let client = |logged: &str| {
        let line = format!("{logged}:01BB 1 0012 6B000000");
        match compile("%{+X}o %ci:%cp %{-X}lc %rt %Ts").parser(0).parse(line.as_bytes()) {
            Line::Record(record) => Some(format!("{:?}", record.client)),
            _ => None,
        }
    };
    assert_eq!(client("C0000201").as_deref(), Some("Ip(192.0.2.1)"));
    assert_eq!(client("20010DB8000000000000000000000001").as_deref(), Some("Ip(2001:db8::1)"));
    assert_eq!(client("00000000000000000000FFFFC0000201").as_deref(), Some("Ip(192.0.2.1)"));
    assert_eq!(client("-").as_deref(), Some("Unknown"));
    for no_address in ["C000020", "+0000201", "192.0.2.1", "C0000201C0000201"] {
        assert_eq!(client(no_address), None, "{no_address}");
    }
}

#[test]
fn escapes_and_spaces_of_the_configuration() {
    let line = b"192.0.2.1 50% \"20/Nov/2026:13:00:00.001\"\t[x]";
    for string in [
        r#"  %ci   50%% "%t"\t[x]"#,
        r"%ci\ 50%%\ \ \x22%t\x22\t\[x\]",
        r#"%(client)ci  50%% \"%(date)t\"\x09[x]"#,
    ] {
        assert_eq!(record(&compile(string), line).end_us, 1_795_179_600_001_000, "{string}");
    }
}

#[test]
fn captured_headers_of_one_side() {
    let line = |block: &str| {
        format!(
            r#"192.0.2.1:5 [20/Nov/2026:13:00:00.000] www app/s1 0/0/1/2/3 200 5 - - ---- 1/1/1/1/0 0/0 {block}"GET / HTTP/1.1""#
        )
    };
    let agent = |options: &Options, block: &str| {
        let format = Format::compile("haproxy-http", options).unwrap();
        let line = line(block);
        text(record(&format, line.as_bytes()).user_agent).map(str::to_owned)
    };
    assert_eq!(agent(&capturing(&["User-Agent"], &[]), "{curl} ").as_deref(), Some("curl"));
    // Where only those of requests are named, a second block is one of responses.
    assert_eq!(agent(&capturing(&["User-Agent"], &[]), "{curl} {nginx} ").as_deref(), Some("curl"));
    assert_eq!(agent(&capturing(&[], &["User-Agent"]), "{curl} "), None);
    assert_eq!(agent(&Options::default(), "{curl} "), None);
    // A session that failed before its request has no captured headers.
    assert_eq!(agent(&capturing(&["User-Agent"], &[]), ""), None);
    let named = capturing(&["Host", "User-Agent"], &[]);
    let format = Format::compile("%ci [%tr] %{+Q}hr %[capture.req.hdr(0)] %ST", &named).unwrap();
    let quoted = br#"192.0.2.1 [20/Nov/2026:13:00:00.000] "{a.example|curl}" a.example 200"#;
    let quoted = record(&format, quoted);
    assert_eq!((text(quoted.user_agent), text(quoted.site)), (Some("curl"), Some("a.example")));
    assert!(format.fields().user_agent && !format.fields().referer);
}

#[test]
fn clf_lines_of_every_version() {
    let format = compile("haproxy-http-clf");
    let line = br#"192.0.2.1 - - [06/Feb/2009:12:14:14 +0000] "GET / HTTP/1.1" 200 2750 "" "" 33317 0655 "http-in~" "static" "srv1" 10 0 30 69 109 ---- 1 1 1 1 +2 0 0 "N=\"x\"" "" "a" "b""#;
    let http = record(&format, line);
    assert_eq!((text(http.site), http.retries, http.latency_us), (Some("http-in"), Some(2), Some(109_000)));
    assert_eq!(http.end_us, 1_233_922_454_109_000);
    let format = compile("haproxy-tcp-clf");
    let line = br#"192.0.2.1 - - [06/Feb/2009:12:14:14 +0000] "TCP " 000 212 "" "" 40962 0285 "main" "app" "<NOSRV>" 0 -1 -1 17 0 SC-- 1 1 0 0 0 0 0 "" "" "#;
    for line in [line.as_slice(), line.trim_ascii_end()] {
        let tcp = record(&format, line);
        assert_eq!((tcp.server, text(tcp.termination), tcp.latency_us), (None, Some("SC"), Some(17_000)));
        assert!(!tcp.truncated);
    }
}

#[test]
fn sessions_without_a_log_line_of_their_own() {
    let format = compile("haproxy-default");
    let message = "Connect from 2001:db8::1:33312 to 192.0.2.31:8012 (www/HTTP)";
    let at = |prefix: &str| {
        let line = format!("{prefix}{message}");
        let record = record(&format, line.as_bytes());
        assert_eq!(record.client, Client::Ip("2001:db8::1".parse().unwrap()));
        assert_eq!(text(record.site), Some("www"));
        jiff::Timestamp::from_microsecond(record.end_us).unwrap().to_string()
    };
    assert_eq!(at("<134>1 2026-11-20T13:00:00+01:00 lb haproxy 1 - - "), "2026-11-20T12:00:00Z");
    assert_eq!(at("Jan  6 12:14:13 localhost haproxy[14389]: "), "1970-01-06T12:14:13Z");
    // Without a date there is no hour to count it in.
    assert!(!matches!(format.parser(0).parse(message.as_bytes()), Line::Record(_)));
    let detected = logstat_parsers::detect(
        format!("Jan  6 12:14:13 lb haproxy[1]: {message}\n").as_bytes(),
        &Options::default(),
    );
    assert_eq!(detected.best.map(|best| best.preset.name), Some("haproxy-default"));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = |string: &str| Format::compile(string, &Options::default()).unwrap_err();
    let binary = error("%ci %{+cbor}o %(a)tr");
    assert!(matches!(binary, FormatError::Flag { at: 4, .. }) && binary.hint().contains("+json"));
    assert!(matches!(error("%{+Q,+bin}o %tr"), FormatError::Flag { at: 0, .. }));
    assert!(matches!(error("%{+W}tr"), FormatError::Flag { at: 0, .. }));
    assert!(matches!(error("%ci:%cp [%tr] %nope"), FormatError::UnknownAlias { at: 14, .. }));
    assert!(matches!(error("%ci [%tr] %"), FormatError::Alias { at: 10 }));
    assert!(matches!(error("%ci [%tr] %[src"), FormatError::Alias { at: 10 }));
    assert!(matches!(error("%ci%[path]%tr"), FormatError::Adjacent { at: 0 }));
}
