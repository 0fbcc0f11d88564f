//! What a report says of bans, and the rows of their lists. Decides nothing.

use serde::Serialize;

/// Bans that were decided in the window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BanReport {
    /// Each rule that was on, in the order of the configuration.
    pub rules: Vec<RuleRow>,
    /// Bans by hour (or day) and rule, sorted by start and order of the rules; only where there were any. This is
    /// `bans.csv`.
    pub periods: Vec<PeriodBans>,
    /// Those that are banned still first, then most bans, capped.
    pub networks: Vec<BannedNetwork>,
    #[expect(missing_docs)]
    pub bans: u64,
    /// Different networks among them.
    pub networks_banned: u64,
    /// Bans that hold at the end of the window.
    pub in_force: u64,
    /// Hits that came later than the stated lateness, and so counted for nothing.
    pub late_hits: u64,
    /// Hits of clients that are never banned.
    pub spared_hits: u64,
    /// Clients whose hits were forgotten for want of room.
    pub evicted_keys: u64,
    /// Bans that were forgotten for want of room.
    pub evicted_bans: u64,
}

/// A rule over the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RuleRow {
    /// Its name: letters a to z, digits and hyphens.
    pub rule: String,
    /// Requests that its filter matched.
    pub hits: u64,
    #[expect(missing_docs)]
    pub bans: u64,
    /// Different networks among them.
    pub networks: u64,
    /// Of the bans, those that hold at the end of the window.
    pub in_force: u64,
    /// Bytes of text that its filter reads of a request, the mean over a fixed sample; `None` where not measured.
    pub examined_bytes_mean: Option<f64>,
}

/// Bans of one rule in one hour or day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeriodBans {
    /// Start of the hour or day, Unix seconds, as [`HourRow::hour`](super::HourRow::hour).
    pub start: i64,
    #[expect(missing_docs)]
    pub rule: String,
    #[expect(missing_docs)]
    pub bans: u64,
}

/// A network and its bans in the window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BannedNetwork {
    /// Canonical address, or network with its prefix.
    pub network: String,
    /// By which rules, in their order.
    pub rules: Vec<String>,
    #[expect(missing_docs)]
    pub bans: u64,
    /// Hits that counted for them.
    pub hits: u64,
    /// When the last of them ends, Unix seconds.
    pub until: i64,
    /// Whether it is banned at the end of the window.
    pub in_force: bool,
}

/// A row of the list of bans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedBan {
    /// Canonical address, or network with its prefix.
    pub network: String,
    #[expect(missing_docs)]
    pub rule: String,
    /// It holds from `since` up to but not including `until`, Unix seconds.
    pub since: i64,
    #[expect(missing_docs)]
    pub until: i64,
    /// Hits that counted.
    pub hits: u64,
    /// Which ban of this network it is: 1 is the first.
    pub nth: u64,
}

/// A row of the list of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedRule {
    #[expect(missing_docs)]
    pub rule: String,
    /// Whether it is used.
    pub on: bool,
    /// When a ban falls: `10 distinct path in 100s`.
    pub threshold: String,
    /// How long it lasts, with its growth.
    pub bantime: String,
    /// What it catches; empty where nobody says so.
    pub catches: String,
    /// What it can hit that is no attack.
    pub wrongly: String,
}
