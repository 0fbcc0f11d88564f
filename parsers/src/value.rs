//! Reads one value of a line by one step of the format. Knows nothing of the other steps.
//!
//! Every kind of value has a function of its own, which takes and returns the place in the line in registers: all in one
//! loop took longer. It reads the usual form without a call, and leaves any other to `read`.

use std::net::IpAddr;

use memchr::{memchr, memrchr};

use crate::cursor::Cursor;
use crate::format::Format;
use crate::parser::{Draft, Parser, Stop};
use crate::rare::{self, keep_instant};
use crate::record::{CacheStatus, Client, Record, RejectKind};
use crate::step::{End, Field, Shape, Step};
use crate::{address, amount, number, request};

impl<'f> Parser<'f> {
    /// The value of one step.
    #[inline(always)]
    pub(crate) fn value<'l>(
        &mut self,
        step: &'f Step,
        at: Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Next<'l> {
        match step.field {
            Field::Nothing => Some(at),
            Field::Captures => captures(at, draft),
            Field::Client => self.client(step, at, draft),
            Field::ClientPort => client_port(step.end.byte(), at, draft),
            Field::ClfDate => self.clf_date(at, draft),
            Field::IsoDate => self.iso_date(at, draft),
            Field::ZonelessDate => self.zoneless_date(at, draft),
            Field::Epoch => read(at, draft, move |at, draft| amount::epoch(self.format, step, at, draft)),
            Field::Status => amount::status(at, draft),
            Field::ProxyStatus => amount::proxy_status(self.format, step, at, draft),
            Field::Termination(width) => termination(width, at, draft),
            Field::Bytes => amount::count_step(self.format, step, at, draft, |record| &mut record.bytes_sent),
            Field::RequestTime => {
                amount::seconds_step(self.format, step, at, draft, |record| &mut record.latency_us)
            }
            Field::UpstreamTimes => {
                amount::list_step(self.format, step, at, draft, |record| &mut record.upstream_us)
            }
            Field::ConnectTimes => {
                amount::list_step(self.format, step, at, draft, |record| &mut record.connect_us)
            }
            Field::HeaderTimes => {
                amount::list_step(self.format, step, at, draft, |record| &mut record.response_us)
            }
            Field::QueueMs => {
                amount::millis_step(self.format, step, at, draft, |record| &mut record.queue_us)
            }
            Field::ConnectMs => {
                amount::millis_step(self.format, step, at, draft, |record| &mut record.connect_us)
            }
            Field::ResponseMs => {
                amount::millis_step(self.format, step, at, draft, |record| &mut record.response_us)
            }
            Field::Total { latency, elapsed } => {
                amount::total(self.format, step, at, draft, latency, elapsed)
            }
            Field::Retries => amount::retries(self.format, step, at, draft),
            Field::UpstreamAddresses => read(at, draft, move |at, draft| upstream_addresses(step, at, draft)),
            Field::Request => self.text(step, at, draft, |request, record| keep_request(request, record)),
            Field::Method => self.text(step, at, draft, |text, record| record.method = text),
            Field::Target => self.text(step, at, draft, |text, record| record.target = text),
            Field::Protocol => self.text(step, at, draft, |text, record| record.protocol = text),
            Field::RemoteUser => self.text(step, at, draft, |text, record| record.remote_user = text),
            Field::Referer => self.text(step, at, draft, |text, record| record.referer = text),
            Field::UserAgent => self.text(step, at, draft, |text, record| record.user_agent = text),
            Field::Site => self.text(step, at, draft, |text, record| record.site = text),
            Field::Frontend => self.text(step, at, draft, keep_frontend),
            Field::Backend => self.text(step, at, draft, |text, record| record.backend = text),
            Field::ProxyServer => self.text(step, at, draft, keep_server),
            Field::Cache => self.text(step, at, draft, |text, record| record.cache = cache_status(text)),
            Field::Scheme => self.text(step, at, draft, |text, record| record.tls = text == Some(b"https")),
            Field::Tls => self.text(step, at, draft, |text, record| record.tls = text.is_some()),
            Field::Skip(shape) => self.skip(shape, step, at, draft),
            Field::Rfc3339
            | Field::TabDate
            | Field::AnyDate
            | Field::Scaled { .. }
            | Field::ProcessingTimes => self.foreign(step.field, at, draft),
            Field::QuotedCaptures
            | Field::RequestHeaders { .. }
            | Field::HexClient
            | Field::EpochUnits(_)
            | Field::HexEpoch
            | Field::Strftime { .. }
            | Field::ClfBytes
            | Field::Elapsed { .. }
            | Field::TlsFlag
            | Field::Sent { .. } => self.rare(step, at, draft),
        }
    }

    /// A value that nobody keeps.
    #[inline(always)]
    fn skip<'l>(
        &mut self,
        shape: Shape,
        step: &'f Step,
        at: Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Next<'l> {
        match shape {
            Shape::Number => amount::skip_number(self.format, step, at, draft),
            Shape::Numbers(further) => amount::skip_numbers(further, at, draft),
            Shape::List => read(at, draft, move |at, _| {
                at.take(number::address_list(at.rest(), step.end.byte()).length);
                Ok(())
            }),
            Shape::Fixed(width) => {
                read(at, draft, move |at, _| at.take(width.into()).map(|_| ()).ok_or(Stop::cut()))
            }
            Shape::Cookie => self.skip_cookie(step, at, draft),
            Shape::Json => rare::skip_json(at, draft),
            Shape::Word | Shape::Text | Shape::Raw | Shape::Escaped => self.skip_text(step, at, draft),
        }
    }

    #[inline(never)]
    fn skip_cookie<'l>(&mut self, step: &'f Step, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
        if let [b'-', end, ..] = at.rest()
            && matches!(step.end, End::Search { from, .. } if from == *end)
        {
            return at.behind(1);
        }
        self.skip_text(step, at, draft)
    }

    #[inline(never)]
    fn skip_text<'l>(&mut self, step: &'f Step, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
        if let Some(next) = near_length(step, at).and_then(|length| at.behind(length)) {
            return Some(next);
        }
        read(at, draft, move |at, _| {
            let length = self.length(step, *at)?;
            at.take(length).map(|_| ()).ok_or(Stop::cut())
        })
    }

    /// A text, or `None` where the log says that there is none, kept by `keep`.
    #[inline(never)]
    pub(crate) fn text<'l>(
        &mut self,
        step: &'f Step,
        at: Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
        keep: impl Fn(Option<&'l [u8]>, &mut Record<'l>),
    ) -> Next<'l> {
        if let Some(length) = near_length(step, at)
            && let Some((value, next)) = at.split(length)
            && !draft.escaped_quotes
        {
            keep(present(self.format, value), draft.record);
            return Some(next);
        }
        self.odd_text(step, at, draft, keep)
    }

    #[cold]
    #[inline(never)]
    fn odd_text<'l>(
        &mut self,
        step: &'f Step,
        at: Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
        keep: impl Fn(Option<&'l [u8]>, &mut Record<'l>),
    ) -> Next<'l> {
        read(at, draft, move |at, draft| {
            let length = self.length(step, *at)?;
            let mut value = at.take(length).ok_or(Stop::cut())?;
            if draft.escaped_quotes && at.rest().starts_with(b"\"") {
                value = value.strip_suffix(b"\\").unwrap_or(value);
            }
            keep(present(self.format, value), draft.record);
            Ok(())
        })
    }

    /// The address a field begins with, else whatever its end leaves of it.
    #[inline(never)]
    fn client<'l>(&mut self, step: &'f Step, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
        if let Some((address, length)) = address::near_ipv4(&at)
            && at.rest().get(length) == Some(&step.end.byte())
        {
            draft.record.client = Client::Ip(IpAddr::V4(address));
            return at.behind(length);
        }
        read(at, draft, move |at, draft| {
            if let Some((address, length)) = address::ipv4(at)
                && at.rest().get(length) == Some(&step.end.byte())
            {
                draft.record.client = Client::Ip(IpAddr::V4(address));
                return at.take(length).map(|_| ()).ok_or(Stop::cut());
            }
            let length = self.length(step, *at)?;
            let no_client = Stop::new(RejectKind::Client, *at);
            draft.record.client = at.take(length).and_then(address::client).ok_or(no_client)?;
            Ok(())
        })
    }

    #[inline(never)]
    fn clf_date<'l>(&mut self, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
        if let Some(us) = at.rest().first_chunk().and_then(|text| self.dates.same_clf(text)) {
            draft.date_us = Some(us);
            return at.behind(26);
        }
        read(at, draft, move |at, draft| {
            let us = self.dates.clf(at.rest().first_chunk().ok_or(Stop::cut())?);
            keep_date(us, 26, at, draft)
        })
    }

    #[inline(never)]
    fn iso_date<'l>(&mut self, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
        if let Some(us) = at.rest().first_chunk().and_then(|text| self.dates.same_iso(text)) {
            draft.date_us = Some(us);
            return at.behind(25);
        }
        read(at, draft, move |at, draft| {
            let us = self.dates.iso(at.rest().first_chunk().ok_or(Stop::cut())?);
            keep_date(us, 25, at, draft)
        })
    }

    #[inline(never)]
    fn zoneless_date<'l>(&mut self, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
        if let Some(us) = at.rest().first_chunk().and_then(|text| self.dates.same_zoneless(text)) {
            draft.date_us = Some(us);
            return at.behind(24);
        }
        read(at, draft, move |at, draft| {
            let text = at.rest().first_chunk().ok_or(Stop::cut())?;
            keep_instant(self.dates.zoneless(text, &self.format.timezone), 24, at, draft)
        })
    }

    /// The length of a text. One whose end was cut off takes the rest of the line, but half a name is another name.
    #[inline(always)]
    pub(crate) fn length(&mut self, step: &'f Step, cursor: Cursor<'_>) -> Result<usize, Stop> {
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
            End::BeforeQuote { width } => {
                // Apache's user without a name: a quote of its own would have a backslash.
                let empty = if cursor.rest().starts_with(b"\"\"") { 2 } else { 0 };
                let anchor = json_quote(&cursor.rest()[empty..]).ok_or(Stop::cut())?;
                (empty + anchor).checked_sub(*width).ok_or(Stop::new(RejectKind::Shape, cursor))
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
                self.search(step, *from, *limit, cursor.rest())
            }
            End::Line | End::Own => Ok(cursor.rest().len()),
        }
    }
}

