//! Carries out `logstat report` without paths: takes what is new into the state, then reports from what is published.

use crate::bans::{Setup, ban_report_of_state};
use crate::cli::ReportArgs;
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::history::{History, HistoryRead};
use crate::ingest::{Ingest, Ingested, is_too_many};
use crate::output::say;
use crate::plan::{self, Plan};
use crate::report::ReportOptions;
use crate::store::{DATABASE, Gap, Mode, Store};
use crate::window::{self, Bound, Extent, Window};
use crate::{publish, run, state};
use anyhow::bail;
use jiff::Timestamp;
use logstat_reports::model::{LogGap, Report};
use logstat_reports::text::{count, printable};
use rayon::ThreadPool;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;

/// Gaps that are told one by one.
const GAPS: usize = 5;

/// Carries it out. Complaints go to standard error.
///
/// # Errors
/// When the state or a dataset cannot be used, or the report could not be written.
pub fn run(mut args: ReportArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let plan = plan::without_sources(&mut args, &config)?;
    let pool = run::threads(&args.work)?;
    let bans = Setup::configured(&config)?.filter(|_| args.data.is_empty());
    let (kept, mut exit) = kept(&args, &config, bans.as_ref(), &pool)?;
    let window = pool.install(|| window(&args, &plan, &kept.history))?;
    let (mut report, missing) = pool.install(|| report(&kept, &plan, window))?;
    if let Some(setup) = bans.as_ref().filter(|setup| setup.unread.is_none()) {
        let store = state::open(&args.state, &config.state, Mode::Read)?;
        report.bans = Some(ban_report_of_state(&report, setup, &store)?);
    }
    exit = exit.max(missing).max(verdict(&mut report, &plan, &kept.history)?);
    run::deliver(&report, &args, &plan, &pool)?;
    Ok(exit)
}

fn window(args: &ReportArgs, plan: &Plan, history: &History) -> anyhow::Result<Window> {
    let (since, until) = (args.since.as_ref(), args.until.as_ref());
    let extent = if window::needs_extent(since, until) { history.extent()? } else { None };
    let window = window::resolve(since, until, plan.now, &plan.zone, extent)?;
    // What was read last ends the report, in the middle of its hour.
    let until_us = if matches!(until, Some(Bound::Newest)) { None } else { window.until_us };
    Ok(Window { until_us, ..window })
}

/// What a report is made from.
struct Kept {
    history: History,
    gaps: Vec<Gap>,
    /// Files that were left out.
    notes: Vec<String>,
}

/// The datasets that were named, else the state's own, brought up to date.
fn kept(
    args: &ReportArgs,
    config: &Config,
    bans: Option<&Setup>,
    pool: &ThreadPool,
) -> anyhow::Result<(Kept, Exit)> {
    let tiers = tiers(config);
    if !args.data.is_empty() {
        let history = History { dirs: args.data.clone(), tiers, ..History::default() };
        return Ok((Kept { history, gaps: Vec::new(), notes: Vec::new() }, Exit::Done));
    }
    let reads_logs = !args.no_ingest && !config.source.is_empty();
    let mode = if reads_logs { Mode::Write } else { Mode::Read };
    let mut store = open(args, config, mode)?;
    let mut ingested = Ingested { exit: Exit::Done, notes: Vec::new() };
    if reads_logs {
        let ingest = Ingest { read: &args.read, work: &args.work, config, bans, pool };
        ingested = ingest.run(&mut store, false)?;
    }
    let formats = store.sources()?.into_iter().map(|source| (source.name, source.formats)).collect();
    let history = History { dirs: vec![store.dir().to_owned()], formats, tiers };
    // What could not be read is left out, and the rest is reported.
    let exit = ingested.exit.min(Exit::LimitExceeded).max(unpublished(&store)?);
    Ok((Kept { history, gaps: store.gaps()?, notes: ingested.notes }, exit))
}

/// Whether everything that is kept can be reported.
fn unpublished(store: &Store) -> anyhow::Result<Exit> {
    let known = store.periods(i64::MIN..i64::MAX)?;
    let waiting = known.iter().filter(|known| known.dirty).count() + publish::missing(store, &known)?.len();
    // Another run that writes just now will have published them in a moment.
    if waiting == 0 || store.writer().is_some() {
        return Ok(Exit::Done);
    }
    say(&format!(
        "hours and days that are not published, and may be missing from the report: {}\nhint: `logstat ingest` publishes them",
        count(waiting as u64)
    ));
    Ok(Exit::LimitExceeded)
}

