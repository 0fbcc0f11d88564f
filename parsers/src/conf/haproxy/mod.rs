//! `haproxy.cfg` to sections, lines and words. Knows sections, variables and conditional blocks; gives no keyword a
//! meaning.
//!
//! <https://docs.haproxy.org/3.2/configuration.html#2>

mod condition;
mod environment;
mod words;

pub use environment::Environment;

use super::{ConfError, Position};
use words::{Mistake, Part, Variable, Written};

/// Every keyword that begins a section, up to HAProxy 3.4. HAProxy, too, takes any other for a line of the section before.
const SECTIONS: [&str; 21] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "acme",
    "cache",
    "crt-store",
    "fcgi-app",
    "healthcheck",
    "http-errors",
    "log-forward",
    "log-profile",
    "mailers",
    "namespace_list",
    "peers",
    "program",
    "resolvers",
    "ring",
    "traces",
    "userlist",
];
/// Blocks in each other, as in HAProxy.
const MAX_BLOCKS: usize = 100;

/// What stands in one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    #[expect(missing_docs)]
    pub sections: Vec<Section>,
    /// What is odd, but no mistake.
    pub remarks: Vec<Remark>,
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `frontend www from web`, for instance.
    pub header: Line,
    /// What stands below it, without the branches that do not hold.
    pub lines: Vec<Line>,
}

/// The words of a line; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// Without quotes and escapes, and with the values of variables.
    pub words: Vec<Word>,
}

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    #[expect(missing_docs)]
    pub text: String,
    /// From 1, in characters.
    pub column: usize,
}

/// Something odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// From 1.
    pub line: usize,
    /// A lowercase fragment.
    pub text: String,
}

impl Line {
    /// The word at this place, or an empty one, as HAProxy has it.
    #[must_use]
    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| word.text.as_str())
    }

    /// All words from this place on, by single spaces.
    #[must_use]
    pub fn words_from(&self, at: usize) -> String {
        let texts: Vec<&str> = self.words.iter().skip(at).map(|word| word.text.as_str()).collect();
        texts.join(" ")
    }
}

impl Section {
    /// `global`, `frontend` …
    #[must_use]
    pub fn kind(&self) -> &str {
        self.header.word(0)
    }

    /// Empty where it has none: `defaults`, `defaults from web`.
    #[must_use]
    pub fn name(&self) -> &str {
        let named = self.header.word(1) != "from" || self.header.words.len() != 3;
        if named { self.header.word(1) } else { "" }
    }

    /// The `defaults` section that is named by `from`.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        let at = if self.name().is_empty() { 1 } else { 2 };
        (self.header.word(at) == "from").then(|| self.header.word(at + 1))
    }
}

/// Reads a file. What `setenv` sets in it is in `environment` afterwards, since it holds for the next file too.
///
/// # Errors
/// At what HAProxy would not read either: an open quote, a keyword before any section, a block without its end.
pub fn parse(text: &str, environment: &mut Environment<'_>) -> Result<File, ConfError> {
    let mut reader = Reader { text, environment, file: File::default(), blocks: Vec::new() };
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        reader.line(index + 1, start, line)?;
        start += line.len();
    }
    match reader.blocks.last() {
        Some(open) => Err(reader.error(open.start, "`.if` without its `.endif`", None)),
        None => Ok(reader.file),
    }
}

struct Reader<'t, 'e, 'l> {
    text: &'t str,
    environment: &'e mut Environment<'l>,
    file: File,
    /// The open ones, the innermost last.
    blocks: Vec<Block>,
}

/// A conditional block.
struct Block {
    /// Byte of its `.if`.
    start: usize,
    branch: Branch,
    after_else: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    Taken,
    /// Left out; one of the next may be taken.
    Searching,
    /// Left out, like all that follow.
    Over,
}

