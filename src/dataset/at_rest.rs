//! Files of a dataset become what several nodes counted of each source. Knows no window.

use super::find::{Partition, event_copies, newest};
use crate::rollup::{DecodeError, StoredDay, StoredEvents, StoredHour};
use crate::store::{Period, Span};
use anyhow::{Context, bail};
use logstat_reports::dataset::{StoredPeriod, read, read_events};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What all nodes have of one source in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct SourceAtRest {
    pub name: String,
    /// As the newest file has it.
    pub tier: Option<String>,
    /// The same; `None` where several have part in it.
    pub node: Option<String>,
    /// `None` when there was no request.
    pub stored: Option<AtRest>,
    /// What became of the lines, by kind.
    pub lines: BTreeMap<String, u64>,
}

/// An hour or a day of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs)]
pub enum AtRest {
    Hour(StoredHour),
    Day(StoredDay),
}

impl AtRest {
    /// Reads the stored form, which must be that of this period.
    pub(crate) fn decode(period: Period, bytes: &[u8]) -> Result<Self, DecodeError> {
        let (stored, start) = match period.span {
            Span::Hour => {
                let hour = StoredHour::decode(bytes)?;
                let start = hour.hour();
                (Self::Hour(hour), start)
            }
            Span::Day => {
                let day = StoredDay::decode(bytes)?;
                let start = day.day().saturating_mul(Span::Day.hours());
                (Self::Day(day), start)
            }
        };
        if start == period.start { Ok(stored) } else { Err(DecodeError::Impossible("of another time")) }
    }

    /// Adds what another node has of the same period.
    fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Hour(hour), Self::Hour(other)) => hour.merge(other),
            (Self::Day(day), Self::Day(other)) => day.merge(other),
            (Self::Day(day), Self::Hour(hour)) => day.add(hour),
            (one @ Self::Hour(_), Self::Day(mut day)) => {
                if let Self::Hour(hour) = std::mem::replace(one, Self::Day(StoredDay::default())) {
                    day.add(hour);
                }
                *one = Self::Day(day);
            }
        }
    }
}

/// Adds up the files of one period, by the names of their sources. Their order does not matter.
///
/// # Errors
/// When a file cannot be read or is damaged, or is of another time than its path says.
pub fn read_period(partitions: &[Partition]) -> anyhow::Result<Vec<SourceAtRest>> {
    let mut ordered: Vec<&Partition> = partitions.iter().collect();
    ordered.sort();
    let mut parts = Vec::new();
    for partition in ordered {
        parts.extend(read(&partition.path)?.into_iter().map(|stored| (partition, stored)));
    }
    // The newest of a source comes last.
    parts.sort_by(|(_, a), (_, b)| (&a.source, a.generation).cmp(&(&b.source, b.generation)));
    let mut sources: Vec<SourceAtRest> = Vec::new();
    for (partition, stored) in parts {
        let part = source(partition, stored)?;
        match sources.last_mut() {
            Some(known) if known.name == part.name => known.merge(part),
            _ => sources.push(part),
        }
    }
    Ok(sources)
}

/// What one file has of a source.
fn source(partition: &Partition, stored: StoredPeriod) -> anyhow::Result<SourceAtRest> {
    let decode = |bytes: Vec<u8>| {
        AtRest::decode(partition.period, &bytes)
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
    /// Adds what a newer file has of the same source.
    fn merge(&mut self, newer: Self) {
        self.tier = newer.tier.or(self.tier.take());
        self.node = self.node.take().filter(|node| newer.node.as_ref() == Some(node));
        match (&mut self.stored, newer.stored) {
            (Some(stored), Some(more)) => stored.merge(more),
            (none @ None, more) => *none = more,
            (Some(_), None) => {}
        }
        for (kind, count) in newer.lines {
            let sum = self.lines.entry(kind).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}

/// What the proxies of each source said, by name, over all nodes.
///
/// # Errors
/// When a folder cannot be read or is no dataset, or a file in it is damaged.
pub fn events(dirs: &[PathBuf]) -> anyhow::Result<BTreeMap<String, StoredEvents>> {
    let mut events = BTreeMap::<String, StoredEvents>::new();
    for copies in event_copies(dirs)?.into_values() {
        let path = newest(copies)?;
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
