//! The `smoltcp` crate at both ends of a link of the simulator: what `scripts/sim-compare` compares with.
//!
//! ```text
//! smoltcp_netsim --loss 10% --seed 1 --runs 5      a line for each seed: the seed, and the seconds it took
//! ```
//!
//! It is the setting of smoltcp's own `tests/netsim.rs`, written anew for the link that `glasstcp sim` has, so
//! that both lose the packets of the same numbers: half of the round trip each way, losses in both
//! directions, no limit of the rate, MTU 1500, and smoltcp as it comes (no congestion control, Nagle's
//! algorithm, acknowledgments delayed by 10 ms). Theirs has Ethernet below, where addresses are asked for
//! first; this one begins with the SYN.

use std::cell::RefCell;

use anyhow::{Context, bail};
use bytes::Bytes;
use clap::Parser;
use glasstcp::device::impair::units::{parse_share, parse_size, parse_time};
use glasstcp::device::impair::{Direction, Impairment, Share, Spec};
use glasstcp::time;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

const MTU: usize = 1500;
const PORT: u16 = 1234;
const CLIENT_PORT: u16 = 65_000;
/// A simulation that takes longer stands still.
const PATIENCE: u64 = 10_000_000;

/// Simulate transfers between two stacks of the smoltcp crate
#[derive(Debug, Parser)]
struct Args {
    /// Bytes to transfer
    #[arg(long, default_value = "10m", value_parser = parse_size)]
    bytes: u64,
    /// The round-trip time
    #[arg(long, default_value = "100ms", value_parser = parse_time)]
    rtt: std::time::Duration,
    /// Send buffer and receive buffer
    #[arg(long, default_value = "32k", value_parser = parse_size)]
    buffer: u64,
    /// The share of packets that are lost, in each direction
    #[arg(long, default_value = "0%", value_parser = parse_share)]
    loss: Share,
    /// From which all chance comes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many simulations, on this seed and those after it
    #[arg(long, default_value_t = 1)]
    runs: u64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let spec = format!("delay={}us loss={}", args.rtt.as_micros() / 2, args.loss);
    let spec: Spec = spec.parse().with_context(|| format!("the link {spec:?}"))?;
    for seed in args.seed..args.seed + args.runs {
        println!("{seed} {:.6}", simulate(&args, &spec, seed)?);
    }
    Ok(())
}

/// How many seconds one transfer takes.
fn simulate(args: &Args, spec: &Spec, seed: u64) -> anyhow::Result<f64> {
    let link = |direction| -> anyhow::Result<RefCell<Impairment>> {
        let mut link = Impairment::new(direction, seed);
        link.apply(time::Instant::ZERO, spec)?;
        Ok(RefCell::new(link))
    };
    let (out, back) = (link(Direction::Out)?, link(Direction::In)?);
    let buffer = usize::try_from(args.buffer)?;
    let mut sender = Host::new(1, buffer, End { tx: &out, rx: &back });
    let mut receiver = Host::new(2, buffer, End { tx: &back, rx: &out });
    receiver.socket().listen(PORT)?;
    let Host { iface, sockets, handle, .. } = &mut sender;
    let socket = sockets.get_mut::<Socket<'_>>(*handle);
    socket.connect(iface.context(), (IpAddress::v4(10, 0, 0, 2), PORT), CLIENT_PORT)?;
    let (mut now, mut received) = (Instant::ZERO, 0);
    for _ in 0..PATIENCE {
        receiver.poll(now);
        let socket = receiver.socket();
        while socket.can_recv() {
            received += socket.recv(|text| (text.len(), text.len() as u64))?;
        }
        if received >= args.bytes {
            return Ok(now.total_micros() as f64 / 1e6);
        }
        sender.poll(now);
        let socket = sender.socket();
        while socket.can_send() {
            socket.send(|room| (room.len(), ()))?;
        }
        let links = [&out, &back].map(|link| link.borrow().next_deadline());
        let links = links.into_iter().flatten().map(|at| Instant::from_micros(ceil_micros(at)));
        let hosts = [sender.poll_at(now), receiver.poll_at(now)].into_iter().flatten();
        let next = links.chain(hosts).min().context("nothing will ever happen again")?;
        now = now.max(next);
    }
    bail!("{received} bytes have arrived at {now}, and there is no end")
}

/// The clock of smoltcp counts microseconds; a packet is there in the first that is not too early.
fn ceil_micros(at: time::Instant) -> i64 {
    at.as_nanos().div_ceil(1000) as i64
}

fn at(now: Instant) -> time::Instant {
    time::Instant::from_nanos(now.total_micros() as u64 * 1000)
}

/// A stack with one socket.
struct Host<'a> {
    iface: Interface,
    device: End<'a>,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

impl<'a> Host<'a> {
    fn new(last: u8, buffer: usize, mut device: End<'a>) -> Host<'a> {
        let config = Config::new(HardwareAddress::Ip);
        let mut iface = Interface::new(config, &mut device, Instant::ZERO);
        iface.update_ip_addrs(|addresses| {
            let _ = addresses.push(IpCidr::new(IpAddress::v4(10, 0, 0, last), 8));
        });
        let mut sockets = SocketSet::new(Vec::new());
        let room = || SocketBuffer::new(vec![0; buffer]);
        let mut socket = Socket::new(room(), room());
        socket.set_congestion_control(CongestionControl::None);
        let handle = sockets.add(socket);
        Host { iface, device, sockets, handle }
    }

    fn socket(&mut self) -> &mut Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    fn poll(&mut self, now: Instant) {
        self.iface.poll(now, &mut self.device, &mut self.sockets);
    }

    fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        self.iface.poll_at(now, &self.sockets)
    }
}

/// One end of the link.
struct End<'a> {
    tx: &'a RefCell<Impairment>,
    rx: &'a RefCell<Impairment>,
}

impl Device for End<'_> {
    type RxToken<'t>
        = Arrived
    where
        Self: 't;
    type TxToken<'t>
        = Departure<'t>
    where
        Self: 't;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = MTU;
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }

    fn receive(&mut self, now: Instant) -> Option<(Arrived, Departure<'_>)> {
        let packet = self.rx.borrow_mut().pop(at(now))?;
        Some((Arrived(packet), Departure { link: self.tx, now }))
    }

    fn transmit(&mut self, now: Instant) -> Option<Departure<'_>> {
        Some(Departure { link: self.tx, now })
    }
}

struct Arrived(Bytes);

impl phy::RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

struct Departure<'t> {
    link: &'t RefCell<Impairment>,
    now: Instant,
}

impl phy::TxToken for Departure<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut packet = vec![0; len];
        let result = write(&mut packet);
        self.link.borrow_mut().push(at(self.now), packet.into());
        result
    }
}
