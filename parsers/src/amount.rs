//! Reads the numbers of a line: counts, times and statuses, each into its field. Knows nothing of texts.
//!
//! The usual form of each is read first, without a call and into registers; any other form by `read`, out of the way.

use crate::cursor::Cursor;
use crate::format::Format;
use crate::number;
use crate::parser::{Draft, Stop};
use crate::record::{Record, RejectKind};
use crate::step::{End, Step, Unit};
use crate::value::{Next, read};

/// A number that nobody keeps.
#[inline(never)]
pub(crate) fn skip_number<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
) -> Next<'l> {
    if let Some((length @ 1.., end)) = at.number_length()
        && end != b'.'
    {
        return at.behind(length);
    }
    read(at, draft, move |at, _| {
        let before = *at;
        number::skip(at);
        present_or_missing(format, before, *at, &step.end)
    })
}

/// Several numbers that nobody keeps.
#[inline(never)]
pub(crate) fn skip_numbers<'l>(further: u8, at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
    if let Some(next) = number::skip_plain_run(at, further) {
        return Some(next);
    }
    read(at, draft, move |at, _| number::skip_run(at, further).ok_or(Stop::new(RejectKind::Number, *at)))
}

/// Where a number is kept.
pub(crate) trait Slot<'l>: for<'r> Fn(&'r mut Record<'l>) -> &'r mut Option<u64> {}
impl<'l, S: for<'r> Fn(&'r mut Record<'l>) -> &'r mut Option<u64>> Slot<'l> for S {}

/// A number in its usual form with its length, else in any form.
#[inline(always)]
fn number_step<'l>(
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
    slot: impl Slot<'l>,
    usual: Option<(u64, usize)>,
    any: impl FnOnce(&mut Cursor<'l>) -> Result<Option<u64>, Stop>,
) -> Next<'l> {
    if let Some((number, length)) = usual {
        *slot(draft.record) = Some(number);
        return at.behind(length);
    }
    read(at, draft, move |at, draft| {
        *slot(draft.record) = any(at)?;
        Ok(())
    })
}

/// A count.
#[inline(never)]
pub(crate) fn count_step<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
    slot: impl Slot<'l>,
) -> Next<'l> {
    number_step(at, draft, slot, at.digits(), |at| count(format, step, at))
}

/// HAProxy's milliseconds.
#[inline(never)]
pub(crate) fn millis_step<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
    slot: impl Slot<'l>,
) -> Next<'l> {
    let usual = at.digits().map(|(ms, length)| (ms * 1_000, length));
    number_step(at, draft, slot, usual, |at| millis(format, step, at))
}

/// Seconds with decimals.
#[inline(never)]
pub(crate) fn seconds_step<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
    slot: impl Slot<'l>,
) -> Next<'l> {
    let usual = at.thousandths().map(|(ms, length)| (ms * 1_000, length));
    number_step(at, draft, slot, usual, |at| seconds(format, step, at))
}

/// nginx's list of seconds, one per attempt: their sum.
#[inline(never)]
pub(crate) fn list_step<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
    slot: impl Slot<'l>,
) -> Next<'l> {
    if let Some((ms, length)) = at.thousandths()
        && let Some(next) = at.behind(length)
        && !number::list_goes_on(next.rest())
    {
        *slot(draft.record) = Some(ms * 1_000);
        return Some(next);
    }
    if matches!(at.rest(), [b'-'] | [b'-', b'"', ..]) {
        return at.behind(1);
    }
    read(at, draft, move |at, draft| {
        *slot(draft.record) = seconds_list(format, step, at)?;
        Ok(())
    })
}

/// `$msec`, or HAProxy's `%Ts`.
#[inline(always)]
pub(crate) fn epoch(
    format: &Format,
    step: &Step,
    cursor: &mut Cursor<'_>,
    draft: &mut Draft<'_, '_>,
) -> Result<(), Stop> {
    let no_date = Stop::new(RejectKind::Date, *cursor);
    let us = seconds(format, step, cursor)?.and_then(|us| i64::try_from(us).ok());
    draft.date_us = Some(us.ok_or(no_date)?);
    Ok(())
}

/// Whole units since 1970.
#[inline(never)]
pub(crate) fn epoch_units<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
    unit: Unit,
) -> Next<'l> {
    read(at, draft, move |at, draft| {
        let no_date = Stop::new(RejectKind::Date, *at);
        let us = count(format, step, at)?.and_then(|units| units.checked_mul(unit.micros()));
        draft.date_us = Some(us.and_then(|us| i64::try_from(us).ok()).ok_or(no_date)?);
        Ok(())
    })
}

/// Seconds since 1970 in hexadecimal digits, at most eight.
#[inline(never)]
pub(crate) fn hex_epoch<'l>(at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
    read(at, draft, move |at, draft| {
        let no_date = Stop::new(RejectKind::Date, *at);
        let length = at.rest().iter().take(9).take_while(|byte| byte.is_ascii_hexdigit()).count();
        let text = at.take(length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
        let seconds = u32::from_str_radix(text, 16).map_err(|_| no_date)?;
        draft.date_us = Some(i64::from(seconds) * 1_000_000);
        Ok(())
    })
}

/// A duration in whole units: the latency, and what leads from the logged start to the end.
#[inline(never)]
pub(crate) fn elapsed<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
    unit: Unit,
    (latency, elapsed): (bool, bool),
) -> Next<'l> {
    read(at, draft, move |at, draft| {
        let too_big = Stop::new(RejectKind::Number, *at);
        let us = count(format, step, at)?
            .map(|units| units.checked_mul(unit.micros()).ok_or(too_big))
            .transpose()?;
        if latency {
            draft.record.latency_us = us;
        }
        if elapsed {
            draft.elapsed_us = us.unwrap_or(0);
        }
        Ok(())
    })
}

