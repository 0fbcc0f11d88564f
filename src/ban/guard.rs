//! May this list replace the one before it? Judges counts alone; the caller reads the files, and keeps the list before
//! when the answer is no.

use super::emit::Format;

/// Fewer lines that cannot be read say nothing of the log: a run that comes every minute may find three lines.
const FEW_REJECTS: u64 = 10;

/// When a list looks wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most of the list before, in percent and not counting bans that ran out, that may be gone.
    pub max_shrink_percent: u32,
    /// The most that the list may grow, in percent of the list before.
    pub max_growth_percent: u32,
    /// Lists of up to this many entries, before and now, are not judged by size: one ban more may well double them.
    pub few_entries: usize,
    /// The most entries at all.
    pub max_entries: usize,
    /// The log's last line may be this old.
    pub max_age_s: i64,
    /// The most lines, in percent, that may be unreadable.
    pub max_rejects_percent: u32,
}

impl Default for Limits {
    /// Half gone or ten times as many is what a wrong log or a wrong rule looks like; an attack that large is confirmed
    /// by hand. Two hours let an hourly run be late.
    fn default() -> Self {
        Self {
            max_shrink_percent: 50,
            max_growth_percent: 900,
            few_entries: 100,
            max_entries: 1_000_000,
            max_age_s: 2 * 3600,
            max_rejects_percent: 50,
        }
    }
}

/// The list that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Previous {
    /// There is no file.
    None,
    /// Its number of entries.
    Entries(usize),
    /// The file is no whole list of this format: damaged, or not ours.
    Unreadable(Format),
}

impl Previous {
    /// Reads the length back from the file's bytes; `None` means that there is no file.
    #[must_use]
    pub fn read(format: Format, file: Option<&[u8]>) -> Self {
        match file.map(|bytes| format.count(bytes)) {
            None => Self::None,
            Some(Some(entries)) => Self::Entries(entries),
            Some(None) => Self::Unreadable(format),
        }
    }
}

/// What the new list was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input {
    /// Entries of the new list.
    pub entries: usize,
    /// Bans of the list before that have run out since, as far as known.
    pub ran_out: usize,
    /// Lines read, rejects included.
    pub lines: u64,
    /// Lines that could not be read.
    pub rejects: u64,
    /// Time of the last request, in seconds since 1970.
    pub last_request_s: Option<i64>,
    /// Now, in seconds since 1970. `None` for a log of the past, which may be as old as it likes.
    pub now_s: Option<i64>,
}

/// Why the list before stays. The text is for the administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No line was read.
    #[error("the log is empty, so it does not say that nobody is to be banned")]
    Empty,
    /// Lines, but not one request among them.
    #[error("none of the {lines} lines of the log is a request")]
    NoRequests {
        /// Lines read.
        lines: u64,
    },
    /// The log stopped.
    #[error(
        "the log's last request is {age_s} s old, more than {max_age_s} s\nhint: is this the log that is written?"
    )]
    Stale {
        /// Seconds since the last request.
        age_s: i64,
        /// The limit.
        max_age_s: i64,
    },
    /// Most lines are of another format.
    #[error(
        "{rejects} of {lines} lines cannot be read, more than {max_percent} %\nhint: see what `logstat check` says"
    )]
    Rejects {
        /// Lines that could not be read.
        rejects: u64,
        /// Lines read.
        lines: u64,
        /// The limit.
        max_percent: u32,
    },
    /// Too long for any reader.
    #[error("the list has {entries} entries, more than {max_entries}")]
    TooMany {
        /// Entries of the new list.
        entries: usize,
        /// The limit.
        max_entries: usize,
    },
    /// Much fewer than before.
    #[error(
        "the list would shrink from {before} entries to {entries}, by more than {max_percent} %\n\
         hint: a log may be missing; if the bans are gone for good, remove the list that is there"
    )]
    Shrank {
        /// Entries of the list before.
        before: usize,
        /// Entries of the new list.
        entries: usize,
        /// The limit.
        max_percent: u32,
    },
    /// Far more than before.
    #[error(
        "the list would grow from {before} entries to {entries}, by more than {max_percent} %\n\
         hint: see with `logstat ban list` whom it would ban; if it is right, remove the list that is there"
    )]
    Grew {
        /// Entries of the list before.
        before: usize,
        /// Entries of the new list.
        entries: usize,
        /// The limit.
        max_percent: u32,
    },
    /// Replacing it could destroy somebody's file.
    #[error("the file that is there is no whole {format} list\nhint: move it away if it may be replaced")]
    Unreadable {
        /// What it should have been.
        format: Format,
    },
}

