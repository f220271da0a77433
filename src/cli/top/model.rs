//! What is shown, and what keys do to it: without a terminal and without a glasstcp.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use glasstcp::control::LinkStatus;
use glasstcp::event::Refusal;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::feed::{self, Query, Snapshot};
use super::filter::Filter;
use super::row::{Key, Row, Sort};

/// Looks of which curves are made.
pub const TRACK: usize = 240;
/// Events that are kept of the chosen connection.
const EVENTS: usize = 200;
/// The longest line that can be typed.
const LINE: usize = 500;
/// How far a page goes.
const PAGE: usize = 10;

/// What a key leads to beyond what is shown.
#[derive(Debug, PartialEq)]
pub enum Action {
    /// The end.
    Quit,
    /// The end of a connection.
    Kill(SocketAddr, SocketAddr),
    /// Rules for the link.
    Impair(String),
}

/// What keys are for while it is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A filter is typed.
    Filter(String),
    /// Rules for the link are.
    Impair(String),
    /// Whether this one is to be killed.
    Kill(Key),
    /// The keys are explained.
    Help,
}

/// What is told below.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// In one line.
    pub text: String,
    /// Something went wrong.
    pub bad: bool,
}

/// How a connection was at each of the last looks.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// Bits a second, both ways.
    pub rate: VecDeque<u64>,
    /// The congestion window, in bytes.
    pub cwnd: VecDeque<u64>,
    /// The smoothed round-trip time, in microseconds.
    pub rtt: VecDeque<u64>,
}

impl Track {
    fn add(&mut self, row: &Row) {
        let tcp = row.tcp();
        let push = |all: &mut VecDeque<u64>, value| {
            if all.len() >= TRACK {
                all.pop_front();
            }
            all.push_back(value);
        };
        if row.rates.is_some() {
            push(&mut self.rate, row.rate() as u64);
        }
        push(&mut self.cwnd, tcp.map_or(0, |tcp| tcp.cwnd.into()));
        push(&mut self.rtt, tcp.and_then(|tcp| tcp.srtt_us).unwrap_or(0));
    }
}

/// The connection that is shown alone.
#[derive(Clone, Debug)]
pub struct Detail {
    /// How it was last.
    pub row: Row,
    /// Whether it is still there.
    pub gone: bool,
    /// What has happened to it, in lines.
    pub events: VecDeque<String>,
}

/// What a counter was, and how fast it grows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    /// How many.
    pub total: u64,
    /// How many more a second.
    pub rate: f64,
}

/// Everything that is shown.
#[derive(Debug)]
pub struct Model {
    /// Which glasstcp it is.
    pub name: String,
    /// The order of the list.
    pub sort: Sort,
    /// Whether it is turned round.
    pub reversed: bool,
    /// Which connections are shown.
    pub filter: Filter,
    /// Whether nothing is to change.
    pub paused: bool,
    /// What keys are for.
    pub input: Option<Input>,
    /// What is told below.
    pub notice: Option<Notice>,
    /// The connections of the list.
    pub rows: Vec<Row>,
    /// How many there are by state, those included that the list has no room for.
    pub states: BTreeMap<String, u64>,
    /// The link, if it can be made bad.
    pub link: Option<LinkStatus>,
    /// When was last looked; `None` before the first time.
    pub looked: Option<Instant>,
    /// How long until the next look at least.
    pub pause: Duration,
    /// The connection that is shown alone.
    pub detail: Option<Detail>,
    /// The connection that was chosen, and where it was in the list; until one is, it is the first.
    selected: Option<(usize, Key)>,
    tracks: HashMap<Key, Track>,
    stats: BTreeMap<String, u64>,
    /// The counters of the look before, and how long before it was.
    before: Option<(BTreeMap<String, u64>, f64)>,
}

