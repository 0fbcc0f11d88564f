//! Which field of theirs is which of ours, and both in one spelling.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use logstat_parsers::{Client, Record};

/// Whose names they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    Crowdsec,
    Filebeat,
    FilebeatCases,
    LogstashHaproxy,
    LogstashHttpd,
    Alp,
    Caddy,
    Cloudflare,
}

/// What a record can be asked for.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    Client,
    RemoteUser,
    Method,
    Target,
    /// The target without scheme and host.
    PathAndQuery,
    /// The target without scheme, host and query.
    Path,
    Version,
    Status,
    Bytes,
    Referer,
    UserAgent,
    Site,
    /// With HAProxy's `~` for TLS.
    Frontend,
    Backend,
    Server,
    /// Without its port.
    ServerHost,
    Termination,
    Retries,
    Cache,
    Scheme,
    End,
    Start,
    Took(Time, Unit),
}

/// A time that something took.
#[derive(Debug, Clone, Copy)]
pub enum Time {
    Total,
    Queue,
    Connect,
    Response,
    Upstream,
}

/// What theirs is counted in.
#[derive(Debug, Clone, Copy)]
pub enum Unit {
    S,
    Ms,
    Ns,
}

use Dialect::{Alp, Caddy, Cloudflare, Crowdsec, Filebeat, FilebeatCases, LogstashHaproxy, LogstashHttpd};

