//! Reads what is new of the logs into the state: looks, reads on, commits, publishes. Each line once, whatever happened
//! between two runs.
//!
//! `sight` finds what is new, `reader` takes it through the pipeline, `pending` holds what is not committed,
//! `outcome` says how it went, and this file is the order of it all.

mod interrupt;
mod outcome;
mod pending;
mod reader;
pub mod sight;

use crate::bans::{Facts, Setup, publish_lists};
use crate::cli::{IngestArgs, ReadArgs, WorkArgs};
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::pipeline::{ReadOptions, Watch};
use crate::plan::max_reject_ratio;
use crate::publish::publish;
use crate::rollup::RollupOptions;
use crate::source::resume::KnownStream;
use crate::source::{Limits, Progress};
use crate::store::{Mode, Store};
use crate::{prune, run, state};
pub(crate) use outcome::is_too_many;

use interrupt::Interrupt;
use jiff::Timestamp;
use outcome::Outcome;
use rayon::ThreadPool;
use reader::Reader;
use sight::Sight;
use std::sync::Arc;

/// Bytes between two commits: what is read again after a crash, and what bounds the memory of a long backlog.
const BATCH_BYTES: u64 = 128 << 20;
/// Times that the logs are looked at when files are renamed meanwhile.
const LOOKS: usize = 3;

/// Carries out `logstat ingest`.
///
/// # Errors
/// When the state cannot be used, or what was read cannot be kept or published.
pub fn run(args: &IngestArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let mut store = state::open(&args.state, &config.state, Mode::Write)?;
    let pool = run::threads(&args.work)?;
    let bans = Setup::configured(&config)?;
    let ingest =
        Ingest { read: &args.read, work: &args.work, config: &config, bans: bans.as_ref(), pool: &pool };
    Ok(ingest.run(&mut store, args.republish)?.exit)
}

/// How a run ended.
#[derive(Debug)]
#[expect(missing_docs)]
pub struct Ingested {
    pub exit: Exit,
    /// Files that are left out because others hold the same lines.
    pub notes: Vec<String>,
}

/// What a run was asked for.
#[expect(missing_docs)]
pub struct Ingest<'a> {
    pub read: &'a ReadArgs,
    pub work: &'a WorkArgs,
    pub config: &'a Config,
    pub bans: Option<&'a Setup>,
    pub pool: &'a ThreadPool,
}

impl Ingest<'_> {
    /// Reads what is new, commits it and publishes what changed. Complaints go to standard error.
    ///
    /// # Errors
    /// When what was read cannot be kept or published.
    pub fn run(&self, store: &mut Store, republish: bool) -> anyhow::Result<Ingested> {
        let interrupt = Interrupt::listen()?;
        let outcome = self.read_all(store, &interrupt)?;
        let mut exit = outcome.tell(max_reject_ratio(self.read, self.config));
        // What was read is safe; the next run publishes it.
        interrupt.end_if_asked();
        let pruned = prune::prune(store, state::retention(&self.config.state), self.now())?;
        // Bans first: who waits for them is attacked.
        exit = exit.max(self.publish_bans(store, &outcome)?);
        self.publish(store, republish, &interrupt)?;
        outcome.summarise(pruned.expired);
        Ok(Ingested { exit, notes: outcome.notes })
    }

    fn now(&self) -> Timestamp {
        self.work.now.unwrap_or_else(Timestamp::now)
    }

    fn batch_bytes(&self) -> u64 {
        self.work.batch_bytes.unwrap_or(BATCH_BYTES)
    }

    fn publish_bans(&self, store: &mut Store, outcome: &Outcome) -> anyhow::Result<Exit> {
        let Some(setup) = self.bans else { return Ok(Exit::Done) };
        if let Some(problem) = &setup.unread {
            return Ok(run::complain(std::slice::from_ref(problem)));
        }
        let facts = Facts {
            lines: outcome.counts.lines,
            rejects: outcome.counts.unreadable(),
            forwarded: outcome.forwarded,
            removed: 0,
        };
        publish_lists(store, setup, self.config, &facts, self.now())
    }

    fn publish(&self, store: &mut Store, republish: bool, interrupt: &Interrupt) -> anyhow::Result<()> {
        let bar = run::bar(0, "publishing {pos} of {len} hours {wide_bar:.dim}");
        let published = publish(store, self.pool, republish, &mut |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
            interrupt.end_if_asked();
        });
        bar.finish_and_clear();
        published.map(drop)
    }

    /// Looks, reads and commits. Files that are renamed meanwhile are looked for again.
    fn read_all(&self, store: &mut Store, interrupt: &Interrupt) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::default();
        for _ in 0..LOOKS {
            let known = store.streams()?;
            let mut sight = self.look(&known)?;
            for _ in 1..LOOKS {
                if sight.is_unsteady() {
                    sight = self.look(&known)?;
                }
            }
            outcome.see(&mut sight);
            let mut reader = Reader::new(self, store, &mut outcome, interrupt);
            reader.read_all(&sight, &known)?;
            if !reader.moved || interrupt.is_asked() {
                break;
            }
        }
        Ok(outcome)
    }

    fn look(&self, known: &[KnownStream]) -> anyhow::Result<Sight> {
        Sight::of(self.read, self.config, known, state::rotate_wait(&self.config.state))
    }

    fn read_options(&self, progress: &Progress, watch: Option<Arc<Watch>>) -> ReadOptions {
        let mut limits = Limits::default();
        if let Some(bytes) = self.work.block_bytes {
            limits.block_bytes = bytes;
        }
        let future_us = self.now().as_microsecond().saturating_add(run::FUTURE_US);
        let rollup = RollupOptions { to_store: true, future_us, ..RollupOptions::default() };
        ReadOptions { rollup, limits, watch, progress: progress.clone() }
    }
}
