//! What is decided against an oracle that sorts all hits and tries all stretches, and the cases that went wrong
//! elsewhere.

mod cases;
mod oracle;

use std::collections::BTreeMap;

use super::*;
use crate::ban::ban::Ban;
use crate::ban::memory::MemoryError;
use oracle::oracle;
use proptest::prelude::*;

const SECOND_US: i64 = 1_000_000;

fn rule(name: &str, counts: Counts, maxretry: u32, findtime_s: i64, bantime_s: i64) -> Threshold {
    Threshold {
        name: name.to_owned(),
        counts,
        maxretry,
        findtime_us: findtime_s * SECOND_US,
        bantime_us: bantime_s * SECOND_US,
        bantime_factor: 2.0,
        bantime_max_us: bantime_s * 5 * SECOND_US,
    }
}

fn limits(lateness_s: i64) -> Limits {
    Limits { lateness_us: lateness_s * SECOND_US, ..Limits::default() }
}

fn rules() -> impl Strategy<Value = Vec<Threshold>> {
    let of_hits = (any::<bool>(), 1..5_u32, 0..60_i64, 20..120_i64);
    (prop::collection::vec(of_hits, 1..4), 2..4_u32, 1..4_u32, 20..400_i64).prop_map(
        |(of_hits, relapses, neighbours, findtime_s)| {
            let of_hits =
                of_hits.into_iter().enumerate().map(|(place, (distinct, maxretry, find_s, ban_s))| {
                    let counts = if distinct { Counts::Distinct } else { Counts::Hits };
                    rule(&format!("rule-{place}"), counts, maxretry, find_s, ban_s)
                });
            let mut rules: Vec<_> = of_hits.collect();
            rules.push(rule("recidive", Counts::Relapses, relapses, findtime_s, 200));
            rules.push(rule("neighbours", Counts::Neighbours(56), neighbours, findtime_s, 200));
            rules
        },
    )
}

/// Hits with the time by which they arrive late, seconds, of few clients so that they come together.
fn hits() -> impl Strategy<Value = Vec<(Hit, i64)>> {
    let hit = (0..3_u16, 0..6_usize, 0..600_i64, 0..4_u64, 0..8_u64, 0..10_i64);
    // Logs have whole seconds: some hits must be of the same one.
    let span_s = prop::sample::select(vec![8, 60, 200, 600]);
    (span_s, prop::collection::vec(hit, 0..120)).prop_map(|(span_s, hits)| {
        let hits = hits.into_iter().map(|(rule, client, at_s, distinct, offset, late_s)| {
            let clients = ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "2001:db8::2:0:0:0:1"];
            let clients = [&clients[..], &["2001:db8:0:1::1", "10.0.0.1"]].concat();
            let client = clients[client].parse().unwrap();
            (Hit { rule, client, at_us: at_s % span_s * SECOND_US, distinct, place: (0, offset) }, late_s)
        });
        hits.collect()
    })
}

/// In an order in which no hit is later than the lateness.
fn arrive(hits: &[(Hit, i64)], lateness_us: i64) -> Vec<Hit> {
    let mut hits = hits.to_vec();
    hits.sort_by_key(|(hit, late_s)| hit.at_us + lateness_us * late_s / 10);
    hits.into_iter().map(|(hit, _)| hit).collect()
}

