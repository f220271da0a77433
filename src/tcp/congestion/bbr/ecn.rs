//! Marks instead of losses. The draft leaves the answer open (3.7): it only has to be one.
//!
//! * Many marks, each told by itself, as a router close by makes them (Google's version 3): what share
//!   of the bytes is marked, smoothed over the round trips, cuts the short-term bound once a round trip;
//!   a probe ends, and Startup after two round trips, when half is marked. Like Google's only where round
//!   trips are shorter than 5 ms.
//! * Few marks, repeated until they are answered (RFC 3168): once a window
//!   [`on_congestion`](super::CongestionControl::on_congestion) says so, on any path, and the short-term
//!   bounds are cut as by a round trip with losses. The other answer is then left out of that round trip.

use serde::{Deserialize, Serialize};

use super::Bbr;
use super::model::{BETA, percent};
use crate::time::{Duration, Instant};

/// 1, as the shares here are counted.
const ONE: u64 = 1 << 16;
/// The part of a new share in the smoothed one.
const ALPHA_GAIN: u64 = ONE / 16;
/// The part of the bound that goes when all is marked.
const FACTOR: u64 = ONE / 3;
/// The share that is too much.
const THRESHOLD: u64 = ONE / 2;
/// The longest round trip at which shares are looked at.
const MAX_RTT: Duration = Duration::from_millis(5);
/// The round trips with too large a share that end Startup.
const STARTUP_ROUNDS: u32 = 2;

/// The marks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ecn {
    /// The smoothed share; all at first, lest a connection that begins in congestion waits for it.
    alpha: u64,
    /// Round trips are short enough.
    eligible: bool,
    /// Bytes delivered in this round trip, and those of them that were marked.
    delivered: u64,
    /// See `delivered`.
    marked: u64,
    /// The share of the last round trip.
    share: u64,
    /// Something was marked since the bounds were last looked at.
    in_round: bool,
    /// And that is answered already.
    answered: bool,
    /// Round trips of Startup, one after the other, with too large a share.
    startup_rounds: u32,
}

impl Ecn {
    /// Nothing is marked.
    pub(super) fn new() -> Self {
        Ecn {
            alpha: ONE,
            eligible: false,
            delivered: 0,
            marked: 0,
            share: 0,
            in_round: false,
            answered: false,
            startup_rounds: 0,
        }
    }

    /// `delivered` bytes have arrived, `marked` or not.
    pub(super) fn note(&mut self, delivered: u64, marked: bool) {
        self.delivered += delivered;
        self.marked += if marked { delivered } else { 0 };
        self.in_round |= marked && self.eligible;
    }

    /// A round trip is over; whether Startup is, too.
    pub(super) fn round(&mut self, min_rtt: Option<Duration>) -> bool {
        self.eligible |= self.marked > 0 && min_rtt.is_some_and(|rtt| rtt <= MAX_RTT);
        if !self.eligible || self.delivered == 0 {
            self.delivered = 0;
            self.marked = 0;
            return false;
        }
        self.share = self.marked.saturating_mul(ONE) / self.delivered;
        self.alpha = ((ONE - ALPHA_GAIN) * self.alpha + ALPHA_GAIN * self.share) / ONE;
        self.delivered = 0;
        self.marked = 0;
        self.startup_rounds = if self.share >= THRESHOLD { self.startup_rounds + 1 } else { 0 };
        self.startup_rounds >= STARTUP_ROUNDS
    }

    /// Too much was marked in the last round trip.
    pub(super) fn is_too_much(&self) -> bool {
        self.share > THRESHOLD
    }

    /// A probe is over: what it caused is no sign of congestion.
    pub(super) fn reset_signals(&mut self) {
        self.in_round = false;
        self.share = 0;
    }

    /// What is left of `bound` by the marks since this was last asked; `None` when there were none, or
    /// they were answered.
    pub(super) fn cut(&mut self, bound: u64) -> Option<u64> {
        let in_round = std::mem::take(&mut self.in_round);
        let answered = std::mem::take(&mut self.answered);
        let left = ONE - self.alpha * FACTOR / ONE;
        let cut = u128::from(bound) * u128::from(left) / u128::from(ONE);
        (in_round && !answered).then(|| u64::try_from(cut).unwrap_or(bound))
    }
}

impl Bbr {
    /// A window of data had marks (RFC 3168 6.1.2), while `in_flight` bytes were out.
    ///
    /// The volume goes down whatever was delivered: by a mark nothing is missing, so that would be no
    /// less than what is in flight. The rate goes no lower than it was: with the queue goes the mark.
    pub(super) fn on_mark(&mut self, now: Instant, in_flight: u64) {
        if self.probe.is_sample {
            self.inflight_is_too_high(in_flight, false, now);
        }
        self.model.init_shortterm(self.cwnd);
        self.model.bw_shortterm =
            self.model.latest.bw.max(percent(self.model.bw_shortterm, BETA)).max(1);
        self.model.inflight_shortterm = percent(self.model.inflight_shortterm, BETA);
        self.ecn.answered = true;
        self.bound_cwnd();
    }
}

#[cfg(test)]
mod tests;
