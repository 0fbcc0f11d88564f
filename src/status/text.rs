//! The state of reading as text for a terminal. Reads neither the clock nor the terminal.

use super::{Finished, Kept, Next, SourceStatus, Status, StreamStatus, Unread};
use crate::store::Gap;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use logstat_reports::terminal::Style;
use logstat_reports::terminal::paint::{Ink, Line, Pen, wrapped};
use logstat_reports::terminal::table::{Cell, Column, Shape, Table, column};
use logstat_reports::text::{bytes, grouped, percent, printable, width};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Narrower pages are written as if they were this wide.
const MIN_WIDTH: usize = 40;
/// Gaps that are named unless all are asked for.
const GAPS: usize = 5;

const FILE: Shape = Shape::Text { min: 24, middle: true };
const LOGS: [Column; 6] = [
    column("", FILE, 0),
    column("read", Shape::Number, 3),
    column("of it", Shape::Number, 4),
    column("unread", Shape::Number, 0),
    column("last request", Shape::Label, 2),
    column("ago", Shape::Number, 1),
];

/// The status, each line ending in `\n`, none wider than the style's columns. Times are in `zone`. With `all`, every gap
/// is named.
#[must_use]
pub fn render(status: &Status, all: bool, zone: &TimeZone, style: &Style) -> String {
    let page = Page {
        status,
        zone,
        pen: Pen { color: style.color, unicode: style.unicode },
        columns: style.width.max(MIN_WIDTH),
    };
    let mut sections = vec![page.state()];
    sections.extend(status.sources.iter().map(|source| page.source(source)));
    sections.push(page.gaps(if all { usize::MAX } else { GAPS }));
    sections.retain(|section| !section.is_empty());
    page.pen.paint(&sections.join(&Line::default()), page.columns)
}

/// What the page can show.
struct Page<'a> {
    status: &'a Status,
    zone: &'a TimeZone,
    pen: Pen,
    columns: usize,
}

