//! Merging datasets: in any order, again, and beside damage.

use super::*;
use crate::dataset::testing::{MIDNIGHT, Published};
use std::collections::BTreeMap;
use tempfile::TempDir;

fn hour<'s>(hour: i64, node_id: &'s str, generation: u64, servers: &[&'s [u8]]) -> Published<'s> {
    let sources = vec![("edge", servers.to_vec())];
    Published { period: Period::hour(MIDNIGHT + hour), node_id, generation, sources }
}

struct Lab(TempDir);

impl Lab {
    /// Three nodes' datasets with a day, copies and stale copies among them.
    fn new() -> (Self, Vec<PathBuf>) {
        let lab = Self(tempfile::tempdir().unwrap());
        let day = Published { period: Period::day_of(MIDNIGHT), ..hour(0, "b", 3, &[b"s1", b"s2"]) };
        let datasets = [
            vec![hour(3, "a", 2, &[b"s1", b"s2"]), hour(4, "a", 1, &[b"s1"]), hour(3, "b", 9, &[b"s1"])],
            vec![day, hour(24, "b", 1, &[b"s1"]), hour(3, "a", 1, &[b"s1"])],
            vec![hour(3, "c", 1, &[]), hour(4, "a", 1, &[b"s1"])],
        ];
        let dirs = (0..).zip(datasets).map(|(number, files)| {
            let root = lab.path(&format!("node{number}"));
            files.iter().for_each(|file| file.write(&root));
            root
        });
        let dirs = dirs.collect();
        (lab, dirs)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn files(&self, name: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.path(name)]);
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = fs::read(&path).unwrap();
                    files.insert(path.strip_prefix(self.path(name)).unwrap().to_owned(), bytes);
                }
            }
        }
        files
    }
}

const WANTED: [&str; 10] = [
    "csv/date=2026-11-20/hour=03/node-a.csv",
    "csv/date=2026-11-20/hour=03/node-c.csv",
    "csv/date=2026-11-20/hour=04/node-a.csv",
    "csv/date=2026-11-20/node-b.csv",
    "csv/date=2026-11-21/hour=00/node-b.csv",
    "days/date=2026-11-20/node-b.parquet",
    "hours/date=2026-11-20/hour=03/node-a.parquet",
    "hours/date=2026-11-20/hour=03/node-c.parquet",
    "hours/date=2026-11-20/hour=04/node-a.parquet",
    "hours/date=2026-11-21/hour=00/node-b.parquet",
];

#[test]
fn any_order_any_number_of_times_gives_the_same_files() {
    let (lab, dirs) = Lab::new();
    assert_eq!(merge(&dirs, &lab.path("out")).unwrap(), Vec::<String>::new());
    let merged = lab.files("out");
    let mut names: Vec<_> = merged.keys().map(|path| path.to_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, WANTED);
    let csv = String::from_utf8(merged[Path::new(WANTED[0])].clone()).unwrap();
    assert_eq!(csv.lines().count(), 3, "{csv}");

    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let name = format!("{order:?}");
        merge(&order.map(|at| dirs[at].clone()), &lab.path(&name)).unwrap();
        assert!(lab.files(&name) == merged, "{name}");
    }
    // One after the other, and what was merged again.
    for dir in &dirs {
        merge(std::slice::from_ref(dir), &lab.path("piecemeal")).unwrap();
    }
    assert!(lab.files("piecemeal") == merged);
    merge(&[lab.path("out"), dirs[1].clone()], &lab.path("again")).unwrap();
    assert!(lab.files("again") == merged);
}

#[test]
fn files_that_did_not_change_are_left_alone() {
    let (lab, dirs) = Lab::new();
    merge(&dirs, &lab.path("out")).unwrap();
    let written = |name: &str| fs::metadata(lab.path("out").join(name)).unwrap().modified().unwrap();
    let before = WANTED.map(written);
    hour(24, "b", 2, &[b"s1", b"s2"]).write(&dirs[1]);
    merge(&dirs, &lab.path("out")).unwrap();
    let changed = WANTED.into_iter().zip(before).filter(|(name, before)| written(name) != *before);
    assert_eq!(changed.map(|(name, _)| name).collect::<Vec<_>>(), [WANTED[4], WANTED[9]]);
}

#[test]
fn a_damaged_file_is_named_and_the_others_are_merged() {
    let (lab, dirs) = Lab::new();
    let damaged = dirs[0].join(WANTED[6]);
    fs::write(&damaged, "damaged").unwrap();
    let problems = merge(&dirs, &lab.path("out")).unwrap();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with(&format!("{}: ", damaged.display())), "{problems:?}");
    // The stale copy is better than none.
    assert_eq!(lab.files("out").len(), WANTED.len());
    hour(3, "a", 2, &[b"s1", b"s2"]).write(&dirs[0]);
    assert_eq!(merge(&dirs, &lab.path("out")).unwrap(), Vec::<String>::new());
    merge(&dirs, &lab.path("whole")).unwrap();
    assert!(lab.files("out") == lab.files("whole"));
}

#[test]
fn neither_a_state_nor_what_is_merged_is_written_to() {
    let (lab, dirs) = Lab::new();
    let refused = |out: &Path, why: &str| {
        let error = merge(&dirs, out).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("\nhint: name another"), "{error}");
    };
    refused(&dirs[1], "is one of those to be merged");
    refused(&dirs[1].join("../node1"), "is one of those to be merged");
    fs::create_dir(lab.path("state")).unwrap();
    fs::write(lab.path("state/logstat.db"), "").unwrap();
    refused(&lab.path("state"), "belongs to a state");
    refused(&lab.path("state/data"), "belongs to a state");
    assert!(merge(&[lab.path("nowhere")], &lab.path("out")).is_err());
    assert!(!lab.path("out").exists());
}
