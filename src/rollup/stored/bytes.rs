//! Numbers and byte strings in columns, sealed into one byte string and read back from any bytes. Knows nothing of
//! what they mean.
//!
//! `kind · version · layer · checksum (4) · body`. The body is the length of every column, then the columns; layer 1
//! is the body under zstd, each column in blocks of its own, since like compresses well with like. Numbers are
//! LEB128. The checksum is over everything else, so that a flipped bit is found before anything is unpacked.

use std::io::{Read, Write};
use xxhash_rust::xxh3::xxh3_64;
use zstd::zstd_safe::CParameter;

/// Raised with every change that an older program would misread.
const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const HEADER: usize = 7;
/// Higher levels win a tenth at best, and take ten times as long.
const NUMBERS_LEVEL: i32 = 1;
const TEXT_LEVEL: i32 = 6;
/// Longest body: more than the 1,001 series of an hour can come to with every cell of each in use.
const BODY_LIMIT: u64 = 256 << 20;
/// Counts above this are not to be believed; below it, a thousand of them add up without overflow.
const COUNT_LIMIT: u64 = 1 << 53;

/// Why bytes are no stored rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Of another kind, such as a day where an hour belongs.
    #[error("stored rollup is of another kind")]
    Kind,
    /// Written by a newer program.
    #[error("stored rollup has version {0}, newer than this program's {VERSION}\nhint: upgrade logstat")]
    Version(u8),
    /// Bits have changed since it was written.
    #[error("stored rollup is damaged: its checksum does not match")]
    Checksum,
    /// It ends early, or does not unpack.
    #[error("stored rollup is damaged: it is cut off")]
    Cut,
    /// It unpacks to more than any rollup can take.
    #[error("stored rollup is damaged: it unpacks to more than {BODY_LIMIT} bytes")]
    TooLong,
    /// What it holds cannot be.
    #[error("stored rollup is damaged: {0}")]
    Impossible(&'static str),
}

/// What a byte string holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Hour = b'h',
    Day = b'd',
    Events = b'e',
    Lines = b'l',
}

/// Columns of alike values. The order is part of the stored form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Column {
    /// How many of something follow, and single values.
    Shape,
    /// Exact sums.
    Sums,
    /// Buckets of times, each as the distance to the one before.
    Buckets,
    /// Requests of each bucket.
    BucketCounts,
    /// Seconds of the hour, as distances.
    Seconds,
    SecondCounts,
    /// Status codes and other states, as distances.
    States,
    StateCounts,
    /// Registers of sketches, as distances, and their ranks.
    Registers,
    Ranks,
    /// Addresses in the lists of clients.
    Clients,
    /// Lengths of keys.
    Lengths,
    /// Requests and bytes of the keys of a list.
    KeyCounts,
    KeyBytes,
    /// Latency sketches of paths.
    Coarse,
    CoarseCounts,
    /// Names of series, keys of lists and other texts; the last column, which is compressed as a text.
    Text,
}

const COLUMNS: usize = Column::Text as usize + 1;

/// Columns to be filled.
#[derive(Debug, Default)]
pub(super) struct Writer {
    columns: [Vec<u8>; COLUMNS],
}

impl Writer {
    pub fn number(&mut self, column: Column, mut number: u64) {
        let bytes = &mut self.columns[column as usize];
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
    }

    /// A number that may be below 0: small ones of either sign are short.
    pub fn signed(&mut self, column: Column, number: i64) {
        self.number(column, (number << 1 ^ number >> 63) as u64);
    }

    pub fn bytes(&mut self, column: Column, bytes: &[u8]) {
        self.columns[column as usize].extend_from_slice(bytes);
    }

    /// A byte string with its length before it.
    pub fn text(&mut self, text: &[u8]) {
        self.number(Column::Shape, text.len() as u64);
        self.bytes(Column::Text, text);
    }

    /// As [`text`](Self::text), or that there is none.
    pub fn text_if_any(&mut self, text: Option<&[u8]>) {
        self.number(Column::Shape, text.map_or(0, |text| text.len() as u64 + 1));
        self.bytes(Column::Text, text.unwrap_or_default());
    }

