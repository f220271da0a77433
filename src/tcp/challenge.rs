//! How many answers to unacceptable segments one connection gives (RFC 5961 7).

use serde::{Deserialize, Serialize};

use crate::time::Instant;

/// Answers allowed in each [`PERIOD`].
const LIMIT: u8 = 10;
/// The length of a period, in milliseconds.
const PERIOD: u32 = 5_000;

/// Counts per connection, so that an attacker on one cannot learn anything about another
/// (CVE-2016-5696). Five bytes, for half-open connections have one, too.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[repr(C, packed)]
pub struct ChallengeLimit {
    /// In milliseconds. The clock comes round after 49 days: what a connection has left may then be that of so long ago.
    period_start: u32,
    left: u8,
}

impl Default for ChallengeLimit {
    fn default() -> Self {
        ChallengeLimit { period_start: 0, left: LIMIT }
    }
}

impl ChallengeLimit {
    /// Whether one more answer may be given now.
    pub fn allow(&mut self, now: Instant) -> bool {
        let now = now.as_millis() as u32;
        if now.wrapping_sub(self.period_start) >= PERIOD {
            *self = ChallengeLimit { period_start: now, left: LIMIT };
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests;
