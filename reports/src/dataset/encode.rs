//! One period to bytes. The same period always gives the same bytes.

use std::borrow::Cow;

use polars::prelude::{
    Column, DataFrame, IntoColumn, IntoSeries, ListBuilderTrait, ListPrimitiveChunkedBuilder,
    ListStringChunkedBuilder, PolarsResult, StatisticsOptions,
};

use super::{DatasetError, PeriodFile, SourcePeriod, seal};
use crate::model::{By, Figures, Group, HourRow};
use crate::parquet::{columns, signed, writer};

/// The columns that say what a row is about, besides its start and its source.
const BY: [By; 5] = [By::Site, By::Backend, By::Server, By::Tier, By::Node];

/// The period as Parquet, rows by source, site, backend and server.
///
/// After the columns of `hourly.parquet` come `node_id` and `generation`, and three that only the first row of each
/// source has: `rollup`, and as parallel lists `line_kind` and `line_count`. A source without any request has one row
/// of none.
///
/// # Errors
/// When polars refuses the table.
pub fn parquet(period: &PeriodFile) -> Result<Vec<u8>, DatasetError> {
    let rows = rows(period);
    let borrowed: Vec<&HourRow> = rows.iter().map(|(_, row)| &**row).collect();
    let first: Vec<Option<&SourcePeriod>> = rows.iter().map(|(first, _)| *first).collect();
    let table = columns(&borrowed, "start", &BY).and_then(|mut columns| {
        columns.extend(origin(rows.len(), &period.node_id, period.generation));
        columns.extend(own_columns(&first));
        DataFrame::new(rows.len(), columns)
    });
    sealed(table).map_err(DatasetError::Encode)
}

/// The period as CSV: the figures of [`parquet()`], in the form of `hourly.csv`.
#[must_use]
pub fn csv(period: &PeriodFile) -> Vec<u8> {
    crate::csv::rows(rows(period).iter().map(|(_, row)| &**row), "start", &BY)
}

/// The bytes of a table with a seal.
pub(super) fn sealed(table: PolarsResult<DataFrame>) -> PolarsResult<Vec<u8>> {
    let mut table = table?;
    let mut bytes = Vec::new();
    // Whoever looks for some hours finds them by their folders; bounds of 80 columns would be a third of small files.
    let writer = writer(&mut bytes, &table).with_statistics(StatisticsOptions::empty());
    // Many periods are encoded at a time.
    writer.set_parallel(false).finish(&mut table)?;
    Ok(seal::seal(bytes))
}

/// Where the rows are from.
pub(super) fn origin(rows: usize, node_id: &str, generation: u64) -> [Column; 2] {
    [
        Column::new("node_id".into(), vec![node_id; rows]),
        Column::new("generation".into(), vec![signed(generation); rows]),
    ]
}

/// Each row, and its source where it is the source's first.
fn rows(period: &PeriodFile) -> Vec<(Option<&SourcePeriod>, Cow<'_, HourRow>)> {
    let mut rows = Vec::new();
    for source in &period.sources {
        let first = rows.len();
        rows.extend(source.rows.iter().map(|row| (None, Cow::Borrowed(row))));
        if source.rows.is_empty() {
            rows.push((None, Cow::Owned(no_request(period, source))));
        }
        rows[first].0 = Some(source);
    }
    rows
}

fn no_request(period: &PeriodFile, source: &SourcePeriod) -> HourRow {
    let SourcePeriod { source, tier, node, .. } = source.clone();
    let figures = Figures { covered_s: period.span_s, ..Figures::default() };
    HourRow { hour: period.start, group: Group { source, tier, node, ..Group::default() }, figures }
}

/// What only logstat reads.
fn own_columns(first: &[Option<&SourcePeriod>]) -> [Column; 3] {
    let rollup = |source: &Option<&'_ SourcePeriod>| -> Option<Vec<u8>> {
        source.map(|source| source.rollup.clone()).filter(|rollup| !rollup.is_empty())
    };
    let rollups: Vec<Option<Vec<u8>>> = first.iter().map(rollup).collect();
    let mut kinds = ListStringChunkedBuilder::new("line_kind".into(), first.len(), first.len());
    let mut counts = ListPrimitiveChunkedBuilder::<polars::prelude::Int64Type>::new(
        "line_count".into(),
        first.len(),
        first.len(),
        polars::prelude::DataType::Int64,
    );
    for source in first {
        match source {
            Some(source) => {
                kinds.append_values_iter(source.lines.iter().map(|(kind, _)| kind.as_str()));
                counts.append_values_iter(source.lines.iter().map(|(_, count)| signed(*count)));
            }
            None => {
                kinds.append_null();
                counts.append_null();
            }
        }
    }
    [
        Column::new("rollup".into(), rollups),
        kinds.finish().into_series().into_column(),
        counts.finish().into_series().into_column(),
    ]
}
