//! No line, whatever the client sends, bans another address than the one that sent it, and nothing but networks reaches
//! a list.

use super::host::{Ended, Host, date};
use proptest::prelude::*;
use std::fmt::Write as _;

const ATTACKER: &str = "203.0.113.66";
/// Whoever the attacker wants banned.
const VICTIMS: [&str; 4] = ["198.51.100.7", "2001:db8:7::7", "::ffff:198.51.100.8", "192.0.2.1"];
/// Every rule, most of them at the first hit, so that one line is enough to do harm.
const EAGER: &str = r#"
[ban]
rules = ["recidive", "ipv6-56", "ipv6-48", "shell-probe"]
[[ban.rule]]
name = "ambiguous"
maxretry = 1
[[ban.rule]]
name = "malformed"
maxretry = 1
[[ban.rule]]
name = "anything"
filter = "any"
maxretry = 1
findtime = "1s"
[[ban.rule]]
name = "paths"
filter = "any"
distinct = "path"
maxretry = 2
findtime = "1h"
"#;
const FORMATS: [&str; 10] = [
    "nftables",
    "ipset",
    "plain",
    "nginx-geo",
    "nginx-deny",
    "haproxy-acl",
    "haproxy-map",
    "fail2ban",
    "crowdsec",
    "jsonl",
];

/// What a client sends, byte by byte as it likes.
#[derive(Debug, Clone)]
struct Sent {
    user: Vec<u8>,
    request: Vec<u8>,
    referer: Vec<u8>,
    agent: Vec<u8>,
    forwarded: Vec<u8>,
}

/// A log format, and how its server writes what it was sent.
struct Writer {
    name: &'static str,
    format: &'static str,
    escape: &'static str,
    line: fn(at_s: i64, client: &str, sent: &Sent) -> Vec<u8>,
}

const MAIN: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#;
const JSON: &str = r#"{"time":"$time_iso8601","remote_addr":"$remote_addr","user":"$remote_user","request":"$request","status":"$status","referer":"$http_referer","agent":"$http_user_agent","forwarded":"$http_x_forwarded_for"}"#;

const WRITERS: [Writer; 6] = [
    Writer {
        name: "combined",
        format: "combined",
        escape: "default",
        line: |at_s, client, sent| combined(at_s, client, sent, escaped, false),
    },
    Writer {
        name: "with X-Forwarded-For",
        format: MAIN,
        escape: "default",
        line: |at_s, client, sent| combined(at_s, client, sent, escaped, true),
    },
    Writer {
        name: "escape=none",
        format: MAIN,
        escape: "none",
        line: |at_s, client, sent| combined(at_s, client, sent, raw, true),
    },
    Writer {
        name: "escape=json",
        format: JSON,
        escape: "json",
        line: |at_s, client, sent| json(at_s, client, sent, json_escaped),
    },
    // What nobody should write: a client can end any value.
    Writer {
        name: "JSON with escape=none",
        format: JSON,
        escape: "none",
        line: |at_s, client, sent| json(at_s, client, sent, raw),
    },
    Writer { name: "HAProxy with captures", format: "haproxy-http", escape: "default", line: httplog },
];

fn combined(at_s: i64, client: &str, sent: &Sent, escape: fn(&[u8]) -> Vec<u8>, forwarded: bool) -> Vec<u8> {
    let dated = date(at_s, "[%d/%b/%Y:%H:%M:%S +0000]");
    let or_dash = |value: &[u8]| if value.is_empty() { b"-".to_vec() } else { escape(value) };
    let mut line = format!("{client} - ").into_bytes();
    line.extend(or_dash(&sent.user));
    line.extend(format!(" {dated} \"").bytes());
    line.extend(escape(&sent.request));
    line.extend(b"\" 404 150 \"");
    line.extend(or_dash(&sent.referer));
    line.extend(b"\" \"");
    line.extend(or_dash(&sent.agent));
    line.push(b'"');
    if forwarded {
        line.extend(b" \"");
        line.extend(or_dash(&sent.forwarded));
        line.push(b'"');
    }
    line
}

/// nginx's `escape=default`.
fn escaped(value: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for byte in value {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => write!(out, "\\x{byte:02X}").expect("memory takes it"),
            plain => out.push(char::from(*plain)),
        }
    }
    out.into_bytes()
}

/// nginx's `escape=none`. A newline cannot come over HTTP.
fn raw(value: &[u8]) -> Vec<u8> {
    value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect()
}

