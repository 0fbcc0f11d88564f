//! Hits of several logs wait here until all of them have been read so far, and come out by log time. Decides nothing and
//! writes no file.
//!
//! A *lane* holds the hits of one log in the order of its lines: in the order of time but for what a server writes late.
//! Lanes are merged by the running maximum of their times, so a lane keeps its order, a log of yesterday does not wait
//! for one of today, and the order depends on the lanes alone.
//!
//! ```text
//! magic and version 8 · checksum 8 · hits 8 · file 4 · rules 2, each: length 1, name · hits, each:
//! tag 1 · [rule ≤ 3] · [time, distance to the hit before ≤ 10 · offset, likewise ≤ 10 · client 0, 4 or 16] · [distinct 8]
//! ```
//!
//! Most hits take 8 to 16 bytes. Rules are kept by name, as in [`super::memory`]: hits of a rule that is gone are left
//! out.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use xxhash_rust::xxh3::xxh3_64;

use super::ban::{Hit, Threshold};
use super::numbers::{read_distance, read_number, write_distance, write_number};

/// What the bytes begin with; the last one is the version.
const MAGIC: [u8; 8] = *b"lslane\0\x01";
/// Where the checksum of what follows it ends, and the number of hits.
const CHECKSUM_END: usize = 16;
const COUNT_END: usize = 24;

/// Of a tag: of the same line as the hit before, of the same client, an IPv6 client, a value that is counted.
const SAME_LINE: u8 = 1;
const SAME_CLIENT: u8 = 2;
const IPV6: u8 = 4;
const DISTINCT: u8 = 8;
/// The rest of a tag is the rule's number, or that it follows.
const RULE_SHIFT: u32 = 4;
const RULE_FOLLOWS: u8 = 15;

/// Why bytes are no lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// Something else, or of another version.
    #[error("not the hits of a log, or of another version")]
    Foreign,
    /// They are not as they were written.
    #[error("the hits of a log are damaged: their checksum does not fit")]
    Damaged,
    /// The checksum fits, but nothing that was ever written reads like this.
    #[error("the hits of a log cannot be: {0}")]
    Impossible(&'static str),
}

/// The hits of one log, in the order of its lines.
#[derive(Debug, Clone)]
pub struct Lane {
    bytes: Vec<u8>,
    /// Where the hits begin.
    start: usize,
    file: u32,
    count: u64,
    /// The hit before the next one.
    last: Hit,
}

impl Lane {
    /// An empty lane of the log with this number, for hits of these rules.
    ///
    /// # Panics
    /// If there are more than 65,535 rules, or one has a name of more than 255 bytes: configuration allows neither.
    #[must_use]
    pub fn new(file: u32, rules: &[Threshold]) -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.resize(COUNT_END, 0);
        bytes.extend(file.to_le_bytes());
        bytes.extend(u16::try_from(rules.len()).expect("few rules").to_le_bytes());
        for rule in rules {
            bytes.push(u8::try_from(rule.name.len()).expect("a short name"));
            bytes.extend(rule.name.as_bytes());
        }
        let start = bytes.len();
        Self { bytes, start, file, count: 0, last: first_before(file) }
    }

    /// Number of the log: what [`Hit::place`] begins with.
    #[must_use]
    pub fn file(&self) -> u32 {
        self.file
    }

    /// The same hits under another number: that of a new log is known only once it is stored.
    #[must_use]
    pub fn of_file(self, file: u32) -> Self {
        Self { file, ..self }
    }

    /// How many hits wait.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Does none wait?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the next hit of the log. Its file is the lane's, whatever it says.
    pub fn push(&mut self, hit: &Hit) {
        let (last, out) = (&self.last, &mut self.bytes);
        let is_same_client = hit.client == last.client;
        let is_same_line = is_same_client && (hit.at_us, hit.place.1) == (last.at_us, last.place.1);
        let rule = u8::try_from(hit.rule).unwrap_or(RULE_FOLLOWS).min(RULE_FOLLOWS);
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        out.push(
            rule << RULE_SHIFT
                | flag(is_same_line, SAME_LINE)
                | flag(is_same_client, SAME_CLIENT)
                | flag(!is_same_client && hit.client.is_ipv6(), IPV6)
                | flag(hit.distinct != 0, DISTINCT),
        );
        if rule == RULE_FOLLOWS {
            write_number(u64::from(hit.rule), out);
        }
        if !is_same_line {
            write_distance(hit.at_us.wrapping_sub(last.at_us), out);
            write_distance(hit.place.1.wrapping_sub(last.place.1).cast_signed(), out);
        }
        match hit.client {
            _ if is_same_client => {}
            IpAddr::V4(client) => out.extend(client.octets()),
            IpAddr::V6(client) => out.extend(client.octets()),
        }
        if hit.distinct != 0 {
            out.extend(hit.distinct.to_le_bytes());
        }
        self.last = *hit;
        self.count += 1;
    }

    /// The stored form, sealed by its checksum.
    pub fn as_bytes(&mut self) -> &[u8] {
        self.bytes[CHECKSUM_END..COUNT_END].copy_from_slice(&self.count.to_le_bytes());
        let checksum = xxh3_64(&self.bytes[CHECKSUM_END..]);
        self.bytes[MAGIC.len()..CHECKSUM_END].copy_from_slice(&checksum.to_le_bytes());
        &self.bytes
    }

    /// Reads the stored form. Any bytes are read or refused; hits of rules that are not among these are left out.
    ///
    /// # Errors
    /// If the bytes are not what [`Lane::as_bytes`] gave.
    pub fn from_bytes(bytes: &[u8], rules: &[Threshold]) -> Result<Self, SpoolError> {
        let mut reader = Reader { bytes: bytes.strip_prefix(&MAGIC).ok_or(SpoolError::Foreign)? };
        let checksum = u64::from_le_bytes(reader.take().map_err(|_| SpoolError::Damaged)?);
        if xxh3_64(reader.bytes) != checksum {
            return Err(SpoolError::Damaged);
        }
        let count = u64::from_le_bytes(reader.take()?);
        let mut lane = Self::new(u32::from_le_bytes(reader.take()?), rules);
        let mut places = Vec::new();
        for _ in 0..u16::from_le_bytes(reader.take()?) {
            let [length] = reader.take()?;
            let name = reader.slice(length.into())?;
            let place = rules.iter().position(|rule| rule.name.as_bytes() == name);
            places.push(place.and_then(|place| u16::try_from(place).ok()));
        }
        let mut hits = Hits { reader, last: first_before(lane.file) };
        for _ in 0..count {
            let hit = hits.read()?;
            let place = places.get(usize::from(hit.rule)).ok_or(SpoolError::Impossible("a rule"))?;
            if let Some(rule) = *place {
                lane.push(&Hit { rule, ..hit });
            }
        }
        let is_over = hits.reader.bytes.is_empty();
        if is_over { Ok(lane) } else { Err(SpoolError::Impossible("bytes after its end")) }
    }

    fn hits(&self) -> Hits<'_> {
        Hits { reader: Reader { bytes: &self.bytes[self.start..] }, last: first_before(self.file) }
    }
}

