//! Which format a log has, by trying every preset on its first lines. Opens no file.

use crate::format::{Format, Options};
use crate::preset::{PRESETS, Preset};
use crate::record::Line;

/// Lines of a sample that are looked at, so that detection takes no time.
const MAX_LINES: usize = 500;

/// What a sample of a log looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// The preset that reads most lines, if any reads more than half of them.
    pub best: Option<Candidate>,
    /// The next one.
    pub runner_up: Option<Candidate>,
    /// Lines looked at, without blank ones.
    pub total: usize,
    /// Advice for a person, for a line of its own behind `hint: `.
    pub hint: Option<String>,
}

/// A preset and how well it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The preset.
    pub preset: &'static Preset,
    /// Lines that it reads, as records or events.
    pub matched: usize,
}

/// Finds the preset that reads most of the first lines of a file. A last line that is cut off by the sample's end does
/// no harm.
#[must_use]
pub fn detect(sample: &[u8], options: &Options) -> Detection {
    let lines: Vec<&[u8]> = sample
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .take(MAX_LINES)
        .collect();
    let mut fits: Vec<(usize, usize, &Preset)> = PRESETS
        .iter()
        .filter_map(|preset| {
            let (matched, records) = matched(preset, &lines, options)?;
            (matched > 0).then_some((matched, records, preset))
        })
        .collect();
    // A proxy's own messages fit all of its formats.
    fits.sort_by_key(|(matched, records, _)| std::cmp::Reverse((*matched, *records)));
    let candidates: Vec<Candidate> =
        fits.into_iter().map(|(matched, _, preset)| Candidate { preset, matched }).collect();
    let best = candidates.first().copied().filter(|best| best.matched * 2 > lines.len());
    Detection {
        best,
        runner_up: candidates.get(usize::from(best.is_some())).copied(),
        total: lines.len(),
        hint: hint(best, &lines),
    }
}

/// Lines that the preset reads whole, and how many of them are records.
fn matched(preset: &Preset, lines: &[&[u8]], options: &Options) -> Option<(usize, usize)> {
    let format = Format::compile(preset.name, options).ok()?;
    let mut parser = format.parser(0);
    let (mut records, mut events) = (0, 0);
    for line in lines {
        match parser.parse(line) {
            Line::Record(record) => records += usize::from(!record.truncated),
            Line::Event(_) => events += 1,
            Line::Reject(_) | Line::Blank => {}
        }
    }
    Some((records + events, records))
}

fn hint(best: Option<Candidate>, lines: &[&[u8]]) -> Option<String> {
    let text = match best.map(|best| best.preset.name) {
        Some("combined-extra" | "vhost-combined-extra") => {
            "there are fields behind the user agent: latency needs --format '<log_format string>'"
        }
        Some("combined" | "common" | "vhost-combined") => {
            "the log has no times: add $request_time and $upstream_response_time to log_format for latency"
        }
        Some(_) => return None,
        None => match lines.first()?.trim_ascii_start().first()? {
            b'{' => "this looks like JSON: give nginx's log_format string with --format, and --escape json",
            _ => "give the log_format or log-format string with --format",
        },
    };
    Some(text.to_owned())
}
