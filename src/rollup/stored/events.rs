//! What a proxy said, and where every line went: kept apart from the hours, since messages stand in an order and
//! lines have none.

use super::bytes::{Column, DecodeError, Kind, Reader, Writer, unseal};
use crate::rollup::availability::Messages;
use crate::rollup::{Availability, EventNote, LineCounts};
use logstat_parsers::{EventKind, RejectKind, ServerState, Tells};

/// Messages about servers that are kept, as many as a report replays.
const TOLD: usize = 10_000;
/// Messages that are kept to be shown, as many as a report shows.
const NOTES: usize = 1000;
/// Bytes of a name, a reason or a message; they are cut before they come here.
const TEXT_LIMIT: usize = 512;

/// What a message told of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
struct StoredTold {
    at_us: i64,
    tells: Tells,
    backend: Box<[u8]>,
    server: Option<Box<[u8]>>,
    reason: Option<Box<[u8]>>,
}

/// Messages of the proxies of one source, as they came, from before a window too.
///
/// Each belongs to a run, and runs are numbered in the order in which they read the log. So messages are in order
/// whatever the order of merging, and where there are too many it is always the same ones that are left out: the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvents {
    /// Ascending by run, and within a run in the order of the log.
    told: Vec<(u64, StoredTold)>,
    notes: Vec<(u64, EventNote)>,
    told_left_out: u64,
    notes_left_out: u64,
    /// When the earliest message that `told` has left out came.
    known_until_us: i64,
}

impl Default for StoredEvents {
    fn default() -> Self {
        Self {
            told: Vec::new(),
            notes: Vec::new(),
            told_left_out: 0,
            notes_left_out: 0,
            known_until_us: i64::MAX,
        }
    }
}

impl StoredEvents {
    /// Did no proxy say anything?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The messages to be shown, in order.
    pub fn notes(&self) -> impl Iterator<Item = &EventNote> {
        self.notes.iter().map(|(_, note)| note)
    }

    /// Messages beyond those.
    #[must_use]
    pub fn notes_left_out(&self) -> u64 {
        self.notes_left_out
    }

    /// Adds what a block tells, and what it left out.
    pub(in crate::rollup) fn add_block(&mut self, messages: &Messages, notes: &[EventNote], left_out: u64) {
        let told = messages.iter().map(|((at_us, tells), backend, server, reason)| {
            let (server, reason) = (server.map(Into::into), reason.map(Into::into));
            (0, StoredTold { at_us, tells, backend: backend.into(), server, reason })
        });
        self.told.extend(told);
        self.notes.extend(notes.iter().map(|note| (0, note.clone())));
        self.notes_left_out += left_out;
        self.cut();
    }

    /// As those of this run.
    pub(in crate::rollup) fn of_run(mut self, run: u64) -> Self {
        self.told.iter_mut().for_each(|(of, _)| *of = run);
        self.notes.iter_mut().for_each(|(of, _)| *of = run);
        self
    }

    /// Adds the messages of other runs. Two parts of the same run must be merged in the order of the log.
    pub fn merge(&mut self, other: Self) {
        self.told.extend(other.told);
        self.told.sort_by_key(|(run, _)| *run);
        self.notes.extend(other.notes);
        self.notes.sort_by_key(|(run, _)| *run);
        self.told_left_out += other.told_left_out;
        self.notes_left_out += other.notes_left_out;
        self.known_until_us = self.known_until_us.min(other.known_until_us);
        self.cut();
    }

    fn cut(&mut self) {
        for (_, told) in self.told.drain(self.told.len().min(TOLD)..) {
            self.told_left_out += 1;
            self.known_until_us = self.known_until_us.min(told.at_us);
        }
        self.notes_left_out += self.notes.len().saturating_sub(NOTES) as u64;
        self.notes.truncate(NOTES);
    }

    /// How servers stood in a window, microseconds since 1970 and without its end.
    #[must_use]
    pub fn availability(&self, since_us: i64, until_us: i64) -> Availability {
        let mut availability = Availability::new(since_us, until_us);
        for (_, told) in &self.told {
            let (server, reason) = (told.server.as_deref(), told.reason.as_deref());
            availability.add((told.at_us, told.tells), &told.backend, server, reason);
        }
        availability.leave_out(self.told_left_out, self.known_until_us);
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
        writer.signed(Column::Shape, self.known_until_us);
        let mut before = Before::default();
        for (run, told) in &self.told {
            before.write(&mut writer, *run, Some(told.at_us));
            writer.number(Column::States, tells_number(told.tells));
            writer.text(&told.backend);
            writer.text_if_any(told.server.as_deref());
            writer.text_if_any(told.reason.as_deref());
        }
        let mut before = Before::default();
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
        events.known_until_us = reader.signed(Column::Shape)?;
        let mut before = Before::default();
        for _ in 0..told {
            events.told.push(read_told(reader, &mut before)?);
        }
        let mut before = Before::default();
        for _ in 0..notes {
            events.notes.push(read_note(reader, &mut before)?);
        }
        reader.end()?;
        Ok(events)
    }
}

fn read_told(reader: &mut Reader<'_>, before: &mut Before) -> Result<(u64, StoredTold), DecodeError> {
    let (run, at_us) = before.read(reader)?;
    let told = StoredTold {
        at_us: at_us.ok_or(DecodeError::Impossible("a message without a date"))?,
        tells: tells_of(reader.number(Column::States)?)?,
        backend: reader.text(TEXT_LIMIT)?.into(),
        server: reader.text_if_any(TEXT_LIMIT)?.map(Into::into),
        reason: reader.text_if_any(TEXT_LIMIT)?.map(Into::into),
    };
    Ok((run, told))
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
        writer.number(Column::Sums, (run - self.run) << 1 | u64::from(at_us.is_some()));
        if let Some(at_us) = at_us {
            writer.signed(Column::Seconds, at_us.wrapping_sub(self.at_us));
            self.at_us = at_us;
        }
        self.run = run;
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(u64, Option<i64>), DecodeError> {
        let number = reader.number(Column::Sums)?;
        self.run = self.run.checked_add(number >> 1).ok_or(DecodeError::Impossible("no such run"))?;
        if number & 1 == 0 {
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
