//! Whether to look again before going to sleep.
//!
//! Where the other side runs on another processor, to be woken takes longer than its answer: a round trip of 50 us
//! becomes one of 20 if the driver looks at the device for a little longer after it has had something to do. Where both
//! share a processor the other side cannot run meanwhile, and nothing will ever be found. Which it is shows by itself:
//! after some looks in a row that found nothing there is none but now and then.

use std::time::Duration;

use crate::time::Instant;

/// So many in a row that found nothing are enough.
const ENOUGH: u32 = 8;
/// After that, one sleep in so many is put off all the same, to see whether that has changed.
const NOW_AND_THEN: u32 = 256;

/// How long to look for more, and whether that is worth it.
#[derive(Debug)]
pub(super) struct Spin {
    /// How long; nothing is never.
    time: Duration,
    /// Since when it has been looked for more.
    since: Option<Instant>,
    /// How often in a row nothing was found.
    failures: u32,
    /// Sleeps that were not put off since.
    sleeps: u32,
}

impl Spin {
    pub(super) fn new(time: Duration) -> Spin {
        Spin { time, since: None, failures: 0, sleeps: 0 }
    }

    /// There was something to do.
    pub(super) fn found(&mut self) {
        if self.since.take().is_some() {
            self.failures = 0;
        }
    }

    /// Nothing is to be done: whether to look again rather than to sleep.
    pub(super) fn again(&mut self, now: Instant) -> bool {
        match self.since {
            Some(since) if now.since(since) < self.time => true,
            Some(_) => {
                self.since = None;
                self.failures += 1;
                false
            }
            None => {
                self.since = self.is_worth_it().then_some(now);
                self.since.is_some()
            }
        }
    }

    fn is_worth_it(&mut self) -> bool {
        if self.time.is_zero() || self.failures < ENOUGH {
            return !self.time.is_zero();
        }
        self.sleeps += 1;
        self.sleeps.is_multiple_of(NOW_AND_THEN)
    }
}

#[cfg(test)]
mod tests;
