//! The text tables: snapshots of whole reports, and what must hold whatever the logs contain.

mod sample;

use logstat_reports::model::{Backtest, BanReport, HourRow, PeriodBans, Report, RuleRow, Step};
use logstat_reports::terminal::{self, Style, render};
use logstat_reports::text::{self, is_formula_start};
use logstat_reports::{csv, hours, summary};
use proptest::prelude::*;

const WIDTHS: [usize; 5] = [40, 60, 80, 140, 160];

fn terminal(report: &Report, width: usize) -> String {
    render(report, &Style { width, color: false, unicode: true, top: 8 })
}

fn string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("output is UTF-8")
}

#[test]
fn terminal_day() {
    insta::assert_snapshot!("day_60", terminal(&sample::day(), 60));
    insta::assert_snapshot!("day_80", terminal(&sample::day(), 80));
    insta::assert_snapshot!("day_140", terminal(&sample::day(), 140));
}

#[test]
fn terminal_in_colour_differs_by_its_colours_only() {
    for width in WIDTHS {
        let coloured = render(&sample::day(), &Style { width, color: true, unicode: true, top: 8 });
        assert!(coloured.contains("\u{1b}[1m"), "no bold text");
        assert_eq!(without_sgr(&coloured), terminal(&sample::day(), width));
    }
    let coloured = render(&sample::day(), &Style { width: 80, color: true, unicode: true, top: 3 });
    insta::assert_snapshot!("day_80_colour", coloured.replace('\u{1b}', "␛"));
}

#[test]
fn terminal_without_unicode() {
    let plain = render(&sample::day(), &Style { width: 80, color: false, unicode: false, top: 8 });
    insta::assert_snapshot!("day_80_ascii", plain);
}

#[test]
fn terminal_other_windows() {
    insta::assert_snapshot!("combined_80", terminal(&sample::combined(), 80));
    insta::assert_snapshot!("dst_night_80", terminal(&sample::dst_night(), 80));
    insta::assert_snapshot!("fortnight_80", terminal(&sample::fortnight(), 80));
    insta::assert_snapshot!("nothing_80", terminal(&sample::nothing(), 80));
}

#[test]
fn terminal_by_day() {
    insta::assert_snapshot!("days_30_80", terminal(&sample::days(30), 80));
    insta::assert_snapshot!("days_30_140", terminal(&sample::days(30), 140));
    insta::assert_snapshot!("days_90_80", terminal(&sample::days(90), 80));
    insta::assert_snapshot!("days_400_80", terminal(&sample::days(400), 80));
}

#[test]
fn a_gap_of_days_is_one_gap() {
    let report = sample::days(30);
    let gap = hours::Gap { since: report.since + 10 * 86_400, until: report.since + 17 * 86_400 };
    assert_eq!(hours::gaps(&report), [gap]);
}

#[test]
fn top_zero_leaves_the_lists_out() {
    let with = terminal(&sample::day(), 80);
    let without = render(&sample::day(), &Style { width: 80, color: false, unicode: true, top: 0 });
    assert!(with.contains("User agents"));
    assert!(!without.contains("User agents"));
    assert!(without.contains("404,669 lines = "));
}

#[test]
fn a_repeated_hour_is_told_apart() {
    let night = terminal(&sample::dst_night(), 80);
    assert_eq!(night.matches("02:00+02:00").count(), 1);
    assert_eq!(night.matches("02:00+01:00").count(), 1);
    assert_eq!(night.matches("03:00 ").count(), 1);
}

#[test]
fn a_short_window_has_seconds() {
    let mut report = sample::combined();
    report.since += 1_571;
    report.until = report.since + 178;
    let output = terminal(&report, 80);
    assert!(output.contains("Thu 19 Nov 2026 00:26:11 – 00:29:09, UTC, 2 min 58 s"), "{output}");
}

#[test]
fn gaps_reach_from_edge_to_edge() {
    let mut report = sample::day();
    let midnight = sample::MIDNIGHT;
    report.since -= 1800;
    report.until += 7200;
    let gaps: Vec<(i64, i64)> = hours::gaps(&report).iter().map(|gap| (gap.since, gap.until)).collect();
    let hour = |n: i64| midnight + n * 3600;
    assert_eq!(gaps, [(midnight - 1800, midnight), (hour(3), hour(6)), (hour(24), hour(26))]);
}

