//! Dates in logs become microseconds since 1970 UTC. Reads no clock: what a date leaves out comes from the caller.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

pub(crate) const SECOND_US: i64 = 1_000_000;
pub(crate) const MINUTE_US: i64 = 60 * SECOND_US;
const DAY_S: i64 = 86_400;

/// A local time as an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant {
    /// Microseconds since 1970 UTC; the first one if the local time occurs twice.
    pub(crate) us: i64,
    /// How much later it occurs again; 0 if it does not.
    pub(crate) repeat_us: i64,
}

impl Instant {
    pub(crate) const fn once(us: i64) -> Self {
        Self { us, repeat_us: 0 }
    }

    pub(crate) const fn plus(self, us: i64) -> Self {
        Self { us: self.us + us, ..self }
    }
}

/// Dates already worked out, to the minute: neighbouring lines nearly always share theirs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dates {
    clf: Minute<4>,
    iso: Minute<3>,
    zoneless: Minute<3>,
}

/// A date that was read, as words in which its seconds are zeros, and the instant at which its minute began.
#[derive(Debug, Clone)]
struct Minute<const N: usize> {
    words: [u64; N],
    us: i64,
}

impl<const N: usize> Default for Minute<N> {
    fn default() -> Self {
        // The last word of every date has zeros where its seconds were, so this is none.
        Self { words: [u64::MAX; N], us: 0 }
    }
}

impl<const N: usize> Minute<N> {
    #[inline(always)]
    fn is(&self, words: &[u64; N]) -> bool {
        self.words.iter().zip(words).fold(0, |all, (known, word)| all | (known ^ word)) == 0
    }
}

impl Dates {
    /// `10/Oct/2000:13:55:36 -0700`, nginx `$time_local`, HAProxy `%T`, `%trg`, `%Tl`, `%trl`.
    pub(crate) fn clf(&mut self, text: &[u8; 26]) -> Option<i64> {
        let us = clf_minute(text.first_chunk()?)? * MINUTE_US - zone_us(text.last_chunk()?)?;
        let second_us = second_us([text[17], text[18], text[19]])?;
        self.clf = Minute { words: clf_words(text), us };
        Some(us + second_us)
    }

    /// The same for the minute that was read last.
    #[inline(always)]
    pub(crate) fn same_clf(&self, text: &[u8; 26]) -> Option<i64> {
        let second_us = second_us([text[17], text[18], text[19]])?;
        self.clf.is(&clf_words(text)).then_some(self.clf.us + second_us)
    }

    /// `2026-11-20T13:00:00+01:00`, nginx `$time_iso8601`.
    pub(crate) fn iso(&mut self, text: &[u8; 25]) -> Option<i64> {
        let us = iso_minute(text.first_chunk()?)? * MINUTE_US - colon_zone_us(text.last_chunk()?)?;
        let second_us = second_us([text[16], text[17], text[18]])?;
        self.iso = Minute { words: iso_words(text), us };
        Some(us + second_us)
    }

    /// The same for the minute that was read last.
    #[inline(always)]
    pub(crate) fn same_iso(&self, text: &[u8; 25]) -> Option<i64> {
        let second_us = second_us([text[16], text[17], text[18]])?;
        self.iso.is(&iso_words(text)).then_some(self.iso.us + second_us)
    }

    /// `10/Oct/2000:13:55:36.123` in `zone`, HAProxy `%t` and `%tr`.
    pub(crate) fn zoneless(&mut self, text: &[u8; 24], zone: &TimeZone) -> Option<Instant> {
        let minute = local(clf_minute(text.first_chunk()?)?, zone)?;
        let rest_us = zoneless_rest_us(text).filter(|_| text[20] == b'.')?;
        // Which of two instants is meant depends on the line, so it is not remembered.
        if minute.repeat_us == 0 {
            self.zoneless = Minute { words: zoneless_words(text), us: minute.us };
        }
        Some(minute.plus(rest_us))
    }

    /// The same for the minute that was read last.
    #[inline(always)]
    pub(crate) fn same_zoneless(&self, text: &[u8; 24]) -> Option<i64> {
        let rest_us = zoneless_rest_us(text)?;
        self.zoneless.is(&zoneless_words(text)).then_some(self.zoneless.us + rest_us)
    }
}

#[inline(always)]
fn clf_words(text: &[u8; 26]) -> [u64; 4] {
    let (third, last) = (word(text, 16) & 0xffff_ffff_0000_ffff, word(text, 18) & 0xffff_ffff_ffff_0000);
    [word(text, 0), word(text, 8), third, last]
}

