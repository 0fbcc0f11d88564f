//! Bytes in a log belong to an attacker: whatever they are, each line is one of four things, and nothing panics.

mod common;

use std::sync::LazyLock;

use common::{TIMED, compile_with, hostile};
use logstat_parsers::{Captures, Escape, Fields, Format, Line, Options, PRESETS, Record, detect};
use proptest::prelude::*;

const LINES: [&str; 12] = [
    r#"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "-" 0.001 0.001, 0.002 : -"#,
    r#"example.com 2001:db8::1 - me [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 5 "-" "-""#,
    r#"<134>Feb  6 12:14:14 lb haproxy[1]: 192.0.2.1:1 [06/Feb/2009:12:14:14.655] a b/c 1/0/3/6/1 200 2 N=v - ---- 1/1/1/1/0 0/0 {x} {} "GET / HTTP/1.1""#,
    "1 2026-11-20T13:00:00Z h a p m [i k=\"v\"] 192.0.2.1:40962 [20/Sep/2018:15:44:23.285] main app/s 0/0/1 212 SC 1/1/0/0/0 0/0",
    r#"192.0.2.1 2026-11-20 13:00:00 "GET /a?b HTTP/1.1" 200 - "-" "x \"y\"" 1500"#,
    r#"C0000201 [20/Nov/2026:12:00:00 +0000] "{a|curl}" /a b 200 5 "curl \"" 12"#,
    r#"{"date": "20/Nov/2026:12:00:00 +0000", "ua": "x \"", "n": 5, "status": 200, "hr": null, "Ta": 5}"#,
    "2026-11-20T13:00:00+0100 lb haproxy[1]: Server bk/s1 is DOWN, reason: Layer4 timeout.",
    r#"{"msec":1.5e9,"remote_addr":"192.0.2.1","request":"GET / HTTP/1.1","uri":"/","status":200,"body_bytes_sent":5,"request_time":,"user_agent":"\"x","a":[{}]}"#,
    r#"web  | {"ts":1.5,"request":{"remote_ip":"::1","method":"GET","uri":"/","headers":{"User-Agent":["x"]}},"status":200,"size":5,"duration":1e-3}"#,
    "time:[10/Oct/2000:13:55:36 -0700]\thost:192.0.2.1\treq:GET / HTTP/1.1\tstatus:200\tsize:5\treqtime:0.1\tua:x",
    "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.24\tGET\td.example\t/\t200\t-\tx\t-\t-\tHit\tid\twww\thttps\t23\t0.001\t-",
];

/// Apache's, and what HAProxy's language can do.
const OTHERS: [&str; 4] = [
    r#"%h %{%Y-%m-%d %H:%M:%S}t "%m %U%q %H" %>s %b "%{Referer}i" "%{User-Agent}i" %D"#,
    r#"%u %{sec}t %{Host}i %v:%p %>s"#,
    r#"%{+X}ci [%trg] %{+Q}hr %[path] %ST %B "%{+E}[req.hdr(user-agent)]" %Ta"#,
    r#"%{+json}o %(date)trg %(ua)[req.hdr(user-agent)] %(n)[var(txn.n)] %(status)ST %(hr)hr %(Ta)Ta"#,
];

/// Compiled once, because every case tries all of them.
static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| {
    let captures = Captures {
        request: vec!["Host".to_owned(), "User-Agent".to_owned(), "X-Forwarded-For len 30".to_owned()],
        response: Vec::new(),
    };
    let capturing = Options { captures, ..Options::default() };
    let others = OTHERS.iter().chain(&["haproxy-http"]);
    let presets = PRESETS.iter().map(|preset| compile_with(preset.name, Escape::Default));
    let modes = [Escape::Default, Escape::Json, Escape::None];
    let odd = r#"$remote_addr:$remote_port $http_x [$upstream_addr] $http_y$request_uri $upstream_response_time $msec"#;
    presets
        .chain(others.map(|string| Format::compile(string, &capturing).expect(string)))
        .chain(modes.map(|escape| compile_with(TIMED, escape)))
        .chain(modes.map(|escape| compile_with(&odd.replace("$http_y$", "$host$"), escape)))
        .collect()
});

/// A real line with some bytes replaced, removed or added.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0usize..6, hostile());
    (prop::sample::select(LINES.to_vec()), prop::collection::vec(change, 0..4)).prop_map(|(line, changes)| {
        let mut line = line.as_bytes().to_vec();
        for (at, removed, added) in changes {
            let at = at.index(line.len() + 1);
            let end = (at + removed).min(line.len());
            line.splice(at..end, added);
        }
        line
    })
}

fn is_part_of(line: &[u8], part: Option<&[u8]>) -> bool {
    part.is_none_or(|part| {
        line.as_ptr_range().contains(&part.as_ptr())
            || part.is_empty()
            || b"GET POST".windows(part.len()).any(|w| w == part)
    })
}

fn all_parts<'l>(record: &Record<'l>) -> [Option<&'l [u8]>; 11] {
    [
        record.remote_user,
        record.method,
        record.target,
        record.protocol,
        record.request,
        record.referer,
        record.user_agent,
        record.x_forwarded_for,
        record.site,
        record.backend,
        record.server,
    ]
}

