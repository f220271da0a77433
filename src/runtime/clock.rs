//! The clock of the operating system.

use crate::time::Instant;

/// Monotonic time since the clock was made.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    origin: std::time::Instant,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock { origin: std::time::Instant::now() }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }
}
