//! `logstat init`: what it finds in the configurations of `fixtures/init`, and what a real nginx makes of it.

use crate::lab::{Lab, feed, fixture};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What Debian's nginx was built with, so that the nginx of this machine does not matter.
const NGINX: &str = "#!/bin/sh\necho 'configure arguments: --prefix=/usr/share/nginx --conf-path=/etc/nginx/nginx.conf \
                     --http-log-path=/var/log/nginx/access.log' >&2\n";

/// `logstat init ARGUMENTS` in a folder.
fn init(lab: &Lab, folder: &Path, arguments: &[&str], stdin: &[u8]) -> Output {
    let program = lab.log("bin/nginx", NGINX);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
    let mut command = lab.command();
    command.current_dir(folder).arg("init").args(arguments);
    command.env("PATH", lab.path("bin")).env("TZ", "Europe/Berlin");
    feed(command, stdin)
}

#[track_caller]
fn succeeded(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn failed(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code));
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// Folders of fixtures whose name begins so.
fn folders(start: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(fixture("init")).expect("fixtures");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let named =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
    let mut folders: Vec<PathBuf> = paths.filter(named).collect();
    folders.sort();
    folders
}

#[test]
fn each_configuration_gives_the_expected_one() {
    let folders = folders("nginx-");
    assert!(folders.len() >= 7, "{folders:?}");
    for folder in folders {
        let output = init(&Lab::new(), &folder, &["--nginx", "nginx.conf", "--print"], b"");
        let got = String::from_utf8(output.stdout).expect("UTF-8");
        // Where something is missing or refused, the status says so.
        let incomplete = folder.ends_with("nginx-broken");
        assert_eq!(output.status.code(), Some(i32::from(incomplete)), "{}", folder.display());
        let golden = folder.join("logstat.toml");
        if std::env::var_os("LOGSTAT_BLESS").is_some() {
            fs::write(&golden, &got).expect("written");
        }
        let wanted = fs::read_to_string(&golden).expect("logstat.toml beside nginx.conf");
        assert_eq!(got, wanted, "{}", golden.display());
    }
}

#[test]
fn it_writes_a_file_once_and_says_what_comes_next() {
    let (lab, folder) = (Lab::new(), PathBuf::from(fixture("init/nginx-debian")));
    let conf = folder.join("nginx.conf").display().to_string();
    let target = lab.path("logstat.toml");
    let arguments = ["--nginx", conf.as_str()];
    let (stdout, stderr) = succeeded(&init(&lab, &lab.path("."), &arguments, b""));
    assert_eq!(stdout, "");
    assert!(stderr.contains("wrote logstat.toml: 1 source"), "{stderr}");
    assert!(stderr.contains("nginx: /var/log/nginx/access.log*: "), "{stderr}");
    assert!(
        stderr.ends_with(
            "next: `logstat check` tries the formats on the logs, `logstat report` reports them\n"
        )
    );
    fs::write(&target, "mine").expect("written");
    let message = failed(&init(&lab, &lab.path("."), &arguments, b""), 2);
    assert!(message.contains("logstat.toml: exists already\nhint: --force replaces it"), "{message}");
    assert_eq!(fs::read(&target).expect("the file"), b"mine");
    succeeded(&init(&lab, &lab.path("."), &["--nginx", &conf, "--force"], b""));
    assert!(fs::read_to_string(&target).expect("the file").contains("[[source]]"));
    let elsewhere = lab.path("etc/logstat.toml");
    let elsewhere = elsewhere.to_str().expect("a path");
    succeeded(&init(&lab, &lab.path("."), &["--nginx", &conf, "--config", elsewhere], b""));
    assert_eq!(fs::read(elsewhere).expect("the file"), fs::read(&target).expect("the file"));
}

#[test]
fn what_nginx_printed_is_read_from_a_pipe() {
    let folder = PathBuf::from(fixture("init/nginx-debian"));
    let dump = fs::read(folder.join("nginx.conf")).expect("a dump");
    let lab = Lab::new();
    let (stdout, _) = succeeded(&init(&lab, &lab.path("."), &["--nginx", "-", "--print"], &dump));
    assert_eq!(stdout, fs::read_to_string(folder.join("logstat.toml")).expect("expected"));
}

#[test]
fn errors_say_where_and_what_to_do() {
    let lab = Lab::new();
    let stderr = |arguments: &[&str], code| failed(&init(&lab, &lab.path("."), arguments, b""), code);
    let message = stderr(&["--nginx", "none.conf"], 2);
    assert!(message.starts_with("logstat: none.conf: No such file"), "{message}");
    lab.log("nginx.conf", "http {\n  access_log /srv/a.log\n}\n");
    let message = stderr(&["--nginx", "."], 2);
    assert!(
        message.contains("nginx.conf:2:3: no `;` behind `access_log`\n    access_log /srv/a.log\n    ^"),
        "{message}"
    );
    lab.log("part.conf", "server { listen 80; }\n");
    let message = stderr(&["--nginx", "part.conf"], 2);
    assert!(message.contains("hint: is it the main file, with the http block?"), "{message}");
    lab.log("dateless.conf", "http { log_format a '$status $request'; server { access_log /srv/a.log a; } }");
    let message = stderr(&["--nginx", "dateless.conf"], 1);
    assert!(
        message.contains("dateless.conf:1: format \"a\" cannot be read: no date in the format\nhint: add"),
        "{message}"
    );
    assert!(fs::read_to_string(lab.path("logstat.toml")).expect("the file").contains("# [[source]]"));
}

