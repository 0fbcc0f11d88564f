//! `haproxy.cfg` is read as HAProxy reads it.

use logstat_parsers::conf::haproxy::{Environment, File, parse};
use logstat_parsers::{Format, Line, Options, Preset};
use proptest::prelude::*;

fn variable(name: &str) -> Option<String> {
    Some(match name {
        "WORDS" => " one  two ".to_owned(),
        "HOST" => "lb1".to_owned(),
        "EMPTY" => String::new(),
        _ => return None,
    })
}

fn read(text: &str) -> File {
    parse(text, &mut Environment::new(&variable)).unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &str) -> String {
    parse(text, &mut Environment::new(&variable)).expect_err("a mistake").to_string()
}

/// The words of a line in `global`.
fn words(line: &str) -> Vec<String> {
    let file = read(&format!("global\n{line}\n"));
    let line = file.sections[0].lines.first().map(|line| line.words.clone()).unwrap_or_default();
    line.into_iter().map(|word| word.text).collect()
}

#[test]
fn words_are_cut_and_unquoted_as_the_manual_says() {
    let cases: &[(&str, &[&str])] = &[
        ("  log  /dev/log\tlocal0   # here", &["log", "/dev/log", "local0"]),
        ("# only a comment", &[]),
        ("a#b c", &["a"]),
        (r"a\#b \# c", &["a#b", "#", "c"]),
        (r"log-format %{+Q}o\ %t\ %s\ %{-Q}r", &["log-format", "%{+Q}o %t %s %{-Q}r"]),
        (r#"log-format "%{+Q}o %t"' %s'\ %{-Q}r"#, &["log-format", "%{+Q}o %t %s %{-Q}r"]),
        (r#""it's # here" 'say "no"'"#, &["it's # here", r#"say "no""#]),
        (r#""\"\$\\\x41\t\#\ " \$ '\$\x41'"#, &["\"$\\A\t# ", "\\$", r"\$\x41"]),
        (r"\xc3\xa9 \q \", &["é", r"\q", r"\"]),
        (r#"a "" '' b"#, &["a", "", "", "b"]),
        (r#"$HOST "$HOST" "${HOST}:1" '$HOST'"#, &["$HOST", "lb1", "lb1:1", "$HOST"]),
        (r#""${NONE-a b}" "${EMPTY-a}" "${HOST-a}""#, &["a b", "", "lb1"]),
        (
            r#""${WORDS[*]}" "x${WORDS[*]}y" "${EMPTY[*]}" "${NONE[*]-a b}""#,
            &["one", "two", "x", "one", "two", "y", "a", "b"],
        ),
        (r#""${.LINE}" "${.SECTION}""#, &["2", "global"]),
    ];
    for (line, expected) in cases {
        assert_eq!(words(line), *expected, "{line}");
    }
}

#[test]
fn a_line_ends_at_a_carriage_return_and_nothing_continues_it() {
    let file = read("global\r\n\tlog /dev/log local0 \\\r\n\tmaxconn 10\r\ndefaults\r\n");
    assert_eq!(file.sections.len(), 2);
    assert_eq!(file.sections[0].lines[0].words_from(0), "log /dev/log local0 \\");
    assert_eq!(file.sections[0].lines[1].words_from(0), "maxconn 10");
    assert_eq!(file.sections[0].lines[1].number, 3);
}

#[test]
fn sections_have_names_and_ancestors() {
    let file = read(
        "defaults\ndefaults web\ndefaults from web\ndefaults tls from web\nfrontend www from tls\nring r\n",
    );
    let heads: Vec<_> =
        file.sections.iter().map(|section| (section.kind(), section.name(), section.from())).collect();
    assert_eq!(
        heads,
        [
            ("defaults", "", None),
            ("defaults", "web", None),
            ("defaults", "", Some("web")),
            ("defaults", "tls", Some("web")),
            ("frontend", "www", Some("tls")),
            ("ring", "r", None),
        ]
    );
}

#[test]
fn words_know_their_place() {
    let file = read("global\n\n\tlog \"é\" x\n");
    let line = &file.sections[0].lines[0];
    let columns: Vec<_> = line.words.iter().map(|word| word.column).collect();
    assert_eq!((line.number, columns), (3, vec![2, 6, 10]));
}

/// The words that are left of a file with blocks, and the lines with remarks.
fn left(text: &str) -> (String, Vec<usize>) {
    let file = read(&format!("global\n{text}"));
    let lines: Vec<_> = file.sections[0].lines.iter().map(|line| line.words_from(0)).collect();
    (lines.join(" "), file.remarks.iter().map(|remark| remark.line).collect())
}

#[test]
fn branches_that_do_not_hold_are_left_out() {
    let cases: &[(&str, &str, &[usize])] = &[
        (".if defined(HOST)\na\n.else\nb\n.endif\nc\n", "a c", &[]),
        (".if !defined(HOST)\na\n.elif 0\nb\n.elif 1\nc\n.elif 1\nd\n.else\ne\n.endif\n", "c", &[]),
        (".if 0\n.if 1\na\n.else\nb\n.endif\nc\n.else\nd\n.endif\n", "d", &[]),
        (".if streq(\"$HOST\",lb1) && ( 0 || strneq(a,\\'b,c\\') )\na\n.endif\n", "a", &[]),
        (".if strstr(\"$HOST\",2)\na\n.endif\n", "", &[]),
        (".if version_atleast(2.9)\na\n.else\nb\n.endif\n", "a", &[2]),
        (".if version_before(2.9)\na\n.else\nb\n.endif\n", "b", &[2]),
        (".if 0 && feature(OPENSSL)\na\n.endif\n", "", &[]),
        (".if no such thing\na\n.endif\n", "a", &[2]),
        (".notice \"x\"\na\n.alert \"no\"\n.what\n", "a", &[4, 5]),
        (".if 0\nx \"$NONE\"\n.alert no\n.endif\n", "", &[]),
    ];
    for (text, lines, remarks) in cases {
        assert_eq!(left(text), ((*lines).to_owned(), remarks.to_vec()), "{text}");
    }
}

#[test]
fn an_unset_variable_is_empty_and_remarked() {
    let file = read("global\n log \"$NONE\" local0\n");
    assert_eq!(file.sections[0].lines[0].word(1), "");
    assert_eq!(file.remarks.len(), 1);
    assert!(file.remarks[0].text.contains("`NONE`"), "{}", file.remarks[0].text);
}

#[test]
fn global_changes_variables_for_what_follows_and_for_the_next_file() {
    let mut environment = Environment::new(&variable);
    let first = "global\n setenv A 1\n presetenv A 2\n presetenv HOST x\n unsetenv WORDS\n a \"$A$HOST\"\n";
    let file = parse(first, &mut environment).unwrap();
    assert_eq!(file.sections[0].lines[4].word(1), "1lb1");
    let second = parse("global\n resetenv A\n a \"$A$HOST$WORDS\"\n", &mut environment).unwrap();
    assert_eq!(second.sections[0].lines[1].word(1), "1");
    assert_eq!(second.remarks.len(), 2);
}

#[test]
fn haproxy_s_own_formats_are_variables_that_compile() {
    let text =
        "defaults\n log-format \"${HAPROXY_HTTP_LOG_FMT} %ID\"\n log-format \"$HAPROXY_TCP_CLF_LOG_FMT\"\n";
    let file = read(text);
    assert!(file.sections[0].lines[0].word(1).ends_with("%{+Q}r %ID"));
    assert_eq!(file.sections[0].lines[1].word(1), Preset::named("haproxy-tcp-clf").unwrap().format_string);
    let format = Format::compile("haproxy-http-clf", &Options::default()).unwrap();
    // As HAProxy 2.6 writes them, without and with captured headers.
    for line in [
        r#"127.0.0.1 - - [21/Nov/2026:14:31:02 +0000] "GET / HTTP/1.1" 200 73 "" "" 52284 691 "a" "a" "<NOSRV>" 0 0 1 7 8 LR-- 1 1 0 0 0 0 0 "" "" "#,
        r#"127.0.0.1 - - [21/Nov/2026:14:31:02 +0000] "GET /x HTTP/1.1" 200 73 "" "" 58586 691 "b" "b" "<NOSRV>" 0 0 1 7 8 LR-- 2 1 0 0 0 0 0 "" "" "127.0.0.1:38082" "curl/7.88.1" "#,
    ] {
        let Line::Record(record) = format.parser(0).parse(line.as_bytes()) else {
            panic!("no record: {line}")
        };
        assert_eq!((record.status, record.latency_us), (Some(200), Some(8_000)));
    }
}

#[test]
fn mistakes_have_a_place_and_a_hint() {
    let cases = [
        ("global\n  log 'x\n", "2:7: the quote that begins here has no end"),
        ("global\n  é \"x\\\"\n", "2:5: the quote that begins here has no end"),
        ("global\n  a \"${X\" b\n", "2:7: the brace that begins here has no end"),
        ("global\n  a \"$1\"\n", "2:7: no variable name after `$`"),
        ("global\n  a \"${X[1]}\"\n", "2:9: only `[*]` may follow"),
        ("global\n  a \\xg1\n", "2:5: no two hexadecimal digits"),
        ("# x\n\n mode http\n", "3:2: keyword `mode` outside a section"),
        ("global\n.if 1\n", "2:1: `.if` without its `.endif`"),
        ("global\n .elif 1\n", "2:2: `.elif` without its `.if`"),
        (".if 1\n.else\n.else\n", "3:1: `.else` without its `.if`"),
        (".endif\n", "1:1: `.endif` without its `.if`"),
    ];
    for (text, expected) in cases {
        let message = error(text);
        assert!(message.starts_with(expected), "{message}");
        let hinted = !message.contains(".if");
        assert_eq!(message.contains("\nhint: "), hinted, "{message}");
    }
}

#[test]
fn many_nested_blocks_and_parentheses_do_no_harm() {
    assert!(error(&".if 1\n".repeat(2_000)).contains("too many blocks"));
    let deep = format!(".if {}1{}\na\n.endif\n", "(".repeat(50_000), ")".repeat(50_000));
    assert_eq!(left(&deep), ("a".to_owned(), vec![2]));
}

/// A word in a quoting of one's choice.
fn quoted(word: &str, style: u8) -> String {
    match style {
        0 => word
            .chars()
            .map(|c| if " #\\'\"".contains(c) { format!("\\{c}") } else { c.to_string() })
            .collect(),
        1 => format!(
            "\"{}\"",
            word.chars()
                .map(|c| if "\\\"$".contains(c) { format!("\\{c}") } else { c.to_string() })
                .collect::<String>()
        ),
        _ => format!("'{word}'"),
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_place(text in "(?s)[ -~\\n\\r\\té]{0,200}") {
        let _ = parse(&format!("global\n{text}"), &mut Environment::new(&variable));
    }

    #[test]
    fn what_is_quoted_is_read_back(
        list in prop::collection::vec(("[a-z %{}\\[\\]#$\"\\\\]{1,12}", 0u8..3), 1..6)
    ) {
        let line: Vec<_> = list.iter().map(|(word, style)| quoted(word, *style)).collect();
        let expected: Vec<_> = list.iter().map(|(word, _)| word.clone()).collect();
        prop_assert_eq!(words(&format!("x {}", line.join(" ")))[1..].to_vec(), expected);
    }
}
