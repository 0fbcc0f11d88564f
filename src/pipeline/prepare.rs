//! Settles each source's formats, the order of its files, and which of them the window cannot need.

use super::{Formats, SourcePlan};
use crate::source::{Input, Limits, LogFile, Progress, ReadError, head, open, tail};
use crate::window::{Extent, Window};
use jiff::Timestamp;
use logstat_parsers::{Format, FormatError, Line, detect};
use std::time::UNIX_EPOCH;

/// Bytes looked at, at the start and at the end of a file.
/// Enough for some lines of the longest kind.
const LOOK_BYTES: usize = 256 << 10;
const DAY_US: i64 = 86_400 * 1_000_000;
const YEAR_US: i64 = 365 * DAY_US;
/// Lines are written in the order in which requests end only about.
const LATENESS_US: i64 = 5 * 60 * 1_000_000;

/// A source that is ready to be read.
#[derive(Debug)]
pub struct Prepared {
    #[expect(missing_docs)]
    pub plan: SourcePlan,
    #[expect(missing_docs)]
    pub formats: Formats,
    /// In the order in which they are read.
    pub files: Vec<PreparedFile>,
    /// Not one line in any file.
    pub empty: bool,
    /// A format for which its requests do not count for bans, though they should.
    pub unsafe_format: Option<String>,
}

/// A file that is ready to be read.
#[derive(Debug)]
pub struct PreparedFile {
    #[expect(missing_docs)]
    pub file: LogFile,
    /// Which of the source's formats it begins with.
    pub format: usize,
    /// The moment that dates without a year are near to, microseconds since 1970.
    pub reference_us: i64,
    /// End of its first request, where it has one in sight.
    pub first_us: Option<i64>,
    /// No request in it ends later than about this, where that is known.
    pub last_us: Option<i64>,
    /// Why it is not read.
    pub skip: Option<String>,
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("{origin}: {error}\nhint: {}", error.hint())]
    #[expect(missing_docs)]
    Format { origin: String, error: FormatError },
    #[error("{path}:1:1: no known format fits\nhint: {hint}\nline 1: {line}")]
    #[expect(missing_docs)]
    Unknown { path: String, hint: String, line: String },
    #[error(transparent)]
    #[expect(missing_docs)]
    Read(#[from] ReadError),
    #[error(
        "standard input can be read only once, so its first and last request are not known before\nhint: name a time instead of `oldest` or `newest`"
    )]
    #[expect(missing_docs)]
    Pipe,
}

/// Finds the format, and the order of the files.
///
/// # Errors
/// When the format is unknown or a file cannot be opened.
pub fn prepare(plan: SourcePlan) -> Result<Prepared, PrepareError> {
    let heads = heads(&plan)?;
    let mut formats = formats(&plan, &heads)?;
    let empty = heads.iter().all(|(_, head)| head.is_empty());
    heads.iter().rev().for_each(|(_, head)| formats.learn(head));
    let tails: Vec<_> = heads.iter().map(|(file, _)| last_lines(file)).collect();
    tails.iter().rev().for_each(|tail| formats.learn(tail));
    if plan.formats.is_empty() {
        formats.add_siblings()?;
    }
    let unsafe_format = plan.watched.then(|| formats.unsafe_for_bans()).flatten();
    let plan = SourcePlan { watched: plan.watched && unsafe_format.is_none(), ..plan };
    let mut looked_at = heads.into_iter().zip(tails);
    let mut files = Vec::new();
    for set in &plan.sets {
        let of_set = looked_at.by_ref().take(set.files.len());
        files.extend(ordered(
            of_set.map(|((file, head), tail)| prepared_file(file, &head, &tail, &formats)).collect(),
        ));
    }
    files.sort_by_key(order);
    Ok(Prepared { plan, formats, files, empty, unsafe_format })
}

/// First and last request of all sources.
///
/// # Errors
/// When a file cannot be read.
pub fn extent(sources: &[Prepared]) -> Result<Option<Extent>, PrepareError> {
    let mut extent: Option<Extent> = None;
    for source in sources {
        for file in &source.files {
            let last_us = if file.file.is_pipe() {
                return Err(PrepareError::Pipe);
            } else if file.file.is_plain() {
                file.last_us
            } else {
                last_of_stream(&file.file, &source.formats, file.reference_us)?
            };
            for us in file.first_us.into_iter().chain(last_us) {
                let known = extent.get_or_insert(Extent { oldest_us: us, newest_us: us });
                known.oldest_us = known.oldest_us.min(us);
                known.newest_us = known.newest_us.max(us);
            }
        }
    }
    Ok(extent)
}

impl Prepared {
    /// Why its requests do not count for bans, though they should.
    #[must_use]
    pub fn unwatched(&self) -> Option<String> {
        let (name, format) = (&self.plan.name, self.unsafe_format.as_ref()?);
        Some(format!(
            "{name}: not watched for bans: in the format {format}, a line that was cut could name somebody else's address\n             hint: put the client's address in front of what clients write, and not at the end"
        ))
    }

