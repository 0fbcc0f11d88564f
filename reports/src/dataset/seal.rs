//! A checksum over a whole Parquet file, which has none of its own. It stands before the footer, where no reader
//! looks: they find the footer from the end, and everything else by the offsets in it.

use xxhash_rust::xxh3::Xxh3;

/// Before the checksum.
const MARK: [u8; 8] = *b"logstat\n";
const SEAL_BYTES: usize = MARK.len() + size_of::<u64>();
/// The length of the footer and `PAR1`.
const END_BYTES: usize = 8;

/// The file with its seal.
pub(super) fn seal(mut file: Vec<u8>) -> Vec<u8> {
    let footer = footer_at(&file).unwrap_or(file.len());
    let checksum = checksum(&file[..footer], &file[footer..]);
    file.splice(footer..footer, MARK.into_iter().chain(checksum));
    file
}

/// What is wrong with a file, if anything is.
pub(super) fn verify(file: &[u8]) -> Result<(), &'static str> {
    let foreign = "is no Parquet file, or not a whole one";
    let footer = footer_at(file).ok_or(foreign)?;
    let (before, footer) = file.split_at(footer);
    let Some((before, seal)) = before.split_last_chunk::<SEAL_BYTES>() else { return Err(foreign) };
    let (mark, stored) = seal.split_at(MARK.len());
    if mark != MARK {
        return Err("was not written by logstat, or is damaged");
    }
    if stored == checksum(before, footer) { Ok(()) } else { Err("is damaged: it differs from its checksum") }
}

fn footer_at(file: &[u8]) -> Option<usize> {
    let (before, end) = file.split_last_chunk::<END_BYTES>()?;
    let (length, magic) = end.split_first_chunk::<4>()?;
    if magic != b"PAR1" {
        return None;
    }
    before.len().checked_sub(u32::from_le_bytes(*length) as usize)
}

fn checksum(before: &[u8], footer: &[u8]) -> [u8; 8] {
    let mut hash = Xxh3::new();
    hash.update(before);
    hash.update(footer);
    hash.digest().to_le_bytes()
}
