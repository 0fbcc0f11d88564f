//! What the commands about bans start from: the bans of logs that were named, or those of the state. Changes neither.

use super::{Decided, Deciding, Setup, files, remembered};
use crate::ban::decide::Decider;
use crate::ban::guard::Input;
use crate::bots::Bots;
use crate::cli::{ReadArgs, SpanArgs, StateArgs, WorkArgs};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::say;
use crate::pipeline::{self, Prepared, ReadOptions, SourcePlan, prepare};
use crate::plan::{self, Sources, sources};
use crate::rollup::RollupOptions;
use crate::run::{self, FUTURE_US, complain};
use crate::source::{Limits, Progress};
use crate::state;
use crate::store::Mode;
use crate::window::{self, Bound, Window};
use anyhow::bail;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Bans, and what they rest on.
#[derive(Debug)]
pub struct Known {
    #[expect(missing_docs)]
    pub setup: Setup,
    #[expect(missing_docs)]
    pub decider: Decider,
    /// Where logs are, by the number that places of hits have.
    pub files: BTreeMap<u32, PathBuf>,
    /// For display.
    pub zone: TimeZone,
    /// The moment that the bans are told for: now, or the end of the window. Microseconds since 1970.
    pub moment_us: i64,
    /// It is now, so that logs must not be old.
    pub is_now: bool,
    #[expect(missing_docs)]
    pub lines: u64,
    #[expect(missing_docs)]
    pub rejects: u64,
    /// End of the last request, microseconds since 1970.
    pub last_us: Option<i64>,
    /// A proxy told some of the addresses.
    pub forwarded: bool,
    /// What could not be read was told.
    pub exit: Exit,
}

impl Known {
    /// Unix seconds.
    #[must_use]
    pub fn moment_s(&self) -> i64 {
        self.moment_us.div_euclid(1_000_000)
    }

    /// For whoever judges a list.
    #[must_use]
    pub fn input(&self, entries: usize, ran_out: usize) -> Input {
        Input {
            entries,
            ran_out,
            lines: self.lines,
            rejects: self.rejects,
            last_request_s: self.last_us.map(|us| us.div_euclid(1_000_000)),
            now_s: self.is_now.then(|| self.moment_s()),
        }
    }
}

/// Logs that are ready to be read for bans.
#[derive(Debug)]
#[expect(missing_docs)]
pub struct Logs {
    pub prepared: Vec<Prepared>,
    pub window: Window,
    pub zone: TimeZone,
    pub now: Timestamp,
    /// The window ends with the last request that is read.
    pub until_newest: bool,
    /// What could not be read was told.
    pub exit: Exit,
}

/// Settles which logs, and what of them.
///
/// # Errors
/// When none can be read, or the window cannot be.
pub fn logs(read: &ReadArgs, span: &SpanArgs, work: &WorkArgs, config: &Config) -> anyhow::Result<Logs> {
    let Sources { plans, problems, .. } = sources(read, config)?;
    let mut exit = complain(&problems);
    let mut prepared = Vec::new();
    for plan in plans.into_iter().filter(is_wanted) {
        match prepare(plan) {
            Ok(source) => {
                exit = exit.max(complain(source.unwatched().as_slice()));
                prepared.push(source);
            }
            Err(error) => exit = exit.max(complain(&[error.to_string()])),
        }
    }
    if prepared.is_empty() {
        bail!("no log can be read");
    }
    let zone = plan::zone(span.tz.as_deref().or(config.report.timezone.as_deref()))?;
    let now = work.now.unwrap_or_else(Timestamp::now);
    let (since, until) = (span.since.as_ref(), span.until.as_ref());
    let extent = if window::needs_extent(since, until) { pipeline::extent(&prepared)? } else { None };
    let window = window::resolve(since, until, now, &zone, extent)?;
    prepared.iter_mut().for_each(|source| source.skip_outside(&window));
    let until_newest = matches!(until, Some(Bound::Newest));
    Ok(Logs { prepared, window, zone, now, until_newest, exit })
}

fn is_wanted(plan: &SourcePlan) -> bool {
    plan.watched && !plan.sets.is_empty()
}

