//! How many answers to unacceptable segments one connection gives (RFC 5961 7).

use serde::{Deserialize, Serialize};

use crate::time::{Duration, Instant};

/// Answers allowed in each [`PERIOD`].
const LIMIT: u8 = 10;
/// The length of a period.
const PERIOD: Duration = Duration::from_secs(5);

/// Counts per connection, so that an attacker on one cannot learn anything about another
/// (CVE-2016-5696).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChallengeLimit {
    period_start: Instant,
    left: u8,
}

impl Default for ChallengeLimit {
    fn default() -> Self {
        ChallengeLimit { period_start: Instant::ZERO, left: LIMIT }
    }
}

impl ChallengeLimit {
    /// Whether one more answer may be given now.
    pub fn allow(&mut self, now: Instant) -> bool {
        if now.since(self.period_start) >= PERIOD {
            *self = ChallengeLimit { period_start: now, left: LIMIT };
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests;
