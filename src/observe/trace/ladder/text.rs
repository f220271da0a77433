//! The same picture in letters, for terminals.

use super::{Fate, Ladder, Row, seconds};
use crate::observe::trace::Side;

/// Letters of the states at the left, and of what is between both lines.
const STATE: usize = 12;
const BETWEEN: usize = 62;

/// One line of text while it is made.
struct Line {
    time: String,
    left: String,
    between: String,
    right: String,
}

impl Ladder {
    /// The picture as lines of text, at most some 100 letters wide.
    pub fn text(&self) -> String {
        let mut lines = vec![self.names()];
        // A state that stands at the next arrow.
        let mut coming: Vec<&str> = Vec::new();
        for row in &self.rows {
            match row {
                Row::Arrow { at, side, words, lost, .. } => {
                    let mut line = Line::new(seconds(*at), arrow(*side, words, *lost));
                    let last = coming.pop();
                    lines.extend(coming.drain(..).map(Line::of_state));
                    last.unwrap_or_default().clone_into(&mut line.left);
                    lines.push(line);
                }
                Row::Other { at, words } => {
                    let words = format!("* {words}");
                    lines.push(Line::new(seconds(*at), fitting(&words, BETWEEN)));
                }
                Row::State { side: Side::Local, words, next: true } => coming.push(words),
                Row::State { side, words, .. } => beside(&mut lines, *side, words),
            }
        }
        lines.extend(coming.drain(..).map(Line::of_state));
        lines.iter().map(Line::format).collect()
    }

    fn names(&self) -> Line {
        let [left, right] = &self.ends;
        Line {
            time: "time (s)".to_owned(),
            left: String::new(),
            between: format!("{left:<width$}{right:>width$}", width = BETWEEN / 2),
            right: String::new(),
        }
    }
}

/// Puts a state beside the last line, or below it where one stands already.
fn beside(lines: &mut Vec<Line>, side: Side, words: &str) {
    let of = |line: &mut Line| match side {
        Side::Local => std::mem::replace(&mut line.left, words.to_owned()),
        Side::Remote => std::mem::replace(&mut line.right, words.to_owned()),
    };
    if let Some(last) = lines.last_mut() {
        let before = of(last);
        if before.is_empty() {
            return;
        }
        match side {
            Side::Local => last.left = before,
            Side::Remote => last.right = before,
        }
    }
    let mut line = Line::of_state("");
    of(&mut line);
    lines.push(line);
}

impl Line {
    fn new(at: f64, between: String) -> Line {
        Line { time: format!("{at:.6}"), left: String::new(), between, right: String::new() }
    }

    fn of_state(words: &str) -> Line {
        let between = " ".repeat(BETWEEN);
        Line { time: String::new(), left: words.to_owned(), between, right: String::new() }
    }

    fn format(&self) -> String {
        let Line { time, left, between, right } = self;
        let line = format!("{time:>11} {left:>STATE$} |{between:<BETWEEN$}| {right}");
        line.trim_end().to_owned() + "\n"
    }
}

/// `-- words --------->`, with a cross where it is lost.
fn arrow(side: Side, words: &str, fate: Fate) -> String {
    let words = match words.chars().count() > BETWEEN - 6 {
        true => fitting(&without_window(words), BETWEEN - 6),
        false => words.to_owned(),
    };
    let room = BETWEEN - 4 - words.chars().count();
    let line = |len: usize| "-".repeat(len);
    match (side, fate) {
        (Side::Local, Fate::Lost) => format!("- {words} {}X{}", line(room - 2), "   "),
        (Side::Local, _) => format!("- {words} {}>", line(room)),
        (Side::Remote, _) => format!("<- {words} {}", line(room)),
    }
}

/// The same without the window, for what has arrived out of order to have its room.
fn without_window(words: &str) -> String {
    let shows = |word: &&str| !word.starts_with("win=") || !words.contains(" sack=");
    words.split(' ').filter(shows).collect::<Vec<_>>().join(" ")
}

/// As many of the words as there is room for.
fn fitting(words: &str, room: usize) -> String {
    if words.chars().count() <= room {
        return words.to_owned();
    }
    let shown: String = words.chars().take(room - 2).collect();
    // Half a number would be another one.
    let whole = shown.rfind([' ', ',']).filter(|end| *end > room / 2).map(|end| &shown[..=end]);
    whole.unwrap_or(&shown).to_owned() + ".."
}
