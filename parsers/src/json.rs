//! One JSON object per line, read from the left without building anything. Knows no meaning of any key.
//!
//! Servers write their JSON with templates, so this takes what they write: bytes that are no UTF-8, `\xHH`, and bare
//! values that JSON does not know, or none at all (`"rt":,`).

use std::ops::Range;

use memchr::memchr2;

use crate::cursor::Cursor;
use crate::gather::{Fault, Gathering};
use crate::keyed::{NOWHERE, NodeId, ROOT};
use crate::prefix;
use crate::record::RejectKind;

/// Objects and lists within one another: deeper than any server writes, and little of a stack.
const MAX_NESTING: usize = 64;
/// Elements of a list that a path can name.
const MAX_ELEMENTS: usize = 100;

/// The object in a line without its syslog prefix. `None` if there is none. What container tools put before a message
/// is skipped by its form: a message of another kind may hold an object that a client wrote.
pub(crate) fn message(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_start();
    let text = prefix::skip_container(text).unwrap_or(text);
    (text.first() == Some(&b'{')).then_some(text)
}

/// Reads the object that begins at byte `from` of the line.
pub(crate) fn read(gathering: &mut Gathering<'_, '_, '_, '_>, from: usize) -> Result<(), Fault> {
    let mut scan = Scan { line: gathering.line, at: from, nesting: 0 };
    scan.object(ROOT, gathering)?;
    match scan.peek() {
        None => Ok(()),
        Some(_) => Err(shape(scan.at)),
    }
}

/// The first member of an object behind its `{` or `,`: the key, a plain value, and what follows that.
pub(crate) fn first_member(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let [b'{' | b',', rest @ ..] = text else { return None };
    let (key, rest) = plain_string(rest.trim_ascii_start())?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let (value, after) = match rest.first()? {
        b'"' => plain_string(rest)?,
        b'{' | b'[' => return None,
        _ => rest.split_at(rest.iter().position(|byte| matches!(byte, b',' | b'}'))?),
    };
    let after = after.trim_ascii_start();
    matches!(after.first(), Some(b',' | b'}')).then_some((key, value.trim_ascii_end(), after))
}

/// A string without a backslash, and what follows its quote.
fn plain_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let end = memchr2(b'"', b'\\', text).filter(|end| text[*end] == b'"')?;
    Some((&text[..end], &text[end + 1..]))
}

fn shape(byte: usize) -> Fault {
    Fault { kind: RejectKind::Shape, byte }
}

/// A place in a line.
struct Scan<'l> {
    line: &'l [u8],
    at: usize,
    nesting: usize,
}

