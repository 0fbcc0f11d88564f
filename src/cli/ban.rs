//! `logstat ban` as it is typed.

use super::{ColorWhen, EscapeMode, ReadArgs, StateArgs, WorkArgs};
use crate::ban::emit;
use crate::ban::network::Network;
use crate::bans::Sweep;
use crate::window::Bound;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const AFTER_LIST: &str = "\
Without paths it tells what the state knows, which `logstat ingest` keeps; with paths, what these logs alone come to.
Exit status: 0 done; 1 done, but something could not be read; 2 failed.";
const AFTER_EMIT: &str = "\
A list that looks wrong is not written: the one before stays as it is, and the reason goes to standard error.
Exit status: 0 done; 1 nothing was written, or something could not be read; 2 failed.";
const AFTER_TEST: &str = "\
RULE is the name of a rule, shipped or of the configuration, or a filter such as 'status == 404 and not static(path)'.
Exit status: 0 lines match; 1 none does; 2 failed.";
const AFTER_BACKTEST: &str = "\
Reads the logs twice and changes nothing. Of the requests that the bans would have refused, those that were answered
well (2xx, 3xx) are the collateral.
Exit status: 0 done; 1 done, but something could not be read; 2 failed.";
const AFTER_REMOVE: &str = "\
Exit status: 0 done; 1 nobody there was banned, or a list could not be published; 2 failed; 75 another run holds the
lock.";

/// `logstat ban`.
#[derive(Debug, Clone, Subcommand)]
pub enum BanCommand {
    /// Show who is banned, by which rule and until when
    List(Box<ListArgs>),
    /// Write the bans as a list for a firewall, a proxy or another tool
    Emit(Box<EmitArgs>),
    /// Tell why an address is banned, line by line, or how far it is from that
    Explain(Box<ExplainArgs>),
    /// Forget the bans and the hits of an address or network, and publish the lists without it
    Remove(RemoveArgs),
    /// Show which lines of a log a rule counts, and what in them
    Test(Box<TestArgs>),
    /// Tell what rules would have done to a log, and to whom by mistake
    Backtest(Box<BacktestArgs>),
    /// Show the rules: what each catches, what it can hit wrongly, and which are on
    Rules(RulesArgs),
}

/// Which lines of the logs that were named.
#[derive(Debug, Clone, Default, Args)]
pub struct SpanArgs {
    /// Begin here: a duration back from now (90m, 24h, 7d), a date, an RFC 3339 instant, `oldest` or `newest`
    #[arg(long, value_name = "TIME", help_heading = "What to count", allow_hyphen_values = true)]
    pub since: Option<Bound>,
    /// End before this. Bans are those in force then, not now
    #[arg(long, value_name = "TIME", help_heading = "What to count", allow_hyphen_values = true)]
    pub until: Option<Bound>,
    /// Time zone for display and for dates in --since and --until: `local`, `UTC` or an IANA name [default: local]
    #[arg(long, value_name = "ZONE", help_heading = "What to count")]
    pub tz: Option<String>,
    /// Only these rules, whatever the configuration says; may be given several times
    #[arg(long = "rule", value_name = "NAME", help_heading = "What to count")]
    pub rules: Vec<String>,
}

/// `logstat ban list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_LIST)]
pub struct ListArgs {
    #[expect(missing_docs)]
    #[command(flatten)]
    pub read: ReadArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub span: SpanArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub work: WorkArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
    /// Show the bans too that are over
    #[arg(long, help_heading = "Output")]
    pub all: bool,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Colours on standard output; NO_COLOR turns them off
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
}

/// Which logs, where `--format` is the list's.
#[derive(Debug, Clone, Default, Args)]
pub struct EmitReadArgs {
    /// Logs: files, globs, or - for standard input; .gz, .zst, .bz2 and .xz too. Without any, what the state knows
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Format of the lines, as --format of the other commands
    #[arg(long, value_name = "FORMAT", help_heading = "How to read", allow_hyphen_values = true)]
    pub log_format: Vec<String>,
    /// nginx's escape= of that log_format
    #[arg(long, value_name = "MODE", help_heading = "How to read")]
    pub escape: Option<EscapeMode>,
    /// Time zone of dates without an offset: `local`, `UTC` or an IANA name [default: local]
    #[arg(long, value_name = "ZONE", help_heading = "How to read")]
    pub log_tz: Option<String>,
    /// Configuration [default: ./logstat.toml, else /etc/logstat/logstat.toml]
    #[arg(long, value_name = "FILE", help_heading = "How to read")]
    pub config: Option<PathBuf>,
}

