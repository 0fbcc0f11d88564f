//! Log lines as servers write them, from a format string and what was exchanged. Shares no code with the parsers.
//!
//! A further server joins the properties of `forgery.rs` with a type that is a [`Logger`].

pub mod haproxy;
pub mod nginx;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use logstat_parsers::Format;
use proptest::prelude::*;
use proptest::sample::Index;

/// Writes lines of one format.
pub trait Logger: fmt::Debug {
    /// The same format as the parsers compile it, if they do.
    fn compiled(&self) -> Option<Format>;
    /// A line in the parts of its format: the texts between, and the values. Their sum has no line end.
    fn parts(&self, exchange: &Exchange) -> Vec<Vec<u8>>;
    /// When the exchange ended, as exact as the format tells.
    fn end_us(&self, exchange: &Exchange) -> i64;
    /// The bytes sent, as the format counts them.
    fn bytes_sent(&self, exchange: &Exchange) -> u64;

    /// `X-Forwarded-For` as it stands in the line, if the format has it.
    fn x_forwarded_for(&self, _exchange: &Exchange) -> Option<Vec<u8>> {
        None
    }

    fn line(&self, exchange: &Exchange) -> Vec<u8> {
        self.parts(exchange).concat()
    }
}

/// One request and its answer: what the server knows, and what the client sent.
#[derive(Clone)]
pub struct Exchange {
    pub address: IpAddr,
    pub port: u16,
    pub start_ms: i64,
    pub duration_ms: u32,
    pub offset_minutes: i64,
    pub status: u16,
    pub bytes: u64,
    pub body_bytes: u64,
    /// By the names of nginx's variables; one that is not here was not sent.
    pub texts: BTreeMap<&'static str, Vec<u8>>,
}

/// What a client chooses.
pub const TEXTS: [&str; 12] = [
    "remote_user",
    "request",
    "request_uri",
    "uri",
    "args",
    "http_host",
    "http_referer",
    "http_user_agent",
    "http_x_forwarded_for",
    "http_cookie",
    "content_length",
    "ssl_server_name",
];

impl Exchange {
    pub fn text(&self, name: &str) -> Option<&[u8]> {
        self.texts.get(name).map(Vec::as_slice)
    }

    pub const fn end_ms(&self) -> i64 {
        self.start_ms + self.duration_ms as i64
    }

    /// The same exchange with what an ordinary browser sends.
    pub fn with_benign_texts(mut self) -> Self {
        let texts: [(&str, &[u8]); 10] = [
            ("request", b"GET /shop/cart?id=7&page=2 HTTP/1.1"),
            ("request_uri", b"shop/cart?id=7&page=2"),
            ("uri", b"shop/cart"),
            ("args", b"id=7&page=2"),
            ("http_host", b"www.example.com"),
            ("http_referer", b"https://www.example.com/shop/"),
            ("http_user_agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            ("http_x_forwarded_for", b"198.51.100.7"),
            ("http_cookie", b"s1"),
            ("ssl_server_name", b"www.example.com"),
        ];
        self.texts = texts.into_iter().map(|(name, text)| (name, text.to_vec())).collect();
        self
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, start_ms, duration_ms, status, bytes, body_bytes, .. } = self;
        write!(f, "{address} {start_ms}+{duration_ms}ms {status} {bytes} ({body_bytes})")?;
        self.texts.iter().try_for_each(|(name, text)| write!(f, " {name}=`{}`", text.escape_ascii()))
    }
}

prop_compose! {
    /// What the server knows of an exchange in which the client sent no text.
    pub fn exchange()(
        address in super::address(),
        port: u16,
        start_ms in 31_536_000_000i64..4_000_000_000_000,
        duration_ms in 0u32..10_000_000,
        offset_minutes in -14 * 60i64..=14 * 60,
        status in 100u16..600,
        body_bytes in prop_oneof![0u64..1_000_000, any::<u32>().prop_map(u64::from)],
        header_bytes in 0u64..2_000,
    ) -> Exchange {
        let bytes = body_bytes + header_bytes;
        let texts = BTreeMap::new();
        Exchange { address, port, start_ms, duration_ms, offset_minutes, status, bytes, body_bytes, texts }
    }
}

