//! Servers and how they stood, as the terminal, the page and the chart show them. Lays nothing out.

use crate::model::{Report, ServerAvailability};
use std::cmp::Reverse;

/// At most `most` servers in their order, those that were down longest; and how many there are besides.
pub(crate) fn worst(report: &Report, most: usize) -> (Vec<&ServerAvailability>, usize) {
    let mut places: Vec<usize> = (0..report.availability.len()).collect();
    places.sort_by_key(|&at| {
        let server = &report.availability[at];
        Reverse((server.down_s, server.downs, server.maintenance_s))
    });
    places.truncate(most);
    places.sort_unstable();
    let shown: Vec<_> = places.iter().map(|&at| &report.availability[at]).collect();
    let more = report.availability.len() - shown.len();
    (shown, more)
}

/// `backend/server`; a backend as a whole stands for itself.
pub(crate) fn name(row: &ServerAvailability) -> String {
    match &row.server {
        Some(server) => format!("{}/{server}", row.backend),
        None => format!("{} (backend)", row.backend),
    }
}

/// The share of up in up and down: `99.987 %`. Rounded down, so that only what was never down has 100 %.
pub(crate) fn share(row: &ServerAvailability) -> Option<String> {
    let whole = u128::from(row.up_s) + u128::from(row.down_s);
    let thousandths = (u128::from(row.up_s) * 100_000).checked_div(whole)?;
    if thousandths == 100_000 {
        return Some("100 %".into());
    }
    Some(format!("{}.{:03} %", thousandths / 1000, thousandths % 1000))
}

/// What the figures leave out.
pub(crate) fn remark(report: &Report, more: usize) -> Option<String> {
    let mut remarks = Vec::new();
    if more > 0 {
        remarks.push(format!("and {more} more: see availability.csv"));
    }
    if report.availability_left_out > 0 {
        let count = crate::words::counted(report.availability_left_out, "further change");
        remarks.push(format!("{count} had no room; from the first of them on nothing is known"));
    }
    (!remarks.is_empty()).then(|| format!("… {}", remarks.join("; ")))
}
