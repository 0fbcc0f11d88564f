//! Phrases that the terminal and the page share. Knows no layout.

use std::collections::BTreeMap;

use crate::model::Accounting;
use crate::text;

/// `1,000 lines = 990 records + 4 events + 5 rejects + 1 blank`.
pub(crate) fn equation(accounting: &Accounting) -> String {
    let Accounting { lines, records, events, rejects, blank, .. } = *accounting;
    format!(
        "{} = {} + {} + {} + {} blank",
        counted(lines, "line"),
        counted(records, "record"),
        counted(events, "event"),
        counted(rejects, "reject"),
        text::grouped(blank),
    )
}

/// What the equation does not say.
pub(crate) fn remarks(accounting: &Accounting) -> Vec<String> {
    let remark = |count: u64, text: &str| (count > 0).then(|| format!("{} {text}", text::grouped(count)));
    [
        remark(accounting.outside_window, "of the records are outside the window"),
        remark(accounting.future, "of the records are more than five minutes in the future and set aside"),
        remark(accounting.truncated, "of the records were cut by their sender"),
        remark(accounting.nul_bytes, "NUL bytes were skipped, as a crash leaves them"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `1 line`, `2,000 lines`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", text::grouped(count), if count == 1 { "" } else { "s" })
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

/// Termination states by cause and phase with their counts, most first; empty when every session ended normally.
pub(crate) fn terminations(states: &[(String, u64)]) -> Vec<(String, u64)> {
    let mut by_end: BTreeMap<String, u64> = BTreeMap::new();
    for (state, count) in states {
        *by_end.entry(state.chars().take(2).collect()).or_default() += count;
    }
    if by_end.keys().all(|state| state == "--") {
        return Vec::new();
    }
    let mut ends: Vec<(String, u64)> = by_end.into_iter().collect();
    ends.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ends
}

/// What `HAProxy` means by the first two letters of a termination state.
pub(crate) fn termination_meaning(state: &str) -> String {
    let known = match state {
        "--" => "normally",
        "CR" | "cR" => "no full request, often a pre-connect",
        "PR" => "request denied or invalid",
        "PT" => "tarpitted",
        "PH" => "response denied or invalid",
        "LR" => "answered by HAProxy itself",
        "SC" => "server refused the connection",
        "sC" => "connecting to the server timed out",
        "sQ" => "timed out in the queue",
        "sH" => "server did not answer in time",
        "SH" => "server closed before answering",
        "SD" => "server closed during the response",
        "CD" => "client left during the response",
        "cD" => "client stopped reading",
        "sD" => "server stopped sending",
        "CH" => "client left before the answer",
        "CC" => "client left during the connect",
        "CQ" => "client left the queue",
        _ => "",
    };
    if !known.is_empty() {
        return known.into();
    }
    let mut letters = state.chars();
    let cause = letters.next().map_or("", cause_meaning);
    let phase = letters.next().map_or("", phase_meaning);
    [cause, phase].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

const fn cause_meaning(letter: char) -> &'static str {
    match letter {
        'C' => "client aborted",
        'S' => "server aborted",
        'P' => "blocked by the proxy",
        'L' => "answered by HAProxy itself",
        'R' => "proxy out of resources",
        'I' => "internal error of the proxy",
        'D' => "server went down",
        'U' => "moved off a backup server",
        'K' => "killed by an administrator",
        'c' => "client timed out",
        's' => "server timed out",
        _ => "",
    }
}

const fn phase_meaning(letter: char) -> &'static str {
    match letter {
        'R' => "before a full request",
        'Q' => "in the queue",
        'C' => "during the connect",
        'H' => "before the response headers",
        'D' => "during the response",
        'L' => "while sending the rest",
        'T' => "in the tarpit",
        _ => "",
    }
}
