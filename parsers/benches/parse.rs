//! Nanoseconds per line, on one core. `cargo bench -p logstat-parsers --bench parse`

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use logstat_parsers::{Format, Line, Options, detect};

/// Lines in a block: enough that the branch predictor cannot learn them.
const LINES: usize = 20_000;

const NGINX_TIMED: &str = concat!(
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "#,
    r#""$http_referer" "$http_user_agent" $request_time $upstream_response_time"#
);

const USER_AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "curl/8.5.0",
];

fn main() {
    divan::main();
}

#[divan::bench]
fn nginx_combined(bencher: Bencher<'_, '_>) {
    run(bencher, "combined", &block(|random, second| nginx_line(random, second, "")));
}

#[divan::bench]
fn nginx_vhost_combined(bencher: Bencher<'_, '_>) {
    run(
        bencher,
        "vhost-combined",
        &block(|random, second| format!("www.example.com {}", nginx_line(random, second, ""))),
    );
}

#[divan::bench]
fn nginx_combined_with_times(bencher: Bencher<'_, '_>) {
    run(
        bencher,
        NGINX_TIMED,
        &block(|random, second| {
            let (total, upstream) = (random.below(2_000), random.below(1_000));
            let times = format!(" {}.{:03} 0.{upstream:03}", total / 1_000, total % 1_000);
            nginx_line(random, second, &times)
        }),
    );
}

/// A site's own format, with the values of `combined` and more, in another order.
#[divan::bench]
fn nginx_own(bencher: Bencher<'_, '_>) {
    let own = r#"$time_iso8601 $remote_addr $status $bytes_sent $request_time "$request_method" "$request_uri" "$http_referer" "$http_user_agent""#;
    run(
        bencher,
        own,
        &block(|random, second| {
            let (client, minute, second) = (random.below(256), second / 60, second % 60);
            let agent = USER_AGENTS[random.below(4) as usize];
            format!(
                "2026-11-20T13:{minute:02}:{second:02}+00:00 192.0.{client}.{client} {} {} 0.{:03} \"GET\" \"{}\" \
                 \"https://www.example.com/catalogue\" \"{agent}\"",
                [200, 200, 200, 304, 404, 502][random.below(6) as usize],
                random.below(200_000),
                random.below(1_000),
                random.path(),
            )
        }),
    );
}

/// The same for HAProxy.
#[divan::bench]
fn haproxy_own(bencher: Bencher<'_, '_>) {
    let own = r#"%ci:%cp [%tr] %ft %b/%s %Tw/%Tc/%Tr/%Ta %ST %B %tsc %rc %HM "%HU" "%[ssl_fc_cipher]""#;
    run(
        bencher,
        own,
        &block(|random, second| {
            let (client, port, server) = (random.below(256), random.below(60_000) + 1_024, random.below(4));
            let (minute, second, ms) = (second / 60, second % 60, random.below(1_000));
            format!(
                "192.0.{client}.{client}:{port} [20/Nov/2026:13:{minute:02}:{second:02}.{ms:03}] www~ app/app{server} \
                 0/1/{}/{} 200 {} ---- 0 GET \"{}\" \"TLS_AES_128_GCM_SHA256\"",
                random.below(1_000),
                random.below(2_000),
                random.below(200_000),
                random.path(),
            )
        }),
    );
}

#[divan::bench]
fn haproxy_http_rfc3164(bencher: Bencher<'_, '_>) {
    run(
        bencher,
        "haproxy-http",
        &block(|random, second| {
            let prefix = format!("Nov 20 13:{:02}:{:02} lb1 haproxy[28029]: ", second / 60, second % 60);
            haproxy_line(random, second, &prefix)
        }),
    );
}

#[divan::bench]
fn haproxy_http_bare(bencher: Bencher<'_, '_>) {
    run(bencher, "haproxy-http", &block(|random, second| haproxy_line(random, second, "")));
}

#[divan::bench]
fn nginx_json(bencher: Bencher<'_, '_>) {
    run(
        bencher,
        "nginx-json",
        &block(|random, second| {
            let (client, status, total) = (random.below(256), 200 + random.below(2), random.below(1_000));
            let (minute, second, agent) = (second / 60, second % 60, USER_AGENTS[random.below(4) as usize]);
            format!(
                r#"{{"time_iso8601":"2026-11-20T13:{minute:02}:{second:02}+00:00","remote_addr":"192.0.2.{client}","remote_user":"","request":"GET {} HTTP/1.1","status":{status},"body_bytes_sent":{},"request_time":0.{total:03},"upstream_response_time":"0.001","http_referer":"","http_user_agent":"{agent}","host":"www.example.com"}}"#,
                random.path(),
                random.below(200_000),
            )
        }),
    );
}

