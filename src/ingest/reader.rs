//! Takes what a look showed through the pipeline into the state, batch by batch.

use super::Ingest;
use super::interrupt::Interrupt;
use super::outcome::Outcome;
use super::pending::Pending;
use super::sight::{Look, Sight};
use crate::bans::{Setup, settle};
use crate::bots::Bots;
use crate::pipeline::{Portion, PrepareError, Prepared, Resumed, Sink, Unread, prepare, read_on};
use crate::run;
use crate::source::Progress;
use crate::source::resume::KnownStream;
use crate::store::{Gap, SourceInfo, Store};
use indicatif::ProgressBar;
use logstat_parsers::PRESETS;
use std::sync::Arc;

/// How often a stream is noted to be there still. It is forgotten only long after its lines.
const SEEN_US: i64 = 24 * 3_600_000_000;

/// Reads what was seen, and commits it batch by batch.
pub struct Reader<'a> {
    ingest: &'a Ingest<'a>,
    store: &'a mut Store,
    pending: Pending,
    outcome: &'a mut Outcome,
    interrupt: &'a Interrupt,
    progress: Progress,
    /// Nothing more can be kept.
    failed: Option<anyhow::Error>,
    /// One file only is read, so that nothing has to wait for another.
    alone: bool,
    /// A file was another one than a moment before.
    pub moved: bool,
}

impl<'a> Reader<'a> {
    /// Into this state.
    pub fn new(
        ingest: &'a Ingest<'a>,
        store: &'a mut Store,
        outcome: &'a mut Outcome,
        interrupt: &'a Interrupt,
    ) -> Self {
        let (pending, progress) = (Pending::default(), Progress::default());
        Self {
            ingest,
            store,
            pending,
            outcome,
            interrupt,
            progress,
            failed: None,
            alone: false,
            moved: false,
        }
    }

    /// Reads and commits everything.
    ///
    /// # Errors
    /// When something cannot be kept; what was committed before is.
    pub fn read_all(&mut self, sight: &Sight, known: &[KnownStream]) -> anyhow::Result<()> {
        let bar = run::bytes_bar(sight.sources.iter().map(Look::bytes).sum());
        let infos = self.store.sources()?;
        let bots = Arc::new(Bots::new());
        self.alone = sight.sources.iter().map(|look| look.todo.reads.len()).sum::<usize>() == 1;
        for look in &sight.sources {
            self.note(look, known);
            let info = infos.iter().find(|info| info.name == look.source.name);
            if !look.todo.reads.is_empty() && !self.is_over() {
                self.read(look, known, info, &bots, &bar)?;
            }
        }
        bar.finish_and_clear();
        self.failed.take().map_or(Ok(()), Err)?;
        // A run that was asked to end leaves logs for the next one.
        self.commit(!self.interrupt.is_asked()).map(drop)
    }

    /// What a look alone tells.
    fn note(&mut self, look: &Look, known: &[KnownStream]) {
        let now_us = self.ingest.now().as_microsecond();
        let by_id = |id: i64| known.iter().find(|stream| stream.id == id);
        for &(id, at) in &look.todo.found {
            let Some(stream) = by_id(id) else { continue };
            let found = &look.present[at];
            let size = if found.is_plain() { found.size } else { stream.offset };
            let moved = !found.is_file_of(stream) || stream.path != found.path || stream.size != size;
            if moved || now_us - stream.seen_us > SEEN_US {
                let (device, inode, path) = (found.device, found.inode, found.path.clone());
                let seen_us = now_us;
                self.pending.update(KnownStream { device, inode, path, size, seen_us, ..stream.clone() });
            }
        }
        for stream in look.todo.finished.iter().filter_map(|id| by_id(*id)) {
            self.pending.update(KnownStream { finished: true, ..self.latest(stream) });
        }
        for gap in &look.todo.gaps {
            let gap = Gap {
                source: look.source.name.clone(),
                stream: Some(gap.stream),
                path: gap.path.clone(),
                offset: by_id(gap.stream).map_or(0, |stream| stream.offset),
                unread_bytes: gap.unread_bytes,
                why: gap.why.to_string(),
                found_us: now_us,
            };
            self.outcome.gaps.push(gap.clone());
            self.pending.add_gap(gap);
        }
    }

