//! The grammar of `nginx.conf`, as `ngx_conf_file.c` reads it: directives, their arguments, blocks. Follows no
//! `include`.
//!
//! ```
//! let conf = logstat_parsers::conf::nginx::parse("http {\n  access_log '/var/log/a b.log';\n}")?;
//! let access_log = &conf[0].block.as_deref().unwrap_or_default()[0];
//! assert_eq!(access_log.args[0].value, "/var/log/a b.log");
//! assert_eq!(access_log.at.line, 2);
//! # Ok::<(), logstat_parsers::conf::ConfError>(())
//! ```

use nom::IResult;
use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while};
use nom::character::complete::{anychar, char, none_of, one_of};
use nom::combinator::{recognize, value};
use nom::multi::{many0_count, many1_count};
use nom::sequence::{delimited, preceded};

use super::{ConfError, Position, lua};

/// Blocks within blocks; locations nest, but not like this.
const MAX_DEPTH: usize = 64;

/// Directives that end with a `;` and take few arguments. At the beginning of a line, inside another directive, one of
/// them says that the `;` of the line before is missing.
const SIMPLE: [&str; 24] = [
    "access_log",
    "add_header",
    "client_max_body_size",
    "default_type",
    "error_log",
    "error_page",
    "fastcgi_pass",
    "include",
    "keepalive_timeout",
    "listen",
    "log_format",
    "proxy_pass",
    "proxy_set_header",
    "return",
    "rewrite",
    "root",
    "sendfile",
    "server_name",
    "server_names_hash_max_size",
    "ssl_certificate",
    "ssl_certificate_key",
    "try_files",
    "worker_connections",
    "worker_processes",
];
/// Directives with a block that says the same.
const BLOCKS: [&str; 3] = ["location", "server", "upstream"];
/// Directives that take any words and as many as there are, so that nginx takes these too.
const ANY_WORDS: [&str; 12] = [
    "add_header",
    "env",
    "error_page",
    "if",
    "index",
    "log_format",
    "server_name",
    "set",
    "try_files",
    "gzip_types",
    "proxy_next_upstream",
    "valid_referers",
];
/// Blocks that hold values, and no directives.
const TABLES: [&str; 5] = ["charset_map", "geo", "map", "split_clients", "types"];

/// `name args… ;` or `name args… { block }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The first word.
    pub name: String,
    /// The further words.
    pub args: Vec<Arg>,
    /// What stands between the braces; empty for a block of Lua.
    pub block: Option<Vec<Directive>>,
    /// Where the name begins.
    pub at: Position,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arg {
    /// Without quotes, and with `\"`, `\'`, `\\`, `\t`, `\r` and `\n` undone, as nginx's modules get it.
    pub value: String,
    /// As it stands, without the quotes around it.
    pub raw: String,
    /// Where `raw` begins.
    pub at: Position,
}

/// Takes a file apart.
///
/// # Errors
/// Where nginx would refuse the file too: a quote, a block or a directive without an end, a `}` too many, the `;` of a
/// line left out.
pub fn parse(text: &str) -> Result<Vec<Directive>, ConfError> {
    let mut reader = Reader { text, rest: text, at: Position::START, words: Vec::new(), levels: Vec::new() };
    let mut top = Vec::new();
    while let Some(byte) = reader.next_byte() {
        match byte {
            b';' => {
                let directive = reader.directive(";", None)?;
                reader.level(&mut top).push(directive);
                reader.skip(1);
            }
            b'{' => reader.open(&mut top)?,
            b'}' => reader.close(&mut top)?,
            _ => reader.word()?,
        }
    }
    reader.end()?;
    Ok(top)
}

/// A block that is not closed yet.
struct Level {
    head: Directive,
    block: Vec<Directive>,
}

struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
    /// The last place asked for.
    at: Position,
    /// Words of the directive being read.
    words: Vec<Arg>,
    levels: Vec<Level>,
}

