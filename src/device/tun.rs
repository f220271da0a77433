//! A plain TUN device: one system call a packet, no offload.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use filedescriptor::FileDescriptor;
use nix::errno::Errno;
use tun_tap::{Iface, Mode};

use super::pool::Pool;
use super::{Device, gso};
use crate::wire::{Packet, RxBatch, TxBatch};

/// Packets up to this many bytes are put together before they are written: for so few, a copy is
/// cheaper than to have the kernel walk over a list of slices.
const JOIN_MAX: usize = 2048;

/// An open TUN device. The kernel removes the interface when it is dropped, unless somebody made it
/// persistent before.
#[derive(Debug)]
pub struct Tun {
    file: File,
    name: String,
    mtu: u16,
    pool: Pool,
    dropped: Arc<AtomicU64>,
    joined: Box<[u8; JOIN_MAX]>,
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
            file,
            name: iface.name().to_owned(),
            mtu,
            pool: Pool::new(mtu),
            dropped: Arc::default(),
            joined: Box::new([0; JOIN_MAX]),
        })
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many packets the kernel refused to take (interface down, or not valid to it). The
    /// counter can be read while the device is elsewhere.
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
        let mut file = &self.file;
        let mut count = 0;
        while count < max {
            match self.pool.receive(|buffer| file.read(buffer)) {
                Ok(packet) => {
                    rx.push_back(Packet::new(packet));
                    count += 1;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(explain(error, &self.name)),
            }
        }
        Ok(count)
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        while let Some(burst) = tx.front_mut() {
            let joined = &mut *self.joined;
            match gso::cut(burst, |parts| write(&self.file, parts, joined, &self.dropped)) {
                Ok(()) => {
                    tx.pop_front();
                }
                Err(error) if is_full(&error) => return Ok(()),
                Err(error) => return Err(explain(error, &self.name)),
            }
        }
        Ok(())
    }
}

/// Writes one packet. One that the kernel will never take is dropped and counted, as a network
/// card would.
fn write(
    mut file: &File,
    parts: &[IoSlice<'_>],
    joined: &mut [u8; JOIN_MAX],
    dropped: &AtomicU64,
) -> io::Result<()> {
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
            Some(packet) => file.write(packet),
            None => file.write_vectored(parts),
        };
        let Err(error) = written else {
            return Ok(());
        };
        match errno(&error) {
            Errno::EINTR => {}
            Errno::EINVAL | Errno::EIO | Errno::EMSGSIZE | Errno::ENOMEM => {
                dropped.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            _ => return Err(error),
        }
    }
}

/// Whether the kernel has no room for more packets now.
fn is_full(error: &io::Error) -> bool {
    matches!(errno(error), Errno::EAGAIN | Errno::ENOBUFS)
}

/// Says what happened when the interface was deleted under us.
fn explain(error: io::Error, name: &str) -> io::Error {
    match errno(&error) {
        Errno::EBADFD | Errno::EFAULT => io::Error::new(
            ErrorKind::NotConnected,
            format!("the network device {name} is gone: somebody has deleted it"),
        ),
        _ => error,
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
