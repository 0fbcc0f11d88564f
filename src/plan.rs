//! What was asked for, from flags and configuration together: sources, zone and limits. Flags beat the file.

use crate::cli::ReportArgs;
use crate::config::{Config, SourceConfig};
use crate::pipeline::SourcePlan;
use crate::source::{Discovery, discover};
use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use logstat_parsers::{Captures, Escape};
use logstat_reports::model::By;
use std::path::PathBuf;

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
    let mut plan = Plan {
        sources: Vec::new(),
        problems: Vec::new(),
        notes: Vec::new(),
        zone: zone(args.tz.as_deref().or(config.report.timezone.as_deref()))?,
        by: by(args),
        top: args.top.or(config.report.top).unwrap_or(TOP),
        max_reject_ratio: args
            .max_reject_ratio
            .or(config.report.max_reject_ratio)
            .unwrap_or(MAX_REJECT_RATIO),
        out: (!args.no_out)
            .then(|| args.out.clone().or_else(|| config.report.out.clone()).unwrap_or_else(|| OUT.into())),
        now: args.now.unwrap_or_else(Timestamp::now),
    };
    if !args.paths.is_empty() {
        plan.add_paths(args)?;
        return Ok(plan);
    }
    if config.source.is_empty() {
        bail!(
            "no logs named\nhint: logstat report '/var/log/nginx/access.log*', or `-` for standard input, or a [[source]] in logstat.toml"
        );
    }
    for source in &config.source {
        plan.add_configured(source)?;
    }
    plan.refuse_equal_names()?;
    if args.since.is_none() && args.until.is_none() {
        args.since = Some(SINCE_WITHOUT_PATHS.parse()?);
    }
    Ok(plan)
}

impl Plan {
    fn add_paths(&mut self, args: &ReportArgs) -> anyhow::Result<()> {
        let found = self.take_problems(discover(&args.paths));
        for set in found.sources {
            self.sources.push(SourcePlan {
                name: set.name.clone(),
                sets: vec![set],
                formats: args.format.clone(),
                escape: args.escape.map_or(Escape::Default, Into::into),
                captures: Captures::default(),
                timezone: zone(args.log_tz.as_deref())?,
                tier: None,
                node: None,
            });
        }
        Ok(())
    }

    fn add_configured(&mut self, source: &SourceConfig) -> anyhow::Result<()> {
        let found = self.take_problems(discover(&source.paths));
        let Some(first) = found.sources.first() else { return Ok(()) };
        self.sources.push(SourcePlan {
            name: source.name.clone().unwrap_or_else(|| first.name.clone()),
            sets: found.sources,
            formats: source.format.clone(),
            escape: source.escape.map_or(Escape::Default, Into::into),
            captures: Captures {
                request: source.capture_request.clone(),
                response: source.capture_response.clone(),
            },
            timezone: zone(source.timezone.as_deref())?,
            tier: source.tier.clone(),
            node: source.node.clone(),
        });
        Ok(())
    }

    /// Their hours would be added up as one source's.
    fn refuse_equal_names(&self) -> anyhow::Result<()> {
        let mut names: Vec<&str> = self.sources.iter().map(|source| source.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                bail!("two sources are called `{}`\nhint: give each [[source]] a `name` of its own", pair[0])
            }
            None => Ok(()),
        }
    }

    fn take_problems(&mut self, mut found: Discovery) -> Discovery {
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
fn zone(name: Option<&str>) -> anyhow::Result<TimeZone> {
    match name {
        None | Some("local") => Ok(TimeZone::system()),
        Some(name) => TimeZone::get(name).with_context(|| {
            format!("no such time zone `{name}`\nhint: `local`, `UTC`, or a name such as Europe/Berlin")
        }),
    }
}
