//! A stack shared by its handles and its driver: one lock, and the rules of waking the driver.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{self, Poll, Waker, ready};

use tokio::task::coop;

use crate::event::Observer;
use crate::stack::{Config, Counters, SocketError, Stack, Tables, Wakes};
use crate::sync::{Mutex, MutexGuard};
use crate::tcp::CookieKeys;
use crate::time::Instant;
use crate::wire::{RxBatch, TxBatch};

/// A running stack: what sockets are made on. Cloning gives another handle to the same stack.
///
/// It is made by [`crate::runtime::start`]. When its driver has ended, for whatever reason, every
/// call on it and on its sockets fails with an error that says why; none waits for ever.
#[derive(Clone)]
pub struct Net {
    shared: Arc<Mutex<Shared>>,
}

/// The driver's clock.
type Clock = Box<dyn Fn() -> Instant + Send>;

/// What the lock protects.
struct Shared {
    stack: Stack,
    /// What time it is, for calls while the driver sleeps.
    clock: Clock,
    /// Set while the driver sleeps; whoever takes it out must call its waker.
    sleeping: Option<Sleeping>,
    stopping: bool,
    ended: Option<End>,
}

/// How the driver sleeps.
struct Sleeping {
    waker: Waker,
    /// When it wakes by itself.
    until: Instant,
    /// It has output that the device does not take, so more output is no reason to wake it.
    device_full: bool,
}

/// Why there is no driver any more.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// [`Net::stop`] was called.
    Stopped,
    /// The driver was dropped, perhaps together with its runtime.
    DriverDropped,
    /// The device, or a timer, failed.
    Failed(Arc<str>),
    /// The stack panicked.
    Panicked,
}

impl End {
    /// The error that calls on handles give from now on.
    fn error(&self) -> io::Error {
        let why = match self {
            End::Stopped => return SocketError::StackGone.into(),
            End::DriverDropped => {
                "the network stack has ended: the task that drives it is gone \
                 (keep it running for as long as its sockets are in use)"
            }
            End::Failed(why) => return aborted(format!("the network stack has ended: {why}")),
            End::Panicked => {
                "the network stack has ended: it panicked, which is a bug \
                 (please report the message it printed)"
            }
        };
        aborted(why.to_owned())
    }
}

fn aborted(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, why)
}

impl Shared {
    /// Fails when there is no driver any more; the stack must not be touched then.
    #[inline]
    fn check(&self) -> io::Result<()> {
        self.ended.as_ref().map_or(Ok(()), |end| Err(end.error()))
    }

    /// Calls the stack, unless there is no driver any more. A stack whose driver sleeps is told what
    /// time it is first, lest the call sets a timer by a time long past.
    fn call<R>(&mut self, call: impl FnOnce(&mut Stack) -> R) -> io::Result<R> {
        self.check()?;
        if self.sleeping.is_some() {
            self.stack.advance((self.clock)());
        }
        Ok(call(&mut self.stack))
    }

    /// The driver's waker, when it sleeps although there is something for it to do.
    fn driver_to_wake(&mut self) -> Option<Waker> {
        let sleeping = self.sleeping.as_ref()?;
        let wake = self.stopping
            || self.ended.is_some()
            || (!sleeping.device_full && self.stack.has_output())
            || next_deadline(&self.stack) < sleeping.until;
        if !wake {
            return None;
        }
        self.sleeping.take().map(|sleeping| sleeping.waker)
    }
}

fn next_deadline(stack: &Stack) -> Instant {
    stack.next_deadline().unwrap_or(Instant::FAR_FUTURE)
}

impl Net {
    /// Shares `stack` between handles and the one driver that moves it, by whose `clock` it goes.
    /// Programs call [`crate::runtime::start`]; the fuzz targets play the driver themselves.
    #[doc(hidden)]
    pub fn new(stack: Stack, clock: impl Fn() -> Instant + Send + 'static) -> (Net, DriverSide) {
        let shared =
            Shared { stack, clock: Box::new(clock), sleeping: None, stopping: false, ended: None };
        let net = Net { shared: Arc::new(Mutex::new(shared)) };
        (net.clone(), DriverSide { net })
    }

    /// What the stack was told when it was made.
    pub fn config(&self) -> Config {
        self.lock().stack.config().clone()
    }

    /// A copy of all counters.
    pub fn counters(&self) -> Counters {
        self.lock().stack.counters().clone()
    }

    /// How many entries each of its tables has.
    pub fn tables(&self) -> Tables {
        self.lock().stack.tables()
    }

    /// Connections that are neither closed nor half-open nor in TIME-WAIT.
    pub fn connection_count(&self) -> usize {
        self.lock().stack.connection_count()
    }

    /// Sets who sees every event from now on; `None` for nobody. See [`Observer`].
    pub fn set_observer(&self, observer: Option<Box<dyn Observer + Send>>) {
        // After the end there is nothing left to see.
        let _ = self.call(|stack| stack.set_observer(observer));
    }

    /// Makes the cookies of fast open with these keys from now on (RFC 7413 4.1.2), where a listener has none of its own.
    /// A stack begins with a key of its own, which nobody else has; servers that stand in for each other
    /// need the same one.
    pub fn set_cookie_keys(&self, keys: CookieKeys) {
        let _ = self.call(|stack| stack.set_cookie_keys(keys));
    }

