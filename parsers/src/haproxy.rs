//! HAProxy `log-format` strings. Knows the grammar and the aliases, and reads no log line.
//!
//! <https://docs.haproxy.org/3.2/configuration.html#8.2.6>

use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::{take_till, take_while1};
use nom::character::complete::{anychar, char};
use nom::combinator::{map, opt, recognize, value, verify};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};
use nom::{IResult, bytes::complete::tag};

use crate::assemble::Piece;
use crate::format::FormatError;
use crate::step::{Field, Shape};

/// One item of the string: `%{flags}alias`, `%[sample]`, or a character.
#[derive(Clone)]
enum Item<'t> {
    Alias { flags: Option<&'t str>, name: &'t str },
    Sample { flags: Option<&'t str> },
    Character(char),
}

/// Takes a `log-format` string apart.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece>, FormatError> {
    let mut pieces = Vec::new();
    let mut quote_all = false;
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (after, item) = item(rest).map_err(|_| FormatError::Alias { at })?;
        rest = after;
        match item {
            Item::Character(c) => push_character(&mut pieces, c),
            Item::Alias { flags, name: "o" } => quote_all = quotes(flags, quote_all, at)?,
            Item::Alias { flags, name } => {
                let (piece, quotable) = meaning(name, at)?;
                push_value(&mut pieces, piece, quotable && quotes(flags, quote_all, at)?);
            }
            Item::Sample { flags } => {
                let piece = Piece::Value { field: Field::Skip(Shape::Raw), rank: 0, at };
                push_value(&mut pieces, piece, quotes(flags, quote_all, at)?);
            }
        }
    }
    choose_totals(&mut pieces);
    Ok(join_port(pieces))
}

fn item(text: &str) -> IResult<&str, Item<'_>> {
    let name = |text| take_while1(|c: char| c.is_ascii_alphanumeric()).parse(text);
    let custom_name = |text| opt(delimited(char('('), take_till(|c| c == ')'), char(')'))).parse(text);
    let flags = |text| opt(delimited(char('{'), take_till(|c| c == '}'), char('}'))).parse(text);
    alt((
        value(Item::Character('%'), tag("%%")),
        map((char('%'), custom_name, flags, sample), |(_, _, flags, ())| Item::Sample { flags }),
        map((char('%'), custom_name, flags, name), |(_, _, flags, name)| Item::Alias { flags, name }),
        map(preceded(char('\\'), anychar), Item::Character),
        map(verify(anychar, |c| *c != '%'), Item::Character),
    ))
    .parse(text)
}

/// `[…]`, whose arguments may hold quoted brackets.
fn sample(text: &str) -> IResult<&str, ()> {
    let quoted = |quote| recognize((char(quote), take_till(move |c| c == quote), char(quote)));
    let plain = recognize(verify(anychar, |c| !matches!(c, ']' | '\'' | '"')));
    value((), (char('['), many0_count(alt((quoted('\''), quoted('"'), plain))), char(']'))).parse(text)
}

/// Adjacent spaces of the format are written as one, and those in front not at all.
fn push_character(pieces: &mut Vec<Piece>, c: char) {
    let mut buffer = [0; 4];
    let bytes = c.encode_utf8(&mut buffer).as_bytes();
    match pieces.last_mut() {
        None if c == ' ' => {}
        Some(Piece::Text(text)) if c == ' ' && text.ends_with(b" ") => {}
        Some(Piece::Text(text)) => text.extend_from_slice(bytes),
        _ => pieces.push(Piece::Text(bytes.to_vec())),
    }
}

fn push_value(pieces: &mut Vec<Piece>, piece: Piece, quoted: bool) {
    if quoted {
        pieces.extend([Piece::Text(b"\"".to_vec()), piece, Piece::Text(b"\"".to_vec())]);
    } else {
        pieces.push(piece);
    }
}

/// Whether flags such as `+Q` ask for quotes.
fn quotes(flags: Option<&str>, mut quoted: bool, at: usize) -> Result<bool, FormatError> {
    for flag in flags.unwrap_or_default().split(',').map(str::trim) {
        match flag {
            "+Q" => quoted = true,
            "-Q" => quoted = false,
            "" | "+M" | "-M" | "-X" | "-E" | "-bin" | "-json" | "-cbor" => {}
            _ => return Err(FormatError::Flag { at, flag: flag.to_owned() }),
        }
    }
    Ok(quoted)
}

