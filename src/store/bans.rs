//! Statements over bans: what decides the next ones, hits that wait to be decided on, and which lists were published.
//! Decides nothing.

use super::batch::merged;
use super::rollups::{checksum_of, unsigned, verified, verify};
use super::{Batch, MergeError, Store, StoreError};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Everything that decides the next bans, and how often it changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BanMemory {
    /// Rises with every change.
    pub generation: u64,
    /// As they were put.
    pub bytes: Vec<u8>,
}

/// Hits of a stretch of one stream, which wait until the other logs have come as far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLane {
    /// The number of the stream.
    pub stream: i64,
    /// As they were put.
    pub bytes: Vec<u8>,
}

/// A list as it was last published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedList {
    #[expect(missing_docs)]
    pub path: PathBuf,
    /// Who reads it.
    pub format: String,
    /// Hash of what it was made from: where that is the same, the list is, until one of its bans ends.
    pub basis: u64,
    /// Hash of the settings among that.
    pub settings: u64,
    /// Hash of whom it bans, and until when if it says so.
    pub digest: u64,
    /// Hash of the file's bytes.
    pub written: u64,
    #[expect(missing_docs)]
    pub entries: u64,
    /// Microseconds since 1970.
    pub published_us: i64,
    /// When the first of its bans ends, microseconds since 1970.
    pub next_end_us: Option<i64>,
    /// Whether the program that was to be told of it was told.
    pub told: bool,
}

impl Store {
    /// What decides the next bans; nothing while nothing was decided.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn ban_memory(&self) -> Result<Option<BanMemory>, StoreError> {
        memory(&self.connection).map_err(|error| self.wrong(error))
    }

    /// How often what decides the next bans has changed.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn ban_generation(&self) -> Result<u64, StoreError> {
        let sql = "SELECT generation FROM ban_memory";
        let generation = self.connection.query_one(sql, (), |row| unsigned(row, "generation")).optional();
        generation.map(Option::unwrap_or_default).map_err(|error| self.wrong(error))
    }

    /// Whether hits wait to be decided on.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn has_lanes(&self) -> Result<bool, StoreError> {
        let any = self.connection.query_one("SELECT EXISTS (SELECT 1 FROM ban_lanes)", (), |row| row.get(0));
        any.map_err(|error| self.wrong(error))
    }

    /// Hits of each rule in a stretch of Unix hours.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn ban_hits(&self, hours: Range<i64>) -> Result<BTreeMap<String, u64>, StoreError> {
        hits(&self.connection, &hours).map_err(|error| self.wrong(error))
    }

    /// The lists that were published, by path.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn published_lists(&self) -> Result<Vec<PublishedList>, StoreError> {
        lists(&self.connection).map_err(|error| self.wrong(error))
    }

    /// Notes what was published.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn note_published(&mut self, list: &PublishedList) -> Result<(), StoreError> {
        put_list(&self.connection, list).map_err(|error| self.wrong(error))
    }
}

impl Batch<'_> {
    /// What decides the next bans, as it stands in this batch.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn ban_memory(&mut self) -> Result<Option<BanMemory>, StoreError> {
        self.step(memory)
    }

    /// Replaces it.
    ///
    /// # Errors
    /// When there is too much, or the database cannot be written.
    pub fn put_ban_memory(&mut self, bytes: Vec<u8>) -> Result<(), StoreError> {
        let bytes = merged(self.path, || "bans".to_owned(), || Ok::<_, MergeError>(bytes))?;
        self.step(|connection| put_memory(connection, &bytes))
    }

    /// Counts hits of a rule in a Unix hour.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_ban_hits(&mut self, hour: i64, rule: &str, hits: u64) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO ban_hits VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET hits = hits + excluded.hits";
        self.step(|connection| connection.execute(sql, (hour, rule, hits.cast_signed())).map(drop))
    }

    /// Keeps hits of a stream until [`Batch::take_lanes`].
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_lane(&mut self, lane: &StoredLane) -> Result<(), StoreError> {
        self.step(|connection| {
            let sql = "INSERT INTO ban_lanes (stream, checksum, bytes) VALUES (?1, ?2, ?3)";
            let row = (lane.stream, checksum_of(&lane.bytes), &lane.bytes);
            connection.execute(sql, row).map(drop)
        })
    }

    /// Takes out all hits that wait, in the order in which they were put.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn take_lanes(&mut self) -> Result<Vec<StoredLane>, StoreError> {
        self.step(|connection| {
            let lanes = lanes(connection)?;
            if !lanes.is_empty() {
                connection.execute("DELETE FROM ban_lanes", ())?;
            }
            Ok(lanes)
        })
    }
}

