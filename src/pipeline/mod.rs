//! Joins the parts: sources give blocks, parsers read their lines, rollups count them. The only place that does.
//!
//! [`prepare`] settles each source's [`Formats`], the order of its files and which of them the window cannot need;
//! [`read`] takes the blocks of what is left through parsing, on all threads, and folds them in order;
//! [`read_on`] does the same with what is new since an earlier run, and gives it away in portions;
//! [`tally`] only counts what becomes of their lines; `watch` finds the hits of ban rules among them,
//! and [`visit`] shows every line to whoever asks.

mod blocks;
mod formats;
mod lines;
mod prepare;
mod read;
mod resumed;
mod tally;
mod visit;
mod watch;

pub use blocks::ReadOptions;
pub use formats::Formats;
pub use prepare::{PrepareError, Prepared, PreparedFile, extent, prepare};
pub use read::{SourceRead, read};
pub use resumed::{Portion, Resumed, Sink, Unread, read_on};
pub use tally::{FileTally, RejectedLine, SourceTally, TallyOptions, tally};
pub use visit::{Seen, visit};
pub use watch::{HitCounts, HitSink, Watch};

use crate::source::SourceSet;
use crate::window::Window;
use jiff::tz::TimeZone;
use logstat_parsers::{Captures, Escape, Options};

/// A source as it was asked for.
#[derive(Debug, Clone)]
pub struct SourcePlan {
    /// Its name in every output.
    pub name: String,
    /// Where its formats are given, for messages: `--format`.
    pub origin: String,
    /// Its files: logs with their rotated siblings.
    pub sets: Vec<SourceSet>,
    /// Presets or format strings that lines may have, the commonest first; none: to be detected.
    pub formats: Vec<String>,
    /// Presets that an earlier run found, where none is given.
    pub remembered: Vec<String>,
    /// nginx's `escape=`.
    pub escape: Escape,
    /// HAProxy's captured headers, where they are known.
    pub captures: Captures,
    /// Zone of dates without an offset.
    pub timezone: TimeZone,
    #[expect(missing_docs)]
    pub tier: Option<String>,
    #[expect(missing_docs)]
    pub node: Option<String>,
    /// Whether its requests count for bans.
    pub watched: bool,
}

impl SourcePlan {
    /// What a format string of this source does not say.
    #[must_use]
    pub fn options(&self) -> Options {
        Options { escape: self.escape, timezone: self.timezone.clone(), captures: self.captures.clone() }
    }
}

impl Window {
    /// Can anything that ended between these two moments lie inside?
    fn may_hold(&self, oldest_us: Option<i64>, newest_us: Option<i64>) -> bool {
        let too_late = self.until_us.zip(oldest_us).is_some_and(|(until, oldest)| oldest >= until);
        let too_early = self.since_us.zip(newest_us).is_some_and(|(since, newest)| newest < since);
        !too_late && !too_early
    }
}
