//! Every ban in force as it was decided, one JSON object per line: rule, seconds since 1970 and what it was decided on.
//! Nothing is merged; a ban that holds addresses of the floor is written as the parts outside it.

use super::super::ban::Ban;
use super::super::merge_networks::until_s;
use super::{Emission, count_lines, is_network, line};

/// What a line usually takes, so that a long list is not copied while it grows.
const LINE_BYTES: usize = 128;

/// Returns how many lines were written.
pub(super) fn write(bans: &[Ban], emission: &Emission<'_>, out: &mut Vec<u8>) -> usize {
    let mut bans: Vec<_> = bans.iter().filter(|ban| until_s(ban) > emission.now_s).collect();
    bans.sort_unstable_by_key(|ban| (ban.network, &ban.rule, ban.from_us, ban.until_us, ban.hits, ban.nth));
    out.reserve(LINE_BYTES * bans.len());
    let mut lines = 0;
    for ban in bans {
        for network in emission.floor.outside(ban.network) {
            let Ban { rule, from_us, hits, nth, .. } = ban;
            let (from_s, until_s) = (from_us.div_euclid(1_000_000), until_s(ban));
            line(
                out,
                format_args!(
                    r#"{{"address":"{network}","rule":"{rule}","from":{from_s},"until":{until_s},"hits":{hits},"nth":{nth}}}"#
                ),
            );
            lines += 1;
        }
    }
    lines
}

pub(super) fn count(text: &str) -> Option<usize> {
    count_lines(text.lines(), |line| {
        line.strip_prefix(r#"{"address":""#)
            .and_then(|rest| rest.strip_suffix('}')?.split_once(r#"","rule":""#))
            .is_some_and(|(network, _)| is_network(network))
    })
}
