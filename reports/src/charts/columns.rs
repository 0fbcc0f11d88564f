//! Adds up the hours or days of each column. A percentile is never merged: a column shows its highest row.

use super::across::Across as _;
use super::timeline::Timeline;
use crate::model::{Figures, HourRow, Step};

/// A mean over a smaller part of a row is no mean of the row, as in the hour in which a log ends with its first second.
const LEAST_PART: u64 = 60;

/// The figures of one column that the pictures use.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Column {
    pub(super) requests: u64,
    pub(super) covered_s: u64,
    pub(super) peak: u64,
    pub(super) peak_at: Option<i64>,
    /// 1xx to 5xx, then other.
    pub(super) statuses: [u64; 6],
    pub(super) bytes_sent: Option<u64>,
    /// p50, p95 and p99, milliseconds.
    pub(super) latency: Option<[f64; 3]>,
}

impl Column {
    /// One for each column of the time axis, `None` where no request was logged.
    pub(super) fn all(rows: &[HourRow], timeline: &Timeline) -> Vec<Option<Self>> {
        let mut columns = vec![None; timeline.columns()];
        for row in rows {
            if let Some(column) = timeline.column_of(row.hour) {
                columns[column].get_or_insert_with(Self::default).add(&row.figures);
            }
        }
        columns
    }

    pub(super) fn mean_per_s(&self) -> f64 {
        self.requests as f64 / self.covered_s.max(1) as f64
    }

    /// Whether the window covers enough of it for its mean to stand beside others.
    pub(super) fn has_mean(&self, step: Step) -> bool {
        self.covered_s >= step.seconds().unsigned_abs() / LEAST_PART
    }

    fn add(&mut self, figures: &Figures) {
        self.requests += figures.requests;
        self.covered_s += figures.covered_s;
        if figures.rps_peak > self.peak {
            self.peak = figures.rps_peak;
            self.peak_at = figures.rps_peak_at;
        }
        let statuses = [
            figures.status_1xx,
            figures.status_2xx,
            figures.status_3xx,
            figures.status_4xx,
            figures.status_5xx,
            figures.status_other,
        ];
        for (sum, count) in self.statuses.iter_mut().zip(statuses) {
            *sum += count;
        }
        if let Some(bytes) = figures.bytes_sent {
            self.bytes_sent = Some(self.bytes_sent.unwrap_or(0).saturating_add(bytes));
        }
        let timing = &figures.latency;
        if let (Some(p50), Some(p95), Some(p99)) = (timing.p50_ms, timing.p95_ms, timing.p99_ms) {
            let highest = self.latency.unwrap_or_default();
            self.latency = Some([p50.max(highest[0]), p95.max(highest[1]), p99.max(highest[2])]);
        }
    }
}

/// The column of the highest value above 0, the first of several.
pub(super) fn highest(values: &[Option<f64>]) -> Option<(usize, f64)> {
    let values = values.iter().enumerate().filter_map(|(column, value)| Some((column, (*value)?)));
    values.filter(|(_, value)| *value > 0.0).reduce(|best, next| if next.1 > best.1 { next } else { best })
}
