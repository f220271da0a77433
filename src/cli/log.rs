//! What the daemon prints: warnings always, the stack's events with `-v` and `-vv`.
//!
//! Events are made under the stack's lock, and the services run on the driver's thread: neither may wait
//! for a terminal. So lines go to a thread that prints them, the only one to touch standard error. When
//! it cannot keep up (a slow terminal, or a pipe that nobody reads), lines are left out, and counted.
//! The first line starts it: a process of one thread has cheaper system calls.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{self, Duration};

use bytes::Bytes;
use glasstcp::device::impair::{Decision, Direction};
use glasstcp::event::{Event, Observer};
use glasstcp::observe::text::{self, Verbosity};
use glasstcp::observe::transcript::Transcript;
use glasstcp::runtime::{LinkWatch, Passage};
use glasstcp::service::hello;
use glasstcp::time::Instant;
use log::{Level, LevelFilter};

/// Lines that may wait to be printed.
const WAITING_LINES: usize = 65_536;
/// Longest to wait at the end for lines to be printed.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often to look meanwhile whether there is room.
const LOOK: Duration = Duration::from_millis(1);

/// What the lines of a transcript are known by: they have their own time.
const TRANSCRIPT: &str = "transcript";

/// How much to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What goes wrong.
    Warnings,
    /// And every change of a connection's state.
    States,
    /// And every segment.
    Segments,
    /// What goes wrong, and every segment in the manner of a course on TCP.
    Transcript,
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
            Detail::Warnings | Detail::Transcript => LevelFilter::Warn,
            Detail::States => LevelFilter::Info,
            Detail::Segments => LevelFilter::Debug,
        }
    }
}

/// Sets up printing to standard error, and gives what waits for the last line. `RUST_LOG` overrides
/// `detail`, as with any program that uses `env_logger`.
pub fn init(detail: Detail) -> Printer {
    let printer = Printer::default();
    env_logger::Builder::new()
        .target(env_logger::Target::Pipe(Box::new(Lines(printer.clone()))))
        .filter_level(LevelFilter::Warn)
        .filter_module("glasstcp", detail.level())
        .filter_module(TRANSCRIPT, LevelFilter::Info)
        .filter_module(hello::CALLERS, LevelFilter::Info)
        .parse_default_env()
        .format(|out, record| {
            // The time of the day is enough: 2026-01-31T12:34:56.123456Z.
            let time = out.timestamp_micros().to_string();
            let time = time.get(11..26).unwrap_or(&time);
            match record.level() {
                Level::Info if record.target() == TRANSCRIPT => writeln!(out, "{}", record.args()),
                Level::Error => writeln!(out, "{time} error: {}", record.args()),
                Level::Warn => writeln!(out, "{time} warning: {}", record.args()),
                _ => writeln!(out, "{time} {}", record.args()),
            }
        })
        .init();
    printer
}

/// An observer that logs; `None` when `detail` asks for no events, or for a [`Course`].
pub fn observer(detail: Detail, absolute: bool) -> Option<LineObserver> {
    let verbosity = match detail {
        Detail::Warnings | Detail::Transcript => return None,
        Detail::States => Verbosity::States,
        Detail::Segments => Verbosity::Segments,
    };
    Some(LineObserver { verbosity, absolute })
}

/// Turns events into lines.
pub struct LineObserver {
    verbosity: Verbosity,
    absolute: bool,
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
        log::log!(level, "{line}");
    }
}

/// Writes the transcript of a stack and of the link before it.
#[derive(Clone)]
pub struct Course(Arc<Mutex<Transcript>>);

impl Course {
    /// A transcript of connections whose full-sized segments have `mss` bytes of text.
    pub fn new(mss: u32) -> Course {
        Course(Arc::new(Mutex::new(Transcript::new(mss))))
    }

