//! Any format string on the first line, and lines to read with it, in every escape mode.
#![no_main]

use libfuzzer_sys::fuzz_target;
use logstat_parsers::{Escape, Format, Options};

fuzz_target!(|input: &str| {
    let (text, lines) = input.split_once('\n').unwrap_or((input, ""));
    for escape in [Escape::Default, Escape::Json, Escape::None] {
        match Format::compile(text, &Options { escape, ..Options::default() }) {
            Ok(format) => {
                let mut parser = format.parser(0);
                for line in lines.lines() {
                    let _ = parser.parse(line.as_bytes());
                }
            }
            Err(error) => assert!(error.position() <= text.len()),
        }
    }
});