/// What the configuration says of tiers now counts for what was read before too.
fn tiers(config: &Config) -> BTreeMap<String, Option<String>> {
    let named = config.source.iter().filter_map(|source| Some((source.name.clone()?, source.tier.clone())));
    named.collect()
}

fn open(args: &ReportArgs, config: &Config, mode: Mode) -> anyhow::Result<Store> {
    if mode == Mode::Read && config.source.is_empty() {
        let dir = state::dir(&args.state, &config.state)?;
        // One that may not be looked into is there.
        if dir.join(DATABASE).try_exists().is_ok_and(|exists| !exists) {
            bail!(plan::NO_LOGS);
        }
    }
    state::open(&args.state, &config.state, mode)
}

fn report(kept: &Kept, plan: &Plan, window: Window) -> anyhow::Result<(Report, Exit)> {
    let second = |us: i64| us.div_euclid(1_000_000);
    let options = ReportOptions {
        since: window.since_us.map(second),
        until: window.until_us.map(second),
        timezone: plan.zone.iana_name().unwrap_or("UTC").to_owned(),
        by: plan.by.clone(),
        top: plan.top,
        notes: kept.notes.clone(),
        duplicates_skipped: kept.notes.len() as u64,
        now: plan.now.as_second(),
    };
    let HistoryRead { mut report, problems } = kept.history.report(&options)?;
    report.gaps = gaps(&report, &kept.gaps);
    report.notes.extend(notes(&report, &options));
    // A source of which nothing was read in the window says nothing.
    report.sources.retain(|source| source.accounting.lines > 0);
    let problems: Vec<String> = problems.iter().map(|problem| format!("{problem:#}")).collect();
    Ok((report, run::complain(&problems)))
}

/// What the reader of the report must know about the data.
fn notes(report: &Report, asked: &ReportOptions) -> Vec<String> {
    let mut notes = Vec::new();
    let moved = asked.since.is_some_and(|since| since != report.since)
        || asked.until.is_some_and(|until| until != report.until);
    if moved {
        let unit = if report.step.seconds() > 3600 { "days (UTC)" } else { "hours" };
        notes.push(format!("the window was widened to whole {unit}: finer figures are not kept"));
    }
    for gap in report.gaps.iter().take(GAPS) {
        let what = gap.unread_bytes.map_or("lines".to_owned(), |bytes| format!("{} bytes", count(bytes)));
        notes.push(format!("{}: {what} of {} were lost: {}", gap.source, gap.path, gap.why));
    }
    if report.gaps.len() > GAPS {
        let more = count((report.gaps.len() - GAPS) as u64);
        notes.push(format!("{more} more gaps; `logstat status --all` shows them"));
    }
    notes
}

/// What was found to be lost in the window.
fn gaps(report: &Report, gaps: &[Gap]) -> Vec<LogGap> {
    let gap = |gap: &Gap| LogGap {
        source: gap.source.clone(),
        path: printable(gap.path.as_os_str().as_bytes()),
        offset: gap.offset,
        unread_bytes: gap.unread_bytes,
        why: gap.why.clone(),
        found_at: gap.found_us.div_euclid(1_000_000),
    };
    let inside = |gap: &LogGap| (report.since..report.until).contains(&gap.found_at);
    gaps.iter().map(gap).filter(inside).collect()
}

/// Says what is wrong with the outcome, if anything is.
fn verdict(report: &mut Report, plan: &Plan, history: &History) -> anyhow::Result<Exit> {
    let accounting = &report.accounting;
    if is_too_many(accounting.rejects, accounting.lines, plan.max_reject_ratio) {
        say(&format!(
            "rejected {} of {} lines in the window, more than --max-reject-ratio {} allows\nhint: `logstat check` shows what a log has now; what was rejected is not read again",
            accounting.rejects, accounting.lines, plan.max_reject_ratio
        ));
        run::note_rejects(report);
        return Ok(Exit::LimitExceeded);
    }
    if report.totals.requests == 0
        && let Some(Extent { newest_us, .. }) = history.extent()?
        && let Ok(newest) = Timestamp::from_microsecond(newest_us)
    {
        let local = newest.to_zoned(plan.zone.clone()).strftime("%Y-%m-%d %H:%M");
        say(&format!("nothing in the window; newest line {local}\nhint: try --since 24h --until newest"));
    }
    Ok(Exit::Done)
}
