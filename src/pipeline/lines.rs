//! Reads the lines of a block into its rollup, each in the format that it has. Knows no file and no thread.

use super::formats::{FEW, is_whole, may_be_another};
use super::watch::BlockWatch;
use crate::rollup::BlockRollup;
use crate::source::{self, Block, Ending};
use logstat_parsers::{Format, Line, Parser, Reject, RejectKind};
use logstat_reports::model::FormatShare;

/// Lines that decide which format the unread ones of a block have.
const SAMPLE: usize = 32;

/// The formats that a block's lines may have.
#[derive(Clone, Copy)]
pub(super) struct Choice<'f> {
    /// Those of the source.
    pub(super) known: &'f [Format],
    /// The place among them of the one that most lines of this file have.
    pub(super) own: usize,
    /// Those that lines may turn out to have; none where only the known ones are allowed.
    pub(super) others: &'f [Format],
}

/// How many lines of a block have a format, and the first of them, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// Place among the known formats, then the others.
    pub(super) format: usize,
    pub(super) first: u64,
    pub(super) lines: u64,
}

/// What reading a block told, besides its rollup.
#[derive(Debug, Default)]
pub(super) struct BlockLines {
    /// NULs that were skipped between the lines.
    pub(super) nul_bytes: u64,
    /// Formats of its records.
    pub(super) shares: Vec<Share>,
}

/// A line of a block.
#[derive(Clone, Copy)]
pub(super) struct At<'b> {
    pub(super) bytes: &'b [u8],
    /// From 0.
    pub(super) number: u64,
    /// Place of its first byte in the uncompressed input.
    pub(super) offset: u64,
    /// End of the request before it, where the block has one.
    pub(super) after_us: Option<i64>,
}

/// A line that no known format reads.
struct Unread<'b> {
    at: At<'b>,
    reject: Reject,
}

/// Parses and counts every line of a block, and watches them where that is wanted.
pub(super) fn count(
    block: &Block<'_>,
    choice: Choice<'_>,
    reference_us: i64,
    rollup: &mut BlockRollup,
    mut watch: Option<&mut BlockWatch>,
) -> BlockLines {
    let lines = each(block, choice, reference_us, |at, parsed| {
        match parsed {
            Line::Record(record) => rollup.record(record),
            Line::Event(event) => rollup.event(event),
            Line::Reject(reject) => rollup.reject(*reject, at.number, at.bytes),
            Line::Blank => rollup.blank(),
        }
        if let Some(watch) = watch.as_deref_mut() {
            watch.line(at, parsed, rollup.places());
        }
    });
    rollup.finish();
    lines
}

/// Parses every line of a block and says what each became. Those that no known format reads come last, because all of
/// them together tell which format they have.
#[inline]
pub(super) fn each<'b>(
    block: &Block<'b>,
    choice: Choice<'_>,
    reference_us: i64,
    mut became: impl FnMut(&At<'b>, &Line<'_>),
) -> BlockLines {
    let mut parsers: Vec<Parser<'_>> =
        choice.known.iter().map(|format| format.parser(reference_us)).collect();
    let mut shares = Shares::default();
    let mut unread = Vec::new();
    // Written over for every line, since a record is too large to copy each time.
    let mut parsed = Line::Blank;
    let mut lines = block.lines();
    let (mut number, mut own, mut last_us) = (0, 0, None);
    for line in lines.by_ref() {
        let at = At { bytes: line.bytes, number, offset: line.offset, after_us: last_us };
        number += 1;
        if line.ending.is_cut() {
            became(&at, &Line::Reject(cut_reject(&mut parsers[choice.own], &line)));
            continue;
        }
        parsers[choice.own].parse_into(line.bytes, &mut parsed);
        if may_be_another(&parsed)
            && let Some((format, record)) = in_another(&mut parsers, choice.own, line.bytes)
        {
            parsed = record;
            shares.add(format, at.number);
        } else if let Line::Record(_) = parsed {
            if own == 0 {
                shares.begin(choice.own, at.number);
            }
            own += 1;
        }
        match &parsed {
            Line::Reject(reject) if may_be_another(&parsed) && !choice.others.is_empty() => {
                unread.push(Unread { at, reject: *reject });
            }
            parsed => became(&at, parsed),
        }
        if let Line::Record(record) = &parsed {
            last_us = Some(record.end_us);
        }
    }
    shares.add_lines(choice.own, own);
    each_unread(&unread, choice, reference_us, &mut shares, &mut became);
    BlockLines { nul_bytes: lines.nul_bytes(), shares: shares.0 }
}

