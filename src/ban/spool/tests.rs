use super::*;
use crate::ban::ban::Counts;
use proptest::prelude::*;

fn rules(names: &[&str]) -> Vec<Threshold> {
    let rule = |name: &&str| Threshold {
        name: (*name).to_owned(),
        counts: Counts::Hits,
        maxretry: 1,
        findtime_us: 1,
        bantime_us: 1,
        bantime_factor: 1.0,
        bantime_max_us: 1,
    };
    names.iter().map(rule).collect()
}

/// More than a tag has room for.
fn many_rules() -> Vec<Threshold> {
    let names: Vec<_> = (0..300).map(|place| format!("rule-{place}")).collect();
    rules(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn client() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..3_u8).prop_map(|last| IpAddr::from([192, 0, 2, last])),
        (0..3_u16).prop_map(|last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last])),
        any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).to_ipv6_mapped().into()),
        any::<IpAddr>(),
    ]
}

fn hit() -> impl Strategy<Value = Hit> {
    let at_us = prop_oneof![0..20_i64, (0..20_i64).prop_map(|at_s| at_s * 1_000_000), any::<i64>()];
    let offset = prop_oneof![0..3_u64, 0..100_000_u64, any::<u64>()];
    let rule = prop_oneof![0..3_u16, 13..18_u16, 0..300_u16];
    let distinct = prop_oneof![Just(0), any::<u64>()];
    (rule, client(), at_us, distinct, offset).prop_map(|(rule, client, at_us, distinct, offset)| Hit {
        rule,
        client,
        at_us,
        distinct,
        place: (7, offset),
    })
}

/// Hits of one log; some lines are hits of several rules.
fn hits() -> impl Strategy<Value = Vec<Hit>> {
    let lines = prop::collection::vec((hit(), prop::collection::vec((0..300_u16, 0..3_u64), 0..2)), 0..40);
    lines.prop_map(|lines| {
        let further = |(hit, further): (Hit, Vec<(u16, u64)>)| {
            let further = further.into_iter().map(move |(rule, distinct)| Hit { rule, distinct, ..hit });
            std::iter::once(hit).chain(further)
        };
        lines.into_iter().flat_map(further).collect()
    })
}

fn lane(file: u32, rules: &[Threshold], hits: &[Hit]) -> Lane {
    let mut lane = Lane::new(file, rules);
    hits.iter().for_each(|hit| lane.push(hit));
    lane
}

fn merged(lanes: &[Lane]) -> Vec<Hit> {
    let mut hits = Vec::new();
    merge(lanes, &mut |hit| hits.push(hit));
    hits
}

#[test]
fn ordinary_hits_are_small() {
    let rules = rules(&["http-flood", "crawl"]);
    let mut lane = Lane::new(0, &rules);
    let empty = lane.as_bytes().len();
    for line in 0..1000_u64 {
        let client = IpAddr::from([198, 51, 100, (line % 50) as u8]);
        let at_us = 1_800_000_000_000_000 + (line / 10 * 1_000_000).cast_signed();
        let hit = Hit { rule: 0, client, at_us, distinct: 0, place: (0, line * 250) };
        lane.push(&hit);
        lane.push(&Hit { rule: 1, distinct: line.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1, ..hit });
    }
    assert_eq!(lane.len(), 2000);
    let bytes_of_line = (lane.as_bytes().len() - empty) / 1000;
    assert!(bytes_of_line <= 8 + 9, "{bytes_of_line}");
}

#[test]
fn rules_are_kept_by_name() {
    let hit = hit_of(0, 5);
    let mut before = lane(3, &rules(&["a", "b"]), &[hit, Hit { rule: 1, ..hit }, hit_of(1, 9)]);
    let after = Lane::from_bytes(before.as_bytes(), &rules(&["c", "b"])).unwrap();
    assert_eq!((after.file(), after.len()), (3, 2));
    let wanted = [hit_of(1, 5), hit_of(1, 9)].map(|hit| Hit { place: (3, hit.place.1), ..hit });
    assert_eq!(merged(&[after]), wanted);
}

