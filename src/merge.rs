//! `logstat merge`: several datasets become one, in which each node's hour or day is there once. Adds nothing up: a file
//! stays that of its node.

#[cfg(test)]
mod tests;

use crate::cli::MergeArgs;
use crate::dataset::{self, Copies, File};
use crate::exit::Exit;
use crate::publish::{self, period_file, put, remove_period};
use crate::run::complain;
use crate::store::{DATABASE, Period, Span};
use anyhow::{Context, bail};
use logstat_reports::dataset::{DatasetError, generation, read};
use rayon::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

const ALL: std::ops::Range<i64> = i64::MIN..i64::MAX;

/// Merges, and names the files that cannot be read.
///
/// # Errors
/// When a folder is no dataset, `--out` may not be written to, or a file cannot be written: then the next run goes on.
pub fn run(args: &MergeArgs) -> anyhow::Result<Exit> {
    Ok(complain(&merge(&args.dirs, &args.out)?))
}

/// Adds every file that counts to the dataset `out`; gives what is wrong with those that cannot be read.
fn merge(dirs: &[PathBuf], out: &Path) -> anyhow::Result<Vec<String>> {
    refuse(dirs, out)?;
    // With this folder it is a dataset, and what it holds already takes part.
    let hours = out.join(dataset::HOURS);
    fs::create_dir_all(&hours).with_context(|| format!("{}: cannot be made", hours.display()))?;
    let out = dataset::root(out)?;
    let all = [dirs, std::slice::from_ref(&out)].concat();
    // A day is there before its hours go.
    let is_day = |((period, _), _): &((Period, String), Vec<PathBuf>)| period.span == Span::Day;
    let (days, hours): (Copies, Copies) = dataset::copies(&all, &ALL)?.into_iter().partition(is_day);
    let mut problems = Vec::new();
    for copies in [days, hours] {
        let added = copies.into_par_iter().map(|((period, node_id), copies)| {
            add(&out, &copies, |path| period_files(path, period, &node_id))
        });
        problems.extend(added.collect::<anyhow::Result<Vec<_>>>()?.concat());
    }
    for (period, node_id) in dataset::replaced(&dataset::files(std::slice::from_ref(&out), &ALL)?) {
        remove_period(&out, period, &node_id)?;
    }
    for (node_id, copies) in dataset::event_copies(&all)? {
        let event_file = |path: &Path| Ok(vec![(dataset::event_file(&node_id), content(path)?)]);
        problems.extend(add(&out, &copies, event_file)?);
    }
    Ok(problems)
}

/// A state writes its own dataset, and what is read must not change meanwhile.
fn refuse(dirs: &[PathBuf], out: &Path) -> anyhow::Result<()> {
    let merged = dirs.iter().map(|dir| dataset::root(dir)).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    let out = fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
    let folders = [Some(out.as_path()), out.parent()].into_iter().flatten();
    let why = if folders.map(|dir| dir.join(DATABASE)).any(|database| database.exists()) {
        "belongs to a state"
    } else if merged.contains(&out) {
        "is one of those to be merged"
    } else {
        return Ok(());
    };
    bail!("{}: {why}\nhint: name another directory with --out", out.display())
}

/// Adds what counts of some copies; gives what is wrong with those that cannot be read.
fn add(
    out: &Path,
    copies: &[PathBuf],
    files: impl FnOnce(&Path) -> anyhow::Result<Vec<(File, Vec<u8>)>>,
) -> anyhow::Result<Vec<String>> {
    let (mut ranked, mut problems) = (Vec::new(), Vec::new());
    for path in copies {
        match generation(path) {
            Ok(generation) => ranked.push((generation, path.clone())),
            Err(error) => problems.push(error.to_string()),
        }
    }
    let Some(newest) = dataset::newest_of(ranked)?.filter(|newest| !newest.starts_with(out)) else {
        return Ok(problems);
    };
    match files(&newest) {
        Ok(files) => files.iter().try_for_each(|(file, bytes)| put_changed(out, file, bytes))?,
        Err(error) => problems.push(format!("{}: {error:#}", newest.display())),
    }
    Ok(problems)
}

/// The file of an hour or day as it is, after the same for people: where the first is, both are.
fn period_files(path: &Path, period: Period, node_id: &str) -> anyhow::Result<Vec<(File, Vec<u8>)>> {
    let (parquet, csv) = publish::files(period, node_id)?;
    let rows = period_file(period, node_id, generation(path)?, read(path)?)?;
    Ok(vec![(csv, logstat_reports::dataset::csv(&rows)), (parquet, content(path)?)])
}

fn content(path: &Path) -> Result<Vec<u8>, DatasetError> {
    fs::read(path).map_err(|error| DatasetError::Read { path: path.to_owned(), error })
}

fn put_changed(out: &Path, file: &File, bytes: &[u8]) -> anyhow::Result<()> {
    if fs::read(file.path(out)).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    put(out, file, bytes)
}
