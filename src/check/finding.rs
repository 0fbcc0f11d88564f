//! What is known of a source once its lines are counted. Reads nothing and lays nothing out.

use super::advice::{self, Lack};
use crate::pipeline::{FileTally, Prepared, SourceTally};
use crate::rollup::LineCounts;
use logstat_parsers::{Detection, Escape, Nearest, Neighbour, Neighbours, Preset, RejectKind, Role, Vendor};
use logstat_reports::text::grouped;

/// One source, as `logstat check` tells it.
#[derive(Debug)]
pub struct Finding {
    #[expect(missing_docs)]
    pub name: String,
    /// The preset, or `None` where a string was given.
    pub preset: Option<&'static str>,
    #[expect(missing_docs)]
    pub vendor: Vendor,
    /// How the format came to be known.
    pub found: Found,
    #[expect(missing_docs)]
    pub files: Vec<FileTally>,
    /// Of all files.
    pub counts: LineCounts,
    /// The values of the format, in order.
    pub values: Vec<Value>,
    /// By kind, in counting order.
    pub rejects: Vec<Rejects>,
    /// What reports cannot say.
    pub lacks: Vec<Lack>,
    /// What is lacking may be in further values, of which the format knows nothing.
    pub is_open: bool,
    /// A `log_format` string that has what is lacking, and its `escape=`.
    pub complete: Option<(String, Escape)>,
    /// What a person should know about the format.
    pub hint: Option<String>,
}

/// How a format came to be known.
#[derive(Debug)]
pub enum Found {
    /// It was given.
    Given,
    /// It is the preset that reads most lines of a sample.
    Detected(Detection),
    /// None fits.
    Unknown(Unknown),
    /// Not one line in any file.
    Empty,
}

/// A format that is held against lines which none fits.
#[derive(Debug, Clone)]
pub struct Unknown {
    /// Whether it comes near to them at all.
    pub is_near: bool,
    /// What a person can do.
    pub hint: String,
}

/// A value of the format.
#[derive(Debug, PartialEq, Eq)]
pub struct Value {
    /// As it stands in the format string.
    pub text: String,
    #[expect(missing_docs)]
    pub part: Part,
}

/// The part that a value has in reports.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// It is counted, in so many records.
    Counted {
        #[expect(missing_docs)]
        purpose: &'static str,
        #[expect(missing_docs)]
        filled: u64,
    },
    /// Another value says the same, and is taken.
    Beaten(String),
    /// It leads from the logged start of the request to its end.
    Elapsed,
    /// None.
    Unused,
}

/// Rejected lines of one kind.
#[derive(Debug)]
#[expect(missing_docs)]
pub struct Rejects {
    pub kind: RejectKind,
    pub count: u64,
    pub first: Vec<Rejected>,
}

/// A rejected line.
#[derive(Debug)]
#[expect(missing_docs)]
pub struct Rejected {
    pub path: String,
    /// From 1.
    pub line: u64,
    /// Byte at which the line stops fitting, from 0.
    pub byte: usize,
    pub bytes: Vec<u8>,
    /// The format that reads the line, or gets further.
    pub nearest: Option<Nearest>,
}

/// Gathers what is known of a source, `unknown` where no format fits it.
#[must_use]
pub fn find(prepared: &Prepared, tally: &SourceTally, unknown: Option<&Unknown>) -> Finding {
    let (format, plan) = (&prepared.formats.list[0], &prepared.plan);
    let lacks = if prepared.empty || unknown.is_some() { Vec::new() } else { advice::lacks(format) };
    let complete = advice::complete(format, &lacks, &plan.options());
    let preset = Preset::named(format.name()).map(|preset| preset.name);
    // Presets are those of nginx's default.
    let escape = if preset.is_some() { Escape::Default } else { plan.escape };
    Finding {
        name: plan.name.clone(),
        preset,
        vendor: format.vendor(),
        found: match (unknown, &prepared.formats.detection) {
            (Some(unknown), _) => Found::Unknown(unknown.clone()),
            _ if prepared.empty => Found::Empty,
            (None, Some(detection)) => Found::Detected(detection.clone()),
            (None, None) => Found::Given,
        },
        files: tally.files.clone(),
        counts: tally.counts(),
        values: if prepared.empty || unknown.is_some() { Vec::new() } else { values(prepared, tally) },
        rejects: rejects(prepared, tally),
        // The advice says it better.
        hint: prepared.formats.hint().map(str::to_owned).filter(|_| complete.is_none()),
        complete: complete.map(|string| (string, escape)),
        is_open: advice::is_open(format),
        lacks,
    }
}

