//! Finds nginx's access logs by its configuration. Only looks: `nginx -V` is run, but not `nginx -T`, which creates
//! missing logs and asks DNS for upstreams. What it printed is read where it is given as a file.
//!
//! * `files` reads the configuration with what it includes;
//! * `log_format` and `access_log` take one directive each;
//! * `endpoints` says where servers listen and pass requests to;
//! * `meaning` follows nginx's inheritance.

mod access_log;
mod endpoints;
mod files;
mod log_format;
mod meaning;

use super::found::{Found, Note, Target};
use meaning::Build;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the program is when `PATH` does not have it, as for those who are not root.
const PROGRAMS: [&str; 5] = [
    "nginx",
    "/usr/sbin/nginx",
    "/usr/local/sbin/nginx",
    "/usr/local/nginx/sbin/nginx",
    "/usr/local/openresty/nginx/sbin/nginx",
];
/// Where the configuration is when the program does not say.
const CONFS: [&str; 5] = [
    "/etc/nginx/nginx.conf",
    "/usr/local/nginx/conf/nginx.conf",
    "/usr/local/etc/nginx/nginx.conf",
    "/opt/homebrew/etc/nginx/nginx.conf",
    "/usr/local/openresty/nginx/conf/nginx.conf",
];

/// What the configuration says: the files that are `named`, else those that nginx runs with or would.
///
/// # Errors
/// When a named file cannot be read.
pub fn find(named: &[PathBuf]) -> anyhow::Result<Found> {
    let program = Program::ask();
    let mut found = Found::default();
    if named.is_empty() {
        for conf in unnamed(program.as_ref(), &mut found.notes) {
            match files::read(&conf.file) {
                Ok(tree) => add(&mut found, tree, &conf.build(program.as_ref())),
                Err(error) => {
                    found.notes.push(Note { place: None, text: error.to_string(), hint: None });
                    found.incomplete = true;
                }
            }
        }
    }
    for file in named {
        let file = if file.is_dir() { file.join("nginx.conf") } else { file.clone() };
        let tree = files::read(&file)?;
        add(&mut found, tree, &Conf { file, prefix: None }.build(program.as_ref()));
    }
    Ok(found)
}

fn add(found: &mut Found, tree: files::Tree, build: &Build) {
    let mut more = meaning::meaning(&tree.nodes, build);
    for log in &mut more.logs {
        let Target::File { glob } = &log.target else { continue };
        // In nginx's image access.log is a link to the container's output.
        let link = fs::read_link(glob.trim_end_matches('*')).ok();
        let stream = link.as_deref().and_then(Path::to_str).filter(|link| access_log::STREAMS.contains(link));
        if let Some(stream) = stream {
            log.target = Target::Stream(stream.to_owned());
        }
    }
    for log in more.logs {
        if !found.logs.iter().any(|known| known.target == log.target) {
            found.logs.push(log);
        }
    }
    found.left_out.extend(more.left_out);
    found.error_logs.extend(more.error_logs);
    found.incomplete |= more.incomplete || tree.incomplete;
    found.notes.extend(tree.notes);
    found.notes.extend(more.notes);
}

/// A configuration file that nginx runs with.
#[derive(Debug, PartialEq)]
struct Conf {
    file: PathBuf,
    /// `-p`.
    prefix: Option<PathBuf>,
}

impl Conf {
    fn build(&self, program: Option<&Program>) -> Build {
        let guess = Program::usual(&self.file);
        let program = program.unwrap_or(&guess);
        let prefix = self.prefix.as_ref().unwrap_or(&program.prefix).clone();
        let (http_log_path, error_log_path) = (program.http_log_path.clone(), program.error_log_path.clone());
        Build { prefix, http_log_path, error_log_path }
    }
}

/// What is built into the nginx of this machine.
#[derive(Debug, PartialEq)]
struct Program {
    prefix: PathBuf,
    conf_path: PathBuf,
    http_log_path: PathBuf,
    error_log_path: PathBuf,
}

impl Program {
    /// Asks the first that there is.
    fn ask() -> Option<Self> {
        PROGRAMS.iter().find_map(|program| {
            let output = Command::new(program).arg("-V").stdin(Stdio::null()).output().ok()?;
            Self::parse(&String::from_utf8_lossy(&output.stderr))
        })
    }

    /// Reads what `nginx -V` prints. What is not configured is as in nginx's `auto/init`.
    fn parse(text: &str) -> Option<Self> {
        let arguments = text.lines().find_map(|line| line.strip_prefix("configure arguments:"))?;
        let value = |key: &str| {
            let words = arguments.split_whitespace().map(|word| word.trim_matches('\''));
            words.filter_map(|word| word.strip_prefix(key)?.strip_prefix('=')).next_back()
        };
        let prefix = PathBuf::from(value("--prefix").unwrap_or("/usr/local/nginx"));
        let conf_path = prefix.join(value("--conf-path").unwrap_or("conf/nginx.conf"));
        let http_log_path = prefix.join(value("--http-log-path").unwrap_or("logs/access.log"));
        let error_log_path = prefix.join(value("--error-log-path").unwrap_or("logs/error.log"));
        Some(Self { prefix, conf_path, http_log_path, error_log_path })
    }

    /// What is most likely where there is no program to ask: built from source if the file is in `conf/`.
    fn usual(conf: &Path) -> Self {
        let folder = conf.parent().filter(|folder| folder.ends_with("conf"));
        let prefix = folder.and_then(Path::parent).unwrap_or(Path::new("/etc/nginx"));
        let log =
            folder.map_or_else(|| "/var/log/nginx/access.log".into(), |_| prefix.join("logs/access.log"));
        Self {
            prefix: prefix.to_owned(),
            conf_path: conf.to_owned(),
            error_log_path: log.with_file_name("error.log"),
            http_log_path: log,
        }
    }
}

