//! A table from byte strings to tallies. Keys live in one arena, so that a new key is no allocation of its own.

use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};

/// Hashes keys with a seed of this process, so that nobody outside can choose keys that collide. The seed never
/// shows in an output: whatever leaves a table is sorted.
#[derive(Debug, Clone, Default)]
pub struct KeyHasher(foldhash::fast::RandomState);

impl KeyHasher {
    #[inline]
    pub(super) fn hash(&self, slot: u32, key: &[u8]) -> u64 {
        self.0.hash_one(key) ^ slot_bits(slot)
    }

    /// The hash of a key that is still in parts.
    #[inline]
    pub(super) fn hash_parts(&self, slot: u32, parts: &[Option<&[u8]>]) -> u64 {
        let mut state = self.0.build_hasher();
        for part in parts {
            match part {
                None => state.write_u8(0),
                Some(part) => state.write(part),
            }
        }
        state.finish() ^ slot_bits(slot)
    }

    /// The hash of the same key in slot 0.
    #[inline]
    pub(super) fn of_slot_zero(hash: u64, slot: u32) -> u64 {
        hash ^ slot_bits(slot)
    }
}

#[inline]
const fn slot_bits(slot: u32) -> u64 {
    (slot as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A key with what is counted for it.
#[derive(Debug, Clone)]
pub(super) struct Entry<T> {
    pub hash: u64,
    start: u32,
    len: u32,
    /// Separates equal keys, here by the hour.
    pub slot: u32,
    pub tally: T,
}

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct KeyTable<T> {
    index: HashTable<u32>,
    entries: Vec<Entry<T>>,
    arena: Vec<u8>,
}

impl<T> Default for KeyTable<T> {
    fn default() -> Self {
        Self { index: HashTable::new(), entries: Vec::new(), arena: Vec::new() }
    }
}

impl<T: Default> KeyTable<T> {
    /// The place of a key, which is entered when it is new.
    #[inline]
    pub fn place(&mut self, hash: u64, slot: u32, key: &[u8]) -> (u32, bool) {
        match self.find(hash, slot, |known| known == key) {
            Some(at) => (at, false),
            None => (self.enter(hash, slot, key), true),
        }
    }

    /// Enters a key that is known to be new.
    #[cold]
    pub fn enter(&mut self, hash: u64, slot: u32, key: &[u8]) -> u32 {
        let at = self.entries.len() as u32;
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(key);
        self.entries.push(Entry { hash, start, len: key.len() as u32, slot, tally: T::default() });
        self.index.insert_unique(hash, at, |&at| self.entries[at as usize].hash);
        at
    }
}

impl<T> KeyTable<T> {
    /// The place of a key, if it is entered.
    #[inline]
    pub fn find(&self, hash: u64, slot: u32, is: impl Fn(&[u8]) -> bool) -> Option<u32> {
        let found = self.index.find(hash, |&at| {
            let entry = &self.entries[at as usize];
            entry.hash == hash && entry.slot == slot && is(bytes(&self.arena, entry))
        });
        found.copied()
    }

    #[inline]
    pub fn key_at(&self, at: u32) -> &[u8] {
        bytes(&self.arena, &self.entries[at as usize])
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub fn tally_mut(&mut self, at: u32) -> &mut T {
        &mut self.entries[at as usize].tally
    }

    pub fn key(&self, entry: &Entry<T>) -> &[u8] {
        bytes(&self.arena, entry)
    }

    pub fn entries(&self) -> &[Entry<T>] {
        &self.entries
    }

    pub fn clear(&mut self) {
        self.index.clear();
        self.entries.clear();
        self.arena.clear();
    }

    /// Keeps the entries for which `keep` says so. Returns the new place of each old one.
    pub fn retain(&mut self, mut keep: impl FnMut(&Entry<T>) -> bool) -> Vec<Option<u32>> {
        let mut arena = Vec::new();
        let (mut kept, mut places) = (Vec::new(), Vec::with_capacity(self.entries.len()));
        for mut entry in self.entries.drain(..) {
            if !keep(&entry) {
                places.push(None);
                continue;
            }
            let start = arena.len() as u32;
            arena.extend_from_slice(bytes(&self.arena, &entry));
            entry.start = start;
            places.push(Some(kept.len() as u32));
            kept.push(entry);
        }
        self.arena = arena;
        self.entries = kept;
        self.rebuild_index();
        places
    }

    fn rebuild_index(&mut self) {
        self.index = HashTable::with_capacity(self.entries.len());
        for (at, entry) in self.entries.iter().enumerate() {
            self.index.insert_unique(entry.hash, at as u32, |&at| self.entries[at as usize].hash);
        }
    }
}

fn bytes<'a, T>(arena: &'a [u8], entry: &Entry<T>) -> &'a [u8] {
    &arena[entry.start as usize..][..entry.len as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_of_different_slots_are_apart() {
        let (hasher, mut table) = (KeyHasher::default(), KeyTable::<u64>::default());
        for (slot, key) in [(0, "a"), (1, "a"), (0, "b"), (0, "a"), (0, "")] {
            let (at, _) = table.place(hasher.hash(slot, key.as_bytes()), slot, key.as_bytes());
            *table.tally_mut(at) += 1;
        }
        let counts: Vec<_> = table.entries().iter().map(|e| (e.slot, table.key(e), e.tally)).collect();
        assert_eq!(counts, [(0, &b"a"[..], 2), (1, b"a", 1), (0, b"b", 1), (0, b"", 1)]);
    }

    #[test]
    fn what_is_retained_is_still_found() {
        let (hasher, mut table) = (KeyHasher::default(), KeyTable::<u64>::default());
        let keys: Vec<String> = (0..100).map(|n| format!("/path/{n}")).collect();
        for (n, key) in keys.iter().enumerate() {
            let (at, new) = table.place(hasher.hash(0, key.as_bytes()), 0, key.as_bytes());
            assert!(new);
            *table.tally_mut(at) = n as u64;
        }
        let places = table.retain(|entry| entry.tally % 3 == 0);
        assert_eq!((table.len(), places[3], places[4]), (34, Some(1), None));
        for (n, key) in keys.iter().enumerate() {
            let (at, new) = table.place(hasher.hash(0, key.as_bytes()), 0, key.as_bytes());
            assert_eq!(new, n % 3 != 0);
            assert!(new || *table.tally_mut(at) == n as u64);
        }
    }
}
