//! Files of a dataset written and read back: the same bytes every time, and nothing that is not whole.

use super::*;
use crate::model::{Figures, Group};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;

/// 2026-11-20T13:00:00Z.
const START: i64 = 1_795_179_600;

fn row(source: &str, server: &str, requests: u64) -> HourRow {
    let text = |text: &str| Some(text.to_owned());
    let (tier, node) = if source == "edge" { (text("web"), None) } else { (None, text("n1")) };
    let group = Group { source: source.to_owned(), server: text(server), tier, node, ..Group::default() };
    let figures = Figures { requests, covered_s: 3600, seconds: vec![(7, requests)], ..Figures::default() };
    HourRow { hour: START, group, figures }
}

fn period() -> PeriodFile {
    let edge = SourcePeriod {
        source: "edge".to_owned(),
        tier: Some("web".to_owned()),
        rows: vec![row("edge", "a1", 3), row("edge", "a2", 5)],
        rollup: b"bytes that merge".to_vec(),
        lines: vec![("records".to_owned(), 8), ("reject_shape".to_owned(), 1)],
        ..SourcePeriod::default()
    };
    let lines = vec![("blank".to_owned(), 2)];
    let silent = SourcePeriod { source: "silent".to_owned(), lines, ..SourcePeriod::default() };
    let uncounted = SourcePeriod {
        source: "uncounted".to_owned(),
        node: Some("n1".to_owned()),
        rows: vec![row("uncounted", "a1", 1)],
        rollup: vec![0],
        ..SourcePeriod::default()
    };
    PeriodFile {
        start: START,
        span_s: 3600,
        node_id: "00ff".to_owned(),
        generation: 9,
        sources: vec![edge, silent, uncounted],
    }
}

/// A file that is removed in the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("logstat-{}-{name}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn what_merges_is_read_back() {
    let period = period();
    let bytes = parquet(&period).unwrap();
    assert!(bytes == parquet(&period).unwrap(), "two runs differ");
    let file = File::new("whole", &bytes);
    let wanted = period.sources.into_iter().map(|source| StoredPeriod {
        source: source.source,
        tier: source.tier,
        node: source.node,
        generation: 9,
        rollup: Some(source.rollup).filter(|rollup| !rollup.is_empty()),
        lines: source.lines,
    });
    assert_eq!(read(&file.0).unwrap(), wanted.collect::<Vec<_>>());
    assert_eq!(generation(&file.0).unwrap(), 9);
}

#[test]
fn every_series_has_a_row_and_a_source_without_any_one_of_no_request() {
    let text = String::from_utf8(csv(&period())).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("start,source,site,backend,server,tier,node,requests,covered_s,"), "{text}");
    let starts: Vec<String> =
        lines[1..].iter().map(|line| line.split(',').take(9).collect::<Vec<_>>().join(",")).collect();
    let wanted =
        ["edge,,,a1,web,,3,3600", "edge,,,a2,web,,5,3600", "silent,,,,,,0,3600", "uncounted,,,a1,,n1,1,3600"];
    assert_eq!(starts, wanted.map(|cells| format!("2026-11-20T13:00:00Z,{cells}")));
}

#[test]
fn events_are_read_back() {
    let sources = [("a", vec![1, 2]), ("b", Vec::new())]
        .map(|(source, events)| SourceEvents { source: source.to_owned(), events });
    let file = File::new("events", &events_parquet(&sources, "00ff", 4).unwrap());
    assert_eq!(read_events(&file.0).unwrap(), sources);
    assert_eq!(generation(&file.0).unwrap(), 4);
    let none = File::new("no-events", &events_parquet(&[], "00ff", 4).unwrap());
    assert_eq!((read_events(&none.0).unwrap().len(), generation(&none.0).unwrap()), (0, 0));
}

#[test]
fn what_logstat_did_not_write_is_refused_with_a_way_out() {
    let plain = crate::parquet::hourly(&crate::model::Report::default()).unwrap();
    for bytes in [plain, b"PAR1".to_vec(), Vec::new()] {
        let file = File::new("foreign", &bytes);
        let error = read(&file.0).unwrap_err().to_string();
        assert!(error.starts_with(&file.0.display().to_string()), "{error}");
        assert!(error.contains("\nhint: copy it again"), "{error}");
    }
    assert!(matches!(read(&PathBuf::from("/nowhere")), Err(DatasetError::Read { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_damage_is_read(at in any::<prop::sample::Index>(), bit in 0..8u8, cut in prop::option::of(any::<prop::sample::Index>())) {
        let mut bytes = parquet(&period()).unwrap();
        match cut {
            Some(cut) => bytes.truncate(cut.index(bytes.len())),
            None => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
        }
        let file = File::new("damaged", &bytes);
        prop_assert!(read(&file.0).is_err() && generation(&file.0).is_err());
    }
}
