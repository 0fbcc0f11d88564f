//! What a report is made of: finished figures, and the raw mergeable parts beside them. Nothing here merges or computes.

mod backtest;
mod bans;

pub use backtest::{Backtest, BacktestRow};
pub use bans::{BanReport, BannedNetwork, ListedBan, ListedRule, PeriodBans, RuleRow};

use serde::Serialize;

/// Figures of one group of requests over one stretch of time. `None` means that the logs do not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Requests that ended in the stretch.
    pub requests: u64,
    /// Seconds of the stretch that lie inside the window.
    pub covered_s: u64,
    /// Requests per covered second.
    pub rps_mean: f64,
    /// Requests in the busiest second.
    pub rps_peak: u64,
    /// That second, Unix seconds; the earliest of several.
    pub rps_peak_at: Option<i64>,
    /// Requests by class of status.
    pub status_1xx: u64,
    #[expect(missing_docs)]
    pub status_2xx: u64,
    #[expect(missing_docs)]
    pub status_3xx: u64,
    #[expect(missing_docs)]
    pub status_4xx: u64,
    #[expect(missing_docs)]
    pub status_5xx: u64,
    /// Status missing or outside 100–599 (nginx's `000`, `009`).
    pub status_other: u64,
    /// Each status code with its count, ascending; requests without a status are not in it.
    pub status_codes: Vec<(u16, u64)>,
    /// Sum of the bytes sent; `None` when no line has them.
    pub bytes_sent: Option<u64>,
    /// Total time.
    pub latency: Timing,
    /// Time in upstreams.
    pub upstream: Timing,
    /// HAProxy `Tw`.
    pub queue: Timing,
    /// HAProxy `Tc`, nginx `$upstream_connect_time`.
    pub connect: Timing,
    /// HAProxy `Tr`, nginx `$upstream_header_time`.
    pub response: Timing,
    /// Retries; `None` when no line has them.
    pub retries: Option<u64>,
    /// Redispatches; `None` when no line has retries.
    pub redispatches: Option<u64>,
    /// Requests answered from the cache; `None` when no line has a cache state.
    pub cache_hits: Option<u64>,
    /// Requests that asked the cache.
    pub cache_lookups: Option<u64>,
    /// Cache states with their counts, by name.
    pub cache_states: Vec<(String, u64)>,
    /// Termination states with their counts, by name.
    pub terminations: Vec<(String, u64)>,
    /// Distinct clients (estimate, see `clients_error`); `None` when no line has a client.
    pub clients: Option<u64>,
    /// Requests whose user agent is a bot's; `None` when no line has a user agent.
    pub bot_requests: Option<u64>,
    /// Failed requests by whose doing it was; `None` when no line has a status or a termination state.
    pub failures: Option<Failures>,
    /// Second of the stretch's first hour → requests, ascending. Empty where not kept (totals).
    #[serde(skip)]
    pub seconds: Vec<(u32, u64)>,
    /// Mergeable sketch of the clients; empty where there is none.
    #[serde(skip)]
    pub clients_sketch: Vec<u8>,
}

impl Figures {
    /// Requests whose status is logged at all: 0 for sessions of TCP, which then have no share of errors.
    #[must_use]
    pub fn with_status(&self) -> u64 {
        self.status_codes.iter().map(|&(_, count)| count).sum()
    }
}

/// Failed requests: status 5xx, 408, 494–497 or 499, or a termination state that names a cause. A connection on which
/// no request came (`CR`, `cR`) is none of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// Gave up, timed out, or sent what has to be refused.
    pub client: u64,
    /// Refused, broke off, timed out or answered with an error; no server was available.
    pub server: u64,
    /// The proxy's own error, limit, rule or administrator.
    pub proxy: u64,
    /// The log does not say.
    pub unknown: u64,
}

impl Failures {
    /// Of all causes.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.client.saturating_add(self.server).saturating_add(self.proxy).saturating_add(self.unknown)
    }
}