    /// The stored form.
    pub fn seal(&self, kind: Kind) -> Vec<u8> {
        let mut lengths = Writer::default();
        self.columns.iter().for_each(|column| lengths.number(Column::Shape, column.len() as u64));
        let lengths = &lengths.columns[Column::Shape as usize];
        let plain = lengths.len() + self.columns.iter().map(Vec::len).sum::<usize>();
        let mut sealed = vec![kind as u8, VERSION, ZSTD, 0, 0, 0, 0];
        match self.compress(lengths, sealed.clone()) {
            Ok(compressed) if compressed.len() < HEADER + plain => sealed = compressed,
            _ => {
                sealed[2] = PLAIN;
                sealed.extend_from_slice(lengths);
                self.columns.iter().for_each(|column| sealed.extend_from_slice(column));
            }
        }
        let sum = checksum(&sealed);
        sealed[3..HEADER].copy_from_slice(&sum);
        sealed
    }

    /// Two frames: of the numbers, and of the text.
    fn compress(&self, lengths: &[u8], mut sink: Vec<u8>) -> std::io::Result<Vec<u8>> {
        let (numbers, text) = self.columns.split_at(Column::Text as usize);
        let mut encoder = zstd::stream::write::Encoder::new(&mut sink, NUMBERS_LEVEL)?;
        // Numbers are small and repeat by chance: a match of a few takes more room than their codes.
        encoder.set_parameter(CParameter::MinMatch(7))?;
        encoder.include_contentsize(false)?;
        encoder.write_all(lengths)?;
        for column in numbers.iter().filter(|column| !column.is_empty()) {
            // Ends the block, so that the next column has a code of its own.
            encoder.flush()?;
            encoder.write_all(column)?;
        }
        encoder.finish()?;
        let mut encoder = zstd::stream::write::Encoder::new(sink, TEXT_LEVEL)?;
        encoder.include_contentsize(false)?;
        text.iter().try_for_each(|column| encoder.write_all(column))?;
        encoder.finish()
    }
}

/// Over everything but the checksum itself.
fn checksum(sealed: &[u8]) -> [u8; 4] {
    let (head, body) = sealed.split_at(HEADER);
    let salt = u64::from_le_bytes([head[0], head[1], head[2], 0, 0, 0, 0, 0]);
    let sum = (xxh3_64(body) ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_le_bytes();
    [sum[0], sum[1], sum[2], sum[3]]
}

/// Seals any body, with a checksum that is right.
#[cfg(test)]
pub(super) fn reseal(body: &[u8], kind: Kind) -> Vec<u8> {
    let mut sealed = [&[kind as u8, VERSION, PLAIN, 0, 0, 0, 0], body].concat();
    let sum = checksum(&sealed);
    sealed[3..HEADER].copy_from_slice(&sum);
    sealed
}

/// The body of a sealed byte string. Memory is bounded by its limit.
pub(super) fn unseal(sealed: &[u8], kind: Kind) -> Result<Vec<u8>, DecodeError> {
    let [its_kind, version, layer, ..] = *sealed else { return Err(DecodeError::Cut) };
    if sealed.len() < HEADER {
        return Err(DecodeError::Cut);
    }
    if version > VERSION {
        return Err(DecodeError::Version(version));
    }
    if sealed[3..HEADER] != checksum(sealed) {
        return Err(DecodeError::Checksum);
    }
    if its_kind != kind as u8 {
        return Err(DecodeError::Kind);
    }
    let body = &sealed[HEADER..];
    match layer {
        PLAIN => Ok(body.to_vec()),
        ZSTD => decompress(body),
        _ => Err(DecodeError::Impossible("no such layer")),
    }
}

fn decompress(body: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|_| DecodeError::Cut)?;
    let mut plain = Vec::new();
    decoder.take(BODY_LIMIT + 1).read_to_end(&mut plain).map_err(|_| DecodeError::Cut)?;
    if plain.len() as u64 > BODY_LIMIT { Err(DecodeError::TooLong) } else { Ok(plain) }
}

/// Columns to be read.
#[derive(Debug)]
pub(super) struct Reader<'b> {
    columns: [&'b [u8]; COLUMNS],
}

impl<'b> Reader<'b> {
    pub fn new(mut body: &'b [u8]) -> Result<Self, DecodeError> {
        let mut lengths = [0; COLUMNS];
        for length in &mut lengths {
            *length = take_number(&mut body)?;
        }
        let mut columns = [&[][..]; COLUMNS];
        for (column, length) in columns.iter_mut().zip(lengths) {
            *column = take(&mut body, length)?;
        }
        if body.is_empty() { Ok(Self { columns }) } else { Err(DecodeError::Impossible("something follows")) }
    }

    pub fn number(&mut self, column: Column) -> Result<u64, DecodeError> {
        take_number(&mut self.columns[column as usize])
    }

