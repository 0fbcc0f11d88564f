//! Top lists of many hours or days at rest, added up. Ranks nothing.

use super::keys::KeyHasher;
use super::stored::AtRest;
use super::top::{ListKind, TopSummary};

/// What the top lists of one source add up to.
#[derive(Debug, Default)]
pub struct TopLists {
    hasher: KeyHasher,
    lists: Box<[TopSummary; ListKind::ALL.len()]>,
}

impl TopLists {
    /// Adds the lists of an hour or a day. They must come in ascending order, so that lists that overflow always do so
    /// alike.
    pub fn add(&mut self, stored: &AtRest) {
        for (list, more) in self.lists.iter_mut().zip(stored.lists()) {
            list.merge_stored(more, &self.hasher);
            list.prune();
        }
    }

    /// One of them.
    #[must_use]
    pub fn list(&self, kind: ListKind) -> &TopSummary {
        &self.lists[kind as usize]
    }
}
