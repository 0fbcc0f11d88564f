//! Lines that nginx and HAProxy themselves write of hostile requests: read as what was sent and what came back, and
//! the same as the tests' own servers write.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, SystemTime};

use common::client;
use common::daemon::{Daemon, Reply, free_ports, send, until};
use common::render::haproxy::HaProxy;
use common::render::nginx::Nginx;
use common::render::{Exchange, Logger};
use logstat_parsers::{Escape, Format, Line, Options, Record};

/// What a hostile client sends, each as a value of every header in turn. None has an end of line.
const VALUES: [&[u8]; 14] = [
    b"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0",
    b"-",
    br#"" 200 512 "-" "-""#,
    br#"\" 200 512 \"-\" \x22 #22"#,
    b"x - - [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.1\" 200 512 \"-\" \"-\"",
    b"192.0.2.66 - - [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.1\" 200 512 \"-\" \"-\"",
    b"192.0.2.66:1 [10/Oct/2000:13:55:36.000] fe be/s 0/0/0/0/0 200 5 - - ---- 1/1/1/1/0 0/0 {} {} \"GET / HTTP/1.1\"",
    b"x 192.0.2.66 - a",
    b"1 - - - - - [",
    b"<134>Feb  6 12:14:14 lb haproxy[1]: {|} #7B %22 ' ` $remote_addr %ci",
    b"a\tb \x7f \xff\xfe \xc3\xa9",
    b"[] ] [ {a|b} {} }",
    b"5 192.0.2.66 1000000000.000 200",
    b"\",\"status\":200,\"bytes\":5,\"remote_addr\":\"192.0.2.66\"}",
];

/// One request, and what the server makes of it.
struct Sent {
    from: (IpAddr, u16),
    bytes: Vec<u8>,
    /// What a log holds of it, if the server understands it.
    texts: Option<BTreeMap<&'static str, Vec<u8>>>,
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |chunk: &[u8], nth: usize| {
        let bits = chunk.iter().chain(&[0; 2]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        if nth > chunk.len() { '=' } else { char::from(DIGITS[bits >> (18 - 6 * nth) & 63]) }
    };
    bytes.chunks(3).flat_map(|chunk| (0..4).map(move |nth| digit(chunk, nth))).collect()
}

/// A request that servers understand, with one value in every header.
fn understood(value: &[u8], from: (IpAddr, u16)) -> Sent {
    let user: Vec<u8> = value.iter().copied().filter(|byte| *byte != b':').collect();
    let cookie: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b';' | b',')).collect();
    let target: Vec<u8> = value
        .iter()
        .copied()
        .filter(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'%'))
        .collect();
    let request = [b"GET /a?", target.as_slice(), b" HTTP/1.1"].concat();
    let credentials = [user.as_slice(), b":secret"].concat();
    let bytes = [
        request.as_slice(),
        b"\r\nHost: www.example.com\r\nConnection: close\r\nReferer: ",
        value,
        b"\r\nUser-Agent: ",
        value,
        b"\r\nX-Forwarded-For: ",
        value,
        b"\r\nCookie: SERVERID=",
        &cookie,
        format!("\r\nAuthorization: Basic {}\r\n\r\n", base64(&credentials)).as_bytes(),
    ]
    .concat();
    let texts = [
        ("request", request.as_slice()),
        ("remote_user", &user),
        ("http_host", b"www.example.com"),
        ("http_referer", value),
        ("http_user_agent", value),
        ("http_x_forwarded_for", value),
        ("http_cookie", &cookie),
    ];
    let texts = texts.map(|(name, text)| (name, text.to_vec()));
    Sent { from, bytes, texts: Some(texts.into()) }
}

