//! Phrases and groupings that the terminal, the page and the charts share. Knows no layout.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::columns::TIMINGS;
use crate::model::{Accounting, Failures, Figures, Group, Timing};
use crate::text;

/// The summands of `1,000 lines = 990 records + 4 events + 5 rejects + 1 blank`, the first of them with the sum before
/// it; a `+` goes between them.
pub(crate) fn equation(accounting: &Accounting) -> [String; 4] {
    let Accounting { lines, records, events, rejects, blank, .. } = *accounting;
    [
        format!("{} = {}", counted(lines, "line"), counted(records, "record")),
        counted(events, "event"),
        counted(rejects, "reject"),
        format!("{} blank", text::grouped(blank)),
    ]
}

/// What the equation does not say.
pub(crate) fn remarks(accounting: &Accounting) -> Vec<String> {
    let Accounting { outside_window, future, truncated, nul_bytes, .. } = *accounting;
    [
        remark(
            outside_window,
            "of the records is outside the window",
            "of the records are outside the window",
        ),
        remark(
            future,
            "of the records is more than five minutes in the future and set aside",
            "of the records are more than five minutes in the future and set aside",
        ),
        remark(truncated, "record ends before its format does", "records end before their format does"),
        remark(
            nul_bytes,
            "NUL byte was skipped, as a crash leaves it",
            "NUL bytes were skipped, as a crash leaves them",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A count and what is to be said of it; nothing where there is none.
pub(crate) fn remark(count: u64, one: &str, several: &str) -> Option<String> {
    let says = if count == 1 { one } else { several };
    (count > 0).then(|| format!("{} {says}", text::grouped(count)))
}

/// `1 line`, `2,000 lines`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {}", text::grouped(count), plural(count, noun))
}

/// The same at a glance: `1 request`, `12.3 k requests`.
pub(crate) fn roughly(count: u64, noun: &str) -> String {
    format!("{} {}", text::count(count), plural(count, noun))
}

fn plural(count: u64, noun: &str) -> String {
    let ending = match count {
        1 => "",
        _ if noun.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{noun}{ending}")
}

/// `backend/server`, or the part of it that is known.
pub(crate) fn server_name(group: &Group) -> String {
    let parts: Vec<&str> =
        [&group.backend, &group.server].into_iter().flatten().map(String::as_str).collect();
    if parts.is_empty() { NONE.to_owned() } else { parts.join("/") }
}

/// A group without a name.
pub(crate) const NONE: &str = "(none)";

/// The times that the logs have, the total first.
pub(crate) fn timings(figures: &Figures) -> Vec<(&'static str, &Timing)> {
    let called = |name| if name == "latency" { "total" } else { name };
    let timings = TIMINGS.iter().map(|(name, timing)| (called(*name), timing(figures)));
    timings.filter(|(_, timing)| timing.n > 0).collect()
}

/// Status codes with their counts, most first.
pub(crate) fn statuses(figures: &Figures) -> Vec<(u16, u64)> {
    let mut codes = figures.status_codes.clone();
    codes.sort_by_key(|&(code, count)| (Reverse(count), code));
    codes
}

/// What requests without a status have instead of a meaning.
pub(crate) const NO_STATUS: &str = "no status logged";

/// Requests without a status.
pub(crate) fn without_status(figures: &Figures) -> u64 {
    figures.requests.saturating_sub(figures.status_codes.iter().map(|&(_, count)| count).sum())
}

/// The name of a top list.
pub(crate) fn list_title(list: &str) -> String {
    match list {
        "clients" => "Clients".into(),
        "paths" => "Paths".into(),
        "slow_paths" => "Slow paths".into(),
        "referrers" => "Referrers".into(),
        "user_agents" => "User agents".into(),
        "error_paths" => "Paths with errors".into(),
        "not_found" => "Not found".into(),
        other => other.replace('_', " "),
    }
}

/// The usual codes in words, nginx's own among them; the others stand for themselves.
pub(crate) const fn status_meaning(code: u16) -> &'static str {
    match code {
        0 => "no response",
        9 => "http/0.9",
        101 => "switching protocols",
        200 => "ok",
        201 => "created",
        204 => "no content",
        206 => "partial content",
        301 => "moved permanently",
        302 => "found",
        303 => "see other",
        304 => "not modified",
        307 => "temporary redirect",
        308 => "permanent redirect",
        400 => "bad request",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not found",
        405 => "method not allowed",
        408 => "request timeout",
        410 => "gone",
        413 => "content too large",
        416 => "range not satisfiable",
        421 => "misdirected request",
        429 => "too many requests",
        444 => "closed unanswered",
        494 => "header too large",
        495 | 496 => "client certificate",
        497 => "http to https port",
        499 => "client closed request",
        500 => "internal server error",
        502 => "bad gateway",
        503 => "service unavailable",
        504 => "gateway timeout",
        _ => "",
    }
}

/// Termination states by cause and phase with their counts, most first; empty when every session ended normally. The
/// cookie's part of a state says nothing about the end.
pub(crate) fn terminations(states: &[(String, u64)]) -> Vec<(String, u64)> {
    let mut by_end: BTreeMap<String, u64> = BTreeMap::new();
    for (state, count) in states {
        *by_end.entry(state.chars().take(2).collect()).or_default() += count;
    }
    if by_end.keys().all(|state| state == "--") {
        return Vec::new();
    }
    let mut ends: Vec<(String, u64)> = by_end.into_iter().collect();
    sort_most_first(&mut ends);
    ends
}

/// By count, then by name.
pub(crate) fn sort_most_first(counts: &mut [(String, u64)]) {
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
}

/// Who made requests fail, and how; in the order of the tables, the unknown only where there are such.
pub(crate) fn failures(failures: &Failures) -> Vec<(&'static str, u64, &'static str)> {
    let mut causes = vec![
        ("server", failures.server, "refused, broke off, timed out or answered 5xx; none was available"),
        ("client", failures.client, "gave up, timed out or sent what is refused"),
        ("proxy", failures.proxy, "its own error, limit, rule or administrator"),
    ];
    if failures.unknown > 0 {
        causes.push(("unknown", failures.unknown, "5xx in a format that tells of no upstream"));
    }
    causes
}

/// A length of time in its two largest units; `0 s` is less than a second.
pub(crate) fn span(seconds: u64) -> String {
    let [first, second] = match seconds {
        0 => return "0 s".into(),
        _ if seconds < 3600 => [(seconds / 60, "min"), (seconds % 60, "s")],
        _ if seconds <= 48 * 3600 => [(seconds / 3600, "h"), (seconds % 3600 / 60, "min")],
        _ => [(seconds / 86_400, "days"), (seconds % 86_400 / 3600, "h")],
    };
    let parts = [first, second].map(|(count, unit)| (count > 0).then(|| format!("{count} {unit}")));
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
