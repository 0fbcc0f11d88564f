//! For `ipset restore`: new sets are filled and then swapped with the live ones, which are never flushed, so that a bad
//! line leaves them as they are.

use super::super::merge_networks::{MAX_ENTRIES, Merged};
use super::{is_network, is_number, line};

/// The most that the kernel's ipset takes. A longer ban is renewed by a later list.
const MAX_TIMEOUT_S: i64 = 2_147_483;

/// A set as large as any list, always: `create … -exist` refuses a live set that was made with another `maxelem`.
const SETS: [(&str, &str, &str); 4] = [
    ("logstat4", "hash:ip", "inet"),
    ("logstat4-net", "hash:net", "inet"),
    ("logstat6", "hash:ip", "inet6"),
    ("logstat6-net", "hash:net", "inet6"),
];

pub(super) fn write(merged: &Merged<'_>, now_s: i64, out: &mut Vec<u8>) {
    for ((set, kind, family), entries) in SETS.into_iter().zip(merged.by_set()) {
        create(&format!("{set}-new"), kind, family, out);
        // There may be one left of a list that failed half-way.
        line(out, format_args!("flush {set}-new"));
        for entry in entries {
            let seconds = entry.seconds_left(now_s, MAX_TIMEOUT_S);
            line(out, format_args!("add {set}-new {} timeout {seconds}", entry.network));
        }
    }
    for (set, kind, family) in SETS {
        create(set, kind, family, out);
    }
    for (set, ..) in SETS {
        line(out, format_args!("swap {set}-new {set}"));
    }
    for (set, ..) in SETS {
        line(out, format_args!("destroy {set}-new"));
    }
}

fn create(set: &str, kind: &str, family: &str, out: &mut Vec<u8>) {
    line(out, format_args!("create {set} {kind} family {family} maxelem {MAX_ENTRIES} timeout 0 -exist"));
}

pub(super) fn count(text: &str) -> Option<usize> {
    let (mut count, mut destroyed) = (0, 0);
    for line in text.lines() {
        match line.split_once(' ')?.0 {
            "add" => count += usize::from(is_element(line).then_some(true)?),
            "destroy" => destroyed += 1,
            "create" | "flush" | "swap" => {}
            _ => return None,
        }
    }
    (destroyed == SETS.len()).then_some(count)
}

fn is_element(line: &str) -> bool {
    let words: Vec<_> = line.split(' ').collect();
    matches!(words[..], ["add", _, network, "timeout", seconds] if is_network(network) && is_number(seconds))
}
