//! The one rule that cuts bytes into lines and blocks, for files and streams alike. Never does IO.
//!
//! Block *i* holds the lines that **start** in bytes `i * block_bytes .. (i + 1) * block_bytes`, each with all
//! its bytes. A line starts at the first byte that is not NUL after a newline, after a run of NULs of at least
//! `nul_run_bytes`, after a byte order mark at offset 0, or at offset 0. It ends before the next newline, the
//! next such run, or the end of the input. Shorter runs of NULs inside a line belong to it.

use memchr::{memchr, memrchr};

pub(super) const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Bytes read past a block at first: nearly every line is shorter.
const LOOKAHEAD_BYTES: usize = 4096;

/// Sizes that bound the memory of reading.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes in which the lines of one block start; at least 4.
    pub block_bytes: usize,
    /// A longer line keeps this much of its head.
    pub line_bytes: usize,
    /// NULs in a row that end a line: a page, as crashes leave behind. A client cannot forge a line with them:
    /// nginx escapes NULs, and where it is told not to, logs at most its first 1 KiB buffer of a bad request.
    pub nul_run_bytes: usize,
    /// Blocks of a stream that exist at the same time; at least 2. All but one may be kept by the consumer.
    pub stream_buffers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { block_bytes: 1 << 20, line_bytes: 64 << 10, nul_run_bytes: 4096, stream_buffers: 4 }
    }
}

/// The lines that start in one stretch of the uncompressed input.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Position among the blocks of its input, from 0.
    pub index: u64,
    /// Place of the first byte of [`bytes`](Self::bytes) in the uncompressed input.
    pub offset: u64,
    /// Whole lines, the last one perhaps without its newline, and runs of NULs between them.
    pub bytes: &'a [u8],
    /// All bytes of the input from `index * block_bytes` on, as many as are the block's own: what it was cut from.
    pub own: &'a [u8],
    /// Bytes that were in the file when it was opened and are gone, because it was cut short meanwhile.
    pub missing_bytes: u64,
    pub(super) nul_bytes: u64,
    pub(super) open_end: Ending,
    pub(super) limits: Limits,
}

impl<'a> Block<'a> {
    /// The lines in order, blank ones included.
    #[must_use]
    pub fn lines(&self) -> Lines<'a> {
        Lines {
            bytes: self.bytes,
            at: 0,
            offset: self.offset,
            open_end: self.open_end,
            nul_bytes: self.nul_bytes,
            limits: self.limits,
            long_bytes: self.limits.nul_run_bytes.min(self.limits.line_bytes + 1),
        }
    }

    /// Place of the first byte of [`own`](Self::own) in the uncompressed input.
    #[must_use]
    pub fn own_offset(&self) -> u64 {
        self.index * self.limits.block_bytes as u64
    }

    /// Leaves out the lines that start before `from` and the NULs there: an earlier run counted them.
    ///
    /// A line is told from the bytes before it, wherever a run begins. So a line that was over-long then is
    /// stepped over now, without a note that it was.
    pub(super) fn since(self, from: u64) -> Self {
        if from <= self.offset {
            return self;
        }
        let start = self.offset;
        let mut lines = self.lines();
        loop {
            let place = start + lines.at as u64;
            match lines.next() {
                _ if place >= from => return self.starting_at(place),
                Some(line) if line.offset < from => {}
                // NULs up to the line, or up to the end.
                _ => return self.starting_at(from),
            }
        }
    }

    fn starting_at(self, place: u64) -> Self {
        let skipped = usize::try_from(place - self.offset).unwrap_or(usize::MAX);
        let skipped_after = skipped.saturating_sub(self.bytes.len()) as u64;
        Self {
            offset: place,
            bytes: &self.bytes[skipped.min(self.bytes.len())..],
            nul_bytes: self.nul_bytes.saturating_sub(skipped_after),
            ..self
        }
    }
}

/// One line, without its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The bytes before `\n` or `\r\n`; of an over-long line, its head.
    pub bytes: &'a [u8],
    /// Place of the first byte in the uncompressed input.
    pub offset: u64,
    /// What ended it.
    pub ending: Ending,
}

/// What ended a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A newline.
    Newline,
    /// The end of the input; perhaps the writer is not done with the line.
    Input,
    /// The limit: the rest of the line was skipped.
    OverLong,
    /// A run of NULs, a broken archive or a file that shrank: the rest is lost.
    Broken,
}

impl Ending {
    /// Whether bytes of the line are known to be missing, so that its last field cannot be trusted.
    #[must_use]
    pub fn is_cut(self) -> bool {
        matches!(self, Self::OverLong | Self::Broken)
    }
}

