//! A cheap look at the first or last bytes of a log. Never reads on from there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::cut::leading_nuls;
use super::decompress::Decompressor;
use super::{LogFile, ReadError};

/// The first `length` bytes of the unpacked log, or all there are, without the NULs that a hole at its start
/// shows. A pipe gives again what was taken from it when it was discovered, and nothing is lost to its reader.
///
/// # Errors
/// When not even one byte can be read.
pub fn head(log: &LogFile, length: usize) -> Result<Vec<u8>, ReadError> {
    let mut input = Decompressor::peek(log)?;
    let (mut bytes, mut filled) = (vec![0; length], 0);
    while filled < length {
        match input.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            // The break is reported when the log is read.
            Err(_) if filled > 0 || log.is_pipe() => break,
            Err(error) => return Err(error),
        }
        let nuls = leading_nuls(&bytes[..filled]);
        bytes.copy_within(nuls..filled, 0);
        filled -= nuls;
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The last whole lines among the last `length` bytes of an uncompressed file, without the NULs that a crash
/// left behind them. `None` for other files, and when no line starts there.
///
/// # Errors
/// [`ReadError::Open`] and [`ReadError::Io`].
pub fn tail(log: &LogFile, length: usize) -> Result<Option<Vec<u8>>, ReadError> {
    if !log.is_plain() {
        return Ok(None);
    }
    let path = log.path();
    let file = File::open(path).map_err(|source| ReadError::Open { path: path.into(), source })?;
    let size = file.metadata().map_or(log.size(), |metadata| metadata.len());
    // One byte more: is it a newline?
    let start = size.saturating_sub(length as u64 + 1);
    let mut bytes = vec![0; usize::try_from(size - start).unwrap_or(length)];
    match file.read_exact_at(&mut bytes, start) {
        Ok(()) => {}
        // It shrank while we looked.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(source) => return Err(ReadError::Io { path: path.into(), position: start, source }),
    }
    if start > 0 {
        let Some(newline) = memchr::memchr(b'\n', &bytes) else { return Ok(None) };
        bytes.drain(..=newline);
    }
    bytes.truncate(bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1));
    Ok((!bytes.is_empty()).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PACKED, log_file, log_lines, pack};
    use super::*;

    #[test]
    fn a_head_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let text = log_lines(2000);
        for packed in PACKED.map(|compression| pack(compression, &text)).iter().chain([&text]) {
            let log = log_file(&folder.path().join("a.log"), packed);
            assert_eq!(head(&log, 1000).unwrap(), text[..1000]);
            assert_eq!(head(&log, 1 << 20).unwrap(), text);
        }
    }

    #[test]
    fn a_head_begins_behind_a_hole() {
        let folder = tempfile::tempdir().unwrap();
        let log =
            log_file(&folder.path().join("a.log"), &[vec![0; 100_000], b"one\ntwo\n".to_vec()].concat());
        assert_eq!(head(&log, 6).unwrap(), b"one\ntw");
    }

    #[test]
    fn a_broken_head_gives_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let packed = pack(super::super::Compression::Gzip, &log_lines(2000));
        let log = log_file(&folder.path().join("a.log.gz"), &packed[..packed.len() / 2]);
        assert!(log_lines(2000).starts_with(&head(&log, 1 << 20).unwrap()));
        assert!(head(&log, 1 << 20).unwrap().len() > 1000);
        let log = log_file(&folder.path().join("a.log.gz"), &packed[..12]);
        assert!(matches!(head(&log, 100), Err(ReadError::Truncated { position: 12, .. })));
    }

    #[test]
    fn a_tail_begins_at_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let tail_of =
            |bytes: &[u8], length| tail(&log_file(&folder.path().join("a.log"), bytes), length).unwrap();
        assert_eq!(tail_of(b"one\ntwo\nthree\n", 8).unwrap(), b"three\n");
        assert_eq!(tail_of(b"one\ntwo\nthree\n", 10).unwrap(), b"two\nthree\n");
        assert_eq!(tail_of(b"one\ntwo\nthree\n", 9).unwrap(), b"three\n");
        assert_eq!(tail_of(b"one\ntwo\nthree\n", 14).unwrap(), b"one\ntwo\nthree\n");
        assert_eq!(tail_of(b"one\ntwo", 100).unwrap(), b"one\ntwo");
        assert_eq!(tail_of(b"one\ntwo\n\0\0\0", 8).unwrap(), b"two\n");
        assert_eq!(tail_of(b"one long line\n", 5), None);
        assert_eq!(tail_of(&[0; 100], 50), None);
        assert_eq!(tail_of(b"", 50), None);
        assert_eq!(tail_of(&pack(super::super::Compression::Gzip, b"one\n"), 50), None);
    }
}
