//! A machine with a log, and states that runs of the built binary keep of it.

use super::numbered::FORMAT;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// After every line, also of those of thousands of runs.
pub const NOW: &str = "2027-11-01T00:00:00Z";
/// So that small logs have many blocks and commits.
const SMALL: [&str; 4] = ["--block-bytes", "4096", "--batch-bytes", "65536"];

/// A folder with logs and a configuration.
pub struct Machine {
    folder: TempDir,
}

/// One state of a machine.
#[derive(Clone)]
pub struct State<'m> {
    machine: &'m Machine,
    pub dir: PathBuf,
    now: String,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// `None` after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Machine {
    pub fn new() -> Self {
        Self::in_folder(tempfile::tempdir().expect("a temporary folder"))
    }

    /// In memory where there is such a place: an interrupted run leaves there what it leaves on a disk.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self::in_folder(folder.expect("a temporary folder"))
    }

    fn in_folder(folder: TempDir) -> Self {
        let machine = Self { folder };
        fs::create_dir(machine.path("logs")).expect("a folder");
        machine.configure(&machine.source("access", "access.log*"), "rotate_wait_s = 0");
        machine
    }

    /// One source with the logs `access.log*`, and these keys of `[state]`.
    pub fn keep(self, state: &str) -> Self {
        self.configure(&self.source("access", "access.log*"), state);
        self
    }

    /// Writes `logstat.toml`.
    pub fn configure(&self, sources: &str, state: &str) {
        let text = format!("{sources}\n[state]\n{state}\n");
        fs::write(self.path("logstat.toml"), text).expect("a configuration");
    }

    /// The configuration of a source that has the logs of this pattern.
    pub fn source(&self, name: &str, pattern: &str) -> String {
        let paths = self.log(pattern);
        format!(
            "[[source]]\nname = \"{name}\"\npaths = [\"{}\"]\nformat = '{FORMAT}'\ntimezone = \"UTC\"\n",
            paths.display()
        )
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.path("logs").join(name)
    }

    pub fn append(&self, name: &str, bytes: &[u8]) {
        let file = OpenOptions::new().append(true).create(true).open(self.log(name));
        file.and_then(|mut file| file.write_all(bytes)).expect("a log");
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.log(from), self.log(to)).expect("renamed");
    }

    pub fn copy(&self, from: &str, to: &str) {
        fs::copy(self.log(from), self.log(to)).expect("copied");
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.log(name)).expect("removed");
    }

    /// Cuts a log in place, keeping its inode.
    pub fn cut(&self, name: &str, length: u64) {
        let file = File::options().write(true).open(self.log(name));
        file.and_then(|file| file.set_len(length)).expect("cut");
    }

    /// As logrotate does it: beside the file, then instead of it.
    pub fn gzip(&self, name: &str) {
        let done = Command::new("gzip").arg(self.log(name)).status().expect("gzip is needed for this test");
        assert!(done.success());
    }

    /// `name.2.gz` becomes `name.3.gz`, `name.1` becomes `name.2`, `name` becomes `name.1`.
    pub fn rotate(&self, name: &str) {
        let exists = |place: u32, end: &str| self.log(&format!("{name}.{place}{end}")).exists();
        for (place, end) in (1..20).rev().flat_map(|place| [(place, ""), (place, ".gz")]) {
            if exists(place, end) {
                self.rename(&format!("{name}.{place}{end}"), &format!("{name}.{}{end}", place + 1));
            }
        }
        self.rename(name, &format!("{name}.1"));
    }

    /// The usual state.
    pub fn state(&self) -> State<'_> {
        self.state_in("state")
    }

    pub fn state_in(&self, name: &str) -> State<'_> {
        State { machine: self, dir: self.path(name), now: NOW.to_owned() }
    }

    /// The bare program, in the machine's folder and in UTC.
    pub fn command(&self) -> Command {
        self.command_under(env!("CARGO_BIN_EXE_logstat"), &[])
    }

    /// Another program, which may start logstat.
    pub fn command_under(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments);
        command.current_dir(self.folder.path()).env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
        command
    }
}

impl<'m> State<'m> {
    /// The same state at another time.
    pub fn at(&self, now: &str) -> Self {
        Self { now: now.to_owned(), ..self.clone() }
    }

    /// A copy of what is there, to be spoiled.
    pub fn copy_to(&self, name: &str) -> Self {
        let dir = self.machine.path(name);
        if self.dir.exists() {
            copy_tree(&self.dir, &dir);
        }
        Self { dir, ..self.clone() }
    }

