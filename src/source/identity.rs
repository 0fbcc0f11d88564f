//! What the bytes of a log up to some place are, in a few words by which they can be known again. Never decides.
//!
//! An inode alone is worthless: ext4 hands a freed one out again at once. Content decides: its head, the bytes
//! before the place where reading stopped, a hash for each MiB, and the CRC-32 that a gzip's trailer has too.
//! The hashes are not made to withstand an attacker. What clients write into a log stands behind the time and
//! the address that the server wrote, and two files are never confused by one of these hashes alone.

use crc32fast::Hasher as Crc32;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Of a head. Not fewer: the end of many a line is the same user agent.
pub const HEAD_BYTES: usize = 4096;
/// Of the bytes before the place where reading stopped.
pub const TAIL_BYTES: usize = 64 << 10;
/// Of a hash that recognises a copy which is shorter; as long as a block, so that whoever parses one hashes it.
pub const CHUNK_BYTES: usize = 1 << 20;

/// The first bytes of an uncompressed log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// xxh3 of the first `head_length` bytes.
    pub head_hash: u64,
    /// 4,096, or all there are.
    pub head_length: u32,
    /// xxh3 of the last 64 KiB, or of all there are.
    pub tail_hash: u64,
    /// xxh3 of each whole MiB.
    pub chunks: Vec<u64>,
    /// Of all bytes, as gzip computes it.
    pub crc32: u32,
    /// How many bytes this is about.
    pub length: u64,
}

impl Default for Fingerprint {
    /// Of no bytes.
    fn default() -> Self {
        Fingerprinter::default().fingerprint()
    }
}

impl Fingerprint {
    /// Where the bytes begin with which [`Fingerprinter::resume`] goes on: the last MiB, the tail, or all.
    #[must_use]
    pub fn resume_from(&self) -> u64 {
        if self.is_short() {
            return 0;
        }
        let chunk = self.chunks.len() as u64 * CHUNK_BYTES as u64;
        chunk.min(self.length.saturating_sub(TAIL_BYTES as u64))
    }

    /// Whether the head is not complete yet, so that another log could begin with the same few bytes.
    #[must_use]
    pub fn is_short(&self) -> bool {
        (self.head_length as usize) < HEAD_BYTES
    }
}

/// Computes a [`Fingerprint`] from bytes as they come.
#[derive(Clone)]
pub struct Fingerprinter {
    /// Complete once `length` is at least [`HEAD_BYTES`]; until then of no meaning.
    head_hash: u64,
    /// While it is not complete.
    head: Vec<u8>,
    /// The last [`TAIL_BYTES`], and perhaps some before them.
    tail: Vec<u8>,
    chunks: Vec<u64>,
    /// Of the bytes behind the last whole chunk.
    chunk: Xxh3,
    crc32: Crc32,
    length: u64,
}

impl Default for Fingerprinter {
    fn default() -> Self {
        Self {
            head_hash: 0,
            head: Vec::new(),
            tail: Vec::new(),
            chunks: Vec::new(),
            chunk: Xxh3::new(),
            crc32: Crc32::new(),
            length: 0,
        }
    }
}

impl Fingerprinter {
    /// Goes on behind the bytes of `known`; `bytes` are those from [`Fingerprint::resume_from`] on.
    ///
    /// `None` if they are others.
    #[must_use]
    pub fn resume(known: &Fingerprint, bytes: &[u8]) -> Option<Self> {
        if known.is_short() {
            let mut start = Self::default();
            start.push(bytes);
            return (start.fingerprint() == *known).then_some(start);
        }
        let start = known.resume_from();
        if known.length - start != bytes.len() as u64 {
            return None;
        }
        let tail = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let mut chunk = Xxh3::new();
        let in_chunk = usize::try_from(known.length % CHUNK_BYTES as u64).unwrap_or(0);
        chunk.update(&bytes[bytes.len() - in_chunk..]);
        let resumed = Self {
            head_hash: known.head_hash,
            head: Vec::new(),
            tail: tail.to_vec(),
            chunks: known.chunks.clone(),
            chunk,
            crc32: Crc32::new_with_initial_len(known.crc32, known.length),
            length: known.length,
        };
        (xxh3_64(tail) == known.tail_hash).then_some(resumed)
    }

    /// How many bytes there were.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Whether the last byte is no newline: of an over-long line that goes on, or of a finished stream.
    #[must_use]
    pub fn ends_inside_line(&self) -> bool {
        self.tail.last().is_some_and(|&byte| byte != b'\n')
    }

    /// Takes the bytes that follow.
    pub fn push(&mut self, bytes: &[u8]) {
        self.push_head(bytes);
        self.push_chunks(bytes);
        self.push_tail(bytes);
        self.crc32.update(bytes);
        self.length += bytes.len() as u64;
    }

    /// Takes the bytes that follow, which were looked at before, perhaps on another thread.
    ///
    /// # Panics
    /// If `part` is of another place.
    pub fn join(&mut self, part: &Part) {
        assert_eq!(part.offset, self.length, "a part of another place");
        let Some(hash) = part.chunk else {
            self.push(&part.end);
            return;
        };
        self.push_head(&part.head);
        self.chunks.push(hash);
        self.tail.clone_from(&part.end);
        self.crc32.combine(&part.crc32);
        self.length += CHUNK_BYTES as u64;
    }

