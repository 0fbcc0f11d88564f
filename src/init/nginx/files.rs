//! Reads nginx's configuration with all that it includes, from files or from what `nginx -T` printed. Knows no
//! directive but `include`.

use super::super::found::{Note, Place};
use logstat_parsers::conf::ConfError;
use logstat_parsers::conf::nginx::{Arg, Directive, parse};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Files that include each other deeper than this include themselves in some roundabout way.
const MAX_DEPTH: usize = 16;
/// Two files that include each other twice would be read for ever.
const MAX_FILES: usize = 10_000;
/// What `nginx -T` puts before each file.
const MARKER: &str = "# configuration file ";

/// A directive with the file it stands in; in place of an `include` are the directives of its files.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) args: Vec<Arg>,
    pub(super) block: Option<Vec<Node>>,
    pub(super) place: Place,
}

/// A whole configuration.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Included files that could not be read.
    pub(super) notes: Vec<Note>,
    /// A file that nginx needs is missing here.
    pub(super) incomplete: bool,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("{}: {error}{}", path.display(), hint(error))]
    File { path: PathBuf, error: io::Error },
    #[error("{}: {message}\nhint: as root: nginx -T | logstat init --nginx -", path.display())]
    Dump { path: PathBuf, message: String },
    #[error("{}:{error}", path.display())]
    Syntax { path: PathBuf, error: ConfError },
}

/// Reads a configuration file; `-` is standard input. Either may hold what `nginx -T` printed.
pub(super) fn read(conf: &Path) -> Result<Tree, ReadError> {
    let failed = |error| ReadError::File { path: conf.to_owned(), error };
    let is_stdin = conf == Path::new("-");
    let text = if is_stdin { stdin() } else { text_of(conf) }.map_err(failed)?;
    let dump = dumped(&text);
    let path = if is_stdin { Path::new("standard input") } else { conf };
    if let Some(message) = undumped(&text).filter(|_| dump.is_empty()) {
        return Err(ReadError::Dump { path: path.to_owned(), message });
    }
    let (store, main) = match dump.first() {
        Some((main, _)) => (Store::Dump(&dump), *main),
        None => (Store::Disk, conf),
    };
    let main_text = dump.first().map_or(text.as_str(), |(_, text)| *text);
    let folder = main.parent().unwrap_or(Path::new("")).to_owned();
    let mut reader =
        Reader { store, folder, open: Vec::new(), files: 0, notes: Vec::new(), incomplete: false };
    let nodes = reader.file(main, main_text)?;
    Ok(Tree { nodes, notes: reader.notes, incomplete: reader.incomplete })
}

fn stdin() -> io::Result<String> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Comments may be in any encoding, and lines stay lines.
fn text_of(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

/// What nginx says on standard error: `nginx: …`, and `2026/11/21 …` for its log.
fn is_message(line: &str) -> bool {
    let is_date = |date: &str| date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/');
    line.starts_with("nginx: ") || line.get(..10).is_some_and(|date| is_date(date) && date.contains('/'))
}

/// Why `nginx -T` printed no file.
fn undumped(text: &str) -> Option<String> {
    let mut messages = text.lines().take_while(|line| is_message(line)).peekable();
    let first = *messages.peek().or(text.trim().is_empty().then_some(&"is empty"))?;
    let emergency = messages.find(|line| line.contains("[emerg]")).unwrap_or(first);
    Some(if text.trim().is_empty() { emergency.to_owned() } else { format!("nginx says: {emergency}") })
}

/// The files in the output of `nginx -T`; none if it is something else.
fn dumped(text: &str) -> Vec<(&Path, &str)> {
    let is_marker = |line: &str| line.starts_with(MARKER) && line.trim_end().ends_with(':');
    let mut files: Vec<(&Path, &str)> = Vec::new();
    let (mut at, mut start) = (0, 0);
    for line in text.split_inclusive('\n') {
        if is_marker(line) {
            if let Some((_, inside)) = files.last_mut() {
                *inside = &text[start..at];
            }
            let path = line.trim_end().trim_start_matches(MARKER).trim_end_matches(':');
            start = at + line.len();
            files.push((Path::new(path), &text[start..]));
        } else if files.is_empty() && !is_message(line) {
            return Vec::new();
        }
        at += line.len();
    }
    files
}

/// Where files come from.
enum Store<'t> {
    Disk,
    /// What `nginx -T` printed.
    Dump(&'t [(&'t Path, &'t str)]),
}

impl Store<'_> {
    fn text(&self, path: &Path) -> io::Result<String> {
        match self {
            Self::Disk => text_of(path),
            Self::Dump(files) => {
                let file = files.iter().find(|(name, _)| *name == path);
                file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
            }
        }
    }

    /// The files that a pattern names, in the order of glob(3) in the C locale, and the folders that cannot be read.
    fn matching(&self, pattern: &str) -> (Vec<PathBuf>, Vec<ReadError>) {
        // As glob(3): `*` stops at a slash and does not take hidden files.
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let (mut paths, mut errors) = (Vec::new(), Vec::new());
        match self {
            Self::Disk => {
                for path in glob::glob_with(pattern, options).into_iter().flatten() {
                    match path {
                        Ok(path) => paths.push(path),
                        Err(error) => {
                            let path = error.path().to_owned();
                            errors.push(ReadError::File { path, error: error.into() });
                        }
                    }
                }
                paths.sort_unstable();
            }
            Self::Dump(files) => {
                let pattern = glob::Pattern::new(pattern).unwrap_or_default();
                let matching = files.iter().filter(|(path, _)| pattern.matches_path_with(path, options));
                paths.extend(matching.map(|(path, _)| path.to_path_buf()));
            }
        }
        (paths, errors)
    }
}

