//! Startup and Drain (draft-ietf-ccwg-bbr-06 5.3.1 and 5.3.2): twice as fast each round trip until the
//! path delivers no more, or loses or marks too much; then slow until the queue is empty.

use serde::{Deserialize, Serialize};

use super::{Bbr, Sample, State};

/// The rate still grows when it is this many percent of what it was.
const GROWTH: u64 = 125;
/// The round trips without growth after which the pipe is full.
const FULL_ROUNDS: u32 = 3;
/// The acknowledgments of a round trip that show losses from which on the losses are no accident
/// (BBRStartupFullLossCnt).
const FULL_LOSSES: u32 = 6;
/// The round trips after which Drain ends, whatever is in flight.
const DRAIN_ROUNDS: u64 = 3;

/// Whether the rate still grows while more and more is sent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct FullBandwidth {
    /// It did not, at some time on this connection.
    pub(super) reached: bool,
    /// It does not in this probe.
    pub(super) now: bool,
    /// What it is compared with, in bytes a second.
    baseline: u64,
    /// Round trips without growth.
    count: u32,
}

impl FullBandwidth {
    /// A probe begins, or finds growth, at a rate of `baseline`; 0 when none is known.
    pub(super) fn restart(&mut self, baseline: u64) {
        *self = FullBandwidth { reached: self.reached, baseline, ..FullBandwidth::default() };
    }

    /// A round trip is over that the application did not limit (CheckFullBWReached).
    fn round(&mut self, rate: u64) {
        if self.now {
            return;
        }
        if u128::from(rate) * 100 >= u128::from(self.baseline) * u128::from(GROWTH) {
            return self.restart(rate);
        }
        self.count += 1;
        self.now = self.count >= FULL_ROUNDS;
        self.reached |= self.now;
    }
}

/// What only Startup and Drain need.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Startup {
    /// Something was lost since the last acknowledgment.
    pub(super) lost: bool,
    /// Acknowledgments of this round trip that showed losses. The draft counts gaps in the sequence, which
    /// are not told here; Google's counts this, too.
    losses: u32,
    /// The round trip in which Drain began.
    drain_round: u64,
    /// What was delivered when Drain ended; `None`: it has not.
    drained: Option<u64>,
    /// What was delivered when the last of the losses in Startup's queue was found.
    found: u64,
}

impl Startup {
    /// Something is lost that was sent when `prior` bytes were delivered; `delivered` are now. Whether it met the
    /// queue that Startup had made, or was sent before the last of those losses was found, which is counted among
    /// those since then.
    pub(super) fn answers_for(&mut self, prior: u64, delivered: u64) -> bool {
        if self.drained.is_none_or(|drained| prior < drained) {
            self.found = delivered;
        }
        prior < self.found
    }
}

impl Bbr {
    /// Looks for a plateau of the rate.
    pub(super) fn check_full_bandwidth(&mut self, sample: &Sample) {
        if self.model.rounds.start && !sample.app_limited {
            self.full.round(sample.rate);
        }
    }

    /// Looks whether Startup is over.
    pub(super) fn check_startup_done(&mut self, sample: &Sample) {
        self.check_startup_high_loss(sample);
        if self.state == State::Startup && self.full.reached {
            self.state = State::Drain;
            self.startup.drain_round = self.model.rounds.count;
        }
    }

    /// More than a few losses, in a round trip that began with one, and more than what may be of what
    /// was in flight.
    fn check_startup_high_loss(&mut self, sample: &Sample) {
        self.startup.losses += u32::from(std::mem::take(&mut self.startup.lost));
        if !self.model.latest.round_start {
            return;
        }
        let losses = std::mem::take(&mut self.startup.losses);
        let repairing = self.repair.active && losses >= FULL_LOSSES;
        if !self.full.reached && repairing && self.is_too_much(sample.lost, sample.tx_in_flight) {
            self.repair.undo.probe = Some(State::Startup);
            self.queue_is_too_long();
        }
    }

    /// Startup has filled the queue: what was delivered is what the path holds.
    pub(super) fn queue_is_too_long(&mut self) {
        self.full.reached = true;
        let held = self.model.bdp(self.model.max_bw(), 100).unwrap_or(0);
        self.model.inflight_longterm =
            held.max(self.model.latest.inflight).max(self.model.min_pipe());
    }

    /// Looks whether the queue is empty.
    pub(super) fn check_drain_done(&mut self, sample: &Sample) {
        let late = self.model.rounds.count > self.startup.drain_round + DRAIN_ROUNDS;
        if self.state == State::Drain && (late || sample.in_flight <= self.inflight(self.model.bw))
        {
            self.startup.drained = Some(self.model.delivered);
            self.start_down(sample.now);
        }
    }
}

#[cfg(test)]
mod tests;
