//! Hours at rest, whole: merging, any bytes and days.

use super::bytes::reseal;
use super::*;
use crate::bots::Bots;
use crate::rollup::{BlockRollup, KeyHasher, RollupOptions, SourceRollup, TopLists};
use logstat_parsers::{Client, Event, EventKind, Record, ServerState, Tells};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A request as drawn: microsecond, client, path, server, latency, status.
type Drawn = (i64, u32, u32, u8, u64, u16);

fn drawn() -> impl Strategy<Value = Drawn> {
    (0..3 * HOUR_US, 0..300u32, 0..60u32, 0..3u8, prop_oneof![0..9000u64, any::<u64>()], 100..600u16)
}

fn source(requests: &[Drawn], run: u64) -> StoredSource {
    rolled_up(requests, RollupOptions::default().series_per_hour, 50).take_stored(run)
}

fn rolled_up(requests: &[Drawn], series_per_hour: usize, block: usize) -> SourceRollup {
    let options = RollupOptions { to_store: true, series_per_hour, ..RollupOptions::default() };
    let (hasher, bots) = (KeyHasher::default(), Arc::new(Bots::new()));
    let mut source = SourceRollup::new(options.clone(), hasher.clone());
    let mut rollup = BlockRollup::new(options, hasher, bots);
    for some in requests.chunks(block) {
        rollup.clear();
        some.iter().for_each(|request| count(&mut rollup, *request));
        rollup.finish();
        source.fold(&rollup);
    }
    source
}

fn count(rollup: &mut BlockRollup, (end_us, client, path, server, latency_us, status): Drawn) {
    let (path, server) = (format!("/{path}"), format!("s{server}"));
    rollup.record(&Record {
        end_us,
        client: Client::Ip(IpAddr::V4(Ipv4Addr::from_bits(client))),
        target: Some(path.as_bytes()),
        server: Some(server.as_bytes()),
        user_agent: Some(b"curl/8.5.0"),
        latency_us: Some(latency_us),
        status: Some(status),
        bytes_sent: Some(latency_us % 5000),
        termination: Some(b"SC--"),
        ..Record::default()
    });
    rollup.event(&Event {
        at_us: Some(end_us),
        kind: EventKind::ServerDown,
        backend: Some(b"bk"),
        server: Some(server.as_bytes()),
        tells: Some(Tells::Changed { from: ServerState::Up, to: ServerState::Down }),
        reason: None,
        message: path.as_bytes(),
    });
}

fn merged(parts: impl IntoIterator<Item = StoredSource>) -> BTreeMap<i64, StoredHour> {
    let mut hours: BTreeMap<i64, StoredHour> = BTreeMap::new();
    for hour in parts.into_iter().flat_map(|part| part.hours) {
        match hours.entry(hour.hour()) {
            std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().merge(hour),
            std::collections::btree_map::Entry::Vacant(new) => {
                new.insert(hour);
            }
        }
    }
    hours
}

