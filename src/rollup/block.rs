//! Counts the lines of one block exactly. Made to be filled on any thread and used again for the next block.

use super::agents::Verdicts;
use super::availability::Messages;
use super::causes::Cause;
use super::cells::{Cell, CellKind, CellTable, CountTable, MAX_SERIES, pack_termination};
use super::histogram::bucket;
use super::keys::{KeyHasher, KeyTable};
use super::series::{Dimensions, SeriesKey, Sums, TimingKind, status_digits};
use super::sketch::{Dense, Register, dense, raise};
use super::top::{COARSE_WIDTH, KEY_LIMIT, ListKind, Tally, coarse};
use super::{HOUR_S, RollupOptions};
use crate::bots::Bots;
use logstat_parsers::{Client, Event, EventKind, Record, Reject, RejectKind};
use memchr::memchr;
use std::collections::BTreeMap;
use std::sync::Arc;

const HOUR_US: i64 = HOUR_S * 1_000_000;
/// Series of a block with an array of registers of their own; further ones keep a list.
const DENSE_SERIES: u32 = 32;
/// Places of rejects that a block remembers, for each kind.
const REJECT_PLACES: usize = 5;
/// Messages of proxies that a block remembers, for a state up to twice as many, and the bytes kept of each.
const EVENTS: usize = 1000;
const EVENT_BYTES: usize = 512;

/// Where lines went: `lines = records + events + rejects + blank`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see Accounting in the reports crate")]
pub struct LineCounts {
    pub lines: u64,
    pub records: u64,
    pub outside_window: u64,
    pub future: u64,
    pub events: u64,
    pub blank: u64,
    pub truncated: u64,
    pub rejects: [u64; RejectKind::ALL.len()],
}

impl LineCounts {
    /// Adds the counts of other lines.
    pub fn merge(&mut self, other: &Self) {
        self.lines += other.lines;
        self.records += other.records;
        self.outside_window += other.outside_window;
        self.future += other.future;
        self.events += other.events;
        self.blank += other.blank;
        self.truncated += other.truncated;
        self.rejects.iter_mut().zip(other.rejects).for_each(|(count, other)| *count += other);
    }

    /// What became of lines, by name: only what occurred.
    #[must_use]
    pub fn kinds(&self) -> Vec<(String, u64)> {
        let named = [
            ("records", self.records),
            ("outside_window", self.outside_window),
            ("future", self.future),
            ("events", self.events),
            ("blank", self.blank),
            ("truncated", self.truncated),
        ];
        let named = named.into_iter().map(|(kind, count)| (kind.to_owned(), count));
        let rejects = RejectKind::ALL.iter().zip(self.rejects);
        let rejects = rejects.map(|(kind, count)| (format!("reject_{}", kind.name()), count));
        named.chain(rejects).filter(|(_, count)| *count > 0).collect()
    }

    /// Rejects of every kind.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejects.iter().sum()
    }

    /// Rejects that speak against the format: not lines that can be read in two ways or are over-long, which clients
    /// cause.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        let by_clients = [RejectKind::Ambiguous, RejectKind::TooLong].map(|kind| self.rejects[kind as usize]);
        self.rejected() - by_clients.iter().sum::<u64>()
    }
}

/// Where a reject stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectNote {
    #[expect(missing_docs)]
    pub reject: Reject,
    /// Line in the block, from 0.
    pub line: u64,
    /// The start of the line.
    pub excerpt: Vec<u8>,
}

/// A message of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "see Event")]
pub struct EventNote {
    pub at_us: Option<i64>,
    pub kind: EventKind,
    pub message: Vec<u8>,
}

/// Numbers that a block gives to texts, where it counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Places {
    /// Of the user agent.
    pub agent: Option<u32>,
    /// Of the target, if it has no query.
    pub target: Option<u32>,
}

/// Requests of one second of one series.
#[derive(Debug, Default)]
struct Second {
    series: u32,
    second: u32,
    requests: u32,
}

