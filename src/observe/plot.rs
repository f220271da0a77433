//! Curves over time as SVG pictures.
//!
//! ```text
//!   title
//!   -- one  -- two  x three      the names, above and not over the curves
//!   unit |    .-''
//!        |_.-'_______ time
//! ```
//!
//! The same curves give the same picture, byte for byte. However many points there are, a picture has only
//! as many as can be told apart in it.

mod layout;
mod pieces;

use std::collections::HashSet;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use layout::Head;
use pieces::{apart, columns, number, overlay, parts, spans, steps};

/// Width and height of a picture, and the height of the part above the curves, in pixels.
const SIZE: (u32, u32) = (960, 440);
const HEAD: u32 = 58;
/// Room for the numbers at the axes, in pixels.
const LEFT: u32 = 72;
const BELOW: u32 = 44;
/// Room to the right of the curves, in pixels.
const RIGHT: u32 = 24;

/// Colours that also those can tell apart who do not see all of them (M. Okabe and K. Ito, 2008).
/// and two more.
const COLORS: [RGBColor; 9] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(60, 60, 60),
    RGBColor(170, 20, 60),
    RGBColor(120, 120, 30),
];

/// A picture of curves over the same time.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    /// What it shows.
    pub title: String,
    /// What the horizontal axis counts, with its unit.
    pub x: String,
    /// What the vertical axis counts, with its unit.
    pub y: String,
    /// The curves; later ones are drawn over earlier ones.
    pub curves: Vec<Curve>,
    /// Where both axes begin.
    pub from: [f64; 2],
    /// What holds for a while, as colours behind the curves.
    pub bands: Vec<Band>,
    /// Lines over the curves that tell something of themselves.
    pub spans: Vec<Told>,
    /// A sentence below the title.
    pub remark: String,
}

/// Something that holds for a while.
#[derive(Clone, Debug)]
pub struct Band {
    /// Its name; bands of one name have one colour, and stand once among the names above.
    pub name: String,
    /// From when on.
    pub from: f64,
    /// Until when.
    pub to: f64,
    /// Which colour.
    pub color: usize,
}

/// A line that is upright, and what it says to who points at it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Where on the horizontal axis.
    pub at: f64,
    /// From where up to where.
    pub ends: [f64; 2],
    /// Which colour.
    pub color: usize,
    /// Whether it should catch the eye.
    pub bold: bool,
    /// What it says.
    pub words: String,
}

/// One curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name; without one it is not among the names above.
    pub name: String,
    /// Its points, in order of time. From a value that is no number to the next one that is, steps are not drawn: it is not known, or
    /// outside of the picture.
    pub points: Vec<(f64, f64)>,
    /// How it is drawn.
    pub mark: Mark,
    /// Which colour: curves with the same number have the same.
    pub color: usize,
}

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A value that holds until the next.
    Steps,
    /// The same as a thin, pale line, for what goes with another curve.
    Thin,
    /// Values between which there is nothing.
    Dots,
    /// The same, to be seen among dots.
    Crosses,
    /// Each two points are the ends of a line, and lines have nothing between them.
    Spans,
    /// A bar from zero for each point, whose place on the horizontal axis is a whole number.
    Bars,
}

/// Names of bands that there is room for.
const MOST_BANDS: usize = 16;

/// How wide a bar is to either side; neighbours do not touch.
const HALF_BAR: f64 = 0.4;

type Area<DB> = DrawingArea<DB, Shift>;
type Chart<'a, DB> = ChartContext<'a, DB, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Outcome<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

