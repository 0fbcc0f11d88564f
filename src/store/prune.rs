//! Old hours become days, and old days go. What comes late for an hour that has gone into its day is added to the day.

use super::batch::merged;
use super::period::day_start;
use super::rollups::{self, Marks};
use super::{MergeError, Period, Span, Store, StoreError, bans};
use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

/// How long hours are kept, and how long days. `None` is for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Hours before the end of which a day's hours are added up.
    pub keep_hours: Option<u32>,
    /// Days before the end of which nothing is kept.
    pub keep_days: Option<u32>,
}

/// What became of old hours and days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Days that hours were added to.
    pub rolled_up: usize,
    /// Hours and days of which nothing is kept any longer.
    pub expired: usize,
}

/// Adds an hour's rollup to that of its day, of which there is none before the first hour.
type Merge<'m> = dyn FnMut(Period, Option<&[u8]>, &[u8]) -> Result<Vec<u8>, MergeError> + 'm;

impl Store {
    /// Keeps no more than it should, counted back from the Unix hour `end`, and gives the space back. Each day is a
    /// transaction of its own, so that it may be stopped anywhere and done again. An `end` in the future lets go of
    /// too much, for good: a clock that may be wrong is better compared with the newest hour.
    ///
    /// # Errors
    /// When `merge` fails, or the database cannot be written or is damaged.
    pub fn prune(
        &mut self,
        retention: Retention,
        end: i64,
        merge: &mut Merge<'_>,
    ) -> Result<Pruned, StoreError> {
        let before = |hours: i64| day_start(end.saturating_sub(hours));
        let marks = rollups::marks(&self.connection).map_err(|error| self.wrong(error))?;
        let expired =
            retention.keep_days.map_or(i64::MIN, |days| before(i64::from(days) * Span::Day.hours()));
        let rolled = retention.keep_hours.map_or(i64::MIN, |hours| before(i64::from(hours)));
        if expired <= marks.expired_before && rolled <= marks.rolled_up_before {
            return Ok(Pruned::default());
        }
        // A longer retention than before does not bring back what is gone.
        let expired_before = marks.expired_before.max(expired);
        let mut marks = Marks { expired_before, ..marks };
        let mut pruned =
            Pruned { expired: self.act(|connection, path| expire(connection, path, marks))?, rolled_up: 0 };
        for day in self.days_to_roll_up(rolled)? {
            marks.rolled_up_before = marks.rolled_up_before.max(day.start + Span::Day.hours());
            self.act(|connection, path| roll_up(connection, path, day, marks, merge))?;
            pruned.rolled_up += 1;
        }
        marks.rolled_up_before = marks.rolled_up_before.max(rolled);
        self.act(|connection, path| {
            rollups::set_marks(connection, marks).map_err(|error| StoreError::of(path, error))
        })?;
        // Every row that the pragma gives is a page that it moved.
        let vacuum = self.connection.pragma_query(None, "incremental_vacuum", |_| Ok(()));
        vacuum.map_err(|error| self.wrong(error))?;
        Ok(pruned)
    }

    /// One transaction.
    fn act<T>(
        &mut self,
        act: impl FnOnce(&Connection, &Path) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let path = self.path.as_path();
        let wrong = |error| StoreError::of(path, error);
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
        let done = act(&transaction, path)?;
        transaction.commit().map_err(wrong)?;
        Ok(done)
    }

    fn days_to_roll_up(&self, before: i64) -> Result<BTreeSet<Period>, StoreError> {
        let days = || -> rusqlite::Result<_> {
            let mut statement = self.connection.prepare(
                "SELECT start FROM rollups WHERE span = ?1 AND start < ?2
                UNION SELECT start FROM counts WHERE span = ?1 AND start < ?2",
            )?;
            statement.query_map((Span::Hour, before), |row| row.get(0).map(Period::day_of))?.collect()
        };
        days().map_err(|error| self.wrong(error))
    }
}

