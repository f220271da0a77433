//! The window that the algorithms share which know of losses: slow start and congestion avoidance
//! (RFC 5681 3.1), with the initial window of a profile, byte counting (RFC 3465) and
//! two ways to forget a window that was not used (RFC 5681 4.1, RFC 2861). How CUBIC avoids congestion
//! is its own.
//!
//! ```text
//!   cwnd  |          /|       . . ssthresh = half of what was in flight
//!         |      _ -  |     _ -    congestion avoidance: a segment a round trip
//!         |    /      |   /
//!         |  /        | /          slow start: twice as much each round trip
//!         +-----------+--------->
//! ```

use serde::{Deserialize, Serialize};

use crate::tcp::Profile;
use crate::time::Duration;

/// The window never grows beyond this; receive windows are at most 2^30.
const MAX_WINDOW: u32 = 1 << 30;

/// cwnd and ssthresh, and what moves them; all in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Window {
    /// Text of a full-sized segment.
    pub(super) mss: u32,
    /// The congestion window.
    pub(super) cwnd: u32,
    /// The slow-start threshold; `None` while it is infinite.
    pub(super) ssthresh: Option<u32>,
    /// Bytes acknowledged since the last step of congestion avoidance.
    counted: u32,
    /// Slow start after a loss counts at most one segment an acknowledgment, which may cover much
    /// that had arrived before (RFC 3465 2.3).
    restarted: bool,
    /// Who says what a fresh path is given.
    pub(super) profile: Profile,
}

impl Window {
    /// A fresh path; `mss` is the text of a full-sized segment.
    pub(super) fn new(mss: u32, profile: Profile) -> Self {
        let cwnd = profile.initial_window(mss);
        Window { mss, cwnd, ssthresh: None, counted: 0, restarted: false, profile }
    }

    /// What a fresh path is given.
    fn initial(&self) -> u32 {
        self.profile.initial_window(self.mss)
    }

    /// Begins again as on a fresh path, with segments of another size.
    pub(super) fn begin(&mut self, mss: u32) {
        *self = Window::new(mss, self.profile);
    }

    /// Goes on with a window that another algorithm has found.
    pub(super) fn adopt(&mut self, cwnd: u32, ssthresh: Option<u32>) {
        self.cwnd = cwnd.min(MAX_WINDOW).max(self.mss);
        self.ssthresh = ssthresh;
    }

    /// Whether the window is below the threshold.
    pub(super) fn in_slow_start(&self) -> bool {
        self.ssthresh.is_none_or(|ssthresh| self.cwnd < ssthresh)
    }

    /// New data was acknowledged, `acked` bytes of it.
    pub(super) fn grow(&mut self, acked: u32, window_limited: bool) {
        if !window_limited {
            return;
        }
        let growth = if self.in_slow_start() {
            self.slow_start_step(acked)
        } else {
            self.counted = self.counted.saturating_add(acked);
            if self.counted < self.cwnd {
                return;
            }
            self.counted -= self.cwnd;
            self.mss
        };
        self.increase(growth);
    }

    /// By how much slow start grows for `acked` bytes. An acknowledgment may stand for a whole burst,
    /// so all of it counts, as in Linux.
    pub(super) fn slow_start_step(&self, acked: u32) -> u32 {
        if self.restarted { acked.min(self.mss) } else { acked }
    }

    /// Grows.
    pub(super) fn increase(&mut self, bytes: u32) {
        self.cwnd = self.cwnd.saturating_add(bytes).min(MAX_WINDOW);
        self.restarted &= self.in_slow_start();
    }

    /// RFC 5681 3.1, equation 4: half of what was in flight when something was lost.
    pub(super) fn lower_ssthresh(&mut self, in_flight: u32) -> u32 {
        self.set_ssthresh(in_flight / 2)
    }

    /// The threshold after a loss, which is two segments at least.
    pub(super) fn set_ssthresh(&mut self, bytes: u32) -> u32 {
        let ssthresh = bytes.max(2 * self.mss);
        self.ssthresh = Some(ssthresh);
        self.counted = 0;
        ssthresh
    }

    /// Goes on with the half, where congestion avoidance begins (RFC 5681 3.2 steps 2 and 3).
    pub(super) fn halve(&mut self, in_flight: u32) {
        self.cwnd = self.lower_ssthresh(in_flight);
    }

    /// The loss window (RFC 5681 3.1): one segment, and slow start up to ssthresh.
    pub(super) fn restart(&mut self) {
        self.cwnd = self.mss;
        self.restarted = true;
    }

    /// Not more than a fresh path would be given (RFC 5681 4.1).
    pub(super) fn forget_idle(&mut self) {
        self.cwnd = self.cwnd.min(self.initial());
    }

    /// Half for each time-out `rto` of the pause `idle`, but not less than a fresh path would be given;
    /// slow start leads back to three quarters (RFC 2861 3.1).
    pub(super) fn decay_idle(&mut self, idle: Duration, rto: Duration) {
        let floor = self.initial().min(self.cwnd);
        self.remember_three_quarters();
        let halvings = idle.as_nanos() / rto.as_nanos().max(1);
        let decayed = u32::try_from(halvings).ok().and_then(|count| self.cwnd.checked_shr(count));
        self.cwnd = decayed.unwrap_or(0).max(floor);
    }

    /// Halfway to what was used, `used` bytes, but not less than a fresh path would be given (RFC 2861
    /// 3.2).
    pub(super) fn decay_unused(&mut self, used: u32) {
        let used = used.max(self.initial());
        if used < self.cwnd {
            self.remember_three_quarters();
            self.cwnd -= (self.cwnd - used) / 2;
        }
    }

    /// The path has carried the window once; an infinite threshold remembers that anyway (RFC 2861 3).
    fn remember_three_quarters(&mut self) {
        let carried = self.cwnd - self.cwnd / 4;
        self.ssthresh = self.ssthresh.map(|ssthresh| ssthresh.max(carried));
    }

    /// RFC 5681 3.1: as many segments as before, lest they leave in a large burst.
    pub(super) fn resize(&mut self, mss: u32) {
        let same_count = u64::from(self.cwnd) * u64::from(mss) / u64::from(self.mss);
        // RFC 4821 7.3: where segments become larger, no more bytes than before.
        self.cwnd = u32::try_from(same_count).unwrap_or(self.cwnd).min(self.cwnd).max(mss);
        self.mss = mss;
    }
}

#[cfg(test)]
mod tests;
