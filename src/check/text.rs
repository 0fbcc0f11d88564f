//! Findings as text for a terminal. Reads neither the clock nor the terminal.

use super::advice::directive;
use super::excerpt::{Excerpt, excerpt};
use super::finding::{Finding, Found, Part, Rejected, Rejects, neighbour_name};
use crate::pipeline::FileTally;
use crate::rollup::LineCounts;
use logstat_parsers::{Detection, Nearest, Preset, RejectKind, Vendor};
use logstat_reports::model::FormatShare;
use logstat_reports::terminal::Style;
use logstat_reports::terminal::paint::{Ink, Line, Pen, wrapped};
use logstat_reports::text::{grouped, percent, truncate, truncate_middle, width};
use std::num::NonZeroU64;

/// Narrower pages are written as if they were this wide.
const MIN_WIDTH: usize = 40;
/// Columns between two cells.
const GAP: usize = 2;
/// Columns in front of a rejected line.
const INDENT: usize = 4;

/// The findings, each line ending in `\n`. `notes` are about files that were not read, `lines` is the limit for each
/// file. Nothing but a directive to copy is wider than the style's columns.
#[must_use]
pub fn render(findings: &[Finding], notes: &[String], lines: Option<NonZeroU64>, style: &Style) -> String {
    let page =
        Page { pen: Pen { color: style.color, unicode: style.unicode }, columns: style.width.max(MIN_WIDTH) };
    let mut out = String::new();
    for finding in findings {
        if !out.is_empty() {
            out.push('\n');
        }
        let sections = [
            page.head(finding, lines),
            page.files(finding),
            page.values(finding),
            page.rejects(&finding.rejects),
            page.lacks(finding),
        ];
        let sections: Vec<_> = sections.into_iter().filter(|section| !section.is_empty()).collect();
        out.push_str(&page.pen.paint(&sections.join(&Line::default()), page.columns));
        out.push_str(&page.directive(finding));
    }
    let notes: Vec<Line> = notes.iter().flat_map(|note| page.wrapped(Ink::Warn, "note  ", note)).collect();
    if !notes.is_empty() {
        out.push('\n');
    }
    out + &page.pen.paint(&notes, page.columns)
}

/// What the page can show.
struct Page {
    pen: Pen,
    columns: usize,
}

const UNQUOTED: &str = "what clients write stands between characters that they can write too: put it in double quotes in the log's format";

impl Page {
    fn head(&self, finding: &Finding, lines: Option<NonZeroU64>) -> Vec<Line> {
        let mut page = self.format(finding);
        if !matches!(finding.found, Found::Empty) {
            page.extend(self.wrapped(Ink::Plain, "", &equation(&finding.counts, lines)));
        }
        let truncated = match finding.counts.truncated {
            0 => None,
            1 => Some("1 record ends before its format does".to_owned()),
            several => Some(format!("{} records end before their format does", grouped(several))),
        };
        page.extend(finding.files.iter().flat_map(|file| self.format_shares(file)));
        page.extend(truncated.iter().flat_map(|remark| self.wrapped(Ink::Faint, "", remark)));
        page.extend(finding.hint.iter().flat_map(|hint| self.wrapped(Ink::Warn, "note  ", hint)));
        page
    }

    /// The format, and how it came to be known.
    fn format(&self, finding: &Finding) -> Vec<Line> {
        let string = match finding.vendor {
            Vendor::Nginx => "a log_format string",
            Vendor::HaProxy => "a log-format string",
            Vendor::Apache => "a LogFormat string",
            Vendor::Map => "a field map",
        };
        let format = finding.preset.unwrap_or(string);
        let name = format!("{}: ", finding.name);
        let first = |ink, text: &str| vec![self.pen.line([(Ink::Strong, &name), (ink, text)])];
        match &finding.found {
            Found::Given => first(Ink::Plain, &format!("{format} (given)")),
            Found::Detected(detection) => {
                [first(Ink::Plain, format), self.wrapped(Ink::Faint, "", &sample(detection))].concat()
            }
            Found::Unknown(unknown) => {
                let nearest = if unknown.is_near { "which comes nearest" } else { "though none comes near" };
                let held = format!("held against {format}, {nearest}");
                [first(Ink::Bad, "no known format fits"), self.wrapped(Ink::Plain, "", &held)].concat()
            }
            Found::Empty => first(Ink::Warn, "is empty"),
        }
    }

