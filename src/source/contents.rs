//! How the files on disk stand to what was read before, by their content. Never decides what to read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use xxhash_rust::xxh3::xxh3_64;

use super::decompress::Decompressor;
use super::identity::{CHUNK_BYTES, Fingerprint, Fingerprinter, HEAD_BYTES, TAIL_BYTES};
use super::resume::{Contents, Found, Likeness, Relation};
use super::{Compression, Progress, ReadError};

/// Bytes unpacked or compared at once.
const STEP_BYTES: usize = 64 << 10;
/// CRC-32 and length of a gzip member.
const TRAILER_BYTES: u64 = 8;

/// Looks at the files themselves, at no more of them than it must.
#[derive(Debug, Default)]
pub struct Disk {
    /// Unpacked heads by device and inode.
    heads: HashMap<(u64, u64), Vec<u8>>,
}

impl Contents for Disk {
    fn same_head(&mut self, found: &Found, known: &Fingerprint) -> Result<bool, ReadError> {
        let head = self.head(found)?.get(..known.head_length as usize);
        Ok(head.is_some_and(|head| xxh3_64(head) == known.head_hash))
    }

    fn relation(&mut self, found: &Found, known: &Fingerprint) -> Result<Relation, ReadError> {
        if !self.same_head(found, known)? {
            return Ok(Relation::Different);
        }
        if found.compression == Compression::Plain {
            let file = found.open()?;
            plain_relation(&file, known).map_err(|source| found.io_error(source))
        } else {
            packed_relation(found, known)
        }
    }

    fn check_whole(&mut self, found: &Found) -> Result<(), ReadError> {
        let mut input = unpack(found)?;
        let mut bytes = vec![0; STEP_BYTES];
        while read_on(&mut input, &mut bytes)? > 0 {}
        Ok(())
    }

    fn likeness(&mut self, one: &Found, other: &Found) -> Result<Likeness, ReadError> {
        let (head, other_head) = (self.head(one)?.clone(), self.head(other)?);
        let shared = head.len().min(other_head.len());
        if head[..shared] != other_head[..shared] {
            return Ok(Likeness::Different);
        }
        compare(unpack(one)?, unpack(other)?)
    }
}

impl Disk {
    fn head(&mut self, found: &Found) -> Result<&Vec<u8>, ReadError> {
        match self.heads.entry((found.device, found.inode)) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let mut head = vec![0; HEAD_BYTES];
                let filled = fill(&mut unpack(found)?, &mut head)?;
                head.truncate(filled);
                Ok(entry.insert(head))
            }
        }
    }
}

impl Found {
    /// Opens the file that was found, and no other that took its name since.
    pub(super) fn open(&self) -> Result<File, ReadError> {
        let open = || {
            let file = File::open(&self.path)?;
            let metadata = file.metadata()?;
            Ok((file, (metadata.dev(), metadata.ino())))
        };
        let (file, identity) =
            open().map_err(|source| ReadError::Open { path: self.path.clone(), source })?;
        if identity != (self.device, self.inode) {
            return Err(ReadError::Replaced { path: self.path.clone() });
        }
        Ok(file)
    }

    fn io_error(&self, source: io::Error) -> ReadError {
        ReadError::Io { path: self.path.clone(), position: 0, source }
    }
}

fn unpack(found: &Found) -> Result<Decompressor, ReadError> {
    Ok(Decompressor::around(found.path.clone(), Box::new(found.open()?), &Progress::default()))
}

/// Bytes that follow; what somebody appended to an archive is no part of the log.
fn read_on(input: &mut Decompressor, bytes: &mut [u8]) -> Result<usize, ReadError> {
    match input.read(bytes) {
        Err(ReadError::TrailingBytes { .. }) => Ok(0),
        read => read,
    }
}

