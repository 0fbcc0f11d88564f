//! A log's life on a real folder, with runs in between, and an oracle that knows where each line is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::identity::{Fingerprinter, HEAD_BYTES, Part};
use super::resume::{Found, Gap, KnownStream, Plan, PlannedRead, Sight, resume};
use super::testing::pack;
use super::{
    Block, Compression, Disk, Ending, Input, Limits, LogFile, Progress, ReadError, Reopened, SourceSet,
    rotation,
};

pub(super) const LIMITS: Limits =
    Limits { block_bytes: 1000, line_bytes: 300, nul_run_bytes: 50, stream_buffers: 2 };

/// A folder with one log, and the state that runs keep of it.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) known: Vec<KnownStream>,
    pub(super) limits: Limits,
    /// Committed lines with their streams.
    pub(super) lines: Vec<(i64, Vec<u8>)>,
    pub(super) nul_bytes: u64,
    pub(super) gaps: Vec<Gap>,
    pub(super) unreadable: Vec<ReadError>,
    pub(super) complete: bool,
    next_id: i64,
}

/// What a run would commit for one read.
struct Done {
    read: PlannedRead,
    stream: KnownStream,
    lines: Vec<Vec<u8>>,
    nul_bytes: u64,
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
        // In memory where there is such a place: thousands of histories are many files.
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self {
            folder: folder.unwrap(),
            known: Vec::new(),
            limits,
            lines: Vec::new(),
            nul_bytes: 0,
            gaps: Vec::new(),
            unreadable: Vec::new(),
            complete: true,
            next_id: 1,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn append(&self, name: &str, bytes: &[u8]) {
        let file = OpenOptions::new().append(true).create(true).open(self.path(name));
        file.unwrap().write_all(bytes).unwrap();
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(super) fn compress(&self, name: &str, compression: Compression) -> Vec<u8> {
        pack(compression, &fs::read(self.path(name)).unwrap())
    }

    /// The files, oldest first.
    pub(super) fn present(&self, quiet: bool) -> Vec<Found> {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort_by_key(|name| (rotation::split(name).1, name.clone()));
        let log = |name: &String| {
            let path = fs::canonicalize(self.path(name)).unwrap();
            let file = File::open(&path).unwrap();
            let metadata = file.metadata().unwrap();
            LogFile::regular(path, file, &metadata).unwrap().0
        };
        let set = SourceSet { name: "a.log".into(), files: names.iter().map(log).collect() };
        let wait = if quiet { Duration::ZERO } else { Duration::from_secs(1000) };
        Found::list(&set, SystemTime::now() + Duration::from_secs(1), wait)
    }

    /// Reads what is new and commits it.
    pub(super) fn run(&mut self) -> Plan {
        self.run_as("a.log", true, true)
    }

    /// A run that dies before it commits changes nothing.
    pub(super) fn run_as(&mut self, source: &str, quiet: bool, commit: bool) -> Plan {
        let present = self.present(quiet);
        let sight = Sight { source, known: &self.known, present: &present, complete: self.complete };
        let plan = resume(&sight, &mut Disk::default());
        let mut done = Vec::new();
        for read in &plan.reads {
            match self.read(source, &present[read.at], read) {
                Ok(read) => done.push(read),
                Err(error) => self.unreadable.push(error),
            }
        }
        if commit {
            self.commit(&plan, &present, done);
        }
        plan
    }

    fn read(&self, source: &str, found: &Found, read: &PlannedRead) -> Result<Done, ReadError> {
        let stream = self.known.iter().find(|known| Some(known.id) == read.stream);
        let known = stream.map(|stream| &stream.fingerprint);
        let reopened = Reopened::open(found, read, known, &self.limits, &Progress::default())?;
        let (lines, nul_bytes, read_until) = read_all(reopened)?;
        let (skipping, fingerprint) = (read_until.ends_inside_line(), read_until.fingerprint());
        let size = if found.compression == Compression::Plain { found.size } else { fingerprint.length };
        let stream = KnownStream {
            id: read.stream.unwrap_or(0),
            source: source.into(),
            device: found.device,
            inode: found.inode,
            path: found.path.clone(),
            size,
            offset: fingerprint.length,
            skipping,
            finished: read.finish,
            fingerprint,
            seen_us: 0,
            last_us: None,
        };
        Ok(Done { read: read.clone(), stream, lines, nul_bytes })
    }

    fn commit(&mut self, plan: &Plan, present: &[Found], done: Vec<Done>) {
        for &(id, at) in &plan.found {
            let known = self.known.iter_mut().find(|known| known.id == id).unwrap();
            let found = &present[at];
            (known.device, known.inode, known.path) = (found.device, found.inode, found.path.clone());
            known.size = if found.compression == Compression::Plain { found.size } else { known.offset };
        }
        for Done { read, mut stream, lines, nul_bytes } in done {
            if let Some(known) = self.known.iter_mut().find(|known| Some(known.id) == read.stream) {
                *known = stream.clone();
            } else {
                stream.id = self.next_id;
                self.next_id += 1;
                self.known.push(stream.clone());
            }
            self.lines.extend(lines.into_iter().map(|line| (stream.id, line)));
            self.nul_bytes += nul_bytes;
        }
        for id in &plan.finished {
            self.known.iter_mut().find(|known| known.id == *id).unwrap().finished = true;
        }
        self.gaps.extend(plan.gaps.iter().cloned());
    }

    /// The committed lines, sorted.
    pub(super) fn texts(&self) -> Vec<String> {
        let mut texts: Vec<_> =
            self.lines.iter().map(|(_, line)| String::from_utf8_lossy(line).into_owned()).collect();
        texts.sort();
        texts
    }
}

/// Lines, NULs and the fingerprint of all bytes.
fn read_all(reopened: Reopened) -> Result<(Vec<Vec<u8>>, u64, Fingerprinter), ReadError> {
    let Reopened { input, first_block, mut fingerprint, measured } = reopened;
    let (mut lines, mut nul_bytes, mut part) = (Vec::new(), 0, Part::default());
    let mut take = |block: &Block<'_>| {
        assert_eq!(block.missing_bytes, 0);
        let mut of_block = block.lines();
        for line in of_block.by_ref() {
            let cut: &[u8] = if line.ending == Ending::OverLong { b" over-long" } else { b"" };
            lines.push([line.bytes, cut].concat());
        }
        nul_bytes += of_block.nul_bytes();
        part.measure_block(block, measured);
        fingerprint.join(&part);
    };
    match input {
        Input::Plain(file) => {
            let mut buffer = Vec::new();
            for index in first_block..file.blocks() {
                take(&file.read_block(index, &mut buffer)?);
            }
        }
        Input::Stream(stream) => {
            for block in stream {
                take(&block?.block());
            }
        }
    }
    Ok((lines, nul_bytes, fingerprint))
}

#[derive(Clone, Debug)]
enum Op {
    Append {
        lines: usize,
        pad: usize,
    },
    /// A line without its newline.
    Partial,
    /// Rename, keeping so many.
    Rotate {
        kept: usize,
    },
    CopyTruncate {
        kept: usize,
    },
    /// The first half of it; the next rotation does the second one, and what was written meanwhile is lost.
    Copy {
        kept: usize,
    },
    Truncate,
    /// A compressed copy: begun, then whole beside the file, then instead of it; or all at once.
    Compress {
        at_once: bool,
    },
    /// The oldest file goes, and the next live one gets its inode.
    InodeReuse,
    DeleteOldest,
    /// The writer still holds the renamed file.
    LateWrite,
    Run {
        quiet: bool,
        commit: bool,
    },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let pad = prop_oneof![6 => 0..60_usize, 2 => 200..800_usize, 1 => 3000..9000_usize];
    let op = prop_oneof![
        6 => (1..12_usize, pad).prop_map(|(lines, pad)| Op::Append { lines, pad }),
        2 => Just(Op::Partial),
        3 => (1..4_usize).prop_map(|kept| Op::Rotate { kept }),
        2 => (1..4_usize).prop_map(|kept| Op::CopyTruncate { kept }),
        2 => (1..4_usize).prop_map(|kept| Op::Copy { kept }),
        1 => Just(Op::Truncate),
        4 => any::<bool>().prop_map(|at_once| Op::Compress { at_once }),
        1 => Just(Op::InodeReuse),
        1 => Just(Op::DeleteOldest),
        1 => Just(Op::LateWrite),
        6 => (any::<bool>(), prop::bool::weighted(0.7)).prop_map(|(quiet, commit)| Op::Run { quiet, commit }),
    ];
    prop::collection::vec(op, 1..40)
}

/// One generation of the log, wherever it is now.
#[derive(Clone, Debug, Default)]
struct Generation {
    lines: Vec<usize>,
    /// Lines are appended after a run took it for finished, or it is a copy: what is lost is lost at the source.
    untold: bool,
    /// Of a file that no writer holds.
    copy: bool,
}

/// Who knows where each line is.
struct Oracle {
    world: World,
    generations: Vec<Generation>,
    /// Generation by name.
    files: BTreeMap<String, usize>,
    /// Archives that are not whole.
    begun: BTreeSet<String>,
    /// The number of the unfinished line at the end of the live file.
    partial: Option<usize>,
    /// The live file was copied and is to be truncated.
    copied: bool,
    next_line: usize,
    lost: BTreeSet<usize>,
}

impl Oracle {
    fn new() -> Self {
        Self {
            world: World::new(LIMITS),
            generations: Vec::new(),
            files: BTreeMap::new(),
            begun: BTreeSet::new(),
            partial: None,
            copied: false,
            next_line: 0,
            lost: BTreeSet::new(),
        }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Append { lines, pad } => self.append("a.log", lines, pad),
            Op::Partial => self.partial(),
            Op::Rotate { kept } => self.rotate(kept),
            Op::CopyTruncate { kept } => self.copy_truncate(kept),
            Op::Copy { kept } => self.copy(kept),
            Op::Truncate => self.truncate(),
            Op::Compress { at_once } => self.compress(at_once),
            Op::InodeReuse => self.reuse_inode(),
            Op::DeleteOldest => {
                if let Some(name) = self.files.keys().filter(|name| *name != "a.log").max().cloned() {
                    self.remove(&name);
                }
            }
            Op::LateWrite => self.late_write(),
            Op::Run { quiet, commit } => {
                self.world.run_as("a.log", quiet, commit);
            }
        }
    }

