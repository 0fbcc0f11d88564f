//! A hash table of small integer keys to counts, for everything that is counted by value: latency buckets, seconds,
//! status codes, termination and cache states. Knows nothing of what its keys mean.

/// What a cell counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum CellKind {
    /// Buckets of the five times, in the order of `TimingKind`.
    Latency,
    #[expect(missing_docs)]
    Upstream,
    #[expect(missing_docs)]
    Queue,
    #[expect(missing_docs)]
    Connect,
    #[expect(missing_docs)]
    Response,
    /// Second of the hour.
    Second,
    /// Status code.
    Status,
    /// Termination state, packed into 14 bits.
    Termination,
    /// `CacheStatus` by its number.
    Cache,
}

impl CellKind {
    /// All, in the order of their numbers.
    pub(super) const ALL: [Self; 9] = [
        Self::Latency,
        Self::Upstream,
        Self::Queue,
        Self::Connect,
        Self::Response,
        Self::Second,
        Self::Status,
        Self::Termination,
        Self::Cache,
    ];
}

const VALUE_BITS: u32 = 14;
const KIND_BITS: u32 = 4;
/// Series of one table: what is left of 32 bits. A block takes up further series as `(other)`, one for each hour.
pub(super) const MAX_SERIES: usize = 1 << (32 - KIND_BITS - VALUE_BITS);

/// A kind with a value: what is counted, for one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell(u32);

impl Cell {
    /// Values are below this.
    pub const VALUES: u32 = 1 << VALUE_BITS;

    /// `value` must be below 2^14.
    #[inline]
    pub const fn new(kind: CellKind, value: u32) -> Self {
        debug_assert!(value < 1 << VALUE_BITS);
        Self((kind as u32) << VALUE_BITS | value)
    }

    /// What is counted.
    pub const fn kind(self) -> CellKind {
        CellKind::ALL[(self.0 >> VALUE_BITS) as usize]
    }

    /// Which value.
    pub const fn value(self) -> u32 {
        self.0 & ((1 << VALUE_BITS) - 1)
    }

    /// The cell of a series as a key. `series` must be below [`MAX_SERIES`].
    #[inline]
    pub const fn key(self, series: u32) -> u32 {
        debug_assert!((series as usize) < MAX_SERIES);
        series << (KIND_BITS + VALUE_BITS) | self.0
    }

    /// Series and cell of a key.
    pub const fn of_key(key: u32) -> (u32, Self) {
        (key >> (KIND_BITS + VALUE_BITS), Self(key & ((1 << (KIND_BITS + VALUE_BITS)) - 1)))
    }
}

const SMALLEST: usize = 1 << 8;

/// Counts by key. Open addressing with linear probing; eight bytes a slot, so that a busy table stays in the cache.
#[derive(Debug, Clone)]
pub(super) struct CountTable {
    /// Key and count; a count of 0 is an empty slot.
    slots: Vec<(u32, u32)>,
    shift: u32,
    used: usize,
    /// What does not fit into 32 bits.
    spilled: Vec<(u32, u64)>,
}

impl Default for CountTable {
    fn default() -> Self {
        Self::with_slots(SMALLEST)
    }
}

impl CountTable {
    fn with_slots(slots: usize) -> Self {
        Self { slots: vec![(0, 0); slots], shift: 32 - slots.trailing_zeros(), used: 0, spilled: Vec::new() }
    }

    /// Adds to the count of a key. `count` must not be 0.
    #[inline]
    pub fn add(&mut self, key: u32, count: u32) {
        let mask = self.slots.len() - 1;
        let mut slot = (key.wrapping_mul(0x9E37_79B9) >> self.shift) as usize;
        loop {
            let (found, total) = &mut self.slots[slot & mask];
            if *total == 0 {
                (*found, *total) = (key, count);
                break;
            }
            if *found == key {
                let (sum, overflow) = total.overflowing_add(count);
                if overflow {
                    self.spilled.push((key, u64::from(count)));
                } else {
                    *total = sum;
                }
                return;
            }
            slot += 1;
        }
        self.used += 1;
        if self.used * 8 > self.slots.len() * 5 {
            self.grow();
        }
    }

