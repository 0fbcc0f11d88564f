//! Puts the named values of a line into a record, in whatever order they come. Knows neither JSON nor LTSV.

use std::ops::Range;

use memchr::memchr;

use crate::cursor::Cursor;
use crate::event;
use crate::keyed::{Entry, Map, Paths, Syntax};
use crate::parser::{Draft, Parser};
use crate::record::{Event, EventKind, Line, Record, Reject, RejectKind};
use crate::step::{Shape, Slot, Step};
use crate::{json, ltsv};

/// No value fills the slot yet.
const EMPTY: u8 = u8::MAX;

/// What a line has said so far.
pub(crate) struct Gathering<'p, 'f, 'r, 'l> {
    parser: &'p mut Parser<'f>,
    pub(crate) map: &'f Map,
    pub(crate) line: &'l [u8],
    draft: Draft<'r, 'l>,
    end_us: Option<i64>,
    start_us: Option<i64>,
    met: Paths,
    /// The rank of the value that fills each slot.
    ranks: [u8; Slot::COUNT],
}

/// Why a line is no record, and at which byte. As small as it is, it comes back in registers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) kind: RejectKind,
    pub(crate) byte: usize,
}

/// What a line is that is no record.
enum NoRecord {
    Blank,
    /// A message of the server's own.
    Message {
        from: usize,
        at_us: Option<i64>,
    },
    Fault(Fault),
}

impl From<Fault> for NoRecord {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<'f> Parser<'f> {
    /// Reads a line with named values.
    #[inline(never)]
    pub(crate) fn parse_keyed<'l>(&mut self, map: &'f Map, line: &'l [u8], parsed: &mut Line<'l>) {
        *parsed = Line::Record(Record::default());
        let Line::Record(record) = parsed else { return };
        let Err(other) = self.gather(map, line, record) else { return };
        *parsed = match other {
            NoRecord::Blank => Line::Blank,
            NoRecord::Fault(fault) => Line::Reject(self.reject(map, line, fault)),
            NoRecord::Message { from, at_us } => {
                Line::Event(Event { at_us, ..event::event(EventKind::Other, None, None, &line[from..]) })
            }
        };
    }

    /// The reject, with its client. Where a name comes twice, a client may have written one of the two.
    #[cold]
    fn reject(&mut self, map: &Map, line: &[u8], Fault { kind, byte }: Fault) -> Reject {
        let client = if kind == RejectKind::Ambiguous { None } else { self.named_client(map, line) };
        Reject { kind, byte, client }
    }

    fn gather<'l>(&mut self, map: &'f Map, line: &'l [u8], record: &mut Record<'l>) -> Result<(), NoRecord> {
        if line.trim_ascii().is_empty() {
            return Err(NoRecord::Blank);
        }
        let message = match map.syntax {
            Syntax::Json => json::message(self.prefixes.skip(line)),
            Syntax::Ltsv => Some(self.prefixes.skip(line)),
        };
        let no_object = Fault { kind: RejectKind::Shape, byte: 0 };
        let from = line.len() - message.ok_or(no_object)?.len();
        let mut gathering = Gathering {
            parser: self,
            map,
            line,
            draft: Draft::new(record),
            end_us: None,
            start_us: None,
            met: Paths::default(),
            ranks: [EMPTY; Slot::COUNT],
        };
        let read = match map.syntax {
            Syntax::Json => json::read(&mut gathering, from),
            Syntax::Ltsv => ltsv::read(&mut gathering, from),
        };
        gathering.finish(from, read)
    }
}

impl<'f, 'l> Gathering<'_, 'f, '_, 'l> {
    /// A value of the map, at these bytes of the line.
    pub(crate) fn take(&mut self, path: u8, place: Range<usize>) -> Result<(), Fault> {
        // Whoever can write a quote or a tab into the log could overwrite what the server wrote.
        if !self.met.insert(path) {
            return Err(Fault { kind: RejectKind::Ambiguous, byte: place.start });
        }
        let entry = self.map.entry(path);
        let text = &self.line[place.clone()];
        if is_missing(entry, text) || !self.is_best(entry) {
            return Ok(());
        }
        self.ranks[entry.slot as usize] = entry.rank;
        if !entry.kept {
            return Ok(());
        }
        let text = if entry.slot == Slot::Client { without_port(text) } else { text };
        let is_last = place.end == self.line.len();
        let retries = self.draft.record.retries;
        let usual = self.read(&entry.step, text);
        let read = match &entry.odd {
            Some(odd) => usual.or_else(|_| self.read(odd, text)),
            None => usual,
        };
        let kind = reject_kind(entry.slot);
        read.map_err(|left| Fault { kind, byte: place.start + text.len() - left })?;
        match entry.slot {
            Slot::Time => self.end_us = self.draft.date_us,
            Slot::Start => self.start_us = self.draft.date_us,
            // LTSV does not show whether its last value is whole.
            Slot::XForwardedFor if is_last => self.draft.record.x_forwarded_for = None,
            // A list of addresses has told the retries too.
            Slot::Server if self.ranks[Slot::Retries as usize] != EMPTY => {
                self.draft.record.retries = retries;
            }
            _ => {}
        }
        Ok(())
    }

