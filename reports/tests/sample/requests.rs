//! Simulated requests: the day of a shop, and evenly spread ones.

use logstat_reports::model::Group;

use super::{HOSTILE, MIDNIGHT};

/// One simulated line, standing for `weight` equal ones.
#[derive(Clone)]
pub(super) struct Hit {
    pub(super) at: i64,
    pub(super) group: Group,
    pub(super) status: u16,
    pub(super) latency_us: u64,
    pub(super) proxy: Option<ProxyTimes>,
    pub(super) bytes_sent: u64,
    pub(super) client: u64,
    pub(super) bot: bool,
    pub(super) weight: u64,
}

#[derive(Clone)]
pub(super) struct ProxyTimes {
    pub(super) queue_us: u64,
    pub(super) connect_us: u64,
    pub(super) response_us: u64,
    pub(super) retries: u64,
    pub(super) termination: &'static str,
}

/// Knuth's and Vigna's splitmix64: small, good enough, and the same everywhere.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    /// A long-tailed time: mostly near `base_us`, now and then many times as much.
    pub(super) fn time_us(&mut self, base_us: u64) -> u64 {
        let doublings = u64::from(self.roll().trailing_zeros()).saturating_sub(1).min(7);
        (base_us << doublings) / 2 + self.below(base_us)
    }
}

/// Requests per hour of the day, in hundreds.
const DIURNAL: [u64; 24] =
    [3, 2, 2, 0, 0, 0, 4, 7, 11, 14, 15, 14, 12, 14, 22, 15, 14, 12, 11, 13, 15, 12, 8, 5];

pub(super) fn shop_hits() -> Vec<Hit> {
    let mut dice = Dice(42);
    let mut hits = Vec::new();
    for (hour, &hundreds) in DIURNAL.iter().enumerate() {
        for _ in 0..hundreds * 60 {
            let at = MIDNIGHT + hour as i64 * 3600 + dice.below(3600) as i64;
            let edge = edge_hit(&mut dice, at, hour == 14);
            if edge.group.server.as_deref() != Some("<NOSRV>") {
                hits.push(Hit { proxy: None, ..web_hit(&mut dice, at, edge.weight) });
            }
            hits.push(edge);
        }
    }
    hits.sort_by_key(|hit| hit.at);
    hits
}

fn edge_hit(dice: &mut Dice, at: i64, incident: bool) -> Hit {
    let failed = dice.below(if incident { 40 } else { 900 }) == 0;
    let site = ["shop.example", "shop.example", "shop.example", "api.example", "xn--bcher-kva.example"];
    let server = if failed {
        "<NOSRV>"
    } else {
        ["nginx1", "nginx1", "nginx2", "nginx2", "nginx3"][dice.below(5) as usize]
    };
    let slow = if incident { 6 } else { 1 };
    let latency_us = dice.time_us(14_000 * slow) / 1000 * 1000;
    Hit {
        at,
        group: Group {
            source: "edge".into(),
            site: Some(if dice.below(400) == 0 { HOSTILE[2] } else { site[dice.below(5) as usize] }.into()),
            backend: Some(if dice.below(4) == 0 { "api" } else { "web" }.into()),
            server: Some(server.into()),
            ..Group::default()
        },
        status: if failed { 503 } else { status(dice) },
        latency_us,
        proxy: Some(ProxyTimes {
            queue_us: if incident { dice.time_us(40_000) } else { dice.below(2) * 1000 },
            connect_us: 1000 + dice.below(3) * 1000,
            response_us: latency_us * 3 / 4,
            retries: if failed { 3 } else { u64::from(dice.below(700) == 0) },
            termination: termination(dice, failed),
        }),
        bytes_sent: 400 + dice.below(40_000),
        client: dice.below(5000),
        bot: dice.below(6) == 0,
        weight: 15,
    }
}

pub(super) fn web_hit(dice: &mut Dice, at: i64, weight: u64) -> Hit {
    Hit {
        at,
        group: Group { source: "web".into(), ..Group::default() },
        status: status(dice),
        latency_us: dice.time_us(9_000),
        proxy: None,
        bytes_sent: 300 + dice.below(40_000),
        client: dice.below(5000),
        bot: dice.below(6) == 0,
        weight,
    }
}

fn status(dice: &mut Dice) -> u16 {
    match dice.below(1000) {
        0 => 500,
        1 => 0,
        2 => 101,
        3..=9 => 403,
        10..=39 => 404,
        40..=99 => 304,
        100..=139 => 302,
        140..=149 => 206,
        _ => 200,
    }
}

fn termination(dice: &mut Dice, failed: bool) -> &'static str {
    match (failed, dice.below(300)) {
        (true, 0..200) => "SC--",
        (true, _) => "sQ--",
        (false, 0) => "CD--",
        (false, 1) => "cR--",
        (false, 2) => "sH--",
        (false, 3..6) => "--VN",
        (false, _) => "----",
    }
}
