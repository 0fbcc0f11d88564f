//! What was asked for, from flags and configuration together: sources, zone and limits. Flags beat the file.

use crate::cli::{ReadArgs, ReportArgs};
use crate::config::{Config, SourceConfig};
use crate::pipeline::SourcePlan;
use crate::report::{SourceName, outermost};
use crate::source::{DiscoverError, Discovery, LogFile, SourceSet, discover};
use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use logstat_parsers::{Captures, Escape};
use logstat_reports::model::By;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;

pub(crate) const NO_LOGS: &str = "no logs named\nhint: name them, such as '/var/log/nginx/access.log*', or `-` for \
                                   standard input, or a [[source]] in logstat.toml";
const TOP: usize = 10;
const OUT: &str = "logstat-report";
const MAX_REJECT_RATIO: f64 = 0.05;
/// Without paths, `--since` is this.
const SINCE_WITHOUT_PATHS: &str = "24h";

/// Everything that `logstat report` needs to know, but for the window.
#[derive(Debug)]
#[expect(missing_docs, reason = "see the flags")]
pub struct Plan {
    pub sources: Vec<SourcePlan>,
    /// Arguments that could not be read.
    pub problems: Vec<String>,
    /// Files that are left out because others hold the same lines.
    pub notes: Vec<String>,
    pub zone: TimeZone,
    pub by: Vec<By>,
    pub top: usize,
    pub max_reject_ratio: f64,
    /// `None` writes no files.
    pub out: Option<PathBuf>,
    pub now: Timestamp,
}

/// Settles what was asked for.
///
/// # Errors
/// When no source is named, or a zone is unknown.
pub fn plan(args: &mut ReportArgs, config: &Config) -> anyhow::Result<Plan> {
    let Sources { mut plans, problems, notes, .. } = sources(&args.read, config)?;
    plans.retain(|plan| !plan.sets.is_empty());
    Ok(Plan { sources: plans, problems, notes, ..without_sources(args, config)? })
}

/// Settles what was asked for, but for the logs.
///
/// # Errors
/// When a zone is unknown.
pub fn without_sources(args: &mut ReportArgs, config: &Config) -> anyhow::Result<Plan> {
    if args.read.paths.is_empty() && args.since.is_none() && args.until.is_none() {
        args.since = Some(SINCE_WITHOUT_PATHS.parse()?);
    }
    Ok(Plan {
        sources: Vec::new(),
        problems: Vec::new(),
        notes: Vec::new(),
        zone: zone(args.tz.as_deref().or(config.report.timezone.as_deref()))?,
        by: by(args),
        top: args.top.or(config.report.top).unwrap_or(TOP),
        max_reject_ratio: max_reject_ratio(&args.read, config),
        out: (!args.no_out)
            .then(|| args.out.clone().or_else(|| config.report.out.clone()).unwrap_or_else(|| OUT.into())),
        now: args.work.now.unwrap_or_else(Timestamp::now),
    })
}

/// The share of rejects that is still well.
#[must_use]
pub fn max_reject_ratio(args: &ReadArgs, config: &Config) -> f64 {
    args.max_reject_ratio.or(config.report.max_reject_ratio).unwrap_or(MAX_REJECT_RATIO)
}

/// The logs that were asked for.
#[derive(Debug, Default)]
pub struct Sources {
    #[expect(missing_docs)]
    pub plans: Vec<SourcePlan>,
    /// Arguments that could not be read.
    pub problems: Vec<String>,
    /// Files that are left out because others hold the same lines.
    pub notes: Vec<String>,
    /// Something is there and out of reach, which is another matter than a log that is not there.
    pub out_of_reach: bool,
    /// The source that reads each file of a configured one, by device and inode.
    readers: HashMap<(u64, u64), String>,
}

/// Finds the logs of the command line, else those of the configuration.
///
/// # Errors
/// When none is named, two have one name, or a zone is unknown.
pub fn sources(args: &ReadArgs, config: &Config) -> anyhow::Result<Sources> {
    let mut sources = Sources::default();
    if !args.paths.is_empty() {
        sources.add_paths(args)?;
        return Ok(sources);
    }
    if config.source.is_empty() {
        bail!(NO_LOGS);
    }
    for source in &config.source {
        sources.add_configured(source)?;
    }
    sources.refuse_equal_names()?;
    sources.watch_outermost(config);
    Ok(sources)
}

