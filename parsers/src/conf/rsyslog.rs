//! `rsyslog.conf` to rules, and what they do with a message. Knows the common filters and actions; what it does not know,
//! it takes for a filter that does not fit. Follows no include.
//!
//! <https://www.rsyslog.com/doc/configuration/filters.html>

use super::Position;
use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, tag_no_case, take_till, take_until, take_while, take_while1};
use nom::character::complete::{
    char, line_ending, multispace0, multispace1, not_line_ending, space0, space1,
};
use nom::combinator::{all_consuming, consumed, map, opt, recognize, value, verify};
use nom::multi::{many0, separated_list1};
use nom::sequence::{delimited, preceded, separated_pair, terminated};
use nom::{IResult, Parser as _};

/// Severities by their numbers; more urgent ones come first.
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
/// The severity of an access log.
const INFO: usize = 6;

/// A message of severity `info`, as access logs are.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "rsyslog's own names")]
pub struct Message<'m> {
    pub facility: &'m str,
    pub programname: &'m str,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    #[expect(missing_docs)]
    pub file: String,
    /// Line of the rule, from 1.
    pub line: usize,
    /// The file takes the messages of all facilities and programs.
    pub shared: bool,
}

/// A statement of the configuration.
#[derive(Debug, Clone)]
pub enum Statement {
    /// What is done with some messages.
    Rule(Rule),
    /// A pattern of files to read here.
    Include(String),
    /// A port to listen on.
    UdpPort(u16),
    /// A socket to read.
    Socket(String),
}

/// A filter, and what is done with the messages that fit it and with the others.
#[derive(Debug, Clone)]
pub struct Rule {
    filter: Filter,
    line: usize,
    then: Vec<Action>,
    otherwise: Vec<Action>,
}

#[derive(Debug, Clone)]
enum Action {
    File(String),
    Stop,
    Other,
}

#[derive(Debug, Clone)]
enum Filter {
    Always,
    /// `facility.priority`, several of them.
    Selector(Vec<(Vec<String>, String)>),
    Compare {
        property: String,
        operation: String,
        values: Vec<String>,
    },
    Not(Box<Filter>),
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Unknown,
}

impl Rule {
    /// Adds the files that the message is written to, and says whether it is taken from the rules that follow.
    pub fn apply(&self, message: Message<'_>, written: &mut Vec<Written>) -> bool {
        let actions = if self.filter.fits(message) { &self.then } else { &self.otherwise };
        let shared = self.filter.is_wide();
        actions.iter().any(|action| match action {
            Action::File(file) => {
                written.push(Written { file: file.clone(), line: self.line, shared });
                false
            }
            Action::Stop => true,
            Action::Other => false,
        })
    }
}

impl Filter {
    fn fits(&self, message: Message<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Selector(clauses) => selected(clauses, message),
            Self::Compare { property, operation, values } => {
                let holds = |property: &str| values.iter().any(|value| compare(property, operation, value));
                message.property(property).is_some_and(|property| holds(&property))
            }
            Self::Not(filter) => !matches!(**filter, Self::Unknown) && !filter.fits(message),
            Self::All(filters) => filters.iter().all(|filter| filter.fits(message)),
            Self::Any(filters) => filters.iter().any(|filter| filter.fits(message)),
            Self::Unknown => false,
        }
    }

    /// It chooses neither a program nor a facility.
    fn is_wide(&self) -> bool {
        match self {
            Self::Always => true,
            Self::Selector(clauses) => clauses.iter().any(|(facilities, priority)| {
                priority != "none" && facilities.iter().any(|facility| facility == "*")
            }),
            Self::Not(_) | Self::Unknown => true,
            Self::Compare { property, .. } => property.contains("severity"),
            Self::All(filters) => filters.iter().all(Self::is_wide),
            Self::Any(filters) => filters.iter().any(Self::is_wide),
        }
    }
}

