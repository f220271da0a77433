//! A plain TUN device: one system call a packet (fewer for small ones, where io_uring is allowed), no
//! offload.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use filedescriptor::FileDescriptor;
use tun_tap::{Iface, Mode};

use super::pool::Pool;
use super::writer::{self, Writer, explain};
use super::{Device, gso, tun_offload};
use crate::wire::{Burst, Packet, RxBatch, TxBatch};

/// An open TUN device. The kernel removes the interface when it is dropped, unless somebody made it
/// persistent before.
#[derive(Debug)]
pub struct Tun {
    file: OwnedFd,
    mtu: u16,
    pool: Pool,
    writer: Writer,
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
        tun_offload::turn_off(file.as_fd())?;
        let writer = Writer::new(iface.name().to_owned());
        Ok(Tun { file: file.into(), mtu, pool: Pool::new(mtu), writer })
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        self.writer.name()
    }

    /// How many packets the kernel refused to take: the interface is down, they are not valid to it,
    /// or it had no room for small ones sent many at a time. The counter can be read while the device
    /// is elsewhere.
    pub fn dropped(&self) -> Arc<AtomicU64> {
        self.writer.dropped()
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
        let Tun { file, pool, writer, .. } = self;
        let read = |buffer: &mut [u8]| rustix::io::read(&*file, buffer);
        let received = pool.receive_batch(rx, max, read, |bytes| Some(Packet::new(bytes)));
        received.map_err(|errno| explain(errno, writer.name()))
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        let Tun { file, writer, .. } = self;
        writer.send_small(tx, file.as_fd(), put)?;
        writer.send_all(tx, |writer, burst| gso::cut(burst, |parts| writer.write(&*file, parts)))
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        let Tun { file, writer, .. } = self;
        writer.send_all(packets, |writer, packet| writer.write(&*file, &[IoSlice::new(packet)]))
    }
}

/// Puts together the one packet of a burst.
pub(super) fn put(burst: &mut Burst, out: &mut [u8]) -> usize {
    let mut len = 0;
    let Ok(()) = gso::cut(burst, |parts| {
        len = writer::join(parts, out);
        Ok::<(), Infallible>(())
    });
    len
}
