//! Known streams and the files that are there now become what to read, from where. Does no IO, reads no clock.
//!
//! A stream is one file's life: from its first line, over each of its names, to the archive that ends it. For
//! each file, in this order:
//!
//! 1. It has the inode of a known stream and begins with its bytes: go on there.
//! 2. It begins with the bytes of a stream that has no file yet: it was renamed, copied or compressed, go on there.
//! 3. All its bytes are those of a stream that has a file: a copy, leave it.
//! 4. Nobody knows it: a new stream.
//!
//! A stream that was not read to its end and has no file now is a [`Gap`].

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::identity::Fingerprint;
use super::matching::Matching;
use super::{Compression, ReadError, SourceSet};

/// A stream as an earlier run left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownStream {
    /// Its number in the state.
    pub id: i64,
    /// The source it belongs to; another source may well have a file with the same beginning.
    pub source: String,
    /// The device of its file when it was seen last.
    pub device: u64,
    /// The inode of its file when it was seen last.
    pub inode: u64,
    /// The path of its file when it was seen last.
    pub path: PathBuf,
    /// Bytes that were there when it was seen last, unpacked: at least `offset`.
    pub size: u64,
    /// Bytes that were read.
    pub offset: u64,
    /// `offset` is inside a line that was counted: an over-long one, or the last one of a finished stream.
    /// For whoever looks at the state; what follows is told from the bytes themselves.
    pub skipping: bool,
    /// Its last line was taken although nothing ended it. More may come nevertheless.
    pub finished: bool,
    /// Of the bytes before `offset`.
    pub fingerprint: Fingerprint,
    /// When it was seen last, in microseconds since 1970.
    pub seen_us: i64,
    /// End of the last request that was read, in microseconds since 1970, by the log; `None` before the first.
    pub last_us: Option<i64>,
}

/// A file that is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Links resolved.
    pub path: PathBuf,
    /// The device it is on.
    pub device: u64,
    /// Its inode there.
    pub inode: u64,
    /// Bytes on disk.
    pub size: u64,
    /// Told by its first bytes.
    pub compression: Compression,
    /// Another file of the log is younger, and nobody has written to this one for a while.
    pub done: bool,
}

impl Found {
    /// The files of a log, oldest first. One that is not the youngest is done when it was not written to for
    /// `rotate_wait` before `now`; a writer may keep a renamed file open that long.
    #[must_use]
    pub fn list(set: &SourceSet, now: SystemTime, rotate_wait: Duration) -> Vec<Self> {
        let youngest = set.files.len().saturating_sub(1);
        let found = |(place, file): (usize, &super::LogFile)| {
            let (device, inode) = file.device_and_inode();
            let quiet = now.duration_since(file.modified()).is_ok_and(|age| age >= rotate_wait);
            Self {
                path: file.path().into(),
                device,
                inode,
                size: file.size(),
                compression: file.compression(),
                done: place < youngest && quiet,
            }
        };
        let files = set.files.iter().enumerate().filter(|(_, file)| !file.is_pipe());
        files.map(found).collect()
    }

    /// Not compressed.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.compression == Compression::Plain
    }

    /// Whether its last line may be taken without a newline.
    pub(super) fn finish(&self) -> bool {
        self.done || !self.is_plain()
    }

    /// Whether it has the device and inode that the stream had last.
    #[must_use]
    pub fn is_file_of(&self, stream: &KnownStream) -> bool {
        (self.device, self.inode) == (stream.device, stream.inode)
    }
}

/// How a file stands to bytes that were read earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It begins with all of them.
    Continues {
        /// Bytes that follow.
        unread: u64,
    },
    /// They begin with all of it, as far as their hashes tell; at least the head is the same.
    Shorter {
        /// Its bytes, unpacked.
        length: u64,
    },
    /// It is something else.
    Different,
}

