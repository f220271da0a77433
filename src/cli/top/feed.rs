//! What comes from a running glasstcp: looks at its connections, one after the other, and no more often than it can bear.
//!
//! ```text
//!   main thread -- Query --> feed -- Snapshot --> main thread
//! ```

use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use glasstcp::control::{LinkStatus, Protocol, Reply, Request, SocketFilter, SocketStatus};

use super::filter::Filter;
use super::row::{Key, Row, Sort};
use super::{Message, STEADY};
use crate::cli::control::{SOMETHING_ELSE, Whom};

/// Connections that are kept of a look, those that come first in the order of the list; the others are only counted.
pub const MOST: usize = 500;
/// A look takes at most one part of so many of the time.
const SHARE: u32 = 4;

/// What is to be looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The order of the list, of which the beginning is kept.
    pub sort: Sort,
    /// Whether it is turned round.
    pub reversed: bool,
    /// Which connections.
    pub filter: Filter,
    /// This one alone.
    pub only: Option<Key>,
    /// Nothing, until this is taken back.
    pub paused: bool,
}

/// One look.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When.
    pub at: Instant,
    /// The one connection that was looked at, if it was one.
    pub only: Option<Key>,
    /// Connections, in their order.
    pub rows: Vec<Row>,
    /// How many there are of those that were asked for, by state.
    pub states: BTreeMap<String, u64>,
    /// The counters, by name.
    pub stats: BTreeMap<String, u64>,
    /// The link, if there is one that can be made bad.
    pub link: Option<LinkStatus>,
    /// How long until the next look at least.
    pub pause: Duration,
}

/// What is remembered of a connection.
struct Past {
    at: Instant,
    acked: u64,
    received: u64,
    busy_us: u64,
    rwnd_us: u64,
    sndbuf_us: u64,
}

/// One that is asked again and again.
pub struct Feed {
    whom: Whom,
    past: HashMap<Key, Past>,
}

impl Feed {
    /// Nothing was looked at yet.
    pub fn new(whom: Whom) -> Feed {
        Feed { whom, past: HashMap::new() }
    }

    /// Looks at what `query` says.
    ///
    /// # Errors
    /// It cannot be asked: a sentence that says why.
    pub fn look(&mut self, query: &Query) -> anyhow::Result<Snapshot> {
        let begin = Instant::now();
        let filter = match query.only {
            Some(key) => SocketFilter {
                protocol: Some(Protocol::Tcp),
                between: Some((key.local, key.remote)),
                ..SocketFilter::default()
            },
            None => query.filter.ask(),
        };
        let mut found = Found { query, rows: Vec::new(), states: BTreeMap::new() };
        let mut past = HashMap::new();
        let whom = self.whom.clone();
        whom.ask_for_all(&Request::Sockets { filter }, |reply| {
            let Reply::Socket(socket) = reply else {
                return Err(anyhow!(SOMETHING_ELSE));
            };
            if let Some(key) = Key::of(&socket) {
                let now = Past::of(&socket);
                let before = self.past.get(&key);
                found.add(row(key, *socket, before, &now));
                past.insert(key, now);
            }
            Ok(())
        })?;
        match query.only {
            // What is known of the others is for when they are looked at again.
            Some(key) => self.past.extend(past.remove_entry(&key)),
            None => self.past = past,
        }
        let Reply::Stats(stats) = self.whom.clone().ask(&Request::Stats {})? else {
            return Err(anyhow!(SOMETHING_ELSE));
        };
        // With several queues there is none.
        let link = match self.whom.clone().ask(&Request::Impair { spec: None }) {
            Ok(Reply::Link(link)) => Some(link),
            _ => None,
        };
        let Found { mut rows, states, .. } = found;
        order(&mut rows, query);
        let pause = begin.elapsed() * SHARE;
        let stats = stats.into_iter().collect();
        Ok(Snapshot { at: Instant::now(), only: query.only, rows, states, stats, link, pause })
    }
}

/// What a look has found so far.
struct Found<'a> {
    query: &'a Query,
    rows: Vec<Row>,
    states: BTreeMap<String, u64>,
}

