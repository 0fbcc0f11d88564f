//! Fetches the lines at which hits were found, from where their log is now. Never reads a pipe, and shows no line that
//! does not begin there.

use crate::source::{Block, Input, Limits, Progress, discover, open};
use std::collections::BTreeMap;
use std::path::Path;

/// The lines that begin at these offsets of the uncompressed log. What is not there, or no line begins with, is left
/// out.
#[must_use]
pub fn fetch(path: &Path, offsets: &[u64]) -> BTreeMap<u64, Vec<u8>> {
    let mut wanted: Vec<u64> = offsets.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found = BTreeMap::new();
    let sources = discover([path]).sources;
    let file = sources.iter().flat_map(|set| &set.files).find(|file| !file.is_pipe());
    let Some(input) = file.and_then(|file| open(file, &Limits::default(), &Progress::default()).ok()) else {
        return found;
    };
    match input {
        Input::Plain(plain) => {
            let block_bytes = Limits::default().block_bytes as u64;
            let mut buffer = Vec::new();
            let mut indices: Vec<u64> = wanted.iter().map(|offset| offset / block_bytes).collect();
            indices.dedup();
            for index in indices.into_iter().filter(|index| *index < plain.blocks()) {
                if let Ok(block) = plain.read_block(index, &mut buffer) {
                    take(&block, &wanted, &mut found);
                }
            }
        }
        Input::Stream(stream) => {
            for block in stream {
                let Ok(block) = block else { break };
                take(&block.block(), &wanted, &mut found);
                if found.len() == wanted.len() {
                    break;
                }
            }
        }
    }
    found
}

fn take(block: &Block<'_>, wanted: &[u64], found: &mut BTreeMap<u64, Vec<u8>>) {
    let end = block.offset + block.bytes.len() as u64;
    let first = wanted.partition_point(|offset| *offset < block.offset);
    if wanted.get(first).is_none_or(|offset| *offset >= end) {
        return;
    }
    for line in block.lines() {
        if wanted.binary_search(&line.offset).is_ok() {
            found.insert(line.offset, line.bytes.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_a_file_and_in_its_archive() {
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path().join("access.log");
        let text: String = (0..200_000).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&plain, &text).unwrap();
        let packed = dir.path().join("old.log.zst");
        std::fs::write(&packed, zstd::bulk::compress(text.as_bytes(), 1).unwrap()).unwrap();
        let last = text.rfind("line").unwrap() as u64;
        for path in [plain, packed] {
            let found = fetch(&path, &[7, last, 3, 1 << 40]);
            assert_eq!(found.len(), 2);
            assert_eq!((&found[&7][..], &found[&last][..]), (&b"line 1"[..], &b"line 199999"[..]));
        }
        assert!(fetch(Path::new("/nowhere"), &[0]).is_empty());
    }
}
