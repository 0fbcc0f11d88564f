use super::*;
use proptest::prelude::*;

#[derive(Debug, Deserialize)]
struct Document {
    rules: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    rule: Vec<RuleConfig>,
}

fn resolved(text: &str) -> Result<Vec<Rule>, RuleError> {
    let document: Document = toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    resolve(document.rules.as_deref(), &document.rule)
}

fn wrong(text: &str) -> (String, &str) {
    let error = resolved(text).unwrap_err();
    (error.to_string(), &text[error.byte(text).unwrap()..])
}

#[test]
fn a_written_rule_changes_the_shipped_one_field_by_field() {
    let plain = resolved("rules = [\"probing\"]").unwrap().remove(0);
    let rules =
        resolved("rules = [\"recidive\"]\n[[rule]]\nname = \"probing\"\nmaxretry = 20\nbantime = \"30d\"\n")
            .unwrap();
    let names: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["probing", "recidive"]);
    let bantime: Duration = "30d".parse().unwrap();
    assert_eq!(rules[0], Rule { maxretry: 20, bantime, bantime_max: bantime, ..plain });
    assert_eq!(rules[1].what, What::Bans);
}

#[test]
fn an_own_rule_has_all_its_words() {
    let rules = resolved(
        r#"
        rules = []
        [[rule]]
        name = "slow"
        filter = 'latency_ms > 5000 and query contains "report"'
        key = "client"
        distinct = "query"
        maxretry = 3
        findtime = "10m"
        bantime = "1h"
        bantime_factor = 3
        bantime_max = "1d"
        "#,
    );
    let rule = rules.unwrap().remove(0);
    assert_eq!((rule.maxretry, rule.findtime.us(), rule.bantime_max.seconds()), (3, 600_000_000, 86_400));
    assert_eq!(rule.bantime_factor, 3.0);
    assert!(matches!(rule.what, What::Requests { distinct: Some(Distinct::Query), .. }));
}

#[test]
fn without_names_the_default_rules_are_on() {
    let names = |text: &str| resolved(text).unwrap().into_iter().map(|rule| rule.name).collect::<Vec<_>>();
    assert_eq!(names(""), shipped::DEFAULT);
    assert_eq!(names("rules = []"), [""; 0]);
    let own = "[[rule]]\nname = \"a\"\nfilter = \"any\"\nmaxretry = 1\nfindtime = \"1s\"\n";
    assert_eq!(names(own).last().map(String::as_str), Some("a"));
    assert_eq!(names(&format!("rules = [\"malformed\", \"xss\"]\n{own}")), ["xss", "malformed", "a"]);
}

#[test]
fn a_command_line_picks_rules_by_name_or_by_filter() {
    let document: Document = toml::from_str(
        "[[rule]]\nname = \"xss\"\nmaxretry = 9\n[[rule]]\nname = \"a\"\nfilter = \"any\"\nmaxretry = 2\nfindtime = \"1s\"",
    )
    .unwrap();
    let picked = pick(&["a".to_owned(), "crawl".to_owned(), "xss".to_owned()], &document.rule).unwrap();
    let picked: Vec<_> = picked.iter().map(|rule| (rule.name.as_str(), rule.maxretry)).collect();
    assert_eq!(picked, [("xss", 9), ("crawl", 160), ("a", 2)]);
    let error = pick(&["probin".to_owned()], &document.rule).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rule `probin`: there is no rule of this name\nhint: did you mean `probing`?"
    );
    assert_eq!(error.byte("probin"), None);

    let one = |text: &str| named_or_filter(text, &document.rule);
    assert_eq!(one("xss").unwrap().maxretry, 9);
    assert_eq!(one("any").unwrap().name, EXPRESSION);
    assert_eq!(one("status == 404").unwrap().what, Rule::of_filter("status in [404]").unwrap().what);
    assert!(one("x-s").unwrap_err().to_string().contains("there is no rule of this name"));
    assert_eq!(
        one("stauts == 404").unwrap_err().to_string(),
        "rule `expression`: 1:1: expected a field, found `stauts`\nhint: did you mean `status`?"
    );
}

#[test]
fn a_word_is_changed_within_its_bounds() {
    let rule = pick(&["probing".to_owned()], &[]).unwrap().remove(0);
    let changed = rule.with(Word::Maxretry, 50).unwrap();
    assert_eq!(changed, Rule { maxretry: 50, ..rule.clone() });
    let long = rule.with("bantime".parse().unwrap(), Word::Bantime.value("30d").unwrap()).unwrap();
    assert_eq!((long.bantime.seconds(), long.bantime_max), (30 * 86_400, long.bantime));
    assert_eq!(rule.with(Word::Findtime, 60).unwrap().threshold().findtime_us, 60_000_000);
    assert_eq!(rule.with(Word::Maxretry, 0), Err("maxretry is from 1 to 10000".to_owned()));
    assert!(Word::Maxretry.value("5s").unwrap_err().contains("no whole number"));
    assert!(Word::Findtime.value("5").unwrap_err().contains("with a unit"));
    assert!("findtme".parse::<Word>().unwrap_err().contains("did you mean `findtime`?"));
}

