//! `hourly.parquet`: the columns of `hourly.csv` typed, and the mergeable parts beside them. The same rows always give
//! the same bytes.

use polars::prelude::{
    Column, CompatLevel, DataFrame, DataType, IntoColumn, IntoSeries, KeyValueMetadata, ListBuilderTrait,
    ListPrimitiveChunkedBuilder, ListStringChunkedBuilder, ParquetCompression, ParquetWriter, PolarsError,
    PolarsResult, SchemaExt, TimeUnit, TimeZone,
};
use polars_parquet::write::{ZstdLevel, schema_to_metadata_key};

use crate::columns::{COLUMNS, Get, TIMINGS};
use crate::model::{By, Figures, HourRow, Report};

/// Rows of a row group at most, as polars writes them by default.
const MAX_GROUP: usize = 512 * 512;

/// The hours cannot be encoded.
#[derive(Debug, thiserror::Error)]
#[error("hourly.parquet: the table cannot be encoded")]
pub struct ParquetError(#[from] PolarsError);

/// `hourly.parquet`: one row per hour and group, as `report.hours` has them; names as logged, without the `'` that
/// CSV cells may carry.
///
/// Beside the columns of `hourly.csv` it has, as parallel lists, the histograms (`latency_bucket` and `latency_count`,
/// the same for the other times), the status codes, the seconds, cache and termination states; as numbers the exact
/// sums (`latency_sum_us`) and how many values were not whole milliseconds (`latency_sub_ms`); and the sketch of
/// clients.
///
/// # Errors
/// When polars refuses the table.
pub fn hourly(report: &Report) -> Result<Vec<u8>, ParquetError> {
    let rows: Vec<&HourRow> = report.hours.iter().collect();
    let columns = columns(&rows, "hour", &report.by)?;
    let mut table = DataFrame::new(rows.len(), columns)?;
    let mut bytes = Vec::new();
    writer(&mut bytes, &table).finish(&mut table)?;
    Ok(bytes)
}

/// Zstandard, in groups of as many rows as the table has.
pub(crate) fn writer<'b>(bytes: &'b mut Vec<u8>, table: &DataFrame) -> ParquetWriter<&'b mut Vec<u8>> {
    // A group of exactly these rows spares polars a copy, and megabytes of zeros with it.
    let group = table.height().clamp(1, MAX_GROUP);
    ParquetWriter::new(bytes)
        .with_row_group_size(Some(group))
        .with_key_value_metadata(Some(arrow_schema(table)))
        // The fastest level: polars' own makes files a few percent smaller, for twice the time.
        .with_compression(ParquetCompression::Zstd(ZstdLevel::try_new(1).ok()))
}

/// What a row is about, its figures and the mergeable parts; `start` names the column of the rows' starts.
pub(crate) fn columns(rows: &[&HourRow], start: &str, by: &[By]) -> PolarsResult<Vec<Column>> {
    let mut columns = names(rows, start, by)?;
    columns.extend(COLUMNS.iter().map(|column| figures(rows, column.name, column.get)));
    columns.push(counts(rows, "redispatches", |figures| figures.redispatches));
    columns.extend(mergeable_parts(rows));
    Ok(columns)
}

/// The schema that Arrow's readers follow, in its old types: pandas cannot convert lists of string views.
fn arrow_schema(table: &DataFrame) -> KeyValueMetadata {
    let schema = table.schema().to_arrow(CompatLevel::oldest());
    KeyValueMetadata::Static(vec![schema_to_metadata_key(&schema)])
}

fn names(rows: &[&HourRow], start: &str, by: &[By]) -> PolarsResult<Vec<Column>> {
    let starts: Vec<i64> = rows.iter().map(|row| row.hour.saturating_mul(1_000_000)).collect();
    let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
    let start = Column::new(start.into(), starts).cast(&utc)?;
    let sources: Vec<&str> = rows.iter().map(|row| row.group.source.as_str()).collect();
    let mut columns = vec![start, Column::new("source".into(), sources)];
    for by in by {
        let values: Vec<Option<&str>> = rows.iter().map(|row| by.value(&row.group)).collect();
        columns.push(Column::new(by.name().into(), values));
    }
    Ok(columns)
}

