//! Opens the state that flags and configuration name. Decides nothing about what is in it.

use crate::cli::StateArgs;
use crate::config::StateConfig;
use crate::store::{Mode, Retention, Store, Surroundings, place};
use std::path::PathBuf;
use std::time::Duration;

/// 45 days.
const KEEP_HOURS: u32 = 45 * 24;
const KEEP_DAYS: u32 = 400;
/// nginx is told by logrotate within a second to open its log anew, and ends its requests within some.
const ROTATE_WAIT_S: u32 = 60;

/// Opens the state.
///
/// # Errors
/// When there is no place for it, another run holds its lock, or it cannot be used.
pub fn open(args: &StateArgs, config: &StateConfig, mode: Mode) -> anyhow::Result<Store> {
    Ok(Store::open(&dir(args, config)?, mode)?)
}

/// Where it is or will be.
///
/// # Errors
/// When nothing names a directory.
pub fn dir(args: &StateArgs, config: &StateConfig) -> anyhow::Result<PathBuf> {
    Ok(place(args.state.as_deref(), config.dir.as_deref(), &Surroundings::of_process())?)
}

/// How long hours and days are kept; 0 in the configuration is for good.
#[must_use]
pub fn retention(config: &StateConfig) -> Retention {
    let limit = |configured: Option<u32>, usual| Some(configured.unwrap_or(usual)).filter(|limit| *limit > 0);
    Retention {
        keep_hours: limit(config.keep_hours, KEEP_HOURS),
        keep_days: limit(config.keep_days, KEEP_DAYS),
    }
}

/// How long a rotated log must be quiet.
#[must_use]
pub fn rotate_wait(config: &StateConfig) -> Duration {
    Duration::from_secs(config.rotate_wait_s.unwrap_or(ROTATE_WAIT_S).into())
}
