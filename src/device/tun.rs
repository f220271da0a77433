//! A plain TUN device: one system call a packet (fewer for small ones, where io_uring is allowed), no
//! offload.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use filedescriptor::FileDescriptor;
use rustix::io::Errno;
use tun_tap::{Iface, Mode};

use super::pool::Pool;
use super::uring::Ring;
use super::{Device, gso};
use crate::wire::{Packet, RxBatch, TxBatch};

/// Packets up to this many bytes are put together before they are written: for so few, a copy is
/// cheaper than to have the kernel walk over a list of slices.
const JOIN_MAX: usize = 2048;

/// An open TUN device. The kernel removes the interface when it is dropped, unless somebody made it
/// persistent before.
///
/// Its reads and writes go around libc, where each would be a point of cancellation of threads.
#[derive(Debug)]
pub struct Tun {
    file: OwnedFd,
    name: String,
    mtu: u16,
    pool: Pool,
    dropped: Arc<AtomicU64>,
    joined: Box<[u8; JOIN_MAX]>,
    ring: Option<Ring>,
}

impl Tun {
    /// Attaches to the TUN interface `name` in the network namespace of the calling thread, makes
    /// it when it does not exist, and never blocks on it. The interface still needs an address, the
    /// MTU and to be up: see [`super::open`].
    ///
    /// # Errors
    /// `ENOENT` or `ENODEV` without the driver, `EACCES` or `EPERM` without the right to make a
    /// device, `EBUSY` when another program is attached, `EINVAL` when `name` is another kind of
    /// interface.
    pub fn attach(name: &str, mtu: u16) -> io::Result<Tun> {
        let iface = Iface::without_packet_info(name, Mode::Tun)?;
        iface.set_non_blocking()?;
        // `Iface` keeps its descriptor to itself; a duplicate is the same open device.
        let file = FileDescriptor::dup(&iface)
            .and_then(|descriptor| descriptor.as_file())
            .map_err(io::Error::other)?;
        Ok(Tun {
            file: file.into(),
            name: iface.name().to_owned(),
            mtu,
            pool: Pool::new(mtu),
            dropped: Arc::default(),
            joined: Box::new([0; JOIN_MAX]),
            ring: Ring::new().ok(),
        })
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many packets the kernel refused to take: the interface is down, they are not valid to it,
    /// or it had no room for small ones sent many at a time. The counter can be read while the device
    /// is elsewhere.
    pub fn dropped(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.dropped)
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Device for Tun {
    fn mtu(&self) -> u16 {
        self.mtu
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        let file = &self.file;
        let mut count = 0;
        while count < max {
            match self.pool.receive(|buffer| rustix::io::read(file, buffer)) {
                Ok(packet) => {
                    rx.push_back(Packet::new(packet));
                    count += 1;
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(explain(errno, &self.name)),
            }
        }
        Ok(count)
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        if let Err(errno) = self.send_small(tx) {
            return Err(explain(errno, &self.name));
        }
        while let Some(burst) = tx.front_mut() {
            let joined = &mut *self.joined;
            match gso::cut(burst, |parts| write(&self.file, parts, joined, &self.dropped)) {
                Ok(()) => {
                    tx.pop_front();
                }
                // The kernel has no room for more packets now.
                Err(Errno::AGAIN | Errno::NOBUFS) => return Ok(()),
                Err(errno) => return Err(explain(errno, &self.name)),
            }
        }
        Ok(())
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        while let Some(packet) = packets.front() {
            let parts = [IoSlice::new(packet)];
            match write(&self.file, &parts, &mut self.joined, &self.dropped) {
                Ok(()) => {
                    packets.pop_front();
                }
                Err(Errno::AGAIN | Errno::NOBUFS) => return Ok(()),
                Err(errno) => return Err(explain(errno, &self.name)),
            }
        }
        Ok(())
    }
}

impl Tun {
    /// Sends the small packets at the front of `tx`, if there are many.
    fn send_small(&mut self, tx: &mut TxBatch) -> Result<(), Errno> {
        let Some(ring) = &mut self.ring else {
            return Ok(());
        };
        let (file, joined, dropped) = (&self.file, &mut self.joined, &self.dropped);
        let mut unsupported = false;
        let sent = ring.send(tx, file.as_fd(), |packet, errno| {
            unsupported |= errno == Errno::OPNOTSUPP;
            match write(file, &[IoSlice::new(packet)], joined, dropped) {
                // It is out of `tx`, and cannot wait.
                Err(Errno::AGAIN | Errno::NOBUFS) => {
                    dropped.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                }
                written => written,
            }
        });
        if unsupported || ring.has_failed() {
            // Unsupported: a driver from before Linux 6.4, for which a ring would always have to wait.
            self.ring = None;
        }
        sent
    }
}

/// Writes one packet. One that the kernel will never take is dropped and counted, as a network
/// card would.
fn write(
    file: &OwnedFd,
    parts: &[IoSlice<'_>],
    joined: &mut [u8; JOIN_MAX],
    dropped: &AtomicU64,
) -> Result<(), Errno> {
    let len = parts.iter().map(|part| part.len()).sum();
    if let Some(packet) = joined.get_mut(..len) {
        let mut rest = &mut packet[..];
        for part in parts {
            let (front, back) = rest.split_at_mut(part.len());
            front.copy_from_slice(part);
            rest = back;
        }
    }
    loop {
        let written = match joined.get(..len) {
            Some(packet) => rustix::io::write(file, packet),
            None => rustix::io::writev(file, parts),
        };
        match written {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(Errno::INVAL | Errno::IO | Errno::MSGSIZE | Errno::NOMEM) => {
                dropped.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            Err(errno) => return Err(errno),
        }
    }
}

/// Says what happened when the interface was deleted under us.
fn explain(errno: Errno, name: &str) -> io::Error {
    match errno {
        Errno::BADFD | Errno::FAULT => io::Error::new(
            ErrorKind::NotConnected,
            format!("the network device {name} is gone: somebody has deleted it"),
        ),
        errno => errno.into(),
    }
}
