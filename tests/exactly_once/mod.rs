//! Each line counts once, whatever happens to the log, to the run and to the disk.
//!
//! Every line has a number, and adds to each sum what no other line adds. The gate is the same everywhere: the hours
//! are byte for byte those of one undisturbed run over all lines in one file, and its sums are those of the lines.
//!
//! What takes long runs at a stride; `LOGSTAT_FAULTS=all` runs every point and thousands of random kills.

mod cases;
mod clock;
mod disk_full;
mod errors;
mod kills;
mod logrotate;
pub mod machine;
mod nodes;
mod numbered;
mod runs;
pub mod strace;

/// Whether every point is wanted, whatever it takes.
fn all_points() -> bool {
    std::env::var("LOGSTAT_FAULTS").is_ok_and(|value| value == "all")
}
