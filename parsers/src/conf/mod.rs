//! Configuration files of nginx and HAProxy, taken apart by their grammars. Opens no file, and does not know what a
//! directive means.

pub mod haproxy;
mod lua;
pub mod nginx;
pub mod rsyslog;

/// Characters of a line that a message shows; more would wrap on a terminal.
const SHOWN: usize = 100;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 0.
    pub byte: usize,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl Position {
    /// Where a text begins.
    pub const START: Self = Self { byte: 0, line: 1, column: 1 };

    /// The place of a byte of `text` at which a character begins or the text ends.
    #[must_use]
    pub fn of(text: &str, byte: usize) -> Self {
        Self::START.advanced(text, byte)
    }

    /// The place of a byte behind this one. Going from place to place keeps the work linear.
    #[must_use]
    pub fn advanced(self, text: &str, byte: usize) -> Self {
        let between = &text[self.byte..byte];
        match between.rfind('\n') {
            None => Self { byte, line: self.line, column: self.column + between.chars().count() },
            Some(newline) => Self {
                byte,
                line: self.line + between.matches('\n').count(),
                column: between[newline + 1..].chars().count() + 1,
            },
        }
    }
}

/// Why a configuration file cannot be read. Who knows the file's name puts it in front: `nginx.conf:12:3: …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {message}{}{}", at.line, at.column, self.pointed(), self.hint_line())]
pub struct ConfError {
    /// Where.
    pub at: Position,
    /// A lowercase fragment.
    pub message: String,
    /// The line as it stands.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl ConfError {
    /// An error at a place of `text`, the whole file.
    #[must_use]
    pub fn new(text: &str, at: Position, message: impl Into<String>) -> Self {
        let start = text[..at.byte].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        Self { at, message: message.into(), text: line.to_owned(), hint: None }
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The line, and a caret below the place.
    fn pointed(&self) -> String {
        let before = self.at.column - 1;
        let skipped = before.saturating_sub(SHOWN * 3 / 4);
        let shown: String = self.text.chars().skip(skipped).take(SHOWN).collect();
        // A tab is as wide as the terminal wants; the caret needs to know.
        format!("\n  {}\n  {}^", shown.replace('\t', " "), " ".repeat(before - skipped))
    }

    fn hint_line(&self) -> String {
        self.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default()
    }
}
