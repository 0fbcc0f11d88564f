//! Messages at rest: which of them stay, whatever the order of merging, and what is still known of servers.

use super::*;
use crate::rollup::availability::Messages;
use crate::rollup::{EventNote, ServerTimeline};
use ServerState::{Down, Drain, Maintenance, Up};
use logstat_parsers::{Event, EventKind, ServerState, Tells};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const SECOND_US: i64 = 1_000_000;

/// Second, server and what is told of it: no server is the backend.
type Said = (i64, Option<u32>, Tells);

/// State, from and to.
type Stretches = Vec<(ServerState, i64, i64)>;

/// What a run reads, as told and as notes.
fn events(run: u64, said: &[Said]) -> StoredEvents {
    let mut messages = Messages::default();
    let mut notes = Vec::new();
    for (at, server, tells) in said {
        let name = server.map(|server| format!("s{server}"));
        let event = Event {
            at_us: Some(at * SECOND_US),
            kind: EventKind::ServerState,
            backend: Some(b"bk"),
            server: name.as_deref().map(str::as_bytes),
            tells: Some(*tells),
            reason: None,
            message: b"said",
        };
        messages.add(&event);
        notes.push(EventNote { at_us: event.at_us, kind: event.kind, message: b"said".to_vec() });
    }
    let mut events = StoredEvents::default();
    events.add_block(&messages, &notes, 0);
    events.of_run(run)
}

fn changed(from: ServerState, to: ServerState) -> Tells {
    Tells::Changed { from, to }
}

/// A server that flaps every second, from one second up to another.
fn flaps(server: u32, seconds: std::ops::Range<i64>) -> Vec<Said> {
    let tells = |at: i64| if at % 2 == 0 { changed(Up, Down) } else { changed(Down, Up) };
    seconds.map(|at| (at, Some(server), tells(at))).collect()
}

/// Merged in this order, by way of the stored form.
fn merged(parts: &[StoredEvents], order: &[Index]) -> StoredEvents {
    let mut left: Vec<&StoredEvents> = parts.iter().collect();
    let mut all = StoredEvents::default();
    for next in order.iter().cycle().take(parts.len()) {
        all.merge(left.swap_remove(next.index(left.len())).clone());
        all = StoredEvents::decode(&all.encode()).unwrap();
    }
    all
}

fn timelines(events: &StoredEvents, since: i64, until: i64) -> Vec<ServerTimeline> {
    events.availability(since * SECOND_US, until * SECOND_US).timelines(since, until)
}

/// By server.
fn stretches(events: &StoredEvents, since: i64, until: i64) -> Vec<(String, Stretches)> {
    let name = |line: &ServerTimeline| {
        line.server.as_ref().map_or_else(String::new, |server| String::from_utf8_lossy(server).into())
    };
    let of = |line: &ServerTimeline| line.intervals.iter().map(|it| (it.state, it.from, it.to)).collect();
    timelines(events, since, until).iter().map(|line| (name(line), of(line))).collect()
}

#[test]
fn the_newest_messages_stay_and_what_states_rest_on() {
    let mut early = vec![(-500, Some(2), changed(Up, Maintenance))];
    early.extend(flaps(1, 0..8000));
    let parts = [events(1, &early), events(2, &flaps(1, 8000..16_000))];
    let mut all = parts[1].clone();
    all.merge(parts[0].clone());
    let newest: Vec<_> = all.notes().map(|note| note.at_us.unwrap() / SECOND_US).collect();
    assert_eq!(newest, (15_000..16_000).collect::<Vec<_>>());
    assert_eq!((all.notes_left_out(), all.notes_after_us()), (15_001, Some(14_999 * SECOND_US)));
    // Room for 8,000, and for what the states of both servers rested on before.
    let known = stretches(&all, -900, 20_000);
    let (one, two) = (&known[0], &known[1]);
    assert_eq!((two.0.as_str(), two.1.as_slice()), ("s2", [(Maintenance, 7999, 20_000)].as_slice()));
    assert_eq!(one.1.first(), Some(&(Up, 7999, 8000)));
    assert_eq!(one.1.last(), Some(&(Up, 15_999, 20_000)));
    assert_eq!(one.1.len(), 8001, "none is left out a second time");
    let mut other = parts[0].clone();
    other.merge(parts[1].clone());
    assert_eq!(other.encode(), all.encode());
}

#[test]
fn what_was_heard_of_last_has_the_room_of_a_report() {
    let gone: Vec<Said> =
        (0..1500).map(|server| (i64::from(server), Some(server), changed(Up, Down))).collect();
    let known = stretches(&events(0, &gone), 0, 2000);
    assert_eq!(known.len(), 1000);
    assert!(known.iter().any(|(name, _)| name == "s1499") && known.iter().all(|(name, _)| name != "s499"));
}

