//! The clock of the operating system.

use nix::time::{ClockId, clock_gettime};

use crate::time::Instant;

/// Monotonic time since the clock was made.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    /// What the system's clock showed then.
    origin_ns: u64,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock { origin_ns: monotonic_ns() }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_nanos(monotonic_ns().saturating_sub(self.origin_ns))
    }
}

/// What the system's monotonic clock shows: positive, never going back, and good for centuries. So
/// there is no need for the standard library's clock, which checks for all of that each time.
fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC)
        .unwrap_or_else(|errno| panic!("there is no monotonic clock: {errno}"));
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}
