//! `fail2ban-client set JAIL banip …`, a hundred addresses to a command. The jail's own ban time holds, since the command
//! takes none.

use super::super::merge_networks::Merged;
use super::{is_name, is_network, line, sorted};

/// Addresses per command: far below what a command line may hold, and few commands for long lists.
const ADDRESSES_PER_COMMAND: usize = 100;

pub(super) fn write(merged: &Merged<'_>, jail: &str, out: &mut Vec<u8>) {
    for entries in sorted(merged).chunks(ADDRESSES_PER_COMMAND) {
        out.extend_from_slice(b"fail2ban-client set ");
        out.extend_from_slice(jail.as_bytes());
        out.extend_from_slice(b" banip");
        for entry in entries {
            out.push(b' ');
            out.extend_from_slice(entry.network.to_string().as_bytes());
        }
        line(out, format_args!(""));
    }
}

pub(super) fn count(text: &str) -> Option<usize> {
    text.lines().try_fold(0, |count, line| {
        let (jail, networks) = line.strip_prefix("fail2ban-client set ")?.split_once(" banip ")?;
        let mut networks = networks.split(' ');
        let more = networks.try_fold(0, |more, network| is_network(network).then_some(more + 1))?;
        is_name(jail).then_some(count + more)
    })
}
