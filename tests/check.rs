//! `logstat check`: what it says of logs whose lines are known.

use crate::lab::{Lab, feed, fixture};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const RECORD: &str =
    "192.0.2.1 - - [20/Nov/2026:13:00:00 +0000] \"GET / HTTP/1.1\" 200 512 \"-\" \"curl/8.5.0\"\n";

struct Checked {
    code: i32,
    stdout: String,
    stderr: String,
}

fn check_in(lab: &Lab, columns: &str, arguments: &[&str], stdin: &[u8]) -> Checked {
    let mut command = lab.command();
    command.arg("check").args(arguments).env("COLUMNS", columns);
    let Output { status, stdout, stderr } = feed(command, stdin);
    Checked {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).expect("standard output is UTF-8"),
        stderr: String::from_utf8(stderr).expect("standard error is UTF-8"),
    }
}

fn check(arguments: &[&str]) -> Checked {
    check_in(&Lab::new(), "80", arguments, b"")
}

/// Every fixture that has an expectation: the file of it, and the arguments.
fn fixtures() -> Vec<(Value, Vec<String>)> {
    let mut found = Vec::new();
    for folder in ["nginx", "nginx/edge", "haproxy"] {
        for entry in fs::read_dir(fixture(folder)).expect("the folder of fixtures") {
            let path: PathBuf = entry.expect("an entry").path();
            if !path.to_string_lossy().ends_with(".expect.json") {
                continue;
            }
            let expected: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let files = expected["files"].as_array().expect("files").iter();
            let mut arguments: Vec<String> =
                files.map(|file| path.with_file_name(text(file)).display().to_string()).collect();
            arguments.extend(["--format".to_owned(), text(&expected["format"])]);
            if let Some(escape) = expected["escape"].as_str() {
                arguments.extend(["--escape".to_owned(), escape.to_owned()]);
            }
            found.push((expected, arguments));
        }
    }
    assert!(found.len() >= 16, "only {} fixtures", found.len());
    found
}

