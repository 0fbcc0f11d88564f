//! Finds the files of a dataset by their paths alone, and decides which of them count. Opens files only where two are
//! of the same node and period.

use super::place::{CSV, DAYS, EVENTS, HOURS, day_of_folder, hour_of_folder, node_of_file};
use crate::store::{DATABASE, PUBLISHED, Period, Span};
use anyhow::{Context, bail};
use logstat_reports::dataset::{DatasetError, generation};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The file of an hour or day of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs)]
pub struct Partition {
    pub period: Period,
    pub node_id: String,
    pub path: PathBuf,
}

/// The files of each node's hour or day, in any order.
pub(crate) type Copies = BTreeMap<(Period, String), Vec<PathBuf>>;

/// The files of the hours and days that have a part in a stretch of Unix hours, by period and node: of each the one
/// that counts. A folder is a state's, its `data`, or a copy of that.
///
/// # Errors
/// When a folder cannot be read or is no dataset, or one of several copies is damaged.
pub fn find(dirs: &[PathBuf], hours: &Range<i64>) -> anyhow::Result<Vec<Partition>> {
    let all = copies(dirs, hours)?;
    let counting = all
        .into_par_iter()
        .map(|((period, node_id), copies)| Ok(Partition { period, node_id, path: newest(&copies)? }));
    counting.collect()
}

/// Every copy of the hours and days that count.
pub(crate) fn copies(dirs: &[PathBuf], hours: &Range<i64>) -> anyhow::Result<Copies> {
    let mut copies = files(dirs, hours)?;
    let replaced = replaced(&copies);
    copies.retain(|key, _| !replaced.contains(key));
    Ok(copies)
}

/// The hours of nodes that have their day too.
pub(crate) fn replaced(files: &Copies) -> BTreeSet<(Period, String)> {
    let has_day = |period: Period, node_id: &String| {
        period.span == Span::Hour && files.contains_key(&(Period::day_of(period.start), node_id.clone()))
    };
    files.keys().filter(|(period, node_id)| has_day(*period, node_id)).cloned().collect()
}

/// Every file, whether it counts or not.
pub(crate) fn files(dirs: &[PathBuf], hours: &Range<i64>) -> anyhow::Result<Copies> {
    let mut files = Copies::new();
    for root in roots(dirs)? {
        hours_below(&root.join(HOURS), hours, &mut files)?;
        days_below(&root.join(DAYS), hours, &mut files)?;
    }
    Ok(files)
}

/// The copies of each node's events.
pub(crate) fn event_copies(dirs: &[PathBuf]) -> anyhow::Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut copies = BTreeMap::<String, Vec<PathBuf>>::new();
    for root in roots(dirs)? {
        for (node_id, path) in entries(&root.join(EVENTS), own_node)? {
            copies.entry(node_id).or_default().push(path);
        }
    }
    Ok(copies)
}

/// Of copies, which there must be, the one that counts. Damaged ones do not, as long as another is whole.
pub(crate) fn newest(copies: &[PathBuf]) -> Result<PathBuf, DatasetError> {
    if let [only] = copies {
        return Ok(only.clone());
    }
    let whole = copies.iter().filter_map(|path| Some((generation(path).ok()?, path.clone())));
    let newest = newest_of(whole.collect())?;
    Ok(newest.or_else(|| copies.first().cloned()).unwrap_or_default())
}

/// Of copies with their generations the one that counts: that of the highest. Those of one generation are equal, unless
/// a state was put back from a copy of its own; then it is always the same one.
pub(crate) fn newest_of(ranked: Vec<(u64, PathBuf)>) -> Result<Option<PathBuf>, DatasetError> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for (generation, path) in ranked {
        let is_newer = match &newest {
            Some((known, _)) if *known != generation => generation > *known,
            Some((_, other)) => content(&path)? > content(other)?,
            None => true,
        };
        if is_newer {
            newest = Some((generation, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

fn content(path: &Path) -> Result<Vec<u8>, DatasetError> {
    fs::read(path).map_err(|error| DatasetError::Read { path: path.to_owned(), error })
}

/// The folders of the datasets, each once.
fn roots(dirs: &[PathBuf]) -> anyhow::Result<BTreeSet<PathBuf>> {
    dirs.iter().map(|dir| root(dir)).collect()
}

/// The folder of a dataset, where `dir` may be that of its state.
pub(crate) fn root(dir: &Path) -> anyhow::Result<PathBuf> {
    let dir = fs::canonicalize(dir).with_context(|| format!("{}: cannot be opened", dir.display()))?;
    let below = dir.join(PUBLISHED);
    if below.is_dir() || dir.join(DATABASE).exists() {
        return Ok(below);
    }
    if [HOURS, DAYS, CSV, EVENTS].iter().any(|part| dir.join(part).is_dir()) {
        return Ok(dir);
    }
    fs::read_dir(&dir).with_context(|| format!("{}: cannot be read", dir.display()))?;
    bail!("{}: holds no hours\nhint: name the directory of a state, or a copy of its `data`", dir.display())
}

fn hours_below(folder: &Path, hours: &Range<i64>, copies: &mut Copies) -> anyhow::Result<()> {
    for (day, folder) in entries(folder, day_of_folder)? {
        if !overlaps(Period::day_of(day), hours) {
            continue;
        }
        for (hour, folder) in entries(&folder, hour_of_folder)? {
            let period = Period::hour(day + hour);
            if overlaps(period, hours) {
                files_below(&folder, period, copies)?;
            }
        }
    }
    Ok(())
}

fn days_below(folder: &Path, hours: &Range<i64>, copies: &mut Copies) -> anyhow::Result<()> {
    for (day, folder) in entries(folder, day_of_folder)? {
        if overlaps(Period::day_of(day), hours) {
            files_below(&folder, Period::day_of(day), copies)?;
        }
    }
    Ok(())
}

fn files_below(folder: &Path, period: Period, copies: &mut Copies) -> anyhow::Result<()> {
    for (node_id, path) in entries(folder, own_node)? {
        // A pipe of that name would be waited for.
        if path.is_file() {
            copies.entry((period, node_id)).or_default().push(path);
        }
    }
    Ok(())
}

fn own_node(name: &str) -> Option<String> {
    node_of_file(name).map(str::to_owned)
}

fn overlaps(period: Period, hours: &Range<i64>) -> bool {
    period.start < hours.end && hours.start < period.start.saturating_add(period.span.hours())
}

/// What the names in a folder mean; names that mean nothing are others'. A folder that is not there has none: what is
/// published may change meanwhile.
fn entries<T>(folder: &Path, meaning: fn(&str) -> Option<T>) -> anyhow::Result<Vec<(T, PathBuf)>> {
    let unreadable = || format!("{}: cannot be read", folder.display());
    let entries = match fs::read_dir(folder) {
        // Nor has what only has a folder's name.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.with_context(unreadable)?,
    };
    let mut known = Vec::new();
    for entry in entries {
        let entry = entry.with_context(unreadable)?;
        if let Some(means) = entry.file_name().to_str().and_then(meaning) {
            known.push((means, entry.path()));
        }
    }
    Ok(known)
}
