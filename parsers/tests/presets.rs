//! The presets of other servers, on lines as those write them, and on real ones where the corpus is beside the repository.

mod common;

use std::fs;
use std::path::PathBuf;

use common::{compile, record, text};
use logstat_parsers::{CacheStatus, Client, Line, Options, PRESETS, Record, RejectKind, detect};
use serde_json::Value;

/// The corpus file, or `None` with a note.
fn corpus(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus").join(name);
    if !path.exists() {
        println!("skipped: corpus absent");
        return None;
    }
    Some(fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

#[track_caller]
fn detected(log: &str) -> &'static str {
    detect(log.as_bytes(), &Options::default()).best.expect("a preset").preset.name
}

fn address(record: &Record<'_>) -> String {
    match record.client {
        Client::Ip(address) => address.to_string(),
        Client::Name(name) => String::from_utf8_lossy(name).into_owned(),
        Client::Unknown => "-".to_owned(),
    }
}

/// End, client, request, status and bytes; then times in microseconds; then names.
fn told(record: &Record<'_>) -> [String; 3] {
    let owned = |bytes: Option<&[u8]>| text(bytes).unwrap_or("-").to_owned();
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |number| number.to_string());
    let end = jiff::Timestamp::from_microsecond(record.end_us).expect("in range");
    let request = [owned(record.method), owned(record.target), owned(record.protocol)].join(" ");
    let (status, bytes) = (number(record.status.map(u64::from)), number(record.bytes_sent));
    let tls = if record.tls { "tls" } else { "plain" };
    let names = [record.site, record.backend, record.server, record.remote_user].map(owned).join(" ");
    [
        format!("{end} {} {request} {status} {bytes}", address(record)),
        format!("{} {}", number(record.latency_us), number(record.upstream_us)),
        format!("{names} {tls} | {} | {}", owned(record.referer), owned(record.user_agent)),
    ]
}

/// Detects the preset from the line, and reads the line with it.
#[track_caller]
fn read(preset: &str, line: &str) -> [String; 3] {
    assert_eq!(detected(line), preset);
    told(&record(&compile(preset), line.as_bytes()))
}

#[test]
fn caddy() {
    let line = r#"{"level":"info","ts":1716732963.4146512,"logger":"http.log.access.log16","msg":"handled request","request":{"remote_ip":"2001:db8::1234","remote_port":"62769","client_ip":"192.0.2.66","proto":"HTTP/3.0","method":"GET","host":"example.com","uri":"/res/browse.css","headers":{"Referer":["https://example.com/"],"User-Agent":["curl/8.5.0"],"X-Forwarded-For":["192.0.2.66"]},"tls":{"resumed":false,"version":772,"proto":"h3"}},"bytes_read":0,"user_id":"Bob","duration":0.000275783,"size":1577,"status":200,"resp_headers":{"Server":["Caddy"]}}"#;
    let expected = [
        "2024-05-26T14:16:03.414651Z 2001:db8::1234 GET /res/browse.css HTTP/3.0 200 1577",
        "275 -",
        "example.com - - Bob tls | https://example.com/ | curl/8.5.0",
    ];
    assert_eq!(read("caddy", line), expected);
    let old = r#"{"level":"info","ts":"2020-11-20T13:00:00.5Z","logger":"http.log.access","msg":"handled request","request":{"remote_addr":"[2001:db8::1]:50920","proto":"HTTP/2.0","method":"GET","host":"example.com","uri":"/","headers":{}},"common_log":"-","duration":1.5,"size":0,"status":304}"#;
    let expected = [
        "2020-11-20T13:00:00.5Z 2001:db8::1 GET / HTTP/2.0 304 0",
        "1500000 -",
        "example.com - - - plain | - | -",
    ];
    assert_eq!(read("caddy", old), expected);
    // The error log tells of the same request once more.
    let error = r#"{"level":"error","ts":1716732963.4,"logger":"http.log.error","msg":"dial tcp: refused","request":{"remote_ip":"192.0.2.1","method":"GET","uri":"/"},"duration":0.1,"status":502,"err_id":"x"}"#;
    assert!(matches!(compile("caddy").parser(0).parse(error.as_bytes()), Line::Event(_)));
}

