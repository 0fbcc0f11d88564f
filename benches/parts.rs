//! The parts of the way of the data, one by one: `cargo bench --bench parts`.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use logstat::bots::Bots;
use logstat::rollup::{BlockRollup, KeyHasher, RollupOptions, SourceRollup};
use logstat_parsers::{Format, Line, Options};
use std::fmt::Write;
use std::sync::Arc;

const LINES: u32 = 10_000;
const TIMED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \
                     \"$http_user_agent\" $request_time $upstream_response_time";

fn main() {
    divan::main();
}

/// Lines of one block: skewed paths, many clients, a handful of user agents.
fn log() -> String {
    let mut log = String::new();
    for n in 0..LINES {
        let mixed = n.wrapping_mul(2_654_435_761);
        let path = (mixed >> 20) & (mixed >> 9) & 0xFFF;
        let _ = writeln!(
            log,
            "192.0.{}.{} - - [20/Nov/2026:13:{:02}:{:02} +0000] \"GET /articles/{path}?page={} HTTP/1.1\" 200 {} \
             \"https://example.com/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/128.0\" 0.{:03} 0.{:03}",
            (mixed >> 16) % 250,
            (mixed >> 24) % 250,
            n / 600 % 60,
            n / 10 % 60,
            mixed % 10,
            mixed % 50_000,
            mixed % 30,
            mixed % 700,
            mixed % 600,
        );
    }
    log
}

fn options(top: bool) -> RollupOptions {
    RollupOptions { top, ..RollupOptions::default() }
}

fn count(log: &str, format: &Format, rollup: &mut BlockRollup) {
    let (mut parser, mut parsed) = (format.parser(0), Line::Blank);
    rollup.clear();
    for line in log.lines() {
        parser.parse_into(line.as_bytes(), &mut parsed);
        if let Line::Record(record) = &parsed {
            rollup.record(record);
        }
    }
    rollup.finish();
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let (log, format) = (log(), Format::compile(TIMED, &Options::default()).expect("the format compiles"));
    bencher.counter(BytesCount::of_str(&log)).counter(ItemsCount::new(LINES)).bench_local(|| {
        let mut parser = format.parser(0);
        log.lines().filter(|line| matches!(black_box(parser.parse(line.as_bytes())), Line::Record(_))).count()
    });
}

/// Parsing and counting, without and with top lists.
#[divan::bench(args = [false, true])]
fn parse_and_count(bencher: Bencher<'_, '_>, top: bool) {
    let (log, format) = (log(), Format::compile(TIMED, &Options::default()).expect("the format compiles"));
    let mut rollup = BlockRollup::new(options(top), KeyHasher::default(), Arc::new(Bots::new()));
    bencher
        .counter(BytesCount::of_str(&log))
        .counter(ItemsCount::new(LINES))
        .bench_local(|| count(&log, &format, &mut rollup));
}

/// Folding a block into hours that already hold its keys, as most blocks find them.
#[divan::bench(args = [false, true])]
fn fold(bencher: Bencher<'_, '_>, top: bool) {
    let (log, format) = (log(), Format::compile(TIMED, &Options::default()).expect("the format compiles"));
    let hasher = KeyHasher::default();
    let mut block = BlockRollup::new(options(top), hasher.clone(), Arc::new(Bots::new()));
    count(&log, &format, &mut block);
    let mut source = SourceRollup::new(options(top), hasher);
    bencher.counter(ItemsCount::new(LINES)).bench_local(|| source.fold(&block));
}

#[divan::bench]
fn compile_list_of_bots() -> Bots {
    Bots::new()
}
