//! Carries out `logstat report PATH…`: plans, reads, finishes, writes and prints.

use crate::bans::{Decided, Deciding, Setup, Unwatched, ban_report};
use crate::bots::Bots;
use crate::cli::{ReportArgs, WorkArgs};
use crate::exit::Exit;
use crate::output::say;
use crate::pipeline::{self, Prepared, ReadOptions, prepare};
use crate::plan::{Plan, plan};
use crate::report::{ReportOptions, SourceResult, report};
use crate::rollup::RollupOptions;
use crate::source::{Limits, Progress};
use crate::window::{self, Window};
use crate::{config, output};
use anyhow::Context;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use logstat_reports::model::{By, FileSummary, FormatShare, Report, SourceSummary};
use logstat_reports::text::count;
use rayon::ThreadPool;
use std::io::IsTerminal;
use std::sync::Arc;

/// A clock may be this far ahead before its lines are set aside.
pub(crate) const FUTURE_US: i64 = 5 * 60 * 1_000_000;

/// Carries it out. Complaints go to standard error.
///
/// # Errors
/// When nothing could be reported, or the report could not be written.
pub fn run(mut args: ReportArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let mut plan = plan(&mut args, &config)?;
    let mut exit = complain(&plan.problems);
    let (mut prepared, unknown) = prepare_all(&mut plan);
    exit = exit.max(unknown);
    if prepared.is_empty() {
        return Ok(Exit::Failed);
    }
    let window = window(&args, &plan, &prepared)?;
    prepared.iter_mut().for_each(|source| source.skip_outside(&window));
    let pool = threads(&args.work)?;
    let bans = if args.bans { Some(Setup::of(&config, &[])?) } else { Setup::configured(&config)? };
    exit = exit
        .max(complain(bans.iter().filter_map(|setup| setup.unread.clone()).collect::<Vec<_>>().as_slice()));
    let bans = bans.filter(|setup| setup.unread.is_none());
    if bans.is_some() {
        let unwatched: Vec<String> = prepared.iter().filter_map(Prepared::unwatched).collect();
        exit = exit.max(complain(&unwatched));
    }
    let (results, decided, broken) = read_all(&args, &plan, &prepared, (window, bans.as_ref()), &pool);
    let mut options = report_options(&plan, &prepared, window);
    options.notes.extend(results.iter().flat_map(|result| format_changes(&result.summary)));
    let mut report = pool.install(|| report(results, options));
    report.bans = bans.zip(decided).map(|(setup, decided)| ban_report(&report, &setup, &decided));
    exit = exit.max(broken).max(verdict(&mut report, &plan, &prepared));
    deliver(&report, &args, &plan, &pool)?;
    Ok(exit)
}

/// Writes the report's files and prints it.
pub(crate) fn deliver(
    report: &Report,
    args: &ReportArgs,
    plan: &Plan,
    pool: &ThreadPool,
) -> anyhow::Result<()> {
    // A report that cannot be written can still be read.
    let published = plan.out.as_ref().map_or(Ok(()), |out| output::publish(report, out, args.png, pool));
    output::print(report, args, plan.top)?;
    published?;
    // Cron sends a mail for every word.
    if let Some(out) = plan.out.as_ref().filter(|_| std::io::stderr().is_terminal()) {
        say(&format!("wrote {}", out.join("report.html").display()));
    }
    Ok(())
}

/// Names what cannot be read; the rest is reported nevertheless.
pub(crate) fn complain(problems: &[String]) -> Exit {
    problems.iter().for_each(|problem| say(problem));
    if problems.is_empty() { Exit::Done } else { Exit::LimitExceeded }
}

fn prepare_all(plan: &mut Plan) -> (Vec<Prepared>, Exit) {
    let (mut prepared, mut problems) = (Vec::new(), Vec::new());
    for source in plan.sources.drain(..) {
        match prepare(source) {
            Ok(source) => prepared.push(source),
            Err(error) => problems.push(error.to_string()),
        }
    }
    let exit = complain(&problems);
    for source in prepared.iter().filter(|source| source.empty) {
        say(&format!("{}: is empty", source.plan.name));
    }
    (prepared, exit)
}