    /// Of all bytes until now.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let short = self.length < HEAD_BYTES as u64;
        Fingerprint {
            head_hash: if short { xxh3_64(&self.head) } else { self.head_hash },
            head_length: if short { self.length as u32 } else { HEAD_BYTES as u32 },
            tail_hash: xxh3_64(&self.tail[self.tail.len().saturating_sub(TAIL_BYTES)..]),
            chunks: self.chunks.clone(),
            crc32: self.crc32.clone().finalize(),
            length: self.length,
        }
    }

    fn push_head(&mut self, bytes: &[u8]) {
        if self.length >= HEAD_BYTES as u64 {
            return;
        }
        let wanted = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..wanted.min(bytes.len())]);
        if self.head.len() == HEAD_BYTES {
            self.head_hash = xxh3_64(&std::mem::take(&mut self.head));
        }
    }

    fn push_chunks(&mut self, mut bytes: &[u8]) {
        let mut in_chunk = (self.length % CHUNK_BYTES as u64) as usize;
        while in_chunk + bytes.len() >= CHUNK_BYTES {
            let (end, rest) = bytes.split_at(CHUNK_BYTES - in_chunk);
            self.chunk.update(end);
            self.chunks.push(self.chunk.digest());
            self.chunk.reset();
            (bytes, in_chunk) = (rest, 0);
        }
        self.chunk.update(bytes);
    }

    fn push_tail(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        // Moved to the front only now and then.
        if self.tail.len() + bytes.len() > 2 * TAIL_BYTES {
            let kept = TAIL_BYTES - bytes.len();
            self.tail.drain(..self.tail.len() - kept);
        }
        self.tail.extend_from_slice(bytes);
    }
}

/// What a [`Fingerprinter`] needs of a stretch of bytes. Used again and again, it allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Part {
    offset: u64,
    /// Of a whole chunk.
    chunk: Option<u64>,
    crc32: Crc32,
    head: Vec<u8>,
    /// The end of a whole chunk; otherwise all bytes.
    end: Vec<u8>,
}

impl Part {
    /// Looks at the bytes at `offset`, instead of those it knew before.
    pub fn measure(&mut self, offset: u64, bytes: &[u8]) {
        self.offset = offset;
        self.head.clear();
        self.end.clear();
        let whole = bytes.len() == CHUNK_BYTES && offset.is_multiple_of(CHUNK_BYTES as u64);
        self.chunk = whole.then(|| xxh3_64(bytes));
        if !whole {
            self.end.extend_from_slice(bytes);
            return;
        }
        self.crc32.reset();
        self.crc32.update(bytes);
        self.end.extend_from_slice(&bytes[CHUNK_BYTES - TAIL_BYTES..]);
        if offset == 0 {
            self.head.extend_from_slice(&bytes[..HEAD_BYTES]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::log_lines;
    use super::*;

    fn of(bytes: &[u8]) -> Fingerprint {
        let mut fingerprinter = Fingerprinter::default();
        fingerprinter.push(bytes);
        fingerprinter.fingerprint()
    }

    /// By the words of its definition.
    fn naive(bytes: &[u8]) -> Fingerprint {
        let head = &bytes[..bytes.len().min(4096)];
        let tail = &bytes[bytes.len().saturating_sub(65_536)..];
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        Fingerprint {
            head_hash: xxh3_64(head),
            head_length: head.len() as u32,
            tail_hash: xxh3_64(tail),
            chunks: bytes.chunks_exact(1_048_576).map(xxh3_64).collect(),
            crc32: crc.sum(),
            length: bytes.len() as u64,
        }
    }

    #[test]
    fn a_fingerprint_is_what_its_fields_say() {
        let text = log_lines(60_000);
        for length in [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 2_500_000] {
            assert_eq!(of(&text[..length]), naive(&text[..length]), "{length}");
        }
        assert_eq!(Fingerprint::default(), naive(b""));
    }

    #[test]
    fn parts_of_blocks_add_up() {
        let text = log_lines(80_000);
        let mut fingerprinter = Fingerprinter::default();
        let mut part = Part::default();
        for (index, bytes) in text.chunks(CHUNK_BYTES).enumerate() {
            part.measure((index * CHUNK_BYTES) as u64, bytes);
            fingerprinter.join(&part);
        }
        assert_eq!(fingerprinter.fingerprint(), naive(&text));
    }

    #[test]
    #[should_panic(expected = "a part of another place")]
    fn a_part_out_of_order_is_refused() {
        let mut part = Part::default();
        part.measure(7, b"eight");
        Fingerprinter::default().join(&part);
    }

    #[test]
    fn other_bytes_do_not_resume() {
        let text = log_lines(60_000);
        for length in [10, 4096, 5000, 70_000, 1_100_000] {
            let known = of(&text[..length]);
            let mut bytes = text[known.resume_from() as usize..length].to_vec();
            assert!(Fingerprinter::resume(&known, &bytes).is_some(), "{length}");
            assert!(Fingerprinter::resume(&known, &bytes[1..]).is_none(), "{length}");
            *bytes.last_mut().unwrap() ^= 1;
            assert!(Fingerprinter::resume(&known, &bytes).is_none(), "{length}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn cuts_and_runs_do_not_matter(cuts in prop::collection::vec(0..3_000_000_usize, 0..8), runs in any::<u8>()) {
            let text = log_lines(70_000);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let (mut fingerprinter, mut part, mut at) = (Fingerprinter::default(), Part::default(), 0);
            for (turn, &cut) in cuts.iter().enumerate() {
                if runs >> turn & 1 == 1 {
                    let known = fingerprinter.fingerprint();
                    let before = &text[known.resume_from() as usize..at];
                    fingerprinter = Fingerprinter::resume(&known, before).unwrap();
                    part.measure(at as u64, &text[at..cut]);
                    fingerprinter.join(&part);
                } else {
                    fingerprinter.push(&text[at..cut]);
                }
                prop_assert_eq!(fingerprinter.length(), cut as u64);
                at = cut;
            }
            prop_assert_eq!(fingerprinter.fingerprint(), naive(&text[..at]));
        }
    }
}
