//! Why a file of a dataset cannot be made or read, and the way out.

use std::io;
use std::path::{Path, PathBuf};

use polars::prelude::PolarsError;

/// A file of a dataset cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum DatasetError {
    #[error("a file of the dataset cannot be encoded")]
    Encode(#[source] PolarsError),
    #[error("{}: cannot be read: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{}: {found}\nhint: copy it again from where it is from; `logstat ingest --republish` writes the files of its own state anew", path.display())]
    Damaged { path: PathBuf, found: String },
}

impl DatasetError {
    pub(super) fn damaged(path: &Path, found: &impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), found: found.to_string() }
    }
}
