//! A table of hours becomes text, files and pictures.
//!
//! [`model`] says what a report is made of. From it, [`terminal`] renders the text for standard output, [`csv`] and
//! [`parquet`] the tables, [`summary`] the JSON, [`charts`] the pictures and [`html`] the page; [`backtest`] has the files of a back-test of rules; [`mod@dataset`] has the
//! files of single hours, which are read again. Rendering returns bytes; one place ([`mod@write`]) puts them into files.

mod availability;
pub mod backtest;
mod bans;
pub mod charts;
mod columns;
pub mod csv;
pub mod dataset;
mod divisions;
pub mod hours;
pub mod html;
pub mod model;
pub mod parquet;
pub mod summary;
pub mod terminal;
mod terminations;
pub mod text;
mod words;
pub mod write;
