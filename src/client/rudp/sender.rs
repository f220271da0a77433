//! The sending side: a window of packets, one timer, and what the answers say.
//!
//! ```text
//!   push -> | 4 | 5 | 6 | 7 | 8 |  -> transmit       receive(ack|6|..): 4 and 5 have arrived
//!             first ..... window                      three times the same: the first again, at once
//!                                                     nothing new for a whole timer: all of them again
//! ```

use std::collections::VecDeque;

use bytes::Bytes;

use super::codec::{self, Answer, Kind, MAX_BEYOND, MAX_DATA, Malformed, Packet};
use crate::time::{Duration, Instant};

/// Answers with the same number after the first, at which what is missing goes again (RFC 5681 3.2).
const DUPLICATES: u32 = 3;
/// The largest window, in packets: what a selective answer can name.
pub const MAX_WINDOW: usize = MAX_BEYOND;
/// The largest file, in bytes: each number is used once.
pub const MAX_FILE: u64 = u32::MAX as u64 * MAX_DATA as u64;

/// How to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Packets that may be on the way, 1 to [`MAX_WINDOW`].
    pub window: usize,
    /// How long to wait for something new before everything goes again.
    pub rto: Duration,
    /// So often in a row; then it is given up.
    pub tries: u32,
    /// Whether what answers name beyond the next one is spared.
    pub selective: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { window: 5, rto: Duration::from_millis(500), tries: 60, selective: false }
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets sent, each time that it was.
    pub packets: u64,
    /// Those of them that were sent before.
    pub again: u64,
    /// Those of them that were sent again because three equal answers showed that they are missing.
    pub fast: u64,
    /// Times that the timer ran out.
    pub timeouts: u64,
    /// Answers that could not be read, or that nobody can give.
    pub corrupt: u64,
    /// Those of them whose checksum was wrong.
    pub unsound: u64,
    /// Those of them that could be read, and acknowledge what was never sent.
    pub impossible: u64,
    /// Answers that said nothing new.
    pub duplicates: u64,
    /// Bytes of the file that have arrived.
    pub bytes: u64,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The last packet is acknowledged.
    Whole,
    /// There was never an answer.
    Silent,
    /// There are no new answers any more.
    Stuck {
        /// Whether only the last packet was not acknowledged: the file may have arrived.
        at_end: bool,
    },
}

/// A packet that is not acknowledged yet.
#[derive(Clone, Debug)]
struct Flying {
    packet: Bytes,
    data: u64,
    /// Whether it is to be sent.
    due: bool,
    /// Whether that is so because of duplicates.
    fast: bool,
    /// Whether it was sent before.
    sent: bool,
    /// Whether an answer has named it.
    arrived: bool,
}

/// Sends one file. It knows neither sockets nor clocks.
#[derive(Clone, Debug)]
pub struct Sender {
    config: Config,
    flying: VecDeque<Flying>,
    /// The number of the first of them.
    first: u32,
    /// Whether the last packet is made.
    closed: bool,
    /// Whether there was an answer.
    heard: bool,
    duplicates: u32,
    tries: u32,
    deadline: Option<Instant>,
    ended: Option<Ended>,
    counts: Counts,
}

impl Sender {
    /// Nothing is sent yet.
    pub fn new(config: Config) -> Sender {
        let config = Config { window: config.window.clamp(1, MAX_WINDOW), ..config };
        Sender {
            config,
            flying: VecDeque::with_capacity(config.window),
            first: 0,
            closed: false,
            heard: false,
            duplicates: 0,
            tries: 0,
            deadline: None,
            ended: None,
            counts: Counts::default(),
        }
    }

    /// Whether there is room for the next piece of the file.
    pub fn has_room(&self) -> bool {
        !self.closed && self.ended.is_none() && self.flying.len() < self.config.window
    }

    /// The next piece of the file, at most [`MAX_DATA`] bytes, and whether it is the last. The first one goes into
    /// the start packet, and the last one into the end packet; if they are one, the end packet is empty.
    /// Only while there [is room](Sender::has_room).
    pub fn push(&mut self, data: &[u8], last: bool) {
        let kind = match (self.first, self.flying.len()) {
            (0, 0) => Kind::Start,
            _ if last => Kind::End,
            _ => Kind::Data,
        };
        self.make(kind, data);
        // There may be one more than the window then, only in a window of one.
        if last && kind == Kind::Start {
            self.make(Kind::End, &[]);
        }
        self.closed |= last;
    }

