//! Real servers as child processes on loopback ports, and raw requests to them.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing here takes as long, unless it never happens.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server that ends with the test.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts a server in UTC. `None` where it is not installed, which is a failure only in CI.
    pub fn start(program: &str, arguments: &[&str], port: u16) -> Option<Self> {
        let path = format!("/usr/sbin/{program}");
        if !Path::new(&path).exists() {
            assert!(std::env::var_os("CI").is_none(), "{path} is not installed: run tests/all");
            eprintln!("skipped: {path} is not installed");
            return None;
        }
        let mut command = Command::new(path);
        command
            .args(arguments)
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let daemon = Self { child: command.spawn().expect("a server that starts") };
        until("the server to listen", || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks again and again, and panics in the end.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Ports that nobody uses.
pub fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until all are known, so that they differ.
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

/// All that came back.
#[derive(Debug)]
pub struct Reply {
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The code of the status line.
    pub fn status(&self) -> Option<u16> {
        let code = self.bytes.strip_prefix(b"HTTP/1.")?.get(2..5)?;
        std::str::from_utf8(code).ok()?.parse().ok()
    }

    /// What follows the headers: all of it where there are none, as in HTTP/0.9.
    pub fn body_bytes(&self) -> usize {
        let headers = self.bytes.windows(4).position(|window| window == b"\r\n\r\n");
        self.bytes.len() - headers.filter(|_| self.status().is_some()).map_or(0, |at| at + 4)
    }
}

/// Sends a request as it is, from an address that the PROXY protocol tells, and reads until the server closes.
pub fn send(port: u16, from: (IpAddr, u16), request: &[u8]) -> Reply {
    let (address, source_port) = from;
    let (family, to) = if address.is_ipv4() { ("TCP4", "192.0.2.80") } else { ("TCP6", "2001:db8::80") };
    let header = format!("PROXY {family} {address} {to} {source_port} 80\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a server that listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream.write_all(&[header.as_bytes(), request].concat()).expect("a server that reads");
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        // It closed before it had read all.
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
    Reply { bytes }
}