impl Logs {
    /// How to read them for the sake of bans alone.
    #[must_use]
    pub fn options(&self, setup: &Setup, work: &WorkArgs) -> ReadOptions {
        let usual = Limits::default();
        let limits = Limits { block_bytes: work.block_bytes.unwrap_or(usual.block_bytes), ..usual };
        let rollup = RollupOptions {
            since_us: self.window.since_us.unwrap_or(i64::MIN),
            until_us: self.window.until_us.unwrap_or(i64::MAX),
            future_us: self.now.as_microsecond().saturating_add(FUTURE_US),
            top: false,
            ..RollupOptions::default()
        };
        ReadOptions { rollup, limits, watch: Some(setup.watch()), progress: Progress::default() }
    }

    /// Reads them, and decides.
    ///
    /// # Errors
    /// When threads cannot be started.
    pub fn decide(self, setup: Setup, work: &WorkArgs) -> anyhow::Result<Known> {
        let options = self.options(&setup, work);
        let (pool, bots) = (run::threads(work)?, Arc::new(Bots::new()));
        let bar = run::progress_bar(&self.prepared);
        let mut deciding = Deciding::new(&setup, &self.prepared);
        let (mut lines, mut rejects, mut last_us, mut exit) = (0, 0, None, self.exit);
        for (at, source) in self.prepared.iter().enumerate() {
            let mut folded = || bar.set_position(options.progress.bytes_read());
            let read =
                pipeline::read(source, &options, (&pool, &bots), &mut deciding.of_source(at), &mut folded);
            let counts = &read.result.rollup.counts;
            lines += counts.lines;
            rejects += counts.unreadable();
            last_us = last_us.max(read.result.rollup.span_us.map(|(_, newest_us)| newest_us));
            deciding.count(read.hits);
            let errors: Vec<String> = read.errors.iter().map(ToString::to_string).collect();
            exit = exit.max(complain(&errors));
        }
        bar.finish_and_clear();
        let Decided { decider, files, counts } = deciding.finish();
        let now_us = self.now.as_microsecond();
        let until_us = if self.until_newest { last_us.map(|us| us + 1) } else { self.window.until_us };
        Ok(Known {
            setup,
            decider,
            files: (0..).zip(files).collect(),
            zone: self.zone,
            moment_us: until_us.unwrap_or(now_us),
            is_now: until_us.is_none_or(|until_us| until_us == now_us),
            lines,
            rejects,
            last_us,
            forwarded: counts.forwarded > 0,
            exit,
        })
    }
}

/// What these logs come to, or without any what the state knows.
///
/// # Errors
/// When the configuration is wrong, or what is asked for cannot be read.
pub fn known(
    read: &ReadArgs,
    span: &SpanArgs,
    work: &WorkArgs,
    state: &StateArgs,
    config: &Config,
) -> anyhow::Result<Known> {
    let setup = Setup::of(config, &span.rules)?;
    if !read.paths.is_empty() {
        return logs(read, span, work, config)?.decide(setup, work);
    }
    if span.since.is_some() || span.until.is_some() || !span.rules.is_empty() {
        bail!(
            "--since, --until and --rule are for logs that are named\nhint: name them: logstat ban list --since 24h '/var/log/nginx/access.log*'"
        );
    }
    of_state(setup, span, work, state, config)
}

fn of_state(
    setup: Setup,
    span: &SpanArgs,
    work: &WorkArgs,
    state: &StateArgs,
    config: &Config,
) -> anyhow::Result<Known> {
    let store = state::open(state, &config.state, Mode::Read)?;
    if config.ban.is_none() && store.ban_generation()? == 0 {
        say(
            "nothing was ever watched\nhint: a section [ban] in logstat.toml has `logstat ingest` watch, or name logs",
        );
    }
    let streams = store.streams()?;
    // The state does not say of each ban who told its address.
    let forwarded = !setup.proxies.is_empty();
    Ok(Known {
        decider: remembered(&store, &setup)?,
        setup,
        files: files(&store)?,
        zone: plan::zone(span.tz.as_deref().or(config.report.timezone.as_deref()))?,
        moment_us: work.now.unwrap_or_else(Timestamp::now).as_microsecond(),
        is_now: true,
        lines: streams.iter().filter(|stream| stream.offset > 0).count() as u64,
        rejects: 0,
        last_us: streams.iter().filter_map(|stream| stream.last_us).max(),
        forwarded,
        exit: Exit::Done,
    })
}
