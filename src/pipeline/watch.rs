//! Finds the hits of ban rules among lines, block by block. Decides nothing.

use super::lines::At;
use crate::ban::ban::Hit;
use crate::ban::client::{TrustedProxies, Whose};
use crate::ban::filter::Subject;
use crate::ban::watch::{RuleSet, Watcher};
use crate::rollup::{HOUR_S, Places, RollupOptions};
use logstat_parsers::{Fields, Line, Record, Reject};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is watched for while logs are read.
#[derive(Debug)]
pub struct Watch {
    #[expect(missing_docs)]
    pub rules: Arc<RuleSet>,
    /// Whose word on their clients counts.
    pub proxies: TrustedProxies,
}

impl Watch {
    /// Texts that the rules ask for, and the header that tells whose requests they are.
    pub(super) fn fields(&self) -> Fields {
        Fields { x_forwarded_for: !self.proxies.is_empty(), ..self.rules.fields() }
    }
}

/// Takes the hits of a source, file by file, in the order of their lines.
pub trait HitSink {
    /// Takes hits of the file at this place among the prepared ones; the number of the file in their places is 0.
    fn take(&mut self, file: usize, hits: &mut Vec<Hit>);
}

/// Requests are sampled where the first bytes of their line stand at a multiple of this in the log: the same ones however
/// it is read.
const SAMPLE_BYTES: u64 = 256;

/// How many hits each rule had in each Unix hour, how many of them were told by proxies, and what rules cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HitCounts {
    /// By hour and rule.
    pub hours: BTreeMap<(i64, u16), u64>,
    /// Hits of addresses that a trusted proxy told.
    pub forwarded: u64,
    /// Requests that were sampled.
    pub sampled: u64,
    /// Bytes of text that each rule's filter looks at in them.
    pub examined_bytes: Vec<u64>,
}

impl HitCounts {
    /// Adds the counts of others.
    pub fn merge(&mut self, other: Self) {
        self.forwarded += other.forwarded;
        self.sampled += other.sampled;
        self.examined_bytes.resize(self.examined_bytes.len().max(other.examined_bytes.len()), 0);
        self.examined_bytes.iter_mut().zip(other.examined_bytes).for_each(|(sum, bytes)| *sum += bytes);
        other.hours.into_iter().for_each(|(at, hits)| *self.hours.entry(at).or_default() += hits);
    }

    /// Of each rule, in all hours.
    #[must_use]
    pub fn of_rule(&self, rule: u16) -> u64 {
        self.hours.iter().filter(|((_, of), _)| *of == rule).map(|(_, hits)| hits).sum()
    }

    /// Bytes of text that a rule's filter looks at in a request, the mean over the sampled ones.
    #[must_use]
    pub fn examined_bytes_mean(&self, rule: u16) -> Option<f64> {
        let bytes = self.examined_bytes.get(usize::from(rule))?;
        (self.sampled > 0).then(|| *bytes as f64 / self.sampled as f64)
    }

    fn add(&mut self, hits: &[Hit]) {
        // Hits of one hour and rule come together, or nearly.
        for run in hits.chunk_by(|a, b| hour_and_rule(a) == hour_and_rule(b)) {
            *self.hours.entry(hour_and_rule(&run[0])).or_default() += run.len() as u64;
        }
    }
}

fn hour_and_rule(hit: &Hit) -> (i64, u16) {
    (hit.at_us.div_euclid(HOUR_S * 1_000_000), hit.rule)
}

/// Finds the hits of one block. Used again for the next one.
#[derive(Debug)]
pub(super) struct BlockWatch {
    watch: Arc<Watch>,
    watcher: Watcher,
    options: RollupOptions,
    hits: Vec<Hit>,
    /// Hits before the block's first request: they have the time of the one before it, in an earlier block.
    undated: Vec<Hit>,
    /// What was counted besides.
    counts: HitCounts,
}

impl BlockWatch {
    pub(super) fn new(watch: &Arc<Watch>, options: &RollupOptions) -> Self {
        Self {
            watch: Arc::clone(watch),
            watcher: Watcher::new(Arc::clone(&watch.rules)),
            options: options.clone(),
            hits: Vec::new(),
            undated: Vec::new(),
            counts: HitCounts::default(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.watcher.forget_places();
        self.hits.clear();
        self.undated.clear();
        self.counts = HitCounts::default();
    }

    /// Looks at a line. Equal places stand for equal texts.
    #[inline]
    pub(super) fn line(&mut self, at: &At<'_>, parsed: &Line<'_>, places: Places) {
        match parsed {
            Line::Record(record) => self.record(at.offset, record, places),
            Line::Reject(reject) => self.reject(at, *reject),
            Line::Event(_) | Line::Blank => {}
        }
    }

    #[inline]
    fn record(&mut self, offset: u64, record: &Record<'_>, places: Places) {
        let at_us = record.end_us;
        if !self.options.counts(at_us) {
            return;
        }
        if offset.is_multiple_of(SAMPLE_BYTES) {
            self.sample(record);
        }
        let Self { watch, watcher, hits, counts, .. } = self;
        let mut whose = None;
        watcher.record(record, places.agent, places.target, |rule, distinct| {
            let whose = *whose.get_or_insert_with(|| watch.proxies.of_record(record));
            if let Some(whose) = whose {
                counts.forwarded += u64::from(matches!(whose, Whose::Forwarded(_)));
                hits.push(Hit { rule, client: whose.address(), at_us, distinct, place: (0, offset) });
            }
        });
    }

    #[cold]
    fn sample(&mut self, record: &Record<'_>) {
        let (rules, subject) = (self.watch.rules.rules(), Subject::of(record));
        self.counts.sampled += 1;
        self.counts.examined_bytes.resize(rules.len(), 0);
        for (sum, rule) in self.counts.examined_bytes.iter_mut().zip(rules) {
            *sum += rule.examined_bytes(&subject);
        }
    }

    /// A line that is no request has no date that could be believed: it has that of the request before it.
    #[cold]
    fn reject(&mut self, at: &At<'_>, reject: Reject) {
        let Some(client) = reject.client else { return };
        let rules = Arc::clone(&self.watch.rules);
        for rule in rules.over_rejects(reject.kind) {
            let at_us = at.after_us.unwrap_or_default();
            let hit = Hit { rule, client, at_us, distinct: 0, place: (0, at.offset) };
            match at.after_us {
                None => self.undated.push(hit),
                Some(us) if self.options.counts(us) => self.hits.push(hit),
                Some(_) => {}
            }
        }
    }

    /// The block's hits, counted, when the request before the block ended at `after_us`. Where there is none, its first
    /// lines have no time.
    pub(super) fn give(&mut self, after_us: Option<i64>, counts: &mut HitCounts) -> &mut Vec<Hit> {
        if let Some(at_us) = after_us.filter(|&us| self.options.counts(us)) {
            let dated = self.undated.drain(..).map(|hit| Hit { at_us, ..hit });
            self.hits.splice(0..0, dated);
        }
        // Lines that nobody read at first come when the block is over, and would be late.
        self.hits.sort_by_key(|hit| hit.place.1);
        counts.add(&self.hits);
        counts.merge(std::mem::take(&mut self.counts));
        &mut self.hits
    }
}
