//! Bans become the list that a firewall, a proxy or another tool reads: bytes, the same for the same bans. Each format
//! has a file in `emit/` of the shape of `plain`, the shortest: `write` and, to read a list's length back, `count`.
//! Runs nothing and writes no file.

use std::fmt;
use std::io::Write as _;
use std::str::FromStr;

use super::ban::Ban;
use super::evidence::Evidence;
use super::floor::Floor;
use super::merge_networks::{Entry, Merged, TooManyEntries, merge};
use super::network::Network;

mod crowdsec;
mod fail2ban;
mod haproxy_acl;
mod haproxy_map;
mod ipset;
mod jsonl;
mod nftables;
mod nginx_deny;
mod nginx_geo;
mod plain;

/// Longest name of a rule or of a jail.
const MAX_NAME_BYTES: usize = 64;

/// Who reads the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `nft -f`: two sets for each family, in one transaction.
    Nftables,
    /// `ipset restore`: new sets, swapped with the live ones.
    Ipset,
    /// An address or prefix per line.
    Plain,
    /// What nginx includes into `geo $logstat_ban { default 0; … }`.
    NginxGeo,
    /// `deny` lines for nginx.
    NginxDeny,
    /// A file for `http-request deny if { src -f … }`.
    HaproxyAcl,
    /// A map from the address to the second at which its ban is over.
    HaproxyMap,
    /// `fail2ban-client` command lines; the jail has its own ban time.
    Fail2ban,
    /// CSV for `cscli decisions import`.
    Crowdsec,
    /// Every ban, unmerged, as JSON lines.
    Jsonl,
}

impl Format {
    /// All formats, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Nftables,
        Self::Ipset,
        Self::Plain,
        Self::NginxGeo,
        Self::NginxDeny,
        Self::HaproxyAcl,
        Self::HaproxyMap,
        Self::Fail2ban,
        Self::Crowdsec,
        Self::Jsonl,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nftables => "nftables",
            Self::Ipset => "ipset",
            Self::Plain => "plain",
            Self::NginxGeo => "nginx-geo",
            Self::NginxDeny => "nginx-deny",
            Self::HaproxyAcl => "haproxy-acl",
            Self::HaproxyMap => "haproxy-map",
            Self::Fail2ban => "fail2ban",
            Self::Crowdsec => "crowdsec",
            Self::Jsonl => "jsonl",
        }
    }

    /// Do its entries say until when, so that whoever reads them lets them go by itself?
    #[must_use]
    pub fn tells_end(self) -> bool {
        matches!(self, Self::Nftables | Self::Ipset | Self::HaproxyMap | Self::Crowdsec | Self::Jsonl)
    }

    /// Do its entries say how long a ban lasts from the writing on? A list that lies about would make bans longer.
    #[must_use]
    pub fn counts_from_writing(self) -> bool {
        matches!(self, Self::Nftables | Self::Ipset | Self::Crowdsec)
    }

    /// Does a packet filter read it, which sees the connection's address and no header?
    #[must_use]
    pub fn is_firewall(self) -> bool {
        matches!(self, Self::Nftables | Self::Ipset)
    }

    /// How many entries a list of this format has; `None` if it is no whole list of this format.
    #[must_use]
    pub fn count(self, list: &[u8]) -> Option<usize> {
        let text = std::str::from_utf8(list).ok()?;
        if !text.is_empty() && !text.ends_with('\n') {
            return None;
        }
        match self {
            Self::Nftables => nftables::count(text),
            Self::Ipset => ipset::count(text),
            Self::Plain => plain::count(text),
            Self::NginxGeo => nginx_geo::count(text),
            Self::NginxDeny => nginx_deny::count(text),
            Self::HaproxyAcl => haproxy_acl::count(text),
            Self::HaproxyMap => haproxy_map::count(text),
            Self::Fail2ban => fail2ban::count(text),
            Self::Crowdsec => crowdsec::count(text),
            Self::Jsonl => jsonl::count(text),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = EmitError;

    fn from_str(name: &str) -> Result<Self, EmitError> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(EmitError::Format)
    }
}

/// What a list depends on besides its bans.
#[derive(Debug, Clone, Copy)]
pub struct Emission<'a> {
    /// Seconds since 1970; time-outs count from here, and bans that are over by then are left out.
    pub now_s: i64,
    /// Addresses that no list holds: the same that are never banned.
    pub floor: &'a Floor,
    /// The jail of fail2ban that gets the addresses.
    pub jail: &'a str,
}

