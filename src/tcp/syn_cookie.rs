//! SYN cookies (RFC 4987 3.6): where there is no room for another half-open connection, the SYN-ACK says all that a
//! record would keep, and the acknowledgment brings it back.
//!
//! ```text
//!   our sequence number   hash(ends) + the peer's + (t << 24) + (hash(ends, t) + index of the MSS) mod 2^24
//!   our timestamp         the clock, but for its last bits:  SACK | window scale (15: none)
//! ```
//!
//! t counts spans of 64 s, of which the cookie has the last eight bits and the hash all; a cookie of this one or the one before is good. Without timestamps a connection has neither
//! SACK nor scaled windows, and none has ECN: there is no room to remember that it was agreed on.

use crate::tcp::isn::Secrets;
use crate::tcp::tcb::Endpoints;
use crate::time::{Duration, Instant};
use crate::wire::SeqNum;

/// How long t stays the same.
const SPAN: Duration = Duration::from_secs(64);
/// A cookie is good for so many of them, its own included.
const SPANS: u32 = 2;
/// How long after a cookie was made one may come back.
pub const LIFETIME: Duration = Duration::from_secs(64 * SPANS as u64);

/// The segment sizes that can be kept; of others the next smaller one is, or the first.
const SIZES: [u16; 8] = [88, 536, 1220, 1360, 1400, 1440, 1460, 8960];
/// Bits of a cookie below t.
const LOW: u32 = (1 << 24) - 1;
/// Bits of a timestamp that say something else than the time.
const STAMP: u32 = (1 << 5) - 1;
/// That windows are not scaled.
const NO_SCALE: u32 = 15;
const SACK: u32 = 1 << 4;

/// Which number a hash is for (see [`Secrets::hash`]).
const ENDS: u32 = 2;
const ENDS_AND_TIME: u32 = 3;

fn span(now: Instant) -> u32 {
    (now.since(Instant::ZERO).as_nanos() / SPAN.as_nanos()) as u32
}

impl Secrets {
    /// The sequence number of a SYN-ACK that keeps the peer's MSS, if it has said one.
    pub fn syn_cookie(
        &self,
        now: Instant,
        ends: Endpoints,
        irs: SeqNum,
        mss: Option<u16>,
    ) -> SeqNum {
        let mss = mss.unwrap_or(SIZES[1]);
        let index = SIZES.iter().rposition(|&size| size <= mss).unwrap_or(0) as u32;
        let t = span(now);
        let low = self.of_time(ends, t).wrapping_add(index) & LOW;
        SeqNum::new(self.of_ends(ends).wrapping_add(irs.value()).wrapping_add((t << 24) | low))
    }

    /// The MSS that the cookie `iss` has kept; `None` for what is no cookie of ours, or too old.
    pub fn open_syn_cookie(
        &self,
        now: Instant,
        ends: Endpoints,
        irs: SeqNum,
        iss: SeqNum,
    ) -> Option<u16> {
        let cookie = iss.value().wrapping_sub(self.of_ends(ends)).wrapping_sub(irs.value());
        let now = span(now);
        let age = now.wrapping_sub(cookie >> 24) & 0xff;
        let t = now.wrapping_sub(age);
        let index = cookie.wrapping_sub(self.of_time(ends, t)) & LOW;
        SIZES.get(index as usize).copied().filter(|_| age < SPANS)
    }

    fn of_ends(&self, ends: Endpoints) -> u32 {
        self.hash(ENDS, ends.local, ends.remote) as u32
    }

    fn of_time(&self, ends: Endpoints, t: u32) -> u32 {
        self.hash(ENDS_AND_TIME | t << 8, ends.local, ends.remote) as u32
    }
}

/// Our timestamp at `clock` that keeps the rest; never later than the clock, which goes on from there.
pub fn stamp(clock: u32, window_scale: Option<u8>, sack: bool) -> u32 {
    let kept = window_scale.map_or(NO_SCALE, u32::from) | if sack { SACK } else { 0 };
    let stamp = clock & !STAMP | kept;
    if stamp.wrapping_sub(clock) as i32 > 0 { stamp.wrapping_sub(STAMP + 1) } else { stamp }
}

/// The window scale and whether there is SACK, as an echo of that timestamp says.
pub fn read_stamp(echo: u32) -> (Option<u8>, bool) {
    let scale = echo & NO_SCALE;
    ((scale != NO_SCALE).then_some(scale as u8), echo & SACK != 0)
}

#[cfg(test)]
mod tests;
