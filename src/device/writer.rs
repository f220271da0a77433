//! Writing packets to a TUN device: one system call each, but for many small ones.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

use super::uring::Ring;
use crate::wire::{Burst, TxBatch};

/// Packets up to this many bytes are put together before they are written: for so few, a copy is
/// cheaper than to have the kernel walk over a list of slices.
const JOIN_MAX: usize = 2048;

/// What writes to a device need, and count.
///
/// They go around libc, where each would be a point of cancellation of threads.
#[derive(Debug)]
pub(super) struct Writer {
    /// The name of the interface.
    name: String,
    dropped: Arc<AtomicU64>,
    joined: Box<[u8; JOIN_MAX]>,
    ring: Option<Ring>,
}

impl Writer {
    pub(super) fn new(name: String) -> Writer {
        let joined = Box::new([0; JOIN_MAX]);
        Writer { name, dropped: Arc::default(), joined, ring: Ring::new().ok() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How many packets the kernel refused to take.
    pub(super) fn dropped(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.dropped)
    }

    /// Has `write` write what is in `queue` and removes it from there, until the kernel has no room for more.
    ///
    /// # Errors
    /// Those after which nothing can be written any more.
    pub(super) fn send_all<T>(
        &mut self,
        queue: &mut VecDeque<T>,
        mut write: impl FnMut(&mut Writer, &mut T) -> Result<(), Errno>,
    ) -> io::Result<()> {
        while let Some(first) = queue.front_mut() {
            match write(self, first) {
                Ok(()) => drop(queue.pop_front()),
                Err(Errno::AGAIN | Errno::NOBUFS) => return Ok(()),
                Err(errno) => return Err(explain(errno, &self.name)),
            }
        }
        Ok(())
    }

    /// Writes the small packets at the front of `tx`, if there are many, and removes them. `put` puts one together,
    /// and says how long it has become.
    ///
    /// # Errors
    /// Those after which nothing can be written any more.
    pub(super) fn send_small(
        &mut self,
        tx: &mut TxBatch,
        file: BorrowedFd<'_>,
        put: impl FnMut(&mut Burst, &mut [u8]) -> usize,
    ) -> io::Result<()> {
        let Some(mut ring) = self.ring.take() else {
            return Ok(());
        };
        let mut unsupported = false;
        let sent = ring.send(tx, file, put, |packet, errno| {
            unsupported |= errno == Errno::OPNOTSUPP;
            match self.write(file, &[IoSlice::new(packet)]) {
                // It is out of `tx`, and cannot wait.
                Err(Errno::AGAIN | Errno::NOBUFS) => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
                written => written,
            }
        });
        // Unsupported: a driver from before Linux 6.4, for which a ring would always have to wait.
        if !unsupported && !ring.has_failed() {
            self.ring = Some(ring);
        }
        sent.map_err(|errno| explain(errno, &self.name))
    }

    /// Writes one packet. One that the kernel will never take is dropped and counted, as a network
    /// card would.
    pub(super) fn write(&mut self, file: impl AsFd, parts: &[IoSlice<'_>]) -> Result<(), Errno> {
        let len = parts.iter().map(|part| part.len()).sum();
        if let Some(packet) = self.joined.get_mut(..len) {
            join(parts, packet);
        }
        loop {
            let written = match self.joined.get(..len) {
                Some(packet) => rustix::io::write(&file, packet),
                None => rustix::io::writev(&file, parts),
            };
            match written {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::INVAL | Errno::IO | Errno::MSGSIZE | Errno::NOMEM) => {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(errno) => return Err(errno),
            }
        }
    }
}

/// Copies `parts` to the front of `out`, one behind the other, and says how long they are together.
pub(super) fn join(parts: &[IoSlice<'_>], out: &mut [u8]) -> usize {
    let mut len = 0;
    for part in parts {
        out[len..len + part.len()].copy_from_slice(part);
        len += part.len();
    }
    len
}

/// Says what happened when the interface was deleted under us.
pub(super) fn explain(errno: Errno, name: &str) -> io::Error {
    match errno {
        Errno::BADFD | Errno::FAULT => io::Error::new(
            ErrorKind::NotConnected,
            format!("the network device {name} is gone: somebody has deleted it"),
        ),
        errno => errno.into(),
    }
}