impl Page<'_> {
    fn state(&self) -> Vec<Line> {
        let status = self.status;
        let mut lines =
            self.marked(Ink::Strong, "state  ", &format!("{}, node {}", shown(&status.dir), status.node));
        let held = self.held(&status.kept);
        lines.extend(held.iter().flat_map(|text| self.marked(Ink::Plain, "       ", text)));
        if status.checked {
            lines.push(self.pen.line([(Ink::Good, "       every page and checksum is right")]));
        }
        if let Some(process) = status.writer {
            lines.extend(self.marked(
                Ink::Warn,
                "note   ",
                &format!("process {process} writes to it just now"),
            ));
        }
        lines
    }

    fn held(&self, kept: &Kept) -> Vec<String> {
        let Kept { hours, days, unpublished, published, .. } = *kept;
        let mut texts = Vec::new();
        texts.push(
            match (kept.oldest.and_then(|hour| self.hour(hour)), kept.newest.and_then(|hour| self.hour(hour)))
            {
                (Some(oldest), Some(newest)) => {
                    let parts = [(hours, "hour"), (days, "day")].into_iter().filter(|(count, _)| *count > 0);
                    let parts: Vec<String> = parts.map(|(count, noun)| counted(count as u64, noun)).collect();
                    format!("{} from {oldest} to {newest}", parts.join(" and "))
                }
                _ => "holds no hour yet".to_owned(),
            },
        );
        texts.push(format!(
            "{} of database, {} in {}",
            bytes(kept.database_bytes),
            bytes(published.bytes),
            counted(published.files, "published file")
        ));
        if unpublished > 0 {
            let what = if unpublished == 1 { "hour or day is" } else { "hours and days are" };
            texts.push(format!(
                "{} {what} still to be published by the next run",
                grouped(unpublished as u64)
            ));
        }
        texts
    }

    fn source(&self, source: &SourceStatus) -> Vec<Line> {
        let mut table = Table::new(&source.info.name, &LOGS);
        source.streams.iter().for_each(|stream| table.row(self.stream(stream)));
        if let Some(next) = &source.next {
            next.new.iter().for_each(|(path, unread)| {
                let (ink, unread) = unread_text(*unread);
                let new = Cell::Text(Ink::Faint, "not read yet".to_owned());
                table.row([file(path), Cell::Blank, Cell::Blank, Cell::Text(ink, unread), new, Cell::Blank]);
            });
        }
        let mut lines = table.lines(self.pen, self.columns);
        let about = about(source);
        lines.splice(1..1, wrapped_lines(self.pen, &about, self.columns));
        lines.extend(finished(source.finished).map(|text| self.pen.line([(Ink::Faint, &text)])));
        lines.extend(source.next.iter().flat_map(|next| self.next(next)));
        lines
    }

    fn stream(&self, stream: &StreamStatus) -> [Cell; 6] {
        let (known, (ink, unread)) = (&stream.known, unread_text(stream.unread));
        let share = match stream.unread {
            Unread::Bytes(unread) if known.offset + unread > 0 => {
                Cell::plain(percent(known.offset, known.offset + unread))
            }
            _ => Cell::Blank,
        };
        [
            file(&stream.path),
            Cell::plain(bytes(known.offset)),
            share,
            Cell::Text(ink, unread),
            Cell::or_blank(known.last_us.and_then(|us| self.instant(us))),
            Cell::or_blank(known.last_us.map(|us| age(self.status.now.as_microsecond().saturating_sub(us)))),
        ]
    }

    fn next(&self, next: &Next) -> Vec<Line> {
        let mut lines = Vec::new();
        for copy in &next.copies {
            let of = copy
                .of
                .as_deref()
                .map_or_else(|| "what was read".to_owned(), |of| format!("what {} holds", shown(of)));
            let text = format!("{} holds {of}, and is left out", shown(&copy.path));
            lines.extend(self.marked(Ink::Faint, "copy  ", &text));
        }
        for (_, error) in &next.waiting {
            let marks = std::iter::once("waits  ").chain(std::iter::repeat("       "));
            lines
                .extend(marks.zip(error.lines()).flat_map(|(mark, text)| self.marked(Ink::Warn, mark, text)));
        }
        for gap in &next.lost {
            let text = format!("{}: {}", shown(&gap.path), gap.why);
            lines.extend(self.marked(Ink::Bad, "lost  ", &text));
        }
        lines
    }

    /// The newest first.
    fn gaps(&self, most: usize) -> Vec<Line> {
        let status = self.status;
        if status.gaps.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![self.pen.line([(Ink::Strong, "Lost before it was read")])];
        let newest = status.gaps.iter().rev().take(most);
        lines.extend(newest.flat_map(|gap| self.marked(Ink::Bad, "lost  ", &self.gap(gap))));
        let older = status.gaps.len().saturating_sub(most) as u64;
        if older > 0 {
            let text = format!("and {} older: --all names them", counted(older, "gap"));
            lines.push(self.pen.line([(Ink::Faint, &text)]));
        }
        if status.gaps_left_out > 0 {
            let text = format!("{} before them were not kept", counted(status.gaps_left_out, "gap"));
            lines.push(self.pen.line([(Ink::Faint, &text)]));
        }
        lines
    }

    fn gap(&self, gap: &Gap) -> String {
        let lost = gap.unread_bytes.map_or_else(|| "an unknown part".to_owned(), bytes);
        let found = self.instant(gap.found_us).map(|at| format!(", found {at}")).unwrap_or_default();
        format!("{lost} of {} ({}): {}{found}", shown(&gap.path), gap.source, gap.why)
    }

    /// A text behind a mark, in lines that keep clear of the mark.
    fn marked(&self, ink: Ink, mark: &str, text: &str) -> Vec<Line> {
        let blank = " ".repeat(width(mark));
        let texts = wrapped(text, self.columns - width(mark));
        let line = |(at, text): (usize, &String)| {
            self.pen.line([(ink, if at == 0 { mark } else { &blank }), (Ink::Plain, text)])
        };
        texts.iter().enumerate().map(line).collect()
    }

    fn instant(&self, us: i64) -> Option<String> {
        let instant = Timestamp::from_microsecond(us).ok()?.to_zoned(self.zone.clone());
        Some(instant.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    fn hour(&self, hour: i64) -> Option<String> {
        let instant = Timestamp::from_second(hour.checked_mul(3600)?).ok()?.to_zoned(self.zone.clone());
        Some(instant.strftime("%Y-%m-%d %H:%M").to_string())
    }
}

/// Tier, node and formats.
fn about(source: &SourceStatus) -> String {
    let info = &source.info;
    let tier = info.tier.as_ref().map(|tier| format!("tier {tier}"));
    let node = info.node.as_ref().map(|node| format!("node {node}"));
    let about: Vec<String> = tier.into_iter().chain(node).chain(info.formats.iter().cloned()).collect();
    about.join(", ")
}

fn wrapped_lines(pen: Pen, text: &str, columns: usize) -> Vec<Line> {
    let texts = if text.is_empty() { Vec::new() } else { wrapped(text, columns) };
    pen.lines(Ink::Faint, &texts)
}

fn finished(finished: Finished) -> Option<String> {
    let logs = counted(finished.streams, "older log");
    (finished.streams > 0)
        .then(|| format!("{logs}, {} read, of which nothing is awaited", bytes(finished.bytes)))
}

fn unread_text(unread: Unread) -> (Ink, String) {
    match unread {
        Unread::Bytes(0) => (Ink::Good, "0 B".to_owned()),
        Unread::Bytes(unread) => (Ink::Warn, bytes(unread)),
        Unread::Packed(unread) => (Ink::Warn, format!("{} packed", bytes(unread))),
        Unread::Gone(_) => (Ink::Bad, "gone".to_owned()),
    }
}

fn file(path: &Path) -> Cell {
    Cell::plain(shown(path))
}

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

/// `1 hour`, `2,000 hours`.
fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A stretch of time at a glance.
fn age(us: i64) -> String {
    const SECOND_US: i64 = 1_000_000;
    let s = us.div_euclid(SECOND_US);
    match s {
        _ if s < 0 => "to come".to_owned(),
        0..120 => format!("{s} s"),
        120..7200 => format!("{} min", s / 60),
        7200..172_800 => format!("{} h", s / 3600),
        _ => format!("{} days", grouped((s / 86_400).unsigned_abs())),
    }
}

#[cfg(test)]
mod tests;