#[inline(always)]
fn iso_words(text: &[u8; 25]) -> [u64; 3] {
    [word(text, 0), word(text, 8), word(text, 17) & 0xffff_ffff_ffff_0000]
}

#[inline(always)]
fn zoneless_words(text: &[u8; 24]) -> [u64; 3] {
    [word(text, 0), word(text, 8), word(text, 16) & 0x0000_00ff_0000_ffff]
}

/// Seconds and milliseconds.
#[inline(always)]
fn zoneless_rest_us(text: &[u8; 24]) -> Option<i64> {
    let millis = digits([text[21], text[22], text[23]])?;
    Some(second_us([text[17], text[18], text[19]])? + i64::from(millis) * 1_000)
}

/// The eight bytes from `at`, which lie within the text.
#[inline(always)]
fn word(text: &[u8], at: usize) -> u64 {
    text.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// RFC 3339 as syslog daemons write it (`T` or a space, any decimals, `Z`, `+01:00` or `+0100`), and its length.
pub(crate) fn rfc3339(text: &[u8]) -> Option<(i64, usize)> {
    let (us, at) = without_offset(text)?;
    let rest = text.get(at..)?;
    if rest.first() == Some(&b'Z') {
        return Some((us, at + 1));
    }
    if let Some(zone) = rest.first_chunk().and_then(colon_zone_us) {
        return Some((us - zone, at + 6));
    }
    let zone: &[u8; 5] = rest.first_chunk()?;
    Some((us - zone_us(&[b' ', zone[0], zone[1], zone[2], zone[3], zone[4]])?, at + 5))
}

/// The same without an offset, as if it were UTC.
pub(crate) fn without_offset(text: &[u8]) -> Option<(i64, usize)> {
    let minutes = iso_minute(text.first_chunk()?)?;
    let mut us = minutes * MINUTE_US + second_us(*text.get(16..)?.first_chunk()?)?;
    let mut at = 19;
    if text.get(at) == Some(&b'.') {
        let decimals = decimals(&text[at..]);
        let mut scale = SECOND_US;
        for digit in &text[at + 1..at + decimals] {
            scale /= 10;
            us += i64::from(digit - b'0') * scale;
        }
        at += decimals;
    }
    Some((us, at))
}

/// Longest date that `loose` takes.
const LOOSE: usize = 40;

/// A date and time as other programs write them: `2026/11/20` or `2026-11-20`, a comma before the decimals, a space before
/// the offset, or no offset, in `zone`. Of a repeated local time it is the first.
pub(crate) fn loose(text: &[u8], zone: &TimeZone) -> Option<i64> {
    let mut plain = [0; LOOSE];
    let plain = plain.get_mut(..text.len())?;
    plain.copy_from_slice(text);
    plain.get_mut(..10)?.iter_mut().filter(|byte| **byte == b'/').for_each(|byte| *byte = b'-');
    if let Some(comma) = plain.get_mut(19).filter(|byte| **byte == b',') {
        *comma = b'.';
    }
    let (us, length) = without_offset(plain)?;
    let zone_us = match plain.get(length..)?.strip_prefix(b" ").or(plain.get(length..))? {
        [] => {
            let minute = local(us.div_euclid(MINUTE_US), zone)?;
            return Some(minute.plus(us.rem_euclid(MINUTE_US)).us);
        }
        b"Z" | b"UTC" | b"GMT" => 0,
        offset => match <&[u8; 6]>::try_from(offset) {
            Ok(offset) => colon_zone_us(offset)?,
            Err(_) => {
                let [sign, h0, h1, m0, m1] = *<&[u8; 5]>::try_from(offset).ok()?;
                zone_us(&[b' ', sign, h0, h1, m0, m1])?
            }
        },
    };
    Some(us - zone_us)
}

/// The length of a point and the digits behind it.
pub(crate) fn decimals(text: &[u8]) -> usize {
    1 + text.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count()
}

/// `Feb  6 12:14:14` (RFC 3164) in `zone`, in the year that puts it nearest to `reference_us`.
pub(crate) fn rfc3164(text: &[u8; 15], zone: &TimeZone, reference_us: i64) -> Option<i64> {
    let month = month([text[0], text[1], text[2]])?;
    let tens = if text[4] == b' ' { b'0' } else { text[4] };
    let day = digits([tens, text[5]])?;
    if text[3] != b' ' || text[6] != b' ' {
        return None;
    }
    let time = minute_of_day(&[text[7], text[8], text[9], text[10], text[11]])?;
    let second = second_us([text[12], text[13], text[14]])?;
    let reference_year = year_of(reference_us);
    // 29 February needs a leap year, which may be four years away, and eight around a century.
    (-8..=8)
        .filter_map(|offset| {
            let days = days_since_1970(reference_year + offset, month, day)?;
            Some(local_us(days * 24 * 60 + time, zone)? + second)
        })
        .min_by_key(|us| us.abs_diff(reference_us))
}

/// Minutes since 1970 of `10/Oct/2000:13:55`.
fn clf_minute(text: &[u8; 17]) -> Option<i64> {
    let [d0, d1, b'/', m0, m1, m2, b'/', y0, y1, y2, y3, b':', h0, h1, colon, i0, i1] = *text else {
        return None;
    };
    let days = days_since_1970(digits([y0, y1, y2, y3])?, month([m0, m1, m2])?, digits([d0, d1])?)?;
    Some(days * 24 * 60 + minute_of_day(&[h0, h1, colon, i0, i1])?)
}

/// Minutes since 1970 of `2026-11-20T13:00`.
fn iso_minute(text: &[u8; 16]) -> Option<i64> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b't' | b' ', h0, h1, colon, i0, i1] = *text
    else {
        return None;
    };
    let days = days_since_1970(digits([y0, y1, y2, y3])?, digits([m0, m1])?, digits([d0, d1])?)?;
    Some(days * 24 * 60 + minute_of_day(&[h0, h1, colon, i0, i1])?)
}

