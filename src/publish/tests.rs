//! What is published, and what is left of it when something goes wrong.

use super::*;
use crate::dataset::testing::{MIDNIGHT, stored_hour};
use crate::rollup::{AtRest, StoredDay, StoredEvents, StoredHour};
use crate::store::{MergeError, Mode, Retention};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use tempfile::TempDir;

/// A state, and the folder that it is in.
struct Lab {
    folder: TempDir,
    pool: ThreadPool,
}

impl Lab {
    fn new() -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), pool }
    }

    fn open(&self) -> Store {
        Store::open(&self.folder.path().join("state"), Mode::Write).unwrap()
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("state/data")
    }

    fn publish(&self, store: &mut Store) -> Published {
        publish(store, &self.pool, false, &mut |_, _| {}).unwrap()
    }

    /// Every file below `data` with its bytes, and every folder.
    fn published(&self) -> BTreeMap<String, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.root()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.root()).unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    folders.push(path);
                    files.insert(name + "/", Vec::new());
                } else {
                    files.insert(name, fs::read(path).unwrap());
                }
            }
        }
        files
    }

    fn names(&self, node: &str) -> Vec<String> {
        let files = self.published().into_keys().filter(|name| !name.ends_with('/'));
        files.map(|name| name.replace(node, "ID")).collect()
    }
}

fn commit(store: &mut Store, hour: i64, servers: &[&[u8]]) {
    let more = stored_hour(MIDNIGHT + hour, servers);
    let mut batch = store.begin().unwrap();
    let merge = |period: Period, stored: Option<&[u8]>| -> Result<Vec<u8>, MergeError> {
        Ok(crate::rollup::merge_hour(period.span == crate::store::Span::Day, stored, &more)?)
    };
    batch.merge_hour("edge", MIDNIGHT + hour, merge).unwrap();
    batch.add_counts("edge", MIDNIGHT + hour, [("records", servers.len() as u64)]).unwrap();
    batch.commit().unwrap();
}

fn prune(store: &mut Store, end: i64) {
    let retention = Retention { keep_hours: Some(48), keep_days: Some(10) };
    let mut merge = |_: Period, day: Option<&[u8]>, hour: &[u8]| -> Result<Vec<u8>, MergeError> {
        Ok(crate::rollup::merge_hour(true, day, &StoredHour::decode(hour)?)?)
    };
    store.prune(retention, MIDNIGHT + end, &mut merge).unwrap();
}

#[test]
fn what_changed_is_written_once() {
    let lab = Lab::new();
    let mut store = lab.open();
    assert_eq!(lab.publish(&mut store), Published::default());
    assert!(!lab.root().exists());
    commit(&mut store, 3, &[b"s1", b"s2"]);
    commit(&mut store, 4, &[b"s1"]);
    let mut steps = Vec::new();
    let done = publish(&mut store, &lab.pool, false, &mut |done, of| steps.push((done, of))).unwrap();
    assert_eq!((done, steps), (Published { written: 2, removed: 0 }, vec![(2, 2)]));
    let node = store.node().to_owned();
    let wanted = [
        "csv/date=2026-11-20/hour=03/node-ID.csv",
        "csv/date=2026-11-20/hour=04/node-ID.csv",
        "hours/date=2026-11-20/hour=03/node-ID.parquet",
        "hours/date=2026-11-20/hour=04/node-ID.parquet",
    ];
    assert_eq!(lab.names(&node), wanted);
    let csv = &lab.published()[&wanted[0].replace("ID", &node)];
    let csv = String::from_utf8(csv.clone()).unwrap();
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.contains("\n2026-11-20T03:00:00Z,edge,,,s1,,,1,3600,"), "{csv}");
    assert_eq!(lab.publish(&mut store), Published::default());

    // A late line.
    let before = lab.published();
    commit(&mut store, 3, &[b"s1"]);
    assert_eq!(lab.publish(&mut store), Published { written: 1, removed: 0 });
    let after = lab.published();
    let changed: Vec<_> = after.iter().filter(|(name, bytes)| before[*name] != **bytes).collect();
    assert_eq!(changed.len(), 2);
    let partitions = dataset::find(&[lab.root()], &(MIDNIGHT + 3..MIDNIGHT + 4)).unwrap();
    assert_eq!(logstat_reports::dataset::generation(&partitions[0].path).unwrap(), 2);
    let sources = dataset::read_period(&partitions).unwrap();
    assert_eq!(sources[0].lines, [("records".to_owned(), 3)].into());
    let Some(AtRest::Hour(hour)) = &sources[0].stored else { panic!("an hour") };
    assert_eq!(hour.series().map(|(_, sum)| sum.sums.requests).sum::<u64>(), 3);
}

#[test]
fn what_is_lost_is_made_again_byte_for_byte() {
    let lab = Lab::new();
    let mut store = lab.open();
    (0..40).for_each(|hour| commit(&mut store, hour, &[b"s1", b"s2"]));
    lab.publish(&mut store);
    let first = lab.published();
    fs::remove_dir_all(lab.root()).unwrap();
    assert_eq!(lab.publish(&mut store).written, 40);
    assert!(lab.published() == first, "other bytes");

    // Where only some files are wrong, it has to be asked for.
    let file =
        lab.root().join("hours/date=2026-11-20/hour=03").join(format!("node-{}.parquet", store.node()));
    fs::write(&file, "damaged").unwrap();
    let stray = lab.root().join("hours/date=2025-01-01/hour=00");
    fs::create_dir_all(&stray).unwrap();
    let others = stray.join("node-other.parquet");
    fs::write(&others, "of another node").unwrap();
    fs::copy(&file, stray.join(file.file_name().unwrap())).unwrap();
    assert_eq!(lab.publish(&mut store), Published::default());
    let done = publish(&mut store, &lab.pool, true, &mut |_, _| {}).unwrap();
    assert_eq!(done, Published { written: 40, removed: 1 });
    fs::remove_file(others).unwrap();
    fs::remove_dir_all(stray.parent().unwrap()).unwrap();
    assert!(lab.published() == first, "other bytes");
}

