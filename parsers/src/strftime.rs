//! `strftime` formats of dates in logs. Knows those parts that always have the same width, and reads no clock.

use jiff::tz::TimeZone;

use crate::date::{self, Instant, MINUTE_US, SECOND_US};

/// A date of fixed width.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DateFormat {
    parts: Vec<Part>,
    /// Dates without an offset are UTC.
    pub(crate) utc: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Byte(u8),
    /// Bytes that say nothing new, such as the day of the week.
    Ignored(u8),
    Year,
    /// Two digits: 1969 to 2068, as POSIX has it.
    ShortYear,
    Month,
    MonthName,
    Day,
    /// Padded with a space.
    SpacedDay,
    DayOfYear,
    Hour,
    /// Of twelve.
    HalfHour,
    Meridiem,
    Minute,
    Second,
    Millis,
    Micros,
    /// `+0100`.
    Offset,
}

impl Part {
    const fn width(self) -> usize {
        match self {
            Self::Ignored(width) => width as usize,
            Self::Byte(_) => 1,
            Self::ShortYear
            | Self::Month
            | Self::Day
            | Self::SpacedDay
            | Self::Hour
            | Self::HalfHour
            | Self::Meridiem
            | Self::Minute
            | Self::Second => 2,
            Self::MonthName | Self::DayOfYear | Self::Millis => 3,
            Self::Year => 4,
            Self::Offset => 5,
            Self::Micros => 6,
        }
    }
}

/// What has been read of a date.
#[derive(Debug, Default)]
struct Parts {
    year: Option<i32>,
    month: Option<i32>,
    day: Option<i32>,
    day_of_year: Option<i32>,
    hour: i32,
    minute: i32,
    second_us: i64,
    fraction_us: i64,
    is_afternoon: Option<bool>,
    offset_us: Option<i64>,
}

