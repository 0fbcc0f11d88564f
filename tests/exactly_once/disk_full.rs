//! A small file system that is full, and then is not any more. Mounts it where nobody else sees it.

use super::machine::{Ended, Machine, NOW};
use super::numbered::{Wanted, lines};
use std::fs;
use std::process::Command;

/// Its state takes several MiB.
const LINES: u64 = 60_000;
/// Twice with 1 MiB on `$SMALL`, then with enough room; what is there goes to `kept`, since the mount ends with the shell.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=1m,mode=700 tmpfs "$SMALL" || exit 99
for run in 1 2; do
    "$LOGSTAT" "$@" 2>full.$run
    echo $? >>codes
done
mount -o remount,size=512m "$SMALL" || exit 99
"$LOGSTAT" "$@" 2>enough
echo $? >>codes
cp -a "$STATE" kept
"#;

/// A shell that may mount and rename the host, unseen by others; `None` where that is not allowed.
pub fn namespace(machine: &Machine, script: &str) -> Option<Command> {
    let may = |flags: &[&str]| {
        let mount = "mount -t tmpfs tmpfs /mnt";
        let output = Command::new("unshare").args(flags).args(["sh", "-c", mount]).output();
        output.expect("unshare is needed for this test").status.success()
    };
    let flags: [&[&str]; 2] = [&["--mount", "--uts"], &["--mount", "--uts", "--user", "--map-root-user"]];
    let flags = flags.into_iter().find(|flags| may(flags))?;
    let mut command = Command::new("unshare");
    command.args(flags).args(["sh", "-c", script, "sh"]);
    command.current_dir(machine.path("")).env("LOGSTAT", env!("CARGO_BIN_EXE_logstat")).env("TZ", "UTC");
    Some(command)
}

/// Says that a test has nothing to say here. As root it has to.
pub fn skip(what: &str) {
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| {
        use std::os::unix::fs::MetadataExt;
        process.uid() == 0
    });
    assert!(!is_root, "{what} needs the right to mount: a container needs --privileged");
    eprintln!("skipped: {what} needs the right to mount; tests/all as root has it");
}

/// Fills `small` below the machine's folder; then all is counted once.
fn survives(small: &str, complaint: &str) {
    let machine = Machine::new();
    machine.append("access.log.1", &lines(0..LINES / 2));
    machine.append("access.log", &lines(LINES / 2..LINES));
    let state = machine.state();
    fs::create_dir_all(machine.path(small)).expect("a folder");
    let Some(mut command) = namespace(&machine, SCRIPT) else { return skip(small) };
    command.env("SMALL", machine.path(small)).env("STATE", &state.dir);
    command.args(["ingest", "--config", "logstat.toml", "--now", NOW, "--batch-bytes", "500000", "--state"]);
    Ended::of(command.arg(&state.dir)).with(0);
    let text = |name: &str| fs::read_to_string(machine.path(name)).expect(name);
    assert_eq!(
        text("codes").lines().collect::<Vec<_>>(),
        ["2", "2", "0"],
        "{}{}",
        text("full.1"),
        text("enough")
    );
    for run in ["full.1", "full.2"] {
        assert!(text(run).contains(complaint), "{run}: {}", text(run));
    }
    assert_eq!(text("enough"), "");
    let kept = machine.state_in("kept");
    kept.is_sound();
    Wanted::of(0..LINES).check(&kept);
}

#[test]
fn a_full_disk_under_the_state_costs_no_line() {
    survives("state", "the disk is full\nhint: ");
}

#[test]
fn a_full_disk_under_the_published_data_costs_no_line() {
    survives("state/data", "No space left on device");
}

#[test]
fn a_host_that_is_renamed_is_the_same_node() {
    let machine = Machine::new();
    let state = machine.state();
    machine.append("access.log", &lines(0..2000));
    state.ingest();
    machine.append("access.log", &lines(2000..3000));
    let Some(mut command) = namespace(&machine, r#"hostname renamed.example && "$LOGSTAT" "$@""#) else {
        return skip("another name of the host");
    };
    command.args(state.ingest_command().get_args());
    Ended::of(&mut command).with(0);
    // Of each period there is one file, of one node.
    Wanted::of(0..3000).check(&state);
}
