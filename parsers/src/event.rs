//! HAProxy's own messages between the requests. Looks only at lines that are no requests.

use crate::record::{Event, EventKind};

/// What HAProxy's own message says, if `message` is one. The date is the caller's to fill in.
///
/// The texts are those of HAProxy's `server.c`, `check.c`, `backend.c`, `proxy.c`, `frontend.c` and `session.c`.
pub(crate) fn read(message: &[u8]) -> Option<Event<'_>> {
    server_state(message)
        .or_else(|| health_check(message))
        .or_else(|| proxy(message))
        .or_else(|| connection_error(message))
        .or_else(|| other(message))
}

fn event<'l>(
    kind: EventKind,
    backend: Option<&'l [u8]>,
    server: Option<&'l [u8]>,
    message: &'l [u8],
) -> Event<'l> {
    Event { at_us: None, kind, backend, server, message }
}

/// `[Backup ]Server bk/srv …`.
fn server_state(message: &[u8]) -> Option<Event<'_>> {
    let text = message.strip_prefix(b"Backup ").unwrap_or(message);
    let (backend, server, state) = backend_and_server(text.strip_prefix(b"Server ")?)?;
    let has = |start: &[u8]| state.starts_with(start);
    let kind = if has(b"is UP") {
        // `is UP/READY (leaving forced maintenance)` is the end of a maintenance, and the server serves again.
        EventKind::ServerUp
    } else if has(b"is DOWN") {
        EventKind::ServerDown
    } else {
        EventKind::ServerState
    };
    Some(event(kind, Some(backend), Some(server), message))
}

/// `Health check for [backup ]server bk/srv …`.
fn health_check(message: &[u8]) -> Option<Event<'_>> {
    let text =
        message.strip_prefix(b"Health check for ").or_else(|| message.strip_prefix(b"Agent check for "))?;
    let text = text.strip_prefix(b"backup ").unwrap_or(text).strip_prefix(b"server ")?;
    let (backend, server, _) = backend_and_server(text)?;
    Some(event(EventKind::HealthCheck, Some(backend), Some(server), message))
}

/// `backend bk has no server available!`, `Proxy p started.`, `Paused frontend f.` and their like.
fn proxy(message: &[u8]) -> Option<Event<'_>> {
    let (first, rest) = word(message)?;
    let (second, rest) = word(rest).unwrap_or((rest, b""));
    match first {
        b"Proxy" if rest.starts_with(b"started") || rest.starts_with(b"stopped") => {
            Some(event(EventKind::Proxy, Some(second), None, message))
        }
        b"Stopping" | b"Paused" | b"Resumed" | b"Pausing" | b"Resuming" | b"Starting"
            if is_proxy_kind(second) =>
        {
            let name = word(rest).map_or(rest, |(name, _)| name);
            Some(event(EventKind::Proxy, Some(name.strip_suffix(b".").unwrap_or(name)), None, message))
        }
        _ if is_proxy_kind(first) && rest.starts_with(b"has no server available") => {
            Some(event(EventKind::NoServer, Some(second), None, message))
        }
        _ => None,
    }
}

fn is_proxy_kind(word: &[u8]) -> bool {
    [b"backend".as_slice(), b"proxy", b"frontend", b"listener", b"listen", b"defaults"]
        .iter()
        .any(|kind| word.eq_ignore_ascii_case(kind))
}

/// `192.0.2.1:5 [date] fe/1: SSL handshake failure`.
fn connection_error(message: &[u8]) -> Option<Event<'_>> {
    let (client, rest) = word(message)?;
    if client != b"unknown" && !client.contains(&b':') {
        return None;
    }
    let (date, rest) = word(rest)?;
    let (listener, _) = word(rest)?;
    let listener = listener.strip_suffix(b":")?;
    if !date.starts_with(b"[") || !date.ends_with(b"]") {
        return None;
    }
    let slash = listener.iter().position(|byte| *byte == b'/')?;
    Some(event(EventKind::ConnectionError, Some(&listener[..slash]), None, message))
}

/// Messages that are known to be HAProxy's own but say nothing about a server.
fn other(message: &[u8]) -> Option<Event<'_>> {
    const STARTS: [&[u8]; 9] = [
        b"Connect from ",
        b"Connect to ",
        b"SIGHUP received",
        b"SIGTERM received",
        b"[NOTICE]",
        b"[WARNING]",
        b"[ALERT]",
        b"SPOE: ",
        b"acme: ",
    ];
    STARTS
        .iter()
        .any(|start| message.starts_with(start))
        .then(|| event(EventKind::Other, None, None, message))
}

/// The date between the brackets of a connection error.
pub(crate) fn bracketed_date(message: &[u8]) -> Option<&[u8; 24]> {
    let (_, rest) = word(message)?;
    let date: &[u8; 26] = rest.first_chunk()?;
    (date[0] == b'[' && date[25] == b']').then(|| date[1..25].first_chunk())?
}

fn backend_and_server(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = word(text)?;
    let slash = name.iter().position(|byte| *byte == b'/')?;
    Some((&name[..slash], &name[slash + 1..], rest))
}

fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = memchr::memchr(b' ', text)?;
    Some((&text[..space], &text[space + 1..]))
}
