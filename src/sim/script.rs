//! Exact exchanges for tests: one stack against the packets of a script, in virtual time.
//!
//! A script is text, a step a line: when, and what. What the stack sends must be expected, each packet of
//! it, and at its time: a tick of the timers of a stack ([`TICK`]) is all by which it may be late.
//!
//! ```
//! use glasstcp::sim::script;
//! use glasstcp::stack::Config;
//!
//! script::run(
//!     "
//!     +0ms   call listen
//!     +0ms   inject SYN seq=0 win=65535 <mss 1000>
//!     +0ms   expect SYN,ACK seq=0 ack=1 <mss 1460>
//!     +10ms  inject ACK seq=1 ack=1
//!     +0ms   call accept
//!     +5ms   inject PSH,ACK seq=1..101 ack=1
//!     +0ms   expect ACK seq=1 ack=101       # quick, for the connection begins
//!     +0ms   call read -> 100 bytes
//!     +1s    expect nothing
//!     ",
//!     Config::new([10, 0, 0, 1].into(), 24, [0; 32]),
//! )?;
//! # Ok::<(), script::ScriptError>(())
//! ```
//!
//! `docs/sim.md` describes the language.

mod host;
mod icmp;
mod segment;
mod step;

use crate::stack::{Config, TICK};
use crate::time::{Duration, Instant};

use host::Host;
use segment::Shape;
use step::{Action, Step};

/// How far ahead is looked for what comes in place of what was expected: longer than any time-out.
const AHEAD: Duration = Duration::from_secs(300);

/// Where a script went another way, or could not be read: the line, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, '{text}': {problem}")]
pub struct ScriptError {
    line: usize,
    text: String,
    problem: String,
}

/// Plays a script against a new stack with the settings of `config`. Sequence numbers count from the
/// SYN of each side, and so do the timestamps of the stack from the beginning of the script.
///
/// # Errors
/// A sentence with the line that could not be read, or that went another way; what was sent instead is
/// shown as the line that would have expected it.
///
/// # Panics
/// When the stack does something that it must never do: a bug.
pub fn run(script: &str, config: Config) -> Result<(), ScriptError> {
    let mut play = Play { host: Host::new(config), last: Instant::ZERO };
    let lines = script.lines().map(uncommented).zip(1..).filter(|(text, _)| !text.is_empty());
    let mut lines = lines.peekable();
    while let Some((text, line)) = lines.next() {
        let error = |problem| ScriptError { line, text: text.to_owned(), problem };
        let step = text.parse().map_err(error)?;
        play.step(&step).map_err(error)?;
        if lines.peek().is_none() {
            play.nothing_left("after it").map_err(error)?;
        }
    }
    Ok(())
}

/// A line without its comment.
fn uncommented(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

/// A script that is being played.
struct Play {
    host: Host,
    /// When the last step was: relative times count from there.
    last: Instant,
}

impl Play {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        let (from, to) = step.when.after(self.last);
        if to < self.host.now() {
            return Err(format!("it is already {}", shown(self.host.now() - Instant::ZERO)));
        }
        if let Action::Expect(shape) = &step.action {
            return self.expect(shape, from, to);
        }
        self.host.pass(to)?;
        let silent = step.action == Action::Nothing;
        self.nothing_left(if silent { "until then" } else { "before it" })?;
        match &step.action {
            Action::Inject(shape) => self.host.inject(shape)?,
            Action::Report(error) => self.host.report(error)?,
            Action::Call(call) => self.host.call(call)?,
            Action::Expect(_) | Action::Nothing => {}
        }
        self.last = to;
        Ok(())
    }

    /// The next packet that the stack sends is this one, and comes in time.
    fn expect(&mut self, shape: &Shape, from: Instant, to: Instant) -> Result<(), String> {
        // What arrives, or is called, is answered at once, but timers are less than a tick late.
        self.host.pass(to + (TICK - Duration::from_nanos(1)))?;
        let Some((at, sent)) = self.host.take_sent() else {
            self.host.pass(to + AHEAD)?;
            return Err(match self.host.take_sent() {
                None => "nothing was sent, nor would be in the next five minutes".to_owned(),
                Some((at, sent)) => {
                    format!("nothing was sent until then; the next is: {}", self.line(at, &sent))
                }
            });
        };
        let problem = if at < from {
            Some("it was sent earlier".to_owned())
        } else {
            shape.difference(&sent).map(|what| format!("another {what} was sent"))
        };
        if let Some(problem) = problem {
            return Err(format!("{problem}: {}", self.line(at, &sent)));
        }
        self.last = at;
        Ok(())
    }

    /// All that was sent so far was expected.
    fn nothing_left(&mut self, when: &str) -> Result<(), String> {
        match self.host.take_sent() {
            None => Ok(()),
            Some((at, sent)) => {
                Err(format!("{when} the stack sent what nobody expects: {}", self.line(at, &sent)))
            }
        }
    }

    /// The line that would have expected what was sent.
    fn line(&self, at: Instant, sent: &Shape) -> String {
        format!("+{} expect {sent}", shown(at - self.last))
    }
}

/// A time as scripts write it: in whole milliseconds where it means them.
fn shown(time: Duration) -> String {
    let millis = time.as_millis();
    if time - Duration::from_millis(millis as u64) < TICK {
        format!("{millis}ms")
    } else {
        format!("{time:?}").replace('µ', "u")
    }
}

#[cfg(test)]
mod tests;
