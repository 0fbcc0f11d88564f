//! Charts and page: well-formed, the same every time, and safe whatever the logs and the calendar hold.

mod sample;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use logstat_reports::charts::{self, Chart, Theme, png, svg};
use logstat_reports::html::page;
use logstat_reports::model::{
    Backtest, BacktestRow, Figures, Heat, HourRow, Report, ServerAvailability, ServerState, Timing,
};
use proptest::prelude::*;
use resvg::tiny_skia::Pixmap;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

const HOUR: i64 = 3600;

/// An hour with `requests` requests, all of one latency.
fn hour(hour: i64, requests: u64, ms: f64) -> HourRow {
    let some = Some(ms);
    let latency = Timing { n: requests, p50_ms: some, p95_ms: some, p99_ms: some, ..Timing::default() };
    let figures = Figures {
        requests,
        covered_s: 3600,
        rps_mean: requests as f64 / 3600.0,
        rps_peak: requests / 60,
        rps_peak_at: Some(hour + 7),
        status_2xx: requests,
        bytes_sent: Some(requests.saturating_mul(20_000)),
        latency,
        ..Figures::default()
    };
    HourRow { hour, figures, ..HourRow::default() }
}

/// A report of these hours, over a window that they fill.
fn report(timezone: &str, hour_totals: Vec<HourRow>) -> Report {
    let since = hour_totals.first().map_or(0, |row| row.hour);
    let until = hour_totals.last().map_or(0, |row| row.hour.saturating_add(HOUR));
    let heat = Heat {
        hours: hour_totals.iter().map(|row| row.hour).collect(),
        bounds_ms: vec![10.0, 100.0],
        cells: hour_totals
            .iter()
            .map(|row| vec![row.figures.requests, 0, row.figures.requests / 100])
            .collect(),
    };
    Report { since, until, timezone: timezone.to_owned(), heat, hour_totals, ..Report::default() }
}

fn span(hours: i64) -> Vec<HourRow> {
    let load = |n: i64| 1000 + 400 * n.rem_euclid(24).unsigned_abs();
    (0..hours).map(|n| hour(sample::MIDNIGHT + n * HOUR, load(n), 5.0 + load(n) as f64 / 100.0)).collect()
}

fn extremes() -> Vec<(&'static str, Report)> {
    let start = sample::MIDNIGHT;
    let gap = |hours: Vec<HourRow>| hours.into_iter().filter(|row| (row.hour / HOUR) % 9 > 3).collect();
    vec![
        ("empty", Report::default()),
        ("nothing", sample::nothing()),
        ("one hour", report("UTC", span(1))),
        ("one request", report("UTC", vec![hour(start, 1, 0.0)])),
        ("all zero", report("UTC", (0..24).map(|n| hour(start + n * HOUR, 0, 0.0)).collect())),
        ("huge", report("UTC", vec![hour(start, u64::MAX / 8, 1e12), hour(start + HOUR, 1, 1e-3)])),
        ("gaps", report("Asia/Kolkata", gap(span(72)))),
        ("week", report("America/St_Johns", span(7 * 24))),
        ("400 days", report("Europe/Berlin", span(400 * 24))),
        ("ages", report("UTC", vec![hour(-60_000_000_000 / HOUR * HOUR, 9, 1.0), hour(start, 9, 1.0)])),
        ("no such time", report("Nowhere/Land", vec![hour(i64::MIN, 9, 1.0), hour(i64::MAX - 9999, 9, 1.0)])),
        ("window beyond time", Report { since: i64::MIN, until: i64::MAX, ..report("UTC", span(3)) }),
        ("window reversed", Report { since: i64::MAX, until: i64::MIN, ..report("UTC", span(3)) }),
        ("day", sample::day()),
        ("one server", Report { availability: flapping(1), ..sample::day() }),
        ("fifty servers", Report { availability: flapping(50), ..sample::day() }),
        ("servers beyond time", servers_beyond_time()),
        ("combined", sample::combined()),
        ("night of the clocks", sample::dst_night()),
        ("fortnight", sample::fortnight()),
        ("bans beyond time", bans_beyond_time()),
        ("a day by itself", sample::days(1)),
        ("three days", sample::days(3)),
        ("days of a year", sample::days(400)),
    ]
}