#[divan::bench]
fn caddy(bencher: Bencher<'_, '_>) {
    run(
        bencher,
        "caddy",
        &block(|random, second| {
            let (client, agent) = (random.below(256), USER_AGENTS[random.below(4) as usize]);
            format!(
                r#"{{"level":"info","ts":{}.{:06},"logger":"http.log.access","msg":"handled request","request":{{"remote_ip":"192.0.2.{client}","remote_port":"38574","client_ip":"192.0.2.{client}","proto":"HTTP/2.0","method":"GET","host":"www.example.com","uri":"{}","headers":{{"Accept":["*/*"],"User-Agent":["{agent}"],"Accept-Encoding":["gzip"]}}}},"bytes_read":0,"user_id":"","duration":0.{:06},"size":{},"status":200,"resp_headers":{{"Server":["Caddy"],"Etag":["\"x\""]}}}}"#,
                1_700_000_000 + second,
                random.below(1_000_000),
                random.path(),
                random.below(1_000_000),
                random.below(200_000),
            )
        }),
    );
}

#[divan::bench]
fn ltsv(bencher: Bencher<'_, '_>) {
    run(
        bencher,
        "ltsv",
        &block(|random, second| {
            let (client, agent) = (random.below(256), USER_AGENTS[random.below(4) as usize]);
            let (minute, second) = (second / 60, second % 60);
            format!(
                "time:20/Nov/2026:13:{minute:02}:{second:02} +0000\thost:192.0.2.{client}\treq:GET {} HTTP/1.1\tstatus:200\tsize:{}\tua:{agent}\treqtime:0.{:03}",
                random.path(),
                random.below(200_000),
                random.below(1_000),
            )
        }),
    );
}

#[divan::bench]
fn detection(bencher: Bencher<'_, '_>) {
    let block = block(|random, second| nginx_line(random, second, " 0.001"));
    bencher.bench_local(|| detect(black_box(&block.as_bytes()[..256 << 10]), &Options::default()));
}

fn run(bencher: Bencher<'_, '_>, format: &str, block: &str) {
    let format = Format::compile(format, &Options::default()).expect("a format");
    bencher.counter(ItemsCount::new(LINES)).counter(BytesCount::of_str(block)).bench_local(|| {
        let mut parser = format.parser(0);
        let mut parsed = Line::Blank;
        for line in black_box(block).lines() {
            parser.parse_into(line.as_bytes(), &mut parsed);
            black_box(&parsed);
        }
    });
}

fn block(line: impl Fn(&mut Random, u64) -> String) -> String {
    let mut random = Random(42);
    (0..LINES).map(|at| line(&mut random, at as u64 / 100) + "\n").collect()
}

fn nginx_line(random: &mut Random, second: u64, times: &str) -> String {
    let (a, b, c, d) = (random.below(223) + 1, random.below(256), random.below(256), random.below(256));
    let (minute, second) = (second / 60, second % 60);
    let path = random.path();
    let status = [200, 200, 200, 304, 404, 502][random.below(6) as usize];
    let bytes = random.below(200_000);
    let agent = USER_AGENTS[random.below(4) as usize];
    format!(
        "{a}.{b}.{c}.{d} - - [20/Nov/2026:13:{minute:02}:{second:02} +0000] \"GET {path} HTTP/1.1\" {status} {bytes} \
         \"https://www.example.com/catalogue\" \"{agent}\"{times}"
    )
}

fn haproxy_line(random: &mut Random, second: u64, prefix: &str) -> String {
    let (a, b, port) = (random.below(223) + 1, random.below(256), random.below(60_000) + 1_024);
    let (minute, second, ms) = (second / 60, second % 60, random.below(1_000));
    let (server, tr, total) = (random.below(4), random.below(1_000), random.below(2_000));
    let (bytes, path) = (random.below(200_000), random.path());
    let agent = USER_AGENTS[random.below(2) as usize];
    format!(
        "{prefix}{a}.{b}.0.1:{port} [20/Nov/2026:13:{minute:02}:{second:02}.{ms:03}] www~ app/app{server} \
         0/0/1/{tr}/{total} 200 {bytes} - - ---- 120/118/30/8/0 0/0 {{{agent}}} \"GET {path} HTTP/1.1\""
    )
}

/// A fixed sequence, so that runs compare.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn path(&mut self) -> String {
        let words = ["products", "images", "api/v1/orders", "search", "static/js", "user"];
        let word = words[self.below(6) as usize];
        format!("/{word}/{}?page={}", self.below(1_000_000), self.below(50))
    }
}
