//! What can go wrong while a log is read, with the file and the byte. Never decides what to do about it.

use std::io;
use std::path::PathBuf;

use super::Compression;

/// A log that could not be read to its end. What came before the place was delivered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened.
    #[error("{}: cannot be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system could not read on.
    #[error("{}: byte {position}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Byte in the file as it is on disk.
        position: u64,
        /// What the system said.
        source: io::Error,
    },
    /// Its name leads to another file than a moment ago.
    #[error("{}: was replaced by another file meanwhile\nhint: nothing was read; run again", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// What was read before is not there any more.
    #[error("{}: byte {position}: the bytes before it are not those that were read\nhint: nothing was read; run again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// Where the last run ended.
        position: u64,
    },
    /// The compressed data contradicts itself.
    #[error("{}: byte {position}: broken {compression} data: {reason}\nhint: what came before was read", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Byte in the compressed file.
        position: u64,
        /// How it is compressed.
        compression: Compression,
        /// What the decoder said.
        reason: String,
    },
    /// The file stops before the compressed data does.
    #[error("{}: byte {position}: {compression} data ends in the middle\nhint: what came before was read; if the file is still being written, run again later", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Length of the compressed file.
        position: u64,
        /// How it is compressed.
        compression: Compression,
    },
    /// Something else follows the compressed data.
    #[error("{}: byte {position}: more bytes after the {compression} data\nhint: they were not read; was something appended to a compressed file?", path.display())]
    TrailingBytes {
        /// The file.
        path: PathBuf,
        /// Byte in the compressed file.
        position: u64,
        /// How it is compressed.
        compression: Compression,
    },
}

impl ReadError {
    /// Whether the file was renamed, replaced or cut while it was looked at: another look finds what there is now.
    #[must_use]
    pub fn has_moved(&self) -> bool {
        match self {
            Self::Replaced { .. } | Self::Changed { .. } => true,
            Self::Open { source, .. } => source.kind() == io::ErrorKind::NotFound,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::UnexpectedEof,
            Self::Broken { .. } | Self::Truncated { .. } | Self::TrailingBytes { .. } => false,
        }
    }
}
