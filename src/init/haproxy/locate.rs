//! Which files configure the HAProxy of this machine. Does not read them.

use super::super::found::Note;
use anyhow::{anyhow, bail};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where packages put it.
const PLACES: [&str; 4] = [
    "/etc/haproxy/haproxy.cfg",
    "/usr/local/etc/haproxy/haproxy.cfg",
    "/usr/local/etc/haproxy.cfg",
    "/opt/homebrew/etc/haproxy.cfg",
];
/// What systemd gives it as environment.
const SERVICE_VARIABLES: [&str; 2] = ["/etc/default/haproxy", "/etc/sysconfig/haproxy"];
/// Variables of these files that hold arguments.
const ARGUMENTS: [&str; 3] = ["EXTRAOPTS", "OPTIONS", "ADDITIONAL"];

/// The files, and what is needed to read them.
#[derive(Debug, Default)]
pub(super) struct Located {
    pub files: Vec<PathBuf>,
    /// Environment of the service or the process.
    variables: HashMap<String, String>,
    pub notes: Vec<Note>,
}

impl Located {
    /// A variable as HAProxy sees it; as this program does, where HAProxy does not run.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned().or_else(|| std::env::var(name).ok())
    }
}

/// The files of the arguments, else of the process, else those with which it would start.
pub(super) fn locate(named: &[PathBuf]) -> anyhow::Result<Located> {
    let mut located = Located { variables: service_variables(), ..Located::default() };
    let mut files = named.to_vec();
    if files.is_empty() {
        files = running(&mut located);
    }
    if files.is_empty() {
        files = service_files(&located.variables);
    }
    for file in files {
        located.files.extend(expand(&file)?);
    }
    Ok(located)
}

/// Why a file cannot be read, and what helps.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> anyhow::Error {
    let denied = error.kind() == io::ErrorKind::PermissionDenied;
    let hint = if denied { "\nhint: `sudo logstat init` may read it" } else { "" };
    anyhow!("{}: {error}{hint}", path.display())
}

/// A folder stands for its `*.cfg` in lexical order, without hidden ones.
fn expand(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let entry = entry.map_err(|error| unreadable(path, &error))?.path();
        let name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.ends_with(".cfg") && !name.starts_with('.') && entry.is_file() {
            files.push(entry);
        }
    }
    if files.is_empty() {
        bail!("{}: holds no `*.cfg`\nhint: HAProxy reads nothing else of a folder", path.display());
    }
    files.sort();
    Ok(files)
}

/// The files of the HAProxy that runs. Of several, the one that started first.
fn running(located: &mut Located) -> Vec<PathBuf> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut ids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable();
    let mut first: Vec<PathBuf> = Vec::new();
    for id in ids {
        let process = Path::new("/proc").join(id.to_string());
        let Some(files) = files_of_process(&process) else { continue };
        if first.is_empty() {
            located.variables.extend(variables(&fs::read(process.join("environ")).unwrap_or_default(), 0));
            first = files;
        } else if files != first {
            let named: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            let named = named.join(" ");
            // A master and its workers have the same arguments, so this is another one.
            let note = Note {
                place: None,
                text: format!("another HAProxy runs with {named}"),
                hint: Some(format!("logstat init --haproxy {named}")),
            };
            if !located.notes.contains(&note) {
                located.notes.push(note);
            }
        }
    }
    first
}

/// `None` where the process is no HAProxy, or sees other files than this one, as in a container.
fn files_of_process(process: &Path) -> Option<Vec<PathBuf>> {
    let cmdline = fs::read(process.join("cmdline")).ok()?;
    let arguments: Vec<String> = cmdline
        .split(|byte| *byte == 0)
        .map(|argument| String::from_utf8_lossy(argument).into_owned())
        .collect();
    let program = Path::new(arguments.first()?).file_name()?;
    let root = |process: &Path| fs::read_link(process.join("ns/mnt")).ok();
    let foreign = root(process).is_some_and(|theirs| Some(theirs) != root(Path::new("/proc/self")));
    if program != "haproxy" || foreign {
        return None;
    }
    let folder = fs::read_link(process.join("cwd")).unwrap_or_else(|_| PathBuf::from("/"));
    let files = files_of_arguments(&arguments[1..], &folder);
    (!files.is_empty()).then_some(files)
}