/// A part of a hostile text.
#[derive(Clone)]
pub enum Piece {
    Bytes(Vec<u8>),
    /// Parts of a forged line of the same format: those from one to another.
    Forged(Index, Index),
    Repeated(u8, u16),
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "`{}`", bytes.escape_ascii()),
            Self::Forged(..) => write!(f, "<forged>"),
            Self::Repeated(byte, times) => write!(f, "`{}` * {times}", byte.escape_ascii()),
        }
    }
}

impl Piece {
    fn bytes(&self, forged: &[Vec<u8>]) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Forged(first, last) => {
                let first = first.index(forged.len() + 1);
                let last = first + last.index(forged.len() - first + 1);
                forged[first..last].concat()
            }
            Self::Repeated(byte, times) => [*byte].repeat(usize::from(*times)),
        }
    }
}

fn piece() -> impl Strategy<Value = Piece> {
    let words = prop::sample::select(vec![
        " ",
        "-",
        " - ",
        "\"",
        "\" \"",
        "\" 200 512 \"",
        " 200 512 ",
        "] [",
        " [",
        "] ",
        "[",
        "]",
        "\\",
        "\\\"",
        "\\x22",
        "#22",
        "{",
        "|",
        "}",
        "} {",
        "/",
        ":",
        "'",
        ",",
        ", ",
        " : ",
        "<134>",
        "1 - - - - - [",
        "\t",
        "\n",
        "\r",
        "\0",
        "10/Oct/2000:13:55:36 -0700",
        "10/Oct/2000:13:55:36.123",
        "2026-11-20T13:00:00+01:00",
        "192.0.2.66",
        "GET / HTTP/1.1",
        "5",
        "0.001, 0.002",
        "a",
        "\u{e9}",
    ]);
    prop_oneof![
        4 => words.prop_map(|word| Piece::Bytes(word.as_bytes().to_vec())),
        1 => prop::collection::vec(any::<u8>(), 1..4).prop_map(Piece::Bytes),
        4 => any::<(Index, Index)>().prop_map(|(first, last)| Piece::Forged(first, last)),
        1 => (prop::sample::select(b" \"[]-/5x".to_vec()), 1u16..1_500)
            .prop_map(|(byte, times)| Piece::Repeated(byte, times)),
    ]
}

/// What a client with bad intentions sends, to be filled in for a format.
#[derive(Clone)]
pub struct Attack {
    texts: Vec<(&'static str, Option<Vec<Piece>>)>,
    forged: Exchange,
}

impl fmt::Debug for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = self.texts.iter().filter_map(|(name, pieces)| Some((name, pieces.as_ref()?)));
        sent.into_iter().try_for_each(|(name, pieces)| write!(f, "{name}={pieces:?} "))
    }
}

pub fn attack() -> impl Strategy<Value = Attack> {
    let text = prop::option::weighted(0.8, prop::collection::vec(piece(), 0..5));
    (prop::collection::vec(text, TEXTS.len()), exchange()).prop_map(|(texts, forged)| Attack {
        texts: TEXTS.into_iter().zip(texts).collect(),
        forged: forged.with_benign_texts(),
    })
}

impl Attack {
    /// The exchange with these texts, which forge lines of that logger.
    pub fn on(&self, logger: &dyn Logger, exchange: &Exchange) -> Exchange {
        let forged = logger.parts(&self.forged);
        let text = |pieces: &Vec<Piece>| pieces.iter().flat_map(|piece| piece.bytes(&forged)).collect();
        let sent = self.texts.iter().filter_map(|(name, pieces)| Some((*name, text(pieces.as_ref()?))));
        Exchange { texts: sent.collect(), ..exchange.clone() }
    }
}
