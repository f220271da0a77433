//! The receiving side: several senders at once, told apart by their addresses.
//!
//! ```text
//!   receive -> unreadable?      dropped
//!           -> start, unknown   begun, if there is room for one more
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

/// Packets beyond the next one that are kept: as many as any sender of ours has on the way.
const KEPT: u32 = MAX_BEYOND as u32;

/// How to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether answers name what has arrived beyond the next one.
    pub selective: bool,
    /// Senders at once; who comes when there are so many is not answered.
    pub senders: usize,
    /// A sender that says nothing for so long before its end is given up.
    pub patience: Duration,
    /// Repeated ends are answered until none has come for so long.
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
    /// What was counted.
    pub counts: Counts,
}

/// One sender.
#[derive(Clone, Debug)]
struct Incoming {
    /// The packet expected next.
    next: u32,
    kept: BTreeMap<u32, (Kind, Bytes)>,
    whole: bool,
    /// When it is not listened to any more.
    until: Instant,
    counts: Counts,
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
        let begun = !self.senders.contains_key(&from);
        if begun && (kind != Kind::Start || self.senders.len() >= self.config.senders) {
            self.strangers += 1;
            return Reaction::default();
        }
        let until = now + self.config.patience;
        let fresh = || Incoming {
            next: 0,
            kept: BTreeMap::new(),
            whole: false,
            until,
            counts: Counts::default(),
        };
        let incoming = self.senders.entry(from).or_insert_with(fresh);
        if !incoming.whole {
            incoming.until = until;
        }
        let (pieces, whole) = incoming.take(seq, kind, data);
        // Only an end that comes again holds it up: what else comes late was overtaken.
        if incoming.whole && kind == Kind::End {
            incoming.until = now + self.config.linger;
        }
        let answer = Some(incoming.answer(self.config.selective));
        Reaction { begun, pieces, whole, answer }
    }

    /// When [`Receiver::expire`] must be called; `None`: there is nobody.
    pub fn deadline(&self) -> Option<Instant> {
        self.senders.values().map(|incoming| incoming.until).min()
    }

    /// One of those who are not listened to any more at `now`; call it until there is none.
    pub fn expire(&mut self, now: Instant) -> Option<Gone> {
        let over = self.senders.iter().find(|(_, incoming)| incoming.until <= now);
        over.map(|(from, _)| *from).and_then(|from| self.forget(from))
    }

    /// Listens no more to `from`.
    pub fn forget(&mut self, from: SocketAddr) -> Option<Gone> {
        let incoming = self.senders.remove(&from)?;
        Some(Gone { from, whole: incoming.whole, counts: incoming.counts })
    }

    /// What was counted of a sender that is listened to.
    pub fn counts(&self, from: SocketAddr) -> Counts {
        self.senders.get(&from).map_or_else(Counts::default, |incoming| incoming.counts)
    }

    /// Packets that could not be read.
    pub fn corrupt(&self) -> u64 {
        self.corrupt
    }

    /// Packets of those who have not begun, and could not.
    pub fn strangers(&self) -> u64 {
        self.strangers
    }
}

impl Incoming {
    /// Takes a packet: what is to be delivered, and whether the file is whole with it.
    fn take(&mut self, seq: u32, kind: Kind, data: Bytes) -> (Vec<Bytes>, bool) {
        self.counts.packets += 1;
        if seq < self.next || self.whole || self.kept.contains_key(&seq) {
            self.counts.duplicates += 1;
            return (Vec::new(), false);
        }
        if seq - self.next > KEPT {
            self.counts.beyond += 1;
            return (Vec::new(), false);
        }
        self.counts.early += u64::from(seq > self.next);
        self.kept.insert(seq, (kind, data));
        let mut pieces = Vec::new();
        while let Some((kind, data)) = self.kept.remove(&self.next).filter(|_| !self.whole) {
            self.whole = kind == Kind::End;
            self.next = self.next.wrapping_add(1);
            self.counts.bytes += data.len() as u64;
            if !data.is_empty() {
                pieces.push(data);
            }
        }
        if self.whole {
            self.kept.clear();
        }
        (pieces, self.whole)
    }

    fn answer(&self, selective: bool) -> Bytes {
        let beyond = selective.then(|| self.kept.keys().copied().collect());
        Answer { next: self.next, beyond }.packet()
    }
}

#[cfg(test)]
mod tests;
