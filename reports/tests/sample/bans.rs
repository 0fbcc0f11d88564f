//! Sample bans, back-tests and lists of them.

use logstat_reports::model::{
    Backtest, BacktestRow, BanReport, BannedNetwork, ListedBan, ListedRule, PeriodBans, RuleRow, Step,
};

use super::MIDNIGHT;

/// Bans of some hours or days: scanners all the time, a wave in the middle, and a rule that nobody met.
pub fn bans(since: i64, step: Step, steps: i64) -> BanReport {
    const RULES: [(&str, u64, Option<f64>); 11] = [
        ("probing", 5, Some(3.0)),
        ("sensitive-files", 3, Some(61.4)),
        ("scanner-agent", 2, Some(92.0)),
        ("login-bruteforce", 1, Some(3.0)),
        ("wordpress-login", 2, Some(14.2)),
        ("path-traversal", 1, Some(75.8)),
        ("sql-injection", 1, Some(14.4)),
        ("xss", 1, Some(75.8)),
        ("shell-probe", 0, Some(210.0)),
        ("recidive", 1, None),
        ("malformed", 0, None),
    ];
    let bans_of = |nth: usize, at: i64| {
        let (_, weight, _) = RULES[nth];
        let wave = if at == steps / 2 && nth < 3 { 40 } else { 0 };
        let now_and_then = (at * 7 + nth as i64 * 5).rem_euclid(11) < weight as i64;
        if weight > 0 { wave + weight * u64::from(now_and_then) } else { 0 }
    };
    let all = (0..steps).flat_map(|at| (0..RULES.len()).map(move |nth| (at, nth)));
    let periods: Vec<PeriodBans> = all
        .map(|(at, nth)| PeriodBans {
            start: since + at * step.seconds(),
            rule: RULES[nth].0.into(),
            bans: bans_of(nth, at),
        })
        .filter(|period| period.bans > 0)
        .collect();
    let of = |rule: &str| periods.iter().filter(|period| period.rule == rule).map(|period| period.bans).sum();
    let rules = RULES.map(|(rule, weight, examined_bytes_mean)| RuleRow {
        rule: rule.into(),
        hits: if rule == "malformed" { 0 } else { of(rule) * 14 + 900 * weight + 7 },
        bans: of(rule),
        networks: of(rule) * 4 / 5,
        in_force: of(rule) / 3,
        examined_bytes_mean,
    });
    let bans = rules.iter().map(|rule| rule.bans).sum();
    BanReport {
        bans,
        networks_banned: bans * 3 / 4,
        in_force: bans / 3,
        late_hits: 3,
        spared_hits: 1_204,
        evicted_keys: 12,
        evicted_bans: 1,
        networks: networks(since + steps * step.seconds()),
        rules: rules.into(),
        periods,
    }
}

fn networks(until: i64) -> Vec<BannedNetwork> {
    let network = |network: &str, rules: &[&str], bans, end: i64| BannedNetwork {
        network: network.into(),
        rules: rules.iter().map(|&rule| rule.into()).collect(),
        bans,
        hits: bans * 17,
        until: until + end,
        in_force: end > 0,
    };
    vec![
        network("203.0.113.66", &["probing", "sensitive-files", "scanner-agent", "recidive"], 9, 6 * 86_400),
        network("2001:db8:1:2::/64", &["probing"], 4, 14_400),
        network("2001:db8:ffff:ff00::/56", &["recidive"], 2, 86_400 * 60),
        network("198.51.100.7", &["login-bruteforce", "wordpress-login"], 2, -1_800),
        network("192.0.2.1", &["xss"], 1, 60),
    ]
}

/// A week of rules that ban less and hit fewer people the more hits they ask for; one of them hits nobody.
pub fn backtest(rules: &[&str], maxretry: &[u64]) -> Backtest {
    let row = |rule: &str, nth: u64, maxretry: u64| {
        let bans = (900 / (nth + 1) / maxretry).saturating_sub(nth);
        let refused = bans * (140 + 9 * nth);
        let is_harmless = rule == "shell-probe";
        let collateral = if is_harmless { 0 } else { refused / (20 + maxretry * maxretry) };
        BacktestRow {
            rule: rule.into(),
            value: None,
            hits: 12_000 / (nth + 1),
            bans,
            networks: bans - bans / 5,
            refused,
            collateral,
            authenticated: collateral / 8,
            users: collateral / 40,
            crawler_requests: collateral / 3,
            shared_networks: bans / 60,
            user_agents_max: bans / 8 + 1,
            bytes_sent: refused * 9_312,
        }
    };
    let rules = || rules.iter().zip(0..);
    let mut rows: Vec<BacktestRow> = rules().map(|(rule, nth)| row(rule, nth, 5)).collect();
    if !maxretry.is_empty() {
        let swept = |(rule, nth): (&&str, u64)| {
            let value = |&maxretry: &u64| BacktestRow {
                value: Some(maxretry.to_string()),
                ..row(rule, nth, maxretry)
            };
            maxretry.iter().map(value).collect::<Vec<_>>()
        };
        rows = rules().flat_map(swept).collect();
    }
    Backtest {
        since: MIDNIGHT - 7 * 86_400,
        until: MIDNIGHT,
        timezone: "Europe/Berlin".into(),
        requests: 4_212_331,
        sweep: (!maxretry.is_empty()).then(|| "maxretry".into()),
        rows,
    }
}

/// A host, a network of which the ban is over, and one that was banned again and again.
pub fn ban_list() -> Vec<ListedBan> {
    let ban = |network: &str, rule: &str, since: i64, until: i64, nth: u64| ListedBan {
        network: network.into(),
        rule: rule.into(),
        since: MIDNIGHT + since,
        until: MIDNIGHT + until,
        hits: 10 * nth,
        nth,
    };
    vec![
        ban("192.0.2.7", "probing", -3_600, 10_800, 1),
        ban("198.51.100.0/24", "sensitive-files", -7_000, -20, 1),
        ban("2001:db8:1:2::/64", "a-rule-with-a-very-long-name-32x", -86_400 * 5, 86_400 * 100, 12),
    ]
}

/// Two shipped rules, one of which is off, and one of the reader's own.
pub fn rule_list() -> Vec<ListedRule> {
    let rule = |rule: &str, on, threshold: &str, catches: &str, wrongly: &str| ListedRule {
        rule: rule.into(),
        on,
        threshold: threshold.into(),
        bantime: "4h".into(),
        catches: catches.into(),
        wrongly: wrongly.into(),
    };
    vec![
        rule(
            "probing",
            true,
            "10 distinct path in 100s",
            "who asks for many different things that are not there",
            "visitors of a site whose links broke in a move; a crawler with an old list; several people behind one \
             address on such a day",
        ),
        rule("http-flood", false, "1000 in 10s", "who asks for more than a person can read", "a busy office"),
        rule("my-own", true, "1 in 1s", "", ""),
    ]
}