impl Reader<'_, '_, '_> {
    fn line(&mut self, number: usize, start: usize, line: &str) -> Result<(), ConfError> {
        // HAProxy's line ends at the first of either.
        let line = line.split(['\n', '\r']).next().unwrap_or_default();
        // `[name]` begins a scope, which is only a name for what follows.
        if line.trim_start().starts_with('[') {
            return Ok(());
        }
        let written = words::words(line).map_err(|(at, mistake)| self.mistake(start + at, mistake))?;
        let words = self.expand(&written, number, line);
        let line = Line { number, words };
        match line.words.first() {
            None => Ok(()),
            Some(first) if first.text.starts_with('.') => self.directive(start + written[0].at, &line),
            Some(_) if self.left_out() => Ok(()),
            Some(first) if SECTIONS.contains(&first.text.as_str()) => {
                self.environment.section = line.words[usize::from(line.words.len() > 1)].text.clone();
                self.file.sections.push(Section { header: line, lines: Vec::new() });
                Ok(())
            }
            Some(_) => self.keyword(start + written[0].at, line),
        }
    }

    fn keyword(&mut self, at: usize, line: Line) -> Result<(), ConfError> {
        let Some(section) = self.file.sections.last_mut() else {
            let message = format!("keyword `{}` outside a section", line.word(0));
            let hint = "a file begins with `global`, `defaults`, `frontend` or the like";
            return Err(self.error(at, &message, Some(hint)));
        };
        if section.kind() == "global" {
            self.environment.change(&line);
        }
        section.lines.push(line);
        Ok(())
    }

    fn left_out(&self) -> bool {
        self.blocks.last().is_some_and(|block| block.branch != Branch::Taken)
    }

    /// `.if` and its like.
    fn directive(&mut self, at: usize, line: &Line) -> Result<(), ConfError> {
        match line.word(0) {
            ".if" if self.blocks.len() == MAX_BLOCKS => {
                return Err(self.error(at, "too many blocks in each other", None));
            }
            ".if" => {
                let branch = if self.left_out() { Branch::Over } else { self.choose(line) };
                self.blocks.push(Block { start: at, branch, after_else: false });
            }
            name @ (".elif" | ".else") => {
                let Some(block) = self.blocks.last().filter(|block| !block.after_else) else {
                    return Err(self.error(at, &format!("`{name}` without its `.if`"), None));
                };
                let branch = match block.branch {
                    Branch::Taken | Branch::Over => Branch::Over,
                    Branch::Searching if name == ".else" => Branch::Taken,
                    Branch::Searching => self.choose(line),
                };
                if let Some(block) = self.blocks.last_mut() {
                    (block.branch, block.after_else) = (branch, name == ".else");
                }
            }
            ".endif" => {
                if self.blocks.pop().is_none() {
                    return Err(self.error(at, "`.endif` without its `.if`", None));
                }
            }
            _ if self.left_out() => {}
            ".notice" | ".diag" | ".warning" => {}
            ".alert" => self.remark(line.number, format!("HAProxy stops here: {}", line.words_from(1))),
            name => self.remark(line.number, format!("unknown directive `{name}`")),
        }
        Ok(())
    }

    fn choose(&mut self, line: &Line) -> Branch {
        let condition = line.words_from(1);
        let truth = condition::evaluate(&condition, self.environment);
        if truth.assumed {
            let taken = if truth.holds { "assumed to hold" } else { "assumed not to hold" };
            self.remark(line.number, format!("condition `{condition}` is {taken}"));
        }
        if truth.holds { Branch::Taken } else { Branch::Searching }
    }

    fn expand(&mut self, written: &[Written<'_>], number: usize, line: &str) -> Vec<Word> {
        let mut words = Vec::with_capacity(written.len());
        for word in written {
            let column = line[..word.at].chars().count() + 1;
            let mut texts = Texts::default();
            for part in &word.parts {
                match part {
                    Part::Text(text) => texts.push(text.as_bytes()),
                    Part::Byte(byte) => texts.push(&[*byte]),
                    Part::Variable(variable) if variable.as_words => {
                        texts.push_words(&self.value(variable, number));
                    }
                    Part::Variable(variable) => texts.push(self.value(variable, number).as_bytes()),
                }
            }
            words.extend(texts.finish().map(|text| Word { text, column }));
        }
        words
    }

    /// The value of a variable, else its default, else nothing.
    fn value(&mut self, variable: &Variable<'_>, number: usize) -> String {
        let value = self.environment.expand(variable.name, number);
        let value = value.or_else(|| variable.default.map(str::to_owned));
        if value.is_none() && !self.left_out() {
            self.remark(number, format!("variable `{}` is not set", variable.name));
        }
        value.unwrap_or_default()
    }

    fn remark(&mut self, line: usize, text: String) {
        self.file.remarks.push(Remark { line, text });
    }

    fn mistake(&self, at: usize, mistake: Mistake) -> ConfError {
        let (message, hint) = match mistake {
            Mistake::Quote => (
                "the quote that begins here has no end",
                "a quote ends on its line; write \\\" or \\' for a plain one",
            ),
            Mistake::Brace => {
                ("the brace that begins here has no end", "write \"${NAME}\", and \\$ for a plain dollar")
            }
            Mistake::VariableName => {
                ("no variable name after `$`", "write \\$ for a plain dollar in double quotes")
            }
            Mistake::Expansion => ("only `[*]` may follow the name of a variable", "write \"${NAME[*]}\""),
            Mistake::Hex => ("no two hexadecimal digits after `\\x`", "write \\\\ for a plain backslash"),
        };
        self.error(at, message, Some(hint))
    }

    /// An error at this byte of the file.
    fn error(&self, at: usize, message: &str, hint: Option<&str>) -> ConfError {
        let error = ConfError::new(self.text, Position::of(self.text, at), message);
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// The words that a written word becomes: none, one, or several by `[*]`.
#[derive(Default)]
struct Texts {
    done: Vec<Vec<u8>>,
    open: Option<Vec<u8>>,
}

impl Texts {
    fn push(&mut self, bytes: &[u8]) {
        self.open.get_or_insert_default().extend_from_slice(bytes);
    }

    fn push_words(&mut self, value: &str) {
        for (index, word) in value.split(|c: char| c.is_ascii_whitespace()).enumerate() {
            if index > 0 {
                self.done.extend(self.open.take());
            }
            if !word.is_empty() {
                self.push(word.as_bytes());
            }
        }
    }

    fn finish(mut self) -> impl Iterator<Item = String> {
        self.done.extend(self.open.take());
        self.done.into_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }
}
