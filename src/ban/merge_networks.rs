//! Bans of one network, or of networks inside each other, become what a firewall takes: a host until the latest of its
//! bans, a network until the end of the widest ban around it. Bans no other address.

use std::cmp::Reverse;

use super::ban::Ban;
use super::floor::Floor;
use super::network::Network;

/// The most entries of a list: what `ipset` is told to make room for. A few wide bans with ten thousands of longer
/// ones inside fall into many more pieces than there are bans.
pub const MAX_ENTRIES: usize = 1 << 20;

/// A line of a list: an address or a prefix, banned until a second since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry<'a> {
    /// Which addresses.
    pub network: Network,
    /// First second at which it is free again.
    pub until_s: i64,
    /// The rule of the ban that lasts that long.
    pub rule: &'a str,
}

/// All bans in force, each address under one entry, but for hosts that stay banned longer than their network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged<'a> {
    /// Single addresses, sorted, each once.
    pub hosts: Vec<Entry<'a>>,
    /// Prefixes, sorted, none inside another.
    pub networks: Vec<Entry<'a>>,
    /// Bans left out because their time is over.
    pub expired: usize,
    /// Bans left out, or cut to a part, because of addresses that must never be banned.
    pub never_ban: usize,
}

impl Entry<'_> {
    /// Seconds until the ban is over, at most `limit_s`. Never 0, which in some formats means forever.
    pub(super) fn seconds_left(&self, now_s: i64, limit_s: i64) -> i64 {
        self.until_s.saturating_sub(now_s).clamp(1, limit_s)
    }
}

impl<'a> Merged<'a> {
    /// IPv4 hosts, IPv4 prefixes, IPv6 hosts, IPv6 prefixes: the four sets of a packet filter.
    pub(super) fn by_set(&self) -> [&[Entry<'a>]; 4] {
        let halves = |entries: &'_ [Entry<'a>]| entries.partition_point(|entry| entry.network.is_ipv4());
        let (hosts4, hosts6) = self.hosts.split_at(halves(&self.hosts));
        let (networks4, networks6) = self.networks.split_at(halves(&self.networks));
        [hosts4, networks4, hosts6, networks6]
    }
}

/// The merged bans would need more than [`MAX_ENTRIES`] entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the list would have more than {MAX_ENTRIES} entries\nhint: ban wider networks, or for a shorter time"
)]
pub struct TooManyEntries;

/// Addresses from `first` to `last`, both of them included, of one family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span<'a> {
    first: u128,
    last: u128,
    until_s: i64,
    rule: &'a str,
}

impl<'a> Span<'a> {
    fn new(network: Network, until_s: i64, rule: &'a str) -> Self {
        let (first, last) = network.span();
        Self { first, last, until_s, rule }
    }
}

/// What of the network may be banned: itself, some parts of it, or nothing.
pub(super) fn outside(floor: &Floor, network: Network) -> Vec<Network> {
    if !floor.touches(network) {
        return vec![network];
    }
    let mut left = Vec::new();
    let is_ipv4 = network.is_ipv4();
    for span in cut(&[Span::new(network, 0, "")], floor, is_ipv4) {
        prefixes(span, is_ipv4, |piece| left.push(piece));
    }
    left
}

/// The second at which a ban is over: rounded up, so that no ban is shortened.
pub(super) fn until_s(ban: &Ban) -> i64 {
    ban.until_us.div_euclid(1_000_000) + i64::from(ban.until_us.rem_euclid(1_000_000) > 0)
}

/// Merges the bans that are in force at `now_s`, in any order, without the addresses of the floor.
///
/// # Errors
/// If the list would have more than [`MAX_ENTRIES`] entries.
pub fn merge<'a>(bans: &'a [Ban], floor: &Floor, now_s: i64) -> Result<Merged<'a>, TooManyEntries> {
    let mut merged = Merged::default();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for ban in bans {
        let until_s = until_s(ban);
        if until_s <= now_s {
            merged.expired += 1;
            continue;
        }
        let touched = floor.touches(ban.network);
        merged.never_ban += usize::from(touched);
        match (ban.network.is_host(), ban.network.is_ipv4()) {
            (true, _) if touched => {}
            (true, _) => merged.hosts.push(Entry { network: ban.network, until_s, rule: &ban.rule }),
            (false, true) => v4.push(Span::new(ban.network, until_s, &ban.rule)),
            (false, false) => v6.push(Span::new(ban.network, until_s, &ban.rule)),
        }
    }
    let v4 = cut(&flatten(v4), floor, true);
    let v6 = cut(&flatten(v6), floor, false);
    merged.hosts.retain(|host| !is_covered(host, if host.network.is_ipv4() { &v4 } else { &v6 }));
    add_prefixes(&v4, true, &mut merged)?;
    add_prefixes(&v6, false, &mut merged)?;
    merged.hosts.sort_unstable_by_key(|host| (host.network, Reverse(host.until_s), host.rule));
    merged.hosts.dedup_by_key(|host| host.network);
    if merged.hosts.len() + merged.networks.len() > MAX_ENTRIES { Err(TooManyEntries) } else { Ok(merged) }
}

