//! Who may open a state, and which one.

use super::*;
use crate::store::schema;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn the_second_opener_is_refused_until_the_first_is_done() {
    let lab = Lab::new();
    let first = lab.open();
    match lab.refused(Mode::Write) {
        StoreError::Locked { holder, .. } => assert_eq!(holder, Some(std::process::id())),
        error => panic!("{error}"),
    }
    drop(first);
    let second = lab.open();
    // Nobody waits for a reader, and a reader waits for nobody.
    let reader = Store::open(&lab.dir(), Mode::Read).unwrap();
    drop(second);
    drop(lab.open());
    assert_eq!(reader.streams().unwrap(), []);
}

#[test]
fn of_many_that_start_at_once_one_runs() {
    let lab = Lab::new();
    let (dir, start, stop) = (lab.dir(), std::sync::Barrier::new(50), std::sync::Barrier::new(50));
    let opened = std::thread::scope(|scope| {
        let open = || {
            start.wait();
            let opened = Store::open(&dir, Mode::Write);
            // Nobody lets go before all have tried.
            stop.wait();
            match opened {
                Ok(_) => 1,
                Err(StoreError::Locked { .. }) => 0,
                Err(error) => panic!("{error}"),
            }
        };
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>()
    });
    assert_eq!(opened, 1);
}

#[test]
fn nobody_else_may_look_into_it() {
    let lab = Lab::new();
    let mut store = lab.open();
    commit_hour(&mut store, MIDNIGHT, 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&lab.dir()), 0o700);
    let files: Vec<_> = fs::read_dir(lab.dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn what_everyone_may_write_to_is_refused() {
    let lab = Lab::new();
    drop(lab.open());
    fs::set_permissions(lab.dir(), Permissions::from_mode(0o777)).unwrap();
    let error = lab.refused(Mode::Write);
    assert!(matches!(error, StoreError::Exposed { mode: 0o777, .. }), "{error}");
    assert!(error.to_string().contains("(mode 0777)\nhint: chmod 700"), "{error}");
    // As systemd makes it.
    fs::set_permissions(lab.dir(), Permissions::from_mode(0o755)).unwrap();
    lab.open();
}

#[test]
fn a_link_in_the_place_of_the_database_is_not_followed() {
    let lab = Lab::new();
    drop(lab.open());
    let elsewhere = lab.folder.path().join("elsewhere.db");
    fs::rename(lab.database(), &elsewhere).unwrap();
    symlink(&elsewhere, lab.database()).unwrap();
    assert!(matches!(lab.refused(Mode::Write), StoreError::Unopened { .. }));
    // The directory may well be behind one.
    let linked = lab.folder.path().join("linked");
    fs::create_dir(lab.folder.path().join("real")).unwrap();
    symlink(lab.folder.path().join("real"), &linked).unwrap();
    Store::open(&linked, Mode::Write).unwrap();
}

#[test]
fn every_commit_waits_for_the_disk() {
    let store = Lab::new().open();
    let number =
        |pragma| store.connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
    let journal: String =
        store.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!((journal.as_str(), number("synchronous"), number("auto_vacuum")), ("wal", 2, 2));
}

#[test]
fn a_node_keeps_its_name_and_no_two_have_the_same() {
    let (lab, other) = (Lab::new(), Lab::new());
    let node = lab.open().node().to_owned();
    assert!(node.len() == 16 && node.bytes().all(|byte| byte.is_ascii_hexdigit()), "{node}");
    assert_eq!(lab.open().node(), node);
    assert_ne!(other.open().node(), node);
}

#[test]
fn a_reader_needs_a_state_and_cannot_change_it() {
    let lab = Lab::new();
    assert!(matches!(lab.refused(Mode::Read), StoreError::Missing { .. }));
    fs::create_dir(lab.dir()).unwrap();
    assert!(matches!(lab.refused(Mode::Read), StoreError::Missing { .. }));
    assert_eq!(fs::read_dir(lab.dir()).unwrap().count(), 0);
    drop(lab.open());
    let mut reader = Store::open(&lab.dir(), Mode::Read).unwrap();
    let tried = reader.begin().and_then(|mut batch| {
        batch.merge_hour("edge", MIDNIGHT, grow(1))?;
        batch.commit()
    });
    assert!(tried.is_err());
    assert_eq!(sums(&reader), []);
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers() {
    let lab = Lab::new();
    lab.open().connection.pragma_update(None, "user_version", schema::NEWEST + 7).unwrap();
    for mode in [Mode::Write, Mode::Read] {
        let message = lab.refused(mode).to_string();
        let numbers =
            format!("its schema is {}, the newest known here is {}\n", schema::NEWEST + 7, schema::NEWEST);
        assert!(message.contains(&numbers), "{message}");
    }
}

#[test]
fn the_database_of_something_else_is_left_alone() {
    let lab = Lab::new();
    fs::create_dir(lab.dir()).unwrap();
    let other = Connection::open(lab.database()).unwrap();
    other.execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    drop(other);
    let before = fs::read(lab.database()).unwrap();
    assert!(matches!(lab.refused(Mode::Write), StoreError::Foreign { .. }));
    assert!(matches!(lab.refused(Mode::Read), StoreError::Foreign { .. }));
    assert_eq!(fs::read(lab.database()).unwrap(), before);
}

/// The next schema, as a later version could have it.
const NEXT: &str = "ALTER TABLE gaps ADD COLUMN noted INTEGER NOT NULL DEFAULT 7";

#[test]
fn an_older_schema_is_brought_forward_step_by_step() {
    let lab = Lab::new();
    let mut store = lab.open();
    commit_hour(&mut store, MIDNIGHT, 5);
    let mut batch = store.begin().unwrap();
    batch.add_gap(&gap(1)).unwrap();
    batch.commit().unwrap();
    let (node, steps) = (store.node().to_owned(), [schema::STEPS.as_slice(), &[NEXT, "SELECT 1"]].concat());
    let from = schema::version(&store.connection, &store.path).unwrap();
    schema::migrate(&mut store.connection, &store.path, from, &steps).unwrap();
    assert_eq!(schema::version(&store.connection, &store.path).unwrap(), schema::NEWEST + 2);
    let noted = store.connection.query_one("SELECT noted FROM gaps", (), |row| row.get::<_, i64>(0));
    assert_eq!(noted.unwrap(), 7);
    assert_eq!((store.node(), sums(&store)), (node.as_str(), vec![(Period::hour(MIDNIGHT), 5)]));
}

#[test]
fn a_step_that_fails_leaves_the_schema_before_it() {
    let lab = Lab::new();
    let mut store = lab.open();
    commit_hour(&mut store, MIDNIGHT, 5);
    let broken = format!("{NEXT}; DROP TABLE rollups; SELECT * FROM nowhere");
    let steps = [schema::STEPS.as_slice(), &[NEXT, &broken]].concat();
    assert!(schema::migrate(&mut store.connection, &store.path, schema::NEWEST, &steps).is_err());
    assert_eq!(schema::version(&store.connection, &store.path).unwrap(), schema::NEWEST + 1);
    assert_eq!(sums(&store), [(Period::hour(MIDNIGHT), 5)]);
}
