//! smoltcp, with a device of packet queues.

use std::cell::Cell;
use std::collections::VecDeque;

use bytes::Bytes;
use glasstcp::time::Instant;
use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{AnySocket, tcp};
use smoltcp::time::Instant as TheirInstant;
use smoltcp::wire::{HardwareAddress, IpCidr, Ipv4Address};

pub const THEIR_IP: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

thread_local! {
    /// smoltcp asks a plain function for timestamps, so their clock is beside the world.
    static TIMESTAMP_CLOCK: Cell<u32> = const { Cell::new(0) };
}

pub struct Queues {
    pub arrived: VecDeque<Bytes>,
    pub to_send: Vec<Bytes>,
    mtu: usize,
}

pub struct Arrived(Bytes);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

pub struct ToSend<'a>(&'a mut Vec<Bytes>);

impl TxToken for ToSend<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet.into());
        result
    }
}

impl Device for Queues {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = ToSend<'a>;

    fn receive(&mut self, _: TheirInstant) -> Option<(Arrived, ToSend<'_>)> {
        let packet = self.arrived.pop_front()?;
        Some((Arrived(packet), ToSend(&mut self.to_send)))
    }

    fn transmit(&mut self, _: TheirInstant) -> Option<ToSend<'_>> {
        Some(ToSend(&mut self.to_send))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

pub struct Peer {
    pub interface: Interface,
    pub device: Queues,
    pub sockets: SocketSet<'static>,
}

/// Their clock counts microseconds.
fn their(now: Instant) -> TheirInstant {
    TheirInstant::from_micros((now.as_nanos() / 1000) as i64)
}

impl Peer {
    pub fn new(mtu: usize, now: Instant) -> Peer {
        let mut device = Queues { arrived: VecDeque::new(), to_send: Vec::new(), mtu };
        let mut config = iface::Config::new(HardwareAddress::Ip);
        config.random_seed = 7;
        let mut interface = Interface::new(config, &mut device, their(now));
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(THEIR_IP.into(), 24)).expect("there is room for one");
        });
        Peer { interface, device, sockets: SocketSet::new(Vec::new()) }
    }

    pub fn poll(&mut self, now: Instant) {
        TIMESTAMP_CLOCK.set(now.as_millis() as u32);
        self.interface.poll(their(now), &mut self.device, &mut self.sockets);
    }

    /// When they want to be polled; may have passed.
    pub fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        let at = self.interface.poll_at(their(now), &self.sockets)?;
        Some(Instant::from_nanos(at.total_micros() as u64 * 1000))
    }

    /// A TCP socket with these buffers.
    pub fn tcp_socket(&mut self, rx: usize, tx: usize, timestamps: bool) -> SocketHandle {
        let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
        let mut socket = tcp::Socket::new(buffer(rx), buffer(tx));
        socket.set_congestion_control(tcp::CongestionControl::Reno);
        if timestamps {
            socket.set_tsval_generator(Some(|| TIMESTAMP_CLOCK.get()));
        }
        self.sockets.add(socket)
    }

    pub fn get<T: AnySocket<'static>>(&mut self, handle: SocketHandle) -> &mut T {
        self.sockets.get_mut(handle)
    }

    pub fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.get(handle)
    }
}