impl Found<'_> {
    fn add(&mut self, row: Row) {
        let wanted = match self.query.only {
            Some(key) => key == row.key,
            None => self.query.filter.includes(&row.socket),
        };
        if !wanted {
            return;
        }
        *self.states.entry(row.socket.state.clone()).or_default() += 1;
        self.rows.push(row);
        if self.rows.len() >= 2 * MOST {
            order(&mut self.rows, self.query);
        }
    }
}

/// Puts rows into their order, and keeps the first.
fn order(rows: &mut Vec<Row>, query: &Query) {
    sort(rows, query.sort, query.reversed);
    rows.truncate(MOST);
}

/// Puts rows into their order.
pub fn sort(rows: &mut [Row], by: Sort, reversed: bool) {
    rows.sort_by(|a, b| match reversed {
        true => by.compare(b, a),
        false => by.compare(a, b),
    });
}

impl Past {
    fn of(socket: &SocketStatus) -> Past {
        let tcp = socket.tcp.as_deref();
        let of = |get: fn(&glasstcp::control::TcpStatus) -> u64| tcp.map_or(0, get);
        Past {
            at: Instant::now(),
            acked: of(|tcp| tcp.bytes_acked),
            received: of(|tcp| tcp.bytes_received),
            busy_us: of(|tcp| tcp.busy_us),
            rwnd_us: of(|tcp| tcp.rwnd_limited_us),
            sndbuf_us: of(|tcp| tcp.sndbuf_limited_us),
        }
    }
}

/// A connection as the list has it.
fn row(key: Key, socket: SocketStatus, before: Option<&Past>, now: &Past) -> Row {
    let rates = before.filter(|_| socket.tcp.is_some()).map(|before| {
        let time = now.at.duration_since(before.at).as_secs_f64().max(1e-3);
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 * 8.0 / time;
        (rate(now.acked, before.acked), rate(now.received, before.received))
    });
    let limit = limit(&socket, before, now);
    Row { key, socket, rates, limit }
}

/// What a connection waits for, in a word.
fn limit(socket: &SocketStatus, before: Option<&Past>, now: &Past) -> &'static str {
    let Some(tcp) = &socket.tcp else {
        return "";
    };
    let recovery = ["disorder", "reducing", "recovery", "loss"];
    if let Some(name) = recovery.into_iter().find(|name| *name == tcp.recovery) {
        return name;
    }
    let since = |get: fn(&Past) -> u64| get(now).saturating_sub(before.map_or(0, get));
    let busy = since(|past| past.busy_us);
    if tcp.segments_outstanding == 0 && tcp.unsent == 0 {
        return if since(|past| past.received) > 0 { "receives" } else { "idle" };
    }
    if since(|past| past.rwnd_us) > busy / 2 {
        return "rwnd";
    }
    if since(|past| past.sndbuf_us) > busy / 2 {
        return "sndbuf";
    }
    match tcp.unsent {
        0 => "app",
        _ if tcp.in_flight + u32::from(tcp.mss) > tcp.cwnd => "cwnd",
        _ if tcp.pacing_rate.is_some() => "pacing",
        _ => "app",
    }
}

/// Looks again and again, as often as `every` says and it can be borne, until nobody listens or it cannot be asked any
/// more; of one connection alone four times as often.
pub fn run(mut feed: Feed, every: Duration, queries: &Receiver<Query>, out: &SyncSender<Message>) {
    let mut query = Query::default();
    let (mut next, mut least) = (Instant::now(), Instant::now());
    loop {
        let wait = if query.paused { STEADY } else { next.duration_since(Instant::now()) };
        match queries.recv_timeout(wait) {
            Ok(changed) => {
                query = changed;
                // What is asked for anew is looked for at once, or as soon as that can be borne.
                next = least.max(Instant::now());
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if query.paused => continue,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let looked = feed.look(&query);
        let (ended, pause) = match &looked {
            Ok(snapshot) => (false, snapshot.pause),
            Err(_) => (true, Duration::ZERO),
        };
        let message = looked.map_or_else(Message::Failed, |look| Message::Look(Box::new(look)));
        if out.send(message).is_err() || ended {
            return;
        }
        let every = if query.only.is_some() { every / 4 } else { every };
        least = Instant::now() + pause;
        next = least.max(Instant::now() + every);
    }
}

#[cfg(test)]
mod tests;
