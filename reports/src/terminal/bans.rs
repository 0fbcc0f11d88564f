//! What the rules banned: by rule, and the networks with most bans.

use super::Page;
use super::paint::{Ink, Line, wrapped};
use super::table::{Cell, Shape, Table, column, sparkline};
use crate::bans::{busy, end, forgotten, idle, more, total, uncounted};
use crate::model::{BanReport, BannedNetwork, Step};
use crate::text;

/// Signs of a rule's bans over time, at most: days of a month.
const MAX_SIGNS: u64 = 31;

/// Nothing where no rule was asked for, and a line where nobody was banned.
pub(super) fn bans(page: &Page<'_>) -> Vec<Line> {
    let Some(bans) = &page.report.bans else { return Vec::new() };
    let mut lines = if bans.bans > 0 { rules(page, bans) } else { Vec::new() };
    lines.extend(page.pen.lines(Ink::Plain, &wrapped(&total(bans), page.columns)));
    for remark in uncounted(bans) {
        lines.extend(page.pen.lines(Ink::Faint, &wrapped(&remark, page.columns)));
    }
    for remark in forgotten(bans) {
        lines.extend(page.pen.lines(Ink::Warn, &wrapped(&remark, page.columns)));
    }
    let networks = networks(page, bans);
    if !networks.is_empty() {
        lines.push(Line::default());
        lines.extend(networks);
    }
    lines
}

fn rules(page: &Page<'_>, bans: &BanReport) -> Vec<Line> {
    let time = Signs::new(page);
    let most = busy(bans).flat_map(|rule| time.of(bans, &rule.rule)).flatten().max().unwrap_or(0);
    let mut table = Table::new(
        "Bans",
        &[
            column("", Shape::Text { min: 12, middle: false }, 0),
            column(time.title, Shape::Label, 3),
            column("bans", Shape::Number, 0),
            column("networks", Shape::Number, 2),
            column("in force", Shape::Number, 1),
            column("hits", Shape::Number, 0),
            column("reads/request", Shape::Number, 4),
        ],
    );
    for rule in busy(bans) {
        let signs = sparkline(&time.of(bans, &rule.rule), most, page.pen.unicode);
        table.row([
            Cell::plain(&rule.rule),
            Cell::Text(Ink::Load, signs),
            count(rule.bans),
            count(rule.networks),
            count(rule.in_force),
            count(rule.hits),
            Cell::or_blank(rule.examined_bytes_mean.map(|mean| text::bytes(mean.round() as u64))),
        ]);
    }
    let mut lines = table.lines(page.pen, page.columns);
    if let Some(idle) = idle(bans) {
        lines.extend(page.pen.lines(Ink::Faint, &wrapped(&idle, page.columns)));
    }
    lines
}

/// Faint when nothing.
fn count(count: u64) -> Cell {
    Cell::Text(if count == 0 { Ink::Faint } else { Ink::Plain }, text::count(count))
}

fn networks(page: &Page<'_>, bans: &BanReport) -> Vec<Line> {
    if page.top == 0 || bans.networks.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(
        "Banned networks",
        &[
            column("", Shape::Text { min: 18, middle: true }, 0),
            column("bans", Shape::Number, 0),
            column("hits", Shape::Number, 2),
            column("until", Shape::Label, 1),
            column("by", Shape::Text { min: 14, middle: false }, 3),
        ],
    );
    let shown = &bans.networks[..bans.networks.len().min(page.top)];
    for network in shown {
        let BannedNetwork { network: name, rules, bans, hits, in_force, .. } = network;
        let ink = if *in_force { Ink::Plain } else { Ink::Faint };
        table.row([
            Cell::plain(name),
            Cell::plain(text::count(*bans)),
            Cell::plain(text::count(*hits)),
            Cell::Text(ink, end(network, page.report, &page.zone)),
            Cell::Text(Ink::Faint, rules.join(", ")),
        ]);
    }
    let mut lines = table.lines(page.pen, page.columns);
    if let Some(more) = more(bans, shown.len()) {
        lines.push(page.pen.line([(Ink::Faint, &format!("… and {more}"))]));
    }
    lines
}

/// Stretches of the window, each of which has a sign.
struct Signs {
    title: &'static str,
    first: i64,
    seconds: i64,
    count: usize,
}

/// Hours of a stretch, and how such stretches are called.
const HOURS: [(u64, &str); 8] = [
    (1, "hour by hour"),
    (2, "every 2 h"),
    (3, "every 3 h"),
    (6, "every 6 h"),
    (12, "every 12 h"),
    (24, "every 24 h"),
    (48, "every 48 h"),
    (168, "every 7 days"),
];
/// The same in days.
const DAYS: [(u64, &str); 4] =
    [(1, "day by day"), (2, "every 2 days"), (7, "every 7 days"), (28, "every 28 days")];

impl Signs {
    /// The finest that have room, from the first to the last hour (or day) with requests.
    fn new(page: &Page<'_>) -> Self {
        let step = page.report.step;
        let rows = &page.report.hour_totals;
        let (first, last) =
            rows.first().zip(rows.last()).map_or((0, 0), |(first, last)| (first.hour, last.hour));
        let steps = last.abs_diff(first) / step.seconds().unsigned_abs() + 1;
        let widths: &[(u64, &str)] = match step {
            Step::Hour => &HOURS,
            Step::Day => &DAYS,
        };
        let fits = |width: &&(u64, &str)| steps.div_ceil(width.0) <= MAX_SIGNS;
        let (per_sign, title) =
            widths.iter().find(fits).copied().unwrap_or((steps.div_ceil(MAX_SIGNS), "over time"));
        let seconds = i64::try_from(per_sign).unwrap_or(i64::MAX).saturating_mul(step.seconds());
        Self { title, first, seconds, count: steps.div_ceil(per_sign) as usize }
    }

    /// A rule's bans in each of them, `None` where it has none.
    fn of(&self, bans: &BanReport, rule: &str) -> Vec<Option<u64>> {
        let mut signs = vec![None; self.count];
        for period in bans.periods.iter().filter(|period| period.rule == rule && period.bans > 0) {
            let place = period.start.saturating_sub(self.first).div_euclid(self.seconds);
            if let Some(sign) = usize::try_from(place).ok().and_then(|place| signs.get_mut(place)) {
                *sign = Some(sign.unwrap_or(0) + period.bans);
            }
        }
        signs
    }
}
