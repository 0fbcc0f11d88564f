//! The files of a dataset: one hour or day of one node each, for every program that reads Parquet, and for logstat
//! itself, which adds up the rollups in them. Knows neither where files lie nor what a rollup means.
//!
//! The column that says when a row begins is `start`: the files lie in folders `date=…/hour=…`, and readers that take
//! these for columns would put `hour` over one of that name, or refuse the dataset.

mod decode;
mod encode;
mod error;
mod events;
mod seal;
#[cfg(test)]
mod tests;

pub use decode::{NamedSource, StoredPeriod, generation, read, sources};
pub use encode::{csv, parquet};
pub use error::DatasetError;
pub use events::{SourceEvents, events_parquet, read_events};

use crate::model::HourRow;

/// One hour or day of one node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PeriodFile {
    /// When it begins, Unix seconds.
    pub start: i64,
    /// Its length in seconds, which counts as covered whole: a file must not depend on when it was written.
    pub span_s: u64,
    /// The state that it is from.
    pub node_id: String,
    /// Of several files of the same node and period, the one with the highest counts.
    pub generation: u64,
    /// By name.
    pub sources: Vec<SourcePeriod>,
}

/// What one source has of it.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs)]
pub struct SourcePeriod {
    pub source: String,
    pub tier: Option<String>,
    pub node: Option<String>,
    /// One of each series, by site, backend and server; empty when there was no request.
    pub rows: Vec<HourRow>,
    /// All of it in a form that merges; empty when there was no request.
    pub rollup: Vec<u8>,
    /// What became of the lines, by kind.
    pub lines: Vec<(String, u64)>,
}