    /// Marks the files that the window cannot need.
    pub fn skip_outside(&mut self, window: &Window) {
        for file in &mut self.files {
            let first_us = file.first_us.map(|us| us - LATENESS_US);
            let last_us = file.last_us.map(|us| us + LATENESS_US);
            if !file.file.is_pipe() && !window.may_hold(first_us, last_us) {
                file.skip = Some(format!("outside the window: {}", span(file)));
            }
        }
    }

    /// End of the last request in sight, for a window that holds nothing.
    #[must_use]
    pub fn newest_us(&self) -> Option<i64> {
        self.files.iter().flat_map(|file| file.first_us.max(file.last_us)).max()
    }
}

fn span(file: &PreparedFile) -> String {
    let show = |us: Option<i64>| {
        let instant = us.and_then(|us| Timestamp::from_second(us.div_euclid(1_000_000)).ok());
        instant.map_or_else(|| "?".to_owned(), |instant| instant.to_string())
    };
    format!("{} to {}", show(file.first_us), show(file.last_us))
}

fn heads(plan: &SourcePlan) -> Result<Vec<(LogFile, Vec<u8>)>, ReadError> {
    let files = plan.sets.iter().flat_map(|set| &set.files);
    files.map(|file| Ok((file.clone(), head(file, LOOK_BYTES)?))).collect()
}

/// The formats as given, else that of the newest file that shows one.
fn formats(plan: &SourcePlan, heads: &[(LogFile, Vec<u8>)]) -> Result<Formats, PrepareError> {
    if !plan.formats.is_empty() {
        return Formats::given(plan);
    }
    if !plan.remembered.is_empty() {
        return Formats::remembered(plan);
    }
    let options = plan.options();
    let mut unknown = None;
    for (file, head) in heads.iter().rev().filter(|(_, head)| !head.is_empty()) {
        let detection = detect(head, &options);
        match detection.best {
            Some(_) => return Formats::detected(plan, Some(detection)),
            None => match Formats::mixed(plan, &detection, head) {
                Some(mixed) => return Ok(mixed),
                None => unknown = unknown.or(Some((file, head, detection.hint))),
            },
        }
    }
    match unknown {
        Some((file, head, hint)) => Err(unknown_format(file, head, hint)),
        // Nothing will be parsed with it.
        None => Formats::detected(plan, None),
    }
}

fn unknown_format(file: &LogFile, head: &[u8], hint: Option<String>) -> PrepareError {
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = logstat_reports::text::printable(&first[..first.len().min(120)]);
    let line = logstat_reports::text::safe(&line).into_owned();
    let usual = "copy the log_format string from nginx.conf, or log-format from haproxy.cfg, to --format '…'";
    PrepareError::Unknown {
        path: file.path().display().to_string(),
        hint: hint.unwrap_or_else(|| usual.to_owned()),
        line,
    }
}

/// What can be seen of a file's end.
fn last_lines(file: &LogFile) -> Vec<u8> {
    tail(file, LOOK_BYTES).ok().flatten().unwrap_or_default()
}

fn prepared_file(file: LogFile, head: &[u8], tail: &[u8], formats: &Formats) -> PreparedFile {
    let modified_us = file.modified().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
    // The date nearest to this one is the last that is not after the file's.
    let middle_us = modified_us + DAY_US - YEAR_US / 2;
    let first_us = ends(head, &formats.list, middle_us).next();
    let last_us = ends(tail, &formats.list, middle_us).max();
    // Requests with a year say which one messages without are of, whatever has touched the file since.
    let reference_us = last_us.or(first_us).unwrap_or(middle_us);
    PreparedFile { file, format: formats.own(head), reference_us, first_us, last_us, skip: None }
}

/// Ends of the requests in some lines.
fn ends<'b>(bytes: &'b [u8], formats: &'b [Format], reference_us: i64) -> impl Iterator<Item = i64> + 'b {
    let mut parsers: Vec<_> = formats.iter().map(|format| format.parser(reference_us)).collect();
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter_map(move |line| {
        parsers.iter_mut().find_map(|parser| match parser.parse(line) {
            Line::Record(record) => Some(record.end_us),
            Line::Event(_) | Line::Reject(_) | Line::Blank => None,
        })
    })
}

/// Puts the files of one log in time order. What was compressed ended before the next file began.
fn ordered(mut files: Vec<PreparedFile>) -> Vec<PreparedFile> {
    files.sort_by_key(order);
    for at in 1..files.len() {
        let next_us = files[at].first_us;
        let file = &mut files[at - 1];
        if !file.file.is_plain() && next_us.is_some() {
            file.last_us = next_us;
        }
    }
    files
}

fn order(file: &PreparedFile) -> i64 {
    file.first_us.unwrap_or(file.reference_us)
}

/// End of the last request of a compressed file, which is read to its end for it.
fn last_of_stream(file: &LogFile, formats: &Formats, reference_us: i64) -> Result<Option<i64>, PrepareError> {
    let mut last_us = None;
    if let Input::Stream(stream) = open(file, &Limits::default(), &Progress::default())? {
        // A break is reported when the file is read.
        for block in stream.map_while(Result::ok) {
            let of_block = ends(block.block().bytes, &formats.list, reference_us).max();
            last_us = last_us.max(of_block);
        }
    }
    Ok(last_us)
}
