//! What follows from the model: how fast to send, and how much may be in flight
//! (draft-ietf-ccwg-bbr-06 5.6).

use super::model::{percent, volume};
use super::{Bbr, NO_LIMIT, Sample, State};
use crate::time::Duration;

/// Less is sent than the path delivers by this many percent, so that queues go away
/// (BBR.PacingMarginPercent).
const PACING_MARGIN: u64 = 1;
/// What is reckoned as the round trip before there was one.
const NOMINAL_RTT: Duration = Duration::from_millis(1);
/// A burst takes this long at the pacing rate (C.send_quantum), ...
const QUANTUM_TIME: Duration = Duration::from_millis(1);
/// ... and has no more bytes.
const MAX_QUANTUM: u64 = 64 << 10;
/// Bursts that are in the sender, on the way and in the receiver at once (BBR.offload_budget).
const QUANTA: u64 = 3;
/// The window never grows beyond this; receive windows are at most 2^30.
const MAX_WINDOW: u64 = 1 << 30;

impl Bbr {
    /// The rate at which `cwnd` would be sent in a round trip, times the gain of Startup (InitPacingRate).
    pub(super) fn init_pacing(&mut self, srtt: Option<Duration>) {
        let nanos = srtt.filter(|srtt| !srtt.is_zero()).unwrap_or(NOMINAL_RTT).as_nanos();
        let nominal = u128::from(self.cwnd) * 1_000_000_000 / nanos;
        let nominal = u64::try_from(nominal).unwrap_or(u64::MAX);
        self.pacing_rate = percent(nominal, State::Startup.pacing_gain());
    }

    /// SetPacingRateWithGain, with `gain` in percent. Before the pipe was full the rate only rises, for
    /// what was measured may be what the application had to send.
    pub(super) fn set_pacing(&mut self, gain: u64) {
        if self.model.bw == 0 {
            return;
        }
        let rate = percent(percent(self.model.bw, gain), 100 - PACING_MARGIN);
        if self.full.reached || rate > self.pacing_rate {
            self.pacing_rate = rate;
        }
    }

    /// The pacing rate, in bytes a second; at least a segment, lest what is measured on a path that hardly
    /// delivers keeps the sender silent for longer than a time-out would.
    pub(super) fn paced(&self) -> u64 {
        self.pacing_rate.max(self.model.mss)
    }

    /// `gain` percent of the bandwidth-delay product at `bw` (BDPMultiple).
    pub(super) fn bdp_multiple(&self, bw: u64, gain: u64) -> u64 {
        self.model.bdp(bw, gain).unwrap_or(self.initial_cwnd)
    }

    /// What is in flight when the path is full at `bw` and no queue is (Inflight).
    pub(super) fn inflight(&self, bw: u64) -> u64 {
        self.with_budget(self.bdp_multiple(bw, 100))
    }

    /// Enough to keep all that works in bursts busy (QuantizationBudget).
    fn with_budget(&self, volume_cap: u64) -> u64 {
        let quantum = volume(self.paced(), QUANTUM_TIME).min(MAX_QUANTUM).max(2 * self.model.mss);
        let cap = volume_cap.max(QUANTA * quantum).max(self.model.min_pipe());
        let probe = if self.state == State::Up { 2 * self.model.mss } else { 0 };
        cap.saturating_add(probe)
    }

    /// UpdateMaxInflight.
    fn max_inflight(&self) -> u64 {
        let bdp = self.bdp_multiple(self.model.bw, self.state.cwnd_gain());
        self.with_budget(bdp.saturating_add(self.model.aggregation.extra()))
    }

    /// The window grows by what is acknowledged up to what the model allows, and falls to that at once
    /// (SetCwnd).
    pub(super) fn set_cwnd(&mut self, sample: &Sample) {
        let max_inflight = self.max_inflight();
        let grown = self.cwnd.saturating_add(sample.newly_acked);
        if self.full.reached {
            self.cwnd = grown.min(max_inflight);
        } else if self.cwnd < max_inflight || self.model.delivered < self.initial_cwnd {
            self.cwnd = grown;
        }
        self.cwnd = self.cwnd.max(self.model.min_pipe());
        if self.state == State::ProbeRtt {
            self.cwnd = self.cwnd.min(self.probe_rtt.cwnd);
        }
        self.bound_cwnd();
    }

    /// The bounds of the model hold (BoundCwndForModel).
    pub(super) fn bound_cwnd(&mut self) {
        let longterm = match self.state {
            State::Startup | State::Drain => NO_LIMIT,
            State::Cruise | State::ProbeRtt => self.model.inflight_with_headroom(),
            State::Down | State::Refill | State::Up => self.model.inflight_longterm,
        };
        let cap = longterm.min(self.model.inflight_shortterm).max(self.model.min_pipe());
        self.cwnd = self.cwnd.min(cap).min(MAX_WINDOW);
    }
}

#[cfg(test)]
mod tests;
