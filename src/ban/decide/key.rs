//! Whose hits are counted together, and what is kept of them. Knows one key at a time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use super::super::ban::{Hit, Threshold};
use super::super::evidence::Evidence;
use super::super::floor::Floor;
use super::super::network::Network;
use super::super::window::{Counted, Window};
use super::{Decided, Outcome};

/// What one line of IPv6 customers has at least: one key.
pub(super) const IPV6_PREFIX: u8 = 64;
/// IPv6 networks where one /64 is many clients: the IPv4 Internet behind NAT64 (RFC 6052), Teredo servers (RFC 4380).
const SHARED: [(u128, u8); 2] = [(0x64_ff9b << 96, 96), (0x2001 << 112, 32)];
/// By key. Keys are chosen by clients: the seed is random.
pub(in crate::ban) type Table<T> = HashMap<Network, T, foldhash::fast::RandomState>;

/// The hits of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ban) struct KeyHits {
    pub(in crate::ban) newest_us: i64,
    /// When it was hit last, counted in hits.
    pub(in crate::ban) turn: u64,
    /// May it have bans? If not, nobody needs to look for them.
    pub(in crate::ban) has_bans: bool,
    pub(in crate::ban) hits: Held,
}

/// The hits of a key by rule. Of many clients there is one: it has its place in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ban) enum Held {
    One(u16, Counted),
    Many(Vec<(u16, Window)>),
}

/// What became of a hit of a key.
pub(super) enum Taken {
    Counted,
    WhileBanned,
    Late,
    /// It completed a stretch; what the key's clock has settled then, microseconds.
    Completed(i64, (Counted, Evidence)),
}

impl Taken {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Counted => Outcome::Counted,
            Self::WhileBanned => Outcome::WhileBanned,
            Self::Late => Outcome::Late,
            Self::Completed(..) => Outcome::Banned,
        }
    }
}

impl KeyHits {
    /// Takes a hit of a rule with these words. The key has these bans; `held` counts all hits.
    pub(super) fn take(
        &mut self,
        hit: &Hit,
        words: &Threshold,
        bans: &[Decided],
        lateness_us: i64,
        held: &mut usize,
    ) -> Taken {
        let Some(settled_us) = self.advance(hit.at_us, lateness_us) else { return Taken::Late };
        let counted = Counted { at_us: hit.at_us, place: hit.place, distinct: hit.distinct };
        let (floor_us, unsettled) = standing(bans, hit.rule, settled_us);
        if hit.at_us < floor_us || unsettled.is_some_and(|completed_by| counted > completed_by) {
            return Taken::WhileBanned;
        }
        if words.maxretry > 1 && self.hits.is_empty() {
            self.hits = Held::One(hit.rule, counted);
            *held += 1;
            return Taken::Counted;
        }
        let window = self.hits.window(hit.rule);
        *held -= window.hits.len();
        window.forget_before(floor_us.max(settled_us.saturating_sub(words.findtime_us)));
        let may_complete = window.insert(counted, words);
        let since_us = hit.at_us.saturating_sub(words.findtime_us);
        let completed = may_complete.then(|| window.complete(words, since_us)).flatten();
        *held += window.hits.len();
        completed.map_or(Taken::Counted, |completed| Taken::Completed(settled_us, completed))
    }

    /// The key's clock goes on. From when on its hits count; nothing for a hit before that.
    pub(super) fn advance(&mut self, at_us: i64, lateness_us: i64) -> Option<i64> {
        self.newest_us = self.newest_us.max(at_us);
        let settled_us = self.newest_us.saturating_sub(lateness_us);
        (at_us >= settled_us).then_some(settled_us)
    }
}

impl Held {
    /// Of these windows, each of another rule, ascending.
    pub(in crate::ban) fn new(mut windows: Vec<(u16, Window)>) -> Self {
        match &mut windows[..] {
            [(rule, window)] if window.hits.len() == 1 => Self::One(*rule, window.hits[0]),
            _ => Self::Many(windows),
        }
    }

