//! What messages told of servers, and which of them are kept. Replays nothing.
//!
//! Kept are the newest messages, and before them the last one that each state rests on: a server may be down for a year
//! without another word. Both follow from the order of the messages alone, so that it makes no difference in which
//! order, and in how many parts, they were added.

use crate::rollup::availability::{CHANGES, Ground, SERVERS};
use logstat_parsers::Tells;
use std::collections::{BTreeMap, BTreeSet};

/// Messages about servers that are kept, as many as a report replays.
pub(super) const TOLD: usize = NEWEST + HELD;
const NEWEST: usize = CHANGES - HELD;
/// Those before them that are kept because a state rests on them.
const HELD: usize = 2000;

/// What a message told of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredTold {
    pub at_us: i64,
    /// Which run read it; of one instant, those of an earlier run come first.
    pub run: u64,
    pub tells: Tells,
    pub backend: Box<[u8]>,
    pub server: Option<Box<[u8]>>,
    pub reason: Option<Box<[u8]>>,
}

/// What a message of a backend or a server is the ground of.
type Held<'t> = (&'t [u8], Option<&'t [u8]>, Ground);

impl StoredTold {
    /// The backend or the server.
    fn subject(&self) -> (&[u8], Option<&[u8]>) {
        (&self.backend, self.server.as_deref())
    }

    fn holds(&self) -> impl Iterator<Item = Held<'_>> {
        let (backend, server) = self.subject();
        let of = move |ground| match ground {
            // Any server will do.
            Ground::ServerUp => (backend, None, ground),
            _ => (backend, server, ground),
        };
        Ground::all_of(self.tells).map(of)
    }
}

/// The messages that there is room for in a report, in order: those about the servers that were heard of last.
pub(super) fn to_replay(told: &[StoredTold]) -> impl Iterator<Item = &StoredTold> {
    let mut subjects = BTreeSet::new();
    for told in told.iter().rev() {
        if subjects.len() < SERVERS {
            subjects.insert(told.subject());
        }
    }
    told.iter().filter(move |told| subjects.contains(&told.subject()))
}

/// Puts messages in order. Those of one instant and one run stay as they are.
pub(super) fn sort(told: &mut [StoredTold]) {
    told.sort_by_key(|told| (told.at_us, told.run));
}

/// Takes out what there is no room for; gives how many that are, and when the newest of them came.
pub(super) fn cut(told: &mut Vec<StoredTold>) -> (u64, Option<i64>) {
    // However many are held: what has no room in a part must have none in the whole.
    let newest = told.len().saturating_sub(NEWEST);
    take_out(told, newest)
}

/// Takes out what is older, but for that on which a state rests.
pub(super) fn forget_before(told: &mut Vec<StoredTold>, at_us: i64) -> (u64, Option<i64>) {
    let older = told.partition_point(|told| told.at_us < at_us);
    take_out(told, older)
}

/// Takes out the oldest, but for that on which a state rests that holds behind them.
fn take_out(told: &mut Vec<StoredTold>, oldest: usize) -> (u64, Option<i64>) {
    let held = held(&told[..oldest]);
    let (mut count, mut newest, mut at) = (0, None, 0);
    told.retain(|told| {
        let stays = at >= oldest || held.binary_search(&at).is_ok();
        at += 1;
        if !stays {
            count += 1;
            newest = Some(told.at_us);
        }
        stays
    });
    (count, newest)
}

/// The places of the messages that a state rests on, ascending; the newest when there are too many.
fn held(told: &[StoredTold]) -> Vec<usize> {
    let mut last = BTreeMap::new();
    for (at, told) in told.iter().enumerate() {
        last.extend(told.holds().map(|held| (held, at)));
    }
    let mut held: Vec<usize> = last.into_values().collect();
    held.sort_unstable();
    held.dedup();
    held.split_off(held.len().saturating_sub(HELD))
}
