//! Virtual time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::time::{Duration, Instant};

/// What time it is in a world. Cloning gives another handle to the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    nanos: AtomicU64,
    sleepers: Mutex<Sleepers>,
}

/// Who waits for a time; those of the same time in the order in which they began to wait.
#[derive(Debug, Default)]
struct Sleepers {
    wakers: BTreeMap<(Instant, u64), Waker>,
    next_number: u64,
}

impl Clock {
    /// The time; zero when the world begins.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.shared.nanos.load(Ordering::Relaxed))
    }

    /// Ready when so much time has passed.
    pub fn sleep(&self, time: Duration) -> Sleep {
        self.sleep_until(self.now() + time)
    }

    /// Ready at `deadline`, or at once when that is over.
    pub fn sleep_until(&self, deadline: Instant) -> Sleep {
        Sleep { clock: self.clone(), deadline, number: None }
    }

    /// When the first of those who wait is to be woken.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.sleepers().wakers.keys().next().map(|(deadline, _)| *deadline)
    }

    /// Lets the time be `now` and wakes all who waited for it.
    pub(super) fn advance(&self, now: Instant) {
        self.shared.nanos.store(now.as_nanos(), Ordering::Relaxed);
        let mut sleepers = self.sleepers();
        let later = sleepers.wakers.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut sleepers.wakers, later);
        drop(sleepers);
        due.into_values().for_each(Waker::wake);
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.shared.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a time; see [`Clock::sleep`].
#[derive(Debug)]
#[must_use = "nobody waits unless it is awaited"]
pub struct Sleep {
    clock: Clock,
    deadline: Instant,
    /// Under which number it waits.
    number: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.clock.now() >= self.deadline {
            return Poll::Ready(());
        }
        let mut sleepers = self.clock.sleepers();
        let number = self.number.unwrap_or(sleepers.next_number);
        sleepers.next_number = sleepers.next_number.max(number + 1);
        sleepers.wakers.insert((self.deadline, number), cx.waker().clone());
        drop(sleepers);
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.clock.sleepers().wakers.remove(&(self.deadline, number));
        }
    }
}