/// What a report does with an hour must be possible with every hour that is read.
fn use_up(hour: &StoredHour) {
    let mut twice = hour.clone();
    twice.merge(hour.clone());
    let twice = AtRest::Hour(twice);
    let mut lists = TopLists::default();
    lists.add(&twice);
    ListKind::ALL.into_iter().for_each(|list| drop(lists.list(list).slowest(9, 2)));
    assert_eq!(twice.start(), hour.hour() * HOUR_S);
    for (name, aggregate) in twice.series() {
        let _ = (name.dimensions(), aggregate.sketch.estimate(), aggregate.busiest_second());
    }
    let mut day = StoredDay::new(StoredDay::of_hour(hour.hour()));
    twice.add_to(&mut day);
    assert_eq!(StoredDay::decode(&day.encode()), Ok(day));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stored_survives(requests in prop::collection::vec(drawn(), 0..300), run in 0..u64::MAX / 2) {
        let stored = source(&requests, run);
        for hour in &stored.hours {
            prop_assert_eq!(&StoredHour::decode(&hour.encode()).unwrap(), hour);
        }
        prop_assert_eq!(StoredEvents::decode(&stored.events.encode()).unwrap(), stored.events);
        prop_assert_eq!(LineCounts::decode(&stored.counts.encode()).unwrap(), stored.counts);
    }

    #[test]
    fn parts_add_up_to_the_whole(requests in prop::collection::vec(drawn(), 0..300), cuts in prop::array::uniform2(0..300usize)) {
        let [first, second] = cuts.map(|cut| cut.min(requests.len()));
        let (first, second) = (first.min(second), first.max(second));
        let parts = [&requests[..first], &requests[first..second], &requests[second..]];
        let [a, b, c] = parts.map(|part| source(part, 0));
        let whole = merged([source(&requests, 0)]);
        prop_assert_eq!(&merged([a.clone(), b.clone(), c.clone()]), &whole);
        let tail = StoredSource { hours: merged([c, b]).into_values().collect(), ..StoredSource::default() };
        let bytes = |hours: BTreeMap<i64, StoredHour>| -> Vec<Vec<u8>> {
            hours.values().map(StoredHour::encode).collect()
        };
        prop_assert_eq!(bytes(merged([tail, a])), bytes(whole));
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        requests in prop::collection::vec(drawn(), 1..60),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>())
    ) {
        let stored = source(&requests, 7);
        let (hour, events) = (stored.hours[0].encode(), stored.events.encode());
        let mut flipped = hour.clone();
        flipped[flips[0].0.index(hour.len())] ^= flips[0].1 | 1;
        prop_assert!(StoredHour::decode(&flipped).is_err());
        // Behind a checksum that is right, whatever else is wrong must be found.
        let spoil = |sealed: &[u8], kind| {
            let mut body = unseal(sealed, kind).unwrap();
            for (at, to) in &flips {
                let at = at.index(body.len());
                body[at] = *to;
            }
            body.truncate(cut.map_or(usize::MAX, |cut| cut.index(body.len())));
            reseal(&body, kind)
        };
        if let Ok(hour) = StoredHour::decode(&spoil(&hour, Kind::Hour)) {
            use_up(&hour);
        }
        if let Ok(mut events) = StoredEvents::decode(&spoil(&events, Kind::Events)) {
            events.merge(events.clone());
            drop(events.availability(i64::MIN, i64::MAX).timelines(0, 86_400));
        }
        let _ = StoredDay::decode(&spoil(&hour, Kind::Hour));
        let _ = LineCounts::decode(&spoil(&stored.counts.encode(), Kind::Lines));
    }

    #[test]
    fn hours_add_up_to_a_day_in_any_order(requests in prop::collection::vec(drawn(), 1..300)) {
        let hours: Vec<StoredHour> = merged([source(&requests, 0)]).into_values().collect();
        let mut forwards = StoredDay::new(0);
        hours.iter().for_each(|hour| forwards.add(hour.clone()));
        let mut backwards = StoredDay::new(0);
        for hour in hours.iter().rev() {
            let mut alone = StoredDay::new(0);
            alone.add(StoredHour::decode(&hour.encode()).unwrap());
            backwards.merge(StoredDay::decode(&alone.encode()).unwrap());
        }
        prop_assert_eq!(forwards.encode(), backwards.encode());
        let mut seconds = BTreeMap::new();
        requests.iter().for_each(|request| *seconds.entry(request.0 / 1_000_000).or_insert(0) += 1);
        let busiest = seconds.iter().map(|(second, requests)| (*requests, *second)).max_by_key(|(n, at)| (*n, -at));
        prop_assert_eq!(forwards.peak(), busiest);
        prop_assert_eq!(forwards.span(), seconds.keys().next().copied().zip(seconds.keys().next_back().copied()));
        let total: u64 = forwards.series().map(|(_, aggregate)| aggregate.sums.requests).sum();
        prop_assert_eq!(total, requests.len() as u64);
    }

    #[test]
    fn series_without_room_are_counted_together(servers in prop::collection::vec(any::<u16>(), 1..40)) {
        let of = |server: &u16| {
            let mut aggregate = Aggregate::default();
            aggregate.sums.requests = 1;
            let name = Some(server.to_string());
            let mut key = SeriesKey::default();
            key.set(&crate::rollup::Dimensions { server: name.as_deref().map(str::as_bytes), ..Default::default() });
            (key, aggregate)
        };
        let full: Vec<u16> = (0..series::SERIES as u16 - 3).collect();
        let mut hour = StoredHour::new(0, full.iter().map(of).collect(), Box::default());
        for server in &servers {
            hour.merge(StoredHour::new(0, vec![of(server)], Box::default()));
        }
        prop_assert!(hour.series().count() <= series::SERIES + 1);
        let total: u64 = hour.series().map(|(_, aggregate)| aggregate.sums.requests).sum();
        prop_assert_eq!(total as usize, full.len() + servers.len());
        prop_assert_eq!(StoredHour::decode(&hour.encode()).unwrap(), hour);
    }
}

