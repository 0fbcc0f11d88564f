use super::super::filter::cases::expression;
use super::super::{rule, shipped};
use super::*;
use proptest::prelude::*;

fn rules(names: &[&str]) -> RuleSet {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    RuleSet::new(rule::pick(&names, &[]).unwrap())
}

#[test]
fn a_request_may_be_a_hit_of_several_rules() {
    let rules = Arc::new(rules(&["probing", "recidive", "sensitive-files", "scanner-agent", "http-flood"]));
    let record = Record {
        method: Some(b"GET"),
        target: Some(b"/.env?a"),
        status: Some(404),
        user_agent: Some(b"Nikto/2"),
        ..Record::default()
    };
    let mut hits = Vec::new();
    Watcher::new(Arc::clone(&rules))
        .record(&record, None, None, |rule, distinct| hits.push((rule, distinct)));
    let path = xxhash_rust::xxh3::xxh3_64(b"/.env");
    assert_eq!(hits, [(0, path), (1, path), (2, 0), (3, 0)]);
    assert_eq!(rules.thresholds().len(), rules.rules().len());
}

#[test]
fn lines_that_cannot_be_read_are_hits_of_few_rules() {
    let rules = rules(&["xss", "ambiguous", "malformed"]);
    assert_eq!(rules.over_rejects(RejectKind::Ambiguous).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(rules.over_rejects(RejectKind::Cut).collect::<Vec<_>>(), [2]);
}

#[test]
fn what_no_rule_asks_for_need_not_be_parsed() {
    let fields = rules(&["login-bruteforce", "recidive"]).fields();
    assert!(fields.method && fields.status && fields.termination && fields.client);
    assert!(!fields.target && !fields.user_agent && !fields.referer);
    let fields = rules(&["crawl", "shell-probe"]).fields();
    assert!(fields.target && fields.user_agent && fields.referer && !fields.remote_user);
}

/// What each rule by itself says.
fn one_by_one(rules: &RuleSet, record: &Record<'_>) -> Vec<(u16, u64)> {
    let subject = Subject::of(record);
    let hit = |(number, rule): (u16, &Rule)| rule.hit(&subject).map(|distinct| (number, distinct));
    (0_u16..).zip(rules.rules()).filter_map(hit).collect()
}

fn all_at_once(watcher: &mut Watcher, record: &Record<'_>) -> Vec<(u16, u64)> {
    let mut hits = Vec::new();
    watcher.record(record, None, None, |rule, distinct| hits.push((rule, distinct)));
    hits
}

/// Pieces of requests that shipped rules look for, or nearly.
const PIECES: [&str; 44] = [
    "/",
    "/.",
    "%2e",
    "env",
    "git",
    ".sql",
    ".gz",
    "/wp-config.php",
    "wp-login.php",
    "../",
    "..%2f",
    "%2e%2e/",
    "etc/passwd",
    "union",
    "+",
    "select",
    "'",
    "%27",
    "or",
    "1",
    "sleep(",
    "information_schema",
    "<",
    "%3c",
    "script",
    "svg/",
    "=",
    "javascript:",
    " onload=",
    "/cgi-bin/",
    "bin/sh",
    "${jndi:",
    "() { :",
    ";",
    "wget",
    "http",
    "nikto",
    "SQLMap",
    "?",
    "&",
    "a",
    "abc",
    "http://a/",
    ".css",
];

fn text() -> impl Strategy<Value = Option<Vec<u8>>> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => "[a-cA-C%]{0,3}".prop_map(String::into_bytes),
    ];
    prop::option::weighted(0.9, prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat()))
}

#[derive(Debug, Clone)]
struct Request {
    texts: [Option<Vec<u8>>; 4],
    method: Option<&'static [u8]>,
    status: Option<u16>,
    termination: Option<&'static [u8]>,
    latency_us: Option<u64>,
    truncated: bool,
}

impl Request {
    fn record(&self) -> Record<'_> {
        let [target, user_agent, referer, site] = self.texts.each_ref().map(Option::as_deref);
        let Self { method, status, termination, latency_us, truncated, .. } = *self;
        Record {
            target,
            user_agent,
            referer,
            site,
            method,
            status,
            termination,
            latency_us,
            truncated,
            ..Record::default()
        }
    }
}

