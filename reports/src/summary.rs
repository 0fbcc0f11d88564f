//! `summary.json`: what was read, where every line went, and the totals. Holds no series; those are in the tables.
//! `backtest.json`: a back-test, whole.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::columns::{COLUMNS, Get, MILLIS_DECIMALS, RATE_DECIMALS};
use crate::hours::{gaps, rfc3339};
use crate::model::{
    Accounting, Backtest, BacktestRow, BanReport, BannedNetwork, Figures, LogGap, Report, RuleRow,
    ServerAvailability, SourceSummary,
};
use crate::text::is_hidden;

/// The summary as indented JSON with a line end. Keys always come in the same order, and characters that a terminal
/// would act upon are written as `\u…`, so that it can be printed as it is.
#[must_use]
pub fn summary_json(report: &Report) -> Vec<u8> {
    let summary = Summary {
        version: &report.version,
        window: window(report.since, report.until),
        step_s: report.step.seconds(),
        timezone: &report.timezone,
        sources: &report.sources,
        accounting: &report.accounting,
        duplicates_skipped: report.duplicates_skipped,
        gaps: gaps(report).into_iter().map(|gap| window(gap.since, gap.until)).collect(),
        lost: report.gaps.iter().map(Lost).collect(),
        totals: Totals { figures: &report.totals, clients_error: report.clients_error },
        availability: &report.availability,
        availability_left_out: report.availability_left_out,
        bans: report.bans.as_ref().map(Bans::of),
        notes: &report.notes,
    };
    indented(&summary)
}

/// A back-test as indented JSON with a line end, written as the summary is.
#[must_use]
pub fn backtest_json(backtest: &Backtest) -> Vec<u8> {
    let Backtest { since, until, timezone, requests, sweep, rows } = backtest;
    let window = window(*since, *until);
    indented(&BacktestJson { window, timezone, requests: *requests, sweep: sweep.as_deref(), rows })
}

fn indented(document: &impl Serialize) -> Vec<u8> {
    let mut json = serde_json::to_string_pretty(document).expect("our documents have only string keys");
    json.push('\n');
    escape_hidden(&json).into_bytes()
}

#[derive(Serialize)]
struct BacktestJson<'a> {
    window: Window,
    timezone: &'a str,
    requests: u64,
    sweep: Option<&'a str>,
    rows: &'a [BacktestRow],
}

#[derive(Serialize)]
struct Summary<'a> {
    version: &'a str,
    window: Window,
    step_s: i64,
    timezone: &'a str,
    sources: &'a [SourceSummary],
    accounting: &'a Accounting,
    duplicates_skipped: u64,
    gaps: Vec<Window>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lost: Vec<Lost<'a>>,
    totals: Totals<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    availability: &'a [ServerAvailability],
    #[serde(skip_serializing_if = "is_zero")]
    availability_left_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bans: Option<Bans<'a>>,
    notes: &'a [String],
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Serialize)]
struct Window {
    since: String,
    until: String,
}

fn window(since: i64, until: i64) -> Window {
    Window { since: rfc3339(since), until: rfc3339(until) }
}

/// What was lost of a log, with its time as the other times are.
struct Lost<'a>(&'a LogGap);

impl Serialize for Lost<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let gap = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("source", &gap.source)?;
        map.serialize_entry("path", &gap.path)?;
        map.serialize_entry("offset", &gap.offset)?;
        map.serialize_entry("unread_bytes", &gap.unread_bytes)?;
        map.serialize_entry("why", &gap.why)?;
        map.serialize_entry("found", &rfc3339(gap.found_at))?;
        map.end()
    }
}

/// What was banned, without its hours.
#[derive(Serialize)]
struct Bans<'a> {
    bans: u64,
    networks_banned: u64,
    in_force: u64,
    late_hits: u64,
    spared_hits: u64,
    evicted_keys: u64,
    evicted_bans: u64,
    rules: &'a [RuleRow],
    networks: Vec<Network<'a>>,
}

impl<'a> Bans<'a> {
    fn of(bans: &'a BanReport) -> Self {
        let BanReport { bans: count, networks_banned, in_force, late_hits, spared_hits, .. } = *bans;
        Self {
            bans: count,
            networks_banned,
            in_force,
            late_hits,
            spared_hits,
            evicted_keys: bans.evicted_keys,
            evicted_bans: bans.evicted_bans,
            rules: &bans.rules,
            networks: bans.networks.iter().map(Network::of).collect(),
        }
    }
}

/// A banned network, with its time as the other times are.
#[derive(Serialize)]
struct Network<'a> {
    network: &'a str,
    rules: &'a [String],
    bans: u64,
    hits: u64,
    until: String,
    in_force: bool,
}

impl<'a> Network<'a> {
    fn of(network: &'a BannedNetwork) -> Self {
        let BannedNetwork { network, rules, bans, hits, until, in_force } = network;
        Self { network, rules, bans: *bans, hits: *hits, until: rfc3339(*until), in_force: *in_force }
    }
}

/// The columns of `hourly.csv` by name, and what does not fit into a cell.
struct Totals<'a> {
    figures: &'a Figures,
    clients_error: f64,
}

impl Serialize for Totals<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let figures = self.figures;
        let mut map = serializer.serialize_map(None)?;
        for column in &COLUMNS {
            match column.get {
                Get::Count(get) => map.serialize_entry(column.name, &get(figures))?,
                Get::Rate(get) => map.serialize_entry(column.name, &rounded(get(figures), RATE_DECIMALS))?,
                Get::Millis(get) => {
                    map.serialize_entry(column.name, &get(figures).map(|ms| rounded(ms, MILLIS_DECIMALS)))?;
                }
            }
        }
        map.serialize_entry("rps_peak_at", &figures.rps_peak_at.map(rfc3339))?;
        map.serialize_entry("redispatches", &figures.redispatches)?;
        map.serialize_entry("clients_error", &self.clients_error)?;
        map.serialize_entry("status_codes", &Counts(&figures.status_codes))?;
        map.serialize_entry("cache_states", &Counts(&figures.cache_states))?;
        map.serialize_entry("terminations", &Counts(&figures.terminations))?;
        map.end()
    }
}

/// Pairs as an object, in their order.
struct Counts<'a, K>(&'a [(K, u64)]);

impl<K: ToString> Serialize for Counts<'_, K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, count)| (name.to_string(), count)))
    }
}

/// As many decimals as the tables have, so that the same figure reads the same everywhere.
fn rounded(number: f64, places: usize) -> f64 {
    format!("{number:.places$}").parse().unwrap_or(number)
}

/// Hidden characters only occur inside strings, where JSON has its own way to write them.
fn escape_hidden(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}
