//! How large the receive window should be: dynamic right-sizing (Fisk and Feng, 2001; RFC 7323 2.2
//! leaves it to the receiver), as Linux does it.
//!
//! ```text
//!   what the application read in the last round trip  x 2, for losses, and 16 segments
//!                                                     x 3, while that doubles: slow start
//! ```
//!
//! What is known is a round trip old, and what is offered now is used up to the next look, a round trip later:
//! a sender in slow start, which doubles what it sends with each, needs four times what was read. What counts is what was *read*: an application
//! that reads slowly needs no more, and gets no more.
//!
//! Unlike in Linux, what arrives for a peer with small segments needs no cushion for the memory around each:
//! small ones are copied together (`recv_buffer`), and the limit of the stack counts what is left of it.

use serde::{Deserialize, Serialize};

use crate::context::Memory;
use crate::time::{Duration, Instant};

/// Segments of cushion.
const CUSHION: u64 = 16;
/// Segments that a window has room for when there is hardly any memory left.
const LEAST: u32 = 4;

/// The bounds between which the window is tuned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Where it begins, in bytes.
    pub initial: u32,
    /// Where it ends, in bytes.
    pub max: u32,
    /// Largest segment, in bytes.
    pub mss: u32,
}

/// What is known of how fast the application reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceiveTuning {
    capacity: u32,
    /// The round-trip time as a receiver sees it; `None` before the first sample.
    rtt: Option<Duration>,
    /// The echo of the last sample: one sample for each.
    echo: Option<u32>,
    /// Without timestamps: when this much will have arrived, a window's worth has, from that moment on.
    round: Option<(u64, Instant)>,
    /// The most that the application has read in a round trip.
    space: u64,
    /// Since when it is counted, and how much it had read by then.
    since: Instant,
    read: u64,
}

impl ReceiveTuning {
    /// Nothing has been read yet.
    pub fn new(bounds: Bounds, now: Instant) -> Self {
        let capacity = bounds.initial.min(bounds.max);
        ReceiveTuning {
            capacity,
            rtt: None,
            echo: None,
            round: None,
            space: u64::from(capacity.min(10 * bounds.mss)),
            since: now,
            read: 0,
        }
    }

    /// Most bytes to be kept for the application now.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The most that the application has read in a round trip, in bytes.
    pub fn space(&self) -> u64 {
        self.space
    }

    /// The round-trip time as a receiver sees it.
    pub fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// A full-sized segment echoes a timestamp of ours that was `age` ago: when it was sent because of what
    /// carried that, it is a round trip. It is too long when the sender had nothing to send for a
    /// while, and never too short: so it goes down at once, and up by and by.
    pub fn echo_arrived(&mut self, tsecr: u32, age: Duration) {
        if self.echo.replace(tsecr) == Some(tsecr) {
            return;
        }
        let sample = age.max(Duration::from_millis(1));
        self.rtt = Some(self.rtt.map_or(sample, |rtt| sample.min((rtt * 7 + sample) / 8)));
    }

    /// `arrived` bytes have arrived in all and the window has room for `window` more. Without timestamps the
    /// best that can be said is that a window's worth takes at least a round trip: the shortest time counts.
    pub fn text_arrived(&mut self, now: Instant, arrived: u64, window: u32) {
        match self.round {
            Some((end, _)) if arrived < end => return,
            Some((_, begun)) => {
                let sample = now.since(begun).max(Duration::from_micros(1));
                self.rtt = Some(self.rtt.map_or(sample, |rtt| rtt.min(sample)));
            }
            None => {}
        }
        self.round = Some((arrived + u64::from(window), now));
    }

    /// Once a round trip: adapts to what the application has read, which is `read` bytes in all.
    pub fn adapt(&mut self, now: Instant, read: u64, bounds: Bounds, memory: Memory) {
        self.measure(now, read, bounds, memory);
        let initial = bounds.initial.min(bounds.max);
        match memory {
            Memory::Plenty => self.capacity = self.capacity.max(initial).min(bounds.max),
            Memory::Scarce => self.capacity = initial,
            Memory::Exhausted => self.capacity = initial.min(LEAST * bounds.mss),
        }
    }

    fn measure(&mut self, now: Instant, read: u64, bounds: Bounds, memory: Memory) {
        let Some(rtt) = self.rtt else { return };
        let elapsed = now.since(self.since);
        // In slow start everything comes at the beginning of a round trip. Whoever looks a moment too early, by a
        // clock of milliseconds, must not have to wait for the next one.
        if elapsed < rtt * 7 / 8 {
            return;
        }
        // Between two looks more may have passed than a round trip: an application that rests and then reads
        // much at once is not a fast one.
        let all = u128::from(read.saturating_sub(self.read));
        let copied = all * rtt.as_nanos() / elapsed.max(rtt).as_nanos().max(1);
        // No window holds more.
        let copied = copied.min(u32::MAX.into()) as u64;
        (self.since, self.read) = (now, read);
        if copied <= self.space {
            return;
        }
        if memory == Memory::Plenty {
            let steady = 2 * copied + CUSHION * u64::from(bounds.mss);
            // Slow start at most doubles.
            let grown = (copied - self.space).min(self.space);
            let wanted = u128::from(steady) * u128::from(self.space + 2 * grown);
            let wanted = (wanted / u128::from(self.space.max(1))).min(bounds.max.into());
            self.capacity = self.capacity.max(wanted as u32);
        }
        self.space = copied;
    }
}

#[cfg(test)]
mod tests;
