//! Where threads wait.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::task::{self, Poll, Wake, Waker};

use tokio::task::coop;

use crate::net::Net;
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::time::Duration;

/// Where all threads wait that want the same of one socket: to read, say, through any of its clones.
///
/// The stack remembers one waker for each direction of a socket, the last it was given. So all
/// threads give it the same, that of the gate, and when it is called each of them looks again.
///
/// No wake-up is lost: a thread notes how often the gate was woken *before* it asks the stack, and
/// sleeps only while that number stays the same. Whatever comes after the question changes it.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Default)]
struct State {
    /// How often the gate was woken.
    wakes: u64,
    /// Threads that sleep; without one there is nobody to notify.
    sleeping: usize,
    /// How long each call may wait.
    timeout: Option<Duration>,
}

impl Gate {
    /// Asks `poll` until it is ready. When that takes longer than the time-out, or any time at all if
    /// `nonblocking`, it is `WouldBlock`, as on Linux.
    pub(super) fn wait<T>(
        self: &Arc<Self>,
        net: &Net,
        nonblocking: bool,
        mut poll: impl FnMut(&mut task::Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        let patience = if nonblocking { Some(Duration::ZERO) } else { self.timeout() };
        let waker = Waker::from(Arc::clone(self));
        let mut cx = task::Context::from_waker(&waker);
        let mut deadline = None;
        loop {
            let seen = self.lock().wakes;
            // Should the thread be one of tokio's, then the budget of its task is no concern here:
            // it would not come back while the thread waits.
            let asked = pin!(coop::unconstrained(poll_fn(&mut poll))).poll(&mut cx);
            if let Poll::Ready(answer) = asked {
                return answer;
            }
            let left = match patience {
                None => None,
                Some(patience) => {
                    let now = net.now();
                    let left = deadline.get_or_insert(now + patience).since(now);
                    if left.is_zero() {
                        return Err(io::ErrorKind::WouldBlock.into());
                    }
                    Some(left)
                }
            };
            self.sleep(seen, left);
        }
    }

    /// Sleeps until the gate has been woken since `seen` was noted, or `left` is over.
    fn sleep(&self, seen: u64, left: Option<Duration>) {
        let same = |state: &mut State| state.wakes == seen;
        let mut state = self.lock();
        state.sleeping += 1;
        let mut state = match left {
            None => self.woken.wait_while(state, same).unwrap_or_else(PoisonError::into_inner),
            Some(left) => {
                let waited = self.woken.wait_timeout_while(state, left, same);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        state.sleeping -= 1;
    }

    /// Makes every thread that waits look again.
    pub(super) fn wake_all(&self) {
        let mut state = self.lock();
        state.wakes = state.wakes.wrapping_add(1);
        let sleeping = state.sleeping > 0;
        drop(state);
        if sleeping {
            self.woken.notify_all();
        }
    }

    /// How long each call may wait; `None`: for ever.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.lock().timeout
    }

    /// Sets it for calls to come.
    ///
    /// # Errors
    /// `InvalidInput` for zero, which std refuses as well.
    pub(super) fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a time-out of zero is not possible: use `None` to wait for ever, \
                 `set_nonblocking` not to wait at all",
            ));
        }
        self.lock().timeout = timeout;
        Ok(())
    }

    /// Nothing under the lock can panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Gate {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("timeout", &self.timeout()).finish_non_exhaustive()
    }
}

/// Waits for a future at a gate of its own, at most until `timeout` if there is one.
pub(super) fn block_on<T>(
    net: &Net,
    timeout: Option<Duration>,
    future: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let gate = Arc::new(Gate::default());
    gate.set_timeout(timeout)?;
    let mut future = pin!(future);
    gate.wait(net, false, |cx| future.as_mut().poll(cx))
}

#[cfg(test)]
mod tests;
