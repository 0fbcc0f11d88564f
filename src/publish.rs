//! Writes what changed in the state as files of a dataset. Everything in them follows from the database, so that they
//! may be lost; counts nothing.

#[cfg(test)]
mod tests;

use crate::dataset::{self, File};
use crate::report::{SourceName, rows};
use crate::rollup::HOUR_S;
use crate::store::{Dirty, Known, Period, SourceInfo, Store};
use anyhow::Context;
use logstat_reports::dataset::{PeriodFile, SourceEvents, SourcePeriod, StoredPeriod};
use logstat_reports::write;
use rayon::ThreadPool;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Periods that are noted as done at once: the files of fewer are written anew after a crash, more are held in memory.
const CHUNK: usize = 32;
const ALL: std::ops::Range<i64> = i64::MIN..i64::MAX;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Hours and days written.
    pub written: usize,
    /// Hours and days removed.
    pub removed: usize,
}

/// Publishes every hour and day that changed; with `republish`, or where nothing that was published is left, all of
/// them. `progress` gets how many of how many are done.
///
/// # Errors
/// When the state cannot be read or a file not be written, which is named. What was done before stays done, and the
/// rest is done by the next run.
pub fn publish(
    store: &mut Store,
    pool: &ThreadPool,
    republish: bool,
    progress: &mut dyn FnMut(usize, usize),
) -> anyhow::Result<Published> {
    let known = store.periods(ALL)?;
    let lost = missing(store, &known)?;
    let everything = republish || !lost.is_empty() && lost.len() == known.len();
    // Noted first, so that whatever ends this run, the next one knows what is left to do.
    let again = if republish { known.iter().map(|known| known.period).collect() } else { lost };
    if !again.is_empty() {
        store.unpublish(&again)?;
    }
    let todo = store.dirty()?;
    let (gone, kept): (Vec<Dirty>, Vec<Dirty>) = todo.into_iter().partition(|dirty| dirty.gone);
    let total = kept.len() + gone.len();
    let (sources, root, node_id) = (store.sources()?, store.published_dir(), store.node().to_owned());
    // A day is there before its hours go, so that a reader beside us sees at least one of them.
    for (chunk, done) in kept.chunks(CHUNK).zip(1..) {
        let parts = chunk.iter().map(|dirty| Part::load(store, &sources, *dirty));
        let parts = parts.collect::<anyhow::Result<Vec<Part>>>()?;
        pool.install(|| parts.into_par_iter().try_for_each(|part| part.write(&root, &node_id)))?;
        store.published(chunk)?;
        progress((done * CHUNK).min(kept.len()), total);
    }
    for (chunk, done) in gone.chunks(CHUNK).zip(1..) {
        chunk.iter().try_for_each(|dirty| remove_period(&root, dirty.period, &node_id))?;
        store.published(chunk)?;
        progress((kept.len() + done * CHUNK).min(total), total);
    }
    let mut removed = gone.len();
    if everything {
        removed += remove_unknown(store, &root)?;
    }
    publish_events(store, everything, &root)?;
    Ok(Published { written: kept.len(), removed })
}

/// Hours and days that were published once and of which there is no file: somebody removed it, or put back an older copy.
pub(crate) fn missing(store: &Store, known: &[Known]) -> anyhow::Result<Vec<Period>> {
    let (root, node_id) = (store.published_dir(), store.node());
    let mut missing = Vec::new();
    for known in known.iter().filter(|known| !known.dirty) {
        let (parquet, csv) = files(known.period, node_id)?;
        // A file without bytes is what a crash of the machine may leave.
        let is_lost = |file: File| fs::metadata(file.path(&root)).map_or(true, |file| file.len() == 0);
        if is_lost(parquet) || is_lost(csv) {
            missing.push(known.period);
        }
    }
    Ok(missing)
}

/// An hour or day as the database has it.
struct Part {
    dirty: Dirty,
    sources: Vec<StoredPeriod>,
}

impl Part {
    fn load(store: &Store, sources: &[SourceInfo], dirty: Dirty) -> anyhow::Result<Self> {
        let period = dirty.period;
        let rollups = store.rollups(period)?;
        let mut rollups: BTreeMap<String, Vec<u8>> =
            rollups.into_iter().map(|rollup| (rollup.source, rollup.bytes)).collect();
        let mut parts = Vec::new();
        for SourceInfo { name, tier, node, .. } in sources.iter().cloned() {
            let rollup = rollups.remove(&name);
            // Of an hour and a day that begin together only one is kept.
            let lines: Vec<(String, u64)> =
                store.counts(&name, period.start..period.start.saturating_add(1))?.into_iter().collect();
            if rollup.is_some() || !lines.is_empty() {
                let generation = dirty.generation;
                parts.push(StoredPeriod { source: name, tier, node, generation, rollup, lines });
            }
        }
        Ok(Self { dirty, sources: parts })
    }