/// Everything that a block's lines add up to.
#[derive(Debug)]
pub struct BlockRollup {
    options: RollupOptions,
    hasher: KeyHasher,
    /// Hours that occur, in order of appearance; a place in it is an hour's slot.
    pub(super) hours: Vec<i64>,
    slots: BTreeMap<i64, u32>,
    pub(super) series: KeyTable<Sums>,
    pub(super) cells: CellTable,
    pub(super) registers: Vec<Box<Dense>>,
    /// Registers of the series without an array.
    pub(super) more_registers: Vec<(u32, Register)>,
    pub(super) lists: [KeyTable<Tally>; ListKind::ALL.len()],
    /// Latencies of paths by place in the list of paths, then coarse bucket.
    path_latencies: CountTable,
    verdicts: Verdicts,
    /// By place in the list of user agents: a bot's.
    agents: Vec<bool>,
    /// Places of the last record's texts.
    places: Places,
    /// Where every line went.
    pub counts: LineCounts,
    /// Lines that are in no hour's requests, by the hour of the request before them; `None` is before the block's first.
    /// Requests are among them only for what else they are: cut short, or in the future.
    pub(super) strays: BTreeMap<Option<i64>, LineCounts>,
    /// End of the last request that counts.
    pub last_us: Option<i64>,
    /// The first rejects of each kind.
    pub reject_notes: Vec<RejectNote>,
    /// Messages of proxies, in order.
    pub event_notes: Vec<EventNote>,
    /// Messages beyond those.
    pub events_left_out: u64,
    /// What messages tell of servers, those before the window too.
    pub(super) messages: Messages,
    /// End of the first and last request in log time, whether inside the window or not.
    pub oldest_us: i64,
    #[expect(missing_docs)]
    pub newest_us: i64,
    /// The latest second: lines of one second come together.
    second: Second,
    slot: (i64, u32),
    name: SeriesKey,
    /// Slot and place of the last record's series.
    last: Option<(u32, u32)>,
}

impl BlockRollup {
    /// An empty one. All blocks that are folded together must share `hasher`.
    #[must_use]
    pub fn new(options: RollupOptions, hasher: KeyHasher, bots: Arc<Bots>) -> Self {
        Self {
            options,
            hasher,
            hours: Vec::new(),
            slots: BTreeMap::new(),
            series: KeyTable::default(),
            cells: CellTable::default(),
            registers: Vec::new(),
            more_registers: Vec::new(),
            lists: Default::default(),
            path_latencies: CountTable::default(),
            second: Second::default(),
            verdicts: Verdicts::new(bots),
            agents: Vec::new(),
            places: Places::default(),
            counts: LineCounts::default(),
            strays: BTreeMap::new(),
            last_us: None,
            reject_notes: Vec::new(),
            event_notes: Vec::new(),
            events_left_out: 0,
            messages: Messages::default(),
            oldest_us: i64::MAX,
            newest_us: i64::MIN,
            slot: (i64::MIN, 0),
            name: SeriesKey::default(),
            last: None,
        }
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.hours.clear();
        self.slots.clear();
        self.series.clear();
        self.cells.clear();
        self.registers.iter_mut().for_each(|ranks| ranks.fill(0));
        self.more_registers.clear();
        self.lists.iter_mut().for_each(KeyTable::clear);
        self.path_latencies.clear();
        self.agents.clear();
        self.counts = LineCounts::default();
        self.strays.clear();
        self.last_us = None;
        self.reject_notes.clear();
        self.event_notes.clear();
        self.events_left_out = 0;
        self.messages.clear();
        (self.oldest_us, self.newest_us) = (i64::MAX, i64::MIN);
        self.second = Second::default();
        self.slot = (i64::MIN, 0);
        self.last = None;
    }

