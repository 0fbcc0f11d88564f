//! The words that tests cannot do without, text by text. Asks no test.

use super::super::filter::{Field, Sieve, Test, words};
use super::super::rule::{Rule, What};
use logstat_parsers::Record;

/// Texts that are looked through: path and query in one, agents, referrers.
pub(super) const TEXTS: usize = 3;
pub(super) const TARGET: usize = 0;
pub(super) const AGENT: usize = 1;
pub(super) const REFERRER: usize = 2;
/// Words of one text. Tests that ask for more are asked themselves.
const MAX_WORDS: usize = 8_192;

/// What is looked for in each text.
#[derive(Debug, Clone)]
pub(super) struct Sifting {
    texts: [Text; TEXTS],
    /// Number of each rule's first test.
    first_tests: Vec<usize>,
    /// By number of the test: where it is looked for.
    of_tests: Vec<Option<usize>>,
    /// A bit for each test that is not looked for.
    never_ruled_out: Vec<u64>,
}

#[derive(Debug, Clone, Default)]
struct Text {
    sieve: Option<Sieve>,
    /// By word: tests that it may make hold.
    tests: Vec<Vec<usize>>,
}

impl Sifting {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let (mut first_tests, mut tests) = (Vec::new(), Vec::new());
        for rule in rules {
            first_tests.push(tests.len());
            if let What::Requests { filter, .. } = &rule.what {
                tests.extend(filter.tests());
            }
        }
        let mut of_tests = vec![None; tests.len()];
        let texts = [TARGET, AGENT, REFERRER].map(|text| Text::new(text, &tests, &mut of_tests));
        let mut never_ruled_out = vec![0; tests.len().div_ceil(64)];
        for (test, text) in of_tests.iter().enumerate() {
            never_ruled_out[test / 64] |= u64::from(text.is_none()) << (test % 64);
        }
        Self { texts, first_tests, of_tests, never_ruled_out }
    }

    #[inline]
    pub(super) fn looks_in(&self, text: usize) -> bool {
        self.texts[text].sieve.is_some()
    }

    /// Whether a word is in the text that some test asks for there.
    #[inline]
    pub(super) fn finds(&self, text: usize, bytes: Option<&[u8]>) -> bool {
        let (Some(sieve), Some(bytes)) = (&self.texts[text].sieve, bytes) else { return false };
        sieve.finds(bytes)
    }

    /// Whether a test of a rule cannot hold, no word being in texts other than those `found`.
    pub(super) fn rules_out(&self, rule: u16, place: usize, found: usize) -> bool {
        let text = self.of_tests[self.first_tests[usize::from(rule)] + place];
        text.is_some_and(|text| found >> text & 1 == 0)
    }

    /// A bit for each test that may hold of a record, words being in the texts `found`.
    pub(super) fn open<'o>(&'o self, record: &Record<'_>, found: usize, open: &'o mut Vec<u64>) -> &'o [u64] {
        if found == 0 {
            return &self.never_ruled_out;
        }
        open.clone_from(&self.never_ruled_out);
        let texts = [record.target, record.user_agent, record.referer];
        for (at, (text, bytes)) in self.texts.iter().zip(texts).enumerate() {
            let (true, Some(sieve), Some(bytes)) = (found >> at & 1 == 1, &text.sieve, bytes) else {
                continue;
            };
            sieve.each_found(bytes, |word| {
                text.tests[word].iter().for_each(|test| open[test / 64] |= 1 << (test % 64));
            });
        }
        open
    }

    pub(super) fn is_open(&self, open: &[u64], rule: u16, place: usize) -> bool {
        let test = self.first_tests[usize::from(rule)] + place;
        open[test / 64] >> (test % 64) & 1 == 1
    }
}

impl Text {
    /// Of the tests on this text that have words; writes down which.
    fn new(text: usize, tests: &[&Test], of_tests: &mut [Option<usize>]) -> Self {
        let (mut all, mut tests_of): (Vec<Vec<u8>>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
        let mut places = std::collections::HashMap::new();
        for (number, test) in tests.iter().enumerate() {
            let Some(words) = words(test)
                .filter(|words| text_of(test.field()) == Some(text) && all.len() + words.len() <= MAX_WORDS)
            else {
                continue;
            };
            of_tests[number] = Some(text);
            for word in words {
                let place = *places.entry(word).or_insert_with_key(|word| {
                    all.push(word.clone());
                    tests_of.push(Vec::new());
                    all.len() - 1
                });
                tests_of[place].push(number);
            }
        }
        let sieve = if all.is_empty() { None } else { Sieve::new(&all) };
        if sieve.is_none() {
            of_tests.iter_mut().filter(|of| **of == Some(text)).for_each(|of| *of = None);
        }
        Self { sieve, tests: tests_of }
    }
}

fn text_of(field: Field) -> Option<usize> {
    match field {
        Field::Path | Field::Query => Some(TARGET),
        Field::UserAgent => Some(AGENT),
        Field::Referrer => Some(REFERRER),
        Field::Status
        | Field::Method
        | Field::Host
        | Field::LatencyMs
        | Field::BytesSent
        | Field::Termination
        | Field::Protocol => None,
    }
}
