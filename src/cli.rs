//! The command line as it is typed. Does nothing with it.

mod ban;

use crate::window::Bound;
pub use ban::{
    BacktestArgs, BanCommand, EmitArgs, ExplainArgs, ListArgs, RemoveArgs, RulesArgs, SpanArgs, TestArgs,
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use logstat_reports::model::By;
use std::num::NonZeroU64;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Exit status: 0 done; 1 done, but a stated limit was exceeded (too many rejects, or data that could not be read);
2 failed.";
const AFTER_INGEST: &str = "\
Exit status: 0 done; 1 done, but lines were lost before they could be read, too many are rejected, or a log is missing
or broken; 2 failed, or something could not be read or written; 75 another run holds the lock.";
const AFTER_STATUS: &str = "\
Exit status: 0 all is well; 1 the next run will find lines lost, or files that it cannot read; 2 failed, or the state is
damaged.";
const AFTER_PRUNE: &str = "\
Exit status: 0 done; 2 failed; 75 another run holds the lock.";
const AFTER_CHECK: &str = "\
Exit status: 0 all is well; 1 too many lines are rejected, a log is empty, a file has no record, no format fits, or
something could not be read; 2 failed.";
const AFTER_MERGE: &str = "\
Each node's hour or day is taken once, from its newest copy, whatever the order; done again, nothing changes.
Exit status: 0 done; 1 done, but for files that could not be read; 2 failed.";

/// Hourly requests per second and latency percentiles from nginx and HAProxy access logs.
#[derive(Debug, Parser)]
#[command(name = "logstat", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[expect(missing_docs)]
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Report hours, percentiles and top lists: of logs, or without paths of everything kept so far
    Report(Box<ReportArgs>),
    /// Read what is new of the logs since the last run, keep it, and publish the hours that changed
    Ingest(Box<IngestArgs>),
    /// Tell how far each log was read, what the next run would read, and what was lost
    Status(StatusArgs),
    /// Add up old hours to days and let old days go, as every `logstat ingest` does
    Prune(PruneArgs),
    /// Give a source another name, under which its logs go on
    Rename(RenameArgs),
    /// Print everything that the state holds as JSON
    Export(ExportArgs),
    /// Find the access logs of nginx and HAProxy by their configuration, and write logstat.toml
    Init(InitArgs),
    /// Tell the format of logs, which lines do not parse and why, and what reports lack
    Check(Box<CheckArgs>),
    /// Make one dataset of those of several nodes, or of copies of them
    Merge(MergeArgs),
    /// Decide who is to be kept out, and write lists for firewalls and proxies
    #[command(subcommand)]
    Ban(BanCommand),
    /// Print the manual page
    #[command(hide = true)]
    Man,
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `logstat report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ReportArgs {
    /// Begin here: a duration back from now (90m, 24h, 7d), a date (2026-11-20), an RFC 3339 instant, `oldest` or
    /// `newest`
    #[arg(long, value_name = "TIME", help_heading = "What to count", allow_hyphen_values = true)]
    pub since: Option<Bound>,
    /// End before this. With a date, an instant or `newest` here, a duration in --since counts back from it
    #[arg(long, value_name = "TIME", help_heading = "What to count", allow_hyphen_values = true)]
    pub until: Option<Bound>,
    /// Time zone for display and for dates in --since and --until: `local`, `UTC` or an IANA name [default: local]
    #[arg(long, value_name = "ZONE", help_heading = "What to count")]
    pub tz: Option<String>,
    /// Split the hours by these columns
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', help_heading = "What to count")]
    pub by: Vec<ByColumn>,
    /// Rows in each top list; 0 keeps no lists, which is faster [default: 10]
    #[arg(long, value_name = "N", help_heading = "What to count")]
    pub top: Option<usize>,
    /// Tell who would be banned by the default rules, where logstat.toml has no section ban
    #[arg(long, requires = "paths", help_heading = "What to count")]
    pub bans: bool,

    #[expect(missing_docs)]
    #[command(flatten)]
    pub read: ReadArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub work: WorkArgs,

    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
    /// Report what is kept, and do not look for new lines first
    #[arg(long, conflicts_with = "paths", help_heading = "State")]
    pub no_ingest: bool,
    /// Report from published hours: directories of states, or copies of their `data`, of one or several nodes
    #[arg(long, value_name = "DIR", num_args = 1.., conflicts_with_all = ["paths", "state"], help_heading = "State")]
    pub data: Vec<PathBuf>,

    /// Write summary.json, hourly.csv, hourly.parquet, top.csv, charts and report.html here
    /// [default: ./logstat-report]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Write no files, only print
    #[arg(long, conflicts_with_all = ["out", "png"], help_heading = "Output")]
    pub no_out: bool,
    /// Draw the charts as PNG too
    #[arg(long, help_heading = "Output")]
    pub png: bool,
    /// Print the summary as JSON instead of the report
    #[arg(long, conflicts_with = "csv", help_heading = "Output")]
    pub json: bool,
    /// Print the hours as CSV instead of the report
    #[arg(long, help_heading = "Output")]
    pub csv: bool,
    /// Colours on standard output; NO_COLOR turns them off
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
}

/// `logstat ingest`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_INGEST)]
pub struct IngestArgs {
    #[expect(missing_docs)]
    #[command(flatten)]
    pub read: ReadArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub work: WorkArgs,
    /// Publish every hour anew, not only those that changed
    #[arg(long, help_heading = "State")]
    pub republish: bool,
}

/// How to work. All but the number of threads is for tests.
#[derive(Debug, Clone, Default, Args)]
pub struct WorkArgs {
    /// Threads that parse [default: one per core]
    #[arg(long, value_name = "N", help_heading = "How to read")]
    pub threads: Option<usize>,
    /// The present, for repeatable output
    #[arg(long, value_name = "INSTANT", hide = true)]
    pub now: Option<jiff::Timestamp>,
    /// Bytes per block, for tests of the cutting
    #[arg(long, value_name = "BYTES", hide = true)]
    pub block_bytes: Option<usize>,
    /// Bytes between two commits, for tests of interruptions
    #[arg(long, value_name = "BYTES", hide = true)]
    pub batch_bytes: Option<u64>,
}

/// Which state.
#[derive(Debug, Clone, Default, Args)]
pub struct StateArgs {
    /// Directory of the state [default: dir in the section state, else /var/lib/logstat for root, else
    /// $XDG_STATE_HOME/logstat]
    #[arg(long, value_name = "DIR", help_heading = "State")]
    pub state: Option<PathBuf>,
}

/// `logstat status`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_STATUS)]
pub struct StatusArgs {
    /// Logs as they are given to `logstat ingest`. Without any, the sources of the configuration
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Configuration [default: ./logstat.toml, else /etc/logstat/logstat.toml]
    #[arg(long, value_name = "FILE", help_heading = "State")]
    pub config: Option<PathBuf>,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
    /// Read the whole database and compare every checksum
    #[arg(long, help_heading = "State")]
    pub check: bool,

    /// Name also the logs that were read to their end, and every gap
    #[arg(long, help_heading = "Output")]
    pub all: bool,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Colours on standard output; NO_COLOR turns them off
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,

    /// The present, for repeatable output
    #[arg(long, value_name = "INSTANT", hide = true)]
    pub now: Option<jiff::Timestamp>,
}

/// `logstat prune`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_PRUNE)]
pub struct PruneArgs {
    /// Configuration [default: ./logstat.toml, else /etc/logstat/logstat.toml]
    #[arg(long, value_name = "FILE", help_heading = "State")]
    pub config: Option<PathBuf>,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
    /// Hours after which the hours of a day are added up to the day; 0 keeps them for good
    /// [default: keep_hours in the section state, else 1080]
    #[arg(long, value_name = "N", help_heading = "State")]
    pub keep_hours: Option<u32>,
    /// Days after which nothing is kept; 0 keeps them for good [default: keep_days in the section state, else 400]
    #[arg(long, value_name = "N", help_heading = "State")]
    pub keep_days: Option<u32>,
    /// The present, for repeatable output
    #[arg(long, value_name = "INSTANT", hide = true)]
    pub now: Option<jiff::Timestamp>,
}

/// `logstat export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Configuration [default: ./logstat.toml, else /etc/logstat/logstat.toml]
    #[arg(long, value_name = "FILE", help_heading = "State")]
    pub config: Option<PathBuf>,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
}

