//! SIGKILL at system calls of a run.

use super::machine::{Machine, State};
use super::numbered::{Wanted, lines};
use super::strace::{Fault, READING, WRITING, points};

/// Points of each call, unless all are wanted.
const AT_MOST: usize = 25;
const LINES: u64 = 7000;

/// A log that was read in part and then rotated three times. Between runs nothing changes.
fn rotated_three_times(machine: &Machine) -> State<'_> {
    let state = machine.state();
    machine.append("access.log", &lines(0..1500));
    state.ingest();
    machine.append("access.log", &lines(1500..3000));
    machine.rotate("access.log");
    machine.append("access.log", &lines(3000..4500));
    machine.gzip("access.log.1");
    machine.rotate("access.log");
    machine.append("access.log", &lines(4500..6000));
    machine.gzip("access.log.1");
    machine.rotate("access.log");
    machine.append("access.log", &lines(6000..LINES));
    state
}

/// Kills a run over a copy of the state at each point, lets the next one come to its end, and looks.
fn survives(state: &State<'_>, wanted: &Wanted, calls: &[&'static str], needed: &[&str]) {
    let counted = state.copy_to("counted");
    let points = points(&counted.repeatable_ingest_command(), calls, "/lock\"", AT_MOST);
    wanted.check(&counted);
    counted.remove();
    for call in needed {
        let is_there = points.iter().any(|point| point.call.starts_with(call));
        assert!(is_there, "no call of {call}: {points:?}");
    }
    let mut killed = 0;
    for point in &points {
        let spoiled = state.copy_to("spoiled");
        let blow = Fault::Kill.strike(*point, &spoiled.repeatable_ingest_command());
        println!("{blow:?}");
        killed += usize::from(blow.struck());
        assert!(blow.ended.is_none_or(|ended| ended.code == Some(0)));
        spoiled.is_sound_after_a_kill();
        spoiled.ingest();
        wanted.check(&spoiled);
        spoiled.remove();
    }
    // How often a thread wakes up differs from run to run.
    assert!(killed * 10 >= points.len() * 9, "only {killed} of {} runs were killed", points.len());
}

#[test]
fn a_run_killed_while_it_reads_three_rotations_loses_and_doubles_nothing() {
    let machine = Machine::in_memory();
    survives(&rotated_three_times(&machine), &Wanted::of(0..LINES), &READING, &["openat", "read", "pread64"]);
}

#[test]
fn a_run_killed_while_it_writes_three_rotations_loses_and_doubles_nothing() {
    let machine = Machine::in_memory();
    let needed = ["write", "pwrite64", "f", "rename"];
    survives(&rotated_three_times(&machine), &Wanted::of(0..LINES), &WRITING, &needed);
}

#[test]
fn a_first_run_killed_anywhere_loses_and_doubles_nothing() {
    let machine = Machine::in_memory();
    machine.append("access.log.1", &lines(0..2000));
    machine.append("access.log", &lines(2000..4000));
    let needed = ["write", "pwrite64", "f", "mkdir", "rename", "unlink"];
    survives(&machine.state(), &Wanted::of(0..4000), &WRITING, &needed);
}

#[test]
fn a_run_killed_while_hours_become_days_loses_and_doubles_nothing() {
    const STATE: &str = "rotate_wait_s = 0\nkeep_hours = 2";
    let machine = Machine::in_memory().keep(STATE);
    let state = machine.state();
    machine.append("access.log", &lines(0..4500));
    state.ingest();
    // Late lines and new ones come in the run that adds up the first day.
    machine.append("access.log", &lines(4500..LINES));
    let needed = ["write", "pwrite64", "f", "rename", "unlink"];
    survives(&state, &Wanted::by_day(0..LINES, STATE), &WRITING, &needed);
}
