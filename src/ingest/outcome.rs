//! How a run went, in words and as an exit. Reads and keeps nothing.

use super::sight::Sight;
use crate::exit::Exit;
use crate::output::say;
use crate::rollup::LineCounts;
use crate::run::complain;
use crate::source::ReadError;
use crate::store::Gap;
use logstat_reports::text::count;

const GAP_HINT: &str = "hint: run more often than logs are rotated away, and keep one rotated log uncompressed \
                        (delaycompress)";
/// Fewer rejects say nothing about their share.
const REJECTS_TO_JUDGE: u64 = 10;

/// How a run went.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Of lines that were read and committed.
    pub counts: LineCounts,
    /// Requests of days that are not kept.
    pub expired: u64,
    /// What was lost before it could be read.
    pub gaps: Vec<Gap>,
    /// What could not be found, or not be told.
    pub problems: Vec<String>,
    /// Files that are left out because others hold the same lines.
    pub notes: Vec<String>,
    /// Something is there that could not be looked at.
    pub out_of_reach: bool,
    /// Files that could not be read to their end.
    pub errors: Vec<ReadError>,
    /// Hits were told by proxies.
    pub forwarded: bool,
    /// A rejected line's file.
    pub rejected_in: Option<String>,
}

impl Outcome {
    /// Only the last look counts: what could not be found then is still not there.
    pub fn see(&mut self, sight: &mut Sight) {
        self.problems.clone_from(&sight.problems);
        self.out_of_reach = sight.out_of_reach;
        self.notes.clone_from(&sight.notes);
        let waiting = sight.sources.iter_mut().flat_map(|look| look.todo.waiting.drain(..));
        self.errors = waiting.map(|waiting| waiting.error).collect();
    }

    /// Says what is wrong, if anything is.
    pub fn tell(&self, max_reject_ratio: f64) -> Exit {
        let mut exit = complain(&self.problems);
        self.errors.iter().for_each(|error| say(&error_text(error)));
        self.gaps.iter().for_each(|gap| say(&format!("{gap}\n{GAP_HINT}")));
        if !(self.gaps.is_empty() && self.errors.is_empty()) {
            exit = Exit::LimitExceeded;
        }
        let counts = &self.counts;
        if is_too_many(counts.rejected(), counts.lines, max_reject_ratio) {
            let file = self.rejected_in.as_deref().unwrap_or("a log");
            say(&format!(
                "rejected {} of {} new lines, more than --max-reject-ratio {max_reject_ratio} allows\nhint: `logstat check '{file}'` shows them; mend the format soon, since lines are not read again",
                count(counts.rejected()),
                count(counts.lines)
            ));
            exit = Exit::LimitExceeded;
        }
        if counts.records > 0 && counts.future == counts.records {
            say(&format!(
                "all {} new requests lie in the future, and are in no figure\nhint: is the clock right, and the zone (timezone of the source, --log-tz)?",
                count(counts.future)
            ));
            exit = Exit::LimitExceeded;
        }
        if self.expired > 0 {
            say(&format!(
                "{} requests are of days that are not kept any more (keep_days under [state])",
                count(self.expired)
            ));
        }
        let unreadable = |error: &ReadError| {
            matches!(error, ReadError::Open { .. } | ReadError::Io { .. }) && !error.has_moved()
        };
        if self.out_of_reach || self.errors.iter().any(unreadable) { Exit::Failed } else { exit }
    }

    /// Cron sends a mail for every word.
    pub fn summarise(&self, expired: usize) {
        if console::Term::stderr().is_term() {
            let (lines, rejects) = (count(self.counts.lines), count(self.counts.rejected()));
            say(&format!("{lines} new lines, {rejects} of them rejected"));
            self.notes.iter().for_each(|note| say(note));
            if expired > 0 {
                let expired = count(expired as u64);
                say(&format!("{expired} hours and days are no longer kept (keep_days under [state])"));
            }
        }
    }
}

/// Whether so many rejects are more than a few, and more than their share.
pub fn is_too_many(rejects: u64, lines: u64, max_reject_ratio: f64) -> bool {
    rejects >= REJECTS_TO_JUDGE && rejects as f64 > lines as f64 * max_reject_ratio
}

/// What became of a file with an error: here, what comes before it is not kept either.
fn error_text(error: &ReadError) -> String {
    let text = error.to_string();
    match error {
        ReadError::Broken { .. } | ReadError::Truncated { .. } => {
            let what = text.lines().next().unwrap_or_default();
            format!(
                "{what}\nhint: nothing of it is kept, and the next run tries again; `logstat report FILE` shows what can be read"
            )
        }
        _ => text,
    }
}
