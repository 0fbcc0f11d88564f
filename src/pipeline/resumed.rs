//! Reads on where earlier runs ended: what is new of a source's files becomes hours at rest, each portion with the place
//! that was reached. Keeps nothing itself.

use super::blocks::{self, Done, Fold, Opened, ReadOptions, Scratch, Shared};
use super::lines::add_share;
use super::watch::HitCounts;
use super::{Prepared, PreparedFile};
use crate::ban::ban::Threshold;
use crate::ban::spool::Lane;
use crate::bots::Bots;
use crate::rollup::{SourceRollup, StoredSource};
use crate::source::identity::Fingerprinter;
use crate::source::resume::{Found, KnownStream, PlannedRead};
use crate::source::{Compression, ReadError, Reopened};
use logstat_reports::model::FormatShare;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// A file with something new in it.
#[derive(Debug)]
pub struct Unread<'a> {
    /// What to read of it.
    pub read: &'a PlannedRead,
    #[expect(missing_docs)]
    pub found: &'a Found,
    /// The stream that goes on.
    pub known: Option<&'a KnownStream>,
}

/// Lines of one file, behind those that are known.
#[derive(Debug)]
pub struct Portion {
    /// What has become of the stream; its number is 0 while it has none.
    pub stream: KnownStream,
    /// What the lines add up to.
    pub stored: StoredSource,
    /// Hits of ban rules among them, if they are watched. The number of their file is 0.
    pub lane: Option<Lane>,
    #[expect(missing_docs)]
    pub hits: HitCounts,
    /// Bytes that were read for it.
    pub bytes: u64,
    /// NULs that were skipped between the lines.
    pub nul_bytes: u64,
    /// Whether nothing more comes of this file in this run.
    pub complete: bool,
}

/// Takes portions, in the order of the log.
pub trait Sink {
    /// Takes a portion and gives the number of its stream. The number may be missing only when the portion is complete.
    fn take(&mut self, portion: Portion) -> Option<i64>;
    /// Wants nothing more than what is on its way.
    fn is_over(&self) -> bool;
}

/// How a source was read.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Formats of its lines.
    pub formats: Vec<FormatShare>,
    /// Files of which nothing, or nothing more, was taken.
    pub errors: Vec<ReadError>,
}

/// Reads what is new of a source on the threads of `pool`, and gives a portion of it to `sink` at the end of each file
/// and whenever so many bytes have been read. `unread` are the files of `source`, in its order. Calls `folded` from time
/// to time, for a progress bar.
///
/// # Panics
/// If `unread` are other files than those of `source`.
pub fn read_on(
    source: &Prepared,
    unread: &[Unread<'_>],
    options: &ReadOptions,
    portion_bytes: u64,
    (pool, bots): (&rayon::ThreadPool, &Arc<Bots>),
    (sink, folded): (&mut dyn Sink, &mut dyn FnMut()),
) -> Resumed {
    assert_eq!(source.files.len(), unread.len(), "each file has something unread");
    let shared = Shared::new(source, options, bots);
    let files = source.files.iter().zip(unread).map(|(file, unread)| Reading::new(file, unread)).collect();
    let mut reader = Reader {
        rollup: SourceRollup::new(options.rollup.clone(), shared.hasher.clone()),
        new_rollup: &|| SourceRollup::new(options.rollup.clone(), shared.hasher.clone()),
        source,
        options,
        portion_bytes,
        files,
        current: None,
        thresholds: options.watch.as_ref().map(|watch| watch.rules.thresholds()).unwrap_or_default(),
        format_names: shared.format_names(),
        resumed: Resumed::default(),
        sink,
    };
    let places: Vec<usize> = (0..unread.len()).collect();
    blocks::read_files(&shared, &places, pool, &mut reader, folded);
    reader.resumed
}

/// A file on its way.
struct Reading<'a> {
    unread: &'a Unread<'a>,
    /// The number of the stream, 0 while it has none.
    id: i64,
    /// Of everything up to the last block, once the file is open.
    fingerprint: Option<Fingerprinter>,
    last_us: Option<i64>,
    /// When lines before the first request were written, as far as anybody knows.
    before_us: i64,
    /// When the file was last written.
    modified_us: i64,
    /// Of the portion.
    lane: Option<Lane>,
    hits: HitCounts,
    nul_bytes: u64,
    /// Bytes of the portion.
    bytes: u64,
    lines: u64,
    failed: bool,
}

impl<'a> Reading<'a> {
    fn new(file: &PreparedFile, unread: &'a Unread<'a>) -> Self {
        assert_eq!(file.file.path(), unread.found.path, "files in another order");
        let modified = file.file.modified().duration_since(UNIX_EPOCH);
        let modified_us = modified.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(0));
        Self {
            unread,
            id: unread.known.map_or(0, |known| known.id),
            fingerprint: None,
            last_us: unread.known.and_then(|known| known.last_us),
            before_us: file.first_us.unwrap_or(modified_us),
            modified_us,
            lane: None,
            hits: HitCounts::default(),
            nul_bytes: 0,
            bytes: 0,
            lines: 0,
            failed: false,
        }
    }

    /// The stream as far as it is read.
    fn stream(&self, source: &str, finished: bool) -> Option<KnownStream> {
        let found = self.unread.found;
        let read = self.fingerprint.as_ref()?;
        let fingerprint = read.fingerprint();
        let offset = fingerprint.length;
        let is_plain = found.compression == Compression::Plain;
        Some(KnownStream {
            id: self.id,
            source: source.to_owned(),
            device: found.device,
            inode: found.inode,
            path: found.path.clone(),
            size: if is_plain { found.size.max(offset) } else { offset },
            offset,
            skipping: read.ends_inside_line(),
            finished,
            fingerprint,
            last_us: self.last_us,
            seen_us: 0,
        })
    }
}

