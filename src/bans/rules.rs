//! Carries out `logstat ban rules`: every rule, what it catches and whether it is on.

use crate::ban::rule::{Distinct, Rule, What, pick};
use crate::ban::shipped::{self, SHIPPED};
use crate::cli::RulesArgs;
use crate::config::{self, BanConfig};
use crate::exit::Exit;
use crate::output;
use logstat_reports::model::ListedRule;
use logstat_reports::terminal::rule_list;
use serde_json::json;

/// Carries it out.
///
/// # Errors
/// When the configuration is wrong.
pub fn run(args: &RulesArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.config.as_deref())?.ban.unwrap_or_default();
    let on = config.rules()?;
    let rows = rows(&on, &config)?;
    let text = if args.json {
        let rows: Vec<_> = rows.iter().map(|(rule, row)| as_json(rule, row)).collect();
        format!("{:#}\n", json!(rows))
    } else {
        let rows: Vec<ListedRule> = rows.into_iter().map(|(_, row)| row).collect();
        rule_list(&rows, &output::style(args.color, 0))
    };
    output::put(text.as_bytes())?;
    Ok(Exit::Done)
}

/// The rules that are on, then the shipped ones that are not.
fn rows(on: &[Rule], config: &BanConfig) -> anyhow::Result<Vec<(Rule, ListedRule)>> {
    let is_on = |name: &str| on.iter().any(|rule| rule.name == name);
    let off = SHIPPED.iter().map(|rule| rule.name.to_owned()).filter(|name| !is_on(name));
    let off = off.collect::<Vec<_>>();
    let off = if off.is_empty() { Vec::new() } else { pick(&off, &config.rule)? };
    let on = on.iter().cloned().map(|rule| (true, rule));
    let all = on.chain(off.into_iter().map(|rule| (false, rule)));
    Ok(all.map(|(on, rule)| (rule.clone(), row(&rule, on))).collect())
}

fn row(rule: &Rule, on: bool) -> ListedRule {
    let shipped = shipped::named(&rule.name);
    ListedRule {
        rule: rule.name.clone(),
        on,
        threshold: threshold(rule),
        bantime: bantime(rule),
        catches: shipped.map_or_else(|| own(rule), |shipped| shipped.catches.to_owned()),
        wrongly: shipped.map_or_else(String::new, |shipped| shipped.wrongly.to_owned()),
    }
}

/// What a rule of the user's own counts.
fn own(rule: &Rule) -> String {
    match &rule.what {
        What::Requests { filter, .. } => filter.to_string(),
        _ => String::new(),
    }
}

/// `10 different paths in 100s`.
pub(super) fn threshold(rule: &Rule) -> String {
    let counted = match &rule.what {
        What::Requests { distinct: Some(Distinct::Path), .. } => "different path",
        What::Requests { distinct: Some(Distinct::Query), .. } => "different quer",
        What::Requests { distinct: Some(Distinct::UserAgent), .. } => "different user agent",
        What::Requests { distinct: None, .. } => "request",
        What::Bans => "ban",
        What::Rejects => "unreadable line",
        What::Ambiguous => "ambiguous line",
        What::Neighbours { prefix } => {
            return format!("{} banned /64 of a /{prefix} in {}", rule.maxretry, rule.findtime);
        }
    };
    let ending = match (counted, rule.maxretry) {
        ("different quer", 1) => "y",
        ("different quer", _) => "ies",
        (_, 1) => "",
        _ => "s",
    };
    format!("{} {counted}{ending} in {}", rule.maxretry, rule.findtime)
}

fn bantime(rule: &Rule) -> String {
    if rule.bantime_max == rule.bantime || rule.bantime_factor <= 1.0 {
        return rule.bantime.to_string();
    }
    format!("{}, ×{} up to {}", rule.bantime, rule.bantime_factor, rule.bantime_max)
}

fn as_json(rule: &Rule, row: &ListedRule) -> serde_json::Value {
    let filter = match &rule.what {
        What::Requests { filter, .. } => Some(filter.to_string()),
        _ => None,
    };
    json!({
        "rule": row.rule,
        "on": row.on,
        "filter": filter,
        "maxretry": rule.maxretry,
        "findtime": rule.findtime.to_string(),
        "bantime": rule.bantime.to_string(),
        "bantime_factor": rule.bantime_factor,
        "bantime_max": rule.bantime_max.to_string(),
        "threshold": row.threshold,
        "catches": row.catches,
        "wrongly": row.wrongly,
    })
}
