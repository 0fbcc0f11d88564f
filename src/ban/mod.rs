//! Who is to be kept out, and for how long: rules over records, decisions by log time, lists for firewalls and proxies.
//! Reads no logs and no clock.
//!
//! In the order of the flow:
//!
//! * [`rule`] and [`shipped`] say what a rule is, [`filter`] which requests it counts, [`watch`] asks all rules at once,
//!   [`client`] says whose a request is;
//! * [`spool`] brings the hits of several logs into the order of time;
//! * [`decide`] makes bans of hits, by the sets of [`window`] and never against [`floor`]; [`evidence`] keeps what made
//!   them, [`memory`] what the next run must know, and [`standing`] answers who asks;
//! * [`merge_networks`] makes of [`ban`]s what a firewall can hold, [`emit`] writes it in a consumer's words, [`guard`]
//!   says whether it may replace the list before, and [`selfcheck`] how its consumer is asked.

#[expect(clippy::module_inception, reason = "a ban is what it is called")]
pub mod ban;
pub mod client;
pub mod decide;
pub mod emit;
pub mod evidence;
pub mod filter;
pub mod floor;
pub mod guard;
pub mod memory;
pub mod merge_networks;
pub mod network;
mod numbers;
pub mod rule;
pub mod selfcheck;
pub mod shipped;
pub mod spool;
pub mod standing;
pub mod watch;
pub mod window;
