//! Which files count, and what they add up to.

use super::testing::{MIDNIGHT, Published, stored_hour};
use super::*;
use crate::rollup::AtRest;
use crate::store::Period;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const ALL: std::ops::Range<i64> = i64::MIN..i64::MAX;

fn hour<'s>(hour: i64, node_id: &'s str, generation: u64, servers: &[&'s [u8]]) -> Published<'s> {
    let sources = vec![("edge", servers.to_vec())];
    Published { period: Period::hour(MIDNIGHT + hour), node_id, generation, sources }
}

fn day<'s>(node_id: &'s str, servers: &[&'s [u8]]) -> Published<'s> {
    Published { period: Period::day_of(MIDNIGHT), ..hour(0, node_id, 1, servers) }
}

/// Folders of datasets.
struct Lab(TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A dataset with these files.
    fn dataset(&self, name: &str, files: &[Published<'_>]) -> PathBuf {
        let root = self.0.path().join(name);
        fs::create_dir_all(root.join("hours")).unwrap();
        files.iter().for_each(|file| file.write(&root));
        root
    }
}

fn found(dirs: &[PathBuf], hours: std::ops::Range<i64>) -> Vec<(Period, String)> {
    let found = find(dirs, &hours).unwrap();
    found.into_iter().map(|partition| (partition.period, partition.node_id)).collect()
}

/// Every period with what its files add up to.
fn loaded(dirs: &[PathBuf]) -> BTreeMap<Period, Vec<SourceAtRest>> {
    let partitions = find(dirs, &ALL).unwrap();
    let periods = partitions.chunk_by(|a, b| a.period == b.period);
    periods.map(|of_period| (of_period[0].period, read_period(of_period).unwrap())).collect()
}

#[test]
fn only_files_of_the_window_are_found_and_only_those_of_a_dataset() {
    let lab = Lab::new();
    let root = lab.dataset("data", &[hour(3, "a", 1, &[]), hour(5, "a", 1, &[]), hour(30, "b", 1, &[])]);
    let old = Published { period: Period::day_of(MIDNIGHT - 24), ..day("a", &[]) };
    old.write(&root);
    let folder = root.join("hours/date=2026-11-20/hour=03");
    for foreign in [".node-a.parquet.12.tmp", "node-a.csv", "node-.parquet", "node-a b.parquet", "_SUCCESS"] {
        fs::write(folder.join(foreign), "").unwrap();
    }
    for foreign in ["date=2026-11-20/hour=24", "date=2026-11-20/hour=3", "date=20261120/hour=03", "x"] {
        let folder = root.join("hours").join(foreign);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("node-z.parquet"), "").unwrap();
    }
    let (a, b) = ("a".to_owned(), "b".to_owned());
    let at = |hour| Period::hour(MIDNIGHT + hour);
    let yesterday = (Period::day_of(MIDNIGHT - 24), a.clone());
    let all = [yesterday.clone(), (at(3), a.clone()), (at(5), a.clone()), (at(30), b)];
    assert_eq!(found(std::slice::from_ref(&root), ALL), all);
    assert_eq!(found(std::slice::from_ref(&root), MIDNIGHT + 4..MIDNIGHT + 30), [(at(5), a)]);
    // A day counts when any of its hours does.
    assert_eq!(found(&[root], MIDNIGHT - 1..MIDNIGHT), [yesterday]);
}

#[test]
fn a_dataset_is_that_of_a_state_too() {
    let lab = Lab::new();
    let root = lab.dataset("state/data", &[hour(3, "a", 1, &[b"s1"])]);
    let state = root.parent().unwrap().to_owned();
    assert_eq!(found(&[state.clone(), root.clone(), state.join("../state/data")], ALL).len(), 1);
    assert_eq!(loaded(&[state.clone(), root.clone()]), loaded(std::slice::from_ref(&root)));
    // A state that has published nothing yet.
    fs::create_dir(lab.0.path().join("new")).unwrap();
    fs::write(lab.0.path().join("new/logstat.db"), "").unwrap();
    assert_eq!(found(&[lab.0.path().join("new")], ALL), []);
    let error = find(&[lab.0.path().to_owned()], &ALL).unwrap_err().to_string();
    assert!(error.contains("holds no hours\nhint: "), "{error}");
    assert!(find(&[lab.0.path().join("nowhere")], &ALL).is_err());
}

#[test]
fn a_day_replaces_the_hours_of_its_node_wherever_they_are() {
    let lab = Lab::new();
    let one =
        lab.dataset("one", &[hour(3, "a", 9, &[b"s1"]), hour(4, "b", 1, &[b"s1"]), hour(24, "a", 1, &[])]);
    let two = lab.dataset("two", &[day("a", &[b"s1", b"s2"])]);
    let name = |name: &str| name.to_owned();
    let wanted = [
        (Period::day_of(MIDNIGHT), name("a")),
        (Period::hour(MIDNIGHT + 4), name("b")),
        (Period::hour(MIDNIGHT + 24), name("a")),
    ];
    assert_eq!(found(&[one.clone(), two.clone()], ALL), wanted);
    // The window has an hour of the day only.
    assert_eq!(found(&[two, one], MIDNIGHT + 3..MIDNIGHT + 5), wanted[..2]);
}

#[test]
fn nodes_of_one_source_add_up() {
    let lab = Lab::new();
    let root = lab.dataset("data", &[hour(3, "a", 7, &[b"s1", b"s2"]), hour(3, "b", 5, &[b"s2", b"s3"])]);
    let sources = loaded(&[root]).remove(&Period::hour(MIDNIGHT + 3)).unwrap();
    let mut sum = stored_hour(MIDNIGHT + 3, &[b"s1", b"s2"]);
    sum.merge(stored_hour(MIDNIGHT + 3, &[b"s2", b"s3"]));
    let wanted = SourceAtRest {
        name: "edge".to_owned(),
        tier: Some("of 7".to_owned()),
        node: None,
        stored: Some(AtRest::Hour(sum)),
        lines: [("records".to_owned(), 4)].into(),
    };
    assert_eq!(sources, [wanted]);
}

#[test]
fn damage_is_named_and_so_is_a_file_in_the_wrong_place() {
    let lab = Lab::new();
    let root = lab.dataset("data", &[hour(3, "a", 1, &[b"s1"])]);
    let place = |root: &Path, hour: i64| {
        let file = parquet(Period::hour(MIDNIGHT + hour), "a").unwrap();
        fs::create_dir_all(root.join(&file.dir)).unwrap();
        file.path(root)
    };
    fs::copy(place(&root, 3), place(&root, 4)).unwrap();
    let partitions = find(std::slice::from_ref(&root), &(MIDNIGHT + 4..MIDNIGHT + 5)).unwrap();
    let error = format!("{:#}", read_period(&partitions).unwrap_err());
    assert!(error.contains("hour=04/node-a.parquet: edge: ") && error.contains("another time"), "{error}");

    let copy = lab.dataset("copy", &[]);
    let whole = fs::read(place(&root, 3)).unwrap();
    fs::write(place(&copy, 3), &whole[..whole.len() / 2]).unwrap();
    let found = find(&[copy.clone(), root.clone()], &(MIDNIGHT + 3..MIDNIGHT + 4)).unwrap();
    assert_eq!(found[0].path, place(&root, 3).canonicalize().unwrap(), "a whole copy beats a damaged one");
    let error = read_period(&find(&[copy], &ALL).unwrap()).unwrap_err().to_string();
    assert!(error.contains("copy/hours/date=2026-11-20/hour=03/node-a.parquet: "), "{error}");
    assert!(error.contains("\nhint: copy it again"), "{error}");
}

/// A file as drawn: which dataset it is in, which hour of which node it is, and how old a copy.
type Drawn = (Index, usize, usize, bool);

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Each node's newest hour is in one of the folders at least; whatever else is there, and in which order they are
    /// named, does not matter.
    #[test]
    fn neither_order_nor_copies_nor_stale_ones_matter(
        newest in prop::collection::vec(any::<Index>(), 9),
        copies in prop::collection::vec((any::<Index>(), 0..3usize, 0..3usize, any::<bool>()), 0..12),
        order in prop::collection::vec(any::<Index>(), 1..4),
        days in prop::collection::vec(any::<Index>(), 0..3),
    ) {
        const NODES: [&str; 3] = ["a", "b", "c"];
        const SERVERS: [&[u8]; 4] = [b"s1", b"s2", b"s3", b"s4"];
        let file = |number: usize, node: usize, is_stale: bool| {
            let servers = &SERVERS[..1 + (number + node) % 3];
            let old = hour(number as i64, NODES[node], 1, &servers[1..]);
            if is_stale { old } else { hour(number as i64, NODES[node], 2, servers) }
        };
        let lab = Lab::new();
        let single: Vec<_> = (0..9).map(|n| file(n / 3, n % 3, false)).collect();
        let with_days: Vec<_> = (0..).zip(&days).map(|(node, _)| day(NODES[node], &SERVERS)).collect();
        let wanted = lab.dataset("single", &[single.clone(), with_days.clone()].concat());

        let mut dirs: Vec<PathBuf> = (0..3).map(|n| lab.dataset(&n.to_string(), &[])).collect();
        for (file, at) in single.iter().zip(&newest).chain(with_days.iter().zip(&days)) {
            file.write(&dirs[at.index(dirs.len())]);
        }
        for &(at, number, node, is_stale) in &copies as &[Drawn] {
            let (file, root) = (file(number, node, is_stale), at.get(&dirs));
            // A stale copy is never written over the newest.
            if !parquet(file.period, file.node_id).unwrap().path(root).exists() {
                file.write(root);
            }
        }
        for (at, from) in order.iter().zip(0..) {
            let to = at.index(dirs.len());
            dirs.swap(from, to);
        }
        dirs.push(order[0].get(&dirs).clone());
        prop_assert_eq!(loaded(&dirs), loaded(&[wanted]));
    }
}