/// `logstat rename`.
#[derive(Debug, Clone, Args)]
pub struct RenameArgs {
    /// The name until now
    #[arg(value_name = "OLD")]
    pub old: String,
    /// The name from now on, as in logstat.toml
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Configuration [default: ./logstat.toml, else /etc/logstat/logstat.toml]
    #[arg(long, value_name = "FILE", help_heading = "State")]
    pub config: Option<PathBuf>,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub work: WorkArgs,
}

/// `logstat merge`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_MERGE)]
pub struct MergeArgs {
    /// Datasets: directories of states, their `data`, or copies of that
    #[arg(value_name = "DIR", required = true)]
    pub dirs: Vec<PathBuf>,
    /// The dataset to make, or to add to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `logstat check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_CHECK)]
pub struct CheckArgs {
    #[expect(missing_docs)]
    #[command(flatten)]
    pub read: ReadArgs,
    /// Read only the first lines of each file
    #[arg(long, value_name = "N", help_heading = "How to read")]
    pub lines: Option<NonZeroU64>,

    /// Colours on standard output; NO_COLOR turns them off
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
}

/// Which logs, and how to read them.
#[derive(Debug, Clone, Default, Args)]
pub struct ReadArgs {
    /// Logs: files, globs, or - for standard input; .gz, .zst, .bz2 and .xz too. Without any, the sources of the
    /// configuration
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,