impl From<EmitReadArgs> for ReadArgs {
    fn from(args: EmitReadArgs) -> Self {
        let EmitReadArgs { paths, log_format, escape, log_tz, config } = args;
        Self { paths, format: log_format, escape, log_tz, config, max_reject_ratio: None }
    }
}

/// `logstat ban emit`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_EMIT)]
pub struct EmitArgs {
    #[expect(missing_docs)]
    #[command(flatten)]
    pub read: EmitReadArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub span: SpanArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub work: WorkArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
    /// Who reads the list: nftables, ipset, plain, nginx-geo, nginx-deny, haproxy-acl, haproxy-map, fail2ban, crowdsec or
    /// jsonl
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    pub format: emit::Format,
    /// Write the list here instead of on standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Let nft, ipset, nginx or haproxy check the list before it replaces the one before
    #[arg(long, requires = "out", help_heading = "Output")]
    pub check: bool,
    /// Write it even if it looks wrong
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// The jail of fail2ban that gets the addresses
    #[arg(long, value_name = "NAME", default_value = "logstat", help_heading = "Output")]
    pub jail: String,
}

/// `logstat ban explain`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_LIST)]
pub struct ExplainArgs {
    /// An address, or a network such as 2001:db8::/64
    #[arg(value_name = "ADDRESS")]
    pub address: Network,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub read: ReadArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub span: SpanArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub work: WorkArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Colours on standard output; NO_COLOR turns them off
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
}

/// `logstat ban remove`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_REMOVE)]
pub struct RemoveArgs {
    /// Addresses and networks
    #[arg(value_name = "ADDRESS", required = true)]
    pub networks: Vec<Network>,
    /// Configuration [default: ./logstat.toml, else /etc/logstat/logstat.toml]
    #[arg(long, value_name = "FILE", help_heading = "State")]
    pub config: Option<PathBuf>,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub state: StateArgs,
    /// The present, for repeatable output
    #[arg(long, value_name = "INSTANT", hide = true)]
    pub now: Option<jiff::Timestamp>,
}

/// `logstat ban test`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_TEST)]
pub struct TestArgs {
    /// A rule's name, or a filter
    #[arg(value_name = "RULE")]
    pub rule: String,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub read: ReadArgs,
    /// Show so many lines; 0 shows all [default: 20]
    #[arg(long, value_name = "N", help_heading = "Output")]
    pub max: Option<u64>,
    /// Print JSON, a line for each match
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Colours on standard output; NO_COLOR turns them off
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
}

/// `logstat ban backtest`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_BACKTEST)]
pub struct BacktestArgs {
    #[expect(missing_docs)]
    #[command(flatten)]
    pub read: ReadArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub span: SpanArgs,
    #[expect(missing_docs)]
    #[command(flatten)]
    pub work: WorkArgs,
    /// Try a rule with several values of a word: maxretry=5..50, maxretry=5..50:5, findtime=10s,60s,10m
    #[arg(long, value_name = "WORD=VALUES", help_heading = "What to count")]
    pub sweep: Option<Sweep>,
    /// Write backtest.csv and the chart here
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Draw the chart as PNG too
    #[arg(long, requires = "out", help_heading = "Output")]
    pub png: bool,
    /// Print JSON instead of the table
    #[arg(long, conflicts_with = "csv", help_heading = "Output")]
    pub json: bool,
    /// Print CSV instead of the table
    #[arg(long, help_heading = "Output")]
    pub csv: bool,
    /// Colours on standard output; NO_COLOR turns them off
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
}

/// `logstat ban rules`.
#[derive(Debug, Clone, Args)]
pub struct RulesArgs {
    /// Configuration [default: ./logstat.toml, else /etc/logstat/logstat.toml]
    #[arg(long, value_name = "FILE", help_heading = "How to read")]
    pub config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Colours on standard output; NO_COLOR turns them off
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorWhen,
}
