//! Log lines with numbers, and what they must come to. Knows nothing of logstat but its columns.

use super::machine::{Machine, State};
use crate::lab::rows;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::ops::Range;

/// What [`line`] writes.
pub const FORMAT: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time $server_name"#;
/// Of the first line: there is a midnight after 3,600 lines.
const START: &str = "2026-11-10T21:00:00Z";
/// From one line to the next; 1,200 lines are an hour.
const STEP_S: u64 = 3;

/// Requests and bytes by hour.
type Sums = BTreeMap<String, (u64, u64)>;

/// A hash of 64 bits (splitmix64), so that no few lines add up to what others add up to.
pub fn mixed(number: u64) -> u64 {
    let mut hash = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn bytes_sent(number: u64) -> u64 {
    mixed(number) & 0xffff_ffff
}

/// When the request of this number ended.
pub fn instant(number: u64) -> Timestamp {
    let start: Timestamp = START.parse().expect("an instant");
    let second = start.as_second() + (number * STEP_S).cast_signed();
    Timestamp::from_second(second).expect("an instant")
}

/// The line of this number, with its newline.
pub fn line(number: u64) -> String {
    line_at(number, instant(number))
}

/// The line of this number at another time.
pub fn line_at(number: u64, ended: Timestamp) -> String {
    let hash = mixed(number) >> 32;
    let status = [200, 200, 200, 304, 404, 502][(hash % 6) as usize];
    format!(
        "2001:db8::{:x} - {number:08} [{} +0000] \"GET /{:x} HTTP/1.1\" {status} {} \"-\" \"agent/{}\" {}.{:03} site{}\n",
        // Not more than the lists of an hour keep: then they are exact, and the same in any order.
        hash % 701,
        ended.strftime("%d/%b/%Y:%H:%M:%S"),
        hash % 601,
        bytes_sent(number),
        hash % 7,
        hash % 50,
        hash % 997,
        hash % 3,
    )
}

/// The lines of these numbers, in order.
pub fn lines(numbers: Range<u64>) -> Vec<u8> {
    numbers.flat_map(|number| line(number).into_bytes()).collect()
}

/// What a state has to report.
pub struct Wanted {
    numbers: Range<u64>,
    /// Start of an hour, or of a day where hours are kept for less than a day.
    period: &'static str,
    hours: String,
    data: BTreeMap<String, Vec<u8>>,
}

impl Wanted {
    /// All lines in one file, read by one run that nothing disturbs.
    pub fn of(numbers: Range<u64>) -> Self {
        Self::of_log(numbers.clone(), &lines(numbers))
    }

    /// As [`Wanted::of`], with a log that has the lines and more.
    pub fn of_log(numbers: Range<u64>, log: &[u8]) -> Self {
        Self::on(&Machine::new(), numbers, log, "%Y-%m-%dT%H:00:00Z")
    }

    /// As [`Wanted::of`], where hours are kept so shortly that days are reported.
    pub fn by_day(numbers: Range<u64>, state: &str) -> Self {
        Self::on(&Machine::new().keep(state), numbers.clone(), &lines(numbers), "%Y-%m-%dT00:00:00Z")
    }

    fn on(machine: &Machine, numbers: Range<u64>, log: &[u8], period: &'static str) -> Self {
        machine.append("access.log", log);
        let state = machine.state();
        state.ingest_at_once();
        let wanted = Self { numbers, period, hours: state.hours(), data: state.published() };
        wanted.check_sums(&wanted.hours);
        wanted
    }

    /// Nothing is lost and nothing doubled.
    #[track_caller]
    pub fn check(&self, state: &State<'_>) {
        self.check_hours(&state.hours());
        let data = state.published();
        let names = |data: &BTreeMap<String, _>| data.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&data), names(&self.data), "what is published");
        for (name, bytes) in &data {
            assert!(*bytes == self.data[name], "{name} is another than that of an undisturbed run");
        }
    }

    /// As [`Wanted::check`], for hours that come from elsewhere.
    #[track_caller]
    pub fn check_hours(&self, hours: &str) {
        if hours != self.hours {
            self.check_sums(hours);
            panic!("the sums are right, but not the rest:\n{}", first_difference(&self.hours, hours));
        }
    }

    #[track_caller]
    fn check_sums(&self, hours: &str) {
        let mut wanted = Sums::new();
        for number in self.numbers.clone() {
            let sums = wanted.entry(instant(number).strftime(self.period).to_string()).or_default();
            *sums = (sums.0 + 1, sums.1 + bytes_sent(number));
        }
        let mut found = Sums::new();
        for row in rows(hours.as_bytes()) {
            let number = |column: &str| row[column].parse::<u64>().expect("a number");
            let sums = found.entry(row["hour"].clone()).or_default();
            *sums = (sums.0 + number("requests"), sums.1 + number("bytes_sent"));
        }
        assert_eq!(found, wanted, "requests and bytes of each hour");
    }
}

fn first_difference(wanted: &str, found: &str) -> String {
    let differing = wanted.lines().zip(found.lines()).find(|(wanted, found)| wanted != found);
    differing.map_or_else(
        || format!("{} rows instead of {}", found.lines().count(), wanted.lines().count()),
        |(wanted, found)| format!("wanted {wanted}\nfound  {found}"),
    )
}
