//! A place in a line, read eight bytes at a time. Never reads beyond the line, and finds no meaning in it.

use memchr::memchr;

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH_BITS: u64 = ONES << 7;
pub(crate) const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// What is left of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'l> {
    rest: &'l [u8],
}

impl<'l> Cursor<'l> {
    pub(crate) const fn new(line: &'l [u8]) -> Self {
        Self { rest: line }
    }

    #[inline(always)]
    pub(crate) const fn rest(&self) -> &'l [u8] {
        self.rest
    }

    /// The next eight bytes, first byte lowest; zeros beyond the end.
    #[inline(always)]
    pub(crate) fn word(&self) -> u64 {
        self.near_word().unwrap_or_else(|| short_word(self.rest))
    }

    /// The same without a call: `None` close to the end.
    #[inline(always)]
    pub(crate) fn near_word(&self) -> Option<u64> {
        if let Some(head) = self.rest.first_chunk() {
            return Some(u64::from_le_bytes(*head));
        }
        let (head, tail) = (self.rest.first_chunk()?, self.rest.last_chunk()?);
        let tail = u64::from(u32::from_le_bytes(*tail));
        Some(u64::from(u32::from_le_bytes(*head)) | tail << (8 * (self.rest.len() - 4)))
    }

    /// The eight bytes that begin `skip` bytes on.
    #[inline(always)]
    pub(crate) fn word_at(&self, skip: usize) -> u64 {
        Cursor::new(self.rest.get(skip..).unwrap_or_default()).word()
    }

    /// Goes `length` bytes on, and gives them. `None` beyond the end.
    #[inline(always)]
    pub(crate) fn take(&mut self, length: usize) -> Option<&'l [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// The place `length` bytes on. `None` beyond the end.
    #[inline(always)]
    pub(crate) fn behind(self, length: usize) -> Option<Self> {
        self.rest.get(length..).map(Self::new)
    }

    /// Three digits next, as a number.
    #[inline(always)]
    pub(crate) fn three_digits(&self) -> Option<u16> {
        let [hundreds, tens, ones] = self.rest.first_chunk()?.map(|byte: u8| byte.wrapping_sub(b'0'));
        let are_digits = hundreds <= 9 && tens <= 9 && ones <= 9;
        are_digits.then_some(u16::from(hundreds) * 100 + u16::from(tens) * 10 + u16::from(ones))
    }

    /// Bytes before the first `byte`. `None` if there is none.
    pub(crate) fn find(&self, byte: u8) -> Option<usize> {
        memchr(byte, self.rest)
    }

    /// The same without a call: `None` also if it is far, or close to the end.
    #[inline(always)]
    pub(crate) fn find_near(&self, byte: u8) -> Option<usize> {
        let at = first_equal(u64::from_le_bytes(*self.rest.first_chunk()?), byte);
        if at < 8 {
            return Some(at);
        }
        let mut rest = self.rest.get(8..)?;
        for _ in 0..NEAR_BLOCKS {
            let Some((block, after)) = rest.split_first_chunk::<BLOCK>() else { break };
            // Without a branch inside, so that the compiler compares whole vectors.
            if block.iter().fold(false, |found, other| found | (*other == byte)) {
                break;
            }
            rest = after;
        }
        for _ in 0..BLOCK / 8 {
            let (word, after) = rest.split_first_chunk()?;
            let at = first_equal(u64::from_le_bytes(*word), byte);
            if at < 8 {
                return Some(self.rest.len() - rest.len() + at);
            }
            rest = after;
        }
        None
    }

    /// The next `length` bytes, and the place behind them.
    #[inline(always)]
    pub(crate) fn split(self, length: usize) -> Option<(&'l [u8], Self)> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        Some((taken, Self { rest }))
    }

    /// The digits next, as a number, and how many there are: up to seven. `None` if there are none or more, or fewer than
    /// four bytes.
    #[inline(always)]
    pub(crate) fn digits(&self) -> Option<(u64, usize)> {
        let word = self.near_word()?;
        // One digit is what most of HAProxy's timers have.
        let (first, second) = ((word as u8).wrapping_sub(b'0'), ((word >> 8) as u8).wrapping_sub(b'0'));
        if first <= 9 && second > 9 {
            return Some((u64::from(first), 1));
        }
        let others = after_digits(word);
        let bits = others.trailing_zeros() & !7;
        if bits == 0 || others == 0 {
            return None;
        }
        Some((eight_digits((word ^ ZEROS) << (64 - bits)), bits as usize / 8))
    }

    /// How many digits are next, and the byte behind them. `None` if there are more than seven.
    #[inline(always)]
    pub(crate) fn number_length(&self) -> Option<(usize, u8)> {
        let word = u64::from_le_bytes(*self.rest.first_chunk()?);
        let others = after_digits(word);
        let bits = others.trailing_zeros() & !7;
        (others != 0).then_some((bits as usize / 8, (word >> (bits & 63)) as u8))
    }

    /// A number with a point and three decimals next, in thousandths, and its length, if both fit into a word with
    /// what ends them.
    #[inline(always)]
    pub(crate) fn thousandths(&self) -> Option<(u64, usize)> {
        let word = self.near_word()?;
        let others = no_digits(word);
        let point = others.trailing_zeros() & !7;
        let end = (others & others.wrapping_sub(1)).trailing_zeros() & !7;
        let fits = point != 0 && point <= 24 && end == point + 32 && (word >> point) as u8 == b'.';
        if !fits {
            return None;
        }
        let digits = word ^ ZEROS;
        let whole = digits & ((1 << point) - 1);
        let decimals = digits >> (point + 8) & 0x00ff_ffff;
        Some((eight_digits((whole | decimals << point) << (40 - point)), end as usize / 8))
    }
}

