//! Where the hosts on the other side are, as a switch knows it: from what they send.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::stack::Routes;
use crate::time::{Duration, Instant};
use crate::wire::ip;

/// Addresses whose place is known; beyond, the one that was not heard for the longest time is forgotten, if that is
/// longer than [`HELD`].
const MAX_LEARNED: usize = 4096;
/// Of these, most that may be at one place; beyond, it takes the room of its own.
const MAX_OF_ONE: usize = 256;
/// How long an address stays where it was last heard, whoever else says that it has it.
pub const HELD: Duration = Duration::from_secs(10);

/// What has been learned.
pub(super) struct Places {
    own: Routes,
    clock: Box<dyn Fn() -> Instant + Send>,
    known: HashMap<IpAddr, Place>,
    warned: bool,
}

#[derive(Debug)]
struct Place {
    at: SocketAddr,
    heard: Instant,
}

impl Places {
    /// Nothing is known. Only what is sent to a host with these addresses teaches.
    pub fn new(own: Routes, clock: impl Fn() -> Instant + Send + 'static) -> Places {
        Places { own, clock: Box::new(clock), known: HashMap::new(), warned: false }
    }

    /// Learns from a packet, and says whether it may come from there: not when its source was heard elsewhere just
    /// now, and not when there is no room for one more source.
    pub fn learn(&mut self, from: SocketAddr, packet: &[u8]) -> bool {
        // What is no packet for us teaches nothing; the stack says what is wrong with it.
        let Ok(datagram) = ip::parse(packet) else { return true };
        if self.own.check(datagram.src, datagram.dst).is_err() {
            return true;
        }
        let (source, heard) = (datagram.src, (self.clock)());
        if let Some(place) = self.known.get_mut(&source) {
            if place.at != from && heard.since(place.heard) < HELD {
                let other = place.at;
                self.warn(source, other, from);
                return false;
            }
            *place = Place { at: from, heard };
            return true;
        }
        let has_room = self.make_room(from, heard);
        if has_room {
            self.known.insert(source, Place { at: from, heard });
        }
        has_room
    }

    /// Where a host is.
    pub fn place_of(&self, host: IpAddr) -> Option<SocketAddr> {
        self.known.get(&host).map(|place| place.at)
    }

    /// Whether there is room for one more address at `from`, which may cost another one: of its own if it has many,
    /// and of others only what is not held any more.
    fn make_room(&mut self, from: SocketAddr, now: Instant) -> bool {
        let is_own = |place: &Place| place.at == from;
        let has_many = self.known.len() >= MAX_OF_ONE
            && self.known.values().filter(|place| is_own(place)).count() >= MAX_OF_ONE;
        if !has_many && self.known.len() < MAX_LEARNED {
            return true;
        }
        let known = self.known.iter().filter(|(_, place)| !has_many || is_own(place));
        let oldest = known.min_by_key(|(_, place)| place.heard).map(|(host, place)| (*host, place));
        let free = oldest.filter(|(_, place)| has_many || now.since(place.heard) >= HELD);
        free.map(|(host, _)| host).is_some_and(|host| self.known.remove(&host).is_some())
    }

    fn warn(&mut self, host: IpAddr, there: SocketAddr, here: SocketAddr) {
        if !std::mem::replace(&mut self.warned, true) {
            log::warn!(
                "{host} is at {there}, and {here} says that it has that address too: it is not heard until the other \
                 one has been silent for {HELD:?}; give it another address with --stack-addr"
            );
        }
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("known", &self.known).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
