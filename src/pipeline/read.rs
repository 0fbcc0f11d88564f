//! Takes blocks through parsing on all threads and folds them in the order of the log.

use super::lines::{self, BlockLines, Choice};
use super::{Prepared, PreparedFile};
use crate::bots::Bots;
use crate::report::{SourceResult, accounting, event_row};
use crate::rollup::{BlockRollup, KeyHasher, RejectNote, RollupOptions, SourceRollup};
use crate::source::{Input, Limits, PlainFile, Progress, ReadError, StreamBlock, open};
use logstat_parsers::{Fields, Format, RejectKind};
use logstat_reports::model::{EventRow, FileSummary, Place, SourceSummary};
use logstat_reports::text::printable;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// Places shown of each kind of reject.
const PLACES: usize = 5;
/// Bytes shown of a rejected line.
const EXCERPT: usize = 120;
/// Messages of a proxy that are kept.
const EVENTS: usize = 1000;

/// How to read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// What to count.
    pub rollup: RollupOptions,
    /// How to cut.
    pub limits: Limits,
    /// Told of every byte read.
    pub progress: Progress,
}

/// A source that was read, and what could not be.
#[derive(Debug)]
pub struct SourceRead {
    #[expect(missing_docs)]
    pub result: SourceResult,
    /// Files that could not be read to their end. What came before is counted.
    pub errors: Vec<ReadError>,
}

/// Reads one source on the threads of `pool`; calls `folded` from time to time, for a progress bar.
pub fn read(
    source: &Prepared,
    options: &ReadOptions,
    pool: &rayon::ThreadPool,
    bots: &Arc<Bots>,
    folded: &mut dyn FnMut(),
) -> SourceRead {
    let hasher = KeyHasher::default();
    let rollup = SourceRollup::new(options.rollup.clone(), hasher.clone());
    let files = source.files.iter().map(file_summary).collect();
    let (sender, receiver) = channel();
    let wanted = |formats: &[Format]| -> Vec<Format> {
        formats.iter().map(|format| wanted_only(format, &options.rollup)).collect()
    };
    let formats = wanted(&source.formats.list);
    let others = if source.formats.open { wanted(&source.formats.others()) } else { Vec::new() };
    let shared =
        Shared { formats: &formats, others: &others, options, hasher, bots, idle: Mutex::default(), sender };
    let mut reader = Reader {
        shared: &shared,
        receiver,
        window: pool.current_num_threads() * 2,
        sent: Vec::new(),
        next: 0,
        done: BTreeMap::new(),
        fold: Fold {
            rollup,
            source,
            files,
            rejects: BTreeMap::new(),
            events: Vec::new(),
            events_left_out: 0,
            nul_bytes: 0,
            format_names: names(&formats).chain(names(&others)).collect(),
            errors: Vec::new(),
        },
        folded,
    };
    pool.in_place_scope(|scope| reader.read_files(scope));
    reader.fold.finish()
}

/// The format without the texts that nobody counts: without top lists, hardly any.
fn wanted_only(format: &Format, options: &RollupOptions) -> Format {
    let mut format = format.clone();
    if !options.top {
        format.keep_only(&Fields { user_agent: true, method: options.by_method, ..Fields::default() });
    }
    format
}

fn names(formats: &[Format]) -> impl Iterator<Item = String> + '_ {
    formats.iter().map(|format| format.name().to_owned())
}

fn file_summary(file: &PreparedFile) -> FileSummary {
    FileSummary {
        path: file.file.path().display().to_string(),
        bytes: 0,
        lines: 0,
        formats: Vec::new(),
        skipped: file.skip.clone(),
    }
}

/// What the threads share.
struct Shared<'a> {
    /// The source's.
    formats: &'a [Format],
    /// Those that its lines may turn out to have.
    others: &'a [Format],
    options: &'a ReadOptions,
    hasher: KeyHasher,
    bots: &'a Arc<Bots>,
    idle: Mutex<Vec<Scratch>>,
    sender: Sender<Done>,
}

/// Memory that is used again from block to block.
struct Scratch {
    rollup: BlockRollup,
    buffer: Vec<u8>,
}

