//! Statements over sources: what people call them, and what is known of their lines. Decides nothing about them.

use super::rollups::{checksum_of, verify};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

/// A log with its rotated siblings, as it was configured when it was last read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct SourceInfo {
    pub name: String,
    /// Of the configuration.
    pub tier: Option<String>,
    /// The machine whose log it is, of the configuration too.
    pub node: Option<String>,
    /// The formats that its lines had when it was last read, in the words of `--format`: text for people, and the
    /// first guess of the next run.
    pub formats: Vec<String>,
}

pub(super) fn id(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection.query_one("SELECT id FROM sources WHERE name = ?1", [name], |row| row.get(0)).optional()
}

/// The number of a source, given to it when it is first named.
pub(super) fn id_or_new(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    if let Some(id) = id(connection, name)? {
        return Ok(id);
    }
    put(connection, &SourceInfo { name: name.to_owned(), ..SourceInfo::default() })?;
    Ok(connection.last_insert_rowid())
}

/// Stores what is known of a source now.
pub(super) fn put(connection: &Connection, info: &SourceInfo) -> rusqlite::Result<()> {
    let SourceInfo { name, tier, node, formats } = info;
    let sql = "INSERT INTO sources (name, tier, node, formats, checksum) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (name) DO UPDATE SET tier = excluded.tier, node = excluded.node, formats = excluded.formats,
            checksum = excluded.checksum";
    let formats = serde_json::json!(formats).to_string();
    connection.execute(sql, (name, tier, node, formats, checksum_of(&covered(info)))).map(drop)
}

/// Gives a source another name, which no other has.
pub(super) fn rename(connection: &Connection, id: i64, new: &str) -> rusqlite::Result<()> {
    let known = connection.query_one("SELECT * FROM sources WHERE id = ?1", [id], info)?;
    let info = SourceInfo { name: new.to_owned(), ..known };
    let row = (id, new, checksum_of(&covered(&info)));
    connection.execute("UPDATE sources SET name = ?2, checksum = ?3 WHERE id = ?1", row).map(drop)
}

/// By name.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<SourceInfo>> {
    let mut statement = connection.prepare("SELECT * FROM sources ORDER BY name")?;
    statement.query_map((), info)?.collect()
}

pub(super) fn info(row: &Row<'_>) -> rusqlite::Result<SourceInfo> {
    let formats: String = row.get("formats")?;
    let formats = serde_json::from_str(&formats)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))?;
    let info = SourceInfo { name: row.get("name")?, tier: row.get("tier")?, node: row.get("node")?, formats };
    verify("sources", &covered(&info), row.get("checksum")?)?;
    Ok(info)
}

/// The source as bytes. No two sources have the same.
fn covered(info: &SourceInfo) -> Vec<u8> {
    serde_json::json!([info.name, info.tier, info.node, info.formats]).to_string().into_bytes()
}
