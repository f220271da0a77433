//! What Tahoe, Reno and NewReno have in common, which is all but their answer to a loss that
//! duplicate acknowledgments have shown.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{Ack, Algorithm, CongestionControl, Recovery, Signal, Timeout};
use crate::tcp::Profile;
use crate::time::{Duration, Instant};

/// That answer.
pub(super) trait Response: fmt::Debug + Send {
    /// Whose it is.
    const ALGORITHM: Algorithm;
    /// How far fast recovery goes.
    const RECOVERY: Recovery;

    /// A loss was found while `in_flight` bytes were out.
    fn on_loss(&self, window: &mut Window, in_flight: u32);

    /// Fast recovery is over; `in_flight` bytes are out. The window is ssthresh already, for its
    /// inflation by duplicates is counted apart (`loss::dupack`): so by itself it is deflated.
    fn on_recovered(&self, _window: &mut Window, _in_flight: u32) {}
}

/// An algorithm of this family.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Classic<R> {
    window: Window,
    response: R,
}

impl<R: Response> Classic<R> {
    /// On a fresh path; `mss` is the text of a full-sized segment, in bytes.
    pub(super) fn new(response: R, mss: u32, profile: Profile) -> Self {
        Classic { window: Window::new(mss, profile), response }
    }
}

impl<R: Response> CongestionControl for Classic<R> {
    fn algorithm(&self) -> Algorithm {
        R::ALGORITHM
    }

    fn recovery(&self) -> Recovery {
        R::RECOVERY
    }

    fn on_handshake(&mut self, mss: u32) {
        self.window.begin(mss);
    }

    fn adopt(&mut self, window: u32, ssthresh: Option<u32>) {
        self.window.adopt(window, ssthresh);
    }

    fn on_ack(&mut self, ack: &Ack) {
        // RFC 3168 6.1.2: an echo makes the window no larger. Below ssthresh it is of a loss that was
        // answered, and slow start has to go on, lest the repair lasts a round trip a segment.
        let echoes = ack.ece && !self.in_slow_start();
        if !ack.recovering && !echoes {
            self.window.grow(ack.acked, ack.window_limited);
        }
    }

    fn on_congestion(&mut self, _now: Instant, in_flight: u32, signal: Signal) {
        match signal {
            Signal::Loss => self.response.on_loss(&mut self.window, in_flight),
            // There is nothing to begin anew for: all of them halve the window (RFC 3168 6.1.2). Nor does
            // it grow when less was in flight than half of it allows.
            Signal::Ecn => {
                let before = self.window.cwnd;
                self.window.halve(in_flight);
                self.window.cwnd = self.window.cwnd.min(before);
            }
        }
    }

    fn on_rto(&mut self, _now: Instant, in_flight: u32, loss: Timeout) {
        // RFC 5681 3.1: ssthresh stays when the same data is lost again.
        if loss == Timeout::First {
            self.window.lower_ssthresh(in_flight);
        }
        self.window.restart();
    }

    fn on_recovered(&mut self, _now: Instant, in_flight: u32) {
        self.response.on_recovered(&mut self.window, in_flight);
    }

    fn on_idle_restart(&mut self, _idle: Duration, _rto: Duration) {
        self.window.forget_idle();
    }

    fn on_mss(&mut self, mss: u32) {
        self.window.resize(mss);
    }

    fn window(&self) -> u32 {
        self.window.cwnd
    }

    fn ssthresh(&self) -> Option<u32> {
        self.window.ssthresh
    }
}
