//! CSV for `cscli decisions import`. An import adds to what CrowdSec has; what ended early stays until it expires there.

use super::super::merge_networks::Merged;
use super::{count_lines, is_name, is_network, is_number, line, sorted};

/// Ten years: CrowdSec holds a duration in nanoseconds. A longer ban is renewed by a later list.
const MAX_DURATION_S: i64 = 315_360_000;

// Scopes are compared with their case: `types.Ip` and `types.Range` in CrowdSec's sources.
const HEADER: &str = "duration,reason,scope,type,value";

pub(super) fn write(merged: &Merged<'_>, now_s: i64, out: &mut Vec<u8>) {
    line(out, format_args!("{HEADER}"));
    for entry in sorted(merged) {
        let scope = if entry.network.is_host() { "Ip" } else { "Range" };
        let seconds = entry.seconds_left(now_s, MAX_DURATION_S);
        line(out, format_args!("{seconds}s,{},{scope},ban,{}", entry.rule, entry.network));
    }
}

pub(super) fn count(text: &str) -> Option<usize> {
    count_lines(text.strip_prefix(HEADER)?.strip_prefix('\n')?.lines(), |line| {
        let fields: Vec<_> = line.split(',').collect();
        let [duration, reason, "Ip" | "Range", "ban", value] = fields[..] else { return false };
        duration.strip_suffix('s').is_some_and(is_number) && is_name(reason) && is_network(value)
    })
}
