//! Takes the blocks of files through parsing on all threads, and hands them back in the order of the log. Adds nothing
//! up.

use super::lines::{self, BlockLines, Choice};
use super::watch::{BlockWatch, Watch};
use super::{Prepared, PreparedFile};
use crate::bots::Bots;
use crate::rollup::{BlockRollup, KeyHasher, RollupOptions};
use crate::source::identity::Part;
use crate::source::{Input, Limits, PlainFile, Progress, ReadError, StreamBlock};
use logstat_parsers::{Fields, Format};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// How to read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// What to count.
    pub rollup: RollupOptions,
    /// How to cut.
    pub limits: Limits,
    /// What to find besides, for bans.
    pub watch: Option<Arc<Watch>>,
    /// Told of every byte read.
    pub progress: Progress,
}

/// A file that was opened.
pub(super) struct Opened {
    pub(super) input: Input,
    /// Of a plain file.
    pub(super) first_block: u64,
    /// Bytes that need not be measured; `None` measures none.
    pub(super) measured: Option<u64>,
}

/// Receives blocks, each once, in order.
pub(super) trait Fold {
    /// Opens the file at this place among the prepared ones. The next one may be opened before the last is over.
    fn open(&mut self, at: usize) -> Result<Opened, ReadError>;
    /// Adds up a block.
    fn block(&mut self, at: usize, done: Done) -> Scratch;
    /// A file could not be opened, or not be read on.
    fn error(&mut self, at: usize, error: ReadError);
    /// All blocks of a file were handed over; no more of it comes.
    fn end(&mut self, at: usize);
    /// Wants no further block, beyond those on their way.
    fn is_over(&self) -> bool;
}

/// What the threads of a source share.
pub(super) struct Shared<'a> {
    source: &'a Prepared,
    /// The source's.
    formats: Vec<Format>,
    /// Those that its lines may turn out to have.
    others: Vec<Format>,
    options: &'a ReadOptions,
    pub(super) hasher: KeyHasher,
    bots: &'a Arc<Bots>,
    idle: Mutex<Vec<Scratch>>,
}

/// Memory that is used again from block to block.
pub(super) struct Scratch {
    pub(super) rollup: BlockRollup,
    /// Where lines are watched.
    pub(super) watch: Option<BlockWatch>,
    /// What the bytes are, where that is wanted.
    pub(super) part: Part,
    buffer: Vec<u8>,
}

/// A block on its way.
enum Work {
    Plain(Arc<PlainFile>, u64),
    Stream(StreamBlock),
}

/// A block that was parsed.
pub(super) struct Done {
    number: usize,
    pub(super) scratch: Scratch,
    pub(super) bytes: u64,
    pub(super) lines: BlockLines,
    pub(super) missing_bytes: u64,
    pub(super) error: Option<ReadError>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(source: &'a Prepared, options: &'a ReadOptions, bots: &'a Arc<Bots>) -> Self {
        let wanted = |formats: &[Format]| -> Vec<Format> {
            formats.iter().map(|format| wanted_only(format, options)).collect()
        };
        Self {
            source,
            formats: wanted(&source.formats.list),
            others: if source.formats.open { wanted(&source.formats.others()) } else { Vec::new() },
            options,
            hasher: KeyHasher::default(),
            bots,
            idle: Mutex::default(),
        }
    }

    /// Of the source's formats, then those that its lines may turn out to have.
    pub(super) fn format_names(&self) -> Vec<String> {
        self.formats.iter().chain(&self.others).map(|format| format.name().to_owned()).collect()
    }

    fn scratch(&self) -> Scratch {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.unwrap_or_else(|| Scratch {
            rollup: BlockRollup::new(self.options.rollup.clone(), self.hasher.clone(), Arc::clone(self.bots)),
            watch: self.options.watch.as_ref().map(|watch| BlockWatch::new(watch, &self.options.rollup)),
            part: Part::default(),
            buffer: Vec::new(),
        })
    }

    /// Parses a block and sends what it adds up to.
    fn work(
        &self,
        number: usize,
        work: &Work,
        file: &PreparedFile,
        measured: Option<u64>,
        sender: &Sender<Done>,
    ) {
        let Scratch { mut rollup, mut watch, mut part, mut buffer } = self.scratch();
        rollup.clear();
        watch.iter_mut().for_each(BlockWatch::clear);
        let block = match work {
            Work::Plain(file, index) => file.read_block(*index, &mut buffer),
            Work::Stream(block) => Ok(block.block()),
        };
        let (mut bytes, mut lines, mut missing_bytes, mut error) = (0, BlockLines::default(), 0, None);
        match block {
            Ok(block) => {
                let choice = Choice { known: &self.formats, own: file.format, others: &self.others };
                lines = lines::count(&block, choice, file.reference_us, &mut rollup, watch.as_mut());
                (bytes, missing_bytes) = (block.bytes.len() as u64, block.missing_bytes);
                if let Some(measured) = measured {
                    part.measure_block(&block, measured);
                }
            }
            Err(cause) => error = Some(cause),
        }
        let scratch = Scratch { rollup, watch, part, buffer };
        // The receiver is gone only when the reader panicked.
        let _ = sender.send(Done { number, scratch, bytes, lines, missing_bytes, error });
    }
}