impl Message<'_> {
    fn property(self, name: &str) -> Option<String> {
        Some(match name.trim_start_matches(['$', '!']) {
            "programname" | "app-name" | "APP-NAME" => self.programname.to_owned(),
            "syslogtag" => format!("{}[1]:", self.programname),
            "syslogfacility-text" => self.facility.to_owned(),
            "syslogseverity-text" | "syslogpriority-text" => SEVERITIES[INFO].to_owned(),
            "syslogseverity" | "syslogpriority" => INFO.to_string(),
            _ => return None,
        })
    }
}

fn compare(property: &str, operation: &str, value: &str) -> bool {
    match operation {
        "==" | "isequal" => property == value,
        "!=" => property != value,
        "contains" => property.contains(value),
        "contains_i" => property.to_lowercase().contains(&value.to_lowercase()),
        "startswith" => property.starts_with(value),
        "startswith_i" => property.to_lowercase().starts_with(&value.to_lowercase()),
        "<=" => property <= value,
        ">=" => property >= value,
        _ => false,
    }
}

/// Later clauses of a selector change what earlier ones chose.
fn selected(clauses: &[(Vec<String>, String)], message: Message<'_>) -> bool {
    clauses.iter().fold(false, |chosen, (facilities, priority)| {
        if !facilities.iter().any(|facility| facility == "*" || facility == message.facility) {
            return chosen;
        }
        let (negated, name) =
            priority.strip_prefix('!').map_or((false, priority.as_str()), |name| (true, name));
        let fits = match (name, name.strip_prefix('=')) {
            ("none", _) => return false,
            ("*", _) => true,
            (_, Some(name)) => severity(name) == Some(INFO),
            (name, None) => severity(name).is_some_and(|least| least >= INFO),
        };
        if negated { chosen && !fits } else { chosen || fits }
    })
}

fn severity(name: &str) -> Option<usize> {
    let name = match name {
        "warn" => "warning",
        "error" => "err",
        "panic" => "emerg",
        name => name,
    };
    SEVERITIES.iter().position(|severity| *severity == name)
}

type Read<'t, T> = IResult<&'t str, T>;

/// The statements of a file, in order; what is none is left out.
#[must_use]
pub fn parse(text: &str) -> Vec<Statement> {
    let mut statements: Vec<Statement> = Vec::new();
    let mut place = Position::START;
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        place = place.advanced(text, text.len() - rest.len());
        if let Ok((after, again)) = preceded((char('&'), space0), actions).parse(rest) {
            // What fits the filter before is also done with it.
            if let Some(Statement::Rule(rule)) = statements.last_mut() {
                rule.then.extend(again);
            }
            rest = after;
        } else if let Ok((after, found)) = statement(rest, place.line) {
            statements.extend(found);
            rest = after;
        } else if rest.is_empty() {
            return statements;
        } else {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        }
    }
}

fn statement(text: &str, line: usize) -> Read<'_, Option<Statement>> {
    let rule = |(filter, then, otherwise): (_, _, Option<_>)| {
        Some(Statement::Rule(Rule { filter, line, then, otherwise: otherwise.unwrap_or_default() }))
    };
    let else_branch = preceded((multispace0, tag("else"), multispace1), actions);
    alt((
        value(None, (char('#'), not_line_ending)),
        value(None, (tag("/*"), take_until("*/"), tag("*/"))),
        map(include, Some),
        listen,
        socket,
        map((condition, actions, opt(else_branch)), rule),
        map((property_filter, actions), move |(filter, then)| rule((filter, then, None))),
        map((selector, actions), move |(filter, then)| rule((filter, then, None))),
        // What a rule set holds is read as if it stood outside.
        map(actions, move |then| rule((Filter::Always, then, None))),
        value(None, object),
    ))
    .parse(text)
}

/// `$IncludeConfig pattern` or `include(file="pattern")`.
fn include(text: &str) -> Read<'_, Statement> {
    let old = preceded((tag_no_case("$IncludeConfig"), space1), is_not(" \t\r\n"));
    let new = map(verify(object, |object: &str| object.starts_with("include")), |object| {
        parameter(object, "file").unwrap_or_default()
    });
    map(alt((map(old, str::to_owned), new)), Statement::Include).parse(text)
}

