//! Is the database whole? Repairs nothing: what to do is part of the error.

use super::rollups::verified;
use super::{Store, StoreError, bans, gaps, sources, streams};
use rusqlite::{Connection, Row};

/// Findings that are named. The first ones say what kind of damage it is.
const FINDINGS: u32 = 3;

impl Store {
    /// Looks at every page, index and checksum, which takes as long as reading the whole file does.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first findings.
    pub fn check(&self) -> Result<(), StoreError> {
        let found = findings(&self.connection).map_err(|error| self.wrong(error))?;
        if !found.is_empty() {
            return Err(StoreError::Damaged { path: self.path.clone(), found: found.join("; ") });
        }
        checksums(&self.connection).map_err(|error| self.wrong(error))
    }
}

/// What SQLite finds; nothing when all is well.
fn findings(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found = Vec::new();
    for (pragma, limit) in [("integrity_check", Some(FINDINGS)), ("foreign_key_check", None)] {
        let mut note = |row: &Row<'_>| {
            let first: String = row.get(0)?;
            found.push(if limit.is_some() {
                first
            } else {
                format!("a row of `{first}` belongs to no source")
            });
            Ok(())
        };
        match limit {
            Some(limit) => connection.pragma(None, pragma, limit, &mut note)?,
            None => connection.pragma_query(None, pragma, &mut note)?,
        }
    }
    found.retain(|finding| finding != "ok");
    found.truncate(FINDINGS as usize);
    Ok(found)
}

fn checksums(connection: &Connection) -> rusqlite::Result<()> {
    sources::all(connection)?;
    streams::all(connection)?;
    gaps::all(connection)?;
    bans::lists(connection)?;
    for table in ["rollups", "events", "ban_memory", "ban_lanes"] {
        let mut statement = connection.prepare(&format!("SELECT checksum, bytes FROM {table}"))?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            verified(table, row)?;
        }
    }
    Ok(())
}