#[test]
fn gaps_of_hours_at_the_ends_of_time() {
    let mut report = sample::combined();
    report.hour_totals.truncate(1);
    report.hour_totals[0].hour = i64::MAX - 1;
    (report.since, report.until) = (i64::MIN, i64::MAX);
    let gaps: Vec<(i64, i64)> = hours::gaps(&report).iter().map(|gap| (gap.since, gap.until)).collect();
    assert_eq!(gaps, [(i64::MIN, i64::MAX - 1)]);
}

#[test]
fn a_window_without_any_request_has_no_dates() {
    let report = Report { since: 0, until: 0, ..sample::nothing() };
    let output = terminal(&report, 80);
    assert!(output.starts_with("no requests\n\nSources"), "{output}");
    let page = logstat_reports::html::page(&report);
    assert!(page.contains("<h1>No requests</h1>"));
    for text in [output, page] {
        assert!(!text.contains("1970") && !text.contains("00:00"), "{text}");
    }
}

#[test]
fn one_of_a_thing_is_not_several() {
    let mut report = sample::day();
    let accounting = &mut report.accounting;
    (accounting.outside_window, accounting.future) = (1, 1);
    (accounting.truncated, accounting.nul_bytes) = (1, 1);
    (accounting.lines, accounting.rejects, accounting.reject_kinds[0].count) = (1, 1, 1);
    report.events_left_out = 1;
    let totals = &mut report.totals;
    (totals.requests, totals.clients, totals.bot_requests) = (1, Some(1), Some(1));
    (totals.cache_hits, totals.cache_lookups) = (Some(1), Some(1));
    (totals.retries, totals.redispatches) = (Some(1), Some(1));
    let page = logstat_reports::html::page(&report);
    for text in
        ["1 of the records is outside", "1 record ends before its format does", "1 NUL byte was", "1 other"]
    {
        assert!(terminal(&report, 140).contains(text), "terminal: {text}");
        assert!(page.contains(text), "page: {text}");
    }
    assert_eq!([false_plurals(&terminal(&report, 140)), false_plurals(&page)].concat(), [""; 0]);
}

/// Where a text says `1 lines` and the like.
fn false_plurals(text: &str) -> Vec<String> {
    let nouns =
        ["lines", "records", "events", "rejects", "others", "requests", "clients", "lookups", "redispatches"];
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric() && !".,:/".contains(c)).collect();
    let pairs = words.windows(2).filter(|pair| pair[0] == "1" && nouns.contains(&pair[1]));
    pairs.map(|pair| pair.join(" ")).collect()
}

#[test]
fn shares_of_several_tiers_make_a_whole() {
    let report = sample::day();
    let sources: Vec<u64> = report.by_source.iter().map(|row| row.figures.requests).collect();
    let whole: u64 = sources.iter().sum();
    assert!(whole > report.totals.requests, "the tiers log the same requests");
    let [terminal, page] = [terminal(&report, 140), logstat_reports::html::page(&report)];
    for requests in sources {
        let share = text::percent(requests, whole);
        assert!(terminal.contains(&share), "terminal: {share}");
        assert!(page.contains(&share), "page: {share}");
    }
}

#[test]
fn terminal_bans() {
    insta::assert_snapshot!("bans_days_80", bans_of(&sample::days(30), Step::Day, 30));
    insta::assert_snapshot!("bans_fortnight_80", bans_of(&sample::fortnight(), Step::Hour, 14 * 24));
}

/// The part of the report that is about them.
fn bans_of(report: &Report, step: Step, steps: i64) -> String {
    let bans = Some(sample::bans(report.since, step, steps));
    let output = terminal(&Report { bans, ..report.clone() }, 80);
    let start = output.find("\nBans ").expect("a section") + 1;
    let end = output.rfind("\n\n").expect("the accounting");
    output[start..end].to_owned()
}

#[test]
fn a_report_without_rules_says_nothing_of_bans() {
    let report = Report { bans: None, ..sample::day() };
    let texts = [
        terminal(&report, 140),
        logstat_reports::html::page(&report),
        string(summary::summary_json(&report)),
    ];
    for text in texts {
        assert!(!text.to_lowercase().contains("bans") && !text.contains("banned"), "{text}");
    }
}

