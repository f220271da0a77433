//! BBR, version 3: a model of the path instead of losses (draft-ietf-ccwg-bbr-06; what the draft leaves
//! to others, as in Google's).
//!
//! How fast the path delivers and how short its round trip is are measured, and their product is what the
//! path holds. Not both can be measured at once: the rate shows when the pipe is full, the round trip when
//! no queue is. So it takes turns:
//!
//! ```text
//!        Startup ----> Drain                                   rate      window
//!           ^            |                       Startup       2.77      2 BDP
//!           |            v                       Drain         0.5       2 BDP
//!           |    +---> Down ---> Cruise          Down          0.9       2 BDP
//!           |    |       |         |             Cruise        1         2 BDP
//!           |    |       v         |             Refill        1         2 BDP
//!           |    Up <- Refill <----+             Up            1.25      2.25 BDP
//!           |                                    ProbeRtt      1         0.5 BDP
//!        ProbeRtt <---- any state, every 5 s; back to Cruise when the pipe was full once
//! ```
//!
//! | file | what |
//! |---|---|
//! | `model` | what is believed of the path, `filter` and `aggregation` parts of it |
//! | `startup` | Startup and Drain |
//! | `probe_bw` | Down, Cruise, Refill, Up |
//! | `probe_rtt` | the shortest round trip |
//! | `loss`, `ecn` | congestion |
//! | `control` | what follows: window and rate |
//!
//! The names of the draft stand in the comments where a name here is another. Volumes are bytes, rates
//! bytes a second, gains and shares percent.

mod aggregation;
mod control;
mod ecn;
mod filter;
mod loss;
mod model;
mod probe_bw;
mod probe_rtt;
mod startup;

use serde::{Deserialize, Serialize};

use super::{Ack, Algorithm, CongestionControl, LostSegment, Recovery, Signal, Timeout};
use crate::tcp::Profile;
use crate::time::{Duration, Instant};

use ecn::Ecn;
use loss::Repair;
use model::Model;
use probe_bw::ProbeBw;
use probe_rtt::ProbeRtt;
use startup::{FullBandwidth, Startup};

/// What is not bounded.
const NO_LIMIT: u64 = u64::MAX;

/// What it does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// Twice as fast each round trip.
    Startup,
    /// The queue of that goes away.
    Drain,
    /// The queue of a probe goes away.
    Down,
    /// As fast as the path, with room for others.
    Cruise,
    /// As fast as the path, and all of it.
    Refill,
    /// Faster.
    Up,
    /// With little in flight.
    ProbeRtt,
}

impl State {
    /// What the bandwidth is multiplied by, in percent.
    fn pacing_gain(self) -> u64 {
        match self {
            State::Startup => 277,
            State::Drain => 50,
            State::Down => 90,
            State::Cruise | State::Refill | State::ProbeRtt => 100,
            State::Up => 125,
        }
    }

    /// What the bandwidth-delay product is multiplied by, in percent.
    fn cwnd_gain(self) -> u64 {
        match self {
            State::Startup | State::Drain | State::Down | State::Cruise | State::Refill => 200,
            State::Up => 225,
            State::ProbeRtt => 50,
        }
    }

    /// One of those of ProbeBW (IsInAProbeBWState).
    fn is_probe_bw(self) -> bool {
        matches!(self, State::Down | State::Cruise | State::Refill | State::Up)
    }

    /// One in which more is tried, whatever was lost before (IsProbingBW).
    fn is_probing(self) -> bool {
        matches!(self, State::Startup | State::Refill | State::Up)
    }
}

