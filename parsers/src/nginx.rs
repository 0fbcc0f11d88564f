//! nginx `log_format` strings. Knows the grammar and the variables, and reads no log line.
//!
//! <https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format>

use nom::IResult;
use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::character::complete::{anychar, char, one_of};
use nom::combinator::{value, verify};
use nom::multi::fold_many1;
use nom::sequence::{delimited, preceded};

use crate::assemble::Piece;
use crate::format::FormatError;
use crate::step::{Field, Sent, Shape};

/// Takes a `log_format` string apart.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece>, FormatError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        if let Ok((after, name)) = variable(rest) {
            let (field, rank) = meaning(name);
            pieces.push(Piece::Value { field, rank, at });
            rest = after;
        } else if let Ok((after, literal)) = literal(rest) {
            pieces.push(Piece::Text(literal.into_bytes()));
            rest = after;
        } else {
            return Err(FormatError::VariableName { at });
        }
    }
    Ok(pieces)
}

/// The variables of a `log_format` string as they stand there, each with its place.
pub(crate) fn values(text: &str) -> Vec<(usize, &str)> {
    let variable_at = |(at, _)| {
        let (after, _) = variable(&text[at..]).ok()?;
        Some((at, &text[at..text.len() - after.len()]))
    };
    text.match_indices('$').filter_map(variable_at).collect()
}

/// `$name` or `${name}`.
fn variable(text: &str) -> IResult<&str, &str> {
    let name = |text| take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_').parse(text);
    preceded(char('$'), alt((delimited(char('{'), name, char('}')), name))).parse(text)
}

/// Text up to the next `$`, with the escapes that nginx undoes in a configuration string.
fn literal(text: &str) -> IResult<&str, String> {
    let escaped = preceded(
        char('\\'),
        alt((one_of("\"'\\"), value('\t', char('t')), value('\n', char('n')), value('\r', char('r')))),
    );
    let plain = verify(anychar, |c| *c != '$');
    fold_many1(alt((escaped, plain)), String::new, |mut text, c| {
        text.push(c);
        text
    })
    .parse(text)
}

/// What a variable means, and its rank among those of the same meaning. An unknown one is kept as opaque text.
pub(crate) fn meaning(name: &str) -> (Field, u8) {
    // Whatever was sent: nginx refuses a bad one, but logs it, and before 1.21.1 a host could hold spaces.
    let host = Field::Sent { what: Sent::Host, shape: Shape::Text };
    match name {
        "remote_addr" => (Field::Client, 0),
        "msec" => (Field::Epoch, 0),
        "time_iso8601" => (Field::IsoDate, 1),
        "time_local" => (Field::ClfDate, 1),
        "request" => (Field::Request, 0),
        "request_method" => (Field::Method, 0),
        "request_uri" => (Field::Target, 0),
        "uri" | "document_uri" => (Field::Target, 1),
        "server_protocol" => (Field::Protocol, 0),
        "status" => (Field::Status, 0),
        "bytes_sent" => (Field::Bytes, 0),
        "body_bytes_sent" => (Field::Bytes, 1),
        "remote_user" => (Field::RemoteUser, 0),
        "http_referer" => (Field::Referer, 0),
        "http_user_agent" => (Field::UserAgent, 0),
        "http_x_forwarded_for" => (Field::Sent { what: Sent::XForwardedFor, shape: Shape::Text }, 0),
        "proxy_add_x_forwarded_for" => {
            (Field::Sent { what: Sent::ProxyAddXForwardedFor, shape: Shape::Text }, 1)
        }
        "server_name" => (Field::Site, 0),
        "host" => (host, 1),
        "http_host" => (host, 2),
        "proxy_host" => (Field::Backend, 0),
        "request_time" => (Field::RequestTime, 0),
        "upstream_response_time" => (Field::UpstreamTimes, 0),
        "upstream_connect_time" => (Field::ConnectTimes, 0),
        "upstream_header_time" => (Field::HeaderTimes, 0),
        "upstream_addr" => (Field::UpstreamAddresses, 0),
        "upstream_cache_status" => (Field::Cache, 0),
        "ssl_protocol" => (Field::Tls, 0),
        "ssl_cipher" | "https" => (Field::Tls, 1),
        "scheme" => (Field::Scheme, 2),
        // Names of our own, for what other servers write in nginx's place.
        "time_rfc3339" => (Field::Rfc3339, 1),
        "date_tab_time" => (Field::TabDate, 1),
        "remote_addr_port" => (Field::ClientPort, 1),
        // Behind a date that is the start.
        "elapsed_ms" => (Field::Total { latency: true, elapsed: true }, 1),
        "processing_times" => (Field::ProcessingTimes, 1),
        "word" => (Field::Skip(Shape::Word), 0),
        _ => (Field::Skip(skipped_shape(name)), 0),
    }
}

fn skipped_shape(name: &str) -> Shape {
    match name {
        "upstream_status"
        | "upstream_response_length"
        | "upstream_bytes_received"
        | "upstream_bytes_sent"
        | "upstream_queue_time"
        | "upstream_first_byte_time" => Shape::List,
        "request_length"
        | "connection"
        | "connection_requests"
        | "connection_time"
        | "gzip_ratio"
        | "remote_port"
        | "server_port"
        | "pid"
        | "proxy_port"
        | "proxy_protocol_port"
        | "proxy_protocol_server_port" => Shape::Number,
        "pipe" => Shape::Fixed(1),
        "realip_remote_addr"
        | "proxy_protocol_addr"
        | "proxy_protocol_server_addr"
        | "server_addr"
        | "request_id"
        | "ssl_session_id"
        | "ssl_session_reused"
        | "hostname"
        | "nginx_version"
        | "connections_active"
        | "realip_remote_port"
        | "request_completion" => Shape::Word,
        _ => Shape::Text,
    }
}
