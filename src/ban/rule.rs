//! `[[ban.rule]]`: what is counted against whom, and what it costs. Reads no file; counts nothing.
//!
//! A rule is made in `draft`, of what is shipped, written and the default; `error` has the place of what is wrong with
//! one, `duration` and `word` what its words hold.

mod draft;
mod duration;
mod error;
#[cfg(test)]
mod tests;
mod word;

pub use duration::{Duration, DurationError, MAX_DURATION_S};
pub use error::RuleError;
pub use word::Word;

use super::ban::{Counts, Threshold};
use super::filter::{Evidence, Field, Filter, FilterError, Subject, nearest};
use super::shipped;
use draft::Draft;
use error::Place;
use logstat_parsers::{Record, RejectKind};
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use xxhash_rust::xxh3::xxh3_64;

/// Hits that a rule may ask for: so many are kept for each key.
pub const MAX_MAXRETRY: u32 = 10_000;
/// Rules at once: each filter sees every line.
pub const MAX_RULES: usize = 256;
/// Letters of a rule's name. It stands in artefacts.
pub const MAX_NAME: usize = 32;
/// Growth of each further ban. More is `bantime_max` at once.
pub const MAX_FACTOR: f64 = 100.0;
/// Networks wider than this belong to many customers.
pub const MIN_PREFIX: u32 = 48;
/// A narrower one is the network of one client, who has a key of its own.
pub const MAX_PREFIX: u32 = 63;
/// What a filter is called that is a rule of its own.
pub const EXPRESSION: &str = "expression";
/// Default of `bantime`.
pub const BANTIME: Duration = Duration::HOUR.times(4);
/// Default of `bantime_factor`.
pub const BANTIME_FACTOR: f64 = 2.0;
/// Default of `bantime_max`.
pub const BANTIME_MAX: Duration = Duration::HOUR.times(7 * 24);

/// `[[ban.rule]]` as it is written. What is absent comes from the shipped rule of the same name, or is the default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Letters a to z, digits and hyphens.
    pub name: Spanned<String>,
    /// What is counted; default requests.
    pub over: Option<Over>,
    /// Which requests are hits; see the filter language.
    pub filter: Option<Spanned<String>>,
    /// Whose hits are counted together.
    pub key: Option<Key>,
    /// Count values of this field, each once.
    pub distinct: Option<Distinct>,
    /// The ban falls on this hit.
    #[serde(default, deserialize_with = "maxretry")]
    pub maxretry: Option<u32>,
    /// Stretch of log time that holds the hits.
    pub findtime: Option<Duration>,
    /// How long the first ban lasts.
    pub bantime: Option<Duration>,
    /// Each further ban of the key lasts so many times longer.
    #[serde(default, deserialize_with = "factor")]
    pub bantime_factor: Option<f64>,
    /// No ban lasts longer.
    pub bantime_max: Option<Duration>,
    /// Length of the IPv6 network whose banned clients are counted, and which is banned.
    #[serde(default, deserialize_with = "prefix")]
    pub prefix: Option<u32>,
}

/// What a rule counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// Requests that a filter describes.
    #[default]
    Requests,
    /// Bans of the key by any other rule.
    Bans,
    /// Different clients of an IPv6 network that are banned.
    Neighbours,
    /// Lines of a known address that cannot be read.
    Rejects,
    /// Those of them that can be read in two ways, or are over-long: only what a client sent makes a line so.
    Ambiguous,
}

/// Whose hits are counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// An IPv4 address, or an IPv6 /64.
    #[default]
    Client,
}

/// Of which field values are counted, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "named like the fields of filters")]
pub enum Distinct {
    Path,
    Query,
    UserAgent,
}

/// A rule with nothing left open.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Letters a to z, digits and hyphens.
    pub name: String,
    /// What is counted.
    pub what: What,
    /// Whose hits are counted together.
    pub key: Key,
    /// From 1 to [`MAX_MAXRETRY`].
    pub maxretry: u32,
    /// Stretch of log time that holds the hits.
    pub findtime: Duration,
    /// The first ban.
    pub bantime: Duration,
    /// From 1 (every ban is as long) to [`MAX_FACTOR`].
    pub bantime_factor: f64,
    /// Not less than `bantime`.
    pub bantime_max: Duration,
}

/// What a rule counts, with what it takes to count it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "see `Over`")]
pub enum What {
    Requests { filter: Box<Filter>, distinct: Option<Distinct> },
    Bans,
    Neighbours { prefix: u8 },
    Rejects,
    Ambiguous,
}

fn maxretry<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole(deserializer, 1, MAX_MAXRETRY)
}

fn factor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let factor = f64::deserialize(deserializer)?;
    let error = || serde::de::Error::custom(format!("`{factor}` is not a number from 1 to {MAX_FACTOR}"));
    Some(factor).filter(|factor| (1.0..=MAX_FACTOR).contains(factor)).map(Some).ok_or_else(error)
}

fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole(deserializer, MIN_PREFIX, MAX_PREFIX)
}

fn whole<'de, D: Deserializer<'de>>(deserializer: D, from: u32, to: u32) -> Result<Option<u32>, D::Error> {
    let number = i64::deserialize(deserializer)?;
    let bounded = u32::try_from(number).ok().filter(|number| (from..=to).contains(number));
    let error = || serde::de::Error::custom(format!("`{number}` is not a whole number from {from} to {to}"));
    bounded.map(Some).ok_or_else(error)
}

/// The rules that are on, shipped ones first, in their own order: those `named`, or the default ones where no names are
/// given, and every one of `written`, which changes the shipped one of its name field by field.
///
/// # Errors
/// When a name is unknown or written twice, or a rule is not whole; with its place in the document.
pub fn resolve(named: Option<&[Spanned<String>]>, written: &[RuleConfig]) -> Result<Vec<Rule>, RuleError> {
    for name in named.unwrap_or_default() {
        check_known(name.get_ref(), written)
            .map_err(|error| RuleError { place: Place::of(name, None), ..error })?;
    }
    let is_named = |of: &str| match named {
        Some(named) => named.iter().any(|name| name.get_ref() == of),
        None => shipped::DEFAULT.contains(&of),
    };
    let mut rules = Vec::new();
    for shipped in &shipped::SHIPPED {
        let change = find(written, shipped.name);
        if change.is_some() || is_named(shipped.name) {
            rules.push(Draft::of(shipped, change).finish()?);
        }
    }
    for (index, rule) in written.iter().enumerate() {
        check_name(&rule.name)?;
        if find(&written[..index], rule.name.get_ref()).is_some() {
            return Err(RuleError::at(&rule.name, "there are two rules of this name", None));
        }
        if shipped::named(rule.name.get_ref()).is_none() {
            rules.push(Draft::new(rule).finish()?);
        }
        if rules.len() > MAX_RULES {
            return Err(RuleError::at(&rule.name, format!("there are more than {MAX_RULES} rules"), None));
        }
    }
    Ok(rules)
}

/// The rules of these names, as a command line asks for them: shipped ones whether on or not, changed as `written`.
///
/// # Errors
/// As [`resolve`]. What is wrong with a name has no place in a document.
pub fn pick(names: &[String], written: &[RuleConfig]) -> Result<Vec<Rule>, RuleError> {
    for name in names {
        check_known(name, written)?;
    }
    let mut rules = resolve(Some(&[]), written)?;
    for shipped in &shipped::SHIPPED {
        if find(written, shipped.name).is_none() {
            rules.push(Draft::of(shipped, None).finish()?);
        }
    }
    rules.retain(|rule| names.contains(&rule.name));
    // Shipped ones first, in their own order.
    rules.sort_by_key(|rule| {
        shipped::SHIPPED.iter().position(|shipped| shipped.name == rule.name).unwrap_or(usize::MAX)
    });
    Ok(rules)
}

/// The rule that a command line means by one text: its name, or the filter of a rule of its own, [`EXPRESSION`].
///
/// # Errors
/// As [`pick`]; what is neither is told by its place in the text.
pub fn named_or_filter(text: &str, written: &[RuleConfig]) -> Result<Rule, RuleError> {
    let unknown = match check_known(text, written) {
        Ok(()) => {
            let picked = pick(&[text.to_owned()], written)?.pop();
            return picked.ok_or_else(|| RuleError::unplaced(text, "there is no rule of this name", None));
        }
        Err(unknown) => unknown,
    };
    match Rule::of_filter(text) {
        Ok(rule) => Ok(rule),
        // A single word is no filter but a name, and more likely a wrong one.
        Err(_) if is_name(text) => Err(unknown),
        Err(error) => Err(RuleError::unplaced(
            EXPRESSION,
            format!("{}:{}: {}", error.line, error.column, error.message),
            error.hint,
        )),
    }
}

/// Whether there is a rule of this name, shipped or written.
fn check_known(name: &str, written: &[RuleConfig]) -> Result<(), RuleError> {
    if shipped::named(name).is_some() || find(written, name).is_some() {
        return Ok(());
    }
    let known = shipped::SHIPPED.iter().map(|rule| rule.name);
    let own = written.iter().map(|rule| rule.name.get_ref().as_str());
    Err(RuleError::unplaced(name, "there is no rule of this name", nearest(name, known.chain(own))))
}

fn find<'r>(rules: &'r [RuleConfig], name: &str) -> Option<&'r RuleConfig> {
    rules.iter().find(|rule| rule.name.get_ref() == name)
}

fn check_name(name: &Spanned<String>) -> Result<(), RuleError> {
    if is_name(name.get_ref()) {
        return Ok(());
    }
    let message = format!("a name has 1 to {MAX_NAME} letters a to z, digits and hyphens");
    Err(RuleError::at(name, message, None))
}

fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_plain)
}