#[test]
fn where_nobody_is_banned_a_line_says_so() {
    let rule = |rule: &str, hits| RuleRow { rule: rule.into(), hits, ..RuleRow::default() };
    let says = |rules: Vec<RuleRow>, spared_hits| {
        let bans = Some(BanReport { rules, spared_hits, ..BanReport::default() });
        let report = Report { bans, ..sample::combined() };
        let page = logstat_reports::html::page(&report);
        assert!(page.contains("<h2>Bans</h2>") && page.contains("<dt>Bans</dt><dd class=\"value\">0</dd>"));
        let output = terminal(&report, 80);
        let start = output.find("no bans").expect("a line");
        let end = output[start..].find("\n\n").expect("an end");
        for line in output[start..start + end].lines() {
            assert!(page.contains(line), "not on the page: {line}");
        }
        output[start..start + end].to_owned()
    };
    assert_eq!(says(vec![rule("xss", 0)], 0), "no bans: 1 rule had no hits");
    assert_eq!(
        says(vec![rule("xss", 1), rule("probing", 1_203)], 1),
        "no bans: 2 rules had 1,204 hits, not enough for one\n1 hit is of a client that is never banned"
    );
}

#[test]
fn every_ban_has_its_sign() {
    for steps in [1, 20, 31, 32, 62, 63, 24 * 7, 24 * 40, 24 * 400] {
        let since = sample::MIDNIGHT;
        let hour = |at: i64| HourRow { hour: since + at * 3600, ..HourRow::default() };
        let period = |at: i64| PeriodBans { start: since + at * 3600, rule: "xss".into(), bans: 1 };
        let bans = BanReport {
            rules: vec![RuleRow { rule: "xss".into(), hits: 9, bans: 2, ..RuleRow::default() }],
            periods: vec![period(0), period(steps - 1)],
            bans: 2,
            ..BanReport::default()
        };
        let hour_totals = vec![hour(0), hour(steps - 1)];
        let report = Report { hour_totals, bans: Some(bans), ..sample::combined() };
        let output = terminal(&report, 160);
        let line = output.lines().find(|line| line.starts_with("xss ")).expect("a rule");
        let signs = line.chars().filter(|c| ('▁'..='█').contains(c)).count();
        assert_eq!(signs, if steps == 1 { 1 } else { 2 }, "{steps}: {line}");
    }
}

#[test]
fn terminal_backtest() {
    let text = |backtest: &Backtest, width| {
        terminal::backtest(backtest, &Style { width, color: false, unicode: true, top: 0 })
    };
    let swept = sample::backtest(&["probing", "shell-probe"], &[5, 10, 20, 50]);
    insta::assert_snapshot!("backtest_80", text(&swept, 80));
    insta::assert_snapshot!("backtest_140", text(&swept, 140));
    let plain = sample::backtest(&["probing", "sensitive-files", "shell-probe"], &[]);
    insta::assert_snapshot!("backtest_plain_80", text(&plain, 80));
}

#[test]
fn terminal_lists() {
    let style = |width| Style { width, color: false, unicode: true, top: 0 };
    let bans =
        |width| terminal::ban_list(&sample::ban_list(), sample::MIDNIGHT, "Europe/Berlin", &style(width));
    insta::assert_snapshot!("ban_list_80", bans(80));
    insta::assert_snapshot!("ban_list_140", bans(140));
    insta::assert_snapshot!("rule_list_80", terminal::rule_list(&sample::rule_list(), &style(80)));
    assert_eq!(terminal::ban_list(&[], 0, "UTC", &style(80)), "no bans\n");
    assert_eq!(terminal::rule_list(&[], &style(80)), "no rules\n");
}

#[test]
fn files_of_bans() {
    let bans = sample::day().bans.expect("a day has bans");
    insta::assert_snapshot!("bans_csv", string(csv::bans(&bans)));
    let swept = sample::backtest(&["probing", "xss"], &[5, 10]);
    insta::assert_snapshot!("backtest_csv", string(csv::backtest(&swept)));
    insta::assert_snapshot!("backtest_json", string(summary::backtest_json(&swept)));
}

#[test]
fn csv_files() {
    let hourly = string(csv::hourly(&sample::day()));
    let first: Vec<&str> = hourly.lines().take(8).collect();
    insta::assert_snapshot!("hourly_csv", first.join("\n"));
    insta::assert_snapshot!("combined_hourly_csv", string(csv::hourly(&sample::combined())));
    insta::assert_snapshot!("top_csv", string(csv::top(&sample::day())));
}

