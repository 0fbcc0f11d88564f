//! Reads back what logstat itself needs of a file. Any bytes are read or refused.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use polars::prelude::{
    DataFrame, ParallelStrategy, ParquetReader, PolarsError, PolarsResult, SerReader, polars_err,
};

use super::{DatasetError, seal};

/// What a file has of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see SourcePeriod")]
pub struct StoredPeriod {
    pub source: String,
    pub tier: Option<String>,
    pub node: Option<String>,
    pub generation: u64,
    /// `None` when there was no request.
    pub rollup: Option<Vec<u8>>,
    pub lines: Vec<(String, u64)>,
}

/// What a file has, source by source, in the order of their names. Only the columns needed for it are decoded.
///
/// # Errors
/// When the file cannot be read, or is not what logstat wrote.
pub fn read(path: &Path) -> Result<Vec<StoredPeriod>, DatasetError> {
    let names = ["source", "tier", "node", "generation", "rollup", "line_kind", "line_count"];
    let table = table(path, &names, None)?;
    periods(&table).map_err(|error| DatasetError::damaged(path, &error))
}

/// A source as a file names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see SourcePeriod")]
pub struct NamedSource {
    pub source: String,
    pub tier: Option<String>,
    pub node: Option<String>,
}

/// Only which sources a file has.
///
/// # Errors
/// When the file cannot be read, or is not what logstat wrote.
pub fn sources(path: &Path) -> Result<Vec<NamedSource>, DatasetError> {
    let table = table(path, &["source", "tier", "node"], None)?;
    named(&table).map_err(|error| DatasetError::damaged(path, &error))
}

/// Only the generation of a file; 0 when it has no row.
///
/// # Errors
/// When the file cannot be read, or is not what logstat wrote.
pub fn generation(path: &Path) -> Result<u64, DatasetError> {
    let table = table(path, &["generation"], Some((0, 1)))?;
    let first = || Ok(table.column("generation")?.i64()?.iter().next().flatten());
    let first: PolarsResult<Option<i64>> = first();
    first.map(|first| first.map_or(0, unsigned)).map_err(|error| DatasetError::damaged(path, &error))
}

/// Some columns of a file that is what was written.
pub(super) fn table(
    path: &Path,
    names: &[&str],
    rows: Option<(usize, usize)>,
) -> Result<DataFrame, DatasetError> {
    let bytes = fs::read(path).map_err(|error| DatasetError::Read { path: path.to_owned(), error })?;
    // What polars is given was written by polars, so it need not be trusted with anything else.
    seal::verify(&bytes).map_err(|found| DatasetError::damaged(path, &found))?;
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    // Many files are read at a time.
    let reader = ParquetReader::new(Cursor::new(bytes)).read_parallel(ParallelStrategy::None);
    reader
        .with_columns(Some(names))
        .with_slice(rows)
        .finish()
        .map_err(|error| DatasetError::damaged(path, &error))
}

/// A text that must be there.
pub(super) fn missing(column: &str) -> PolarsError {
    polars_err!(ComputeError: "a row without {column}")
}

pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn named(table: &DataFrame) -> PolarsResult<Vec<NamedSource>> {
    let column = |name: &str| table.column(name)?.str();
    let (sources, tiers, nodes) = (column("source")?, column("tier")?, column("node")?);
    let mut named = Vec::new();
    for row in 0..table.height() {
        named.push(NamedSource {
            source: sources.get(row).ok_or_else(|| missing("source"))?.to_owned(),
            tier: tiers.get(row).map(str::to_owned),
            node: nodes.get(row).map(str::to_owned),
        });
    }
    // The rows of a source stand together.
    named.dedup();
    Ok(named)
}

fn periods(table: &DataFrame) -> PolarsResult<Vec<StoredPeriod>> {
    let (sources, tiers, nodes) =
        (table.column("source")?.str()?, table.column("tier")?.str()?, table.column("node")?.str()?);
    let (generations, rollups) = (table.column("generation")?.i64()?, table.column("rollup")?.binary()?);
    let (kinds, counts) = (table.column("line_kind")?.list()?, table.column("line_count")?.list()?);
    let mut periods = Vec::new();
    for row in 0..table.height() {
        let (Some(kinds), Some(counts)) = (kinds.get_as_series(row), counts.get_as_series(row)) else {
            continue;
        };
        let lines = kinds.str()?.iter().zip(counts.i64()?.iter());
        periods.push(StoredPeriod {
            source: sources.get(row).ok_or_else(|| missing("source"))?.to_owned(),
            tier: tiers.get(row).map(str::to_owned),
            node: nodes.get(row).map(str::to_owned),
            generation: generations.get(row).map(unsigned).ok_or_else(|| missing("generation"))?,
            rollup: rollups.get(row).map(<[u8]>::to_vec),
            lines: lines.filter_map(|(kind, count)| Some((kind?.to_owned(), unsigned(count?)))).collect(),
        });
    }
    Ok(periods)
}
