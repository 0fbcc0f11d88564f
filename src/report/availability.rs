//! How servers stood becomes figures.

use crate::rollup::{Availability, Interval, ServerTimeline};
use logstat_parsers::ServerState as Logged;
use logstat_reports::model::{ServerAvailability, ServerState, StateInterval};
use logstat_reports::text::printable;

/// Every server of which the proxy of a source said something, sorted by backend and server.
pub(super) fn availability(
    source: &str,
    availability: &Availability,
    window: (i64, i64),
) -> Vec<ServerAvailability> {
    let timelines = availability.timelines(window.0, window.1);
    timelines.iter().map(|timeline| row(source, timeline)).collect()
}

fn row(source: &str, timeline: &ServerTimeline) -> ServerAvailability {
    let intervals: Vec<StateInterval> = timeline.intervals.iter().map(interval).collect();
    let of = |wanted: &[ServerState]| {
        let (wanted, intervals) = (wanted.to_vec(), &intervals);
        intervals.iter().filter(move |interval| wanted.contains(&interval.state))
    };
    let seconds = |wanted: &[ServerState]| of(wanted).map(StateInterval::seconds).sum::<u64>();
    let (up_s, down_s) = (seconds(&[ServerState::Up]), seconds(&[ServerState::Down]));
    let why = |wanted: &[ServerState]| of(wanted).filter_map(|interval| interval.reason.clone()).next_back();
    let not_up = [ServerState::Maintenance, ServerState::Drain, ServerState::Stopping];
    ServerAvailability {
        source: source.to_owned(),
        backend: printable(&timeline.backend),
        server: timeline.server.as_deref().map(printable),
        availability: (up_s + down_s > 0).then(|| rounded_down(up_s as f64 / (up_s + down_s) as f64)),
        known_s: intervals.iter().map(StateInterval::seconds).sum(),
        up_s,
        down_s,
        maintenance_s: seconds(&[ServerState::Maintenance]),
        drain_s: seconds(&[ServerState::Drain, ServerState::Stopping]),
        downs: of(&[ServerState::Down]).count() as u64,
        longest_down_s: of(&[ServerState::Down]).map(StateInterval::seconds).max().unwrap_or(0),
        last_reason: why(&[ServerState::Down]).or_else(|| why(&not_up)),
        intervals,
    }
}

/// To six decimals: what was down for a moment is not 1.
fn rounded_down(ratio: f64) -> f64 {
    (ratio * 1e6).floor() / 1e6
}

fn interval(interval: &Interval) -> StateInterval {
    let state = match interval.state {
        Logged::Up => ServerState::Up,
        Logged::Down => ServerState::Down,
        Logged::Maintenance => ServerState::Maintenance,
        Logged::Drain => ServerState::Drain,
        Logged::Stopping => ServerState::Stopping,
    };
    let reason = interval.reason.as_deref().map(printable);
    StateInterval { state, from: interval.from, to: interval.to, reason }
}
