//! The timers of one connection: an array of deadlines.

use serde::{Deserialize, Serialize};

use crate::event::TimerKind;
use crate::time::Instant;

const COUNT: usize = 8;

/// One deadline for each kind of timer; the earliest is what the stack's wheel knows. What is written down of them
/// where a connection rests is that for keepalive, which alone may be running then.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Resting", into = "Resting")]
pub struct Timers {
    deadlines: [Instant; COUNT],
    /// A bit for each that was set or stopped since [`Timers::take_changes`].
    changed: u8,
}

impl Default for Timers {
    fn default() -> Self {
        Timers { deadlines: [Instant::FAR_FUTURE; COUNT], changed: 0 }
    }
}

/// When keepalive goes off, and what has changed.
type Resting = (Option<Instant>, u8);

impl From<Resting> for Timers {
    fn from((keepalive, changed): Resting) -> Self {
        let mut timers = Timers::default();
        timers.arm(TimerKind::Keepalive, keepalive.unwrap_or(Instant::FAR_FUTURE));
        Timers { changed, ..timers }
    }
}

impl From<Timers> for Resting {
    fn from(timers: Timers) -> Self {
        (timers.next(), timers.changed)
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
        self.set(timer, at);
    }

    fn set(&mut self, timer: TimerKind, at: Instant) {
        let deadline = &mut self.deadlines[timer as usize];
        self.changed |= u8::from(*deadline != at) << timer as u8;
        *deadline = at;
    }

    /// Lets `timer` go off at `at` unless it is already running.
    pub fn arm_if_idle(&mut self, timer: TimerKind, at: Instant) {
        if !self.is_armed(timer) {
            self.arm(timer, at);
        }
    }

    /// Lets `timer` go off at `at` unless it goes off before that.
    pub fn arm_no_later(&mut self, timer: TimerKind, at: Instant) {
        self.arm(timer, self.deadlines[timer as usize].min(at));
    }

    /// Whether `timer` goes off at `at` or before.
    pub fn goes_off_by(&self, timer: TimerKind, at: Instant) -> bool {
        self.deadlines[timer as usize] <= at
    }

    /// Stops `timer`.
    pub fn cancel(&mut self, timer: TimerKind) {
        self.set(timer, Instant::FAR_FUTURE);
    }

    /// Stops all timers.
    pub fn cancel_all(&mut self) {
        Timers::KINDS.into_iter().for_each(|timer| self.cancel(timer));
    }

    /// Whether `timer` runs.
    pub fn is_armed(&self, timer: TimerKind) -> bool {
        self.deadlines[timer as usize] != Instant::FAR_FUTURE
    }

    /// Whether no other timer than `timer` is running.
    pub fn only(&self, timer: TimerKind) -> bool {
        let others = Timers::KINDS.into_iter().filter(|&kind| kind != timer);
        others.into_iter().all(|kind| !self.is_armed(kind))
    }

    /// When the next timer goes off.
    pub fn next(&self) -> Option<Instant> {
        self.deadlines.iter().copied().min().filter(|&at| at != Instant::FAR_FUTURE)
    }

    /// Which timer goes off next, and when.
    pub fn next_timer(&self) -> Option<(TimerKind, Instant)> {
        let all = Timers::KINDS.into_iter().map(|kind| (kind, self.deadlines[kind as usize]));
        all.min_by_key(|&(_, at)| at).filter(|&(_, at)| at != Instant::FAR_FUTURE)
    }

    /// Stops and names a timer that is due.
    pub fn take_due(&mut self, now: Instant) -> Option<TimerKind> {
        let due = Timers::KINDS.into_iter().find(|&kind| self.deadlines[kind as usize] <= now)?;
        self.cancel(due);
        self.tell_no_change(due);
        Some(due)
    }

    /// That `timer` goes off is told of by itself.
    pub fn tell_no_change(&mut self, timer: TimerKind) {
        self.changed &= !(1 << timer as u8);
    }

    /// Nobody wants to be told of what was set or stopped up to now.
    pub fn forget_changes(&mut self) {
        self.changed = 0;
    }

    /// Those that were set or stopped since the last time, and when they go off now.
    pub fn take_changes(&mut self) -> impl Iterator<Item = (TimerKind, Option<Instant>)> {
        let (changed, deadlines) = (std::mem::take(&mut self.changed), self.deadlines);
        let changed = Timers::KINDS.into_iter().filter(move |&kind| changed & 1 << kind as u8 != 0);
        changed.map(move |kind| {
            let at = deadlines[kind as usize];
            (kind, Some(at).filter(|&at| at != Instant::FAR_FUTURE))
        })
    }
}

#[cfg(test)]
mod tests;
