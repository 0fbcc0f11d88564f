//! Top lists become rows: ranked, with their error. Counts nothing.

use crate::rollup::{ListKind, TopEntry, TopSummary, client_of_key};
use logstat_parsers::Client;
use logstat_reports::model::{TopList, TopRow};
use logstat_reports::text::printable;
use std::borrow::Cow;

/// Timed requests that a path needs before it can be called slow.
const SLOW_PATH_REQUESTS: u64 = 20;

/// The first `count` rows of every list of a source that has any.
pub(super) fn top_lists<'l>(
    source: &str,
    has_bytes: bool,
    count: usize,
    list_of: impl Fn(ListKind) -> Cow<'l, TopSummary>,
) -> Vec<TopList> {
    if count == 0 {
        return Vec::new();
    }
    let mut lists = Vec::new();
    for kind in ListKind::ALL {
        let summary = list_of(kind);
        let mut push = |list: &str, entries| {
            let rows = rows(kind, entries, summary.error(), has_bytes);
            lists.push(TopList { list: list.to_owned(), source: source.to_owned(), rows });
        };
        push(kind.name(), summary.best(count));
        if kind == ListKind::Paths {
            push("slow_paths", summary.slowest(count, SLOW_PATH_REQUESTS));
        }
    }
    lists.retain(|list| !list.rows.is_empty());
    lists
}

fn rows(kind: ListKind, entries: Vec<TopEntry>, error: u64, has_bytes: bool) -> Vec<TopRow> {
    let row = |entry: TopEntry| TopRow {
        value: top_value(kind, &entry.key),
        requests: entry.requests,
        error,
        bytes_sent: has_bytes.then_some(entry.bytes_sent),
        latency_p95_ms: entry.latency_p95_us.map(|us| us as f64 / 1000.0),
    };
    entries.into_iter().map(row).collect()
}

fn top_value(kind: ListKind, key: &[u8]) -> String {
    match kind {
        ListKind::Clients => match client_of_key(key) {
            Client::Ip(ip) => ip.to_string(),
            Client::Name(name) => printable(name),
            Client::Unknown => String::new(),
        },
        ListKind::Paths
        | ListKind::Referrers
        | ListKind::UserAgents
        | ListKind::ErrorPaths
        | ListKind::NotFound => printable(key),
    }
}
