//! Carries out `logstat check`: which format each log has, which lines do not parse and why, what reports lack. Counts no
//! hours and writes no file.
//!
//! [`finding`] gathers what is known of a source, [`advice`] what its log lacks, [`excerpt`] a line with the place of its
//! caret; [`text`] puts it all on a page.

pub mod advice;
pub mod excerpt;
pub mod finding;
pub mod text;

use crate::cli::CheckArgs;
use crate::exit::Exit;
use crate::pipeline::{PrepareError, Prepared, SourcePlan, TallyOptions, prepare, tally};
use crate::plan::{Sources, max_reject_ratio, sources};
use crate::run::{complain, progress_bar};
use crate::source::{Progress, ReadError, head};
use crate::{config, output};
use finding::{Finding, Unknown, find};
use indicatif::ProgressBar;
use logstat_parsers::{Neighbour, Neighbours};

/// Bytes looked at, and lines of them, for the preset nearest to a log that fits none.
const LOOK_BYTES: usize = 64 << 10;
const LOOK_LINES: usize = 50;
/// What a log is held against that is near to nothing.
const NOTHING_NEAR: &str = "combined";

/// A source that can be read.
struct Settled {
    prepared: Prepared,
    /// Where no format fits: what the one it is read with is.
    unknown: Option<Unknown>,
}

/// Carries it out. Complaints go to standard error.
///
/// # Errors
/// When no log is named, the configuration is wrong, or the findings could not be written.
pub fn run(args: &CheckArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let Sources { mut plans, problems, notes, .. } = sources(&args.read, &config)?;
    plans.retain(|plan| !plan.sets.is_empty());
    let mut exit = complain(&problems);
    let mut settled = Vec::new();
    for plan in plans {
        match settle(plan) {
            Ok(source) => settled.push(source),
            Err(error) => exit = exit.max(complain(&[error.to_string()])),
        }
    }
    if settled.is_empty() {
        return Ok(Exit::Failed);
    }
    let (findings, broken) = read_all(args, &settled);
    let page = text::render(&findings, &notes, args.lines, &output::style(args.color, 0));
    output::put(page.as_bytes())?;
    let allowed = max_reject_ratio(&args.read, &config);
    let verdicts: Vec<String> = findings.iter().flat_map(|finding| finding.verdicts(allowed)).collect();
    Ok(exit.max(broken).max(complain(&verdicts)))
}

/// The format as for a report; else the nearest preset, so that there are carets to look at.
fn settle(plan: SourcePlan) -> Result<Settled, PrepareError> {
    match prepare(plan.clone()) {
        Err(PrepareError::Unknown { hint, .. }) => {
            let nearest = nearest(&plan)?;
            let formats = vec![nearest.unwrap_or(NOTHING_NEAR).to_owned()];
            let unknown = Some(Unknown { is_near: nearest.is_some(), hint });
            prepare(SourcePlan { formats, ..plan }).map(|prepared| Settled { prepared, unknown })
        }
        prepared => prepared.map(|prepared| Settled { prepared, unknown: None }),
    }
}

/// The preset that is nearest to most of the first lines.
fn nearest(plan: &SourcePlan) -> Result<Option<&'static str>, ReadError> {
    let neighbours = Neighbours::presets(&plan.options());
    let mut names: Vec<(&str, usize)> = Vec::new();
    for file in plan.sets.iter().flat_map(|set| &set.files) {
        let head = head(file, LOOK_BYTES)?;
        for line in head.split(|byte| *byte == b'\n').take(LOOK_LINES) {
            let Some(Neighbour::Preset(preset)) = neighbours.nearest(line).map(|nearest| nearest.neighbour)
            else {
                continue;
            };
            match names.iter_mut().find(|(name, _)| *name == preset.name) {
                Some((_, lines)) => *lines += 1,
                None => names.push((preset.name, 1)),
            }
        }
    }
    Ok(names.into_iter().rev().max_by_key(|(_, lines)| *lines).map(|(name, _)| name))
}

fn read_all(args: &CheckArgs, settled: &[Settled]) -> (Vec<Finding>, Exit) {
    let options = TallyOptions { lines: args.lines.map(Into::into), progress: Progress::default() };
    let bar = match args.lines {
        None => progress_bar(settled.iter().map(|source| &source.prepared)),
        Some(_) => ProgressBar::hidden(),
    };
    let (mut findings, mut errors) = (Vec::new(), Vec::new());
    for Settled { prepared, unknown } in settled {
        let mut folded = || bar.set_position(options.progress.bytes_read());
        let tally = tally(prepared, &options, &mut folded);
        errors.extend(tally.errors.iter().map(ToString::to_string));
        findings.push(find(prepared, &tally, unknown.as_ref()));
    }
    bar.finish_and_clear();
    (findings, complain(&errors))
}
