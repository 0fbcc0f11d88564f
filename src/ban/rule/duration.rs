//! Stretches of time as rules name them. Knows whole seconds only.

use serde::{Deserialize, Deserializer};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// A year: what lasts longer is a line in the firewall's own configuration.
pub const MAX_DURATION_S: u32 = 366 * 24 * 60 * 60;

const UNITS: [(char, u32); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Whole seconds, at least one, written as `100s`, `10m`, `4h`, `7d` or `2w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(u32);

/// A text that is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Neither number nor unit, or only one of them.
    #[error("a duration is a whole number with a unit: 100s, 10m, 4h, 7d or 2w")]
    Shape,
    /// Nothing or too much.
    #[error("a duration is at least 1s and at most 366d")]
    Bounds,
}

impl Duration {
    /// The shortest.
    pub const SECOND: Self = Self(1);
    /// What the defaults are multiples of.
    pub const HOUR: Self = Self(60 * 60);

    /// So many times as long, at most [`MAX_DURATION_S`].
    #[must_use]
    pub const fn times(self, count: u32) -> Self {
        let seconds = self.0.saturating_mul(count);
        match Self::from_seconds(seconds) {
            Some(duration) => duration,
            None => Self(if seconds == 0 { 1 } else { MAX_DURATION_S }),
        }
    }

    /// From 1 to [`MAX_DURATION_S`].
    #[must_use]
    pub const fn from_seconds(seconds: u32) -> Option<Self> {
        if seconds >= 1 && seconds <= MAX_DURATION_S { Some(Self(seconds)) } else { None }
    }

    /// Seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// Microseconds, as log times are.
    #[must_use]
    pub const fn us(self) -> i64 {
        self.0 as i64 * 1_000_000
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let unit = |(sign, seconds)| text.strip_suffix(sign).map(|digits| (digits, seconds));
        let (digits, unit_s) = UNITS.into_iter().find_map(unit).ok_or(DurationError::Shape)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DurationError::Shape);
        }
        let seconds = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(unit_s));
        seconds.and_then(Self::from_seconds).ok_or(DurationError::Bounds)
    }
}

/// In the largest unit that it is a whole number of.
impl Display for Duration {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (sign, unit_s) =
            UNITS.into_iter().find(|(_, unit_s)| self.0.is_multiple_of(*unit_s)).unwrap_or(('s', 1));
        write!(formatter, "{}{sign}", self.0 / unit_s)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Duration;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("a duration with its unit, such as \"100s\", \"10m\", \"4h\" or \"7d\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Duration, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}
