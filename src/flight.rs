//! The flight recorder: what happened last on each connection, always kept, within a bound.
//!
//! ```text
//!   Event --> ring of its connection --when something goes wrong--> Recording --> whoever has asked for them
//! ```
//!
//! A connection has a ring while there is a place for it: a new one takes that of one that is over, or has never been open, or
//! on which nothing has happened for a while. One that is not open yet takes none of those that are, so that a flood of
//! requests leaves them alone. Which places may be its own depends on its number, as in a cache with a few ways, so
//! finding one costs the same however many there are. A ring grows with what is in it.

mod mark;
mod trouble;

use std::net::SocketAddr;

use crate::event::{ConnId, Event, SegmentView, State};
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;

use mark::Mark;
pub use trouble::Trouble;
use trouble::Watch;

/// Events kept of a connection.
pub const EVENTS: usize = 256;
/// What a place takes when its ring is full, in bytes: the events, and what is known of the connection.
pub const PLACE_SIZE: usize = EVENTS * size_of::<Entry>() + size_of::<Place>();
/// Places that a connection may have.
const WAYS: usize = 4;
/// Nobody's place.
const FREE: u32 = 0;
/// Whose connection has been quiet for so long has to let another have its place.
const QUIET: Duration = Duration::from_secs(5);

/// Where recordings go that nobody has asked for: it is given what makes one, and need not have it made. It is called under
/// the lock of the stack.
pub type Sink = Box<dyn FnMut(&dyn Fn() -> Recording) + Send>;

/// The rings of a stack's connections.
pub struct Flight {
    /// Whose each place is.
    owners: Vec<[u32; WAYS]>,
    places: Vec<Place>,
    sink: Option<Sink>,
}

/// What is kept of one connection.
#[derive(Clone, Default)]
struct Place {
    ring: Vec<Entry>,
    /// The oldest entry of a full ring, which is the next to go.
    oldest: usize,
    /// Entries that had to go.
    gone: u64,
    /// Our end and the peer's, and the initial sequence numbers of both; known with the first segment.
    ends: Option<(SocketAddr, SocketAddr)>,
    bases: (SeqNum, SeqNum),
    last: Instant,
    /// The connection is closed.
    over: bool,
    watch: Watch,
}

/// An event, and when it was.
#[derive(Clone, Copy)]
struct Entry {
    at: Instant,
    mark: Mark,
}

const _: () = assert!(size_of::<Entry>() == 32);

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
    /// Events before these that were not kept.
    pub gone: u64,
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
    pub const LEAST: usize = WAYS * PLACE_SIZE;

    /// Rings that take at most `memory` bytes together when all are full; `None` when that is not enough for any.
    pub fn new(memory: usize) -> Option<Flight> {
        let sets = memory / Flight::LEAST;
        (sets > 0).then(|| Flight {
            owners: vec![[FREE; WAYS]; sets],
            places: vec![Place::default(); sets * WAYS],
            sink: None,
        })
    }

    /// Has recordings go to `sink` when something goes wrong, from now on.
    pub fn set_sink(&mut self, sink: Option<Sink>) {
        self.sink = sink;
    }

    /// Keeps an event, if it is about a connection.
    // Where it is called it is known which event that is, and most of this is nothing then.
    #[inline(always)]
    pub fn record(&mut self, at: Instant, event: &Event) {
        let (Some(conn), Some(mark)) = (event.conn(), Mark::of(event)) else {
            return;
        };
        let found = self.find(conn);
        let Some(index) = found.or_else(|| self.claim(conn, Claim::of(event)?, at)) else {
            return;
        };
        let Some(place) = self.places.get_mut(index) else {
            return;
        };
        place.note(at, event);
        place.push(Entry { at, mark });
        for mark in mark::sacks(event) {
            place.push(Entry { at, mark });
        }
        if let Some(trouble) = place.watch.look(at, event) {
            self.tell(index, conn, trouble, at);
        }
    }

    /// Tells of something that has gone wrong.
    #[cold]
    fn tell(&mut self, index: usize, conn: ConnId, trouble: Trouble, at: Instant) {
        if let (Some(sink), Some(place)) = (&mut self.sink, self.places.get(index)) {
            sink(&|| place.recording(conn, Some(trouble), at));
        }
    }

    /// The last events of a connection, if any are kept.
    pub fn recording(&self, conn: ConnId, now: Instant) -> Option<Recording> {
        Some(self.places.get(self.find(conn)?)?.recording(conn, None, now))
    }

    /// Every connection of which there is a recording, in no order.
    pub fn recorded(&self) -> impl Iterator<Item = Recorded> {
        let owners = self.owners.iter().flatten();
        let taken = owners.zip(&self.places).filter(|(owner, _)| **owner != FREE);
        taken.map(|(&owner, place)| Recorded {
            conn: ConnId(owner),
            ends: place.ends,
            events: place.ring.len(),
            last: place.last,
            over: place.over,
        })
    }

    /// The set of places that a connection may have; numbers that follow on each other are spread evenly.
    fn set(&self, conn: ConnId) -> usize {
        let spread = conn.0.wrapping_mul(0x9E37_79B1);
        ((u64::from(spread) * self.owners.len() as u64) >> 32) as usize
    }

    /// The place that a connection has.
    #[inline]
    fn find(&self, conn: ConnId) -> Option<usize> {
        let set = self.set(conn);
        let way = self.owners.get(set)?.iter().position(|&owner| owner == conn.0)?;
        Some(set * WAYS + way)
    }

    /// A place for a connection that has none, if another has to let it have its own.
    #[inline(never)]
    fn claim(&mut self, conn: ConnId, claim: Claim, now: Instant) -> Option<usize> {
        let set = self.set(conn);
        let first = set * WAYS;
        let owners = self.owners.get_mut(set)?;
        let all = owners.iter_mut().zip(self.places.get_mut(first..)?).enumerate();
        let least = |(_, (owner, place)): &(usize, (&mut u32, &mut Place))| {
            (**owner != FREE, !place.over, place.watch.has_been_open(), place.last)
        };
        let (way, (owner, place)) = all.min_by_key(least)?;
        let yields = match claim {
            _ if *owner == FREE || place.over => true,
            Claim::Request => false,
            Claim::Open => !place.watch.has_been_open() || now.since(place.last) >= QUIET,
        };
        yields.then(|| {
            *owner = conn.0;
            place.begin();
            first + way
        })
    }
}

