//! Pictures of a report: requests, latency, status classes, bytes, servers and how they stood, bans. Draws; never merges or computes percentiles.
//!
//! Each chart is one file with one function, `draw`, that turns the report's hours into a `Picture`;
//! `bytes.rs` is the smallest. `timeline` cuts the window into columns, `scale` and `frame` make axes and header.

mod across;
mod availability;
mod backtest;
mod bans;
mod bytes;
mod columns;
mod frame;
mod heat;
mod ink;
mod latency;
pub(crate) mod picture;
mod requests;
mod scale;
mod servers;
mod status;
mod timeline;

use crate::model::{Backtest, Report};
use frame::Shape;
pub(crate) use ink::Ink;
use picture::Picture;
use timeline::Timeline;

/// A picture of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chart {
    /// Requests per second, mean and busiest second.
    Requests,
    /// Latency percentiles.
    Latency,
    /// Requests by class of status, stacked.
    Status,
    /// Bytes sent.
    Bytes,
    /// Latency bands by hour.
    Heat,
    /// Share of the requests per server.
    Servers,
    /// How servers stood with their proxy.
    Availability,
    /// Bans by rule, stacked.
    Bans,
}

impl Chart {
    /// All, in the order of the page.
    pub const ALL: [Self; 8] = [
        Self::Requests,
        Self::Latency,
        Self::Status,
        Self::Bytes,
        Self::Heat,
        Self::Servers,
        Self::Availability,
        Self::Bans,
    ];

    /// The file's name without its suffix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Latency => "latency",
            Self::Status => "status",
            Self::Bytes => "bytes",
            Self::Heat => "latency-heat",
            Self::Servers => "servers",
            Self::Availability => "availability",
            Self::Bans => "bans",
        }
    }

    /// What it shows, with the unit.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Requests => "Requests per second",
            Self::Latency => "Latency",
            Self::Status => "Requests by status",
            Self::Bytes => "Bytes sent",
            Self::Heat => "Latency bands",
            Self::Servers => "Requests per server",
            Self::Availability => "Availability",
            Self::Bans => "Bans by rule",
        }
    }

    fn draw(self, report: &Report, timeline: &Timeline, shape: &Shape) -> Option<Picture> {
        match self {
            Self::Requests => requests::draw(report, timeline, shape),
            Self::Latency => latency::draw(report, timeline, shape),
            Self::Status => status::draw(report, timeline, shape),
            Self::Bytes => bytes::draw(report, timeline, shape),
            Self::Heat => heat::draw(report, timeline, shape),
            Self::Servers => servers::draw(report, timeline, shape),
            Self::Availability => availability::draw(report, timeline, shape),
            Self::Bans => bans::draw(report, timeline, shape),
        }
    }
}

/// Colours for a light or a dark background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the word says it")]
pub enum Theme {
    Light,
    Dark,
}

/// The chart as an SVG document; `None` when there is nothing to draw.
#[must_use]
pub fn svg(chart: Chart, report: &Report, theme: Theme) -> Option<String> {
    Some(picture(chart, report, &Shape::FILE)?.svg(theme))
}

/// The chart as a PNG of twice the SVG's size, with its own font; `None` when there is nothing to draw.
#[must_use]
pub fn png(chart: Chart, report: &Report, theme: Theme) -> Option<Vec<u8>> {
    Some(picture(chart, report, &Shape::FILE)?.png(theme))
}

/// What rules would have done, as an SVG document; `None` when none was tried.
#[must_use]
pub fn backtest_svg(backtest: &Backtest, theme: Theme) -> Option<String> {
    Some(backtest::draw(backtest, &Shape::FILE)?.svg(theme))
}

/// The same as a PNG of twice the SVG's size.
#[must_use]
pub fn backtest_png(backtest: &Backtest, theme: Theme) -> Option<Vec<u8>> {
    Some(backtest::draw(backtest, &Shape::FILE)?.png(theme))
}

/// The chart for the page, for a wide and for a narrow screen.
pub(crate) fn for_page(chart: Chart, report: &Report) -> Option<[Picture; 2]> {
    Some([picture(chart, report, &Shape::PAGE)?, picture(chart, report, &Shape::PHONE)?])
}

/// The chart over the whole width of a desktop page, where it gains by that.
pub(crate) fn across_page(chart: Chart, report: &Report) -> Option<Picture> {
    matches!(chart, Chart::Availability | Chart::Bans).then(|| picture(chart, report, &Shape::ACROSS))?
}

fn picture(chart: Chart, report: &Report, shape: &Shape) -> Option<Picture> {
    // Where only the proxy spoke, there is nothing to say of requests.
    if report.hour_totals.is_empty() && chart != Chart::Availability {
        return None;
    }
    chart.draw(report, &Timeline::new(report, shape.most_columns())?, shape)
}
