//! Runs are killed at random while a writer appends and the real logrotate rotates.

use super::all_points;
use super::machine::{Ended, Machine, State};
use super::numbered::{Wanted, line, mixed};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// logrotate's scripts and the writer leave files for each other: the writer reopens its log as on a signal.
const REOPEN: &str = "\
    postrotate
        touch reopen
        while [ -e reopen ]; do sleep 0.002; done
    endscript";
/// What is written between copy and truncate would be lost at the source, so the writer pauses.
const PAUSE: &str = "\
    prerotate
        touch pause
        while [ ! -e paused ]; do sleep 0.002; done
    endscript
    postrotate
        rm pause
        while [ -e paused ]; do sleep 0.002; done
    endscript";
/// Between two writes, so that a run meets some hundred lines.
const PAUSE_BETWEEN_WRITES: Duration = Duration::from_micros(500);

/// A server that writes its log, a line or a piece of a line at a time.
struct Writer {
    folder: PathBuf,
    log: File,
    next: u64,
    /// What is left of the line that was begun.
    rest: Vec<u8>,
    random: Random,
}

/// Numbers that look random and are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 += 1;
        mixed(self.0) % limit
    }
}

impl Writer {
    /// Starts it; its end is the number of lines that it wrote.
    fn start(machine: &Machine, seed: u64, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
        let folder = machine.log("");
        let log = open(&folder);
        let mut writer = Self { folder, log, next: 0, rest: Vec::new(), random: Random(seed) };
        let stop = Arc::clone(stop);
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                writer.answer_logrotate();
                writer.write_some();
                thread::sleep(PAUSE_BETWEEN_WRITES);
            }
            writer.finish_line();
            writer.next
        })
    }

    fn write_some(&mut self) {
        for _ in 0..self.random.below(12) {
            self.rest.extend(line(self.next).bytes());
            self.next += 1;
        }
        let cut = self.random.below(self.rest.len() as u64 + 1) as usize;
        self.log.write_all(&self.rest[..cut]).expect("written");
        self.rest.drain(..cut);
    }

    fn finish_line(&mut self) {
        self.log.write_all(&self.rest).expect("written");
        self.rest.clear();
    }

    fn answer_logrotate(&mut self) {
        let file = |name: &str| self.folder.join(name);
        let (reopen, pause, paused) = (file("reopen"), file("pause"), file("paused"));
        if reopen.exists() {
            self.finish_line();
            self.log = open(&self.folder);
            fs::remove_file(reopen).expect("removed");
        } else if pause.exists() {
            self.finish_line();
            fs::write(&paused, "").expect("a file");
            while pause.exists() {
                thread::sleep(PAUSE_BETWEEN_WRITES);
            }
            fs::remove_file(paused).expect("removed");
        }
    }
}

fn open(folder: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(folder.join("access.log")).expect("a log")
}

/// logrotate with these directives, not waited for.
fn rotate(machine: &Machine, directives: &str) -> Child {
    let (log, config) = (machine.log("access.log"), machine.path("logrotate.conf"));
    let text = format!("{} {{\n    rotate 1000\n{directives}\n}}\n", log.display());
    fs::write(&config, text).expect("a configuration");
    let mut command = Command::new("logrotate");
    command.args(["--force", "--state"]).arg(machine.path("logrotate.state")).arg(config);
    // Scripts leave their files beside the log.
    command.current_dir(machine.log("")).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("logrotate is needed for this test")
}

/// Kills so many runs, and lets every eighth one come to its end.
fn survives_kills(directives: &str, seed: u64) {
    let kills = if all_points() { 2000 } else { 150 };
    let machine = Machine::in_memory().keep("rotate_wait_s = 5");
    let (state, stop) = (machine.state(), Arc::new(AtomicBool::new(false)));
    let writer = Writer::start(&machine, seed, &stop);
    let mut random = Random(seed ^ 0xffff);
    let mut length = complete(&state);
    let mut killed = 0;
    for round in 0..kills {
        let rotation = (random.below(3) == 0).then(|| rotate(&machine, directives));
        if round % 8 == 7 {
            length = complete(&state);
        } else {
            killed += usize::from(kill_within(&state, length, &mut random));
        }
        if let Some(rotation) = rotation {
            Ended::from(rotation.wait_with_output().expect("logrotate ends")).with(0);
        }
    }
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().expect("the writer ends");
    println!(
        "{killed} of {kills} runs killed, {written} lines, {}",
        fs::read_dir(machine.log("")).expect("logs").count()
    );
    assert!(killed * 4 > kills, "only {killed} of {kills} runs were killed");
    state.ingest();
    state.is_sound();
    Wanted::of(0..written).check(&state);
}

/// Runs to the end; a file may have changed while it was read, which is said and read again. How long it took.
fn complete(state: &State<'_>) -> Duration {
    let start = Instant::now();
    let ended = state.try_ingest();
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    start.elapsed()
}

/// Kills a run at a random time; whether it still ran.
fn kill_within(state: &State<'_>, length: Duration, random: &mut Random) -> bool {
    let mut command = state.ingest_command();
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("logstat starts");
    thread::sleep(length * u32::try_from(random.below(1000)).unwrap_or(0) / 1000);
    let ran = run.try_wait().expect("a state").is_none();
    run.kill().expect("killed");
    run.wait().expect("it ends");
    ran
}

#[test]
fn random_kills_under_logrotate_with_create_and_delaycompress() {
    survives_kills(&format!("    create\n    compress\n    delaycompress\n{REOPEN}"), 1);
}

#[test]
fn random_kills_under_logrotate_with_compress_at_once() {
    survives_kills(&format!("    create\n    compress\n{REOPEN}"), 2);
}

#[test]
fn random_kills_under_logrotate_with_copytruncate() {
    survives_kills(&format!("    copytruncate\n    compress\n    delaycompress\n{PAUSE}"), 3);
}
