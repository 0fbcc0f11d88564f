//! Every ban in force as it was decided, one JSON object per line: rule, seconds since 1970 and what it was decided on.
//! Nothing is merged; a ban that holds addresses of the floor is written as the parts outside it.

use super::super::ban::Ban;
use super::super::evidence::Evidence;
use super::super::merge_networks::{MAX_ENTRIES, TooManyEntries, outside, until_s};
use super::super::network::Network;
use super::{Emission, List, count_lines, is_network, text};

/// What a line and a hit in it usually take, so that a long list is not copied while it grows.
const LINE_BYTES: usize = 128;
const HIT_BYTES: usize = 48;

pub(super) fn list<'b>(
    bans: impl Iterator<Item = (&'b Ban, Option<&'b Evidence>)>,
    emission: &Emission<'_>,
) -> Result<List, TooManyEntries> {
    let mut all: Vec<_> = bans.collect();
    let given = all.len();
    all.retain(|(ban, _)| until_s(ban) > emission.now_s);
    all.sort_unstable_by_key(|(ban, _)| {
        (ban.network, &ban.rule, ban.from_us, ban.until_us, ban.hits, ban.nth)
    });
    let hits = all
        .iter()
        .filter_map(|(_, evidence)| *evidence)
        .map(|evidence| (evidence.counted() - evidence.left_out()) as usize)
        .sum::<usize>();
    let mut list = List {
        bytes: Vec::with_capacity(LINE_BYTES * all.len() + HIT_BYTES * hits),
        entries: 0,
        expired: given - all.len(),
        never_ban: 0,
    };
    for (ban, evidence) in all {
        if emission.floor.touches(ban.network) {
            list.never_ban += 1;
        }
        for network in outside(emission.floor, ban.network) {
            if list.entries == MAX_ENTRIES {
                return Err(TooManyEntries);
            }
            list.entries += 1;
            write(network, ban, evidence, &mut list.bytes);
        }
    }
    Ok(list)
}

fn write(network: Network, ban: &Ban, evidence: Option<&Evidence>, out: &mut Vec<u8>) {
    let Ban { rule, hits, nth, .. } = ban;
    let (from_s, until_s) = (seconds(ban.from_us), until_s(ban));
    text(
        out,
        format_args!(
            r#"{{"address":"{network}","rule":"{rule}","from":{from_s},"until":{until_s},"hits":{hits},"nth":{nth}"#
        ),
    );
    if let Some(evidence) = evidence {
        out.extend_from_slice(br#","evidence":["#);
        for (place, hit) in evidence.hits().iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let (at_s, (file, offset)) = (seconds(hit.at_us), hit.place);
            text(out, format_args!(r#"{comma}{{"at":{at_s},"file":{file},"offset":{offset}}}"#));
        }
        out.push(b']');
    }
    out.extend_from_slice(b"}\n");
}

fn seconds(us: i64) -> i64 {
    us.div_euclid(1_000_000)
}

pub(super) fn count(text: &str) -> Option<usize> {
    count_lines(text.lines(), |line| {
        line.strip_prefix(r#"{"address":""#)
            .and_then(|rest| rest.strip_suffix('}')?.split_once(r#"","rule":""#))
            .is_some_and(|(network, _)| is_network(network))
    })
}
