//! What filters say of records, what is wrong with others, and that each is read as it is printed.

use super::expression::{Expression, Test};
use super::word::{Field, Kind, Order, Part};
use super::{Filter, Subject, matcher, parse};
use logstat_parsers::Record;
use proptest::prelude::*;

fn record() -> Record<'static> {
    Record {
        method: Some(b"GET"),
        target: Some(b"/shop/List.php?id=7"),
        status: Some(404),
        user_agent: Some(b"SQLmap/1.8"),
        latency_us: Some(1_500_500),
        ..Record::default()
    }
}

fn holds(filter: &str, record: &Record<'_>) -> bool {
    Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}")).matches(record)
}

#[test]
fn conditions_hold_or_do_not() {
    for (filter, expected) in [
        ("any", true),
        ("not any", false),
        ("status == 404", true),
        ("status != 404", false),
        ("status in [400, 404]", true),
        ("status not in [400, 404]", false),
        ("status >= 404 and status < 405", true),
        ("latency_ms > 1500", true),
        ("latency_ms == 1500", false),
        ("latency_ms <= 1501", true),
        ("path == \"/shop/List.php\"", true),
        ("path == \"/shop/list.php\"", false),
        ("path starts_with [\"/a\", \"/shop\"]", true),
        ("path ends_with \".php\" and query == \"id=7\"", true),
        ("path contains [\"op/l\", \"op/L\"]", true),
        (r#"path ~ "^/\w+/[A-Z]""#, true),
        (r#"path ~ "list""#, false),
        ("user_agent contains \"sqlMAP\"", true),
        ("user_agent ~ \"^sqlmap/[0-9]\"", true),
        ("user_agent ends_with \"AP/1.8\"", true),
        ("static(path)", false),
        ("missing(referrer) and not missing(path)", true),
        ("status == 200 or method == \"POST\" or not static(path)", true),
        ("(status == 200 or status == 404) and method == \"POST\"", false),
    ] {
        assert_eq!(holds(filter, &record()), expected, "{filter}");
    }
}

#[test]
fn missing_is_not_equal_to_anything() {
    let nothing = Record::default();
    for field in Field::ALL {
        let value = if field.kind() == Kind::Number { "0" } else { "\"\"" };
        assert!(!holds(&format!("{} == {value}", field.name()), &nothing));
        assert!(holds(&format!("{} != {value}", field.name()), &nothing));
        assert!(holds(&format!("missing({})", field.name()), &nothing));
        let cut = Record { truncated: true, ..Record::default() };
        assert!(!holds(&format!("missing({})", field.name()), &cut));
    }
    assert!(!holds("bytes_sent < 1 or bytes_sent >= 0 or path ~ \"\" or static(path)", &nothing));
}

#[test]
fn a_path_has_no_scheme_authority_or_query() {
    let path = |target: &'static [u8]| {
        let record = Record { target: Some(target), ..Record::default() };
        let subject = Subject::of(&record);
        (subject.text(Field::Path).unwrap(), subject.text(Field::Query))
    };
    assert_eq!(path(b"HTTP://example.net/.env?a?b"), (&b"/.env"[..], Some(&b"a?b"[..])));
    assert_eq!(path(b"https://example.net"), (&b""[..], None));
    assert_eq!(path(b"/a?u=http://example.net/b"), (&b"/a"[..], Some(&b"u=http://example.net/b"[..])));
    assert_eq!(path(b"*"), (&b"*"[..], None));
}

#[test]
fn static_is_the_extension_of_the_last_segment() {
    for (target, expected) in [
        ("/a/B.PNG?x=1", true),
        ("/app.min.js", true),
        ("/a.css/b", false),
        ("/?f=a.css", false),
        ("/css", false),
        ("/.env", false),
        ("/a.json", false),
    ] {
        let record = Record { target: Some(target.as_bytes()), ..Record::default() };
        assert_eq!(holds("static(path)", &record), expected, "{target}");
    }
}

#[test]
fn a_wrong_filter_has_a_place_and_a_hint() {
    for (text, expected) in [
        ("stauts == 404", "1:1: expected a field, found `stauts`\nhint: did you mean `status`?"),
        ("referer == \"a\"", "1:1: expected a field, found `referer`\nhint: did you mean `referrer`?"),
        (
            "status == 404 adn any",
            "1:15: expected `and`, `or` or the end, found `adn`\nhint: did you mean `and`?",
        ),
        ("status = 404", "1:8: `=` means nothing here\nhint: did you mean `==`?"),
        ("any &&\n any", "1:5: `&&` means nothing here\nhint: did you mean `and`?"),
        ("any and\n  path == /a", "2:11: `/` means nothing here"),
        (
            "path == a",
            "1:9: expected a text in quotes for path, found `a`\nhint: texts stand in quotes: \"a\"",
        ),
        ("status == \"404\"", "1:11: expected a number for status, found a text"),
        ("status == [404]", "1:11: expected one value, found `[`\nhint: did you mean `in`?"),
        ("status in []", "1:12: expected a number for status, found `]`"),
        ("status in [1 2]", "1:14: expected `,` or `]`, found `2`"),
        ("status == 4040", "1:11: a status has three digits, `4040` has more"),
        (
            "latency_ms > 5s",
            "1:14: `5s` is no number that can be compared with\nhint: a whole number without a unit",
        ),
        ("path > 5", "1:6: path is a text: `>` compares numbers"),
        ("status ~ \"4..\"", "1:8: status is a number: `~` asks for texts"),
        (
            "path contians \"a\"",
            "1:6: expected an operator, found `contians`\nhint: did you mean `contains`?",
        ),
        ("path contains [\"a\", \"\"]", "1:21: an empty text is part of every text"),
        ("path ~ \"é(\"", "1:8: not a pattern: unclosed group"),
        (
            "path == \"é\\q\"",
            "1:11: an unknown escape\nhint: known are \\\" \\\\ \\n \\r \\t and \\x with two hexadecimal digits",
        ),
        ("path == \"a", "1:9: a text without its closing quote"),
        ("(any", "1:5: expected `)`, found the end"),
        ("", "1:1: expected a field, `not`, `any` or `(`, found the end"),
        ("static(query)", "1:14: `static` asks for the path, not for query"),
    ] {
        assert_eq!(Filter::parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    let deep = "not ".repeat(10_000);
    assert!(Filter::parse(&deep[..16_000]).unwrap_err().message.contains("more than 64"));
    assert!(Filter::parse(&"(".repeat(20_000)).unwrap_err().message.contains("at most"));
    assert!(Filter::parse(r#"path ~ "(\w{1000}){1000}""#).unwrap_err().message.contains("not a pattern"));
}

#[test]
fn the_canonical_form_is_the_shortest() {
    for (text, expected) in [
        ("((any))", "any"),
        ("not not status in [404,400,404]", "status in [400, 404]"),
        ("not status == 1", "status != 1"),
        ("not (path in [\"b\", \"a\"])", "path not in [\"a\", \"b\"]"),
        ("any and (any and any) or (any or any)", "any and any and any or any or any"),
        ("any and (any or not (any or any))", "any and (any or not (any or any))"),
        (r#"path == "\x41\x0a\xff\"é\\""#, r#"path == "A\x0a\xff\"é\\""#),
        (r#"path ~ "\"\d""#, r#"path ~ "\"\d""#),
    ] {
        assert_eq!(Filter::parse(text).unwrap().to_string(), expected);
    }
}

#[test]
fn an_explanation_points_into_the_line() {
    let line = b"x /a/../../b?q=1 sqlmap y";
    let record = Record {
        target: Some(&line[2..16]),
        status: Some(404),
        user_agent: Some(&line[17..23]),
        ..Record::default()
    };
    let filter = Filter::parse(
        r#"status == 404 and not static(path) and (path ~ "z" or path ~ "(\.\./){2}") and user_agent contains "MAP""#,
    );
    let evidence = filter.unwrap().explain(&Subject::of(&record)).unwrap();
    let told: Vec<_> = evidence
        .iter()
        .map(|found| (found.condition.as_str(), found.place_in(line).map(|at| &line[at])))
        .collect();
    assert_eq!(
        told,
        [
            ("status == 404", None),
            ("not static(path)", None),
            (r#"path ~ "(\.\./){2}""#, Some(&b"../../"[..])),
            ("user_agent contains \"MAP\"", Some(&b"map"[..])),
        ]
    );
    assert_eq!(Filter::parse("status == 1").unwrap().explain(&Subject::of(&record)), None);
    assert_eq!(evidence[2].place_in(b"another line"), None);
}

fn number_test() -> impl Strategy<Value = Test> {
    let field = prop::sample::select(vec![Field::Status, Field::LatencyMs, Field::BytesSent]);
    let order = prop::sample::select(Order::ALL.to_vec());
    (field, order, prop::collection::vec(0_u64..=999, 1..4), any::<bool>()).prop_map(
        |(field, order, values, is_order)| {
            if is_order { Test::Order(field, order, values[0]) } else { Test::number(field, values) }
        },
    )
}

fn text_test() -> impl Strategy<Value = Test> {
    let fields = Field::ALL.into_iter().filter(|field| field.kind() == Kind::Text).collect::<Vec<_>>();
    let part = prop::sample::select(vec![Part::Whole, Part::Start, Part::End, Part::Anywhere]);
    let bytes =
        prop_oneof![prop::collection::vec(any::<u8>(), 1..6), "\\PC{1,6}".prop_map(String::into_bytes),];
    let texts = prop::collection::vec(bytes, 1..4);
    let pattern = prop::sample::select(vec!["", r"\d+", r#"^[^\"]\\"#, "(?i)a|b"]);
    (prop::sample::select(fields), part, texts, pattern, 0..5).prop_map(
        |(field, part, texts, pattern, which)| match which {
            0 => Test::Pattern(field, pattern.to_owned()),
            1 => Test::Static,
            2 => Test::Missing(field),
            _ => Test::text(field, part, texts),
        },
    )
}

/// Any expression.
pub(crate) fn expression() -> impl Strategy<Value = Expression> {
    let test = prop_oneof![number_test(), text_test()].prop_map(Expression::Test);
    prop_oneof![Just(Expression::Any), test.clone(), test].prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expression::all),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expression::either),
            inner.prop_map(Expression::negated),
        ]
    })
}

fn any_record() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, Option<u16>, bool)> {
    (prop::collection::vec(any::<u8>(), 0..20), "[/.?a-cA-C%]{0,12}", any::<Option<u16>>(), any::<bool>())
        .prop_map(|(bytes, target, status, truncated)| (bytes, target.into_bytes(), status, truncated))
}

/// What the expression says of a record, without compiled matchers.
fn naive(expression: &Expression, subject: &Subject<'_, '_>) -> bool {
    let fold = |field: Field, text: &[u8]| {
        if field.ignores_case() { text.to_ascii_lowercase() } else { text.to_vec() }
    };
    match expression {
        Expression::Any => true,
        Expression::All(parts) => parts.iter().all(|part| naive(part, subject)),
        Expression::Either(parts) => parts.iter().any(|part| naive(part, subject)),
        Expression::Not(inner) => !naive(inner, subject),
        Expression::Test(Test::Text(field, part, values)) => subject.text(*field).is_some_and(|text| {
            let text = fold(*field, text);
            values.iter().map(|value| fold(*field, value)).any(|value| match part {
                Part::Whole => text == value,
                Part::Start => text.starts_with(&value),
                Part::End => text.ends_with(&value),
                Part::Anywhere => text.windows(value.len()).any(|window| window == value),
            })
        }),
        Expression::Test(Test::Number(Field::Status, values)) => {
            subject.record().status.is_some_and(|status| values.contains(&u64::from(status)))
        }
        Expression::Test(_) => matcher::Matcher::compile(expression).unwrap().matches(subject),
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(expression in expression()) {
        let text = expression.to_string();
        let read = parse::expression(&text);
        prop_assert_eq!(read.as_ref(), Ok(&expression), "{}", text);
    }

    #[test]
    fn matchers_say_what_the_expression_says(
        expression in expression(),
        (bytes, target, status, truncated) in any_record(),
    ) {
        let record = Record {
            method: Some(&bytes), target: Some(&target), status, user_agent: Some(&bytes), truncated,
            ..Record::default()
        };
        let subject = Subject::of(&record);
        let filter = Filter::parse(&expression.to_string()).unwrap();
        prop_assert_eq!(filter.holds(&subject), naive(&expression, &subject));
        prop_assert_eq!(filter.explain(&subject).is_some(), filter.holds(&subject));
        for found in filter.explain(&subject).into_iter().flatten() {
            if let (Some(text), Some(bytes)) = (found.text, found.bytes) {
                prop_assert!(bytes.start <= bytes.end && bytes.end <= text.len());
            }
        }
    }

    #[test]
    fn any_text_is_a_filter_or_an_error_with_a_place(text in "\\PC{0,60}") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(text.is_char_boundary(error.at) && error.line >= 1 && error.column >= 1);
        }
    }

    #[test]
    fn words_in_any_order_never_panic(words in prop::collection::vec(prop::sample::select(vec![
        "status", "path", "user_agent", "any", "not", "and", "or", "in", "static", "missing", "contains", "~", "==", "!=",
        "<", "(", ")", "[", "]", ",", "404", "\"a\"", "\"\\x4", "\"", "\\", "é", "\n",
    ]), 0..12)) {
        let text = words.join(" ");
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert_eq!(&Filter::parse(&filter.to_string()).unwrap(), &filter);
        }
    }
}
