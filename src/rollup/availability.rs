//! How servers stood over time, by the messages of their proxy. Counts no requests.
//!
//! HAProxy logs changes only, so a state lasts until the next message, and the first message of a server says what
//! it was before. A new process holds all servers for up: `Proxy p started` says so in versions before 2.4. Later
//! ones log only that the old process stopped; from then on a server that was not up is in no known state.

use logstat_parsers::{Event, ServerState, Tells};
use std::collections::BTreeMap;

/// Changes of state that a source keeps: a server that flaps every second fills them in an hour and a half. From the
/// first change without room on nothing is known.
pub(super) const CHANGES: usize = 10_000;
/// Backends and servers of a source; messages about further ones are left out.
pub(super) const SERVERS: usize = 1000;
/// Bytes kept of a name and of a reason.
const NAME_BYTES: usize = 255;
const REASON_BYTES: usize = 160;
/// A check's result comes this long before the change that it leads to, as far as the log's seconds tell.
const CHECK_US: i64 = 1_000_000;
/// How long after the start of a new process the old one may say that it stopped.
const TAKEOVER_US: i64 = 10 * 1_000_000;

/// What the messages of one block tell, in order. A block is small, and so is what it tells.
#[derive(Debug, Default)]
pub(super) struct Messages {
    told: Vec<Told>,
    /// Backend, server and reason of each, one after the other.
    text: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Told {
    at_us: i64,
    tells: Tells,
    backend: usize,
    server: Option<usize>,
    reason: Option<usize>,
}

/// Date and content of a message, then backend, server and reason.
type Parts<'m> = ((i64, Tells), &'m [u8], Option<&'m [u8]>, Option<&'m [u8]>);

impl Messages {
    /// Notes what a message tells, if it has a date and tells anything.
    pub fn add(&mut self, event: &Event<'_>) {
        let (Some(at_us), Some(tells), Some(backend)) = (event.at_us, event.tells, event.backend) else {
            return;
        };
        let mut keep = |text: &[u8], limit: usize| {
            let kept = &text[..text.len().min(limit)];
            self.text.extend_from_slice(kept);
            kept.len()
        };
        let backend = keep(backend, NAME_BYTES);
        let server = event.server.map(|server| keep(server, NAME_BYTES));
        let reason = event.reason.map(|reason| keep(reason, REASON_BYTES));
        self.told.push(Told { at_us, tells, backend, server, reason });
    }

    pub fn clear(&mut self) {
        self.told.clear();
        self.text.clear();
    }

    /// Each in turn.
    pub fn iter(&self) -> impl Iterator<Item = Parts<'_>> {
        let mut rest = self.text.as_slice();
        self.told.iter().map(move |told| {
            let mut next = |length: usize| {
                let (text, tail) = rest.split_at(length);
                rest = tail;
                text
            };
            let backend = next(told.backend);
            let (server, reason) = (told.server.map(&mut next), told.reason.map(&mut next));
            ((told.at_us, told.tells), backend, server, reason)
        })
    }
}

/// Everything that the messages of a source tell, as its blocks are folded into it in the order of the log.
#[derive(Debug)]
pub struct Availability {
    since_us: i64,
    until_us: i64,
    subjects: BTreeMap<Name, Subject>,
    /// Messages read, so that those of one second stay in order.
    order: u64,
    kept: usize,
    left_out: u64,
    /// When the first message that was left out came.
    known_until_us: i64,
    /// When the last message came that nobody remembers, from before the others.
    known_after_us: Option<i64>,
}

/// A backend, or a server of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    backend: Vec<u8>,
    server: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Subject {
    /// The last messages before the window: how things stood when it began.
    before: BTreeMap<Ground, Message>,
    inside: Vec<Message>,
    /// When a check last had a result, and its reason.
    check: Option<(i64, Option<Box<[u8]>>)>,
}

#[derive(Debug, Clone)]
struct Message {
    at_us: i64,
    order: u64,
    tells: Tells,
    reason: Option<Box<[u8]>>,
}

