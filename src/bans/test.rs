//! Carries out `logstat ban test`: the lines that a rule counts, and what in them. Bans nobody.

use crate::ban::filter::{Evidence, Filter, Subject};
use crate::ban::rule::{Rule, What, named_or_filter};
use crate::ban::watch::RuleSet;
use crate::cli::{ReadArgs, TestArgs};
use crate::config::{self, Config};
use crate::exit::Exit;
use crate::output::{self, say};
use crate::pipeline::{Prepared, Seen, prepare, visit};
use crate::plan::{Sources, sources};
use crate::run::{self, complain};
use crate::source::Progress;
use anyhow::bail;
use logstat_parsers::{Fields, Line};
use logstat_reports::terminal::Style;
use logstat_reports::text::{count, printable, safe, truncate_middle};
use serde_json::{Value, json};
use std::fmt::Write;
use std::ops::Range;

/// Columns of a condition that are shown.
const CONDITION: usize = 72;
/// Lines that are shown.
const SHOWN: u64 = 20;

/// Carries it out.
///
/// # Errors
/// When the rule or the configuration is wrong, or no log can be read.
pub fn run(args: &TestArgs) -> anyhow::Result<Exit> {
    let config = config::load(args.read.config.as_deref())?;
    let written = config.ban.clone().unwrap_or_default().rule;
    let rule = named_or_filter(&args.rule, &written)?;
    if let What::Bans | What::Neighbours { .. } = rule.what {
        bail!(
            "{} counts bans, and matches no lines\nhint: `logstat ban list PATH --all` shows what it bans",
            rule.name
        );
    }
    let (prepared, mut exit) = prepared(&args.read, &config)?;
    let mut test = Test {
        rule: &rule,
        args,
        style: output::style(args.color, 0),
        max: args.max.map_or(SHOWN, |max| if max == 0 { u64::MAX } else { max }),
        lines: 0,
        matches: 0,
    };
    let progress = Progress::default();
    let bar = run::progress_bar(&prepared);
    for source in &prepared {
        let mut folded = || bar.set_position(progress.bytes_read());
        let errors = visit(source, &progress, &mut folded, &mut |seen, line| {
            bar.suspend(|| test.line(source, seen, line)).is_ok()
        });
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        exit = exit.max(complain(&errors));
    }
    bar.finish_and_clear();
    let (matches, lines) = (count(test.matches), count(test.lines));
    let more =
        if test.matches > test.max { format!("; {} are shown", count(test.max)) } else { String::new() };
    say(&format!("{matches} of {lines} lines match {}{more}", rule.name));
    if test.matches == 0 {
        lacks(&rule, &prepared).iter().for_each(|field| say(&format!("the log has no {field}")));
        exit = exit.max(Exit::LimitExceeded);
    }
    Ok(exit)
}

/// Fields that the rule asks for and no log has.
fn lacks(rule: &Rule, prepared: &[Prepared]) -> Vec<&'static str> {
    type Has = fn(&Fields) -> bool;
    let known: [(&str, Has); 7] = [
        ("method", |fields| fields.method),
        ("path", |fields| fields.target),
        ("user_agent", |fields| fields.user_agent),
        ("referrer", |fields| fields.referer),
        ("host", |fields| fields.site),
        ("latency_ms", |fields| fields.latency),
        ("bytes_sent", |fields| fields.bytes_sent),
    ];
    let asked = RuleSet::new(vec![rule.clone()]).fields();
    let has = |of: &Has| prepared.iter().any(|source| source.formats.any_has(of));
    known.into_iter().filter(|(_, of)| of(&asked) && !has(of)).map(|(name, _)| name).collect()
}

fn prepared(read: &ReadArgs, config: &Config) -> anyhow::Result<(Vec<Prepared>, Exit)> {
    let Sources { plans, problems, .. } = sources(read, config)?;
    let mut exit = complain(&problems);
    let mut prepared = Vec::new();
    for plan in plans.into_iter().filter(|plan| !plan.sets.is_empty()) {
        match prepare(plan) {
            Ok(source) => prepared.push(source),
            Err(error) => exit = exit.max(complain(&[error.to_string()])),
        }
    }
    if prepared.is_empty() {
        bail!("no log can be read");
    }
    Ok((prepared, exit))
}

