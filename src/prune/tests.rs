//! From when retention is counted back.

use super::*;
use crate::store::Period;

/// 2026-11-20T00:00:00Z.
const MIDNIGHT: i64 = 498_648;

fn ends_at(hours: impl IntoIterator<Item = i64>, days: &[i64], now: i64) -> Option<i64> {
    let known = |period| Known { period, generation: 1, dirty: false };
    let hours = hours.into_iter().map(Period::hour);
    let periods: Vec<Known> = hours.chain(days.iter().map(|day| Period::day_of(*day))).map(known).collect();
    end(&periods, now)
}

#[test]
fn the_newest_hour_counts_unless_it_is_to_come() {
    let hours = MIDNIGHT..MIDNIGHT + 48;
    assert_eq!(ends_at(hours.clone(), &[], MIDNIGHT + 1000), Some(MIDNIGHT + 48));
    assert_eq!(ends_at(hours.clone(), &[], MIDNIGHT + 47), Some(MIDNIGHT + 48));
    assert_eq!(ends_at(hours, &[], MIDNIGHT + 30), Some(MIDNIGHT + 31));
    assert_eq!(ends_at([], &[MIDNIGHT], MIDNIGHT + 3), Some(MIDNIGHT + 4));
    assert_eq!(ends_at([], &[], MIDNIGHT), None);
}

#[test]
fn a_clock_that_ran_ahead_for_a_while_costs_nothing() {
    let years_later = MIDNIGHT + 2 * 365 * 24;
    let known = MIDNIGHT..MIDNIGHT + 48;
    let with =
        |ahead: i64| ends_at(known.clone().chain(years_later..years_later + ahead), &[], years_later + 99);
    assert_eq!(with(23), Some(MIDNIGHT + 48));
    // After a day of it, the break before was a break.
    assert_eq!(with(24), Some(years_later + 24));
    let twice = known.clone().chain([years_later, years_later + 9000]);
    assert_eq!(ends_at(twice, &[], years_later + 9999), Some(MIDNIGHT + 48));
    // Where nothing shows that the clock is right, it is.
    assert_eq!(ends_at([MIDNIGHT, years_later], &[], years_later + 99), Some(years_later + 1));
    // Days count as hours do.
    let days: Vec<i64> = (0..30).map(|day| MIDNIGHT - 24 * day).collect();
    assert_eq!(ends_at([years_later], &days, years_later + 99), Some(MIDNIGHT + 24));
}

#[test]
fn what_was_done_is_said_in_words() {
    let said = |rolled_up, expired| summary(Pruned { rolled_up, expired });
    assert_eq!(said(0, 0), "nothing is older than it may be");
    assert_eq!(said(1, 0), "the hours of 1 day were added up, 0 hours and days are no longer kept");
    assert_eq!(said(0, 1), "the hours of 0 days were added up, 1 hour or day is no longer kept");
}
