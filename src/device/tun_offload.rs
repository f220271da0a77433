//! A TUN device with segmentation offload: bursts go to the kernel whole, and come whole from it.
//!
//! ```text
//!   burst:   header | payload of up to 64 KiB         one system call; the kernel cuts it if it leaves the host
//!   packet:  what the kernel's TCP has sent in one go, uncut, its checksum left out
//! ```
//!
//! Before each stands a header that says so (`header`).

mod attach;
mod header;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrayvec::ArrayVec;
use bytes::{Buf, Bytes};

use super::Device;
use super::gso::{self, Checksums, MAX_PARTS};
use super::pool::Pool;
use super::writer::{self, Writer, explain};
use crate::wire::{Burst, MAX_HEADER, Packet, RxBatch, TxBatch, append};

pub use attach::turn_off;

/// The longest packet with its header, in bytes.
const LONGEST: usize = u16::MAX as usize + header::LEN;

/// The header and that of the packet, in one piece: a slice more costs more than the copy.
type Head = ArrayVec<u8, { header::LEN + MAX_HEADER }>;

/// An open TUN device whose packets the kernel cuts. It goes as a plain one goes.
#[derive(Debug)]
pub struct TunOffload {
    file: OwnedFd,
    mtu: u16,
    checksums: Checksums,
    pool: Pool,
    writer: Writer,
}

impl TunOffload {
    /// As [`Tun::attach`](super::tun::Tun::attach); what is sent has these checksums.
    ///
    /// # Errors
    /// The same, and `EINVAL` when the kernel cannot cut for us.
    pub fn attach(name: &str, mtu: u16, checksums: Checksums) -> io::Result<TunOffload> {
        let file = attach::attach(name, false)?;
        Ok(TunOffload::of(file, name, mtu, checksums))
    }

    /// The same for an interface with `count` queues: the kernel divides what it sends among them by flows, and takes
    /// what is written to any of them.
    ///
    /// # Errors
    /// The same, and `EINVAL` when there is one of that name with one queue.
    pub fn attach_queues(
        name: &str,
        mtu: u16,
        checksums: Checksums,
        count: u16,
    ) -> io::Result<Vec<TunOffload>> {
        let queue = |_| Ok(TunOffload::of(attach::attach(name, true)?, name, mtu, checksums));
        (0..count).map(queue).collect()
    }

    fn of(file: OwnedFd, name: &str, mtu: u16, checksums: Checksums) -> TunOffload {
        let (pool, writer) = (Pool::of_size(LONGEST), Writer::new(name.to_owned()));
        TunOffload { file, mtu, checksums, pool, writer }
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        self.writer.name()
    }

    /// See [`Tun::dropped`](super::tun::Tun::dropped).
    pub fn dropped(&self) -> Arc<AtomicU64> {
        self.writer.dropped()
    }
}

impl AsFd for TunOffload {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Device for TunOffload {
    fn mtu(&self) -> u16 {
        self.mtu
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        let TunOffload { file, pool, writer, .. } = self;
        let read = |buffer: &mut [u8]| rustix::io::read(&*file, buffer);
        let received = pool.receive_batch(rx, max, read, |mut bytes| {
            let (checksum, segment_size) = header::parse(*bytes.first_chunk()?);
            bytes.advance(header::LEN);
            Some(Packet { bytes, checksum, segment_size })
        });
        received.map_err(|errno| explain(errno, writer.name()))
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        let TunOffload { file, writer, checksums, .. } = self;
        writer.send_small(tx, file.as_fd(), |burst, out| put(burst, *checksums, out))?;
        writer.send_all(tx, |writer, burst| {
            whole(burst, *checksums, |parts| writer.write(&*file, parts))
        })
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        let TunOffload { file, writer, .. } = self;
        writer.send_all(packets, |writer, packet| {
            writer.write(&*file, &[IoSlice::new(&header::FINISHED), IoSlice::new(packet)])
        })
    }
}

/// Calls `send` with a burst and the header before it, as a list of slices.
fn whole<E>(
    burst: &mut Burst,
    checksums: Checksums,
    send: impl FnOnce(&[IoSlice<'_>]) -> Result<(), E>,
) -> Result<(), E> {
    let header = header::emit(burst, checksums);
    gso::whole(burst, checksums, |packet_header, payload| {
        let mut head = Head::new();
        append(&mut head, &header);
        append(&mut head, packet_header);
        let mut parts = ArrayVec::<IoSlice<'_>, MAX_PARTS>::new();
        parts.push(IoSlice::new(&head));
        parts.extend(payload.iter().map(|part| IoSlice::new(part)));
        send(&parts)
    })
}

/// Puts a burst together, with the header before it.
fn put(burst: &mut Burst, checksums: Checksums, out: &mut [u8]) -> usize {
    let mut len = 0;
    let Ok(()) = whole(burst, checksums, |parts| {
        len = writer::join(parts, out);
        Ok::<(), Infallible>(())
    });
    len
}
