//! Carries out `logstat ban backtest`: what rules would have done to a log, and to whom. Changes nothing.
//!
//! The logs are read twice: for the hits, and for the requests that the bans would have refused.

use super::{Deciding, Logs, Setup, Sweep, decide_lanes, logs};
use crate::ban::decide::{Decider, key};
use crate::ban::network::Network;
use crate::ban::rule::{Rule, What};
use crate::ban::watch::RuleSet;
use crate::bots::Bots;
use crate::cli::BacktestArgs;
use crate::exit::Exit;
use crate::pipeline::{self, HitCounts, visit};
use crate::run::{self, complain};
use crate::{config, output};
use anyhow::bail;
use logstat_parsers::{Line, Record};
use logstat_reports::backtest::write_backtest;
use logstat_reports::model::{Backtest, BacktestRow};
use logstat_reports::{csv, summary, terminal};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// User agents behind a network that speak for several people.
const SHARED_AGENTS: usize = 10;
/// User agents of a network that are told apart, and users of a rule.
const COUNTED: usize = 10_000;

/// Carries it out.
///
/// # Errors
/// When a rule is wrong, the logs cannot be read twice, or the result cannot be written.
pub fn run(args: &BacktestArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let setup = Setup::of(&config, &args.span.rules)?;
    let logs = logs(&args.read, &args.span, &args.work, &config)?;
    if logs.prepared.iter().flat_map(|source| &source.files).any(|file| file.file.is_pipe()) {
        bail!(
            "standard input can be read only once, and a back-test reads logs twice\nhint: write them to a file"
        );
    }
    let trial = Trial::new(&setup, args.sweep.as_ref())?;
    let (deciding, mut exit) = hits(&logs, &setup, args)?;
    let mut bans = Bans::default();
    for (at, variant) in trial.variants.iter().enumerate() {
        let mut decider = Decider::new(variant.set.thresholds(), setup.floor.clone(), setup.limits.clone());
        decide_lanes(&mut decider, deciding.lanes());
        bans.add(at, &decider, &variant.set);
    }
    let mut refusals = Refusals::new(&trial, bans);
    exit = exit.max(refused(&logs, &setup, &mut refusals));
    let found = refusals.finish(&trial, deciding.counts(), &logs, args);
    deliver(&found, args)?;
    Ok(exit)
}

fn deliver(found: &Backtest, args: &BacktestArgs) -> anyhow::Result<()> {
    if let Some(dir) = &args.out {
        write_backtest(dir, found, args.png)?;
    }
    let bytes = if args.json {
        summary::backtest_json(found)
    } else if args.csv {
        csv::backtest(found)
    } else {
        terminal::backtest(found, &output::style(args.color, 0)).into_bytes()
    };
    output::put(&bytes)
}

/// Rules with one value of the word that is tried.
struct Variant {
    value: Option<u32>,
    set: RuleSet,
}

/// What is tried.
struct Trial<'a> {
    sweep: Option<&'a Sweep>,
    rules: Vec<Rule>,
    variants: Vec<Variant>,
}

impl<'a> Trial<'a> {
    fn new(setup: &Setup, sweep: Option<&'a Sweep>) -> anyhow::Result<Self> {
        let rules = setup.rules.rules().to_vec();
        let Some(swept) = sweep else {
            let variants = vec![Variant { value: None, set: RuleSet::new(rules.clone()) }];
            return Ok(Self { sweep, rules, variants });
        };
        let of_value = |value: u32| {
            let changed = rules.iter().map(|rule| match rule.what {
                // They count what the others ban, so only those are tried.
                What::Bans | What::Neighbours { .. } => Ok(rule.clone()),
                _ => rule.with(swept.word, value).map_err(anyhow::Error::msg),
            });
            Ok(Variant { value: Some(value), set: RuleSet::new(changed.collect::<anyhow::Result<_>>()?) })
        };
        let variants = swept.values.iter().map(|value| of_value(*value)).collect::<anyhow::Result<_>>()?;
        Ok(Self { sweep, rules, variants })
    }
}

/// Reads the logs for hits, which wait in lanes.
fn hits(logs: &Logs, setup: &Setup, args: &BacktestArgs) -> anyhow::Result<(Deciding, Exit)> {
    let options = logs.options(setup, &args.work);
    let (pool, bots) = (run::threads(&args.work)?, Arc::new(Bots::new()));
    let bar = run::progress_bar(&logs.prepared);
    let mut deciding = Deciding::in_lanes(setup, &logs.prepared);
    let mut exit = logs.exit;
    for (at, source) in logs.prepared.iter().enumerate() {
        let mut folded = || bar.set_position(options.progress.bytes_read());
        let mut sink = deciding.of_source(at);
        let read = pipeline::read(source, &options, (&pool, &bots), &mut sink, &mut folded);
        deciding.count(read.hits);
        let errors: Vec<String> = read.errors.iter().map(ToString::to_string).collect();
        exit = exit.max(complain(&errors));
    }
    bar.finish_and_clear();
    Ok((deciding, exit))
}

/// A ban of one variant by one of its rules.
struct Interval {
    variant: usize,
    rule: usize,
    from_us: i64,
    until_us: i64,
}

/// All bans of all variants, by network.
#[derive(Default)]
struct Bans {
    of: HashMap<Network, Vec<Interval>>,
    /// Bans and networks, by variant and rule.
    counts: HashMap<(usize, usize), (u64, HashSet<Network>)>,
}

