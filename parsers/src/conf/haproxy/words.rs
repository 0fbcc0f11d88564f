//! A line of `haproxy.cfg` to words, by HAProxy's rules of quoting. Knows no keyword, and does not look at the next line:
//! nothing continues a line.
//!
//! <https://docs.haproxy.org/3.2/configuration.html#2.2>

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while_m_n, take_while1};
use nom::character::complete::{char, none_of, one_of, satisfy};
use nom::combinator::{all_consuming, consumed, map, opt, peek, recognize, success, value};
use nom::error::{ErrorKind, ParseError};
use nom::multi::many0;
use nom::sequence::{delimited, preceded, terminated};
use nom::{Err, IResult, Parser as _};

/// A word as it is written.
#[derive(Debug)]
pub(super) struct Written<'t> {
    /// Byte in the line.
    pub at: usize,
    pub parts: Vec<Part<'t>>,
}

/// A part of a word.
#[derive(Debug, Clone)]
pub(super) enum Part<'t> {
    Text(&'t str),
    /// What an escape stands for.
    Byte(u8),
    Variable(Variable<'t>),
}

/// `$NAME`, `${NAME}`, `${NAME-default}` or `${NAME[*]}`.
#[derive(Debug, Clone)]
pub(super) struct Variable<'t> {
    pub name: &'t str,
    /// `[*]`: spaces in the value separate words.
    pub as_words: bool,
    pub default: Option<&'t str>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    Quote,
    Brace,
    VariableName,
    Expansion,
    Hex,
}

/// A mistake and the rest of the line from it on. Without a mistake, only another way to read on has to be tried.
#[derive(Debug)]
struct Wrong<'t> {
    rest: &'t str,
    mistake: Option<Mistake>,
}

type Read<'t, T> = IResult<&'t str, T, Wrong<'t>>;

impl<'t> ParseError<&'t str> for Wrong<'t> {
    fn from_error_kind(rest: &'t str, _: ErrorKind) -> Self {
        Self { rest, mistake: None }
    }

    fn append(_: &'t str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// The words of a line, without its comment. The mistake comes with its byte.
pub(super) fn words(line: &str) -> Result<Vec<Written<'_>>, (usize, Mistake)> {
    let comment = (char('#'), take_till(|_| false));
    let result =
        all_consuming(delimited(spaces, many0(terminated(consumed(word), spaces)), opt(comment))).parse(line);
    match result {
        Ok((_, words)) => Ok(words
            .into_iter()
            .map(|(written, parts)| Written { at: offset(line, written), parts })
            .collect()),
        // Without a mistake of its own, what is left can only be a quote.
        Err(Err::Error(wrong) | Err::Failure(wrong)) => {
            Err((offset(line, wrong.rest), wrong.mistake.unwrap_or(Mistake::Quote)))
        }
        Err(Err::Incomplete(_)) => unreachable!("only complete parsers are used"),
    }
}

fn offset(line: &str, rest: &str) -> usize {
    rest.as_ptr() as usize - line.as_ptr() as usize
}

/// What C's `isspace` takes for one, within a line.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0b' | '\x0c')
}

fn spaces(text: &str) -> Read<'_, &str> {
    nom::bytes::complete::take_while(is_space).parse(text)
}

/// Quoted and other pieces side by side.
fn word(text: &str) -> Read<'_, Vec<Part<'_>>> {
    let plain = take_while1(|c| !is_space(c) && !matches!(c, '"' | '\'' | '\\' | '#'));
    let piece = alt((
        map(plain, |text| vec![Part::Text(text)]),
        map(escape_outside, |part| vec![part]),
        strong_quoted,
        weak_quoted,
    ));
    map(nom::multi::many1(piece), |pieces| pieces.concat()).parse(text)
}

