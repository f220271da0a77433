//! CUBIC (RFC 9438): the window follows a cubic curve of the time since the last loss. It is flat where
//! the loss was and steep far from there, and does not depend on the round trip, so that long fat paths
//! are filled as quickly as short ones. Where Reno would be faster, it is as fast as Reno.
//!
//! ```text
//!   cwnd |                                  /
//!        |  loss                           /   convex: looks for more (4.5)
//!  W_max |  /|            _ _ . - - - . _/
//!        | / |       . '
//!        |   |   . '    concave: back to where the loss was (4.4)
//!  0.7 x |   |/
//!        +-------------------------K--------> t
//! ```
//!
//! The first slow start is that of HyStart++ (RFC 9406). Windows are in bytes; the curve, of which the
//! RFC speaks in segments, is multiplied by the segment size. All arithmetic is that of integers, and so
//! the same on every machine.

use serde::{Deserialize, Serialize};

use super::hystart::{CONSERVATIVE_DIVISOR, HyStart, Pace};
use super::window::Window;
use super::{Ack, Algorithm, CongestionControl, Recovery, Signal, Timeout};
use crate::tcp::Profile;
use crate::time::{Duration, Instant};

/// What a loss leaves of the window: beta_cubic, 0.7 (RFC 9438 4.6).
const BETA: (u64, u64) = (7, 10);
/// What fast convergence leaves of W_max: (1 + beta_cubic) / 2 (RFC 9438 4.7).
const FAST_CONVERGENCE: (u64, u64) = (17, 20);
/// How much slower than Reno's the estimate W_est grows, because a loss takes less away: alpha_cubic =
/// 3 (1 - beta_cubic) / (1 + beta_cubic) (RFC 9438 4.3).
const ALPHA: (u64, u64) = (9, 17);
/// How steep the curve is: C, 0.4 segments a second cubed (RFC 9438 5.1).
const C: (u64, u64) = (2, 5);

/// The curve counts time in parts of a second, two to this power of them: so the cube needs a shift and
/// no division, and a tick is a microsecond, nearly.
const TICK_BITS: u32 = 20;
/// Nanoseconds after which the curve rises no more: longer than any needs to reach the largest window,
/// and short enough for the cube.
const LONGEST: u64 = 4096 * SECOND;
/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// The algorithm.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cubic {
    state: State,
    /// What it was before the last reduction (RFC 9438 4.9).
    saved: Option<State>,
}

/// All that a reduction changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    window: Window,
    hystart: HyStart,
    /// W_max: where the curve is flat. `None` where the next stage of congestion avoidance has nothing to
    /// come back to and begins there (RFC 9438 4.8, 4.10).
    w_max: Option<u32>,
    /// The window before the last reduction, cwnd_prior; 0 before there was one.
    cwnd_prior: u32,
    /// The present stage of congestion avoidance; `None` until the first acknowledgment in it.
    epoch: Option<Epoch>,
}

/// A stage of congestion avoidance.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Epoch {
    /// When it began, later by all the time in which the window was not needed.
    start: Instant,
    /// The last acknowledgment that told whether it was.
    seen: Instant,
    /// Ticks from the beginning to the plateau: K.
    k: u64,
    /// W_max, in bytes.
    plateau: u32,
    /// The window that Reno would have: W_est.
    w_est: u64,
    /// What is left of dividing the last growth of W_est, and of the window.
    rests: (u64, u64),
}

impl Cubic {
    /// On a fresh path; `mss` is the text of a full-sized segment, in bytes.
    pub(super) fn new(mss: u32, profile: Profile) -> Self {
        Cubic { state: State::new(Window::new(mss, profile)), saved: None }
    }
}