/// `$UDPServerRun 514` or `input(type="imudp" port="514")`.
fn listen(text: &str) -> Read<'_, Option<Statement>> {
    map(input("$UDPServerRun", "imudp", "port"), |port| port.parse().ok().map(Statement::UdpPort)).parse(text)
}

/// `$AddUnixListenSocket /path` or `input(type="imuxsock" Socket="/path")`.
fn socket(text: &str) -> Read<'_, Option<Statement>> {
    map(input("$AddUnixListenSocket", "imuxsock", "Socket"), |path| Some(Statement::Socket(path))).parse(text)
}

/// The value of an input, in either language.
fn input<'t>(
    directive: &'static str,
    module: &'static str,
    key: &'static str,
) -> impl FnMut(&'t str) -> Read<'t, String> {
    move |text| {
        let old = preceded((tag_no_case(directive), space1), is_not(" \t\r\n"));
        let is_input = |object: &str| {
            object.starts_with("input") && parameter(object, "type").is_some_and(|kind| kind == module)
        };
        let new = map(verify(object, is_input), |object| parameter(object, key).unwrap_or_default());
        alt((map(old, str::to_owned), new)).parse(text)
    }
}

/// `name(key="value" …)`.
fn object(text: &str) -> Read<'_, &str> {
    let piece = alt((recognize(quoted), is_not(")\"'")));
    recognize((take_while1(|c: char| c.is_ascii_alphabetic()), space0, char('('), many0(piece), char(')')))
        .parse(text)
}

/// The value of a parameter of an object.
fn parameter(object: &str, name: &str) -> Option<String> {
    let key = take_while1(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let pair = separated_pair(key, (multispace0, char('='), multispace0), quoted);
    let (_, inner) = object.split_once('(')?.1.strip_suffix(')').map(|inner| ((), inner))?;
    let pairs: IResult<&str, Vec<(&str, &str)>> = many0(preceded(multispace0, pair)).parse(inner);
    let (_, pairs) = pairs.ok()?;
    pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
}

fn quoted(text: &str) -> Read<'_, &str> {
    let between = |quote| delimited(char(quote), take_till(move |c| c == quote), char(quote));
    alt((between('"'), between('\''))).parse(text)
}

/// `if … then`.
fn condition(text: &str) -> Read<'_, Filter> {
    let whole = delimited((tag("if"), multispace1), take_until("then"), (tag("then"), multispace0));
    map(whole, filter).parse(text)
}

fn any_of(text: &str) -> Read<'_, Filter> {
    map(separated_list1(delimited(multispace1, tag("or"), multispace1), all_of), Filter::Any).parse(text)
}

fn all_of(text: &str) -> Read<'_, Filter> {
    map(separated_list1(delimited(multispace1, tag("and"), multispace1), comparison), Filter::All).parse(text)
}

/// One comparison, or some in parentheses, perhaps negated.
fn comparison(text: &str) -> Read<'_, Filter> {
    let inner = take_while1(|c| c != '(' && c != ')');
    // Those in parentheses have none in them, so that nothing is nested without end.
    let in_parentheses = map(delimited(char('('), inner, char(')')), filter);
    let (rest, (not, filter)) =
        (opt((tag("not"), multispace1)), alt((property_comparison, in_parentheses))).parse(text)?;
    Ok((rest, if not.is_some() { Filter::Not(Box::new(filter)) } else { filter }))
}

fn filter(text: &str) -> Filter {
    all_consuming(any_of).parse(text.trim()).map_or(Filter::Unknown, |(_, filter)| filter)
}