/// Every configuration that nginx runs with; else the one that it would.
fn unnamed(program: Option<&Program>, notes: &mut Vec<Note>) -> Vec<Conf> {
    let usual = || {
        let known = program.map(|program| program.conf_path.clone());
        let mut places = known.into_iter().chain(CONFS.map(PathBuf::from));
        places.find(|path| path.exists())
    };
    let mut confs: Vec<Conf> = Vec::new();
    for process in masters() {
        if process.elsewhere {
            notes.push(Note {
                place: None,
                text: format!("process {} is an nginx in a container", process.id),
                hint: Some("docker exec NAME nginx -T | logstat init --nginx -".to_owned()),
            });
            continue;
        }
        let Some(conf) = process.conf(program, &usual) else { continue };
        if !confs.contains(&conf) {
            confs.push(conf);
        }
    }
    if confs.is_empty() {
        confs.extend(usual().map(|file| Conf { file, prefix: None }));
    }
    confs
}

/// A running master process.
struct Master {
    id: String,
    command: String,
    /// What a relative `-p` is relative to; `None` where `/proc` does not tell.
    folder: Option<PathBuf>,
    /// In another mount namespace, so that its paths are not those of this machine.
    elsewhere: bool,
}

impl Master {
    /// `-c` and `-p`. nginx replaces its command line by a title that has no quotes.
    fn options(&self) -> (Option<PathBuf>, Option<PathBuf>) {
        let words: Vec<&str> = self.command.split_whitespace().collect();
        let value = |option: &str| {
            let pair = words.windows(2).find(|pair| pair[0] == option);
            pair.map(|pair| PathBuf::from(pair[1]))
        };
        (value("-c"), value("-p"))
    }

    /// A relative `-c` is relative to the prefix, and a relative `-p` to where nginx was started.
    fn conf(&self, program: Option<&Program>, usual: &dyn Fn() -> Option<PathBuf>) -> Option<Conf> {
        let (file, prefix) = self.options();
        let prefix = prefix.map(|prefix| match &self.folder {
            Some(folder) => folder.join(prefix),
            None => prefix,
        });
        let file = file.or_else(usual)?;
        let base = prefix.as_deref().or(program.map(|program| program.prefix.as_path()));
        let base = base.or(self.folder.as_deref()).unwrap_or(Path::new(""));
        Some(Conf { file: base.join(file), prefix })
    }
}

/// The running nginxes, by process number; none where `/proc` does not tell.
fn masters() -> Vec<Master> {
    let namespace = |id: &str| fs::read_link(format!("/proc/{id}/ns/mnt")).ok();
    let own = namespace("self");
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut ids: Vec<(u32, String)> = ids.filter_map(|id| Some((id.parse().ok()?, id))).collect();
    ids.sort_unstable();
    let master = |(_, id): (u32, String)| {
        let line = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let command = line.strip_prefix("nginx: master process ")?.to_owned();
        let elsewhere = namespace(&id).is_some_and(|namespace| Some(namespace) != own);
        let folder = fs::read_link(format!("/proc/{id}/cwd")).ok();
        Some(Master { id, command, folder, elsewhere })
    };
    ids.into_iter().filter_map(master).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_that_nginx_was_built_with() {
        let text = "nginx version: nginx/1.22.1\nconfigure arguments: --with-cc-opt='-g -O2' --prefix=/usr/share/nginx \
                    --conf-path=/etc/nginx/nginx.conf --http-log-path=/var/log/nginx/access.log\n";
        let program = Program::parse(text).expect("a program");
        assert_eq!(program.prefix, Path::new("/usr/share/nginx"));
        assert_eq!(program.conf_path, Path::new("/etc/nginx/nginx.conf"));
        assert_eq!(program.http_log_path, Path::new("/var/log/nginx/access.log"));
        let bare = Program::parse("configure arguments:\n").expect("a program");
        assert_eq!(bare.http_log_path, Path::new("/usr/local/nginx/logs/access.log"));
        assert_eq!(Program::parse("nginx: not found\n"), None);
    }

    #[test]
    fn a_running_nginx_names_its_file() {
        let command = "/usr/sbin/nginx -g daemon on; -c /srv/nginx.conf -p /srv ".to_owned();
        let master = Master { id: "7".to_owned(), command, folder: None, elsewhere: false };
        assert_eq!(master.options(), (Some("/srv/nginx.conf".into()), Some("/srv".into())));
    }

    #[test]
    fn what_a_running_nginx_names_is_relative_to_where_it_was_started() {
        let conf = |command: &str| {
            let folder = Some("/home/web".into());
            let master = Master { id: "7".to_owned(), command: command.to_owned(), folder, elsewhere: false };
            let program = Program::usual(Path::new("/etc/nginx/nginx.conf"));
            let conf = master.conf(Some(&program), &|| None).expect("a configuration");
            (conf.file.display().to_string(), conf.prefix.map(|prefix| prefix.display().to_string()))
        };
        assert_eq!(
            conf("nginx -p own -c a.conf"),
            ("/home/web/own/a.conf".into(), Some("/home/web/own".into()))
        );
        assert_eq!(conf("nginx -c a.conf"), ("/etc/nginx/a.conf".into(), None));
    }

    #[test]
    fn without_a_program_the_folder_tells() {
        assert_eq!(
            Program::usual(Path::new("/opt/n/conf/nginx.conf")).http_log_path,
            Path::new("/opt/n/logs/access.log")
        );
        assert_eq!(
            Program::usual(Path::new("/etc/nginx/nginx.conf")).http_log_path,
            Path::new("/var/log/nginx/access.log")
        );
    }
}
