//! A device behind a link that is not perfect.
//!
//! ```text
//!   driver --send--> out: Impairment --when its time has come--> device
//!   driver <-receive- in: Impairment <------- at once ---------- device
//! ```
//!
//! While the link does nothing, packets pass by it, and it costs nothing.

use std::collections::VecDeque;
use std::io;
use std::iter;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::driver::Time;
use super::lanes::{Lanes, LinkHandle};
use super::timer::Timer;
use super::{AsyncDevice, clock};
use crate::device::impair::Direction;
use crate::device::{Device, gso};
use crate::time::Instant;
use crate::wire::{Packet, RxBatch, TxBatch};

/// A device and the link before it. [`Direction::Out`] is what the stack sends.
#[derive(Debug)]
pub struct Impaired<D> {
    device: D,
    link: LinkHandle,
    timer: Timer,
    /// What the device gave, on its way into the link; empty between.
    received: RxBatch,
    /// What has come through the link, and the device has not taken.
    outbox: VecDeque<Bytes>,
}

impl<D: AsyncDevice> Impaired<D> {
    /// Puts `link` before `device`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no timer can be made.
    pub fn new(device: D, link: LinkHandle) -> io::Result<Impaired<D>> {
        let timer = Timer::new(clock::Clock::new())?;
        Ok(Impaired { device, link, timer, received: RxBatch::new(), outbox: VecDeque::new() })
    }
}

impl<D: Device> Device for Impaired<D> {
    fn mtu(&self) -> u16 {
        self.device.mtu()
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        if !self.link.is_active() {
            return self.device.receive(rx, max);
        }
        self.device.receive(&mut self.received, max)?;
        let Impaired { device, link, timer, received, outbox } = self;
        let mut lanes = link.lanes();
        let now = timer.now();
        for packet in received.drain(..) {
            gso::split(packet, |packet| lanes.push(now, Direction::In, packet));
        }
        let before = rx.len();
        rx.extend(iter::from_fn(|| lanes.pop(now, Direction::In)).take(max).map(Packet::new));
        flush(device, &mut lanes, outbox, now)?;
        if outbox.is_empty() {
            link.rest_if_perfect(&lanes);
        }
        Ok(rx.len() - before)
    }

    /// Takes everything: what is too much the queue of the link drops.
    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        if !self.link.is_active() {
            return self.device.send(tx);
        }
        let Impaired { device, link, timer, outbox, .. } = self;
        let mut lanes = link.lanes();
        let now = timer.now();
        for burst in tx.drain(..) {
            gso::cut_whole(burst, |packet| lanes.push(now, Direction::Out, packet));
        }
        flush(device, &mut lanes, outbox, now)
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        if !self.link.is_active() {
            return self.device.send_packets(packets);
        }
        let Impaired { device, link, timer, outbox, .. } = self;
        let mut lanes = link.lanes();
        let now = timer.now();
        packets.drain(..).for_each(|packet| lanes.push(now, Direction::Out, packet));
        flush(device, &mut lanes, outbox, now)
    }
}

/// Gives the device what has come through the link by `now`; what it does not take waits in the outbox, and
/// all else in the link.
fn flush(
    device: &mut impl Device,
    lanes: &mut Lanes,
    outbox: &mut VecDeque<Bytes>,
    now: Instant,
) -> io::Result<()> {
    if outbox.is_empty() {
        outbox.extend(iter::from_fn(|| lanes.pop(now, Direction::Out)));
    }
    device.send_packets(outbox)
}

impl<D: AsyncDevice> AsyncDevice for Impaired<D> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut ready = self.device.poll_readable(cx)?.is_ready();
        if self.link.is_active() {
            // What waits for the device does so until that can take it.
            let open = |direction| direction == Direction::In || self.outbox.is_empty();
            let deadline = self.link.lanes().fall_asleep(cx, open);
            ready |= self.timer.poll_expired(deadline, cx)?.is_ready();
            ready |= !self.outbox.is_empty() && self.device.poll_writable(cx)?.is_ready();
        }
        if ready { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.link.is_active() { Poll::Ready(Ok(())) } else { self.device.poll_writable(cx) }
    }
}

#[cfg(test)]
mod tests;
