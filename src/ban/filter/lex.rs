//! The text of a filter as tokens, one at a time. Knows no words.

use super::error::FilterError;

/// A piece of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    /// Letters, digits and `_`, not starting with a digit.
    Word(&'t str),
    Number(u64),
    /// What stands between quotes, with its backslashes.
    Quoted(&'t str),
    /// `==`, `(` and so on.
    Sign(&'t str),
    End,
}

impl Token<'_> {
    /// The token as an error names it.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Number(number) => format!("`{number}`"),
            Self::Quoted(_) => "a text".to_owned(),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

const SIGNS: [&str; 12] = ["==", "!=", "<=", ">=", "<", ">", "~", "(", ")", "[", "]", ","];
/// What other languages write for a word of this one.
const FOREIGN: [(&str, &str); 8] = [
    ("&&", "and"),
    ("&", "and"),
    ("||", "or"),
    ("|", "or"),
    ("=~", "~"),
    ("=", "=="),
    ("!", "not"),
    ("'", "\""),
];

/// The token at or behind `from`, and where it starts and ends.
pub(crate) fn token(text: &str, from: usize) -> Result<(Token<'_>, usize, usize), FilterError> {
    let rest = text[from..].trim_start();
    let start = text.len() - rest.len();
    let Some(first) = rest.chars().next() else { return Ok((Token::End, start, start)) };
    if first == '"' {
        let length = quoted_length(&rest[1..])
            .ok_or_else(|| FilterError::new(text, start, "a text without its closing quote"))?;
        return Ok((Token::Quoted(&rest[1..=length]), start, start + length + 2));
    }
    if first.is_ascii_digit() {
        let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len());
        let number = rest[..end].parse().map_err(|_| {
            FilterError::new(
                text,
                start,
                format!("`{}` is no number that can be compared with", &rest[..end]),
            )
            .with_hint(Some("a whole number without a unit".to_owned()))
        })?;
        return Ok((Token::Number(number), start, start + end));
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len());
        return Ok((Token::Word(&rest[..end]), start, start + end));
    }
    if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
        return Ok((Token::Sign(sign), start, start + sign.len()));
    }
    let foreign = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign));
    let message =
        format!("`{}` means nothing here", foreign.map_or(first.to_string(), |(sign, _)| (*sign).to_owned()));
    Err(FilterError::new(text, start, message)
        .with_hint(foreign.map(|(_, ours)| format!("did you mean `{ours}`?"))))
}

/// Length of what stands before the closing quote. A backslash takes the next character along.
fn quoted_length(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some(at),
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
    None
}

/// The bytes that a text between quotes stands for; or where its wrong escape is.
pub(crate) fn unescape(quoted: &str) -> Result<Vec<u8>, usize> {
    let (mut bytes, mut rest) = (Vec::with_capacity(quoted.len()), quoted.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let at = quoted.len() - rest.len();
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let (&escape, after) = rest.split_first().ok_or(at)?;
        rest = after;
        bytes.push(match escape {
            b'"' | b'\\' => escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits =
                    rest.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)).ok_or(at)?;
                rest = &rest[2..];
                str::from_utf8(digits)
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    .ok_or(at)?
            }
            _ => return Err(at),
        });
    }
    Ok(bytes)
}