impl Over {
    /// What a message calls it.
    const fn counted(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Bans => "bans",
            Self::Neighbours => "banned neighbours",
            Self::Rejects => "lines that cannot be read",
            Self::Ambiguous => "lines that can be read in two ways",
        }
    }
}

impl Rule {
    /// A rule of nothing but a filter, for looking at what it matches: each request would be a ban.
    ///
    /// # Errors
    /// When the text is no filter.
    pub fn of_filter(text: &str) -> Result<Self, FilterError> {
        Ok(Self {
            name: EXPRESSION.to_owned(),
            what: What::Requests { filter: Box::new(Filter::parse(text)?), distinct: None },
            key: Key::Client,
            maxretry: 1,
            findtime: Duration::SECOND,
            bantime: BANTIME,
            bantime_factor: BANTIME_FACTOR,
            bantime_max: BANTIME_MAX,
        })
    }

    /// The same rule with another value, hits or seconds, for one of its words.
    ///
    /// # Errors
    /// When the value is out of the word's bounds.
    pub fn with(&self, word: Word, value: u32) -> Result<Self, String> {
        word.check(value)?;
        let duration = || Duration::from_seconds(value).ok_or_else(|| format!("{} has bounds", word.name()));
        let mut rule = self.clone();
        match word {
            Word::Maxretry => rule.maxretry = value,
            Word::Findtime => rule.findtime = duration()?,
            Word::Bantime => {
                rule.bantime = duration()?;
                rule.bantime_max = rule.bantime_max.max(rule.bantime);
            }
        }
        Ok(rule)
    }

    /// The words that decide.
    #[must_use]
    pub fn threshold(&self) -> Threshold {
        Threshold {
            name: self.name.clone(),
            counts: match self.what {
                What::Requests { distinct: Some(_), .. } => Counts::Distinct,
                What::Requests { distinct: None, .. } | What::Rejects | What::Ambiguous => Counts::Hits,
                What::Bans => Counts::Relapses,
                What::Neighbours { prefix } => Counts::Neighbours(prefix),
            },
            maxretry: self.maxretry,
            findtime_us: self.findtime.us(),
            bantime_us: self.bantime.us(),
            bantime_factor: self.bantime_factor,
            bantime_max_us: self.bantime_max.us(),
        }
    }

    /// How many bytes of text its filter looks at in a request.
    #[must_use]
    pub fn examined_bytes(&self, subject: &Subject<'_, '_>) -> u64 {
        match &self.what {
            What::Requests { filter, .. } => filter.examined_bytes(subject),
            What::Bans | What::Neighbours { .. } | What::Rejects | What::Ambiguous => 0,
        }
    }

    /// Whether a line of this kind, which cannot be read, counts.
    #[must_use]
    pub fn counts_reject(&self, kind: RejectKind) -> bool {
        match self.what {
            What::Rejects => true,
            What::Ambiguous => matches!(kind, RejectKind::Ambiguous | RejectKind::TooLong),
            What::Requests { .. } | What::Bans | What::Neighbours { .. } => false,
        }
    }

    /// Whether the request counts, and as which value: 0 unless values are to be distinct. What has no such value
    /// does not count, nor does a browser's connection that it did not use.
    #[must_use]
    pub fn hit(&self, subject: &Subject<'_, '_>) -> Option<u64> {
        let What::Requests { filter, distinct } = &self.what else { return None };
        if !filter.holds(subject) || is_preconnect(subject.record()) {
            return None;
        }
        Distinct::value(*distinct, subject)
    }

    /// What it rests on that the request counts; `None` if it does not. Empty where every request counts as such.
    #[must_use]
    pub fn explain<'l>(&self, subject: &Subject<'_, 'l>) -> Option<Vec<Evidence<'l>>> {
        let What::Requests { filter, distinct } = &self.what else { return None };
        self.hit(subject)?;
        let mut found = filter.explain(subject)?;
        found.extend(distinct.map(|distinct| Evidence::whole(distinct.field(), subject)));
        Some(found)
    }
}

impl Distinct {
    /// The field whose values are counted.
    #[must_use]
    pub const fn field(self) -> Field {
        match self {
            Self::Path => Field::Path,
            Self::Query => Field::Query,
            Self::UserAgent => Field::UserAgent,
        }
    }

    /// As which value a hit counts: 0 unless values are to be distinct, nothing if it has none.
    pub(super) fn value(distinct: Option<Self>, subject: &Subject<'_, '_>) -> Option<u64> {
        let Some(distinct) = distinct else { return Some(0) };
        subject.text(distinct.field()).map(xxh3_64)
    }
}

/// Browsers open connections ahead and leave some without a request: HAProxy's `CR` or `cR` with 400 or 408.
#[must_use]
pub fn is_preconnect(record: &Record<'_>) -> bool {
    matches!(record.status, Some(400 | 408))
        && record.termination.is_some_and(|state| matches!(state, [b'C' | b'c', b'R', ..]))
}