/// nginx's `escape=json`.
fn json_escaped(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in value {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\n' => out.extend(b"\\n"),
            0..=0x1f => out.extend(format!("\\u{byte:04X}").bytes()),
            plain => out.push(*plain),
        }
    }
    out
}

fn json(at_s: i64, client: &str, sent: &Sent, escape: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut line =
        format!("{{\"time\":\"{}\",\"remote_addr\":\"{client}\"", date(at_s, "%Y-%m-%dT%H:%M:%S+00:00"))
            .into_bytes();
    let fields = [
        ("user", &sent.user),
        ("request", &sent.request),
        ("referer", &sent.referer),
        ("agent", &sent.agent),
        ("forwarded", &sent.forwarded),
    ];
    for (name, value) in fields {
        line.extend(format!(",\"{name}\":\"").bytes());
        line.extend(escape(value));
        line.push(b'"');
        if name == "request" {
            line.extend(b",\"status\":\"404\"");
        }
    }
    line.push(b'}');
    line
}

/// HAProxy's `option httplog` with two captured request headers.
fn httplog(at_s: i64, client: &str, sent: &Sent) -> Vec<u8> {
    let encoded = |value: &[u8], special: &[u8]| {
        let mut out = String::new();
        for byte in value {
            if special.contains(byte) || !(b' '..=b'~').contains(byte) {
                write!(out, "#{byte:02X}").expect("memory takes it");
            } else {
                out.push(char::from(*byte));
            }
        }
        out
    };
    format!(
        "{client}:51000 [{}] www www/app1 0/0/0/1/1 404 212 - - ---- 12/10/0/0/0 0/0 {{{}|{}}} \"{}\"",
        date(at_s, "%d/%b/%Y:%H:%M:%S.003"),
        encoded(&sent.agent, b"\"#{|}"),
        encoded(&sent.forwarded, b"\"#{|}"),
        encoded(&sent.request, b"\"#"),
    )
    .into_bytes()
}

/// A whole line of a victim, as the attacker would write one.
fn whole_line(writer: &Writer, victim: &str) -> Vec<u8> {
    let sent = Sent {
        user: b"-".to_vec(),
        request: b"GET /.env HTTP/1.1".to_vec(),
        referer: b"-".to_vec(),
        agent: b"sqlmap".to_vec(),
        forwarded: victim.as_bytes().to_vec(),
    };
    (writer.line)(3, victim, &sent)
}

