//! `glasstcp top`: the connections of a running glasstcp, as they change.
//!
//! ```text
//!   feed (a thread) -- Look --\
//!   events (a thread) - Event --> model -> screen -> list, detail -> window, units
//!   keys (a thread) --- Key --/
//! ```

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use glasstcp::control::{Reply, Request};
use glasstcp::device::impair::Spec;
use glasstcp::service::text::harmless_line;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::Rect;

use super::client;
use super::control::{SOMETHING_ELSE, Whom};

mod detail;
mod events;
mod feed;
mod filter;
mod list;
mod model;
mod row;
mod screen;
mod terminal;
mod units;
mod window;

use events::Watch;
use feed::{Feed, Query, Snapshot};
use filter::Filter;
use model::{Action, Model};
use row::Sort;
use terminal::Screen;

/// How long a picture stays at least.
const FRAME: Duration = Duration::from_millis(25);
/// How long it stays at most while something counts down.
const COUNTDOWN: Duration = Duration::from_millis(100);
/// As long as nothing is to be done.
const STEADY: Duration = Duration::from_secs(3600);
/// Messages that may wait to be taken in; who sends more waits.
const WAITING: usize = 256;
/// How wide a snapshot is.
const WIDTH: u16 = 160;

/// Show the connections of a running glasstcp as they change, on the whole screen
///
/// A list of connections, the fastest first: how fast each is, its round-trip time, its windows, what was sent again and what it
/// waits for. Enter shows one of them with its send window, its curves and its events; '?' shows all keys. A running glasstcp is
/// looked at for at most a fifth of the time.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sudo glasstcp top
  sudo glasstcp top --interval 0.2 --filter 'estab 80'     five times a second, connections of port 80
  sudo glasstcp top --once | head                          once, as text

Exit codes: 0 done, 1 it cannot be done, or the glasstcp has ended (one sentence says why), 2 the command line cannot be read.")]
pub struct Args {
    #[command(flatten)]
    whom: Whom,

    /// How long to wait between two looks, in seconds, 0.1 at least; longer if looking takes long
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    interval: Duration,

    /// Only those that fit all these words: a port, an address, a state, or a part of any
    #[arg(long, value_name = "WORDS", default_value = "")]
    filter: String,

    /// The order
    #[arg(long, value_name = "ORDER", default_value = "rate", value_parser = PossibleValuesParser::new(Sort::ALL.map(Sort::name)).map(|name| sort(&name)))]
    sort: Sort,

    /// Print one look as text, and end; two are taken, an interval apart, for rates
    #[arg(long)]
    once: bool,
}

/// What the main thread is told.
enum Message {
    /// It was looked.
    Look(Box<Snapshot>),
    /// It cannot be looked any more.
    Failed(anyhow::Error),
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    /// An event of a connection.
    Event(u32, String),
    /// What came of something; whether it went wrong.
    Told(String, bool),
    /// A signal says to end.
    End,
}

fn interval(text: &str) -> Result<Duration, String> {
    let time = client::seconds(text)?;
    (time >= Duration::from_millis(100))
        .then_some(time)
        .ok_or_else(|| "give 0.1 at least".to_owned())
}

fn sort(name: &str) -> Sort {
    Sort::ALL.into_iter().find(|sort| sort.name() == name).unwrap_or_default()
}

impl Args {
    /// Shows them until it is told to end.
    pub fn run(self) -> anyhow::Result<()> {
        let path = self.whom.path()?;
        let name = name(&path);
        let whom = Whom::at(path);
        let model = Model::new(name, Filter::parse(&self.filter), self.sort);
        match self.once {
            true => once(whom, model, self.interval),
            false => watch(whom, model, self.interval),
        }
    }
}

/// What a glasstcp is called, by its socket.
fn name(path: &Path) -> String {
    harmless_line(&path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy())
}

/// Prints one look.
fn once(whom: Whom, mut model: Model, interval: Duration) -> anyhow::Result<()> {
    let mut feed = Feed::new(whom);
    model.look(feed.look(&model.query())?);
    thread::sleep(interval);
    model.look(feed.look(&model.query())?);
    let height = screen::HEAD + model.rows.len().max(1) as u16 + 1;
    let area = Rect::new(0, 0, WIDTH, height);
    let mut buffer = Buffer::empty(area);
    let head = screen::head_lines(&model, WIDTH.into());
    for (at, line) in head.into_iter().enumerate() {
        list::put(line, area, at as u16, &mut buffer);
    }
    let below = Rect { y: screen::HEAD, height: height - screen::HEAD, ..area };
    list::draw(&model, below, &mut buffer);
    super::say(&text(&buffer))
}

/// What is in a buffer, without colours and blanks at the ends of lines.
fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let line = |cells: &[ratatui::buffer::Cell]| {
        let line: String = cells.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned() + "\n"
    };
    buffer.content.chunks(width).map(line).collect()
}