/// A list, ready to be written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// How many entries it has: what [`Format::count`] reads back.
    pub entries: usize,
    /// Bans left out because their time is over.
    pub expired: usize,
    /// Bans left out, or cut to a part, because of addresses that must never be banned.
    pub never_ban: usize,
}

/// Why there is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// Names go into privileged files, so they hold nothing that means anything there.
    #[error("{name:?} is no name for a rule or jail\nhint: at most {MAX_NAME_BYTES} of a to z, 0 to 9 and -")]
    Name {
        /// The name given.
        name: String,
    },
    /// See [`TooManyEntries`].
    #[error(transparent)]
    TooMany(#[from] TooManyEntries),
    /// There is no format of this name.
    #[error(
        "unknown list format\nhint: one of {}",
        Format::ALL.map(Format::name).join(", ")
    )]
    Format,
}

/// Writes the bans, given in any order, as a list of this format.
///
/// # Errors
/// If a rule or the jail has a name that may not enter a privileged file, or if there are too many entries.
pub fn emit(format: Format, bans: &[Ban], emission: &Emission<'_>) -> Result<List, EmitError> {
    bans.iter().map(|ban| ban.rule.as_str()).chain([emission.jail]).try_for_each(check_name)?;
    if format == Format::Jsonl {
        return Ok(jsonl::list(bans.iter().map(|ban| (ban, None)), emission)?);
    }
    let merged = merge(bans, emission.floor, emission.now_s)?;
    let entries = merged.hosts.len() + merged.networks.len();
    let mut out = Vec::with_capacity(64 * (entries + 16));
    match format {
        Format::Nftables => nftables::write(&merged, emission.now_s, &mut out),
        Format::Ipset => ipset::write(&merged, emission.now_s, &mut out),
        Format::Plain => plain::write(&merged, &mut out),
        Format::NginxGeo => nginx_geo::write(&merged, &mut out),
        Format::NginxDeny => nginx_deny::write(&merged, &mut out),
        Format::HaproxyAcl => haproxy_acl::write(&merged, &mut out),
        Format::HaproxyMap => haproxy_map::write(&merged, &mut out),
        Format::Fail2ban => fail2ban::write(&merged, emission.jail, &mut out),
        Format::Crowdsec => crowdsec::write(&merged, emission.now_s, &mut out),
        Format::Jsonl => {}
    }
    Ok(List { bytes: out, entries, expired: merged.expired, never_ban: merged.never_ban })
}

/// JSON lines, each with time, number of the file and offset of the hits that are kept of what made the ban.
///
/// # Errors
/// As [`emit`].
pub fn emit_with_evidence(bans: &[(Ban, &Evidence)], emission: &Emission<'_>) -> Result<List, EmitError> {
    bans.iter().try_for_each(|(ban, _)| check_name(&ban.rule))?;
    Ok(jsonl::list(bans.iter().map(|(ban, evidence)| (ban, Some(*evidence))), emission)?)
}

/// The networks that a list names, of whatever format it is.
#[must_use]
pub fn named_networks(list: &[u8]) -> Vec<Network> {
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || b",;{}\"".contains(byte);
    let words = list.split(is_between).filter_map(|word| str::from_utf8(word).ok());
    words.filter_map(|word| word.parse().ok()).collect()
}

fn check_name(name: &str) -> Result<(), EmitError> {
    if is_name(name) { Ok(()) } else { Err(EmitError::Name { name: name.to_owned() }) }
}

/// Is it a name that may enter a privileged file?
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn line(out: &mut Vec<u8>, words: fmt::Arguments<'_>) {
    text(out, words);
    out.push(b'\n');
}

/// Writing to memory does not fail, so there is nothing to hand on.
fn text(out: &mut Vec<u8>, words: fmt::Arguments<'_>) {
    out.write_fmt(words).expect("memory takes what is written");
}

/// Hosts and prefixes together, sorted.
fn sorted<'m, 'a>(merged: &'m Merged<'a>) -> Vec<&'m Entry<'a>> {
    let mut all: Vec<_> = merged.hosts.iter().chain(&merged.networks).collect();
    all.sort_unstable_by_key(|entry| entry.network);
    all
}

/// How many lines there are, if each is one that `is_entry`.
fn count_lines<'t>(lines: impl Iterator<Item = &'t str>, is_entry: impl Fn(&str) -> bool) -> Option<usize> {
    lines.map(|line| is_entry(line).then_some(())).try_fold(0, |count, entry| entry.map(|()| count + 1))
}

fn is_network(text: &str) -> bool {
    text.parse::<Network>().is_ok()
}

/// Digits and nothing else, such as the seconds of a time-out.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
