//! `[[ban.rule]]`: what is counted against whom, and what it costs. Reads no file; counts nothing.

use super::filter::{Field, Filter, Subject, nearest};
use super::shipped::{self, Shipped};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use std::str::FromStr;
use toml::Spanned;
use xxhash_rust::xxh3::xxh3_64;

/// Hits that a rule may ask for: so many are kept for each key.
pub const MAX_MAXRETRY: u32 = 10_000;
/// A year: what lasts longer is a line in the firewall's own configuration.
pub const MAX_DURATION_S: u32 = 366 * 24 * 60 * 60;
/// Rules at once: each filter sees every line.
pub const MAX_RULES: usize = 256;
/// Letters of a rule's name. It stands in artefacts.
pub const MAX_NAME: usize = 32;
/// Growth of each further ban. More is `bantime_max` at once.
pub const MAX_FACTOR: u32 = 100;
/// Networks wider than this belong to many customers.
pub const MIN_PREFIX_V6: u32 = 48;
/// Default: the network of one customer.
pub const PREFIX_V6: u32 = 64;
/// Default of `bantime`.
pub const BANTIME: Duration = Duration(4 * 60 * 60);
/// Default of `bantime_factor`.
pub const BANTIME_FACTOR: u32 = 2;
/// Default of `bantime_max`.
pub const BANTIME_MAX: Duration = Duration(7 * 24 * 60 * 60);