    /// Counts a request.
    #[inline]
    pub fn record(&mut self, record: &Record<'_>) {
        self.counts.lines += 1;
        self.counts.records += 1;
        self.places = Places::default();
        if record.end_us >= self.options.future_us {
            self.counts.future += 1;
            self.stray().future += 1;
            return self.truncated(record);
        }
        self.oldest_us = self.oldest_us.min(record.end_us);
        self.newest_us = self.newest_us.max(record.end_us);
        self.last_us = Some(record.end_us);
        self.truncated(record);
        if record.end_us < self.options.since_us || record.end_us >= self.options.until_us {
            self.counts.outside_window += 1;
            return;
        }
        let slot = self.slot(record.end_us);
        let series = self.series(slot, record);
        self.count_cells(series, record);
        self.timings(series, record);
        let bot = record.user_agent.map(|agent| self.user_agent(slot, agent, record));
        self.add_sums(series, record, bot);
        self.client(slot, series, record);
        if self.options.top {
            self.top_lists(slot, record);
        }
    }

    #[inline]
    fn truncated(&mut self, record: &Record<'_>) {
        if record.truncated {
            self.counts.truncated += 1;
            self.stray().truncated += 1;
        }
    }

    /// The counts of lines that stand behind the last request.
    #[cold]
    fn stray(&mut self) -> &mut LineCounts {
        let hour = self.last_us.map(|us| us.div_euclid(HOUR_US));
        self.strays.entry(hour).or_default()
    }

    /// Counts a message of a proxy.
    pub fn event(&mut self, event: &Event<'_>) {
        self.counts.lines += 1;
        self.counts.events += 1;
        self.stray().events += 1;
        if event.at_us.is_some_and(|at| at < self.options.future_us) {
            self.messages.add(event);
        }
        let until_us = self.options.until_us.min(self.options.future_us);
        let inside = event.at_us.is_none_or(|at| (self.options.since_us..until_us).contains(&at));
        if !inside {
            return;
        }
        if self.options.to_store && self.event_notes.len() >= 2 * EVENTS {
            // A state keeps the newest.
            self.events_left_out += self.event_notes.drain(..EVENTS).count() as u64;
        } else if !self.options.to_store && self.event_notes.len() >= EVENTS {
            self.events_left_out += 1;
            return;
        }
        let message = event.message[..event.message.len().min(EVENT_BYTES)].to_vec();
        self.event_notes.push(EventNote { at_us: event.at_us, kind: event.kind, message });
    }

    /// Counts a line that is neither, the block's line `number` from 0.
    pub fn reject(&mut self, reject: Reject, number: u64, line: &[u8]) {
        self.stray().rejects[reject.kind as usize] += 1;
        let count = &mut self.counts.rejects[reject.kind as usize];
        *count += 1;
        if *count <= REJECT_PLACES as u64 {
            let excerpt = line[..line.len().min(EVENT_BYTES)].to_vec();
            self.reject_notes.push(RejectNote { reject, line: number, excerpt });
        }
        self.counts.lines += 1;
    }

    /// Counts a blank line.
    pub fn blank(&mut self) {
        self.counts.lines += 1;
        self.counts.blank += 1;
        self.stray().blank += 1;
    }

