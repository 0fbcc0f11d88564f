//! Puts finished bytes into files so that a reader sees the old file or the new one. Nothing else in this crate touches
//! the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The end of the names of temporary files.
const TEMPORARY: &str = ".tmp";

/// A file that could not be written; the one that was there before is whole.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot {step}: {error}{}", path.display(), hint(error))]
pub struct WriteError {
    /// The file or directory.
    pub path: PathBuf,
    /// What was tried: `write`, `rename`, …
    pub step: &'static str,
    /// The cause; part of the message, so not repeated as its source.
    pub error: io::Error,
}

impl WriteError {
    fn at(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self { path: path.to_owned(), step, error }
    }
}

/// What to do, on a line of its own; nothing where the cause says it.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "\nhint: the old files are as they were; free some space, or write to another directory"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "\nhint: write to a directory of your own, or run as this one's owner"
        }
        _ => "",
    }
}

/// Writes `dir/name` through a sibling temporary file: synced, renamed, and the rename synced too.
///
/// # Errors
/// When any step fails; what `dir/name` held before is then untouched.
pub fn write_atomically(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
    publish(dir, &[(name, bytes)])
}

/// Writes a set of files that belong together: all temporary files first, then all renames, in the order given. When
/// the disk fills up, every old file is still there, and no temporary one is. Creates `dir` where it is missing.
///
/// # Errors
/// When any step fails, naming the file.
pub fn publish<N: AsRef<str>, B: AsRef<[u8]>>(dir: &Path, files: &[(N, B)]) -> Result<(), WriteError> {
    create_dirs(dir)?;
    let staged = files
        .iter()
        .map(|(name, bytes)| Staged::write(dir, name.as_ref(), bytes.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    staged.into_iter().try_for_each(Staged::rename)?;
    sync_dir(dir)
}

/// Removes files of an older set that the new one does not have, and that would pass for a part of it.
///
/// # Errors
/// When one of them is there and cannot be removed.
pub fn withdraw<N: AsRef<str>>(dir: &Path, names: &[N]) -> Result<(), WriteError> {
    for name in names {
        let path = dir.join(name.as_ref());
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(WriteError::at(&path, "remove")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes the temporary files that killed runs left beside a file.
///
/// # Errors
/// When the directory cannot be read, or one of them not be removed.
pub fn sweep(dir: &Path, name: &str) -> Result<(), WriteError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(WriteError::at(dir, "read the directory"))?,
    };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|file| is_temporary_of(file, name)) {
            let path = entry.path();
            fs::remove_file(&path).map_err(WriteError::at(&path, "remove"))?;
        }
    }
    Ok(())
}

/// Makes what was renamed and removed in a directory last.
///
/// # Errors
/// When it cannot be synced.
pub fn sync_dir(dir: &Path) -> Result<(), WriteError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(WriteError::at(dir, "sync the directory"))
}

/// Creates what is missing of a path. A file in a directory that does not last does not last either.
fn create_dirs(dir: &Path) -> Result<(), WriteError> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().unwrap_or(Path::new("/"));
    create_dirs(parent)?;
    match fs::create_dir(dir) {
        // Another thread was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        created => created.map_err(WriteError::at(dir, "create the directory"))?,
    }
    sync_dir(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

fn is_temporary_of(file: &str, name: &str) -> bool {
    let process = file.strip_prefix('.').and_then(|rest| rest.strip_prefix(name));
    let process = process.and_then(|rest| rest.strip_prefix('.')?.strip_suffix(TEMPORARY));
    process.is_some_and(|process| process.parse::<u32>().is_ok())
}

/// A temporary file beside its target, complete and synced. Removes itself unless renamed.
#[derive(Debug)]
pub struct Staged {
    temporary: PathBuf,
    target: PathBuf,
}

impl Staged {
    /// Writes the bytes beside `dir/name`. Creates no directory.
    ///
    /// # Errors
    /// When any step fails; then nothing is left of it.
    pub fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<Self, WriteError> {
        let target = dir.join(name);
        // A rename onto a directory would fail half-way through the set.
        if target.is_dir() {
            return Err(WriteError::at(&target, "replace a directory")(io::ErrorKind::IsADirectory.into()));
        }
        let temporary = dir.join(format!(".{name}.{}{TEMPORARY}", std::process::id()));
        let mut file = create(&temporary).map_err(WriteError::at(&temporary, "create"))?;
        let staged = Self { temporary, target };
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(WriteError::at(&staged.target, "write"))?;
        Ok(staged)
    }

    /// Where the bytes are until then.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Puts it in the place of its target. Lasting only once its directory is synced, see [`sync_dir`].
    ///
    /// # Errors
    /// When it cannot be renamed; the target is then as it was.
    pub fn rename(self) -> Result<(), WriteError> {
        fs::rename(&self.temporary, &self.target)
            .map_err(WriteError::at(&self.target, "rename a new file to it"))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Never follows a link that somebody put there; a leftover of a killed run with the same process number gives way.
fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).open(path)
}
