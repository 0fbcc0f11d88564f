//! Statements over what was counted: rollups and line counts by period and source, and events by source. Merges
//! nothing.

use super::{Period, Span};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// A period that has or had something to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    #[expect(missing_docs)]
    pub period: Period,
    /// Rises with every batch that changed the period.
    pub generation: u64,
    /// Changed since it was last published.
    pub dirty: bool,
}

/// What the requests of one source add up to in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollup {
    #[expect(missing_docs)]
    pub source: String,
    /// As they were merged.
    pub bytes: Vec<u8>,
}

/// Where old hours and days end. Both only rise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    /// Hours before this one are kept as days.
    pub rolled_up_before: i64,
    /// Of hours before this one nothing is kept.
    pub expired_before: i64,
}

/// The bytes of a row are not those that were written.
#[derive(Debug, thiserror::Error)]
#[error("a row of `{0}` differs from its checksum")]
pub(super) struct ChecksumError(pub &'static str);

/// Refuses what differs from its checksum, in the words of SQLite's errors.
pub(super) fn verify(table: &'static str, bytes: &[u8], checksum: i64) -> rusqlite::Result<()> {
    if checksum_of(bytes) == checksum {
        return Ok(());
    }
    Err(rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(ChecksumError(table))))
}

pub(super) fn checksum_of(bytes: &[u8]) -> i64 {
    xxh3_64(bytes).cast_signed()
}

/// An unsigned number of 64 bits, which SQLite has only as a signed one.
pub(super) fn unsigned(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
}

pub(super) fn period(row: &Row<'_>) -> rusqlite::Result<Period> {
    Ok(Period { start: row.get("start")?, span: row.get("span")? })
}

pub(super) fn node(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_one("SELECT value FROM meta WHERE name = 'node'", (), |row| row.get(0))
}

pub(super) fn marks(connection: &Connection) -> rusqlite::Result<Marks> {
    let mark = |name: &str| {
        let value = connection.query_one("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0));
        value.optional().map(|mark| mark.unwrap_or(i64::MIN))
    };
    Ok(Marks { rolled_up_before: mark("rolled_up_before")?, expired_before: mark("expired_before")? })
}

pub(super) fn set_marks(connection: &Connection, marks: Marks) -> rusqlite::Result<()> {
    let marks = [("rolled_up_before", marks.rolled_up_before), ("expired_before", marks.expired_before)];
    for mark in marks.into_iter().filter(|(_, hour)| *hour > i64::MIN) {
        connection.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", mark)?;
    }
    Ok(())
}

pub(super) fn periods(connection: &Connection, hours: &Range<i64>) -> rusqlite::Result<Vec<Known>> {
    let mut statement =
        connection.prepare("SELECT * FROM periods WHERE start >= ?1 AND start < ?2 ORDER BY start, span")?;
    let known = |row: &Row<'_>| {
        let generation = unsigned(row, "generation")?;
        Ok(Known { period: period(row)?, generation, dirty: row.get("dirty")? })
    };
    statement.query_map((hours.start, hours.end), known)?.collect()
}

/// The hours and days that hold something of a source.
pub(super) fn periods_of_source(connection: &Connection, source: i64) -> rusqlite::Result<Vec<Period>> {
    let mut statement = connection.prepare(
        "SELECT start, span FROM rollups WHERE source = ?1 UNION SELECT start, span FROM counts WHERE source = ?1",
    )?;
    statement.query_map([source], period)?.collect()
}

/// Notes that a period changed.
pub(super) fn touch(connection: &Connection, period: Period) -> rusqlite::Result<()> {
    let sql = "INSERT INTO periods VALUES (?1, ?2, 1, TRUE)
        ON CONFLICT DO UPDATE SET generation = generation + 1, dirty = TRUE";
    connection.execute(sql, (period.start, period.span)).map(drop)
}

/// A rollup's bytes.
pub(super) fn rollup(
    connection: &Connection,
    period: Period,
    source: i64,
) -> rusqlite::Result<Option<Vec<u8>>> {
    let sql = "SELECT checksum, bytes FROM rollups WHERE start = ?1 AND span = ?2 AND source = ?3";
    connection.query_one(sql, (period.start, period.span, source), |row| verified("rollups", row)).optional()
}

pub(super) fn put_rollup(
    connection: &Connection,
    period: Period,
    source: i64,
    bytes: &[u8],
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO rollups (start, span, source, checksum, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT DO UPDATE SET checksum = excluded.checksum, bytes = excluded.bytes";
    let row = (period.start, period.span, source, checksum_of(bytes), bytes);
    connection.execute(sql, row).map(drop)
}

pub(super) fn of_period(connection: &Connection, period: Period) -> rusqlite::Result<Vec<Rollup>> {
    let mut statement = connection.prepare(
        "SELECT name, rollups.checksum, bytes FROM rollups JOIN sources ON sources.id = source
        WHERE start = ?1 AND span = ?2 ORDER BY name",
    )?;
    let rollup = |row: &Row<'_>| Ok(Rollup { source: row.get("name")?, bytes: verified("rollups", row)? });
    statement.query_map((period.start, period.span), rollup)?.collect()
}

/// The starts of the hours of a source between two, that have a rollup, in order.
pub(super) fn hours_of_source(
    connection: &Connection,
    source: i64,
    hours: &Range<i64>,
) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare(
        "SELECT start FROM rollups WHERE start >= ?1 AND start < ?2 AND span = ?3 AND source = ?4 ORDER BY start",
    )?;
    statement.query_map((hours.start, hours.end, Span::Hour, source), |row| row.get(0))?.collect()
}

pub(super) fn events(connection: &Connection, source: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let sql = "SELECT checksum, bytes FROM events WHERE source = ?1";
    connection.query_one(sql, [source], |row| verified("events", row)).optional()
}

pub(super) fn put_events(connection: &Connection, source: i64, bytes: &[u8]) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO events VALUES (?1, ?2, ?3)";
    connection.execute(sql, (source, checksum_of(bytes), bytes)).map(drop)
}

/// Notes that the events of some source changed.
pub(super) fn touch_events(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'events_generation'", ()).map(drop)
}

pub(super) fn add_count(
    connection: &Connection,
    period: Period,
    source: i64,
    kind: &str,
    count: u64,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO counts VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT DO UPDATE SET count = count + excluded.count";
    connection.execute(sql, (period.start, period.span, source, kind, count.cast_signed())).map(drop)
}

pub(super) fn counts(
    connection: &Connection,
    source: &str,
    hours: &Range<i64>,
) -> rusqlite::Result<BTreeMap<String, u64>> {
    let mut statement = connection.prepare(
        "SELECT kind, sum(count) AS count FROM counts JOIN sources ON sources.id = source
        WHERE name = ?1 AND start >= ?2 AND start < ?3 GROUP BY kind",
    )?;
    let count = |row: &Row<'_>| Ok((row.get("kind")?, unsigned(row, "count")?));
    statement.query_map((source, hours.start, hours.end), count)?.collect()
}

/// The bytes of a row, when they are those that were written.
pub(super) fn verified(table: &'static str, row: &Row<'_>) -> rusqlite::Result<Vec<u8>> {
    let bytes: Vec<u8> = row.get("bytes")?;
    verify(table, &bytes, row.get("checksum")?)?;
    Ok(bytes)
}
