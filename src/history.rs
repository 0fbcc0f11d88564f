//! Carries out `logstat report` without paths: takes what is new into the state, then reports from what is published.

use crate::cli::ReportArgs;
use crate::config::{self, Config};
use crate::dataset::{Wanted, extent, recall};
use crate::exit::Exit;
use crate::ingest::Ingest;
use crate::output::say;
use crate::plan::{self, Plan};
use crate::report::{KnownSource, ReportOptions, SourceName};
use crate::store::{Gap, Mode, SourceInfo, Store};
use crate::window::{self, Extent, Window};
use crate::{run, state};
use anyhow::bail;
use jiff::Timestamp;
use logstat_reports::model::{By, Report};
use logstat_reports::text::count;
use rayon::ThreadPool;
use std::path::PathBuf;

/// Gaps that are told one by one.
const GAPS: usize = 5;

/// Carries it out. Complaints go to standard error.
///
/// # Errors
/// When the state or a dataset cannot be used, or the report could not be written.
pub fn run(mut args: ReportArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let plan = plan::without_sources(&mut args, &config)?;
    if let Some(column) = plan.by.iter().find(|column| matches!(column, By::Method | By::Status)) {
        bail!(
            "--by {}: hours are not kept by it\nhint: name the logs to read, such as '/var/log/nginx/access.log*'",
            column.name()
        );
    }
    let pool = run::threads(&args.work)?;
    let (kept, mut exit) = kept(&args, &config, &pool)?;
    let (since, until) = (args.since.as_ref(), args.until.as_ref());
    let extent = || pool.install(|| extent(&kept.dirs));
    let extent = if window::needs_extent(since, until) { extent()? } else { None };
    let window = window::resolve(since, until, plan.now, &plan.zone, extent)?;
    let report = pool.install(|| report(&kept, &plan, &config, window))?;
    exit = exit.max(verdict(&report, &plan, &kept)?);
    run::deliver(&report, &args, &plan, &pool)?;
    Ok(exit)
}

/// What a report is made from.
struct Kept {
    dirs: Vec<PathBuf>,
    sources: Vec<SourceInfo>,
    gaps: Vec<Gap>,
}

/// The datasets that were named, else the state's own, brought up to date.
fn kept(args: &ReportArgs, config: &Config, pool: &ThreadPool) -> anyhow::Result<(Kept, Exit)> {
    if !args.data.is_empty() {
        return Ok((Kept { dirs: args.data.clone(), sources: Vec::new(), gaps: Vec::new() }, Exit::Done));
    }
    let reads_logs = !args.no_ingest && !config.source.is_empty();
    let mode = if reads_logs { Mode::Write } else { Mode::Read };
    let mut store = open(args, config, mode)?;
    let mut exit = Exit::Done;
    if reads_logs {
        let ingest = Ingest { read: &args.read, work: &args.work, config, pool };
        exit = ingest.run(&mut store, false)?;
    }
    let (sources, gaps) = (store.sources()?, store.gaps()?);
    Ok((Kept { dirs: vec![store.dir().to_owned()], sources, gaps }, exit))
}

fn open(args: &ReportArgs, config: &Config, mode: Mode) -> anyhow::Result<Store> {
    if mode == Mode::Read && config.source.is_empty() && args.state.state.is_none() {
        let dir = state::dir(&args.state, &config.state)?;
        if !dir.join(crate::store::DATABASE).exists() {
            bail!(plan::NO_LOGS);
        }
    }
    state::open(&args.state, &config.state, mode)
}

fn report(kept: &Kept, plan: &Plan, config: &Config, window: Window) -> anyhow::Result<Report> {
    let second = |us: i64| us.div_euclid(1_000_000);
    let wanted = Wanted {
        dirs: kept.dirs.clone(),
        since: window.since_us.map(second),
        until: window.until_us.map(second),
        known: known(&kept.sources, config),
        now: plan.now.as_second(),
    };
    let options = ReportOptions {
        since: wanted.since,
        until: wanted.until,
        timezone: plan.zone.iana_name().unwrap_or("UTC").to_owned(),
        by: plan.by.clone(),
        top: plan.top,
        notes: Vec::new(),
        duplicates_skipped: 0,
        now: wanted.now,
    };
    let mut report = recall(&wanted, &options)?;
    report.notes.extend(notes(&report, &wanted, kept));
    // A source that was never read in the window says nothing.
    report.sources.retain(|source| source.accounting.lines > 0);
    Ok(report)
}

/// Sources as the state knows them. What the configuration says of them now counts.
fn known(sources: &[SourceInfo], config: &Config) -> Vec<KnownSource> {
    let known = |info: &SourceInfo| {
        let configured = config.source.iter().find(|source| source.name.as_ref() == Some(&info.name));
        let SourceInfo { name, tier, node, formats } = info.clone();
        let (tier, node) = configured.map_or((tier, node), |now| (now.tier.clone(), now.node.clone()));
        KnownSource { name: SourceName { name, tier, node }, formats }
    };
    sources.iter().map(known).collect()
}

/// What the reader of the report must know about the data.
fn notes(report: &Report, wanted: &Wanted, kept: &Kept) -> Vec<String> {
    let mut notes = Vec::new();
    let moved = wanted.since.is_some_and(|since| since != report.since)
        || wanted.until.is_some_and(|until| until != report.until);
    if moved {
        let unit = if report.step.seconds() > 3600 { "days (UTC)" } else { "hours" };
        notes.push(format!("the window was widened to whole {unit}: finer figures are not kept"));
    }
    let inside = |gap: &&Gap| (report.since..report.until).contains(&gap.found_us.div_euclid(1_000_000));
    let gaps: Vec<&Gap> = kept.gaps.iter().filter(inside).collect();
    for gap in gaps.iter().take(GAPS) {
        notes.push(format!("{}: {gap}", gap.source));
    }
    if gaps.len() > GAPS {
        notes.push(format!("{} more gaps; `logstat status` shows them", count((gaps.len() - GAPS) as u64)));
    }
    notes
}

/// Says what is wrong with the outcome, if anything is.
fn verdict(report: &Report, plan: &Plan, kept: &Kept) -> anyhow::Result<Exit> {
    let accounting = &report.accounting;
    if report.totals.requests == 0 {
        if let Some(Extent { newest_us, .. }) = extent(&kept.dirs)?
            && let Ok(newest) = Timestamp::from_microsecond(newest_us)
        {
            let local = newest.to_zoned(plan.zone.clone()).strftime("%Y-%m-%d %H:%M");
            say(&format!("nothing in the window; newest line {local}\nhint: try --until newest"));
        }
    } else if accounting.rejects as f64 > accounting.lines as f64 * plan.max_reject_ratio {
        say(&format!(
            "rejected {} of {} lines, more than --max-reject-ratio {} allows\nhint: `logstat check` shows them",
            accounting.rejects, accounting.lines, plan.max_reject_ratio
        ));
        return Ok(Exit::LimitExceeded);
    }
    Ok(Exit::Done)
}
