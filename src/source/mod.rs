//! Files, standard input and compressed files become blocks of bytes with a name and a position. Never parses.
//!
//! * [`discover`] turns command-line arguments into [`SourceSet`]s of [`LogFile`]s, oldest file first;
//! * [`open`] reads one of them as [`Block`]s: a [`PlainFile`] in any order and from any thread, a
//!   [`Stream`] (compressed file, pipe, standard input) front to back;
//! * [`Block::lines`] loops over the lines of a block;
//! * [`identity`] knows a log again by its content, [`resume`] decides what of which file is new, looking through
//!   [`Disk`], and [`Reopened`] reads on there;
//! * [`head`] and [`tail`] look at a file without reading it.
//!
//! One rule, in `cut.rs`, decides which lines a block holds, so a file and its gzip give the same blocks.

#[cfg(test)]
mod cases;
mod contents;
mod cut;
mod decompress;
mod discover;
#[cfg(test)]
mod history;
pub mod identity;
mod log_file;
mod matching;
mod peek;
mod plain;
mod read_error;
mod reopen;
pub mod resume;
mod rotation;
mod stream;
#[cfg(test)]
mod testing;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use contents::Disk;
pub use cut::{Block, Ending, Limits, Line, Lines};
pub use discover::{DiscoverError, Discovery, Note, SourceSet, discover};
pub use log_file::{Compression, LogFile};
pub use peek::{head, tail};
pub use plain::PlainFile;
pub use read_error::ReadError;
pub use reopen::Reopened;
pub use stream::{Stream, StreamBlock};

/// One opened log.
#[derive(Debug)]
pub enum Input {
    /// An uncompressed regular file: blocks in any order.
    Plain(PlainFile),
    /// Anything else: blocks in order.
    Stream(Stream),
}

/// Opens `file` in the way that reads it fastest.
///
/// # Errors
/// [`ReadError::Open`] when the file cannot be opened; what is wrong further inside comes with the blocks.
pub fn open(file: &LogFile, limits: &Limits, progress: &Progress) -> Result<Input, ReadError> {
    if file.is_plain() {
        PlainFile::open(file.path(), limits, progress).map(Input::Plain)
    } else {
        Stream::open(file, limits, progress).map(Input::Stream)
    }
}

/// Which lines of a file are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Those that start here or later.
    from: u64,
    /// The last one too if nothing ends it: its writer is gone.
    finish: bool,
}

/// Bytes taken from disk or pipe so far, compressed where the file is; comparable with [`LogFile::size`].
///
/// Clones share one counter, so that one bar can show all sources.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Bytes read until now.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
