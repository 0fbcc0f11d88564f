//! What `--sweep` says: a word of a rule and the values to try. Tries nothing.

use crate::ban::rule::{Duration, Word};
use std::str::FromStr;

/// Values that are tried at most: each is a decision on the whole log.
const MOST: usize = 100;

/// A word of a rule, and its values in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct Sweep {
    pub word: Word,
    /// Hits, or seconds.
    pub values: Vec<u32>,
}

impl Sweep {
    /// A value as it is written in a rule.
    #[must_use]
    pub fn shown(&self, value: u32) -> String {
        match self.word {
            Word::Maxretry => value.to_string(),
            Word::Findtime | Word::Bantime => {
                Duration::from_seconds(value).map_or_else(|| format!("{value}s"), |value| value.to_string())
            }
        }
    }
}

impl FromStr for Sweep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "\nhint: maxretry=5..50, maxretry=5..50:5 or findtime=10s,1m,10m";
        let (word, values) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`{hint}"))?;
        let word: Word = word.parse()?;
        let mut all: Vec<u32> = match values.split_once("..") {
            Some((from, rest)) => range(word, from, rest)?,
            None => values.split(',').map(|value| word.value(value.trim())).collect::<Result<_, _>>()?,
        };
        all.sort_unstable();
        all.dedup();
        if all.is_empty() || all.len() > MOST {
            return Err(format!("`{text}` are {} values, and 1 to {MOST} can be tried{hint}", all.len()));
        }
        Ok(Self { word, values: all })
    }
}

/// `5..50` tries about ten values, `5..50:5` each fifth.
fn range(word: Word, from: &str, rest: &str) -> Result<Vec<u32>, String> {
    let (to, step) = rest.split_once(':').map_or((rest, None), |(to, step)| (to, Some(step)));
    let (from, to) = (word.value(from)?, word.value(to)?);
    let step = match step {
        Some(step) => word.value(step)?,
        None => (to.saturating_sub(from) / 10).max(1),
    };
    let values: Vec<u32> = (from..=to).step_by(step as usize).take(MOST + 1).collect();
    // The last one is what was asked for, too.
    Ok(values.into_iter().chain([to]).filter(|value| (from..=to).contains(value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_a_range_or_a_list() {
        let values = |text: &str| text.parse::<Sweep>().map(|sweep| sweep.values);
        assert_eq!(values("maxretry=5..9").unwrap(), [5, 6, 7, 8, 9]);
        assert_eq!(values("maxretry=5..50:20").unwrap(), [5, 25, 45, 50]);
        assert_eq!(values("maxretry=5..50").unwrap().len(), 13);
        assert_eq!(values("findtime=10s,1m, 10m,10s").unwrap(), [10, 60, 600]);
        for wrong in [
            "maxretry",
            "maxretry=",
            "maxretry=0..3",
            "maxretry=9..5",
            "maxretry=1..1000:1",
            "findtime=5",
            "path=1",
        ] {
            assert!(values(wrong).is_err(), "{wrong}");
        }
    }
}
