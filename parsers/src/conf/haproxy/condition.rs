//! The conditions of `.if` and `.elif`. Evaluates what the configuration itself decides; what depends on HAProxy's build
//! is assumed, and said to be.
//!
//! <https://docs.haproxy.org/3.2/configuration.html#2.4>

use super::Environment;
use nom::branch::alt;
use nom::bytes::complete::{is_not, take_till, take_while1};
use nom::character::complete::{char, i64, multispace0};
use nom::combinator::{all_consuming, map};
use nom::multi::{many0, many0_count, separated_list0, separated_list1};
use nom::sequence::{delimited, preceded, terminated};
use nom::{IResult, Parser as _, bytes::complete::tag};

/// Parentheses in each other.
const MAX_DEPTH: usize = 32;

/// What a condition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Truth {
    pub holds: bool,
    /// It depends on something that the configuration does not tell.
    pub assumed: bool,
}

impl Truth {
    const fn known(holds: bool) -> Self {
        Self { holds, assumed: false }
    }

    const fn assumed(holds: bool) -> Self {
        Self { holds, assumed: true }
    }

    /// `&&` where `decided_by` is false, `||` where it is true: what is decided is not looked at further.
    fn joined(self, next: Self, decided_by: bool) -> Self {
        if self.holds == decided_by {
            self
        } else {
            Self { holds: next.holds, assumed: self.assumed || next.assumed }
        }
    }
}

/// What a condition comes to. One that cannot be read is assumed to hold.
pub(super) fn evaluate(text: &str, environment: &Environment<'_>) -> Truth {
    let condition = |text| any_of(text, environment, MAX_DEPTH);
    all_consuming(condition).parse(text).map_or(Truth::assumed(true), |(_, truth)| truth)
}

fn any_of<'t>(text: &'t str, environment: &Environment<'_>, depth: usize) -> IResult<&'t str, Truth> {
    let all_of = |text| {
        let term = |text| term(text, environment, depth);
        map(separated_list1(tag("&&"), term), |terms| join(terms, false)).parse(text)
    };
    map(separated_list1(tag("||"), all_of), |terms| join(terms, true)).parse(text)
}

fn join(terms: Vec<Truth>, decided_by: bool) -> Truth {
    let joined = terms.into_iter().reduce(|truth, next| truth.joined(next, decided_by));
    joined.unwrap_or(Truth::assumed(true))
}

fn term<'t>(text: &'t str, environment: &Environment<'_>, depth: usize) -> IResult<&'t str, Truth> {
    let inner = |text| match depth.checked_sub(1) {
        Some(depth) => any_of(text, environment, depth),
        None => Err(nom::Err::Error(nom::error::make_error(text, nom::error::ErrorKind::TooLarge))),
    };
    let not = many0_count(terminated(char('!'), multispace0));
    let number = map(i64, |number| Truth::known(number != 0));
    let in_parentheses = delimited(char('('), inner, char(')'));
    let predicate = map(predicate, |(name, arguments)| holds(name, &arguments, environment));
    let (rest, (negations, truth)) =
        delimited(multispace0, (not, alt((number, in_parentheses, predicate))), multispace0).parse(text)?;
    Ok((rest, Truth { holds: truth.holds ^ (negations % 2 == 1), ..truth }))
}

/// `name(argument,…)`.
fn predicate(text: &str) -> IResult<&str, (&str, Vec<String>)> {
    let name = take_while1(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let quoted = |quote| delimited(char(quote), take_till(move |c| c == quote), char(quote));
    let piece = alt((quoted('"'), quoted('\''), is_not(",)\"'")));
    let argument = map(many0(piece), |pieces| pieces.concat());
    let arguments = delimited(char('('), separated_list0(char(','), argument), char(')'));
    (name, preceded(multispace0, arguments)).parse(text)
}

fn holds(name: &str, arguments: &[String], environment: &Environment<'_>) -> Truth {
    match (name, arguments) {
        ("defined", [variable]) => Truth::known(environment.value(variable).is_some()),
        ("streq", [a, b]) => Truth::known(a == b),
        ("strneq", [a, b]) => Truth::known(a != b),
        ("strstr", [text, part]) => Truth::known(text.contains(part.as_str())),
        // A recent HAProxy with all it can have.
        (name, _) => Truth::assumed(!name.ends_with("_before")),
    }
}
