use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::merge_networks::MAX_ENTRIES;
use super::super::network::Network;
use super::super::window::Counted;
use super::*;

mod consumers;

const NOW_S: i64 = 1_800_000_000;

fn ban(network: &str, left_s: i64, rule: &str) -> Ban {
    let (from_us, until_us) = ((NOW_S - 30) * 1_000_000, (NOW_S + left_s) * 1_000_000);
    Ban { network: network.parse().unwrap(), rule: rule.to_owned(), from_us, until_us, hits: 10, nth: 1 }
}

fn sample() -> Vec<Ban> {
    vec![
        ban("198.51.100.0/25", 3600, "recidive"),
        ban("192.0.2.9", 60, "probing"),
        ban("192.0.2.1", 3600, "sql-injection"),
        ban("198.51.100.128/25", 60, "probing"),
        ban("2001:db8:0:7::/64", 300, "crawl"),
        ban("2001:db8::1", 86_400 * 365 * 20, "xss"),
        ban("203.0.113.4", 0, "xss"),
    ]
}

fn floor_of(networks: &[Network]) -> Floor {
    Floor::default().with("ignoreip", networks.iter().copied())
}

fn emitted(format: Format, bans: &[Ban], floor: &[Network]) -> List {
    emit(format, bans, &Emission { now_s: NOW_S, floor: &floor_of(floor), jail: "logstat" }).unwrap()
}

fn text(format: Format, bans: &[Ban], floor: &[Network]) -> String {
    String::from_utf8(emitted(format, bans, floor).bytes).unwrap()
}

const NFTABLES: &str = "\
add table inet logstat
add set inet logstat ban4 { type ipv4_addr; flags timeout; }
add set inet logstat ban4net { type ipv4_addr; flags interval,timeout; }
add set inet logstat ban6 { type ipv6_addr; flags timeout; }
add set inet logstat ban6net { type ipv6_addr; flags interval,timeout; }
flush set inet logstat ban4
flush set inet logstat ban4net
flush set inet logstat ban6
flush set inet logstat ban6net
";

const NFTABLES_ELEMENTS: &str = "\
add element inet logstat ban4 {
192.0.2.1 timeout 3600s,
192.0.2.9 timeout 60s
}
add element inet logstat ban4net {
198.51.100.0/25 timeout 3600s,
198.51.100.128/25 timeout 60s
}
add element inet logstat ban6 {
2001:db8::1 timeout 99999999s
}
add element inet logstat ban6net {
2001:db8:0:7::/64 timeout 300s
}
";

const IPSET: &str = "\
create logstat4-new hash:ip family inet maxelem 1048576 timeout 0 -exist
flush logstat4-new
add logstat4-new 192.0.2.1 timeout 3600
add logstat4-new 192.0.2.9 timeout 60
create logstat4-net-new hash:net family inet maxelem 1048576 timeout 0 -exist
flush logstat4-net-new
add logstat4-net-new 198.51.100.0/25 timeout 3600
add logstat4-net-new 198.51.100.128/25 timeout 60
create logstat6-new hash:ip family inet6 maxelem 1048576 timeout 0 -exist
flush logstat6-new
add logstat6-new 2001:db8::1 timeout 2147483
create logstat6-net-new hash:net family inet6 maxelem 1048576 timeout 0 -exist
flush logstat6-net-new
add logstat6-net-new 2001:db8:0:7::/64 timeout 300
create logstat4 hash:ip family inet maxelem 1048576 timeout 0 -exist
create logstat4-net hash:net family inet maxelem 1048576 timeout 0 -exist
create logstat6 hash:ip family inet6 maxelem 1048576 timeout 0 -exist
create logstat6-net hash:net family inet6 maxelem 1048576 timeout 0 -exist
swap logstat4-new logstat4
swap logstat4-net-new logstat4-net
swap logstat6-new logstat6
swap logstat6-net-new logstat6-net
destroy logstat4-new
destroy logstat4-net-new
destroy logstat6-new
destroy logstat6-net-new
";

const CROWDSEC: &str = "\
duration,reason,scope,type,value
3600s,sql-injection,Ip,ban,192.0.2.1
60s,probing,Ip,ban,192.0.2.9
3600s,recidive,Range,ban,198.51.100.0/25
60s,probing,Range,ban,198.51.100.128/25
315360000s,xss,Ip,ban,2001:db8::1
300s,crawl,Range,ban,2001:db8:0:7::/64
";

#[test]
fn firewalls_get_sets() {
    assert_eq!(text(Format::Nftables, &sample(), &[]), format!("{NFTABLES}{NFTABLES_ELEMENTS}"));
    assert_eq!(text(Format::Ipset, &sample(), &[]), IPSET);
    assert_eq!(text(Format::Nftables, &[], &[]), NFTABLES);
}

