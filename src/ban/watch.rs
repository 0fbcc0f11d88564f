//! Which rules a request is a hit of, for all rules at once. Counts nothing and remembers no client.
//!
//! Nearly every request is a hit of none, and that is found without asking each rule: `Sifting` looks in the texts for
//! the words that tests cannot do without, `outline` knows the rules that can match what was found and a status and a
//! method like these, and only those are asked. What that says is what [`Rule::hit`] says of each. `recall` keeps what
//! was found in user agents.

mod outline;
mod recall;
mod sifting;
#[cfg(test)]
mod tests;

use super::ban::Threshold;
use super::filter::{Field, Subject};
use super::rule::{Distinct, Rule, What, is_preconnect};
use logstat_parsers::{Fields, Record, RejectKind};
use outline::{Candidate, Outline};
use recall::Recall;
use sifting::{AGENT, REFERRER, Sifting, TARGET, TEXTS};
use std::cell::LazyCell;
use std::sync::{Arc, OnceLock};

/// Rules ready for matching, shared by threads.
#[derive(Debug, Clone)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// Made when a request is to be looked at: many runs find nothing new.
    ready: OnceLock<Ready>,
}

/// What tells, of a request, the rules that are to be asked.
#[derive(Debug, Clone)]
struct Ready {
    sifting: Sifting,
    outline: Outline,
}

impl RuleSet {
    /// At most [`super::rule::MAX_RULES`] have a number.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules, ready: OnceLock::new() }
    }

    #[inline]
    fn ready(&self) -> &Ready {
        self.ready.get_or_init(|| {
            let sifting = Sifting::new(&self.rules);
            Ready { outline: Outline::new(&self.rules, &sifting), sifting }
        })
    }

    /// In the order of their numbers.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The words that decide, in the order of [`Self::rules`].
    #[must_use]
    pub fn thresholds(&self) -> Vec<Threshold> {
        self.rules.iter().map(Rule::threshold).collect()
    }

    /// Rules that a line of this kind, which cannot be read, is a hit of.
    pub fn over_rejects(&self, kind: RejectKind) -> impl Iterator<Item = u16> {
        (0_u16..).zip(&self.rules).filter(move |(_, rule)| rule.counts_reject(kind)).map(|(number, _)| number)
    }

    /// The fields that filters and distinct values ask for, so that parsers can leave out the rest.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let mut fields = Fields { client: true, time: true, ..Fields::default() };
        for rule in &self.rules {
            let What::Requests { filter, distinct } = &rule.what else { continue };
            for field in filter.fields().into_iter().chain(distinct.map(Distinct::field)) {
                want(&mut fields, field);
            }
            // Of connections without a request; see `rule::is_preconnect`.
            (fields.status, fields.termination) = (true, true);
        }
        fields
    }
}

fn want(fields: &mut Fields, field: Field) {
    match field {
        Field::Status => fields.status = true,
        // A parser that reads methods reads protocols.
        Field::Method | Field::Protocol => fields.method = true,
        Field::Path | Field::Query => fields.target = true,
        Field::UserAgent => fields.user_agent = true,
        Field::Referrer => fields.referer = true,
        Field::Host => fields.site = true,
        Field::LatencyMs => fields.latency = true,
        Field::BytesSent => fields.bytes_sent = true,
        Field::Termination => fields.termination = true,
    }
}

/// One thread's matching: remembers verdicts. Never grows.
#[derive(Debug, Clone)]
pub struct Watcher {
    rules: Arc<RuleSet>,
    agents: Recall,
    /// Verdicts on user agents and targets that whoever counts them has given places.
    agents_at: Placed,
    targets_at: Placed,
    /// A bit for each test of all rules: not set if it cannot hold of this record.
    open: Vec<u64>,
}

impl Watcher {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(rules: Arc<RuleSet>) -> Self {
        Self {
            rules,
            agents: Recall::new(),
            agents_at: Placed::default(),
            targets_at: Placed::default(),
            open: Vec::new(),
        }
    }

    /// From now on, texts have other places.
    pub fn forget_places(&mut self) {
        self.agents_at.0.clear();
        self.targets_at.0.clear();
    }

    /// Calls `hit` with the number of each rule that the request is a hit of, ascending, and with the hash of the value
    /// that it counts. Equal places, of user agents and of targets, stand for equal texts.
    #[inline]
    pub fn record(
        &mut self,
        record: &Record<'_>,
        agent_place: Option<u32>,
        target_place: Option<u32>,
        hit: impl FnMut(u16, u64),
    ) {
        let Ready { sifting, outline } = self.rules.ready();
        let in_target = self.targets_at.verdict(target_place, || sifting.finds(TARGET, record.target));
        let mut found = usize::from(in_target) << TARGET;
        found |= usize::from(sifting.finds(REFERRER, record.referer)) << REFERRER;
        if let (true, Some(agent)) = (sifting.looks_in(AGENT), record.user_agent) {
            let agents = &mut self.agents;
            let look = || agents.verdict(agent, |agent| sifting.finds(AGENT, Some(agent)));
            found |= usize::from(self.agents_at.verdict(agent_place, look)) << AGENT;
        }
        let candidates = outline.candidates(record, found);
        if !candidates.is_empty() && !is_preconnect(record) {
            ask(&self.rules, candidates, record, found, &mut self.open, hit);
        }
    }
}

/// Verdicts by place.
#[derive(Debug, Clone, Default)]
struct Placed(Vec<Option<bool>>);

impl Placed {
    /// What was said of the text at this place, or is said now.
    #[inline]
    fn verdict(&mut self, place: Option<u32>, look: impl FnOnce() -> bool) -> bool {
        let Some(place) = place.map(|place| place as usize) else { return look() };
        if let Some(Some(verdict)) = self.0.get(place) {
            return *verdict;
        }
        let verdict = look();
        if place >= self.0.len() {
            self.0.resize(place + 1, None);
        }
        self.0[place] = Some(verdict);
        verdict
    }
}

/// Asks the rules that can match.
fn ask(
    rules: &RuleSet,
    candidates: &[Candidate],
    record: &Record<'_>,
    found: usize,
    open: &mut Vec<u64>,
    mut hit: impl FnMut(u16, u64),
) {
    let seen = LazyCell::new(|| (Subject::of(record), rules.ready().sifting.open(record, found, open)));
    for &Candidate { rule: number, is_certain } in candidates {
        if is_certain {
            hit(number, 0);
            continue;
        }
        let What::Requests { filter, distinct } = &rules.rules[usize::from(number)].what else { continue };
        let (subject, open) = &*seen;
        if filter.holds_if(subject, &|place| rules.ready().sifting.is_open(open, number, place))
            && let Some(distinct) = Distinct::value(*distinct, subject)
        {
            hit(number, distinct);
        }
    }
}
