//! Carries out `logstat ban remove`: forgets bans and hits, and publishes the lists without them.

use super::{Facts, Setup, pack, publish_lists, remembered};
use crate::cli::RemoveArgs;
use crate::exit::Exit;
use crate::output::say;
use crate::store::Mode;
use crate::{config, state};
use jiff::Timestamp;

/// Carries it out.
///
/// # Errors
/// When another run holds the lock, or the state cannot be written.
pub fn run(args: &RemoveArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.config.as_deref())?;
    let setup = Setup::of(&config, &[])?;
    let mut store = state::open(&args.state, &config.state, Mode::Write)?;
    let mut decider = remembered(&store, &setup)?;
    let (mut removed, mut exit) = (0, Exit::Done);
    for &network in &args.networks {
        let bans = decider.remove(network);
        match bans {
            0 => {
                let around = decider.explain(network.address());
                let hint = around
                    .first()
                    .map(|(ban, _)| format!("\nhint: it is in {}, which is banned", ban.network));
                say(&format!("{network}: no bans{}", hint.unwrap_or_default()));
                exit = Exit::LimitExceeded;
            }
            1 => say(&format!("{network}: 1 ban forgotten")),
            _ => say(&format!("{network}: {bans} bans forgotten")),
        }
        removed += bans;
    }
    let mut batch = store.begin()?;
    batch.put_ban_memory(pack(&decider)?)?;
    batch.commit()?;
    let facts = Facts { removed, ..Facts::default() };
    let now = args.now.unwrap_or_else(Timestamp::now);
    Ok(exit.max(publish_lists(&mut store, &setup, &config, &facts, now)?))
}
