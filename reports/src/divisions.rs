//! The ways of dividing a report's requests that have parts to compare. Lays nothing out.

use crate::model::{GroupRow, Report};
use crate::words::{NONE, server_name};

/// A way of dividing the requests.
pub(crate) struct Division<'a> {
    pub(crate) title: &'static str,
    pub(crate) rows: &'a [GroupRow],
    /// What a row is called.
    pub(crate) name: fn(&GroupRow) -> String,
    /// The requests of which a row is a share.
    pub(crate) whole: u64,
}

/// By source, site, backend and server, as far as there are several of them.
pub(crate) fn divisions(report: &Report) -> Vec<Division<'_>> {
    let division = |title, rows, name| Division { title, rows, name, whole: whole(report, rows) };
    let mut divisions = vec![
        division("By source", &report.by_source, |row| row.group.source.clone()),
        division("By site", &report.by_site, |row| or_none(row.group.site.as_deref())),
        division("By backend", &report.by_backend, |row| or_none(row.group.backend.as_deref())),
        division("By server", &report.by_server, |row| server_name(&row.group)),
    ];
    divisions.retain(|division| division.rows.len() > 1);
    divisions
}

/// Rows of inner tiers hold requests that the totals count at the outermost one.
fn whole(report: &Report, rows: &[GroupRow]) -> u64 {
    let sum = rows.iter().fold(0, |sum: u64, row| sum.saturating_add(row.figures.requests));
    report.totals.requests.max(sum)
}

fn or_none(name: Option<&str>) -> String {
    name.unwrap_or(NONE).to_owned()
}