/// A server, or a backend as a whole, with the stretches of which something is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerTimeline {
    #[expect(missing_docs)]
    pub backend: Vec<u8>,
    /// `None` is the backend: down means that it had no server left.
    pub server: Option<Vec<u8>>,
    /// Oldest first; what lies between two of them is unknown.
    pub intervals: Vec<Interval>,
}

/// A stretch of one state, in Unix seconds: from `from` up to but not including `to`. Both are equal when it was over
/// within the second.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub struct Interval {
    pub state: ServerState,
    pub from: i64,
    pub to: i64,
    /// Why it began, as logged.
    pub reason: Option<Vec<u8>>,
}

/// What a state rests on: the last message of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ground {
    Changed,
    StandsUp,
    StandsDown,
    /// A server that is up ends its backend's lack of servers, whatever becomes of it.
    ServerUp,
    NoServer,
    Started,
    Stopped,
}

impl Ground {
    /// What rests on a message.
    pub fn all_of(tells: Tells) -> impl Iterator<Item = Self> {
        let (ground, is_up) = match tells {
            Tells::Changed { to, .. } => (Some(Self::Changed), to == ServerState::Up),
            Tells::Stands(ServerState::Up) => (Some(Self::StandsUp), true),
            Tells::Stands(_) => (Some(Self::StandsDown), false),
            Tells::NoServer => (Some(Self::NoServer), false),
            Tells::Started => (Some(Self::Started), false),
            Tells::Stopped => (Some(Self::Stopped), false),
            Tells::Checked => (None, false),
        };
        ground.into_iter().chain(is_up.then_some(Self::ServerUp))
    }
}

impl Availability {
    /// Without any message yet, for a window in microseconds since 1970.
    #[must_use]
    pub(super) fn new(since_us: i64, until_us: i64) -> Self {
        Self {
            since_us,
            until_us,
            subjects: BTreeMap::new(),
            order: 0,
            kept: 0,
            left_out: 0,
            known_until_us: i64::MAX,
            known_after_us: None,
        }
    }

    /// Adds what a block tells.
    pub(super) fn fold(&mut self, messages: &Messages) {
        for (told, backend, server, reason) in messages.iter() {
            self.add(told, backend, server, reason);
        }
    }

    /// Adds one message.
    pub(super) fn add(
        &mut self,
        (at_us, tells): (i64, Tells),
        backend: &[u8],
        server: Option<&[u8]>,
        reason: Option<&[u8]>,
    ) {
        self.order += 1;
        if at_us >= self.until_us {
            return;
        }
        let name = Name { backend: backend.to_vec(), server: server.map(<[u8]>::to_vec) };
        if self.subjects.len() >= SERVERS && !self.subjects.contains_key(&name) {
            self.left_out += 1;
            return;
        }
        let subject = self.subjects.entry(name).or_default();
        let mut reason: Option<Box<[u8]>> = reason.map(Into::into);
        if tells == Tells::Checked {
            subject.check = Some((at_us, reason));
            return;
        }
        if let (None, Some((checked_us, why))) = (&reason, subject.check.take())
            && (0..=CHECK_US).contains(&at_us.saturating_sub(checked_us))
        {
            reason = why;
        }
        let message = Message { at_us, order: self.order, tells, reason };
        if at_us < self.since_us {
            for ground in Ground::all_of(tells) {
                let last = subject.before.entry(ground).or_insert_with(|| message.clone());
                if last.at_us <= at_us {
                    *last = message.clone();
                }
            }
        } else if self.kept < CHANGES {
            self.kept += 1;
            subject.inside.push(message);
        } else {
            self.left_out += 1;
            self.known_until_us = self.known_until_us.min(at_us);
        }
    }

    /// Takes note of messages that were left out elsewhere: there may have been any up to `known_after_us`, so that
    /// nothing is known before.
    pub(super) fn leave_out(&mut self, messages: u64, known_after_us: Option<i64>) {
        self.left_out += messages;
        self.known_after_us = self.known_after_us.max(known_after_us);
    }

