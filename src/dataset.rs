//! The published hours and days of one or several nodes: where they lie, which of several copies count, and what they
//! add up to in a window. Writes nothing.
//!
//! ```text
//! hours/date=2026-11-20/hour=13/node-<id>.parquet    one hour of one node
//! days/date=2026-08-01/node-<id>.parquet             the hours of one UTC day, added up
//! csv/date=…/[hour=…/]node-<id>.csv                  the same rows for people; never read
//! events/node-<id>.parquet                           what the proxies of a node said
//! ```
//!
//! A file is a node's hour or day by its path. Of several copies the one with the highest generation counts, and where
//! a node has a day, its hours of that day do not. So it does not matter in which order folders are named, or whether
//! stale copies are among them.

mod at_rest;
mod find;
mod place;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub(crate) use at_rest::decode;
pub use at_rest::{SourceAtRest, events, read_period};
pub(crate) use find::{Copies, copies, event_copies, files, newest_of, replaced, root};
pub use find::{Partition, find};

pub(crate) use place::{File, HOURS, csv, event_file, parquet};