fn hits(connection: &Connection, hours: &Range<i64>) -> rusqlite::Result<BTreeMap<String, u64>> {
    let sql = "SELECT rule, sum(hits) AS hits FROM ban_hits WHERE hour >= ?1 AND hour < ?2 GROUP BY rule";
    let mut statement = connection.prepare(sql)?;
    let hits = |row: &Row<'_>| Ok((row.get("rule")?, unsigned(row, "hits")?));
    statement.query_map((hours.start, hours.end), hits)?.collect()
}

/// Lets go of hits of hours before this one.
pub(super) fn forget_hits(connection: &Connection, before: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM ban_hits WHERE hour < ?1", [before]).map(drop)
}

fn memory(connection: &Connection) -> rusqlite::Result<Option<BanMemory>> {
    let memory = |row: &Row<'_>| {
        Ok(BanMemory { generation: unsigned(row, "generation")?, bytes: verified("ban_memory", row)? })
    };
    connection.query_one("SELECT * FROM ban_memory", (), memory).optional()
}

fn put_memory(connection: &Connection, bytes: &[u8]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO ban_memory VALUES (1, 1, ?1, ?2) ON CONFLICT DO UPDATE SET
        generation = generation + 1, checksum = excluded.checksum, bytes = excluded.bytes";
    connection.execute(sql, (checksum_of(bytes), bytes)).map(drop)
}

pub(super) fn lanes(connection: &Connection) -> rusqlite::Result<Vec<StoredLane>> {
    let mut statement = connection.prepare("SELECT * FROM ban_lanes ORDER BY id")?;
    let lane =
        |row: &Row<'_>| Ok(StoredLane { stream: row.get("stream")?, bytes: verified("ban_lanes", row)? });
    statement.query_map((), lane)?.collect()
}

pub(super) fn lists(connection: &Connection) -> rusqlite::Result<Vec<PublishedList>> {
    let mut statement = connection.prepare("SELECT * FROM ban_lists ORDER BY path")?;
    statement.query_map((), list)?.collect()
}

pub(super) fn list(row: &Row<'_>) -> rusqlite::Result<PublishedList> {
    let path: Vec<u8> = row.get("path")?;
    let list = PublishedList {
        path: OsString::from_vec(path).into(),
        format: row.get("format")?,
        basis: unsigned(row, "basis")?,
        settings: unsigned(row, "settings")?,
        digest: unsigned(row, "digest")?,
        written: unsigned(row, "written")?,
        entries: unsigned(row, "entries")?,
        published_us: row.get("published_us")?,
        next_end_us: row.get("next_end_us")?,
        told: row.get("told")?,
    };
    verify("ban_lists", &covered(&list), row.get("checksum")?)?;
    Ok(list)
}

fn put_list(connection: &Connection, list: &PublishedList) -> rusqlite::Result<()> {
    let PublishedList {
        path,
        format,
        basis,
        settings,
        digest,
        written,
        entries,
        published_us,
        next_end_us,
        told,
    } = list;
    let sql = "INSERT OR REPLACE INTO ban_lists VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let path = path_bytes(path);
    let [basis, settings, digest, written, entries] =
        [basis, settings, digest, written, entries].map(|number| number.cast_signed());
    let checksum = checksum_of(&covered(list));
    let row =
        (path, format, basis, settings, digest, written, entries, published_us, next_end_us, told, checksum);
    connection.execute(sql, row).map(drop)
}

fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// The list as bytes. No two lists have the same.
fn covered(list: &PublishedList) -> Vec<u8> {
    let PublishedList {
        path,
        format,
        basis,
        settings,
        digest,
        written,
        entries,
        published_us,
        next_end_us,
        told,
    } = list;
    serde_json::json!([
        path_bytes(path),
        format,
        basis,
        settings,
        digest,
        written,
        entries,
        published_us,
        next_end_us,
        told
    ])
    .to_string()
    .into_bytes()
}
