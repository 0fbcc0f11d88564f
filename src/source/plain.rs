//! Blocks of an uncompressed file in any order, from any thread. Never maps it: a truncated mapping kills.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::cut::{BOM, Before, Block, Ending, Limits};
use super::{Progress, ReadError, Span};

/// Bytes read at once to find the end of the text.
const LOOK_BACK_BYTES: usize = 64 << 10;

/// An uncompressed file, as long as it was when it was opened.
#[derive(Debug)]
pub struct PlainFile {
    path: PathBuf,
    file: File,
    /// Lines that start before it were read by an earlier run.
    from: u64,
    size: u64,
    limits: Limits,
    progress: Progress,
}

impl PlainFile {
    /// Opens the file and fixes its size: what a live log gains meanwhile belongs to the next run.
    ///
    /// # Errors
    /// [`ReadError::Open`].
    pub fn open(path: &Path, limits: &Limits, progress: &Progress) -> Result<Self, ReadError> {
        let open = || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        };
        let (file, size) = open().map_err(|source| ReadError::Open { path: path.into(), source })?;
        let (limits, progress) = (limits.checked(), progress.clone());
        Ok(Self { path: path.into(), file, from: 0, size, limits, progress })
    }

    /// Reads an opened file on from `from`, where an earlier run ended. The blocks are cut as ever.
    ///
    /// Unless the file is to be `finish`ed, it ends behind the last line that its writer is done with.
    ///
    /// # Errors
    /// [`ReadError::Io`].
    pub(super) fn resume(
        path: &Path,
        file: File,
        span: Span,
        limits: &Limits,
        progress: &Progress,
    ) -> Result<Self, ReadError> {
        let Span { from, finish } = span;
        let limits = limits.checked();
        let end = || {
            let size = file.metadata()?.len();
            if finish { Ok(size) } else { settled_end(&file, from, size, &limits) }
        };
        let size = end().map_err(|source| ReadError::Io { path: path.into(), position: from, source })?;
        Ok(Self { path: path.into(), file, from, size, limits, progress: progress.clone() })
    }

    /// The block in which the lines begin that no earlier run read.
    #[must_use]
    pub fn first_block(&self) -> u64 {
        self.from / self.limits.block_bytes as u64
    }

    /// Bytes in the file when it was opened; of a live log, those of its finished lines.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Number of blocks.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.size.div_ceil(self.limits.block_bytes as u64)
    }

    /// Reads block `index` into `buffer`, which keeps its memory from block to block.
    ///
    /// # Errors
    /// [`ReadError::Io`]. A file that became shorter is no error but [`Block::missing_bytes`].
    pub fn read_block<'b>(&self, index: u64, buffer: &'b mut Vec<u8>) -> Result<Block<'b>, ReadError> {
        let offset = index * self.limits.block_bytes as u64;
        let expected = self.size.saturating_sub(offset).min(self.limits.block_bytes as u64);
        // One byte more at the front: is it a newline?
        let front = usize::from(offset > 0);
        let room = 1 + self.limits.buffer_bytes();
        if buffer.len() < room {
            buffer.resize(room, 0);
        }
        let start = offset - front as u64;
        let first = front + self.limits.first_bytes();
        let mut filled = 0;
        let mut ended = self.fill(start, &mut buffer[..first], &mut filled)?;
        let before = self.before(offset, &buffer[..front])?;
        let cut = loop {
            let bytes = &buffer[front.min(filled)..filled];
            if let Some(cut) = self.limits.cut(before, bytes, offset, ended) {
                break cut;
            }
            ended = self.fill(start, &mut buffer[..room], &mut filled)?;
        };
        let own = filled.saturating_sub(front).min(self.limits.block_bytes);
        self.progress.add(own);
        let missing_bytes = expected - (own as u64).min(expected);
        let shrunk = ended && start + (filled as u64) < self.size;
        Ok(Block {
            index,
            offset: offset + cut.start as u64,
            bytes: &buffer[front..][cut.start..cut.end],
            own: &buffer[front.min(filled)..][..own],
            missing_bytes,
            nul_bytes: cut.nul_bytes,
            open_end: if cut.at_nuls || shrunk { Ending::Broken } else { Ending::Input },
            limits: self.limits,
        }
        .since(self.from))
    }

    /// Reads on at `start + filled` until `bytes` is full; true if the file ends before.
    fn fill(&self, start: u64, bytes: &mut [u8], filled: &mut usize) -> Result<bool, ReadError> {
        // What was appended since opening is not ours.
        let ours = usize::try_from(self.size.saturating_sub(start)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(ours);
        while *filled < wanted {
            let position = start + *filled as u64;
            match self.file.read_at(&mut bytes[*filled..wanted], position) {
                Ok(0) => return Ok(true),
                Ok(read) => *filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ReadError::Io { path: self.path.clone(), position, source }),
            }
        }
        Ok(wanted == ours)
    }

    /// What the bytes before `offset` say; `last` is the last of them.
    fn before(&self, offset: u64, last: &[u8]) -> Result<Before, ReadError> {
        match last {
            [0] => {
                // With room for a byte order mark before the NULs.
                let enough = self.limits.nul_run_bytes + BOM.len();
                let length = enough.min(usize::try_from(offset).unwrap_or(usize::MAX));
                let (mut bytes, mut filled) = (vec![0; length], 0);
                let start = offset - length as u64;
                self.fill(start, &mut bytes, &mut filled)?;
                Ok(Before::LineStart.after(&bytes, start, &self.limits))
            }
            last => Ok(Before::LineStart.after(last, offset, &self.limits)),
        }
    }
}

