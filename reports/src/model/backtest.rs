//! What rules would have done to a log. Finished figures; tries nothing.

use serde::Serialize;

/// Rules tried on what was logged: what each would have banned, and whom that would have hit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backtest {
    /// The window, Unix seconds: from `since` up to but not including `until`.
    pub since: i64,
    #[expect(missing_docs)]
    pub until: i64,
    /// IANA name of the zone for display.
    pub timezone: String,
    /// Requests of the window.
    pub requests: u64,
    /// The word of the rules that takes several values: `maxretry`; `None` where each rule was tried as it is.
    pub sweep: Option<String>,
    /// By rule in their order, then by ascending value.
    pub rows: Vec<BacktestRow>,
}

/// A rule with one value of the swept word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BacktestRow {
    #[expect(missing_docs)]
    pub rule: String,
    /// The value: `15`, `100s`.
    pub value: Option<String>,
    /// Requests that the filter matched.
    pub hits: u64,
    #[expect(missing_docs)]
    pub bans: u64,
    /// Different networks among them.
    pub networks: u64,
    /// Requests that came from a network while it would have been banned.
    pub refused: u64,
    /// Of those: answered 2xx or 3xx.
    pub collateral: u64,
    /// Of those refused: with the name of a user who logged in.
    pub authenticated: u64,
    /// Different such names.
    pub users: u64,
    /// Of those refused: by user agents of crawlers.
    pub crawler_requests: u64,
    /// Banned networks with ten user agents or more, a sign of several people behind one address.
    pub shared_networks: u64,
    /// The most user agents of one banned network.
    pub user_agents_max: u64,
    /// Bytes sent for the refused requests.
    pub bytes_sent: u64,
}
