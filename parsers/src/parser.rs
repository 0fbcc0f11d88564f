//! Reads one line after another by the steps of a format. Allocates nothing, and its work is linear in the line.

use std::net::IpAddr;

use memchr::{memchr, memchr_iter, memrchr};

use crate::cursor::Cursor;
use crate::date::Dates;
use crate::format::Format;
use crate::record::{CacheStatus, Client, Event, Line, Record, Reject, RejectKind};
use crate::step::{End, Field, Shape, Step};
use crate::{address, event, number, prefix, request};

/// Places at which the end of an ambiguous value is tried before the line counts as ambiguous: keeps work linear.
const MAX_PLACES: usize = 64;

/// Reads lines of one format. Keeps only the last date, to save working out the next one.
#[derive(Debug, Clone)]
pub struct Parser<'f> {
    format: &'f Format,
    dates: Dates,
    reference_us: i64,
}

/// Where and why the steps stopped: `left` bytes before the end of the line.
#[derive(Debug, Clone, Copy)]
struct Stop {
    kind: RejectKind,
    left: usize,
}

impl Stop {
    fn new(kind: RejectKind, cursor: Cursor<'_>) -> Self {
        Self { kind, left: cursor.rest().len() }
    }

    /// The line ends within a value.
    fn cut() -> Self {
        Self { kind: RejectKind::Cut, left: 0 }
    }
}

/// A record in the making.
struct Draft<'r, 'l> {
    record: &'r mut Record<'l>,
    /// The date that is logged: the end, or what `elapsed_us` leads from.
    date_us: Option<i64>,
    elapsed_us: u64,
    /// A syslog daemon put `\` before every quote.
    escaped_quotes: bool,
}

impl<'r, 'l> Draft<'r, 'l> {
    fn new(record: &'r mut Record<'l>) -> Self {
        Self { record, date_us: None, elapsed_us: 0, escaped_quotes: false }
    }
}

impl<'f> Parser<'f> {
    pub(crate) fn new(format: &'f Format, reference_us: i64) -> Self {
        Self { format, dates: Dates::default(), reference_us }
    }

