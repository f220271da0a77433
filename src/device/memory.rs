//! Two devices joined by a wire in memory, for tests and examples: what one sends the other
//! receives, cut into packets exactly as on a plain TUN device.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::{Device, gso};
use crate::sync::{Mutex, MutexGuard};
use crate::wire::{Packet, RxBatch, TxBatch};

/// Most packets on their way in one direction.
const QUEUE_PACKETS: usize = 1024;

/// One end of the wire. When the other end is dropped, what is sent gets lost and nothing arrives
/// any more, as with a cable that was pulled.
#[derive(Debug)]
pub struct Memory {
    mtu: u16,
    incoming: Arc<Lane>,
    outgoing: Arc<Lane>,
}

/// The two ends of a new wire for packets of up to `mtu` bytes. Each may live on its own thread.
/// Up to 1,024 packets fit in each direction; then [`Device::send`] leaves the rest to its caller.
pub fn pair(mtu: u16) -> (Memory, Memory) {
    let (left, right) = (Arc::new(Lane::default()), Arc::new(Lane::default()));
    let one = Memory { mtu, incoming: Arc::clone(&left), outgoing: Arc::clone(&right) };
    let other = Memory { mtu, incoming: right, outgoing: left };
    (one, other)
}

impl Memory {
    /// Ready when a packet waits to be received; otherwise the task is woken when one comes. Only
    /// the last task that asked is remembered.
    pub fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut lane = self.incoming.lock();
        if lane.packets.is_empty() {
            remember(&mut lane.reader, cx);
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Ready when a packet can be sent; otherwise the task is woken when there is room. Only the
    /// last task that asked is remembered.
    pub fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut lane = self.outgoing.lock();
        if lane.is_full() {
            remember(&mut lane.writer, cx);
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Lets `fill` put packets, up to the MTU in length, into the lane to the other end, and wakes who
    /// waits for them there.
    fn fill_lane(&mut self, fill: impl FnOnce(&mut LaneState, u16)) {
        let mut lane = self.outgoing.lock();
        let before = lane.packets.len();
        fill(&mut lane, self.mtu);
        let reader = if lane.packets.len() > before { lane.reader.take() } else { None };
        drop(lane);
        wake(reader);
    }
}

impl Device for Memory {
    fn mtu(&self) -> u16 {
        self.mtu
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        let mut lane = self.incoming.lock();
        let count = max.min(lane.packets.len());
        rx.extend(lane.packets.drain(..count).map(Packet::new));
        let writer = if count > 0 { lane.writer.take() } else { None };
        drop(lane);
        wake(writer);
        Ok(count)
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        self.fill_lane(|lane, mtu| {
            while let Some(burst) = tx.front_mut() {
                let cut = gso::cut(burst, |parts| {
                    let len: usize = parts.iter().map(|part| part.len()).sum();
                    debug_assert!(len <= usize::from(mtu), "a packet beyond the MTU");
                    lane.push(|| gso::join(parts))
                });
                if cut.is_err() {
                    break;
                }
                tx.pop_front();
            }
        });
        Ok(())
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        self.fill_lane(|lane, _| {
            while let Some(packet) = packets.front()
                && lane.push(|| packet.clone()).is_ok()
            {
                packets.pop_front();
            }
        });
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let mut incoming = self.incoming.lock();
        incoming.cut = true;
        incoming.packets.clear();
        let writer = incoming.writer.take();
        drop(incoming);
        wake(writer);
    }
}

/// One direction of a wire.
#[derive(Debug, Default)]
struct Lane(Mutex<LaneState>);

#[derive(Debug, Default)]
struct LaneState {
    packets: VecDeque<Bytes>,
    /// Nobody is left to receive.
    cut: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The lane has no room.
struct Full;

impl Lane {
    /// The state; a panic of another thread cannot leave it half changed.
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LaneState {
    fn is_full(&self) -> bool {
        !self.cut && self.packets.len() >= QUEUE_PACKETS
    }

    fn push(&mut self, packet: impl FnOnce() -> Bytes) -> Result<(), Full> {
        if self.is_full() {
            return Err(Full);
        }
        if !self.cut {
            self.packets.push_back(packet());
        }
        Ok(())
    }
}

/// Stores the waker of the task, unless it is there already.
fn remember(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests;
