//! One address or prefix per line, sorted. Has no expiry: emit it again as often as bans should end.

use super::super::merge_networks::Merged;
use super::{count_lines, is_network, line, sorted};

pub(super) fn write(merged: &Merged<'_>, out: &mut Vec<u8>) {
    for entry in sorted(merged) {
        line(out, format_args!("{}", entry.network));
    }
}

pub(super) fn count(text: &str) -> Option<usize> {
    count_lines(text.lines(), is_network)
}
