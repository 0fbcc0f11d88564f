//! Apache `LogFormat` strings. Knows the grammar and the directives, and reads no log line.
//!
//! <https://httpd.apache.org/docs/2.4/mod/mod_log_config.html#formats>

use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while};
use nom::character::complete::{anychar, char, one_of};
use nom::combinator::{map, opt, value, verify};
use nom::multi::fold_many1;
use nom::sequence::{delimited, preceded};
use nom::{AsChar, IResult};

use crate::assemble::Piece;
use crate::format::FormatError;
use crate::step::{Field, Sent, Shape, Slot, Unit};
use crate::strftime::DateFormat;

/// One item of the string.
enum Item<'t> {
    Directive(Directive<'t>),
    Text(String),
}

/// `%400,501{User-agent}>i`.
#[derive(Clone, Copy)]
struct Directive<'t> {
    /// Written only for some statuses, else `-`.
    is_conditional: bool,
    /// Of the request as it was before internal redirects.
    of_original: Option<bool>,
    argument: &'t str,
    name: &'t str,
}

/// A date in the making: dates are often put together from several directives.
struct DatePiece {
    format: DateFormat,
    /// When the request was received, not when it was logged.
    is_begin: bool,
    at: usize,
}

/// Ranks of dates that are logged at the end of a request; those of its begin are higher.
const END: u8 = 0;
const BEGIN: u8 = 10;

/// Tells `%q` from other texts that are not kept.
const QUERY: u8 = 1;

/// Takes a `LogFormat` string apart: its pieces, and the formats of its dates.
pub(crate) fn pieces(text: &str) -> Result<(Vec<Piece>, Vec<DateFormat>), FormatError> {
    let mut taken = Taken::default();
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (after, item) = item(rest).map_err(|_| FormatError::Directives { at })?;
        rest = after;
        match item {
            Item::Text(text) => taken.text(text.into_bytes()),
            Item::Directive(Directive { name: "t", argument, is_conditional: false, .. }) => {
                taken.time(argument, at)?;
            }
            Item::Directive(directive) => {
                taken.end_date();
                let (field, rank) = meaning(directive)
                    .ok_or_else(|| FormatError::UnknownDirective { at, name: directive.name.to_owned() })?;
                taken.value(field, rank, at);
            }
        }
    }
    taken.end_date();
    choose_durations(&mut taken.pieces);
    Ok((join_target(taken.pieces), taken.dates))
}

/// Every directive with its place.
pub(crate) fn values(text: &str) -> Vec<(usize, &str)> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Ok((after, item)) = item(rest) {
        let at = text.len() - rest.len();
        if let Item::Directive(_) = item {
            values.push((at, &text[at..text.len() - after.len()]));
        }
        rest = after;
    }
    values
}

#[derive(Default)]
struct Taken {
    pieces: Vec<Piece>,
    dates: Vec<DateFormat>,
    /// The last value, if it is a date, and the text behind it.
    date: Option<(DatePiece, Vec<u8>)>,
}

impl Taken {
    fn text(&mut self, text: Vec<u8>) {
        match &mut self.date {
            Some((_, behind)) => behind.extend(text),
            None => self.pieces.push(Piece::Text(text)),
        }
    }

    fn value(&mut self, field: Field, rank: u8, at: usize) {
        self.pieces.push(Piece::Value { field, rank, at });
    }

    /// `%t` or `%{…}t`.
    fn time(&mut self, argument: &str, at: usize) -> Result<(), FormatError> {
        let (is_begin, format) = match argument.strip_prefix("end") {
            Some("") => (false, ""),
            Some(rest) if rest.starts_with(':') => (false, &rest[1..]),
            _ => (true, argument.strip_prefix("begin").map_or(argument, |rest| rest.trim_start_matches(':'))),
        };
        let rank = if is_begin { BEGIN } else { END };
        let (field, rank) = match format {
            "" => {
                self.end_date();
                self.pieces.push(Piece::Text(b"[".to_vec()));
                self.value(Field::ClfDate, rank + 3, at);
                self.pieces.push(Piece::Text(b"]".to_vec()));
                return Ok(());
            }
            "usec" => (Field::EpochUnits(Unit::Micros), rank),
            "msec" => (Field::EpochUnits(Unit::Millis), rank + 1),
            "sec" | "%s" => (Field::Epoch, rank + 4),
            "msec_frac" | "usec_frac" => {
                let digits = if format == "msec_frac" { 3 } else { 6 };
                self.date_part(DatePiece { format: DateFormat::fraction(digits), is_begin, at });
                return Ok(());
            }
            _ => {
                let format = DateFormat::compile(format)
                    .map_err(|directive| FormatError::DateDirective { at, directive })?;
                self.date_part(DatePiece { format, is_begin, at });
                return Ok(());
            }
        };
        self.end_date();
        self.value(field, rank, at);
        Ok(())
    }

