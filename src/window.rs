//! The stretch of time that a report is about: `--since` and `--until` as typed, and what they come to. Takes the
//! present as an argument.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use std::str::FromStr;

/// One end of the window, as typed.
#[derive(Debug, Clone)]
pub enum Bound {
    /// So long ago: before now, or before the other end (see [`resolve`]).
    Ago(Span),
    /// A date or date and time in the display zone.
    Civil(DateTime),
    /// An instant.
    Instant(Timestamp),
    /// The first request there is.
    Oldest,
    /// The last request there is.
    Newest,
}

/// What [`Bound::from_str`] could not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no time\nhint: a duration back from now such as 90m, 24h or 7d, a date such as 2026-11-20, an RFC 3339 instant such as 2026-11-20T13:00:00Z, `oldest` or `newest`"
)]
pub struct BoundError(String);

impl FromStr for Bound {
    type Err = BoundError;

    fn from_str(text: &str) -> Result<Self, BoundError> {
        match text {
            "oldest" => return Ok(Self::Oldest),
            "newest" => return Ok(Self::Newest),
            _ => {}
        }
        if let Ok(instant) = text.parse() {
            return Ok(Self::Instant(instant));
        }
        if let Ok(civil) = text.parse() {
            return Ok(Self::Civil(civil));
        }
        match text.parse::<Span>() {
            Ok(span) if !span.is_negative() => Ok(Self::Ago(span)),
            _ => Err(BoundError(text.to_owned())),
        }
    }
}

/// Why two bounds make no window.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    #[error("the window ends at {until} before it begins at {since}\nhint: `--since` is the earlier end")]
    #[expect(missing_docs)]
    Empty { since: Timestamp, until: Timestamp },
    #[error("no such time")]
    #[expect(missing_docs)]
    Range(#[from] jiff::Error),
}

/// First and last request of all sources, microseconds since 1970, for `oldest` and `newest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct Extent {
    pub oldest_us: i64,
    pub newest_us: i64,
}

/// The window: from `since_us` up to but not including `until_us`, microseconds since 1970. `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct Window {
    pub since_us: Option<i64>,
    pub until_us: Option<i64>,
}

/// Does finding the window need the first and last request?
#[must_use]
pub fn needs_extent(since: Option<&Bound>, until: Option<&Bound>) -> bool {
    let newest_needed = matches!(until, Some(Bound::Newest)) && matches!(since, Some(Bound::Ago(_)));
    newest_needed || matches!(since, Some(Bound::Newest)) || matches!(until, Some(Bound::Oldest))
}

/// Makes a window of its ends. A duration in `since` counts back from now, or from `until` when that is an instant, a
/// date or `newest`: `--since 24h --until newest` is the last day there is. It ends the window now when there is no
/// `until`, so that an hour without any line still counts.
///
/// # Errors
/// When the end lies before the beginning, or a time is out of range.
pub fn resolve(
    since: Option<&Bound>,
    until: Option<&Bound>,
    now: Timestamp,
    zone: &TimeZone,
    extent: Option<Extent>,
) -> Result<Window, WindowError> {
    let until = match (since, until) {
        (Some(Bound::Ago(_)), None) => Some(&Bound::Instant(now)),
        _ => until,
    };
    let until_at =
        until.map(|bound| instant(bound, now, now, zone, extent, 1_000_000)).transpose()?.flatten();
    let from = match until {
        None | Some(Bound::Ago(_)) => now,
        Some(_) => until_at.unwrap_or(now),
    };
    let since_at = since.map(|bound| instant(bound, now, from, zone, extent, 0)).transpose()?.flatten();
    if let (Some(since), Some(until)) = (since_at, until_at)
        && since >= until
    {
        return Err(WindowError::Empty { since, until });
    }
    Ok(Window {
        since_us: since_at.map(Timestamp::as_microsecond),
        until_us: until_at.map(Timestamp::as_microsecond),
    })
}

/// `None` is no limit. `newest` as an end takes in the second of the last request.
fn instant(
    bound: &Bound,
    now: Timestamp,
    from: Timestamp,
    zone: &TimeZone,
    extent: Option<Extent>,
    past_us: i64,
) -> Result<Option<Timestamp>, jiff::Error> {
    let whole_second = |us: i64| Timestamp::from_microsecond(us.div_euclid(1_000_000) * 1_000_000 + past_us);
    Ok(Some(match bound {
        Bound::Ago(span) => {
            let from = if past_us > 0 { now } else { from };
            from.to_zoned(zone.clone()).checked_sub(*span)?.timestamp()
        }
        Bound::Civil(civil) => civil.to_zoned(zone.clone())?.timestamp(),
        Bound::Instant(instant) => *instant,
        Bound::Oldest => return extent.map(|extent| whole_second(extent.oldest_us)).transpose(),
        Bound::Newest => return extent.map(|extent| whole_second(extent.newest_us)).transpose(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(since: &str, until: &str) -> Result<Window, String> {
        let bound = |text: &str| (!text.is_empty()).then(|| text.parse::<Bound>().unwrap());
        let (now, zone) = ("2026-11-20T12:00:00Z".parse().unwrap(), TimeZone::get("Europe/Berlin").unwrap());
        let extent = Some(Extent { oldest_us: 1_000_000_500_000, newest_us: 1_000_100_500_000 });
        resolve(bound(since).as_ref(), bound(until).as_ref(), now, &zone, extent)
            .map_err(|error| error.to_string())
    }

    fn us(instant: &str) -> Option<i64> {
        Some(instant.parse::<Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn durations_count_back_from_now() {
        let expected = Window { since_us: us("2026-11-19T12:00:00Z"), until_us: us("2026-11-20T12:00:00Z") };
        assert_eq!(window("24h", ""), Ok(expected));
        let expected = Window { since_us: us("2026-11-19T12:00:00Z"), until_us: us("2026-11-20T10:00:00Z") };
        assert_eq!(window("24h", "2h"), Ok(expected));
    }

    #[test]
    fn durations_count_back_from_a_named_end() {
        let got = window("1h", "newest").unwrap();
        assert_eq!(got.until_us, Some(1_000_101_000_000));
        assert_eq!(got.until_us.unwrap() - got.since_us.unwrap(), 3_600_000_000);
    }

    #[test]
    fn dates_are_of_the_display_zone() {
        let expected = Window { since_us: us("2026-11-18T23:00:00Z"), until_us: us("2026-11-20T08:30:00Z") };
        assert_eq!(window("2026-11-19", "2026-11-20 09:30"), Ok(expected));
        assert_eq!(window("2026-11-19T01:00:00+02:00", "").unwrap().since_us, us("2026-11-18T23:00:00Z"));
    }

    #[test]
    fn a_window_that_ends_before_it_begins_is_refused() {
        assert!(
            window("2026-11-20", "2026-11-19").unwrap_err().contains("hint: `--since` is the earlier end")
        );
    }

    #[test]
    fn nonsense_is_refused_with_what_would_do() {
        for text in ["yesterday-ish", "24", "", "-3h"] {
            let error = text.parse::<Bound>().unwrap_err().to_string();
            assert!(error.contains("hint: a duration back from now such as 90m"), "{error}");
        }
    }
}