#[test]
fn others_get_lines() {
    let few = [ban("2001:db8:0:7::/64", 300, "crawl"), ban("192.0.2.1", 3600, "sql-injection")];
    for (format, wanted) in [
        (Format::Plain, "192.0.2.1\n2001:db8:0:7::/64\n"),
        (Format::NginxGeo, "192.0.2.1 1;\n2001:db8:0:7::/64 1;\n"),
        (Format::NginxDeny, "deny 192.0.2.1;\ndeny 2001:db8:0:7::/64;\n"),
        (Format::HaproxyAcl, "192.0.2.1\n2001:db8:0:7::/64\n"),
        (Format::HaproxyMap, "192.0.2.1 1800003600\n2001:db8:0:7::/64 1800000300\n"),
        (Format::Fail2ban, "fail2ban-client set logstat banip 192.0.2.1 2001:db8:0:7::/64\n"),
    ] {
        assert_eq!(text(format, &few, &[]), wanted, "{format}");
    }
    assert_eq!(text(Format::Crowdsec, &sample(), &[]), CROWDSEC);
    let first = text(Format::Jsonl, &sample(), &[]).lines().next().unwrap().to_owned();
    let wanted = r#"{"address":"192.0.2.1","rule":"sql-injection","from":1799999970,"until":1800003600,"hits":10,"nth":1}"#;
    assert_eq!(first, wanted);
}

#[test]
fn lists_of_more_than_a_million_are_refused() {
    let first = 0x2000_0000;
    let bans: Vec<_> = (first..=first + MAX_ENTRIES as u32)
        .map(|bits| Ban {
            network: Network::host(std::net::IpAddr::V4(bits.into())),
            ..ban("::1", 60, "xss")
        })
        .collect();
    let floor = floor_of(&[]);
    let emission = Emission { now_s: NOW_S, floor: &floor, jail: "logstat" };
    for format in [Format::Plain, Format::Jsonl] {
        assert_eq!(emit(format, &bans, &emission), Err(EmitError::TooMany(TooManyEntries)), "{format}");
        assert_eq!(emit(format, &bans[1..], &emission).unwrap().entries, MAX_ENTRIES, "{format}");
    }
}

#[test]
fn json_lines_may_hold_the_evidence() {
    let counted = |at_us: i64| Counted { at_us, place: (3, at_us.unsigned_abs() / 1000), distinct: 7 };
    let evidence = Evidence::new([counted(1_999_999), counted(2_000_000)].into_iter());
    let floor = floor_of(&[]);
    let emission = Emission { now_s: NOW_S, floor: &floor, jail: "logstat" };
    let list = emit_with_evidence(&[(ban("192.0.2.1", 60, "xss"), &evidence)], &emission).unwrap();
    let wanted = r#"{"address":"192.0.2.1","rule":"xss","from":1799999970,"until":1800000060,"hits":10,"nth":1,"evidence":[{"at":1,"file":3,"offset":1999},{"at":2,"file":3,"offset":2000}]}"#;
    assert_eq!(String::from_utf8(list.bytes.clone()).unwrap(), format!("{wanted}\n"));
    assert_eq!((list.entries, Format::Jsonl.count(&list.bytes)), (1, Some(1)));
    assert!(emit_with_evidence(&[(ban("192.0.2.1", 60, "a b"), &evidence)], &emission).is_err());
}

#[test]
fn names_that_mean_something_elsewhere_are_refused() {
    for name in ["", "a b", "a;", "A", "a\n", "ä", "a,b", "$(id)", "\"", &"a".repeat(65)] {
        for format in Format::ALL {
            let floor = Floor::default();
            let emission = Emission { now_s: NOW_S, floor: &floor, jail: "logstat" };
            assert!(emit(format, &[ban("192.0.2.1", 60, name)], &emission).is_err(), "{name}");
            assert!(emit(format, &[], &Emission { jail: name, ..emission }).is_err(), "{name}");
        }
    }
}

#[test]
fn a_cut_list_is_no_list_or_a_shorter_one() {
    for format in Format::ALL {
        let list = emitted(format, &sample(), &[]);
        for end in 1..list.bytes.len() {
            let left = format.count(&list.bytes[..end]);
            assert!(left.is_none_or(|entries| entries < list.entries), "{format} cut at {end}");
        }
    }
}

#[test]
fn formats_have_the_names_of_the_command_line() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
    }
    let error = "iptables".parse::<Format>().unwrap_err().to_string();
    assert!(error.ends_with("hint: one of nftables, ipset, plain, nginx-geo, nginx-deny, haproxy-acl, haproxy-map, fail2ban, crowdsec, jsonl"), "{error}");
}

