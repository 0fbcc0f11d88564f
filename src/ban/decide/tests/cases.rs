//! Cases that went wrong elsewhere.

use super::*;

fn decider(rules: Vec<Threshold>) -> Decider {
    Decider::new(rules, Floor::default(), limits(60))
}

fn hit(client: &str, at_s: i64) -> Hit {
    let place = (0, at_s.unsigned_abs() * 100);
    Hit { rule: 0, client: client.parse().unwrap(), at_us: at_s * SECOND_US, distinct: 0, place }
}

/// Network, first and last second, number of each ban.
fn bans(decider: &Decider) -> Vec<(String, i64, i64, u32)> {
    let seconds =
        |ban: Ban| (ban.network.to_string(), ban.from_us / SECOND_US, ban.until_us / SECOND_US, ban.nth);
    decider.bans().into_iter().map(seconds).collect()
}

fn banned_by(decider: &mut Decider, client: &str, seconds: &[i64]) -> Vec<(String, i64, i64, u32)> {
    for at_s in seconds {
        decider.add(hit(client, *at_s));
    }
    bans(decider)
}

#[test]
fn five_hits_over_more_than_findtime_are_no_ban() {
    let mut decider = decider(vec![rule("r", Counts::Hits, 5, 600, 3600)]);
    assert_eq!(banned_by(&mut decider, "192.0.2.1", &[0, 3, 6, 9, 605]), []);
}

#[test]
fn five_hits_over_just_findtime_are_a_ban() {
    let mut decider = decider(vec![rule("r", Counts::Hits, 5, 600, 3600)]);
    let ban = ("192.0.2.1".to_owned(), 600, 4200, 1);
    assert_eq!(banned_by(&mut decider, "192.0.2.1", &[0, 3, 6, 9, 600]), [ban]);
}

#[test]
fn times_that_jump_back_are_no_ban() {
    let mut decider = decider(vec![rule("r", Counts::Hits, 5, 600, 3600)]);
    assert_eq!(banned_by(&mut decider, "192.0.2.1", &[10_000, 10_001, 5000, 5001, 5002]), []);
    assert_eq!(decider.tally().late, 3);
    let mut patient =
        Decider::new(vec![rule("r", Counts::Hits, 5, 600, 36_000)], Floor::default(), limits(9000));
    assert_eq!(banned_by(&mut patient, "192.0.2.1", &[10_000, 10_001, 5000, 5001, 5002]), []);
    assert_eq!(patient.tally().late, 0);
}

#[test]
fn a_late_hit_moves_the_ban_to_its_right_date() {
    let mut decider = decider(vec![rule("r", Counts::Hits, 3, 100, 3600)]);
    let client = "192.0.2.1".to_owned();
    assert_eq!(banned_by(&mut decider, &client, &[0, 10, 50]), [(client.clone(), 50, 3650, 1)]);
    assert_eq!(banned_by(&mut decider, &client, &[20]), [(client.clone(), 20, 3620, 1)]);
    assert_eq!(banned_by(&mut decider, &client, &[30, 60]), [(client, 20, 3620, 1)]);
    assert_eq!(decider.tally().while_banned, 2);
}

#[test]
fn a_ban_of_neighbours_goes_when_what_it_counted_moves_into_the_ban_before() {
    let mut decider = decider(vec![
        rule("r", Counts::Hits, 1, 0, 3600),
        rule("wide", Counts::Neighbours(56), 1, 600, 3600),
    ]);
    let wide = |decider: &Decider| -> Vec<_> {
        bans(decider).into_iter().filter(|ban| ban.0.ends_with("/56")).map(|ban| ban.1).collect()
    };
    decider.add(hit("2001:db8::1", 0));
    decider.add(hit("2001:db8:0:1::1", 3600));
    assert_eq!(wide(&decider), [0, 3600]);
    decider.add(hit("2001:db8:0:1::1", 3599));
    assert_eq!(wide(&decider), [0]);
}

#[test]
fn a_mapped_client_is_the_ipv4_client() {
    let mut decider = decider(vec![rule("r", Counts::Hits, 2, 100, 3600)]);
    decider.add(hit("::ffff:192.0.2.1", 0));
    decider.add(hit("192.0.2.1", 1));
    assert_eq!(bans(&decider), [("192.0.2.1".to_owned(), 1, 3601, 1)]);
}

#[test]
fn a_64_that_rotates_addresses_is_one_client() {
    let mut decider = decider(vec![rule("r", Counts::Hits, 5, 100, 3600)]);
    for at_s in 0..5 {
        decider.add(hit(&format!("2001:db8:1:2::{at_s:x}"), at_s));
    }
    assert_eq!(bans(&decider), [("2001:db8:1:2::/64".to_owned(), 4, 3604, 1)]);
}

#[test]
fn many_64s_are_a_56_and_a_48() {
    let mut decider = decider(vec![
        rule("r", Counts::Hits, 1, 100, 3600),
        rule("wide", Counts::Neighbours(56), 4, 86_400, 3600),
        rule("wider", Counts::Neighbours(48), 6, 86_400, 3600),
    ]);
    for (at_s, subnet) in [0, 1, 2, 3, 0x100, 0x200].into_iter().enumerate() {
        decider.add(hit(&format!("2001:db8:1:{subnet:x}::1"), at_s as i64));
    }
    let wide = bans(&decider).into_iter().filter(|ban| !ban.0.ends_with("/64"));
    let wide: Vec<_> = wide.collect();
    let expected = [("2001:db8:1::/48".to_owned(), 5, 3605, 1), ("2001:db8:1::/56".to_owned(), 3, 3603, 1)];
    assert_eq!(wide, expected);
}

