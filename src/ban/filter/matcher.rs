//! An expression ready for matching: byte matchers that are linear in the field. Allocates nothing for a record.

use super::expression::{Expression, Test};
use super::subject::Subject;
use super::word::{Field, Part};
use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;
use std::sync::OnceLock;

/// Bytes that one compiled pattern may take.
const MAX_PATTERN_BYTES: usize = 1 << 20;
/// Groups of a pattern in each other.
pub(crate) const MAX_PATTERN_DEPTH: u32 = 50;

/// An expression with its matchers.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    Any,
    All(Vec<Self>),
    Either(Vec<Self>),
    Not(Box<Self>),
    /// With its place among all tests of the expression.
    Test(Test, Finder, usize),
}

/// How a test finds what it asks for.
#[derive(Debug, Clone)]
pub(crate) enum Finder {
    /// Without preparation: by the test itself.
    Plain,
    Literals(Box<AhoCorasick>),
    Pattern(Pattern),
}

/// One condition that a match rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence<'l> {
    /// The condition, as in the filter: `not static(path)`.
    pub condition: String,
    /// Its field.
    pub field: Field,
    /// What the field held as logged, if it is a text and not missing.
    pub text: Option<&'l [u8]>,
    /// Which bytes of the text matched. `None` for what did not match, as `not` asks.
    pub bytes: Option<Range<usize>>,
}

impl<'l> Evidence<'l> {
    /// The whole of a field, as a rule counts its different values.
    pub(crate) fn whole(field: Field, subject: &Subject<'_, 'l>) -> Self {
        let text = subject.text(field);
        let bytes = text.map(|text| 0..text.len());
        Self { condition: format!("distinct {}", field.name()), field, text, bytes }
    }

    /// Where in `line`, from which the record was parsed, the bytes are. `None` without bytes, or if the text is not
    /// part of this line, such as one whose escapes were undone.
    #[must_use]
    pub fn place_in(&self, line: &[u8]) -> Option<Range<usize>> {
        let (text, bytes) = (self.text?, self.bytes.clone()?);
        let start = (text.as_ptr() as usize).checked_sub(line.as_ptr() as usize)?;
        (start + text.len() <= line.len()).then_some(start + bytes.start..start + bytes.end)
    }
}

/// A pattern that is compiled when it is first asked for: most runs never ask for most of them.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    field: Field,
    text: String,
    /// `None` if it is none, which the reader of filters has seen to.
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(field: Field, text: &str) -> Self {
        Self { field, text: text.to_owned(), regex: OnceLock::new() }
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| pattern(self.field, &self.text).ok()).as_ref()
    }
}

/// Compiles a pattern for a field. Without Unicode: `.` is a byte, and only ASCII letters have case.
pub(crate) fn pattern(field: Field, pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(field.ignores_case())
        .size_limit(MAX_PATTERN_BYTES)
        .nest_limit(MAX_PATTERN_DEPTH)
        .build();
    built.map_err(|error| {
        let words = error.to_string();
        let last = words.lines().last().unwrap_or_default();
        format!("not a pattern: {}", last.strip_prefix("error: ").unwrap_or(last))
    })
}

impl Matcher {
    pub(crate) fn compile(expression: &Expression) -> Result<Self, String> {
        Self::compile_from(expression, &mut 0)
    }

    /// `place` is that of the next test.
    fn compile_from(expression: &Expression, place: &mut usize) -> Result<Self, String> {
        let mut several = |parts: &[Expression]| {
            parts.iter().map(|part| Self::compile_from(part, place)).collect::<Result<Vec<_>, _>>()
        };
        Ok(match expression {
            Expression::Any => Self::Any,
            Expression::All(parts) => Self::All(several(parts)?),
            Expression::Either(parts) => Self::Either(several(parts)?),
            Expression::Not(inner) => Self::Not(Box::new(Self::compile_from(inner, place)?)),
            Expression::Test(test) => {
                *place += 1;
                Self::Test(test.clone(), Finder::compile(test)?, *place - 1)
            }
        })
    }

    pub(crate) fn matches(&self, subject: &Subject<'_, '_>) -> bool {
        self.matches_if(subject, &|_| true)
    }

