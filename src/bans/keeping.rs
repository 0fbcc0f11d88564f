//! Bans in the state: what was read is decided on in the transaction that notes how far it was read. Decides nothing
//! itself.

use super::{Setup, decide_lanes};
use crate::ban::decide::{Decider, Tally};
use crate::ban::spool::Lane;
use crate::output::say;
use crate::store::{Batch, Store};
use anyhow::Context;
use logstat_reports::text::count;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

/// A level that costs little and still halves what is kept.
const ZSTD_LEVEL: i32 = 1;
/// More than the memory of bans can come to within its limits, unpacked.
const MEMORY_BYTES: u64 = 1 << 30;

/// Decides on all hits that wait.
///
/// # Errors
/// When what is stored is damaged or of another version, or the database cannot be written.
pub fn settle(batch: &mut Batch<'_>, setup: &Setup) -> anyhow::Result<()> {
    let stored = batch.take_lanes()?;
    if stored.is_empty() {
        return Ok(());
    }
    let thresholds = setup.rules.thresholds();
    let mut lanes = Vec::with_capacity(stored.len());
    for lane in stored {
        let file = u32::try_from(lane.stream).unwrap_or(u32::MAX);
        let lane = Lane::from_bytes(&lane.bytes, &thresholds).context("hits that wait cannot be read")?;
        lanes.push(lane.of_file(file));
    }
    let memory = batch.ban_memory()?.map(|memory| unpack(&memory.bytes)).transpose()?;
    let mut decider = setup.remembering(memory.as_deref())?;
    let before = decider.tally();
    decide_lanes(&mut decider, &lanes);
    tell_evicted(before, decider.tally());
    batch.put_ban_memory(pack(&decider)?)?;
    Ok(())
}

/// An attack by more clients than there is room for is no silent matter.
fn tell_evicted(before: Tally, after: Tally) {
    let (keys, bans) = (after.evicted_keys - before.evicted_keys, after.evicted_bans - before.evicted_bans);
    if keys + bans > 0 {
        let (keys, bans) = (count(keys), count(bans));
        say(&format!(
            "there was no room for the hits of {keys} clients and the bans of {bans}: those hit longest ago, and those that end first"
        ));
    }
}

/// Who decides, as the state remembers it.
///
/// # Errors
/// When the state cannot be read, or what it remembers is damaged or of another version.
pub fn remembered(store: &Store, setup: &Setup) -> anyhow::Result<Decider> {
    let memory = store.ban_memory()?.map(|memory| unpack(&memory.bytes)).transpose()?;
    setup.remembering(memory.as_deref())
}

/// As it is stored.
///
/// # Errors
/// When there is no memory to pack it.
pub fn pack(decider: &Decider) -> anyhow::Result<Vec<u8>> {
    zstd::bulk::compress(&decider.encode(), ZSTD_LEVEL).context("the memory of bans cannot be packed")
}

fn unpack(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut memory = Vec::new();
    let unpacked = zstd::Decoder::new(bytes)
        .and_then(|packed| packed.take(MEMORY_BYTES).read_to_end(&mut memory))
        .context("the memory of bans cannot be unpacked");
    unpacked.map(|_| memory)
}

/// Where the logs are, by the number that places of hits have.
///
/// # Errors
/// When the state cannot be read.
pub fn files(store: &Store) -> anyhow::Result<BTreeMap<u32, PathBuf>> {
    let numbered = |id: i64| u32::try_from(id).ok();
    let streams = store.streams()?.into_iter();
    Ok(streams.filter_map(|stream| Some((numbered(stream.id)?, stream.path))).collect())
}
