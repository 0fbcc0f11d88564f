//! A series: the requests of one site, backend and server, and their exact sums.

use super::causes::Cause;
use super::cells::CellKind;
use logstat_parsers::Record;

/// Longest part of a series' name, bytes; longer ones are cut. Host names end at 253.
const PART_LIMIT: usize = 255;
const MISSING: u8 = 0;
const PRESENT: u8 = 1;

/// The times that are kept as histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "see the fields of Record")]
pub enum TimingKind {
    Latency,
    Upstream,
    Queue,
    Connect,
    Response,
}

impl TimingKind {
    /// The cells that hold its histogram.
    pub(super) const fn cells(self) -> CellKind {
        match self {
            Self::Latency => CellKind::Latency,
            Self::Upstream => CellKind::Upstream,
            Self::Queue => CellKind::Queue,
            Self::Connect => CellKind::Connect,
            Self::Response => CellKind::Response,
        }
    }
}

/// Exact figures of one time. Additive, but for the maximum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see Histogram")]
pub struct TimingSums {
    pub n: u64,
    pub sum_us: u64,
    pub max_us: u64,
    pub sub_ms: u64,
}

impl TimingSums {
    #[inline]
    pub(super) fn add(&mut self, us: u64) {
        self.n += 1;
        self.sum_us = self.sum_us.saturating_add(us);
        self.max_us = self.max_us.max(us);
        self.sub_ms += u64::from(!us.is_multiple_of(1000));
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.max_us = self.max_us.max(other.max_us);
        self.sub_ms += other.sub_ms;
    }
}

/// Exact sums of a series. Each `*_n` says for how many requests the log had the field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see Record and Figures")]
pub struct Sums {
    pub requests: u64,
    pub bytes_sent: u64,
    pub bytes_n: u64,
    pub retries: u64,
    pub retries_n: u64,
    pub redispatches: u64,
    pub clients_n: u64,
    pub bot_requests: u64,
    pub user_agents_n: u64,
    /// Failed requests by cause, in the order of `Cause`.
    pub failures: [u64; Cause::COUNT],
    pub timings: [TimingSums; 5],
}

impl Sums {
    /// Adds the sums of other requests.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.bytes_sent = self.bytes_sent.saturating_add(other.bytes_sent);
        self.bytes_n += other.bytes_n;
        self.retries += other.retries;
        self.retries_n += other.retries_n;
        self.redispatches += other.redispatches;
        self.clients_n += other.clients_n;
        self.bot_requests += other.bot_requests;
        self.user_agents_n += other.user_agents_n;
        self.failures.iter_mut().zip(other.failures).for_each(|(count, other)| *count += other);
        self.timings.iter_mut().zip(&other.timings).for_each(|(sums, other)| sums.merge(other));
    }
}

/// The parts of a series' name, as logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see Record")]
pub struct Dimensions<'a> {
    pub site: Option<&'a [u8]>,
    pub backend: Option<&'a [u8]>,
    pub server: Option<&'a [u8]>,
    pub method: Option<&'a [u8]>,
    pub status: Option<&'a [u8]>,
}

/// A series' name as one byte string: each part in turn, with its length before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey(Vec<u8>);

impl SeriesKey {
    /// What is left when an hour has too many series.
    pub fn other() -> Self {
        let mut key = Self::default();
        for _ in 0..3 {
            key.push(Some(b"(other)"));
        }
        key.push(None);
        key.push(None);
        key
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The name whose bytes these are, if they are one's: five parts and nothing behind them.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        for _ in 0..5 {
            rest = match rest {
                [MISSING, tail @ ..] => tail,
                [PRESENT, len, tail @ ..] => tail.get(*len as usize..)?,
                _ => return None,
            };
        }
        rest.is_empty().then(|| Self(bytes.to_vec()))
    }

    /// Takes this name, over the memory of the last one.
    pub(super) fn set(&mut self, name: &Dimensions<'_>) {
        self.0.clear();
        name.parts().into_iter().for_each(|part| self.push(part));
    }

    fn push(&mut self, part: Option<&[u8]>) {
        match part {
            None => self.0.push(MISSING),
            Some(part) => {
                self.0.extend_from_slice(&[PRESENT, part.len() as u8]);
                self.0.extend_from_slice(part);
            }
        }
    }

    /// The parts.
    #[must_use]
    pub fn dimensions(&self) -> Dimensions<'_> {
        let mut rest = self.0.as_slice();
        let mut next = || match rest {
            [PRESENT, len, tail @ ..] => {
                let (part, tail) = tail.split_at(*len as usize);
                rest = tail;
                Some(part)
            }
            _ => {
                rest = rest.get(1..).unwrap_or_default();
                None
            }
        };
        let (site, backend, server) = (next(), next(), next());
        Dimensions { site, backend, server, method: next(), status: next() }
    }
}

impl<'a> Dimensions<'a> {
    /// The name of a record's series.
    #[inline]
    pub(super) fn of(record: &Record<'a>, by_method: bool, status: Option<&'a [u8; 3]>) -> Self {
        Self {
            site: record.site.map(cut),
            backend: record.backend.map(cut),
            server: record.server.map(cut),
            method: if by_method { record.method.map(cut) } else { None },
            status: status.map(<[u8; 3]>::as_slice),
        }
    }

    /// In the order of a key.
    #[inline]
    pub(super) const fn parts(&self) -> [Option<&'a [u8]>; 5] {
        [self.site, self.backend, self.server, self.method, self.status]
    }

    /// Is this the name of that key? Compared part by part, since putting a key together first takes longer.
    #[inline]
    pub(super) fn is(&self, key: &[u8]) -> bool {
        let mut rest = key;
        let next = |part: Option<&[u8]>| match (part, rest) {
            (None, [MISSING, tail @ ..]) => {
                rest = tail;
                true
            }
            (Some(part), [PRESENT, len, tail @ ..])
                if *len as usize == part.len() && tail.starts_with(part) =>
            {
                rest = &tail[part.len()..];
                true
            }
            _ => false,
        };
        self.parts().into_iter().all(next)
    }
}

#[inline]
fn cut(part: &[u8]) -> &[u8] {
    &part[..part.len().min(PART_LIMIT)]
}

/// The digits of a status code.
pub(super) fn status_digits(status: u16) -> [u8; 3] {
    [status / 100 % 10, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_survive(
            site in prop::option::of(prop::collection::vec(any::<u8>(), 0..255)),
            server in prop::option::of(prop::collection::vec(any::<u8>(), 0..255)),
            status in prop::option::of(0..1000u16),
        ) {
            let record = Record { site: site.as_deref(), server: server.as_deref(), status, ..Record::default() };
            let digits = status.map(status_digits);
            let name = Dimensions::of(&record, true, digits.as_ref());
            let mut key = SeriesKey::other();
            prop_assert!(!name.is(key.as_bytes()));
            key.set(&name);
            prop_assert_eq!(key.dimensions(), name);
            prop_assert!(name.is(key.as_bytes()));
            let other = Dimensions { backend: Some(b"x"), ..name };
            prop_assert!(!other.is(key.as_bytes()));
        }
    }
}
