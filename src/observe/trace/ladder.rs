//! Two hosts, and an arrow for each segment between them.
//!
//! ```text
//!   0.000000  SYN_SENT  |--- SYN seq=0 win=65535: handshake --------->|
//!   0.042000            |<-- SYN,ACK seq=0 ack=1 win=65535 -----------|  [SYN_RCVD]
//! ```

mod text;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::event::State;
use crate::time::Instant;
use crate::wire::tcp::Flags;

use super::figures::plain;
use super::lifeline::Lifelines;
use super::{Class, Moment, Segment, Side, Span, Trace, What, seconds};

/// Arrows of one picture.
pub const MOST_ARROWS: usize = 100;
/// Lines that are no arrows.
const MOST_OTHERS: usize = 100;
/// How far is looked for what has made a state change.
const NEAR: usize = 64;

/// Its width, and where things stand in it, in pixels.
const WIDTH: u32 = 1000;
const TIME: i32 = 12;
const LEFT: i32 = 230;
const RIGHT: i32 = 800;
const HEAD: i32 = 96;
const ROW: i32 = 24;
/// How much later an arrow ends than it begins, and how far the end of one that is lost is from its goal.
const SLOPE: i32 = 7;
const SHORT: i32 = 130;

const INK: RGBColor = RGBColor(40, 40, 40);
const OURS: RGBColor = RGBColor(0, 114, 178);
const THEIRS: RGBColor = RGBColor(0, 130, 95);
const AGAIN: RGBColor = RGBColor(213, 94, 0);
const LOST: RGBColor = RGBColor(170, 20, 60);

/// Whether a segment arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    InPart,
    Lost,
}

/// What one line shows.
enum Row {
    Arrow {
        at: Instant,
        side: Side,
        words: String,
        color: RGBColor,
        lost: Fate,
    },
    Other {
        at: Instant,
        words: String,
    },
    /// Beside the arrow that comes next, or the one before.
    State {
        side: Side,
        words: String,
        next: bool,
    },
}

/// A picture, and whether all of it is there.
pub struct Ladder {
    rows: Vec<Row>,
    title: String,
    ends: [String; 2],
    /// What was found lost last: when, from where and up to where.
    loss: Option<(Instant, u64, u64)>,
    /// Whose windows stand there without their scale.
    unscaled: [bool; 2],
    /// Arrows that there was no room for.
    pub left_out: usize,
    /// When the last one that is shown was.
    pub until: Instant,
}

type Area<DB> = DrawingArea<DB, Shift>;
type Outcome<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

impl Ladder {
    /// Lays out the first segments of a trace.
    pub fn new(trace: &Trace) -> Ladder {
        Ladder::part(trace, Span::default())
    }

    /// Lays out the first segments of a part of a trace; what becomes of them may be told later.
    pub fn part(trace: &Trace, span: Span) -> Ladder {
        let ends = trace.found.ends.map(|[local, remote]| {
            let place = trace.found.place.as_ref().map(|place| format!("{place}, "));
            [place.unwrap_or_default() + &local.to_string(), remote.to_string()]
        });
        let mut ladder = Ladder {
            rows: Vec::new(),
            title: trace.title(),
            ends: ends.unwrap_or_else(|| ["this end".to_owned(), "the other end".to_owned()]),
            loss: None,
            left_out: 0,
            until: Instant::ZERO,
            unscaled: trace.unscaled,
        };
        let mut lifelines = Lifelines::default();
        let before = |moment: &&Moment| moment.at - Instant::ZERO < span.from;
        let begin = trace.moments.iter().take_while(before).count();
        for moment in &trace.moments[..begin] {
            match &moment.what {
                What::Sent(segment) => drop(lifelines.sent(Side::Local, segment)),
                What::Received(segment) => drop(lifelines.sent(Side::Remote, segment)),
                _ => {}
            }
        }
        let end = ladder.end_of_shown(trace, begin, span);
        let mut shown: Vec<usize> = Vec::new();
        for index in begin..end {
            let moment = &trace.moments[index];
            if is_shown_by_next(moment, &trace.moments[index + 1..]) {
                shown.push(index);
                continue;
            }
            let then = if is_arrow(moment) { std::mem::take(&mut shown) } else { Vec::new() };
            for index in std::iter::once(index).chain(then) {
                ladder.take(trace, index, &mut lifelines);
            }
        }
        for index in shown {
            ladder.take(trace, index, &mut lifelines);
        }
        // Beside the arrows there is room for some of each.
        let (mut others, mut states) = (0, 0);
        ladder.rows.retain(|row| {
            let count = match row {
                Row::Other { .. } => &mut others,
                Row::State { .. } => &mut states,
                _ => return true,
            };
            *count += 1;
            *count <= MOST_OTHERS
        });
        ladder
    }

