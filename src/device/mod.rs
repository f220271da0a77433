//! Where packets come from and go to.
//!
//! ```text
//!   open -> netns (where), tun or tun_offload (what), link (address, MTU, up)
//!   tun         -> pool (receive without a copy), gso (cut bursts),
//!                  writer, uring (many small packets in one call)   a plain TUN device
//!   tun_offload -> pool, writer, uring                             one whose bursts the kernel cuts
//!   udp_link    -> pool, gso                        IP packets over a UDP socket, without root
//!   memory      -> gso                              a wire in memory, for tests
//! ```

pub mod gso;
pub mod impair;
pub mod link;
pub mod memory;
pub mod netns;
mod open;
mod opened;
pub mod pool;
pub mod tun;
pub mod tun_offload;
pub mod udp_link;
mod uring;
mod writer;

pub use gso::Checksums;
pub use open::{Guard, Offload, OpenConfig, OpenError, check_name, open, open_queues};
pub use opened::Opened;

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;

use crate::wire::{RxBatch, TxBatch};

/// A source and sink of IP packets that works in batches and never blocks.
pub trait Device {
    /// Largest IP packet it carries, in bytes.
    fn mtu(&self) -> u16;

    /// Appends up to `max` received packets to `rx` and says how many. Of a device behind a descriptor,
    /// fewer than `max` mean that it is drained (it answered `EAGAIN`).
    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize>;

    /// Sends bursts from the front of `tx` and removes them, cutting those that the device cannot
    /// take whole. What is left in `tx` at `Ok` did not fit: try again when the device is writable.
    ///
    /// As it is here, it cuts them all, and copies every packet: for devices to which speed is not all.
    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        let mut packets = VecDeque::new();
        while let Some(burst) = tx.front_mut() {
            let cut = gso::cut(burst, |parts| {
                packets.push_back(gso::join(parts));
                self.send_packets(&mut packets).map_err(Some)?;
                // What did not fit is still in its burst.
                packets.pop_front().map_or(Ok(()), |_| Err(None))
            });
            match cut {
                Ok(()) => drop(tx.pop_front()),
                Err(None) => break,
                Err(Some(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The same for finished packets, which are sent as they are, wrong checksums included.
    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()>;
}
