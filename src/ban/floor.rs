//! Networks that are never banned and that no list holds. Configuration adds to them; nothing takes away. Reads no
//! configuration.

use std::net::IpAddr;
use std::sync::Arc;

use super::network::Network;

/// What nobody's own address can be, and what belongs to the machine or its neighbours. Documentation networks can be
/// banned.
const ALWAYS: [(&str, &str); 14] = [
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    // RFC 6598: between a carrier and its customers, and in clouds between balancers and servers.
    ("100.64.0.0/10", "shared"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.168.0.0/16", "private"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"),
    ("::1", "loopback"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
];
/// `::ffff:0:0/96`: those addresses are IPv4's, so no IPv6 prefix may bring them in.
const MAPPED: Range = Range { first: 0xffff << 32, last: (0xffff << 32) | 0xffff_ffff };

/// Addresses from `first` to `last`, both of them included, of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Range {
    pub(super) first: u128,
    pub(super) last: u128,
}

/// A network of the floor, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spared {
    /// Never banned.
    pub network: Network,
    /// Such as `private`, `ignoreip`, `trusted_proxies`.
    pub origin: Arc<str>,
}

/// The networks that are never banned, as ranges: a look-up costs the same for ten networks and for thousands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Floor {
    /// Ascending, not touching each other.
    v4: Vec<Range>,
    v6: Vec<Range>,
    /// What the ranges are made of, sorted.
    entries: Vec<Spared>,
}

impl Default for Floor {
    /// What is never banned whatever is configured: unspecified, private, loopback, link-local, multicast.
    fn default() -> Self {
        let always = ALWAYS.iter().filter_map(|(text, origin)| Some((text.parse().ok()?, *origin)));
        Self::of(always.map(|(network, origin)| Spared { network, origin: origin.into() }).collect())
    }
}

impl Floor {
    /// This floor and these networks: own addresses, trusted proxies, networks to ignore.
    #[must_use]
    pub fn with(self, origin: &str, networks: impl IntoIterator<Item = Network>) -> Self {
        let origin: Arc<str> = origin.into();
        let mut entries = self.entries;
        entries.extend(networks.into_iter().map(|network| Spared { network, origin: Arc::clone(&origin) }));
        Self::of(entries)
    }

    /// A floor of these alone.
    pub(super) fn of(mut entries: Vec<Spared>) -> Self {
        entries.sort_unstable();
        entries.dedup();
        let of_family = |is_ipv4: bool| {
            let networks = entries.iter().map(|entry| entry.network);
            networks.filter(move |network| network.is_ipv4() == is_ipv4).map(Range::of)
        };
        let (v4, v6) = (joined(of_family(true)), joined(of_family(false).chain([MAPPED])));
        Self { v4, v6, entries }
    }

    /// Would a ban of this network hit one of the addresses?
    #[must_use]
    pub fn touches(&self, network: Network) -> bool {
        let range = Range::of(network);
        self.at_or_after(network.is_ipv4(), range.first).first().is_some_and(|hole| hole.first <= range.last)
    }

    /// Why an address is never banned: the narrowest network that it is in.
    #[must_use]
    pub fn reason(&self, address: IpAddr) -> Option<&Spared> {
        let around = self.entries.iter().filter(|entry| entry.network.contains(address));
        around.max_by_key(|entry| entry.network.prefix())
    }

    /// The ranges of a family that do not end before the address.
    pub(super) fn at_or_after(&self, is_ipv4: bool, address: u128) -> &[Range] {
        let ranges = if is_ipv4 { &self.v4 } else { &self.v6 };
        &ranges[ranges.partition_point(|range| range.last < address)..]
    }
}

impl Range {
    fn of(network: Network) -> Self {
        let (first, last) = network.span();
        Self { first, last }
    }
}

/// Ascending and apart.
fn joined(ranges: impl Iterator<Item = Range>) -> Vec<Range> {
    let mut all: Vec<_> = ranges.collect();
    all.sort_unstable();
    let mut joined: Vec<Range> = Vec::with_capacity(all.len());
    for range in all {
        match joined.last_mut() {
            Some(before) if range.first <= before.last.saturating_add(1) => {
                before.last = before.last.max(range.last);
            }
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(floor: &Floor, address: &str) -> Option<String> {
        let spared = floor.reason(address.parse().unwrap())?;
        Some(format!("{} {}", spared.network, spared.origin))
    }

    #[test]
    fn an_address_of_the_floor_has_its_reason() {
        let floor = Floor::default()
            .with("ignoreip", ["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()])
            .with("trusted_proxies", ["192.0.2.7".parse().unwrap()]);
        for (address, wanted) in [
            ("127.0.0.1", Some("127.0.0.0/8 loopback")),
            ("::ffff:10.0.0.1", Some("10.0.0.0/8 private")),
            ("fe80::1", Some("fe80::/10 link-local")),
            ("::1", Some("::1 loopback")),
            ("192.0.2.6", Some("192.0.2.0/24 ignoreip")),
            ("192.0.2.7", Some("192.0.2.7 trusted_proxies")),
            ("2001:db8:1::1", Some("2001:db8::/32 ignoreip")),
            ("192.0.3.1", None),
            ("::2", None),
            ("2001:db9::1", None),
        ] {
            assert_eq!(reason(&floor, address).as_deref(), wanted, "{address}");
            assert_eq!(floor.touches(Network::host(address.parse().unwrap())), wanted.is_some(), "{address}");
        }
    }

    #[test]
    fn what_surrounds_an_address_of_the_floor_touches_it() {
        let floor = Floor::default().with("ignoreip", ["2001:db8::1".parse().unwrap()]);
        for (network, wanted) in [
            ("2001:db8::/64", true),
            ("2001:db8:0:1::/64", false),
            ("8.0.0.0/6", true),
            ("8.0.0.0/7", false),
            ("::fffe:0:0/95", true),
            ("::fffe:0:0/96", false),
            ("0.0.0.0/0", true),
        ] {
            assert_eq!(floor.touches(network.parse().unwrap()), wanted, "{network}");
        }
    }
}