/// What an acknowledgment says, in the units of the model.
#[derive(Clone, Debug)]
struct Sample {
    now: Instant,
    /// Bytes that it acknowledges.
    newly_acked: u64,
    /// Bytes in flight after it.
    in_flight: u64,
    /// Of what was sent last of what it acknowledges.
    rtt: Option<Duration>,
    /// The window held sending back.
    cwnd_limited: bool,
    /// Bytes a second, or 0.
    rate: u64,
    /// Bytes delivered in the sample.
    delivered: u64,
    /// All bytes delivered, up to now.
    total_delivered: u64,
    /// And before what it acknowledges was sent; `None` when that is not known.
    prior_delivered: Option<u64>,
    /// Bytes in flight when that was sent.
    tx_in_flight: u64,
    /// Bytes lost since.
    lost: u64,
    /// The application or ProbeRTT held sending back then, or it is not known.
    app_limited: bool,
}

impl Sample {
    fn new(ack: &Ack, delivered_before: u64) -> Self {
        let counted = delivered_before.saturating_add(ack.delivered.into());
        Sample {
            now: ack.now,
            newly_acked: ack.delivered.into(),
            in_flight: ack.in_flight.into(),
            rtt: ack.rtt,
            cwnd_limited: ack.window_limited,
            rate: ack.rate.map_or(0, |rate| rate.rate()),
            delivered: ack.rate.map_or(0, |rate| rate.delivered),
            total_delivered: ack.rate.map_or(counted, |rate| rate.total_delivered),
            prior_delivered: ack.rate.map(|rate| rate.prior_delivered),
            tx_in_flight: ack.rate.map_or(0, |rate| rate.tx_in_flight.into()),
            lost: ack.rate.map_or(0, |rate| rate.lost),
            app_limited: ack.rate.is_none_or(|rate| rate.app_limited),
        }
    }

    /// Whether it acknowledges something that was sent when `delivered` bytes were delivered, or later.
    fn is_sent_since(&self, delivered: u64) -> bool {
        self.prior_delivered.is_some_and(|prior| prior >= delivered)
    }
}

/// The algorithm.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bbr {
    state: State,
    model: Model,
    /// The congestion window.
    cwnd: u64,
    /// Who says what a fresh path is given.
    profile: Profile,
    /// That of a fresh path.
    initial_cwnd: u64,
    pacing_rate: u64,
    /// The pacing rate comes from a round trip that was measured.
    has_seen_rtt: bool,
    /// What is sent is the first after a silence.
    idle_restart: bool,
    full: FullBandwidth,
    startup: Startup,
    probe: ProbeBw,
    probe_rtt: ProbeRtt,
    repair: Repair,
    ecn: Ecn,
}

impl Bbr {
    /// On a fresh path; `mss` is the text of a full-sized segment, in bytes.
    pub(super) fn new(mss: u32, profile: Profile) -> Self {
        let mss = mss.max(1);
        let cwnd = u64::from(profile.initial_window(mss));
        let mut bbr = Bbr {
            state: State::Startup,
            model: Model::new(mss.into()),
            cwnd,
            profile,
            initial_cwnd: cwnd,
            pacing_rate: 0,
            has_seen_rtt: false,
            idle_restart: false,
            full: FullBandwidth::default(),
            startup: Startup::default(),
            probe: ProbeBw::new(),
            probe_rtt: ProbeRtt::default(),
            repair: Repair::new(),
            ecn: Ecn::new(),
        };
        bbr.init_pacing(None);
        bbr
    }

    /// What `ack` says of the path, and the state that follows (UpdateModelAndState).
    fn update_model_and_state(&mut self, sample: &Sample) {
        self.model.take_latest(sample);
        self.update_congestion_signals(sample);
        let bw_and_cwnd = (self.model.bw, self.cwnd);
        let round = (self.model.rounds.count, sample.now);
        let acked = sample.newly_acked;
        self.model.aggregation.update(round, acked, bw_and_cwnd, self.full.reached);
        self.check_full_bandwidth(sample);
        self.check_startup_done(sample);
        self.check_drain_done(sample);
        self.update_probe_bw(sample);
        self.update_min_rtt(sample);
        self.check_probe_rtt(sample);
        self.model.advance_latest(sample);
        self.model.bound_bandwidth();
    }