    /// Refuses new connections and closes all others gracefully, with a FIN after what was written;
    /// their sockets see the end of the stream, those of UDP and listeners an error. The driver goes
    /// on, so that connections can end: see [`Net::connection_count`], [`Net::abort_all`] and
    /// [`Net::stop`].
    pub fn shutdown(&self) {
        // After the end there is nothing left to close; the same below.
        let _ = self.call(Stack::shutdown);
    }

    /// Resets every connection that is left.
    pub fn abort_all(&self) {
        let _ = self.call(Stack::abort_all);
    }

    /// Ends the driver: it resets the connections that are left, sends what can be sent at once and
    /// finishes without an error. Every call on a handle fails from then on.
    pub fn stop(&self) {
        let driver = {
            let mut shared = self.lock();
            shared.stopping = true;
            shared.driver_to_wake()
        };
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// What time it is by the driver's clock.
    pub(super) fn now(&self) -> Instant {
        (self.lock().clock)()
    }

    /// Calls the stack, then wakes whom the call made ready, and the driver if there is something for
    /// it to do now. If the call panics, the stack has ended, and the driver is woken to tell all.
    pub(super) fn call<R>(&self, call: impl FnOnce(&mut Stack) -> R) -> io::Result<R> {
        let mut shared = self.lock();
        let result = catch_unwind(AssertUnwindSafe(|| shared.call(call)));
        if result.is_err() {
            shared.ended.get_or_insert(End::Panicked);
        }
        let wakes = shared.stack.take_wakes();
        let driver = shared.driver_to_wake();
        drop(shared);
        if let Some(wakes) = wakes {
            wakes.notify();
        }
        if let Some(driver) = driver {
            driver.wake();
        }
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// [`Net::call`] for a call that may fail.
    pub(super) fn try_call<R>(
        &self,
        call: impl FnOnce(&mut Stack) -> Result<R, SocketError>,
    ) -> io::Result<R> {
        Ok(self.call(call)??)
    }

    /// [`Net::call`] for a call that may have to wait. It takes part in tokio's cooperative
    /// scheduling: a task that never has to wait yields now and then.
    pub(super) fn poll<R>(
        &self,
        cx: &mut task::Context<'_>,
        call: impl FnOnce(&mut Stack, &mut task::Context<'_>) -> Poll<Result<R, SocketError>>,
    ) -> Poll<io::Result<R>> {
        let budget = ready!(coop::poll_proceed(cx));
        let result = match self.call(|stack| call(stack, cx)) {
            Ok(answer) => ready!(answer).map_err(io::Error::from),
            Err(ended) => Err(ended),
        };
        budget.made_progress();
        Poll::Ready(result)
    }

    /// The lock. After a panic under it the stack counts as ended (see the head of `net`).
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(|poisoned| {
            let mut shared = poisoned.into_inner();
            shared.ended.get_or_insert(End::Panicked);
            shared
        })
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Net").finish_non_exhaustive()
    }
}

/// What the driver may do with a shared stack. Dropping it ends the stack for all handles.
pub struct DriverSide {
    net: Net,
}

/// What came of the first half of a turn.
pub struct Received {
    /// Whom to wake, now that the lock is released.
    pub wakes: Wakes,
    /// Whether there is something to send already.
    pub output: bool,
    /// [`Net::stop`] was called.
    pub stopping: bool,
}

impl DriverSide {
    /// The first half of a turn: hands `rx` to the stack and lets timers run.
    pub fn receive(&self, now: Instant, rx: &mut RxBatch) -> io::Result<Received> {
        let mut shared = self.net.lock();
        shared.check()?;
        shared.sleeping = None;
        let wakes = shared.stack.receive(now, rx);
        Ok(Received { wakes, output: shared.stack.has_output(), stopping: shared.stopping })
    }

    /// The second half of a turn: takes output from the stack; whether there is more.
    pub fn transmit(&self, now: Instant, tx: &mut TxBatch) -> io::Result<bool> {
        let mut shared = self.net.lock();
        shared.check()?;
        Ok(shared.stack.transmit(now, tx))
    }

    /// Notes that the driver sleeps, and until when; `None` if it must not, for there is work.
    /// With `device_full` output does not count as work.
    pub fn fall_asleep(&self, waker: &Waker, device_full: bool) -> Option<Instant> {
        let mut shared = self.net.lock();
        let work = shared.stopping
            || shared.ended.is_some()
            || (!device_full && shared.stack.has_output());
        if work {
            return None;
        }
        let until = next_deadline(&shared.stack);
        shared.sleeping = Some(Sleeping { waker: waker.clone(), until, device_full });
        Some(until)
    }

    /// Panics if something does not hold that must always hold; for tests and simulations.
    pub fn check_invariants(&self) {
        self.net.lock().stack.check_invariants();
    }

    /// Resets the connections that are left.
    pub(crate) fn abort_all(&self) {
        self.net.abort_all();
    }

    /// Makes every call fail from now on, for the first reason given, and wakes all who wait.
    pub(crate) fn end(&self, why: End) {
        let mut shared = self.net.lock();
        shared.sleeping = None;
        shared.ended.get_or_insert(why);
        // After a panic the stack may panic again; whoever waits in it is woken all the same.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            shared.stack.shutdown();
            shared.stack.abort_all();
        }));
        shared.stack.wake_all();
        let wakes = shared.stack.take_wakes();
        drop(shared);
        if let Some(wakes) = wakes {
            wakes.notify();
        }
    }
}

impl Drop for DriverSide {
    fn drop(&mut self) {
        self.end(End::DriverDropped);
    }
}
