//! The rules that come with the program: what each catches, and what it can hit that is no attack. Data only.
//!
//! A page of somebody else's can have its readers' browsers send any GET request, and so have them banned by a rule
//! that looks at nothing but paths and queries. That is told for each rule where one or a few such requests are
//! enough.

use super::rule::{Distinct, Duration, Over};

/// A rule as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shipped {
    /// What a user types.
    pub name: &'static str,
    /// What is counted.
    pub over: Over,
    /// Which requests are hits; `None` where something else is counted.
    pub filter: Option<&'static str>,
    /// Count values of this field, each once.
    pub distinct: Option<Distinct>,
    /// Length of the IPv6 networks whose banned clients are counted.
    pub prefix: Option<u8>,
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
pub static SHIPPED: [Shipped; 19] = [
    Shipped {
        name: "probing",
        over: Over::Requests,
        filter: Some("status in [400, 403, 404] and not static(path)"),
        distinct: Some(Distinct::Path),
        prefix: None,
        maxretry: 10,
        findtime: seconds(100),
        bantime: seconds(4 * HOUR),
        catches: "who asks for many different things that are not there",
        wrongly: "visitors of a site whose links broke in a move; a crawler with an old list; several people behind one \
                  address on such a day",
    },
    Shipped {
        name: "sensitive-files",
        over: Over::Requests,
        filter: Some(SENSITIVE_FILES),
        distinct: Some(Distinct::Path),
        prefix: None,
        maxretry: 4,
        findtime: seconds(20),
        bantime: seconds(DAY),
        catches: "who asks for settings, keys, dumps and version control that should not be served, whatever the answer",
        wrongly: "a site that offers such files for download; a page elsewhere with four of them as images",
    },
    Shipped {
        name: "scanner-agent",
        over: Over::Requests,
        filter: Some(SCANNER_AGENT),
        distinct: None,
        prefix: None,
        maxretry: 2,
        findtime: seconds(MINUTE),
        bantime: seconds(DAY),
        catches: "scanning tools that say what they are",
        wrongly: "a security test that was ordered: put its addresses on the list to ignore",
    },
    Shipped {
        name: "login-bruteforce",
        over: Over::Requests,
        filter: Some(r#"method == "POST" and status in [401, 403]"#),
        distinct: None,
        prefix: None,
        maxretry: 5,
        findtime: seconds(50),
        bantime: seconds(4 * HOUR),
        catches: "guessed passwords where a wrong one is answered with 401 or 403",
        wrongly: "a program with an old password or token; forms that are refused with 403 for another reason",
    },
    Shipped {
        name: "wordpress-login",
        over: Over::Requests,
        filter: Some(r#"method == "POST" and path ends_with "/wp-login.php""#),
        distinct: None,
        prefix: None,
        maxretry: 5,
        findtime: seconds(50),
        bantime: seconds(4 * HOUR),
        catches: "guessed passwords of WordPress, which answers a wrong one with 200",
        wrongly: "an office behind one address whose people log in at the same minute: right passwords count, too",
    },
    Shipped {
        name: "xmlrpc",
        over: Over::Requests,
        filter: Some(r#"method == "POST" and path ends_with "/xmlrpc.php""#),
        distinct: None,
        prefix: None,
        maxretry: 5,
        findtime: seconds(10 * MINUTE),
        bantime: seconds(4 * HOUR),
        catches: "passwords guessed, and pingbacks sent, by way of WordPress's XML-RPC",
        wrongly: "Jetpack and WordPress's mobile application, which use it: leave the rule out where they do",
    },
    Shipped {
        name: "path-traversal",
        over: Over::Requests,
        filter: Some(PATH_TRAVERSAL),
        distinct: None,
        prefix: None,
        maxretry: 3,
        findtime: seconds(30),
        bantime: seconds(DAY),
        catches: "ways out of the web root, plain or percent-encoded once or twice, and the files that are tried first",
        wrongly: "an application that hands relative paths about in its queries; a page elsewhere with three such links \
                  as images",
    },
    Shipped {
        name: "sql-injection",
        over: Over::Requests,
        filter: Some(SQL_INJECTION),
        distinct: None,
        prefix: None,
        maxretry: 10,
        findtime: seconds(10),
        bantime: seconds(DAY),
        catches: "SQL in queries, as tools send it",
        wrongly: "a search for SQL on a site about it; an administration tool that has SQL in its addresses",
    },
    Shipped {
        name: "xss",
        over: Over::Requests,
        filter: Some(XSS),
        distinct: None,
        prefix: None,
        maxretry: 5,
        findtime: seconds(5),
        bantime: seconds(DAY),
        catches: "markup and script in paths and queries",
        wrongly: "an editor's preview that sends markup with GET; a page elsewhere with five such links as images",
    },
    Shipped {
        name: "shell-probe",
        over: Over::Requests,
        filter: Some(SHELL_PROBE),
        distinct: None,
        prefix: None,
        maxretry: 1,
        findtime: seconds(1),
        bantime: seconds(7 * DAY),
        catches: "commands to fetch and run a program, Log4Shell, Shellshock and PHP settings in requests",
        wrongly: "whoever opens one such link, so also the readers of a page elsewhere with one as an image; a search for \
                  such a command",
    },
    Shipped {
        name: "bad-request",
        over: Over::Requests,
        filter: Some("status == 400 and missing(method)"),
        distinct: None,
        prefix: None,
        maxretry: 10,
        findtime: seconds(10 * MINUTE),
        bantime: seconds(4 * HOUR),
        catches: "other protocols on the web port: TLS, SSH, remote desktops, junk, nothing",
        wrongly: "a health check that opens a connection and says nothing; a client that speaks TLS to a plain port",
    },
    Shipped {
        name: "http-flood",
        over: Over::Requests,
        filter: Some("any"),
        distinct: None,
        prefix: None,
        maxretry: 1_000,
        findtime: seconds(20),
        bantime: seconds(10 * MINUTE),
        catches: "fifty requests a second for twenty seconds",
        wrongly: "a large office or a mobile network behind one address; a page of hundreds of pieces; own monitoring",
    },
    Shipped {
        name: "crawl",
        over: Over::Requests,
        filter: Some(r#"method == "GET" and not static(path)"#),
        distinct: Some(Distinct::Path),
        prefix: None,
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
        over: Over::Requests,
        filter: Some(r#"termination starts_with "PR" or status == 444"#),
        distinct: None,
        prefix: None,
        maxretry: 5,
        findtime: seconds(10 * MINUTE),
        bantime: seconds(4 * HOUR),
        catches: "who goes on where HAProxy's or nginx's own rules refuse",
        wrongly: "whoever those rules refuse wrongly, such as by a limit on requests; HAProxy says the same of requests \
                  that it cannot read",
    },
    Shipped {
        name: "recidive",
        over: Over::Bans,
        filter: None,
        distinct: None,
        prefix: None,
        maxretry: 3,
        findtime: seconds(DAY),
        bantime: seconds(7 * DAY),
        catches: "who comes back after bans by other rules",
        wrongly: "an address that changed hands within the day",
    },
    Shipped {
        name: "ipv6-56",
        over: Over::Neighbours,
        filter: None,
        distinct: None,
        prefix: Some(56),
        maxretry: 4,
        findtime: seconds(DAY),
        bantime: seconds(DAY),
        catches: "who goes through the /64s of one IPv6 /56, the network that many providers give to a customer",
        wrongly: "neighbours where each customer has a single /64, as telephones have; a campus with one network of this \
                  size",
    },
    Shipped {
        name: "ipv6-48",
        over: Over::Neighbours,
        filter: None,
        distinct: None,
        prefix: Some(48),
        maxretry: 8,
        findtime: seconds(DAY),
        bantime: seconds(DAY),
        catches: "the same with a /48, the network of a company or of a rented server",
        wrongly: "up to 256 customers with a /56 each of a provider that counts from there",
    },
    Shipped {
        name: "ambiguous",
        over: Over::Ambiguous,
        filter: None,
        distinct: None,
        prefix: None,
        maxretry: 5,
        findtime: seconds(10 * MINUTE),
        bantime: seconds(4 * HOUR),
        catches: "who hides from the other rules in lines that can be read in two ways, such as by a user name that holds \
                  half a line, or in lines of more than 64 KiB",
        wrongly: "clients with quotes in their user agents, where the log does not escape them (`escape=none`)",
    },
    Shipped {
        name: "malformed",
        over: Over::Rejects,
        filter: None,
        distinct: None,
        prefix: None,
        maxretry: 10,
        findtime: seconds(10 * MINUTE),
        bantime: seconds(4 * HOUR),
        catches: "who makes lines that nobody can read, in whatever way",
        wrongly: "every visitor, where the log's format is not the one that was given, or is that of some sites only: see \
                  `logstat check` first",
    },
];

/// The rules that are on where no list of names is given: those that a wrong setting cannot turn on visitors, and that
/// fit any site.
///
/// Left out are `xmlrpc` (Jetpack and WordPress's own application use it), `http-flood` and `crawl` (how many requests
/// are too many depends on the site), and `malformed`, which takes each visitor of a site for an attacker when its lines
/// have another format than the rest.
pub const DEFAULT: [&str; 15] = [
    "probing",
    "sensitive-files",
    "scanner-agent",
    "login-bruteforce",
    "wordpress-login",
    "path-traversal",
    "sql-injection",
    "xss",
    "shell-probe",
    "bad-request",
    "denied",
    "recidive",
    "ipv6-56",
    "ipv6-48",
    "ambiguous",
];

#[cfg(test)]
mod tests;
