//! One log file as it was found: where, how long, how compressed. Never reads more than its first bytes.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// First bytes taken from a pipe at once, enough to see its compression and its log format.
const PIPE_HEAD_BYTES: u64 = 64 * 1024;
/// Bytes that tell the compression.
const MAGIC_BYTES: u64 = 16;

/// How a file is compressed, told by its first bytes and never by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    Plain,
    /// One or more gzip members.
    Gzip,
    /// One or more zstd frames.
    Zstd,
    /// One or more bzip2 streams.
    Bzip2,
    /// One or more xz streams.
    Xz,
}

impl Compression {
    /// Recognises the compression from the first bytes of a file.
    #[must_use]
    pub fn detect(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, 0x08, ..] => Self::Gzip,
            // The second form is a skippable frame, with which seekable archives may begin.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // A block follows, or the end of an empty stream; text could begin with "BZh9" alone.
            [b'B', b'Z', b'h', b'1'..=b'9'] | [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Self::Bzip2,
            _ => Self::Plain,
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        })
    }
}

/// A file, a pipe or standard input that holds log lines.
#[derive(Clone, Debug)]
pub struct LogFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified: SystemTime,
    compression: Compression,
    pipe: Option<Pipe>,
}

/// A pipe can be read only once: what was read to recognise it is kept with it.
#[derive(Clone, Debug)]
struct Pipe {
    head: Arc<[u8]>,
    rest: Arc<File>,
}

impl LogFile {
    /// Describes an opened file that can be opened again by its path.
    pub(super) fn regular(path: PathBuf, file: File, metadata: &Metadata) -> io::Result<(Self, Vec<u8>)> {
        let mut head = Vec::new();
        file.take(MAGIC_BYTES).read_to_end(&mut head)?;
        Ok((Self::new(path, metadata, &head, None), head))
    }

    /// Describes standard input, whatever it is, or a pipe.
    pub(super) fn pipe(path: PathBuf, rest: File, metadata: &Metadata) -> io::Result<(Self, Vec<u8>)> {
        let mut head = Vec::new();
        (&rest).take(PIPE_HEAD_BYTES).read_to_end(&mut head)?;
        let pipe = Pipe { head: head.as_slice().into(), rest: Arc::new(rest) };
        Ok((Self::new(path, metadata, &head, Some(pipe)), head))
    }

    fn new(path: PathBuf, metadata: &Metadata, head: &[u8], pipe: Option<Pipe>) -> Self {
        let size = if metadata.is_file() { metadata.len() } else { 0 };
        let modified = metadata.modified().unwrap_or_else(|_| SystemTime::now());
        let (device, inode) = (metadata.dev(), metadata.ino());
        Self { path, device, inode, size, modified, compression: Compression::detect(head), pipe }
    }

    /// The path as given, symbolic links to regular files resolved; `-` for standard input.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The device it is on, and its inode there.
    #[must_use]
    pub fn device_and_inode(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Bytes on disk; 0 if nobody knows, as for a pipe.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// When it was last written.
    #[must_use]
    pub fn modified(&self) -> SystemTime {
        self.modified
    }

    /// How it is compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Whether it can be read only once, front to back.
    #[must_use]
    pub fn is_pipe(&self) -> bool {
        self.pipe.is_some()
    }

    /// Whether blocks can be read in any order.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.is_pipe() && self.compression == Compression::Plain
    }

    /// The bytes as they are on disk. A pipe gives them once.
    pub(super) fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.pipe {
            Some(pipe) => Box::new(io::Cursor::new(Arc::clone(&pipe.head)).chain(Arc::clone(&pipe.rest))),
            None => Box::new(File::open(&self.path)?),
        })
    }

    /// Like [`reader`](Self::reader), but takes nothing from a pipe that was not taken before.
    pub(super) fn peek_reader(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match &self.pipe {
            Some(pipe) => Box::new(io::Cursor::new(Arc::clone(&pipe.head))),
            None => Box::new(File::open(&self.path)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PACKED, pack};
    use super::*;

    #[test]
    fn compression_is_told_by_content() {
        for compression in PACKED {
            for text in [b"".as_slice(), b"one line\n"] {
                assert_eq!(Compression::detect(&pack(compression, text)), compression);
            }
        }
        assert_eq!(Compression::detect(b"\x52\x2a\x4d\x18\x04\0\0\0"), Compression::Zstd);
        for text in
            [b"".as_slice(), b"\x1f", b"\x1f\x8b", b"192.0.2.1 - - [", b"BZh9 is no archive", b"\xfd7zXZ"]
        {
            assert_eq!(Compression::detect(text), Compression::Plain);
        }
    }
    #[test]
    fn standard_input_that_is_a_file_is_read_from_its_start() {
        let bytes = vec![b'x'; 100_000];
        let stored = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(stored.path(), &bytes).unwrap();
        let file = File::open(stored.path()).unwrap();
        let metadata = file.metadata().unwrap();
        let (log, head) = LogFile::pipe("-".into(), file, &metadata).unwrap();
        assert_eq!((head.len(), log.size(), log.is_pipe()), (65_536, 100_000, true));
        for _ in 0..2 {
            let mut peeked = Vec::new();
            log.peek_reader().unwrap().read_to_end(&mut peeked).unwrap();
            assert!(peeked == head);
        }
        let mut read = Vec::new();
        log.reader().unwrap().read_to_end(&mut read).unwrap();
        assert!(read == bytes);
    }
}
