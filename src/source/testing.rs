//! What the tests of this module share: packed samples and a slow, plain reading of the cutting rule.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::cut::{Block, Ending, Limits};
use super::log_file::{Compression, LogFile};

pub(super) const PACKED: [Compression; 4] =
    [Compression::Gzip, Compression::Zstd, Compression::Bzip2, Compression::Xz];

/// One member of a compressed file.
pub(super) fn pack(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Plain => bytes.to_vec(),
        Compression::Gzip => {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        }
        Compression::Zstd => zstd::encode_all(bytes, 3).unwrap(),
        Compression::Bzip2 => {
            let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::new(1));
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        }
        Compression::Xz => {
            let mut packer = liblzma::write::XzEncoder::new(Vec::new(), 1);
            packer.write_all(bytes).unwrap();
            packer.finish().unwrap()
        }
    }
}

/// Log lines that do not pack away to nothing.
pub(super) fn log_lines(lines: u32) -> Vec<u8> {
    let mut seed = 1_u32;
    let mut bytes = Vec::new();
    for line in 0..lines {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        writeln!(bytes, "192.0.2.{} - - \"GET /{seed:x} HTTP/1.1\" 200 {line}", seed >> 24).unwrap();
    }
    bytes
}

/// Describes the file at `path`, which now holds `bytes`.
pub(super) fn log_file(path: &Path, bytes: &[u8]) -> LogFile {
    fs::write(path, bytes).unwrap();
    let file = File::open(path).unwrap();
    let metadata = file.metadata().unwrap();
    LogFile::regular(path.into(), file, &metadata).unwrap().0
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnedLine {
    pub(super) bytes: Vec<u8>,
    pub(super) offset: u64,
    pub(super) ending: Ending,
}

/// Lines and skipped NULs of a block.
pub(super) fn lines_of(block: &Block<'_>) -> (Vec<OwnedLine>, u64) {
    let mut lines = block.lines();
    let owned = lines.by_ref().map(|line| OwnedLine {
        bytes: line.bytes.to_vec(),
        offset: line.offset,
        ending: line.ending,
    });
    (owned.collect(), lines.nul_bytes())
}

/// The lines of the whole input, byte by byte.
pub(super) fn naive_lines(bytes: &[u8], limits: &Limits) -> (Vec<OwnedLine>, u64) {
    let nuls_at = |at: usize| bytes[at..].iter().take_while(|&&byte| byte == 0).count();
    let mut at = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let (mut lines, mut nuls) = (Vec::new(), 0);
    loop {
        nuls += nuls_at(at) as u64;
        at += nuls_at(at);
        if at == bytes.len() {
            return (lines, nuls);
        }
        let mut end = at;
        while end < bytes.len() && bytes[end] != b'\n' && nuls_at(end) < limits.nul_run_bytes {
            end += 1;
        }
        let mut ending = match bytes.get(end) {
            None => Ending::Input,
            Some(b'\n') => Ending::Newline,
            Some(_) => Ending::Broken,
        };
        let mut line = &bytes[at..end];
        if line.len() > limits.line_bytes {
            (line, ending) = (&line[..limits.line_bytes], Ending::OverLong);
        } else if ending != Ending::Broken {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        lines.push(OwnedLine { bytes: line.to_vec(), offset: at as u64, ending });
        at = (end + usize::from(bytes.get(end) == Some(&b'\n'))).min(bytes.len());
    }
}
