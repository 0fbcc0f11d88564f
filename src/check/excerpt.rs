//! A line made safe for a terminal, cut to a window around one of its bytes. Knows no format.

use logstat_reports::terminal::paint::Pen;
use logstat_reports::text::{ascii, printable, safe, truncate, truncate_start, width};

/// A window of a line, and the column under which a caret belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs)]
pub struct Excerpt {
    pub text: String,
    pub caret: usize,
}

/// The line around `byte` in at most `columns`, which are at least 20. What follows the byte has a third of them, if it
/// needs that much: what is in front says where in the line it is.
#[must_use]
pub fn excerpt(line: &[u8], byte: usize, columns: usize, pen: Pen) -> Excerpt {
    // Each part by itself, so that nothing in front of the byte can take a column behind it.
    let (before, after) = line.split_at(byte.min(line.len()));
    let shown = |bytes: &[u8]| {
        let text = printable(bytes);
        if pen.unicode { safe(&text).into_owned() } else { ascii(&text).into_owned() }
    };
    let (before, after) = (shown(before), shown(after));
    // A caret behind the last byte needs a column too.
    let room_behind = width(&after).clamp(1, columns / 3);
    let before = truncate_start(&before, columns - room_behind, pen.ellipsis());
    let caret = width(&before);
    Excerpt { text: format!("{before}{}", truncate(&after, columns - caret, pen.ellipsis())), caret }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logstat_reports::terminal::paint::Ink;
    use proptest::prelude::*;

    const PEN: Pen = Pen { color: false, unicode: true };

    fn at(line: &[u8], byte: usize, columns: usize) -> (String, usize) {
        let Excerpt { text, caret } = excerpt(line, byte, columns, PEN);
        (text, caret)
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        assert_eq!(at(b"GET / 2x0", 7, 40), ("GET / 2x0".to_owned(), 7));
        assert_eq!(at(b"GET /", 5, 40), ("GET /".to_owned(), 5));
        assert_eq!(at(b"", 0, 40), (String::new(), 0));
    }

    #[test]
    fn escapes_and_wide_characters_move_the_caret() {
        assert_eq!(at(b"\x1b[2Jx!", 5, 40), (r"\x1B[2Jx!".to_owned(), 8));
        assert_eq!(at("日本x".as_bytes(), 6, 40), ("日本x".to_owned(), 4));
        assert_eq!(at("é!".as_bytes(), 1, 40), (r"\xC3\xA9!".to_owned(), 4));
    }

    #[test]
    fn a_long_line_is_a_window_around_the_byte() {
        let line = [b"a".repeat(100), b"!".to_vec(), b"b".repeat(100)].concat();
        assert_eq!(at(&line, 100, 30), (format!("…{}!{}…", "a".repeat(19), "b".repeat(8)), 20));
        assert_eq!(at(&line, 0, 30), (format!("{}…", "a".repeat(29)), 0));
        assert_eq!(at(&line, 201, 30), (format!("…{}", "b".repeat(28)), 29));
    }

    proptest! {
        #[test]
        fn the_caret_is_under_its_byte(
            line in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                ".{0,80}".prop_map(String::into_bytes),
                "[a日\u{301}\u{202e}\t]{0,90}".prop_map(String::into_bytes),
            ],
            byte in 0usize..220,
            columns in 20usize..100,
            unicode: bool,
        ) {
            let pen = Pen { color: false, unicode };
            let Excerpt { text, caret } = excerpt(&line, byte, columns, pen);
            prop_assert!(width(&text) <= columns && caret < columns, "{} {}", text, caret);
            prop_assert!(!text.chars().any(char::is_control));
            // The paint leaves what is in front as it is, so that the caret stays where it is.
            let before: String = text.chars().scan(0, |used, c| {
                *used += width(c.encode_utf8(&mut [0; 4]));
                (*used <= caret).then_some(c)
            }).collect();
            prop_assert_eq!(width(&before), caret, "{:?}", text);
            prop_assert!(pen.span(Ink::Plain, &text).text().starts_with(&before));
        }

        #[test]
        fn the_caret_is_under_the_very_byte(
            line in "[ -~]{1,200}",
            place in any::<prop::sample::Index>(),
            columns in 20usize..100,
            unicode: bool,
        ) {
            let byte = place.index(line.len());
            let pen = Pen { color: false, unicode };
            let Excerpt { text, caret } = excerpt(line.as_bytes(), byte, columns, pen);
            prop_assert_eq!(text.chars().nth(caret), line.chars().nth(byte));
        }

        #[test]
        fn an_escape_is_above_the_caret(before: Vec<u8>, control in 0u8..32, columns in 20usize..100) {
            let line = [before.as_slice(), &[control], b"tail"].concat();
            let Excerpt { text, caret } = excerpt(&line, before.len(), columns, PEN);
            let (_, from) = text.char_indices().fold((0, text.len()), |(used, from), (at, c)| {
                let from = if used == caret { from.min(at) } else { from };
                (used + width(c.encode_utf8(&mut [0; 4])), from)
            });
            let escape = format!("\\x{control:02X}");
            prop_assert!(text[from..].contains(&escape), "{} {}", text, caret);
        }
    }
}