#[test]
fn lines_are_counted_as_in_the_expectations() {
    for (expected, arguments) in fixtures() {
        let checked = check(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let plain = checked.stdout.replace(',', "");
        let equation = plain.lines().find(|line| line.contains(" = ")).expect("an equation");
        let numbers: Vec<u64> = equation.split(' ').filter_map(|word| word.parse().ok()).collect();
        let wanted = ["lines", "records", "events", "rejects", "blank"].map(|key| expected[key].as_u64());
        assert_eq!(numbers, wanted.map(|count| count.expect("a count")), "{arguments:?}");
    }
}

#[test]
fn no_line_is_wider_than_asked() {
    for columns in ["60", "80", "140"] {
        for (_, arguments) in fixtures() {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let checked = check_in(&Lab::new(), columns, &arguments, b"");
            for line in checked.stdout.lines().filter(|line| !line.trim_start().starts_with(['\'', 'l'])) {
                assert!(line.chars().count() <= columns.parse().expect("a width"), "{columns}: {line}");
            }
        }
    }
}

#[test]
fn carets_are_under_the_bytes_of_their_places() {
    let log = fs::read(fixture("nginx/hostile.log")).expect("a fixture");
    let lines: Vec<&[u8]> = log.split(|byte| *byte == b'\n').collect();
    for columns in ["60", "80", "140"] {
        let checked = check_in(&Lab::new(), columns, &[&fixture("nginx/hostile.log")], b"");
        let shown: Vec<&str> = checked.stdout.lines().collect();
        let mut compared = 0;
        for window in shown.windows(3) {
            let Some(caret) = window[2].strip_suffix('^').filter(|before| before.trim().is_empty()) else {
                continue;
            };
            let mut place = window[0].rsplit(':').map(|part| part.parse::<usize>().expect("a number"));
            let (byte, line) = (place.next().expect("a byte"), place.next().expect("a line"));
            let byte = lines[line - 1].get(byte - 1).filter(|byte| byte.is_ascii_graphic());
            // Of a line that is too long only the head is read.
            if let Some(byte) = byte.filter(|_| lines[line - 1].is_ascii() && lines[line - 1].len() < 65_536)
            {
                assert_eq!(window[1].chars().nth(caret.len()), Some(char::from(*byte)), "{window:?}");
                compared += 1;
            }
        }
        assert!(compared >= 8, "only {compared} carets");
    }
}

#[test]
fn a_reject_is_shown_with_its_place_and_the_nearest_format() {
    let lab = Lab::new();
    lab.log(
        "access.log",
        RECORD.repeat(20)
            + "192.0.2.1:40000 [20/Nov/2026:13:00:00.123] www app/app1 1/2/3 99 -- 1/1/1/1/0 0/0\n",
    );
    let checked = check_in(&lab, "60", &["access.log"], b"");
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    let expected = "
1 reject (client): is not a client address
  access.log:21:1
    192.0.2.1:40000 [20/Nov/2026:13:00:00.123] www app/app1…
    ^
    haproxy-tcp reads this line
";
    assert!(checked.stdout.contains(expected), "{}", checked.stdout);
}

#[test]
fn the_whole_page_at_eighty_columns() {
    let lab = Lab::new();
    lab.log("access.log", RECORD.repeat(3) + "\n");
    let checked = check_in(&lab, "80", &["access.log"], b"");
    let expected = r#"access.log: combined
detected: it reads 3 of 3 lines looked at, next is combined-extra, 3
4 lines = 3 records + 0 events + 0 rejects + 1 blank

Fields            in records  used for
$remote_addr           100 %  clients: distinct, top list
$time_local            100 %  hours, requests per second
$request               100 %  paths: top lists; methods: --by method
$status                100 %  status codes, errors
$body_bytes_sent       100 %  bytes sent
$http_referer          never  referrers: top list
$http_user_agent       100 %  user agents: top list, share of bots
not used  $remote_user

Not in this log                  needs
latency percentiles, slow paths  $request_time
time in upstreams                $upstream_response_time
load of the servers, retries     $upstream_addr
cache hits                       $upstream_cache_status
one request in several logs      $request_id
sites                            $host

In nginx.conf, name it in access_log too, and give the same string to logstat
with --format or in logstat.toml:
log_format logstat '$remote_addr - $remote_user [$time_local] "$request" '
                   '$status $body_bytes_sent "$http_referer" '
                   '"$http_user_agent" $request_time $upstream_response_time '
                   '$upstream_addr $upstream_cache_status $request_id $host';
"#;
    assert_eq!(checked.stdout, expected);
}

#[test]
fn the_exit_status_tells_whether_all_is_well() {
    let lab = Lab::new();
    lab.log("good.log", RECORD.repeat(9) + "junk\n");
    lab.log("none.log", "junk\njunk\n");
    lab.log("empty.log", "");
    for (arguments, code, wanted) in [
        (vec!["good.log"], 1, "rejected 1 of 10 lines, more than --max-reject-ratio 0.05 allows"),
        (vec!["good.log", "--max-reject-ratio", "0.2"], 0, ""),
        (vec!["none.log"], 1, "none.log: no known format fits\nhint: give the log_format"),
        (
            vec!["none.log", "--format", "combined", "--max-reject-ratio", "1"],
            1,
            "none.log: has lines, but no record",
        ),
        (vec!["empty.log"], 1, "empty.log: is empty"),
        (vec!["absent.log"], 2, "absent.log: No such file"),
        (vec!["good.log", "absent.log", "--max-reject-ratio", "1"], 1, "absent.log: No such file"),
        (vec!["good.log", "--format", "$host"], 2, "no date in the format"),
        (vec![], 2, "no logs named"),
    ] {
        let checked = check_in(&lab, "80", &arguments, b"");
        assert_eq!(checked.code, code, "{arguments:?}: {}", checked.stderr);
        assert!(checked.stderr.contains(wanted), "{arguments:?}: {}", checked.stderr);
        assert_eq!(wanted.is_empty(), checked.stderr.is_empty(), "{arguments:?}: {}", checked.stderr);
    }
}

#[test]
fn a_log_that_no_format_fits_is_held_against_the_nearest() {
    let line = RECORD.replace(" 200 ", " OK ");
    let checked = check_in(&Lab::new(), "100", &["-"], line.repeat(3).as_bytes());
    let head = "stdin: no known format fits\nheld against combined, which comes nearest\n3 lines = 0 records";
    assert!(checked.stdout.starts_with(head), "{}", checked.stdout);
    assert!(checked.stdout.contains("3 rejects (status): status is not three digits"), "{}", checked.stdout);
    let checked = check_in(&Lab::new(), "100", &["-"], b"{\"level\":\"info\"}\n");
    assert!(checked.stdout.contains("none comes near"), "{}", checked.stdout);
    assert!(checked.stderr.contains("hint: this looks like JSON"), "{}", checked.stderr);
}

#[test]
fn a_name_may_be_wider_than_the_page() {
    let lab = Lab::new();
    let name = "x".repeat(200);
    for text in [RECORD, "junk\n", ""] {
        lab.log(&name, text);
        let checked = check_in(&lab, "60", &[&name], b"");
        assert!(checked.code <= 1 && checked.stdout.starts_with("xxx"), "{}", checked.stderr);
        assert!(checked.stdout.lines().all(|line| line.chars().count() <= 60), "{}", checked.stdout);
    }
}

#[test]
fn only_the_first_lines_of_each_file_are_read_if_asked() {
    let files =
        ["access.log", "access.log.1", "access.log.2.gz"].map(|file| fixture(&format!("nginx/edge/{file}")));
    let arguments = [files[0].as_str(), &files[1], &files[2], "--lines", "10"];
    let checked = check_in(&Lab::new(), "100", &arguments, b"");
    assert!(checked.stdout.contains("30 lines = 30 records"), "{}", checked.stdout);
    assert!(checked.stdout.contains("(first 10 lines of each file)"), "{}", checked.stdout);
}

#[test]
fn sources_of_the_configuration_are_checked() {
    let lab = Lab::new();
    lab.log("web.log", RECORD);
    lab.log("logstat.toml", "[[source]]\nname = \"web\"\npaths = [\"web.log\"]\nformat = \"combined\"\n");
    let checked = check_in(&lab, "80", &[], b"");
    assert!(checked.stdout.starts_with("web: combined (given)\n1 line = 1 record + "), "{}", checked.stdout);
}

#[test]
fn colours_are_for_those_who_ask() {
    let log = fixture("nginx/hostile.log");
    assert!(!check(&[&log]).stdout.contains('\x1b'));
    assert!(check(&[&log, "--color", "always"]).stdout.contains("\x1b[31m^"));
    let lab = Lab::new();
    let mut ascii = lab.command();
    ascii.args(["check", &log]).env("LC_ALL", "C");
    assert!(feed(ascii, b"").stdout.is_ascii());
}

/// The directive that is to be pasted, from the page.
fn directive(page: &str) -> &str {
    &page[page.find("log_format logstat ").expect("a directive")..]
}

#[test]
fn nginx_takes_the_directive() {
    if Command::new("nginx").arg("-v").output().is_err() {
        eprintln!("nginx is not installed: the directive is not tried");
        return;
    }
    let json = fs::read_to_string(fixture("nginx/escape-json.format")).expect("a format");
    for arguments in [
        vec![fixture("nginx/combined.log")],
        vec![
            fixture("nginx/escape-json.log"),
            "--format".into(),
            json.trim_end().into(),
            "--escape".into(),
            "json".into(),
        ],
    ] {
        let lab = Lab::new();
        let checked = check(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let conf = format!(
            "pid nginx.pid;\nevents {{}}\nhttp {{\n{}access_log access.log logstat;\n}}\n",
            directive(&checked.stdout)
        );
        let conf = lab.log("nginx.conf", conf);
        let folder = lab.path(".");
        let mut nginx = Command::new("nginx");
        nginx.arg("-t").arg("-p").arg(&folder).arg("-c").arg(&conf).args(["-e", "stderr"]);
        let output = nginx.output().expect("nginx runs");
        let said = String::from_utf8_lossy(&output.stderr);
        // Whether it may write its folders is another matter.
        assert!(said.contains("syntax is ok"), "{said}");
    }
}

#[test]
fn the_readme_shows_what_is_printed() {
    let readme = include_str!("../README.md");
    let (_, example) = readme.split_once("$ logstat check ").expect("an example");
    let (example, _) = example.split_once("```").expect("the end of the example");
    let (arguments, shown) = example.split_once('\n').expect("lines");
    let lab = Lab::new();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    std::os::unix::fs::symlink(fixtures, lab.path("fixtures")).expect("a link");
    let checked = check_in(&lab, "100", &arguments.split_whitespace().collect::<Vec<_>>(), b"");
    for line in shown.lines().filter(|line| line.trim() != "…") {
        assert!(checked.stdout.lines().any(|printed| printed == line), "{line}: {}", checked.stdout);
    }
}

#[test]
fn the_formats_of_a_file_are_told() {
    let lab = Lab::new();
    let haproxy = r#"192.0.2.7:40001 [20/Nov/2026:10:00:00.000] www app/s1 0/0/1/2/3 200 10 - - ---- 1/1/1/1/0 0/0 "GET / HTTP/1.1""#;
    let path = lab.log("access.log", RECORD.repeat(5) + &format!("{haproxy}\n").repeat(4));
    let checked = check_in(&lab, "140", &[&path.display().to_string()], b"");
    assert!(
        checked
            .stdout
            .contains("5 lines combined, the first is line 1; 4 lines haproxy-http, the first is line 6"),
        "{}",
        checked.stdout
    );
}
