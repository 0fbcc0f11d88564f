//! What a compiled format is made of: a sequence of steps. Knows no vendor's syntax and reads no log line.

use crate::cursor::Cursor;

/// One step of reading a line from left to right: a value, then what the format writes behind it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) field: Field,
    pub(crate) end: End,
    pub(crate) then: Literal,
    /// Its place among the steps.
    pub(crate) at: usize,
}

impl Step {
    /// Whether the value is text that may hold anything.
    pub(crate) fn is_free(&self) -> bool {
        matches!(self.end, End::Search { .. } | End::Slash | End::Line)
            || self.field.text().is_some_and(|shape| shape != Shape::Word)
    }
}

/// Where a value ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// Its own syntax says so (numbers, dates, addresses).
    Own,
    /// Before the first such byte, which the value cannot hold.
    Byte(u8),
    /// Before the first `"` that no backslash escapes.
    JsonQuote,
    /// `width` bytes before the first `"` that no backslash escapes, if those bytes cannot hold one.
    BeforeQuote { width: usize },
    /// Before the last `"` of the line.
    LastQuote,
    /// `width` bytes before the first such byte, which neither the value nor those bytes can hold.
    Before { byte: u8, width: usize },
    /// Before the one place where the literal and the steps after it fit; two such places are ambiguous.
    /// Neither is it beyond the first `limit`, which the value cannot hold.
    /// The server itself writes `separators` such bytes up to there.
    Search { from: u8, limit: Limit, separators: usize },
    /// Before the first `/`, if the value holds neither a space nor a quote.
    Slash,
    /// At the end of the line.
    Line,
}

/// What an unquoted text cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It may hold anything.
    Nowhere,
    /// This byte.
    Byte(u8),
    /// A `"` without a backslash before it.
    JsonQuote,
}

impl Limit {
    /// Whether the limit is such a byte.
    pub(crate) fn is(self, byte: u8) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Byte(limit) => byte == limit,
            Self::JsonQuote => byte == b'"',
        }
    }
}

impl End {
    /// The byte that follows the value, where there is one; else one that no log line holds.
    #[inline]
    pub(crate) const fn byte(&self) -> u8 {
        match self {
            Self::Byte(byte) | Self::Search { from: byte, .. } => *byte,
            _ => b'\n',
        }
    }
}

/// What a value means. Everything a format can say is one of these, so a new format is a table, not a code path.
///
/// Its tag is a byte of its own: one hidden in a variant's values takes longer to find for every value of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    /// No value, only the literal.
    Nothing,
    /// HAProxy's `{…} ` with its space, or nothing where no header is captured.
    Captures,
    /// The same for the request's, whose names are known: where `User-Agent` and `Referer` are among them. Or in quotes,
    /// as `%{+Q}hr` writes any.
    RequestHeaders {
        user_agent: Option<u8>,
        referer: Option<u8>,
        x_forwarded_for: Option<Captured>,
        quoted: bool,
    },
    /// Client address.
    Client,
    /// HAProxy's `%{+X}ci`: 8 or 32 hexadecimal digits.
    HexClient,
    /// HAProxy's `%ci:%cp`.
    ClientPort,
    /// `10/Oct/2000:13:55:36 -0700`.
    ClfDate,
    /// `2026-11-20T13:00:00+01:00`.
    IsoDate,
    /// `10/Oct/2000:13:55:36.123`, in the source's zone.
    ZonelessDate,
    /// Seconds since 1970, perhaps with decimals.
    Epoch,
    /// RFC 3339 with any decimals.
    Rfc3339,
    /// CloudFront's `2019-12-04<TAB>21:02:31`, in UTC.
    TabDate,
    /// Any of these dates, perhaps in brackets, or a number since 1970 whose size tells its unit.
    AnyDate,
    /// Whole units since 1970.
    EpochUnits(Unit),
    /// HAProxy's `%{+X}Ts`: seconds since 1970 in hexadecimal digits.
    HexEpoch,
    /// A date by the format's own `strftime` formats: which of them, and its bytes.
    Strftime {
        index: u8,
        width: u8,
    },
    Request,
    Method,
    Target,
    Protocol,
    Status,
    /// HAProxy's: `-1` where there was none.
    ProxyStatus,
    Bytes,
    /// Apache's `%b`, which writes 0 as `-`.
    ClfBytes,
    RemoteUser,
    Referer,
    UserAgent,
    Site,
    /// What a client sent, written in another way than the vendor's usual one.
    Sent {
        what: Sent,
        shape: Shape,
    },
    /// HAProxy frontend; a `~` behind it means TLS.
    Frontend,
    Backend,
    /// HAProxy server, or `<NOSRV>`, or an applet in angle brackets.
    ProxyServer,
    /// `$request_time`, in seconds.
    RequestTime,
    /// Lists of seconds, one per attempt.
    UpstreamTimes,
    ConnectTimes,
    HeaderTimes,
    /// List of upstream addresses.
    UpstreamAddresses,
    /// HAProxy's total: the latency, and what leads from the logged start to the end.
    Total {
        latency: bool,
        elapsed: bool,
    },
    /// A decimal number, perhaps with an exponent, that is this many powers of ten from what the slot holds.
    Scaled {
        slot: Slot,
        power: i8,
    },
    /// The load balancer's three times in seconds: the latency is their sum, the upstream's share the second.
    ProcessingTimes,
    /// A duration in whole units: whether it is the latency, and whether it leads from the logged start to the end.
    Elapsed {
        unit: Unit,
        latency: bool,
        elapsed: bool,
    },
    /// HAProxy timers in milliseconds.
    QueueMs,
    ConnectMs,
    ResponseMs,
    Retries,
    /// HAProxy's termination state, of so many bytes.
    Termination(u8),
    Cache,
    Scheme,
    /// TLS version or cipher: there is one, so the request came over TLS.
    Tls,
    /// HAProxy's boolean `ssl_fc`.
    TlsFlag,
    /// Nothing that a record keeps.
    Skip(Shape),
}

