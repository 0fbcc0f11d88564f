//! Runs a program under strace, which kills it at a system call or lets the call fail.

use super::all_points;
use super::machine::Ended;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// Calls that read files and folders.
pub const READING: [&str; 4] = ["openat", "read", "pread64", "getdents64"];
/// Calls that change them; no architecture has all.
pub const WRITING: [&str; 16] = [
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "ftruncate",
    "fallocate",
    "fsync",
    "fdatasync",
    "mkdir",
    "mkdirat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
];

/// One call of a run: the `number`th of this name in the thread that makes most of them.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub call: &'static str,
    pub number: usize,
}

/// What happens at a call.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The process is gone before the call is made.
    Kill,
    /// The call fails, once.
    Error(&'static str),
    /// The call fails, and so does each later one of its name.
    ErrorFromThenOn(&'static str),
}

/// Finds the points of an undisturbed run after it opened a file of this name, `at_most` of each call.
pub fn points(command: &Command, calls: &[&'static str], after: &str, at_most: usize) -> Vec<Point> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("trace");
    let mut traced = strace(&trace, &[calls, &["openat"]].concat(), &[], command);
    let ended = Ended::from(traced.output().expect("strace is needed for this test"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let text = fs::read_to_string(&trace).expect("a trace");
    let mut points = Vec::new();
    for (call, (first, last)) in ranges(&text, calls, after) {
        let stride = if all_points() { 1 } else { (last - first).div_ceil(at_most).max(1) };
        points.extend((first..=last).step_by(stride).map(|number| Point { call, number }));
    }
    points
}

/// For each call its first and last number after the file was opened.
fn ranges<'c>(trace: &str, calls: &[&'c str], after: &str) -> BTreeMap<&'c str, (usize, usize)> {
    let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
    let (mut opened, mut ranges) = (false, BTreeMap::new());
    for line in trace.lines() {
        // `1234  openat(AT_FDCWD, …`; the second half of a call begins with `<...`.
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
        opened |= name == "openat" && rest.contains(after);
        let Some(call) = calls.iter().find(|call| **call == name) else { continue };
        let count = counts.entry((thread, call)).or_default();
        *count += 1;
        if opened {
            let range = ranges.entry(*call).or_insert((*count, *count));
            range.1 = range.1.max(*count);
        }
    }
    assert!(opened, "{after} was not opened:\n{trace}");
    ranges
}

/// A run that had a fault.
#[derive(Debug)]
pub struct Blow {
    pub point: Point,
    /// `None` if it was killed.
    pub ended: Option<Ended>,
    /// Its calls of the point's name.
    trace: String,
}

impl Fault {
    fn words(self, Point { call, number }: Point) -> String {
        match self {
            Self::Kill => format!("inject={call}:signal=SIGKILL:when={number}"),
            Self::Error(error) => format!("inject={call}:error={error}:when={number}"),
            Self::ErrorFromThenOn(error) => format!("inject={call}:error={error}:when={number}+"),
        }
    }

    /// Runs it.
    pub fn strike(self, point: Point, command: &Command) -> Blow {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let trace = folder.path().join("trace");
        let mut traced = strace(&trace, &[point.call], &["-e", &self.words(point)], command);
        let output = traced.output().expect("strace is needed for this test");
        let killed = output.status.signal() == Some(9);
        let ended = if killed { None } else { Some(Ended::from(output)) };
        Blow { point, ended, trace: fs::read_to_string(&trace).expect("a trace") }
    }
}

impl Blow {
    /// Whether the fault came to pass: which thread makes a call differs from run to run.
    pub fn struck(&self) -> bool {
        self.ended.is_none() || self.trace.contains("(INJECTED)")
    }

    /// The call that failed, and how many of its name came after it.
    pub fn failed_call(&self) -> Option<(&str, usize)> {
        let mut lines = self.trace.lines();
        let failed = lines.find(|line| line.contains("(INJECTED)"))?;
        Some((failed, lines.count()))
    }
}

/// The program may not open this file.
pub fn deny(path: &Path, command: &Command) -> Command {
    let path = path.display().to_string();
    let path = path.trim_end_matches('/');
    strace(Path::new("/dev/null"), &["openat"], &["-P", path, "-e", "inject=openat:error=EACCES"], command)
}

/// Each of the program's calls of this name takes so long.
pub fn slow(call: &str, delay_us: u32, command: &Command) -> Command {
    let delay = format!("inject={call}:delay_exit={delay_us}");
    strace(Path::new("/dev/null"), &[call], &["-e", &delay], command)
}

/// The same program with the same arguments, in the same place, under strace.
fn strace(trace: &Path, calls: &[&str], inject: &[&str], command: &Command) -> Command {
    let mut traced = Command::new("strace");
    // A question mark: not every architecture has every call.
    let calls = calls.iter().map(|call| format!("?{call}")).collect::<Vec<_>>().join(",");
    traced.args(["-f", "-y", "-qq", "-o"]).arg(trace).args(["-e", &format!("trace={calls}")]).args(inject);
    traced.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            traced.env(name, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        traced.current_dir(folder);
    }
    traced
}