#[test]
fn every_row_of_the_hours_has_every_column() {
    let report = sample::day();
    let hourly = csv::hourly(&report);
    let mut reader = ::csv::Reader::from_reader(hourly.as_slice());
    assert_eq!(reader.headers().map(::csv::StringRecord::len).ok(), Some(38));
    assert_eq!(
        reader.records().map(|row| row.map(|row| row.len()).ok()).collect::<Vec<_>>(),
        vec![Some(38); report.hours.len()]
    );
}

#[test]
fn summary_of_a_day() {
    insta::assert_snapshot!("summary_json", string(summary::summary_json(&sample::day())));
}

#[test]
fn summary_keeps_hidden_characters_but_hides_them() {
    let report = sample::infested("\u{1b}[31m\u{202e}\u{9b}\u{7f}\u{e0041}é");
    let json = string(summary::summary_json(&report));
    assert!(json.chars().all(|c| c == '\n' || !is_dangerous(c)));
    let read: serde_json::Value = serde_json::from_str(&json).expect("valid JSON");
    assert_eq!(read["sources"][0]["name"], "\u{1b}[31m\u{202e}\u{9b}\u{7f}\u{e0041}é");
}

#[test]
fn numbers_for_people() {
    let counts = [0, 999, 9_999, 10_000, 99_949, 99_950, 999_499, 999_500, 1_234_567, u64::MAX];
    assert_eq!(
        counts.map(text::count),
        ["0", "999", "9,999", "10.0 k", "99.9 k", "100 k", "999 k", "1.0 M", "1.2 M", "18.4 E"]
    );
    let bytes = [0, 999, 1000, 12_400_000_000, u64::MAX];
    assert_eq!(bytes.map(text::bytes), ["0 B", "999 B", "1.0 kB", "12.4 GB", "18.4 EB"]);
    let times = [0.0, 0.42, 0.999, 7.0, 7.31, 9.97, 84.2, 999.6, 1_310.0, 90_000.0, 1_020_000.0, 9_000_000.0];
    assert_eq!(
        times.map(text::millis),
        [
            "0 ms", "0.42 ms", "1 ms", "7 ms", "7.3 ms", "10 ms", "84 ms", "1.0 s", "1.3 s", "90 s",
            "17 min", "2.5 h"
        ]
    );
    let shares =
        [(0, 9), (31, 10_000), (1, 1_000_000), (999_999, 1_000_000), (42, 1000), (7, 7), (0, 0), (3, 2)];
    assert_eq!(
        shares.map(|(part, whole)| text::percent(part, whole)),
        ["0 %", "0.31 %", "<0.01 %", ">99.9 %", "4.2 %", "100 %", "0 %", "150.0 %"]
    );
    assert_eq!(
        [0.0, 0.001, 0.02, 13.94, 412.4, 12_345.0].map(text::rate),
        ["0", "<0.01", "0.02", "13.9", "412", "12.3 k"]
    );
}

#[test]
fn texts_are_cut_by_columns() {
    assert_eq!(text::truncate("日本語のパス", 5, "…"), "日本…");
    assert_eq!(text::truncate_middle("/a/very/long/path/of/an/image.png", 20, "…"), "/a/very/long/…ge.png");
    assert_eq!(text::truncate_middle("short", 20, "…"), "short");
    assert_eq!(text::truncate("abc", 0, "…"), "");
    let zalgo = format!("a{}b", "\u{301}".repeat(9));
    assert_eq!(text::safe(&zalgo), format!("a{}{}b", "\u{301}".repeat(4), r"\u{301}".repeat(5)));
}

#[test]
fn a_lone_minus_is_no_exception() {
    assert_eq!(text::csv_cell("-"), "'-");
    assert_eq!(text::csv_cell("＝1+1"), "'＝1+1");
    assert_eq!(text::csv_cell("\t=1+1"), r"\x09=1+1");
}

/// The text without our own colour sequences: `ESC [ digits m`.
fn without_sgr(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('m').expect("every escape is a colour");
        assert!(code.bytes().all(|byte| byte.is_ascii_digit()), "not a colour: {code:?}");
        plain.push_str(rest);
    }
    plain
}

