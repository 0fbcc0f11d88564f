//! For `nft -f`: one transaction that fills the sets anew, with the same outcome when applied twice. Chains and rules are
//! the administrator's: applying those again would double them.

use super::super::merge_networks::{Entry, Merged};
use super::{is_network, is_number, line};

/// The most that nft 1.0.6 reads: eight digits, three years. A longer ban is renewed by a later list.
const MAX_TIMEOUT_S: i64 = 99_999_999;

/// Hosts are in hash sets, where adding one takes 5 ms whatever their size; in an interval set of 100,000 it takes 1.5 s.
/// No set has `auto-merge`, which gives neighbours one time-out and so shortens bans.
const SETS: [(&str, &str, &str); 4] = [
    ("ban4", "ipv4_addr", "timeout"),
    ("ban4net", "ipv4_addr", "interval,timeout"),
    ("ban6", "ipv6_addr", "timeout"),
    ("ban6net", "ipv6_addr", "interval,timeout"),
];

pub(super) fn write(merged: &Merged<'_>, now_s: i64, out: &mut Vec<u8>) {
    line(out, format_args!("add table inet logstat"));
    for (set, kind, flags) in SETS {
        line(out, format_args!("add set inet logstat {set} {{ type {kind}; flags {flags}; }}"));
    }
    for (set, ..) in SETS {
        line(out, format_args!("flush set inet logstat {set}"));
    }
    for ((set, ..), entries) in SETS.into_iter().zip(merged.by_set()) {
        write_elements(set, entries, now_s, out);
    }
}

/// An empty `{ }` is a syntax error, so an empty set has no line.
fn write_elements(set: &str, entries: &[Entry<'_>], now_s: i64, out: &mut Vec<u8>) {
    let Some((last, others)) = entries.split_last() else { return };
    line(out, format_args!("add element inet logstat {set} {{"));
    for entry in others {
        line(out, format_args!("{} timeout {}s,", entry.network, entry.seconds_left(now_s, MAX_TIMEOUT_S)));
    }
    line(out, format_args!("{} timeout {}s", last.network, last.seconds_left(now_s, MAX_TIMEOUT_S)));
    line(out, format_args!("}}"));
}

pub(super) fn count(text: &str) -> Option<usize> {
    let (mut count, mut flushed, mut is_open) = (0, 0, false);
    for line in text.lines() {
        match line {
            "}" if is_open => is_open = false,
            _ if is_open => count += usize::from(is_element(line).then_some(true)?),
            _ if line.starts_with("add element inet logstat ban") => is_open = true,
            _ if line.starts_with("flush set inet logstat ban") => flushed += 1,
            _ if line.starts_with("add table inet logstat") => {}
            _ if line.starts_with("add set inet logstat ban") => {}
            _ => return None,
        }
    }
    (flushed == SETS.len() && !is_open).then_some(count)
}

fn is_element(line: &str) -> bool {
    let line = line.strip_suffix(',').unwrap_or(line);
    line.strip_suffix('s')
        .and_then(|line| line.split_once(" timeout "))
        .is_some_and(|(network, seconds)| is_network(network) && is_number(seconds))
}