/// Their names for fields of a record.
#[rustfmt::skip]
const COUNTERPARTS: &[(Dialect, &str, Field)] = &[
    (Crowdsec, "clientip remote_addr src_ip client_ip remote_ip dest_addr meta.source_ip", Field::Client),
    (Crowdsec, "auth remote_user meta.user", Field::RemoteUser),
    (Crowdsec, "verb method http_verb http_method meta.http_verb", Field::Method),
    (Crowdsec, "request http_request path meta.http_path", Field::PathAndQuery),
    (Crowdsec, "http_version httpversion", Field::Version),
    (Crowdsec, "status response http_status_code elb_status_code meta.http_status", Field::Status),
    (Crowdsec, "bytes body_bytes_sent size bytes_read bytes_sent sent_bytes", Field::Bytes),
    (Crowdsec, "referrer http_referer referer", Field::Referer),
    (Crowdsec, "http_user_agent agent meta.http_user_agent", Field::UserAgent),
    (Crowdsec, "target_fqdn request_addr domain_name meta.target_fqdn", Field::Site),
    (Crowdsec, "frontend_name", Field::Frontend),
    (Crowdsec, "backend_name traefik_router_name meta.traefik_router_name", Field::Backend),
    (Crowdsec, "server_name traefik_server_url upstream_host target_list", Field::Server),
    (Crowdsec, "service_addr target_addr", Field::ServerHost),
    (Crowdsec, "termination_state", Field::Termination),
    (Crowdsec, "retries", Field::Retries),
    (Crowdsec, "upstream_cache_status", Field::Cache),
    (Crowdsec, "scheme type", Field::Scheme),
    (Crowdsec, "timestamp time_local", Field::End),
    (Crowdsec, "accept_date", Field::Start),
    (Crowdsec, "time_duration request_duration_in_ms duration", Field::Took(Time::Total, Unit::Ms)),
    (Crowdsec, "time_queue", Field::Took(Time::Queue, Unit::Ms)),
    (Crowdsec, "time_backend_connect", Field::Took(Time::Connect, Unit::Ms)),
    (Crowdsec, "time_backend_response", Field::Took(Time::Response, Unit::Ms)),
    (Crowdsec, "upstream_service_time", Field::Took(Time::Upstream, Unit::Ms)),
    (Crowdsec, "target_processing_time", Field::Took(Time::Upstream, Unit::S)),
    (Crowdsec, "time", Field::End),
    (Filebeat, "@timestamp", Field::End),
    (Filebeat, "source.address source.ip source.domain", Field::Client),
    (Filebeat, "user.name", Field::RemoteUser),
    (Filebeat, "http.request.method", Field::Method),
    (Filebeat, "url.original", Field::Target),
    (Filebeat, "http.version", Field::Version),
    (Filebeat, "http.response.status_code", Field::Status),
    (Filebeat, "http.response.body.bytes", Field::Bytes),
    (Filebeat, "http.request.referrer", Field::Referer),
    (Filebeat, "user_agent.original", Field::UserAgent),
    (Filebeat, "event.duration", Field::Took(Time::Total, Unit::Ns)),
    (Filebeat, "traefik.access.frontend_name", Field::Backend),
    (Filebeat, "traefik.access.backend_url", Field::Server),
    (FilebeatCases, "@timestamp", Field::End),
    (FilebeatCases, "source.address", Field::Client),
    (FilebeatCases, "method", Field::Method),
    (FilebeatCases, "url.original", Field::Target),
    (FilebeatCases, "http.version", Field::Version),
    (FilebeatCases, "status_code", Field::Status),
    (FilebeatCases, "body_bytes", Field::Bytes),
    (FilebeatCases, "user_agent", Field::UserAgent),
    (FilebeatCases, "destination.domain", Field::Site),
    (FilebeatCases, "request.time", Field::Took(Time::Total, Unit::S)),
    (FilebeatCases, "upstream.time_list", Field::Took(Time::Upstream, Unit::S)),
    (FilebeatCases, "upstream.address_list", Field::Server),
    (LogstashHaproxy, "address legacy.client_ip", Field::Client),
    (LogstashHaproxy, "method legacy.http_verb", Field::Method),
    (LogstashHaproxy, "original legacy.http_request", Field::Target),
    (LogstashHaproxy, "path", Field::Path),
    (LogstashHaproxy, "version legacy.http_version", Field::Version),
    (LogstashHaproxy, "status_code legacy.http_status_code", Field::Status),
    (LogstashHaproxy, "bytes legacy.bytes_read", Field::Bytes),
    (LogstashHaproxy, "frontend_name legacy.frontend_name", Field::Frontend),
    (LogstashHaproxy, "backend_name legacy.backend_name", Field::Backend),
    (LogstashHaproxy, "server_name legacy.server_name", Field::Server),
    (LogstashHaproxy, "termination_state legacy.termination_state", Field::Termination),
    (LogstashHaproxy, "retries legacy.retries", Field::Retries),
    (LogstashHaproxy, "request_date legacy.accept_date", Field::Start),
    (LogstashHaproxy, "total_time_ms legacy.time_duration", Field::Took(Time::Total, Unit::Ms)),
    (LogstashHaproxy, "total_waiting_time_ms legacy.time_queue", Field::Took(Time::Queue, Unit::Ms)),
    (LogstashHaproxy, "connection_wait_time_ms legacy.time_backend_connect", Field::Took(Time::Connect, Unit::Ms)),
    (LogstashHaproxy, "time_wait_without_data_ms legacy.time_backend_response", Field::Took(Time::Response, Unit::Ms)),
    (LogstashHttpd, "address legacy.clientip", Field::Client),
    (LogstashHttpd, "name legacy.auth", Field::RemoteUser),
    (LogstashHttpd, "method legacy.verb", Field::Method),
    (LogstashHttpd, "original legacy.request", Field::Target),
    (LogstashHttpd, "version legacy.httpversion", Field::Version),
    (LogstashHttpd, "status_code legacy.response", Field::Status),
    (LogstashHttpd, "bytes legacy.bytes", Field::Bytes),
    (LogstashHttpd, "referrer legacy.referrer", Field::Referer),
    (LogstashHttpd, "second.original legacy.agent", Field::UserAgent),
    (Alp, "time", Field::End),
    (Alp, "method", Field::Method),
    (Alp, "uri", Field::Target),
    (Alp, "status", Field::Status),
    (Alp, "body_bytes size", Field::Bytes),
    (Alp, "ua", Field::UserAgent),
    (Alp, "response_time request_time reqtime", Field::Took(Time::Total, Unit::S)),
    (Alp, "apptime", Field::Took(Time::Upstream, Unit::S)),
    (Caddy, "ts", Field::End),
    (Caddy, "request.remote_ip", Field::Client),
    (Caddy, "user_id", Field::RemoteUser),
    (Caddy, "request.method", Field::Method),
    (Caddy, "request.uri", Field::Target),
    (Caddy, "request.proto", Field::Version),
    (Caddy, "request.host", Field::Site),
    (Caddy, "status", Field::Status),
    (Caddy, "size", Field::Bytes),
    (Caddy, "duration", Field::Took(Time::Total, Unit::S)),
    (Caddy, "request.headers.Referer", Field::Referer),
    (Caddy, "request.headers.User-Agent", Field::UserAgent),
    (Cloudflare, "EdgeEndTimestamp", Field::End),
    (Cloudflare, "EdgeStartTimestamp", Field::Start),
    (Cloudflare, "ClientIP", Field::Client),
    (Cloudflare, "ClientRequestMethod", Field::Method),
    (Cloudflare, "ClientRequestURI", Field::Target),
    (Cloudflare, "ClientRequestProtocol", Field::Version),
    (Cloudflare, "ClientRequestHost", Field::Site),
    (Cloudflare, "ClientRequestScheme", Field::Scheme),
    (Cloudflare, "EdgeResponseStatus", Field::Status),
    (Cloudflare, "EdgeResponseBytes", Field::Bytes),
    (Cloudflare, "CacheCacheStatus", Field::Cache),
    (Cloudflare, "OriginIP", Field::Server),
    (Cloudflare, "OriginResponseDurationMs", Field::Took(Time::Upstream, Unit::Ms)),
    (Cloudflare, "ClientRequestReferer", Field::Referer),
    (Cloudflare, "ClientRequestUserAgent", Field::UserAgent),
];

