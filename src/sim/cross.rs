//! Traffic that heeds nobody: packets at a constant rate, through the link that flows share.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;

use super::{Clock, World};
use crate::device::impair::Direction;
use crate::net::{Net, UdpSocket};
use crate::time::{Duration, Instant};
use crate::wire::ip::IPV4_HEADER_LEN;
use crate::wire::udp;

/// The port to which it goes (discard, RFC 863).
const PORT: u16 = 9;
/// Headers of each packet, in bytes.
const HEADERS: u64 = (IPV4_HEADER_LEN + udp::HEADER_LEN) as u64;
/// The highest rate: beyond it a packet would take less than the clock can tell.
const MAX_RATE: u64 = 100_000_000_000;

/// UDP at a constant rate, between two hosts of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cross {
    /// Bits per second, IP headers included.
    pub rate: u64,
    /// Length of each packet, IP header included, in bytes.
    pub size: u64,
    /// When it begins.
    pub from: Duration,
    /// When it ends; `None`: with the simulation.
    pub to: Option<Duration>,
    /// Which way it takes.
    pub direction: Direction,
}

/// Packets of cross traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CrossTally {
    /// That were sent.
    pub sent: u64,
    /// That arrived at the other end.
    pub arrived: u64,
}

/// A tally in the making.
pub(super) type Counting = Rc<Cell<CrossTally>>;

impl Cross {
    /// What cannot be with packets of at most `mtu` bytes, in a sentence.
    pub(super) fn problem(&self, mtu: u16) -> Option<String> {
        let Cross { rate, size, .. } = self;
        if !(1..=MAX_RATE).contains(rate) {
            Some(format!("cross traffic of {rate} bit/s cannot be; allowed: 1bit to 100gbit"))
        } else if !(HEADERS..=u64::from(mtu)).contains(size) {
            Some(format!(
                "cross traffic in packets of {size} bytes cannot be; allowed: {HEADERS}b, which are all header, to {mtu}b, the MTU"
            ))
        } else if self.to.is_some_and(|to| to <= self.from) {
            Some("cross traffic must end after it begins: 'to' is not later than 'from'".to_owned())
        } else {
            None
        }
    }

    /// Lets it run from `source` to `sink`, which has the address `ip`, and counts.
    pub(super) fn start(self, world: &mut World, source: Net, sink: Net, ip: IpAddr) -> Counting {
        let tally = Counting::default();
        let (clock, to) = (world.clock(), SocketAddr::new(ip, PORT));
        world.spawn_service(receive(sink, Rc::clone(&tally)));
        world.spawn_service(self.send(source, clock, to, Rc::clone(&tally)));
        tally
    }

    async fn send(self, net: Net, clock: Clock, to: SocketAddr, tally: Counting) {
        let socket = UdpSocket::bind(&net, ([0, 0, 0, 0], PORT)).await.expect("a free port");
        let data = Bytes::from(vec![0; (self.size - HEADERS) as usize]);
        for number in 0.. {
            let at = self.from + self.time_of(number);
            if self.to.is_some_and(|end| at >= end) {
                return;
            }
            clock.sleep_until(Instant::ZERO + at).await;
            let sent = socket.send_chunk_to(data.clone(), to).await.is_ok();
            tally.update(|tally| CrossTally { sent: tally.sent + u64::from(sent), ..tally });
        }
    }

    /// How long after the first packet the one with this number is sent.
    fn time_of(&self, number: u64) -> Duration {
        let bits = u128::from(number) * u128::from(self.size) * 8;
        let nanos = bits * 1_000_000_000 / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

async fn receive(net: Net, tally: Counting) {
    let socket = UdpSocket::bind(&net, ([0, 0, 0, 0], PORT)).await.expect("a free port");
    while socket.recv_chunk_from().await.is_ok() {
        tally.update(|tally| CrossTally { arrived: tally.arrived + 1, ..tally });
    }
}
