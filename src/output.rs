//! Puts a report where it belongs: files into its folder, text onto standard output.

use crate::cli::{ColorWhen, ReportArgs};
use anyhow::Context;
use console::Term;
use logstat_reports::charts::{Chart, Theme};
use logstat_reports::model::{Report, Step};
use logstat_reports::terminal::Style;
use logstat_reports::{charts, csv, html, parquet, summary, terminal, text, write};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;

/// Columns when standard output is no terminal and `COLUMNS` is not set.
const WIDTH: usize = 100;
const NARROWEST: usize = 60;
const WIDEST: usize = 160;

/// Bans by hour and rule, in a report that has any.
const BANS: &str = "bans.csv";

/// Writes every file of the report, all of them or none.
///
/// # Errors
/// When a file cannot be written; the files of an older report are then as they were.
pub fn publish(report: &Report, out: &Path, png: bool, pool: &ThreadPool) -> anyhow::Result<()> {
    let mut files = vec![
        ("summary.json".to_owned(), summary::summary_json(report)),
        (rows_file(report.step, "csv"), csv::hourly(report)),
        (rows_file(report.step, "parquet"), parquet::hourly(report)?),
        ("top.csv".to_owned(), csv::top(report)),
        ("availability.csv".to_owned(), csv::availability(report)),
        ("report.html".to_owned(), html::page(report).into_bytes()),
    ];
    files.extend(report.bans.as_ref().map(|bans| (BANS.to_owned(), csv::bans(bans))));
    let wanted = pictures().into_par_iter().filter(|picture| png || !picture.png);
    let drawn = wanted.filter_map(|picture| Some((picture.file_name(), picture.draw(report)?)));
    files.extend(pool.install(|| drawn.collect::<Vec<_>>()));
    write::publish(out, &files)
        .with_context(|| format!("the report was not written to {}", out.display()))?;
    // A picture or table of an older report would pass for one of this report.
    let tables = [Step::Hour, Step::Day]
        .into_iter()
        .flat_map(|step| ["csv", "parquet"].map(|kind| rows_file(step, kind)));
    for name in pictures().into_iter().map(Picture::file_name).chain(tables).chain([BANS.to_owned()]) {
        if !files.iter().any(|(written, _)| *written == name) {
            let _ = std::fs::remove_file(out.join(name));
        }
    }
    Ok(())
}

/// The file of the rows, which are hours or days.
fn rows_file(step: Step, kind: &str) -> String {
    format!("{}.{kind}", step.file_stem())
}

/// One picture in one theme and one kind of file.
#[derive(Clone, Copy)]
struct Picture {
    chart: Chart,
    theme: Theme,
    png: bool,
}

/// Every picture that a report can have.
fn pictures() -> Vec<Picture> {
    let kinds = [Theme::Light, Theme::Dark].map(|theme| [(theme, false), (theme, true)]).concat();
    let all = Chart::ALL
        .into_iter()
        .flat_map(|chart| kinds.iter().map(move |&(theme, png)| Picture { chart, theme, png }));
    all.collect()
}

impl Picture {
    fn file_name(self) -> String {
        let theme = if self.theme == Theme::Dark { "-dark" } else { "" };
        format!("{}{theme}.{}", self.chart.name(), if self.png { "png" } else { "svg" })
    }

    fn draw(self, report: &Report) -> Option<Vec<u8>> {
        if self.png {
            charts::png(self.chart, report, self.theme)
        } else {
            charts::svg(self.chart, report, self.theme).map(String::into_bytes)
        }
    }
}

/// Says something on standard error. Names of files may hold control characters, which a terminal must not see.
pub fn say(message: &str) {
    let lines: Vec<_> = message.lines().map(text::safe).collect();
    // Where standard error cannot be written either, there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "logstat: {}", lines.join("\n"));
}

/// Prints the report, its summary or its hours. A closed pipe is no error.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn print(report: &Report, args: &ReportArgs, top: usize) -> anyhow::Result<()> {
    let bytes = if args.json {
        summary::summary_json(report)
    } else if args.csv {
        csv::hourly(report)
    } else {
        terminal::render(report, &style(args.color, top)).into_bytes()
    };
    put(&bytes)
}

/// Writes to standard output. A closed pipe is no error.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn put(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

/// What standard output can show.
pub(crate) fn style(color: ColorWhen, top: usize) -> Style {
    let is_terminal = std::io::stdout().is_terminal();
    Style {
        width: width(is_terminal).clamp(NARROWEST, WIDEST),
        color: match color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => {
                is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        },
        unicode: is_unicode(),
        top,
    }
}

fn width(is_terminal: bool) -> usize {
    if is_terminal {
        return usize::from(Term::stdout().size().1);
    }
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(WIDTH)
}

/// Only a locale that names another charset is taken at its word: where none is set, terminals speak UTF-8 today.
fn is_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| std::env::var(name).ok());
    let locale = set.into_iter().find(|value| !value.is_empty());
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}
