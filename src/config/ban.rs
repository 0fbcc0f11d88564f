//! `[ban]`, `[[ban.rule]]` and `[[ban.output]]`: what they may say, and where they are wrong. Opens no list.

use super::{ConfigError, Position};
use crate::ban::emit;
use crate::ban::guard::Limits;
use crate::ban::network::Network;
use crate::ban::rule::{Duration, Rule, RuleConfig, RuleError, resolve};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// In front of a path that stands for the networks in the file.
const FILE: &str = "file:";

/// `[ban]`: who is to be kept out, and who never.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BanConfig {
    /// Shipped rules that are on; absent: those that are on by default.
    pub rules: Option<Vec<Spanned<String>>>,
    /// Networks that are never banned, or `file:` and the path of a list of them.
    #[serde(default)]
    pub ignoreip: Vec<Spanned<String>>,
    /// Lists of networks of crawlers that are who they say.
    #[serde(default)]
    pub crawlers: Vec<PathBuf>,
    /// Proxies whose word on their clients counts; never banned. As in `ignoreip`.
    #[serde(default)]
    pub trusted_proxies: Vec<Spanned<String>>,
    /// How much later than a newer line a line may come and still count.
    pub lateness: Option<Duration>,
    /// For how long after its end a ban makes the next one of the same client longer.
    pub remember: Option<Duration>,
    /// `[[ban.rule]]`: own rules, and changes to shipped ones.
    #[serde(default)]
    pub rule: Vec<RuleConfig>,
    /// `[[ban.output]]`.
    #[serde(default)]
    pub output: Vec<OutputConfig>,
    /// The rules that are on, once they were found to be right: to compile them takes time.
    #[serde(skip)]
    resolved: Option<Vec<Rule>>,
}

/// `[[ban.output]]`: a list for a firewall or proxy.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputConfig {
    /// Who reads it.
    #[serde(deserialize_with = "format")]
    pub format: emit::Format,
    /// The file.
    pub path: PathBuf,
    /// A program and its arguments, to be run when the list has changed. Not by a shell.
    #[serde(default)]
    pub on_change: Vec<String>,
    /// Let the real consumer check the list before it replaces the one before.
    #[serde(default)]
    pub check: bool,
    /// The jail of fail2ban that gets the addresses.
    pub jail: Option<Spanned<String>>,
    /// See [`Limits`].
    pub max_shrink_percent: Option<u32>,
    #[expect(missing_docs)]
    pub max_growth_percent: Option<u32>,
    #[expect(missing_docs)]
    pub max_entries: Option<usize>,
    #[expect(missing_docs)]
    pub max_rejects_percent: Option<u32>,
    /// The last request may be this old.
    pub max_age: Option<Duration>,
}

/// Networks as they are configured: themselves, or the path of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    #[expect(missing_docs)]
    Network(Network),
    /// A list to be read.
    File(PathBuf),
}

impl BanConfig {
    /// The rules that are on.
    ///
    /// # Errors
    /// When one is unknown or not whole, with its place in the document.
    pub fn rules(&self) -> Result<Vec<Rule>, RuleError> {
        match &self.resolved {
            Some(rules) => Ok(rules.clone()),
            None => resolve(self.rules.as_deref(), &self.rule),
        }
    }

    /// `ignoreip`, read.
    #[must_use]
    pub fn ignored(&self) -> Vec<Listed> {
        self.ignoreip.iter().filter_map(|text| listed(text.get_ref()).ok()).collect()
    }

    /// `trusted_proxies`, read.
    #[must_use]
    pub fn proxies(&self) -> Vec<Listed> {
        self.trusted_proxies.iter().filter_map(|text| listed(text.get_ref()).ok()).collect()
    }