/// Just past the last line of which more bytes cannot change anything, and at least `from`.
///
/// That is behind a newline; behind NULs with text behind them; or, in a line that is over-long already, behind
/// its last byte that is not NUL. NULs at the end may be a page that is still to be written.
fn settled_end(file: &File, from: u64, size: u64, limits: &Limits) -> io::Result<u64> {
    let mut bytes = Vec::new();
    let end = text_end(file, from, size, &mut bytes)?;
    let window = limits.line_bytes + limits.nul_run_bytes + 1;
    let length = window.min(usize::try_from(end).unwrap_or(usize::MAX));
    bytes.resize(length, 0);
    let start = end - length as u64;
    file.read_exact_at(&mut bytes, start)?;
    let inside_over_long = length == window;
    let settled = match limits.last_end(&bytes) {
        Some(last) => start + last as u64,
        None if inside_over_long => end,
        None => 0,
    };
    Ok(settled.max(from))
}

/// Where the NULs begin that `size` ends with; at least `from`.
fn text_end(file: &File, from: u64, size: u64, bytes: &mut Vec<u8>) -> io::Result<u64> {
    let mut end = size;
    while end > from {
        let length = LOOK_BACK_BYTES.min(usize::try_from(end - from).unwrap_or(usize::MAX));
        bytes.resize(length, 0);
        file.read_exact_at(bytes, end - length as u64)?;
        match bytes.iter().rposition(|&byte| byte != 0) {
            Some(text) => return Ok(end - (length - text - 1) as u64),
            None => end -= length as u64,
        }
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::testing::{OwnedLine, lines_of, naive_lines};
    use super::*;

    fn plain(bytes: &[u8], limits: &Limits) -> (tempfile::NamedTempFile, PlainFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let plain = PlainFile::open(file.path(), limits, &Progress::default()).unwrap();
        (file, plain)
    }

    fn all_lines(plain: &PlainFile, order: impl Iterator<Item = u64>) -> (Vec<OwnedLine>, u64) {
        let mut blocks = vec![(Vec::new(), 0); usize::try_from(plain.blocks()).unwrap()];
        let mut buffer = Vec::new();
        for index in order {
            let block = plain.read_block(index, &mut buffer).unwrap();
            assert_eq!((block.index, block.missing_bytes), (index, 0));
            blocks[usize::try_from(index).unwrap()] = lines_of(&block);
        }
        let nuls = blocks.iter().map(|(_, nuls)| nuls).sum();
        (blocks.into_iter().flat_map(|(lines, _)| lines).collect(), nuls)
    }

    fn small_limits() -> impl Strategy<Value = Limits> {
        (1..70_usize, 1..24_usize, 1..7_usize).prop_map(|(block_bytes, line_bytes, nul_run_bytes)| Limits {
            block_bytes,
            line_bytes,
            nul_run_bytes,
            stream_buffers: 2,
        })
    }

    /// Lines of all lengths, NULs alone and in runs, all line ends, an unfinished last line.
    fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => "[ab]{0,30}".prop_map(String::into_bytes),
            4 => Just(b"\n".to_vec()),
            1 => Just(b"\r\n".to_vec()),
            1 => Just(b"\xEF\xBB\xBF".to_vec()),
            2 => (1..9_usize).prop_map(|nuls| vec![0; nuls]),
            1 => (1..90_usize).prop_map(|nuls| vec![0; nuls]),
            1 => any::<Vec<u8>>(),
        ];
        let front = select(vec![b"".as_slice(), b"\xEF\xBB\xBF", b"\xEF\xBB\xBF\0\0\0\0\0", b"\xEF\xBB"]);
        (front, prop::collection::vec(piece, 0..30))
            .prop_map(|(front, pieces)| [front, pieces.concat().as_slice()].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn blocks_in_any_order_hold_every_line_once(
            bytes in hostile_bytes(),
            limits in small_limits(),
            order in select(vec!["forward", "backward", "odd first"]),
        ) {
            let (_file, plain) = plain(&bytes, &limits);
            let blocks = plain.blocks();
            let lines = match order {
                "forward" => all_lines(&plain, 0..blocks),
                "backward" => all_lines(&plain, (0..blocks).rev()),
                _ => all_lines(&plain, (1..blocks).step_by(2).chain((0..blocks).step_by(2))),
            };
            prop_assert_eq!(lines, naive_lines(&bytes, &limits));
        }

        #[test]
        fn a_stream_gives_the_blocks_of_the_file(bytes in hostile_bytes(), limits in small_limits()) {
            let (_file, plain) = plain(&bytes, &limits);
            let input = super::super::decompress::Decompressor::around(
                "-".into(),
                Box::new(std::io::Cursor::new(super::super::testing::pack(super::super::Compression::Gzip, &bytes))),
                &Progress::default(),
            );
            let stream = super::super::Stream::start(input, &limits).unwrap();
            let mut buffer = Vec::new();
            let mut blocks = 0;
            for streamed in stream {
                let streamed = streamed.unwrap();
                let (streamed, read) = (streamed.block(), plain.read_block(blocks, &mut buffer).unwrap());
                prop_assert_eq!((streamed.index, streamed.offset, streamed.bytes), (read.index, read.offset, read.bytes));
                prop_assert_eq!(lines_of(&streamed), lines_of(&read));
                blocks += 1;
            }
            prop_assert_eq!(blocks, plain.blocks());
        }
    }

    #[test]
    fn default_limits_hold_across_blocks() {
        let limits = Limits { block_bytes: 4096, ..Limits::default() };
        let mut bytes = b"\xEF\xBB\xBFfirst\r\n".to_vec();
        bytes.extend(vec![b'x'; limits.line_bytes]);
        bytes.extend(b"\n");
        bytes.extend(vec![b'y'; limits.line_bytes + 1]);
        bytes.extend(b"\ncut by a crash");
        bytes.extend(vec![0; 3 * limits.nul_run_bytes]);
        bytes.extend(b"after it\n");
        bytes.extend(vec![0; 20_000]);
        bytes.extend(b"after a hole\0kept\nunfinished");
        let (_file, plain) = plain(&bytes, &limits);
        let (lines, nuls) = all_lines(&plain, 0..plain.blocks());
        assert_eq!((lines.clone(), nuls), naive_lines(&bytes, &limits));
        assert_eq!(nuls, 3 * 4096 + 20_000);
        let endings: Vec<_> = lines.iter().map(|line| (line.bytes.len(), line.ending)).collect();
        assert_eq!(
            endings,
            [
                (5, Ending::Newline),
                (65_536, Ending::Newline),
                (65_536, Ending::OverLong),
                (14, Ending::Broken),
                (8, Ending::Newline),
                (17, Ending::Newline),
                (10, Ending::Input),
            ]
        );
    }

    #[test]
    fn nuls_behind_a_byte_order_mark_lead_to_a_line() {
        let limits = Limits { block_bytes: 4, nul_run_bytes: 6, ..Limits::default() };
        let bytes = b"\xEF\xBB\xBF\0\0\0\0\0a";
        let (_file, plain) = plain(bytes, &limits);
        let lines = all_lines(&plain, 0..plain.blocks());
        assert_eq!(lines, naive_lines(bytes, &limits));
        assert_eq!((lines.0[0].offset, lines.1), (8, 5));
    }

    #[test]
    fn a_file_that_shrinks_reports_what_is_gone() {
        let limits = Limits { block_bytes: 16, ..Limits::default() };
        let (file, plain) = plain(&b"0123456\n".repeat(8), &limits);
        file.as_file().set_len(20).unwrap();
        let mut buffer = Vec::new();
        let missing: Vec<_> =
            (0..4).map(|index| plain.read_block(index, &mut buffer).unwrap().missing_bytes).collect();
        assert_eq!(missing, [0, 12, 16, 16]);
        let block = plain.read_block(1, &mut buffer).unwrap();
        let last = block.lines().last().unwrap();
        assert_eq!((last.bytes, last.ending), (b"0123".as_slice(), Ending::Broken));
    }

    #[test]
    fn a_line_whose_rest_is_gone_is_broken() {
        let (file, plain) = plain(b"abcdefghij\n", &Limits { block_bytes: 4, ..Limits::default() });
        file.as_file().set_len(6).unwrap();
        let mut buffer = Vec::new();
        let block = plain.read_block(0, &mut buffer).unwrap();
        assert_eq!(block.missing_bytes, 0);
        let line = block.lines().next().unwrap();
        assert_eq!((line.bytes, line.ending), (b"abcdef".as_slice(), Ending::Broken));
        let missing: u64 =
            (0..3).map(|index| plain.read_block(index, &mut buffer).unwrap().missing_bytes).sum();
        assert_eq!(missing, 5);
    }

    #[test]
    fn what_is_appended_after_opening_is_left_for_later() {
        let (file, plain) = plain(b"one\ntw", &Limits::default());
        std::fs::write(file.path(), b"one\ntwo\nthree\n").unwrap();
        let (lines, _) = all_lines(&plain, 0..plain.blocks());
        assert_eq!((lines[1].bytes.as_slice(), lines[1].ending), (b"tw".as_slice(), Ending::Input));
        assert_eq!(lines.len(), 2);
    }

    #[test]
    fn the_buffer_is_allocated_once() {
        let limits = Limits { block_bytes: 1000, ..Limits::default() };
        let (_file, plain) = plain(&b"x".repeat(200_000), &limits);
        let mut buffer = Vec::new();
        plain.read_block(0, &mut buffer).unwrap();
        let place = (buffer.as_ptr(), buffer.capacity());
        for index in 0..plain.blocks() {
            plain.read_block(index, &mut buffer).unwrap();
        }
        assert_eq!((buffer.as_ptr(), buffer.capacity()), place);
    }

    #[test]
    fn a_missing_file_is_an_error_with_its_path() {
        let error = PlainFile::open(Path::new("no/such.log"), &Limits::default(), &Progress::default());
        assert!(error.unwrap_err().to_string().starts_with("no/such.log: cannot be opened: "));
    }
}
