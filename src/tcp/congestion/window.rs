//! The window that the classic algorithms share: slow start and congestion avoidance (RFC 5681 3.1),
//! with an initial window of ten segments (RFC 6928) and byte counting (RFC 3465).
//!
//! ```text
//!   cwnd  |          /|       . . ssthresh = half of what was in flight
//!         |      _ -  |     _ -    congestion avoidance: a segment a round trip
//!         |    /      |   /
//!         |  /        | /          slow start: twice as much each round trip
//!         +-----------+--------->
//! ```

/// The window never grows beyond this; receive windows are at most 2^30.
const MAX_WINDOW: u32 = 1 << 30;

/// cwnd and ssthresh, and what moves them; all in bytes.
#[derive(Clone, Debug)]
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
}

impl Window {
    /// A fresh path; `mss` is the text of a full-sized segment.
    pub(super) fn new(mss: u32) -> Self {
        // RFC 6928 2.
        let cwnd = (10 * mss).min(14_600.max(2 * mss));
        Window { mss, cwnd, ssthresh: None, counted: 0, restarted: false }
    }

    /// Whether the window is below the threshold.
    fn in_slow_start(&self) -> bool {
        self.ssthresh.is_none_or(|ssthresh| self.cwnd < ssthresh)
    }

    /// New data was acknowledged, `acked` bytes of it.
    pub(super) fn grow(&mut self, acked: u32, window_limited: bool) {
        if !window_limited {
            return;
        }
        let growth = if self.in_slow_start() {
            // An acknowledgment may stand for a whole burst, so all of it counts, as in Linux.
            if self.restarted { acked.min(self.mss) } else { acked }
        } else {
            self.restarted = false;
            self.counted += acked;
            if self.counted < self.cwnd {
                return;
            }
            self.counted -= self.cwnd;
            self.mss
        };
        self.cwnd = self.cwnd.saturating_add(growth).min(MAX_WINDOW);
    }

    /// RFC 5681 3.1, equation 4: half of what was in flight when something was lost.
    pub(super) fn lower_ssthresh(&mut self, in_flight: u32) -> u32 {
        let ssthresh = (in_flight / 2).max(2 * self.mss);
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
        self.cwnd = self.cwnd.min(Window::new(self.mss).cwnd);
    }

    /// RFC 5681 3.1: as many segments as before, lest they leave in a large burst.
    pub(super) fn resize(&mut self, mss: u32) {
        let same_count = u64::from(self.cwnd) * u64::from(mss) / u64::from(self.mss);
        self.cwnd = u32::try_from(same_count).unwrap_or(self.cwnd).max(mss);
        self.mss = mss;
    }
}

#[cfg(test)]
mod tests;