    /// A number that will be added to others.
    pub fn count(&mut self, column: Column) -> Result<u64, DecodeError> {
        let count = self.number(column)?;
        if count <= COUNT_LIMIT { Ok(count) } else { Err(DecodeError::Impossible("a count is too large")) }
    }

    /// How many of something follow: at most `limit`.
    pub fn length(&mut self, column: Column, limit: usize) -> Result<usize, DecodeError> {
        let length = self.number(column)?;
        if length <= limit as u64 { Ok(length as usize) } else { Err(DecodeError::Impossible("too many")) }
    }

    pub fn signed(&mut self, column: Column) -> Result<i64, DecodeError> {
        let number = self.number(column)?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub fn bytes(&mut self, column: Column, length: usize) -> Result<&'b [u8], DecodeError> {
        take(&mut self.columns[column as usize], length as u64)
    }

    pub fn text(&mut self, limit: usize) -> Result<&'b [u8], DecodeError> {
        let length = self.length(Column::Shape, limit)?;
        self.bytes(Column::Text, length)
    }

    pub fn text_if_any(&mut self, limit: usize) -> Result<Option<&'b [u8]>, DecodeError> {
        match self.length(Column::Shape, limit + 1)? {
            0 => Ok(None),
            length => self.bytes(Column::Text, length - 1).map(Some),
        }
    }

    /// To be called at the end: nothing may be left.
    pub fn end(&self) -> Result<(), DecodeError> {
        let is_read = self.columns.iter().all(|column| column.is_empty());
        if is_read { Ok(()) } else { Err(DecodeError::Impossible("something follows")) }
    }
}

fn take<'b>(bytes: &mut &'b [u8], length: u64) -> Result<&'b [u8], DecodeError> {
    let length = usize::try_from(length).map_err(|_| DecodeError::Cut)?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or(DecodeError::Cut)?;
    *bytes = rest;
    Ok(taken)
}

/// Only the shortest form of a number is one, so that equal content has equal bytes.
fn take_number(bytes: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(DecodeError::Cut)?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7F);
        if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
            break;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(DecodeError::Impossible("a number is none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_survive(numbers in prop::collection::vec(prop_oneof![any::<u64>(), 0..300u64], 0..50), signed: i64) {
            let mut writer = Writer::default();
            numbers.iter().for_each(|number| writer.number(Column::Sums, *number));
            writer.signed(Column::Sums, signed);
            let body = unseal(&writer.seal(Kind::Lines), Kind::Lines).unwrap();
            let mut reader = Reader::new(&body).unwrap();
            for number in numbers {
                prop_assert_eq!(reader.number(Column::Sums), Ok(number));
            }
            prop_assert_eq!(reader.signed(Column::Sums), Ok(signed));
            prop_assert_eq!(reader.end(), Ok(()));
            prop_assert_eq!(reader.number(Column::Sums), Err(DecodeError::Cut));
        }

        #[test]
        fn any_body_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let Ok(mut reader) = Reader::new(&body) else { return Ok(()) };
            while reader.number(Column::Shape).is_ok() {}
        }
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let mut writer = Writer::default();
        writer.text(b"text");
        let sealed = writer.seal(Kind::Hour);
        let changed = |at: usize, to: u8| {
            let mut changed = sealed.clone();
            changed[at] = to;
            unseal(&changed, Kind::Hour).unwrap_err()
        };
        assert_eq!(unseal(&sealed, Kind::Day), Err(DecodeError::Kind));
        assert_eq!(unseal(&sealed[..5], Kind::Hour), Err(DecodeError::Cut));
        assert_eq!(changed(1, VERSION + 1), DecodeError::Version(VERSION + 1));
        assert_eq!(changed(0, Kind::Day as u8), DecodeError::Checksum);
        assert_eq!(changed(sealed.len() - 1, b'!'), DecodeError::Checksum);
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let mut sealed = vec![Kind::Hour as u8, VERSION, ZSTD, 0, 0, 0, 0];
        let mut encoder = zstd::stream::write::Encoder::new(&mut sealed, 19).unwrap();
        let megabyte = vec![0; 1 << 20];
        (0..=BODY_LIMIT >> 20).for_each(|_| encoder.write_all(&megabyte).unwrap());
        encoder.finish().unwrap();
        let sum = checksum(&sealed);
        sealed[3..HEADER].copy_from_slice(&sum);
        assert!(sealed.len() < 1 << 20);
        assert_eq!(unseal(&sealed, Kind::Hour), Err(DecodeError::TooLong));
    }
}