/// A block on its way.
enum Work {
    Plain(Arc<PlainFile>, u64),
    Stream(StreamBlock),
}

/// A block that was parsed.
struct Done {
    number: usize,
    scratch: Scratch,
    bytes: u64,
    lines: BlockLines,
    missing_bytes: u64,
    error: Option<ReadError>,
}

impl Shared<'_> {
    fn scratch(&self) -> Scratch {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.unwrap_or_else(|| Scratch {
            rollup: BlockRollup::new(self.options.rollup.clone(), self.hasher.clone(), Arc::clone(self.bots)),
            buffer: Vec::new(),
        })
    }

    /// Parses a block and sends what it adds up to.
    fn work(&self, number: usize, work: &Work, file: &PreparedFile) {
        let Scratch { mut rollup, mut buffer } = self.scratch();
        rollup.clear();
        let block = match work {
            Work::Plain(file, index) => file.read_block(*index, &mut buffer),
            Work::Stream(block) => Ok(block.block()),
        };
        let (mut bytes, mut lines, mut missing_bytes, mut error) = (0, BlockLines::default(), 0, None);
        match block {
            Ok(block) => {
                let choice = Choice { known: self.formats, own: file.format, others: self.others };
                lines = lines::count(&block, choice, file.reference_us, &mut rollup);
                (bytes, missing_bytes) = (block.bytes.len() as u64, block.missing_bytes);
            }
            Err(cause) => error = Some(cause),
        }
        let scratch = Scratch { rollup, buffer };
        // The receiver is gone only when the reader panicked.
        let _ = self.sender.send(Done { number, scratch, bytes, lines, missing_bytes, error });
    }
}

/// Hands out blocks and folds them as they come back, in order.
struct Reader<'a, 'f> {
    shared: &'a Shared<'a>,
    receiver: Receiver<Done>,
    /// Blocks that may be on their way at the same time.
    window: usize,
    /// Which file each block is of.
    sent: Vec<usize>,
    /// The block to fold next.
    next: usize,
    done: BTreeMap<usize, Done>,
    fold: Fold<'a>,
    folded: &'f mut dyn FnMut(),
}

impl<'a> Reader<'a, '_> {
    fn read_files<'s>(&mut self, scope: &rayon::Scope<'s>)
    where
        'a: 's,
    {
        let wanted: Vec<usize> = (0..self.fold.source.files.len())
            .filter(|&at| self.fold.source.files[at].skip.is_none())
            .collect();
        let mut ahead = None;
        for (place, &at) in wanted.iter().enumerate() {
            let input = ahead.take().unwrap_or_else(|| self.open(at));
            // A compressed file unpacks on its own thread while the one before it is parsed.
            if matches!(input, Ok(Input::Stream(_))) {
                ahead = wanted.get(place + 1).map(|&next| self.open(next));
            }
            match input {
                Ok(Input::Plain(file)) => self.read_plain(scope, at, &Arc::new(file)),
                Ok(Input::Stream(stream)) => {
                    for block in stream {
                        match block {
                            Ok(block) => self.send(scope, at, Work::Stream(block)),
                            Err(error) => self.fold.error(at, error),
                        }
                    }
                }
                Err(error) => self.fold.error(at, error),
            }
        }
        while self.next < self.sent.len() {
            self.receive();
        }
    }

    fn open(&self, at: usize) -> Result<Input, ReadError> {
        open(&self.fold.source.files[at].file, &self.shared.options.limits, &self.shared.options.progress)
    }

    fn read_plain<'s>(&mut self, scope: &rayon::Scope<'s>, at: usize, file: &Arc<PlainFile>)
    where
        'a: 's,
    {
        for index in 0..file.blocks() {
            self.send(scope, at, Work::Plain(Arc::clone(file), index));
        }
    }

    fn send<'s>(&mut self, scope: &rayon::Scope<'s>, at: usize, work: Work)
    where
        'a: 's,
    {
        while self.sent.len() - self.next >= self.window {
            self.receive();
        }
        let (shared, number) = (self.shared, self.sent.len());
        let file = &self.fold.source.files[at];
        self.sent.push(at);
        scope.spawn(move |_| shared.work(number, &work, file));
    }

    fn receive(&mut self) {
        let Ok(done) = self.receiver.recv() else { return };
        self.done.insert(done.number, done);
        while let Some(done) = self.done.remove(&self.next) {
            let scratch = self.fold.block(self.sent[self.next], done);
            if let Ok(mut idle) = self.shared.idle.lock() {
                idle.push(scratch);
            }
            self.next += 1;
            (self.folded)();
        }
    }
}

