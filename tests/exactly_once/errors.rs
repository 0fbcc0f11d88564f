//! System calls that fail: a full disk, a broken one, missing rights, an interrupted call.

use super::machine::{Ended, Machine, State};
use super::numbered::{Wanted, lines};
use super::strace::{Blow, Fault, READING, WRITING, points};

const AT_MOST: usize = 10;
const LINES: u64 = 4000;
const SYNC: [&str; 2] = ["fsync", "fdatasync"];

/// A log that was read in part, and a rotated one.
fn half_read(machine: &Machine) -> State<'_> {
    let state = machine.state();
    machine.append("access.log", &lines(0..1000));
    state.ingest();
    machine.append("access.log", &lines(1000..2500));
    machine.rotate("access.log");
    machine.append("access.log", &lines(2500..LINES));
    state
}

/// Lets calls fail in runs over copies of a state, and looks at what the next run makes of it.
fn survives(calls: &[&'static str], faults: &[Fault], judge: fn(&Blow, &Ended)) {
    let machine = Machine::in_memory();
    let (state, wanted) = (half_read(&machine), Wanted::of(0..LINES));
    let counted = state.copy_to("counted");
    let points = points(&counted.repeatable_ingest_command(), calls, "/lock\"", AT_MOST);
    counted.remove();
    let mut struck = 0;
    for point in &points {
        for fault in faults {
            let spoiled = state.copy_to("spoiled");
            let blow = fault.strike(*point, &spoiled.repeatable_ingest_command());
            println!("{fault:?} at {point:?}: {:?}", blow.ended);
            struck += usize::from(blow.struck());
            judge(&blow, blow.ended.as_ref().expect("it is not killed"));
            spoiled.is_sound_after_a_kill();
            spoiled.ingest();
            wanted.check(&spoiled);
            spoiled.remove();
        }
    }
    let runs = points.len() * faults.len();
    assert!(struck > 0 && struck * 10 >= runs * 9, "only {struck} of {runs} runs had an error");
}

/// It ends by itself, with a code that is documented, and says why.
fn ends_in_order(blow: &Blow, ended: &Ended) {
    assert!(matches!(ended.code, Some(0..=2)) && !ended.stderr.contains("panicked"), "{blow:?}");
    // The call that fails may be the one that says so.
    if ended.code != Some(0) && blow.point.call != "write" {
        assert!(ended.stderr.starts_with("logstat: "), "{blow:?}");
    }
}

/// Nothing failed, so nothing is said.
fn goes_on(blow: &Blow, ended: &Ended) {
    assert!(ended.code == Some(0) && ended.stderr.is_empty(), "{blow:?}");
}

#[test]
fn a_full_disk_at_any_call_costs_no_line() {
    let calls = [&WRITING[..], &["openat"]].concat();
    survives(&calls, &[Fault::Error("ENOSPC"), Fault::ErrorFromThenOn("ENOSPC")], ends_in_order);
}

#[test]
fn a_broken_disk_at_any_call_costs_no_line() {
    let calls = [&WRITING[..], &READING[..]].concat();
    survives(&calls, &[Fault::Error("EIO"), Fault::ErrorFromThenOn("EIO")], ends_in_order);
}

#[test]
fn missing_rights_at_any_call_cost_no_line() {
    let calls =
        ["openat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"];
    survives(&calls, &[Fault::Error("EACCES"), Fault::ErrorFromThenOn("EACCES")], ends_in_order);
}

#[test]
fn an_interrupted_call_is_made_again() {
    survives(&["read", "pread64", "write", "pwrite64", "ftruncate"], &[Fault::Error("EINTR")], goes_on);
}

/// No local file system interrupts these. The C library gives up on a folder, and SQLite on a sync; it costs the run.
#[test]
fn an_interrupted_sync_or_listing_costs_no_line() {
    survives(&["openat", "fsync", "fdatasync"], &[Fault::Error("EINTR")], ends_in_order);
}

/// A failed sync may have dropped pages that are never written again: whoever goes on has lost them.
#[test]
fn a_failed_sync_ends_the_run() {
    survives(&SYNC, &[Fault::Error("EIO")], |blow, ended| {
        let Some((call, later)) = blow.failed_call() else { return };
        // At its end SQLite moves its log into the database: two syncs. If it cannot, it keeps the log.
        if later > 1 || !call.contains("logstat.db") {
            assert_eq!(ended.code, Some(2), "{blow:?}");
        }
    });
}
