//! The headers that HAProxy's configuration captures: which of a block is which. Reads no log line.

/// The headers that a HAProxy frontend captures, in the order of its lines `capture request header NAME len N`.
///
/// With the names, `User-Agent` and `Referer` among them fill these fields of a record. `X-Forwarded-For` does if its length
/// is told as there, `X-Forwarded-For len 200`: one that reaches it may lack its last addresses, the ones to be trusted. A captured `Host` fills none:
/// the site stays the frontend, which is the configuration's word and not the client's. Without names, captured headers
/// are skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures {
    /// Of the request.
    pub request: Vec<String>,
    /// Of the response.
    pub response: Vec<String>,
}

impl Captures {
    pub(crate) fn has_only_response(&self) -> bool {
        self.request.is_empty() && !self.response.is_empty()
    }

    /// The name of a captured request header.
    pub(crate) fn request_name(&self, index: usize) -> Option<&str> {
        self.request.get(index).map(|line| name_and_bytes(line).0)
    }

    /// The place of a request header of this name.
    pub(crate) fn place(&self, wanted: &str) -> Option<u8> {
        let is_wanted = |line: &String| name_and_bytes(line).0.eq_ignore_ascii_case(wanted);
        self.request.iter().position(is_wanted).and_then(|at| u8::try_from(at).ok())
    }

    /// The bytes of a request header that HAProxy keeps, where that is told.
    pub(crate) fn max_bytes(&self, index: u8) -> Option<u16> {
        self.request.get(usize::from(index)).and_then(|line| name_and_bytes(line).1)
    }
}

/// `X-Forwarded-For len 200`, or the name alone.
fn name_and_bytes(line: &str) -> (&str, Option<u16>) {
    let mut words = line.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let bytes = words.next().filter(|word| *word == "len").and_then(|_| words.next()?.parse().ok());
    (name, bytes)
}