/// Servers that go up and down every few seconds.
fn flapping(servers: i64) -> Vec<ServerAvailability> {
    let flaps = |n: i64| {
        let states = [ServerState::Down, ServerState::Up, ServerState::Maintenance, ServerState::Drain];
        (0..400).map(move |at| (at * (n + 1), states[(at * at / 3) as usize % 4], None)).collect::<Vec<_>>()
    };
    let name = |n: i64| format!("{}{n}", "a-very-long-name-".repeat(n as usize));
    (0..servers).map(|n| sample::server(&name(n % 9), Some(&name(n % 7)), &flaps(n))).collect()
}

fn servers_beyond_time() -> Report {
    let mut report = sample::day();
    for interval in report.availability.iter_mut().flat_map(|row| &mut row.intervals) {
        (interval.from, interval.to) = (i64::MIN, i64::MAX);
    }
    report
}

fn bans_beyond_time() -> Report {
    let mut report = sample::day();
    let bans = report.bans.as_mut().expect("a day has bans");
    for (at, period) in bans.periods.iter_mut().enumerate() {
        period.start = if at % 2 == 0 { i64::MIN } else { i64::MAX };
    }
    bans.networks.iter_mut().for_each(|network| network.until = i64::MAX);
    report
}

#[test]
fn a_short_outage_is_seen_and_a_long_one_fills_its_row() {
    let down = |stretches: &[(i64, ServerState, Option<&str>)]| {
        let availability = vec![sample::server("bk", Some("s1"), stretches)];
        let svg = svg(Chart::Availability, &Report { availability, ..sample::day() }, Theme::Light);
        let svg = svg.expect("a server");
        let document = roxmltree::Document::parse(&svg).expect("well-formed");
        let of_ink = |ink: &str| {
            let rects = document.descendants().filter(|node| node.attribute("fill") == Some(ink));
            let side = |node: roxmltree::Node<'_, '_>, name: &str| -> f64 {
                node.attribute(name).expect(name).parse().expect("a number")
            };
            // Without the swatch of the legend, which comes first.
            rects.skip(1).map(|node| [side(node, "width"), side(node, "height")]).collect::<Vec<_>>()
        };
        (of_ink("#C42B35"), of_ink("#A9CDEA"))
    };
    let (up, flap) = ((0, ServerState::Up, None), |at| (at, ServerState::Down, None));
    let (whole, _) = down(&[up, flap(40_000), (60_000, ServerState::Up, None)]);
    let (short, _) = down(&[up, flap(40_000), (40_001, ServerState::Up, None)]);
    let (moment, around) = down(&[up, flap(40_000), (40_000, ServerState::Up, None)]);
    assert_eq!((whole.len(), short.len(), moment.len()), (1, 1, 1));
    assert!(whole[0][0] > 300.0 && short[0][0] >= 4.0, "{whole:?} {short:?}");
    assert!(short[0][1] >= whole[0][1] / 3.0 && short[0][1] < whole[0][1] / 2.0, "{whole:?} {short:?}");
    assert_eq!(moment, short);
    assert!(around.len() >= 3, "up before, above and after: {around:?}");
}

#[test]
fn every_chart_of_every_extreme_is_well_formed_and_always_the_same() {
    for (name, report) in extremes() {
        for chart in Chart::ALL {
            let drawn = [Theme::Light, Theme::Dark].map(|theme| svg(chart, &report, theme));
            assert_eq!(drawn[0].is_some(), drawn[1].is_some(), "{name}: {chart:?}");
            assert_eq!(drawn[0], svg(chart, &report, Theme::Light), "{name}: {chart:?}");
            for svg in drawn.iter().flatten() {
                let document = roxmltree::Document::parse(svg).expect("well-formed");
                assert_eq!(document.root_element().tag_name().name(), "svg");
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}: {chart:?}");
            }
        }
        assert!(page(&report).ends_with("</html>\n"), "{name}");
    }
}

#[test]
fn charts_are_drawn_where_there_is_something_to_draw() {
    let drawn = |report: &Report| Chart::ALL.map(|chart| svg(chart, report, Theme::Light).is_some());
    assert_eq!(drawn(&Report::default()), [false; 8]);
    assert_eq!(drawn(&sample::day()), [true; 8]);
    // No latency in the format, and one server.
    assert_eq!(drawn(&sample::combined()), [true, false, true, true, false, false, false, false]);
    // Only the proxy spoke.
    let spoken = Report { hour_totals: Vec::new(), ..sample::day() };
    assert_eq!(drawn(&spoken), [false, false, false, false, false, false, true, false]);
}

#[test]
fn every_mark_lies_inside_the_picture() {
    for (name, report) in extremes() {
        Chart::ALL
            .iter()
            .filter_map(|chart| svg(*chart, &report, Theme::Light))
            .for_each(|svg| is_inside(name, &svg));
    }
}