/// A distribution of times. All figures are `None` when `n` is 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Timing {
    /// Requests that have this time.
    pub n: u64,
    /// Exact mean, milliseconds.
    pub mean_ms: Option<f64>,
    /// Nearest-rank percentiles, milliseconds, within 0.2 %.
    pub p50_ms: Option<f64>,
    #[expect(missing_docs)]
    pub p90_ms: Option<f64>,
    #[expect(missing_docs)]
    pub p95_ms: Option<f64>,
    #[expect(missing_docs)]
    pub p99_ms: Option<f64>,
    /// Exact maximum, milliseconds.
    pub max_ms: Option<f64>,
    /// Exact sum, microseconds.
    #[serde(skip)]
    pub sum_us: u64,
    /// Values that are not whole milliseconds.
    #[serde(skip)]
    pub sub_ms: u64,
    /// Histogram: (bucket, count), ascending.
    #[serde(skip)]
    pub buckets: Vec<(u32, u64)>,
}

/// What a row is about. Only the parts asked for with `--by` are set.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Group {
    /// Name of the source; empty where all sources are added up.
    pub source: String,
    /// The others, where asked for and known.
    pub site: Option<String>,
    #[expect(missing_docs)]
    pub backend: Option<String>,
    #[expect(missing_docs)]
    pub server: Option<String>,
    #[expect(missing_docs)]
    pub tier: Option<String>,
    #[expect(missing_docs)]
    pub node: Option<String>,
    #[expect(missing_docs)]
    pub method: Option<String>,
    #[expect(missing_docs)]
    pub status: Option<String>,
}

/// A column that `--by` adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the column of that name")]
pub enum By {
    Site,
    Backend,
    Server,
    Tier,
    Node,
    Method,
    Status,
}

impl By {
    /// All, in the order of their columns.
    pub const ALL: [Self; 7] =
        [Self::Site, Self::Backend, Self::Server, Self::Tier, Self::Node, Self::Method, Self::Status];

    /// The column's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Backend => "backend",
            Self::Server => "server",
            Self::Tier => "tier",
            Self::Node => "node",
            Self::Method => "method",
            Self::Status => "status",
        }
    }

    /// The group's value in this column.
    #[must_use]
    pub fn value(self, group: &Group) -> Option<&str> {
        match self {
            Self::Site => group.site.as_deref(),
            Self::Backend => group.backend.as_deref(),
            Self::Server => group.server.as_deref(),
            Self::Tier => group.tier.as_deref(),
            Self::Node => group.node.as_deref(),
            Self::Method => group.method.as_deref(),
            Self::Status => group.status.as_deref(),
        }
    }
}

/// One hour of one group, or one day where the report goes by days.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HourRow {
    /// Start of the hour, Unix seconds (a multiple of 3600), or of the day (UTC).
    pub hour: i64,
    #[expect(missing_docs)]
    pub group: Group,
    #[expect(missing_docs)]
    pub figures: Figures,
}

/// One group over the whole window, for the per-site, per-backend and per-server tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct GroupRow {
    #[expect(missing_docs)]
    pub group: Group,
    #[expect(missing_docs)]
    pub figures: Figures,
}

/// A top list of one source over the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TopList {
    /// `clients`, `paths`, `slow_paths`, `referrers`, `user_agents`, `error_paths`, `not_found`.
    pub list: String,
    /// Source.
    pub source: String,
    /// Rows by rank; the first is rank 1.
    pub rows: Vec<TopRow>,
}

/// One row of a top list.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TopRow {
    /// The value as logged; invalid UTF-8 and control characters are already written as `\xHH`.
    pub value: String,
    /// Requests counted: a lower bound; the true count is at most `requests + error`.
    pub requests: u64,
    /// Bound of the error of `requests`; 0 is exact.
    pub error: u64,
    /// Bytes sent, counted over the same requests.
    pub bytes_sent: Option<u64>,
    /// 95th percentile of the total time, milliseconds, within 6.3 % (a coarse sketch).
    pub latency_p95_ms: Option<f64>,
}

/// A source and what was read of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SourceSummary {
    #[expect(missing_docs)]
    pub name: String,
    /// Names or strings of the formats that lines have.
    pub format: String,
    /// `given`, `detected`, or `stored` by an earlier run.
    pub format_from: String,
    #[expect(missing_docs)]
    pub tier: Option<String>,
    #[expect(missing_docs)]
    pub node: Option<String>,
    #[expect(missing_docs)]
    pub files: Vec<FileSummary>,
    /// Lines of this source.
    pub accounting: Accounting,
}