fn forget_unwanted(line: &mut Line<'_>, wanted: &Fields) {
    let Line::Record(record) = line else { return };
    if !wanted.method {
        record.method = None;
    }
    if !wanted.target {
        record.target = None;
    }
    if !wanted.method && !wanted.target {
        (record.request, record.protocol) = (None, None);
    }
    if !wanted.remote_user {
        record.remote_user = None;
    }
    if !wanted.referer {
        record.referer = None;
    }
    if !wanted.user_agent {
        record.user_agent = None;
    }
    if !wanted.x_forwarded_for {
        record.x_forwarded_for = None;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_line_is_something(line in prop_oneof![damaged(), hostile(), any::<Vec<u8>>()]) {
        for format in FORMATS.iter() {
            match format.parser(1_700_000_000_000_000).parse(&line) {
                Line::Record(record) => {
                    prop_assert!(all_parts(&record).into_iter().all(|part| is_part_of(&line, part)));
                }
                Line::Reject(reject) => prop_assert!(reject.byte <= line.len(), "{:?}", reject),
                Line::Event(event) => prop_assert!(line.ends_with(event.message) || line.ends_with(b"\r")),
                Line::Blank => prop_assert!(line.trim_ascii().is_empty()),
            }
        }
    }

    #[test]
    fn what_came_before_does_not_matter(lines in prop::collection::vec(damaged(), 1..6)) {
        for format in FORMATS.iter() {
            let mut used = format.parser(1_700_000_000_000_000);
            for line in &lines {
                prop_assert_eq!(used.parse(line), format.parser(1_700_000_000_000_000).parse(line));
            }
        }
    }

    #[test]
    fn leaving_texts_out_changes_nothing_else(line in damaged(), method: bool, target: bool, others: bool) {
        let wanted = Fields {
            method,
            target,
            remote_user: others,
            referer: !others,
            user_agent: others,
            x_forwarded_for: !others,
            ..Fields::default()
        };
        for format in FORMATS.iter() {
            let mut narrow = format.clone();
            narrow.keep_only(&wanted);
            let (mut all, mut kept) = (format.parser(0).parse(&line), narrow.parser(0).parse(&line));
            forget_unwanted(&mut all, &wanted);
            forget_unwanted(&mut kept, &wanted);
            prop_assert_eq!(all, kept);
        }
    }

    #[test]
    fn any_format_string_compiles_or_says_where_not(text in prop_oneof![
        ".{0,40}",
        "([$%]\\{?[a-zA-Z_]{0,12}[\\[\\]{}+Q, \"/:-]{0,3}){0,8}",
        prop::collection::vec(prop::sample::select(vec![
            "$remote_addr", "$status", "$time_local", "$http_x", " ", "\"", "%ci", "%tr", "%[src]", "%{+Q}r", "%hr", "%%", ":", "$", "%", "\\",
            "json ", "ltsv ", "time=t", "status=a.b.0|c!", "uri=?", "=", "%h", "%>s", "%{%F %T}t", "%{msec_frac}t", ".", "%U%q", "%v:%p", "%{+json}o", "%(a)r",
            "%{+E,+Q}o", "%[req.hdr(host)]", "%[date,ltime('%F %T')]", "%ci", "%tr", "%[src]", "%{+Q}r", "%hr", "%%", ":", "$", "%", "\\",
        ]), 0..9).prop_map(|parts| parts.concat()),
    ], line in damaged()) {
        match Format::compile(&text, &Options::default()) {
            Ok(format) => drop(format.parser(0).parse(&line)),
            Err(error) => prop_assert!(error.position() <= text.len() && !error.hint().is_empty()),
        }
    }

    #[test]
    fn detection_takes_anything(sample: Vec<u8>) {
        let detection = detect(&sample, &Options::default());
        prop_assert!(detection.best.is_none_or(|best| best.matched <= detection.total));
    }
}

#[test]
fn a_long_line_takes_linear_time() {
    // Quadratic work would take minutes for these.
    for filler in [
        " - ",
        " [",
        "\" \"",
        " ",
        "{",
        ", ",
        "\\\"",
        "[",
        "=",
        " ---- 1/1/1/1/0 0/0",
        "{\"a\":",
        "1, ",
        "\t",
        "\\",
        "0",
    ] {
        let line = [LINES[2].as_bytes()[..130].to_vec(), filler.repeat(1 << 20).into_bytes()].concat();
        let user = [b"192.0.2.1 - ".to_vec(), filler.repeat(1 << 20).into_bytes()].concat();
        for format in FORMATS.iter() {
            drop(format.parser(0).parse(&line));
            drop(format.parser(0).parse(&user));
            for start in ["{\"a\":\"", "{\"a\":", "{\"msec\":", "{", "time:", "2019-12-04\t"] {
                drop(format.parser(0).parse(format!("{start}{}", filler.repeat(1 << 18)).as_bytes()));
            }
        }
    }
}
