//! The report as one self-contained page. Loads nothing, and allows nothing but its own style and script to run.
//!
//! `cards` and `tables` turn figures into text; the template `report.html` puts and escapes it.

mod cards;
mod tables;

use crate::charts::{self, Chart, Ink, Theme};
use crate::hours::{local, window_s, zone, zone_name};
use crate::model::{Report, Step};
use crate::{text, words};
use askama::Template;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cards::Card;
use jiff::tz::TimeZone;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use tables::{Cell, Section, Table};

const STYLE: &str = include_str!("../../assets/page.css");
const SCRIPT: &str = include_str!("../../assets/page.js");

/// Everything the template puts into its places. Only style, script and charts are put there as they are.
#[derive(Template)]
#[template(path = "report.html", whitespace = "suppress")]
struct Page {
    style: String,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    title: String,
    subtitle: String,
    version: String,
    notes: Vec<String>,
    cards: Vec<Card>,
    charts: Vec<Figure>,
    sections: Vec<Section>,
    equation: String,
    remarks: Vec<String>,
    accounts: Vec<Table>,
}

struct Figure {
    name: &'static str,
    title: &'static str,
    wide: String,
    narrow: String,
    /// For the whole width of the page.
    across: Option<String>,
}

/// The page, UTF-8.
#[must_use]
pub fn page(report: &Report) -> String {
    let zone = zone(report);
    let style = style();
    let page = Page {
        style_hash: csp_hash(&style),
        style,
        script: SCRIPT,
        script_hash: csp_hash(SCRIPT),
        title: title(report, &zone),
        subtitle: subtitle(report),
        version: report.version.clone(),
        notes: report.notes.iter().map(|note| safe(note)).collect(),
        cards: cards::cards(report, &zone),
        charts: Chart::ALL.into_iter().filter_map(|chart| figure(chart, report)).collect(),
        sections: tables::sections(report, &zone),
        equation: words::equation(&report.accounting).join(" + "),
        remarks: words::remarks(&report.accounting),
        accounts: tables::accounts(report),
    };
    page.render().expect("the template writes to a string") + "\n"
}

fn figure(chart: Chart, report: &Report) -> Option<Figure> {
    let [wide, narrow] = charts::for_page(chart, report)?.map(|picture| picture.hoverable_svg());
    let across = charts::across_page(chart, report).map(|picture| picture.hoverable_svg());
    Some(Figure { name: chart.name(), title: chart.title(), wide, narrow, across })
}

/// The style sheet, and for each colour of the charts the one to use in the dark.
fn style() -> String {
    let mut style = STYLE.to_owned();
    style.push_str("@media screen and (prefers-color-scheme:dark){\n");
    for ink in Ink::all() {
        let (light, dark) = (ink.hex(Theme::Light), ink.hex(Theme::Dark));
        let _ = writeln!(
            style,
            ".chart [fill=\"{light}\"]{{fill:{dark}}}.chart [stroke=\"{light}\"]{{stroke:{dark}}}"
        );
    }
    style.push_str("}\n");
    style
}

/// A source of a content security policy.
fn csp_hash(content: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(content)))
}

fn title(report: &Report, zone: &TimeZone) -> String {
    if window_s(report) == 0 {
        return "No requests".into();
    }
    let [since, until] = [report.since, report.until].map(|at| local(at, zone));
    let until_format = if since.date() == until.date() { "%H:%M" } else { "%a %-d %b %Y, %H:%M" };
    format!("{} – {}", since.strftime("%a %-d %b %Y, %H:%M"), until.strftime(until_format))
}

fn subtitle(report: &Report) -> String {
    let names: Vec<_> = report.sources.iter().take(3).map(|source| safe(&source.name)).collect();
    let more = report.sources.len() - names.len();
    let by_day = if report.step == Step::Day { "by day, " } else { "" };
    let mut subtitle = format!("{by_day}{} · {}", zone_name(report), names.join(", "));
    if more > 0 {
        let _ = write!(subtitle, " and {more} more");
    }
    subtitle
}

/// A name of the log's without characters that hide or reorder text.
fn safe(name: &str) -> String {
    text::safe(name).into_owned()
}
