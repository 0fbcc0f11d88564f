//! Compressed bytes become plain bytes in constant memory, up to the very byte where an archive breaks.
//! Never cuts lines.

use std::io::{self, Read};
use std::path::PathBuf;

use super::log_file::{Compression, LogFile};
use super::{Progress, ReadError};

/// Compressed bytes read at once.
const INPUT_BYTES: usize = 128 * 1024;
/// Bytes that tell whether another member follows.
const MAGIC_BYTES: usize = 6;
/// What an xz file may make its decoder allocate; `xz -9` needs 65 MiB.
const XZ_MEMORY_BYTES: u64 = 128 << 20;
/// The window of gzip is always 32 KiB.
const GZIP_WINDOW_BITS: u8 = 15;
/// Enough of a zstd frame to begin with; the decoder then asks for one block at a time.
const ZSTD_FIRST_BYTES: usize = 5;

/// Reads a log, compressed or not, as plain bytes.
pub(super) struct Decompressor {
    path: PathBuf,
    input: Box<dyn Read + Send>,
    progress: Progress,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    input_ended: bool,
    /// Place of `buffer[start]` in the compressed file.
    position: u64,
    state: State,
}

enum State {
    /// Nothing was read yet.
    New,
    Plain,
    Member(Compression, Decoder),
    BetweenMembers(Compression),
    /// Bytes before the break are given out first.
    Broken(Compression, String),
    /// The end, or a failure that was reported.
    Done,
}

impl Decompressor {
    pub(super) fn open(log: &LogFile, progress: &Progress) -> Result<Self, ReadError> {
        Self::new(log, log.reader(), progress)
    }

    /// For a look at the first bytes: leaves a pipe as it is.
    pub(super) fn peek(log: &LogFile) -> Result<Self, ReadError> {
        Self::new(log, log.peek_reader(), &Progress::default())
    }

    fn new(
        log: &LogFile,
        input: io::Result<Box<dyn Read + Send>>,
        progress: &Progress,
    ) -> Result<Self, ReadError> {
        let path = log.path().to_path_buf();
        match input {
            Ok(input) => Ok(Self::around(path, input, progress)),
            Err(source) => Err(ReadError::Open { path, source }),
        }
    }

    pub(super) fn around(path: PathBuf, input: Box<dyn Read + Send>, progress: &Progress) -> Self {
        Self {
            path,
            input,
            progress: progress.clone(),
            buffer: vec![0; INPUT_BYTES],
            start: 0,
            end: 0,
            input_ended: false,
            position: 0,
            state: State::New,
        }
    }

    /// Fills the front of `output`; 0 at the end. After an error there is nothing more.
    pub(super) fn read(&mut self, output: &mut [u8]) -> Result<usize, ReadError> {
        let result = self.step_until_output(output);
        if !matches!(result, Ok(1..)) {
            self.state = State::Done;
        }
        result
    }

    fn step_until_output(&mut self, output: &mut [u8]) -> Result<usize, ReadError> {
        loop {
            match &mut self.state {
                State::New => self.begin()?,
                State::Plain => return self.copy(output),
                State::BetweenMembers(compression) => {
                    let compression = *compression;
                    self.next_member(compression)?;
                }
                State::Member(..) => {
                    let written = self.decode(output)?;
                    if written > 0 {
                        return Ok(written);
                    }
                }
                State::Broken(compression, reason) => {
                    return Err(ReadError::Broken {
                        path: self.path.clone(),
                        position: self.position,
                        compression: *compression,
                        reason: std::mem::take(reason),
                    });
                }
                State::Done => return Ok(0),
            }
        }
    }

    /// The file may have been replaced since it was discovered: its own first bytes count.
    fn begin(&mut self) -> Result<(), ReadError> {
        self.buffer_at_least(MAGIC_BYTES)?;
        self.state = match Compression::detect(&self.buffer[self.start..self.end]) {
            Compression::Plain => State::Plain,
            compression => State::Member(compression, Decoder::new(compression)),
        };
        Ok(())
    }

    /// Steps over padding to another member or the end.
    fn next_member(&mut self, compression: Compression) -> Result<(), ReadError> {
        loop {
            self.buffer_at_least(MAGIC_BYTES)?;
            let bytes = &self.buffer[self.start..self.end];
            let padding = bytes.iter().take_while(|&&byte| byte == 0).count();
            if padding == 0 {
                break;
            }
            self.consume(padding);
        }
        let bytes = &self.buffer[self.start..self.end];
        self.state = if bytes.is_empty() {
            State::Done
        } else if Compression::detect(bytes) == compression {
            State::Member(compression, Decoder::new(compression))
        } else {
            return Err(ReadError::TrailingBytes {
                path: self.path.clone(),
                position: self.position,
                compression,
            });
        };
        Ok(())
    }

