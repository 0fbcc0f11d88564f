//! How much room a state takes.

use super::*;

/// Bytes of an hour of 20 series that may be stored, so that 400 days of them take less than 200 MB.
const HOUR_BYTES: usize = 19_000;
const DAYS: i64 = 400;
/// The test writes so many of them.
const WRITTEN: i64 = 20;

/// Bytes that no one can pack, of lengths that differ: pages must not happen to fit.
fn rollup(hour: i64) -> Vec<u8> {
    let mut seed = hour.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    };
    let length = HOUR_BYTES - 4000 + usize::from(next()) * 8000 / 255;
    (0..length).map(|_| next()).collect()
}

#[test]
fn four_hundred_days_take_less_than_two_hundred_megabytes() {
    let lab = Lab::new();
    let mut store = lab.open();
    for hour in 0..WRITTEN * 24 {
        let mut batch = store.begin().unwrap();
        // The hour grows, as it does with a run every few minutes.
        let whole = rollup(hour);
        for part in [whole.len() / 3, whole.len()] {
            batch.merge_hour("edge", MIDNIGHT + hour, |_, _| Ok(whole[..part].to_vec())).unwrap();
        }
        let kinds = ["lines", "records", "events", "blank", "shape", "date", "too_long", "request"];
        batch.add_counts("edge", MIDNIGHT + hour, kinds.map(|kind| (kind, 10_000))).unwrap();
        batch.commit().unwrap();
    }
    drop(store);
    let taken = std::fs::metadata(lab.database()).unwrap().len();
    let of_all = taken / WRITTEN.cast_unsigned() * DAYS.cast_unsigned();
    let payload = (0..WRITTEN * 24).map(|hour| rollup(hour).len() as u64).sum::<u64>();
    assert!(of_all < 200_000_000, "{of_all}");
    // Pages that are not full, indices and counts.
    assert!(taken < payload + payload / 6, "{taken} for {payload}");
    println!("{} bytes an hour for {} of rollup", taken / 480, payload / 480);
}
