//! Carries out `logstat ban explain`: why an address is banned, with the very lines, or how far it is from that.

use super::Known;
use super::lines::fetch;
use super::list::{ban_json, instant};
use super::rules::threshold;
use crate::ban::ban::Ban;
use crate::ban::decide::key;
use crate::ban::evidence::Evidence;
use crate::ban::rule::{Rule, What};
use crate::ban::standing::{Reckoning, Standing};
use crate::cli::ExplainArgs;
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::store::{Mode, PublishedList};
use crate::{output, state};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use logstat_reports::text::{count, printable, safe, truncate_middle};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// Columns of a filter that are shown.
const FILTER: usize = 160;

/// A hit with its line.
struct Shown {
    at_us: i64,
    path: Option<PathBuf>,
    offset: u64,
    line: Option<Vec<u8>>,
}

/// A ban with what made it.
struct Explained<'k> {
    ban: Ban,
    rule: Option<&'k Rule>,
    /// What it counts are bans; each hit is the one that completed such a ban.
    is_of_bans: bool,
    reckoning: Option<Reckoning>,
    left_out: u32,
    hits: Vec<Shown>,
}

/// Carries it out.
///
/// # Errors
/// When the logs or the state cannot be read.
pub fn run(args: &ExplainArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let known = super::known(&args.read, &args.span, &args.work, &args.state, &config)?;
    let lists = if args.read.paths.is_empty() { published(args, &config)? } else { Vec::new() };
    let bans: Vec<Explained<'_>> = known
        .decider
        .bans_touching(args.address)
        .into_iter()
        .map(|(ban, evidence)| explained(&known, ban, evidence))
        .collect();
    let text = if args.json {
        format!("{:#}\n", as_json(args, &known, &bans, &lists))
    } else {
        as_text(args, &known, &bans, &lists)
    };
    output::put(text.as_bytes())?;
    Ok(known.exit)
}

/// Lists that were published, if a state knows of any.
fn published(args: &ExplainArgs, config: &Config) -> anyhow::Result<Vec<PublishedList>> {
    Ok(state::open(&args.state, &config.state, Mode::Read)?.published_lists()?)
}

fn explained<'k>(known: &'k Known, ban: Ban, evidence: &Evidence) -> Explained<'k> {
    let mut by_file: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    let kept = evidence.hits();
    kept.iter().for_each(|hit| by_file.entry(hit.place.0).or_default().push(hit.place.1));
    let lines: BTreeMap<u32, BTreeMap<u64, Vec<u8>>> = by_file
        .into_iter()
        .filter_map(|(file, offsets)| Some((file, fetch(known.files.get(&file)?, &offsets))))
        .collect();
    let host = ban.network.is_host().then(|| ban.network.to_string());
    let is_of = |line: &&Vec<u8>| {
        // A log that was rotated since has another line there.
        host.as_ref()
            .is_none_or(|host| host.contains(':') || memchr::memmem::find(line, host.as_bytes()).is_some())
    };
    let hits = kept.iter().map(|hit| Shown {
        at_us: hit.at_us,
        path: known.files.get(&hit.place.0).cloned(),
        offset: hit.place.1,
        line: lines.get(&hit.place.0).and_then(|lines| lines.get(&hit.place.1)).filter(is_of).cloned(),
    });
    let rule = known.setup.rules.rules().iter().find(|rule| rule.name == ban.rule);
    let is_of_bans = matches!(rule.map(|rule| &rule.what), Some(What::Bans | What::Neighbours { .. }));
    let hits: Vec<Shown> = hits.collect();
    let reckoning = known.decider.reckon(&ban, evidence);
    Explained { rule, is_of_bans, reckoning, left_out: evidence.left_out(), hits, ban }
}

impl Explained<'_> {
    fn in_force(&self, moment_us: i64) -> bool {
        self.ban.from_us <= moment_us && moment_us < self.ban.until_us
    }
}

fn local(us: i64, zone: &TimeZone) -> String {
    let instant = Timestamp::from_microsecond(us).unwrap_or_default().to_zoned(zone.clone());
    let fraction = if us.rem_euclid(1_000_000) == 0 { "%Y-%m-%d %H:%M:%S" } else { "%Y-%m-%d %H:%M:%S%.3f" };
    instant.strftime(fraction).to_string()
}