    /// Which lines have which format, where a file has several.
    fn format_shares(&self, file: &FileTally) -> Vec<Line> {
        if file.formats.len() < 2 {
            return Vec::new();
        }
        let share = |share: &FormatShare| {
            let name = Preset::named(&share.format).map_or("a format of its own", |preset| preset.name);
            let (lines, first) = (grouped(share.lines), grouped(share.first_line));
            format!("{lines} lines {name}, the first is line {first}")
        };
        let shares: Vec<String> = file.formats.iter().map(share).collect();
        self.wrapped(Ink::Plain, "", &format!("{}: {}", file.path, shares.join("; ")))
    }

    /// Only where there is more than one.
    fn files(&self, finding: &Finding) -> Vec<Line> {
        if finding.files.len() < 2 {
            return Vec::new();
        }
        let row = |path: &str, counts: &LineCounts| {
            let numbers = [counts.lines, counts.records, counts.events, counts.rejected()].map(grouped);
            [
                vec![truncate_middle(path, self.columns / 2, self.pen.ellipsis()).into_owned()],
                numbers.to_vec(),
            ]
            .concat()
        };
        let head = ["Files", "lines", "records", "events", "rejects"].map(str::to_owned).to_vec();
        let rows = finding.files.iter().map(|file| {
            let is_bad = file.counts.lines > 0 && file.counts.records == 0;
            (if is_bad { Ink::Bad } else { Ink::Plain }, row(&file.path, &file.counts))
        });
        self.table(std::iter::once((Ink::Strong, head)).chain(rows).collect(), 1..5)
    }

    fn values(&self, finding: &Finding) -> Vec<Line> {
        let mut unused = Vec::new();
        let mut rows = vec![(Ink::Strong, ["Fields", "in records", "used for"].map(str::to_owned).to_vec())];
        let records = finding.counts.records;
        for value in &finding.values {
            let text = truncate(&value.text, self.columns / 3, self.pen.ellipsis()).into_owned();
            let (ink, share, role) = match &value.part {
                Part::Counted { purpose, .. } if records == 0 => {
                    (Ink::Plain, String::new(), (*purpose).to_owned())
                }
                Part::Counted { filled: 0, purpose } => {
                    (Ink::Warn, "never".to_owned(), (*purpose).to_owned())
                }
                Part::Counted { filled, purpose } => {
                    (Ink::Plain, percent(*filled, records), (*purpose).to_owned())
                }
                Part::Beaten(by) => (Ink::Faint, String::new(), format!("not used: {by} says it")),
                Part::Elapsed => {
                    (Ink::Plain, String::new(), "leads from the start of the request to its end".to_owned())
                }
                Part::Unused => {
                    unused.push(value.text.clone());
                    continue;
                }
            };
            rows.push((ink, vec![text, share, role]));
        }
        if rows.len() == 1 && unused.is_empty() {
            return Vec::new();
        }
        let mut lines = self.table(rows, 1..2);
        if !unused.is_empty() {
            lines.extend(self.wrapped(Ink::Faint, "not used  ", &unused.join("  ")));
        }
        lines
    }

    fn rejects(&self, rejects: &[Rejects]) -> Vec<Line> {
        let mut lines = Vec::new();
        for Rejects { kind, count, first } in rejects {
            let noun = if *count == 1 { "reject" } else { "rejects" };
            let heading = format!("{} {noun} ({}): {}", grouped(*count), kind.name(), kind.explain());
            lines.extend(
                wrapped(&heading, self.columns).iter().map(|text| self.pen.line([(Ink::Warn, text)])),
            );
            lines.extend(first.iter().flat_map(|rejected| self.rejected(rejected)));
            if *kind == RejectKind::Ambiguous {
                lines.extend(self.wrapped(Ink::Faint, "hint  ", UNQUOTED));
            }
        }
        lines
    }

    /// Its place, the line, a caret, and the format that comes closer.
    fn rejected(&self, rejected: &Rejected) -> Vec<Line> {
        let Rejected { path, line, byte, bytes, nearest } = rejected;
        let indent = " ".repeat(INDENT);
        let Excerpt { text, caret } = excerpt(bytes, *byte, self.columns - INDENT, self.pen);
        let place = format!("  {path}:{line}:{}", byte + 1);
        let mut lines = vec![
            self.pen.line([(Ink::Plain, &place)]),
            self.pen.line([(Ink::Plain, &indent), (Ink::Plain, &text)]),
            self.pen.line([(Ink::Plain, &indent), (Ink::Plain, &" ".repeat(caret)), (Ink::Bad, "^")]),
        ];
        lines.extend(
            nearest.map(|nearest| self.pen.line([(Ink::Faint, &format!("{indent}{}", nearness(nearest)))])),
        );
        lines
    }