/// Minutes since midnight of `13:55`.
fn minute_of_day(text: &[u8; 5]) -> Option<i64> {
    let hour = digits([text[0], text[1]])?;
    let minute = digits([text[3], text[4]])?;
    (text[2] == b':' && hour < 24 && minute < 60).then_some(i64::from(hour) * 60 + i64::from(minute))
}

/// `:36`. A leap second counts as the second before it, so that it stays in its hour.
#[inline(always)]
fn second_us(text: [u8; 3]) -> Option<i64> {
    let second = digits([text[1], text[2]])?;
    (text[0] == b':' && second <= 60).then_some(i64::from(second.min(59)) * SECOND_US)
}

/// ` -0700`.
pub(crate) fn zone_us(text: &[u8; 6]) -> Option<i64> {
    let [b' ', sign, h0, h1, m0, m1] = *text else { return None };
    let (hours, minutes) = (digits([h0, h1])?, digits([m0, m1])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let us = i64::from(hours * 60 + minutes) * MINUTE_US;
    match sign {
        b'+' => Some(us),
        b'-' => Some(-us),
        _ => None,
    }
}

/// `-07:00`.
fn colon_zone_us(text: &[u8; 6]) -> Option<i64> {
    let [sign, h0, h1, b':', m0, m1] = *text else { return None };
    zone_us(&[b' ', sign, h0, h1, m0, m1])
}

/// The instant of a local minute, given in minutes as if it were UTC. One that a clock put forward leaves out counts on
/// from the minute before.
pub(crate) fn local(minutes: i64, zone: &TimeZone) -> Option<Instant> {
    let naive = jiff::Timestamp::from_second(minutes * 60).ok()?;
    let local: DateTime = TimeZone::UTC.to_datetime(naive);
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let repeat_us = match ambiguous.offset() {
        AmbiguousOffset::Fold { before, after } => i64::from(before.seconds() - after.seconds()) * SECOND_US,
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => 0,
    };
    Some(Instant { us: ambiguous.compatible().ok()?.as_microsecond(), repeat_us })
}

fn local_us(minutes: i64, zone: &TimeZone) -> Option<i64> {
    Some(local(minutes, zone)?.us)
}

fn year_of(us: i64) -> i32 {
    let instant = jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    i32::from(TimeZone::UTC.to_datetime(instant).year())
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; `None` if there is no such day.
pub(crate) fn days_since_1970(year: i32, month: i32, day: i32) -> Option<i64> {
    let (year, month, day) = (i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let date = DateTime::new(year, month, day, 0, 0, 0, 0).ok()?;
    Some(TimeZone::UTC.to_timestamp(date).ok()?.as_second() / DAY_S)
}

pub(crate) fn month(name: [u8; 3]) -> Option<i32> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    MONTHS.iter().position(|known| **known == name).and_then(|at| i32::try_from(at + 1).ok())
}

/// A number of exactly these digits.
#[inline(always)]
pub(crate) fn digits<const N: usize>(text: [u8; N]) -> Option<i32> {
    let mut value = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i32::from(digit);
    }
    Some(value)
}