struct Reader<'t> {
    store: Store<'t>,
    /// What relative includes are relative to: the folder of the main file, whichever file says it.
    folder: PathBuf,
    /// Files being read, from the outermost.
    open: Vec<PathBuf>,
    files: usize,
    notes: Vec<Note>,
    incomplete: bool,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, text: &str) -> Result<Vec<Node>, ReadError> {
        let directives = parse(text).map_err(|error| ReadError::Syntax { path: path.to_owned(), error })?;
        self.open.push(path.to_owned());
        let nodes = self.nodes(directives, path);
        self.open.pop();
        Ok(nodes)
    }

    fn nodes(&mut self, directives: Vec<Directive>, file: &Path) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(directives.len());
        for directive in directives {
            let place = Place { file: file.to_owned(), line: directive.at.line };
            match (directive.name.as_str(), directive.args.first()) {
                ("include", Some(pattern)) if directive.block.is_none() => {
                    nodes.extend(self.include(&pattern.value, &place));
                }
                _ => {
                    let block = directive.block.map(|block| self.nodes(block, file));
                    nodes.push(Node { name: directive.name, args: directive.args, block, place });
                }
            }
        }
        nodes
    }

    fn include(&mut self, pattern: &str, place: &Place) -> Vec<Node> {
        let full = self.folder.join(pattern);
        let (paths, errors) = match full.to_str().filter(|full| full.contains(['*', '?', '['])) {
            Some(pattern) => self.store.matching(pattern),
            None => (vec![full], Vec::new()),
        };
        self.incomplete |= !errors.is_empty();
        self.notes.extend(errors.iter().map(|error| error.note(place)));
        paths.iter().flat_map(|path| self.included(path, place)).collect()
    }

    /// A file that cannot be read costs its own logs, not all others.
    fn included(&mut self, path: &Path, place: &Place) -> Vec<Node> {
        self.files += 1;
        let refused = if self.open.iter().any(|open| open == path) {
            Some("a file includes itself")
        } else if self.open.len() == MAX_DEPTH || self.files > MAX_FILES {
            Some("too many files include each other")
        } else {
            None
        };
        if let Some(text) = refused {
            let text = format!("{}: {text}", path.display());
            self.notes.push(Note { place: Some(place.clone()), text, hint: None });
            return Vec::new();
        }
        let read = self.store.text(path).map_err(|error| ReadError::File { path: path.to_owned(), error });
        read.and_then(|text| self.file(path, &text)).unwrap_or_else(|error| {
            self.incomplete = true;
            self.notes.push(error.note(place));
            Vec::new()
        })
    }
}

impl ReadError {
    /// The error as something to know, with the `include` that led to it.
    fn note(&self, include: &Place) -> Note {
        match self {
            Self::File { path, error } => Note {
                place: Some(include.clone()),
                text: format!("{}: {error}", path.display()),
                hint: Some(hint(error).trim_start_matches("\nhint: ").to_owned())
                    .filter(|hint| !hint.is_empty()),
            },
            Self::Syntax { .. } | Self::Dump { .. } => {
                Note { place: None, text: self.to_string(), hint: None }
            }
        }
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "\nhint: run `sudo logstat init`, or `sudo nginx -T | logstat init --nginx -`"
        }
        _ => "",
    }
}