#[test]
fn what_is_missing_or_refused_makes_the_status_1() {
    let lab = Lab::new();
    let stderr = |conf: &str| {
        lab.log("nginx.conf", conf);
        failed(&init(&lab, &lab.path("."), &["--nginx", "nginx.conf", "--force"], b""), 1)
    };
    let log = "access_log /srv/a.log";
    let message = stderr(&format!("http {{ server {{ {log}; }} include part.conf; }}"));
    assert!(
        message.contains("nginx.conf:1: part.conf: No such file or directory (os error 2)\n"),
        "{message}"
    );
    stderr(&format!("http {{ server {{ {log} timed; }} }}"));
    let message = stderr("http { server { access_log /dev/stdout; } }");
    assert!(message.contains("none of the logs can be read") && !message.contains("next:"), "{message}");
    let text = fs::read_to_string(lab.path("logstat.toml")).expect("the file");
    assert!(
        text.contains(
            "# [[source]]\n# name = \"nginx-output\"\n# paths = [\"…\"]\n# format = \"combined\"\n"
        ),
        "{text}"
    );
    lab.log("nginx.conf", b"http { server { access_log /srv/caf\xe9.log; } }");
    let message = failed(&init(&lab, &lab.path("."), &["--nginx", "nginx.conf", "--force"], b""), 1);
    assert!(message.contains("the file's name is not UTF-8"), "{message}");
}

#[test]
fn a_line_without_its_end_is_an_error_as_for_nginx() {
    let lab = Lab::new();
    lab.log(
        "nginx.conf",
        "events {}\nhttp {\n  access_log /srv/a.log combined\n  server { listen 80; }\n}\n",
    );
    let message = failed(&init(&lab, &lab.path("."), &["--nginx", "nginx.conf"], b""), 2);
    assert!(
        message.contains(
            "nginx.conf:3:33: no `;` at the end of this line: `access_log` runs on into `server`\n    \
             access_log /srv/a.log combined\n"
        ),
        "{message}"
    );
    if has_nginx() {
        let conf = lab.path("nginx.conf");
        let output =
            nginx().arg("-t").arg("-c").arg(conf).stdin(Stdio::null()).output().expect("nginx -t runs");
        assert!(!output.status.success());
    }
}

#[test]
fn a_pipe_without_a_configuration_says_so() {
    let lab = Lab::new();
    let stderr = |stdin: &str| failed(&init(&lab, &lab.path("."), &["--nginx", "-"], stdin.as_bytes()), 2);
    let message = stderr("");
    assert!(message.starts_with("logstat: standard input: is empty\nhint: as root: nginx -T |"), "{message}");
    let alert =
        "nginx: [alert] could not open error log file: open() \"/x\" failed (13: Permission denied)\n";
    let emergency = "2026/11/21 15:48:12 [emerg] 7#7: open() \"/y\" failed (13: Permission denied)\n";
    let message = stderr(&format!("{alert}{emergency}nginx: configuration file /z test failed\n"));
    assert!(
        message.contains("standard input: nginx says: 2026/11/21 15:48:12 [emerg] 7#7: open() \"/y\""),
        "{message}"
    );
    // What was explained is not guessed at.
    lab.log("nginx.conf", "http { server { access_log off; } }");
    let message = failed(&init(&lab, &lab.path("."), &["--nginx", "nginx.conf"], b""), 2);
    assert!(message.contains("requests of the server at nginx.conf:1 are in no log"), "{message}");
    assert!(!message.contains("is it the main file"), "{message}");
}

#[test]
fn a_log_under_two_names_is_one_source() {
    let lab = Lab::new();
    fs::create_dir(lab.path("logs")).expect("a folder");
    std::os::unix::fs::symlink(lab.path("logs"), lab.path("link")).expect("a link");
    let folder = lab.path("x").parent().expect("a folder").display().to_string();
    lab.log(
        "nginx.conf",
        format!(
            "http {{ server {{ access_log {folder}/logs/a.log; }} server {{ access_log {folder}/link/a.log; }} \
             server {{ access_log {folder}/logs/./a.log; }} }}"
        ),
    );
    let (stdout, _) = succeeded(&init(&lab, &lab.path("."), &["--nginx", "nginx.conf", "--print"], b""));
    assert_eq!(stdout.matches("[[source]]").count(), 1, "{stdout}");
    assert!(stdout.contains(&format!("paths = [\"{folder}/logs/a.log*\"]")), "{stdout}");
}

