//! `deny` lines, to be included where nginx takes them. Has no expiry; nginx walks them one by one for each request, so
//! prefer `nginx-geo` for long lists.

use super::super::merge_networks::Merged;
use super::{count_lines, is_network, line, sorted};

pub(super) fn write(merged: &Merged<'_>, out: &mut Vec<u8>) {
    for entry in sorted(merged) {
        line(out, format_args!("deny {};", entry.network));
    }
}

pub(super) fn count(text: &str) -> Option<usize> {
    count_lines(text.lines(), |line| {
        line.strip_prefix("deny ").and_then(|rest| rest.strip_suffix(';')).is_some_and(is_network)
    })
}