impl CongestionControl for Cubic {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Cubic
    }

    fn recovery(&self) -> Recovery {
        Recovery::Proportional
    }

    fn on_handshake(&mut self, mss: u32) {
        *self = Cubic::new(mss, self.state.window.profile);
    }

    fn adopt(&mut self, window: u32, ssthresh: Option<u32>) {
        *self = Cubic::new(self.state.window.mss, self.state.window.profile);
        self.state.window.adopt(window, ssthresh);
    }

    fn on_sent(&mut self, now: Instant, _in_flight: u32, idle: bool) {
        if let Some(epoch) = &mut self.state.epoch
            && idle
        {
            epoch.pause(now);
        }
    }

    fn on_ack(&mut self, ack: &Ack) {
        // RFC 3168 6.1.2: an echo makes the window no larger, but for slow start after a loss, which has to go on. In the
        // first one it is of a mark that is answered after this.
        let (first, slow) =
            (self.state.window.ssthresh.is_none(), self.state.window.in_slow_start());
        if ack.recovering || (ack.ece && (first || !slow)) {
            return;
        }
        if slow {
            self.state.slow_start(ack);
        } else {
            self.state.avoid(ack);
        }
    }

    fn on_congestion(&mut self, _now: Instant, _in_flight: u32, signal: Signal) {
        self.saved = Some(self.state.clone());
        self.state.reduce(signal);
    }

    fn on_rto(&mut self, _now: Instant, _in_flight: u32, loss: Timeout) {
        // RFC 5681 3.1: ssthresh stays when the same data is lost again; RFC 9438 4.9.1: and the state to
        // come back to is that before the first time.
        if loss != Timeout::Again {
            self.saved = Some(self.state.clone());
        }
        if loss == Timeout::First {
            self.state.lower_ssthresh();
        }
        self.state.w_max = None;
        self.state.epoch = None;
        self.state.window.restart();
    }

    fn on_recovered(&mut self, _now: Instant, _in_flight: u32) {
        // The window is ssthresh since the loss, or grows to it after a time-out.
    }

    fn on_undo(&mut self, now: Instant) {
        let Some(saved) = self.saved.take() else { return };
        // RFC 9438 4.9.2: it may have grown beyond since.
        let cwnd = self.state.window.cwnd.max(saved.window.cwnd);
        self.state = saved;
        self.state.window.cwnd = cwnd;
        if let Some(epoch) = &mut self.state.epoch {
            epoch.seen = now;
        }
    }

    fn on_idle_restart(&mut self, idle: Duration, rto: Duration) {
        self.state.shrink(|window| window.decay_idle(idle, rto));
    }

    fn on_underused(&mut self, used: u32) {
        self.state.shrink(|window| window.decay_unused(used));
    }

    fn on_mss(&mut self, mss: u32) {
        for state in [Some(&mut self.state), self.saved.as_mut()].into_iter().flatten() {
            state.window.resize(mss);
            // The curve is one of segments. W_max stays, as ssthresh does: the path holds as many bytes as
            // before.
            state.epoch = None;
        }
    }

    fn window(&self) -> u32 {
        whole(self.state.window.cwnd, self.state.window.mss)
    }

    fn ssthresh(&self) -> Option<u32> {
        self.state.window.ssthresh.map(|ssthresh| whole(ssthresh, self.state.window.mss))
    }
}

impl State {
    fn new(window: Window) -> Self {
        State { window, hystart: HyStart::default(), w_max: None, cwnd_prior: 0, epoch: None }
    }

    /// RFC 9438 4.10: HyStart++ in the first one, standard slow start in all others (RFC 9406 4.3).
    fn slow_start(&mut self, ack: &Ack) {
        self.epoch = None;
        let mut growth = self.window.slow_start_step(ack.acked);
        match self.window.ssthresh {
            Some(ssthresh) => growth = growth.min(ssthresh - self.window.cwnd),
            None => match self.hystart.on_ack(ack) {
                Pace::Full => {}
                Pace::Conservative => growth /= CONSERVATIVE_DIVISOR,
                Pace::Over => {
                    // RFC 9438 4.10: without a loss there is no W_max.
                    self.cwnd_prior = self.window.cwnd;
                    self.window.ssthresh = Some(self.window.cwnd);
                    return;
                }
            },
        }
        if ack.window_limited {
            self.window.increase(growth);
        }
    }

    /// Congestion avoidance (RFC 9438 4.2 to 4.5).
    fn avoid(&mut self, ack: &Ack) {
        if !ack.window_limited {
            // RFC 9438 4.2, 5.8: the curve waits while the application needs less.
            if let Some(epoch) = &mut self.epoch {
                epoch.pause(ack.now);
            }
            return;
        }
        let Window { cwnd, mss, .. } = self.window;
        let w_max = *self.w_max.get_or_insert(cwnd);
        let epoch = self.epoch.get_or_insert_with(|| Epoch::new(ack.now, cwnd, w_max, mss));
        epoch.seen = ack.now;
        // What was sent in an earlier, larger window counts no more than the whole of this one.
        let acked = ack.acked.min(cwnd);
        epoch.estimate(acked, cwnd, self.cwnd_prior, mss);
        let rtt = ack.srtt.or(ack.rtt).unwrap_or_default();
        let larger = epoch.next_window(ack.now, rtt, acked, cwnd, mss);
        let growth = larger.saturating_sub(u64::from(cwnd));
        self.window.increase(u32::try_from(growth).unwrap_or(u32::MAX));
    }

    /// Multiplicative decrease (RFC 9438 4.6) and fast convergence (4.7). A mark is answered as a loss is,
    /// as 4.6 has it and Linux; the milder answer of RFC 8511 is an experiment for routers with short
    /// queues, and nothing tells that there is one.
    fn reduce(&mut self, signal: Signal) {
        let cwnd = self.window.cwnd;
        let yields = self.w_max.is_some_and(|w_max| cwnd < w_max);
        self.w_max = Some(if yields { part(cwnd, FAST_CONVERGENCE) } else { cwnd });
        let left = self.lower_ssthresh();
        self.window.cwnd = match signal {
            Signal::Loss => left.max(2 * self.window.mss),
            Signal::Ecn => left.max(self.window.mss),
        };
        self.epoch = None;
    }

