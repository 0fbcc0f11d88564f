//! A filter as it was written, in canonical form: what is equal in meaning by the rules below is equal here. Matches
//! nothing.
//!
//! `and` in `and` and `or` in `or` are one list, a double `not` is none, and the values of a list are sorted,
//! each once.

use super::word::{Field, Order, Part};
use std::fmt::{self, Display, Formatter, Write};

/// A condition on a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expression {
    /// `any`: every request.
    Any,
    /// `a and b`: two at least, none of them an `All`.
    All(Vec<Self>),
    /// `a or b`: two at least, none of them an `Either`.
    Either(Vec<Self>),
    /// `not a`: not of a `Not`.
    Not(Box<Self>),
    /// A condition on one field.
    Test(Test),
}

/// A condition on one field. None of them holds where the field is missing, but `missing`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// `status == 400`, `status in [400, 403]`.
    Number(Field, Vec<u64>),
    /// `bytes_sent > 1000`.
    Order(Field, Order, u64),
    /// `path == "/"`, `path contains ["a", "b"]`.
    Text(Field, Part, Vec<Vec<u8>>),
    /// `path ~ "^/a"`.
    Pattern(Field, String),
    /// `static(path)`.
    Static,
    /// `missing(user_agent)`.
    Missing(Field),
}

impl Expression {
    pub(crate) fn all(parts: Vec<Self>) -> Self {
        let flat =
            parts.into_iter().flat_map(|part| if let Self::All(parts) = part { parts } else { vec![part] });
        Self::one_or(flat.collect(), Self::All)
    }

    pub(crate) fn either(parts: Vec<Self>) -> Self {
        let flat = parts
            .into_iter()
            .flat_map(|part| if let Self::Either(parts) = part { parts } else { vec![part] });
        Self::one_or(flat.collect(), Self::Either)
    }

    fn one_or(mut parts: Vec<Self>, several: impl Fn(Vec<Self>) -> Self) -> Self {
        match (parts.len(), parts.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                parts.extend(last);
                several(parts)
            }
        }
    }

    pub(crate) fn negated(self) -> Self {
        if let Self::Not(inner) = self { *inner } else { Self::Not(Box::new(self)) }
    }

    /// Calls `see` with every condition on a field.
    pub(crate) fn each_test<'e>(&'e self, see: &mut impl FnMut(&'e Test)) {
        match self {
            Self::Any => {}
            Self::Test(test) => see(test),
            Self::Not(inner) => inner.each_test(see),
            Self::All(parts) | Self::Either(parts) => parts.iter().for_each(|part| part.each_test(see)),
        }
    }

    /// `and` binds closer than `or`, `not` closer than both.
    fn strength(&self) -> u8 {
        match self {
            Self::Either(_) => 0,
            Self::All(_) => 1,
            Self::Not(_) | Self::Any | Self::Test(_) => 2,
        }
    }

    fn write_within(&self, formatter: &mut Formatter<'_>, strength: u8) -> fmt::Result {
        if self.strength() < strength { write!(formatter, "({self})") } else { self.fmt(formatter) }
    }
}

impl Test {
    pub(crate) fn number(field: Field, mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        values.dedup();
        Self::Number(field, values)
    }

    pub(crate) fn text(field: Field, part: Part, mut values: Vec<Vec<u8>>) -> Self {
        values.sort_unstable();
        values.dedup();
        Self::Text(field, part, values)
    }

    pub(crate) fn field(&self) -> Field {
        match self {
            Self::Number(field, _)
            | Self::Order(field, ..)
            | Self::Text(field, ..)
            | Self::Pattern(field, _)
            | Self::Missing(field) => *field,
            Self::Static => Field::Path,
        }
    }

    /// Values that the whole of this field is compared with.
    pub(crate) fn whole_values(&self, of: Field) -> impl Iterator<Item = &[u8]> {
        let values = match self {
            Self::Text(field, Part::Whole, values) if *field == of => values.as_slice(),
            _ => &[],
        };
        values.iter().map(Vec::as_slice)
    }

    /// As it is written behind `not`, where there is a shorter way than `not`.
    fn write_negated(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(field, values) => {
                write_list(formatter, *field, ["!=", "not in"], values, |formatter, value| {
                    write!(formatter, "{value}")
                })
            }
            Self::Text(field, Part::Whole, values) => {
                write_list(formatter, *field, ["!=", "not in"], values, |formatter, value| {
                    write_text(formatter, value)
                })
            }
            Self::Text(..) | Self::Order(..) | Self::Pattern(..) | Self::Static | Self::Missing(_) => {
                write!(formatter, "not {self}")
            }
        }
    }
}

impl Display for Expression {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (parts, word) = match self {
            Self::Any => return formatter.write_str("any"),
            Self::Test(test) => return test.fmt(formatter),
            Self::Not(inner) => {
                return if let Self::Test(test) = &**inner {
                    test.write_negated(formatter)
                } else {
                    formatter.write_str("not ")?;
                    inner.write_within(formatter, 2)
                };
            }
            Self::All(parts) => (parts, " and "),
            Self::Either(parts) => (parts, " or "),
        };
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                formatter.write_str(word)?;
            }
            part.write_within(formatter, self.strength() + 1)?;
        }
        Ok(())
    }
}

impl Display for Test {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(field, values) => {
                write_list(formatter, *field, ["==", "in"], values, |formatter, value| {
                    write!(formatter, "{value}")
                })
            }
            Self::Order(field, order, bound) => {
                write!(formatter, "{} {} {bound}", field.name(), order.name())
            }
            Self::Text(field, part, values) => {
                let several = if *part == Part::Whole { "in" } else { part.name() };
                write_list(formatter, *field, [part.name(), several], values, |formatter, value| {
                    write_text(formatter, value)
                })
            }
            // A pattern keeps its backslashes, see `lex`.
            Self::Pattern(field, pattern) => write!(formatter, "{} ~ \"{pattern}\"", field.name()),
            Self::Static => formatter.write_str("static(path)"),
            Self::Missing(field) => write!(formatter, "missing({})", field.name()),
        }
    }
}

fn write_list<V>(
    formatter: &mut Formatter<'_>,
    field: Field,
    [one, several]: [&str; 2],
    values: &[V],
    write: impl Fn(&mut Formatter<'_>, &V) -> fmt::Result,
) -> fmt::Result {
    if let [value] = values {
        write!(formatter, "{} {one} ", field.name())?;
        return write(formatter, value);
    }
    write!(formatter, "{} {several} [", field.name())?;
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            formatter.write_str(", ")?;
        }
        write(formatter, value)?;
    }
    formatter.write_char(']')
}

fn write_text(formatter: &mut Formatter<'_>, text: &[u8]) -> fmt::Result {
    formatter.write_char('"')?;
    for chunk in text.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '"' | '\\' => write!(formatter, "\\{char}")?,
                control if control.is_control() => {
                    let mut bytes = [0; 4];
                    let encoded = control.encode_utf8(&mut bytes);
                    encoded.bytes().try_for_each(|byte| write!(formatter, "\\x{byte:02x}"))?;
                }
                plain => formatter.write_char(plain)?,
            }
        }
        chunk.invalid().iter().try_for_each(|byte| write!(formatter, "\\x{byte:02x}"))?;
    }
    formatter.write_char('"')
}
