//! Reads a source for a report: its blocks add up to hours and to the account of its lines.

use super::blocks::{self, Done, Fold, Opened, ReadOptions, Scratch, Shared};
use super::watch::{HitCounts, HitSink};
use super::{Prepared, PreparedFile, lines};
use crate::bots::Bots;
use crate::report::{SourceResult, accounting, event_row};
use crate::rollup::{RejectNote, SourceRollup};
use crate::source::{ReadError, open};
use logstat_parsers::RejectKind;
use logstat_reports::model::{EventRow, FileSummary, Place, SourceSummary};
use logstat_reports::text::printable;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Places shown of each kind of reject.
const PLACES: usize = 5;
/// Bytes shown of a rejected line.
const EXCERPT: usize = 120;
/// Messages of a proxy that are kept.
const EVENTS: usize = 1000;

/// A source that was read, and what could not be.
#[derive(Debug)]
pub struct SourceRead {
    #[expect(missing_docs)]
    pub result: SourceResult,
    /// Hits of ban rules.
    pub hits: HitCounts,
    /// Files that could not be read to their end. What came before is counted.
    pub errors: Vec<ReadError>,
}

/// Reads one source on the threads of `pool`, and gives its hits to `sink`; calls `folded` from time to time, for a
/// progress bar.
pub fn read(
    source: &Prepared,
    options: &ReadOptions,
    (pool, bots): (&rayon::ThreadPool, &Arc<Bots>),
    sink: &mut dyn HitSink,
    folded: &mut dyn FnMut(),
) -> SourceRead {
    let shared = Shared::new(source, options, bots);
    let mut reading = Reading {
        rollup: SourceRollup::new(options.rollup.clone(), shared.hasher.clone()),
        source,
        options,
        files: source.files.iter().map(file_summary).collect(),
        rejects: BTreeMap::new(),
        events: Vec::new(),
        events_left_out: 0,
        nul_bytes: 0,
        format_names: shared.format_names(),
        errors: Vec::new(),
        last_us: vec![None; source.files.len()],
        hits: HitCounts::default(),
        sink,
    };
    let wanted: Vec<usize> = (0..source.files.len()).filter(|&at| source.files[at].skip.is_none()).collect();
    blocks::read_files(&shared, &wanted, pool, &mut reading, folded);
    reading.finish()
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

/// What the blocks add up to.
struct Reading<'a> {
    rollup: SourceRollup,
    source: &'a Prepared,
    options: &'a ReadOptions,
    files: Vec<FileSummary>,
    rejects: BTreeMap<RejectKind, Vec<Place>>,
    events: Vec<EventRow>,
    events_left_out: u64,
    nul_bytes: u64,
    /// The source's formats, then those that its lines may turn out to have.
    format_names: Vec<String>,
    errors: Vec<ReadError>,
    /// Of each file, the end of the last request so far.
    last_us: Vec<Option<i64>>,
    hits: HitCounts,
    sink: &'a mut dyn HitSink,
}

impl Fold for Reading<'_> {
    fn open(&mut self, at: usize) -> Result<Opened, ReadError> {
        let file = &self.source.files[at].file;
        let input = open(file, &self.options.limits, &self.options.progress)?;
        Ok(Opened { input, first_block: 0, measured: None })
    }

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
        if let Some(watch) = &mut done.scratch.watch {
            self.sink.take(at, watch.give(self.last_us[at], &mut self.hits));
        }
        self.last_us[at] = done.scratch.rollup.last_us.or(self.last_us[at]);
        if let Some(error) = done.error {
            self.error(at, error);
        }
        done.scratch
    }

    fn error(&mut self, at: usize, error: ReadError) {
        let message = error.to_string();
        self.files[at].skipped = Some(message.lines().next().unwrap_or_default().to_owned());
        self.errors.push(error);
    }

    fn end(&mut self, _: usize) {}

    fn is_over(&self) -> bool {
        false
    }
}

impl Reading<'_> {
    /// The formats that lines have, the source's first ones first.
    fn formats_in_use(&self) -> String {
        let has_lines = |name: &&String| {
            self.files.iter().flat_map(|file| &file.formats).any(|share| share.format == **name)
        };
        let used: Vec<&str> = self.format_names.iter().filter(has_lines).map(String::as_str).collect();
        if used.is_empty() { self.format_names[0].clone() } else { used.join(", ") }
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
            hits: self.hits,
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
