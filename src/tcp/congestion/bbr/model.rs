//! What is believed of the path: how fast it delivers, and how much may be in flight
//! (draft-ietf-ccwg-bbr-06 5.5).
//!
//! ```text
//!                       rate                volume
//!   long term           max_bw              inflight_longterm    found by probing
//!   short term          bw_shortterm        inflight_shortterm   since the last probe, by losses and marks
//!   a round trip        bw_latest           inflight_latest      what was really delivered
//! ```

use serde::{Deserialize, Serialize};

use super::aggregation::Aggregation;
use super::filter::WindowedMax;
use super::{NO_LIMIT, Sample};
use crate::time::{Duration, Instant};

/// A loss takes no more than this off a short-term bound, in percent (BBR.Beta).
pub(super) const BETA: u64 = 70;
/// The share of the long-term bound that is left to others, in percent (BBR.Headroom).
const HEADROOM: u64 = 15;
/// The segments below which nothing flows (BBR.MinPipeCwnd).
const MIN_PIPE_SEGMENTS: u64 = 4;
/// The probing cycles that the bandwidth is the greatest of (BBR.MaxBwFilterLen).
const MAX_BW_CYCLES: usize = 2;

/// `share` percent of `value`.
pub(super) fn percent(value: u64, share: u64) -> u64 {
    saturate(u128::from(value) * u128::from(share) / 100)
}

/// Two hosts that are busy may answer so late without any queue between them.
const HOST_DELAY: Duration = Duration::from_micros(500);

/// What passes in `time` at `rate` bytes a second.
pub(super) fn volume(rate: u64, time: Duration) -> u64 {
    saturate(u128::from(rate).saturating_mul(time.as_nanos()) / 1_000_000_000)
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// Round trips counted by packets: one ends with the acknowledgment of something that was sent after it
/// had begun (5.5.1).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Rounds {
    /// What was delivered when the one that goes on began.
    next_delivered: u64,
    /// How many are over.
    pub(super) count: u64,
    /// The acknowledgment that is looked at ended one.
    pub(super) start: bool,
}

impl Rounds {
    /// Another one begins.
    pub(super) fn begin(&mut self, delivered: u64) {
        self.next_delivered = delivered;
    }

    fn update(&mut self, sample: &Sample) {
        self.start = sample.is_sent_since(self.next_delivered);
        if self.start {
            self.count += 1;
            self.begin(sample.total_delivered);
        }
    }
}

/// What the path did in the last round trip, and whether it showed congestion (5.5.10.3).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Latest {
    /// The greatest rate of delivery.
    pub(super) bw: u64,
    /// The greatest volume delivered in one sample.
    pub(super) inflight: u64,
    /// What was delivered when this round trip began. Unlike those of [`Rounds`] it begins anew with the
    /// first loss in it.
    round_delivered: u64,
    /// The acknowledgment that is looked at ended one.
    pub(super) round_start: bool,
    /// Something was lost in it.
    pub(super) loss: bool,
}

/// What is lost in round trips that show no queue: not by congestion, then.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct OwnLosses {
    /// The smoothed share, in [`OwnLosses::PARTS`] of a thousandth.
    share: u64,
    /// Bytes lost and delivered in this round trip.
    lost: u64,
    delivered: u64,
    /// It shows a queue.
    queue: bool,
}

impl OwnLosses {
    const PARTS: u64 = 1000;
    /// More is not believed of any path, in thousandths.
    const MOST: u64 = 100;
    /// How much one round trip counts.
    const WEIGHT: u64 = 8;

    /// A round trip is over.
    fn round(&mut self) {
        let sent = self.lost.saturating_add(self.delivered);
        if !self.queue && sent > 0 {
            let now = u128::from(self.lost) * u128::from(1000 * Self::PARTS) / u128::from(sent);
            let now = saturate(now).min(Self::MOST * Self::PARTS);
            self.share = (self.share * (Self::WEIGHT - 1) + now) / Self::WEIGHT;
        }
        (self.lost, self.delivered, self.queue) = (0, 0, false);
    }
}

