//! The text of a filter becomes an expression, checked for kinds. Recursion is bounded by `MAX_DEPTH`.

use super::error::FilterError;
use super::expression::{Expression, Test};
use super::lex::{self, Token};
use super::matcher;
use super::word::{Field, Kind, Order, Part, nearest};

/// Parentheses and `not`s in each other. Nobody reads more, and each takes some of the stack.
const MAX_DEPTH: usize = 64;
/// Bytes of a filter. Shipped ones have a few hundred.
const MAX_LENGTH: usize = 16 << 10;
/// A status has three digits.
const MAX_STATUS: u64 = 999;
/// Words that start a condition, besides fields.
const STARTS: [&str; 4] = ["any", "not", "static", "missing"];
const OPERATORS: [&str; 5] = ["in", "not", "contains", "starts_with", "ends_with"];

/// Reads a filter.
pub(crate) fn expression(text: &str) -> Result<Expression, FilterError> {
    read(text, true)
}

/// Reads a filter that is part of the program: its patterns are known to be right, and trying them takes time.
pub(crate) fn own_expression(text: &str) -> Result<Expression, FilterError> {
    read(text, false)
}

fn read(text: &str, tries_patterns: bool) -> Result<Expression, FilterError> {
    if text.len() > MAX_LENGTH {
        return Err(FilterError::new(text, 0, format!("a filter has at most {MAX_LENGTH} bytes")));
    }
    let mut parser = Parser { text, tries_patterns, token: Token::End, start: 0, end: 0, depth: 0 };
    parser.advance()?;
    let expression = parser.either()?;
    match parser.token {
        Token::End => Ok(expression),
        Token::Word(word) => Err(parser.expected("`and`, `or` or the end", nearest(word, ["and", "or"]))),
        _ => Err(parser.expected("`and`, `or` or the end", None)),
    }
}

