//! What the daemon prints: warnings always, the stack's events with `-v` and `-vv`.
//!
//! Events are made under the stack's lock, where nothing may block; so lines go to a thread that
//! prints them. When it cannot keep up (a slow terminal), lines are left out, and counted.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use glasstcp::event::{Event, Observer};
use glasstcp::observe::text::{self, Verbosity};
use glasstcp::time::Instant;
use log::{Level, LevelFilter};

/// Lines that may wait to be printed.
const WAITING_LINES: usize = 65_536;
/// Longest to wait at the end for lines to be printed.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What goes wrong.
    Warnings,
    /// And every change of a connection's state.
    States,
    /// And every segment.
    Segments,
}

impl Detail {
    /// What so many `-v` ask for.
    pub fn from_count(count: u8) -> Detail {
        match count {
            0 => Detail::Warnings,
            1 => Detail::States,
            _ => Detail::Segments,
        }
    }

    fn level(self) -> LevelFilter {
        match self {
            Detail::Warnings => LevelFilter::Warn,
            Detail::States => LevelFilter::Info,
            Detail::Segments => LevelFilter::Debug,
        }
    }
}

/// Sets up printing to standard error. `RUST_LOG` overrides `detail`, as with any program that uses
/// `env_logger`.
pub fn init(detail: Detail) {
    env_logger::Builder::new()
        .filter_level(LevelFilter::Warn)
        .filter_module("glasstcp", detail.level())
        .parse_default_env()
        .format(|out, record| {
            // The time of the day is enough: 2026-01-31T12:34:56.123456Z.
            let time = out.timestamp_micros().to_string();
            let time = time.get(11..26).unwrap_or(&time);
            match record.level() {
                Level::Error => writeln!(out, "{time} error: {}", record.args()),
                Level::Warn => writeln!(out, "{time} warning: {}", record.args()),
                _ => writeln!(out, "{time} {}", record.args()),
            }
        })
        .init();
}

/// An observer that logs, and what waits for its last line; `None` when `detail` asks for no
/// events.
pub fn observer(detail: Detail, absolute: bool) -> Option<(LineObserver, Printer)> {
    let verbosity = match detail {
        Detail::Warnings => return None,
        Detail::States => Verbosity::States,
        Detail::Segments => Verbosity::Segments,
    };
    let (lines, waiting) = sync_channel(WAITING_LINES);
    let observer = LineObserver { lines, verbosity, absolute, lost: 0 };
    Some((observer, Printer::start(waiting)))
}

type Line = (Level, String);

/// Turns events into lines.
pub struct LineObserver {
    lines: SyncSender<Line>,
    verbosity: Verbosity,
    absolute: bool,
    lost: u64,
}

impl LineObserver {
    /// Hands a line to the printer, or counts it when too many wait.
    fn hand_over(&mut self, line: Line) {
        if self.lost > 0 {
            let notice = format!("... {} lines left out: printing is too slow", self.lost);
            if self.lines.try_send((Level::Warn, notice)).is_ok() {
                self.lost = 0;
            }
        }
        if let Err(TrySendError::Full(_)) = self.lines.try_send(line) {
            self.lost += 1;
        }
    }
}

impl Observer for LineObserver {
    fn observe(&mut self, _now: Instant, event: &Event) {
        let is_state = matches!(event, Event::StateChanged { .. });
        if self.verbosity < Verbosity::Segments && !is_state {
            return;
        }
        let Some((verbosity, line)) = text::format(event, self.absolute) else {
            return;
        };
        let level = match verbosity {
            Verbosity::States => Level::Info,
            Verbosity::Segments => Level::Debug,
        };
        self.hand_over((level, line));
    }
}

/// The thread that prints. It ends when the observer is dropped.
pub struct Printer {
    done: Receiver<()>,
}

impl Printer {
    fn start(waiting: Receiver<Line>) -> Printer {
        let (finished, done) = sync_channel(1);
        thread::spawn(move || {
            for (level, line) in waiting {
                log::log!(level, "{line}");
            }
            // Nobody waits any more when the program has given up on a blocked terminal.
            let _ = finished.send(());
        });
        Printer { done }
    }

    /// Waits until everything is printed, but not for ever. The observer must be gone.
    pub fn finish(self) {
        let _ = self.done.recv_timeout(PATIENCE);
    }
}

#[cfg(test)]
mod tests;
