//! Any bytes, as lines of every preset.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use logstat_parsers::{Format, Line, Options, PRESETS, detect};

static FORMATS: LazyLock<Vec<Format>> = LazyLock::new(|| {
    PRESETS
        .iter()
        .map(|preset| Format::compile(preset.name, &Options::default()).expect("presets compile"))
        .collect()
});

fuzz_target!(|bytes: &[u8]| {
    for format in &*FORMATS {
        let mut used = format.parser(0);
        for line in bytes.split(|byte| *byte == b'\n') {
            let parsed = used.parse(line);
            assert_eq!(parsed, format.parser(0).parse(line));
            if let Line::Reject(reject) = parsed {
                assert!(reject.byte <= line.len());
            }
        }
    }
    let _ = detect(bytes, &Options::default());
});
