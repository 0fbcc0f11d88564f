//! Bytes become lines, lines become records, records become hours, hours become a report.
//!
//! In the order of the flow:
//!
//! * [`cli`] and [`config`] say what was typed, [`plan`] and [`window`] what that comes to;
//! * [`source`] turns files, pipes and archives into blocks of lines; it never parses;
//! * [`logstat_parsers`] turns a line into a record, an event or a reject; it does no IO;
//! * [`rollup`] counts records by the hour, knowing [`bots`]; it never reads the clock;
//! * [`ban`] decides who is to be kept out, by hits of rules; it reads no logs;
//! * [`pipeline`] joins these three, and nothing else does;
//! * [`ingest`] takes what is new of the logs into the state;
//! * [`bans`] is where that meets logs, state, lists and the command line;
//! * [`store`] keeps what is known between runs, and never looks into what it keeps; [`state`] opens it;
//! * [`publish`] writes from it what [`dataset`] finds and reads again, on this machine or another;
//! * [`status`], [`mod@prune`] and [`export`] are about the state alone: how far each log was read, what is old, all of it;
//! * [`merge`] makes one dataset of several;
//! * [`history`] takes what a window needs of that to the report;
//! * [`report`] finishes the figures, and [`logstat_reports`] renders them;
//! * [`check`] tells what becomes of each line and each field, without a report;
//! * [`output`] writes and prints, [`run`] and [`kept`] hold it all together, [`exit`] names the ends;
//! * [`init`] comes before all of it: it finds the logs, and writes the configuration.

pub mod ban;
pub mod bans;
pub mod bots;
pub mod check;
pub mod cli;
pub mod config;
pub mod dataset;
pub mod exit;
pub mod export;
pub mod history;
pub mod ingest;
pub mod init;
pub mod kept;
pub mod man;
pub mod merge;
pub mod output;
pub mod pipeline;
pub mod plan;
pub mod prune;
pub mod publish;
pub mod rename;
pub mod report;
pub mod rollup;
pub mod run;
pub mod source;
pub mod state;
pub mod status;
pub mod store;
pub mod window;