fn is_inside(name: &str, svg: &str) {
    let document = roxmltree::Document::parse(svg).expect("well-formed");
    let [width, height] = ["width", "height"].map(|side| {
        2.0 * document.root_element().attribute(side).expect("a size").parse::<f64>().expect("a number")
    });
    for node in document.descendants() {
        let inside = |attribute: &str, most: f64| {
            let Some(text) = node.attribute(attribute) else { return };
            let at: f64 = text.parse().expect("a number");
            assert!((0.0..=most).contains(&at), "{name}: {attribute} {at} in {node:?}");
        };
        for (attribute, most) in [("x", width), ("cx", width), ("y", height), ("cy", height)] {
            inside(attribute, most);
        }
        for point in node.attribute("points").unwrap_or("").split_whitespace() {
            let (x, y) = point.split_once(',').expect("x,y");
            let at = [x, y].map(|at| at.parse::<f64>().expect("a number"));
            assert!((0.0..=width).contains(&at[0]) && (0.0..=height).contains(&at[1]), "{name}: {point}");
        }
    }
}

/// One rule or many, swept or not, and rows that do not belong together.
fn backtests() -> Vec<(&'static str, Backtest)> {
    let many = ["probing", "sensitive-files", "a-rule-with-a-very-long-name-32x", "xss", "shell-probe"];
    let values: Vec<u64> = (5..=50).collect();
    let mut huge = sample::backtest(&many, &[1, 2]);
    for row in &mut huge.rows {
        (row.bans, row.collateral, row.refused) = (u64::MAX, u64::MAX, 1);
        row.rule = format!("<&\"{}", row.rule);
    }
    let mut mixed = sample::backtest(&many, &[5, 10]);
    mixed.rows.iter_mut().step_by(3).for_each(|row| row.value = None);
    let idle = Backtest { rows: vec![BacktestRow::default(); 2], ..Backtest::default() };
    vec![
        ("one", sample::backtest(&many[..1], &[])),
        ("one value", sample::backtest(&many[..1], &[5])),
        ("many", sample::backtest(&[many, many, many].concat(), &[])),
        ("many swept", sample::backtest(&[many, many, many].concat(), &values)),
        ("huge", huge),
        ("mixed", mixed),
        ("idle", idle),
        ("beyond time", Backtest { since: i64::MIN, until: i64::MAX, ..sample::backtest(&many, &values) }),
    ]
}

