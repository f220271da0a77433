//! Round-trip time and retransmission time-out (RFC 6298).
//!
//! ```text
//!   Initial --first sample--> Measured { srtt, rttvar } --every sample--> Measured
//!   rto = clamp(srtt + max(200 ms, 4 rttvar)) * 2^backoff
//! ```
//!
//! As in Linux, where it differs from the RFC: there is a sample for each acknowledgment and not for each
//! round trip; so the variation that counts is the largest of a round trip, which a calm one lowers by a
//! quarter. It counts as 200 ms at least: a path that was steady for long may still be late once. With
//! [`Profile::Rfc`] it is all as in the RFC.

use serde::{Deserialize, Serialize};

use crate::tcp::Profile;
use crate::time::{Duration, Instant};

/// How long the shortest round trip counts, in nanoseconds, and at most as long again: a path that has become longer is
/// measured by what it is (RFC 8985 6.2 step 1).
const SHORTEST_NS: u64 = 10_000_000_000;

/// What four times the variation count as at least.
const FLOOR_NS: u64 = 200_000_000;

/// A retransmission time-out that is within its bounds by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Duration")]
pub struct Rto(Duration);

impl Rto {
    /// Before the first sample (RFC 6298 2.1).
    pub const INITIAL: Rto = Rto(Duration::from_secs(1));
    /// Before the first sample when the SYN had to be retransmitted (RFC 6298 5.7).
    pub const AFTER_SYN_TIMEOUT: Rto = Rto(Duration::from_secs(3));
    /// The least that can be: Linux's minimum. RFC 6298 2.4 would have one second, chosen for coarse clocks.
    pub const MIN: Rto = Rto(Profile::Linux.least_rto());
    /// The maximum, unless a lower one is set (RFC 6298 2.5 allows any of at least 60 s).
    pub const MAX: Rto = Rto(Duration::from_secs(120));

    /// The time-out for a computed value, brought within the bounds.
    pub fn clamped(value: Duration, profile: Profile) -> Rto {
        Rto(value.clamp(profile.least_rto(), Rto::MAX.0))
    }

    /// Doubled `times` times, up to the maximum (RFC 6298 5.5).
    pub fn backed_off(self, times: u8) -> Rto {
        let factor = 1u32.checked_shl(times.into()).unwrap_or(u32::MAX);
        Rto(self.0.saturating_mul(factor).min(Rto::MAX.0))
    }

    /// It, or `limit` if that is shorter.
    pub fn at_most(self, limit: Duration) -> Rto {
        Rto(self.0.min(limit))
    }

    /// The time-out as a duration.
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}

/// The time-out, or the nearest that [`Profile::Linux`] has.
impl From<Duration> for Rto {
    fn from(value: Duration) -> Self {
        Rto::clamped(value, Profile::Linux)
    }
}

/// The shortest round trip of late, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortest {
    /// Since when `now` is looked for.
    since: u64,
    now: u64,
    /// That of the time before.
    before: u64,
}

impl Shortest {
    fn sample(self, at: Instant, rtt: u64) -> Shortest {
        let at = at.as_nanos();
        match at.saturating_sub(self.since) {
            age if age < SHORTEST_NS => Shortest { now: self.now.min(rtt), ..self },
            age if age < 2 * SHORTEST_NS => Shortest { since: at, now: rtt, before: self.now },
            _ => Shortest { since: at, now: rtt, before: rtt },
        }
    }
}

/// What is known of the path's round-trip time; figures in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RttEstimator {
    /// No sample yet; the time-out in use.
    Initial(Rto),
    /// At least one sample.
    Measured {
        /// Smoothed round-trip time.
        srtt: u64,
        /// Its variation: the largest of a round trip, and four times that is in the time-out.
        rttvar: u64,
        /// The variation at present, and the largest one of this round trip.
        deviation: Deviation,
        /// The shortest sample.
        shortest: Shortest,
        /// The time-out that follows from them: it is asked for more often than they change.
        rto: Rto,
    },
}

/// The variation within a round trip, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deviation {
    mean: u64,
    largest: u64,
    /// The place whose acknowledgment ends this round trip.
    round_end: u64,
}

impl Default for RttEstimator {
    fn default() -> Self {
        RttEstimator::Initial(Rto::INITIAL)
    }
}