/// The place of the first such byte in a word, 8 if there is none.
#[inline(always)]
fn first_equal(word: u64, byte: u8) -> usize {
    let differences = word ^ (ONES * u64::from(byte));
    let zeros = differences.wrapping_sub(ONES) & !differences & HIGH_BITS;
    zeros.trailing_zeros() as usize / 8
}

/// Bytes that are compared together.
const BLOCK: usize = 32;
/// Blocks in which a byte is near.
const NEAR_BLOCKS: usize = 4;

/// The high bit of each byte that is no digit.
#[inline(always)]
fn no_digits(word: u64) -> u64 {
    let digits = word ^ ZEROS;
    (((digits & !HIGH_BITS) + ONES * 0x76) | digits) & HIGH_BITS
}

/// The lowest bit is the high bit of the first byte that is no digit.
#[inline(always)]
fn after_digits(word: u64) -> u64 {
    // The sum carries only into bytes behind that one.
    let digits = word ^ ZEROS;
    (digits.wrapping_add(ONES * 0x76) | digits) & HIGH_BITS
}

/// The number that eight digits make, the first in the lowest byte: they are added up in pairs, fours and eights.
#[inline(always)]
fn eight_digits(digits: u64) -> u64 {
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff
}

/// The last bytes of a line, fewer than four.
#[cold]
fn short_word(rest: &[u8]) -> u64 {
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Cursor;

    proptest! {
        #[test]
        fn word_is_the_next_bytes(line: Vec<u8>, skip in 0usize..40) {
            let mut cursor = Cursor::new(&line);
            prop_assume!(cursor.take(skip).is_some());
            let mut expected = [0; 8];
            for (byte, wanted) in expected.iter_mut().zip(cursor.rest()) {
                *byte = *wanted;
            }
            prop_assert_eq!(cursor.word(), u64::from_le_bytes(expected));
        }

        #[test]
        fn find_agrees_with_a_plain_search(line: Vec<u8>, byte: u8) {
            let plain = line.iter().position(|other| *other == byte);
            prop_assert_eq!(Cursor::new(&line).find(byte), plain);
            let near = Cursor::new(&line).find_near(byte);
            prop_assert!(near.is_none() || near == plain);
        }

        #[test]
        fn digits_agree_with_the_standard_library(number in 0u64..20_000_000, after in "[^0-9]?.{0,9}") {
            let line = format!("{number}{after}");
            let length = line.bytes().take_while(u8::is_ascii_digit).count();
            // At the very end of a line others read what is left.
            let is_near = line.len() >= 4 && length < 8;
            let expected = is_near.then(|| (line[..length].parse().unwrap(), length));
            prop_assert_eq!(Cursor::new(line.as_bytes()).digits(), expected);
        }

        #[test]
        fn thousandths_are_thousandths(number in 0u64..2_000_000, after in "[^0-9]?.{0,9}") {
            let line = format!("{}.{:03}{after}", number / 1_000, number % 1_000);
            let decimals = line.split_once('.').map_or("", |(_, decimals)| decimals);
            let three = decimals.bytes().take_while(u8::is_ascii_digit).count() == 3;
            let length = line.find('.').map_or(0, |point| point + 4);
            let expected = (three && length < 8).then_some((number, length));
            prop_assert_eq!(Cursor::new(line.as_bytes()).thousandths(), expected);
        }
    }
}
