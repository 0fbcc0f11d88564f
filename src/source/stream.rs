//! Blocks of a compressed file or a pipe, in order, unpacked by a thread of its own into recycled buffers.

use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use super::cut::{Before, Block, Cut, Ending, Limits};
use super::decompress::Decompressor;
use super::{LogFile, Progress, ReadError};

type Filled = Result<StreamBlock, ReadError>;

/// A log that can only be read front to back. Dropping it ends its thread at the next block.
#[derive(Debug)]
pub struct Stream {
    filled: Receiver<Filled>,
    thread: Option<JoinHandle<()>>,
}

/// A block of a [`Stream`]. Dropping it gives its memory back to the stream.
#[derive(Debug)]
pub struct StreamBlock {
    buffer: Vec<u8>,
    index: u64,
    offset: u64,
    /// How many bytes of the buffer are the block's.
    own: usize,
    cut: Cut,
    /// Lines that start before it were read by an earlier run.
    from: u64,
    open_end: Ending,
    limits: Limits,
    empty: Sender<Vec<u8>>,
}

impl Stream {
    /// Starts to read `log`.
    ///
    /// # Errors
    /// [`ReadError::Open`].
    pub fn open(log: &LogFile, limits: &Limits, progress: &Progress) -> Result<Self, ReadError> {
        let input = Decompressor::open(log, progress)?;
        Self::start(input, limits)
            .map_err(|source| ReadError::Open { path: log.path().to_path_buf(), source })
    }

    pub(super) fn start(input: Decompressor, limits: &Limits) -> std::io::Result<Self> {
        Self::resume(input, 0, limits)
    }

    /// Gives all blocks, but no lines that start before `from`: what was read before is unpacked once more.
    pub(super) fn resume(input: Decompressor, from: u64, limits: &Limits) -> std::io::Result<Self> {
        let limits = limits.checked();
        let (filled_sender, filled) = channel();
        let (empty_sender, empty) = channel();
        for _ in 0..limits.stream_buffers {
            // The thread that takes them exists later; the channel keeps them.
            let _ = empty_sender.send(vec![0; limits.buffer_bytes()]);
        }
        let cutter = Cutter { input, from, limits, empty, empty_sender, filled: filled_sender };
        let thread = Builder::new().name("logstat-unpack".into()).spawn(move || cutter.run())?;
        Ok(Self { filled, thread: Some(thread) })
    }

    /// The next block, waiting for it. An error comes after all blocks before it and is the last item.
    ///
    /// It waits for ever if all [`Limits::stream_buffers`] blocks are kept.
    pub fn next_block(&mut self) -> Option<Filled> {
        let next = self.filled.recv().ok();
        if next.is_none()
            && let Some(Err(panic)) = self.thread.take().map(JoinHandle::join)
        {
            resume_unwind(panic);
        }
        next
    }
}

impl Iterator for Stream {
    type Item = Filled;

    fn next(&mut self) -> Option<Filled> {
        self.next_block()
    }
}

impl StreamBlock {
    /// The same as [`PlainFile::read_block`](super::PlainFile::read_block) gives for the unpacked file.
    #[must_use]
    pub fn block(&self) -> Block<'_> {
        Block {
            index: self.index,
            offset: self.offset + self.cut.start as u64,
            bytes: &self.buffer[self.cut.start..self.cut.end],
            own: &self.buffer[..self.own],
            missing_bytes: 0,
            nul_bytes: self.cut.nul_bytes,
            open_end: self.open_end,
            limits: self.limits,
        }
        .since(self.from)
    }
}

impl Drop for StreamBlock {
    fn drop(&mut self) {
        // Fails when the stream is read to its end, and the memory is not needed any more.
        let _ = self.empty.send(std::mem::take(&mut self.buffer));
    }
}

/// The thread's side.
struct Cutter {
    input: Decompressor,
    from: u64,
    limits: Limits,
    empty: Receiver<Vec<u8>>,
    empty_sender: Sender<Vec<u8>>,
    filled: Sender<Filled>,
}