    /// The part of the window that is the new threshold (RFC 9438 4.6, 4.8), which is returned as it is before it is
    /// made two segments at least. Not of what was in flight: `usage` keeps the window from growing beyond what is
    /// needed, as 4.6 asks where the window counts. What a receive window has held back is no congestion.
    fn lower_ssthresh(&mut self) -> u32 {
        let cwnd = self.window.cwnd;
        self.cwnd_prior = cwnd;
        let left = part(cwnd, BETA);
        self.window.set_ssthresh(left);
        left
    }

    /// The window was not needed. From a smaller one a new stage begins, for the estimate of the old one
    /// would lead back at once.
    fn shrink(&mut self, how: impl FnOnce(&mut Window)) {
        let before = self.window.cwnd;
        how(&mut self.window);
        if self.window.cwnd < before {
            self.epoch = None;
        }
    }
}

impl Epoch {
    /// Begins with the window `cwnd` (RFC 9438 4.2).
    fn new(now: Instant, cwnd: u32, w_max: u32, mss: u32) -> Self {
        // Where the window is already above the plateau, the curve begins flat and convex, as in Linux.
        let plateau = w_max.max(cwnd);
        let missing = u128::from(plateau - cwnd) << (3 * TICK_BITS);
        let k = cube_root(missing * u128::from(C.1) / u128::from(C.0) / u128::from(mss));
        Epoch { start: now, seen: now, k, plateau, w_est: cwnd.into(), rests: (0, 0) }
    }

    /// The time since anything was last heard does not count.
    fn pause(&mut self, now: Instant) {
        self.start += now.since(self.seen);
        self.seen = self.seen.max(now);
    }

    /// W_est grows as Reno's window would: by alpha_cubic segments a round trip, and by one as soon as it
    /// has what there was before the reduction (RFC 9438 4.3).
    fn estimate(&mut self, acked: u32, cwnd: u32, cwnd_prior: u32, mss: u32) {
        let slower = self.w_est < u64::from(cwnd_prior);
        let alpha = if slower { ALPHA.0 } else { ALPHA.1 };
        let growth = u64::from(mss) * u64::from(acked) * alpha + self.rests.0;
        let divisor = u64::from(cwnd) * ALPHA.1;
        self.w_est += growth / divisor;
        self.rests.0 = growth % divisor;
    }

    /// Where the window goes from `cwnd` when `acked` bytes are acknowledged.
    fn next_window(&mut self, now: Instant, rtt: Duration, acked: u32, cwnd: u32, mss: u32) -> u64 {
        let elapsed = now.since(self.start);
        // RFC 9438 4.3: the region in which Reno is faster.
        if self.curve(elapsed, mss) < self.w_est {
            return self.w_est;
        }
        // RFC 9438 4.4, 4.5: towards where the curve is a round trip later.
        let cwnd = u64::from(cwnd);
        let target = self.curve(elapsed.saturating_add(rtt), mss).clamp(cwnd, cwnd + cwnd / 2);
        let growth = (target - cwnd) * u64::from(acked) + self.rests.1;
        self.rests.1 = growth % cwnd;
        cwnd + growth / cwnd
    }

    /// W_cubic at `elapsed`: C (t - K)^3 + W_max (RFC 9438 4.2).
    fn curve(&self, elapsed: Duration, mss: u32) -> u64 {
        let (t, plateau) = (ticks(elapsed), u64::from(self.plateau));
        let cubed = u128::from(t.abs_diff(self.k)).pow(3) * u128::from(mss);
        let apart = u64::try_from(cubed >> (3 * TICK_BITS)).unwrap_or(u64::MAX / C.0);
        let apart = apart * C.0 / C.1;
        if t < self.k { plateau.saturating_sub(apart) } else { plateau + apart }
    }
}

/// A part of so many bytes, of which it is no more.
fn part(bytes: u32, (numerator, denominator): (u64, u64)) -> u32 {
    u32::try_from(u64::from(bytes) * numerator / denominator).unwrap_or(bytes)
}

/// The nearest number of whole segments, in bytes. No others are sent, so the rest would be wasted: half a segment in
/// the mean, which is a tenth of a window of five.
fn whole(bytes: u32, mss: u32) -> u32 {
    (bytes + mss / 2) / mss * mss
}

/// Time as the curve counts it.
fn ticks(time: Duration) -> u64 {
    (u64::try_from(time.as_nanos()).unwrap_or(LONGEST).min(LONGEST) << TICK_BITS) / SECOND
}

/// The largest number whose cube is no more than `cube`; bit by bit, for it is wanted once a loss.
fn cube_root(cube: u128) -> u64 {
    let mut root = 0;
    for bit in (0..u128::BITS / 3).rev() {
        let larger = root | 1 << bit;
        if u128::from(larger).pow(3) <= cube {
            root = larger;
        }
    }
    root
}

#[cfg(test)]
mod tests;
