//! What is kept for bans comes back as it was put, in one piece with the rest of its batch.

use super::{Lab, MIDNIGHT};
use crate::store::{PublishedList, StoredLane};

pub(super) fn list() -> PublishedList {
    PublishedList {
        path: "/var/lib/logstat/bans.nft".into(),
        format: "nftables".to_owned(),
        basis: u64::MAX,
        settings: 1,
        digest: 1 << 63,
        written: 3,
        entries: 2,
        published_us: 1_795_132_800_000_000,
        next_end_us: Some(1_795_132_900_000_000),
        told: true,
    }
}

pub(super) fn lane(stream: i64) -> StoredLane {
    StoredLane { stream, bytes: vec![1, 2, stream as u8] }
}

#[test]
fn bans_come_back_as_they_were_put() {
    let lab = Lab::new();
    let mut store = lab.open();
    assert_eq!((store.ban_memory().unwrap(), store.ban_generation().unwrap()), (None, 0));
    let mut batch = store.begin().unwrap();
    batch.put_ban_memory(vec![7]).unwrap();
    batch.add_lane(&lane(1)).unwrap();
    batch.add_lane(&lane(2)).unwrap();
    batch.add_ban_hits(MIDNIGHT, "probing", 2).unwrap();
    batch.add_ban_hits(MIDNIGHT + 1, "probing", 3).unwrap();
    drop(batch);
    assert!(!store.has_lanes().unwrap(), "a batch that is dropped never was");
    let mut batch = store.begin().unwrap();
    batch.put_ban_memory(vec![7]).unwrap();
    batch.put_ban_memory(vec![8, 9]).unwrap();
    batch.add_lane(&lane(2)).unwrap();
    batch.add_lane(&lane(1)).unwrap();
    batch.add_ban_hits(MIDNIGHT, "probing", 2).unwrap();
    batch.add_ban_hits(MIDNIGHT, "probing", 3).unwrap();
    batch.add_ban_hits(MIDNIGHT + 1, "xss", 1).unwrap();
    batch.commit().unwrap();
    let memory = store.ban_memory().unwrap().unwrap();
    assert_eq!((memory.generation, memory.bytes), (2, vec![8, 9]));
    assert!(store.has_lanes().unwrap());
    let hits = store.ban_hits(MIDNIGHT..MIDNIGHT + 1).unwrap();
    assert_eq!(hits.into_iter().collect::<Vec<_>>(), [("probing".to_owned(), 5)]);
    let mut batch = store.begin().unwrap();
    assert_eq!(batch.take_lanes().unwrap(), [lane(2), lane(1)]);
    batch.commit().unwrap();
    assert!(!store.has_lanes().unwrap());
}

#[test]
fn a_published_list_is_noted_once_for_each_path() {
    let mut store = Lab::new().open();
    store.note_published(&PublishedList { told: false, next_end_us: None, ..list() }).unwrap();
    store.note_published(&list()).unwrap();
    let other = PublishedList { path: "/a".into(), ..list() };
    store.note_published(&other).unwrap();
    assert_eq!(store.published_lists().unwrap(), [other, list()]);
}

#[test]
fn what_changed_on_the_disk_is_damage() {
    let mut store = Lab::new().open();
    let mut batch = store.begin().unwrap();
    batch.put_ban_memory(vec![7]).unwrap();
    batch.add_lane(&lane(1)).unwrap();
    batch.commit().unwrap();
    store.note_published(&list()).unwrap();
    store.check().unwrap();
    for (sql, back) in [
        ("UPDATE ban_memory SET bytes = x'08'", "UPDATE ban_memory SET bytes = x'07'"),
        ("UPDATE ban_lanes SET bytes = x'08'", "UPDATE ban_lanes SET bytes = x'010201'"),
        ("UPDATE ban_lists SET entries = 9", "UPDATE ban_lists SET entries = 2"),
    ] {
        store.connection.execute(sql, ()).unwrap();
        assert!(store.check().is_err(), "{sql}");
        store.connection.execute(back, ()).unwrap();
        store.check().unwrap();
    }
}

#[test]
fn hits_of_hours_that_are_not_kept_go() {
    let lab = Lab::new();
    let mut store = lab.open();
    super::commit_hour(&mut store, MIDNIGHT - 24 * 30, 1);
    super::commit_hour(&mut store, MIDNIGHT, 1);
    let mut batch = store.begin().unwrap();
    batch.add_ban_hits(MIDNIGHT - 24 * 30, "xss", 1).unwrap();
    batch.add_ban_hits(MIDNIGHT, "xss", 1).unwrap();
    batch.commit().unwrap();
    let retention = crate::store::Retention { keep_hours: Some(24), keep_days: Some(12) };
    store.prune(retention, MIDNIGHT + 1, &mut super::add_up).unwrap();
    assert_eq!(store.ban_hits(i64::MIN..i64::MAX).unwrap()["xss"], 1);
}

#[test]
fn a_state_from_before_bans_takes_them() {
    let lab = Lab::new();
    let store = lab.open();
    for table in ["ban_memory", "ban_lanes", "ban_hits", "ban_lists"] {
        store.connection.execute(&format!("DROP TABLE {table}"), ()).unwrap();
    }
    store.connection.pragma_update(None, "user_version", 1).unwrap();
    drop(store);
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    batch.put_ban_memory(vec![7]).unwrap();
    batch.commit().unwrap();
    assert_eq!(store.ban_generation().unwrap(), 1);
}