    fn append(&mut self, name: &str, lines: usize, pad: usize) {
        let generation = self.generation(name);
        let mut bytes = Vec::new();
        if name == "a.log" && self.partial.take().is_some() {
            bytes.push(b'\n');
        }
        for _ in 0..lines {
            writeln!(bytes, "{:08} {}", self.next_line, "x".repeat(pad)).unwrap();
            self.generations[generation].lines.push(self.next_line);
            self.next_line += 1;
        }
        self.world.append(name, &bytes);
    }

    fn partial(&mut self) {
        if self.partial.is_none() {
            let generation = self.generation("a.log");
            self.world.append("a.log", format!("{:08} half", self.next_line).as_bytes());
            self.generations[generation].lines.push(self.next_line);
            self.partial = Some(self.next_line);
            self.next_line += 1;
        }
    }

    fn generation(&mut self, name: &str) -> usize {
        *self.files.entry(name.into()).or_insert_with(|| {
            self.generations.push(Generation::default());
            self.generations.len() - 1
        })
    }

    fn shift(&mut self, kept: usize) {
        for number in (1..=4).rev() {
            for suffix in ["", ".gz"] {
                let name = format!("a.log.{number}{suffix}");
                if number >= kept {
                    self.remove(&name);
                } else if let Some(generation) = self.files.remove(&name) {
                    let older = format!("a.log.{}{suffix}", number + 1);
                    self.world.rename(&name, &older);
                    self.files.insert(older.clone(), generation);
                    if self.begun.remove(&name) {
                        self.begun.insert(older);
                    }
                }
            }
        }
    }

