//! Addresses at which proxies listen, and to which they pass requests. Resolves no name but those of this machine.

use super::found::Place;
use std::fs;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// An address in a configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    #[expect(missing_docs)]
    pub address: Address,
    /// Who says so.
    pub place: Place,
}

/// Where connections come in or go to.
#[derive(Debug, Clone, PartialEq)]
pub enum Address {
    /// A path.
    Socket(String),
    /// A host, empty for all addresses of the machine, and ports.
    Tcp(String, RangeInclusive<u16>),
}

impl Address {
    /// `host:port`, `[::1]:80`, `:80`, `*:80`, `:8000-8010`, `unix:/path`; `None` without a port, where there is no
    /// default, or where a variable holds it.
    #[must_use]
    pub fn parse(text: &str, default_port: Option<u16>) -> Option<Self> {
        let path = text.strip_prefix("unix:").or(text.strip_prefix("unix@")).unwrap_or(text);
        if path.starts_with('/') {
            return Some(Self::Socket(path.to_owned()));
        }
        let text = text.rsplit_once('@').map_or(text, |(_, address)| address);
        let split = text.rsplit_once(':').filter(|(host, _)| host.ends_with(']') || !host.contains(':'));
        let (host, ports) = match split {
            Some((host, ports)) => (host, Some(ports)),
            None => (text, None),
        };
        let ports = match ports {
            None => default_port.map(|port| port..=port)?,
            Some(ports) => {
                let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
                first.parse().ok()?..=last.parse().ok()?
            }
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let any = matches!(host, "*" | "0.0.0.0" | "::");
        Some(Self::Tcp(if any { String::new() } else { host.to_ascii_lowercase() }, ports))
    }

    /// For a person.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Socket(path) => path.clone(),
            Self::Tcp(host, ports) if ports.start() == ports.end() => format!("{host}:{}", ports.start()),
            Self::Tcp(host, ports) => format!("{host}:{}-{}", ports.start(), ports.end()),
        }
    }
}

/// The names and addresses of this machine.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    own: Vec<IpAddr>,
    /// Names with their addresses.
    names: Vec<(String, IpAddr)>,
}

impl Hosts {
    /// By what the kernel and `/etc/hosts` say.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let hostname = text("/proc/sys/kernel/hostname");
        Self::parse(
            &text("/proc/net/fib_trie"),
            &text("/proc/net/if_inet6"),
            &text("/etc/hosts"),
            hostname.trim(),
        )
    }

    fn parse(fib_trie: &str, if_inet6: &str, hosts: &str, hostname: &str) -> Self {
        let mut own: Vec<IpAddr> = Vec::new();
        let mut last: Option<IpAddr> = None;
        for line in fib_trie.lines().map(str::trim) {
            if let Some(address) = line.strip_prefix("|-- ") {
                last = address.parse().ok();
            } else if line.ends_with("host LOCAL") {
                own.extend(last);
            }
        }
        let hex = if_inet6.lines().filter_map(|line| line.split_whitespace().next());
        own.extend(
            hex.filter_map(|hex| Some(IpAddr::from(u128::from_str_radix(hex, 16).ok()?.to_be_bytes()))),
        );
        let mut names = Vec::new();
        for line in hosts.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(address) = words.next().and_then(|address| address.parse().ok()) else { continue };
            names.extend(words.map(|name| (name.to_ascii_lowercase(), address)));
        }
        for name in ["localhost", hostname].into_iter().filter(|name| !name.is_empty()) {
            names.push((name.to_ascii_lowercase(), IpAddr::from([127, 0, 0, 1])));
        }
        Self { own, names }
    }

    fn addresses(&self, host: &str) -> Vec<IpAddr> {
        match host.parse() {
            Ok(address) => vec![address],
            Err(_) => {
                self.names.iter().filter(|(name, _)| name == host).map(|(_, address)| *address).collect()
            }
        }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback() || address.is_unspecified() || self.own.contains(&address)
    }

    /// Do connections to one address come in at the other?
    #[must_use]
    pub fn meet(&self, target: &Address, listen: &Address) -> bool {
        match (target, listen) {
            (Address::Socket(target), Address::Socket(listen)) => target == listen,
            (Address::Tcp(target, ports), Address::Tcp(listen, listened)) => {
                let port_fits = ports.start() <= listened.end() && listened.start() <= ports.end();
                port_fits && self.is_host(target, listen)
            }
            _ => false,
        }
    }

    fn is_host(&self, target: &str, listen: &str) -> bool {
        let targets = self.addresses(target);
        if listen.is_empty() {
            // A target without a host is this machine.
            return target.is_empty() || targets.into_iter().any(|address| self.is_own(address));
        }
        let listens = self.addresses(listen);
        target == listen || targets.iter().any(|address| listens.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text, Some(80)).expect("an address")
    }

    #[test]
    fn addresses_are_read() {
        let tcp = |host: &str, first, last| Address::Tcp(host.to_owned(), first..=last);
        for (text, wanted) in [
            ("127.0.0.1:8080", tcp("127.0.0.1", 8080, 8080)),
            ("[::1]:81", tcp("::1", 81, 81)),
            ("::1", tcp("::1", 80, 80)),
            ("*:81", tcp("", 81, 81)),
            (":8000-8010", tcp("", 8000, 8010)),
            ("ipv4@192.0.2.1:81", tcp("192.0.2.1", 81, 81)),
            ("WEB", tcp("web", 80, 80)),
            ("unix:/run/x", Address::Socket("/run/x".to_owned())),
            ("/run/x", Address::Socket("/run/x".to_owned())),
        ] {
            assert_eq!(address(text), wanted, "{text}");
        }
        assert_eq!(Address::parse("127.0.0.1", None), None);
        assert_eq!(Address::parse("127.0.0.1:$port", Some(80)), None);
    }

    #[test]
    fn only_addresses_of_this_machine_meet_a_listener_on_all() {
        let trie =
            "Local:\n  |-- 192.0.2.7\n     /32 host LOCAL\n  |-- 192.0.2.255\n     /32 link BROADCAST\n";
        let inet6 = "20010db8000000000000000000000007 02 40 00 80 eth0\n";
        let hosts = Hosts::parse(trie, inet6, "192.0.2.7 web # this\n192.0.2.8 other\n", "Box");
        for (target, listen, wanted) in [
            ("127.0.0.1:80", "*:80", true),
            ("127.0.0.1:80", "*:81", false),
            ("192.0.2.7:80", ":80", true),
            ("192.0.2.255:80", ":80", false),
            ("[2001:db8::7]:80", "[::]:80", true),
            ("web:80", "*:80", true),
            ("web:80", "192.0.2.7:80", true),
            ("other:80", "*:80", false),
            ("box:80", "127.0.0.1:80", true),
            ("localhost:80", "127.0.0.1:80", true),
            ("unknown:80", "*:80", false),
            ("192.0.2.9:80", "192.0.2.9:80", true),
            ("127.0.0.1:8005", "127.0.0.1:8000-8010", true),
            ("/run/x", "unix:/run/x", true),
        ] {
            assert_eq!(hosts.meet(&address(target), &address(listen)), wanted, "{target} {listen}");
        }
    }
}