#[test]
fn a_back_test_is_drawn_whatever_it_found() {
    assert_eq!(charts::backtest_svg(&Backtest::default(), Theme::Light), None);
    for (name, backtest) in backtests() {
        let svg = charts::backtest_svg(&backtest, Theme::Light).expect(name);
        assert_eq!(Some(&svg), charts::backtest_svg(&backtest, Theme::Light).as_ref(), "{name}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
        is_inside(name, &svg);
        assert!(charts::backtest_png(&backtest, Theme::Dark).is_some(), "{name}");
    }
}

#[test]
fn a_back_test_shows_each_value_of_each_rule() {
    let backtest = sample::backtest(&["probing", "shell-probe"], &[5, 10, 20]);
    let svg = charts::backtest_svg(&backtest, Theme::Light).expect("rules");
    for text in ["Bans and collateral by maxretry", "probing, bans", "collateral requests: none", ">20<"] {
        assert!(svg.contains(text), "{text}");
    }
    // Three bars of bans for each rule; of collateral for the one that hit somebody.
    let bars = |ink: &str| {
        let document = roxmltree::Document::parse(&svg).expect("well-formed");
        let is_bar = |node: &roxmltree::Node<'_, '_>| {
            node.tag_name().name() == "rect" && node.attribute("fill") == Some(ink)
        };
        document.descendants().filter(is_bar).count()
    };
    assert_eq!((bars("#2A6FB8"), bars("#A9540A")), (6, 3));
}

#[test]
fn bans_of_each_rule_stand_in_their_hour() {
    let svg = svg(Chart::Bans, &sample::day(), Theme::Light).expect("bans");
    assert!(svg.contains("Bans per hour by rule") && svg.contains(">other rules 2<"));
    let page = page(&sample::day());
    assert!(page.contains("13:00 – 14:00 CET\n124 bans\nprobing 40\nsensitive-files 43\nscanner-agent 40"));
    assert!(page.contains("04:00 – 05:00 CET\n1 ban\n"), "an hour without requests that has bans");
    assert!(page.contains("08:00 – 09:00 CET\n0 bans</title>"), "an hour with requests that has none");
}

#[test]
fn days_are_those_of_utc() {
    // 2026-11-18, which west of Greenwich begins on the day before.
    let report = Report { timezone: "America/New_York".into(), ..sample::days(3) };
    let svg = svg(Chart::Bytes, &report, Theme::Light).expect("bytes");
    assert!(svg.contains("Bytes sent per day") && svg.contains(">UTC<"));
    assert!(svg.contains(">18 Nov<") && !svg.contains(":00<"), "{svg}");
    assert!(page(&report).contains("by day, UTC"));
    // Seven days are missing, and the last of them is named.
    assert!(page(&sample::days(30)).contains("No requests: 30 Oct 2026 – 5 Nov 2026."));
}

#[test]
fn a_mean_over_a_moment_does_not_stand_among_means_of_hours() {
    let mut hours = span(24);
    let last = &mut hours[23].figures;
    (last.requests, last.covered_s, last.rps_peak) = (900, 1, 900);
    let svg = |hours: &[HourRow]| {
        svg(Chart::Requests, &report("UTC", hours.to_vec()), Theme::Light).expect("requests")
    };
    assert!(svg(&hours).contains("900/s at"), "its busiest second stays");
    assert!(svg(&hours).contains(">2.7/s<"), "the highest mean is that of an hour");
    assert!(svg(&hours[23..]).contains(">900/s<"), "unless there is nothing else");
}

#[test]
fn a_missing_hour_breaks_the_line() {
    let lines = |hours: Vec<HourRow>| {
        let svg = svg(Chart::Latency, &report("UTC", hours), Theme::Light).expect("latencies");
        svg.matches("stroke=\"#1D5FA8\"").count()
    };
    assert_eq!(lines(span(24)), 1);
    assert_eq!(
        lines(span(24).into_iter().filter(|row| row.hour != sample::MIDNIGHT + 9 * HOUR).collect()),
        2
    );
}

#[test]
fn a_png_shows_text_without_the_fonts_of_the_machine() {
    for theme in [Theme::Light, Theme::Dark] {
        let png = png(Chart::Requests, &sample::day(), theme).expect("requests");
        let pixels = Pixmap::decode_png(&png).expect("a PNG");
        assert_eq!((pixels.width(), pixels.height()), (1920, 840));
        // The title, the time axis, and nothing between title and border.
        let inked = |left, top, right, bottom| inked(&pixels, [left, top, right, bottom]);
        assert!(inked(28, 20, 400, 70) > 1000, "no title");
        assert!(inked(150, 770, 1900, 800) > 1000, "no hours");
        assert_eq!(inked(500, 20, 1500, 70), 0);
    }
}

/// Pixels in the rectangle that differ from the first one of the picture.
fn inked(pixels: &Pixmap, [left, top, right, bottom]: [u32; 4]) -> usize {
    let paper = pixels.pixel(0, 0);
    let all = (left..right).flat_map(|x| (top..bottom).map(move |y| (x, y)));
    all.filter(|&(x, y)| pixels.pixel(x, y) != paper).count()
}

fn between<'a>(page: &'a str, open: &str, close: &str) -> &'a str {
    let start = page.find(open).expect(open) + open.len();
    &page[start..start + page[start..].find(close).expect(close)]
}

#[test]
fn the_policy_allows_the_pages_own_style_and_script_and_nothing_else() {
    let page = page(&sample::day());
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    let hash = |open, close| BASE64_STANDARD.encode(Sha256::digest(between(&page, open, close)));
    let (style, script) = (hash("<style>", "</style>"), hash("<script>", "</script>"));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; img-src data:; \
             base-uri 'none'; form-action 'none'"
        )
    );
    assert_eq!(page.matches("<style").count(), 1);
    assert_eq!(page.matches("<script").count(), 1);
    for blocked in
        [" style=", " src=", "url(", "@import", "<iframe", "<object", " onload", " onerror", "javascript:"]
    {
        assert!(!page.contains(blocked), "{blocked}");
    }
    let addresses: Vec<_> = page.match_indices("href=\"").map(|(at, _)| &page[at + 6..at + 11]).collect();
    assert_eq!(addresses, ["data:"]);
}

#[test]
fn the_page_names_its_parts_for_a_screen_reader() {
    let page = page(&sample::day());
    let count = |text: &str| page.matches(text).count();
    assert_eq!(count("<h1>"), 1);
    // The charts of how servers stood and of bans also come as wide as the page.
    assert_eq!(count("role=\"img\" aria-label="), 2 * Chart::ALL.len() + 2);
    assert_eq!(count("<th scope=\"col\"") + count("<th scope=\"row\">"), count("<th "));
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
}

