//! Whose doing a failed request is: the client's, the server's or the proxy's, as far as its line tells.

use logstat_parsers::Record;

/// Who made a request fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Cause {
    /// Gave up, timed out, or sent what has to be refused.
    Client,
    /// Refused, broke off, timed out or answered with an error; no server was available.
    Server,
    /// The proxy's own error, limit, rule or administrator.
    Proxy,
    /// The log does not say: an error in a format that tells of no upstream.
    Unknown,
}

impl Cause {
    /// Causes in counting order.
    pub const COUNT: usize = 4;

    /// Who made this request fail; `None` if it did not fail.
    #[inline]
    pub(super) fn of(record: &Record<'_>) -> Option<Self> {
        match (record.termination, record.status) {
            (Some([b'-', ..]) | None, Some(0..=407)) => None,
            (Some(state), status) => Self::of_termination(state, status, record),
            (None, Some(status)) => Self::of_status(status, record),
            (None, None) => None,
        }
    }

    /// By the first letter of HAProxy's termination state.
    #[cold]
    fn of_termination(state: &[u8], status: Option<u16>, record: &Record<'_>) -> Option<Self> {
        let phase = state.get(1);
        match state.first() {
            // A connection on which no request came, as browsers open them in advance: nothing failed.
            Some(b'C' | b'c') if phase == Some(&b'R') => None,
            Some(b'C' | b'c') => Some(Self::Client),
            Some(b'S' | b's' | b'D') => Some(Self::Server),
            // What the proxy refuses for its syntax or by a rule is the client's doing, and so is a tarpit's 500.
            Some(b'P') if phase == Some(&b'T') || matches!(status, Some(400..=499)) => Some(Self::Client),
            Some(b'P' | b'R' | b'I' | b'U' | b'K') => Some(Self::Proxy),
            Some(b'L') if matches!(status, Some(500..)) => Some(Self::Proxy),
            _ => status.and_then(|status| Self::of_status(status, record)),
        }
    }

    /// By the status alone, and by whether a server was asked.
    #[cold]
    fn of_status(status: u16, record: &Record<'_>) -> Option<Self> {
        match status {
            // nginx's own: refused before a request was read whole (494–497), or the client went away (499).
            408 | 494..=497 | 499 => Some(Self::Client),
            // A gateway answers with these for its server.
            502 | 504 => Some(Self::Server),
            500..=599 if record.server.is_some() || record.upstream_us.is_some() => Some(Self::Server),
            500..=599 if record.tells_upstream => Some(Self::Proxy),
            500..=599 => Some(Self::Unknown),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cause::{Client, Proxy, Server, Unknown};
    use super::*;

    #[test]
    fn sessions_of_haproxy_fail_by_their_first_letter() {
        let cases = [
            ("----", Some(200), None),
            ("--", None, None),
            ("----", Some(404), None),
            ("--VN", Some(500), Some(Server)),
            ("CR--", Some(400), None),
            ("cR--", Some(408), None),
            ("CH--", None, Some(Client)),
            ("CD--", Some(200), Some(Client)),
            ("cD", None, Some(Client)),
            ("CT--", Some(500), Some(Client)),
            ("sQ--", Some(503), Some(Server)),
            ("SC--", Some(503), Some(Server)),
            ("DH--", Some(503), Some(Server)),
            ("PR--", Some(403), Some(Client)),
            ("PT--", Some(500), Some(Client)),
            ("PR--", Some(500), Some(Proxy)),
            ("PH--", Some(502), Some(Proxy)),
            ("PC", None, Some(Proxy)),
            ("RC--", Some(503), Some(Proxy)),
            ("IH--", Some(500), Some(Proxy)),
            ("UD", None, Some(Proxy)),
            ("KD--", Some(200), Some(Proxy)),
            ("LR--", Some(302), None),
            ("LR--", Some(503), Some(Proxy)),
        ];
        for (state, status, cause) in cases {
            let (termination, server) = (Some(state.as_bytes()), Some(b"s1".as_slice()));
            let record = Record { termination, status, server, tells_upstream: true, ..Record::default() };
            assert_eq!(Cause::of(&record), cause, "{state} {status:?}");
        }
    }

    #[test]
    fn requests_of_nginx_fail_by_status_and_upstream() {
        let asked = Record { upstream_us: Some(1), tells_upstream: true, ..Record::default() };
        let alone = Record { tells_upstream: true, ..Record::default() };
        let silent = Record::default();
        let cases = [
            (200, [None; 3]),
            (404, [None; 3]),
            (444, [None; 3]),
            (0, [None; 3]),
            (408, [Some(Client); 3]),
            (494, [Some(Client); 3]),
            (497, [Some(Client); 3]),
            (499, [Some(Client); 3]),
            (500, [Some(Server), Some(Proxy), Some(Unknown)]),
            (503, [Some(Server), Some(Proxy), Some(Unknown)]),
            (502, [Some(Server); 3]),
            (504, [Some(Server); 3]),
        ];
        for (status, causes) in cases {
            let of = |record: &Record<'_>| Cause::of(&Record { status: Some(status), ..record.clone() });
            assert_eq!([of(&asked), of(&alone), of(&silent)], causes, "{status}");
        }
        assert_eq!(Cause::of(&silent), None);
    }
}