#[test]
fn late_lines_keep_their_hour() {
    let at = |hour: i64, path| (hour * HOUR_US, 1, path, 0, 5000, 200);
    let requests: Vec<Drawn> = vec![at(0, 1), at(2, 2), at(0, 1), at(1, 3), at(4, 4), at(0, 5)];
    let mut source = rolled_up(&requests, 1000, 1);
    let paths = source.top(ListKind::Paths).best(9);
    assert_eq!(paths.iter().map(|entry| entry.requests).collect::<Vec<_>>(), [2, 1, 1, 1, 1]);
    let stored = source.take_stored(0);
    let hours: Vec<(i64, usize)> = stored
        .hours
        .iter()
        .map(|hour| (hour.hour(), hour.lists()[ListKind::Paths as usize].entries.len()))
        .collect();
    assert_eq!(hours, [(0, 2), (1, 1), (2, 1), (4, 1)]);
    assert_eq!(source.take_stored(1), StoredSource::default(), "everything was taken");
}

#[test]
fn an_hour_is_merged_into_its_hour_or_its_day_and_no_other() {
    let hours: Vec<StoredHour> = source(&[(0, 1, 1, 0, 5000, 200), (HOUR_US, 2, 1, 0, 700, 503)], 0).hours;
    let twice = |is_day| {
        let once = merge_hour(is_day, None, &hours[0]).unwrap();
        merge_hour(is_day, Some(&once), &hours[0]).unwrap()
    };
    let mut hour = hours[0].clone();
    hour.merge(hours[0].clone());
    assert_eq!(StoredHour::decode(&twice(false)), Ok(hour));
    let mut day = StoredDay::new(0);
    hours.iter().chain(&hours).for_each(|hour| day.add(hour.clone()));
    let second = || merge_hour(true, Some(&twice(true)), &hours[1]);
    let both = merge_hour(true, Some(&second().unwrap()), &hours[1]).unwrap();
    assert_eq!(StoredDay::decode(&both), Ok(day));

    let refused =
        |is_day, stored: &[u8], hour: &StoredHour| merge_hour(is_day, Some(stored), hour).unwrap_err();
    assert_eq!(refused(false, &hours[0].encode(), &hours[1]), DecodeError::Impossible("another hour"));
    let tomorrow = StoredDay::new(1).encode();
    assert_eq!(refused(true, &tomorrow, &hours[0]), DecodeError::Impossible("another day"));
    assert_eq!(refused(true, &hours[0].encode(), &hours[0]), DecodeError::Kind);
}

#[test]
fn a_list_that_overflows_says_so() {
    let requests: Vec<Drawn> =
        (0..6000).map(|n| (n, 0, if n % 2 == 0 { 7 } else { n as u32 + 8 }, 0, 1, 200)).collect();
    let stored = source(&requests, 0);
    let list = &stored.hours[0].lists()[ListKind::Paths as usize];
    assert_eq!((list.entries.len(), list.error), (1, 1));
    assert_eq!((&*list.entries[0].key, list.entries[0].tally.requests), (&b"/7"[..], 2999));
}

#[test]
fn of_a_block_with_too_many_messages_the_newest_are_stored() {
    let requests: Vec<Drawn> = (0..5000).map(|n| (n * 1000, 1, 1, 0, 5000, 200)).collect();
    let events = rolled_up(&requests, 1000, 5000).take_stored(0).events;
    let dates: Vec<_> = events.notes().map(|note| note.at_us.unwrap() / 1000).collect();
    assert_eq!(dates, (4000..5000).collect::<Vec<_>>());
    assert_eq!((events.notes_left_out(), events.notes_after_us()), (4000, Some(3_999_000)));
}
