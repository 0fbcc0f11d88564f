//! Counts what becomes of the lines of a source, file by file. Counts no requests by the hour.

use super::Prepared;
use super::lines::{self, Choice, Share};
use crate::rollup::LineCounts;
use crate::source::{Block, Input, Limits, Progress, ReadError, open};
use logstat_parsers::{Format, Line, Reject, Role, Slot};
use logstat_reports::model::FormatShare;
use rayon::prelude::*;

/// Rejected lines that are kept of each kind.
const KEPT: usize = 3;
/// Blocks that each thread counts before they are folded: bounds the lines that are kept meanwhile.
const BLOCKS_PER_THREAD: usize = 2;

/// How to count.
#[derive(Debug, Clone, Default)]
pub struct TallyOptions {
    /// Only so many lines of each file.
    pub lines: Option<u64>,
    /// Told of every byte read.
    pub progress: Progress,
}

/// What became of the lines of a source.
#[derive(Debug, Default)]
pub struct SourceTally {
    /// In the order in which they were read.
    pub files: Vec<FileTally>,
    /// Each field that the format fills, and the records that have it.
    pub filled: Vec<(Slot, u64)>,
    /// The first lines of each kind of reject, in order.
    pub rejected: Vec<RejectedLine>,
    /// Files that could not be read to their end. What came before is counted.
    pub errors: Vec<ReadError>,
}

/// What became of the lines of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct FileTally {
    pub path: String,
    pub counts: LineCounts,
    /// Formats of its records, in order of appearance.
    pub formats: Vec<FormatShare>,
}

/// A line that is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedLine {
    /// Place among the files.
    pub file: usize,
    /// Line in the file, from 1.
    pub line: u64,
    #[expect(missing_docs)]
    pub reject: Reject,
    /// The line as it was read.
    pub bytes: Vec<u8>,
}

impl SourceTally {
    /// Of all files together.
    #[must_use]
    pub fn counts(&self) -> LineCounts {
        let mut counts = LineCounts::default();
        self.files.iter().for_each(|file| counts.merge(&file.counts));
        counts
    }
}

/// Reads one source; calls `folded` from time to time, for a progress bar.
pub fn tally(source: &Prepared, options: &TallyOptions, folded: &mut dyn FnMut()) -> SourceTally {
    let formats = &source.formats;
    let others = if formats.open { formats.others() } else { Vec::new() };
    let names: Vec<&str> = formats.list.iter().chain(&others).map(Format::name).collect();
    let fills = |role| if let Role::Fills(slot) = role { Some((slot, 0)) } else { None };
    let mut tally = SourceTally {
        filled: formats.list[0].items().into_iter().filter_map(|item| fills(item.role)).collect(),
        ..SourceTally::default()
    };
    for file in &source.files {
        let path = file.file.path().display().to_string();
        tally.files.push(FileTally { path, ..FileTally::default() });
        let counter = Counter {
            choice: Choice { known: &formats.list, own: file.format, others: &others },
            names: &names,
            slots: &tally.filled.clone(),
            reference_us: file.reference_us,
        };
        match open(&file.file, &Limits::default(), &options.progress) {
            Ok(input) => tally.read(input, &counter, options.lines.unwrap_or(u64::MAX), folded),
            Err(error) => tally.errors.push(error),
        }
    }
    tally
}

impl SourceTally {
    fn read(&mut self, input: Input, counter: &Counter<'_>, lines: u64, folded: &mut dyn FnMut()) {
        match input {
            Input::Plain(file) => {
                let at_once =
                    if lines == u64::MAX { rayon::current_num_threads() * BLOCKS_PER_THREAD } else { 1 };
                let mut next = 0;
                while next < file.blocks() && self.lines_read() < lines {
                    let end = file.blocks().min(next + at_once as u64);
                    let left = lines - self.lines_read();
                    let count = |buffer: &mut Vec<u8>, index| {
                        Ok(counter.block(&file.read_block(index, buffer)?, left))
                    };
                    let counted: Vec<_> = (next..end).into_par_iter().map_init(Vec::new, count).collect();
                    counted.into_iter().for_each(|block| self.fold(block));
                    folded();
                    next = end;
                }
            }
            Input::Stream(stream) => {
                for block in stream {
                    let left = lines - self.lines_read();
                    self.fold(block.map(|block| counter.block(&block.block(), left)));
                    folded();
                    if self.lines_read() == lines {
                        break;
                    }
                }
            }
        }
    }

    /// Lines of the last file.
    fn lines_read(&self) -> u64 {
        self.files.last().map_or(0, |file| file.counts.lines)
    }

    fn fold(&mut self, block: Result<BlockTally, ReadError>) {
        let block = match block {
            Ok(block) => block,
            Err(error) => return self.errors.push(error),
        };
        let lines_before = self.lines_read();
        let at = self.files.len() - 1;
        for (reject, line, bytes) in block.rejected {
            let same_kind = self.rejected.iter().filter(|kept| kept.reject.kind == reject.kind);
            if same_kind.count() < KEPT {
                self.rejected.push(RejectedLine { file: at, line: lines_before + line, reject, bytes });
            }
        }
        for (name, share) in block.formats {
            lines::add_share(&mut self.files[at].formats, &name, lines_before, share);
        }
        self.files[at].counts.merge(&block.counts);
        self.filled.iter_mut().zip(block.filled).for_each(|((_, count), of_block)| *count += of_block);
    }
}

/// How to count the blocks of a file.
struct Counter<'a> {
    choice: Choice<'a>,
    /// Of the known formats, then the others.
    names: &'a [&'a str],
    slots: &'a [(Slot, u64)],
    reference_us: i64,
}

/// What became of the lines of a block.
struct BlockTally {
    counts: LineCounts,
    /// Records that have each of the fields.
    filled: Vec<u64>,
    /// The first of each kind, with their lines in the block, from 1.
    rejected: Vec<(Reject, u64, Vec<u8>)>,
    formats: Vec<(String, Share)>,
}

impl Counter<'_> {
    /// Counts the first lines of a block.
    fn block(&self, block: &Block<'_>, lines: u64) -> BlockTally {
        let mut tally = BlockTally {
            counts: LineCounts::default(),
            filled: vec![0; self.slots.len()],
            rejected: Vec::new(),
            formats: Vec::new(),
        };
        let read = lines::each(block, self.choice, self.reference_us, |at, parsed| {
            if at.number < lines {
                tally.line(at.number, at.bytes, parsed, self.slots);
            }
        });
        let named = |share: Share| (self.names[share.format].to_owned(), share);
        tally.formats = read.shares.into_iter().map(named).collect();
        tally
    }
}

impl BlockTally {
    fn line(&mut self, number: u64, bytes: &[u8], parsed: &Line<'_>, slots: &[(Slot, u64)]) {
        self.counts.lines += 1;
        match parsed {
            Line::Record(record) => {
                self.counts.records += 1;
                self.counts.truncated += u64::from(record.truncated);
                let filled = self.filled.iter_mut().zip(slots);
                filled.for_each(|(count, (slot, _))| *count += u64::from(slot.is_in(record)));
            }
            Line::Event(_) => self.counts.events += 1,
            Line::Blank => self.counts.blank += 1,
            Line::Reject(reject) => {
                let of_kind = &mut self.counts.rejects[reject.kind as usize];
                *of_kind += 1;
                if *of_kind <= KEPT as u64 {
                    self.rejected.push((*reject, number + 1, bytes.to_vec()));
                }
            }
        }
    }
}