/// Iterator over the lines of a [`Block`].
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    offset: u64,
    open_end: Ending,
    nul_bytes: u64,
    limits: Limits,
    /// Lines shorter than this are neither over-long nor hold a run of NULs.
    long_bytes: usize,
}

impl<'a> Lines<'a> {
    /// NULs skipped until now; all those of the block once the iterator is done.
    #[must_use]
    pub fn nul_bytes(&self) -> u64 {
        self.nul_bytes
    }

    #[cold]
    fn skip_nuls(&mut self) {
        let nuls = leading_nuls(&self.bytes[self.at..]);
        self.at += nuls;
        self.nul_bytes += nuls as u64;
    }

    /// Shortens a line that is over-long or holds a run of NULs: its length, its ending, and what to step over.
    #[cold]
    fn long_line(&self, length: usize, ending: Ending, step: usize) -> (usize, Ending, usize) {
        let (length, ending, step) = match self.limits.nul_run(&self.bytes[self.at..][..length]) {
            Some(run) => (run, Ending::Broken, run),
            None => (length, ending, step),
        };
        if length > self.limits.line_bytes {
            (self.limits.line_bytes, Ending::OverLong, step)
        } else {
            (length, ending, step)
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    #[inline]
    fn next(&mut self) -> Option<Line<'a>> {
        if self.bytes.get(self.at) == Some(&0) {
            self.skip_nuls();
        }
        let rest = &self.bytes[self.at..];
        let (mut length, mut ending, mut step) = match memchr(b'\n', rest) {
            Some(newline) => (newline, Ending::Newline, newline + 1),
            None if rest.is_empty() => return None,
            None => (rest.len(), self.open_end, rest.len()),
        };
        if length >= self.long_bytes {
            (length, ending, step) = self.long_line(length, ending, step);
        }
        let bytes = &rest[..length];
        let bytes = if ending.is_cut() { bytes } else { bytes.strip_suffix(b"\r").unwrap_or(bytes) };
        let line = Line { bytes, offset: self.offset + self.at as u64, ending };
        self.at += step;
        Some(line)
    }
}

/// What the bytes before a block say about its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// A line may start there.
    LineStart,
    /// A line is unfinished; so many NULs are the last of it.
    Inside { nuls: usize },
}

impl Before {
    /// What comes before the byte after `bytes`, when `self` came before `bytes`, which are at `offset`.
    pub(super) fn after(self, bytes: &[u8], offset: u64, limits: &Limits) -> Self {
        let bytes = if offset == 0 { bytes.strip_prefix(BOM).unwrap_or(bytes) } else { bytes };
        // More of them would not change the answer.
        let last = &bytes[bytes.len().saturating_sub(limits.nul_run_bytes)..];
        let text = last.iter().rposition(|&byte| byte != 0);
        let nuls = last.len() - text.map_or(0, |text| text + 1);
        match (text, self) {
            _ if nuls >= limits.nul_run_bytes => Self::LineStart,
            (Some(text), _) if last[text] == b'\n' => Self::LineStart,
            (Some(_), _) => Self::Inside { nuls },
            (None, Self::Inside { nuls: earlier }) if earlier + nuls < limits.nul_run_bytes => {
                Self::Inside { nuls: earlier + nuls }
            }
            (None, _) => Self::LineStart,
        }
    }
}

/// Where the lines of a block are in the bytes given to [`Limits::cut`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) start: usize,
    pub(super) end: usize,
    /// NULs of the block that follow `end`.
    pub(super) nul_bytes: u64,
    /// The last line ends at a run of NULs.
    pub(super) at_nuls: bool,
}

impl Limits {
    /// The same limits, with a block that has room for a byte order mark and one byte more.
    pub(super) fn checked(&self) -> Self {
        Self {
            block_bytes: self.block_bytes.max(BOM.len() + 1),
            line_bytes: self.line_bytes,
            nul_run_bytes: self.nul_run_bytes.max(1),
            stream_buffers: self.stream_buffers.max(2),
        }
    }

    /// Bytes from the start of a block that always suffice to cut it.
    pub(super) fn buffer_bytes(&self) -> usize {
        self.block_bytes + self.line_bytes + self.nul_run_bytes + 1
    }

    /// Bytes from the start of a block that nearly always suffice.
    pub(super) fn first_bytes(&self) -> usize {
        self.buffer_bytes().min(self.block_bytes + LOOKAHEAD_BYTES)
    }

