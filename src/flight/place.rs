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
/// What a place takes, in bytes.
pub(super) const SIZE: usize = size_of::<[Entry; EVENTS]>() + size_of::<Place>();

/// What is kept of one connection.
pub(super) struct Place {
    /// Which.
    pub owner: ConnId,
    /// The connection is closed.
    pub over: bool,
    /// It is found among those that are not recent.
    pub is_among_others: bool,
    /// The last entries, each at its number.
    ring: Box<[Entry; EVENTS]>,
    /// Entries that were made: the number of the next.
    made: u64,
    watch: Watch,
    /// Our end and the peer's, and the initial sequence numbers of both; known with the first segment.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    bases: Option<(SeqNum, SeqNum)>,
    /// Entries of all that had the place before, and of those that had others: the first of this one is the next.
    start: u64,
}

/// An event, and when it was.
#[derive(Clone, Copy)]
struct Entry {
    at: Instant,
    mark: Mark,
}

impl Entry {
    /// Where there is none yet.
    const NONE: Entry = Entry { at: Instant::ZERO, mark: Mark::Read(0) };
}

const _: () = assert!(size_of::<Entry>() == 32 && EVENTS.is_power_of_two());

impl Place {
    /// One of this connection.
    pub fn new(owner: ConnId, is_open: bool, start: u64) -> Place {
        Place {
            owner,
            over: false,
            is_among_others: false,
            ring: Box::new([Entry::NONE; EVENTS]),
            made: 0,
            watch: Watch::new(is_open),
            ends: None,
            bases: None,
            start,
        }
    }

    /// Gives it to another connection.
    pub fn hand_to(&mut self, owner: ConnId, is_open: bool, start: u64) {
        (self.owner, self.made, self.start) = (owner, 0, start);
        (self.over, self.is_among_others) = (false, false);
        (self.ends, self.bases) = (None, None);
        self.watch = Watch::new(is_open);
    }

    /// Entries that were made.
    pub fn entries(&self) -> u64 {
        self.made
    }

    /// Entries that are kept.
    pub fn len(&self) -> usize {
        self.made.min(EVENTS as u64) as usize
    }

    /// When something happened last.
    pub fn last(&self) -> Instant {
        self.ring[number(self.made.wrapping_sub(1))].at
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
        self.ring[number(self.made)] = Entry { at, mark };
        self.made += 1;
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
        self.watch.look(at, mark)
    }

    /// Whether the connection is over with an event, and was not before.
    #[inline(always)]
    pub fn ends_with(&mut self, mark: Mark) -> bool {
        let Mark::State { to, .. } = mark else { return false };
        is_over(to) && !std::mem::replace(&mut self.over, true)
    }

    /// What is kept beyond the first `since` entries.
    pub fn recording(&self, since: u64, trouble: Option<Trouble>, at: Instant) -> Recording {
        let bases = self.bases.unwrap_or_default();
        // What was known of it before it lost a place that it had is not what is here.
        let lost_place = since > 0 && since < self.start;
        let since = since.saturating_sub(self.start);
        let gone = self.made - self.len() as u64;
        let mut events: Vec<(Instant, Event)> = Vec::new();
        for Entry { at, mark } in (gone.max(since)..self.made).map(|entry| self.ring[number(entry)])
        {
            match mark.event(self.owner, self.ends, bases) {
                Some(event) => events.push((at, event)),
                None => {
                    if let Some((_, event)) = events.last_mut() {
                        mark.add_to(event);
                    }
                }
            }
        }
        let gone = gone.saturating_sub(since) + u64::from(lost_place);
        let entries = self.start + self.entries();
        Recording { conn: self.owner, ends: self.ends, trouble, at, gone, entries, events }
    }
}

/// Where in the ring an entry is.
#[inline(always)]
fn number(entry: u64) -> usize {
    entry as usize % EVENTS
}

/// Whether nothing more is to be expected in this state.
fn is_over(state: State) -> bool {
    matches!(state, State::Closed | State::TimeWait)
}
