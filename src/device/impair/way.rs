//! What happens between the two ends of a link, once a packet is on it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;

use super::Direction;
use super::dice::{Dice, Loss};
use super::journal::{Effect, Journal};
use super::spec::{self, Jitter, Reorder};
use super::ticket::{Ticket, flip};
use super::units::Share;
use crate::time::{Duration, Instant};

/// Packets on their way, and by what they may be hit.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) delay: Duration,
    pub(super) jitter: Jitter,
    pub(super) reorder: Reorder,
    pub(super) duplicate: Share,
    pub(super) corrupt: Share,
    pub(super) loss: Loss,
    /// How many bytes at the front of a packet are never corrupted.
    pub(super) spared: usize,
    dice: [Dice; 4],
    /// The earliest first; those of the same time in the order in which they set out.
    packets: BinaryHeap<Reverse<Arrival>>,
    held_bytes: u64,
    next_number: u64,
    /// The latest arrival so far, which jitter that keeps the order must not come before.
    latest: Instant,
}

/// A packet and when it arrives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at: Instant,
    number: u64,
    packet: Bytes,
}

/// What each of [`Way::dice`] is for.
#[derive(Clone, Copy)]
enum Purpose {
    Jitter,
    Reorder,
    Duplicate,
    Corrupt,
}

impl Way {
    pub(super) fn new(direction: Direction, seed: u64) -> Self {
        // Streams of the two directions do not overlap.
        let first = 8 * direction as u64;
        Way {
            delay: Duration::ZERO,
            jitter: Jitter::default(),
            reorder: Reorder::default(),
            duplicate: Share::NONE,
            corrupt: Share::NONE,
            spared: 0,
            loss: Loss::new(Dice::new(seed, first)),
            dice: std::array::from_fn(|purpose| Dice::new(seed, first + 1 + purpose as u64)),
            packets: BinaryHeap::new(),
            held_bytes: 0,
            next_number: 0,
            latest: Instant::ZERO,
        }
    }

    /// A perfect way again; what is on it arrives as it would have.
    pub(super) fn clear(&mut self) {
        self.delay = Duration::ZERO;
        self.jitter = Jitter::default();
        self.reorder = Reorder::default();
        self.duplicate = Share::NONE;
        self.corrupt = Share::NONE;
        self.loss.set(spec::Loss::default());
    }

    /// Bytes of all packets on the way.
    pub(super) fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// How many there are.
    pub(super) fn held_packets(&self) -> usize {
        self.packets.len()
    }

    /// When the next packet arrives.
    pub(super) fn next(&self) -> Option<Instant> {
        self.packets.peek().map(|Reverse(first)| first.at)
    }

    /// The next packet that arrives by `now`.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Bytes> {
        if self.next()? > now {
            return None;
        }
        let Reverse(first) = self.packets.pop()?;
        self.held_bytes -= first.packet.len() as u64;
        Some(first.packet)
    }

    /// A packet sets out at `now`.
    pub(super) fn enter(&mut self, now: Instant, mut ticket: Ticket, journal: &mut Journal) {
        if self.loss.strikes() {
            return journal.note(now, Effect::Lost, &ticket.packet);
        }
        if self.hits(Purpose::Corrupt, self.corrupt) {
            self.corrupt(now, &mut ticket.packet, journal);
        }
        let twice = self.hits(Purpose::Duplicate, self.duplicate) || ticket.twice;
        if twice {
            journal.note(now, Effect::Duplicated, &ticket.packet);
            self.travel(now, ticket.clone(), journal);
        }
        self.travel(now, ticket, journal);
    }

    fn travel(&mut self, now: Instant, ticket: Ticket, journal: &mut Journal) {
        let mut at = now + self.time() + ticket.extra;
        if self.jitter.ordered {
            at = at.max(self.latest);
        }
        self.latest = self.latest.max(at);
        if self.hits(Purpose::Reorder, self.reorder.share) {
            journal.note(now, Effect::Reordered, &ticket.packet);
            at += self.reorder.by;
        }
        self.held_bytes += ticket.len();
        self.packets.push(Reverse(Arrival { at, number: self.next_number, packet: ticket.packet }));
        self.next_number += 1;
    }

    /// How long the next packet travels.
    fn time(&mut self) -> Duration {
        let by = self.jitter.by.as_nanos() as u64;
        if by == 0 {
            return self.delay;
        }
        let offset = Duration::from_nanos(self.dice[Purpose::Jitter as usize].below(2 * by + 1));
        (self.delay + offset).saturating_sub(self.jitter.by)
    }

    fn hits(&mut self, purpose: Purpose, share: Share) -> bool {
        self.dice[purpose as usize].hits(share)
    }

    /// Turns over one bit of the packet, wherever it is behind what is spared.
    pub(super) fn corrupt(&mut self, now: Instant, packet: &mut Bytes, journal: &mut Journal) {
        let spared = self.spared as u64 * 8;
        let bits = (packet.len() as u64 * 8).saturating_sub(spared);
        if bits == 0 {
            return;
        }
        journal.note(now, Effect::Corrupted, packet);
        let bit = self.dice[Purpose::Corrupt as usize].below(bits);
        flip(packet, spared + bit);
    }
}
