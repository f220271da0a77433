//! The ring of one connection, and what is known of it beside.

use std::net::SocketAddr;

use super::Recording;
use super::mark::Mark;
use super::trouble::{Trouble, Watch};
use crate::event::{ConnId, Event, State};
use crate::time::Instant;
use crate::wire::SeqNum;

/// Events kept of a connection.
pub const EVENTS: usize = 256;
/// What a place takes when its ring is full, in bytes.
pub(super) const SIZE: usize = EVENTS * size_of::<Entry>() + size_of::<Place>();

/// What is kept of one connection.
#[derive(Clone)]
pub(super) struct Place {
    /// Which.
    pub owner: ConnId,
    ring: Vec<Entry>,
    /// The oldest entry of a full ring, which is the next to go.
    oldest: u32,
    /// The connection is closed.
    pub over: bool,
    /// It is among those that others may have.
    pub waits: bool,
    /// Entries of all that had the place before, and of those that had others: the first of this one is the next.
    start: u64,
    /// Entries that had to go.
    gone: u64,
    /// Our end and the peer's, and the initial sequence numbers of both; known with the first segment.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    bases: Option<(SeqNum, SeqNum)>,
    /// When something happened last.
    pub last: Instant,
    watch: Watch,
}

/// An event, and when it was.
#[derive(Clone, Copy)]
struct Entry {
    at: Instant,
    mark: Mark,
}

const _: () = assert!(size_of::<Entry>() == 32);

impl Place {
    /// One of this connection.
    pub fn new(owner: ConnId, start: u64) -> Place {
        Place {
            owner,
            ring: Vec::new(),
            oldest: 0,
            over: false,
            waits: false,
            start,
            gone: 0,
            ends: None,
            bases: None,
            last: Instant::default(),
            watch: Watch::default(),
        }
    }

    /// Gives it to another connection; the ring keeps its room.
    pub fn hand_to(&mut self, owner: ConnId, start: u64) {
        let mut ring = std::mem::take(&mut self.ring);
        ring.clear();
        *self = Place { ring, ..Place::new(owner, start) };
    }

    /// Entries that were made.
    pub fn entries(&self) -> u64 {
        self.gone + self.ring.len() as u64
    }

    /// Entries that are kept.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// Whether the connection is or was open, or we have begun it.
    pub fn has_been_open(&self) -> bool {
        self.watch.has_been_open()
    }

    /// Whether the event that this is of has more to tell of the connection than is kept of it.
    #[inline(always)]
    pub fn asks_for(&self, mark: Mark) -> bool {
        match mark {
            Mark::Sent { segment, .. } | Mark::Received { segment, .. } => {
                self.bases.is_none() || segment.syn()
            }
            Mark::State { .. } => self.ends.is_none(),
            _ => false,
        }
    }

    /// Takes down the ends, and the initial sequence numbers.
    #[cold]
    #[inline(never)]
    pub fn learn(&mut self, event: &Event) {
        let (ends, bases) = match event {
            Event::Sent { segment, .. } => {
                ((segment.local, segment.remote), Some((segment.seq_base, segment.ack_base)))
            }
            Event::Received { segment, .. } => {
                ((segment.local, segment.remote), Some((segment.ack_base, segment.seq_base)))
            }
            Event::StateChanged { local, remote, .. } => ((*local, *remote), None),
            _ => return,
        };
        self.ends.get_or_insert(ends);
        self.bases = bases.or(self.bases);
    }

    /// Keeps what an event was.
    #[inline(always)]
    pub fn push(&mut self, at: Instant, mark: Mark) {
        let entry = Entry { at, mark };
        if self.ring.len() < EVENTS {
            self.ring.push(entry);
        } else {
            self.ring[self.oldest as usize] = entry;
            self.oldest = (self.oldest + 1) % EVENTS as u32;
            self.gone += 1;
        }
    }

    /// The SACK blocks of a segment follow it.
    #[inline(never)]
    pub fn push_sacks(&mut self, at: Instant, event: &Event) {
        let segment = match event {
            Event::Sent { segment, .. } | Event::Received { segment, .. } => Some(segment),
            Event::Refused { segment, .. } => segment.as_ref(),
            _ => None,
        };
        for &block in segment.into_iter().flat_map(|segment| &segment.sack) {
            self.push(at, Mark::Sack(block));
        }
    }

    /// What has gone wrong with an event, if that was not told of.
    #[inline(always)]
    pub fn look(&mut self, at: Instant, mark: Mark) -> Option<Trouble> {
        self.last = at;
        if let Some(state) = mark.state() {
            self.over = is_over(state);
        }
        self.watch.look(at, mark)
    }

    /// Whether it is over, and was not when this was asked last.
    #[inline(always)]
    pub fn is_over_now(&mut self) -> bool {
        let new = self.over && !self.waits;
        self.waits |= new;
        new
    }

    /// What is kept beyond the first `since` entries.
    pub fn recording(&self, since: u64, trouble: Option<Trouble>, at: Instant) -> Recording {
        let (newer, older) = self.ring.split_at(self.oldest as usize);
        let bases = self.bases.unwrap_or_default();
        // What was known of it before it lost a place that it had is not what is here.
        let lost_place = since > 0 && since < self.start;
        let since = since.saturating_sub(self.start);
        let known = usize::try_from(since.saturating_sub(self.gone)).unwrap_or(usize::MAX);
        let mut events: Vec<(Instant, Event)> = Vec::new();
        for Entry { at, mark } in older.iter().chain(newer).skip(known) {
            match mark.event(self.owner, self.ends, bases) {
                Some(event) => events.push((*at, event)),
                None => {
                    if let Some((_, event)) = events.last_mut() {
                        mark.add_to(event);
                    }
                }
            }
        }
        let gone = self.gone.saturating_sub(since) + u64::from(lost_place);
        let entries = self.start + self.entries();
        Recording { conn: self.owner, ends: self.ends, trouble, at, gone, entries, events }
    }
}

/// Whether nothing more is to be expected in this state.
fn is_over(state: State) -> bool {
    matches!(state, State::Closed | State::TimeWait)
}