    /// Latencies of paths as (place in the list of paths, coarse bucket, count).
    pub(super) fn path_latencies(&self) -> impl Iterator<Item = (u32, u32, u64)> + '_ {
        let mask = (1 << COARSE_WIDTH) - 1;
        self.path_latencies.iter().map(move |(key, count)| (key >> COARSE_WIDTH, key & mask, count))
    }

    /// To be called after the last line.
    pub fn finish(&mut self) {
        self.flush_second();
    }

    #[inline]
    fn slot(&mut self, end_us: i64) -> u32 {
        let hour = end_us.div_euclid(HOUR_US);
        if self.slot.0 != hour {
            // A log of random dates has an hour for every line, so that a walk over all of them would not do.
            let at = *self.slots.entry(hour).or_insert(self.hours.len() as u32);
            if at as usize == self.hours.len() {
                self.hours.push(hour);
            }
            self.slot = (hour, at);
        }
        self.slot.1
    }

    #[inline]
    fn series(&mut self, slot: u32, record: &Record<'_>) -> u32 {
        let status = if self.options.by_status { record.status.map(status_digits) } else { None };
        let name = Dimensions::of(record, self.options.by_method, status.as_ref());
        if let Some((last_slot, at)) = self.last
            && last_slot == slot
            && name.is(self.series.key_at(at))
        {
            return at;
        }
        let hash = self.hasher.hash_parts(slot, &name.parts());
        let found = self.series.find(hash, slot, |key| name.is(key));
        let at = found.unwrap_or_else(|| self.new_series(hash, slot, &name));
        self.last = Some((slot, at));
        at
    }

    #[cold]
    fn new_series(&mut self, hash: u64, slot: u32, name: &Dimensions<'_>) -> u32 {
        if self.series.len() < MAX_SERIES {
            self.name.set(name);
            return self.series.enter(hash, slot, self.name.as_bytes());
        }
        let other = SeriesKey::other();
        let hash = self.hasher.hash_parts(slot, &other.dimensions().parts());
        self.series.place(hash, slot, other.as_bytes()).0
    }

    #[inline]
    fn count_cells(&mut self, series: u32, record: &Record<'_>) {
        let second = (record.end_us.rem_euclid(HOUR_US) / 1_000_000) as u32;
        if (self.second.series, self.second.second) != (series, second) {
            self.flush_second();
            (self.second.series, self.second.second) = (series, second);
        }
        self.second.requests += 1;
        let mut count = |kind, value| self.cells.add(series, Cell::new(kind, value), 1);
        if let Some(status) = record.status {
            count(CellKind::Status, u32::from(status));
        }
        if let Some(state) = record.termination {
            count(CellKind::Termination, pack_termination(state));
        }
        if let Some(cache) = record.cache {
            count(CellKind::Cache, cache as u32);
        }
    }

    fn flush_second(&mut self) {
        let Second { series, second, requests } = std::mem::take(&mut self.second);
        if requests > 0 {
            self.cells.add(series, Cell::new(CellKind::Second, second), requests);
        }
    }

    #[inline]
    fn add_sums(&mut self, series: u32, record: &Record<'_>, bot: Option<bool>) {
        let sums = self.series.tally_mut(series);
        sums.requests += 1;
        if let Some(bytes) = record.bytes_sent {
            sums.bytes_n += 1;
            sums.bytes_sent = sums.bytes_sent.saturating_add(bytes);
        }
        if let Some(retries) = record.retries {
            sums.retries_n += 1;
            sums.retries += u64::from(retries);
            sums.redispatches += u64::from(record.redispatched);
        }
        if let Some(bot) = bot {
            sums.user_agents_n += 1;
            sums.bot_requests += u64::from(bot);
        }
        sums.clients_n += u64::from(record.client != Client::Unknown);
        if let Some(cause) = Cause::of(record) {
            sums.failures[cause as usize] += 1;
        }
    }

    #[inline]
    fn timings(&mut self, series: u32, record: &Record<'_>) {
        self.timing(series, TimingKind::Latency, record.latency_us);
        self.timing(series, TimingKind::Upstream, record.upstream_us);
        self.timing(series, TimingKind::Queue, record.queue_us);
        self.timing(series, TimingKind::Connect, record.connect_us);
        self.timing(series, TimingKind::Response, record.response_us);
    }

    #[inline]
    fn timing(&mut self, series: u32, kind: TimingKind, us: Option<u64>) {
        if let Some(us) = us {
            self.series.tally_mut(series).timings[kind as usize].add(us);
            self.cells.add(series, Cell::new(kind.cells(), bucket(us)), 1);
        }
    }

    #[inline]
    fn client(&mut self, slot: u32, series: u32, record: &Record<'_>) {
        let register = match record.client {
            Client::Unknown => return,
            Client::Ip(ip) => Register::of_ip(ip),
            Client::Name(name) => Register::of_name(name),
        };
        self.note_register(series, register);
        if self.options.top {
            let mut key = [0; KEY_LIMIT];
            let key = client_key(record.client, &mut key);
            self.list(ListKind::Clients, slot, key, record);
        }
    }

    #[inline]
    fn note_register(&mut self, series: u32, register: Register) {
        if series >= DENSE_SERIES {
            self.more_registers.push((series, register));
            return;
        }
        while self.registers.len() <= series as usize {
            self.registers.push(Box::new(dense()));
        }
        raise(&mut self.registers[series as usize][register.index as usize], register.rank);
    }

    /// Enters a user agent and says whether it is a bot's.
    #[inline]
    fn user_agent(&mut self, slot: u32, agent: &[u8], record: &Record<'_>) -> bool {
        if !self.options.top {
            return self.verdicts.is_bot(agent);
        }
        let place = self.list(ListKind::UserAgents, slot, agent, record);
        // Longer ones share the place of their beginning.
        self.places.agent = (agent.len() <= KEY_LIMIT).then_some(place);
        let at = place as usize;
        if at == self.agents.len() {
            self.agents.push(self.verdicts.is_bot(agent));
        }
        self.agents[at]
    }

    /// Numbers for the last record's texts: equal numbers of a block stand for equal texts.
    #[inline]
    #[must_use]
    pub fn places(&self) -> Places {
        self.places
    }

    #[inline]
    fn top_lists(&mut self, slot: u32, record: &Record<'_>) {
        if let Some(referer) = record.referer {
            self.list(ListKind::Referrers, slot, referer, record);
        }
        let Some(target) = record.target else { return };
        let path = &target[..memchr(b'?', target).unwrap_or(target.len())];
        let at = self.list(ListKind::Paths, slot, path, record);
        self.places.target = (path.len() == target.len() && path.len() <= KEY_LIMIT).then_some(at);
        if let Some(latency_us) = record.latency_us {
            self.path_latencies.add(at << COARSE_WIDTH | coarse(latency_us), 1);
        }
        match record.status {
            Some(404) => self.list(ListKind::NotFound, slot, path, record),
            Some(500..=599) => self.list(ListKind::ErrorPaths, slot, path, record),
            _ => return,
        };
    }

    #[inline]
    fn list(&mut self, list: ListKind, slot: u32, key: &[u8], record: &Record<'_>) -> u32 {
        let key = &key[..key.len().min(KEY_LIMIT)];
        let hash = self.hasher.hash(slot, key);
        let table = &mut self.lists[list as usize];
        let (at, _) = table.place(hash, slot, key);
        table.tally_mut(at).add(1, record.bytes_sent.unwrap_or(0));
        at
    }
}

const IP_KEY: u8 = b'i';
const NAME_KEY: u8 = b'n';

#[inline]
fn client_key<'b>(client: Client<'_>, buffer: &'b mut [u8; KEY_LIMIT]) -> &'b [u8] {
    match client {
        Client::Unknown => &[],
        Client::Ip(ip) => {
            let octets = match ip {
                std::net::IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                std::net::IpAddr::V6(v6) => v6.octets(),
            };
            buffer[0] = IP_KEY;
            buffer[1..17].copy_from_slice(&octets);
            &buffer[..17]
        }
        Client::Name(name) => {
            let len = name.len().min(KEY_LIMIT - 1);
            buffer[0] = NAME_KEY;
            buffer[1..=len].copy_from_slice(&name[..len]);
            &buffer[..=len]
        }
    }
}

/// The client of a key in the list of clients.
#[must_use]
pub fn client_of_key(key: &[u8]) -> Client<'_> {
    match key {
        [IP_KEY, octets @ ..] => {
            let octets = <[u8; 16]>::try_from(octets).unwrap_or_default();
            Client::Ip(std::net::Ipv6Addr::from(octets).to_canonical())
        }
        [NAME_KEY, name @ ..] => Client::Name(name),
        _ => Client::Unknown,
    }
}
