//! The flight recorder: what happened last on each connection, always kept, within a bound.
//!
//! ```text
//!   Event --> ring of its connection --when something goes wrong--> Recording --> whoever has asked for them
//! ```
//!
//! A connection has a ring while there is a place for it: one of those that are over, the longest closed first, so that the
//! last ones can be looked at and only so many rings go through the cache where connections come and go; one that nobody
//! has had yet; or, when it is open, one of a connection that is not, or on which nothing has happened for a while. A flood of
//! requests so leaves those alone that are open.

mod mark;
mod place;
mod trouble;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use ahash::RandomState;

use crate::event::{ConnId, Event, State};
use crate::time::{Duration, Instant};

pub(crate) use mark::Kept;
use mark::Mark;
pub use place::EVENTS;
use place::Place;
pub use trouble::Trouble;

/// What a place takes when its ring is full, in bytes: the ring, and where it is found.
pub const PLACE_SIZE: usize = place::SIZE + 48;
/// Connections that are over which keep their places, if there are others.
const LATELY: usize = 64;
/// Connections whose places are remembered: nearly all that have something to do at the same time.
const RECENT: usize = 256;
/// Places that are looked at for one that can be had: so few that it costs no more where there are many.
const LOOKS: usize = 4;
/// Whose connection has been quiet for so long has to let another have its place.
const QUIET: Duration = Duration::from_secs(5);

/// Where recordings go that nobody has asked for: it is given what makes one, and need not have it made. It is called under
/// the lock of the stack.
pub type Sink = Box<dyn FnMut(&dyn Fn() -> Recording) + Send>;

/// The rings of a stack's connections.
pub struct Flight {
    /// Those that somebody has had.
    places: Vec<Place>,
    /// So many there may be.
    most: usize,
    /// Where those were that were looked for last, by the ends of their numbers.
    recent: [u32; RECENT],
    /// Where the others are: those that are not among the recent, and may be some that are again.
    others: HashMap<u32, u32, RandomState>,
    /// Entries of those that have lost their places.
    made: u64,
    /// Places whose connections are over, the longest first.
    over: VecDeque<u32>,
    /// Where the next one is looked for that can be had.
    hand: usize,
    sink: Option<Sink>,
}

/// The last events of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Of which.
    pub conn: ConnId,
    /// Its ends, ours first; `None` when no segment is among the events.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// What has gone wrong; `None` when somebody has asked.
    pub trouble: Option<Trouble>,
    /// When it was made.
    pub at: Instant,
    /// Events before these that were not kept, though nobody has seen them.
    pub gone: u64,
    /// Where it ends, from which the next recording may go on. An event takes one entry, and one more for each of its SACK
    /// blocks; when a connection has lost its place in between, `gone` says that something is missing.
    pub entries: u64,
    /// The events, oldest first. Round-trip times are in whole microseconds.
    pub events: Vec<(Instant, Event)>,
}

/// A connection of which there is a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Which.
    pub conn: ConnId,
    /// Its ends, ours first.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// Entries that are kept.
    pub events: usize,
    /// When the last of them was.
    pub last: Instant,
    /// It is closed.
    pub over: bool,
}

impl Flight {
    /// The least memory with which something is kept, in bytes.
    pub const LEAST: usize = 4 * PLACE_SIZE;

    /// Rings that take at most `memory` bytes together when all are full; `None` when that is not enough for any.
    pub fn new(memory: usize) -> Option<Flight> {
        let most = memory / PLACE_SIZE;
        (memory >= Flight::LEAST).then(|| Flight {
            places: Vec::with_capacity(most),
            most,
            // Twice as much, as those that go leave marks. Numbers are our own: nobody chooses them so that they collide.
            others: HashMap::with_capacity_and_hasher(
                2 * most,
                RandomState::with_seeds(1, 2, 3, 4),
            ),
            recent: [0; RECENT],
            made: 0,
            over: VecDeque::with_capacity(most),
            hand: 0,
            sink: None,
        })
    }

    /// Has recordings go to `sink` when something goes wrong, from now on.
    pub fn set_sink(&mut self, sink: Option<Sink>) {
        self.sink = sink;
    }

    /// Keeps what is kept of an event.
    // Where it is called it is known which event that is, and most of this is nothing then.
    #[inline(always)]
    pub(crate) fn record(
        &mut self,
        at: Instant,
        Kept { conn, mark, has_sacks }: Kept,
        event: impl Fn() -> Event,
    ) {
        let recent = self.recent[slot(conn)];
        let is_there = self.places.get(recent as usize).is_some_and(|place| place.owner == conn);
        let index = if is_there { Some(recent) } else { self.look_up(conn, mark, at) };
        let Some(index) = index else { return };
        let Some(place) = self.places.get_mut(index as usize) else { return };
        if place.asks_for(mark) {
            place.learn(&event());
        }
        place.push(at, mark);
        if has_sacks {
            place.push_sacks(at, &event());
        }
        let trouble = place.look(at, mark);
        if place.ends_with(mark) {
            self.over.push_back(index);
        }
        if let Some(trouble) = trouble {
            self.tell(index, trouble, at);
        }
    }