#[test]
fn a_log_keeps_its_order_and_logs_go_by_time() {
    let rules = rules(&["a"]);
    let of = |file: u32, times: &[i64]| {
        let hits: Vec<_> = times.iter().map(|at_us| hit_of(0, *at_us)).collect();
        lane(file, &rules, &hits)
    };
    let lanes = [of(1, &[10, 30, 20, 40]), of(2, &[10, 25, 35]), of(3, &[])];
    let order: Vec<_> = merged(&lanes).iter().map(|hit| (hit.place.0, hit.at_us)).collect();
    assert_eq!(order, [(1, 10), (2, 10), (2, 25), (1, 30), (1, 20), (2, 35), (1, 40)]);
}

#[test]
fn what_is_no_lane_is_refused() {
    let rules = rules(&["a"]);
    assert_eq!(Lane::from_bytes(b"", &rules).unwrap_err(), SpoolError::Foreign);
    assert_eq!(Lane::from_bytes(b"lslane\0\x02", &rules).unwrap_err(), SpoolError::Foreign);
    assert_eq!(Lane::from_bytes(&MAGIC, &rules).unwrap_err(), SpoolError::Damaged);
    let mut bytes = lane(0, &rules, &[hit_of(0, 1)]).as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(Lane::from_bytes(&bytes, &rules).unwrap_err(), SpoolError::Damaged);
}

fn hit_of(rule: u16, at_us: i64) -> Hit {
    Hit { rule, client: [192, 0, 2, 1].into(), at_us, distinct: 0, place: (0, at_us.unsigned_abs()) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn what_is_pushed_is_read_in_whatever_parts(hits in hits(), cut in any::<prop::sample::Index>()) {
        let rules = many_rules();
        let cut = cut.index(hits.len() + 1);
        let mut first = lane(7, &rules, &hits[..cut]);
        let mut parts = Lane::from_bytes(first.as_bytes(), &rules).unwrap();
        hits[cut..].iter().for_each(|hit| parts.push(hit));
        prop_assert_eq!(merged(std::slice::from_ref(&parts)), &hits[..]);
        prop_assert_eq!((parts.len(), parts.is_empty()), (hits.len() as u64, hits.is_empty()));
        let mut whole = lane(7, &rules, &hits);
        prop_assert_eq!(parts.as_bytes(), whole.as_bytes());
    }

    #[test]
    fn merging_is_a_stable_sort_by_the_newest_time_so_far(logs in prop::collection::vec(hits(), 0..5)) {
        let rules = many_rules();
        let lanes: Vec<_> = (0..).zip(&logs).map(|(file, hits)| lane(file, &rules, hits)).collect();
        let mut wanted = Vec::new();
        for (file, hits) in (0..).zip(logs) {
            let mut newest_us = i64::MIN;
            wanted.extend(hits.into_iter().map(|hit| {
                newest_us = newest_us.max(hit.at_us);
                (newest_us, Hit { place: (file, hit.place.1), ..hit })
            }));
        }
        wanted.sort_by_key(|(newest_us, _)| *newest_us);
        let wanted: Vec<_> = wanted.into_iter().map(|(_, hit)| hit).collect();
        prop_assert_eq!(merged(&lanes), wanted);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        hits in hits(), flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(), reseal in any::<bool>(),
    ) {
        let rules = many_rules();
        let mut bytes = lane(7, &rules, &hits).as_bytes().to_vec();
        let whole = bytes.clone();
        for (place, value) in flips {
            // Names take most of the bytes.
            let (length, behind) = (bytes.len(), place.index(200.min(bytes.len())));
            bytes[length - 1 - behind] = value;
        }
        bytes.truncate(bytes.len() - cut.index(40));
        if reseal {
            let checksum = xxh3_64(&bytes[CHECKSUM_END..]);
            bytes[MAGIC.len()..CHECKSUM_END].copy_from_slice(&checksum.to_le_bytes());
        }
        match Lane::from_bytes(&bytes, &rules) {
            Ok(mut read) => {
                prop_assert_eq!(merged(std::slice::from_ref(&read)).len() as u64, read.len());
                let mut again = Lane::from_bytes(read.as_bytes(), &rules).unwrap();
                prop_assert_eq!(again.as_bytes(), read.as_bytes());
            }
            Err(SpoolError::Foreign | SpoolError::Damaged | SpoolError::Impossible(_)) => {
                prop_assert_ne!(bytes, whole);
            }
        }
    }
}
