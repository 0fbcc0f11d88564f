//! Which file rsyslog writes a message to. Reads its configuration, and no log.

use super::found::Place;
use logstat_parsers::conf::rsyslog::{Message, Rule, Statement, parse};
use std::path::{Path, PathBuf};

/// Files that include each other.
const MAX_DEPTH: usize = 8;

/// What rsyslog does with messages.
#[derive(Debug, Default)]
pub struct Rsyslog {
    rules: Vec<(PathBuf, Rule)>,
    /// The main file.
    pub path: PathBuf,
    /// UDP ports it listens on.
    pub udp_ports: Vec<u16>,
    /// Further sockets that it reads.
    sockets: Vec<String>,
}

/// What the socket of a machine's syslog is called; systemd passes on what arrives there.
const SYSTEM_SOCKETS: [&str; 2] = ["/dev/log", "/run/systemd/journal/dev-log"];

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    #[expect(missing_docs)]
    pub file: String,
    /// The rule.
    pub place: Place,
    /// The file takes the messages of all facilities and programs.
    pub shared: bool,
}

impl Rsyslog {
    /// Reads the configuration with what it includes. A file that cannot be read is as good as an empty one.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let mut rsyslog = Self { path: path.to_owned(), ..Self::default() };
        rsyslog.load(path, MAX_DEPTH);
        rsyslog
    }

    fn load(&mut self, path: &Path, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let Ok(text) = std::fs::read(path) else { return };
        for statement in parse(&String::from_utf8_lossy(&text)) {
            match statement {
                Statement::Include(pattern) => {
                    let files = glob::glob(&pattern).into_iter().flatten().flatten();
                    files.for_each(|file| self.load(&file, depth));
                }
                Statement::UdpPort(port) => self.udp_ports.push(port),
                Statement::Socket(path) => self.sockets.push(path),
                Statement::Rule(rule) => self.rules.push((path.to_owned(), rule)),
            }
        }
    }

    /// Does what is sent to this socket reach it? A process that has changed its root sends into a folder.
    #[must_use]
    pub fn reads(&self, socket: &str, root: Option<&str>) -> bool {
        let inside = root.map(|root| format!("{}{socket}", root.trim_end_matches('/')));
        let is_read = |path: &str| self.sockets.iter().any(|socket| without_var(socket) == without_var(path));
        SYSTEM_SOCKETS.contains(&without_var(socket))
            || is_read(socket)
            || inside.is_some_and(|path| is_read(&path))
    }

    /// The file a message is written to. Where there are several, the one for fewer messages.
    #[must_use]
    pub fn file(&self, message: Message<'_>) -> Option<Written> {
        let mut all: Vec<Written> = Vec::new();
        for (path, rule) in &self.rules {
            let mut written = Vec::new();
            let stopped = rule.apply(message, &mut written);
            all.extend(written.into_iter().map(|written| Written {
                file: written.file,
                place: Place { file: path.clone(), line: written.line },
                shared: written.shared,
            }));
            if stopped {
                break;
            }
        }
        // The first of the smallest kind.
        all.into_iter().min_by_key(|written| written.shared)
    }
}

/// `/var/run` is `/run`.
fn without_var(path: &str) -> &str {
    path.strip_prefix("/var").filter(|path| path.starts_with("/run/")).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_that_are_inputs_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rsyslog.conf");
        std::fs::write(
            &path,
            "$AddUnixListenSocket /var/lib/haproxy/run/log\ninput(type=\"imuxsock\" Socket=\"/var/run/a\")\n",
        )
        .unwrap();
        let rsyslog = Rsyslog::read(&path);
        assert!(rsyslog.reads("/dev/log", None) && rsyslog.reads("/run/a", None));
        assert!(rsyslog.reads("/run/log", Some("/var/lib/haproxy")));
        assert!(!rsyslog.reads("/run/log", None) && !rsyslog.reads("/run/vector", Some("/var/lib/haproxy")));
    }

    #[test]
    fn included_files_are_read_in_order_and_a_file_of_its_own_is_preferred() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text.replace("HERE", &folder.path().display().to_string())).unwrap();
            path
        };
        std::fs::create_dir(folder.path().join("d")).unwrap();
        write("d/b.conf", "local0.* /b.log\n");
        write("d/a.conf", "*.* /all.log\nlocal0.* /a.log\n& stop\n");
        // It includes itself, too.
        let main = write(
            "rsyslog.conf",
            "$UDPServerRun 514\n$IncludeConfig HERE/d/*.conf\n$IncludeConfig HERE/rsyslog.conf\n",
        );
        let rsyslog = Rsyslog::read(&main);
        assert!(rsyslog.udp_ports.contains(&514));
        let written = rsyslog.file(Message { facility: "local0", programname: "haproxy" }).unwrap();
        assert_eq!((written.file.as_str(), written.place.line, written.shared), ("/a.log", 2, false));
        assert_eq!(written.place.file, folder.path().join("d/a.conf"));
        let other = rsyslog.file(Message { facility: "daemon", programname: "haproxy" }).unwrap();
        assert_eq!((other.file.as_str(), other.shared), ("/all.log", true));
    }
}
