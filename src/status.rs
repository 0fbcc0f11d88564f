//! Carries out `logstat status`: how far each log was read, what the next run would read, and what was lost. Takes no
//! lock and changes nothing.
//!
//! [`text`] puts it on a page, [`json`] into a document.

pub mod json;
pub mod text;

use crate::cli::{ReadArgs, StatusArgs};
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::ingest::sight::{Look, Sight};
use crate::output;
use crate::plan::zone;
use crate::run::complain;
use crate::source::Compression;
use crate::source::resume::{self, CopyOf, Found, KnownStream, Waiting};
use crate::state;
use crate::store::{Gap, Known, Mode, SourceInfo, Span, Store};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A state, and what is there beside it.
#[derive(Debug)]
pub struct Status {
    #[expect(missing_docs)]
    pub now: Timestamp,
    /// The directory of the state.
    pub dir: PathBuf,
    /// The state's own name.
    pub node: String,
    /// The process that writes to it just now.
    pub writer: Option<u32>,
    #[expect(missing_docs)]
    pub kept: Kept,
    /// Every checksum was compared.
    pub checked: bool,
    /// By name.
    pub sources: Vec<SourceStatus>,
    /// Oldest first.
    pub gaps: Vec<Gap>,
    /// Gaps that gave way to newer ones.
    pub gaps_left_out: u64,
    /// What could not be found.
    pub problems: Vec<String>,
}

/// How much the state holds.
#[derive(Debug)]
#[expect(missing_docs)]
pub struct Kept {
    pub hours: usize,
    pub days: usize,
    /// Start of the oldest hour or day, in Unix hours.
    pub oldest: Option<i64>,
    /// End of the newest.
    pub newest: Option<i64>,
    /// Hours and days that changed since they were published.
    pub unpublished: usize,
    pub database_bytes: u64,
    pub published: Published,
}

/// Files in the folder of what is published.
#[derive(Debug, Default, Clone, Copy)]
#[expect(missing_docs)]
pub struct Published {
    pub files: u64,
    pub bytes: u64,
}

/// One source.
#[derive(Debug)]
pub struct SourceStatus {
    #[expect(missing_docs)]
    pub info: SourceInfo,
    /// Logs that go on, or of which something is unread; all of them where all were asked for.
    pub streams: Vec<StreamStatus>,
    /// Logs that were read to their end and are not among them.
    pub finished: Finished,
    /// `None` where nobody said which logs the source has.
    pub next: Option<Next>,
}

/// Logs that were read to their end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct Finished {
    pub streams: u64,
    /// Unpacked.
    pub bytes: u64,
}

/// How far a log was read.
#[derive(Debug)]
pub struct StreamStatus {
    /// As the state knows it.
    pub known: KnownStream,
    /// Where it is now, or was when it was last seen.
    pub path: PathBuf,
    #[expect(missing_docs)]
    pub unread: Unread,
}

/// What of a log was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// So many bytes.
    Bytes(u64),
    /// So many bytes on disk are to be unpacked, and nobody knows how many of them are new.
    Packed(u64),
    /// The log is gone, with these bytes unread, as far as they were seen.
    Gone(u64),
}

/// What the next run would do about a source.
#[derive(Debug, Default)]
pub struct Next {
    /// Logs that nobody knows yet, with their bytes on disk.
    pub new: Vec<(PathBuf, Unread)>,
    /// Files that hold what another one holds.
    pub copies: Vec<CopyOf>,
    /// Files that it could not read, and why.
    pub waiting: Vec<(PathBuf, String)>,
    /// What it would report as lost.
    pub lost: Vec<resume::Gap>,
}

/// Carries it out. Complaints go to standard error.
///
/// # Errors
/// When there is no state, it cannot be read, or it is damaged.
pub fn run(args: &StatusArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.config.as_deref())?;
    let store = state::open(&args.state, &config.state, Mode::Read)?;
    if args.check {
        store.check()?;
    }
    let status = status(args, &config, &store)?;
    let page = if args.json {
        json::render(&status)
    } else {
        let zone = zone(config.report.timezone.as_deref())?;
        text::render(&status, args.all, &zone, &output::style(args.color, 0))
    };
    output::put(page.as_bytes())?;
    Ok(complain(&status.problems).max(status.exit()))
}

impl Status {
    fn exit(&self) -> Exit {
        let mut nexts = self.sources.iter().filter_map(|source| source.next.as_ref());
        let is_well = nexts.all(|next| next.lost.is_empty() && next.waiting.is_empty());
        if is_well { Exit::Done } else { Exit::LimitExceeded }
    }
}