    fn rotate(&mut self, kept: usize) {
        self.truncate();
        if self.files.contains_key("a.log") {
            self.shift(kept);
            self.world.rename("a.log", "a.log.1");
            let generation = self.files.remove("a.log").unwrap();
            self.files.insert("a.log.1".into(), generation);
            self.partial = None;
        }
    }

    fn copy(&mut self, kept: usize) {
        self.truncate();
        let Some(&generation) = self.files.get("a.log") else { return };
        // With a shorter head nobody could tell a copy from a log that begins alike.
        self.append("a.log", 1, HEAD_BYTES);
        self.shift(kept);
        fs::copy(self.world.path("a.log"), self.world.path("a.log.1")).unwrap();
        self.generations[generation].untold = true;
        self.files.insert("a.log.1".into(), self.generations.len());
        self.generations.push(Generation { copy: true, ..self.generations[generation].clone() });
        self.copied = true;
    }

    fn truncate(&mut self) {
        if std::mem::take(&mut self.copied) {
            File::options().write(true).open(self.world.path("a.log")).unwrap().set_len(0).unwrap();
            self.forget("a.log");
            self.generation("a.log");
            self.partial = None;
        }
    }

    fn copy_truncate(&mut self, kept: usize) {
        self.truncate();
        if self.files.contains_key("a.log") {
            self.shift(kept);
            fs::copy(self.world.path("a.log"), self.world.path("a.log.1")).unwrap();
            File::options().write(true).open(self.world.path("a.log")).unwrap().set_len(0).unwrap();
            let generation = self.files.remove("a.log").unwrap();
            self.files.insert("a.log.1".into(), generation);
            self.generation("a.log");
            self.partial = None;
        }
    }

