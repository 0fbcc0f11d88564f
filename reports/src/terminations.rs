//! HAProxy's termination states in words: every cause and phase of section 8.5 of its documentation. Counts nothing.

/// What `HAProxy` means by the first two letters of a termination state.
pub(crate) fn meaning(state: &str) -> String {
    let known = KNOWN.iter().find(|(letters, _)| state == *letters);
    if let Some((_, words)) = known {
        return (*words).to_owned();
    }
    let mut letters = state.chars();
    let cause = letters.next().map_or("", cause);
    let phase = letters.next().map_or("", phase);
    [cause, phase].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The combinations that the documentation explains; the others mean what their letters mean.
const KNOWN: [(&str, &str); 26] = [
    ("--", "normally"),
    ("CR", "no full request, often a pre-connect"),
    ("cR", "no full request, often a pre-connect"),
    ("CQ", "client gave up in the queue"),
    ("CC", "client left during the connect"),
    ("CH", "client left before the answer"),
    ("CD", "client left during the response"),
    ("CL", "client left while receiving the rest"),
    ("CT", "client left the tarpit"),
    ("cH", "client stopped sending its request"),
    ("cD", "client stopped reading"),
    ("SC", "server refused, or none was available"),
    ("SH", "server closed before answering"),
    ("SD", "server closed during the response"),
    ("sQ", "timed out in the queue"),
    ("sC", "connecting to the server timed out"),
    ("sH", "server did not answer in time"),
    ("sD", "server stopped sending"),
    ("PR", "request denied or invalid"),
    ("PC", "proxy at its limit of connections"),
    ("PH", "response denied or invalid"),
    ("PD", "proxy stopped at a malformed chunk"),
    ("PT", "tarpitted"),
    ("LR", "answered by HAProxy itself"),
    ("LH", "response replaced by HAProxy"),
    ("RC", "proxy out of sockets or memory"),
];

const fn cause(letter: char) -> &'static str {
    match letter {
        'C' => "client aborted",
        'S' => "server aborted",
        'P' => "blocked by the proxy",
        'L' => "answered by HAProxy itself",
        'R' => "proxy out of resources",
        'I' => "internal error of the proxy",
        'D' => "server went down",
        'U' => "moved off a backup server",
        'K' => "killed by an administrator",
        'c' => "client timed out",
        's' => "server timed out",
        _ => "",
    }
}

const fn phase(letter: char) -> &'static str {
    match letter {
        'R' => "before a full request",
        'Q' => "in the queue",
        'C' => "during the connect",
        'H' => "before the response headers",
        'D' => "during the response",
        'L' => "while sending the rest",
        'T' => "in the tarpit",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_cause_in_every_phase_has_words_of_its_own() {
        let mut states: BTreeMap<String, String> = BTreeMap::new();
        for cause in "CSPLRIDUKcs".chars() {
            for phase in "RQCHDLT".chars() {
                let state = format!("{cause}{phase}");
                let words = meaning(&state);
                assert!(words.len() > 8 && words.len() <= 56, "{state}: {words:?}");
                // Both are a connection on which no request came.
                if let Some(other) = states.insert(words, state.clone()) {
                    assert_eq!([other.as_str(), state.as_str()], ["CR", "cR"]);
                }
            }
        }
        assert_eq!(meaning("--"), "normally");
        assert_eq!(
            [meaning("DD"), meaning("K-")],
            ["server went down, during the response", "killed by an administrator"]
        );
        assert_eq!(meaning("?!"), "");
    }
}