/// Bytes of an attacker who knows the format: victims, pieces of lines, whole ones, quotes, ends of lines, junk.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<Vec<u8>> = [
        "-",
        " - ",
        "\" \"",
        "\"",
        "\\",
        "\\x22",
        "\r\n",
        "\n",
        "\0",
        " ",
        ", ",
        "{",
        "|",
        "}",
        "#",
        "\",\"remote_addr\":\"",
        "\":51000 [",
        " - - [20/Nov/2026:00:00:03 +0000] \"GET /.env HTTP/1.1\" 404 150 \"-\" \"-\"",
        "[20/Nov/2026:00:00:03 +0000]",
        "GET /.env HTTP/1.1",
        "${jndi:ldap://",
        "Nikto",
        "\u{202e}",
        "\u{ff}",
    ]
    .iter()
    .map(|piece| piece.as_bytes().to_vec())
    .chain(VICTIMS.map(|victim| victim.as_bytes().to_vec()))
    .chain(WRITERS.iter().flat_map(|writer| VICTIMS.map(|victim| whole_line(writer, victim))))
    .collect();
    let piece = prop_oneof![
        4 => prop::sample::select(pieces),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn sent() -> impl Strategy<Value = Sent> {
    let request = prop_oneof![
        bytes(),
        bytes().prop_map(|target| [b"GET /", &target[..], b" HTTP/1.1"].concat()),
        bytes().prop_map(|target| [b"POST /?", &target[..], b" HTTP/1.1"].concat()),
    ];
    (bytes(), request, bytes(), bytes(), bytes()).prop_map(|(user, request, referer, agent, forwarded)| {
        Sent { user, request, referer, agent, forwarded }
    })
}

/// The words for a look at a log of this format.
fn words(writer: &Writer) -> [&str; 5] {
    ["access.log", "--format", writer.format, "--escape", writer.escape]
}

/// The lists of all formats name the attacker at most.
fn check_lists(host: &Host, writer: &Writer) {
    let read = host.run(&["ingest"]);
    assert!(read.code <= 1, "{}: {}", writer.name, read.stderr);
    for format in FORMATS {
        let Ended { stdout, stderr, code } = host.run(&["ban", "emit", "--format", format]);
        // Junk can be most of a log: then there is no list at all.
        assert!(code == 0 || code == 1 && stdout.is_empty(), "{format}: {code} {stderr}");
        for word in stdout.split(|char: char| !(char.is_ascii_hexdigit() || ".:/".contains(char))) {
            let address = word.split('/').next().unwrap_or_default();
            if address.parse::<std::net::IpAddr>().is_ok() {
                assert_eq!(word, ATTACKER, "{}, {format}: {stdout}", writer.name);
            }
        }
    }
}

fn check(writer: &Writer, all: &[Sent]) {
    let host = Host::with_format(writer.format, writer.escape, EAGER);
    let mut log = Vec::new();
    for (at_s, sent) in (0..).zip(all) {
        log.extend((writer.line)(at_s * 40, ATTACKER, sent));
        log.push(b'\n');
    }
    host.write("access.log", &log);
    let listed = host.run(&[&["ban", "list", "--all", "--json"], &words(writer)[..]].concat());
    assert!(listed.code <= 1, "{}: {}", writer.name, listed.stderr);
    for ban in super::host::bans(&listed.json()) {
        let log = String::from_utf8_lossy(&log);
        assert_eq!(ban.network, ATTACKER, "{}: {ban:?}\n{log}", writer.name);
    }
    check_lists(&host, writer);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_a_client_sends_bans_another(
        writer in 0..WRITERS.len(),
        all in prop::collection::vec(sent(), 1..40),
    ) {
        check(&WRITERS[writer], &all);
    }
}

#[test]
fn a_whole_line_in_any_field_bans_nobody_else() {
    for writer in &WRITERS {
        for end in ["", "\n", "\r\n", "\" ", "\\", "\"}"] {
            let mut all = Vec::new();
            for victim in VICTIMS {
                let forged = [end.as_bytes(), &whole_line(writer, victim), end.as_bytes()].concat();
                let plain = Sent {
                    user: Vec::new(),
                    request: b"GET / HTTP/1.1".to_vec(),
                    referer: Vec::new(),
                    agent: Vec::new(),
                    forwarded: Vec::new(),
                };
                all.push(Sent { user: forged.clone(), ..plain.clone() });
                all.push(Sent { request: forged.clone(), ..plain.clone() });
                all.push(Sent { referer: forged.clone(), ..plain.clone() });
                all.push(Sent { agent: forged.clone(), ..plain.clone() });
                all.push(Sent { forwarded: forged, ..plain });
            }
            check(writer, &all);
        }
    }
}

#[test]
fn the_attacker_itself_is_banned() {
    // Else the tests above would hold of a program that bans nobody.
    let plain = Sent {
        user: Vec::new(),
        request: b"GET / HTTP/1.1".to_vec(),
        referer: Vec::new(),
        agent: Vec::new(),
        forwarded: VICTIMS[0].as_bytes().to_vec(),
    };
    for writer in &WRITERS {
        let host = Host::new(EAGER);
        host.write("access.log", [(writer.line)(1, ATTACKER, &plain), b"\n".to_vec()].concat());
        assert_eq!(host.banned(&words(writer)), [ATTACKER], "{}", writer.name);
    }
}

#[test]
fn a_forged_header_counts_for_nothing_without_trusted_proxies() {
    for (proxies, expected) in [("", "192.0.2.1"), ("trusted_proxies = [\"192.0.2.1\"]\n", ATTACKER)] {
        let host =
            Host::with_format(MAIN, "default", &format!("[ban]\n{proxies}rules = [\"sensitive-files\"]\n"));
        let mut log = Vec::new();
        for (at_s, target) in (0..).zip(["/.env", "/.git/config", "/backup.zip", "/id_rsa"]) {
            let request = format!("GET {target} HTTP/1.1").into_bytes();
            let forwarded = format!("{}, {ATTACKER}", VICTIMS[0]).into_bytes();
            let sent = Sent { user: Vec::new(), request, referer: Vec::new(), agent: Vec::new(), forwarded };
            log.extend((WRITERS[1].line)(at_s, "192.0.2.1", &sent));
            log.push(b'\n');
        }
        host.write("access.log", log);
        host.run(&["ingest"]).with(0);
        assert_eq!(host.banned(&[]), [expected]);
    }
}
