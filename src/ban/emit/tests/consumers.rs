//! Every list that some tool can check is given to that tool, in a network namespace of its own.

use std::path::Path;
use std::process::{Command, Output};

use super::super::super::selfcheck::check;
use super::*;

/// Runs a command; none if it is not installed here, which is said.
fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: {program}: {error}");
            None
        }
    }
}

/// Can this user have a network namespace in which the tool may change something?
fn has_namespace(tool: &[&str]) -> bool {
    let arguments: Vec<_> = ["--net", "--"].iter().chain(tool).copied().collect();
    let works = run("unshare", &arguments).is_some_and(|output| output.status.success());
    if !works {
        eprintln!("skipped: no network namespace in which {} works", tool[0]);
    }
    works
}

/// The output of a script in a namespace of its own.
fn in_namespace(script: &str, list: &Path) -> String {
    let output = run("unshare", &["--net", "--", "sh", "-ec", script, "sh", list.to_str().unwrap()]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn written(directory: &Path, list: &[u8]) -> std::path::PathBuf {
    let path = directory.join("list");
    std::fs::write(&path, list).unwrap();
    path
}

/// The self-check's verdict on these bytes; none if the tool is missing.
fn verdict(format: Format, list: &[u8]) -> Option<bool> {
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path(), list);
    let check = check(format, path.to_str().unwrap(), directory.path().to_str().unwrap()).unwrap()?;
    if let Some((path, text)) = &check.configuration {
        std::fs::write(path, text).unwrap();
    }
    let arguments: Vec<_> = check.arguments.iter().map(String::as_str).collect();
    run(check.program, &arguments).map(|output| output.status.success())
}

fn is_usable(format: Format) -> bool {
    match format {
        Format::Nftables => has_namespace(&["nft", "list", "ruleset"]),
        Format::Ipset => has_namespace(&["ipset", "list"]),
        _ => true,
    }
}

#[test]
fn the_real_readers_take_every_list() {
    let wide = [ban("0.0.0.0/0", 60, "crawl"), ban("::/0", 60, "crawl"), ban("192.0.2.1", 90, "xss")];
    for format in Format::ALL.into_iter().filter(|&format| is_usable(format)) {
        for bans in [&sample()[..], &wide[..], &[]] {
            let list = emitted(format, bans, &[]);
            assert_ne!(verdict(format, &list.bytes), Some(false), "{format}");
        }
    }
}

#[test]
fn the_real_readers_refuse_a_bad_line() {
    for (format, line) in [
        (Format::Nftables, "add element inet logstat ban4 { 192.0.2.300 timeout 5s }\n"),
        (Format::Ipset, "add logstat4 192.0.2.1/0 timeout 5\n"),
        (Format::NginxGeo, "192.0.2.300 1;\n"),
        (Format::NginxDeny, "deny 192.0.2.300;\n"),
        (Format::HaproxyAcl, "192.0.2.300/33\n"),
        (Format::HaproxyMap, "192.0.2.1 soon\n"),
    ] {
        if is_usable(format) {
            let list = [&emitted(format, &sample(), &[]).bytes, line.as_bytes()].concat();
            assert_ne!(verdict(format, &list), Some(true), "{format}");
        }
    }
}

#[test]
fn nftables_holds_the_bans_after_one_and_after_two_times() {
    if !has_namespace(&["nft", "list", "ruleset"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = written(directory.path(), &emitted(Format::Nftables, &sample(), &[]).bytes);
    let held = in_namespace("nft -f $1; nft -f $1; nft list ruleset", &path);
    for wanted in [
        "192.0.2.1 timeout 1h ",
        "192.0.2.9 timeout 1m ",
        "198.51.100.0/25 timeout 1h ",
        "198.51.100.128/25 timeout 1m ",
        "2001:db8::1 timeout 1157d9h46m39s ",
        "2001:db8:0:7::/64 timeout 5m ",
    ] {
        assert!(held.contains(wanted), "{wanted}\n{held}");
    }
    assert_eq!(held.matches(" timeout ").count(), 6, "{held}");
    let empty = written(directory.path(), &emitted(Format::Nftables, &[], &[]).bytes);
    assert!(!in_namespace("nft -f $1; nft -f $1; nft list ruleset", &empty).contains("elements"));
}

#[test]
fn ipset_holds_the_bans_and_a_bad_line_leaves_the_live_sets() {
    if !has_namespace(&["ipset", "list"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let list = emitted(Format::Ipset, &sample(), &[]).bytes;
    let path = written(directory.path(), &list);
    let bad = directory.path().join("bad");
    std::fs::write(
        &bad,
        [b"create logstat4-new hash:ip timeout 0 -exist\nadd logstat4-new nobody\n", &list[..]].concat(),
    )
    .unwrap();
    let script = "ipset -file $1 restore; ipset -file $1 restore; ! ipset -file ${1%list}bad restore; ipset -output save list";
    let held = in_namespace(script, &path);
    for wanted in [
        "add logstat4 192.0.2.1 timeout ",
        "add logstat4 192.0.2.9 timeout ",
        "add logstat4-net 198.51.100.0/25 timeout ",
        "add logstat4-net 198.51.100.128/25 timeout ",
        "add logstat6 2001:db8::1 timeout 214748",
        "add logstat6-net 2001:db8:0:7::/64 timeout ",
    ] {
        assert!(held.contains(wanted), "{wanted}\n{held}");
    }
    assert_eq!(held.matches("\nadd ").count(), 6, "{held}");
}

#[test]
fn a_long_list_is_taken_at_once() {
    let bans: Vec<_> = (0..20_000_u32)
        .map(|number| {
            let address = std::net::IpAddr::V4((0xc612_0000 + number * 2).into());
            let network =
                if number % 50 == 0 { Network::new(address, 31).unwrap() } else { Network::host(address) };
            Ban { network, ..ban("::1", 60 + i64::from(number % 7), "probing") }
        })
        .collect();
    for format in Format::ALL.into_iter().filter(|&format| is_usable(format)) {
        assert_ne!(verdict(format, &emitted(format, &bans, &[]).bytes), Some(false), "{format}");
    }
}
