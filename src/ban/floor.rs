//! Networks that are never banned. Configuration adds to them; nothing takes away. Reads no configuration.

use super::network::Network;

/// Unspecified, private, loopback, link-local, multicast, broadcast. Documentation networks can be banned.
const ALWAYS: [&str; 13] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];
/// Where IPv4 addresses are in IPv6's order.
const MAPPED: u128 = 0xffff << 32;

/// The networks that are never banned, as ranges: a look-up costs the same for ten networks and for thousands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// First and last address, ascending, not touching each other.
    ranges: Vec<(u128, u128)>,
}

impl Default for Floor {
    fn default() -> Self {
        Self::new([])
    }
}

impl Floor {
    /// What is never banned anyway, and these: own addresses, trusted proxies, networks to ignore.
    #[must_use]
    pub fn new(further: impl IntoIterator<Item = Network>) -> Self {
        let always = ALWAYS.iter().filter_map(|text| text.parse::<Network>().ok());
        let mut all: Vec<_> = always.chain(further).map(range).collect();
        all.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(all.len());
        for (first, last) in all {
            match ranges.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => ranges.push((first, last)),
            }
        }
        Self { ranges }
    }

    /// Would a ban of this network hit one of the addresses?
    #[must_use]
    pub fn touches(&self, network: Network) -> bool {
        let (first, last) = range(network);
        let next = self.ranges.partition_point(|range| range.1 < first);
        self.ranges.get(next).is_some_and(|range| range.0 <= last)
    }
}

/// First and last address. IPv4 addresses are in `::ffff:0:0/96`, where no canonical IPv6 address is.
fn range(network: Network) -> (u128, u128) {
    let (first, last) = network.span();
    if network.is_ipv4() { (MAPPED | first, MAPPED | last) } else { (first, last) }
}
