//! Slow start and congestion avoidance (RFC 5681 3.1), with an initial window of ten segments
//! (RFC 6928) and byte counting (RFC 3465); fast recovery's part of RFC 6582.

use super::{Acked, CongestionControl};

/// The window never grows beyond this; receive windows are at most 2^30.
const MAX_WINDOW: u32 = 1 << 30;

/// Reno's window with NewReno's end of recovery.
#[derive(Clone, Debug)]
pub struct NewReno {
    mss: u32,
    cwnd: u32,
    ssthresh: Option<u32>,
    /// Bytes acknowledged since the last step of congestion avoidance.
    counted: u32,
    /// Slow start after a time-out counts at most one segment an acknowledgment (RFC 3465 2.3).
    after_rto: bool,
}

impl NewReno {
    /// A fresh path; `mss` is the text of a full-sized segment, in bytes.
    pub fn new(mss: u32) -> Self {
        // RFC 6928 2.
        let cwnd = (10 * mss).min(14_600.max(2 * mss));
        NewReno { mss, cwnd, ssthresh: None, counted: 0, after_rto: false }
    }

    fn halve(&mut self, in_flight: u32) {
        // RFC 5681 3.1, equation 4.
        self.ssthresh = Some((in_flight / 2).max(2 * self.mss));
        self.counted = 0;
    }
}

impl CongestionControl for NewReno {
    fn on_handshake(&mut self, mss: u32) {
        *self = NewReno::new(mss);
    }

    fn on_ack(&mut self, acked: Acked) {
        if !acked.window_limited {
            return;
        }
        let growth = if self.in_slow_start() {
            // An acknowledgment may stand for a whole burst, so all of it counts, as in Linux.
            if self.after_rto { acked.bytes.min(self.mss) } else { acked.bytes }
        } else {
            self.after_rto = false;
            self.counted += acked.bytes;
            if self.counted < self.cwnd {
                return;
            }
            self.counted -= self.cwnd;
            self.mss
        };
        self.cwnd = self.cwnd.saturating_add(growth).min(MAX_WINDOW);
    }

    fn on_loss(&mut self, in_flight: u32) {
        self.halve(in_flight);
        self.cwnd = self.ssthresh.unwrap_or(self.cwnd);
    }

    fn on_rto(&mut self, in_flight: u32, repeated: bool) {
        // RFC 5681 3.1: ssthresh stays when the same data is lost again.
        if !repeated {
            self.halve(in_flight);
        }
        self.cwnd = self.mss;
        self.after_rto = true;
    }

    fn on_recovered(&mut self, in_flight: u32) {
        // RFC 6582 3.2 step 3, full acknowledgment, option 1: no burst.
        let calm = in_flight.max(self.mss) + self.mss;
        self.cwnd = self.ssthresh.map_or(calm, |ssthresh| ssthresh.min(calm));
    }

    fn on_idle_restart(&mut self) {
        self.cwnd = self.cwnd.min(NewReno::new(self.mss).cwnd);
    }

    fn on_smaller_mss(&mut self, mss: u32) {
        // RFC 5681 3.1: as many segments as before, lest they leave in a large burst.
        let same_count = u64::from(self.cwnd) * u64::from(mss) / u64::from(self.mss);
        self.cwnd = u32::try_from(same_count).unwrap_or(self.cwnd).max(mss);
        self.mss = mss;
    }

    fn window(&self) -> u32 {
        self.cwnd
    }

    fn ssthresh(&self) -> Option<u32> {
        self.ssthresh
    }
}

#[cfg(test)]
mod tests;
