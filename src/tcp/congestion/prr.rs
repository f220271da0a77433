//! Proportional rate reduction: during recovery as much is sent as brings what is in flight down to
//! ssthresh by its end, for what is delivered (RFC 6937, and its revision draft-ietf-tcpm-prr-rfc6937bis).

use serde::{Deserialize, Serialize};

/// One reduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prr {
    /// Where it ends, in bytes.
    ssthresh: u32,
    /// RecoverFS: what was in flight when it began.
    flight: u32,
    mss: u32,
    /// Bytes delivered since then.
    delivered: u64,
    /// Bytes sent since then.
    out: u64,
    window: u32,
}

impl Prr {
    /// A reduction from `flight` bytes in flight to `ssthresh`.
    pub fn new(ssthresh: u32, flight: u32, mss: u32) -> Self {
        Prr { ssthresh, flight: flight.max(1), mss, delivered: 0, out: 0, window: flight }
    }

    /// `bytes` were sent, new or again.
    pub fn on_sent(&mut self, bytes: u32) {
        self.out += u64::from(bytes);
    }

    /// `delivered` bytes have arrived and `in_flight` are left; `safe` when SND.UNA has advanced and no
    /// further loss was found (6937bis: SafeACK).
    pub fn on_ack(&mut self, delivered: u32, in_flight: u32, safe: bool) {
        self.delivered += u64::from(delivered);
        let count = if in_flight > self.ssthresh {
            let share = u128::from(self.delivered) * u128::from(self.ssthresh);
            let due = share.div_ceil(u128::from(self.flight));
            u64::try_from(due).unwrap_or(u64::MAX).saturating_sub(self.out)
        } else {
            let mut due = self.delivered.saturating_sub(self.out).max(u64::from(delivered));
            if safe {
                due += u64::from(self.mss);
            }
            due.min(u64::from(self.ssthresh - in_flight))
        };
        // The fast retransmission goes whatever the rest says.
        let least = if self.out == 0 { u64::from(self.mss) } else { 0 };
        let count = u32::try_from(count.max(least)).unwrap_or(u32::MAX);
        self.window = in_flight.saturating_add(count);
    }

    /// One segment may be sent although nothing has arrived, while `in_flight` bytes are out.
    pub fn force(&mut self, in_flight: u32) {
        self.window = in_flight.saturating_add(self.mss);
    }

    /// How much may be in flight now.
    pub fn window(&self) -> u32 {
        self.window
    }
}

#[cfg(test)]
mod tests;