/// Where a line goes on behind a value; `None` if it does not.
pub(crate) type Next<'l> = Option<Cursor<'l>>;

/// Reads a value in any form. What is usual is read before without a call, so that this one is the last and a jump.
#[cold]
#[inline(never)]
pub(crate) fn read<'l, 'r>(
    mut cursor: Cursor<'l>,
    draft: &mut Draft<'r, 'l>,
    value: impl FnOnce(&mut Cursor<'l>, &mut Draft<'r, 'l>) -> Result<(), Stop>,
) -> Next<'l> {
    match value(&mut cursor, draft) {
        Ok(()) => Some(cursor),
        Err(stop) => {
            draft.stop = stop;
            None
        }
    }
}

/// A text that is there.
#[inline(always)]
fn present<'l>(format: &Format, value: &'l [u8]) -> Option<&'l [u8]> {
    let missing = value.is_empty() || format.dash_is_missing && value == b"-";
    if missing { None } else { Some(value) }
}

/// The length of a text whose end is near.
#[inline(always)]
fn near_length(step: &Step, at: Cursor<'_>) -> Option<usize> {
    match &step.end {
        End::Byte(byte) => at.find_near(*byte),
        End::LastQuote => at.rest().strip_suffix(b"\"").map(<[u8]>::len),
        // The usual dash: what lies between is checked by the next steps, which let no such byte pass.
        End::Before { byte, width } => {
            (at.rest().first() == Some(&b'-') && at.rest().get(width + 1) == Some(byte)).then_some(1)
        }
        _ => None,
    }
}

