//! Says whether a user agent is a bot's, by the public list of crawlers in `patterns.txt`. It is what clients say of
//! themselves: a bot that calls itself a browser is none here.

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};

const PATTERNS: &str = include_str!("patterns.txt");

/// The list, ready for matching.
#[derive(Debug, Clone)]
pub struct Bots {
    literals: AhoCorasick,
    patterns: Regex,
}

impl Bots {
    /// Compiles the list.
    ///
    /// # Panics
    /// Never: the list is part of the program, and a test compiles it.
    #[must_use]
    pub fn new() -> Self {
        let (literals, patterns): (Vec<_>, Vec<_>) =
            PATTERNS.lines().map(literal_or_pattern).partition(Result::is_ok);
        let patterns: Vec<_> = patterns.into_iter().filter_map(Result::err).collect();
        Self {
            literals: AhoCorasick::new(literals.into_iter().flatten())
                .expect("the list of literals compiles"),
            patterns: RegexBuilder::new(&format!("(?:{})", patterns.join(")|(?:")))
                .unicode(false)
                .build()
                .expect("the list of patterns compiles"),
        }
    }

    /// Does the list know this user agent?
    #[must_use]
    pub fn is_bot(&self, user_agent: &[u8]) -> bool {
        self.literals.is_match(user_agent) || self.patterns.is_match(user_agent)
    }
}

impl Default for Bots {
    fn default() -> Self {
        Self::new()
    }
}

/// A pattern without operators as the text that it stands for.
fn literal_or_pattern(pattern: &str) -> Result<String, &str> {
    let mut literal = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some(escaped) if !escaped.is_alphanumeric() => literal.push(escaped),
                _ => return Err(pattern),
            },
            '[' | ']' | '^' | '$' | '(' | ')' | '|' | '?' | '*' | '+' | '{' | '}' | '.' => {
                return Err(pattern);
            }
            plain => literal.push(plain),
        }
    }
    Ok(literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crawlers_are_bots_and_browsers_are_not() {
        let bots = Bots::new();
        for bot in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "curl/8.5.0",
            "Wget/1.21",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "python-requests/2.31.0",
        ] {
            assert!(bots.is_bot(bot.as_bytes()), "{bot}");
        }
        for browser in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "",
        ] {
            assert!(!bots.is_bot(browser.as_bytes()), "{browser}");
        }
    }

    #[test]
    fn literals_lose_their_escapes() {
        assert_eq!(
            literal_or_pattern(r"Mediapartners \(Googlebot\)"),
            Ok("Mediapartners (Googlebot)".to_owned())
        );
        assert_eq!(literal_or_pattern(r"^curl"), Err("^curl"));
        assert_eq!(literal_or_pattern(r"v\d"), Err(r"v\d"));
    }
}