/// Does a wider ban last as long as the host's own?
fn is_covered(host: &Entry<'_>, spans: &[Span<'_>]) -> bool {
    let (address, _) = host.network.span();
    let around = spans.get(spans.partition_point(|span| span.last < address));
    around.is_some_and(|span| span.first <= address && span.until_s >= host.until_s)
}

fn add_prefixes<'a>(spans: &[Span<'a>], v4: bool, merged: &mut Merged<'a>) -> Result<(), TooManyEntries> {
    for span in spans {
        prefixes(*span, v4, |network| {
            let entry = Entry { network, until_s: span.until_s, rule: span.rule };
            if network.is_host() { merged.hosts.push(entry) } else { merged.networks.push(entry) }
        });
        if merged.networks.len() > MAX_ENTRIES {
            return Err(TooManyEntries);
        }
    }
    Ok(())
}

/// Spans of prefixes, which lie apart or inside each other, become spans apart: those around all others stand for them.
///
/// One that is inside and lasts longer comes into the list when the one around is over. To cut that one around it would
/// make dozens of entries of each, and thousands of a client that goes through its network.
fn flatten(mut spans: Vec<Span<'_>>) -> Vec<Span<'_>> {
    spans.sort_unstable_by_key(|span| (span.first, Reverse(span.last), Reverse(span.until_s), span.rule));
    let mut outermost: Vec<Span<'_>> = Vec::new();
    for span in spans {
        match outermost.last_mut() {
            Some(before) if span.last <= before.last => {}
            Some(before)
                if before.until_s == span.until_s && before.last.checked_add(1) == Some(span.first) =>
            {
                before.last = span.last;
            }
            _ => outermost.push(span),
        }
    }
    outermost
}

/// The spans of a family, sorted and apart, without what is on the floor.
fn cut<'a>(spans: &[Span<'a>], floor: &Floor, is_ipv4: bool) -> Vec<Span<'a>> {
    let mut left = Vec::with_capacity(spans.len());
    for span in spans {
        let mut first = Some(span.first);
        for hole in floor.at_or_after(is_ipv4, span.first).iter().take_while(|hole| hole.first <= span.last) {
            if let (Some(first), Some(last)) = (first, hole.first.checked_sub(1))
                && first <= last
            {
                left.push(Span { first, last, ..*span });
            }
            first = hole.last.checked_add(1);
        }
        if let Some(first) = first.filter(|&first| first <= span.last) {
            left.push(Span { first, ..*span });
        }
    }
    left
}

/// The fewest prefixes that hold exactly the span, in order.
fn prefixes(span: Span<'_>, v4: bool, mut each: impl FnMut(Network)) {
    let bits: u8 = if v4 { 32 } else { 128 };
    let mut first = span.first;
    loop {
        let aligned = first.trailing_zeros().min(bits.into());
        // The largest power of two that fits into what is left; all of IPv6 is one more than a number holds.
        let fits = (span.last - first).checked_add(1).map_or(128, u128::ilog2);
        let host_bits = aligned.min(fits);
        each(of_bits(first, v4, bits - u8::try_from(host_bits).unwrap_or(bits)));
        let size_less_one = u128::MAX.checked_shr(128 - host_bits).unwrap_or(0);
        let last = first + size_less_one;
        if last >= span.last {
            return;
        }
        first = last + 1;
    }
}

fn of_bits(first: u128, v4: bool, prefix: u8) -> Network {
    let address = match u32::try_from(first) {
        Ok(bits) if v4 => std::net::Ipv4Addr::from_bits(bits).into(),
        _ => std::net::Ipv6Addr::from_bits(first).into(),
    };
    Network::new(address, prefix).unwrap_or_else(|| Network::host(address))
}

#[cfg(test)]
mod tests;
