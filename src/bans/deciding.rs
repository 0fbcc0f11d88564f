//! Takes the hits of logs that are read in one go to whoever decides. Reads nothing.

use super::Setup;
use crate::ban::ban::Hit;
use crate::ban::decide::Decider;
use crate::ban::spool::{Lane, merge};
use crate::pipeline::{HitCounts, HitSink, Prepared};
use std::path::PathBuf;

/// Hits that are handed over at once.
const AT_ONCE: usize = 4096;

/// Decides on the hits of several sources.
///
/// The files of one log follow each other, so that its hits are decided on as they come. Those of several logs wait in
/// lanes until all are read, and are merged by log time: else every hit of the second log would be late.
#[derive(Debug)]
pub struct Deciding {
    decider: Decider,
    /// One for each file; none where there is one log only.
    lanes: Vec<Lane>,
    /// Every file, by the number that places of hits have.
    files: Vec<PathBuf>,
    /// The first file of each source.
    starts: Vec<usize>,
    counts: HitCounts,
}

/// What was decided.
#[derive(Debug)]
#[expect(missing_docs)]
pub struct Decided {
    pub decider: Decider,
    /// By the number that places of hits have.
    pub files: Vec<PathBuf>,
    pub counts: HitCounts,
}

/// Takes the hits of one source.
#[derive(Debug)]
pub struct OfSource<'d> {
    deciding: &'d mut Deciding,
    start: usize,
}

/// Wants no hits.
#[derive(Debug)]
pub struct Unwatched;

impl Deciding {
    /// On hits of these sources.
    #[must_use]
    pub fn new(setup: &Setup, sources: &[Prepared]) -> Self {
        Self::of(setup, sources, false)
    }

    /// On nothing yet: the hits of these sources wait in lanes.
    #[must_use]
    pub fn in_lanes(setup: &Setup, sources: &[Prepared]) -> Self {
        Self::of(setup, sources, true)
    }

    fn of(setup: &Setup, sources: &[Prepared], always_lanes: bool) -> Self {
        let mut starts = Vec::new();
        let mut files = Vec::new();
        for source in sources {
            starts.push(files.len());
            files.extend(source.files.iter().map(|file| file.file.path().to_owned()));
        }
        let logs: usize =
            sources.iter().filter(|source| source.plan.watched).map(|source| source.plan.sets.len()).sum();
        let logs = if always_lanes { usize::MAX } else { logs };
        let thresholds = setup.rules.thresholds();
        let number = |file: usize| u32::try_from(file).unwrap_or(u32::MAX);
        let lanes = if logs > 1 { files.len() } else { 0 };
        let lanes = (0..lanes).map(|file| Lane::new(number(file), &thresholds)).collect();
        Self { decider: setup.decider(), lanes, files, starts, counts: HitCounts::default() }
    }

    /// For the hits of the source at this place.
    pub fn of_source(&mut self, source: usize) -> OfSource<'_> {
        let start = self.starts[source];
        OfSource { deciding: self, start }
    }

    /// Adds to the hits that each rule had.
    pub fn count(&mut self, counts: HitCounts) {
        self.counts.merge(counts);
    }

    /// All hits were handed over.
    #[must_use]
    pub fn finish(mut self) -> Decided {
        decide_lanes(&mut self.decider, &self.lanes);
        Decided { decider: self.decider, files: self.files, counts: self.counts }
    }

    /// Hits that wait.
    #[must_use]
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Hits of each rule.
    #[must_use]
    pub fn counts(&self) -> &HitCounts {
        &self.counts
    }
}

/// Decides on the hits of several logs, merged by their times.
pub fn decide_lanes(decider: &mut Decider, lanes: &[Lane]) {
    let mut waiting = Vec::with_capacity(AT_ONCE);
    merge(lanes, &mut |hit| {
        waiting.push(hit);
        if waiting.len() == AT_ONCE {
            decider.add_all(&waiting);
            waiting.clear();
        }
    });
    decider.add_all(&waiting);
}

impl HitSink for OfSource<'_> {
    fn take(&mut self, file: usize, hits: &mut Vec<Hit>) {
        let Deciding { decider, lanes, .. } = self.deciding;
        let at = self.start + file;
        match lanes.get_mut(at) {
            Some(lane) => hits.iter().for_each(|hit| lane.push(hit)),
            None => {
                let number = u32::try_from(at).unwrap_or(u32::MAX);
                hits.iter_mut().for_each(|hit| hit.place.0 = number);
                decider.add_all(hits);
            }
        }
    }
}

impl HitSink for Unwatched {
    fn take(&mut self, _: usize, _: &mut Vec<Hit>) {}
}