    fn decode(&mut self, output: &mut [u8]) -> Result<usize, ReadError> {
        if self.start == self.end {
            self.buffer_at_least(1)?;
        }
        let State::Member(compression, decoder) = &mut self.state else { return Ok(0) };
        let compression = *compression;
        let step = decoder.step(&self.buffer[self.start..self.end], output);
        let stuck = step.read == 0 && step.written == 0;
        self.consume(step.read);
        match step.outcome {
            Ok(Outcome::MemberEnd) => self.state = State::BetweenMembers(compression),
            Ok(Outcome::More) if stuck && self.start == self.end => {
                return Err(ReadError::Truncated {
                    path: self.path.clone(),
                    position: self.position,
                    compression,
                });
            }
            Ok(Outcome::More) if stuck => {
                self.state = State::Broken(compression, "the decoder makes no progress".into());
            }
            Ok(Outcome::More) => {}
            Err(reason) => self.state = State::Broken(compression, reason),
        }
        Ok(step.written)
    }

    fn copy(&mut self, output: &mut [u8]) -> Result<usize, ReadError> {
        let buffered = &self.buffer[self.start..self.end];
        if buffered.is_empty() {
            let read = retry(|| self.input.read(output)).map_err(|source| self.io_error(source))?;
            self.progress.add(read);
            self.position += read as u64;
            return Ok(read);
        }
        let length = buffered.len().min(output.len());
        output[..length].copy_from_slice(&buffered[..length]);
        self.consume(length);
        Ok(length)
    }

    fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        self.position += bytes as u64;
    }

    /// Makes `length` bytes available, or all there are.
    fn buffer_at_least(&mut self, length: usize) -> Result<(), ReadError> {
        if self.end - self.start >= length {
            return Ok(());
        }
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        while self.end < length && !self.input_ended {
            let read = retry(|| self.input.read(&mut self.buffer[self.end..]));
            let read = read.map_err(|source| self.io_error(source))?;
            self.progress.add(read);
            self.end += read;
            self.input_ended = read == 0;
        }
        Ok(())
    }

    fn io_error(&self, source: io::Error) -> ReadError {
        let position = self.position + (self.end - self.start) as u64;
        ReadError::Io { path: self.path.clone(), position, source }
    }
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Decoder of one gzip member, zstd frame, bzip2 stream or xz stream.
enum Decoder {
    Gzip(flate2::Decompress),
    Zstd(zstd::stream::raw::Decoder<'static>, usize),
    Bzip2(bzip2::Decompress),
    Xz(liblzma::stream::Stream),
    /// It could not even be made.
    Failed(String),
}

/// What one call of a decoder did. Bytes may be written although it failed.
struct Step {
    read: usize,
    written: usize,
    outcome: Result<Outcome, String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    More,
    MemberEnd,
}

impl Decoder {
    fn new(compression: Compression) -> Self {
        match compression {
            Compression::Gzip => Self::Gzip(flate2::Decompress::new_gzip(GZIP_WINDOW_BITS)),
            Compression::Zstd => match zstd::stream::raw::Decoder::new() {
                Ok(decoder) => Self::Zstd(decoder, ZSTD_FIRST_BYTES),
                Err(error) => Self::Failed(error.to_string()),
            },
            Compression::Bzip2 => Self::Bzip2(bzip2::Decompress::new(false)),
            Compression::Xz => match liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY_BYTES, 0) {
                Ok(decoder) => Self::Xz(decoder),
                Err(error) => Self::Failed(error.to_string()),
            },
            Compression::Plain => Self::Failed("it is not compressed".into()),
        }
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Step {
        match self {
            Self::Gzip(decoder) => gzip_step(decoder, input, output),
            Self::Zstd(decoder, wanted) => zstd_step(decoder, wanted, input, output),
            Self::Bzip2(decoder) => bzip2_step(decoder, input, output),
            Self::Xz(decoder) => xz_step(decoder, input, output),
            Self::Failed(reason) => Step { read: 0, written: 0, outcome: Err(reason.clone()) },
        }
    }
}

fn gzip_step(decoder: &mut flate2::Decompress, input: &[u8], output: &mut [u8]) -> Step {
    let (read, written) = (decoder.total_in(), decoder.total_out());
    let outcome = match decoder.decompress(input, output, flate2::FlushDecompress::None) {
        Ok(flate2::Status::StreamEnd) => Ok(Outcome::MemberEnd),
        Ok(flate2::Status::Ok | flate2::Status::BufError) => Ok(Outcome::More),
        Err(error) => Err(error.message().unwrap_or("damaged").to_owned()),
    };
    Step { read: passed(read, decoder.total_in()), written: passed(written, decoder.total_out()), outcome }
}

fn zstd_step(
    decoder: &mut zstd::stream::raw::Decoder<'static>,
    wanted: &mut usize,
    input: &[u8],
    output: &mut [u8],
) -> Step {
    use zstd::stream::raw::Operation;
    // Given more than one block at a time, it would forget what it wrote before a broken one.
    let input = &input[..input.len().min(*wanted)];
    match decoder.run_on_buffers(input, output) {
        Ok(status) => {
            *wanted = status.remaining.max(1);
            let outcome = if status.remaining == 0 { Outcome::MemberEnd } else { Outcome::More };
            Step { read: status.bytes_read, written: status.bytes_written, outcome: Ok(outcome) }
        }
        Err(error) => Step { read: 0, written: 0, outcome: Err(error.to_string()) },
    }
}

fn bzip2_step(decoder: &mut bzip2::Decompress, input: &[u8], output: &mut [u8]) -> Step {
    let (read, written) = (decoder.total_in(), decoder.total_out());
    let outcome = match decoder.decompress(input, output) {
        Ok(bzip2::Status::StreamEnd) => Ok(Outcome::MemberEnd),
        Ok(bzip2::Status::MemNeeded) => Err("no memory for its blocks".to_owned()),
        Ok(_) => Ok(Outcome::More),
        Err(error) => Err(error.to_string()),
    };
    Step { read: passed(read, decoder.total_in()), written: passed(written, decoder.total_out()), outcome }
}

fn xz_step(decoder: &mut liblzma::stream::Stream, input: &[u8], output: &mut [u8]) -> Step {
    use liblzma::stream::{Action, Error, Status};
    let (read, written) = (decoder.total_in(), decoder.total_out());
    let outcome = match decoder.process(input, output, Action::Run) {
        Ok(Status::StreamEnd) => Ok(Outcome::MemberEnd),
        Ok(_) => Ok(Outcome::More),
        Err(Error::MemLimit) => Err(format!("it needs more than {} MiB of memory", XZ_MEMORY_BYTES >> 20)),
        Err(error) => Err(error.to_string()),
    };
    Step { read: passed(read, decoder.total_in()), written: passed(written, decoder.total_out()), outcome }
}

/// How far a decoder's counter moved in one call; never more than a buffer.
fn passed(before: u64, after: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{PACKED, log_lines, pack};
    use super::*;

    /// Gives out its bytes a few at a time, as pipes do.
    struct Drip(io::Cursor<Vec<u8>>, usize);

    impl Read for Drip {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let length = bytes.len().min(self.1);
            self.0.read(&mut bytes[..length])
        }
    }

    fn unpack(packed: &[u8], at_once: usize, output_bytes: usize) -> (Vec<u8>, Result<(), ReadError>) {
        let input = Box::new(Drip(io::Cursor::new(packed.to_vec()), at_once));
        let mut input = Decompressor::around("a.log".into(), input, &Progress::default());
        let (mut bytes, mut output) = (Vec::new(), vec![0; output_bytes]);
        loop {
            match input.read(&mut output) {
                Ok(0) => return (bytes, Ok(())),
                Ok(read) => bytes.extend_from_slice(&output[..read]),
                Err(error) => return (bytes, Err(error)),
            }
        }
    }

    #[test]
    fn members_follow_each_other() {
        let text = log_lines(2000);
        let (one, two) = text.split_at(text.len() / 3);
        for compression in PACKED {
            let empty = pack(compression, b"");
            let packed = [pack(compression, one), empty, pack(compression, two), vec![0; 512]].concat();
            for (at_once, output_bytes) in [(1, 100_000), (7, 13), (100_000, 1), (100_000, 100_000)] {
                let (bytes, result) = unpack(&packed, at_once, output_bytes);
                assert!(result.is_ok(), "{compression}: {result:?}");
                assert!(bytes == text, "{compression}, {at_once} bytes in, {output_bytes} bytes out");
            }
        }
    }

