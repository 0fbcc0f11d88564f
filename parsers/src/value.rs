//! Reads one value of a line by one step of the format. Knows nothing of the other steps.
//!
//! Everything here is inlined into the one loop over the steps, which runs for every line.

use std::net::IpAddr;

use memchr::{memchr, memrchr};

use crate::cursor::Cursor;
use crate::parser::{Draft, Parser, Stop};
use crate::record::{CacheStatus, Client, Record, RejectKind};
use crate::step::{End, Field, Shape, Step};
use crate::{address, number, request};

impl Parser<'_> {
    /// The value of one step.
    #[inline(always)]
    pub(crate) fn value<'l>(
        &mut self,
        at: usize,
        step: &Step,
        cursor: &mut Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Result<(), Stop> {
        match step.field {
            Field::Nothing => Ok(()),
            Field::Captures => captures(cursor),
            Field::Client => self.client(at, step, cursor, draft),
            Field::ClientPort => client_port(step.end.byte(), cursor, draft),
            Field::ClfDate | Field::IsoDate | Field::ZonelessDate => self.date(step.field, cursor, draft),
            Field::Status => status(cursor, draft),
            Field::Termination(width) => termination(width, cursor, draft),
            Field::UpstreamAddresses => {
                let list = number::address_list(cursor.rest(), step.end.byte());
                draft.record.server = list.last;
                draft.record.retries = list.last.map(|_| list.retries);
                cursor.take(list.length);
                Ok(())
            }
            Field::Skip(shape) => self.skip(at, shape, step, cursor),
            _ => self.numeric(at, step, cursor, draft),
        }
    }

    /// A value that nobody keeps.
    #[inline(never)]
    fn skip<'l>(
        &mut self,
        at: usize,
        shape: Shape,
        step: &Step,
        cursor: &mut Cursor<'l>,
    ) -> Result<(), Stop> {
        match shape {
            Shape::Number => {
                let before = *cursor;
                number::skip(cursor);
                self.present_or_missing(before, *cursor, &step.end)
            }
            Shape::Numbers(further) => {
                number::skip_run(cursor, further).ok_or(Stop::new(RejectKind::Number, *cursor))
            }
            Shape::List => {
                cursor.take(number::address_list(cursor.rest(), step.end.byte()).length);
                Ok(())
            }
            Shape::Fixed(width) => cursor.take(width.into()).map(|_| ()).ok_or(Stop::cut()),
            Shape::Word | Shape::Text | Shape::Cookie => {
                let length = self.length(at, step, *cursor)?;
                cursor.take(length).map(|_| ()).ok_or(Stop::cut())
            }
        }
    }

    /// A number, else a text. Each is read in its own arm, so that there is one jump for a step.
    #[inline(always)]
    fn numeric<'l>(
        &mut self,
        at: usize,
        step: &Step,
        cursor: &mut Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Result<(), Stop> {
        let before = *cursor;
        match step.field {
            Field::RequestTime => draft.record.latency_us = self.seconds(step, cursor)?,
            Field::UpstreamTimes => draft.record.upstream_us = self.seconds_list(step, cursor)?,
            Field::ConnectTimes => draft.record.connect_us = self.seconds_list(step, cursor)?,
            Field::HeaderTimes => draft.record.response_us = self.seconds_list(step, cursor)?,
            Field::Epoch => {
                let us = self.seconds(step, cursor)?.and_then(|us| i64::try_from(us).ok());
                draft.date_us = Some(us.ok_or(Stop::new(RejectKind::Date, before))?);
            }
            Field::Bytes => draft.record.bytes_sent = self.count(step, cursor)?,
            Field::QueueMs => draft.record.queue_us = self.millis(step, cursor)?,
            Field::ConnectMs => draft.record.connect_us = self.millis(step, cursor)?,
            Field::ResponseMs => draft.record.response_us = self.millis(step, cursor)?,
            Field::Total { latency, elapsed } => {
                let us = self.millis(step, cursor)?;
                if latency {
                    draft.record.latency_us = us;
                }
                if elapsed {
                    draft.elapsed_us = us.unwrap_or(0);
                }
            }
            Field::Retries => {
                draft.record.redispatched = cursor.rest().first() == Some(&b'+');
                let retries = self.count(step, cursor)?;
                draft.record.retries = retries.and_then(|retries| u32::try_from(retries).ok());
            }
            Field::ProxyStatus => {
                let status = proxy_status(self.count(step, cursor)?);
                draft.record.status = status.ok_or(Stop::new(RejectKind::Status, before))?;
            }
            _ => return self.textual(at, step, cursor, draft),
        }
        Ok(())
    }

    #[inline(never)]
    fn textual<'l>(
        &mut self,
        at: usize,
        step: &Step,
        cursor: &mut Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Result<(), Stop> {
        match step.field {
            Field::Request => keep_request(self.text(at, step, cursor, draft)?, draft.record),
            Field::Method => draft.record.method = self.text(at, step, cursor, draft)?,
            Field::Target => draft.record.target = self.text(at, step, cursor, draft)?,
            Field::Protocol => draft.record.protocol = self.text(at, step, cursor, draft)?,
            Field::RemoteUser => draft.record.remote_user = self.text(at, step, cursor, draft)?,
            Field::Referer => draft.record.referer = self.text(at, step, cursor, draft)?,
            Field::UserAgent => draft.record.user_agent = self.text(at, step, cursor, draft)?,
            Field::Site => draft.record.site = self.text(at, step, cursor, draft)?,
            Field::Frontend => {
                let frontend = self.text(at, step, cursor, draft)?;
                let plain = frontend.and_then(|frontend| frontend.strip_suffix(b"~"));
                draft.record.tls = plain.is_some();
                draft.record.site = plain.or(frontend);
            }
            Field::Backend => draft.record.backend = self.text(at, step, cursor, draft)?,
            Field::ProxyServer => {
                let server = self.text(at, step, cursor, draft)?.filter(|server| *server != b"<NOSRV>");
                draft.record.server = server;
                if server == Some(b"<CACHE>") {
                    draft.record.cache = Some(CacheStatus::Hit);
                }
            }
            Field::Cache => draft.record.cache = cache_status(self.text(at, step, cursor, draft)?),
            Field::Scheme => draft.record.tls = self.text(at, step, cursor, draft)? == Some(b"https"),
            _ => draft.record.tls = self.text(at, step, cursor, draft)?.is_some(),
        }
        Ok(())
    }

    /// The address a field begins with, else whatever its end leaves of it.
    #[inline(never)]
    fn client<'l>(
        &mut self,
        at: usize,
        step: &Step,
        cursor: &mut Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Result<(), Stop> {
        if let Some((address, length)) = address::ipv4(cursor)
            && cursor.rest().get(length) == Some(&step.end.byte())
        {
            cursor.take(length);
            draft.record.client = Client::Ip(IpAddr::V4(address));
            return Ok(());
        }
        let length = self.length(at, step, *cursor)?;
        let no_client = Stop::new(RejectKind::Client, *cursor);
        draft.record.client = cursor.take(length).and_then(address::client).ok_or(no_client)?;
        Ok(())
    }

    #[inline(never)]
    fn date(&mut self, field: Field, cursor: &mut Cursor<'_>, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
        let rest = cursor.rest();
        let (us, length) = match field {
            Field::ClfDate => (self.dates.clf(rest.first_chunk().ok_or(Stop::cut())?), 26),
            Field::IsoDate => (self.dates.iso(rest.first_chunk().ok_or(Stop::cut())?), 25),
            _ => {
                let text = rest.first_chunk().ok_or(Stop::cut())?;
                (self.dates.zoneless(text, &self.format.timezone), 24)
            }
        };
        draft.date_us = Some(us.ok_or(Stop::new(RejectKind::Date, *cursor))?);
        cursor.take(length);
        Ok(())
    }

    /// Seconds as nginx writes them, with three decimals, or in any other form.
    #[inline(never)]
    fn seconds(&self, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
        if let Some((ms, length)) = cursor.thousandths() {
            cursor.take(length);
            return Ok(Some(ms * 1_000));
        }
        let (us, length) = self.odd(number::odd_seconds, step, *cursor)?;
        cursor.take(length);
        Ok(us)
    }

    #[inline(never)]
    fn seconds_list(&self, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
        let first = self.seconds(step, cursor)?;
        if !matches!(cursor.rest(), [b',', ..] | [b' ', b':', ..]) {
            return Ok(first);
        }
        let (sum, length) = self.odd(|rest| number::further_seconds(first, rest), step, *cursor)?;
        cursor.take(length);
        Ok(sum)
    }

    /// HAProxy's milliseconds, in microseconds.
    #[inline(always)]
    fn millis(&self, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
        if let Some((ms, length)) = cursor.digits() {
            cursor.take(length);
            return Ok(Some(ms * 1_000));
        }
        Ok(self.count(step, cursor)?.and_then(|ms| ms.checked_mul(1_000)))
    }

    #[inline(always)]
    fn count(&self, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
        if let Some((number, length)) = cursor.digits() {
            cursor.take(length);
            return Ok(Some(number));
        }
        let (number, length) = self.odd(number::odd_count, step, *cursor)?;
        cursor.take(length);
        Ok(number)
    }

    /// A number in a form that is not the usual one, and its length.
    #[cold]
    fn odd(
        &self,
        read: impl FnOnce(&[u8]) -> Result<(Option<u64>, usize), number::TooBig>,
        step: &Step,
        before: Cursor<'_>,
    ) -> Result<(Option<u64>, usize), Stop> {
        let (value, length) = read(before.rest()).map_err(|_| Stop::new(RejectKind::Number, before))?;
        let mut after = before;
        after.take(length);
        self.present_or_missing(before, after, &step.end)?;
        Ok((value, length))
    }

    /// A missing number is nothing at all where no dash stands for it: then what should follow it has to be here.
    #[inline(always)]
    fn present_or_missing(&self, before: Cursor<'_>, after: Cursor<'_>, end: &End) -> Result<(), Stop> {
        if after.rest().len() < before.rest().len() {
            return Ok(());
        }
        match before.rest() {
            [] if self.format.dash_is_missing => Err(Stop::cut()),
            [] => Ok(()),
            [next, ..] if *next == end.byte() => Ok(()),
            _ => Err(Stop::new(RejectKind::Number, before)),
        }
    }

    /// A text, or `None` where the log says that there is none.
    #[inline(always)]
    fn text<'l>(
        &mut self,
        at: usize,
        step: &Step,
        cursor: &mut Cursor<'l>,
        draft: &Draft<'_, 'l>,
    ) -> Result<Option<&'l [u8]>, Stop> {
        let length = self.length(at, step, *cursor)?;
        let mut value = cursor.take(length).ok_or(Stop::cut())?;
        if draft.escaped_quotes && cursor.rest().starts_with(b"\"") {
            value = value.strip_suffix(b"\\").unwrap_or(value);
        }
        let missing = value.is_empty() || self.format.dash_is_missing && value == b"-";
        Ok(if missing { None } else { Some(value) })
    }

    /// The length of a text. One whose end was cut off takes the rest of the line, but half a name is another name.
    #[inline(always)]
    fn length(&mut self, at: usize, step: &Step, cursor: Cursor<'_>) -> Result<usize, Stop> {
        match &step.end {
            End::Byte(byte) => match cursor.find(*byte) {
                Some(length) => Ok(length),
                None if step.field.text() == Some(Shape::Text) => Ok(cursor.rest().len()),
                None => Err(Stop::cut()),
            },
            End::Before { byte, width } => {
                // The usual dash: what lies between is checked by the next steps, which let no such byte pass.
                if cursor.rest().first() == Some(&b'-') && cursor.rest().get(width + 1) == Some(byte) {
                    return Ok(1);
                }
                let anchor = memchr(*byte, cursor.rest()).ok_or(Stop::cut())?;
                anchor.checked_sub(*width).ok_or(Stop::new(RejectKind::Shape, cursor))
            }
            End::LastQuote => last_quote(cursor.rest()),
            End::JsonQuote => Ok(json_quote(cursor.rest()).unwrap_or(cursor.rest().len())),
            End::Search { from, limit } => {
                // A cookie is logged as `NAME=value`, so a dash or nothing is a missing one, whatever comes later.
                if step.field == Field::Skip(Shape::Cookie) {
                    let dash = usize::from(cursor.rest().first() == Some(&b'-'));
                    if cursor.rest().get(dash) == Some(from) {
                        return Ok(dash);
                    }
                }
                self.search(at, *from, *limit, cursor.rest())
            }
            End::Line | End::Own => Ok(cursor.rest().len()),
        }
    }
}