impl<'l> Scan<'l> {
    /// The next byte that is no space.
    #[inline(always)]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.line.get(self.at) {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn cut(&self) -> Fault {
        Fault { kind: RejectKind::Cut, byte: self.line.len() }
    }

    /// The next byte that is no space, which has to be this one.
    #[inline(always)]
    fn expect(&mut self, wanted: u8) -> Result<(), Fault> {
        match self.peek() {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(shape(self.at)),
            None => Err(self.cut()),
        }
    }

    /// Goes into an object or a list.
    fn enter(&mut self) -> Result<(), Fault> {
        if self.nesting == MAX_NESTING {
            return Err(shape(self.at));
        }
        self.nesting += 1;
        self.at += 1;
        Ok(())
    }

    fn object(&mut self, node: NodeId, into: &mut Gathering<'_, '_, '_, 'l>) -> Result<(), Fault> {
        self.enter()?;
        while self.peek() != Some(b'}') {
            self.expect(b'"')?;
            let key = self.string().ok_or(self.cut())?;
            self.expect(b':')?;
            let child = if node == NOWHERE { NOWHERE } else { into.map.child(node, &self.line[key]) };
            self.value(child, b'}', into)?;
            self.separator(b'}')?;
        }
        self.leave();
        Ok(())
    }

    fn list(&mut self, node: NodeId, into: &mut Gathering<'_, '_, '_, 'l>) -> Result<(), Fault> {
        self.enter()?;
        let mut element = 0;
        while self.peek() != Some(b']') {
            let child = if node == NOWHERE { NOWHERE } else { child_of_list(node, element, into) };
            self.value(child, b']', into)?;
            self.separator(b']')?;
            element += 1;
        }
        self.leave();
        Ok(())
    }

    fn leave(&mut self) {
        self.nesting -= 1;
        self.at += 1;
    }

    /// The comma behind a value, unless its object or list ends.
    fn separator(&mut self, close: u8) -> Result<(), Fault> {
        let behind = self.at;
        match self.peek() {
            Some(b',') => self.at += 1,
            Some(byte) if byte == close => {}
            None => return Err(self.cut()),
            // A quote that the server did not escape ended the text too early.
            Some(_) if self.line[behind - 1] == b'"' => return Err(shape(behind - 1)),
            Some(_) => return Err(shape(self.at)),
        }
        Ok(())
    }

    fn value(&mut self, node: NodeId, close: u8, into: &mut Gathering<'_, '_, '_, 'l>) -> Result<(), Fault> {
        let (place, is_whole) = match self.peek() {
            None => return Err(self.cut()),
            Some(b'{') => return self.object(node, into),
            Some(b'[') => return self.list(node, into),
            Some(b'"') => {
                self.at += 1;
                let from = self.at;
                self.string().map_or((from..self.line.len(), false), |place| (place, true))
            }
            Some(_) => (self.bare(close)?, true),
        };
        match into.map.path(node) {
            Some(path) if is_whole => into.take(path, place)?,
            Some(path) => into.take_cut(path, place)?,
            None => {}
        }
        if is_whole { Ok(()) } else { Err(self.cut()) }
    }

    /// What is between the quote before this place and the next that no backslash escapes. `None` if there is none.
    #[inline(always)]
    fn string(&mut self) -> Option<Range<usize>> {
        let from = self.at;
        let rest = Cursor::new(self.line.get(from..)?);
        if let Some(length) = rest.find_near(b'"')
            && self.line[from + length - 1] != b'\\'
        {
            self.at += length + 1;
            return Some(from..from + length);
        }
        loop {
            self.at += memchr2(b'"', b'\\', self.line.get(self.at..)?)?;
            if self.line[self.at] == b'"' {
                self.at += 1;
                return Some(from..self.at - 1);
            }
            self.at += 2;
        }
    }

    /// A value without quotes: a number, a word, one of nginx's lists, or nothing, as which `null` and `false` count.
    fn bare(&mut self, close: u8) -> Result<Range<usize>, Fault> {
        let from = self.at;
        let mut end = from;
        loop {
            match self.line.get(self.at) {
                None => return Err(self.cut()),
                Some(b',') if self.ends_value(close) => break,
                Some(byte) if *byte == close => break,
                Some(b'"' | b'\\' | b'{' | b'}' | b'[' | b']') => return Err(shape(self.at)),
                Some(byte) => {
                    self.at += 1;
                    if !byte.is_ascii_whitespace() {
                        end = self.at;
                    }
                }
            }
        }
        let is_missing = matches!(&self.line[from..end], b"null" | b"false");
        Ok(from..if is_missing { from } else { end })
    }

    /// Whether the comma here is JSON's: in an object a key follows, while in `"t":0.012, 0.034` the list goes on.
    fn ends_value(&self, close: u8) -> bool {
        let after = match &self.line[self.at + 1..] {
            [b' ', after @ ..] | after => after.first(),
        };
        close == b']' || matches!(after, None | Some(b'"' | b'}' | b' ' | b'\t'))
    }
}

/// Where the element of a list leads.
fn child_of_list(node: NodeId, element: usize, into: &Gathering<'_, '_, '_, '_>) -> NodeId {
    let digit = |number: usize| b'0' + (number % 10) as u8;
    match element {
        0..10 => into.map.child(node, &[digit(element)]),
        10..MAX_ELEMENTS => into.map.child(node, &[digit(element / 10), digit(element)]),
        _ => NOWHERE,
    }
}
