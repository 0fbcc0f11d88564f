//! Which hits made a ban, for `ban explain`. Holds places in files, never text of a line.

use super::window::Counted;

/// Hits that are kept of each ban: the last ones, since the very last completed it.
pub const EVIDENCE_HITS: usize = 20;

/// The hits that made a ban, by time.
///
/// Of a rule that counts distinct values it is one hit of each value. Which one, where a value came often, may depend
/// on the order of arrival; the ban does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    pub(super) hits: Vec<Counted>,
    pub(super) left_out: u32,
}

impl Evidence {
    /// Of counted hits in order of time.
    pub(super) fn new(mut counted: Vec<Counted>) -> Self {
        let left_out = counted.len().saturating_sub(EVIDENCE_HITS);
        counted.drain(..left_out);
        counted.shrink_to_fit();
        Self { hits: counted, left_out: u32::try_from(left_out).unwrap_or(u32::MAX) }
    }

    /// At most [`EVIDENCE_HITS`], the last ones.
    #[must_use]
    pub fn hits(&self) -> &[Counted] {
        &self.hits
    }

    /// Hits that counted before those.
    #[must_use]
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// All hits that counted.
    #[must_use]
    pub fn counted(&self) -> u32 {
        self.left_out.saturating_add(u32::try_from(self.hits.len()).unwrap_or(u32::MAX))
    }
}