/// May a list made from `input` replace `previous`?
///
/// # Errors
/// With the reason if the list before should stay.
pub fn judge(previous: Previous, input: &Input, limits: &Limits) -> Result<(), Refusal> {
    judge_log(input, limits)?;
    let Input { entries, ran_out, .. } = *input;
    let max_entries = limits.max_entries;
    if entries > max_entries {
        return Err(Refusal::TooMany { entries, max_entries });
    }
    let before = match previous {
        Previous::None => return Ok(()),
        Previous::Entries(before) => before,
        Previous::Unreadable(format) => return Err(Refusal::Unreadable { format }),
    };
    let still_banned = before.saturating_sub(ran_out);
    let max_percent = limits.max_shrink_percent;
    if before > limits.few_entries && is_more(still_banned.saturating_sub(entries), max_percent, still_banned)
    {
        return Err(Refusal::Shrank { before, entries, max_percent });
    }
    let max_percent = limits.max_growth_percent;
    // A list of one entry may grow to few, too.
    let base = before.max(limits.few_entries);
    if entries > limits.few_entries && is_more(entries.saturating_sub(base), max_percent, base) {
        return Err(Refusal::Grew { before, entries, max_percent });
    }
    Ok(())
}

fn judge_log(input: &Input, limits: &Limits) -> Result<(), Refusal> {
    let Input { lines, rejects, .. } = *input;
    if lines == 0 {
        return Err(Refusal::Empty);
    }
    let max_percent = limits.max_rejects_percent;
    let are_many = u128::from(rejects) * 100 > u128::from(lines) * u128::from(max_percent);
    if rejects >= FEW_REJECTS && are_many {
        return Err(Refusal::Rejects { rejects, lines, max_percent });
    }
    let Some(last_request_s) = input.last_request_s else { return Err(Refusal::NoRequests { lines }) };
    let age_s = input.now_s.map_or(0, |now_s| now_s.saturating_sub(last_request_s));
    let max_age_s = limits.max_age_s;
    if age_s > max_age_s { Err(Refusal::Stale { age_s, max_age_s }) } else { Ok(()) }
}

/// Is `part` more than so many percent of `whole`?
fn is_more(part: usize, percent: u32, whole: usize) -> bool {
    part as u128 * 100 > whole as u128 * u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Input = Input {
        entries: 1000,
        ran_out: 0,
        lines: 10_000,
        rejects: 5,
        last_request_s: Some(1_800_000_000),
        now_s: Some(1_800_000_060),
    };

    fn verdict(previous: Previous, input: Input) -> Result<(), Refusal> {
        judge(previous, &input, &Limits::default())
    }

    #[test]
    fn a_sound_list_may_replace_its_like() {
        for previous in
            [Previous::None, Previous::Entries(1000), Previous::Entries(2000), Previous::Entries(100)]
        {
            assert_eq!(verdict(previous, SOUND), Ok(()), "{previous:?}");
        }
        assert_eq!(verdict(Previous::Entries(0), Input { entries: 1000, ..SOUND }), Ok(()));
        assert_eq!(verdict(Previous::Entries(100), Input { entries: 0, ..SOUND }), Ok(()));
        assert_eq!(verdict(Previous::None, Input { now_s: None, last_request_s: Some(0), ..SOUND }), Ok(()));
    }

    #[test]
    fn what_looks_wrong_is_refused_with_the_reason() {
        let before = Previous::Entries(1000);
        for (previous, input, wanted) in [
            (before, Input { lines: 0, rejects: 0, ..SOUND }, "the log is empty"),
            (before, Input { last_request_s: None, ..SOUND }, "none of the 10000 lines"),
            (before, Input { now_s: Some(1_800_007_201), ..SOUND }, "7201 s old, more than 7200 s"),
            (before, Input { rejects: 5001, ..SOUND }, "5001 of 10000 lines cannot be read"),
            (before, Input { entries: 499, ..SOUND }, "shrink from 1000 entries to 499, by more than 50 %"),
            (before, Input { entries: 0, ..SOUND }, "shrink from 1000 entries to 0"),
            (
                before,
                Input { entries: 10_001, ..SOUND },
                "grow from 1000 entries to 10001, by more than 900 %",
            ),
            (Previous::Entries(0), Input { entries: 1001, ..SOUND }, "grow from 0 entries to 1001"),
            (Previous::None, Input { entries: 1_000_001, ..SOUND }, "more than 1000000"),
            (Previous::Unreadable(Format::Ipset), SOUND, "no whole ipset list"),
        ] {
            let reason = verdict(previous, input).unwrap_err().to_string();
            assert!(reason.contains(wanted), "{reason}");
        }
    }

    #[test]
    fn bans_that_ran_out_are_not_missed() {
        assert_eq!(verdict(Previous::Entries(1000), Input { entries: 60, ran_out: 900, ..SOUND }), Ok(()));
        let refusal = verdict(Previous::Entries(1000), Input { entries: 40, ran_out: 900, ..SOUND });
        assert!(matches!(refusal, Err(Refusal::Shrank { before: 1000, entries: 40, .. })));
    }

    #[test]
    fn what_is_no_list_is_unreadable() {
        assert_eq!(Previous::read(Format::Plain, None), Previous::None);
        assert_eq!(Previous::read(Format::Plain, Some(b"192.0.2.1\n")), Previous::Entries(1));
        for format in Format::ALL {
            let foreign = b"root:x:0:0:root:/root:/bin/bash\n";
            assert_eq!(Previous::read(format, Some(foreign)), Previous::Unreadable(format));
            assert_eq!(Previous::read(format, Some(b"\xff\n")), Previous::Unreadable(format));
        }
    }
}
