//! Runs that are told to end, and runs that start together.

use super::machine::{Ended, Machine, State};
use super::numbered::{Wanted, lines};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Some 20 MB, hundreds of commits.
const LINES: u64 = 150_000;

/// Polls until something is so.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} takes too long");
        thread::sleep(Duration::from_millis(2));
    }
}

fn start(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("logstat starts")
}

/// Bytes that are committed as read.
fn offset(state: &State<'_>) -> u64 {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(state.dir.join("logstat.db"), flags);
    let sum = database.and_then(|database| {
        database.query_row("SELECT coalesce(sum(\"offset\"), 0) FROM streams", (), |row| row.get::<_, i64>(0))
    });
    sum.map_or(0, i64::cast_unsigned)
}

fn ends_within_a_second_of(signal: &str, number: i32) {
    let machine = Machine::new();
    let log = lines(0..LINES);
    machine.append("access.log", &log);
    let state = machine.state();
    let run = start(&mut state.ingest_command());
    wait_until("the first commit", || offset(&state) > 0);
    let told = Instant::now();
    let id = run.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
    let output = run.wait_with_output().expect("it ends");
    let took = told.elapsed();
    // Whoever sent the signal sees that it did its work.
    assert_eq!(output.status.signal(), Some(number), "{output:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let read = offset(&state);
    assert!((1..log.len() as u64).contains(&read), "{read} of {} bytes were read", log.len());
    state.is_sound();
    state.ingest_at_once();
    Wanted::of(0..LINES).check(&state);
}

#[test]
fn sigterm_ends_a_run_within_a_second_and_the_next_one_goes_on() {
    ends_within_a_second_of("-TERM", 15);
}

#[test]
fn ctrl_c_ends_a_run_within_a_second_and_the_next_one_goes_on() {
    ends_within_a_second_of("-INT", 2);
}

#[test]
fn of_a_hundred_runs_that_start_together_one_runs() {
    let machine = Machine::new();
    machine.append("access.log", &lines(0..LINES));
    let state = machine.state();
    // All wait for someone to write to this pipe.
    let gate = machine.path("gate");
    assert!(Command::new("mkfifo").arg(&gate).status().expect("mkfifo").success());
    let ingest = state.ingest_command();
    let wait = r#": <gate; exec "$@""#;
    let runs: Vec<_> = (0..100)
        .map(|_| {
            let mut command = machine.command_under("sh", &["-c", wait, "sh"]);
            start(command.arg(ingest.get_program()).args(ingest.get_args()))
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    drop(fs::OpenOptions::new().write(true).open(&gate).expect("the pipe"));
    let ends: Vec<_> =
        runs.into_iter().map(|run| Ended::from(run.wait_with_output().expect("it ends"))).collect();
    let ended_with = |code| ends.iter().filter(|ended| ended.code == Some(code)).count();
    assert_eq!((ended_with(0), ended_with(75)), (1, 99), "{ends:?}");
    let locked = ends.iter().find(|ended| ended.code == Some(75)).expect("one of them");
    assert!(locked.stderr.contains("another run holds the lock"), "{}", locked.stderr);
    Wanted::of(0..LINES).check(&state);
}

#[test]
fn a_report_beside_a_run_needs_no_lock() {
    let machine = Machine::new();
    machine.append("access.log", &lines(0..3000));
    let state = machine.state();
    state.ingest();
    machine.append("access.log", &lines(3000..LINES));
    let run = start(&mut state.ingest_command());
    wait_until("the first commit", || offset(&state) > lines(0..3000).len() as u64);
    state.try_ingest().with(75);
    state.hours();
    state.status();
    Ended::from(run.wait_with_output().expect("it ends")).with(0);
    Wanted::of(0..LINES).check(&state);
}
