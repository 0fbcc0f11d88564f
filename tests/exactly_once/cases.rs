//! What may become of a log, case by case.

use super::machine::{Ended, Machine, State};
use super::numbered::{Wanted, line, lines};
use super::strace::deny;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Longer than a head, a tail and a chunk of an identity.
const LONG: u64 = 12_000;

#[track_caller]
fn check(state: &State<'_>, lines: u64) {
    Wanted::of(0..lines).check(state);
    assert_eq!(state.lines("lines"), lines);
    // Nothing is new, and nothing changes.
    let published = state.published();
    let again = state.ingest();
    assert_eq!(again.stderr, "");
    assert!(state.published() == published);
}

/// A state that has read the first lines of a log which has grown since.
fn half_read(machine: &Machine, read: u64, written: u64) -> State<'_> {
    let state = machine.state();
    machine.append("access.log", &lines(0..read));
    state.ingest();
    machine.append("access.log", &lines(read..written));
    state
}

#[test]
fn a_log_that_grows_is_read_on() {
    let machine = Machine::new();
    let state = machine.state();
    for run in 0..5 {
        machine.append("access.log", &lines(run * 700..run * 700 + 700));
        state.ingest();
        state.ingest();
    }
    check(&state, 3500);
}

#[test]
fn a_log_renamed_while_the_server_still_writes_to_it() {
    let machine = Machine::new().keep("rotate_wait_s = 60");
    let state = half_read(&machine, 500, 600);
    let mut held = OpenOptions::new().append(true).open(machine.log("access.log")).expect("the log");
    machine.rotate("access.log");
    machine.append("access.log", &lines(700..750));
    let late = lines(600..700);
    let (now, later) = late.split_at(late.len() / 2);
    held.write_all(now).expect("written");
    state.ingest();
    held.write_all(later).expect("written");
    state.ingest();
    check(&state, 750);
}

#[test]
fn a_log_renamed_in_the_middle_of_a_run() {
    let machine = Machine::new();
    let state = half_read(&machine, 1000, LONG);
    // Every read takes a while, so the run sees the log under both names.
    let mut command = super::strace::slow("pread64", 3000, &state.ingest_command());
    let run = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace is needed for this test");
    let database = state.dir.join("logstat.db-wal");
    super::runs::wait_until("the first commit", || fs::metadata(&database).is_ok_and(|file| file.len() > 0));
    machine.rotate("access.log");
    machine.append("access.log", &lines(LONG..LONG + 100));
    let ended = Ended::from(run.wait_with_output().expect("it ends"));
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
    state.ingest();
    check(&state, LONG + 100);
}

#[test]
fn logs_renamed_while_they_are_looked_at() {
    for wait_ms in (0..200).step_by(20) {
        let machine = Machine::new();
        let state = half_read(&machine, 500, 600);
        for rotated in [700, 800] {
            machine.rotate("access.log");
            machine.append("access.log", &lines(rotated - 100..rotated));
        }
        let mut command = super::strace::slow("openat", 5000, &state.ingest_command());
        let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("strace");
        thread::sleep(Duration::from_millis(wait_ms));
        machine.rotate("access.log");
        machine.append("access.log", &lines(800..900));
        let ended = Ended::from(run.wait_with_output().expect("it ends")).with(0);
        assert_eq!(ended.stderr, "", "{wait_ms}");
        state.ingest();
        check(&state, 900);
    }
}

#[test]
fn copytruncate() {
    for (read, written) in [(1, 2), (20, 30), (1000, 1200), (LONG, LONG + 5000)] {
        for since in [0, 3, 2000] {
            let machine = Machine::new();
            let state = half_read(&machine, read, written);
            machine.copy("access.log", "access.log.1");
            machine.cut("access.log", 0);
            machine.append("access.log", &lines(written..written + since));
            state.ingest();
            check(&state, written + since);
        }
    }
}

