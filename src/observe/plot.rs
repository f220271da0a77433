//! Curves over time as SVG pictures.
//!
//! ```text
//!   title                     -- one  -- two  x three      the names, above and not over the curves
//!   unit |    .-''
//!        |_.-'_______ time
//! ```
//!
//! The same curves give the same picture, byte for byte. However many points there are, a picture has only
//! as many as can be told apart in it.

use std::collections::HashSet;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

/// Width and height of a picture, and the height of the part above the curves, in pixels.
const SIZE: (u32, u32) = (960, 440);
const HEAD: u32 = 58;
/// Room for the numbers at the axes, in pixels.
const LEFT: u32 = 72;
const BELOW: u32 = 44;

/// Colours that also those can tell apart who do not see all of them (M. Okabe and K. Ito, 2008).
const COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(60, 60, 60),
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
}

/// One curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name; without one it is not among the names above.
    pub name: String,
    /// Its points, in order of time.
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

/// How wide a bar is to either side; neighbours do not touch.
const HALF_BAR: f64 = 0.4;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Outcome = Result<(), DrawingAreaErrorKind<std::io::Error>>;

impl Figure {
    /// The picture.
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        self.draw(&area).expect("a picture in memory can be drawn");
        drop(area);
        svg
    }

    fn draw(&self, area: &Area<'_>) -> Outcome {
        area.fill(&WHITE)?;
        let (head, body) = area.split_vertically(HEAD);
        self.draw_head(&head)?;
        let [x, y] = self.ranges();
        let whole = self.has_bars();
        let mut chart = ChartBuilder::on(&body)
            .margin_left(8)
            .margin_right(24)
            .margin_bottom(6)
            .x_label_area_size(BELOW)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(x.clone(), y.clone())?;
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
        area.present()
    }

    /// The title, and the names of the curves below it.
    fn draw_head(&self, head: &Area<'_>) -> Outcome {
        head.draw(&Text::new(self.title.as_str(), (LEFT as i32, 10), ("sans-serif", 18)))?;
        let mut x = LEFT as i32;
        for curve in self.curves.iter().filter(|curve| !curve.name.is_empty()) {
            let (color, y) = (curve.color(), 45);
            match curve.mark {
                Mark::Steps | Mark::Thin | Mark::Spans => {
                    let line = vec![(x, y), (x + 18, y)];
                    head.draw(&PathElement::new(line, curve.style()))?;
                }
                Mark::Dots => head.draw(&Circle::new((x + 9, y), 2, color.filled()))?,
                Mark::Crosses => head.draw(&Cross::new((x + 9, y), 4, curve.style()))?,
                Mark::Bars => {
                    let corners = [(x + 3, y - 6), (x + 15, y + 5)];
                    head.draw(&Rectangle::new(corners, color.filled()))?;
                }
            }
            head.draw(&Text::new(curve.name.as_str(), (x + 24, y - 7), ("sans-serif", 13)))?;
            // There is no font to measure with: this is about the width of a letter.
            x += 24 + 8 * curve.name.chars().count() as i32 + 20;
        }
        Ok(())
    }

    /// From zero, so that pictures can be compared, to a little more than the largest value.
    fn ranges(&self) -> [std::ops::Range<f64>; 2] {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let end = |largest: f64| if largest > 0.0 { largest * 1.04 } else { 1.0 };
        let mut x = points().map(|point| point.0).fold(0.0, f64::max);
        if self.has_bars() {
            x += HALF_BAR;
        }
        let y = points().map(|point| point.1).fold(0.0, f64::max);
        [0.0..end(x), 0.0..end(y)]
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

fn draw_curve(chart: &mut Chart<'_>, curve: &Curve, scale: [f64; 2]) -> Outcome {
    let style = curve.style();
    match curve.mark {
        Mark::Steps | Mark::Thin => {
            chart.draw_series(LineSeries::new(steps(&curve.points, scale[0]), style))?;
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

/// The corners of the steps. Where many share a column of pixels `width` wide, only the first, the
/// lowest, the highest and the last.
fn steps(points: &[(f64, f64)], width: f64) -> Vec<(f64, f64)> {
    let column = |point: &(f64, f64)| (point.0 / width) as i64;
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for bunch in points.chunk_by(|one, other| column(one) == column(other)) {
        let (first, last) = (bunch[0], bunch[bunch.len() - 1]);
        if let Some(&(_, before)) = corners.last() {
            corners.push((first.0, before));
        }
        corners.push(first);
        if bunch.len() > 1 {
            let values = || bunch.iter().map(|point| point.1);
            corners.push((first.0, values().fold(f64::INFINITY, f64::min)));
            corners.push((first.0, values().fold(f64::NEG_INFINITY, f64::max)));
            corners.push((first.0, last.1));
            corners.push(last);
        }
    }
    corners
}

/// Of points that fall on the same two pixels, the first.
fn apart(points: &[(f64, f64)], scale: [f64; 2]) -> impl Iterator<Item = (f64, f64)> {
    let mut taken = HashSet::new();
    let points = points.iter().copied();
    points.filter(move |&point| taken.insert(two_pixels(point, scale)))
}

/// Of lines whose ends fall on the same two pixels, the first.
fn spans(points: &[(f64, f64)], scale: [f64; 2]) -> impl Iterator<Item = [(f64, f64); 2]> {
    let mut taken = HashSet::new();
    let (lines, _) = points.as_chunks::<2>();
    let lines = lines.iter().copied();
    lines.filter(move |line| taken.insert(line.map(|end| two_pixels(end, scale))))
}

/// The square of two by two pixels in which a point lies.
fn two_pixels((x, y): (f64, f64), scale: [f64; 2]) -> (i64, i64) {
    ((x / scale[0] / 2.0) as i64, (y / scale[1] / 2.0) as i64)
}

/// A number at an axis: no more digits than it needs.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
