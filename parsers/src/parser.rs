//! Reads one line after another by the steps of a format. Allocates nothing, and its work is linear in the line.

use memchr::{memchr, memchr_iter};

use crate::cursor::Cursor;
use crate::date::Dates;
use crate::format::Format;
use crate::prefix::Prefixes;
use crate::record::{Client, Event, EventKind, Line, Record, Reject, RejectKind};
use crate::step::{End, Field, Limit, Shape, Slot, Step};
use crate::value::{Next, json_quote};
use crate::{address, event, prefix};

/// Places at which the end of an ambiguous value is tried before the line counts as ambiguous: keeps work linear.
const MAX_PLACES: usize = 64;

/// Reads lines of one format. Keeps only the last prefix and date, to save working out the next ones.
#[derive(Debug, Clone)]
pub struct Parser<'f> {
    pub(crate) format: &'f Format,
    pub(crate) dates: Dates,
    pub(crate) prefixes: Prefixes,
    reference_us: i64,
    /// The line came through a syslog daemon, which may have cut it.
    is_relayed: bool,
    /// The end of a captured cookie was searched.
    pub(crate) is_searched: bool,
}

/// Where and why the steps stopped: `left` bytes before the end of the line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    pub(crate) kind: RejectKind,
    pub(crate) left: usize,
}

impl Stop {
    pub(crate) fn new(kind: RejectKind, cursor: Cursor<'_>) -> Self {
        Self { kind, left: cursor.rest().len() }
    }

    /// The line ends within a value.
    pub(crate) fn cut() -> Self {
        Self { kind: RejectKind::Cut, left: 0 }
    }
}

/// A record in the making.
pub(crate) struct Draft<'r, 'l> {
    pub(crate) record: &'r mut Record<'l>,
    /// The date that is logged: the end, or what `elapsed_us` leads from.
    pub(crate) date_us: Option<i64>,
    pub(crate) elapsed_us: u64,
    /// How much later the local time of that date occurs again; 0 if it does not.
    pub(crate) repeat_us: i64,
    /// A syslog daemon put `\` before every quote.
    pub(crate) escaped_quotes: bool,
    /// Why the last value is none.
    pub(crate) stop: Stop,
}

impl<'r, 'l> Draft<'r, 'l> {
    pub(crate) fn new(record: &'r mut Record<'l>) -> Self {
        Self { record, date_us: None, elapsed_us: 0, repeat_us: 0, escaped_quotes: false, stop: Stop::cut() }
    }
}

impl<'f> Parser<'f> {
    pub(crate) fn new(format: &'f Format, reference_us: i64) -> Self {
        Self {
            format,
            dates: Dates::default(),
            prefixes: Prefixes::default(),
            reference_us,
            is_relayed: false,
            is_searched: false,
        }
    }

