//! How large hours at rest are: `stored FORMAT access.log`. Prints each hour's bytes, and how long they take.

use logstat::bots::Bots;
use logstat::rollup::{
    BlockRollup, KeyHasher, RollupOptions, SourceRollup, StoredDay, StoredHour, StoredSource,
};
use logstat_parsers::{Format, Line, Options};
use std::io::BufRead;
use std::sync::Arc;
use std::time::Instant;

const BLOCK_LINES: u32 = 5000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [format, path] = arguments.as_slice() else {
        eprintln!("usage: stored FORMAT access.log");
        std::process::exit(2);
    };
    let format = Format::compile(format, &Options::default()).expect("the format compiles");
    let (with_lists, without) = (count(&format, path, true), count(&format, path, false));
    let mut day = StoredDay::default();
    println!(
        "{:>8} {:>9} {:>6} {:>9} {:>9} {:>6} {:>6}",
        "hour", "requests", "series", "bytes", "no lists", "µs in", "out"
    );
    let mut sum = 0;
    for (hour, plain) in with_lists.hours.iter().zip(&without.hours) {
        let start = Instant::now();
        let bytes = hour.encode();
        let encoded = start.elapsed();
        let decoded = StoredHour::decode(&bytes).expect("what was just encoded");
        let both = start.elapsed();
        let requests: u64 = hour.series().map(|(_, aggregate)| aggregate.sums.requests).sum();
        println!(
            "{:>8} {requests:>9} {:>6} {:>9} {:>9} {:>6} {:>6}",
            hour.hour(),
            hour.series().count(),
            bytes.len(),
            plain.encode().len(),
            encoded.as_micros(),
            (both - encoded).as_micros(),
        );
        sum += bytes.len();
        if day.day() != StoredDay::of_hour(hour.hour()) {
            day = StoredDay::new(StoredDay::of_hour(hour.hour()));
        }
        day.add(decoded);
    }
    println!("all hours: {sum} bytes; last day: {} bytes", day.encode().len());
}

fn count(format: &Format, path: &str, top: bool) -> StoredSource {
    let options = RollupOptions { top, to_store: true, ..RollupOptions::default() };
    let (hasher, bots) = (KeyHasher::default(), Arc::new(Bots::new()));
    let mut source = SourceRollup::new(options.clone(), hasher.clone());
    let mut block = BlockRollup::new(options, hasher, bots);
    // 21 November 2026, for dates without a year.
    let mut parser = format.parser(1_795_219_200_000_000);
    let file = std::fs::File::open(path).expect("the log opens");
    for line in std::io::BufReader::with_capacity(1 << 20, file).split(b'\n') {
        match parser.parse(&line.expect("the log is read")) {
            Line::Record(record) => block.record(&record),
            Line::Event(event) => block.event(&event),
            Line::Reject(reject) => block.reject(reject, 0, b""),
            Line::Blank => block.blank(),
        }
        if block.counts.lines >= u64::from(BLOCK_LINES) {
            block.finish();
            source.fold(&block);
            block.clear();
        }
    }
    block.finish();
    source.fold(&block);
    source.take_stored(0)
}