#[inline(always)]
pub(crate) fn keep_date(
    us: Option<i64>,
    length: usize,
    cursor: &mut Cursor<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Stop> {
    draft.date_us = Some(us.ok_or(Stop::new(RejectKind::Date, *cursor))?);
    cursor.take(length);
    Ok(())
}

#[inline(always)]
fn upstream_addresses<'l>(
    step: &Step,
    cursor: &mut Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
) -> Result<(), Stop> {
    let list = number::address_list(cursor.rest(), step.end.byte());
    draft.record.server = list.last;
    draft.record.retries = list.last.map(|_| list.retries);
    cursor.take(list.length);
    Ok(())
}

/// HAProxy's `address:port`, `unix:id`, or two dashes.
#[inline(never)]
fn client_port<'l>(end: u8, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
    if let Some((address, length)) = address::near_ipv4(&at)
        && at.rest().get(length) == Some(&b':')
        && let Some(port) = at.behind(length + 1)
        && let Some((length, after)) = port.number_length()
        && after == end
    {
        draft.record.client = Client::Ip(IpAddr::V4(address));
        return port.behind(length);
    }
    read(at, draft, move |at, draft| odd_client_port(end, at, draft))
}

#[inline(always)]
fn odd_client_port<'l>(end: u8, cursor: &mut Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Result<(), Stop> {
    if let Some((address, length)) = address::ipv4(cursor)
        && let Some(mut after) = cursor.behind(length + 1)
        && cursor.rest().get(length) == Some(&b':')
    {
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

/// HAProxy's termination state. `----` is what most sessions end with.
#[inline(never)]
fn termination<'l>(width: u8, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
    if let [b'-', b'-', b'-', b'-', b' ', ..] = at.rest()
        && width == 4
    {
        draft.record.termination = at.rest().get(..4);
        return at.behind(4);
    }
    read(at, draft, move |at, draft| {
        let no_state = Stop::new(RejectKind::Shape, *at);
        let state = at.take(width.into()).ok_or(Stop::cut())?;
        if state.iter().any(|byte| !byte.is_ascii_alphabetic() && *byte != b'-') {
            return Err(no_state);
        }
        draft.record.termination = Some(state);
        Ok(())
    })
}