    /// Joins a part of a date with the one before, if the two say different things.
    fn date_part(&mut self, part: DatePiece) {
        if let Some((before, behind)) = &mut self.date
            && before.is_begin == part.is_begin
            && let Some(joined) = before.format.join(behind, &part.format)
        {
            before.format = joined;
            behind.clear();
            return;
        }
        self.end_date();
        // `%{sec}t.%{msec_frac}t` is one number with decimals.
        if let [.., Piece::Value { field: Field::Epoch, .. }, Piece::Text(point)] = self.pieces.as_slice()
            && point == b"."
            && !part.format.is_date()
        {
            self.pieces.pop();
            return;
        }
        self.date = Some((part, Vec::new()));
    }

    fn end_date(&mut self) {
        let Some((date, behind)) = self.date.take() else { return };
        let width = u8::try_from(date.format.width()).unwrap_or(u8::MAX);
        let rank = if date.is_begin { BEGIN } else { END } + 2;
        match u8::try_from(self.dates.len()) {
            Ok(index) if date.format.is_date() => {
                self.dates.push(date.format);
                self.value(Field::Strftime { index, width }, rank, date.at);
            }
            _ => self.value(Field::Skip(Shape::Fixed(width)), 0, date.at),
        }
        if !behind.is_empty() {
            self.pieces.push(Piece::Text(behind));
        }
    }
}

fn item(text: &str) -> IResult<&str, Item<'_>> {
    alt((
        map(alt((map(tag("%%"), |_| "%".to_owned()), literal)), Item::Text),
        map(directive, Item::Directive),
    ))
    .parse(text)
}

/// Text up to the next `%`, with the escapes that Apache undoes in its configuration and in the format.
fn literal(text: &str) -> IResult<&str, String> {
    let escaped = preceded(
        char('\\'),
        alt((one_of("\"\\"), value('\t', char('t')), value('\n', char('n')), value('\r', char('r')))),
    );
    let plain = verify(anychar, |c| *c != '%');
    fold_many1(alt((escaped, plain)), String::new, |mut text, c| {
        text.push(c);
        text
    })
    .parse(text)
}

fn directive(text: &str) -> IResult<&str, Directive<'_>> {
    let conditions = |text| take_while(|c: char| c.is_ascii_digit() || matches!(c, ',' | '!')).parse(text);
    let redirect = |text| opt(one_of("<>")).parse(text);
    let argument = |text| opt(delimited(char('{'), take_till(|c| c == '}'), char('}'))).parse(text);
    let name = alt((tag("^ti"), tag("^to"), nom::bytes::complete::take_while_m_n(1, 1, AsChar::is_alpha)));
    let (rest, (_, before, first, conditions, second, argument, third, name)) =
        (char('%'), conditions, redirect, conditions, redirect, argument, redirect, name).parse(text)?;
    let directive = Directive {
        is_conditional: !before.is_empty() || !conditions.is_empty(),
        of_original: first.or(second).or(third).map(|sign| sign == '<'),
        argument: argument.unwrap_or_default(),
        name,
    };
    Ok((rest, directive))
}