/// A captured header of which half says something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Captured {
    /// Its place among the captured ones.
    pub(crate) index: u8,
    /// Where HAProxy cuts it.
    pub(crate) max_bytes: u16,
}

/// A text that a client chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Target,
    Referer,
    UserAgent,
    RemoteUser,
    XForwardedFor,
    /// nginx's `$proxy_add_x_forwarded_for`: the header, then the address of who sent it.
    ProxyAddXForwardedFor,
    /// `Host`, where nothing in the configuration names the site.
    Host,
}

/// What a whole number of time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Micros,
    Millis,
    Seconds,
}

impl Unit {
    pub(crate) const fn micros(self) -> u64 {
        match self {
            Self::Micros => 1,
            Self::Millis => 1_000,
            Self::Seconds => 1_000_000,
        }
    }
}

/// What a skipped value may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Digits, perhaps with sign and decimals, or `-`, or nothing.
    Number,
    /// A number, and so many further ones behind slashes.
    Numbers(u8),
    /// A word without spaces.
    Word,
    /// Anything the escaping lets through.
    Text,
    /// Any bytes but those that end a line.
    Raw,
    /// Any bytes, with a backslash before `"` and `\`.
    Escaped,
    /// A value of JSON: a string with its quotes, a number, `true`, `false` or `null`.
    Json,
    /// A captured client cookie, `-` or `NAME=…` with whatever the client sent.
    Cookie,
    /// An upstream list.
    List,
    /// A date of so many bytes.
    Fixed(u8),
}

impl Field {
    /// Bytes the value always takes, where that is so.
    pub(crate) const fn width(self) -> Option<usize> {
        match self {
            Self::ClfDate => Some(26),
            Self::IsoDate => Some(25),
            Self::ZonelessDate => Some(24),
            Self::TabDate => Some(19),
            Self::Status => Some(3),
            Self::Termination(width) | Self::Strftime { width, .. } | Self::Skip(Shape::Fixed(width)) => {
                Some(width as usize)
            }
            _ => None,
        }
    }

