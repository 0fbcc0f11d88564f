//! What the tests of the store share: a state in a folder of its own, and rollups that are sums.

mod bans;
mod batch;
mod crash;
mod damage;
mod export;
mod open;
mod prune;
mod size;

use super::*;
use crate::source::identity::Fingerprint;
use tempfile::TempDir;

/// 2026-11-20T00:00:00Z, the first hour of a day.
const MIDNIGHT: i64 = 498_648;

/// A state, and the folder that it is in.
struct Lab {
    folder: TempDir,
}

impl Lab {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn database(&self) -> PathBuf {
        self.dir().join("logstat.db")
    }

    fn open(&self) -> Store {
        Store::open(&self.dir(), Mode::Write).unwrap()
    }

    fn refused(&self, mode: Mode) -> StoreError {
        Store::open(&self.dir(), mode).unwrap_err()
    }
}

/// A rollup whose only figure is a sum.
fn sum(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

fn add(number: u64) -> impl FnOnce(Option<&[u8]>) -> Result<Vec<u8>, MergeError> {
    move |stored| Ok((stored.map_or(0, sum) + number).to_le_bytes().to_vec())
}

/// The same for an hour, or the day that it went to.
fn grow(number: u64) -> impl FnOnce(Period, Option<&[u8]>) -> Result<Vec<u8>, MergeError> {
    move |_, stored| add(number)(stored)
}

fn add_up(_: Period, day: Option<&[u8]>, hour: &[u8]) -> Result<Vec<u8>, MergeError> {
    add(sum(hour))(day)
}

/// Adds to an hour of the source `edge`, in a batch of its own.
fn commit_hour(store: &mut Store, hour: i64, number: u64) -> Landed {
    let mut batch = store.begin().unwrap();
    let landed = batch.merge_hour("edge", hour, grow(number)).unwrap();
    batch.commit().unwrap();
    landed
}

/// Every hour and day with what the rollups of all sources add up to.
fn sums(store: &Store) -> Vec<(Period, u64)> {
    let periods = store.periods(i64::MIN..i64::MAX).unwrap();
    let with_sum = |known: &Known| {
        let rollups = store.rollups(known.period).unwrap();
        (known.period, rollups.iter().map(|rollup| sum(&rollup.bytes)).sum())
    };
    periods.iter().map(with_sum).collect()
}

/// The source of most tests.
fn edge() -> SourceInfo {
    SourceInfo {
        name: "edge".to_owned(),
        tier: Some("edge".to_owned()),
        node: Some("lb1".to_owned()),
        formats: vec!["combined".to_owned(), "$remote_addr \"$request\"".to_owned()],
    }
}

/// A stream with something in every field.
fn stream() -> KnownStream {
    let fingerprint = Fingerprint {
        head_hash: u64::MAX,
        head_length: 4096,
        tail_hash: 1 << 63,
        chunks: vec![0, 1, u64::MAX],
        crc32: u32::MAX,
        length: 3 << 20,
    };
    KnownStream {
        id: 0,
        source: "edge".to_owned(),
        device: u64::MAX,
        inode: 12,
        path: "/var/log/nginx/access.log".into(),
        size: 3_200_000,
        offset: 3 << 20,
        skipping: true,
        finished: false,
        fingerprint,
        seen_us: 1_795_132_800_000_000,
        last_us: Some(1_795_132_799_123_456),
    }
}

fn gap(number: u64) -> Gap {
    Gap {
        source: "edge".to_owned(),
        stream: Some(1),
        path: "/var/log/nginx/access.log.1".into(),
        offset: number,
        unread_bytes: number.is_multiple_of(2).then_some(number),
        why: "removed before it was read to its end".to_owned(),
        found_us: 1_795_132_800_000_000,
    }
}
