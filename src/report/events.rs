//! What proxies said becomes rows. Knows nothing of servers.

use crate::rollup::EventNote;
use logstat_parsers::EventKind;
use logstat_reports::model::EventRow;
use logstat_reports::text::printable;

/// A message of a source, safe for showing.
#[must_use]
pub fn event_row(source: &str, note: &EventNote) -> EventRow {
    EventRow {
        at: note.at_us.map(|us| us.div_euclid(1_000_000)),
        source: source.to_owned(),
        kind: event_kind(note.kind).to_owned(),
        message: printable(&note.message),
    }
}

const fn event_kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::ServerUp => "server_up",
        EventKind::ServerDown => "server_down",
        EventKind::ServerState => "server_state",
        EventKind::HealthCheck => "health_check",
        EventKind::NoServer => "no_server",
        EventKind::Proxy => "proxy",
        EventKind::ConnectionError => "connection_error",
        EventKind::Other => "other",
    }
}
