//! The greatest of what was recently seen, by a clock that only counts: cycles for the bandwidth, round
//! trips for the aggregation of acknowledgments.
//!
//! The draft proposes the filter of Kathleen Nichols, which keeps three values and may forget the second
//! best. The windows here are at most ten ticks long: a value for each is exact, and no larger than what
//! it would save.

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

/// The greatest value of each of the last `TICKS` ticks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WindowedMax<const TICKS: usize> {
    /// From the newest tick, which goes on, to the oldest.
    slots: ArrayVec<u64, TICKS>,
    /// Which tick goes on.
    now: u64,
}

impl<const TICKS: usize> WindowedMax<TICKS> {
    /// Nothing was seen; tick 0 goes on.
    pub(super) fn new() -> Self {
        WindowedMax { slots: [0; TICKS].into(), now: 0 }
    }

    /// Which tick goes on.
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// The clock shows `now`; it never goes back.
    pub(super) fn advance(&mut self, now: u64) {
        let passed = usize::try_from(now.saturating_sub(self.now)).map_or(TICKS, |n| n.min(TICKS));
        self.slots.rotate_right(passed);
        self.slots[..passed].fill(0);
        self.now = self.now.max(now);
    }

    /// `value` was seen in the tick that goes on.
    pub(super) fn record(&mut self, value: u64) {
        self.slots[0] = self.slots[0].max(value);
    }

    /// The greatest of the tick that goes on; 0 when nothing was seen.
    pub(super) fn newest(&self) -> u64 {
        self.slots[0]
    }

    /// The greatest of the last `ticks` ticks, the one that goes on included; 0 when nothing was seen.
    pub(super) fn max(&self, ticks: usize) -> u64 {
        self.slots.iter().take(ticks).copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
