//! Keeps no more than it should: old hours become days, and old days go. Decides what is old, and reads no log.

use crate::cli::{PruneArgs, WorkArgs};
use crate::config::{self, StateConfig};
use crate::exit::Exit;
use crate::output::say;
use crate::publish::publish;
use crate::rollup::{HOUR_S, StoredEvents, StoredHour, merge_hour};
use crate::store::{Known, MergeError, Mode, Pruned, Retention, Store};
use crate::{run, state};
use jiff::Timestamp;
use logstat_reports::text::count;

/// Hours without any request before hours that may be those of a wrong clock.
const LEAP_HOURS: i64 = 7 * 24;
/// So many hours or days behind them show that the clock is right.
const PROOF: usize = 24;
const HOUR_US: i64 = HOUR_S * 1_000_000;

/// Carries out `logstat prune`.
///
/// # Errors
/// When another run holds the lock, or the state cannot be written or is damaged.
pub fn run(args: &PruneArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.config.as_deref())?.state;
    let config = StateConfig {
        keep_hours: args.keep_hours.or(config.keep_hours),
        keep_days: args.keep_days.or(config.keep_days),
        ..config
    };
    let mut store = state::open(&args.state, &config, Mode::Write)?;
    let now = args.now.unwrap_or_else(Timestamp::now);
    let pruned = prune(&mut store, state::retention(&config), now)?;
    publish(&mut store, &run::threads(&WorkArgs::default())?, false, &mut |_, _| ())?;
    say(&summary(pruned));
    Ok(Exit::Done)
}

fn summary(pruned: Pruned) -> String {
    let counted = |number: usize, one: &str, several: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{} {several}", count(number as u64)),
    };
    match pruned {
        Pruned { rolled_up: 0, expired: 0 } => "nothing is older than it may be".to_owned(),
        Pruned { rolled_up, expired } => format!(
            "the hours of {} were added up, {} kept",
            counted(rolled_up, "day", "days"),
            counted(expired, "hour or day is no longer", "hours and days are no longer")
        ),
    }
}

/// Applies the retention, counted back from now or from the newest hour, whichever is earlier, and forgets messages
/// and logs that are older than anything that is kept.
///
/// # Errors
/// When the state cannot be written or is damaged.
pub fn prune(store: &mut Store, retention: Retention, now: Timestamp) -> anyhow::Result<Pruned> {
    let periods = store.periods(i64::MIN..i64::MAX)?;
    let Some(end) = end(&periods, now.as_second().div_euclid(HOUR_S)) else { return Ok(Pruned::default()) };
    let known = store.expired_before()?;
    let pruned = store.prune(retention, end, &mut |_, day, hour| {
        let hour = StoredHour::decode(hour).map_err(MergeError::from)?;
        merge_hour(true, day, &hour).map_err(MergeError::from)
    })?;
    match store.expired_before()? {
        before if before == known => {}
        Some(before) => forget(store, before.saturating_mul(HOUR_US))?,
        None => {}
    }
    Ok(pruned)
}

/// The Unix hour that is counted back from. A clock that ran ahead for a while must not cost all that is known, so a
/// few hours far behind all others do not count.
fn end(periods: &[Known], now: i64) -> Option<i64> {
    let periods = periods.iter().map(|known| known.period).filter(|period| period.start <= now);
    let mut ends: Vec<i64> = periods.map(|period| period.start + period.span.hours()).collect();
    ends.sort_unstable();
    let mut stretches = ends.chunk_by(|one, next| next - one <= LEAP_HOURS).rev();
    let proven = stretches.find(|stretch| stretch.len() >= PROOF).unwrap_or(&ends);
    proven.last().map(|end| *end.min(&(now + 1)))
}

/// Forgets what proxies said before a time, and finished logs that were last seen before: should one of them come
/// back, all its lines are older than what is kept.
fn forget(store: &mut Store, before_us: i64) -> anyhow::Result<()> {
    let sources = store.sources()?;
    let mut batch = store.begin()?;
    for source in &sources {
        batch.replace_events(&source.name, |stored| {
            let mut events = StoredEvents::decode(stored)?;
            events.forget_before(before_us);
            Ok(events.encode())
        })?;
    }
    batch.forget_streams(before_us)?;
    Ok(batch.commit()?)
}

#[cfg(test)]
mod tests;
