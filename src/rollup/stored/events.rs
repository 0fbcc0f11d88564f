//! What a proxy said, and where every line went: kept apart from the hours, since messages stand in an order and
//! lines have none.

use super::bytes::{Column, DecodeError, Kind, Reader, Writer, unseal};
use super::told::{self, StoredTold, TOLD};
use crate::rollup::availability::Messages;
use crate::rollup::{Availability, EventNote, LineCounts};
use logstat_parsers::{EventKind, RejectKind, ServerState, Tells};

/// Messages that are kept to be shown, as many as a report shows.
const NOTES: usize = 1000;
/// Bytes of a name, a reason or a message; they are cut before they come here.
const TEXT_LIMIT: usize = 512;

/// Messages of the proxies of one source, from before a window too: the newest ones by their date, and what the states
/// of servers rest on, however old.
///
/// Messages are in order of time, those of one instant in the order in which they were read: each belongs to a run, and
/// runs are numbered. So the order of merging does not show, nor does it show in which parts they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredEvents {
    told: Vec<StoredTold>,
    notes: Vec<(u64, EventNote)>,
    told_left_out: u64,
    notes_left_out: u64,
    /// When the newest message came that `told` lacks.
    told_after_us: Option<i64>,
    /// The same of `notes`.
    notes_after_us: Option<i64>,
}

impl StoredEvents {
    /// Did no proxy say anything?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The messages to be shown, in order; those without a date come first.
    pub fn notes(&self) -> impl Iterator<Item = &EventNote> {
        self.notes.iter().map(|(_, note)| note)
    }

    /// Messages beyond those.
    #[must_use]
    pub fn notes_left_out(&self) -> u64 {
        self.notes_left_out
    }

    /// All messages with a later date are among [`notes`](Self::notes); `None` when none with a date is missing.
    /// Microseconds since 1970.
    #[must_use]
    pub fn notes_after_us(&self) -> Option<i64> {
        self.notes_after_us
    }

    /// Adds what a block tells, and what it left out.
    pub(in crate::rollup) fn add_block(&mut self, messages: &Messages, notes: &[EventNote], left_out: u64) {
        let told = messages.iter().map(|((at_us, tells), backend, server, reason)| {
            let (server, reason) = (server.map(Into::into), reason.map(Into::into));
            StoredTold { at_us, run: 0, tells, backend: backend.into(), server, reason }
        });
        self.told.extend(told);
        self.notes.extend(notes.iter().map(|note| (0, note.clone())));
        self.notes_left_out += left_out;
        self.settle();
    }

    /// As those of this run.
    pub(in crate::rollup) fn of_run(mut self, run: u64) -> Self {
        self.told.iter_mut().for_each(|told| told.run = run);
        self.notes.iter_mut().for_each(|(of, _)| *of = run);
        self
    }

    /// Adds the messages of other runs. Two parts of the same run must be merged in the order of the log.
    pub fn merge(&mut self, other: Self) {
        self.told.extend(other.told);
        self.notes.extend(other.notes);
        self.told_left_out += other.told_left_out;
        self.notes_left_out += other.notes_left_out;
        self.told_after_us = self.told_after_us.max(other.told_after_us);
        self.notes_after_us = self.notes_after_us.max(other.notes_after_us);
        self.settle();
    }

    /// Lets go of messages that are older, in microseconds since 1970. What the states of servers rest on stays, and
    /// so do messages without a date.
    pub fn forget_before(&mut self, at_us: i64) {
        let (_, newest) = told::forget_before(&mut self.told, at_us);
        self.told_after_us = self.told_after_us.max(newest);
        let is_old = |note: &EventNote| note.at_us.is_some_and(|noted_us| noted_us < at_us);
        let forgotten = self.notes.iter().filter(|(_, note)| is_old(note)).map(|(_, note)| note.at_us);
        self.notes_after_us = self.notes_after_us.max(forgotten.max().flatten());
        self.notes.retain(|(_, note)| !is_old(note));
        // What had no room would be forgotten by now too.
        if self.told_after_us < Some(at_us) {
            self.told_left_out = 0;
        }
        if self.notes_after_us < Some(at_us) {
            self.notes_left_out = 0;
        }
    }

