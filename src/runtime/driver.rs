//! The loop of the driver. Its order was measured; see the picture at the head of `runtime`.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use super::AsyncDevice;
use super::spin::Spin;
use crate::net::{DriverSide, End};
use crate::time::Instant;
use crate::wire::{RxBatch, TxBatch};

/// Packets received in one turn; more gain nothing and make tasks wait.
const RECEIVE_BATCH: usize = 64;
/// The same while there are long ones: they are read while they are in the cache, and their buffers used again.
const RECEIVE_LONG: usize = 6;
/// So many such turns in a row send nothing: an acknowledgment for each would cost more than that gains.
const SILENT: u32 = 4;
/// A packet at least this many bytes long is long.
const LONG: usize = 8 << 10;
/// At least this often, while there is work, tokio gets the chance to look at its own I/O and timers, and
/// the device that to give a whole batch although packets came singly.
pub(super) const YIELD_AFTER: Duration = Duration::from_millis(2);
/// How often output is taken from a stack that is being stopped.
const FLUSH_ROUNDS: u32 = 64;

/// Where the driver's time comes from.
pub(super) trait Time {
    /// What time it is.
    fn now(&self) -> Instant;

    /// Ready when `deadline` has come; otherwise the task is woken then, or earlier.
    fn poll_expired(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

pub(super) struct Loop<D, T> {
    stack: DriverSide,
    device: D,
    time: T,
    rx: RxBatch,
    /// Output; what is left in it after a turn the device did not take.
    tx: TxBatch,
    /// When tokio last looked at its I/O and timers for our sake.
    yielded: Instant,
    /// Packets to ask the device for next.
    batch: usize,
    spin: Spin,
}

/// What the first half of a turn found.
struct Input {
    now: Instant,
    /// Packets arrived or tasks were woken.
    busy: bool,
    /// Tasks are likely to be started, for new connections.
    opened: bool,
    /// The device may have more.
    more: bool,
    /// There is something to send already.
    output: bool,
    /// The stack is being stopped.
    stopping: bool,
    /// These were but the first of many long packets.
    part: bool,
}

impl<D: AsyncDevice, T: Time> Loop<D, T> {
    pub(super) fn new(stack: DriverSide, device: D, time: T, spin: Duration) -> Loop<D, T> {
        Loop {
            stack,
            device,
            time,
            rx: RxBatch::new(),
            tx: TxBatch::new(),
            yielded: Instant::ZERO,
            batch: RECEIVE_BATCH,
            spin: Spin::new(spin),
        }
    }

    /// Drives the stack to its end, and tells the handles why it came.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let result = self.turn_until_stopped().await;
        self.stack.end(match &result {
            Ok(()) => End::Stopped,
            Err(error) => End::Failed(error.to_string().into()),
        });
        result
    }

    async fn turn_until_stopped(&mut self) -> io::Result<()> {
        let mut more_output = false;
        let mut silent = 0;
        loop {
            let input = self.receive()?;
            if input.stopping {
                return self.flush();
            }
            if input.part && silent < SILENT {
                silent += 1;
                self.let_tasks_run(input.now).await;
                continue;
            }
            silent = 0;
            if input.busy || input.output || more_output {
                self.spin.found();
            }
            if input.busy || more_output {
                self.let_tasks_run(input.now).await;
            }
            if input.opened {
                // Those that were started meanwhile, whose answers travel with the acknowledgments of what they answer.
                self.let_tasks_run(input.now).await;
            }
            if input.busy || input.output || more_output || !self.tx.is_empty() {
                more_output = self.transmit()?;
            }
            let idle = !input.more && !more_output;
            // What the device has no room for is waited for in sleep.
            if !idle {
                continue;
            }
            if !(self.tx.is_empty() && self.spin.again(input.now)) {
                more_output = self.sleep().await?;
            } else if input.now.since(self.yielded) >= YIELD_AFTER {
                self.let_tasks_run(input.now).await;
            }
        }
    }

    /// The first half of a turn: a batch from the device through the stack, and the wake-ups that
    /// came of it.
    ///
    /// To find the device empty costs a system call. While packets come one by one, as in a dialogue,
    /// it is put off until the answer is sent: often the next packet is there by then.
    fn receive(&mut self) -> io::Result<Input> {
        let count = self.device.receive(&mut self.rx, self.batch)?;
        let part = self.batch == RECEIVE_LONG && count == RECEIVE_LONG;
        self.batch = match count {
            0 => self.batch,
            1 => 1,
            _ if self.rx.iter().any(|packet| packet.bytes.len() >= LONG) => RECEIVE_LONG,
            _ => RECEIVE_BATCH,
        };
        let now = self.time.now();
        let received = self.stack.receive(now, &mut self.rx)?;
        let input = Input {
            now,
            busy: count > 0 || !received.wakes.is_empty(),
            opened: received.wakes.has_connections(),
            more: count > 0,
            output: received.output,
            stopping: received.stopping,
            part,
        };
        received.wakes.notify();
        Ok(input)
    }

    /// Goes to the back of the queue of tasks. That alone makes tokio look at I/O and timers only
    /// every 61 polls, so every now and then it is asked to.
    async fn let_tasks_run(&mut self, now: Instant) {
        if now.since(self.yielded) >= YIELD_AFTER {
            self.yielded = now;
            self.batch = RECEIVE_BATCH;
            tokio::task::yield_now().await;
        } else {
            back_of_the_queue().await;
        }
    }

    /// The second half of a turn: output of the stack to the device. Whether there is more that the
    /// device would take. The clock is read again because tasks have run since.
    fn transmit(&mut self) -> io::Result<bool> {
        if !self.tx.is_empty() {
            self.device.send(&mut self.tx)?;
        }
        if !self.tx.is_empty() {
            return Ok(false);
        }
        let more = self.stack.transmit(self.time.now(), &mut self.tx)?;
        if !self.tx.is_empty() {
            self.device.send(&mut self.tx)?;
        }
        Ok(more && self.tx.is_empty())
    }

    /// Sleeps until the device, a deadline or a handle has something for the driver. Whatever woke
    /// it, the next turn looks at everything. True when it did not sleep, for there is output.
    async fn sleep(&mut self) -> io::Result<bool> {
        let mut slept = false;
        poll_fn(|cx| {
            if mem::replace(&mut slept, true) {
                return Poll::Ready(Ok(false));
            }
            self.poll_work(cx)
        })
        .await
    }

    /// Ready when there is something to do, true if it is in the stack: output, as a rule. Otherwise
    /// the task is woken by whatever comes first.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let device_full = !self.tx.is_empty();
        let Some(deadline) = self.stack.fall_asleep(cx.waker(), device_full) else {
            return Poll::Ready(Ok(true));
        };
        let mut ready = self.time.poll_expired(deadline, cx)?.is_ready();
        ready |= self.device.poll_readable(cx)?.is_ready();
        ready |= device_full && self.device.poll_writable(cx)?.is_ready();
        if ready { Poll::Ready(Ok(false)) } else { Poll::Pending }
    }

    /// Resets what is left and sends as much as the device takes at once.
    fn flush(&mut self) -> io::Result<()> {
        self.stack.abort_all();
        for _ in 0..FLUSH_ROUNDS {
            if !self.transmit()? {
                break;
            }
        }
        Ok(())
    }
}

/// Lets the tasks run that are ready now.
pub(crate) async fn back_of_the_queue() {
    let mut yielded = false;
    poll_fn(|cx| {
        if mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
