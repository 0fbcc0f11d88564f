//! What tests of datasets share: hours at rest, and folders with files of hours.

use crate::bots::Bots;
use crate::rollup::{BlockRollup, KeyHasher, RollupOptions, SourceRollup, StoredDay, StoredHour};
use crate::store::{Period, Span};
use logstat_parsers::Record;
use logstat_reports::dataset::{PeriodFile, SourcePeriod, parquet};
use logstat_reports::write::write_atomically;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// 2026-11-20T00:00:00Z.
pub(crate) const MIDNIGHT: i64 = 498_648;

/// Made once: it takes longer than all the rest.
static BOTS: LazyLock<Arc<Bots>> = LazyLock::new(|| Arc::new(Bots::new()));

/// A Unix hour with one request to each of these servers.
pub(crate) fn stored_hour(hour: i64, servers: &[&[u8]]) -> StoredHour {
    let options = RollupOptions { to_store: true, ..RollupOptions::default() };
    let hasher = KeyHasher::default();
    let mut source = SourceRollup::new(options.clone(), hasher.clone());
    let mut block = BlockRollup::new(options, hasher, Arc::clone(&BOTS));
    for (second, server) in (0..).zip(servers) {
        block.record(&Record {
            end_us: (hour * 3600 + second % 3600) * 1_000_000,
            server: Some(server),
            target: Some(server),
            latency_us: Some(1000 + server.len() as u64),
            ..Record::default()
        });
    }
    block.finish();
    source.fold(&block);
    source.take_stored(0).hours.remove(0)
}

/// A file of a period, with the servers of each source's requests.
#[derive(Debug, Clone)]
pub(crate) struct Published<'s> {
    pub period: Period,
    pub node_id: &'s str,
    pub generation: u64,
    pub sources: Vec<(&'s str, Vec<&'s [u8]>)>,
}

impl Published<'_> {
    /// Writes it below the folder of a dataset.
    pub fn write(&self, root: &Path) {
        let sources = self.sources.iter().map(|(source, servers)| SourcePeriod {
            source: (*source).to_owned(),
            tier: Some(format!("of {}", self.generation)),
            rollup: self.rollup(servers),
            lines: vec![("records".to_owned(), servers.len() as u64)],
            ..SourcePeriod::default()
        });
        let file = PeriodFile {
            start: self.period.start * 3600,
            span_s: 3600,
            node_id: self.node_id.to_owned(),
            generation: self.generation,
            sources: sources.collect(),
        };
        let place = super::parquet(self.period, self.node_id).unwrap();
        write_atomically(&root.join(place.dir), &place.name, &parquet(&file).unwrap()).unwrap();
    }

    fn rollup(&self, servers: &[&[u8]]) -> Vec<u8> {
        let hour = || stored_hour(self.period.start, servers);
        match self.period.span {
            _ if servers.is_empty() => Vec::new(),
            Span::Hour => hour().encode(),
            Span::Day => {
                let mut day = StoredDay::new(StoredDay::of_hour(self.period.start));
                day.add(hour());
                day.encode()
            }
        }
    }
}
