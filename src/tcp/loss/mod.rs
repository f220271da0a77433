//! Finding losses. What to do about the window is `congestion`'s; which bytes are lost is written
//! on the scoreboard.
//!
//! ```text
//!   duplicates (RFC 5681)  ----\
//!   RACK (RFC 8985)        ------> scoreboard: lost ----> plan: sent again
//!   tail-loss probe, RTO   ----/         undo, F-RTO: it was not
//! ```

pub mod dupack;
pub mod rack;
pub mod tlp;
pub mod undo;

use serde::{Deserialize, Serialize};

use crate::tcp::congestion::Prr;
use rack::Rack;
use tlp::Probe;
use undo::Undo;

/// What the repair by SACK, RACK and TLP remembers beside [`dupack::Mode`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Selective {
    /// What arrived, and in which order.
    pub rack: Rack,
    /// A tail-loss probe that was sent and not answered.
    pub probe: Option<Probe>,
    /// A tail-loss probe has to be sent.
    pub probe_due: bool,
    /// How far the window is brought down, while it is.
    pub prr: Option<Prr>,
    /// What tells whether the last reduction was right.
    pub undo: Option<Box<Undo>>,
    /// Before this place is acknowledged no other is taken back for D-SACKs: that costs a look at everything lost.
    pub undone: u64,
    /// Segments of which D-SACKs said that they were sent again in vain.
    pub needless: u32,
    /// Our clock in timestamps when the first was sent of the retransmissions that are still in flight, be
    /// they of this repair or of an earlier one.
    pub again_since: Option<u32>,
    /// The time-out may have been wrong: F-RTO looks at what comes next (RFC 5682).
    pub frto: bool,
    /// F-RTO wants new data sent before anything is sent again (RFC 5682 2.1 step 2b).
    pub new_first: bool,
}

impl Selective {
    /// Whether an acknowledgment that echoes `tsecr` answers something that was sent before any
    /// retransmission in flight (Eifel, RFC 3522 3.2 step 5).
    pub fn answers_original(&self, tsecr: u32) -> bool {
        self.again_since.is_some_and(|since| (tsecr.wrapping_sub(since) as i32) < 0)
    }
}

#[cfg(test)]
mod tests;
