//! The story of a connection in words, in order, with the clauses of the RFCs that it follows.
//!
//! ```text
//!     0.000000  CLOSED -> SYN_SENT: the application opens it (RFC 9293 3.10.1)
//!     1.042843  the handshake took 42.000 ms
//!     1.243100  loss of 4,344 bytes from 12,345 on, found since later segments have arrived (RACK, RFC 8985 6); ...
//! ```

mod loss;
mod teller;
mod totals;
mod words;

use crate::time::{Duration, Instant};

use super::{Trace, seconds};
use crate::observe::text::grouped as number;
use teller::Teller;

/// Things that a story tells, unless all are asked for; some take several lines.
pub const MOST_LINES: usize = 200;
/// Lines of one kind in a row that are told one by one.
const MOST_ALIKE: usize = 4;
/// Of the lines there is room for, those that come before what is left out.
const FIRST_LINES: usize = 120;

/// Letters of a line, and those before its words.
const WIDTH: usize = 110;
const INDENT: usize = 13;

/// What a line tells of; lines of one kind that follow on each other are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Something that stands for itself.
    Once,
    Loss,
    Timeout,
    Reduction,
    Undo,
    Refusal,
    ZeroWindow,
    Probe,
    Keepalive,
    Path,
    Missing,
}

impl Kind {
    /// What many of it are called.
    fn many(self) -> &'static str {
        match self {
            Kind::Once => "more lines",
            Kind::Loss => "more losses",
            Kind::Timeout => "more time-outs",
            Kind::Reduction => "more reductions of the window",
            Kind::Undo => "more reductions that were taken back",
            Kind::Refusal => "more that were refused",
            Kind::ZeroWindow => "more changes between a closed and an open window",
            Kind::Probe => "more probes of the tail",
            Kind::Keepalive => "more keepalive probes",
            Kind::Path => "more reports about the path",
            Kind::Missing => "more gaps",
        }
    }
}

/// A line of a story.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    at: Instant,
    kind: Kind,
    text: String,
}

/// Tells the story of a trace, a line each; with `all` nothing is summed up or left out.
pub fn tell(trace: &Trace, all: bool) -> Vec<String> {
    let mut lines = vec![format!("Connection {}", trace.title())];
    if trace.from_wire {
        lines.push(
            "From packets alone: why something was sent, and the states, are guesses.".to_owned(),
        );
    }
    let mut told = Teller::tell(trace);
    if !all {
        told = folded(told);
    }
    let mut told: Vec<String> = told.iter().map(Line::format).collect();
    if !all && told.len() > MOST_LINES {
        let out = told.len() - MOST_LINES;
        let note = format!("              ... {out} more are left out; --all shows them");
        told.splice(FIRST_LINES..FIRST_LINES + out, [note]);
    }
    lines.extend(told);
    lines.extend(trace.remark());
    lines.extend(totals::lines(trace));
    lines
}

impl Line {
    /// Its time and its words, in as many lines as they take.
    fn format(&self) -> String {
        let mut text = format!("{:>12.6} ", seconds(self.at));
        let mut width = text.len();
        for word in self.text.split(' ') {
            let letters = word.chars().count() + 1;
            if width + letters > WIDTH {
                text.push('\n');
                text.push_str(&" ".repeat(INDENT));
                width = INDENT;
            }
            text.push(' ');
            text.push_str(word);
            width += letters;
        }
        text
    }
}

/// Of many lines of one kind in a row, the first ones and how many follow.
fn folded(lines: Vec<Line>) -> Vec<Line> {
    let mut folded = Vec::new();
    for alike in lines.chunk_by(|one, other| one.kind == other.kind && one.kind != Kind::Once) {
        let shown = if alike.len() > MOST_ALIKE + 1 { MOST_ALIKE } else { alike.len() };
        folded.extend_from_slice(&alike[..shown]);
        let rest = &alike[shown..];
        if let [first, .., last] = rest {
            let text = format!(
                "... and {} {}, up to {:.6} s",
                rest.len(),
                first.kind.many(),
                seconds(last.at)
            );
            folded.push(Line { at: first.at, kind: first.kind, text });
        }
    }
    folded
}

/// A time with the unit that suits it.
fn span(time: Duration) -> String {
    match time {
        _ if time >= Duration::from_secs(1) => format!("{:.3} s", time.as_secs_f64()),
        _ => format!("{:.3} ms", time.as_secs_f64() * 1e3),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests;
