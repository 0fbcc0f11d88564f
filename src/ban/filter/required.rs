//! Texts of which any match of a test contains one, so that most records are told apart without running the test.
//! Compiles no matcher.
//!
//! Everything is folded to small letters: what is found is a may-be, and the test decides.

use super::expression::Test;
use super::matcher::MAX_PATTERN_DEPTH;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Texts that a part of a pattern is written out to.
const MAX_WORDS: usize = 128;
/// Texts that a whole pattern may ask for.
const MAX_REQUIRED: usize = 1_024;
/// Bytes that a class is written out to.
const MAX_CLASS: usize = 16;
/// A single byte is in too many texts to look for.
const SHORTEST: usize = 2;

type Words = Vec<Vec<u8>>;

/// One of these is in every text that the test holds of. `None` if that is not known, or would be in nearly any text.
pub(crate) fn words(test: &Test) -> Option<Words> {
    let mut words = match test {
        Test::Text(_, _, values) => values.iter().map(|value| value.to_ascii_lowercase()).collect(),
        Test::Pattern(field, pattern) => {
            let mut parser = ParserBuilder::new();
            parser.unicode(false).utf8(false).nest_limit(MAX_PATTERN_DEPTH);
            let pattern = parser.case_insensitive(field.ignores_case()).build().parse(pattern).ok()?;
            Known::of(&pattern).required?
        }
        Test::Number(..) | Test::Order(..) | Test::Static | Test::Missing(_) => return None,
    };
    words.sort_unstable_by_key(Vec::len);
    let mut kept: Words = Vec::new();
    for word in words {
        if !kept.iter().any(|shorter| memchr::memmem::find(&word, shorter).is_some()) {
            kept.push(word);
        }
    }
    let is_short = |word: &Vec<u8>| word.len() < SHORTEST;
    (!kept.is_empty() && kept.len() <= MAX_REQUIRED && !kept.iter().any(is_short)).then_some(kept)
}

/// Of a byte that hardly any request has.
pub(crate) const RAREST: u32 = 5;

/// How seldom a byte is in requests, roughly.
pub(crate) fn rarity(byte: u8) -> u32 {
    match byte.to_ascii_lowercase() {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b'/' | b'.' | b'-' | b'=' | b'&' => 1,
        b'j' | b'k' | b'q' | b'v' | b'w' | b'x' | b'z' | b'%' | b'+' => 3,
        b'a'..=b'z' | b'0'..=b'9' | b'_' | b' ' => 2,
        _ => RAREST,
    }
}

/// What is known of the texts that a part of a pattern matches.
struct Known {
    /// All of them, if they are few.
    exact: Option<Words>,
    /// One of these is in each of them.
    required: Option<Words>,
}

impl Known {
    fn nothing() -> Self {
        Self { exact: None, required: None }
    }

    fn exactly(words: Words) -> Self {
        let required = required(words.clone());
        Self { exact: Some(words), required }
    }

    fn of(pattern: &Hir) -> Self {
        match pattern.kind() {
            // Where in the text does not matter here.
            HirKind::Empty | HirKind::Look(_) => Self::exactly(vec![Vec::new()]),
            HirKind::Literal(literal) => Self::exactly(vec![literal.0.to_ascii_lowercase()]),
            HirKind::Class(class) => class_words(class).map_or_else(Self::nothing, Self::exactly),
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Repetition(repetition) => Self::of_repetition(repetition),
            HirKind::Concat(parts) => Self::of_sequence(parts),
            HirKind::Alternation(parts) => Self::of_alternatives(parts),
        }
    }

    fn of_alternatives(parts: &[Hir]) -> Self {
        let parts: Vec<_> = parts.iter().map(Self::of).collect();
        let all = |words: fn(&Self) -> Option<&Words>, most: usize| {
            let words: Option<Vec<_>> = parts.iter().map(words).collect();
            words
                .map(|words| words.into_iter().flatten().cloned().collect::<Words>())
                .filter(|words| words.len() <= most)
        };
        Self {
            exact: all(|part| part.exact.as_ref(), MAX_WORDS),
            required: all(|part| part.required.as_ref(), MAX_REQUIRED),
        }
    }

    fn of_repetition(repetition: &Repetition) -> Self {
        let inner = Self::of(&repetition.sub);
        let exact = match (&inner.exact, repetition.min, repetition.max) {
            (Some(words), 0, Some(1)) => Some(words.iter().cloned().chain([Vec::new()]).collect())
                .filter(|words: &Words| words.len() <= MAX_WORDS),
            (Some(words), min, Some(max)) if min == max && min <= 8 => {
                (0..min).try_fold(vec![Vec::new()], |before, _| product(&before, words))
            }
            _ => None,
        };
        match exact {
            Some(words) => Self::exactly(words),
            None if repetition.min > 0 => Self { exact: None, required: inner.required },
            None => Self::nothing(),
        }
    }

    fn of_sequence(parts: &[Hir]) -> Self {
        let mut run = Run::new();
        for part in parts {
            run.take(part);
        }
        if run.is_whole && run.closed.is_empty() {
            return Self::exactly(run.open);
        }
        run.end();
        Self { exact: None, required: run.best }
    }
}

/// Neighbouring parts of a sequence, written out.
struct Run {
    /// What the texts are up to here.
    open: Words,
    /// What others begin with, of which no more is known.
    closed: Words,
    /// The run is all of the sequence so far.
    is_whole: bool,
    /// The best that earlier runs, or single parts, require.
    best: Option<Words>,
}

impl Run {
    fn new() -> Self {
        Self { open: vec![Vec::new()], closed: Vec::new(), is_whole: true, best: None }
    }

