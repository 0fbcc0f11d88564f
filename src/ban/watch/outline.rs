//! Which rules can still match when little is known of a request: its status, its method, how its session ended, and
//! in which of its texts a word was found that some test asks for. All of it is worked out before.

use super::super::filter::{Field, Finder, Subject, Test};
use super::super::rule::{Rule, What};
use super::{Sifting, TEXTS};
use logstat_parsers::Record;
use std::collections::HashMap;

/// Statuses that rules tell from each other; further ones are not told apart.
const MAX_STATUSES: usize = 32;
/// Methods that are told apart.
const MAX_METHODS: usize = 12;
/// Above it there is no status.
const STATUS_END: usize = 1_000;
/// What most requests have.
const METHODS: [&[u8]; 3] = [b"GET", b"POST", b"HEAD"];
/// What most sessions of HAProxy end with.
const TERMINATIONS: [&[u8]; 2] = [b"----", b"--"];
/// Classes of any field: it is missing, or it is none of those that are told apart.
const MISSING: usize = 0;
const OTHER: usize = 1;
const FIRST: usize = 2;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Outline {
    /// Class by status.
    status_classes: Vec<u8>,
    /// One status of each class from [`FIRST`] on.
    statuses: Vec<u16>,
    /// From class [`FIRST`] on.
    methods: Vec<Vec<u8>>,
    terminations: Vec<Vec<u8>>,
    /// By classes and texts: which of `candidates`.
    table: Vec<u16>,
    candidates: Vec<Vec<Candidate>>,
}

/// A rule that can match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Candidate {
    pub(super) rule: u16,
    /// It does, and counts the request as such.
    pub(super) is_certain: bool,
}

/// The classes of a request.
#[derive(Debug, Clone, Copy)]
struct Classes {
    status: usize,
    method: usize,
    termination: usize,
    /// A bit for each text in which a word was found.
    found: usize,
}

impl Outline {
    pub(super) fn new(rules: &[Rule], sifting: &Sifting) -> Self {
        let tests: Vec<&Test> = filters(rules).flat_map(|(_, filter)| filter.tests()).collect();
        let (status_classes, statuses) = status_classes(&tests);
        let methods =
            METHODS.into_iter().chain(tests.iter().flat_map(|test| test.whole_values(Field::Method)));
        let mut outline = Self {
            status_classes,
            statuses,
            methods: first_of_each(methods, MAX_METHODS),
            terminations: first_of_each(TERMINATIONS.into_iter(), TERMINATIONS.len()),
            table: Vec::new(),
            candidates: Vec::new(),
        };
        let mut known: HashMap<Vec<Candidate>, u16> = HashMap::new();
        for classes in outline.all_classes() {
            let candidates = outline.candidates_of(classes, rules, sifting);
            let next = outline.candidates.len() as u16;
            let place = *known.entry(candidates).or_insert_with_key(|candidates| {
                outline.candidates.push(candidates.clone());
                next
            });
            outline.table.push(place);
        }
        outline
    }

    /// The rules that can match a request in whose texts words were `found`.
    #[inline]
    pub(super) fn candidates(&self, record: &Record<'_>, found: usize) -> &[Candidate] {
        let status = match record.status {
            Some(status) => {
                self.status_classes.get(usize::from(status)).map_or(OTHER, |class| usize::from(*class))
            }
            None => MISSING,
        };
        let method = class(&self.methods, record.method);
        let termination = class(&self.terminations, record.termination);
        &self.candidates[usize::from(self.table[self.place(Classes { status, method, termination, found })])]
    }

    #[inline]
    fn place(&self, classes: Classes) -> usize {
        let methods = FIRST + self.methods.len();
        let terminations = FIRST + self.terminations.len();
        let place = (classes.status * methods + classes.method) * terminations + classes.termination;
        place << TEXTS | classes.found
    }

    /// In the order of [`Self::place`].
    fn all_classes(&self) -> Vec<Classes> {
        let mut all = Vec::new();
        for status in 0..FIRST + self.statuses.len() {
            for method in 0..FIRST + self.methods.len() {
                for termination in 0..FIRST + self.terminations.len() {
                    all.extend((0..1 << TEXTS).map(|found| Classes { status, method, termination, found }));
                }
            }
        }
        all
    }

    fn candidates_of(&self, classes: Classes, rules: &[Rule], sifting: &Sifting) -> Vec<Candidate> {
        let value =
            |values: &'_ [Vec<u8>], class: usize| class.checked_sub(FIRST).map(|place| values[place].clone());
        let method = value(&self.methods, classes.method);
        let termination = value(&self.terminations, classes.termination);
        let record = Record {
            status: classes.status.checked_sub(FIRST).map(|place| self.statuses[place]),
            method: method.as_deref(),
            termination: termination.as_deref(),
            ..Record::default()
        };
        let subject = Subject::of(&record);
        let of_class = |class: usize, test: &Test, finder: &Finder| match (class, test) {
            // A line that was cut does not say so.
            (OTHER, _) | (MISSING, Test::Missing(_)) => None,
            _ => Some(finder.holds(test, &subject)),
        };
        let candidate = |(number, rule): (u16, &Rule)| {
            let What::Requests { filter, distinct } = &rule.what else { return None };
            let holds = filter.foresee(&|test, finder, place| match test.field() {
                Field::Status => of_class(classes.status, test, finder),
                Field::Method => of_class(classes.method, test, finder),
                Field::Termination => of_class(classes.termination, test, finder),
                _ => sifting.rules_out(number, place, classes.found).then_some(false),
            });
            let is_certain = holds == Some(true) && distinct.is_none();
            (holds != Some(false)).then_some(Candidate { rule: number, is_certain })
        };
        (0_u16..).zip(rules).filter_map(candidate).collect()
    }
}

fn filters(rules: &[Rule]) -> impl Iterator<Item = (u16, &super::super::filter::Filter)> {
    (0_u16..).zip(rules).filter_map(|(number, rule)| match &rule.what {
        What::Requests { filter, .. } => Some((number, &**filter)),
        _ => None,
    })
}

/// Statuses of which all tests say the same are one class.
fn status_classes(tests: &[&Test]) -> (Vec<u8>, Vec<u16>) {
    let tests: Vec<_> = tests.iter().filter(|test| test.field() == Field::Status).collect();
    let (mut classes, mut statuses) = (Vec::new(), Vec::new());
    let mut known: HashMap<Vec<bool>, u8> = HashMap::new();
    for status in 0..STATUS_END as u16 {
        let record = Record { status: Some(status), ..Record::default() };
        let subject = Subject::of(&record);
        // Numbers need no preparation.
        let verdicts: Vec<_> = tests.iter().map(|test| Finder::Plain.holds(test, &subject)).collect();
        let is_full = statuses.len() == MAX_STATUSES;
        let class = match known.get(&verdicts) {
            Some(class) => *class,
            None if is_full => OTHER as u8,
            None => {
                statuses.push(status);
                let class = (FIRST + statuses.len() - 1) as u8;
                known.insert(verdicts, class);
                class
            }
        };
        classes.push(class);
    }
    (classes, statuses)
}

fn first_of_each<'v>(values: impl Iterator<Item = &'v [u8]>, most: usize) -> Vec<Vec<u8>> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for value in values {
        if kept.len() < most && !kept.iter().any(|known| known == value) {
            kept.push(value.to_vec());
        }
    }
    kept
}

#[inline]
fn class(values: &[Vec<u8>], text: Option<&[u8]>) -> usize {
    let Some(text) = text else { return MISSING };
    values.iter().position(|value| value == text).map_or(OTHER, |place| place + FIRST)
}
