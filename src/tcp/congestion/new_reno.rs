//! NewReno: Reno that stays in fast recovery until every loss of the window is repaired (RFC 6582),
//! and so halves the window once for all of them.

use serde::{Deserialize, Serialize};

use super::classic::Response;
use super::window::Window;
use super::{Algorithm, Recovery};

/// Halves the window and goes on when all that was outstanding is acknowledged.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct NewReno;

impl Response for NewReno {
    const ALGORITHM: Algorithm = Algorithm::NewReno;
    const RECOVERY: Recovery = Recovery::Full;

    fn on_loss(&self, window: &mut Window, in_flight: u32) {
        window.halve(in_flight);
    }

    fn on_recovered(&self, window: &mut Window, in_flight: u32) {
        // RFC 6582 3.2 step 3, full acknowledgment, option 1: no burst.
        let calm = in_flight.max(window.mss) + window.mss;
        window.cwnd = window.ssthresh.map_or(calm, |ssthresh| ssthresh.min(calm));
    }
}

#[cfg(test)]
mod tests;