impl Model {
    /// Nothing is known yet.
    pub fn new(name: String, filter: Filter, sort: Sort) -> Model {
        Model {
            name,
            sort,
            reversed: false,
            filter,
            paused: false,
            input: None,
            notice: None,
            rows: Vec::new(),
            states: BTreeMap::new(),
            link: None,
            looked: None,
            pause: Duration::ZERO,
            detail: None,
            selected: None,
            tracks: HashMap::new(),
            stats: BTreeMap::new(),
            before: None,
        }
    }

    /// What is to be looked at.
    pub fn query(&self) -> Query {
        let (sort, reversed, filter) = (self.sort, self.reversed, self.filter.clone());
        let only = self.detail.as_ref().map(|detail| detail.row.key);
        Query { sort, reversed, filter, only, paused: self.paused }
    }

    /// The connection whose events are to be shown.
    pub fn watched(&self) -> Option<u32> {
        let shown = self.detail.as_ref().filter(|detail| !detail.gone && !self.paused);
        shown?.row.key.conn
    }

    /// Takes in what was seen.
    pub fn look(&mut self, snapshot: Snapshot) {
        // It was asked for before something else was.
        if self.paused || snapshot.only != self.query().only {
            return;
        }
        let elapsed = self.looked.map(|at| snapshot.at.duration_since(at).as_secs_f64());
        let stats = std::mem::replace(&mut self.stats, snapshot.stats);
        self.before = elapsed.filter(|&elapsed| elapsed > 0.0).map(|elapsed| (stats, elapsed));
        self.looked = Some(snapshot.at);
        (self.link, self.pause) = (snapshot.link, snapshot.pause);
        for row in &snapshot.rows {
            self.tracks.entry(row.key).or_default().add(row);
        }
        match &mut self.detail {
            // One that has gone does not come back.
            Some(detail) if detail.gone => {}
            Some(detail) => match snapshot.rows.into_iter().find(|row| row.key == detail.row.key) {
                Some(row) => detail.row = row,
                None => detail.gone = true,
            },
            None => {
                (self.rows, self.states) = (snapshot.rows, snapshot.states);
                let rows = &self.rows;
                let kept: std::collections::HashSet<_> = rows.iter().map(|row| row.key).collect();
                self.tracks.retain(|key, _| kept.contains(key));
                if self.selected.is_some() {
                    self.choose(self.selection());
                }
            }
        }
    }

    /// Takes in an event of the connection `conn`.
    pub fn event(&mut self, conn: u32, line: String) {
        if self.watched() != Some(conn) {
            return;
        }
        if let Some(detail) = &mut self.detail {
            if detail.events.len() >= EVENTS {
                detail.events.pop_front();
            }
            detail.events.push_back(line);
        }
    }

    /// Tells something below.
    pub fn tell(&mut self, text: String, bad: bool) {
        self.notice = Some(Notice { text, bad });
    }

    /// A counter.
    pub fn count(&self, name: &str) -> Count {
        let of = |stats: &BTreeMap<String, u64>| stats.get(name).copied().unwrap_or(0);
        self.grown(of)
    }

    /// What was refused, for whatever reason.
    pub fn refused(&self) -> Count {
        self.grown(|stats| Refusal::ALL.iter().filter_map(|reason| stats.get(reason.name())).sum())
    }

    fn grown(&self, of: impl Fn(&BTreeMap<String, u64>) -> u64) -> Count {
        let total = of(&self.stats);
        let rate = self
            .before
            .as_ref()
            .map_or(0.0, |(before, elapsed)| total.saturating_sub(of(before)) as f64 / elapsed);
        Count { total, rate }
    }

    /// How a connection was at the last looks.
    pub fn track(&self, key: Key) -> Option<&Track> {
        self.tracks.get(&key)
    }

    /// The row that is chosen, by its place in the list.
    pub fn selection(&self) -> usize {
        let Some((last, key)) = self.selected else {
            return 0;
        };
        let at = self.rows.iter().position(|row| row.key == key);
        // Where it was is the next one.
        at.unwrap_or(last.min(self.rows.len().saturating_sub(1)))
    }

