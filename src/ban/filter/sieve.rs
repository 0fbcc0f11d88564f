//! Which of many words are in a text, if any: nearly no text has one, and that is told by a fraction of a nanosecond a
//! byte. Knows no rules.
//!
//! Of each word five neighbouring bytes are kept that no text with the word is without, or three of a short one, whether
//! it begins at an even place or at an odd one, so that every second place of a text is looked at: first whether the
//! three bytes there are those of some word, then the five. What both let through, an automaton of all words decides.

use super::required::{RAREST, rarity};
use aho_corasick::{AhoCorasick, MatchKind};
use foldhash::fast::RandomState;
use std::collections::HashSet;

/// Words of 64 bits for the first look: few enough for the nearest cache.
const FIRST_WORDS: usize = 1 << 11;
/// Bytes of the first look, and of the second where there are so many.
const FIRST: usize = 3;
const SECOND: usize = 5;
const FIRST_MASK: u64 = (1 << (8 * FIRST)) - 1;
const SECOND_MASK: u64 = (1 << (8 * SECOND)) - 1;
/// Makes capitals small; a few other bytes fall together, too.
const FOLD: u64 = 0x2020_2020_2020_2020;
/// Words that begin with no more different bytes than this, all of them rare, are found faster by those.
const FEW_STARTS: usize = 3;

/// Bytes that words have, without the case of letters.
#[derive(Debug, Clone)]
struct Looks {
    /// Bits by hash.
    first: Box<[u64; FIRST_WORDS]>,
    second: HashSet<u64, RandomState>,
}

/// Finds words without the case of ASCII letters.
#[derive(Debug, Clone)]
pub(crate) struct Sieve {
    /// Nothing where the automaton alone is faster.
    looks: Option<Looks>,
    words: AhoCorasick,
}

impl Sieve {
    /// Of words of two bytes at least. `None` if they are too many for an automaton.
    pub(crate) fn new(words: &[Vec<u8>]) -> Option<Self> {
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(words)
            .ok()?;
        let mut starts: Vec<_> = words.iter().filter_map(|word| word.first()).collect();
        starts.sort_unstable();
        starts.dedup();
        let is_few = starts.len() <= FEW_STARTS && !starts.iter().any(|byte| rarity(**byte) < RAREST);
        let looks = (!is_few).then(|| Looks::of(words));
        Some(Self { looks, words: automaton })
    }

    /// Whether one of the words is in the text.
    #[inline]
    pub(crate) fn finds(&self, text: &[u8]) -> bool {
        self.looks.as_ref().is_none_or(|looks| looks.let_through(text)) && self.words.is_match(text)
    }

    /// The places of the words that are in the text, some more than once.
    pub(crate) fn each_found(&self, text: &[u8], mut found: impl FnMut(usize)) {
        for word in self.words.find_overlapping_iter(text) {
            found(word.pattern().as_usize());
        }
    }
}

impl Looks {
    fn of(words: &[Vec<u8>]) -> Self {
        let mut looks = Self { first: Box::new([0; FIRST_WORDS]), second: HashSet::default() };
        words.iter().for_each(|word| looks.keep(word));
        looks
    }

    /// Goes through eight bytes at a time, in which three places have three bytes.
    #[inline]
    fn let_through(&self, text: &[u8]) -> bool {
        let mut rest = text;
        while let Some(bytes) = rest.first_chunk() {
            if self.first_look(u64::from_le_bytes(*bytes)) && self.second_look(rest) {
                return true;
            }
            rest = &rest[6..];
        }
        // Fewer than eight are left, perhaps with others before them that were looked at.
        let bytes = match text.last_chunk() {
            Some(bytes) => u64::from_le_bytes(*bytes) >> (8 * (8 - rest.len())),
            None => number(rest),
        };
        self.first_look(bytes) && self.second_look(rest)
    }

