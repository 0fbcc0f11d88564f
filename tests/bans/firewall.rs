//! End to end: a real nginx writes the log, and the kernel drops who is on our list.

use super::network::{ATTACKER, ATTACKER_6, Answer, Net, VISITOR, VISITOR_6};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// Long enough to be seen, short enough to be waited for.
const BANTIME: Duration = Duration::from_secs(10);
const CHAIN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/contrib/nftables/logstat-chain.nft");
const SECRETS: [&str; 4] = ["/.env", "/.git/config", "/backup.zip", "/a/../.aws/credentials"];

/// Loads the administrator's chain, and says in `logstat.toml` how long a ban is.
fn prepare(net: &Net, outputs: &str) {
    net.must("nft", &["-f", CHAIN]);
    let folder = net.path("").display().to_string();
    let toml = format!(
        "[[source]]\nname = \"web\"\npaths = [\"{folder}access.log\"]\nformat = \"combined\"\n\
         [ban]\nrules = [\"sensitive-files\"]\n[[ban.rule]]\nname = \"sensitive-files\"\nbantime = \"{}s\"\n{outputs}",
        BANTIME.as_secs()
    );
    fs::write(net.path("logstat.toml"), toml).expect("a configuration");
}

/// Asks for what should not be there. When the last request was answered.
fn attack(net: &Net) -> Instant {
    for (number, secret) in SECRETS.into_iter().enumerate() {
        assert_eq!(net.get(ATTACKER, secret), Answer::Status(404));
        assert_eq!(net.get(ATTACKER_6[number % 2], secret), Answer::Status(404));
        assert_eq!(net.get(VISITOR, "/"), Answer::Status(200));
    }
    Instant::now()
}

fn logstat(net: &Net, words: &[&str]) {
    let folder = net.path("").display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_logstat"))
        .args(words)
        .args(["--config", "logstat.toml", "--state", "state"])
        .current_dir(&folder)
        .env("TZ", "UTC")
        .output()
        .expect("logstat starts");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The attackers get no answer, visitors do, and the attackers too when their time is over and not before.
fn is_banned_for_a_while(net: &Net, attacked: Instant) {
    for banned in [ATTACKER, ATTACKER_6[0], ATTACKER_6[1]] {
        assert_eq!(
            net.get(banned, "/"),
            Answer::Silence,
            "{banned}: {}",
            net.must("nft", &["list", "ruleset"])
        );
    }
    for free in [VISITOR, VISITOR_6] {
        assert_eq!(net.get(free, "/"), Answer::Status(200), "{free}");
    }
    for banned in [ATTACKER, ATTACKER_6[1]] {
        net.wait_for(banned, &Answer::Status(200), BANTIME + Duration::from_secs(10));
        // Log time has whole seconds.
        assert!(attacked.elapsed() + Duration::from_secs(1) >= BANTIME, "{banned} was let in too early");
    }
}

#[test]
fn an_attacker_is_dropped_by_the_kernel_until_its_ban_ends() {
    let Some(net) = Net::new() else { return };
    prepare(&net, "");
    let attacked = attack(&net);
    logstat(&net, &["ban", "emit", "access.log", "--format", "nftables", "--out", "bans.nft", "--check"]);
    let list = net.path("bans.nft").display().to_string();
    net.must("nft", &["-f", &list]);
    is_banned_for_a_while(&net, attacked);
}

#[test]
fn ingest_hands_the_list_to_the_kernel_by_itself() {
    let Some(net) = Net::new() else { return };
    let list = net.path("bans.nft").display().to_string();
    // The test's own namespace is not the server's.
    let enter = net.enter().map(|word| format!("\"{word}\", ")).concat();
    let output = format!(
        "[[ban.output]]\nformat = \"nftables\"\npath = \"{list}\"\non_change = [{enter}\"nft\", \"-f\", \"{list}\"]\n"
    );
    prepare(&net, &output);
    logstat(&net, &["ingest"]);
    let attacked = attack(&net);
    logstat(&net, &["ingest"]);
    is_banned_for_a_while(&net, attacked);
    // Loading it again changes nothing.
    net.must("nft", &["-f", &list]);
    assert_eq!(net.get(VISITOR, "/"), Answer::Status(200));
}
