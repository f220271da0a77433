//! The TUN device that [`open`](super::open) gives.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;

use super::Device;
use super::tun::Tun;
use super::tun_offload::TunOffload;
use crate::wire::{RxBatch, TxBatch};

/// A TUN device of one kind or the other.
#[derive(Debug)]
pub enum Opened {
    /// Each packet by itself.
    Plain(Tun),
    /// Bursts go whole, and come whole.
    Offload(TunOffload),
}

impl Opened {
    /// The name of the interface.
    pub fn name(&self) -> &str {
        match self {
            Opened::Plain(tun) => tun.name(),
            Opened::Offload(tun) => tun.name(),
        }
    }

    /// How many packets the kernel refused to take: the interface is down, they are not valid to it,
    /// or it had no room for small ones sent many at a time. The counter can be read while the device
    /// is elsewhere.
    pub fn dropped(&self) -> Arc<AtomicU64> {
        match self {
            Opened::Plain(tun) => tun.dropped(),
            Opened::Offload(tun) => tun.dropped(),
        }
    }
}

impl AsFd for Opened {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Opened::Plain(tun) => tun.as_fd(),
            Opened::Offload(tun) => tun.as_fd(),
        }
    }
}

impl Device for Opened {
    fn mtu(&self) -> u16 {
        match self {
            Opened::Plain(tun) => tun.mtu(),
            Opened::Offload(tun) => tun.mtu(),
        }
    }

    fn receive(&mut self, rx: &mut RxBatch, max: usize) -> io::Result<usize> {
        match self {
            Opened::Plain(tun) => tun.receive(rx, max),
            Opened::Offload(tun) => tun.receive(rx, max),
        }
    }

    fn send(&mut self, tx: &mut TxBatch) -> io::Result<()> {
        match self {
            Opened::Plain(tun) => tun.send(tx),
            Opened::Offload(tun) => tun.send(tx),
        }
    }

    fn send_packets(&mut self, packets: &mut VecDeque<Bytes>) -> io::Result<()> {
        match self {
            Opened::Plain(tun) => tun.send_packets(packets),
            Opened::Offload(tun) => tun.send_packets(packets),
        }
    }
}
