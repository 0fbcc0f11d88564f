//! Bans and rules as lists of their own, for whoever asks what is banned and why.

use super::paint::{Ink, Line, wrapped};
use super::table::{Cell, Shape, Table, column};
use super::{MIN_WIDTH, Style};
use crate::hours::{local, named_zone};
use crate::model::{ListedBan, ListedRule};
use crate::{text, words};
use jiff::tz::TimeZone;

/// Bans in the order given, as they stand at `now`, Unix seconds, on the clock of an IANA zone. Each line ends in
/// `\n`; safe as [`render`](super::render) is.
#[must_use]
pub fn ban_list(bans: &[ListedBan], now: i64, timezone: &str, style: &Style) -> String {
    let (pen, columns) = (style.pen(), style.columns());
    if bans.is_empty() {
        return pen.paint(&[pen.line([(Ink::Plain, "no bans")])], columns);
    }
    let zone = named_zone(timezone);
    let mut table = Table::new(
        "Network",
        &[
            column("", Shape::Text { min: 18, middle: true }, 0),
            column("rule", Shape::Text { min: 16, middle: false }, 0),
            column("since", Shape::Label, 3),
            column("until", Shape::Label, 2),
            column("left", Shape::Number, 0),
            column("hits", Shape::Number, 1),
            column("nth", Shape::Number, 4),
        ],
    );
    for ban in bans {
        let left = ban.until.saturating_sub(now).max(0).unsigned_abs();
        let left =
            if left > 0 { Cell::plain(words::span(left)) } else { Cell::Text(Ink::Faint, "over".into()) };
        table.row([
            Cell::plain(&ban.network),
            Cell::plain(&ban.rule),
            Cell::Text(Ink::Faint, second(ban.since, now, &zone)),
            Cell::plain(second(ban.until, now, &zone)),
            left,
            Cell::plain(text::count(ban.hits)),
            Cell::plain(text::grouped(ban.nth)),
        ]);
    }
    let mut lines = table.lines(pen, columns);
    lines.push(Line::default());
    let in_force = bans.iter().filter(|ban| ban.until > now).count();
    let count = words::counted(bans.len() as u64, "ban");
    let says = if in_force == bans.len() { "all in force".into() } else { format!("{in_force} in force") };
    lines.push(pen.line([(Ink::Faint, &format!("{count}, {says} · {timezone}"))]));
    pen.paint(&lines, columns)
}

/// An instant, with its year where that is not the present one.
fn second(at: i64, now: i64, zone: &TimeZone) -> String {
    let [at, now] = [at, now].map(|at| local(at, zone));
    let format = if at.year() == now.year() { "%-d %b %H:%M:%S" } else { "%-d %b %Y %H:%M:%S" };
    at.strftime(format).to_string()
}

/// Rules in the order given, each with what it catches and what it can hit wrongly. Each line ends in `\n`; safe as
/// [`render`](super::render) is.
#[must_use]
pub fn rule_list(rules: &[ListedRule], style: &Style) -> String {
    let (pen, columns) = (style.pen(), style.columns());
    if rules.is_empty() {
        return pen.paint(&[pen.line([(Ink::Plain, "no rules")])], columns);
    }
    let names = rules.iter().map(|rule| text::width(&rule.rule)).max().unwrap_or(0);
    // What stands across begins behind the names, and the words behind what they are about.
    let room = columns.saturating_sub(names + 2 + WRONGLY.len()).max(MIN_WIDTH / 2);
    let mut table = Table::new(
        "Rule",
        &[
            column("", Shape::Text { min: 12, middle: false }, 0),
            column("", Shape::Label, 0),
            column("bans at", Shape::Text { min: 24, middle: false }, 0),
            column("for", Shape::Label, 0),
        ],
    );
    for rule in rules {
        let (ink, used) = if rule.on { (Ink::Good, "on") } else { (Ink::Faint, "off") };
        table.row([
            Cell::Text(Ink::Strong, rule.rule.clone()),
            Cell::Text(ink, used.into()),
            Cell::plain(&rule.threshold),
            Cell::plain(&rule.bantime),
        ]);
        for (about, says) in [(CATCHES, &rule.catches), (WRONGLY, &rule.wrongly)] {
            let lines = wrapped(says, room).into_iter().filter(|line| !line.is_empty());
            for (nth, line) in lines.enumerate() {
                let about = if nth == 0 { about } else { "" };
                table.across(Cell::Blank, format!("{about:width$}{line}", width = WRONGLY.len()));
            }
        }
    }
    pen.paint(&table.lines(pen, columns), columns)
}

const CATCHES: &str = "catches  ";
const WRONGLY: &str = "wrongly  ";
