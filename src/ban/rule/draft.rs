//! A rule of what is shipped, what is written and what is the default. Resolves no names.

use super::super::filter::{Filter, nearest};
use super::super::shipped::{self, Shipped};
use super::error::{Place, RuleError};
use super::{
    BANTIME, BANTIME_FACTOR, BANTIME_MAX, Duration, MAX_PREFIX, MIN_PREFIX, Over, Rule, RuleConfig, What,
};

/// A rule in the making: a shipped one, changed or not, or one of the user's own.
pub(super) struct Draft<'r> {
    name: &'r str,
    shipped: Option<&'r Shipped>,
    written: Option<&'r RuleConfig>,
}

impl<'r> Draft<'r> {
    pub(super) fn of(shipped: &'r Shipped, written: Option<&'r RuleConfig>) -> Self {
        Self { name: shipped.name, shipped: Some(shipped), written }
    }

    pub(super) fn new(written: &'r RuleConfig) -> Self {
        Self { name: written.name.get_ref(), shipped: None, written: Some(written) }
    }

    pub(super) fn finish(&self) -> Result<Rule, RuleError> {
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
        })
    }

    fn what(&self) -> Result<What, RuleError> {
        let over = self.written.and_then(|rule| rule.over).or(self.shipped.map(|rule| rule.over));
        let over = over.unwrap_or_default();
        let written = self.written;
        if over != Over::Requests
            && written.is_some_and(|rule| rule.filter.is_some() || rule.distinct.is_some())
        {
            let message = format!("it counts {}, which have no filter and nothing distinct", over.counted());
            return Err(self.error(message, None));
        }
        if over != Over::Neighbours && written.is_some_and(|rule| rule.prefix.is_some()) {
            let message = format!("it counts {}: only neighbours have a prefix", over.counted());
            return Err(self.error(message, None));
        }
        Ok(match over {
            Over::Requests => return self.requests(),
            Over::Bans => What::Bans,
            Over::Neighbours => What::Neighbours { prefix: self.prefix()? },
            Over::Rejects => What::Rejects,
            Over::Ambiguous => What::Ambiguous,
        })
    }

    fn requests(&self) -> Result<What, RuleError> {
        let filter = match (
            self.written.and_then(|rule| rule.filter.as_ref()),
            self.shipped.and_then(|rule| rule.filter),
        ) {
            (Some(text), _) => Filter::parse(text.get_ref()).map_err(|error| RuleError {
                message: format!("filter:{}:{}: {}", error.line, error.column, error.message),
                place: Place::of(text, Some((text.get_ref().clone(), error.at))),
                ..self.error("", error.hint)
            })?,
            (None, Some(text)) => Filter::own(text).map_err(|error| self.error(error.message, error.hint))?,
            (None, None) => {
                let hint = nearest(self.name, shipped::SHIPPED.iter().map(|rule| rule.name));
                return Err(self.error("it has no filter, and no shipped rule has this name", hint));
            }
        };
        let distinct = self.written.and_then(|rule| rule.distinct);
        let distinct = distinct.or(self.shipped.and_then(|rule| rule.distinct));
        Ok(What::Requests { filter: Box::new(filter), distinct })
    }

    fn prefix(&self) -> Result<u8, RuleError> {
        let written = self.written.and_then(|rule| rule.prefix);
        let prefix = written.and_then(|prefix| u8::try_from(prefix).ok());
        let hint = || Some(format!("prefix = 56; it is from {MIN_PREFIX} to {MAX_PREFIX}"));
        prefix
            .or(self.shipped.and_then(|rule| rule.prefix))
            .ok_or_else(|| self.error("it has no prefix", hint()))
    }

    fn error(&self, message: impl Into<String>, hint: Option<String>) -> RuleError {
        let place = self.written.and_then(|rule| Place::of(&rule.name, None));
        RuleError { rule: self.name.to_owned(), message: message.into(), hint, place }
    }
}