#[test]
fn hours_become_a_day_and_leave_no_folder() {
    let lab = Lab::new();
    let mut store = lab.open();
    [3, 4, 50].into_iter().for_each(|hour| commit(&mut store, hour, &[b"s1"]));
    lab.publish(&mut store);
    prune(&mut store, 72);
    assert_eq!(lab.publish(&mut store), Published { written: 1, removed: 2 });
    let node = store.node().to_owned();
    let wanted = [
        "csv/date=2026-11-20/node-ID.csv",
        "csv/date=2026-11-22/hour=02/node-ID.csv",
        "days/date=2026-11-20/node-ID.parquet",
        "hours/date=2026-11-22/hour=02/node-ID.parquet",
    ];
    assert_eq!(lab.names(&node), wanted);
    let folders: Vec<_> = lab.published().into_keys().filter(|name| name.ends_with('/')).collect();
    assert_eq!(folders.len(), 3 + 3 + 3, "{folders:?}");
    let partitions = dataset::find(&[lab.root()], &(MIDNIGHT..MIDNIGHT + 1)).unwrap();
    let sources = dataset::read_period(&partitions).unwrap();
    let mut day = StoredDay::new(StoredDay::of_hour(MIDNIGHT));
    [3, 4].into_iter().for_each(|hour| day.add(stored_hour(MIDNIGHT + hour, &[b"s1"])));
    assert_eq!(sources[0].stored, Some(AtRest::Day(day)));

    prune(&mut store, 24 * 13);
    assert_eq!(lab.publish(&mut store), Published { written: 0, removed: 2 });
    assert_eq!(lab.names(&node), Vec::<String>::new());
}

#[test]
fn lines_without_a_request_are_published_too() {
    let lab = Lab::new();
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    batch.add_counts("edge", MIDNIGHT, [("blank", 7), ("reject_shape", 1)]).unwrap();
    batch.commit().unwrap();
    assert_eq!(lab.publish(&mut store), Published { written: 1, removed: 0 });
    let sources = dataset::read_period(&dataset::find(&[lab.root()], &ALL).unwrap()).unwrap();
    assert_eq!((&sources[0].stored, sources[0].lines["blank"]), (&None, 7));
}

#[test]
fn a_failure_names_the_file_and_is_made_good_by_the_next_run() {
    let lab = Lab::new();
    let mut store = lab.open();
    (0..40).for_each(|hour| commit(&mut store, hour, &[b"s1"]));
    let blocked = lab.root().join("hours/date=2026-11-21/hour=12");
    fs::create_dir_all(blocked.parent().unwrap()).unwrap();
    fs::write(&blocked, "").unwrap();
    let error = publish(&mut store, &lab.pool, false, &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}: ", blocked.display())), "{error}");
    assert_eq!(store.dirty().unwrap().len(), 40 - CHUNK);
    fs::remove_file(&blocked).unwrap();
    assert_eq!(lab.publish(&mut store).written, 40 - CHUNK);
    assert_eq!(dataset::find(&[lab.root()], &ALL).unwrap().len(), 40);
}

#[test]
fn leftovers_of_killed_runs_are_swept() {
    let lab = Lab::new();
    let mut store = lab.open();
    commit(&mut store, 3, &[b"s1"]);
    let folder = lab.root().join("hours/date=2026-11-20/hour=03");
    fs::create_dir_all(&folder).unwrap();
    let name = format!("node-{}.parquet", store.node());
    let others = [".node-other.parquet.7.tmp", "node.tmp"];
    others.iter().for_each(|other| fs::write(folder.join(other), "").unwrap());
    fs::write(folder.join(format!(".{name}.4194304.tmp")), "half a fi").unwrap();
    lab.publish(&mut store);
    let mut left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [others[0], &name, others[1]]);
}

#[test]
fn events_are_published_when_they_change() {
    let lab = Lab::new();
    let mut store = lab.open();
    let say = |store: &mut Store, source: &str| {
        let mut batch = store.begin().unwrap();
        batch.merge_events(source, |_| Ok(StoredEvents::default().encode())).unwrap();
        batch.commit().unwrap();
    };
    say(&mut store, "edge");
    lab.publish(&mut store);
    let file = lab.root().join("events").join(format!("node-{}.parquet", store.node()));
    assert_eq!(logstat_reports::dataset::generation(&file).unwrap(), 1);
    assert!(dataset::events(&[lab.root()]).unwrap()["edge"].is_empty());
    let before = fs::metadata(&file).unwrap().ino();
    lab.publish(&mut store);
    assert_eq!(fs::metadata(&file).unwrap().ino(), before, "nothing changed");
    fs::remove_file(&file).unwrap();
    lab.publish(&mut store);
    assert!(file.exists(), "what was lost is written again");
    say(&mut store, "app");
    lab.publish(&mut store);
    assert_eq!(logstat_reports::dataset::generation(&file).unwrap(), 2);
}
