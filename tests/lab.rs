//! Runs `logstat report` in a folder of its own and reads what it wrote.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::rc::Rc;
use tempfile::TempDir;

/// After every fixture, so that no line lies in the future.
const NOW: &str = "2026-11-21T00:00:00Z";

/// A folder for logs and reports.
pub struct Lab {
    folder: Rc<TempDir>,
}

/// What a run left behind.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    out: PathBuf,
    /// Keeps the report until it is looked at.
    _folder: Rc<TempDir>,
}

impl Lab {
    pub fn new() -> Self {
        Self { folder: Rc::new(tempfile::tempdir().expect("a temporary folder")) }
    }

    /// In memory where there is such a place: a state is synced often.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self { folder: Rc::new(folder.expect("a temporary folder")) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a log; folders are made as needed.
    pub fn log(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(&path, bytes).expect("a log");
        path
    }

    /// `logstat report ARGUMENTS`, in UTC and at a fixed time.
    pub fn report<S: AsRef<str>>(&self, arguments: &[S]) -> Run {
        self.run(arguments, b"")
    }

    pub fn run<S: AsRef<str>>(&self, arguments: &[S], stdin: &[u8]) -> Run {
        let out = self.path("out");
        let mut command = self.command();
        command.args(["report", "--now", NOW]);
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        for zone in ["--tz", "--log-tz"].into_iter().filter(|zone| !arguments.contains(zone)) {
            command.args([zone, "UTC"]);
        }
        if !arguments.contains(&"--state") && !arguments.contains(&"--data") {
            command.arg("--state").arg(self.path("state"));
        }
        if !arguments.contains(&"--no-out") && !arguments.contains(&"--out") {
            command.arg("--out").arg(&out);
        }
        command.args(arguments);
        Run::of(&feed(command, stdin), out, Rc::clone(&self.folder))
    }

    /// The bare program, in the lab's folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_logstat"));
        command
            .current_dir(self.folder.path())
            .env_remove("COLUMNS")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR");
        command
    }
}

pub fn feed(mut command: Command, stdin: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("logstat starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let bytes = stdin.to_vec();
    // A program that does not read must not hold up the test.
    let writer = std::thread::spawn(move || pipe.write_all(&bytes).is_ok());
    let output = child.wait_with_output().expect("logstat ends");
    writer.join().expect("the writer ends");
    output
}

impl Run {
    fn of(output: &Output, out: PathBuf, folder: Rc<TempDir>) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).expect("standard output is UTF-8"),
            stderr: String::from_utf8(output.stderr.clone()).expect("standard error is UTF-8"),
            out,
            _folder: folder,
        }
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "stderr: {}", self.stderr);
        self
    }

    pub fn out(&self, name: &str) -> PathBuf {
        self.out.join(name)
    }

    pub fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.out(name)).unwrap_or_else(|error| panic!("{name}: {error}; stderr: {}", self.stderr))
    }

    pub fn summary(&self) -> Value {
        serde_json::from_slice(&self.file("summary.json")).expect("summary.json is JSON")
    }

    pub fn hours(&self) -> Vec<Row> {
        rows(&self.file("hourly.csv"))
    }

    pub fn top(&self) -> Vec<Row> {
        rows(&self.file("top.csv"))
    }

    /// Every file of the report with its bytes.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(&self.out).expect("the report's folder");
        let file = |path: PathBuf| {
            (
                path.file_name().expect("a name").to_string_lossy().into_owned(),
                fs::read(&path).expect("a file"),
            )
        };
        entries.map(|entry| file(entry.expect("an entry").path())).collect()
    }
}

/// A row of a CSV file by column.
pub type Row = BTreeMap<String, String>;

pub fn rows(csv: &[u8]) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(csv);
    reader.deserialize().map(|row| row.expect("a CSV row")).collect()
}

/// What `fixtures/expect.py` found in a log or a rotated set.
pub struct Expectation {
    pub path: PathBuf,
    pub facts: Value,
}

impl Expectation {
    /// Every `x.expect.json` in `fixtures/`, wherever it is.
    pub fn all() -> Vec<Self> {
        let mut folders = vec![PathBuf::from(fixture(""))];
        let mut found = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder of fixtures") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.to_string_lossy().ends_with(".expect.json") {
                    let facts = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
                    found.push(Self { path, facts });
                }
            }
        }
        assert!(found.len() >= 40, "only {} fixtures", found.len());
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// The log, or the files of the rotated set.
    pub fn files(&self) -> Vec<String> {
        let files = self.facts["files"].as_array().expect("files").iter();
        let file =
            |file: &Value| self.path.with_file_name(file.as_str().expect("a name")).display().to_string();
        files.map(file).collect()
    }

    /// The files, and the flags that tell their format.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = self.files();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let format = &self.facts["format"];
        for format in format.as_array().map_or(std::slice::from_ref(format), Vec::as_slice) {
            arguments.extend(["--format".to_owned(), text(format)]);
        }
        arguments.extend(["--escape".to_owned(), text(&self.facts["escape"])]);
        arguments
    }

    /// Whether logstat has to find the format by itself, too.
    pub fn is_detected(&self) -> bool {
        self.facts["detected"] == true
    }
}

/// The file of this name in `fixtures/`.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    path.to_str().expect("a path in UTF-8").to_owned()
}
