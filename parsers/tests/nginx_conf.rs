//! `nginx.conf` as nginx's own reader takes it apart.

use logstat_parsers::conf::nginx::{Directive, parse};
use proptest::prelude::*;

/// Names and values, for a look at the whole.
fn shown(directives: &[Directive]) -> String {
    let one = |directive: &Directive| {
        let args: String = directive.args.iter().map(|arg| format!(" <{}>", arg.value)).collect();
        match &directive.block {
            Some(block) => format!("{}{args} {{ {} }}", directive.name, shown(block)),
            None => format!("{}{args};", directive.name),
        }
    };
    directives.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn reads(text: &str, wanted: &str) {
    assert_eq!(shown(&parse(text).unwrap_or_else(|error| panic!("{error}"))), wanted);
}

#[track_caller]
fn refuses(text: &str, wanted: &str) {
    assert_eq!(parse(text).expect_err("an error").to_string(), wanted);
}

#[test]
fn directives_and_blocks() {
    reads(
        "user www-data;\nhttp {\n\tserver { listen 80; listen [::]:80; }\n}\n",
        "user <www-data>; http { server { listen <80>; listen <[::]:80>; } }",
    );
    reads("events {}", "events {  }");
    reads("", "");
    reads("a b;c{d e;}", "a <b>; c { d <e>; }");
}

#[test]
fn a_comment_begins_only_where_a_word_could() {
    reads("# a { b\na b; # c;\nd e#f;", "a <b>; d <e#f>;");
    reads("a 'b # c'; # end", "a <b # c>;");
}

#[test]
fn quotes_and_escapes() {
    reads(r#"a "b c" 'd "e"' "f \"g\"";"#, r#"a <b c> <d "e"> <f "g">;"#);
    reads(r"a '\t\x \\ \$b';", "a <\t\\x \\ \\$b>;");
    // Inside a word a quote is as any other character.
    reads(r#"a b"c d"e;"#, r#"a <b"c> <d"e>;"#);
    reads(r"a b\ c\;d;", r"a <b\ c\;d>;");
    reads("a 'b\nc';", "a <b\nc>;");
    reads("a '';", "a <>;");
}

#[test]
fn what_stands_in_the_file_is_kept_beside_what_it_means() {
    let conf = parse(r#"log_format x '"$request" \'\x' $status;"#).expect("a directive");
    let raw: Vec<&str> = conf[0].args.iter().map(|arg| arg.raw.as_str()).collect();
    assert_eq!(raw, ["x", r#""$request" \'\x"#, "$status"]);
    assert_eq!((conf[0].args[1].at.byte, conf[0].args[1].at.column), (14, 15));
}

#[test]
fn a_brace_behind_a_dollar_opens_no_block() {
    reads("access_log /var/log/${host}.log;", "access_log </var/log/${host}.log>;");
    reads("if ($a = b) { set $c ${d}e; }", "if <($a> <=> <b)> { set <$c> <${d}e>; }");
    // nginx lets a bracket follow a quote.
    reads(r#"if ($a ~ "b c") {}"#, "if <($a> <~> <b c> <)> {  }");
}

#[test]
fn lua_is_skipped_over() {
    reads(
        "a_by_lua_block {\n if x then y = '}' end -- }\n z = \"\\\"}\" --[[ } ]] w = [==[ } ]] } ]==]\n t = {{}, 1-1} }\nb c;",
        "a_by_lua_block {  } b <c>;",
    );
    reads("set_by_lua_block $x { return a[b[1]] } d;", "set_by_lua_block <$x> {  } d;");
    refuses(
        "http {\n  init_by_lua_block { x = '}'\n",
        "2:21: `init_by_lua_block` is not closed by a `}`\n    init_by_lua_block { x = '}'\n                      ^",
    );
}

#[test]
fn errors_point_into_the_file() {
    refuses("a b;\n c 'd;\n e f;\n", "2:4: no closing ' for the one that opens here\n   c 'd;\n     ^");
    refuses(
        "http {\n\taccess_log /a.log\n}\n",
        "2:2: no `;` behind `access_log`\n   access_log /a.log\n   ^",
    );
    refuses("a b", "1:1: unexpected end of file: no `;` behind `a`\n  a b\n  ^");
    refuses(
        "events {}\nhttp {\n a b;\n",
        "2:1: unexpected end of file: the block of `http` is not closed\n  http {\n  ^",
    );
    refuses("a b; }", "1:6: unexpected `}`: no block is open\n  a b; }\n       ^");
    refuses("a b;; c", "1:5: unexpected `;`: no directive before it\n  a b;; c\n      ^");
    refuses("{}", "1:1: unexpected `{`: no directive before it\n  {}\n  ^");
    refuses("a b\\", "1:4: unexpected end of file behind `\\`\n  a b\\\n     ^");
    refuses(
        "a 'b'c;",
        "1:6: unexpected `c` behind a closing '\n  a 'b'c;\n       ^\nhint: write a ' inside quotes as \\', or put a space here",
    );
}

#[test]
fn a_line_without_its_end_is_pointed_at() {
    refuses(
        "server {\n  listen 80\n  access_log /x t;\n}\n",
        "2:12: no `;` at the end of this line: `listen` runs on into `access_log`\n    listen 80\n             ^",
    );
    refuses(
        "http {\naccess_log '/a b' # why\nserver { listen 80; }\n}\n",
        "2:18: no `;` at the end of this line: `access_log` runs on into `server`\n  access_log '/a b' # why\n                   ^",
    );
    refuses(
        "server_name a\nlocation / { }",
        "1:14: no `;` at the end of this line: `server_name` runs on into `location`\n  server_name a\n               ^",
    );
    refuses(
        "access_log /x { }",
        "1:14: no `;` here: `access_log` has no block\n  access_log /x { }\n               ^",
    );
}

#[test]
fn what_nginx_takes_for_arguments_is_none_of_that() {
    reads("server_name a\n  root\n  b;", "server_name <a> <root> <b>;");
    reads("log_format x 'a'\n  root;", "log_format <x> <a> <root>;");
    reads("listen 80\n  'root';", "listen <80> <root>;");
    reads("access_log /x t\n  buffer=4k\n  gzip;", "access_log </x> <t> <buffer=4k> <gzip>;");
    reads("map $a $b { x\n root;\n include m; }", "map <$a> <$b> { x <root>; include <m>; }");
}

#[test]
fn a_long_line_is_shown_around_the_place() {
    let text = format!("a {};{};", "é".repeat(500), ";");
    let error = parse(&text).expect_err("a semicolon too many");
    assert_eq!((error.at.byte, error.at.column), (1003, 504));
    let message = error.to_string();
    let lines: Vec<&str> = message.lines().collect();
    let caret = lines[2].chars().position(|c| c == '^').expect("a caret");
    assert_eq!(lines[1].chars().nth(caret), Some(';'));
    assert!(lines[1].chars().count() <= 102, "{message}");
}

#[test]
fn blocks_do_not_nest_without_end() {
    let error = parse(&"a {".repeat(100_000)).expect_err("an error");
    assert_eq!(error.message, "more than 64 blocks within each other");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[a{};'\"\\\\$# \n=\\[\\]-]{0,60}|.{0,60}|(x_by_lua_block \\{.{0,20}\\})") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.at.byte <= text.len());
            prop_assert!(error.to_string().contains(&error.message));
        }
    }

    #[test]
    fn words_come_back_as_they_were_written(words in prop::collection::vec("[^\\\\]{0,12}", 1..5)) {
        let quoted = |word: &String| format!("\"{}\"", word.replace('"', "\\\""));
        let text = format!("name {};", words.iter().map(quoted).collect::<Vec<_>>().join(" "));
        let directives = parse(&text).expect("a directive");
        let values: Vec<&String> = directives[0].args.iter().map(|arg| &arg.value).collect();
        prop_assert_eq!(values, words.iter().collect::<Vec<_>>());
    }
}
