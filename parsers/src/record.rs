//! One request as its log line tells it. Every field is borrowed from the line and still escaped as logged.

use std::net::IpAddr;

/// What one log line turned out to be. Each line is exactly one of these, so that every line is accounted for.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a record is the ordinary case, and is written in place")]
pub enum Line<'l> {
    /// A request (or, from HAProxy's TCP mode, a session).
    Record(Record<'l>),
    /// A message of the proxy's own, such as `Server bk/s1 is DOWN`: not a request and not an error.
    Event(Event<'l>),
    /// A line that is none of the above.
    Reject(Reject),
    /// Nothing but spaces, or nothing at all.
    Blank,
}

/// One request. `None` means that the log does not say: missing is never zero.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record<'l> {
    /// When the request ended, in microseconds since 1970 UTC. nginx logs it; for HAProxy it is the start plus the
    /// total time where both are logged, else the date that is logged.
    pub end_us: i64,
    /// The client's address, in canonical form (`::ffff:192.0.2.1` is `192.0.2.1`).
    pub client: Client<'l>,
    /// `$remote_user`: chosen by the client.
    pub remote_user: Option<&'l [u8]>,
    /// RFC 9110 method; `None` when the request line is no request line.
    pub method: Option<&'l [u8]>,
    /// The request target as logged, with its query.
    pub target: Option<&'l [u8]>,
    /// `HTTP/1.1` and so on.
    pub protocol: Option<&'l [u8]>,
    /// The whole request line as logged.
    pub request: Option<&'l [u8]>,
    /// Status code; `Some(0)` is nginx's `000`. HAProxy's `-1` is `None`.
    pub status: Option<u16>,
    /// Bytes sent to the client, with headers where the log has them (`$bytes_sent`, `%B`), else `$body_bytes_sent`.
    pub bytes_sent: Option<u64>,
    /// `Referer`.
    pub referer: Option<&'l [u8]>,
    /// `User-Agent`.
    pub user_agent: Option<&'l [u8]>,
    /// `X-Forwarded-For` as logged, without what the logging server itself adds. Only where it is whole, since the last
    /// addresses are the ones that proxies wrote; the first may be anybody's words.
    pub x_forwarded_for: Option<&'l [u8]>,
    /// The virtual host (`$server_name`, else `$host`), or the HAProxy frontend without its `~`.
    pub site: Option<&'l [u8]>,
    /// HAProxy backend, or nginx `$proxy_host`.
    pub backend: Option<&'l [u8]>,
    /// HAProxy server (`<NOSRV>` is `None`), or the last element of `$upstream_addr`.
    pub server: Option<&'l [u8]>,
    /// Total time in microseconds: `$request_time`, HAProxy `Ta` (HTTP) or `Tt` (TCP).
    pub latency_us: Option<u64>,
    /// Time in upstreams in microseconds: the sum of the known elements of `$upstream_response_time`; HAProxy `Tc + Tr`
    /// where both are known.
    pub upstream_us: Option<u64>,
    /// HAProxy `Tw`: time in queues, microseconds.
    pub queue_us: Option<u64>,
    /// HAProxy `Tc`, or the sum of `$upstream_connect_time`, microseconds.
    pub connect_us: Option<u64>,
    /// HAProxy `Tr`, or the sum of `$upstream_header_time`, microseconds.
    pub response_us: Option<u64>,
    /// HAProxy `%rc`, or the further attempts in `$upstream_addr` that a `, ` separates.
    pub retries: Option<u32>,
    /// HAProxy's `+` before `%rc`: the server logged is not the one that failed.
    pub redispatched: bool,
    /// HAProxy's termination state, two bytes (TCP) or four, as logged.
    pub termination: Option<&'l [u8]>,
    /// `$upstream_cache_status`; HAProxy's `<CACHE>` is a hit.
    pub cache: Option<CacheStatus>,
    /// The request came over TLS, where the log says so.
    pub tls: bool,
    /// The line was cut (HAProxy's `len`): the fields before the cut are good.
    pub truncated: bool,
    /// The format says whether an upstream was asked, so that a line without one means that none was.
    pub tells_upstream: bool,
}

/// Who sent the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Client<'l> {
    /// The format has no client field, or it is empty.
    #[default]
    Unknown,
    /// An address, canonical.
    Ip(IpAddr),
    /// Not an address: `unix:1`, or a host name where name look-up is on.
    Name(&'l [u8]),
}

/// nginx `$upstream_cache_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "nginx's own words")]
pub enum CacheStatus {
    Miss,
    Bypass,
    Expired,
    Stale,
    Updating,
    Revalidated,
    Hit,
    Scarce,
}

/// A message of the proxy's own between the requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'l> {
    /// When, in microseconds since 1970 UTC, where the line or its prefix has a date.
    pub at_us: Option<i64>,
    /// What kind of message.
    pub kind: EventKind,
    /// Backend or proxy concerned, where named.
    pub backend: Option<&'l [u8]>,
    /// Server concerned, where named.
    pub server: Option<&'l [u8]>,
    /// What the message says of that server, or of the backend's servers.
    pub tells: Option<Tells>,
    /// Why, in HAProxy's words: `Layer7 wrong status, code: 500`.
    pub reason: Option<&'l [u8]>,
    /// The message without its prefix.
    pub message: &'l [u8],
}

