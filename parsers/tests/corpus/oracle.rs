//! What other projects expect of a line, in each of their forms. Knows no records.

use serde_json::Value;

use super::corpus_text;
use super::logs::{Log, Oracle};

/// What another project makes of a line.
pub struct Expected {
    /// From 1.
    pub line: usize,
    /// Its fields by name, in their order; `None` where that project makes nothing of the line.
    pub fields: Option<Vec<(String, String)>>,
}

/// Everything that is expected of a log, line by line.
pub fn expectations(log: &Log, lines: &[Vec<u8>]) -> Vec<Expected> {
    match log.oracle {
        Oracle::None | Oracle::Aggregates | Oracle::Mtail(_) => Vec::new(),
        Oracle::Crowdsec(file) => crowdsec(&cases(file), lines),
        Oracle::Filebeat(file) => filebeat(&values(file), lines),
        Oracle::FilebeatCases(file) => cases(file).iter().map(filebeat_case).collect(),
        Oracle::Logstash(_) => (1..).zip(cases(log.file)).map(|(line, case)| logstash(line, &case)).collect(),
        Oracle::Itself(_) => (1..).zip(lines).map(|(line, text)| itself(line, text)).collect(),
    }
}

fn text(file: &str) -> String {
    corpus_text(file).expect("the corpus")
}

/// Values of a file with one JSON object in a line.
pub fn cases(file: &str) -> Vec<Value> {
    text(file).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Values of a file with one JSON array.
fn values(file: &str) -> Vec<Value> {
    serde_json::from_str(&text(file)).expect("JSON")
}

/// A value as a log would have it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn fields(object: &Value, prefix: &str) -> Vec<(String, String)> {
    let object = object.as_object().expect("an object");
    object.iter().map(|(name, value)| (format!("{prefix}{name}"), plain(value))).collect()
}

/// Its index counts the lines that are not empty.
fn crowdsec(cases: &[Value], lines: &[Vec<u8>]) -> Vec<Expected> {
    let numbers: Vec<usize> = (1..).zip(lines).filter(|(_, line)| !line.is_empty()).map(|(n, _)| n).collect();
    let expected = cases.iter().map(|case| {
        let line = numbers[usize::try_from(case["index"].as_u64().expect("an index")).expect("small")];
        if case["success"] == false {
            return Expected { line, fields: None };
        }
        let message = case["parsed"]["message"].as_str().expect("a message");
        let text = String::from_utf8_lossy(&lines[line - 1]);
        assert!(text.contains(message), "{text} is not of {message}");
        let fields = [fields(&case["parsed"], ""), fields(&case["meta"], "meta.")].concat();
        Expected { line, fields: Some(fields) }
    });
    expected.collect()
}

/// One event for each line. Their `log.offset` no longer is that of the line where the corpus has `REDACTED`.
fn filebeat(values: &[Value], lines: &[Vec<u8>]) -> Vec<Expected> {
    assert_eq!(values.len(), lines.len());
    (1..).zip(values).map(|(line, value)| Expected { line, fields: Some(fields(value, "")) }).collect()
}

fn filebeat_case(case: &Value) -> Expected {
    let line = usize::try_from(case["line_no"].as_u64().expect("a number")).expect("small");
    Expected { line, fields: Some(fields(&case["expected"], "")) }
}

/// The cases give the leaves of nested fields only, so the second `original` is the user agent's.
fn logstash(line: usize, case: &Value) -> Expected {
    let pairs = |name: &str| {
        let list = case[name].as_array().expect("pairs").clone();
        list.into_iter().map(|pair| (plain(&pair[0]), plain(&pair[1])))
    };
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in pairs("ecs_leaf_pairs") {
        let again = fields.iter().any(|(before, _)| *before == name);
        fields.push((if again { format!("second.{name}") } else { name }, value));
    }
    // These keep the quotes of the log.
    fields.extend(pairs("legacy_leaf_pairs").map(|(name, value)| {
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let unquoted = unquoted.map(str::to_owned);
        (format!("legacy.{name}"), unquoted.unwrap_or(value))
    }));
    Expected { line, fields: Some(fields) }
}

/// JSON by a general reader, nested names joined with dots; LTSV at its tabs and first colons.
fn itself(line: usize, text: &[u8]) -> Expected {
    let text = String::from_utf8_lossy(text);
    let mut fields = Vec::new();
    if let Some(start) = text.find('{') {
        let value: Value = serde_json::from_str(&text[start..]).expect("JSON");
        flatten(&value, "", &mut fields);
    } else {
        let labels = text.split('\t').map(|field| field.split_once(':').expect("a label"));
        fields.extend(labels.map(|(label, value)| (label.to_owned(), value.to_owned())));
    }
    // The rest are messages.
    let is_request = fields.iter().any(|(name, _)| ["status", "EdgeResponseStatus"].contains(&name.as_str()));
    Expected { line, fields: is_request.then_some(fields) }
}

fn flatten(value: &Value, name: &str, fields: &mut Vec<(String, String)>) {
    let Value::Object(object) = value else {
        return fields.push((name.to_owned(), plain(value)));
    };
    for (key, value) in object {
        let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
        flatten(value, &name, fields);
    }
}
