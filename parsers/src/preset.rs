//! Formats that have a name. Each is a format string and nothing else.

/// A named format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// What a user types.
    pub name: &'static str,
    /// One line for a person.
    pub about: &'static str,
    /// The nginx `log_format`, HAProxy `log-format` or Apache `LogFormat` string or the field map it stands for. Where it
    /// has no date, that of the syslog prefix counts.
    pub format_string: &'static str,
}

impl Preset {
    /// The preset that it continues with fields that it ignores.
    #[must_use]
    pub fn continues(&self) -> Option<&'static str> {
        self.name.strip_suffix("-extra")
    }

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

/// nginx has no JSON format of its own; these are the keys of published ones. A `0` without decimals is not nginx's: it is
/// what a `map` made of a missing time. With `escape=none` a client could add a key that is not there: give a field map.
const NGINX_JSON: &str = concat!(
    "json time=msec|ts|@timestamp|timestamp|time_iso8601|time_local|time ",
    "remote_addr=remote_addr|remote_ip|client_ip|clientip|client_addr|client|ip remote_user=remote_user|user ",
    "request=request request_method=request_method|method|verb|http_method ",
    "request_uri=request_uri|uri|url|path server_protocol=server_protocol|protocol|proto ",
    "status=status|status_code|response_status|response_code|code ",
    "bytes_sent=bytes_sent|response_bytes|body_bytes_sent|body_bytes|response_body_bytes|bytes|size|len_bytes ",
    "http_referer=http_referer|http_referrer|referer|referrer ",
    "http_user_agent=http_user_agent|user_agent|useragent|agent|ua ",
    "http_x_forwarded_for=http_x_forwarded_for|x_forwarded_for|x-forwarded-for|xff ",
    "server_name=server_name|vhost host=host|http_host|domain ",
    "request_time=request_time|req_time|duration|duration_s|response_time ",
    "request_time_ms=request_time_ms|duration_ms ",
    "upstream_response_time=upstream_response_time?|upstream_time?|upstream_duration? ",
    "upstream_connect_time=upstream_connect_time? upstream_header_time=upstream_header_time? ",
    "upstream_addr=upstream_addr|upstream_host|upstream proxy_host=proxy_host ",
    "upstream_cache_status=upstream_cache_status|cache_status|cache ",
    "scheme=scheme ssl_protocol=ssl_protocol|tls_protocol ssl_cipher=ssl_cipher|tls_cipher"
);