    fn take(&mut self, part: &Hir) {
        let known = Known::of(part);
        if let Some(words) = known.exact {
            if let Some(open) = product(&self.open, &words) {
                self.open = open;
            } else {
                self.end();
                self.open = words;
            }
            return;
        }
        let repeated = match part.kind() {
            HirKind::Repetition(repetition) if repetition.min <= 1 => {
                Known::of(&repetition.sub).exact.map(|words| (repetition.min, words))
            }
            _ => None,
        };
        if let Some((min, words)) = repeated
            && self.repeat(min, &words).is_some()
        {
            return;
        }
        self.end();
        self.offer(known.required);
    }

    /// Either it comes no more, and what is behind it follows, or it comes once more.
    fn repeat(&mut self, min: u32, words: &Words) -> Option<()> {
        let open = if min == 0 { self.open.clone() } else { product(&self.open, words)? };
        let more = product(&open, words)?;
        if self.closed.len() + more.len() + open.len() > MAX_WORDS {
            return None;
        }
        self.closed.extend(more);
        self.open = open;
        Some(())
    }

    fn end(&mut self) {
        let mut words = std::mem::replace(&mut self.open, vec![Vec::new()]);
        words.append(&mut self.closed);
        self.is_whole = false;
        self.offer(required(words));
    }

    fn offer(&mut self, words: Option<Words>) {
        let worth = |words: &Words| {
            let rarest = words.iter().map(|word| word.iter().copied().map(rarity).sum::<u32>()).min();
            (rarest, std::cmp::Reverse(words.len()))
        };
        if let Some(words) = words
            && self.best.as_ref().is_none_or(|best| worth(&words) > worth(best))
        {
            self.best = Some(words);
        }
    }
}

/// Whether one of the words must be there: not if one of them is nothing.
fn required(words: Words) -> Option<Words> {
    (!words.is_empty() && !words.iter().any(Vec::is_empty)).then_some(words)
}

fn product(before: &Words, behind: &Words) -> Option<Words> {
    if before.len() * behind.len() > MAX_WORDS {
        return None;
    }
    let joined =
        before.iter().flat_map(|start| behind.iter().map(move |end| [&start[..], &end[..]].concat()));
    Some(joined.collect())
}

fn class_words(class: &Class) -> Option<Words> {
    let class = match class {
        Class::Bytes(class) => class.clone(),
        Class::Unicode(class) => class.to_byte_class()?,
    };
    let size: usize = class.iter().map(|range| usize::from(range.end() - range.start()) + 1).sum();
    if size == 0 || size > MAX_CLASS * 2 {
        return None;
    }
    let bytes = class.iter().flat_map(|range| range.start()..=range.end());
    let mut words: Words = bytes.map(|byte| vec![byte.to_ascii_lowercase()]).collect();
    words.sort_unstable();
    words.dedup();
    (words.len() <= MAX_CLASS).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::super::word::Field;
    use super::*;
    use proptest::prelude::*;

    fn of(pattern: &str) -> Option<Vec<String>> {
        let words = words(&Test::Pattern(Field::Path, pattern.to_owned()))?;
        let mut words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        words.sort_unstable();
        Some(words)
    }

    fn is(pattern: &str, expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(of(pattern), Some(expected), "{pattern}");
    }

    #[test]
    fn what_a_pattern_cannot_do_without() {
        is("(?i)/ENV", &["/env"]);
        is("^/(a|b)c?d$", &["/acd", "/ad", "/bcd", "/bd"]);
        is("[^x]union[^x]", &["union"]);
        is("(win\\.ini|proc)+", &["proc", "win.ini"]);
        is(
            "'(\\+| )*(or|and)[0-9]",
            &[
                "' ", "'+", "'and0", "'and1", "'and2", "'and3", "'and4", "'and5", "'and6", "'and7", "'and8",
                "'and9", "'or0", "'or1", "'or2", "'or3", "'or4", "'or5", "'or6", "'or7", "'or8", "'or9",
            ],
        );
        is("\\.sql(\\.gz)?$", &[".sql"]);
        is("ab.*<script>", &["<script>"]);
        is("(ab){2}x?", &["abab"]);
    }

    #[test]
    fn what_may_be_anything_requires_nothing() {
        for pattern in ["", "\\d+", "a", "ab|", "(ab)*", ".", "ab|c", "(ab)?", "[^/]*", "^$"] {
            assert_eq!(of(pattern), None, "{pattern}");
        }
        assert_eq!(words(&Test::Static), None);
        assert_eq!(words(&Test::text(Field::Path, super::super::word::Part::Whole, vec![vec![]])), None);
    }

    proptest! {
        /// Random patterns over few letters, on texts of the same letters.
        #[test]
        fn no_match_is_without_one_of_its_words(
            pattern in "(a|b|[ab]|\\.|c|\\(a\\|b?c\\)|\\(bc\\)){1,6}([*+?]|\\{2\\})?(a|b|\\[bc\\]|\\^|\\$|c){0,4}[*?]?(ab|c)?",
            texts in prop::collection::vec("[abcABC]{0,10}", 1..30),
        ) {
            let test = Test::Pattern(Field::UserAgent, pattern.clone());
            let Ok(compiled) = super::super::matcher::pattern(Field::UserAgent, &pattern) else { return Ok(()) };
            let Some(words) = words(&test) else { return Ok(()) };
            for text in texts {
                if compiled.is_match(text.as_bytes()) {
                    let folded = text.to_ascii_lowercase().into_bytes();
                    prop_assert!(
                        words.iter().any(|word| memchr::memmem::find(&folded, word).is_some()), "{} in {}", pattern, text
                    );
                }
            }
        }
    }
}