impl Cutter {
    fn run(mut self) {
        if let Some(Err(error)) = self.blocks() {
            // The consumer may be gone.
            let _ = self.filled.send(Err(error));
        }
    }

    /// Sends blocks to the end of the input; `None` if nobody wants them any more.
    fn blocks(&mut self) -> Option<Result<(), ReadError>> {
        let mut before = Before::LineStart;
        let (mut index, mut offset) = (0, 0);
        // Bytes past a block are the front of the next one.
        let mut front = Vec::new();
        let mut ended = None;
        loop {
            let mut buffer = self.empty.recv().ok()?;
            let mut filled = front.len();
            buffer[..filled].copy_from_slice(&front);
            let cut = self.fill(&mut buffer, &mut filled, before, offset, &mut ended);
            let own = filled.min(self.limits.block_bytes);
            if own == 0 {
                return ended;
            }
            before = before.after(&buffer[..own], offset, &self.limits);
            front.clear();
            front.extend_from_slice(&buffer[own..filled]);
            let broken = cut.at_nuls || (cut.end == filled && matches!(ended, Some(Err(_))));
            let open_end = if broken { Ending::Broken } else { Ending::Input };
            let (from, limits, empty) = (self.from, self.limits, self.empty_sender.clone());
            let block = StreamBlock { buffer, index, offset, own, cut, from, open_end, limits, empty };
            self.filled.send(Ok(block)).ok()?;
            index += 1;
            offset += own as u64;
        }
    }

