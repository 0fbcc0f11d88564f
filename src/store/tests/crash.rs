//! A process that is killed in the middle of a batch leaves the batch before it.

use super::*;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The state that the killed process works on.
const DIR: &str = "LOGSTAT_TEST_STATE";
/// Stop before the commit of this batch, and wait there.
const HALT: &str = "LOGSTAT_TEST_HALT";

/// Runs in a process of its own: adds one to everything, batch after batch.
#[test]
#[ignore = "is started and killed by the other tests"]
fn writer() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let halt = std::env::var(HALT).ok().map(|number| number.parse::<u64>().unwrap());
    let mut store = Store::open(Path::new(&dir), Mode::Write).unwrap();
    loop {
        let known = store.streams().unwrap().pop();
        let next = known.as_ref().map_or(1, |stream| stream.offset + 1);
        let mut batch = store.begin().unwrap();
        let advanced = KnownStream { offset: next, ..known.clone().unwrap_or_else(stream) };
        if known.is_some() {
            assert!(batch.update_stream(&advanced).unwrap());
        } else {
            batch.add_stream(&advanced).unwrap();
        }
        for hour in 0..3 {
            // Large enough for a batch to be many writes.
            let grown =
                |_: Period, stored: Option<&[u8]>| Ok([stored.unwrap_or_default(), &[7; 500]].concat());
            batch.merge_hour("edge", MIDNIGHT + hour, grown).unwrap();
            batch.add_counts("edge", MIDNIGHT + hour, [("records", 1)]).unwrap();
        }
        println!("batch {next}");
        if halt == Some(next) {
            std::thread::sleep(Duration::from_secs(600));
        }
        batch.commit().unwrap();
    }
}

fn start(lab: &Lab, halt: Option<u64>) -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "store::tests::crash::writer", "--ignored", "--nocapture"]);
    command.env(DIR, lab.dir()).envs(halt.map(|number| (HALT, number.to_string())));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

/// Kills the writer, which gets no chance to do anything, once it has said that it is at a batch.
fn kill_at(lab: &Lab, halt: Option<u64>, batch: u64) -> u64 {
    let (mut child, stdout) = start(lab, halt);
    let mut batches = stdout.lines().filter_map(|line| line.unwrap().strip_prefix("batch ")?.parse().ok());
    let reached = batches.find(|number| *number >= batch);
    child.kill().unwrap();
    child.wait().unwrap();
    reached.expect("the writer got there")
}

/// How many batches the state holds: every part of it must say the same.
fn batches(store: &Store) -> u64 {
    store.check().unwrap();
    let count = store.streams().unwrap().first().map_or(0, |stream| stream.offset);
    let hours: Vec<i64> = (MIDNIGHT..MIDNIGHT + 3).collect();
    for &hour in hours.iter().filter(|_| count > 0) {
        let rollups = store.rollups(Period::hour(hour)).unwrap();
        assert_eq!(rollups[0].bytes.len() as u64, 500 * count);
        assert_eq!(store.counts("edge", hour..hour + 1).unwrap()["records"], count);
    }
    let generations = store.dirty().unwrap().into_iter().map(|dirty| dirty.generation);
    assert_eq!(generations.collect::<Vec<_>>(), vec![count; if count > 0 { 3 } else { 0 }]);
    count
}

#[test]
fn a_batch_that_was_killed_never_was() {
    let lab = Lab::new();
    for batch in [1, 1, 2, 5] {
        assert_eq!(kill_at(&lab, Some(batch), batch), batch);
        assert_eq!(batches(&lab.open()), batch - 1);
    }
}

#[test]
fn a_kill_at_any_time_leaves_whole_batches() {
    let lab = Lab::new();
    let mut before = 0;
    for round in 0..30 {
        let reached = kill_at(&lab, None, before + 1 + round % 4);
        let count = batches(&lab.open());
        // What was begun last may or may not be there; all before it is.
        assert!(count + 1 >= reached && count >= before, "{before} {reached} {count}");
        before = count;
    }
}

#[test]
fn a_writer_that_runs_locks_others_out_and_one_that_was_killed_does_not() {
    let lab = Lab::new();
    let (mut child, stdout) = start(&lab, Some(1));
    assert!(stdout.lines().any(|line| line.unwrap().starts_with("batch ")));
    match lab.refused(Mode::Write) {
        StoreError::Locked { holder, .. } => assert_eq!(holder, Some(child.id())),
        error => panic!("{error}"),
    }
    child.kill().unwrap();
    child.wait().unwrap();
    lab.open();
}