fn window(args: &ReportArgs, plan: &Plan, prepared: &[Prepared]) -> anyhow::Result<Window> {
    let (since, until) = (args.since.as_ref(), args.until.as_ref());
    let extent = if window::needs_extent(since, until) { pipeline::extent(prepared)? } else { None };
    Ok(window::resolve(since, until, plan.now, &plan.zone, extent)?)
}

/// The same threads parse and render, so that what one step frees the next can use.
pub(crate) fn threads(args: &WorkArgs) -> anyhow::Result<ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.unwrap_or(0));
    pool.thread_name(|number| format!("logstat-{number}")).build().context("threads cannot be started")
}

fn read_all(
    args: &ReportArgs,
    plan: &Plan,
    prepared: &[Prepared],
    (window, bans): (Window, Option<&Setup>),
    pool: &ThreadPool,
) -> (Vec<SourceResult>, Option<Decided>, Exit) {
    let options = read_options(args, plan, window);
    let watched = ReadOptions { watch: bans.map(Setup::watch), ..options.clone() };
    let mut deciding = bans.map(|setup| Deciding::new(setup, prepared));
    let (bots, bar) = (Arc::new(Bots::new()), progress_bar(prepared));
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for (at, source) in prepared.iter().enumerate() {
        let mut folded = || bar.set_position(options.progress.bytes_read());
        let read = match &mut deciding {
            Some(deciding) if source.plan.watched => {
                let mut sink = deciding.of_source(at);
                let read = pipeline::read(source, &watched, (pool, &bots), &mut sink, &mut folded);
                deciding.count(read.hits.clone());
                read
            }
            _ => pipeline::read(source, &options, (pool, &bots), &mut Unwatched, &mut folded),
        };
        results.push(read.result);
        errors.extend(read.errors.iter().map(ToString::to_string));
    }
    bar.finish_and_clear();
    (results, deciding.map(Deciding::finish), complain(&errors))
}

fn read_options(args: &ReportArgs, plan: &Plan, window: Window) -> ReadOptions {
    let mut limits = Limits::default();
    if let Some(bytes) = args.work.block_bytes {
        limits.block_bytes = bytes;
    }
    let rollup = RollupOptions {
        since_us: window.since_us.unwrap_or(i64::MIN),
        until_us: window.until_us.unwrap_or(i64::MAX),
        future_us: plan.now.as_microsecond().saturating_add(FUTURE_US),
        top: plan.top > 0,
        by_method: plan.by.contains(&By::Method),
        by_status: plan.by.contains(&By::Status),
        ..RollupOptions::default()
    };
    ReadOptions { rollup, limits, watch: None, progress: Progress::default() }
}

/// Drawn on standard error, and only on a terminal.
pub(crate) fn progress_bar<'p>(prepared: impl IntoIterator<Item = &'p Prepared>) -> ProgressBar {
    let files = prepared.into_iter().flat_map(|source| &source.files).filter(|file| file.skip.is_none());
    let bytes = files.map(|file| file.file.size()).sum();
    bytes_bar(bytes)
}

/// Over bytes to read.
pub(crate) fn bytes_bar(bytes: u64) -> ProgressBar {
    bar(bytes, "{bytes:>10} of {total_bytes} {wide_bar:.dim} {bytes_per_sec} {eta}")
}

/// Drawn on standard error, and only on a terminal.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn report_options(plan: &Plan, prepared: &[Prepared], window: Window) -> ReportOptions {
    let second = |us: i64| us.div_euclid(1_000_000);
    ReportOptions {
        since: window.since_us.map(second),
        until: window.until_us.map(second),
        timezone: plan.zone.iana_name().unwrap_or("UTC").to_owned(),
        by: plan.by.clone(),
        top: plan.top,
        notes: notes(plan, prepared),
        duplicates_skipped: plan.notes.len() as u64,
        now: plan.now.as_second(),
    }
}

