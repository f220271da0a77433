//! HyStart++ (RFC 9406): the first slow start ends before it fills the queue of the path and loses
//! half a window there.
//!
//! ```text
//!                    the round trip has grown             five rounds
//!   slow start  ------------------------->  conservative  ----------->  congestion avoidance
//!   (window x 2)  <-----------------------  (window x 1.25)
//!                    it is shorter again
//! ```
//!
//! Round trips are compared from round to round. A round ends when everything is acknowledged that
//! was sent before it began.

use serde::{Deserialize, Serialize};

use super::Ack;
use crate::time::Duration;

/// The least growth of the round trip that counts, MIN_RTT_THRESH (RFC 9406 4.3).
const THRESHOLD_MIN: Duration = Duration::from_millis(4);
/// The most that is asked for, MAX_RTT_THRESH.
const THRESHOLD_MAX: Duration = Duration::from_millis(16);
/// In between it is this part of the round trip, MIN_RTT_DIVISOR.
const THRESHOLD_DIVISOR: u32 = 8;
/// Samples that a round must have before its minimum says anything, N_RTT_SAMPLE.
const SAMPLES: u32 = 8;
/// Rounds of conservative slow start, the one in which it begins included, CSS_ROUNDS.
const CONSERVATIVE_ROUNDS: u32 = 5;

/// Conservative slow start grows by this part of what slow start would, CSS_GROWTH_DIVISOR.
pub(super) const CONSERVATIVE_DIVISOR: u32 = 4;

/// How the window is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Slow start. All that is acknowledged counts, L is infinite as in Linux, whether what is sent is paced or
    /// not: receivers of today acknowledge dozens of segments at once, and eight for each (RFC 9406 4.3) would be a
    /// slow start that hardly grows.
    Full,
    /// Slow start by a part, [`CONSERVATIVE_DIVISOR`].
    Conservative,
    /// Congestion avoidance, from the window that there is.
    Over,
}

/// What the first slow start has seen of the round trip.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct HyStart {
    /// Where the sequence space ends whose acknowledgment ends the round; `None` before the first.
    window_end: Option<u64>,
    /// The shortest round trip of the round before, if it had any sample.
    last: Option<Duration>,
    /// That of this round.
    current: Option<Duration>,
    /// Samples in this round.
    samples: u32,
    /// Conservative slow start, while in it.
    conservative: Option<Conservative>,
}

/// Conservative slow start.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Conservative {
    /// The round trip with which it began; if it becomes shorter, that was a mistake.
    baseline: Duration,
    /// Rounds that have ended in it.
    rounds: u32,
}

impl HyStart {
    /// Something is acknowledged in the first slow start. To be called for each such acknowledgment,
    /// whether the window may grow by it or not.
    pub(super) fn on_ack(&mut self, ack: &Ack) -> Pace {
        // The first round is that of the whole initial window; were it that of its first segment, the
        // queue of the window behind it would look like a longer path.
        let window_end = *self.window_end.get_or_insert(ack.nxt);
        if let Some(rtt) = ack.rtt {
            self.sample(rtt);
        }
        if ack.una >= window_end {
            self.next_round(ack.nxt);
        }
        match &self.conservative {
            None => Pace::Full,
            Some(css) if css.rounds < CONSERVATIVE_ROUNDS => Pace::Conservative,
            Some(_) => Pace::Over,
        }
    }

    /// RFC 9406 4.2: looks whether the round trip has grown, or whether that was a mistake.
    fn sample(&mut self, rtt: Duration) {
        let current = self.current.map_or(rtt, |shortest| shortest.min(rtt));
        self.current = Some(current);
        self.samples = self.samples.saturating_add(1);
        if self.samples < SAMPLES {
            return;
        }
        match &self.conservative {
            None => {
                let grown = |last| current >= threshold(last).saturating_add(last);
                if self.last.is_some_and(grown) {
                    self.conservative = Some(Conservative { baseline: current, rounds: 0 });
                }
            }
            Some(css) if current < css.baseline => self.conservative = None,
            Some(_) => {}
        }
    }

    /// RFC 9406 4.2: the next round ends with what is sent by now.
    fn next_round(&mut self, nxt: u64) {
        self.window_end = Some(nxt);
        self.last = self.current.take();
        self.samples = 0;
        if let Some(css) = &mut self.conservative {
            css.rounds = css.rounds.saturating_add(1);
        }
    }
}

/// By how much the round trip must have grown (RttThresh, RFC 9406 4.2).
fn threshold(last: Duration) -> Duration {
    (last / THRESHOLD_DIVISOR).clamp(THRESHOLD_MIN, THRESHOLD_MAX)
}

#[cfg(test)]
mod tests;
