use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::ban::floor::Spared;

const NOW_S: i64 = 1_800_000_000;

/// Blocks of 256 addresses; at both ends of each family, where sums overflow.
const BLOCKS: [&str; 7] = [
    "198.51.100.0",
    "0.0.0.0",
    "255.255.255.0",
    "2001:db8::",
    "::",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00",
    "::fffe:ffff:ff00",
];

fn ban(network: &str, left_s: i64, rule: &str) -> Ban {
    let until_us = (NOW_S + left_s) * 1_000_000;
    Ban { network: network.parse().unwrap(), rule: rule.to_owned(), from_us: 0, until_us, hits: 1, nth: 1 }
}

/// The unspecified addresses, which no reader takes, and these alone, so that the ends of both families can be banned.
fn floor_of(networks: &[Network]) -> Floor {
    let unspecified = ["0.0.0.0", "::"].map(|text| text.parse().unwrap());
    let networks = networks.iter().copied().chain(unspecified);
    Floor::of(networks.map(|network| Spared { network, origin: "ignoreip".into() }).collect())
}

fn shown(bans: &[Ban], floor: &[&str]) -> String {
    let floor: Vec<_> = floor.iter().map(|text| text.parse().unwrap()).collect();
    let merged = merge(bans, &floor_of(&floor), NOW_S).unwrap();
    let entries = merged.hosts.iter().chain(&merged.networks);
    let lines: Vec<_> =
        entries.map(|entry| format!("{} {} {}", entry.network, entry.until_s - NOW_S, entry.rule)).collect();
    lines.join("\n")
}

#[test]
fn the_longest_of_several_bans_of_one_host_wins() {
    let bans =
        [ban("192.0.2.1", 60, "probing"), ban("192.0.2.1", 3600, "recidive"), ban("192.0.2.1", 5, "xss")];
    assert_eq!(shown(&bans, &[]), "192.0.2.1 3600 recidive");
}

#[test]
fn neighbouring_bans_with_different_expiry_stay_apart() {
    let bans = [ban("192.0.2.0/25", 172_800, "probing"), ban("192.0.2.128/25", 3600, "probing")];
    assert_eq!(shown(&bans, &[]), "192.0.2.0/25 172800 probing\n192.0.2.128/25 3600 probing");
    let bans = [ban("192.0.2.0/25", 3600, "probing"), ban("192.0.2.128/25", 3600, "probing")];
    assert_eq!(shown(&bans, &[]), "192.0.2.0/24 3600 probing");
}

#[test]
fn a_network_stands_for_those_inside_it() {
    let mut bans = [ban("2001:db8::/48", 60, "crawl"), ban("2001:db8:0:8000::/49", 900, "recidive")];
    assert_eq!(shown(&bans, &[]), "2001:db8::/48 60 crawl");
    bans[0].until_us = NOW_S * 1_000_000;
    assert_eq!(shown(&bans, &[]), "2001:db8:0:8000::/49 900 recidive");
    let bans = [ban("2001:db8::/48", 900, "crawl"), ban("2001:db8:0:7::/64", 60, "xss")];
    assert_eq!(shown(&bans, &[]), "2001:db8::/48 900 crawl");
}

#[test]
fn a_host_stands_beside_its_network_only_if_banned_longer() {
    let bans = [ban("192.0.2.0/24", 60, "crawl"), ban("192.0.2.7", 900, "xss"), ban("192.0.2.9", 60, "xss")];
    assert_eq!(shown(&bans, &[]), "192.0.2.7 900 xss\n192.0.2.0/24 60 crawl");
}

#[test]
fn bans_that_are_over_are_left_out_and_none_is_rounded_down() {
    let mut bans = [ban("192.0.2.1", 0, "xss"), ban("192.0.2.2", 0, "xss"), ban("192.0.2.3", -5, "xss")];
    bans[1].until_us += 1;
    assert_eq!(shown(&bans, &[]), "192.0.2.2 1 xss");
    assert_eq!(merge(&bans, &Floor::default(), NOW_S).unwrap().expired, 2);
}

#[test]
fn the_floor_is_cut_out_of_bans() {
    let bans =
        [ban("192.0.2.0/29", 60, "crawl"), ban("192.0.2.9", 60, "crawl"), ban("2001:db8::/64", 60, "crawl")];
    let floor = ["192.0.2.2", "192.0.2.8/30", "2001:db8::/32"];
    let wanted = "192.0.2.3 60 crawl\n192.0.2.0/31 60 crawl\n192.0.2.4/30 60 crawl";
    assert_eq!(shown(&bans, &floor), wanted);
}

#[test]
fn all_of_ipv6_holds_no_ipv4_address() {
    let bans = [ban("::/0", 60, "crawl")];
    let merged = merge(&bans, &floor_of(&[]), NOW_S).unwrap();
    assert!(merged.hosts.iter().chain(&merged.networks).all(|entry| !entry.network.is_ipv4()));
    assert_eq!(merged.hosts[0].network.to_string(), "::1");
    // ::ffff:0:0/96 is the other half of this one, and would be written as 0.0.0.0/0.
    let bans = [ban("::fffe:0:0/95", 60, "crawl")];
    assert_eq!(shown(&bans, &[]), "::fffe:0:0/96 60 crawl");
    assert_eq!(shown(&bans, &["::fffe:0:0/96"]), "");
}

