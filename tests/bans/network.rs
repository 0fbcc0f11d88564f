//! A machine with nginx and two clients, in network namespaces of their own. Gone with the test, however it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The server, and two clients: one address each of the documentation networks.
pub const SERVER: [&str; 2] = ["203.0.113.1", "[2001:db8::1]"];
pub const ATTACKER: &str = "203.0.113.66";
pub const VISITOR: &str = "203.0.113.7";
/// One network of 64 bits from which an attacker takes addresses as it likes, and one of somebody else.
pub const ATTACKER_6: [&str; 2] = ["2001:db8:0:66::1", "2001:db8:0:66:dead:beef::2"];
pub const VISITOR_6: &str = "2001:db8:0:7::1";
/// A dropped packet is seen by nothing but time.
const PATIENCE_S: &str = "1";

/// Two namespaces with a wire between them.
pub struct Net {
    server: Holder,
    clients: Holder,
    nginx: Option<Child>,
    folder: TempDir,
}

/// A process that does nothing but keep its network namespace.
struct Holder(Child);

/// What a client saw.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Status(u16),
    /// Dropped: no answer at all.
    Silence,
    /// Refused, or cut off.
    Refused,
}

impl Holder {
    fn new() -> Self {
        let mut command = Command::new("unshare");
        command.args(["--net", "--", "sleep", "600"]).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().expect("unshare starts"))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.0.id().to_string(), "-n", "--", program]).stdin(Stdio::null());
        command
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It may be gone already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Net {
    /// None where namespaces, nginx, nft or curl are not to be had, which is said.
    pub fn new() -> Option<Self> {
        for words in [
            "unshare --net -- nft list ruleset",
            "unshare --net -- ip link add name left type veth peer name right",
            "nginx -v",
            "curl --version",
        ] {
            let mut words = words.split(' ');
            let mut command = Command::new(words.next().expect("a program"));
            if !command.args(words).output().is_ok_and(|output| output.status.success()) {
                println!("skipped: {command:?} does not work here");
                return None;
            }
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut net = Self { server: Holder::new(), clients: Holder::new(), nginx: None, folder };
        net.wire();
        net.start_nginx();
        Some(net)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The words by which any program runs on the server.
    pub fn enter(&self) -> [String; 5] {
        ["nsenter", "-t", &self.server.0.id().to_string(), "-n", "--"].map(str::to_owned)
    }

    /// A program on the server; it must end well.
    #[track_caller]
    pub fn must(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.server.command(program).args(arguments).output().expect("the program starts");
        assert!(output.status.success(), "{program} {arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// One request of a client, by one of its addresses.
    pub fn get(&self, from: &str, target: &str) -> Answer {
        let server = SERVER[usize::from(from.contains(':'))];
        let output = self
            .clients
            .command("curl")
            .args(["--silent", "--globoff", "--path-as-is", "--max-time", PATIENCE_S, "--interface", from])
            .args([
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_code}",
                &format!("http://{server}{target}"),
            ])
            .output()
            .expect("curl starts");
        match output.status.code() {
            Some(0) => Answer::Status(text(&output.stdout).parse().expect("a status")),
            // CURLE_OPERATION_TIMEDOUT
            Some(28) => Answer::Silence,
            _ => Answer::Refused,
        }
    }

    /// Asks until there is this answer. How long that took.
    #[track_caller]
    pub fn wait_for(&self, from: &str, wanted: &Answer, at_most: Duration) -> Duration {
        let began = Instant::now();
        loop {
            let answer = self.get(from, "/");
            if answer == *wanted {
                return began.elapsed();
            }
            assert!(began.elapsed() < at_most, "{from} still gets {answer:?}");
        }
    }

    fn wire(&self) {
        // A namespace is there when its process has come that far.
        let clients = self.clients.0.id().to_string();
        for holder in [&self.server, &self.clients] {
            let own = Path::new("/proc").join(holder.0.id().to_string()).join("ns/net");
            let began = Instant::now();
            while fs::read_link(&own).ok() == fs::read_link("/proc/self/ns/net").ok() {
                assert!(began.elapsed() < Duration::from_secs(10), "no namespace");
                std::thread::yield_now();
            }
        }
        self.must(
            "ip",
            &["link", "add", "name", "web", "type", "veth", "peer", "name", "out", "netns", &clients],
        );
        self.must("ip", &["link", "set", "lo", "up"]);
        self.must("ip", &["link", "set", "web", "up"]);
        let ip = |words: &str| {
            let done = self.clients.command("ip").args(words.split(' ')).status().expect("ip starts");
            assert!(done.success(), "ip {words}");
        };
        ip("link set out up");
        self.must("ip", &["address", "add", "203.0.113.1/24", "dev", "web"]);
        self.must("ip", &["address", "add", "2001:db8::1/48", "dev", "web", "nodad"]);
        for client in [ATTACKER, VISITOR] {
            ip(&format!("address add {client}/24 dev out"));
        }
        for client in [ATTACKER_6[0], ATTACKER_6[1], VISITOR_6] {
            ip(&format!("address add {client}/48 dev out nodad"));
        }
    }

    fn start_nginx(&mut self) {
        let folder = self.folder.path().display();
        let bodies: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {folder}/bodies;\n"))
            .concat();
        let conf = format!(
            "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\nhttp {{\n\
             {bodies}access_log {folder}/access.log combined;\nserver {{\nlisten 203.0.113.1:80;\n\
             listen [2001:db8::1]:80;\nlocation / {{ return 404; }}\nlocation = / {{ return 200 \"hello\"; }}\n}}\n}}\n"
        );
        fs::write(self.path("nginx.conf"), conf).expect("a configuration");
        let (prefix, conf) = (self.folder.path(), self.path("nginx.conf"));
        let mut nginx = self.server.command("nginx");
        nginx.arg("-p").arg(prefix).arg("-c").arg(conf).stdout(Stdio::null()).stderr(Stdio::null());
        self.nginx = Some(nginx.spawn().expect("nginx starts"));
        for client in [VISITOR, VISITOR_6] {
            self.wait_for(client, &Answer::Status(200), Duration::from_secs(20));
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        if let Some(nginx) = &mut self.nginx {
            nginx.kill().ok();
            nginx.wait().ok();
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
