//! Which hits made a ban, for `ban explain`. Holds times and places in files, never text of a line.

use super::numbers::{read_distance, read_number, write_distance, write_number};
use super::window::Counted;

/// Hits that are kept of each ban: the last ones, since the very last completed it.
pub const EVIDENCE_HITS: usize = 20;

/// The hits that made a ban, by time.
///
/// Of a rule that counts distinct values it is one hit of each value. Which one, where a value came often, may depend
/// on the order of arrival; the ban does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub(super) first_us: i64,
    pub(super) left_out: u32,
    kept: u32,
    /// Of each hit the distance of its time to the hit before, its file, and the distance of its offset.
    packed: Box<[u8]>,
}

/// A hit that counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Line {
    /// Log time, microseconds since 1970.
    pub at_us: i64,
    /// File and offset.
    pub place: (u32, u64),
}

impl Evidence {
    /// Of counted hits in order of time.
    pub(super) fn new(counted: impl ExactSizeIterator<Item = Counted>) -> Self {
        let left_out = counted.len().saturating_sub(EVIDENCE_HITS);
        let mut counted = counted.peekable();
        let first_us = counted.peek().map_or(0, |hit| hit.at_us);
        let mut packed = Vec::with_capacity(8 * (counted.len() - left_out));
        let mut kept = 0;
        let mut before = Line { at_us: first_us, place: (0, 0) };
        for Counted { at_us, place, .. } in counted.skip(left_out) {
            write_distance(at_us.wrapping_sub(before.at_us), &mut packed);
            write_number(place.0.into(), &mut packed);
            write_distance(place.1.wrapping_sub(before.place.1).cast_signed(), &mut packed);
            before = Line { at_us, place };
            kept += 1;
        }
        Self { first_us, left_out: u32::try_from(left_out).unwrap_or(u32::MAX), kept, packed: packed.into() }
    }

    /// Of what [`Self::packed`] gave; nothing if it gave something else.
    pub(super) fn unpack(first_us: i64, left_out: u32, packed: &[u8]) -> Option<Self> {
        let lines = Lines { rest: packed, before: Line { at_us: first_us, place: (0, 0) } };
        let kept = lines.map(|line| line.map(|_| 1)).sum::<Option<u32>>()?;
        (kept as usize <= EVIDENCE_HITS).then(|| Self { first_us, left_out, kept, packed: packed.into() })
    }

    pub(super) fn packed(&self) -> &[u8] {
        &self.packed
    }

    /// At most [`EVIDENCE_HITS`], the last ones.
    #[must_use]
    pub fn hits(&self) -> Vec<Line> {
        let lines = Lines { rest: &self.packed, before: Line { at_us: self.first_us, place: (0, 0) } };
        lines.flatten().collect()
    }

    /// Time of the first hit that counted, left out or not, microseconds since 1970.
    #[must_use]
    pub fn first_us(&self) -> i64 {
        self.first_us
    }

    /// Hits that counted before those.
    #[must_use]
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// All hits that counted.
    #[must_use]
    pub fn counted(&self) -> u32 {
        self.left_out.saturating_add(self.kept)
    }
}

/// Unpacks; nothing instead of a line where the bytes hold none.
struct Lines<'b> {
    rest: &'b [u8],
    before: Line,
}

impl Lines<'_> {
    fn line(&mut self) -> Option<Line> {
        let at_us = self.before.at_us.wrapping_add(read_distance(&mut self.rest)?);
        let file = u32::try_from(read_number(&mut self.rest)?).ok()?;
        let offset = self.before.place.1.wrapping_add_signed(read_distance(&mut self.rest)?);
        self.before = Line { at_us, place: (file, offset) };
        Some(self.before)
    }
}

impl Iterator for Lines<'_> {
    type Item = Option<Line>;

    fn next(&mut self) -> Option<Option<Line>> {
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line();
        if line.is_none() {
            self.rest = &[];
        }
        Some(line)
    }
}
