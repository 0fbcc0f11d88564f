//! A picture as a list of marks in CSS pixels; plotters writes it as SVG, resvg rasterises that. Knows no chart.

use super::{Ink, Theme};
use crate::text;
use plotters::prelude::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, ShapeStyle, TextStyle};
use resvg::{tiny_skia, usvg};
use std::fmt::Write as _;
use std::sync::Arc;

/// plotters draws at whole numbers; half a pixel keeps lines smooth and is a pixel of the PNG.
const UNITS_PER_PX: f64 = 2.0;
const FONT_STACK: &str = "Inter, system-ui, sans-serif";
/// What plotters divides a font's size by.
const PLOTTERS_EM: f64 = 1.24;

const INTER: [&[u8]; 2] = [
    include_bytes!("../../assets/inter/Inter-Regular.subset.otf"),
    include_bytes!("../../assets/inter/Inter-SemiBold.subset.otf"),
];

/// Where a text's position is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mark {
    Rect { corners: [f64; 4], ink: Ink, opacity: f64 },
    Line { points: Vec<(f64, f64)>, ink: Ink, width: f64 },
    Area { points: Vec<(f64, f64)>, ink: Ink, opacity: f64 },
    Dot { at: (f64, f64), radius: f64, ink: Ink },
    Text { at: (f64, f64), text: String, px: f64, anchor: Anchor, bold: bool, ink: Ink },
}

/// A column that answers to the pointer: its left, top, right and bottom, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hover {
    pub(crate) corners: [f64; 4],
    pub(crate) text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Picture {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// For those who cannot see it.
    pub(crate) title: String,
    pub(crate) marks: Vec<Mark>,
    pub(crate) hovers: Vec<Hover>,
}

impl Picture {
    pub(crate) fn svg(&self, theme: Theme) -> String {
        self.document(theme, "")
    }

    /// The SVG for the page: light colours, and columns with a tooltip each.
    pub(crate) fn hoverable_svg(&self) -> String {
        let mut hovers = String::new();
        for hover in &self.hovers {
            let [left, top, right, bottom] = hover.corners.map(units);
            let (width, height, text) = (right - left, bottom - top, escape(&hover.text));
            let _ = writeln!(
                hovers,
                "<rect class=\"hover\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"><title>{text}</title></rect>"
            );
        }
        self.document(Theme::Light, &hovers)
    }

    /// A PNG with a pixel for every unit.
    pub(crate) fn png(&self, theme: Theme) -> Vec<u8> {
        let tree = usvg::Tree::from_str(&self.svg(theme), &fonts()).expect("our own SVG is well-formed");
        let (width, height) = (units(self.width) as u32, units(self.height) as u32);
        let mut pixels = tiny_skia::Pixmap::new(width, height).expect("no chart is empty");
        let scale = tiny_skia::Transform::from_scale(UNITS_PER_PX as f32, UNITS_PER_PX as f32);
        resvg::render(&tree, scale, &mut pixels.as_mut());
        pixels.encode_png().expect("pixels encode in memory")
    }

    fn document(&self, theme: Theme, last: &str) -> String {
        let (width, height) = (units(self.width), units(self.height));
        let title = escape(&self.title);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{title}\" font-family=\"{FONT_STACK}\" stroke-linejoin=\"round\">\n",
            self.width, self.height
        );
        svg.push_str(&self.body(theme));
        svg.push_str(last);
        svg.push_str("</svg>\n");
        svg
    }

    fn body(&self, theme: Theme) -> String {
        let mut drawn = String::new();
        let mut backend = SVGBackend::with_string(&mut drawn, (1, 1));
        for mark in &self.marks {
            mark.draw(&mut backend, theme);
        }
        drop(backend);
        let (_, mut body) =
            drawn.split_once('\n').expect("plotters opens the document with a line of its own");
        body = body.strip_suffix("</svg>\n").unwrap_or(body);
        // plotters repeats the defaults on every element; in text these quotes would be escaped.
        let family = format!(" font-family=\"{FONT_STACK}\"");
        [" opacity=\"1\"", " stroke=\"none\"", " stroke-width=\"1\"", &family]
            .iter()
            .fold(body.to_owned(), |body, default| body.replace(default, ""))
            .replace(">\n", ">")
            .replace("\n</", "</")
            .replace("><", ">\n<")
    }
}

impl Mark {
    fn draw(&self, backend: &mut SVGBackend<'_>, theme: Theme) {
        let fill = |ink: Ink, opacity: f64| ShapeStyle::from(ink.colour(theme).mix(opacity)).filled();
        let drawn = match self {
            Self::Rect { corners, ink, opacity } => {
                let [left, top, right, bottom] = corners.map(units);
                backend.draw_rect((left, top), (right, bottom), &fill(*ink, *opacity), true)
            }
            Self::Line { points, ink, width } => {
                let style = ShapeStyle::from(ink.colour(theme)).stroke_width(units(*width) as u32);
                backend.draw_path(points.iter().copied().map(point), &style)
            }
            Self::Area { points, ink, opacity } => {
                backend.fill_polygon(points.iter().copied().map(point), &fill(*ink, *opacity))
            }
            Self::Dot { at, radius, ink } => {
                backend.draw_circle(point(*at), units(*radius) as u32, &fill(*ink, 1.0), true)
            }
            Self::Text { at, text, px, anchor, bold, ink } => {
                let style = if *bold { FontStyle::Bold } else { FontStyle::Normal };
                let size = px * UNITS_PER_PX * PLOTTERS_EM;
                let colour = ink.colour(theme);
                let style = TextStyle::from(FontDesc::new(FontFamily::Name(FONT_STACK), size, style))
                    .color(&colour)
                    .pos(Pos::new(anchor.position(), VPos::Center));
                backend.draw_text(text, &style, point(*at))
            }
        };
        drawn.expect("writing to a string cannot fail");
    }
}

impl Anchor {
    const fn position(self) -> HPos {
        match self {
            Self::Start => HPos::Left,
            Self::Middle => HPos::Center,
            Self::End => HPos::Right,
        }
    }
}

fn units(px: f64) -> i32 {
    (px * UNITS_PER_PX).round() as i32
}

fn point((x, y): (f64, f64)) -> (i32, i32) {
    (units(x), units(y))
}

/// Text of the log's as a picture shows it: nothing that hides or reorders, nothing that XML has no place for.
pub(crate) fn showable(text: &str) -> String {
    text::safe(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// No font of the machine is used, so that the same report is the same PNG everywhere.
fn fonts() -> usvg::Options<'static> {
    let mut options = usvg::Options::default();
    let fonts = Arc::make_mut(&mut options.fontdb);
    for font in INTER {
        fonts.load_font_data(font.to_vec());
    }
    fonts.set_sans_serif_family("Inter");
    "Inter".clone_into(&mut options.font_family);
    options
}
