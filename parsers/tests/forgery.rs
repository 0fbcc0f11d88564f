//! No client can change address, time, status or bytes: what it sends is read as what the server wrote, or rejected.

mod common;

use common::render::haproxy::{self, HaProxy};
use common::render::nginx::{self, Nginx};
use common::render::{Attack, Exchange, Logger, attack, exchange};
use common::{client, compile};
use logstat_parsers::{Client, Escape, EventKind, Line, Preset, Record};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Address, time, status and bytes of a record are those of the exchange, or there is no record.
fn right_or_rejected(logger: &dyn Logger, exchange: &Exchange) -> Result<bool, TestCaseError> {
    let Some(format) = logger.compiled() else { return Ok(false) };
    let line = logger.line(exchange);
    let shown = line.escape_ascii();
    let fields = format.fields();
    match format.parser(0).parse(&line) {
        Line::Record(record) => {
            let address = if fields.client { client(exchange.address) } else { Client::Unknown };
            let bytes = fields.bytes_sent.then(|| logger.bytes_sent(exchange));
            prop_assert_eq!(record.client, address, "client of `{}`", shown);
            prop_assert_eq!(record.end_us, logger.end_us(exchange), "time of `{}`", shown);
            prop_assert_eq!(record.status, fields.status.then_some(exchange.status), "status of `{}`", shown);
            prop_assert_eq!(record.bytes_sent, bytes, "bytes of `{}`", shown);
            let x_forwarded_for =
                logger.x_forwarded_for(exchange).filter(|_| fields.x_forwarded_for && !record.truncated);
            let is_right = record.truncated || record.x_forwarded_for == x_forwarded_for.as_deref();
            prop_assert!(is_right, "forwarded {:?} of `{}`", record.x_forwarded_for, shown);
            Ok(true)
        }
        Line::Reject(reject) => {
            let is_peers = reject.client.is_none_or(|client| client == exchange.address.to_canonical());
            prop_assert!(is_peers, "client {:?} of the reject `{}`", reject.client, shown);
            Ok(false)
        }
        // A line in which the date's bracket and a colon meet by design of the format: no request either.
        Line::Event(event) if event.kind == EventKind::ConnectionError => Ok(false),
        Line::Event(event) => Err(TestCaseError::fail(format!("{:?} of `{shown}`", event.kind))),
        Line::Blank => Err(TestCaseError::fail("a blank line")),
    }
}

/// However the line is cut and whatever a logger puts in front, its client is the peer's, or there is none.
fn cut_client_is_right(
    logger: &dyn Logger,
    exchange: &Exchange,
    prefix: &str,
    cut: Index,
) -> Result<(), TestCaseError> {
    let Some(format) = logger.compiled() else { return Ok(()) };
    let line = [prefix.as_bytes(), &logger.line(exchange)].concat();
    let end = prefix.len() + cut.index(line.len() - prefix.len() + 1);
    for part in [&line[..end], line.as_slice()] {
        let mut parser = format.parser(0);
        let found = match parser.parse(part) {
            Line::Record(Record { client: Client::Ip(client), .. }) if format.client_survives_cuts() => {
                Some(client)
            }
            Line::Reject(reject) => reject.client,
            _ => None,
        };
        if let Line::Record(Record { x_forwarded_for: Some(forwarded), .. }) = parser.parse(part) {
            let whole = logger.x_forwarded_for(exchange);
            // A format that knows no prefix may take one for a part of it, which is no address and comes first.
            let is_right = match &whole {
                _ if prefix.is_empty() => whole.as_deref() == Some(forwarded),
                Some(whole) => forwarded.ends_with(whole),
                None => !forwarded.last().is_some_and(u8::is_ascii_alphanumeric),
            };
            prop_assert!(is_right, "forwarded of `{}`", part.escape_ascii());
        }
        let of_start = parser.client_of(part);
        for client in [found, of_start].into_iter().flatten() {
            prop_assert_eq!(client, exchange.address.to_canonical(), "client of `{}`", part.escape_ascii());
        }
    }
    Ok(())
}

/// What syslog daemons and containers put in front of a line, with a tag or without.
const PREFIXES: [&str; 9] = [
    "",
    "<134>Feb  6 12:14:14 lb haproxy[1]: ",
    "Feb  6 12:14:14 10.0.0.1 nginx: ",
    "2026-11-20T13:00:00.123456789Z ",
    "<134>2026-11-20T13:00:00.123456+00:00 ",
    "2026-11-20T13:00:00+00:00 lb haproxy[1]: ",
    "<190>1 2026-11-20T13:00:00Z web1 nginx - - - ",
    "2026-11-20T13:00:00.1Z stdout F ",
    "web-1  | ",
];

/// Those that nginx and HAProxy write; a server that joins later has presets of its own.
fn presets() -> Vec<Box<dyn Logger>> {
    let nginx = ["combined", "combined-extra", "common", "vhost-combined", "vhost-combined-extra"];
    let haproxy = ["haproxy-http", "haproxy-https", "haproxy-tcp", "haproxy-http-clf"];
    let string = |name| Preset::named(name).expect("a preset").format_string;
    let main = format!("{} \"$http_x_forwarded_for\"", string("combined"));
    let nginx = nginx.map(|name| -> Box<dyn Logger> { Box::new(Nginx::new(string(name), Escape::Default)) });
    let haproxy = haproxy.map(|name| -> Box<dyn Logger> { Box::new(HaProxy::new(string(name), true)) });
    let main: Box<dyn Logger> = Box::new(Nginx::new(&main, Escape::Default));
    nginx.into_iter().chain(haproxy).chain([main]).collect()
}

