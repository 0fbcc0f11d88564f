//! Log-linear histogram of microseconds: 256 buckets per power of two. Merging is integer addition.

/// Values from here on share the last bucket: 814 days.
const LIMIT_US: u64 = (1 << 46) - 1;

/// Bucket of a time in microseconds. Below 512 µs each value has its own.
#[must_use]
#[inline]
pub const fn bucket(us: u64) -> u32 {
    let us = if us > LIMIT_US { LIMIT_US } else { us };
    let shift = (63 - (us | 1).leading_zeros()).saturating_sub(8);
    // 46 bits need at most 38 shifts of 256 buckets each, which fits easily.
    shift * 256 + (us >> shift) as u32
}

/// Smallest and largest time of a bucket, microseconds.
#[must_use]
pub const fn bucket_bounds(bucket: u32) -> (u64, u64) {
    let shift = if bucket < 512 { 0 } else { bucket / 256 - 1 };
    let low = ((bucket - shift * 256) as u64) << shift;
    (low, low + (1 << shift) - 1)
}

/// A distribution of times: exact count, sum and maximum; percentiles within 0.2 %.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many values.
    pub n: u64,
    /// Their exact sum, microseconds.
    pub sum_us: u64,
    /// The exact largest, microseconds.
    pub max_us: u64,
    /// How many are not whole milliseconds.
    pub sub_ms: u64,
    /// (bucket, count), ascending.
    pub buckets: Vec<(u32, u64)>,
}

impl Histogram {
    /// Nearest-rank percentile in microseconds: the smallest value with at least `percent` % of the values at or
    /// below it, within 0.2 %; exact below 262 ms where all values are whole milliseconds. `None` without values.
    #[must_use]
    pub fn percentile_us(&self, percent: u64) -> Option<u64> {
        let rank = u64::try_from((u128::from(self.n) * u128::from(percent)).div_ceil(100)).ok()?.max(1);
        let mut seen = 0;
        let (bucket, _) = self.buckets.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        })?;
        // The last rank is the maximum, which is known exactly.
        Some(if rank == self.n { self.max_us } else { self.representative_us(*bucket).min(self.max_us) })
    }

    /// The exact mean in microseconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a mean needs no more than 52 bits")]
    pub fn mean_us(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum_us as f64 / self.n as f64)
    }

    fn representative_us(&self, bucket: u32) -> u64 {
        let (low, high) = bucket_bounds(bucket);
        let middle = low + (high - low) / 2;
        if self.sub_ms > 0 {
            return middle;
        }
        // All values are whole milliseconds: where the bucket holds but one, it is that one.
        let first = low.div_ceil(1000) * 1000;
        if (low..=high).contains(&first) && first + 1000 > high { first } else { middle }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_time_lies_in_its_bucket(us in 0..LIMIT_US) {
            let (low, high) = bucket_bounds(bucket(us));
            prop_assert!((low..=high).contains(&us));
            prop_assert!(high - low <= us / 256);
        }

        #[test]
        fn buckets_are_in_order(us in 0..LIMIT_US) {
            prop_assert!(bucket(us) <= bucket(us + 1));
            prop_assert!(bucket(us + 1) - bucket(us) <= 1);
        }

        #[test]
        fn percentiles_are_within_two_per_mille(mut values in prop::collection::vec(0..40_000_000u64, 1..400)) {
            let histogram = histogram_of(&values);
            values.sort_unstable();
            for percent in [0, 1, 50, 90, 95, 99, 100] {
                let exact = nearest_rank(&values, percent);
                let estimate = histogram.percentile_us(percent).unwrap();
                prop_assert!(estimate.abs_diff(exact) as f64 <= exact as f64 * 0.002, "{estimate} for {exact}");
            }
        }

        #[test]
        fn whole_milliseconds_come_back_exactly_below_a_quarter_of_a_second(
            mut values in prop::collection::vec((0..262u64).prop_map(|ms| ms * 1000), 1..400)
        ) {
            let histogram = histogram_of(&values);
            values.sort_unstable();
            for percent in 0..=100 {
                prop_assert_eq!(histogram.percentile_us(percent), Some(nearest_rank(&values, percent)));
            }
        }

        #[test]
        fn whole_milliseconds_are_within_two_per_mille(mut values in prop::collection::vec((0..9000u64).prop_map(|ms| ms * 1000), 1..40)) {
            let histogram = histogram_of(&values);
            values.sort_unstable();
            for percent in 0..=100 {
                let exact = nearest_rank(&values, percent);
                let estimate = histogram.percentile_us(percent).unwrap();
                prop_assert!(estimate.abs_diff(exact) as f64 <= exact as f64 * 0.002, "{estimate} for {exact}");
            }
        }

        #[test]
        fn agrees_with_hdrhistogram(values in prop::collection::vec(1..40_000_000u64, 1..400)) {
            let histogram = histogram_of(&values);
            let mut oracle = hdrhistogram::Histogram::<u64>::new(4).unwrap();
            for value in &values {
                oracle.record(*value).unwrap();
            }
            for percent in [50, 90, 95, 99] {
                let estimate = histogram.percentile_us(percent).unwrap() as f64;
                let expected = oracle.value_at_quantile(percent as f64 / 100.0) as f64;
                prop_assert!((estimate - expected).abs() <= expected * 0.0022 + 1.0, "{estimate} for {expected}");
            }
        }
    }

    fn histogram_of(values: &[u64]) -> Histogram {
        let mut counts = std::collections::BTreeMap::new();
        for value in values {
            *counts.entry(bucket(*value)).or_insert(0) += 1;
        }
        Histogram {
            n: values.len() as u64,
            sum_us: values.iter().sum(),
            max_us: *values.iter().max().unwrap(),
            sub_ms: values.iter().filter(|us| **us % 1000 != 0).count() as u64,
            buckets: counts.into_iter().collect(),
        }
    }

    fn nearest_rank(sorted: &[u64], percent: u64) -> u64 {
        let rank = (sorted.len() as u64 * percent).div_ceil(100).max(1);
        sorted[rank as usize - 1]
    }

    #[test]
    fn a_day_keeps_its_second() {
        let (low, high) = bucket_bounds(bucket(86_400_000_000));
        assert!(high - low < 86_400_000_000 / 256);
        assert_eq!(bucket(u64::MAX), bucket(LIMIT_US));
    }

    #[test]
    fn no_values_no_percentile() {
        assert_eq!(Histogram::default().percentile_us(95), None);
        assert_eq!(Histogram::default().mean_us(), None);
    }
}