/// A file and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FileSummary {
    #[expect(missing_docs)]
    pub path: String,
    /// Uncompressed bytes read.
    pub bytes: u64,
    /// Lines read.
    pub lines: u64,
    /// Formats of its requests, in order of appearance.
    pub formats: Vec<FormatShare>,
    /// Why it was not read, or not to its end; `None` when it was read whole.
    pub skipped: Option<String>,
}

/// A format that lines of a file have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FormatShare {
    /// Format name or string.
    pub format: String,
    /// The first line that has it, from 1.
    pub first_line: u64,
    /// Lines that have it.
    pub lines: u64,
}

/// Where every line went: `lines = records + events + rejects + blank`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Accounting {
    #[expect(missing_docs)]
    pub lines: u64,
    /// Requests, those outside the window among them.
    pub records: u64,
    /// Of the records: outside the window, in no figure.
    pub outside_window: u64,
    /// Of the records: more than five minutes in the future, set aside.
    pub future: u64,
    #[expect(missing_docs)]
    pub events: u64,
    #[expect(missing_docs)]
    pub rejects: u64,
    #[expect(missing_docs)]
    pub blank: u64,
    /// Records whose line ends before its format does.
    pub truncated: u64,
    /// Bytes of NUL skipped (a crash leaves them).
    pub nul_bytes: u64,
    /// Rejects by kind, only those that occurred.
    pub reject_kinds: Vec<RejectSummary>,
}

/// Rejects of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RejectSummary {
    /// `shape`, `date`, …
    pub kind: String,
    /// For a person.
    pub explain: String,
    #[expect(missing_docs)]
    pub count: u64,
    /// The first ones.
    pub first: Vec<Place>,
}

/// A place in a log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    #[expect(missing_docs)]
    pub file: String,
    /// Line in the file, from 1.
    pub line: u64,
    /// Byte in the line, from 1.
    pub byte: u64,
    /// The start of the line, made safe for showing (control characters and invalid UTF-8 as `\xHH`).
    pub excerpt: String,
}

/// A message of a proxy, for the event table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventRow {
    /// Unix seconds.
    pub at: Option<i64>,
    #[expect(missing_docs)]
    pub source: String,
    /// `server_down`, …
    pub kind: String,
    /// Safe for showing.
    pub message: String,
}

/// Bytes of a log that were gone before they could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogGap {
    #[expect(missing_docs)]
    pub source: String,
    /// Where the log was last seen; safe for showing.
    pub path: String,
    /// Everything before was read.
    pub offset: u64,
    /// `None` where nobody knows.
    pub unread_bytes: Option<u64>,
    /// For people.
    pub why: String,
    /// When it was found, Unix seconds.
    pub found_at: i64,
}

/// How a server stands with its proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[expect(missing_docs, reason = "HAProxy's own words")]
pub enum ServerState {
    Up,
    Down,
    Maintenance,
    Drain,
    Stopping,
}

impl ServerState {
    /// The name used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Maintenance => "maintenance",
            Self::Drain => "drain",
            Self::Stopping => "stopping",
        }
    }
}

/// A stretch of one state inside the window, Unix seconds: from `from` up to but not including `to`. Both are equal
/// when it was over within the second.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub struct StateInterval {
    pub state: ServerState,
    pub from: i64,
    pub to: i64,
    /// Why it began, in the proxy's words; safe for showing. `None` where the log does not say.
    pub reason: Option<String>,
}

impl StateInterval {
    /// Its length.
    #[must_use]
    pub const fn seconds(&self) -> u64 {
        self.to.saturating_sub(self.from).unsigned_abs()
    }
}

