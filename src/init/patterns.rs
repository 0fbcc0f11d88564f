//! Patterns for the files of a log, that take in no file of another. Looks at no file.

use std::collections::{BTreeMap, BTreeSet};

/// The live file, with a stand-in for what varies.
pub(super) fn live(glob: &str) -> String {
    let unescaped = glob.replace("[[]", "[").replace("[]]", "]").replace("[?]", "?");
    let unstarred = unescaped.strip_suffix('*').unwrap_or(&unescaped);
    unstarred.replace("[*]", "\0").replace('*', "x").replace('\0', "*")
}

/// Does the first pattern take the live file of the second?
pub(super) fn takes(pattern: &str, other: &str) -> bool {
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_with(&live(other), options))
}

pub(super) fn has_variables(glob: &str) -> bool {
    glob.replace("[*]", "").trim_end_matches('*').contains('*')
}

/// The patterns for a log's files without the other logs; `None` where no pattern tells them apart.
pub(super) fn without(pattern: &str, others: &[&str]) -> Option<Vec<String>> {
    if has_variables(pattern) {
        return without_names(pattern, others);
    }
    // `access.log*` would take `access.log-slow`: then only what rotation makes of it.
    let base = pattern.strip_suffix('*')?;
    Some(vec![base.to_owned(), format!("{base}.[0-9]*"), format!("{base}-[0-9]*")])
}

/// Where one variable is in the file's name, what stands for it in the others' names is left out: `*.log*` without
/// `error.log*`.
fn without_names(pattern: &str, others: &[&str]) -> Option<Vec<String>> {
    let (start, end) = pattern.strip_suffix('*')?.split_once('*')?;
    if end.contains(['*', '/']) || end.is_empty() {
        return None;
    }
    let word = |other: &&str| {
        let (word, _) = other.strip_prefix(start)?.split_once(end)?;
        Some(word.to_owned())
            .filter(|word| !word.is_empty() && !word.contains(['*', '?', '[', '/', '-', '!', '^']))
    };
    let words: Option<BTreeSet<String>> = others.iter().map(word).collect();
    Some(all_but(&words?).into_iter().map(|name| format!("{start}{name}{end}*")).collect())
}

/// Patterns that together take every name but these.
fn all_but(words: &BTreeSet<String>) -> Vec<String> {
    let mut next: BTreeMap<&str, BTreeSet<char>> = BTreeMap::new();
    for word in words {
        for (at, c) in word.char_indices() {
            next.entry(&word[..at]).or_default().insert(c);
        }
    }
    let mut patterns = Vec::new();
    for (start, following) in &next {
        let following: String = following.iter().collect();
        patterns.push(format!("{start}[!{following}]*"));
        if !start.is_empty() && !words.contains(*start) {
            patterns.push((*start).to_owned());
        }
    }
    let longest = words.iter().filter(|word| !next.contains_key(word.as_str()));
    patterns.extend(longest.map(|word| format!("{word}?*")));
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_taken(patterns: &[String], path: &str) -> bool {
        patterns.iter().any(|pattern| glob::Pattern::new(pattern).expect("a pattern").matches(path))
    }

    #[test]
    fn an_error_log_is_in_no_pattern() {
        let patterns = without("/log/*.log*", &["/log/error.log*", "/log/err.log*"]).expect("patterns");
        for name in ["error.log", "error.log.1", "err.log", "err.log-20260101.gz"] {
            assert!(!is_taken(&patterns, &format!("/log/{name}")), "{name}");
        }
        for name in
            ["example.com.log", "e.log", "errand.log.1", "error.example.com.log", "localhost.log.2.gz"]
        {
            assert!(is_taken(&patterns, &format!("/log/{name}")), "{name}");
        }
        assert_eq!(without("/log/*-*.log*", &["/log/a-b.log*"]), None);
    }

    proptest! {
        #[test]
        fn all_but_the_words_are_taken(words in prop::collection::btree_set("[ab]{1,4}", 1..4), name in "[abc]{1,5}") {
            prop_assert_eq!(is_taken(&all_but(&words), &name), !words.contains(&name));
        }
    }
}
