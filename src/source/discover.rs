//! Command-line arguments become logs: rotated siblings together, oldest first. Never reads past a file's head.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::rotation::{self, Age};
use super::{Compression, LogFile, head};

/// Bytes compared to tell whether a file and a compressed sibling are the same.
const SAME_HEAD_BYTES: usize = 64 * 1024;

/// One log with all its rotated files.
#[derive(Clone, Debug)]
pub struct SourceSet {
    /// The live file's name, with as many of its folders as tell it from other sources.
    pub name: String,
    /// Oldest first, as far as names tell.
    pub files: Vec<LogFile>,
}

/// Everything that the arguments name.
#[derive(Debug, Default)]
pub struct Discovery {
    /// In the order in which the arguments first name them.
    pub sources: Vec<SourceSet>,
    /// Arguments that cannot be read; the others are read nevertheless.
    pub problems: Vec<DiscoverError>,
    /// Files that are left out, so that no line counts twice.
    pub notes: Vec<Note>,
}

/// An argument that names nothing readable.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// No such file, or not readable.
    #[error("{}: {source}\nhint: {hint}", path.display())]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to do.
        hint: String,
    },
    /// A folder instead of a file.
    #[error("{}: is a directory\nhint: name its logs, for instance '{}'", path.display(), path.join("access.log*").display())]
    Directory {
        /// As given.
        path: PathBuf,
    },
    /// A pattern that matches nothing.
    #[error(
        "{pattern}: matches no file\nhint: look at the folder with `ls -la`; it may be unreadable for this user"
    )]
    NoMatch {
        /// As given.
        pattern: String,
    },
    /// A pattern that cannot be understood.
    #[error(
        "{pattern}: bad pattern at byte {position}: {reason}\nhint: write [[] for a plain [ and [*] for a plain *"
    )]
    Pattern {
        /// As given.
        pattern: String,
        /// Byte in the pattern.
        position: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// A kind of file that is not read.
    #[error("{}: {kind} files are not read\nhint: {command} | logstat report -", path.display())]
    Unsupported {
        /// As given.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
        /// What unpacks it.
        command: String,
    },
}

impl DiscoverError {
    /// Whether nothing is there, rather than something that is out of reach.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        match self {
            Self::NoMatch { .. } => true,
            Self::Unreadable { path, source, .. } => {
                // A folder that is gone may be a disk that is not mounted.
                let folder = path.parent().filter(|folder| *folder != Path::new(""));
                source.kind() == io::ErrorKind::NotFound && folder.is_none_or(Path::is_dir)
            }
            Self::Directory { .. } | Self::Pattern { .. } | Self::Unsupported { .. } => false,
        }
    }
}

/// A file that is left out because another one holds the same lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The file that is not read.
    pub skipped: PathBuf,
    /// The file that is read instead.
    pub kept: PathBuf,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: not read, the same as {}", self.skipped.display(), self.kept.display())
    }
}

/// Finds the files that `arguments` name: paths, patterns, and `-` for standard input.
pub fn discover<P: AsRef<Path>>(arguments: impl IntoIterator<Item = P>) -> Discovery {
    let mut found = Found::default();
    for argument in arguments {
        found.argument(argument.as_ref());
    }
    found.finish()
}

#[derive(Default)]
struct Found {
    groups: Vec<Group>,
    /// Place in `groups` by folder and base name.
    places: HashMap<(PathBuf, String), usize>,
    /// First path by device and inode.
    seen: HashMap<(u64, u64), PathBuf>,
    problems: Vec<DiscoverError>,
    notes: Vec<Note>,
}

/// The files of one log.
struct Group {
    folder: PathBuf,
    base: String,
    files: Vec<(Age, LogFile)>,
}

impl Found {
    fn argument(&mut self, argument: &Path) {
        let pattern = argument.to_str().filter(|text| text.contains(['*', '?', '[']));
        let result = match pattern {
            _ if argument == Path::new("-") => self.stdin(),
            // A file may really be called `a[1].log`.
            Some(pattern) if argument.symlink_metadata().is_err() => self.pattern(pattern),
            _ => self.path(argument),
        };
        if let Err(problem) = result {
            self.problems.push(problem);
        }
    }