/// What a list says, read by its words: each network with the second until which it is banned, where the format has one.
fn read(format: Format, list: &str) -> BTreeMap<Network, Option<i64>> {
    let network = |word: &str| word.parse::<Network>().unwrap();
    let after_now = |word: &str| Some(NOW_S + word.trim_end_matches(['s', ',']).parse::<i64>().unwrap());
    let mut entries = BTreeMap::new();
    for line in list.lines() {
        let words: Vec<_> = line.split([' ', ',']).filter(|word| !word.is_empty()).collect();
        match (format, &words[..]) {
            (Format::Plain | Format::HaproxyAcl, [address]) => entries.insert(network(address), None),
            (Format::NginxGeo, [address, "1;"]) => entries.insert(network(address), None),
            (Format::NginxDeny, ["deny", address]) => {
                entries.insert(network(address.trim_end_matches(';')), None)
            }
            (Format::HaproxyMap, [address, until]) => entries.insert(network(address), until.parse().ok()),
            (Format::Nftables, [address, "timeout", left]) => {
                entries.insert(network(address), after_now(left))
            }
            (Format::Ipset, ["add", _, address, "timeout", left]) => {
                entries.insert(network(address), after_now(left))
            }
            (Format::Crowdsec, [left, _, "Ip" | "Range", "ban", address]) => {
                entries.insert(network(address), after_now(left))
            }
            (Format::Fail2ban, ["fail2ban-client", "set", "logstat", "banip", addresses @ ..]) => {
                entries.extend(addresses.iter().map(|address| (network(address), None)));
                None
            }
            _ => None,
        };
    }
    entries
}

fn limit_s(format: Format) -> Option<i64> {
    match format {
        Format::Nftables => Some(99_999_999),
        Format::Ipset => Some(2_147_483),
        Format::Crowdsec => Some(315_360_000),
        Format::HaproxyMap => Some(i64::MAX),
        _ => None,
    }
}

fn some_ban() -> impl Strategy<Value = Ban> {
    // Few bits vary, so that networks meet.
    let address = prop_oneof![
        (0_u32..64).prop_map(|bits| std::net::IpAddr::V4((0xc000_0200 | bits).into())),
        (0_u128..64).prop_map(|bits| std::net::IpAddr::V6(((0x2001_0db8 << 96) | bits).into())),
        any::<u32>().prop_map(|bits| std::net::IpAddr::V4(bits.into())),
        any::<u128>().prop_map(|bits| std::net::IpAddr::V6(bits.into())),
    ];
    let left_us =
        prop_oneof![-2_000_000_i64..10_000_000, 0..(1_i64 << 52), Just(i64::MAX - NOW_S * 1_000_000)];
    (address, prop_oneof![Just(0_u8), 0_u8..8, 0_u8..=128], "[a-z0-9-]{1,12}", left_us, any::<(u32, u32)>())
        .prop_map(|(address, host_bits, rule, left_us, (hits, nth))| {
            let bits = if address.is_ipv4() { 32_u8 } else { 128 };
            let network =
                Network::new(address, bits.saturating_sub(host_bits)).unwrap_or(Network::host(address));
            let until_us = NOW_S * 1_000_000 + left_us;
            Ban { network, rule, from_us: until_us - 1_000_000, until_us, hits, nth }
        })
}

fn some_bans() -> impl Strategy<Value = (Vec<Ban>, Vec<Network>)> {
    let floor = prop::collection::vec(some_ban().prop_map(|ban| ban.network), 0..4);
    (prop::collection::vec(some_ban(), 0..30), floor)
}

/// The words that lists have besides addresses, numbers and the names of rules.
const WORDS: &str = "add table inet logstat set ban4 ban4net ban6 ban6net type ipv4_addr ipv6_addr flags timeout \
    interval flush element create swap destroy logstat4 logstat4-net logstat6 logstat6-net logstat4-new \
    logstat4-net-new logstat6-new logstat6-net-new hash:ip hash:net family inet6 maxelem -exist deny fail2ban-client \
    banip duration reason scope value Ip Range ban address rule from until hits nth";

/// Quotes, commas and braces end a word, and so do the colons of JSON.
fn words(format: Format, line: &str) -> Vec<&str> {
    let line = line.trim_matches(['{', '}']);
    if format == Format::Jsonl {
        let pairs = line.split(',').flat_map(|pair| pair.splitn(2, ':'));
        return pairs.map(|word| word.trim_matches('"')).collect();
    }
    line.split([' ', ',', ';', '{', '}']).filter(|word| !word.is_empty()).collect()
}

