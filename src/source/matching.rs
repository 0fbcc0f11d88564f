//! The steps of [`resume`](super::resume::resume), one after another. Knows files by what [`Contents`] says alone.

use std::path::{Path, PathBuf};

use super::identity::HEAD_BYTES;
use super::resume::{
    Contents, CopyOf, Found, Gap, GapCause, KnownStream, Likeness, Plan, PlannedRead, Relation, Waiting,
};
use super::{ReadError, rotation};

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

/// Finds a file for each stream, and a stream for each file.
pub(super) struct Matching<'a, W> {
    present: &'a [Found],
    known: Vec<&'a KnownStream>,
    world: &'a mut W,
    streams: Vec<Whereabouts>,
    files: Vec<Fate>,
    plan: Plan,
}

impl<'a, W: Contents> Matching<'a, W> {
    pub(super) fn new(known: Vec<&'a KnownStream>, present: &'a [Found], world: &'a mut W) -> Self {
        let streams = vec![Whereabouts::Missing; known.len()];
        let files = vec![Fate::Open; present.len()];
        Self { present, known, world, streams, files, plan: Plan::default() }
    }

    /// Goes through the steps. Nothing is taken for deleted unless the view is `complete`.
    pub(super) fn plan(mut self, complete: bool) -> Plan {
        self.leave_links_and_empty_files();
        self.by_inode();
        self.by_content();
        self.by_longest();
        self.copies();
        self.new_files();
        self.plan_reads();
        self.missing(complete);
        self.plan
    }

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
            let same_inode: Vec<_> = self.missing_streams(Found::is_file_of, at);
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
