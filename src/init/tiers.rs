//! Which logs hold the same requests, because one proxy passes them to the other. Without proof there is no tier: a wrong
//! one hides requests from the totals. Reads nothing.

use super::endpoint::{Endpoint, Hosts};
use super::found::{FoundLog, Note};
use super::sources::Source;
use super::text::place;

/// How many servers or frontends of a log get their requests from the other proxy.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Behind {
    None,
    Some,
    All,
}

/// Gives the sources their tiers, and says why; or why not, where both proxies have logs.
pub fn assign(sources: &mut [Source], hosts: &Hosts) -> Option<Note> {
    let is_written = |proxy: &str| sources.iter().any(|source| source.proxy == proxy && source.is_readable());
    if !is_written("nginx") || !is_written("HAProxy") {
        return None;
    }
    let tiers: Vec<Option<&'static str>> = (0..sources.len()).map(|at| tier(sources, at, hosts)).collect();
    for at in 0..sources.len() {
        if behind(sources, at, hosts) == Behind::Some {
            let note = shared(sources[at].proxy);
            sources[at].log.notes.push(note);
        }
    }
    let mut proofs = Vec::new();
    for (at, tier) in tiers.iter().enumerate() {
        sources[at].tier = *tier;
        if tier.is_some() {
            let found =
                links(sources, at, hosts).map(|(passes, listens)| proof(sources[at].proxy, passes, listens));
            proofs.extend(found.filter(|proof| !proofs.contains(proof)).collect::<Vec<_>>());
        }
    }
    proofs.dedup();
    Some(match proofs.first() {
        Some(first) => Note {
            place: None,
            text: format!("tiers: {first}; totals count each request once, at the outermost tier"),
            hint: None,
        },
        None => Note {
            place: None,
            text: "no tiers: nothing shows that HAProxy passes requests to this nginx, or nginx to HAProxy".to_owned(),
            hint: Some(
                "if one does, its requests count twice in totals: give the sources a `tier`, from the outside in \
                 edge, lb, web"
                    .to_owned(),
            ),
        },
    })
}

/// Where a log's servers pass requests to a log of the other proxy.
fn links<'s>(
    sources: &'s [Source],
    at: usize,
    hosts: &'s Hosts,
) -> impl Iterator<Item = (&'s Endpoint, &'s Endpoint)> {
    let others = sources.iter().filter(move |other| other.proxy != sources[at].proxy && other.is_readable());
    let listens = others.flat_map(|other| other.log.listens.iter().flatten());
    listens.flat_map(move |listen| {
        let passes = sources[at].log.passes.iter();
        passes.filter(|pass| hosts.meet(&pass.address, &listen.address)).map(move |pass| (pass, listen))
    })
}

/// `HAProxy passes requests to nginx at 127.0.0.1:8080 (haproxy.cfg:12, nginx.conf:30)`.
fn proof(proxy: &str, pass: &Endpoint, listen: &Endpoint) -> String {
    let other = if proxy == "nginx" { "HAProxy" } else { "nginx" };
    let places = format!("{}, {}", place(&pass.place), place(&listen.place));
    format!("{proxy} passes requests to {other} at {} ({places})", pass.address.title())
}

fn behind(sources: &[Source], at: usize, hosts: &Hosts) -> Behind {
    let others = sources.iter().filter(|other| other.proxy != sources[at].proxy && other.is_readable());
    let passes: Vec<&Endpoint> = others.flat_map(|other| &other.log.passes).collect();
    let gets = |listens: &&Vec<Endpoint>| {
        listens.iter().any(|listen| passes.iter().any(|pass| hosts.meet(&pass.address, &listen.address)))
    };
    let servers = &sources[at].log.listens;
    match servers.iter().filter(gets).count() {
        0 => Behind::None,
        all if all == servers.len() => Behind::All,
        _ => Behind::Some,
    }
}

/// Does it pass requests to a log that has them all from the other proxy?
fn is_before(sources: &[Source], at: usize, hosts: &Hosts) -> bool {
    let is_fed = |log: &FoundLog| {
        let listens = log.listens.iter().flatten();
        listens.into_iter().any(|listen| {
            sources[at].log.passes.iter().any(|pass| hosts.meet(&pass.address, &listen.address))
        })
    };
    sources.iter().enumerate().any(|(other_at, other)| {
        other.proxy != sources[at].proxy
            && other.is_readable()
            && is_fed(&other.log)
            && behind(sources, other_at, hosts) == Behind::All
    })
}