/// `-f FILE`, several of them, `-C FOLDER`, and what is behind `--`.
fn files_of_arguments<S: AsRef<str>>(arguments: &[S], folder: &Path) -> Vec<PathBuf> {
    let mut arguments = arguments.iter().map(AsRef::as_ref);
    let mut folder = folder.to_owned();
    let mut files = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument {
            "-f" => files.extend(arguments.next()),
            "-C" => folder.push(arguments.next().unwrap_or_default()),
            "--" => files.extend(arguments.by_ref().filter(|file| !file.is_empty())),
            _ => {}
        }
    }
    files.into_iter().map(|file| folder.join(file)).collect()
}

/// What the service's variables say, `CONFIG=…` or else the usual place, and `-f` in the further arguments.
fn service_files(variables: &HashMap<String, String>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = variables.get("CONFIG").map(PathBuf::from).into_iter().collect();
    if files.is_empty() {
        files.extend(PLACES.iter().map(PathBuf::from).find(|place| place.exists()));
    }
    for name in ARGUMENTS {
        let arguments: Vec<&str> =
            variables.get(name).map(|value| value.split_whitespace().collect()).unwrap_or_default();
        files.extend(files_of_arguments(&arguments, Path::new("/")));
    }
    files
}

fn service_variables() -> HashMap<String, String> {
    SERVICE_VARIABLES.iter().flat_map(|path| variables(&fs::read(path).unwrap_or_default(), b'\n')).collect()
}

/// `NAME=value`, between these bytes; quotes around the value are not part of it.
fn variables(bytes: &[u8], separator: u8) -> HashMap<String, String> {
    let lines = bytes.split(|byte| *byte == separator).map(String::from_utf8_lossy);
    let pair = |line: std::borrow::Cow<'_, str>| {
        let (name, value) = line.trim().split_once('=')?;
        let named = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        named.then(|| (name.to_owned(), value.trim_matches(['"', '\'']).to_owned()))
    };
    lines.filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_name_files_as_haproxy_takes_them() {
        let files = |arguments: &[&str]| files_of_arguments(arguments, Path::new("/srv"));
        let arguments = [
            "-Ws",
            "-f",
            "/etc/haproxy/haproxy.cfg",
            "-C",
            "conf",
            "-f",
            "d",
            "-p",
            "/run/p",
            "--",
            "x.cfg",
            "",
        ];
        let expected = ["/etc/haproxy/haproxy.cfg", "/srv/conf/d", "/srv/conf/x.cfg"];
        assert_eq!(files(&arguments), expected.map(PathBuf::from));
        assert!(files(&["-v", "-f"]).is_empty());
    }

    #[test]
    fn a_service_s_variables_are_read() {
        let text = b"# CONFIG=/no\nCONFIG=\"/etc/h.cfg\"\nEXTRAOPTS=\"-de -f /etc/haproxy/conf.d\"\n";
        let variables = variables(text, b'\n');
        assert_eq!(variables.len(), 2);
        assert_eq!(service_files(&variables), ["/etc/h.cfg", "/etc/haproxy/conf.d"].map(PathBuf::from));
    }

    #[test]
    fn a_folder_is_its_cfg_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        assert!(expand(folder.path()).unwrap_err().to_string().contains("holds no `*.cfg`"));
        for name in ["b.cfg", "a.cfg", ".c.cfg", "d.conf"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(expand(folder.path()).unwrap(), ["a.cfg", "b.cfg"].map(|name| folder.path().join(name)));
    }

    #[test]
    fn a_process_tells_its_files_if_it_is_haproxy() {
        let process = tempfile::tempdir().unwrap();
        let files = |cmdline: &str| {
            fs::write(process.path().join("cmdline"), cmdline).unwrap();
            files_of_process(process.path())
        };
        assert_eq!(
            files("/usr/sbin/haproxy\0-Ws\0-f\0/etc/h.cfg\0"),
            Some(vec![PathBuf::from("/etc/h.cfg")])
        );
        assert_eq!(files("/bin/vi\0-f\0/etc/h.cfg\0"), None);
        assert_eq!(files("haproxy\0-v\0"), None);
        assert_eq!(files(""), None);
    }
}
