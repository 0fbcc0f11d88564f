//! HAProxy's own messages between the requests. Looks only at lines that are no requests.

use memchr::memmem;

use crate::record::{Event, EventKind, ServerState, Tells};

/// What HAProxy's own message says, if `message` is one. The date is the caller's to fill in.
///
/// The texts are those of HAProxy's `server.c`, `check.c`, `backend.c`, `proxy.c`, `haproxy.c`, `frontend.c` and
/// `session.c`, from 1.4 to 3.2.
pub(crate) fn read(message: &[u8]) -> Option<Event<'_>> {
    server_state(message)
        .or_else(|| disabled(message))
        .or_else(|| health_check(message))
        .or_else(|| standing(message))
        .or_else(|| proxy(message))
        .or_else(|| connection_error(message))
        .or_else(|| other(message))
}

/// A message that tells nothing of a server.
pub(crate) fn event<'l>(
    kind: EventKind,
    backend: Option<&'l [u8]>,
    server: Option<&'l [u8]>,
    message: &'l [u8],
) -> Event<'l> {
    Event { at_us: None, kind, backend, server, tells: None, reason: None, message }
}

impl Event<'_> {
    fn telling(self, tells: Tells) -> Self {
        Self { tells: Some(tells), ..self }
    }
}

/// How a message goes on behind the server's name, and from what to what the server changed. Of two that begin alike
/// the longer comes first. Where the state before is not certain it is the usual one: only an up server goes down.
const CHANGES: [(&[u8], ServerState, ServerState); 15] = {
    use ServerState::{Down, Drain, Maintenance, Stopping, Up};
    [
        (b"is UP/READY", Maintenance, Up),
        (b"is UP/DRAIN", Maintenance, Drain),
        (b"is DOWN/READY", Maintenance, Down),
        (b"is DOWN/DRAIN", Maintenance, Down),
        (b"is UP (leaving maintenance)", Maintenance, Up),
        (b"is UP (leaving forced maintenance)", Maintenance, Up),
        (b"is UP (leaving ", Drain, Up),
        (b"is DOWN (leaving ", Drain, Down),
        (b"is UP", Down, Up),
        (b"is DOWN for maintenance", Up, Maintenance),
        (b"is DOWN", Up, Down),
        (b"is stopping", Up, Stopping),
        (b"is going DOWN for maintenance", Up, Maintenance),
        (b"was DOWN and now enters maintenance", Down, Maintenance),
        (b"enters drain state", Up, Drain),
    ]
};
/// The same for what changes nothing.
const REMAINS: [(&[u8], ServerState); 6] = [
    (b"is leaving forced maintenance but remains in maintenance", ServerState::Maintenance),
    (b"resolves again but remains in maintenance", ServerState::Maintenance),
    (b"is leaving forced drain but remains in drain mode", ServerState::Drain),
    (b"remains in forced maintenance", ServerState::Maintenance),
    (b"remains in drain mode", ServerState::Drain),
    (b"remains in forced drain mode", ServerState::Drain),
];

/// `[Backup ]Server bk/srv …`, and `Server bk/srv ('name') …` where DNS is why.
fn server_state(message: &[u8]) -> Option<Event<'_>> {
    let text = message.strip_prefix(b"Backup ").unwrap_or(message);
    let (backend, server, state) = backend_and_server(text.strip_prefix(b"Server ")?)?;
    let (tells, rest) = change(behind_host_name(state));
    let kind = match tells {
        // `is UP/READY (leaving forced maintenance)` is the end of a maintenance, and the server serves again.
        Some(Tells::Changed { to: ServerState::Up | ServerState::Drain, .. })
            if state.starts_with(b"is UP") =>
        {
            EventKind::ServerUp
        }
        Some(Tells::Changed { to: ServerState::Down, .. }) => EventKind::ServerDown,
        _ => EventKind::ServerState,
    };
    Some(Event { tells, reason: reason(rest), ..event(kind, Some(backend), Some(server), message) })
}

/// What a text says, and what comes behind.
fn change(text: &[u8]) -> (Option<Tells>, &[u8]) {
    for (words, from, to) in CHANGES {
        if let Some(rest) = text.strip_prefix(words) {
            // `(leaving maintenance)` is the reason, too.
            let reason = memchr::memchr(b'(', words).map_or(rest, |at| &text[at..]);
            return (Some(Tells::Changed { from, to }), reason);
        }
    }
    let remains = REMAINS.iter().find_map(|(words, state)| Some((*state, text.strip_prefix(*words)?)));
    match remains {
        Some((state, rest)) => (Some(Tells::Changed { from: state, to: state }), rest),
        None => (None, b""),
    }
}

/// Without `('www.example.com') `. A host name holds no quote.
fn behind_host_name(text: &[u8]) -> &[u8] {
    let Some(name) = text.strip_prefix(b"('") else { return text };
    memmem::find(name, b"') ").map_or(text, |end| &name[end + 3..])
}

