//! Formats that have a name. Each is a format string and nothing else.

/// A named format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What a user types.
    pub name: &'static str,
    /// One line for a person.
    pub about: &'static str,
    /// The nginx `log_format` or HAProxy `log-format` string it stands for.
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
];
