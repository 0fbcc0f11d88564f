//! A map for HAProxy from the address to the second since 1970 at which its ban is over, so that a configuration can
//! compare it with `date()`. HAProxy takes the longest prefix: a host stands there only if its ban outlasts the network's.

use super::super::merge_networks::Merged;
use super::{count_lines, is_network, is_number, line, sorted};

pub(super) fn write(merged: &Merged<'_>, out: &mut Vec<u8>) {
    for entry in sorted(merged) {
        line(out, format_args!("{} {}", entry.network, entry.until_s));
    }
}

pub(super) fn count(text: &str) -> Option<usize> {
    count_lines(text.lines(), |line| {
        line.split_once(' ').is_some_and(|(network, until)| is_network(network) && is_number(until))
    })
}
