//! The words of the filter language: fields, their kinds, operators. Reads no text.

/// Words less alike than this are no suggestion for each other.
const SIMILAR: f64 = 0.65;

/// A field of a record that a filter can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Status code.
    Status,
    /// Request method, with case.
    Method,
    /// The request target up to its `?`, without scheme and authority, with case, as logged.
    Path,
    /// The request target behind its first `?`, with case, as logged.
    Query,
    /// `User-Agent`, without case.
    UserAgent,
    /// `Referer`, without case.
    Referrer,
    /// The virtual host or frontend, without case.
    Host,
    /// Total time in milliseconds.
    LatencyMs,
    /// Bytes sent to the client.
    BytesSent,
    /// HAProxy's termination state, with case.
    Termination,
    /// `HTTP/1.1` and so on, with case.
    Protocol,
}

/// What kind of value a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Text,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 11] = [
        Self::Status,
        Self::Method,
        Self::Path,
        Self::Query,
        Self::UserAgent,
        Self::Referrer,
        Self::Host,
        Self::LatencyMs,
        Self::BytesSent,
        Self::Termination,
        Self::Protocol,
    ];

    /// The word in a filter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Method => "method",
            Self::Path => "path",
            Self::Query => "query",
            Self::UserAgent => "user_agent",
            Self::Referrer => "referrer",
            Self::Host => "host",
            Self::LatencyMs => "latency_ms",
            Self::BytesSent => "bytes_sent",
            Self::Termination => "termination",
            Self::Protocol => "protocol",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Status | Self::LatencyMs | Self::BytesSent => Kind::Number,
            Self::Method
            | Self::Path
            | Self::Query
            | Self::UserAgent
            | Self::Referrer
            | Self::Host
            | Self::Termination
            | Self::Protocol => Kind::Text,
        }
    }

    /// Whether `A` and `a` are the same in it. Clients write agents, referrers and hosts as they like.
    #[must_use]
    pub const fn ignores_case(self) -> bool {
        matches!(self, Self::UserAgent | Self::Referrer | Self::Host)
    }
}

/// How a number is compared with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    pub(crate) const ALL: [Self; 4] = [Self::Less, Self::LessOrEqual, Self::Greater, Self::GreaterOrEqual];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    pub(crate) const fn holds(self, value: u64, bound: u64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::LessOrEqual => value <= bound,
            Self::Greater => value > bound,
            Self::GreaterOrEqual => value >= bound,
        }
    }
}

/// Where in a text one of several others is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// It is the whole text: `==`, `in`.
    Whole,
    Start,
    End,
    Anywhere,
}

impl Part {
    /// Those that have a word of their own.
    pub(crate) const NAMED: [Self; 3] = [Self::Start, Self::End, Self::Anywhere];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Whole => "==",
            Self::Start => "starts_with",
            Self::End => "ends_with",
            Self::Anywhere => "contains",
        }
    }
}

/// The known word most like an unknown one, as a hint.
pub(crate) fn nearest<'w>(unknown: &str, known: impl IntoIterator<Item = &'w str>) -> Option<String> {
    let unknown = unknown.to_ascii_lowercase();
    // Jaro's measure sees no swapped letters in words of three.
    let alike = |word| {
        strsim::jaro_winkler(&unknown, word).max(strsim::normalized_damerau_levenshtein(&unknown, word))
    };
    let scored = known.into_iter().map(|word| (alike(word), word));
    let (score, word) = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (score >= SIMILAR).then(|| format!("did you mean `{word}`?"))
}
