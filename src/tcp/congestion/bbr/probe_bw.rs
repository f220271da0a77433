//! ProbeBW (draft-ietf-ccwg-bbr-06 5.3.3): where a connection is most of the time. Every two to three
//! seconds, or as often as Reno would find its limit, it sends faster for a while to see whether there is
//! more to have.
//!
//! ```text
//!   in flight |          ______
//!             |         /UP    \ DOWN                     inflight_longterm, or 1.25 BDP
//!             |  ______/        \______________________
//!             | /REFILL                CRUISE           \  less headroom
//!             +------------------------------------------->
//! ```

use serde::{Deserialize, Serialize};

use super::model::{BETA, percent};
use super::{Bbr, NO_LIMIT, Sample, State};
use crate::time::{Duration, Instant};

/// The time from one probe to the next, to which up to as much as [`WAIT_SPREAD`] is added.
const WAIT: Duration = Duration::from_secs(2);
/// See [`WAIT`].
const WAIT_SPREAD: Duration = Duration::from_secs(1);
/// The round trips from one probe to the next, or fewer: Reno would fill as many segments in that time.
const RENO_ROUNDS: u64 = 63;
/// The slope of `inflight_longterm` is doubled no more often than this.
const MAX_DOUBLINGS: u32 = 30;

/// What the acknowledgments that arrive say of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AckPhase {
    /// Nothing.
    Init,
    /// The pipe is being filled.
    Refilling,
    /// It has begun, and they are of what was sent before it.
    Starting,
    /// They are of it.
    Feedback,
    /// It is over, and they are still of it.
    Stopping,
}

/// Where in the cycle it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ProbeBw {
    /// When it began, with Down.
    cycle_stamp: Instant,
    /// The longest time until the next probe.
    wait: Duration,
    /// Round trips since the last one.
    rounds_since: u64,
    pub(super) ack_phase: AckPhase,
    /// Losses are of what was sent in a probe, and it was not answered yet.
    pub(super) is_sample: bool,
    /// Round trips in which Up has met `inflight_longterm`.
    up_rounds: u32,
    /// Bytes acknowledged since `inflight_longterm` was raised.
    up_acked: u64,
    /// Bytes for which it is raised by a segment.
    up_acked_per_segment: u64,
    /// The last probe lost too much, so the next one only touches the bound.
    previous_too_high: bool,
    /// The last probe only touched the bound.
    previous_precautionary: bool,
}

impl ProbeBw {
    /// Nothing was probed.
    pub(super) fn new() -> Self {
        ProbeBw {
            cycle_stamp: Instant::ZERO,
            wait: Duration::ZERO,
            rounds_since: 0,
            ack_phase: AckPhase::Init,
            is_sample: false,
            up_rounds: 0,
            up_acked: 0,
            up_acked_per_segment: NO_LIMIT,
            previous_too_high: false,
            previous_precautionary: false,
        }
    }

    /// When to probe next (PickProbeWait). Flows on one path must not do it all at once, so chance has a
    /// part. The core draws randomness only through its context, which an algorithm is not given: here it
    /// is what two flows never have in common for long, mixed well (the finalizer of SplitMix64).
    fn pick_wait(&mut self, now: Instant, delivered: u64) {
        let mut mixed = now.as_nanos() ^ delivered.rotate_left(32);
        for (shift, factor) in [(30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB)] {
            mixed = (mixed ^ (mixed >> shift)).wrapping_mul(factor);
        }
        mixed ^= mixed >> 31;
        self.rounds_since = mixed & 1;
        self.wait = WAIT + WAIT_SPREAD * (mixed >> 48) as u32 / (1 << 16);
        self.cycle_stamp = now;
    }
}

impl Bbr {
    /// The queue of a probe has to go (StartProbeBW_DOWN).
    pub(super) fn start_down(&mut self, now: Instant) {
        self.model.reset_congestion_signals();
        self.ecn.reset_signals();
        self.probe.up_acked_per_segment = NO_LIMIT;
        self.probe.pick_wait(now, self.model.delivered);
        self.probe.ack_phase = AckPhase::Stopping;
        self.model.rounds.begin(self.model.delivered);
        self.state = State::Down;
    }

    /// The pipe has to be full before a probe (StartProbeBW_REFILL).
    pub(super) fn start_refill(&mut self) {
        self.model.reset_shortterm();
        self.probe.up_rounds = 0;
        self.probe.up_acked = 0;
        self.probe.previous_precautionary = false;
        self.probe.ack_phase = AckPhase::Refilling;
        self.model.rounds.begin(self.model.delivered);
        self.state = State::Refill;
    }

    /// It is full (StartProbeBW_UP).
    fn start_up(&mut self, rate: u64) {
        self.probe.is_sample = true;
        self.probe.ack_phase = AckPhase::Starting;
        self.model.rounds.begin(self.model.delivered);
        self.full.restart(rate);
        self.state = State::Up;
        self.raise_slope();
    }

