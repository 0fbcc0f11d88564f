//! For `geo $logstat_ban { default 0; include FILE; }`. Has no expiry, and a cut line stops nginx from starting.

use super::super::merge_networks::Merged;
use super::{count_lines, is_network, line, sorted};

pub(super) fn write(merged: &Merged<'_>, out: &mut Vec<u8>) {
    for entry in sorted(merged) {
        line(out, format_args!("{} 1;", entry.network));
    }
}

pub(super) fn count(text: &str) -> Option<usize> {
    count_lines(text.lines(), |line| line.strip_suffix(" 1;").is_some_and(is_network))
}
