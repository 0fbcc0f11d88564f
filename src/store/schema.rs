//! The tables, and the way from every older form of them to the newest. Never looks into what they hold.

use super::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Says that a database is ours: "lgst".
pub(super) const APPLICATION_ID: i64 = 0x6c67_7374;

/// Step *n* leads from schema *n* to *n* + 1. Steps that were released are never changed.
pub(super) const STEPS: [&str; 2] = [FIRST, BANS];

/// The schema that this version reads and writes.
pub(super) const NEWEST: i64 = STEPS.len() as i64;

// `checksum` is the XXH3 of the rest of the row: SQLite would not notice a byte that changed inside a value. Times
// are microseconds, `start` and the marks Unix hours, `span` hours. Paths are bytes. Unsigned numbers of 64 bits are
// stored as the signed ones of the same bits; `formats` are a list in JSON.
const FIRST: &str = "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES
    ('node', lower(hex(randomblob(8)))), ('events_generation', 0), ('events_published', 0);

CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    tier TEXT,
    node TEXT,
    formats TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    gaps_left_out INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE streams (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source INTEGER NOT NULL REFERENCES sources,
    device INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    path BLOB NOT NULL,
    size INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    skipping INTEGER NOT NULL,
    finished INTEGER NOT NULL,
    head_hash INTEGER NOT NULL,
    head_length INTEGER NOT NULL,
    tail_hash INTEGER NOT NULL,
    chunks BLOB NOT NULL,
    crc32 INTEGER NOT NULL,
    length INTEGER NOT NULL,
    seen_us INTEGER NOT NULL,
    last_us INTEGER,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE periods (
    start INTEGER NOT NULL,
    span INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    dirty INTEGER NOT NULL,
    PRIMARY KEY (start, span)
) STRICT, WITHOUT ROWID;
CREATE INDEX dirty_periods ON periods (start, span) WHERE dirty;

CREATE TABLE rollups (
    id INTEGER PRIMARY KEY,
    start INTEGER NOT NULL,
    span INTEGER NOT NULL,
    source INTEGER NOT NULL REFERENCES sources,
    checksum INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (start, span, source)
) STRICT;

CREATE TABLE counts (
    start INTEGER NOT NULL,
    span INTEGER NOT NULL,
    source INTEGER NOT NULL REFERENCES sources,
    kind TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (start, span, source, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    source INTEGER PRIMARY KEY REFERENCES sources,
    checksum INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source INTEGER NOT NULL REFERENCES sources,
    stream INTEGER,
    path BLOB NOT NULL,
    offset INTEGER NOT NULL,
    unread_bytes INTEGER,
    why TEXT NOT NULL,
    found_us INTEGER NOT NULL
) STRICT;
CREATE INDEX gaps_of_source ON gaps (source, id);
";

// `hour` is a Unix hour; `stream` may be forgotten, so it refers to nothing.
const BANS: &str = "
CREATE TABLE ban_memory (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE ban_lanes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE ban_hits (
    hour INTEGER NOT NULL,
    rule TEXT NOT NULL,
    hits INTEGER NOT NULL,
    PRIMARY KEY (hour, rule)
) STRICT, WITHOUT ROWID;

CREATE TABLE ban_lists (
    path BLOB PRIMARY KEY,
    format TEXT NOT NULL,
    basis INTEGER NOT NULL,
    settings INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    written INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    published_us INTEGER NOT NULL,
    next_end_us INTEGER,
    told INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// The schema of the database at `path`; 0 when it is new.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables =
        || connection.query_one("SELECT count(*) FROM sqlite_schema", (), |row| row.get::<_, i64>(0));
    let found = number("application_id").and_then(|id| Ok((id, number("user_version")?, tables()?)));
    match found.map_err(|error| StoreError::of(path, error))? {
        (0, 0, 0) => Ok(0),
        (APPLICATION_ID, version @ 1.., _) => Ok(version),
        _ => Err(StoreError::Foreign { path: path.to_owned() }),
    }
}

/// Brings a database forward to schema `steps.len()`, each step in a transaction of its own; a new one at once, so that
/// it is there as a whole or not at all.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    from: i64,
    steps: &[&str],
) -> Result<(), StoreError> {
    let step = |connection: &mut Connection, next: i64, sql: &str| {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", next)?;
        transaction.commit()
    };
    let migrated = match from {
        0 => step(connection, steps.len() as i64, &steps.concat()),
        _ => (1..)
            .zip(steps)
            .skip_while(|(next, _)| *next <= from)
            .try_for_each(|(next, sql)| step(connection, next, sql)),
    };
    migrated.map_err(|error| StoreError::of(path, error))
}