/// Fills `bytes` as far as there are any.
fn fill(input: &mut Decompressor, bytes: &mut [u8]) -> Result<usize, ReadError> {
    let mut filled = 0;
    while filled < bytes.len() {
        match read_on(input, &mut bytes[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Of a file whose head is known to match.
fn plain_relation(file: &File, known: &Fingerprint) -> io::Result<Relation> {
    let size = file.metadata()?.len();
    let Some(unread) = size.checked_sub(known.length) else { return shorter_relation(file, size, known) };
    let length = TAIL_BYTES.min(usize::try_from(known.length).unwrap_or(TAIL_BYTES));
    let mut tail = vec![0; length];
    file.read_exact_at(&mut tail, known.length - length as u64)?;
    let same = xxh3_64(&tail) == known.tail_hash;
    Ok(if same { Relation::Continues { unread } } else { Relation::Different })
}

fn shorter_relation(file: &File, size: u64, known: &Fingerprint) -> io::Result<Relation> {
    let mut bytes = vec![0; CHUNK_BYTES];
    let mut place = 0;
    for &chunk in &known.chunks {
        if place + CHUNK_BYTES as u64 > size {
            break;
        }
        file.read_exact_at(&mut bytes, place)?;
        if xxh3_64(&bytes) != chunk {
            return Ok(Relation::Different);
        }
        place += CHUNK_BYTES as u64;
    }
    Ok(Relation::Shorter { length: size })
}

/// Of a compressed file whose head is known to match.
fn packed_relation(found: &Found, known: &Fingerprint) -> Result<Relation, ReadError> {
    if found.compression == Compression::Gzip && trailer_matches(found, known)? {
        return Ok(Relation::Continues { unread: 0 });
    }
    let mut input = unpack(found)?;
    let mut bytes = vec![0; STEP_BYTES];
    let mut read = Fingerprinter::default();
    while read.length() < known.length {
        let wanted = STEP_BYTES.min(usize::try_from(known.length - read.length()).unwrap_or(STEP_BYTES));
        match fill(&mut input, &mut bytes[..wanted])? {
            0 => {
                let same = known.chunks.starts_with(&read.fingerprint().chunks);
                let length = read.length();
                return Ok(if same { Relation::Shorter { length } } else { Relation::Different });
            }
            filled => read.push(&bytes[..filled]),
        }
    }
    // To the end, even if it is another log: an archive that is still being written says nothing yet.
    let mut unread = 0;
    loop {
        match read_on(&mut input, &mut bytes)? {
            0 => break,
            filled => unread += filled as u64,
        }
    }
    Ok(if read.fingerprint() == *known { Relation::Continues { unread } } else { Relation::Different })
}

/// Whether a gzip of a single member holds the known bytes and no more, without unpacking it.
fn trailer_matches(found: &Found, known: &Fingerprint) -> Result<bool, ReadError> {
    let file = found.open()?;
    let read = || {
        let size = file.metadata()?.len();
        let mut trailer = [0; TRAILER_BYTES as usize];
        file.read_exact_at(&mut trailer, size.saturating_sub(TRAILER_BYTES))?;
        Ok(u64::from_le_bytes(trailer))
    };
    let trailer = read().map_err(|source| found.io_error(source))?;
    // The length is kept modulo 2^32.
    Ok(trailer == (known.length << 32) | u64::from(known.crc32))
}

fn compare(mut one: Decompressor, mut other: Decompressor) -> Result<Likeness, ReadError> {
    let (mut bytes, mut other_bytes) = (vec![0; STEP_BYTES], vec![0; STEP_BYTES]);
    let mut shared_bytes = 0;
    loop {
        let filled = fill(&mut one, &mut bytes)?;
        let other_filled = fill(&mut other, &mut other_bytes)?;
        let shared = filled.min(other_filled);
        if bytes[..shared] != other_bytes[..shared] {
            return Ok(Likeness::Different);
        }
        shared_bytes += shared as u64;
        if filled != other_filled {
            let first = filled > other_filled;
            return Ok(if first {
                Likeness::FirstGoesOn { shared_bytes }
            } else {
                Likeness::SecondGoesOn { shared_bytes }
            });
        }
        if filled < STEP_BYTES {
            return Ok(Likeness::Same { shared_bytes });
        }
    }
}
