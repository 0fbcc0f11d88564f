//! HAProxy `log-format` strings. Knows the grammar and the aliases, and reads no log line.
//!
//! <https://docs.haproxy.org/3.2/configuration.html#8.2.6>

use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::{take_till, take_while_m_n, take_while1};
use nom::character::complete::{anychar, char};
use nom::combinator::{map, map_opt, opt, recognize, value, verify};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};
use nom::{IResult, bytes::complete::tag};

use crate::assemble::Piece;
use crate::captures::Captures;
use crate::format::FormatError;
use crate::sample;
use crate::step::{Captured, Field, Shape, Slot};
use crate::strftime::DateFormat;

/// One item of the string: `%(name:type){flags}alias`, `%(name:type){flags}[sample]`, or a character.
#[derive(Clone)]
enum Item<'t> {
    Alias { key: Option<&'t str>, flags: Option<&'t str>, name: &'t str },
    Sample { key: Option<&'t str>, flags: Option<&'t str>, expression: &'t str },
    Character(char),
}

/// Flags of an item, or of all that follow a `%{…}o`.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "HAProxy's flags")]
struct Flags {
    quote: bool,
    hex: bool,
    escape: bool,
    json: bool,
}

/// What an item is and how it is written.
pub(crate) struct Meaning {
    pub(crate) field: Field,
    pub(crate) rank: u8,
    pub(crate) style: Style,
}

/// Where a value has quotes around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Nowhere.
    Number,
    /// In JSON.
    Plain,
    /// With the flag `Q`, and in JSON.
    Text,
    /// With the flag `Q`, but bare in JSON.
    QuotedNumber,
    /// As `Text`, but what type it has in JSON is not known.
    Unknown,
}

impl Meaning {
    pub(crate) const fn new(field: Field, rank: u8, style: Style) -> Self {
        Self { field, rank, style }
    }
}

/// Takes a `log-format` string apart: its pieces, and the formats of its dates.
pub(crate) fn pieces(text: &str, captures: &Captures) -> Result<(Vec<Piece>, Vec<DateFormat>), FormatError> {
    let mut taken = Taken { captures, pieces: Vec::new(), dates: Vec::new(), global: Flags::default() };
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (after, item) = item(rest).map_err(|_| FormatError::Alias { at })?;
        rest = after;
        match item {
            Item::Character(c) => taken.character(c),
            Item::Alias { flags, name: "o", .. } => taken.global = taken.global.with(flags, at)?,
            Item::Alias { name: "hr", .. } if captures.has_only_response() => {}
            Item::Alias { key, flags, name } => {
                let flags = taken.global.with(flags, at)?;
                let meaning = taken.alias(name, flags, at)?;
                taken.value(&meaning, key, flags, at);
            }
            Item::Sample { key, flags, expression } => {
                let flags = taken.global.with(flags, at)?;
                let meaning =
                    sample::meaning(expression, flags.escape || flags.json, captures, &mut taken.dates);
                taken.value(&meaning, key, flags, at);
            }
        }
    }
    Ok(taken.finish())
}

/// The aliases and samples of a `log-format` string as they stand there, each with its place.
pub(crate) fn values(text: &str) -> Vec<(usize, &str)> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Ok((after, item)) = item(rest) {
        let at = text.len() - rest.len();
        // `%o` only sets flags for what follows.
        if !matches!(item, Item::Character(_) | Item::Alias { name: "o", .. }) {
            values.push((at, &text[at..text.len() - after.len()]));
        }
        rest = after;
    }
    values
}

fn item(text: &str) -> IResult<&str, Item<'_>> {
    let name = |text| take_while1(|c: char| c.is_ascii_alphanumeric()).parse(text);
    let key = |text| opt(delimited(char('('), take_till(|c| c == ')'), char(')'))).parse(text);
    let flags = |text| opt(delimited(char('{'), take_till(|c| c == '}'), char('}'))).parse(text);
    alt((
        value(Item::Character('%'), tag("%%")),
        map((char('%'), key, flags, sample), |(_, key, flags, expression)| Item::Sample {
            key,
            flags,
            expression,
        }),
        map((char('%'), key, flags, name), |(_, key, flags, name)| Item::Alias { key, flags, name }),
        map(escaped, Item::Character),
        map(verify(anychar, |c| *c != '%'), Item::Character),
    ))
    .parse(text)
}

