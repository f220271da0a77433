//! A link between two devices: what one receives the other sends, when and if the link says so.
//!
//! ```text
//!   near --> out: Impairment --> far
//!   near <-- in:  Impairment <-- far
//! ```
//!
//! To wake up takes some 50 us, and more where a processor has been halted. So the timer is set for a little
//! earlier, and the rest is waited for by looking at the clock; and for as long after something has moved the
//! devices are looked at, so that what comes next is met on time.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::iter;
use std::mem;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use super::AsyncDevice;
use super::clock::Clock;
use super::driver::{Time, YIELD_AFTER, back_of_the_queue};
use super::lanes::{Lanes, LinkHandle};
use super::timer::Timer;
use crate::device::gso;
use crate::device::impair::Direction;
use crate::time::Instant;
use crate::wire::RxBatch;

/// Packets received in one go from each device.
const BATCH: usize = 64;

/// Joins two devices. [`Direction::Out`] is from the near one to the far one.
#[derive(Debug)]
pub struct Emulator<N, F> {
    near: End<N>,
    far: End<F>,
    link: LinkHandle,
    timer: Timer,
    /// So long before and after something happens it is waited for by looking at the clock.
    spin: Duration,
    /// When something was last received.
    received: Instant,
    /// When tokio last looked at its I/O and timers for our sake.
    yielded: Instant,
}

/// A device, and what has come through the link to it and it has not taken.
#[derive(Debug)]
struct End<D> {
    device: D,
    outbox: VecDeque<Bytes>,
    received: RxBatch,
}

impl<N: AsyncDevice, F: AsyncDevice> Emulator<N, F> {
    /// Joins `near` and `far` by `link`. For `spin` before a packet comes out, and after one came in, it keeps
    /// a CPU busy, to be exact. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no timer can be made.
    pub fn new(near: N, far: F, link: LinkHandle, spin: Duration) -> io::Result<Emulator<N, F>> {
        let timer = Timer::new(Clock::new())?;
        let (near, far) = (End::new(near), End::new(far));
        let (received, yielded) = (Instant::ZERO, Instant::ZERO);
        Ok(Emulator { near, far, link, timer, spin, received, yielded })
    }

    /// Moves packets for as long as it is polled.
    ///
    /// # Errors
    /// What a device fails with.
    pub async fn run(mut self) -> io::Result<()> {
        loop {
            let next = self.turn()?;
            let now = self.timer.now();
            if next.since(now) > self.spin && now.since(self.received) >= self.spin {
                self.sleep().await?;
            } else if now.since(self.yielded) >= YIELD_AFTER {
                self.yielded = now;
                tokio::task::yield_now().await;
            } else {
                back_of_the_queue().await;
            }
        }
    }

    /// Moves what there is, and says when something happens next: now if something was moved.
    fn turn(&mut self) -> io::Result<Instant> {
        let received = self.near.receive()? + self.far.receive()?;
        let mut lanes = self.link.lanes();
        let now = self.timer.now();
        if received > 0 {
            self.received = now;
        }
        self.near.enter(&mut lanes, now, Direction::Out);
        self.far.enter(&mut lanes, now, Direction::In);
        self.near.leave(&mut lanes, now, Direction::In);
        self.far.leave(&mut lanes, now, Direction::Out);
        drop(lanes);
        self.near.send()?;
        self.far.send()?;
        Ok(if received > 0 { now } else { self.link.lanes().next_deadline(self.open()) })
    }

    /// In which direction what comes out has a place to go to: no device is full.
    fn open(&self) -> impl Fn(Direction) -> bool + use<N, F> {
        let (near, far) = (self.near.outbox.is_empty(), self.far.outbox.is_empty());
        move |direction| match direction {
            Direction::Out => far,
            Direction::In => near,
        }
    }

    /// Sleeps until a device has something or takes something, or until the link has something soon.
    async fn sleep(&mut self) -> io::Result<()> {
        let mut slept = false;
        poll_fn(|cx| {
            if mem::replace(&mut slept, true) {
                return Poll::Ready(Ok(()));
            }
            let deadline = self.link.lanes().fall_asleep(cx, self.open());
            let early = match deadline {
                Instant::FAR_FUTURE => deadline,
                deadline => deadline - self.spin,
            };
            let mut ready = self.timer.poll_expired(early, cx)?.is_ready();
            ready |= self.near.poll(cx)?.is_ready();
            ready |= self.far.poll(cx)?.is_ready();
            if ready { Poll::Ready(Ok(())) } else { Poll::Pending }
        })
        .await
    }
}

impl<D: AsyncDevice> End<D> {
    fn new(device: D) -> Self {
        End { device, outbox: VecDeque::new(), received: RxBatch::new() }
    }

    fn receive(&mut self) -> io::Result<usize> {
        self.device.receive(&mut self.received, BATCH)
    }

    /// What was received goes into the link.
    fn enter(&mut self, lanes: &mut Lanes, now: Instant, direction: Direction) {
        for packet in self.received.drain(..) {
            gso::split(packet, |packet| lanes.push(now, direction, packet));
        }
    }

    /// What has come through the link comes out, unless the device is full.
    fn leave(&mut self, lanes: &mut Lanes, now: Instant, direction: Direction) {
        if self.outbox.is_empty() {
            self.outbox.extend(iter::from_fn(|| lanes.pop(now, direction)));
        }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.outbox.is_empty() {
            return Ok(());
        }
        self.device.send_packets(&mut self.outbox)
    }

    /// Ready when the device has something, or takes what waits for it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ready = self.device.poll_readable(cx)?.is_ready();
        ready |= !self.outbox.is_empty() && self.device.poll_writable(cx)?.is_ready();
        if ready { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests;
