//! Reno: fast retransmit and fast recovery (RFC 5681 3.2; named for 4.3BSD-Reno). It knows of one
//! loss a window; each further one halves the window again, or waits for the timer.

use serde::{Deserialize, Serialize};

use super::classic::Response;
use super::window::Window;
use super::{Algorithm, Recovery};

/// Halves the window and goes on as soon as anything new is acknowledged.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Reno;

impl Response for Reno {
    const ALGORITHM: Algorithm = Algorithm::Reno;
    const RECOVERY: Recovery = Recovery::FirstAck;

    fn on_loss(&self, window: &mut Window, in_flight: u32) {
        // "No more than" the half of what is in flight (RFC 5681 3.1, equation 4): where an earlier loss
        // of this window ended its recovery, that still counts what duplicates have shown to have left.
        window.halve(in_flight.min(window.cwnd));
    }
}

#[cfg(test)]
mod tests;
