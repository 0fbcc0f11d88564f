//! Log formats compiled to line parsers.

mod address;
mod assemble;
mod cursor;
mod date;
mod detect;
mod event;
mod format;
mod haproxy;
mod nginx;
mod number;
mod parser;
mod prefix;
mod preset;
mod record;
mod request;
mod step;

pub use detect::{Candidate, Detection, detect};
pub use format::{Escape, Fields, Format, FormatError, Options};
pub use parser::Parser;
pub use preset::{PRESETS, Preset};
pub use record::{CacheStatus, Client, Event, EventKind, Line, Record, Reject, RejectKind};
