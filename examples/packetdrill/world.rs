//! The stack, its clock, and the threads that wait in it.
//!
//! ```text
//!   gettimeofday    a microsecond passes               usleep          so much passes, timer by timer
//!   netdev_send     a packet arrives now               netdev_receive  time passes until a packet leaves
//! ```
//!
//! After each step whoever waits and was woken by it runs before anything else, and time stands still until that
//! thread has asked what time it is: so a call that blocked returns at the moment at which it was answered, however
//! the machine schedules the threads.

use std::collections::VecDeque;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use bytes::Bytes;
use glasstcp::device::gso;
use glasstcp::stack::Stack;
use glasstcp::time::{Duration, Instant};
use glasstcp::wire::{Packet, RxBatch, TxBatch};
use nix::unistd::{Pid, gettid};

use crate::errno::{Errno, Result};
use crate::settings::Settings;
use crate::socket::Sockets;

/// The time at the beginning: not zero, as no clock of a machine is.
const START: Instant = Instant::from_millis(1_000_000);
/// What passes when somebody asks what time it is: a clock that stands still would be asked for ever.
const GLANCE: Duration = Duration::from_micros(1);
/// How long a packet is waited for: longer than the longest retransmission time-out.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long a call that blocks the only thread there is may take.
const ENDLESS: Duration = Duration::from_secs(1000);
/// Why there is a stack behind the right to use it.
const THERE: &str = "enter has looked, and nobody ends the stack while calls go on";
/// How long threads that were woken are given, in real time, before something must be wrong with them.
const REAL_PATIENCE: Duration = Duration::from_secs(5);

/// The one stack of the process.
pub struct Host {
    world: Mutex<Option<World>>,
    changed: Condvar,
}

/// The right to use it.
pub struct Use {
    /// Always there but while this thread sleeps.
    guard: Option<MutexGuard<'static, Option<World>>>,
}

/// Everything that the lock guards.
pub struct World {
    pub stack: Stack,
    pub settings: Settings,
    pub sockets: Sockets,
    now: Instant,
    /// What was sent and not yet taken.
    sent: VecDeque<(Instant, Bytes)>,
    /// Threads that sleep in a call.
    waiting: Vec<Waiter>,
    /// Threads that have returned from such a call and not yet asked what time it is.
    returned: Vec<ThreadId>,
    /// Threads that have asked, and may still be busy with what they were told.
    busy: Vec<Pid>,
    /// The thread that made this; where it blocks, nobody else would let time pass.
    owner: ThreadId,
}

struct Waiter {
    alarm: Arc<Alarm>,
    /// It looks after every turn, not only when a waker was called.
    looks: bool,
    deadline: Option<Instant>,
}

/// Rings when a sleeping thread should look again.
#[derive(Default)]
struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Alarm {
    fn rings(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host { world: Mutex::new(None), changed: Condvar::new() })
}

fn lock() -> MutexGuard<'static, Option<World>> {
    host().world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A new stack, instead of the one there was.
pub fn begin(settings: Settings) {
    *lock() = Some(World {
        stack: Stack::new(settings.stack()),
        settings,
        sockets: Sockets::default(),
        now: START,
        sent: VecDeque::new(),
        waiting: Vec::new(),
        returned: Vec::new(),
        busy: Vec::new(),
        owner: thread::current().id(),
    });
}

/// No stack any more.
pub fn end() {
    let world = lock().take();
    drop(world);
}

/// Lets threads that have returned from a call that blocked do what they do then: where time is real, they have the
/// time in which somebody else sleeps.
pub fn let_finish() {
    let busy = lock().as_mut().map(|world| std::mem::take(&mut world.busy)).unwrap_or_default();
    let sleeps = |thread: Pid| {
        let stat = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap_or_default();
        // The state follows the name in parentheses; a thread that is gone has none.
        stat.rsplit(')')
            .next()
            .is_none_or(|rest| rest.trim_start().starts_with('S') || rest.is_empty())
    };
    let since = std::time::Instant::now();
    for thread in busy {
        while thread != gettid() && !sleeps(thread) && since.elapsed() < REAL_PATIENCE {
            thread::sleep(Duration::from_micros(50));
        }
    }
}

