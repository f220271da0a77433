//! The shortest round trip, and ProbeRTT to find it (draft-ietf-ccwg-bbr-06 5.3.4): whoever keeps a queue
//! never sees how short the path is, so every five seconds without a shorter one half of what the path
//! holds is in flight for 200 ms.
//!
//! Newer copies of the draft want it after ten seconds, as the estimate gets old; what others run does it
//! after five, and all flows on a path have to do it together.

use serde::{Deserialize, Serialize};

use super::probe_bw::AckPhase;
use super::{Bbr, Sample, State};
use crate::time::{Duration, Instant};

/// How long a shortest round trip is believed (BBR.MinRTTFilterLen).
const MIN_RTT_WINDOW: Duration = Duration::from_secs(10);
/// From one ProbeRTT to the next (BBR.ProbeRTTInterval).
const INTERVAL: Duration = Duration::from_secs(5);
/// How long one lasts, or a round trip when that is longer (BBR.ProbeRTTDuration).
const DURATION: Duration = Duration::from_millis(200);

/// A round trip, and since when it is the shortest.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Shortest {
    rtt: Duration,
    stamp: Instant,
}

impl Shortest {
    fn is_expired(shortest: Option<Shortest>, window: Duration, now: Instant) -> bool {
        shortest.is_some_and(|shortest| now > shortest.stamp + window)
    }
}

/// What ProbeRTT needs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ProbeRtt {
    /// The shortest of the last ten seconds.
    min_rtt: Option<Shortest>,
    /// The shortest of the last five (BBR.probe_rtt_min_delay).
    min_delay: Option<Shortest>,
    /// That one is too old.
    expired: bool,
    /// The window in ProbeRTT. It is reckoned before the stale round trip is replaced by one that has
    /// perhaps met a queue.
    pub(super) cwnd: u64,
    /// When it is over; `None` while too much is in flight.
    done_at: Option<Instant>,
    /// A round trip has passed in it.
    round_done: bool,
    /// What was sent while between so much and so much was delivered, was sent in it.
    limited: Option<(u64, u64)>,
}

impl ProbeRtt {
    /// Whether something that was sent when `delivered` bytes were delivered was held back by ProbeRTT,
    /// so that its rate says nothing of the path.
    pub(super) fn limited(&self, delivered: u64) -> bool {
        self.limited.is_some_and(|(first, last)| (first..=last).contains(&delivered))
    }
}

impl Bbr {
    /// Takes the round trip (UpdateMinRTT).
    pub(super) fn update_min_rtt(&mut self, sample: &Sample) {
        let now = sample.now;
        self.probe_rtt.expired = Shortest::is_expired(self.probe_rtt.min_delay, INTERVAL, now);
        if self.probe_rtt.expired && self.state != State::ProbeRtt {
            let half = self.bdp_multiple(self.model.bw, State::ProbeRtt.cwnd_gain());
            self.probe_rtt.cwnd = half.max(self.model.min_pipe());
        }
        let fresh = sample.rtt.map(|rtt| Shortest { rtt, stamp: now });
        let shorter = |old: Option<Shortest>, new: Option<Shortest>| match (old, new) {
            (Some(old), Some(new)) => new.rtt < old.rtt,
            (old, _) => old.is_none(),
        };
        if fresh.is_some() && (self.probe_rtt.expired || shorter(self.probe_rtt.min_delay, fresh)) {
            self.probe_rtt.min_delay = fresh;
        }
        if Shortest::is_expired(self.probe_rtt.min_rtt, MIN_RTT_WINDOW, now)
            || shorter(self.probe_rtt.min_rtt, self.probe_rtt.min_delay)
        {
            self.probe_rtt.min_rtt = self.probe_rtt.min_delay;
        }
        self.model.min_rtt = self.probe_rtt.min_rtt.map(|shortest| shortest.rtt);
    }

    /// Begins and ends it (CheckProbeRTT). Whoever restarts from idle has just drained the queue.
    pub(super) fn check_probe_rtt(&mut self, sample: &Sample) {
        if self.state != State::ProbeRtt && self.probe_rtt.expired && !self.idle_restart {
            self.save_cwnd();
            self.state = State::ProbeRtt;
            self.probe_rtt.done_at = None;
            self.probe_rtt.limited = None;
            self.probe.ack_phase = AckPhase::Stopping;
            self.model.rounds.begin(self.model.delivered);
        }
        if self.state == State::ProbeRtt {
            self.handle_probe_rtt(sample);
        }
        if sample.newly_acked > 0 {
            self.idle_restart = false;
        }
    }

    fn handle_probe_rtt(&mut self, sample: &Sample) {
        // MarkConnectionAppLimited, for this algorithm alone.
        let first = self.probe_rtt.limited.map_or(self.model.delivered, |(first, _)| first);
        let last = self.model.delivered.saturating_add(sample.in_flight);
        self.probe_rtt.limited = Some((first, last));
        if self.probe_rtt.done_at.is_none() {
            if sample.in_flight <= self.probe_rtt.cwnd {
                self.probe_rtt.done_at = Some(sample.now + DURATION);
                self.probe_rtt.round_done = false;
                self.model.rounds.begin(self.model.delivered);
            }
            return;
        }
        self.probe_rtt.round_done |= self.model.rounds.start;
        if self.probe_rtt.round_done {
            self.check_probe_rtt_done(sample.now);
        }
    }

    /// Ends it when it has lasted long enough (CheckProbeRTTDone, ExitProbeRTT). Nothing is queued then,
    /// so there is nothing to bring down.
    pub(super) fn check_probe_rtt_done(&mut self, now: Instant) {
        if self.probe_rtt.done_at.is_none_or(|done_at| now <= done_at) {
            return;
        }
        if let Some(shortest) = &mut self.probe_rtt.min_delay {
            shortest.stamp = now;
        }
        self.restore_cwnd();
        self.model.reset_shortterm();
        if self.full.reached {
            self.start_down(now);
            self.state = State::Cruise;
        } else {
            self.state = State::Startup;
        }
    }
}

#[cfg(test)]
mod tests;
