//! Whose address counts: the connection's, unless that is a trusted proxy's and it forwards for another. Resolves no
//! name.

use super::network::Network;
use logstat_parsers::{Client, Record};
use std::net::{IpAddr, SocketAddr};

/// Addresses of one header that are looked at. Longer ways through proxies of one's own do not exist.
const MAX_HOPS: usize = 32;

/// The proxies whose word counts for the address that is in front of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// First and last address, ascending, not touching each other: of IPv4, then of IPv6.
    ranges: [Vec<(u128, u128)>; 2],
}

/// An address that counts, and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The other end of the connection.
    Peer(IpAddr),
    /// Told by a trusted proxy. A firewall in front of this machine never sees it.
    Forwarded(IpAddr),
}

impl Whose {
    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        match self {
            Self::Peer(address) | Self::Forwarded(address) => address,
        }
    }
}

impl TrustedProxies {
    /// Trusts these.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        let (ipv4, ipv6): (Vec<_>, Vec<_>) = networks.into_iter().partition(|network| network.is_ipv4());
        Self { ranges: [ranges(ipv4), ranges(ipv6)] }
    }

    /// Nobody's word counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.iter().all(Vec::is_empty)
    }

    /// Whether the word of this address counts. Costs the same for ten networks and for thousands.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let host = Network::host(address);
        let ranges = &self.ranges[usize::from(!host.is_ipv4())];
        let (bits, _) = host.span();
        let next = ranges.partition_point(|range| range.1 < bits);
        ranges.get(next).is_some_and(|range| range.0 <= bits)
    }

    /// Who sent the request of this record. `None` if the log has no address of the connection: nobody then vouches for
    /// its `X-Forwarded-For`.
    #[must_use]
    pub fn of_record(&self, record: &Record<'_>) -> Option<Whose> {
        match record.client {
            Client::Ip(peer) => Some(self.client(peer, record.x_forwarded_for)),
            Client::Name(_) | Client::Unknown => None,
        }
    }

    /// Goes through `X-Forwarded-For`, as logged, from the right: each element is the word of the address behind it, so
    /// that it counts only while that one is trusted. What is no address ends the way, at the proxy that wrote it.
    #[must_use]
    pub fn client(&self, peer: IpAddr, forwarded_for: Option<&[u8]>) -> Whose {
        let mut whose = Whose::Peer(peer.to_canonical());
        let elements = forwarded_for.into_iter().flat_map(|header| header.rsplit(|byte| *byte == b','));
        for element in elements.take(MAX_HOPS) {
            if !self.trusts(whose.address()) {
                break;
            }
            let Some(address) = address(element) else { break };
            whose = Whose::Forwarded(address);
        }
        whose
    }
}

fn ranges(networks: Vec<Network>) -> Vec<(u128, u128)> {
    let mut all: Vec<_> = networks.into_iter().map(Network::span).collect();
    all.sort_unstable();
    let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(all.len());
    for (first, last) in all {
        match ranges.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => ranges.push((first, last)),
        }
    }
    ranges
}

