//! When to acknowledge (RFC 9293 3.8.6.3, RFC 5681 4.2).
//!
//! At once for every second full-sized segment, for anything out of order and for a FIN; otherwise
//! with the next data, or when the delay is over. Whatever is due, one acknowledgment a batch is
//! sent: it is built only after all segments of a batch were processed.

use crate::event::Why;
use crate::tcp::mss::Mss;

/// What is owed to the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    #[default]
    Nothing,
    /// An acknowledgment that may wait for company; the delayed-ACK timer runs.
    Delayed,
    /// An acknowledgment now.
    Now(Why),
}

/// What has arrived since the last acknowledgment.
#[derive(Clone, Debug)]
pub struct AckPolicy {
    due: Due,
    unacknowledged: u32,
    /// The largest segment seen: what the peer uses as a full size.
    full_size: u32,
}

impl Default for AckPolicy {
    fn default() -> Self {
        AckPolicy { due: Due::Nothing, unacknowledged: 0, full_size: Mss::DEFAULT.bytes().into() }
    }
}

impl AckPolicy {
    /// What is owed.
    pub fn due(&self) -> Due {
        self.due
    }

    /// In-order text of `len` bytes arrived over a path whose segments hold at most `size` bytes.
    pub fn text_arrived(&mut self, len: u32, size: u32) {
        self.full_size = self.full_size.max(len).min(size);
        self.unacknowledged += len;
        if self.unacknowledged >= 2 * self.full_size {
            self.now(Why::AckNow);
        } else if self.due == Due::Nothing {
            self.due = Due::Delayed;
        }
    }

    /// An acknowledgment must go out now; the first reason stands.
    pub fn now(&mut self, why: Why) {
        if !matches!(self.due, Due::Now(_)) {
            self.due = Due::Now(why);
        }
    }

    /// The delay is over.
    pub fn delay_over(&mut self) {
        if self.due == Due::Delayed {
            self.now(Why::AckDelayed);
        }
    }

    /// A segment with an acknowledgment was sent.
    pub fn sent(&mut self) {
        self.due = Due::Nothing;
        self.unacknowledged = 0;
    }
}

#[cfg(test)]
mod tests;
