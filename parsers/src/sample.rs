//! HAProxy's sample expressions, `%[…]`: which of them are fields of a record. Evaluates none.
//!
//! HAProxy writes a sample as it is: without the flag `E` or the converter `json` a quote in it has no backslash.

use crate::captures::Captures;
use crate::haproxy::{Meaning, Style, total};
use crate::step::{Field, Sent, Shape, Unit};
use crate::strftime::DateFormat;

/// Rank of a date at which a request began. Aliases come first.
pub(crate) const REQUEST_DATE: u8 = 6;
/// Rank of a date at which a connection was accepted.
const ACCEPT_DATE: u8 = 7;
/// Rank of the date at which the line was written.
pub(crate) const END_DATE: u8 = 8;

/// One function of an expression: `req.hdr(host)`, or the converter `lower`.
#[derive(Debug, Clone, Copy)]
struct Call<'e> {
    name: &'e str,
    arguments: &'e str,
}

/// What an expression means. Its date's format, if it has one, is put to the others.
pub(crate) fn meaning(
    expression: &str,
    is_escaped: bool,
    captures: &Captures,
    dates: &mut Vec<DateFormat>,
) -> Meaning {
    let expression = expression.trim();
    let Some((fetch, converters)) =
        calls(expression).split_first().map(|(fetch, rest)| (*fetch, rest.to_vec()))
    else {
        return opaque(is_escaped);
    };
    if let Some(meaning) = date(fetch, &converters, dates) {
        return meaning;
    }
    let mut shape = if is_escaped { Shape::Escaped } else { Shape::Raw };
    for converter in converters {
        match converter.name {
            "lower" | "upper" => {}
            "json" => shape = Shape::Escaped,
            _ => return opaque(is_escaped),
        }
    }
    known(fetch, shape, captures).unwrap_or(Meaning::new(Field::Skip(shape), 0, Style::Unknown))
}

fn opaque(is_escaped: bool) -> Meaning {
    let shape = if is_escaped { Shape::Escaped } else { Shape::Raw };
    Meaning::new(Field::Skip(shape), 0, Style::Unknown)
}

fn known(fetch: Call<'_>, shape: Shape, captures: &Captures) -> Option<Meaning> {
    use Style::{QuotedNumber, Text};
    let sent = |what| Field::Sent { what, shape };
    let (field, rank, style) = match fetch.name {
        "src" => (Field::Client, 1, Text),
        "src_port" => (Field::Skip(Shape::Number), 0, QuotedNumber),
        "method" | "capture.req.method" => (Field::Method, 1, Text),
        "capture.req.ver" => (Field::Protocol, 1, Text),
        "capture.req.uri" | "url" => (sent(Sent::Target), 3, Text),
        "pathq" => (sent(Sent::Target), 4, Text),
        "path" => (sent(Sent::Target), 5, Text),
        "status" | "txn.status" => (Field::ProxyStatus, 1, QuotedNumber),
        "bytes_out" | "res.bytes_in" => (Field::Bytes, 1, QuotedNumber),
        "fe_name" => (Field::Frontend, 2, Text),
        "be_name" => (Field::Backend, 1, Text),
        "srv_name" => (Field::ProxyServer, 1, Text),
        "http_auth_user" => (sent(Sent::RemoteUser), 0, Text),
        "txn.timer.total" => (total(), 0, QuotedNumber),
        "fc.timer.total" => (total(), 1, QuotedNumber),
        "txn.timer.user" => (total(), 2, QuotedNumber),
        "req.timer.queue" => (Field::QueueMs, 1, QuotedNumber),
        "bc.timer.connect" => (Field::ConnectMs, 1, QuotedNumber),
        "res.timer.hdr" => (Field::ResponseMs, 1, QuotedNumber),
        "txn.conn_retries" => (Field::Retries, 1, QuotedNumber),
        "txn.sess_term_state" => (Field::Termination(2), 2, Text),
        "ssl_fc_protocol" => (Field::Tls, 0, Text),
        "ssl_fc_cipher" => (Field::Tls, 1, Text),
        "ssl_fc" if shape == Shape::Raw => (Field::TlsFlag, 2, Text),
        _ => {
            let (what, rank) = header(fetch, captures)?;
            (sent(what), rank, Text)
        }
    };
    Some(Meaning::new(field, rank, style))
}

