//! Exit codes, decided in one place.

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
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::LimitExceeded => 1,
            Exit::Failed => 2,
        })
    }
}