/// Looks at the state and at the logs.
fn status(args: &StatusArgs, config: &Config, store: &Store) -> anyhow::Result<Status> {
    let known = store.streams()?;
    let read = ReadArgs { paths: args.paths.clone(), ..ReadArgs::default() };
    let is_named = !(args.paths.is_empty() && config.source.is_empty());
    let sight = is_named
        .then(|| Sight::of(&read, config, &known, state::rotate_wait(&config.state)))
        .transpose()?
        .unwrap_or_default();
    Ok(Status {
        now: args.now.unwrap_or_else(Timestamp::now),
        dir: store.dir().to_owned(),
        node: store.node().to_owned(),
        writer: store.writer(),
        kept: kept(store)?,
        checked: args.check,
        sources: sources(store.sources()?, &known, sight.sources, args.all),
        gaps: store.gaps()?,
        gaps_left_out: store.gaps_left_out()?,
        problems: sight.problems,
    })
}

fn kept(store: &Store) -> anyhow::Result<Kept> {
    let periods = store.periods(i64::MIN..i64::MAX)?;
    let of = |span: Span| periods.iter().filter(|known| known.period.span == span).count();
    let end = |known: &Known| known.period.start + known.period.span.hours();
    Ok(Kept {
        hours: of(Span::Hour),
        days: of(Span::Day),
        oldest: periods.first().map(|known| known.period.start),
        newest: periods.iter().map(end).max(),
        unpublished: periods.iter().filter(|known| known.dirty).count(),
        database_bytes: store.bytes(),
        published: published(&store.published_dir()),
    })
}

/// What is in a folder and the folders in it; a file that goes meanwhile is not counted.
fn published(dir: &Path) -> Published {
    let mut sum = Published::default();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(file) if file.is_dir() => {
                let inside = published(&entry.path());
                sum.files += inside.files;
                sum.bytes += inside.bytes;
            }
            Ok(file) => {
                sum.files += 1;
                sum.bytes += file.len();
            }
            Err(_) => {}
        }
    }
    sum
}

/// Those that are known and those that are looked for, by name.
fn sources(infos: Vec<SourceInfo>, known: &[KnownStream], looks: Vec<Look>, all: bool) -> Vec<SourceStatus> {
    let known_infos = infos.into_iter().map(|info| (info.name.clone(), (info, None)));
    let mut sources: BTreeMap<String, (SourceInfo, Option<Look>)> = known_infos.collect();
    for look in looks {
        let name = look.source.name.clone();
        let info = SourceInfo { name: name.clone(), ..SourceInfo::default() };
        let (info, seen) = sources.entry(name).or_insert((info, None));
        // The configuration may have changed since.
        (info.tier, info.node) = (look.source.tier.clone(), look.source.node.clone());
        *seen = Some(look);
    }
    sources.into_values().map(|(info, look)| source(info, known, look, all)).collect()
}

fn source(info: SourceInfo, known: &[KnownStream], look: Option<Look>, all: bool) -> SourceStatus {
    let mut status = SourceStatus { info, streams: Vec::new(), finished: Finished::default(), next: None };
    for known in known.iter().filter(|known| known.source == status.info.name) {
        let stream = stream(known, look.as_ref());
        let is_over = known.finished && stream.unread == Unread::Bytes(0);
        if is_over && !all {
            status.finished.streams += 1;
            status.finished.bytes += known.offset;
        } else {
            status.streams.push(stream);
        }
    }
    status.next = look.map(next);
    status
}

fn stream(known: &KnownStream, look: Option<&Look>) -> StreamStatus {
    let mut status = StreamStatus {
        known: known.clone(),
        path: known.path.clone(),
        unread: Unread::Bytes(known.size.saturating_sub(known.offset)),
    };
    let Some(look) = look else { return status };
    let found = look.todo.found.iter().find(|(id, _)| *id == known.id).map(|(_, at)| &look.present[*at]);
    let read = look.todo.reads.iter().find(|read| read.stream == Some(known.id));
    let gap = look.todo.gaps.iter().find(|gap| gap.stream == known.id);
    status.path = found.map_or_else(|| known.path.clone(), |found| found.path.clone());
    status.unread = match (gap, read) {
        (Some(gap), _) => Unread::Gone(gap.unread_bytes.unwrap_or(0)),
        (None, Some(read)) => unread(&look.present[read.at], read.from),
        (None, None) => Unread::Bytes(0),
    };
    status
}

fn unread(found: &Found, from: u64) -> Unread {
    match found.compression {
        Compression::Plain => Unread::Bytes(found.size.saturating_sub(from)),
        _ => Unread::Packed(found.size),
    }
}

fn next(look: Look) -> Next {
    let new = look.todo.reads.iter().filter(|read| read.stream.is_none());
    let new = new.map(|read| (read.path.clone(), unread(&look.present[read.at], read.from))).collect();
    let waiting = look.todo.waiting.into_iter();
    Next {
        new,
        copies: look.todo.copies,
        waiting: waiting.map(|Waiting { path, error }| (path, error.to_string())).collect(),
        lost: look.todo.gaps,
    }
}