/// Their names for what a record does not have, and what it is. A `*` stands for any end.
#[rustfmt::skip]
const WITHOUT_COUNTERPART: &[(Dialect, &str, &str)] = &[
    (Crowdsec, "message", "the line itself"),
    (Crowdsec, "program meta.log_type meta.service logsource logtag stream", "constants of theirs"),
    (Crowdsec, "ident", "RFC 1413 identity"),
    (Crowdsec, "port client_port remote_port target_port meta.http_port", "ports"),
    (Crowdsec, "actconn feconn beconn srvconn srv_queue backend_queue", "how busy the proxy was"),
    (Crowdsec, "captured_*", "captured headers and cookies"),
    (Crowdsec, "haproxy_*", "parts of accept_date"),
    (Crowdsec, "time_request", "TR, the time to get the request, which is the client's"),
    (Crowdsec, "gzip_ratio request_id meta.request_id trace_id conn_trace_id", "not kept"),
    (Crowdsec, "upstream_status target_server target_status_code*", "of the attempts, only times and addresses are kept"),
    (Crowdsec, "host meta.http_host protocol", "parts of the target"),
    (Crowdsec, "elb actions_executed chosen_cert_arn classification* error_reason matched_rule_priority", "the load balancer's own"),
    (Crowdsec, "redirect_url target_group_arn transformed_* request_transform_status", "the load balancer's own"),
    (Crowdsec, "request_creation_time request_processing_time response_processing_time", "parts of the total time"),
    (Crowdsec, "received_bytes bytes_received", "bytes received"),
    (Crowdsec, "ssl_cipher ssl_protocol", "only whether there was TLS is kept"),
    (Crowdsec, "traefik_router_name_root traefik_router_leaf traefik_router_intermediate", "parts of traefik_router_name"),
    (Crowdsec, "meta.traefik_router_name_*", "parts of traefik_router_name"),
    (Crowdsec, "number_of_requests_received_since_traefik_started", "a counter"),
    (Crowdsec, "cri_timestamp", "the time of the container's log, not of the request"),
    (Crowdsec, "raw_remote_addr x_forwarded_for", "the client said so"),
    (Crowdsec, "response_flags", "Envoy's causes"),
    (Crowdsec, "meta.sub_type", "their judgement"),
    (Filebeat, "ecs.version event.dataset event.module fileset.name input.type service.type", "constants of theirs"),
    (Filebeat, "log.offset", "where the line starts"),
    (Filebeat, "source.geo.*", "looked up elsewhere"),
    (Filebeat, "user_agent.device.name user_agent.name user_agent.os.* user_agent.version", "guessed from user_agent.original"),
    (Filebeat, "nginx.access.remote_ip_list", "the client said so"),
    (Filebeat, "traefik.access.request_count", "a counter"),
    (Filebeat, "traefik.access.user_identifier", "RFC 1413 identity"),
    (Filebeat, "apache.access.ssl.cipher apache.access.ssl.protocol", "only whether there was TLS is kept"),
    (FilebeatCases, "destination.port", "ports"),
    (FilebeatCases, "remote_ip_list*", "the client said so"),
    (FilebeatCases, "remote_ip_last", "the client, without the rule of whom to believe"),
    (FilebeatCases, "request.length request.id", "not kept"),
    (FilebeatCases, "upstream.name upstream.alternative_name", "Kubernetes names of the ingress controller"),
    (FilebeatCases, "upstream.length_list upstream.status_list", "of the attempts, only times and addresses are kept"),
    (LogstashHaproxy, "timestamp hostname pid name", "of syslog"),
    (LogstashHaproxy, "port", "ports"),
    (LogstashHaproxy, "active frontend backend server backend_queue server_queue", "how busy the proxy was"),
    (LogstashHaproxy, "time_wait_ms", "TR, the time to get the request, which is the client's"),
    (LogstashHaproxy, "captured_headers", "captured headers and cookies"),
    (LogstashHaproxy, "scheme domain query", "parts of the target"),
    (LogstashHaproxy, "legacy.*", "see the new names"),
    (LogstashHttpd, "legacy.user legacy.ident", "RFC 1413 identity"),
    (Caddy, "level logger msg", "the kind of line, not of request"),
    (Caddy, "request.remote_port", "ports"),
    (Caddy, "request.client_ip", "the client said so, where proxies are trusted"),
    (Caddy, "request.headers.*", "other headers"),
    (Caddy, "resp_headers.*", "other headers"),
    (Caddy, "request.tls.*", "only whether there was TLS is kept"),
    (Caddy, "bytes_read", "bytes received"),
    (Cloudflare, "RayID", "not kept"),
    (Cloudflare, "Cache* Origin*", "what happened behind the edge in detail"),
    (Cloudflare, "Client*", "what Cloudflare knows of the client, and the parts of the target"),
    (Cloudflare, "EdgeColoCode WAF* Firewall*", "Cloudflare's own"),
];

