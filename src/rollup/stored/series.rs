//! What a series adds up to, as columns. Merges nothing.

use super::HOUR_S;
use super::bytes::{Column, DecodeError, Reader, Writer};
use crate::rollup::cells::{Cell, CellKind};
use crate::rollup::series::Sums;
use crate::rollup::sketch::Sketch;
use crate::rollup::{Aggregate, SeriesKey};
use std::collections::BTreeMap;

/// Series of an hour, as in `RollupOptions`, and `(other)`.
pub(super) const SERIES: usize = 1000;
/// A name is five parts of up to 255 bytes, with two bytes before each.
const NAME_LIMIT: usize = 5 * 257;
/// Sums of a series: nine, the failures, and four of each time.
const SUMS: usize = 9 + 4 + 4 * 5;

/// Writes every series, by name.
pub(super) fn write_all(writer: &mut Writer, series: &BTreeMap<SeriesKey, Aggregate>) {
    writer.number(Column::Shape, series.len() as u64);
    for (name, aggregate) in series {
        writer.text(name.as_bytes());
        write(writer, aggregate);
    }
}

/// Reads what [`write_all`] wrote.
pub(super) fn read_all(reader: &mut Reader<'_>) -> Result<BTreeMap<SeriesKey, Aggregate>, DecodeError> {
    let mut all = BTreeMap::new();
    for _ in 0..reader.length(Column::Shape, SERIES + 1)? {
        let name = SeriesKey::parse(reader.text(NAME_LIMIT)?);
        let name = name.ok_or(DecodeError::Impossible("no name of a series"))?;
        if all.last_key_value().is_some_and(|(last, _)| *last >= name) {
            return Err(DecodeError::Impossible("series are not in order"));
        }
        all.insert(name, read(reader)?);
    }
    Ok(all)
}

fn write(writer: &mut Writer, aggregate: &Aggregate) {
    write_sums(writer, &aggregate.sums);
    for kind in CellKind::ALL {
        write_cells(writer, kind, aggregate);
    }
    write_sketch(writer, &aggregate.sketch);
    write_peak(writer, aggregate.peak);
}

fn read(reader: &mut Reader<'_>) -> Result<Aggregate, DecodeError> {
    let mut aggregate = Aggregate { sums: read_sums(reader)?, ..Aggregate::default() };
    for kind in CellKind::ALL {
        read_cells(reader, kind, &mut aggregate.cells)?;
    }
    let with_status: u64 = aggregate.counts(CellKind::Status).map(|(_, count)| count).sum();
    if with_status > aggregate.sums.requests {
        return Err(DecodeError::Impossible("more statuses than requests"));
    }
    aggregate.sketch = read_sketch(reader)?;
    aggregate.peak = read_peak(reader)?;
    Ok(aggregate)
}

/// Which of the sums are not 0, then those.
fn write_sums(writer: &mut Writer, sums: &Sums) {
    let mut sums = *sums;
    let all = fields(&mut sums);
    let used = (0..).zip(&all).filter(|(_, (sum, _))| **sum > 0).fold(0, |bits, (at, _)| bits | 1u64 << at);
    writer.number(Column::Shape, used);
    all.iter().filter(|(sum, _)| **sum > 0).for_each(|(sum, _)| writer.number(Column::Sums, **sum));
}

fn read_sums(reader: &mut Reader<'_>) -> Result<Sums, DecodeError> {
    let used = reader.number(Column::Shape)?;
    let mut sums = Sums::default();
    for (at, (sum, saturates)) in (0..).zip(fields(&mut sums)) {
        if used >> at & 1 == 1 {
            *sum = if saturates { reader.number(Column::Sums)? } else { reader.count(Column::Sums)? };
        }
    }
    if used >> SUMS == 0 { Ok(sums) } else { Err(DecodeError::Impossible("an unknown sum")) }
}

/// Every sum, and whether it saturates instead of being bounded as a count. The order is part of the stored form.
fn fields(sums: &mut Sums) -> [(&mut u64, bool); SUMS] {
    let Sums {
        requests,
        bytes_sent,
        bytes_n,
        retries,
        retries_n,
        redispatches,
        clients_n,
        bot_requests,
        user_agents_n,
        failures,
        timings,
    } = sums;
    let counts =
        [requests, bytes_n, retries_n, redispatches, clients_n, bot_requests, user_agents_n, retries];
    let mut all = counts.into_iter().chain(failures).map(|sum| (sum, false)).collect::<Vec<_>>();
    all.push((bytes_sent, true));
    for timing in timings {
        let counts = [(&mut timing.n, false), (&mut timing.sub_ms, false)];
        all.extend(counts.into_iter().chain([(&mut timing.sum_us, true), (&mut timing.max_us, true)]));
    }
    all.try_into().unwrap_or_else(|_| unreachable!("{SUMS} are listed"))
}