    /// Adds a count that may exceed 32 bits.
    pub fn add_wide(&mut self, key: u32, count: u64) {
        match u32::try_from(count) {
            Ok(count) => self.add(key, count),
            Err(_) => self.spilled.push((key, count)),
        }
    }

    /// Every key with its count, in no useful order; a key with a huge count comes several times.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let used = self.slots.iter().filter(|(_, count)| *count > 0);
        used.map(|&(key, count)| (key, u64::from(count))).chain(self.spilled.iter().copied())
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.slots.fill((0, 0));
        self.spilled.clear();
        self.used = 0;
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::with_slots(self.slots.len() * 2);
        let used = self.slots.iter().filter(|(_, count)| *count > 0);
        used.for_each(|&(key, count)| larger.add(key, count));
        larger.spilled = std::mem::take(&mut self.spilled);
        *self = larger;
    }
}

/// Counts by series and cell, for any number of series: a table for each so many of them as a key has room for.
#[derive(Debug, Default)]
pub(super) struct CellTable(Vec<CountTable>);

impl CellTable {
    /// Adds to the count of a cell. `count` must not be 0.
    #[inline]
    pub fn add(&mut self, series: u32, cell: Cell, count: u32) {
        let group = series as usize / MAX_SERIES;
        if group >= self.0.len() {
            self.0.resize_with(group + 1, CountTable::default);
        }
        self.0[group].add(cell.key(series % MAX_SERIES as u32), count);
    }

    /// Every series and cell with its count, in no useful order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Cell, u64)> + '_ {
        let groups = self.0.iter().zip((0..).step_by(MAX_SERIES));
        groups.flat_map(|(table, first)| {
            table.iter().map(move |(key, count)| {
                let (series, cell) = Cell::of_key(key);
                (first + series, cell, count)
            })
        })
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.0.iter_mut().for_each(CountTable::clear);
    }
}

/// The same counts at rest: sorted, each as the distance to the key before and the count, seven bits to a byte. About
/// three bytes a key, so that the hours of a long log stay small.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PackedCounts {
    bytes: Box<[u8]>,
    keys: usize,
}

impl PackedCounts {
    /// Packs a table.
    pub fn pack(table: &CountTable) -> Self {
        let sorted = sorted(table);
        let (mut bytes, mut last) = (Vec::with_capacity(sorted.len() * 3), 0);
        for (key, count) in &sorted {
            push_number(&mut bytes, u64::from(key - last));
            push_number(&mut bytes, *count);
            last = *key;
        }
        Self { bytes: bytes.into(), keys: sorted.len() }
    }

    /// Every key with its count, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let (mut rest, mut last) = (&*self.bytes, 0);
        std::iter::from_fn(move || {
            last += take_number(&mut rest)? as u32;
            Some((last, take_number(&mut rest)?))
        })
    }

    /// Back into a table.
    pub fn unpack(&self) -> CountTable {
        let mut table = CountTable::with_slots((self.keys * 2).next_power_of_two().max(SMALLEST));
        self.iter().for_each(|(key, count)| table.add_wide(key, count));
        table
    }
}

/// Every key with its whole count, ascending.
pub(super) fn sorted(table: &CountTable) -> Vec<(u32, u64)> {
    let mut all = Vec::with_capacity(table.used + table.spilled.len());
    all.extend(table.iter());
    all.sort_unstable();
    // A huge count comes in several parts.
    all.dedup_by(|part, sum| {
        let same = part.0 == sum.0;
        sum.1 += u64::from(same) * part.1;
        same
    });
    all
}

/// LEB128: the low seven bits first.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Some(number)
}

/// Counts of something that fills for a while and is then mostly read: a table first, packed later.
#[derive(Debug, Clone)]
pub(super) enum Counts {
    Open(CountTable),
    Packed(PackedCounts),
}

impl Default for Counts {
    fn default() -> Self {
        Self::Open(CountTable::default())
    }
}

impl Counts {
    /// The table, unpacked if need be.
    pub fn open(&mut self) -> &mut CountTable {
        if let Self::Packed(packed) = self {
            *self = Self::Open(packed.unpack());
        }
        match self {
            Self::Open(table) => table,
            Self::Packed(_) => unreachable!("unpacked just above"),
        }
    }

