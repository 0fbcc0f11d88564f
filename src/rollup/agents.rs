//! Remembers which user agents are bots', since nearly all of them come again. Never grows.

use super::keys::KeyHasher;
use crate::bots::Bots;
use std::sync::Arc;

/// Places for user agents; a power of two, and several times what a busy site sees in a day.
const PLACES: usize = 4096;
/// Longer user agents are looked up each time.
const LONGEST: usize = 512;

/// Verdicts on the latest user agents, one for each place.
#[derive(Debug)]
pub(super) struct Verdicts {
    bots: Arc<Bots>,
    hasher: KeyHasher,
    known: Vec<(Box<[u8]>, bool)>,
}

impl Verdicts {
    pub fn new(bots: Arc<Bots>) -> Self {
        Self { bots, hasher: KeyHasher::default(), known: vec![Default::default(); PLACES] }
    }

    /// Is this a bot's user agent?
    #[inline]
    pub fn is_bot(&mut self, agent: &[u8]) -> bool {
        // Two that share a place take turns, which costs time and nothing else.
        let place = self.hasher.hash(0, agent) as usize % PLACES;
        match &self.known[place] {
            (known, bot) if **known == *agent && !agent.is_empty() => *bot,
            _ => self.look_up(agent, place),
        }
    }

    #[cold]
    fn look_up(&mut self, agent: &[u8], place: usize) -> bool {
        let bot = self.bots.is_bot(agent);
        if agent.len() <= LONGEST {
            self.known[place] = (agent.into(), bot);
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
    fn user_agents_that_share_a_place_keep_their_verdicts() {
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
