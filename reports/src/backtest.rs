//! A back-test as the files that `--out` asks for. What stands in them is made elsewhere.

use crate::charts::{self, Theme};
use crate::hours::{named_zone, stretch};
use crate::model::Backtest;
use crate::write::{WriteError, publish, withdraw};
use crate::{csv, summary};
use std::path::Path;

/// Every picture that a back-test can have, as SVG and as PNG.
const PICTURES: [(Theme, &str, &str); 2] =
    [(Theme::Light, "backtest.svg", "backtest.png"), (Theme::Dark, "backtest-dark.svg", "backtest-dark.png")];

/// Writes every file of a back-test into `dir`, all of them or none: `backtest.csv`, `backtest.json`, and
/// `backtest.svg` on light and on dark, with `png` as PNG too.
///
/// # Errors
/// When a file cannot be written; those of an older back-test are then as they were. When a picture of an older one,
/// which would pass for one of this, cannot be removed.
pub fn write_backtest(dir: &Path, backtest: &Backtest, png: bool) -> Result<(), WriteError> {
    let mut files =
        vec![("backtest.json", summary::backtest_json(backtest)), ("backtest.csv", csv::backtest(backtest))];
    for (theme, svg_name, png_name) in PICTURES {
        let svg = charts::backtest_svg(backtest, theme).map(String::into_bytes);
        files.extend(svg.map(|svg| (svg_name, svg)));
        if png {
            files.extend(charts::backtest_png(backtest, theme).map(|png| (png_name, png)));
        }
    }
    publish(dir, &files)?;
    let names = PICTURES.into_iter().flat_map(|(_, svg, png)| [svg, png]);
    let old: Vec<_> = names.filter(|name| !files.iter().any(|(written, _)| written == name)).collect();
    withdraw(dir, &old)
}

/// `Thu 12 Nov 2026 01:00 – Thu 19 Nov 01:00, Europe/Berlin`.
pub(crate) fn window(backtest: &Backtest) -> String {
    let Backtest { since, until, timezone, .. } = backtest;
    format!("{}, {timezone}", stretch(*since, *until, &named_zone(timezone), "%H:%M"))
}