/// `Load-balancing on [Backup ]Server bk/srv is disabled`, HAProxy 1.4's word for stopping.
fn disabled(message: &[u8]) -> Option<Event<'_>> {
    let text = message.strip_prefix(b"Load-balancing on ")?;
    let text = text.strip_prefix(b"Backup ").unwrap_or(text).strip_prefix(b"Server ")?;
    let (backend, server, rest) = backend_and_server(text)?;
    let (from, to) = match rest {
        _ if rest.starts_with(b"is disabled") => (ServerState::Up, ServerState::Stopping),
        _ if rest.starts_with(b"is enabled again") => (ServerState::Stopping, ServerState::Up),
        _ => return None,
    };
    let event = event(EventKind::ServerState, Some(backend), Some(server), message);
    Some(event.telling(Tells::Changed { from, to }))
}

/// `Health check for [backup ]server bk/srv …`.
fn health_check(message: &[u8]) -> Option<Event<'_>> {
    let text =
        message.strip_prefix(b"Health check for ").or_else(|| message.strip_prefix(b"Agent check for "))?;
    let text = text.strip_prefix(b"backup ").unwrap_or(text).strip_prefix(b"server ")?;
    let (backend, server, result) = backend_and_server(text)?;
    let result = memmem::rfind(result, b", status: ").map_or(result, |end| &result[..end]);
    let reason = memmem::find(result, b", reason: ").and_then(|start| reason(&result[start..]));
    let event = event(EventKind::HealthCheck, Some(backend), Some(server), message);
    Some(Event { reason, ..event.telling(Tells::Checked) })
}

/// `SIGHUP: Server bk/srv is UP. …`, `SIGHUP: Proxy p has …`.
fn standing(message: &[u8]) -> Option<Event<'_>> {
    let text = message.strip_prefix(b"SIGHUP: ")?;
    if let Some(text) = text.strip_prefix(b"Server ") {
        let (backend, server, state) = backend_and_server(text)?;
        let state = match state {
            _ if state.starts_with(b"is UP") => ServerState::Up,
            _ if state.starts_with(b"is DOWN") => ServerState::Down,
            _ => return None,
        };
        let event = event(EventKind::ServerState, Some(backend), Some(server), message);
        return Some(event.telling(Tells::Stands(state)));
    }
    let (name, rest) = word(text.strip_prefix(b"Proxy ")?)?;
    let event = event(EventKind::Proxy, Some(name), None, message);
    Some(if rest.starts_with(b"has no server available") { event.telling(Tells::NoServer) } else { event })
}

/// `backend bk has no server available!`, `Proxy p started.`, `Paused frontend f.` and their like.
fn proxy(message: &[u8]) -> Option<Event<'_>> {
    let (first, rest) = word(message)?;
    let (second, rest) = word(rest).unwrap_or((rest, b""));
    match first {
        b"Proxy" => {
            let event = event(EventKind::Proxy, Some(second), None, message);
            match rest {
                _ if rest.starts_with(b"started") => Some(event.telling(Tells::Started)),
                _ if rest.starts_with(b"stopped") => Some(event.telling(Tells::Stopped)),
                _ => (rest.starts_with(b"hard-stopped") || rest.starts_with(b"reached ")).then_some(event),
            }
        }
        b"Stopping" | b"Paused" | b"Resumed" | b"Pausing" | b"Resuming" | b"Starting" | b"Enabling"
            if is_proxy_kind(second) =>
        {
            let name = word(rest).map_or(rest, |(name, _)| name);
            Some(event(EventKind::Proxy, Some(name.strip_suffix(b".").unwrap_or(name)), None, message))
        }
        _ if is_proxy_kind(first) && rest.starts_with(b"has no server available") => {
            Some(event(EventKind::NoServer, Some(second), None, message).telling(Tells::NoServer))
        }
        _ if is_proxy_kind(first) && rest.starts_with(b"failed to enter pause mode") => {
            Some(event(EventKind::Proxy, Some(second), None, message))
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
    const STARTS: [&[u8]; 19] = [
        b"Connect from ",
        b"Connect to ",
        b"Connect() failed for backend ",
        b"Cannot bind to ",
        b"SIGHUP received",
        b"SIGTERM received",
        b"Some proxies refused to ",
        b"Some tasks resisted to ",
        b"soft-stop running for too long",
        b"Grace period expired",
        b"Scheduling a soft-stop in ",
        b"Blocking cacheable cookie in response from ",
        b"[NOTICE]",
        b"[WARNING]",
        b"[ALERT]",
        b"SPOE: ",
        b"DNS : ",
        b"acme: ",
        b"preconnect ",
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

/// Why, of `, reason: R, code: N, info: "…", check duration: Nms. N active and M backup servers left. …`: without the
/// figures that come behind it. `info` is the server's own text and may hold anything, so those are found from the end.
fn reason(rest: &[u8]) -> Option<&[u8]> {
    let mut text = without_servers_left(rest);
    text = text.strip_suffix(b".").unwrap_or(text);
    if let Some(end) = memmem::rfind(text, b", check duration: ") {
        text = &text[..end];
    }
    let text = text.trim_ascii();
    let text = text.strip_prefix(b", reason: ").or_else(|| text.strip_prefix(b", ")).unwrap_or(text);
    let text = match text {
        [b'(', inner @ .., b')'] => inner,
        _ => text,
    };
    let text = text.trim_ascii();
    (!text.is_empty()).then_some(text)
}

/// Without `. 2 active and 0 backup servers left. …`.
fn without_servers_left(text: &[u8]) -> &[u8] {
    let Some(end) = memmem::rfind(text, b" active and ") else { return text };
    let digits = text[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    text[..end - digits].strip_suffix(b". ").unwrap_or(text)
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
