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
    /// Termination state, packed by [`pack_termination`].
    Termination,
    /// `CacheStatus` by its number.
    Cache,
    /// A register of the sketch of clients with its rank: only inside a block.
    Register,
}

impl CellKind {
    const ALL: [Self; 10] = [
        Self::Latency,
        Self::Upstream,
        Self::Queue,
        Self::Connect,
        Self::Response,
        Self::Second,
        Self::Status,
        Self::Termination,
        Self::Cache,
        Self::Register,
    ];
}

/// A kind with a value below 2^24: what is counted, for one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell(u32);

impl Cell {
    /// `value` must be below 2^24.
    #[inline]
    pub const fn new(kind: CellKind, value: u32) -> Self {
        debug_assert!(value < 1 << 24);
        Self((kind as u32) << 24 | value)
    }

    /// What is counted.
    pub const fn kind(self) -> CellKind {
        CellKind::ALL[(self.0 >> 24) as usize]
    }

    /// Which value.
    pub const fn value(self) -> u32 {
        self.0 & 0x00FF_FFFF
    }
}

const EMPTY: u64 = u64::MAX;
const SMALLEST: usize = 1 << 10;

/// Counts by (series, cell). Open addressing with linear probing, at most half full.
#[derive(Debug, Clone)]
pub struct CellTable {
    slots: Vec<(u64, u64)>,
    shift: u32,
    used: usize,
}

impl Default for CellTable {
    fn default() -> Self {
        Self::with_slots(SMALLEST)
    }
}

impl CellTable {
    fn with_slots(slots: usize) -> Self {
        Self { slots: vec![(EMPTY, 0); slots], shift: 64 - slots.trailing_zeros(), used: 0 }
    }

    /// Adds `count` to a cell of a series.
    #[inline]
    pub fn add(&mut self, series: u32, cell: Cell, count: u64) {
        let key = u64::from(series) << 32 | u64::from(cell.0);
        let mask = self.slots.len() - 1;
        let mut slot = self.home(key);
        loop {
            let (found, total) = &mut self.slots[slot & mask];
            if *found == key {
                *total += count;
                return;
            }
            if *found == EMPTY {
                (*found, *total) = (key, count);
                break;
            }
            slot += 1;
        }
        self.used += 1;
        if self.used * 2 > self.slots.len() {
            self.grow();
        }
    }

    /// Every cell with its series and count, in no useful order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Cell, u64)> + '_ {
        let used = self.slots.iter().filter(|(key, _)| *key != EMPTY);
        used.map(|&(key, count)| ((key >> 32) as u32, Cell(key as u32), count))
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.slots.fill((EMPTY, 0));
        self.used = 0;
    }

    #[inline]
    fn home(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = Self::with_slots(self.slots.len() * 2);
        for (series, cell, count) in self.iter() {
            larger.add(series, cell, count);
        }
        *self = larger;
    }
}

/// The same counts at rest: sorted, without empty slots.
#[derive(Debug, Clone, Default)]
pub struct PackedCells(Vec<(u32, Cell, u32)>);

impl PackedCells {
    /// Packs a table. Counts beyond 32 bits take several entries.
    pub fn pack(table: &CellTable) -> Self {
        let mut packed = Vec::with_capacity(table.used);
        for (series, cell, mut count) in table.iter() {
            while count > u64::from(u32::MAX) {
                packed.push((series, cell, u32::MAX));
                count -= u64::from(u32::MAX);
            }
            packed.push((series, cell, count as u32));
        }
        packed.sort_unstable();
        Self(packed)
    }

    /// Every cell, sorted by series, kind and value; a cell with a huge count comes several times.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Cell, u64)> + '_ {
        self.0.iter().map(|&(series, cell, count)| (series, cell, u64::from(count)))
    }

    /// Back into a table.
    pub fn unpack(&self) -> CellTable {
        let mut table = CellTable::default();
        for (series, cell, count) in self.iter() {
            table.add(series, cell, count);
        }
        table
    }
}

/// Packs a termination state of up to four bytes into 24 bits. Bytes other than letters and `-` become `?`.
#[inline]
pub fn pack_termination(state: &[u8]) -> u32 {
    state.iter().take(4).fold(0, |packed, byte| packed << 6 | pack_letter(*byte))
}

const fn pack_letter(byte: u8) -> u32 {
    match byte {
        b'A'..=b'Z' => (byte - b'A') as u32 + 1,
        b'a'..=b'z' => (byte - b'a') as u32 + 27,
        b'-' => 53,
        _ => 54,
    }
}

/// The termination state of a packed one.
pub fn unpack_termination(packed: u32) -> String {
    let letters = [18, 12, 6, 0].map(|shift| packed >> shift & 63);
    letters.into_iter().filter_map(unpack_letter).collect()
}

fn unpack_letter(letter: u32) -> Option<char> {
    let offset = |base: char, from: u32| char::from_u32(base as u32 + letter - from);
    match letter {
        0 => None,
        1..=26 => offset('A', 1),
        27..=52 => offset('a', 27),
        53 => Some('-'),
        _ => Some('?'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn counts_like_a_map(adds in prop::collection::vec((0..5u32, 0..2000u32, 1..9u64), 0..4000)) {
            let (mut table, mut expected) = (CellTable::default(), BTreeMap::new());
            for &(series, value, count) in &adds {
                table.add(series, Cell::new(CellKind::Status, value), count);
                *expected.entry((series, value)).or_insert(0) += count;
            }
            let packed = PackedCells::pack(&table);
            let got: Vec<_> = packed.iter().map(|(s, cell, count)| ((s, cell.value()), count)).collect();
            prop_assert_eq!(&got, &expected.into_iter().collect::<Vec<_>>());
            let again = PackedCells::pack(&packed.unpack());
            prop_assert_eq!(packed.0, again.0);
        }

        #[test]
        fn termination_states_survive_packing(state in "[A-Za-z-]{2,4}") {
            prop_assert_eq!(unpack_termination(pack_termination(state.as_bytes())), state);
        }
    }

    #[test]
    fn counts_beyond_32_bits_are_kept() {
        let mut table = CellTable::default();
        let cell = Cell::new(CellKind::Second, 3599);
        table.add(7, cell, u64::from(u32::MAX) * 3 + 5);
        let total: u64 = PackedCells::pack(&table).iter().map(|(_, _, count)| count).sum();
        assert_eq!(total, u64::from(u32::MAX) * 3 + 5);
        assert_eq!((cell.kind(), cell.value()), (CellKind::Second, 3599));
    }
}
