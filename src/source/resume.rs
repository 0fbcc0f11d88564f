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
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::identity::{Fingerprint, HEAD_BYTES};
use super::{Compression, ReadError, SourceSet, rotation};

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

    fn is_plain(&self) -> bool {
        self.compression == Compression::Plain
    }

    /// Whether its last line may be taken without a newline.
    fn finish(&self) -> bool {
        self.done || !self.is_plain()
    }

    fn is_file_of(&self, stream: &KnownStream) -> bool {
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
    let known: Vec<_> = sight.known.iter().filter(|stream| stream.source == sight.source).collect();
    let streams = vec![Whereabouts::Missing; known.len()];
    let files = vec![Fate::Open; sight.present.len()];
    let mut matching =
        Matching { present: sight.present, known, world, streams, files, plan: Plan::default() };
    matching.leave_links_and_empty_files();
    matching.by_inode();
    matching.by_content();
    matching.by_longest();
    matching.copies();
    matching.new_files();
    matching.plan_reads();
    matching.missing(sight.complete);
    matching.plan
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Open,
    /// Place in `known`, and the bytes behind those that were read.
    Of {
        stream: usize,
        unread: u64,
    },
    /// The file of a known stream lost its end, and goes on from there.
    Shrunk {
        stream: usize,
        length: u64,
    },
    New {
        from: u64,
    },
    /// Nothing to read in it.
    Left,
}

/// What became of a known stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whereabouts {
    Missing,
    /// In a file of its own.
    In(usize),
    /// All its bytes begin a file that is another stream's too.
    Contained,
    /// Only a copy that is shorter.
    ShortCopy,
}

struct Matching<'a, W> {
    present: &'a [Found],
    known: Vec<&'a KnownStream>,
    world: &'a mut W,
    streams: Vec<Whereabouts>,
    files: Vec<Fate>,
    plan: Plan,
}

