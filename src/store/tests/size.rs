//! How much room a state takes beside what is stored in it.

use super::*;

const DAYS: i64 = 10;
/// Hours and days of 20 series and a million requests a day, top lists among them, as `rollup` encodes them.
const LARGE_HOUR: usize = 64_000;
const LARGE_DAY: usize = 101_000;

/// Bytes that nobody can pack, of lengths that differ by a fifth of `about`: pages must not happen to fit.
fn rollup(hour: i64, about: usize) -> Vec<u8> {
    let mut seed = hour.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    };
    let length = about - about / 10 + usize::from(next()) * (about / 5) / 255;
    (0..length).map(|_| next()).collect()
}

/// Bytes of rollups, and of the file that holds them, of a source with hours of `about` so many bytes.
fn measure(about: usize) -> (u64, u64) {
    let lab = Lab::new();
    let mut store = lab.open();
    let mut stored = 0;
    for hour in 0..DAYS * 24 {
        let whole = rollup(hour, about);
        stored += whole.len() as u64;
        // The hour grows, as it does with a run every few minutes.
        for part in [whole.len() / 3, whole.len()] {
            let mut batch = store.begin().unwrap();
            batch.merge_hour("edge", MIDNIGHT + hour, |_, _| Ok(whole[..part].to_vec())).unwrap();
            let kinds = ["lines", "records", "events", "blank", "shape", "date", "too_long", "request"];
            batch.add_counts("edge", MIDNIGHT + hour, kinds.map(|kind| (kind, 10_000))).unwrap();
            batch.commit().unwrap();
        }
    }
    drop(store);
    (stored, std::fs::metadata(lab.database()).unwrap().len())
}

#[test]
fn pages_indices_and_counts_add_little_to_the_rollups() {
    // From 20 series of a small site to 20 of a large one. Half a page of each rollup is lost on average.
    for (about, percent) in [(5_000, 40), (19_000, 12), (80_000, 4)] {
        let (stored, taken) = measure(about);
        assert!(taken * 100 < stored * (100 + percent), "{taken} for {stored}");
        println!(
            "{about}: {taken} bytes for {stored}, {:.1} % more",
            (taken as f64 / stored as f64 - 1.0) * 100.0
        );
    }
}

/// A tenth of it: 40 days, hours of the last 9 of them.
#[test]
fn four_hundred_days_with_ninety_of_hours_take_less_than_two_hundred_megabytes() {
    let lab = Lab::new();
    let mut store = lab.open();
    let retention = Retention { keep_hours: Some(9 * 24), keep_days: Some(40) };
    let mut large_day = |day: Period, _: Option<&[u8]>, _: &[u8]| Ok(rollup(day.start, LARGE_DAY));
    for hour in MIDNIGHT..MIDNIGHT + 40 * 24 {
        let mut batch = store.begin().unwrap();
        batch.merge_hour("edge", hour, |_, _| Ok(rollup(hour, LARGE_HOUR))).unwrap();
        batch.commit().unwrap();
        if hour % 24 == 0 {
            store.prune(retention, hour + 1, &mut large_day).unwrap();
            let dirty = store.dirty().unwrap();
            store.published(&dirty).unwrap();
        }
    }
    let spans = store.periods(i64::MIN..i64::MAX).unwrap().into_iter().map(|known| known.period.span);
    let days = spans.filter(|span| *span == Span::Day).count();
    assert_eq!(days, 30, "days that hours went to");
    drop(store);
    let taken = std::fs::metadata(lab.database()).unwrap().len();
    println!("400 days: {} MB", taken / 100_000);
    assert!(taken * 10 < 200_000_000, "{taken}");
}