/// The stack, for one call.
pub fn enter() -> Result<Use> {
    let guard = lock();
    if guard.is_none() {
        return Err(Errno(libc::ENXIO));
    }
    Ok(Use { guard: Some(guard) })
}

impl std::ops::Deref for Use {
    type Target = World;
    fn deref(&self) -> &World {
        self.guard.as_ref().and_then(|guard| guard.as_ref()).expect(THERE)
    }
}

impl std::ops::DerefMut for Use {
    fn deref_mut(&mut self) -> &mut World {
        self.guard.as_mut().and_then(|guard| guard.as_mut()).expect(THERE)
    }
}

impl World {
    /// What of the settings counts for what there is already.
    pub fn apply_settings(&mut self) {
        for (listener, queue) in self.sockets.listeners() {
            // It listens, for it is in the table.
            let _ = self.stack.set_fast_accept(listener, self.settings.fast_accept(queue));
        }
        if let Some(keys) =
            self.settings.cookie_keys().filter(|keys| keys != self.stack.cookie_keys())
        {
            self.stack.set_cookie_keys(keys);
        }
        if self.settings.take_flush() {
            self.stack.forget_cookies();
        }
    }

    /// What time it is.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// First half of a turn of the stack: packets arrive, timers go off.
    fn first_half(&mut self, mut rx: RxBatch) {
        self.stack.receive(self.now, &mut rx).notify();
        for waiter in self.waiting.iter().filter(|waiter| waiter.looks) {
            waiter.alarm.wake_by_ref();
        }
    }

    /// Second half: packets leave, unless the device takes none.
    fn second_half(&mut self) {
        let mut tx = TxBatch::new();
        while !self.settings.device_is_full() && self.stack.transmit(self.now, &mut tx) {}
        if let Some(wakes) = self.stack.take_wakes() {
            wakes.notify();
        }
        for waiter in self.waiting.iter().filter(|waiter| waiter.looks) {
            waiter.alarm.wake_by_ref();
        }
        for burst in tx {
            gso::cut_whole(burst, |packet| self.sent.push_back((self.now, packet)));
        }
    }

    /// When something happens next, without a packet or a call.
    fn next_event(&self) -> Option<Instant> {
        let deadlines = self.waiting.iter().filter_map(|waiter| waiter.deadline);
        deadlines.chain(self.stack.next_deadline()).min()
    }

    /// Whether a thread has to run before time may go on.
    fn is_owed(&self) -> bool {
        let due = |waiter: &Waiter| {
            waiter.alarm.rings() || waiter.deadline.is_some_and(|deadline| deadline <= self.now)
        };
        !self.returned.is_empty() || self.waiting.iter().any(due)
    }
}

impl Use {
    /// Lets the threads run that something has woken, until they sleep again or have asked what time it is.
    fn settle(&mut self) {
        let this = thread::current().id();
        while self.is_owed() && !self.returned.contains(&this) {
            host().changed.notify_all();
            if !self.sleep(Some(REAL_PATIENCE)) {
                self.returned.clear();
                return;
            }
        }
    }

    /// Gives the lock away until another thread has changed something; false when that took too long.
    fn sleep(&mut self, most: Option<Duration>) -> bool {
        let changed = &host().changed;
        let Some(guard) = self.guard.take() else {
            return false;
        };
        let (guard, in_time) = match most {
            None => (changed.wait(guard).unwrap_or_else(PoisonError::into_inner), true),
            Some(most) => {
                let waited = changed.wait_timeout(guard, most);
                let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
                (guard, !result.timed_out())
            }
        };
        self.guard = Some(guard);
        in_time
    }