impl Sources {
    fn add_paths(&mut self, args: &ReadArgs) -> anyhow::Result<()> {
        let found = self.take_problems(discover(&args.paths));
        for set in found.sources {
            self.plans.push(SourcePlan {
                origin: "--format".to_owned(),
                name: set.name.clone(),
                sets: vec![set],
                formats: args.format.clone(),
                remembered: Vec::new(),
                escape: args.escape.map_or(Escape::Default, Into::into),
                captures: Captures::default(),
                timezone: zone(args.log_tz.as_deref())?,
                tier: None,
                node: None,
                watched: true,
            });
        }
        Ok(())
    }

    fn add_configured(&mut self, source: &SourceConfig) -> anyhow::Result<()> {
        if source.paths.is_empty() {
            let name = source.name.as_deref().unwrap_or("without a name");
            bail!("source {name}: `paths` is empty\nhint: paths = [\"/var/log/nginx/access.log*\"]");
        }
        let mut found = discover(&source.paths);
        // A site rotates by number or by date, so that of several patterns some may never match.
        if !found.sources.is_empty() {
            found.problems.retain(|problem| !matches!(problem, DiscoverError::NoMatch { .. }));
        }
        let mut found = self.take_problems(found);
        let first = found.sources.first().map(|first| first.name.clone());
        let Some(name) = source.name.clone().or(first) else { return Ok(()) };
        self.leave_out_repeats(&name, &mut found.sources);
        self.plans.push(SourcePlan {
            origin: format!("source {name}: format"),
            name: name.clone(),
            sets: found.sources,
            formats: source.format.clone(),
            remembered: Vec::new(),
            escape: source.escape.map_or(Escape::Default, Into::into),
            captures: Captures {
                request: source.capture_request.clone(),
                response: source.capture_response.clone(),
            },
            timezone: zone(source.timezone.as_deref()).with_context(|| format!("source {name}: timezone"))?,
            tier: source.tier.clone(),
            node: source.node.clone(),
            watched: source.ban.unwrap_or(true),
        });
        Ok(())
    }

    /// A request that two tiers logged is one hit: unless it is said otherwise, only the outermost tier counts.
    fn watch_outermost(&mut self, config: &Config) {
        let name = |plan: &SourcePlan| SourceName {
            name: plan.name.clone(),
            tier: plan.tier.clone(),
            node: plan.node.clone(),
        };
        let outermost = outermost(&self.plans.iter().map(name).collect::<Vec<_>>());
        for (plan, is_outermost) in self.plans.iter_mut().zip(outermost) {
            let of_plan = |source: &&SourceConfig| source.name.as_ref() == Some(&plan.name);
            let asked = config.source.iter().find(of_plan).and_then(|source| source.ban);
            plan.watched &= asked.unwrap_or(is_outermost);
        }
    }

    /// Lines of a file that two sources name would count twice.
    fn leave_out_repeats(&mut self, name: &str, sets: &mut [SourceSet]) {
        let (readers, notes) = (&mut self.readers, &mut self.notes);
        let mut is_first = |file: &LogFile| match readers.entry(file.device_and_inode()) {
            Entry::Occupied(first) => {
                let (path, first) = (file.path().display(), first.get());
                notes.push(format!("{path}: not read for {name}, since {first} reads it"));
                false
            }
            Entry::Vacant(entry) => {
                entry.insert(name.to_owned());
                true
            }
        };
        sets.iter_mut().for_each(|set| set.files.retain(&mut is_first));
    }

    /// Their hours would be added up as one source's.
    fn refuse_equal_names(&self) -> anyhow::Result<()> {
        let mut names: Vec<&str> = self.plans.iter().map(|source| source.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                bail!("two sources are called `{}`\nhint: give each [[source]] a `name` of its own", pair[0])
            }
            None => Ok(()),
        }
    }

    fn take_problems(&mut self, mut found: Discovery) -> Discovery {
        self.out_of_reach |= found.problems.iter().any(|problem| !problem.is_absence());
        self.problems.extend(found.problems.drain(..).map(|problem| problem.to_string()));
        self.notes.extend(found.notes.drain(..).map(|note| note.to_string()));
        found
    }
}

fn by(args: &ReportArgs) -> Vec<By> {
    let mut by: Vec<By> = args.by.iter().copied().map(Into::into).collect();
    by.sort_unstable();
    by.dedup();
    by
}

/// A zone by name; `local`, the default, is the machine's.
pub(crate) fn zone(name: Option<&str>) -> anyhow::Result<TimeZone> {
    match name {
        None | Some("local") => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name).with_context(|| {
            format!("no such time zone `{name}`\nhint: `local`, `UTC`, or a name such as Europe/Berlin")
        }),
    }
}