#[test]
fn forgetting_keeps_what_still_holds() {
    let all = events(
        0,
        &[
            (100, Some(1), changed(Up, Down)),
            (100, None, Tells::NoServer),
            (150, Some(1), Tells::Checked),
            (200, Some(1), changed(Down, Up)),
            (300, Some(1), changed(Up, Drain)),
            (900, Some(2), changed(Up, Down)),
        ],
    );
    let mut part = all.clone();
    part.forget_before(900 * SECOND_US);
    assert_eq!(part.notes().count(), 1);
    assert_eq!((part.notes_left_out(), part.notes_after_us()), (0, Some(300 * SECOND_US)));
    // Nobody knows what was forgotten before the check, or what the check led to.
    let known = stretches(&part, 0, 2000);
    let one = vec![(Down, 151, 200), (Up, 200, 300), (Drain, 300, 2000)];
    assert_eq!(known[0], (String::new(), vec![(Down, 151, 200), (Up, 200, 2000)]));
    assert_eq!(known[1], ("s1".to_owned(), one));
    assert_eq!(known[2], ("s2".to_owned(), vec![(Up, 151, 900), (Down, 900, 2000)]));
    let before = part.clone();
    part.forget_before(900 * SECOND_US);
    assert_eq!(part, before);
    assert_eq!(StoredEvents::decode(&part.encode()), Ok(part));
}

#[test]
fn what_had_no_room_is_forgotten_with_the_rest() {
    let mut all = events(0, &flaps(1, 0..12_000));
    assert_eq!(all.notes_left_out(), 11_000);
    all.forget_before(10_999 * SECOND_US);
    assert_eq!((all.notes_left_out(), all.notes().count()), (11_000, 1000), "one is not that old");
    all.forget_before(11_000 * SECOND_US);
    assert_eq!((all.notes_left_out(), all.notes().count()), (0, 1000));
}

fn said() -> impl Strategy<Value = Said> {
    let state = || select(vec![Up, Down, Maintenance, Drain]);
    let change = (state(), state()).prop_map(|(from, to)| changed(from, to));
    let of_server = prop_oneof![
        4 => change,
        1 => select(vec![Tells::Stands(Up), Tells::Stands(Down), Tells::Checked]),
    ];
    let of_backend = vec![Tells::NoServer, Tells::NoServer, Tells::Started, Tells::Stopped];
    let at = || (0..90i64).prop_map(|minute| minute * 60);
    prop_oneof![
        4 => (at(), 0..3u32, of_server).prop_map(|(at, server, tells)| (at, Some(server), tells)),
        // What another process says within seconds of the end of the first is told apart by what was before.
        1 => (at(), select(of_backend)).prop_map(|(at, tells)| (at + 30 * i64::from(tells == Tells::Stopped), None, tells)),
    ]
}

/// How each server stood in the middle of each minute, where that is known.
fn by_minute(events: &StoredEvents, since: i64) -> BTreeMap<(String, i64), ServerState> {
    let mut known = BTreeMap::new();
    for (server, stretches) in stretches(events, since, 90 * 60) {
        for (state, from, to) in stretches {
            let middles = (from.div_euclid(60)..90).map(|minute| minute * 60 + 30);
            known
                .extend(middles.filter(|at| (from..to).contains(at)).map(|at| ((server.clone(), at), state)));
        }
    }
    known
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn what_is_forgotten_changes_nothing_later(
        said in prop::collection::vec(said(), 0..60),
        minute in 0..90i64,
        later in 0..30i64
    ) {
        let whole = events(0, &said);
        let mut part = whole.clone();
        part.forget_before(minute * 60 * SECOND_US);
        let since = (minute + later) * 60;
        let (part, mut whole) = (by_minute(&part, since), by_minute(&whole, since));
        // When processes follow each other, it may be lost how a server stood. It never stood otherwise.
        if said.iter().any(|(_, _, tells)| matches!(tells, Tells::Stopped | Tells::Checked)) {
            whole.retain(|minute, _| part.contains_key(minute));
        }
        prop_assert_eq!(part, whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_merging_does_not_show_when_there_is_no_room(
        some in prop::collection::vec((prop::collection::vec(said(), 0..60), 0..9000i64, 1000..9000i64), 1..7),
        orders in prop::array::uniform2(prop::collection::vec(any::<Index>(), 1..9))
    ) {
        let part = |(run, (said, from, length)): (u64, &(Vec<Said>, i64, i64))| {
            let flaps = flaps(run as u32 + 5, *from..from + length);
            events(run, &[said.as_slice(), &flaps].concat())
        };
        let parts: Vec<StoredEvents> = (0..).zip(&some).map(part).collect();
        let one = merged(&parts, &orders[0]);
        prop_assert_eq!(one.encode(), merged(&parts, &orders[1]).encode());
        // Nor does grouping.
        let (head, tail) = parts.split_at(parts.len() / 2);
        let mut grouped = merged(tail, &orders[0]);
        grouped.merge(merged(head, &orders[1]));
        prop_assert_eq!(one.encode(), grouped.encode());
    }
}
