//! What was decided and what may still count, as bytes: the next run goes on as if there had been one. Reads and
//! writes no file.
//!
//! Rules are kept by name. A rule that is gone takes its hits and bans with it; one whose words changed decides by the
//! new words from the next hit on, and bans that it decided stand.

use std::net::IpAddr;

use xxhash_rust::xxh3::xxh3_64;

use super::ban::Threshold;
use super::decide::{Decided, Decider, Held, KeyHits, Limits, Table, Tally};
use super::evidence::Evidence;
use super::floor::Floor;
use super::network::Network;
use super::numbers::{read_distance, read_number, write_distance, write_number};
use super::window::{Counted, Window};

/// What the bytes begin with; the last one is the version.
const MAGIC: [u8; 8] = *b"lsbans\0\x01";
const CHECKSUM_BYTES: usize = 8;

/// Why bytes are no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// Something else, or of another version.
    #[error("not the memory of bans, or of another version")]
    Foreign,
    /// They are not as they were written.
    #[error("the memory of bans is damaged: its checksum does not fit")]
    Damaged,
    /// The checksum fits, but nothing that was ever written reads like this.
    #[error("the memory of bans cannot be: {0}")]
    Impossible(&'static str),
}

impl Decider {
    /// The stored form: equal states have equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer { bytes: MAGIC.to_vec() };
        writer.number(self.rules.len() as u64);
        for rule in &self.rules {
            writer.text(rule.name.as_bytes());
        }
        let Tally { counted, while_banned, late, spared, evicted_keys, evicted_bans } = self.tally;
        for number in [counted, while_banned, late, spared, evicted_keys, evicted_bans] {
            writer.number(number);
        }
        writer.signed(self.newest_us);
        self.write_keys(&mut writer);
        self.write_bans(&mut writer);
        let checksum = xxh3_64(&writer.bytes);
        writer.bytes.extend(checksum.to_le_bytes());
        writer.bytes
    }

    /// Keys in order of their last hit: only that order matters.
    fn write_keys(&self, writer: &mut Writer) {
        let mut keys: Vec<_> = self.keys.iter().collect();
        keys.sort_unstable_by_key(|(_, held)| held.turn);
        writer.number(keys.len() as u64);
        for (key, held) in keys {
            writer.network(*key);
            writer.signed(held.newest_us);
            let windows = held.hits.windows();
            let windows = windows.iter().filter(|(_, window)| !window.hits.is_empty());
            writer.number(windows.clone().count() as u64);
            for (rule, window) in windows {
                writer.number(u64::from(*rule));
                writer.hits(window.hits.iter());
            }
        }
    }

    fn write_bans(&self, writer: &mut Writer) {
        let mut bans: Vec<_> = self.bans.iter().collect();
        bans.sort_unstable_by_key(|(network, _)| **network);
        writer.number(bans.len() as u64);
        for (network, bans) in bans {
            writer.network(*network);
            writer.number(bans.len() as u64);
            for ban in bans {
                writer.number(u64::from(ban.rule));
                writer.signed(ban.until_us);
                writer.number(u64::from(ban.nth));
                writer.hits([ban.completed_by].iter());
                writer.signed(ban.evidence.first_us);
                writer.number(u64::from(ban.evidence.left_out));
                writer.text(ban.evidence.packed());
            }
        }
    }

    /// Reads the stored form. Any bytes are read or refused. What the floor has now, and what has no room now, is left
    /// out.
    ///
    /// # Errors
    /// If the bytes are not what [`Decider::encode`] gave.
    pub fn decode(
        bytes: &[u8],
        rules: Vec<Threshold>,
        floor: Floor,
        limits: Limits,
    ) -> Result<Self, MemoryError> {
        let body = unseal(bytes)?;
        let mut decider = Self::new(rules, floor, limits);
        let mut reader = Reader { bytes: body, places: Vec::new() };
        for _ in 0..reader.count(1)? {
            let name = reader.text()?;
            let place = decider.rules.iter().position(|rule| rule.name.as_bytes() == name);
            reader.places.push(place.and_then(|place| u16::try_from(place).ok()));
        }
        let [counted, while_banned, late, spared, evicted_keys, evicted_bans] = reader.numbers()?;
        decider.tally = Tally { counted, while_banned, late, spared, evicted_keys, evicted_bans };
        decider.newest_us = reader.signed()?;
        decider.read_keys(&mut reader)?;
        decider.bans = reader.bans()?;
        if !reader.bytes.is_empty() {
            return Err(MemoryError::Impossible("bytes after its end"));
        }
        let Self { floor, keys, bans, .. } = &mut decider;
        keys.retain(|key, _| !floor.touches(*key));
        bans.retain(|network, bans| !bans.is_empty() && !floor.touches(*network));
        decider.settle_tables();
        Ok(decider)
    }

    fn read_keys(&mut self, reader: &mut Reader<'_>) -> Result<(), MemoryError> {
        for _ in 0..reader.count(NETWORK_BYTES)? {
            self.turn += 1;
            let key = reader.network()?;
            let newest_us = reader.signed()?;
            let mut windows = Vec::new();
            for _ in 0..reader.count(WINDOW_BYTES)? {
                let (rule, hits) = (reader.rule()?, reader.hits()?);
                if let Some(rule) = rule {
                    windows.push((rule, Window { hits: hits.into() }));
                }
            }
            windows.sort_by_key(|(rule, _)| *rule);
            windows.dedup_by_key(|(rule, _)| *rule);
            self.keys.insert(
                key,
                KeyHits { newest_us, turn: self.turn, has_bans: false, hits: Held::new(windows) },
            );
        }
        Ok(())
    }
}