/// What an alias means, and whether `+Q` quotes it.
fn meaning(name: &str, at: usize) -> Result<(Piece, bool), FormatError> {
    let (field, rank, quotable) = match name {
        "ci" | "Ci" => (Field::Client, 0, true),
        "tr" => (Field::ZonelessDate, 0, false),
        "t" => (Field::ZonelessDate, 1, false),
        "trg" | "trl" => (Field::ClfDate, 2, false),
        "T" | "Tl" => (Field::ClfDate, 3, false),
        "Ts" => (Field::Epoch, 4, false),
        "r" => (Field::Request, 0, true),
        "HM" => (Field::Method, 0, true),
        "HU" => (Field::Target, 0, true),
        "HP" => (Field::Target, 1, true),
        "HPO" => (Field::Target, 2, true),
        "HV" => (Field::Protocol, 0, true),
        "ST" | "st" => (Field::ProxyStatus, 0, false),
        "B" => (Field::Bytes, 0, false),
        "ft" => (Field::Frontend, 0, true),
        "f" => (Field::Frontend, 1, true),
        "b" => (Field::Backend, 0, true),
        "s" => (Field::ProxyServer, 0, true),
        "Ta" => (Field::Total { latency: true, elapsed: false }, 0, false),
        "Tt" => (Field::Total { latency: true, elapsed: false }, 1, false),
        "Tu" => (Field::Total { latency: true, elapsed: false }, 2, false),
        "Tw" => (Field::QueueMs, 0, false),
        "Tc" => (Field::ConnectMs, 0, false),
        "Tr" => (Field::ResponseMs, 0, false),
        "rc" => (Field::Retries, 0, false),
        "ts" => (Field::Termination(2), 1, false),
        "tsc" => (Field::Termination(4), 0, false),
        "hr" | "hs" => return Ok((Piece::Captures, true)),
        _ => {
            let (shape, quotable) =
                skipped_shape(name).ok_or_else(|| FormatError::UnknownAlias { at, name: name.to_owned() })?;
            (Field::Skip(shape), 0, quotable)
        }
    };
    Ok((Piece::Value { field, rank, at }, quotable))
}

fn skipped_shape(name: &str) -> Option<(Shape, bool)> {
    Some(match name {
        "TR" | "Tq" | "Td" | "Th" | "Ti" | "U" | "ac" | "fc" | "bc" | "sc" | "bq" | "sq" | "rt" | "lc"
        | "pid" | "ms" | "cp" | "Cp" | "bp" | "Bp" | "fp" | "Fp" | "sp" | "Sp" => (Shape::Number, false),
        "bi" | "Bi" | "fi" | "Fi" | "si" | "Si" | "H" | "OG" | "sslc" | "sslv" | "CS" | "cs" => {
            (Shape::Word, true)
        }
        "CC" | "cc" => (Shape::Cookie, true),
        "ID" => (Shape::Raw, true),
        "HQ" | "hrl" | "hsl" => (Shape::Text, true),
        _ => return None,
    })
}

/// Which total leads from the logged start to the end: `Ta` counts from the request, `Tt` from the connection.
fn choose_totals(pieces: &mut [Piece]) {
    let has = |rank: u8| {
        pieces.iter().any(
            |piece| matches!(piece, Piece::Value { field: Field::Total { .. }, rank: r, .. } if *r == rank),
        )
    };
    let from_request = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Value { field: Field::ZonelessDate | Field::ClfDate | Field::Epoch, rank, .. } => {
                Some(*rank)
            }
            _ => None,
        })
        .min()
        .is_none_or(|rank| matches!(rank, 0 | 2));
    let latency_rank = (0..3).find(|rank| has(*rank));
    let order = if from_request { [0, 1, 2] } else { [1, 0, 2] };
    let elapsed_rank = order.into_iter().find(|rank| has(*rank));
    for piece in pieces {
        if let Piece::Value { field: Field::Total { latency, elapsed }, rank, .. } = piece {
            *latency = latency_rank == Some(*rank);
            *elapsed = elapsed_rank == Some(*rank);
        }
    }
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