    /// What the value always holds besides letters, digits and signs.
    pub(crate) const fn separators(self) -> &'static [u8] {
        match self {
            Self::ClfDate => b"//::: ",
            Self::IsoDate => b"--:::",
            _ => b"",
        }
    }

    /// Whether it has an element for each attempt.
    pub(crate) const fn is_list(self) -> bool {
        matches!(
            self,
            Self::UpstreamTimes
                | Self::ConnectTimes
                | Self::HeaderTimes
                | Self::UpstreamAddresses
                | Self::Skip(Shape::List)
        )
    }

    /// Whether a list would take the text behind it for a part of itself.
    pub(crate) fn goes_on_with(self, text: &[u8]) -> bool {
        let is_separator = text.starts_with(b", ") || text.starts_with(b" : ");
        self.is_list() && is_separator || self == Self::UpstreamAddresses && text.starts_with(b":")
    }

    /// How the value looks; `None` if its own syntax ends it.
    pub(crate) const fn text(self) -> Option<Shape> {
        match self {
            Self::Request | Self::Target | Self::RemoteUser | Self::Referer | Self::UserAgent => {
                Some(Shape::Text)
            }
            Self::Client
            | Self::ClientPort
            | Self::HexClient
            | Self::Method
            | Self::Protocol
            | Self::Site
            | Self::Frontend
            | Self::Backend
            | Self::ProxyServer
            | Self::Cache
            | Self::Scheme
            | Self::Tls
            | Self::TlsFlag => Some(Shape::Word),
            Self::Sent { shape, .. }
            | Self::Skip(shape @ (Shape::Word | Shape::Text | Shape::Raw | Shape::Escaped | Shape::Cookie)) => {
                Some(shape)
            }
            _ => None,
        }
    }

    /// The same value with nothing kept of it.
    pub(crate) const fn skipped(self) -> Self {
        match self.width() {
            Some(width) if !matches!(self, Self::Termination(_)) => Self::Skip(Shape::Fixed(width as u8)),
            _ => match self {
                list if list.is_list() => Self::Skip(Shape::List),
                Self::Rfc3339 | Self::AnyDate => Self::Skip(Shape::Word),
                Self::ProcessingTimes => Self::Skip(Shape::Text),
                _ => match self.text() {
                    Some(shape) => Self::Skip(shape),
                    None => Self::Skip(Shape::Number),
                },
            },
        }
    }

    /// Which record field the value fills: of several that fill the same one, the best ranked stays.
    pub(crate) const fn slot(self) -> Option<Slot> {
        Some(match self {
            Self::Client | Self::ClientPort | Self::HexClient => Slot::Client,
            Self::ClfDate
            | Self::IsoDate
            | Self::ZonelessDate
            | Self::Epoch
            | Self::Rfc3339
            | Self::TabDate
            | Self::AnyDate
            | Self::EpochUnits(_)
            | Self::HexEpoch
            | Self::Strftime { .. } => Slot::Time,
            Self::Scaled { slot, .. } => slot,
            Self::Request => Slot::Request,
            Self::Method => Slot::Method,
            Self::Target => Slot::Target,
            Self::Protocol => Slot::Protocol,
            Self::Status | Self::ProxyStatus => Slot::Status,
            Self::Bytes | Self::ClfBytes => Slot::Bytes,
            Self::RemoteUser => Slot::RemoteUser,
            Self::Referer => Slot::Referer,
            Self::UserAgent => Slot::UserAgent,
            Self::Site | Self::Frontend => Slot::Site,
            Self::Sent { what, .. } => match what {
                Sent::Target => Slot::Target,
                Sent::Referer => Slot::Referer,
                Sent::UserAgent => Slot::UserAgent,
                Sent::RemoteUser => Slot::RemoteUser,
                Sent::XForwardedFor | Sent::ProxyAddXForwardedFor => Slot::XForwardedFor,
                Sent::Host => Slot::Site,
            },
            Self::Backend => Slot::Backend,
            Self::ProxyServer | Self::UpstreamAddresses => Slot::Server,
            Self::RequestTime
            | Self::ProcessingTimes
            | Self::Total { latency: true, .. }
            | Self::Elapsed { latency: true, .. } => Slot::Latency,
            Self::UpstreamTimes => Slot::Upstream,
            Self::QueueMs => Slot::Queue,
            Self::ConnectTimes | Self::ConnectMs => Slot::Connect,
            Self::HeaderTimes | Self::ResponseMs => Slot::Response,
            Self::Retries => Slot::Retries,
            Self::Termination(_) => Slot::Termination,
            Self::Cache => Slot::Cache,
            Self::Scheme | Self::Tls | Self::TlsFlag => Slot::Tls,
            Self::Nothing
            | Self::Captures
            | Self::RequestHeaders { .. }
            | Self::Total { latency: false, .. }
            | Self::Elapsed { latency: false, .. }
            | Self::Skip(_) => return None,
        })
    }
}

/// A field of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named like the fields of a record")]
pub enum Slot {
    Client,
    Time,
    Request,
    Method,
    Target,
    Protocol,
    Status,
    Bytes,
    RemoteUser,
    Referer,
    UserAgent,
    XForwardedFor,
    Site,
    Backend,
    Server,
    Latency,
    Upstream,
    Queue,
    Connect,
    Response,
    Retries,
    Termination,
    Cache,
    Tls,
    /// When the request began.
    Start,
}

impl Slot {
    pub(crate) const COUNT: usize = Self::Start as usize + 1;
}

/// Bytes that the format itself writes, ready for a compare of eight bytes at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Literal {
    word: u64,
    mask: u64,
    text: Box<[u8]>,
}

impl Literal {
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut word = [0; 8];
        let mut mask = [0; 8];
        let head = text.len().min(8);
        word[..head].copy_from_slice(&text[..head]);
        mask[..head].fill(0xff);
        Self { word: u64::from_le_bytes(word), mask: u64::from_le_bytes(mask), text: text.into() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The place behind the literal, if it is next.
    #[inline(always)]
    pub(crate) fn skip<'l>(&self, mut cursor: Cursor<'l>) -> Option<Cursor<'l>> {
        let is_next = match cursor.near_word() {
            Some(word) if self.text.len() <= 8 => (word ^ self.word) & self.mask == 0,
            _ => cursor.rest().starts_with(&self.text),
        };
        if !is_next {
            return None;
        }
        cursor.take(self.text.len())?;
        Some(cursor)
    }
}