    /// Messages that had no room.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// When the first and the last change inside the window were, Unix seconds.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        let changes = || self.subjects.values().flat_map(|subject| &subject.inside);
        let second = |message: &Message| message.at_us.div_euclid(1_000_000);
        Some((changes().map(second).min()?, changes().map(second).max()?))
    }

    /// Every server of which something is known in the window, Unix seconds; sorted by backend and server, the backend
    /// before its servers.
    #[must_use]
    pub fn timelines(&self, since: i64, until: i64) -> Vec<ServerTimeline> {
        let until = until.min(self.known_until_us.div_euclid(1_000_000));
        let since = self.known_after_us.map_or(since, |us| since.max(us.div_euclid(1_000_000) + 1));
        let mut timelines = Vec::new();
        let all: Vec<(&Name, &Subject)> = self.subjects.iter().collect();
        for of_backend in all.chunk_by(|a, b| a.0.backend == b.0.backend) {
            let mut replay = Replay::of(of_backend);
            replay.run();
            for (name, track) in replay.tracks {
                let intervals = track.finish(since, until);
                if !intervals.is_empty() {
                    let (backend, server) = (name.backend.clone(), name.server.clone());
                    timelines.push(ServerTimeline { backend, server, intervals });
                }
            }
        }
        timelines
    }
}