/// Gives the hits of all lanes by the running maximum of their lane's times; those of one time by lane, those of a lane
/// in its order. Holds one hit of each lane.
pub fn merge<'l>(lanes: impl IntoIterator<Item = &'l Lane>, take: &mut dyn FnMut(Hit)) {
    let mut cursors: Vec<_> = lanes.into_iter().map(Lane::hits).collect();
    // The lane whose next hit is the first is on top.
    let mut nexts = BinaryHeap::with_capacity(cursors.len());
    for (lane, cursor) in cursors.iter_mut().enumerate() {
        nexts.extend(cursor.next().map(|hit| Reverse(Next { newest_us: hit.at_us, lane, hit: Later(hit) })));
    }
    while let Some(mut top) = nexts.peek_mut() {
        let Reverse(next) = &mut *top;
        take(next.hit.0);
        match cursors[next.lane].next() {
            Some(hit) => {
                next.newest_us = next.newest_us.max(hit.at_us);
                next.hit = Later(hit);
            }
            None => {
                std::collections::binary_heap::PeekMut::pop(top);
            }
        }
    }
}

/// The next hit of a lane, and the newest time of the lane with it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    newest_us: i64,
    lane: usize,
    hit: Later,
}

/// A hit that no order depends on, since a lane has one next.
struct Later(Hit);

impl PartialEq for Later {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Later {}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Later {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

/// What the first hit of a lane is told from.
fn first_before(file: u32) -> Hit {
    let client = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Hit { rule: 0, client, at_us: 0, distinct: 0, place: (file, 0) }
}

/// Reads the hits of a lane one after the other.
struct Hits<'b> {
    reader: Reader<'b>,
    last: Hit,
}

impl Hits<'_> {
    fn read(&mut self) -> Result<Hit, SpoolError> {
        let [tag] = self.reader.take()?;
        let has = |flag: u8| tag & flag != 0;
        let rule = match tag >> RULE_SHIFT {
            RULE_FOLLOWS => {
                u16::try_from(self.reader.number()?).map_err(|_| SpoolError::Impossible("a rule"))?
            }
            rule => rule.into(),
        };
        let mut hit = Hit { rule, distinct: 0, ..self.last };
        if !has(SAME_LINE) {
            hit.at_us = hit.at_us.wrapping_add(self.reader.distance()?);
            hit.place.1 = hit.place.1.wrapping_add_signed(self.reader.distance()?);
        }
        if !has(SAME_CLIENT) && has(IPV6) {
            hit.client = Ipv6Addr::from(self.reader.take::<16>()?).into();
        } else if !has(SAME_CLIENT) {
            hit.client = Ipv4Addr::from(self.reader.take::<4>()?).into();
        }
        if has(DISTINCT) {
            hit.distinct = u64::from_le_bytes(self.reader.take()?);
        }
        self.last = hit;
        Ok(hit)
    }
}

impl Iterator for Hits<'_> {
    type Item = Hit;

    fn next(&mut self) -> Option<Hit> {
        let is_over = self.reader.bytes.is_empty();
        (!is_over).then(|| self.read().expect("a lane holds what was pushed"))
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SpoolError> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or(SpoolError::Impossible("its end"))?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn slice(&mut self, length: usize) -> Result<&'b [u8], SpoolError> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(SpoolError::Impossible("its end"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, SpoolError> {
        read_number(&mut self.bytes).ok_or(SpoolError::Impossible("a number"))
    }

    fn distance(&mut self) -> Result<i64, SpoolError> {
        read_distance(&mut self.bytes).ok_or(SpoolError::Impossible("a number"))
    }
}