/// A request header that a record keeps. `Host` is the site only where no frontend is logged: the frontend is the
/// configuration's word, and `Host` the client's.
fn header(fetch: Call<'_>, captures: &Captures) -> Option<(Sent, u8)> {
    let name = match fetch.name {
        "req.hdr" | "req.fhdr" | "hdr" | "fhdr" => fetch.arguments.split(',').next()?,
        "capture.req.hdr" => captures.request_name(fetch.arguments.parse().ok()?)?,
        _ => return None,
    };
    match name.trim().to_ascii_lowercase().as_str() {
        "user-agent" => Some((Sent::UserAgent, 1)),
        "referer" => Some((Sent::Referer, 1)),
        "x-forwarded-for" if is_last_whole(fetch) => Some((Sent::XForwardedFor, 1)),
        "host" => Some((Sent::Host, 3)),
        _ => None,
    }
}

/// Whether a header ends as it was sent: the last one of its name, and not cut as captured ones are.
fn is_last_whole(fetch: Call<'_>) -> bool {
    let occurrence = fetch.arguments.split(',').nth(1).map(str::trim);
    fetch.name != "capture.req.hdr" && matches!(occurrence, None | Some("" | "-1"))
}

/// `date`, `accept_date` and `request_date`, as a number or by a converter's format.
fn date(fetch: Call<'_>, converters: &[Call<'_>], dates: &mut Vec<DateFormat>) -> Option<Meaning> {
    let (rank, unit) = match fetch.name {
        "request_date" => (REQUEST_DATE, fetch.arguments),
        "accept_date" => (ACCEPT_DATE, fetch.arguments),
        "date" if matches!(fetch.arguments.split(',').next()?, "" | "0") => {
            (END_DATE, fetch.arguments.split(',').nth(1).unwrap_or_default())
        }
        _ => return None,
    };
    let field = match (converters, unit.trim()) {
        ([], "" | "s") => Field::Epoch,
        ([], "ms") => Field::EpochUnits(Unit::Millis),
        ([], "us") => Field::EpochUnits(Unit::Micros),
        ([converter], unit) => {
            let mut format = match (converter.name, unit) {
                ("ltime" | "utime", "" | "s")
                | ("ms_ltime" | "ms_utime", "ms")
                | ("us_ltime" | "us_utime", "us") => {
                    DateFormat::compile(format_of(converter.arguments)?).ok()?
                }
                ("http_date", "" | "s") => DateFormat::compile("%a, %d %b %Y %H:%M:%S GMT").ok()?,
                _ => return None,
            };
            format.utc = !converter.name.ends_with("ltime");
            let (index, width) = (u8::try_from(dates.len()).ok()?, u8::try_from(format.width()).ok()?);
            if !format.is_date() {
                return None;
            }
            dates.push(format);
            return Some(Meaning::new(Field::Strftime { index, width }, rank, Style::Text));
        }
        _ => return None,
    };
    Some(Meaning::new(field, rank, Style::QuotedNumber))
}

/// The first argument, without quotes, if no offset follows.
fn format_of(arguments: &str) -> Option<&str> {
    let text = arguments.trim();
    for quote in ['"', '\''] {
        if let Some(text) = text.strip_prefix(quote) {
            return text.strip_suffix(quote);
        }
    }
    (!text.contains(',')).then_some(text)
}

/// `fetch(arguments),converter(arguments)`, taken apart at the commas outside parentheses and quotes.
fn calls(expression: &str) -> Vec<Call<'_>> {
    let (mut depth, mut quote, mut start) = (0usize, None, 0);
    let mut calls = Vec::new();
    for (at, c) in expression.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                calls.push(call(&expression[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    calls.push(call(&expression[start..]));
    calls
}

fn call(text: &str) -> Call<'_> {
    let text = text.trim();
    match text.split_once('(') {
        Some((name, rest)) => Call { name, arguments: rest.strip_suffix(')').unwrap_or(rest) },
        None => Call { name: text, arguments: "" },
    }
}