    /// UpdateCongestionSignals.
    fn update_congestion_signals(&mut self, sample: &Sample) {
        self.model.update_max_bw(sample);
        if self.model.rounds.start {
            let too_much = self.ecn.round(self.model.min_rtt);
            if too_much && !self.full.reached {
                self.queue_is_too_long();
            }
        }
        if self.model.latest.round_start {
            self.adapt_shortterm();
        }
    }
}

impl CongestionControl for Bbr {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Bbr
    }

    fn recovery(&self) -> Recovery {
        Recovery::Own
    }

    fn on_handshake(&mut self, mss: u32) {
        *self = Bbr::new(mss, self.profile);
    }

    /// Only the window is of use: what the path holds has to be found out. A threshold is of losses, which
    /// say nothing of that.
    fn adopt(&mut self, window: u32, _ssthresh: Option<u32>) {
        self.cwnd = u64::from(window).max(self.model.min_pipe());
        self.bound_cwnd();
        // The next round trip that is measured gives a better one.
        self.has_seen_rtt = false;
        self.init_pacing(None);
    }

    /// HandleRestartFromIdle: at exactly the bandwidth, with the window that was there.
    fn on_sent(&mut self, now: Instant, in_flight: u32, idle: bool) {
        if in_flight > 0 || !idle {
            return;
        }
        self.idle_restart = true;
        self.model.aggregation.restart(now);
        if self.state.is_probe_bw() {
            self.set_pacing(100);
        } else if self.state == State::ProbeRtt {
            self.check_probe_rtt_done(now);
            self.bound_cwnd();
        }
    }

    fn on_ack(&mut self, ack: &Ack) {
        let mut sample = Sample::new(ack, self.model.delivered);
        sample.app_limited |=
            sample.prior_delivered.is_some_and(|prior| self.probe_rtt.limited(prior));
        self.ecn.note(sample.newly_acked, ack.ece);
        self.update_model_and_state(&sample);
        if let (false, Some(srtt)) = (self.has_seen_rtt, ack.srtt.or(ack.rtt)) {
            self.has_seen_rtt = true;
            self.init_pacing(Some(srtt));
        }
        self.set_pacing(self.state.pacing_gain());
        self.set_cwnd(&sample);
    }

    fn on_segment_lost(&mut self, lost: &LostSegment) {
        self.note_lost(lost);
    }

    fn on_congestion(&mut self, now: Instant, in_flight: u32, signal: Signal) {
        match signal {
            Signal::Loss => self.enter_recovery(),
            Signal::Ecn => self.on_mark(now, in_flight.into()),
        }
    }

    fn on_rto(&mut self, _now: Instant, _in_flight: u32, _loss: Timeout) {
        self.enter_timeout();
    }

    fn on_recovered(&mut self, _now: Instant, _in_flight: u32) {
        self.leave_recovery();
    }

    fn on_undo(&mut self, _now: Instant) {
        self.undo_losses();
    }

    /// The path is as it was, and pacing makes sure that no burst leaves (5.4.2).
    fn on_idle_restart(&mut self, _idle: Duration, _rto: Duration) {}

    fn on_mss(&mut self, mss: u32) {
        let mss = u64::from(mss.max(1));
        // RFC 5681 3.1: as many segments as before, lest they leave in a large burst.
        self.cwnd = (self.cwnd * mss / self.model.mss).min(self.cwnd).max(mss);
        self.model.mss = mss;
    }

    fn window(&self) -> u32 {
        u32::try_from(self.cwnd).unwrap_or(u32::MAX)
    }

    /// There is none: what was lost does not decide when to grow slowly.
    fn ssthresh(&self) -> Option<u32> {
        None
    }

    fn pacing_rate(&self) -> Option<u64> {
        Some(self.paced())
    }

    fn in_slow_start(&self) -> bool {
        self.state == State::Startup
    }
}

#[cfg(test)]
mod tests;
