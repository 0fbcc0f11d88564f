//! The request line, taken apart without decoding anything.

/// Method, target and protocol of a request line, as logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RequestLine<'l> {
    pub(crate) method: Option<&'l [u8]>,
    pub(crate) target: Option<&'l [u8]>,
    pub(crate) protocol: Option<&'l [u8]>,
}

/// Splits a request line. Whatever is none (binary, TLS on a plain port, an HTTP/2 preface) has no parts.
#[inline(always)]
pub(crate) fn split(line: &[u8]) -> RequestLine<'_> {
    let Some((method, target)) = split_method(line) else { return RequestLine::default() };
    match split_protocol(target) {
        // RFC 9113 reserves PRI for the connection preface, so that it is never a request.
        Some((target, protocol)) if method != b"PRI" && !target.is_empty() => {
            RequestLine { method: Some(method), target: Some(target), protocol: Some(protocol) }
        }
        Some(_) => RequestLine::default(),
        None => without_protocol(method, target),
    }
}

/// Longer than any registered method (`UPDATEREDIRECTREF`), so that a scan for the first space stays short.
const MAX_METHOD: usize = 32;

/// The method, and what follows its space.
#[inline(always)]
fn split_method(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.first_chunk() == Some(b"GET ") {
        return Some((&line[..3], &line[4..]));
    }
    split_rare_method(line)
}

fn split_rare_method(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = line.iter().take(MAX_METHOD + 1).position(|byte| *byte == b' ')?;
    let method = &line[..space];
    (!method.is_empty() && method.iter().all(is_token)).then_some((method, &line[space + 1..]))
}

/// RFC 9110 token character.
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// `… HTTP/1.1` or `… HTTP/2` as what is before and after the last space.
#[inline(always)]
fn split_protocol(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some((target, protocol)) = text.split_last_chunk::<9>()
        && let Some(version) = protocol.first_chunk()
        && (version == b" HTTP/1.") | (version == b" HTTP/2.")
        && protocol[8].is_ascii_digit()
    {
        return Some((target, &protocol[1..]));
    }
    split_rare_protocol(text)
}

fn split_rare_protocol(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = text.len() - text.iter().rev().take(9).position(|byte| *byte == b' ')? - 1;
    let version = text[space + 1..].strip_prefix(b"HTTP/")?;
    matches!(version, [b'0'..=b'9'] | [b'0'..=b'9', b'.', b'0'..=b'9'])
        .then_some((&text[..space], &text[space + 1..]))
}

/// HTTP/0.9 and cut lines have no protocol: believe only what looks like a request.
#[cold]
fn without_protocol<'l>(method: &'l [u8], target: &'l [u8]) -> RequestLine<'l> {
    let is_target =
        target.starts_with(b"/") || method == b"CONNECT" || target.windows(3).any(|at| at == b"://");
    if is_target && method.iter().all(u8::is_ascii_uppercase) {
        RequestLine { method: Some(method), target: Some(target), protocol: None }
    } else {
        RequestLine::default()
    }
}