impl Bans {
    fn add(&mut self, variant: usize, decider: &Decider, set: &RuleSet) {
        for ban in decider.bans() {
            let Some(rule) = set.rules().iter().position(|rule| rule.name == ban.rule) else { continue };
            let interval = Interval { variant, rule, from_us: ban.from_us, until_us: ban.until_us };
            self.of.entry(ban.network).or_default().push(interval);
            let (bans, networks) = self.counts.entry((variant, rule)).or_default();
            *bans += 1;
            networks.insert(ban.network);
        }
    }

    /// The networks with bans that an address is in.
    fn around(&self, client: IpAddr) -> impl Iterator<Item = Network> {
        let key = key(client);
        let wider = [56, 48].map(|prefix| Network::new(client, prefix).filter(|_| client.is_ipv6()));
        [Some(key)].into_iter().chain(wider).flatten().filter(|network| self.of.contains_key(network))
    }
}

/// What the bans of one variant by one rule would have refused.
#[derive(Default)]
struct Refused {
    row: BacktestRow,
    users: HashSet<u64>,
}

/// Counts the requests that bans would have refused.
struct Refusals {
    bans: Bans,
    /// By variant and rule.
    rows: Vec<Vec<Refused>>,
    agents: HashMap<Network, HashSet<u64>>,
    requests: u64,
    last_us: Option<i64>,
    first_us: Option<i64>,
    bots: Bots,
}

impl Refusals {
    fn new(trial: &Trial<'_>, bans: Bans) -> Self {
        let rows = trial.variants.iter().map(|_| trial.rules.iter().map(|_| Refused::default()).collect());
        Self {
            bans,
            rows: rows.collect(),
            agents: HashMap::new(),
            requests: 0,
            last_us: None,
            first_us: None,
            bots: Bots::new(),
        }
    }

    fn request(&mut self, record: &Record<'_>, client: IpAddr) {
        let networks: Vec<Network> = self.bans.around(client).collect();
        for network in networks {
            if let Some(agent) = record.user_agent {
                let agents = self.agents.entry(network).or_default();
                if agents.len() < COUNTED {
                    agents.insert(xxh3_64(agent));
                }
            }
            let holds = |ban: &&Interval| (ban.from_us + 1..ban.until_us).contains(&record.end_us);
            for ban in self.bans.of[&network].iter().filter(holds) {
                self.rows[ban.variant][ban.rule].add(record, &self.bots);
            }
        }
    }

    fn finish(mut self, trial: &Trial<'_>, hits: &HitCounts, logs: &Logs, args: &BacktestArgs) -> Backtest {
        let second = |us: i64| us.div_euclid(1_000_000);
        let mut rows = Vec::new();
        for (at, rule) in trial.rules.iter().enumerate() {
            for (variant, tried) in trial.variants.iter().enumerate() {
                let Refused { row, users } = std::mem::take(&mut self.rows[variant][at]);
                let (bans, networks) = self.bans.counts.remove(&(variant, at)).unwrap_or_default();
                let agents = |network: &Network| self.agents.get(network).map_or(0, HashSet::len);
                let number = u16::try_from(at).unwrap_or(u16::MAX);
                rows.push(BacktestRow {
                    rule: rule.name.clone(),
                    value: tried.value.zip(trial.sweep).map(|(value, sweep)| sweep.shown(value)),
                    hits: hits.of_rule(number),
                    bans,
                    networks: networks.len() as u64,
                    users: users.len() as u64,
                    shared_networks: networks.iter().filter(|of| agents(of) >= SHARED_AGENTS).count() as u64,
                    user_agents_max: networks.iter().map(agents).max().unwrap_or_default() as u64,
                    ..row
                });
            }
        }
        Backtest {
            since: second(logs.window.since_us.or(self.first_us).unwrap_or_default()),
            until: second(logs.window.until_us.or(self.last_us).unwrap_or_default()),
            timezone: logs.zone.iana_name().unwrap_or("UTC").to_owned(),
            requests: self.requests,
            sweep: args.sweep.as_ref().map(|sweep| sweep.word.name().to_owned()),
            rows,
        }
    }
}

impl Refused {
    fn add(&mut self, record: &Record<'_>, bots: &Bots) {
        let row = &mut self.row;
        row.refused += 1;
        row.collateral += u64::from(record.status.is_some_and(|status| (200..400).contains(&status)));
        row.bytes_sent = row.bytes_sent.saturating_add(record.bytes_sent.unwrap_or(0));
        row.crawler_requests += u64::from(record.user_agent.is_some_and(|agent| bots.is_bot(agent)));
        // A name that was refused is what somebody typed.
        if let Some(user) = record.remote_user.filter(|_| record.status != Some(401)) {
            row.authenticated += 1;
            if self.users.len() < COUNTED {
                self.users.insert(xxh3_64(user));
            }
        }
    }
}

/// Reads the logs again, for what would have been refused.
fn refused(logs: &Logs, setup: &Setup, refusals: &mut Refusals) -> Exit {
    let options = logs.options(setup, &crate::cli::WorkArgs::default());
    let bar = run::progress_bar(&logs.prepared);
    let mut exit = Exit::Done;
    for source in &logs.prepared {
        let mut folded = || bar.set_position(options.progress.bytes_read());
        let errors = visit(source, &options.progress, &mut folded, &mut |_, line| {
            if let Line::Record(record) = line
                && options.rollup.counts(record.end_us)
            {
                refusals.requests += 1;
                refusals.first_us = Some(refusals.first_us.map_or(record.end_us, |us| us.min(record.end_us)));
                refusals.last_us = refusals.last_us.max(Some(record.end_us + 1_000_000));
                if let Some(whose) = setup.proxies.of_record(record) {
                    refusals.request(record, whose.address());
                }
            }
            true
        });
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        exit = exit.max(complain(&errors));
    }
    bar.finish_and_clear();
    exit
}
