//! Dates without an offset or a year, clocks that are put back, and the ends of what a date can be.

mod common;

use common::{compile, record};
use jiff::tz::TimeZone;
use logstat_parsers::{Event, Format, Line, Options};

const LINE: &str =
    r#"192.0.2.1:33317 [DATE] www app/s1 0/0/0/0/TOTAL 200 5 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1""#;

fn zone(name: &str) -> Options {
    Options { timezone: TimeZone::get(name).unwrap(), ..Options::default() }
}

fn instant(us: i64) -> String {
    jiff::Timestamp::from_microsecond(us).unwrap().to_string()
}

/// The ends of sessions that began at these dates, behind these prefixes.
fn ends(options: &Options, lines: &[(&str, &str, u32)]) -> Vec<String> {
    let format = Format::compile("haproxy-http", options).unwrap();
    let mut parser = format.parser(0);
    let end = |(prefix, date, total): &(&str, &str, u32)| {
        let line = prefix.to_string() + &LINE.replace("DATE", date).replace("TOTAL", &total.to_string());
        match parser.parse(line.as_bytes()) {
            Line::Record(record) => instant(record.end_us),
            other => panic!("{other:?}: {line}"),
        }
    };
    lines.iter().map(end).collect()
}

/// When an event happened whose syslog prefix has no year, in a file of this modification time.
fn event_at(options: &Options, date: &str, reference: &str) -> String {
    let reference: jiff::Timestamp = reference.parse().unwrap();
    let line = format!("{date} lb haproxy[1]: Proxy www started.");
    let format = Format::compile("haproxy-http", options).unwrap();
    match format.parser(reference.as_microsecond()).parse(line.as_bytes()) {
        Line::Event(Event { at_us: Some(us), .. }) => instant(us),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_hour_is_told_apart_by_the_prefix() {
    let date = "25/Oct/2026:02:30:00.000";
    let lines = [
        ("", date, 0),
        ("<134>1 2026-10-25T02:30:00.010+02:00 lb haproxy 1 - - ", date, 0),
        ("<134>1 2026-10-25T02:30:00.010+01:00 lb haproxy 1 - - ", date, 0),
        ("2026-10-25T01:30:00Z lb haproxy[1]: ", date, 0),
        ("2026-10-25T00:30:00.5Z ", date, 0),
        // A date without an offset says nothing, so it is the first again.
        ("Oct 25 02:30:00 lb haproxy[1]: ", date, 0),
        // A session of 50 minutes: its end is what is near the prefix.
        ("2026-10-25T02:20:00+01:00 lb haproxy[1]: ", date, 3_000_000),
        ("2026-10-25T01:20:00Z lb haproxy[1]: ", date, 3_000_000),
        ("2026-10-25T02:20:00Z lb haproxy[1]: ", date, 3_000_000),
    ];
    let expected = [
        "2026-10-25T00:30:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-25T01:30:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-25T01:20:00Z",
        "2026-10-25T01:20:00Z",
        "2026-10-25T02:20:00Z",
    ];
    assert_eq!(ends(&zone("Europe/Berlin"), &lines), expected);
}

#[test]
fn what_a_client_wrote_decides_no_hour() {
    let options = zone("Europe/Berlin");
    let format = Format::compile("%ci [%[req.hdr(user-agent)]] [%t] %ST", &options).unwrap();
    let end = |agent: &str| {
        let line = format!("192.0.2.1 [{agent}] [20/Nov/2026:13:00:00.000] 200");
        record(&format, line.as_bytes()).end_us
    };
    assert_eq!(end("curl"), end("x] [25/Oct/2026:02:30:00.000"));
}

#[test]
fn events_of_a_repeated_hour() {
    let format = Format::compile("haproxy-http", &zone("Europe/Berlin")).unwrap();
    let message = "192.0.2.1:5 [25/Oct/2026:02:30:00.000] www/2: SSL handshake failure";
    for (prefix, expected) in [("", "00:30:00"), ("2026-10-25T01:30:00Z lb haproxy[1]: ", "01:30:00")] {
        let line = format!("{prefix}{message}");
        let Line::Event(event) = format.parser(0).parse(line.as_bytes()) else { panic!("no event: {line}") };
        assert_eq!(instant(event.at_us.unwrap()), format!("2026-10-25T{expected}Z"));
    }
}

#[test]
fn shifts_of_half_an_hour() {
    // Lord Howe Island puts its clocks back from 02:00 to 01:30.
    let date = "05/Apr/2026:01:45:00.000";
    let lines = [
        ("", date, 0),
        ("2026-04-04T14:45:00Z lb haproxy[1]: ", date, 0),
        ("2026-04-04T15:15:00Z lb haproxy[1]: ", date, 0),
    ];
    let expected = ["2026-04-04T14:45:00Z", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"];
    assert_eq!(ends(&zone("Australia/Lord_Howe"), &lines), expected);
}

#[test]
fn a_missing_hour_counts_on() {
    let lines = [
        ("", "29/Mar/2026:01:59:59.999", 0),
        ("", "29/Mar/2026:02:00:00.000", 0),
        ("", "29/Mar/2026:03:00:00.000", 0),
    ];
    let expected = ["2026-03-29T00:59:59.999Z", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"];
    assert_eq!(ends(&zone("Europe/Berlin"), &lines), expected);
}

#[test]
fn offsets_that_change_within_a_file() {
    let format = compile("combined");
    let mut parser = format.parser(0);
    let mut end = |date: &str| {
        let line = format!(r#"192.0.2.1 - - [{date}] "GET / HTTP/1.1" 200 5 "-" "-""#);
        match parser.parse(line.as_bytes()) {
            Line::Record(record) => instant(record.end_us),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end("25/Oct/2026:02:59:59 +0200"), "2026-10-25T00:59:59Z");
    assert_eq!(end("25/Oct/2026:02:00:00 +0100"), "2026-10-25T01:00:00Z");
    assert_eq!(end("25/Oct/2026:02:59:59 +0200"), "2026-10-25T00:59:59Z");
    assert_eq!(end("25/Oct/2026:02:59:59 -0330"), "2026-10-25T06:29:59Z");
}

#[test]
fn years_are_those_nearest_to_the_file() {
    let at = |date: &str, reference: &str| event_at(&Options::default(), date, reference);
    assert_eq!(at("Dec 31 23:59:59", "2027-01-02T00:00:00Z"), "2026-12-31T23:59:59Z");
    assert_eq!(at("Jan  1 00:00:05", "2026-12-31T23:59:00Z"), "2027-01-01T00:00:05Z");
    assert_eq!(at("Jan  1 00:00:05", "2027-06-30T00:00:00Z"), "2027-01-01T00:00:05Z");
    assert_eq!(at("Dec 31 23:59:59", "2027-06-30T00:00:00Z"), "2026-12-31T23:59:59Z");
    // New Year is the zone's.
    let auckland = zone("Pacific/Auckland");
    assert_eq!(event_at(&auckland, "Jan  1 00:30:00", "2026-12-31T11:31:00Z"), "2026-12-31T11:30:00Z");
    assert_eq!(event_at(&auckland, "Dec 31 23:30:00", "2027-01-01T00:00:00Z"), "2026-12-31T10:30:00Z");
}

#[test]
fn the_29th_of_february_needs_its_year() {
    let at = |reference: &str| event_at(&Options::default(), "Feb 29 12:00:00", reference);
    assert_eq!(at("2024-03-01T00:00:00Z"), "2024-02-29T12:00:00Z");
    assert_eq!(at("2025-12-31T00:00:00Z"), "2024-02-29T12:00:00Z");
    assert_eq!(at("2027-01-02T00:00:00Z"), "2028-02-29T12:00:00Z");
    // 2100 is no leap year.
    assert_eq!(at("2100-03-01T00:00:00Z"), "2096-02-29T12:00:00Z");
    let format = compile("haproxy-http");
    let rejected = |date: &str| {
        let line = LINE.replace("DATE", date).replace("TOTAL", "0");
        matches!(format.parser(0).parse(line.as_bytes()), Line::Reject(_))
    };
    assert!(rejected("29/Feb/2026:12:00:00.000") && rejected("31/Apr/2026:12:00:00.000"));
    assert!(!rejected("29/Feb/2028:12:00:00.000"));
}

#[test]
fn a_leap_second_stays_in_its_hour() {
    let lines = [("", "31/Dec/2016:23:59:60.500", 0), ("", "31/Dec/2016:23:59:59.500", 0)];
    assert_eq!(ends(&Options::default(), &lines), ["2016-12-31T23:59:59.5Z"; 2]);
    assert_eq!(
        event_at(&Options::default(), "Dec 31 23:59:60", "2017-01-01T00:00:00Z"),
        "2016-12-31T23:59:59Z"
    );
    let format = compile("%h %{%FT%T%z}t %>s");
    let line = b"192.0.2.1 2016-12-31T23:59:60+0000 200";
    assert_eq!(instant(record(&format, line).end_us), "2016-12-31T23:59:59Z");
}

#[test]
fn years_far_away() {
    let lines = [
        ("", "31/Dec/1969:23:59:59.999", 0),
        ("", "01/Jan/1901:00:00:00.000", 0),
        ("", "19/Jan/2038:03:14:08.000", 0),
        ("", "01/Jan/2107:00:00:00.000", 1_000),
    ];
    let expected =
        ["1969-12-31T23:59:59.999Z", "1901-01-01T00:00:00Z", "2038-01-19T03:14:08Z", "2107-01-01T00:00:01Z"];
    assert_eq!(ends(&Options::default(), &lines), expected);
}

/// Every form in which HAProxy itself, a syslog daemon, journald or a container engine passes a line on.
#[test]
fn prefixes_of_every_kind() {
    let prefixes = [
        ("HAProxy local", "<134>Nov 20 13:00:00 haproxy[1]: "),
        ("HAProxy rfc3164", "<134>Nov 20 13:00:00 lb haproxy[1]: "),
        ("HAProxy rfc5424", "<134>1 2026-11-20T13:00:00.123456+01:00 lb haproxy 1 - - "),
        ("HAProxy rfc5424 with data", "<134>1 2026-11-20T13:00:00.1+01:00 lb haproxy 1 - [a@1 b=\"c\\]\"] "),
        ("HAProxy priority", "<134>"),
        ("HAProxy short", "<6>"),
        ("HAProxy timed", "<6>2026-11-20T13:00:00.123456+01:00 "),
        ("HAProxy iso", "2026-11-20T13:00:00.123456+01:00 "),
        ("HAProxy raw", ""),
        ("rsyslog", "2026-11-20T13:00:00.123456+01:00 lb haproxy[1]: "),
        ("rsyslog, of what came as RFC 5424", "2026-11-20T13:00:00.123456+01:00 - haproxy[31130] "),
        ("rsyslog, traditional", "Nov  6 13:00:00 lb haproxy[1]: "),
        ("journald short", "Nov 20 13:00:00 lb haproxy[1]: "),
        ("journald short-precise", "Nov 20 13:00:00.123456 lb haproxy[1]: "),
        ("journald short-iso", "2026-11-20T13:00:00+0100 lb haproxy[1]: "),
        ("journald short-iso-precise", "2026-11-20T13:00:00.123456+01:00 lb haproxy[1]: "),
        ("journald short-full", "Fri 2026-11-20 13:00:00 CET lb haproxy[1]: "),
        ("Docker", "2026-11-20T12:00:00.123456789Z "),
        ("containerd", "2026-11-20T13:00:00.123456789+01:00 stdout F "),
        ("cri-o", "2026-11-20T13:00:00.123456789+01:00 stderr F "),
    ];
    let options = zone("Europe/Berlin");
    for (by, prefix) in prefixes {
        let end = ends(&options, &[(prefix, "20/Nov/2026:13:00:00.250", 0)]);
        assert_eq!(end, ["2026-11-20T12:00:00.25Z"], "{by}");
        let line = format!("{prefix}Proxy www started.");
        let format = Format::compile("haproxy-http", &options).unwrap();
        let Line::Event(event) = format.parser(1_795_176_000_000_000).parse(line.as_bytes()) else {
            panic!("{by}: no event");
        };
        let day = event.at_us.map(|us| instant(us)[..13].to_owned());
        let dated = prefix.contains("13:00:00") || prefix.contains("12:00:00");
        let expected = if prefix.contains("Nov  6") { "2026-11-06T12" } else { "2026-11-20T12" };
        assert_eq!(day.as_deref(), dated.then_some(expected), "{by}");
    }
}
