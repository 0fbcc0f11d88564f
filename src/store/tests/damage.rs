//! A damaged database is noticed, and the message says what to do.

use super::*;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

/// A state with a few pages of everything, closed.
fn filled() -> Lab {
    let lab = Lab::new();
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    batch.put_source(&edge()).unwrap();
    batch.add_stream(&stream()).unwrap();
    batch.add_gap(&gap(1)).unwrap();
    for hour in 0..20_u8 {
        let bytes: Vec<u8> =
            (0..6000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 ^ hour).collect();
        batch.merge_hour("edge", MIDNIGHT + i64::from(hour), |_, _| Ok(bytes)).unwrap();
        batch.add_counts("edge", MIDNIGHT + i64::from(hour), [("records", 6000)]).unwrap();
    }
    batch.merge_events("edge", add(3)).unwrap();
    batch.commit().unwrap();
    drop(store);
    lab
}

/// Everything that a run would read of the state: the export names every value.
fn read(lab: &Lab) -> Result<Vec<u8>, StoreError> {
    let store = Store::open(&lab.dir(), Mode::Write)?;
    let mut json = Vec::new();
    store.export(&mut json)?;
    store.check()?;
    Ok(json)
}

fn assert_damaged(error: &StoreError) {
    let message = error.to_string();
    assert!(matches!(error, StoreError::Damaged { .. }), "{message}");
    assert!(message.contains("logstat.db: is damaged: "), "{message}");
    assert!(message.contains("\nhint: put back a copy, or move all of "), "{message}");
}

#[test]
fn a_database_cut_short_is_noticed() {
    let lab = filled();
    let whole = fs::read(lab.database()).unwrap();
    for length in [whole.len() - 1, whole.len() - 4096, whole.len() / 2, 4096, 1000, 100, 1] {
        fs::write(lab.database(), &whole[..length]).unwrap();
        assert_damaged(&read(&lab).unwrap_err());
        // Refusing it changes nothing of what is left.
        assert!(fs::read(lab.database()).unwrap() == whole[..length], "{length}");
    }
}

#[test]
fn a_first_page_that_was_never_written_whole_is_begun_anew() {
    let lab = Lab::new();
    drop(lab.open());
    let header = fs::read(lab.database()).unwrap();
    fs::write(lab.database(), &header[..1000]).unwrap();
    // A journal that says that there were no pages before, as SQLite leaves it.
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    for number in [0_u32, 7, 0, 512, 4096] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(512, 0);
    fs::write(lab.dir().join("logstat.db-journal"), journal).unwrap();
    assert_eq!(lab.open().streams().unwrap(), []);
}

#[test]
fn an_empty_database_beside_what_it_published_is_not_begun_anew() {
    let lab = filled();
    fs::create_dir_all(lab.dir().join("data/date=2026-11-20")).unwrap();
    assert!(read(&lab).is_ok());
    for empty in [true, false] {
        if empty {
            fs::write(lab.database(), b"").unwrap();
        } else {
            fs::remove_file(lab.database()).unwrap();
        }
        let error = lab.refused(Mode::Write);
        assert!(matches!(error, StoreError::Orphaned { .. }), "{error}");
        assert!(error.to_string().contains("would count twice"), "{error}");
    }
}

#[test]
fn something_else_in_its_place_is_noticed() {
    let lab = filled();
    fs::write(lab.database(), "date,requests\n".repeat(1000)).unwrap();
    assert_damaged(&lab.refused(Mode::Write));
    assert_damaged(&lab.refused(Mode::Read));
}

#[test]
fn a_changed_byte_is_noticed_or_changes_nothing() {
    let lab = filled();
    let whole = fs::read(lab.database()).unwrap();
    let wanted = read(&lab).unwrap();
    let (mut noticed, mut seed) = (0, 1_u64);
    for _ in 0..400 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (seed >> 16) as usize % whole.len();
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (seed >> 61);
        fs::write(lab.database(), &damaged).unwrap();
        match read(&lab) {
            Ok(found) => assert!(found == wanted, "byte {at}: {}", String::from_utf8_lossy(&found)),
            Err(_) => noticed += 1,
        }
    }
    assert!(noticed > 200, "{noticed}");
}

#[test]
fn a_changed_rollup_is_not_merged_into() {
    let lab = filled();
    let bytes = fs::read(lab.database()).unwrap();
    // From its second page: what moved between leaves may be left in several.
    let rollup: Vec<u8> = (5000..5064_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let at = bytes.windows(rollup.len()).position(|window| window == rollup).unwrap();
    let file = OpenOptions::new().write(true).open(lab.database()).unwrap();
    file.write_all_at(&[rollup[10] ^ 1], at as u64 + 10).unwrap();
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    let error = batch.merge_hour("edge", MIDNIGHT, |_, _| panic!("merged")).unwrap_err();
    assert_damaged(&error);
    assert!(error.to_string().contains("a row of `rollups` differs from its checksum"), "{error}");
    drop(batch);
    assert_damaged(&store.check().unwrap_err());
    // The others are as they were.
    assert_eq!(store.rollups(Period::hour(MIDNIGHT + 1)).unwrap()[0].bytes.len(), 6000);
}