    fn stdin(&mut self) -> Result<(), DiscoverError> {
        let path = Path::new("-");
        let opened = io::stdin().as_fd().try_clone_to_owned().map(File::from);
        let opened = opened.and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.map_err(|source| unreadable(path, source))?;
        self.add(path, file, &metadata)
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), DiscoverError> {
        let paths = glob::glob(pattern).map_err(|error| DiscoverError::Pattern {
            pattern: pattern.into(),
            position: error.pos,
            reason: error.msg,
        })?;
        let mut matches = false;
        for path in paths {
            let result = match path {
                // The pattern's author meant the files.
                // A pipe among them would be waited for.
                Ok(path) if path.exists() && !path.is_file() => continue,
                Ok(path) => self.path(&path),
                Err(error) => {
                    let folder = error.path().to_path_buf();
                    Err(unreadable(&folder, error.into()))
                }
            };
            matches = true;
            if let Err(problem) = result {
                self.problems.push(problem);
            }
        }
        if matches { Ok(()) } else { Err(DiscoverError::NoMatch { pattern: pattern.into() }) }
    }

    fn path(&mut self, path: &Path) -> Result<(), DiscoverError> {
        let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.map_err(|source| unreadable(path, source))?;
        if metadata.is_dir() {
            return Err(DiscoverError::Directory { path: path.into() });
        }
        // A link to a pipe, such as /dev/stdin, leads nowhere by name.
        let link = metadata.is_file() && path.is_symlink();
        let resolved = if link { fs::canonicalize(path).ok() } else { None };
        self.add(resolved.as_deref().unwrap_or(path), file, &metadata)
    }

    fn add(&mut self, path: &Path, file: File, metadata: &Metadata) -> Result<(), DiscoverError> {
        let identity = (metadata.dev(), metadata.ino());
        if let Some(kept) = self.seen.get(&identity) {
            self.notes.push(Note { skipped: path.into(), kept: kept.clone() });
            return Ok(());
        }
        // Even a file, as standard input, has no path by which to open it again.
        let again = metadata.is_file() && path != Path::new("-");
        let new = if again { LogFile::regular } else { LogFile::pipe };
        let (log, head) = new(path.into(), file, metadata).map_err(|source| unreadable(path, source))?;
        if let Some((kind, program)) = unsupported(&head) {
            let command = format!("{program} {}", path.display());
            return Err(DiscoverError::Unsupported { path: path.into(), kind, command });
        }
        self.seen.insert(identity, path.into());
        self.file(path, log);
        Ok(())
    }

    fn file(&mut self, path: &Path, log: LogFile) {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let (base, age) = match name.as_ref() {
            "-" => ("stdin".into(), Age::Live),
            name => rotation::split(name),
        };
        let folder =
            path.parent().map(|folder| if folder == Path::new("") { Path::new(".") } else { folder });
        let folder = folder.and_then(|folder| fs::canonicalize(folder).ok()).unwrap_or_default();
        let group = *self.places.entry((folder.clone(), base.clone())).or_insert_with(|| {
            self.groups.push(Group { folder, base, files: Vec::new() });
            self.groups.len() - 1
        });
        self.groups[group].files.push((age, log));
    }

    fn finish(mut self) -> Discovery {
        let mut notes = self.notes;
        for group in &mut self.groups {
            // Names decide where ages do not, so that the order of the arguments never matters.
            group.files.sort_by_key(|(age, log)| (*age, log.path().file_name().map(ToOwned::to_owned)));
            group.drop_compressed_twins(&mut notes);
        }
        let names = names(&self.groups);
        let files =
            self.groups.into_iter().map(|group| group.files.into_iter().map(|(_, log)| log).collect());
        let sources = names.into_iter().zip(files).map(|(name, files)| SourceSet { name, files }).collect();
        Discovery { sources, problems: self.problems, notes }
    }
}

