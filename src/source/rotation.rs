//! Which log a file belongs to and how old it is, by its name alone. Never looks at the file.

use std::cmp::Reverse;

/// Age by name; the oldest sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Age {
    /// `-20261120`, `.2026-11-20`, `-2026112013`: digits, filled up to a second.
    Dated(u64),
    /// `.1` is younger than `.2`.
    Numbered(Reverse<u16>),
    /// The file that is being written.
    Live,
}

const COMPRESSED: [&str; 4] = [".gz", ".zst", ".bz2", ".xz"];
const SEPARATORS: [char; 3] = ['-', '.', '_'];

/// Splits `access.log-20261120.gz` into `access.log` and its age.
pub(super) fn split(name: &str) -> (String, Age) {
    let name = without_compression(name);
    if let Some((base, age)) = numbered(name).or_else(|| dated(name)) {
        return (base.to_owned(), age);
    }
    // logrotate's `extension .log` puts the date before it.
    if let Some((stem, extension)) = name.rsplit_once('.')
        && extension.bytes().all(|byte| byte.is_ascii_alphabetic())
        && let Some((base, age)) = dated(stem)
    {
        return (format!("{base}.{extension}"), age);
    }
    (name.to_owned(), Age::Live)
}

/// The name of the file before it was compressed.
pub(super) fn without_compression(name: &str) -> &str {
    COMPRESSED
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name)
}

fn numbered(name: &str) -> Option<(&str, Age)> {
    let (base, number) = name.rsplit_once('.')?;
    // The last part of an address is no rotation.
    let rotated = (1..=4).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && base.bytes().last().is_some_and(|byte| !byte.is_ascii_digit());
    rotated.then(|| Some((base, Age::Numbered(Reverse(number.parse().ok()?))))).flatten()
}

fn dated(name: &str) -> Option<(&str, Age)> {
    let separators = name.match_indices(SEPARATORS).filter(|&(at, _)| at > 0);
    separators.into_iter().find_map(|(at, _)| Some((&name[..at], Age::Dated(date(&name[at + 1..])?))))
}

/// `20261120`, `2026-11-20`, with hours, minutes and seconds or without; or seconds since 1970.
fn date(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let plausible = text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|char| char.is_ascii_digit() || "-_.:T".contains(char))
        && matches!(digits.len(), 8 | 10 | 12 | 14);
    if !plausible {
        return None;
    }
    let part =
        |range: std::ops::Range<usize>| digits.get(range).map_or(Some(0), |part| part.parse::<u64>().ok());
    let calendar = (1990..2100).contains(&part(0..4)?)
        && (1..=12).contains(&part(4..6)?)
        && (1..=31).contains(&part(6..8)?)
        && part(8..10)? < 24
        && part(10..12)? < 60;
    let epoch = digits.len() == text.len() && digits.len() == 10 && digits.starts_with('1');
    (calendar || epoch).then(|| format!("{digits:0<14}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_into_log_and_age() {
        let numbered = |number| Age::Numbered(Reverse(number));
        let cases = [
            ("access.log", "access.log", Age::Live),
            ("access.log.gz", "access.log", Age::Live),
            ("access.log.1", "access.log", numbered(1)),
            ("access.log.12.gz", "access.log", numbered(12)),
            ("access.log.1.zst", "access.log", numbered(1)),
            ("access.log-20261120", "access.log", Age::Dated(20_261_120_000_000)),
            ("access.log-20261120.xz", "access.log", Age::Dated(20_261_120_000_000)),
            ("access.log-2026112013.bz2", "access.log", Age::Dated(20_261_120_130_000)),
            ("access.log.2026-11-20", "access.log", Age::Dated(20_261_120_000_000)),
            ("access.log.2026-11-20T13:05:09", "access.log", Age::Dated(20_261_120_130_509)),
            ("access.log-1732060800", "access.log", Age::Dated(17_320_608_000_000)),
            ("access-2026-11-20.log", "access.log", Age::Dated(20_261_120_000_000)),
            ("access_20261120.log.gz", "access.log", Age::Dated(20_261_120_000_000)),
            ("web-1-20261120.log", "web-1.log", Age::Dated(20_261_120_000_000)),
            ("192.0.2.1-20261120", "192.0.2.1", Age::Dated(20_261_120_000_000)),
            ("192.0.2.1", "192.0.2.1", Age::Live),
            ("web.1.log", "web.1.log", Age::Live),
            ("access.log-20261320", "access.log-20261320", Age::Live),
            ("access.log.99999", "access.log.99999", Age::Live),
            ("haproxy", "haproxy", Age::Live),
            (".gz", ".gz", Age::Live),
            (".1", ".1", Age::Live),
            ("", "", Age::Live),
        ];
        for (name, base, age) in cases {
            assert_eq!(split(name), (base.to_owned(), age), "{name}");
        }
    }

    #[test]
    fn the_oldest_sorts_first() {
        let mut names = ["a.log", "a.log.1", "a.log-20261120", "a.log.10.gz", "a.log.2.gz", "a.log-20261119"];
        names.sort_by_key(|name| split(name).1);
        assert_eq!(
            names,
            ["a.log-20261119", "a.log-20261120", "a.log.10.gz", "a.log.2.gz", "a.log.1", "a.log"]
        );
    }
}