/// `$property operation 'value'`.
fn property_comparison(text: &str) -> Read<'_, Filter> {
    let name = recognize((char('$'), take_while1(|c: char| c.is_ascii_alphanumeric() || "-_!".contains(c))));
    let operation = take_while1(|c: char| c.is_ascii_alphabetic() || "=!<>_".contains(c));
    let list = delimited(char('['), separated_list1(comma, quoted), char(']'));
    let number = take_while1(|c: char| c.is_ascii_digit());
    let values = alt((map(alt((quoted, number)), |value| vec![value]), list));
    let (rest, (property, _, operation, _, values)) =
        (name, multispace0, operation, multispace0, values).parse(text)?;
    let filter = Filter::Compare {
        property: property.to_owned(),
        operation: operation.to_owned(),
        values: values.into_iter().map(str::to_owned).collect(),
    };
    Ok((rest, filter))
}

/// `:property, operation, "value"`.
fn property_filter(text: &str) -> Read<'_, Filter> {
    let word = |text| take_while1(|c: char| c.is_ascii_alphanumeric() || "-_$!".contains(c)).parse(text);
    let (rest, (_, property, _, not, operation, _, value, _)) =
        (char(':'), word, comma, opt(char('!')), word, comma, quoted, multispace0).parse(text)?;
    let filter = Filter::Compare {
        property: property.to_owned(),
        operation: operation.to_owned(),
        values: vec![value.to_owned()],
    };
    Ok((rest, if not.is_some() { Filter::Not(Box::new(filter)) } else { filter }))
}

fn comma(text: &str) -> Read<'_, &str> {
    recognize((space0, char(','), space0)).parse(text)
}

/// `local0.*;mail,news.none`.
fn selector(text: &str) -> Read<'_, Filter> {
    let facility = map(take_while1(|c: char| c.is_ascii_alphanumeric() || c == '*'), str::to_owned);
    let priority = recognize((
        take_while(|c| c == '!' || c == '='),
        take_while1(|c: char| c.is_ascii_alphabetic() || c == '*'),
    ));
    let clause =
        separated_pair(separated_list1(char(','), facility), char('.'), map(priority, str::to_owned));
    map(terminated(separated_list1(char(';'), clause), space1), Filter::Selector).parse(text)
}

/// What is done with a message: one action, or a block of them.
fn actions(text: &str) -> Read<'_, Vec<Action>> {
    let comment = value(Action::Other, (char('#'), not_line_ending));
    let block = delimited(
        (char('{'), multispace0),
        many0(terminated(alt((comment, action)), multispace0)),
        char('}'),
    );
    alt((block, map(action, |action| vec![action]))).parse(text)
}

fn action(text: &str) -> Read<'_, Action> {
    let path = preceded(opt(char('-')), recognize((char('/'), is_not(" \t\r\n;}"))));
    let template = opt(preceded(char(';'), is_not(" \t\r\n}")));
    let file = map(terminated(path, template), |path: &str| Action::File(path.to_owned()));
    let stop = value(Action::Stop, alt((tag("stop"), tag("~"))));
    let written = map(verify(object, |object: &str| object.starts_with("action")), |object| {
        let omfile = parameter(object, "type").is_some_and(|kind| kind == "omfile");
        let file = parameter(object, "file").filter(|_| omfile);
        file.map_or(Action::Other, Action::File)
    });
    let elsewhere = value(
        Action::Other,
        consumed((
            verify(not_line_ending, |line: &str| line.starts_with(['@', '|', ':', '?', '*', '^'])),
            opt(line_ending),
        )),
    );
    alt((file, stop, written, elsewhere)).parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files with their lines, and whether others write to them too.
    fn files(configuration: &str, facility: &str) -> Vec<(String, usize, bool)> {
        let message = Message { facility, programname: "haproxy" };
        let mut written = Vec::new();
        parse(configuration).iter().any(|statement| match statement {
            Statement::Rule(rule) => rule.apply(message, &mut written),
            Statement::Include(_) | Statement::UdpPort(_) | Statement::Socket(_) => false,
        });
        written.into_iter().map(|written| (written.file, written.line, written.shared)).collect()
    }

    const DEBIAN: &str = r#"# Create an additional socket
$AddUnixListenSocket /var/lib/haproxy/dev/log