/// What must not reach a terminal: controls, changes of direction, what takes no room.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
        || matches!(c, '\u{ad}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Strings as an attacker would choose them, and any others.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        proptest::sample::select(sample::HOSTILE.to_vec()).prop_map(str::to_owned),
        "[=+@＝－\t\r\n;,\"'-]{1,3}",
        "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200b}-\u{202e}\u{2066}\u{feff}\u{fe0f}\u{301}]{1,6}",
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_terminal_is_safe_and_no_line_too_wide(
        hostile in hostile(), width in 0_usize..200, color: bool, unicode: bool, top in 0_usize..9,
    ) {
        let output = render(&small(&hostile), &Style { width, color, unicode, top });
        let plain = if color { without_sgr(&output) } else { output };
        for line in plain.lines() {
            prop_assert!(text::width(line) <= width.clamp(40, 160), "too wide: {line:?}");
            prop_assert!(!line.ends_with(' '), "spaces at the end: {line:?}");
        }
        prop_assert!(plain.chars().all(|c| c == '\n' || !is_dangerous(c)), "unsafe: {plain:?}");
        prop_assert!(unicode || plain.is_ascii());
    }

    #[test]
    fn lists_are_safe_and_no_line_too_wide(
        hostile in hostile(), width in 0_usize..200, color: bool, unicode: bool, now: i64,
    ) {
        let style = Style { width, color, unicode, top: 0 };
        let (mut bans, mut rules) = (sample::ban_list(), sample::rule_list());
        let mut backtest = sample::backtest(&["probing", "xss"], &[5, 10]);
        bans.iter_mut().for_each(|ban| (ban.network, ban.rule) = (hostile.clone(), hostile.clone()));
        for rule in &mut rules {
            (rule.rule, rule.threshold, rule.bantime) = (hostile.clone(), hostile.clone(), hostile.clone());
            (rule.catches, rule.wrongly) = (hostile.clone(), hostile.clone());
        }
        for row in &mut backtest.rows {
            (row.rule, row.value) = (hostile.clone(), Some(hostile.clone()));
        }
        (backtest.timezone, backtest.sweep) = (hostile.clone(), Some(hostile.clone()));
        (backtest.since, backtest.until) = (now, now.saturating_add(now));
        let texts = [
            terminal::ban_list(&bans, now, &hostile, &style),
            terminal::rule_list(&rules, &style),
            terminal::backtest(&backtest, &style),
        ];
        for text in texts {
            let plain = if color { without_sgr(&text) } else { text };
            for line in plain.lines() {
                prop_assert!(text::width(line) <= width.clamp(40, 160), "too wide: {line:?}");
                prop_assert!(!line.ends_with(' '), "spaces at the end: {line:?}");
            }
            prop_assert!(plain.chars().all(|c| c == '\n' || !is_dangerous(c)), "unsafe: {plain:?}");
            prop_assert!(unicode || plain.is_ascii());
        }
    }

    #[test]
    fn no_cell_is_a_formula(hostile in hostile()) {
        let report = small(&hostile);
        for file in [csv::hourly(&report), csv::top(&report), csv::availability(&report)] {
            let mut reader = ::csv::Reader::from_reader(file.as_slice());
            let texts = reader.headers().map(|head| head.iter().map(is_text).collect::<Vec<_>>()).unwrap();
            for row in reader.records() {
                let row = row.expect("well-formed CSV");
                for (cell, _) in row.iter().zip(&texts).filter(|&(_, &is_text)| is_text) {
                    // Some locales cut cells at semicolons.
                    prop_assert!(!cell.split(';').any(|part| part.starts_with(is_formula_start)), "{cell:?}");
                    prop_assert!(!cell.contains(is_dangerous), "{cell:?}");
                }
            }
        }
    }

    #[test]
    fn printable_keeps_what_can_be_seen(bytes: Vec<u8>, seen in "[ -~é日]{0,20}") {
        prop_assert!(!text::printable(&bytes).contains(char::is_control));
        prop_assert_eq!(text::printable(seen.as_bytes()), seen);
    }

    #[test]
    fn cut_texts_fit_and_keep_their_ends(hostile in hostile(), columns in 0_usize..60) {
        let safe = text::safe(&hostile);
        for cut in [text::truncate(&safe, columns, "…"), text::truncate_middle(&safe, columns, "…")] {
            prop_assert!(text::width(&cut) <= columns);
            prop_assert!(text::width(&safe) > columns || cut == safe);
        }
    }
}

fn is_text(column: &str) -> bool {
    ["list", "source", "value", "site", "backend", "server", "tier", "node", "method", "status", "reason"]
        .contains(&column)
}

/// An infested report of a few rows, so that many of them can be tried.
fn small(hostile: &str) -> Report {
    thread_local!(static DAY: Report = sample::day());
    let mut report = DAY.with(Clone::clone);
    report.hours.truncate(4);
    report.hour_totals.truncate(6);
    sample::infest_report(&mut report, hostile);
    report
}