    fn write(self, root: &Path, node_id: &str) -> anyhow::Result<()> {
        let Dirty { period, generation, .. } = self.dirty;
        let (parquet, csv) = files(period, node_id)?;
        let file = period_file(period, node_id, generation, self.sources).context("the state")?;
        put(root, &csv, &logstat_reports::dataset::csv(&file))?;
        let bytes = logstat_reports::dataset::parquet(&file);
        put(root, &parquet, &bytes.with_context(|| parquet.path(root).display().to_string())?)
    }
}

/// What is published of a node's hour or day.
pub(crate) fn period_file(
    period: Period,
    node_id: &str,
    generation: u64,
    sources: Vec<StoredPeriod>,
) -> anyhow::Result<PeriodFile> {
    Ok(PeriodFile {
        start: period.start * HOUR_S,
        span_s: span_s(period),
        node_id: node_id.to_owned(),
        generation,
        sources: sources.into_iter().map(|source| source_period(period, source)).collect::<Result<_, _>>()?,
    })
}

fn source_period(period: Period, stored: StoredPeriod) -> anyhow::Result<SourcePeriod> {
    let StoredPeriod { source, tier, node, rollup, lines, .. } = stored;
    let name = SourceName { name: source.clone(), tier: tier.clone(), node: node.clone() };
    let rows = match &rollup {
        Some(bytes) => {
            let stored = dataset::decode(period, bytes).with_context(|| format!("{source}: {period}"))?;
            rows(&name, stored.start(), span_s(period), stored.series())
        }
        None => Vec::new(),
    };
    Ok(SourcePeriod { source, tier, node, rows, rollup: rollup.unwrap_or_default(), lines })
}

fn span_s(period: Period) -> u64 {
    (period.span.hours() * HOUR_S).unsigned_abs()
}

/// The files of a node's hour or day: for programs, and for people.
pub(crate) fn files(period: Period, node_id: &str) -> anyhow::Result<(File, File)> {
    let files = dataset::parquet(period, node_id).zip(dataset::csv(period, node_id));
    files.with_context(|| format!("{period}: no calendar reaches it"))
}

/// Writes a file, and removes what killed runs left of it.
pub(crate) fn put(root: &Path, file: &File, bytes: &[u8]) -> anyhow::Result<()> {
    let dir = root.join(&file.dir);
    write::sweep(&dir, &file.name)?;
    Ok(write::write_atomically(&dir, &file.name, bytes)?)
}

/// Removes what was published of an hour or day of a node.
pub(crate) fn remove_period(root: &Path, period: Period, node_id: &str) -> anyhow::Result<()> {
    let (parquet, csv) = files(period, node_id)?;
    remove(root, &parquet)?;
    remove(root, &csv)
}

/// Removes a file, and the folders that are empty then.
fn remove(root: &Path, file: &File) -> anyhow::Result<()> {
    let mut dir = root.join(&file.dir);
    write::sweep(&dir, &file.name)?;
    let path = file.path(root);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{}: cannot be removed", path.display()));
        }
        _ => {}
    }
    // Those that hold something stay, and so do `hours`, `days` and `csv`.
    while dir.parent().is_some_and(|above| above != root)
        && (fs::remove_dir(&dir).is_ok() || !dir.exists())
        && dir.pop()
    {}
    if dir.exists() {
        write::sync_dir(&dir)?;
    }
    Ok(())
}

/// Removes what this node published and no longer knows; gives how many hours and days that were.
fn remove_unknown(store: &Store, root: &Path) -> anyhow::Result<usize> {
    if !root.exists() {
        return Ok(0);
    }
    let known: BTreeSet<Period> = store.periods(ALL)?.iter().map(|known| known.period).collect();
    let published = dataset::files(&[store.dir().to_owned()], &ALL)?;
    let unknown = published.into_keys().filter(|(period, id)| id == store.node() && !known.contains(period));
    let mut removed = 0;
    for (period, node_id) in unknown {
        remove_period(root, period, &node_id)?;
        removed += 1;
    }
    Ok(removed)
}

fn publish_events(store: &mut Store, everything: bool, root: &Path) -> anyhow::Result<()> {
    let (file, generation) = (dataset::event_file(store.node()), store.events_generation()?);
    let is_lost = generation > 0 && !file.path(root).exists();
    if !everything && !is_lost && !store.dirty_events()? {
        return Ok(());
    }
    let mut sources = Vec::new();
    for source in store.sources()?.into_iter().map(|info| info.name) {
        if let Some(events) = store.events(&source)? {
            sources.push(SourceEvents { source, events });
        }
    }
    if sources.is_empty() {
        remove(root, &file)?;
    } else {
        let bytes = logstat_reports::dataset::events_parquet(&sources, store.node(), generation)?;
        put(root, &file, &bytes)?;
    }
    Ok(store.events_published(generation)?)
}
