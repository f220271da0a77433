//! Losses: what they say of the path, and what the window is while they are repaired
//! (draft-ietf-ccwg-bbr-06 5.5.10, 5.5.11 and 5.6.4.4).
//!
//! Version 1 and the first drafts let only as much go as had arrived in the first round trip of a repair.
//! The later ones leave that to pacing, and so does this: with 1.5 % of random losses, where one repair
//! follows the other, it made three quarters of the bandwidth less than half.

use serde::{Deserialize, Serialize};

use super::{Bbr, NO_LIMIT, State};
use crate::tcp::congestion::LostSegment;

/// The share of what is in flight that may be lost, in percent (BBR.LossThresh).
const THRESHOLD: u64 = 2;
/// In thousandths, what is no sign of congestion while no queue is to be seen: then it is the path that loses,
/// and not a queue that overflows. More than that is a sign of congestion in any case: a policer, which drops
/// without a queue, takes nearly two thirds of what Startup sends.
const WITHOUT_QUEUE: u64 = 400;
/// So many times what the path loses by itself is still chance.
const CHANCE: u64 = 3;

/// Whether more than so many thousandths of `in_flight` bytes are `lost`.
fn exceeds(lost: u64, in_flight: u64, thousandths: u64) -> bool {
    u128::from(lost) * 1000 > u128::from(in_flight) * u128::from(thousandths)
}

/// What was in flight when the losses became too many (InflightAtLoss). The segment may be a long burst:
/// how much of it went well follows from what was in flight and lost before it.
fn inflight_at_loss(lost: &LostSegment) -> u64 {
    let size = u64::from(lost.bytes);
    let in_flight_before = u64::from(lost.tx_in_flight).saturating_sub(size);
    let lost_before = lost.lost.saturating_sub(size);
    let allowed = in_flight_before * THRESHOLD;
    let prefix = allowed.saturating_sub(lost_before.saturating_mul(100)) / (100 - THRESHOLD);
    in_flight_before + prefix
}

/// What was before the losses, should they turn out to be none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Undo {
    /// The probe that they have ended.
    pub(super) probe: Option<State>,
    bw_shortterm: u64,
    inflight_shortterm: u64,
    inflight_longterm: u64,
}

/// The repair of losses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Repair {
    /// It goes on.
    pub(super) active: bool,
    /// What was before it is kept.
    saved: bool,
    /// The window without it, and without ProbeRTT.
    prior_cwnd: u64,
    pub(super) undo: Undo,
}

impl Repair {
    /// Nothing was lost.
    pub(super) fn new() -> Self {
        Repair {
            active: false,
            saved: false,
            prior_cwnd: 0,
            undo: Undo {
                probe: None,
                bw_shortterm: 0,
                inflight_shortterm: 0,
                inflight_longterm: 0,
            },
        }
    }
}

impl Bbr {
    /// The share of losses that says nothing, in thousandths. The draft has none, and so takes what a radio
    /// link loses for a full queue; here the path is allowed what it loses while no queue is.
    fn noise(&self) -> u64 {
        let base = if self.model.has_queue() { 0 } else { WITHOUT_QUEUE };
        base.max(CHANCE * self.model.own_losses())
    }

    /// Whether so many of `in_flight` bytes are `lost` that too much is in flight.
    pub(super) fn is_too_much(&self, lost: u64, in_flight: u64) -> bool {
        exceeds(lost, in_flight, self.noise() + 10 * THRESHOLD)
    }

    /// A segment is lost (HandleLostPacket).
    pub(super) fn note_lost(&mut self, lost: &LostSegment) {
        self.model.count_lost(lost.bytes);
        let in_flight = lost.tx_in_flight.into();
        if !exceeds(lost.lost, in_flight, self.noise()) {
            return;
        }
        let too_much = self.is_too_much(lost.lost, in_flight);
        self.startup.lost = true;
        // What Startup's queue has dropped is found for round trips after Drain, which has answered for it: the
        // draft lowers the short-term bounds once more, to what little was delivered meanwhile.
        let answered = !self.state.is_probing()
            && self.startup.answers_for(lost.prior_delivered, self.model.delivered);
        if !answered && self.model.note_loss() {
            self.save_before_loss();
        }
        if self.probe.is_sample && too_much {
            self.inflight_is_too_high(inflight_at_loss(lost), lost.app_limited, lost.now);
        }
    }

