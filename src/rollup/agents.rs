//! Remembers which user agents are bots', since nearly all of them come again. Never grows.

use super::keys::{KeyHasher, KeyTable};
use crate::bots::Bots;
use std::sync::Arc;

/// User agents that are remembered: several times what a busy site sees in a day. A flood of new ones starts over.
const KNOWN: usize = 4096;
/// Longer user agents are looked up each time.
const LONGEST: usize = 512;

/// Verdicts on user agents.
#[derive(Debug)]
pub(super) struct Verdicts {
    bots: Arc<Bots>,
    hasher: KeyHasher,
    known: KeyTable<bool>,
}

impl Verdicts {
    pub fn new(bots: Arc<Bots>) -> Self {
        Self { bots, hasher: KeyHasher::default(), known: KeyTable::default() }
    }

    /// Is this a bot's user agent?
    #[inline]
    pub fn is_bot(&mut self, agent: &[u8]) -> bool {
        let hash = self.hasher.hash(0, agent);
        match self.known.find(hash, 0, |known| known == agent) {
            Some(at) => *self.known.tally_mut(at),
            None => self.look_up(hash, agent),
        }
    }

    #[cold]
    fn look_up(&mut self, hash: u64, agent: &[u8]) -> bool {
        let bot = self.bots.is_bot(agent);
        if self.known.len() == KNOWN {
            self.known.clear();
        }
        if agent.len() <= LONGEST {
            let at = self.known.enter(hash, 0, agent);
            *self.known.tally_mut(at) = bot;
        }
        bot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_the_same_the_second_time() {
        let mut verdicts = Verdicts::new(Arc::new(Bots::new()));
        let agents =
            ["curl/8.5.0", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "", "x"];
        for _ in 0..2 {
            assert_eq!(agents.map(|agent| verdicts.is_bot(agent.as_bytes())), [true, false, false, false]);
        }
    }

    #[test]
    fn a_flood_of_user_agents_gets_right_verdicts() {
        let mut verdicts = Verdicts::new(Arc::new(Bots::new()));
        let agents: Vec<String> = (0..20_000)
            .map(|n| if n % 3 == 0 { format!("curl/{n}") } else { format!("Gecko/{n}") })
            .collect();
        for _ in 0..2 {
            for (n, agent) in agents.iter().enumerate() {
                assert_eq!(verdicts.is_bot(agent.as_bytes()), n % 3 == 0, "{agent}");
            }
        }
    }
}
