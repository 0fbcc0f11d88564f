//! Keeps no more than it should: old hours become days, and old days go.

use crate::rollup::{HOUR_S, StoredHour, merge_hour};
use crate::store::{MergeError, Pruned, Retention, Store};
use jiff::Timestamp;

/// Applies the retention, counted back from now or from the newest hour, whichever is earlier: a clock that is wrong
/// must not cost anything.
///
/// # Errors
/// When the state cannot be written or is damaged.
pub fn prune(store: &mut Store, retention: Retention, now: Timestamp) -> anyhow::Result<Pruned> {
    let newest = store.periods(i64::MIN..i64::MAX)?.last().map(|known| known.period.start);
    let Some(newest) = newest else { return Ok(Pruned::default()) };
    let end = now.as_second().div_euclid(HOUR_S).min(newest) + 1;
    let pruned = store.prune(retention, end, &mut |_, day, hour| {
        let hour = StoredHour::decode(hour).map_err(MergeError::from)?;
        merge_hour(true, day, &hour).map_err(MergeError::from)
    })?;
    Ok(pruned)
}
