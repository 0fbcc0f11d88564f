//! Bans in a report: by hour and rule, the networks, and what each rule came to. Decides nothing.

use super::{Decided, Setup, remembered};
use crate::ban::ban::Ban;
use crate::ban::decide::Decider;
use crate::ban::rule::{Rule, What};
use crate::store::Store;
use logstat_reports::model::{BanReport, BannedNetwork, PeriodBans, Report, RuleRow};
use std::collections::{BTreeMap, BTreeSet};

/// Networks that a report names.
const NETWORKS: usize = 20;

/// Of bans that were decided for this report.
#[must_use]
pub fn ban_report(report: &Report, setup: &Setup, decided: &Decided) -> BanReport {
    let rules = setup.rules.rules();
    let hits = (0..).zip(rules).map(|(at, rule)| (rule.name.clone(), decided.counts.of_rule(at))).collect();
    let mut bans = of(report, setup, &decided.decider, &hits);
    for (at, row) in (0..).zip(&mut bans.rules) {
        row.examined_bytes_mean = decided.counts.examined_bytes_mean(at);
    }
    bans
}

/// Of the bans that the state remembers.
///
/// # Errors
/// When the state cannot be read or is damaged.
pub fn ban_report_of_state(report: &Report, setup: &Setup, store: &Store) -> anyhow::Result<BanReport> {
    let hour = |second: i64| second.div_euclid(3600);
    let hits = store.ban_hits(hour(report.since)..hour(report.until.saturating_add(3599)))?;
    Ok(of(report, setup, &remembered(store, setup)?, &hits))
}

fn of(report: &Report, setup: &Setup, decider: &Decider, hits: &BTreeMap<String, u64>) -> BanReport {
    let (since_us, until_us) =
        (report.since.saturating_mul(1_000_000), report.until.saturating_mul(1_000_000));
    let bans = decider.bans_between(since_us, until_us);
    let in_force = |ban: &&Ban| ban.from_us < until_us && until_us <= ban.until_us;
    let order: Vec<&str> = setup.rules.rules().iter().map(|rule| rule.name.as_str()).collect();
    let rules = order.iter().map(|name| {
        let own: Vec<&Ban> = bans.iter().filter(|ban| ban.rule == *name).collect();
        RuleRow {
            rule: (*name).to_owned(),
            hits: hits.get(*name).copied().unwrap_or_default(),
            bans: own.len() as u64,
            networks: own.iter().map(|ban| ban.network).collect::<BTreeSet<_>>().len() as u64,
            in_force: own.iter().filter(|ban| in_force(ban)).count() as u64,
            examined_bytes_mean: None,
        }
    });
    let tally = decider.tally();
    let networks = networks(&bans, setup.rules.rules(), &order, until_us);
    BanReport {
        rules: rules.collect(),
        periods: periods(&bans, &order, report.step.seconds()),
        bans: bans.len() as u64,
        networks_banned: networks.len() as u64,
        in_force: bans.iter().filter(in_force).count() as u64,
        networks: networks.into_iter().take(NETWORKS).collect(),
        late_hits: tally.late,
        spared_hits: tally.spared,
        evicted_keys: tally.evicted_keys,
        evicted_bans: tally.evicted_bans,
    }
}

fn place(order: &[&str], rule: &str) -> usize {
    order.iter().position(|name| *name == rule).unwrap_or(order.len())
}

fn periods(bans: &[Ban], order: &[&str], step_s: i64) -> Vec<PeriodBans> {
    let mut counts: BTreeMap<(i64, usize), u64> = BTreeMap::new();
    for ban in bans {
        let start = ban.from_us.div_euclid(step_s * 1_000_000) * step_s;
        *counts.entry((start, place(order, &ban.rule))).or_default() += 1;
    }
    let period = |((start, rule), bans): ((i64, usize), u64)| {
        Some(PeriodBans { start, rule: (*order.get(rule)?).to_owned(), bans })
    };
    counts.into_iter().filter_map(period).collect()
}

/// Those that are banned still, then most bans, then most hits.
fn networks(bans: &[Ban], rules: &[Rule], order: &[&str], until_us: i64) -> Vec<BannedNetwork> {
    // Bans that count bans count no requests anew.
    let counts_hits = |name: &str| {
        let rule = rules.iter().find(|rule| rule.name == name);
        rule.is_none_or(|rule| !matches!(rule.what, What::Bans | What::Neighbours { .. }))
    };
    let mut by_network: BTreeMap<_, Vec<&Ban>> = BTreeMap::new();
    bans.iter().for_each(|ban| by_network.entry(ban.network).or_default().push(ban));
    let row = |(network, bans): (crate::ban::network::Network, Vec<&Ban>)| {
        let mut rules: Vec<&str> = bans.iter().map(|ban| ban.rule.as_str()).collect();
        rules.sort_unstable_by_key(|rule| place(order, rule));
        rules.dedup();
        let last_us = bans.iter().map(|ban| ban.until_us).max().unwrap_or_default();
        BannedNetwork {
            network: network.to_string(),
            rules: rules.into_iter().map(str::to_owned).collect(),
            bans: bans.len() as u64,
            hits: bans.iter().filter(|ban| counts_hits(&ban.rule)).map(|ban| u64::from(ban.hits)).sum(),
            until: last_us.div_euclid(1_000_000),
            in_force: last_us >= until_us,
        }
    };
    let mut rows: Vec<BannedNetwork> = by_network.into_iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.in_force, row.bans, row.hits)));
    rows
}
