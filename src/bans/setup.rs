//! The rules that are on, whose word counts, and who is never banned: as flags and configuration say it. Reads lists of
//! networks; decides nothing.

use crate::ban::client::TrustedProxies;
use crate::ban::decide::{Decider, Limits};
use crate::ban::floor::Floor;
use crate::ban::network::Network;
use crate::ban::rule::{self, Rule};
use crate::ban::watch::RuleSet;
use crate::config::{BanConfig, Config, Listed};
use crate::output::say;
use crate::pipeline::Watch;
use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// A longer list of networks is another file.
const LIST_BYTES: u64 = 64 << 20;

/// Everything that bans rest on besides the logs.
#[derive(Debug, Clone)]
#[expect(missing_docs)]
pub struct Setup {
    pub rules: Arc<RuleSet>,
    pub proxies: TrustedProxies,
    pub floor: Floor,
    pub limits: Limits,
    /// Why a list of networks could not be read: until it can be, hits are kept and nothing is decided.
    pub unread: Option<String>,
}

impl Setup {
    /// As configured, or with the rules of these names instead; without configuration the default rules.
    ///
    /// # Errors
    /// When a rule is unknown, or a list cannot be read: to ban without it could ban the wrong ones.
    pub fn of(config: &Config, named: &[String]) -> anyhow::Result<Self> {
        let usual = BanConfig::default();
        let ban = config.ban.as_ref().unwrap_or(&usual);
        let rules = if named.is_empty() { ban.rules()? } else { rule::pick(named, &ban.rule)? };
        let setup = Self::with(rules, ban)?;
        match &setup.unread {
            Some(problem) => bail!("{problem}"),
            None => Ok(setup),
        }
    }

    /// As configured; none without a section `[ban]`. That a list cannot be read is noted: it must not keep a run from
    /// reading the logs.
    ///
    /// # Errors
    /// When trusted proxies are in a list that cannot be read, so that nobody knows whose requests they are.
    pub fn configured(config: &Config) -> anyhow::Result<Option<Self>> {
        config.ban.as_ref().map(|ban| Self::with(ban.rules()?, ban)).transpose()
    }

    fn with(rules: Vec<Rule>, ban: &BanConfig) -> anyhow::Result<Self> {
        let proxies = networks(&ban.proxies())?;
        if let Some(all) = proxies.iter().find(|network| network.prefix() == 0) {
            bail!("trusted_proxies: {all} is everybody, and nobody could be banned\nhint: name the proxies");
        }
        let mut unread = None;
        let mut floor = Floor::default()
            .with("this machine's own address", own_addresses())
            .with("trusted_proxies", proxies.iter().copied());
        for listed in ban.ignored() {
            let origin = match &listed {
                Listed::Network(_) => "ignoreip".to_owned(),
                Listed::File(path) => format!("ignoreip, {}", path.display()),
            };
            floor = floor.with(&origin, or_note(networks(&[listed]), &mut unread));
        }
        for path in &ban.crawlers {
            let crawlers = or_note(crawlers(path), &mut unread);
            floor = floor.with(&format!("crawlers, {}", path.display()), crawlers);
        }
        let usual = Limits::default();
        let limits = Limits {
            lateness_us: ban.lateness.map_or(usual.lateness_us, rule::Duration::us),
            remember_us: ban.remember.map_or(usual.remember_us, rule::Duration::us),
            ..usual
        };
        Ok(Self {
            rules: Arc::new(RuleSet::new(rules)),
            proxies: TrustedProxies::new(proxies),
            floor,
            limits,
            unread,
        })
    }

    /// What to look for in logs.
    #[must_use]
    pub fn watch(&self) -> Arc<Watch> {
        Arc::new(Watch { rules: Arc::clone(&self.rules), proxies: self.proxies.clone() })
    }

    /// Who decides, and knows nothing yet.
    #[must_use]
    pub fn decider(&self) -> Decider {
        Decider::new(self.rules.thresholds(), self.floor.clone(), self.limits.clone())
    }

    /// Who decides, with what is remembered.
    ///
    /// # Errors
    /// When the memory is damaged or of another version.
    pub fn remembering(&self, memory: Option<&[u8]>) -> anyhow::Result<Decider> {
        let Some(bytes) = memory else { return Ok(self.decider()) };
        let decoded =
            Decider::decode(bytes, self.rules.thresholds(), self.floor.clone(), self.limits.clone());
        decoded.context("the memory of bans cannot be read")
    }
}

