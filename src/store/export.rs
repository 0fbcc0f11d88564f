//! The whole state as one JSON document, row by row: the same state always gives the same bytes. Reads nothing back.

use super::rollups::{self, verified};
use super::{Period, Store, StoreError, bans, gaps, schema, sources, streams};
use logstat_reports::text::printable;
use rusqlite::{Connection, Row};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A table, the statement that gives its rows in order, and a row as JSON.
type Section = (&'static str, &'static str, fn(&Row<'_>) -> rusqlite::Result<Value>);

/// Numbers of sources are left out: names say the same, and do not depend on the order in which sources were met.
const SECTIONS: [Section; 11] = [
    ("sources", "SELECT * FROM sources ORDER BY name", source),
    (
        "streams",
        "SELECT streams.*, name FROM streams JOIN sources ON sources.id = source ORDER BY streams.id",
        stream,
    ),
    ("periods", "SELECT * FROM periods ORDER BY start, span", period),
    (
        "rollups",
        "SELECT rollups.*, name FROM rollups JOIN sources ON sources.id = source ORDER BY start, span, name",
        rollup,
    ),
    (
        "counts",
        "SELECT counts.*, name FROM counts JOIN sources ON sources.id = source ORDER BY start, span, name, kind",
        count,
    ),
    ("events", "SELECT events.*, name FROM events JOIN sources ON sources.id = source ORDER BY name", events),
    ("gaps", "SELECT gaps.*, name FROM gaps JOIN sources ON sources.id = source ORDER BY gaps.id", gap),
    ("ban_memory", "SELECT * FROM ban_memory", ban_memory),
    ("ban_lanes", "SELECT * FROM ban_lanes ORDER BY id", ban_lane),
    ("ban_hits", "SELECT * FROM ban_hits ORDER BY hour, rule", ban_hits),
    ("ban_lists", "SELECT * FROM ban_lists ORDER BY path", ban_list),
];

impl Store {
    /// Writes everything that is kept, as it stands at one moment. Rollups, events and what decides bans are in hexadecimal, since only
    /// those who merge them know what is in them; so are hashes, which are too long for JSON's numbers.
    ///
    /// # Errors
    /// When the database cannot be read or is damaged, or `out` cannot be written.
    pub fn export(&self, out: &mut dyn Write) -> Result<(), StoreError> {
        let wrong = |error| self.wrong(error);
        let transaction = self.connection.unchecked_transaction().map_err(wrong)?;
        let marks = rollups::marks(&transaction).map_err(wrong)?;
        let mark = |hour: i64| (hour > i64::MIN).then_some(hour);
        let head = [
            ("schema", json!(schema::NEWEST)),
            ("node", json!(self.node)),
            ("rolled_up_before", json!(mark(marks.rolled_up_before))),
            ("expired_before", json!(mark(marks.expired_before))),
            ("events_generation", json!(self.events_generation()?)),
        ];
        let mut separator = "{\n";
        for (name, value) in head {
            put(out, format_args!("{separator}{}: {value}", json!(name)))?;
            separator = ",\n";
        }
        for section in &SECTIONS {
            self.section(out, &transaction, section)?;
        }
        put(out, format_args!("\n}}\n"))
    }

    fn section(
        &self,
        out: &mut dyn Write,
        connection: &Connection,
        (name, sql, row): &Section,
    ) -> Result<(), StoreError> {
        let wrong = |error| self.wrong(error);
        let mut statement = connection.prepare(sql).map_err(wrong)?;
        let mut rows = statement.query(()).map_err(wrong)?;
        put(out, format_args!(",\n{}: [", json!(name)))?;
        let mut separator = "\n";
        while let Some(next) = rows.next().map_err(wrong)? {
            put(out, format_args!("{separator}  {}", row(next).map_err(wrong)?))?;
            separator = ",\n";
        }
        put(out, format_args!("\n]"))
    }
}

fn put(out: &mut dyn Write, text: std::fmt::Arguments<'_>) -> Result<(), StoreError> {
    out.write_fmt(text).map_err(|error: io::Error| StoreError::Export { error })
}

fn source(row: &Row<'_>) -> rusqlite::Result<Value> {
    let source = sources::info(row)?;
    let gaps_left_out = rollups::unsigned(row, "gaps_left_out")?;
    Ok(json!({
        "name": source.name,
        "tier": source.tier,
        "node": source.node,
        "formats": source.formats,
        "gaps_left_out": gaps_left_out,
    }))
}

fn stream(row: &Row<'_>) -> rusqlite::Result<Value> {
    let stream = streams::stream(row)?;
    let print = &stream.fingerprint;
    Ok(json!({
        "id": stream.id,
        "source": stream.source,
        "device": stream.device,
        "inode": stream.inode,
        "path": path(&stream.path),
        "size": stream.size,
        "offset": stream.offset,
        "skipping": stream.skipping,
        "finished": stream.finished,
        "head_hash": hash(print.head_hash),
        "head_length": print.head_length,
        "tail_hash": hash(print.tail_hash),
        "chunks": print.chunks.iter().copied().map(hash).collect::<Vec<_>>(),
        "crc32": format!("{:08x}", print.crc32),
        "length": print.length,
        "seen_us": stream.seen_us,
        "last_us": stream.last_us,
    }))
}

fn period(row: &Row<'_>) -> rusqlite::Result<Value> {
    let generation = rollups::unsigned(row, "generation")?;
    let dirty: bool = row.get("dirty")?;
    Ok(json!({"period": name(row)?, "generation": generation, "dirty": dirty}))
}

fn rollup(row: &Row<'_>) -> rusqlite::Result<Value> {
    let bytes = verified("rollups", row)?;
    Ok(json!({"period": name(row)?, "source": row.get::<_, String>("name")?, "bytes": hex(&bytes)}))
}

fn count(row: &Row<'_>) -> rusqlite::Result<Value> {
    let count = rollups::unsigned(row, "count")?;
    let (source, kind): (String, String) = (row.get("name")?, row.get("kind")?);
    Ok(json!({"period": name(row)?, "source": source, "kind": kind, "count": count}))
}

fn events(row: &Row<'_>) -> rusqlite::Result<Value> {
    Ok(json!({"source": row.get::<_, String>("name")?, "bytes": hex(&verified("events", row)?)}))
}

fn gap(row: &Row<'_>) -> rusqlite::Result<Value> {
    let gap = gaps::gap(row)?;
    Ok(json!({
        "source": gap.source,
        "stream": gap.stream,
        "path": path(&gap.path),
        "offset": gap.offset,
        "unread_bytes": gap.unread_bytes,
        "why": gap.why,
        "found_us": gap.found_us,
    }))
}

fn ban_memory(row: &Row<'_>) -> rusqlite::Result<Value> {
    let generation = rollups::unsigned(row, "generation")?;
    Ok(json!({"generation": generation, "bytes": hex(&verified("ban_memory", row)?)}))
}

fn ban_lane(row: &Row<'_>) -> rusqlite::Result<Value> {
    let stream: i64 = row.get("stream")?;
    Ok(json!({"stream": stream, "bytes": hex(&verified("ban_lanes", row)?)}))
}

fn ban_hits(row: &Row<'_>) -> rusqlite::Result<Value> {
    let (hour, rule): (i64, String) = (row.get("hour")?, row.get("rule")?);
    Ok(json!({"hour": Period::hour(hour).to_string(), "rule": rule, "hits": rollups::unsigned(row, "hits")?}))
}

fn ban_list(row: &Row<'_>) -> rusqlite::Result<Value> {
    let list = bans::list(row)?;
    Ok(json!({
        "path": path(&list.path),
        "format": list.format,
        "basis": hash(list.basis),
        "settings": hash(list.settings),
        "digest": hash(list.digest),
        "written": hash(list.written),
        "entries": list.entries,
        "published_us": list.published_us,
        "next_end_us": list.next_end_us,
        "told": list.told,
    }))
}

fn name(row: &Row<'_>) -> rusqlite::Result<String> {
    rollups::period(row).map(|period| period.to_string())
}

fn path(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

fn hash(hash: u64) -> String {
    format!("{hash:016x}")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
