//! Where HAProxy listens, and where its servers are. Opens no file.
//!
//! <https://docs.haproxy.org/3.2/configuration.html#4.2-bind>

use super::super::endpoint::{Address, Endpoint};
use super::ConfigurationFile;
use logstat_parsers::conf::haproxy::Section;

/// `bind :80,:443 ssl …`, and the address that an old `listen` has behind its name.
pub(super) fn binds(file: &ConfigurationFile, section: &Section) -> Vec<Endpoint> {
    let lines = section.lines.iter().filter(|line| line.word(0) == "bind");
    let named = lines.map(|line| (line.number, line.word(1)));
    let old = Some((section.header.number, section.header.word(2))).filter(|(_, word)| word.contains(':'));
    let mut endpoints = Vec::new();
    for (number, addresses) in named.chain(old) {
        let addresses = addresses.split(',').filter_map(|address| Address::parse(address, None));
        endpoints.extend(addresses.map(|address| Endpoint { address, place: file.place(number) }));
    }
    endpoints
}

/// The servers of a section. One without a port has that of the client's connection, which says nothing.
pub(super) fn servers(file: &ConfigurationFile, section: &Section) -> Vec<Endpoint> {
    let server = |line: &logstat_parsers::conf::haproxy::Line| {
        let address = match line.word(0) {
            "server" => line.word(2),
            "server-template" => line.word(3),
            _ => return None,
        };
        let place = file.place(line.number);
        Some(Endpoint { address: Address::parse(address, None)?, place })
    };
    section.lines.iter().filter_map(server).collect()
}

/// The backends that a section names; a `listen` is its own. `None` is a name that is made for each request.
pub(super) fn uses(section: &Section) -> Vec<Option<String>> {
    let own = (section.kind() == "listen").then(|| section.name().to_owned());
    let lines = section.lines.iter().filter(|line| line.word(0) == "use_backend");
    let named = lines.map(|line| Some(line.word(1).to_owned()).filter(|name| !name.contains('%')));
    own.map(Some).into_iter().chain(named).collect()
}
