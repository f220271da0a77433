//! Pacing: what a window allows is spread over the round trip, in bursts of about a millisecond.

use serde::{Deserialize, Serialize};

use crate::time::{Duration, Instant};

/// A burst is about what is sent in so long (as Linux).
const BURST: Duration = Duration::from_millis(1);

/// What may go at once on the shortest path, in bytes; it is halved for each of the other in the shortest round trip.
const WHOLE: u32 = 1 << 16;
const HALVING: Duration = Duration::from_micros(512);

/// When the next burst may go.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Pacer {
    next: Instant,
}

impl Pacer {
    /// When the next burst may go.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// `bytes` are being sent at `rate` bytes a second. Time that was not used is made up for by half
    /// at most, so that a late timer does not make the rate lower (as Linux).
    pub fn on_sent(&mut self, now: Instant, bytes: u32, rate: u64) {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let late = now.since(self.next).min(takes / 2);
        self.next = now.max(self.next) + (takes - late);
    }
}

/// Bytes that may go in one burst at `rate` bytes a second.
pub fn burst(rate: u64) -> u32 {
    let bytes = u128::from(rate) * BURST.as_nanos() / 1_000_000_000;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Bytes that may go in one burst where nobody asks for pacing (as Linux): at the rate that [`rate`] gives, and beside that 64 KiB,
/// halved for each half a millisecond of the shortest round trip. On a short path the others wait little for it, and to
/// cut it small costs work.
pub fn unpaced_burst(cwnd: u32, srtt: Duration, min_rtt: Duration, slow_start: bool) -> u32 {
    let halvings = nanos(min_rtt) / nanos(HALVING);
    let short = u32::try_from(halvings).ok().and_then(|count| WHOLE.checked_shr(count));
    if short == Some(WHOLE) {
        return WHOLE;
    }
    let due = u64::from(cwnd) * percent(slow_start) / 100 * nanos(BURST) / nanos(srtt).max(1);
    u32::try_from(due).unwrap_or(u32::MAX).saturating_add(short.unwrap_or(0))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Slow start sends twice a window in a round trip, so that the window can double, and everybody else a fifth more.
fn percent(slow_start: bool) -> u64 {
    if slow_start { 200 } else { 120 }
}

/// The rate for a window of `cwnd` bytes a round trip: twice as much in slow start, so that it can double,
/// and a fifth more afterwards (as Linux). `None` without a sample.
pub fn rate(cwnd: u32, srtt: Option<Duration>, slow_start: bool) -> Option<u64> {
    let nanos = srtt?.as_nanos().max(1);
    let rate = u128::from(cwnd) * 1_000_000_000 * u128::from(percent(slow_start)) / 100 / nanos;
    Some(u64::try_from(rate).unwrap_or(u64::MAX).max(1))
}

#[cfg(test)]
mod tests;