    /// Packs the counts, and gives the table for other ones.
    pub fn pack(&mut self) -> Option<CountTable> {
        let Self::Open(table) = self else { return None };
        let packed = PackedCounts::pack(table);
        let mut table = std::mem::take(table);
        table.clear();
        *self = Self::Packed(packed);
        Some(table)
    }

    /// Every key with its whole count, ascending.
    pub fn sorted(&self) -> Vec<(u32, u64)> {
        match self {
            Self::Open(table) => sorted(table),
            Self::Packed(packed) => packed.iter().collect(),
        }
    }
}

/// Causes, phases and cookie states of HAProxy's documentation, section 8.5; none and other ones have places of their
/// own, so that a state is a number of four digits, each with its own base.
const TERMINATION: [&[u8]; 4] = [b"CSPLRIDUKcs-", b"RQCHDLT-", b"NIDVEOU-", b"NIUPRD-"];

/// Packs a termination state of up to four bytes into 14 bits. Bytes that the documentation does not know become `?`.
#[inline]
pub(super) fn pack_termination(state: &[u8]) -> u32 {
    TERMINATION.iter().enumerate().fold(0, |packed, (at, letters)| {
        let digit = state.get(at).map_or(0, |byte| {
            letters
                .iter()
                .position(|letter| letter == byte)
                .map_or(letters.len() as u32 + 1, |place| place as u32 + 1)
        });
        packed * (letters.len() as u32 + 2) + digit
    })
}

/// The termination state of a packed one.
#[must_use]
pub fn unpack_termination(packed: u32) -> String {
    let mut rest = packed as usize;
    let mut state: Vec<char> = Vec::with_capacity(4);
    for letters in TERMINATION.iter().rev() {
        let digit = rest % (letters.len() + 2);
        rest /= letters.len() + 2;
        if digit > 0 {
            state.push(letters.get(digit - 1).map_or('?', |letter| char::from(*letter)));
        }
    }
    state.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn counts_like_a_map(adds in prop::collection::vec((any::<u32>(), 1..9u32), 0..4000), spread in 1..3000u32) {
            let (mut table, mut expected) = (CountTable::default(), BTreeMap::new());
            for &(key, count) in &adds {
                table.add(key % spread, count);
                *expected.entry(key % spread).or_insert(0) += u64::from(count);
            }
            let packed = PackedCounts::pack(&table);
            prop_assert_eq!(packed.iter().collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(PackedCounts::pack(&packed.unpack()), packed);
        }

        #[test]
        fn cells_survive_as_keys(series in 0..MAX_SERIES as u32, value in 0..1u32 << VALUE_BITS, kind in 0..CellKind::ALL.len()) {
            let cell = Cell::new(CellKind::ALL[kind], value);
            prop_assert_eq!(Cell::of_key(cell.key(series)), (series, cell));
            prop_assert_eq!((cell.kind(), cell.value()), (CellKind::ALL[kind], value));
        }

        #[test]
        fn documented_termination_states_survive_packing(state in "[CSPLRIDUKcs-][RQCHDLT-]([NIDVEOU-][NIUPRD-])?") {
            prop_assert_eq!(unpack_termination(pack_termination(state.as_bytes())), state);
        }

        #[test]
        fn every_termination_state_fits(state in prop::collection::vec(any::<u8>(), 0..9)) {
            prop_assert!(pack_termination(&state) < 1 << VALUE_BITS);
        }
    }

    #[test]
    fn an_undocumented_letter_is_a_question_mark() {
        assert_eq!(unpack_termination(pack_termination(b"XR--")), "?R--");
    }

    #[test]
    fn counts_beyond_32_bits_are_kept() {
        let mut table = CountTable::default();
        table.add_wide(7, u64::from(u32::MAX) * 3 + 5);
        table.add(7, u32::MAX);
        table.add(7, 9);
        let packed = PackedCounts::pack(&PackedCounts::pack(&table).unpack());
        assert_eq!(packed.iter().collect::<Vec<_>>(), [(7, u64::from(u32::MAX) * 4 + 14)]);
    }
}