    /// Puts all in order, and leaves out what there is no room for.
    fn settle(&mut self) {
        told::sort(&mut self.told);
        let (left_out, newest) = told::cut(&mut self.told);
        self.told_left_out += left_out;
        self.told_after_us = self.told_after_us.max(newest);
        self.notes.sort_by_key(|(run, note)| (note.at_us, *run));
        for (_, note) in self.notes.drain(..self.notes.len().saturating_sub(NOTES)) {
            self.notes_left_out += 1;
            self.notes_after_us = self.notes_after_us.max(note.at_us);
        }
    }

    /// How servers stood in a window, microseconds since 1970 and without its end.
    #[must_use]
    pub fn availability(&self, since_us: i64, until_us: i64) -> Availability {
        let mut availability = Availability::new(since_us, until_us);
        for told in told::to_replay(&self.told) {
            let (server, reason) = (told.server.as_deref(), told.reason.as_deref());
            availability.add((told.at_us, told.tells), &told.backend, server, reason);
        }
        availability.leave_out(self.told_left_out, self.told_after_us);
        availability
    }

    /// The stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        for number in
            [self.told_left_out, self.notes_left_out, self.told.len() as u64, self.notes.len() as u64]
        {
            writer.number(Column::Shape, number);
        }
        let mut before = Before::default();
        before.write(&mut writer, 0, self.told_after_us);
        before.write(&mut writer, 0, self.notes_after_us);
        for told in &self.told {
            before.write(&mut writer, told.run, Some(told.at_us));
            writer.number(Column::States, tells_number(told.tells));
            writer.text(&told.backend);
            writer.text_if_any(told.server.as_deref());
            writer.text_if_any(told.reason.as_deref());
        }
        for (run, note) in &self.notes {
            before.write(&mut writer, *run, note.at_us);
            writer
                .number(Column::States, KINDS.iter().position(|kind| *kind == note.kind).unwrap_or(0) as u64);
            writer.text(&note.message);
        }
        writer.seal(Kind::Events)
    }

    /// Reads the stored form. Any bytes are read or refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let body = unseal(bytes, Kind::Events)?;
        let reader = &mut Reader::new(&body)?;
        let mut events = Self {
            told_left_out: reader.count(Column::Shape)?,
            notes_left_out: reader.count(Column::Shape)?,
            ..Self::default()
        };
        let (told, notes) = (reader.length(Column::Shape, TOLD)?, reader.length(Column::Shape, NOTES)?);
        let mut before = Before::default();
        (_, events.told_after_us) = before.read(reader)?;
        (_, events.notes_after_us) = before.read(reader)?;
        for _ in 0..told {
            events.told.push(read_told(reader, &mut before)?);
        }
        for _ in 0..notes {
            events.notes.push(read_note(reader, &mut before)?);
        }
        reader.end()?;
        let is_sorted = events.told.is_sorted_by_key(|told| (told.at_us, told.run))
            && events.notes.is_sorted_by_key(|(run, note)| (note.at_us, *run));
        if is_sorted { Ok(events) } else { Err(DecodeError::Impossible("messages out of order")) }
    }
}

fn read_told(reader: &mut Reader<'_>, before: &mut Before) -> Result<StoredTold, DecodeError> {
    let (run, at_us) = before.read(reader)?;
    Ok(StoredTold {
        at_us: at_us.ok_or(DecodeError::Impossible("a message without a date"))?,
        run,
        tells: tells_of(reader.number(Column::States)?)?,
        backend: reader.text(TEXT_LIMIT)?.into(),
        server: reader.text_if_any(TEXT_LIMIT)?.map(Into::into),
        reason: reader.text_if_any(TEXT_LIMIT)?.map(Into::into),
    })
}