fn or_note(read: anyhow::Result<Vec<Network>>, unread: &mut Option<String>) -> Vec<Network> {
    read.unwrap_or_else(|error| {
        unread.get_or_insert(format!(
            "{error:#}\nhint: nobody is banned, and no list published, until it can be read; what was found meanwhile counts then"
        ));
        Vec::new()
    })
}

/// A list of crawlers, which is never empty: an empty one is a download that failed.
fn crawlers(path: &Path) -> anyhow::Result<Vec<Network>> {
    let networks = read_list(path)?;
    if networks.is_empty() {
        bail!("{}: holds no network", path.display());
    }
    Ok(networks)
}

/// Of this machine. Without them others could have it ban itself.
fn own_addresses() -> Vec<Network> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(|interface| Network::host(interface.ip())).collect(),
        Err(error) => {
            say(&format!("this machine's own addresses are not known: {error}\nhint: name them in ignoreip"));
            Vec::new()
        }
    }
}

fn networks(listed: &[Listed]) -> anyhow::Result<Vec<Network>> {
    let mut networks = Vec::new();
    for listed in listed {
        match listed {
            Listed::Network(network) => networks.push(*network),
            Listed::File(path) => networks.extend(read_list(path)?),
        }
    }
    Ok(networks)
}

/// Ranges as search engines publish them.
#[derive(Deserialize)]
struct Ranges {
    prefixes: Vec<Range>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    ipv4_prefix: Option<String>,
    ipv6_prefix: Option<String>,
}

/// Reads a list of networks: one a line, with `#` before remarks, or the JSON of search engines.
///
/// # Errors
/// When it cannot be read, or something in it is no network.
pub fn read_list(path: &Path) -> anyhow::Result<Vec<Network>> {
    let shown = path.display();
    let file = std::fs::metadata(path).with_context(|| format!("{shown}: cannot be read"))?;
    if !file.is_file() {
        bail!("{shown}: is no file");
    }
    if file.len() > LIST_BYTES {
        bail!("{shown}: too long for a list of networks");
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown}: cannot be read"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.trim_start().starts_with('{') {
        return json_list(text).with_context(|| format!("{shown}: no list of networks"));
    }
    let lines = (1..).zip(text.lines()).map(|(number, line)| (number, without_remark(line)));
    let read = |(number, text): (usize, &str)| {
        text.parse().map_err(|error| {
            anyhow!(
                "{shown}:{number}:1: `{text}` is no network: {error}\nhint: one a line, such as 192.0.2.0/24"
            )
        })
    };
    lines.filter(|(_, text)| !text.is_empty()).map(read).collect()
}

fn without_remark(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

fn json_list(text: &str) -> anyhow::Result<Vec<Network>> {
    let ranges: Ranges = serde_json::from_str(text)?;
    let read = |range: Range| {
        let text = range.ipv4_prefix.or(range.ipv6_prefix).context("an entry without a prefix")?;
        text.parse().with_context(|| format!("`{text}`"))
    };
    ranges.prefixes.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Vec<String>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let read = read_list(file.path());
        read.map(|networks| networks.iter().map(ToString::to_string).collect())
            .map_err(|error| format!("{error:#}").replace(&file.path().display().to_string(), "list"))
    }

    #[test]
    fn lists_are_text_or_what_search_engines_publish() {
        let text = "# ours\n192.0.2.0/24 # office\n\n 2001:db8::1\r\n";
        assert_eq!(list(text).unwrap(), ["192.0.2.0/24", "2001:db8::1"]);
        let json = r#"{"creationTime": "x", "prefixes": [{"ipv6Prefix": "2001:db8::/48"}, {"ipv4Prefix": "192.0.2.0/27"}]}"#;
        assert_eq!(list(json).unwrap(), ["2001:db8::/48", "192.0.2.0/27"]);
        assert!(list("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_network_is_named_with_its_line() {
        let error = list("192.0.2.1\nexample.net\n").unwrap_err();
        assert!(error.starts_with("list:2:1: `example.net` is no network"), "{error}");
        assert!(list("{\"prefixes\": [{\"ipv4Prefix\": \"x\"}]}").is_err());
        assert!(list("{\"prefixes\": [{}]}").is_err());
    }
}