    /// Where as many moments end as there may be arrows.
    fn end_of_shown(&mut self, trace: &Trace, begin: usize, span: Span) -> usize {
        let mut arrows = 0;
        let within = |moment: &&Moment| moment.at - Instant::ZERO <= span.to;
        let whole = trace.moments[begin..].iter().take_while(within).count();
        let mut end = begin + whole;
        let moments = trace.moments[begin..end].iter().enumerate();
        for (index, moment) in moments.filter(|(_, moment)| is_arrow(moment)) {
            arrows += 1;
            if arrows > MOST_ARROWS {
                end = end.min(begin + index);
            } else {
                self.until = moment.at;
            }
        }
        self.left_out = arrows.saturating_sub(MOST_ARROWS);
        end
    }

    fn take(&mut self, trace: &Trace, index: usize, lines: &mut Lifelines) {
        let (moment, rest) = (&trace.moments[index], &trace.moments[index + 1..]);
        let (at, guessed) = (moment.at, trace.from_wire);
        let (side, segment) = match &moment.what {
            What::Sent(segment) => (Side::Local, segment),
            What::Received(segment) => (Side::Remote, segment),
            What::State(_, to, cause) => {
                let words = if &**cause == "seems" { format!("[{to}]") } else { to.to_string() };
                // Events tell the change first, and then the segment that has made it or follows from it.
                let now = rest.iter().take(NEAR).take_while(|later| later.at == at);
                let next = !guessed && now.into_iter().any(is_arrow);
                return self.rows.push(Row::State { side: Side::Local, words, next });
            }
            // What is found lost at once is told once.
            What::Lost(from, len, by) if self.adds_to_loss(at, *from, *len, by) => return,
            other => {
                let words = other_words(other);
                return self.rows.extend(words.map(|words| Row::Other { at, words }));
            }
        };
        let again = segment.again || segment.why.as_deref().map(Class::of) == Some(Class::Timeout);
        let color = match side {
            _ if again => AGAIN,
            Side::Local => OURS,
            Side::Remote => THEIRS,
        };
        // From packets alone a loss is only known by what is sent again.
        let known = side == Side::Local && !guessed;
        let lost = if known { lost(segment, rest) } else { 0 };
        let opens_in_vain =
            known && segment.flags.contains(Flags::SYN) && is_in_vain(segment, rest);
        let mut words = segment_words(segment, self.unscaled[side as usize]);
        if (1..u64::from(segment.len)).contains(&lost) {
            words += &format!("; {lost} lost");
        }
        let lost = match lost {
            0 if opens_in_vain => Fate::Lost,
            0 => Fate::Arrives,
            part if part < u64::from(segment.len) => Fate::InPart,
            _ => Fate::Lost,
        };
        self.rows.push(Row::Arrow { at, side, words, color, lost });
        let changes = lines.sent(side, segment);
        for (side, _) in changes.into_iter().filter(|(side, _)| *side == Side::Remote) {
            let state = lines.state(side).map_or("", State::name);
            self.rows.push(Row::State { side, words: format!("[{state}]"), next: false });
        }
    }

    /// Whether something that is found lost follows on what was found before, at the same time; then it is told with that.
    fn adds_to_loss(&mut self, at: Instant, from: u64, len: u32, by: &str) -> bool {
        let mut whole = (from, from.saturating_add(len.into()));
        let adds = match (&self.loss, self.rows.last_mut()) {
            (Some((when, start, end)), Some(Row::Other { words, .. }))
                if *when == at && *end == from =>
            {
                whole.0 = *start;
                let len = u32::try_from(whole.1 - start).unwrap_or(u32::MAX);
                let told = other_words(&What::Lost(*start, len, by.into()));
                told.unwrap_or_default().clone_into(words);
                true
            }
            _ => false,
        };
        self.loss = Some((at, whole.0, whole.1));
        adds
    }

