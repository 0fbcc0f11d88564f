//! Rules and what they banned, as the terminal, the page and the chart show them. Lays nothing out.

use crate::hours::local;
use crate::model::{BanReport, BannedNetwork, Report, RuleRow};
use crate::{text, words};
use jiff::tz::TimeZone;

/// `43 bans of 38 networks, 12 in force at the end of the window`; where there are none, what there was instead.
pub(crate) fn total(bans: &BanReport) -> String {
    if bans.bans == 0 {
        let says = match hits(bans) {
            0 => "no hits".to_owned(),
            hits => format!("{}, not enough for one", words::counted(hits, "hit")),
        };
        return format!("no bans: {} had {says}", words::counted(bans.rules.len() as u64, "rule"));
    }
    let total = format!(
        "{} of {}",
        words::counted(bans.bans, "ban"),
        words::counted(bans.networks_banned, "network")
    );
    if bans.in_force == 0 {
        return total;
    }
    format!("{total}, {} in force at the end of the window", text::grouped(bans.in_force))
}

/// Of all rules.
pub(crate) fn hits(bans: &BanReport) -> u64 {
    bans.rules.iter().fold(0, |sum, rule| sum.saturating_add(rule.hits))
}

/// Hits that did not count.
pub(crate) fn uncounted(bans: &BanReport) -> Vec<String> {
    let spared = words::remark(
        bans.spared_hits,
        "hit is of a client that is never banned",
        "hits are of clients that are never banned",
    );
    let late = words::remark(bans.late_hits, "hit came too late to count", "hits came too late to count");
    [spared, late].into_iter().flatten().collect()
}

/// What was known once and is not any more.
pub(crate) fn forgotten(bans: &BanReport) -> Vec<String> {
    let keys = words::remark(
        bans.evicted_keys,
        "client was forgotten with its hits for want of room",
        "clients were forgotten with their hits for want of room",
    );
    let held = words::remark(
        bans.evicted_bans,
        "ban was forgotten for want of room",
        "bans were forgotten for want of room",
    );
    [keys, held].into_iter().flatten().collect()
}

/// The rules that had something to do.
pub(crate) fn busy(bans: &BanReport) -> impl Iterator<Item = &RuleRow> {
    bans.rules.iter().filter(|rule| rule.hits > 0 || rule.bans > 0)
}

/// The others by name.
pub(crate) fn idle(bans: &BanReport) -> Option<String> {
    let idle = bans.rules.iter().filter(|rule| rule.hits == 0 && rule.bans == 0);
    let names: Vec<&str> = idle.map(|rule| rule.rule.as_str()).collect();
    (!names.is_empty()).then(|| format!("no hits: {}", names.join(", ")))
}

/// When the last ban of a network ends, with its year where that is not the window's.
pub(crate) fn end(network: &BannedNetwork, report: &Report, zone: &TimeZone) -> String {
    let [until, window] = [network.until, report.until].map(|at| local(at, zone));
    let format = if until.year() == window.year() { "%a %-d %b %H:%M" } else { "%a %-d %b %Y %H:%M" };
    until.strftime(format).to_string()
}

/// How many networks the list leaves out.
pub(crate) fn more(bans: &BanReport, shown: usize) -> Option<String> {
    let more = bans.networks_banned.saturating_sub(shown as u64);
    (more > 0).then(|| words::counted(more, "other"))
}
