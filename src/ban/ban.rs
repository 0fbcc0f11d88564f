//! What goes into deciding and what comes out: a hit, the words of a rule that decide, a ban. Decides nothing.

use std::net::IpAddr;

use super::network::Network;

/// Most hits or distinct values that a rule may ask for: a client's hits are kept until they make a ban.
pub const MAXRETRY_LIMIT: u32 = 10_000;
/// Longest ban and longest stretch, microseconds: a hundred years, so that times can be added.
pub const LONGEST_US: i64 = 100 * 366 * 86_400 * 1_000_000;

/// A request that a rule's filter matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Place of the rule among the rules that decide.
    pub rule: u16,
    /// Who sent it.
    pub client: IpAddr,
    /// Log time, microseconds since 1970.
    pub at_us: i64,
    /// Hash of the value that is counted, for rules that count distinct ones.
    pub distinct: u64,
    /// File and offset of the line.
    pub place: (u32, u64),
}

/// What a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Its hits.
    Hits,
    /// Different values among its hits.
    Distinct,
    /// Relapses: bans of the key with a different `nth`, by rules that count hits. Bans of one burst are one relapse.
    Relapses,
    /// Different IPv6 keys of one network of this prefix that rules that count hits banned: the network is banned.
    Neighbours(u8),
}

impl Counts {
    /// Does a request count, not a ban?
    #[must_use]
    pub fn is_of_hits(self) -> bool {
        matches!(self, Self::Hits | Self::Distinct)
    }
}

/// The words of a rule that decide. Its filter has done its work before.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs)]
pub struct Threshold {
    pub name: String,
    pub counts: Counts,
    /// Hits that make a ban, 1 to [`MAXRETRY_LIMIT`].
    pub maxretry: u32,
    pub findtime_us: i64,
    pub bantime_us: i64,
    /// Each further ban of a key is so many times longer; below 1 is 1.
    pub bantime_factor: f64,
    /// A ban is never longer; below `bantime_us` is `bantime_us`.
    pub bantime_max_us: i64,
}

impl Threshold {
    /// With every number within its limits.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        self.maxretry = self.maxretry.clamp(1, MAXRETRY_LIMIT);
        self.findtime_us = self.findtime_us.clamp(0, LONGEST_US);
        self.bantime_us = self.bantime_us.clamp(1, LONGEST_US);
        self.bantime_max_us = self.bantime_max_us.clamp(self.bantime_us, LONGEST_US);
        // NaN is 1 too.
        self.bantime_factor = self.bantime_factor.max(1.0);
        self
    }

    /// How long the `nth` ban of a key lasts: `min(bantime × factor^(n−1), max)`, microseconds.
    #[must_use]
    pub fn length_us(&self, nth: u32) -> i64 {
        self.unlimited_us(nth).clamp(self.bantime_us, self.bantime_max_us)
    }

    /// `bantime × factor^(n−1)`, microseconds.
    #[must_use]
    pub fn unlimited_us(&self, nth: u32) -> i64 {
        let power = i32::try_from(nth.saturating_sub(1)).unwrap_or(i32::MAX);
        // A conversion from f64 saturates.
        (self.bantime_us as f64 * self.bantime_factor.powi(power)) as i64
    }
}

/// A ban as it is emitted. It holds from `from_us` up to but not including `until_us`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ban {
    /// Who is banned.
    pub network: Network,
    /// By which rule.
    pub rule: String,
    /// Log time of the hit that completed the stretch, microseconds since 1970.
    pub from_us: i64,
    /// Microseconds since 1970.
    pub until_us: i64,
    /// Hits that counted.
    pub hits: u32,
    /// Which ban of this key it is: 1 is the first.
    pub nth: u32,
}