impl Group {
    /// The base name behind its innermost `folders`.
    fn name(&self, folders: usize) -> String {
        let parts = self.folder.components().filter(|part| matches!(part, Component::Normal(_)));
        let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
        let kept = parts[parts.len().saturating_sub(folders)..].iter().map(AsRef::as_ref);
        kept.chain([self.base.as_str()]).collect::<Vec<_>>().join("/")
    }

    /// While `access.log.1` is being compressed, and shortly after, `access.log.1.gz` exists too.
    fn drop_compressed_twins(&mut self, notes: &mut Vec<Note>) {
        let plain: Vec<LogFile> =
            self.files.iter().map(|(_, log)| log).filter(|log| log.is_plain()).cloned().collect();
        self.files.retain(|(_, log)| {
            let Some(kept) = plain.iter().find(|plain| is_twin(plain, log)) else { return true };
            notes.push(Note { skipped: log.path().into(), kept: kept.path().into() });
            false
        });
    }
}

/// Whether `log` is a compressed copy of `plain`, perhaps an unfinished one.
fn is_twin(plain: &LogFile, log: &LogFile) -> bool {
    let name = |log: &LogFile| log.path().file_name().map(|name| name.to_string_lossy().into_owned());
    let same_name = name(log).as_deref().map(rotation::without_compression) == name(plain).as_deref();
    if log.is_pipe() || log.compression() == Compression::Plain || !same_name {
        return false;
    }
    let whole = head(plain, SAME_HEAD_BYTES).unwrap_or_default();
    // A copy that has just been begun has no bytes yet.
    whole.starts_with(&head(log, SAME_HEAD_BYTES).unwrap_or_default())
}

/// Base names, with as many folders in front as make them differ.
fn names(groups: &[Group]) -> Vec<String> {
    let mut names: Vec<String> = groups.iter().map(|group| group.base.clone()).collect();
    let deepest = groups.iter().map(|group| group.folder.components().count()).max().unwrap_or(0);
    for folders in 1..=deepest {
        let mut uses = HashMap::new();
        names.iter().for_each(|name| *uses.entry(name.clone()).or_insert(0) += 1);
        for (name, group) in names.iter_mut().zip(groups).filter(|(name, _)| uses[*name] > 1) {
            *name = group.name(folders);
        }
    }
    names
}

/// Files that a user may well name, but that need another program first.
fn unsupported(head: &[u8]) -> Option<(&'static str, &'static str)> {
    match head {
        [b'P', b'K', 3, 4, ..] => Some(("zip", "unzip -p")),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(("lz4", "lz4 -dc")),
        [0x1f, 0x9d, ..] => Some(("compress (.Z)", "zcat")),
        [b'L', b'P', b'K', b'S', b'H', b'H', b'R', b'H', ..] => {
            Some(("systemd journal", "journalctl -o short-iso --file"))
        }
        _ => None,
    }
}

