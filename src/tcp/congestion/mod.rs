//! Congestion control: how much may be in flight. Which bytes are sent is not decided here.
//!
//! ```text
//!   CongestionControl <- Classic { Window, response } <- Tahoe | Reno | NewReno
//! ```

mod algorithm;
mod classic;
mod new_reno;
mod reno;
mod tahoe;
mod window;

use std::fmt;

pub use algorithm::{Algorithm, UnknownAlgorithm};

use classic::Classic;
use new_reno::NewReno;
use reno::Reno;
use tahoe::Tahoe;

/// What an acknowledgment of new data tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    /// Bytes newly acknowledged.
    pub bytes: u32,
    /// Whether the window was what held sending back; without that it says nothing about the path.
    pub window_limited: bool,
}

/// How far fast recovery goes, once duplicate acknowledgments have shown a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// There is none: slow start begins again at the loss.
    None,
    /// To the first acknowledgment of new data (RFC 5681 3.2 step 6).
    FirstAck,
    /// To the acknowledgment of all that was outstanding (RFC 6582 3.2 step 3).
    Full,
}

/// An algorithm. It returns numbers, all in bytes; it never touches the control block.
pub trait CongestionControl: fmt::Debug + Send {
    /// Which one it is.
    fn algorithm(&self) -> Algorithm;
    /// How far fast recovery goes; the same at any time.
    fn recovery(&self) -> Recovery;
    /// The handshake says that a full-sized segment has `mss` bytes of text: begins anew with that.
    fn on_handshake(&mut self, mss: u32);
    /// New data was acknowledged outside of fast recovery.
    fn on_ack(&mut self, acked: Acked);
    /// A loss was found by duplicate acknowledgments; `in_flight` bytes were out.
    fn on_loss(&mut self, in_flight: u32);
    /// The retransmission timer went off; `repeated` when it did so for the same data before, or for a
    /// loss that was answered before.
    fn on_rto(&mut self, in_flight: u32, repeated: bool);
    /// Fast recovery is over; `in_flight` bytes are out.
    fn on_recovered(&mut self, in_flight: u32);
    /// Nothing was sent for longer than a retransmission time-out (RFC 5681 4.1).
    fn on_idle_restart(&mut self);
    /// A full-sized segment has only `mss` bytes of text from now on, fewer than before.
    fn on_smaller_mss(&mut self, mss: u32);
    /// The congestion window.
    fn window(&self) -> u32;
    /// The slow-start threshold; `None` while it is infinite.
    fn ssthresh(&self) -> Option<u32>;
    /// Whether the window is below the threshold.
    fn in_slow_start(&self) -> bool {
        self.ssthresh().is_none_or(|ssthresh| self.window() < ssthresh)
    }
}

/// The algorithm of that name on a fresh path; `mss` is the text of a full-sized segment, in bytes.
pub fn new_controller(algorithm: Algorithm, mss: u32) -> Box<dyn CongestionControl> {
    match algorithm {
        Algorithm::Tahoe => Box::new(Classic::new(Tahoe, mss)),
        Algorithm::Reno => Box::new(Classic::new(Reno, mss)),
        Algorithm::NewReno => Box::new(Classic::new(NewReno, mss)),
    }
}

#[cfg(test)]
mod tests;
