//! The receiving side: several senders at once, told apart by their addresses.
//!
//! ```text
//!   receive -> unreadable?      dropped
//!           -> start, unknown   begun, if there is room for one more, or one that is silent gives way
//!           -> another file's   what there is of the one before is dropped, and it begins, or it is late (`incoming`)
//!           -> next             delivered, and what was kept after it; at the end: whole
//!           -> later            kept, within the window
//!           -> earlier          had it before
//!              and each but the first is answered with what is expected next
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;

use super::codec::{self, Answer, Kind, MAX_BEYOND, Packet};
use crate::time::{Duration, Instant};
use incoming::{Compared, Incoming};

mod incoming;

/// Packets beyond the next one that are kept: as many as any sender of ours has on the way.
const KEPT: u32 = MAX_BEYOND as u32;
/// A sender that was silent for so long in the middle gives way to another file of the same address, and to another
/// sender when there is no more room: its timer should have run out twice.
const SILENCE: Duration = Duration::from_secs(1);

/// How to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether answers name what has arrived beyond the next one.
    pub selective: bool,
    /// Senders at once; who comes when there are so many is not answered.
    pub senders: usize,
    /// A sender that says nothing new for so long before its end is given up.
    pub patience: Duration,
    /// Repeated ends are answered until none has come for so long, but no longer than `patience` in all.
    pub linger: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            selective: false,
            senders: 64,
            patience: Duration::from_secs(30),
            linger: Duration::from_secs(5),
        }
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that could be read.
    pub packets: u64,
    /// Those that arrived before one that was sent before them, and were kept.
    pub early: u64,
    /// Those that had arrived before.
    pub duplicates: u64,
    /// Those too far ahead to be kept.
    pub beyond: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What is to be done after a packet, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaction {
    /// Who is not listened to any more because of it; it may be the same sender, which begins anew.
    pub gone: Option<Gone>,
    /// Whether a file begins.
    pub begun: bool,
    /// The next pieces of the file.
    pub pieces: Vec<Bytes>,
    /// Whether the file is whole with them.
    pub whole: bool,
    /// What to answer, once all that is done.
    pub answer: Option<Bytes>,
}

/// Who is not listened to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its address.
    pub from: SocketAddr,
    /// Whether its file is whole.
    pub whole: bool,
    /// Why.
    pub why: Why,
    /// What was counted.
    pub counts: Counts,
}

/// Why somebody is not listened to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its time is over: it said nothing new, or its file is whole and it knows.
    Over,
    /// It has begun another file.
    Anew,
    /// It was silent, and another needed the room.
    GaveWay,
    /// Nobody is listened to any more.
    Enough,
}

/// Receives files. It knows neither sockets nor clocks nor files.
#[derive(Clone, Debug)]
pub struct Receiver {
    config: Config,
    senders: BTreeMap<SocketAddr, Incoming>,
    corrupt: u64,
    strangers: u64,
}

impl Receiver {
    /// Nobody has sent anything yet.
    pub fn new(config: Config) -> Receiver {
        Receiver { config, senders: BTreeMap::new(), corrupt: 0, strangers: 0 }
    }