#[test]
fn a_rule_decides_by_what_it_counts() {
    let counts = |name: &str| pick(&[name.to_owned()], &[]).unwrap().remove(0).threshold().counts;
    assert_eq!(
        ["probing", "xss", "recidive", "ipv6-56", "ipv6-48", "malformed", "ambiguous"].map(counts),
        [
            Counts::Distinct,
            Counts::Hits,
            Counts::Relapses,
            Counts::Neighbours(56),
            Counts::Neighbours(48),
            Counts::Hits,
            Counts::Hits
        ]
    );
}

#[test]
fn a_wrong_rule_has_a_place_and_a_hint() {
    let (message, at) = wrong("rules = [\"xmlrpc\", \"probin\"]");
    assert_eq!(message, "rule `probin`: there is no rule of this name\nhint: did you mean `probing`?");
    assert_eq!(at, "\"probin\"]");
    let (message, at) = wrong("[[rule]]\nname = \"probing\"\nfilter = '''\nany and\n  stauts == 4'''\n");
    assert_eq!(
        message,
        "rule `probing`: filter:2:3: expected a field, found `stauts`\nhint: did you mean `status`?"
    );
    assert_eq!(at, "stauts == 4'''\n");
    let (_, at) = wrong("[[rule]]\nname = \"a\"\nfilter = \"path == \\\"b\\\" or c\"\n");
    assert_eq!(at, "\"path == \\\"b\\\" or c\"\n");
    let (message, at) = wrong("[[rule]]\nname = \"recidiv\"\nmaxretry = 2\n");
    assert!(message.ends_with("hint: did you mean `recidive`?"), "{message}");
    assert_eq!(at, "\"recidiv\"\nmaxretry = 2\n");
    for (text, expected) in [
        ("name = \"A b\"", "a name has 1 to 32"),
        ("name = \"a\"\nfilter = \"any\"\nmaxretry = 2", "it has no findtime"),
        ("name = \"a\"\nfilter = \"any\"\nfindtime = \"2s\"", "it has no maxretry"),
        ("name = \"recidive\"\nfilter = \"any\"", "it counts bans"),
        ("name = \"malformed\"\ndistinct = \"path\"", "it counts lines that cannot be read"),
        ("name = \"probing\"\nprefix = 56", "it counts requests: only neighbours have a prefix"),
        (
            "name = \"a\"\nover = \"neighbours\"\nmaxretry = 2\nfindtime = \"2s\"",
            "it has no prefix\nhint: prefix = 56",
        ),
        ("name = \"xmlrpc\"\nbantime_max = \"1s\"", "bantime_max (1s) is less than bantime (4h)"),
        ("name = \"xmlrpc\"\n[[rule]]\nname = \"xmlrpc\"", "there are two rules"),
    ] {
        let text = format!("[[rule]]\n{text}\n");
        let (message, _) = wrong(&text);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_wrong_value_is_told_by_its_bounds() {
    for (text, expected) in [
        ("maxretry = 0", "`0` is not a whole number from 1 to 10000"),
        ("maxretry = -1", "`-1` is not a whole number from 1 to 10000"),
        ("prefix = 64", "`64` is not a whole number from 48 to 63"),
        ("over = \"lines\"", "expected one of `requests`, `bans`, `neighbours`, `rejects`, `ambiguous`"),
        ("bantime_factor = 1000", "from 1 to 100"),
        ("findtime = 100", "expected a duration with its unit, such as \"100s\""),
        ("findtime = \"100\"", "a whole number with a unit"),
        ("findtime = \"0s\"", "at least 1s and at most 366d"),
        ("findtime = \"99999999999w\"", "at least 1s and at most 366d"),
        ("distinct = \"pth\"", "expected one of `path`, `query`, `user_agent`"),
        ("maxtry = 1", "unknown field `maxtry`"),
    ] {
        let text = format!("[[rule]]\nname = \"a\"\n{text}\n");
        let error = toml::from_str::<Document>(&text).unwrap_err();
        assert!(error.message().contains(expected), "{}", error.message());
        assert!(error.span().is_some_and(|span| span.start >= 20), "{error:?}");
    }
}

proptest! {
    #[test]
    fn a_duration_is_read_as_it_is_printed(seconds in 1..=MAX_DURATION_S) {
        let duration = Duration::from_seconds(seconds).unwrap();
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn any_text_is_a_duration_or_none(text in "\\PC{0,12}") {
        prop_assert!(text.parse::<Duration>().map_or(true, |duration| duration.seconds() >= 1));
    }
}
