//! Bans carried out: what configuration and flags say of them, the logs or the state they rest on, the lists in their
//! places, and the commands of `logstat ban`. Decides nothing: that is [`crate::ban`]'s.
//!
//! * [`Setup`] is rules, floor and proxies; [`Deciding`] takes hits of logs that are read in one go to the decider,
//!   [`settle`] those that `logstat ingest` keeps;
//! * [`publish_lists`] replaces the lists of the configuration when they change;
//! * `known` is what most commands start from, and each command has a file of its name.

mod backtest;
mod deciding;
mod emit;
mod explain;
mod keeping;
mod known;
mod lines;
mod list;
mod publish;
mod remove;
mod rules;
mod setup;
mod summary;
mod sweep;
mod test;

pub use deciding::{Decided, Deciding, OfSource, Unwatched, decide_lanes};
pub use keeping::{files, pack, remembered, settle};
pub use known::{Known, Logs, known, logs};
pub use publish::{Facts, publish_lists};
pub use setup::Setup;
pub use summary::{ban_report, ban_report_of_state};
pub use sweep::Sweep;

use crate::cli::BanCommand;
use crate::exit::Exit;

/// Carries out `logstat ban`.
///
/// # Errors
/// When what was asked for cannot be read or written.
pub fn run(command: BanCommand) -> anyhow::Result<Exit> {
    match command {
        BanCommand::List(args) => list::run(&args),
        BanCommand::Emit(args) => emit::run(&args),
        BanCommand::Explain(args) => explain::run(&args),
        BanCommand::Remove(args) => remove::run(&args),
        BanCommand::Test(args) => test::run(&args),
        BanCommand::Backtest(args) => backtest::run(&args),
        BanCommand::Rules(args) => rules::run(&args),
    }
}