    fn lacks(&self, finding: &Finding) -> Vec<Line> {
        if finding.lacks.is_empty() {
            return Vec::new();
        }
        let title = if finding.is_open { "Not read from this log" } else { "Not in this log" };
        let mut rows = vec![(Ink::Strong, vec![title.to_owned(), "needs".to_owned()])];
        for lack in &finding.lacks {
            let needs = match finding.vendor {
                Vendor::Nginx => lack.nginx,
                Vendor::HaProxy => lack.haproxy,
                Vendor::Apache => lack.apache.unwrap_or("Apache does not log it"),
                Vendor::Map => lack.nginx.trim_matches(['$', '"']),
            };
            rows.push((Ink::Plain, vec![lack.report.to_owned(), needs.to_owned()]));
        }
        self.table(rows, 0..0)
    }

    /// What to paste into nginx.conf, never cut.
    fn directive(&self, finding: &Finding) -> String {
        let Some((string, escape)) = &finding.complete else { return String::new() };
        let said = "In nginx.conf, name it in access_log too, and give the same string to logstat with --format or in \
                    logstat.toml:";
        let said: Vec<Line> = [vec![Line::default()], self.wrapped(Ink::Strong, "", said)].concat();
        let lines: Vec<Line> = directive(string, *escape, self.columns)
            .iter()
            .map(|line| self.pen.line([(Ink::Plain, line)]))
            .collect();
        self.pen.paint(&said, self.columns) + &self.pen.paint(&lines, usize::MAX)
    }

    /// A text behind a mark, in lines that keep clear of the mark.
    fn wrapped(&self, ink: Ink, mark: &str, text: &str) -> Vec<Line> {
        let texts = wrapped(text, self.columns - width(mark));
        let blank = " ".repeat(width(mark));
        let line = |(at, text): (usize, &String)| {
            self.pen.line([
                (ink, if at == 0 { mark } else { &blank }),
                (if mark.is_empty() { ink } else { Ink::Plain }, text),
            ])
        };
        texts.iter().enumerate().map(line).collect()
    }

    /// Rows of cells, those of the columns in `numbers` to the right.
    fn table(&self, rows: Vec<(Ink, Vec<String>)>, numbers: std::ops::Range<usize>) -> Vec<Line> {
        let widest = |column: usize| rows.iter().map(|(_, cells)| width(&cells[column])).max().unwrap_or(0);
        let columns = rows.first().map_or(0, |(_, cells)| cells.len());
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let mut lines = Vec::new();
        for (ink, cells) in rows {
            let mut line = Line::default();
            let mut start = 0;
            for (at, cell) in cells.iter().enumerate() {
                let room = if numbers.contains(&at) { widths[at] - width(cell) } else { 0 };
                line.pad_to(start + room);
                line.push(self.pen.span(ink, cell));
                start += widths[at] + GAP;
            }
            lines.push(line);
        }
        lines
    }
}

/// How sure the detection is.
fn sample(detection: &Detection) -> String {
    let count = |lines: usize| grouped(lines as u64);
    let best = detection.best.map_or(0, |best| best.matched);
    let next = detection.runner_up.map_or("no other fits".to_owned(), |next| {
        format!("next is {}, {}", next.preset.name, count(next.matched))
    });
    format!("detected: it reads {} of {} lines looked at, {next}", count(best), count(detection.total))
}

fn nearness(nearest: Nearest) -> String {
    let name = neighbour_name(nearest.neighbour);
    if nearest.whole {
        format!("{name} reads this line")
    } else {
        format!("{name} gets further, to byte {}", nearest.byte + 1)
    }
}

/// As at the end of a report.
fn equation(counts: &LineCounts, limit: Option<NonZeroU64>) -> String {
    let counted =
        |count: u64, noun: &str| format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" });
    let mut text = format!(
        "{} = {} + {} + {} + {} blank",
        counted(counts.lines, "line"),
        counted(counts.records, "record"),
        counted(counts.events, "event"),
        counted(counts.rejected(), "reject"),
        grouped(counts.blank),
    );
    if let Some(limit) = limit {
        text.push_str(&format!(" (first {} of each file)", counted(limit.get(), "line")));
    }
    text
}