    /// The cycle goes on (UpdateProbeBWCyclePhase).
    pub(super) fn update_probe_bw(&mut self, sample: &Sample) {
        if self.model.rounds.start {
            self.probe.rounds_since += 1;
        }
        if !self.full.reached || self.adapt_longterm(sample) {
            return;
        }
        let state = self.state;
        match state {
            State::Down if self.is_time_to_probe(sample.now) => self.start_refill(),
            State::Down if self.is_time_to_cruise(sample) => self.state = State::Cruise,
            State::Cruise if self.is_time_to_probe(sample.now) => self.start_refill(),
            State::Refill if self.model.rounds.start => self.start_up(sample.rate),
            State::Up if self.is_time_to_go_down(sample) => {
                self.probe.previous_too_high = false;
                self.start_down(sample.now);
            }
            _ => {}
        }
    }

    /// What the probe has shown, into `max_bw` and `inflight_longterm` (AdaptLongTermModel); whether that
    /// has begun another probe.
    fn adapt_longterm(&mut self, sample: &Sample) -> bool {
        match self.probe.ack_phase {
            AckPhase::Starting if self.model.rounds.start => {
                self.probe.ack_phase = AckPhase::Feedback;
            }
            AckPhase::Stopping if self.model.rounds.start => {
                self.probe.is_sample = false;
                self.probe.ack_phase = AckPhase::Init;
                if self.state.is_probe_bw() && !sample.app_limited {
                    self.model.advance_max_bw();
                }
                let harmless = self.probe.previous_precautionary && !self.probe.previous_too_high;
                if self.state.is_probe_bw() && harmless {
                    self.start_refill();
                    return true;
                }
            }
            _ => {}
        }
        if self.ecn.is_too_much() {
            if self.probe.is_sample {
                self.inflight_is_too_high(sample.tx_in_flight, sample.app_limited, sample.now);
            }
        } else if !self.is_too_much(sample.lost, sample.tx_in_flight) {
            self.raise_longterm(sample);
        }
        false
    }

    /// The path holds what is in flight: the bound may be higher.
    fn raise_longterm(&mut self, sample: &Sample) {
        if self.model.inflight_longterm == NO_LIMIT {
            return;
        }
        self.model.inflight_longterm = self.model.inflight_longterm.max(sample.tx_in_flight);
        if self.state != State::Up {
            return;
        }
        // ProbeInflightLongtermUpward: only the bound that is met is raised.
        if !sample.cwnd_limited || self.cwnd < self.model.inflight_longterm {
            return;
        }
        self.probe.up_acked = self.probe.up_acked.saturating_add(sample.newly_acked);
        let segments = self.probe.up_acked / self.probe.up_acked_per_segment;
        self.probe.up_acked %= self.probe.up_acked_per_segment;
        self.model.inflight_longterm =
            self.model.inflight_longterm.saturating_add(segments.saturating_mul(self.model.mss));
        if self.model.rounds.start {
            self.raise_slope();
        }
    }

    /// Twice as many segments in this round trip as in the last one (RaiseInflightLongtermSlope).
    fn raise_slope(&mut self) {
        let growth = 1 << self.probe.up_rounds;
        self.probe.up_rounds = (self.probe.up_rounds + 1).min(MAX_DOUBLINGS);
        self.probe.up_acked_per_segment = (self.cwnd / growth).max(self.model.mss);
    }

    /// A probe has put too much in flight, and `tx_in_flight` was not yet too much
    /// (HandleInflightTooHigh).
    pub(super) fn inflight_is_too_high(
        &mut self,
        tx_in_flight: u64,
        app_limited: bool,
        now: Instant,
    ) {
        self.probe.previous_too_high = true;
        self.probe.is_sample = false;
        if !app_limited {
            self.model.inflight_longterm = tx_in_flight.max(percent(self.target_inflight(), BETA));
        }
        if self.state == State::Up {
            self.repair.undo.probe = Some(State::Up);
            self.start_down(now);
        }
    }

    /// What should be in flight: the bandwidth-delay product, unless congestion has cut the window.
    fn target_inflight(&self) -> u64 {
        self.bdp_multiple(self.model.bw, 100).min(self.cwnd)
    }

    /// IsTimeToProbeBW.
    fn is_time_to_probe(&self, now: Instant) -> bool {
        let reno_rounds = (self.target_inflight() / self.model.mss).min(RENO_ROUNDS);
        now > self.probe.cycle_stamp + self.probe.wait || self.probe.rounds_since >= reno_rounds
    }

    /// IsTimeToCruise: the queue is gone, and others have room.
    fn is_time_to_cruise(&self, sample: &Sample) -> bool {
        let room = self.model.inflight_with_headroom();
        sample.in_flight <= room.min(self.inflight(self.model.max_bw()))
    }

    /// IsTimeToGoDown.
    fn is_time_to_go_down(&mut self, sample: &Sample) -> bool {
        if self.probe.previous_too_high && sample.in_flight >= self.model.inflight_longterm {
            self.probe.previous_precautionary = true;
            return true;
        }
        if sample.cwnd_limited && self.cwnd >= self.model.inflight_longterm {
            // The bound holds the rate back: that it does not grow says nothing.
            self.full.restart(sample.rate);
            return false;
        }
        self.full.now
    }
}

#[cfg(test)]
mod tests;