    /// Says the first thing that is wrong in a document that this was read from.
    pub(super) fn check(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        for network in self.ignoreip.iter().chain(&self.trusted_proxies) {
            if let Err(error) = listed(network.get_ref()) {
                let hint = "an address, a network such as 192.0.2.0/24, or file:/path/of/a/list".to_owned();
                return Err(Position::of(text, network.span().start).error(path, error, Some(hint)));
            }
        }
        for output in &self.output {
            if let Some(jail) = output.jail.as_ref().filter(|jail| !emit::is_name(jail.get_ref())) {
                let error = emit::EmitError::Name { name: jail.get_ref().clone() }.to_string();
                return Err(Position::of(text, jail.span().start).error(path, error, None));
            }
        }
        let resolved = self.rules().map_err(|error| {
            let at = error.byte(text).unwrap_or_else(|| text.find("[ban]").unwrap_or(0));
            let hint = error.hint.clone();
            let message = format!("rule `{}`: {}", error.rule, error.message);
            Position::of(text, at).error(path, message, hint)
        })?;
        self.resolved = Some(resolved);
        Ok(())
    }
}

impl OutputConfig {
    /// What to be suspicious of.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            max_shrink_percent: self.max_shrink_percent.unwrap_or(usual.max_shrink_percent),
            max_growth_percent: self.max_growth_percent.unwrap_or(usual.max_growth_percent),
            max_entries: self.max_entries.unwrap_or(usual.max_entries),
            max_rejects_percent: self.max_rejects_percent.unwrap_or(usual.max_rejects_percent),
            max_age_s: self.max_age.map_or(usual.max_age_s, |age| i64::from(age.seconds())),
            ..usual
        }
    }
}

fn listed(text: &str) -> Result<Listed, String> {
    match text.strip_prefix(FILE) {
        Some("") => Err("`file:` without a path".to_owned()),
        Some(path) => Ok(Listed::File(path.into())),
        None => text.parse().map(Listed::Network).map_err(|_| format!("`{text}` is no network")),
    }
}

fn format<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<emit::Format, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = || emit::Format::ALL.map(emit::Format::name).join(", ");
    name.parse().map_err(|_| serde::de::Error::custom(format!("`{name}` is no list format: {}", known())))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn ban(text: &str) -> Result<BanConfig, String> {
        let parsed = parse(Path::new("logstat.toml"), text);
        parsed.map(|config| config.ban.unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_documented_keys_are_known() {
        let config = ban(r#"
            [ban]
            ignoreip = ["192.0.2.0/24", "file:/etc/logstat/ignore.txt"]
            trusted_proxies = []
            rules = ["probing", "sensitive-files"]
            [[ban.rule]]
            name = "probing"
            filter = "status in [400, 403, 404] and not static(path)"
            key = "client"
            distinct = "path"
            maxretry = 10
            findtime = "100s"
            bantime = "4h"
            bantime_factor = 2.0
            bantime_max = "7d"
            [[ban.output]]
            format = "nftables"
            path = "/var/lib/logstat/ban.nft"
            on_change = ["nft", "-f", "/var/lib/logstat/ban.nft"]
            max_age = "1d"
            "#)
        .unwrap();
        assert_eq!(config.rules().unwrap().len(), 2);
        assert_eq!(config.ignored()[1], Listed::File("/etc/logstat/ignore.txt".into()));
        assert_eq!(config.output[0].limits().max_age_s, 86_400);
    }

    #[test]
    fn without_a_list_the_default_rules_are_on() {
        use crate::ban::shipped;
        assert_eq!(ban("[ban]\n").unwrap().rules().unwrap().len(), shipped::DEFAULT.len());
        assert!(ban("[ban]\nrules = []\n").unwrap().rules().unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        for (text, place, words) in [
            ("[ban]\nrules = [\"probing\",\n  \"probin\"]\n", ":3:3:", "did you mean `probing`"),
            ("[ban]\nignoreip = [\"192.0.2.1/24\"]\n", ":2:13:", "192.0.2.1/24"),
            (
                "[[ban.rule]]\nname = \"a\"\nmaxretry = 1\nfindtime = \"1m\"\nfilter = \"status = 4\"\n",
                ":5:",
                "filter",
            ),
            ("[[ban.rule]]\nname = \"a\"\nmaxretry = 0\n", ":3:12:", "whole number"),
            ("[[ban.output]]\nformat = \"nft\"\npath = \"a\"\n", ":2:10:", "nftables"),
            ("[[ban.output]]\nformat = \"plain\"\npath = \"a\"\njail = \"a b\"\n", ":4:8:", "jail"),
        ] {
            let error = ban(text).unwrap_err();
            assert!(error.contains(place) && error.contains(words), "{text}: {error}");
        }
    }
}