fn unseal(bytes: &[u8]) -> Result<&[u8], MemoryError> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(MemoryError::Foreign)?;
    let (body, checksum) = rest.split_last_chunk::<CHECKSUM_BYTES>().ok_or(MemoryError::Damaged)?;
    let fits = xxh3_64(&bytes[..bytes.len() - CHECKSUM_BYTES]) == u64::from_le_bytes(*checksum);
    if fits { Ok(body) } else { Err(MemoryError::Damaged) }
}

/// Fewest bytes of a network, of a hit, of a rule's hits, of a ban.
const NETWORK_BYTES: usize = 17;
const HIT_BYTES: usize = 11;
const WINDOW_BYTES: usize = 2;
const BAN_BYTES: usize = 7;

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn number(&mut self, number: u64) {
        write_number(number, &mut self.bytes);
    }

    fn signed(&mut self, number: i64) {
        write_distance(number, &mut self.bytes);
    }

    fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u64);
        self.bytes.extend(text);
    }

    /// IPv4 as it is mapped: the form in IPv6 tells which it was.
    fn network(&mut self, network: Network) {
        let (address, further) = match network.address() {
            IpAddr::V4(address) => (address.to_ipv6_mapped(), 96),
            IpAddr::V6(address) => (address, 0),
        };
        self.bytes.extend(address.octets());
        self.bytes.push(network.prefix() + further);
    }

    fn hits<'h>(&mut self, hits: impl ExactSizeIterator<Item = &'h Counted>) {
        self.number(hits.len() as u64);
        let (mut at_us, mut offset) = (0, 0);
        for hit in hits {
            self.signed(hit.at_us.wrapping_sub(at_us));
            self.number(hit.place.0.into());
            self.signed(hit.place.1.wrapping_sub(offset).cast_signed());
            // A hash: small numbers are not likelier than others.
            self.bytes.extend(hit.distinct.to_le_bytes());
            (at_us, offset) = (hit.at_us, hit.place.1);
        }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    /// Where the rules of the bytes are now.
    places: Vec<Option<u16>>,
}

impl<'b> Reader<'b> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], MemoryError> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or(MemoryError::Impossible("its end"))?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<u64, MemoryError> {
        read_number(&mut self.bytes).ok_or(MemoryError::Impossible("a number"))
    }

    fn numbers<const N: usize>(&mut self) -> Result<[u64; N], MemoryError> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = self.number()?;
        }
        Ok(numbers)
    }

    fn signed(&mut self) -> Result<i64, MemoryError> {
        read_distance(&mut self.bytes).ok_or(MemoryError::Impossible("a number"))
    }

    fn small(&mut self) -> Result<u32, MemoryError> {
        u32::try_from(self.number()?).map_err(|_| MemoryError::Impossible("a large number"))
    }

    /// How many things follow that have at least so many bytes each: never more than there are bytes for.
    fn count(&mut self, bytes_each: usize) -> Result<usize, MemoryError> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        let has_room = count <= self.bytes.len() / bytes_each;
        if has_room { Ok(count) } else { Err(MemoryError::Impossible("a count")) }
    }

    fn text(&mut self) -> Result<&'b [u8], MemoryError> {
        let length = self.count(1)?;
        let (text, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        Ok(text)
    }

    fn rule(&mut self) -> Result<Option<u16>, MemoryError> {
        let place = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        self.places.get(place).copied().ok_or(MemoryError::Impossible("a rule"))
    }

    fn network(&mut self) -> Result<Network, MemoryError> {
        let address = IpAddr::from(self.take::<16>()?);
        let [prefix] = self.take::<1>()?;
        Network::new(address, prefix).ok_or(MemoryError::Impossible("a network"))
    }

    fn hits(&mut self) -> Result<Vec<Counted>, MemoryError> {
        let count = self.count(HIT_BYTES)?;
        let mut hits = Vec::with_capacity(count);
        let (mut at_us, mut offset) = (0_i64, 0_u64);
        for _ in 0..count {
            at_us = at_us.wrapping_add(self.signed()?);
            let file = self.small()?;
            offset = offset.wrapping_add_signed(self.signed()?);
            let distinct = u64::from_le_bytes(self.take()?);
            hits.push(Counted { at_us, place: (file, offset), distinct });
        }
        if hits.is_sorted() { Ok(hits) } else { Err(MemoryError::Impossible("hits out of order")) }
    }

    fn bans(&mut self) -> Result<Table<Vec<Decided>>, MemoryError> {
        let mut all = Table::default();
        for _ in 0..self.count(NETWORK_BYTES)? {
            let network = self.network()?;
            let mut bans = Vec::new();
            for _ in 0..self.count(BAN_BYTES)? {
                let (rule, ban) = self.ban()?;
                bans.extend(rule.map(|rule| Decided { rule, ..ban }));
            }
            bans.sort_by_key(|ban| (ban.from_us(), ban.rule));
            all.insert(network, bans);
        }
        Ok(all)
    }

    fn ban(&mut self) -> Result<(Option<u16>, Decided), MemoryError> {
        let (rule, until_us, nth) = (self.rule()?, self.signed()?, self.small()?);
        let completed_by = self.hits()?.pop().ok_or(MemoryError::Impossible("a ban without a hit"))?;
        let (first_us, left_out, packed) = (self.signed()?, self.small()?, self.text()?);
        let evidence =
            Evidence::unpack(first_us, left_out, packed).ok_or(MemoryError::Impossible("evidence"))?;
        if until_us <= completed_by.at_us {
            return Err(MemoryError::Impossible("a ban"));
        }
        Ok((rule, Decided { rule: 0, until_us, nth, completed_by, evidence }))
    }
}