const UNITS: [(char, u32); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Whole seconds, at least one, written as `100s`, `10m`, `4h`, `7d` or `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u32);

/// A text that is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Neither number nor unit, or only one of them.
    #[error("a duration is a whole number with a unit: 100s, 10m, 4h, 7d or 2w")]
    Shape,
    /// Nothing or too much.
    #[error("a duration is at least 1s and at most 366d")]
    Bounds,
}

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
    pub bantime_factor: Option<u32>,
    /// No ban lasts longer.
    pub bantime_max: Option<Duration>,
    /// An IPv6 client is banned with the network of this length.
    #[serde(default, deserialize_with = "prefix_v6")]
    pub ban_prefix_v6: Option<u32>,
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
}

/// Whose hits are counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// An IPv4 address, or the IPv6 network of `ban_prefix_v6`.
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
    pub bantime_factor: u32,
    /// Not less than `bantime`.
    pub bantime_max: Duration,
    /// From [`MIN_PREFIX_V6`] to 128.
    pub ban_prefix_v6: u8,
}

/// What a rule counts, with what it takes to count it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "see `Over`")]
pub enum What {
    Requests { filter: Box<Filter>, distinct: Option<Distinct> },
    Bans,
}

/// A rule that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule `{rule}`: {message}{}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct RuleError {
    /// Name of the rule, as written.
    pub rule: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    place: Option<Box<Place>>,
}

/// What is wrong in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    span: Range<usize>,
    /// The text that stands there, and the byte of it that is wrong.
    inside: Option<(String, usize)>,
}

impl Duration {
    /// From 1 to [`MAX_DURATION_S`].
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Option<Self> {
        if seconds >= 1 && seconds <= MAX_DURATION_S { Some(Self(seconds)) } else { None }
    }

    /// Seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// Microseconds, as log times are.
    #[must_use]
    pub const fn us(self) -> i64 {
        self.0 as i64 * 1_000_000
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let unit = |(sign, seconds)| text.strip_suffix(sign).map(|digits| (digits, seconds));
        let (digits, unit_s) = UNITS.into_iter().find_map(unit).ok_or(DurationError::Shape)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DurationError::Shape);
        }
        let seconds = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(unit_s));
        seconds.and_then(Self::from_seconds).ok_or(DurationError::Bounds)
    }
}

/// In the largest unit that it is a whole number of.
impl Display for Duration {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (sign, unit_s) =
            UNITS.into_iter().find(|(_, unit_s)| self.0.is_multiple_of(*unit_s)).unwrap_or(('s', 1));
        write!(formatter, "{}{sign}", self.0 / unit_s)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Duration;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("a duration with its unit, such as \"100s\", \"10m\", \"4h\" or \"7d\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

fn maxretry<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole(deserializer, 1, MAX_MAXRETRY)
}

fn factor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole(deserializer, 1, MAX_FACTOR)
}

fn prefix_v6<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    whole(deserializer, MIN_PREFIX_V6, 128)
}

fn whole<'de, D: Deserializer<'de>>(deserializer: D, from: u32, to: u32) -> Result<Option<u32>, D::Error> {
    let number = i64::deserialize(deserializer)?;
    let bounded = u32::try_from(number).ok().filter(|number| (from..=to).contains(number));
    let error = || serde::de::Error::custom(format!("`{number}` is not a whole number from {from} to {to}"));
    bounded.map(Some).ok_or_else(error)
}

/// The rules that are on, shipped ones first, in their own order: those `named` and every one of `written`, which
/// changes the shipped one of its name field by field.
///
/// # Errors
/// When a name is unknown or written twice, or a rule is not whole; with its place in the document.
pub fn resolve(named: &[Spanned<String>], written: &[RuleConfig]) -> Result<Vec<Rule>, RuleError> {
    for name in named {
        let is_known = shipped::named(name.get_ref()).is_some() || find(written, name.get_ref()).is_some();
        if !is_known {
            let known = shipped::SHIPPED.iter().map(|rule| rule.name);
            let own = written.iter().map(|rule| rule.name.get_ref().as_str());
            return Err(RuleError::at(
                name,
                "there is no rule of this name",
                nearest(name.get_ref(), known.chain(own)),
            ));
        }
    }
    let mut rules = Vec::new();
    for shipped in &shipped::SHIPPED {
        let change = find(written, shipped.name);
        if change.is_some() || named.iter().any(|name| name.get_ref() == shipped.name) {
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

fn find<'r>(rules: &'r [RuleConfig], name: &str) -> Option<&'r RuleConfig> {
    rules.iter().find(|rule| rule.name.get_ref() == name)
}

fn check_name(name: &Spanned<String>) -> Result<(), RuleError> {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let text = name.get_ref();
    if (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_plain) {
        return Ok(());
    }
    let message = format!("a name has 1 to {MAX_NAME} letters a to z, digits and hyphens");
    Err(RuleError::at(name, message, None))
}

/// A rule in the making: a shipped one, changed or not, or one of the user's own.
struct Draft<'r> {
    name: &'r str,
    shipped: Option<&'r Shipped>,
    written: Option<&'r RuleConfig>,
}

impl<'r> Draft<'r> {
    fn of(shipped: &'r Shipped, written: Option<&'r RuleConfig>) -> Self {
        Self { name: shipped.name, shipped: Some(shipped), written }
    }

    fn new(written: &'r RuleConfig) -> Self {
        Self { name: written.name.get_ref(), shipped: None, written: Some(written) }
    }

    fn finish(&self) -> Result<Rule, RuleError> {
        let written = |value: fn(&RuleConfig) -> Option<Duration>| self.written.and_then(value);
        let shipped = self.shipped;
        let bantime = written(|rule| rule.bantime).or(shipped.map(|rule| rule.bantime)).unwrap_or(BANTIME);
        let bantime_max = written(|rule| rule.bantime_max).unwrap_or(BANTIME_MAX.max(bantime));
        if bantime_max < bantime {
            return Err(
                self.error(format!("bantime_max ({bantime_max}) is less than bantime ({bantime})"), None)
            );
        }
        let missing = |word: &str| self.error(format!("it has no {word}"), None);
        let prefix = self.written.and_then(|rule| rule.ban_prefix_v6).unwrap_or(PREFIX_V6);
        Ok(Rule {
            name: self.name.to_owned(),
            what: self.what()?,
            key: self.written.and_then(|rule| rule.key).unwrap_or_default(),
            maxretry: (self.written.and_then(|rule| rule.maxretry))
                .or(shipped.map(|rule| rule.maxretry))
                .ok_or_else(|| missing("maxretry"))?,
            findtime: written(|rule| rule.findtime)
                .or(shipped.map(|rule| rule.findtime))
                .ok_or_else(|| missing("findtime"))?,
            bantime,
            bantime_factor: self.written.and_then(|rule| rule.bantime_factor).unwrap_or(BANTIME_FACTOR),
            bantime_max,
            // Within 128 by `whole`.
            ban_prefix_v6: u8::try_from(prefix).unwrap_or(128),
        })
    }

    fn what(&self) -> Result<What, RuleError> {
        let of_shipped =
            self.shipped.map(|rule| if rule.filter.is_some() { Over::Requests } else { Over::Bans });
        let over = self.written.and_then(|rule| rule.over).or(of_shipped).unwrap_or_default();
        let filter = self.written.and_then(|rule| rule.filter.as_ref());
        let distinct = self.written.and_then(|rule| rule.distinct);
        if over == Over::Bans {
            if filter.is_some() || distinct.is_some() {
                return Err(self.error("it counts bans, which have no filter and nothing distinct", None));
            }
            return Ok(What::Bans);
        }
        let filter = match (filter, self.shipped.and_then(|rule| rule.filter)) {
            (Some(text), _) => Filter::parse(text.get_ref()).map_err(|error| RuleError {
                message: format!("filter:{}:{}: {}", error.line, error.column, error.message),
                place: Place::of(text, Some((text.get_ref().clone(), error.at))),
                ..self.error("", error.hint)
            })?,
            (None, Some(text)) => {
                Filter::parse(text).map_err(|error| self.error(error.message, error.hint))?
            }
            (None, None) => {
                let hint = nearest(self.name, shipped::SHIPPED.iter().map(|rule| rule.name));
                return Err(self.error("it has no filter, and no shipped rule has this name", hint));
            }
        };
        let distinct = distinct.or(self.shipped.and_then(|rule| rule.distinct));
        Ok(What::Requests { filter: Box::new(filter), distinct })
    }

    fn error(&self, message: impl Into<String>, hint: Option<String>) -> RuleError {
        let place = self.written.and_then(|rule| Place::of(&rule.name, None));
        RuleError { rule: self.name.to_owned(), message: message.into(), hint, place }
    }
}

impl Rule {
    /// Whether the request counts, and as which value: 0 unless values are to be distinct. What has no such value
    /// does not count, nor does a browser's connection that it did not use.
    #[must_use]
    pub fn hit(&self, subject: &Subject<'_, '_>) -> Option<u64> {
        let What::Requests { filter, distinct } = &self.what else { return None };
        if !filter.holds(subject) || is_preconnect(subject) {
            return None;
        }
        let Some(distinct) = distinct else { return Some(0) };
        subject.text(distinct.field()).map(xxh3_64)
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
}

/// Browsers open connections ahead and leave some without a request: HAProxy's `CR` or `cR` with 400 or 408.
#[must_use]
pub fn is_preconnect(subject: &Subject<'_, '_>) -> bool {
    matches!(subject.record().status, Some(400 | 408))
        && subject.record().termination.is_some_and(|state| matches!(state, [b'C' | b'c', b'R', ..]))
}

impl Place {
    fn of(value: &Spanned<String>, inside: Option<(String, usize)>) -> Option<Box<Self>> {
        Some(Box::new(Self { span: value.span(), inside }))
    }
}

impl RuleError {
    fn at(name: &Spanned<String>, message: impl Into<String>, hint: Option<String>) -> Self {
        let rule = name.get_ref().clone();
        Self { rule, message: message.into(), hint, place: Place::of(name, None) }
    }

    /// Byte of the document, from which the rules were read, that is wrong. Within a text that is written without
    /// escapes it is exact, else it is the start of the text.
    #[must_use]
    pub fn byte(&self, document: &str) -> Option<usize> {
        let Place { span, inside } = &**self.place.as_ref()?;
        let Some((text, at)) = inside else { return Some(span.start) };
        let quoted = document.get(span.clone())?;
        let opened = ["'''\n", "\"\"\"\n", "'''", "\"\"\"", "'", "\""]
            .into_iter()
            .find(|open| quoted.starts_with(open));
        let body = opened.map_or(0, str::len);
        let is_plain = quoted.get(body..).is_some_and(|body| body.starts_with(text.as_str()));
        Some(if is_plain { span.start + body + at } else { span.start })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Deserialize)]
    struct Document {
        #[serde(default)]
        rules: Vec<Spanned<String>>,
        #[serde(default)]
        rule: Vec<RuleConfig>,
    }

    fn resolved(text: &str) -> Result<Vec<Rule>, RuleError> {
        let document: Document = toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        resolve(&document.rules, &document.rule)
    }

    fn wrong(text: &str) -> (String, &str) {
        let error = resolved(text).unwrap_err();
        (error.to_string(), &text[error.byte(text).unwrap()..])
    }

    #[test]
    fn a_written_rule_changes_the_shipped_one_field_by_field() {
        let plain = resolved("rules = [\"probing\"]").unwrap().remove(0);
        let rules = resolved(
            "rules = [\"recidive\"]\n[[rule]]\nname = \"probing\"\nmaxretry = 20\nbantime = \"30d\"\n",
        )
        .unwrap();
        let names: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names, ["probing", "recidive"]);
        let bantime: Duration = "30d".parse().unwrap();
        assert_eq!(rules[0], Rule { maxretry: 20, bantime, bantime_max: bantime, ..plain });
        assert_eq!(rules[1].what, What::Bans);
    }

    #[test]
    fn an_own_rule_has_all_its_words() {
        let rules = resolved(
            r#"
            [[rule]]
            name = "slow"
            filter = 'latency_ms > 5000 and query contains "report"'
            key = "client"
            distinct = "query"
            maxretry = 3
            findtime = "10m"
            bantime = "1h"
            bantime_factor = 3
            bantime_max = "1d"
            ban_prefix_v6 = 56
            "#,
        );
        let rule = rules.unwrap().remove(0);
        assert_eq!((rule.maxretry, rule.findtime.us(), rule.bantime_max.seconds()), (3, 600_000_000, 86_400));
        assert_eq!((rule.bantime_factor, rule.ban_prefix_v6), (3, 56));
        assert!(matches!(rule.what, What::Requests { distinct: Some(Distinct::Query), .. }));
    }

    #[test]
    fn a_wrong_rule_has_a_place_and_a_hint() {
        let (message, at) = wrong("rules = [\"xmlrpc\", \"probin\"]");
        assert_eq!(message, "rule `probin`: there is no rule of this name\nhint: did you mean `probing`?");
        assert_eq!(at, "\"probin\"]");
        let (message, at) = wrong("[[rule]]\nname = \"probing\"\nfilter = '''\nany and\n  stauts == 4'''\n");
        assert_eq!(
            message,
            "rule `probing`: filter:2:3: expected a field, found `stauts`\nhint: did you mean `status`?"
        );
        assert_eq!(at, "stauts == 4'''\n");
        let (_, at) = wrong("[[rule]]\nname = \"a\"\nfilter = \"path == \\\"b\\\" or c\"\n");
        assert_eq!(at, "\"path == \\\"b\\\" or c\"\n");
        let (message, at) = wrong("[[rule]]\nname = \"recidiv\"\nmaxretry = 2\n");
        assert!(message.ends_with("hint: did you mean `recidive`?"), "{message}");
        assert_eq!(at, "\"recidiv\"\nmaxretry = 2\n");
        for (text, expected) in [
            ("name = \"A b\"", "a name has 1 to 32"),
            ("name = \"a\"\nfilter = \"any\"\nmaxretry = 2", "it has no findtime"),
            ("name = \"a\"\nfilter = \"any\"\nfindtime = \"2s\"", "it has no maxretry"),
            ("name = \"recidive\"\nfilter = \"any\"", "it counts bans"),
            ("name = \"xmlrpc\"\nbantime_max = \"1s\"", "bantime_max (1s) is less than bantime (4h)"),
            ("name = \"xmlrpc\"\n[[rule]]\nname = \"xmlrpc\"", "there are two rules"),
        ] {
            let text = format!("[[rule]]\n{text}\n");
            let (message, _) = wrong(&text);
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_by_its_bounds() {
        for (text, expected) in [
            ("maxretry = 0", "`0` is not a whole number from 1 to 10000"),
            ("maxretry = -1", "`-1` is not a whole number from 1 to 10000"),
            ("ban_prefix_v6 = 32", "`32` is not a whole number from 48 to 128"),
            ("bantime_factor = 1000", "from 1 to 100"),
            ("findtime = 100", "expected a duration with its unit, such as \"100s\""),
            ("findtime = \"100\"", "a whole number with a unit"),
            ("findtime = \"0s\"", "at least 1s and at most 366d"),
            ("findtime = \"99999999999w\"", "at least 1s and at most 366d"),
            ("distinct = \"pth\"", "expected one of `path`, `query`, `user_agent`"),
            ("maxtry = 1", "unknown field `maxtry`"),
        ] {
            let text = format!("[[rule]]\nname = \"a\"\n{text}\n");
            let error = toml::from_str::<Document>(&text).unwrap_err();
            assert!(error.message().contains(expected), "{}", error.message());
            assert!(error.span().is_some_and(|span| span.start >= 20), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn a_duration_is_read_as_it_is_printed(seconds in 1..=MAX_DURATION_S) {
            let duration = Duration::from_seconds(seconds).unwrap();
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }

        #[test]
        fn any_text_is_a_duration_or_none(text in "\\PC{0,12}") {
            prop_assert!(text.parse::<Duration>().map_or(true, |duration| duration.seconds() >= 1));
        }
    }
}