/// An address with or without its port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
/// `[2001:db8::1]:80`.
fn address(element: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(element.trim_ascii()).ok()?;
    let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = match bracketed {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip())),
    };
    // `parse` takes no zone for an address but for a socket, where it is lost: `[fe80::1%2]:80`.
    address.filter(|_| !text.contains('%')).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(vec!["192.0.2.0/24".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()])
    }

    fn client(peer: &str, header: &str) -> String {
        let whose = proxies().client(peer.parse().unwrap(), Some(header.as_bytes()));
        let kind = if matches!(whose, Whose::Peer(_)) { "peer" } else { "forwarded" };
        format!("{kind} {}", whose.address())
    }

    #[test]
    fn the_last_address_that_a_trusted_proxy_vouches_for_counts() {
        for (peer, header, expected) in [
            ("198.51.100.1", "203.0.113.1", "peer 198.51.100.1"),
            ("192.0.2.1", "203.0.113.1", "forwarded 203.0.113.1"),
            ("::ffff:192.0.2.1", "203.0.113.1", "forwarded 203.0.113.1"),
            ("192.0.2.1", "203.0.113.9, 203.0.113.1", "forwarded 203.0.113.1"),
            ("192.0.2.1", "203.0.113.9, 203.0.113.1, 192.0.2.7", "forwarded 203.0.113.1"),
            ("192.0.2.1", "203.0.113.1,[2001:db8:1::5]:443", "forwarded 203.0.113.1"),
            ("192.0.2.1", "203.0.113.1:5123", "forwarded 203.0.113.1"),
            ("192.0.2.1", "2001:db8::1", "forwarded 2001:db8::1"),
            ("192.0.2.1", "[2001:db8::1]", "forwarded 2001:db8::1"),
            ("192.0.2.1", "::ffff:203.0.113.1", "forwarded 203.0.113.1"),
            // What is no address is not skipped: what stands left of it was not told by a proxy.
            ("192.0.2.1", "203.0.113.1, unknown", "peer 192.0.2.1"),
            ("192.0.2.1", "203.0.113.1, unknown, 192.0.2.7", "forwarded 192.0.2.7"),
            ("192.0.2.1", "203.0.113.1,", "peer 192.0.2.1"),
            ("192.0.2.1", "0203.0.113.1", "peer 192.0.2.1"),
            ("192.0.2.1", "[fe80::1%2]:80", "peer 192.0.2.1"),
            ("192.0.2.1", "-", "peer 192.0.2.1"),
            ("192.0.2.1", "192.0.2.7", "forwarded 192.0.2.7"),
        ] {
            assert_eq!(client(peer, header), expected, "{peer} {header}");
        }
        assert_eq!(proxies().client([192, 0, 2, 1].into(), None), Whose::Peer([192, 0, 2, 1].into()));
    }

    #[test]
    fn a_way_without_end_ends_at_a_proxy() {
        let header = format!("203.0.113.1{}", ", 192.0.2.7".repeat(MAX_HOPS));
        assert_eq!(client("192.0.2.1", &header), "forwarded 192.0.2.7");
    }

    /// Bytes of a header as a client would choose them: junk, and pieces that look like addresses.
    fn header() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..6),
            prop::sample::select(vec![
                "203.0.113.7",
                "192.0.2.9",
                ", ",
                ",",
                " ",
                "[",
                "]",
                ":80",
                "2001:db8:1::2",
                "::ffff:"
            ])
            .prop_map(|piece| piece.as_bytes().to_vec()),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn many_networks_are_as_one_by_one() {
        let networks: Vec<Network> =
            ["192.0.2.0/25", "192.0.2.128/26", "192.0.2.64/26", "2001:db8::/32", "::/16", "203.0.113.7"]
                .map(|text| text.parse().unwrap())
                .to_vec();
        let proxies = TrustedProxies::new(networks.clone());
        for text in [
            "192.0.1.255",
            "192.0.2.0",
            "192.0.2.127",
            "192.0.2.191",
            "192.0.2.192",
            "203.0.113.7",
            "203.0.113.8",
            "2001:db8::1",
            "2001:db9::",
            "::7",
            "::ffff:192.0.2.1",
            "::ffff:203.0.113.8",
            "1::",
        ] {
            let address: IpAddr = text.parse().unwrap();
            let expected = networks.iter().any(|network| network.contains(address));
            assert_eq!(proxies.trusts(address), expected, "{text}");
        }
        assert!(TrustedProxies::default().is_empty() && !proxies.is_empty());
    }

    #[test]
    fn a_record_without_an_address_is_nobodys() {
        let of = |client| {
            let record = Record { client, x_forwarded_for: Some(b"203.0.113.1"), ..Record::default() };
            proxies().of_record(&record)
        };
        assert_eq!(of(Client::Ip([192, 0, 2, 1].into())), Some(Whose::Forwarded([203, 0, 113, 1].into())));
        assert_eq!(of(Client::Ip([198, 51, 100, 1].into())), Some(Whose::Peer([198, 51, 100, 1].into())));
        assert_eq!((of(Client::Name(b"unix:")), of(Client::Unknown)), (None, None));
    }

    proptest! {
        #[test]
        fn a_peer_that_is_not_trusted_counts_itself(peer in any::<IpAddr>(), header in header()) {
            prop_assume!(!proxies().trusts(peer));
            prop_assert_eq!(proxies().client(peer, Some(&header)), Whose::Peer(peer.to_canonical()));
        }

        #[test]
        fn nothing_a_client_sends_hides_its_address(client in any::<IpAddr>(), header in header(), hops in 0..4_usize) {
            prop_assume!(!proxies().trusts(client));
            // The outermost proxy appends the client's address to what it sent, each further one its predecessor's.
            let mut seen = header;
            seen.extend_from_slice(format!(", {client}").as_bytes());
            seen.extend_from_slice(", 192.0.2.3".repeat(hops).as_bytes());
            let whose = proxies().client([192, 0, 2, 1].into(), Some(&seen));
            prop_assert_eq!(whose, Whose::Forwarded(client.to_canonical()));
        }

        #[test]
        fn an_address_counts_only_if_all_behind_it_are_trusted(header in header()) {
            let peer = IpAddr::from([192, 0, 2, 1]);
            if let Whose::Forwarded(named) = proxies().client(peer, Some(&header)) {
                let elements: Vec<_> = header.split(|byte| *byte == b',').map(address).collect();
                let vouched = (0..elements.len()).any(|at| {
                    elements[at] == Some(named)
                        && elements[at + 1..].iter().all(|behind| behind.is_some_and(|address| proxies().trusts(address)))
                });
                prop_assert!(vouched);
            }
        }
    }
}
