//! Log lines of nginx, HAProxy and Apache become records. Does no IO, reads no clock, starts no thread, and allocates
//! nothing for a line.
//!
//! A format string, as it stands in `nginx.conf`, `haproxy.cfg` or `httpd.conf`, is compiled once to a [`Format`]; a
//! [`Parser`] then makes of every line a [`Record`], an [`Event`], a [`Reject`] or a blank, so that each line is accounted
//! for:
//!
//! ```
//! use logstat_parsers::{Format, Line, Options};
//!
//! let format = Format::compile(
//!     r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent $request_time"#,
//!     &Options::default(),
//! )?;
//! let line = br#"192.0.2.1 - - [20/Nov/2026:13:00:00 +0000] "GET / HTTP/1.1" 200 512 0.007"#;
//! let Line::Record(record) = format.parser(0).parse(line) else { panic!("not a record") };
//! assert_eq!(record.status, Some(200));
//! assert_eq!(record.latency_us, Some(7_000));
//! # Ok::<(), logstat_parsers::FormatError>(())
//! ```
//!
//! # The way of a format
//! `preset` gives names to format strings. `nginx`, `haproxy` and `apache` take such a string apart by their vendor's
//! grammar (nom) into pieces, and know what each variable means; `sample` knows HAProxy's expressions, `captures` which
//! headers it captures, and `strftime` dates of a format's own. `assemble` makes steps of the pieces: which of several
//! variables for one thing wins, and where each value ends. `step` says what a step is, `format` keeps them. `keyed`
//! compiles field maps, for lines whose values have names. A further vendor is one more grammar and table; nothing behind
//! `assemble` knows vendors' names. [`conf`] takes the vendors' configuration files apart, in which the strings stand.
//!
//! # The way of a line
//! `prefix` finds the message behind what syslog put in front. `parser` goes through the steps from the left; `value` reads
//! one step's value (`rare` one that few formats have) with a `cursor`, which looks at eight bytes at a time, and with
//! `address`, `amount`, `date`, `number` and `request`. Lines with names are taken apart by `json` or `ltsv`, and `gather`
//! has the same readers read each value as it comes. What is no request is tried as one of HAProxy's own messages by
//! `event`. Of a line that is neither, `certain` tells the client, where that is certain. `record` is the outcome, borrowed
//! from the line and still escaped as logged.
//!
//! # For a person
//! `detect` finds the preset of a sample. `describe` says what each value of a format string is for, and `nearest` which
//! format comes closest to a line that is rejected.
//!
//! # What can be relied on
//! * Any bytes: no panic, and work linear in the length of the line.
//! * A missing value is `None`, never 0.
//! * Address, time, status and bytes are those that the server wrote, whatever a client put into the other fields. A
//!   line that can be read in two ways is a reject, [`RejectKind::Ambiguous`].
//! * The client of a reject is the one that sent it, or none.
//! * A line that was cut behind its client, time and status is a record, marked [`Record::truncated`].

mod address;
mod amount;
mod apache;
mod assemble;
mod captures;
mod certain;
pub mod conf;
mod cursor;
mod date;
mod describe;
mod detect;
mod event;
mod foreign;
mod format;
mod gather;
mod haproxy;
mod json;
mod keyed;
mod ltsv;
mod nearest;
mod nginx;
mod number;
mod parser;
mod prefix;
mod preset;
mod rare;
mod record;
mod request;
mod sample;
mod step;
mod strftime;
mod value;

pub use captures::Captures;
pub use describe::{Item, Role};
pub use detect::{Candidate, Detection, detect};
pub use format::{Escape, Fields, Format, FormatError, Options, Vendor};
pub use nearest::{Nearest, Neighbour, Neighbours};
pub use parser::Parser;
pub use preset::{PRESETS, Preset};
pub use record::{
    CacheStatus, Client, Event, EventKind, Line, Record, Reject, RejectKind, ServerState, Tells,
};
pub use step::Slot;