/// What `haproxy.cfg` escapes with a backslash.
fn escaped(text: &str) -> IResult<&str, char> {
    let hex = map_opt(take_while_m_n(2, 2, |c: char| c.is_ascii_hexdigit()), |digits| {
        u8::from_str_radix(digits, 16).ok().filter(u8::is_ascii).map(char::from)
    });
    let character = alt((
        preceded(char('x'), hex),
        value('\n', char('n')),
        value('\r', char('r')),
        value('\t', char('t')),
        anychar,
    ));
    preceded(char('\\'), character).parse(text)
}

/// `[…]`, whose arguments may hold quoted brackets.
fn sample(text: &str) -> IResult<&str, &str> {
    let quoted = |quote| recognize((char(quote), take_till(move |c| c == quote), char(quote)));
    let plain = recognize(verify(anychar, |c| !matches!(c, ']' | '\'' | '"')));
    let expression = recognize(many0_count(alt((quoted('\''), quoted('"'), plain))));
    delimited(char('['), expression, char(']')).parse(text)
}

impl Flags {
    fn with(mut self, flags: Option<&str>, at: usize) -> Result<Self, FormatError> {
        for flag in flags.unwrap_or_default().split(',').map(str::trim) {
            match flag {
                "+Q" => self.quote = true,
                "-Q" => self.quote = false,
                "+X" => self.hex = true,
                "-X" => self.hex = false,
                "+E" => self.escape = true,
                "-E" => self.escape = false,
                "+json" => self.json = true,
                "-json" => self.json = false,
                "" | "+M" | "-M" | "-bin" | "-cbor" => {}
                _ => return Err(FormatError::Flag { at, flag: flag.to_owned() }),
            }
        }
        Ok(self)
    }
}

/// What has been taken from the string.
struct Taken<'c> {
    captures: &'c Captures,
    pieces: Vec<Piece>,
    dates: Vec<DateFormat>,
    /// Flags of a `%{…}o`. With `json`, HAProxy writes an object of the items that have a name, and no text.
    global: Flags,
}

