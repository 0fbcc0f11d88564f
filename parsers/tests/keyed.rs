//! Lines whose values have names: JSON and LTSV, and the presets of other servers.

mod common;

use common::{compile, record, text};
use logstat_parsers::{
    CacheStatus, Client, EventKind, Format, FormatError, Line, Options, Reject, RejectKind, detect,
};

const MAP: &str = "json msec=ts remote_addr=ip request_method=req.method request_uri=req.uri status=status \
                   bytes_sent=size request_time=rt upstream_response_time=urt http_user_agent=req.headers.UA.0";

const LINE: &str = r#"{"ts":1700000000.25,"ip":"192.0.2.1","req":{"method":"GET","uri":"/a","headers":{"UA":["curl","x"]}},"status":200,"size":512,"rt":0.007,"urt":"0.002, 0.003"}"#;

#[track_caller]
fn reject(format: &Format, line: &str) -> Reject {
    match format.parser(0).parse(line.as_bytes()) {
        Line::Reject(reject) => reject,
        other => panic!("{other:?}: {line}"),
    }
}

#[track_caller]
fn ip(record: &logstat_parsers::Record<'_>) -> String {
    match record.client {
        Client::Ip(address) => address.to_string(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn detected(log: &str) -> &'static str {
    detect(log.as_bytes(), &Options::default()).best.expect("a preset").preset.name
}

/// Microseconds since 1970.
fn instant(date: &str) -> i64 {
    date.parse::<jiff::Timestamp>().expect("a date").as_microsecond()
}

#[test]
fn reads_a_map() {
    let format = compile(MAP);
    let record = record(&format, LINE.as_bytes());
    assert_eq!(record.end_us, 1_700_000_000_250_000);
    assert_eq!(ip(&record), "192.0.2.1");
    assert_eq!((text(record.method), text(record.target)), (Some("GET"), Some("/a")));
    assert_eq!((record.status, record.bytes_sent), (Some(200), Some(512)));
    assert_eq!((record.latency_us, record.upstream_us), (Some(7_000), Some(5_000)));
    assert_eq!(text(record.user_agent), Some("curl"));
    assert!(!record.truncated);
    let fields = format.fields();
    assert!(fields.client && fields.latency && fields.upstream && !fields.referer);
    assert_eq!(format.name(), MAP);
}
