//! What a row is about: the group of a series, and what is left of it in a table. Adds up nothing.

use crate::rollup::SeriesKey;
use logstat_reports::model::{By, Group};
use logstat_reports::text::printable;

/// What a source adds to the names of its series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "see SourceSummary")]
pub struct SourceName {
    pub name: String,
    pub tier: Option<String>,
    pub node: Option<String>,
}

/// Everything that is known of where a series belongs.
pub(super) fn full_group(source: &SourceName, key: &SeriesKey) -> Group {
    let parts = key.dimensions();
    let text = |part: Option<&[u8]>| part.map(printable);
    Group {
        source: source.name.clone(),
        site: text(parts.site),
        backend: text(parts.backend),
        server: text(parts.server),
        tier: source.tier.clone(),
        node: source.node.clone(),
        method: text(parts.method),
        status: text(parts.status),
    }
}

/// Keeps the source and the columns asked for.
pub(super) fn project(group: &Group, by: &[By]) -> Group {
    let mut projected = Group { source: group.source.clone(), ..Group::default() };
    for column in by {
        let value = column.value(group).map(str::to_owned);
        match column {
            By::Site => projected.site = value,
            By::Backend => projected.backend = value,
            By::Server => projected.server = value,
            By::Tier => projected.tier = value,
            By::Node => projected.node = value,
            By::Method => projected.method = value,
            By::Status => projected.status = value,
        }
    }
    projected
}