    /// A value whose end was cut off: half a text is worth something, half a number or name is another one.
    pub(crate) fn take_cut(&mut self, path: u8, place: Range<usize>) -> Result<(), Fault> {
        let entry = self.map.entry(path);
        let is_text = entry.step.field.text() == Some(Shape::Text) && entry.slot != Slot::XForwardedFor;
        if is_text && !place.is_empty() { self.take(path, place) } else { Ok(()) }
    }

    /// Reads a whole text by a step; else how many of its bytes are left where it stops being what the step says.
    fn read(&mut self, step: &'f Step, text: &'l [u8]) -> Result<(), usize> {
        match self.parser.value_apart(step, Cursor::new(text), &mut self.draft) {
            Some(after) if after.rest().is_empty() => Ok(()),
            Some(after) => Err(after.rest().len()),
            None => Err(self.draft.stop.left),
        }
    }

    /// Whether nothing better said the same before. A request line says what its parts say.
    fn is_best(&self, entry: &Entry) -> bool {
        let is_part = matches!(entry.slot, Slot::Method | Slot::Target | Slot::Protocol);
        entry.rank < self.ranks[entry.slot as usize]
            && !(is_part && self.ranks[Slot::Request as usize] != EMPTY)
    }

    /// What the values come to, once the line was read to its end or to where it stopped making sense.
    fn finish(self, from: usize, read: Result<(), Fault>) -> Result<(), NoRecord> {
        let is_cut = match read {
            Ok(()) => false,
            Err(fault) if fault.kind == RejectKind::Cut && self.has_essentials() => true,
            Err(fault) => return Err(fault.into()),
        };
        let at_us = self.end_us.or(self.start_us);
        if !self.map.is_request(&self.met) {
            return Err(match self.map.syntax {
                Syntax::Json => NoRecord::Message { from, at_us },
                // Any text with a colon could be called LTSV.
                Syntax::Ltsv => Fault { kind: RejectKind::Shape, byte: from }.into(),
            });
        }
        let record = self.draft.record;
        record.truncated = is_cut;
        if is_cut {
            // Another one may have been cut off.
            record.x_forwarded_for = None;
        }
        record.tells_upstream = self.map.tells_upstream(&self.met);
        record.end_us = match (self.end_us, self.start_us) {
            (Some(end_us), start_us) => {
                // Between dates in whole seconds there is no time that a request took.
                let took_us = start_us
                    .filter(|start_us| !(is_whole_second(*start_us) && is_whole_second(end_us)))
                    .and_then(|start_us| u64::try_from(end_us.checked_sub(start_us)?).ok());
                record.latency_us = record.latency_us.or(took_us);
                end_us
            }
            (None, Some(start_us)) => start_us.saturating_add_unsigned(record.latency_us.unwrap_or(0)),
            (None, None) => return Err(Fault { kind: RejectKind::Date, byte: self.line.len() }.into()),
        };
        Ok(())
    }

    /// Client, date and status were read, as far as the map has them.
    fn has_essentials(&self) -> bool {
        let read = |slot: Slot| self.ranks[slot as usize] != EMPTY;
        let mut essentials = self.map.slots().filter(|slot| matches!(slot, Slot::Client | Slot::Status));
        (read(Slot::Time) || read(Slot::Start)) && essentials.all(read)
    }
}

fn is_whole_second(date_us: i64) -> bool {
    date_us % 1_000_000 == 0
}

/// Servers write nothing or a dash.
fn is_missing(entry: &Entry, text: &[u8]) -> bool {
    matches!(text, b"" | b"-") || entry.zero_is_missing && text == b"0"
}

/// `192.0.2.1:5` and `[2001:db8::1]:5` without the port.
pub(crate) fn without_port(text: &[u8]) -> &[u8] {
    if text.first() == Some(&b'[') {
        return memchr(b']', text).map_or(text, |end| &text[..=end]);
    }
    match memchr(b':', text) {
        Some(colon) if memchr(b':', &text[colon + 1..]).is_none() && !text.starts_with(b"unix:") => {
            &text[..colon]
        }
        _ => text,
    }
}

fn reject_kind(slot: Slot) -> RejectKind {
    match slot {
        Slot::Time | Slot::Start => RejectKind::Date,
        Slot::Status => RejectKind::Status,
        Slot::Client => RejectKind::Client,
        _ => RejectKind::Number,
    }
}
