//! Prints everything that the state holds as JSON. Changes nothing, and reads nothing back.

use crate::cli::ExportArgs;
use crate::exit::Exit;
use crate::store::{Mode, StoreError};
use crate::{config, state};
use std::io::{BufWriter, ErrorKind, Write};

/// Carries out `logstat export`. A closed pipe is no error.
///
/// # Errors
/// When there is no state, it is damaged, or standard output cannot be written.
pub fn run(args: &ExportArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.config.as_deref())?;
    let store = state::open(&args.state, &config.state, Mode::Read)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let exported =
        store.export(&mut out).and_then(|()| out.flush().map_err(|error| StoreError::Export { error }));
    match exported {
        Err(StoreError::Export { error }) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Done),
        exported => exported.map(|()| Exit::Done).map_err(Into::into),
    }
}