/// The shortest of the latest round trips: of the last quarter of one and up to another, and of so many samples at
/// least.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Recent {
    /// In this stretch, and in the one before it.
    pub(super) shortest: [Option<Duration>; 2],
    /// When this stretch began.
    since: Instant,
    samples: u32,
}

impl Recent {
    const LEAST: u32 = 4;

    fn add(&mut self, now: Instant, rtt: Duration, min_rtt: Duration) {
        if self.samples >= Self::LEAST && now.since(self.since) >= min_rtt / 4 {
            self.shortest = [None, self.shortest[0]];
            (self.since, self.samples) = (now, 0);
        }
        self.shortest[0] = Some(self.shortest[0].map_or(rtt, |shortest| shortest.min(rtt)));
        self.samples += 1;
    }

    fn shortest(&self) -> Option<Duration> {
        self.shortest.into_iter().flatten().min()
    }
}

/// The model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Model {
    /// Text of a full-sized segment.
    pub(super) mss: u64,
    /// All bytes delivered so far.
    pub(super) delivered: u64,
    /// Round trips.
    pub(super) rounds: Rounds,
    /// The greatest rates of this cycle and the one before it.
    max_bw: WindowedMax<MAX_BW_CYCLES>,
    /// The least of `max_bw` and `bw_shortterm`: what is reckoned with, in bytes a second; 0 before
    /// there was a sample.
    pub(super) bw: u64,
    /// The shortest round trip, once there was one; kept by `probe_rtt`.
    pub(super) min_rtt: Option<Duration>,
    /// The latest ones.
    pub(super) recent: Recent,
    /// What the path loses by itself.
    own_losses: OwnLosses,
    /// See the table above.
    pub(super) bw_shortterm: u64,
    /// See the table above.
    pub(super) inflight_shortterm: u64,
    /// See the table above.
    pub(super) inflight_longterm: u64,
    /// See the table above.
    pub(super) latest: Latest,
    /// How much more than expected is acknowledged at once.
    pub(super) aggregation: Aggregation,
}

impl Model {
    /// Nothing is known of the path; `mss` is the text of a full-sized segment.
    pub(super) fn new(mss: u64) -> Self {
        Model {
            mss,
            delivered: 0,
            rounds: Rounds::default(),
            max_bw: WindowedMax::new(),
            bw: 0,
            min_rtt: None,
            recent: Recent::default(),
            own_losses: OwnLosses::default(),
            bw_shortterm: NO_LIMIT,
            inflight_shortterm: NO_LIMIT,
            inflight_longterm: NO_LIMIT,
            latest: Latest::default(),
            aggregation: Aggregation::new(),
        }
    }

    /// The long-term rate, in bytes a second.
    pub(super) fn max_bw(&self) -> u64 {
        self.max_bw.max(MAX_BW_CYCLES)
    }

    /// `gain` percent of the bandwidth-delay product at `bw`; `None` before there was a round trip.
    pub(super) fn bdp(&self, bw: u64, gain: u64) -> Option<u64> {
        self.min_rtt.map(|rtt| percent(volume(bw, rtt), gain))
    }

    /// So many bytes are lost.
    pub(super) fn count_lost(&mut self, bytes: u32) {
        self.own_losses.lost += u64::from(bytes);
    }

    /// What the path loses by itself, in thousandths.
    pub(super) fn own_losses(&self) -> u64 {
        self.own_losses.share / OwnLosses::PARTS
    }

    /// Whether round trips are longer than without a queue: by a sixteenth, and by half a millisecond
    /// that the ends may take. Where a queue is that holds for all of them; where the path wavers, only for most.
    pub(super) fn has_queue(&self) -> bool {
        match (self.recent.shortest(), self.min_rtt) {
            (Some(shortest), Some(min)) => {
                shortest > min.saturating_add(min / 16).saturating_add(HOST_DELAY)
            }
            _ => true,
        }
    }

    /// Below this nothing flows.
    pub(super) fn min_pipe(&self) -> u64 {
        MIN_PIPE_SEGMENTS * self.mss
    }

