use super::*;
use crate::ban::ban::Hit;
use crate::ban::decide::Limits;
use crate::ban::floor::Floor;
use proptest::prelude::*;
use std::collections::BTreeSet;

const SECOND_US: i64 = 1_000_000;

fn rule(name: &str, counts: Counts, maxretry: u32, findtime_s: i64) -> Threshold {
    Threshold {
        name: name.to_owned(),
        counts,
        maxretry,
        findtime_us: findtime_s * SECOND_US,
        bantime_us: 100_000 * SECOND_US,
        bantime_factor: 2.0,
        bantime_max_us: 300_000 * SECOND_US,
    }
}

/// So late that nothing is forgotten.
fn decider(rules: Vec<Threshold>) -> Decider {
    Decider::new(rules, Floor::default(), Limits { lateness_us: 50_000 * SECOND_US, ..Limits::default() })
}

fn hit(rule: u16, client: &str, at_s: i64, distinct: u64) -> Hit {
    let place = (0, at_s.unsigned_abs());
    Hit { rule, client: client.parse().unwrap(), at_us: at_s * SECOND_US, distinct, place }
}

/// Rule, network, hits held, best stretch, hits missing.
fn shown(decider: &Decider, client: &str) -> Vec<String> {
    let shown = |standing: Standing| {
        let Standing { rule, network, hits_held, needed, best, missing } = standing;
        let (from_s, to_s) = (best.from_us / SECOND_US, best.to_us / SECOND_US);
        format!("{rule} {network}: {}/{needed} of {hits_held} from {from_s} to {to_s}, {missing}", best.count)
    };
    decider.standing_of(client.parse().unwrap()).into_iter().map(shown).collect()
}

#[test]
fn who_is_near_a_ban_is_told_how_near() {
    let mut decider = decider(vec![
        rule("a", Counts::Hits, 4, 10),
        rule("b", Counts::Distinct, 3, 10),
        rule("recidive", Counts::Relapses, 3, 1_000_000),
        rule("ipv6-56", Counts::Neighbours(56), 4, 1000),
    ]);
    for at_s in [0, 5, 20, 28, 30, 41] {
        decider.add(hit(0, "192.0.2.1", at_s, 0));
        decider.add(hit(1, "192.0.2.1", at_s, at_s.unsigned_abs() / 20));
    }
    // Of three hits with one value within findtime, the one in the middle is let go of.
    let wanted = ["a 192.0.2.1: 3/4 of 6 from 20 to 30, 1", "b 192.0.2.1: 1/3 of 5 from 0 to 0, 2"];
    assert_eq!(shown(&decider, "::ffff:192.0.2.1"), wanted);
    assert_eq!(shown(&decider, "192.0.2.2"), [""; 0]);
    for at_s in 0..4 {
        decider.add(hit(0, "2001:db8::1", at_s, 0));
    }
    decider.add(hit(0, "2001:db8:0:1::1", 3, 0));
    let wide = "ipv6-56 2001:db8::/56: 1/4 of 1 from 3 to 3, 3";
    let relapsed = "recidive 2001:db8::/64: 1/3 of 1 from 3 to 3, 2";
    // The hits that made the ban cannot make another.
    assert_eq!(shown(&decider, "2001:db8::7"), [relapsed, wide]);
    assert_eq!(shown(&decider, "2001:db8:0:1::7"), ["a 2001:db8:0:1::/64: 1/4 of 1 from 3 to 3, 3", wide]);
}

#[test]
fn a_ban_is_reckoned_from_its_rule() {
    let words = rule("a", Counts::Hits, 30, 100);
    let mut first = decider(vec![words.clone()]);
    for at_s in (0..30).chain(200_000..200_030).chain(500_000..500_030) {
        first.add(hit(0, "192.0.2.1", at_s, 0));
    }
    let explained = first.explain("192.0.2.1".parse().unwrap());
    let reckoned: Vec<_> = explained.iter().map(|(ban, why)| first.reckon(ban, why).unwrap()).collect();
    let seconds: Vec<_> = reckoned
        .iter()
        .map(|of| {
            [of.first_us, of.last_us, of.unlimited_us, of.length_us, of.until_us].map(|us| us / SECOND_US)
        })
        .collect();
    let wanted = [
        [0, 29, 100_000, 100_000, 100_029],
        [200_000, 200_029, 200_000, 200_000, 400_029],
        [500_000, 500_029, 400_000, 300_000, 800_029],
    ];
    assert_eq!(seconds, wanted);
    assert!(reckoned.iter().all(|of| of.fits && of.counted == 30));
    let shorter = Threshold { bantime_us: SECOND_US, ..words };
    let later = Decider::decode(&first.encode(), vec![shorter], Floor::default(), Limits::default()).unwrap();
    let (ban, why) = &later.explain("192.0.2.1".parse().unwrap())[0];
    assert!(!later.reckon(ban, why).unwrap().fits);
}

#[test]
fn bans_are_listed_by_time() {
    let mut decider = decider(vec![rule("a", Counts::Hits, 1, 10), rule("b", Counts::Hits, 1, 10)]);
    decider.add(hit(1, "192.0.2.2", 10, 0));
    decider.add(hit(0, "192.0.2.2", 20, 0));
    decider.add(hit(0, "192.0.2.1", 200_000, 0));
    let of = |bans: Vec<Ban>| -> Vec<_> {
        bans.iter().map(|ban| format!("{} {} {}", ban.network, ban.rule, ban.from_us / SECOND_US)).collect()
    };
    assert_eq!(of(decider.bans()), ["192.0.2.1 a 200000", "192.0.2.2 a 20", "192.0.2.2 b 10"]);
    assert_eq!(of(decider.bans_at(100_009 * SECOND_US)).len(), 3);
    assert_eq!(of(decider.bans_at(100_010 * SECOND_US)), ["192.0.2.1 a 200000", "192.0.2.2 a 20"]);
    assert_eq!(of(decider.bans_at(100_020 * SECOND_US)), ["192.0.2.1 a 200000"]);
    assert_eq!(of(decider.bans_between(10 * SECOND_US, 20 * SECOND_US)), ["192.0.2.2 b 10"]);
    // An earlier hit moves the ban, which is still one.
    decider.add(hit(0, "192.0.2.2", 15, 0));
    assert_eq!(of(decider.bans_between(0, 100 * SECOND_US)), ["192.0.2.2 a 15", "192.0.2.2 b 10"]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn the_best_stretch_is_the_best_of_all(
        hits in prop::collection::vec((0..200_i64, 0..6_u64), 1..60), findtime_s in 0..50_i64, is_distinct in any::<bool>(),
    ) {
        let counts = if is_distinct { Counts::Distinct } else { Counts::Hits };
        let mut decider = decider(vec![rule("a", counts, 1000, findtime_s)]);
        for (at_s, value) in &hits {
            decider.add(hit(0, "192.0.2.1", *at_s, *value));
        }
        let count = |from_s: i64| {
            let stretch = hits.iter().filter(|(at_s, _)| (from_s..=from_s + findtime_s).contains(at_s));
            let values = stretch.clone().map(|(_, value)| value).collect::<BTreeSet<_>>().len();
            if is_distinct { values } else { stretch.count() }
        };
        let best = (0..200).map(count).max().unwrap();
        let standing = &decider.standing_of("192.0.2.1".parse().unwrap())[0];
        prop_assert_eq!((standing.best.count as usize, standing.missing as usize), (best, 1000 - best));
        prop_assert!(standing.best.to_us - standing.best.from_us <= findtime_s * SECOND_US);
    }
}
