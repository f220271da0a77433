//! The timers of one connection: an array of deadlines.

use serde::{Deserialize, Serialize};

use crate::event::TimerKind;
use crate::time::Instant;

const COUNT: usize = 8;

/// One deadline for each kind of timer; the earliest is what the stack's wheel knows. What is written down of them
/// where a connection rests is that for keepalive, which alone may be running then.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Option<Instant>", into = "Option<Instant>")]
pub struct Timers([Instant; COUNT]);

impl Default for Timers {
    fn default() -> Self {
        Timers([Instant::FAR_FUTURE; COUNT])
    }
}

impl From<Option<Instant>> for Timers {
    fn from(keepalive: Option<Instant>) -> Self {
        let mut timers = Timers::default();
        timers.arm(TimerKind::Keepalive, keepalive.unwrap_or(Instant::FAR_FUTURE));
        timers
    }
}

impl From<Timers> for Option<Instant> {
    fn from(timers: Timers) -> Self {
        timers.next()
    }
}

impl Timers {
    const KINDS: [TimerKind; COUNT] = [
        TimerKind::Retransmission,
        TimerKind::Reordering,
        TimerKind::TailLossProbe,
        TimerKind::Pacing,
        TimerKind::Persist,
        TimerKind::DelayedAck,
        TimerKind::Keepalive,
        TimerKind::Close,
    ];

    /// Lets `timer` go off at `at`, whatever it was set to.
    pub fn arm(&mut self, timer: TimerKind, at: Instant) {
        self.0[timer as usize] = at;
    }

    /// Lets `timer` go off at `at` unless it is already running.
    pub fn arm_if_idle(&mut self, timer: TimerKind, at: Instant) {
        if !self.is_armed(timer) {
            self.arm(timer, at);
        }
    }

    /// Lets `timer` go off at `at` unless it goes off before that.
    pub fn arm_no_later(&mut self, timer: TimerKind, at: Instant) {
        self.arm(timer, self.0[timer as usize].min(at));
    }

    /// Whether `timer` goes off at `at` or before.
    pub fn goes_off_by(&self, timer: TimerKind, at: Instant) -> bool {
        self.0[timer as usize] <= at
    }

    /// Stops `timer`.
    pub fn cancel(&mut self, timer: TimerKind) {
        self.0[timer as usize] = Instant::FAR_FUTURE;
    }

    /// Stops all timers.
    pub fn cancel_all(&mut self) {
        *self = Timers::default();
    }

    /// Whether `timer` runs.
    pub fn is_armed(&self, timer: TimerKind) -> bool {
        self.0[timer as usize] != Instant::FAR_FUTURE
    }

    /// Whether no other timer than `timer` is running.
    pub fn only(&self, timer: TimerKind) -> bool {
        let others = Timers::KINDS.into_iter().filter(|&kind| kind != timer);
        others.into_iter().all(|kind| !self.is_armed(kind))
    }

    /// When the next timer goes off.
    pub fn next(&self) -> Option<Instant> {
        self.0.iter().copied().min().filter(|&at| at != Instant::FAR_FUTURE)
    }

    /// Which timer goes off next, and when.
    pub fn next_timer(&self) -> Option<(TimerKind, Instant)> {
        let all = Timers::KINDS.into_iter().map(|kind| (kind, self.0[kind as usize]));
        all.min_by_key(|&(_, at)| at).filter(|&(_, at)| at != Instant::FAR_FUTURE)
    }

    /// Stops and names a timer that is due.
    pub fn take_due(&mut self, now: Instant) -> Option<TimerKind> {
        let due = Timers::KINDS.into_iter().find(|&kind| self.0[kind as usize] <= now)?;
        self.cancel(due);
        Some(due)
    }
}

#[cfg(test)]
mod tests;