/// `1 h 5 min`, whole seconds.
fn length(us: i64) -> String {
    let seconds = us.div_euclid(1_000_000);
    let parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds;
    let mut words = Vec::new();
    for (unit, name) in parts {
        if left >= unit {
            words.push(format!("{} {name}", left / unit));
            left %= unit;
        }
    }
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

fn as_text(args: &ExplainArgs, known: &Known, bans: &[Explained<'_>], lists: &[PublishedList]) -> String {
    let mut text = String::new();
    let address = args.address;
    let in_force = || bans.iter().filter(|ban| ban.in_force(known.moment_us));
    let whole = in_force().filter(|ban| ban.ban.network.covers(address)).map(|ban| ban.ban.until_us).max();
    let _ = match (whole, in_force().count()) {
        (Some(until_us), _) => writeln!(text, "{address} is banned until {}", local(until_us, &known.zone)),
        (None, 0) if bans.is_empty() => writeln!(text, "{address} is not banned, and no ban of it is known"),
        (None, 0) => writeln!(text, "{address} is not banned any more"),
        (None, inside) => {
            writeln!(text, "{address} is not banned as a whole; bans in it: {}", count(inside as u64))
        }
    };
    if let Some(spared) = known.setup.floor.reason(address.address()) {
        let _ = writeln!(text, "it is never banned: {} ({})", spared.network, safe(&spared.origin));
    } else if known.setup.floor.touches(key(address.address())) {
        let _ = writeln!(
            text,
            "it is never banned: its {} holds addresses that never are",
            key(address.address())
        );
    }
    let _ = writeln!(text, "times are in {}", known.zone.iana_name().unwrap_or("UTC"));
    bans.iter().for_each(|ban| tell_ban(&mut text, ban, known));
    tell_standing(&mut text, known, args);
    tell_lists(&mut text, known, bans, lists);
    text
}

fn tell_ban(text: &mut String, explained: &Explained<'_>, known: &Known) {
    let Explained { ban, rule, is_of_bans, reckoning, left_out, hits } = explained;
    let zone = &known.zone;
    let _ = writeln!(
        text,
        "\n{} {} by {}: from {} until {}",
        ban.network,
        if explained.in_force(known.moment_us) { "is banned" } else { "was banned" },
        ban.rule,
        local(ban.from_us, zone),
        local(ban.until_us, zone)
    );
    if let Some(rule) = rule {
        if let What::Requests { filter, .. } = &rule.what {
            let _ = writeln!(text, "  counts   {}", truncate_middle(&filter.to_string(), FILTER, "…"));
        }
        let _ = writeln!(text, "  limit    {}", threshold(rule));
    }
    let counted = match (is_of_bans, ban.hits) {
        (true, _) => "bans, each at the line that completed it",
        (false, 1) => "hit",
        (false, _) => "hits",
    };
    let _ = write!(text, "  counted  {} {counted}", ban.hits);
    if let Some(reckoning) = reckoning.as_ref().filter(|_| ban.hits > 1) {
        let _ = write!(text, ", {}", stretch(reckoning, zone));
    }
    let _ = writeln!(text, "\n  length   {}", arithmetic(ban, *rule));
    if reckoning.as_ref().is_none_or(|reckoning| !reckoning.fits) {
        text.push_str("  the rule was another one when it fell\n");
    }
    if *left_out > 0 {
        let _ = writeln!(text, "  {left_out} earlier hits are not kept");
    }
    for hit in hits {
        let place = hit.path.as_ref().map_or_else(
            || "a log that is forgotten".to_owned(),
            |path| safe(&path.display().to_string()).into_owned(),
        );
        let _ = writeln!(text, "  {}  {place}, byte {}", local(hit.at_us, zone), hit.offset);
        let line = hit.line.as_ref().map(|line| printable(line));
        let _ = writeln!(text, "    {}", line.as_deref().unwrap_or("(the line is no longer there)"));
    }
}

/// `the first at 13:00:01, the last at 13:00:12: 11 s, within findtime 100 s`.
fn stretch(reckoning: &Reckoning, zone: &TimeZone) -> String {
    let Reckoning { first_us, last_us, words, .. } = reckoning;
    let (first, last, findtime) = (local(*first_us, zone), local(*last_us, zone), length(words.findtime_us));
    let within = if reckoning.fits { "within" } else { "of" };
    format!(
        "the first at {first}, the last at {last}: {}, {within} findtime {findtime}",
        length(last_us - first_us)
    )
}

/// `4h × 2^1 = 8 h (at most 1w), ban number 2`.
fn arithmetic(ban: &Ban, rule: Option<&Rule>) -> String {
    let lasts = length(ban.until_us - ban.from_us);
    let Some(rule) = rule else { return format!("{lasts}, ban {}", ban.nth) };
    let (bantime, factor, power) = (rule.bantime, rule.bantime_factor, ban.nth.saturating_sub(1));
    format!("{bantime} × {factor}^{power} = {lasts} (at most {}), ban number {}", rule.bantime_max, ban.nth)
}

/// Hits that have not come to a ban.
fn tell_standing(text: &mut String, known: &Known, args: &ExplainArgs) {
    let standings = known.decider.standing_of(args.address.address());
    if !standings.is_empty() {
        text.push_str("\nhits that have not come to a ban\n");
    }
    for Standing { rule, network, needed, best, missing, .. } in standings {
        let (from, to) = (local(best.from_us, &known.zone), local(best.to_us, &known.zone));
        let _ = writeln!(
            text,
            "  {rule}: {} of {needed} by {network}, from {from} to {to}; {missing} more were needed",
            best.count
        );
    }
}

fn tell_lists(text: &mut String, known: &Known, bans: &[Explained<'_>], lists: &[PublishedList]) {
    if !lists.is_empty() {
        text.push_str("\npublished lists\n");
    }
    for list in lists {
        let _ = writeln!(
            text,
            "  {} ({}): {}; {}, written {}",
            safe(&list.path.display().to_string()),
            list.format,
            if bans.iter().any(|ban| ban.in_force(list.published_us)) { "is in it" } else { "is not in it" },
            if list.entries == 1 { "1 entry".to_owned() } else { format!("{} entries", count(list.entries)) },
            local(list.published_us, &known.zone)
        );
    }
}

fn as_json(args: &ExplainArgs, known: &Known, bans: &[Explained<'_>], lists: &[PublishedList]) -> Value {
    let spared = known.setup.floor.reason(args.address.address());
    json!({
        "address": args.address.to_string(),
        "at": instant(known.moment_us),
        "banned": bans.iter().any(|ban| ban.in_force(known.moment_us)),
        "never_banned": spared.map(|spared| json!({"network": spared.network.to_string(), "origin": *spared.origin})),
        "bans": bans.iter().map(|ban| explained_json(ban, known)).collect::<Vec<_>>(),
        "held": known.decider.standing_of(args.address.address()).iter().map(standing_json).collect::<Vec<_>>(),
        "published": lists.iter().map(|list| json!({
            "path": printable(list.path.as_os_str().as_encoded_bytes()),
            "format": list.format,
            "entries": list.entries,
            "at": instant(list.published_us),
        })).collect::<Vec<_>>(),
    })
}

fn standing_json(standing: &Standing) -> Value {
    let Standing { rule, network, hits_held, needed, best, missing } = standing;
    json!({
        "rule": rule,
        "network": network.to_string(),
        "hits_held": hits_held,
        "maxretry": needed,
        "best": {"hits": best.count, "from": instant(best.from_us), "to": instant(best.to_us)},
        "missing": missing,
    })
}

fn explained_json(explained: &Explained<'_>, known: &Known) -> Value {
    let mut value = ban_json(&explained.ban, known.moment_us);
    let hits: Vec<Value> = explained
        .hits
        .iter()
        .map(|hit| {
            json!({
                "at": instant(hit.at_us),
                "file": hit.path.as_ref().map(|path| printable(path.as_os_str().as_encoded_bytes())),
                "offset": hit.offset,
                "line": hit.line.as_ref().map(|line| printable(line)),
            })
        })
        .collect();
    value["evidence"] = json!(hits);
    value["hits_not_kept"] = json!(explained.left_out);
    if let Some(reckoning) = &explained.reckoning {
        value["first_hit"] = json!(instant(reckoning.first_us));
        value["last_hit"] = json!(instant(reckoning.last_us));
        value["as_the_rule_is_now"] = json!(reckoning.fits);
    }
    if let Some(rule) = explained.rule {
        value["maxretry"] = json!(rule.maxretry);
        value["findtime"] = json!(rule.findtime.to_string());
        value["bantime"] = json!(rule.bantime.to_string());
        value["bantime_factor"] = json!(rule.bantime_factor);
        value["bantime_max"] = json!(rule.bantime_max.to_string());
    }
    value
}