    /// The place of the connection of an event, or one that it has from now on.
    #[inline(never)]
    fn look_up(&mut self, conn: ConnId, mark: Mark, at: Instant) -> Option<u32> {
        let other = self.others.get(&conn.0).copied();
        let found = other.or_else(|| self.claim(conn, Claim::of(mark)?, at))?;
        let before = std::mem::replace(&mut self.recent[slot(conn)], found);
        if let Some(place) = self.places.get_mut(before as usize)
            && slot(place.owner) == slot(conn)
            && before != found
            && !std::mem::replace(&mut place.is_among_others, true)
        {
            self.others.insert(place.owner.0, before);
        }
        Some(found)
    }

    /// Tells of something that has gone wrong.
    #[cold]
    fn tell(&mut self, index: u32, trouble: Trouble, at: Instant) {
        if let (Some(sink), Some(place)) = (&mut self.sink, self.places.get(index as usize)) {
            sink(&|| place.recording(0, Some(trouble), at));
        }
    }

    /// The last events of a connection, if any are kept, but for those among its first `since` entries: those that are
    /// known already ([`Recording::entries`]).
    pub fn recording(&self, conn: ConnId, since: u64, now: Instant) -> Option<Recording> {
        let index = self.find(conn)?;
        Some(self.places.get(index as usize)?.recording(since, None, now))
    }

    /// Every connection of which there is a recording, in no order.
    pub fn recorded(&self) -> impl Iterator<Item = Recorded> {
        self.places.iter().map(|place| Recorded {
            conn: place.owner,
            ends: place.ends,
            events: place.len(),
            last: place.last(),
            over: place.over,
        })
    }

    /// The place that a connection has.
    fn find(&self, conn: ConnId) -> Option<u32> {
        let recent = self.recent[slot(conn)];
        match self.places.get(recent as usize) {
            Some(place) if place.owner == conn => Some(recent),
            _ => self.others.get(&conn.0).copied(),
        }
    }

    /// A place for a connection that has none, if there is one for it.
    fn claim(&mut self, conn: ConnId, claim: Claim, now: Instant) -> Option<u32> {
        let is_open = claim == Claim::Open;
        if self.places.len() < self.most && self.over.len() <= LATELY {
            self.places.push(Place::new(conn, is_open, self.made));
            return Some(self.places.len() as u32 - 1);
        }
        let index = self.over.pop_front().or_else(|| self.take(claim, now))?;
        let place = self.places.get_mut(index as usize)?;
        if place.is_among_others {
            self.others.remove(&place.owner.0);
        }
        self.made += place.entries();
        place.hand_to(conn, is_open, self.made);
        Some(index)
    }

    /// A place of a connection that is not over, and has to let another have it: of the next few the one that is
    /// needed least.
    fn take(&mut self, claim: Claim, now: Instant) -> Option<u32> {
        if claim == Claim::Request {
            return None;
        }
        let looked =
            (0..LOOKS.min(self.places.len())).map(|look| (self.hand + look) % self.places.len());
        let least = looked.min_by_key(|&index| {
            let place = &self.places[index];
            (place.has_been_open(), place.last())
        })?;
        self.hand = (self.hand + LOOKS) % self.places.len();
        let place = &self.places[least];
        let yields = !place.has_been_open() || now.since(place.last()) >= QUIET;
        yields.then_some(least as u32)
    }
}

/// Where a connection is among the recent.
#[inline(always)]
fn slot(conn: ConnId) -> usize {
    conn.0 as usize % RECENT
}

/// What a connection may ask for that has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// It is not open yet, and a peer has begun it: a place that nobody needs.
    Request,
    /// It is open, or we have begun it: one that is not used much.
    Open,
}

impl Claim {
    /// By what has happened; `None` where nothing worth keeping will.
    fn of(mark: Mark) -> Option<Claim> {
        // What was written or is read is known to the application alone, and may be so when all is over.
        if matches!(mark, Mark::Read(_) | Mark::Wrote(_)) {
            return None;
        }
        match mark.state().unwrap_or(State::Established) {
            State::Closed | State::TimeWait => None,
            State::Listen | State::SynReceived => Some(Claim::Request),
            _ => Some(Claim::Open),
        }
    }
}

#[cfg(test)]
mod tests;