proptest! {
    #[test]
    fn a_list_read_back_gives_the_bans((bans, floor) in some_bans()) {
        let floor = floor_of(&floor);
        let merged = merge(&bans, &floor, NOW_S).unwrap();
        for format in Format::ALL.into_iter().filter(|&format| format != Format::Jsonl) {
            let list = emit(format, &bans, &Emission { now_s: NOW_S, floor: &floor, jail: "logstat" }).unwrap();
            let end = |until_s: i64| limit_s(format).map(|limit_s| until_s.min(NOW_S.saturating_add(limit_s)));
            let wanted: BTreeMap<_, _> = sorted(&merged).iter().map(|e| (e.network, end(e.until_s))).collect();
            prop_assert_eq!(read(format, std::str::from_utf8(&list.bytes).unwrap()), wanted, "{}", format);
            prop_assert_eq!(list.entries, sorted(&merged).len());
            prop_assert_eq!(format.count(&list.bytes), Some(list.entries), "{}", format);
        }
    }

    #[test]
    fn json_lines_read_back_give_every_ban_as_it_was(bans in prop::collection::vec(some_ban(), 0..30)) {
        let list = text(Format::Jsonl, &bans, &[]);
        let floor = Floor::default();
        let mut wanted = Vec::new();
        for ban in bans.iter().filter(|ban| super::super::merge_networks::until_s(ban) > NOW_S) {
            let (from_s, until_s) = (ban.from_us.div_euclid(1_000_000), super::super::merge_networks::until_s(ban));
            wanted.extend(super::super::merge_networks::outside(&floor, ban.network).into_iter().map(|network| {
                format!("address {network} rule {} from {from_s} until {until_s} hits {} nth {}", ban.rule, ban.hits, ban.nth)
            }));
        }
        wanted.sort();
        let mut lines: Vec<_> = list.lines().map(|line| words(Format::Jsonl, line).join(" ")).collect();
        lines.sort();
        prop_assert_eq!(lines, wanted);
        prop_assert_eq!(Format::Jsonl.count(list.as_bytes()), Some(list.lines().count()));
    }

    #[test]
    fn a_list_holds_addresses_numbers_fixed_words_and_names((bans, floor) in some_bans()) {
        let fixed: Vec<_> = WORDS.split_whitespace().collect();
        for format in Format::ALL {
            for line in text(format, &bans, &floor).lines() {
                prop_assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')));
                for word in words(format, line) {
                    let canonical = word.parse::<Network>().is_ok_and(|network| network.to_string() == word);
                    let number = is_number(word.trim_end_matches('s'));
                    let name = bans.iter().any(|ban| ban.rule == word);
                    prop_assert!(canonical || number || name || fixed.contains(&word), "{}: {}", format, word);
                }
            }
        }
    }

    #[test]
    fn no_list_holds_an_address_of_the_floor((bans, mut floor) in some_bans()) {
        let always = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fe80::/10", "fc00::/7"];
        floor.extend(always.map(|text| text.parse::<Network>().unwrap()));
        let configured = &floor[..floor.len() - always.len()];
        for format in Format::ALL {
            for line in text(format, &bans, configured).lines() {
                for network in words(format, line).iter().filter_map(|word| word.parse::<Network>().ok()) {
                    let meets = |other: &Network| other.covers(network) || network.covers(*other);
                    prop_assert!(!floor.iter().any(meets), "{}: {}", format, network);
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_bans_changes_no_byte((bans, shuffled) in some_bans().prop_flat_map(|(bans, _)| {
        (Just(bans.clone()), Just(bans).prop_shuffle())
    })) {
        for format in Format::ALL {
            prop_assert_eq!(text(format, &bans, &[]), text(format, &shuffled, &[]));
        }
    }

    #[test]
    fn any_text_is_counted_without_panic(list in "(add |deny |fail2ban-client set |[0-9a-f:./]{0,12}|[ ,;{}\"\n]|[a-z]{0,5}){0,20}") {
        for format in Format::ALL {
            let words = list.split([' ', '\n']).count();
            prop_assert!(format.count(list.as_bytes()).is_none_or(|entries| entries <= words), "{}", format);
        }
    }
}

#[test]
fn a_list_names_its_networks_again() {
    let bans =
        ["192.0.2.1", "198.51.100.0/24", "2001:db8::1", "2001:db8:1::/64"].map(|of| ban(of, 60, "xss"));
    let mut wanted: Vec<_> = bans.iter().map(|ban| ban.network).collect();
    wanted.sort_unstable();
    for format in Format::ALL {
        let mut named = named_networks(&emitted(format, &bans, &[]).bytes);
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, wanted, "{format}");
    }
}