#[test]
fn traefik() {
    let line = r#"{"ClientAddr":"192.0.2.1:56446","ClientHost":"192.0.2.66,10.0.0.50","ClientPort":"56446","ClientUsername":"-","DownstreamContentSize":357,"DownstreamStatus":200,"Duration":2001375,"OriginDuration":1935291,"OriginStatus":200,"RequestHost":"example.com","RequestMethod":"GET","RequestPath":"/x","RequestProtocol":"HTTP/2.0","RequestScheme":"https","RetryAttempts":2,"RouterName":"web@docker","ServiceAddr":"172.17.0.3:80","ServiceName":"web@docker","ServiceURL":{"Scheme":"http","Host":"172.17.0.3:80"},"StartUTC":"2021-12-08T14:02:43.587782192Z","TLSVersion":"1.3","level":"info","msg":"","request_User-Agent":"Nikto"}"#;
    let expected = [
        "2021-12-08T14:02:43.589783Z 192.0.2.1 GET /x HTTP/2.0 200 357",
        "2001 1935",
        "example.com web@docker 172.17.0.3:80 - tls | - | Nikto",
    ];
    assert_eq!(read("traefik-json", line), expected);
    let format = compile("traefik-json");
    assert_eq!(record(&format, line.as_bytes()).retries, Some(2));
    // Nobody was asked, which is not the same as no time.
    let unasked = line.replace("1935291", "0");
    assert_eq!(record(&format, unasked.as_bytes()).upstream_us, None);
    let message = br#"{"level":"error","msg":"service not found","time":"2021-12-08T14:02:43Z"}"#;
    assert!(matches!(format.parser(0).parse(message), Line::Event(_)));

    let line = r#"192.0.2.1 - bob [08/Dec/2021:09:16:05 +0000] "GET /x?a=b HTTP/1.1" 200 414 "-" "Nikto" 500 "a@docker -> b@docker" "http://172.17.0.3:80" 1250ms"#;
    let expected = [
        "2021-12-08T09:16:06.25Z 192.0.2.1 GET /x?a=b HTTP/1.1 200 414",
        "1250000 -",
        "- a@docker -> b@docker http://172.17.0.3:80 bob plain | - | Nikto",
    ];
    assert_eq!(read("traefik-clf", line), expected);
    let unanswered =
        r#"192.0.2.1 - - [28/Sep/2022:13:38:04 +0000] "GET / HTTP/1.1" - - "-" "-" 45640 "-" "-" 0ms"#;
    assert_eq!(read("traefik-clf", unanswered)[0], "2022-09-28T13:38:04Z 192.0.2.1 GET / HTTP/1.1 - -");
}

