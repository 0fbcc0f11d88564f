//! An address or a prefix in its one canonical form. Reads and writes text; resolves no names and knows no floor.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Bits of `::ffff:0:0/96`, below which an IPv4 address hides in an IPv6 one.
const MAPPED_BITS: u8 = 96;

/// An address or a prefix, canonical: host bits are zero, `::ffff:a.b.c.d` is `a.b.c.d`.
///
/// Sorted by family (IPv4 first), then by first address, then the wider first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// What stands before the `/` is no IPv4 or IPv6 address.
    #[error("not an IP address (names, zones and leading zeros are not taken)")]
    Address,
    /// What stands behind the `/` is no number of bits for this family.
    #[error("the prefix is not a number from 0 to {longest}")]
    Prefix {
        /// 32 or 128; for an IPv4-mapped address only 96 to 128 has a meaning.
        longest: u8,
    },
    /// The address has bits behind its prefix.
    #[error("the address has bits behind its prefix; the network is {network}")]
    HostBits {
        /// The network that holds the address.
        network: Network,
    },
}

impl Network {
    /// One address.
    #[must_use]
    pub fn host(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: longest(address) }
    }

    /// The network of `prefix` bits that holds `address`: host bits are cleared. `None` if the family has fewer bits,
    /// or if an IPv4-mapped address is cut before its IPv4 part (`::ffff:192.0.2.1/64` would be `::/64`, loopback and all).
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let canonical = address.to_canonical();
        let mapped = address.is_ipv6() && canonical.is_ipv4();
        let prefix = if mapped { prefix.checked_sub(MAPPED_BITS)? } else { prefix };
        let host_bits = longest(canonical).checked_sub(prefix)?;
        let address = match canonical {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(host_bits.into()).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(host_bits.into()).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        Some(Self { address, prefix })
    }

    /// The first address.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits all its addresses share.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Is it a single address?
    #[must_use]
    pub fn is_host(self) -> bool {
        self.prefix == longest(self.address)
    }

    /// Is the address (in either of its forms) one of this network? Never across families.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.covers(Self::host(address))
    }

    /// Are all addresses of `other` in this network?
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.is_ipv4() == other.is_ipv4()
            && self.prefix <= other.prefix
            && Self::new(other.address, self.prefix) == Some(self)
    }

    pub(super) fn is_ipv4(self) -> bool {
        self.address.is_ipv4()
    }

    /// First and last address as numbers; of IPv4, those of 32 bits.
    pub(super) fn span(self) -> (u128, u128) {
        let first = match self.address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let host_bits = u32::from(longest(self.address) - self.prefix);
        (first, first | !u128::MAX.checked_shl(host_bits).unwrap_or(0))
    }
}

/// The derived one writes bytes with their number: several times as much work for each hit.
impl Hash for Network {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.address {
            IpAddr::V4(v4) => state.write_u64(u64::from(v4.to_bits()) << 8 | u64::from(self.prefix)),
            IpAddr::V6(v6) => {
                state.write_u128(v6.to_bits());
                state.write_u8(self.prefix);
            }
        }
    }
}

fn longest(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// `192.0.2.0/24`, `2001:db8::1`. A single address has no `/32` or `/128`; IPv6 is as RFC 5952 wants it.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_host() { self.address.fmt(f) } else { write!(f, "{}/{}", self.address, self.prefix) }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// # Errors
    /// If the text is no address, or has another prefix than one of its family, or bits behind the prefix.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Address)?;
        let Some(prefix) = prefix else { return Ok(Self::host(address)) };
        let network = decimal(prefix)
            .and_then(|prefix| Self::new(address, prefix))
            .ok_or(NetworkError::Prefix { longest: longest(address) })?;
        if network.address == address.to_canonical() {
            Ok(network)
        } else {
            Err(NetworkError::HostBits { network })
        }
    }
}

/// Digits only, and none in vain: `str::parse` alone would take `+24` and `024`.
fn decimal(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn texts_have_one_form() {
        for (given, wanted) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("2001:db8::1/128", "2001:db8::1"),
        ] {
            assert_eq!(network(given).to_string(), wanted, "{given}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let cases = "|192.0.2|192.0.2.01|0x1.2.3.4|192.0.2.1 |192.0.2.1:80|[::1]|fe80::1%eth0|localhost|192.0.2.0/|\
                     192.0.2.0/33|192.0.2.0/+24|192.0.2.0/024|192.0.2.0/24/24|192.0.2.0/2 4|::/129|::ffff:192.0.2.0/95\
                     |192.0.2.1/24|2001:db8::1/64|192.0.2.0/255.255.255.0";
        for text in cases.split('|') {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        let error = "192.0.2.1/24".parse::<Network>().unwrap_err();
        assert_eq!(error.to_string(), "the address has bits behind its prefix; the network is 192.0.2.0/24");
    }

    #[test]
    fn a_network_covers_itself_and_what_is_inside() {
        assert!(network("192.0.2.0/24").contains("::ffff:192.0.2.9".parse().unwrap()));
        assert!(!network("192.0.2.0/24").contains("192.0.3.0".parse().unwrap()));
        assert!(network("2001:db8::/48").covers(network("2001:db8:0:7::/64")));
        assert!(!network("2001:db8:0:7::/64").covers(network("2001:db8::/48")));
        assert!(!network("::/0").contains("192.0.2.1".parse().unwrap()));
        assert_eq!(Network::new("::ffff:192.0.2.1".parse().unwrap(), 64), None);
    }

    fn any_address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
            any::<u32>().prop_map(|bits| IpAddr::V6(Ipv4Addr::from_bits(bits).to_ipv6_mapped())),
        ]
    }

    proptest! {
        #[test]
        fn text_and_network_are_one(address in any_address(), prefix in 0_u8..=128) {
            let Some(network) = Network::new(address, prefix) else { return Ok(()) };
            prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
            prop_assert!(network.contains(address));
            prop_assert!(network.covers(network));
            let (first, last) = network.span();
            let bits = Network::host(address).span().0;
            prop_assert!(first <= bits && bits <= last);
        }

        #[test]
        fn covering_is_containing_both_ends(a in any_address(), p in 0_u8..=128, b in any_address(), q in 0_u8..=128) {
            let (Some(a), Some(b)) = (Network::new(a, p), Network::new(b, q)) else { return Ok(()) };
            let inside = a.is_ipv4() == b.is_ipv4() && a.span().0 <= b.span().0 && b.span().1 <= a.span().1;
            prop_assert_eq!(a.covers(b), inside);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[0-9a-fA-F:./+% x]{0,50}") {
            if let Ok(network) = text.parse::<Network>() {
                prop_assert_eq!(network.to_string().parse::<Network>(), Ok(network));
            }
        }
    }
}
