//! The palette: what a mark means, and its colour on light and on dark. Safe for the common kinds of colour blindness.

use super::Theme;
use plotters::style::RGBColor;

/// What a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    Paper,
    Text,
    Muted,
    Grid,
    Axis,
    Gap,
    Mean,
    Peak,
    P50,
    P95,
    P99,
    Status1xx,
    Status2xx,
    Status3xx,
    Status4xx,
    Status5xx,
    StatusOther,
    Bytes,
    Heat(usize),
    Category(usize),
    OtherCategories,
    ServerUp,
    ServerDown,
    ServerMaintenance,
    ServerDrain,
}

/// Steps of the heat ramp, and servers or rules with a colour of their own.
pub(crate) const HEAT_STEPS: usize = 7;
pub(crate) const CATEGORIES: usize = 8;

const HEAT: [(u32, u32); HEAT_STEPS] = [
    (0xE3_EEF9, 0x1B_2D40),
    (0xC3_DBF0, 0x1F_4162),
    (0x94_C0E4, 0x1F_5482),
    (0x5F_9FD3, 0x2B_74B0),
    (0x34_7CBB, 0x4F_97D3),
    (0x17_589B, 0x8C_C0EC),
    (0x08_3163, 0xDC_EEFC),
];

const CATEGORY: [(u32, u32); CATEGORIES] = [
    (0x3B_76B5, 0x4F_8FD0),
    (0xE3_9A35, 0xE5_A54B),
    (0x2C_9C83, 0x3C_B79B),
    (0xB9_5C93, 0xCB_76A8),
    (0x7D_B9E1, 0x8F_C9EF),
    (0xC2_5A34, 0xD6_7148),
    (0xD9_CB52, 0xE0_D264),
    (0x72_65B0, 0x8B_7FC9),
];

/// Of less contrast with the paper a patch of a legend gets an outline.
const FAINT: f64 = 1.6;

impl Ink {
    /// Every ink once.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        const NAMED: [Ink; 23] = [
            Ink::Paper,
            Ink::Text,
            Ink::Muted,
            Ink::Grid,
            Ink::Axis,
            Ink::Gap,
            Ink::Mean,
            Ink::Peak,
            Ink::P50,
            Ink::P95,
            Ink::P99,
            Ink::Status1xx,
            Ink::Status2xx,
            Ink::Status3xx,
            Ink::Status4xx,
            Ink::Status5xx,
            Ink::StatusOther,
            Ink::Bytes,
            Ink::OtherCategories,
            Ink::ServerUp,
            Ink::ServerDown,
            Ink::ServerMaintenance,
            Ink::ServerDrain,
        ];
        NAMED.into_iter().chain((0..HEAT_STEPS).map(Self::Heat)).chain((0..CATEGORIES).map(Self::Category))
    }

    /// On light and on dark, as 0xRRGGBB. No light colour stands for two dark ones: the page maps one to the other.
    const fn pair(self) -> (u32, u32) {
        match self {
            Self::Paper => (0xFF_FFFF, 0x15_191E),
            Self::Text => (0x1A_2027, 0xE8_ECF0),
            Self::Muted => (0x5A_6572, 0x9B_A6B2),
            Self::Grid => (0xE7_EAEE, 0x27_2D34),
            Self::Axis => (0xB6_BEC7, 0x48_515B),
            Self::Gap => (0xF3_F4F6, 0x1D_2228),
            Self::Mean => (0x2A_6FB8, 0x5B_A3E6),
            Self::Peak => (0xA9_540A, 0xF0_9A45),
            Self::P50 => (0x86_B4DD, 0x4C_79A3),
            Self::P95 => (0x1D_5FA8, 0x6A_B0F2),
            Self::P99 => (0xA8_3F87, 0xDB_7FBE),
            Self::Status1xx => (0x9A_A5B1, 0x76_818D),
            Self::Status2xx => (0x78_AFDB, 0x3F_78A9),
            Self::Status3xx => (0xB7_D3EB, 0x2A_4E6E),
            Self::Status4xx => (0xEB_A93B, 0xE2_A63F),
            Self::Status5xx => (0xC7_2E38, 0xF0_5B60),
            Self::StatusOther => (0x7A_6F9B, 0x98_8DBB),
            Self::Bytes => (0x2F_9484, 0x3F_B3A0),
            Self::OtherCategories => (0xC3_C9D0, 0x4E_5761),
            Self::ServerUp => (0xA9_CDEA, 0x2C_5578),
            Self::ServerDown => (0xC4_2B35, 0xF2_6166),
            Self::ServerMaintenance => (0x76_6AA6, 0x9C_90CC),
            Self::ServerDrain => (0xE9_A83C, 0xDF_A33D),
            Self::Heat(step) => HEAT[step],
            Self::Category(rank) => CATEGORY[rank],
        }
    }

    pub(crate) const fn colour(self, theme: Theme) -> RGBColor {
        let (light, dark) = self.pair();
        let rgb = match theme {
            Theme::Light => light,
            Theme::Dark => dark,
        };
        let [_, red, green, blue] = rgb.to_be_bytes();
        RGBColor(red, green, blue)
    }

    /// Whether a small patch of it is hard to see on paper, light or dark: the page shows one picture in both.
    pub(crate) fn is_faint(self) -> bool {
        let on_paper = |theme| contrast(self.colour(theme), Self::Paper.colour(theme));
        on_paper(Theme::Light).min(on_paper(Theme::Dark)) < FAINT
    }

    /// `#RRGGBB`, as it stands in the SVG.
    pub(crate) fn hex(self, theme: Theme) -> String {
        let RGBColor(red, green, blue) = self.colour(theme);
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}

/// Relative luminance as in WCAG 2.
fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
    let linear = [red, green, blue].map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

/// How far two colours are apart, from 1 to 21.
fn contrast(one: RGBColor, other: RGBColor) -> f64 {
    let [one, other] = [one, other].map(|colour| luminance(colour) + 0.05);
    one.max(other) / one.min(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn what_is_written_can_be_read() {
        for theme in [Theme::Light, Theme::Dark] {
            for written in [Ink::Text, Ink::Muted, Ink::Mean, Ink::Peak] {
                for ground in [Ink::Paper, Ink::Gap] {
                    let contrast = contrast(written.colour(theme), ground.colour(theme));
                    assert!(contrast >= 4.5, "{written:?} on {ground:?}, {theme:?}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn what_a_legend_names_can_be_seen() {
        let faint: Vec<_> = Ink::all().filter(|ink| ink.is_faint()).collect();
        let ground = [Ink::Paper, Ink::Grid, Ink::Gap, Ink::Status3xx];
        assert_eq!(faint, [&ground[..], &[Ink::Heat(0), Ink::Heat(1)]].concat());
    }

    #[test]
    fn a_light_colour_has_one_dark_one() {
        let mut dark_of = HashMap::new();
        for ink in Ink::all() {
            let dark = ink.hex(Theme::Dark);
            assert_eq!(*dark_of.entry(ink.hex(Theme::Light)).or_insert(dark.clone()), dark, "{ink:?}");
        }
    }

    #[test]
    fn more_of_it_is_darker_on_light_and_lighter_on_dark() {
        let ramp =
            |theme| (0..HEAT_STEPS).map(|step| luminance(Ink::Heat(step).colour(theme))).collect::<Vec<_>>();
        assert!(ramp(Theme::Light).is_sorted_by(|less, more| less > more));
        assert!(ramp(Theme::Dark).is_sorted_by(|less, more| less < more));
    }
}
