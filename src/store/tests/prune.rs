//! What becomes of old hours and days.

use super::*;
use proptest::prelude::*;

const DAYS_AND_HOURS: Retention = Retention { keep_hours: Some(48), keep_days: Some(10) };

fn day(start: i64) -> Period {
    Period::day_of(start)
}

#[test]
fn whole_days_of_old_hours_become_days() {
    let lab = Lab::new();
    let mut store = lab.open();
    let mut batch = store.begin().unwrap();
    for hour in MIDNIGHT..MIDNIGHT + 24 {
        batch.merge_hour("edge", hour, grow(1)).unwrap();
        batch.merge_hour("app", hour, grow(100)).unwrap();
        batch.add_counts("edge", hour, [("records", 1), ("rejects", 2)]).unwrap();
    }
    batch.merge_hour("edge", MIDNIGHT + 24, grow(7)).unwrap();
    batch.commit().unwrap();
    // 48 hours before this is in the middle of the first day.
    let prune = |store: &mut Store, end| store.prune(DAYS_AND_HOURS, end, &mut add_up).unwrap();
    assert_eq!(prune(&mut store, MIDNIGHT + 71), Pruned::default());
    assert_eq!(prune(&mut store, MIDNIGHT + 72), Pruned { rolled_up: 1, expired: 0 });
    assert_eq!(prune(&mut store, MIDNIGHT + 72), Pruned::default());
    let kept: Vec<_> = sums(&store).into_iter().filter(|(_, sum)| *sum > 0).collect();
    assert_eq!(kept, [(day(MIDNIGHT), 24 * 101), (Period::hour(MIDNIGHT + 24), 7)]);
    let counts: Vec<_> = store.counts("edge", MIDNIGHT..MIDNIGHT + 24).unwrap().into_iter().collect();
    assert_eq!(counts, [("records".to_owned(), 24), ("rejects".to_owned(), 48)]);
}

#[test]
fn what_is_gone_is_published_as_gone_and_then_forgotten() {
    let lab = Lab::new();
    let mut store = lab.open();
    commit_hour(&mut store, MIDNIGHT + 3, 1);
    let first = store.dirty().unwrap();
    store.published(&first).unwrap();
    store.prune(DAYS_AND_HOURS, MIDNIGHT + 72, &mut add_up).unwrap();
    let rolled_up = store.dirty().unwrap();
    let hour = Dirty { period: Period::hour(MIDNIGHT + 3), generation: 2, gone: true };
    assert_eq!(rolled_up, [Dirty { period: day(MIDNIGHT), generation: 1, gone: false }, hour]);
    assert_eq!(store.published(&rolled_up).unwrap(), 2);
    assert_eq!(sums(&store), [(day(MIDNIGHT), 1)]);

    let pruned = store.prune(DAYS_AND_HOURS, MIDNIGHT + 24 * 11, &mut add_up).unwrap();
    assert_eq!(pruned, Pruned { rolled_up: 0, expired: 1 });
    let expired = store.dirty().unwrap();
    assert_eq!(expired, [Dirty { period: day(MIDNIGHT), generation: 2, gone: true }]);
    assert_eq!(store.published(&expired).unwrap(), 1);
    assert_eq!(sums(&store), []);
}

#[test]
fn a_late_line_goes_to_the_day_that_its_hour_went_to_or_nowhere() {
    let lab = Lab::new();
    let mut store = lab.open();
    commit_hour(&mut store, MIDNIGHT + 3, 1);
    store.prune(DAYS_AND_HOURS, MIDNIGHT + 24 * 5, &mut add_up).unwrap();
    assert_eq!(commit_hour(&mut store, MIDNIGHT + 3, 10), Landed::In(day(MIDNIGHT)));
    // A day without any request has ended as well.
    assert_eq!(commit_hour(&mut store, MIDNIGHT + 71, 20), Landed::In(day(MIDNIGHT + 48)));
    assert_eq!(commit_hour(&mut store, MIDNIGHT + 72, 30), Landed::In(Period::hour(MIDNIGHT + 72)));
    let late: Vec<_> = sums(&store).into_iter().filter(|(_, sum)| *sum > 0).collect();
    let wanted = [(day(MIDNIGHT), 11), (day(MIDNIGHT + 48), 20), (Period::hour(MIDNIGHT + 72), 30)];
    assert_eq!(late, wanted);

    store.prune(DAYS_AND_HOURS, MIDNIGHT + 24 * 11, &mut add_up).unwrap();
    assert_eq!(commit_hour(&mut store, MIDNIGHT + 23, 40), Landed::Expired);
    let mut batch = store.begin().unwrap();
    assert_eq!(batch.add_counts("edge", MIDNIGHT, [("records", 1)]).unwrap(), Landed::Expired);
    batch.commit().unwrap();
    let late: Vec<_> = sums(&store).into_iter().filter(|(_, sum)| *sum > 0).collect();
    assert_eq!(late, [(day(MIDNIGHT + 48), 20), (day(MIDNIGHT + 72), 30)]);
}