/// A name as a table has it, and the field that it is, if it is one.
pub type Meaning = (&'static str, Option<Field>);

/// Every name of a dialect.
pub fn names(dialect: Dialect) -> impl Iterator<Item = Meaning> {
    let counterparts = COUNTERPARTS.iter().map(|(of, names, field)| (of, names, Some(*field)));
    let all = counterparts.chain(WITHOUT_COUNTERPART.iter().map(|(of, names, _)| (of, names, None)));
    all.filter(move |(of, ..)| **of == dialect)
        .flat_map(|(_, names, field)| names.split(' ').map(move |name| (name, field)))
}

/// What a name of theirs means; `None` if no table has it.
pub fn meaning(dialect: Dialect, name: &str) -> Option<Meaning> {
    names(dialect).find(|(known, _)| match known.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => *known == name,
    })
}

impl Field {
    /// What the record says; `-` is missing.
    pub fn of(self, record: &Record<'_>) -> String {
        match self {
            Self::Client => client(record),
            Self::RemoteUser => text(record.remote_user),
            Self::Method => text(record.method),
            Self::Target => text(record.target),
            Self::PathAndQuery => path_and_query(&text(record.target)).to_owned(),
            Self::Path => path(&text(record.target)).to_owned(),
            Self::Version => self.spelled(&text(record.protocol)),
            Self::Status => number(record.status),
            Self::Bytes => number(record.bytes_sent),
            Self::Referer => text(record.referer),
            Self::UserAgent => text(record.user_agent),
            Self::Site => text(record.site),
            Self::Frontend => text(record.site) + if record.tls { "~" } else { "" },
            Self::Backend => text(record.backend),
            Self::Server => text(record.server),
            Self::ServerHost => self.spelled(&text(record.server)),
            Self::Termination => text(record.termination),
            Self::Retries => number(record.retries),
            Self::Cache => record.cache.map_or("-", |cache| cache.name()).to_owned(),
            Self::Scheme => if record.tls { "https" } else { "http" }.to_owned(),
            Self::End => instant(Some(record.end_us)),
            Self::Start => instant(record.latency_us.map(|us| record.end_us - us.cast_signed())),
            Self::Took(time, _) => time.of(record).map_or("-".to_owned(), |us| format!("{us} us")),
        }
    }