/// HAProxy's `address:port`, `unix:id`, or two dashes.
#[inline(never)]
fn client_port<'l>(end: u8, cursor: &mut Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Result<(), Stop> {
    if let Some((address, length)) = address::ipv4(cursor)
        && cursor.rest().get(length) == Some(&b':')
    {
        let mut after = *cursor;
        after.take(length + 1);
        number::skip(&mut after);
        if after.rest().first() == Some(&end) {
            draft.record.client = Client::Ip(IpAddr::V4(address));
            *cursor = after;
            return Ok(());
        }
    }
    let no_client = Stop::new(RejectKind::Client, *cursor);
    let length = cursor.find(end).ok_or(Stop::cut())?;
    let text = cursor.take(length).unwrap_or_default();
    let name =
        if text.starts_with(b"unix:") { text } else { &text[..memrchr(b':', text).ok_or(no_client)?] };
    draft.record.client = address::client(name).ok_or(no_client)?;
    Ok(())
}

/// nginx's status, always three digits.
#[inline(never)]
fn status(cursor: &mut Cursor<'_>, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
    match cursor.rest() {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
            let digit = |byte: &u8| u16::from(byte - b'0');
            draft.record.status = Some(digit(a) * 100 + digit(b) * 10 + digit(c));
            cursor.take(3);
            Ok(())
        }
        [b'-', ..] => {
            cursor.take(1);
            Ok(())
        }
        rest if rest.len() < 3 => Err(Stop::cut()),
        _ => Err(Stop::new(RejectKind::Status, *cursor)),
    }
}

