//! Carries out `logstat ban emit`: the bans as a list, on standard output or in its place.

use super::Known;
use super::publish::{FORWARDED, Target, ran_out, replace};
use crate::ban::emit::{Emission, emit};
use crate::ban::guard::{Limits, Previous, judge};
use crate::cli::EmitArgs;
use crate::config;
use crate::exit::Exit;
use crate::output::{put, say};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Carries it out.
///
/// # Errors
/// When the logs or the state cannot be read, or there can be no list.
pub fn run(args: &EmitArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let read = args.read.clone().into();
    let known = super::known(&read, &args.span, &args.work, &args.state, &config)?;
    if known.forwarded && args.format.is_firewall() {
        say(FORWARDED);
    }
    let emission = Emission { now_s: known.moment_s(), floor: &known.setup.floor, jail: &args.jail };
    let bans = known.decider.bans();
    let list = emit(args.format, &bans, &emission)?;
    let limits = Limits::default();
    let limits = (!args.force).then_some(&limits);
    let exit = known.exit;
    let done = match &args.out {
        None => {
            let judged =
                limits.map_or(Ok(()), |limits| judge(Previous::None, &known.input(list.entries, 0), limits));
            judged.map_err(Into::into).and_then(|()| put(&list.bytes))
        }
        Some(path) => {
            let target = Target {
                format: args.format,
                path,
                check: args.check,
                limits,
                may_begin_empty: false,
                own_entries: None,
            };
            let ran_out = written_us(path).map_or(0, |then_us| ran_out(&bans, then_us, known.moment_us));
            replace(&target, &list, &known.input(list.entries, ran_out))
        }
    };
    if let Err(error) = done {
        let place = args.out.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default();
        say(&format!("{place}{error:#}"));
        return Ok(exit.max(Exit::LimitExceeded));
    }
    tell_left_out(&known, list.never_ban);
    Ok(exit)
}

fn tell_left_out(known: &Known, never_ban: usize) {
    let tally = known.decider.tally();
    if never_ban > 0 {
        say(&format!("{never_ban} bans are left out, or cut, because of addresses that are never banned"));
    }
    if tally.evicted_keys > 0 || tally.evicted_bans > 0 {
        say(&format!(
            "there was no room for the hits of {} clients and the bans of {}",
            tally.evicted_keys, tally.evicted_bans
        ));
    }
    if tally.late > 0 {
        say(&format!("{} hits came too late to count", tally.late));
    }
}

/// When the list before was written: what it banned then and is over now is not missing.
fn written_us(path: &Path) -> Option<i64> {
    let written = std::fs::metadata(path).and_then(|file| file.modified()).ok()?;
    i64::try_from(written.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()
}