/// Looks at lines, and shows those that match.
struct Test<'a> {
    rule: &'a Rule,
    args: &'a TestArgs,
    style: Style,
    max: u64,
    lines: u64,
    matches: u64,
}

impl Test<'_> {
    fn line(&mut self, source: &Prepared, seen: &Seen<'_>, line: &Line<'_>) -> anyhow::Result<()> {
        self.lines += 1;
        let is_hit = match line {
            Line::Record(record) => self.rule.hit(&Subject::of(record)).is_some(),
            Line::Reject(reject) => reject.client.is_some() && self.rule.counts_reject(reject.kind),
            Line::Event(_) | Line::Blank => false,
        };
        if !is_hit {
            return Ok(());
        }
        self.matches += 1;
        if self.matches > self.max {
            return Ok(());
        }
        let path = source.files[seen.file].file.path().display().to_string();
        let text = match (line, &self.rule.what) {
            (Line::Record(record), What::Requests { filter, .. }) => {
                let evidence = filter.explain(&Subject::of(record)).unwrap_or_default();
                self.text(&path, seen, &evidence, Some(filter))
            }
            _ => self.text(&path, seen, &[], None),
        };
        output::put(text.as_bytes())
    }

    fn text(
        &self,
        path: &str,
        seen: &Seen<'_>,
        evidence: &[Evidence<'_>],
        filter: Option<&Filter>,
    ) -> String {
        if self.args.json {
            return format!("{}\n", as_json(path, seen, evidence));
        }
        let mut text = format!("{}:{}: byte {}\n", safe(path), seen.number, seen.offset);
        let mut places: Vec<Range<usize>> =
            evidence.iter().filter_map(|evidence| evidence.place_in(seen.bytes)).collect();
        places.sort_unstable_by_key(|place| (place.start, place.end));
        let _ = writeln!(text, "  {}", self.marked(seen.bytes, &places));
        if !self.style.color && !places.is_empty() {
            let _ = writeln!(text, "  {}", carets(seen.bytes, &places));
        }
        let _ = match filter {
            None => writeln!(text, "  the line cannot be read"),
            Some(filter) if evidence.is_empty() => writeln!(text, "  {filter}"),
            Some(_) => Ok(()),
        };
        for evidence in evidence {
            let held = evidence.bytes.clone().zip(evidence.text).map(|(bytes, text)| printable(&text[bytes]));
            let held = held.map(|held| format!("  at `{held}`")).unwrap_or_default();
            let condition = truncate_middle(&evidence.condition, CONDITION, "…");
            let _ = writeln!(text, "  {}{held}", safe(&condition));
        }
        text
    }

    /// The line, with the places that matched in bold.
    fn marked(&self, line: &[u8], places: &[Range<usize>]) -> String {
        let mut text = String::new();
        let mut at = 0;
        for place in places.iter().filter(|place| self.style.color && !place.is_empty()) {
            let start = place.start.max(at);
            if start >= place.end {
                continue;
            }
            text.push_str(&printable(&line[at..start]));
            let _ = write!(text, "\x1b[1;31m{}\x1b[0m", printable(&line[start..place.end]));
            at = place.end;
        }
        text.push_str(&printable(&line[at..]));
        text
    }
}

/// Marks under what is shown of the line.
fn carets(line: &[u8], places: &[Range<usize>]) -> String {
    let column = |at: usize| logstat_reports::text::width(&printable(&line[..at]));
    let mut marks = String::new();
    for place in places {
        let (start, end) = (column(place.start), column(place.end));
        let from = marks.chars().count();
        if end > from {
            marks.extend(std::iter::repeat_n(' ', start.saturating_sub(from)));
            marks.extend(std::iter::repeat_n('^', end - start.max(from)));
        }
    }
    marks
}

fn as_json(path: &str, seen: &Seen<'_>, evidence: &[Evidence<'_>]) -> Value {
    let place = |evidence: &Evidence<'_>| {
        let place = evidence.place_in(seen.bytes);
        json!({
            "condition": evidence.condition,
            "field": evidence.field.name(),
            "from": place.as_ref().map(|place| place.start),
            "to": place.as_ref().map(|place| place.end),
        })
    };
    json!({
        "file": printable(path.as_bytes()),
        "line": seen.number,
        "offset": seen.offset,
        "text": printable(seen.bytes),
        "evidence": evidence.iter().map(place).collect::<Vec<_>>(),
    })
}
