//! Statements over streams: how far each log was read, and by what it is recognised. Decides nothing about them.

use super::rollups::{checksum_of, unsigned, verify};
use super::sources::id_or_new;
use crate::source::identity::Fingerprint;
use crate::source::resume::KnownStream;
use rusqlite::{Connection, Row};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Every column but the number, in the order of `values`.
const COLUMNS: &str = "source, device, inode, path, size, offset, skipping, finished, head_hash, head_length, \
                       tail_hash, chunks, crc32, length, seen_us, last_us, checksum";

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<KnownStream>> {
    let mut statement = connection.prepare(
        "SELECT streams.*, name FROM streams JOIN sources ON sources.id = source ORDER BY streams.id",
    )?;
    statement.query_map((), stream)?.collect()
}

/// Stores a new stream under a number of its own.
pub(super) fn insert(connection: &Connection, stream: &KnownStream) -> rusqlite::Result<i64> {
    let sql = format!(
        "INSERT INTO streams ({COLUMNS})
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 0)"
    );
    put(connection, &sql, stream)?;
    let id = connection.last_insert_rowid();
    // The number is part of what the checksum covers.
    let checksum = checksum(&KnownStream { id, ..stream.clone() });
    connection.execute("UPDATE streams SET checksum = ?2 WHERE id = ?1", (id, checksum))?;
    Ok(id)
}

/// Stores what a stream has become; `false` when there is none of its number.
pub(super) fn update(connection: &Connection, stream: &KnownStream) -> rusqlite::Result<bool> {
    let sql = format!(
        "UPDATE streams SET ({COLUMNS}) =
        (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, {})
        WHERE id = {}",
        checksum(stream),
        stream.id
    );
    put(connection, &sql, stream).map(|changed| changed > 0)
}

fn put(connection: &Connection, sql: &str, stream: &KnownStream) -> rusqlite::Result<usize> {
    let print = &stream.fingerprint;
    let row = (
        id_or_new(connection, &stream.source)?,
        stream.device.cast_signed(),
        stream.inode.cast_signed(),
        stream.path.as_os_str().as_bytes(),
        stream.size.cast_signed(),
        stream.offset.cast_signed(),
        stream.skipping,
        stream.finished,
        print.head_hash.cast_signed(),
        print.head_length,
        print.tail_hash.cast_signed(),
        chunk_bytes(&print.chunks),
        print.crc32,
        print.length.cast_signed(),
        stream.seen_us,
        stream.last_us,
    );
    connection.execute(sql, row)
}

/// Forgets finished streams that were last seen before a time; gives how many.
pub(super) fn forget(connection: &Connection, seen_before_us: i64) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM streams WHERE finished AND seen_us < ?1", [seen_before_us])
}

pub(super) fn stream(row: &Row<'_>) -> rusqlite::Result<KnownStream> {
    let chunks: Vec<u8> = row.get("chunks")?;
    let fingerprint = Fingerprint {
        head_hash: unsigned(row, "head_hash")?,
        head_length: row.get("head_length")?,
        tail_hash: unsigned(row, "tail_hash")?,
        chunks: chunks.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect(),
        crc32: row.get("crc32")?,
        length: unsigned(row, "length")?,
    };
    let stream = KnownStream {
        id: row.get("id")?,
        source: row.get("name")?,
        device: unsigned(row, "device")?,
        inode: unsigned(row, "inode")?,
        path: OsString::from_vec(row.get("path")?).into(),
        size: unsigned(row, "size")?,
        offset: unsigned(row, "offset")?,
        skipping: row.get("skipping")?,
        finished: row.get("finished")?,
        fingerprint,
        seen_us: row.get("seen_us")?,
        last_us: row.get("last_us")?,
    };
    verify("streams", &covered(&stream), row.get("checksum")?)?;
    Ok(stream)
}

fn checksum(stream: &KnownStream) -> i64 {
    checksum_of(&covered(stream))
}

/// The stream as bytes. No two streams have the same.
fn covered(stream: &KnownStream) -> Vec<u8> {
    let print = &stream.fingerprint;
    let path = stream.path.as_os_str().as_bytes();
    let numbers = [
        stream.id.cast_unsigned(),
        stream.device,
        stream.inode,
        stream.size,
        stream.offset,
        u64::from(stream.skipping),
        u64::from(stream.finished),
        print.head_hash,
        u64::from(print.head_length),
        print.tail_hash,
        u64::from(print.crc32),
        print.length,
        stream.seen_us.cast_unsigned(),
        u64::from(stream.last_us.is_some()),
        stream.last_us.unwrap_or(0).cast_unsigned(),
        stream.source.len() as u64,
        path.len() as u64,
    ];
    [chunk_bytes(&numbers).as_slice(), stream.source.as_bytes(), path, &chunk_bytes(&print.chunks)].concat()
}

fn chunk_bytes(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}
