//! Finds the end of a block of Lua, as in `content_by_lua_block { … }`. Understands of Lua only what may hold a brace.

use nom::IResult;
use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_until};
use nom::character::complete::{anychar, char, none_of};
use nom::combinator::{cut, opt, recognize, value};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};

/// What follows the `}` that closes the block whose inside `text` begins with; `None` where nothing does.
pub(super) fn after_block(text: &str) -> Option<&str> {
    let (mut rest, mut depth) = (text, 1_usize);
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            depth -= 1;
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            depth += 1;
            rest = after;
        } else {
            rest = opaque(rest).ok()?.0;
        }
        if depth == 0 {
            return Some(rest);
        }
    }
}

/// A piece whose braces do not count.
fn opaque(text: &str) -> IResult<&str, ()> {
    alt((
        value((), (tag("--"), opt(long_bracket), opt(is_not("\n")))),
        value((), long_bracket),
        value((), quoted('"')),
        value((), quoted('\'')),
        value((), is_not("{}-[\"'")),
        value((), anychar),
    ))
    .parse(text)
}

/// `[[ … ]]` or `[==[ … ]==]`. What opens one without an end is an error, or each `[` would be searched from anew.
fn long_bracket(text: &str) -> IResult<&str, &str> {
    let (rest, level) = delimited(char('['), many0_count(char('=')), char('[')).parse(text)?;
    let close = format!("]{}]", "=".repeat(level));
    cut((take_until(close.as_str()), tag(close.as_str())))
        .parse(rest)
        .map(|(rest, (inside, _))| (rest, inside))
}

fn quoted<'t>(
    quote: char,
) -> impl nom::Parser<&'t str, Output = &'t str, Error = nom::error::Error<&'t str>> {
    let inside = recognize(many0_count(alt((
        preceded(char('\\'), anychar),
        none_of(if quote == '"' { "\"\\" } else { "'\\" }),
    ))));
    preceded(char(quote), cut((inside, char(quote)).map(|(inside, _)| inside)))
}
