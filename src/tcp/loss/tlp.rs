//! TLP: a probe for a loss at the tail, after which nothing comes that would show it (RFC 8985 7).

use serde::{Deserialize, Serialize};

use crate::time::Duration;

/// The probe comes so much later than two round trips, for the sake of the peer's clock (as Linux).
const SLACK: Duration = Duration::from_millis(2);
/// A peer with one segment to acknowledge may wait so long for company: Linux and this stack do.
const ACK_DELAY: Duration = Duration::from_millis(40);
/// And so much longer does its acknowledgment take on the way.
const ACK_SLACK: Duration = Duration::from_millis(10);

/// A probe that was sent and not yet answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Place after it: SND.NXT when it was sent.
    pub end: u64,
    /// It sent again what begins here; `None`: it was new data.
    pub again: Option<u64>,
}

/// What an acknowledgment says of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing yet.
    Open,
    /// Nothing was lost.
    Needless,
    /// It has repaired a loss, which congestion control has to hear of (RFC 8985 7.4.2).
    Repaired,
}

impl Probe {
    /// What an acknowledgment up to `una` says of it, that reports the octets `dsack` to have arrived
    /// twice, or (`bare`) reports nothing and acknowledges nothing new (RFC 8985 7.4.2).
    pub fn answer(&self, una: u64, dsack: Option<(u64, u64)>, bare: bool) -> Answer {
        let twice = |start| bare || dsack.is_some_and(|(from, to)| from <= start && start < to);
        match self.again {
            Some(start) if una >= self.end && twice(start) => Answer::Needless,
            Some(_) if una > self.end => Answer::Repaired,
            None if una >= self.end => Answer::Needless,
            _ => Answer::Open,
        }
    }
}

/// How long to wait for an acknowledgment before the probe (RFC 8985 7.2): two round trips. With one
/// segment in flight the peer may delay the acknowledgment, by `peer_delay` if that is said. Linux and the RFC say
/// 200 ms, which no stack in use takes for what ends a burst; otherwise it is what they do take.
pub fn timeout(
    srtt: Option<Duration>,
    one_segment: bool,
    peer_delay: Option<Duration>,
) -> Duration {
    let Some(srtt) = srtt else {
        return Duration::from_secs(1);
    };
    let two = 2 * srtt;
    match (one_segment, peer_delay) {
        (false, _) => two + SLACK,
        (true, Some(delay)) => two + delay,
        (true, None) => (two + SLACK).max(srtt + ACK_DELAY + ACK_SLACK),
    }
}

#[cfg(test)]
mod tests;