/// Lets go of everything before the mark; gives how many hours and days that were.
fn expire(connection: &Connection, path: &Path, marks: Marks) -> Result<usize, StoreError> {
    let expire = || {
        let gone = kept(connection, &(i64::MIN..marks.expired_before))?;
        gone.iter().try_for_each(|period| rollups::touch(connection, *period))?;
        for table in TABLES {
            connection.execute(&format!("DELETE FROM {table} WHERE start < ?1"), [marks.expired_before])?;
        }
        bans::forget_hits(connection, marks.expired_before)?;
        rollups::set_marks(connection, marks).map(|()| gone.len())
    };
    expire().map_err(|error| StoreError::of(path, error))
}

/// Adds the hours of a day to the day.
fn roll_up(
    connection: &Connection,
    path: &Path,
    day: Period,
    marks: Marks,
    merge: &mut Merge<'_>,
) -> Result<(), StoreError> {
    let wrong = |error| StoreError::of(path, error);
    let hours = day.start..day.start + day.span.hours();
    let changed = kept(connection, &hours).map_err(wrong)?;
    for source in sources(connection, &hours).map_err(wrong)? {
        merge_hours(connection, path, day, &source, merge)?;
    }
    let move_counts = || {
        connection.execute(
            "INSERT INTO counts SELECT ?1, ?2, source, kind, sum(count) FROM counts
            WHERE start >= ?1 AND start < ?3 AND span = ?4 GROUP BY source, kind
            ON CONFLICT DO UPDATE SET count = count + excluded.count",
            (day.start, day.span, hours.end, Span::Hour),
        )?;
        for table in TABLES {
            let sql = format!("DELETE FROM {table} WHERE start >= ?1 AND start < ?2 AND span = ?3");
            connection.execute(&sql, (hours.start, hours.end, Span::Hour))?;
        }
        let others = changed.iter().filter(|period| **period != day);
        others.chain([&day]).try_for_each(|period| rollups::touch(connection, *period))?;
        rollups::set_marks(connection, marks)
    };
    move_counts().map_err(wrong)
}

/// One source's part of the day: what came late for it before, then its hours in order.
fn merge_hours(
    connection: &Connection,
    path: &Path,
    day: Period,
    (source, name): &(i64, String),
    merge: &mut Merge<'_>,
) -> Result<(), StoreError> {
    let wrong = |error| StoreError::of(path, error);
    let hours = day.start..day.start + day.span.hours();
    let mut sum = rollups::rollup(connection, day, *source).map_err(wrong)?;
    for start in rollups::hours_of_source(connection, *source, &hours).map_err(wrong)? {
        if let Some(hour) = rollups::rollup(connection, Period::hour(start), *source).map_err(wrong)? {
            sum = Some(merged(path, || format!("{name}: {day}"), || merge(day, sum.as_deref(), &hour))?);
        }
    }
    sum.map_or(Ok(()), |bytes| rollups::put_rollup(connection, day, *source, &bytes).map_err(wrong))
}

/// What is kept by period.
const TABLES: [&str; 2] = ["rollups", "counts"];

/// The hours and days that begin in a stretch of Unix hours, and of which something is kept.
fn kept(connection: &Connection, hours: &Range<i64>) -> rusqlite::Result<Vec<Period>> {
    let of = |table| format!("SELECT start, span FROM {table} WHERE start >= ?1 AND start < ?2");
    let mut statement = connection.prepare(&TABLES.map(of).join(" UNION "))?;
    statement.query_map((hours.start, hours.end), rollups::period)?.collect()
}

/// The sources that have hours in a stretch, with their names.
fn sources(connection: &Connection, hours: &Range<i64>) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut statement = connection.prepare(
        "SELECT DISTINCT sources.id, name FROM rollups JOIN sources ON sources.id = source
        WHERE start >= ?1 AND start < ?2 AND span = ?3 ORDER BY name",
    )?;
    statement.query_map((hours.start, hours.end, Span::Hour), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