struct Parser<'t> {
    text: &'t str,
    tries_patterns: bool,
    /// The next token, with its place.
    token: Token<'t>,
    start: usize,
    end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Result<(), FilterError> {
        (self.token, self.start, self.end) = lex::token(self.text, self.end)?;
        Ok(())
    }

    /// Takes the next token if it is this one.
    fn takes(&mut self, token: Token<'_>) -> Result<bool, FilterError> {
        let is = self.token == token;
        if is {
            self.advance()?;
        }
        Ok(is)
    }

    fn needs(&mut self, sign: &'static str) -> Result<(), FilterError> {
        if self.takes(Token::Sign(sign))? { Ok(()) } else { Err(self.expected(&format!("`{sign}`"), None)) }
    }

    fn error(&self, message: impl Into<String>) -> FilterError {
        FilterError::new(self.text, self.start, message)
    }

    fn expected(&self, what: &str, hint: Option<String>) -> FilterError {
        self.error(format!("expected {what}, found {}", self.token.describe())).with_hint(hint)
    }

    fn either(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all()?];
        while self.takes(Token::Word("or"))? {
            parts.push(self.all()?);
        }
        Ok(Expression::either(parts))
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.condition()?];
        while self.takes(Token::Word("and"))? {
            parts.push(self.condition()?);
        }
        Ok(Expression::all(parts))
    }

    fn condition(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} `not`s and parentheses in each other")));
        }
        let condition = if self.takes(Token::Word("not"))? {
            self.condition()?.negated()
        } else if self.takes(Token::Sign("("))? {
            let inner = self.either()?;
            self.needs(")")?;
            inner
        } else {
            self.simple()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn simple(&mut self) -> Result<Expression, FilterError> {
        match self.token {
            Token::Word("any") => {
                self.advance()?;
                Ok(Expression::Any)
            }
            Token::Word("static") => {
                let field = self.argument()?;
                if field == Field::Path {
                    Ok(Expression::Test(Test::Static))
                } else {
                    Err(self.error(format!("`static` asks for the path, not for {}", field.name())))
                }
            }
            Token::Word("missing") => Ok(Expression::Test(Test::Missing(self.argument()?))),
            Token::Word(_) => {
                let field = self.field(&STARTS)?;
                self.comparison(field)
            }
            _ => Err(self.expected("a field, `not`, `any` or `(`", None)),
        }
    }

    /// The field in parentheses behind the function that is next.
    fn argument(&mut self) -> Result<Field, FilterError> {
        self.advance()?;
        self.needs("(")?;
        let field = self.field(&[])?;
        self.needs(")")?;
        Ok(field)
    }

    fn field(&mut self, or: &[&'static str]) -> Result<Field, FilterError> {
        let Token::Word(word) = self.token else { return Err(self.expected("a field", None)) };
        let Some(field) = Field::named(word) else {
            let known = Field::ALL.map(Field::name).into_iter().chain(or.iter().copied());
            return Err(self.expected("a field", nearest(word, known)));
        };
        self.advance()?;
        Ok(field)
    }

    fn comparison(&mut self, field: Field) -> Result<Expression, FilterError> {
        match self.token {
            Token::Sign("==") => self.equality(field),
            Token::Sign("!=") => Ok(self.equality(field)?.negated()),
            Token::Word("in") => self.membership(field),
            Token::Word("not") => {
                self.advance()?;
                if self.token != Token::Word("in") {
                    return Err(self.expected("`in`", None));
                }
                Ok(self.membership(field)?.negated())
            }
            Token::Sign("~") => self.pattern(field),
            Token::Sign(sign) => match Order::ALL.into_iter().find(|order| order.name() == sign) {
                Some(order) => self.order(field, order),
                None => Err(self.expected("an operator", None)),
            },
            Token::Word(word) => match Part::NAMED.into_iter().find(|part| part.name() == word) {
                Some(part) => self.part(field, part),
                None => Err(self.expected("an operator", nearest(word, OPERATORS))),
            },
            _ => Err(self.expected("an operator", None)),
        }
    }

    fn equality(&mut self, field: Field) -> Result<Expression, FilterError> {
        self.advance()?;
        if self.token == Token::Sign("[") {
            return Err(self.expected("one value", Some("did you mean `in`?".to_owned())));
        }
        Ok(Expression::Test(match field.kind() {
            Kind::Number => Test::number(field, vec![self.number(field)?]),
            Kind::Text => Test::text(field, Part::Whole, vec![self.text(field)?]),
        }))
    }

    fn membership(&mut self, field: Field) -> Result<Expression, FilterError> {
        self.advance()?;
        if self.token != Token::Sign("[") {
            return Err(self.expected("`[`", None));
        }
        Ok(Expression::Test(match field.kind() {
            Kind::Number => Test::number(field, self.list(|parser| parser.number(field))?),
            Kind::Text => Test::text(field, Part::Whole, self.list(|parser| parser.text(field))?),
        }))
    }

    fn order(&mut self, field: Field, order: Order) -> Result<Expression, FilterError> {
        if field.kind() == Kind::Text {
            return Err(self.error(format!(
                "{} is a text: `{}` compares numbers",
                field.name(),
                order.name()
            )));
        }
        self.advance()?;
        Ok(Expression::Test(Test::Order(field, order, self.number(field)?)))
    }

    fn part(&mut self, field: Field, part: Part) -> Result<Expression, FilterError> {
        self.must_be_text(field, part.name())?;
        self.advance()?;
        let one = |parser: &mut Self| {
            if parser.token == Token::Quoted("") {
                return Err(parser.error("an empty text is part of every text"));
            }
            parser.text(field)
        };
        let values = if self.token == Token::Sign("[") { self.list(one)? } else { vec![one(self)?] };
        Ok(Expression::Test(Test::text(field, part, values)))
    }

    fn pattern(&mut self, field: Field) -> Result<Expression, FilterError> {
        self.must_be_text(field, "~")?;
        self.advance()?;
        let Token::Quoted(pattern) = self.token else {
            return Err(self.expected("a pattern in quotes", None));
        };
        if self.tries_patterns {
            matcher::pattern(field, pattern).map_err(|message| self.error(message))?;
        }
        self.advance()?;
        Ok(Expression::Test(Test::Pattern(field, pattern.to_owned())))
    }

    fn must_be_text(&self, field: Field, operator: &str) -> Result<(), FilterError> {
        match field.kind() {
            Kind::Text => Ok(()),
            Kind::Number => {
                Err(self.error(format!("{} is a number: `{operator}` asks for texts", field.name())))
            }
        }
    }

    fn list<V>(
        &mut self,
        value: impl Fn(&mut Self) -> Result<V, FilterError>,
    ) -> Result<Vec<V>, FilterError> {
        self.needs("[")?;
        let mut values = vec![value(self)?];
        while self.takes(Token::Sign(","))? {
            values.push(value(self)?);
        }
        if self.takes(Token::Sign("]"))? { Ok(values) } else { Err(self.expected("`,` or `]`", None)) }
    }

    fn number(&mut self, field: Field) -> Result<u64, FilterError> {
        let Token::Number(number) = self.token else {
            return Err(self.expected(&format!("a number for {}", field.name()), None));
        };
        if field == Field::Status && number > MAX_STATUS {
            return Err(self.error(format!("a status has three digits, `{number}` has more")));
        }
        self.advance()?;
        Ok(number)
    }

    fn text(&mut self, field: Field) -> Result<Vec<u8>, FilterError> {
        let Token::Quoted(quoted) = self.token else {
            let hint = match self.token {
                Token::Word(word) => Some(format!("texts stand in quotes: \"{word}\"")),
                Token::Number(_) | Token::Quoted(_) | Token::Sign(_) | Token::End => None,
            };
            return Err(self.expected(&format!("a text in quotes for {}", field.name()), hint));
        };
        let bytes = lex::unescape(quoted).map_err(|at| {
            let hint = r#"known are \" \\ \n \r \t and \x with two hexadecimal digits"#;
            FilterError::new(self.text, self.start + 1 + at, "an unknown escape")
                .with_hint(Some(hint.to_owned()))
        })?;
        self.advance()?;
        Ok(bytes)
    }
}
