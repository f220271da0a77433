//! Tahoe: fast retransmit without fast recovery (V. Jacobson, "Congestion Avoidance and Control",
//! 1988; named for 4.3BSD-Tahoe). A loss is what a time-out is in RFC 5681 3.1, only found sooner.

use serde::{Deserialize, Serialize};

use super::classic::Response;
use super::window::Window;
use super::{Algorithm, Recovery};

/// Begins anew after each loss.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Tahoe;

impl Response for Tahoe {
    const ALGORITHM: Algorithm = Algorithm::Tahoe;
    const RECOVERY: Recovery = Recovery::None;

    fn on_loss(&self, window: &mut Window, in_flight: u32) {
        window.lower_ssthresh(in_flight);
        window.restart();
    }
}

#[cfg(test)]
mod tests;