/// Every preset. Where several fit a log equally well, detection takes the first.
pub const PRESETS: &[Preset] = &[
    Preset { name: "combined", about: "nginx and Apache combined", format_string: combined!("", "") },
    Preset {
        name: "traefik-clf",
        about: "Traefik accessLog format common",
        // Its date is the start of the request.
        format_string: combined!(
            "",
            r#" $connection_requests "$proxy_host" "$upstream_addr" ${elapsed_ms}ms"#
        ),
    },
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
        name: "alb",
        about: "AWS Application Load Balancer access log",
        format_string: concat!(
            "$word $time_rfc3339 $word $remote_addr_port $upstream_addr $processing_times $status $word ",
            r#"$request_length $bytes_sent "$request" "$http_user_agent" $ssl_cipher $ssl_protocol $word "#,
            r#""$trace_id" "$host" $ignored"#
        ),
    },
    Preset {
        name: "cloudfront",
        about: "AWS CloudFront standard log, with its fields in the documented order",
        format_string: concat!(
            "$date_tab_time\t$word\t$bytes_sent\t$remote_addr\t$request_method\t$word\t$uri\t$status\t",
            "$http_referer\t$http_user_agent\t$query\t$cookie\t$upstream_cache_status\t$word\t$host\t",
            "$scheme\t$request_length\t$request_time\t$ignored"
        ),
    },
    Preset {
        name: "caddy",
        about: "Caddy 2 JSON",
        // The peer's address: `client_ip` may come from a header. Lines of `http.log.error` tell of the same request,
        // without its size.
        format_string: concat!(
            "json time=ts remote_addr=request.remote_ip|request.remote_addr request_method=request.method ",
            "request_uri=request.uri! server_protocol=request.proto host=request.host status=status ",
            "bytes_sent=size! request_time=duration remote_user=user_id ",
            "http_referer=request.headers.Referer.0 http_user_agent=request.headers.User-Agent.0 ",
            "ssl_protocol=request.tls.version"
        ),
    },
    Preset {
        name: "traefik-json",
        about: "Traefik accessLog format json",
        // The peer's address: `ClientHost` is X-Forwarded-For where there is one.
        format_string: concat!(
            "json time=time start_time=StartUTC|StartLocal remote_addr=ClientAddr remote_user=ClientUsername ",
            "request_method=RequestMethod request_uri=RequestPath server_protocol=RequestProtocol ",
            "status=DownstreamStatus! bytes_sent=DownstreamContentSize host=RequestHost ",
            "scheme=RequestScheme ssl_protocol=TLSVersion request_time_ns=Duration ",
            "upstream_response_time_ns=OriginDuration? retries=RetryAttempts proxy_host=ServiceName ",
            "server=ServiceAddr|ServiceURL|ServiceURL.Host ",
            "http_referer=request_Referer http_user_agent=request_User-Agent"
        ),
    },
    Preset {
        name: "envoy-json",
        about: "Envoy JSON as Envoy Gateway and Istio write it",
        format_string: concat!(
            "json start_time=start_time! status=response_code! ",
            "remote_addr=downstream_direct_remote_address|downstream_remote_address ",
            "request_method=method request_uri=x-envoy-origin-path|path server_protocol=protocol ",
            "host=:authority|authority bytes_sent=bytes_sent request_time_ms=duration ",
            "upstream_response_time_ms=x-envoy-upstream-service-time|upstream_service_time ",
            "proxy_host=upstream_cluster server=upstream_host ssl_protocol=downstream_tls_version ",
            "http_referer=referer http_user_agent=user-agent|user_agent ",
            "http_x_forwarded_for=x-forwarded-for|x_forwarded_for"
        ),
    },
    Preset {
        name: "cloudflare",
        about: "Cloudflare Logpush HTTP requests",
        format_string: concat!(
            "json time=EdgeEndTimestamp start_time=EdgeStartTimestamp remote_addr=ClientIP ",
            "request_method=ClientRequestMethod request_uri=ClientRequestURI ",
            "server_protocol=ClientRequestProtocol host=ClientRequestHost scheme=ClientRequestScheme ",
            "status=EdgeResponseStatus! bytes_sent=EdgeResponseBytes upstream_cache_status=CacheCacheStatus ",
            "server=OriginIP upstream_response_time_ms=OriginResponseDurationMs? ",
            "http_referer=ClientRequestReferer http_user_agent=ClientRequestUserAgent"
        ),
    },
    Preset {
        name: "nginx-json",
        about: "JSON with the usual names of nginx's variables, escape=json",
        format_string: NGINX_JSON,
    },
    Preset {
        name: "ltsv",
        about: "labelled tab-separated values with the labels of ltsv.org",
        format_string: concat!(
            "ltsv time=msec|time|time_iso8601|time_local|timestamp remote_addr=remote_addr|host ",
            "request=req|request request_method=method|request_method request_uri=uri|request_uri|path ",
            "server_protocol=protocol|server_protocol status=status ",
            "bytes_sent=bytes_sent|size|body_bytes_sent http_referer=referer|referrer|http_referer ",
            "http_user_agent=ua|user_agent|http_user_agent remote_user=user|remote_user ",
            "http_x_forwarded_for=forwardedfor|x_forwarded_for|http_x_forwarded_for|xff ",
            "server_name=server_name host=vhost|http_host request_time=reqtime|request_time|req_time ",
            "request_time_us=reqtime_microsec|taken_microsec ",
            "upstream_response_time=apptime|upstream_response_time|runtime ",
            "upstream_addr=upstream_addr upstream_cache_status=cache|upstream_cache_status scheme=scheme"
        ),
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
    // Without mod_ident `%l` is a dash. As a value it would let a host in front pass for a client with a name.
    Preset {
        name: "apache-combined",
        about: "Apache combined, with its escapes",
        format_string: r#"%h - %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#,
    },
    Preset {
        name: "apache-common",
        about: "Apache common, with its escapes",
        format_string: r#"%h - %u %t "%r" %>s %b"#,
    },
    Preset {
        name: "apache-vhost-combined",
        about: "Apache vhost_combined: host and port, then combined with all bytes",
        format_string: r#"%v:%p %h - %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#,
    },
];