fn tier(sources: &[Source], at: usize, hosts: &Hosts) -> Option<&'static str> {
    let (before, behind) = (is_before(sources, at, hosts), behind(sources, at, hosts));
    match (sources[at].proxy, before, behind) {
        ("HAProxy", true, _) | ("HAProxy", _, Behind::All) => Some("lb"),
        // One that is on both sides is in no order.
        ("nginx", true, Behind::None) => Some("edge"),
        ("nginx", false, Behind::All) => Some("web"),
        _ => None,
    }
}

fn shared(proxy: &str) -> Note {
    let (other, servers) = if proxy == "nginx" { ("HAProxy", "servers") } else { ("nginx", "frontends") };
    Note {
        place: None,
        text: format!(
            "only some of its {servers} get their requests from {other}; those count twice in totals"
        ),
        hint: Some(format!("write the {servers} behind {other} to a log of their own")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Address;
    use super::super::found::{Place, Target};
    use super::*;
    use logstat_parsers::Escape;

    fn endpoint(address: &str) -> Endpoint {
        let place = Place { file: "a.conf".into(), line: 1 };
        Endpoint { address: Address::parse(address, Some(80)).expect("an address"), place }
    }

    /// A log of servers that listen at these addresses, and pass requests to those.
    fn source(proxy: &'static str, listens: &[&str], passes: &[&str]) -> Source {
        let log = FoundLog {
            target: Target::File { glob: "/log/a.log*".to_owned() },
            formats: Vec::new(),
            sites: Vec::new(),
            listens: listens.iter().map(|address| vec![endpoint(address)]).collect(),
            passes: passes.iter().map(|address| endpoint(address)).collect(),
            local_dates: false,
            places: Vec::new(),
            notes: Vec::new(),
        };
        let (name, paths, formats) = (String::new(), vec!["/log/a.log*".to_owned()], Vec::new());
        Source { proxy, name, paths, formats, escape: Escape::Default, tier: None, log }
    }

    fn tiers(sources: &mut [Source]) -> (Vec<Option<&'static str>>, Option<Note>) {
        let note = assign(sources, &Hosts::default());
        (sources.iter().map(|source| source.tier).collect(), note)
    }

    #[test]
    fn haproxy_in_front_of_nginx() {
        let (all, note) = tiers(&mut [
            source("nginx", &["*:8080"], &[]),
            source("nginx", &["*:81"], &[]),
            source("HAProxy", &["*:80"], &["127.0.0.1:8080", "192.0.2.1:81"]),
        ]);
        assert_eq!(all, [Some("web"), None, Some("lb")]);
        let text = note.expect("a note").text;
        assert!(
            text.starts_with("tiers: HAProxy passes requests to nginx at 127.0.0.1:8080 (a.conf:1, "),
            "{text}"
        );
    }

    #[test]
    fn nginx_in_front_of_haproxy() {
        let (all, note) = tiers(&mut [
            source("nginx", &["*:443"], &["127.0.0.1:8906"]),
            source("HAProxy", &["127.0.0.1:8906"], &["192.0.2.1:80"]),
        ]);
        assert_eq!(all, [Some("edge"), Some("lb")]);
        assert!(note.expect("a note").text.contains("nginx passes requests to HAProxy at 127.0.0.1:8906"));
    }

    #[test]
    fn without_proof_there_is_no_tier() {
        let (all, note) = tiers(&mut [
            source("nginx", &["*:80"], &[]),
            source("HAProxy", &["127.0.0.1:3306"], &["192.0.2.1:3306"]),
        ]);
        assert_eq!(all, [None, None]);
        assert!(
            note.and_then(|note| note.hint).is_some_and(|hint| hint.contains("give the sources a `tier`"))
        );
        assert_eq!(tiers(&mut [source("nginx", &["*:80"], &[])]), (vec![None], None));
    }

    #[test]
    fn a_log_of_servers_of_which_some_are_behind_is_in_no_tier() {
        let mut sources =
            [source("nginx", &["*:8080", "*:443"], &[]), source("HAProxy", &["*:80"], &["127.0.0.1:8080"])];
        assert_eq!(tiers(&mut sources).0, [None, None]);
        assert!(sources[0].log.notes[0].text.starts_with("only some of its servers"));
    }
}
