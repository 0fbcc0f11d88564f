//! What a `log` line says. Resolves nothing.
//!
//! <https://docs.haproxy.org/3.2/configuration.html#4.2-log>

use super::super::found::Place;
use logstat_parsers::conf::haproxy::Line;

/// Where syslog listens, by its standard.
const SYSLOG_PORT: u16 = 514;
/// Bytes of a line, where the configuration does not say.
const DEFAULT_LEN: usize = 1024;
/// Levels that leave out `info`, which requests have.
const ABOVE_INFO: [&str; 6] = ["emerg", "alert", "crit", "err", "warning", "notice"];

/// `log <address> [len N] [format F] [sample R:S] [profile P] <facility> [max [min]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Logger {
    pub address: String,
    pub facility: String,
    /// Bytes after which a line is cut.
    pub len: usize,
    /// `1,3:10`: the first and third of ten.
    pub sample: Option<String>,
    pub profile: Option<String>,
    /// Of its messages, the least important ones are more important than requests.
    pub level: Option<String>,
    pub place: Place,
}

/// What an address of a `log` line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket of this machine.
    Socket,
    /// A UDP port of this machine.
    LocalUdp(u16),
    /// Another machine, or what cannot be told.
    Elsewhere,
    /// `stdout`, `stderr`, `fd@3`.
    Stream,
    /// A ring or a backend, whose servers are the targets.
    Servers { section: &'static str, name: String },
}

impl Logger {
    /// Reads the words behind `log`; `None` where HAProxy would not take them.
    pub fn read(line: &Line, at: usize, place: Place) -> Option<Self> {
        let mut words = line.words.iter().skip(at).map(|word| word.text.as_str());
        let address = words.next()?.to_owned();
        let mut logger = Self {
            address,
            facility: String::new(),
            len: DEFAULT_LEN,
            sample: None,
            profile: None,
            level: None,
            place,
        };
        loop {
            match words.next()? {
                "len" => logger.len = words.next()?.parse().ok()?,
                "format" => drop(words.next()?),
                "sample" => logger.sample = Some(words.next()?.to_owned()),
                "profile" => logger.profile = Some(words.next()?.to_owned()),
                facility => {
                    facility.clone_into(&mut logger.facility);
                    break;
                }
            }
        }
        logger.level = words.next().filter(|level| ABOVE_INFO.contains(level)).map(str::to_owned);
        Some(logger)
    }

    /// Requests are not among its messages.
    pub fn events_only(&self) -> bool {
        self.level.is_some()
    }
}

impl Address {
    pub fn of(text: &str) -> Self {
        if text == "stdout" || text == "stderr" || text.starts_with("fd@") {
            return Self::Stream;
        }
        if let Some(name) = text.strip_prefix("ring@") {
            return Self::Servers { section: "ring", name: name.to_owned() };
        }
        if let Some(name) = text.strip_prefix("backend@") {
            return Self::Servers { section: "backend", name: name.to_owned() };
        }
        let (family, rest) = text.rsplit_once('@').unwrap_or(("", text));
        if family.starts_with("unix") || family.starts_with("uxdg") || rest.starts_with('/') {
            return Self::Socket;
        }
        // `rsyslog` may as well listen on TCP, but then not as a rule on this machine.
        let (host, port) = split_port(rest);
        let local = matches!(host, "localhost" | "::1" | "[::1]") || host.starts_with("127.");
        let datagrams = !family.contains("tcp") && !family.contains("abns") && !family.contains("stream");
        if local && datagrams { Self::LocalUdp(port) } else { Self::Elsewhere }
    }
}

/// An IPv6 address may have no port, and holds colons itself.
fn split_port(text: &str) -> (&str, u16) {
    let split = text.rsplit_once(':').filter(|(host, _)| host.ends_with(']') || !host.contains(':'));
    match split.map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host, port),
        _ => (text, SYSLOG_PORT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        for (text, address) in [
            ("/dev/log", Address::Socket),
            ("unix@/run/systemd/journal/dev-log", Address::Socket),
            ("127.0.0.1", Address::LocalUdp(514)),
            ("localhost:5140", Address::LocalUdp(5140)),
            ("udp4@127.0.0.1:514", Address::LocalUdp(514)),
            ("[::1]:5140", Address::LocalUdp(5140)),
            ("udp6@::1", Address::LocalUdp(514)),
            ("tcp@127.0.0.1:514", Address::Elsewhere),
            ("192.0.2.1:514", Address::Elsewhere),
            ("stdout", Address::Stream),
            ("fd@3", Address::Stream),
            ("ring@r", Address::Servers { section: "ring", name: "r".into() }),
        ] {
            assert_eq!(Address::of(text), address, "{text}");
        }
    }
}