/// What the reader of the report must know about the data.
fn notes(plan: &Plan, prepared: &[Prepared]) -> Vec<String> {
    let mut notes = plan.notes.clone();
    for source in prepared.iter().filter(|source| !source.empty) {
        let name = &source.plan.name;
        match source.formats.hint() {
            Some(hint) => notes.push(format!("{name}: {hint}")),
            None if !source.formats.any_has(|fields| fields.latency) => notes.push(format!(
                "{name}: the log has no request times, so there are no percentiles: add $request_time to nginx's \
                 log_format and give that format with --format"
            )),
            None => {}
        }
        let skipped = source.files.iter().filter(|file| file.skip.is_some()).count();
        if skipped > 0 {
            notes.push(format!(
                "{name}: {skipped} of {} files lie outside the window and were not read",
                source.files.len()
            ));
        }
    }
    if prepared.len() > 1 && prepared.iter().all(|source| source.plan.tier.is_none()) {
        notes.push("the sources are added up; if one passes requests on to another, give them a tier in logstat.toml".to_owned());
    }
    notes
}

/// Says where the lines of a file change their format. HAProxy's formats stand side by side as a rule.
fn format_changes(source: &SourceSummary) -> Vec<String> {
    let is_usual = |file: &FileSummary| file.formats.iter().all(|share| share.format.starts_with("haproxy-"));
    let odd = source.files.iter().filter(|file| file.formats.len() > 1 && !is_usual(file));
    let note = |file: &FileSummary, share: &FormatShare| {
        format!(
            "{}: from line {} on, {} lines have another format: {}",
            file.path,
            count(share.first_line),
            count(share.lines),
            share.format
        )
    };
    odd.flat_map(|file| file.formats[1..].iter().map(move |share| note(file, share))).collect()
}

/// Says what is wrong with the outcome, if anything is.
fn verdict(report: &mut Report, plan: &Plan, prepared: &[Prepared]) -> Exit {
    let accounting = &report.accounting;
    if report.totals.requests == 0 {
        say_where_the_lines_are(report, plan, prepared);
    }
    if report.totals.requests == 0 && accounting.future > 0 {
        return Exit::LimitExceeded;
    }
    if accounting.rejects as f64 > accounting.lines as f64 * plan.max_reject_ratio {
        let given = prepared.iter().any(|source| !source.plan.formats.is_empty());
        let hint = if given {
            "is it the right --format?"
        } else {
            "if they are requests, name their format with --format"
        };
        say(&format!(
            "rejected {} of {} lines, more than --max-reject-ratio {} allows\nhint: {hint}",
            accounting.rejects, accounting.lines, plan.max_reject_ratio
        ));
        note_rejects(report);
        return Exit::LimitExceeded;
    }
    Exit::Done
}

/// For those who see the page and not what was said.
pub(crate) fn note_rejects(report: &mut Report) {
    let (rejects, lines) = (count(report.accounting.rejects), count(report.accounting.lines));
    report.notes.insert(0, format!("{rejects} of {lines} lines were rejected and are in no figure"));
}

fn say_where_the_lines_are(report: &Report, plan: &Plan, prepared: &[Prepared]) {
    let accounting = &report.accounting;
    if accounting.future > 0 {
        say(&format!(
            "{} lines lie in the future\nhint: is the clock right, and the zone (--log-tz)?",
            accounting.future
        ));
    } else if accounting.outside_window > 0 || accounting.lines == 0 {
        let newest = prepared.iter().filter_map(Prepared::newest_us).max();
        if let Some(newest) = newest.and_then(|us| Timestamp::from_microsecond(us).ok()) {
            let local = newest.to_zoned(plan.zone.clone()).strftime("%Y-%m-%d %H:%M");
            say(&format!("nothing in the window; newest line {local}\nhint: try --since 24h --until newest"));
        }
    }
}