/// The format without the texts that nobody counts or watches: without both, hardly any.
fn wanted_only(format: &Format, options: &ReadOptions) -> Format {
    let mut format = format.clone();
    let (top, watched) = (options.rollup.top, options.watch.as_ref().map(|watch| watch.fields()));
    let watched = watched.unwrap_or_default();
    format.keep_only(&Fields {
        user_agent: true,
        method: top || options.rollup.by_method || watched.method,
        target: top || watched.target,
        referer: top || watched.referer,
        x_forwarded_for: watched.x_forwarded_for,
        ..Fields::default()
    });
    format
}

/// Reads the files at these places, one after another, on the threads of `pool`; calls `folded` from time to time, for a
/// progress bar.
pub(super) fn read_files<F: Fold>(
    shared: &Shared<'_>,
    places: &[usize],
    pool: &rayon::ThreadPool,
    fold: &mut F,
    folded: &mut dyn FnMut(),
) {
    let (sender, receiver) = channel();
    let window = pool.current_num_threads() * 2;
    let mut reader = Reader {
        shared,
        sender,
        receiver,
        window,
        sent: Vec::new(),
        next: 0,
        done: BTreeMap::new(),
        fold,
        folded,
    };
    pool.in_place_scope(|scope| reader.read(scope, places));
}

/// Hands out blocks and gives them on as they come back, in order.
struct Reader<'a, 'f, F> {
    shared: &'a Shared<'a>,
    sender: Sender<Done>,
    receiver: Receiver<Done>,
    /// Blocks that may be on their way at the same time.
    window: usize,
    /// Which file each block is of.
    sent: Vec<usize>,
    /// The block to give on next.
    next: usize,
    /// `None` is the end of a file.
    done: BTreeMap<usize, Option<Done>>,
    fold: &'f mut F,
    folded: &'f mut dyn FnMut(),
}

impl<'a, F: Fold> Reader<'a, '_, F> {
    fn read<'s>(&mut self, scope: &rayon::Scope<'s>, places: &[usize])
    where
        'a: 's,
    {
        let mut ahead = None;
        for (place, &at) in places.iter().enumerate() {
            if self.fold.is_over() {
                break;
            }
            let opened = ahead.take().unwrap_or_else(|| self.fold.open(at));
            // A compressed file unpacks on its own thread while the one before it is parsed.
            if matches!(opened, Ok(Opened { input: Input::Stream(_), .. })) {
                ahead = places.get(place + 1).map(|&next| self.fold.open(next));
            }
            match opened {
                Ok(opened) => self.read_file(scope, at, opened),
                Err(error) => self.fold.error(at, error),
            }
            self.end(at);
        }
        while self.next < self.sent.len() {
            self.receive();
        }
    }

    fn read_file<'s>(&mut self, scope: &rayon::Scope<'s>, at: usize, opened: Opened)
    where
        'a: 's,
    {
        match opened.input {
            Input::Plain(file) => {
                let file = Arc::new(file);
                for index in opened.first_block..file.blocks() {
                    if self.fold.is_over() {
                        break;
                    }
                    self.send(scope, at, Work::Plain(Arc::clone(&file), index), opened.measured);
                }
            }
            Input::Stream(stream) => {
                for block in stream {
                    if self.fold.is_over() {
                        break;
                    }
                    match block {
                        Ok(block) => self.send(scope, at, Work::Stream(block), opened.measured),
                        Err(error) => self.fold.error(at, error),
                    }
                }
            }
        }
    }

    fn send<'s>(&mut self, scope: &rayon::Scope<'s>, at: usize, work: Work, measured: Option<u64>)
    where
        'a: 's,
    {
        while self.sent.len() - self.next >= self.window {
            self.receive();
        }
        let (shared, number) = (self.shared, self.sent.len());
        let (file, sender) = (&shared.source.files[at], self.sender.clone());
        self.sent.push(at);
        scope.spawn(move |_| shared.work(number, &work, file, measured, &sender));
    }

    fn end(&mut self, at: usize) {
        self.done.insert(self.sent.len(), None);
        self.sent.push(at);
        self.give_on();
    }

    fn receive(&mut self) {
        if let Ok(done) = self.receiver.recv() {
            self.done.insert(done.number, Some(done));
            self.give_on();
        }
    }

    fn give_on(&mut self) {
        while let Some(step) = self.done.remove(&self.next) {
            let at = self.sent[self.next];
            self.next += 1;
            match step {
                None => self.fold.end(at),
                Some(done) => {
                    let scratch = self.fold.block(at, done);
                    if let Ok(mut idle) = self.shared.idle.lock() {
                        idle.push(scratch);
                    }
                    (self.folded)();
                }
            }
        }
    }
}