fn figures(rows: &[&HourRow], name: &str, get: Get) -> Column {
    match get {
        Get::Count(get) => counts(rows, name, get),
        Get::Rate(get) => floats(rows, name, |figures| Some(get(figures))),
        Get::Millis(get) => floats(rows, name, get),
    }
}

fn counts(rows: &[&HourRow], name: &str, get: impl Fn(&Figures) -> Option<u64>) -> Column {
    let values: Vec<Option<i64>> = rows.iter().map(|row| get(&row.figures).map(signed)).collect();
    Column::new(name.into(), values)
}

fn floats(rows: &[&HourRow], name: &str, get: impl Fn(&Figures) -> Option<f64>) -> Column {
    let values: Vec<Option<f64>> = rows.iter().map(|row| get(&row.figures)).collect();
    Column::new(name.into(), values)
}

fn mergeable_parts(rows: &[&HourRow]) -> Vec<Column> {
    let mut columns = Vec::new();
    for (name, timing) in TIMINGS {
        columns.push(counts(rows, &format!("{name}_sum_us"), |figures| Some(timing(figures).sum_us)));
        columns.push(counts(rows, &format!("{name}_sub_ms"), |figures| Some(timing(figures).sub_ms)));
        columns.extend(numbered(rows, [&format!("{name}_bucket"), &format!("{name}_count")], |figures| {
            timing(figures).buckets.iter().map(|&(bucket, count)| (u64::from(bucket), count))
        }));
    }
    columns.extend(numbered(rows, ["status_code", "status_count"], |figures| {
        figures.status_codes.iter().map(|&(code, count)| (u64::from(code), count))
    }));
    columns.extend(numbered(rows, ["second", "second_count"], |figures| {
        figures.seconds.iter().map(|&(second, count)| (u64::from(second), count))
    }));
    columns.extend(named(rows, ["cache_state", "cache_count"], |figures| &figures.cache_states));
    columns.extend(named(rows, ["termination", "termination_count"], |figures| &figures.terminations));
    let sketches: Vec<&[u8]> = rows.iter().map(|row| row.figures.clients_sketch.as_slice()).collect();
    columns.push(Column::new("clients_sketch".into(), sketches));
    columns
}

/// Parallel lists of numbers and their counts.
fn numbered<'a, I: Iterator<Item = (u64, u64)>>(
    rows: &[&'a HourRow],
    names: [&str; 2],
    pairs: impl Fn(&'a Figures) -> I,
) -> [Column; 2] {
    let keys = lists(rows, names[0], |figures| pairs(figures).map(|(key, _)| key).collect());
    [keys, lists(rows, names[1], |figures| pairs(figures).map(|(_, count)| count).collect())]
}

/// Parallel lists of names and their counts.
fn named(rows: &[&HourRow], names: [&str; 2], pairs: fn(&Figures) -> &Vec<(String, u64)>) -> [Column; 2] {
    let mut keys = ListStringChunkedBuilder::new(names[0].into(), rows.len(), rows.len());
    rows.iter()
        .for_each(|row| keys.append_values_iter(pairs(&row.figures).iter().map(|(name, _)| name.as_str())));
    let counts = lists(rows, names[1], |figures| pairs(figures).iter().map(|&(_, count)| count).collect());
    [keys.finish().into_series().into_column(), counts]
}

fn lists<'a>(rows: &[&'a HourRow], name: &str, values: impl Fn(&'a Figures) -> Vec<u64>) -> Column {
    let mut builder = ListPrimitiveChunkedBuilder::<polars::prelude::Int64Type>::new(
        name.into(),
        rows.len(),
        rows.len(),
        DataType::Int64,
    );
    for row in rows {
        builder.append_values_iter(values(&row.figures).into_iter().map(signed));
    }
    builder.finish().into_series().into_column()
}

/// Parquet's plain integers are signed, and not every reader knows the others.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