    fn compress(&mut self, at_once: bool) {
        let plain = |name: &&String| *name != "a.log" && !name.ends_with(".gz");
        let Some(name) = self.files.keys().find(plain).cloned() else { return };
        let packed = format!("{name}.gz");
        let bytes = self.world.compress(&name, Compression::Gzip);
        let path = self.world.path(&packed);
        let (there, whole) = (self.files.contains_key(&packed), !self.begun.contains(&packed));
        if !there && !at_once {
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
            self.begun.insert(packed.clone());
        } else if !there || !whole {
            fs::write(path, &bytes).unwrap();
            self.begun.remove(&packed);
        }
        self.files.insert(packed.clone(), self.files[&name]);
        if !self.begun.contains(&packed) && (at_once || there && whole) {
            self.remove(&name);
        }
    }

    fn reuse_inode(&mut self) {
        self.truncate();
        let plain = self.files.contains_key("a.log") && self.files.contains_key("a.log.1");
        if plain && !self.files.contains_key("a.log.1.gz") {
            self.world.rename("a.log.1", "again");
            self.forget("a.log.1");
            self.world.rename("a.log", "a.log.1");
            let generation = self.files.remove("a.log").unwrap();
            self.files.insert("a.log.1".into(), generation);
            self.world.rename("again", "a.log");
            File::options().write(true).open(self.world.path("a.log")).unwrap().set_len(0).unwrap();
            self.partial = None;
            self.append("a.log", 3, 40);
        }
    }

    fn late_write(&mut self) {
        let whole = self.files.get("a.log.1").copied().filter(|_| !self.files.contains_key("a.log.1.gz"));
        let Some(generation) = whole.filter(|&generation| !self.generations[generation].copy) else { return };
        let bytes = fs::read(self.world.path("a.log.1")).unwrap();
        if bytes.last().is_some_and(|&byte| byte != b'\n') {
            self.world.append("a.log.1", b" and its end\n");
        }
        self.generations[generation].untold = true;
        self.append("a.log.1", 2, 10);
    }

    fn remove(&mut self, name: &str) {
        if self.files.contains_key(name) {
            fs::remove_file(self.world.path(name)).unwrap();
            self.forget(name);
        }
    }

    /// What no whole file holds any more, and was not read, is lost.
    fn forget(&mut self, name: &str) {
        let generation = self.files.remove(name).unwrap();
        self.begun.remove(name);
        let whole = self.files.iter().filter(|(name, _)| !self.begun.contains(*name));
        let mut there = self.counted();
        there.extend(whole.flat_map(|(_, &other)| &self.generations[other].lines).map(|&line| (line, 1)));
        let lines = self.generations[generation].lines.iter().copied();
        self.lost.extend(lines.filter(|line| !there.contains_key(line)));
    }

    /// How often each line was counted.
    fn counted(&self) -> BTreeMap<usize, usize> {
        let mut counted = BTreeMap::new();
        for (_, line) in &self.world.lines {
            let number = std::str::from_utf8(&line[..8]).unwrap().parse().unwrap();
            *counted.entry(number).or_insert(0) += 1;
        }
        counted
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        for name in std::mem::take(&mut self.begun) {
            // The compressor comes to its end, or is found dead by whoever rotates next.
            self.remove(&name);
        }
        // Only a file with a younger one can be done.
        self.generation("a.log");
        self.world.append("a.log", b"");
        self.world.run();
        self.world.run();
        let last = self.world.run();
        prop_assert!(last.gaps.is_empty() && last.waiting.is_empty(), "{last:?}");
        prop_assert!(self.world.unreadable.is_empty(), "{:?}", self.world.unreadable);
        let counted = self.counted();
        for line in 0..self.next_line {
            let times = counted.get(&line).copied().unwrap_or(0);
            let may_miss = self.lost.contains(&line) || self.partial == Some(line);
            prop_assert!(times == 1 || times == 0 && may_miss, "line {line} was counted {times} times");
        }
        self.check_gaps(&counted)
    }

    /// Whoever read some lines of a generation and lost others says so.
    fn check_gaps(&self, counted: &BTreeMap<usize, usize>) -> Result<(), TestCaseError> {
        for generation in self.generations.iter().filter(|generation| !generation.untold) {
            let some = generation.lines.iter().any(|line| counted.contains_key(line));
            let lost =
                generation.lines.iter().any(|line| self.lost.contains(line) && !counted.contains_key(line));
            if some && lost {
                let number = |line: &[u8]| std::str::from_utf8(&line[..8]).unwrap().parse().unwrap();
                let stream =
                    self.world.lines.iter().find(|(_, line)| generation.lines.contains(&number(line)));
                let gap = self.world.gaps.iter().find(|gap| Some(gap.stream) == stream.map(|(id, _)| *id));
                prop_assert!(gap.is_some(), "no gap for {generation:?}");
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    #[test]
    fn every_line_is_read_once_or_is_in_a_gap(ops in ops()) {
        let mut oracle = Oracle::new();
        for op in &ops {
            oracle.apply(op);
        }
        oracle.check()?;
    }
}