    /// Reads one line, given without its `\n`; a `\r` before that is dropped.
    #[must_use]
    pub fn parse<'l>(&mut self, line: &'l [u8]) -> Line<'l> {
        let mut parsed = Line::Blank;
        self.parse_into(line, &mut parsed);
        parsed
    }

    /// The same, written where the last line's outcome was: a record is too large to move for every line.
    pub fn parse_into<'l>(&mut self, line: &'l [u8], parsed: &mut Line<'l>) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let message = if self.format.prefixed { self.prefixes.skip(line) } else { line };
        self.is_relayed = message.len() < line.len();
        if self.is_relayed && self.format.is_wary && self.prefix_matters(line, message) {
            *parsed = Line::Reject(Reject::new(RejectKind::Ambiguous, 0));
            return;
        }
        self.is_searched = false;
        *parsed = Line::Record(Record::default());
        if let Line::Record(record) = parsed {
            let mut draft = Draft::new(record);
            match self.read(message, &mut draft) {
                Ok(()) if draft.repeat_us == 0 => {}
                Ok(()) => draft.record.end_us = self.nearest(draft.record.end_us, draft.repeat_us, line),
                Err(stop) => self.retry(line, message, stop, parsed),
            }
        }
    }

    /// What a line is that could not be read behind its prefix.
    #[cold]
    fn retry<'l>(&mut self, line: &'l [u8], message: &'l [u8], stop: Stop, parsed: &mut Line<'l>) {
        if let Some(us) = self.prefix_date(line, stop)
            && let Line::Record(record) = parsed
        {
            record.end_us = us;
            return;
        }
        if self.format.starts_with_date && self.is_relayed {
            self.is_relayed = false;
            let mut record = Record::default();
            if self.read(line, &mut Draft::new(&mut record)).is_ok() {
                *parsed = Line::Record(record);
                return;
            }
        }
        match self.contained(message, stop) {
            Some((_, Some(record))) => *parsed = Line::Record(record),
            Some((message, None)) => self.no_record(line, message, stop, parsed),
            None => self.no_record(line, message, stop, parsed),
        }
    }

    /// The message behind what a container engine puts in front, and the record that it is.
    #[cold]
    fn contained<'l>(&mut self, message: &'l [u8], stop: Stop) -> Option<(&'l [u8], Option<Record<'l>>)> {
        let may_be = self.format.prefixed && !self.format.opens_freely && stop.kind != RejectKind::Ambiguous;
        let message = prefix::skip_container(message).filter(|_| may_be)?;
        let message = self.prefixes.skip(message);
        let mut record = Record::default();
        self.is_relayed = true;
        let is_record = self.read_apart(message, &mut Draft::new(&mut record)).is_ok();
        Some((message, is_record.then_some(record)))
    }

    /// The date of a line that is whole but has none of its own: that of its prefix.
    #[cold]
    fn prefix_date(&self, line: &[u8], stop: Stop) -> Option<i64> {
        let is_whole = !self.format.is_dated && stop.kind == RejectKind::Date && stop.left == 0;
        let date_us = prefix::date_us(line, &self.format.timezone, self.reference_us);
        date_us.filter(|_| is_whole && self.is_relayed)
    }

    /// Of the two instants of a repeated local time the one nearest to the date that a syslog daemon put in front with
    /// its offset; without that, the first.
    #[cold]
    fn nearest(&self, first_us: i64, repeat_us: i64, line: &[u8]) -> i64 {
        match prefix::instant_us(line).filter(|_| self.is_relayed) {
            Some(logged_us) if logged_us.saturating_sub(first_us) > repeat_us / 2 => first_us + repeat_us,
            _ => first_us,
        }
    }

    /// The line without its `\r` and what syslog put in front.
    pub(crate) fn message<'l>(&mut self, line: &'l [u8]) -> &'l [u8] {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.format.prefixed { self.prefixes.skip(line) } else { line }
    }

    /// Whether the line says something else where what looks like a prefix, or its host and tag, is the client's.
    #[cold]
    #[inline(never)]
    fn prefix_matters(&mut self, line: &[u8], message: &[u8]) -> bool {
        let format = self.format;
        let whole = format.opens_freely || format.starts_with_date || self.opens_with_name(line);
        if whole && self.differs(line, message) {
            return true;
        }
        let undated = prefix::behind_date(line).filter(|_| format.tag_is_clients);
        undated.is_some_and(|text| {
            // A host with a name is the logger's: no server but Apache logs names of clients.
            let is_host = matches!(self.first_client(text), Some(Client::Name(_)));
            text.len() > message.len() && !is_host && self.differs(text, message)
        })
    }

    /// Whether a line begins like one of the format's, with a name for a client, who may have chosen it to look like the
    /// date of a prefix. A space alone behind it says nothing: that is how dates go on.
    fn opens_with_name(&self, line: &[u8]) -> bool {
        let is_told = |step: &&Step| step.field == Field::Client && step.then.bytes() != b" ";
        let Some(step) = self.format.steps.first().filter(is_told) else { return false };
        let Some(length) = memchr(step.end.byte(), line) else { return false };
        let is_name = matches!(address::client(&line[..length]), Some(Client::Name(_)));
        is_name && step.then.skip(Cursor::new(&line[length..])).is_some()
    }

    /// Whether a line says something else than the message in it.
    fn differs(&mut self, line: &[u8], message: &[u8]) -> bool {
        let (mut whole, mut short) = (Record::default(), Record::default());
        let is_whole = self.read_apart(line, &mut Draft::new(&mut whole));
        let is_short = self.read_apart(message, &mut Draft::new(&mut short));
        let differ = (whole.client, whole.end_us, whole.status, whole.bytes_sent)
            != (short.client, short.end_us, short.status, short.bytes_sent);
        match is_whole {
            Ok(()) => is_short.is_ok() && differ,
            Err(stop) => stop.kind == RejectKind::Ambiguous,
        }
    }

    /// Not inlined, so that the hot path has its own copy.
    #[inline(never)]
    fn read_apart<'l>(&mut self, message: &'l [u8], draft: &mut Draft<'_, 'l>) -> Result<(), Stop> {
        self.read(message, draft)
    }

    #[inline(always)]
    fn read<'l>(&mut self, message: &'l [u8], draft: &mut Draft<'_, 'l>) -> Result<(), Stop> {
        let mut cursor = Cursor::new(message);
        let steps = &self.format.steps;
        for step in steps {
            let stop = match self.value(step, cursor, draft) {
                Some(after) => match step.then.skip(after) {
                    Some(after) => {
                        cursor = after;
                        continue;
                    }
                    None => match self.odd_literal(step, after.rest(), draft) {
                        Ok(length) => {
                            cursor = after;
                            cursor.take(length);
                            continue;
                        }
                        Err(stop) => stop,
                    },
                },
                None => draft.stop,
            };
            self.cut(step, stop, draft)?;
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
    fn cut(&self, step: &Step, stop: Stop, draft: &mut Draft<'_, '_>) -> Result<(), Stop> {
        if stop.kind != RejectKind::Cut || step.at < self.format.essential || self.format.cut_hides {
            return Err(stop);
        }
        let value_is_whole = stop.left > 0;
        draft.record.truncated = step.at + usize::from(value_is_whole) < self.format.kept;
        let forwarded = |step: &Step| step.field.slot() == Some(Slot::XForwardedFor);
        if self.format.steps[step.at..].iter().any(forwarded) {
            draft.record.x_forwarded_for = None;
        }
        if draft.record.truncated && !value_is_whole {
            forget_number(step.field, draft.record);
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
        record.tells_upstream = self.format.tells_upstream;
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

    /// The one length after which the next steps fit.
    #[cold]
    pub(crate) fn search(&mut self, step: &Step, rest: &[u8]) -> Result<usize, Stop> {
        let End::Search { from, limit, separators } = step.end else { return Ok(rest.len()) };
        let last = match limit {
            Limit::Nowhere => None,
            Limit::Byte(byte) => memchr(byte, rest),
            Limit::JsonQuote => json_quote(rest),
        };
        let tried = &rest[..last.map_or(rest.len(), |last| last + 1)];
        let mut places = memchr_iter(from, tried).peekable();
        if places.peek().is_none() {
            return Err(Stop::cut());
        }
        // Where the line has only the separators that the format writes, no value holds one.
        if !self.format.haproxy
            && !self.is_relayed
            && memchr_iter(from, tried).count() == separators
            && let Some(place) = places.peek()
        {
            return Ok(*place);
        }
        self.is_searched |= step.field == Field::Skip(Shape::Cookie);
        // Of two texts that nobody keeps only the end of the second matters, if it is the one place that fits.
        let skipped =
            |step: &Step| matches!(step.field, Field::Skip(Shape::Text | Shape::Raw | Shape::Escaped));
        let searched = |step: &Step| matches!(step.end, End::Search { .. } | End::Line);
        let next = self.format.steps.get(step.at + 1);
        let first_is_enough = (skipped(step) || step.field == Field::Skip(Shape::Cookie))
            && next.is_some_and(|next| skipped(next) && searched(next));
        let mut found = None;
        for (count, place) in places.enumerate() {
            let fits = self.fits(step.at, &rest[place..]);
            if fits && first_is_enough {
                return Ok(place);
            }
            if count == MAX_PLACES || fits && found.replace(place).is_some() {
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
        for step in &steps[first + 1..] {
            // A text before a `"` has one end, if any.
            if step.is_free() && !matches!(step.end, End::Before { .. }) {
                return true;
            }
            let Some(after) = self.value_apart(step, cursor, &mut draft) else { return false };
            // A quoted name ends at its quote, so that this is not seen otherwise. `Host` is whatever was sent.
            let value = &cursor.rest()[..cursor.rest().len() - after.rest().len()];
            if step.field.text() == Some(Shape::Word) && step.field != Field::Site && value.contains(&b' ') {
                return false;
            }
            cursor = after;
            if !self.literal(step, &mut cursor, &mut draft) {
                return false;
            }
        }
        cursor.rest().is_empty()
    }

    pub(crate) fn literal<'l>(
        &self,
        step: &Step,
        cursor: &mut Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> bool {
        if let Some(after) = step.then.skip(*cursor) {
            *cursor = after;
            return true;
        }
        self.odd_literal(step, cursor.rest(), draft).is_ok_and(|length| cursor.take(length).is_some())
    }

    /// Not inlined, so that the hot path has its own copy.
    #[inline(never)]
    pub(crate) fn value_apart<'l>(
        &mut self,
        step: &'f Step,
        cursor: Cursor<'l>,
        draft: &mut Draft<'_, 'l>,
    ) -> Next<'l> {
        self.value(step, cursor, draft)
    }

    /// What a line is that the steps do not make a record of.
    #[cold]
    fn no_record<'l>(&mut self, line: &'l [u8], message: &'l [u8], stop: Stop, parsed: &mut Line<'l>) {
        // A map has no steps, so all its lines come here: asked before, it would cost every line of the others.
        if let Some(map) = &self.format.map {
            return self.parse_keyed(map, line, parsed);
        }
        *parsed = if line.trim_ascii().is_empty() {
            Line::Blank
        } else if self.format.haproxy
            && let Some(event) = event::read(message)
        {
            Line::Event(Event { at_us: self.event_date(line, message), ..event })
        } else if self.format.has_directives && is_directive(line) {
            Line::Event(event::event(EventKind::Other, None, None, line))
        } else {
            let client = self.client_behind(line, message);
            Line::Reject(Reject { client, ..Reject::new(stop.kind, line.len() - stop.left) })
        };
    }

    fn event_date(&mut self, line: &[u8], message: &[u8]) -> Option<i64> {
        let zone = &self.format.timezone;
        event::bracketed_date(message)
            .and_then(|date| self.dates.zoneless(date, zone))
            .map(|date| self.nearest(date.us, date.repeat_us, line))
            .or_else(|| prefix::date_us(line, zone, self.reference_us).filter(|_| message.len() < line.len()))
    }
}

/// `#Version: 1.0` and `#Fields: …`, as the W3C's extended log files begin.
fn is_directive(line: &[u8]) -> bool {
    [b"#Version:".as_slice(), b"#Fields:"].iter().any(|start| line.starts_with(start))
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