#[test]
fn the_hours_of_a_day_are_merged_in_order() {
    let lab = Lab::new();
    let mut store = lab.open();
    for hour in [5, 1, 3] {
        let mut batch = store.begin().unwrap();
        batch.merge_hour("edge", MIDNIGHT + hour, |_, _| Ok(hour.to_string().into_bytes())).unwrap();
        batch.commit().unwrap();
    }
    let mut told = |day: Period, sum: Option<&[u8]>, hour: &[u8]| {
        let before = sum.map_or_else(|| day.to_string().into_bytes(), <[u8]>::to_vec);
        Ok([before.as_slice(), b"+", hour].concat())
    };
    store.prune(DAYS_AND_HOURS, MIDNIGHT + 72, &mut told).unwrap();
    assert_eq!(store.rollups(day(MIDNIGHT)).unwrap()[0].bytes, b"2026-11-20+1+3+5");
    // What is late is told that it is a day which it is added to.
    let mut batch = store.begin().unwrap();
    let late = |period: Period, stored: Option<&[u8]>| {
        assert_eq!((period, stored), (day(MIDNIGHT), Some(b"2026-11-20+1+3+5".as_slice())));
        Ok(b"2026-11-20+1+3+5+2".to_vec())
    };
    batch.merge_hour("edge", MIDNIGHT + 2, late).unwrap();
    batch.commit().unwrap();
    assert_eq!(store.rollups(day(MIDNIGHT)).unwrap()[0].bytes, b"2026-11-20+1+3+5+2");
}

#[test]
fn a_merge_that_fails_leaves_the_day_as_it_was() {
    let lab = Lab::new();
    let mut store = lab.open();
    for hour in 0..48 {
        commit_hour(&mut store, MIDNIGHT + hour, 1);
    }
    let mut merges = 0;
    let mut failing = |day: Period, sum: Option<&[u8]>, hour: &[u8]| {
        merges += 1;
        if merges == 30 { Err("unknown version 9".into()) } else { add_up(day, sum, hour) }
    };
    let error = store.prune(DAYS_AND_HOURS, MIDNIGHT + 24 * 5, &mut failing).unwrap_err();
    assert!(error.to_string().contains("edge: 2026-11-21: cannot be merged: unknown version 9"), "{error}");
    let total = |store: &Store| sums(store).iter().map(|(_, sum)| sum).sum::<u64>();
    assert_eq!(total(&store), 48);
    assert_eq!(store.prune(DAYS_AND_HOURS, MIDNIGHT + 24 * 5, &mut add_up).unwrap().rolled_up, 1);
    assert_eq!(total(&store), 48);
}

#[test]
fn space_is_given_back() {
    let lab = Lab::new();
    let mut store = lab.open();
    for hour in 0..240 {
        let mut batch = store.begin().unwrap();
        batch.merge_hour("edge", MIDNIGHT + hour, |_, _| Ok(vec![1; 20_000])).unwrap();
        batch.commit().unwrap();
    }
    let size = |store: Store| {
        drop(store);
        std::fs::metadata(lab.database()).unwrap().len()
    };
    let before = size(store);
    let mut store = lab.open();
    store.prune(DAYS_AND_HOURS, MIDNIGHT + 240, &mut |_, _, hour| Ok(hour.to_vec())).unwrap();
    store.check().unwrap();
    let after = size(store);
    // 48 hours and 8 days are left.
    assert!(before > 4_800_000 && after < 1_300_000, "{before} {after}");
}

/// What happens to a state.
#[derive(Debug, Clone)]
enum Act {
    Commit(Vec<(i64, u64)>),
    Drop(Vec<(i64, u64)>),
    Prune { keep_hours: u32, keep_days: u32, end: i64 },
    Publish,
}

fn act() -> impl Strategy<Value = Act> {
    let lines = prop::collection::vec((0..24 * 12_i64, 1..100_u64), 0..8);
    prop_oneof![
        4 => lines.clone().prop_map(Act::Commit),
        1 => lines.prop_map(Act::Drop),
        2 => (0..100_u32, 0..12_u32, 0..24 * 14_i64)
            .prop_map(|(keep_hours, keep_days, end)| Act::Prune { keep_hours, keep_days, end }),
        1 => Just(Act::Publish),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// Whatever is done: each hour's lines are in one place, once, or their day has expired.
    #[test]
    fn nothing_is_lost_or_doubled(acts in prop::collection::vec(act(), 1..24)) {
        let lab = Lab::new();
        let mut store = lab.open();
        let (mut hours, mut rolled, mut expired) = (BTreeMap::<i64, u64>::new(), i64::MIN, i64::MIN);
        for act in acts {
            match act {
                Act::Commit(ref lines) | Act::Drop(ref lines) => {
                    let kept = matches!(act, Act::Commit(_));
                    let mut batch = store.begin().unwrap();
                    for &(hour, number) in lines {
                        let landed = batch.merge_hour("edge", MIDNIGHT + hour, grow(number)).unwrap();
                        prop_assert_eq!(landed == Landed::Expired, hour < expired);
                        if kept && hour >= expired {
                            *hours.entry(hour).or_default() += number;
                        }
                    }
                    if kept { batch.commit().unwrap() } else { drop(batch) }
                }
                Act::Prune { keep_hours, keep_days, end } => {
                    let retention = Retention { keep_hours: Some(keep_hours), keep_days: Some(keep_days) };
                    store.prune(retention, MIDNIGHT + end, &mut add_up).unwrap();
                    rolled = rolled.max((end - i64::from(keep_hours)).div_euclid(24) * 24);
                    expired = expired.max((end - i64::from(keep_days) * 24).div_euclid(24) * 24);
                    hours.retain(|hour, _| *hour >= expired);
                }
                Act::Publish => {
                    let dirty = store.dirty().unwrap();
                    prop_assert_eq!(store.published(&dirty).unwrap(), dirty.len());
                    prop_assert!(store.dirty().unwrap().is_empty());
                }
            }
        }
        let mut wanted = BTreeMap::<Period, u64>::new();
        for (hour, number) in hours {
            let at = MIDNIGHT + hour;
            let period = if hour < rolled { Period::day_of(at) } else { Period::hour(at) };
            *wanted.entry(period).or_default() += number;
        }
        let found: BTreeMap<_, _> = sums(&store).into_iter().filter(|(_, sum)| *sum > 0).collect();
        prop_assert_eq!(found, wanted);
        store.check().unwrap();
    }
}
