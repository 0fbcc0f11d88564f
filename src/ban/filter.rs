//! The filter language: a condition on records, as text, checked when it is read and compiled to byte matchers. Sees
//! no record but the one it is given, and allocates nothing for it.
//!
//! ```text
//! status in [400, 403, 404] and not static(path)
//! method == "POST" and path ends_with "/wp-login.php"
//! latency_ms > 1500 or user_agent contains ["sqlmap", "nikto"]
//! ```
//!
//! * Numbers (`status`, `latency_ms`, `bytes_sent`) have `==`, `!=`, `<`, `<=`, `>`, `>=`, `in […]`, `not in […]`.
//! * Texts (`method`, `path`, `query`, `user_agent`, `referrer`, `host`, `termination`, `protocol`) have `==`, `!=`,
//!   `in`, `not in`, and `contains`, `starts_with` and `ends_with` with one text or a list of which one is enough.
//!   `~` is a regular expression without look-around that matches anywhere.
//! * `any` is every request, `static(path)` a path with the extension of what pages load by themselves, and
//!   `missing(field)` says that the log has none.
//! * `not` binds closest, then `and`, then `or`; there are parentheses.
//! * Texts stand in double quotes, with `\"`, `\\`, `\n`, `\r`, `\t` and `\xhh`. In a pattern, backslashes are the
//!   pattern's own.
//! * `user_agent`, `referrer` and `host` are compared without the case of ASCII letters, all others with it.
//! * Values are as logged: neither the log's escapes nor percent-encoding are undone.
//! * What is missing is not equal to anything, nor less or greater, and holds nothing: every comparison with it is
//!   false but `!=` and `not in`, which say `not` of one. `missing` is true of no field of a line that was cut.
//!
//! `word` has the words, `lex` and `parse` read the text, `expression` is what it says and prints it back in canonical
//! form, `matcher` is that with matchers, and `subject` the record as matchers see it. `required` and `sieve` tell of
//! most records that nothing matches them, before any matcher runs.

mod error;
mod expression;
mod lex;
mod matcher;
mod parse;
mod required;
mod sieve;
mod subject;
mod word;

#[cfg(test)]
pub(super) mod cases;

pub use error::FilterError;
pub(super) use expression::Test;
pub use matcher::Evidence;
pub(super) use matcher::Finder;
pub(super) use required::words;
pub(super) use sieve::Sieve;
pub use subject::Subject;
pub use word::Field;
pub(crate) use word::nearest;

use expression::Expression;
use logstat_parsers::Record;
use matcher::Matcher;
use std::fmt::{self, Display, Formatter};

/// A condition on records, ready for matching.
#[derive(Debug, Clone)]
pub struct Filter {
    expression: Expression,
    matcher: Matcher,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// When the text is no filter, with line and column in it, what was expected and the nearest known word.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let expression = parse::expression(text)?;
        Self::of(text, expression)
    }

    /// Reads a filter that is part of the program, whose patterns are not tried.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(super) fn own(text: &str) -> Result<Self, FilterError> {
        Self::of(text, parse::own_expression(text)?)
    }

    fn of(text: &str, expression: Expression) -> Result<Self, FilterError> {
        let matcher = Matcher::compile(&expression).map_err(|message| FilterError::new(text, 0, message))?;
        Ok(Self { expression, matcher })
    }

    /// Is this record one of those it describes?
    #[must_use]
    pub fn matches(&self, record: &Record<'_>) -> bool {
        self.holds(&Subject::of(record))
    }

    /// The same for a record that several filters see.
    #[must_use]
    pub fn holds(&self, subject: &Subject<'_, '_>) -> bool {
        self.matcher.matches(subject)
    }

    /// The fields that it asks for, in any order, some more than once.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        self.tests().into_iter().map(Test::field).collect()
    }

    /// Its conditions, in the order in which they stand.
    pub(super) fn tests(&self) -> Vec<&Test> {
        let mut tests = Vec::new();
        self.expression.each_test(&mut |test| tests.push(test));
        tests
    }

    /// As [`Self::holds`] where some conditions are known not to hold: those at the places that are not `open`.
    pub(super) fn holds_if(&self, subject: &Subject<'_, '_>, open: &impl Fn(usize) -> bool) -> bool {
        self.matcher.matches_if(subject, open)
    }

    /// Whether it holds of all, or of no, records of which this is `known`; `None` if neither.
    pub(super) fn foresee(&self, known: &impl Fn(&Test, &Finder, usize) -> Option<bool>) -> Option<bool> {
        self.matcher.foresee(known)
    }

    /// How many bytes of text it takes to look at to tell whether the record matches: what the filter costs where nothing
    /// is remembered or ruled out before.
    #[must_use]
    pub fn examined_bytes(&self, subject: &Subject<'_, '_>) -> u64 {
        self.matcher.examined(subject).1
    }

    /// What it rests on that the record matches; `None` if it does not. Empty where every request matches.
    #[must_use]
    pub fn explain<'l>(&self, subject: &Subject<'_, 'l>) -> Option<Vec<Evidence<'l>>> {
        if !self.holds(subject) {
            return None;
        }
        let mut found = Vec::new();
        self.matcher.evidence(subject, true, &mut found);
        Some(found)
    }
}

/// Two filters that are written differently may be equal, see [`Display`].
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

/// The canonical form: no parentheses but those needed, lists sorted. Reading it gives an equal filter.
impl Display for Filter {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.expression.fmt(formatter)
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}