    /// Something was lost, and fast recovery begins (OnEnterFastRecovery).
    pub(super) fn enter_recovery(&mut self) {
        self.save_before_loss();
        self.repair.active = true;
    }

    /// Nothing is known to arrive any more (OnEnterRTO). The draft leaves room for one segment beyond what
    /// is in flight; all of it counts as lost, so it is this one.
    pub(super) fn enter_timeout(&mut self) {
        self.save_before_loss();
        self.repair.active = true;
        self.cwnd = self.model.mss;
    }

    /// All is repaired.
    pub(super) fn leave_recovery(&mut self) {
        if std::mem::take(&mut self.repair.active) {
            self.restore_cwnd();
            self.bound_cwnd();
        }
        self.repair.saved = false;
    }

    /// Nothing was lost (HandleSpuriousLossDetection).
    pub(super) fn undo_losses(&mut self) {
        self.repair.active = false;
        self.repair.saved = false;
        self.restore_cwnd();
        self.model.latest.loss = false;
        self.full.restart(0);
        let undo = &mut self.repair.undo;
        let model = &mut self.model;
        model.bw_shortterm = model.bw_shortterm.max(undo.bw_shortterm);
        model.inflight_shortterm = model.inflight_shortterm.max(undo.inflight_shortterm);
        model.inflight_longterm = model.inflight_longterm.max(undo.inflight_longterm);
        match (undo.probe.take(), self.state) {
            (Some(State::Startup), State::ProbeRtt) => self.full.reached = false,
            (Some(State::Startup), _) => {
                self.full.reached = false;
                self.state = State::Startup;
            }
            (Some(_), State::ProbeRtt | State::Up) | (None, _) => {}
            (Some(_), _) => self.start_refill(),
        }
        self.bound_cwnd();
    }

    /// SaveStateUponLoss, once until all is repaired: what a second round trip of losses meets is not what
    /// was before them.
    fn save_before_loss(&mut self) {
        if std::mem::replace(&mut self.repair.saved, true) {
            return;
        }
        self.save_cwnd();
        self.repair.undo = Undo {
            probe: None,
            bw_shortterm: self.model.bw_shortterm,
            inflight_shortterm: self.model.inflight_shortterm,
            inflight_longterm: self.model.inflight_longterm,
        };
    }

    /// Keeps the window, unless it is made small by a repair or by ProbeRTT (SaveCwnd).
    pub(super) fn save_cwnd(&mut self) {
        let small = self.repair.active || self.state == State::ProbeRtt;
        let before = if small { self.repair.prior_cwnd } else { 0 };
        self.repair.prior_cwnd = before.max(self.cwnd);
    }

    /// Back to what was kept (RestoreCwnd).
    pub(super) fn restore_cwnd(&mut self) {
        self.cwnd = self.cwnd.max(self.repair.prior_cwnd);
    }

    /// Once a round trip, the short-term bounds (AdaptLowerBoundsFromCongestion); a probe has to go
    /// beyond them.
    pub(super) fn adapt_shortterm(&mut self) {
        let lost = std::mem::take(&mut self.model.latest.loss);
        let bound = self.model.inflight_shortterm.min(self.cwnd);
        let by_marks = self.ecn.cut(bound).unwrap_or(NO_LIMIT);
        if self.state.is_probing() {
            return;
        }
        if lost {
            self.model.init_shortterm(self.cwnd);
            self.model.lower_for_loss();
        }
        self.model.inflight_shortterm = self.model.inflight_shortterm.min(by_marks);
    }
}

#[cfg(test)]
mod tests;