impl RttEstimator {
    /// Takes a sample in (RFC 6298 2.2 and 2.3) at `now`, while places up to `una` are acknowledged and up to
    /// `nxt` sent.
    pub fn sample(&mut self, profile: Profile, now: Instant, rtt: Duration, una: u64, nxt: u64) {
        let rtt = rtt.as_nanos() as u64;
        *self = match *self {
            RttEstimator::Initial(_) => RttEstimator::first(profile, now, rtt, nxt),
            RttEstimator::Measured { srtt, rttvar, deviation, shortest, .. }
                if profile == Profile::Rfc =>
            {
                let rttvar = (rttvar * 3 + srtt.abs_diff(rtt)) / 4;
                let srtt = (srtt * 7 + rtt) / 8;
                let shortest = shortest.sample(now, rtt);
                RttEstimator::measured(profile, srtt, rttvar, deviation, shortest)
            }
            RttEstimator::Measured { srtt, rttvar, deviation, shortest, .. } => {
                let error = srtt.abs_diff(rtt);
                let mut late = deviation;
                // A path that becomes faster is no less reliable: that counts for an eighth of it.
                late.mean = match rtt < srtt && error > late.mean {
                    true => late.mean + (error - late.mean) / 32,
                    false => (late.mean * 3 + error) / 4,
                };
                late.largest = late.largest.max(late.mean);
                let mut rttvar = rttvar.max(late.largest);
                if una > late.round_end {
                    rttvar -= (rttvar - late.largest) / 4;
                    late = Deviation { mean: late.mean, largest: FLOOR_NS / 4, round_end: nxt };
                }
                let srtt = (srtt * 7 + rtt) / 8;
                let shortest = shortest.sample(now, rtt);
                RttEstimator::measured(profile, srtt, rttvar, late, shortest)
            }
        };
    }

    /// After the first sample (RFC 6298 2.2).
    fn first(profile: Profile, now: Instant, rtt: u64, nxt: u64) -> Self {
        let floor = if profile == Profile::Linux { FLOOR_NS / 4 } else { 0 };
        let rttvar = (rtt / 2).max(floor);
        let deviation = Deviation { mean: rtt / 2, largest: rttvar, round_end: nxt };
        let shortest = Shortest { since: now.as_nanos(), now: rtt, before: rtt };
        RttEstimator::measured(profile, rtt, rttvar, deviation, shortest)
    }

    fn measured(
        profile: Profile,
        srtt: u64,
        rttvar: u64,
        deviation: Deviation,
        shortest: Shortest,
    ) -> Self {
        let rto = Rto::clamped(Duration::from_nanos(srtt + rttvar * 4), profile);
        RttEstimator::Measured { srtt, rttvar, deviation, shortest, rto }
    }

    /// The SYN had to be retransmitted: until the first sample, be careful (RFC 6298 5.7).
    pub fn syn_timed_out(&mut self) {
        if let RttEstimator::Initial(rto) = self {
            *rto = Rto::AFTER_SYN_TIMEOUT;
        }
    }

    /// The retransmission time-out without backoff.
    pub fn rto(&self) -> Rto {
        match *self {
            RttEstimator::Initial(rto) | RttEstimator::Measured { rto, .. } => rto,
        }
    }

    /// The smoothed round-trip time, once there was a sample.
    pub fn srtt(&self) -> Option<Duration> {
        match *self {
            RttEstimator::Initial(_) => None,
            RttEstimator::Measured { srtt, .. } => Some(Duration::from_nanos(srtt)),
        }
    }

    /// The shortest sample of the last ten to twenty seconds; zero before the first.
    pub fn min(&self) -> Duration {
        match *self {
            RttEstimator::Initial(_) => Duration::ZERO,
            RttEstimator::Measured { shortest, .. } => {
                Duration::from_nanos(shortest.now.min(shortest.before))
            }
        }
    }

    /// The variation of the round-trip time; zero before the first sample.
    pub fn rttvar(&self) -> Duration {
        match *self {
            RttEstimator::Initial(_) => Duration::ZERO,
            RttEstimator::Measured { rttvar, .. } => Duration::from_nanos(rttvar),
        }
    }
}

#[cfg(test)]
mod tests;
