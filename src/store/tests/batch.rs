//! What a batch makes visible, and when.

use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

#[test]
fn streams_come_back_as_they_were_stored() {
    let lab = Lab::new();
    let mut store = lab.open();
    let path = PathBuf::from(OsStr::from_bytes(b"/var/log/caf\xE9\n.log"));
    let other = KnownStream {
        path,
        source: "app".to_owned(),
        finished: true,
        seen_us: -1,
        last_us: None,
        ..stream()
    };
    let mut batch = store.begin().unwrap();
    let ids = [batch.add_stream(&stream()).unwrap(), batch.add_stream(&other).unwrap()];
    batch.commit().unwrap();
    let mut first = KnownStream { id: ids[0], ..stream() };
    let second = KnownStream { id: ids[1], ..other };
    assert_eq!(store.streams().unwrap(), [first.clone(), second.clone()]);

    first.offset += 1;
    first.fingerprint.chunks.push(7);
    let mut batch = store.begin().unwrap();
    assert!(batch.update_stream(&first).unwrap());
    assert!(!batch.update_stream(&KnownStream { id: 99, ..stream() }).unwrap());
    batch.commit().unwrap();
    drop(store);
    assert_eq!(lab.open().streams().unwrap(), [first, second]);
}

#[test]
fn a_source_is_known_by_its_name_and_is_what_it_was_last() {
    let lab = Lab::new();
    let mut store = lab.open();
    commit_hour(&mut store, MIDNIGHT, 1);
    let named = |name: &str| SourceInfo { name: name.to_owned(), ..SourceInfo::default() };
    assert_eq!(store.sources().unwrap(), [named("edge")]);
    let mut batch = store.begin().unwrap();
    batch.put_source(&edge()).unwrap();
    batch.put_source(&named("app")).unwrap();
    batch.merge_hour("edge", MIDNIGHT, grow(1)).unwrap();
    batch.commit().unwrap();
    assert_eq!(store.sources().unwrap(), [named("app"), edge()]);
    assert_eq!(sums(&store), [(Period::hour(MIDNIGHT), 2)]);
    let mut batch = store.begin().unwrap();
    batch.put_source(&named("edge")).unwrap();
    batch.commit().unwrap();
    drop(store);
    assert_eq!(lab.open().sources().unwrap(), [named("app"), named("edge")]);
}

#[test]
fn events_are_dirty_until_the_generation_that_changed_last_is_published() {
    let lab = Lab::new();
    let mut store = lab.open();
    let merge = |store: &mut Store, sources: &[&str], number| {
        let mut batch = store.begin().unwrap();
        sources.iter().for_each(|source| batch.merge_events(source, add(number)).unwrap());
        batch.commit().unwrap();
    };
    let state = |store: &Store| (store.events_generation().unwrap(), store.dirty_events().unwrap());
    assert_eq!(state(&store), (0, false));
    merge(&mut store, &["edge", "app"], 1);
    assert_eq!(state(&store), (1, true));
    // While the first generation is being published.
    merge(&mut store, &["app"], 1);
    store.events_published(1).unwrap();
    assert_eq!(state(&store), (2, true));
    store.events_published(2).unwrap();
    assert_eq!(state(&store), (2, false));
    // Whoever publishes late takes nothing back, and what stays as it is needs no publishing.
    store.events_published(1).unwrap();
    merge(&mut store, &["edge", "app"], 0);
    commit_hour(&mut store, MIDNIGHT, 1);
    assert_eq!(state(&store), (2, false));
}

#[test]
fn events_may_be_taken_away_where_there_are_any() {
    let lab = Lab::new();
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    batch.merge_events("edge", add(9)).unwrap();
    batch.replace_events("app", |_| panic!("it has none")).unwrap();
    batch.replace_events("edge", |stored| add(1)(Some(stored))).unwrap();
    batch.commit().unwrap();
    assert_eq!(store.events("edge").unwrap().as_deref().map(sum), Some(10));
    assert_eq!(store.events("app").unwrap(), None);
    assert!(store.sources().unwrap().iter().all(|source| source.name != "app"));
    let mut batch = store.begin().unwrap();
    assert!(batch.replace_events("edge", |_| Err("unknown version 9".into())).is_err());
    assert!(matches!(batch.commit(), Err(StoreError::Broken { .. })));
}