/// The line, if it is a whole record of another known format: a cut one could be any format's.
#[cold]
fn in_another<'l>(parsers: &mut [Parser<'_>], own: usize, line: &'l [u8]) -> Option<(usize, Line<'l>)> {
    let others = parsers.iter_mut().enumerate().filter(|(at, _)| *at != own);
    let mut parsed = others.map(|(at, parser)| (at, parser.parse(line)));
    parsed.find(|(_, parsed)| is_whole(parsed))
}

/// The lines that no known format reads: in the one that most of them have, if they have one.
fn each_unread<'b>(
    unread: &[Unread<'b>],
    choice: Choice<'_>,
    reference_us: i64,
    shares: &mut Shares,
    became: &mut impl FnMut(&At<'b>, &Line<'_>),
) {
    let found = if unread.len() < FEW { None } else { commonest(unread, choice.others) };
    let mut parser = found.map(|at| (choice.known.len() + at, choice.others[at].parser(reference_us)));
    for line in unread {
        match parser.as_mut().map(|(format, parser)| (*format, parser.parse(line.at.bytes))) {
            Some((format, parsed)) if is_whole(&parsed) => {
                shares.add(format, line.at.number);
                became(&line.at, &parsed);
            }
            _ => became(&line.at, &Line::Reject(line.reject)),
        }
    }
}

/// The format that reads more than half of some of the lines.
fn commonest(unread: &[Unread<'_>], others: &[Format]) -> Option<usize> {
    let sample: Vec<&[u8]> =
        unread.iter().step_by(unread.len().div_ceil(SAMPLE)).map(|line| line.at.bytes).collect();
    let reads = |format: &Format| {
        let mut parser = format.parser(0);
        sample.iter().filter(|line| is_whole(&parser.parse(line))).count()
    };
    let counted = others.iter().map(reads).enumerate();
    // Of several that read as many, the first.
    let (at, most) = counted.rev().max_by_key(|(_, lines)| *lines)?;
    (most * 2 > sample.len()).then_some(at)
}

/// How many lines have which format: seldom more than one.
#[derive(Default)]
struct Shares(Vec<Share>);

impl Shares {
    fn begin(&mut self, format: usize, first: u64) {
        if self.0.iter().all(|share| share.format != format) {
            self.0.push(Share { format, first, lines: 0 });
        }
    }

    fn add_lines(&mut self, format: usize, lines: u64) {
        if let Some(share) = self.0.iter_mut().find(|share| share.format == format) {
            share.lines += lines;
        }
    }

    fn add(&mut self, format: usize, number: u64) {
        self.begin(format, number);
        self.add_lines(format, 1);
    }
}

/// Adds the share that a format has in a block, before which its file had so many lines.
pub(super) fn add_share(formats: &mut Vec<FormatShare>, name: &str, lines_before: u64, share: Share) {
    match formats.iter_mut().find(|known| known.format == name) {
        Some(known) => known.lines += share.lines,
        None => formats.push(FormatShare {
            format: name.to_owned(),
            first_line: lines_before + share.first + 1,
            lines: share.lines,
        }),
    }
}

#[cold]
fn cut_reject(parser: &mut Parser<'_>, line: &source::Line<'_>) -> Reject {
    let kind = if line.ending == Ending::OverLong { RejectKind::TooLong } else { RejectKind::Cut };
    Reject { client: parser.client_of(line.bytes), ..Reject::new(kind, line.bytes.len()) }
}
