//! The tables of the page as rows of text. Cut where a file has the rest; columns without a value are left out.

use super::safe;
use crate::divisions::{Division, divisions};
use crate::hours::{gaps, local};
use crate::model::{
    BanReport, BannedNetwork, Figures, GroupRow, HourRow, Report, RuleRow, ServerAvailability, Step, Timing,
    TopList, TopRow,
};
use crate::{availability, bans, terminations, text, words};
use jiff::tz::TimeZone;

/// Hours of a month, or days of two years; `hourly.csv` or `daily.csv` has them all.
const MAX_HOURS: usize = 744;
/// Groups, events, files and places that are shown; more of them make no page.
const MAX_GROUPS: usize = 100;
const MAX_TOP: usize = 25;
const MAX_EVENTS: usize = 200;
const MAX_FILES: usize = 100;
/// Characters of a logged value; `top.csv` has it whole.
const MAX_VALUE: usize = 160;

/// Tables under one heading.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) tables: Vec<Table>,
    /// Lines below the heading.
    pub(super) remarks: Vec<String>,
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What is not shown, or how exact it is.
    pub(super) remark: Option<String>,
    /// Takes the whole width.
    pub(super) wide: bool,
}

#[derive(Clone, PartialEq)]
pub(super) enum Cell {
    /// What the row is about.
    Name(String),
    Text(String),
    /// Words that may stand in several lines.
    Phrase(String),
    /// As logged.
    Logged(String),
    Number(String),
    /// A part of 1000 as a bar.
    Bar(u64),
    None,
}

impl Cell {
    fn number(text: Option<String>) -> Self {
        text.map_or(Self::None, Self::Number)
    }

    fn percent(part: u64, whole: u64) -> Self {
        if whole == 0 { Self::None } else { Self::Number(text::percent(part, whole)) }
    }

    fn bar(part: u64, whole: u64) -> Self {
        Self::Bar((part as f64 / whole.max(1) as f64 * 1000.0).round() as u64)
    }

    fn logged(value: &str) -> Self {
        Self::Logged(text::truncate_middle(&text::safe(value), MAX_VALUE, "…").into_owned())
    }

    fn millis(ms: Option<f64>) -> Self {
        Self::number(ms.map(text::millis))
    }
}