#[test]
fn only_finished_streams_are_forgotten_and_their_numbers_are_not_given_again() {
    let lab = Lab::new();
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    for (finished, seen_us) in [(true, 9), (true, 10), (false, 9), (true, 9)] {
        batch.add_stream(&KnownStream { finished, seen_us, ..stream() }).unwrap();
    }
    assert_eq!(batch.forget_streams(10).unwrap(), 2);
    assert_eq!(batch.add_stream(&stream()).unwrap(), 5);
    batch.commit().unwrap();
    let ids: Vec<i64> = store.streams().unwrap().iter().map(|stream| stream.id).collect();
    assert_eq!(ids, [2, 3, 5]);
}

#[test]
fn nothing_is_visible_before_the_commit_nor_after_a_drop() {
    let lab = Lab::new();
    let mut store = lab.open();
    commit_hour(&mut store, MIDNIGHT, 5);
    let before = exported(&store);
    let reader = Store::open(&lab.dir(), Mode::Read).unwrap();
    let fill = |batch: &mut Batch<'_>| {
        batch.put_source(&edge()).unwrap();
        batch.add_stream(&stream()).unwrap();
        batch.merge_hour("edge", MIDNIGHT, grow(1)).unwrap();
        batch.merge_hour("app", MIDNIGHT + 1, grow(1)).unwrap();
        batch.merge_events("edge", add(1)).unwrap();
        batch.add_counts("edge", MIDNIGHT, [("records", 1)]).unwrap();
        batch.add_gap(&gap(1)).unwrap();
    };
    let mut batch = store.begin().unwrap();
    fill(&mut batch);
    assert_eq!(exported(&reader), before);
    drop(batch);
    assert_eq!(exported(&store), before);
    let mut batch = store.begin().unwrap();
    fill(&mut batch);
    batch.commit().unwrap();
    assert_ne!(exported(&reader), before);
    assert_eq!(exported(&reader), exported(&store));
}

fn exported(store: &Store) -> String {
    let mut json = Vec::new();
    store.export(&mut json).unwrap();
    String::from_utf8(json).unwrap()
}

#[test]
fn hours_events_and_counts_add_up_over_batches() {
    let lab = Lab::new();
    let mut store = lab.open();
    for number in 1..=3 {
        let mut batch = store.begin().unwrap();
        for source in ["edge", "app"] {
            batch.merge_hour(source, MIDNIGHT, grow(number)).unwrap();
            batch.merge_events(source, add(10 * number)).unwrap();
            let hour = MIDNIGHT + i64::try_from(number).unwrap();
            batch.add_counts(source, hour, [("records", number), ("blank", 0)]).unwrap();
        }
        batch.merge_hour("app", MIDNIGHT, grow(100)).unwrap();
        batch.commit().unwrap();
    }
    let rollups = store.rollups(Period::hour(MIDNIGHT)).unwrap();
    let found: Vec<_> = rollups.iter().map(|rollup| (rollup.source.as_str(), sum(&rollup.bytes))).collect();
    assert_eq!(found, [("app", 306), ("edge", 6)]);
    assert_eq!(store.events("edge").unwrap().as_deref().map(sum), Some(60));
    assert_eq!(store.events("nobody").unwrap(), None);
    let records = |hours| store.counts("edge", hours).unwrap().into_iter().collect::<Vec<_>>();
    assert_eq!(records(MIDNIGHT..MIDNIGHT + 4), [("records".to_owned(), 6)]);
    assert_eq!(records(MIDNIGHT..MIDNIGHT + 3), [("records".to_owned(), 3)]);
    assert_eq!(records(MIDNIGHT..MIDNIGHT), []);
}