#[test]
fn a_run_between_the_copy_and_the_truncation() {
    let machine = Machine::new();
    let state = half_read(&machine, 1000, 1500);
    machine.copy("access.log", "access.log.1");
    machine.append("access.log", &lines(1500..1600));
    state.ingest();
    machine.cut("access.log", 0);
    machine.append("access.log", &lines(1600..1700));
    state.ingest();
    check(&state, 1700);
}

#[test]
fn an_inode_that_is_used_again() {
    let machine = Machine::new();
    let state = half_read(&machine, LONG, LONG);
    let inode = |name: &str| fs::metadata(machine.log(name)).expect("a log").ino();
    let before = inode("access.log");
    machine.copy("access.log", "access.log.1");
    machine.cut("access.log", 0);
    // The offset of the old content lies inside the new one.
    machine.append("access.log", &lines(LONG..3 * LONG));
    assert_eq!(inode("access.log"), before);
    state.ingest();
    check(&state, 3 * LONG);
}

#[test]
fn another_log_that_begins_with_the_same_kilobytes() {
    // Longer than the head that an identity has.
    let banner = format!("# {}\n", "banner ".repeat(150)).repeat(6);
    let machine = Machine::new();
    let state = machine.state();
    machine.append("access.log", &[banner.as_bytes(), &lines(0..1000)].concat());
    state.ingest();
    machine.copy("access.log", "access.log.1");
    machine.cut("access.log", 0);
    machine.append("access.log", &[banner.as_bytes(), &lines(1000..LONG)].concat());
    state.ingest();
    assert_eq!((state.lines("records"), state.lines("rejects")), (LONG, 12));
    Wanted::of(0..LONG).check_hours(&state.hours());
}

#[test]
fn an_archive_of_what_was_read_is_not_read_again() {
    for written in [100, LONG] {
        let machine = Machine::new();
        let state = half_read(&machine, written, written);
        machine.rotate("access.log");
        machine.gzip("access.log.1");
        machine.append("access.log", &lines(written..written + 50));
        state.ingest();
        check(&state, written + 50);
    }
}

#[test]
fn an_archive_of_what_was_half_read_is_read_on() {
    for (program, end) in [("gzip", "gz"), ("bzip2", "bz2"), ("xz", "xz"), ("zstd", "zst")] {
        let machine = Machine::new();
        let state = half_read(&machine, 2000, LONG);
        machine.rotate("access.log");
        let packed = Command::new(program).arg("-q").arg(machine.log("access.log.1")).status();
        assert!(packed.is_ok_and(|status| status.success()), "{program} is needed for this test");
        let _ = fs::remove_file(machine.log("access.log.1"));
        assert!(machine.log(&format!("access.log.1.{end}")).exists());
        machine.append("access.log", &lines(LONG..LONG + 50));
        state.ingest();
        check(&state, LONG + 50);
    }
}

#[test]
fn a_plain_file_and_its_archive_are_one_stream() {
    for read in [0, 500] {
        let machine = Machine::new();
        let state = half_read(&machine, read, 2000);
        machine.rotate("access.log");
        machine.append("access.log", &lines(2000..2100));
        machine.copy("access.log.1", "kept");
        machine.gzip("access.log.1");
        machine.rename("kept", "access.log.1");
        state.ingest();
        machine.remove("access.log.1");
        state.ingest();
        check(&state, 2100);
    }
}

#[test]
fn an_archive_that_is_still_being_written_waits() {
    for read in [0, 3000] {
        let machine = Machine::new();
        let state = half_read(&machine, read, 5000);
        machine.rotate("access.log");
        machine.append("access.log", &lines(5000..5100));
        machine.gzip("access.log.1");
        let whole = fs::read(machine.log("access.log.1.gz")).expect("an archive");
        for length in [10, whole.len() / 2, whole.len() - 3] {
            fs::write(machine.log("access.log.1.gz"), &whole[..length]).expect("written");
            let ended = state.try_ingest();
            assert!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
        }
        fs::write(machine.log("access.log.1.gz"), &whole).expect("written");
        state.ingest();
        check(&state, 5100);
    }
}

