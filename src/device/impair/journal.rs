//! What was done to packets: always counted, written down when somebody wants to see it.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::event::counted;
use crate::time::{Duration, Instant};

counted! {
    /// What may be done to a packet. Each is a counter.
    Effect:
    /// Lost by chance on the way.
    Lost = "lost",
    /// Dropped by an exact rule.
    RuleDropped = "rule_dropped",
    /// The queue was full.
    QueueFull = "queue_full",
    /// CoDel dropped it, for it and those before it had waited too long.
    CodelDropped = "codel_dropped",
    /// The emulator itself holds too much.
    Overflow = "overflow",
    /// Marked "congestion experienced".
    Marked = "marked",
    /// One bit was turned over.
    Corrupted = "corrupted",
    /// It arrives twice.
    Duplicated = "duplicated",
    /// Held back by chance, so that others overtake it.
    Reordered = "reordered",
    /// Held back by an exact rule.
    RuleDelayed = "rule_delayed",
}

impl Effect {
    /// Its name for people.
    pub fn words(self) -> String {
        self.name().replace('_', " ")
    }
}

/// Something that was done to a packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Instant,
    /// What.
    pub effect: Effect,
    /// The packet, as it was before.
    pub packet: Bytes,
}

/// Packets and the bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets.
    pub packets: u64,
    /// Their bytes, IP headers included.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, packet: &[u8]) {
        self.packets += 1;
        self.bytes += packet.len() as u64;
    }
}

/// What was counted in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// What came in.
    pub arrived: Tally,
    /// What went out.
    pub delivered: Tally,
    /// What the queue let through to the link.
    pub queued: Tally,
    /// How long those have waited in it, all together.
    pub waited: Duration,
    /// The longest of these times.
    pub waited_max: Duration,
    effects: [u64; Effect::ALL.len()],
}

impl Counters {
    /// How often `effect` struck.
    pub fn count(&self, effect: Effect) -> u64 {
        self.effects[effect as usize]
    }
}

/// The counters, and the list of decisions if there is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    pub(super) counters: Counters,
    pub(super) decisions: Option<VecDeque<Decision>>,
}

impl Journal {
    pub(super) fn arrived(&mut self, packet: &[u8]) {
        self.counters.arrived.add(packet);
    }

    pub(super) fn delivered(&mut self, packet: &[u8]) {
        self.counters.delivered.add(packet);
    }

    pub(super) fn waited(&mut self, packet: &[u8], time: Duration) {
        self.counters.queued.add(packet);
        self.counters.waited += time;
        self.counters.waited_max = self.counters.waited_max.max(time);
    }

    pub(super) fn note(&mut self, at: Instant, effect: Effect, packet: &Bytes) {
        self.counters.effects[effect as usize] += 1;
        if let Some(decisions) = &mut self.decisions {
            decisions.push_back(Decision { at, effect, packet: packet.clone() });
        }
    }
}