    /// Theirs in the same spelling, or as it is where it cannot be spelled so.
    pub fn spelled(self, theirs: &str) -> String {
        let spelled = match self {
            Self::Client => theirs.parse().ok().map(|address: IpAddr| address.to_canonical().to_string()),
            Self::Version => theirs.strip_prefix("HTTP/").map(str::to_owned),
            Self::Server => theirs.rsplit(", ").next().map(str::to_owned),
            Self::ServerHost => theirs.rsplit_once(':').map(|(host, _)| host.to_owned()),
            Self::Scheme => ["h2", "wss", "grpcs"].contains(&theirs).then(|| "https".to_owned()),
            Self::Cache => Some(theirs.to_uppercase()),
            Self::End | Self::Start => read_instant(theirs).map(|us| instant(Some(us))),
            Self::Took(_, unit) => unit.sum_us(theirs).map(|us| format!("{us} us")),
            _ => None,
        };
        let spelled = spelled.unwrap_or_else(|| theirs.to_owned());
        // HAProxy's and AWS's `-1` and an empty string are other ways to write nothing.
        if ["", "-1"].contains(&spelled.as_str()) { "-".to_owned() } else { spelled }
    }
}

impl Time {
    fn of(self, record: &Record<'_>) -> Option<u64> {
        match self {
            Self::Total => record.latency_us,
            Self::Queue => record.queue_us,
            Self::Connect => record.connect_us,
            Self::Response => record.response_us,
            Self::Upstream => record.upstream_us,
        }
    }
}

impl Unit {
    /// Microseconds of a number, or of the numbers of a list together. `+5` is not the number 5: it says that there is
    /// more to come.
    fn sum_us(self, list: &str) -> Option<u64> {
        let scale = match self {
            Self::S => 1e6,
            Self::Ms => 1e3,
            Self::Ns => 1e-3,
        };
        let parts =
            list.split(", ").map(|part| part.parse::<f64>().ok().filter(|_| !part.starts_with(['+', '-'])));
        // The decimals of a float are not exact; nanoseconds are cut off.
        parts.map(|part| Some((part? * scale + 1e-4) as u64)).sum()
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map_or("-".into(), |bytes| String::from_utf8_lossy(bytes)).into_owned()
}

fn number(number: Option<impl ToString>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}

fn client(record: &Record<'_>) -> String {
    match record.client {
        Client::Ip(address) => address.to_string(),
        Client::Name(name) => text(Some(name)),
        Client::Unknown => "-".to_owned(),
    }
}

fn path_and_query(target: &str) -> &str {
    let authority = target.split_once("://").map(|(_, authority)| authority);
    authority.and_then(|authority| Some(&authority[authority.find('/')?..])).unwrap_or(target)
}

fn path(target: &str) -> &str {
    let path = path_and_query(target);
    path.split('?').next().unwrap_or(path)
}

fn instant(us: Option<i64>) -> String {
    us.map_or("-".to_owned(), |us| Timestamp::from_microsecond(us).expect("in range").to_string())
}

/// Microseconds of a date in any of the forms that the expectations have. Zone-less ones are UTC, as in the formats.
fn read_instant(text: &str) -> Option<i64> {
    let timestamp = text.parse::<Timestamp>().ok();
    let clf = || jiff::fmt::strtime::parse("%d/%b/%Y:%H:%M:%S %z", text).ok()?.to_timestamp().ok();
    let haproxy = || {
        let date = DateTime::strptime("%d/%b/%Y:%H:%M:%S%.f", text).ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    if let Some(timestamp) = timestamp.or_else(clf).or_else(haproxy) {
        return Some(timestamp.as_microsecond());
    }
    // Seconds with decimals, or nanoseconds, since 1970.
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, ""));
    let (seconds, decimals) =
        if seconds.len() > 10 { seconds.split_at_checked(10)? } else { (seconds, decimals) };
    let us: i64 = format!("{decimals:0<6}").get(..6)?.parse().ok()?;
    Some(seconds.parse::<i64>().ok()? * 1_000_000 + us)
}
