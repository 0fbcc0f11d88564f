//! Exit codes, decided in one place.

use crate::store::StoreError;
use std::process::ExitCode;

/// How it ended. The worse of two is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done.
    Done,
    /// Done, but a stated limit was exceeded: too many rejects, or data that could not be read.
    LimitExceeded,
    /// Failed.
    Failed,
    /// Another run holds the lock of the state; nothing was done.
    Locked,
}

impl Exit {
    /// How a run ends that did not come to its end.
    #[must_use]
    pub fn of_error(error: &anyhow::Error) -> Self {
        match error.downcast_ref() {
            Some(StoreError::Locked { .. }) => Self::Locked,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::LimitExceeded => 1,
            Exit::Failed => 2,
            // EX_TEMPFAIL of sysexits.h: try again later.
            Exit::Locked => 75,
        })
    }
}