impl DateFormat {
    /// Compiles a `strftime` format; else gives the directive that cannot be read.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        let mut format = Self::default();
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            if c == '%' {
                let directive = characters.next().unwrap_or_default();
                format.push_directive(directive).ok_or_else(|| format!("%{directive}"))?;
            } else {
                format.push_text(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        Ok(format)
    }

    /// Milliseconds or microseconds within the second.
    pub(crate) fn fraction(digits: u8) -> Self {
        let part = if digits == 3 { Part::Millis } else { Part::Micros };
        Self { parts: vec![part], utc: false }
    }

    pub(crate) fn push_text(&mut self, text: &[u8]) {
        self.parts.extend(text.iter().map(|byte| Part::Byte(*byte)));
    }

    /// Puts `other` behind, if it says something else than this.
    pub(crate) fn join(&self, between: &[u8], other: &Self) -> Option<Self> {
        let says = |part: &&Part| !matches!(part, Part::Byte(_) | Part::Ignored(_));
        if other.parts.iter().filter(says).any(|part| self.parts.contains(part)) {
            return None;
        }
        let mut joined = self.clone();
        joined.push_text(between);
        joined.parts.extend_from_slice(&other.parts);
        Some(joined)
    }

    /// Bytes of every such date.
    pub(crate) fn width(&self) -> usize {
        self.parts.iter().map(|part| part.width()).sum()
    }

    /// Whether it says enough for an hour to count in.
    pub(crate) fn is_date(&self) -> bool {
        let has = |wanted: &[Part]| wanted.iter().any(|part| self.parts.contains(part));
        let day = has(&[Part::DayOfYear])
            || has(&[Part::Month, Part::MonthName]) && has(&[Part::Day, Part::SpacedDay]);
        let hour = has(&[Part::Hour]) || has(&[Part::HalfHour]) && has(&[Part::Meridiem]);
        has(&[Part::Year, Part::ShortYear]) && day && hour
    }

    fn push_directive(&mut self, directive: char) -> Option<()> {
        let part = match directive {
            'Y' => Part::Year,
            'y' => Part::ShortYear,
            'm' => Part::Month,
            'b' | 'h' => Part::MonthName,
            'd' => Part::Day,
            'e' => Part::SpacedDay,
            'j' => Part::DayOfYear,
            'H' => Part::Hour,
            'I' => Part::HalfHour,
            'p' => Part::Meridiem,
            'M' => Part::Minute,
            'S' => Part::Second,
            'z' => Part::Offset,
            'a' => Part::Ignored(3),
            'u' | 'w' => Part::Ignored(1),
            '%' => Part::Byte(b'%'),
            't' => Part::Byte(b'\t'),
            _ => {
                let parts = match directive {
                    'F' => "%Y-%m-%d",
                    'T' => "%H:%M:%S",
                    'R' => "%H:%M",
                    'D' => "%m/%d/%y",
                    'r' => "%I:%M:%S %p",
                    'c' => "%a %b %e %H:%M:%S %Y",
                    _ => return None,
                };
                self.parts.extend(Self::compile(parts).ok()?.parts);
                return Some(());
            }
        };
        self.parts.push(part);
        Some(())
    }

    /// The instant of a date of this width; `zone` is that of dates without an offset.
    pub(crate) fn read(&self, text: &[u8], zone: &TimeZone) -> Option<Instant> {
        let mut parts = Parts::default();
        let mut rest = text;
        for part in &self.parts {
            let (value, after) = rest.split_at_checked(part.width())?;
            parts.read(*part, value)?;
            rest = after;
        }
        if self.utc { parts.instant(&TimeZone::UTC) } else { parts.instant(zone) }
    }
}

impl Parts {
    fn read(&mut self, part: Part, text: &[u8]) -> Option<()> {
        match part {
            Part::Byte(byte) => return (text == [byte]).then_some(()),
            Part::Ignored(_) => {}
            Part::Year => self.year = Some(number(text)?),
            Part::ShortYear => {
                let year = number(text)?;
                self.year = Some(year + if year < 69 { 2000 } else { 1900 });
            }
            Part::Month => self.month = Some(number(text)?),
            Part::MonthName => self.month = Some(date::month(*text.first_chunk()?)?),
            Part::Day => self.day = Some(number(text)?),
            Part::SpacedDay => self.day = Some(number(text.strip_prefix(b" ").unwrap_or(text))?),
            Part::DayOfYear => self.day_of_year = Some(number(text)?),
            Part::Hour => self.hour = number(text).filter(|hour| *hour < 24)?,
            Part::HalfHour => self.hour = number(text).filter(|hour| (1..=12).contains(hour))? % 12,
            Part::Meridiem => {
                let is_afternoon = text.eq_ignore_ascii_case(b"pm");
                self.is_afternoon =
                    (is_afternoon || text.eq_ignore_ascii_case(b"am")).then_some(is_afternoon);
                self.is_afternoon?;
            }
            Part::Minute => self.minute = number(text).filter(|minute| *minute < 60)?,
            // A leap second counts as the second before it, so that it stays in its hour.
            Part::Second => {
                let second = number(text).filter(|second| *second <= 60)?;
                self.second_us = i64::from(second.min(59)) * SECOND_US;
            }
            Part::Millis => self.fraction_us = i64::from(number(text)?) * 1_000,
            Part::Micros => self.fraction_us = i64::from(number(text)?),
            Part::Offset => {
                let [sign, h0, h1, m0, m1] = *text.first_chunk()?;
                self.offset_us = Some(date::zone_us(&[b' ', sign, h0, h1, m0, m1])?);
            }
        }
        Some(())
    }

    fn instant(&self, zone: &TimeZone) -> Option<Instant> {
        let days = match self.day_of_year {
            Some(day @ 1..=366) => date::days_since_1970(self.year?, 1, 1)? + i64::from(day - 1),
            Some(_) => return None,
            None => date::days_since_1970(self.year?, self.month?, self.day?)?,
        };
        let hour = self.hour + if self.is_afternoon == Some(true) { 12 } else { 0 };
        let minutes = days * 24 * 60 + i64::from(hour * 60 + self.minute);
        let minute = match self.offset_us {
            Some(offset_us) => Instant::once(minutes * MINUTE_US - offset_us),
            None => date::local(minutes, zone)?,
        };
        Some(minute.plus(self.second_us + self.fraction_us))
    }
}

/// A number of nothing but digits.
fn number(text: &[u8]) -> Option<i32> {
    if text.is_empty() || text.len() > 6 {
        return None;
    }
    text.iter().try_fold(0, |value, byte| Some(value * 10 + date::digits([*byte])?))
}