fn decided(decider: &mut Decider, hits: &[Hit]) -> Vec<Ban> {
    for hit in hits {
        decider.add(*hit);
    }
    decider.bans()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn bans_are_those_of_all_stretches_in_any_order_within_the_lateness(
        rules in rules(), hits in hits(), lateness_s in 0..40_i64,
    ) {
        let mut decider = Decider::new(rules.clone(), Floor::default(), limits(lateness_s));
        let hits = arrive(&hits, decider.lateness_us());
        let bans = decided(&mut decider, &hits);
        prop_assert_eq!(decider.tally().late, 0);
        prop_assert_eq!(bans, oracle(&rules, &hits));
    }

    #[test]
    fn runs_do_not_show(
        rules in rules(), hits in hits(), lateness_s in 0..40_i64, cuts in prop::collection::vec((0..120_usize, any::<bool>()), 0..9),
        (keys, held) in prop_oneof![Just((100, 1000)), (1..5_usize, 1..20_usize)],
    ) {
        let limits = Limits { keys, hits: held, bans: held, ..limits(lateness_s) };
        let mut whole = Decider::new(rules.clone(), Floor::default(), limits.clone());
        let hits = arrive(&hits, whole.lateness_us() * 2);
        decided(&mut whole, &hits);
        let mut parts = Decider::new(rules.clone(), Floor::default(), limits.clone());
        let mut start = 0;
        for (end, is_run) in cuts.into_iter().collect::<BTreeMap<_, _>>().into_iter().chain([(hits.len(), false)]) {
            let end = end.min(hits.len());
            parts.add_all(&hits[start..end]);
            start = end;
            if is_run {
                let bytes = parts.encode();
                parts = Decider::decode(&bytes, rules.clone(), Floor::default(), limits.clone()).unwrap();
                prop_assert_eq!(parts.encode(), bytes);
            }
        }
        prop_assert_eq!(parts.encode(), whole.encode());
    }

    #[test]
    fn full_tables_ban_nobody_whom_no_stretch_bans(
        rules in rules(), hits in hits(), keys in 1..4_usize, held in 1..12_usize,
    ) {
        let limits = Limits { keys, hits: held, bans: held, ..limits(10) };
        let mut decider = Decider::new(rules.clone(), Floor::default(), limits);
        let hits = arrive(&hits, decider.lateness_us());
        let bans = decided(&mut decider, &hits);
        prop_assert!(decider.keys.len() <= keys);
        prop_assert!(decider.held <= held || decider.keys.len() == 1);
        prop_assert_eq!(decider.held, decider.keys.values().map(|held| held.hits.len()).sum::<usize>());
        prop_assert!(decider.bans_held <= held || decider.bans.len() == 1);
        prop_assert_eq!(decider.bans_held, decider.bans.values().map(Vec::len).sum::<usize>());
        for ban in bans {
            let of = rules.iter().position(|rule| rule.name == ban.rule).unwrap();
            prop_assert!(!rules[of].counts.is_of_hits() || oracle::completes(&rules, &hits, of, &ban));
        }
    }

    #[test]
    fn a_window_is_bounded(rules in rules(), hits in hits()) {
        let mut decider = Decider::new(rules.clone(), Floor::default(), limits(10));
        for hit in arrive(&hits, decider.lateness_us()) {
            decider.add(hit);
            for (rule, window) in decider.keys.values().flat_map(|held| held.hits.windows().into_owned()) {
                let rule = &rules[usize::from(rule)];
                let stretches = 2 + decider.lateness_us() / (rule.findtime_us + 1);
                let each = 2 * i64::from(rule.maxretry);
                prop_assert!(!rule.counts.is_of_hits() || window.hits.len() as i64 <= stretches * each);
            }
        }
    }

    #[test]
    fn no_floor_address_is_banned(rules in rules(), hits in hits()) {
        let own: Network = "2001:db8::2:0:0:0:99".parse().unwrap();
        let floor = Floor::default().with("ignoreip", [own]);
        let mut decider = Decider::new(rules, floor.clone(), limits(10));
        for ban in decided(&mut decider, &hits.into_iter().map(|hit| hit.0).collect::<Vec<_>>()) {
            prop_assert!(!floor.touches(ban.network) && !ban.network.covers(own));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        rules in rules(), hits in hits(), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(), reseal in any::<bool>(),
    ) {
        let mut decider = Decider::new(rules.clone(), Floor::default(), limits(10));
        let arrived = arrive(&hits, decider.lateness_us());
        decided(&mut decider, &arrived);
        let mut bytes = decider.encode();
        let whole = bytes.clone();
        for (place, value) in flips {
            let length = bytes.len();
            bytes[place.index(length)] = value;
        }
        bytes.truncate(bytes.len() - cut.index(40));
        if reseal && bytes.len() > 16 {
            let end = bytes.len() - 8;
            let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..end]);
            bytes[end..].copy_from_slice(&checksum.to_le_bytes());
        }
        match Decider::decode(&bytes, rules, Floor::default(), limits(10)) {
            Ok(mut read) => {
                decided(&mut read, &hits.into_iter().map(|hit| hit.0).collect::<Vec<_>>());
                let _ = read.encode();
            }
            Err(MemoryError::Foreign | MemoryError::Damaged | MemoryError::Impossible(_)) => {
                prop_assert_ne!(bytes, whole);
            }
        }
    }
}