/// `'…'`: nothing is special in it.
fn strong_quoted(text: &str) -> Read<'_, Vec<Part<'_>>> {
    let (inner, _) = char('\'').parse(text)?;
    let (rest, content) = take_till(|c| c == '\'').parse(inner)?;
    let (rest, _) = closing('\'', text, rest)?;
    Ok((rest, vec![Part::Text(content)]))
}

/// `"…"`: escapes and variables are special in it.
fn weak_quoted(text: &str) -> Read<'_, Vec<Part<'_>>> {
    let plain = map(take_while1(|c| !matches!(c, '"' | '\\' | '$')), Part::Text);
    let (inner, _) = char('"').parse(text)?;
    let (rest, mut parts) = many0(alt((plain, escape_inside, variable))).parse(inner)?;
    let (rest, _) = closing('"', text, rest)?;
    if parts.is_empty() {
        parts.push(Part::Text("")); // a word nevertheless
    }
    Ok((rest, parts))
}

fn closing<'t>(quote: char, opening: &'t str, rest: &'t str) -> Read<'t, char> {
    char(quote).parse(rest).map_err(|_: Err<Wrong<'_>>| failure(opening, Mistake::Quote))
}

fn failure(rest: &str, mistake: Mistake) -> Err<Wrong<'_>> {
    Err::Failure(Wrong { rest, mistake: Some(mistake) })
}

fn escape_outside(text: &str) -> Read<'_, Part<'_>> {
    escape("", text)
}

fn escape_inside(text: &str) -> Read<'_, Part<'_>> {
    escape("$", text)
}

/// A backslash, and what it stands for together with the next character. One that escapes nothing stands for itself.
fn escape<'t>(also: &'static str, text: &'t str) -> Read<'t, Part<'t>> {
    let itself = |text| {
        map(satisfy(move |c| " \\#'\"".contains(c) || also.contains(c)), |c| Part::Byte(c as u8)).parse(text)
    };
    let named = map(one_of("tnr"), |c| {
        Part::Byte(match c {
            't' => b'\t',
            'n' => b'\n',
            _ => b'\r',
        })
    });
    let (after, _) = char('\\').parse(text)?;
    if let Some(hex) = after.strip_prefix('x') {
        let digits = take_while_m_n(2, 2, |c: char| c.is_ascii_hexdigit()).parse(hex);
        let (rest, digits) = digits.map_err(|_: Err<Wrong<'_>>| failure(text, Mistake::Hex))?;
        let byte = u8::from_str_radix(digits, 16).map_err(|_| failure(text, Mistake::Hex))?;
        return Ok((rest, Part::Byte(byte)));
    }
    alt((itself, named, value(Part::Byte(b'\\'), success(())))).parse(after)
}

/// A variable, within weak quotes.
fn variable(text: &str) -> Read<'_, Part<'_>> {
    let (after, brace) = preceded(char('$'), opt(char('{'))).parse(text)?;
    let name = recognize((
        satisfy(|c| c.is_ascii_alphabetic() || c == '_' || c == '.'),
        nom::bytes::complete::take_while(|c: char| c.is_ascii_alphanumeric() || c == '_'),
    ));
    let (mut rest, name) =
        { name }.parse(after).map_err(|_: Err<Wrong<'_>>| failure(after, Mistake::VariableName))?;
    let mut variable = Variable { name, as_words: false, default: None };
    if brace.is_some() {
        if peek(char::<_, Wrong<'_>>('[')).parse(rest).is_ok() {
            let expansion = tag("[*]").parse(rest);
            (rest, _) = expansion.map_err(|_: Err<Wrong<'_>>| failure(rest, Mistake::Expansion))?;
            variable.as_words = true;
        }
        let default = preceded(char('-'), recognize(many0(none_of("}"))));
        let end = terminated(opt(default), char('}')).parse(rest);
        (rest, variable.default) = end.map_err(|_: Err<Wrong<'_>>| failure(&text[1..], Mistake::Brace))?;
    }
    Ok((rest, Part::Variable(variable)))
}