impl Taken<'_> {
    /// Adjacent spaces of the format are written as one, and those in front not at all.
    fn character(&mut self, c: char) {
        let mut buffer = [0; 4];
        let bytes = c.encode_utf8(&mut buffer).as_bytes();
        match self.pieces.last_mut() {
            _ if self.global.json => {}
            None if c == ' ' => {}
            Some(Piece::Text(text)) if c == ' ' && text.ends_with(b" ") => {}
            Some(Piece::Text(text)) => text.extend_from_slice(bytes),
            _ => self.pieces.push(Piece::Text(bytes.to_vec())),
        }
    }

    fn value(&mut self, meaning: &Meaning, key: Option<&str>, flags: Flags, at: usize) {
        let (name, kind) = key.unwrap_or_default().split_once(':').unwrap_or((key.unwrap_or_default(), ""));
        if self.global.json {
            if name.is_empty() {
                return;
            }
            let before = if self.pieces.is_empty() { "{" } else { ", " };
            self.pieces.push(Piece::Text(format!("{before}\"{name}\": ").into_bytes()));
        }
        let Meaning { field, rank, style } = *meaning;
        let is_capture = is_captures(field);
        let field = match style {
            Style::Unknown if flags.json => Field::Skip(Shape::Json),
            _ if is_capture && flags.json => Field::Skip(Shape::Json),
            _ => field,
        };
        let quoted = match style {
            Style::Number | Style::QuotedNumber if flags.json => kind == "str",
            Style::Unknown if flags.json => false,
            Style::Number => false,
            Style::Plain => flags.json,
            Style::Text => flags.json || flags.quote,
            Style::QuotedNumber | Style::Unknown => flags.quote,
        };
        let piece =
            if is_captures(field) { Piece::Captures(field) } else { Piece::Value { field, rank, at } };
        if quoted && !is_capture {
            self.pieces.extend([Piece::Text(b"\"".to_vec()), piece, Piece::Text(b"\"".to_vec())]);
        } else {
            self.pieces.push(piece);
        }
    }

    fn finish(mut self) -> (Vec<Piece>, Vec<DateFormat>) {
        if self.global.json {
            self.pieces.push(Piece::Text(b"}".to_vec()));
        }
        choose_totals(&mut self.pieces);
        (join_millis(join_port(self.pieces)), self.dates)
    }

    /// What an alias means.
    fn alias(&self, name: &str, flags: Flags, at: usize) -> Result<Meaning, FormatError> {
        if matches!(name, "hr" | "hs") {
            return Ok(self.captured(name, flags));
        }
        let unknown = || FormatError::UnknownAlias { at, name: name.to_owned() };
        let meaning = known(name).or_else(|| skipped(name)).ok_or_else(unknown)?;
        let field = match (name, meaning.field) {
            ("ci" | "Ci", _) if flags.hex => Field::HexClient,
            ("Ts", _) if flags.hex => Field::HexEpoch,
            (name, _) if flags.hex && HEXADECIMAL.contains(&name) => Field::Skip(Shape::Word),
            (_, Field::Skip(Shape::Raw | Shape::Cookie)) if flags.escape || flags.json => {
                Field::Skip(Shape::Escaped)
            }
            (_, field) => field,
        };
        // Hexadecimal digits are text without quotes, but in JSON.
        let style = if field == meaning.field || !flags.hex { meaning.style } else { Style::Plain };
        Ok(Meaning { field, style, ..meaning })
    }

    /// The block of captured headers.
    fn captured(&self, name: &str, flags: Flags) -> Meaning {
        let place = |wanted: &str| self.captures.place(wanted).filter(|_| name == "hr");
        let (user_agent, referer) = (place("user-agent"), place("referer"));
        let x_forwarded_for = place("x-forwarded-for").and_then(|index| {
            let max_bytes = self.captures.max_bytes(index)?;
            Some(Captured { index, max_bytes })
        });
        let is_kept = user_agent.is_some() || referer.is_some() || x_forwarded_for.is_some();
        let field = if is_kept || flags.quote {
            Field::RequestHeaders { user_agent, referer, x_forwarded_for, quoted: flags.quote }
        } else {
            Field::Captures
        };
        Meaning::new(field, 0, Style::Text)
    }
}

const fn is_captures(field: Field) -> bool {
    matches!(field, Field::Captures | Field::RequestHeaders { .. })
}

/// Whether HAProxy has such an alias.
pub(crate) fn is_alias(name: &str) -> bool {
    matches!(name, "o" | "hr" | "hs") || known(name).is_some() || skipped(name).is_some()
}

/// What else the flag `X` writes in hexadecimal digits.
const HEXADECIMAL: [&str; 18] = [
    "bi", "Bi", "fi", "Fi", "si", "Si", "cp", "Cp", "bp", "Bp", "fp", "Fp", "sp", "Sp", "ms", "rt", "pid",
    "lc",
];

/// What an alias means that fills a field of the record.
fn known(name: &str) -> Option<Meaning> {
    use Style::{Number, Plain, Text};
    let (field, rank, style) = match name {
        "ci" | "Ci" => (Field::Client, 0, Text),
        "tr" => (Field::ZonelessDate, 0, Plain),
        "t" => (Field::ZonelessDate, 1, Plain),
        "trg" | "trl" => (Field::ClfDate, 2, Plain),
        "T" | "Tl" => (Field::ClfDate, 3, Plain),
        "Ts" => (Field::Epoch, 4, Number),
        "r" => (Field::Request, 0, Text),
        "HM" => (Field::Method, 0, Text),
        "HU" => (Field::Target, 0, Text),
        "HP" => (Field::Target, 1, Text),
        "HPO" => (Field::Target, 2, Text),
        "HV" => (Field::Protocol, 0, Text),
        "ST" | "st" => (Field::ProxyStatus, 0, Number),
        "B" => (Field::Bytes, 0, Number),
        "ft" => (Field::Frontend, 0, Text),
        "f" => (Field::Frontend, 1, Text),
        "b" => (Field::Backend, 0, Text),
        "s" => (Field::ProxyServer, 0, Text),
        "Ta" => (total(), 0, Number),
        "Tt" => (total(), 1, Number),
        "Tu" => (total(), 2, Number),
        "Tw" => (Field::QueueMs, 0, Number),
        "Tc" => (Field::ConnectMs, 0, Number),
        "Tr" => (Field::ResponseMs, 0, Number),
        "rc" => (Field::Retries, 0, Number),
        "ts" => (Field::Termination(2), 1, Plain),
        "tsc" => (Field::Termination(4), 0, Plain),
        _ => return None,
    };
    Some(Meaning::new(field, rank, style))
}

