//! Where nginx's servers listen, and where they pass requests. Reads nothing.
//!
//! <https://nginx.org/en/docs/http/ngx_http_core_module.html#listen>

use super::super::endpoint::{Address, Endpoint};
use super::files::Node;
use std::collections::BTreeMap;

/// What `listen` and `server` of an upstream mean without a port.
const PORT: u16 = 80;

/// The servers of each `upstream`, by its name.
pub(super) type Upstreams = BTreeMap<String, Vec<Endpoint>>;

pub(super) fn upstreams(http: &[Node]) -> Upstreams {
    let blocks = http.iter().filter(|node| node.name == "upstream");
    let upstream = |node: &Node| {
        let servers = node.block.iter().flatten().filter(|node| node.name == "server");
        let servers = servers.filter_map(|server| first(server, |text| Address::parse(text, Some(PORT))));
        Some((node.args.first()?.value.clone(), servers.collect()))
    };
    blocks.filter_map(upstream).collect()
}

/// Where a server listens; without `listen`, as nginx does.
pub(super) fn listens(server: &Node) -> Vec<Endpoint> {
    let own: Vec<&Node> = server.block.iter().flatten().filter(|node| node.name == "listen").collect();
    if own.is_empty() {
        let address = Address::Tcp(String::new(), PORT..=PORT);
        return vec![Endpoint { address, place: server.place.clone() }];
    }
    own.into_iter().filter_map(|node| first(node, listen)).collect()
}

/// A port alone is one on all addresses.
fn listen(text: &str) -> Option<Address> {
    let is_ports = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    Address::parse(&if is_ports { format!(":{text}") } else { text.to_owned() }, Some(PORT))
}

fn first(node: &Node, address: impl Fn(&str) -> Option<Address>) -> Option<Endpoint> {
    Some(Endpoint { address: address(&node.args.first()?.value)?, place: node.place.clone() })
}

/// Where a server passes requests to, with its locations.
pub(super) fn passes(block: &[Node], upstreams: &Upstreams) -> Vec<Endpoint> {
    let mut passes = Vec::new();
    for node in block {
        match (node.name.as_str(), &node.block) {
            ("proxy_pass" | "grpc_pass", None) => passes.extend(targets(node, upstreams)),
            ("location" | "if" | "limit_except", Some(block)) => {
                passes.extend(self::passes(block, upstreams));
            }
            _ => {}
        }
    }
    passes
}

/// `http://host:port/uri`, `http://unix:/path:/uri`, `https://upstream`.
fn targets(node: &Node, upstreams: &Upstreams) -> Vec<Endpoint> {
    let Some(url) = node.args.first() else { return Vec::new() };
    let (scheme, rest) = url.value.split_once("://").unwrap_or(("grpc", &url.value));
    let port = if scheme.ends_with('s') { 443 } else { PORT };
    let host = match rest.strip_prefix("unix:") {
        Some(path) => path.split(':').next().unwrap_or_default(),
        None => rest.split('/').next().unwrap_or_default(),
    };
    if let Some(servers) = upstreams.get(host) {
        return servers.clone();
    }
    let address = Address::parse(host, Some(port));
    address.map(|address| Endpoint { address, place: node.place.clone() }).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::found::Place;
    use logstat_parsers::conf::nginx::{Directive, parse};

    fn nodes(directives: Vec<Directive>) -> Vec<Node> {
        let node = |directive: Directive| Node {
            place: Place { file: "nginx.conf".into(), line: directive.at.line },
            block: directive.block.map(nodes),
            name: directive.name,
            args: directive.args,
        };
        directives.into_iter().map(node).collect()
    }

    #[test]
    fn servers_listen_and_pass() {
        let conf = "upstream app { server 127.0.0.1:81 weight=2; server unix:/run/app; }\n\
                    server { listen 8080 ssl; listen [::]:81; location / { proxy_pass http://app/x; }\n\
                    location /b { if ($a) { proxy_pass https://b; } proxy_pass http://unix:/run/b:/uri; } }\n\
                    server { proxy_pass http://$host; }";
        let nodes = nodes(parse(conf).expect("a configuration"));
        let titles = |all: Vec<Endpoint>| all.iter().map(|one| one.address.title()).collect::<Vec<_>>();
        assert_eq!(titles(listens(&nodes[1])), [":8080", ":81"]);
        assert_eq!(titles(listens(&nodes[2])), [":80"]);
        let upstreams = upstreams(&nodes);
        let passed = |at: usize| titles(passes(nodes[at].block.as_deref().unwrap_or_default(), &upstreams));
        assert_eq!(passed(1), ["127.0.0.1:81", "/run/app", "b:443", "/run/b"]);
        let variable: Vec<String> = passed(2);
        assert_eq!(variable, ["$host:80"]);
    }
}