    /// Of bytes 0, 2 and 4, each with two behind it.
    #[inline]
    fn first_look(&self, bytes: u64) -> bool {
        let folded = bytes | FOLD;
        self.has_first(folded) | self.has_first(folded >> 16) | self.has_first(folded >> 32)
    }

    /// Of the same places.
    fn second_look(&self, rest: &[u8]) -> bool {
        // A word does not begin with the last byte. Behind that there may be any.
        (0..6.min(rest.len().saturating_sub(1))).step_by(2).any(|place| {
            let rest = &rest[place..];
            let folded =
                FOLD | rest.first_chunk().map_or_else(|| number(rest), |bytes| u64::from_le_bytes(*bytes));
            let has = |mask: u64| self.second.contains(&(folded & mask));
            self.has_first(folded) && (has(FIRST_MASK) || has(SECOND_MASK))
        })
    }

    /// Of the lowest three bytes.
    #[inline]
    fn has_first(&self, folded: u64) -> bool {
        let bit = first_bit(folded);
        self.first[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Keeps bytes of the word for either place where it may begin.
    fn keep(&mut self, word: &[u8]) {
        for start in [0, 1] {
            let rarest = |length: usize| {
                let of_place = word.windows(length).skip(start).step_by(2);
                of_place.max_by_key(|bytes| bytes.iter().copied().map(rarity).sum::<u32>())
            };
            match (rarest(SECOND).or_else(|| rarest(FIRST)), word) {
                (Some(bytes), _) => self.set(bytes),
                // Too short: two bytes with any other behind or before them.
                (None, [a, b, ..]) if start == 0 => (0..=u8::MAX).for_each(|any| self.set(&[*a, *b, any])),
                (None, [a, b, ..]) => (0..=u8::MAX).for_each(|any| self.set(&[any, *a, *b])),
                (None, _) => self.first.fill(u64::MAX),
            }
        }
    }

    /// Three or five bytes.
    fn set(&mut self, bytes: &[u8]) {
        let folded = number(bytes) | FOLD;
        let bit = first_bit(folded);
        self.first[bit / 64] |= 1 << (bit % 64);
        self.second.insert(folded & if bytes.len() == FIRST { FIRST_MASK } else { SECOND_MASK });
    }
}

/// Up to eight bytes, the first one lowest.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A hash of the lowest three bytes.
#[inline]
fn first_bit(folded: u64) -> usize {
    // Of the product, the upper bits of these 24 depend on all of them.
    ((folded << 40).wrapping_mul(0x9E37_79B1) >> 47) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_word_is_found_wherever_it_is(
            words in prop::collection::vec("[a-dA-D/.%$(]{2,7}", 1..20),
            texts in prop::collection::vec("[a-dA-D/.%$(]{0,20}", 1..40),
        ) {
            let words: Vec<_> = words.into_iter().map(|word| word.to_ascii_lowercase().into_bytes()).collect();
            let sieve = Sieve::new(&words).unwrap();
            for text in texts {
                let folded = text.to_ascii_lowercase().into_bytes();
                let expected: Vec<_> =
                    (0..words.len()).filter(|word| memchr::memmem::find(&folded, &words[*word]).is_some()).collect();
                prop_assert_eq!(sieve.finds(text.as_bytes()), !expected.is_empty());
                let mut found = Vec::new();
                sieve.each_found(text.as_bytes(), |word| found.push(word));
                found.sort_unstable();
                found.dedup();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn any_bytes_pass_or_do_not() {
        let sieve =
            Sieve::new(&[b"\xff\x00".to_vec(), b"{{".to_vec(), b"abc".to_vec(), b"xyz1".to_vec()]).unwrap();
        for (text, expected) in [
            (&b"\xff\x00"[..], true),
            (b"a\xff\x00", true),
            (b"[[", false),
            (b"1ABC", true),
            (b"ab", false),
            (b"", false),
        ] {
            assert_eq!(sieve.finds(text), expected, "{text:?}");
        }
    }
}
