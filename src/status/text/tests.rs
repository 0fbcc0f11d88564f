//! The page fits its width, and holds nothing that a name could do to a terminal.

use super::*;
use crate::source::identity::Fingerprint;
use crate::source::resume::{self, CopyOf, GapCause, KnownStream};
use crate::status::Published;
use crate::store::SourceInfo;
use std::ffi::OsStr;

/// 2026-11-20T12:00:00Z.
const NOON_US: i64 = 1_795_176_000_000_000;

fn stream(path: &str, offset: u64, unread: Unread) -> StreamStatus {
    let known = KnownStream {
        id: 1,
        source: "edge".to_owned(),
        device: 1,
        inode: 1,
        path: path.into(),
        size: offset,
        offset,
        skipping: false,
        finished: false,
        fingerprint: Fingerprint::default(),
        seen_us: NOON_US,
        last_us: Some(NOON_US - 125_000_000),
    };
    StreamStatus { path: path.into(), known, unread }
}

fn edge() -> SourceStatus {
    let log = "/var/log/haproxy/haproxy.log";
    let lost = resume::Gap {
        stream: 9,
        path: format!("{log}.1").into(),
        unread_bytes: Some(77),
        why: GapCause::Gone,
    };
    let next = Next {
        new: vec![(format!("{log}.3.gz").into(), Unread::Packed(3_100_000))],
        copies: vec![CopyOf { path: format!("{log}.copy").into(), of: Some(log.into()), stream: None }],
        waiting: vec![(format!("{log}.2.gz").into(), format!("{log}.2.gz: is cut short\nhint: wait"))],
        lost: vec![lost],
    };
    SourceStatus {
        info: SourceInfo {
            name: "edge".to_owned(),
            tier: Some("edge".to_owned()),
            node: Some("lb1".to_owned()),
            formats: vec!["haproxy-http".to_owned(), "combined".to_owned()],
        },
        streams: vec![
            stream(log, 12_400_000, Unread::Bytes(0)),
            stream(&format!("{log}.1"), 40_100_000, Unread::Gone(77)),
            stream(
                &format!("{log}-with-a-name-that-is-longer-than-any-terminal-is-wide-and-then-some.2"),
                75,
                Unread::Bytes(25),
            ),
        ],
        finished: Finished { streams: 12, bytes: 1_200_000_000 },
        next: Some(next),
    }
}

fn gap(number: i64) -> Gap {
    Gap {
        source: "edge".to_owned(),
        stream: Some(number),
        path: format!("/var/log/haproxy/haproxy.log.{number}").into(),
        offset: 100,
        unread_bytes: (number > 1).then_some(512),
        why: GapCause::Gone.to_string(),
        found_us: NOON_US + number,
    }
}

fn status() -> Status {
    Status {
        now: Timestamp::from_microsecond(NOON_US).unwrap(),
        dir: "/var/lib/logstat".into(),
        node: "0123456789abcdef".to_owned(),
        writer: Some(4711),
        kept: Kept {
            hours: 1080,
            days: 1,
            oldest: Some(498_648),
            newest: Some(498_660),
            unpublished: 2,
            database_bytes: 12_400_000,
            published: Published { files: 1092, bytes: 310_000_000 },
        },
        checked: true,
        sources: vec![edge()],
        gaps: (1..=7).map(gap).collect(),
        gaps_left_out: 3,
        problems: Vec::new(),
    }
}

fn page(status: &Status, all: bool, width: usize, color: bool, unicode: bool) -> String {
    render(status, all, &TimeZone::UTC, &Style { width, color, unicode, top: 0 })
}

const WANTED: &str = "\
state  /var/lib/logstat, node 0123456789abcdef
       1,080 hours and 1 day from 2026-11-20 00:00 to 2026-11-20 12:00
       12.4 MB of database, 310 MB in 1,092 published files
       2 hours and days are still to be published by the next run
       every page and checksum is right
note   process 4711 writes to it just now

edge                               read   of it       unread  last request         ago
tier edge, node lb1, haproxy-http, combined
";