    /// The connection that is chosen.
    pub fn chosen(&self) -> Option<&Row> {
        match &self.detail {
            Some(detail) => Some(&detail.row),
            None => self.rows.get(self.selection()),
        }
    }

    fn choose(&mut self, at: usize) {
        let at = at.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(at).map(|row| (at, row.key));
    }

    /// What a key does.
    pub fn key(&mut self, key: KeyEvent) -> Option<Action> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            // What else is typed with it is no letter.
            return matches!(key.code, KeyCode::Char('c' | 'd')).then_some(Action::Quit);
        }
        if let Some(input) = self.input.take() {
            return self.type_in(input, key.code);
        }
        self.notice = None;
        match key.code {
            KeyCode::Char('q') => return Some(Action::Quit),
            KeyCode::Esc if self.detail.is_some() => self.detail = None,
            KeyCode::Esc => self.filter = Filter::default(),
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('?' | 'h') => self.input = Some(Input::Help),
            KeyCode::Char('/') => self.input = Some(Input::Filter(self.filter.text().to_owned())),
            KeyCode::Char('i') => self.input = Some(Input::Impair(String::new())),
            KeyCode::Char('K') => {
                self.input = self.chosen().map(|row| Input::Kill(row.key));
            }
            code if self.detail.is_none() => self.move_in_list(code),
            _ => {}
        }
        None
    }

    fn move_in_list(&mut self, code: KeyCode) {
        let at = self.selection();
        match code {
            KeyCode::Down | KeyCode::Char('j') => self.choose(at + 1),
            KeyCode::Up | KeyCode::Char('k') => self.choose(at.saturating_sub(1)),
            KeyCode::PageDown => self.choose(at + PAGE),
            KeyCode::PageUp => self.choose(at.saturating_sub(PAGE)),
            KeyCode::Home | KeyCode::Char('g') => self.choose(0),
            KeyCode::End | KeyCode::Char('G') => self.choose(usize::MAX),
            KeyCode::Char('s') => self.order(self.sort.next(false), false),
            KeyCode::Char('S') => self.order(self.sort.next(true), false),
            KeyCode::Char('r') => self.order(self.sort, !self.reversed),
            KeyCode::Enter => {
                let row = self.chosen().cloned();
                self.choose(at);
                self.detail = row.map(|row| Detail { row, gone: false, events: VecDeque::new() });
            }
            _ => {}
        }
    }

    fn order(&mut self, sort: Sort, reversed: bool) {
        (self.sort, self.reversed) = (sort, reversed);
        feed::sort(&mut self.rows, sort, reversed);
    }

    /// What a key does to what is being typed.
    fn type_in(&mut self, input: Input, code: KeyCode) -> Option<Action> {
        match (input, code) {
            (Input::Help, _) => {}
            (Input::Kill(key), KeyCode::Char('y' | 'Y')) => {
                return Some(Action::Kill(key.local, key.remote));
            }
            (Input::Kill(_), _) => self.tell("nothing was killed".to_owned(), false),
            (_, KeyCode::Esc) => {}
            (Input::Filter(text), KeyCode::Enter) => {
                self.filter = Filter::parse(&text);
                // Here, until it is looked again.
                self.rows.retain(|row| self.filter.includes(&row.socket));
                self.selected = None;
            }
            (Input::Impair(text), KeyCode::Enter) if text.trim().is_empty() => {}
            (Input::Impair(text), KeyCode::Enter) => return Some(Action::Impair(text)),
            (Input::Filter(text), code) => self.input = Some(Input::Filter(typed(text, code))),
            (Input::Impair(text), code) => self.input = Some(Input::Impair(typed(text, code))),
        }
        None
    }
}

/// A line after one more key.
fn typed(mut text: String, code: KeyCode) -> String {
    match code {
        KeyCode::Backspace => drop(text.pop()),
        KeyCode::Char(char) if !char.is_control() && text.len() < LINE => text.push(char),
        _ => {}
    }
    text
}

#[cfg(test)]
mod tests;
