//! Devices that a task can wait for.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::device::Device;
use crate::device::memory::Memory;
use crate::wire::{RxBatch, TxBatch};

/// A device that says when it is worth trying again.
pub trait AsyncDevice: Device {
    /// Ready when [`Device::receive`] has something, or fails; otherwise the task is woken then.
    /// Only the last task that asked is woken.
    ///
    /// # Errors
    /// When the device cannot be waited for any more.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// The same for [`Device::send`], after it has left something over.
    ///
    /// # Errors
    /// When the device cannot be waited for any more.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl AsyncDevice for Memory {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Memory::poll_readable(self, cx).map(Ok)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Memory::poll_writable(self, cx).map(Ok)
    }
}

/// After so many looks in a row that nobody had to wait for, a device counts as busy. Looks for a single
/// packet, as in a dialogue, do not count: their driver soon waits again.
pub(super) const BUSY: u32 = 64;

/// A device with a non-blocking file descriptor, waited for by tokio.
///
/// Readiness is edge-triggered: it is forgotten only when a call that began after it was learned of
/// found the device drained or full, so nothing that arrives meanwhile is overlooked.
///
/// For every packet that arrives the kernel looks at every registration with epoll, awaited or not.
/// So a device that keeps its driver busy is not registered, until the driver waits again.
#[derive(Debug)]
pub struct FdDevice<D> {
    device: D,
    /// Registered for reading alone, unless the device is busy. Writing then counts as ready only if
    /// the descriptor is in error, as that of a TUN device which was deleted: epoll reports no more.
    reading: Watch,
    /// Looks for a batch since somebody last waited for one.
    unawaited: u32,
    /// Registered for writing, only while the device is full.
    writing: Watch,
    /// The descriptor is in error; the next call on the device says which.
    failed: bool,
}

impl<D: Device + AsFd> FdDevice<D> {
    /// Registers `device`, whose descriptor must be non-blocking, with the current tokio runtime.
    ///
    /// # Errors
    /// When the descriptor cannot be duplicated or is not of a kind that can be waited for.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O enabled.
    pub fn new(device: D) -> io::Result<FdDevice<D>> {
        let mut reading = Watch::new(device.as_fd())?;
        reading.begin(Interest::READABLE)?;
        let writing = Watch::new(device.as_fd())?;
        Ok(FdDevice { device, reading, unawaited: 0, writing, failed: false })
    }
}

impl<D> FdDevice<D> {
    /// The device within.
    pub fn get_ref(&self) -> &D {
        &self.device
    }
}

impl<D: Device> Device for FdDevice<D> {
    fn mtu(&self) -> u16 {
        self.device.mtu()
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        self.unawaited = self.unawaited.saturating_add((max > 1).into());
        if self.unawaited >= BUSY {
            self.reading.end();
        }
        let device = &mut self.device;
        let Some(reading) = self.reading.get().filter(|_| !self.failed) else {
            return device.receive(rx, max);
        };
        let mut count = None;
        let outcome = reading.try_io(Interest::READABLE, |_| {
            let received = *count.insert(device.receive(rx, max)?);
            if received < max { drained() } else { Ok(()) }
        });
        ignore_would_block(outcome)?;
        match count {
            Some(count) => Ok(count),
            // Tokio knows only what its last look at epoll told it; the device may have more by now.
            None => device.receive(rx, max),
        }
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        self.send_all(|device| {
            device.send(tx)?;
            Ok(tx.is_empty())
        })
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        self.send_all(|device| {
            device.send_packets(packets)?;
            Ok(packets.is_empty())
        })
    }
}

impl<D> FdDevice<D> {
    /// Has `send` do its work, which says whether the device has taken everything, unless it is known to
    /// be full.
    fn send_all(&mut self, send: impl FnOnce(&mut D) -> io::Result<bool>) -> io::Result<()> {
        let device = &mut self.device;
        let Some(writing) = self.writing.get() else {
            return send(device).map(drop);
        };
        let mut all = false;
        let outcome = writing.try_io(Interest::WRITABLE, |_| {
            all = send(device)?;
            if all { Ok(()) } else { drained() }
        });
        if all {
            self.writing.end();
        }
        ignore_would_block(outcome)
    }
}

impl<D: Device + AsFd> AsyncDevice for FdDevice<D> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.unawaited = 0;
        let reading = self.reading.begin(Interest::READABLE)?;
        if reading.poll_write_ready(cx)?.is_ready() {
            self.failed = true;
            return Poll::Ready(Ok(()));
        }
        reading.poll_read_ready(cx).map_ok(drop)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let writing = self.writing.begin(Interest::WRITABLE)?;
        writing.poll_write_ready(cx).map_ok(drop)
    }
}

/// How a closure tells tokio that the device will become ready later.
fn drained() -> io::Result<()> {
    Err(io::ErrorKind::WouldBlock.into())
}

fn ignore_would_block(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        outcome => outcome,
    }
}

/// A descriptor that tokio watches now and then. It is the same one each time: later there may be none.
#[derive(Debug)]
enum Watch {
    Unwatched(OwnedFd),
    Watched(AsyncFd<OwnedFd>),
    /// Tokio refused it, and the driver ends with the reason.
    Lost,
}

impl Watch {
    /// Of the file behind `fd`, not yet watched.
    fn new(fd: BorrowedFd<'_>) -> io::Result<Watch> {
        fd.try_clone_to_owned().map(Watch::Unwatched)
    }

    /// The watch, if there is one.
    fn get(&self) -> Option<&AsyncFd<OwnedFd>> {
        match self {
            Watch::Watched(watched) => Some(watched),
            Watch::Unwatched(_) | Watch::Lost => None,
        }
    }

    /// Has it watched from now on.
    fn begin(&mut self, interest: Interest) -> io::Result<&mut AsyncFd<OwnedFd>> {
        *self = match mem::replace(self, Watch::Lost) {
            Watch::Unwatched(own) => Watch::Watched(register(own, interest)?),
            watched => watched,
        };
        match self {
            Watch::Watched(watched) => Ok(watched),
            Watch::Unwatched(_) | Watch::Lost => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Has it not watched any more.
    fn end(&mut self) {
        *self = match mem::replace(self, Watch::Lost) {
            Watch::Watched(watched) => Watch::Unwatched(watched.into_inner()),
            unwatched => unwatched,
        };
    }
}

/// Has tokio watch the file of a descriptor.
#[allow(unsafe_code, reason = "the one way into tokio's reactor for a descriptor of any kind")]
pub(super) fn register(own: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the `AsyncFd` owns the descriptor and gives it to nobody, so it stays open and the
    // same until the `AsyncFd` is dropped or gives it back.
    let registered = unsafe { AsyncFd::register_with_interest(own, interest) };
    registered.map_err(io::Error::from)
}

#[cfg(test)]
mod tests;