fn cache_status(text: Option<&[u8]>) -> Option<CacheStatus> {
    let known = CacheStatus::ALL.into_iter().find(|status| Some(status.name().as_bytes()) == text);
    known.or_else(|| other_cache_status(text?))
}

/// Cloudflare writes nginx's words in small letters; CloudFront has asked the origin whether a copy is still good.
#[cold]
fn other_cache_status(text: &[u8]) -> Option<CacheStatus> {
    if text.eq_ignore_ascii_case(b"RefreshHit") {
        return Some(CacheStatus::Revalidated);
    }
    CacheStatus::ALL.into_iter().find(|status| status.name().as_bytes().eq_ignore_ascii_case(text))
}

#[inline(always)]
fn keep_frontend<'l>(frontend: Option<&'l [u8]>, record: &mut Record<'l>) {
    let plain = frontend.and_then(|frontend| frontend.strip_suffix(b"~"));
    record.tls = plain.is_some();
    record.site = plain.or(frontend);
}

#[inline(always)]
fn keep_server<'l>(server: Option<&'l [u8]>, record: &mut Record<'l>) {
    record.server = server.filter(|server| *server != b"<NOSRV>");
    if server == Some(b"<CACHE>") {
        record.cache = Some(CacheStatus::Hit);
    }
}

/// What HAProxy writes where there was no request.
pub(crate) const BAD_REQUEST: &[u8] = b"<BADREQ>";

#[inline(always)]
fn keep_request<'l>(request: Option<&'l [u8]>, record: &mut Record<'l>) {
    let Some(line) = request.filter(|line| *line != BAD_REQUEST) else { return };
    let parts = request::split(line);
    record.request = Some(line);
    record.method = parts.method;
    record.target = parts.target;
    record.protocol = parts.protocol;
}

/// `{…} `: HAProxy escapes braces inside.
#[inline(never)]
pub(crate) fn captures<'l>(at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
    if at.rest().first() != Some(&b'{') {
        return Some(at);
    }
    if let Some(end) = at.find_near(b'}')
        && let Some(next) = at.behind(end + 1)
    {
        return next.behind(usize::from(next.rest().first() == Some(&b' ')));
    }
    read(at, draft, move |at, _| {
        let end = at.find(b'}').ok_or(Stop::cut())?;
        at.take(end + 1);
        if at.rest().first() == Some(&b' ') {
            at.take(1);
        }
        Ok(())
    })
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
pub(crate) fn json_quote(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', &rest[at..])?;
        if rest[at] == b'"' {
            return Some(at);
        }
        at = (at + 2).min(rest.len());
    }
}
