//! What of a picture can be told apart in it, and lines that tell something of themselves.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt::Write;
use std::ops::Range;

use super::{Band, COLORS, Told};

/// Lines of a picture that say something: each takes a hundred bytes.
const MOST_TOLD: usize = 900;
/// Lines of a colour up to which they are drawn broad where they should catch the eye.
const MOST_BOLD: usize = 60;
/// Letters of what one says.
const LONGEST: usize = 160;

/// The parts of a curve that can be drawn. A value holds until it is none any more.
pub(super) fn parts(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut goes_on = false;
    for &(at, value) in points {
        match parts.last_mut().filter(|_| goes_on) {
            Some(part) if value.is_nan() => part.push((at, part[part.len() - 1].1)),
            Some(part) => part.push((at, value)),
            None if value.is_nan() => {}
            None => parts.push(vec![(at, value)]),
        }
        goes_on = !value.is_nan();
    }
    parts
}

/// The corners of the steps. Where many share a column of pixels `width` wide, only the first, the
/// lowest, the highest and the last.
pub(super) fn steps(points: &[(f64, f64)], width: f64) -> Vec<(f64, f64)> {
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
pub(super) fn apart(points: &[(f64, f64)], scale: [f64; 2]) -> impl Iterator<Item = (f64, f64)> {
    let mut taken = HashSet::new();
    let points = points.iter().copied();
    points.filter(move |&point| taken.insert(two_pixels(point, scale)))
}

/// Of lines whose ends fall on the same two pixels, the first.
pub(super) fn spans(
    points: &[(f64, f64)],
    scale: [f64; 2],
) -> impl Iterator<Item = [(f64, f64); 2]> {
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
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What held longest in each column of pixels, of which `width` lie side by side, as pieces: from where, to where, and the colour.
pub(super) fn columns(bands: &[Band], x: &Range<f64>, width: f64) -> Vec<(f64, f64, usize)> {
    let column = (x.end - x.start) / width;
    // How long each colour holds in a column; most columns have one or two.
    let mut held: Vec<Vec<(usize, f64)>> = vec![Vec::new(); width as usize + 1];
    for band in bands {
        let (from, to) = (band.from.max(x.start), band.to.min(x.end));
        let first = ((from - x.start) / column) as usize;
        let last = ((to - x.start) / column) as usize;
        for (number, held) in held.iter_mut().enumerate().take(last + 1).skip(first) {
            let begin = x.start + column * number as f64;
            let time = to.min(begin + column) - from.max(begin);
            match held.iter_mut().find(|(color, _)| *color == band.color) {
                Some((_, sum)) => *sum += time,
                None if time > 0.0 => held.push((band.color, time)),
                None => {}
            }
        }
    }
    let longest = held.iter().map(|held| {
        held.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1)).map(|(color, _)| color)
    });
    let longest: Vec<Option<usize>> = longest.collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    for bunch in longest.chunk_by(|one, other| one == other) {
        let from = x.start + column * at as f64;
        at += bunch.len();
        let to = (x.start + column * at as f64).min(x.end);
        pieces.extend(bunch[0].filter(|_| to > from).map(|color| (from, to, color)));
    }
    pieces
}

/// Lines of one colour in one column of pixels that touch: who says something, how many they are, and from where up to where.
struct Joined<'a> {
    told: &'a Told,
    count: usize,
    x: i32,
    top: i32,
    bottom: i32,
}

/// The lines as SVG. Where there are too many, those of one colour that touch in a column of pixels are drawn as one, some of
/// each colour say something, and those that are few all do.
pub(super) fn overlay<'a>(lines: impl Iterator<Item = (&'a Told, [(i32, i32); 2])>) -> String {
    let mut by_color: Vec<Vec<Joined<'_>>> = Vec::new();
    by_color.resize_with(COLORS.len(), Vec::new);
    for (told, [(x, from), (_, to)]) in lines {
        let (top, bottom) = (from.min(to), from.max(to));
        let one = Joined { told, count: 1, x, top, bottom };
        by_color[told.color % COLORS.len()].push(one);
    }
    let mut svg = String::new();
    let mut left = MOST_TOLD;
    let crowded = by_color.iter().map(Vec::len).sum::<usize>() > MOST_TOLD;
    let drawn = by_color.into_iter().enumerate();
    let mut drawn: Vec<(usize, _)> =
        drawn.map(|(color, lines)| (color, joined(lines, crowded))).collect();
    drawn.sort_by_key(|(_, lines)| lines.len());
    let mut groups = Vec::new();
    let mut others = drawn.iter().filter(|(_, lines)| !lines.is_empty()).count();
    for (color, lines) in drawn.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        let say = (left / others).min(lines.len());
        (left, others) = (left - say, others - 1);
        let bold = lines.iter().any(|line| line.told.bold);
        groups.push((bold, lines.len(), group(color, &lines, say)));
    }
    // What should catch the eye lies over the others, and those that are few over those that are many.
    groups.sort_by_key(|(bold, count, _)| (*bold, Reverse(*count)));
    groups.iter().for_each(|(.., group)| svg.push_str(group));
    svg
}

/// Those that touch in a column as one, where they are too many; otherwise only those on the same pixels.
fn joined(mut lines: Vec<Joined<'_>>, crowded: bool) -> Vec<Joined<'_>> {
    // One of no height can be seen all the same; many are drawn smaller, for something to be seen between them.
    let mut columns: Vec<i32> = lines.iter().map(|line| line.x).collect();
    columns.sort_unstable();
    columns.dedup();
    let few = columns.len() <= MOST_BOLD;
    for line in &mut lines {
        let least = match (line.told.bold, few) {
            (false, _) => 2,
            (true, true) => 7,
            (true, false) => 4,
        };
        line.bottom = line.bottom.max(line.top + least);
    }
    lines.sort_by_key(|line| (line.x, line.top, line.bottom));
    let mut joined: Vec<Joined<'_>> = Vec::new();
    for line in lines {
        match joined.last_mut() {
            Some(last)
                if last.x == line.x
                    && line.top <= last.bottom
                    && (crowded || (line.top, line.bottom) == (last.top, last.bottom)) =>
            {
                last.bottom = last.bottom.max(line.bottom);
                last.count += 1;
            }
            _ => joined.push(line),
        }
    }
    joined
}

/// The lines of one colour, of which `say` say something.
fn group(color: usize, lines: &[Joined<'_>], say: usize) -> String {
    let (red, green, blue) = (COLORS[color].0, COLORS[color].1, COLORS[color].2);
    let bold = lines.iter().any(|line| line.told.bold);
    let width = if bold && lines.len() <= MOST_BOLD { 4 } else { 2 };
    let mut svg =
        format!("<g stroke=\"#{red:02X}{green:02X}{blue:02X}\" stroke-width=\"{width}\">\n");
    let mut silent = String::new();
    for (index, Joined { told, count, x, top, bottom }) in lines.iter().enumerate() {
        // Spread evenly over all of them.
        let says = index * say / lines.len() != (index + 1) * say / lines.len();
        let more = if *count > 1 { format!("; and {} more", count - 1) } else { String::new() };
        let written = match says {
            true => writeln!(
                svg,
                "<path d=\"M{x} {bottom}V{top}\"><title>{}{more}</title></path>",
                escaped(&told.words)
            ),
            false => write!(silent, "M{x} {bottom}V{top}"),
        };
        written.expect("a string takes everything");
    }
    if !silent.is_empty() {
        svg += &format!("<path d=\"{silent}\"/>\n");
    }
    svg + "</g>\n"
}

/// A text as it may stand in SVG.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()).take(LONGEST) {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