/// The messages of one backend and its servers, in order of time, and what becomes of each server.
struct Replay<'a> {
    messages: Vec<(usize, &'a Message)>,
    tracks: Vec<(&'a Name, Track)>,
}

impl<'a> Replay<'a> {
    fn of(subjects: &[(&'a Name, &'a Subject)]) -> Self {
        let mut messages: Vec<(usize, &Message)> = subjects
            .iter()
            .enumerate()
            .flat_map(|(at, (_, subject))| {
                subject.before.values().chain(&subject.inside).map(move |message| (at, message))
            })
            .collect();
        messages.sort_unstable_by_key(|(_, message)| (message.at_us, message.order));
        messages.dedup_by_key(|(_, message)| message.order);
        Self { messages, tracks: subjects.iter().map(|(name, _)| (*name, Track::default())).collect() }
    }

    fn run(&mut self) {
        for (at, message) in std::mem::take(&mut self.messages) {
            match message.tells {
                Tells::Checked => {}
                Tells::Changed { from, to } => self.changed(at, Some(from), to, message),
                Tells::Stands(state) => {
                    let open = self.tracks[at].1.open.as_ref();
                    if open.is_none_or(|open| open.state.serves() != state.serves()) {
                        self.changed(at, None, state, message);
                    } else if state == ServerState::Up {
                        self.has_server(message.at_us);
                    }
                }
                Tells::NoServer => self.changed(at, Some(ServerState::Up), ServerState::Down, message),
                Tells::Started => {
                    // Also ends a backend's lack of servers, if there was one.
                    let tracks = self.tracks.iter_mut().map(|(name, track)| (name.server.is_some(), track));
                    for (_, track) in tracks.filter(|(is_server, track)| *is_server || track.open.is_some()) {
                        track.change(message.at_us, None, ServerState::Up, None);
                    }
                }
                Tells::Stopped => {
                    self.tracks.iter_mut().for_each(|(_, track)| track.lose_sight(message.at_us));
                }
            }
        }
    }

    /// A server changed; one that is up ends its backend's lack of servers.
    fn changed(&mut self, at: usize, from: Option<ServerState>, to: ServerState, message: &Message) {
        let reason = message.reason.as_deref();
        self.tracks[at].1.change(message.at_us, from, to, reason);
        if to == ServerState::Up {
            self.has_server(message.at_us);
        }
    }

    /// The backend comes before its servers.
    fn has_server(&mut self, at_us: i64) {
        if let Some((Name { server: None, .. }, backend)) = self.tracks.first_mut()
            && backend.open.is_some()
        {
            backend.change(at_us, None, ServerState::Up, None);
        }
    }
}

/// One server's states.
#[derive(Default)]
struct Track {
    past: Vec<Stretch>,
    open: Option<Stretch>,
    /// When sight of it was lost.
    lost_us: Option<i64>,
}

struct Stretch {
    state: ServerState,
    from_us: i64,
    to_us: i64,
    reason: Option<Vec<u8>>,
}

impl Track {
    fn change(&mut self, at_us: i64, from: Option<ServerState>, to: ServerState, reason: Option<&[u8]>) {
        if self.open.is_none() {
            self.open = from.and_then(|from| self.until_now(at_us, from));
        }
        self.lost_us = None;
        let reason = reason.map(<[u8]>::to_vec);
        match &mut self.open {
            Some(open) if open.state == to => open.reason = open.reason.take().or(reason),
            _ => {
                self.close(at_us);
                self.open = Some(Stretch { state: to, from_us: at_us, to_us: i64::MAX, reason });
            }
        }
    }

    /// What it was since nothing is known of it, by the message that says so now.
    fn until_now(&mut self, at_us: i64, state: ServerState) -> Option<Stretch> {
        let from_us = self.lost_us.unwrap_or(i64::MIN);
        if let Some(last) = self.past.pop_if(|last| last.state == state && last.to_us == from_us) {
            return Some(last);
        }
        (from_us < at_us).then_some(Stretch { state, from_us, to_us: i64::MAX, reason: None })
    }

    /// The process that said so is gone. What it held for up is up for the next one, which may have spoken already.
    fn lose_sight(&mut self, at_us: i64) {
        let is_old = |open: &Stretch| at_us.saturating_sub(open.from_us) > TAKEOVER_US;
        if self.open.as_ref().is_some_and(|open| open.state != ServerState::Up && is_old(open)) {
            self.close(at_us);
            self.lost_us = Some(at_us);
        }
    }

    fn close(&mut self, at_us: i64) {
        self.past.extend(self.open.take().map(|open| Stretch { to_us: at_us, ..open }));
    }

    /// The stretches inside the window.
    fn finish(mut self, since: i64, until: i64) -> Vec<Interval> {
        self.close(i64::MAX);
        let second = |us: i64| if us == i64::MIN || us == i64::MAX { us } else { us.div_euclid(1_000_000) };
        let interval = |stretch: Stretch| {
            let (from, to) = (second(stretch.from_us).max(since), second(stretch.to_us).min(until));
            let is_inside = from < to || from == to && since < to && to < until;
            is_inside.then_some(Interval { state: stretch.state, from, to, reason: stretch.reason })
        };
        self.past.into_iter().filter_map(interval).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServerState::{Down, Drain, Maintenance, Up};
    use proptest::prelude::*;

    const DAY: i64 = 86_400;

    fn changed(from: ServerState, to: ServerState) -> Tells {
        Tells::Changed { from, to }
    }

    /// Second, server, what and why: no server is the backend.
    type Said<'a> = (i64, Option<&'a str>, Tells, Option<&'a str>);
    /// State, from and to.
    type Stretched = Vec<(ServerState, i64, i64)>;

    fn folded(blocks: &[&[Said<'_>]], since: i64) -> Availability {
        let mut availability = Availability::new(since.saturating_mul(1_000_000), DAY * 1_000_000);
        for block in blocks {
            let mut messages = Messages::default();
            for (at, server, tells, reason) in *block {
                messages.add(&Event {
                    at_us: Some(at * 1_000_000),
                    kind: logstat_parsers::EventKind::ServerState,
                    backend: Some(b"bk"),
                    server: server.map(str::as_bytes),
                    tells: Some(*tells),
                    reason: reason.map(str::as_bytes),
                    message: b"",
                });
            }
            availability.fold(&messages);
        }
        availability
    }

    fn stretches(availability: &Availability) -> Vec<(String, Stretched)> {
        let name = |line: &ServerTimeline| {
            line.server.as_ref().map_or_else(String::new, |server| String::from_utf8_lossy(server).into())
        };
        let stretch = |interval: &Interval| (interval.state, interval.from, interval.to);
        let lines = availability.timelines(0, DAY);
        lines.iter().map(|line| (name(line), line.intervals.iter().map(stretch).collect())).collect()
    }

    #[test]
    fn the_first_message_says_what_was_before() {
        let availability = folded(
            &[&[
                (100, Some("s1"), changed(Up, Down), None),
                (160, Some("s1"), changed(Down, Up), None),
                (200, Some("s2"), changed(Maintenance, Up), None),
                (300, Some("s3"), Tells::Stands(Up), None),
            ]],
            0,
        );
        assert_eq!(
            stretches(&availability),
            [
                ("s1".to_owned(), vec![(Up, 0, 100), (Down, 100, 160), (Up, 160, DAY)]),
                ("s2".to_owned(), vec![(Maintenance, 0, 200), (Up, 200, DAY)]),
                ("s3".to_owned(), vec![(Up, 300, DAY)]),
            ]
        );
    }

    #[test]
    fn what_came_before_the_window_still_stands_in_it() {
        let availability = folded(
            &[&[
                (-900, Some("s1"), changed(Up, Down), Some("first")),
                (-600, Some("s1"), changed(Down, Maintenance), Some("last")),
                (500, Some("s1"), changed(Maintenance, Up), None),
            ]],
            0,
        );
        assert_eq!(
            stretches(&availability),
            [("s1".to_owned(), vec![(Maintenance, 0, 500), (Up, 500, DAY)])]
        );
        let lines = availability.timelines(0, DAY);
        assert_eq!(lines[0].intervals[0].reason.as_deref(), Some(b"last".as_slice()));
    }

    #[test]
    fn what_a_later_message_hides_still_holds_in_the_window() {
        let (up, drained) = (changed(Down, Up), changed(Up, Drain));
        let availability = folded(
            &[&[
                (-900, Some("s1"), changed(Up, Down), None),
                (-900, None, Tells::NoServer, None),
                (-600, Some("s1"), up, None),
                (-300, Some("s1"), drained, None),
            ]],
            0,
        );
        let drain = ("s1".to_owned(), vec![(Drain, 0, DAY)]);
        assert_eq!(stretches(&availability), [(String::new(), vec![(Up, 0, DAY)]), drain]);

        let gone = [
            (-900, Some("s1"), changed(Up, Down), None),
            (-600, None, Tells::Stopped, None),
            (-300, None, Tells::NoServer, None),
        ];
        let lines = stretches(&folded(&[&gone], 0));
        assert_eq!(
            lines,
            [(String::new(), vec![(Down, 0, DAY)])],
            "the process that held it for down is gone"
        );
    }

    #[test]
    fn a_backend_is_without_servers_until_one_is_up() {
        let availability = folded(
            &[&[
                (100, Some("s1"), changed(Up, Down), None),
                (100, None, Tells::NoServer, None),
                (130, Some("s2"), changed(Up, Drain), None),
                (150, Some("s1"), changed(Down, Up), None),
            ]],
            0,
        );
        assert_eq!(
            stretches(&availability)[0],
            (String::new(), vec![(Up, 0, 100), (Down, 100, 150), (Up, 150, DAY)])
        );
    }

    #[test]
    fn another_process_begins_anew() {
        let down = (100, Some("s1"), changed(Up, Down), None);
        let of = |messages: &[Said<'_>]| stretches(&folded(&[messages], 0)).remove(0).1;
        // Up to 2.2 it says that it started, and holds every server for up.
        assert_eq!(
            of(&[down, (200, None, Tells::Started, None)]),
            [(Up, 0, 100), (Down, 100, 200), (Up, 200, DAY)]
        );
        assert_eq!(
            of(&[(50, None, Tells::Started, None), down]),
            [(Up, 50, 100), (Down, 100, DAY)],
            "before it started, nothing is known"
        );
        // Later ones do not, so that nobody knows.
        assert_eq!(of(&[down, (200, None, Tells::Stopped, None)]), [(Up, 0, 100), (Down, 100, 200)]);
        let again = (206, Some("s1"), changed(Up, Down), None);
        assert_eq!(
            of(&[down, (200, None, Tells::Stopped, None), again]),
            [(Up, 0, 100), (Down, 100, 200), (Up, 200, 206), (Down, 206, DAY)]
        );
        // The new one may find a server down before the old one is gone.
        assert_eq!(of(&[down, (101, None, Tells::Stopped, None)]), [(Up, 0, 100), (Down, 100, DAY)]);
    }

    #[test]
    fn a_change_without_a_reason_has_that_of_the_check() {
        let check = |at, reason| (at, Some("s1"), Tells::Checked, Some(reason));
        let availability = folded(
            &[
                &[check(10, "Layer7 timeout"), (11, Some("s1"), changed(Up, Down), None)],
                &[check(50, "old"), (90, Some("s1"), changed(Down, Up), None)],
                &[check(100, "of the check"), (100, Some("s1"), changed(Up, Down), Some("its own"))],
            ],
            0,
        );
        let reasons: Vec<_> = availability.timelines(0, DAY)[0]
            .intervals
            .iter()
            .map(|interval| {
                interval.reason.as_ref().map(|reason| String::from_utf8_lossy(reason).into_owned())
            })
            .collect();
        assert_eq!(reasons, [None, Some("Layer7 timeout".to_owned()), None, Some("its own".to_owned())]);
    }

    #[test]
    fn a_server_that_flaps_for_ever_is_known_as_long_as_there_is_room() {
        let flaps: Vec<_> = (0..CHANGES as i64 + 50)
            .map(|at| (at, Some("s1"), if at % 2 == 0 { changed(Up, Down) } else { changed(Down, Up) }, None))
            .collect();
        let availability = folded(&[&flaps], 0);
        assert_eq!(availability.left_out(), 50);
        let lines = stretches(&availability);
        assert_eq!(lines[0].1.last(), Some(&(Up, CHANGES as i64 - 1, CHANGES as i64)));
        let others: Vec<String> = (0..SERVERS + 7).map(|n| format!("s{n}")).collect();
        let others: Vec<_> =
            others.iter().map(|name| (5, Some(name.as_str()), changed(Up, Down), None)).collect();
        let availability = folded(&[&others], 0);
        assert_eq!((availability.left_out(), stretches(&availability).len()), (7, SERVERS));
    }

    fn message() -> impl Strategy<Value = Said<'static>> {
        let state = || prop::sample::select(vec![Up, Down, Maintenance, Drain, ServerState::Stopping]);
        let tells = prop_oneof![
            6 => (state(), state()).prop_map(|(from, to)| changed(from, to)),
            1 => state().prop_map(Tells::Stands),
            1 => Just(Tells::Checked),
        ];
        let of_backend = prop::sample::select(vec![Tells::NoServer, Tells::Started, Tells::Stopped]);
        let reason = || prop::option::of(Just("why"));
        prop_oneof![
            5 => (-500..DAY + 500, prop::sample::select(vec!["s1", "s2"]), tells, reason())
                .prop_map(|(at, server, tells, reason)| (at, Some(server), tells, reason)),
            1 => (-500..DAY + 500, of_backend).prop_map(|(at, tells)| (at, None, tells, None)),
        ]
    }

    proptest! {
        #[test]
        fn stretches_follow_each_other_inside_the_window(messages in prop::collection::vec(message(), 0..60), cut in 0..60usize) {
            let whole = folded(&[&messages], 0);
            let (one, two) = messages.split_at(cut.min(messages.len()));
            prop_assert_eq!(whole.timelines(0, DAY), folded(&[one, two], 0).timelines(0, DAY));
            for (_, stretches) in stretches(&whole) {
                prop_assert!(stretches.iter().all(|(_, from, to)| (0..=DAY).contains(from) && from <= to && *to <= DAY));
                prop_assert!(stretches.windows(2).all(|pair| pair[0].2 <= pair[1].1));
                prop_assert!(stretches.windows(2).all(|pair| pair[0].0 != pair[1].0 || pair[0].2 < pair[1].1));
            }
        }
    }
}
