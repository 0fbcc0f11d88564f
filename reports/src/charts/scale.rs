//! Value axes: where a value stands between bottom (0) and top (1), and which round values are marked.

use crate::text::decimals;

/// From a value to its place, with the marks of the axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    curve: Curve,
    /// Round values, ascending.
    pub(super) ticks: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Curve {
    Linear {
        top: f64,
    },
    /// Anything below `bottom`, 0 among it, stands on the bottom line.
    Log {
        bottom: f64,
        top: f64,
    },
}

/// What an axis has room for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Marks.
    pub(super) marks: usize,
    /// Part of its height to leave free above the highest value, for a word about it.
    pub(super) head: f64,
}

/// From this ratio of highest to lowest on, equal ratios read better than equal differences.
const LOG_RATIO: f64 = 12.0;

impl Scale {
    /// From 0 to `highest`; `smallest` is the least step between marks.
    pub(super) fn linear(highest: f64, room: Room, smallest: f64) -> Self {
        if highest <= 0.0 {
            return Self { curve: Curve::Linear { top: 1.0 }, ticks: vec![0.0] };
        }
        let top = highest / (1.0 - room.head);
        let step = round_step(top / room.marks as f64).max(smallest);
        let last = (top / step).floor() as u32;
        Self { curve: Curve::Linear { top }, ticks: (0..=last).map(|n| f64::from(n) * step).collect() }
    }

    /// From 0 to 1 in quarters, without headroom.
    pub(super) fn share() -> Self {
        Self { curve: Curve::Linear { top: 1.0 }, ticks: vec![0.0, 0.25, 0.5, 0.75, 1.0] }
    }

    /// Logarithmic where the values are far apart, else linear.
    pub(super) fn fitting(values: impl Iterator<Item = f64> + Clone, room: Room) -> Self {
        let highest = values.clone().fold(0.0, f64::max);
        let lowest = values.filter(|&value| value > 0.0).fold(f64::INFINITY, f64::min);
        if highest <= 0.0 || highest / lowest < LOG_RATIO {
            return Self::linear(highest, room, 1e-3);
        }
        Self::log(lowest, highest, room)
    }

    fn log(lowest: f64, highest: f64, room: Room) -> Self {
        let bottom = round_below(lowest);
        let top = bottom * (highest / bottom).powf(1.0 / (1.0 - room.head));
        let decades = bottom.log10().floor() as i32..=top.log10().ceil() as i32;
        let ticks = |digits: &[f64], every: usize| -> Vec<f64> {
            let all = decades.clone().step_by(every);
            all.flat_map(|decade| digits.iter().map(move |digit| digit * 10_f64.powi(decade)))
                .filter(|&value| value >= bottom * 0.999 && value <= top)
                .collect()
        };
        let choices = [ticks(&[1.0, 2.0, 5.0], 1), ticks(&[1.0, 3.0], 1), ticks(&[1.0], 1), ticks(&[1.0], 2)];
        let fitting = choices.iter().find(|ticks| ticks.len() <= room.marks + 2).unwrap_or(&choices[3]);
        Self { curve: Curve::Log { bottom, top }, ticks: fitting.clone() }
    }

    /// 0 at the bottom, 1 at the top.
    pub(super) fn place(&self, value: f64) -> f64 {
        match self.curve {
            Curve::Linear { top } => value / top,
            Curve::Log { bottom, top } => (value.max(bottom) / bottom).ln() / (top / bottom).ln(),
        }
    }
}

/// 1, 2, 2.5 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let digit = [1.0, 2.0, 2.5, 5.0].into_iter().find(|digit| digit * power >= step * 0.999);
    digit.unwrap_or(10.0) * power
}

/// 1, 2 or 5 times a power of ten, at most `value`.
fn round_below(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let digit = [5.0, 2.0].into_iter().find(|digit| digit * power <= value);
    digit.unwrap_or(1.0) * power
}

/// A mark's number: `0`, `0.25`, `500`, `2.5 k`.
pub(super) fn number(value: f64) -> String {
    in_thousands(value, &["", " k", " M", " G", " T", " P", " E"])
}

/// A mark's bytes: `500 B`, `2.5 GB`.
pub(super) fn bytes(value: f64) -> String {
    in_thousands(value, &[" B", " kB", " MB", " GB", " TB", " PB", " EB"])
}

/// A mark's milliseconds: `0.5 ms`, `20 ms`, `1 s`.
pub(super) fn millis(value: f64) -> String {
    if value < 999.5 { format!("{} ms", decimals(value, 3)) } else { format!("{} s", number(value / 1e3)) }
}

fn in_thousands(mut value: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{}{}", decimals(value, 3), units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { marks: 4, head: 0.1 };

    #[test]
    fn marks_are_round_and_below_the_top() {
        let ticks = |highest| Scale::linear(highest, ROOM, 1.0).ticks;
        assert_eq!(ticks(90.0), [0.0, 25.0, 50.0, 75.0, 100.0]);
        assert_eq!(ticks(2.0), [0.0, 1.0, 2.0]);
        assert_eq!(ticks(0.0), [0.0]);
    }

    #[test]
    fn values_far_apart_stand_by_their_ratio() {
        let scale = Scale::fitting([3.0, 30.0, 300.0, 0.0].into_iter(), ROOM);
        assert_eq!(scale.ticks, [3.0, 10.0, 30.0, 100.0, 300.0]);
        let step = scale.place(30.0) - scale.place(3.0);
        assert!((scale.place(300.0) - scale.place(30.0) - step).abs() < 1e-9);
        assert!((scale.place(300.0) - 0.9).abs() < 1e-9);
        assert!(scale.place(0.0).abs() < 1e-9, "zero stands on the bottom line");
    }

    #[test]
    fn values_close_together_stand_by_their_difference() {
        let scale = Scale::fitting([20.0, 45.0].into_iter(), ROOM);
        assert!((scale.place(20.0) * 2.25 - scale.place(45.0)).abs() < 1e-9);
    }

    #[test]
    fn marks_say_their_unit() {
        assert_eq!([0.0, 0.25, 500.0, 2500.0].map(number), ["0", "0.25", "500", "2.5 k"]);
        assert_eq!([0.0, 500.0, 2.5e9].map(bytes), ["0 B", "500 B", "2.5 GB"]);
        assert_eq!([0.5, 20.0, 1000.0, 1e9].map(millis), ["0.5 ms", "20 ms", "1 s", "1 M s"]);
    }
}