    fn write(&self, line: impl FnOnce(&mut Transcript) -> Option<String>) {
        let mut transcript = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = line(&mut transcript) {
            log::info!(target: TRANSCRIPT, "{line}");
        }
    }
}

impl Observer for Course {
    fn observe(&mut self, now: Instant, event: &Event) {
        self.write(|transcript| transcript.line(now, event));
    }
}

impl LinkWatch for Course {
    fn packet(&mut self, _: Instant, _: Passage, _: &Bytes) {}

    fn decision(&mut self, direction: Direction, decision: &Decision) {
        self.write(|transcript| Some(transcript.decision(direction, decision)));
    }
}

/// What the printer is told.
enum Told {
    /// Print this.
    Print(Vec<u8>),
    /// Say when everything before has been printed.
    Report(SyncSender<()>),
}

/// Hands what is written to the printer, a record at a time.
struct Lines(Printer);

impl Write for Lines {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.0.print(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread that prints, for others; there is none before the first line.
#[derive(Clone, Default)]
pub struct Printer(Arc<Printing>);

#[derive(Default)]
struct Printing {
    thread: OnceLock<SyncSender<Told>>,
    /// Lines that had to be left out since one was printed.
    lost: AtomicU64,
}

/// Starts the thread.
fn start() -> io::Result<SyncSender<Told>> {
    let (printer, told) = sync_channel(WAITING_LINES);
    thread::Builder::new().name("printer".to_owned()).spawn(move || print(&told))?;
    Ok(printer)
}

fn print(told: &Receiver<Told>) {
    for told in told {
        match told {
            // Without standard error there is nobody to tell.
            Told::Print(text) => drop(io::stderr().write_all(&text)),
            // Nobody waits any more when the program has given up on a blocked terminal.
            Told::Report(done) => drop(done.try_send(())),
        }
    }
}

impl Printer {
    /// Prints `text`, whole lines, as it is. Where that would have to wait they are left out, and counted.
    pub fn print(&self, text: &[u8]) {
        let lost = self.0.lost.load(Ordering::Relaxed);
        let notice = || format!("... {lost} lines left out: printing is too slow\n");
        if lost > 0 && self.tell(notice().into()) {
            self.0.lost.fetch_sub(lost, Ordering::Relaxed);
        }
        if !self.tell(text.into()) {
            let lines = text.iter().filter(|&&byte| byte == b'\n').count();
            self.0.lost.fetch_add(lines as u64, Ordering::Relaxed);
        }
    }

    /// Whether the text will be printed.
    fn tell(&self, text: Vec<u8>) -> bool {
        let thread = match self.0.thread.get() {
            Some(thread) => thread,
            // Without a thread there is no printing now; the next line tries again.
            None => match start() {
                Ok(thread) => self.0.thread.get_or_init(|| thread),
                Err(_) => return false,
            },
        };
        thread.try_send(Told::Print(text)).is_ok()
    }

    /// Waits until everything is printed, but not for ever.
    pub fn finish(self) {
        let Some(printer) = self.0.thread.get() else {
            return;
        };
        let end = time::Instant::now() + PATIENCE;
        let (done, is_done) = sync_channel(1);
        let mut report = Told::Report(done);
        while let Err(TrySendError::Full(again)) = printer.try_send(report) {
            if time::Instant::now() > end {
                return;
            }
            report = again;
            thread::sleep(LOOK);
        }
        let _ = is_done.recv_timeout(PATIENCE);
    }
}

/// Prints the sentence that the program ends with. If nobody reads what was printed before, it does not
/// wait for ever.
pub fn last_sentence(sentence: String) {
    let (done, is_done) = sync_channel(1);
    let print = move || {
        // Without standard error there is nobody to tell.
        let _ = writeln!(io::stderr(), "{sentence}");
        let _ = done.try_send(());
    };
    if thread::Builder::new().spawn(print).is_ok() {
        let _ = is_done.recv_timeout(PATIENCE);
    }
}

#[cfg(test)]
mod tests;
