//! Every log of the corpus: how it is read, and whose reading it is compared with.

use logstat_parsers::{Format, Options};

use super::corpus;
use super::fields::Dialect;
use super::oracle;

/// One log.
pub struct Log {
    /// Its place in the corpus.
    pub file: &'static str,
    /// The preset that `detect` chooses.
    pub detected: Option<&'static str>,
    /// Presets and format strings, for each line the first that reads it.
    pub formats: &'static [&'static str],
    /// What others read from it.
    pub oracle: Oracle,
}

/// Where expectations are, and in which form.
#[derive(Clone, Copy)]
pub enum Oracle {
    /// Nobody's; each line must still be read, or listed as a reject.
    None,
    /// CrowdSec's parser tests.
    Crowdsec(&'static str),
    /// Filebeat's, a list with an event for each line.
    Filebeat(&'static str),
    /// Filebeat's, those fields of some events that matter.
    FilebeatCases(&'static str),
    /// The lines and fields of logstash's pattern tests, which are one file.
    Logstash(Dialect),
    /// Counters of mtail's programs.
    Mtail(&'static str),
    /// Counts in `AGGREGATES.json`.
    Aggregates,
    /// The log itself, read by a general reader of JSON or LTSV.
    Itself(Dialect),
}

impl Oracle {
    /// The file of expectations, where it is not the log.
    pub fn file(self) -> Option<&'static str> {
        match self {
            Self::Crowdsec(file) | Self::Filebeat(file) | Self::FilebeatCases(file) | Self::Mtail(file) => {
                Some(file)
            }
            Self::None | Self::Logstash(_) | Self::Aggregates | Self::Itself(_) => None,
        }
    }

    /// Whose names its fields have.
    pub fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Crowdsec(_) => Some(Dialect::Crowdsec),
            Self::Filebeat(_) => Some(Dialect::Filebeat),
            Self::FilebeatCases(_) => Some(Dialect::FilebeatCases),
            Self::Logstash(dialect) | Self::Itself(dialect) => Some(dialect),
            Self::None | Self::Mtail(_) | Self::Aggregates => None,
        }
    }
}

impl Log {
    pub fn formats(&self) -> Vec<Format> {
        self.formats
            .iter()
            .map(|format| Format::compile(format, &Options::default()).expect(format))
            .collect()
    }

    /// Its lines, or `None` where there is no corpus.
    pub fn lines(&self) -> Option<Vec<Vec<u8>>> {
        let bytes = corpus(self.file)?;
        if matches!(self.oracle, Oracle::Logstash(_)) {
            let line = |case: &serde_json::Value| case["line"].as_str().expect("a line").as_bytes().to_vec();
            return Some(oracle::cases(self.file).iter().map(line).collect());
        }
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        Some(bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect())
    }
}

/// `combined` behind and before what a site adds to it.
macro_rules! combined {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            r#" [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
            $after
        )
    };
}

/// The log format of Nginx Proxy Manager, without and with an upstream.
macro_rules! proxy_manager {
    ($upstream:literal, $sent_to:literal) => {
        concat!(
            "[$time_local] ",
            $upstream,
            r#"$status - $request_method $scheme $host "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] "#,
            "[Gzip $gzip_ratio]",
            $sent_to,
            r#" "$http_user_agent" "$http_referer""#
        )
    };
}

