//! The series of one hour or day of one source become rows of the dataset. Merges only what has the same name in them.

use super::SourceName;
use super::figures::hour_row;
use super::groups::full_group;
use crate::rollup::{Aggregate, SeriesKey};
use logstat_reports::model::HourRow;

/// One row of each series, by site, backend and server. `start` is in Unix seconds; the whole period counts as covered.
pub(crate) fn rows<'s>(
    source: &SourceName,
    start: i64,
    span_s: u64,
    series: impl Iterator<Item = (&'s SeriesKey, &'s Aggregate)>,
) -> Vec<HourRow> {
    let mut named: Vec<_> = series.map(|(key, aggregate)| (full_group(source, key), aggregate)).collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    // Bytes that are no text are shown as a text that another name may be.
    let same = named.chunk_by(|a, b| a.0 == b.0);
    same.map(|same| match same {
        [(group, aggregate)] => hour_row(start, group, aggregate, span_s),
        _ => hour_row(start, &same[0].0, &sum(same.iter().map(|(_, aggregate)| *aggregate)), span_s),
    })
    .collect()
}

fn sum<'s>(aggregates: impl Iterator<Item = &'s Aggregate>) -> Aggregate {
    aggregates.fold(Aggregate::default(), |mut sum, aggregate| {
        sum.merge(aggregate);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::testing::stored_hour;

    #[test]
    fn names_that_look_the_same_have_one_row() {
        let hour = stored_hour(1, &[b"b", b"\xff", br"\xFF", b"a", b"\xff"]);
        assert_eq!(hour.series().count(), 4);
        let edge =
            SourceName { name: "edge".to_owned(), node: Some("n1".to_owned()), ..SourceName::default() };
        let rows = rows(&edge, 3600, 3600, hour.series());
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.group.server.as_deref().unwrap(), row.figures.requests, row.figures.covered_s))
            .collect();
        assert_eq!(told, [(r"\xFF", 3, 3600), ("a", 1, 3600), ("b", 1, 3600)]);
        assert!(rows.iter().all(|row| row.group.source == "edge" && row.group.node.is_some()));
    }
}
