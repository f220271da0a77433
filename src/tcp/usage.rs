//! How much of the congestion window is used: a window that was not full says nothing about the path, so
//! it must not grow, and one that was not needed for long has to become smaller (RFC 2861, RFC 7661; the
//! accounting is Linux's).

use serde::{Deserialize, Serialize};

use crate::time::{Duration, Instant};

/// The use of the window in a round trip.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// It was full in this round trip.
    limited: bool,
    /// The most that was in flight in it, in bytes.
    most: u32,
    /// The place whose acknowledgment ends it.
    round_end: u64,
    /// The most that was in flight since the window was full.
    used: u32,
    /// Since when that is.
    since: Instant,
}

impl Usage {
    /// Nothing more may be sent at present: `flight` bytes are, and `full` when the window is why. Places up
    /// to `una` are acknowledged and up to `nxt` sent.
    pub fn note(&mut self, now: Instant, flight: u32, full: bool, una: u64, nxt: u64) {
        let new_round = una >= self.round_end;
        if new_round || full || (!self.limited && flight > self.most) {
            (self.limited, self.most, self.round_end) = (full, flight, nxt);
        }
        if full {
            (self.used, self.since) = (0, now);
        } else {
            self.used = self.used.max(flight);
        }
    }

    /// Whether a window of `cwnd` bytes may grow. In slow start half of it is enough, for it is to double.
    pub fn allows_growth(&self, cwnd: u32, slow_start: bool) -> bool {
        self.limited || (slow_start && u64::from(cwnd) < 2 * u64::from(self.most))
    }

    /// The most that was in flight, if that was less than the window for a whole time-out `rto`; then it
    /// begins anew (RFC 2861 3.2).
    pub fn take_underused(&mut self, now: Instant, rto: Duration) -> Option<u32> {
        if now.since(self.since) < rto {
            return None;
        }
        self.since = now;
        Some(std::mem::take(&mut self.used))
    }
}

#[cfg(test)]
mod tests;
