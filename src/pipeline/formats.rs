//! Which formats a source's lines have: as given, and as its files show them. Opens no file.

use super::{PrepareError, SourcePlan};
use logstat_parsers::{Detection, Fields, Format, Line, Options, Preset, RejectKind, detect};

/// Fewer lines than this make no format: they are rejects.
pub(super) const FEW: usize = 3;
/// More formats than this in one source are an accident.
const MOST: usize = 8;
/// Lines of a sample that decide between known formats.
const DECIDING: usize = 200;

/// Presets of one HAProxy, which writes those of all its frontends into one log.
const HAPROXY: [&str; 3] = ["haproxy-http", "haproxy-https", "haproxy-tcp"];

/// The formats of a source.
#[derive(Debug)]
pub struct Formats {
    /// In the order in which a line is tried that its file's own does not read.
    pub list: Vec<Format>,
    /// Lines that none of them reads may be of one that is found on the way.
    pub open: bool,
    /// How well the first one fits, where it was detected.
    pub detection: Option<Detection>,
    options: Options,
}

impl Formats {
    /// The first in which a line that was cut could name another client.
    pub(super) fn unsafe_for_bans(&self) -> Option<String> {
        let format = self.list.iter().find(|format| !format.client_survives_cuts());
        format.map(|format| format.name().to_owned())
    }

    /// Those that are given.
    pub(super) fn given(plan: &SourcePlan) -> Result<Self, PrepareError> {
        let options = plan.options();
        let compiled = plan.formats.iter().map(|text| compile(text, &options, &plan.origin));
        Ok(Self { list: compiled.collect::<Result<_, _>>()?, open: false, detection: None, options })
    }

    /// What a detection found, or a guess where there is nothing to read.
    pub(super) fn detected(plan: &SourcePlan, detection: Option<Detection>) -> Result<Self, PrepareError> {
        let options = plan.options();
        let best = detection.as_ref().and_then(|found| found.best);
        let list = vec![compile(best.map_or("combined", |best| best.preset.name), &options, &plan.origin)?];
        Ok(Self { list, open: true, detection, options })
    }

    /// Those that an earlier run found; lines may have others by now.
    pub(super) fn remembered(plan: &SourcePlan) -> Result<Self, PrepareError> {
        let options = plan.options();
        let compiled = plan.remembered.iter().map(|name| compile(name, &options, &plan.origin));
        Ok(Self { list: compiled.collect::<Result<_, _>>()?, open: true, detection: None, options })
    }

    /// The formats of lines of several kinds in turn, if together they read most of a sample.
    pub(super) fn mixed(plan: &SourcePlan, detection: &Detection, sample: &[u8]) -> Option<Self> {
        let best = detection.runner_up.filter(|next| next.matched >= FEW);
        let first = Detection { best, runner_up: None, ..detection.clone() };
        let mut formats = Self::detected(plan, Some(first)).ok()?;
        formats.learn(sample);
        let (_, unread, read) = formats.unread(sample);
        (formats.list.len() > 1 && read > unread).then_some(formats)
    }

    /// Adds the formats of lines that no known one reads: those from before or after a change. What was given is
    /// taken at its word, unless it is known to fit.
    pub(super) fn learn(&mut self, sample: &[u8]) {
        while self.list.len() < MOST {
            let (rest, lines, read) = self.unread(sample);
            self.open |= read > 0;
            if !self.open || lines < FEW {
                break;
            }
            let found = detect(&rest, &self.options);
            // Of several formats in turn none reads most lines.
            let best = found.best.or(found.runner_up.filter(|next| next.matched * 4 >= lines));
            let best = best.filter(|best| best.matched >= FEW && self.may_join(best.preset));
            match best.map(|best| compile(best.preset.name, &self.options, "")) {
                Some(Ok(format)) => self.list.push(format),
                _ => break,
            }
        }
    }

    /// Adds what HAProxy writes beside what was found.
    pub(super) fn add_siblings(&mut self) -> Result<(), PrepareError> {
        let is_known = |list: &[Format], name: &str| list.iter().any(|format| format.name() == name);
        if !HAPROXY.iter().any(|name| is_known(&self.list, name)) {
            return Ok(());
        }
        for name in HAPROXY {
            if !is_known(&self.list, name) {
                self.list.push(compile(name, &self.options, "")?);
            }
        }
        Ok(())
    }

    /// The format that reads most of a file's first lines.
    pub(super) fn own(&self, head: &[u8]) -> usize {
        let reads = |format: &Format| {
            let mut parser = format.parser(0);
            let lines = head.split(|byte| *byte == b'\n').take(DECIDING);
            lines.filter(|line| is_whole(&parser.parse(line))).count()
        };
        // Of several that read as many, the first.
        (0..self.list.len()).rev().max_by_key(|at| reads(&self.list[*at])).unwrap_or(0)
    }

    /// Lines that no known format reads, how many they are, and how many are read.
    fn unread(&self, sample: &[u8]) -> (Vec<u8>, usize, usize) {
        let (mut rest, mut lines, mut read) = (Vec::new(), 0, 0);
        let mut parsers: Vec<_> = self.list.iter().map(|format| format.parser(0)).collect();
        for line in sample.split(|byte| *byte == b'\n') {
            let mut parsed = parsers.iter_mut().map(|parser| parser.parse(line));
            match parsed.find(|parsed| !may_be_another(parsed)) {
                Some(known) => read += usize::from(is_whole(&known)),
                None => {
                    rest.extend_from_slice(line);
                    rest.push(b'\n');
                    lines += 1;
                }
            }
        }
        (rest, lines, read)
    }

    /// What a person should know about them.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.detection.as_ref()?.hint.as_deref()
    }

    /// Whether any of them has what `has` asks for.
    #[must_use]
    pub fn any_has(&self, has: impl Fn(&Fields) -> bool) -> bool {
        self.list.iter().any(|format| has(&format.fields()))
    }

    /// Whether lines that no known format reads may be of this one. One that takes anything at its end only follows the
    /// one that it continues: else a client could write a line that it reads in a way of the client's choice.
    fn may_join(&self, preset: &Preset) -> bool {
        let is_known = |name: &str| self.list.iter().any(|format| format.name() == name);
        preset.continues().is_none_or(is_known)
    }

    /// Every preset that is not in the list.
    pub(super) fn others(&self) -> Vec<Format> {
        let unknown = logstat_parsers::PRESETS.iter().filter(|preset| self.may_join(preset));
        let unknown = unknown.map(|preset| preset.name);
        let unknown = unknown.filter(|name| self.list.iter().all(|format| format.name() != *name));
        unknown.filter_map(|name| compile(name, &self.options, "").ok()).collect()
    }
}

/// A record with all its fields.
pub(super) fn is_whole(line: &Line<'_>) -> bool {
    matches!(line, Line::Record(record) if !record.truncated)
}

/// Whether a line may be of another format than the one that it was tried with. What can be read in two ways stays a
/// reject: a client may have written it for that.
pub(super) fn may_be_another(line: &Line<'_>) -> bool {
    match line {
        Line::Record(record) => record.truncated,
        Line::Reject(reject) => !matches!(reject.kind, RejectKind::Ambiguous | RejectKind::TooLong),
        Line::Event(_) | Line::Blank => false,
    }
}

fn compile(text: &str, options: &Options, origin: &str) -> Result<Format, PrepareError> {
    Format::compile(text, options).map_err(|error| PrepareError::Format { origin: origin.to_owned(), error })
}