    #[test]
    fn archives_cut_anywhere_give_what_they_hold() {
        let (one, two) = (log_lines(20), log_lines(30));
        for compression in PACKED {
            let first = pack(compression, &one);
            let packed = [first.clone(), pack(compression, &two)].concat();
            let mut longest = 0;
            for length in MAGIC_BYTES..packed.len() {
                let (bytes, result) = unpack(&packed[..length], 100_000, 100_000);
                assert!([one.clone(), two.clone()].concat().starts_with(&bytes), "{compression} {length}");
                assert!(bytes.len() >= longest, "{compression} {length}");
                longest = bytes.len();
                match result {
                    Ok(()) => assert_eq!(length, first.len(), "{compression}"),
                    // A second member of which not even the magic number is there.
                    Err(ReadError::TrailingBytes { position, .. }) => {
                        assert_eq!(position, first.len() as u64, "{compression}");
                    }
                    Err(ReadError::Truncated { position, .. }) => assert_eq!(position, length as u64),
                    Err(error) => panic!("{compression} {length}: {error}"),
                }
            }
            assert!(longest >= one.len(), "{compression}");
        }
    }

    #[test]
    fn nearly_everything_before_a_break_is_delivered() {
        let text = log_lines(100_000);
        for compression in PACKED {
            let packed = pack(compression, &text);
            let half = packed.len() / 2;
            let (bytes, result) = unpack(&packed[..half], 100_000, 2 << 20);
            assert!(text.starts_with(&bytes), "{compression}");
            // xz at this level packs 1 MiB at a time, bzip2 100 kB, zstd 128 KiB.
            assert!(
                bytes.len() + (1 << 20) > text.len() / 2,
                "{compression}: {} of {}",
                bytes.len(),
                text.len()
            );
            assert!(matches!(result, Err(ReadError::Truncated { .. })), "{compression}");
            let mut damaged = packed;
            damaged[half..half + 64].fill(0xff);
            let (bytes, result) = unpack(&damaged, 100_000, 2 << 20);
            let same = bytes.iter().zip(&text).take_while(|(a, b)| a == b).count();
            assert!(same + (1 << 20) > text.len() / 2, "{compression}: {same} of {}", text.len());
            let Err(ReadError::Broken { position, .. }) = result else { panic!("{compression}: {result:?}") };
            assert!(position >= half as u64 - 200_000, "{compression}: {position}");
        }
    }

    #[test]
    fn bytes_after_the_archive_are_reported_with_their_place() {
        for compression in PACKED {
            let packed = pack(compression, b"one\n");
            let (bytes, result) = unpack(&[packed.clone(), b"two\n".to_vec()].concat(), 1000, 1000);
            assert_eq!(bytes, b"one\n");
            let message = result.unwrap_err().to_string();
            let expected = format!("a.log: byte {}: more bytes after the {compression} data\n", packed.len());
            assert!(message.starts_with(&expected), "{message}");
        }
    }

    #[test]
    fn a_wrong_checksum_is_an_error_after_the_bytes() {
        let mut packed = pack(Compression::Gzip, b"one\ntwo\n");
        let crc = packed.len() - 8;
        packed[crc] ^= 1;
        let (bytes, result) = unpack(&packed, 1000, 1000);
        assert_eq!(bytes, b"one\ntwo\n");
        assert!(result.unwrap_err().to_string().contains("broken gzip data: incorrect data check"));
    }

    #[test]
    fn a_failing_disk_is_an_error_with_its_place() {
        struct Failing(bool);
        impl Read for Failing {
            fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("input/output error"));
                }
                bytes[..9].copy_from_slice(b"one\ntwo\nt");
                Ok(9)
            }
        }
        let input = Box::new(Failing(false));
        let mut input = Decompressor::around("a.log".into(), input, &Progress::default());
        let mut output = [0; 100];
        assert_eq!(input.read(&mut output).unwrap(), 9);
        let error = input.read(&mut output).unwrap_err();
        assert_eq!(error.to_string(), "a.log: byte 9: cannot be read: input/output error");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn damaged_archives_end(which in 0..4_usize, place in any::<prop::sample::Index>(), flip in 1..=255_u8) {
            let mut packed = pack(PACKED[which], &log_lines(60));
            let place = place.index(packed.len());
            packed[place] ^= flip;
            let (bytes, _) = unpack(&packed, 1000, 333);
            prop_assert!(bytes.len() < 1 << 20);
        }

        #[test]
        fn any_bytes_behind_a_magic_number_end(which in 0..4_usize, tail in any::<Vec<u8>>()) {
            let mut packed = pack(PACKED[which], b"")[..4].to_vec();
            packed.extend(tail);
            let (bytes, _) = unpack(&packed, 1000, 333);
            prop_assert!(bytes.len() < 1 << 20);
        }
    }
}