/// How a server stood over the window, by its proxy's messages. The seconds of all states add up to `known_s`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ServerAvailability {
    #[expect(missing_docs)]
    pub source: String,
    #[expect(missing_docs)]
    pub backend: String,
    /// `None` is the backend as a whole: down means that it had no server left.
    pub server: Option<String>,
    /// `up_s / (up_s + down_s)`: neither maintenance nor draining counts. `None` where it was neither.
    pub availability: Option<f64>,
    /// Seconds of the window of which the state is known.
    pub known_s: u64,
    #[expect(missing_docs)]
    pub up_s: u64,
    #[expect(missing_docs)]
    pub down_s: u64,
    #[expect(missing_docs)]
    pub maintenance_s: u64,
    /// Draining or stopping.
    pub drain_s: u64,
    /// Times that it was down in the window.
    pub downs: u64,
    /// The longest of them, as far as it lies in the window.
    pub longest_down_s: u64,
    /// Why it was last down, or else not up.
    pub last_reason: Option<String>,
    /// Oldest first; what lies between two of them is unknown.
    #[serde(skip)]
    pub intervals: Vec<StateInterval>,
}

/// Latencies by hour (or day), for the heat map: `cells[h][b]` requests of hour `hours[h]` fell in band `b`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Heat {
    /// Start of each hour, Unix seconds, ascending, without gaps.
    pub hours: Vec<i64>,
    /// Upper bounds of the bands, milliseconds, ascending; the last band has none, so there is one band more.
    pub bounds_ms: Vec<f64>,
    #[expect(missing_docs)]
    pub cells: Vec<Vec<u64>>,
}

/// How long the stretch of a row is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Step {
    #[default]
    Hour,
    /// Of UTC, since its figures cannot be cut up again.
    Day,
}

impl Step {
    /// Its length.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// What one is called.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The files of the rows, without their suffix.
    #[must_use]
    pub const fn file_stem(self) -> &'static str {
        match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
        }
    }
}

/// Everything a report shows.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Program version.
    pub version: String,
    /// The window, Unix seconds: from `since` up to but not including `until`.
    pub since: i64,
    #[expect(missing_docs)]
    pub until: i64,
    /// Whether its rows are hours or days.
    pub step: Step,
    /// IANA name of the zone for display. Days are always shown in UTC, which they are of.
    pub timezone: String,
    /// Columns asked for with `--by`, in column order.
    pub by: Vec<By>,
    #[expect(missing_docs)]
    pub sources: Vec<SourceSummary>,
    /// All sources together.
    pub accounting: Accounting,
    /// The whole window, each request once: the sources of the outermost tier.
    pub totals: Figures,
    /// Relative standard error of every `clients`, such as 0.016.
    pub clients_error: f64,
    /// Hours (or days) and groups as asked for, sorted by hour, source and group. This is `hourly.csv`, or `daily.csv`.
    pub hours: Vec<HourRow>,
    /// Each hour with all outermost sources added up, sorted, every hour of the window that has data. For the
    /// pictures. A missing hour is a gap.
    pub hour_totals: Vec<HourRow>,
    /// Tables for the terminal and the page, most requests first; empty when there is nothing to compare.
    pub by_source: Vec<GroupRow>,
    #[expect(missing_docs)]
    pub by_site: Vec<GroupRow>,
    #[expect(missing_docs)]
    pub by_backend: Vec<GroupRow>,
    #[expect(missing_docs)]
    pub by_server: Vec<GroupRow>,
    /// Hour by server, with requests only, for the picture of shares: same order as `by_server` in each hour is not
    /// promised.
    pub server_hours: Vec<HourRow>,
    #[expect(missing_docs)]
    pub top: Vec<TopList>,
    /// Latency heat map; empty when no line has a latency.
    pub heat: Heat,
    /// Messages of the proxies inside the window, oldest first, capped.
    pub events: Vec<EventRow>,
    /// Messages not in `events` because of the cap.
    pub events_left_out: u64,
    /// How servers stood, by source, backend and server; empty when no proxy said anything of them.
    pub availability: Vec<ServerAvailability>,
    /// Messages about servers not in `availability` because of its limits.
    pub availability_left_out: u64,
    /// What was banned; `None` where no rule was asked for.
    pub bans: Option<BanReport>,
    /// What was lost before it could be read, and found to be so in the window.
    pub gaps: Vec<LogGap>,
    /// Files that were not read because others hold the same lines.
    pub duplicates_skipped: u64,
    /// Things the reader must know: data that is missing and what to do about it.
    pub notes: Vec<String>,
}