#[test]
fn quotes_of_clients_do_not_hide_a_format() {
    let line = r#"192.0.2.1 - - [08/Dec/2021:09:16:05 +0000] "GET / HTTP/1.1" 200 414 "-" "curl" 500 "a@docker" "http://172.17.0.3:80" 12ms"#;
    // Traefik does not escape them, so such a line fits only where the rest is ignored.
    let quoted = line.replace("curl", r#"" "x"#);
    assert_eq!(detected(&quoted), "combined-extra");
    assert_eq!(detected(&format!("{quoted}\n{line}\n{line}\n")), "traefik-clf");
}

#[test]
fn sessions_of_tcplog_clf_are_not_requests_of_httplog_clf() {
    let line = r#"192.0.2.1 - - [06/Feb/2009:12:14:14 +0000] "TCP " 000 212 "" "" 40962 0285 "main" "app" "<NOSRV>" 0 -1 -1 17 0 SC-- 1 1 0 0 0 0 0 "" "" "#;
    assert_eq!(detected(line), "haproxy-tcp-clf");
    let request = line.replace(r#""TCP " 000"#, r#""GET / HTTP/1.1" 200"#);
    assert_eq!(detected(&request), "haproxy-http-clf");
    let format = compile("haproxy-http-clf");
    let Line::Reject(reject) = format.parser(0).parse(line.as_bytes()) else { panic!("a reject") };
    assert_eq!(reject.kind, RejectKind::Status);
}

#[test]
fn load_balancer_of_aws() {
    let line = r#"https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.0.2.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012" 1 2018-07-02T22:22:48.364000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-""#;
    let expected = [
        "2018-07-02T22:23:00.186641Z 192.0.2.39 GET https://www.example.com:443/ HTTP/1.1 200 57",
        "171000 48000",
        "www.example.com - 10.0.0.1:80 - tls | - | curl/7.46.0",
    ];
    assert_eq!(read("alb", line), expected);
    let further = format!(r#"{line} TID_1234abcd5678ef90 "m.example.com" "-" "TransformSuccess""#);
    assert_eq!(read("alb", &further), expected);
    let untargeted = line
        .replace(
            "192.0.2.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200",
            "[2001:db8::1]:2817 - -1 -1 -1 503 -",
        )
        .replacen("ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2", "- -", 1);
    let expected = [
        "2018-07-02T22:23:00.186641Z 2001:db8::1 GET https://www.example.com:443/ HTTP/1.1 503 57",
        "- -",
        "www.example.com - - - plain | - | curl/7.46.0",
    ];
    assert_eq!(read("alb", &untargeted), expected);
    let fields = compile("alb").fields();
    assert!(fields.latency && fields.upstream && fields.server && fields.site);
}

#[test]
fn cloudfront() {
    let line = "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.24\tGET\td111111abcdef8.cloudfront.net\t/index.html\t200\t-\tMozilla/5.0%20(X11)\tq=1\t-\tRefreshHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\twww.example.com\thttps\t23\t0.001\t-\tTLSv1.2\tECDHE-RSA-AES128-GCM-SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t0.001\tHit\ttext/html\t78\t-\t-";
    let header = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method\n";
    let expected = [
        "2019-12-04T21:02:31Z 192.0.2.24 GET /index.html - 200 392",
        "1000 -",
        "www.example.com - - - tls | - | Mozilla/5.0%20(X11)",
    ];
    assert_eq!(detected(&format!("{header}{line}\n")), "cloudfront");
    assert_eq!(read("cloudfront", line), expected);
    let format = compile("cloudfront");
    assert_eq!(record(&format, line.as_bytes()).cache, Some(CacheStatus::Revalidated));
    for line in header.lines() {
        assert!(matches!(format.parser(0).parse(line.as_bytes()), Line::Event(_)), "{line}");
    }
    let Line::Reject(reject) = format.parser(0).parse(b"# comment") else { panic!("a reject") };
    assert_eq!(reject.kind, RejectKind::Cut);
}

#[test]
fn envoy() {
    let line = r#"{":authority":"www.example.com","bytes_received":0,"bytes_sent":121258,"downstream_remote_address":"[2001:db8::1]:59292","duration":11,"method":"GET","protocol":"HTTP/2","requested_server_name":null,"response_code":200,"response_flags":"-","start_time":"2025-12-31T16:37:40.479Z","upstream_cluster":"app","upstream_host":"10.42.0.82:8080","user-agent":"Mozilla/4.0","x-envoy-origin-path":"/assets/image.webp","x-envoy-upstream-service-time":"9","x-forwarded-for":"10.0.0.12"}"#;
    let expected = [
        "2025-12-31T16:37:40.49Z 2001:db8::1 GET /assets/image.webp HTTP/2 200 121258",
        "11000 9000",
        "www.example.com app 10.42.0.82:8080 - plain | - | Mozilla/4.0",
    ];
    assert_eq!(read("envoy-json", line), expected);
    let line = format!("2025-12-31T17:37:40.493035218+01:00 stdout F {line}");
    assert_eq!(read("envoy-json", &line), expected);
}

#[test]
fn cloudflare() {
    let line = r#"{"ClientIP":"192.0.2.250","ClientRequestHost":"www.example.com","ClientRequestMethod":"HEAD","ClientRequestURI":"/?a","EdgeEndTimestamp":1712790000123000000,"EdgeResponseBytes":570,"EdgeResponseStatus":301,"EdgeStartTimestamp":1712790000100000000,"CacheCacheStatus":"hit","OriginResponseDurationMs":0,"OriginIP":"","ClientRequestProtocol":"HTTP/1.1","ClientRequestUserAgent":"","ClientRequestReferer":"","ClientRequestScheme":"https"}"#;
    let expected = [
        "2024-04-10T23:00:00.123Z 192.0.2.250 HEAD /?a HTTP/1.1 301 570",
        "23000 -",
        "www.example.com - - - tls | - | -",
    ];
    assert_eq!(read("cloudflare", line), expected);
    let format = compile("cloudflare");
    assert_eq!(record(&format, line.as_bytes()).cache, Some(CacheStatus::Hit));
    // As long as either date has a fraction, the time between them is known; of whole seconds it is not.
    for (start, end, latency_us) in [
        ("1712790000123000000", "1712790000123000000", Some(0)),
        ("1712790000123000000", "1712790003123000000", Some(3_000_000)),
        ("1712790000000000000", "1712790000456000000", Some(456_000)),
        ("1712790000000000000", "1712790003000000000", None),
        ("1712790003123000000", "1712790000123000000", None),
    ] {
        let line = line.replace("1712790000123000000", end).replace("1712790000100000000", start);
        assert_eq!(record(&format, line.as_bytes()).latency_us, latency_us, "{line}");
    }
}

#[test]
fn nginx_json() {
    // Keys of published configurations.
    let line = r#"{"@timestamp":"2026-11-20T13:00:00+01:00", "server_name":"example.com","host":"www.example.com","status":200,"bytes_sent":600,"body_bytes_sent":512,"remote_addr":"192.0.2.1","request_time":0.007,"request_method":"GET","request_uri":"/a?b","uri":"/a","server_protocol":"HTTP/2.0","ssl_protocol":"TLSv1.3","upstream_addr":"10.0.0.1:80, 10.0.0.2:80","upstream_response_time":"0.001, 0.004","upstream_cache_status":"MISS","http_referrer":"","http_user_agent":"curl"}"#;
    let expected = [
        "2026-11-20T12:00:00Z 192.0.2.1 GET /a?b HTTP/2.0 200 600",
        "7000 5000",
        "example.com - 10.0.0.2:80 - tls | - | curl",
    ];
    assert_eq!(read("nginx-json", line), expected);
    let line = r#"{ "time_local":"20/Nov/2026:13:00:00 +0100","remote_addr":"192.0.2.1","remote_user":"","request":"GET /a HTTP/1.1","status": "499","body_bytes_sent":"0","request_time":"1.500","upstream_response_time":0,"http_referer":"","http_user_agent":"\"x\"" }"#;
    let expected =
        ["2026-11-20T12:00:00Z 192.0.2.1 GET /a HTTP/1.1 499 0", "1500000 -", r#"- - - - plain | - | \"x\""#];
    assert_eq!(read("nginx-json", line), expected);
    let line = r#"{"msec":"1763643600.250","time":"2025-11-20T13:00:00+00:00","remote_ip":"2001:db8::1","method":"GET","path":"/","status":200,"rt":,"response_time":0.1}"#;
    let expected = ["2025-11-20T13:00:00.25Z 2001:db8::1 GET / - 200 -", "100000 -", "- - - - plain | - | -"];
    assert_eq!(read("nginx-json", line), expected);
}

/// A preset knows the keys of many logs, so what one of them lacks says nothing.
#[test]
fn a_line_without_keys_of_upstreams_does_not_say_that_none_was_asked() {
    let format = compile("nginx-json");
    let line = r#"{"time":"2026-11-20T13:00:00+00:00","remote_addr":"192.0.2.1","status":500}"#;
    assert!(!record(&format, line.as_bytes()).tells_upstream);
    for key in ["upstream_addr", "upstream_response_time"] {
        for value in ["", r#""""#, r#""-""#, "null"] {
            let line = line.replace("500", &format!(r#"500,"{key}":{value}"#));
            assert!(record(&format, line.as_bytes()).tells_upstream, "{line}");
        }
    }
}

#[test]
fn labelled_values() {
    let line = "time:[20/Nov/2026:13:00:00 +0100]\thost:192.0.2.1\tforwardedfor:192.0.2.66\tuser:-\treq:GET /a HTTP/1.1\tstatus:200\tsize:512\treqsize:20\treferer:-\tua:curl\tvhost:example.com\treqtime:0.010\tapptime:0.004\tcache:HIT";
    let expected = [
        "2026-11-20T12:00:00Z 192.0.2.1 GET /a HTTP/1.1 200 512",
        "10000 4000",
        "example.com - - - plain | - | curl",
    ];
    assert_eq!(read("ltsv", line), expected);
    let micros = line.replace("reqtime:0.010", "reqtime_microsec:10123");
    assert_eq!(read("ltsv", &micros)[1], "10123 4000");
}

#[test]
fn each_preset_compiles_and_finds_itself() {
    for preset in PRESETS {
        let format = compile(preset.name);
        assert!(format.fields().time, "{}", preset.name);
        assert_eq!(format.name(), preset.name);
    }
    let detection = detect(b"{\"a\":1}\n{\"b\":2}\n", &Options::default());
    assert_eq!((detection.best, detection.runner_up), (None, None));
    assert!(detection.hint.expect("advice").contains("--format 'json "));
}

/// Which fields of another project's reading have a counterpart, and what they say.
fn counterpart(record: &Record<'_>, name: &str) -> Option<String> {
    let owned = |bytes: Option<&[u8]>| text(bytes).unwrap_or_default().to_owned();
    Some(match name {
        "verb" | "http_method" => owned(record.method),
        "status" | "elb_status_code" => record.status?.to_string(),
        "http_user_agent" => owned(record.user_agent),
        "http_version" => owned(record.protocol).replace("HTTP/", ""),
        "body_bytes_sent" | "sent_bytes" => record.bytes_sent?.to_string(),
        "target_fqdn" => owned(record.site),
        _ => return None,
    })
}

#[test]
fn agrees_with_crowdsec() {
    for (name, preset, records) in [
        ("caddy-logs", "caddy", 10),
        ("traefik_json", "traefik-json", 6),
        ("traefik_clf", "traefik-clf", 7),
        ("envoy-logs", "envoy-json", 6),
        ("aws-alb-logs", "alb", 14),
    ] {
        let Some(cases) = corpus(&format!("crowdsecurity__hub/tests__{name}.cases.jsonl")) else { return };
        let format = compile(preset);
        let (mut read, mut compared) = (0, 0);
        for case in cases.lines().map(|case| serde_json::from_str::<Value>(case).expect("a case")) {
            let Some(parsed) = case["parsed"].as_object() else { continue };
            let Some(line) = parsed.get("message").and_then(Value::as_str) else { continue };
            let Line::Record(record) = format.parser(0).parse(line.as_bytes()) else { continue };
            read += 1;
            for (name, value) in parsed {
                // Behind a proxy the others believe its header.
                if name == "remote_addr" && matches!(preset, "alb" | "traefik-clf") {
                    assert_eq!(address(&record), *value, "{line}");
                } else if let Some(found) = counterpart(&record, name) {
                    assert_eq!(found, value.as_str().expect("a text").trim_matches('-'), "{name} of {line}");
                    compared += 1;
                }
            }
        }
        assert_eq!(read, records, "{name}");
        assert!(compared >= 3 * records, "{name}");
    }
}

#[test]
fn reads_real_logs_to_the_last_line() {
    for (name, preset, records, events, rejects) in [
        ("tstack__lnav/test__logfile_caddy_log.0", "caddy", 4, 35, 0),
        ("tstack__lnav/test__logfile_caddy_log.1", "caddy", 4, 0, 0),
        ("tstack__lnav/test__logfile_cloudflare.1", "cloudflare", 15, 0, 0),
        ("tstack__lnav/test__logfile_cloudflare.json", "cloudflare", 1, 0, 0),
        ("tkuchiki__alp/example__logs__json_access.log", "nginx-json", 14, 0, 0),
        ("tkuchiki__alp/example__logs__ltsv_access.log", "ltsv", 14, 0, 0),
        ("crowdsecurity__hub/tests__caddy-logs__caddy-logs.log", "caddy", 10, 1, 0),
        // A plugin of another project writes into the same file.
        ("crowdsecurity__hub/tests__traefik_json__traefik_json.log", "traefik-json", 6, 0, 1),
    ] {
        let Some(log) = corpus(name) else { return };
        assert_eq!(detected(&log), preset, "{name}");
        let format = compile(preset);
        let mut parser = format.parser(0);
        let mut counts = (0, 0, 0);
        for line in log.lines() {
            match parser.parse(line.as_bytes()) {
                Line::Record(_) => counts.0 += 1,
                Line::Event(_) => counts.1 += 1,
                Line::Reject(_) => counts.2 += 1,
                Line::Blank => {}
            }
        }
        assert_eq!(counts, (records, events, rejects), "{name}");
    }
}
