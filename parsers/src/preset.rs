//! Formats that have a name. Each is a format string and nothing else.

/// A named format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What a user types.
    pub name: &'static str,
    /// One line for a person.
    pub about: &'static str,
    /// The nginx `log_format`, HAProxy `log-format` or Apache `LogFormat` string it stands for. Where it has no date,
    /// that of the syslog prefix counts.
    pub format_string: &'static str,
}

impl Preset {
    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}

macro_rules! combined {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
            $after
        )
    };
}

macro_rules! httplog {
    ($after:literal) => {
        concat!(
            "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r",
            $after
        )
    };
}

/// Every preset. Where several fit a log equally well, detection takes the first.
pub const PRESETS: &[Preset] = &[
    Preset { name: "combined", about: "nginx and Apache combined", format_string: combined!("", "") },
    Preset {
        name: "combined-extra",
        about: "combined, then fields that are ignored",
        format_string: combined!("", " $ignored"),
    },
    Preset {
        name: "common",
        about: "Apache common: combined without referrer and user agent",
        format_string: r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#,
    },
    Preset {
        name: "vhost-combined",
        about: "combined with the host in front",
        format_string: combined!("$host ", ""),
    },
    Preset {
        name: "vhost-combined-extra",
        about: "combined with the host in front, then fields that are ignored",
        format_string: combined!("$host ", " $ignored"),
    },
    Preset { name: "haproxy-http", about: "HAProxy option httplog", format_string: httplog!("") },
    Preset {
        name: "haproxy-https",
        about: "HAProxy option httpslog",
        format_string: httplog!(
            " %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc"
        ),
    },
    Preset {
        name: "haproxy-tcp",
        about: "HAProxy option tcplog",
        format_string: "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq",
    },
    Preset {
        name: "haproxy-http-clf",
        about: "HAProxy option httplog clf, of any version",
        format_string: concat!(
            r#"%{+Q}o %{-Q}ci - - [%trg] %r %ST %B "" "" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc "#,
            "%ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl"
        ),
    },
    Preset {
        name: "haproxy-tcp-clf",
        about: "HAProxy option tcplog clf",
        format_string: concat!(
            r#"%{+Q}o %{-Q}ci - - [%T] "TCP " 000 %B "" "" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U %ts-- "#,
            r#"%ac %fc %bc %sc %rc %sq %bq "" "" "#
        ),
    },
    // What HAProxy logs when a session is accepted. Who counts these lines expects sessions, and with the other formats
    // they are messages, because the session has a line of its own.
    Preset {
        name: "haproxy-default",
        about: "HAProxy without option httplog or tcplog: sessions, at the date of syslog",
        format_string: "Connect from %ci:%cp to %fi:%fp (%f/%[mode])",
    },
    Preset {
        name: "apache-combined",
        about: "Apache combined, with its escapes",
        format_string: r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    },
    Preset {
        name: "apache-common",
        about: "Apache common, with its escapes",
        format_string: r#"%h %l %u %t "%r" %>s %b"#,
    },
    Preset {
        name: "apache-vhost-combined",
        about: "Apache vhost_combined: host and port, then combined with all bytes",
        format_string: r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#,
    },
];
