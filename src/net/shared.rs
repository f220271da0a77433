//! A stack shared by its handles and its driver: one lock, and the rules of waking the driver.
//!
//! Where several stacks share their addresses, each has its lock and its driver; see [`shards`](super::shards).

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{self, Poll, Waker, ready};

use tokio::task::coop;

use super::strays::Inbox;
use crate::stack::{SocketError, Stack, Stray, Wakes};
use crate::sync::{Mutex, MutexGuard};
use crate::time::Instant;
use crate::wire::{RxBatch, TxBatch};

/// A running stack: what sockets are made on. Cloning gives another handle to the same stack.
///
/// It is made by [`crate::runtime::start`]. When its driver has ended, for whatever reason, every
/// call on it and on its sockets fails with an error that says why; none waits for ever.
///
/// It may consist of several shards, each with a queue of the device and a thread ([`crate::runtime::share`]). Sockets
/// are then made where it suits, and listeners on all of them.
#[derive(Clone)]
pub struct Net {
    /// All that share the addresses.
    pub(super) shards: Arc<[Slot]>,
    /// Which of them calls go to.
    pub(super) at: u16,
    /// It stands for that one alone.
    pub(super) alone: bool,
}

/// The driver's clock.
type Clock = Box<dyn Fn() -> Instant + Send>;

/// One stack; apart from the others in memory, so that they do not disturb each other.
#[repr(align(128))]
pub(super) struct Slot {
    shared: Mutex<Shared>,
    inbox: Inbox,
}

/// What the lock protects.
pub(super) struct Shared {
    pub(super) stack: Stack,
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
    fn new(stack: Stack, clock: Clock) -> Shared {
        Shared { stack, clock, sleeping: None, stopping: false, ended: None }
    }

    /// Has the driver end.
    pub(super) fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether there is something for the driver to do at once; output is nothing if the device has no room.
    fn has_work(&self, device_full: bool) -> bool {
        self.stopping || self.ended.is_some() || (!device_full && self.stack.has_output())
    }

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
    pub(super) fn driver_to_wake(&mut self) -> Option<Waker> {
        let sleeping = self.sleeping.as_ref()?;
        let wake =
            self.has_work(sleeping.device_full) || next_deadline(&self.stack) < sleeping.until;
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
        let net = Net::of([Shared::new(stack, Box::new(clock))]);
        (net.clone(), DriverSide { net })
    }

    /// The same for several that share their addresses, with a driver for each.
    pub(crate) fn share(
        stacks: impl Iterator<Item = Stack>,
        clock: impl Fn() -> Instant + Clone + Send + 'static,
    ) -> (Net, Vec<DriverSide>) {
        let net = Net::of(stacks.map(|stack| Shared::new(stack, Box::new(clock.clone()))));
        let drivers = net.shards().map(|net| DriverSide { net }).collect();
        (net, drivers)
    }

    fn of(shards: impl IntoIterator<Item = Shared>) -> Net {
        let slot = |shared| Slot { shared: Mutex::new(shared), inbox: Inbox::default() };
        Net { shards: shards.into_iter().map(slot).collect(), at: 0, alone: false }
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

    /// Gives to others what the stack has nobody for.
    fn hand_over(&self, strays: Vec<Stray>) {
        let mut receivers = 0u64;
        for stray in strays {
            receivers |= 1 << stray.to();
            self.shards[usize::from(stray.to())].inbox.push(stray);
        }
        for other in self.shards().filter(|other| receivers & 1 << other.at != 0) {
            let sleeping = other.lock().sleeping.take();
            if let Some(Sleeping { waker, .. }) = sleeping {
                waker.wake();
            }
        }
    }

    fn slot(&self) -> &Slot {
        &self.shards[usize::from(self.at)]
    }

    /// The lock. After a panic under it the stack counts as ended (see the head of `net`).
    pub(super) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.slot().shared.lock().unwrap_or_else(|poisoned| {
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
    /// The first half of a turn: hands `rx` to the stack and lets timers run. What it has nobody for goes to others
    /// that share its addresses.
    pub fn receive(&self, now: Instant, rx: &mut RxBatch) -> io::Result<Received> {
        let strays = self.inbox().map(Inbox::take);
        let mut shared = self.net.lock();
        shared.check()?;
        shared.sleeping = None;
        if let Some((strays, refused)) = strays {
            shared.stack.refuse_strays(refused);
            shared.stack.receive_strays(now, strays);
        }
        let wakes = shared.stack.receive(now, rx);
        let received =
            Received { wakes, output: shared.stack.has_output(), stopping: shared.stopping };
        let strays = shared.stack.take_strays();
        drop(shared);
        if !strays.is_empty() {
            self.net.hand_over(strays);
        }
        Ok(received)
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
        if shared.has_work(device_full) || self.inbox().is_some_and(|inbox| !inbox.is_empty()) {
            return None;
        }
        let until = next_deadline(&shared.stack);
        shared.sleeping = Some(Sleeping { waker: waker.clone(), until, device_full });
        Some(until)
    }

    /// Where packets of others wait, if there are others.
    fn inbox(&self) -> Option<&Inbox> {
        (self.net.shards.len() > 1).then(|| &self.net.slot().inbox)
    }

    /// Panics if something does not hold that must always hold; for tests and simulations.
    pub fn check_invariants(&self) {
        self.net.lock().stack.check_invariants();
    }

    /// Resets the connections that are left.
    pub(crate) fn abort_all(&self) {
        self.net.abort_all();
    }

    /// Makes every call fail from now on, for the first reason given, and wakes all who wait. If it was not told to end,
    /// those are told that share its addresses.
    pub(crate) fn end(&self, why: End) {
        let by_itself = !matches!(why, End::Stopped);
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
        if by_itself {
            let others = self.net.shards().filter(|other| other.at != self.net.at);
            others.for_each(|other| other.stop());
        }
    }
}

impl Drop for DriverSide {
    fn drop(&mut self) {
        self.end(End::DriverDropped);
    }
}