#[test]
fn the_page_says_everything_in_order() {
    let page = page(&status(), false, 100, false, true);
    println!("{page}");
    let head: Vec<&str> = page.lines().take(6).collect();
    assert_eq!(head, WANTED.lines().take(6).collect::<Vec<_>>());
    let places = [
        "edge ",
        "tier edge, node lb1, haproxy-http, combined",
        "/var/log/haproxy/haproxy.log  ",
        " 12.4 MB",
        "100 %",
        "0 B",
        "2026-11-20 11:57:55",
        "2 min",
        "gone",
        "75.0 %",
        "25 B",
        "3.1 MB packed",
        "not read yet",
        "12 older logs, 1.2 GB read, of which nothing is awaited",
        "copy ",
        "waits ",
        "hint: wait",
        "lost ",
        "Lost before it was read",
        "haproxy.log.7",
        "haproxy.log.3 ",
        "and 2 gaps older: --all names them",
        "3 gaps before them were not kept",
    ];
    let mut rest = page.as_str();
    for place in places {
        let at = rest.find(place).unwrap_or_else(|| panic!("no {place} in order in\n{page}"));
        rest = &rest[at..];
    }
    assert!(!page.contains("haproxy.log.2 ") && !page.contains("an unknown part"));
}

#[test]
fn every_gap_is_named_when_all_are_asked_for() {
    let page = page(&status(), true, 100, false, true);
    assert!(page.contains("an unknown part") && !page.contains("--all"), "{page}");
}

#[test]
fn no_line_is_wider_than_the_page() {
    for columns in [40, 60, 80, 100, 140, 160] {
        for unicode in [true, false] {
            let page = page(&status(), true, columns, false, unicode);
            let widest = page.lines().map(width).max().unwrap();
            assert!(widest <= columns, "{columns}:\n{page}");
            assert!(unicode || page.is_ascii(), "{page}");
            assert!(page.lines().all(|line| line.trim_end() == line), "{page}");
        }
    }
}

#[test]
fn names_do_nothing_to_the_terminal() {
    let mut status = status();
    let path = Path::new(OsStr::from_bytes(b"/var/log/\x1b[2J\xff.log")).to_owned();
    status.dir.clone_from(&path);
    let source = &mut status.sources[0];
    source.info.name = "\u{1b}[31m\u{202e}edge".to_owned();
    source.info.formats = vec!["\u{1b}]0;x\u{7}".to_owned()];
    source.streams[0].path.clone_from(&path);
    let next = source.next.as_mut().unwrap();
    next.copies[0].path.clone_from(&path);
    next.waiting[0].1 = "\u{1b}[2J: is cut short".to_owned();
    status.gaps[6].path = path;
    let plain = page(&status, true, 120, false, true);
    assert!(plain.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{plain:?}");
    let coloured = page(&status, true, 120, true, true);
    let without: String = coloured
        .split("\u{1b}[")
        .enumerate()
        .map(|(at, part)| if at == 0 { part } else { part.split_once('m').map_or("", |(_, text)| text) })
        .collect();
    assert_eq!(without, plain);
}

#[test]
fn a_state_that_holds_nothing_says_so() {
    let mut status = status();
    status.kept = Kept {
        hours: 0,
        days: 0,
        oldest: None,
        newest: None,
        unpublished: 0,
        database_bytes: 4096,
        published: Published::default(),
    };
    (status.sources, status.gaps, status.gaps_left_out, status.writer, status.checked) =
        (Vec::new(), Vec::new(), 0, None, false);
    let wanted = "state  /var/lib/logstat, node 0123456789abcdef\n       holds no hour yet\n       4.1 kB of database, 0 B in 0 published files\n";
    assert_eq!(page(&status, false, 80, false, true), wanted);
}

#[test]
fn ages_are_short() {
    let seconds = [-5, 0, 119, 120, 7199, 7200, 172_799, 172_800, 200_000_000];
    let wanted = ["to come", "0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 days", "2,314 days"];
    assert_eq!(seconds.map(|s| age(s * 1_000_000)), wanted);
}