fn read_note(reader: &mut Reader<'_>, before: &mut Before) -> Result<(u64, EventNote), DecodeError> {
    let (run, at_us) = before.read(reader)?;
    let kind = KINDS.get(reader.length(Column::States, KINDS.len())?);
    let kind = *kind.ok_or(DecodeError::Impossible("an unknown message"))?;
    Ok((run, EventNote { at_us, kind, message: reader.text(TEXT_LIMIT)?.to_vec() }))
}

/// Run and date of the message before, of which the next ones are not far.
#[derive(Default)]
struct Before {
    run: u64,
    at_us: i64,
}

impl Before {
    fn write(&mut self, writer: &mut Writer, run: u64, at_us: Option<i64>) {
        writer.signed(Column::Sums, run.wrapping_sub(self.run).cast_signed());
        self.run = run;
        writer.number(Column::StateCounts, u64::from(at_us.is_some()));
        if let Some(at_us) = at_us {
            writer.signed(Column::Seconds, at_us.wrapping_sub(self.at_us));
            self.at_us = at_us;
        }
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(u64, Option<i64>), DecodeError> {
        self.run = self.run.wrapping_add(reader.signed(Column::Sums)?.cast_unsigned());
        if reader.length(Column::StateCounts, 1)? == 0 {
            return Ok((self.run, None));
        }
        self.at_us = self.at_us.wrapping_add(reader.signed(Column::Seconds)?);
        Ok((self.run, Some(self.at_us)))
    }
}

/// By their number in the stored form.
const KINDS: [EventKind; 8] = [
    EventKind::ServerUp,
    EventKind::ServerDown,
    EventKind::ServerState,
    EventKind::HealthCheck,
    EventKind::NoServer,
    EventKind::Proxy,
    EventKind::ConnectionError,
    EventKind::Other,
];
const STATES: [ServerState; 5] =
    [ServerState::Up, ServerState::Down, ServerState::Maintenance, ServerState::Drain, ServerState::Stopping];

/// `Changed` takes a number for each pair of states, `Stands` one for each state, the others follow.
fn tells_number(tells: Tells) -> u64 {
    let number = |state: ServerState| STATES.iter().position(|known| *known == state).unwrap_or(0) as u64;
    match tells {
        Tells::Changed { from, to } => number(from) * 5 + number(to),
        Tells::Stands(state) => 25 + number(state),
        Tells::Checked => 30,
        Tells::NoServer => 31,
        Tells::Started => 32,
        Tells::Stopped => 33,
    }
}

fn tells_of(number: u64) -> Result<Tells, DecodeError> {
    let at = number as usize;
    match number {
        0..25 => Ok(Tells::Changed { from: STATES[at / 5], to: STATES[at % 5] }),
        25..30 => Ok(Tells::Stands(STATES[at - 25])),
        30 => Ok(Tells::Checked),
        31 => Ok(Tells::NoServer),
        32 => Ok(Tells::Started),
        33 => Ok(Tells::Stopped),
        _ => Err(DecodeError::Impossible("an unknown message about a server")),
    }
}

impl LineCounts {
    /// The stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let mut counts = *self;
        fields(&mut counts).iter().for_each(|count| writer.number(Column::Sums, **count));
        writer.number(Column::Shape, self.rejects.len() as u64);
        self.rejects.iter().for_each(|count| writer.number(Column::Sums, *count));
        writer.seal(Kind::Lines)
    }

    /// Reads the stored form. Any bytes are read or refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let body = unseal(bytes, Kind::Lines)?;
        let mut reader = Reader::new(&body)?;
        let mut counts = Self::default();
        for count in fields(&mut counts) {
            *count = reader.count(Column::Sums)?;
        }
        // Kinds are only ever added, at the end.
        let kinds = reader.length(Column::Shape, RejectKind::ALL.len())?;
        for count in &mut counts.rejects[..kinds] {
            *count = reader.count(Column::Sums)?;
        }
        reader.end()?;
        Ok(counts)
    }
}

/// All but the rejects. The order is part of the stored form.
fn fields(counts: &mut LineCounts) -> [&mut u64; 7] {
    let LineCounts { lines, records, outside_window, future, events, blank, truncated, rejects: _ } = counts;
    [lines, records, outside_window, future, events, blank, truncated]
}