impl Table {
    fn new(title: impl Into<String>, head: &[&'static str], rows: Vec<Vec<Cell>>) -> Self {
        let used: Vec<bool> =
            (0..head.len()).map(|column| rows.iter().any(|row| row[column] != Cell::None)).collect();
        let keep = |row: Vec<Cell>| {
            row.into_iter().zip(&used).filter(|(_, used)| **used).map(|(cell, _)| cell).collect()
        };
        let head = head.iter().zip(&used).filter(|(_, used)| **used).map(|(label, _)| *label).collect();
        Self { title: title.into(), head, rows: rows.into_iter().map(keep).collect(), ..Self::default() }
    }

    fn remarking(self, remark: Option<String>) -> Self {
        Self { remark, ..self }
    }

    fn wide(self) -> Self {
        Self { wide: true, ..self }
    }

    /// Whether the column is of numbers, by its first value.
    pub(super) fn is_numeric(&self, column: &usize) -> bool {
        let cell = self.rows.iter().map(|row| &row[*column]).find(|cell| **cell != Cell::None);
        matches!(cell, Some(Cell::Number(_)))
    }
}

pub(super) fn sections(report: &Report, zone: &TimeZone) -> Vec<Section> {
    let section = |id, title, tables: Vec<Table>| Section { id, title, tables, remarks: Vec::new() };
    let mut sections = vec![
        hours_section(report, zone),
        section(
            "compare",
            "Side by side",
            divisions(report).iter().map(|division| group(division, report)).collect(),
        ),
        section("outcomes", "Outcomes", outcomes(report)),
        section("top", "Top lists", report.top.iter().map(|list| top(list, report)).collect()),
        bans_section(report, zone),
        section("availability", "Availability", vec![servers(report)]),
        section("events", "Events", events(report, zone)),
    ];
    sections.retain_mut(|section| {
        section.tables.retain(|table| !table.rows.is_empty());
        !section.tables.is_empty() || !section.remarks.is_empty()
    });
    sections
}

const FIGURES: [&str; 10] =
    ["Requests", "/s", "Peak/s", "p50", "p95", "p99", "4xx", "5xx", "Sent", "Retries"];

fn figures(figures: &Figures) -> impl Iterator<Item = Cell> + use<> {
    // Where no status is logged, there is no share of errors.
    let whole = if figures.with_status() > 0 { figures.requests } else { 0 };
    [
        Cell::Number(text::grouped(figures.requests)),
        Cell::Number(text::rate(figures.rps_mean)),
        Cell::Number(text::count(figures.rps_peak)),
        Cell::millis(figures.latency.p50_ms),
        Cell::millis(figures.latency.p95_ms),
        Cell::millis(figures.latency.p99_ms),
        Cell::percent(figures.status_4xx, whole),
        Cell::percent(figures.status_5xx, whole),
        Cell::number(figures.bytes_sent.map(text::bytes)),
        Cell::number(figures.retries.map(text::count)),
    ]
    .into_iter()
}

fn hours_section(report: &Report, zone: &TimeZone) -> Section {
    let title = match report.step {
        Step::Hour => "Hours",
        Step::Day => "Days",
    };
    Section { id: "hours", title, tables: vec![hours(report, zone)], remarks: Vec::new() }
}

fn hours(report: &Report, zone: &TimeZone) -> Table {
    let (title, label, edge) = match report.step {
        Step::Hour => ("Hour", "%a %-d %b %H:%M %Z", "%a %-d %b %H:%M"),
        Step::Day => ("Day", "%a %-d %b %Y", "%-d %b %Y"),
    };
    let rows = &report.hour_totals;
    let shown = &rows[rows.len().saturating_sub(MAX_HOURS)..];
    let most = shown.iter().map(|row| row.figures.requests).max().unwrap_or(0);
    let format = |at: i64, format: &str| local(at, zone).strftime(format).to_string();
    let line = |row: &HourRow| {
        let name = Cell::Name(format(row.hour, label));
        [name, Cell::bar(row.figures.requests, most)].into_iter().chain(figures(&row.figures)).collect()
    };
    let mut remarks: Vec<String> = gaps(report)
        .iter()
        .take(8)
        .map(|gap| {
            // A day is named as a whole, so the last one is the one before the end.
            let end = if report.step == Step::Day { gap.until.saturating_sub(1) } else { gap.until };
            let [since, end] = [gap.since, end].map(|at| format(at, edge));
            if since == end { since } else { format!("{since} – {end}") }
        })
        .collect();
    if !remarks.is_empty() {
        remarks = vec![format!("No requests: {}.", remarks.join("; "))];
    }
    if shown.len() < rows.len() {
        let (noun, file) = (report.step.noun(), report.step.file_stem());
        remarks.push(format!(
            "The latest {} of {} {noun}s; {file}.csv has them all.",
            shown.len(),
            rows.len()
        ));
    }
    let head: Vec<_> = [title, ""].into_iter().chain(FIGURES).collect();
    let table = Table::new("", &head, shown.iter().map(line).collect());
    table.remarking((!remarks.is_empty()).then(|| remarks.join(" "))).wide()
}

fn group(division: &Division<'_>, report: &Report) -> Table {
    let Division { title, rows, name, whole } = *division;
    let line = |row: &GroupRow| {
        let requests = row.figures.requests;
        let name = Cell::Name(text::truncate_middle(&text::safe(&name(row)), MAX_VALUE, "…").into_owned());
        let share = [name, Cell::bar(requests, whole), Cell::percent(requests, whole)];
        share.into_iter().chain(figures(&row.figures)).collect()
    };
    let head: Vec<_> = ["Name", "", "Share"].into_iter().chain(FIGURES).collect();
    let table = Table::new(title, &head, rows.iter().take(MAX_GROUPS).map(line).collect());
    let more = rows.len().saturating_sub(MAX_GROUPS) as u64;
    let file = report.step.file_stem();
    let remark = (more > 0).then(|| format!("And {} more; {file}.csv has them all.", text::grouped(more)));
    table.remarking(remark).wide()
}

fn outcomes(report: &Report) -> Vec<Table> {
    let totals = &report.totals;
    vec![statuses(totals), ends(totals), failures(totals), cache(totals), times(totals)]
}

fn statuses(totals: &Figures) -> Table {
    let row = |name: String, meaning: &str, count| {
        let mut row = counted(Cell::Name(name), count, totals.requests);
        row.push(if meaning.is_empty() { Cell::None } else { Cell::Phrase(meaning.to_owned()) });
        row
    };
    let codes = words::statuses(totals).into_iter();
    let mut rows: Vec<_> =
        codes.map(|(code, count)| row(format!("{code:03}"), words::status_meaning(code), count)).collect();
    let without = words::without_status(totals);
    if without > 0 {
        rows.push(row("none".into(), words::NO_STATUS, without));
    }
    Table::new("Status", &["Status", "", "Requests", "Share", "Meaning"], rows)
}

fn failures(totals: &Figures) -> Table {
    let failures = totals.failures.filter(|failures| failures.total() > 0).unwrap_or_default();
    let line = |(cause, count, meaning): (&str, u64, &str)| {
        let mut row = counted(Cell::Name(cause.to_owned()), count, failures.total());
        row.push(Cell::Phrase(meaning.to_owned()));
        row
    };
    let causes = words::failures(&failures).into_iter().filter(|_| failures.total() > 0);
    Table::new("Failed requests", &["By", "", "Requests", "Share", "Meaning"], causes.map(line).collect())
}

fn ends(totals: &Figures) -> Table {
    let ends = words::terminations(&totals.terminations);
    let whole = ends.iter().map(|(_, count)| count).sum();
    let line = |(state, count): &(String, u64)| {
        let mut row = counted(Cell::Name(safe(state)), *count, whole);
        row.push(Cell::Phrase(terminations::meaning(state)));
        row
    };
    let head = ["State", "", "Requests", "Share", "Meaning"];
    Table::new("How sessions ended", &head, ends.iter().map(line).collect())
}

fn cache(totals: &Figures) -> Table {
    let mut states = totals.cache_states.clone();
    words::sort_most_first(&mut states);
    let whole = states.iter().map(|(_, count)| count).sum();
    let rows = states.iter().map(|(state, count)| counted(Cell::Name(safe(state)), *count, whole)).collect();
    Table::new("Cache", &["State", "", "Requests", "Share"], rows)
}

fn counted(name: Cell, count: u64, whole: u64) -> Vec<Cell> {
    vec![name, Cell::bar(count, whole), Cell::Number(text::grouped(count)), Cell::percent(count, whole)]
}

fn times(totals: &Figures) -> Table {
    let line = |(name, timing): &(&str, &Timing)| {
        let figures =
            [timing.mean_ms, timing.p50_ms, timing.p90_ms, timing.p95_ms, timing.p99_ms, timing.max_ms];
        let head = [Cell::Name((*name).to_owned()), Cell::Number(text::grouped(timing.n))];
        head.into_iter().chain(figures.map(Cell::millis)).collect()
    };
    let rows = words::timings(totals).iter().map(line).collect();
    let head = ["Time", "Requests", "Mean", "p50", "p90", "p95", "p99", "Max"];
    Table::new("Where the time went", &head, rows).wide()
}

fn top(list: &TopList, report: &Report) -> Table {
    let most = list.rows.iter().map(|row| row.requests).max().unwrap_or(0);
    let line = |row: &TopRow| {
        vec![
            Cell::logged(&row.value),
            Cell::bar(row.requests, most),
            Cell::Number(text::grouped(row.requests)),
            Cell::number((row.error > 0).then(|| format!("+{}", text::count(row.error)))),
            Cell::number(row.bytes_sent.map(text::bytes)),
            Cell::number(row.latency_p95_ms.map(|ms| format!("~{}", text::millis(ms)))),
        ]
    };
    let mut title = words::list_title(&list.list);
    if report.sources.len() > 1 {
        title = format!("{title}, {}", safe(&list.source));
    }
    let head = ["Value", "", "Requests", "At most", "Sent", "p95"];
    Table::new(title, &head, list.rows.iter().take(MAX_TOP).map(line).collect())
}

fn servers(report: &Report) -> Table {
    let (rows, more) = availability::worst(report, MAX_GROUPS);
    let seconds = |seconds: u64| Cell::number((seconds > 0).then(|| words::span(seconds)));
    let line = |row: &&ServerAvailability| {
        let source = if report.sources.len() > 1 { Cell::Text(safe(&row.source)) } else { Cell::None };
        vec![
            Cell::Name(
                text::truncate_middle(&text::safe(&availability::name(row)), MAX_VALUE, "…").into_owned(),
            ),
            source,
            Cell::number(availability::share(row)),
            Cell::Number(text::grouped(row.downs)),
            seconds(row.down_s),
            Cell::number((row.downs > 0).then(|| words::span(row.longest_down_s))),
            seconds(row.maintenance_s),
            seconds(row.drain_s),
            seconds(row.known_s),
            row.last_reason.as_ref().map_or(Cell::None, |reason| Cell::logged(reason)),
        ]
    };
    let head = [
        "Server",
        "Source",
        "Availability",
        "Downs",
        "Down",
        "Longest",
        "Maintenance",
        "Drain",
        "Known",
        "Last reason",
    ];
    let table = Table::new("", &head, rows.iter().map(line).collect());
    table.remarking(availability::remark(report, more)).wide()
}

fn bans_section(report: &Report, zone: &TimeZone) -> Section {
    let (mut tables, mut remarks) = (Vec::new(), Vec::new());
    if let Some(bans) = &report.bans {
        remarks.push(bans::total(bans));
        let others = [bans::uncounted(bans), bans::forgotten(bans)].concat();
        remarks.extend((!others.is_empty()).then(|| others.join(" · ")));
        if bans.bans > 0 {
            tables = vec![rules(bans), banned(bans, report, zone)];
        }
    }
    Section { id: "bans", title: "Bans", tables, remarks }
}

fn rules(bans: &BanReport) -> Table {
    let most = bans.rules.iter().map(|rule| rule.bans).max().unwrap_or(0);
    let line = |rule: &RuleRow| {
        let reads = rule.examined_bytes_mean.map(|mean| text::bytes(mean.round() as u64));
        let name = [Cell::Name(safe(&rule.rule)), Cell::bar(rule.bans, most)];
        let counts = [rule.bans, rule.networks, rule.in_force, rule.hits];
        let counts = counts.map(|count| Cell::Number(text::grouped(count)));
        name.into_iter().chain(counts).chain([Cell::number(reads)]).collect()
    };
    let head = ["Rule", "", "Bans", "Networks", "In force", "Hits", "Reads per request"];
    Table::new("Rules", &head, bans.rules.iter().map(line).collect()).wide()
}

fn banned(bans: &BanReport, report: &Report, zone: &TimeZone) -> Table {
    let line = |network: &BannedNetwork| {
        vec![
            Cell::Name(safe(&network.network)),
            Cell::Number(text::grouped(network.bans)),
            Cell::Number(text::grouped(network.hits)),
            Cell::Text(bans::end(network, report, zone)),
            if network.in_force { Cell::Text("yes".to_owned()) } else { Cell::None },
            Cell::Phrase(safe(&network.rules.join(", "))),
        ]
    };
    let shown = &bans.networks[..bans.networks.len().min(MAX_GROUPS)];
    let head = ["Network", "Bans", "Hits", "Until", "In force", "By"];
    let table = Table::new("Networks", &head, shown.iter().map(line).collect());
    table.remarking(bans::more(bans, shown.len()).map(|more| format!("And {more}."))).wide()
}

fn events(report: &Report, zone: &TimeZone) -> Vec<Table> {
    let first = report.events.len().saturating_sub(MAX_EVENTS);
    let rows = report.events[first..].iter().map(|event| {
        let at = event.at.map(|at| local(at, zone).strftime("%a %-d %b %H:%M:%S").to_string());
        vec![
            Cell::Name(at.unwrap_or_else(|| "no date".into())),
            if report.sources.len() > 1 { Cell::Text(safe(&event.source)) } else { Cell::None },
            Cell::Text(event.kind.replace('_', " ")),
            Cell::logged(&event.message),
        ]
    });
    let left_out = first as u64 + report.events_left_out;
    let remark = (left_out > 0).then(|| format!("And {}.", words::counted(left_out, "other")));
    vec![Table::new("", &["Time", "Source", "Kind", "Message"], rows.collect()).remarking(remark).wide()]
}

/// What was read, and what could not be.
pub(super) fn accounts(report: &Report) -> Vec<Table> {
    let mut tables = vec![sources(report), rejects(report), files(report)];
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn sources(report: &Report) -> Table {
    let line = |source: &crate::model::SourceSummary| {
        let counts = &source.accounting;
        let numbers = [counts.lines, counts.records, counts.events, counts.rejects, counts.blank];
        let tier = |text: &Option<String>| text.as_ref().map_or(Cell::None, |text| Cell::Text(safe(text)));
        [Cell::Name(safe(&source.name)), tier(&source.tier), tier(&source.node)]
            .into_iter()
            .chain(numbers.map(|count| Cell::Number(text::grouped(count))))
            .chain([Cell::Text(source.format_from.clone()), Cell::logged(&source.format)])
            .collect()
    };
    let head =
        ["Source", "Tier", "Node", "Lines", "Records", "Events", "Rejects", "Blank", "Format is", "Format"];
    Table::new("Sources", &head, report.sources.iter().map(line).collect()).wide()
}

fn rejects(report: &Report) -> Table {
    let mut rows = Vec::new();
    for kind in &report.accounting.reject_kinds {
        let (name, count) = (Cell::Name(kind.kind.clone()), Cell::Number(text::grouped(kind.count)));
        rows.push(vec![name, count, Cell::Text(safe(&kind.explain)), Cell::None]);
        for place in &kind.first {
            let position = format!("{}:{}:{}", safe(&place.file), place.line, place.byte);
            rows.push(vec![Cell::None, Cell::None, Cell::Text(position), Cell::logged(&place.excerpt)]);
        }
    }
    Table::new("Rejects", &["Kind", "Lines", "Why, and first places", "Line"], rows).wide()
}

fn files(report: &Report) -> Table {
    let files: Vec<_> = report.sources.iter().flat_map(|source| &source.files).collect();
    let rows = files.iter().take(MAX_FILES).map(|file| {
        vec![
            Cell::Name(safe(&file.path)),
            Cell::Number(text::grouped(file.lines)),
            Cell::Number(text::bytes(file.bytes)),
            file.skipped.as_ref().map_or(Cell::None, |why| Cell::Text(safe(why))),
        ]
    });
    let more = files.len().saturating_sub(MAX_FILES);
    let remark =
        (more > 0).then(|| format!("And {} more; summary.json has them all.", text::grouped(more as u64)));
    Table::new("Files", &["File", "Lines", "Read", "Not read"], rows.collect()).remarking(remark).wide()
}