:programname, startswith, "haproxy" {
  /var/log/haproxy.log
  stop
}
*.*;auth,authpriv.none		-/var/log/syslog
"#;

    #[test]
    fn the_ways_to_write_a_rule() {
        let haproxy = |line| [("/var/log/haproxy.log".to_owned(), line, false)];
        for (configuration, expected) in [
            (DEBIAN, haproxy(4)),
            ("local0.* -/var/log/haproxy.log\n& stop\n", haproxy(1)),
            ("local0.info /var/log/haproxy.log;Template # x\n", haproxy(1)),
            ("*.info;local0.none /var/log/messages\nlocal0,local1.=info /var/log/haproxy.log\n", haproxy(2)),
            ("if $programname == 'haproxy' then /var/log/haproxy.log\n", haproxy(1)),
            (
                "if ($programname startswith \"hapr\") and not ($syslogseverity <= 3) then {\n  # its own file\n  action(type=\"omfile\"\n         file=\"/var/log/haproxy.log\")\n  stop\n}\n",
                haproxy(1),
            ),
            (
                "if $syslogfacility-text == ['local0', 'local1'] then { action(type=\"omfile\" file=\"/var/log/haproxy.log\") }\n",
                haproxy(1),
            ),
            ("if $programname == 'nginx' then /var/log/n.log\nelse /var/log/haproxy.log\n", haproxy(1)),
            (
                ":programname, !isequal, \"haproxy\" /var/log/other\nlocal0.* /var/log/haproxy.log\n",
                haproxy(2),
            ),
        ] {
            let files = files(configuration, "local0");
            assert_eq!(files, expected, "{configuration}");
        }
    }

    #[test]
    fn messages_of_other_facilities_and_severities_are_elsewhere() {
        for configuration in [
            "local1.* /var/log/haproxy.log\n",
            "local0.notice /var/log/haproxy.log\n",
            "*.*;local0.none /var/log/syslog\n",
            "local0.* stop\nlocal0.* /var/log/haproxy.log\n",
            "local0.* @@192.0.2.1:514\n",
            "if re_match($msg, 'x') then /var/log/x.log\n",
        ] {
            assert_eq!(files(configuration, "local0"), [], "{configuration}");
        }
    }

    #[test]
    fn a_file_for_all_programs_is_known_as_such() {
        let rules = "*.info;mail.none;authpriv.none /var/log/messages\nlocal0.* /var/log/haproxy.log\n";
        let messages = ("/var/log/messages".to_owned(), 1, true);
        assert_eq!(files(rules, "local0"), [messages, ("/var/log/haproxy.log".to_owned(), 2, false)]);
    }

    #[test]
    fn sockets_are_known_in_both_languages() {
        let configuration = "$AddUnixListenSocket /var/lib/haproxy/dev/log # its own\ninput(type=\"imuxsock\" Socket=\"/b/log\")\n";
        let sockets: Vec<_> = parse(configuration)
            .into_iter()
            .filter_map(|statement| match statement {
                Statement::Socket(path) => Some(path),
                _ => None,
            })
            .collect();
        assert_eq!(sockets, ["/var/lib/haproxy/dev/log", "/b/log"]);
    }

    #[test]
    fn includes_and_ports_are_known_in_both_languages() {
        let configuration = "module(load=\"imudp\")\ninput(type=\"imudp\" port=\"514\")\n$UDPServerRun 5140\n$IncludeConfig /a/*.conf\ninclude(file=\"/b/*.conf\" mode=\"optional\")\n";
        let shown: Vec<_> = parse(configuration).iter().map(|statement| format!("{statement:?}")).collect();
        assert_eq!(
            shown,
            ["UdpPort(514)", "UdpPort(5140)", "Include(\"/a/*.conf\")", "Include(\"/b/*.conf\")"]
        );
    }

    #[test]
    fn odd_text_does_no_harm() {
        for text in [
            "",
            "{",
            "}",
            "if",
            "if (((( then x",
            "((((",
            "& stop",
            ":a",
            "action(",
            "\"",
            "é.é /é",
            "*.* /é\n",
        ] {
            assert!(parse(text).len() < 2, "{text}");
        }
    }
}
