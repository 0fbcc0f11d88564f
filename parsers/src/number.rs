//! Numbers in logs, read in place up to the byte that is no part of them. Never guesses: overflow is an error.

use crate::cursor::Cursor;

/// A number that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooBig;

/// Digits. `-`, nothing and negative numbers (HAProxy's `-1`) are missing.
#[inline(always)]
pub(crate) fn count(cursor: &mut Cursor<'_>) -> Result<Option<u64>, TooBig> {
    let (value, length) = match cursor.digits() {
        Some((value, length)) => (Some(value), length),
        None => odd_count(cursor.rest())?,
    };
    cursor.take(length);
    Ok(value)
}

/// No digits or many, and the length of it all.
#[cold]
fn odd_count(rest: &[u8]) -> Result<(Option<u64>, usize), TooBig> {
    let sign = usize::from(rest.first() == Some(&b'-'));
    let length = sign + leading_digits(&rest[sign..]);
    let mut value: u64 = 0;
    for digit in &rest[sign..length] {
        value = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0'))).ok_or(TooBig)?;
    }
    Ok(((sign == 0 && length > 0).then_some(value), length))
}

/// Seconds with decimals, in microseconds; further decimals are dropped. `-` and nothing are missing.
#[inline(always)]
pub(crate) fn seconds(cursor: &mut Cursor<'_>) -> Result<Option<u64>, TooBig> {
    // nginx always writes three decimals.
    let Some((ms, length)) = cursor.thousandths() else {
        let (us, length) = odd_seconds(*cursor)?;
        cursor.take(length);
        return Ok(us);
    };
    cursor.take(length);
    Ok(Some(ms * 1_000))
}

/// Seconds in any other form, and their length.
#[inline(never)]
fn odd_seconds(mut cursor: Cursor<'_>) -> Result<(Option<u64>, usize), TooBig> {
    let before = cursor.rest().len();
    let whole = count(&mut cursor)?;
    let mut decimals_us = 0;
    if cursor.rest().first() == Some(&b'.') {
        cursor.take(1);
        let (us, length) = decimals(cursor.rest());
        cursor.take(length);
        decimals_us = us;
    }
    let us = match whole.map(|whole| whole.checked_mul(1_000_000)?.checked_add(decimals_us)) {
        Some(us) => Some(us.ok_or(TooBig)?),
        None => None,
    };
    Ok((us, before - cursor.rest().len()))
}

/// Decimals in microseconds, and their length.
fn decimals(rest: &[u8]) -> (u64, usize) {
    let length = leading_digits(rest);
    let six = rest[..length].iter().copied().chain(std::iter::repeat(b'0')).take(6);
    (six.fold(0, |value, digit| value * 10 + u64::from(digit - b'0')), length)
}

/// nginx's list of seconds, one per attempt: the sum of the known ones in microseconds.
#[inline(always)]
pub(crate) fn seconds_list(cursor: &mut Cursor<'_>) -> Result<Option<u64>, TooBig> {
    let first = seconds(cursor)?;
    if separator(cursor.rest()).is_none() {
        return Ok(first);
    }
    let (sum, length) = further_seconds(first, *cursor)?;
    cursor.take(length);
    Ok(sum)
}

/// The sum with the further elements of the list, and their length.
fn further_seconds(first: Option<u64>, mut cursor: Cursor<'_>) -> Result<(Option<u64>, usize), TooBig> {
    let (mut sum, before) = (first, cursor.rest().len());
    while let Some(separator) = separator(cursor.rest()) {
        cursor.take(separator.len());
        if let Some(us) = seconds(&mut cursor)? {
            sum = Some(sum.unwrap_or(0).checked_add(us).ok_or(TooBig)?);
        }
    }
    Ok((sum, before - cursor.rest().len()))
}

/// nginx's list of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AddressList<'l> {
    /// The last known one.
    pub(crate) last: Option<&'l [u8]>,
    /// Attempts after the first.
    pub(crate) retries: u32,
    /// Bytes of the whole list.
    pub(crate) length: usize,
}

/// A list whose elements end before `end`, a space or a comma.
pub(crate) fn address_list(rest: &[u8], end: u8) -> AddressList<'_> {
    let (mut last, mut retries, mut at) = (None, 0, 0);
    loop {
        let ends = |byte: &u8| matches!(byte, b' ' | b',') || *byte == end;
        let element = &rest[at..at + rest[at..].iter().position(ends).unwrap_or(rest.len() - at)];
        if !matches!(element, [] | [b'-']) {
            last = Some(element);
        }
        at += element.len();
        let Some(separator) = separator(&rest[at..]) else {
            return AddressList { last, retries, length: at };
        };
        retries += u32::from(separator == b", ");
        at += separator.len();
    }
}

/// The `, ` between attempts or the ` : ` of an internal redirect.
#[inline(always)]
fn separator(rest: &[u8]) -> Option<&'static [u8]> {
    match rest {
        [b',', b' ', ..] => Some(b", "),
        [b' ', b':', b' ', ..] => Some(b" : "),
        _ => None,
    }
}

/// Any number that nobody keeps: sign, digits and decimals.
#[inline(always)]
pub(crate) fn skip(cursor: &mut Cursor<'_>) {
    let length = match cursor.digits() {
        Some((_, length)) if cursor.rest().get(length) != Some(&b'.') => length,
        _ => odd_length(cursor.rest()),
    };
    cursor.take(length);
}

/// Numbers with slashes between them. `None` if there are not so many.
#[inline(always)]
pub(crate) fn skip_run(cursor: &mut Cursor<'_>, further: u8) -> Option<()> {
    skip(cursor);
    for _ in 0..further {
        cursor.take(1).filter(|slash| *slash == b"/")?;
        skip(cursor);
    }
    Some(())
}

#[cold]
fn odd_length(rest: &[u8]) -> usize {
    let sign = usize::from(matches!(rest, [b'-' | b'+', ..]));
    sign + rest[sign..].iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'.')).count()
}

fn leading_digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}