    /// The stream as it is to be written.
    fn latest(&self, stream: &KnownStream) -> KnownStream {
        self.pending.stream(stream.id).unwrap_or(stream).clone()
    }

    fn read(
        &mut self,
        look: &Look,
        known: &[KnownStream],
        info: Option<&SourceInfo>,
        bots: &Arc<Bots>,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let mut source = look.unread();
        source.remembered = remembered(info);
        let prepared = match prepare(source) {
            Ok(prepared) => prepared,
            Err(error @ PrepareError::Format { .. }) => return Err(error.into()),
            Err(error) => {
                self.outcome.problems.push(error.to_string());
                return Ok(());
            }
        };
        let unread: Vec<Unread<'_>> = prepared
            .files
            .iter()
            .filter_map(|file| {
                let read = look.todo.reads.iter().find(|read| read.path == file.file.path())?;
                let known = read.stream.and_then(|id| known.iter().find(|stream| stream.id == id));
                Some(Unread { read, found: &look.present[read.at], known })
            })
            .collect();
        let watched = self.ingest.bans.filter(|_| prepared.plan.watched);
        if self.ingest.bans.is_some() {
            self.outcome.problems.extend(prepared.unwatched());
        }
        let options = self.ingest.read_options(&self.progress, watched.map(Setup::watch));
        let portion_bytes = self.ingest.batch_bytes();
        let (pool, progress) = (self.ingest.pool, self.progress.clone());
        let mut folded = || bar.set_position(progress.bytes_read());
        let resumed = read_on(&prepared, &unread, &options, portion_bytes, (pool, bots), (self, &mut folded));
        self.after(&prepared, info, resumed);
        Ok(())
    }

    /// Notes how reading a source went.
    fn after(&mut self, prepared: &Prepared, info: Option<&SourceInfo>, resumed: Resumed) {
        for error in resumed.errors {
            self.moved |= error.has_moved();
            self.outcome.errors.push(error);
        }
        let plan = &prepared.plan;
        let mut formats: Vec<String> = resumed.formats.into_iter().map(|share| share.format).collect();
        if plan.formats.is_empty() {
            let before: Vec<_> =
                remembered(info).into_iter().filter(|known| !formats.contains(known)).collect();
            formats.extend(before);
        }
        let now =
            SourceInfo { name: plan.name.clone(), tier: plan.tier.clone(), node: plan.node.clone(), formats };
        if info != Some(&now) {
            self.pending.describe(now);
        }
    }

    /// Hits are decided on when all logs have been read, so that no log is late because of another.
    fn commit(&mut self, last: bool) -> anyhow::Result<Vec<i64>> {
        let setup = self.ingest.bans;
        let committed = self.pending.commit(self.store, setup.map(|setup| &*setup.rules), |batch| {
            setup
                .filter(|setup| setup.unread.is_none() && (last || self.alone))
                .map_or(Ok(()), |setup| settle(batch, setup))
        })?;
        self.outcome.expired += committed.expired;
        Ok(committed.streams)
    }
}

/// Presets that lines had in earlier runs. What was given then is nothing to guess by now.
fn remembered(info: Option<&SourceInfo>) -> Vec<String> {
    let is_preset = |name: &&String| PRESETS.iter().any(|preset| preset.name == name.as_str());
    info.map(|info| info.formats.iter().filter(is_preset).cloned().collect()).unwrap_or_default()
}

impl Sink for Reader<'_> {
    fn take(&mut self, mut portion: Portion) -> Option<i64> {
        if self.failed.is_some() {
            return None;
        }
        let complete = portion.complete;
        portion.stream.seen_us = self.ingest.now().as_microsecond();
        self.outcome.counts.merge(&portion.stored.counts);
        self.outcome.forwarded |= portion.hits.forwarded > 0;
        if portion.stored.counts.rejected() > 0 {
            self.outcome.rejected_in = Some(portion.stream.path.display().to_string());
        }
        self.pending.add(portion);
        if complete && self.pending.bytes() < self.ingest.batch_bytes() {
            return None;
        }
        match self.commit(false) {
            Ok(streams) => streams.last().copied(),
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    fn is_over(&self) -> bool {
        self.failed.is_some() || self.interrupt.is_asked()
    }
}
