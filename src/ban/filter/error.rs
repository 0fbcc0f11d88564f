//! What is wrong with the text of a filter, and where. Knows no file: the place is in the filter's own text.

/// A filter that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}{}", hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default())]
pub struct FilterError {
    /// Byte of the text at which it stopped fitting.
    pub at: usize,
    /// Line of the text, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
    /// What is wrong, or what was expected.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl FilterError {
    pub(crate) fn new(text: &str, at: usize, message: impl Into<String>) -> Self {
        let before = &text[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            at,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}
