//! Writes reproducible access logs for the benchmarks: same arguments, same bytes. Never reads the clock.
//!
//! `generate nginx|haproxy|attack [--lines N] [--seed S] > access.log`
//!
//! Every log covers the 24 hours of 2026-11-20 UTC in the order in which a server would have written it. Paths,
//! clients and user agents are Zipf-skewed and times are log-normal, because uniform data flatters hash tables and
//! flatters percentile sketches. Only the standard library is used, so that plain `rustc -O` builds it too.

use std::f64::consts::TAU;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: generate nginx|haproxy|attack [--lines N] [--seed S] > access.log";
const SECONDS: u64 = 86_400;
const PATHS: usize = 20_000;
const CLIENTS: usize = 50_000;
const FLUSH_BYTES: usize = 1 << 20;

fn main() -> ExitCode {
    let plan = match Plan::from_args(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(problem) => {
            eprintln!("generate: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match write_log(&plan, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("generate: cannot write: {error}");
            ExitCode::from(2)
        }
    }
}

/// Which log, how long, from which seed.
struct Plan {
    log: Log,
    lines: u64,
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Log {
    /// `combined` with ` $request_time $upstream_response_time` behind it.
    Nginx,
    /// `httplog` behind an RFC 3164 prefix, with a captured `Host` and the proxy's own messages.
    Haproxy,
    /// As `Nginx`, but no two lines share an address or a path.
    Attack,
}

impl Plan {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let log = match args.next().as_deref() {
            Some("nginx") => Log::Nginx,
            Some("haproxy") => Log::Haproxy,
            Some("attack") => Log::Attack,
            Some(other) => return Err(format!("no log is called {other:?}")),
            None => return Err("which log?".to_owned()),
        };
        let mut plan = Self { log, lines: 5_000_000, seed: 1 };
        while let Some(flag) = args.next() {
            let target = match flag.as_str() {
                "--lines" => &mut plan.lines,
                "--seed" => &mut plan.seed,
                _ => return Err(format!("no option is called {flag:?}")),
            };
            let value = args.next().ok_or_else(|| format!("{flag} needs a number"))?;
            *target = value.parse().map_err(|_| format!("{flag} {value:?} is not a number"))?;
        }
        if plan.log == Log::Attack && plan.lines > ATTACK_ADDRESSES {
            return Err(format!("an attack log has at most {ATTACK_ADDRESSES} distinct addresses"));
        }
        Ok(plan)
    }
}

fn write_log(plan: &Plan, sink: &mut impl Write) -> io::Result<()> {
    let mut random = Random(plan.seed);
    let world = World::new(&mut random);
    let mut line_number = 0;
    let mut out = Vec::with_capacity(FLUSH_BYTES + 4096);
    for (second, count) in lines_per_second(plan.lines, &mut random).into_iter().enumerate() {
        let second = second as u64;
        for i in 0..count {
            // Ascending inside the second: both servers write a line when its request ends.
            let end_ms = second * 1000 + (i * 1000 + random.below(1000) as u64) / count;
            match plan.log {
                Log::Nginx => world.nginx_line(&mut random, second, None, &mut out),
                Log::Attack => world.nginx_line(&mut random, second, Some(line_number), &mut out),
                Log::Haproxy => world.haproxy_line(&mut random, end_ms, &mut out),
            }
            line_number += 1;
            if out.len() >= FLUSH_BYTES {
                sink.write_all(&out)?;
                out.clear();
            }
        }
    }
    sink.write_all(&out)?;
    sink.flush()
}

/// How many lines each second of the day gets: quiet at five in the morning, busy in the afternoon, noisy, with a
/// burst about every half hour. The counts add up to `lines` exactly.
fn lines_per_second(lines: u64, random: &mut Random) -> Vec<u64> {
    let weights: Vec<f64> = (0..SECONDS)
        .map(|second| {
            let day = second as f64 / SECONDS as f64;
            let burst = if random.chance(1, 1800) { 4.0 } else { 1.0 };
            (1.0 - 0.7 * (TAU * (day - 0.2)).cos()) * (0.6 + 0.8 * random.unit()) * burst
        })
        .collect();
    let total: f64 = weights.iter().sum();
    let mut so_far = 0.0;
    let mut given = 0;
    let mut counts = Vec::with_capacity(weights.len());
    for weight in weights {
        so_far += weight;
        let due = ((so_far / total * lines as f64).round() as u64).min(lines);
        counts.push(due - given);
        given = due;
    }
    *counts.last_mut().expect("a day has seconds") += lines - given;
    counts
}

/// SplitMix64: tiny, fast, the same everywhere, and good enough for made-up traffic.
struct Random(u64);

impl Random {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.0)
    }

    fn below(&mut self, limit: usize) -> usize {
        (((self.draw() >> 32) * limit as u64) >> 32) as usize
    }

    fn chance(&mut self, times: usize, out_of: usize) -> bool {
        self.below(out_of) < times
    }

    /// In (0, 1], so that its logarithm is finite.
    fn unit(&mut self) -> f64 {
        ((self.draw() >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// A rank below `limit` with probability about 1/(rank + 1): Zipf's law with exponent one.
    fn skewed(&mut self, limit: usize) -> usize {
        ((limit as f64).powf(self.unit()) as usize - 1).min(limit - 1)
    }

    /// Log-normal around `median`, rounded down as servers round their times.
    fn log_normal(&mut self, median: f64, spread: f64) -> u64 {
        let normal = (-2.0 * self.unit().ln()).sqrt() * (TAU * self.unit()).cos();
        (median * (spread * normal).exp()) as u64
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One of `choices`, each as likely as its weight says; the weights add up to 1000.
    fn weighted<T: Copy>(&mut self, choices: &[(usize, T)]) -> T {
        let mut left = self.below(1000);
        for &(weight, choice) in choices {
            if left < weight {
                return choice;
            }
            left -= weight;
        }
        choices[0].1
    }
}

/// SplitMix64's output function. Distinct inputs give distinct outputs.
fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

const METHODS: [(usize, &str); 6] =
    [(900, "GET"), (70, "POST"), (15, "HEAD"), (7, "PUT"), (4, "DELETE"), (4, "OPTIONS")];
const PROTOCOLS: [(usize, &str); 2] = [(630, "HTTP/2.0"), (370, "HTTP/1.1")];
#[rustfmt::skip]
const STATUSES: [(usize, &str); 12] = [
    (874, "200"), (45, "304"), (20, "301"), (18, "302"), (25, "404"), (5, "206"),
    (4, "403"), (3, "499"), (2, "400"), (2, "502"), (1, "500"), (1, "504"),
];
const SECTIONS: [&str; 12] = [
    "catalog", "news", "forum", "help", "account", "search", "media", "files", "gallery", "events", "guides",
    "api/v2",
];
const WORDS: [&str; 16] = [
    "amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "harbor", "island", "juniper", "kestrel",
    "lantern", "meadow", "north", "orchid", "prairie",
];
const STATIC_FILES: [&str; 4] = ["css", "js", "png", "woff2"];
const SYSTEMS: [&str; 8] = [
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "Linux; Android 15; Pixel 9",
    "Linux; Android 10; K",
    "iPhone; CPU iPhone OS 19_1 like Mac OS X",
    "iPad; CPU OS 18_6 like Mac OS X",
    "X11; Ubuntu; Linux x86_64",
];
const BOTS: [&str; 8] = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "curl/8.5.0",
    "python-requests/2.32.3",
    "Go-http-client/2.0",
];
/// Addresses of an attack come from 10.0.0.0/8.
const ATTACK_ADDRESSES: u64 = 1 << 24;

/// Everything that repeats from line to line.
struct World {
    pages: Vec<Page>,
    clients: Vec<String>,
    user_agents: Vec<String>,
    referers: Vec<String>,
}

struct Page {
    target: String,
    is_static: bool,
    median_ms: f64,
    median_bytes: f64,
}

impl World {
    fn new(random: &mut Random) -> Self {
        let pages: Vec<Page> = (0..PATHS).map(|number| Page::new(number, random)).collect();
        let referers = (0..400)
            .map(|number| match number % 4 {
                0 => format!("https://search.example.net/?q={}+{}", random.pick(&WORDS), random.pick(&WORDS)),
                _ => format!("https://www.example.com{}", pages[number * 7].target),
            })
            .collect();
        Self { pages, clients: (0..CLIENTS).map(client).collect(), user_agents: user_agents(), referers }
    }
}

impl Page {
    fn new(number: usize, random: &mut Random) -> Self {
        let section = random.pick(&SECTIONS);
        let (first, second) = (random.pick(&WORDS), random.pick(&WORDS));
        let is_static = random.chance(3, 10);
        let target = match number % 6 {
            _ if is_static => format!("/static/{first}-{number:05x}.{}", random.pick(&STATIC_FILES)),
            0 => format!("/{section}/{first}?page={}&sort={second}&id={number}", number % 40),
            1 => format!("/{section}/{first}/{second}-{number}?utm_source=newsletter&utm_campaign={second}"),
            2 => format!("/{section}/{number}"),
            _ => format!("/{section}/{first}/{second}-{number}.html"),
        };
        let median_ms = if is_static { 0.6 } else { 8.0 * 12f64.powf(random.unit()) };
        Self { target, is_static, median_ms, median_bytes: 900.0 * 25f64.powf(random.unit()) }
    }
}

/// The benchmarking network 198.18.0.0/15 and, for one in eight, the documentation prefix of IPv6.
fn client(number: usize) -> String {
    let scattered = number.wrapping_mul(40_503) % (1 << 17);
    match number % 8 {
        7 => format!("2001:db8:{:x}:{:x}::{:x}", scattered >> 9, scattered & 0x1ff, number % 97 + 1),
        _ => format!("198.{}.{}.{}", 18 + (scattered >> 16), scattered >> 8 & 255, scattered & 255),
    }
}

fn user_agents() -> Vec<String> {
    let mut all = Vec::new();
    for version in 0..26 {
        for (number, system) in SYSTEMS.iter().enumerate() {
            let chrome = 141 - version;
            all.push(match number {
                5 | 6 => format!(
                    "Mozilla/5.0 ({system}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{}.{} Mobile/15E148 \
                     Safari/604.1",
                    19 - version / 4,
                    version % 4
                ),
                7 => format!("Mozilla/5.0 ({system}; rv:{0}.0) Gecko/20100101 Firefox/{0}.0", 145 - version),
                _ => format!(
                    "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{chrome}.0.0.0 Safari/537.36"
                ),
            });
            if number % 4 == 0 {
                all.push(format!("{} Edg/{chrome}.0.0.0", all[all.len() - 1]));
            }
        }
        all.extend(BOTS.iter().skip(version).step_by(26).map(|&bot| bot.to_owned()));
    }
    all
}

impl World {
    fn nginx_line(&self, random: &mut Random, second: u64, attack: Option<u64>, out: &mut Vec<u8>) {
        let page = &self.pages[random.skewed(PATHS)];
        let status = random.weighted(&STATUSES);
        match attack {
            Some(number) => push_attack_address(out, number),
            None => push(out, &self.clients[random.skewed(CLIENTS)]),
        }
        push(out, " - - [20/Nov/2026:");
        push_clock(out, second);
        push(out, " +0000] \"");
        push(out, random.weighted(&METHODS));
        out.push(b' ');
        match attack {
            Some(number) => push_attack_target(out, number),
            None => push(out, &page.target),
        }
        out.push(b' ');
        push(out, random.weighted(&PROTOCOLS));
        push(out, "\" ");
        push(out, status);
        out.push(b' ');
        push_number(out, if status == "304" { 0 } else { random.log_normal(page.median_bytes, 1.1) });
        push(out, " \"");
        let referer = &self.referers[random.skewed(self.referers.len())];
        push(out, if random.chance(7, 10) { "-" } else { referer });
        push(out, "\" \"");
        push(out, &self.user_agents[random.skewed(self.user_agents.len())]);
        push(out, "\" ");
        nginx_times(random, page, status, out);
        out.push(b'\n');
    }
}

/// `$request_time $upstream_response_time`.
fn nginx_times(random: &mut Random, page: &Page, status: &str, out: &mut Vec<u8>) {
    let sending_ms = random.log_normal(0.7, 1.0);
    if page.is_static || matches!(status, "301" | "400" | "403") {
        push_seconds(out, sending_ms);
        push(out, " -");
        return;
    }
    let upstream_ms = if status == "504" { 60_000 } else { random.log_normal(page.median_ms, 0.9) };
    let failed_ms = (status >= "502" || random.chance(3, 1000)).then(|| random.log_normal(12.0, 1.2));
    push_seconds(out, upstream_ms + failed_ms.unwrap_or(0) + sending_ms);
    out.push(b' ');
    if let Some(failed_ms) = failed_ms {
        push_seconds(out, failed_ms);
        push(out, ", ");
    }
    push_seconds(out, upstream_ms);
}

fn push_attack_address(out: &mut Vec<u8>, number: u64) {
    // An odd factor permutes the residues, so no address comes twice.
    let address = number.wrapping_mul(0x9E_3779) % ATTACK_ADDRESSES;
    push(out, "10");
    for shift in [16, 8, 0] {
        out.push(b'.');
        push_number(out, address >> shift & 255);
    }
}

fn push_attack_target(out: &mut Vec<u8>, number: u64) {
    let hash = scramble(number);
    push(out, "/login/");
    out.extend((0..16).map(|digit| b"0123456789abcdef"[(hash >> (4 * digit) & 15) as usize]));
    push(out, "/reset.php");
}

const BACKENDS: [&str; 3] = ["app", "api", "static"];

/// How a request fared; the weights are per thousand.
#[derive(Clone, Copy)]
enum Fate {
    Served,
    ClientAbort,
    ServerTimeout,
    ConnectFailed,
    NoServer,
    Denied,
    BadRequest,
}

const FATES: [(usize, Fate); 7] = [
    (985, Fate::Served),
    (4, Fate::ClientAbort),
    (2, Fate::ServerTimeout),
    (2, Fate::ConnectFailed),
    (3, Fate::NoServer),
    (2, Fate::Denied),
    (2, Fate::BadRequest),
];

/// The timers of one request: `-1` is written where the request never got that far.
struct Timers {
    request: i64,
    queue: i64,
    connect: i64,
    response: i64,
    active: i64,
}

impl Timers {
    fn new(fate: Fate, page: &Page, random: &mut Random) -> Self {
        let request = random.log_normal(0.3, 1.0) as i64;
        let queue = if random.chance(1, 200) { random.log_normal(30.0, 1.0) as i64 } else { 0 };
        let connect = random.log_normal(0.9, 0.5) as i64;
        let response = random.log_normal(page.median_ms.max(1.2), 0.9) as i64;
        let sending = random.log_normal(0.8, 1.2) as i64;
        let waiting = random.log_normal(800.0, 1.0) as i64;
        let all = Self { request, queue, connect, response, active: request + queue + connect };
        let none = Self { request: -1, queue: -1, connect: -1, response: -1, active: waiting };
        match fate {
            Fate::Served => Self { active: all.active + response + sending, ..all },
            Fate::ClientAbort => Self { response: -1, active: all.active + waiting, ..all },
            Fate::ServerTimeout => Self { response: -1, active: all.active + 60_000, ..all },
            Fate::ConnectFailed => Self { connect: -1, response: -1, active: 4_000, ..all },
            Fate::NoServer | Fate::Denied => Self { request, active: request, ..none },
            Fate::BadRequest => none,
        }
    }
}

impl World {
    fn haproxy_line(&self, random: &mut Random, end_ms: u64, out: &mut Vec<u8>) {
        push(out, "Nov 20 ");
        push_clock(out, end_ms / 1000);
        push(out, " lb1 haproxy[2114]: ");
        if random.chance(1, 50_000) {
            push_event(random, out);
            return;
        }
        let page = &self.pages[random.skewed(PATHS)];
        let fate = random.weighted(&FATES);
        let timers = Timers::new(fate, page, random);
        let backend = if page.is_static { 2 } else { usize::from(page.target.starts_with("/api/v2/")) };
        push(out, &self.clients[random.skewed(CLIENTS)]);
        out.push(b':');
        push_number(out, 1024 + random.below(64_000) as u64);
        push(out, " [");
        // The date is the start, though the line is written at the end.
        push_accept_date(out, end_ms as i64 - timers.active);
        push(out, "] ");
        push_route(random, fate, backend, out);
        push_timers(&timers, out);
        push_result(random, fate, page, out);
        push_request(random, fate, backend, page, out);
    }
}

/// From the status to the queues.
fn push_result(random: &mut Random, fate: Fate, page: &Page, out: &mut Vec<u8>) {
    let (status, state) = match fate {
        Fate::Served => (random.weighted(&STATUSES), "----"),
        Fate::ClientAbort => ("-1", "CH--"),
        Fate::ServerTimeout => ("504", "sH--"),
        Fate::ConnectFailed | Fate::NoServer => ("503", "SC--"),
        Fate::Denied => ("403", "PR--"),
        Fate::BadRequest => ("408", "cR--"),
    };
    push(out, status);
    out.push(b' ');
    let body = random.log_normal(page.median_bytes, 1.1);
    push_number(out, if matches!(fate, Fate::Served) && status != "304" { body + 187 } else { 217 });
    push(out, " - - ");
    push(out, state);
    let process = random.below(900) as u64 + 20;
    for part in [process, process * 9 / 10, process / 8, process / 40] {
        out.push(if part == process { b' ' } else { b'/' });
        push_number(out, part);
    }
    let retries = match fate {
        Fate::ConnectFailed => random.pick(&["/3 ", "/+3 "]),
        Fate::Served if random.chance(1, 1000) => random.pick(&["/1 ", "/+1 "]),
        _ => "/0 ",
    };
    push(out, retries);
    push(out, if random.chance(1, 200) { "0/3" } else { "0/0" });
}

/// The captured `Host` and the request line.
fn push_request(random: &mut Random, fate: Fate, backend: usize, page: &Page, out: &mut Vec<u8>) {
    if matches!(fate, Fate::BadRequest) {
        push(out, " {} \"<BADREQ>\"\n");
        return;
    }
    push(out, if backend == 1 { " {api.example.com} \"" } else { " {www.example.com} \"" });
    push(out, random.weighted(&METHODS));
    out.push(b' ');
    push(out, &page.target);
    out.push(b' ');
    push(out, random.weighted(&PROTOCOLS));
    push(out, "\"\n");
}

/// `frontend backend/server `.
fn push_route(random: &mut Random, fate: Fate, backend: usize, out: &mut Vec<u8>) {
    let frontend = if backend == 1 { "api" } else { "www" };
    push(out, frontend);
    push(out, "~ ");
    push(out, if matches!(fate, Fate::BadRequest) { frontend } else { BACKENDS[backend] });
    out.push(b'/');
    if matches!(fate, Fate::BadRequest | Fate::NoServer | Fate::Denied) {
        push(out, "<NOSRV> ");
    } else {
        push(out, BACKENDS[backend]);
        push(out, random.pick(&["1 ", "2 ", "3 ", "4 "]));
    }
}

fn push_timers(timers: &Timers, out: &mut Vec<u8>) {
    for timer in [timers.request, timers.queue, timers.connect, timers.response] {
        push_timer(out, timer);
        out.push(b'/');
    }
    push_timer(out, timers.active);
    out.push(b' ');
}

fn push_timer(out: &mut Vec<u8>, ms: i64) {
    match u64::try_from(ms) {
        Ok(ms) => push_number(out, ms),
        Err(_) => push(out, "-1"),
    }
}

fn push_event(random: &mut Random, out: &mut Vec<u8>) {
    let backend = random.pick(&BACKENDS);
    let server = random.below(4) + 1;
    let message = if random.chance(1, 2) {
        format!(
            "Server {backend}/{backend}{server} is DOWN, reason: Layer4 timeout, check duration: 2001ms. 3 active \
             and 0 backup servers left. 12 sessions active, 0 requeued, 0 remaining in queue.\n"
        )
    } else {
        format!(
            "Server {backend}/{backend}{server} is UP, reason: Layer7 check passed, code: 200, check duration: 3ms. \
             4 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.\n"
        )
    };
    push(out, &message);
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

fn push_two(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

fn push_thousandths(out: &mut Vec<u8>, number: u64) {
    out.push(b'0' + (number / 100) as u8);
    push_two(out, number % 100);
}

/// Milliseconds as nginx writes times: `0.012`.
fn push_seconds(out: &mut Vec<u8>, ms: u64) {
    push_number(out, ms / 1000);
    out.push(b'.');
    push_thousandths(out, ms % 1000);
}

fn push_clock(out: &mut Vec<u8>, second: u64) {
    push_two(out, second / 3600);
    out.push(b':');
    push_two(out, second / 60 % 60);
    out.push(b':');
    push_two(out, second % 60);
}

/// HAProxy's `%tr`; requests of the first minute may have begun the day before.
fn push_accept_date(out: &mut Vec<u8>, start_ms: i64) {
    push(out, if start_ms < 0 { "19/Nov/2026:" } else { "20/Nov/2026:" });
    let ms = start_ms.rem_euclid(86_400_000) as u64;
    push_clock(out, ms / 1000);
    out.push(b'.');
    push_thousandths(out, ms % 1000);
}
