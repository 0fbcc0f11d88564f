//! The plain meaning of the rules: sorts all hits and tries all stretches. Knows no lateness and no limits.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// All bans that the hits make, as [`Decider::bans`] lists them.
pub(super) fn oracle(rules: &[Threshold], hits: &[Hit]) -> Vec<Ban> {
    let mut of_keys: BTreeMap<Network, Vec<Hit>> = BTreeMap::new();
    for hit in hits {
        let key = key(hit.client);
        let is_of_hits = rules.get(usize::from(hit.rule)).is_some_and(|rule| rule.counts.is_of_hits());
        if is_of_hits && !Floor::default().touches(key) {
            of_keys.entry(key).or_default().push(*hit);
        }
    }
    let mut all = Vec::new();
    let mut around: BTreeMap<(usize, Network), Vec<Counted>> = BTreeMap::new();
    for (network, hits) in of_keys {
        let of_hits = bans_of_hits(rules, network, &hits);
        for (place, rule) in rules.iter().enumerate() {
            let relapses: Vec<_> =
                of_hits.iter().map(|(by, ban)| Counted { distinct: u64::from(ban.nth), ..*by }).collect();
            match (rule.counts, network.address()) {
                (Counts::Relapses, _) => all.extend(bans_over_bans(rule, network, &relapses)),
                (Counts::Neighbours(prefix), IpAddr::V6(address)) => {
                    let distinct = (address.to_bits() >> 64) as u64;
                    let of = Network::new(network.address(), prefix).unwrap();
                    let hits = of_hits.iter().map(|(by, _)| Counted { distinct, ..*by });
                    around.entry((place, of)).or_default().extend(hits);
                }
                _ => {}
            }
        }
        all.extend(of_hits.into_iter().map(|(_, ban)| ban));
    }
    for ((place, network), hits) in around {
        all.extend(bans_over_bans(&rules[place], network, &hits));
    }
    all.sort();
    all
}

/// Could this ban of a rule that counts hits have fallen when it did?
pub(super) fn completes(rules: &[Threshold], hits: &[Hit], of: usize, ban: &Ban) -> bool {
    let own = hits.iter().filter(|hit| usize::from(hit.rule) == of && key(hit.client) == ban.network);
    let own = own.map(|hit| Counted { at_us: hit.at_us, place: hit.place, distinct: hit.distinct });
    let own: Vec<_> = own.filter(|hit| hit.at_us <= ban.from_us).collect();
    (0..own.len()).any(|last| own[last].at_us == ban.from_us && holds(&rules[of], &own, ban.from_us))
}

/// Do the hits up to a time make a ban?
fn holds(rule: &Threshold, hits: &[Counted], at_us: i64) -> bool {
    let stretch = hits.iter().filter(|hit| hit.at_us <= at_us && hit.at_us >= at_us - rule.findtime_us);
    let count = match rule.counts {
        Counts::Hits => stretch.count(),
        _ => stretch.map(|hit| hit.distinct).collect::<BTreeSet<_>>().len(),
    };
    count >= rule.maxretry as usize
}

/// The hit from a time on that completes the first stretch.
fn next(rule: &Threshold, hits: &[Counted], floor_us: i64) -> Option<Counted> {
    let mut hits: Vec<_> = hits.iter().copied().filter(|hit| hit.at_us >= floor_us).collect();
    hits.sort_unstable();
    (0..hits.len()).find(|last| holds(rule, &hits[..=*last], hits[*last].at_us)).map(|last| hits[last])
}

fn bans_of_hits(rules: &[Threshold], network: Network, hits: &[Hit]) -> Vec<(Counted, Ban)> {
    let mut bans: Vec<(Counted, Ban)> = Vec::new();
    let mut floors_us = vec![i64::MIN; rules.len()];
    loop {
        let nexts = (0..rules.len()).filter_map(|place| {
            let own = hits.iter().filter(|hit| usize::from(hit.rule) == place);
            let own = own.map(|hit| Counted { at_us: hit.at_us, place: hit.place, distinct: hit.distinct });
            Some((next(&rules[place], &own.collect::<Vec<_>>(), floors_us[place])?, place))
        });
        let Some((by, place)) = nexts.min_by_key(|(by, place)| (by.at_us, *place)) else { return bans };
        let ended = bans.iter().filter(|(_, ban)| ban.until_us <= by.at_us);
        let nth = 1 + ended.map(|(_, ban)| ban.nth).max().unwrap_or(0);
        let ban = ban(&rules[place], network, by, nth);
        floors_us[place] = ban.until_us;
        bans.push((by, ban));
    }
}

fn bans_over_bans(rule: &Threshold, network: Network, hits: &[Counted]) -> Vec<Ban> {
    let mut bans: Vec<Ban> = Vec::new();
    while let Some(by) = next(rule, hits, bans.last().map_or(i64::MIN, |ban| ban.until_us)) {
        bans.push(ban(rule, network, by, bans.len() as u32 + 1));
    }
    bans
}

fn ban(rule: &Threshold, network: Network, by: Counted, nth: u32) -> Ban {
    let until_us =
        by.at_us + (rule.bantime_us * 2_i64.pow(nth.saturating_sub(1).min(20))).min(rule.bantime_max_us);
    Ban { network, rule: rule.name.clone(), from_us: by.at_us, until_us, hits: rule.maxretry, nth }
}