    /// The long-term bound less what is left to others.
    pub(super) fn inflight_with_headroom(&self) -> u64 {
        if self.inflight_longterm == NO_LIMIT {
            return NO_LIMIT;
        }
        let headroom = percent(self.inflight_longterm, HEADROOM).max(self.mss);
        self.inflight_longterm.saturating_sub(headroom).max(self.min_pipe())
    }

    /// An acknowledgment has come: what it says of this round trip (UpdateLatestDeliverySignals).
    pub(super) fn take_latest(&mut self, sample: &Sample) {
        self.delivered = sample.total_delivered;
        if let Some(rtt) = sample.rtt {
            self.recent.add(sample.now, rtt, self.min_rtt.unwrap_or(rtt));
        }
        self.own_losses.delivered += sample.newly_acked;
        self.own_losses.queue |= self.has_queue();
        self.latest.bw = self.latest.bw.max(sample.rate);
        self.latest.inflight = self.latest.inflight.max(sample.delivered);
        self.latest.round_start = sample.is_sent_since(self.latest.round_delivered);
        if self.latest.round_start {
            self.latest.round_delivered = self.delivered;
        }
    }

    /// It was looked at: the next round trip begins with it (AdvanceLatestDeliverySignals).
    pub(super) fn advance_latest(&mut self, sample: &Sample) {
        if self.latest.round_start {
            self.latest.bw = sample.rate;
            self.latest.inflight = sample.delivered;
        }
    }

    /// A probe is over: what it caused is no sign of congestion.
    pub(super) fn reset_congestion_signals(&mut self) {
        self.latest.loss = false;
        self.latest.bw = 0;
        self.latest.inflight = 0;
    }

    /// Something was lost; whether it is the first in this round trip, which then begins anew.
    pub(super) fn note_loss(&mut self) -> bool {
        let first = !self.latest.loss;
        if first {
            self.latest.round_delivered = self.delivered;
        }
        self.latest.loss = true;
        first
    }

    /// Counts the round trip, and takes the rate (UpdateMaxBw). An application that sends little makes a
    /// path look slow, never fast: its samples count only upwards.
    pub(super) fn update_max_bw(&mut self, sample: &Sample) {
        self.rounds.update(sample);
        if self.rounds.start {
            self.own_losses.round();
        }
        if sample.rate >= self.max_bw() || !sample.app_limited {
            self.max_bw.record(sample.rate);
        }
    }

    /// A cycle is over (AdvanceMaxBwFilter). One in which nothing was measured does not count, as in
    /// Google's: two of them would leave no rate at all.
    pub(super) fn advance_max_bw(&mut self) {
        if self.max_bw.newest() > 0 {
            self.max_bw.advance(self.max_bw.now() + 1);
        }
    }

    /// There is congestion for the first time since the last probe: the short-term bounds are what there
    /// is (InitLowerBounds).
    pub(super) fn init_shortterm(&mut self, cwnd: u64) {
        if self.bw_shortterm == NO_LIMIT {
            self.bw_shortterm = self.max_bw();
        }
        if self.inflight_shortterm == NO_LIMIT {
            self.inflight_shortterm = cwnd;
        }
    }

    /// Something was lost: the bounds go towards what was delivered, at most by [`BETA`]
    /// (LossLowerBounds).
    pub(super) fn lower_for_loss(&mut self) {
        self.bw_shortterm = self.latest.bw.max(percent(self.bw_shortterm, BETA)).max(1);
        self.inflight_shortterm = self.latest.inflight.max(percent(self.inflight_shortterm, BETA));
    }

    /// A probe begins (ResetShortTermModel).
    pub(super) fn reset_shortterm(&mut self) {
        self.bw_shortterm = NO_LIMIT;
        self.inflight_shortterm = NO_LIMIT;
    }

    /// What is reckoned with from now on (BoundBWForModel).
    pub(super) fn bound_bandwidth(&mut self) {
        self.bw = self.max_bw().min(self.bw_shortterm);
    }
}

#[cfg(test)]
mod tests;