    /// The picture as SVG.
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, self.size()).into_drawing_area();
        self.draw(&area).expect("a picture in memory can be drawn");
        drop(area);
        svg
    }

    fn size(&self) -> (u32, u32) {
        let rows = self.rows.iter().filter(|row| !matches!(row, Row::State { .. })).count();
        (WIDTH, (HEAD + ROW * (rows as i32 + 1)) as u32)
    }

    fn draw<DB: DrawingBackend>(&self, area: &Area<DB>) -> Outcome<DB> {
        area.fill(&WHITE)?;
        let (_, height) = self.size();
        text(area, &self.title, (TIME, 12), 18, INK)?;
        text(area, "states in [brackets] are as the packets tell them", (TIME, 36), 12, INK)?;
        for (x, name) in [(LEFT, &self.ends[0]), (RIGHT, &self.ends[1])] {
            text(area, name, (x - 4 * name.chars().count() as i32, 62), 14, INK)?;
            let line = vec![(x, HEAD - 14), (x, height as i32 - 12)];
            area.draw(&PathElement::new(line, INK.stroke_width(2)))?;
        }
        let mut y = HEAD;
        let mut labels = [HEAD - ROW, HEAD - ROW];
        for row in &self.rows {
            match row {
                Row::Arrow { at, side, words, color, lost } => {
                    text(area, &time(*at), (TIME, y - 6), 12, INK)?;
                    arrow(area, y, *side, *color, *lost)?;
                    text(area, words, (LEFT + 14, y - 14), 12, *color)?;
                    y += ROW;
                }
                Row::Other { at, words } => {
                    text(area, &time(*at), (TIME, y - 6), 12, INK)?;
                    let line = vec![(LEFT - 5, y), (LEFT + 5, y)];
                    area.draw(&PathElement::new(line, INK.stroke_width(2)))?;
                    text(area, words, (LEFT + 14, y - 7), 12, INK)?;
                    y += ROW;
                }
                Row::State { side, words, next } => {
                    // Below another one that stands there.
                    let label = &mut labels[*side as usize];
                    *label = if *next { y } else { y - ROW }.max(*label + 13);
                    let (x, side) = match side {
                        Side::Local => (LEFT - 10, HPos::Right),
                        Side::Remote => (RIGHT + 10, HPos::Left),
                    };
                    let style = ("sans-serif", 12).into_font().color(&INK);
                    let style = style.pos(Pos::new(side, VPos::Top));
                    area.draw(&Text::new(words.as_str(), (x, *label - 6), style))?;
                }
            }
        }
        area.present()
    }
}

fn is_arrow(moment: &Moment) -> bool {
    matches!(moment.what, What::Sent(_) | What::Received(_))
}

fn text<DB: DrawingBackend>(
    area: &Area<DB>,
    words: &str,
    at: (i32, i32),
    size: i32,
    color: RGBColor,
) -> Outcome<DB> {
    let style = ("sans-serif", size).into_font().color(&color);
    area.draw(&Text::new(words, at, style))
}

fn time(at: Instant) -> String {
    format!("{:.6} s", seconds(at))
}

/// An arrow from one side to the other, with a cross where something is lost.
fn arrow<DB: DrawingBackend>(
    area: &Area<DB>,
    y: i32,
    side: Side,
    color: RGBColor,
    fate: Fate,
) -> Outcome<DB> {
    let (from, to, step) = match side {
        Side::Local => (LEFT + 2, RIGHT - 2, 1),
        Side::Remote => (RIGHT - 2, LEFT + 2, -1),
    };
    let cross = to - SHORT * step;
    let to = if fate == Fate::Lost { cross } else { to };
    let end = (to, y + SLOPE);
    area.draw(&PathElement::new(vec![(from, y), end], color.stroke_width(1)))?;
    if fate != Fate::Lost {
        let head = vec![end, (to - 9 * step, end.1 - 5), (to - 9 * step, end.1 + 4)];
        area.draw(&Polygon::new(head, color.filled()))?;
    }
    if fate != Fate::Arrives {
        area.draw(&Cross::new((cross, y + SLOPE - 1), 5, LOST.stroke_width(2)))?;
    }
    Ok(())
}