/// Requests that are none, or whose headers no server lets through.
fn misunderstood() -> Vec<Vec<u8>> {
    let mut requests: Vec<Vec<u8>> = [
        b"GET /old\r\n".as_slice(),
        b"hello there\r\n\r\n",
        b"\x16\x03\x01\x00\xee\x01\x00\x00\xea\x03\x03\" 200 5 \"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /a b c HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\nConnection: close\r\n\r\n",
    ]
    .map(<[u8]>::to_vec)
    .into();
    for value in VALUES {
        for header in ["Host", "Content-Length", "Transfer-Encoding"] {
            let head = format!("POST / HTTP/1.1\r\nConnection: close\r\n{header}: ");
            requests.push([head.as_bytes(), value, b"\r\n\r\n"].concat());
        }
        requests.push([b"GET /", value, b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"].concat());
    }
    requests
}

fn requests() -> Vec<Sent> {
    let addresses = ["192.0.2.9", "198.51.100.255", "2001:db8::9", "::ffff:203.0.113.7", "10.0.0.1"];
    let mut froms =
        (0..).map(|nth: u16| (addresses[usize::from(nth) % 5].parse().expect("an address"), 1_024 + nth));
    let mut from = || froms.next().expect("no end");
    let long = b"\"x - [".repeat(150);
    let values = VALUES.into_iter().chain([long.as_slice()]);
    let mut all: Vec<Sent> = values.map(|value| understood(value, from())).collect();
    all.extend(misunderstood().into_iter().map(|bytes| Sent { from: from(), bytes, texts: None }));
    all
}

/// A record tells what the client got, and when; never anything else.
fn check(
    format: &Format,
    record: &Record<'_>,
    sent: &Sent,
    status: Option<u16>,
    bytes: u64,
    since: SystemTime,
) {
    let fields = format.fields();
    if fields.client {
        // nginx takes over the address of the PROXY protocol when it has read a whole request.
        let is_peer = sent.texts.is_none() && record.client == client([127, 0, 0, 1].into());
        assert!(is_peer || record.client == client(sent.from.0), "{:?}", record.client);
    }
    if let (true, Some(status)) = (fields.status, status) {
        assert_eq!(record.status, Some(status));
    }
    if fields.bytes_sent {
        assert_eq!(record.bytes_sent, Some(bytes));
    }
    let us = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_micros() as i64
    };
    let span = us(since - Duration::from_secs(2))..us(SystemTime::now() + Duration::from_secs(2));
    assert!(span.contains(&record.end_us), "{} is not in {span:?}", record.end_us);
}

/// What our own server writes of the same exchange.
fn rendered(
    logger: &dyn Logger,
    sent: &Sent,
    reply: &Reply,
    bytes: u64,
    record: &Record<'_>,
) -> Option<Vec<u8>> {
    let exchange = Exchange {
        address: sent.from.0,
        port: sent.from.1,
        start_ms: record.end_us / 1_000,
        duration_ms: 0,
        offset_minutes: 0,
        status: reply.status()?,
        bytes,
        body_bytes: reply.body_bytes() as u64,
        texts: sent.texts.clone()?,
    };
    Some(logger.line(&exchange))
}

/// nginx formats; whether every line has to be a record; whether our own server writes all of it.
const NGINX: [(&str, Escape, bool, bool); 10] = [
    (
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
        Escape::Default,
        true,
        true,
    ),
    (
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
        Escape::Json,
        false,
        true,
    ),
    (
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
        Escape::None,
        false,
        true,
    ),
    (
        r#"{"t":$msec,"status":$status,"bytes":$bytes_sent,"remote_addr":"$remote_addr","ua":"$http_user_agent","user":"$remote_user","r":"$request"}"#,
        Escape::Json,
        true,
        true,
    ),
    (
        r#"{"t":$msec,"status":$status,"bytes":$bytes_sent,"remote_addr":"$remote_addr","ua":"$http_user_agent","r":"$request"}"#,
        Escape::None,
        false,
        true,
    ),
    (
        r#"$http_host $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#,
        Escape::Default,
        false,
        true,
    ),
    (r"$content_length $remote_addr $msec $status $bytes_sent", Escape::Default, false, true),
    (
        r#"$host$request_uri $remote_addr [$time_iso8601] $status $body_bytes_sent $http_cookie"#,
        Escape::Default,
        false,
        false,
    ),
    (
        r#"$remote_addr [$time_local] "$request" $status $bytes_sent "$upstream_addr" $upstream_status $request_time "$upstream_response_time" $upstream_connect_time"#,
        Escape::Default,
        true,
        false,
    ),
    (
        r"$http_x_forwarded_for $remote_addr $http_user_agent [$time_iso8601] $status $body_bytes_sent $http_referer",
        Escape::None,
        false,
        true,
    ),
];

fn nginx_configuration(folder: &str, port: u16, upstream: u16) -> String {
    let logs = NGINX.iter().enumerate().map(|(nth, (format, escape, ..))| {
        let escape = format!("{escape:?}").to_lowercase();
        format!("log_format f{nth} escape={escape} '{format}'; access_log {folder}/{nth}.log f{nth};")
    });
    let logs = logs.collect::<Vec<String>>().join("\n");
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = paths.map(|path| format!("{path}_temp_path {folder}/{path};")).join(" ");
    format!(
        "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 64; }}
        http {{ {paths} {logs}
        server {{ listen 127.0.0.1:{port} proxy_protocol; server_name www.example.com;
            set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol; large_client_header_buffers 4 16k;
            location / {{ proxy_pass http://127.0.0.1:{upstream}; }} }}
        server {{ listen 127.0.0.1:{upstream}; access_log off; return 200 hello; }} }}"
    )
}

#[test]
fn nginx_writes_what_is_read() {
    let since = SystemTime::now();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("UTF-8");
    let [port, upstream] = free_ports();
    let file = format!("{path}/nginx.conf");
    fs::write(&file, nginx_configuration(path, port, upstream)).expect("a configuration");
    let error_log = format!("{path}/error.log");
    let arguments = ["-p", path, "-e", &error_log, "-c", &file];
    let Some(_nginx) = Daemon::start("nginx", &arguments, upstream) else { return };
    let requests = requests();
    let replies: Vec<Reply> = requests.iter().map(|sent| send(port, sent.from, &sent.bytes)).collect();
    for (nth, (text, escape, all, whole)) in NGINX.into_iter().enumerate() {
        let lines = until("every line", || {
            let log = fs::read(format!("{path}/{nth}.log")).ok()?;
            let lines: Vec<Vec<u8>> = log.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            (lines.len() > requests.len()).then_some(lines)
        });
        assert_eq!(lines.len(), requests.len() + 1, "one line for each request, and an end");
        let logger = Nginx::new(text, escape);
        let format = logger.compiled().expect("a format");
        let mut records = 0;
        for ((line, sent), reply) in lines.iter().zip(&requests).zip(&replies) {
            println!("{text} {}: {}", sent.bytes.escape_ascii(), line.escape_ascii());
            match format.parser(0).parse(line) {
                Line::Record(record) => {
                    records += 1;
                    let bytes =
                        if text.contains("$bytes_sent") { reply.bytes.len() } else { reply.body_bytes() };
                    let bytes = bytes as u64;
                    check(&format, &record, sent, reply.status(), bytes, since);
                    let bytes = reply.bytes.len() as u64;
                    if whole && let Some(ours) = rendered(&logger, sent, reply, bytes, &record) {
                        assert_eq!(ours.escape_ascii().to_string(), line.escape_ascii().to_string());
                    }
                }
                other => assert!(!all && matches!(other, Line::Reject(_)), "{other:?}"),
            }
        }
        assert!(records * 3 > requests.len(), "{records} records of {} lines", requests.len());
    }
}

/// What a HAProxy frontend logs with, how its target dresses it, and whether our own server writes all of it.
struct Frontend {
    format: &'static str,
    /// The option or the string of the configuration.
    directive: &'static str,
    target: &'static str,
    whole: bool,
}

const fn frontend(
    format: &'static str,
    directive: &'static str,
    target: &'static str,
    whole: bool,
) -> Frontend {
    Frontend { format, directive, target, whole }
}

const CAPTURED: &str = "%ci [%tr] %ST %B %CC %hr %{+Q}r";
const SAMPLED: &str = "%ci %ST %B %{+Q}[capture.req.hdr(1)] [%trg] %HM %HU %HV";
const SAMPLE_FIRST: &str = "%[capture.req.hdr(1)] %ci:%cp [%tr] %ST %B %{+Q}HU";
const CLF: &str = concat!(
    "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc ",
    "%ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl"
);

const HAPROXY: [Frontend; 10] = [
    frontend("haproxy-http", "option httplog", "raw", false),
    frontend("haproxy-http", "option httplog", "rfc5424", false),
    frontend("haproxy-http", "option httplog", "rfc3164", false),
    frontend("haproxy-http", "option httplog", "iso", false),
    frontend("haproxy-https", "option httpslog", "timed", false),
    frontend("haproxy-tcp", "mode tcp\n option tcplog", "local", false),
    frontend(CLF, "option httplog clf", "raw", false),
    frontend(CAPTURED, "", "raw", true),
    frontend(SAMPLED, "", "short", false),
    frontend(SAMPLE_FIRST, "", "raw", false),
];

fn haproxy_configuration(socket: &str, ports: &[u16], inner: u16) -> String {
    let frontends = HAPROXY.iter().zip(ports).map(|(frontend, port)| {
        let Frontend { format, directive, target, .. } = frontend;
        let string = format.replace('\\', "\\\\").replace('"', "\\\"");
        let string = if directive.is_empty() { format!("log-format \"{string}\"") } else { String::new() };
        let captures = if directive.starts_with("mode tcp") {
            "default_backend inner"
        } else {
            "capture cookie SERVERID= len 1000
            declare capture request len 1000\n declare capture request len 1000\n declare capture request len 1000
            http-request capture req.hdr(host) id 0\n http-request capture req.fhdr(user-agent) id 1
            http-request capture req.fhdr(referer) id 2
            default_backend web"
        };
        format!(
            "frontend fe{port}\n bind 127.0.0.1:{port} accept-proxy\n mode http
            log {socket} len 8192 format {target} local0\n {directive}\n {string}\n {captures}\n"
        )
    });
    format!(
        "global\n stats timeout 1s\ndefaults\n mode http\n timeout connect 5s\n timeout client 300ms\n timeout server 5s
        {}frontend inner_http\n bind 127.0.0.1:{inner}
        http-request return status 200 content-type text/plain string hello
        backend web\n server s1 127.0.0.1:{inner}
        backend inner\n mode tcp\n server s1 127.0.0.1:{inner}\n",
        frontends.collect::<String>()
    )
}

#[test]
fn haproxy_writes_what_is_read() {
    let since = SystemTime::now();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let ports: [u16; HAPROXY.len() + 1] = free_ports();
    let inner = ports[HAPROXY.len()];
    let log = UnixDatagram::bind(path("log")).expect("a socket");
    log.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    fs::write(path("cfg"), haproxy_configuration(&path("log"), &ports, inner)).expect("a configuration");
    let Some(_haproxy) = Daemon::start("haproxy", &["-db", "-q", "-f", &path("cfg")], inner) else { return };
    let requests = requests();
    for (frontend, port) in HAPROXY.iter().zip(ports) {
        let logger = HaProxy::new(frontend.format, true);
        let format = Format::compile(frontend.format, &Options::default()).expect("a format");
        let mut records = 0;
        // HAProxy counts the bytes of an answer in a form of its own: the same answer has the same.
        let mut counted = BTreeMap::new();
        for sent in &requests {
            let reply = send(port, sent.from, &sent.bytes);
            let mut line = vec![0; 16_384];
            let length = log.recv(&mut line).expect("a line for each request");
            line.truncate(length);
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            println!("{}: {}", sent.bytes.escape_ascii(), line.escape_ascii());
            match format.parser(0).parse(line) {
                Line::Record(record) => {
                    records += 1;
                    let bytes = record.bytes_sent.expect("bytes");
                    let bytes = *counted.entry(reply.bytes.clone()).or_insert(bytes);
                    check(&format, &record, sent, reply.status(), bytes, since);
                    if frontend.whole
                        && let Some(ours) = rendered(&logger, sent, &reply, bytes, &record)
                    {
                        assert_eq!(ours.escape_ascii().to_string(), line.escape_ascii().to_string());
                    }
                }
                other => assert!(matches!(other, Line::Reject(_)), "{other:?}"),
            }
        }
        println!("{records} records of {} lines", requests.len());
        assert!(records * 3 > requests.len(), "{records} records of {} lines", requests.len());
    }
}