impl<W: Contents> Matching<'_, W> {
    /// Of several names of one file the youngest counts, so that a live log is not taken for a rotated one.
    fn leave_links_and_empty_files(&mut self) {
        for (at, found) in self.present.iter().enumerate() {
            let identity = (found.device, found.inode);
            let same = |other: &&Found| (other.device, other.inode) == identity;
            if let Some(of) = self.present[at + 1..].iter().rev().find(same) {
                self.leave_copy(at, Some(of.path.clone()), None);
            } else if found.size == 0 {
                self.files[at] = Fate::Left;
            }
        }
    }

    /// Step 1. Of several streams that had the inode one after the other, the longest that matches.
    fn by_inode(&mut self) {
        for at in self.open_files() {
            let same_inode: Vec<_> = self.missing_streams(|found, stream| found.is_file_of(stream), at);
            self.claim_longest(at, &same_inode);
            // Without a line read there is no content to know it by, nor anything to lose.
            let found = &self.present[at];
            let unread = same_inode.iter().find(|&&stream| {
                let known = self.known[stream];
                known.offset == 0 && found.size >= known.size && (found.is_plain() || known.finished)
            });
            if let (Fate::Open, Some(&stream)) = (self.files[at], unread) {
                self.claim(at, stream, if found.is_plain() { found.size } else { 0 });
            }
        }
    }

    /// Step 2. Plain files first: next to one, a compressed one is its copy.
    fn by_content(&mut self) {
        let (plain, packed): (Vec<_>, Vec<_>) =
            self.open_files().into_iter().partition(|&at| self.present[at].is_plain());
        for at in plain.into_iter().chain(packed) {
            let all = self.missing_streams(|_, _| true, at);
            self.claim_longest(at, &all);
        }
    }

    fn claim_longest(&mut self, at: usize, streams: &[usize]) {
        let mut best: Option<(usize, u64)> = None;
        for &stream in streams {
            let longer = best.is_none_or(|(best, _)| self.known[stream].offset > self.known[best].offset);
            if !longer || self.known[stream].offset == 0 {
                continue;
            }
            let relation = if self.is_read_archive(at, stream) {
                Some(Relation::Continues { unread: 0 })
            } else {
                self.relation(at, stream)
            };
            match relation {
                Some(Relation::Continues { unread }) => best = Some((stream, unread)),
                Some(_) => {}
                None => return,
            }
        }
        if let Some((stream, unread)) = best {
            self.claim(at, stream, unread);
        }
    }

    /// An archive that was read to its end need not be unpacked again: nobody appends to one.
    fn is_read_archive(&mut self, at: usize, stream: usize) -> bool {
        let (found, known) = (&self.present[at], self.known[stream]);
        let read = !found.is_plain() && known.finished && found.is_file_of(known);
        read && self.world.same_head(found, &known.fingerprint).unwrap_or(false)
    }

    /// A file may hold the bytes of more than one stream, as after a copy was read apart from its original.
    fn by_longest(&mut self) {
        for at in 0..self.present.len() {
            for stream in 0..self.known.len() {
                let Fate::Of { stream: owner, unread } = self.files[at] else { break };
                if stream != owner && self.known[stream].offset > 0 {
                    self.maybe_longer(at, owner, unread, stream);
                }
            }
        }
    }

    /// Whether what the file of `owner` has to read is, in part or as a whole, what another stream has read.
    fn maybe_longer(&mut self, at: usize, owner: usize, unread: u64, stream: usize) {
        let missing = self.streams[stream] == Whereabouts::Missing;
        let further = self.known[stream].offset > self.known[owner].offset;
        if !missing && (!further || unread == 0) {
            return;
        }
        let before = self.files[at];
        match self.relation(at, stream) {
            Some(Relation::Continues { unread }) if missing => {
                self.streams[stream] = Whereabouts::Contained;
                if further {
                    self.claim(at, stream, unread);
                }
            }
            Some(Relation::Continues { unread }) => self.maybe_copy(at, stream, unread),
            Some(Relation::Shorter { length }) if further && unread > 0 => self.shorter(at, stream, length),
            _ => {}
        }
        if self.files[at] != before {
            self.streams[owner] = Whereabouts::Contained;
        }
    }

    /// Step 3.
    fn copies(&mut self) {
        for at in self.open_files() {
            for stream in 0..self.known.len() {
                if self.files[at] != Fate::Open {
                    break;
                }
                if self.known[stream].offset == 0 {
                    continue;
                }
                match self.relation(at, stream) {
                    Some(Relation::Continues { unread }) => self.maybe_copy(at, stream, unread),
                    Some(Relation::Shorter { length }) => self.shorter(at, stream, length),
                    _ => {}
                }
            }
        }
    }

    /// The file at `at` begins with the bytes of a stream; does the stream's own file hold all the others too?
    fn maybe_copy(&mut self, at: usize, stream: usize, unread: u64) {
        let Whereabouts::In(original) = self.streams[stream] else { return };
        let Fate::Of { unread: of_original, .. } = self.files[original] else { return };
        let known = self.known[stream];
        // A few bytes may be the same in any two files of a log, a line of column names for instance.
        let shared = if known.fingerprint.is_short() {
            match self.world.likeness(&self.present[at], &self.present[original]) {
                Ok(Likeness::Different) => return,
                Ok(Likeness::FirstGoesOn { shared_bytes }) => Some(shared_bytes),
                Ok(Likeness::Same { .. } | Likeness::SecondGoesOn { .. }) => None,
                Err(error) => return self.wait(at, error),
            }
        } else {
            (unread > of_original).then_some(known.offset + of_original)
        };
        match shared {
            Some(from) => self.files[at] = Fate::New { from },
            None => self.leave_copy(at, Some(self.present[original].path.clone()), Some(known.id)),
        }
        // Once the original is truncated, so few bytes would not tell that this was its copy: keep its identity.
        if shared.is_none() && known.fingerprint.is_short() && self.present[at].is_plain() {
            self.files[at] = Fate::New { from: known.offset + unread };
        }
    }

    fn shorter(&mut self, at: usize, stream: usize, length: u64) {
        let (found, known) = (&self.present[at], self.known[stream]);
        let missing = self.streams[stream] == Whereabouts::Missing;
        if missing && found.is_plain() && found.is_file_of(known) {
            self.files[at] = Fate::Shrunk { stream, length };
            self.streams[stream] = Whereabouts::In(at);
            return;
        }
        if missing {
            self.streams[stream] = Whereabouts::ShortCopy;
        }
        let of = match self.streams[stream] {
            Whereabouts::In(original) => Some(self.present[original].path.clone()),
            _ => None,
        };
        self.leave_copy(at, of, Some(known.id));
    }

    /// Step 4.
    fn new_files(&mut self) {
        let (plain, packed): (Vec<_>, Vec<_>) =
            self.open_files().into_iter().partition(|&at| self.present[at].is_plain());
        for at in plain.into_iter().chain(packed) {
            let found = &self.present[at];
            let whole = if found.is_plain() { Ok(()) } else { self.world.check_whole(found) };
            match whole.and_then(|()| self.new_file(at)) {
                Ok(fate @ Fate::New { .. }) => self.files[at] = fate,
                Ok(_) => {}
                Err(error) => self.wait(at, error),
            }
        }
    }

    /// Whether a file that nobody knows is a copy of another one that is read from its start.
    fn new_file(&mut self, at: usize) -> Result<Fate, ReadError> {
        let mut from = 0;
        for other in 0..self.present.len() {
            let from_start = match self.files[other] {
                Fate::New { from } => from == 0,
                Fate::Of { stream, .. } => self.known[stream].offset == 0,
                _ => false,
            };
            if !from_start {
                continue;
            }
            let (found, other) = (&self.present[at], &self.present[other]);
            let enough = if is_twin(&found.path, &other.path) { 1 } else { HEAD_BYTES as u64 };
            match self.world.likeness(found, other)? {
                Likeness::FirstGoesOn { shared_bytes } if shared_bytes >= enough => {
                    from = from.max(shared_bytes);
                }
                Likeness::Same { shared_bytes } | Likeness::SecondGoesOn { shared_bytes }
                    if shared_bytes >= enough =>
                {
                    self.leave_copy(at, Some(other.path.clone()), None);
                    return Ok(Fate::Left);
                }
                _ => {}
            }
        }
        Ok(Fate::New { from })
    }

    fn plan_reads(&mut self) {
        for at in 0..self.present.len() {
            match self.files[at] {
                Fate::Of { stream, unread } => {
                    let known = self.known[stream];
                    self.plan.found.push((known.id, at));
                    if unread > 0 {
                        self.read(at, known.offset, Some(known.id));
                    } else if self.present[at].finish() && !known.finished {
                        self.plan.finished.push(known.id);
                    }
                }
                Fate::Shrunk { stream, length } => {
                    let known = self.known[stream];
                    self.plan.found.push((known.id, at));
                    self.read(at, length, Some(known.id));
                    self.gap(stream, GapCause::Shrank);
                }
                Fate::New { from } => self.read(at, from, None),
                Fate::Open | Fate::Left => {}
            }
        }
    }

    fn read(&mut self, at: usize, from: u64, stream: Option<i64>) {
        let found = &self.present[at];
        let (path, finish) = (found.path.clone(), found.finish());
        self.plan.reads.push(PlannedRead { at, path, from, stream, finish });
    }

    /// Streams without a file, once every file could be looked at.
    fn missing(&mut self, complete: bool) {
        for stream in 0..self.known.len() {
            let known = self.known[stream];
            if known.finished {
                continue;
            }
            let seen_unread = known.size > known.offset;
            let why = match self.streams[stream] {
                Whereabouts::In(_) => continue,
                Whereabouts::Contained => None,
                Whereabouts::ShortCopy => seen_unread.then_some(GapCause::ShortCopy),
                Whereabouts::Missing if !complete || !self.plan.waiting.is_empty() => continue,
                Whereabouts::Missing => (known.size > 0).then_some(GapCause::Gone),
            };
            if let Some(why) = why {
                self.gap(stream, why);
            }
            self.plan.finished.push(known.id);
        }
    }

    fn gap(&mut self, stream: usize, why: GapCause) {
        let known = self.known[stream];
        let unread_bytes = known.size.checked_sub(known.offset).filter(|&bytes| bytes > 0);
        self.plan.gaps.push(Gap { stream: known.id, path: known.path.clone(), unread_bytes, why });
    }

    fn claim(&mut self, at: usize, stream: usize, unread: u64) {
        self.files[at] = Fate::Of { stream, unread };
        self.streams[stream] = Whereabouts::In(at);
    }

    fn leave_copy(&mut self, at: usize, of: Option<PathBuf>, stream: Option<i64>) {
        self.files[at] = Fate::Left;
        self.plan.copies.push(CopyOf { path: self.present[at].path.clone(), of, stream });
    }

    fn wait(&mut self, at: usize, error: ReadError) {
        self.files[at] = Fate::Left;
        self.plan.waiting.push(Waiting { path: self.present[at].path.clone(), error });
    }

    /// `None` if the file cannot be read; it is left for the next run unless it was matched before.
    fn relation(&mut self, at: usize, stream: usize) -> Option<Relation> {
        match self.world.relation(&self.present[at], &self.known[stream].fingerprint) {
            Ok(relation) => Some(relation),
            Err(error) => {
                if self.files[at] == Fate::Open {
                    self.wait(at, error);
                }
                None
            }
        }
    }

    fn open_files(&self) -> Vec<usize> {
        (0..self.files.len()).filter(|&at| self.files[at] == Fate::Open).collect()
    }

    fn missing_streams(&self, wanted: impl Fn(&Found, &KnownStream) -> bool, at: usize) -> Vec<usize> {
        let missing = |&stream: &usize| self.streams[stream] == Whereabouts::Missing;
        let wanted = |&stream: &usize| wanted(&self.present[at], self.known[stream]);
        (0..self.known.len()).filter(missing).filter(wanted).collect()
    }
}

/// Whether one is the name of the other compressed.
fn is_twin(one: &Path, other: &Path) -> bool {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let (Some(one_name), Some(other_name)) = (name(one), name(other)) else { return false };
    let same = rotation::without_compression(&one_name) == rotation::without_compression(&other_name);
    same && one.parent() == other.parent()
}