/// Whether a SYN is sent again before anything is heard of the other end, or is sent again itself and nothing is heard at all.
fn is_in_vain(segment: &Segment, rest: &[Moment]) -> bool {
    match rest.iter().find(|moment| is_arrow(moment)).map(|next| &next.what) {
        Some(What::Sent(again)) => again.flags.contains(Flags::SYN),
        Some(_) => false,
        None => segment.count > 0,
    }
}

/// Whether it is something that the next segment that came has shown: events tell it before that.
fn is_shown_by_next(moment: &Moment, rest: &[Moment]) -> bool {
    let next = rest.iter().take(NEAR).find(|later| is_arrow(later));
    let came = |next: &Moment| next.at == moment.at && matches!(next.what, What::Received(_));
    matches!(moment.what, What::Lost(..) | What::Reduced(_) | What::Undone(_))
        && next.is_some_and(came)
}

/// How many bytes of what was sent are found lost later, before they are sent again; none of what is acknowledged before
/// that, or of what a time-out was wrong about: it has arrived after all.
fn lost(segment: &Segment, rest: &[Moment]) -> u64 {
    let end = segment.seq.saturating_add(segment.len.into());
    let common = |from: u64, len: u32| {
        let until = from.saturating_add(len.into()).min(end);
        until.saturating_sub(from.max(segment.seq))
    };
    let covers = |what: &What| match what {
        What::Received(answer) => answer.ack.is_some_and(|ack| ack >= end),
        _ => false,
    };
    let (mut lost, mut timed_out) = (0_u64, 0_u64);
    for (index, moment) in rest.iter().enumerate() {
        match &moment.what {
            What::Lost(from, len, by) => {
                let sum = if &**by == "timeout" { &mut timed_out } else { &mut lost };
                *sum = sum.saturating_add(common(*from, *len));
            }
            What::Sent(again) if common(again.seq, again.len) > 0 => {
                let answered = rest[index..].iter().take_while(|moment| !covers(&moment.what));
                let is_undone = |moment: &Moment| matches!(moment.what, What::Undone(_));
                let wrong = timed_out > 0 && answered.into_iter().any(is_undone);
                return if wrong { lost } else { lost.max(timed_out) };
            }
            what if covers(what) => return 0,
            _ => {}
        }
    }
    lost
}

fn segment_words(segment: &Segment, unscaled: bool) -> String {
    let Segment { flags, seq, len, window, .. } = segment;
    let mut words = format!("{flags} seq={seq}");
    if let Some(ack) = segment.ack {
        words += &format!(" ack={ack}");
    }
    if *len > 0 {
        words += &format!(" len={len}");
    }
    if segment.packets > 1 {
        words += &format!(" ({})", segment.packets);
    }
    if *len == 0 || flags.contains(Flags::SYN) {
        let scale = if unscaled && !flags.contains(Flags::SYN) { " (scale not known)" } else { "" };
        words += &format!(" win={window}{scale}");
    }
    for (index, (from, to)) in segment.sack.iter().flatten().enumerate() {
        words += if index == 0 { " sack=" } else { "," };
        words += &format!("{from}..{to}");
    }
    match segment.why.as_deref() {
        Some(why) if segment.count > 0 => words + &format!(": {} {}", plain(why), segment.count),
        Some(why) => words + ": " + &plain(why),
        None if segment.again => words + ": sent before",
        None => words,
    }
}

/// What is told between the arrows.
fn other_words(what: &What) -> Option<String> {
    Some(match what {
        What::Refused(reason, _) => format!("refused: {}", plain(reason)),
        What::Lost(from, len, by) => format!("found lost: seq={from} len={len} ({})", plain(by)),
        What::Reduced(why) => format!("window reduced: {}", plain(why)),
        What::Undone(by) => format!("reduction undone: {}", plain(by)),
        What::IcmpError(report, by) => format!("ICMP from {by}: {}", plain(report)),
        What::PathMtu(mtu, mss, _) => format!("path MTU {mtu}, segments of {mss}"),
        What::TimerFired(timer) if &**timer != "delayed_ack" && &**timer != "pacing" => {
            format!("timer: {}", plain(timer))
        }
        What::Missing(count) => format!("{count} events are missing here"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