#[test]
fn a_generation_rises_once_per_batch_and_only_the_published_one_is_cleared() {
    let lab = Lab::new();
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    for source in ["edge", "app", "edge"] {
        batch.merge_hour(source, MIDNIGHT, grow(1)).unwrap();
    }
    batch.add_counts("edge", MIDNIGHT + 1, [("rejects", 1)]).unwrap();
    batch.add_counts("edge", MIDNIGHT + 2, [("rejects", 0)]).unwrap();
    batch.commit().unwrap();
    let dirty = |hour, generation| Dirty { period: Period::hour(hour), generation, gone: false };
    let first = store.dirty().unwrap();
    assert_eq!(first, [dirty(MIDNIGHT, 1), dirty(MIDNIGHT + 1, 1)]);

    // A late line, while the first generation is being published.
    commit_hour(&mut store, MIDNIGHT, 1);
    assert_eq!(store.published(&first).unwrap(), 1);
    assert_eq!(store.dirty().unwrap(), [dirty(MIDNIGHT, 2)]);
    assert_eq!(store.published(&first).unwrap(), 0);
    let second = store.dirty().unwrap();
    assert_eq!(store.published(&second).unwrap(), 1);
    assert_eq!(store.dirty().unwrap(), []);
    commit_hour(&mut store, MIDNIGHT, 1);
    assert_eq!(store.dirty().unwrap(), [dirty(MIDNIGHT, 3)]);
}

#[test]
fn a_batch_with_a_failed_step_cannot_be_committed() {
    let lab = Lab::new();
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    batch.merge_hour("edge", MIDNIGHT, grow(1)).unwrap();
    let error = batch.merge_hour("edge", MIDNIGHT, |_, _| Err("unknown version 9".into())).unwrap_err();
    assert!(error.to_string().ends_with("edge: 2026-11-20T00:00:00Z: cannot be merged: unknown version 9"));
    assert!(matches!(batch.add_gap(&gap(1)), Err(StoreError::Broken { .. })));
    assert!(matches!(batch.commit(), Err(StoreError::Broken { .. })));
    assert_eq!(sums(&store), []);

    let mut batch = store.begin().unwrap();
    let endless = |_: Option<&[u8]>| Ok(vec![0; crate::store::batch::MERGED_BYTES + 1]);
    let error = batch.merge_events("edge", endless).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { bytes: 67_108_865, .. }), "{error}");
    assert!(matches!(batch.commit(), Err(StoreError::Broken { .. })));
}

#[test]
fn a_full_disk_leaves_the_state_as_it_was() {
    let lab = Lab::new();
    let mut store = lab.open();
    commit_hour(&mut store, MIDNIGHT, 5);
    let before = exported(&store);
    let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    // With a limit, the pragma answers.
    store
        .connection
        .pragma_update_and_check(None, "max_page_count", pages + 2, |row| row.get::<_, i64>(0))
        .unwrap();
    let mut batch = store.begin().unwrap();
    batch.merge_hour("edge", MIDNIGHT, grow(1)).unwrap();
    let error = batch.merge_hour("app", MIDNIGHT, |_, _| Ok(vec![1; 100_000])).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert!(batch.add_stream(&stream()).is_err());
    assert!(batch.commit().is_err());
    assert_eq!(exported(&store), before);
    drop(store);
    let mut store = lab.open();
    assert_eq!(exported(&store), before);
    commit_hour(&mut store, MIDNIGHT, 1);
    assert_eq!(sums(&store), [(Period::hour(MIDNIGHT), 6)]);
}

#[test]
fn gaps_are_kept_up_to_a_limit_and_the_others_counted() {
    let lab = Lab::new();
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    batch.add_gap(&Gap { source: "app".to_owned(), ..gap(0) }).unwrap();
    for number in 0..1003 {
        batch.add_gap(&gap(number)).unwrap();
    }
    batch.commit().unwrap();
    let gaps = store.gaps().unwrap();
    assert_eq!((gaps.len(), store.gaps_left_out().unwrap()), (1001, 3));
    assert_eq!(gaps[0].source, "app");
    assert_eq!(gaps[1..], (3..1003).map(gap).collect::<Vec<_>>());
}