    /// All windows, ascending by rule.
    pub(in crate::ban) fn windows(&self) -> Cow<'_, [(u16, Window)]> {
        match self {
            Self::One(rule, hit) => Cow::Owned(vec![(*rule, Window { hits: [*hit].into() })]),
            Self::Many(windows) => Cow::Borrowed(windows),
        }
    }

    /// The window of a rule, empty if it had none.
    pub(super) fn window(&mut self, rule: u16) -> &mut Window {
        if let Self::One(..) = self {
            *self = Self::Many(self.windows().into_owned());
        }
        let Self::Many(windows) = self else { unreachable!("it was made many") };
        let place = match windows.binary_search_by_key(&rule, |(of, _)| *of) {
            Ok(place) => place,
            Err(place) => {
                windows.insert(place, (rule, Window::default()));
                place
            }
        };
        &mut windows[place].1
    }

    /// How many hits there are.
    pub(in crate::ban) fn len(&self) -> usize {
        match self {
            Self::One(..) => 1,
            Self::Many(windows) => windows.iter().map(|(_, window)| window.hits.len()).sum(),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Many(windows) if windows.is_empty())
    }

    /// Is there a rule whose newest hit is like this?
    pub(super) fn has_newest(&self, mut is_like: impl FnMut(u16, &Counted) -> bool) -> bool {
        match self {
            Self::One(rule, hit) => is_like(*rule, hit),
            Self::Many(windows) => {
                windows.iter().any(|(rule, window)| window.hits.back().is_some_and(|hit| is_like(*rule, hit)))
            }
        }
    }
}

/// The hits of a key; nothing for one of the floor, which never has any.
pub(super) fn of_key<'k>(
    keys: &'k mut Table<KeyHits>,
    bans: &Table<Vec<Decided>>,
    floor: &Floor,
    key: Network,
    at_us: i64,
) -> Option<&'k mut KeyHits> {
    match keys.entry(key) {
        Entry::Occupied(held) => Some(held.into_mut()),
        Entry::Vacant(_) if floor.touches(key) => None,
        Entry::Vacant(place) => {
            // Its hits may have had no room while its bans had.
            let last_us = bans.get(&key).into_iter().flatten().map(Decided::from_us).max();
            let newest_us = last_us.unwrap_or(at_us);
            let hits = Held::Many(Vec::new());
            Some(place.insert(KeyHits { newest_us, turn: 0, has_bans: last_us.is_some(), hits }))
        }
    }
}

/// Until when the rule's last ban that can no longer move holds, and what completed the one that can.
pub(super) fn standing(bans: &[Decided], rule: u16, settled_us: i64) -> (i64, Option<Counted>) {
    let own = bans.iter().filter(|ban| ban.rule == rule);
    own.fold((i64::MIN, None), |(floor_us, unsettled), ban| {
        if ban.from_us() < settled_us {
            (floor_us.max(ban.until_us), unsettled)
        } else {
            (floor_us, Some(ban.completed_by))
        }
    })
}

/// Who a client is: an IPv4 address, an IPv6 /64.
#[must_use]
pub fn key(client: IpAddr) -> Network {
    let host = Network::host(client);
    let IpAddr::V6(address) = host.address() else { return host };
    let is_in =
        |(network, prefix): (u128, u8)| (address.to_bits() ^ network) >> (128 - u32::from(prefix)) == 0;
    if SHARED.into_iter().any(is_in) { host } else { around(host, IPV6_PREFIX).unwrap_or(host) }
}

/// The network of this prefix that an IPv6 network is in.
fn around(network: Network, prefix: u8) -> Option<Network> {
    let IpAddr::V6(address) = network.address() else { return None };
    let host_bits = 128 - u32::from(prefix.min(128));
    let first = address.to_bits().checked_shr(host_bits)?.checked_shl(host_bits)?;
    Network::new(IpAddr::V6(first.into()), prefix)
}

/// The network of this prefix around an IPv6 key; nothing around any other.
pub(in crate::ban) fn key_around(key: Network, prefix: u8) -> Option<Network> {
    if key.prefix() == IPV6_PREFIX && key.address().is_ipv6() { around(key, prefix) } else { None }
}
