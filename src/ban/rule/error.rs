//! What is wrong with a rule, and where in the document that it was read from. Reads no document.

use std::ops::Range;
use toml::Spanned;

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
    pub(super) place: Option<Box<Place>>,
}

/// What is wrong in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    span: Range<usize>,
    /// The text that stands there, and the byte of it that is wrong.
    inside: Option<(String, usize)>,
}

impl Place {
    pub(super) fn of(value: &Spanned<String>, inside: Option<(String, usize)>) -> Option<Box<Self>> {
        Some(Box::new(Self { span: value.span(), inside }))
    }
}

impl RuleError {
    pub(super) fn at(name: &Spanned<String>, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { place: Place::of(name, None), ..Self::unplaced(name.get_ref(), message, hint) }
    }

    pub(super) fn unplaced(rule: &str, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { rule: rule.to_owned(), message: message.into(), hint, place: None }
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