/// Adds up blocks to portions.
struct Reader<'a, 's> {
    rollup: SourceRollup,
    new_rollup: &'a dyn Fn() -> SourceRollup,
    source: &'a Prepared,
    options: &'a ReadOptions,
    portion_bytes: u64,
    files: Vec<Reading<'a>>,
    /// The file that the rollup is of.
    current: Option<usize>,
    /// Of the rules that are watched for.
    thresholds: Vec<Threshold>,
    format_names: Vec<String>,
    resumed: Resumed,
    sink: &'s mut dyn Sink,
}

impl Fold for Reader<'_, '_> {
    fn open(&mut self, at: usize) -> Result<Opened, ReadError> {
        let Unread { read, found, known } = self.files[at].unread;
        let known = known.map(|known| &known.fingerprint);
        let reopened = Reopened::open(found, read, known, &self.options.limits, &self.options.progress)?;
        let Reopened { input, first_block, fingerprint, measured } = reopened;
        self.files[at].fingerprint = Some(fingerprint);
        Ok(Opened { input, first_block, measured: Some(measured) })
    }

    fn block(&mut self, at: usize, mut done: Done) -> Scratch {
        self.begin(at);
        match (done.error.take(), done.missing_bytes) {
            (Some(error), _) => self.error(at, error),
            (None, 0) if !self.files[at].failed => self.add(at, &mut done),
            (None, 0) => {}
            (None, _) => self.error(at, self.shrank(at)),
        }
        done.scratch
    }

    fn error(&mut self, at: usize, error: ReadError) {
        // What somebody appended to an archive costs none of its lines.
        self.files[at].failed |= !matches!(error, ReadError::TrailingBytes { .. });
        self.resumed.errors.push(error);
    }

    fn end(&mut self, at: usize) {
        self.begin(at);
        if self.files[at].failed {
            // Some of its lines are in there.
            self.rollup = (self.new_rollup)();
        } else {
            self.portion(at, true);
        }
        self.current = None;
    }

    fn is_over(&self) -> bool {
        self.sink.is_over()
    }
}

impl Reader<'_, '_> {
    fn begin(&mut self, at: usize) {
        if self.current.replace(at) != Some(at) {
            let file = &self.files[at];
            self.rollup.go_on_from(file.last_us.unwrap_or(file.before_us));
        }
    }

    fn add(&mut self, at: usize, done: &mut Done) {
        let (rollup, file) = (&mut done.scratch.rollup, &mut self.files[at]);
        self.rollup.fold(rollup);
        rollup.reject_notes.clear();
        rollup.event_notes.clear();
        for share in &done.lines.shares {
            let name = &self.format_names[share.format];
            add_share(&mut self.resumed.formats, name, file.lines, *share);
        }
        if let Some(fingerprint) = &mut file.fingerprint {
            fingerprint.join(&done.scratch.part);
        }
        if let Some(watch) = &mut done.scratch.watch {
            let hits = watch.give(file.last_us, &mut file.hits);
            if !hits.is_empty() {
                let lane = file.lane.get_or_insert_with(|| Lane::new(0, &self.thresholds));
                hits.iter().for_each(|hit| lane.push(hit));
            }
        }
        file.last_us = rollup.last_us.or(file.last_us);
        file.lines += rollup.counts.lines;
        file.nul_bytes += done.lines.nul_bytes;
        file.bytes += done.bytes;
        if file.bytes >= self.portion_bytes {
            self.portion(at, false);
        }
    }

    /// Gives away what was read since the last time. A file that is left before its end is not finished.
    fn portion(&mut self, at: usize, complete: bool) {
        let file = &mut self.files[at];
        let finished = complete && file.unread.read.finish && !self.sink.is_over();
        let Some(stream) = file.stream(&self.source.plan.name, finished) else { return };
        let mut stored = self.rollup.take_stored(0);
        if stored.hours.is_empty() {
            stored.date_lines(file.modified_us);
        }
        let (bytes, nul_bytes) = (std::mem::take(&mut file.bytes), std::mem::take(&mut file.nul_bytes));
        let (lane, hits) = (file.lane.take(), std::mem::take(&mut file.hits));
        if let Some(id) = self.sink.take(Portion { stream, stored, lane, hits, bytes, nul_bytes, complete }) {
            file.id = id;
        }
    }

    fn shrank(&self, at: usize) -> ReadError {
        let file = &self.files[at];
        let position = file.fingerprint.as_ref().map_or(0, Fingerprinter::length);
        ReadError::Changed { path: file.unread.found.path.clone(), position }
    }
}