#[test]
fn clients_behind_nat64_are_clients_of_their_own() {
    let mut decider = decider(vec![rule("r", Counts::Hits, 2, 100, 3600)]);
    decider.add(hit("64:ff9b::c000:201", 0));
    decider.add(hit("64:ff9b::c000:202", 1));
    assert_eq!(bans(&decider), []);
    decider.add(hit("64:ff9b::c000:202", 2));
    assert_eq!(bans(&decider), [("64:ff9b::c000:202".to_owned(), 2, 3602, 1)]);
}

#[test]
fn the_load_balancers_own_address_is_never_banned() {
    let balancer = "203.0.113.7".parse().unwrap();
    let mut decider = Decider::new(
        vec![rule("r", Counts::Hits, 1, 100, 3600)],
        Floor::default().with("ignoreip", [balancer]),
        limits(60),
    );
    for client in ["203.0.113.7", "::ffff:203.0.113.7", "127.0.0.1", "::1", "fe80::1", "10.1.2.3", "0.0.0.0"]
    {
        assert_eq!(decider.add(hit(client, 0)), Outcome::Spared, "{client}");
    }
    assert_eq!(decider.add(hit("203.0.113.8", 0)), Outcome::Banned);
    assert_eq!(bans(&decider).len(), 1);
}

#[test]
fn neighbours_with_different_expiry_keep_their_own() {
    let mut decider =
        decider(vec![rule("short", Counts::Hits, 1, 10, 3600), rule("long", Counts::Hits, 1, 10, 172_800)]);
    decider.add(hit("192.0.2.2", 0));
    decider.add(Hit { rule: 1, ..hit("192.0.2.3", 0) });
    let expected = [("192.0.2.2".to_owned(), 0, 3600, 1), ("192.0.2.3".to_owned(), 0, 172_800, 1)];
    assert_eq!(bans(&decider), expected);
}

#[test]
fn each_further_ban_is_longer_up_to_the_longest() {
    let mut decider = decider(vec![rule("r", Counts::Hits, 1, 10, 1000)]);
    let lengths: Vec<_> = banned_by(&mut decider, "192.0.2.1", &[0, 1000, 3000, 7000, 12_000])
        .into_iter()
        .map(|(_, from_s, until_s, nth)| (until_s - from_s, nth))
        .collect();
    assert_eq!(lengths, [(1000, 1), (2000, 2), (4000, 3), (5000, 4), (5000, 5)]);
}

#[test]
fn one_burst_under_several_rules_is_one_relapse() {
    let mut decider = decider(vec![
        rule("a", Counts::Hits, 1, 10, 1000),
        rule("b", Counts::Hits, 1, 10, 1000),
        rule("c", Counts::Hits, 1, 10, 1000),
        rule("recidive", Counts::Relapses, 3, 86_400, 600_000),
    ]);
    let bursts = [0, 10_000, 20_000];
    for at_s in bursts {
        for rule in 0..3 {
            assert!(!decider.bans().iter().any(|ban| ban.rule == "recidive"));
            decider.add(Hit { rule, ..hit("192.0.2.1", at_s) });
            if at_s == 20_000 {
                break;
            }
        }
    }
    let recidive: Vec<_> = decider.bans().into_iter().filter(|ban| ban.rule == "recidive").collect();
    assert_eq!(recidive.len(), 1);
    assert_eq!((recidive[0].from_us / SECOND_US, recidive[0].hits, recidive[0].nth), (20_000, 3, 1));
}

#[test]
fn a_flood_of_other_clients_frees_nobody() {
    let limits = Limits { keys: 10, ..limits(60) };
    let mut decider = Decider::new(vec![rule("r", Counts::Hits, 2, 100, 3600)], Floor::default(), limits);
    decider.add(hit("192.0.2.1", 0));
    decider.add(hit("192.0.2.1", 1));
    for place in 0..1000_u32 {
        let client = std::net::Ipv4Addr::from_bits(0xc633_0000 + place);
        decider.add(hit(&client.to_string(), 2));
    }
    assert_eq!(bans(&decider), [("192.0.2.1".to_owned(), 1, 3601, 1)]);
    assert!(decider.tally().evicted_keys >= 990);
}

#[test]
fn an_explanation_names_the_lines_that_counted() {
    let mut decider = decider(vec![rule("r", Counts::Hits, 3, 100, 3600)]);
    banned_by(&mut decider, "2001:db8::1", &[0, 300, 320, 340]);
    let explained = decider.explain("2001:db8::7".parse().unwrap());
    let places: Vec<_> = explained[0].1.hits().iter().map(|hit| hit.place.1).collect();
    assert_eq!((explained.len(), places), (1, vec![30_000, 32_000, 34_000]));
}

#[test]
fn times_at_the_ends_of_time_do_not_overflow() {
    let mut decider = decider(vec![rule("r", Counts::Distinct, 1, 100, 3600)]);
    for at_us in [i64::MIN, i64::MAX, 0, i64::MIN, i64::MAX] {
        decider.add(Hit { at_us, ..hit("192.0.2.1", 0) });
    }
    assert!(decider.bans().iter().all(|ban| ban.until_us >= ban.from_us));
}

#[test]
fn rules_are_kept_by_name() {
    let (a, b) = (rule("a", Counts::Hits, 2, 100, 3600), rule("b", Counts::Hits, 2, 100, 7200));
    let mut first = decider(vec![a.clone(), b.clone()]);
    first.add(hit("192.0.2.1", 0));
    first.add(Hit { rule: 1, ..hit("192.0.2.1", 0) });
    let mut then = Decider::decode(&first.encode(), vec![b], Floor::default(), limits(60)).unwrap();
    assert_eq!(banned_by(&mut then, "192.0.2.1", &[1]), [("192.0.2.1".to_owned(), 1, 7201, 1)]);
}
