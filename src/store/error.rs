//! Why there is no state, or none that may be used, and the way out. Never decides on an exit code.

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHORT_READ;
use std::io;
use std::path::{Path, PathBuf};

/// Why two rollups could not be merged, in the words of whoever knows what they hold.
pub type MergeError = Box<dyn std::error::Error + Send + Sync>;

/// The state cannot be used. What it holds is as it was after the last commit.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum StoreError {
    #[error("{}: another run holds the lock{}", path.display(), process(*holder))]
    Locked { path: PathBuf, holder: Option<u32> },
    #[error("{}: there is no state here\nhint: `logstat ingest` makes one", dir.display())]
    Missing { dir: PathBuf },
    #[error("{}: is on {kind}, and locks and shared memory do not reach across a network\nhint: keep the state on a local disk: --state DIR, or `dir` under [state]", dir.display())]
    Network { dir: PathBuf, kind: String },
    #[error("{}: everyone may write here (mode {mode:04o})\nhint: chmod 700 it, or name another directory with --state", dir.display())]
    Exposed { dir: PathBuf, mode: u32 },
    #[error("{}: was written by a newer logstat: its schema is {found}, the newest known here is {known}\nhint: run the newer logstat, or name another directory with --state", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{}: was written by an older logstat: its schema is {found}, and here it is {known}\nhint: `logstat ingest` brings it forward", path.display())]
    Older { path: PathBuf, found: i64, known: i64 },
    #[error("{}: belongs to {owner}, who could not replace what another user writes there\nhint: run as its owner: runuser -u {owner} -- logstat …; or name another directory with --state", dir.display())]
    Owner { dir: PathBuf, owner: String },
    #[error("{}: this user cannot open it: {error}\nhint: run as the owner of the state, where it can be written; or report what is published: --data {}", path.display(), folder(path))]
    Unopened { path: PathBuf, error: rusqlite::Error },
    #[error("{}: is a database of something else\nhint: name another directory with --state", path.display())]
    Foreign { path: PathBuf },
    #[error("{}: is gone or empty, but what was published from it is there\nhint: put the database back, or move all of {} away and run again: logs that are still there are then read anew, and beside the old `data` they would count twice", path.display(), folder(path))]
    Orphaned { path: PathBuf },
    #[error("{}: is damaged: {found}\nhint: put back a copy, or move all of {} away and run again: logs that are still there are then read anew, and hours of which the logs are gone are lost but for the moved `data`, which holds them as they were published; beside the new one it would count twice what both hold", path.display(), folder(path))]
    Damaged { path: PathBuf, found: String },
    #[error("{}: the disk is full\nhint: nothing was changed; free some space and run again", path.display())]
    Full { path: PathBuf },
    #[error("{}: another program keeps the database locked\nhint: close it and run again", path.display())]
    Busy { path: PathBuf },
    #[error("{}: cannot {step}: {error}", path.display())]
    Io { path: PathBuf, step: &'static str, error: io::Error },
    #[error("{}: {of}: cannot be merged: {error}", path.display())]
    Merge { path: PathBuf, of: String, error: MergeError },
    #[error("{}: {of}: {bytes} bytes are more than a rollup may have, {limit}", path.display())]
    TooLarge { path: PathBuf, of: String, bytes: usize, limit: usize },
    #[error("{}: nothing was committed, since a step of the batch failed", path.display())]
    Broken { path: PathBuf },
    #[error("{}: {error}\nhint: nothing was changed; is the disk full (`df`), or broken (the system's log)?", path.display())]
    Disk { path: PathBuf, error: rusqlite::Error },
    #[error("{}: {error}", path.display())]
    Sql { path: PathBuf, error: rusqlite::Error },
    #[error("the state cannot be exported: {error}")]
    Export { error: io::Error },
}

fn process(holder: Option<u32>) -> String {
    holder.map(|id| format!(" (process {id})")).unwrap_or_default()
}

fn folder(path: &Path) -> std::path::Display<'_> {
    path.parent().unwrap_or(path).display()
}

impl StoreError {
    /// What SQLite's complaint about the database at `path` means.
    pub(super) fn of(path: &Path, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        // A file that ends in the middle of a page is not the disk's fault.
        if error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_SHORT_READ) {
            return Self::Damaged { path, found: "it ends too early".to_owned() };
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { path, found: error.to_string() }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly) if path.exists() => {
                Self::Unopened { path, error }
            }
            Some(ErrorCode::SystemIoFailure) => Self::Disk { path, error },
            Some(ErrorCode::DiskFull) => Self::Full { path },
            Some(_) => Self::Sql { path, error },
            // Statements and tables fit each other, so a value that does not fit was not written by them.
            None => Self::Damaged { path, found: error.to_string() },
        }
    }

    pub(super) fn io(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io { path: path.to_owned(), step, error }
    }
}
