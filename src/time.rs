//! Monotonic time as a plain number.
//!
//! The core never reads a clock: the driver (or the simulator) passes an [`Instant`] into every
//! turn. Nanoseconds in a `u64` last for 584 years.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};
pub use std::time::Duration;

/// A point in time: nanoseconds since an arbitrary origin chosen by whoever drives the stack.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Instant(u64);

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Instant = Instant(0);
    /// Later than anything that happens; stands for "never" in an array of deadlines.
    pub const FAR_FUTURE: Instant = Instant(u64::MAX);

    /// The instant `nanos` after the origin.
    pub const fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }

    /// The instant `millis` after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Instant(millis * 1_000_000)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Time since `earlier`, or zero when `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration as nanoseconds, saturating after 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, rhs: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(rhs)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, rhs: Duration) -> Instant {
        Instant(self.0.saturating_sub(nanos(rhs)))
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, rhs: Instant) -> Duration {
        self.since(rhs)
    }
}

/// What [`RecentInstant`] counts, in nanoseconds.
const RECENT_UNIT: u64 = 250;

/// A point in time not long past, in four bytes for records of which there may be many: to a quarter of a microsecond,
/// rounded down, and right for 17 minutes. What is longer ago seems to be later than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentInstant(u32);

impl RecentInstant {
    /// Keeps `at`.
    pub const fn new(at: Instant) -> Self {
        RecentInstant((at.0 / RECENT_UNIT) as u32)
    }

    /// When it was: the last point in time up to `now` that would be kept so.
    pub const fn before(self, now: Instant) -> Instant {
        let now = now.0 / RECENT_UNIT;
        let age = (now as u32).wrapping_sub(self.0);
        Instant(now.saturating_sub(age as u64) * RECENT_UNIT)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000_000, self.0 / 1_000 % 1_000_000)
    }
}

#[cfg(test)]
mod tests;