    fn make(&mut self, kind: Kind, data: &[u8]) {
        let seq = self.first.wrapping_add(self.flying.len() as u32);
        let packet = codec::piece(kind, seq, data);
        let data = data.len() as u64;
        self.flying.push_back(Flying {
            packet,
            data,
            due: true,
            fast: false,
            sent: false,
            arrived: false,
        });
    }

    /// The next packet to send at `now`.
    pub fn transmit(&mut self, now: Instant) -> Option<Bytes> {
        if self.ended.is_some() {
            return None;
        }
        let window = self.flying.iter_mut().take(self.config.window);
        let next = window.into_iter().find(|packet| packet.due)?;
        next.due = false;
        self.counts.packets += 1;
        self.counts.fast += u64::from(std::mem::take(&mut next.fast));
        self.counts.again += u64::from(std::mem::replace(&mut next.sent, true));
        let packet = next.packet.clone();
        self.deadline.get_or_insert(now + self.config.rto);
        Some(packet)
    }

    /// Something has arrived at `now`.
    pub fn receive(&mut self, now: Instant, datagram: &Bytes) {
        // What was never sent cannot have arrived.
        let sent = self.flying.iter().take_while(|packet| packet.sent).count() as u32;
        match codec::parse(datagram) {
            Ok(Packet::Answer(answer)) if answer.next.wrapping_sub(self.first) <= sent => {
                self.heard = true;
                self.answered(now, &answer);
            }
            // Old: it was overtaken.
            Ok(Packet::Answer(answer)) if answer.next < self.first => self.counts.duplicates += 1,
            nonsense => {
                self.counts.corrupt += 1;
                self.counts.unsound += u64::from(nonsense == Err(Malformed::Checksum));
                self.counts.impossible += u64::from(matches!(nonsense, Ok(Packet::Answer(_))));
            }
        }
    }

    fn answered(&mut self, now: Instant, answer: &Answer) {
        let arrived = answer.next.wrapping_sub(self.first);
        for packet in self.flying.drain(..arrived as usize) {
            self.counts.bytes += packet.data;
        }
        self.first = answer.next;
        if self.config.selective {
            for seq in answer.beyond.iter().flatten() {
                let place = seq.wrapping_sub(self.first) as usize;
                if let Some(packet) = self.flying.get_mut(place).filter(|packet| packet.sent) {
                    packet.arrived = true;
                    packet.due = false;
                }
            }
        }
        if self.flying.is_empty() && self.closed {
            self.ended = Some(Ended::Whole);
            self.deadline = None;
        } else if arrived > 0 {
            self.duplicates = 0;
            self.tries = 0;
            self.deadline = (!self.flying.is_empty()).then(|| now + self.config.rto);
        } else {
            self.counts.duplicates += 1;
            self.duplicates += 1;
            if self.duplicates == DUPLICATES {
                self.repair(now);
            }
        }
    }

    /// Sends again what is missing: the first, and with selective answers all before the last that has arrived.
    fn repair(&mut self, now: Instant) {
        let last = self.flying.iter().rposition(|packet| packet.arrived).unwrap_or(0);
        let missing = self.flying.iter_mut().take(last.max(1));
        for packet in missing.filter(|packet| packet.sent && !packet.arrived) {
            packet.due = true;
            packet.fast = true;
            self.deadline = Some(now + self.config.rto);
        }
    }

    /// When [`Sender::expire`] must be called; `None`: nothing is on the way.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Sends everything again that is on the way, if its time is over at `now`; what answers have named is spared
    /// the first time. The second time in a row it is not: the receiver may have dropped what it named without
    /// acknowledging it (RFC 2018 8).
    pub fn expire(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        if self.tries >= self.config.tries {
            let at_end = self.closed && self.flying.len() == 1;
            self.ended = Some(if self.heard { Ended::Stuck { at_end } } else { Ended::Silent });
            self.deadline = None;
            return;
        }
        self.tries += 1;
        self.duplicates = 0;
        self.counts.timeouts += 1;
        self.deadline = Some(now + self.config.rto);
        for packet in &mut self.flying {
            packet.arrived &= self.tries == 1;
            packet.due = !packet.arrived;
        }
    }

    /// Whether something is on the way that begins with what the network has quoted of it, which is often nothing.
    pub fn has_sent(&self, quoted: &[u8]) -> bool {
        let is_quoted =
            |packet: &Bytes| quoted.iter().zip(packet).all(|(quoted, sent)| quoted == sent);
        self.flying.iter().any(|flying| flying.sent && is_quoted(&flying.packet))
    }

    /// Whether there was an answer.
    pub fn heard(&self) -> bool {
        self.heard
    }

    /// How it ended, once it has.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

#[cfg(test)]
mod tests;
