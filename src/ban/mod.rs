//! Who is to be kept out, and for how long: rules over records, decisions by log time, lists for firewalls and proxies.
//! Reads no logs and no clock. No command uses it yet.
//!
//! In the order of the flow:
//!
//! * [`rule`] and [`shipped`] say what a rule is, [`filter`] which requests it counts, [`client`] whose they are;
//! * [`decide`] makes bans of hits, by the sets of [`window`] and never against [`floor`]; [`evidence`] keeps what made
//!   them, [`memory`] what the next run must know;
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
pub mod rule;
pub mod selfcheck;
pub mod shipped;
pub mod window;