#[inline(never)]
fn termination<'l>(width: u8, cursor: &mut Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Result<(), Stop> {
    let no_state = Stop::new(RejectKind::Shape, *cursor);
    let state = cursor.take(width.into()).ok_or(Stop::cut())?;
    if state.iter().any(|byte| !byte.is_ascii_alphabetic() && *byte != b'-') {
        return Err(no_state);
    }
    draft.record.termination = Some(state);
    Ok(())
}

fn cache_status(text: Option<&[u8]>) -> Option<CacheStatus> {
    CacheStatus::ALL.into_iter().find(|status| Some(status.name().as_bytes()) == text)
}

/// HAProxy's status: `-1`, or `0` outside HTTP, where there was none.
#[inline(always)]
fn proxy_status(number: Option<u64>) -> Option<Option<u16>> {
    match number {
        None | Some(0) => Some(None),
        Some(status @ 100..=999) => Some(u16::try_from(status).ok()),
        Some(_) => None,
    }
}

#[inline(always)]
fn keep_request<'l>(request: Option<&'l [u8]>, record: &mut Record<'l>) {
    let Some(line) = request.filter(|line| *line != b"<BADREQ>") else { return };
    let parts = request::split(line);
    record.request = Some(line);
    record.method = parts.method;
    record.target = parts.target;
    record.protocol = parts.protocol;
}

/// `{…} `: HAProxy escapes braces inside.
#[inline(never)]
fn captures(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    if cursor.rest().first() != Some(&b'{') {
        return Ok(());
    }
    let end = cursor.find(b'}').ok_or(Stop::cut())?;
    cursor.take(end + 1);
    if cursor.rest().first() == Some(&b' ') {
        cursor.take(1);
    }
    Ok(())
}

/// HAProxy's request is last, so its quote is the last one, whatever an old version left inside.
#[inline(always)]
fn last_quote(rest: &[u8]) -> Result<usize, Stop> {
    if let [.., b'"'] = rest {
        return Ok(rest.len() - 1);
    }
    match memrchr(b'"', rest) {
        Some(quote) if rest.get(quote + 1) == Some(&b' ') => {
            Err(Stop { kind: RejectKind::Shape, left: rest.len() - quote - 1 })
        }
        _ => Ok(rest.len()),
    }
}

/// The first `"` that no backslash escapes.
fn json_quote(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &rest[at..])?;
        if rest[at] == b'"' {
            return Some(at);
        }
        at = (at + 2).min(rest.len());
    }
}
