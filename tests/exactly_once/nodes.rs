//! Several nodes with states of their own, added up.

use super::machine::{Ended, Machine, NOW, copy_tree, tree};
use super::numbered::{Wanted, line};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const NODES: u64 = 10;
const LINES: u64 = 6000;

/// The data of ten nodes that share out the requests; a duplicate of one and an older copy of another are beside them.
struct Cluster {
    place: Machine,
    folders: Vec<PathBuf>,
}

impl Cluster {
    fn new() -> Self {
        let (place, mut folders) = (Machine::new(), Vec::new());
        for node in 0..NODES {
            let machine = Machine::new();
            let state = machine.state();
            let of = |numbers: std::ops::Range<u64>| {
                let own = numbers.filter(|number| number % NODES == node);
                own.flat_map(|number| line(number).into_bytes()).collect::<Vec<_>>()
            };
            machine.append("access.log", &of(0..LINES / 2));
            state.ingest();
            let copy = |name: String| {
                let folder = place.path(&name);
                copy_tree(&state.dir.join("data"), &folder);
                folder
            };
            if node == 3 {
                folders.push(copy("stale".to_owned()));
            }
            machine.append("access.log", &of(LINES / 2..LINES));
            state.ingest();
            folders.push(copy(format!("node-{node}")));
            if node == 7 {
                folders.push(copy("duplicate".to_owned()));
            }
        }
        Self { place, folders }
    }

    /// The folders in several orders, each the one before shuffled by a step that shares no factor with their number.
    fn orders(&self) -> Vec<Vec<&Path>> {
        let number = self.folders.len();
        assert_eq!(number, 12);
        let place = |step: usize, at: usize| (at * step + step) % number;
        let order = |step| (0..number).map(move |at| self.folders[place(step, at)].as_path()).collect();
        [1, 5, 7, 11].map(order).into()
    }

    fn hours(&self, folders: &[&Path]) -> String {
        let mut command = self.place.command();
        command.args(["report", "--now", NOW, "--since", "oldest", "--no-out", "--tz", "UTC"]);
        command.args(["--csv", "--by", "site", "--data"]).args(folders);
        Ended::of(&mut command).with(0).stdout
    }

    fn merge(&self, folders: &[&Path], out: &str) -> PathBuf {
        let out = self.place.path(out);
        let mut command = self.place.command();
        Ended::of(command.arg("merge").args(folders).arg("--out").arg(&out)).with(0);
        out
    }
}

fn bytes_of(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    tree(folder).into_iter().map(|(name, path)| (name, fs::read(path).expect("a file"))).collect()
}

#[test]
fn ten_nodes_in_any_order_with_duplicates_and_stale_copies_are_one_log() {
    let (cluster, wanted) = (Cluster::new(), Wanted::of(0..LINES));
    for order in cluster.orders() {
        wanted.check_hours(&cluster.hours(&order));
    }
}

#[test]
fn merged_data_is_the_same_in_any_order_and_merged_again() {
    let (cluster, wanted) = (Cluster::new(), Wanted::of(0..LINES));
    let orders = cluster.orders();
    let merged: Vec<_> =
        orders.iter().enumerate().map(|(at, order)| cluster.merge(order, &format!("merged-{at}"))).collect();
    let first = bytes_of(&merged[0]);
    assert!(first.len() >= NODES as usize, "{:?}", first.keys());
    for other in &merged {
        assert!(bytes_of(other) == first, "{} is another", other.display());
        wanted.check_hours(&cluster.hours(&[other]));
    }
    // Once more over itself, and a merge of merges of parts.
    cluster.merge(&orders[1], "merged-0");
    let parts = [cluster.merge(&orders[2][..7], "part-0"), cluster.merge(&orders[2][4..], "part-1")];
    let whole = cluster.merge(&[&parts[1], &parts[0]], "whole");
    for other in [&merged[0], &whole] {
        assert!(bytes_of(other) == first, "{} is another", other.display());
    }
    // Beside what it came from it counts once.
    wanted.check_hours(&cluster.hours(&[&orders[3][..], &[&*merged[1]]].concat()));
}
