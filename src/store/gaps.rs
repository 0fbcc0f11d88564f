//! Statements over gaps: what a source lost before it was read. Finds none.

use super::rollups::unsigned;
use super::sources::id_or_new;
use logstat_reports::text::count;
use rusqlite::{Connection, Row};
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Gaps that are kept of a source. One that has more does so all the time, and the newest say as much as all.
pub(super) const OF_A_SOURCE: i64 = 1000;

/// Bytes of a log that nobody will read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    #[expect(missing_docs)]
    pub source: String,
    /// The number of the stream, which may be forgotten since.
    pub stream: Option<i64>,
    /// Where it was last seen.
    pub path: PathBuf,
    /// Everything before was read.
    pub offset: u64,
    /// `None` where nobody knows.
    pub unread_bytes: Option<u64>,
    /// For people.
    pub why: String,
    /// Microseconds since 1970.
    pub found_us: i64,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: lost ", self.path.display())?;
        match self.unread_bytes {
            Some(bytes) => write!(f, "{} bytes", count(bytes))?,
            None => f.write_str("an unknown number of bytes")?,
        }
        write!(f, " behind byte {}: {}", self.offset, self.why)
    }
}

/// Adds a gap; the oldest of its source gives way when there are too many.
pub(super) fn add(connection: &Connection, gap: &Gap) -> rusqlite::Result<()> {
    let source = id_or_new(connection, &gap.source)?;
    let row = (
        source,
        gap.stream,
        gap.path.as_os_str().as_bytes(),
        gap.offset.cast_signed(),
        gap.unread_bytes.map(u64::cast_signed),
        &gap.why,
        gap.found_us,
    );
    connection.execute(
        "INSERT INTO gaps (source, stream, path, offset, unread_bytes, why, found_us)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        row,
    )?;
    let oldest_kept = "SELECT id FROM gaps WHERE source = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2";
    let sql = format!("DELETE FROM gaps WHERE source = ?1 AND id < ({oldest_kept})");
    let gone = connection.execute(&sql, (source, OF_A_SOURCE - 1))?;
    let sql = "UPDATE sources SET gaps_left_out = gaps_left_out + ?2 WHERE id = ?1";
    connection.execute(sql, (source, i64::try_from(gone).unwrap_or(i64::MAX))).map(drop)
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Gap>> {
    let mut statement = connection
        .prepare("SELECT gaps.*, name FROM gaps JOIN sources ON sources.id = source ORDER BY gaps.id")?;
    statement.query_map((), gap)?.collect()
}

pub(super) fn left_out(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_one("SELECT coalesce(sum(gaps_left_out), 0) AS gaps FROM sources", (), |row| {
        unsigned(row, "gaps")
    })
}

pub(super) fn gap(row: &Row<'_>) -> rusqlite::Result<Gap> {
    let unread: Option<i64> = row.get("unread_bytes")?;
    Ok(Gap {
        source: row.get("name")?,
        stream: row.get("stream")?,
        path: OsString::from_vec(row.get("path")?).into(),
        offset: unsigned(row, "offset")?,
        unread_bytes: unread.map(i64::cast_unsigned),
        why: row.get("why")?,
        found_us: row.get("found_us")?,
    })
}
