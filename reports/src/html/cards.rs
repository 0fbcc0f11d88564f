//! The headline figures. Leaves out what the logs do not say.

use crate::hours::{local, window_s};
use crate::model::{BanReport, Figures, Report};
use crate::{bans, text, words};
use jiff::tz::TimeZone;

/// A figure with its name and a line of context.
pub(super) struct Card {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) context: String,
}

const DAY_S: i64 = 86_400;

pub(super) fn cards(report: &Report, zone: &TimeZone) -> Vec<Card> {
    let totals = &report.totals;
    if totals.requests == 0 {
        let context = if window_s(report) > 0 { "none in this window" } else { "" };
        return vec![card("Requests", "0", context)];
    }
    let mut cards = vec![
        card(
            "Requests",
            text::count(totals.requests),
            format!("{}/s on average", text::rate(totals.rps_mean)),
        ),
        busiest_second(report, zone),
    ];
    cards.extend(latency(totals));
    let requests = totals.requests;
    if totals.with_status() > 0 {
        cards.push(errors("Errors, 5xx", totals.status_5xx, requests));
        cards.push(errors("Client errors, 4xx", totals.status_4xx, requests));
    }
    if let Some(failures) = totals.failures.filter(|failures| failures.total() > 0) {
        let causes = words::failures(&failures);
        let causes: Vec<_> =
            causes.iter().map(|(cause, count, _)| format!("{cause}\u{a0}{}", text::count(*count))).collect();
        cards.push(card("Failed", text::percent(failures.total(), requests), causes.join(" · ")));
    }
    if let Some(bytes) = totals.bytes_sent {
        cards.push(card(
            "Sent",
            text::bytes(bytes),
            format!("{} per request", text::bytes(bytes / requests)),
        ));
    }
    if let Some(clients) = totals.clients {
        let error = text::decimals(report.clients_error * 100.0, 1);
        cards.push(card("Clients", text::count(clients), format!("distinct, ± {error} %")));
    }
    if let Some(bots) = totals.bot_requests {
        cards.push(card("Bots", text::percent(bots, requests), words::roughly(bots, "request")));
    }
    if let (Some(hits), Some(lookups @ 1..)) = (totals.cache_hits, totals.cache_lookups) {
        let of = format!("of {}", words::roughly(lookups, "lookup"));
        cards.push(card("Cache hits", text::percent(hits, lookups), of));
    }
    if let Some(retries @ 1..) = totals.retries {
        let redispatches = words::roughly(totals.redispatches.unwrap_or(0), "redispatch");
        cards.push(card("Retries", text::count(retries), redispatches));
    }
    cards.extend(report.bans.as_ref().map(banned));
    cards
}

fn banned(bans: &BanReport) -> Card {
    let context = if bans.bans == 0 {
        format!(
            "{} of {}",
            words::roughly(bans::hits(bans), "hit"),
            words::counted(bans.rules.len() as u64, "rule")
        )
    } else {
        let networks = words::roughly(bans.networks_banned, "network");
        format!("{networks} · {} in force", text::count(bans.in_force))
    };
    card("Bans", text::count(bans.bans), context)
}

fn card(name: &'static str, value: impl Into<String>, context: impl Into<String>) -> Card {
    Card { name, value: value.into(), context: context.into() }
}

fn busiest_second(report: &Report, zone: &TimeZone) -> Card {
    let format = if window_s(report) > DAY_S { "%-d %b, %H:%M:%S" } else { "at %H:%M:%S" };
    let at = report.totals.rps_peak_at.map(|at| local(at, zone).strftime(format).to_string());
    card("Busiest second", format!("{}/s", text::count(report.totals.rps_peak)), at.unwrap_or_default())
}

fn latency(totals: &Figures) -> Vec<Card> {
    let timing = |name, timing: &crate::model::Timing| {
        let (p50, p95, p99) = (timing.p50_ms?, timing.p95_ms?, timing.p99_ms?);
        Some(card(name, text::millis(p95), format!("p50 {} · p99 {}", text::millis(p50), text::millis(p99))))
    };
    [timing("Latency p95", &totals.latency), timing("Upstream p95", &totals.upstream)]
        .into_iter()
        .flatten()
        .collect()
}

fn errors(name: &'static str, errors: u64, requests: u64) -> Card {
    card(name, text::percent(errors, requests), words::counted(errors, "request"))
}