#[test]
fn more_entries_than_a_reader_takes_are_refused() {
    let network = |number: usize| {
        let address = (0x2001_0db8_u128 << 96) | ((number as u128) << 65);
        Ban { network: Network::new(IpAddr::V6(address.into()), 64).unwrap(), ..ban("::1", 60, "crawl") }
    };
    let bans: Vec<Ban> = (0..=MAX_ENTRIES).map(network).collect();
    assert!(merge(&bans[1..], &floor_of(&[]), NOW_S).is_ok());
    assert_eq!(merge(&bans, &floor_of(&[]), NOW_S), Err(TooManyEntries));
}

fn address_in(block: &str, offset: u8) -> IpAddr {
    match block.parse().unwrap() {
        IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() | u32::from(offset)).into()),
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() | u128::from(offset)).into()),
    }
}

/// A network of 1 to 256 addresses inside a block.
fn network_in(block: &str, offset: u8, host_bits: u8) -> Network {
    let address = address_in(block, offset);
    Network::new(address, if address.is_ipv4() { 32 } else { 128 } - host_bits).unwrap()
}

fn some_bans() -> impl Strategy<Value = (&'static str, Vec<Ban>, Vec<Network>)> {
    let networks = || (any::<u8>(), prop_oneof![Just(0_u8), 0_u8..=8]);
    let bans = prop::collection::vec((networks(), -1_i64..5, 0_u8..3), 0..24);
    let floor = prop::collection::vec(networks(), 0..3);
    (prop::sample::select(&BLOCKS[..]), bans, floor).prop_map(|(block, bans, floor)| {
        let bans = bans.into_iter().map(|((offset, bits), left_s, rule)| Ban {
            network: network_in(block, offset, bits),
            ..ban("::1", left_s, ["crawl", "probing", "xss"][usize::from(rule)])
        });
        let floor = floor.into_iter().map(|(offset, bits)| network_in(block, offset, bits.min(5)));
        (block, bans.collect(), floor.collect())
    })
}

proptest! {
    /// Address by address, the list says what the bans say: its own ban or that of the widest network around it, which
    /// ever lasts longer, and never anybody else.
    #[test]
    fn every_address_is_banned_by_itself_or_by_the_widest_network((block, bans, floor) in some_bans()) {
        let merged = merge(&bans, &floor_of(&floor), NOW_S).unwrap();
        let entries: Vec<_> = merged.hosts.iter().chain(&merged.networks).collect();
        for address in (0..=255).map(|offset| address_in(block, offset)) {
            let allowed = floor.iter().all(|network| !network.contains(address)) && !address.is_unspecified();
            let in_force = || {
                let around = bans.iter().filter(|ban| allowed && ban.network.contains(address));
                around.filter(|ban| until_s(ban) > NOW_S)
            };
            let own = in_force().filter(|ban| ban.network.is_host()).map(until_s).max();
            let networks = in_force().filter(|ban| !ban.network.is_host());
            let widest = networks.min_by_key(|ban| (ban.network.prefix(), Reverse(until_s(ban)))).map(until_s);
            let wanted = own.max(widest);
            let around = || entries.iter().filter(|entry| entry.network.contains(address));
            prop_assert_eq!(around().map(|entry| entry.until_s).max(), wanted, "{}", address);
            // HAProxy and nginx take the longest prefix, so that one alone must say it, too.
            let longest = around().max_by_key(|entry| entry.network.prefix());
            prop_assert_eq!(longest.map(|entry| entry.until_s), wanted, "{}", address);
        }
        for entry in entries {
            let named = bans.iter().any(|ban| ban.rule == entry.rule && until_s(ban) == entry.until_s);
            prop_assert!(named, "no ban by {} lasts as long", entry.rule);
        }
    }

    #[test]
    fn entries_are_sorted_and_do_not_overlap((_, bans, floor) in some_bans()) {
        let merged = merge(&bans, &floor_of(&floor), NOW_S).unwrap();
        prop_assert!(merged.hosts.iter().all(|entry| entry.network.is_host()));
        prop_assert!(merged.hosts.windows(2).all(|pair| pair[0].network < pair[1].network));
        prop_assert!(merged.networks.iter().all(|entry| !entry.network.is_host()));
        prop_assert!(merged.networks.windows(2).all(|pair| pair[0].network.span().1 < pair[1].network.span().0));
    }

    #[test]
    fn the_order_of_the_bans_does_not_matter((bans, shuffled, floor) in some_bans().prop_flat_map(|(_, bans, floor)| {
        (Just(bans.clone()), Just(bans).prop_shuffle(), Just(floor))
    })) {
        let floor = floor_of(&floor);
        prop_assert_eq!(merge(&bans, &floor, NOW_S), merge(&shuffled, &floor, NOW_S));
    }

    #[test]
    fn outside_the_floor_is_the_rest_of_the_network((block, bans, floor) in some_bans()) {
        let cutter = floor_of(&floor);
        for ban in &bans {
            let outside = outside(&cutter, ban.network);
            for address in (0..=255).map(|offset| address_in(block, offset)) {
                let allowed = floor.iter().all(|network| !network.contains(address)) && !address.is_unspecified();
                let holds = outside.iter().any(|network| network.contains(address));
                prop_assert_eq!(holds, allowed && ban.network.contains(address), "{}", address);
            }
        }
    }
}
