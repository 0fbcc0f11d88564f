//! `hourly.csv`, `top.csv`, `availability.csv`, `bans.csv` and `backtest.csv`. Never merges or rounds away: empty means unknown.

use crate::columns::{COLUMNS, Get, MILLIS_DECIMALS, RATE_DECIMALS};
use crate::hours::rfc3339;
use crate::model::{Backtest, BacktestRow, BanReport, By, Figures, HourRow, Report};
use crate::text::{csv_cell, decimals};

/// `hourly.csv`: one row per hour and group, as `report.hours` has them.
#[must_use]
pub fn hourly(report: &Report) -> Vec<u8> {
    rows(&report.hours, "hour", &report.by)
}

/// The rows with these names; `start` is that of the column of their starts.
pub(crate) fn rows<'r>(rows: impl IntoIterator<Item = &'r HourRow>, start: &str, by: &[By]) -> Vec<u8> {
    let mut table = Table::new();
    let names = by.iter().map(|by| by.name());
    table.row([start, "source"].into_iter().chain(names).chain(COLUMNS.iter().map(|column| column.name)));
    for row in rows {
        let by = by.iter().map(|by| csv_cell(by.value(&row.group).unwrap_or_default()).into_owned());
        let names = [rfc3339(row.hour), csv_cell(&row.group.source).into_owned()].into_iter().chain(by);
        table.row(names.chain(COLUMNS.iter().map(|column| figure(column.get, &row.figures))));
    }
    table.finish()
}

/// `top.csv`: every row of every top list.
#[must_use]
pub fn top(report: &Report) -> Vec<u8> {
    let mut table = Table::new();
    table.row(["list", "source", "rank", "value", "requests", "error", "bytes_sent", "latency_p95_ms"]);
    for list in &report.top {
        for (row, rank) in list.rows.iter().zip(1..) {
            table.row([
                csv_cell(&list.list).into_owned(),
                csv_cell(&list.source).into_owned(),
                u64::to_string(&rank),
                csv_cell(&row.value).into_owned(),
                row.requests.to_string(),
                row.error.to_string(),
                row.bytes_sent.map(|bytes| bytes.to_string()).unwrap_or_default(),
                number(row.latency_p95_ms, MILLIS_DECIMALS),
            ]);
        }
    }
    table.finish()
}

/// `availability.csv`: every stretch of every server, sorted by source, backend, server and time.
#[must_use]
pub fn availability(report: &Report) -> Vec<u8> {
    let mut table = Table::new();
    table.row(["source", "backend", "server", "state", "from", "to", "seconds", "reason"]);
    for row in &report.availability {
        for interval in &row.intervals {
            table.row([
                csv_cell(&row.source).into_owned(),
                csv_cell(&row.backend).into_owned(),
                csv_cell(row.server.as_deref().unwrap_or_default()).into_owned(),
                interval.state.name().to_owned(),
                rfc3339(interval.from),
                rfc3339(interval.to),
                interval.seconds().to_string(),
                csv_cell(interval.reason.as_deref().unwrap_or_default()).into_owned(),
            ]);
        }
    }
    table.finish()
}

/// `bans.csv`: bans by hour (or day) and rule, where there were any.
#[must_use]
pub fn bans(bans: &BanReport) -> Vec<u8> {
    let mut table = Table::new();
    table.row(["period", "rule", "bans"]);
    for period in &bans.periods {
        table.row([rfc3339(period.start), csv_cell(&period.rule).into_owned(), period.bans.to_string()]);
    }
    table.finish()
}

/// `backtest.csv`: a row for each rule and each value of the word in `sweep`.
#[must_use]
pub fn backtest(backtest: &Backtest) -> Vec<u8> {
    type Count = (&'static str, fn(&BacktestRow) -> u64);
    const COUNTS: [Count; 11] = [
        ("hits", |row| row.hits),
        ("bans", |row| row.bans),
        ("networks", |row| row.networks),
        ("refused", |row| row.refused),
        ("collateral", |row| row.collateral),
        ("authenticated", |row| row.authenticated),
        ("users", |row| row.users),
        ("crawler_requests", |row| row.crawler_requests),
        ("shared_networks", |row| row.shared_networks),
        ("user_agents_max", |row| row.user_agents_max),
        ("bytes_sent", |row| row.bytes_sent),
    ];
    let mut table = Table::new();
    let names = COUNTS.iter().map(|(name, _)| *name);
    table.row(["rule", "sweep", "value"].into_iter().chain(names));
    let word = csv_cell(backtest.sweep.as_deref().unwrap_or_default());
    for row in &backtest.rows {
        let value = csv_cell(row.value.as_deref().unwrap_or_default());
        let texts = [csv_cell(&row.rule), word.clone(), value].map(std::borrow::Cow::into_owned);
        let counts = COUNTS.iter().map(|(_, get)| get(row).to_string());
        table.row(texts.into_iter().chain(counts));
    }
    table.finish()
}

fn figure(get: Get, figures: &Figures) -> String {
    match get {
        Get::Count(get) => get(figures).map(|count| count.to_string()).unwrap_or_default(),
        Get::Rate(get) => number(Some(get(figures)), RATE_DECIMALS),
        Get::Millis(get) => number(get(figures), MILLIS_DECIMALS),
    }
}

fn number(number: Option<f64>, places: usize) -> String {
    number.filter(|number| number.is_finite()).map(|number| decimals(number, places)).unwrap_or_default()
}

/// Rows into memory, so that writing cannot fail.
struct Table(csv::Writer<Vec<u8>>);

impl Table {
    fn new() -> Self {
        Self(csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new()))
    }

    fn row<C: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.0.write_record(cells).expect("rows are of equal length and memory does not fail");
    }

    fn finish(self) -> Vec<u8> {
        self.0.into_inner().expect("memory does not fail")
    }
}
