//! Opens the state: directory, lock, database, schema. Refuses whatever could cost the data.

use super::lock::Lock;
use super::{Store, StoreError, mount, place, rollups, schema};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) const DATABASE: &str = "logstat.db";
pub(crate) const PUBLISHED: &str = "data";
const PAGE_BYTES: u64 = 4096;
const MOUNTS: &str = "/proc/self/mountinfo";
/// Only people's own tools can be in the way of the one writer; they are given time to finish a query.
const BUSY: Duration = Duration::from_secs(5);
const WRITABLE_BY_ALL: u32 = 0o002;

/// What the state is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Under the lock; makes the state where there is none, and brings an older one forward.
    Write,
    /// Beside a writer, without the lock. Sees what was committed, and changes nothing.
    Read,
}

impl Store {
    /// Opens the state in `dir`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another run writes; otherwise what is wrong with the directory or the database.
    pub fn open(dir: &Path, mode: Mode) -> Result<Self, StoreError> {
        if mode == Mode::Write {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700).create(dir).map_err(StoreError::io(dir, "create"))?;
        }
        let dir = resolve(dir)?;
        refuse_network(&dir)?;
        let path = dir.join(DATABASE);
        let lock = match mode {
            Mode::Write => Some(prepare(&dir, &path)?),
            Mode::Read => None,
        };
        refuse_fragment(&path)?;
        let mut connection = connect(&path).map_err(|error| match error {
            StoreError::Sql { .. } => match path.try_exists() {
                Ok(false) => StoreError::Missing { dir: dir.clone() },
                Err(denied) => StoreError::io(&path, "open")(denied),
                Ok(true) => error,
            },
            error => error,
        })?;
        bring_forward(&mut connection, &path, mode)?;
        let node = rollups::node(&connection).map_err(|error| StoreError::of(&path, error))?;
        Ok(Self { connection, _lock: lock, dir, path, node })
    }
}

fn resolve(dir: &Path) -> Result<PathBuf, StoreError> {
    fs::canonicalize(dir).map_err(|error| match error.kind() {
        ErrorKind::NotFound => StoreError::Missing { dir: dir.to_owned() },
        _ => StoreError::io(dir, "open")(error),
    })
}

fn refuse_network(dir: &Path) -> Result<(), StoreError> {
    // Where nobody can tell, SQLite's own refusal of shared memory has to do.
    let mounts = fs::read(MOUNTS).unwrap_or_default();
    match mount::network_of(&mounts, dir) {
        Some(kind) => Err(StoreError::Network { dir: dir.to_owned(), kind: kind.to_owned() }),
        None => Ok(()),
    }
}

/// Takes the lock and sees to it that there is a file which SQLite may open, and that nobody else may.
fn prepare(dir: &Path, path: &Path) -> Result<Lock, StoreError> {
    let metadata = fs::metadata(dir).map_err(StoreError::io(dir, "open"))?;
    let owner = metadata.uid();
    if place::user().is_some_and(|user| user != owner) {
        return Err(StoreError::Owner { dir: dir.to_owned(), owner: place::name_of(owner) });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    // Someone else could put a database or a link of his own here.
    if mode & WRITABLE_BY_ALL != 0 {
        return Err(StoreError::Exposed { dir: dir.to_owned(), mode });
    }
    let lock = Lock::take(dir)?;
    let mut options = OpenOptions::new();
    // SQLite gives its other files the permissions of this one.
    let file = options.append(true).create(true).mode(0o600).open(path);
    let length = file.and_then(|file| file.metadata()).map_err(StoreError::io(path, "open"))?.len();
    let mut published = fs::read_dir(dir.join(PUBLISHED)).into_iter().flatten();
    if length == 0 && published.next().is_some() {
        return Err(StoreError::Orphaned { path: path.to_owned() });
    }
    Ok(lock)
}

/// SQLite takes what is shorter than a page for a new database, and would begin anew.
fn refuse_fragment(path: &Path) -> Result<(), StoreError> {
    let length = fs::metadata(path).map_or(0, |file| file.len());
    // With a journal it is the first page that a full disk or a crash kept from being written, and SQLite undoes it.
    let journal = path.with_extension("db-journal");
    if (1..PAGE_BYTES).contains(&length) && !journal.exists() {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            found: format!("of it are {length} bytes left"),
        });
    }
    Ok(())
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Ok(connection)
    };
    open().map_err(|error| StoreError::of(path, error))
}

fn bring_forward(connection: &mut Connection, path: &Path, mode: Mode) -> Result<(), StoreError> {
    let (found, known) = (schema::version(connection, path)?, schema::NEWEST);
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    match mode {
        Mode::Read if found == 0 => {
            let dir = path.parent().unwrap_or(path).to_owned();
            return Err(StoreError::Missing { dir });
        }
        Mode::Read if found < known => return Err(StoreError::Older { path: path.to_owned(), found, known }),
        Mode::Read => connection.pragma_update(None, "query_only", true),
        Mode::Write => set_up(connection, found == 0),
    }
    .map_err(|error| StoreError::of(path, error))?;
    if mode == Mode::Write && found < known {
        schema::migrate(connection, path, found, &schema::STEPS)?;
    }
    Ok(())
}

fn set_up(connection: &Connection, new: bool) -> rusqlite::Result<()> {
    if new {
        // Both have to be said before the first table. The second lets `prune` give pages back without rewriting all.
        connection.pragma_update(None, "page_size", PAGE_BYTES.cast_signed())?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if journal == "wal" {
        return Ok(());
    }
    // SQLite answers with the old mode where it cannot share memory.
    let cannot = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_PROTOCOL);
    let why = format!("the file system cannot share memory, so there is no write-ahead log (`{journal}`)");
    Err(rusqlite::Error::SqliteFailure(cannot, Some(why)))
}