    /// Carries out what a call has asked the stack for, or what a packet brings. Threads that this wakes run before anything
    /// leaves, as tasks do in the library's own driver: what they write goes with the acknowledgment.
    pub fn turn(&mut self, rx: RxBatch) {
        self.first_half(rx);
        self.settle();
        self.second_half();
        self.settle();
    }

    /// Lets time pass to what happens next, or to `limit` if that is sooner. False: it was the limit.
    fn step(&mut self, limit: Instant) -> bool {
        let next = self.next_event().filter(|&at| at <= limit);
        self.now = self.now.max(next.unwrap_or(limit));
        self.turn(RxBatch::new());
        next.is_some()
    }

    /// Lets `duration` pass.
    pub fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.step(until) {}
    }

    /// What time it is, for whoever asks: whoever has just returned from a call hears when that was.
    pub fn glance(&mut self) -> Instant {
        let this = thread::current().id();
        if let Some(at) = self.returned.iter().position(|&thread| thread == this) {
            self.returned.swap_remove(at);
            self.busy.push(gettid());
            host().changed.notify_all();
        } else {
            self.pass(GLANCE);
        }
        self.now
    }

    /// The next packet that leaves, and when it did.
    pub fn next_packet(&mut self) -> Option<(Instant, Bytes)> {
        let limit = self.now + PATIENCE;
        while self.sent.is_empty() && self.step(limit) {}
        self.sent.pop_front()
    }

    /// A packet arrives.
    pub fn inject(&mut self, packet: Bytes) {
        self.apply_settings();
        self.turn(RxBatch::from([Packet::new(packet)]));
    }

    /// Tries until there is a result, and lets time pass meanwhile; at `deadline` one last time, and then it
    /// gives `late`.
    pub fn block<T>(
        &mut self,
        deadline: Option<Instant>,
        late: Result<T>,
        attempt: impl FnMut(&mut World, &mut Context<'_>) -> Poll<Result<T>>,
    ) -> Result<T> {
        self.block_until(false, deadline, late, attempt)
    }

    /// The same for an attempt that calls no waker: it is made after every turn.
    pub fn block_and_look<T>(
        &mut self,
        deadline: Option<Instant>,
        late: Result<T>,
        attempt: impl FnMut(&mut World, &mut Context<'_>) -> Poll<Result<T>>,
    ) -> Result<T> {
        self.block_until(true, deadline, late, attempt)
    }

    fn block_until<T>(
        &mut self,
        looks: bool,
        deadline: Option<Instant>,
        late: Result<T>,
        mut attempt: impl FnMut(&mut World, &mut Context<'_>) -> Poll<Result<T>>,
    ) -> Result<T> {
        let this = thread::current().id();
        let mut slept = false;
        let endless = self.now + ENDLESS;
        let result = loop {
            let alarm = Arc::new(Alarm::default());
            let waker = Waker::from(alarm.clone());
            let polled = attempt(self, &mut Context::from_waker(&waker));
            self.first_half(RxBatch::new());
            self.second_half();
            match polled {
                Poll::Ready(result) => break result,
                Poll::Pending if deadline.is_some_and(|deadline| deadline <= self.now) => {
                    break late;
                }
                Poll::Pending if this == self.owner => {
                    if !self.step(deadline.unwrap_or(endless)) && deadline.is_none() {
                        break Err(Errno::EINTR);
                    }
                }
                Poll::Pending => {
                    self.wait(Waiter { alarm, looks, deadline });
                    slept = true;
                }
            }
        };
        if slept {
            self.returned.push(this);
            host().changed.notify_all();
        }
        result
    }

    /// Sleeps until the alarm rings or the deadline has come.
    fn wait(&mut self, waiter: Waiter) {
        let (alarm, deadline) = (waiter.alarm.clone(), waiter.deadline);
        self.waiting.push(waiter);
        host().changed.notify_all();
        while !alarm.rings() && deadline.is_none_or(|deadline| deadline > self.now) {
            self.sleep(None);
        }
        self.waiting.retain(|other| !Arc::ptr_eq(&other.alarm, &alarm));
    }
}