    /// Finds the lines that start in the first `block_bytes` of `bytes`, which are at `offset`.
    ///
    /// `None` means that more bytes are needed; never with [`buffer_bytes`](Self::buffer_bytes) or when `ended`.
    pub(super) fn cut(&self, before: Before, bytes: &[u8], offset: u64, ended: bool) -> Option<Cut> {
        let own = bytes.len().min(self.block_bytes);
        let start = match before {
            Before::LineStart if offset == 0 && bytes.starts_with(BOM) => BOM.len(),
            Before::LineStart => 0,
            Before::Inside { nuls } => self.first_line(bytes, own, nuls, ended)?,
        };
        if start >= own {
            return Some(Cut { start: own, end: own, nul_bytes: 0, at_nuls: false });
        }
        let last = memrchr(b'\n', &bytes[start..own]).map_or(start, |newline| start + newline + 1);
        let mut cut = self.last_line(bytes, own, last, ended)?;
        cut.start = start;
        Some(cut)
    }

    /// Where the first line may start in a block that begins inside a line; `own` if none does.
    fn first_line(&self, bytes: &[u8], own: usize, nuls: usize, ended: bool) -> Option<usize> {
        let more = leading_nuls(bytes);
        if nuls + more >= self.nul_run_bytes {
            return Some(0);
        }
        let newline = memchr(b'\n', &bytes[..own]);
        let seen = bytes.len().min(own + self.nul_run_bytes);
        if newline.is_none() && seen < own + self.nul_run_bytes && !ended {
            return None;
        }
        let line_rest = &bytes[..newline.unwrap_or(seen)];
        let run = self.nul_run(line_rest).map(|run| run.min(own));
        Some(run.or(newline.map(|newline| newline + 1)).unwrap_or(own))
    }

    /// The end of the block, whose last line starts at or after `at` and has no newline in the block.
    fn last_line(&self, bytes: &[u8], own: usize, mut at: usize, ended: bool) -> Option<Cut> {
        let cut = |end, nuls, at_nuls| Some(Cut { start: 0, end, nul_bytes: nuls as u64, at_nuls });
        loop {
            at += leading_nuls(&bytes[at..own]);
            if at == own {
                return cut(own, 0, false);
            }
            let longest = at + self.line_bytes + 1;
            // Enough to see that it is over-long, or a whole run of NULs that begins just before that.
            let enough = longest.max(own) + self.nul_run_bytes;
            let seen = bytes.len().min(enough);
            let newline = memchr(b'\n', &bytes[own..seen]).map(|newline| own + newline);
            if newline.is_none() && seen < enough && !ended {
                return None;
            }
            let line = &bytes[at..newline.unwrap_or(seen)];
            let Some(run) = self.nul_run(line).map(|run| at + run) else {
                return cut(newline.map_or(at + line.len(), |newline| newline + 1).min(longest), 0, false);
            };
            if run >= own {
                return cut(run.min(longest), 0, true);
            }
            let run_end = run + leading_nuls(&bytes[run..own]);
            if run_end == own {
                return cut(run, own - run, true);
            }
            at = run_end;
        }
    }

    /// Just past the last line in `bytes` that ended, by a newline or by a run of NULs with text behind it.
    pub(super) fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        let mut end = memrchr(b'\n', bytes).map(|newline| newline + 1);
        let mut at = end.unwrap_or(0);
        while let Some(run) = self.nul_run(&bytes[at..]) {
            at += run + leading_nuls(&bytes[at + run..]);
            end = Some(at);
        }
        end
    }

    /// The first run of at least `nul_run_bytes` NULs.
    fn nul_run(&self, bytes: &[u8]) -> Option<usize> {
        let mut probe = self.nul_run_bytes - 1;
        // Every such run covers a probe, so that text costs one look per `nul_run_bytes`.
        while let Some(&byte) = bytes.get(probe) {
            if byte != 0 {
                probe += self.nul_run_bytes;
                continue;
            }
            let start = bytes[..probe].iter().rposition(|&byte| byte != 0).map_or(0, |text| text + 1);
            let end = probe + leading_nuls(&bytes[probe..]);
            if end - start >= self.nul_run_bytes {
                return Some(start);
            }
            probe = end + self.nul_run_bytes - 1;
        }
        None
    }
}

pub(super) fn leading_nuls(bytes: &[u8]) -> usize {
    const STEP: usize = 64;
    // Without an early exit inside a step the compiler uses wide registers.
    let steps = bytes.chunks_exact(STEP).take_while(|step| step.iter().fold(0, |all, byte| all | byte) == 0);
    let whole = steps.count() * STEP;
    whole + bytes[whole..].iter().take_while(|&&byte| byte == 0).count()
}
