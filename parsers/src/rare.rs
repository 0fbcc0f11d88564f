//! Reads values that only some formats have. Apart from `value`, whose way is shorter without them.

use memchr::{memchr_iter, memrchr};

use crate::address;
use crate::amount;
use crate::cursor::Cursor;
use crate::date::Instant;
use crate::parser::{Draft, Parser, Stop};
use crate::record::RejectKind;
use crate::step::{Captured, Field, Sent, Step};
use crate::value::{BAD_REQUEST, Next, captures, json_quote, keep_date, read};

impl<'f> Parser<'f> {
    /// The value of a step that only some formats have: apart, so that the others are read faster.
    #[inline(never)]
    pub(crate) fn rare<'l>(&mut self, step: &'f Step, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
        match step.field {
            Field::RequestHeaders { user_agent, referer, x_forwarded_for, quoted } => {
                // A cookie that was searched could hold forged headers, if the true ones were cut off.
                let x_forwarded_for = x_forwarded_for.filter(|_| !self.is_searched);
                request_headers(at, draft, ([user_agent, referer], x_forwarded_for), quoted)
            }
            Field::HexClient => self.hex_client(step, at, draft),
            Field::EpochUnits(unit) => amount::epoch_units(self.format, step, at, draft, unit),
            Field::HexEpoch => amount::hex_epoch(at, draft),
            Field::Strftime { index, width } => self.strftime(index, width, at, draft),
            Field::ClfBytes => amount::clf_bytes(self.format, step, at, draft),
            Field::Elapsed { unit, latency, elapsed } => {
                amount::elapsed(self.format, step, at, draft, unit, (latency, elapsed))
            }
            Field::TlsFlag => self.text(step, at, draft, |text, record| record.tls = text == Some(b"1")),
            Field::Sent { what, .. } => self.sent(what, step, at, draft),
            _ => unreachable!("{:?} is read by `value`", step.field),
        }
    }

    /// A text that a client chose.
    #[inline(never)]
    fn sent<'l>(
        &mut self,
        what: Sent,
        step: &'f Step,
        at: Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Next<'l> {
        self.text(step, at, draft, |text, record| match what {
            Sent::Target => record.target = text.filter(|text| *text != BAD_REQUEST),
            Sent::Referer => record.referer = text,
            Sent::UserAgent => record.user_agent = text,
            // Apache writes a user without a name as two quotes.
            Sent::RemoteUser => record.remote_user = text.filter(|text| *text != b"\"\""),
            Sent::XForwardedFor => record.x_forwarded_for = text,
            Sent::ProxyAddXForwardedFor => record.x_forwarded_for = text.and_then(without_last),
            Sent::Host => record.site = text,
        })
    }

    /// An address in hexadecimal digits, most significant byte first.
    #[cold]
    fn hex_client<'l>(&mut self, step: &'f Step, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
        read(at, draft, move |at, draft| {
            let length = self.length(step, *at)?;
            let no_client = Stop::new(RejectKind::Client, *at);
            draft.record.client = at.take(length).and_then(address::hex_client).ok_or(no_client)?;
            Ok(())
        })
    }

    /// A date by one of the format's own `strftime` formats.
    #[cold]
    fn strftime<'l>(&mut self, index: u8, width: u8, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
        read(at, draft, move |at, draft| {
            let text = at.rest().get(..width.into()).ok_or(Stop::cut())?;
            let date = self.format.dates.get(usize::from(index));
            let instant = date.and_then(|date| date.read(text, &self.format.timezone));
            keep_instant(instant, width.into(), at, draft)
        })
    }
}

/// The length of Apache's free text, whose end is `width` bytes before the first quote without a backslash.
#[inline(always)]
pub(crate) fn before_quote(width: usize, cursor: Cursor<'_>) -> Result<usize, Stop> {
    let rest = cursor.rest();
    // The usual dash: what lies between is checked by the next steps, which let no such byte pass.
    if rest.first() == Some(&b'-')
        && let Some([before, b'"']) = rest.get(width..width + 2)
        && *before != b'\\'
    {
        return Ok(1);
    }
    // A user without a name is two quotes: one of its own would have a backslash.
    let empty = if rest.starts_with(b"\"\"") { 2 } else { 0 };
    let anchor = json_quote(&rest[empty..]).ok_or(Stop::cut())?;
    (empty + anchor).checked_sub(width).ok_or(Stop::new(RejectKind::Shape, cursor))
}

/// A date without an offset, which the end of summer time may repeat.
pub(crate) fn keep_instant(
    instant: Option<Instant>,
    length: usize,
    cursor: &mut Cursor<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Stop> {
    draft.repeat_us = instant.map_or(0, |instant| instant.repeat_us);
    keep_date(instant.map(|instant| instant.us), length, cursor, draft)
}

/// The same in quotes. Where no header is captured there are no quotes either.
#[cold]
fn quoted_captures<'l>(at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
    if !at.rest().starts_with(b"\"{") {
        return Some(at);
    }
    read(at, draft, move |at, _| {
        let end = at.find(b'}').ok_or(Stop::cut())?;
        let space = usize::from(at.rest().get(end + 2) == Some(&b' '));
        at.take(end + 2 + space).map(|_| ()).ok_or(Stop::cut())
    })
}

/// HAProxy's captured request headers, in the order of the configuration. It escapes braces and bars inside.
#[cold]
fn request_headers<'l>(
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
    ([user_agent, referer], x_forwarded_for): ([Option<u8>; 2], Option<Captured>),
    quoted: bool,
) -> Next<'l> {
    let after = if quoted { quoted_captures(at, draft)? } else { captures(at, draft)? };
    if after.rest().len() == at.rest().len() {
        return Some(after);
    }
    let all = at.rest().get(usize::from(quoted) + 1..at.find(b'}').unwrap_or(0)).unwrap_or_default();
    let header = |index: Option<u8>| {
        let value = all.split(|byte| *byte == b'|').nth(index?.into())?;
        (!matches!(value, b"" | b"-")).then_some(value)
    };
    draft.record.user_agent = header(user_agent);
    draft.record.referer = header(referer);
    draft.record.x_forwarded_for = x_forwarded_for.and_then(|captured| {
        header(Some(captured.index)).filter(|value| sent_bytes(value) < captured.max_bytes.into())
    });
    Some(after)
}

/// Bytes of a captured header as it was sent: HAProxy writes `#` only before two digits, for one byte.
fn sent_bytes(value: &[u8]) -> usize {
    value.len().saturating_sub(2 * memchr_iter(b'#', value).count())
}

/// A list without its last element. `None` if it has no other.
fn without_last(list: &[u8]) -> Option<&[u8]> {
    memrchr(b',', list).map(|comma| &list[..comma])
}

/// A value of JSON that nobody keeps.
#[cold]
pub(crate) fn skip_json<'l>(at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
    read(at, draft, move |at, _| {
        let length = json_value(at.rest()).ok_or(Stop::cut())?;
        at.take(length).map(|_| ()).ok_or(Stop::cut())
    })
}

/// The length of a JSON value that is no list or object. `None` if it does not end.
fn json_value(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'"', text @ ..] => json_quote(text).map(|length| length + 2),
        _ => rest.iter().position(|byte| matches!(byte, b',' | b'}')),
    }
}
