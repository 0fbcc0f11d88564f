//! Carries out `logstat ban list`: who is banned, as a table or JSON.

use super::Known;
use crate::ban::ban::Ban;
use crate::cli::ListArgs;
use crate::exit::Exit;
use crate::{config, output};
use jiff::Timestamp;
use logstat_reports::model::ListedBan;
use logstat_reports::terminal::ban_list;
use logstat_reports::text::count;
use serde_json::{Value, json};
use std::fmt::Write;

/// Carries it out.
///
/// # Errors
/// When the logs or the state cannot be read.
pub fn run(args: &ListArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let known = super::known(&args.read, &args.span, &args.work, &args.state, &config)?;
    let mut bans = known.decider.bans();
    if !args.all {
        bans.retain(|ban| ban.from_us <= known.moment_us && known.moment_us < ban.until_us);
    }
    let text = if args.json { as_json(&bans, &known) } else { as_table(&bans, &known, args) };
    output::put(text.as_bytes())?;
    Ok(known.exit)
}

fn as_table(bans: &[Ban], known: &Known, args: &ListArgs) -> String {
    let rows: Vec<ListedBan> = bans.iter().map(row).collect();
    let style = output::style(args.color, 0);
    let zone = known.zone.iana_name().unwrap_or("UTC");
    let over = known.decider.bans().len() - bans.len();
    let mut text = ban_list(&rows, known.moment_s(), zone, &style);
    if over > 0 {
        let _ = writeln!(text, "{} more are over; --all shows them", count(over as u64));
    }
    let tally = known.decider.tally();
    for (hits, what) in [
        (tally.late, "hits came too late to count"),
        (tally.spared, "hits were of addresses that are never banned"),
        (tally.evicted_keys, "clients' hits had no room"),
        (tally.evicted_bans, "clients' bans had no room"),
    ] {
        if hits > 0 {
            let _ = writeln!(text, "{} {what}", count(hits));
        }
    }
    text
}

fn row(ban: &Ban) -> ListedBan {
    ListedBan {
        network: ban.network.to_string(),
        rule: ban.rule.clone(),
        since: ban.from_us.div_euclid(1_000_000),
        until: ban.until_us.div_euclid(1_000_000),
        hits: ban.hits.into(),
        nth: ban.nth.into(),
    }
}

fn as_json(bans: &[Ban], known: &Known) -> String {
    let tally = known.decider.tally();
    let document = json!({
        "at": instant(known.moment_us),
        "bans": bans.iter().map(|ban| ban_json(ban, known.moment_us)).collect::<Vec<_>>(),
        "late_hits": tally.late,
        "spared_hits": tally.spared,
        "evicted_keys": tally.evicted_keys,
        "evicted_bans": tally.evicted_bans,
    });
    format!("{document:#}\n")
}

/// A ban as JSON.
pub(super) fn ban_json(ban: &Ban, moment_us: i64) -> Value {
    json!({
        "network": ban.network.to_string(),
        "rule": ban.rule,
        "from": instant(ban.from_us),
        "until": instant(ban.until_us),
        "hits": ban.hits,
        "nth": ban.nth,
        "in_force": ban.from_us <= moment_us && moment_us < ban.until_us,
    })
}

/// RFC 3339, to the second where it is one; a time out of range as its number.
pub(super) fn instant(us: i64) -> String {
    Timestamp::from_microsecond(us).map_or_else(|_| us.to_string(), |instant| instant.to_string())
}