fn values(prepared: &Prepared, tally: &SourceTally) -> Vec<Value> {
    let part = |role| match role {
        Role::Fills(slot) => {
            let filled = tally.filled.iter().find(|(other, _)| *other == slot).map_or(0, |(_, count)| *count);
            advice::purpose(slot).map_or(Part::Unused, |purpose| Part::Counted { purpose, filled })
        }
        Role::Elapsed => Part::Elapsed,
        Role::Beaten { by, .. } => Part::Beaten(by.to_owned()),
        Role::Ignored => Part::Unused,
    };
    let items = prepared.formats.list[0].items().into_iter();
    let text = |text: &str| match text.split_once('=') {
        _ if text == advice::OPEN => "further fields".to_owned(),
        // A pair of a field map; which of many spellings a line has is of no interest here.
        Some((variable, paths)) if paths == variable || paths.contains(['|', '?', '!']) => {
            variable.to_owned()
        }
        _ => text.to_owned(),
    };
    items.map(|item| Value { text: text(item.text), part: part(item.role) }).collect()
}

fn rejects(prepared: &Prepared, tally: &SourceTally) -> Vec<Rejects> {
    let neighbours = Neighbours::of(&prepared.formats.list[0], &prepared.plan.options());
    let counts = tally.counts();
    let of_kind = |kind: RejectKind| {
        let kept = tally.rejected.iter().filter(|rejected| rejected.reject.kind == kind);
        let first = kept.map(|rejected| Rejected {
            path: tally.files[rejected.file].path.clone(),
            line: rejected.line,
            byte: rejected.reject.byte,
            // Of a line that is too long only the head is known.
            nearest: neighbours.nearest(&rejected.bytes).filter(|nearest| {
                kind != RejectKind::TooLong && (nearest.whole || nearest.byte > rejected.reject.byte)
            }),
            bytes: rejected.bytes.clone(),
        });
        Rejects { kind, count: counts.rejects[kind as usize], first: first.collect() }
    };
    RejectKind::ALL.into_iter().map(of_kind).filter(|rejects| rejects.count > 0).collect()
}

impl Finding {
    /// What is not well, for standard error.
    #[must_use]
    pub fn verdicts(&self, max_reject_ratio: f64) -> Vec<String> {
        let (name, counts) = (&self.name, &self.counts);
        let mut verdicts = Vec::new();
        match &self.found {
            Found::Empty => return vec![format!("{name}: is empty")],
            Found::Unknown(unknown) => {
                return vec![format!("{name}: no known format fits\nhint: {}", unknown.hint)];
            }
            Found::Given | Found::Detected(_) => {}
        }
        if counts.rejected() as f64 > counts.lines as f64 * max_reject_ratio {
            verdicts.push(format!(
                "{name}: rejected {} of {} lines, more than --max-reject-ratio {max_reject_ratio} allows",
                grouped(counts.rejected()),
                grouped(counts.lines),
            ));
        }
        let without_record = |file: &&FileTally| file.counts.lines > 0 && file.counts.records == 0;
        let files = self.files.iter().filter(without_record);
        verdicts.extend(files.map(|file| format!("{}: has lines, but no record", file.path)));
        verdicts
    }
}

/// The name of a format that a line is held against.
#[must_use]
pub const fn neighbour_name(neighbour: Neighbour) -> &'static str {
    match neighbour {
        Neighbour::Preset(preset) => preset.name,
        Neighbour::Longer => "this format with further values behind it",
    }
}