fn unreadable(path: &Path, source: io::Error) -> DiscoverError {
    let missing_folder =
        path.ancestors().skip(1).filter(|folder| *folder != Path::new("") && !folder.exists()).last();
    let hint = match (source.kind(), missing_folder) {
        (io::ErrorKind::PermissionDenied, _) => {
            "run as a user who may read it: often root, or a member of the group `adm`".into()
        }
        (io::ErrorKind::NotFound, Some(folder)) => format!("there is no folder {}", folder.display()),
        (io::ErrorKind::NotFound, None) if path.is_symlink() => "it is a link to a file that is gone".into(),
        (io::ErrorKind::NotFound, None) => {
            "look for its name with `ls`; a pattern such as 'access.log*' finds rotated files".into()
        }
        _ => "try to read it with `head`".into(),
    };
    DiscoverError::Unreadable { path: path.into(), source, hint }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;

    use super::super::testing::{log_lines, pack};
    use super::super::{Input, Limits, Progress, open};
    use super::*;

    /// A folder with files of some content each, so that none is a copy of another.
    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{file}\n")).unwrap();
        }
        folder
    }

    fn found(folder: &tempfile::TempDir, arguments: &[&str]) -> Discovery {
        discover(arguments.iter().map(|argument| folder.path().join(argument)))
    }

    /// Names of sources with their files, below `folder`.
    fn listed(discovery: &Discovery, folder: &tempfile::TempDir) -> Vec<(String, Vec<String>)> {
        let below = |log: &LogFile| log.path().strip_prefix(folder.path()).unwrap().display().to_string();
        let sources = discovery.sources.iter();
        sources.map(|set| (set.name.clone(), set.files.iter().map(below).collect())).collect()
    }

    fn set(name: &str, files: &[&str]) -> (String, Vec<String>) {
        (name.to_owned(), files.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn rotated_siblings_are_one_source_oldest_first() {
        let names =
            ["access.log", "access.log.1", "access.log.10.gz", "access.log.2.gz", "error.log", "error.log.1"];
        let folder = folder(&names);
        let expected = [
            set("access.log", &["access.log.10.gz", "access.log.2.gz", "access.log.1", "access.log"]),
            set("error.log", &["error.log.1", "error.log"]),
        ];
        let discovery = found(&folder, &["access.log*", "error.log*"]);
        assert_eq!(listed(&discovery, &folder), expected);
        assert!(discovery.problems.is_empty() && discovery.notes.is_empty());
        let mut backwards = names;
        backwards[..4].reverse();
        assert_eq!(listed(&found(&folder, &backwards), &folder), expected);
    }

    #[test]
    fn dates_order_as_well() {
        let folder =
            folder(&["a.log", "a.log-20261231", "a.log-20270101", "b-2026-11-20.log", "b-2026-11-03.log"]);
        assert_eq!(
            listed(&found(&folder, &["*"]), &folder),
            [
                set("a.log", &["a.log-20261231", "a.log-20270101", "a.log"]),
                set("b.log", &["b-2026-11-03.log", "b-2026-11-20.log"]),
            ]
        );
    }

    #[test]
    fn sources_of_one_name_get_their_folders() {
        let folder = folder(&["x/web1/access.log", "x/web2/access.log", "y/web2/access.log", "y/error.log"]);
        let discovery = found(&folder, &["*/*/access.log", "y/error.log"]);
        let names: Vec<_> = discovery.sources.iter().map(|set| set.name.as_str()).collect();
        assert_eq!(names, ["web1/access.log", "x/web2/access.log", "y/web2/access.log", "error.log"]);
    }

    #[test]
    fn a_file_named_twice_is_read_once() {
        let folder = folder(&["access.log"]);
        symlink("access.log", folder.path().join("link.log")).unwrap();
        fs::hard_link(folder.path().join("access.log"), folder.path().join("other.log")).unwrap();
        let discovery = found(&folder, &["link.log", "./access.log", "other.log"]);
        assert_eq!(discovery.sources.len(), 1);
        assert_eq!(discovery.sources[0].name, "access.log");
        let skipped: Vec<_> = discovery.notes.iter().map(|note| note.skipped.file_name().unwrap()).collect();
        assert_eq!(skipped, ["access.log", "other.log"]);
    }

    #[test]
    fn a_file_and_its_compressed_copy_are_read_once() {
        let folder = folder(&[]);
        let text = log_lines(3000);
        let packed = pack(Compression::Gzip, &text);
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        write("a.log.1", &text);
        write("a.log.1.gz", &packed);
        write("b.log.1", &text);
        write("b.log.1.gz", &packed[..packed.len() / 4]);
        write("c.log.1", &text);
        write("c.log.1.gz", b"");
        write("d.log.1", &text[..500]);
        write("d.log.1.gz", &packed);
        write("e.log.1", &text);
        write("e.log.1.gz", &pack(Compression::Gzip, &log_lines(4000)[40..]));
        let discovery = found(&folder, &["*"]);
        let skipped: Vec<_> = discovery.notes.iter().map(|note| note.skipped.file_name().unwrap()).collect();
        assert_eq!(skipped, ["a.log.1.gz", "b.log.1.gz"]);
        let files: Vec<_> = discovery.sources.iter().map(|set| set.files.len()).collect();
        assert_eq!(files, [1, 1, 2, 2, 2]);
        assert!(discovery.notes[0].to_string().ends_with("a.log.1"));
        // However the two are spelled.
        let discovery = found(&folder, &["./a.log.1.gz", "a.log.1"]);
        assert_eq!((discovery.sources[0].files.len(), discovery.notes.len()), (1, 1));
    }

    #[test]
    fn a_bad_argument_does_not_hide_the_others() {
        let folder = folder(&["access.log", "sub/inner.log", "file"]);
        symlink("gone", folder.path().join("dangling")).unwrap();
        fs::write(folder.path().join("a.zip"), b"PK\x03\x04rest").unwrap();
        let arguments = [
            "missing.log",
            "no/such/a.log",
            "sub",
            "none*.log",
            "a[.log",
            "file/a.log",
            "dangling",
            "a.zip",
            "access.log",
        ];
        let discovery = found(&folder, &arguments);
        assert_eq!(listed(&discovery, &folder), [set("access.log", &["access.log"])]);
        let messages: Vec<_> = discovery.problems.iter().map(ToString::to_string).collect();
        let root = folder.path().display();
        let expected = [
            format!("{root}/missing.log: No such file or directory (os error 2)\nhint: look for its name"),
            format!(
                "{root}/no/such/a.log: No such file or directory (os error 2)\nhint: there is no folder {root}/no"
            ),
            format!("{root}/sub: is a directory\nhint: name its logs, for instance '{root}/sub/access.log*'"),
            format!("{root}/none*.log: matches no file\nhint: "),
            format!("{root}/a[.log: bad pattern at byte {}: ", folder.path().as_os_str().len() + 2),
            format!("{root}/file/a.log: Not a directory (os error 20)\nhint: "),
            format!("{root}/dangling: No such file or directory (os error 2)\nhint: it is a link"),
            format!("{root}/a.zip: zip files are not read\nhint: unzip -p {root}/a.zip | logstat report -"),
        ];
        assert_eq!(messages.len(), expected.len(), "{messages:#?}");
        for (message, expected) in messages.iter().zip(expected) {
            assert!(message.starts_with(&expected), "{message}\nexpected: {expected}");
        }
    }

    #[test]
    fn a_file_whose_name_looks_like_a_pattern_is_a_file() {
        let folder = folder(&["a[1].log", "a1.log"]);
        assert_eq!(listed(&found(&folder, &["a[1].log"]), &folder), [set("a[1].log", &["a[1].log"])]);
    }

    #[test]
    fn a_pipe_is_recognised_and_read_from_its_start() {
        let text = log_lines(20_000);
        let packed = pack(Compression::Zstd, &text);
        let (reader, mut writer) = io::pipe().unwrap();
        let writing = std::thread::spawn(move || writer.write_all(&packed).unwrap());
        let discovery = discover([format!("/proc/self/fd/{}", reader.as_raw_fd())]);
        let log = &discovery.sources[0].files[0];
        assert!(log.is_pipe() && log.compression() == Compression::Zstd && log.size() == 0);
        assert!(text.starts_with(&head(log, 1000).unwrap()));
        assert_eq!(head(log, 1000).unwrap().len(), 1000);
        let Input::Stream(stream) = open(log, &Limits::default(), &Progress::default()).unwrap() else {
            panic!("a pipe has no blocks in any order")
        };
        // Without this end, the pipe does not end for us either.
        drop(reader);
        let bytes: Vec<_> = stream.flat_map(|block| block.unwrap().block().bytes.to_vec()).collect();
        assert!(bytes == text);
        writing.join().unwrap();
    }
}
