//! Who is banned, who never is, and what reaches a firewall, over the built binary.

mod cases;
mod commands;
mod firewall;
mod fixtures;
mod forged;
mod host;
mod lists;
mod network;
mod publish;