/// What a directive means, and its rank among those of the same meaning.
fn meaning(directive: Directive<'_>) -> Option<(Field, u8)> {
    let Directive { argument, is_conditional, of_original, .. } = directive;
    Some(match directive.name {
        "a" => (Field::Client, if argument == "c" { 2 } else { 0 }),
        "h" => (Field::Client, if argument == "c" { 3 } else { 1 }),
        "u" => (Field::Sent { what: Sent::RemoteUser, shape: Shape::Text }, 0),
        // Conditions leave the date away, so that such a line has none.
        "t" => (Field::Skip(Shape::Text), 0),
        "r" => (Field::Request, u8::from(of_original == Some(false))),
        "m" => (Field::Method, 0),
        "U" => (Field::Target, 1),
        "H" => (Field::Protocol, 0),
        "s" => (Field::Status, u8::from(of_original != Some(false))),
        "O" => (Field::Bytes, 0),
        "B" => (Field::Bytes, 1),
        "b" if is_conditional => (Field::Bytes, 2),
        "b" => (Field::ClfBytes, 2),
        "D" => (duration(Unit::Micros), 0),
        "T" => match argument.to_ascii_lowercase().as_str() {
            "us" => (duration(Unit::Micros), 0),
            "ms" => (duration(Unit::Millis), 1),
            "" | "s" => (duration(Unit::Seconds), 2),
            _ => return None,
        },
        "v" => (Field::Site, 0),
        "V" => (Field::Site, 1),
        "i" => request_header(argument),
        "x" | "c" => tls(argument),
        "P" if argument == "hextid" => (Field::Skip(Shape::Word), 0),
        "I" | "S" | "p" | "P" | "k" => (Field::Skip(Shape::Number), 0),
        "X" | "F" => (Field::Skip(Shape::Fixed(1)), 0),
        "A" | "l" | "L" | "R" => (Field::Skip(Shape::Word), 0),
        "q" => (Field::Skip(Shape::Text), QUERY),
        "C" | "e" | "f" | "n" | "o" | "^ti" | "^to" => (Field::Skip(Shape::Text), 0),
        _ => return None,
    })
}

const fn duration(unit: Unit) -> Field {
    Field::Elapsed { unit, latency: true, elapsed: false }
}

fn request_header(name: &str) -> (Field, u8) {
    match name.to_ascii_lowercase().as_str() {
        "referer" => (Field::Referer, 0),
        "user-agent" => (Field::UserAgent, 0),
        "x-forwarded-for" => (Field::Sent { what: Sent::XForwardedFor, shape: Shape::Text }, 0),
        "host" => (Field::Sent { what: Sent::Host, shape: Shape::Text }, 2),
        _ => (Field::Skip(Shape::Text), 0),
    }
}

/// `mod_ssl`'s variables.
fn tls(name: &str) -> (Field, u8) {
    match name.to_ascii_uppercase().as_str() {
        "SSL_PROTOCOL" | "VERSION" => (Field::Tls, 0),
        "SSL_CIPHER" | "CIPHER" => (Field::Tls, 1),
        _ => (Field::Skip(Shape::Text), 0),
    }
}

/// The most precise duration is the latency, and leads from a date of the begin to the end.
fn choose_durations(pieces: &mut [Piece]) {
    let (mut date, mut best) = (u8::MAX, u8::MAX);
    for piece in pieces.iter() {
        match piece {
            Piece::Value { field: Field::Elapsed { .. }, rank, .. } => best = best.min(*rank),
            Piece::Value { field, rank, .. } if field.slot() == Some(Slot::Time) => date = date.min(*rank),
            _ => {}
        }
    }
    for piece in pieces {
        if let Piece::Value { field: Field::Elapsed { latency, elapsed, .. }, rank, .. } = piece {
            *latency = *rank == best;
            *elapsed = *rank == best && date >= BEGIN;
        }
    }
}

/// `%U%q` is the whole target.
fn join_target(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let is_query = matches!(piece, Piece::Value { field: Field::Skip(_), rank: QUERY, .. });
        if is_query && let Some(Piece::Value { field: Field::Target, rank, .. }) = joined.last_mut() {
            *rank = 0;
            continue;
        }
        joined.push(piece);
    }
    joined
}

/// How many items of a string only Apache has, and how many only HAProxy.
pub(crate) fn votes(text: &str, is_alias: impl Fn(&str) -> bool) -> (usize, usize) {
    let (mut apache, mut haproxy) = (0, 0);
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('%') {
            rest = after;
            continue;
        }
        let run = after.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len());
        let flags = after.strip_prefix('{').is_some_and(|flags| flags.starts_with(['+', '-']));
        if after.starts_with(['[', '(']) || flags || run > 1 && is_alias(&after[..run]) {
            haproxy += 1;
        } else if let Ok((_, directive)) = directive(&rest[at..])
            && meaning(directive).is_some()
            && (run == 0 || !is_alias(&after[..run]))
        {
            apache += 1;
        }
        rest = after;
    }
    (apache, haproxy)
}