impl Figure {
    /// The picture.
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, self.size()).into_drawing_area();
        let mut told = String::new();
        self.draw(&area, &mut told).expect("a picture in memory can be drawn");
        drop(area);
        // What the lines say has no place in what draws the others.
        if let Some(end) = svg.rfind("</svg>") {
            svg.insert_str(end, &told);
        }
        svg
    }

    /// Its width and its height, in pixels.
    fn size(&self) -> (u32, u32) {
        (SIZE.0, SIZE.1 + self.head().height - HEAD)
    }

    fn head(&self) -> Head {
        let mut names: Vec<&str> = self.curves.iter().map(|curve| curve.name.as_str()).collect();
        names.extend(self.band_names().map(|band| band.name.as_str()));
        Head::new(&names, !self.remark.is_empty())
    }

    /// The first band of each name.
    fn band_names(&self) -> impl Iterator<Item = &Band> {
        let mut known = HashSet::new();
        self.bands.iter().filter(move |band| known.insert(&band.name)).take(MOST_BANDS)
    }

    fn draw<DB: DrawingBackend>(&self, area: &Area<DB>, told: &mut String) -> Outcome<DB> {
        area.fill(&WHITE)?;
        let (head, body) = area.split_vertically(self.head().height);
        self.draw_head(&head)?;
        let [x, y] = self.ranges();
        let whole = self.has_bars();
        let mut chart = ChartBuilder::on(&body)
            .margin_left(8)
            .margin_right(RIGHT)
            .margin_bottom(6)
            .x_label_area_size(BELOW)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(x.clone(), y.clone())?;
        self.draw_bands(&mut chart, [&x, &y])?;
        chart
            .configure_mesh()
            .x_desc(&self.x)
            .y_desc(&self.y)
            .x_labels(10)
            .y_labels(8)
            .x_label_formatter(&|value| match whole {
                true if value.fract() != 0.0 => String::new(),
                _ => number(*value),
            })
            .y_label_formatter(&|value| number(*value))
            .bold_line_style(BLACK.mix(0.12))
            .light_line_style(TRANSPARENT)
            .axis_style(BLACK.mix(0.5))
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 14))
            .draw()?;
        let scale = [(x.end - x.start) / f64::from(SIZE.0), (y.end - y.start) / f64::from(SIZE.1)];
        for curve in &self.curves {
            draw_curve(&mut chart, curve, scale)?;
        }
        let inside = self.spans.iter().filter(|span| x.contains(&span.at));
        let inside = inside.map(|span| {
            let pixel = |value| chart.backend_coord(&(span.at, value));
            (span, [pixel(span.ends[0]), pixel(span.ends[1])])
        });
        told.push_str(&overlay(inside));
        area.present()
    }

    /// The title, and the names of the curves below it.
    fn draw_head<DB: DrawingBackend>(&self, area: &Area<DB>) -> Outcome<DB> {
        area.draw(&Text::new(self.title.as_str(), (LEFT as i32, 10), ("sans-serif", 18)))?;
        let head = self.head();
        if let Some(y) = head.remark {
            let style = ("sans-serif", 13).into_font().color(&BLACK.mix(0.7));
            area.draw(&Text::new(self.remark.as_str(), (LEFT as i32, y), style))?;
        }
        let mut places = head.places.iter();
        for (curve, &(x, y)) in self.curves.iter().zip(places.by_ref()) {
            if curve.name.is_empty() {
                continue;
            }
            let color = curve.color();
            match curve.mark {
                Mark::Steps | Mark::Thin | Mark::Spans => {
                    let line = vec![(x, y), (x + 18, y)];
                    area.draw(&PathElement::new(line, curve.style()))?;
                }
                Mark::Dots => area.draw(&Circle::new((x + 9, y), 2, color.filled()))?,
                Mark::Crosses => area.draw(&Cross::new((x + 9, y), 4, curve.style()))?,
                Mark::Bars => {
                    let corners = [(x + 3, y - 6), (x + 15, y + 5)];
                    area.draw(&Rectangle::new(corners, color.filled()))?;
                }
            }
            area.draw(&Text::new(curve.name.as_str(), (x + 24, y - 7), ("sans-serif", 13)))?;
        }
        for (band, &(x, y)) in self.band_names().zip(places) {
            let corners = [(x + 3, y - 6), (x + 15, y + 5)];
            area.draw(&Rectangle::new(corners, pale(band.color)))?;
            area.draw(&Text::new(band.name.as_str(), (x + 24, y - 7), ("sans-serif", 13)))?;
        }
        Ok(())
    }

    /// The bands, each column of pixels in the colour of what held there longest.
    fn draw_bands<DB: DrawingBackend>(
        &self,
        chart: &mut Chart<'_, DB>,
        [x, y]: [&std::ops::Range<f64>; 2],
    ) -> Outcome<DB> {
        let pieces = columns(&self.bands, x, f64::from(SIZE.0 - LEFT - RIGHT - 8));
        let corners = |from: f64, to: f64| [(from, y.start), (to, y.end)];
        chart.draw_series(
            pieces
                .into_iter()
                .map(|(from, to, color)| Rectangle::new(corners(from, to), pale(color))),
        )?;
        Ok(())
    }

    /// From zero, so that pictures can be compared, or from where it is asked for, to a little more than the largest value.
    fn ranges(&self) -> [std::ops::Range<f64>; 2] {
        let points = || self.curves.iter().flat_map(|curve| curve.points.iter().copied());
        let spans = || self.spans.iter().map(|span| (span.at, span.ends[1]));
        let range = |from: f64, largest: f64| match largest > from {
            true => from..from + (largest - from) * 1.04,
            false => from..from + 1.0,
        };
        let largest =
            |value: fn((f64, f64)) -> f64| points().chain(spans()).map(value).fold(0.0, f64::max);
        let until = self.bands.iter().map(|band| band.to).fold(0.0, f64::max);
        let mut x = largest(|point| point.0).max(until);
        if self.has_bars() {
            x += HALF_BAR;
        }
        let y = largest(|point| point.1);
        [range(self.from[0], x), range(self.from[1], y)]
    }

    fn has_bars(&self) -> bool {
        self.curves.iter().any(|curve| curve.mark == Mark::Bars)
    }
}

impl Curve {
    fn color(&self) -> RGBColor {
        COLORS[self.color % COLORS.len()]
    }

    fn style(&self) -> ShapeStyle {
        match self.mark {
            Mark::Thin => self.color().mix(0.5).stroke_width(1),
            Mark::Spans => self.color().stroke_width(1),
            _ => self.color().stroke_width(2),
        }
    }
}

/// The colour of a band, so pale that curves can be seen over it.
fn pale(color: usize) -> ShapeStyle {
    COLORS[color % COLORS.len()].mix(0.16).filled()
}

fn draw_curve<DB: DrawingBackend>(
    chart: &mut Chart<'_, DB>,
    curve: &Curve,
    scale: [f64; 2],
) -> Outcome<DB> {
    let style = curve.style();
    match curve.mark {
        Mark::Steps | Mark::Thin => {
            for part in parts(&curve.points) {
                chart.draw_series(LineSeries::new(steps(&part, scale[0]), style))?;
            }
        }
        Mark::Dots => {
            let style = curve.color().filled();
            let dots = apart(&curve.points, scale).map(|point| Circle::new(point, 2, style));
            chart.draw_series(dots)?;
        }
        Mark::Crosses => {
            let crosses = apart(&curve.points, scale).map(|point| Cross::new(point, 4, style));
            chart.draw_series(crosses)?;
        }
        Mark::Bars => {
            let style = curve.color().filled();
            chart.draw_series(
                curve
                    .points
                    .iter()
                    .map(|&(x, y)| Rectangle::new([(x - HALF_BAR, 0.0), (x + HALF_BAR, y)], style)),
            )?;
        }
        Mark::Spans => {
            let lines = spans(&curve.points, scale);
            chart.draw_series(lines.map(|line| PathElement::new(line, style)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
