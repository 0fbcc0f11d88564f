//! The words of a rule that a back-test changes. Changes no rule.

use super::super::filter::nearest;
use super::{Duration, MAX_DURATION_S, MAX_MAXRETRY};
use std::str::FromStr;

/// A word of a rule that a back-test goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named like the fields of a rule")]
pub enum Word {
    Maxretry,
    Findtime,
    Bantime,
}

impl Word {
    const ALL: [Self; 3] = [Self::Maxretry, Self::Findtime, Self::Bantime];

    /// As it is written in a rule.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Maxretry => "maxretry",
            Self::Findtime => "findtime",
            Self::Bantime => "bantime",
        }
    }

    /// What a text says for this word: hits, or seconds of a duration with its unit.
    ///
    /// # Errors
    /// When it says nothing that the word could be.
    pub fn value(self, text: &str) -> Result<u32, String> {
        let value = match self {
            Self::Maxretry => text.parse().map_err(|_| format!("`{text}` is no whole number"))?,
            Self::Findtime | Self::Bantime => {
                text.parse::<Duration>().map_err(|error| format!("`{text}`: {error}"))?.seconds()
            }
        };
        self.check(value).map(|()| value)
    }

    pub(super) fn check(self, value: u32) -> Result<(), String> {
        let most = match self {
            Self::Maxretry => MAX_MAXRETRY,
            Self::Findtime | Self::Bantime => MAX_DURATION_S,
        };
        if (1..=most).contains(&value) { Ok(()) } else { Err(format!("{} is from 1 to {most}", self.name())) }
    }
}

impl FromStr for Word {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|word| word.name() == text).ok_or_else(|| {
            let hint = nearest(text, Self::ALL.map(Self::name));
            let hint = hint.unwrap_or_else(|| "maxretry, findtime or bantime".to_owned());
            format!("`{text}` is no word that can be changed\nhint: {hint}")
        })
    }
}
