//! Verdicts on texts that come again, such as user agents. Never grows: a new text takes the place of another.

use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// Texts that are remembered: more than a busy site sees in an hour.
const ENTRIES: usize = 1 << 10;
/// Bytes of one. Longer ones are judged each time.
const LONGEST: usize = 256;

/// Remembers a yes or a no for a text.
///
/// The hash is seeded, and the text itself is compared: nobody can have another's verdict.
#[derive(Debug, Clone)]
pub(super) struct Recall {
    hasher: RandomState,
    entries: Vec<Entry>,
    texts: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    hash: u64,
    /// Nothing is as long as the text of an empty entry.
    length: Option<u16>,
    verdict: bool,
}

impl Recall {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            entries: vec![Entry::default(); ENTRIES],
            texts: vec![0; ENTRIES * LONGEST],
        }
    }

    /// What was said of this text, or is said now.
    #[inline]
    pub(super) fn verdict(&mut self, text: &[u8], judge: impl FnOnce(&[u8]) -> bool) -> bool {
        if text.len() > LONGEST {
            return judge(text);
        }
        let hash = self.hasher.hash_one(text);
        // The lower bits; the remainder of a power of two.
        let place = hash as usize % ENTRIES;
        let entry = &mut self.entries[place];
        let start = place * LONGEST;
        if entry.hash == hash
            && entry.length == Some(text.len() as u16)
            && self.texts[start..start + text.len()] == *text
        {
            return entry.verdict;
        }
        let verdict = judge(text);
        *entry = Entry { hash, length: Some(text.len() as u16), verdict };
        self.texts[start..start + text.len()].copy_from_slice(text);
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_kept_until_its_place_is_taken() {
        let mut recall = Recall::new();
        let mut asked = 0;
        for _ in 0..3 {
            assert!(recall.verdict(b"a", |_| {
                asked += 1;
                true
            }));
        }
        assert_eq!(asked, 1);
        assert!(!recall.verdict(b"", |_| false));
    }

    #[test]
    fn a_flood_of_texts_gets_right_verdicts() {
        let mut recall = Recall::new();
        let texts: Vec<Vec<u8>> =
            (0..20_000_usize).map(|n| vec![(n % 251) as u8; n % (LONGEST + 20)]).collect();
        for _ in 0..2 {
            for text in &texts {
                let expected = text.len() % 3 == 0;
                assert_eq!(recall.verdict(text, |text| text.len() % 3 == 0), expected);
            }
        }
    }
}
