//! Where packets come from and go to.
//!
//! ```text
//!   open -> netns (where), tun (what), link (address, MTU, up)
//!   tun    -> pool (receive without a copy), gso (cut bursts),
//!             uring (many small packets in one system call)     a plain TUN device
//!   memory -> gso                                               a wire in memory, for tests
//! ```

pub mod gso;
pub mod impair;
pub mod link;
pub mod memory;
pub mod netns;
mod open;
pub mod pool;
pub mod tun;
mod uring;

pub use open::{Guard, OpenConfig, OpenError, check_name, open};

use std::io;

use crate::wire::{RxBatch, TxBatch};

/// A source and sink of IP packets that works in batches and never blocks.
pub trait Device {
    /// Largest IP packet it carries, in bytes.
    fn mtu(&self) -> u16;

    /// Appends up to `max` received packets to `rx` and says how many; fewer than `max` means that
    /// the device is drained (for a descriptor: it answered `EAGAIN`).
    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize>;

    /// Sends bursts from the front of `tx` and removes them, cutting those that the device cannot
    /// take whole. What is left in `tx` at `Ok` did not fit: try again when the device is writable.
    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()>;
}
