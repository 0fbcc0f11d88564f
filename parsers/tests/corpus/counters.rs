//! Counters and gauges that mtail's programs keep of a log, counted from records.

use logstat_parsers::{Format, Line, Record};

use super::fields::Field;
use super::{corpus_text, read};

/// Line of the golden file, metric with its labels, their value, our value.
pub type Compared = (usize, String, String, String);

/// Compares each counter of a golden file.
pub fn compare(golden: &str, formats: &[Format], lines: &[Vec<u8>]) -> Vec<Compared> {
    let readings = lines.iter().map(|line| read(formats, line));
    let records: Vec<Record<'_>> = readings
        .filter_map(|reading| match reading {
            Line::Record(record) => Some(record),
            _ => None,
        })
        .collect();
    let golden = corpus_text(golden).expect("the corpus");
    let metrics: Vec<Metric<'_>> = golden.lines().map(Metric::read).collect();
    let numbered = (1..).zip(&metrics).filter(|(_, metric)| metric.amount().is_some());
    numbered
        .map(|(line, metric)| {
            // A record has all that was sent, so the parts of a sum are added up.
            let theirs: u64 =
                metrics.iter().filter(|other| other.has_key_of(metric)).map(|other| other.value).sum();
            (line, format!("{} {}", metric.name, metric.labels), theirs.to_string(), metric.of(&records))
        })
        .collect()
}

/// `counter request {status=200} 13 2010-04-08T20:43:27-07:00`
struct Metric<'g> {
    gauge: bool,
    name: &'g str,
    labels: &'g str,
    value: u64,
}

impl<'g> Metric<'g> {
    fn read(line: &'g str) -> Self {
        let (kind, rest) = line.split_once(' ').expect("a kind");
        let (name, rest) = rest.split_once(" {").expect("labels");
        let (labels, rest) = rest.split_once("} ").expect("an end of labels");
        let (value, _time) = rest.split_once(' ').expect("a time");
        Self { gauge: kind == "gauge", name, labels, value: value.parse().expect("a number") }
    }

    /// What it adds up; `None` for what a record does not have.
    fn amount(&self) -> Option<fn(&Record<'_>) -> Option<u64>> {
        Some(match self.name {
            "apache_http_requests_total" | "request" | "requests" => |_| Some(1),
            "apache_http_bytes_total" | "apache_http_response_size" | "bytes_out" => {
                |record| record.bytes_sent
            }
            "apache_http_response_time" => |record| record.latency_us,
            "time_taken" => |record| Some(record.latency_us? / 1_000_000),
            // Bytes received.
            "bytes_in" => return None,
            other => panic!("no such metric: {other}"),
        })
    }

    /// Ours; `-` is missing.
    fn of(&self, records: &[Record<'_>]) -> String {
        let amount = self.amount().expect("it has an amount");
        let mut amounts = records.iter().filter(|record| self.counts(record)).filter_map(amount);
        let amount = if self.gauge { amounts.next_back() } else { Some(amounts.sum()) };
        amount.map_or("-".to_owned(), |amount: u64| amount.to_string())
    }

    fn keys(&self) -> impl Iterator<Item = (&'g str, &'g str)> {
        let labels = self.labels.split(',').map(|label| label.split_once('=').expect("a label"));
        labels.filter(|(name, _)| *name != "subtotal")
    }

    fn has_key_of(&self, other: &Self) -> bool {
        self.name == other.name && self.keys().eq(other.keys())
    }

    fn counts(&self, record: &Record<'_>) -> bool {
        self.keys().all(|(name, value)| {
            let field = match name {
                "request_method" => Field::Method,
                "http_version" => Field::Version,
                "request_status" | "status_code" | "status" => Field::Status,
                "remote_host" | "proxy_cache" => Field::Client,
                "request_uri" => Field::Target,
                "user_agent" => Field::UserAgent,
                other => panic!("no such label: {other}"),
            };
            field.of(record) == field.spelled(value)
        })
    }
}
