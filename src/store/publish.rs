//! What changed since it was last published. Writes no files.

use super::rollups::{period, unsigned};
use super::{Period, Store, StoreError};
use rusqlite::{Connection, Row, TransactionBehavior};

/// A period that changed since it was last published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dirty {
    #[expect(missing_docs)]
    pub period: Period,
    /// To be published with it, and to be handed back to [`Store::published`].
    pub generation: u64,
    /// Nothing of it is kept any longer: what was published of it is to be removed.
    pub gone: bool,
}

impl Store {
    /// Everything to publish, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn dirty(&self) -> Result<Vec<Dirty>, StoreError> {
        let list = || -> rusqlite::Result<_> {
            let kept = "SELECT 1 FROM {} WHERE {}.start = periods.start AND {}.span = periods.span";
            let (rollups, counts) = (kept.replace("{}", "rollups"), kept.replace("{}", "counts"));
            let mut statement = self.connection.prepare(&format!(
                "SELECT start, span, generation, NOT (EXISTS ({rollups}) OR EXISTS ({counts})) AS gone
                FROM periods WHERE dirty ORDER BY start, span"
            ))?;
            let dirty = |row: &Row<'_>| {
                let generation = unsigned(row, "generation")?;
                Ok(Dirty { period: period(row)?, generation, gone: row.get("gone")? })
            };
            statement.query_map((), dirty)?.collect()
        };
        list().map_err(|error| self.wrong(error))
    }

    /// Notes that hours and days are to be published again, whatever they are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn unpublish(&mut self, periods: &[Period]) -> Result<(), StoreError> {
        let path = self.path.clone();
        let mut note = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for period in periods {
                let sql = "UPDATE periods SET dirty = TRUE WHERE start = ?1 AND span = ?2";
                transaction.execute(sql, (period.start, period.span))?;
            }
            transaction.commit()
        };
        note().map_err(|error| StoreError::of(&path, error))
    }

    /// Notes what was published, and gives how many periods are thereby done. Those that changed meanwhile stay dirty.
    ///
    /// # Errors
    /// When the database cannot be written; then all of them stay dirty.
    pub fn published(&mut self, done: &[Dirty]) -> Result<usize, StoreError> {
        let path = self.path.clone();
        let mut note = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut cleared = 0;
            for Dirty { period, generation, gone } in done {
                let row = (period.start, period.span, generation.cast_signed());
                let of = "WHERE start = ?1 AND span = ?2 AND generation = ?3 AND dirty";
                // What is gone never comes back: what comes too late for its hour goes to the day, or nowhere.
                cleared += if *gone {
                    transaction.execute(&format!("DELETE FROM periods {of}"), row)?
                } else {
                    transaction.execute(&format!("UPDATE periods SET dirty = FALSE {of}"), row)?
                };
            }
            transaction.commit().map(|()| cleared)
        };
        note().map_err(|error| StoreError::of(&path, error))
    }

    /// Which events these are: it rises with every batch that changed those of any source.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn events_generation(&self) -> Result<u64, StoreError> {
        events_mark(&self.connection, "events_generation").map_err(|error| self.wrong(error))
    }

    /// Whether events changed since they were last published.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged.
    pub fn dirty_events(&self) -> Result<bool, StoreError> {
        let published =
            events_mark(&self.connection, "events_published").map_err(|error| self.wrong(error))?;
        Ok(self.events_generation()? > published)
    }

    /// Notes that the events of a generation were published. If they changed meanwhile, they stay dirty.
    ///
    /// # Errors
    /// When the database cannot be written; then they stay dirty.
    pub fn events_published(&mut self, generation: u64) -> Result<(), StoreError> {
        let sql = "UPDATE meta SET value = max(value, ?1) WHERE name = 'events_published'";
        let noted = self.connection.execute(sql, [generation.cast_signed()]).map(drop);
        noted.map_err(|error| self.wrong(error))
    }
}

fn events_mark(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection.query_one("SELECT value FROM meta WHERE name = ?1", [name], |row| unsigned(row, "value"))
}
