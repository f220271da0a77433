//! How much is acknowledged at once beyond what the bandwidth explains (draft-ietf-ccwg-bbr-06 5.5.9):
//! radio links, offloads and lazy receivers save up acknowledgments, and without that much more in flight
//! the path would run dry between two of them.

use serde::{Deserialize, Serialize};

use super::filter::WindowedMax;
use super::model::volume;
use crate::time::Instant;

/// The round trips that it is the greatest of, once the pipe was full (BBR.ExtraAckedFilterLen).
const ROUNDS: usize = 10;

/// The excess of acknowledgments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Aggregation {
    /// When the interval began over which it is taken; `None` before the first acknowledgment.
    since: Option<Instant>,
    /// What was delivered in it.
    delivered: u64,
    excess: WindowedMax<ROUNDS>,
    /// How many of them count.
    window: usize,
}

impl Aggregation {
    /// Nothing was acknowledged.
    pub(super) fn new() -> Self {
        Aggregation { since: None, delivered: 0, excess: WindowedMax::new(), window: 1 }
    }

    /// The estimate, in bytes (BBR.extra_acked).
    pub(super) fn extra(&self) -> u64 {
        self.excess.max(self.window)
    }

    /// Sending begins again at `now`: the silence before it says nothing.
    pub(super) fn restart(&mut self, now: Instant) {
        self.since = Some(now);
        self.delivered = 0;
    }

    /// In round trip `round`, at `now`, `acked` bytes were acknowledged, of a window of `cwnd` and at a
    /// bandwidth of `bw`. In Startup (not `full`) only one round trip counts, for the bandwidth is
    /// underestimated then.
    pub(super) fn update(
        &mut self,
        (round, now): (u64, Instant),
        acked: u64,
        (bw, cwnd): (u64, u64),
        full: bool,
    ) {
        if bw == 0 {
            // Where nothing is expected all would be an excess.
            return self.restart(now);
        }
        let since = *self.since.get_or_insert(now);
        let mut expected = volume(bw, now.since(since));
        if self.delivered <= expected {
            self.restart(now);
            expected = 0;
        }
        self.delivered = self.delivered.saturating_add(acked);
        self.excess.advance(round);
        self.excess.record((self.delivered - expected).min(cwnd));
        self.window = if full { ROUNDS } else { 1 };
    }
}

#[cfg(test)]
mod tests;
