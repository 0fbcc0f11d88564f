//! The state of reading as JSON, for machines: times in RFC 3339 and UTC, sizes in bytes. Decides nothing.

use super::{Next, SourceStatus, Status, StreamStatus, Unread};
use crate::source::resume::CopyOf;
use crate::store::Gap;
use jiff::Timestamp;
use logstat_reports::text::printable;
use serde_json::{Value, json};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A document with a line end behind it.
#[must_use]
pub fn render(status: &Status) -> String {
    let kept = &status.kept;
    let document = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": status.now.to_string(),
        "state": path(&status.dir),
        "node": status.node,
        "writer": status.writer,
        "checked": status.checked,
        "hours": kept.hours,
        "days": kept.days,
        "oldest": kept.oldest.and_then(hour),
        "newest": kept.newest.and_then(hour),
        "unpublished": kept.unpublished,
        "database_bytes": kept.database_bytes,
        "published_files": kept.published.files,
        "published_bytes": kept.published.bytes,
        "sources": status.sources.iter().map(source).collect::<Vec<_>>(),
        "gaps": status.gaps.iter().map(gap).collect::<Vec<_>>(),
        "gaps_left_out": status.gaps_left_out,
        "problems": status.problems,
    });
    format!("{document:#}\n")
}

fn source(source: &SourceStatus) -> Value {
    json!({
        "name": source.info.name,
        "tier": source.info.tier,
        "node": source.info.node,
        "formats": source.info.formats,
        "streams": source.streams.iter().map(stream).collect::<Vec<_>>(),
        "finished": {"streams": source.finished.streams, "bytes": source.finished.bytes},
        "next": source.next.as_ref().map(next),
    })
}

fn stream(stream: &StreamStatus) -> Value {
    let known = &stream.known;
    let (unread, packed, gone) = match stream.unread {
        Unread::Bytes(bytes) => (Some(bytes), None, false),
        Unread::Packed(bytes) => (None, Some(bytes), false),
        Unread::Gone(bytes) => (Some(bytes), None, true),
    };
    json!({
        "id": known.id,
        "path": path(&stream.path),
        "offset": known.offset,
        "unread_bytes": unread,
        "unread_packed_bytes": packed,
        "gone": gone,
        "finished": known.finished,
        "inside_line": known.skipping,
        "last_request": known.last_us.and_then(instant),
        "seen": instant(known.seen_us),
    })
}

fn next(next: &Next) -> Value {
    let new = |(file, unread): &(PathBuf, Unread)| {
        let (bytes, is_packed) = match *unread {
            Unread::Packed(bytes) => (bytes, true),
            Unread::Bytes(bytes) | Unread::Gone(bytes) => (bytes, false),
        };
        json!({"path": path(file), "bytes": bytes, "packed": is_packed})
    };
    let copy = |copy: &CopyOf| json!({"path": path(&copy.path), "of": copy.of.as_deref().map(path)});
    let waiting = |(file, error): &(PathBuf, String)| json!({"path": path(file), "error": error});
    let lost = next.lost.iter().map(
        |gap| json!({"path": path(&gap.path), "unread_bytes": gap.unread_bytes, "why": gap.why.to_string()}),
    );
    json!({
        "new": next.new.iter().map(new).collect::<Vec<_>>(),
        "copies": next.copies.iter().map(copy).collect::<Vec<_>>(),
        "waiting": next.waiting.iter().map(waiting).collect::<Vec<_>>(),
        "lost": lost.collect::<Vec<_>>(),
    })
}

fn gap(gap: &Gap) -> Value {
    json!({
        "source": gap.source,
        "path": path(&gap.path),
        "offset": gap.offset,
        "unread_bytes": gap.unread_bytes,
        "why": gap.why,
        "found": instant(gap.found_us),
    })
}

fn path(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

fn instant(us: i64) -> Option<String> {
    Timestamp::from_microsecond(us).ok().map(|instant| instant.to_string())
}

fn hour(hour: i64) -> Option<String> {
    Timestamp::from_second(hour.checked_mul(3600)?).ok().map(|instant| instant.to_string())
}
