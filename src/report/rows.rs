//! The series of one hour or day of one source become rows of the dataset. Merges only what has the same name in them.

use super::figures::hour_row;
use crate::rollup::{Aggregate, SeriesKey};
use logstat_reports::model::{Group, HourRow};
use logstat_reports::text::printable;

/// One row of each series, by site, backend and server. `source` is what they share, `start` the start in Unix
/// seconds; the whole period counts as covered.
pub(crate) fn rows<'s>(
    source: &Group,
    start: i64,
    span_s: u64,
    series: impl Iterator<Item = (&'s SeriesKey, &'s Aggregate)>,
) -> Vec<HourRow> {
    let mut named: Vec<_> = series.map(|(key, aggregate)| (group(source, key), aggregate)).collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    // Bytes that are no text are shown as a text that another name may be.
    let same = named.chunk_by(|a, b| a.0 == b.0);
    same.map(|same| match same {
        [(group, aggregate)] => hour_row(start, group, aggregate, span_s),
        _ => hour_row(start, &same[0].0, &sum(same.iter().map(|(_, aggregate)| *aggregate)), span_s),
    })
    .collect()
}

fn group(source: &Group, key: &SeriesKey) -> Group {
    let parts = key.dimensions();
    let text = |part: Option<&[u8]>| part.map(printable);
    Group {
        site: text(parts.site),
        backend: text(parts.backend),
        server: text(parts.server),
        ..source.clone()
    }
}

fn sum<'s>(aggregates: impl Iterator<Item = &'s Aggregate>) -> Aggregate {
    let mut sum = Aggregate::default();
    for aggregate in aggregates {
        sum.merge(aggregate);
        sum.peak = sum.peak.max(aggregate.peak);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::testing::stored_hour;

    #[test]
    fn names_that_look_the_same_have_one_row() {
        let hour = stored_hour(1, &[b"b", b"\xff", br"\xFF", b"a", b"\xff"]);
        assert_eq!(hour.series().count(), 4);
        let edge = Group { source: "edge".to_owned(), node: Some("n1".to_owned()), ..Group::default() };
        let rows = rows(&edge, 3600, 3600, hour.series());
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.group.server.as_deref().unwrap(), row.figures.requests, row.figures.covered_s))
            .collect();
        assert_eq!(told, [(r"\xFF", 3, 3600), ("a", 1, 3600), ("b", 1, 3600)]);
        assert!(rows.iter().all(|row| row.group.source == "edge" && row.group.node.is_some()));
    }
}
