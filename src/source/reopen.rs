//! Opens a file where an earlier run ended, after a look at the bytes before. Never decides where that is.

use std::os::unix::fs::FileExt;

use super::cut::Block;
use super::decompress::Decompressor;
use super::identity::{Fingerprint, Fingerprinter, Part};
use super::resume::{Found, PlannedRead};
use super::{Compression, Input, Limits, PlainFile, Progress, ReadError, Span, Stream};

/// A log to be read on.
///
/// The blocks of a plain file are those from `first_block` on, the blocks of a stream all. Measure each, on
/// any thread, and join the [`Part`]s in order: then `fingerprint` is of the whole file, and its length is the
/// offset at which the next run begins, unless bytes went missing or an error came.
pub struct Reopened {
    /// Gives only the lines that start at or after [`PlannedRead::from`].
    pub input: Input,
    /// Of a plain file.
    pub first_block: u64,
    /// Of the bytes before the first block to read, to which the parts are joined.
    pub fingerprint: Fingerprinter,
    /// The bytes before are in `fingerprint` already.
    pub measured: u64,
}

impl Reopened {
    /// Opens the file of a plan. `known` is the fingerprint of the stream that goes on.
    ///
    /// # Errors
    /// [`ReadError::Open`], [`ReadError::Io`]; [`ReadError::Replaced`] and [`ReadError::Changed`] if the file is
    /// not any more what it was when the plan was made.
    pub fn open(
        found: &Found,
        read: &PlannedRead,
        known: Option<&Fingerprint>,
        limits: &Limits,
        progress: &Progress,
    ) -> Result<Self, ReadError> {
        let path = &found.path;
        let file = found.open()?;
        if found.compression != Compression::Plain {
            let input = Decompressor::around(path.clone(), Box::new(file), progress);
            let stream = Stream::resume(input, read.from, limits)
                .map_err(|source| ReadError::Open { path: path.clone(), source })?;
            return Ok(Self::from_start(Input::Stream(stream)));
        }
        let span = Span { from: read.from, finish: read.finish };
        // After a file shrank nothing is known of the bytes before its new end but that they were read.
        let Some(known) = known.filter(|known| known.length == read.from && known.length > 0) else {
            return Ok(Self::from_start(Input::Plain(PlainFile::resume(
                path, file, span, limits, progress,
            )?)));
        };
        let start = known.resume_from();
        let mut bytes = vec![0; usize::try_from(known.length - start).unwrap_or(0)];
        file.read_exact_at(&mut bytes, start).map_err(|source| ReadError::Io {
            path: path.clone(),
            position: start,
            source,
        })?;
        let fingerprint = Fingerprinter::resume(known, &bytes)
            .ok_or_else(|| ReadError::Changed { path: path.clone(), position: known.length })?;
        let plain = PlainFile::resume(path, file, span, limits, progress)?;
        let first_block = plain.first_block();
        Ok(Self { input: Input::Plain(plain), first_block, fingerprint, measured: known.length })
    }

    fn from_start(input: Input) -> Self {
        Self { input, first_block: 0, fingerprint: Fingerprinter::default(), measured: 0 }
    }
}

impl Part {
    /// Looks at the bytes of a block, but for those before `measured`.
    pub fn measure_block(&mut self, block: &Block<'_>, measured: u64) {
        let start = block.own_offset();
        let skipped = measured.saturating_sub(start).min(block.own.len() as u64);
        self.measure(start + skipped, &block.own[usize::try_from(skipped).unwrap_or(0)..]);
    }
}