/// Shows them on the terminal.
fn watch(whom: Whom, model: Model, interval: Duration) -> anyhow::Result<()> {
    let (out, messages) = mpsc::sync_channel(WAITING);
    let (queries, asked) = mpsc::channel();
    // Before anything is changed that a signal would leave behind.
    terminal::watch_signals(&out)?;
    let mut screen = Screen::open()?;
    let feed = Feed::new(whom.clone());
    let looks = out.clone();
    spawn(&out, move || feed::run(feed, interval, &asked, &looks))?;
    let keys = out.clone();
    spawn(&out, move || terminal::read_keys(&keys))?;
    let mut session =
        Session { whom, model, out, queries, asked: None, watch: None, changed: true };
    let ended = session.run(&mut screen, &messages);
    // What is said then is said on the screen that was there before.
    drop(screen);
    ended
}

/// Has a thread do some work; should it fail, the main thread is told.
fn spawn(out: &SyncSender<Message>, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    let farewell = Farewell(out.clone());
    let work = move || {
        let _farewell = farewell;
        work();
    };
    thread::Builder::new().spawn(work).context("cannot start a thread")?;
    Ok(())
}

/// What a thread leaves that has failed.
struct Farewell(SyncSender<Message>);

impl Drop for Farewell {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send(Message::Failed(anyhow!("a thread has failed, as is said above")));
        }
    }
}

/// All that goes on.
struct Session {
    whom: Whom,
    model: Model,
    out: SyncSender<Message>,
    queries: Sender<Query>,
    /// What was asked for last.
    asked: Option<Query>,
    watch: Option<Watch>,
    /// Whether something is to be drawn.
    changed: bool,
}

impl Session {
    /// Goes on until somebody ends it.
    fn run(&mut self, screen: &mut Screen, messages: &Receiver<Message>) -> anyhow::Result<()> {
        let mut drawn = None;
        loop {
            self.ask()?;
            let since = drawn.map_or(COUNTDOWN, |drawn: Instant| drawn.elapsed());
            if self.changed && since >= FRAME {
                let (model, now) = (&self.model, Instant::now());
                let draw = screen.terminal().draw(|frame| {
                    screen::draw(model, now, frame.area(), frame.buffer_mut());
                });
                draw.context("cannot draw on the terminal")?;
                (drawn, self.changed) = (Some(now), false);
            }
            let counts = self.model.detail.is_some() && !self.model.paused;
            let wait = match (self.changed, counts) {
                (true, _) => FRAME,
                (false, true) => COUNTDOWN,
                (false, false) => STEADY,
            };
            match messages.recv_timeout(wait) {
                // This thread has a sender itself.
                Err(_) => self.changed = true,
                Ok(first) => {
                    for message in std::iter::once(first).chain(messages.try_iter().take(WAITING)) {
                        if !self.take_in(message)? {
                            return Ok(());
                        }
                    }
                }
            }
        }
    }

    /// Asks for what is to be shown, if that has changed.
    fn ask(&mut self) -> anyhow::Result<()> {
        let query = self.model.query();
        if self.asked.as_ref() != Some(&query) {
            // If nobody takes it, the reason for that is on its way.
            let _ = self.queries.send(query.clone());
            self.asked = Some(query);
        }
        let watched = self.model.watched();
        if self.watch.as_ref().map(Watch::conn) != watched {
            let start = |conn| Watch::start(self.whom.clone(), conn, &self.out);
            self.watch = watched.map(start).transpose()?;
        }
        Ok(())
    }

    /// Takes in a key; whether to go on.
    fn key(&mut self, key: KeyEvent) -> anyhow::Result<bool> {
        let request = match self.model.key(key) {
            None => return Ok(true),
            Some(Action::Quit) => return Ok(false),
            Some(Action::Kill(local, remote)) => Request::Kill { local, remote },
            Some(Action::Impair(rules)) => match rules.parse::<Spec>() {
                Ok(_) => Request::Impair { spec: Some(rules) },
                Err(error) => {
                    self.model.tell(harmless_line(&error.to_string()), true);
                    return Ok(true);
                }
            },
        };
        // Keys do not wait for the answer.
        let (whom, out) = (self.whom.clone(), self.out.clone());
        spawn(&self.out, move || {
            let (text, bad) = match outcome(whom.ask(&request)) {
                Ok(text) => (text, false),
                Err(error) => (format!("{error:#}"), true),
            };
            let _ = out.send(Message::Told(harmless_line(&text), bad));
        })?;
        Ok(true)
    }

    /// Takes in what has come; whether to go on.
    fn take_in(&mut self, message: Message) -> anyhow::Result<bool> {
        self.changed = true;
        match message {
            Message::Key(key) => return self.key(key),
            Message::Resized => {}
            Message::Look(snapshot) => self.model.look(*snapshot),
            Message::Failed(error) => return Err(error),
            Message::Event(conn, line) => self.model.event(conn, line),
            Message::Told(text, bad) => self.model.tell(text, bad),
            Message::End => return Ok(false),
        }
        Ok(true)
    }
}

/// What is said of what came of a request.
fn outcome(reply: anyhow::Result<Reply>) -> anyhow::Result<String> {
    match reply? {
        Reply::Done { count: 0 } => Err(anyhow!("there is no such connection any more")),
        Reply::Done { .. } => Ok("killed: the peer was sent a reset".to_owned()),
        Reply::Link(link) => {
            let rules = |rules: String| if rules.is_empty() { "perfect".to_owned() } else { rules };
            Ok(format!("link out: {}  in: {}", rules(link.out.rules), rules(link.back.rules)))
        }
        _ => Err(anyhow!(SOMETHING_ELSE)),
    }
}

#[cfg(test)]
mod tests;