#[test]
fn presets_compile_and_their_clients_survive_cuts() {
    let survives =
        |logger: &dyn Logger| logger.compiled().is_some_and(|format| format.client_survives_cuts());
    assert!(presets().iter().all(|logger| survives(&**logger)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn presets_cannot_be_forged(attack in attack(), exchange in exchange()) {
        for logger in presets() {
            right_or_rejected(&*logger, &attack.on(&*logger, &exchange))?;
        }
    }

    #[test]
    fn presets_cannot_be_forged_by_a_cut(
        attack in attack(),
        exchange in exchange(),
        prefix in prop::sample::select(PREFIXES.to_vec()),
        cut: Index,
    ) {
        for logger in presets() {
            cut_client_is_right(&*logger, &attack.on(&*logger, &exchange), prefix, cut)?;
        }
    }

    #[test]
    fn nginx_formats_cannot_be_forged_by_a_cut(
        logger in nginx::formats(),
        attack in attack(),
        exchange in exchange(),
        prefix in prop::sample::select(PREFIXES.to_vec()),
        cut: Index,
    ) {
        cut_client_is_right(&logger, &attack.on(&logger, &exchange), prefix, cut)?;
    }

    #[test]
    fn haproxy_formats_cannot_be_forged_by_a_cut(
        logger in haproxy::formats(),
        attack in attack(),
        exchange in exchange(),
        prefix in prop::sample::select(PREFIXES.to_vec()),
        cut: Index,
    ) {
        cut_client_is_right(&logger, &attack.on(&logger, &exchange), prefix, cut)?;
    }

    #[test]
    fn nginx_formats_cannot_be_forged(logger in nginx::formats(), attack in attack(), exchange in exchange()) {
        right_or_rejected(&logger, &attack.on(&logger, &exchange))?;
    }

    #[test]
    fn haproxy_formats_cannot_be_forged(logger in haproxy::formats(), attack in attack(), exchange in exchange()) {
        right_or_rejected(&logger, &attack.on(&logger, &exchange))?;
    }
}

/// How many of a thousand lines are records.
fn records_per_thousand<L: Logger>(formats: impl Strategy<Value = L>, attacks: bool) -> usize {
    let mut runner = TestRunner::deterministic();
    let cases = (formats.prop_filter("compiles", |logger| logger.compiled().is_some()), exchange(), attack());
    let mut is_record = || {
        let (logger, exchange, attack): (L, Exchange, Attack) =
            cases.new_tree(&mut runner).expect("a case").current();
        let exchange = if attacks { attack.on(&logger, &exchange) } else { exchange.with_benign_texts() };
        right_or_rejected(&logger, &exchange).expect("right or rejected")
    };
    (0..1_000).filter(|_| is_record()).count()
}

#[test]
fn ordinary_lines_are_records() {
    let nginx = |format| Nginx { format, escape: Escape::Default };
    let haproxy = |format| HaProxy { format, captures: true };
    assert_eq!(records_per_thousand(nginx::quoted().prop_map(nginx), false), 1_000);
    assert_eq!(records_per_thousand(nginx::keyed().prop_map(nginx), false), 1_000);
    // Some of these formats have several texts one after the other, with nothing but spaces between.
    assert!(records_per_thousand(nginx::formats(), false) > 900);
    assert!(records_per_thousand(haproxy::spaced().prop_map(haproxy), false) > 700);
    assert!(records_per_thousand(haproxy::formats(), false) > 700);
}

#[test]
fn most_hostile_lines_are_records() {
    assert!(records_per_thousand(nginx::formats(), true) > 700);
    assert!(records_per_thousand(haproxy::formats(), true) > 500);
}

#[test]
fn a_forged_address_is_not_believed() {
    let cases = [
        // A bad Host header is answered with 400, and logged as it came.
        (
            r#"$http_host $remote_addr - $remote_user [$time_local] "$request" $status"#,
            r#"x 192.0.2.66 - a 192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 400"#,
        ),
        // So is the length of a body.
        ("$content_length $remote_addr $msec $status", "5 192.0.2.66 1.000 200 192.0.2.1 971186136.000 400"),
        // HAProxy escapes what it captures, but no sample.
        (
            "[%trg] %{+Q}[capture.req.hdr(0)] %ci %ST",
            r#"[10/Oct/2000:13:55:36 +0000] "x" 192.0.2.66 200 "" 192.0.2.1 200"#,
        ),
        // What looks like a syslog prefix may be the client's.
        (
            "%[capture.req.hdr(0)] %ci [%trg] %[capture.req.hdr(1)]",
            "1 - - - - - [ 192.0.2.1 [10/Oct/2000:13:55:36 +0000] x 192.0.2.66 [10/Oct/2000:13:55:36 +0000] -",
        ),
    ];
    for (format, line) in cases {
        let format = compile(format);
        let parsed = format.parser(0).parse(line.as_bytes());
        let forged = Client::Ip([192, 0, 2, 66].into());
        let is_forged = matches!(&parsed, Line::Record(record) if record.client == forged);
        assert!(!is_forged, "{parsed:?}");
    }
}

#[test]
fn values_that_run_into_each_other_are_no_format() {
    for format in
        ["$msec$remote_addr", "$time_local $upstream_addr, $status", "$time_local $remote_addr$request_uri"]
    {
        assert!(Nginx::new(format, Escape::Default).compiled().is_none(), "{format}");
    }
}