const fn columns(kind: CellKind) -> (Column, Column) {
    match kind {
        CellKind::Latency | CellKind::Upstream | CellKind::Queue | CellKind::Connect | CellKind::Response => {
            (Column::Buckets, Column::BucketCounts)
        }
        CellKind::Second => (Column::Seconds, Column::SecondCounts),
        CellKind::Status | CellKind::Termination | CellKind::Cache => (Column::States, Column::StateCounts),
    }
}

/// Values as distances, counts less one: neither is ever 0.
fn write_cells(writer: &mut Writer, kind: CellKind, aggregate: &Aggregate) {
    let (values, counts) = columns(kind);
    writer.number(Column::Shape, aggregate.counts(kind).count() as u64);
    let mut next = 0;
    for (value, count) in aggregate.counts(kind) {
        writer.number(values, u64::from(value - next));
        writer.number(counts, count - 1);
        next = value + 1;
    }
}

fn read_cells(
    reader: &mut Reader<'_>,
    kind: CellKind,
    cells: &mut Vec<(Cell, u64)>,
) -> Result<(), DecodeError> {
    let (values, counts) = columns(kind);
    let mut next = 0u64;
    for _ in 0..reader.length(Column::Shape, Cell::VALUES as usize)? {
        let value = next.checked_add(reader.number(values)?).filter(|value| *value < u64::from(Cell::VALUES));
        let value = value.ok_or(DecodeError::Impossible("a cell is too large"))?;
        if kind == CellKind::Second && value >= HOUR_S as u64 {
            return Err(DecodeError::Impossible("an hour has no such second"));
        }
        cells.push((Cell::new(kind, value as u32), reader.count(counts)? + 1));
        next = value + 1;
    }
    Ok(())
}

/// Few registers as distances and ranks, many as the ranks of all.
fn write_sketch(writer: &mut Writer, sketch: &Sketch) {
    let (mut used, mut next) = (0, 0);
    match sketch {
        Sketch::Dense(ranks) => {
            used = Sketch::REGISTERS;
            writer.bytes(Column::Ranks, &ranks[..]);
        }
        Sketch::Sparse(list) => {
            for &(index, rank) in list {
                writer.number(Column::Registers, u64::from(index - next));
                writer.number(Column::Ranks, u64::from(rank));
                (used, next) = (used + 1, index + 1);
            }
        }
    }
    writer.number(Column::Shape, used as u64);
}

fn read_sketch(reader: &mut Reader<'_>) -> Result<Sketch, DecodeError> {
    let wrong = DecodeError::Impossible("no such sketch");
    let used = reader.length(Column::Shape, Sketch::REGISTERS)?;
    if used == Sketch::REGISTERS {
        let ranks = reader.bytes(Column::Ranks, used)?;
        return Sketch::of_ranks(ranks).ok_or(wrong);
    }
    let (mut list, mut next) = (Vec::with_capacity(used.min(Sketch::SPARSE_LIMIT)), 0u64);
    for _ in 0..used {
        let index = next.checked_add(reader.number(Column::Registers)?).ok_or(wrong)?;
        let rank = reader.bytes(Column::Ranks, 1)?[0];
        let index = u16::try_from(index).map_err(|_| wrong)?;
        list.push((index, rank));
        next = u64::from(index) + 1;
    }
    Sketch::of_list(list).ok_or(wrong)
}

/// The busiest second, of days only.
pub(super) fn write_peak(writer: &mut Writer, peak: Option<(u64, i64)>) {
    writer.number(Column::Shape, peak.map_or(0, |(requests, _)| requests));
    if let Some((_, second)) = peak {
        writer.signed(Column::Shape, second);
    }
}

/// Reads what [`write_peak`] wrote.
pub(super) fn read_peak(reader: &mut Reader<'_>) -> Result<Option<(u64, i64)>, DecodeError> {
    match reader.count(Column::Shape)? {
        0 => Ok(None),
        requests => Ok(Some((requests, reader.signed(Column::Shape)?))),
    }
}