/// Apache's `%b`: the documentation says that its dash is how the Common Log Format writes 0, so it is not missing.
#[inline(never)]
pub(crate) fn clf_bytes<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
) -> Next<'l> {
    if let [b'-', rest @ ..] = at.rest()
        && !rest.first().is_some_and(u8::is_ascii_digit)
    {
        draft.record.bytes_sent = Some(0);
        return at.behind(1);
    }
    count_step(format, step, at, draft, |record| &mut record.bytes_sent)
}

/// HAProxy's total time: the latency, and what leads from the logged start to the end.
#[inline(never)]
pub(crate) fn total<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
    latency: bool,
    elapsed: bool,
) -> Next<'l> {
    let keep = |draft: &mut Draft<'_, 'l>, us: Option<u64>| {
        if latency {
            draft.record.latency_us = us;
        }
        if elapsed {
            draft.elapsed_us = us.unwrap_or(0);
        }
    };
    if let Some((ms, length)) = at.digits() {
        keep(draft, Some(ms * 1_000));
        return at.behind(length);
    }
    read(at, draft, move |at, draft| {
        keep(draft, millis(format, step, at)?);
        Ok(())
    })
}

/// HAProxy's retries, behind a `+` if the last one went to another server.
#[inline(never)]
pub(crate) fn retries<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
) -> Next<'l> {
    if let Some((retries, length)) = at.digits() {
        // Seven digits fit.
        draft.record.retries = Some(retries as u32);
        return at.behind(length);
    }
    read(at, draft, move |at, draft| {
        draft.record.redispatched = at.rest().first() == Some(&b'+');
        let retries = count(format, step, at)?;
        draft.record.retries = retries.and_then(|retries| u32::try_from(retries).ok());
        Ok(())
    })
}

/// nginx's status, always three digits.
#[inline(never)]
pub(crate) fn status<'l>(at: Cursor<'l>, draft: &mut Draft<'_, 'l>) -> Next<'l> {
    if let Some(status) = at.three_digits() {
        draft.record.status = Some(status);
        return at.behind(3);
    }
    read(at, draft, move |at, _| match at.rest() {
        [b'-', ..] => at.take(1).map(|_| ()).ok_or(Stop::cut()),
        rest if rest.len() < 3 => Err(Stop::cut()),
        _ => Err(Stop::new(RejectKind::Status, *at)),
    })
}

/// HAProxy's status: `-1`, or `0` outside HTTP, where there was none.
#[inline(never)]
pub(crate) fn proxy_status<'l>(
    format: &Format,
    step: &Step,
    at: Cursor<'l>,
    draft: &mut Draft<'_, 'l>,
) -> Next<'l> {
    if let Some(status @ 100..) = at.three_digits()
        && at.rest().get(3) == Some(&b' ')
    {
        draft.record.status = Some(status);
        return at.behind(3);
    }
    read(at, draft, move |at, draft| {
        let no_status = Stop::new(RejectKind::Status, *at);
        // HAProxy writes no zeros in front: this is a session of `tcplog clf`, which has one field less.
        if at.rest().starts_with(b"000") {
            return Err(no_status);
        }
        draft.record.status = match count(format, step, at)? {
            None | Some(0) => None,
            Some(status @ 100..=999) => u16::try_from(status).ok(),
            Some(_) => return Err(no_status),
        };
        Ok(())
    })
}

/// Seconds as nginx writes them, with three decimals, or in any other form.
#[inline(always)]
fn seconds(format: &Format, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
    if let Some((ms, length)) = cursor.thousandths() {
        cursor.take(length);
        return Ok(Some(ms * 1_000));
    }
    let (us, length) = odd(format, number::odd_seconds, step, *cursor)?;
    cursor.take(length);
    Ok(us)
}

#[inline(always)]
fn seconds_list(format: &Format, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
    let first = seconds(format, step, cursor)?;
    if !number::list_goes_on(cursor.rest()) {
        return Ok(first);
    }
    let (sum, length) = odd(format, |rest| number::further_seconds(first, rest), step, *cursor)?;
    cursor.take(length);
    Ok(sum)
}

#[inline(always)]
fn count(format: &Format, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
    let (number, length) = odd(format, number::odd_count, step, *cursor)?;
    cursor.take(length);
    Ok(number)
}

/// HAProxy's milliseconds, in microseconds.
#[inline(always)]
fn millis(format: &Format, step: &Step, cursor: &mut Cursor<'_>) -> Result<Option<u64>, Stop> {
    Ok(count(format, step, cursor)?.and_then(|ms| ms.checked_mul(1_000)))
}

/// A number in a form that is not the usual one, and its length.
#[cold]
fn odd(
    format: &Format,
    read: impl FnOnce(&[u8]) -> Result<(Option<u64>, usize), number::TooBig>,
    step: &Step,
    before: Cursor<'_>,
) -> Result<(Option<u64>, usize), Stop> {
    let (value, length) = read(before.rest()).map_err(|_| Stop::new(RejectKind::Number, before))?;
    let mut after = before;
    after.take(length);
    present_or_missing(format, before, after, &step.end)?;
    Ok((value, length))
}

/// A missing number is nothing at all where no dash stands for it: then what should follow it has to be here.
#[inline(always)]
fn present_or_missing(format: &Format, before: Cursor<'_>, after: Cursor<'_>, end: &End) -> Result<(), Stop> {
    if after.rest().len() < before.rest().len() {
        return Ok(());
    }
    match before.rest() {
        [] if format.dash_is_missing => Err(Stop::cut()),
        [] => Ok(()),
        [next, ..] if *next == end.byte() => Ok(()),
        _ => Err(Stop::new(RejectKind::Number, before)),
    }
}