    /// `logstat COMMAND` with this state and its time.
    pub fn command(&self, command: &str, arguments: &[&str]) -> Command {
        let mut program = self.machine.command();
        program.args([command, "--config", "logstat.toml", "--state"]).arg(&self.dir);
        program.args(arguments);
        program
    }

    /// `logstat ingest` in small steps.
    pub fn ingest_command(&self) -> Command {
        let mut command = self.command("ingest", &["--now", &self.now]);
        command.args(SMALL);
        command
    }

    /// The same with one thread that parses, so that each run makes the same calls.
    pub fn repeatable_ingest_command(&self) -> Command {
        let mut command = self.ingest_command();
        command.args(["--threads", "1"]);
        command
    }

    /// Reads what is new, in small steps.
    pub fn try_ingest(&self) -> Ended {
        Ended::of(&mut self.ingest_command())
    }

    /// Reads what is new; all is well.
    #[track_caller]
    pub fn ingest(&self) -> Ended {
        self.try_ingest().with(0)
    }

    /// Reads what is new in blocks and commits of the usual size.
    #[track_caller]
    pub fn ingest_at_once(&self) -> Ended {
        Ended::of(&mut self.command("ingest", &["--now", &self.now])).with(0)
    }

    /// What a report prints of the state as it is.
    #[track_caller]
    pub fn report(&self, arguments: &[&str]) -> String {
        let fixed = ["--now", &self.now, "--since", "oldest", "--no-out", "--tz", "UTC", "--no-ingest"];
        Ended::of(self.command("report", &fixed).args(arguments)).with(0).stdout
    }

    /// The hours as CSV.
    #[track_caller]
    pub fn hours(&self) -> String {
        self.report(&["--csv", "--by", "site"])
    }

    /// What became of the lines, from `summary.json`.
    #[track_caller]
    pub fn accounting(&self) -> Value {
        let summary: Value = serde_json::from_str(&self.report(&["--json"])).expect("JSON");
        summary["accounting"].clone()
    }

    /// Lines of this fate.
    #[track_caller]
    pub fn lines(&self, fate: &str) -> u64 {
        let accounting = self.accounting();
        accounting[fate].as_u64().unwrap_or_else(|| panic!("no count of {fate}: {accounting}"))
    }

    #[track_caller]
    pub fn status(&self) -> Value {
        let ended = Ended::of(&mut self.command("status", &["--json"])).with(0);
        serde_json::from_str(&ended.stdout).expect("JSON")
    }

    /// The database is whole, and each of its checksums right.
    #[track_caller]
    pub fn is_sound(&self) {
        Ended::of(&mut self.command("status", &["--check"])).with(0);
    }

    /// As [`State::is_sound`], if the run came so far as to make a state.
    #[track_caller]
    pub fn is_sound_after_a_kill(&self) {
        let ended = Ended::of(&mut self.command("status", &["--check"]));
        if !ended.stderr.contains("there is no state here") {
            ended.with(0);
        }
    }

    /// Every published file, without the number of the node in its name. Of the Parquet files only the names, since
    /// how often a period was published is in them.
    pub fn published(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for (name, path) in tree(&self.dir.join("data")) {
            let is_csv = name.ends_with(".csv");
            let name = name.split("node-").next().unwrap_or_default().to_owned() + &extension(&name);
            let bytes = if is_csv { fs::read(&path).expect("a file") } else { Vec::new() };
            assert!(files.insert(name.clone(), bytes).is_none(), "two nodes or a leftover: {name}");
        }
        files
    }

    pub fn remove(self) {
        fs::remove_dir_all(&self.dir).expect("removed");
    }
}

impl Ended {
    /// Runs it to its end.
    pub fn of(command: &mut Command) -> Self {
        Self::from(command.output().expect("the program starts"))
    }

    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stderr: {}stdout: {}", self.stderr, self.stdout);
        self
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// What follows the node in the name of a file: a temporary file has more than an extension.
fn extension(name: &str) -> String {
    let node = name.split("node-").nth(1).unwrap_or(name);
    node.split_once('.').map(|(_, extension)| format!("node.{extension}")).unwrap_or_default()
}

/// Every file below a folder, by its path from there.
pub fn tree(root: &Path) -> BTreeMap<String, PathBuf> {
    let (mut folders, mut files) = (vec![root.to_owned()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below it").display().to_string();
                files.insert(name, path);
            }
        }
    }
    files
}

/// Copies a folder with all that is in it.
pub fn copy_tree(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp");
    assert!(done.success());
}