    /// A datagram has arrived at `now`.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &Bytes) -> Reaction {
        let Ok(Packet::Piece { kind, seq, data }) = codec::parse(datagram) else {
            self.corrupt += 1;
            return Reaction::default();
        };
        // Only the first packet is a start, and nothing else is.
        if (kind == Kind::Start) != (seq == 0) {
            self.corrupt += 1;
            return Reaction::default();
        }
        let known = self.senders.get_mut(&from);
        let compared = known.map(|incoming| incoming.compare(now, seq, kind, &data));
        let mut reaction = Reaction::default();
        let head = match compared {
            Some(Compared::Silence) => return reaction,
            Some(Compared::Foreign) => {
                self.strangers += 1;
                return reaction;
            }
            Some(Compared::Repeat(next)) => {
                let beyond = self.config.selective.then(Vec::new);
                reaction.answer = Some(Answer { next, beyond }.packet());
                return reaction;
            }
            Some(Compared::Fits) => None,
            Some(Compared::Other(head)) => {
                reaction.gone = self.end(from, Why::Anew);
                Some(head)
            }
            None => Some(Vec::new()),
        };
        if let Some(head) = head {
            // Without a start nobody begins.
            let begins = kind == Kind::Start || !head.is_empty();
            if !begins || !self.make_room(now, &mut reaction.gone) {
                self.strangers += 1;
                return reaction;
            }
            reaction.begun = true;
            let incoming = Incoming::new(now, self.config.patience);
            let incoming = self.senders.entry(from).or_insert(incoming);
            for (seq, (kind, data)) in head.into_iter().enumerate() {
                reaction.pieces.extend(incoming.take(&self.config, now, (seq as u32, kind, data)));
            }
        }
        if let Some(incoming) = self.senders.get_mut(&from) {
            let before = incoming.is_whole();
            reaction.pieces.extend(incoming.take(&self.config, now, (seq, kind, data)));
            reaction.whole = incoming.is_whole() && !before;
            reaction.answer = Some(incoming.answer(self.config.selective));
        }
        reaction
    }

    /// Whether there is room for one more, or one that is silent in the middle can give way.
    fn make_room(&mut self, now: Instant, gone: &mut Option<Gone>) -> bool {
        if self.senders.len() < self.config.senders {
            return true;
        }
        let silent = self.senders.iter().filter(|(_, incoming)| !incoming.is_whole());
        let silent = silent.map(|(from, incoming)| (incoming.heard(), *from)).min();
        let silent = silent.filter(|(heard, _)| now.since(*heard) >= SILENCE);
        let Some((_, from)) = silent else {
            return false;
        };
        *gone = self.end(from, Why::GaveWay);
        true
    }

    /// When [`Receiver::expire`] must be called; `None`: there is nobody.
    pub fn deadline(&self) -> Option<Instant> {
        self.senders.values().map(Incoming::until).min()
    }

    /// One of those who are not listened to any more at `now`; call it until there is none.
    pub fn expire(&mut self, now: Instant) -> Option<Gone> {
        loop {
            let over = self.senders.iter().find(|(_, incoming)| incoming.until() <= now);
            let from = *over?.0;
            // Of one that was refused it is known.
            if let Some(gone) = self.end(from, Why::Over) {
                return Some(gone);
            }
        }
    }

    /// Neither answers `from` nor takes its file, until it begins another or has been silent: the file cannot be
    /// kept.
    pub fn refuse(&mut self, from: SocketAddr) {
        if let Some(incoming) = self.senders.get_mut(&from) {
            incoming.refuse();
        }
    }

    /// One of those who are still listened to, which ends now; call it until there is none.
    pub fn dismiss(&mut self) -> Option<Gone> {
        loop {
            let from = *self.senders.first_key_value()?.0;
            if let Some(gone) = self.end(from, Why::Enough) {
                return Some(gone);
            }
        }
    }

    /// Listens no more to `from`; `None` if it was refused.
    fn end(&mut self, from: SocketAddr, why: Why) -> Option<Gone> {
        let incoming = self.senders.remove(&from).filter(|incoming| !incoming.is_refused())?;
        Some(Gone { from, whole: incoming.is_whole(), why, counts: incoming.counts() })
    }

    /// What was counted of a sender that is listened to.
    pub fn counts(&self, from: SocketAddr) -> Counts {
        self.senders.get(&from).map_or_else(Counts::default, Incoming::counts)
    }

    /// Packets that could not be read.
    pub fn corrupt(&self) -> u64 {
        self.corrupt
    }

    /// Packets of those who have not begun, and could not, and those of other files than the one that is known.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }
}

#[cfg(test)]
mod tests;