    /// Reads until the block at `offset` can be cut.
    fn fill(
        &mut self,
        buffer: &mut [u8],
        filled: &mut usize,
        before: Before,
        offset: u64,
        ended: &mut Option<Result<(), ReadError>>,
    ) -> Cut {
        let mut wanted = self.limits.first_bytes();
        loop {
            while *filled < wanted && ended.is_none() {
                match self.input.read(&mut buffer[*filled..wanted]) {
                    Ok(0) => *ended = Some(Ok(())),
                    Ok(read) => *filled += read,
                    Err(error) => *ended = Some(Err(error)),
                }
            }
            match self.limits.cut(before, &buffer[..*filled], offset, ended.is_some()) {
                Some(cut) => return cut,
                None => wanted = self.limits.buffer_bytes(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::super::PlainFile;
    use super::super::testing::{PACKED, lines_of, log_file, log_lines, pack};
    use super::*;

    fn stream(input: impl Read + Send + 'static, limits: &Limits) -> Stream {
        let input = Decompressor::around("a.log".into(), Box::new(input), &Progress::default());
        Stream::start(input, limits).unwrap()
    }

    #[test]
    fn every_compression_gives_the_blocks_of_the_plain_file() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { block_bytes: 50_000, ..Limits::default() };
        let mut text = log_lines(10_000);
        text.extend(vec![0; 120_000]);
        text.extend(vec![b'x'; 200_000]);
        text.extend(b"\nlast");
        let plain_log = log_file(&folder.path().join("plain"), &text);
        let plain = PlainFile::open(plain_log.path(), &limits, &Progress::default()).unwrap();
        for compression in PACKED {
            let log = log_file(&folder.path().join("packed"), &pack(compression, &text));
            assert_eq!(log.compression(), compression);
            let progress = Progress::default();
            let mut buffer = Vec::new();
            let mut index = 0;
            for streamed in Stream::open(&log, &limits, &progress).unwrap() {
                let streamed = streamed.unwrap();
                let read = plain.read_block(index, &mut buffer).unwrap();
                assert_eq!(streamed.block().offset, read.offset);
                assert!(lines_of(&streamed.block()) == lines_of(&read), "{compression}, block {index}");
                index += 1;
            }
            assert_eq!(index, plain.blocks());
            assert_eq!(progress.bytes_read(), log.size());
        }
    }

    #[test]
    fn a_break_cuts_the_last_line_and_is_the_last_item() {
        let packed = pack(super::super::Compression::Gzip, &log_lines(1000));
        let mut items: Vec<_> =
            stream(Cursor::new(packed[..packed.len() / 2].to_vec()), &Limits::default()).collect();
        assert!(matches!(items.pop(), Some(Err(ReadError::Truncated { .. }))));
        let block = items.pop().unwrap().unwrap();
        let (lines, _) = lines_of(&block.block());
        assert!(lines.len() > 300);
        assert!(lines.iter().rev().skip(1).all(|line| line.ending == Ending::Newline));
        assert_eq!(lines.last().unwrap().ending, Ending::Broken);
        assert!(items.is_empty());
    }

    /// Gives `length` bytes of `byte`, and knows how many were taken.
    struct Endless {
        byte: u8,
        length: u64,
        taken: Arc<AtomicU64>,
    }

    impl Read for Endless {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let taken = self.taken.load(Ordering::Relaxed);
            let length = bytes.len().min(usize::try_from(self.length - taken).unwrap());
            bytes[..length].fill(self.byte);
            self.taken.fetch_add(length as u64, Ordering::Relaxed);
            Ok(length)
        }
    }

    #[test]
    fn a_huge_line_is_one_over_long_line_in_constant_memory() {
        let length = 200 << 20;
        let endless = Endless { byte: b'x', length, taken: Arc::default() };
        let limits = Limits::default();
        let (mut lines, mut blocks, mut places) = (0, 0, Vec::new());
        for block in stream(endless.chain(Cursor::new(b"\nshort\n")), &limits) {
            let block = block.unwrap();
            assert_eq!(block.buffer.len(), limits.buffer_bytes());
            places.push(block.buffer.as_ptr());
            let block = block.block();
            assert!(block.bytes.len() <= limits.line_bytes + 1);
            lines += block.lines().filter(|line| line.ending == Ending::OverLong).count();
            if let Some(line) = block.lines().last().filter(|line| line.ending == Ending::Newline) {
                assert_eq!((line.bytes, line.offset), (b"short".as_slice(), length + 1));
            }
            blocks += 1;
        }
        places.sort_unstable();
        places.dedup();
        assert_eq!((lines, blocks), (1, length as usize / limits.block_bytes + 1));
        assert!(places.len() <= limits.stream_buffers, "{} buffers", places.len());
    }

    #[test]
    fn a_hole_is_skipped_and_counted() {
        let length = 50 << 20;
        let endless = Endless { byte: 0, length, taken: Arc::default() };
        let blocks = stream(endless.chain(Cursor::new(b"after\n")), &Limits::default());
        let (mut lines, mut nuls) = (Vec::new(), 0);
        for block in blocks {
            let (of_block, skipped) = lines_of(&block.unwrap().block());
            lines.extend(of_block);
            nuls += skipped;
        }
        assert_eq!((lines.len(), lines[0].offset, nuls), (1, length, length));
    }

    #[test]
    fn all_blocks_but_one_may_be_kept() {
        let limits = Limits { block_bytes: 1000, stream_buffers: 3, ..Limits::default() };
        let mut stream = stream(Cursor::new(log_lines(200)), &limits);
        let kept: Vec<_> = stream.by_ref().take(2).map(Result::unwrap).collect();
        let rest: u64 = stream.map(|block| block.unwrap().block().lines().map(|_| 1).sum::<u64>()).sum();
        let first: u64 = kept.iter().map(|block| block.block().lines().map(|_| 1).sum::<u64>()).sum();
        assert_eq!(first + rest, 200);
    }

    #[test]
    fn the_thread_ends_when_nobody_reads_on() {
        let taken = Arc::new(AtomicU64::new(0));
        let endless = Endless { byte: b'\n', length: u64::MAX, taken: Arc::clone(&taken) };
        let mut stream = stream(endless, &Limits { block_bytes: 1000, ..Limits::default() });
        let thread = stream.thread.take().unwrap();
        drop(stream.next_block());
        drop(stream);
        thread.join().unwrap();
        assert!(taken.load(Ordering::Relaxed) < 1 << 20);
    }

    #[test]
    fn a_panic_of_the_thread_is_not_taken_for_the_end() {
        struct Panicking;
        impl Read for Panicking {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("a bug");
            }
        }
        let mut stream = stream(Panicking, &Limits::default());
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stream.next_block().is_none()));
        assert!(caught.is_err());
    }
}
