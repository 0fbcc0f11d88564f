//! Gives a source another name in the state, so that its logs go on under it instead of being read anew. Reads no log.

use crate::cli::RenameArgs;
use crate::exit::Exit;
use crate::publish::publish;
use crate::store::{Mode, Renamed};
use crate::{config, run, state};
use anyhow::bail;

/// Carries out `logstat rename OLD NEW`, and publishes the source's hours under the new name.
///
/// # Errors
/// When the state cannot be used, knows no such source, or has one of the new name.
pub fn run(args: &RenameArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.config.as_deref())?;
    let mut store = state::open(&args.state, &config.state, Mode::Write)?;
    let known: Vec<String> = store.sources()?.into_iter().map(|source| source.name).collect();
    let mut batch = store.begin()?;
    match batch.rename_source(&args.old, &args.new)? {
        Renamed::Done => batch.commit()?,
        Renamed::Unknown => bail!("no source is called {}\nhint: there are {}", args.old, known.join(", ")),
        Renamed::Taken => bail!(
            "a source is called {} already\nhint: what two sources have counted is not added up",
            args.new
        ),
    }
    publish(&mut store, &run::threads(&args.work)?, false, &mut |_, _| {})?;
    Ok(Exit::Done)
}