impl<'t> Reader<'t> {
    /// The first byte behind white space and comments.
    fn next_byte(&mut self) -> Option<u8> {
        if let Ok((rest, _)) = blank(self.rest) {
            self.rest = rest;
        }
        self.rest.bytes().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn here(&mut self) -> Position {
        self.at = self.at.advanced(self.text, self.text.len() - self.rest.len());
        self.at
    }

    fn error(&self, at: Position, message: impl Into<String>) -> ConfError {
        ConfError::new(self.text, at, message)
    }

    fn level<'l>(&'l mut self, top: &'l mut Vec<Directive>) -> &'l mut Vec<Directive> {
        self.levels.last_mut().map_or(top, |level| &mut level.block)
    }

    fn word(&mut self) -> Result<(), ConfError> {
        let at = self.here();
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let parsed = match quote {
            Some('"') => double_quoted(self.rest),
            Some(_) => single_quoted(self.rest),
            None => bare(self.rest),
        };
        let Ok((rest, raw)) = parsed else {
            return Err(match quote {
                Some(quote) => self.error(at, format!("no closing {quote} for the one that opens here")),
                None => self.error(at, "unexpected end of file behind `\\`"),
            });
        };
        let start = self.text.len() - self.rest.len() + usize::from(quote.is_some());
        self.words.push(Arg {
            value: unescaped(raw),
            raw: raw.to_owned(),
            at: at.advanced(self.text, start),
        });
        self.rest = rest;
        self.after_quote(quote)
    }

    /// nginx wants something between a closing quote and the next word.
    fn after_quote(&mut self, quote: Option<char>) -> Result<(), ConfError> {
        let next = self.rest.chars().next().filter(|c| !" \t\r\n;{)".contains(*c));
        match (quote, next) {
            (Some(quote), Some(next)) => {
                let at = self.here();
                Err(self
                    .error(at, format!("unexpected `{next}` behind a closing {quote}"))
                    .with_hint(format!("write a {quote} inside quotes as \\{quote}, or put a space here")))
            }
            _ => Ok(()),
        }
    }

    /// The directive whose words are complete.
    fn directive(&mut self, end: &str, block: Option<Vec<Directive>>) -> Result<Directive, ConfError> {
        self.runs_on(block.is_some())?;
        let mut words = std::mem::take(&mut self.words).into_iter();
        match words.next() {
            Some(name) => Ok(Directive { name: name.value, at: name.at, args: words.collect(), block }),
            None => {
                let at = self.here();
                Err(self.error(at, format!("unexpected `{end}`: no directive before it")))
            }
        }
    }

    /// Without the `;` of a line, the next line is read as arguments.
    fn runs_on(&self, has_block: bool) -> Result<(), ConfError> {
        let Some(name) = self.words.first() else { return Ok(()) };
        let in_table = self.levels.last().is_some_and(|level| TABLES.contains(&level.head.name.as_str()));
        if in_table || self.is_quoted(name) {
            return Ok(());
        }
        let is_simple = |word: &Arg| SIMPLE.contains(&word.value.as_str());
        let begins_another = |word: &Arg| is_simple(word) || BLOCKS.contains(&word.value.as_str());
        // With a block behind it, any simple directive is wrong, and with it the first line that runs on.
        let wrong_block = has_block && is_simple(name);
        let takes_any = ANY_WORDS.contains(&name.value.as_str()) && !wrong_block;
        let next = self.words.windows(2).find(|pair| {
            let is_next_line = self.end_of(&pair[0]).line < pair[1].at.line;
            is_next_line
                && !takes_any
                && !self.is_quoted(&pair[1])
                && (begins_another(&pair[1]) || wrong_block)
        });
        let message = match (next, self.words.last()) {
            (Some([_, word]), _) => {
                format!("no `;` at the end of this line: `{}` runs on into `{}`", name.value, word.value)
            }
            (None, Some(_)) if wrong_block => format!("no `;` here: `{}` has no block", name.value),
            _ => return Ok(()),
        };
        let last = next.map(|pair| &pair[0]).or(self.words.last()).unwrap_or(name);
        Err(self.error(self.end_of(last), message))
    }

    fn is_quoted(&self, word: &Arg) -> bool {
        self.text[..word.at.byte].ends_with(['"', '\''])
            && self.text[self.raw_end(word)..].starts_with(['"', '\''])
    }

    fn raw_end(&self, word: &Arg) -> usize {
        word.at.byte + word.raw.len()
    }

    /// Behind a word, with its closing quote.
    fn end_of(&self, word: &Arg) -> Position {
        let end = self.raw_end(word) + usize::from(self.is_quoted(word));
        word.at.advanced(self.text, end)
    }

    fn open(&mut self, top: &mut Vec<Directive>) -> Result<(), ConfError> {
        let at = self.here();
        let head = self.directive("{", Some(Vec::new()))?;
        self.skip(1);
        if head.name.ends_with("_by_lua_block") {
            let Some(rest) = lua::after_block(self.rest) else {
                return Err(self.error(at, format!("`{}` is not closed by a `}}`", head.name)));
            };
            self.rest = rest;
            self.level(top).push(head);
            return Ok(());
        }
        if self.levels.len() == MAX_DEPTH {
            return Err(self.error(at, format!("more than {MAX_DEPTH} blocks within each other")));
        }
        self.levels.push(Level { head, block: Vec::new() });
        Ok(())
    }

    fn close(&mut self, top: &mut Vec<Directive>) -> Result<(), ConfError> {
        if let Some(first) = self.words.first() {
            return Err(self.error(first.at, format!("no `;` behind `{}`", first.value)));
        }
        let Some(Level { mut head, block }) = self.levels.pop() else {
            let at = self.here();
            return Err(self.error(at, "unexpected `}`: no block is open"));
        };
        head.block = Some(block);
        self.skip(1);
        self.level(top).push(head);
        Ok(())
    }

    fn end(&self) -> Result<(), ConfError> {
        if let Some(first) = self.words.first() {
            let message = format!("unexpected end of file: no `;` behind `{}`", first.value);
            return Err(self.error(first.at, message));
        }
        match self.levels.last() {
            Some(Level { head, .. }) => {
                let message = format!("unexpected end of file: the block of `{}` is not closed", head.name);
                Err(self.error(head.at, message))
            }
            None => Ok(()),
        }
    }
}

/// White space, and comments, which begin only where a word could.
fn blank(text: &str) -> IResult<&str, usize> {
    let space = value((), one_of(" \t\r\n"));
    let comment = value((), (char('#'), take_while(|c| c != '\n')));
    many0_count(alt((space, comment))).parse(text)
}

fn double_quoted(text: &str) -> IResult<&str, &str> {
    delimited(char('"'), recognize(many0_count(alt((escaped, none_of("\"\\"))))), char('"')).parse(text)
}

fn single_quoted(text: &str) -> IResult<&str, &str> {
    delimited(char('\''), recognize(many0_count(alt((escaped, none_of("'\\"))))), char('\'')).parse(text)
}

/// A word without quotes around it: quotes, `#` and `}` within are as any other character, and so is the `{` of `${`.
fn bare(text: &str) -> IResult<&str, &str> {
    let braced = value('$', tag("${"));
    recognize(many1_count(alt((braced, escaped, none_of(" \t\r\n;{\\"))))).parse(text)
}

fn escaped(text: &str) -> IResult<&str, char> {
    preceded(char('\\'), anychar).parse(text)
}

/// Only these escapes mean something; the backslash of any other stays.
fn unescaped(raw: &str) -> String {
    let (mut value, mut rest) = (String::with_capacity(raw.len()), raw);
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        let mut after = rest[at + 1..].chars();
        match after.next() {
            Some(c @ ('"' | '\'' | '\\')) => value.push(c),
            Some('t') => value.push('\t'),
            Some('r') => value.push('\r'),
            Some('n') => value.push('\n'),
            Some(c) => value.extend(['\\', c]),
            None => value.push('\\'),
        }
        rest = after.as_str();
    }
    value.push_str(rest);
    value
}
