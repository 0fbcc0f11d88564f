//! What is there and what is new of it: finds the logs and compares them with the streams that are known. Reads no more
//! than it must to tell them apart.

use crate::cli::ReadArgs;
use crate::config::Config;
use crate::pipeline::SourcePlan;
use crate::plan::{self, Sources};
use crate::source::resume::{self, Contents, Found, KnownStream, Plan, PlannedRead};
use crate::source::{Disk, LogFile, SourceSet};
use anyhow::bail;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// Everything that was asked for, as it stands now.
#[derive(Debug, Default)]
pub struct Sight {
    /// One for each source.
    pub sources: Vec<Look>,
    /// What could not be found or looked at.
    pub problems: Vec<String>,
    /// Files that are left out because others hold the same lines.
    pub notes: Vec<String>,
    /// Something is there and out of reach.
    pub out_of_reach: bool,
}

/// One source.
#[derive(Debug)]
pub struct Look {
    /// As it was asked for.
    pub source: SourcePlan,
    /// Its files, oldest first within each log.
    pub present: Vec<Found>,
    /// What to do about them.
    pub todo: Plan,
}

impl Sight {
    /// Looks at the logs of the command line, else of the configuration.
    ///
    /// # Errors
    /// When no source is named, one is a pipe, or the configuration of one is wrong.
    pub fn of(
        args: &ReadArgs,
        config: &Config,
        known: &[KnownStream],
        rotate_wait: Duration,
    ) -> anyhow::Result<Self> {
        let Sources { plans, mut problems, notes, out_of_reach, .. } = plan::sources(args, config)?;
        let mut files = plans.iter().flat_map(|plan| &plan.sets).flat_map(|set| &set.files);
        if let Some(pipe) = files.find(|file| file.is_pipe()) {
            bail!(
                "{}: is no file, and there is no telling which of its lines were read before\nhint: `logstat report -` reports it without keeping anything",
                pipe.path().display()
            );
        }
        let now = SystemTime::now();
        let look = |source: SourcePlan| {
            let present: Vec<Found> =
                source.sets.iter().flat_map(|set| Found::list(set, now, rotate_wait)).collect();
            let sight =
                resume::Sight { source: &source.name, known, present: &present, complete: !out_of_reach };
            let todo = resume::resume(&sight, &mut Disk::default());
            Look { todo, source, present }
        };
        let mut sources: Vec<Look> = plans.into_iter().map(look).collect();
        let names: BTreeSet<String> = sources.iter().map(|look| look.source.name.clone()).collect();
        for look in &mut sources {
            problems.extend(look.refuse_read_elsewhere(known, &names));
        }
        Ok(Self { sources, problems, notes, out_of_reach })
    }

    /// Whether lines seem lost, or files are not where they were a moment before. Both may be a rotation under way, so
    /// that it needs another look.
    pub fn is_unsteady(&self) -> bool {
        let mut todos = self.sources.iter().map(|look| &look.todo);
        todos
            .any(|todo| !todo.gaps.is_empty() || todo.waiting.iter().any(|waiting| waiting.error.has_moved()))
    }
}

impl Look {
    /// Leaves out files that another source read, which is not asked for any more: one that got another name would count
    /// twice.
    fn refuse_read_elsewhere(&mut self, known: &[KnownStream], names: &BTreeSet<String>) -> Option<String> {
        let others: Vec<_> = known.iter().filter(|stream| !names.contains(&stream.source)).collect();
        let mut disk = Disk::default();
        let mut reader_of = |read: &PlannedRead| {
            let found = &self.present[read.at];
            let mut same = others.iter().filter(|stream| read.stream.is_none() && found.is_file_of(stream));
            let known = |stream: &&&KnownStream| {
                stream.offset > 0 && disk.same_head(found, &stream.fingerprint).unwrap_or(false)
            };
            same.find(known).map(|stream| (read.path.display().to_string(), stream.source.clone()))
        };
        let (path, reader) = self.todo.reads.iter().find_map(&mut reader_of)?;
        self.todo.reads.clear();
        let name = &self.source.name;
        Some(format!(
            "{path}: was read as source {reader} until now, and as {name} it would count twice, so nothing of {name} is read\nhint: keep the name, `name = \"{reader}\"` in logstat.toml, or give the new one to what is kept too: logstat rename '{reader}' '{name}'"
        ))
    }

    /// The source with only the files that have something new.
    pub fn unread(&self) -> SourcePlan {
        let is_wanted = |file: &LogFile| self.todo.reads.iter().any(|read| read.path == file.path());
        let wanted = |set: &SourceSet| SourceSet {
            name: set.name.clone(),
            files: set.files.iter().filter(|file| is_wanted(file)).cloned().collect(),
        };
        SourcePlan { sets: self.source.sets.iter().map(wanted).collect(), ..self.source.clone() }
    }

    /// Bytes on disk to read.
    pub fn bytes(&self) -> u64 {
        let bytes = |read: &PlannedRead| {
            let found = &self.present[read.at];
            if found.is_plain() { found.size.saturating_sub(read.from) } else { found.size }
        };
        self.todo.reads.iter().map(bytes).sum()
    }
}