/// What the blocks add up to.
struct Fold<'a> {
    rollup: SourceRollup,
    source: &'a Prepared,
    files: Vec<FileSummary>,
    rejects: BTreeMap<RejectKind, Vec<Place>>,
    events: Vec<EventRow>,
    events_left_out: u64,
    nul_bytes: u64,
    /// The source's formats, then those that its lines may turn out to have.
    format_names: Vec<String>,
    errors: Vec<ReadError>,
}

impl Fold<'_> {
    fn block(&mut self, at: usize, mut done: Done) -> Scratch {
        let rollup = &mut done.scratch.rollup;
        self.rollup.fold(rollup);
        for note in rollup.reject_notes.drain(..) {
            let file = &self.files[at];
            let places = self.rejects.entry(note.reject.kind).or_default();
            if places.len() < PLACES {
                places.push(place(&file.path, file.lines, &note));
            }
        }
        let room = EVENTS.saturating_sub(self.events.len());
        self.events_left_out += rollup.events_left_out + rollup.event_notes.len().saturating_sub(room) as u64;
        let name = &self.source.plan.name;
        self.events.extend(rollup.event_notes.drain(..).take(room).map(|note| event_row(name, &note)));
        let file = &mut self.files[at];
        for share in &done.lines.shares {
            lines::add_share(&mut file.formats, &self.format_names[share.format], file.lines, *share);
        }
        file.lines += rollup.counts.lines;
        file.bytes += done.bytes;
        self.nul_bytes += done.lines.nul_bytes;
        if done.missing_bytes > 0 {
            file.skipped = Some(format!("shrank while it was read: {} bytes are gone", done.missing_bytes));
        }
        if let Some(error) = done.error {
            self.error(at, error);
        }
        done.scratch
    }

    /// The formats that lines have, the source's first ones first.
    fn formats_in_use(&self) -> String {
        let has_lines = |name: &&String| {
            self.files.iter().flat_map(|file| &file.formats).any(|share| share.format == **name)
        };
        let used: Vec<&str> = self.format_names.iter().filter(has_lines).map(String::as_str).collect();
        if used.is_empty() { self.format_names[0].clone() } else { used.join(", ") }
    }

    fn error(&mut self, at: usize, error: ReadError) {
        let message = error.to_string();
        self.files[at].skipped = Some(message.lines().next().unwrap_or_default().to_owned());
        self.errors.push(error);
    }

    fn finish(mut self) -> SourceRead {
        let accounting = accounting(&self.rollup.counts, self.nul_bytes, &mut self.rejects);
        let plan = &self.source.plan;
        let summary = SourceSummary {
            name: plan.name.clone(),
            format: if self.source.empty { "none".to_owned() } else { self.formats_in_use() },
            format_from: match plan.formats.len() {
                1.. => "given",
                0 if self.source.empty => "empty",
                0 => "detected",
            }
            .to_owned(),
            tier: plan.tier.clone(),
            node: plan.node.clone(),
            files: self.files,
            accounting,
        };
        let (events, events_left_out) = (self.events, self.events_left_out);
        SourceRead {
            result: SourceResult { summary, rollup: self.rollup, events, events_left_out },
            errors: self.errors,
        }
    }
}

fn place(file: &str, lines_before: u64, note: &RejectNote) -> Place {
    let excerpt = &note.excerpt[..note.excerpt.len().min(EXCERPT)];
    Place {
        file: file.to_owned(),
        line: lines_before + note.line + 1,
        byte: note.reject.byte as u64 + 1,
        excerpt: printable(excerpt),
    }
}