#[test]
fn hover_values_are_those_of_the_hour() {
    let page = page(&report("UTC", vec![hour(sample::MIDNIGHT, 7200, 12.0)]));
    assert!(page.contains("<title>Thu 19 Nov 2026, 00:00 – 01:00 UTC\n2.0/s on average\n120/s in the busiest second at 00:00:07\n7,200 requests</title>"));
    assert!(page.contains("p50 12 ms\np95 12 ms\np99 12 ms</title>"));
}

/// Elements and quotes: what a string would have to add to be more than text.
fn structure(document: &str) -> [usize; 4] {
    ["<", ">", "\"", "<script"].map(|text| document.matches(text).count())
}

/// Of the page and of the chart with names, when every string is harmless.
static CLEAN: LazyLock<[[usize; 4]; 2]> = LazyLock::new(|| {
    let report = sample::infested("zzclean");
    [structure(&page(&report)), structure(&servers(&report))]
});

fn servers(report: &Report) -> String {
    let mut report = report.clone();
    // Two servers, or there is nothing to compare.
    report.server_hours[0].group.server = Some("a second one".to_owned());
    svg(Chart::Servers, &report, Theme::Light).expect("two servers")
}

fn is_harmless(hostile: &str) {
    // Two letters that no termination state begins with, so that every report has the same rows.
    let infested = sample::infested(&format!("zz{hostile}"));
    let (page, chart) = (page(&infested), servers(&infested));
    assert_eq!([structure(&page), structure(&chart)], *CLEAN, "{hostile:?}");
    assert!(roxmltree::Document::parse(&chart).is_ok(), "{hostile:?}");
    assert!(!chart.contains(['\u{fffe}', '\u{ffff}']), "not in XML: {hostile:?}");
    let hidden = page.chars().find(|c| logstat_reports::text::is_hidden(*c) && *c != '\n');
    assert_eq!(hidden, None, "{hostile:?}");
}

#[test]
fn known_tricks_stay_text() {
    let tricks = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "]]><script>alert(1)</script>",
        "</title></svg><script>alert(1)</script>",
        "</style><script>alert(1)</script>",
        "--><script>",
        "javascript:alert(1)",
        "&lt;script&gt;&#60;script&#62;",
        "{{ 7*7 }}{% raw %}",
        "\u{202e}\u{200b}\u{feff}\0\u{1b}[31m\r\n",
        "\u{fffe}\u{ffff}\u{0b}",
    ];
    for trick in sample::HOSTILE.into_iter().chain(tricks) {
        is_harmless(trick);
    }
}

#[test]
fn server_names_stay_text_in_a_chart() {
    let mut report = sample::day();
    let names = [
        "<script>alert(1)</script>",
        "\"><img onerror=x>",
        "]]>",
        "&amp;",
        "\u{1}\u{202e}\u{fffe}\u{ffff}",
        "日本語",
    ];
    for (row, name) in report.server_hours.iter_mut().zip(names.into_iter().cycle()) {
        row.group.server = Some(name.to_owned());
    }
    let svg = svg(Chart::Servers, &report, Theme::Dark).expect("servers");
    let document = roxmltree::Document::parse(&svg).expect("well-formed");
    let known = ["svg", "rect", "text", "polyline"];
    assert!(
        document
            .descendants()
            .filter(roxmltree::Node::is_element)
            .all(|node| known.contains(&node.tag_name().name()))
    );
    assert!(png(Chart::Servers, &report, Theme::Dark).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_string_stays_text(hostile in "(\\PC|\u{fffe}|[<>&\"'`=/\\\\]|[\\x00-\\x1f]|\\p{Cf}){0,60}") {
        is_harmless(&hostile);
    }

    #[test]
    fn any_hours_are_drawn(
        start in -40_000_000_i64..40_000_000,
        steps in prop::collection::vec((1_i64..4000, 0..=u64::MAX >> 20, 0.0..1e9), 1..40),
    ) {
        let mut at = start;
        let hours = steps.into_iter().map(|(step, requests, ms)| { at += step; hour(at * HOUR, requests, ms) });
        let report = report("Australia/Lord_Howe", hours.collect());
        for chart in Chart::ALL {
            if let Some(svg) = svg(chart, &report, Theme::Light) {
                prop_assert!(roxmltree::Document::parse(&svg).is_ok() && !svg.contains("NaN"));
            }
        }
    }
}
