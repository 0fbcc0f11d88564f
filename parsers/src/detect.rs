//! Which format a log has, by trying every preset on its first lines. Opens no file.

use std::cmp::Reverse;

use crate::format::{Format, Options};
use crate::keyed::Syntax;
use crate::prefix::Prefixes;
use crate::preset::{PRESETS, Preset};
use crate::record::{Client, Line, Record};
use crate::{json, ltsv};

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

impl Candidate {
    /// Whether the other preset ignores fields that this one knows. Where this one ends before them, they read different
    /// lines.
    fn knows_rest_of(&self, other: Self) -> bool {
        let own = self.preset.format_string;
        let known = other.preset.format_string.strip_suffix(" $ignored");
        known.is_some_and(|known| own != known && !own.ends_with("$ignored"))
    }
}

/// Finds the preset that reads most of the first lines of a file, and rather one that knows all of their fields. A last
/// line that is cut off by the sample's end does no harm.
#[must_use]
pub fn detect(sample: &[u8], options: &Options) -> Detection {
    let lines: Vec<&[u8]> = sample
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .take(MAX_LINES)
        .collect();
    let mut prefixes = Prefixes::default();
    let lines: Vec<(&[u8], Option<Syntax>)> =
        lines.into_iter().map(|line| (line, syntax(&mut prefixes, line))).collect();
    let mut fits: Vec<(Fit, &'static Preset)> =
        PRESETS.iter().filter_map(|preset| Some((fit(preset, &lines, options)?, preset))).collect();
    fits.sort_by_key(|(fit, _)| Reverse(*fit));
    let mut candidates: Vec<Candidate> =
        fits.into_iter().map(|(fit, preset)| Candidate { preset, matched: fit.matched }).collect();
    // A quote that a client sent may end a field too early, so that a few lines fit only where the rest is ignored.
    let first = candidates.first().copied();
    let is_better = |other: &Candidate| {
        other.matched * 2 > lines.len() && first.is_some_and(|first| other.knows_rest_of(first))
    };
    if let Some(at) = candidates.iter().position(is_better) {
        candidates[..=at].rotate_right(1);
    }
    let best = candidates.first().copied().filter(|best| best.matched * 2 > lines.len());
    Detection {
        best,
        runner_up: candidates.get(usize::from(best.is_some())).copied(),
        total: lines.len(),
        hint: hint(best, &lines),
    }
}

/// How lines give names to their values, by their look, so that each preset tries only lines that it could read.
fn syntax(prefixes: &mut Prefixes, line: &[u8]) -> Option<Syntax> {
    let message = prefixes.skip(line);
    if json::message(message).is_some() {
        Some(Syntax::Json)
    } else {
        ltsv::is_likely(message).then_some(Syntax::Ltsv)
    }
}

/// How well a preset fits; what comes first counts most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// Lines that it reads whole.
    matched: usize,
    /// What the records among them tell of who asked for what.
    told: usize,
}

/// `None` if the preset reads nothing. Messages alone do not count where any JSON object could be one.
fn fit(preset: &Preset, lines: &[(&[u8], Option<Syntax>)], options: &Options) -> Option<Fit> {
    let format = Format::compile(preset.name, options).ok()?;
    let own_syntax = format.map.as_ref().map(|map| map.syntax);
    let mut parser = format.parser(0);
    let mut fit = Fit::default();
    for (line, _) in lines.iter().filter(|(_, syntax)| *syntax == own_syntax) {
        match parser.parse(line) {
            // No site has a space in its name: that is a prefix of an unknown kind.
            Line::Record(record) if record.site.is_some_and(|site| site.contains(&b' ')) => {}
            Line::Record(record) if !record.truncated => {
                fit.matched += 1;
                fit.told += told(&record);
            }
            Line::Event(_) => fit.matched += 1,
            Line::Record(_) | Line::Reject(_) | Line::Blank => {}
        }
    }
    (fit.matched > 0 && (fit.told > 0 || own_syntax.is_none())).then_some(fit)
}

fn told(record: &Record<'_>) -> usize {
    let who = record.client != Client::Unknown;
    [who, record.target.is_some(), record.status.is_some()].into_iter().filter(|is_told| *is_told).count()
}

fn hint(best: Option<Candidate>, lines: &[(&[u8], Option<Syntax>)]) -> Option<String> {
    let text = match best.map(|best| best.preset.name) {
        Some("combined-extra" | "vhost-combined-extra") => {
            "there are fields behind the user agent: latency needs --format '<log_format string>'"
        }
        Some("combined" | "common" | "vhost-combined") => {
            "the log has no times: add $request_time and $upstream_response_time to log_format for latency"
        }
        Some(_) => return None,
        None => match lines.first()?.1 {
            Some(Syntax::Json) if lines.first()?.0.starts_with(br#"{"log":""#) => {
                "this is a file of docker's own: docker logs CONTAINER | logstat report -"
            }
            Some(Syntax::Json) => {
                "this looks like JSON: name its keys with --format 'json time=KEY remote_addr=KEY status=KEY …'"
            }
            Some(Syntax::Ltsv) => {
                "this looks like LTSV: name its labels with --format 'ltsv time=LABEL status=LABEL …'"
            }
            None => "give the log_format or log-format string with --format",
        },
    };
    Some(text.to_owned())
}
