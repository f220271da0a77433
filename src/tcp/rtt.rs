//! Round-trip time and retransmission time-out (RFC 6298).
//!
//! ```text
//!   Initial --first sample--> Measured { srtt, rttvar } --every sample--> Measured
//!   rto = clamp(srtt + max(G, 4 rttvar)) * 2^backoff
//! ```

use crate::time::Duration;

/// The clock is finer than this; the RFC's G keeps the time-out off the mean of a steady path.
const GRANULARITY_NS: u64 = 1_000_000;

/// A retransmission time-out that is within its bounds by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rto(Duration);

impl Rto {
    /// Before the first sample (RFC 6298 2.1).
    pub const INITIAL: Rto = Rto(Duration::from_secs(1));
    /// Before the first sample when the SYN had to be retransmitted (RFC 6298 5.7).
    pub const AFTER_SYN_TIMEOUT: Rto = Rto(Duration::from_secs(3));
    /// Linux's minimum: RFC 6298 2.4 would have one second, chosen for coarse clocks.
    pub const MIN: Rto = Rto(Duration::from_millis(200));
    /// The maximum (RFC 6298 2.5 allows any of at least 60 s).
    pub const MAX: Rto = Rto(Duration::from_secs(120));

    /// The time-out for a computed value, brought within the bounds.
    pub fn clamped(value: Duration) -> Rto {
        Rto(value.clamp(Rto::MIN.0, Rto::MAX.0))
    }

    /// Doubled `times` times, up to the maximum (RFC 6298 5.5).
    pub fn backed_off(self, times: u8) -> Rto {
        let factor = 1u32.checked_shl(times.into()).unwrap_or(u32::MAX);
        Rto(self.0.saturating_mul(factor).min(Rto::MAX.0))
    }

    /// The time-out as a duration.
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}

/// What is known of the path's round-trip time; figures in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RttEstimator {
    /// No sample yet; the time-out in use.
    Initial(Rto),
    /// At least one sample.
    Measured {
        /// Smoothed round-trip time.
        srtt: u64,
        /// Its variation.
        rttvar: u64,
        /// The shortest sample.
        min: u64,
        /// The time-out that follows from them: it is asked for more often than they change.
        rto: Rto,
    },
}

impl Default for RttEstimator {
    fn default() -> Self {
        RttEstimator::Initial(Rto::INITIAL)
    }
}

impl RttEstimator {
    /// Takes a sample in (RFC 6298 2.2 and 2.3).
    pub fn sample(&mut self, rtt: Duration) {
        let rtt = rtt.as_nanos() as u64;
        *self = match *self {
            RttEstimator::Initial(_) => RttEstimator::measured(rtt, rtt / 2, rtt),
            RttEstimator::Measured { srtt, rttvar, min, .. } => RttEstimator::measured(
                (srtt * 7 + rtt) / 8,
                (rttvar * 3 + srtt.abs_diff(rtt)) / 4,
                min.min(rtt),
            ),
        };
    }

    /// With these figures (RFC 6298 2.3).
    pub(crate) fn measured(srtt: u64, rttvar: u64, min: u64) -> Self {
        let rto = Duration::from_nanos(srtt + GRANULARITY_NS.max(rttvar * 4));
        RttEstimator::Measured { srtt, rttvar, min, rto: Rto::clamped(rto) }
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

    /// The shortest sample; zero before the first.
    pub fn min(&self) -> Duration {
        match *self {
            RttEstimator::Initial(_) => Duration::ZERO,
            RttEstimator::Measured { min, .. } => Duration::from_nanos(min),
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
