//! What the proxies of a node said: one row per source, whose bytes only logstat reads.

use std::path::Path;

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::DatasetError;
use super::decode::{missing, table};
use super::encode::{origin, sealed};

/// What the proxies of one source said, encoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct SourceEvents {
    pub source: String,
    pub events: Vec<u8>,
}

/// The events of a node as Parquet, in the order given.
///
/// # Errors
/// When polars refuses the table.
pub fn events_parquet(
    sources: &[SourceEvents],
    node_id: &str,
    generation: u64,
) -> Result<Vec<u8>, DatasetError> {
    let names: Vec<&str> = sources.iter().map(|source| source.source.as_str()).collect();
    let events: Vec<&[u8]> = sources.iter().map(|source| source.events.as_slice()).collect();
    let mut columns = vec![Column::new("source".into(), names)];
    columns.extend(origin(sources.len(), node_id, generation));
    columns.push(Column::new("events".into(), events));
    sealed(DataFrame::new(sources.len(), columns)).map_err(DatasetError::Encode)
}

/// Reads what [`events_parquet`] made.
///
/// # Errors
/// When the file cannot be read, or is not what logstat wrote.
pub fn read_events(path: &Path) -> Result<Vec<SourceEvents>, DatasetError> {
    let table = table(path, &["source", "events"], None)?;
    rows(&table).map_err(|error| DatasetError::damaged(path, &error))
}

fn rows(table: &DataFrame) -> PolarsResult<Vec<SourceEvents>> {
    let (sources, events) = (table.column("source")?.str()?, table.column("events")?.binary()?);
    let row = |(source, events): (Option<&str>, Option<&[u8]>)| {
        let source = source.ok_or_else(|| missing("source"))?.to_owned();
        Ok(SourceEvents { source, events: events.ok_or_else(|| missing("events"))?.to_vec() })
    };
    sources.iter().zip(events.iter()).map(row).collect()
}