    /// Reads one line, given without its `\n`; a `\r` before that is dropped.
    #[must_use]
    pub fn parse<'l>(&mut self, line: &'l [u8]) -> Line<'l> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let message = if self.format.prefixed { prefix::skip(line) } else { line };
        // Written in place, because a record is too large to copy for every line.
        let mut parsed = Line::Record(Record::default());
        if let Line::Record(record) = &mut parsed
            && let Err(stop) = self.read(message, &mut Draft::new(record))
        {
            parsed = self.no_record(line, message, stop);
        }
        parsed
    }

    #[inline(always)]
    fn read<'l>(&mut self, message: &'l [u8], draft: &mut Draft<'_, 'l>) -> Result<(), Stop> {
        let mut cursor = Cursor::new(message);
        for (at, step) in self.format.steps.iter().enumerate() {
            let stop = match self.value(at, step, &mut cursor, draft) {
                Ok(()) if step.then.skip(&mut cursor) => continue,
                Ok(()) => match self.odd_literal(step, cursor.rest(), draft) {
                    Ok(length) => {
                        cursor.take(length);
                        continue;
                    }
                    Err(stop) => stop,
                },
                Err(stop) => stop,
            };
            self.cut(at, stop, draft)?;
            return self.finish(draft);
        }
        let rest = cursor.rest();
        // The space before captured headers is written even where none follow.
        let is_over = rest.is_empty() || self.format.haproxy && rest.iter().all(|byte| *byte == b' ');
        if !is_over {
            return Err(Stop::new(RejectKind::Shape, cursor));
        }
        self.finish(draft)
    }

    /// Accepts a line that ends in step `at`, if what matters came before. A number at its very end may have lost
    /// digits, so it is forgotten.
    #[cold]
    fn cut(&self, at: usize, stop: Stop, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
        if stop.kind != RejectKind::Cut || at < self.format.essential {
            return Err(stop);
        }
        let steps = &self.format.steps;
        let value_is_whole = stop.left > 0;
        draft.record.truncated =
            steps[at + usize::from(value_is_whole)..].iter().any(|step| step.field.slot().is_some());
        if draft.record.truncated && !value_is_whole {
            forget_number(steps[at].field, draft.record);
        }
        Ok(())
    }

    /// What several values of the line say together.
    #[inline]
    fn finish(&self, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
        let Some(date_us) = draft.date_us else { return Err(Stop { kind: RejectKind::Date, left: 0 }) };
        let record = &mut *draft.record;
        // Saturates only for a timer of three hundred thousand years.
        record.end_us = date_us.saturating_add_unsigned(draft.elapsed_us);
        if self.format.haproxy
            && let (Some(connect), Some(response)) = (record.connect_us, record.response_us)
        {
            record.upstream_us = connect.checked_add(response);
        }
        Ok(())
    }

    /// A literal that is not there: cut off, or with quotes that a syslog daemon escaped. The length of the latter.
    #[cold]
    fn odd_literal(&self, step: &Step, rest: &[u8], draft: &mut Draft<'_, '_>) -> Result<usize, Stop> {
        let text = step.then.bytes();
        if self.format.haproxy
            && let [before @ .., b'"'] = text
            && rest.strip_prefix(before).is_some_and(|rest| rest.starts_with(b"\\\""))
        {
            draft.escaped_quotes = true;
            return Ok(text.len() + 1);
        }
        if text.starts_with(rest) {
            return Err(Stop { kind: RejectKind::Cut, left: rest.len() });
        }
        let same = text.iter().zip(rest).take_while(|(wanted, byte)| wanted == byte).count();
        Err(Stop { kind: RejectKind::Shape, left: rest.len() - same })
    }

    /// The value of one step.
    #[inline(always)]
    fn value<'l>(
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
            Field::Skip(shape) => self.skip(at, shape, step, cursor, draft),
            _ => self.numeric(at, step, cursor, draft),
        }
    }

    /// A value that nobody keeps.
    #[inline(always)]
    fn skip<'l>(
        &mut self,
        at: usize,
        shape: Shape,
        step: &Step,
        cursor: &mut Cursor<'l>,
        draft: &Draft<'_, 'l>,
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
            Shape::Word | Shape::Text | Shape::Cookie => self.text(at, step, cursor, draft).map(|_| ()),
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

    #[inline(always)]
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
    #[inline(always)]
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

    #[inline(always)]
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

    #[inline(always)]
    fn seconds(&self, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
        let before = *cursor;
        let us = number::seconds(cursor).map_err(|_| Stop::new(RejectKind::Number, before))?;
        self.present_or_missing(before, *cursor, &step.end)?;
        Ok(us)
    }

    #[inline(always)]
    fn seconds_list(&self, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
        let before = *cursor;
        let us = number::seconds_list(cursor).map_err(|_| Stop::new(RejectKind::Number, before))?;
        self.present_or_missing(before, *cursor, &step.end)?;
        Ok(us)
    }

    #[inline(always)]
    fn millis(&self, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
        Ok(self.count(step, cursor)?.and_then(|ms| ms.checked_mul(1_000)))
    }

    /// A `+` in front, as HAProxy puts it where a number went on growing after the line was written, is dropped.
    #[inline(always)]
    fn count(&self, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
        let before = *cursor;
        if cursor.rest().first() == Some(&b'+') {
            cursor.take(1);
        }
        let number = number::count(cursor).map_err(|_| Stop::new(RejectKind::Number, before))?;
        self.present_or_missing(before, *cursor, &step.end)?;
        Ok(number)
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
            End::Search { from, limit } => self.search(at, *from, *limit, cursor.rest()),
            End::Line | End::Own => Ok(cursor.rest().len()),
        }
    }

    /// The one length after which the next steps fit.
    #[cold]
    fn search(&mut self, at: usize, from: u8, limit: Option<u8>, rest: &[u8]) -> Result<usize, Stop> {
        // A cookie is logged as `NAME=value`, so a dash or nothing is a missing one, whatever comes later in the line.
        if self.format.steps[at].field == Field::Skip(Shape::Cookie) {
            let dash = usize::from(rest.first() == Some(&b'-'));
            if rest.get(dash) == Some(&from) {
                return Ok(dash);
            }
        }
        let limit = limit.and_then(|byte| memchr(byte, rest)).map_or(rest.len(), |last| last + 1);
        let mut places = memchr_iter(from, &rest[..limit]).peekable();
        if places.peek().is_none() {
            return Err(Stop::cut());
        }
        // Of two texts that nobody keeps only the end of the second matters.
        let skipped =
            |at: usize| self.format.steps.get(at).is_some_and(|step| step.field == Field::Skip(Shape::Text));
        let first_is_enough = skipped(at) && skipped(at + 1);
        let mut found = None;
        for (tried, place) in places.enumerate() {
            let fits = self.fits(at, &rest[place..]);
            if fits && first_is_enough {
                return Ok(place);
            }
            if tried == MAX_PLACES || fits && found.replace(place).is_some() {
                return Err(Stop { kind: RejectKind::Ambiguous, left: rest.len() });
            }
        }
        found.ok_or(Stop { kind: RejectKind::Shape, left: rest.len() })
    }

    /// Whether what follows the value of step `first` fits, as far as the next free text.
    fn fits(&mut self, first: usize, rest: &[u8]) -> bool {
        let mut cursor = Cursor::new(rest);
        let mut record = Record::default();
        let mut draft = Draft::new(&mut record);
        let steps = &self.format.steps;
        if !self.literal(&steps[first], &mut cursor, &mut draft) {
            return false;
        }
        for (at, step) in steps.iter().enumerate().skip(first + 1) {
            let is_free = matches!(step.end, End::Search { .. } | End::Line)
                || step.field.text().is_some_and(|shape| shape != Shape::Word);
            if is_free {
                return true;
            }
            if self.value_apart(at, step, &mut cursor, &mut draft).is_err()
                || !self.literal(step, &mut cursor, &mut draft)
            {
                return false;
            }
        }
        cursor.rest().is_empty()
    }

    fn literal<'l>(&self, step: &Step, cursor: &mut Cursor<'l>, draft: &mut Draft<'_, 'l>) -> bool {
        step.then.skip(cursor)
            || self.odd_literal(step, cursor.rest(), draft).is_ok_and(|length| cursor.take(length).is_some())
    }

    /// Not inlined, so that the hot path has its own copy.
    #[inline(never)]
    fn value_apart<'l>(
        &mut self,
        at: usize,
        step: &Step,
        cursor: &mut Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Result<(), Stop> {
        self.value(at, step, cursor, draft)
    }

    #[cold]
    fn no_record<'l>(&mut self, line: &'l [u8], message: &'l [u8], stop: Stop) -> Line<'l> {
        if line.trim_ascii().is_empty() {
            return Line::Blank;
        }
        if self.format.haproxy
            && let Some(event) = event::read(message)
        {
            return Line::Event(Event { at_us: self.event_date(line, message), ..event });
        }
        Line::Reject(Reject { kind: stop.kind, byte: line.len() - stop.left })
    }

    fn event_date(&mut self, line: &[u8], message: &[u8]) -> Option<i64> {
        let zone = &self.format.timezone;
        event::bracketed_date(message)
            .and_then(|date| self.dates.zoneless(date, zone))
            .or_else(|| prefix::date_us(line, zone, self.reference_us).filter(|_| message.len() < line.len()))
    }
}

/// HAProxy's `address:port`, `unix:id`, or two dashes.
#[inline(always)]
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
#[inline(always)]
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

#[inline(always)]
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

/// A number at the end of a cut line may have lost digits.
fn forget_number(field: Field, record: &mut Record<'_>) {
    match field {
        Field::Bytes => record.bytes_sent = None,
        Field::RequestTime => record.latency_us = None,
        Field::UpstreamTimes => record.upstream_us = None,
        Field::ConnectTimes => record.connect_us = None,
        Field::HeaderTimes => record.response_us = None,
        Field::Retries => record.retries = None,
        Field::UpstreamAddresses => (record.server, record.retries) = (None, None),
        _ => {}
    }
}

/// `{…} `: HAProxy escapes braces inside.
#[inline(always)]
fn captures(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    if cursor.rest().first() != Some(&b'{') {
        return Ok(());
    }
    let end = memchr(b'}', cursor.rest()).ok_or(Stop::cut())?;
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
