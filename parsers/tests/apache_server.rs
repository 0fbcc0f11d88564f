//! What a real Apache logs is what it answered. Passes without a look where none is installed, and says so.

mod common;

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use common::{compile, record, text};
use logstat_parsers::Client;
use tempfile::TempDir;

const SERVER: &str = "/usr/sbin/apache2";
const MODULES: &str = "/usr/lib/apache2/modules";

/// Formats of one log each, as they stand in the configuration.
const FORMATS: [&str; 4] = [
    r#"%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %D"#,
    r#"%v:%p %a %{begin:usec}t %{us}T \"%m %U%q %H\" %>s %O \"%{User-Agent}i\" \"%{Referer}i\" %X"#,
    r#"[%{%d/%b/%Y:%T}t.%{msec_frac}t %{%z}t] %a \"%r\" %>s %O %b %B %{ms}T \"%{Referer}i\" \"%{User-Agent}i\""#,
    r#"{\"t\":%{end:msec}t,\"c\":\"%a\",\"s\":%>s,\"o\":%O,\"us\":%D,\"ref\":\"%{Referer}i\",\"ua\":\"%{User-Agent}i\",\"q\":\"%r\"}"#,
];

/// Header values as hostile as Apache lets them in.
const AGENTS: [&[u8]; 7] = [
    b"curl/8.5.0",
    b"a \"quoted\" agent\" 200 5 \"-\"",
    b"back\\slash \\\" \\x22",
    b"tab\there",
    b"caf\xc3\xa9 \xff\x80",
    b"-",
    b"] [20/Nov/2026:13:00:00 +0000] \"GET / HTTP/1.1\" 200 1",
];

/// A server on the loopback interface, stopped at the end of the test.
struct Apache {
    process: Child,
    directory: TempDir,
    port: u16,
}

impl Drop for Apache {
    fn drop(&mut self) {
        // Nothing is left to do if it ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Apache {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        // Apache reads its pages as another user.
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).expect("a mode");
        std::fs::create_dir(path.join("htdocs")).expect("a directory");
        std::fs::write(path.join("htdocs/page"), "x".repeat(1_000)).expect("a page");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let place = path.display();
        let mut configuration = format!(
            "LoadModule mpm_prefork_module {MODULES}/mod_mpm_prefork.so\n\
             LoadModule authz_core_module {MODULES}/mod_authz_core.so\nServerName www.example.org\nListen 127.0.0.1:{port}\n\
             PidFile {place}/pid\nErrorLog {place}/error.log\nDocumentRoot {place}/htdocs\n\
             User www-data\nGroup www-data\nHttpProtocolOptions Unsafe\nKeepAlive Off\n"
        );
        for (index, format) in FORMATS.iter().enumerate() {
            writeln!(configuration, "CustomLog {place}/{index}.log \"{format}\"").expect("text");
        }
        std::fs::write(path.join("httpd.conf"), configuration).expect("a configuration");
        let process = Command::new(SERVER)
            .args(["-X", "-d"])
            .arg(path)
            .arg("-f")
            .arg(path.join("httpd.conf"))
            .stderr(Stdio::null())
            .spawn()
            .expect("a server");
        Self { process, directory, port }
    }

    /// Sends one request as it is, and gives the answer's status and bytes.
    fn ask(&self, request: &[u8]) -> (u16, u64) {
        let started = Instant::now();
        let mut stream = loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(started.elapsed() < Duration::from_secs(20), "{error}"),
            }
            std::thread::yield_now();
        };
        stream.write_all(request).expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let status = answer.get(9..12).and_then(|status| str::from_utf8(status).ok()?.parse().ok());
        (status.unwrap_or(0), answer.len() as u64)
    }

    /// The lines of a log, once there are so many.
    fn lines(&self, index: usize, count: usize) -> Vec<Vec<u8>> {
        let started = Instant::now();
        loop {
            let log = std::fs::read(self.directory.path().join(format!("{index}.log"))).unwrap_or_default();
            let lines: Vec<Vec<u8>> = log
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(<[u8]>::to_vec)
                .collect();
            if lines.len() >= count {
                return lines;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{} of {count} lines", lines.len());
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_real_server_s_lines_are_its_answers() {
    if !Path::new(SERVER).exists() || !Path::new(MODULES).exists() {
        eprintln!("{SERVER} is not installed: nothing was compared");
        return;
    }
    let apache = Apache::start();
    let begin = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_micros() as i64;
    let answers: Vec<(u16, u64)> = AGENTS
        .iter()
        .enumerate()
        .map(|(index, agent)| {
            let path = ["/page", "/missing?a=\"b\"", "/page?x=%22"][index % 3];
            let head = format!("GET {path} HTTP/1.0\r\nUser-Agent: ");
            apache.ask(&[head.as_bytes(), agent, b"\r\nReferer: ", agent, b"\r\n\r\n"].concat())
        })
        .chain(std::iter::once_with(|| apache.ask(b"GET /a \"b\" c HTTP/1.0\r\n\r\n")))
        .collect();
    assert!(
        [200, 404, 400].iter().all(|status| answers.iter().any(|answer| answer.0 == *status)),
        "{answers:?}"
    );
    for (index, string) in FORMATS.iter().enumerate() {
        let format = compile(string);
        for (line, (status, bytes)) in apache.lines(index, answers.len()).iter().zip(&answers) {
            let record = record(&format, line);
            let line = String::from_utf8_lossy(line);
            assert_eq!((record.status, record.bytes_sent), (Some(*status), Some(*bytes)), "{line}");
            assert_eq!(record.client, Client::Ip("127.0.0.1".parse().unwrap()), "{line}");
            assert_eq!(record.user_agent, record.referer, "{line}");
            assert_eq!(text(record.method), Some("GET"), "{line}");
            // One of the dates has whole seconds.
            let after_us = record.end_us - begin;
            assert!((-1_000_000..60_000_000).contains(&after_us), "{after_us}: {line}");
            assert!(record.latency_us.is_some_and(|us| us < 20_000_000), "{line}");
        }
    }
}