#[test]
fn files_that_include_each_other_come_to_an_end() {
    let lab = Lab::new();
    lab.log("nginx.conf", "http { include a.conf; server { access_log /srv/a.log; } }");
    lab.log("a.conf", "include b.conf; include b.conf;");
    lab.log("b.conf", "include a.conf; include [ab].conf;");
    let (stdout, stderr) = succeeded(&init(&lab, &lab.path("."), &["--nginx", "nginx.conf", "--print"], b""));
    assert!(stdout.contains("paths = [\"/srv/a.log*\"]"), "{stdout}");
    assert!(stderr.contains("b.conf:1: a.conf: a file includes itself"), "{stderr}");
}

/// Requests to the real nginx.
const REQUESTS: usize = 20;

/// The machine's nginx, with the `-T` of its configuration. CI must have it.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    fn start(conf: &Path, port: u16) -> Self {
        let child = nginx().arg("-c").arg(conf).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut nginx = Self { child: child.expect("nginx starts"), port };
        until("nginx listens", || {
            assert_eq!(nginx.child.try_wait().expect("a process"), None, "nginx ended");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        nginx
    }

    fn get(&self, target: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        let request =
            format!("GET {target} HTTP/1.0\r\nHost: shop.example.com\r\nUser-Agent: \"a\" \\b\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn nginx() -> Command {
    let installed = Path::new("/usr/sbin/nginx");
    Command::new(if installed.exists() { installed } else { Path::new("nginx") })
}

fn has_nginx() -> bool {
    let found = nginx().arg("-v").stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    assert!(found || std::env::var_os("CI").is_none(), "CI needs nginx");
    if !found {
        println!("skipped: no nginx on this machine");
    }
    found
}

#[track_caller]
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        std::thread::yield_now();
    }
}

/// One process without a daemon, with every file in the lab.
fn configure(lab: &Lab, port: u16) -> PathBuf {
    let folder = lab.path(".").display().to_string();
    let folder = folder.trim_end_matches("/.");
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary: String = temporary.map(|kind| format!("  {kind}_temp_path {folder}/{kind};\n")).concat();
    lab.log(
        "conf/nginx.conf",
        format!(
            "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\n\
             http {{\n{temporary}  include formats.conf;\n  server {{\n    listen 127.0.0.1:{port};\n    \
             server_name shop.example.com;\n    access_log {folder}/shop.log timed;\n    \
             location / {{ return 200 ok; }}\n    location /quiet {{ access_log off; return 204; }}\n    \
             location /api/ {{ access_log {folder}/api.json events; return 200 ok; }}\n  }}\n}}\n"
        ),
    );
    lab.log(
        "conf/formats.conf",
        "log_format timed '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent '\n\
         '\"$http_referer\" \"$http_user_agent\"\\t$request_time $upstream_response_time';\n\
         log_format events escape=json '{\"t\":$msec,\"ip\":\"$remote_addr\",\"r\":\"$request\",\"s\":$status,'\n\
         '\"ua\":\"$http_user_agent\",\"rt\":$request_time,\"urt\":\"$upstream_response_time\"}';\n",
    )
}

#[test]
fn a_real_nginx_writes_what_its_configuration_says() {
    if !has_nginx() {
        return;
    }
    let lab = Lab::new();
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    configure(&lab, port);
    let conf = lab.path("conf/nginx.conf");
    let dump = nginx().arg("-T").arg("-c").arg(&conf).stdin(Stdio::null()).output().expect("nginx -T runs");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let named = ["--nginx", conf.to_str().expect("a path"), "--print"];
    let (of_files, _) = succeeded(&init(&lab, &lab.path("."), &named, b""));
    let (of_dump, _) = succeeded(&init(&lab, &lab.path("."), &["--nginx", "-", "--print"], &dump.stdout));
    assert_eq!(of_files, of_dump);
    lab.log("logstat.toml", &of_files);

    let nginx = Nginx::start(&conf, port);
    for number in 0..REQUESTS {
        assert!(nginx.get(&format!("/item/{number}?q=\"\u{e9}\"")).contains(" 200 "));
        assert!(nginx.get(&format!("/api/{number}")).contains(" 200 "));
        assert!(nginx.get("/quiet").contains(" 204 "));
    }
    let written =
        |log: &str| fs::read(lab.path(log)).expect("a log").iter().filter(|byte| **byte == b'\n').count();
    until("nginx logs", || written("shop.log") == REQUESTS && written("api.json") == REQUESTS);
    drop(nginx);

    let mut report = lab.command();
    report.args(["report", "--since", "oldest", "--json", "--no-out", "--state", "state"]);
    let (json, _) = succeeded(&feed(report, b""));
    let summary: Value = serde_json::from_str(&json).expect("JSON");
    let accounting = &summary["accounting"];
    assert_eq!(accounting["lines"], 2 * REQUESTS, "{accounting}");
    assert_eq!(accounting["records"], 2 * REQUESTS, "{accounting}");
    assert_eq!(summary["totals"]["latency_n"], 2 * REQUESTS);
}