/// What a message says of the server or the backend that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tells {
    /// The server changed. HAProxy tells changes only, so the message says what it was before, too.
    Changed {
        #[expect(missing_docs)]
        from: ServerState,
        #[expect(missing_docs)]
        to: ServerState,
    },
    /// The server is in this state, and may have been for long: an answer to SIGHUP. `Up` is any state in which
    /// it serves, `Down` any in which it does not.
    Stands(ServerState),
    /// A check had a result. With `option log-health-checks` it has the reason that the change behind it lacks.
    Checked,
    /// The backend has no server left.
    NoServer,
    /// The proxy began: all of its servers count as up until a check fails.
    Started,
    /// The proxy ended, perhaps since another process took over: what that one holds of the servers is not logged.
    Stopped,
}

/// How a server stands with its proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServerState {
    /// Takes traffic.
    Up,
    /// Fails its checks.
    Down,
    /// Taken out by its administrator, by DNS or with the server that it tracks.
    Maintenance,
    /// Keeps the clients it has, by order of its administrator or its agent.
    Drain,
    /// The same, by its own answer to a check (`http-check disable-on-404`).
    Stopping,
}

impl ServerState {
    /// Whether it serves anybody.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Up | Self::Drain | Self::Stopping)
    }
}

/// What a proxy's own message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// `Server bk/s is UP`.
    ServerUp,
    /// `Server bk/s is DOWN`.
    ServerDown,
    /// Maintenance, drain, stopping and their ends.
    ServerState,
    /// `Health check for server bk/s …`.
    HealthCheck,
    /// `backend bk has no server available!`.
    NoServer,
    /// `Proxy p started.` / `stopped (…)`.
    Proxy,
    /// A connection that failed before a request: `1.2.3.4:5 [date] fe/1: SSL handshake failure`.
    ConnectionError,
    /// Anything else that the proxy itself wrote.
    Other,
}

/// Why a line is neither record nor event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// The kind, for counting.
    pub kind: RejectKind,
    /// Byte in the line (from 0) at which it stopped fitting the format.
    pub byte: usize,
    /// The client's address, canonical, only where it is certain: a whole address in its own field, and nothing before it
    /// that a client can write. Never a name.
    pub client: Option<IpAddr>,
}

impl Reject {
    /// A reject of which the client is not known.
    #[must_use]
    pub const fn new(kind: RejectKind, byte: usize) -> Self {
        Self { kind, byte, client: None }
    }
}

/// Kinds of reject. They are counted by name, so names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RejectKind {
    /// The line does not have the shape of the format.
    Shape,
    /// The line ends before the format does.
    Cut,
    /// A date that is none.
    Date,
    /// A status that is not three digits.
    Status,
    /// Some other number that is none.
    Number,
    /// A client field that is no address where only an address can stand.
    Client,
    /// The line can be read in two ways.
    Ambiguous,
    /// Longer than the limit.
    TooLong,
}

impl RejectKind {
    /// Every kind, in counting order.
    pub const ALL: [Self; 8] = [
        Self::Shape,
        Self::Cut,
        Self::Date,
        Self::Status,
        Self::Number,
        Self::Client,
        Self::Ambiguous,
        Self::TooLong,
    ];

    /// The name used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shape => "shape",
            Self::Cut => "cut",
            Self::Date => "date",
            Self::Status => "status",
            Self::Number => "number",
            Self::Client => "client",
            Self::Ambiguous => "ambiguous",
            Self::TooLong => "too_long",
        }
    }

    /// One line for a person.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Shape => "does not have the shape of the format",
            Self::Cut => "ends before the format does",
            Self::Date => "is not a date",
            Self::Status => "status is not three digits",
            Self::Number => "is not a number",
            Self::Client => "is not a client address",
            Self::Ambiguous => "can be read in two ways",
            Self::TooLong => "is longer than the limit",
        }
    }
}

impl CacheStatus {
    /// Every state, in the order of its number.
    pub const ALL: [Self; 8] = [
        Self::Miss,
        Self::Bypass,
        Self::Expired,
        Self::Stale,
        Self::Updating,
        Self::Revalidated,
        Self::Hit,
        Self::Scarce,
    ];

    /// nginx's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Miss => "MISS",
            Self::Bypass => "BYPASS",
            Self::Expired => "EXPIRED",
            Self::Stale => "STALE",
            Self::Updating => "UPDATING",
            Self::Revalidated => "REVALIDATED",
            Self::Hit => "HIT",
            Self::Scarce => "SCARCE",
        }
    }

    /// The answer came from the cache without waiting for the upstream.
    #[must_use]
    pub const fn is_hit(self) -> bool {
        matches!(self, Self::Hit | Self::Stale | Self::Updating | Self::Revalidated)
    }

    /// The cache was asked at all.
    #[must_use]
    pub const fn is_lookup(self) -> bool {
        !matches!(self, Self::Bypass)
    }
}