    /// The same where some tests are known not to hold: those at the places that are not `open`.
    pub(crate) fn matches_if(&self, subject: &Subject<'_, '_>, open: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::All(parts) => parts.iter().all(|part| part.matches_if(subject, open)),
            Self::Either(parts) => parts.iter().any(|part| part.matches_if(subject, open)),
            Self::Not(inner) => !inner.matches_if(subject, open),
            Self::Test(test, finder, place) => open(*place) && finder.holds(test, subject),
        }
    }

    /// Whether it holds, by what is `known` of some tests; `None` if that depends on others.
    pub(crate) fn foresee(&self, known: &impl Fn(&Test, &Finder, usize) -> Option<bool>) -> Option<bool> {
        // `decisive` of one part decides; else each must be known.
        let several = |parts: &[Self], decisive: bool| {
            let mut all = Some(!decisive);
            for part in parts {
                match part.foresee(known) {
                    Some(holds) if holds == decisive => return Some(decisive),
                    Some(_) => {}
                    None => all = None,
                }
            }
            all
        };
        match self {
            Self::Any => Some(true),
            Self::All(parts) => several(parts, false),
            Self::Either(parts) => several(parts, true),
            Self::Not(inner) => inner.foresee(known).map(|holds| !holds),
            Self::Test(test, finder, place) => known(test, finder, *place),
        }
    }

    /// Whether it matches, and how many bytes of text that takes to look at, asked test by test.
    pub(crate) fn examined(&self, subject: &Subject<'_, '_>) -> (bool, u64) {
        match self {
            Self::Any => (true, 0),
            Self::Not(inner) => {
                let (matches, bytes) = inner.examined(subject);
                (!matches, bytes)
            }
            Self::Test(test, finder, _) => {
                let text = subject.text(test.field()).map_or(0, <[u8]>::len);
                (finder.holds(test, subject), text as u64)
            }
            Self::All(parts) => until(parts, subject, false),
            Self::Either(parts) => until(parts, subject, true),
        }
    }

    /// Adds what it rests on that this is, or is not, the case.
    pub(crate) fn evidence<'l>(&self, subject: &Subject<'_, 'l>, is: bool, found: &mut Vec<Evidence<'l>>) {
        match self {
            Self::Any => {}
            Self::Not(inner) => inner.evidence(subject, !is, found),
            Self::Test(test, finder, _) => found.push(finder.evidence(test, subject, is)),
            Self::All(parts) | Self::Either(parts) => {
                // One part decides that an `or` holds, or that an `and` does not.
                let needs_every_part = matches!(self, Self::All(_)) == is;
                let deciding = parts.iter().filter(|part| part.matches(subject) == is);
                for part in deciding.take(if needs_every_part { parts.len() } else { 1 }) {
                    part.evidence(subject, is, found);
                }
            }
        }
    }
}

/// Asks the parts until one is what decides the whole.
fn until(parts: &[Matcher], subject: &Subject<'_, '_>, decides: bool) -> (bool, u64) {
    let mut sum = 0;
    for part in parts {
        let (matches, bytes) = part.examined(subject);
        sum += bytes;
        if matches == decides {
            return (decides, sum);
        }
    }
    (!decides, sum)
}

impl Finder {
    fn compile(test: &Test) -> Result<Self, String> {
        Ok(match test {
            Test::Text(field, Part::Anywhere, values) => Self::Literals(Box::new(
                AhoCorasick::builder()
                    .ascii_case_insensitive(field.ignores_case())
                    .build(values)
                    .map_err(|error| error.to_string())?,
            )),
            Test::Pattern(field, text) => Self::Pattern(Pattern::new(*field, text)),
            Test::Number(..) | Test::Order(..) | Test::Text(..) | Test::Static | Test::Missing(_) => {
                Self::Plain
            }
        })
    }

    pub(crate) fn holds(&self, test: &Test, subject: &Subject<'_, '_>) -> bool {
        match test {
            Test::Number(field, values) => subject.number(*field).is_some_and(|(value, unit)| {
                value % unit == 0 && values.binary_search(&(value / unit)).is_ok()
            }),
            Test::Order(field, order, bound) => subject
                .number(*field)
                .is_some_and(|(value, unit)| order.holds(value, bound.saturating_mul(unit))),
            Test::Text(field, ..) | Test::Pattern(field, _) => {
                subject.text(*field).is_some_and(|text| match self {
                    Self::Literals(literals) => literals.is_match(text),
                    Self::Pattern(pattern) => pattern.regex().is_some_and(|regex| regex.is_match(text)),
                    Self::Plain => plain(test, text).is_some(),
                })
            }
            Test::Static => subject.static_extension().is_some(),
            Test::Missing(field) => subject.is_missing(*field),
        }
    }

    fn evidence<'l>(&self, test: &Test, subject: &Subject<'_, 'l>, is: bool) -> Evidence<'l> {
        let field = test.field();
        let text = subject.text(field);
        let bytes = match (test, text) {
            (Test::Static, _) => subject.static_extension(),
            (_, None) => None,
            (_, Some(text)) => match self {
                Self::Literals(literals) => literals.find(text).map(|found| found.range()),
                Self::Pattern(pattern) => {
                    pattern.regex().and_then(|regex| regex.find(text)).map(|found| found.range())
                }
                Self::Plain => plain(test, text),
            },
        };
        let condition = Expression::Test(test.clone());
        let condition = if is { condition } else { condition.negated() };
        Evidence { condition: condition.to_string(), field, text, bytes }
    }
}

/// Where one of the test's values is in the text, if the test is of texts at its ends or as a whole.
fn plain(test: &Test, text: &[u8]) -> Option<Range<usize>> {
    let Test::Text(field, part, values) = test else { return None };
    let is = |piece: &[u8], value: &[u8]| {
        if field.ignores_case() { piece.eq_ignore_ascii_case(value) } else { piece == value }
    };
    values.iter().find_map(|value| {
        let start = text.len().checked_sub(value.len())?;
        let range = match part {
            Part::Whole if start > 0 => return None,
            Part::Whole | Part::Start => 0..value.len(),
            Part::End => start..text.len(),
            Part::Anywhere => return None,
        };
        is(&text[range.clone()], value).then_some(range)
    })
}
