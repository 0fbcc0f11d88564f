//! Lines that come late or too early, and clocks that jump.

use super::machine::{Machine, NOW};
use super::numbered::{Wanted, line, line_at, lines};

const LINES: u64 = 3600;

#[test]
fn late_lines_are_added_to_hours_that_were_published() {
    let (machine, wanted) = (Machine::new(), Wanted::of(0..LINES));
    let state = machine.state();
    let mut published = Vec::new();
    for turn in 0..3 {
        let late: String = (0..LINES).filter(|number| number % 3 == turn).map(line).collect();
        machine.append("access.log", late.as_bytes());
        state.ingest();
        published.push(state.hours());
    }
    assert!(published[0] != published[1] && published[1] != published[2]);
    wanted.check(&state);
}

#[test]
fn a_line_for_a_day_whose_hours_are_gone_is_added_to_the_day() {
    const STATE: &str = "rotate_wait_s = 0\nkeep_hours = 2";
    let machine = Machine::new().keep(STATE);
    let state = machine.state();
    let late = 100..200;
    machine.append("access.log", &[lines(0..late.start), lines(late.end..7000)].concat());
    state.ingest();
    machine.append("access.log", &lines(late));
    state.ingest();
    Wanted::by_day(0..7000, STATE).check(&state);
}

#[test]
fn a_line_in_the_future_is_set_aside_and_moves_nothing() {
    // Were it believed, all hours would be older than is kept.
    let machine = Machine::new().keep("rotate_wait_s = 0\nkeep_hours = 2\nkeep_days = 2");
    let state = machine.state();
    let future = line_at(7, "2031-01-01T00:00:00Z".parse().expect("an instant"));
    machine.append("access.log", &[lines(0..1000), future.into_bytes(), lines(1000..1500)].concat());
    state.ingest();
    machine.append("access.log", &lines(1500..2000));
    state.ingest();
    assert_eq!((state.lines("future"), state.lines("lines")), (1, 2001));
    Wanted::of(0..2000).check_hours(&state.hours());
}

#[test]
fn a_clock_that_jumps_costs_nothing_and_doubles_nothing() {
    let machine = Machine::new();
    let state = machine.state();
    let jumps =
        ["2026-11-12T00:00:00Z", "2031-01-01T00:00:00Z", "2026-11-11T12:00:00Z", "2027-06-01T00:00:00Z"];
    let mut end = 0;
    for now in jumps {
        machine.append("access.log", &lines(end..end + 500));
        end += 500;
        state.at(now).ingest();
        if now.ends_with("12:00:00Z") {
            machine.rotate("access.log");
        }
    }
    state.at(NOW).ingest();
    Wanted::of(0..end).check(&state);
}
