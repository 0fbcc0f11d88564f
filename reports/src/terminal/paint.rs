//! Pieces of coloured text that know their width. Every text passes through [`Pen::span`], which makes it safe.

use anstyle::{AnsiColor, Style as Ansi};

use crate::text::{ascii, safe, truncate, width};

/// What a piece of text means; the colour follows. Only the sixteen colours that a terminal's theme defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "see the colours")]
pub enum Ink {
    Plain,
    Strong,
    Faint,
    /// Bars of load.
    Load,
    /// Bars of time.
    Time,
    Good,
    Warn,
    Bad,
}

impl Ink {
    fn ansi(self) -> Ansi {
        let colour = |colour: AnsiColor| Ansi::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Ansi::new(),
            Self::Strong => Ansi::new().bold(),
            Self::Faint => Ansi::new().dimmed(),
            Self::Load => colour(AnsiColor::Cyan),
            Self::Time => colour(AnsiColor::Magenta),
            Self::Good => colour(AnsiColor::Green),
            Self::Warn => colour(AnsiColor::Yellow),
            Self::Bad => colour(AnsiColor::Red),
        }
    }
}

/// Safe text of one ink.
#[derive(Debug, Clone)]
pub struct Span {
    ink: Ink,
    text: String,
}

impl Span {
    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        width(&self.text)
    }

    /// Safe.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// One line of the report.
#[derive(Debug, Clone, Default)]
pub struct Line(Vec<Span>);

impl Line {
    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.iter().map(Span::width).sum()
    }

    /// Adds a piece at the end.
    pub fn push(&mut self, span: Span) {
        self.0.push(span);
    }

    /// Spaces up to the column.
    pub fn pad_to(&mut self, column: usize) {
        let missing = column.saturating_sub(self.width());
        self.0.push(Span { ink: Ink::Plain, text: " ".repeat(missing) });
    }

    /// Without the spaces at its end.
    fn trimmed(&self) -> Self {
        let mut spans = self.0.clone();
        while let Some(last) = spans.last_mut() {
            last.text.truncate(last.text.trim_end().len());
            if !last.text.is_empty() {
                break;
            }
            spans.pop();
        }
        Self(spans)
    }

    /// Adds another line's pieces at the end.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// What the terminal can show.
#[derive(Debug, Clone, Copy)]
pub struct Pen {
    /// Whether to use the sixteen ANSI colours.
    pub color: bool,
    /// Whether to use characters other than ASCII.
    pub unicode: bool,
}

impl Pen {
    /// The text made safe.
    #[must_use]
    pub fn span(self, ink: Ink, text: &str) -> Span {
        let text =
            if self.unicode { safe(text).into_owned() } else { ascii(&plain_signs(text)).into_owned() };
        Span { ink, text }
    }

    /// A line of several inks.
    #[must_use]
    pub fn line<const N: usize>(self, spans: [(Ink, &str); N]) -> Line {
        Line(spans.into_iter().map(|(ink, text)| self.span(ink, text)).collect())
    }

    /// What stands for text that is left out.
    #[must_use]
    pub const fn ellipsis(self) -> &'static str {
        if self.unicode { "…" } else { "..." }
    }

    /// Texts as lines of one ink.
    #[must_use]
    pub fn lines(self, ink: Ink, texts: &[String]) -> Vec<Line> {
        texts.iter().map(|text| self.line([(ink, text)])).collect()
    }

    /// The lines as text, none wider than `columns`, without spaces at their ends.
    #[must_use]
    pub fn paint(self, lines: &[Line], columns: usize) -> String {
        let mut out = String::new();
        for line in lines {
            self.paint_line(&mut out, line, columns);
            out.push('\n');
        }
        out
    }

    fn paint_line(self, out: &mut String, line: &Line, columns: usize) {
        for Span { ink, text } in self.fitted(line.trimmed(), columns) {
            if self.color && ink != Ink::Plain && !text.is_empty() {
                let ansi = ink.ansi();
                out.push_str(&format!("{ansi}{text}{ansi:#}"));
            } else {
                out.push_str(&text);
            }
        }
    }

    /// The line, cut with an ellipsis where it is wider than the page.
    fn fitted(self, line: Line, columns: usize) -> Vec<Span> {
        if line.width() <= columns {
            return line.0;
        }
        let mut room = columns - width(self.ellipsis());
        let mut spans = Vec::new();
        for Span { ink, text } in line.0 {
            if width(&text) > room {
                let kept = truncate(&text, room, "");
                spans.push(Span { ink, text: format!("{kept}{}", self.ellipsis()) });
                break;
            }
            room -= width(&text);
            spans.push(Span { ink, text });
        }
        spans
    }
}

/// Our own signs in ASCII.
fn plain_signs(text: &str) -> String {
    text.replace('…', "...").replace('–', "-").replace(" ·", ",").replace('±', "+-")
}

/// A text's words into lines of at most `columns`; a word that is longer is cut by the page.
#[must_use]
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    joined(text.split(' '), " ", columns)
}

/// Parts into lines of at most `columns`, each as a whole, with the separator between them.
pub fn joined<P: AsRef<str>>(
    parts: impl IntoIterator<Item = P>,
    separator: &str,
    columns: usize,
) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let part = part.as_ref();
        if let Some(line) = lines.last_mut() {
            let room_for = width(line) + width(separator) + width(part);
            line.push_str(separator);
            if room_for + width(separator.trim_end()) <= columns {
                line.push_str(part);
                continue;
            }
            line.truncate(line.trim_end().len());
        }
        lines.push(part.to_owned());
    }
    lines
}
