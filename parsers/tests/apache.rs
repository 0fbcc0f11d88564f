//! Apache lines: what is rendered is what is read.

mod common;

use common::{address, clf_date, client, compile, hostile, instant, record, text};
use jiff::tz::TimeZone;
use logstat_parsers::{Client, Format, FormatError, Line, Options};
use proptest::prelude::*;

const TIMED: &str = r#"%h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i" %D"#;

/// Apache's `ap_escape_logitem`.
fn escaped(value: Option<&[u8]>) -> Vec<u8> {
    let Some(value) = value else { return b"-".to_vec() };
    let mut out = Vec::new();
    for &byte in value {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x0b => out.extend_from_slice(b"\\v"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out
}

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
    duration_us: u32,
}

prop_compose! {
    fn served()(
        address in address(),
        user in prop::option::of(hostile()),
        at in instant(),
        request in hostile(),
        status in 100u16..1000,
        bytes: u64,
        referer in prop::option::of(hostile()),
        agent in prop::option::of(hostile()),
        duration_us: u32,
    ) -> Served {
        Served { address, user, at, request, status, bytes, referer, agent, duration_us }
    }
}

impl Served {
    fn line(&self) -> Vec<u8> {
        // A user without a name is two quotes.
        let user = match self.user.as_deref() {
            Some(b"") => b"\"\"".to_vec(),
            user => escaped(user),
        };
        [
            format!("{} - ", self.address).as_bytes(),
            &user,
            format!(" [{}] \"", clf_date(self.at)).as_bytes(),
            &escaped(Some(&self.request)),
            format!("\" {} {} \"", self.status, self.bytes).as_bytes(),
            &escaped(self.referer.as_deref()),
            b"\" \"",
            &escaped(self.agent.as_deref()),
            format!("\" {}", self.duration_us).as_bytes(),
        ]
        .concat()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_logged_is_read(served in served()) {
        let line = served.line();
        let format = compile(TIMED);
        let record = match format.parser(0).parse(&line) {
            Line::Record(record) => record,
            other => return Err(TestCaseError::fail(format!("{other:?}: {}", String::from_utf8_lossy(&line)))),
        };
        let present = |value: &Option<Vec<u8>>| {
            value.clone().filter(|value| !matches!(value.as_slice(), b"" | b"-")).map(|value| escaped(Some(&value)))
        };
        prop_assert_eq!(record.client, client(served.address));
        prop_assert_eq!(record.end_us, served.at.0 * 1_000_000 + i64::from(served.duration_us));
        prop_assert_eq!(record.latency_us, Some(u64::from(served.duration_us)));
        prop_assert_eq!(record.status, Some(served.status));
        prop_assert_eq!(record.bytes_sent, Some(served.bytes));
        prop_assert_eq!(record.remote_user.map(<[u8]>::to_vec), present(&served.user));
        prop_assert_eq!(record.referer.map(<[u8]>::to_vec), present(&served.referer));
        prop_assert_eq!(record.user_agent.map(<[u8]>::to_vec), present(&served.agent));
        prop_assert!(!record.truncated);
    }
}

#[test]
fn the_configuration_s_escapes_are_undone() {
    let line =
        br#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET /\"a\" HTTP/1.1" 200 2326 "-" "x \"y\"" 5"#;
    for string in [TIMED.to_owned(), TIMED.replace('"', "\\\"")] {
        let format = compile(&string);
        let record = record(&format, line);
        assert_eq!(text(record.target), Some(r#"/\"a\""#), "{string}");
        assert_eq!(text(record.user_agent), Some(r#"x \"y\""#));
        assert_eq!(record.end_us, 971_211_336_000_005);
    }
}

#[test]
fn every_directive_is_read() {
    let format = compile(concat!(
        r#"%v:%p %V %{c}a %a %A %h %l %u %t %% "%m %U%q %H" %s %>s %b %B %I %O %S %D %{ms}T %T %k %L %P %{tid}P "#,
        r#"%{hextid}P %R %X "%{Host}i" "%{Content-Type}o" "%{sid}C" "%{UNIQUE_ID}e" "%{ratio}n" "%f" %{local}p "#,
        r#""%400,501{Referer}i" "%!200,304{User-Agent}i" %{SSL_PROTOCOL}x "%{x}^ti" %F"#
    ));
    let line = concat!(
        r#"example.org:443 www.example.org 198.51.100.1 2001:db8::1 192.0.2.80 host.example.net - me "#,
        r#"[10/Oct/2000:13:55:36 +0000] % "GET /a b?x=1 HTTP/1.1" 301 200 11 11 100 300 400 2500 2 0 3 - 1234 5678 "#,
        r#"7f00aa proxy-server + "a.example" "text/html" "s" "u" "-" "/var/www/a" 8443 "#,
        r#""-" "curl/8" TLSv1.3 "-" -"#
    );
    let record = record(&format, line.as_bytes());
    assert_eq!(record.client, Client::Ip("2001:db8::1".parse().unwrap()));
    assert_eq!((text(record.site), text(record.remote_user)), (Some("example.org"), Some("me")));
    assert_eq!(
        (text(record.method), text(record.target), text(record.protocol)),
        (Some("GET"), Some("/a b?x=1"), Some("HTTP/1.1"))
    );
    assert_eq!((record.status, record.bytes_sent, record.latency_us), (Some(200), Some(300), Some(2_500)));
    assert_eq!((record.referer, text(record.user_agent), record.tls), (None, Some("curl/8"), true));
    assert_eq!(record.end_us, 971_186_136_002_500);
}

#[test]
fn a_dash_for_bytes_is_none_sent() {
    let bytes = |string: &str| {
        let line = r#"192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 304 -"#;
        record(&compile(string), line.as_bytes()).bytes_sent
    };
    assert_eq!(bytes("apache-common"), Some(0));
    // A condition that does not hold leaves the number away.
    assert_eq!(bytes(r#"%h %l %u %t "%r" %>s %200b"#), None);
    // Another vendor's dash is no number at all.
    assert_eq!(bytes("common"), None);
}

#[test]
fn clients_and_users_of_every_kind() {
    let format = compile("apache-combined");
    let line = r#"192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "-""#;
    let by_name = line.replacen("192.0.2.1", "host-1.example.net", 1);
    assert_eq!(record(&format, by_name.as_bytes()).client, Client::Name(b"host-1.example.net"));
    let dash = format!("-{}\\\"", "x".repeat(29));
    for user in
        ["a b", &dash, "x [10/Oct/2001:00:00:00 +0000] \\\"GET / HTTP/1.1\\\" 500 1", "- 192.0.2.66 -"]
    {
        let line = line.replacen("- - [", &format!("- {user} ["), 1);
        let record = record(&format, line.as_bytes());
        assert_eq!((text(record.remote_user), record.status), (Some(user), Some(200)));
    }
}

#[test]
fn a_host_in_front_ends_before_its_port() {
    let format = compile("apache-vhost-combined");
    let rest = r#"- - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "-""#;
    for (host, client) in [("example.org", "2001:db8::1"), ("[2001:db8::2]", "192.0.2.1"), ("a", "::1")] {
        let line = format!("{host}:80 {client} {rest}");
        let record = record(&format, line.as_bytes());
        assert_eq!(text(record.site), Some(host));
        assert_eq!(record.client, Client::Ip(client.parse().unwrap()));
    }
}

#[test]
fn dates_of_every_form() {
    let options = Options { timezone: TimeZone::get("Europe/Berlin").unwrap(), ..Options::default() };
    let end = |date: &str, logged: &str| {
        let format = Format::compile(&format!("{date} %h %>s %D"), &options).expect(date);
        let line = format!("{logged} 192.0.2.1 200 250000");
        jiff::Timestamp::from_microsecond(record(&format, line.as_bytes()).end_us).unwrap().to_string()
    };
    let cases = [
        ("%t", "[20/Nov/2026:13:00:00 +0100]", "2026-11-20T12:00:00.25Z"),
        ("%{begin}t", "[20/Nov/2026:13:00:00 +0100]", "2026-11-20T12:00:00.25Z"),
        ("%{end}t", "[20/Nov/2026:13:00:00 +0100]", "2026-11-20T12:00:00Z"),
        ("%{sec}t", "1795176000", "2026-11-20T12:00:00.25Z"),
        ("%{end:msec}t", "1795176000125", "2026-11-20T12:00:00.125Z"),
        ("%{begin:usec}t", "1795176000125500", "2026-11-20T12:00:00.3755Z"),
        ("%{sec}t.%{msec_frac}t", "1795176000.125", "2026-11-20T12:00:00.375Z"),
        ("%{%FT%T%z}t", "2026-11-20T13:00:00+0100", "2026-11-20T12:00:00.25Z"),
        ("%{%Y-%m-%d %H:%M:%S}t", "2026-11-20 13:00:00", "2026-11-20T12:00:00.25Z"),
        (
            "%{end:%d/%b/%Y:%T}t.%{end:usec_frac}t",
            "20/Nov/2026:13:00:00.000007",
            "2026-11-20T12:00:00.000007Z",
        ),
        (
            "[%{%d/%b/%Y:%H:%M:%S}t.%{msec_frac}t %{%z}t]",
            "[20/Nov/2026:13:00:00.125 +0000]",
            "2026-11-20T13:00:00.375Z",
        ),
        ("%{%a %b %e %I:%M:%S %p %Y}t", "Fri Nov  6 01:00:00 PM 2026", "2026-11-06T12:00:00.25Z"),
        ("%{%y%j %R}t", "26324 13:00", "2026-11-20T12:00:00.25Z"),
    ];
    for (date, logged, expected) in cases {
        assert_eq!(end(date, logged), expected, "{date}");
    }
}

#[test]
fn durations_of_every_unit() {
    let latency = |duration: &str, logged: &str| {
        let format = compile(&format!("%h %t %>s {duration}"));
        let line = format!("192.0.2.1 [20/Nov/2026:13:00:00 +0100] 200 {logged}");
        let record = record(&format, line.as_bytes());
        (record.latency_us, record.end_us - 1_795_176_000_000_000)
    };
    assert_eq!(latency("%D", "1500"), (Some(1_500), 1_500));
    assert_eq!(latency("%T", "2"), (Some(2_000_000), 2_000_000));
    assert_eq!(latency("%{ms}T", "15"), (Some(15_000), 15_000));
    // Of several the most precise one counts.
    assert_eq!(latency("%T/%D", "2/2345678"), (Some(2_345_678), 2_345_678));
    assert_eq!(latency("%200D", "-"), (None, 0));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = |string: &str| Format::compile(string, &Options::default()).unwrap_err();
    assert!(matches!(error("%h %l %t %Q"), FormatError::UnknownDirective { at: 9, .. }));
    assert!(matches!(error("%h %l %t %{weeks}T"), FormatError::UnknownDirective { at: 9, .. }));
    assert!(matches!(error("%h %{Referer}i %{%Z}t"), FormatError::DateDirective { at: 15, .. }));
    assert!(matches!(error("%h %l %t %"), FormatError::Directives { at: 9 }));
    assert_eq!(error("%h %l %u %>s"), FormatError::NoTime);
    assert_eq!(error("LogFormat \"%h %t\" x"), FormatError::Directive);
}

#[test]
fn apache_and_haproxy_are_told_apart() {
    let reads = |string: &str, line: &str| {
        let format = Format::compile(string, &Options::default()).expect(string);
        matches!(format.parser(0).parse(line.as_bytes()), Line::Record(_))
    };
    // `%t` of Apache has brackets and an offset, HAProxy's neither.
    let (apache, haproxy) = ("[20/Nov/2026:13:00:00 +0100]", "20/Nov/2026:13:00:00.000");
    assert!(reads("%t", haproxy) && !reads("%t", apache));
    assert!(reads("%t %b %s", &format!("{haproxy} app s1")));
    assert!(reads("%h %t %b", &format!("192.0.2.1 {apache} 5")));
    assert!(reads("%t %>s", &format!("{apache} 200")));
    assert!(reads("%t %{Host}i", &format!("{apache} example.org")));
    assert!(reads("%a %t %>s %Ts", &format!("192.0.2.1 {apache} 200 5s")));
    assert!(reads("%ci [%t] %{+Q}r", &format!("192.0.2.1 [{haproxy}] \"GET / HTTP/1.1\"")));
    assert!(reads("[%t] %[src] %ST", &format!("[{haproxy}] 192.0.2.1 200")));
}