/// HAProxy's total; `choose_totals` says what it is good for.
pub(crate) const fn total() -> Field {
    Field::Total { latency: true, elapsed: false }
}

/// An alias of which a record keeps nothing.
fn skipped(name: &str) -> Option<Meaning> {
    let (shape, style) = match name {
        "TR" | "Tq" | "Td" | "Th" | "Ti" | "U" | "ac" | "fc" | "bc" | "sc" | "bq" | "sq" | "rt" | "lc"
        | "pid" | "ms" | "cp" | "Cp" | "bp" | "Bp" | "fp" | "Fp" | "sp" | "Sp" => {
            (Shape::Number, Style::Number)
        }
        "bi" | "Bi" | "fi" | "Fi" | "si" | "Si" | "H" | "OG" | "sslc" | "sslv" | "CS" | "cs" => {
            (Shape::Word, Style::Text)
        }
        "CC" | "cc" => (Shape::Cookie, Style::Text),
        // Made by `unique-id-format`, of anything.
        "ID" => (Shape::Raw, Style::Text),
        "HQ" => (Shape::Text, Style::Text),
        // Lists of strings: with quotes around each, or as a list of JSON.
        "hrl" | "hsl" => (Shape::Text, Style::Text),
        _ => return None,
    };
    Some(Meaning::new(Field::Skip(shape), 0, style))
}

/// Which total leads from the logged start to the end: `Ta` counts from the request, `Tt` from the connection.
fn choose_totals(pieces: &mut [Piece]) {
    let has = |rank: u8| {
        pieces.iter().any(
            |piece| matches!(piece, Piece::Value { field: Field::Total { .. }, rank: r, .. } if *r == rank),
        )
    };
    let first = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Value { field, rank, .. } if field.slot() == Some(Slot::Time) => Some(*rank),
            _ => None,
        })
        .min();
    let from_request = first.is_none_or(|rank| matches!(rank, 0 | 2 | sample::REQUEST_DATE));
    let is_end = first == Some(sample::END_DATE);
    let latency_rank = (0..3).find(|rank| has(*rank));
    let order = if from_request { [0, 1, 2] } else { [1, 0, 2] };
    let elapsed_rank = order.into_iter().find(|rank| has(*rank));
    for piece in pieces {
        if let Piece::Value { field: Field::Total { latency, elapsed }, rank, .. } = piece {
            *latency = latency_rank == Some(*rank);
            *elapsed = !is_end && elapsed_rank == Some(*rank);
        }
    }
}

/// `%Ts.%ms` is one value: seconds with decimals.
fn join_millis(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        joined.push(piece);
        if let [
            ..,
            Piece::Value { field: Field::Epoch, .. },
            Piece::Text(point),
            Piece::Value { field: Field::Skip(Shape::Number), .. },
        ] = joined.as_slice()
            && point == b"."
        {
            joined.truncate(joined.len() - 2);
        }
    }
    joined
}

/// `%ci:%cp` is one value, because an IPv6 address holds colons too.
fn join_port(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        joined.push(piece);
        if let [
            ..,
            Piece::Value { field: Field::Client, rank, at },
            Piece::Text(colon),
            Piece::Value { field: Field::Skip(Shape::Number), .. },
        ] = joined.as_slice()
            && colon == b":"
        {
            let client = Piece::Value { field: Field::ClientPort, rank: *rank, at: *at };
            joined.truncate(joined.len() - 3);
            joined.push(client);
        }
    }
    joined
}