    /// Format of the lines: a preset (combined, haproxy-http, …), nginx's log_format, HAProxy's log-format or Apache's
    /// LogFormat string verbatim, or a field map (json VARIABLE=path …); several times where lines have several. Without it
    /// the format is detected
    #[arg(
        long,
        visible_alias = "log-format",
        value_name = "FORMAT",
        help_heading = "How to read",
        allow_hyphen_values = true
    )]
    pub format: Vec<String>,
    /// nginx's escape= of that log_format
    #[arg(long, value_name = "MODE", help_heading = "How to read")]
    pub escape: Option<EscapeMode>,
    /// Time zone of dates without an offset, as HAProxy and syslog write them: `local`, `UTC` or an IANA name
    /// [default: local]
    #[arg(long, value_name = "ZONE", help_heading = "How to read")]
    pub log_tz: Option<String>,
    /// Configuration [default: ./logstat.toml, else /etc/logstat/logstat.toml]
    #[arg(long, value_name = "FILE", help_heading = "How to read")]
    pub config: Option<PathBuf>,
    /// Exit with 1 when a larger share of the lines is rejected [default: 0.05]
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "How to read")]
    pub max_reject_ratio: Option<f64>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share is a number from 0 to 1, such as 0.05".to_owned())
}

/// `logstat init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// nginx's configuration, what `nginx -T` printed, or - for standard input; may be given several times
    /// [default: of the nginx that runs or is installed]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub nginx: Vec<PathBuf>,
    /// HAProxy's configuration: files and folders, in the order of its -f
    /// [default: of the HAProxy that runs or is installed]
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub haproxy: Vec<PathBuf>,
    /// The file to write [default: ./logstat.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// Print the configuration and write nothing
    #[arg(long, conflicts_with_all = ["config", "force"])]
    pub print: bool,
}

/// A column for `--by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[expect(missing_docs, reason = "see By")]
pub enum ByColumn {
    Site,
    Backend,
    Server,
    Tier,
    Node,
    Method,
    Status,
}

impl From<ByColumn> for By {
    fn from(column: ByColumn) -> Self {
        match column {
            ByColumn::Site => Self::Site,
            ByColumn::Backend => Self::Backend,
            ByColumn::Server => Self::Server,
            ByColumn::Tier => Self::Tier,
            ByColumn::Node => Self::Node,
            ByColumn::Method => Self::Method,
            ByColumn::Status => Self::Status,
        }
    }
}

/// nginx's `escape=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "nginx's own words")]
pub enum EscapeMode {
    Default,
    Json,
    None,
}

impl From<EscapeMode> for logstat_parsers::Escape {
    fn from(mode: EscapeMode) -> Self {
        match mode {
            EscapeMode::Default => Self::Default,
            EscapeMode::Json => Self::Json,
            EscapeMode::None => Self::None,
        }
    }
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the usual words")]
pub enum ColorWhen {
    Auto,
    Always,
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