/// How two files stand to each other, unpacked. `shared_bytes` are those of the shorter one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs)]
pub enum Likeness {
    Same { shared_bytes: u64 },
    FirstGoesOn { shared_bytes: u64 },
    SecondGoesOn { shared_bytes: u64 },
    Different,
}

/// Looks at the content of files. A file that cannot be read, or not to its end, is an error, never different.
pub trait Contents {
    /// Whether a file begins with the head of what was read earlier.
    ///
    /// # Errors
    /// What kept it from being read.
    fn same_head(&mut self, found: &Found, known: &Fingerprint) -> Result<bool, ReadError>;

    /// Compares a file with what was read earlier.
    ///
    /// # Errors
    /// What kept it from being read.
    fn relation(&mut self, found: &Found, known: &Fingerprint) -> Result<Relation, ReadError>;

    /// Unpacks a file to its end.
    ///
    /// # Errors
    /// What kept it from being read.
    fn check_whole(&mut self, found: &Found) -> Result<(), ReadError>;

    /// Compares two files, up to the first difference.
    ///
    /// # Errors
    /// What kept one of them from being read.
    fn likeness(&mut self, one: &Found, other: &Found) -> Result<Likeness, ReadError>;
}

/// One source: what is known of it, and what is there.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Its name.
    pub source: &'a str,
    /// Streams of any source; those of others are left alone.
    pub known: &'a [KnownStream],
    /// Oldest first.
    pub present: &'a [Found],
    /// No file and no folder was out of reach. If one was, nothing is taken for deleted.
    pub complete: bool,
}

/// What to do with the files of a source. Places are those in [`Sight::present`].
#[derive(Debug, Default)]
pub struct Plan {
    /// What to read, oldest first.
    pub reads: Vec<PlannedRead>,
    /// Streams and the files that they are in now, whether there is something to read or not.
    pub found: Vec<(i64, usize)>,
    /// Files that hold what another one holds.
    pub copies: Vec<CopyOf>,
    /// Streams with nothing left to read.
    pub finished: Vec<i64>,
    /// What was lost. Files may have been renamed while they were listed, so look twice before saying so.
    pub gaps: Vec<Gap>,
    /// Files that could not be read, or are compressed and not whole: for the next run.
    pub waiting: Vec<Waiting>,
}

/// A stretch of lines to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRead {
    /// Place of the file.
    pub at: usize,
    /// The file.
    pub path: PathBuf,
    /// Lines that start before are known; in bytes, unpacked.
    pub from: u64,
    /// The stream that goes on, or a new one.
    pub stream: Option<i64>,
    /// Take the last line without a newline too, and be done with the stream.
    pub finish: bool,
}

/// A file that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyOf {
    /// The file.
    pub path: PathBuf,
    /// The file that is read instead, if there is one.
    pub of: Option<PathBuf>,
    /// The stream whose bytes these are, if it is a known one.
    pub stream: Option<i64>,
}

/// Lines that nobody can read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The stream.
    pub stream: i64,
    /// Where it was last.
    pub path: PathBuf,
    /// Bytes that were there and had not been read; `None` if none were seen, though there may have been some.
    pub unread_bytes: Option<u64>,
    #[expect(missing_docs)]
    pub why: GapCause,
}

/// Why lines are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// No file has the stream's bytes.
    Gone,
    /// The file was cut short, and perhaps written to since.
    Shrank,
    /// There is a copy, and it is shorter than what there was.
    ShortCopy,
}

impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the file is gone before its end was read",
            Self::Shrank => "the file became shorter",
            Self::ShortCopy => "the only copy is shorter than the file was",
        })
    }
}

/// A file that is looked at again in the next run.
#[derive(Debug)]
#[expect(missing_docs)]
pub struct Waiting {
    pub path: PathBuf,
    pub error: ReadError,
}

/// Decides what to read of a source.
pub fn resume(sight: &Sight<'_>, world: &mut impl Contents) -> Plan {
    let known = sight.known.iter().filter(|stream| stream.source == sight.source).collect();
    Matching::new(known, sight.present, world).plan(sight.complete)
}
