//! Drives the built binary as a user does.

mod availability;
mod bad_input;
mod bans;
mod check;
mod corpus;
mod dataset;
mod determinism;
mod exactly_once;
mod files;
mod fixtures;
mod formats;

mod init;
mod inputs;
mod interface;
mod lab;
mod readme;
mod reference;
mod state;
