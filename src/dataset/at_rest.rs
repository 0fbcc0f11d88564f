//! Files of a dataset become what several nodes counted of each source. Knows no window.

use super::find::{Partition, event_copies, newest};
use crate::rollup::{AtRest, DecodeError, HOUR_S, StoredDay, StoredEvents, StoredHour};
use crate::store::{Period, Span};
use anyhow::{Context, bail};
use logstat_reports::dataset::{StoredPeriod, read, read_events};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What there is of one source in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct SourceAtRest {
    pub name: String,
    /// As the newest file has it.
    pub tier: Option<String>,
    /// The machine whose log it is, of the configuration: a source may have parts on several.
    pub node: Option<String>,
    /// `None` when there was no request.
    pub stored: Option<AtRest>,
    /// What became of the lines, by kind.
    pub lines: BTreeMap<String, u64>,
}

/// Reads the stored form of a rollup, which must be that of this period.
pub(crate) fn decode(period: Period, bytes: &[u8]) -> Result<AtRest, DecodeError> {
    let stored = match period.span {
        Span::Hour => AtRest::Hour(StoredHour::decode(bytes)?),
        Span::Day => AtRest::Day(StoredDay::decode(bytes)?),
    };
    if stored.start().div_euclid(HOUR_S) == period.start {
        return Ok(stored);
    }
    Err(DecodeError::Impossible("of another time"))
}

/// Adds up the files of one period, by the names of their sources and the machines these are on. Their order does not
/// matter.
///
/// # Errors
/// When a file cannot be read or is damaged, or the files are not of one period.
pub fn read_period(partitions: &[Partition]) -> anyhow::Result<Vec<SourceAtRest>> {
    let mut ordered: Vec<&Partition> = partitions.iter().collect();
    ordered.sort();
    let mut parts = Vec::new();
    for partition in ordered {
        parts.extend(read(&partition.path)?.into_iter().map(|stored| (partition, stored)));
    }
    // The newest of a source comes last.
    let key = |stored: &StoredPeriod| (stored.source.clone(), stored.node.clone(), stored.generation);
    parts.sort_by_cached_key(|(_, stored)| key(stored));
    let mut sources: Vec<SourceAtRest> = Vec::new();
    for (partition, stored) in parts {
        let part = source(partition, stored)?;
        match sources.last_mut() {
            Some(known) if (&known.name, &known.node) == (&part.name, &part.node) => known.merge(part)?,
            _ => sources.push(part),
        }
    }
    Ok(sources)
}

/// What one file has of a source.
fn source(partition: &Partition, stored: StoredPeriod) -> anyhow::Result<SourceAtRest> {
    let decode = |bytes: Vec<u8>| {
        decode(partition.period, &bytes)
            .with_context(|| format!("{}: {}", partition.path.display(), stored.source))
    };
    Ok(SourceAtRest {
        stored: stored.rollup.map(decode).transpose()?,
        lines: stored.lines.into_iter().collect(),
        name: stored.source,
        tier: stored.tier,
        node: stored.node,
    })
}

impl SourceAtRest {
    /// Adds what a newer file has of the same source and period.
    fn merge(&mut self, newer: Self) -> anyhow::Result<()> {
        self.tier = newer.tier.or(self.tier.take());
        match (&mut self.stored, newer.stored) {
            (Some(AtRest::Hour(hour)), Some(AtRest::Hour(more))) => hour.merge(more),
            (Some(AtRest::Day(day)), Some(AtRest::Day(more))) => day.merge(more),
            (Some(_), Some(_)) => bail!("{}: an hour and a day are no period", self.name),
            (none @ None, more) => *none = more,
            (Some(_), None) => {}
        }
        for (kind, count) in newer.lines {
            let sum = self.lines.entry(kind).or_default();
            *sum = sum.saturating_add(count);
        }
        Ok(())
    }
}

/// What the proxies of each source said, by name, over all nodes.
///
/// # Errors
/// When a folder cannot be read or is no dataset, or a file in it is damaged.
pub fn events(dirs: &[PathBuf]) -> anyhow::Result<BTreeMap<String, StoredEvents>> {
    let mut events = BTreeMap::<String, StoredEvents>::new();
    for copies in event_copies(dirs)?.into_values() {
        let path = newest(&copies)?;
        for part in read_events(&path)? {
            let stored = decode_events(&path, &part.events)?;
            events.entry(part.source).or_default().merge(stored);
        }
    }
    Ok(events)
}

fn decode_events(path: &Path, bytes: &[u8]) -> anyhow::Result<StoredEvents> {
    match StoredEvents::decode(bytes) {
        Ok(events) => Ok(events),
        Err(error) => bail!("{}: {error}", path.display()),
    }
}
