//! Where the state lives. Creates nothing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

const OF_THE_MACHINE: &str = "/var/lib/logstat";
/// Under `$XDG_STATE_HOME`.
const OF_A_USER: &str = "logstat";

/// What the answer depends on, besides flag and configuration.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    #[expect(missing_docs)]
    pub is_root: bool,
    /// `$XDG_STATE_HOME`.
    pub state_home: Option<OsString>,
    /// `$HOME`.
    pub home: Option<OsString>,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            is_root: user() == Some(0),
            state_home: std::env::var_os("XDG_STATE_HOME"),
            home: std::env::var_os("HOME"),
        }
    }
}

/// There is no place for the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no place for the state: neither XDG_STATE_HOME nor HOME names a directory\nhint: --state DIR")]
pub struct PlaceError;

/// The directory of the state: what `--state` says, else the configuration, else the machine's for root and the
/// user's own for others.
///
/// # Errors
/// When nothing names a directory.
pub fn place(
    flag: Option<&Path>,
    configured: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<PathBuf, PlaceError> {
    if let Some(named) = flag.or(configured) {
        return Ok(named.to_owned());
    }
    if surroundings.is_root {
        return Ok(OF_THE_MACHINE.into());
    }
    // The XDG specification has relative paths ignored.
    let absolute =
        |path: &Option<OsString>| path.as_ref().map(PathBuf::from).filter(|path| path.is_absolute());
    let state_home = absolute(&surroundings.state_home);
    let state_home = state_home.or_else(|| Some(absolute(&surroundings.home)?.join(".local/state")));
    state_home.map(|home| home.join(OF_A_USER)).ok_or(PlaceError)
}

/// The effective user of this process.
pub(super) fn user() -> Option<u32> {
    effective_user(&fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// What a user is called here; the number where nobody says.
pub(super) fn name_of(user: u32) -> String {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&known, user).unwrap_or_else(|| user.to_string())
}

/// From a line `name:password:number:…`.
fn name_in(known: &str, user: u32) -> Option<String> {
    let of_line = |line: &str| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(user)).then(|| name.to_owned())
    };
    known.lines().find_map(of_line)
}

/// From the line `Uid: real effective saved filesystem`.
fn effective_user(status: &str) -> Option<u32> {
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn user(state_home: &str, home: &str) -> Surroundings {
        Surroundings { is_root: false, state_home: Some(state_home.into()), home: Some(home.into()) }
    }

    #[test]
    fn the_flag_beats_the_configuration_and_both_beat_the_usual_places() {
        let (flag, configured) = (Path::new("/srv/a"), Path::new("/srv/b"));
        let at = |flag, configured| place(flag, configured, &user("/x", "/home/u")).unwrap();
        assert_eq!(at(Some(flag), Some(configured)), flag);
        assert_eq!(at(None, Some(configured)), configured);
        assert_eq!(at(None, None), Path::new("/x/logstat"));
    }

    #[test]
    fn root_has_the_machines_and_others_have_their_own() {
        let root = Surroundings { is_root: true, ..user("/x", "/root") };
        assert_eq!(place(None, None, &root).unwrap(), Path::new("/var/lib/logstat"));
        let own = Path::new("/home/u/.local/state/logstat");
        assert_eq!(place(None, None, &user("", "/home/u")).unwrap(), own);
        assert_eq!(place(None, None, &user("relative", "/home/u")).unwrap(), own);
        assert_eq!(place(None, None, &user("relative", "")), Err(PlaceError));
        assert_eq!(place(None, None, &Surroundings::default()), Err(PlaceError));
    }

    #[test]
    fn the_user_of_this_process_is_the_owner_of_what_it_makes() {
        let made = tempfile::tempfile().unwrap().metadata().unwrap().uid();
        assert_eq!(Surroundings::of_process().is_root, made == 0);
        assert_eq!(effective_user("Name:\tx\nUid:\t1000\t0\t0\t0\n"), Some(0));
        assert_eq!(effective_user(""), None);
        assert_eq!(name_in("root:x:0:0::/:/bin/sh\nlogstat:x:998:998::/:\n", 998), Some("logstat".into()));
        assert_eq!(name_in("logstat:x:99:998::/:\n", 998), None);
    }
}