fn request() -> impl Strategy<Value = Request> {
    let texts = [text(), text(), text(), text()];
    let method = prop::sample::select(vec![
        None,
        Some(&b"GET"[..]),
        Some(b"POST"),
        Some(b"HEAD"),
        Some(b"A"),
        Some(b""),
    ]);
    let status = prop_oneof![
        prop::sample::select(vec![
            None,
            Some(0),
            Some(200),
            Some(400),
            Some(404),
            Some(444),
            Some(408),
            Some(999),
            Some(1000)
        ]),
        any::<Option<u16>>(),
    ];
    let termination = prop::sample::select(vec![
        None,
        Some(&b"----"[..]),
        Some(b"--"),
        Some(b"PR--"),
        Some(b"CR--"),
        Some(b"cD"),
    ]);
    (texts, method, status, termination, prop::option::of(0_u64..2_000_000), any::<bool>()).prop_map(
        |(texts, method, status, termination, latency_us, truncated)| Request {
            texts,
            method,
            status,
            termination,
            latency_us,
            truncated,
        },
    )
}

fn shipped_rules() -> Arc<RuleSet> {
    Arc::new(rules(&shipped::SHIPPED.map(|rule| rule.name)))
}

/// A rule of the user's own.
fn own_rule() -> impl Strategy<Value = Rule> {
    let distinct = prop::sample::select(vec![
        None,
        Some(Distinct::Path),
        Some(Distinct::Query),
        Some(Distinct::UserAgent),
    ]);
    (expression(), distinct).prop_map(|(expression, counted)| {
        let mut rule = Rule::of_filter(&expression.to_string()).unwrap();
        if let What::Requests { distinct, .. } = &mut rule.what {
            *distinct = counted;
        }
        rule
    })
}

proptest! {
    #[test]
    fn all_at_once_is_one_by_one(requests in prop::collection::vec(request(), 1..40)) {
        let rules = shipped_rules();
        let mut watcher = Watcher::new(Arc::clone(&rules));
        for request in requests.iter().chain(&requests) {
            prop_assert_eq!(all_at_once(&mut watcher, &request.record()), one_by_one(&rules, &request.record()));
        }
    }

    #[test]
    fn with_any_rules(
        own in prop::collection::vec(own_rule(), 0..12), requests in prop::collection::vec(request(), 1..20),
    ) {
        let rules = Arc::new(RuleSet::new(own));
        let mut watcher = Watcher::new(Arc::clone(&rules));
        for request in &requests {
            prop_assert_eq!(all_at_once(&mut watcher, &request.record()), one_by_one(&rules, &request.record()));
        }
    }
}

#[test]
fn a_place_stands_for_the_text_that_it_was_given_with() {
    let mut watcher = Watcher::new(Arc::new(rules(&["scanner-agent"])));
    let mut is_hit = |agent: &'static [u8], place: u32| {
        let record = Record { user_agent: Some(agent), ..Record::default() };
        let mut hits = 0;
        watcher.record(&record, Some(place), None, |_, _| hits += 1);
        hits > 0
    };
    for _ in 0..2 {
        assert_eq!([is_hit(b"nikto", 3), is_hit(b"Firefox", 0), is_hit(b"sqlmap", 7)], [true, false, true]);
    }
    watcher.forget_places();
    let record = Record { user_agent: Some(b"Firefox"), ..Record::default() };
    watcher.record(&record, Some(3), None, |_, _| panic!("the place of another text"));
    let mut watcher = Watcher::new(Arc::new(rules(&["sensitive-files"])));
    let mut is_hit = |target: &'static [u8], place: u32| {
        let record = Record { target: Some(target), ..Record::default() };
        let mut hits = 0;
        watcher.record(&record, None, Some(place), |_, _| hits += 1);
        hits > 0
    };
    for _ in 0..2 {
        assert_eq!([is_hit(b"/.env", 1), is_hit(b"/", 5), is_hit(b"/a.sql", 0)], [true, false, true]);
    }
}