#[test]
fn several_rotations_between_runs() {
    let machine = Machine::new();
    let state = half_read(&machine, 500, 1000);
    for rotation in 1..5 {
        machine.rotate("access.log");
        if rotation > 1 {
            machine.gzip("access.log.2");
        }
        machine.append("access.log", &lines(rotation * 1000..rotation * 1000 + 1000));
    }
    state.ingest();
    check(&state, 5000);
}

#[test]
fn a_last_line_without_newline_waits_for_its_end() {
    let machine = Machine::new();
    let state = machine.state();
    let all = lines(0..1000);
    let cut = all.len() - 40;
    machine.append("access.log", &all[..cut]);
    state.ingest();
    assert_eq!(state.lines("lines"), 999);
    machine.append("access.log", &all[cut..]);
    state.ingest();
    check(&state, 1000);
}

#[test]
fn a_last_line_without_newline_is_taken_once_when_the_log_is_over() {
    let machine = Machine::new();
    let state = machine.state();
    let all = lines(0..1000);
    machine.append("access.log", &all[..all.len() - 1]);
    state.ingest();
    machine.rotate("access.log");
    machine.append("access.log", &lines(1000..1100));
    state.ingest();
    check(&state, 1100);
    // Whatever comes still, the line is counted.
    machine.append("access.log.1", b"\n");
    state.ingest();
    check(&state, 1100);
    machine.gzip("access.log.1");
    state.ingest();
    check(&state, 1100);
}

#[test]
fn a_line_of_200_megabytes_is_a_reject_in_constant_memory() {
    let machine = Machine::new();
    let state = machine.state();
    machine.append("access.log", &lines(0..500));
    let megabyte = vec![b'x'; 1 << 20];
    for _ in 0..200 {
        machine.append("access.log", &megabyte);
    }
    let ingest = state.ingest_command();
    let limited = || {
        let mut command = machine.command_under("prlimit", &["--data=150000000"]);
        command.arg(ingest.get_program()).args(ingest.get_args());
        Ended::of(&mut command).with(0)
    };
    limited();
    machine.append("access.log", &[b"\n", &lines(500..600)[..]].concat());
    limited();
    assert_eq!((state.lines("lines"), state.lines("rejects")), (601, 1));
    Wanted::of(0..600).check_hours(&state.hours());
}

#[test]
fn nuls_after_a_crash_are_skipped_and_counted() {
    let machine = Machine::new();
    let state = machine.state();
    machine.append("access.log", &[lines(0..500), vec![0; 10_000]].concat());
    state.ingest();
    machine.append("access.log", &lines(500..700));
    state.ingest();
    // A hole is NULs, too.
    let size = fs::metadata(machine.log("access.log")).expect("the log").len();
    machine.cut("access.log", size + 100_000);
    machine.append("access.log", &lines(700..900));
    state.ingest();
    assert_eq!((state.lines("lines"), state.lines("nul_bytes")), (900, 110_000));
    Wanted::of(0..900).check_hours(&state.hours());
}

#[test]
fn a_log_that_became_shorter_is_a_new_one_and_a_gap() {
    let machine = Machine::new();
    let state = machine.state();
    machine.append("access.log", &lines(0..1000));
    state.ingest();
    fs::write(machine.log("access.log"), lines(1000..1100)).expect("written");
    let ended = state.try_ingest().with(1);
    assert!(ended.stderr.contains("access.log"), "{}", ended.stderr);
    check(&state, 1100);
}

#[test]
fn lines_that_were_deleted_unread_are_a_gap_told_once() {
    let machine = Machine::new();
    let state = half_read(&machine, 1000, 1000);
    machine.append("access.log", b"2001:db8::1 - - [begun");
    state.ingest();
    machine.remove("access.log");
    machine.append("access.log", &lines(1000..1100));
    let ended = state.try_ingest().with(1);
    let told = ended.stderr.contains("22 bytes") && ended.stderr.contains("gone");
    assert!(told, "{}", ended.stderr);
    check(&state, 1100);
    assert_eq!(state.status()["gaps"].as_array().map(Vec::len), Some(1), "{}", state.status());
}

