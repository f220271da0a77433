//! The clock of the operating system.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use crate::time::{Duration, Instant};

/// Monotonic time since the first clock of this process was made: all of them show the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// What the system's clock showed then.
    origin_ns: u64,
}

impl Clock {
    pub(super) fn new() -> Clock {
        static ORIGIN_NS: OnceLock<u64> = OnceLock::new();
        Clock { origin_ns: *ORIGIN_NS.get_or_init(monotonic_ns) }
    }

    pub(super) fn now(&self) -> Instant {
        Instant::from_nanos(monotonic_ns().saturating_sub(self.origin_ns))
    }
}

/// The time from 1970-01-01 00:00 UTC to [`Instant::ZERO`] on the clocks of drivers, for files that are to
/// say when something was.
pub fn unix_time_of_origin() -> Duration {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_1970.saturating_sub(Clock::new().now() - Instant::ZERO)
}

/// What the system's monotonic clock shows: positive, never going back, and good for centuries. So
/// there is no need for the standard library's clock, which checks for all of that each time.
fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC)
        .unwrap_or_else(|errno| panic!("there is no monotonic clock: {errno}"));
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}
