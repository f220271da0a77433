//! RACK: a segment is lost when one that was sent later has arrived, and long enough ago (RFC 8985 6).
//!
//! ```text
//!   sent:      1  2  3  4               2 is lost when 4 has arrived and
//!   arrived:   1     3  4               now > sent(2) + rtt(4) + reordering window
//! ```

use serde::{Deserialize, Serialize};

use crate::tcp::scoreboard::{Delivery, Newest};
use crate::time::{Duration, Instant};

/// Recoveries after which a reordering window that no D-SACK has asked for is small again (RFC 8985
/// 6.2 step 4).
const PERSIST: u8 = 16;

/// What is known of the order in which segments arrive.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rack {
    /// What was sent last of all that has arrived.
    newest: Option<Newest>,
    /// Its round-trip time.
    rtt: Duration,
    /// Segments have arrived in another order than they were sent in.
    reordering_seen: bool,
    /// By how many quarters of the shortest round trip more than one to wait.
    steps: u8,
    /// Recoveries left until they are forgotten.
    persist: u8,
    /// A D-SACK counts once a round trip: not again before this place is acknowledged.
    dsack_round: u64,
}

/// What the reordering window depends on beside RACK itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The shortest round trip.
    pub min_rtt: Duration,
    /// The smoothed one.
    pub srtt: Duration,
    /// A loss is being repaired, or three segments have arrived that lie beyond a gap.
    pub suspicious: bool,
}

impl Rack {
    /// Something has arrived (RFC 8985 6.2 steps 1 to 3).
    pub fn on_delivery(&mut self, now: Instant, delivery: &Delivery) {
        self.reordering_seen |= delivery.reordered;
        let Some(newest) = delivery.newest else {
            return;
        };
        self.rtt = now.since(newest.at);
        let later = |known: Newest| (known.number, known.end) < (newest.number, newest.end);
        if self.newest.is_none_or(later) {
            self.newest = Some(newest);
        }
    }

    /// Something was sent again in vain, say a D-SACK or what arrives: the window was too small (step 4).
    pub fn on_needless(&mut self, una: u64, nxt: u64) {
        self.reordering_seen = true;
        self.persist = PERSIST;
        if una >= self.dsack_round {
            self.dsack_round = nxt;
            self.steps = self.steps.saturating_add(1);
        }
    }

    /// A recovery is over.
    pub fn on_recovered(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.steps = 0;
        }
    }

    /// What was sent last of all that has arrived.
    pub fn newest(&self) -> Option<&Newest> {
        self.newest.as_ref()
    }

    /// How long after it was sent a segment that was overtaken is waited for: the round trip of what has
    /// overtaken it, and the reordering window (step 4).
    pub fn patience(&self, path: Path) -> Duration {
        if !self.reordering_seen && path.suspicious {
            return self.rtt;
        }
        let window = path.min_rtt / 4 * (u32::from(self.steps) + 1);
        self.rtt + window.min(path.srtt)
    }

    /// The round trip of what has arrived last.
    pub fn rtt(&self) -> Duration {
        self.rtt
    }
}

#[cfg(test)]
mod tests;