#[test]
fn links_and_several_patterns_for_one_file_read_it_once() {
    let machine = Machine::new();
    let state = machine.state();
    machine.append("access.log", &lines(0..1000));
    fs::hard_link(machine.log("access.log"), machine.log("access.log.1")).expect("a link");
    symlink(machine.log("access.log"), machine.log("access.log.2")).expect("a link");
    symlink(machine.path("logs"), machine.path("same")).expect("a link");
    let source = machine.source("access", "access.log*");
    let both = format!("\", \"{}\"]", machine.path("same/access.log*").display());
    machine.configure(&source.replacen("\"]", &both, 1), "rotate_wait_s = 0");
    state.ingest();
    machine.append("access.log", &lines(1000..1500));
    state.ingest();
    check(&state, 1500);
}

#[test]
fn the_same_lines_in_two_sources_count_for_each() {
    let machine = Machine::new();
    let (a, b) = (machine.source("access", "access.log*"), machine.source("other", "other.log*"));
    machine.configure(&format!("{a}{b}"), "rotate_wait_s = 0");
    let state = machine.state();
    machine.append("other.log", b"");
    for name in ["access.log", "other.log"] {
        machine.append(name, &lines(0..1000));
        state.ingest();
    }
    assert_eq!(state.lines("records"), 2000);
    let only = |name: &str| {
        let rows = state.hours().lines().filter(|row| !row.contains(name)).collect::<Vec<_>>().join("\n");
        rows.replace(",other,", ",access,") + "\n"
    };
    Wanted::of(0..1000).check_hours(&only(",other,"));
    Wanted::of(0..1000).check_hours(&only(",access,"));
}

#[test]
fn a_byte_order_mark_carriage_returns_and_an_empty_log() {
    let machine = Machine::new();
    let state = machine.state();
    machine.append("access.log", b"");
    state.ingest();
    machine.append("access.log", b"\xEF\xBB\xBF");
    state.ingest();
    let dos: String = (0..1000).map(|number| line(number).replace('\n', "\r\n")).collect();
    let (first, second) = dos.split_at(50_000);
    for part in [first, second] {
        machine.append("access.log", part.as_bytes());
        state.ingest();
    }
    check(&state, 1000);
}

#[test]
fn a_file_that_may_not_be_opened_is_not_taken_for_deleted() {
    let machine = Machine::new();
    let state = half_read(&machine, 1000, 1500);
    machine.rotate("access.log");
    machine.append("access.log", &lines(1500..1600));
    for denied in ["access.log.1", ""] {
        for _ in 0..2 {
            let ended = Ended::of(&mut deny(&machine.log(denied), &state.ingest_command()));
            assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
            assert!(ended.stderr.contains("Permission denied"), "{}", ended.stderr);
            assert_eq!(state.status()["gaps"].as_array().map(Vec::len), Some(0), "{}", state.status());
        }
    }
    state.ingest();
    check(&state, 1600);
}

#[test]
fn a_report_without_paths_reads_what_is_new_first() {
    let machine = Machine::new();
    let state = half_read(&machine, 1000, 2000);
    let arguments = ["--since", "oldest", "--no-out", "--csv", "--by", "site", "--tz", "UTC", "--now"];
    let ended = Ended::of(state.command("report", &arguments).arg(super::machine::NOW)).with(0);
    Wanted::of(0..2000).check_hours(&ended.stdout);
    check(&state, 2000);
}

#[test]
fn what_was_published_is_made_again_from_the_database() {
    let machine = Machine::new();
    let state = half_read(&machine, 2000, 2000);
    fs::remove_dir_all(state.dir.join("data")).expect("removed");
    Ended::of(state.ingest_command().arg("--republish")).with(0);
    check(&state, 2000);
}