/// What a connection may ask for that has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// It is not open yet, and a peer has begun it: a place that nobody needs.
    Request,
    /// One that is not used much.
    Open,
}

impl Claim {
    /// By what has happened; `None` where nothing worth keeping will.
    fn of(event: &Event) -> Option<Claim> {
        let state = match event {
            Event::Sent { state, .. } | Event::Received { state, .. } => *state,
            Event::StateChanged { to, .. } => *to,
            _ => State::Established,
        };
        match state {
            State::Closed | State::TimeWait => None,
            State::Listen | State::SynReceived => Some(Claim::Request),
            _ => Some(Claim::Open),
        }
    }
}

impl Place {
    /// Somebody else's, whose ring keeps its room.
    fn begin(&mut self) {
        let mut ring = std::mem::take(&mut self.ring);
        ring.clear();
        *self = Place { ring, ..Place::default() };
    }

    /// What the events themselves do not keep.
    #[inline(always)]
    fn note(&mut self, at: Instant, event: &Event) {
        self.last = at;
        match event {
            Event::Sent { segment, state, .. } => {
                self.note_segment(segment, *state, (segment.seq_base, segment.ack_base));
            }
            Event::Received { segment, state, .. } => {
                self.note_segment(segment, *state, (segment.ack_base, segment.seq_base));
            }
            Event::StateChanged { local, remote, to, .. } => {
                self.ends.get_or_insert((*local, *remote));
                self.over = is_over(*to);
            }
            _ => {}
        }
    }

    #[inline(always)]
    fn note_segment(&mut self, segment: &SegmentView, state: State, bases: (SeqNum, SeqNum)) {
        (self.bases, self.over) = (bases, is_over(state));
        if self.ends.is_none() {
            self.ends = Some((segment.local, segment.remote));
        }
    }

    #[inline]
    fn push(&mut self, entry: Entry) {
        if self.ring.len() < EVENTS {
            self.ring.push(entry);
        } else {
            self.ring[self.oldest] = entry;
            self.oldest = (self.oldest + 1) % EVENTS;
            self.gone += 1;
        }
    }

    fn recording(&self, conn: ConnId, trouble: Option<Trouble>, at: Instant) -> Recording {
        let (newer, older) = self.ring.split_at(self.oldest);
        let mut events: Vec<(Instant, Event)> = Vec::new();
        for Entry { at, mark } in older.iter().chain(newer) {
            match mark.event(conn, self.ends, self.bases) {
                Some(event) => events.push((*at, event)),
                None => {
                    if let Some((_, event)) = events.last_mut() {
                        mark.add_to(event);
                    }
                }
            }
        }
        Recording { conn, ends: self.ends, trouble, at, gone: self.gone, events }
    }
}

/// Whether nothing more is to be expected in this state.
fn is_over(state: State) -> bool {
    matches!(state, State::Closed | State::TimeWait)
}

#[cfg(test)]
mod tests;
