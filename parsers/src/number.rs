//! Numbers in logs, read in place up to the byte that is no part of them. Never guesses: overflow is an error.

use crate::cursor::Cursor;

/// A number that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooBig;

/// Digits next that are no plain short number, and the length of it all. A `+` in front is dropped: HAProxy puts it where
/// a number went on growing after the line was written. `-`, nothing and negative numbers (`-1`) are missing.
#[cold]
pub(crate) fn odd_count(rest: &[u8]) -> Result<(Option<u64>, usize), TooBig> {
    let sign = usize::from(matches!(rest.first(), Some(b'-' | b'+')));
    let length = sign + leading_digits(&rest[sign..]);
    let mut value: u64 = 0;
    for digit in &rest[sign..length] {
        value = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0'))).ok_or(TooBig)?;
    }
    let missing = length == sign || rest.first() == Some(&b'-');
    Ok(((!missing).then_some(value), length))
}

/// Seconds with decimals, in microseconds, and their length; further decimals are dropped. `-` and nothing are missing.
#[cold]
pub(crate) fn odd_seconds(rest: &[u8]) -> Result<(Option<u64>, usize), TooBig> {
    let (whole, mut length) = odd_count(rest)?;
    let mut decimals_us = 0;
    if rest.get(length) == Some(&b'.') {
        let (us, decimals_length) = decimals(&rest[length + 1..]);
        decimals_us = us;
        length += 1 + decimals_length;
    }
    let Some(whole) = whole else { return Ok((None, length)) };
    let us = whole.checked_mul(1_000_000).and_then(|us| us.checked_add(decimals_us));
    Ok((Some(us.ok_or(TooBig)?), length))
}

/// Decimals in microseconds, and their length.
fn decimals(rest: &[u8]) -> (u64, usize) {
    let length = leading_digits(rest);
    let six = rest[..length].iter().copied().chain(std::iter::repeat(b'0')).take(6);
    (six.fold(0, |value, digit| value * 10 + u64::from(digit - b'0')), length)
}

/// A decimal number, perhaps with an exponent (`1.6e9`), times ten to the `power`, and its length; what remains behind
/// the point is dropped. Negative numbers are missing. The length is 0 where there are no digits.
pub(crate) fn scaled(rest: &[u8], power: i8) -> Result<(Option<u64>, usize), TooBig> {
    let sign = usize::from(matches!(rest.first(), Some(b'-' | b'+')));
    let whole = &rest[sign..sign + leading_digits(&rest[sign..])];
    let mut length = sign + whole.len();
    let mut decimals: &[u8] = &[];
    if let [b'.', after @ ..] = &rest[length..] {
        decimals = &after[..leading_digits(after)];
        length += 1 + decimals.len();
    }
    if whole.is_empty() && decimals.is_empty() {
        return Ok((None, 0));
    }
    let (exponent, exponent_length) = exponent(&rest[length..]);
    length += exponent_length;
    if rest.first() == Some(&b'-') {
        return Ok((None, length));
    }
    let kept = isize::try_from(whole.len()).map_err(|_| TooBig)? + isize::from(power) + exponent;
    let digits = whole.iter().chain(decimals).chain(std::iter::repeat(&b'0'));
    let mut value: u64 = 0;
    for digit in digits.take(usize::try_from(kept).unwrap_or(0)) {
        value = value.checked_mul(10).and_then(|v| v.checked_add(u64::from(digit - b'0'))).ok_or(TooBig)?;
    }
    Ok((Some(value), length))
}

/// `e9`, `E+09` or nothing, and its length. Beyond what any number needs it stays at this limit, so that work stays small.
fn exponent(rest: &[u8]) -> (isize, usize) {
    const MOST: isize = 1_000;
    let [b'e' | b'E', after @ ..] = rest else { return (0, 0) };
    let sign = usize::from(matches!(after.first(), Some(b'-' | b'+')));
    let digits = &after[sign..sign + leading_digits(&after[sign..])];
    if digits.is_empty() {
        return (0, 0);
    }
    let size = digits.iter().fold(0, |size, digit| (size * 10 + isize::from(digit - b'0')).min(MOST));
    (if after.first() == Some(&b'-') { -size } else { size }, 1 + sign + digits.len())
}

/// A number since 1970 as microseconds: its size tells whether it counts seconds (until the year 5138), milliseconds,
/// microseconds or nanoseconds (each from 1973 on).
pub(crate) fn epoch_us(text: &[u8]) -> Option<i64> {
    let (count, length) = scaled(text, 0).ok()?;
    let power = match count.filter(|_| length == text.len())? {
        0..100_000_000_000 => 6,
        100_000_000_000..100_000_000_000_000 => 3,
        100_000_000_000_000..100_000_000_000_000_000 => 0,
        _ => -3,
    };
    scaled(text, power).ok()?.0?.try_into().ok()
}

/// The further elements of nginx's list of seconds, one per attempt: the sum of all that are known, in microseconds, and
/// the length of the further ones.
pub(crate) fn further_seconds(first: Option<u64>, rest: &[u8]) -> Result<(Option<u64>, usize), TooBig> {
    let (mut sum, mut at) = (first, 0);
    while let Some(separator) = separator(&rest[at..]) {
        at += separator.len();
        let (us, length) = odd_seconds(&rest[at..])?;
        at += length;
        if let Some(us) = us {
            sum = Some(sum.unwrap_or(0).checked_add(us).ok_or(TooBig)?);
        }
    }
    Ok((sum, at))
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

/// Whether another element follows in a list.
#[inline(always)]
pub(crate) fn list_goes_on(rest: &[u8]) -> bool {
    matches!(rest, [b',', ..] | [b' ', b':', ..])
}

/// Any number that nobody keeps: sign, digits and decimals.
#[inline(always)]
pub(crate) fn skip(cursor: &mut Cursor<'_>) {
    let length = match cursor.number_length() {
        Some((length @ 1.., end)) if end != b'.' => length,
        _ => odd_length(cursor.rest()),
    };
    cursor.take(length);
}

/// The same, if all are short and nothing but digits.
#[inline(always)]
pub(crate) fn skip_plain_run(mut cursor: Cursor<'_>, further: u8) -> Option<Cursor<'_>> {
    for _ in 0..further {
        let (length, _) = cursor.number_length().filter(|(_, end)| *end == b'/')?;
        cursor = cursor.behind(length + 1)?;
    }
    match cursor.number_length()? {
        (length @ 1.., b' ' | b'/') => cursor.behind(length),
        _ => None,
    }
}

/// Numbers with slashes between them. `None` if there are not so many.
#[inline(always)]
pub(crate) fn skip_run(cursor: &mut Cursor<'_>, further: u8) -> Option<()> {
    for _ in 0..further {
        skip(cursor);
        cursor.take(1).filter(|slash| *slash == b"/")?;
    }
    skip(cursor);
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
