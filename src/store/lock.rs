//! One writer at a time: a lock on a file that stays when the lock goes. Waits for nobody.

use super::StoreError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

const FILE: &str = "lock";
/// Where Linux lists every lock with the inode that it is on.
const LOCKS: &str = "/proc/locks";

/// Held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the state in `dir`.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let mut options = OpenOptions::new();
        // Not truncated: the holder's number is in it until the lock is ours.
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(StoreError::io(&path, "open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
                return Err(StoreError::Locked { path, holder });
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::io(&path, "lock")(error)),
        }
        // The number is for people only; a full disk must not keep a run from reading.
        let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

/// The process that holds the lock of the state in `dir`, without an attempt to take it.
pub(super) fn holder(dir: &Path) -> Option<u32> {
    let path = dir.join(FILE);
    let inode = fs::metadata(&path).ok()?.ino();
    let listed = locked_by(&fs::read_to_string(LOCKS).ok()?, inode)?;
    // In another name space of processes the holder has another number.
    let named = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
    Some(named.unwrap_or(listed))
}

/// The process of a line such as `1: FLOCK  ADVISORY  WRITE 4711 08:01:1837 0 EOF`.
fn locked_by(locks: &str, inode: u64) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let [kind, _, access, process, place] = std::array::from_fn(|_| words.next().unwrap_or_default());
        let is_it = kind == "FLOCK" && access == "WRITE" && place.rsplit(':').next()?.parse() == Ok(inode);
        is_it.then(|| process.parse().unwrap_or(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_found_by_its_inode() {
        let locks = "1: POSIX  ADVISORY  WRITE 17 08:01:99 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 18 08:01:99 0 EOF\n\
                     2: FLOCK  ADVISORY  READ  19 08:01:99 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 4711 fd:00:99 0 EOF\n\nx";
        assert_eq!(locked_by(locks, 99), Some(4711));
        assert_eq!(locked_by(locks, 9), None);
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(holder(dir.path()), None);
        let lock = Lock::take(dir.path()).unwrap();
        assert_eq!(holder(dir.path()), Some(std::process::id()));
        drop(lock);
        assert_eq!(holder(dir.path()), None);
    }
}