const PORTED: &str = combined!("$host:$server_port $remote_addr - $remote_user", "");
const WITHOUT_USER: &str = combined!("$remote_addr -", "");
const BUNKERWEB: &str = combined!("$server_name $remote_addr - $request_id $remote_user", "");
/// As `$proxy_add_x_forwarded_for` writes it: the last address is the peer's.
const FORWARDED: &str = combined!("$http_x_forwarded_for $remote_addr - $remote_user", "");
const QUOTED_FORWARDED: &str = combined!(r#""$http_x_forwarded_for" $remote_addr - $remote_user"#, "");
const HOST_FORWARDED: &str = combined!("$server_name $http_x_forwarded_for $remote_addr - $remote_user", "");
const HOST_QUOTED_FORWARDED: &str =
    combined!(r#"$host "$http_x_forwarded_for" $remote_addr - $remote_user"#, "");
const TIMED: &str = combined!("$remote_addr - $remote_user", r#" "$http_x_forwarded_for" $request_time"#);
const BOTH_TIMED: &str = combined!(
    "$remote_addr - $remote_user",
    r#" "$http_x_forwarded_for" $upstream_response_time $request_time"#
);
const INGRESS: &str = combined!(
    "$remote_addr - $remote_user",
    " $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr \
     $upstream_response_length $upstream_response_time $upstream_status $req_id"
);
/// Apache's, with `%D`.
const MICROSECONDS: &str = r#"%h %l %u %t "%r" %>s %b %D "%{Referer}i" "%{User-Agent}i""#;
/// lighttpd's `accesslog.format` of mtail's example.
const LIGHTTPD: &str = concat!(
    r#"$word $remote_addr $remote_user [$time_local] "$request" $status $body_bytes_sent "#,
    r#"$request_length $bytes_sent $request_time "$http_referer" "$http_user_agent""#
);
/// Apache's `ssl_request_log`.
const SSL_REQUEST: &str = r#"%t %h %{SSL_PROTOCOL}x %{SSL_CIPHER}x "%r" %b"#;
/// Envoy's default text, behind what the container runtime writes.
const ENVOY_TEXT: &str = concat!(
    r#"$word $word $word [$time_rfc3339] "$request" $status $word $request_length $bytes_sent $elapsed_ms $word "#,
    r#""$http_x_forwarded_for" "$http_user_agent" "$request_id" "$host" "$upstream_addr""#
);
/// Traefik 1 leaves the quotes out with the referrer.
const TRAEFIK_1: &str = concat!(
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent - "$http_user_agent" "#,
    r#"$connection_requests "$proxy_host" "$upstream_addr" ${elapsed_ms}ms"#
);
/// Jira's, with the number of the session and how long it took.
const JIRA: &str = combined!("$host:$server_port $remote_addr $request_id $remote_user", " $took");

macro_rules! logs {
    ($($file:literal $detected:expr, [$($format:expr),+], $oracle:expr;)+) => {
        &[$(Log { file: $file, detected: $detected, formats: &[$($format),+], oracle: $oracle }),+]
    };
}

/// Every log.
#[rustfmt::skip]
pub const LOGS: &[Log] = logs![
    // Lines of four formats, none of which has more than half of them.
    "crowdsecurity__hub/tests__apache2-logs__apache2-logs.log"
        None, ["apache-vhost-combined", "vhost-combined", "apache-combined", "apache-common"],
        Oracle::Crowdsec("crowdsecurity__hub/tests__apache2-logs.cases.jsonl");
    "crowdsecurity__hub/tests__aws-alb-logs__aws-alb-logs.log"
        Some("alb"), ["alb"],
        Oracle::Crowdsec("crowdsecurity__hub/tests__aws-alb-logs.cases.jsonl");
    "crowdsecurity__hub/tests__bunkerweb-logs__bunkerweb-logs.log"
        Some("vhost-combined"), [BUNKERWEB],
        Oracle::Crowdsec("crowdsecurity__hub/tests__bunkerweb-logs.cases.jsonl");
    "crowdsecurity__hub/tests__caddy-logs__caddy-logs.log"
        Some("caddy"), ["caddy"],
        Oracle::Crowdsec("crowdsecurity__hub/tests__caddy-logs.cases.jsonl");
    "crowdsecurity__hub/tests__envoy-logs__envoy.log"
        Some("envoy-json"), ["envoy-json", ENVOY_TEXT],
        Oracle::Crowdsec("crowdsecurity__hub/tests__envoy-logs.cases.jsonl");
    "crowdsecurity__hub/tests__haproxy-logs__haproxy-logs.log"
        Some("haproxy-http"), ["haproxy-http"],
        Oracle::Crowdsec("crowdsecurity__hub/tests__haproxy-logs.cases.jsonl");
    "crowdsecurity__hub/tests__http-generic-test__http-generic-test.log"
        Some("combined"), ["combined"], Oracle::None;
    "crowdsecurity__hub/tests__nginx-proxy-manager-logs__nginx-proxy-manager-logs.log"
        None,
        [
            proxy_manager!("", ""),
            proxy_manager!("$upstream_cache_status $upstream_status ", " [Sent-to $server]"),
            "combined"
        ],
        Oracle::Crowdsec("crowdsecurity__hub/tests__nginx-proxy-manager-logs.cases.jsonl");
    // The same.
    "crowdsecurity__hub/tests__nginx_http-logs__nginx_http-logs.log"
        None, ["combined", PORTED, "vhost-combined", WITHOUT_USER],
        Oracle::Crowdsec("crowdsecurity__hub/tests__nginx_http-logs.cases.jsonl");
    "crowdsecurity__hub/tests__traefik_clf__traefik_clf.log"
        Some("traefik-clf"), ["traefik-clf"],
        Oracle::Crowdsec("crowdsecurity__hub/tests__traefik_clf.cases.jsonl");
    "crowdsecurity__hub/tests__traefik_json__traefik_json.log"
        Some("traefik-json"), ["traefik-json"],
        Oracle::Crowdsec("crowdsecurity__hub/tests__traefik_json.cases.jsonl");
    "elastic__beats/nginx_access__test-with-host.log"
        None, [PORTED, HOST_QUOTED_FORWARDED, HOST_FORWARDED, "vhost-combined", "vhost-combined-extra"],
        Oracle::FilebeatCases("elastic__beats/nginx_access__test-with-host.cases.jsonl");
    "elastic__beats/nginx_ingress_controller__test.log"
        Some("combined-extra"), [INGRESS],
        Oracle::FilebeatCases("elastic__beats/nginx_ingress_controller.cases.jsonl");
    "elastic__examples/Common_Data_Formats__apache_logs__apache_logs"
        Some("combined"), ["apache-combined"], Oracle::Aggregates;
    "fcambus__logswan/examples__logswan.log"
        Some("combined"), ["combined"], Oracle::None;
    "google__mtail/internal__mtail__testdata__apache-combined.log"
        Some("combined"), ["apache-combined"],
        Oracle::Mtail("google__mtail/internal__mtail__testdata__apache-combined.golden");
    "google__mtail/internal__mtail__testdata__apache-common.log"
        None, [MICROSECONDS],
        Oracle::Mtail("google__mtail/internal__mtail__testdata__apache-common.golden");
    "google__mtail/internal__mtail__testdata__lighttpd_access.log"
        None, [LIGHTTPD],
        Oracle::Mtail("google__mtail/internal__mtail__testdata__lighttpd_accesslog.golden");
    "logstash-plugins__logstash-patterns-core/haproxy_spec.cases.jsonl"
        None, ["haproxy-http", "haproxy-tcp"], Oracle::Logstash(Dialect::LogstashHaproxy);
    "logstash-plugins__logstash-patterns-core/httpd_spec.cases.jsonl"
        None, ["apache-combined"], Oracle::Logstash(Dialect::LogstashHttpd);
    "mpounsett__nagiosplugin/data__haproxy.log"
        Some("haproxy-http"), ["haproxy-http"], Oracle::Aggregates;
    "tkuchiki__alp/example__logs__combined_access.log"
        Some("combined-extra"), [TIMED, BOTH_TIMED], Oracle::None;
    "tkuchiki__alp/example__logs__json_access.log"
        Some("nginx-json"), ["nginx-json"], Oracle::Itself(Dialect::Alp);
    "tkuchiki__alp/example__logs__ltsv_access.log"
        Some("ltsv"), ["ltsv"], Oracle::Itself(Dialect::Alp);
    "tstack__lnav/test__logfile_access_log.0"
        Some("combined"), ["apache-combined"], Oracle::None;
    "tstack__lnav/test__logfile_access_log.1"
        Some("combined"), ["apache-combined"], Oracle::None;
    "tstack__lnav/test__logfile_bad_access_log.0"
        Some("combined"), ["apache-combined"], Oracle::None;
    "tstack__lnav/test__logfile_caddy_log.0"
        Some("caddy"), ["caddy"], Oracle::Itself(Dialect::Caddy);
    "tstack__lnav/test__logfile_caddy_log.1"
        Some("caddy"), ["caddy"], Oracle::Itself(Dialect::Caddy);
    "tstack__lnav/test__logfile_cloudflare.1"
        Some("cloudflare"), ["cloudflare"], Oracle::Itself(Dialect::Cloudflare);
    "tstack__lnav/test__logfile_cloudflare.json"
        Some("cloudflare"), ["cloudflare"], Oracle::Itself(Dialect::Cloudflare);
    "tstack__lnav/test__logfile_haproxy.0"
        Some("haproxy-http"), ["haproxy-http"], Oracle::None;
    "tstack__lnav/test__logfile_regexp_access_log.0"
        None, [JIRA], Oracle::None;
    "tstack__lnav/test__logfile_shop_access_log.0"
        Some("combined-extra"), ["combined-extra"], Oracle::Aggregates;
    "tstack__lnav/test__logfile_syslog_with_access_log.0"
        None, ["common"], Oracle::None;
    "wangjia184__beats/filebeat__module__apache__access__test__darwin-2.4.23.log"
        Some("common"), ["apache-common"], Oracle::None;
    "wangjia184__beats/filebeat__module__apache__access__test__ssl-request.log"
        None, [SSL_REQUEST],
        Oracle::Filebeat("wangjia184__beats/filebeat__module__apache__access__test__ssl-request.log-expected.json");
    "wangjia184__beats/filebeat__module__apache__access__test__test.log"
        Some("combined-extra"), ["apache-combined", "combined-extra", "apache-common"],
        Oracle::Filebeat("wangjia184__beats/filebeat__module__apache__access__test__test.log-expected.json");
    "wangjia184__beats/filebeat__module__apache__access__test__ubuntu-2.2.22.log"
        Some("combined"), ["apache-combined"], Oracle::None;
    "wangjia184__beats/filebeat__module__nginx__access__test__access.log"
        Some("combined"), ["combined"], Oracle::None;
    "wangjia184__beats/filebeat__module__nginx__access__test__test.log"
        None, ["combined", "combined-extra", QUOTED_FORWARDED, FORWARDED],
        Oracle::Filebeat("wangjia184__beats/filebeat__module__nginx__access__test__test.log-expected.json");
    "wangjia184__beats/filebeat__module__traefik__access__test__test.log"
        None, ["traefik-clf", TRAEFIK_1, "common"],
        Oracle::Filebeat("wangjia184__beats/filebeat__module__traefik__access__test__test.log-expected.json");
];
